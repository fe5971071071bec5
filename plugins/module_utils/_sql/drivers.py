# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach a warehouse: one small class a platform, in the table DRIVERS.

A driver sends one statement at a time, in autocommit, exactly as it is written, and says what came back. What it raises is
safe to show: no statement, no literal, no secret of the login. The libraries are imported when a connection is opened.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any, ClassVar

from .._core.change import application_name
from .._core.errors import OptionError
from .base import Answered, BaseDriver, DbApiDriver
from .databricks import DatabricksDriver
from .synapse import SynapseDriver


class SnowflakeDriver(DbApiDriver):
    """Snowflake, by snowflake-connector-python 3.12 to 5.x."""

    platform = "Snowflake"
    library = "snowflake-connector-python"
    arguments: ClassVar[Mapping[str, str]] = {
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
    own = DbApiDriver.own | {"private_key", "private_key_path", "private_key_passphrase"}
    AUTHENTICATORS = ("snowflake", "snowflake_jwt", "oauth")
    # The connector tries again for as long as a statement may take; what else it asks (a cancellation) gets this many seconds.
    PATIENCE = 20

    def check(self) -> None:
        self._need("account", "host")
        self.authenticator = str(self.login.get("authenticator", self._implied_authenticator())).lower()
        if self.authenticator == "externalbrowser":
            raise OptionError(
                "login.authenticator externalbrowser opens a browser and waits for a person, which a task cannot do.",
                hint="Use a key pair (login.private_key_path) or an OAuth token (login.token).",
                option="login.authenticator",
            )
        if self.authenticator not in self.AUTHENTICATORS:
            raise OptionError(f"login.authenticator has to be one of {', '.join(self.AUTHENTICATORS)}.", option="login.authenticator")
        if self.authenticator == "oauth":
            self._need("token")
        else:
            self._need("username")
            self._need(*(("private_key_path", "private_key") if self.authenticator == "snowflake_jwt" else ("password",)))

    def address(self) -> str:
        return re.sub(r"\.snowflakecomputing\.\w+\.?$", "", str(self.login.get("host") or self.login["account"]).lower())

    def load(self) -> Any:
        import snowflake.connector

        return snowflake.connector

    def open(self, library: Any) -> Any:
        # The connector would ask around for the cloud that it runs in, before it logs in.
        os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
        arguments = {
            "account": self.address(),
            "autocommit": True,
            "client_session_keep_alive": True,
            "client_store_temporary_credential": False,
            "login_timeout": self.connect_timeout or None,
            "protocol": "https" if self.login.get("ssl", True) else "http",
            **({"query_timeout": self._outlast()} if self._is_new(library) else {"network_timeout": self.PATIENCE}),
            **self._trust(library),
            **self._library_arguments(),
            "authenticator": self.authenticator.upper(),
        }
        if self.authenticator == "snowflake_jwt":
            arguments["private_key"] = self._private_key()
        arguments["session_parameters"] = {
            "CLIENT_TELEMETRY_ENABLED": False,
            "MULTI_STATEMENT_COUNT": 1,
            **({"QUERY_TAG": self._tag()} if self.reference else {}),
            **({"STATEMENT_TIMEOUT_IN_SECONDS": self.statement_timeout} if self.statement_timeout else {}),
            **(arguments.get("session_parameters") or {}),
        }
        self._limit = {} if self._is_new(library) else {"timeout": self._outlast()}
        return library.connect(**{name: value for name, value in arguments.items() if value is not None})

    def send(self, cursor: Any, text: str) -> None:
        cursor.execute(text, **self._limit)

    def answer(self, error: Exception) -> Answered | None:
        number = getattr(error, "errno", None)
        query_id = getattr(error, "sfqid", None)
        # The connectors number their own troubles, too. Snowflake's answers have a query ID, unless it no longer knows the session.
        if not isinstance(number, int) or not (query_id or 390000 <= number < 400000):
            return None
        state = getattr(error, "sqlstate", None)
        message = str(getattr(error, "raw_msg", None) or error)
        message = re.sub(r"^\d{6} \(\w+\):( [0-9a-f-]{36}:)?\s*", "", message)
        line = re.search(r"\bline (\d+) at position", message)
        return Answered(message, f"{number:06d}", state if state != "n/a" else None, int(line[1]) if line else None, query_id=query_id)

    def query_id(self, cursor: Any) -> str | None:
        return cursor.sfqid or None

    def _tag(self) -> str:
        """What the query history shows: the change, and the job where AWX names it."""
        job = os.environ.get("JOB_ID")
        return json.dumps({"program": "community.immuta", "change_reference": self.reference, **({"job": job[:40]} if job else {})}, ensure_ascii=False)

    def _implied_authenticator(self) -> str:
        if "private_key" in self.login or "private_key_path" in self.login:
            return "snowflake_jwt"
        return "oauth" if "token" in self.login and "password" not in self.login else "snowflake"

    def _trust(self, library: Any) -> dict[str, Any]:
        """Whom to trust instead of the public authorities: connector 5 has a parameter, the others read a variable."""
        if "ca_path" not in self.login:
            return {}
        os.environ["REQUESTS_CA_BUNDLE"] = self.login["ca_path"]
        return {"custom_root_store_path": self.login["ca_path"]} if self._is_new(library) else {}

    @staticmethod
    def _is_new(library: Any) -> bool:
        return int(library.__version__.split(".")[0]) >= 5

    def _private_key(self) -> bytes:
        """The key as the connector wants it, DER without a passphrase, from PEM with or without one."""
        from cryptography.hazmat.primitives import serialization

        option = "private_key" if "private_key" in self.login else "private_key_path"
        passphrase = self.login.get("private_key_passphrase")
        try:
            pem = self.login["private_key"].encode() if option == "private_key" else _read(self.login["private_key_path"])
            key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no PEM key, or login.private_key_passphrase does not open it"
            raise OptionError(f"login.{option} cannot be used: {reason}.", option=f"login.{option}") from None
        return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class RedshiftDriver(DbApiDriver):
    """Amazon Redshift, by redshift_connector: a database user, IAM, or Okta."""

    platform = "Redshift"
    library = "redshift-connector"
    arguments: ClassVar[Mapping[str, str]] = {
        "host": "host",
        "port": "port",
        "database": "database",
        "username": "user",
        "password": "password",
        "iam": "iam",
        "profile": "profile",
        "region": "region",
        "cluster_identifier": "cluster_identifier",
        "db_user": "db_user",
        "access_key_id": "access_key_id",
        "secret_access_key": "secret_access_key",
        "session_token": "session_token",
        "serverless_work_group": "serverless_work_group",
        "serverless_acct_id": "serverless_acct_id",
        "okta_idp_host": "idp_host",
        "okta_app_id": "app_id",
        "okta_app_name": "app_name",
        "okta_role": "preferred_role",
    }

    def check(self) -> None:
        login = self.login
        okta = [name for name in login if name.startswith("okta_")]
        self.iam = bool(login.get("iam") or okta)
        self._need("database")
        if okta:
            self._need("okta_idp_host")
            self._need("okta_app_id")
        if self.iam:
            self._need("cluster_identifier", "serverless_work_group", "host")
        else:
            self._need("host")
        if okta or not self.iam:
            self._need("username")
            self._need("password")
        if self.iam and not login.get("ssl", True):
            raise OptionError("login.ssl has to stay on with IAM and Okta.", option="login.ssl")

    def address(self) -> str:
        login = self.login
        host = login.get("host") or login.get("cluster_identifier") or login.get("serverless_work_group")
        return f"{str(host).lower().rstrip('.')}:{login.get('port', 5439)}/{login['database']}"

    def load(self) -> Any:
        import redshift_connector

        return redshift_connector

    def open(self, library: Any) -> Any:
        login = self.login
        encrypted = login.get("ssl", True)
        if "ca_path" in login:
            # The library has no option for it; OpenSSL, beneath it, reads this variable.
            os.environ["SSL_CERT_FILE"] = login["ca_path"]
        arguments = {
            "application_name": application_name("community.immuta", self.reference, 63),
            "tcp_keepalive": True,
            **({"timeout": self.connect_timeout} if self.connect_timeout else {}),
            **({"credentials_provider": "OktaCredentialsProvider"} if "okta_idp_host" in login else {}),
            **({"is_serverless": True} if "serverless_work_group" in login else {}),
            **({"sslmode": "verify-full"} if encrypted else {}),
            **self._library_arguments(),
            "iam": self.iam,
            "ssl": encrypted,
        }
        connection = library.connect(**arguments)
        try:
            return self._prepare(connection)
        except BaseException:
            connection.close()
            raise

    def _prepare(self, connection: Any) -> Any:
        connection.autocommit = True
        plug = getattr(connection, "_usock", None)
        if isinstance(plug, socket.socket):
            # The time limit of the login must not become one for statements.
            plug.settimeout(self._outlast())
        with closing(connection.cursor()) as cursor:
            if self.statement_timeout:
                cursor.execute(f"SET statement_timeout TO {self.statement_timeout * 1000}")
            try:
                self._last_query_id = _last_query_id(cursor)
                self._counts_queries = True
            except Exception:  # not every server has the function
                self._counts_queries = False
        return connection

    def answer(self, error: Exception) -> Answered | None:
        fields = error.args[0] if error.args else None
        if not isinstance(fields, dict):
            return None
        # Message, detail, hint, code and position, by the letters of the PostgreSQL protocol.
        message = ". ".join(fields[letter].rstrip(".") for letter in "MDH" if fields.get(letter))
        position = fields.get("P", "")
        return Answered(message, fields.get("C"), fields.get("C"), position=int(position) if position.isdigit() else None)

    def query_id(self, cursor: Any) -> str | None:
        """Only statements that reached the compute nodes have a number; for the others the function repeats the last one."""
        if not self._counts_queries:
            return None
        before = self._last_query_id
        with suppress(Exception):  # the statement ran, whatever becomes of this question
            self._last_query_id = _last_query_id(cursor)
        return str(self._last_query_id) if self._last_query_id not in (before, -1) else None


# Who adds a warehouse adds its class here, its options to LOGIN_SPEC, and its list to `classify`.
DRIVERS: dict[str, type[BaseDriver]] = {driver.platform: driver for driver in (SnowflakeDriver, RedshiftDriver, DatabricksDriver, SynapseDriver)}


def _last_query_id(cursor: Any) -> Any:
    cursor.execute("SELECT pg_last_query_id()")
    return cursor.fetchone()[0]


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()
