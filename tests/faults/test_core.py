# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the table of faults that every change is held to; C(tests/run faults) fills all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from faults.cells import Lane, lane
from faults.operations import OPERATIONS, Operation
from faults.table import FAULTS, RULES, Class, unknown_names

CORE = [each for each in OPERATIONS if each.core]
FAULTS_OF_CORE = tuple(each for each in FAULTS if each.core)


@pytest.fixture(scope="session")
def free() -> Iterator[Lane]:
    with ExitStack() as lanes:
        yield lanes.enter_context(lane())


@pytest.mark.parametrize("operation", CORE, ids=lambda each: each.name)
def test_what_comes_of_faults(operation: Operation, free: Lane) -> None:
    cells = list(free.row(operation, FAULTS_OF_CORE))
    assert {cell.fault: cell.problems for cell in cells if cell.problems} == {}
    assert len(cells) >= len(FAULTS_OF_CORE) - 1


def test_there_is_a_rule_for_every_class_and_kind() -> None:
    kinds = {each.kind for each in OPERATIONS}
    assert {cls: set(RULES[cls]) for cls in Class} == dict.fromkeys(Class, kinds)
    assert {each.cls for each in FAULTS} == set(Class)
    assert {each.kind for each in CORE} == kinds
    assert unknown_names() == set()
