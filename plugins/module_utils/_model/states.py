# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step for an integration, by its status and the wanted state; and the states of connections.

Source: the vendor's page "Response Schema" (statuses) and "HTTP Status Codes and Error Messages" (requests that each allows), and for
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
#: an integration with one of these statuses counts as missing
GONE = frozenset({"deleted", "disabled"})
FAILED = frozenset({"createError", "editError", "deleteError", "migrateError"})
HEALTHY = "enabled"


class Step(Enum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    NOTHING = "nothing"
    #: the settings are as wanted, but Immuta reports a failure: warn, change nothing
    REPORT = "report"
    #: Immuta is changing it: wait, then read it again
    WAIT = "wait"


#: status (None: no integration) -> steps for (present and equal, present and different, absent)
_STEPS: dict[str | None, tuple[Step, Step, Step]] = {
    None: (Step.CREATE, Step.CREATE, Step.NOTHING),
    "deleted": (Step.CREATE, Step.CREATE, Step.NOTHING),
    "disabled": (Step.CREATE, Step.CREATE, Step.NOTHING),
    "creating": (Step.WAIT, Step.WAIT, Step.WAIT),
    "editing": (Step.WAIT, Step.WAIT, Step.WAIT),
    "deleting": (Step.WAIT, Step.WAIT, Step.WAIT),
    "migrating": (Step.WAIT, Step.WAIT, Step.WAIT),
    "enabled": (Step.NOTHING, Step.UPDATE, Step.DELETE),
    # an update completes a failed creation, even with the same settings
    "createError": (Step.UPDATE, Step.UPDATE, Step.DELETE),
    # Immuta rolled these back, so the observed settings are the previous ones
    "editError": (Step.REPORT, Step.UPDATE, Step.DELETE),
    "deleteError": (Step.REPORT, Step.UPDATE, Step.DELETE),
    "migrateError": (Step.REPORT, Step.UPDATE, Step.DELETE),
    "recurringValidationError": (Step.REPORT, Step.UPDATE, Step.DELETE),
}
#: an undocumented status
_UNKNOWN = (Step.REPORT, Step.UPDATE, Step.DELETE)

STATUSES = tuple(status for status in _STEPS if status)


def next_step(status: str | None, *, wanted: str, equal: bool = True) -> Step:
    """Return the step from C(status) (None: no integration) to C(wanted) (present or absent). equal: whether the settings are as wanted."""
    present_equal, present_different, absent = _STEPS.get(status, _UNKNOWN)
    if wanted == "absent":
        return absent
    return present_equal if equal else present_different


def is_healthy(status: str | None) -> bool | None:
    """Return True if enabled, False if Immuta reports a failure, None if unknown."""
    if status == HEALTHY:
        return True
    return None if status is None or status in TRANSIENT or status in GONE else False


# --- connections -------------------------------------------------------------------------------------------------

ACTIVE, INACTIVE, UNHEALTHY = "active", "inactive", "unhealthy"

# If the answers show several states, the first of these counts.
_WORST_FIRST = (UNHEALTHY, INACTIVE, ACTIVE)
_STATE_NAME = re.compile(r"(state|status|health)$")
_REASON_NAME = re.compile(r"(message|reason|error)$")
# Below these keys, a state belongs to another object, or is a setting.
_NOT_OWN_STATE = frozenset({"settings", "overrides", "creator", "updater", "nativeIntegration", "dataOwners"})


def connection_state(*shown: Mapping[str, Any]) -> str:
    """Return the state of a connection or of an object in it, in lower case; empty if no answer shows one.

    shown: the answers about the object; the first one may have C(state). Newer tenants use upper case. They do not document where
    they show that a connection is unhealthy, so every key that can hold a state counts.
    """
    words = [word for answer in shown for word in _texts_named(answer, _STATE_NAME)]
    own = str(shown[0].get("state") or "").strip().lower()
    return next((state for state in _WORST_FIRST if state in words), own) if own in ("", *_WORST_FIRST) else own


def unhealthy_reason(*shown: Mapping[str, Any]) -> str:
    """Return the tenant's reason why a connection is unhealthy; empty if the answers hold none."""
    return next((text for answer in shown for text in _texts_named(answer, _REASON_NAME, as_it_is=True)), "")


def _texts_named(answer: Mapping[str, Any], names: re.Pattern[str], *, as_it_is: bool = False) -> Iterator[str]:
    """Return the texts under matching names, at any depth of the answer."""
    for name, value in answer.items():
        if isinstance(value, str) and names.search(name.lower()):
            yield value if as_it_is else value.strip().lower()
        elif isinstance(value, Mapping) and name not in _NOT_OWN_STATE:
            yield from _texts_named(value, names, as_it_is=as_it_is)


def is_transitional(state: str) -> bool:
    """Return whether a state is transitional, which its ending shows: activating, pending."""
    return state.endswith("ing")


def is_connection_healthy(state: str) -> bool | None:
    """Return True for an active connection, False for any other permanent state, None if the state is inactive, transitional or unknown."""
    if state in ("", INACTIVE, "deleted") or is_transitional(state):
        return None
    return state == ACTIVE
