# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/add_a_platform.md, replayed on a copy of the repository: its changes apply, the tests ask for each of them, and the new type works."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.copies import copy_repository, shell
from tools.checks.commands import ROOT

PAGE = (ROOT / "docs" / "add_a_platform.md").read_text(encoding="utf-8")
REFERENCE, ROW, SIMULATOR, CONTENTS = re.findall(r"^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SAVED = re.findall(r"Save this \w+\s+as `([^`]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TESTS, RUN = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copy_repository(tmp_path)


def change(copy: Path, *diffs: str) -> None:
    for diff in diffs:
        subprocess.run(["git", "apply"], cwd=copy, input=diff, text=True, check=True)


def save(copy: Path) -> None:
    for name, text in SAVED:
        (copy / name).write_text(text, encoding="utf-8")


def test_the_new_type_is_registered_and_deregistered(copy: Path) -> None:
    change(copy, REFERENCE, ROW, SIMULATOR, CONTENTS)
    save(copy)
    done = shell(copy, f"trap 'python -m immuta_simulator stop || true' EXIT\n{RUN}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"ok=3 +changed=2 ", done.stdout), done.stdout
    assert re.findall(r'"method": "(\w+)"', done.stdout) == ["POST", "DELETE"], done.stdout


@pytest.mark.all
def test_the_tests_ask_for_every_step_of_the_page(copy: Path) -> None:
    def failed() -> set[str]:
        # a test of every list, and those of the new page
        done = shell(copy, f"{TESTS.strip()} -k 'types or type_and or kinds or contents or acme' -p no:cacheprovider")
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return set(re.findall(r"^FAILED tests/unit/(\w+)\.py", done.stdout, re.MULTILINE))

    steps: list[tuple[Callable[[], None], set[str]]] = [
        (lambda: change(copy, REFERENCE), {"test_platforms"}),
        (lambda: change(copy, ROW), {"test_simulator_tables", "test_docs_platforms"}),
        (lambda: change(copy, SIMULATOR), {"test_docs_platforms"}),
        (lambda: save(copy), {"test_docs_platforms"}),
        (lambda: change(copy, CONTENTS), set()),
    ]
    assert failed() == set()
    for step, red in steps:
        step()
        assert failed() == red
    done = shell(copy, TESTS)
    assert done.returncode == 0, done.stdout
