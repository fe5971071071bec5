# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CREATE, ALTER, DROP and COMMENT ON, of every kind of object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..words import Name
from .answers import Answer, Forward, status, success
from .errors import already_exists, insufficient_privileges, not_found, unsupported
from .ledger import PUBLIC, Thing
from .privileges import KINDS, MODIFIERS, SAME_NAMES
from .procedures import arguments, definition, signature, types
from .session import Session
from .users import user_properties
from .words import Reader, shown

Properties = dict[str, Any]


def _plain(reader: Reader) -> Properties:
    reader.accept("WITH")
    return reader.properties()


def _of_schema(reader: Reader) -> Properties:
    return reader.properties(("WITH MANAGED ACCESS",))


def _as_written(reader: Reader) -> Properties:
    return {"definition": reader.rest()}


# How the rest of a CREATE is read; of other kinds it is kept as written.
PROPERTIES: dict[str, Callable[[Reader], Properties]] = {
    **dict.fromkeys(("DATABASE", "ROLE", "WAREHOUSE", "DATABASE ROLE"), _plain),
    **dict.fromkeys(("PROCEDURE", "FUNCTION"), definition),
    "SCHEMA": _of_schema,
    "USER": user_properties,
}


# CREATE


def create(session: Session, reader: Reader) -> Answer | Forward:
    """CREATE [OR REPLACE] kind [IF NOT EXISTS] name ..."""
    reader.expect("CREATE")
    replace = bool(reader.accept_one(("OR REPLACE", "OR ALTER")))
    kind = _kind(reader)
    lenient = reader.accept("IF NOT EXISTS")
    name = session.resolve(kind, reader.name(), f"CREATE {kind}")
    properties: Properties = {}
    if KINDS[kind].signature:
        properties["arguments"] = arguments(reader)
        name = (*name[:-1], name[-1] + signature(properties["arguments"].values()))
    if not KINDS[kind].stored:
        properties |= PROPERTIES.get(kind, _as_written)(reader)
    _may_create(session, kind, name)
    before = _taken(session, kind, name)
    if before and lenient:
        return status(f"{shown(name[-1])} already exists, statement succeeded.")
    if before and not replace:
        raise already_exists(shown(name))
    if before:
        session.must_own(before)
    if KINDS[kind].stored:
        return Forward(reader.sql, after=lambda: _put(session, kind, name))
    if before:
        _remove(session, before)
    _make(session, kind, name, properties)
    return status(f"{kind.capitalize()} {shown(name[-1])} successfully created.")


def _kind(reader: Reader) -> str:
    while True:
        kind = reader.accept_one(KINDS)
        if kind:
            return kind
        reader.expect_one(MODIFIERS)


def _may_create(session: Session, kind: str, name: Name) -> None:
    """Fail unless the place is there and the role may create such a thing in it."""
    if len(name) == 1:
        return session.must_on_account(f"CREATE {kind}")
    for container, inner in (("DATABASE", name[:1]), ("SCHEMA", name[:2]))[: len(name) - 1]:
        session.find(container, inner)
    return session.must(f"CREATE {kind}", container, inner)


def _taken(session: Session, kind: str, name: Name) -> Thing | None:
    same = next((kinds for kinds in SAME_NAMES if kind in kinds), {kind})
    return next((thing for thing in (session.ledger.get(k, name) for k in same) if thing), None)


def _put(session: Session, kind: str, name: Name, **properties: Any) -> None:
    session.ledger.add(kind, name, session.role, **properties)


def _make(session: Session, kind: str, name: Name, properties: Properties) -> None:
    """Make something of which fakesnow knows nothing, or not enough."""
    if kind == "DATABASE":
        session.storage.create_database(name[0])
        session.storage.create_schema(name[0], PUBLIC)
        _put(session, "SCHEMA", (*name, PUBLIC))
    elif kind == "SCHEMA":
        session.storage.create_schema(*name)
    elif kind == "USER":
        properties = {"LOGIN_NAME": name[0], "DISPLAY_NAME": name[0], **properties}
    _put(session, kind, name, **properties)
    if kind in ("DATABASE", "SCHEMA"):
        session.use_database(*name)  # a new one becomes the current one


# DROP


def drop(session: Session, reader: Reader) -> Answer | Forward:
    """DROP kind [IF EXISTS] name [CASCADE | RESTRICT]."""
    reader.expect("DROP")
    reader.accept_one(MODIFIERS)
    kind = reader.expect_one(KINDS)
    lenient = reader.accept("IF EXISTS")
    thing, name = _named(session, reader, kind, f"DROP {kind}")
    reader.accept_one(("CASCADE", "RESTRICT"))
    reader.end()
    if thing is None and lenient:
        return status(f"Drop statement executed successfully ({shown(name[-1])} already dropped).")
    if thing is None:
        raise not_found(kind, shown(name))
    session.must_own(thing)
    if KINDS[kind].stored:
        return Forward(reader.sql, after=lambda: session.ledger.remove(kind, name, heir=session.role))
    _remove(session, thing)
    return status(f"{shown(name[-1])} successfully dropped.")


