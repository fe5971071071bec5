# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's checks of GRANT, REVOKE and DENY: the privileges, the objects that they are on, and the grantees.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .gate_definitions import OUT_OF_SCOPE, UNREADABLE, WRONG_KIND, Violation, is_in_scope, outside_parentheses
from .gate_rules import RULES, Rules, entries
from .gate_scope import ScopeChecker, is_system_role
from .names import Name, TokenReader
from .tokenizer import Token

Tokens = Sequence[Token]

# Privileges on objects in scope that roles for all users may get: to use them, and to read them
PUBLIC_PRIVILEGES = entries("USAGE, SELECT, EXECUTE, REFERENCES, USE CATALOG, USE SCHEMA, BROWSE, READ VOLUME, TEMP, TEMPORARY, CONNECT")
# Words before the name of a grantee
_GRANTEE_KINDS = ("ROLE", "USER", "GROUP")
# Words that may come after the grantees
_AFTER_GRANTEES = entries("WITH, COPY, REVOKE, CASCADE, RESTRICT, AS, GRANTED, FORCE")
# The kinds of object that ALL … IN and FUTURE … IN may name, and their class
_CONTAINER_CLASSES = {"SCHEMA": "schema", "SCHEMAS": "schema", "DATABASE": "database", "CATALOG": "database"}
# Kinds that only grants name, and their class
_GRANT_ONLY_KINDS = {"LANGUAGE": "foreign", "METASTORE": "foreign", "WAREHOUSE": "foreign", "OBJECT": "object", "COLUMN": "object", "VIEW": "object"}
_ROLES = ("ROLE", "DATABASE ROLE")


class Grant(NamedTuple):
    """The parts of a GRANT, REVOKE or DENY. granted: the tokens of the privileges or roles. on: after ON, or None. grantees: after TO or FROM."""

    verb: str
    privileges: list[str]
    granted: Tokens
    on: Tokens | None
    grantees: Tokens


class Target(NamedTuple):
    """The objects that privileges are granted on. class_ is foreign for objects that are in no database."""

    kind: str
    class_: str
    names: list[Name]


