# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Synapse driver: how it configures pymssql and FreeTDS, reads every answer to its end, and translates errors."""

from __future__ import annotations

import inspect
import os
import ssl
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymssql
import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ConnectionFailed,
    ImmutaError,
    MissingLibrary,
    OptionError,
    SqlError,
)
from ansible_collections.community.immuta.plugins.module_utils._sql import driver_synapse
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_base import StatementResult
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_synapse import SynapseDriver
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS

PASSWORD = "ad'min;{{ x }}"
LOGIN = {"host": "Acme.sql.azuresynapse.net", "database": "pool", "username": "admin", "password": PASSWORD}
GENERAL = b"DB-Lib error message 20018, severity 16:\nGeneral SQL Server error: Check messages from the SQL Server\n"
DEAD = b"DB-Lib error message 20047, severity 9:\nDBPROCESS is dead or not enabled\n"


class Library(types.ModuleType):
    """A pymssql that records its calls. sets: the result sets of a batch, each a list of rows, None for no columns, or an error."""

    def __init__(self) -> None:
        super().__init__("pymssql")
        self.arguments: dict[str, Any] = {}
        self.configuration = ""
        self.refuses: list[Exception] = []
        self.executed: list[tuple[Any, ...]] = []
        self.sets: list[Any] = [None]
        self.heard: list[tuple[int, int, bytes]] = []
        self.handler: Callable[..., None] = lambda *arguments: None
        self.rowcount = -1
        self.description: Any = None
        self.rows: Iterator[Any] = iter(())

    def connect(self, **arguments: Any) -> Library:
        self.arguments = arguments
        self.configuration = Path(os.environ["FREETDSCONF"]).read_text(encoding="utf-8")
        for error in self.refuses:
            raise error
        return self

    @property
    def _conn(self) -> Library:
        return self

    def set_msghandler(self, handler: Callable[..., None]) -> None:
        self.handler = handler

    def cursor(self) -> Library:
        return self

    def close(self) -> None:
        """Nothing to close."""

    def execute(self, *arguments: Any) -> None:
        self.executed.append(arguments)
        self.left = list(self.sets)
        for severity, line, text in self.heard:
            self.handler(1, severity, b"server", b"", line, text)
        self.nextset()

    def nextset(self) -> int | None:
        list(self)
        if not self.left:
            self.description = None
            return None
        found = self.left.pop(0)
        if isinstance(found, Exception):
            raise found
        self.description = None if found is None else (("a",),)
        self.rows = iter(found or ())
        return 1

    def __iter__(self) -> Iterator[Any]:
        for row in self.rows:
            if isinstance(row, Exception):
                raise row
            yield row

    def fetchone(self) -> Any:
        return next(iter(self), None)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    fake = Library()
    monkeypatch.setitem(sys.modules, "pymssql", fake)
    for name in ("SSL_CERT_FILE", "FREETDSCONF"):
        monkeypatch.delenv(name, raising=False)
    return fake


def driver(warn: Callable[[str], None] = lambda text: None, statement_timeout: int = 9, **login: Any) -> Any:
    given = {name: value for name, value in {**LOGIN, **login}.items() if value is not None}
    return DRIVERS["Azure Synapse Analytics"](given, connect_timeout=7, statement_timeout=statement_timeout, warn=warn, secrets=("andere",))


def connected(**login: Any) -> Any:
    made = driver(**login)
    made.connect()
    return made


# --- logins ---


def test_a_login_becomes_arguments_of_the_library(library: Library) -> None:
    connected(port=1444, extra={"read_only": True})
    assert library.arguments == {
        "server": "Acme.sql.azuresynapse.net",
        "port": 1444,
        "database": "pool",
        "user": "admin",
        "password": PASSWORD,
        "appname": "community.immuta",
        "login_timeout": 7,
        "timeout": 9,
        "tds_version": "7.4",
        "encryption": "require",
        "conn_properties": "",
        "autocommit": True,
        "read_only": True,
    }
    known = set(inspect.signature(pymssql.connect).parameters)
    assert set(library.arguments) | set(SynapseDriver.library_options.values()) <= known


def test_the_application_name_contains_the_change_reference(library: Library) -> None:
    made = driver()
    made.reference = f"CHG0012345 Ä {'x' * 180}"
    made.connect()
    assert library.arguments["appname"] == f"community.immuta CHG0012345 ? {'x' * 98}"


