# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Integrations API: one request per method, ids as strings, scripts in every possible format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._api.integrations import Integrations
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    BadAnswer,
    ImmutaError,
    NotFound,
    OptionError,
    ScriptRefused,
    Unprocessable,
    WriteBlocked,
)
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from hypothesis import given
from hypothesis import strategies as some
from support.examples import examples
from unit.http_servers import LABELS, Told, texts
from unit.wire import FakeClock, Reply, Wire, hang_up, ok, reply

PAYLOAD = {"type": "Snowflake", "autoBootstrap": False, "config": {"host": "a.snowflakecomputing.com", "password": "it's; a $$ secret"}}
DONE = {"id": "7", "status": "enabled", "validationResults": {"status": "passed", "validationTests": []}}
SCRIPT = "CREATE DATABASE \"IMMUTA\";\r\n-- größe\nCREATE USER x PASSWORD='it''s; a $$ secret';\n"


def api(wire: Wire, *, read_only: bool = False) -> Integrations:
    return Integrations(Session(Transport(wire.url, use_proxy=False), HeaderAuth("key-of-tests"), read_only=read_only, clock=FakeClock()))


CALLS: list[tuple[str, Callable[[Integrations], Any], Any, Any, Any]] = [
    # request, call, body of the request, answer, result
    ("GET /integrations", lambda a: a.list(), None, [{"id": 7}, {"id": "8", "new": 1}, {}], [{"id": "7"}, {"id": "8", "new": 1}, {}]),
    ("GET /integrations/7", lambda a: a.get("7"), None, {**DONE, "id": 7, "type": "Trino"}, {**DONE, "type": "Trino"}),
    ("GET /integrations/7/status", lambda a: a.status(7), None, {"id": 7, "status": "creating"}, "creating"),
    ("POST /integrations", lambda a: a.create(PAYLOAD), PAYLOAD, {**DONE, "id": 7}, DONE),
    ("POST /integrations?dryRun=true", lambda a: a.create(PAYLOAD, dry_run=True), PAYLOAD, {"validationResults": {}}, {"validationResults": {}}),
    ("PUT /integrations/7", lambda a: a.update("7", PAYLOAD), PAYLOAD, {**DONE, "id": 7}, DONE),
    ("PUT /integrations/7?dryRun=true", lambda a: a.update("7", PAYLOAD, dry_run=True), PAYLOAD, {**DONE, "id": None}, {**DONE, "id": None}),
    ("DELETE /integrations/7", lambda a: a.delete("7"), None, {"id": 7, "status": "deleting"}, {"id": "7", "status": "deleting"}),
    ("DELETE /integrations/7", lambda a: a.delete("7", {"username": "u"}), {"username": "u"}, DONE, DONE),
    ("DELETE /integrations/7", lambda a: a.delete("7"), None, None, {}),
    ("DELETE /integrations/7?dryRun=true", lambda a: a.delete("7", dry_run=True), None, DONE, DONE),
    ("DELETE /integrations/7?forceDisable=true", lambda a: a.delete("7", force_disable=True), None, DONE, DONE),
    ("DELETE /integrations/7?dryRun=true&forceDisable=true", lambda a: a.delete("7", dry_run=True, force_disable=True), None, DONE, DONE),
    ("POST /integrations/7/regenerate", lambda a: a.regenerate("7"), None, {"newKey": "new-key-of-trino"}, "new-key-of-trino"),
    ("POST /integrations/scripts/create", lambda a: a.script("create", payload=PAYLOAD), PAYLOAD, {"script": SCRIPT}, SCRIPT),
    ("POST /integrations/scripts/initial-create", lambda a: a.script("initial-create", payload=PAYLOAD), PAYLOAD, SCRIPT, SCRIPT),
    ("POST /integrations/scripts/cleanup", lambda a: a.script("cleanup", payload=PAYLOAD), PAYLOAD, SCRIPT, SCRIPT),
    ("POST /integrations/scripts/post-cleanup", lambda a: a.script("post-cleanup", payload=PAYLOAD), PAYLOAD, SCRIPT, SCRIPT),
    ("POST /integrations/7/scripts/edit", lambda a: a.script("edit", payload=PAYLOAD, id="7"), PAYLOAD, SCRIPT, SCRIPT),
    ("POST /integrations/7/scripts/delete", lambda a: a.script("delete", payload=PAYLOAD, id=7), None, SCRIPT, SCRIPT),
    ("GET /integrations/7%2F..%3Fx", lambda a: a.get("7/..?x"), None, {"status": "enabled"}, {"id": "7/..?x", "status": "enabled"}),
]


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), CALLS, ids=[f"{number} {row[0]}" for number, row in enumerate(CALLS)])
def test_each_method_is_one_request(request_line: str, call: Callable[[Integrations], Any], body: Any, answer: Any, result: Any) -> None:
    with Wire([(request_line, ok(answer))]) as wire:
        assert call(api(wire)) == result
    assert wire.requests[0].body == (b"" if body is None else json.dumps(body).encode())


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), CALLS, ids=[f"{number} {row[0]}" for number, row in enumerate(CALLS)])
def test_in_check_mode_only_what_changes_nothing_is_sent(request_line: str, call: Callable[[Integrations], Any], body: Any, answer: Any, result: Any) -> None:
    harmless = request_line.startswith("GET ") or "/scripts/" in request_line or "dryRun=true" in request_line
    with Wire([(request_line, ok(answer))] if harmless else []) as wire:
        if harmless:
            assert call(api(wire, read_only=True)) == result
        else:
            with pytest.raises(WriteBlocked):
                call(api(wire, read_only=True))


