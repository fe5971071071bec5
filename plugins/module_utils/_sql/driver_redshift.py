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
from .driver_base import DbApiDriver, ReportedError


class RedshiftDriver(DbApiDriver):
    """Amazon Redshift, with redshift_connector. It signs in as a database user, or with IAM or Okta."""

    platform = "Redshift"
    library = "redshift-connector"
    library_options: ClassVar[Mapping[str, str]] = {
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

    def check_login(self) -> None:
        login = self.login
        okta = [name for name in login if name.startswith("okta_")]
        self.iam = bool(login.get("iam") or okta)
        self._require_one_of("database")
        if okta:
            self._require_one_of("okta_idp_host")
            self._require_one_of("okta_app_id")
        if self.iam:
            self._require_one_of("cluster_identifier", "serverless_work_group", "host")
        else:
            self._require_one_of("host")
        if okta or not self.iam:
            self._require_one_of("username")
            self._require_one_of("password")
        if self.iam and not login.get("ssl", True):
            raise OptionError("login.ssl must stay on with IAM and Okta.", option="login.ssl")

    def address(self) -> str:
        login = self.login
        host = login.get("host") or login.get("cluster_identifier") or login.get("serverless_work_group")
        return f"{str(host).lower().rstrip('.')}:{login.get('port', 5439)}/{login['database']}"

    def import_library(self) -> Any:
        import redshift_connector

        return redshift_connector

    def open_connection(self, library: Any) -> Any:
        login = self.login
        encrypted = login.get("ssl", True)
        if "ca_path" in login:
            # The library has no option for this. OpenSSL, which it uses, reads this variable.
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
            return self._prepared(connection)
        except BaseException:
            connection.close()
            raise

    def _prepared(self, connection: Any) -> Any:
        connection.autocommit = True
        socket_of_connection = getattr(connection, "_usock", None)
        if isinstance(socket_of_connection, socket.socket):
            # The time limit of the login must not apply to statements.
            socket_of_connection.settimeout(self._client_timeout())
        with closing(connection.cursor()) as cursor:
            if self.statement_timeout:
                cursor.execute(f"SET statement_timeout TO {self.statement_timeout * 1000}")
            try:
                self._last_query_id = _last_query_id(cursor)
                self._has_query_ids = True
            except Exception:  # some servers do not have the function
                self._has_query_ids = False
        return connection

    def reported_error(self, error: Exception) -> ReportedError | None:
        fields = error.args[0] if error.args else None
        if not isinstance(fields, dict):
            return None
        # The PostgreSQL protocol has letters for message (M), detail (D), hint (H), code (C) and position (P).
        message = ". ".join(fields[letter].rstrip(".") for letter in "MDH" if fields.get(letter))
        position = fields.get("P", "")
        return ReportedError(message, fields.get("C"), fields.get("C"), position=int(position) if position.isdigit() else None)

    def query_id(self, cursor: Any) -> str | None:
        """Return the ID, which only statements on the compute nodes have. After others, the function returns the previous ID again."""
        if not self._has_query_ids:
            return None
        before = self._last_query_id
        with suppress(Exception):  # the statement has run, even if this query fails
            self._last_query_id = _last_query_id(cursor)
        return str(self._last_query_id) if self._last_query_id not in (before, -1) else None


def _last_query_id(cursor: Any) -> Any:
    cursor.execute("SELECT pg_last_query_id()")
    return cursor.fetchone()[0]
