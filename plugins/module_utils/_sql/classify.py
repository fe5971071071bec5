# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names the verb and the object of a statement, such as CREATE ROLE and immuta_role, for results and messages.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .splitter import Statement
from .tokenizer import Token, significant_tokens

PURPOSES = ("setup", "edit", "cleanup", "any")


class Classification(NamedTuple):
    """verb: such as C(GRANT) or C(CREATE DATABASE). object: its name as written, or None. Neither contains a literal."""

    verb: str
    object: str | None


def describe(statements: Iterable[Statement], dialect: str) -> list[dict[str, Any]]:
    """Return the statements as results show them: C([{number, line, verb, object}])."""
    return [{"number": statement.number, "line": statement.line, **classify(statement.text, dialect)._asdict()} for statement in statements]


def classify(statement: str, dialect: str) -> Classification:
    """Return the verb and the object of one statement."""
    return classify_tokens(significant_tokens(statement, dialect))


def _word_set(lines: str) -> frozenset[str]:
    return frozenset(verb.strip() for line in lines.splitlines() for verb in line.split(",") if verb.strip())


# ------------------------------------------------------------------------------------------------------- verb and object

# Words between the verb and the kind of object that do not belong to the kind
_KIND_MODIFIERS = _word_set(
    """
    OR, REPLACE, SECURE, TEMP, TEMPORARY, TRANSIENT, VOLATILE, LOCAL, GLOBAL, RECURSIVE, MATERIALIZED, EXTERNAL, FOREIGN, AGGREGATE
    DYNAMIC, HYBRID, ICEBERG, EVENT, STREAMING, UNIQUE, CLUSTERED, NONCLUSTERED, COLUMNSTORE, TRUSTED, APPEND, PRIVATE
    """
)
# Kinds of more than one word: the first word, and the words that may follow it
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
# Words that may come between the verb and the name of an object
_BEFORE_NAME = _word_set(
    """
    IF, NOT, EXISTS, INTO, FROM, ON, ONLY, ALL, FUTURE, IN, TABLES, VIEWS, FUNCTIONS, PROCEDURES, SCHEMAS, SEQUENCES, PRIVILEGES
    COLUMN, LANGUAGE, SESSION, LOCAL, GLOBAL, SECONDARY, ROLES, IMMEDIATE, BY, DATABASE, CATALOG, WAREHOUSE, TASK, TAG, EXTERNAL
    MATERIALIZED, SERVICE, INTEGRATION, METASTORE, OVERWRITE, LOGIN, POLICY, MASKING, ROW, ACCESS, RLS
    SCHEMA, TABLE, VIEW, FUNCTION, PROCEDURE, SEQUENCE, INDEX, TRIGGER, TYPE, ROLE, USER, GROUP
    """
)
# Words that are never a name. If one of them comes where a name is expected, there is no name.
_NEVER_A_NAME = _word_set("TO, SET, UNSET, AS, USING, WITH, VALUES, GRANT, REVOKE, FOR, IS, WHERE, INTO, FROM, ON, IMMEDIATE, IF, NOT, EXISTS, IN, BY")
_VERBS_WITHOUT_OBJECT = _word_set("SELECT, WITH, SHOW, EXPLAIN, BEGIN, DECLARE, START, COMMIT, END, ROLLBACK, DO, IF, PRINT, WHILE, VALUES, ABORT")


def _without_label(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens without the label before a block: C(label: BEGIN … END)."""
    return tokens[2:] if len(tokens) > 2 and tokens[1].key == ":" and tokens[2].key == "BEGIN" else tokens


def without_opening_parentheses(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens without the opening parentheses before a query: ((SELECT …) UNION …)"""
    return tokens[next((index for index, token in enumerate(tokens) if token.key != "("), len(tokens)) :]


def classify_tokens(tokens: Sequence[Token]) -> Classification:
    """Return the verb and the object of one plain statement."""
    tokens = _without_label(tokens)
    tokens = without_opening_parentheses(tokens)
    if not tokens:
        return Classification("", None)
    # The text of a token that is not a word may be a literal, so its kind is the verb. No list contains such a verb.
    verb, rest = tokens[0].key or tokens[0].kind.upper(), tokens[1:]
    if verb in ("CREATE", "ALTER", "DROP"):
        kind, rest = kind_of(rest)
        return Classification(f"{verb} {kind}".rstrip(), _first_name(rest))
    if verb in _VERBS_WITHOUT_OBJECT:
        return Classification(verb, None)
    if verb in ("GRANT", "REVOKE", "DENY", "ATTACH", "DETACH"):
        return Classification(verb, _granted_object(rest))
    return Classification(verb, _first_name(rest))


def kind_of(tokens: Sequence[Token]) -> tuple[str, Sequence[Token]]:
    """Return the kind of object, and the tokens after it."""
    index = 0
    while index < len(tokens) and (tokens[index].key in _KIND_MODIFIERS or (tokens[index].key == "ALTER" and tokens[index - 1].key == "OR")):
        index += 1
    words = [token.key for token in tokens[index : index + 1] if token.kind == "word"]
    index += len(words)
    more = _LONG_KINDS.get(words[0], ()) if words else ()
    while index < len(tokens) and tokens[index].key in more:
        words.append(tokens[index].key)
        index += 1
    return " ".join(words), tokens[index:]


def _granted_object(tokens: Sequence[Token]) -> str | None:
    """Return the object that privileges are granted on or, without one, the role that is granted."""
    keys = [token.key for token in tokens]
    if "ON" not in keys:
        return _first_name(tokens)
    after_on = tokens[keys.index("ON") + 1 :]
    return "ACCOUNT" if after_on and after_on[0].key == "ACCOUNT" else _first_name(after_on)


def _first_name(tokens: Sequence[Token]) -> str | None:
    """Return the first name with its qualifiers, or None if no name comes first."""
    index = 0
    while index + 1 < len(tokens) and tokens[index].key in _BEFORE_NAME and tokens[index + 1].kind in ("word", "name"):
        index += 1
    parts: list[str] = []
    while index < len(tokens) and tokens[index].kind in ("word", "name") and (parts or tokens[index].key not in _NEVER_A_NAME):
        parts.append(tokens[index].text)
        if not _is_qualified(tokens, index):
            break
        index += 2
    return ".".join(parts) or None


def _is_qualified(tokens: Sequence[Token], index: int) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].key == "."
