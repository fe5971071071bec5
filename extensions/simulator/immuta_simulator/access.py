# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: an API key of the user sent raw, or a bearer token that was exchanged for it. And the keys themselves."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .problems import Problem
from .settings import Settings

SCOPES = frozenset({"plugin:trino"})


@dataclass
class SystemKey:
    """A key that a plugin asks with: it opens none of the paths here."""

    id: str
    name: str
    connection: str
    scopes: frozenset[str]
    text: str


class Access:
    def __init__(self, api_key: str, settings: Settings) -> None:
        self._api_key = api_key
        self._settings = settings
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._numbers = itertools.count(2)
            self._keys = {"1": self._api_key}  # of the user, by id
            self._system: dict[str, SystemKey] = {}  # by name
            self._left: dict[str, int] = {}  # token: requests it is still good for; counted only when tokens expire
            self._issuer: dict[str, str] = {}  # token: id of the key that it was exchanged for

    def exchange(self, key: object) -> dict[str, object]:
        """The body of POST /bim/apikey/authenticate: {authenticated, token}."""
        issuer = self._id_of(key) if isinstance(key, str) else None
        if issuer is None:
            if self._settings.refused_key == 200:
                return {"authenticated": False}
            raise Problem(401, "Invalid API key.")
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._left[token] = self._settings.token_requests
            self._issuer[token] = issuer
        return {"authenticated": True, "token": token}

    def check(self, authorization: str) -> None:
        """401 unless the Authorization header holds a key or a live token."""
        scheme, _unused, token = authorization.partition(" ")
        if scheme != "Bearer":
            if self._id_of(authorization) is None:
                raise Problem(401, "Invalid authentication.")
        elif not (self._settings.key_as_bearer and self._id_of(token)):
            self._spend(token)

    def _spend(self, token: str) -> None:
        with self._lock:
            left = self._left.get(token)
            if left is None or self._issuer[token] not in self._keys:
                raise Problem(401, "Invalid or expired token.")
            if self._settings.token_requests and left <= 0:
                del self._left[token]
                raise Problem(401, "Invalid or expired token.")
            self._left[token] = left - 1

    def _id_of(self, text: str) -> str | None:
        with self._lock:
            return next((id_ for id_, key in self._keys.items() if secrets.compare_digest(text.encode(), key.encode())), None)

    # -- keys ---------------------------------------------------------------------------------------------------------

    def make(self, body: Any) -> Any:
        """POST /apikey: a further key of the user."""
        given = body if isinstance(body, dict) else {}
        name = given.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= 254:
            raise Problem(400, 'Invalid request payload input: "name" is required, with at most 254 characters')
        if given.get("projectId") not in (None, 1):
            raise Problem(404, "Project not found.")
        with self._lock:
            id_, text = str(next(self._numbers)), secrets.token_hex(16)
            self._keys[id_] = text
        return self._shown(id_, text, {"name": name})

    def remove(self, id_: str) -> dict[str, Any]:
        """DELETE /apikey/{keyid}, with the tokens made of it."""
        with self._lock:
            if self._keys.pop(id_, None) is None:
                raise Problem(404, "API key not found.")
        return {"id": int(id_)}

    def system(self, body: Any, is_connection: Callable[[str], bool]) -> Any:
        """POST /apikey/system: the key of a name, connection and scopes, made or made anew where that is wanted."""
        if not self._settings.application_admin:
            raise Problem(403, "You do not have permission to perform this action: APPLICATION_ADMIN is required.")
        given = body if isinstance(body, dict) else {}
        name, connection, scopes = given.get("name"), given.get("connectionKey"), given.get("scopes")
        if not isinstance(name, str) or not name:
            raise Problem(400, 'Invalid request payload input: "name" is required')
        if not isinstance(scopes, list) or not scopes or not SCOPES.issuperset(map(str, scopes)):
            raise Problem(400, "Invalid scopes.")
        if not is_connection(str(connection)):
            raise Problem(400, f"There is no connection with the key {connection}.")
        with self._lock:
            there = self._system.get(name)
            if there and (there.connection, there.scopes) != (connection, frozenset(scopes)):
                raise Problem(400, f"The name {name} is in use.")
            if there is None or given.get("regenerate") is True:
                there = SystemKey(str(next(self._numbers)), name, str(connection), frozenset(scopes), secrets.token_hex(16))
                self._system[name] = there
        return self._shown(there.id, there.text, {"name": name, "connectionKey": connection, "scopes": scopes})

    def _shown(self, id_: str, text: str, more: dict[str, Any]) -> Any:
        form = self._settings.key_form
        if form == "text":
            return text
        if form == "nested":
            return {**more, "apiKey": {"id": int(id_), "value": text}}
        return {"id": int(id_), **more, **({} if form == "absent" else {form: text})}

    def keys(self) -> dict[str, Any]:
        """All keys: those of the user by id, those of plugins by name."""
        with self._lock:
            return {"user": dict(self._keys), "system": {name: key.text for name, key in self._system.items()}}


def kind_of(authorization: str) -> str:
    """For the log: key, bearer or none."""
    return "bearer" if authorization.startswith("Bearer ") else "key" if authorization else "none"
