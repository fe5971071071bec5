# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Connections API, one method an endpoint.

Source: the vendor's pages "Manage a Connection" and "Deregister a Connection".

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from ._errors import Forbidden, NotFound
from ._http import Session


class Connections:
    """C(/data) of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def search(self) -> list[dict[str, Any]]:
        """C(POST /data/object/search): the objects at the top, which are the connections. It changes nothing."""
        return list(_objects(self._session.request("POST", "/data/object/search", json={}, safe=True).json()))

    def get(self, connection_key: str) -> dict[str, Any]:
        """C(GET /data/connection/{connectionKey}). Raises NotFound."""
        answer: dict[str, Any] = self._session.request("GET", f"/data/connection/{quote(connection_key, safe='')}").json()
        return answer

    def owner_of(self, integration_id: str) -> str | None:
        """The key of the connection that the integration belongs to; None when it stands alone.

        A tenant that has no connections, or does not let this key see them, answers 403 or 404.
        """
        try:
            keys = [path[0] for path in (found.get("objectPath") or [] for found in self.search()) if len(path) == 1]
        except (Forbidden, NotFound):
            return None
        for key in keys:
            try:
                native = self.get(key).get("nativeIntegrationId")
            except (Forbidden, NotFound):
                continue
            if native is not None and str(native) == integration_id:
                return str(key)
        return None


def _objects(answer: Any) -> Iterator[dict[str, Any]]:
    """The objects of a search answer: a list, or an object that holds one list (the shape is not documented)."""
    if isinstance(answer, dict):
        answer = next((value for value in answer.values() if isinstance(value, list)), [])
    for found in answer if isinstance(answer, list) else []:
        if isinstance(found, dict):
            yield found
