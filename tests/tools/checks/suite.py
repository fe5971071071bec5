# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests, and what runs them in other ways: more examples, faults, a browser, the demo, the benchmark."""

from __future__ import annotations

import os
import sys

from .commands import BUILD, ROOT, run

JUNIT = BUILD / "pytest.xml"
PYTHONPATH = os.pathsep.join(str(ROOT / name) for name in ("tests", "extensions/simulator"))  # for python -m


def pytest() -> None:
    """All tests: unit tests, module tests, role tests."""
    run(sys.executable, "-m", "pytest", "-n", "2", "--dist", "worksteal", f"--junitxml={JUNIT}")


def faults() -> None:
    """Every fault crossed with every operation. pytest runs a part of this."""
    run(sys.executable, "-m", "faults", PYTHONPATH=PYTHONPATH)


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
    run(sys.executable, "-m", "benchmarks", "--plot", BUILD / "fleet", PYTHONPATH=PYTHONPATH)


def demo() -> None:
    """The whole workflow on this machine: register, edit, break, repair, deregister."""
    run(sys.executable, "-m", "demo", PYTHONPATH=PYTHONPATH)
