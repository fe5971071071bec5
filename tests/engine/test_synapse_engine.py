# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Synapse engine through pymssql, the real driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymssql
import pytest
from engines import SynapseEngine
from engines.synapse.client import rows
from support.literals import synapse as literal


@pytest.fixture
def connection(synapse: SynapseEngine) -> Iterator[Any]:
    with closing(synapse.connect()) as found:
        yield found


def failure(connection: Any, sql: str) -> tuple[int, str]:
    """Number and text of the error that a batch ends in, however late it comes."""
    with pytest.raises(pymssql.Error) as caught:
        rows(connection, sql)
    number, text = caught.value.args[0] if isinstance(caught.value.args[0], tuple) else caught.value.args
    return int(number), text.decode().partition("DB-Lib error message")[0]


# --- a new server, logins ---


def test_a_new_server_has_a_pool_and_an_administrator() -> None:
    with SynapseEngine() as engine:
        found = engine.catalog()
        assert list(found["databases"]) == ["master", "pool"]
        assert found["logins"] == {engine.admin_user: {"disabled": False, "admin": True}}
        assert found["databases"]["pool"]["schemas"] == {"dbo": {"owner": "dbo"}}
        assert found["databases"]["pool"]["tables"] == []
        assert engine.login == {
            "host": engine.host,
            "port": engine.port,
            "database": "pool",
            "username": engine.admin_user,
            "password": engine.admin_password,
            "ssl": False,
        }


def test_a_nasty_password_arrives_as_typed(synapse: SynapseEngine, new: str, nasty: str) -> None:
    synapse.query(f"CREATE LOGIN {new} WITH PASSWORD = {literal(nasty)}", "master")
    synapse.query(f"CREATE USER {new} FOR LOGIN {new}")
    assert synapse.can_login(new, nasty, "pool")
    for wrong in (nasty + " ", nasty[:-1], nasty.replace("\\", "\\\\"), ""):
        assert not synapse.can_login(new, wrong, "pool")
    assert not synapse.can_login("nobody_here", nasty, "pool")
    assert not synapse.can_login(new, nasty, "master")  # no user there
    assert not synapse.can_login(new, nasty, "not_there")


def test_a_changed_password_replaces_the_old_one_and_a_disabled_login_lets_nobody_in(synapse: SynapseEngine, new: str) -> None:
    synapse.query(f"CREATE LOGIN {new} WITH PASSWORD = 'Old1'", "master")
    synapse.query(f"CREATE USER {new} FOR LOGIN {new}")
    synapse.query(f"ALTER LOGIN {new} WITH PASSWORD = 'New1'", "master")
    assert (synapse.can_login(new, "Old1", "pool"), synapse.can_login(new, "New1", "pool")) == (False, True)
    synapse.query(f"ALTER LOGIN {new} DISABLE", "master")
    assert not synapse.can_login(new, "New1", "pool")


def test_a_contained_user_logs_in_to_its_database_only(synapse: SynapseEngine, new: str) -> None:
    synapse.query(f"CREATE USER {new} WITH PASSWORD = 'Xy1'")
    assert (synapse.can_login(new, "Xy1", "pool"), synapse.can_login(new, "Xy1", "master")) == (True, False)
    synapse.query(f"ALTER USER {new} WITH PASSWORD = 'Xy2'")
    assert (synapse.can_login(new, "Xy1", "pool"), synapse.can_login(new, "Xy2", "pool")) == (False, True)


def test_the_librarys_own_settings_are_refused_by_a_pool_and_taken_by_master(synapse: SynapseEngine) -> None:
    with pytest.raises(pymssql.Error, match="connection properties"):
        synapse.connect(conn_properties=None)
    synapse.connect(conn_properties=None, database="master").close()


# --- encryption ---


def configured(monkeypatch: pytest.MonkeyPatch, folder: Path, host: str, port: int, *lines: str) -> None:
    """FreeTDS takes what it trusts from a file only."""
    file = folder / "freetds.conf"
    file.write_text("\n".join(["[global]", *lines, f"[{host}:{port}]", f"host = {host}", f"port = {port}", ""]), encoding="utf-8")
    monkeypatch.setenv("FREETDSCONF", str(file))