def _named(session: Session, reader: Reader, kind: str, command: str) -> tuple[Thing | None, Name]:
    """The thing that is named next, if it is there for the role, and its full name."""
    name = session.resolve(kind, reader.name(), command)
    if KINDS[kind].signature and reader.key() == "(":
        name = (*name[:-1], name[-1] + signature(types(reader)))
    thing = session.ledger.get(kind, name)
    if thing and kind not in ("ROLE", "USER") and not session.ledger.sees(session.role, thing):
        thing = None
    return thing, name


def _remove(session: Session, thing: Thing) -> None:
    if thing.kind == "DATABASE":
        session.storage.drop_database(thing.name[0])
    elif thing.kind == "SCHEMA":
        session.storage.drop_schema(*thing.name)
    session.ledger.remove(thing.kind, thing.name, heir=session.role)


# ALTER


def alter(session: Session, reader: Reader) -> Answer | Forward:
    """ALTER SESSION, ALTER ACCOUNT, ALTER kind [IF EXISTS] name ..."""
    reader.expect("ALTER")
    if reader.accept("SESSION"):
        return _alter_session(session, reader)
    if reader.accept("ACCOUNT"):
        if "ACCOUNTADMIN" not in session.ledger.effective(session.role):
            raise insufficient_privileges("ACCOUNT", session.account.name)
        return success()
    reader.accept_one(MODIFIERS)
    kind = reader.expect_one(KINDS)
    lenient = reader.accept("IF EXISTS")
    thing, name = _named(session, reader, kind, f"ALTER {kind}")
    if thing is None and lenient:
        return success()
    if thing is None:
        raise not_found(kind, shown(name))
    return _alter_thing(session, thing, reader)


def _alter_thing(session: Session, thing: Thing, reader: Reader) -> Answer | Forward:
    modify = "OPERATE" if thing.kind == "WAREHOUSE" else "MODIFY"
    if not session.ledger.may(session.role, modify, thing.kind, thing.name):
        session.must_own(thing)
    if reader.accept("RENAME TO"):
        return _rename(session, thing, reader)
    if KINDS[thing.kind].stored and not _concerns_policies(reader):
        return Forward(reader.sql)
    if thing.kind in PROPERTIES and reader.accept("SET"):
        thing.properties.update(user_properties(reader) if thing.kind == "USER" else reader.properties())
    elif reader.accept("UNSET"):
        while not reader.done:
            thing.properties.pop(reader.next().key, None)
    elif reader.done:
        raise reader.unexpected()
    return success()


def _concerns_policies(reader: Reader) -> bool:
    """Whether an ALTER TABLE is about policies or tags, which fakesnow does not have."""
    return any(word.key in ("POLICY", "POLICIES", "TAG") for word in reader.words[reader.at :])


def _alter_session(session: Session, reader: Reader) -> Answer | Forward:
    action = reader.expect_one(("SET", "UNSET"))
    if reader.key() == "AUTOCOMMIT":
        return Forward(reader.sql)
    if action == "SET":
        session.parameters.update(reader.properties())
    while not reader.done:
        session.parameters.pop(reader.next().key, None)
    return success()


def _rename(session: Session, thing: Thing, reader: Reader) -> Answer | Forward:
    new = session.resolve(thing.kind, reader.name(), f"ALTER {thing.kind}")
    reader.end()
    if _taken(session, thing.kind, new):
        raise already_exists(shown(new))
    session.must_own(thing)
    old = thing.name
    if KINDS[thing.kind].stored:
        return Forward(reader.sql, after=lambda: session.ledger.rename(thing.kind, old, new))
    if thing.kind in ("DATABASE", "SCHEMA"):
        raise unsupported(f"ALTER {thing.kind} ... RENAME")  # DuckDB cannot
    session.ledger.rename(thing.kind, old, new)
    return success()


# COMMENT


def comment(session: Session, reader: Reader) -> Answer:
    """COMMENT [IF EXISTS] ON kind name IS 'text'; on a column it is checked and forgotten."""
    reader.expect("COMMENT")
    lenient = reader.accept("IF EXISTS")
    reader.expect("ON")
    if reader.accept("COLUMN"):
        return _comment_column(session, reader)
    kind = reader.expect_one(KINDS)
    thing, name = _named(session, reader, kind, "COMMENT")
    reader.expect("IS")
    text = reader.value()
    reader.end()
    if thing is None and not lenient:
        raise not_found(kind, shown(name))
    if thing is not None:
        session.must_own(thing)
        thing.properties["COMMENT"] = text
    return success()


def _comment_column(session: Session, reader: Reader) -> Answer:
    *table, _unused = reader.name()
    reader.expect("IS")
    reader.value()
    reader.end()
    session.must_own(session.find("TABLE", session.resolve("TABLE", tuple(table), "COMMENT")))
    return success()
