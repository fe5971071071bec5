# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Synapse Analytics, dedicated SQL pools, by pymssql: batches, of which every result set is read to its end.

Source: Microsoft documentation, "Connect to SQL using pymssql"; FreeTDS User Guide, "The freetds.conf File".

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, ClassVar

from .._core.change import application_name
from .._core.errors import OptionError
from .._core.names import count
from .driver_base import Answered, DbApiDriver, Executed
from .tokenizer import significant_tokens

PORT = 1433
# From this severity on a message is an error.
ERROR = 11
# Where systems keep the authorities that they trust.
_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


class Unraised(Exception):
    """An error that came as a message only."""


class SynapseDriver(DbApiDriver):
    """Azure Synapse Analytics, with a SQL login."""

    platform = "Azure Synapse Analytics"
    library = "pymssql"
    arguments: ClassVar[Mapping[str, str]] = {"host": "server", "port": "port", "database": "database", "username": "user", "password": "password"}
    own = DbApiDriver.own | {"authenticator", "token"}

    def check(self) -> None:
        for option in ("authenticator", "token"):
            if option in self.login:
                raise OptionError(
                    f"login.{option}: signing in with Microsoft Entra ID is not possible here, as FreeTDS, beneath pymssql, does not know how.",
                    hint="Use a SQL login: login.username and login.password.",
                    option=f"login.{option}",
                )
        for option in ("host", "database", "username", "password"):
            self._need(option)
        if not re.fullmatch(r"[\w.-]+", str(self.login["host"])):
            raise OptionError("login.host has to be a host name alone.", option="login.host")

    def address(self) -> str:
        return f"{str(self.login['host']).lower().rstrip('.')}:{self.login.get('port', PORT)}/{self.login['database']}"

    def load(self) -> Any:
        import pymssql

        return pymssql

    def open(self, library: Any) -> Any:
        arguments = {
            "appname": application_name("community.immuta", self.reference, 128),
            "port": PORT,
            "tds_version": "7.4",
            "login_timeout": self.connect_timeout,
            "timeout": self.statement_timeout,
            "encryption": "require" if self.login.get("ssl", True) else "off",
            "conn_properties": "",  # a dedicated pool refuses what the library sends of itself
            **self._library_arguments(),
            "autocommit": True,
        }
        self._heard: list[tuple[int, int, str]] = []
        with self._configured(str(arguments["server"]), int(arguments["port"])):
            connection = library.connect(**arguments)
        connection._conn.set_msghandler(self._hear)
        return connection

    @contextmanager
    def _configured(self, host: str, port: int) -> Iterator[None]:
        """FreeTDS is told whom to trust in a file only. The section of the server's name keeps it from reading the user's own."""
        lines = ["[global]", *self._trust(), f"[{host}:{port}]", f"host = {host}", f"port = {port}", ""]
        before = os.environ.get("FREETDSCONF")
        with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
            file.write("\n".join(lines))
            file.flush()
            os.environ["FREETDSCONF"] = file.name
            try:
                yield
            finally:
                os.environ.pop("FREETDSCONF")
                if before is not None:
                    os.environ["FREETDSCONF"] = before

    def _trust(self) -> list[str]:
        if not self.login.get("ssl", True):
            return []
        named = self.login.get("ca_path") or os.environ.get("SSL_CERT_FILE")
        found = named or next(filter(os.path.isfile, (ssl.get_default_verify_paths().cafile or "", *_AUTHORITIES)), None)
        if found is None or "\n" in found or not os.path.isfile(found):
            raise OptionError(
                f"{found} is no file." if named else "There is no file with certificate authorities on this machine.",
                hint="Name one in login.ca_path.",
                option="login.ca_path",
            )
        # Without the first line FreeTDS would encrypt, and take any certificate.
        return [f"ca file = {found}", "check certificate hostname = yes"]

    # --- batches ---

    def execute(self, text: str) -> Executed:
        with self._guarded(text), closing(self._connection.cursor()) as cursor:
            self._begin(cursor, text)
            rows = cursor.rowcount if cursor.description is None else sum(1 for _row in cursor)
            self._drain(cursor)
        # Of several statements the last one's number would stand for all.
        return Executed(rows if rows >= 0 and _is_alone(text, self.dialect) else None, None)

    def query(self, text: str) -> tuple[Any, ...] | None:
        with self._guarded(text), closing(self._connection.cursor()) as cursor:
            self._begin(cursor, text)
            row = cursor.fetchone() if cursor.description is not None else None
            self._drain(cursor)
            return None if row is None else tuple(row)

    def _begin(self, cursor: Any, text: str) -> None:
        self._heard.clear()
        self.send(cursor, text)

    def _drain(self, cursor: Any) -> None:
        """Read on to the end: an error may come behind any result set, empty or not, or in the midst of its rows."""
        while cursor.nextset():
            pass
        for severity, _line, text in self._heard:
            if severity >= ERROR:
                raise Unraised(text)

    def _hear(self, _state: int, severity: int, _server: bytes, _procedure: bytes, line: int, text: bytes) -> None:
        """What the server says, errors among it."""
        self._heard.append((severity, line, text.decode("utf-8", "replace")))

    # --- what the server says ---

    def answer(self, error: Exception) -> Answered | None:
        if isinstance(error, Unraised):
            return Answered(str(error), None, None, self._line())
        number, text = _said(error)
        # The library speaks behind the server, and alone when there is no answer; its number may be an old one then.
        server = text.partition("DB-Lib error message")[0].strip()
        return Answered(server, str(number), None, self._line()) if server and number else None

    def words(self, error: Exception) -> str:
        """The library's own sentences, without its numbers."""
        sentences = re.split(r"DB-Lib error message \d+, severity \d+:\n", _said(error)[1])
        found = list(dict.fromkeys(sentence.strip() for sentence in sentences if sentence.strip())) or [super().words(error)]
        if self._connection is None and self.login.get("ssl", True):
            found.append("with login.ssl on, this is also how a certificate that is not trusted looks")
        if "timed out" in found[0] and self._connection is not None:
            found = [f"it was not over after {count(self.statement_timeout, 'second')} (statement_timeout)"]
        return "; ".join(found)

    def _line(self) -> int | None:
        """The line of the batch that the first error points at."""
        return next((line for severity, line, _text in self._heard if severity >= ERROR and line > 0), None)


def _said(error: Exception) -> tuple[int | None, str]:
    """Number and text of a pymssql exception, whose arguments are these, or a pair of them."""
    arguments = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], tuple) else error.args
    if len(arguments) == 2 and isinstance(arguments[1], bytes):
        return int(arguments[0]), arguments[1].decode("utf-8", "replace")
    return None, ""


def _is_alone(text: str, dialect: str) -> bool:
    """Whether a batch is one statement, as far as semicolons tell."""
    return not any(token.key == ";" for token in significant_tokens(text, dialect)[:-1])
