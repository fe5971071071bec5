# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on request: what the next matching requests meet instead of, or beside, what they ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Fault:
    """The next `times` requests whose method and path match, and for a new statement its text, by regular expression.

    pending, running: seconds that the statement stays in that state. state: how it ends, without having been carried out unless
    `acts`; error_code, message, sql_state: with what words. status, headers, body: this answer to the request instead of the
    real one; hang_up: none at all, the connection is reset; both after the request was carried out if `acts`.
    """

    method: str = "POST"
    path: str = "/api/2.0/sql/statements/?"
    statement: str = ""
    times: int = 1
    acts: bool = False
    pending: float = 0.0
    running: float = 0.0
    state: str = ""
    error_code: str = "INTERNAL_ERROR"
    message: str = ""
    sql_state: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    hang_up: bool = False

    @classmethod
    def of(cls, document: dict[str, Any]) -> Fault:
        """ValueError for what is no attribute of a fault."""
        if unknown := set(document) - {entry.name for entry in fields(cls)}:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        return cls(**document)

    @property
    def answers(self) -> bool:
        """Whether the request does not get its real answer."""
        return self.hang_up or self.status is not None

    def matches(self, method: str, path: str, statement: str) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None and re.search(self.statement, statement) is not None


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def waiting(self) -> list[Fault]:
        return list(self._waiting)

    def take(self, method: str, path: str, statement: str) -> Fault:
        """The first one that matches, used up by one; one that does nothing if none does."""
        for fault in self._waiting:
            if fault.matches(method, path, statement):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return Fault()
