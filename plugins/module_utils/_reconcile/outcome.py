# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a reconciliation: the plan, what the tenant validated, and both as the keys of a module's result.

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
    """What happened, or would happen, to one object of the tenant."""

    plan: Plan
    validation: Mapping[str, Any] = field(default_factory=lambda: dict(NOT_VALIDATED))
    #: the object was there already when it was to be created
    adopted: bool = False

    @property
    def healthy(self) -> bool | None:
        """Whether Immuta reports the object as working; None when nobody can tell yet."""
        return None

    def as_result(self) -> dict[str, Any]:
        """The keys that the results of all reconcilers share."""
        return {**plan_as_result(self.plan), "adopted": self.adopted, "validation": dict(self.validation)}


def plan_as_result(plan: Plan) -> dict[str, Any]:
    """The keys of a module's result that a plan alone determines."""
    return {
        "changed": plan.action != "unchanged",
        "action": plan.action,
        "changes": [change.as_dict() for change in plan.changes],
        "changed_reason": plan.reason,
        "diff": {"before": plan.before, "after": plan.after},
    }


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document in the API's shape, without its secrets, and with what validation tests say as lines to show."""
    shown: dict[str, Any] = mask(dict(document))
    for test in validation_tests(shown):
        test.update(printable_test(test))
    return shown
