# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every status, with what is wanted: the step it leads to."""

from __future__ import annotations

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.states import FAILED, GONE, STATUSES, TRANSIENT, Step, is_healthy, next_step

DOCUMENTED = {
    "creating",
    "createError",
    "editing",
    "editError",
    "deleting",
    "deleteError",
    "deleted",
    "disabled",
    "enabled",
    "migrating",
    "migrateError",
    "recurringValidationError",
}

# status, present and equal, present and different, absent
TABLE = """
none                      create   create  nothing
deleted                   create   create  nothing
disabled                  create   create  nothing
creating                  wait     wait    wait
editing                   wait     wait    wait
deleting                  wait     wait    wait
migrating                 wait     wait    wait
enabled                   nothing  update  delete
createError               update   update  delete
editError                 report   update  delete
deleteError               report   update  delete
migrateError              report   update  delete
recurringValidationError  report   update  delete
somethingNew              report   update  delete
"""
CELLS = [
    pytest.param(None if status == "none" else status, wanted, equal, step, id=f"{status}-{wanted}-{'equal' if equal else 'different'}")
    for status, present_equal, present_different, absent in map(str.split, TABLE.strip().splitlines())
    for wanted, equal, step in (
        ("present", True, present_equal),
        ("present", False, present_different),
        ("absent", True, absent),
        ("absent", False, absent),
    )
]


@pytest.mark.parametrize(("status", "wanted", "equal", "step"), CELLS)
def test_the_step(status: str | None, wanted: str, equal: bool, step: str) -> None:
    assert next_step(status, wanted=wanted, equal=equal) is Step(step)


def test_without_a_comparison_nothing_differs() -> None:
    assert next_step("enabled", wanted="present") is Step.NOTHING


def test_the_table_has_every_documented_status() -> None:
    assert {line.split()[0] for line in TABLE.strip().splitlines()} - {"none", "somethingNew"} == DOCUMENTED == set(STATUSES)


@pytest.mark.parametrize("status", sorted(DOCUMENTED))
def test_a_status_is_of_one_kind(status: str) -> None:
    kinds = [status in TRANSIENT, status in GONE, status in FAILED, status in ("enabled", "recurringValidationError")]
    assert kinds.count(True) == 1


@pytest.mark.parametrize("status", sorted(status for status in DOCUMENTED if status.endswith("Error")))
def test_no_error_is_silently_unchanged(status: str) -> None:
    assert next_step(status, wanted="present", equal=True) in (Step.UPDATE, Step.REPORT)
    assert is_healthy(status) is False


@pytest.mark.parametrize(
    ("status", "healthy"),
    [
        (None, None),
        ("enabled", True),
        ("creating", None),
        ("editing", None),
        ("deleting", None),
        ("migrating", None),
        ("deleted", None),
        ("disabled", None),
        ("createError", False),
        ("somethingNew", False),
    ],
)
def test_health(status: str | None, healthy: bool | None) -> None:
    assert is_healthy(status) is healthy
