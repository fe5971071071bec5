# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the drivers: the options of a login, the Driver protocol, and the base classes. One is for drivers on a DB-API library.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import io
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, ClassVar, NamedTuple, Protocol

from .._core.errors import AnswerLost, ConnectionFailed, MissingLibrary, OptionError, SqlError, shorten
from .._core.secrets import find_secrets, mask
from .masker import hide_literals, mask_message
from .tokenizer import DIALECT_OF

Login = Mapping[str, Any]

# Every option of `login`, for all platforms. Each driver class lists the options that its platform accepts.
LOGIN_SPEC: dict[str, dict[str, Any]] = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "database": {"type": "str"},
    "username": {"type": "str", "aliases": ["user"]},
    "password": {"type": "str", "no_log": True},
    "account": {"type": "str"},
    "warehouse": {"type": "str"},
    "http_path": {"type": "str"},
    "role": {"type": "str"},
    "authenticator": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "private_key": {"type": "str", "no_log": True},
    "private_key_path": {"type": "path", "no_log": False},
    "private_key_passphrase": {"type": "str", "no_log": True},
    "iam": {"type": "bool"},
    "profile": {"type": "str"},
    "region": {"type": "str"},
    "cluster_identifier": {"type": "str"},
    "db_user": {"type": "str"},
    "access_key_id": {"type": "str", "no_log": True},
    "secret_access_key": {"type": "str", "no_log": True},
    "session_token": {"type": "str", "no_log": True},
    "serverless_work_group": {"type": "str"},
    "serverless_acct_id": {"type": "str"},
    "okta_idp_host": {"type": "str"},
    "okta_app_id": {"type": "str"},
    "okta_app_name": {"type": "str"},
    "okta_role": {"type": "str"},
    "ssl": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "extra": {"type": "dict"},
}


# A client waits this many seconds longer than the statement may take on the server.
GRACE_SECONDS = 30
# Stands for no time limit: a week, the longest limit of Snowflake.
NO_LIMIT_SECONDS = 7 * 24 * 3600


class StatementResult(NamedTuple):
    """The result of a statement. rows: affected or returned, or None if the database does not say."""

    rows: int | None
    query_id: str | None


class ReportedError(NamedTuple):
    """An error that the database reported for a statement. line or position: of the error in the statement, from 1."""

    message: str
    code: str | None
    sqlstate: str | None
    line: int | None = None
    position: int | None = None
    query_id: str | None = None


class Driver(Protocol):
    """What the runner needs from a warehouse. C(query) returns the first row, or None."""

    target: str

    def connect(self) -> None:
        """Sign in."""

    def execute(self, text: str) -> StatementResult:
        """Run one statement."""

    def query(self, text: str) -> tuple[Any, ...] | None:
        """Return the first row, or None."""

    def close(self) -> None:
        """End the connection."""


