# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snowflake, by the vendor's own driver."""

from __future__ import annotations

from typing import Any

from .documents import value_at
from .scripts import impersonation_role
from .scripts.template import quoted
from .validation import NO_RESULT, Failed, Skipped
from .warehouse import LOGIN_SECONDS, Warehouse, WarehouseError

SCHEMAS = ("IMMUTA_SYSTEM", "IMMUTA_FUNCTIONS", "IMMUTA_PROCEDURES", "IMMUTA_POLICIES")
TABLES = ("PROFILES", "ALLOW_LIST", "VERSION")
name = quoted('"')


class SnowflakeWarehouse(Warehouse):
    library, extra = "snowflake.connector", "snowflake"
    sign_ins = ("userPassword", "keyPair")

    def connect(self, database: str) -> Any:
        import snowflake.connector

        role = self.login.get("role")
        try:
            self._connection = snowflake.connector.connect(
                host=self.place.address,
                port=self.place.port,
                protocol="https" if self.place.ssl else "http",
                account=self.place.account or str(self.config["host"]).split(".", maxsplit=1)[0],
                user=str(self.login["username"]),
                warehouse=name(str(self.login["warehouse"])),
                login_timeout=LOGIN_SECONDS,
                network_timeout=60,
                **self._proof(),
                **({"role": str(role)} if role else {}),
            )
        except snowflake.connector.Error as error:
            raise WarehouseError(_message(error)) from None
        self.execute("SELECT 1")
        return NO_RESULT

    def _proof(self) -> dict[str, Any]:
        """The password, or the private key in the connector's form."""
        if self.login["authenticationType"] == "userPassword":
            return {"password": str(self.login["password"])}
        from cryptography.hazmat.primitives import serialization

        passphrase = self.login.get("privateKeyPassword")
        try:
            key = serialization.load_pem_private_key(str(self.login["privateKey"]["content"]).encode(), str(passphrase).encode() if passphrase else None)
        except (ValueError, TypeError):
            raise WarehouseError("The private key cannot be read, or its password does not open it.") from None
        der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return {"authenticator": "SNOWFLAKE_JWT", "private_key": der}

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.rows(sql)]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows with the names of their columns, which SHOW gives in no order to rely on."""
        import snowflake.connector

        try:
            with self._connection.cursor(snowflake.connector.DictCursor) as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except snowflake.connector.Error as error:
            raise WarehouseError(_message(error)) from None

    def has_begun(self) -> bool:
        return self.config["database"] in self._names("DATABASES")

    # -- checks -------------------------------------------------------------------------------------------------------

    def check_warehouse(self) -> Any:
        return self.execute(f"USE WAREHOUSE {name(self.config['warehouse'])}") and []

    def check_prefix(self) -> Any:
        """Nothing to see: the prefix belongs to the tenant, which has one integration a host."""
        return NO_RESULT

    def check_role(self) -> Any:
        if not self.config.get("role"):
            raise Skipped("No role was given.")
        return self.execute(f"USE ROLE {self.config['role']}") and []

    def check_no_impersonation_role(self) -> Any:
        if value_at(self.config, "impersonation.enabled") is not True:
            raise Skipped()
        role = impersonation_role("Snowflake", self.config)
        if role in self._names("ROLES"):
            raise Failed(f"Role {role} already exists. Choose another name, or remove what an earlier set-up left.")
        return NO_RESULT

    def check_bootstrap_grants(self) -> Any:
        """What the set-up begins with: a database, a role, a user. Having ACCOUNTADMIN is enough."""
        roles = {row[0] for row in self.execute("SELECT CURRENT_ROLE()")}
        if "ACCOUNTADMIN" not in roles:
            wanted = ("CREATE DATABASE", "CREATE ROLE", "CREATE USER", "MANAGE GRANTS")
            held = [row["privilege"] for role in roles for row in self.rows(f"SHOW GRANTS TO ROLE {name(role)}")]
            self.need("Privileges", wanted, held)
        return NO_RESULT

    def check_objects(self) -> Any:
        """As the role that the script grants to the system account, which need not be its default one."""
        database, role = name(self.config["database"]), f"{self.config['database']}_SYSTEM"
        ((me,),) = self.execute("SELECT CURRENT_USER()")
        self.need("Roles of the system account", [role], [row["role"] for row in self.rows(f"SHOW GRANTS TO USER {name(me)}")])
        self.execute(f"USE ROLE {name(role)}")
        self.need("Schemas", SCHEMAS, self._names(f"SCHEMAS IN DATABASE {database}"))
        return self.need("Tables", TABLES, self._names(f"TABLES IN SCHEMA {database}.IMMUTA_SYSTEM"))

    def check_version(self) -> Any:
        if len(rows := self._version("VERSION")) != 1:
            raise Failed("IMMUTA_SYSTEM.VERSION is empty: the setup script did not run to its end.")
        return [list(row) for row in rows]

    def check_grants(self) -> Any:
        """The last grant of the setup script: the database belongs to the system role."""
        database, role = self.config["database"], f"{self.config['database']}_SYSTEM"
        held = self.rows(f"SHOW GRANTS TO ROLE {name(role)}")
        owned = [row["name"].strip('"') for row in held if row["privilege"] == "OWNERSHIP" and row["granted_on"] == "DATABASE"]
        self.need("Ownership of databases", [database], owned)
        return self.need("Privileges", ["APPLY MASKING POLICY", "APPLY ROW ACCESS POLICY"], [row["privilege"] for row in held])

    def check_settings(self) -> Any:
        if value_at(self.config, "impersonation.enabled") is True:
            self.need("Roles", [impersonation_role("Snowflake", self.config)], self._names("ROLES"))
        return self.compare_settings(self._version("SETTINGS"))

    def _version(self, column: str) -> list[tuple[Any, ...]]:
        return self.execute(f"SELECT {column} FROM {name(self.config['database'])}.IMMUTA_SYSTEM.VERSION")

    def _names(self, things: str) -> list[str]:
        return [str(row["name"]) for row in self.rows(f"SHOW {things}")]


def _message(error: Any) -> str:
    """The service's text and code, without the driver's prefix."""
    return f"{error.raw_msg or error.msg} ({error.errno})"
