# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Databricks engine over HTTP: it really executes, and it refuses what the service refuses.

Faults and time are tested where the collection meets them, in test_sql_script_databricks.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from engines import DatabricksEngine

STATEMENTS = "/api/2.0/sql/statements"


def test_it_executes_a_set_up_and_takes_it_back(databricks: DatabricksEngine, new: str) -> None:
    principal = databricks.add_principal("service_principal")
    name, who, before = principal["name"], {"token": principal["token"]}, databricks.catalog()
    for sql in (
        f"CREATE CATALOG `{new}` COMMENT 'Managed by Immuta; don''t use'",
        f"CREATE SCHEMA {new}.s; -- and nothing else",
        f'CREATE TABLE {new}.S.t (version STRING COMMENT "a;b", edits INT)',
        f"CREATE VIEW {new}.s.v AS SELECT edits, version FROM {new}.s.t",
        f"CREATE FUNCTION {new}.s.f(item STRING) RETURNS BOOLEAN RETURN item = ';'",
        f"CREATE FUNCTION {new}.s.g(v STRING) RETURNS STRING LANGUAGE PYTHON AS $$\nimport re; return v\n$$",
        f"GRANT USE CATALOG, SELECT ON CATALOG {new} TO `{name}`",
        f"GRANT SELECT ON TABLE system.access.audit TO `{name}`",
    ):
        assert databricks.query(sql) == []
    assert databricks.query("INSERT INTO t VALUES ('07', 0), ('it\\'s', 1), ('x', 2)", catalog=new, schema="s") == [["3"]]
    assert databricks.query(f"UPDATE {new}.s.t SET edits = edits + 1 WHERE edits = 2") == [["1"]]
    assert databricks.query(f"SELECT * FROM {new}.s.v ORDER BY edits", **who) == [["0", "07"], ["1", "it's"], ["3", "x"]]
    found = databricks.catalog()
    assert found["catalogs"][new]["comment"] == "Managed by Immuta; don't use"
    held = found["catalogs"][new]["schemas"]["s"]
    assert (list(held["tables"]), list(held["views"]), held["functions"]["f"]["definition"]) == (["t"], ["v"], "item = ';'")
    assert {(each["privilege"], each["on"], each["name"]) for each in found["grants"] if each["principal"] == name} == {
        ("USE CATALOG", "CATALOG", new),
        ("SELECT", "CATALOG", new),
        ("SELECT", "TABLE", "system.access.audit"),
    }
    databricks.query(f"REVOKE SELECT ON TABLE system.access.audit FROM `{name}`")
    databricks.query(f"DROP CATALOG {new} CASCADE")
    assert databricks.catalog() == before


def test_a_principal_sees_and_reads_what_it_was_granted_or_owns(databricks: DatabricksEngine, new: str) -> None:
    principal = databricks.add_principal("service_principal")
    who, read, change = {"token": principal["token"]}, f"SELECT a FROM {new}.default.t", f"INSERT INTO {new}.default.t VALUES (1)"
    ask = f"SELECT catalog_owner FROM system.information_schema.catalogs WHERE catalog_name = LOWER('{new.upper()}')"
    databricks.query(f"CREATE CATALOG {new}")
    databricks.query(f"CREATE TABLE {new}.default.t (a INT)")
    assert (databricks.query(ask, **who), databricks.query("SHOW CATALOGS", **who)) == ([], [])
    for sql, privilege in ((read, "SELECT"), (change, "MODIFY")):
        assert f"User does not have {privilege} on Table" in databricks.execute(sql, **who)["status"]["error"]["message"]
        databricks.query(f"GRANT {privilege} ON SCHEMA {new}.default TO `{principal['name']}`")
    assert (databricks.query(change, **who), databricks.query(read, **who)) == ([["1"]], [["1"]])
    databricks.query(f"ALTER CATALOG {new} OWNER TO `{principal['name']}`")
    assert (databricks.query(ask, **who), databricks.query("SHOW CATALOGS", **who)) == ([[principal["name"]]], [[new]])
    assert databricks.query(f"SHOW TABLES IN {new}.default", **who) == [["default", "t"]]


def test_a_new_secret_makes_the_old_one_void(databricks: DatabricksEngine) -> None:
    old = databricks.add_principal("service_principal")
    assert databricks.can_login(old["client_id"], old["client_secret"])
    new = databricks.add_principal("service_principal", old["client_id"])
    assert databricks.can_login(new["client_id"], new["client_secret"])
    assert not databricks.can_login(old["client_id"], old["client_secret"])


@pytest.mark.parametrize(
    ("change", "token", "status"),
    [
        ({"warehouse_id": "0123456789abcdef"}, None, 404),
        ({"wait_timeout": "3s"}, None, 400),
        ({"wait_timeout": "51s"}, None, 400),
        ({"on_wait_timeout": "STOP"}, None, 400),
        ({}, "dapi0", 403),
    ],
)
def test_a_request_that_is_wrong_is_refused(databricks: DatabricksEngine, change: dict[str, Any], token: str | None, status: int) -> None:
    body = {"warehouse_id": databricks.http_path.rpartition("/")[2], "statement": "SELECT 1", **change}
    assert databricks.call("POST", STATEMENTS, body, token).status_code == status


@pytest.mark.parametrize(
    ("sql", "condition", "sqlstate"),
    [
        ("CREATE CATALOG {}", "CATALOG_ALREADY_EXISTS", "42710"),
        ("CREATE SCHEMA nowhere.x", "NO_SUCH_CATALOG_EXCEPTION", "42704"),
        ("CREATE TABLE {}.nowhere.t (a INT)", "SCHEMA_NOT_FOUND", "42704"),
        ("SELECT * FROM {}.default.nothing", "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
        ("SELECT no_such FROM {}.default.t", "UNRESOLVED_COLUMN", "42703"),
        ("DROP FUNCTION {}.default.g", "ROUTINE_NOT_FOUND", "42883"),
        ("DROP SCHEMA {}.s", "SCHEMA_NOT_EMPTY", "2BP01"),
        ("DROP CATALOG {}", "CATALOG_NOT_EMPTY", "2BP01"),
        ("GRANT USE CATALOG ON CATALOG {} TO `nobody`", "PRINCIPAL_DOES_NOT_EXIST", "42704"),
        ("USE CATALOG nowhere", "NO_SUCH_CATALOG_EXCEPTION", "42704"),
        ("CREATE NONSENSE {}", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT 'geheim", "PARSE_SYNTAX_ERROR", "42601"),
        ("SELECT 1;\nDROP CATALOG {} CASCADE", "PARSE_SYNTAX_ERROR", "42601"),
    ],
)
def test_what_is_wrong_has_the_services_words(databricks: DatabricksEngine, new: str, sql: str, condition: str, sqlstate: str) -> None:
    for before in ("CATALOG {}", "SCHEMA {}.s", "TABLE {}.s.t (a INT)", "TABLE {}.default.t (a INT)"):
        databricks.query("CREATE " + before.format(new))
    held = databricks.catalog()
    status = databricks.execute(sql.format(new))["status"]
    assert (status["state"], status["sql_state"]) == ("FAILED", sqlstate)
    assert status["error"]["message"].startswith(f"[{condition}] ")
    assert databricks.catalog() == held
