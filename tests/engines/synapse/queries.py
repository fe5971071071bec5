# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries, and tables and views in the making: DuckDB's part, with T-SQL's own functions and the catalogue views."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from ..duck import Place, QueryFailed, Result, Tables
from . import replies
from .ledger import DBO, MASTER, Database, Server
from .replies import SqlFailed

DIALECT = "tsql"
# T-SQL fails where DuckDB gives NULL or infinity.
MACROS = ("CREATE MACRO divided(a, b) AS CASE WHEN b = 0 THEN error('Divide by zero') WHEN typeof(a) LIKE '%INT%' THEN a // b ELSE a / b END",)
VIEW_SCHEMAS = ("sys", "information_schema")


@dataclass
class Session:
    """One login, in one database."""

    server: Server
    tables: Tables
    database: Database
    login: str
    user: str
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def is_admin(self) -> bool:
        login = self.server.logins.get(self.login.lower())
        return login is not None and login.admin

    def must(self, permission: str, schema: str = "", name: str = "") -> None:
        """SqlFailed unless the user has the permission there."""
        if self.database.may(self.user, permission, schema, name):
            return
        if not schema:
            raise replies.denied_in(permission, self.database.name)
        what = f"object '{name}', database '{self.database.name}', schema '{schema}'" if name else f"schema '{schema}', database '{self.database.name}'"
        raise replies.denied(permission, what)

    def resolve(self, name: tuple[str, ...]) -> tuple[str, str]:
        """Schema and name; the database, where it is named, must be this one."""
        if len(name) > 2 and name[-3].lower() != self.database.name.lower():
            raise SqlFailed(
                40515, f"Reference to database and/or server name in '{'.'.join(name)}' is not supported in this version of SQL Server.", severity=15
            )
        return (name[-2] if len(name) > 1 else DBO), name[-1]


def query(session: Session, sql: str, variables: Mapping[str, Any] | None = None, *, making: bool = False) -> Result:
    """Run one query. making: it is CREATE TABLE or VIEW, whose own name is not there yet."""
    try:
        read, changed = session.tables.mentioned(sql)
        tree = session.tables.parse(sql)
        made = session.resolve(tuple(part.name for part in tree.this.find(exp.Table).parts)) if making else None
        permission = {"insert": "INSERT", "update": "UPDATE", "delete": "DELETE"}.get(tree.key, "ALTER")
        for names, needed in ((read, "SELECT"), (changed, permission)):
            for place in (session.resolve(name) for name in names):
                if place != made:
                    _check(session, place, needed)

        def qualify(parts: tuple[str, ...]) -> Place:
            schema, name = session.resolve(parts)
            if schema.lower() in VIEW_SCHEMAS:
                _show(session, schema.lower(), name.lower())
            return session.database.name.lower(), schema.lower(), name.lower()

        known = {**session.variables, **(variables or {})}
        return session.tables.query(sql, qualify, lambda node: _rewritten(session, known, node))
    except QueryFailed as failed:
        raise _translated(str(failed)) from None


def _check(session: Session, place: tuple[str, str], permission: str) -> None:
    schema, name = place
    if schema.lower() in VIEW_SCHEMAS:
        if (schema.lower(), name.lower()) not in VIEWS:
            raise replies.no_object(f"{schema}.{name}")
        return
    found = session.database.thing(schema, name)
    if found is None or found.kind not in ("U", "V"):
        raise replies.no_object(f"{schema}.{name}" if schema != DBO else name)
    session.must(permission, schema, name)


def _translated(message: str) -> SqlFailed:
    """What DuckDB says, as the service would."""
    if "Divide by zero" in message:
        return SqlFailed(8134, "Divide by zero error encountered.", goes_on=True)
    column = re.search(r'Referenced column "([^"]+)"|does not have a column with name "([^"]+)"|column with name ([^ ]+) not found', message)
    if column:
        return SqlFailed(207, f"Invalid column name '{next(filter(None, column.groups()))}'.")
    value = re.search(r"Could not convert string '(.*?)' to (\w+)", message)
    if value:
        return SqlFailed(245, f"Conversion failed when converting the varchar value '{value[1]}' to data type int.")
    function = re.search(r"Function with name (\w+) does not exist", message)
    if function:
        return SqlFailed(195, f"'{function[1]}' is not a recognized built-in function name.", severity=15)
    return SqlFailed(50000, message.partition("\n")[0])


# --- what T-SQL says otherwise ---


def _rewritten(session: Session, variables: Mapping[str, Any], node: exp.Expr) -> exp.Expr:
    """One node of a query. What is put in its place is not looked at again, so its parts are rewritten here."""

    def rewritten(part: exp.Expr) -> exp.Expr:
        return part.transform(lambda inner: _rewritten(session, variables, inner))

    if isinstance(node, exp.National):
        return exp.Literal.string(node.name)
    if isinstance(node, exp.Div):
        return exp.Anonymous(this="divided", expressions=[rewritten(node.this), rewritten(node.expression)])
    if isinstance(node, exp.Add) and any(_is_text(leaf, variables) for leaf in node.find_all(exp.Literal, exp.National, exp.Parameter)):
        return exp.DPipe(this=rewritten(node.this), expression=rewritten(node.expression))
    if isinstance(node, exp.Parameter):
        return _variable(variables, node.name)
    if isinstance(node, exp.CurrentUser):
        return exp.Literal.string(session.user)
    return _function(session, node)


