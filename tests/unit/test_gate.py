# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the gate: purposes, names, objects that the script created, the message of a refusal, and queries that change nothing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError, ScriptRefused
from ansible_collections.community.immuta.plugins.module_utils._sql import gate
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import check_scope, forbidden_statements, is_query, refusal_error, scope_of
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split
from ansible_collections.community.immuta.plugins.module_utils._sql.tokenizer import DIALECT_OF

SNOWFLAKE, REDSHIFT, DATABRICKS, SYNAPSE = DIALECT_OF


def rows(platform: str, script: str, purpose: str = "setup", scope: Any = None, database: str | None = None) -> list[dict[str, Any]]:
    return forbidden_statements(split(script, DIALECT_OF[platform]), platform, purpose, scope, database)


def scope(database: str, *accounts: str) -> dict[str, Any]:
    return {"database": database, "accounts": list(accounts)}


# --- purposes


@pytest.mark.parametrize("platform", DIALECT_OF)
def test_only_a_clean_up_drops_a_database_and_it_creates_none(platform: str) -> None:
    kind = "CATALOG" if platform == DATABRICKS else "DATABASE"
    for purpose in ("setup", "edit"):
        assert rows(platform, f"DROP {kind} d", purpose) == [{"number": 1, "line": 1, "verb": f"DROP {kind}", "object": "d", "reason": "kind"}]
        assert rows(platform, f"CREATE {kind} d", purpose) == []
    assert rows(platform, f"DROP {kind} d", "cleanup") == []
    assert [row["verb"] for row in rows(platform, f"CREATE {kind} d", "cleanup")] == [f"CREATE {kind}"]


@pytest.mark.parametrize("platform", DIALECT_OF)
def test_an_edit_may_drop_an_account_and_a_setup_may_not(platform: str) -> None:
    assert [row["object"] for row in rows(platform, "DROP USER a")] == ["a"]
    assert [row["object"] for row in rows(platform, "DROP ROLE b")] == ["b"]
    assert rows(platform, "DROP USER a", "edit") == rows(platform, "DROP ROLE b", "cleanup") == []


@pytest.mark.parametrize("platform", DIALECT_OF)
def test_any_purpose_allows_everything(platform: str) -> None:
    assert rows(platform, "DROP DATABASE d", "any", scope("x")) == rows(platform, "'nonsense'", "any") == []


# --- the message of a refusal


def test_a_refusal_names_statement_line_and_reason() -> None:
    script = """SELECT 1;

DROP TABLE hr.s.t; DROP DATABASE immuta;
EXECUTE IMMEDIATE $x;
BEGIN
    SELECT 1;
    COPY INTO @s FROM t;
END;
EXECUTE IMMEDIATE $$ BEGIN
    DROP TABLE immuta.s.t;
    EXECUTE IMMEDIATE 'SELECT 1 FROM x; --
DROP USER u';
END $$;"""
    found = rows(SNOWFLAKE, script, scope=scope("immuta"))
    assert [(row["number"], row["line"], row["verb"], row["object"], row["reason"]) for row in found] == [
        (2, 3, "DROP TABLE", "hr.s.t", "scope"),
        (3, 3, "DROP DATABASE", "immuta", "kind"),
        (4, 4, "EXECUTE", None, "unreadable"),
        (5, 7, "COPY", None, "kind"),
        (6, 12, "DROP USER", "u", "kind"),
    ]
    error = refusal_error(found, SNOWFLAKE, "setup", "c")
    assert isinstance(error, ScriptRefused)
    assert error.facts == {"refused": found, "checksum": "c"}
    assert error.message == (
        "The script contains statements that do not belong in a setup script for Snowflake: "
        "DROP DATABASE immuta (statement 3, line 3), COPY (statement 5, line 7), DROP USER u (statement 6, line 12), of a kind that does not belong there; "
        "DROP TABLE hr.s.t (statement 2, line 3), about an object that is neither the platform's own nor created by the script; "
        "EXECUTE (statement 4, line 4), running code that the gate cannot read."
    )


