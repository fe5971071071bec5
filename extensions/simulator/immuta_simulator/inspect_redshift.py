# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redshift, by the vendor's own driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .documents import value_at
from .scripts import impersonation_role
from .validation import Failed
from .warehouse import LOGIN_SECONDS, Warehouse, WarehouseError

SCHEMAS = ("immuta_system", "immuta_functions", "immuta_procedures")
TABLES = ("profiles", "allow_list", "version", "current_profile")
HELD = """
    SELECT n.nspname, c.relname FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid
    WHERE n.nspname LIKE 'immuta_%'"""
RIGHTS = """
    SELECT has_schema_privilege(current_user, 'immuta_system', 'CREATE')
       AND has_table_privilege(current_user, 'immuta_system.profiles', 'INSERT')
       AND has_table_privilege(current_user, 'immuta_system.version', 'SELECT')"""


class RedshiftWarehouse(Warehouse):
    library, extra = "redshift_connector", "redshift"

    @property
    def outside(self) -> str:  # type: ignore[override]  # here it is a setting
        return str(self.config["initialDatabase"])

    @property
    def inside(self) -> str:  # type: ignore[override]  # so it is here
        return str(self.config["database"])

    @classmethod
    def new_account(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        account = super().new_account(config)
        return {**account, "username": account["username"].lower()}

    def connect(self, database: str) -> Any:
        import redshift_connector

        try:
            self._connection = redshift_connector.connect(
                host=self.place.address,
                port=self.place.port,
                database=database,
                user=str(self.login["username"]),
                password=str(self.login["password"]),
                ssl=self.place.ssl,
                timeout=LOGIN_SECONDS,
            )
        except (redshift_connector.error.Error, OSError) as error:
            raise WarehouseError(_message(error)) from None
        self._connection.autocommit = True
        return self.execute("SELECT 1")

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        import redshift_connector

        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        except (redshift_connector.error.Error, OSError) as error:
            raise WarehouseError(_message(error)) from None
        finally:
            cursor.close()

    def has_begun(self) -> bool:
        names = [name for (name,) in self.execute("SELECT datname FROM pg_database")]
        return str(self.config["database"]) in names

    def check_objects(self) -> Any:
        held = self.execute(HELD)
        self.need("Schemas", SCHEMAS, {schema for schema, _unused in held})
        return self.need("Tables", TABLES, {name for schema, name in held if schema == "immuta_system" and name})

    def check_version(self) -> Any:
        if len(rows := self.execute("SELECT version FROM immuta_system.version")) != 1:
            raise Failed("immuta_system.version is empty: the setup script did not run to its end.")
        return [list(row) for row in rows]

    def check_grants(self) -> Any:
        if self.execute(RIGHTS) != [(True,)]:
            raise Failed("The system account lacks privileges on immuta_system.")
        return []

    def check_settings(self) -> Any:
        if value_at(self.config, "impersonation.enabled") is True:
            groups = [name for (name,) in self.execute("SELECT groname FROM pg_group")]
            self.need("Groups", [impersonation_role("Redshift", self.config)], groups)
        return self.compare_settings(self.execute("SELECT settings FROM immuta_system.version"))


def _message(error: Exception) -> str:
    """The server's message out of the driver's dict, or the driver's own text."""
    details = error.args[0] if error.args else ""
    return f"{details.get('M')} ({details.get('C')})" if isinstance(details, dict) else str(error)
