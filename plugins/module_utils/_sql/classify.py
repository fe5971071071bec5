# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement does (verb) and to what (object), for results and messages.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .split import Statement
from .tokens import Token, significant

PURPOSES = ("setup", "edit", "cleanup", "any")


class Kind(NamedTuple):
    """verb: C(GRANT), C(CREATE DATABASE). object: its name as written, None where there is none. Both hold no literal."""

    verb: str
    object: str | None


def describe(statements: Iterable[Statement], dialect: str) -> list[dict[str, Any]]:
    """The statements as results show them: C([{number, line, verb, object}])."""
    return [{"number": statement.number, "line": statement.line, **classify(statement.text, dialect)._asdict()} for statement in statements]


def classify(statement: str, dialect: str) -> Kind:
    """The verb and the object of one statement."""
    return classify_tokens(significant(statement, dialect))


def _verbs(lines: str) -> frozenset[str]:
    return frozenset(verb.strip() for line in lines.splitlines() for verb in line.split(",") if verb.strip())


# ------------------------------------------------------------------------------------------------------- verb and object

# Words between the verb and the kind that do not change what it is.
_MODIFIERS = _verbs(
    """
    OR, REPLACE, SECURE, TEMP, TEMPORARY, TRANSIENT, VOLATILE, LOCAL, GLOBAL, RECURSIVE, MATERIALIZED, EXTERNAL, FOREIGN, AGGREGATE
    DYNAMIC, HYBRID, ICEBERG, EVENT, STREAMING, UNIQUE, CLUSTERED, NONCLUSTERED, COLUMNSTORE, TRUSTED, APPEND, PRIVATE
    """
)
# Kinds of more than one word, by their first word.
_LONG_KINDS = {
    "MASKING": ("POLICY",),
    "ROW": ("ACCESS", "POLICY"),
    "RLS": ("POLICY",),
    "NETWORK": ("POLICY", "RULE"),
    "PASSWORD": ("POLICY",),
    "SESSION": ("POLICY",),
    "AUTHENTICATION": ("POLICY",),
    "AGGREGATION": ("POLICY",),
    "PROJECTION": ("POLICY",),
    "JOIN": ("POLICY",),
    "SECURITY": ("POLICY", "INTEGRATION"),
    "STORAGE": ("INTEGRATION", "CREDENTIAL"),
    "API": ("INTEGRATION",),
    "NOTIFICATION": ("INTEGRATION",),
    "ACCESS": ("INTEGRATION",),
    "DATABASE": ("ROLE", "SCOPED", "CREDENTIAL"),
    "APPLICATION": ("ROLE", "PACKAGE"),
    "RESOURCE": ("MONITOR",),
    "FILE": ("FORMAT",),
    "DATA": ("SOURCE",),
    "DEFAULT": ("PRIVILEGES",),
    "IDENTITY": ("PROVIDER",),
    "MASTER": ("KEY",),
    "SYMMETRIC": ("KEY",),
    "WORKLOAD": ("GROUP", "CLASSIFIER"),
}
# Words between the verb and the name of an object.
_BEFORE_NAME = _verbs(
    """
    IF, NOT, EXISTS, INTO, FROM, ON, ONLY, ALL, FUTURE, IN, TABLES, VIEWS, FUNCTIONS, PROCEDURES, SCHEMAS, SEQUENCES, PRIVILEGES
    COLUMN, LANGUAGE, SESSION, LOCAL, GLOBAL, SECONDARY, ROLES, IMMEDIATE, BY, DATABASE, CATALOG, WAREHOUSE, TASK, TAG, EXTERNAL
    MATERIALIZED, SERVICE, INTEGRATION, METASTORE, OVERWRITE, LOGIN, POLICY, MASKING, ROW, ACCESS, RLS
    SCHEMA, TABLE, VIEW, FUNCTION, PROCEDURE, SEQUENCE, INDEX, TRIGGER, TYPE, ROLE, USER, GROUP
    """
)
# Words that are no names: where one of them stands for one, there is none.
_NO_NAME = _verbs("TO, SET, UNSET, AS, USING, WITH, VALUES, GRANT, REVOKE, FOR, IS, WHERE, INTO, FROM, ON, IMMEDIATE, IF, NOT, EXISTS, IN, BY")
_NO_OBJECT = _verbs("SELECT, WITH, SHOW, EXPLAIN, BEGIN, DECLARE, START, COMMIT, END, ROLLBACK, DO, IF, PRINT, WHILE, VALUES, ABORT")


def _unlabelled(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without the label in front of a block: C(label: BEGIN … END)."""
    return tokens[2:] if len(tokens) > 2 and tokens[1].key == ":" and tokens[2].key == "BEGIN" else tokens


def opened(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without the parentheses around a query: ((SELECT …) UNION …)"""
    return tokens[next((place for place, token in enumerate(tokens) if token.key != "("), len(tokens)) :]


def classify_tokens(tokens: Sequence[Token]) -> Kind:
    """The verb and the object of one plain statement."""
    tokens = _unlabelled(tokens)
    tokens = opened(tokens)
    if not tokens:
        return Kind("", None)
    # What starts with anything but a word is in no list; its text may be a literal.
    verb, rest = tokens[0].key or tokens[0].kind.upper(), tokens[1:]
    if verb in ("CREATE", "ALTER", "DROP"):
        kind, rest = kind_of(rest)
        return Kind(f"{verb} {kind}".rstrip(), _name(rest))
    if verb in _NO_OBJECT:
        return Kind(verb, None)
    if verb in ("GRANT", "REVOKE", "DENY", "ATTACH", "DETACH"):
        return Kind(verb, _granted(rest))
    return Kind(verb, _name(rest))


def kind_of(tokens: Sequence[Token]) -> tuple[str, Sequence[Token]]:
    """The kind of object, and the tokens behind it."""
    place = 0
    while place < len(tokens) and (tokens[place].key in _MODIFIERS or (tokens[place].key == "ALTER" and tokens[place - 1].key == "OR")):
        place += 1
    words = [token.key for token in tokens[place : place + 1] if token.kind == "word"]
    place += len(words)
    more = _LONG_KINDS.get(words[0], ()) if words else ()
    while place < len(tokens) and tokens[place].key in more:
        words.append(tokens[place].key)
        place += 1
    return " ".join(words), tokens[place:]


def _granted(tokens: Sequence[Token]) -> str | None:
    """What is granted on; or, when that is nothing, what is granted (a role)."""
    keys = [token.key for token in tokens]
    if "ON" not in keys:
        return _name(tokens)
    behind = tokens[keys.index("ON") + 1 :]
    return "ACCOUNT" if behind and behind[0].key == "ACCOUNT" else _name(behind)


def _name(tokens: Sequence[Token]) -> str | None:
    """The first name, with its qualifiers; None before anything that is no name."""
    place = 0
    while place + 1 < len(tokens) and tokens[place].key in _BEFORE_NAME and tokens[place + 1].kind in ("word", "name"):
        place += 1
    parts: list[str] = []
    while place < len(tokens) and tokens[place].kind in ("word", "name") and (parts or tokens[place].key not in _NO_NAME):
        parts.append(tokens[place].text)
        if not _is_qualified(tokens, place):
            break
        place += 2
    return ".".join(parts) or None


def _is_qualified(tokens: Sequence[Token], place: int) -> bool:
    return place + 1 < len(tokens) and tokens[place + 1].key == "."