@pytest.mark.parametrize(
    ("platform", "script"),
    [
        (SNOWFLAKE, "'geheim'"),
        (SNOWFLAKE, "CREATE USER x PASSWORD = 'geheim' COMMENT = 'geheim'"),
        (SNOWFLAKE, "EXECUTE IMMEDIATE 'geheim'"),
        (SNOWFLAKE, "EXECUTE IMMEDIATE 'SELECT ''geheim'"),
        (SNOWFLAKE, "COPY INTO 's3://geheim' FROM t"),
        (SNOWFLAKE, "CALL p('geheim')"),
        (REDSHIFT, "UNLOAD ('geheim') TO 'geheim'"),
        (REDSHIFT, "GRANT ASSUMEROLE ON 'geheim' TO u FOR ALL"),
        (DATABRICKS, "INSERT OVERWRITE DIRECTORY 'geheim' SELECT 1"),
        (SYNAPSE, "EXEC sp_addrolemember 'geheim', 'geheim'"),
        (SYNAPSE, "EXEC('geheim')"),
    ],
)
def test_a_refusal_quotes_no_literal(platform: str, script: str) -> None:
    found = rows(platform, script, scope=scope("d"))
    assert found and "geheim" not in str(found) + str(refusal_error(found, platform, "setup", ""))


@pytest.mark.parametrize(("dialect", "script"), [("snowflake", "!set geheim"), ("redshift", "SELECT 1\n\\geheim"), ("tsql", ":geheim")])
def test_a_client_command_is_not_quoted(dialect: str, script: str) -> None:
    with pytest.raises(ScriptRefused) as caught:
        split(script, dialect)
    assert "geheim" not in str(caught.value)


def test_many_refusals_are_counted() -> None:
    found = rows(REDSHIFT, "DROP DATABASE d;" * 12)
    assert len(found) == 12 and ", and 2 more, of a kind" in str(refusal_error(found, REDSHIFT, "setup", ""))


# --- names


@pytest.mark.parametrize(
    ("platform", "database", "own", "foreign"),
    [
        (SNOWFLAKE, "IMMUTA", ["IMMUTA", "immuta", '"IMMUTA"'], ['"immuta"', "IMMUTA2", '"IMMUTA "']),
        (SNOWFLAKE, "immuta", ["immuta", "IMMUTA", '"immuta"', '"IMMUTA"'], ['"Immuta"']),
        (SNOWFLAKE, '"immuta"', ['"immuta"'], ["immuta", '"IMMUTA"']),
        (SNOWFLAKE, 'my "db"', ['"my ""db"""'], ['"my db"']),
        (REDSHIFT, "immuta", ["immuta", "IMMUTA", '"immuta"'], ['"IMMUTA"', "immuta2"]),
        (REDSHIFT, "Immuta", ['"Immuta"', "immuta"], ['"IMMUTA"']),
        (SYNAPSE, "Pool", ["pool", "[POOL]", '"Pool"'], ["[pool ]", "[po]]ol]"]),
        (SYNAPSE, "[Pool]", ["pool", "[POOL]", '"Pool"'], ["[pool ]", "[po]]ol]"]),
    ],
)
def test_names_are_compared_as_the_database_compares_them(platform: str, database: str, own: list[str], foreign: list[str]) -> None:
    for name in own:
        assert rows(platform, f"DROP DATABASE {name}", "cleanup", scope(database)) == []
    for name in foreign:
        assert [row["reason"] for row in rows(platform, f"DROP DATABASE {name}", "cleanup", scope(database))] == ["scope"]


def test_databricks_ignores_case_and_quotes() -> None:
    for name in ("immuta", "IMMUTA", "`Immuta`"):
        assert rows(DATABRICKS, f"DROP CATALOG {name}", "cleanup", scope("Immuta")) == []
    assert rows(DATABRICKS, "DROP CATALOG `im``muta`", "cleanup", scope("Immuta"))


