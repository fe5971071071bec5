# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of a Databricks engine."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

# Tables of the catalog `system` that an audit needs: there to be granted, and empty.
SYSTEM_TABLES = ("access.audit", "access.table_lineage", "access.column_lineage", "query.history")


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new workspace on `listener`; the value says how to log in."""
    from ..duck import Tables
    from ..web import serving
    from .api import Admin, Workspace
    from .unity import Metastore

    metastore, tables = Metastore(), Tables("databricks")
    admin = metastore.add_principal("service_principal", admin=True)
    _furnish(metastore, tables, admin["name"])
    warehouse = secrets.token_hex(8)
    workspace = Workspace(metastore, tables, warehouse, Admin(admin["client_id"], admin["client_secret"]))
    async with serving(workspace.application(), listener):
        yield {
            **{"kind": "databricks", "admin_user": admin["client_id"], "admin_password": admin["client_secret"]},
            **{"token": admin["token"], "warehouse": warehouse, "http_path": f"/sql/1.0/warehouses/{warehouse}"},
        }


def _furnish(metastore: Any, tables: Any, admin: str) -> None:
    """The two catalogs that a new metastore has: one to begin with, and the service's own."""
    for catalog, owner, schemas in (
        ("main", admin, ("default",)),
        ("system", "System user", dict.fromkeys(name.split(".", maxsplit=1)[0] for name in SYSTEM_TABLES)),
    ):
        metastore.add("CATALOG", (catalog,), owner)
        metastore.add("SCHEMA", (catalog, "information_schema"), "System user")
        tables.create_database(catalog)
        for schema in schemas:
            metastore.add("SCHEMA", (catalog, schema), owner)
            tables.create_schema(catalog, schema)
    for schema, name in (path.split(".") for path in SYSTEM_TABLES):
        metastore.add("TABLE", ("system", schema, name), "System user")
        tables.fill(("system", schema, name), ("event_id",), [])
