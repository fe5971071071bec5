# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's checks of CREATE, ALTER and DROP: the kind of object, forbidden words, and every name in the statement.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .classify import kind_of
from .gate_rules import (
    FORBIDDEN_ENDINGS,
    FORBIDDEN_WORDS,
    FORBIDDEN_WORDS_ANYWHERE,
    KINDS_ON_OBJECT,
    MANAGED_FORMATS,
    NOT_REPLACEABLE,
    OUTSIDE_MODIFIERS,
    PARSER_SETTINGS,
    QUALIFIERS_TO_DATABASE,
    REFERENCE_PHRASES,
    RULES,
    is_allowed_for_purpose,
)
from .gate_scope import ScopeChecker, is_system_role
from .names import Name, TokenReader
from .tokenizer import Token

# Reasons to refuse a statement: the kind of statement, an object outside of the scope, or code that the gate cannot read
WRONG_KIND, OUT_OF_SCOPE, UNREADABLE = "kind", "scope", "unreadable"


class Violation(NamedTuple):
    """A reason to refuse a statement. object: the name that it is about, or None for the statement's own object."""

    reason: str
    object: str | None = None


class Definition(NamedTuple):
    """A CREATE, ALTER or DROP. class_: of the kind, "" if no rule knows it. modifiers: the words before the kind. reader: after it."""

    verb: str
    kind: str
    class_: str
    modifiers: frozenset[str]
    reader: TokenReader
    if_exists: bool


def read_definition(tokens: Sequence[Token], scope: ScopeChecker) -> Definition:
    """Return the parts of a CREATE, ALTER or DROP."""
    kind, after_kind = kind_of(tokens[1:])
    before_kind = tokens[1 : len(tokens) - len(after_kind) - len(kind.split())]
    reader = TokenReader(after_kind, scope.dialect)
    if_exists = reader.take("IF", "NOT", "EXISTS") or reader.take("IF", "EXISTS")
    class_ = RULES[scope.type].classes.get(kind, "")
    return Definition(tokens[0].key, kind, class_, frozenset(token.key for token in before_kind), reader, if_exists)


def check_definition(tokens: Sequence[Token], scope: ScopeChecker, purpose: str) -> Iterator[Violation]:
    """Yield the violations of a CREATE, ALTER or DROP, without its body."""
    definition = read_definition(tokens, scope)
    if definition.verb == "ALTER" and definition.kind == "DEFAULT PRIVILEGES":
        return
    if not definition.class_ or not is_allowed_for_purpose(definition.verb, definition.kind, definition.class_, purpose) or _is_forbidden(definition, scope):
        yield Violation(WRONG_KIND)
        return
    if definition.class_ != "session":
        yield from _check_names(definition, scope)
        yield from _check_references(definition, scope)


# ------------------------------------------------------------------------------------------------------------------- kind


def _is_forbidden(definition: Definition, scope: ScopeChecker) -> bool:
    """Whether the statement contains something that is forbidden for its kind."""
    if _has_forbidden_modifier(definition):
        return True
    words = {token.key for token in definition.reader.rest if token.kind == "word"}
    forbidden_words = FORBIDDEN_WORDS.get((definition.verb, definition.class_), frozenset()) | FORBIDDEN_WORDS_ANYWHERE | PARSER_SETTINGS
    if words & forbidden_words or any(word.endswith(FORBIDDEN_ENDINGS) for word in words):
        return True
    return definition.verb != "DROP" and _is_stored_outside(definition, scope)


def _has_forbidden_modifier(definition: Definition) -> bool:
    """Whether a word before the kind is forbidden: CREATE EXTERNAL TABLE, CREATE OR REPLACE DATABASE"""
    outside = definition.modifiers & OUTSIDE_MODIFIERS and definition.verb != "DROP"
    return bool(outside or (definition.modifiers & {"REPLACE", "ALTER"} and definition.class_ in NOT_REPLACEABLE))


def _is_stored_outside(definition: Definition, scope: ScopeChecker) -> bool:
    """Whether the object keeps its data elsewhere: LOCATION 's3://…' or, in Databricks, USING csv OPTIONS (…)"""
    indexed_tokens = list(outside_parentheses(definition.reader.rest))
    keys = [token.key or token.kind for _index, token in indexed_tokens]
    for index, key in enumerate(keys):
        following = (*keys[index + 1 : index + 2], "")[0]
        if key == "LOCATION" and following in ("string", "=") and keys[index - 1] != "MANAGED":
            return True
        if scope.dialect == "databricks" and definition.kind == "TABLE" and _is_external_format(key, following):
            return True
    return False


