# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One integration and its life: what it is, in which status, and what its status turns into next."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

TRANSIENT = frozenset({"creating", "editing", "deleting", "migrating"})
# transient status: (the switch's word for it, status when it went well, status when it did not)
ENDINGS = {
    "creating": ("create", "enabled", "createError"),
    "editing": ("edit", "enabled", "editError"),
    "deleting": ("delete", "deleted", "deleteError"),
    "migrating": ("migrate", "enabled", "migrateError"),
}
STATUSES = frozenset({"deleted", "disabled", "recurringValidationError"}).union(TRANSIENT, *(ending[1:] for ending in ENDINGS.values()))
GONE = frozenset({"deleted", "disabled"})


@dataclass
class Ending:
    """How a transient status ends, and when: after a number of looks, or at a time of the monotonic clock."""

    status: str
    results: dict[str, Any]
    roll_back: dict[str, Any] | None = None
    looks: int = 0
    at: float | None = None


@dataclass
class Integration:
    id: int
    type: str
    auto_bootstrap: bool
    config: dict[str, Any]  # with defaults and secrets, as stored
    status: str = "enabled"
    results: dict[str, Any] = field(default_factory=dict)
    ending: Ending | None = None
    never_created: bool = False  # its creation failed, and no edit has mended it since
    account: dict[str, Any] | None = None  # how the system account that an automatic set-up made signs in
    connected: bool = False  # it is behind a connection, whose operator has made the system account

    def begin(
        self,
        status: str,
        *,
        error: dict[str, Any] | None,
        transitions: str,
        now: float,
        old: dict[str, Any] | None = None,
    ) -> None:
        """Enters a transient status. error: the validationResults it will end with; old: the config to roll back to then."""
        _unused, good, bad = ENDINGS[status]
        if status == "editing" and self.never_created:
            bad = "createError"
        ending = Ending(bad if error else good, error or self.results, roll_back=old if error else None)
        kind, _unused, amount = transitions.partition(":")
        if kind == "polls":
            ending.looks = int(amount)
        elif kind == "seconds":
            ending.at = now + float(amount)
        self.status, self.ending = status, ending
        if kind == "immediate":
            self.look(now)

    def look(self, now: float, *, counts: bool = True) -> None:
        """One look from outside: moves on when it is time to. A look that does not count uses none of the N up."""
        ending = self.ending
        if ending is None:
            return
        if ending.looks > 0:
            ending.looks -= counts
        elif ending.at is None or now >= ending.at:
            self.force(ending.status, ending.results)
            if ending.roll_back is not None:
                self.config = ending.roll_back

    def force(self, status: str, results: dict[str, Any] | None = None) -> None:
        self.status, self.ending = status, None
        self.results = self.results if results is None else results
        if status in ("createError", "enabled"):
            self.never_created = status == "createError"


def same_key(left: Any, right: Any) -> bool:
    """Whether two values of a type's key attribute name the same thing: hosts in any case, with scheme or final dot."""
    return _bare(left) == _bare(right)


def _bare(value: Any) -> str:
    return re.sub(r"^https?://|[./]+$", "", str(value)).lower()
