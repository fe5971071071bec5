# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: the API key sent raw, or a bearer token that was exchanged for it."""

from __future__ import annotations

import secrets
import threading

from .problems import Problem
from .settings import Settings


class Access:
    def __init__(self, api_key: str, settings: Settings) -> None:
        self._api_key = api_key
        self._settings = settings
        self._left: dict[str, int] = {}  # token: requests it is still good for; counted only when tokens expire
        self._lock = threading.Lock()

    def reset(self) -> None:
        self._left.clear()

    def exchange(self, key: object) -> dict[str, object]:
        """The body of POST /bim/apikey/authenticate: {authenticated, token}."""
        if not isinstance(key, str) or not self._is_key(key):
            if self._settings.refused_key == 200:
                return {"authenticated": False}
            raise Problem(401, "Invalid API key.")
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._left[token] = self._settings.token_requests
        return {"authenticated": True, "token": token}

    def check(self, authorization: str) -> None:
        """401 unless the Authorization header holds the key or a live token."""
        scheme, _unused, token = authorization.partition(" ")
        if scheme != "Bearer":
            if not self._is_key(authorization):
                raise Problem(401, "Invalid authentication.")
        elif not (self._settings.key_as_bearer and self._is_key(token)):
            self._spend(token)

    def _spend(self, token: str) -> None:
        with self._lock:
            left = self._left.get(token)
            if left is None:
                raise Problem(401, "Invalid or expired token.")
            if self._settings.token_requests and left <= 0:
                del self._left[token]
                raise Problem(401, "Invalid or expired token.")
            self._left[token] = left - 1

    def _is_key(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._api_key.encode())


def kind_of(authorization: str) -> str:
    """For the log: key, bearer or none."""
    return "bearer" if authorization.startswith("Bearer ") else "key" if authorization else "none"