def _is_external_format(key: str, following: str) -> bool:
    return key == "OPTIONS" or (key == "USING" and following not in MANAGED_FORMATS)


def outside_parentheses(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """Yield the tokens outside of all parentheses with their indexes, without the parentheses themselves."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.key in ("(", ")"):
            depth += 1 if token.key == "(" else -1
        elif depth == 0:
            yield index, token


# ------------------------------------------------------------------------------------------------------------------ names


def _check_names(definition: Definition, scope: ScopeChecker) -> Iterator[Violation]:
    reader = definition.reader
    reader.take("ONLY")
    if definition.kind == "OWNED":
        reader.take("BY")
    if reader.key() in ("ON", "AUTHORIZATION", ""):
        return  # the object named later determines the name
    names = list(reader.names()) if definition.verb == "DROP" else [reader.name()]
    for name in names:
        if not name.parts:
            yield Violation(UNREADABLE)
        elif not _may_change(definition, name, scope):
            yield Violation(OUT_OF_SCOPE, name.text)


def _may_change(definition: Definition, name: Name, scope: ScopeChecker) -> bool:
    """Whether the statement may create, alter or drop the object with this name."""
    if definition.class_ == "account" and is_system_role(name.last):
        return False
    if _changes_members(definition, name, scope):
        return True
    if definition.verb == "CREATE" and definition.class_ == "account":
        return len(name.parts) == 1 and scope.may_create_account(definition.kind, name.last, if_not_exists=definition.if_exists)
    if definition.verb == "CREATE" and definition.class_ == "other":
        return len(name.parts) == 1
    return is_in_scope(definition.class_, name, scope)


def _changes_members(definition: Definition, name: Name, scope: ScopeChecker) -> bool:
    """Whether this is ALTER ROLE db_owner ADD MEMBER in T-SQL: every database has this role. _check_references checks the member."""
    is_database_role = scope.dialect == "tsql" and definition.kind == "ROLE" and name.last.startswith("db_") and scope.in_own_database
    return is_database_role and definition.verb == "ALTER" and definition.reader.key(1) == "MEMBER"


def is_in_scope(class_: str, name: Name, scope: ScopeChecker) -> bool:
    """Whether the object with this name is the platform's own, or was created by the script."""
    if class_ == "account":
        return len(name.parts) == 1 and scope.is_own_account(name.last)
    if class_ == "other":
        return len(name.parts) == 1 and scope.was_created("other", name.last)
    if class_ == "database":
        return len(name.parts) == 1 and scope.is_own_database(name.last)
    return scope.contains(name, qualifiers=QUALIFIERS_TO_DATABASE[class_])


def _check_references(definition: Definition, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of the names after, for example, OWNER TO, RENAME TO or ADD MEMBER, and after ON for kinds that belong to an object."""
    tokens = definition.reader.tokens
    next_index = 0
    for index, _token in outside_parentheses(tokens):
        if index < next_index or index < definition.reader.index - 1:
            continue
        for phrase, class_ in (*REFERENCE_PHRASES, *((("ON", "object"),) if definition.kind in KINDS_ON_OBJECT else ())):
            reader = TokenReader(tokens, scope.dialect)
            reader.index = index
            if reader.take(*phrase.split()):
                yield from _check_referenced_names(reader, definition.class_ if class_ == "same" else class_, scope)
                next_index = reader.index
                break


def _check_referenced_names(reader: TokenReader, class_: str, scope: ScopeChecker) -> Iterator[Violation]:
    kind = reader.take_any(("TABLE", "SCHEMA", "CATALOG"))
    class_ = {"SCHEMA": "schema", "CATALOG": "database"}.get(kind, class_)
    for name in reader.names():
        if not name.parts:
            yield Violation(UNREADABLE)
        elif class_ == "account" and name.last in RULES[scope.type].allowed_owners:
            continue
        elif not is_in_scope(class_, name, scope):
            yield Violation(OUT_OF_SCOPE, name.text)
