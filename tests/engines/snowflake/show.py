# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SHOW and DESCRIBE of what the ledger keeps, and the views of INFORMATION_SCHEMA and ACCOUNT_USAGE made from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .answers import SHOW, Answer, Forward
from .errors import not_found
from .grants import PLURALS, moment, show_grants
from .ledger import Membership, Thing
from .privileges import KINDS
from .session import Session
from .words import Reader, shown

Column = Callable[[Session, Thing], Any]


def _property(key: str, default: Any = "") -> Column:
    return lambda session, thing: thing.properties.get(key, default)


def _yes(value: Any) -> str:
    return "Y" if value else "N"


def _last_name(session: Session, thing: Thing) -> str:
    return thing.name[-1]


COMMON: dict[str, Column] = {
    "created_on": lambda session, thing: moment(thing.created),
    "name": _last_name,
    "database_name": lambda session, thing: thing.name[0] if len(thing.name) > 1 else "",
    "schema_name": lambda session, thing: thing.name[1] if len(thing.name) > 2 else "",
    "owner": lambda session, thing: thing.owner,
    "comment": _property("COMMENT"),
}
# The columns of each SHOW, beside or instead of the common ones; kinds of the account have no place columns.
SPECIAL: dict[str, dict[str, Column]] = {
    "DATABASE": {
        "is_default": lambda session, thing: "N",
        "is_current": lambda session, thing: _yes(thing.name[0] == session.database),
        "origin": _property("ORIGIN"),
        "options": lambda session, thing: "",
        "retention_time": _property("DATA_RETENTION_TIME_IN_DAYS", "1"),
        "kind": lambda session, thing: "APPLICATION" if thing.properties.get("ORIGIN") else "STANDARD",
    },
    "SCHEMA": {
        "is_default": lambda session, thing: "N",
        "is_current": lambda session, thing: _yes(thing.name == (session.database, session.schema)),
    },
    "ROLE": {
        "is_default": lambda session, thing: _yes(thing.name[0] == session.user.properties.get("DEFAULT_ROLE")),
        "is_current": lambda session, thing: _yes(thing.name[0] == session.role),
        "is_inherited": lambda session, thing: _yes(thing.name[0] in session.ledger.effective(session.role)),
        "assigned_to_users": lambda session, thing: _count(session, lambda m: (m.role, m.to) == (thing.name[0], "USER")),
        "granted_to_roles": lambda session, thing: _count(session, lambda m: (m.role, m.to) == (thing.name[0], "ROLE")),
        "granted_roles": lambda session, thing: _count(session, lambda m: (m.to, m.grantee) == ("ROLE", thing.name[0])),
    },
    "USER": {
        "login_name": _property("LOGIN_NAME"),
        "display_name": _property("DISPLAY_NAME"),
        "email": _property("EMAIL"),
        "disabled": lambda session, thing: str(bool(thing.properties.get("DISABLED"))).lower(),
        "default_warehouse": _property("DEFAULT_WAREHOUSE"),
        "default_namespace": _property("DEFAULT_NAMESPACE"),
        "default_role": _property("DEFAULT_ROLE"),
        "has_password": lambda session, thing: str(thing.properties.get("PASSWORD") is not None).lower(),
        "has_rsa_public_key": lambda session, thing: str(bool(thing.properties.get("RSA_PUBLIC_KEY"))).lower(),
        "type": _property("TYPE"),
    },
    "WAREHOUSE": {
        "state": lambda session, thing: "STARTED",
        "type": lambda session, thing: "STANDARD",
        "size": _property("WAREHOUSE_SIZE", "X-Small"),
        "is_current": lambda session, thing: _yes(thing.name[0] == session.warehouse),
    },
    "PROCEDURE": {
        "name": lambda session, thing: thing.name[-1].split("(")[0],
        "arguments": lambda session, thing: thing.name[-1],
    },
}
SPECIAL["FUNCTION"] = SPECIAL["PROCEDURE"]
SHOWN_PLURALS = {**PLURALS, "USER PROCEDURES": "PROCEDURE"}


def _count(session: Session, wanted: Callable[[Membership], bool]) -> int:
    return sum(1 for member in session.ledger.members() if wanted(member))


def show(session: Session, reader: Reader) -> Answer | Forward:
    """SHOW things [LIKE 'pattern'] [IN ACCOUNT | DATABASE d | SCHEMA s] [STARTS WITH 'x'] [LIMIT n]."""
    reader.expect("SHOW")
    if reader.accept("GRANTS"):
        return show_grants(session, reader)
    reader.accept("TERSE")
    plural = reader.accept_one(SHOWN_PLURALS)
    if not plural:
        return Forward(reader.sql)
    kind = SHOWN_PLURALS[plural]
    reader.accept("HISTORY")
    pattern = reader.value() if reader.accept("LIKE") else "%"
    inside = _place(session, reader, kind)
    start = reader.value() if reader.accept("STARTS WITH") else ""
    limit = int(reader.value()) if reader.accept("LIMIT") else None
    if limit is not None and reader.accept("FROM"):
        reader.value()
    reader.end()
    like = _like(pattern)
    columns = columns_of(kind)
    name = columns["name"]
    found = [thing for thing in visible(session, kind, inside) if like.fullmatch(name(session, thing)) and name(session, thing).startswith(start)][:limit]
    return Answer(tuple(columns), [[column(session, thing) for column in columns.values()] for thing in found], SHOW)