class BaseDriver(ABC):
    """The base of all drivers.

    login: the options of the task, without null values. Timeouts are in seconds; 0 means no limit. warn takes a sentence. secrets:
    more values to mask in errors, such as the passwords in the script. reference: of the change, for the platform's records.
    Creating a driver raises OptionError if an option is missing, unknown or invalid, and sends nothing.
    """

    platform: ClassVar[str]
    library: ClassVar[str]
    # option -> the library's name for it. The platform accepts only these options and those in `other_options`.
    library_options: ClassVar[Mapping[str, str]]
    other_options: ClassVar[frozenset[str]] = frozenset({"ssl", "ca_path", "extra"})

    def __init__(
        self,
        login: Login,
        *,
        connect_timeout: int,
        statement_timeout: int,
        warn: Callable[[str], None],
        secrets: tuple[str, ...] = (),
        reference: str = "",
    ) -> None:
        self.login = dict(login)
        self.connect_timeout = connect_timeout
        self.statement_timeout = statement_timeout
        self.reference = reference
        self.dialect = DIALECT_OF[self.platform]
        self._warn = warn
        self._connection: Any = None
        login_secrets = (login[name] for name, option in LOGIN_SPEC.items() if option.get("no_log") and name in login)
        self._secrets = [*login_secrets, *find_secrets(login.get("extra", {})), *secrets]
        self._known_names = [value for name, value in login.items() if isinstance(value, str) and not LOGIN_SPEC.get(name, {}).get("no_log")]
        self._check_options()
        self.check_login()
        self.target = f"{self.platform} {self.address()}".lower()
        if not self.login.get("ssl", True):
            warn(f"The connection to {self.platform} is not encrypted: login.ssl is false.")

    # --- what each platform implements ---

    @abstractmethod
    def check_login(self) -> None:
        """Raise OptionError if the login cannot work."""

    @abstractmethod
    def address(self) -> str:
        """Return the address of the database as text. It must be the same in every run, because ledgers contain it."""

    @abstractmethod
    def import_library(self) -> Any:
        """Import and return the library."""

    @abstractmethod
    def open_connection(self, library: Any) -> Any:
        """Return a connection in autocommit mode, which C(close()) closes."""

    @abstractmethod
    def execute(self, text: str) -> StatementResult:
        """Execute one statement. Raise SqlError if it fails, or AnswerLost if no answer comes."""

    @abstractmethod
    def query(self, text: str) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None. Raise SqlError if it fails, or AnswerLost if no answer comes."""

    @abstractmethod
    def reported_error(self, error: Exception) -> ReportedError | None:
        """Return the error that the database reported, from the library's exception. Return None if the database did not answer."""

    def library_message(self, error: Exception) -> str:
        """Return the library's own message. Other attributes of an exception may contain the text that could not be sent."""
        parts = error.args if not isinstance(error, (UnicodeError, OSError)) else (str(error),)
        return ": ".join(str(part) for part in parts) or type(error).__name__

    # --- what all platforms share ---

    def connect(self) -> None:
        with _silenced():
            try:
                library = self.import_library()
            except ImportError:
                raise MissingLibrary(self.library, reason=f"to run scripts on {self.platform}") from None
            try:
                self._connection = self.open_connection(library)
            except (OptionError, MissingLibrary):
                raise
            except Exception as error:
                reported = self.reported_error(error)
                facts = {"code": reported.code, "sqlstate": reported.sqlstate} if reported else {}
                reason = self._masked(reported.message if reported else self.library_message(error)).rstrip(".")
                raise ConnectionFailed(
                    f"{self.platform} at {self.address()}: cannot log in: {reason}.",
                    hint="Check host, port and credentials in login, and that the machine where the task runs can reach the platform.",
                    **facts,
                ) from None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        # The result of the script does not depend on whether the connection closes cleanly.
        with _silenced(), suppress(Exception):
            if connection is not None:
                connection.close()

    @contextmanager
    def _errors_translated(self, text: str) -> Iterator[None]:
        """Raise SqlError or AnswerLost instead of any exception of the library, for one statement."""
        try:
            with _silenced():
                yield
        except Exception as error:
            raise self._translate_error(error, text) from None

    def _translate_error(self, error: Exception, text: str) -> SqlError | AnswerLost:
        reported = self.reported_error(error)
        if reported is None:
            reason = self._masked(hide_literals(self.library_message(error), text, self.dialect))
            return AnswerLost(f"{self.platform} at {self.address()}: the connection broke: {reason}")
        line = text.count("\n", 0, reported.position - 1) + 1 if reported.position else reported.line
        facts: dict[str, Any] = {"code": reported.code, "sqlstate": reported.sqlstate, "query_id": reported.query_id, "line": line}
        return SqlError(self._masked(mask_message(reported.message, text, self.dialect, self._known_names)), **facts)

    def _masked(self, message: str) -> str:
        return shorten(str(mask(message, self._secrets)), 1000)

    def _client_timeout(self) -> int:
        """Return the seconds that the client waits. They are more than the server's limit, so that the server can report the result."""
        return self.statement_timeout + GRACE_SECONDS if self.statement_timeout else NO_LIMIT_SECONDS

    def _check_options(self) -> None:
        for name in self.login:
            if name not in self.library_options and name not in self.other_options:
                raise OptionError(f"login.{name} is not an option of {self.platform}.", option=f"login.{name}")
        known = {**{argument: option for option, argument in self.library_options.items()}, **{option: option for option in LOGIN_SPEC}}
        for name in self.login.get("extra", {}):
            if name in known:
                raise OptionError(f"login.extra.{name} must be set with the option login.{known[name]}.", option=f"login.extra.{name}")

    def _require_one_of(self, *names: str) -> None:
        """Raise OptionError unless the login has one of these options."""
        if not any(self.login.get(name) for name in names):
            listed = " or ".join(f"login.{name}" for name in names)
            raise OptionError(f"{listed} is needed to log in to {self.platform}.", option=f"login.{names[0]}")

    def _library_arguments(self) -> dict[str, Any]:
        """Return the login as arguments of the library. The values of login.extra come last."""
        translated = {argument: self.login[option] for option, argument in self.library_options.items() if option in self.login}
        return {**translated, **self.login.get("extra", {})}


class DbApiDriver(BaseDriver):
    """The base of drivers on a Python library with the DB-API 2.0."""

    def send_statement(self, cursor: Any, text: str) -> None:
        """Execute one statement. Without parameters, a library does not search the text for placeholders."""
        cursor.execute(text)

    def query_id(self, cursor: Any) -> str | None:
        """Return the database's ID of the statement that just ran, or None."""
        return None

    def execute(self, text: str) -> StatementResult:
        with self._errors_translated(text), closing(self._connection.cursor()) as cursor:
            self.send_statement(cursor, text)
            row_count = cursor.rowcount
            return StatementResult(row_count if isinstance(row_count, int) and row_count >= 0 else None, self.query_id(cursor))

    def query(self, text: str) -> tuple[Any, ...] | None:
        with self._errors_translated(text), closing(self._connection.cursor()) as cursor:
            self.send_statement(cursor, text)
            row = cursor.fetchone()
            return None if row is None else tuple(row)


@contextmanager
def _silenced() -> Iterator[None]:
    """Suppress everything that a library logs, warns or prints. It may contain statements, and would corrupt the module's result."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
