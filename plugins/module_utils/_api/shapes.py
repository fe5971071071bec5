# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The required shape of the tenant's answers: one table of fields per kind of object.

If the answer to a read has a field of the wrong kind, BadAnswer is raised. In the answer to a write, such a field is dropped: the
write has succeeded, and code that needs the field reads it again.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from .._core.errors import BadAnswer
from .._http.answer import Answer

Object = dict[str, Any]

_MAX_ID = 200


class Kind(Enum):
    """The kind of a field, with its wording for messages. Null counts as missing."""

    ID = "an id"
    TEXT = "a text"
    FLAG = "true or false"
    COUNT = "a number"
    OBJECT = "an object"
    PATH = "a list of names"


Kinds = Mapping[str, Kind]

INTEGRATION: Kinds = {"id": Kind.ID, "type": Kind.TEXT, "status": Kind.TEXT, "autoBootstrap": Kind.FLAG, "config": Kind.OBJECT}
CONNECTION: Kinds = {"connectionKey": Kind.TEXT, "connection": Kind.OBJECT, "nativeIntegrationId": Kind.ID}
DATA_OBJECT: Kinds = {"objectPath": Kind.PATH, "state": Kind.TEXT, "settings": Kind.OBJECT, "overrides": Kind.OBJECT, "childCount": Kind.COUNT}
JOB: Kinds = {"id": Kind.ID, "state": Kind.TEXT}


def read_object(answer: Answer, kinds: Kinds, what: str) -> Object:
    """Return the object in the answer to a read. Raise BadAnswer, with C(what) as the reason, if there is none or a field is of the wrong kind."""
    found = answer.json()
    if not isinstance(found, dict):
        raise answer.bad(what)
    return checked_object(answer, found, kinds)


def checked_object(answer: Answer, found: Object, kinds: Kinds) -> Object:
    """Return the object with ids as strings. Raise BadAnswer for a field of the wrong kind."""
    for name, kind in kinds.items():
        if not _has_kind(kind, found.get(name)):
            raise answer.bad(f"{name} is not {kind.value}")
    return with_string_ids(found, kinds)


def without_invalid_fields(found: Object, kinds: Kinds) -> Object:
    """Return the object with ids as strings and without fields of the wrong kind."""
    return with_string_ids({name: value for name, value in found.items() if name not in kinds or _has_kind(kinds[name], value)}, kinds)


def object_after_write(answer: Answer, kinds: Kinds) -> Object:
    """Return the object in the answer to a write; empty if the answer is empty or a word such as OK.

    Raise BadAnswer for an HTML page, and for JSON that cannot be parsed.
    """
    if not answer.text.strip():
        return {}
    try:
        found = answer.json()
    except BadAnswer:
        if answer.content_type != "text/plain" or answer.text.lstrip().startswith(("<", "{", "[", '"')):
            raise
        return {}
    return without_invalid_fields(found, kinds) if isinstance(found, dict) else {"validationResults": found} if isinstance(found, list) and found else {}


def with_string_ids(found: Object, kinds: Kinds) -> Object:
    """Return the object with its ids as strings, because the API uses both strings and numbers."""
    ids = {name: str(found[name]) for name, kind in kinds.items() if kind is Kind.ID and found.get(name) is not None}
    return {**found, **ids}


def _has_kind(kind: Kind, value: Any) -> bool:
    if value is None:
        return True
    if kind is Kind.ID:
        return _is_id(value)
    if kind is Kind.PATH:
        return isinstance(value, list) and all(isinstance(name, str) or _is_number(name) for name in value)
    if kind is Kind.COUNT:
        return _is_number(value)
    return isinstance(value, {Kind.TEXT: str, Kind.FLAG: bool, Kind.OBJECT: dict}[kind])


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_id(value: Any) -> bool:
    """Return whether the value is a number, or a text that can be part of a path."""
    return _is_number(value) or (isinstance(value, str) and value.strip() not in ("", ".", "..") and len(value) <= _MAX_ID)
