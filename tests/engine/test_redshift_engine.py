# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redshift engine through Amazon's driver."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redshift_connector
from engines import RedshiftEngine
from engines.redshift.rewrite import rewritten
from support.literals import redshift as literal


@pytest.fixture
def cursor(redshift: RedshiftEngine) -> Iterator[Any]:
    connection = redshift.connect()
    yield connection.cursor()
    connection.close()


def code_of(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.args[0]["C"])


def test_a_new_cluster_has_the_database_dev_and_one_superuser() -> None:
    with RedshiftEngine() as engine:
        catalog = engine.catalog()
        assert list(catalog["databases"]) == ["dev"]
        assert list(catalog["roles"]) == [engine.admin_user]
        assert catalog["roles"][engine.admin_user]["superuser"] is True
        assert catalog["databases"]["dev"]["tables"] == []
        assert engine.login == {
            "host": engine.host,
            "port": engine.port,
            "database": "dev",
            "username": engine.admin_user,
            "password": engine.admin_password,
            "ssl": False,
        }


def test_a_nasty_password_arrives_as_typed(redshift: RedshiftEngine, cursor: Any, new: str, nasty: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD {literal(nasty)}")
    assert redshift.can_login(new, nasty)
    assert redshift.can_login(new, nasty, "dev")
    for wrong in (nasty + " ", nasty.replace("\\", ""), nasty.replace("\\", "\\\\"), nasty[:-1], ""):
        assert not redshift.can_login(new, wrong)
    assert not redshift.can_login("nobody_here", nasty)
    assert not redshift.can_login(new, nasty, "not_there")


def test_a_refused_password_is_refused_every_time(redshift: RedshiftEngine) -> None:
    """The server hangs up while the driver still sends: its answer must not get lost on the way."""
    assert not any(redshift.can_login(redshift.admin_user, "wrong") for _unused in range(40))


def test_a_changed_password_replaces_the_old_one(redshift: RedshiftEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD 'Old1'")
    cursor.execute(f"ALTER USER {new} PASSWORD 'New1'")
    assert (redshift.can_login(new, "Old1"), redshift.can_login(new, "New1")) == (False, True)


def test_a_disabled_password_lets_nobody_in(redshift: RedshiftEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD DISABLE")
    assert new in redshift.catalog()["roles"]
    assert not redshift.can_login(new, "")
    assert not redshift.can_login(new, "DISABLE")


@pytest.mark.parametrize(
    ("create", "code"),
    [("DATABASE {}", "42P04"), ("USER {} PASSWORD 'Xy1'", "42710"), ("GROUP {}", "42710"), ("SCHEMA {}", "42P06"), ("TABLE {} (a INT)", "42P07")],
)
def test_what_exists_already_is_refused_with_its_code(cursor: Any, new: str, create: str, code: str) -> None:
    cursor.execute("CREATE " + create.format(new))
    with pytest.raises(redshift_connector.ProgrammingError) as error:
        cursor.execute("CREATE " + create.format(new))
    assert code_of(error) == code
    assert "already exists" in error.value.args[0]["M"]


def test_what_is_not_there_and_what_is_wrong_have_their_codes(cursor: Any, new: str) -> None:
    cases = {f"DROP DATABASE {new}": "3D000", f"DROP USER {new}": "42704", f"SELECT * FROM {new}": "42P01", "CREATE NONSENSE x": "42601"}
    for sql, code in cases.items():
        with pytest.raises(redshift_connector.ProgrammingError) as error:
            cursor.execute(sql)
        assert code_of(error) == code


def test_an_unprivileged_user_may_not_create_databases(redshift: RedshiftEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD 'Xy1'")
    with redshift.connect(new, "Xy1") as connection, pytest.raises(redshift_connector.ProgrammingError) as error:
        connection.cursor().execute("CREATE DATABASE " + new)
    assert code_of(error) == "42501"


def test_create_database_in_a_transaction_is_refused(redshift: RedshiftEngine, new: str) -> None:
    connection = redshift.connect()
    connection.autocommit = False
    with pytest.raises(redshift_connector.ProgrammingError) as error:
        connection.cursor().execute(f"CREATE DATABASE {new}")
    connection.close()
    assert code_of(error) == "25001"
    assert new not in redshift.catalog()["databases"]


def test_several_statements_in_one_call_are_refused(cursor: Any) -> None:
    with pytest.raises(redshift_connector.ProgrammingError) as error:
        cursor.execute("SELECT 1; SELECT 2")
    assert code_of(error) == "42601"


@pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")  # the driver's way to make a context
def test_encryption_is_refused(redshift: RedshiftEngine) -> None:
    with pytest.raises(redshift_connector.InterfaceError, match="SSL"):
        redshift_connector.connect(host=redshift.host, port=redshift.port, database="dev", user="x", password="y", ssl=True)


def test_it_reports_the_version_of_redshift(redshift: RedshiftEngine) -> None:
    with redshift.connect() as connection:
        assert connection.parameter_statuses
        assert dict(connection.parameter_statuses)[b"server_version"] == b"8.0.2"


def test_a_backslash_escapes_in_strings_as_on_redshift(cursor: Any) -> None:
    cursor.execute(r"SELECT 'it\'s \\ one', $$it's \ two$$")
    assert cursor.fetchall() == ([r"it's \ one", r"it's \ two"],)


def test_the_catalogue_shows_what_a_setup_script_made(redshift: RedshiftEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    cursor.execute(f"CREATE USER {new}_user PASSWORD 'Xy1'")
    cursor.execute(f"CREATE GROUP {new}_group WITH USER {new}_user")
    cursor.execute(f"GRANT ALL PRIVILEGES ON DATABASE {new} TO {new}_user")
    cursor.execute(f"GRANT TEMP ON DATABASE {new} TO {new}_user")
    with redshift.connect(database=new) as inside:
        inside.autocommit = True
        statements = (
            "CREATE SCHEMA immuta_system",
            "CREATE TABLE immuta_system.profiles (id BIGINT IDENTITY(0, 1), name VARCHAR(MAX) ENCODE zstd) DISTSTYLE ALL SORTKEY (name)",
            "CREATE VIEW immuta_system.all_profiles AS SELECT * FROM immuta_system.profiles",
            "CREATE FUNCTION immuta_system.f(a VARCHAR) RETURNS VARCHAR STABLE AS $$ import re; return a $$ LANGUAGE plpythonu",
            "CREATE PROCEDURE immuta_system.p(a VARCHAR) AS $body$ BEGIN DELETE FROM immuta_system.profiles; END; $body$ LANGUAGE plpgsql",
            f"GRANT USAGE ON LANGUAGE plpythonu TO {new}_user",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA immuta_system TO GROUP {new}_group",
        )
        for sql in statements:
            inside.cursor().execute(sql)
    catalog = redshift.catalog()
    held = catalog["databases"][new]
    assert held["schemas"] == ["immuta_system", "public"]
    assert held["tables"] == ["immuta_system.profiles"]
    assert held["views"] == ["immuta_system.all_profiles"]
    assert held["functions"] == ["immuta_system.f(a character varying)", "immuta_system.p(IN a character varying)"]
    grants = {(g["kind"], g["name"], g["grantee"], g["privilege"]) for g in held["grants"]}
    assert {("database", new, f"{new}_user", p) for p in ("CREATE", "TEMPORARY", "CONNECT")} <= grants
    assert ("language", "plpythonu", f"{new}_user", "USAGE") in grants
    assert ("table", "immuta_system.profiles", f"{new}_group", "SELECT") in grants
    assert catalog["roles"][f"{new}_user"]["member_of"] == [f"{new}_group"]
    assert "immuta_system" not in catalog["databases"]["dev"]["schemas"]


def test_a_query_can_be_cancelled_through_the_proxy(redshift: RedshiftEngine) -> None:
    """pg_cancel_backend from outside: the proxy must carry the error to a client that waits."""
    with redshift.connect() as connection:
        pid = connection._backend_key_data and redshift_pid(connection)
        timer = threading.Timer(0.3, lambda: redshift.query(f"SELECT pg_cancel_backend({pid})"))
        timer.start()
        start = time.monotonic()
        with pytest.raises(redshift_connector.ProgrammingError) as error:
            connection.cursor().execute("SELECT pg_sleep(20)")
        timer.join()
    assert code_of(error) == "57014"
    assert time.monotonic() - start < 10


def redshift_pid(connection: Any) -> int:
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    return int(cursor.fetchone()[0])


def test_a_client_that_breaks_off_does_not_hold_its_database(redshift: RedshiftEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    gone = redshift.connect(database=new)
    gone._usock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset instead of a good-bye
    gone._usock.close()
    gone._sock.close()
    sessions = f"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{new}'"
    end = time.monotonic() + 10
    while redshift.query(sessions) != [[0]] and time.monotonic() < end:
        time.sleep(0.1)
    cursor.execute(f"DROP DATABASE {new}")
    assert new not in redshift.catalog()["databases"]


def test_large_results_and_statements_pass_the_proxy(cursor: Any) -> None:
    cursor.execute("SELECT length(%s), repeat('x', 3000000)", ("y" * 2_000_000,))
    length, text = cursor.fetchone()
    assert (length, len(text)) == (2_000_000, 3_000_000)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE t (a VARCHAR(MAX)) DISTSTYLE KEY COMPOUND SORTKEY (a, b)", "CREATE TABLE t (a VARCHAR(65535))  "),
        ("CREATE TABLE t (a INT ENCODE az64 DISTKEY SORTKEY, b INT IDENTITY(0,1))", "CREATE TABLE t (a INT   , b INT GENERATED ALWAYS AS IDENTITY)"),
        ("CREATE TABLE t (\"sortkey\" TEXT DEFAULT 'DISTKEY' /* ENCODE x */)", None),
        ("CREATE PROCEDURE p() AS $$ SORTKEY AUTO $$ LANGUAGE plpgsql", None),
        ("SELECT sortkey FROM t", None),
        ("-- note\nALTER USER u PASSWORD DISABLE;", "-- note\nALTER USER u PASSWORD NULL;"),
        ("CREATE USER u PASSWORD 'DISABLE'", None),
        ("CREATE USER u PASSWORD 'unfinished", None),
        ("CREATE TABLE t (a INT) SORTKEY (a", "CREATE TABLE t (a INT)  (a"),
        ("", None),
    ],
)
def test_only_phrases_of_redshift_are_rewritten(sql: str, expected: str | None) -> None:
    assert rewritten(sql) == (sql if expected is None else expected)