def check_grant(tokens: Tokens, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of a GRANT, REVOKE or DENY."""
    grant = _parse_grant(tokens)
    if grant is None:
        yield Violation(UNREADABLE)
    elif grant.on is None:
        yield from _check_roles(grant, scope)
    else:
        yield from _check_objects(grant, grant.on, scope)


def _parse_grant(tokens: Tokens) -> Grant | None:
    """Return the parts of the statement, or None if it has no TO or FROM."""
    on = _first_index(tokens, ("ON",), 0)
    to = _first_index(tokens, ("TO", "FROM"), on)
    if not to:
        return None
    granted = tokens[1 : on or to]
    if [token.key for token in granted[:3]] == ["GRANT", "OPTION", "FOR"]:
        granted = granted[3:]
    return Grant(tokens[0].key, _privileges(granted), granted, tokens[on + 1 : to] if on else None, tokens[to + 1 :])


def _first_index(tokens: Tokens, keys: tuple[str, ...], start: int) -> int:
    """Return the index of the first of these keys after start and outside of parentheses, or 0 if there is none."""
    return next((index for index, token in outside_parentheses(tokens) if token.key in keys and index > start), 0)


def _privileges(granted: Tokens) -> list[str]:
    """Return the privileges, such as SELECT and USE CATALOG, without the columns in parentheses."""
    phrases = [""]
    for _index, token in outside_parentheses(granted):
        if token.key == ",":
            phrases.append("")
        else:
            phrases[-1] = f"{phrases[-1]} {token.key or 'quoted'}".strip()
    return ["ALL" if phrase == "ALL PRIVILEGES" else phrase for phrase in phrases]


# ------------------------------------------------------------------------------------------------------- roles, privileges


def _check_roles(grant: Grant, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of GRANT ROLE r TO …, and of privileges without ON."""
    if set(grant.privileges) <= RULES[scope.type].privileges_without_object:
        yield from _check_grantees(grant, scope, own=True)
        return
    reader = TokenReader(grant.granted, scope.dialect)
    kind = "DATABASE ROLE" if reader.take("DATABASE", "ROLE") else "ROLE"
    if len(grant.granted) > 1:
        reader.take("ROLE")
    names = list(reader.names())
    if not reader.is_done or not all(name.parts for name in names):
        yield Violation(WRONG_KIND if grant.verb == "GRANT" else UNREADABLE)
        return
    for name in names:
        yield from _check_role(grant, kind, name, scope)


def _check_role(grant: Grant, kind: str, name: Name, scope: ScopeChecker) -> Iterator[Violation]:
    own = is_in_scope("database role" if kind == "DATABASE ROLE" else "account", name, scope)
    if grant.verb == "GRANT":
        if kind == "ROLE" and is_system_role(name.last):
            yield Violation(WRONG_KIND, name.text)
            return
        if not own and (kind == "ROLE" or name.parts[0] not in RULES[scope.type].system_databases):
            yield Violation(OUT_OF_SCOPE, name.text)
    yield from _check_grantees(grant, scope, own=own)


def _check_objects(grant: Grant, on: Tokens, scope: ScopeChecker) -> Iterator[Violation]:
    target = _read_target(on, scope, RULES[scope.type])
    if target is None:
        yield Violation(WRONG_KIND)
    elif not all(name.parts for name in target.names):
        yield Violation(UNREADABLE)
    elif target.class_ == "foreign" and not _is_created(target, scope):
        yield from _check_objects_outside(grant, target, scope)
    else:
        yield from _check_own_objects(grant, target, scope)


def _check_own_objects(grant: Grant, target: Target, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of privileges on objects that are in a database, or that the script created."""
    outside = [name for name in target.names if target.class_ != "foreign" and not is_in_scope(target.class_, name, scope)]
    if grant.verb == "GRANT":
        yield from (Violation(OUT_OF_SCOPE, name.text) for name in outside if not _is_system_grant(grant, name, scope))
    yield from _check_grantees(grant, scope, own=not outside)


def _check_objects_outside(grant: Grant, target: Target, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of privileges on the account, a warehouse or a language. Immuta needs only few of them."""
    if grant.verb == "GRANT" and not set(grant.privileges) <= RULES[scope.type].privileges_outside.get(target.kind, frozenset()):
        yield Violation(WRONG_KIND)
    yield from _check_grantees(grant, scope, own=False)


def _is_created(target: Target, scope: ScopeChecker) -> bool:
    return bool(target.names) and all(("other", name.last) in scope.created for name in target.names)


def _is_system_grant(grant: Grant, name: Name, scope: ScopeChecker) -> bool:
    """Whether the object is in a system database (SNOWFLAKE, system), and the privileges on it are allowed."""
    return set(grant.privileges) <= RULES[scope.type].system_databases.get(name.parts[0], frozenset())


# ------------------------------------------------------------------------------------------------------------------ target


def _read_target(on: Tokens, scope: ScopeChecker, rules: Rules) -> Target | None:
    """Return the kind, class and names of the objects after ON, or None if no rule knows the kind."""
    reader = TokenReader(on, scope.dialect)
    if [token.key for token in on] in (["ACCOUNT"], ["METASTORE"]):
        return Target(on[0].key, "foreign", [])
    if reader.key() in ("ALL", "FUTURE"):
        return _read_container(reader)
    kind = _read_kind(reader, rules)
    if kind is None:
        return None
    class_ = _GRANT_ONLY_KINDS.get(kind) or rules.classes.get(kind) or "object"
    names = list(reader.names())
    return Target(kind, class_, names) if reader.is_done else None


def _read_container(reader: TokenReader) -> Target | None:
    """Return the target of ALL TABLES IN SCHEMA s or FUTURE SCHEMAS IN DATABASE d: the schema or the database."""
    while not reader.is_done and not reader.take("IN"):
        reader.index += 1
    kind = reader.take_any(_CONTAINER_CLASSES)
    names = list(reader.names())
    return Target(kind, _CONTAINER_CLASSES[kind], names) if kind and reader.is_done else None


def _read_kind(reader: TokenReader, rules: Rules) -> str | None:
    """Return the kind of object before its name, "" if the name comes without a kind, or None if no rule knows the kind."""
    known = [*rules.classes, *_GRANT_ONLY_KINDS]
    for length in (3, 2, 1):
        words = [reader.key(ahead) for ahead in range(length)]
        if " ".join(words) in known and reader.key(length) not in ("", ",", "."):
            reader.index += length
            reader.take(":", ":")
            return " ".join(words)
    following = reader.key(1)
    return "" if following in ("", ",", ".", "(") else None


# ---------------------------------------------------------------------------------------------------------------- grantees


def _check_grantees(grant: Grant, scope: ScopeChecker, *, own: bool) -> Iterator[Violation]:
    """Yield the violations of the grantees. own: whether all objects are in scope. Anybody's privileges on such objects may be revoked."""
    if grant.verb == "REVOKE" and own:
        return
    accepted_grantees = _accepted_grantees(grant, scope) if own else frozenset()
    for kind, name, is_understood in _read_grantees(grant, scope.dialect):
        if not name.parts:
            yield Violation(UNREADABLE)
        elif not is_understood:
            yield Violation(WRONG_KIND)  # GRANT … TO SHARE s
        elif name.parts not in accepted_grantees and not _may_be_granted(kind, name, scope):
            yield Violation(OUT_OF_SCOPE, name.text)


def _read_grantees(grant: Grant, dialect: str) -> Iterator[tuple[str, Name, bool]]:
    """Yield each grantee: the kind of account, its name, and whether the gate understands the words after it."""
    reader = TokenReader(grant.grantees, dialect)
    while True:
        kind = _read_grantee_kind(reader)
        name = reader.name()
        yield kind, name, reader.key() in ("", ",", *_AFTER_GRANTEES)
        # In Redshift, each grantee may have the option: TO a WITH GRANT OPTION, b
        for option in ("GRANT", "ADMIN"):
            reader.take("WITH", option, "OPTION")
        if not reader.take(","):
            return


def _accepted_grantees(grant: Grant, scope: ScopeChecker) -> frozenset[tuple[str, ...]]:
    """Return the normalized names of grantees that need not be in scope to get these privileges on objects in scope."""
    rules = RULES[scope.type]
    return frozenset((name,) for name in rules.allowed_owners | (rules.public_roles if set(grant.privileges) <= PUBLIC_PRIVILEGES else frozenset()))


def _read_grantee_kind(reader: TokenReader) -> str:
    if reader.take("DATABASE", "ROLE"):
        return "DATABASE ROLE"
    has_kind = reader.key(1) not in ("", ",") and reader.key(1) not in _AFTER_GRANTEES
    return reader.take_any(_GRANTEE_KINDS) if has_kind else ""


def _may_be_granted(kind: str, name: Name, scope: ScopeChecker) -> bool:
    if kind == "DATABASE ROLE":
        return is_in_scope("database role", name, scope)
    is_public = name.last in RULES[scope.type].public_roles
    return len(name.parts) == 1 and (scope.is_own_account(name.last) or (not is_public and scope.accepts_token_owner(name.last)))
