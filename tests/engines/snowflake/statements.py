# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements that set-up scripts are made of, and those that look at what they left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from fakesnow.dialect import parse_one
from fakesnow.statement_type import SHOW
from fakesnow.statement_type import USE as USED
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from .account import ACCOUNT, DEPTH, PUBLIC, Grant, Membership, Password, Thing
from .errors import error, not_found
from .session import KEYS, Session, public_key
from .storage import Answer
from .words import Name, Reader, literal, shown

Handler = Callable[[Session, Reader], Answer]
CODE = ("FUNCTION", "PROCEDURE")  # recorded, never run
PLURALS = {f"{kind}S": kind for kind in DEPTH}


def status(text: str = "Statement executed successfully.", **type_id: int) -> Answer:
    """The answer of a statement that returns one line about itself."""
    return Answer(("status",), [(text,)], **type_id)


def carry_out(session: Session, sql: str) -> Answer:
    """The answer to one statement."""
    reader = Reader(sql)
    if not reader.words:
        raise error("empty")
    handler = HANDLERS.get(reader.key())
    if handler is None:
        raise reader.unexpected()
    keys = [word.key for word in reader.words]
    count = 1 + sum(key == ";" != after for key, after in zip(keys, keys[1:], strict=False))
    has_block = "PROCEDURE" in keys[1:4] and any(pair in (("AS", "BEGIN"), ("AS", "DECLARE")) for pair in zip(keys, keys[1:], strict=False))
    if count > 1 and not has_block:
        raise error("several statements", count)
    return handler(session, reader)


# CREATE, ALTER, DROP


def create(session: Session, reader: Reader) -> Answer:
    """CREATE [OR REPLACE] kind [IF NOT EXISTS] name ..."""
    reader.expect("CREATE")
    replace = reader.accept("OR REPLACE")
    kind = reader.expect_one(DEPTH)
    lenient = reader.accept("IF NOT EXISTS")
    name = session.full(kind, reader.name(), f"CREATE {kind}")
    properties = _properties(reader, kind)
    _may_create(session, kind, name)
    before = session.account.get(kind, name)
    if before and lenient:
        return status(f"{shown(name[-1])} already exists, statement succeeded.")
    if before and not replace:
        raise error("already exists", shown(name))
    if kind == "TABLE":
        session.account.storage.run(session.connection, reader.sql)
    _make(session, kind, name, properties)
    return status(f"{kind.capitalize()} {shown(name[-1])} successfully created.")


def _properties(reader: Reader, kind: str) -> dict[str, Any]:
    """What follows the name: `KEY = value ...`, or the rest of a table, which fakesnow reads, and of code, which has to be whole."""
    if kind == "TABLE":
        return {}
    if kind not in CODE:
        return _checked(reader.properties()) if kind == "USER" else reader.properties()
    reader.parenthesis()
    while reader.next().key != "AS" or reader.key() in ("OWNER", "CALLER"):
        pass
    if reader.key() in ("BEGIN", "DECLARE"):
        reader.block()
    else:
        reader.string()
        reader.end()
    return {}


def _checked(properties: dict[str, str]) -> dict[str, Any]:
    """The properties of a user. Of a password only what checks it is kept, and a public key must be one."""
    try:
        for key in KEYS:
            public_key(properties.get(key, "")) if key in properties else None
    except ValueError:
        raise error("invalid key") from None
    return {key: Password(value) if key == "PASSWORD" else value for key, value in properties.items()}


def _may_create(session: Session, kind: str, name: Name) -> None:
    """Fail unless the place is there and the role may create such a thing in it."""
    if len(name) == 1:
        return session.must(f"CREATE {kind}", "ACCOUNT", ACCOUNT)
    for container, inner in (("DATABASE", name[:1]), ("SCHEMA", name[:2]))[: len(name) - 1]:
        session.find(container, inner)
    return session.must(f"CREATE {kind}", container, inner)


def _make(session: Session, kind: str, name: Name, properties: dict[str, Any]) -> None:
    account = session.account
    if kind == "USER":
        properties = {"LOGIN_NAME": name[0], **properties}
    account.add(kind, name, session.role, **properties)
    if kind == "DATABASE":
        account.storage.create_database(name[0])
        _make(session, "SCHEMA", (*name, PUBLIC), {})
    elif kind == "SCHEMA":
        account.storage.create_schema(*name)
        session.use(kind, name)  # a new one becomes the current one