@pytest.mark.parametrize("platform", DIALECT_OF)
def test_every_name_of_a_list_is_checked(platform: str) -> None:
    assert [row["object"] for row in rows(platform, "DROP TABLE a, hr.s.t, b", scope=scope("immuta"))] == ["hr.s.t"]


@pytest.mark.parametrize("platform", [REDSHIFT, SYNAPSE, DATABRICKS, SNOWFLAKE])
def test_a_name_without_a_database_is_in_the_database_of_the_login(platform: str) -> None:
    own = scope("immuta")
    assert rows(platform, "DROP TABLE s.t", scope=own) == rows(platform, "DROP TABLE s.t", scope=own, database="immuta") == []
    assert [row["reason"] for row in rows(platform, "DROP TABLE s.t", scope=own, database="dev")] == ["scope"]
    assert rows(platform, "DROP TABLE s.t", database="dev") == []


def test_later_names_are_in_the_database_that_was_created_or_used() -> None:
    own = scope("IMMUTA")
    assert rows(SNOWFLAKE, "CREATE DATABASE IMMUTA; CREATE SCHEMA s", scope=own, database="OTHER") == []
    assert rows(SNOWFLAKE, "USE SCHEMA IMMUTA.s; CREATE TABLE t (a INT)", scope=own, database="OTHER") == []
    assert rows(SNOWFLAKE, "USE DATABASE IMMUTA; USE ROLE R; USE WAREHOUSE W; CREATE SCHEMA s", scope=own, database="OTHER") == []
    assert rows(SNOWFLAKE, "CREATE SCHEMA s", scope=own, database="OTHER")
    assert rows(DATABRICKS, "USE SCHEMA s; DROP TABLE t", scope=scope("immuta")) == []
    assert rows(DATABRICKS, "USE CATALOG immuta; DROP TABLE s.t", scope=scope("immuta"), database="main") == []


# --- objects that the script created


def test_an_object_that_the_script_created_is_in_scope() -> None:
    own = scope("IMMUTA", "IMMUTA_SYSTEM_ACCOUNT")
    made = "CREATE WAREHOUSE w; ALTER WAREHOUSE w SUSPEND; CREATE ROLE IMMUTA_READER; GRANT ROLE IMMUTA_READER TO USER IMMUTA_SYSTEM_ACCOUNT"
    assert rows(SNOWFLAKE, made, scope=own) == []
    assert rows(SNOWFLAKE, made, "cleanup", own)  # a clean-up may continue after a CREATE that failed


@pytest.mark.parametrize(
    "making",
    [
        "CREATE WAREHOUSE IF NOT EXISTS w",
        "BEGIN CREATE WAREHOUSE w; END",
        "BEGIN CREATE WAREHOUSE w; EXCEPTION WHEN OTHER THEN RETURN 1; END",
        "EXECUTE IMMEDIATE 'CREATE WAREHOUSE w'",
    ],
)
def test_an_object_that_may_have_existed_before_is_not_in_scope(making: str) -> None:
    assert [row["verb"] for row in rows(SNOWFLAKE, f"{making}; ALTER WAREHOUSE w SUSPEND", scope=scope("IMMUTA"))] == ["ALTER WAREHOUSE"]


def test_a_role_named_after_immuta_may_be_created_and_a_user_may_not() -> None:
    own = scope("GOVERN")
    assert rows(SNOWFLAKE, "CREATE ROLE IMMUTA_X; CREATE ROLE GOVERN_READER; CREATE ROLE IF NOT EXISTS immuta_y", scope=own) == []
    refused = "CREATE ROLE IF NOT EXISTS GOVERN_READER; CREATE USER IMMUTA_X; CREATE ROLE OTHER; CREATE ROLE GOVERNED"
    assert [row["reason"] for row in rows(SNOWFLAKE, refused, scope=own)] == ["scope"] * 4


