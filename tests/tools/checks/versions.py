# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of ansible-core and Python that the collection supports, and ``ansible-test sanity`` on every Python."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .commands import BIN, BUILD, ROOT, Failed, alone, copy_to, find_python, requirements, run, virtual_environment, working_path
from .suite import PYTHONPATH

CORES = BUILD / "cores"
README = ROOT / "README.md"
SENTENCE = re.compile(r"^Tested with ansible-core .+?(?=\n\n)", re.MULTILINE | re.DOTALL)
PYTEST = ("-m", "pytest", "-n", "2", "--dist", "worksteal")


@dataclass(frozen=True)
class Row:
    """A version of ansible-core, the Python that it runs on, and what runs there.

    ``modules`` stands for modules on a Python that this ansible-core supports on managed hosts only. sanity: arguments of its ``ansible-test sanity``.
    """

    core: str
    python: str
    checks: tuple[str, ...] = ("units", "lifecycle", "sanity")
    may_fail: bool = False
    sanity: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.core}/{self.python}"


# The oldest that meta/runtime.yml allows, the first with today's templating, the newest, and the next one.
# tests/run versions runs them all, and the workflow has a job for each. README's sentence comes from here.
MATRIX = (
    Row("2.16.19", "3.12"),
    Row("2.19.14", "3.11"),
    Row("2.21.5", "3.13"),
    Row("2.21.5", "3.9", ("modules",)),
    # Its pylint needs a library from GitHub, which a machine with a package index alone cannot install.
    Row("2.22.0rc1", "3.13", may_fail=True, sanity=("--skip-test", "pylint")),
)
# The oldest Python of the modules, as in tests/config.yml
OLDEST_PYTHON = next(row.python for row in MATRIX if row.checks == ("modules",))
# Tests of tests/unit, or files of them, that cannot run on the oldest Python of the modules, and why.
NOT_ON_THE_OLDEST_PYTHON = {
    "test_demo.py": "the database engines need Python 3.11",
    "test_docs_testing.py": "it reads a TOML file with the library of Python 3.11",
    "test_docs_troubleshooting.py": "the generator of the page needs Python 3.10",
    "test_inventory.py": "it imports a plugin of the controller, and ansible-core has newer syntax there",
    "test_lock.py::test_what_counts_as_a_play[command1-True]": "it starts a Python with an option of Python 3.11",
    "test_report.py": "the test needs Python 3.10",
    "test_simulator_warehouses.py": "the database engines need Python 3.11",
}


def cores() -> None:
    """Repeat the tests marked ``cores`` on the oldest ansible-core. ``versions`` runs more on all of them."""
    oldest = MATRIX[0]
    base = find_python((oldest.python, "3.11", "3.10"))
    if not base:
        raise Failed(f"ansible-core {oldest.core} is the oldest supported, and no Python {oldest.python} or older was found")
    marked(core_python(oldest.core, base))


def versions() -> None:
    """Unit tests, sanity tests and the demo on every row of versions.py, or on the row that ROW names. Writes README's sentence."""
    named = os.environ.get("ROW")
    rows = [row for row in MATRIX if named in (None, str(row))]
    outcomes = {row: outcome(row) for row in rows}
    print("", *(f"ansible-core {row.core:<10} Python {row.python:<5} {', '.join(row.checks):<24} {said}" for row, said in outcomes.items()), sep="\n")
    absent = [row for row, said in outcomes.items() if said.startswith("left out")]
    bad = [row for row, said in outcomes.items() if said != "ok" and row not in absent and not row.may_fail]
    if bad or not rows or (named and absent):
        raise Failed(f"not tested, or failed: {', '.join(map(str, bad or absent)) or named}")
    if not named and not absent:
        README.write_text(SENTENCE.sub(sentence(), README.read_text(encoding="utf-8")), encoding="utf-8")


def outcome(row: Row) -> str:
    """Return "ok", or why the row was left out, or its checks that failed."""
    base = find_python((row.python,))
    if not base:
        return f"left out: no Python {row.python} was found"
    failed = []
    for name in row.checks:
        print(f"\n--- ansible-core {row.core} on Python {row.python}: {name}", flush=True)
        try:
            CHECKS[name](row, base)
        except Failed as reason:
            print(reason, flush=True)
            failed.append(name)
    return f"{'FAILED, as it may' if row.may_fail else 'FAILED'}: {', '.join(failed)}" if failed else "ok"


def sentence() -> str:
    """Return what README says about the tested versions."""
    tested = {row.core: [other.python for other in MATRIX if other.core == row.core and "units" in other.checks] for row in MATRIX if not row.may_fail}
    listed = [f"{core} on Python {' and '.join(pythons)}" for core, pythons in tested.items()]
    modules = " and ".join(row.python for row in MATRIX if row.checks == ("modules",))
    preview = " and ".join(f"{row.core} on Python {row.python}" for row in MATRIX if row.may_fail)
    return (
        f"Tested with ansible-core {', '.join(listed[:-1])}, and {listed[-1]}. The modules are also tested on Python {modules}.\n"
        f"The tests also run with the preview {preview}, where they may fail."
    )


# --- what runs on a row


def marked(python: Path) -> None:
    """Run the tests marked ``cores`` with playbooks and modules on that Python."""
    run(sys.executable, *PYTEST, "-m", "cores", CORE_PYTHON=str(python))


