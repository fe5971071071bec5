# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver for Amazon Redshift, on redshift_connector.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any, ClassVar

from .._core.change import application_name
from .._core.errors import OptionError
from .driver_base import Answered, DbApiDriver


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


def _last_query_id(cursor: Any) -> Any:
    cursor.execute("SELECT pg_last_query_id()")
    return cursor.fetchone()[0]
