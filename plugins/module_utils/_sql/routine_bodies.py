# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the code in the body of a procedure, function, trigger, task or DO block, for the gate.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .._core.errors import ScriptRefused
from .classify import kind_of
from .dynamic_sql import LITERALS, decoded_texts
from .gate_definitions import outside_parentheses
from .names import Name
from .tokenizer import Token, significant_tokens

Tokens = Sequence[Token]

_ROUTINE_KINDS = {"PROCEDURE", "PROC", "FUNCTION", "TRIGGER", "TASK"}
# These bodies run only when somebody calls them. Other bodies run by themselves, or are an expression.
_CALLED_KINDS = {"PROCEDURE", "PROC"}
_SQL_LANGUAGES = {"", "SQL", "PLPGSQL"}
_INLINE_BODY_STARTS = {"BEGIN", "DECLARE"}


class Routine(NamedTuple):
    """A routine. header: the statement without the body. body: its tokens, or None if it is not SQL or cannot be read."""

    kind: str
    header: Tokens
    body: Tokens | None
    language: str = ""
    name: Name = Name(None)

    @property
    def allows_unreadable(self) -> bool:
        """Whether unreadable code in the body is allowed: in a procedure that nobody calls yet, or a function that cannot contain SQL."""
        return self.kind in _CALLED_KINDS or (self.kind == "FUNCTION" and self.language not in _SQL_LANGUAGES)

    def matches_call(self, name: Name) -> bool:
        """Whether a call of this name may mean this routine: the qualifiers that both names have are the same."""
        length = min(len(name.parts), len(self.name.parts))
        return length > 0 and name.parts[-length:] == self.name.parts[-length:]


def routine_of(tokens: Tokens, dialect: str) -> Routine | None:
    """Return the routine that a statement defines or, with DO, runs. Return None if there is none."""
    verb = tokens[0].key if tokens else ""
    if verb == "DO" and dialect == "redshift":
        return _do_routine(tokens, dialect)
    kind = kind_of(tokens[1:])[0] if verb in ("CREATE", "ALTER") else ""
    index = _body_index(tokens, kind, dialect) if kind in _ROUTINE_KINDS else None
    if index is None:
        return None
    after_as = tokens[index + 1 :]
    if dialect != "tsql" and after_as[0].kind in LITERALS:
        header = [*tokens[:index], *after_as[1:]]
        language = _language(header)
        # The database may join 'a' 'b' and 'a' || 'b' to one text
        is_whole_body = len(after_as) == 1 or not (after_as[1].kind in LITERALS or after_as[1].key == "|")
        # In Databricks, the literal names a Java class if no language is given.
        is_sql = language in _SQL_LANGUAGES and (language != "" or dialect != "databricks")
        return Routine(kind, header, _literal_tokens(after_as[0], dialect) if is_whole_body and is_sql else None, language)
    return Routine(kind, tokens[:index], after_as)


def _do_routine(tokens: Tokens, dialect: str) -> Routine:
    """Return the routine of DO $$ … $$."""
    literals = [token for token in tokens if token.kind in LITERALS]
    is_plain = len(literals) == 1 and tokens[1:2] == literals
    header = [token for token in tokens if token.kind not in LITERALS]
    return Routine("DO", header, _literal_tokens(literals[0], dialect) if is_plain and _language(tokens) in _SQL_LANGUAGES else None)


def _body_index(tokens: Tokens, kind: str, dialect: str) -> int | None:
    """Return the index of the AS before the body, or None if there is no body."""
    for index, token in outside_parentheses(tokens):
        previous, following = tokens[index - 1], tokens[index + 1 : index + 2]
        if token.key != "AS" or not following or previous.key in ("EXECUTE", "EXEC") or previous.text.startswith("@"):
            continue
        if dialect == "tsql" or kind == "TASK" or following[0].kind in LITERALS or following[0].key in _INLINE_BODY_STARTS:
            return index
    return None


def _language(tokens: Tokens) -> str:
    words = [token.text.strip("\"'").upper() for token in tokens]
    return words[words.index("LANGUAGE") + 1] if "LANGUAGE" in words[:-1] else ""


def _literal_tokens(literal: Token, dialect: str) -> list[Token] | None:
    texts = decoded_texts(literal, dialect)
    if texts is None or len(texts) > 1:
        return None
    try:
        return [token._replace(line=token.line + literal.line - 1) for token in significant_tokens(texts[0], dialect)]
    except ScriptRefused:
        return None
