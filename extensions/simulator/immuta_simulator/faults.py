# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: what the next matching requests meet instead of, or after, their handler."""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass, field, fields
from typing import Any

EFFECTS = ("status", "headers", "reset", "delay", "drip", "down")


@dataclass
class Fault:
    """The next `times` requests whose method and path (with ?query) match, each by regular expression.

    status, headers, body: this answer instead of the real one. when: before the handler acts, or after it has acted.
    reset: the connection is closed without an answer. truncate: only so many characters of the real body arrive
    (wire: the Content-Length still promises the rest). delay: seconds before (or after) the handler acts. drip: seconds
    between the single bytes of the real body. headers without a status: in place of the real answer's. down: behind the
    answer new connections are refused for so many seconds. skip: so many matching requests go well first.
    """

    method: str = ".*"
    path: str = ".*"
    times: int = 1
    when: str = "before"
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    reset: bool = False
    truncate: int | None = None
    wire: bool = False
    delay: float = 0.0
    drip: float = 0.0
    down: float = 0.0
    skip: int = 0

    def __post_init__(self) -> None:
        for pattern in (self.method, self.path):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        if self.when not in ("before", "after"):
            raise ValueError(f"when is before or after, not {self.when!r}")
        if self.truncate is None and not any(getattr(self, effect) for effect in EFFECTS):
            raise ValueError(f"a fault without an effect: it needs one of truncate, {', '.join(EFFECTS)}")

    def matches(self, method: str, target: str) -> bool:
        return re.fullmatch(self.method, method) is not None and re.search(self.path, target) is not None

    def skips(self) -> bool:
        """Whether this matching request is one that goes well."""
        self.skip -= 1
        return self.skip >= 0

    @property
    def name(self) -> str:
        """For the log."""
        if self.reset or self.status:
            return f"{'reset' if self.reset else f'status {self.status}'} {self.when}"
        met = {"truncated": self.truncate is not None, "drip": self.drip, "down": self.down, "headers": self.headers}
        return next((what for what, meets in met.items() if meets), "delay")


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, **values: Any) -> None:
        """ValueError for an unknown key or a bad value."""
        known = {entry.name for entry in fields(Fault)}
        if unknown := set(values) - known:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}; it has: {', '.join(sorted(known))}")
        with self._lock:
            self._faults.append(Fault(**values))

    def take(self, method: str, target: str) -> Fault | None:
        """The first fault that matches, used up by one."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(method, target) and not fault.skips():
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]
