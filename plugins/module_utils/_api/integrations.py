# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Integrations API: one method per endpoint. Vendor's page: "Integrations API Endpoints".

The methods return the objects of the API unchanged, except that an id is always a string. The API itself uses strings and numbers.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import OptionError, ScriptRefused
from .._http.answer import Answer, UnusableJson, parse_json
from .._http.session import Session, path_of
from .shapes import INTEGRATION, Object, checked_object, object_after_write, read_object

Objects = list[Object]

# The scripts of an existing integration. The API generates all others from a payload alone.
SCRIPTS_OF_AN_ID = ("edit", "delete")

# The keys that may hold the script in an object with several strings.
_SCRIPT_NAMES = ("script", "content", "sql")
_DRY_RUN = {"dryRun": "true"}


class Integrations:
    """The endpoints under C(/integrations). All methods raise the errors of C(Session.request)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> Objects:
        """GET /integrations. Return all integrations, including those that a connection owns."""
        answer = self._session.request("GET", path_of("integrations"))
        found = answer.json()
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise answer.bad("not a list of integrations")
        return [checked_object(answer, item, INTEGRATION) for item in found]

    def get(self, id: str | int) -> Object:
        """GET /integrations/{id}. Return the integration. Raise BadAnswer if the answer is another one."""
        answer = self._session.request("GET", path_of("integrations", id))
        found = read_object(answer, INTEGRATION, "not an integration")
        if found.get("id") not in (None, str(id)):
            raise answer.bad("it describes another integration")
        return {**found, "id": str(id)}

    def status(self, id: str | int) -> str:
        """GET /integrations/{id}/status. Return the status, which may be an undocumented one."""
        answer = self._session.request("GET", path_of("integrations", id, "status"))
        return _string_in(answer, "status")

    def create(self, payload: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """POST /integrations. Return id, status and validationResults. After AnswerLost the integration may exist.

        dry_run: the server validates only.
        """
        query = _DRY_RUN if dry_run else None
        answer = self._session.request("POST", path_of("integrations"), json=payload, query=query, safe=dry_run)
        made = object_after_write(answer, INTEGRATION)
        if made.get("id") is None and not dry_run:
            raise answer.bad("there is no id in it")
        return made

    def update(self, id: str | int, payload: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """PUT /integrations/{id} with the complete document. Return id, status and validationResults, or an empty dict if the server returns none."""
        query = _DRY_RUN if dry_run else None
        return object_after_write(self._session.request("PUT", path_of("integrations", id), json=payload, query=query, safe=dry_run), INTEGRATION)

    def delete(self, id: str | int, body: Mapping[str, Any] | None = None, *, dry_run: bool = False, force_disable: bool = False) -> Object:
        """DELETE /integrations/{id}. Return id, status and validationResults, or an empty dict if the server returns none.

        body: the credentials as flat keys, only for an automatically bootstrapped integration. force_disable: skip the cleanup on
        the platform.
        """
        query = {**(_DRY_RUN if dry_run else {}), **({"forceDisable": "true"} if force_disable else {})}
        return object_after_write(self._session.request("DELETE", path_of("integrations", id), json=body, query=query, safe=dry_run), INTEGRATION)

    def regenerate(self, id: str | int) -> str:
        """POST /integrations/{id}/regenerate. Return the new API key for Trino. The old key stops working at once."""
        answer = self._session.request("POST", path_of("integrations", id, "regenerate"))
        key = _string_in(answer, "newKey")
        self._session.secrets.add(key)
        return key

    def script(self, action: str, *, payload: Mapping[str, Any] | None = None, id: str | int | None = None) -> str:
        """POST …/scripts/{action}. Return the script exactly as the server generated it, with passwords in clear text.

        payload: the body of the create or update; none for the delete script. id: needed for edit and delete. Raise OptionError if the
        id is missing, ScriptRefused if the script is empty.
        """
        if action in SCRIPTS_OF_AN_ID and id is None:
            raise OptionError(f"The {action} script belongs to an existing integration, but its id is missing.", option="id")
        path = path_of("integrations", *([id] if action in SCRIPTS_OF_AN_ID else []), "scripts", action)
        # This POST changes nothing on the server.
        answer = self._session.request("POST", path, json=None if action == "delete" else payload, safe=True)
        text = script_text(answer)
        if not text.strip():
            raise ScriptRefused(f"The tenant returned an empty {action} script (POST {path}).", hint="Check the payload and the integration's state in Immuta.")
        return text


def script_text(answer: Answer) -> str:
    """Return the script in an answer: the plain text, a JSON string, or the one string in an object. Raise BadAnswer, which never quotes the script.

    The vendor does not document the format, and such servers may label plain text as HTML. So the text decides, not its content type.
    """
    text = answer.text
    if text.lstrip().startswith("<"):
        raise answer.bad("not a script")
    if "\ufffd" in text:
        raise answer.bad("not readable in its encoding")
    try:
        value = parse_json(text)
    except UnusableJson as odd:
        raise answer.bad(f"its JSON cannot be used: {odd}") from None
    except ValueError:
        if text.lstrip().startswith(('"', "{", "[")) and answer.content_type.endswith("json"):
            raise answer.bad("not valid JSON") from None
        return text
    strings = _named(value) or list(_strings(value))
    if len(strings) != 1:
        raise answer.bad(f"there are {len(strings)} texts in it where one script should be")
    return strings[0].lstrip("\ufeff")


def _named(value: Any) -> list[str]:
    """Return the string under the first of the keys for a script, as a list; empty if there is none."""
    named = value if isinstance(value, dict) else {}
    return [named[name] for name in _SCRIPT_NAMES if isinstance(named.get(name), str)][:1]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from _strings(child)


def _string_in(answer: Answer, name: str) -> str:
    value = read_object(answer, {}, "not an integration").get(name)
    if not isinstance(value, str) or not value:
        raise answer.bad(f"there is no {name} in it")
    return value
