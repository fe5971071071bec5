# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment in extensions/execution-environment: its lock, its Python packages, its bill of materials."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name

from .commands import BUILD, ROOT, Failed, alone, find_python, install_packages, requirements, run
from .gates import tools
from .package import build, install
from .suite import PYTHONPATH

HERE = ROOT / "extensions" / "execution-environment"
LOCK = HERE / "requirements.txt"
PLACE = BUILD / "environment"
# The Python of the image
PYTHON = "3.12"
# What every image has that can run Python: the C library. meta/ee-bindep.txt names the packages of the others
C_LIBRARY = {"linux-vdso.so.1", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2", "libutil.so.1"}
# Library -> its Debian package in meta/ee-bindep.txt. The compiler's libgcc_s comes with libstdc++
LIBRARIES = {"libstdc++.so.6": "libstdc++6", "libgcc_s.so.1": "libstdc++6", "libz.so.1": "zlib1g"}


def environment() -> None:
    """The execution environment without its container: the locked packages alone run the demo with the installed tarball."""
    with alone(PLACE):
        check_lock()
        python, collections = create()
        check_requirements(python, collections)
        check_libraries(python)
        bill_of_materials(python)
        run(sys.executable, "-m", "demo", PYTHONPATH=PYTHONPATH, DEMO_BIN=str(python.parent), DEMO_COLLECTIONS=str(collections))


def lock() -> None:
    """Pin what the execution environment holds in the versions of tests/requirements.txt."""
    compile_lock(LOCK)


def sbom() -> None:
    """The bill of materials of the execution environment, as CycloneDX."""
    with alone(PLACE):
        python, _collections = create()
        print(f"The bill of materials is in {bill_of_materials(python)}")


def compile_lock(target: Path) -> None:
    """Write a lock. What the file already pins and still fits stays."""
    constraints = ("--python-version", PYTHON, "--python-platform", "linux", "-c", "../../tests/requirements.txt")
    options = ("--quiet", "--no-progress", "--generate-hashes", "--custom-compile-command", "tests/run lock")
    run("uv", "pip", "compile", *options, *constraints, "--output-file", target, "requirements.in", quiet=True, cwd=HERE)


def check_lock() -> None:
    """Raise Failed if the lock does not fit its sources."""
    again = PLACE / LOCK.name
    PLACE.mkdir(exist_ok=True)
    shutil.copy2(LOCK, again)
    compile_lock(again)
    if again.read_text(encoding="utf-8") != LOCK.read_text(encoding="utf-8"):
        raise Failed(f"{LOCK.relative_to(ROOT)} does not fit requirements.in, meta/ee-requirements.txt and tests/requirements.txt: run tests/run lock")


def create() -> tuple[Path, Path]:
    """Install the locked packages and the tarball into empty folders. Return the Python and the folder of collections."""
    base = find_python((PYTHON,))
    if not base:
        raise Failed(f"the image has Python {PYTHON}, and none was found")
    run("uv", "venv", "--quiet", "--clear", "--no-python-downloads", "--python", base, PLACE / "venv")
    python = PLACE / "venv" / "bin" / "python"
    install_packages(python, "--require-hashes", "-r", str(LOCK))
    return python, install(build(), PLACE / "collections")


def check_requirements(python: Path, collections: Path) -> None:
    """Raise Failed if ansible-builder would install anything else, or if the packages contradict each other."""
    wanted = PLACE / "introspected.txt"
    run("ansible-builder", "introspect", collections, "--write-pip", wanted, "--write-bindep", PLACE / "introspected-bindep.txt", quiet=True)
    # Without an index pip can only find what is installed
    run(sys.executable, "-m", "pip", "--isolated", "--python", python, "install", "--quiet", "--no-index", "-r", wanted)
    run("uv", "pip", "check", "--quiet", "--python", python)


def check_libraries(python: Path) -> None:
    """Raise Failed if a package loads a library that neither it nor the C library contains and that no package of the bindep file brings."""
    needed = {name for library in python.parents[1].rglob("*.so*") for name in loaded_from_the_system(library)}
    brought = (PLACE / "introspected-bindep.txt").read_text(encoding="utf-8")
    missing = sorted(name for name in needed - C_LIBRARY if f"{LIBRARIES.get(name, name)} [platform:dpkg]" not in brought)
    if missing or not needed:
        raise Failed(f"meta/ee-bindep.txt names no package for {', '.join(missing) or 'any library'}")


def loaded_from_the_system(library: Path) -> set[str]:
    """Return the names of the libraries outside the environment that a library loads."""
    listed = subprocess.run(["ldd", library], check=False, capture_output=True, text=True).stdout
    lines = [line.split() for line in listed.splitlines() if "=>" in line and str(PLACE) not in line]
    return {line[0] for line in lines}


def bill_of_materials(python: Path) -> Path:
    """Write the bill of materials of an environment, validated against the schema of CycloneDX, and return its path. Raise Failed if it lacks a package."""
    target, about = PLACE / "sbom.cdx.json", PLACE / "pyproject.toml"
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    needs = json.dumps(requirements("meta/ee-requirements.txt"))
    about.write_text(f'[project]\nname = "community.immuta"\nversion = "{version}"\nlicense = "GPL-3.0-or-later"\ndependencies = {needs}\n', encoding="utf-8")
    options = ("--pyproject", about, "--output-reproducible", "--validate", "--spec-version", "1.6", "--output-file", target)
    run(tools() / "cyclonedx-py", "environment", *options, python, quiet=True)
    components = {f"{canonicalize_name(item['name'])}=={item['version']}" for item in json.loads(target.read_text(encoding="utf-8"))["components"]}
    locked = {line.split()[0] for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line}
    if components != locked:
        raise Failed(f"the bill of materials and the lock differ in {sorted(components ^ locked)}")
    return target
