# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Databricks driver against a real HTTP server: the requests for a statement, and how it reads the answers."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ConnectionFailed,
    ImmutaError,
    MissingLibrary,
    OptionError,
    SqlError,
)
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_base import StatementResult
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_databricks import DatabricksDriver
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
from unit.wire import FakeClock, Reply, Wire, cut, hang_up, ok, reply, reset

TOKEN = "dapi-geheim-0123"
SECRET = "dose-geheim;4567"
SEND = "POST /api/2.0/sql/statements"
POLL = "GET /api/2.0/sql/statements/s1"
CANCEL = "POST /api/2.0/sql/statements/s1/cancel"
GET_TOKEN = "POST /oidc/v1/token"
LOGIN = {"host": "adb.example.net", "http_path": "/sql/1.0/warehouses/0123456789abcdef"}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxies and certificate authorities of the environment, and use a clock that only moves when somebody sleeps."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(DatabricksDriver, "clock", FakeClock())


def driver(wire: Wire | None = None, statement_timeout: int = 60, warnings: list[str] | None = None, **login: Any) -> DatabricksDriver:
    """Return a driver with a token, unless the login has OAuth. With a server, it is connected."""
    place: dict[str, Any] = {"host": "127.0.0.1", "port": wire.port, "ssl": False} if wire else {}
    proof = {} if "client_id" in login else {"token": TOKEN}
    given = {name: value for name, value in {**LOGIN, **place, **proof, **login}.items() if value is not None}
    made = DRIVERS["Databricks"](
        given, connect_timeout=7, statement_timeout=statement_timeout, warn=(warnings if warnings is not None else []).append, secrets=("andere",)
    )
    assert isinstance(made, DatabricksDriver)
    if wire:
        made.connect()
    return made


def status(state: str, **more: Any) -> Reply:
    return ok({"statement_id": "s1", "status": {"state": state, **more.pop("status", {})}, **more})


def rows(*found: list[Any], columns: tuple[str, ...] = ("a",)) -> Reply:
    manifest = {"schema": {"columns": [{"name": name} for name in columns]}, "total_row_count": len(found)}
    return status("SUCCEEDED", manifest=manifest, result={"data_array": list(found)})


def failed(message: str, code: str = "BAD_REQUEST", **more: Any) -> Reply:
    return status("FAILED", status={"error": {"error_code": code, "message": message}, **more})


CONNECT = (SEND, status("PENDING"))


def raised_error(*script: tuple[str, Reply], text: str = "CREATE TABLE t", **how: Any) -> ImmutaError:
    """Return the error that a statement raises after these answers."""
    with Wire([CONNECT, *script]) as wire:
        reached = driver(wire, **how)
        with pytest.raises(ImmutaError) as caught:
            reached.execute(text)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no exception of the library is chained
    return caught.value


# --- logins ---


def test_connecting_sends_a_statement_and_does_not_wait_for_it() -> None:
    with Wire([CONNECT]) as wire:
        driver(wire, database="immuta", extra={"query_tags": [{"key": "team"}]})
    request = wire.requests[0]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.json() == {
        "statement": "SELECT 1",
        "warehouse_id": "0123456789abcdef",
        "wait_timeout": "0s",
        "catalog": "immuta",
        "query_tags": [{"key": "team"}],
    }


@pytest.mark.parametrize(
    ("login", "warehouse"),
    [
        ({"http_path": "/sql/1.0/warehouses/0123456789abcdef"}, "0123456789abcdef"),
        ({"http_path": "sql/1.0/endpoints/fedcba9876543210/"}, "fedcba9876543210"),
        ({"http_path": None, "warehouse": "0a1b"}, "0a1b"),
        ({"http_path": "sql/protocolv1/o/0/0000-00000-abc123", "warehouse": "0a1b"}, "0a1b"),
    ],
)
def test_the_warehouse_is_given_by_its_path_or_its_id(login: dict[str, Any], warehouse: str) -> None:
    with Wire([CONNECT]) as wire:
        driver(wire, **login)
    assert wire.requests[0].json()["warehouse_id"] == warehouse


