# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Synapse Analytics, by pymssql: the login in master, everything else in the pool."""

from __future__ import annotations

from typing import Any

from .documents import value_at
from .scripts import impersonation_role, system_user
from .validation import Failed
from .warehouse import LOGIN_SECONDS, Warehouse, WarehouseError

SCHEMAS = ("immuta_system", "immuta_functions", "immuta_procedures")
TABLES = ("profiles", "version")
TYPE = "Azure Synapse Analytics"
OWNED = """
    SELECT s.name FROM sys.schemas s JOIN sys.database_principals p ON p.principal_id = s.principal_id
    WHERE p.name = USER_NAME()"""
TABLES_HELD = """
    SELECT t.name FROM sys.tables t JOIN sys.schemas s ON s.schema_id = t.schema_id
    WHERE s.name = 'immuta_system'"""


class SynapseWarehouse(Warehouse):
    library, extra = "pymssql", "synapse"
    outside = "master"

    @property
    def inside(self) -> str:  # type: ignore[override]  # here it is a setting
        return str(self.config["database"])

    def connect(self, database: str) -> Any:
        import pymssql

        try:
            self._connection = pymssql.connect(
                server=self.place.address,
                port=str(self.place.port),
                user=str(self.login["username"]),
                password=str(self.login["password"]),
                database=database,
                autocommit=True,
                login_timeout=LOGIN_SECONDS,
                tds_version="7.4",
                conn_properties="",  # the library's own are refused by a dedicated pool
                encryption="require" if self.place.ssl else "off",
            )
        except (pymssql.Error, OSError) as error:
            # why a server refuses a login the library tells only once in the life of a process
            refused = f"Login failed for user '{self.login['username']}' in the database {database}."
            raise WarehouseError(f"Could not connect to {self.place.host}." if "Unable to connect" in str(error) else refused) from None
        return self.execute("SELECT 1")

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs one batch to its end, since an error may come behind a result; the rows of its last result."""
        import pymssql

        rows: list[tuple[Any, ...]] = []
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            while True:
                if cursor.description:
                    rows = [tuple(row) for row in cursor.fetchall()]
                if not cursor.nextset():
                    return rows
        except (pymssql.Error, OSError) as error:
            raise WarehouseError(_message(error)) from None
        finally:
            cursor.close()

    def has_begun(self) -> bool:
        """The database is there before, so this is about the login; only master tells."""
        names = [str(name).lower() for (name,) in self.execute("SELECT name FROM sys.sql_logins")]
        return system_user(TYPE, self.config).lower() in names

    # -- checks -------------------------------------------------------------------------------------------------------

    def check_objects(self) -> Any:
        wanted = (*SCHEMAS, str(self.config["schema"]))
        self.need("Schemas", wanted, [name for (name,) in self.execute("SELECT name FROM sys.schemas")])
        return self.need("Tables", TABLES, [name for (name,) in self.execute(TABLES_HELD)])

    def check_version(self) -> Any:
        if len(rows := self.execute("SELECT version FROM immuta_system.version")) != 1:
            raise Failed("immuta_system.version is empty: the setup script did not run to its end.")
        return [list(row) for row in rows]

    def check_grants(self) -> Any:
        """What the setup script gives first: the schemas belong to the system account."""
        return self.need("Schemas of the system account", (*SCHEMAS, str(self.config["schema"])), [name for (name,) in self.execute(OWNED)])

    def check_settings(self) -> Any:
        if value_at(self.config, "impersonation.enabled") is True:
            roles = [name for (name,) in self.execute("SELECT name FROM sys.database_principals WHERE type = 'R'")]
            self.need("Roles", [impersonation_role(TYPE, self.config)], roles)
        return self.compare_settings(self.execute("SELECT settings FROM immuta_system.version"))


def _message(error: Exception) -> str:
    """The server's message and its number, out of what the library makes of them."""
    number, text = error.args[:2] if len(error.args) > 1 else ("", str(error))
    said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return f"{said.partition('DB-Lib error message')[0].strip()} ({number})"
