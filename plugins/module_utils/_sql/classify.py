# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement does (verb) and to what (object), and which verbs belong in which kind of script.

The lists are data, and closed: a verb that is not in the list of its platform and purpose does not run.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from .._core.errors import ScriptRefused
from .split import DIALECT_OF, Statement, Token, significant

PURPOSES = ("setup", "edit", "cleanup", "any")


class Kind(NamedTuple):
    """verb: C(GRANT), C(CREATE DATABASE). object: its name as written, None where there is none. Both hold no literal."""

    verb: str
    object: str | None


# ------------------------------------------------------------------------------------------------------------- the lists


def _verbs(lines: str) -> frozenset[str]:
    return frozenset(verb.strip() for line in lines.splitlines() for verb in line.split(",") if verb.strip())


def _each(verb: str, kinds: str) -> frozenset[str]:
    return frozenset(f"{verb} {kind}" for kind in _verbs(kinds))


# A bare verb covers every kind of object: ALTER is every ALTER.
_EVERYWHERE = _verbs(
    """
    ALTER, COMMENT, GRANT, REVOKE, USE, SET
    SELECT, WITH, SHOW, DESCRIBE, DESC, EXPLAIN
    INSERT, UPDATE, DELETE, MERGE, TRUNCATE
    CALL, EXECUTE, BEGIN, DECLARE, START, COMMIT, END, ROLLBACK
    """
)
_OBJECTS = "SCHEMA, TABLE, VIEW, FUNCTION, PROCEDURE, SEQUENCE, INDEX, TRIGGER, TYPE, MASKING POLICY, ROW ACCESS POLICY"
_ACCOUNTS = "ROLE, USER, GROUP"


class _Lists(NamedTuple):
    """What one platform has beside _EVERYWHERE: verbs, kinds of objects, of accounts, and what a database is called there."""

    verbs: str
    objects: str
    accounts: str
    databases: str

    def allowed(self, purpose: str) -> frozenset[str]:
        objects, accounts = f"{_OBJECTS}, {self.objects}", f"{_ACCOUNTS}, {self.accounts}"
        verbs = _EVERYWHERE | _verbs(self.verbs) | _each("CREATE", objects) | _each("CREATE", accounts) | _each("DROP", objects)
        # An edit may take away an account of its own (impersonation switched off); only a clean-up takes away a database.
        return {
            "setup": verbs | _each("CREATE", self.databases),
            "edit": verbs | _each("CREATE", self.databases) | _each("DROP", accounts),
            "cleanup": verbs | _each("DROP", accounts) | _each("DROP", self.databases),
        }[purpose]


_LISTS = {
    "Snowflake": _Lists(
        verbs="UNSET",
        objects="TAG, TASK, STREAM, AGGREGATION POLICY, PROJECTION POLICY, JOIN POLICY, PASSWORD POLICY, SESSION POLICY, NETWORK POLICY, NETWORK RULE",
        accounts="DATABASE ROLE, WAREHOUSE, RESOURCE MONITOR",
        databases="DATABASE",
    ),
    "Redshift": _Lists(
        verbs="DO, RESET, ANALYZE, LOCK, ATTACH, DETACH, ABORT",
        objects="RLS POLICY, LIBRARY, LANGUAGE",
        accounts="OWNED",
        databases="DATABASE",
    ),
    "Databricks": _Lists(
        verbs="REFRESH, RESET, ANALYZE",
        objects="VOLUME, TEMPORARY VARIABLE, VARIABLE, POLICY",
        accounts="",
        databases="CATALOG, DATABASE",
    ),
    "Azure Synapse Analytics": _Lists(
        verbs="EXEC, IF, PRINT, DENY, THROW, RAISERROR, WHILE, RENAME, RETURN, WAITFOR",
        objects="PROC, SYNONYM, STATISTICS, SECURITY POLICY",
        accounts="LOGIN, APPLICATION ROLE, MASTER KEY, SYMMETRIC KEY, CERTIFICATE, WORKLOAD GROUP, WORKLOAD CLASSIFIER",
        databases="DATABASE",
    ),
}
ALLOWED = {(platform, purpose): lists.allowed(purpose) for platform, lists in _LISTS.items() for purpose in PURPOSES if purpose != "any"}

