# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Databricks engine through plain HTTP, as the vendor documents it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from engines import DatabricksEngine

STATEMENTS = "/api/2.0/sql/statements"


@pytest.fixture
def catalog(databricks: DatabricksEngine, new: str) -> str:
    databricks.query(f"CREATE CATALOG {new}")
    return new


@pytest.fixture(autouse=True)
def _no_fault_stays(databricks: DatabricksEngine) -> Iterator[None]:
    yield
    databricks.clear()


def failure(engine: DatabricksEngine, sql: str, **options: Any) -> dict[str, Any]:
    """The status of a statement that failed."""
    status: dict[str, Any] = engine.execute(sql, **options)["status"]
    assert status["state"] == "FAILED"
    return status


def later(look: Callable[[], dict[str, Any]], state: str) -> dict[str, Any]:
    """What a statement looks like once it is in a state."""
    for _unused in range(100):
        if (answer := look())["status"]["state"] == state:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not {state}: {answer}")


# --- a new workspace ---


def test_a_new_workspace_has_one_catalog_and_an_administrator() -> None:
    with DatabricksEngine() as engine:
        found = engine.catalog()
        assert list(found["catalogs"]) == ["main"]
        assert found["principals"] == {engine.admin_user: {"kind": "service_principal", "admin": True, "members": []}}
        assert found["grants"] == []
        assert engine.login == {"host": engine.host, "port": engine.port, "http_path": engine.http_path, "token": engine.token, "ssl": False}
        assert engine.http_path == f"/sql/1.0/warehouses/{engine.warehouse}"


# --- who it is ---


def test_an_oauth_secret_gives_a_token_that_works(databricks: DatabricksEngine) -> None:
    principal = databricks.add_principal("service_principal")
    token = databricks.oauth_token(principal["client_id"], principal["client_secret"])
    assert databricks.query("SELECT current_user()", token=token) == [[principal["name"]]]
    assert databricks.query("SELECT current_metastore()", token=token) == databricks.query("SELECT current_metastore()") != [[None]]
    assert databricks.query("SELECT current_user()", token=principal["token"]) == [[principal["name"]]]
    assert databricks.can_login(principal["client_id"], principal["client_secret"])
    assert not databricks.can_login(principal["client_id"], principal["client_secret"] + "x")
    assert not databricks.can_login("nobody", principal["client_secret"])


def test_the_token_endpoint_answers_as_documented(databricks: DatabricksEngine) -> None:
    def ask(auth: tuple[str, str], **form: str) -> requests.Response:
        return requests.post(f"{databricks.url}/oidc/v1/token", form, auth=auth, timeout=10)

    admin = (databricks.admin_user, databricks.admin_password)
    answer = ask(admin, grant_type="client_credentials", scope="all-apis")
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "scope", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    assert (ask(admin, grant_type="password").status_code, ask(admin, grant_type="password").json()["error"]) == (400, "unsupported_grant_type")
    assert ask(admin, grant_type="client_credentials", scope="x").json()["error"] == "invalid_scope"
    wrong = ask((databricks.admin_user, "wrong"), grant_type="client_credentials", scope="all-apis")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_a_token_that_is_missing_wrong_or_expired_is_refused(databricks: DatabricksEngine) -> None:
    body = {"warehouse_id": databricks.warehouse, "statement": "SELECT 1"}
    nothing = requests.post(databricks.url + STATEMENTS, json=body, timeout=10)
    assert (nothing.status_code, nothing.json()["error_code"]) == (401, "401")
    wrong = databricks.call("POST", STATEMENTS, body, "dapi0")
    assert (wrong.status_code, wrong.json()["message"]) == (403, "Invalid access token.")
    token = databricks.oauth_token(databricks.admin_user, databricks.admin_password)
    databricks.expire_tokens()
    expired = databricks.call("POST", STATEMENTS, body, token)
    assert (expired.status_code, expired.json()["message"]) == (401, "Token is expired")
    assert databricks.query("SELECT 1") == [["1"]]  # a personal access token is no OAuth token


# --- requests ---


