# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step for every status and wanted state."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.states import (
    FAILED,
    GONE,
    STATUSES,
    TRANSIENT,
    Step,
    connection_state,
    is_connection_healthy,
    is_healthy,
    is_transitional,
    next_step,
    unhealthy_reason,
)

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


# --- connections


@pytest.mark.parametrize(
    ("object", "answer", "state", "well"),
    [
        ({"state": "active"}, {}, "active", True),
        ({"state": " ACTIVE "}, {}, "active", True),
        ({"state": "Inactive"}, {}, "inactive", None),
        ({"state": "UNHEALTHY"}, {}, "unhealthy", False),
        ({}, {"state": "UNHEALTHY"}, "unhealthy", False),
        ({}, {"connection": {"health": "ACTIVE"}}, "active", True),
        ({}, {"connection": {"healthStatus": "Unhealthy"}}, "unhealthy", False),
        ({"state": "active"}, {"health": {"status": "UNHEALTHY"}}, "unhealthy", False),
        ({"state": "active"}, {"connectionState": "INACTIVE"}, "inactive", None),
        ({"state": "active"}, {"status": "enabled"}, "active", True),
        ({}, {"status": "enabled", "state": None, "health": 7}, "", None),
        # states of other objects, and wanted states
        ({"state": "active", "settings": {"state": "UNHEALTHY"}}, {"updater": {"state": "inactive"}}, "active", True),
        ({"state": "active"}, {"nativeIntegration": {"status": "unhealthy"}}, "active", True),
        # undocumented states
        ({"state": "ACTIVATING"}, {}, "activating", None),
        ({"state": "pending"}, {"health": "ACTIVE"}, "pending", None),
        ({"state": "degraded"}, {}, "degraded", False),
        ({"state": "deleted"}, {}, "deleted", None),
        ({}, {}, "", None),
    ],
)
def test_the_state_of_a_connection_is_read_in_any_case_and_place(object: dict[str, Any], answer: dict[str, Any], state: str, well: bool | None) -> None:
    assert connection_state(object, answer) == state
    assert is_connection_healthy(connection_state(object, answer)) is well
    assert is_transitional(state) is (state in ("activating", "pending"))


@pytest.mark.parametrize(
    ("object", "answer", "reason"),
    [
        ({"state": "UNHEALTHY", "stateMessage": "No route."}, {}, "No route."),
        ({}, {"health": {"state": "UNHEALTHY", "reason": "No login."}}, "No login."),
        ({}, {"updater": {"message": "hello"}, "error": None}, ""),
    ],
)
def test_the_reason_is_read_from_any_place(object: dict[str, Any], answer: dict[str, Any], reason: str) -> None:
    assert unhealthy_reason(object, answer) == reason
