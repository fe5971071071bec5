# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's integrations: finding them, what the API shows of them, and which stand in another's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from .documents import Wanted, expanded, redacted, value_at
from .integrations import GONE, TRANSIENT, Integration, same_key
from .platforms import PLATFORMS
from .problems import Problem
from .settings import Settings


class Registry:
    """lock: held while anything in here is looked at or changed."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self._settings = settings
        self._clock = clock
        self._records: dict[int, Integration] = {}
        self._last_id = 0

    def add(self, wanted: Wanted, status: str, results: dict[str, Any]) -> Integration:
        """A new integration, unless another is in its way."""
        with self.lock:
            self.refuse_taken(wanted)
            return self._put(self._last_id + 1, wanted, status, results)

    def found(self, id_: str, word: str = "integration") -> Integration:
        """The integration, if the API shows it; 404 otherwise (the vendor spells the word in two ways)."""
        with self.lock:
            record = self._records.get(int(id_))
            if record is None or not self._seen(record):
                raise Problem(404, f"No {word} found with ID {id_}.")
            return record

    def visible(self) -> list[Integration]:
        """The integrations that the API shows."""
        return [record for record in list(self._records.values()) if self._seen(record)]

    def view(self, record: Integration) -> dict[str, Any]:
        """An integration as GET shows it."""
        document: dict[str, Any] = {"id": str(record.id), "status": record.status, "validationResults": record.results, "type": record.type}
        if record.type != "Trino":
            document["autoBootstrap"] = record.auto_bootstrap
            document["config"] = redacted(PLATFORMS[record.type], record.config, self._settings)
        return document

    def begin(self, record: Integration, status: str, error: dict[str, Any] | None, old: dict[str, Any] | None = None) -> None:
        """A transient status, with the end that it will take."""
        with self.lock:
            record.begin(status, error=error, transitions=self._settings.transitions, now=self._clock(), old=old)

    def refuse_busy(self, record: Integration, what: str) -> None:
        if record.status in TRANSIENT or record.status in GONE:
            raise Problem(409, f"Unable to {what} integration with ID {record.id} in current state {record.status}.")

    def refuse_taken(self, wanted: Wanted, besides: int | None = None) -> None:
        """409 for another integration of the type with the same key; 400 when that one's creation failed."""
        with self.lock:
            other = self._rival(wanted, besides)
        if other is None:
            return
        name = f" {wanted.key}" if wanted.platform.key else ""
        if other.status == "createError":
            raise Problem(
                400,
                f"Use PUT /integrations/{other.id} endpoint to update connection information for {wanted.type} integration"
                f"{name and ' on host' + name} (id = {other.id}) that previously failed to create.",
            )
        wording = self._settings.conflict_wording
        text = f"{wanted.type} integration already exists{name and ' ' + wording + name} (id = {other.id})"
        raise Problem(409, text if wording == "on host" else f"{text}.")

    def others(self, type_: str, besides: int | None) -> list[Integration]:
        """The other integrations of a type that are not gone."""
        with self.lock:
            others = [record for record in self._records.values() if record.type == type_ and record.id != besides]
            for other in others:
                other.look(self._clock(), counts=False)
            return [other for other in others if other.status not in GONE]

    def _rival(self, wanted: Wanted, besides: int | None) -> Integration | None:
        key = wanted.platform.key
        others = self.others(wanted.type, besides)
        return next((other for other in others if not key or same_key(value_at(other.config, key), wanted.key)), None)

    def _seen(self, record: Integration) -> bool:
        """One look from outside; whether there is something to see."""
        record.look(self._clock())
        shown = {"deleted": self._settings.show_deleted, "disabled": self._settings.show_disabled}
        return bool(shown.get(record.status, True))

    def _put(self, id_: int, wanted: Wanted, status: str, results: dict[str, Any]) -> Integration:
        self._last_id = max(self._last_id, id_)
        record = Integration(id_, wanted.type, wanted.automatic, wanted.config, status, results, never_created=status == "createError")
        self._records[id_] = record
        return record

    # -- what only tests do -------------------------------------------------------------------------------------------

    def reset(self) -> None:
        with self.lock:
            self._records.clear()
            self._last_id = 0

    def seed(self, document: dict[str, Any]) -> str:
        """Puts an integration there as if it had been made earlier; returns its id. ValueError for an unknown type."""
        type_ = document.get("type", "")
        if type_ not in PLATFORMS:
            raise ValueError(f"there is no integration type {type_!r}")
        config = expanded(PLATFORMS[type_], document.get("config") or {})
        results = document.get("validationResults") or {"status": "passed", "validationTests": []}
        with self.lock:
            id_ = int(document.get("id", self._last_id + 1))
            self._put(id_, Wanted(type_, document.get("autoBootstrap") is True, config), document.get("status", "enabled"), results)
        return str(id_)

    def inside(self, id_: str) -> Integration:
        """An integration whatever the API shows, without a look; KeyError when there is none."""
        return self._records[int(id_)]

    def has(self, id_: int) -> bool:
        return id_ in self._records

    def stored(self) -> list[dict[str, Any]]:
        """Everything as it is stored, secrets included, without a look."""
        names = {"type": "type", "autoBootstrap": "auto_bootstrap", "status": "status", "config": "config", "account": "account"}
        with self.lock:
            return [{"id": str(record.id), **{name: getattr(record, attribute) for name, attribute in names.items()}} for record in self._records.values()]