def test_a_lost_create_is_said_to_be_lost_and_a_lost_dry_run_is_repeated() -> None:
    with Wire([("POST /integrations?dryRun=true", hang_up), ("POST /integrations?dryRun=true", ok(DONE)), ("POST /integrations", hang_up)]) as wire:
        integrations = api(wire)
        integrations.create(PAYLOAD, dry_run=True)
        with pytest.raises(AnswerLost):
            integrations.create(PAYLOAD)
    assert len(wire.requests) == 3


@pytest.mark.parametrize(
    "answer", [reply(204), ok(""), ok("OK", Content_Type="text/plain"), reply(202, "Accepted", Content_Type="text/plain"), ok([]), ok("OK")]
)
def test_an_accepted_change_need_not_be_described(answer: Reply) -> None:
    with Wire([("PUT /integrations/7", answer), ("DELETE /integrations/7", answer)]) as wire:
        said = [api(wire).update(7, PAYLOAD), api(wire).delete(7)]
    assert all(each.get("status") is None and not each.get("validationResults") for each in said)


@pytest.mark.parametrize("label", ["text/plain", "text/html", "application/json"])
def test_a_login_page_is_no_answer_to_a_change(label: str) -> None:
    page = ok("<html><title>Sign in</title></html>", Content_Type=label)
    with Wire([("PUT /integrations/7", page)]) as wire, pytest.raises(BadAnswer):
        api(wire).update(7, PAYLOAD)


@pytest.mark.parametrize("answer", [{}, {"status": "creating"}, {"id": None}])
def test_a_new_integration_without_an_id_is_a_bad_answer(answer: Any) -> None:
    with Wire([("POST /integrations", ok(answer))]) as wire, pytest.raises(BadAnswer, match="no id"):
        api(wire).create(PAYLOAD)


def test_a_new_key_is_a_secret_from_then_on() -> None:
    with Wire([("POST /integrations/7/regenerate", ok({"newKey": "new-key-of-trino"})), ("GET /integrations/7", reply(404, "new-key-of-trino"))]) as wire:
        integrations = api(wire)
        integrations.regenerate("7")
        with pytest.raises(NotFound) as caught:
            integrations.get("7")
    assert "new-key-of-trino" not in str(caught.value.as_fail_json())


