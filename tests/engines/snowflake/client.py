# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Snowflake engine as its user holds it."""

from __future__ import annotations

import json
import urllib.request
from contextlib import closing
from typing import Any

from ..engine import Engine

REFUSED = frozenset({390100, 390144, 390186, 390189})


class SnowflakeEngine(Engine):
    """A Snowflake account: an administrator with ACCOUNTADMIN, the warehouse COMPUTE_WH, no database but SNOWFLAKE."""

    kind = "snowflake"

    @property
    def account(self) -> str:
        return str(self._facts["account"])

    @property
    def warehouse(self) -> str:
        """The warehouse that a new account has."""
        return str(self._facts["warehouse"])

    @property
    def login(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "account": self.account,
            "username": self.admin_user,
            "password": self.admin_password,
            "role": str(self._facts["role"]),
            "warehouse": self.warehouse,
            "ssl": False,
        }

    def connect(self, user: str | None = None, password: str | None = None, **options: Any) -> Any:
        """A connection of `snowflake.connector`; as the administrator unless a user is given."""
        import snowflake.connector

        settings: dict[str, Any] = {"host": self.host, "port": self.port, "protocol": "http", "account": self.account}
        settings |= {"user": user or self.admin_user, "login_timeout": 10, "network_timeout": 20}
        if password is not None or user is None:
            settings["password"] = self.admin_password if password is None else password
        if user is None:
            settings |= {"role": self._facts["role"], "warehouse": self.warehouse}
        return snowflake.connector.connect(**(settings | options))

    def query(self, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement, asked as the administrator."""
        with closing(self.connect(**options)) as connection, closing(connection.cursor()) as cursor:
            return list(cursor.execute(sql).fetchall())

    def catalog(self) -> dict[str, Any]:
        """`{"databases": {name: {"owner", "schemas", "tables", ...}}, "roles", "users", "warehouses", "grants": [], "query_tags"}`."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"http://{self.host}:{self.port}/engine/catalog", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def can_login(self, user: str, password: str, database: str | None = None) -> bool:
        """As on the service, a database that is not there keeps nobody out."""
        import snowflake.connector

        try:
            self.connect(user, password, **({"database": database} if database else {})).close()
        except snowflake.connector.Error as error:
            if error.errno in REFUSED:
                return False
            raise
        return True
