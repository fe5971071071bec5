# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Snowflake and Redshift drivers: how they pass a login to the library, and translate its errors."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redshift_connector
import snowflake
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ConnectionFailed,
    ImmutaError,
    MissingLibrary,
    OptionError,
    SqlError,
)
from ansible_collections.community.immuta.plugins.module_utils._sql import driver_base
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_base import LOGIN_SPEC, StatementResult
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_redshift import RedshiftDriver
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_snowflake import SnowflakeDriver
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
from ansible_collections.community.immuta.plugins.module_utils._sql.gate_rules import RULES
from ansible_collections.community.immuta.plugins.module_utils._sql.tokenizer import DIALECT_OF
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from snowflake.connector import errors as snowflake_errors

PASSWORD = "ad'min;{{ x }}"
SNOWFLAKE = {"account": "acme.us-east-1", "username": "admin", "password": PASSWORD, "ssl": True}
REDSHIFT = {"host": "acme.redshift.example", "database": "dev", "username": "admin", "password": PASSWORD, "ssl": True}


class Library(types.ModuleType):
    """A DB-API library that records its calls. answer: the row to return, or an exception to raise."""

    def __init__(self, version: str = "4.8.1", answer: Any = None) -> None:
        super().__init__("library")
        self.__version__ = version
        self.answer = answer
        self.arguments: dict[str, Any] = {}
        self.executed: list[Any] = []
        self.closed = 0
        self.autocommit = False
        self.rowcount = 1
        self.sfqid = "01b2"

    def connect(self, **arguments: Any) -> Library:
        self.arguments = arguments
        if isinstance(arguments.get("fail"), Exception):
            raise arguments["fail"]
        return self

    def cursor(self) -> Library:
        return self

    def close(self) -> None:
        self.closed += 1

    def execute(self, text: str, **options: Any) -> None:
        self.executed.append((text, options))
        print("a library talks")
        warnings.warn("a library warns", stacklevel=1)
        logging.getLogger("some.library").error("a library logs")
        if isinstance(self.answer, Exception):
            raise self.answer

    def fetchone(self) -> Any:
        return self.answer


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    fake = Library()
    monkeypatch.setitem(sys.modules, "snowflake.connector", fake)
    monkeypatch.setattr(snowflake, "connector", fake)
    monkeypatch.setitem(sys.modules, "redshift_connector", fake)
    for name in ("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return fake


def driver(platform: str, warn: Callable[[str], None] = lambda text: None, secrets: tuple[str, ...] = (), **login: Any) -> Any:
    base = SNOWFLAKE if platform == "Snowflake" else REDSHIFT
    given = {name: value for name, value in {**base, **login}.items() if value is not None}
    return DRIVERS[platform](given, connect_timeout=7, statement_timeout=9, warn=warn, secrets=secrets)


def arguments(library: Library, platform: str, **login: Any) -> dict[str, Any]:
    driver(platform, **login).connect()
    return library.arguments


# --- the tables ---


def test_every_driver_has_a_dialect_rules_and_existing_options() -> None:
    for platform, cls in DRIVERS.items():
        assert platform in DIALECT_OF
        assert platform in RULES
        assert set(cls.library_options) | cls.other_options <= set(LOGIN_SPEC)
    assert set(LOGIN_SPEC) == {option for cls in DRIVERS.values() for option in (*cls.library_options, *cls.other_options)}


def test_exactly_the_secret_options_are_no_log() -> None:
    hidden = {name for name, option in LOGIN_SPEC.items() if option.get("no_log")}
    named = {"password", "token", "client_secret", "private_key", "private_key_passphrase", "access_key_id", "secret_access_key", "session_token"}
    assert hidden == named


def test_a_login_that_does_not_mention_ssl_is_encrypted(library: Library) -> None:
    assert arguments(library, "Snowflake", ssl=None)["protocol"] == "https"
    assert arguments(library, "Redshift", ssl=None)["ssl"] is True


# --- Snowflake ---


def test_snowflake_with_a_password(library: Library) -> None:
    found = arguments(library, "Snowflake", role="ACCOUNTADMIN", warehouse="W", database="D", port=8443, host="acme.us-east-1.snowflakecomputing.com")
    session = found.pop("session_parameters")
    assert found == {
        "account": "acme.us-east-1",
        "host": "acme.us-east-1.snowflakecomputing.com",
        "port": 8443,
        "user": "admin",
        "password": PASSWORD,
        "role": "ACCOUNTADMIN",
        "warehouse": "W",
        "database": "D",
        "authenticator": "SNOWFLAKE",
        "protocol": "https",
        "autocommit": True,
        "login_timeout": 7,
        "network_timeout": 20,
        "client_session_keep_alive": True,
        "client_store_temporary_credential": False,
    }
    assert session == {"CLIENT_TELEMETRY_ENABLED": False, "MULTI_STATEMENT_COUNT": 1, "STATEMENT_TIMEOUT_IN_SECONDS": 9}
    assert os.environ["SNOWFLAKE_DISABLE_PLATFORM_DETECTION"] == "true"


def test_snowflake_takes_the_account_from_the_host(library: Library) -> None:
    assert arguments(library, "Snowflake", account=None, host="Acme.us-east-1.SnowflakeComputing.com")["account"] == "acme.us-east-1"


def test_snowflake_connector_5_has_other_argument_names(library: Library) -> None:
    library.__version__ = "5.2.0"
    reached = driver("Snowflake", ca_path="/etc/ca.pem")
    reached.connect()
    assert "network_timeout" not in library.arguments
    assert (library.arguments["query_timeout"], library.arguments["custom_root_store_path"]) == (39, "/etc/ca.pem")
    reached.execute("SELECT 1")
    assert library.executed == [("SELECT 1", {})]


def test_the_snowflake_client_waits_longer_than_the_server(library: Library) -> None:
    reached = driver("Snowflake")
    reached.connect()
    reached.execute("SELECT 1")
    assert library.executed == [("SELECT 1", {"timeout": 39})]
    reached.statement_timeout = 0
    reached.connect()
    reached.query("SELECT 1")
    assert library.executed[1] == ("SELECT 1", {"timeout": 7 * 24 * 3600})
    assert "STATEMENT_TIMEOUT_IN_SECONDS" not in library.arguments["session_parameters"]


def test_snowflake_reads_its_authorities_from_the_environment(library: Library) -> None:
    assert "custom_root_store_path" not in arguments(library, "Snowflake", ca_path="/etc/ca.pem")
    assert os.environ["REQUESTS_CA_BUNDLE"] == "/etc/ca.pem"


def test_snowflake_without_tls_warns(library: Library) -> None:
    said: list[str] = []
    driver("Snowflake", warn=said.append, ssl=False).connect()
    assert library.arguments["protocol"] == "http"
    assert len(said) == 1 and "not encrypted" in said[0]


def test_snowflake_with_a_token(library: Library) -> None:
    found = arguments(library, "Snowflake", password=None, username=None, token="ey")
    assert (found["authenticator"], found["token"]) == ("OAUTH", "ey")


def pem(passphrase: bytes | None = None) -> tuple[str, bytes]:
    """Return a key as PEM, and as the DER that the connector must get."""
    key = rsa.generate_private_key(65537, 2048)
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()
    return text, key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def test_snowflake_with_a_key_pair(library: Library, tmp_path: Path) -> None:
    text, der = pem()
    found = arguments(library, "Snowflake", password=None, private_key=text)
    assert (found["authenticator"], found["private_key"]) == ("SNOWFLAKE_JWT", der)
    text, der = pem(b"ph\xc3\xbc")
    (tmp_path / "key.p8").write_text(text)
    found = arguments(library, "Snowflake", password=None, private_key_path=str(tmp_path / "key.p8"), private_key_passphrase="phü")
    assert found["private_key"] == der
    assert "private_key_passphrase" not in found and "private_key_path" not in found


@pytest.mark.parametrize(
    ("login", "option"),
    [
        ({"private_key": "not a key"}, "private_key"),
        ({"private_key_path": "/nowhere/key.p8"}, "private_key_path"),
        ({"private_key": pem(b"x")[0]}, "private_key"),
    ],
)
def test_the_error_for_an_unusable_key_names_the_option(library: Library, login: dict[str, str], option: str) -> None:
    with pytest.raises(OptionError, match=f"login.{option} cannot be used") as caught:
        arguments(library, "Snowflake", password=None, **login)
    assert caught.value.facts["option"] == f"login.{option}"
    assert library.arguments == {}


def test_the_snowflake_library_knows_the_arguments(library: Library) -> None:
    from snowflake.connector.connection import DEFAULT_CONFIGURATION

    found = arguments(library, "Snowflake", password=None, private_key=pem()[0], role="R", warehouse="W", database="D", host="a.example", port=443)
    assert set(found) | set(SnowflakeDriver.library_options.values()) <= set(DEFAULT_CONFIGURATION)


# --- Redshift ---


def test_redshift_with_a_password(library: Library) -> None:
    assert arguments(library, "Redshift", port=5440) == {
        "host": "acme.redshift.example",
        "port": 5440,
        "database": "dev",
        "user": "admin",
        "password": PASSWORD,
        "iam": False,
        "ssl": True,
        "sslmode": "verify-full",
        "timeout": 7,
        "tcp_keepalive": True,
        "application_name": "community.immuta",
    }
    assert library.autocommit is True
    assert ("SET statement_timeout TO 9000", {}) in library.executed


@pytest.mark.parametrize(("statement_timeout", "seconds"), [(9, 9 + driver_base.GRACE_SECONDS), (0, driver_base.NO_LIMIT_SECONDS)])
def test_the_time_limit_of_the_login_does_not_apply_to_statements(library: Library, statement_timeout: int, seconds: int) -> None:
    with socket.socket() as used:
        used.settimeout(7)  # as the library leaves it after the login
        library._usock = used  # type: ignore[attr-defined]
        DRIVERS["Redshift"](REDSHIFT, connect_timeout=7, statement_timeout=statement_timeout, warn=print, secrets=()).connect()
        assert used.gettimeout() == seconds


def test_redshift_with_iam(library: Library) -> None:
    keys = {"access_key_id": "AK", "secret_access_key": "SK", "session_token": "ST"}
    login = {"iam": True, "cluster_identifier": "acme", "region": "us-east-1", "db_user": "admin", "profile": "p", **keys}
    found = arguments(library, "Redshift", host=None, username=None, password=None, **login)
    assert {name: found[name] for name in login} == login
    assert "is_serverless" not in found
    serverless = arguments(library, "Redshift", host=None, username=None, password=None, iam=True, serverless_work_group="w", serverless_acct_id="1")
    assert (serverless["is_serverless"], serverless["serverless_work_group"], serverless["serverless_acct_id"]) == (True, "w", "1")


def test_redshift_with_okta(library: Library) -> None:
    found = arguments(library, "Redshift", okta_idp_host="acme.okta.com", okta_app_id="42", okta_app_name="redshift", okta_role="arn:r", cluster_identifier="c")
    names = ("credentials_provider", "iam", "idp_host", "app_id", "app_name", "preferred_role", "user", "password")
    assert [found[name] for name in names] == ["OktaCredentialsProvider", True, "acme.okta.com", "42", "redshift", "arn:r", "admin", PASSWORD]


def test_the_redshift_library_knows_the_arguments(library: Library) -> None:
    import inspect

    known = set(inspect.signature(redshift_connector.connect).parameters)
    assert set(RedshiftDriver.library_options.values()) | {"timeout", "tcp_keepalive", "sslmode", "is_serverless", "credentials_provider"} <= known


def test_redshift_without_tls_warns(library: Library) -> None:
    said: list[str] = []
    driver("Redshift", warn=said.append, ssl=False).connect()
    assert library.arguments["ssl"] is False and "sslmode" not in library.arguments
    assert len(said) == 1


def test_redshift_reads_its_authorities_from_the_environment(library: Library) -> None:
    driver("Redshift", ca_path="/etc/ca.pem").connect()
    assert os.environ["SSL_CERT_FILE"] == "/etc/ca.pem"


def test_only_redshift_statements_with_an_id_report_one(library: Library) -> None:
    library.answer = (7,)
    redshift = driver("Redshift")
    redshift.connect()
    library.answer = (8,)
    assert redshift.execute("INSERT").query_id == "8"
    assert redshift.execute("CREATE").query_id is None  # the function returns the previous ID again


def test_redshift_without_query_ids_is_asked_only_once(library: Library) -> None:
    def refuse(text: str, **options: Any) -> None:
        library.executed.append((text, options))
        if "pg_last_query_id" in text:
            raise redshift_connector.ProgrammingError({"M": "no such function"})

    library.execute = refuse  # type: ignore[method-assign]
    redshift = driver("Redshift")
    redshift.connect()
    library.executed.clear()
    assert redshift.execute("SELECT 1") == StatementResult(1, None)
    assert library.executed == [("SELECT 1", {})]


# --- logins that cannot work ---


@pytest.mark.parametrize(
    ("platform", "login", "option"),
    [
        ("Snowflake", {"account": None}, "account"),
        ("Snowflake", {"username": None}, "username"),
        ("Snowflake", {"password": None}, "password"),
        ("Snowflake", {"authenticator": "oauth"}, "token"),
        ("Snowflake", {"authenticator": "snowflake_jwt"}, "private_key_path"),
        ("Snowflake", {"authenticator": "ExternalBrowser"}, "authenticator"),
        ("Snowflake", {"authenticator": "username_password_mfa"}, "authenticator"),
        ("Snowflake", {"iam": True}, "iam"),
        ("Snowflake", {"extra": {"password": "x"}}, "extra.password"),
        ("Snowflake", {"extra": {"user": "x"}}, "extra.user"),
        ("Redshift", {"host": None}, "host"),
        ("Redshift", {"database": None}, "database"),
        ("Redshift", {"username": None}, "username"),
        ("Redshift", {"password": None}, "password"),
        ("Redshift", {"warehouse": "w"}, "warehouse"),
        ("Redshift", {"iam": True, "host": None}, "cluster_identifier"),
        ("Redshift", {"iam": True, "ssl": False}, "ssl"),
        ("Redshift", {"okta_app_id": "x"}, "okta_idp_host"),
        ("Redshift", {"okta_idp_host": "x"}, "okta_app_id"),
        ("Redshift", {"extra": {"idp_host": "x"}}, "extra.idp_host"),
    ],
)
def test_the_error_for_an_invalid_login_names_the_option(library: Library, platform: str, login: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        driver(platform, **login)
    assert caught.value.facts["option"] == f"login.{option}"
    assert PASSWORD not in str(caught.value)
    assert library.arguments == {}


def test_the_error_for_a_browser_login_says_what_to_do_instead() -> None:
    with pytest.raises(OptionError, match=r"waits for a person.*key pair"):
        driver("Snowflake", authenticator="externalbrowser")


@pytest.mark.parametrize(("job", "named"), [("", {}), ("4711", {"job": "4711"})])
def test_the_reference_of_a_change_reaches_the_warehouse(library: Library, monkeypatch: pytest.MonkeyPatch, job: str, named: dict[str, str]) -> None:
    monkeypatch.setenv("JOB_ID", job)

    def sent_reference(platform: str, **login: Any) -> dict[str, Any]:
        made = driver(platform, **login)
        made.reference = f'CHG0012345 "Ä" {"x" * 180}'
        made.connect()
        return library.arguments

    tag = sent_reference("Snowflake")["session_parameters"]["QUERY_TAG"]
    assert json.loads(tag) == {"program": "community.immuta", "change_reference": f'CHG0012345 "Ä" {"x" * 180}', **named} and len(tag) < 2000
    assert sent_reference("Redshift")["application_name"] == f'community.immuta CHG0012345 "?" {"x" * 31}'
    assert sent_reference("Snowflake", extra={"session_parameters": {"QUERY_TAG": "mine"}})["session_parameters"]["QUERY_TAG"] == "mine"
    assert sent_reference("Redshift", extra={"application_name": "mine"})["application_name"] == "mine"


def test_extra_arguments_reach_the_library(library: Library) -> None:
    found = arguments(library, "Snowflake", extra={"schema": "PUBLIC", "session_parameters": {"QUERY_TAG": "x"}})
    assert found["schema"] == "PUBLIC"
    assert found["session_parameters"]["QUERY_TAG"] == "x" and found["session_parameters"]["MULTI_STATEMENT_COUNT"] == 1
    assert arguments(library, "Redshift", extra={"sslmode": "verify-ca"})["sslmode"] == "verify-ca"


# --- execution ---


@pytest.mark.parametrize("platform", ["Snowflake", "Redshift"])
def test_a_statement_is_sent_unchanged_and_without_parameters(library: Library, platform: str) -> None:
    reached = driver(platform)
    reached.connect()
    library.executed.clear()
    reached.execute("SELECT '100%s %(a)s :b ? {}'")
    text, options = library.executed[0]
    assert text == "SELECT '100%s %(a)s :b ? {}'" and set(options) <= {"timeout"}


def test_rows_and_query_ids(library: Library) -> None:
    reached = driver("Snowflake")
    reached.connect()
    assert reached.execute("SELECT 1") == StatementResult(1, "01b2")
    library.rowcount, library.sfqid = -1, ""
    assert reached.execute("SELECT 1") == StatementResult(None, None)
    library.answer = [1, "a"]
    assert reached.query("SELECT 1") == (1, "a")
    library.answer = None
    assert reached.query("SELECT 1") is None


def test_the_output_of_a_library_is_suppressed(
    library: Library, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    reached = driver("Snowflake")
    reached.connect()
    reached.execute("SELECT 1")
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list and not caplog.records
    logging.getLogger("some.library").error("loud again")
    assert len(caplog.records) == 1


def test_closing_is_safe_at_any_time(library: Library) -> None:
    reached = driver("Redshift")
    reached.close()
    reached.connect()
    closed = library.closed
    library.close = lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    reached.close()
    reached.close()
    assert library.closed == closed


def test_the_error_for_a_missing_library_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redshift_connector", None)
    with pytest.raises(MissingLibrary, match="redshift-connector"):
        driver("Redshift").connect()
    monkeypatch.setitem(sys.modules, "snowflake.connector", None)
    with pytest.raises(MissingLibrary, match="snowflake-connector-python"):
        driver("Snowflake").connect()


# --- errors ---

STATEMENT = "CREATE USER u\nPASSWORD 'geheim;1' x"


def raised_error(platform: str, library: Library, error: Exception, **login: Any) -> ImmutaError:
    reached = driver(platform, secrets=("andere",), **login)
    reached.connect()
    library.answer = error
    with pytest.raises(ImmutaError) as caught:
        reached.execute(STATEMENT)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__  # no exception of the library is chained
    return caught.value


def test_a_redshift_error_keeps_code_and_line_and_loses_literals(library: Library) -> None:
    answer = {"S": "ERROR", "C": "42601", "M": 'syntax error at or near "geheim;1"', "D": "Key (andere) in u", "P": "25"}
    error = raised_error("Redshift", library, redshift_connector.ProgrammingError(answer))
    assert isinstance(error, SqlError)
    assert error.message == 'syntax error at or near "***". Key (<REDACTED>) in u'
    assert error.facts == {"code": "42601", "sqlstate": "42601", "query_id": None, "line": 2}


def test_a_snowflake_error_keeps_its_code_and_loses_literals(library: Library) -> None:
    text = "SQL compilation error:\nerror line 2 at position 3: 'u' or 'geheim;1' already exists"
    known = snowflake_errors.ProgrammingError(text, errno=2002, sqlstate="42710", sfqid="01")
    error = raised_error("Snowflake", library, known)
    assert isinstance(error, SqlError)
    assert error.message == "SQL compilation error: error line 2 at position 3: 'u' or '***' already exists"
    assert error.facts == {"code": "002002", "sqlstate": "42710", "query_id": "01", "line": 2}


def test_an_expired_snowflake_session_is_a_reported_error(library: Library) -> None:
    error = raised_error("Snowflake", library, snowflake_errors.ProgrammingError("Session no longer exists.", errno=390111))
    assert isinstance(error, SqlError) and error.facts["code"] == "390111"


@pytest.mark.parametrize(
    ("platform", "error"),
    [
        ("Redshift", redshift_connector.InterfaceError("BrokenPipe: server socket closed. geheim;1")),
        ("Redshift", TimeoutError("timed out")),
        ("Redshift", OSError(104, "Connection reset by peer")),
        ("Redshift", ValueError()),
        ("Snowflake", snowflake_errors.OperationalError("Failed to execute: geheim;1", errno=251011)),
        ("Snowflake", snowflake_errors.OperationalError("no number")),
        ("Snowflake", snowflake_errors.OperationalError("Query timed out after 3s", errno=14, sqlstate="HYT00")),
        ("Snowflake", UnicodeEncodeError("utf-8", "CREATE USER u PASSWORD 'geheim;1'", 3, 4, "surrogates not allowed")),
        ("Snowflake", OSError(104, "Connection reset by peer")),
    ],
)
def test_an_exception_without_an_answer_is_a_lost_answer(library: Library, platform: str, error: Exception) -> None:
    found = raised_error(platform, library, error)
    assert isinstance(found, AnswerLost)
    assert "the connection broke" in found.message and "geheim" not in found.message


@pytest.mark.parametrize(
    ("platform", "error", "code"),
    [
        ("Redshift", redshift_connector.ProgrammingError({"C": "28P01", "M": f"password authentication failed: {PASSWORD}"}), "28P01"),
        ("Redshift", redshift_connector.InterfaceError("communication error", ConnectionRefusedError(111, "Connection refused")), None),
        ("Snowflake", snowflake_errors.DatabaseError(f"Incorrect username or password: {PASSWORD!r}", errno=250001, sqlstate="08001"), None),
    ],
)
def test_the_error_for_a_failed_login_says_where_and_why_and_contains_no_secret(library: Library, platform: str, error: Exception, code: str | None) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        driver(platform, extra={"fail": error}).connect()
    assert f"{platform} at acme" in str(caught.value) and "cannot log in" in str(caught.value)
    assert PASSWORD not in str(caught.value) and repr(PASSWORD)[1:-1] not in str(caught.value)
    assert caught.value.facts.get("code") == code


@pytest.mark.parametrize(
    ("platform", "login", "target"),
    [
        ("Snowflake", {}, "snowflake acme.us-east-1"),
        ("Snowflake", {"account": None, "host": "ACME.us-east-1.snowflakecomputing.com"}, "snowflake acme.us-east-1"),
        ("Snowflake", {"host": "127.0.0.9"}, "snowflake 127.0.0.9"),
        ("Redshift", {}, "redshift acme.redshift.example:5439/dev"),
        ("Redshift", {"host": "ACME.redshift.example.", "port": 5439}, "redshift acme.redshift.example:5439/dev"),
        ("Redshift", {"database": "immuta"}, "redshift acme.redshift.example:5439/immuta"),
    ],
)
def test_spellings_of_one_address_have_one_target(platform: str, login: dict[str, Any], target: str) -> None:
    assert driver(platform, **login).target == target
