# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do with an integration: its status x what is wanted -> a step.

Source: the vendor's page "Response Schema" (statuses) and "HTTP Status Codes and Error Messages" (what each accepts).

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from enum import Enum

LEAVING = "deleting"
TRANSIENT = frozenset({"creating", "editing", LEAVING, "migrating"})
#: an integration in one of these is as good as none
GONE = frozenset({"deleted", "disabled"})
FAILED = frozenset({"createError", "editError", "deleteError", "migrateError"})
HEALTHY = "enabled"


class Step(Enum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NOTHING = "nothing"
    #: as it should be, but Immuta reports a failure: nothing to do, and never silently
    REPORT = "report"
    #: something is under way: wait, and look again
    WAIT = "wait"


#: status -> (present and equal, present and different, absent); no status: there is no such integration
_STEPS: dict[str | None, tuple[Step, Step, Step]] = {
    None: (Step.CREATE, Step.CREATE, Step.NOTHING),
    "deleted": (Step.CREATE, Step.CREATE, Step.NOTHING),
    "disabled": (Step.CREATE, Step.CREATE, Step.NOTHING),
    "creating": (Step.WAIT, Step.WAIT, Step.WAIT),
    "editing": (Step.WAIT, Step.WAIT, Step.WAIT),
    "deleting": (Step.WAIT, Step.WAIT, Step.WAIT),
    "migrating": (Step.WAIT, Step.WAIT, Step.WAIT),
    "enabled": (Step.NOTHING, Step.UPDATE, Step.DELETE),
    # a creation that failed is finished by an update, even to the same settings
    "createError": (Step.UPDATE, Step.UPDATE, Step.DELETE),
    # these were rolled back: what is observed is what was there before
    "editError": (Step.REPORT, Step.UPDATE, Step.DELETE),
    "deleteError": (Step.REPORT, Step.UPDATE, Step.DELETE),
    "migrateError": (Step.REPORT, Step.UPDATE, Step.DELETE),
    "recurringValidationError": (Step.REPORT, Step.UPDATE, Step.DELETE),
}
#: a status that the documents do not have yet is reported, not guessed at
_UNKNOWN = (Step.REPORT, Step.UPDATE, Step.DELETE)

STATUSES = tuple(status for status in _STEPS if status)


def next_step(status: str | None, *, wanted: str, equal: bool = True) -> Step:
    """The step from C(status) (None: no integration) to C(wanted) (present or absent); C(equal): nothing differs."""
    present_equal, present_different, absent = _STEPS.get(status, _UNKNOWN)
    if wanted == "absent":
        return absent
    return present_equal if equal else present_different


def is_healthy(status: str | None) -> bool | None:
    """True when enabled, False when Immuta reports a failure, None while nobody can tell."""
    if status == HEALTHY:
        return True
    return None if status is None or status in TRANSIENT or status in GONE else False
