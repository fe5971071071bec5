# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers have in common: the options of a login, what a driver is, a base for all of them, one for those on a DB-API library.

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

# Every option of `login`, for all platforms. Which platform takes which is said in `drivers`.
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


# Seconds that a client waits longer than the server takes, and those that are as good as no limit (a week, Snowflake's longest).
GRACE = 30
LONGEST = 7 * 24 * 3600


class Executed(NamedTuple):
    """What a statement gave. rows: affected or returned, None where the database does not say."""

    rows: int | None
    query_id: str | None


class Answered(NamedTuple):
    """What a database said against a statement. line or position: what it points at in the statement, from 1."""

    message: str
    code: str | None
    sqlstate: str | None
    line: int | None = None
    position: int | None = None
    query_id: str | None = None


class Driver(Protocol):
    """What the runner needs of a warehouse. A C(query) answers its first row, or None."""

    target: str

    def connect(self) -> None: ...

    def execute(self, text: str) -> Executed: ...

    def query(self, text: str) -> tuple[Any, ...] | None: ...

    def close(self) -> None: ...


class BaseDriver(ABC):
    """What all drivers have in common.

    login: the options as given, null pruned. Timeouts are in seconds, 0 is none. warn takes a sentence. secrets: what else must
    not show up in an error, such as the passwords in the script. reference: of the change, for the platform's own records.
    Raises OptionError at once for what is missing, unknown or does not fit; nothing is sent before connect().
    """

    platform: ClassVar[str]
    library: ClassVar[str]
    # option -> the library's own name for it; what is not here is not an option of the platform, unless it is in `own`
    arguments: ClassVar[Mapping[str, str]]
    own: ClassVar[frozenset[str]] = frozenset({"ssl", "ca_path", "extra"})

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
        given = (login[name] for name, option in LOGIN_SPEC.items() if option.get("no_log") and name in login)
        self._secrets = [*given, *find_secrets(login.get("extra", {})), *secrets]
        self._names = [value for name, value in login.items() if isinstance(value, str) and not LOGIN_SPEC.get(name, {}).get("no_log")]
        self._check_options()
        self.check()
        self.target = f"{self.platform} {self.address()}".lower()
        if not self.login.get("ssl", True):
            warn(f"The connection to {self.platform} is not encrypted: login.ssl is false.")

    # --- what differs from one platform to the next ---

    @abstractmethod
    def check(self) -> None:
        """Raise OptionError for a login that cannot work."""

    @abstractmethod
    def address(self) -> str:
        """Where it leads to, in words that stay the same from run to run."""

    @abstractmethod
    def load(self) -> Any:
        """The library, imported now."""

    @abstractmethod
    def open(self, library: Any) -> Any:
        """A connection in autocommit; what it has to be closed by is C(close())."""

    @abstractmethod
    def execute(self, text: str) -> Executed:
        """Have one statement executed."""

    @abstractmethod
    def query(self, text: str) -> tuple[Any, ...] | None:
        """The first row of a query."""

    @abstractmethod
    def answer(self, error: Exception) -> Answered | None:
        """What the database said, out of the library's exception; None when it did not answer."""

    def words(self, error: Exception) -> str:
        """What the library says itself, without what its exception may carry along: some hold the text that they could not send."""
        said = error.args if not isinstance(error, (UnicodeError, OSError)) else (str(error),)
        return ": ".join(str(part) for part in said) or type(error).__name__

    # --- what does not ---

    def connect(self) -> None:
        with _quiet():
            try:
                library = self.load()
            except ImportError:
                raise MissingLibrary(self.library, reason=f"to run scripts on {self.platform}") from None
            try:
                self._connection = self.open(library)
            except (OptionError, MissingLibrary):
                raise
            except Exception as error:
                answer = self.answer(error)
                facts = {"code": answer.code, "sqlstate": answer.sqlstate} if answer else {}
                raise ConnectionFailed(
                    f"{self.platform} at {self.address()}: no login: {self._masked(answer.message if answer else self.words(error)).rstrip('.')}.",
                    hint="Check host, port and credentials in login, and that the machine where the task runs may reach it.",
                    **facts,
                ) from None

    def close(self) -> None:
        connection, self._connection = self._connection, None
        # What the script did is done; a connection that cannot be closed well is nobody's concern.
        with _quiet(), suppress(Exception):
            if connection is not None:
                connection.close()

    @contextmanager
    def _guarded(self, text: str) -> Iterator[None]:
        """For one statement. Its errors come out as SqlError, silence as AnswerLost; the library's own never do."""
        try:
            with _quiet():
                yield
        except Exception as error:
            raise self._failure(error, text) from None

    def _failure(self, error: Exception, text: str) -> SqlError | AnswerLost:
        answer = self.answer(error)
        if answer is None:
            reason = self._masked(hide_literals(self.words(error), text, self.dialect))
            return AnswerLost(f"{self.platform} at {self.address()}: the connection broke: {reason}")
        line = text.count("\n", 0, answer.position - 1) + 1 if answer.position else answer.line
        facts: dict[str, Any] = {"code": answer.code, "sqlstate": answer.sqlstate, "query_id": answer.query_id, "line": line}
        return SqlError(self._masked(mask_message(answer.message, text, self.dialect, self._names)), **facts)

    def _masked(self, message: str) -> str:
        return shorten(str(mask(message, self._secrets)), 1000)

    def _outlast(self) -> int:
        """Seconds after which the client stops waiting: later than the server, which tells what became of the statement."""
        return self.statement_timeout + GRACE if self.statement_timeout else LONGEST

    def _check_options(self) -> None:
        for name in self.login:
            if name not in self.arguments and name not in self.own:
                raise OptionError(f"login.{name} is not an option of {self.platform}.", option=f"login.{name}")
        known = {**{argument: option for option, argument in self.arguments.items()}, **{option: option for option in LOGIN_SPEC}}
        for name in self.login.get("extra", {}):
            if name in known:
                raise OptionError(f"login.extra.{name} has an option of its own: login.{known[name]}.", option=f"login.extra.{name}")

    def _need(self, *names: str) -> None:
        """Raise OptionError unless one of these is given."""
        if not any(self.login.get(name) for name in names):
            listed = " or ".join(f"login.{name}" for name in names)
            raise OptionError(f"{listed} is needed to log in to {self.platform}.", option=f"login.{names[0]}")

    def _library_arguments(self) -> dict[str, Any]:
        """The login in the library's own words, what the user added last."""
        translated = {argument: self.login[option] for option, argument in self.arguments.items() if option in self.login}
        return {**translated, **self.login.get("extra", {})}


class DbApiDriver(BaseDriver):
    """A driver on a Python library of the DB-API 2.0."""

    def send(self, cursor: Any, text: str) -> None:
        """Have one statement executed. No parameters: that keeps a library from looking for their places in the text."""
        cursor.execute(text)

    def query_id(self, cursor: Any) -> str | None:
        """The database's own number for the statement that just ran."""
        return None

    def execute(self, text: str) -> Executed:
        with self._guarded(text), closing(self._connection.cursor()) as cursor:
            self.send(cursor, text)
            rows = cursor.rowcount
            return Executed(rows if isinstance(rows, int) and rows >= 0 else None, self.query_id(cursor))

    def query(self, text: str) -> tuple[Any, ...] | None:
        with self._guarded(text), closing(self._connection.cursor()) as cursor:
            self.send(cursor, text)
            row = cursor.fetchone()
            return None if row is None else tuple(row)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of what a library logs, warns or prints gets out: it may hold statements, and would spoil the module's result."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