def test_a_call_is_checked_with_the_body_that_it_runs() -> None:
    dynamic = "CREATE PROCEDURE s.p(x VARCHAR) AS $$ BEGIN EXECUTE x; END $$ LANGUAGE plpgsql"
    assert rows(REDSHIFT, dynamic) == []
    assert [(row["number"], row["verb"], row["object"], row["reason"]) for row in rows(REDSHIFT, f"{dynamic}; CALL s.p('x')")] == [
        (2, "CALL", "s.p", "unreadable")
    ]
    assert rows(REDSHIFT, "CREATE PROCEDURE s.p() AS $$ BEGIN DELETE FROM t; END $$ LANGUAGE plpgsql; CALL s.p()") == []
    assert rows(REDSHIFT, "DO $$ BEGIN DELETE FROM t; END $$") == []
    assert [row["reason"] for row in rows(REDSHIFT, "DO $$ SELECT 1 $$ LANGUAGE plpythonu")] == ["unreadable"]
    assert rows(REDSHIFT, "CREATE PROCEDURE s.p() AS $$ BEGIN <<l>> LOOP DELETE FROM t; EXIT l; END LOOP; END $$ LANGUAGE plpgsql") == []
    assert [row["reason"] for row in rows(REDSHIFT, "CALL s.p()")] == ["unreadable"]


def test_procedures_that_call_each_other_do_not_loop_forever() -> None:
    script = "CREATE PROCEDURE p() AS $$ BEGIN CALL p(); END $$ LANGUAGE plpgsql; CALL p()"
    assert {row["reason"] for row in rows(REDSHIFT, script)} == {"unreadable"}


def test_literals_in_literals_are_read_to_a_reasonable_depth() -> None:
    text = "DROP DATABASE d"
    for _depth in range(4):
        text = "EXECUTE IMMEDIATE '" + text.replace("'", "''") + "'"
    assert [(row["verb"], row["reason"]) for row in rows(SNOWFLAKE, text)] == [("DROP DATABASE", "kind")]
    for _depth in range(7):
        text = "EXECUTE IMMEDIATE '" + text.replace("'", "''") + "'"
    assert rows(SNOWFLAKE, text)


@pytest.mark.parametrize(
    ("platform", "script"),
    [
        (SNOWFLAKE, "BEGIN LET r RESULTSET := " + "(COPY INTO t FROM " * 400 + "t" + ")" * 400 + "; END"),
        (REDSHIFT, "EXPLAIN " * 5000 + "SELECT 1"),
        (REDSHIFT, "WITH a AS (SELECT 1) " * 3000 + "SELECT 1"),
        (
            REDSHIFT,
            "CREATE PROCEDURE p0() AS $$ BEGIN DELETE FROM t; END $$ LANGUAGE plpgsql;"
            + "".join(f"CREATE PROCEDURE p{n}() AS $$ BEGIN {f'CALL p{n - 1}(); ' * 9} END $$ LANGUAGE plpgsql;" for n in range(1, 9))
            + "CALL p8()",
        ),
    ],
    ids=["parentheses", "explain", "with", "calls"],
)
def test_endless_nesting_is_refused_quickly(platform: str, script: str) -> None:
    assert {row["reason"] for row in rows(platform, script)} & {"unreadable", "kind"}


def test_the_first_unknown_principal_counts_as_the_owner_of_the_token() -> None:
    grants = "GRANT ALL PRIVILEGES ON CATALOG immuta TO `{}`; GRANT SELECT ON TABLE system.access.audit TO `{}`"
    assert rows(DATABRICKS, grants.format("a", "a"), scope=scope("immuta")) == []
    assert [row["object"] for row in rows(DATABRICKS, grants.format("a", "b"), scope=scope("immuta"))] == ["`b`"]
    known = scope("immuta", "6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10")
    assert [row["object"] for row in rows(DATABRICKS, grants.format("a", "a"), scope=known)] == ["`a`", "`a`"]


# --- the scope of a config


