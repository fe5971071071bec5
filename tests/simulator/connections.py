# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's connections, as much of /data as tells which integration a connection owns (Connections API)."""

from __future__ import annotations

from typing import Any

from .problems import Problem
from .settings import Settings

TIME = "2024-12-22T18:28:46.328Z"
ADMIN = {"id": 2, "name": "Taylor Smith", "email": "taylor@example.com"}


class Connections:
    """Seeded with [{connectionKey, nativeIntegrationId, connection: {technology, hostname, ...}}], without secrets."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connections: list[dict[str, Any]] = []

    def seed(self, connections: list[dict[str, Any]]) -> None:
        for connection in connections:
            if not isinstance(connection.get("connectionKey"), str):
                raise ValueError("a connection needs a connectionKey")
        self._connections = list(connections)

    def search(self, path: str) -> Any:
        """The connections; what is in one is not simulated."""
        self._refuse()
        found = [] if path else [self._object(connection) for connection in self._connections]
        return found if self._settings.search_form == "list" else {"count": len(found), "hits": found}

    def get(self, key: str) -> dict[str, Any]:
        self._refuse()
        for connection in self._connections:
            if connection["connectionKey"] == key:
                made = {
                    "createdAt": TIME,
                    "createdBy": 2,
                    "updatedAt": TIME,
                    "updatedBy": 2,
                    "creator": ADMIN,
                    "updater": ADMIN,
                }
                return {"connectionKey": key, "connection": {}, **made, **connection}
        raise Problem(404, f"No connection found with key {key}.")

    def _refuse(self) -> None:
        if self._settings.data_api == "403":
            raise Problem(403, "You do not have permission to perform this action.")
        if self._settings.data_api == "404":
            raise Problem(404, "Not Found")

    @staticmethod
    def _object(connection: dict[str, Any]) -> dict[str, Any]:
        technology = connection.get("connection", {}).get("technology", "Snowflake")
        return {
            "objectPath": [connection["connectionKey"]],
            "technology": technology,
            "state": "active",
            "settings": {
                "isActive": True,
                "activateNewChildren": {"value": True, "hasDescendantsWithOverrides": False},
            },
            "overrides": {},
        }
