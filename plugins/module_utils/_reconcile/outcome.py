# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of a reconciliation: the plan and the tenant's validation, and both as keys of a module's result.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import printable_test, validation_tests
from .._core.secrets import mask
from .._plan.plan import Plan

NOT_VALIDATED: dict[str, Any] = {"status": "not_asked", "tests": []}


@dataclass(frozen=True)
class Outcome:
    """What happened (or, in check mode, would happen) to one object of the tenant."""

    plan: Plan
    validation: Mapping[str, Any] = field(default_factory=lambda: dict(NOT_VALIDATED))
    #: whether the object already existed when the task tried to create it
    adopted: bool = False

    @property
    def healthy(self) -> bool | None:
        """Whether Immuta reports the object as healthy; None if unknown."""
        return None

    def as_result(self) -> dict[str, Any]:
        """Return the keys that the results of all reconcilers share."""
        return {**plan_as_result(self.plan), "adopted": self.adopted, "validation": dict(self.validation)}


def plan_as_result(plan: Plan) -> dict[str, Any]:
    """Return the keys of a module's result that the plan alone determines."""
    return {
        "changed": plan.action != "unchanged",
        "action": plan.action,
        "changes": [change.as_dict() for change in plan.changes],
        "changed_reason": plan.reason,
        "diff": {"before": plan.before, "after": plan.after},
    }


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API document with secrets masked, and with the texts of validation tests made printable."""
    shown: dict[str, Any] = mask(dict(document))
    for test in validation_tests(shown):
        test.update(printable_test(test))
    return shown