def drop(session: Session, reader: Reader) -> Answer:
    """DROP kind [IF EXISTS] name, of what is in the account."""
    reader.expect("DROP")
    thing, name = _named(session, reader)
    reader.end()
    if thing is None:
        return status(f"Drop statement executed successfully ({shown(name)} already dropped).")
    if thing.kind == "DATABASE":
        session.account.storage.drop_database(thing.name[0])
    session.account.remove(thing)
    return status(f"{shown(name)} successfully dropped.")


def _named(session: Session, reader: Reader) -> tuple[Thing | None, str]:
    """What is named next and its name. The role must own it; IF EXISTS allows that it is not there."""
    kind = reader.expect_one([kind for kind in DEPTH if DEPTH[kind] == 1])
    lenient = reader.accept("IF EXISTS")
    name = reader.identifier()
    thing = session.account.get(kind, (name,))
    if thing is None or not session.account.sees(session.role, thing):
        if not lenient:
            raise not_found(kind, shown(name))
        return None, name
    session.must("OWNERSHIP", kind, thing.name)
    return thing, name


def alter(session: Session, reader: Reader) -> Answer:
    """ALTER SESSION, ALTER kind [IF EXISTS] name SET | UNSET | RENAME TO ..."""
    reader.expect("ALTER")
    if reader.accept("SESSION SET"):
        session.parameters.update(reader.properties())
        return status()
    thing, _name = _named(session, reader)
    if thing is None:
        return status()
    if reader.accept("SET"):
        thing.properties.update(_checked(reader.properties()))
    elif reader.accept("UNSET"):
        while not reader.done:
            thing.properties.pop(reader.next().key, None)
    elif thing.kind in ("ROLE", "USER"):
        reader.expect("RENAME TO")
        new = reader.identifier()
        reader.end()
        if session.account.get(thing.kind, (new,)):
            raise error("already exists", shown(new))
        session.account.rename(thing, new)
    else:
        raise error("unsupported", f"this ALTER {thing.kind}")
    return status()


# GRANT and REVOKE


def grant(session: Session, reader: Reader) -> Answer:
    """GRANT ROLE ... TO ROLE | USER ..., or GRANT privileges ON ... TO ROLE ... [WITH GRANT OPTION | COPY CURRENT GRANTS]."""
    account = session.account
    if reader.accept("GRANT ROLE"):
        role = account.need("ROLE", reader.name())
        reader.expect("TO")
        to = reader.expect_one(("ROLE", "USER"))
        grantee = account.need(to, reader.name())
        reader.end()
        _may_give(session, "ROLE", role.name)
        account.members[Membership(role.name[0], to, grantee.name[0])] = None
        return status()
    reader.expect("GRANT")
    privileges, targets, grantee_role = _terms(session, reader, "TO")
    reader.accept_one(("COPY CURRENT GRANTS", "REVOKE CURRENT GRANTS"))
    option = reader.accept("WITH GRANT OPTION")
    reader.end()
    for privilege in privileges:
        for kind, name in targets:
            if privilege == "OWNERSHIP":
                account.need(kind, name).owner = grantee_role
            else:
                account.grants[Grant(privilege, kind, name, grantee_role, option)] = None
    return status()


def revoke(session: Session, reader: Reader) -> Answer:
    """REVOKE privileges ON ... FROM ROLE ..."""
    account = session.account
    reader.expect("REVOKE")
    privileges, targets, role = _terms(session, reader, "FROM")
    reader.end()
    account.grants = {g: None for g in account.grants if g.role != role or g.privilege not in privileges or (g.kind, g.name) not in targets}
    return status()


def _may_give(session: Session, kind: str, name: Name) -> None:
    if not session.account.may(session.role, "MANAGE GRANTS"):
        session.must("OWNERSHIP", kind, name)


def _terms(session: Session, reader: Reader, word: str) -> tuple[list[str], list[tuple[str, Name]], str]:
    """`privilege, ... ON what TO | FROM [ROLE] role`: the privileges, what they are on, and the role."""
    privileges = [""]
    while not reader.accept("ON"):
        if reader.accept(","):
            privileges.append("")
        else:
            privileges[-1] = f"{privileges[-1]} {reader.next().key}".strip()
    targets = list(_targets(session, reader))
    reader.expect(word)
    reader.accept("ROLE")
    role = session.account.need("ROLE", reader.name())
    for target in targets:
        _may_give(session, *target)
    return privileges, targets, role.name[0]


