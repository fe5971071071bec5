# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver for Snowflake, on snowflake-connector-python.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from .._core.errors import OptionError
from .driver_base import DbApiDriver, ReportedError


class SnowflakeDriver(DbApiDriver):
    """Snowflake, with snowflake-connector-python 3.12 to 5.x."""

    platform = "Snowflake"
    library = "snowflake-connector-python"
    library_options: ClassVar[Mapping[str, str]] = {
        "host": "host",
        "port": "port",
        "account": "account",
        "username": "user",
        "password": "password",
        "role": "role",
        "warehouse": "warehouse",
        "database": "database",
        "token": "token",
        "authenticator": "authenticator",
    }
    other_options = DbApiDriver.other_options | {"private_key", "private_key_path", "private_key_passphrase"}
    AUTHENTICATORS = ("snowflake", "snowflake_jwt", "oauth")
    # The connector retries a statement for as long as the statement may take, and other requests (a cancellation) for this many seconds.
    RETRY_SECONDS = 20

    def check_login(self) -> None:
        self._require_one_of("account", "host")
        self.authenticator = str(self.login.get("authenticator", self._implied_authenticator())).lower()
        if self.authenticator == "externalbrowser":
            raise OptionError(
                "login.authenticator externalbrowser opens a browser and waits for a person, which a task cannot do.",
                hint="Use a key pair (login.private_key_path) or an OAuth token (login.token).",
                option="login.authenticator",
            )
        if self.authenticator not in self.AUTHENTICATORS:
            raise OptionError(f"login.authenticator must be one of {', '.join(self.AUTHENTICATORS)}.", option="login.authenticator")
        if self.authenticator == "oauth":
            self._require_one_of("token")
        else:
            self._require_one_of("username")
            self._require_one_of(*(("private_key_path", "private_key") if self.authenticator == "snowflake_jwt" else ("password",)))

    def address(self) -> str:
        return re.sub(r"\.snowflakecomputing\.\w+\.?$", "", str(self.login.get("host") or self.login["account"]).lower())

    def import_library(self) -> Any:
        import snowflake.connector

        return snowflake.connector

    def open_connection(self, library: Any) -> Any:
        # Otherwise the connector sends requests to find out which cloud it runs in, before it logs in.
        os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
        arguments = {
            "account": self.address(),
            "autocommit": True,
            "client_session_keep_alive": True,
            "client_store_temporary_credential": False,
            "login_timeout": self.connect_timeout or None,
            "protocol": "https" if self.login.get("ssl", True) else "http",
            **({"query_timeout": self._client_timeout()} if self._is_version_5_or_later(library) else {"network_timeout": self.RETRY_SECONDS}),
            **self._trust_arguments(library),
            **self._library_arguments(),
            "authenticator": self.authenticator.upper(),
        }
        if self.authenticator == "snowflake_jwt":
            arguments["private_key"] = self._private_key()
        arguments["session_parameters"] = {
            "CLIENT_TELEMETRY_ENABLED": False,
            "MULTI_STATEMENT_COUNT": 1,
            **({"QUERY_TAG": self._query_tag()} if self.reference else {}),
            **({"STATEMENT_TIMEOUT_IN_SECONDS": self.statement_timeout} if self.statement_timeout else {}),
            **(arguments.get("session_parameters") or {}),
        }
        self._timeout_argument = {} if self._is_version_5_or_later(library) else {"timeout": self._client_timeout()}
        return library.connect(**{name: value for name, value in arguments.items() if value is not None})

    def send_statement(self, cursor: Any, text: str) -> None:
        cursor.execute(text, **self._timeout_argument)

    def reported_error(self, error: Exception) -> ReportedError | None:
        number = getattr(error, "errno", None)
        query_id = getattr(error, "sfqid", None)
        # The connector numbers its own errors too. An error of Snowflake has a query ID, unless Snowflake no longer knows the session.
        if not isinstance(number, int) or not (query_id or 390000 <= number < 400000):
            return None
        state = getattr(error, "sqlstate", None)
        message = str(getattr(error, "raw_msg", None) or error)
        message = re.sub(r"^\d{6} \(\w+\):( [0-9a-f-]{36}:)?\s*", "", message)
        line = re.search(r"\bline (\d+) at position", message)
        return ReportedError(message, f"{number:06d}", state if state != "n/a" else None, int(line[1]) if line else None, query_id=query_id)

    def query_id(self, cursor: Any) -> str | None:
        return cursor.sfqid or None

    def _query_tag(self) -> str:
        """Return the tag for the query history: the change, and the job if AWX names one."""
        job = os.environ.get("JOB_ID")
        return json.dumps({"program": "community.immuta", "change_reference": self.reference, **({"job": job[:40]} if job else {})}, ensure_ascii=False)

    def _implied_authenticator(self) -> str:
        if "private_key" in self.login or "private_key_path" in self.login:
            return "snowflake_jwt"
        return "oauth" if "token" in self.login and "password" not in self.login else "snowflake"

    def _trust_arguments(self, library: Any) -> dict[str, Any]:
        """Return the arguments that set the trusted authorities. Only connector 5 has a parameter; older ones read a variable."""
        if "ca_path" not in self.login:
            return {}
        os.environ["REQUESTS_CA_BUNDLE"] = self.login["ca_path"]
        return {"custom_root_store_path": self.login["ca_path"]} if self._is_version_5_or_later(library) else {}

    @staticmethod
    def _is_version_5_or_later(library: Any) -> bool:
        return int(library.__version__.split(".")[0]) >= 5

    def _private_key(self) -> bytes:
        """Return the private key as DER without a passphrase, from PEM with or without one. Raise OptionError if that fails."""
        from cryptography.hazmat.primitives import serialization

        option = "private_key" if "private_key" in self.login else "private_key_path"
        passphrase = self.login.get("private_key_passphrase")
        try:
            pem = self.login["private_key"].encode() if option == "private_key" else _read_file(self.login["private_key_path"])
            key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a PEM key, or login.private_key_passphrase does not open it"
            raise OptionError(f"login.{option} cannot be used: {reason}.", option=f"login.{option}") from None
        return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _read_file(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