# Verbs that are looked for inside blocks too, where assignments and loops make a closed list impossible.
_NEVER_INSIDE = _verbs("COPY, UNLOAD, REMOVE, BACKUP, RESTORE, BULK, SHUTDOWN, KILL, UNDROP")


def forbidden(statements: Iterable[Statement], platform: str, purpose: str) -> list[dict[str, Any]]:
    """The statements that do not belong in a script of this purpose, as C([{number, line, verb, object}]).

    purpose C(any) allows everything. A block that runs at once (C(BEGIN … END), C(DO $$ … $$)) counts as what is in it.
    """
    if purpose == "any":
        return []
    allowed, dialect = ALLOWED[platform, purpose], DIALECT_OF[platform]
    refused = []
    for statement in statements:
        kind = classify(statement.text, dialect)
        if not _is_allowed(kind.verb, allowed):
            refused.append(_row(statement, kind))
        refused += [_row(statement, inner) for inner in _inner(statement.text, dialect) if _is_refused_inside(inner.verb, allowed)]
    return refused


def describe(statements: Iterable[Statement], dialect: str) -> list[dict[str, Any]]:
    """The statements as results show them: C([{number, line, verb, object}])."""
    return [_row(statement, classify(statement.text, dialect)) for statement in statements]


def classify(statement: str, dialect: str) -> Kind:
    """The verb and the object of one statement."""
    return _classify(significant(statement, dialect))


def _row(statement: Statement, kind: Kind) -> dict[str, Any]:
    return {"number": statement.number, "line": statement.line, "verb": kind.verb, "object": kind.object}


def _is_allowed(verb: str, allowed: frozenset[str]) -> bool:
    return verb in allowed or verb.split(" ")[0] in allowed