def _targets(session: Session, reader: Reader) -> Iterator[tuple[str, Name]]:
    if reader.accept("ACCOUNT"):
        yield "ACCOUNT", ACCOUNT
    elif reader.accept("ALL"):
        kind = PLURALS[reader.expect_one(PLURALS)]
        reader.expect("IN")
        container = reader.expect_one(("SCHEMA", "DATABASE"))
        inside = session.find(container, session.full(container, reader.name(), "GRANT"))
        yield from ((kind, thing.name) for thing in session.account.all(kind, inside.name))
    else:
        kind = reader.expect_one(DEPTH)
        thing = session.find(kind, session.full(kind, reader.name(), "GRANT"))
        yield kind, thing.name


# SHOW and USE


def show(session: Session, reader: Reader) -> Answer:
    """SHOW things [LIKE 'pattern'] [IN DATABASE d | SCHEMA s] [STARTS WITH 'x'], SHOW GRANTS TO ROLE | USER name."""
    reader.expect("SHOW")
    if reader.accept("GRANTS TO"):
        return _show_grants(session, reader)
    kind = PLURALS[reader.expect_one(PLURALS)]
    pattern = _like(reader.string() if reader.accept("LIKE") else "%")
    inside: Name = ()
    if reader.accept("IN"):
        container = reader.expect_one(("DATABASE", "SCHEMA"))
        inside = session.find(container, session.full(container, reader.name(), "SHOW")).name
    start = reader.string() if reader.accept("STARTS WITH") else ""
    reader.end()
    things = [thing for thing in session.account.all(kind, inside) if session.account.sees(session.role, thing)]
    found = [thing for thing in things if pattern.fullmatch(thing.name[-1]) and thing.name[-1].startswith(start)]
    return Answer(("name", "owner", "comment"), [(t.name[-1], t.owner, t.properties.get("COMMENT", "")) for t in found], SHOW)


def _like(pattern: str) -> re.Pattern[str]:
    """A LIKE pattern as a regular expression that ignores the case."""
    special = {"%": ".*", "_": "."}
    parts = re.split(r"(\\.|%|_)", pattern)
    return re.compile("".join(special.get(part) or re.escape(part[1:] if part[:1] == "\\" else part) for part in parts), re.IGNORECASE | re.DOTALL)


def _show_grants(session: Session, reader: Reader) -> Answer:
    kind = reader.expect_one(("ROLE", "USER"))
    name = session.account.need(kind, reader.name()).name[0]
    reader.end()
    if kind == "USER":
        members = [m for m in session.account.members if (m.to, m.grantee) == ("USER", name)]
        return Answer(("role", "granted_to", "grantee_name"), [(m.role, m.to, m.grantee) for m in members], SHOW)
    owned = [("OWNERSHIP", thing.kind, shown(thing.name), name) for thing in session.account.things.values() if thing.owner == name]
    given = [(g.privilege, g.kind, shown(g.name), name) for g in session.account.grants if g.role == name]
    return Answer(("privilege", "granted_on", "name", "grantee_name"), owned + given, SHOW)


def use(session: Session, reader: Reader) -> Answer:
    """USE [ROLE | WAREHOUSE | DATABASE] name."""
    reader.expect("USE")
    kind = reader.accept_one(("ROLE", "WAREHOUSE")) or "DATABASE"
    reader.accept(kind)
    name = reader.identifier()
    reader.end()
    session.use(kind, (name,))
    return status(type_id=USED)


# Queries and DML, which fakesnow runs


def query(session: Session, reader: Reader) -> Answer:
    """A query or DML on tables that the role may see. What CURRENT_ROLE() and CURRENT_USER() stand for is filled in."""
    names = {"ROLE": session.role, "USER": session.user.name[0]}
    sql = re.sub(r"\bCURRENT_(ROLE|USER)\(\)", lambda found: literal(names[found[1]]), reader.sql)
    try:
        tree = parse_one(sql)
    except (ParseError, TokenError):
        tree = exp.Select()  # fakesnow says what is wrong with it
    tables = [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    if tables and not session.warehouse_ready:
        raise error("no warehouse")
    for table in tables:
        _check(session, table)
    return session.account.storage.run(session.connection, sql)


def _check(session: Session, table: exp.Table) -> None:
    """Fail unless the table is there for the role."""
    parts = (part for part in (table.args.get("catalog"), table.args.get("db"), table.this) if part is not None)
    name = tuple(part.name if part.args.get("quoted") else part.name.upper() for part in parts)
    full = session.full("TABLE", name, "SELECT")
    thing = session.account.get("TABLE", full)
    if thing is None or not session.account.sees(session.role, thing):
        raise not_found("OBJECT", shown(full))


HANDLERS: dict[str, Handler] = {
    **{"CREATE": create, "ALTER": alter, "DROP": drop, "GRANT": grant, "REVOKE": revoke, "SHOW": show, "USE": use},
    **dict.fromkeys(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"), query),
}
