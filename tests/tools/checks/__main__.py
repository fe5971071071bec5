# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check of the repository: a name and a function. ``tests/run`` creates .venv and calls this package.

A check passes if its function returns, and fails if one of its commands exits with a status other than 0.
The checks write to .build and change nothing outside the checkout. To add one, write its function in the module of its kind and list it here.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from . import environment, gates, lint, package, prepare, site, suite, versions
from .commands import BUILD, Failed


@dataclass(frozen=True)
class Outcome:
    name: str
    seconds: float
    problem: str | None


LINT: dict[str, Callable[[], object]] = {
    "ruff": lint.ruff,
    "mypy": lint.types,
    "yamllint": lint.yaml_files,
    "shellcheck": lint.shell_files,
    "ansible-lint": lint.ansible_lint,
    "docs": lint.documentation,
    "changelog": lint.changelog,
    "prose": lint.prose,
    "nox": gates.nox,
    "workflows": lint.workflows,
}
ALL = LINT | {"pytest": suite.pytest, "cores": versions.cores, "sanity": versions.sanity, "tarball": package.tarball}
# Not in the default run. pytest runs a part of each.
LONG: dict[str, Callable[[], object]] = {
    "faults": suite.faults,
    "slow": suite.slow,
    "examples": suite.examples,
    "report": suite.report_page,
    "site": site.site,
    "pages": site.pages,
    "importer": gates.importer,
    "environment": environment.environment,
    "versions": versions.versions,
}
# Not checks; the Makefile runs them in the same environment.
OTHER: dict[str, Callable[[], object]] = {
    "build": package.show_build,
    "prepare": prepare.prepare,
    "release": package.release,
    "lock": environment.lock,
    "sbom": environment.sbom,
    "demo": suite.demo,
    "benchmarks": suite.benchmarks,
    "venv": lambda: None,
}
GROUPS = {"all": list(ALL), "lint": list(LINT)}
# How long each check takes on two cores, for --help, and so that the longer ones begin first.
DURATIONS = {
    "seconds": ["ruff", "mypy", "yamllint", "shellcheck", "ansible-lint", "docs", "changelog", "prose", "nox", "workflows", "tarball"],
    "minutes": ["pytest", "cores", "sanity", "report", "site", "pages", "importer", "environment"],
    "long": ["faults", "slow", "examples", "versions"],
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


def attempt_all(names: Sequence[str]) -> Iterator[Outcome]:
    """Attempt checks. Those of the default run that use one core run two at a time, before the others."""
    paired = [name for name in names if name in ALL and name != "pytest"] if len(names) > 1 else []
    sys.stdout.flush()
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        for done in as_completed([pool.submit(attempt_apart, name) for name in sorted(paired, key=DURATIONS["minutes"].__contains__, reverse=True)]):
            outcome, output = done.result()
            print(output, end="", flush=True)
            yield outcome
    yield from map(attempt, (name for name in names if name not in paired))


def attempt_apart(name: str) -> tuple[Outcome, str]:
    """Attempt a check in a process that does nothing else. Return its output, too, instead of printing it."""
    with tempfile.TemporaryFile() as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        outcome = attempt(name)
        sys.stdout.flush()
        output.seek(0)
        return outcome, output.read().decode(errors="replace")


def pytest_counts() -> Counter[str]:
    """Return how many tests passed, failed and were skipped in this run."""
    counts: Counter[str] = Counter()
    if suite.JUNIT.exists():
        for element in ET.parse(suite.JUNIT).getroot().iter("testsuite"):
            tests, failures, errors, skipped = (int(element.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
            counts.update(passed=tests - failures - errors - skipped, failed=failures + errors, skipped=skipped)
    return counts


def report(outcomes: list[Outcome], seconds: float) -> int:
    """Print the timings and a last line that counts every check and every pytest test. Return the exit status. seconds: of the whole run."""
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
    suite.JUNIT.unlink(missing_ok=True)
    begun = time.monotonic()
    outcomes = list(attempt_all(names))
    if all(name in OTHER for name in names):
        return max(1 if outcome.problem else 0 for outcome in outcomes)
    return report(outcomes, time.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())
