# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver for dedicated SQL pools of Azure Synapse Analytics, on pymssql. It reads every result set of a batch to its end.

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
from .driver_base import DbApiDriver, ReportedError, StatementResult
from .tokenizer import significant_tokens

PORT = 1433
# A message with at least this severity is an error.
ERROR_SEVERITY = 11
# Files in which operating systems keep their trusted certificate authorities
_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


class UnraisedError(Exception):
    """An error that the server sent as a message, and that pymssql did not raise."""


class SynapseDriver(DbApiDriver):
    """Azure Synapse Analytics, with a SQL login."""

    platform = "Azure Synapse Analytics"
    library = "pymssql"
    library_options: ClassVar[Mapping[str, str]] = {"host": "server", "port": "port", "database": "database", "username": "user", "password": "password"}
    other_options = DbApiDriver.other_options | {"authenticator", "token"}

    def check_login(self) -> None:
        for option in ("authenticator", "token"):
            if option in self.login:
                raise OptionError(
                    f"login.{option}: signing in with Microsoft Entra ID is not possible here, because FreeTDS, which pymssql uses, does not support it.",
                    hint="Use a SQL login: login.username and login.password.",
                    option=f"login.{option}",
                )
        for option in ("host", "database", "username", "password"):
            self._require_one_of(option)
        if not re.fullmatch(r"[\w.-]+", str(self.login["host"])):
            raise OptionError("login.host must be a host name and nothing else.", option="login.host")

    def address(self) -> str:
        return f"{str(self.login['host']).lower().rstrip('.')}:{self.login.get('port', PORT)}/{self.login['database']}"

    def import_library(self) -> Any:
        import pymssql

        return pymssql

    def open_connection(self, library: Any) -> Any:
        arguments = {
            "appname": application_name("community.immuta", self.reference, 128),
            "port": PORT,
            "tds_version": "7.4",
            "login_timeout": self.connect_timeout,
            "timeout": self.statement_timeout,
            "encryption": "require" if self.login.get("ssl", True) else "off",
            "conn_properties": "",  # a dedicated pool refuses the library's default settings
            **self._library_arguments(),
            "autocommit": True,
        }
        self._messages: list[tuple[int, int, str]] = []
        with self._freetds_configured(str(arguments["server"]), int(arguments["port"])):
            connection = library.connect(**arguments)
        connection._conn.set_msghandler(self._keep_message)
        return connection

    @contextmanager
    def _freetds_configured(self, host: str, port: int) -> Iterator[None]:
        """Provide a configuration file, the only way to set FreeTDS' trusted authorities. With a section for the server, it ignores the user's file."""
        lines = ["[global]", *self._trust_lines(), f"[{host}:{port}]", f"host = {host}", f"port = {port}", ""]
        previous = os.environ.get("FREETDSCONF")
        with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as file:
            file.write("\n".join(lines))
            file.flush()
            os.environ["FREETDSCONF"] = file.name
            try:
                yield
            finally:
                os.environ.pop("FREETDSCONF")
                if previous is not None:
                    os.environ["FREETDSCONF"] = previous

    def _trust_lines(self) -> list[str]:
        if not self.login.get("ssl", True):
            return []
        configured = self.login.get("ca_path") or os.environ.get("SSL_CERT_FILE")
        ca_file = configured or next(filter(os.path.isfile, (ssl.get_default_verify_paths().cafile or "", *_CA_FILES)), None)
        if ca_file is None or "\n" in ca_file or not os.path.isfile(ca_file):
            raise OptionError(
                f"{ca_file} is not a file." if configured else "There is no file with certificate authorities on this machine.",
                hint="Name one in login.ca_path.",
                option="login.ca_path",
            )
        # Without the first line, FreeTDS would encrypt the connection but accept any certificate.
        return [f"ca file = {ca_file}", "check certificate hostname = yes"]

    # --- batches ---

    def execute(self, text: str) -> StatementResult:
        with self._errors_translated(text), closing(self._connection.cursor()) as cursor:
            self._send(cursor, text)
            rows = cursor.rowcount if cursor.description is None else sum(1 for _row in cursor)
            self._read_to_end(cursor)
        # For several statements, the row count would be that of the last one.
        return StatementResult(rows if rows >= 0 and _is_one_statement(text, self.dialect) else None, None)

    def query(self, text: str) -> tuple[Any, ...] | None:
        with self._errors_translated(text), closing(self._connection.cursor()) as cursor:
            self._send(cursor, text)
            row = cursor.fetchone() if cursor.description is not None else None
            self._read_to_end(cursor)
            return None if row is None else tuple(row)

    def _send(self, cursor: Any, text: str) -> None:
        self._messages.clear()
        self.send_statement(cursor, text)

    def _read_to_end(self, cursor: Any) -> None:
        """Read to the end and raise UnraisedError for an error. One may come after any result set, even an empty one, or between its rows."""
        while cursor.nextset():
            pass
        for severity, _line, text in self._messages:
            if severity >= ERROR_SEVERITY:
                raise UnraisedError(text)

    def _keep_message(self, _state: int, severity: int, _server: bytes, _procedure: bytes, line: int, text: bytes) -> None:
        """Keep a message of the server. Errors come this way, too."""
        self._messages.append((severity, line, text.decode("utf-8", "replace")))

    # --- what the server says ---

    def reported_error(self, error: Exception) -> ReportedError | None:
        if isinstance(error, UnraisedError):
            return ReportedError(str(error), None, None, self._error_line())
        number, text = _number_and_text(error)
        # The library's message follows the server's. If the server did not answer, it is alone, and the number may be an old one.
        server = text.partition("DB-Lib error message")[0].strip()
        return ReportedError(server, str(number), None, self._error_line()) if server and number else None

    def library_message(self, error: Exception) -> str:
        """Return the library's own sentences, without its numbers."""
        sentences = re.split(r"DB-Lib error message \d+, severity \d+:\n", _number_and_text(error)[1])
        reasons = list(dict.fromkeys(sentence.strip() for sentence in sentences if sentence.strip())) or [super().library_message(error)]
        if self._connection is None and self.login.get("ssl", True):
            reasons.append("with login.ssl on, a certificate that is not trusted also causes this error")
        if "timed out" in reasons[0] and self._connection is not None:
            reasons = [f"it had not finished after {count(self.statement_timeout, 'second')} (statement_timeout)"]
        return "; ".join(reasons)

    def _error_line(self) -> int | None:
        """Return the line of the batch in which the first error is, or None."""
        return next((line for severity, line, _text in self._messages if severity >= ERROR_SEVERITY and line > 0), None)


def _number_and_text(error: Exception) -> tuple[int | None, str]:
    """Return the number and the text of a pymssql exception. They are its arguments, or a pair in its first argument."""
    arguments = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], tuple) else error.args
    if len(arguments) == 2 and isinstance(arguments[1], bytes):
        return int(arguments[0]), arguments[1].decode("utf-8", "replace")
    return None, ""


def _is_one_statement(text: str, dialect: str) -> bool:
    """Whether a batch is one statement, judged by its semicolons."""
    return not any(token.key == ";" for token in significant_tokens(text, dialect)[:-1])
