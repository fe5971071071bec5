# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CREATE, ALTER and DROP judged: the kind of object, what is said about it, and every name in the statement.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .classify import kind_of
from .names import Name, Reader
from .rules import (
    ABOVE,
    HANGING,
    MANAGED_FORMATS,
    MENTIONS,
    NEVER,
    NEVER_ANYWHERE,
    NEVER_ENDINGS,
    NOT_REPLACED,
    OUTSIDE,
    READING,
    RULES,
    may_by_purpose,
)
from .scope import Reach, is_system_role
from .tokens import Token

# Why a statement is refused: what it is, what it touches, or that nobody knows either.
KIND, SCOPE, UNREADABLE = "kind", "scope", "unreadable"


class Objection(NamedTuple):
    """A reason against a statement, and the name that it is about where it is not the statement's own."""

    reason: str
    object: str | None = None


class Definition(NamedTuple):
    """What CREATE, ALTER or DROP says: verb, kind of object, its class (empty when the kind is not known), what is before and behind."""

    verb: str
    kind: str
    class_: str
    modifiers: frozenset[str]
    reader: Reader
    if_exists: bool


def definition_of(tokens: Sequence[Token], reach: Reach) -> Definition:
    kind, behind = kind_of(tokens[1:])
    before = tokens[1 : len(tokens) - len(behind) - len(kind.split())]
    reader = Reader(behind, reach.dialect)
    if_exists = reader.take("IF", "NOT", "EXISTS") or reader.take("IF", "EXISTS")
    class_ = RULES[reach.type].classes.get(kind, "")
    return Definition(tokens[0].key, kind, class_, frozenset(token.key for token in before), reader, if_exists)


def judge_definition(tokens: Sequence[Token], reach: Reach, purpose: str) -> Iterator[Objection]:
    """What speaks against a CREATE, ALTER or DROP, without its body."""
    said = definition_of(tokens, reach)
    if said.verb == "ALTER" and said.kind == "DEFAULT PRIVILEGES":
        return
    if not said.class_ or not may_by_purpose(said.verb, said.kind, said.class_, purpose) or _is_never(said, reach):
        yield Objection(KIND)
        return
    if said.class_ != "session":
        yield from _judge_names(said, reach)
        yield from _judge_mentions(said, reach)


# ------------------------------------------------------------------------------------------------------------------- kind


def _is_never(said: Definition, reach: Reach) -> bool:
    """Whether the statement says what none of its kind may."""
    if _is_another_kind(said):
        return True
    words = {token.key for token in said.reader.rest if token.kind == "word"}
    never = NEVER.get((said.verb, said.class_), frozenset()) | NEVER_ANYWHERE | READING
    if words & never or any(word.endswith(NEVER_ENDINGS) for word in words):
        return True
    return said.verb != "DROP" and _lies_outside(said, reach)


def _is_another_kind(said: Definition) -> bool:
    """CREATE EXTERNAL TABLE, CREATE OR REPLACE DATABASE"""
    outside = said.modifiers & OUTSIDE and said.verb != "DROP"
    return bool(outside or (said.modifiers & {"REPLACE", "ALTER"} and said.class_ in NOT_REPLACED))


def _lies_outside(said: Definition, reach: Reach) -> bool:
    """LOCATION 's3://…', and in Databricks what keeps its data elsewhere: USING csv OPTIONS (…)"""
    places = list(outermost(said.reader.rest))
    keys = [token.key or token.kind for _place, token in places]
    for place, key in enumerate(keys):
        following = (*keys[place + 1 : place + 2], "")[0]
        if key == "LOCATION" and following in ("string", "=") and keys[place - 1] != "MANAGED":
            return True
        if reach.dialect == "databricks" and said.kind == "TABLE" and _is_format(key, following):
            return True
    return False


def _is_format(key: str, following: str) -> bool:
    return key == "OPTIONS" or (key == "USING" and following not in MANAGED_FORMATS)


def outermost(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """The tokens outside of every parenthesis, and where they are; the parentheses themselves are left out."""
    depth = 0
    for place, token in enumerate(tokens):
        if token.key in ("(", ")"):
            depth += 1 if token.key == "(" else -1
        elif depth == 0:
            yield place, token


# ------------------------------------------------------------------------------------------------------------------ names


def _judge_names(said: Definition, reach: Reach) -> Iterator[Objection]:
    reader = said.reader
    reader.take("ONLY")
    if said.kind == "OWNED":
        reader.take("BY")
    if reader.key() in ("ON", "AUTHORIZATION", ""):
        return  # the name follows from what is named behind it
    names = list(reader.names()) if said.verb == "DROP" else [reader.name()]
    for name in names:
        if not name.parts:
            yield Objection(UNREADABLE)
        elif not _may_touch(said, name, reach):
            yield Objection(SCOPE, name.text)


def _may_touch(said: Definition, name: Name, reach: Reach) -> bool:
    """Whether the statement may make, change or drop what has this name."""
    if said.class_ == "account" and is_system_role(name.last):
        return False
    if _changes_members(said, name, reach):
        return True
    if said.verb == "CREATE" and said.class_ == "account":
        return len(name.parts) == 1 and reach.may_make_account(said.kind, name.last, if_not_exists=said.if_exists)
    if said.verb == "CREATE" and said.class_ == "other":
        return len(name.parts) == 1
    return is_own(said.class_, name, reach)


def _changes_members(said: Definition, name: Name, reach: Reach) -> bool:
    """T-SQL: ALTER ROLE db_owner ADD MEMBER, a role that every database has; who the member is, is judged elsewhere."""
    fixed = reach.dialect == "tsql" and said.kind == "ROLE" and name.last.startswith("db_") and reach.current
    return fixed and said.verb == "ALTER" and said.reader.key(1) == "MEMBER"


def is_own(class_: str, name: Name, reach: Reach) -> bool:
    """Whether what has this name is the platform's own, or made by the script."""
    if class_ == "account":
        return len(name.parts) == 1 and reach.has_account(name.last)
    if class_ == "other":
        return len(name.parts) == 1 and reach.has_made("other", name.last)
    if class_ == "database":
        return len(name.parts) == 1 and reach.has_database(name.last)
    return reach.has_inside(name, above=ABOVE[class_])


def _judge_mentions(said: Definition, reach: Reach) -> Iterator[Objection]:
    """What is named behind OWNER TO, RENAME TO, ADD MEMBER and the like, and behind ON where the object hangs on it."""
    tokens = said.reader.tokens
    skip = 0
    for place, _token in outermost(tokens):
        if place < skip or place < said.reader.place - 1:
            continue
        for phrase, class_ in (*MENTIONS, *((("ON", "object"),) if said.kind in HANGING else ())):
            reader = Reader(tokens, reach.dialect)
            reader.place = place
            if reader.take(*phrase.split()):
                yield from _judge_mentioned(reader, said.class_ if class_ == "same" else class_, reach)
                skip = reader.place
                break


def _judge_mentioned(reader: Reader, class_: str, reach: Reach) -> Iterator[Objection]:
    kind = reader.take_any(("TABLE", "SCHEMA", "CATALOG"))
    class_ = {"SCHEMA": "schema", "CATALOG": "database"}.get(kind, class_)
    for name in reader.names():
        if not name.parts:
            yield Objection(UNREADABLE)
        elif class_ == "account" and name.last in RULES[reach.type].owners:
            continue
        elif not is_own(class_, name, reach):
            yield Objection(SCOPE, name.text)
