# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Snowflake engine through Snowflake's driver: it does what a set-up script says, and refuses what the service would refuse."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from engines import SnowflakeEngine
from snowflake.connector.errors import DatabaseError, ProgrammingError
from support.literals import snowflake as literal


def run(cursor: Any, *statements: str) -> None:
    for statement in statements:
        cursor.execute(statement)


def refused(cursor: Any, sql: str) -> tuple[int, str]:
    """The number and text of the error that a statement ends in."""
    with pytest.raises(ProgrammingError) as error:
        cursor.execute(sql)
    assert error.value.sfqid and error.value.sqlstate
    return error.value.errno, str(error.value.raw_msg)


def names(cursor: Any, sql: str) -> list[str]:
    return [row[0] for row in cursor.execute(sql).fetchall()]


def in_double_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.fixture
def database(cursor: Any, new: str) -> str:
    """A database with a table T of one row, a role {database}_R, and a user {database}_U who has it and the password `a`."""
    name = new.upper()
    make_user = f"CREATE USER {name}_U PASSWORD = 'a' DEFAULT_ROLE = {name}_R DEFAULT_WAREHOUSE = COMPUTE_WH"
    run(cursor, f"CREATE DATABASE {name}", "CREATE TABLE t (a NUMBER)", "INSERT INTO t VALUES (1)")
    run(cursor, f"CREATE ROLE {name}_R", make_user, f"GRANT ROLE {name}_R TO USER {name}_U")
    return name


