# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements write to, and where they go: the name that comes next, judged.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .names import Name, Reader
from .objects import KIND, SCOPE, UNREADABLE, Objection, is_own
from .rules import RULES
from .scope import Reach, is_system_role
from .tokens import Token

Tokens = Sequence[Token]


def judge_target(tokens: Tokens, class_: str, reach: Reach) -> Iterator[Objection]:
    """What speaks against writing to the names that come next."""
    reader = Reader(tokens, reach.dialect)
    if reach.dialect == "tsql" and reader.key().startswith("@"):
        return  # a variable
    for name in reader.names():
        if not name.parts:
            yield Objection(UNREADABLE)
        elif not is_own(class_, name, reach):
            yield Objection(SCOPE, name.text)


def judge_comment(tokens: Tokens, reach: Reach) -> Iterator[Objection]:
    """COMMENT ON kind name IS …"""
    reader = Reader(tokens[1:], reach.dialect)
    reader.take("IF", "EXISTS")
    if not reader.take("ON"):
        yield Objection(UNREADABLE)
        return
    words: list[str] = []
    while reader.key(1) not in (".", "IS", "(", ""):
        words.append(reader.key())
        reader.place += 1
    kind = " ".join(words)
    name = reader.name()
    if kind == "COLUMN":
        kind, name = "TABLE", name._replace(parts=name.parts[:-1])
    class_ = RULES[reach.type].classes.get(kind, "")
    if not class_:
        yield Objection(KIND)
    elif not name.parts:
        yield Objection(UNREADABLE)
    elif not is_own(class_, name, reach) or (class_ == "account" and is_system_role(name.last)):
        yield Objection(SCOPE, name.text)


# What USE may name; a role or a warehouse is nobody's loss.
_PLACES = {"DATABASE": "database", "CATALOG": "database", "SCHEMA": "schema", "NAMESPACE": "schema"}
_HARMLESS = ("ROLE", "WAREHOUSE", "SECONDARY")
# What a name of one part is, when USE does not say
_BARE = {"snowflake": "database", "tsql": "database", "databricks": "schema", "redshift": "database"}


def read_use(tokens: Tokens, reach: Reach) -> Iterator[Objection]:
    """USE and SET CATALOG: from here on names without a database are in another one, perhaps not the platform's own."""
    reader = Reader(tokens[1:], reach.dialect)
    if reader.key(1) and reader.take_any(_HARMLESS):
        return
    kind = reader.take_any(_PLACES) if reader.key(1) else ""
    name = _string_name(reader) or reader.name()
    if not name.parts:
        yield Objection(UNREADABLE)
    elif len(name.parts) == 2:
        reach.current = reach.has_database(name.parts[0])
    elif _names_database(kind, reach.dialect):
        reach.current = reach.has_database(name.last)


def _names_database(kind: str, dialect: str) -> bool:
    """Whether USE with this kind, or without any, names a database. In Databricks a DATABASE is a schema."""
    if kind == "DATABASE" and dialect == "databricks":
        return False
    return (_PLACES.get(kind) or _BARE[dialect]) == "database"


def _string_name(reader: Reader) -> Name | None:
    """USE CATALOG 'c'"""
    token = reader.tokens[reader.place] if not reader.is_done else None
    if token is None or token.kind != "string":
        return None
    return Name(None, (token.text[1:-1].casefold(),))