def _is_refused_inside(verb: str, allowed: frozenset[str]) -> bool:
    first = verb.split(" ")[0]
    return first in _NEVER_INSIDE or (first in ("CREATE", "DROP") and not _is_allowed(verb, allowed))


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
    """
) | _verbs(_OBJECTS + "," + _ACCOUNTS)
# Words that are no names: where one of them stands for one, there is none.
_NO_NAME = _verbs("TO, SET, UNSET, AS, USING, WITH, VALUES, GRANT, REVOKE, FOR, IS, WHERE, INTO, FROM, ON, IMMEDIATE, IF, NOT, EXISTS, IN, BY")
_NO_OBJECT = _verbs("SELECT, WITH, SHOW, EXPLAIN, BEGIN, DECLARE, START, COMMIT, END, ROLLBACK, DO, IF, PRINT, WHILE, VALUES, ABORT")


def _unlabelled(tokens: list[Token]) -> list[Token]:
    """Without the label in front of a block: C(label: BEGIN … END)."""
    return tokens[2:] if len(tokens) > 2 and tokens[1].key == ":" and tokens[2].key == "BEGIN" else tokens


def _classify(tokens: list[Token]) -> Kind:
    tokens = _unlabelled(tokens)
    while tokens and tokens[0].key == "(":
        tokens = tokens[1:]
    if not tokens:
        return Kind("", None)
    # What starts with anything but a word is in no list; its text may be a literal.
    verb, rest = tokens[0].key or tokens[0].kind.upper(), tokens[1:]
    if verb in ("CREATE", "ALTER", "DROP"):
        kind, rest = _kind(rest)
        return Kind(f"{verb} {kind}".rstrip(), _name(rest))
    if verb in _NO_OBJECT:
        return Kind(verb, None)
    if verb in ("GRANT", "REVOKE", "DENY", "ATTACH", "DETACH"):
        return Kind(verb, _granted(rest))
    return Kind(verb, _name(rest))


def _kind(tokens: list[Token]) -> tuple[str, list[Token]]:
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


def _granted(tokens: list[Token]) -> str | None:
    """What is granted on; or, when that is nothing, what is granted (a role)."""
    keys = [token.key for token in tokens]
    if "ON" not in keys:
        return _name(tokens)
    behind = tokens[keys.index("ON") + 1 :]
    return "ACCOUNT" if behind and behind[0].key == "ACCOUNT" else _name(behind)


def _name(tokens: list[Token]) -> str | None:
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


def _is_qualified(tokens: list[Token], place: int) -> bool:
    return place + 1 < len(tokens) and tokens[place + 1].key == "."


# --------------------------------------------------------------------------------------------------------- inside blocks

_STARTS = frozenset({"", ";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT"})
# T-SQL: words that are nothing but the beginning of a statement.
_RESERVED = frozenset({"BACKUP", "RESTORE", "BULK", "SHUTDOWN", "KILL"})
# Behind these, CREATE is a part of a permission: GRANT CREATE VIEW, CREATE TABLE TO u.
_PERMITTING = frozenset({"GRANT", "DENY", "REVOKE", "FOR", ","})
_BODIES = frozenset({"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "VIEW"})
# Every kind of object there is; what else follows DROP is a part of one: ALTER TABLE t DROP COLUMN c.
_KINDS = frozenset().union(*(_verbs(f"{lists.objects}, {lists.accounts}, {lists.databases}") for lists in _LISTS.values())) | _verbs(f"{_OBJECTS}, {_ACCOUNTS}")


def _inner(statement: str, dialect: str) -> Iterator[Kind]:
    """The statements inside a block that runs at once; none of a body that is only defined."""
    tokens = _unlabelled(significant(statement, dialect))
    first = tokens[0].key if tokens else ""
    if dialect == "tsql":
        yield from _in_batch(tokens)
    elif first in ("DO", "EXECUTE"):
        for token in tokens:
            if token.kind in ("dollar", "string"):
                yield from _starts(_inside(token, dialect))
    elif first in ("BEGIN", "DECLARE"):
        yield from islice(_starts(tokens), 1, None)


def _in_batch(tokens: list[Token], first: int = 1) -> Iterator[Kind]:
    """What else a T-SQL batch does, from its second token on.

    Neither semicolons nor lines have to part its statements. But the words that matter are reserved, so they stand only where such
    a statement is, or a part of ALTER and GRANT that is none. A procedure, function, view or trigger takes the batch to its end.
    """
    if _classify(tokens).verb.split(" ")[0] in ("CREATE", "ALTER") and _kind(tokens[1:])[0] in _BODIES:
        return
    executing = False
    for place, token in enumerate(tokens):
        executing = token.key in ("EXEC", "EXECUTE") or (executing and token.key != ";")
        if executing and token.kind == "string":
            yield from _in_batch(_inside(token, "tsql"), 0)
        elif place >= first and _begins(tokens, place):
            yield _classify(tokens[place : place + 12])


def _begins(tokens: list[Token], place: int) -> bool:
    """Whether a T-SQL statement begins here that has to be looked at."""
    key = tokens[place].key
    if key in ("CREATE", "DROP"):
        return tokens[place - 1].key not in _PERMITTING and _kind(tokens[place + 1 :])[0] in _KINDS
    return key in _RESERVED or (key == "COPY" and [token.key for token in tokens[place + 1 : place + 2]] == ["INTO"])


def _inside(quoted: Token, dialect: str) -> list[Token]:
    """The tokens of a quoted text; none when it is not SQL."""
    quote = quoted.text[-1]
    if quoted.kind == "dollar":
        width = quoted.text.index("$", 1) + 1
        text = quoted.text[width:-width]
    else:
        text = quoted.text[quoted.text.index(quote) + 1 : -1].replace(quote * 2, quote)
    try:
        return significant(text, dialect)
    except ScriptRefused:
        return []


def _starts(tokens: list[Token]) -> Iterator[Kind]:
    """What may be a statement of its own among these tokens."""
    before = ""
    for place, token in enumerate(tokens):
        if token.kind == "word" and before in _STARTS:
            yield _classify(tokens[place : place + 12])
        before = token.key or "quoted"