@pytest.mark.parametrize(
    ("platform", "config", "expected"),
    [
        (SNOWFLAKE, {"database": "D", "username": "u", "role": "ACCOUNTADMIN"}, ("D", ["u", "D_SYSTEM", "D_SYSTEM_ACCOUNT", "IMMUTA_IMPERSONATION"])),
        (
            SNOWFLAKE,
            {"database": "D", "username": "u", "role": "R", "impersonation": {"enabled": True, "role": "I"}, "user_role_pattern": {"exclude": ["X"]}},
            ("D", ["u", "R", "I", "D_SYSTEM", "D_SYSTEM_ACCOUNT", "IMMUTA_IMPERSONATION"]),
        ),
        (SNOWFLAKE, {"database": "D", "oAuthClientConfig": {"clientId": "c"}}, ("D", ["c", "D_SYSTEM", "D_SYSTEM_ACCOUNT", "IMMUTA_IMPERSONATION"])),
        (SNOWFLAKE, {"database": "D", "oauth_client_config": {"client_id": "c"}}, ("D", ["c", "D_SYSTEM", "D_SYSTEM_ACCOUNT", "IMMUTA_IMPERSONATION"])),
        (REDSHIFT, {"database": "d", "username": "u"}, ("d", ["u", "immuta_impersonation"])),
        (REDSHIFT, {"database": "d", "databaseUser": "u"}, ("d", ["u", "immuta_impersonation"])),
        (REDSHIFT, {"database": "d", "database_user": "u"}, ("d", ["u", "immuta_impersonation"])),
        (REDSHIFT, {"database": "d", "okta": {"username": "u", "role": "arn"}}, ("d", ["u", "immuta_impersonation"])),
        (DATABRICKS, {"catalog": "c", "group_pattern": {"deny": "g"}}, ("c", ["g"])),
        (DATABRICKS, {"catalog": "c", "groupPattern": {"deny": "g"}, "oauth_client_config": {"client_id": "i"}}, ("c", ["g", "i"])),
        (
            DATABRICKS,
            {"catalog": "c", "additional_workspace_connections": [{"oauth_client_config": {"client_id": "i"}}, {"token": "t"}]},
            ("c", ["i"]),
        ),
        (SYNAPSE, {"database": "p", "username": "u", "schema": "s"}, ("p", ["u", "IMMUTA_IMPERSONATION"])),
        ("Google BigQuery", {"dataset": "x", "role": "r"}, ("", ["r"])),
        ("Trino", {}, ("", [])),
    ],
)
def test_the_scope_of_a_config(platform: str, config: dict[str, Any], expected: tuple[str, list[str]]) -> None:
    assert scope_of(platform, config) == {"database": expected[0], "accounts": expected[1]}


def test_the_scope_of_an_edit_includes_the_accounts_of_the_previous_config() -> None:
    old = {"database": "d", "username": "old", "impersonation": {"role": "old_role"}}
    new = {"database": "d", "username": "new"}
    assert scope_of(REDSHIFT, new, old)["accounts"] == ["new", "old", "old_role", "immuta_impersonation"]
    assert rows(REDSHIFT, "ALTER USER old RENAME TO new; DROP GROUP old_role", "edit", scope_of(REDSHIFT, new, old)) == []
    assert rows(REDSHIFT, "ALTER USER old RENAME TO new", "edit", scope_of(REDSHIFT, new))


def test_a_scope_must_name_a_database() -> None:
    check_scope(None)
    check_scope(scope("d"))
    for wrong in ({}, {"database": ""}):
        with pytest.raises(OptionError, match=r"scope\.database"):
            check_scope(wrong)


# --- queries that change nothing