def lifecycle(row: Row, base: Path) -> None:
    """Run the tests marked ``cores``, and the demo: register, edit, break, repair and deregister against the simulator."""
    python = core_python(row.core, base)
    marked(python)
    run(sys.executable, "-m", "demo", PYTHONPATH=PYTHONPATH, DEMO_BIN=str(python.parent), DEMO_COLLECTIONS=str(ROOT / ".venv" / "collections"))


def units(row: Row, base: Path) -> None:
    """Run the unit tests on that Python, with .venv's packages and that ansible-core."""
    wanted = [f"ansible-core=={row.core}" if line.startswith("ansible-core==") else line for line in requirements("tests/requirements.txt")]
    python = virtual_environment(CORES / f"{row.core}-{row.python}", base, *wanted)
    run(python, *PYTEST, "tests/unit", PATH=os.pathsep.join([str(python.parent), *working_path()]))


def modules(row: Row, base: Path) -> None:
    """Run the unit tests, and the modules of the module tests, on that Python."""
    python = modules_python(row, base)
    left_out = (f"--{'deselect' if '::' in name else 'ignore'}=tests/unit/{name}" for name in NOT_ON_THE_OLDEST_PYTHON)
    run(python, *PYTEST, "tests/unit", *left_out)
    # Python 3.9 reports the wrong host of a certificate in other words
    run(sys.executable, *PYTEST, "tests/module", "--deselect=tests/module/test_network.py::test_tls[wrong host]", MODULES_PYTHON=str(python))


def sanity_tests(row: Row, base: Path) -> None:
    """``ansible-test sanity`` of that ansible-core on every Python that it supports."""
    run_sanity(core_python(row.core, base), CORES / f"sanity-{row.core}", row.sanity)


CHECKS: dict[str, Callable[[Row, Path], None]] = {"units": units, "lifecycle": lifecycle, "sanity": sanity_tests, "modules": modules}


def core_python(version: str, base: Path) -> Path:
    """Return the Python of a virtual environment with that ansible-core and the libraries of the modules; create it once."""
    return virtual_environment(CORES / version, base, f"ansible-core=={version}", *libraries())


def modules_python(row: Row, base: Path) -> Path:
    """Return the Python of a virtual environment with what the modules and their unit tests import; create it once.

    It takes ansible-core from .venv, because pip installs it only on the Pythons of a controller.
    """
    if f"ansible-core=={row.core}" not in requirements("tests/requirements.txt"):
        raise Failed(f".venv has another ansible-core than {row.core}")
    python = virtual_environment(CORES / f"modules-{row.python}", base, *requirements("tests/tools/requirements-modules.txt"))
    (installed,) = ROOT.glob(".venv/lib/python3*/site-packages/ansible")
    alone_in = CORES / "ansible-only"
    alone_in.mkdir(exist_ok=True)
    link = alone_in / "ansible"
    if not link.exists():
        link.symlink_to(installed)
    (site,) = python.parents[1].glob("lib/python3*/site-packages")
    (site / "ansible-core.pth").write_text(f"{alone_in}\n", encoding="utf-8")
    return python


def libraries() -> list[str]:
    """Return the libraries of meta/ee-requirements.txt as tests/requirements.txt pins them."""
    named = {re.split(r"[<>=]", line)[0].replace("_", "-") for line in requirements("meta/ee-requirements.txt")}
    return [line for line in requirements("tests/requirements.txt") if line.partition("==")[0] in named]


# --- ansible-test

GET_PIP_STUB = """\
import subprocess, sys
# In a process of its own: ensurepip sets PIP_CONFIG_FILE for the process it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
pins = [word for word in sys.argv[1:] if "==" in word]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins])
"""


def sanity() -> None:
    """``ansible-test sanity`` on .venv's Python, and what depends on the Python on the oldest one. ``versions`` runs all on every Python."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    run_sanity(Path(sys.executable), BUILD / "sanity", ("--python", ours), ("--python", OLDEST_PYTHON, "--test", "import", "--test", "compile"))


def run_sanity(python: Path, folder: Path, *runs: tuple[str, ...]) -> None:
    """Run the ``ansible-test sanity`` of that Python in a copy of the repository, with the arguments of each run. shellcheck comes from .venv."""
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        copy = copy_to(folder)
        # Without this, ansible-test takes the outer repository for its own, where .build is ignored.
        run("git", "init", "--quiet", cwd=copy)
        path = os.pathsep.join([str(python.parent), str(BIN), *working_path()])
        home = sanity_home(python, folder)
        for arguments in runs:
            run(python.parent / "ansible-test", "sanity", "--color", "no", *arguments, cwd=copy, HOME=str(home), PATH=path)


def sanity_home(python: Path, folder: Path) -> Path:
    """Return a home folder with pip's settings and a replacement for the get-pip.py that ansible-test would download."""
    home = folder / "home"
    for settings in (".pip", ".config/pip"):
        ours, theirs = home / settings, Path.home() / settings
        if theirs.exists() and not ours.is_symlink():
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pips_of_ansible_test(python):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP_STUB, encoding="utf-8")
    return home


def pips_of_ansible_test(python: Path) -> set[str]:
    """Return the pip versions for which ansible-test may need a bootstrap script. It has no public way to ask, so read its source."""
    source = next(python.parents[1].glob("lib/python3*/site-packages/ansible_test/_internal/python_requirements.py"))
    return set(re.findall(r"\bpip='([\d.]+)'", source.read_text(encoding="utf-8")))