def test_a_failed_validation_lists_its_tests() -> None:
    tests = [{"name": "Basic Connection Test", "status": "failed", "message": "Login failed."}, {"name": "Other", "status": "passed"}]
    body = {"message": "Validation failed.", "data": {"validationResults": {"status": "failed", "validationTests": tests}}}
    with Wire([("POST /integrations?dryRun=true", reply(422, body, reason="Unprocessable Entity"))]) as wire, pytest.raises(Unprocessable) as caught:
        api(wire).create(PAYLOAD, dry_run=True)
    assert str(caught.value) == (
        "POST /integrations failed: HTTP 422 Unprocessable Entity: Validation failed. Failed tests: Basic Connection Test: Login failed."
    )
    assert caught.value.tests == tests


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda a: a.list(), {"integrations": []}),
        (lambda a: a.list(), [1]),
        (lambda a: a.list(), "<html><title>Sign in</title></html>"),
        (lambda a: a.get(7), [DONE]),
        (lambda a: a.get(7), {**DONE, "config": "host"}),
        (lambda a: a.get(7), {**DONE, "status": ["enabled"]}),
        (lambda a: a.get(7), {**DONE, "id": {"id": 7}}),
        (lambda a: a.list(), [DONE, {"id": ".."}]),
        (lambda a: a.create({}), {"id": []}),
        (lambda a: a.get(7), ""),
        (lambda a: a.status(7), {"id": 7}),
        (lambda a: a.status(7), {"id": 7, "status": 3}),
        (lambda a: a.create({}), "created"),
        (lambda a: a.delete(7), "<html></html>"),
        (lambda a: a.regenerate(7), {"key": "x"}),
    ],
)
def test_answers_of_another_shape_are_bad_answers(call: Callable[[Integrations], Any], body: Any) -> None:
    class Anything(Wire):
        def next_reply(self, request: Any) -> Reply:
            return ok(body)

    with Anything([]) as wire, pytest.raises(BadAnswer):
        call(api(wire))


# --- scripts

JSON = "application/json; charset=utf-8"
BOM = "\ufeff"


@pytest.mark.parametrize(
    "answer",
    [
        ok(SCRIPT, Content_Type="text/plain"),
        ok(SCRIPT, Content_Type="text/plain; charset=utf-8"),
        ok(SCRIPT, Content_Type="application/sql"),
        ok(SCRIPT, Content_Type="text/html; charset=utf-8"),
        ok(SCRIPT, Content_Type=JSON),
        ok(SCRIPT.encode("utf-16"), Content_Type="text/plain; charset=utf-16"),
        ok(BOM + SCRIPT),
        ok(json.dumps(SCRIPT), Content_Type=JSON),
        ok(json.dumps(SCRIPT), Content_Type="text/plain"),
        ok(json.dumps(BOM + SCRIPT), Content_Type=JSON),
        ok(BOM + json.dumps(SCRIPT, ensure_ascii=False), Content_Type=JSON),
        ok({"script": SCRIPT}),
        ok({"anything": SCRIPT}),
        ok({"data": {"id": 7, "lines": [SCRIPT], "ok": True}}),
        ok({"type": "Snowflake", "script": SCRIPT}),
        ok({"name": "create.sql", "content": SCRIPT}),
        reply(201, {"script": BOM + SCRIPT}),
    ],
)
def test_a_script_is_the_same_text_in_every_form(answer: Reply) -> None:
    with Wire([("POST /integrations/scripts/create", answer)]) as wire:
        assert api(wire).script("create", payload=PAYLOAD) == SCRIPT


def test_a_script_that_begins_like_json_and_is_none_is_a_script() -> None:
    with Wire([("POST /integrations/scripts/create", ok('"quoted" is how this one begins'))]) as wire:
        assert api(wire).script("create", payload={}) == '"quoted" is how this one begins'


@pytest.mark.parametrize("answer", [ok(""), ok(" \r\n\t"), ok(BOM), ok('""', Content_Type=JSON), ok({"script": " "}), ok({"script": BOM}), reply(204)])
@pytest.mark.parametrize("action", ["create", "delete"])
def test_an_empty_script_is_refused_naming_the_action(answer: Reply, action: str) -> None:
    path = "/integrations/7/scripts/delete" if action == "delete" else "/integrations/scripts/create"
    with Wire([(f"POST {path}", answer)]) as wire, pytest.raises(ScriptRefused, match=f"empty {action} script "):
        api(wire).script(action, payload=PAYLOAD, id="7" if action == "delete" else None)