def test_freetds_checks_the_certificate_and_its_name(library: Library, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    connected(ca_path=str(authority))
    assert library.configuration.splitlines() == [
        "[global]",
        f"ca file = {authority}",
        "check certificate hostname = yes",
        "[Acme.sql.azuresynapse.net:1433]",
        "host = Acme.sql.azuresynapse.net",
        "port = 1433",
    ]


def test_the_freetds_file_and_its_variable_are_removed_afterwards(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(library, "connect", lambda **arguments: (seen.append(os.environ["FREETDSCONF"]), library)[1])
    connected()
    assert "FREETDSCONF" not in os.environ
    monkeypatch.setenv("FREETDSCONF", "/my/own.conf")
    connected()
    assert os.environ["FREETDSCONF"] == "/my/own.conf"
    assert len(seen) == 2 and not any(os.path.exists(path) for path in seen)


def test_without_ca_path_the_authorities_of_the_machine_are_trusted(library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("system.pem", "python.pem", "variable.pem")]
    monkeypatch.setattr(driver_synapse, "_CA_FILES", ("/nowhere", str(files[0])))
    paths = ssl.get_default_verify_paths()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(cafile=str(files[1])))
    for file in files:
        file.touch()
        if file.name == "variable.pem":
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        connected()
        assert f"ca file = {file}" in library.configuration


@pytest.mark.parametrize("named", ["/nowhere/ca.pem", "/etc/hosts\nencryption = off", None])
def test_without_authorities_nothing_is_sent(library: Library, monkeypatch: pytest.MonkeyPatch, named: str | None) -> None:
    monkeypatch.setattr(driver_synapse, "_CA_FILES", ())
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: types.SimpleNamespace(cafile=None))
    with pytest.raises(OptionError) as caught:
        connected(ca_path=named)
    assert caught.value.facts["option"] == "login.ca_path"
    assert library.arguments == {}


def test_without_tls_the_driver_warns(library: Library) -> None:
    said: list[str] = []
    driver(warn=said.append, ssl=False).connect()
    assert library.arguments["encryption"] == "off" and "ca file" not in library.configuration
    assert len(said) == 1 and "not encrypted" in said[0]


@pytest.mark.parametrize(
    ("login", "option"),
    [
        ({"host": None}, "host"),
        ({"host": "tcp:acme,1433"}, "host"),
        ({"host": "acme\nca file = x"}, "host"),
        ({"database": None}, "database"),
        ({"username": None}, "username"),
        ({"password": None}, "password"),
        ({"warehouse": "w"}, "warehouse"),
        ({"token": "ey"}, "token"),
        ({"authenticator": "ActiveDirectoryInteractive"}, "authenticator"),
        ({"extra": {"user": "x"}}, "extra.user"),
    ],
)
def test_the_error_for_an_invalid_login_names_the_option(library: Library, login: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        driver(**login)
    assert caught.value.facts["option"] == f"login.{option}"
    assert ("Entra" in str(caught.value)) is (option in ("token", "authenticator"))


def test_spellings_of_one_pool_have_one_target() -> None:
    assert driver().target == driver(host="acme.sql.azuresynapse.net.", port=1433).target == "azure synapse analytics acme.sql.azuresynapse.net:1433/pool"


def test_the_error_for_a_missing_library_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymssql", None)
    with pytest.raises(MissingLibrary, match="pymssql"):
        driver().connect()


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (pymssql.OperationalError((18456, b"Login failed for user 'admin'." + GENERAL)), "18456", "cannot log in: Login failed for user 'admin'."),
        # The number belongs to an earlier error.
        (pymssql.OperationalError((18456, DEAD * 2 + b"DB-Lib error message 20002, severity 9:\nTDS server connection failed (a)\n")), None, "not trusted"),
        (pymssql.InterfaceError("Connection to the database failed for an unknown reason."), None, "unknown reason"),
        (ValueError(f"odd {PASSWORD!r}"), None, "odd"),
    ],
)
def test_the_error_for_a_failed_login_says_where_and_why_and_contains_no_secret(library: Library, error: Exception, code: str | None, says: str) -> None:
    library.refuses = [error]
    with pytest.raises(ConnectionFailed) as caught:
        connected()
    assert "acme.sql.azuresynapse.net:1433/pool: cannot log in: " in caught.value.message and says in caught.value.message
    assert caught.value.facts.get("code") == code
    assert PASSWORD not in str(caught.value) and repr(PASSWORD)[1:-1] not in str(caught.value)


# --- batches ---


def test_a_batch_is_sent_unchanged_and_without_parameters(library: Library) -> None:
    connected().execute("SELECT '100%s %(a)s :b ? {}'")
    assert library.executed == [("SELECT '100%s %(a)s :b ? {}'",)]