def _function(session: Session, node: exp.Expr) -> exp.Expr:
    """A call of one of FUNCTIONS, done; anything else stays."""
    called, arguments = "", []
    if isinstance(node, exp.Anonymous):
        called, arguments = node.name.upper(), node.expressions
    elif isinstance(node, exp.ObjectId):
        called, arguments = "OBJECT_ID", [node.this]
    if called not in FUNCTIONS:
        return node
    found = FUNCTIONS[called](session, *(each.name for each in arguments))
    return exp.Null() if found is None else exp.convert(found)


def _is_text(leaf: exp.Expr, variables: Mapping[str, Any]) -> bool:
    if isinstance(leaf, exp.Parameter):
        return isinstance(variables.get(leaf.name.lower()), str)
    return isinstance(leaf, exp.National) or bool(leaf.is_string)


def _variable(variables: Mapping[str, Any], name: str) -> exp.Expr:
    if name.lower() not in variables:
        raise SqlFailed(137, f'Must declare the scalar variable "@{name}".', severity=15)
    return exp.convert(variables[name.lower()])


def _object_id(session: Session, name: str) -> int | None:
    schema, _unused, rest = re.sub(r"[\[\]]", "", name).rpartition(".")
    found = session.database.thing(schema or DBO, rest)
    return found.id if found else None


def _schema_id(session: Session, name: str = DBO) -> int | None:
    found = session.database.schemas.get(name.lower())
    return found.id if found else None


def _principal_id(session: Session, name: str = "") -> int | None:
    found = session.database.principals.get((name or session.user).lower())
    return found.id if found else None


def _db_id(session: Session, name: str = "") -> int | None:
    found = session.server.databases.get((name or session.database.name).lower())
    return found.id if found else None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "DB_NAME": lambda session: session.database.name,
    "DB_ID": _db_id,
    "USER_NAME": lambda session: session.user,
    "ORIGINAL_LOGIN": lambda session: session.login,
    "OBJECT_ID": _object_id,
    "SCHEMA_ID": _schema_id,
    "DATABASE_PRINCIPAL_ID": _principal_id,
    "USER_ID": _principal_id,
}


# --- catalogue views ---

Row = tuple[Any, ...]


def _principal_of(database: Database, name: str) -> int:
    return database.principals[name].id


def _objects(*kinds: str) -> Callable[[Session], list[Row]]:
    said = {"U": "USER_TABLE", "V": "VIEW", "P": "SQL_STORED_PROCEDURE", "FN": "SQL_SCALAR_FUNCTION"}

    def rows(session: Session) -> list[Row]:
        database = session.database
        found = (each for each in database.things.values() if each.kind in kinds)
        return [(each.name, each.id, database.schemas[each.schema.lower()].id, each.kind, said[each.kind]) for each in found]

    return rows


def _permissions(session: Session) -> list[Row]:
    database = session.database
    return [
        (each.kind, each.securable, _principal_of(database, each.grantee), each.permission, each.state + ("_WITH_GRANT_OPTION" if each.grantable else ""))
        for each in database.permissions.values()
    ]


def _logins(session: Session) -> list[Row]:
    if session.database.name != MASTER:
        return []
    return [(each.name, each.id, "S", "SQL_LOGIN", int(each.disabled)) for each in session.server.logins.values()]


_OBJECT = ("name", "object_id", "schema_id", "type", "type_desc")
# Schema and name -> columns, and where the rows come from.
VIEWS: dict[tuple[str, str], tuple[tuple[str, ...], Callable[[Session], list[Row]]]] = {
    ("sys", "databases"): (("name", "database_id"), lambda session: [(each.name, each.id) for each in session.server.databases.values()]),
    ("sys", "schemas"): (
        ("name", "schema_id", "principal_id"),
        lambda session: [(each.name, each.id, _principal_of(session.database, each.owner)) for each in session.database.schemas.values()],
    ),
    ("sys", "sql_logins"): (("name", "principal_id", "type", "type_desc", "is_disabled"), _logins),
    ("sys", "database_principals"): (
        ("name", "principal_id", "type", "type_desc"),
        lambda session: [
            (each.name, each.id, *(("S", "SQL_USER") if each.kind == "USER" else ("R", "DATABASE_ROLE"))) for each in session.database.principals.values()
        ],
    ),
    ("sys", "database_role_members"): (
        ("role_principal_id", "member_principal_id"),
        lambda session: [
            (each.id, _principal_of(session.database, member)) for each in session.database.principals.values() for member in sorted(each.members)
        ],
    ),
    ("sys", "database_permissions"): (("class_desc", "securable", "grantee_principal_id", "permission_name", "state_desc"), _permissions),
    ("sys", "objects"): (_OBJECT, _objects("U", "V", "P", "FN")),
    ("sys", "tables"): (_OBJECT, _objects("U")),
    ("sys", "views"): (_OBJECT, _objects("V")),
    ("sys", "procedures"): (_OBJECT, _objects("P")),
    ("information_schema", "tables"): (
        ("table_catalog", "table_schema", "table_name", "table_type"),
        lambda session: [
            (session.database.name, each.schema, each.name, "VIEW" if each.kind == "V" else "BASE TABLE")
            for each in session.database.things.values()
            if each.kind in ("U", "V")
        ],
    ),
    ("information_schema", "schemata"): (
        ("catalog_name", "schema_name", "schema_owner"),
        lambda session: [(session.database.name, each.name, each.owner) for each in session.database.schemas.values()],
    ),
}


def _show(session: Session, schema: str, name: str) -> None:
    columns, rows = VIEWS[schema, name]
    session.tables.fill((session.database.name.lower(), schema, name), columns, rows(session))
