# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries, and tables and views in the making: DuckDB's part, once it is clear that they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ..duck import Place, Result
from ..words import Reader
from . import errors
from .unity import RELATIONS, Metastore, Name

if TYPE_CHECKING:
    from .statements import Session

SYSTEM = "system"  # the catalog that every metastore has
INFORMATION = "information_schema"


def query(session: Session, reader: Reader) -> Result:
    """Run the reader's statement."""
    sql = reader.text
    tree = session.tables.parse(sql)
    making = tree.this.find(exp.Table) if isinstance(tree, exp.Create) else None
    made = session.resolve("TABLE", tuple(part.name for part in making.parts)) if making else None
    read, changed = session.tables.mentioned(sql)
    for names, privilege in ((read, "SELECT"), (changed, "MODIFY")):
        for parts in names:
            name = session.resolve("TABLE", parts)
            if name != made:
                _check(session, name, privilege, errors.place(sql, parts))

    def qualify(parts: Name) -> Place:
        name = session.resolve("TABLE", parts)
        if name[1] == INFORMATION:
            _show_information(session, name)
        return name[0], name[1], name[2]

    return session.tables.query(sql, qualify, lambda node: _rewritten(session, node))


def _check(session: Session, name: Name, privilege: str, place: str) -> None:
    session.metastore.need("CATALOG", name[:1])
    found = session.metastore.get("TABLE", name)
    if not found and (name[1] != INFORMATION or name[2] not in VIEWS):
        raise errors.not_found("TABLE", name, place)
    if found:
        session.metastore.must(session.user, privilege, found.kind, name)


def _rewritten(session: Session, node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.CurrentUser):
        return exp.Literal.string(session.user)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "session_user":
        return exp.Literal.string(session.user)
    if isinstance(node, exp.Anonymous) and node.name.lower() == "current_metastore":
        return exp.Literal.string(session.metastore.id)
    return node


# --- information_schema ---


def _catalogs(metastore: Metastore) -> list[tuple[Any, ...]]:
    return [(each.name[0], each.owner, each.properties.get("comment")) for each in metastore.all("CATALOG")]


def _schemata(metastore: Metastore) -> list[tuple[Any, ...]]:
    return [(*each.name, each.owner) for each in metastore.all("SCHEMA")]


def _tables(metastore: Metastore) -> list[tuple[Any, ...]]:
    return [(*each.name, "VIEW" if each.kind == "VIEW" else "MANAGED", each.owner) for each in metastore.all(*RELATIONS)]


def _routines(metastore: Metastore) -> list[tuple[Any, ...]]:
    return [(*each.name, each.owner, each.properties["language"]) for each in metastore.all("FUNCTION")]


def _privileges(kind: str) -> Any:
    def rows(metastore: Metastore) -> list[tuple[Any, ...]]:
        kinds = RELATIONS if kind == "TABLE" else (kind,)
        return [(*grant.name, grant.principal, grant.privilege.replace(" ", "_")) for grant in metastore.grants() if grant.kind in kinds]

    return rows


# Name -> its columns, the first of them the catalog's name, and where its rows come from.
VIEWS: dict[str, tuple[tuple[str, ...], Any]] = {
    "catalogs": (("catalog_name", "catalog_owner", "comment"), _catalogs),
    "schemata": (("catalog_name", "schema_name", "schema_owner"), _schemata),
    "tables": (("table_catalog", "table_schema", "table_name", "table_type", "table_owner"), _tables),
    "routines": (("routine_catalog", "routine_schema", "routine_name", "routine_owner", "external_language"), _routines),
    "catalog_privileges": (("catalog_name", "grantee", "privilege_type"), _privileges("CATALOG")),
    "schema_privileges": (("catalog_name", "schema_name", "grantee", "privilege_type"), _privileges("SCHEMA")),
    "table_privileges": (("table_catalog", "table_schema", "table_name", "grantee", "privilege_type"), _privileges("TABLE")),
}


def _show_information(session: Session, name: Name) -> None:
    """Fill a view of the information schema: the system catalog's shows all catalogs, another's itself."""
    columns, rows = VIEWS[name[2]]
    shown = [row for row in rows(session.metastore) if name[0] in (SYSTEM, row[0]) and session.metastore.sees(session.user, (row[0],))]
    session.tables.fill((name[0], name[1], name[2]), columns, shown)