@pytest.mark.parametrize(
    ("login", "option"),
    [
        ({"host": None}, "host"),
        ({"host": "https://user@adb.example.net"}, "host"),
        ({"http_path": None}, "http_path"),
        ({"http_path": "sql/protocolv1/o/0/0000-00000-abc123"}, "http_path"),
        ({"token": None}, "token"),
        ({"client_id": "c"}, "client_secret"),
        ({"username": "u"}, "username"),
        ({"extra": {"catalog": "c"}}, "extra.catalog"),
        ({"extra": {"warehouse_id": "c"}}, "extra.warehouse_id"),
    ],
)
def test_the_error_for_an_invalid_login_names_the_option(login: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        driver(**login)
    assert caught.value.facts["option"] == f"login.{option}"


def test_spellings_of_one_workspace_have_one_target() -> None:
    assert driver(host="https://ADB.example.net./?o=1").target == "databricks adb.example.net"
    assert driver(database="immuta").target == "databricks adb.example.net/immuta"


def test_without_tls_the_driver_warns() -> None:
    warnings: list[str] = []
    driver(warnings=warnings, ssl=False)
    assert len(warnings) == 1 and "not encrypted" in warnings[0]


def test_an_oauth_token_is_used_until_shortly_before_it_expires() -> None:
    def token(text: str) -> Reply:
        return ok({"access_token": text, "token_type": "Bearer", "expires_in": 3600})

    script = [(GET_TOKEN, token("first")), CONNECT, (SEND, rows()), (GET_TOKEN, token("second")), (SEND, rows())]
    with Wire(script) as wire:
        reached = driver(wire, client_id="cl:ient", client_secret=SECRET)
        reached.execute("SELECT 1")
        reached.clock.sleep(3545)
        reached.execute("SELECT 2")
    asked = wire.requests[0]
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(f"cl:ient:{SECRET}".encode()).decode()
    assert (asked.headers["content-type"], asked.body) == ("application/x-www-form-urlencoded", b"grant_type=client_credentials&scope=all-apis")
    assert [request.headers["authorization"] for request in wire.requests if str(request) == SEND] == ["Bearer first", "Bearer first", "Bearer second"]


@pytest.mark.parametrize(("extra", "tags"), [({}, [{"key": "change_reference", "value": f"CHG 4/5 Ä {'x' * 118}"}]), ({"query_tags": []}, [])])
def test_the_reference_of_a_change_is_a_query_tag_and_in_the_user_agent(extra: dict[str, Any], tags: list[dict[str, str]]) -> None:
    with Wire([(GET_TOKEN, ok({"access_token": "new"})), CONNECT, (SEND, rows())]) as wire:
        made = driver(client_id="c", client_secret=SECRET, host="127.0.0.1", port=wire.port, ssl=False, extra=extra)
        made.reference = f"CHG 4/5 Ä {'x' * 190}"
        made.connect()
        made.execute("SELECT 1")
    assert {request.headers["user-agent"] for request in wire.requests} == {f"community.immuta (change CHG-4-5-{'x' * 190})"}
    assert [json.loads(request.body)["query_tags"] for request in wire.requests[1:]] == [tags] * 2


def test_a_rejected_token_is_renewed_once() -> None:
    fresh = ok({"access_token": "new", "expires_in": 3600})
    script = [(GET_TOKEN, ok({"access_token": "old"})), CONNECT, (SEND, reply(401, {"message": "Token is expired"})), (GET_TOKEN, fresh), (SEND, rows())]
    with Wire(script) as wire:
        driver(wire, client_id="c", client_secret=SECRET).execute("SELECT 1")
    assert wire.requests[-1].headers["authorization"] == "Bearer new"


@pytest.mark.parametrize(
    ("script", "login", "code", "says"),
    [
        ([(SEND, reply(403, {"error_code": "403", "message": "Invalid access token."}))], {}, "403", "cannot log in: Invalid access token."),
        (
            [(SEND, reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "SQL warehouse x does not exist"}))],
            {},
            "RESOURCE_DOES_NOT_EXIST",
            "SQL warehouse x",
        ),
        ([(GET_TOKEN, reply(401, {"error": "invalid_client"}))], {"client_id": "c", "client_secret": SECRET}, "401", "invalid_client"),
        ([(SEND, reply(500, {"message": f"boom {TOKEN}"}))], {}, "500", "boom <REDACTED>"),
        ([(SEND, hang_up)], {}, None, "no complete answer"),
        ([(SEND, ok("<html><title>Sign in</title></html>"))], {}, None, 'an HTML page titled "Sign in"'),
        ([(GET_TOKEN, ok({}))], {"client_id": "c", "client_secret": SECRET}, None, "there is no token in it"),
    ],
)
def test_the_error_for_a_failed_login_says_where_and_why(script: list[tuple[str, Reply]], login: dict[str, Any], code: str | None, says: str) -> None:
    with Wire(script) as wire, pytest.raises(ConnectionFailed) as caught:
        driver(wire, **login)
    assert "Databricks at 127.0.0.1: cannot log in: " in caught.value.message and says in caught.value.message
    assert caught.value.facts.get("code") in (code, None) and (code in (None, "500") or caught.value.facts["code"] == code)
    assert SECRET not in str(caught.value) and TOKEN not in str(caught.value)