@pytest.mark.parametrize(
    ("change", "status", "code", "message"),
    [
        ({"warehouse_id": "0123456789abcdef"}, 404, "RESOURCE_DOES_NOT_EXIST", "SQL warehouse 0123456789abcdef does not exist"),
        ({"warehouse_id": "COMPUTE_WH"}, 400, "INVALID_PARAMETER_VALUE", "COMPUTE_WH is not a valid endpoint id."),
        ({"warehouse_id": None}, 400, "INVALID_PARAMETER_VALUE", "warehouse_id is required."),
        ({"statement": ""}, 400, "INVALID_PARAMETER_VALUE", "statement is required."),
        ({"wait_timeout": "3s"}, 400, "INVALID_PARAMETER_VALUE", "wait_timeout must be"),
        ({"wait_timeout": "51s"}, 400, "INVALID_PARAMETER_VALUE", "wait_timeout must be"),
        ({"wait_timeout": 10}, 400, "INVALID_PARAMETER_VALUE", "wait_timeout must be"),
        ({"on_wait_timeout": "STOP"}, 400, "INVALID_PARAMETER_VALUE", "on_wait_timeout must be"),
    ],
)
def test_a_request_that_is_wrong_is_refused(databricks: DatabricksEngine, change: dict[str, Any], status: int, code: str, message: str) -> None:
    answer = databricks.call("POST", STATEMENTS, {"warehouse_id": databricks.warehouse, "statement": "SELECT 1", **change})
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert message in answer.json()["message"]


def test_a_result_has_the_documented_shape(databricks: DatabricksEngine) -> None:
    answer = databricks.execute("SELECT 1 AS a, 'x;y' AS b, NULL AS c, true AS d")
    assert answer["status"] == {"state": "SUCCEEDED"}
    columns = [(column["name"], column["type_name"], column["position"]) for column in answer["manifest"]["schema"]["columns"]]
    assert columns == [("a", "INT", 0), ("b", "STRING", 1), ("c", "STRING", 2), ("d", "BOOLEAN", 3)]
    assert answer["manifest"]["total_row_count"] == 1
    assert answer["result"]["data_array"] == [["1", "x;y", None, "true"]]


def test_a_statement_can_be_looked_at_by_who_sent_it_only(databricks: DatabricksEngine) -> None:
    sent = databricks.execute("SELECT 7")
    assert databricks.call("GET", f"{STATEMENTS}/{sent['statement_id']}").json() == sent
    other = databricks.add_principal("user", f"{time.monotonic()}@example.com")["token"]
    for path, token in ((sent["statement_id"], other), ("00000000", None)):
        answer = databricks.call("GET", f"{STATEMENTS}/{path}", token=token)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


# --- time ---


def test_without_waiting_a_statement_is_pending_and_ends_by_itself(databricks: DatabricksEngine) -> None:
    databricks.fault(pending=0.2, running=0.2)
    sent = databricks.execute("SELECT 8", wait_timeout="0s")
    assert sent == {"statement_id": sent["statement_id"], "status": {"state": "PENDING"}}

    def look() -> dict[str, Any]:
        return dict(databricks.call("GET", f"{STATEMENTS}/{sent['statement_id']}").json())

    assert "result" not in later(look, "RUNNING")
    assert later(look, "SUCCEEDED")["result"]["data_array"] == [["8"]]


@pytest.mark.parametrize(("then", "state"), [("CONTINUE", "RUNNING"), ("CANCEL", "CANCELED")])
def test_a_statement_that_takes_longer_goes_on_or_is_cancelled(databricks: DatabricksEngine, catalog: str, then: str, state: str) -> None:
    databricks.fault(running=5.4)
    start = time.monotonic()
    sent = databricks.execute(f"CREATE SCHEMA {catalog}.late", wait_timeout="5s", on_wait_timeout=then)
    assert 4.5 < time.monotonic() - start < 8
    assert sent["status"] == {"state": state}
    time.sleep(0.8)
    assert ("late" in databricks.catalog()["catalogs"][catalog]["schemas"]) is (then == "CONTINUE")


