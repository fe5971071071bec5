# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every check uses: a command run in the repository, a copy of it, and the Pythons of this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / ".build"
BIN = Path(sys.executable).parent
NAME = "ansible_collections/community/immuta"


class Failed(Exception):
    """A failed check, described in one line."""


def kept_environment() -> dict[str, str]:
    """Return the caller's environment without the variables that steer Ansible or name a tenant."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "IMMUTA_"))}


def clean_environment() -> dict[str, str]:
    """Return ``kept_environment``, with .venv first on PATH and the collections and Ansible's home of this repository."""
    kept = kept_environment()
    return kept | {
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_HOME": str(BUILD / "ansible-home"),
    }


def run(*command: str | Path, cwd: Path = ROOT, quiet: bool = False, **environment: str) -> None:
    """Run a command in the repository and raise Failed if its status is not 0."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment() | environment,
        stdout=subprocess.DEVNULL if quiet else None,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{command[0]} ended with status {done.returncode}")


def tracked() -> list[str]:
    """Return the files that git tracks or would add, without deleted ones."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock a folder; a second run waits."""
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_to(folder: Path) -> Path:
    """Copy the repository to a path that ends like that of a collection, and return the path."""
    copy = folder / NAME
    shutil.rmtree(copy, ignore_errors=True)
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    return copy


def requirements(path: str) -> list[str]:
    """Return the lines of a requirements file that name a package."""
    return [line for line in (ROOT / path).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def virtual_environment(place: Path, base: str | Path, *wanted: str) -> Path:
    """Return the Python of a virtual environment on that Python with these packages. Create it once for each list."""
    python, stamp = place / "bin" / "python", place / "made-from"
    made_from = "\n".join([str(base), *wanted])
    place.parent.mkdir(parents=True, exist_ok=True)
    with alone(place):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_from:
            run("uv", "venv", "--quiet", "--clear", "--no-python-downloads", "--python", base, place)
            install_packages(python, *wanted)
            stamp.write_text(made_from, encoding="utf-8")
    return python


def install_packages(python: Path, *wanted: str) -> None:
    """Install packages, or what other arguments of pip name, into the environment of a Python."""
    try:
        run("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted)
    except Failed:  # as in bootstrap: uv does not read pip's configuration
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *wanted)


def find_python(versions: tuple[str, ...]) -> Path | None:
    """Return the first Python of these versions that runs here, on PATH or among pyenv's."""
    folders = [*map(Path, os.environ.get("PATH", os.defpath).split(os.pathsep)), *sorted(pyenv_folders())]
    candidates = (folder / f"python{version}" for version in versions for folder in folders)
    return next((python for python in candidates if python.is_file() and runs(python)), None)


def working_path() -> Iterator[str]:
    """Yield the folders of PATH and of pyenv, without those that contain a Python that does not run."""
    yield str(BIN)
    yield from map(str, sorted(pyenv_folders()))
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if all(runs(python) for python in Path(folder).glob("python3.*[0-9]")):
            yield folder


def pyenv_folders() -> Iterator[Path]:
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], check=True, capture_output=True, text=True).stdout.strip()
        yield from Path(root).glob("versions/*/bin")


def runs(python: Path) -> bool:
    return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0