def test_what_goes_over_tls_arrives(synapse: SynapseEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    configured(monkeypatch, tmp_path, synapse.host, synapse.port, f"ca file = {synapse.certificate}", "check certificate hostname = yes")
    with closing(synapse.connect(encryption="require")) as connection:
        assert rows(connection, "SELECT REPLICATE('é', 50000)") == [("é" * 50000,)]


@pytest.mark.parametrize("trusted", [False, True])
def test_a_certificate_of_nobody_or_for_another_name_is_refused(trusted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with SynapseEngine() as engine:
        authority = engine.certificate if trusted else "/etc/ssl/certs/ca-certificates.crt"
        for host, good in (("127.0.0.1", trusted), ("localhost", False)):
            configured(monkeypatch, tmp_path, host, engine.port, f"ca file = {authority}", "check certificate hostname = yes")
            if good:
                engine.connect(encryption="require", server=host).close()
                continue
            with pytest.raises(pymssql.Error, match="connection failed"):
                engine.connect(encryption="require", server=host)


# --- batches ---


def test_an_empty_result_set_hides_no_error_from_who_looks_at_all(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1 WHERE 1 = 0; SELECT 1/0")
    assert cursor.fetchall() == []  # and here many a client stops
    assert failure(connection, "SELECT 1 WHERE 1 = 0; SELECT 1/0") == (8134, "Divide by zero error encountered.")


def test_a_batch_has_as_many_result_sets_as_queries(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1 AS a; PRINT 'in between'; SELECT 2, 'x'")
    assert cursor.fetchall() == [(1,)]
    assert cursor.nextset()
    assert cursor.fetchall() == [(2, "x")]
    assert not cursor.nextset()


def test_values_keep_their_types(connection: Any) -> None:
    assert rows(connection, "SELECT 1, 3000000000, 'é漢', NULL, ''") == [(1, 3000000000, "é漢", None, "")]
    assert rows(connection, "SELECT REPLICATE('x', 9000), 'short'") == [("x" * 9000, "short")]


def test_messages_are_no_errors_unless_they_are(connection: Any) -> None:
    said: list[tuple[int, bytes]] = []
    connection._conn.set_msghandler(lambda state, severity, server, procedure, line, text: said.append((severity, text)))
    assert rows(connection, "PRINT 'one'; RAISERROR('two %s', 10, 1, 'x'); SELECT 3") == [(3,)]
    assert said == [(0, b"one"), (0, b"two x")]  # as the service has it, 10 is 0
    assert failure(connection, "RAISERROR('bad %s', 16, 1, N'x')\nSELECT 3") == (50000, "bad x")
    assert failure(connection, "THROW 50123, 'thrown', 1") == (50123, "thrown")


def test_what_comes_behind_an_error_runs_or_does_not_as_the_service_has_it(synapse: SynapseEngine, connection: Any, new: str) -> None:
    for sql, goes_on in (("RAISERROR('x', 16, 1)", True), ("SELECT 1/0", True), ("THROW 50001, 'x', 1", False), ("SELECT * FROM nowhere", False)):
        failure(connection, f"{sql};\nCREATE ROLE {new}")
        assert (new in synapse.catalog()["databases"]["pool"]["roles"]) is goes_on
        synapse.query(f"DROP ROLE IF EXISTS {new}")


def test_an_error_knows_its_line(connection: Any) -> None:
    with pytest.raises(pymssql.Error) as caught:
        rows(connection, "SELECT 1;\n\nSELECT *\nFROM nowhere")
    cause: Any = caught.value.__context__
    assert cause.line == 3


@pytest.mark.parametrize("what", ["SCHEMA x", "VIEW x AS SELECT 1", "FUNCTION x() RETURNS INT AS BEGIN RETURN 1 END"])
def test_some_statements_have_to_be_the_first_of_their_batch(synapse: SynapseEngine, connection: Any, new: str, what: str) -> None:
    number, text = failure(connection, f"CREATE ROLE {new};\nCREATE {what.replace('x', new)}")
    assert (number, text) == (111, f"'CREATE {what.split()[0]}' must be the first statement in a query batch.")
    assert new not in synapse.catalog()["databases"]["pool"]["roles"]  # nothing of it ran
    number, _text = failure(connection, f"IF 1 = 1 CREATE PROCEDURE {new} AS SELECT 1")
    assert number == 111


def test_statements_need_no_semicolons(connection: Any, new: str) -> None:
    batch = f"""
        CREATE TABLE {new} (a INT, b NVARCHAR(10))
        INSERT INTO {new} SELECT 1, N'x' UNION ALL SELECT 2, 'y'
        UPDATE {new} SET b = b + N'z' WHERE a = 1
        DECLARE @n INT = 2, @s NVARCHAR(9)
        SET @s = CASE WHEN @n = 2 THEN 'two' ELSE 'other' END
        IF EXISTS (SELECT * FROM {new} WHERE a = @n)
        BEGIN
            DELETE FROM {new} WHERE a = @n
            PRINT @s
        END
        ELSE DROP TABLE {new}
        SELECT a, b, @s FROM {new}"""
    assert rows(connection, batch) == [(1, "xz", "two")]


def test_statements_can_be_made_of_text_and_procedures_called(connection: Any, new: str) -> None:
    rows(connection, f"IF SCHEMA_ID('{new}') IS NULL EXEC('CREATE SCHEMA {new}')")
    rows(connection, f"CREATE TABLE {new}.t (a NVARCHAR(20))")
    rows(connection, f"CREATE PROCEDURE {new}.p @a NVARCHAR(20), @b NVARCHAR(20) AS\nBEGIN\n INSERT INTO {new}.t VALUES (@a + @b);\nEND")
    rows(connection, f"EXEC {new}.p N'it''s', @b = N' so'; EXEC sp_executesql N'INSERT INTO {new}.t VALUES (''GO'')'")
    assert rows(connection, f"SELECT a FROM {new}.t ORDER BY a") == [("GO",), ("it's so",)]
    assert failure(connection, "EXEC nowhere 1") == (2812, "Could not find stored procedure 'nowhere'.")
    assert rows(connection, f"SELECT OBJECT_ID('{new}.t') - OBJECT_ID('[{new}].[t]'), OBJECT_ID('{new}.x')") == [(0, None)]


# --- the catalogue ---


def test_the_catalogue_shows_what_a_setup_script_made(synapse: SynapseEngine, new: str) -> None:
    synapse.query(f"CREATE LOGIN [{new} user] WITH PASSWORD = N'a;b'", "master")
    for batch in (
        f"CREATE USER [{new} user] FOR LOGIN [{new} user]",
        f"CREATE SCHEMA {new} AUTHORIZATION [{new} user]",
        f"CREATE TABLE {new}.version (version NVARCHAR(32) NOT NULL, edits INT);\nINSERT INTO {new}.version VALUES ('1', 0);",
        f"CREATE VIEW {new}.v AS SELECT version FROM {new}.version",
        f"CREATE FUNCTION {new}.f(@a NVARCHAR(9)) RETURNS BIT AS\nBEGIN\n RETURN 0; -- GO on\nEND",
        f"CREATE PROCEDURE {new}.p AS\nBEGIN\n PRINT 'a; b\nGO';\nEND",
        f"CREATE ROLE {new}_role",
        f"GRANT IMPERSONATE ON USER::[{new} user] TO {new}_role",
        f"GRANT CONTROL ON SCHEMA::{new} TO [{new} user];\nGRANT ALTER ANY USER TO [{new} user];\nGRANT SELECT ON {new}.v TO {new}_role WITH GRANT OPTION",
        f"EXEC sp_addrolemember '{new}_role', [{new} user]",
    ):
        synapse.query(batch)
    catalog = synapse.catalog()
    assert catalog["logins"][f"{new} user"] == {"disabled": False, "admin": False}
    pool = catalog["databases"]["pool"]
    assert pool["schemas"][new] == {"owner": f"{new} user"}
    held = [name for kind in ("tables", "views", "functions", "procedures") for name in pool[kind] if name.startswith(f"{new}.")]
    assert held == [f"{new}.version", f"{new}.v", f"{new}.f", f"{new}.p"]
    assert pool["users"][f"{new} user"] == {"login": f"{new} user"}
    assert pool["roles"][f"{new}_role"] == {"members": [f"{new} user"]}
    granted = {(each["permission"], each["on"], each["name"], each["grantee"], each["grantable"]) for each in pool["permissions"] if new in each["grantee"]}
    assert granted == {
        ("IMPERSONATE", "USER", f"{new} user", f"{new}_role", False),
        ("CONTROL", "SCHEMA", new, f"{new} user", False),
        ("ALTER ANY USER", "DATABASE", "", f"{new} user", False),
        ("SELECT", "OBJECT", f"{new}.v", f"{new}_role", True),
    }
    assert "a;b" not in str(catalog)
    who = {"user": f"{new} user", "password": "a;b"}
    assert synapse.query(f"SELECT * FROM {new}.v", **who) == [("1",)]
    for batch in (
        f"REVOKE SELECT ON {new}.v FROM {new}_role",
        f"DROP VIEW {new}.v; DROP TABLE {new}.version; DROP FUNCTION {new}.f; DROP PROCEDURE {new}.p",
        f"DROP SCHEMA {new}",
        f"ALTER ROLE {new}_role DROP MEMBER [{new} user]",
        f"ALTER ROLE {new}_role WITH NAME = {new}_renamed",
        f"DROP ROLE {new}_renamed; DROP USER [{new} user]",
    ):
        synapse.query(batch)
    synapse.query(f"DROP LOGIN [{new} user]", "master")
    assert new not in str(synapse.catalog())


def test_the_service_answers_questions_about_itself(synapse: SynapseEngine, new: str) -> None:
    synapse.query(f"CREATE SCHEMA {new}")
    synapse.query(f"CREATE TABLE {new}.t (a INT)")
    assert synapse.query(f"SELECT 1 FROM sys.schemas WHERE name = '{new}'") == [(1,)]
    assert synapse.query("SELECT name FROM sys.databases WHERE name IN ('master', 'pool') ORDER BY name") == [("master",), ("pool",)]
    assert (synapse.admin_user,) in synapse.query("SELECT name FROM sys.sql_logins", "master")
    assert synapse.query("SELECT name FROM sys.sql_logins") == []
    assert synapse.query(f"SELECT t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id WHERE s.name = '{new}'") == [("t",)]
    assert synapse.query(f"SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = '{new}'") == [("t", "BASE TABLE")]
    assert synapse.query("SELECT DB_NAME(), USER_NAME()") == [("pool", "dbo")]


def test_a_database_can_be_made_and_dropped_in_master(synapse: SynapseEngine, new: str) -> None:
    synapse.query(f"CREATE DATABASE {new}", "master")
    synapse.query("CREATE SCHEMA inside", new)
    assert "inside" in synapse.catalog()["databases"][new]["schemas"]
    assert "inside" not in synapse.catalog()["databases"]["pool"]["schemas"]
    synapse.query(f"DROP DATABASE {new}", "master")
    assert new not in synapse.catalog()["databases"]


@pytest.mark.parametrize(
    ("sql", "number", "text"),
    [
        ("CREATE SCHEMA {}", 2714, "There is already an object named '{}' in the database."),
        ("CREATE TABLE {}.t (a INT)", 2714, "There is already an object named 't' in the database."),
        ("CREATE TABLE nowhere.t (a INT)", 2760, 'The specified schema name "nowhere" either does not exist'),
        ("CREATE ROLE {}", 15023, "User, group, or role '{}' already exists in the current database."),
        ("CREATE USER x FOR LOGIN nobody", 15007, "'nobody' is not a valid login"),
        ("CREATE LOGIN x WITH PASSWORD = 'geheim'", 5001, "User must be in the master database."),
        ("DROP USER nobody", 15151, "Cannot drop the user 'nobody', because it does not exist"),
        ("DROP SCHEMA nowhere", 15151, "Cannot drop the schema 'nowhere', because it does not exist"),
        ("DROP SCHEMA {}", 3729, "Cannot drop schema '{}' because it is being referenced by object 't'."),
        ("DROP TABLE {}.nothing", 3701, "Cannot drop the table '{}.nothing', because it does not exist"),
        ("GRANT SELECT ON {}.nothing TO {}", 15151, "Cannot find the object 'nothing', because it does not exist"),
        ("GRANT CREATE TABLE ON SCHEMA::{} TO {}", 4606, "Granted or revoked privilege CREATE TABLE is not compatible"),
        ("SELECT * FROM {}.nothing", 208, "Invalid object name '{}.nothing'."),
        ("SELECT nothing FROM {}.t", 207, "Invalid column name 'nothing'."),
        ("SELECT CAST('geheim' AS INT)", 245, "Conversion failed when converting the varchar value 'geheim' to data type int."),
        ("SELECT nothing(1)", 195, "'nothing' is not a recognized built-in function name."),
        ("SELECT @nothing", 137, 'Must declare the scalar variable "@nothing".'),
        ("SELECT 'geheim", 105, "Unclosed quotation mark after the character string 'geheim'."),
        ("SELECT 1 /* ", 113, "Missing end comment mark"),
        ("CREATE NONSENSE x", 102, "Incorrect syntax near 'CREATE'."),
        ("SELECT FROM", 102, "Incorrect syntax near 'SELECT'."),
        ("USE master", 40508, "USE statement is not supported to switch between databases."),
    ],
)
def test_what_is_wrong_has_the_services_number_and_words(synapse: SynapseEngine, connection: Any, new: str, sql: str, number: int, text: str) -> None:
    synapse.query(f"CREATE SCHEMA {new}")
    synapse.query(f"CREATE TABLE {new}.t (a INT); CREATE ROLE {new}")
    found = failure(connection, sql.format(new, new))
    assert found[0] == number
    assert found[1].startswith(text.format(new))


@pytest.mark.parametrize(
    ("sql", "number"),
    [("CREATE LOGIN {} WITH PASSWORD = 'x'", 15025), ("CREATE DATABASE pool", 1801), ("DROP LOGIN nobody", 15151), ("DROP DATABASE nowhere", 3701)],
)
def test_in_master_too(synapse: SynapseEngine, sql: str, number: int) -> None:
    with closing(synapse.connect(database="master")) as connection:
        assert failure(connection, sql.format(synapse.admin_user))[0] == number


def test_a_user_may_what_it_was_given(synapse: SynapseEngine, new: str) -> None:
    synapse.query(f"CREATE USER {new} WITH PASSWORD = 'Xy1'")
    synapse.query(f"CREATE SCHEMA {new}")
    synapse.query(f"CREATE TABLE {new}.t (a INT)")
    with closing(synapse.connect(new, "Xy1")) as connection:
        assert failure(connection, f"SELECT * FROM {new}.t") == (229, f"The SELECT permission was denied on the object 't', database 'pool', schema '{new}'.")
        assert failure(connection, "CREATE TABLE dbo.x (a INT)") == (262, "CREATE TABLE permission denied in database 'pool'.")
        assert failure(connection, f"CREATE ROLE {new}_role")[0] == 15247
        assert failure(connection, "EXEC engine_catalog")[0] == 15247
        synapse.query(f"GRANT SELECT ON SCHEMA::{new} TO {new}")
        assert rows(connection, f"SELECT * FROM {new}.t") == []
        synapse.query(f"DENY SELECT ON {new}.t TO {new}")
        assert failure(connection, f"SELECT * FROM {new}.t")[0] == 229
        synapse.query(f"ALTER ROLE db_owner ADD MEMBER {new}")
        assert rows(connection, f"CREATE ROLE {new}_role; SELECT a FROM {new}.t") == []


# --- faults and time ---


@pytest.mark.parametrize(("when", "happened"), [("before", False), ("after", True)])
def test_an_answer_can_get_lost_with_and_without_an_effect(synapse: SynapseEngine, connection: Any, new: str, when: str, happened: bool) -> None:
    synapse.fault(f"CREATE ROLE {new}", when)
    with pytest.raises(pymssql.Error, match="DBPROCESS is dead"):
        rows(connection, f"CREATE ROLE {new}")
    assert (new in synapse.catalog()["databases"]["pool"]["roles"]) is happened
    synapse.query("SELECT 1")


def test_a_batch_that_takes_too_long_is_given_up_and_does_not_go_on(synapse: SynapseEngine, new: str) -> None:
    start = time.monotonic()
    with closing(synapse.connect(timeout=1)) as connection, pytest.raises(pymssql.Error, match="timed out"):
        rows(connection, f"WAITFOR DELAY '00:00:03'; CREATE ROLE {new}")
    assert time.monotonic() - start < 2.5
    time.sleep(2.5)
    assert new not in synapse.catalog()["databases"]["pool"]["roles"]
