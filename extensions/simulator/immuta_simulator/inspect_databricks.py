# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databricks, by its SQL Statement Execution API: one request a statement, and no session between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .documents import MISSING, value_at
from .scripts.template import backslashed, quoted
from .validation import NO_RESULT, Failed
from .warehouse import LOGIN_SECONDS, Warehouse, WarehouseError

SCHEMAS = ("immuta_system", "immuta_policies")
TABLES = ("profiles", "version")
STATEMENTS = "/api/2.0/sql/statements"
STATEMENT_SECONDS = 50  # as long as the API waits
CLIENT = "oAuthClientConfig"
name = quoted("`")


class DatabricksWarehouse(Warehouse):
    library, extra = "requests", "databricks"
    sign_ins = ("token", "oAuthM2M")

    @classmethod
    def untried(cls, config: Mapping[str, Any]) -> str:
        if value_at(config, f"{CLIENT}.useCertificate") is True:
            return "This simulator cannot log in with a certificate."
        return super().untried(config)

    @classmethod
    def new_account(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """There is none: who sets up is who uses it."""
        return {}

    @property
    def catalog(self) -> str:
        return str(self.config["catalog"]).lower()

    def connect(self, database: str) -> Any:
        import requests

        self.close()
        self._connection = requests.Session()
        self._connection.trust_env = False  # neither a proxy nor ~/.netrc has a say
        self._connection.headers["Authorization"] = f"Bearer {self._token()}"
        return self.execute("SELECT 1")

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        warehouse = str(self.login["httpPath"]).rstrip("/").rpartition("/")[2]
        body = {"warehouse_id": warehouse, "statement": sql, "wait_timeout": f"{STATEMENT_SECONDS}s", "on_wait_timeout": "CANCEL"}
        answer = self._send(STATEMENTS, json=body, timeout=STATEMENT_SECONDS + LOGIN_SECONDS)
        status = answer["status"]
        if status["state"] != "SUCCEEDED":
            raise WarehouseError(status.get("error", {}).get("message", f"The statement is {status['state']}."))
        return [tuple(row) for row in (answer.get("result") or {}).get("data_array") or []]

    def has_begun(self) -> bool:
        return self.catalog in [row[0] for row in self.execute("SHOW CATALOGS")]

    # -- checks -------------------------------------------------------------------------------------------------------

    def check_metastore(self) -> Any:
        """The first look: whose token it is may read which metastore this is."""
        self.connect("")
        if self.execute("SELECT current_metastore()") == [(None,)]:
            raise Failed("The workspace has no Unity Catalog metastore.")
        return NO_RESULT

    def check_objects(self) -> Any:
        self.need("Catalogs", [self.catalog], [row[0] for row in self.execute("SHOW CATALOGS")])
        self.need("Schemas", SCHEMAS, [row[0] for row in self.execute(f"SHOW SCHEMAS IN {name(self.catalog)}")])
        return self.need("Tables", TABLES, [row[1] for row in self.execute(f"SHOW TABLES IN {name(self.catalog)}.immuta_system")])

    def check_version(self) -> Any:
        if len(rows := self._version("version")) != 1:
            raise Failed("immuta_system.version is empty: the setup script did not run to its end.")
        return [list(row) for row in rows]

    def check_grants(self) -> Any:
        """The catalog is the service principal's to use, whether it owns it or was granted everything; an audit reads system tables."""
        ((me,),) = self.execute("SELECT current_user()")
        owner = self.execute(f"SELECT catalog_owner FROM system.information_schema.catalogs WHERE catalog_name = {backslashed(self.catalog)}")
        granted = [row[1] for row in self.execute(f"SHOW GRANTS {name(me)} ON CATALOG {name(self.catalog)}")]
        if owner != [(me,)]:
            self.need("Privileges", ["ALL PRIVILEGES"], granted)
        if value_at(self.config, "audit.enabled") is True:
            self.execute("SELECT 1 FROM system.access.audit LIMIT 1")
        return []

    def check_settings(self) -> Any:
        return self.compare_settings(self._version("settings"))

    def _version(self, column: str) -> list[tuple[Any, ...]]:
        return self.execute(f"SELECT {column} FROM {name(self.catalog)}.immuta_system.version")

    # -- the service --------------------------------------------------------------------------------------------------

    def _token(self) -> str:
        """The personal access token, or one for the secret of an OAuth client."""
        if self.login.get("authenticationType") == "token":
            return str(self.login["token"])
        client, secret, scope = (value_at(self.login, f"{CLIENT}.{key}") for key in ("clientId", "clientSecret", "scope"))
        form = {"grant_type": "client_credentials", "scope": "all-apis" if scope is MISSING else scope}
        return str(self._send("/oidc/v1/token", data=form, auth=(client, secret), timeout=LOGIN_SECONDS)["access_token"])

    def _send(self, path: str, **what: Any) -> dict[str, Any]:
        import requests

        scheme = "https" if self.place.ssl else "http"
        try:
            answer = self._connection.post(f"{scheme}://{self.place.address}:{self.place.port}{path}", **what)
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise WarehouseError(f"Could not connect to {self.place.host}: {type(error).__name__}.") from None
        if not answer.ok:
            raise WarehouseError(f"HTTP {answer.status_code}: {found.get('message') or found.get('error_description')}")
        return dict(found)