@pytest.mark.parametrize(
    ("sets", "rowcount", "text", "rows"),
    [
        ([None], 3, "INSERT INTO t SELECT 1", 3),
        ([None], -1, "CREATE TABLE t (a INT)", None),
        ([[(1,), (2,)]], 0, "SELECT a FROM t;", 2),
        ([[]], 0, "SELECT a FROM t", 0),
        ([None], 3, "INSERT INTO t SELECT 1; INSERT INTO u SELECT 2", None),
    ],
)
def test_rows_are_counted_only_for_a_single_statement(library: Library, sets: list[Any], rowcount: int, text: str, rows: int | None) -> None:
    library.sets, library.rowcount = sets, rowcount
    assert connected().execute(text) == StatementResult(rows, None)


def test_a_query_returns_its_first_row(library: Library) -> None:
    reached = connected()
    for sets, expected in (([[[1, "a"], [2, "b"]], [["x"]]], (1, "a")), ([[]], None), ([None], None)):
        library.sets = sets
        assert reached.query("SELECT 1") == expected


BOOM = pymssql.OperationalError(8134, b"Divide by zero error encountered." + GENERAL)


@pytest.mark.parametrize("how", ["execute", "query"])
@pytest.mark.parametrize("sets", [[BOOM], [[], BOOM], [[(1,)], None, [], BOOM], [[(1,), (2,), BOOM]], [[(1,)], [BOOM]]])
def test_an_error_anywhere_in_a_batch_is_reported(library: Library, how: str, sets: list[Any]) -> None:
    library.sets = sets
    library.heard = [(0, 1, b"so far so good"), (16, 3, b"Divide by zero error encountered.")]
    with pytest.raises(SqlError) as caught:
        getattr(connected(), how)("SELECT 1;\n\nSELECT 1/0")
    assert caught.value.message == "Divide by zero error encountered."
    assert caught.value.facts == {"code": "8134", "sqlstate": None, "query_id": None, "line": 3}


def test_an_error_that_the_library_does_not_raise_is_found_among_the_messages(library: Library) -> None:
    library.heard = [(10, 1, b"a note"), (16, 2, b"Something 'geheim' failed")]
    reached = connected()
    with pytest.raises(SqlError) as caught:
        reached.execute("\nEXEC p 'geheim'")
    assert (caught.value.message, caught.value.facts["code"], caught.value.facts["line"]) == ("Something '***' failed", None, 2)
    library.heard = [(10, 1, b"a note")]
    assert reached.execute("EXEC p") == StatementResult(None, None)


# --- errors ---

STATEMENT = "CREATE LOGIN u\nWITH PASSWORD = N'geheim;1'"


def raised_error(library: Library, error: Exception, **how: Any) -> ImmutaError:
    library.sets = [error]
    with pytest.raises(ImmutaError) as caught:
        connected(**how).execute(STATEMENT)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__  # no exception of the library is chained
    return caught.value


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_keeps_its_number_and_loses_literals(library: Library, wrapped: bool) -> None:
    said = (105, b"Unclosed quotation mark after the character string 'geheim;1', 'u' and andere." + GENERAL)
    error = raised_error(library, pymssql.OperationalError(said) if wrapped else pymssql.OperationalError(*said))
    assert isinstance(error, SqlError)
    assert error.message == "Unclosed quotation mark after the character string '***', 'u' and <REDACTED>."
    assert error.facts["code"] == "105"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (pymssql.OperationalError(20047, DEAD), "DBPROCESS is dead or not enabled"),
        (pymssql.OperationalError(20004, b"DB-Lib error message 20004, severity 9:\nRead from the server failed\n" + DEAD), "Read from the server failed"),
        (pymssql.InterfaceError("Not connected to any MS SQL server"), "Not connected"),
        (OSError(104, "Connection reset by peer: geheim;1"), "Connection reset"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_exception_without_an_answer_is_a_lost_answer(library: Library, error: Exception, says: str) -> None:
    found = raised_error(library, error)
    assert isinstance(found, AnswerLost)
    assert "the connection broke: " in found.message and says in found.message and "geheim" not in found.message


def test_a_batch_over_its_time_limit_is_unknown(library: Library) -> None:
    late = pymssql.OperationalError(20047, b"DB-Lib error message 20003, severity 6:\nTDS server connection timed out\n" + DEAD)
    found = raised_error(library, late, statement_timeout=3)
    assert isinstance(found, AnswerLost)
    assert "it had not finished after 3 seconds (statement_timeout)" in found.message