def test_cancel_ends_what_has_not_happened_and_leaves_what_has(databricks: DatabricksEngine, catalog: str) -> None:
    databricks.fault(running=30)
    sent = databricks.execute(f"CREATE SCHEMA {catalog}.never", wait_timeout="0s")
    over = databricks.execute("SELECT 1")
    for statement in (sent, over):
        answer = databricks.call("POST", f"{STATEMENTS}/{statement['statement_id']}/cancel")
        assert (answer.status_code, answer.json()) == (200, {})
    states = [databricks.call("GET", f"{STATEMENTS}/{each['statement_id']}").json()["status"]["state"] for each in (sent, over)]
    assert states == ["CANCELED", "SUCCEEDED"]
    assert "never" not in databricks.catalog()["catalogs"][catalog]["schemas"]


# --- faults ---


@pytest.mark.parametrize("acts", [True, False])
def test_an_answer_can_get_lost_with_and_without_an_effect(databricks: DatabricksEngine, catalog: str, acts: bool) -> None:
    databricks.fault(statement="SCHEMA", hang_up=True, acts=acts)
    with pytest.raises(requests.ConnectionError):
        databricks.execute(f"CREATE SCHEMA {catalog}.lost")
    assert ("lost" in databricks.catalog()["catalogs"][catalog]["schemas"]) is acts
    assert databricks.requests()[-1]["status"] is None


def test_a_statement_can_end_as_told(databricks: DatabricksEngine) -> None:
    databricks.fault(state="FAILED", error_code="RESOURCE_EXHAUSTED", message="too much")
    assert failure(databricks, "SELECT 1") == {"state": "FAILED", "error": {"error_code": "RESOURCE_EXHAUSTED", "message": "too much"}}
    for state in ("CLOSED", "CANCELED"):
        databricks.fault(state=state)
        assert databricks.execute("SELECT 1")["status"] == {"state": state}
    assert databricks.query("SELECT 1") == [["1"]]


def test_a_request_can_meet_another_answer(databricks: DatabricksEngine) -> None:
    databricks.fault(method="GET", path=f"{STATEMENTS}/.*", status=503, headers={"Retry-After": "1"}, body='{"error_code": "TEMPORARILY_UNAVAILABLE"}')
    sent = databricks.execute("SELECT 1")
    answer = databricks.call("GET", f"{STATEMENTS}/{sent['statement_id']}")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (503, "1", {"error_code": "TEMPORARILY_UNAVAILABLE"})
    assert databricks.call("GET", f"{STATEMENTS}/{sent['statement_id']}").status_code == 200
    with pytest.raises(ValueError, match="a fault has no colour"):
        databricks.fault(colour="red")


# --- statements ---


def test_several_statements_in_one_call_are_a_syntax_error(databricks: DatabricksEngine) -> None:
    status = failure(databricks, "SELECT 1;\nSELECT 'geheim'")
    assert status["sql_state"] == "42601"
    assert status["error"]["error_code"] == "BAD_REQUEST"
    first, _unused, rest = status["error"]["message"].partition("\n")
    assert first == "[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELECT': extra input 'SELECT'. SQLSTATE: 42601 (line 2, pos 0)"
    assert rest == "\n== SQL ==\nSELECT 1;\nSELECT 'geheim'\n^^^\n"
    assert databricks.query("SELECT 'a;b'; ") == [["a;b"]]


def test_a_use_is_forgotten_with_its_call(databricks: DatabricksEngine, catalog: str) -> None:
    databricks.query(f"USE CATALOG {catalog}")
    databricks.query("CREATE SCHEMA one")
    databricks.query("CREATE SCHEMA two", catalog=catalog)
    databricks.query("CREATE TABLE t (a INT)", catalog=catalog, schema="two")
    found = databricks.catalog()["catalogs"]
    assert "one" in found["main"]["schemas"]
    assert list(found[catalog]["schemas"]["two"]["tables"]) == ["t"]
    assert "NO_SUCH_CATALOG" in failure(databricks, "USE CATALOG nowhere")["error"]["message"]
    databricks.query("DROP SCHEMA main.one")


