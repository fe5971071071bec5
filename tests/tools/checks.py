# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the repository, each a name and a function; ``tests/run`` makes .venv and calls this.

A check passes when its function returns, and fails when a command in it ends with another status than 0.
What they write goes under .build; nothing outside the checkout is touched.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
BIN = Path(sys.executable).parent
NAME = "ansible_collections/community/immuta"
JUNIT = BUILD / "pytest.xml"


class Failed(Exception):
    """A check that did not hold, in one line."""


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would steer Ansible or name a tenant, and with .venv in front."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "IMMUTA_"))}
    return kept | {
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_HOME": str(BUILD / "ansible-home"),
    }


def run(*command: str | Path, cwd: Path = ROOT, quiet: bool = False, **environment: str) -> None:
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
    """The files of the repository as git sees them, those not yet added included, those deleted not."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep two runs out of one folder: the second waits."""
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def copy_to(folder: Path) -> Path:
    """A copy of the files at a path that ends as a collection's must; returns it."""
    copy = folder / NAME
    shutil.rmtree(copy, ignore_errors=True)
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    return copy


# --- checks that run nothing of ours


def ruff() -> None:
    run("ruff", "check", ".")


def types() -> None:
    run("mypy", "-p", "ansible_collections.community.immuta.plugins.module_utils")
    run("mypy", "--follow-imports=silent", "tests/tools", "tests/demo")


def yaml_files() -> None:
    run("yamllint", "--strict", ".")


def shell_files() -> None:
    run("shellcheck", "tests/run", "tests/tools/bootstrap", ".ci/run")


def ansible_lint() -> None:
    run("ansible-lint", "--offline", "--strict")


def documentation() -> None:
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "--disallow-unknown-collection-refs", ".")


def changelog() -> None:
    run("antsibull-changelog", "lint")


# --- tests