def test_the_error_for_a_missing_library_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(MissingLibrary, match="requests"):
        driver().connect()


# --- statements ---


def test_each_statement_is_one_request_with_the_unchanged_text() -> None:
    text = "SELECT '100%s :a ? {}', `b;c` -- d"
    with Wire([CONNECT, (SEND, rows(["1"], ["2"]))]) as wire:
        assert driver(wire).execute(text) == StatementResult(2, "s1")
    assert wire.requests[1].json() == {"statement": text, "warehouse_id": "0123456789abcdef", "wait_timeout": "10s", "on_wait_timeout": "CONTINUE"}
    assert wire.connections == 1


def test_a_change_reports_the_number_of_affected_rows() -> None:
    with Wire([CONNECT, (SEND, rows(["7", "7"], columns=("num_affected_rows", "num_inserted_rows"))), (SEND, status("CLOSED"))]) as wire:
        reached = driver(wire)
        assert reached.execute("INSERT INTO t").rows == 7
        assert reached.execute("CREATE TABLE t").rows is None


def test_a_query_returns_its_first_row() -> None:
    with Wire([CONNECT, (SEND, rows(["1", None])), (SEND, rows()), (SEND, status("SUCCEEDED"))]) as wire:
        reached = driver(wire)
        assert reached.query("SELECT 1, NULL") == ("1", None)
        assert reached.query("SELECT 1 WHERE 1 = 0") is None
        assert reached.query("SELECT 1") is None
    assert wire.requests[1].json()["row_limit"] == 1


def test_a_long_statement_is_polled_less_and_less_often() -> None:
    with Wire([CONNECT, (SEND, status("PENDING")), (POLL, status("PENDING")), (POLL, reply(503, "busy")), (POLL, status("RUNNING")), (POLL, rows())]) as wire:
        reached = driver(wire)
        assert reached.execute("SELECT 1").rows == 0
        slept = reached.clock.slept  # type: ignore[attr-defined]
    assert slept[0] == slept[1] == 0.5 and slept[2] > 0.5


@pytest.mark.parametrize(("timeout", "waits"), [(0, "10s"), (1, "0s"), (7, "7s"), (60, "10s")])
def test_no_request_waits_longer_than_its_statement_may_take(timeout: int, waits: str) -> None:
    with Wire([CONNECT, (SEND, rows())]) as wire:
        driver(wire, timeout).execute("SELECT 1")
    assert wire.requests[1].json()["wait_timeout"] == waits


def test_a_statement_over_its_time_limit_is_cancelled() -> None:
    polls = [(POLL, status("RUNNING"))] * 3
    error = raised_error((SEND, status("RUNNING")), *polls, (CANCEL, ok({})), (POLL, status("RUNNING")), (POLL, status("CANCELED")), statement_timeout=1)
    assert isinstance(error, SqlError)
    assert error.message == "It was canceled, because it had not finished after 1 second (statement_timeout)."
    assert (error.facts["code"], error.facts["query_id"]) == ("CANCELED", "s1")


def test_a_statement_that_ends_before_the_cancellation_counts_as_ended() -> None:
    with Wire([CONNECT, (SEND, status("RUNNING")), *[(POLL, status("RUNNING"))] * 3, (CANCEL, ok({})), (POLL, rows(["1"]))]) as wire:
        assert driver(wire, 1).execute("SELECT 1").rows == 1


def test_a_statement_that_cannot_be_cancelled_is_unknown() -> None:
    polls = [(POLL, status("RUNNING"))] * 3
    error = raised_error((SEND, status("RUNNING")), *polls, (CANCEL, reply(500, {"message": "no"})), statement_timeout=1)
    assert isinstance(error, AnswerLost)
    assert "could not be canceled" in error.message


