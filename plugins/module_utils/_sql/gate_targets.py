# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's checks of single names: what a statement writes to, what COMMENT is about, and which database USE selects.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .gate_definitions import OUT_OF_SCOPE, UNREADABLE, WRONG_KIND, Violation, is_in_scope
from .gate_rules import RULES
from .gate_scope import ScopeChecker, is_system_role
from .names import Name, TokenReader
from .tokenizer import Token

Tokens = Sequence[Token]


def check_target(tokens: Tokens, class_: str, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of writing to the names that come next."""
    reader = TokenReader(tokens, scope.dialect)
    if scope.dialect == "tsql" and reader.key().startswith("@"):
        return  # a variable
    for name in reader.names():
        if not name.parts:
            yield Violation(UNREADABLE)
        elif not is_in_scope(class_, name, scope):
            yield Violation(OUT_OF_SCOPE, name.text)


def check_comment(tokens: Tokens, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of COMMENT ON kind name IS …"""
    reader = TokenReader(tokens[1:], scope.dialect)
    reader.take("IF", "EXISTS")
    if not reader.take("ON"):
        yield Violation(UNREADABLE)
        return
    words: list[str] = []
    while reader.key(1) not in (".", "IS", "(", ""):
        words.append(reader.key())
        reader.index += 1
    kind = " ".join(words)
    name = reader.name()
    if kind == "COLUMN":
        kind, name = "TABLE", name._replace(parts=name.parts[:-1])
    class_ = RULES[scope.type].classes.get(kind, "")
    if not class_:
        yield Violation(WRONG_KIND)
    elif not name.parts:
        yield Violation(UNREADABLE)
    elif not is_in_scope(class_, name, scope) or (class_ == "account" and is_system_role(name.last)):
        yield Violation(OUT_OF_SCOPE, name.text)


# What USE may select. Selecting a role or a warehouse is harmless.
_USE_KINDS = {"DATABASE": "database", "CATALOG": "database", "SCHEMA": "schema", "NAMESPACE": "schema"}
_HARMLESS_USE = ("ROLE", "WAREHOUSE", "SECONDARY")
# What USE selects if it names no kind and the name has one part
_DEFAULT_USE_KIND = {"snowflake": "database", "tsql": "database", "databricks": "schema", "redshift": "database"}


def check_use(tokens: Tokens, scope: ScopeChecker) -> Iterator[Violation]:
    """Yield the violations of USE or SET CATALOG, and note in the scope whether it selects the platform's own database."""
    reader = TokenReader(tokens[1:], scope.dialect)
    if reader.key(1) and reader.take_any(_HARMLESS_USE):
        return
    kind = reader.take_any(_USE_KINDS) if reader.key(1) else ""
    name = _quoted_string_name(reader) or reader.name()
    if not name.parts:
        yield Violation(UNREADABLE)
    elif len(name.parts) == 2:
        scope.in_own_database = scope.is_own_database(name.parts[0])
    elif _names_database(kind, scope.dialect):
        scope.in_own_database = scope.is_own_database(name.last)


def _names_database(kind: str, dialect: str) -> bool:
    """Whether USE with this kind (or "") selects a database. In Databricks, DATABASE means a schema."""
    if kind == "DATABASE" and dialect == "databricks":
        return False
    return (_USE_KINDS.get(kind) or _DEFAULT_USE_KIND[dialect]) == "database"


def _quoted_string_name(reader: TokenReader) -> Name | None:
    """Return the name in USE CATALOG 'c', or None if no string comes next."""
    token = reader.tokens[reader.index] if not reader.is_done else None
    if token is None or token.kind != "string":
        return None
    return Name(None, (token.text[1:-1].casefold(),))
