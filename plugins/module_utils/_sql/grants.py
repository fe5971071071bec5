# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRANT, REVOKE and DENY judged: which rights, on what, and who gets them.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .names import Name, Reader
from .objects import KIND, SCOPE, UNREADABLE, Objection, is_own, outermost
from .rules import RULES, Rules, listed
from .scope import Reach, is_system_role
from .tokens import Token

Tokens = Sequence[Token]

# Rights that everybody may have on what is Immuta's own: to use it, and to read it
OPEN = listed("USAGE, SELECT, EXECUTE, REFERENCES, USE CATALOG, USE SCHEMA, BROWSE, READ VOLUME, TEMP, TEMPORARY, CONNECT")
# Words for whom a right goes to
_HOLDERS = ("ROLE", "USER", "GROUP")
_AFTER_HOLDERS = listed("WITH, COPY, REVOKE, CASCADE, RESTRICT, AS, GRANTED, FORCE")
# The plural that ALL … IN and FUTURE … IN take
_INSIDE = {"SCHEMA": "schema", "SCHEMAS": "schema", "DATABASE": "database", "CATALOG": "database"}
# Kinds that grants name and that no statement makes
_GRANTED = {"LANGUAGE": "foreign", "METASTORE": "foreign", "WAREHOUSE": "foreign", "OBJECT": "object", "COLUMN": "object", "VIEW": "object"}
_ROLES = ("ROLE", "DATABASE ROLE")


class Grant(NamedTuple):
    """rights: what is granted, word by word. on: what on, None where there is nothing. holders: who it is for."""

    verb: str
    rights: list[str]
    granted: Tokens
    on: Tokens | None
    holders: Tokens


class Target(NamedTuple):
    """What rights are granted on. class_ foreign: what is in no database."""

    kind: str
    class_: str
    names: list[Name]


def judge_grant(tokens: Tokens, reach: Reach) -> Iterator[Objection]:
    """What speaks against a GRANT, REVOKE or DENY."""
    grant = _taken_apart(tokens)
    if grant is None:
        yield Objection(UNREADABLE)
    elif grant.on is None:
        yield from _judge_roles(grant, reach)
    else:
        yield from _judge_rights(grant, grant.on, reach)


def _taken_apart(tokens: Tokens) -> Grant | None:
    """The statement in its parts; None when it has not the form of one."""
    on = _first(tokens, ("ON",), 0)
    to = _first(tokens, ("TO", "FROM"), on)
    if not to:
        return None
    granted = tokens[1 : on or to]
    if [token.key for token in granted[:3]] == ["GRANT", "OPTION", "FOR"]:
        granted = granted[3:]
    return Grant(tokens[0].key, _rights(granted), granted, tokens[on + 1 : to] if on else None, tokens[to + 1 :])


def _first(tokens: Tokens, keys: tuple[str, ...], start: int) -> int:
    """Where one of these keys stands first, outside of parentheses; 0 where none does."""
    return next((place for place, token in outermost(tokens) if token.key in keys and place > start), 0)


def _rights(granted: Tokens) -> list[str]:
    """SELECT, USE CATALOG; without the columns in parentheses"""
    phrases = [""]
    for _place, token in outermost(granted):
        if token.key == ",":
            phrases.append("")
        else:
            phrases[-1] = f"{phrases[-1]} {token.key or 'quoted'}".strip()
    return ["ALL" if phrase == "ALL PRIVILEGES" else phrase for phrase in phrases]


# ------------------------------------------------------------------------------------------------------------ roles, rights


def _judge_roles(grant: Grant, reach: Reach) -> Iterator[Objection]:
    """GRANT ROLE r TO …, and rights that are on nothing."""
    if set(grant.rights) <= RULES[reach.type].system:
        yield from _judge_holders(grant, reach, own=True)
        return
    reader = Reader(grant.granted, reach.dialect)
    kind = "DATABASE ROLE" if reader.take("DATABASE", "ROLE") else "ROLE"
    if len(grant.granted) > 1:
        reader.take("ROLE")
    names = list(reader.names())
    if not reader.is_done or not all(name.parts for name in names):
        yield Objection(KIND if grant.verb == "GRANT" else UNREADABLE)
        return
    for name in names:
        yield from _judge_role(grant, kind, name, reach)


def _judge_role(grant: Grant, kind: str, name: Name, reach: Reach) -> Iterator[Objection]:
    own = is_own("database role" if kind == "DATABASE ROLE" else "account", name, reach)
    if grant.verb == "GRANT":
        if kind == "ROLE" and is_system_role(name.last):
            yield Objection(KIND, name.text)
            return
        if not own and (kind == "ROLE" or name.parts[0] not in RULES[reach.type].shared):
            yield Objection(SCOPE, name.text)
    yield from _judge_holders(grant, reach, own=own)


def _judge_rights(grant: Grant, on: Tokens, reach: Reach) -> Iterator[Objection]:
    target = _target(on, reach, RULES[reach.type])
    if target is None:
        yield Objection(KIND)
    elif not all(name.parts for name in target.names):
        yield Objection(UNREADABLE)
    elif target.class_ == "foreign" and not _is_made(target, reach):
        yield from _judge_foreign(grant, target, reach)
    else:
        yield from _judge_own(grant, target, reach)