@pytest.mark.parametrize(
    "script",
    [
        [(SEND, reset)],
        [(SEND, hang_up)],
        [(SEND, reply(500, {"message": "boom"}))],
        [(SEND, reply(502, "<html></html>"))],
        [(SEND, cut(b'{"statement_id"', promised=99))],
        [(SEND, ok("<html></html>"))],
        [(SEND, ok({}))],
        [(SEND, status("RUNNING")), (POLL, reply(404, {"message": "The statement s1 was not found."}))],
        [(SEND, status("RUNNING")), (POLL, reply(403, {"message": "Invalid access token."}))],
        [(SEND, status("RUNNING")), (POLL, ok("nonsense"))],
        [(SEND, status("RUNNING")), (POLL, ok([]))],
        [(SEND, status("RUNNING")), *[(POLL, hang_up)] * 6],
    ],
)
def test_a_lost_answer_is_reported_and_the_statement_is_not_sent_again(script: list[tuple[str, Reply]]) -> None:
    error = raised_error(*script, text="CREATE USER u PASSWORD 'geheim;1'")
    assert isinstance(error, AnswerLost)
    assert "the connection broke" in error.message and "geheim" not in error.message


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        ([(SEND, reply(403, {"error_code": "PERMISSION_DENIED", "message": "You may not"}))], "PERMISSION_DENIED", "You may not"),
        ([(SEND, reply(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "'geheim;1' is wrong"}))], "INVALID_PARAMETER_VALUE", "'***' is wrong"),
        ([(SEND, reply(429, {"error_code": "RESOURCE_EXHAUSTED", "message": "slowly"}))] * 6, "RESOURCE_EXHAUSTED", "slowly"),
    ],
)
def test_a_rejected_request_did_not_run(script: list[tuple[str, Reply]], code: str, says: str) -> None:
    error = raised_error(*script, text="CREATE USER u PASSWORD 'geheim;1'")
    assert isinstance(error, SqlError)
    assert (error.facts["code"], error.message) == (code, says)


def test_a_request_that_was_never_sent_did_not_run() -> None:
    with Wire([(SEND, ok({"statement_id": "s1", "status": {"state": "PENDING"}}, Connection="close"))]) as wire:
        reached = driver(wire)
    with pytest.raises(SqlError, match="refused"):
        reached.execute("CREATE TABLE t")


# --- errors ---