def columns_of(kind: str) -> dict[str, Column]:
    """The columns of SHOW for a kind."""
    places = {1: (), 2: ("database_name",), 3: ("database_name", "schema_name")}[KINDS[kind].depth]
    common = {key: value for key, value in COMMON.items() if not key.endswith("_name") or key in places}
    return {**common, **SPECIAL.get(kind, {})}


def visible(session: Session, kind: str, inside: tuple[str, ...] = ()) -> Iterable[Thing]:
    """The things of a kind that the current role sees; everybody sees roles."""
    for thing in session.ledger.all(kind, inside):
        if kind in ("ROLE", "USER") or session.ledger.sees(session.role, thing):
            yield thing


def _place(session: Session, reader: Reader, kind: str) -> tuple[str, ...]:
    """Where to look: in what is named, else in the current schema or database."""
    if reader.accept("IN"):
        if reader.accept("ACCOUNT"):
            return ()
        container = reader.accept_one(("DATABASE", "SCHEMA"))
        if reader.done:
            return (session.database or "",) if container == "DATABASE" else (session.database or "", session.schema or "")
        container = container or ("SCHEMA" if reader.key(1) == "." else "DATABASE")
        name = session.resolve(container, reader.name(), "SHOW")
        session.find(container, name)
        return name
    current = tuple(part for part in (session.database, session.schema) if part)
    return current[: KINDS[kind].depth - 1]


def _like(pattern: str) -> re.Pattern[str]:
    """A LIKE pattern as a regular expression that ignores the case."""
    parts = re.split(r"(\\.|%|_)", pattern)
    special = {"%": ".*", "_": "."}
    text = "".join(special.get(part) or re.escape(part[1:] if part[:1] == "\\" else part) for part in parts)
    return re.compile(text, re.IGNORECASE | re.DOTALL)


def describe(session: Session, reader: Reader) -> Answer | Forward:
    """DESCRIBE kind name: properties of what the ledger keeps; tables and views are fakesnow's."""
    reader.expect_one(("DESCRIBE", "DESC"))
    kind = reader.accept_one(KINDS)
    if not kind or KINDS[kind].stored:
        return Forward(reader.sql)
    name = session.resolve(kind, reader.name(), f"DESCRIBE {kind}")
    thing = session.ledger.get(kind, name)
    if thing is None:
        raise not_found(kind, shown(name))
    rows = [(key, column(session, thing)) for key, column in columns_of(kind).items()]
    return Answer(("property", "value"), rows, SHOW)


# Views: (schema, view) -> its columns and rows. Only what is asked for in practice to see whether something is there.

View = tuple[tuple[str, ...], Callable[[Session, str], Iterable[tuple[Any, ...]]]]
VIEWS: dict[tuple[str, str], View] = {
    ("INFORMATION_SCHEMA", "DATABASES"): (
        ("DATABASE_NAME", "DATABASE_OWNER", "IS_TRANSIENT", "COMMENT"),
        lambda session, database: ((t.name[0], t.owner, "NO", t.properties.get("COMMENT")) for t in visible(session, "DATABASE")),
    ),
    ("INFORMATION_SCHEMA", "SCHEMATA"): (
        ("CATALOG_NAME", "SCHEMA_NAME", "SCHEMA_OWNER", "COMMENT"),
        lambda session, database: ((*t.name, t.owner, t.properties.get("COMMENT")) for t in visible(session, "SCHEMA", (database,))),
    ),
    ("INFORMATION_SCHEMA", "PROCEDURES"): (
        ("PROCEDURE_CATALOG", "PROCEDURE_SCHEMA", "PROCEDURE_NAME", "ARGUMENT_SIGNATURE", "PROCEDURE_OWNER"),
        lambda session, database: (_callable(t) for t in visible(session, "PROCEDURE", (database,))),
    ),
    ("INFORMATION_SCHEMA", "FUNCTIONS"): (
        ("FUNCTION_CATALOG", "FUNCTION_SCHEMA", "FUNCTION_NAME", "ARGUMENT_SIGNATURE", "FUNCTION_OWNER"),
        lambda session, database: (_callable(t) for t in visible(session, "FUNCTION", (database,))),
    ),
    ("INFORMATION_SCHEMA", "ENABLED_ROLES"): (
        ("ROLE_NAME",),
        lambda session, database: ((role,) for role in sorted(session.ledger.effective(session.role))),
    ),
    ("ACCOUNT_USAGE", "ROLES"): (
        ("_last_name", "OWNER", "COMMENT"),
        lambda session, database: ((t.name[0], t.owner, t.properties.get("COMMENT")) for t in session.ledger.all("ROLE")),
    ),
    ("ACCOUNT_USAGE", "USERS"): (
        ("_last_name", "LOGIN_NAME", "OWNER", "DEFAULT_ROLE", "DISABLED"),
        lambda session, database: (
            (t.name[0], t.properties["LOGIN_NAME"], t.owner, t.properties.get("DEFAULT_ROLE"), "false") for t in session.ledger.all("USER")
        ),
    ),
    ("ACCOUNT_USAGE", "QUERY_HISTORY"): (("QUERY_ID", "QUERY_TEXT", "USER_NAME", "START_TIME"), lambda s, d: ()),
    ("ACCOUNT_USAGE", "ACCESS_HISTORY"): (("QUERY_ID", "USER_NAME", "QUERY_START_TIME"), lambda s, d: ()),
    ("ACCOUNT_USAGE", "LOGIN_HISTORY"): (("EVENT_ID", "USER_NAME", "EVENT_TIMESTAMP"), lambda s, d: ()),
}


def _callable(thing: Thing) -> tuple[str, ...]:
    database, schema, name = thing.name
    return database, schema, name.split("(")[0], name[name.index("(") :], thing.owner