def test_the_catalogue_shows_what_a_setup_script_made(databricks: DatabricksEngine, new: str) -> None:
    principal = databricks.add_principal("service_principal")
    name = principal["name"]
    for sql in (
        f"CREATE CATALOG `{new}` COMMENT 'Managed by Immuta; don''t use'",
        f"CREATE SCHEMA {new}.immuta_system",
        f"CREATE TABLE {new}.immuta_system.version (version STRING COMMENT 'a;b', edits INT) USING DELTA",
        f"CREATE VIEW {new}.immuta_system.v AS SELECT * FROM {new}.immuta_system.version",
        f"CREATE FUNCTION {new}.immuta_system.f(item STRING) RETURNS BOOLEAN RETURN item = ';'",
        f"CREATE FUNCTION {new}.immuta_system.g(v STRING) RETURNS STRING LANGUAGE PYTHON AS $$\nimport re; return v\n$$",
        f"GRANT USE CATALOG, CREATE SCHEMA ON CATALOG {new} TO `{name}`",
        f"GRANT ALL PRIVILEGES ON SCHEMA {new}.immuta_system TO `{name}`",
        f"GRANT SELECT ON TABLE system.access.audit TO `{name}`",
        f"ALTER CATALOG {new} OWNER TO `{name}`",
        f"INSERT INTO {new}.immuta_system.version VALUES ('1', 0)",
    ):
        databricks.query(sql)
    found = databricks.catalog()
    assert found["catalogs"][new]["owner"] == name
    assert found["catalogs"][new]["comment"] == "Managed by Immuta; don't use"
    held = found["catalogs"][new]["schemas"]["immuta_system"]
    assert (list(held["tables"]), list(held["views"])) == (["version"], ["v"])
    assert held["functions"]["f"]["definition"] == "item = ';'"
    assert held["functions"]["g"]["language"] == "PYTHON"
    granted = {(each["privilege"], each["on"], each["name"]) for each in found["grants"] if each["principal"] == name}
    assert granted == {
        ("USE CATALOG", "CATALOG", new),
        ("CREATE SCHEMA", "CATALOG", new),
        ("ALL PRIVILEGES", "SCHEMA", f"{new}.immuta_system"),
        ("SELECT", "TABLE", "system.access.audit"),
    }
    assert databricks.query(f"SELECT version, edits FROM {new}.immuta_system.v", token=principal["token"]) == [["1", "0"]]
    databricks.query(f"REVOKE SELECT ON TABLE system.access.audit FROM `{name}`")
    databricks.query(f"DROP CATALOG {new} CASCADE")
    assert new not in databricks.catalog()["catalogs"]
    assert not [each for each in databricks.catalog()["grants"] if each["principal"] == name]


def test_a_change_says_how_many_rows(databricks: DatabricksEngine, catalog: str) -> None:
    databricks.query(f"CREATE TABLE {catalog}.default.t (a INT)")
    answer = databricks.execute(f"INSERT INTO {catalog}.default.t VALUES (1), (2), (3)")
    assert [column["name"] for column in answer["manifest"]["schema"]["columns"]] == ["num_affected_rows"]
    assert answer["result"]["data_array"] == [["3"]]
    assert databricks.query(f"DELETE FROM {catalog}.default.t WHERE a > 1") == [["2"]]


def test_the_catalogs_can_be_asked_for(databricks: DatabricksEngine, catalog: str) -> None:
    ask = "SELECT 1 FROM system.information_schema.catalogs WHERE catalog_name = LOWER('{}')"
    assert databricks.query(ask.format(catalog.upper())) == [["1"]]
    assert databricks.query(ask.format("nowhere")) == []
    assert databricks.query(f"SHOW CATALOGS LIKE '{catalog}'") == [[catalog]]
    assert databricks.query(f"SHOW SCHEMAS IN {catalog}") == [["default"], ["information_schema"]]
    outsider = databricks.add_principal("user", f"{catalog}@example.com")["token"]
    assert databricks.query(ask.format(catalog), token=outsider) == []
    assert databricks.query(f"SHOW CATALOGS LIKE '{catalog}'", token=outsider) == []


