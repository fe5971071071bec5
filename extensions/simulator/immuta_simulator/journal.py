# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of every request. Bodies are kept apart, in memory, for tests; they never go to the file."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

# Requests that are not GET and still change nothing
HARMLESS = re.compile(r"/integrations(/[^/]+)?/scripts/[^/]+|/bim/apikey/authenticate|/data/object/search(/.*)?|/data/connection/test|/jobs/statuses")


def is_write(method: str, path: str, query: str) -> bool:
    """Whether a request changes something on a tenant, or would if it were let."""
    if method in ("GET", "HEAD", "OPTIONS") or (method == "POST" and HARMLESS.fullmatch(path)):
        return False
    return not flag(query, "dryRun")


def flag(query: str, name: str) -> bool:
    return parse_qs(query).get(name, ["false"])[-1].lower() == "true"


class Journal:
    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: list[dict[str, Any]] = []
        self._bodies: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def add(self, entry: dict[str, Any], sent: str, received: str) -> None:
        """entry: method, path, query, status, connection, write, time, user_agent, auth, fault."""
        with self._lock:
            entry = {"number": len(self._entries) + 1, **entry}
            self._entries.append(entry)
            self._bodies.append(
                {
                    "number": entry["number"],
                    "method": entry["method"],
                    "path": entry["path"],
                    "sent": sent,
                    "received": received,
                }
            )
            if self._path:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._entries)

    def bodies(self) -> list[dict[str, Any]]:
        """[{number, method, path, sent, received}]: texts as they went over the wire, secrets included."""
        with self._lock:
            return list(self._bodies)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._bodies.clear()
