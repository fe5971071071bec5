# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole modules with answers of every kind: a result or a clear error, and no repeated write.

The right answers are the simulator's own, recorded once. Then the module runs again and again, from the bytes of an answer to its
result, and one of the answers is another.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some
from immuta_simulator import Simulator
from support.examples import examples
from unit.http_servers import LABELS, answered, run_in_memory, texts
from unit.test_http_bytes import ANY_BYTES, GOOD_STARTS
from unit.test_simulator_connections import SNOWFLAKE as LAKE

MODULES = "ansible_collections.community.immuta.plugins.modules"
ACCOUNT = {"authenticationType": "userPassword", "username": "sys", "password": "a s3cret"}
REDSHIFT = {"type": "Redshift", "autoBootstrap": False, "config": {"host": "rs.example.com", "database": "immuta", "initialDatabase": "dev", **ACCOUNT}}
SNOWFLAKE = {"type": "Snowflake", "autoBootstrap": False, "config": {"host": "acme.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}}
TRINO = {"type": "Trino"}
# POST requests that change nothing
HARMLESS = re.compile(r"dryRun=true|/scripts/|/connection/test|/object/search|/jobs/statuses|/bim/|/oidc/")
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e]")
MOST_REQUESTS = 150


@dataclass(frozen=True)
class Case:
    """A task: the module, its options, and the initial state of the tenant."""

    module: str
    options: dict[str, Any]
    integrations: tuple[dict[str, Any], ...] = ()
    connected: bool = False
    check: bool = False


def with_config(integration: dict[str, Any], **config: Any) -> dict[str, Any]:
    return {**integration, "config": {**integration["config"], **config}}


def the_connection(**more: Any) -> dict[str, Any]:
    return {**LAKE, "connection": {**LAKE["connection"], **more}}


PLAN = {"home": "{here}", "name": "prod", "artifacts": "{here}/artifacts", "login": {"username": "admin", "password": "adm1n"}}
CASES = {
    "create": Case("integration", REDSHIFT),
    "create, waiting for the key of Trino": Case("integration", {**TRINO, "api_key_dest": "{here}/key"}),
    "update": Case("integration", with_config(SNOWFLAKE, audit={"enabled": True}), (SNOWFLAKE,)),
    "update with a bearer token": Case("integration", {**with_config(REDSHIFT, port=5440), "auth_method": "bearer"}, (REDSHIFT,)),
    "nothing to update": Case("integration", SNOWFLAKE, (SNOWFLAKE,)),
    "remove": Case("integration", {**SNOWFLAKE, "state": "absent"}, (SNOWFLAKE,)),
    "remove by its id": Case("integration", {"id": "1", "state": "absent"}, (REDSHIFT,)),
    "update in check mode": Case("integration", with_config(SNOWFLAKE, audit={"enabled": True}), (SNOWFLAKE,), check=True),
    "info": Case("integration_info", {"host": "rs.example.com"}, (REDSHIFT, SNOWFLAKE)),
    "script": Case("integration_script", {**REDSHIFT, "action": "create", "dest": "{here}/script", "review_dest": "{here}/review"}),
    "edit script": Case("integration_script", {**with_config(REDSHIFT, port=5440), "action": "edit", "dest": "{here}/script"}, (REDSHIFT,)),
    "api key": Case("integration_api_key", {"dest": "{here}/key"}, (TRINO,)),
    "connect": Case("connection", {**LAKE, "settings": {"isActive": True}}),
    "edit a connection": Case("connection", {**the_connection(role="OTHER"), "settings": {"isActive": True}}, connected=True),
    "disconnect": Case("connection", {"connectionKey": "acme", "state": "absent"}, connected=True),
    "connect in check mode": Case("connection", LAKE, check=True),
    "connections": Case("connection_info", {}, connected=True),
    "settings": Case("data_object", {"object_path": ["acme", "SALES"], "settings": {"isActive": True}}, connected=True),
    "objects": Case("data_object_info", {"object_path": ["acme"], "depth": 3}, connected=True),
    "sync": Case("data_object_sync", {"object_path": ["acme"]}, connected=True),
    "plan": Case("platform_plan", {**PLAN, "integration": REDSHIFT}),
    "plan of what is there": Case("platform_plan", {**PLAN, "integration": with_config(REDSHIFT, port=5440)}, (REDSHIFT,)),
    "plan of a connection": Case("platform_plan", {**PLAN, "connection": the_connection(role="OTHER")}, connected=True),
    "plan of a removal": Case("platform_plan", {**PLAN, "integration": REDSHIFT, "state": "absent"}, (REDSHIFT,), check=True),
}


def is_write(method: str, target: str) -> bool:
    return method != "GET" and not HARMLESS.search(target)


@dataclass
class Right:
    """Valid answers, by request and the number of preceding writes."""

    answers: dict[str, dict[int, list[bytes]]] = field(default_factory=dict)
    #: the requests of the module in order: whether it was a write, and the body of the answer
    asked: list[tuple[bool, bytes]] = field(default_factory=list)

    def keep(self, request: str, writes: int, answer: bytes) -> None:
        self.answers.setdefault(request, {}).setdefault(writes, []).append(answer)


def recorded(case: Case, tenant: Simulator, folder: Path) -> Right:
    """Record the answers of the simulator to the whole task, and to each of its reads again after every write."""
    right, writes = Right(), 0

    def ask(method: str, target: str, body: bytes) -> bytes:
        reply = tenant.call(method, target, body or None)
        return answered(reply.status, reply.text.encode(), reply.headers.get("content-type", ""))

    def serve(method: str, target: str, body: bytes) -> bytes:
        nonlocal writes
        looks = [request for request in right.answers if request.startswith("GET ")]
        answer = ask(method, target, body)
        right.keep(f"{method} {target}", writes, answer)
        right.asked.append((is_write(method, target), answer.partition(b"\r\n\r\n")[2]))
        if is_write(method, target):
            writes += 1
            for look in looks:
                right.keep(look, writes, ask("GET", look[4:], b""))
        return answer

    result, _warnings = run_in_memory(module_of(case), options_of(case, tenant.api_key, folder), serve, check=case.check)
    assert not result.get("failed"), result
    return right


def module_of(case: Case) -> ModuleType:
    return import_module(f"{MODULES}.immuta_{case.module}")


def options_of(case: Case, key: str, folder: Path) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = json.dumps({"url": "http://127.0.0.1", "api_key": key, "use_proxy": False, "retries": 0, **case.options})
    options: dict[str, Any] = json.loads(text.replace("{here}", str(folder)))
    return options


class Replayed:
    """The recorded tenant. hostile: the answer to the request of that number, and to each later one of the same kind if C(stays)."""

    def __init__(self, right: Right, number: int, hostile: bytes, stays: bool) -> None:
        self.writes: Counter[tuple[str, bytes]] = Counter()
        self.requests = 0
        #: writes with valid answers
        self.done = 0
        self._right = right
        self._number, self._hostile, self._stays = number, hostile, stays
        self._bad = ""
        self._seen: Counter[tuple[str, int]] = Counter()

    def __call__(self, method: str, target: str, body: bytes) -> bytes:
        request, writes = f"{method} {target}", self.writes.total()
        number, self.requests = self.requests, self.requests + 1
        assert self.requests < MOST_REQUESTS, "it never ends"
        if is_write(method, target):
            self.writes[request, body] += 1
        if number == self._number:
            self._bad = request
        if self._bad == request and (self._stays or number == self._number):
            return self._hostile
        self.done += is_write(method, target) and request in self._right.answers
        return self._answer(request, writes)

    def _answer(self, request: str, writes: int) -> bytes:
        by_writes = self._right.answers.get(request)
        if not by_writes:
            return answered(404, b'{"statusCode": 404, "message": "There is no such thing."}')
        level = max((known for known in by_writes if known <= writes), default=min(by_writes))
        place = self._seen[request, level]
        self._seen[request, level] += 1
        return by_writes[level][min(place, len(by_writes[level]) - 1)]


def documented(module: str) -> set[str]:
    shown: dict[str, Any] = yaml.safe_load(import_module(f"{MODULES}.immuta_{module}").RETURN)
    return {*shown, "changed", "invocation", "diff", "msg", *["uid", "gid", "owner", "group", "mode", "state", "size"]}


def check(case: Case, right: Right, served: Replayed, folder: Path, key: str) -> None:
    """Run the task and check its outcome."""
    result, warnings = run_in_memory(module_of(case), options_of(case, key, folder), served, check=case.check)
    json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    assert_clean(result, warnings)
    assert not [write for write, times in served.writes.items() if times > 1], served.writes
    if not result.get("failed"):
        assert not result.keys() - documented(case.module), result
    elif served.done and not case.check:
        assert result.get("changed") is True, result


def assert_clean(result: dict[str, Any], warnings: list[str]) -> None:
    """Check that the output holds no control characters and reports no bug."""
    said = [result.get("msg", ""), *warnings]
    assert not [text for text in said if CONTROLS.search(text)], said
    assert "Unexpected" not in said[0] and "exception" not in result, result


def hostile(right: Right, number: int) -> some.SearchStrategy[bytes]:
    """Return a strategy for replacements of the answer of that number."""
    body = right.asked[number][1]
    try:
        return bad_bytes(json.loads(body))
    except ValueError:
        return bad_bytes(body.decode())


def bad_bytes(meant: Any) -> some.SearchStrategy[bytes]:
    """Return a strategy for replacements of a valid answer: its JSON with one part of another kind, any JSON, text or bytes."""
    said = some.builds(lambda text, label, status: answered(status, text.encode("utf-8", "surrogatepass"), label), texts(meant), LABELS, STATUSES)
    return said | some.builds(lambda start, rest: start + rest, GOOD_STARTS, ANY_BYTES)


STATUSES = some.sampled_from([200, 200, 200, 200, 201, 202, 400, 403, 404, 409, 422, 429, 500, 503])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_any_answer_ends_in_a_result_or_a_clear_error(case: Case, tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    for integration in case.integrations:
        assert tenant.call("POST", "/integrations", integration).status == 200
    if case.connected:
        assert tenant.call("POST", "/data/connection", LAKE).status == 200
    right = recorded(case, tenant, tmp_path / "task")

    @examples(30)
    @given(number=some.integers(0, len(right.asked) - 1), data=some.data(), stays=some.booleans())
    def run(number: int, data: some.DataObject, stays: bool) -> None:
        served = Replayed(right, number, data.draw(hostile(right, number)), stays)
        check(case, right, served, tmp_path / "task", tenant.api_key)

    run()


# --- a warehouse that speaks HTTP

STATEMENTS = "/api/2.0/sql/statements"
HELLO, MAKE, ASK = "SELECT 1", "CREATE TABLE immuta.s.t (a INT)", "SELECT 1 FROM immuta.information_schema.tables"
SQL: dict[str, Any] = {
    "type": "Databricks",
    "script": f"{MAKE};\nUSE CATALOG immuta;\nGRANT SELECT ON TABLE immuta.s.t TO `x`;",
    "unless": ASK,
    "ledger": "{here}/ledger",
    "login": {"host": "adb.example.net", "ssl": False, "http_path": "/sql/1.0/warehouses/a1", "client_id": "id", "client_secret": "a s3cret"},
}


def ended(state: str, *rows: list[Any], **status: Any) -> dict[str, Any]:
    manifest = {"schema": {"columns": [{"name": "num_affected_rows"}]}, "total_row_count": len(rows)}
    return {"statement_id": "s1", "status": {"state": state, **status}, "manifest": manifest, "result": {"data_array": list(rows)}}


#: the answers of the warehouse to a statement: immediate, and to a poll
AT_ONCE: dict[str, Any] = {HELLO: ended("PENDING"), ASK: ended("SUCCEEDED"), MAKE: ended("PENDING"), "": ended("SUCCEEDED", ["7"])}
LATER = {
    "TOKEN": {"access_token": "t0ken", "expires_in": 3600},
    "LOOK": ended("SUCCEEDED", ["7"]),
    "NOT YET": ended("RUNNING"),
    "CANCEL": {},
    "FAILED": ended("FAILED", error={"error_code": "BAD_REQUEST", "message": "[TABLE_OR_VIEW_ALREADY_EXISTS] It is there. SQLSTATE: 42P07 (line 1, pos 0)"}),
}


class Warehouse:
    """Databricks. hostile: replacements of its answers, by the statement or the request."""

    def __init__(self, hostile: dict[str, bytes], slow: bool) -> None:
        self.statements: list[str] = []
        self.requests = 0
        self._hostile, self._look = hostile, "NOT YET" if slow else "LOOK"

    def __call__(self, method: str, target: str, body: bytes) -> bytes:
        self.requests += 1
        assert self.requests < MOST_REQUESTS, "it never ends"
        if target == STATEMENTS:
            asked = json.loads(body)["statement"]
            right = AT_ONCE.get(asked, AT_ONCE[""])
        else:
            asked = "TOKEN" if method == "POST" and "/oidc/" in target else "CANCEL" if target.endswith("/cancel") else "LOOK"
            right = LATER[self._look if asked == "LOOK" else asked]
        answer = self._hostile.get(asked) or answered(200, json.dumps(right).encode())
        # 429, and 503 with Retry-After, mean that the server did nothing
        self.statements += [asked] if target == STATEMENTS and not re.search(rb" (429|503)", answer) else []
        return answer


ASKED = {**AT_ONCE, **LATER}


@examples(300)
@given(asked=some.sampled_from([HELLO, MAKE, ASK, "TOKEN", "LOOK", "CANCEL"]), data=some.data(), slow=some.booleans())
def test_any_answer_of_a_warehouse_is_an_end_of_its_statement(tmp_path_factory: pytest.TempPathFactory, asked: str, data: some.DataObject, slow: bool) -> None:
    right = data.draw(some.sampled_from([ASKED[asked], LATER["LOOK"], LATER["FAILED"]]))
    case = Case("sql_script", {**SQL, "statement_timeout": 7})
    served = Warehouse({asked: data.draw(bad_bytes(right))}, slow)
    folder = tmp_path_factory.getbasetemp() / "warehouse"
    options = options_of(case, "", folder)
    result, warnings = run_in_memory(module_of(case), {name: options[name] for name in case.options}, served)
    assert_clean(result, warnings)
    assert max(Counter(served.statements).values(), default=0) <= 1, served.statements
    if MAKE in served.statements:
        assert result["statements"][0]["status"] in ("ok", "failed", "unknown")
