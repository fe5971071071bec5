# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys: one method per endpoint. Vendor's page: "Manage API Keys".

The page documents the requests, but not the key's field in the answers. So the key is searched for under all likely names.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import BadAnswer
from .._core.secrets import is_redacted
from .._http.answer import Answer
from .._http.session import Session, path_of
from .shapes import Object

# Names that may hold the key and its id, by priority; without case and separators.
_KEYS = ("apikey", "systemapikey", "newkey", "key", "keyvalue", "rawkey", "value", "token", "secret")
_IDS = ("keyid", "apikeyid", "systemapikeyid", "id")
_KEY = re.compile(r"[!-~]{8,}")


@dataclass(frozen=True)
class Key:
    """An API key. id: identifies the key for its removal; empty if the tenant does not return it."""

    text: str = field(repr=False)
    id: str = ""


class Keys:
    """C(/apikey) of one tenant. All methods raise the errors of C(Session.request). The session masks each key that an answer holds."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def system(self, connection_key: str, name: str, scopes: Sequence[str], *, regenerate: bool = False) -> Key:
        """POST /apikey/system. Return the key of that name, connection and scopes; the tenant creates it if needed. Raise BadAnswer if the answer holds no key.

        regenerate: replace an existing key, which stops working at once.
        """
        body = {"name": name, "scopes": list(scopes), "connectionKey": connection_key, "regenerate": regenerate}
        return self._key_in(self._session.request("POST", path_of("apikey", "system"), json=body), body)

    def make(self, name: str, *, project_id: int | None = None) -> Key:
        """POST /apikey. Return an additional key of the current user. After AnswerLost or BadAnswer the key may exist, but its text is lost."""
        body = {"name": name, **({} if project_id is None else {"projectId": project_id})}
        return self._key_in(self._session.request("POST", path_of("apikey"), json=body), body)

    def remove(self, key_id: str) -> None:
        """DELETE /apikey/{keyid}. Remove one of the current user's keys. Raise NotFound if it does not exist."""
        self._session.request("DELETE", path_of("apikey", key_id))

    def _key_in(self, answer: Answer, sent: Mapping[str, Any]) -> Key:
        """Return the key in an answer: an object that holds it at any depth, or the plain text. Raise BadAnswer if there is none."""
        try:
            found = answer.json()
        except BadAnswer:
            if answer.content_type != "text/plain":
                raise
            found = answer.text.strip()
        named = {"key": found} if isinstance(found, str) else found if isinstance(found, dict) else {}
        echoed = [value for value in sent.values() if isinstance(value, str)]
        text = next((value for value in _named(named, _KEYS) if _is_key(value) and value not in echoed), "")
        if not text:
            raise answer.bad("there is no API key in it")
        self._session.secrets.add(text)
        return Key(text, next((str(value) for value in _named(named, _IDS) if _is_id(value)), ""))


def _named(found: Object, names: Sequence[str]) -> Iterator[Any]:
    """Return the values under these names: lower depths first, and at one depth in the order of the names."""
    level = [found]
    while level:
        fields = [(re.sub(r"[^a-z]", "", str(name).lower()), value) for each in level for name, value in each.items()]
        yield from (value for name in names for field, value in fields if field == name)
        below = [item for _name, value in fields for item in (value if isinstance(value, list) else [value])]
        level = [item for item in below if isinstance(item, dict)]


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None and not is_redacted(value)


def _is_id(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and re.fullmatch(r"[\w-]{1,200}", value) is not None)