SECRET_STATEMENT = "CREATE USER x PASSWORD 'made-by-the-server'"


@pytest.mark.parametrize(
    "answer",
    [
        ok("<!DOCTYPE html><title>Sign in</title>" + SECRET_STATEMENT),
        ok("  <div>" + SECRET_STATEMENT),
        ok('"' + SECRET_STATEMENT, Content_Type=JSON),
        ok('{"script": "' + SECRET_STATEMENT, Content_Type=JSON),
        ok({"a": SECRET_STATEMENT, "b": SECRET_STATEMENT}),
        ok({"id": 7}),
        ok({}),
        ok([]),
        ok("null", Content_Type=JSON),
        ok([SECRET_STATEMENT, SECRET_STATEMENT]),
        ok(SECRET_STATEMENT.encode() + b"\xff"),
        ok('{"script": ' * 5000 + f'"{SECRET_STATEMENT}"' + "}" * 5000),
        ok(f'{{"script": "{SECRET_STATEMENT}", "script": "DROP DATABASE x"}}'),
        ok(f'["{SECRET_STATEMENT} \\ud800"]'),
        ok("NaN"),
        ok("9" * 5000),
    ],
)
def test_what_is_no_script_is_a_bad_answer_that_quotes_nothing(answer: Reply) -> None:
    with Wire([("POST /integrations/scripts/create", answer)]) as wire, pytest.raises(BadAnswer) as caught:
        api(wire).script("create", payload=PAYLOAD)
    assert "made-by-the-server" not in str(caught.value.as_fail_json())


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_the_scripts_of_an_integration_need_its_id(action: str) -> None:
    with Wire([]) as wire, pytest.raises(OptionError) as caught:
        api(wire).script(action, payload=PAYLOAD)
    assert caught.value.facts == {"option": "id"}


def test_nothing_of_a_payload_is_in_any_error() -> None:
    script = [("POST /integrations", reply(400, {"message": "no"})), ("POST /integrations", reply(500, "broken")), ("POST /integrations", hang_up)]
    with Wire(script) as wire:
        for _unused in script:
            with pytest.raises(ImmutaError) as caught:
                api(wire).create(PAYLOAD)
            assert "secret" not in str(caught.value.as_fail_json()) and "snowflakecomputing" not in str(caught.value.as_fail_json())


# --- answers of any kind


def is_integration(found: Any) -> bool:
    kinds = {"id": str, "type": str, "status": str, "autoBootstrap": bool, "config": dict}
    return isinstance(found, dict) and all(isinstance(found[name], kind) for name, kind in kinds.items() if found.get(name) is not None)


def fits(request_line: str, result: Any) -> bool:
    if request_line == "GET /integrations":
        return isinstance(result, list) and all(map(is_integration, result))
    if "/scripts/" in request_line or request_line.endswith(("/status", "/regenerate")):
        return isinstance(result, str) and bool(result.strip())
    return is_integration(result) and (request_line != "POST /integrations" or bool(result["id"]))


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), CALLS, ids=[f"{number} {row[0]}" for number, row in enumerate(CALLS)])
def test_any_answer_is_a_right_result_or_a_clear_error(request_line: str, call: Callable[[Integrations], Any], body: Any, answer: Any, result: Any) -> None:
    @examples(60)
    @given(text=texts(answer), label=LABELS, status=some.sampled_from([200, 201, 202, 400, 409, 422, 500]))
    def check(text: str, label: str, status: int) -> None:
        session = Told(text, label, status)
        try:
            found = call(Integrations(session))
        except ImmutaError as error:
            json.dumps(error.as_fail_json(), allow_nan=False).encode()
        else:
            assert status < 300 and fits(request_line, found)
            json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
        assert len(session.sent) == 1

    check()
