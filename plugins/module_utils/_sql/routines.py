# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies: what a procedure, a function, a task or a DO block will run.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .._core.errors import ScriptRefused
from .classify import kind_of
from .dynamic import LITERALS, readings
from .names import Name
from .objects import outermost
from .tokens import Token, significant

Tokens = Sequence[Token]

_ROUTINES = {"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "TASK"}
# A body of these is kept, to be run by whoever calls it. What is in others runs by itself, or is an expression.
_STORED = {"PROCEDURE", "PROC"}
_SQL = {"", "SQL", "PLPGSQL"}
_INLINE = {"BEGIN", "DECLARE"}


class Routine(NamedTuple):
    """header: the statement without the body. body: its tokens, None when it is in another language or cannot be read."""

    kind: str
    header: Tokens
    body: Tokens | None
    language: str = ""
    name: Name = Name(None)

    @property
    def is_kept(self) -> bool:
        """Whether what cannot be read in it may stay: a procedure that nobody calls yet, a function that no SQL can be in."""
        return self.kind in _STORED or (self.kind == "FUNCTION" and self.language not in _SQL)

    def is_called(self, name: Name) -> bool:
        """Whether a call of this name may mean it: as far as both are qualified, they are the same."""
        length = min(len(name.parts), len(self.name.parts))
        return length > 0 and name.parts[-length:] == self.name.parts[-length:]


def routine_of(tokens: Tokens, dialect: str) -> Routine | None:
    """The body that a statement defines or, for DO, runs; None when there is none."""
    verb = tokens[0].key if tokens else ""
    if verb == "DO" and dialect == "redshift":
        return _do(tokens, dialect)
    kind = kind_of(tokens[1:])[0] if verb in ("CREATE", "ALTER") else ""
    place = _body_place(tokens, kind, dialect) if kind in _ROUTINES else None
    if place is None:
        return None
    behind = tokens[place + 1 :]
    if dialect != "tsql" and behind[0].kind in LITERALS:
        header = [*tokens[:place], *behind[1:]]
        language = _language(header)
        # 'a' 'b' and 'a' || 'b' may be put together to one text
        alone = len(behind) == 1 or not (behind[1].kind in LITERALS or behind[1].key == "|")
        # Without a language, the literal names a class of Java in Databricks.
        sql = language in _SQL and (language != "" or dialect != "databricks")
        return Routine(kind, header, _read(behind[0], dialect) if alone and sql else None, language)
    return Routine(kind, tokens[:place], behind)


def _do(tokens: Tokens, dialect: str) -> Routine:
    """DO $$ … $$"""
    literals = [token for token in tokens if token.kind in LITERALS]
    plain = len(literals) == 1 and tokens[1:2] == literals
    header = [token for token in tokens if token.kind not in LITERALS]
    return Routine("DO", header, _read(literals[0], dialect) if plain and _language(tokens) in _SQL else None)


def _body_place(tokens: Tokens, kind: str, dialect: str) -> int | None:
    """Where the AS is that the body stands behind."""
    for place, token in outermost(tokens):
        before, behind = tokens[place - 1], tokens[place + 1 : place + 2]
        if token.key != "AS" or not behind or before.key in ("EXECUTE", "EXEC") or before.text.startswith("@"):
            continue
        if dialect == "tsql" or kind == "TASK" or behind[0].kind in LITERALS or behind[0].key in _INLINE:
            return place
    return None


def _language(tokens: Tokens) -> str:
    words = [token.text.strip("\"'").upper() for token in tokens]
    return words[words.index("LANGUAGE") + 1] if "LANGUAGE" in words[:-1] else ""


def _read(literal: Token, dialect: str) -> list[Token] | None:
    meant = readings(literal, dialect)
    if meant is None or len(meant) > 1:
        return None
    try:
        return [token._replace(line=token.line + literal.line - 1) for token in significant(meant[0], dialect)]
    except ScriptRefused:
        return None
