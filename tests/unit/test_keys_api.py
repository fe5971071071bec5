# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys: the requests, and the key in every possible format of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._api.keys import Key, Keys
from ansible_collections.community.immuta.plugins.module_utils._core.errors import AnswerLost, ApiError, BadAnswer
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from support.leaks import traces
from unit.wire import FakeClock, Wire, hang_up, ok, reply

SYSTEM, OWN = "POST /apikey/system", "POST /apikey"
TEXT = "0123abcd-4567-89ef"


def session(wire: Wire) -> Session:
    return Session(Transport(wire.url, use_proxy=False, retries=2), HeaderAuth("key-of-tests"), clock=FakeClock())


FORMS: dict[str, tuple[Any, str]] = {
    "key": ({"id": 7, "key": TEXT}, "7"),
    "apiKey": ({"keyId": "k-7", "apiKey": TEXT}, "k-7"),
    "apikey": ({"keyid": "k-7", "id": 3, "apikey": TEXT, "name": "cluster"}, "k-7"),
    "nested": ({"id": 3, "apiKey": {"id": 7, "value": TEXT}}, "3"),
    "a list": ({"keys": [{"id": 7, "key": TEXT}]}, "7"),
    "newKey": ({"newKey": TEXT}, ""),
    "bare": (json.dumps(TEXT), ""),
    "bare, as a plain text": (f"{TEXT}\n", ""),
    "an id in the place of the key": ({"key": 7, "value": TEXT}, ""),
    "an echo": ({"id": 7, "key": "prod-conn", "value": "cluster-name", "token": TEXT}, "7"),
    "redacted": ({"apiKey": "<REDACTED>", "data": {"key": TEXT}}, ""),
    "an id that is none": ({"id": True, "keyId": "a/b", "key": TEXT}, ""),
}


@pytest.mark.parametrize(("answer", "id"), FORMS.values(), ids=FORMS)
def test_a_key_is_found_where_an_answer_holds_it(answer: Any, id: str) -> None:
    with Wire([(SYSTEM, ok(answer))]) as wire:
        talk = session(wire)
        found = Keys(talk).system("prod-conn", "cluster-name", ["plugin:trino"])
    assert found == Key(TEXT, id)
    assert TEXT in talk.secrets
    assert TEXT not in repr(found)


WITHOUT: list[Any] = [{}, [], 7, "short", "two words", {"key": "ümläut-key-text"}, {"key": "[REDACTED]"}, {"name": TEXT}, {"keys": []}]


@pytest.mark.parametrize("answer", WITHOUT, ids=str)
def test_an_answer_without_a_key_is_a_bad_one_and_is_not_quoted(answer: Any) -> None:
    with Wire([(OWN, ok(answer))]) as wire, pytest.raises(BadAnswer, match="no API key in it") as caught:
        Keys(session(wire)).make("automation")
    assert not traces([TEXT, "two words"], caught.value)


@pytest.mark.parametrize("regenerate", [True, False])
def test_what_is_sent_for_a_connection(regenerate: bool) -> None:
    with Wire([(SYSTEM, ok({"key": TEXT}))]) as wire:
        Keys(session(wire)).system("prod", "cluster", ("plugin:trino",), regenerate=regenerate)
        sent = [request.json() for request in wire.requests]
    assert sent == [{"name": "cluster", "scopes": ["plugin:trino"], "connectionKey": "prod", "regenerate": regenerate}]


@pytest.mark.parametrize(("project", "body"), [(None, {"name": "a"}), (0, {"name": "a", "projectId": 0}), (4, {"name": "a", "projectId": 4})])
def test_what_is_sent_for_a_key_of_the_user(project: int | None, body: dict[str, Any]) -> None:
    with Wire([(OWN, ok({"key": TEXT}))]) as wire:
        Keys(session(wire)).make("a", project_id=project)
        assert [request.json() for request in wire.requests] == [body]


def test_a_key_that_may_have_been_made_is_not_made_again() -> None:
    with Wire([(OWN, hang_up)]) as wire:
        with pytest.raises(AnswerLost):
            Keys(session(wire)).make("automation")
        assert len(wire.requests) == 1


@pytest.mark.parametrize("id", ["7", "k-7", "a/b"])
def test_a_key_is_removed_by_its_id(id: str) -> None:
    path = {"a/b": "a%2Fb"}.get(id, id)
    with Wire([(f"DELETE /apikey/{path}", reply(204, None))]) as wire:
        Keys(session(wire)).remove(id)
    with Wire([(f"DELETE /apikey/{path}", reply(404, {"message": "none"}))]) as wire, pytest.raises(ApiError):
        Keys(session(wire)).remove(id)