@pytest.mark.parametrize(
    ("sql", "condition", "sqlstate"),
    [
        ("CREATE CATALOG {}", "CATALOG_ALREADY_EXISTS", "42710"),
        ("CREATE SCHEMA {}.default", "SCHEMA_ALREADY_EXISTS", "42P06"),
        ("CREATE TABLE {}.default.t (a INT)", "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
        ("CREATE FUNCTION {}.default.f() RETURNS INT RETURN 1", "ROUTINE_ALREADY_EXISTS", "42723"),
        ("CREATE SCHEMA nowhere.x", "NO_SUCH_CATALOG_EXCEPTION", "42704"),
        ("CREATE TABLE {}.nowhere.t (a INT)", "SCHEMA_NOT_FOUND", "42704"),
        ("SELECT * FROM {}.default.nothing", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELECT nothing FROM {}.default.t", "UNRESOLVED_COLUMN", "42703"),
        ("INSERT INTO {}.default.t VALUES ('geheim')", "CAST_INVALID_INPUT", "22018"),
        ("DROP FUNCTION {}.default.g", "ROUTINE_NOT_FOUND", "42883"),
        ("DROP CATALOG {}", "CATALOG_NOT_EMPTY", "2BP01"),
        ("DROP SCHEMA {}.default", "SCHEMA_NOT_EMPTY", "2BP01"),
        ("GRANT USE CATALOG ON CATALOG {} TO `nobody`", "PRINCIPAL_DOES_NOT_EXIST", "42704"),
        ("GRANT CREATE SCHEMA ON TABLE {}.default.t TO `account users`", "INVALID_PARAMETER_VALUE", "22023"),
        ("GRANT FLY ON CATALOG {} TO x", "PARSE_SYNTAX_ERROR", "42601"),
        ("CREATE NONSENSE {}", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT 'geheim", "PARSE_SYNTAX_ERROR", "42601"),
    ],
)
def test_what_is_wrong_has_the_services_words(databricks: DatabricksEngine, catalog: str, sql: str, condition: str, sqlstate: str) -> None:
    databricks.query(f"CREATE SCHEMA {catalog}.s")
    databricks.query(f"CREATE TABLE {catalog}.default.t (a INT)")
    databricks.query(f"CREATE FUNCTION {catalog}.default.f() RETURNS INT RETURN 1")
    status = failure(databricks, sql.format(catalog))
    assert condition in status["error"]["message"].partition("]")[0]
    assert status["sql_state"] == sqlstate


def test_rights_are_needed_and_inherited(databricks: DatabricksEngine, catalog: str) -> None:
    principal = databricks.add_principal("service_principal")
    databricks.add_principal("group", f"{catalog} group", members=[principal["name"]])
    databricks.query(f"CREATE TABLE {catalog}.default.t (a INT)")
    who = {"token": principal["token"]}
    read, write = f"SELECT * FROM {catalog}.default.t", f"INSERT INTO {catalog}.default.t VALUES (1)"
    steps = [
        (read, "USE CATALOG on Catalog", "USE CATALOG ON CATALOG {0}"),
        (read, "USE SCHEMA on Schema", "USE SCHEMA ON CATALOG {0}"),
        (read, "SELECT on Table", "SELECT ON SCHEMA {0}.default"),
        (write, "MODIFY on Table", "ALL PRIVILEGES ON TABLE {0}.default.t"),
        (f"CREATE SCHEMA {catalog}.mine", "CREATE SCHEMA on Catalog", "CREATE SCHEMA ON CATALOG {0}"),
    ]
    for sql, missing, grant in steps:
        message = failure(databricks, sql, **who)["error"]["message"]
        assert f"User does not have {missing}" in message and "[INSUFFICIENT_PERMISSIONS]" in message
        databricks.query(f"GRANT {grant.format(catalog)} TO `{catalog} group`")
    assert {databricks.execute(sql, **who)["status"]["state"] for sql, _missing, _grant in steps} == {"SUCCEEDED"}
    assert databricks.catalog()["catalogs"][catalog]["schemas"]["mine"]["owner"] == principal["name"]
    assert "MANAGE" in failure(databricks, f"GRANT SELECT ON CATALOG {catalog} TO `{principal['name']}`", **who)["error"]["message"]
    assert "MANAGE" in failure(databricks, f"DROP TABLE {catalog}.default.t", **who)["error"]["message"]
    assert "CREATE CATALOG on Metastore" in failure(databricks, f"CREATE CATALOG {catalog}_2", **who)["error"]["message"]