def pytest() -> None:
    run(sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", f"--junitxml={JUNIT}")


# The ansible-core that is tested beside .venv's: the oldest that meta/runtime.yml allows, and the first with today's templating.
# Each with the Pythons that it runs on; the first of them that is here is taken.
CORES = {"2.16.19": ("3.11", "3.12"), "2.19.14": ("3.11", "3.12", "3.13")}


def cores() -> None:
    """The tests marked so, on other versions of ansible-core. The oldest has to run; another may be left out where there is no Python for it."""
    for number, (version, pythons) in enumerate(CORES.items()):
        if base := find_python(pythons):
            print(f"--- ansible-core {version}", flush=True)
            run(sys.executable, "-m", "pytest", "-m", "cores", "-n", "2", "--dist", "worksteal", CORE_PYTHON=str(core_python(version, base)))
        elif number == 0:
            raise Failed(f"ansible-core {version} is the oldest supported, and no Python {' or '.join(pythons)} was found")
        else:
            print(f"Left out: ansible-core {version}, for which no Python {' or '.join(pythons)} was found", flush=True)


def find_python(versions: tuple[str, ...]) -> Path | None:
    folders = [*map(Path, os.environ.get("PATH", os.defpath).split(os.pathsep)), *sorted(pyenv_folders())]
    candidates = (folder / f"python{version}" for version in versions for folder in folders)
    return next((python for python in candidates if python.is_file() and runs(python)), None)


def core_python(version: str, base: Path) -> Path:
    """The Python of a virtual environment with that ansible-core and what the modules import, made once."""
    place = BUILD / "cores" / version
    python, stamp = place / "bin" / "python", place / "made-from"
    wanted = [f"ansible-core=={version}", *libraries()]
    made_from = "\n".join([str(base), *wanted])
    place.parent.mkdir(exist_ok=True)
    with alone(place):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_from:
            run("uv", "venv", "--quiet", "--clear", "--no-python-downloads", "--python", base, place)
            try:
                run("uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted)
            except Failed:  # as in bootstrap: uv does not read pip's configuration
                run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *wanted)
            stamp.write_text(made_from, encoding="utf-8")
    return python


def libraries() -> list[str]:
    """What the modules import, as meta names it and as tests/requirements.txt pins it."""
    named = {re.split(r"[<>=]", line)[0].replace("_", "-") for line in requirements("meta/ee-requirements.txt")}
    return [line for line in requirements("tests/requirements.txt") if line.partition("==")[0] in named]


def requirements(path: str) -> list[str]:
    return [line for line in (ROOT / path).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


GET_PIP_STUB = """\
import subprocess, sys
# In a process of its own: ensurepip sets PIP_CONFIG_FILE for the process it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
pins = [word for word in sys.argv[1:] if "==" in word]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins])
"""


def sanity() -> None:
    """ansible-test's own checks, from a copy, on every Python that is here and that this ansible-core supports."""
    folder = BUILD / "sanity"
    folder.mkdir(exist_ok=True)
    with alone(folder):
        copy = copy_to(folder)
        # Without this, ansible-test takes the outer repository for its own, where .build is ignored.
        run("git", "init", "--quiet", cwd=copy)
        run("ansible-test", "sanity", "--color", "no", cwd=copy, HOME=str(sanity_home()), PATH=os.pathsep.join(working_path()))


def sanity_home() -> Path:
    """A home folder with pip's settings, and with a stand-in for the get-pip that ansible-test would download."""
    home = BUILD / "sanity" / "home"
    for settings in (".pip", ".config/pip"):
        ours, theirs = home / settings, Path.home() / settings
        if theirs.exists() and not ours.is_symlink():
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pips_of_ansible_test():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP_STUB, encoding="utf-8")
    return home


def pips_of_ansible_test() -> set[str]:
    """The versions of pip for which ansible-test may want a bootstrap script; it has no public way to ask."""
    source = next(ROOT.glob(".venv/lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
    return set(re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")))


def working_path() -> Iterator[str]:
    """PATH, with every Python that really runs, and without the folders that hold one that does not."""
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


# --- the tarball


# What a user of the collection needs; a file elsewhere got in by accident.
SHIPPED = ("plugins/", "roles/", "playbooks/", "meta/", "docs/", "changelogs/changelog.yaml", "changelogs/config.yaml", "tests/config.yml")
SHIPPED_AT_THE_TOP = {"CHANGELOG.rst", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "SECURITY.md"}


def build() -> Path:
    """The tarball in .build, made from a copy, so that nothing that lies about in the checkout gets in."""
    with alone(BUILD / "source"):
        run("ansible-galaxy", "collection", "build", "--force", "--output-path", BUILD, cwd=copy_to(BUILD / "source"))
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    return BUILD / f"community-immuta-{version}.tar.gz"


def tarball() -> None:
    """It holds what it should, it installs, and Ansible finds the modules in it."""
    built = build()
    with tarfile.open(built) as archive:
        names = {member.name for member in archive.getmembers() if not member.isdir()}
    junk = {name for name in names if not name.startswith(SHIPPED) and name not in SHIPPED_AT_THE_TOP}
    wanted = {name for name in tracked() if name.startswith(SHIPPED)}
    if junk or wanted - names:
        raise Failed(f"the tarball holds {sorted(junk)} and lacks {sorted(wanted - names)}")
    installed = BUILD / "installed"
    shutil.rmtree(installed, ignore_errors=True)
    run("ansible-galaxy", "collection", "install", "--offline", "-p", installed, built, ANSIBLE_COLLECTIONS_PATH=str(installed))
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    run("ansible-doc", "--json", *(f"community.immuta.{name}" for name in modules), quiet=True, ANSIBLE_COLLECTIONS_PATH=str(installed))


def faults() -> None:
    """Every fault crossed with every operation; pytest runs a part of it."""
    run(sys.executable, "-m", "faults", PYTHONPATH=str(ROOT / "tests"))


def interruptions() -> None:
    """A kill at every step of the role, and a second run at every step of the first."""
    run(sys.executable, "-m", "pytest", "-m", "all", "-n", "2", "--dist", "worksteal", "tests/role")


def examples() -> None:
    """The properties, with twenty times the examples."""
    names = ("hostile", "hostile_scripts", "gate_property", "http_bytes", "integrations_api", "connections_api")
    run(sys.executable, "-m", "pytest", "-n", "2", *(f"tests/unit/test_{name}.py" for name in names), EXAMPLES_TIMES="20")


def report_page() -> None:
    """The page of a report in headless Chromium, with axe-core; pytest reads it without one."""
    run(sys.executable, "-m", "report", PYTHONPATH=f"{ROOT / 'tests'}{os.pathsep}{ROOT / '.venv' / 'collections'}")


def demo() -> None:
    run(sys.executable, "-m", "demo", PYTHONPATH=str(ROOT / "tests"))


# --- the command


@dataclass(frozen=True)
class Outcome:
    name: str
    seconds: float
    problem: str | None


LINT: dict[str, Callable[[], object]] = {
    "ruff": ruff,
    "mypy": types,
    "yamllint": yaml_files,
    "shellcheck": shell_files,
    "ansible-lint": ansible_lint,
    "docs": documentation,
    "changelog": changelog,
}
ALL = LINT | {"pytest": pytest, "cores": cores, "sanity": sanity, "tarball": tarball}
# Whole instruments of which the default run has a part: they take long.
LONG: dict[str, Callable[[], object]] = {"faults": faults, "kills": interruptions, "examples": examples, "report": report_page}
# Not checks, but wanted by the Makefile in the same environment.
OTHER: dict[str, Callable[[], object]] = {"build": build, "demo": demo, "venv": lambda: None}
GROUPS = {"all": list(ALL), "lint": list(LINT)}


def attempt(name: str) -> Outcome:
    if name not in OTHER:
        print(f"\n=== {name}", flush=True)
    begun = time.monotonic()
    try:
        (ALL | LONG | OTHER)[name]()
        problem = None
    except Failed as reason:
        problem = str(reason)
        print(f"{name}: {problem}", flush=True)
    return Outcome(name, time.monotonic() - begun, problem)


def pytest_counts() -> Counter[str]:
    """How many tests passed, failed and were skipped, from the report of the run just made."""
    counts: Counter[str] = Counter()
    if JUNIT.exists():
        for suite in ET.parse(JUNIT).getroot().iter("testsuite"):
            tests, failures, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
            counts.update(passed=tests - failures - errors - skipped, failed=failures + errors, skipped=skipped)
    return counts


def report(outcomes: list[Outcome]) -> int:
    """The table of timings, and a last line in which each check counts as one and so does each test of pytest."""
    print()
    counts = pytest_counts()
    tests_failed = counts["failed"]
    for outcome in outcomes:
        print(f"{outcome.name:<14}{'FAILED' if outcome.problem else 'ok':<8}{outcome.seconds:7.1f} s")
        if outcome.name != "pytest":
            counts["failed" if outcome.problem else "passed"] += 1
        elif outcome.problem and not tests_failed:
            counts["failed"] += 1  # pytest itself broke, so that none of its tests did
    bad = [outcome.name for outcome in outcomes if outcome.problem]
    seconds = sum(outcome.seconds for outcome in outcomes)
    line = f"{counts['passed']} passed, {counts['failed']} failed" + (f", {counts['skipped']} skipped" if counts["skipped"] else "")
    print(f"{line} in {seconds:.0f} s" + (f": {', '.join(bad)}" if bad else ""))
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run", description="Run the checks and tests of this repository.")
    parser.add_argument("names", nargs="*", default=["all"], metavar="NAME", help=f"{', '.join([*GROUPS, *ALL, *LONG, *OTHER])} (default: all)")
    parser.add_argument("--all", action="store_true", dest="long", help=f"the named and those that take long: {', '.join(LONG)}")
    given = parser.parse_args()
    names = [name for asked in given.names for name in GROUPS.get(asked, [asked])] + [name for name in LONG if given.long and name not in given.names]
    if unknown := [name for name in names if name not in ALL | LONG | OTHER]:
        parser.error(f"no such check: {', '.join(unknown)}")
    BUILD.mkdir(exist_ok=True)
    JUNIT.unlink(missing_ok=True)
    outcomes = [attempt(name) for name in names]
    if all(name in OTHER for name in names):
        return max(1 if outcome.problem else 0 for outcome in outcomes)
    return report(outcomes)


if __name__ == "__main__":
    sys.exit(main())