@pytest.mark.parametrize(
    ("message", "more", "expected"),
    [
        (
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'geheim;1'. SQLSTATE: 42601 (line 2, pos 9)\n\n"
            "== SQL ==\nCREATE USER u\nPASSWORD 'geheim;1' x\n---^^^\n",
            {"sql_state": "42601"},
            ("PARSE_SYNTAX_ERROR", "42601", 2, "Syntax error at or near '***'."),
        ),
        (
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `u` cannot be found. Verify it.\nTo tolerate it use IF EXISTS. SQLSTATE: 42P01; line 2 pos 9;\n"
            "'Filter ('a = geheim;1)\n+- 'UnresolvedRelation [u], [], false\n",
            {},
            ("TABLE_OR_VIEW_NOT_FOUND", "42P01", 2, "The table or view `u` cannot be found. Verify it. To tolerate it use IF EXISTS."),
        ),
        (
            "[SCHEMA_ALREADY_EXISTS] Cannot create schema `u` because it already exists.\nAdd IF NOT EXISTS. SQLSTATE: 42P06",
            {},
            ("SCHEMA_ALREADY_EXISTS", "42P06", None, "Cannot create schema `u` because it already exists. Add IF NOT EXISTS."),
        ),
        (
            "[RequestId=0af-1 ErrorClass=PRINCIPAL_DOES_NOT_EXIST.X] Could not find principal with name u",
            {},
            ("PRINCIPAL_DOES_NOT_EXIST.X", None, None, "Could not find principal with name u"),
        ),
        (
            "com.x.UnityCatalogServiceException: [RequestId=1 ErrorClass=CATALOG_ALREADY_EXISTS] Catalog 'u' already exists\n\tat com.x.Y.z(Y.scala:1)\n",
            {},
            ("CATALOG_ALREADY_EXISTS", None, None, "Catalog 'u' already exists"),
        ),
        ("the warehouse is gone, andere", {}, ("BAD_REQUEST", None, None, "the warehouse is gone, <REDACTED>")),
    ],
)
def test_an_error_keeps_its_condition_and_line_and_loses_literals(message: str, more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    error = raised_error((SEND, failed(message, **more)), text="CREATE USER u\nPASSWORD 'geheim;1' x")
    assert isinstance(error, SqlError)
    assert (error.facts["code"], error.facts["sqlstate"], error.facts["line"], error.message) == expected
    assert error.facts["query_id"] == "s1"


def test_a_statement_that_somebody_cancels_counts_as_failed() -> None:
    error = raised_error((SEND, status("CANCELED")))
    assert isinstance(error, SqlError) and error.facts["code"] == "CANCELED"


# --- USE ---


@pytest.mark.parametrize(
    ("use", "place"),
    [
        ("USE CATALOG c", {"catalog": "c"}),
        ("use catalog `c``d;e` -- f", {"catalog": "c`d;e"}),
        ("USE CATALOG 'c'", {"catalog": "c"}),
        ("SET CATALOG c", {"catalog": "c"}),
        ("USE s", {"catalog": "main", "schema": "s"}),
        ("USE SCHEMA s", {"catalog": "main", "schema": "s"}),
        ("USE DATABASE c.`s`", {"catalog": "c", "schema": "s"}),
        ("USE c.s", {"catalog": "c", "schema": "s"}),
        ("SELECT 1", {"catalog": "main"}),
    ],
)
def test_use_affects_the_later_statements(use: str, place: dict[str, str]) -> None:
    with Wire([CONNECT, (SEND, status("SUCCEEDED")), (SEND, failed("[A] `x`")), (SEND, rows())]) as wire:
        reached = driver(wire, database="main")
        reached.execute(use)
        with pytest.raises(SqlError):
            reached.execute("USE CATALOG elsewhere")  # fails, and changes nothing
        reached.execute("CREATE TABLE t")
    assert "schema" not in wire.requests[1].json()
    assert {key: value for key, value in wire.requests[3].json().items() if key in ("catalog", "schema")} == place


@pytest.mark.parametrize("use", ["USE IDENTIFIER('x')", "USE CATALOG IDENTIFIER(:c)", "USE a.b.c", "USE"])
def test_a_use_that_cannot_take_effect_is_not_sent(use: str) -> None:
    error = raised_error(text=use)
    assert isinstance(error, SqlError) and "was not sent" in error.message


def test_the_driver_warns_once_about_a_setting_that_ends_with_its_statement() -> None:
    warnings: list[str] = []
    with Wire([CONNECT, *[(SEND, rows())] * 3]) as wire:
        reached = driver(wire, warnings=warnings)
        for text in ("SET a = 1", "set b = 2", "RESET"):
            reached.execute(text)
    assert [text.split()[0] for text in warnings if "session" in text] == ["SET", "RESET"]


def test_errors_may_name_the_current_catalog_and_schema() -> None:
    with Wire([CONNECT, (SEND, rows()), (SEND, failed("[X] `immuta`.`t` and `other`"))]) as wire:
        reached = driver(wire)
        reached.execute("USE CATALOG immuta")
        with pytest.raises(SqlError, match=r"`immuta`\.`t` and `\*\*\*`"):
            reached.execute("CREATE TABLE t")


#: values that an answer may have in place of an object, a list or a number
ODD = (None, 7, "text", True, [], {}, [None], [[]], [["x"]], [[{}]], {"data_array": "x"}, {"data_array": [None]}, {"columns": [None]}, {"columns": "x"})


@pytest.mark.parametrize("state", ["SUCCEEDED", "CLOSED"])
@pytest.mark.parametrize("place", ["manifest", "result", "schema", "columns", "count"])
def test_a_statement_that_ran_counts_as_run_whatever_its_answer_looks_like(state: str, place: str) -> None:
    """The statement counts as run, and the result has a row count only if it can be read."""
    affected = {"schema": {"columns": [{"name": "num_affected_rows"}]}}
    for odd in ODD:
        whole: dict[str, Any] = {"manifest": affected, "result": {"data_array": [["3"]]}}
        change: dict[str, Any] = {
            "manifest": {"manifest": odd},
            "result": {"result": odd},
            "schema": {"manifest": {"schema": odd}},
            "columns": {"manifest": {"schema": {"columns": odd}}},
            "count": {"result": {"data_array": [[odd]]}},
        }[place]
        answer = {**whole, **change}
        with Wire([CONNECT, (SEND, status(state, **{name: value for name, value in answer.items() if value is not None}))]) as wire:
            executed = driver(wire).execute("INSERT INTO t VALUES (1)")
        assert executed.query_id == "s1" and (executed.rows is None or isinstance(executed.rows, int))


def test_an_answer_without_a_state_is_a_lost_answer() -> None:
    for odd in ({}, {"state": None}, {"state": ""}):
        assert isinstance(raised_error((SEND, ok({"statement_id": "s1", "status": odd}))), AnswerLost)
    assert "it ended FAILED" in str(raised_error((SEND, status("FAILED", status={"error": "text"}))))