@pytest.mark.parametrize(
    ("platform", "query"),
    [
        (SNOWFLAKE, "SHOW DATABASES LIKE 'IMMUTA' STARTS WITH 'IMMUTA'"),
        (SNOWFLAKE, "SHOW DATABASES ->> SELECT * FROM $1"),
        (SNOWFLAKE, "WITH a AS (SELECT 1) SELECT * FROM a"),
        (SNOWFLAKE, "DESC USER u"),
        (SNOWFLAKE, "(SELECT 1) UNION (SELECT 2) ;"),
        (REDSHIFT, "SELECT 1 FROM pg_database WHERE LOWER(datname) = LOWER('drop; delete')"),
        (REDSHIFT, "SELECT CASE WHEN a THEN 1 ELSE 2 END AS update FROM t WHERE has_database_privilege('x', 'y', 'CREATE')"),
        (DATABRICKS, "SELECT 1 FROM system.information_schema.catalogs WHERE catalog_name = LOWER('immuta')"),
        (DATABRICKS, "VALUES (1)"),
        (SYNAPSE, "SELECT 1 FROM sys.schemas WHERE name = 'immuta_system'"),
        (SYNAPSE, "WITH a AS (SELECT 1 AS x) SELECT * FROM a"),
    ],
)
def test_a_query_that_changes_nothing_is_accepted(platform: str, query: str) -> None:
    assert is_query(query, platform)


@pytest.mark.parametrize(
    ("platform", "query"),
    [
        (SNOWFLAKE, "DELETE FROM t"),
        (SNOWFLAKE, "SELECT 1; SELECT 2"),
        (SNOWFLAKE, " "),
        (SNOWFLAKE, "BEGIN SELECT 1; END"),
        (SNOWFLAKE, "SHOW TABLES ->> DROP DATABASE d"),
        (SNOWFLAKE, "WITH p AS PROCEDURE () RETURNS INT AS $$ BEGIN RETURN 1; END $$ CALL p()"),
        (SNOWFLAKE, "CALL p()"),
        (SNOWFLAKE, "EXECUTE IMMEDIATE 'SELECT 1'"),
        (SNOWFLAKE, "SELECT SYSTEM$ABORT_SESSION(1)"),
        (SNOWFLAKE, "EXPLAIN DELETE FROM t"),
        (REDSHIFT, "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a"),
        (REDSHIFT, "WITH a AS (SELECT 1) DELETE FROM t"),
        (REDSHIFT, "WITH a AS (SELECT 1) INSERT INTO t SELECT 1"),
        (REDSHIFT, "SELECT 1 INTO t"),
        (REDSHIFT, "SELECT pg_terminate_backend(1)"),
        (REDSHIFT, "SHOW x; DROP TABLE t"),
        (DATABRICKS, "INSERT INTO t VALUES (1)"),
        (DATABRICKS, "SELECT reflect('a', 'b')"),
        (SYNAPSE, "SELECT 1 DROP DATABASE d"),
        (SYNAPSE, "SELECT 1 EXEC p"),
        (SYNAPSE, "SELECT 1 INTO t"),
        (SYNAPSE, "WITH a AS (SELECT 1 AS x) DELETE FROM a"),
        (SYNAPSE, "SELECT 1 COPY INTO t FROM 'x'"),
        (SYNAPSE, "SELECT 1; DELETE FROM t"),
        (SYNAPSE, "SELECT 1\nGO\nDELETE FROM t"),
        (SYNAPSE, "IF 1 = 1 DELETE FROM t"),
    ],
)
def test_a_query_that_may_change_something_is_rejected(platform: str, query: str) -> None:
    assert not is_query(query, platform)


# --- imports


FILES = (
    "classify",
    "dynamic_sql",
    "gate",
    "gate_definitions",
    "gate_grants",
    "gate_nested",
    "gate_rules",
    "gate_scope",
    "gate_statements",
    "gate_targets",
    "names",
    "routine_bodies",
    "statement_parts",
    "tokenizer",
)


@pytest.mark.parametrize("name", FILES)
def test_the_gate_imports_nothing_that_does_io(name: str) -> None:
    tree = ast.parse((Path(gate.__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    assert imported <= {"__future__", "re", "typing", "dataclasses", "itertools", "collections.abc"}