def test_the_catalogue_shows_what_statements_made_and_no_secret(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    before, name = snowflake.catalog(), new.upper()
    run(cursor, f"CREATE DATABASE {new}", f"CREATE SCHEMA {new}.s", f"CREATE TABLE {new}.s.t (a NUMBER)", f"CREATE ROLE {new}_r")
    run(cursor, f"CREATE FUNCTION {new}.s.f(a VARCHAR) RETURNS VARCHAR AS $$ a || ';' $$", f"CREATE USER {new}_u PASSWORD = 'Secret-of-{new}'")
    run(cursor, f"GRANT ROLE {new}_r TO USER {new}_u", f"GRANT USAGE, MONITOR ON DATABASE {new} TO ROLE {new}_r WITH GRANT OPTION")
    run(cursor, f"GRANT OWNERSHIP ON ALL TABLES IN SCHEMA {new}.s TO ROLE {new}_r COPY CURRENT GRANTS", f"ALTER ROLE {new}_r RENAME TO {new}_role")
    made = snowflake.catalog()
    assert f"Secret-of-{new}" not in json.dumps(made)
    inside = {"schemas": ["PUBLIC", "S"], "tables": ["S.T"], "functions": ["S.F"], "procedures": []}
    assert made["databases"][name] == {"owner": "ACCOUNTADMIN", **inside}
    assert made["users"][f"{name}_U"]["roles"] == [f"{name}_ROLE"] and made["users"][f"{name}_U"]["has_password"]
    assert [(g["privilege"], g["role"]) for g in made["grants"] if g["name"] == name] == [("USAGE", f"{name}_ROLE"), ("MONITOR", f"{name}_ROLE")]
    assert [(row[0], row[2]) for row in cursor.execute(f"SHOW GRANTS TO ROLE {new}_role").fetchall()] == [
        *[("OWNERSHIP", f"{name}.S.T"), ("USAGE", name), ("MONITOR", name)],
    ]
    run(cursor, f"DROP DATABASE {new}", f"DROP USER {new}_u", f"DROP ROLE {new}_role")
    assert snowflake.catalog() == before


@pytest.mark.parametrize(
    ("sql", "code", "text"),
    [
        ("CREATE ROLE {0}_R", 2002, "Object '{0}_R' already exists."),
        ("DROP ROLE {0}_X", 2003, "Role '{0}_X' does not exist or not authorized."),
        ("ALTER USER {0}_X SET PASSWORD = 'secret'", 2003, "User '{0}_X' does not exist or not authorized."),
        ("GRANT ROLE {0}_X TO USER {0}_U", 2003, "Role '{0}_X' does not exist or not authorized."),
        ("SELECT * FROM {0}.s.t", 2003, "Object '{0}.S.T' does not exist or not authorized."),
        ("USE WAREHOUSE {0}_WH", 2043, "Object does not exist, or operation cannot be performed."),
        ("USE ROLE {0}_R", 3013, "Requested role '{0}_R' is not assigned to the executing user."),
        ("CREATE ROLE {0}_A; CREATE ROLE {0}_B", 8, "Actual statement count 2 did not match the desired statement count 1."),
        ("FROBNICATE x", 1003, "line 1 at position 0 unexpected 'FROBNICATE'"),
        ("CREATE\n  DATABASE", 1003, "line 2 at position 10 unexpected '<EOF>'"),
        ("CREATE USER {0}_A PASSWORD 'se;cret'", 1003, "unexpected '...'"),
        ("CREATE USER {0}_A PASSWORD = 'unfinished", 1003, "unexpected '<EOF>'"),
        ("CREATE PROCEDURE p() RETURNS NUMBER LANGUAGE SQL AS BEGIN LET x := 1", 1003, "unexpected '<EOF>'"),
        ("CREATE PROCEDURE p() RETURNS NUMBER LANGUAGE SQL AS BEGIN IF (x > 1) THEN x := 2; END IF", 1003, "unexpected '<EOF>'"),
        ("CREATE USER {0}_A RSA_PUBLIC_KEY = 'MIIB'", 390422, "Invalid public key"),
    ],
)
def test_what_the_service_refuses_is_refused_in_its_words(snowflake: SnowflakeEngine, cursor: Any, database: str, sql: str, code: int, text: str) -> None:
    before = snowflake.catalog()
    number, message = refused(cursor, sql.format(database))
    assert number == code and text.format(database) in message and "secret" not in message
    assert snowflake.catalog() == before


def test_a_role_does_what_it_was_granted_and_sees_no_more(snowflake: SnowflakeEngine, cursor: Any, database: str) -> None:
    question, table = f"SHOW DATABASES LIKE '{database}'", f"{database}.public.t"
    with snowflake.connect(f"{database}_U", "a") as connection, connection.cursor() as theirs:
        for sql in ("CREATE DATABASE x", "CREATE ROLE x", "CREATE USER x", f"GRANT ROLE {database}_R TO ROLE PUBLIC"):
            assert refused(theirs, sql)[0] == 3001
        assert (refused(theirs, f"DROP DATABASE {database}")[0], names(theirs, question)) == (2003, [])
        assert refused(theirs, f"SELECT * FROM {table}")[0] == 606
        run(cursor, f"GRANT USAGE ON DATABASE {database} TO ROLE {database}_R", f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {database}_R")
        run(theirs, "USE WAREHOUSE compute_wh")
        assert (refused(theirs, f"DROP DATABASE {database}")[0], names(theirs, question)) == (3001, [database])
        assert refused(theirs, f"SELECT * FROM {table}")[0] == 2003
        run(cursor, f"GRANT OWNERSHIP ON ALL TABLES IN SCHEMA {database}.public TO ROLE {database}_R", f"GRANT CREATE ROLE ON ACCOUNT TO ROLE {database}_R")
        run(theirs, f"CREATE ROLE {database}_MINE")
        assert theirs.execute(f"SELECT a, CURRENT_ROLE() FROM {table}").fetchall() == [(1, f"{database}_R")]


SYSTEM_ROLES = [("SYSADMIN", "DATABASE", "ROLE"), ("USERADMIN", "USER", "DATABASE"), ("SECURITYADMIN", "ROLE", "WAREHOUSE")]


@pytest.mark.parametrize(("role", "may", "may_not"), SYSTEM_ROLES)
def test_system_roles_may_what_they_may(cursor: Any, new: str, role: str, may: str, may_not: str) -> None:
    run(cursor, f"USE ROLE {role}", f"CREATE {may} {new}")
    assert refused(cursor, f"CREATE {may_not} {new}_2")[0] == 3001


def test_whether_a_database_is_there_is_answered_to_the_letter(cursor: Any, new: str) -> None:
    name = new.upper()
    run(cursor, f"CREATE DATABASE {name}", f"CREATE DATABASE {name.replace('_', 'X')}", f"CREATE DATABASE {name}_2")
    alike = [f"{name}", name.replace("_", "X")]
    assert names(cursor, f"SHOW DATABASES LIKE '{name.lower()}'") == sorted(alike)
    assert names(cursor, f"SHOW DATABASES LIKE '{name}' STARTS WITH '{name}'") == [name]
    assert names(cursor, f"SHOW DATABASES STARTS WITH '{name}'") == [name, f"{name}_2"]
    assert names(cursor, f"SHOW DATABASES LIKE '{name}' STARTS WITH '{name.lower()}'") == []


@pytest.mark.parametrize("quote", [literal, in_double_quotes, lambda text: f"$${text.replace('$', '')}$$"], ids=["single", "double", "dollar"])
def test_a_password_arrives_as_typed_and_a_changed_one_replaces_it(snowflake: SnowflakeEngine, cursor: Any, new: str, nasty: str, quote: Any) -> None:
    typed = nasty if quote("$") != "$$$$" else nasty.replace("$", "")
    run(cursor, f"CREATE USER {new} login_name='{new}@x' password={quote(nasty)} must_change_password=false")
    assert snowflake.can_login(f"{new}@X", typed)
    for wrong in (typed + " ", typed.replace("\\", ""), typed.replace("\\", "\\\\"), typed[:-1]):
        assert not snowflake.can_login(f"{new}@x", wrong)
    run(cursor, f"ALTER USER {new} SET PASSWORD = 'next'")
    assert (snowflake.can_login(f"{new}@x", typed), snowflake.can_login(f"{new}@x", "next")) == (False, True)


def test_key_pairs_log_in(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    pairs = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _unused in range(2)]
    public = [base64.b64encode(pair.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode() for pair in pairs]
    private = [pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) for pair in pairs]

    def accepted() -> list[bool]:
        return [takes(snowflake, new, private_key=key) for key in private]

    run(cursor, f"CREATE USER {new} RSA_PUBLIC_KEY = '{public[0]}'")
    assert accepted() == [True, False]
    run(cursor, f"ALTER USER {new} SET RSA_PUBLIC_KEY_2 = '{public[1]}'")
    assert accepted() == [True, True]
    run(cursor, f"ALTER USER {new} UNSET RSA_PUBLIC_KEY")
    assert accepted() == [False, True]


def takes(snowflake: SnowflakeEngine, user: str, **options: Any) -> bool:
    try:
        snowflake.connect(user, **options).close()
    except DatabaseError as error:
        assert error.errno == 390144
        return False
    return True


def test_a_login_names_a_role_that_the_user_has(snowflake: SnowflakeEngine, cursor: Any, new: str, database: str) -> None:
    run(cursor, f"CREATE USER {new}_v PASSWORD = 'a' DEFAULT_ROLE = {database}_R")
    for user, options, code in ((f"{new}_v", {}, 390186), (f"{database}_U", {"role": "ACCOUNTADMIN"}, 390189)):
        with pytest.raises(DatabaseError, match="not granted to this user") as error:
            snowflake.connect(user, "a", **options)
        assert error.value.errno == code


def test_statements_are_numbered_tagged_and_waited_for(snowflake: SnowflakeEngine, new: str) -> None:
    with snowflake.connect(session_parameters={"QUERY_TAG": new}) as connection, connection.cursor() as cursor:
        started = time.monotonic()
        numbers = {cursor.execute("SELECT SYSTEM$WAIT(1)").sfqid, cursor.execute("SELECT 1").sfqid}
        assert time.monotonic() - started >= 1
        run(cursor, "ALTER SESSION SET QUERY_TAG = 'another'")
    assert len(numbers - {None}) == 2
    assert snowflake.catalog()["query_tags"][new] == 3
