# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do with an integration: its status x what is wanted -> a step. And the states of connections.

Source: the vendor's page "Response Schema" (statuses) and "HTTP Status Codes and Error Messages" (what each accepts), and for
connections "Manage Connection Objects" (active, inactive) and the change log of 2026 (ACTIVE, INACTIVE, UNHEALTHY).

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

DELETING = "deleting"
TRANSIENT = frozenset({"creating", "editing", DELETING, "migrating"})
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


# --- connections -------------------------------------------------------------------------------------------------

ACTIVE, INACTIVE, UNHEALTHY = "active", "inactive", "unhealthy"

# Of several that are shown the first one here is believed.
_WORST_FIRST = (UNHEALTHY, INACTIVE, ACTIVE)
_STATE_NAME = re.compile(r"(state|status|health)$")
_REASON_NAME = re.compile(r"(message|reason|error)$")
# What is below these is the state of something else, or wanted and not observed.
_NOT_OWN_STATE = frozenset({"settings", "overrides", "creator", "updater", "nativeIntegration", "dataOwners"})


def connection_state(*shown: Mapping[str, Any]) -> str:
    """The state of a connection or of an object in it, in lower case; empty when no answer shows one.

    C(shown): the answers about it, the first of which has its C(state) if any has. Newer tenants write it in upper case, and where
    they show that a connection is unhealthy is not documented: so any place counts in which a state can stand.
    """
    words = [word for answer in shown for word in _texts_named(answer, _STATE_NAME)]
    own = str(shown[0].get("state") or "").strip().lower()
    return next((state for state in _WORST_FIRST if state in words), own) if own in ("", *_WORST_FIRST) else own


def unhealthy_reason(*shown: Mapping[str, Any]) -> str:
    """What the answers say of why it is unhealthy, in the tenant's words; empty when they say nothing."""
    return next((text for answer in shown for text in _texts_named(answer, _REASON_NAME, as_it_is=True)), "")


def _texts_named(answer: Mapping[str, Any], names: re.Pattern[str], *, as_it_is: bool = False) -> Iterator[str]:
    """The texts under such names, wherever in the answer they stand."""
    for name, value in answer.items():
        if isinstance(value, str) and names.search(name.lower()):
            yield value if as_it_is else value.strip().lower()
        elif isinstance(value, Mapping) and name not in _NOT_OWN_STATE:
            yield from _texts_named(value, names, as_it_is=as_it_is)


def is_transitional(state: str) -> bool:
    """Whether a state is on its way to another one, as its name says: activating, pending."""
    return state.endswith("ing")


def is_connection_healthy(state: str) -> bool | None:
    """True for an active connection, False for one that Immuta reports as anything else that stays, None when nobody can tell."""
    if state in ("", INACTIVE, "deleted") or is_transitional(state):
        return None
    return state == ACTIVE