def _judge_own(grant: Grant, target: Target, reach: Reach) -> Iterator[Objection]:
    """What is in a database, or was made by the script."""
    foreign = [name for name in target.names if target.class_ != "foreign" and not is_own(target.class_, name, reach)]
    if grant.verb == "GRANT":
        yield from (Objection(SCOPE, name.text) for name in foreign if not _is_shared(grant, name, reach))
    yield from _judge_holders(grant, reach, own=not foreign)


def _judge_foreign(grant: Grant, target: Target, reach: Reach) -> Iterator[Objection]:
    """What is not in a database: the account, a warehouse, a language. Few rights on it are Immuta's business."""
    if grant.verb == "GRANT" and not set(grant.rights) <= RULES[reach.type].foreign.get(target.kind, frozenset()):
        yield Objection(KIND)
    yield from _judge_holders(grant, reach, own=False)


def _is_made(target: Target, reach: Reach) -> bool:
    return bool(target.names) and all(("other", name.last) in reach.made for name in target.names)


def _is_shared(grant: Grant, name: Name, reach: Reach) -> bool:
    """The platform's own database, in which everything may be read: SNOWFLAKE, system."""
    return set(grant.rights) <= RULES[reach.type].shared.get(name.parts[0], frozenset())


# ------------------------------------------------------------------------------------------------------------------ target


def _target(on: Tokens, reach: Reach, rules: Rules) -> Target | None:
    """Kind, class and names of what rights are granted on; None when the kind is in no list."""
    reader = Reader(on, reach.dialect)
    if [token.key for token in on] in (["ACCOUNT"], ["METASTORE"]):
        return Target(on[0].key, "foreign", [])
    if reader.key() in ("ALL", "FUTURE"):
        return _all_inside(reader)
    kind = _kind(reader, rules)
    if kind is None:
        return None
    class_ = _GRANTED.get(kind) or rules.classes.get(kind) or "object"
    names = list(reader.names())
    return Target(kind, class_, names) if reader.is_done else None


def _all_inside(reader: Reader) -> Target | None:
    """ALL TABLES IN SCHEMA s, FUTURE SCHEMAS IN DATABASE d"""
    while not reader.is_done and not reader.take("IN"):
        reader.place += 1
    kind = reader.take_any(_INSIDE)
    names = list(reader.names())
    return Target(kind, _INSIDE[kind], names) if kind and reader.is_done else None


def _kind(reader: Reader, rules: Rules) -> str | None:
    """The kind of object in front of its name, empty where the name stands alone; None when it is in no list."""
    known = [*rules.classes, *_GRANTED]
    for length in (3, 2, 1):
        words = [reader.key(ahead) for ahead in range(length)]
        if " ".join(words) in known and reader.key(length) not in ("", ",", "."):
            reader.place += length
            reader.take(":", ":")
            return " ".join(words)
    following = reader.key(1)
    return "" if following in ("", ",", ".", "(") else None


# ----------------------------------------------------------------------------------------------------------------- holders


def _judge_holders(grant: Grant, reach: Reach, *, own: bool) -> Iterator[Objection]:
    """Who gets a right. What is taken away from somebody, or taken from Immuta's own things, is nobody's loss but Immuta's."""
    if grant.verb == "REVOKE" and own:
        return
    accepted = _accepted(grant, reach) if own else frozenset()
    for kind, name, is_known in _holders(grant, reach.dialect):
        if not name.parts:
            yield Objection(UNREADABLE)
        elif not is_known:
            yield Objection(KIND)  # GRANT … TO SHARE s
        elif name.parts not in accepted and not _may_hold(kind, name, reach):
            yield Objection(SCOPE, name.text)


def _holders(grant: Grant, dialect: str) -> Iterator[tuple[str, Name, bool]]:
    """Who is named: the kind of account, its name, and whether they are all there is."""
    reader = Reader(grant.holders, dialect)
    while True:
        kind = _holder_kind(reader)
        name = reader.name()
        yield kind, name, reader.key() in ("", ",", *_AFTER_HOLDERS)
        # Redshift says it for each of them: TO a WITH GRANT OPTION, b
        for option in ("GRANT", "ADMIN"):
            reader.take("WITH", option, "OPTION")
        if not reader.take(","):
            return


def _accepted(grant: Grant, reach: Reach) -> frozenset[tuple[str, ...]]:
    """Who may have a right on what is Immuta's own although the config does not name them."""
    rules = RULES[reach.type]
    return frozenset((name,) for name in rules.owners | (rules.everybody if set(grant.rights) <= OPEN else frozenset()))


def _holder_kind(reader: Reader) -> str:
    if reader.take("DATABASE", "ROLE"):
        return "DATABASE ROLE"
    named = reader.key(1) not in ("", ",") and reader.key(1) not in _AFTER_HOLDERS
    return reader.take_any(_HOLDERS) if named else ""


def _may_hold(kind: str, name: Name, reach: Reach) -> bool:
    if kind == "DATABASE ROLE":
        return is_own("database role", name, reach)
    everybody = name.last in RULES[reach.type].everybody
    return len(name.parts) == 1 and (reach.has_account(name.last) or (not everybody and reach.takes_principal(name.last)))
