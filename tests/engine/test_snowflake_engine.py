# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Snowflake engine through Snowflake's driver: objects, statements, and what they are answered when refused."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from engine.on_snowflake import in_double_quotes, refused
from engines import SnowflakeEngine
from snowflake.connector.errors import ProgrammingError
from support.literals import snowflake as literal

# A new account


def test_a_new_account_has_an_administrator_a_warehouse_and_the_shared_database() -> None:
    with SnowflakeEngine() as engine:
        catalog = engine.catalog()
        assert list(catalog["databases"]) == ["SNOWFLAKE"]
        assert list(catalog["users"]) == [engine.admin_user]
        assert sorted(catalog["roles"]) == ["ACCOUNTADMIN", "PUBLIC", "SECURITYADMIN", "SYSADMIN", "USERADMIN"]
        assert list(catalog["warehouses"]) == [engine.warehouse]
        assert catalog["grants"] == []
        assert engine.login == {
            "host": engine.host,
            "port": engine.port,
            "account": engine.account,
            "username": engine.admin_user,
            "password": engine.admin_password,
            "role": "ACCOUNTADMIN",
            "warehouse": engine.warehouse,
            "ssl": False,
        }


def test_the_catalogue_is_the_administrators_and_holds_no_secret(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD = 'Secret-of-{new}'")
    cursor.execute(f"CREATE OR REPLACE USER {new} PASSWORD = 'Secret-of-{new}' COMMENT = 'a comment'")
    text = json.dumps(snowflake.catalog())
    assert "a comment" in text
    assert f"Secret-of-{new}" not in text
    for header in ({}, {"Authorization": "Basic " + base64.b64encode(f"{new}:Secret-of-{new}".encode()).decode()}):
        request = urllib.request.Request(f"http://{snowflake.host}:{snowflake.port}/engine/catalog", headers=header)
        with pytest.raises(urllib.error.HTTPError, match=r"401|403"):
            urllib.request.urlopen(request, timeout=5)


# Statements


def test_every_statement_has_a_query_id_of_its_own(cursor: Any, new: str) -> None:
    ids = []
    for sql in (f"CREATE ROLE {new}", f"CREATE DATABASE {new}", "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (2)", "SELECT * FROM t"):
        ids.append(cursor.execute(sql).sfqid)
    assert cursor.rowcount == 2
    with pytest.raises(ProgrammingError) as error:
        cursor.execute("NONSENSE")
    ids.append(error.value.sfqid)
    assert all(ids) and len(set(ids)) == len(ids)


@pytest.mark.parametrize("kind", ["DATABASE", "ROLE", "USER", "WAREHOUSE"])
def test_what_exists_already_is_refused_with_its_code(cursor: Any, new: str, kind: str) -> None:
    assert cursor.execute(f"CREATE {kind} {new}").fetchone()[0] == f"{kind.capitalize()} {new.upper()} successfully created."
    expected = (2002, "42710", f"SQL compilation error:\nObject '{new.upper()}' already exists.")
    assert refused(cursor, f"CREATE {kind} {new}") == expected
    answer = cursor.execute(f"CREATE {kind} IF NOT EXISTS {new}").fetchone()[0]
    assert answer == f"{new.upper()} already exists, statement succeeded."
    cursor.execute(f"CREATE OR REPLACE {kind} {new}")


@pytest.mark.parametrize(
    ("sql", "code", "sqlstate", "text"),
    [
        ("DROP DATABASE {}", 2003, "02000", "Database '{}' does not exist or not authorized."),
        ("DROP ROLE {}", 2003, "02000", "Role '{}' does not exist or not authorized."),
        ("ALTER USER {} SET PASSWORD = 'secret'", 2003, "02000", "User '{}' does not exist or not authorized."),
        ("GRANT ROLE {} TO USER admin", 2003, "02000", "Role '{}' does not exist or not authorized."),
        ("GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {}", 2003, "02000", "Role '{}' does not exist or not authorized."),
        ("GRANT USAGE ON DATABASE {} TO ROLE public", 2003, "02000", "Database '{}' does not exist or not authorized."),
        ("CREATE SCHEMA {}.s", 2003, "02000", "Database '{}' does not exist or not authorized."),
        ("SELECT * FROM {}.s.t", 2003, "42S02", "Object '{}.S.T' does not exist or not authorized."),
        ("DROP TABLE {}.s.t", 2003, "42S02", "Table '{}.S.T' does not exist or not authorized."),
        ("USE DATABASE {}", 2043, "02000", "Object does not exist, or operation cannot be performed."),
        ("USE ROLE {}", 2043, "02000", "Object does not exist, or operation cannot be performed."),
        ("USE WAREHOUSE {}", 2043, "02000", "Object does not exist, or operation cannot be performed."),
    ],
)
def test_what_is_not_there_has_its_code(cursor: Any, new: str, sql: str, code: int, sqlstate: str, text: str) -> None:
    assert refused(cursor, sql.format(new)) == (code, sqlstate, "SQL compilation error:\n" + text.format(new.upper()))


def test_if_exists_forgives(cursor: Any, new: str) -> None:
    for kind in ("DATABASE", "ROLE", "USER", "WAREHOUSE"):
        answer = cursor.execute(f"DROP {kind} IF EXISTS {new}").fetchone()[0]
        assert answer == f"Drop statement executed successfully ({new.upper()} already dropped)."
        cursor.execute(f"ALTER {kind} IF EXISTS {new} SET COMMENT = 'x'")


@pytest.mark.parametrize(
    ("sql", "unexpected"),
    [
        ("FROBNICATE x", "position 0 unexpected 'FROBNICATE'"),
        ("CREATE NONSENSE x", "position 7 unexpected 'NONSENSE'"),
        ("CREATE\n  DATABASE", "line 2 at position 10 unexpected '<EOF>'"),
        ("CREATE DATABASE x y", "unexpected '<EOF>'"),
        ("CREATE USER x PASSWORD 'se;cret'", "unexpected"),
        ("GRANT FROBBING ON DATABASE x TO ROLE y", "position 6 unexpected 'FROBBING'"),
        ("GRANT USAGE ON DATABASE x", "unexpected"),
        ("CREATE USER x PASSWORD = 'unfinished", "unexpected '<EOF>'"),
        ("SELECT FROM WHERE", ""),
    ],
)
def test_a_statement_that_cannot_be_read_is_a_syntax_error(cursor: Any, sql: str, unexpected: str) -> None:
    code, sqlstate, text = refused(cursor, sql.replace(" x", " snowflake") if sql.startswith("GRANT USAGE") else sql)
    assert (code, sqlstate) == (1003, "42000")
    assert unexpected in text
    assert "cret" not in text


def test_an_unknown_property_of_a_user_is_refused_by_name(cursor: Any, new: str) -> None:
    assert refused(cursor, f"CREATE USER {new} PASSWRD = 'secret'") == (1420, "22023", "SQL compilation error:\ninvalid property 'PASSWRD' for 'USER'")


def test_several_statements_in_one_request_are_refused(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    expected = (8, "0A000", "Actual statement count 2 did not match the desired statement count 1.")
    assert refused(cursor, f"CREATE ROLE {new}; DROP ROLE {new}") == expected
    assert new.upper() not in snowflake.catalog()["roles"]
    cursor.execute(f"CREATE ROLE {new}; -- and no more\n;")
    cursor.execute(f"COMMENT ON ROLE {new} IS 'one; two // three'")
    assert snowflake.catalog()["roles"][new.upper()]["comment"] == "one; two // three"


def test_unquoted_names_fold_and_quoted_ones_do_not(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f'CREATE ROLE "{new} Röle"')
    cursor.execute(f"CREATE ROLE {new}")
    assert {f'"{new} Röle"', new.upper()} <= set(snowflake.catalog()["roles"])
    assert refused(cursor, f'DROP ROLE "{new}"')[0] == 2003
    cursor.execute(f'DROP ROLE "{new.upper()}"')


@pytest.mark.parametrize("name", ["{}_lower", "{}-dash", "{} and space", '{}"quote'])
def test_databases_with_odd_names_work(snowflake: SnowflakeEngine, cursor: Any, new: str, name: str) -> None:
    odd = name.format(new)
    quoted = in_double_quotes(odd)
    cursor.execute(f"CREATE DATABASE {quoted}")
    cursor.execute(f"CREATE SCHEMA {quoted}.s")
    assert cursor.execute("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()").fetchone() == (odd, "S")
    assert quoted in snowflake.catalog()["databases"]
    with snowflake.connect(database=quoted) as connection:
        assert connection.database == odd
    assert [row[1] for row in cursor.execute(f"SHOW DATABASES LIKE {literal(odd)}").fetchall()] == [odd]
    cursor.execute(f"DROP DATABASE {quoted}")
    assert quoted not in snowflake.catalog()["databases"]


# Databases, schemas, tables


def test_whether_a_database_exists_can_be_asked_in_every_way(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    def found(sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
        return rows

    questions = (
        f"SHOW DATABASES LIKE '{new}'",
        f"SHOW TERSE DATABASES LIKE '{new.upper()}'",
        f"SELECT DATABASE_NAME FROM SNOWFLAKE.INFORMATION_SCHEMA.DATABASES WHERE DATABASE_NAME = '{new.upper()}'",
        f"SELECT 1 FROM INFORMATION_SCHEMA.DATABASES AS d WHERE d.DATABASE_NAME = '{new.upper()}'",
    )
    cursor.execute("USE DATABASE SNOWFLAKE")
    assert [len(found(sql)) for sql in questions] == [0, 0, 0, 0]
    cursor.execute(f"CREATE DATABASE {new}")
    assert [len(found(sql)) for sql in questions] == [1, 1, 1, 1]
    cursor.execute(f"DROP DATABASE {new}")
    cursor.execute("USE DATABASE SNOWFLAKE")
    assert [len(found(sql)) for sql in questions] == [0, 0, 0, 0]


def test_a_new_database_is_the_current_one_and_has_the_schema_public(cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new} DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = 'x;y'")
    cursor.execute("CREATE TABLE t (a INT, b VARCHAR)")
    cursor.execute("INSERT INTO t VALUES (1, 'x;%s')")
    assert cursor.execute(f"SELECT * FROM {new}.public.t").fetchall() == [(1, "x;%s")]
    cursor.execute("CREATE SCHEMA IF NOT EXISTS s")
    assert cursor.execute("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()").fetchone() == (new.upper(), "S")
    assert refused(cursor, "SELECT * FROM t")[0] == 2003
    cursor.execute(f"USE DATABASE {new}")
    assert cursor.execute("SELECT COUNT(*) FROM t").fetchone() == (1,)


def test_dropping_the_current_database_leaves_the_session_without_one(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    cursor.execute("CREATE TABLE t (a INT)")
    with snowflake.connect(database=new) as other:
        assert cursor.execute(f"DROP DATABASE {new}").fetchone() == (f"{new.upper()} successfully dropped.",)
        for one in (cursor, other.cursor()):
            assert refused(one, "CREATE TABLE t (a INT)")[0] == 90105
    assert new.upper() not in snowflake.catalog()["databases"]
    cursor.execute(f"CREATE DATABASE {new}")
    assert refused(cursor, "SELECT * FROM t")[0] == 2003


def test_databases_can_be_replaced_and_tables_renamed(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    cursor.execute("CREATE TABLE t AS SELECT 1 AS a")
    cursor.execute("ALTER TABLE t RENAME TO t2")
    assert cursor.execute(f"SELECT a FROM {new}.public.t2").fetchall() == [(1,)]
    assert snowflake.catalog()["databases"][new.upper()]["tables"] == ["PUBLIC.T2"]
    assert refused(cursor, f"ALTER DATABASE {new} RENAME TO {new}_2")[:2] == (2, "0A000")
    cursor.execute(f"CREATE OR REPLACE DATABASE {new}")
    assert snowflake.catalog()["databases"][new.upper()].get("tables") is None


def test_the_catalogue_shows_what_a_setup_script_made(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    name = new.upper()
    for sql in (
        f'CREATE DATABASE "{name}"',
        f'CREATE SCHEMA IF NOT EXISTS "{name}".immuta_procedures',
        f'CREATE SCHEMA IF NOT EXISTS "{name}".immuta_system WITH MANAGED ACCESS',
        f"CREATE TABLE \"{name}\".immuta_system.profiles (id NUMBER, note VARCHAR DEFAULT 'a;b' // not; here\n)",
        f'CREATE SECURE VIEW "{name}".immuta_system.v AS SELECT * FROM "{name}".immuta_system.profiles',
        f'CREATE OR REPLACE PROCEDURE "{name}".immuta_procedures.p(a STRING, b NUMBER(10, 2)) RETURNS STRING LANGUAGE JAVASCRIPT AS $$ return "a;b"; $$',
        f"CREATE FUNCTION \"{name}\".immuta_procedures.f(a INT) RETURNS INT AS 'a + 1'",
        f"CREATE MASKING POLICY \"{name}\".immuta_system.m AS (v STRING) RETURNS STRING -> CASE WHEN TRUE THEN v ELSE 'x' END",
        f'CREATE ROW ACCESS POLICY "{name}".immuta_system.r AS (v STRING) RETURNS BOOLEAN -> TRUE',
        f"CREATE TAG \"{name}\".immuta_system.g ALLOWED_VALUES 'a', 'b'",
        f"CREATE ROLE IF NOT EXISTS \"{name}_SYSTEM\" COMMENT = 'keep'",
        f'CREATE USER IF NOT EXISTS "{name}_USER" default_role="{name}_SYSTEM" default_namespace="{name}" password="a;b" TYPE = LEGACY_SERVICE',
        f'GRANT ROLE "{name}_SYSTEM" TO USER "{name}_USER"',
        f'GRANT ROLE "{name}_SYSTEM" TO ROLE SYSADMIN',
        f'ALTER TABLE "{name}".immuta_system.profiles ADD ROW ACCESS POLICY "{name}".immuta_system.r ON (note)',
    ):
        cursor.execute(sql)
    catalog = snowflake.catalog()
    assert catalog["databases"][name] == {
        "owner": "ACCOUNTADMIN",
        "schemas": ["IMMUTA_PROCEDURES", "IMMUTA_SYSTEM", "PUBLIC"],
        "tables": ["IMMUTA_SYSTEM.PROFILES"],
        "views": ["IMMUTA_SYSTEM.V"],
        "procedures": ["IMMUTA_PROCEDURES.P(VARCHAR, NUMBER)"],
        "user_functions": ["IMMUTA_PROCEDURES.F(NUMBER)"],
        "masking_policies": ["IMMUTA_SYSTEM.M"],
        "row_access_policies": ["IMMUTA_SYSTEM.R"],
        "tags": ["IMMUTA_SYSTEM.G"],
    }
    assert catalog["roles"][f"{name}_SYSTEM"] == {
        "owner": "ACCOUNTADMIN",
        "comment": "keep",
        "granted_to_roles": ["SYSADMIN"],
        "granted_to_users": [f"{name}_USER"],
    }
    user = catalog["users"][f"{name}_USER"]
    assert (user["default_role"], user["roles"], user["has_password"]) == (f"{name}_SYSTEM", [f"{name}_SYSTEM"], True)
    shown = cursor.execute(f"SHOW PROCEDURES LIKE 'P' IN SCHEMA {name}.immuta_procedures").fetchall()
    assert [row[1] for row in shown] == ["P"]
    assert len(cursor.execute(f"SHOW TABLES IN DATABASE {name}").fetchall()) == 1
    assert [row[1] for row in cursor.execute(f"SHOW USERS LIKE '{name}%'").fetchall()] == [f"{name}_USER"]
    procedures = cursor.execute(f"SELECT PROCEDURE_NAME FROM {name}.INFORMATION_SCHEMA.PROCEDURES").fetchall()
    assert procedures == [("P",)]
    for sql in (f"DROP PROCEDURE {name}.immuta_procedures.p(VARCHAR, NUMBER)", f"DROP TABLE {name}.immuta_system.profiles"):
        cursor.execute(sql)
    held = snowflake.catalog()["databases"][name]
    assert "procedures" not in held and "tables" not in held


def test_the_information_schema_shows_tables_and_columns(cursor: Any, new: str) -> None:
    for sql in (f"CREATE DATABASE {new}", "CREATE SCHEMA s", "CREATE TABLE t (a NUMBER, b VARCHAR(10))", "CREATE VIEW v AS SELECT * FROM t"):
        cursor.execute(sql)
    for place in ("", f"{new}."):
        tables = cursor.execute(f"SELECT TABLE_SCHEMA, TABLE_NAME FROM {place}INFORMATION_SCHEMA.TABLES").fetchall()
        assert ("S", "T") in tables
        columns = cursor.execute(f"SELECT COLUMN_NAME FROM {place}INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'T' ORDER BY ORDINAL_POSITION").fetchall()
        assert columns == [("A",), ("B",)]
    assert [row[0] for row in cursor.execute("DESCRIBE TABLE t").fetchall()] == ["A", "B"]
    cursor.execute("COMMENT ON COLUMN t.a IS 'x'")


def test_describing_a_statement_does_not_run_it(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    assert [column.name for column in cursor.describe("SELECT 1 AS a, 'x' AS b")] == ["A", "B"]
    cursor.describe(f"CREATE DATABASE {new}")
    assert new.upper() not in snowflake.catalog()["databases"]


def test_a_statement_that_fails_inside_answers_at_once(cursor: Any, new: str) -> None:
    """The driver repeats a request that ended in an HTTP 500 for minutes."""
    cursor.execute(f"CREATE DATABASE {new}")
    start = time.monotonic()
    assert refused(cursor, "UNDROP DATABASE never_there")[0] == 1003
    assert refused(cursor, "SELECT frobnicate(1, 2)") == (2140, "42601", "SQL compilation error:\nUnknown function FROBNICATE")
    assert refused(cursor, "SELECT PARSE_JSON('{')")[0] == 603
    assert time.monotonic() - start < 5


def test_an_error_shows_no_literal_of_the_statement(cursor: Any, new: str) -> None:
    for sql in ("SELECT 'the secret' FROM WHERE", "INSERT INTO t VALUES ('the secret'", "SELECT 'the secret' frob nicate 1", "CREATE USER x 'the secret'"):
        assert "secret" not in refused(cursor, sql)[2]
