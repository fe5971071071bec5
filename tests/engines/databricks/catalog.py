# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a metastore holds, for a test to compare and a person to read. No secret is in it."""

from __future__ import annotations

from typing import Any

from .unity import Metastore, Securable


def catalog(metastore: Metastore) -> dict[str, Any]:
    """`{"catalogs": {name: {"owner", "schemas": {name: {"owner", "tables", "views", "functions"}}}}, "principals", "grants"}`.

    The catalog that every metastore has and the information schemas are left out.
    """
    return {
        "catalogs": {each.name[0]: _catalog(metastore, each) for each in metastore.all("CATALOG") if each.name != ("system",)},
        "principals": {each.name: {"kind": each.kind, "admin": each.admin, "members": sorted(each.members)} for each in metastore.principals()},
        "grants": [
            {"privilege": grant.privilege, "on": grant.kind, "name": ".".join(grant.name), "principal": grant.principal} for grant in metastore.grants()
        ],
    }


def _catalog(metastore: Metastore, found: Securable) -> dict[str, Any]:
    schemas = [each for each in metastore.all("SCHEMA", inside=found.name) if each.name[1] != "information_schema"]
    return {"owner": found.owner, **found.properties, "schemas": {each.name[1]: _schema(metastore, each) for each in schemas}}


def _schema(metastore: Metastore, found: Securable) -> dict[str, Any]:
    def inside(kind: str) -> dict[str, Any]:
        return {each.name[2]: {"owner": each.owner, **each.properties} for each in metastore.all(kind, inside=found.name)}

    return {"owner": found.owner, **found.properties, "tables": inside("TABLE"), "views": inside("VIEW"), "functions": inside("FUNCTION")}
