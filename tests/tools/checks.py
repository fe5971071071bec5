# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the repository: a name and a function. ``tests/run`` creates .venv and calls this file.

A check passes if its function returns, and fails if one of its commands exits with a status other than 0.
The checks write to .build and change nothing outside the checkout.
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
    """A failed check, described in one line."""


def clean_environment() -> dict[str, str]:
    """Return the caller's environment without the variables of Ansible and Immuta, and with .venv first on PATH."""
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


# --- checks that run nothing of ours


def ruff() -> None:
    """Python style and likely bugs."""
    run("ruff", "check", ".")


def types() -> None:
    """Strict types of module_utils and of the tools."""
    run("mypy", "-p", "ansible_collections.community.immuta.plugins.module_utils")
    run("mypy", "--follow-imports=silent", "tests/tools", "tests/demo")


def yaml_files() -> None:
    """YAML style."""
    run("yamllint", "--strict", ".")


def shell_files() -> None:
    """The shell scripts."""
    run("shellcheck", "tests/run", "tests/tools/bootstrap", ".ci/run")


def ansible_lint() -> None:
    """The roles and playbooks."""
    run("ansible-lint", "--offline", "--strict")


def documentation() -> None:
    """The module documentation and its references."""
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "--disallow-unknown-collection-refs", ".")


def changelog() -> None:
    """The changelog fragments."""
    run("antsibull-changelog", "lint")


def prose() -> None:
    """The English of the documentation, docstrings and comments."""
    run(sys.executable, ROOT / "tests" / "tools" / "prose.py")


# --- tests


def pytest() -> None:
    """All tests: unit tests, module tests, role tests."""
    run(sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", f"--junitxml={JUNIT}")


# The ansible-core that is tested beside .venv's: the oldest that meta/runtime.yml allows, and the first with today's templating.
# Each with the Pythons that it runs on; the first of them that is here is taken.
CORES = {"2.16.19": ("3.11", "3.12"), "2.19.14": ("3.11", "3.12", "3.13")}


def cores() -> None:
    """Repeat the tests marked ``cores`` on other versions of ansible-core. The oldest must run; others are skipped if no Python fits."""
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
    """Return the Python of a virtual environment with that ansible-core and the libraries of the modules; create it once."""
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
    """Return the libraries of meta/ee-requirements.txt as tests/requirements.txt pins them."""
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
    """``ansible-test sanity`` on every installed Python that ansible-core supports."""
    folder = BUILD / "sanity"
    folder.mkdir(exist_ok=True)
    with alone(folder):
        copy = copy_to(folder)
        # Without this, ansible-test takes the outer repository for its own, where .build is ignored.
        run("git", "init", "--quiet", cwd=copy)
        run("ansible-test", "sanity", "--color", "no", cwd=copy, HOME=str(sanity_home()), PATH=os.pathsep.join(working_path()))


def sanity_home() -> Path:
    """Return a home folder with pip's settings and a replacement for the get-pip.py that ansible-test would download."""
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
    """Return the pip versions for which ansible-test may need a bootstrap script. It has no public way to ask, so read its source."""
    source = next(ROOT.glob(".venv/lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
    return set(re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")))


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


# --- the tarball


# What a user of the collection needs. Any other file in the tarball is a mistake.
SHIPPED = ("plugins/", "roles/", "playbooks/", "meta/", "docs/", "changelogs/changelog.yaml", "changelogs/config.yaml", "tests/config.yml")
SHIPPED_AT_THE_TOP = {"CHANGELOG.rst", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "SECURITY.md"}


def build() -> Path:
    """Build the tarball in .build from a copy, so that it contains no stray file of the checkout, and return its path."""
    with alone(BUILD / "source"):
        run("ansible-galaxy", "collection", "build", "--force", "--output-path", BUILD, cwd=copy_to(BUILD / "source"))
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    return BUILD / f"community-immuta-{version}.tar.gz"


def tarball() -> None:
    """The built tarball: it contains the right files, installs, and Ansible finds its modules."""
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
    """Every fault crossed with every operation. pytest runs a part of this."""
    run(sys.executable, "-m", "faults", PYTHONPATH=str(ROOT / "tests"))


def slow() -> None:
    """The tests marked `all`: a kill at every step of the role, two runs at once, every long workflow. pytest runs a part of this."""
    run(sys.executable, "-m", "pytest", "-m", "all", "-n", "2", "--dist", "worksteal")


def examples() -> None:
    """The property tests with twenty times the examples."""
    names = ("hostile", "hostile_scripts", "gate_property", "http_bytes", "integrations_api", "connections_api")
    run(sys.executable, "-m", "pytest", "-n", "2", *(f"tests/unit/test_{name}.py" for name in names), EXAMPLES_TIMES="20")


def report_page() -> None:
    """The page of a report in headless Chromium with axe-core. pytest checks it without a browser."""
    run(sys.executable, "-m", "report", PYTHONPATH=f"{ROOT / 'tests'}{os.pathsep}{ROOT / '.venv' / 'collections'}")


def benchmarks() -> None:
    """What a fleet costs, compared with what users do today. The plot goes to .build."""
    run(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "tests/benchmarks/requirements.txt")
    run(sys.executable, "-m", "benchmarks", "--plot", BUILD / "fleet", PYTHONPATH=str(ROOT / "tests"))


def demo() -> None:
    """The whole workflow on this machine: register, edit, break, repair, deregister."""
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
    "prose": prose,
}
ALL = LINT | {"pytest": pytest, "cores": cores, "sanity": sanity, "tarball": tarball}
# Not in the default run. pytest runs a part of each.
LONG: dict[str, Callable[[], object]] = {"faults": faults, "slow": slow, "examples": examples, "report": report_page}
# Not checks; the Makefile runs them in the same environment.
OTHER: dict[str, Callable[[], object]] = {"build": build, "demo": demo, "benchmarks": benchmarks, "venv": lambda: None}
GROUPS = {"all": list(ALL), "lint": list(LINT)}
# How long each check takes on two cores, for --help.
DURATIONS = {
    "seconds": ["ruff", "mypy", "yamllint", "shellcheck", "ansible-lint", "docs", "changelog", "prose", "tarball"],
    "minutes": ["pytest", "cores", "sanity", "report"],
    "long": ["faults", "slow", "examples"],
}


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
    """Return how many tests passed, failed and were skipped in this run."""
    counts: Counter[str] = Counter()
    if JUNIT.exists():
        for suite in ET.parse(JUNIT).getroot().iter("testsuite"):
            tests, failures, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
            counts.update(passed=tests - failures - errors - skipped, failed=failures + errors, skipped=skipped)
    return counts


def report(outcomes: list[Outcome]) -> int:
    """Print the timings and a last line that counts every check and every pytest test. Return the exit status."""
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


def overview() -> str:
    """The checks with the first sentence of their docstrings, grouped by how long they take."""
    described = {name: re.split(r"\.(?:\s|$)", check.__doc__ or "")[0] for name, check in (ALL | LONG).items()}
    described |= {name: f"{described[name]} (by name or with --all)" for name in LONG}
    return "\n\n".join("\n".join([f"{group}:", *(f"  {name:<14}{described[name]}" for name in names)]) for group, names in DURATIONS.items())


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tests/run",
        description="Run the checks and tests of this repository.",
        epilog=overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", default=["all"], metavar="NAME", help=f"a check listed below, {', '.join([*GROUPS, *OTHER])} (default: all)")
    parser.add_argument("--all", action="store_true", dest="long", help=f"also run {', '.join(LONG)}")
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
