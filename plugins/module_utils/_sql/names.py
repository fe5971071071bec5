# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the names of database objects from tokens, and normalizes them as the database compares them.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .tokenizer import Token

_CLOSING_QUOTES = {'"': '"', "`": "`", "[": "]"}


class Name(NamedTuple):
    """The name of an object. text: as written. parts: its qualifiers and itself, normalized; empty if the name cannot be read."""

    text: str | None
    parts: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        return self.parts[-1] if self.parts else ""


UNREADABLE_NAME = Name(None)


def normalize_unquoted(text: str, dialect: str) -> str:
    """Return an unquoted name as the database compares it."""
    if dialect == "snowflake":
        return text.upper()
    return text.lower() if dialect == "redshift" else text.casefold()


def normalize_part(token: Token, dialect: str) -> str:
    """Return a part of a name as the database compares it. The case of a quoted part matters in Snowflake and Redshift."""
    closing_quote = _CLOSING_QUOTES.get(token.text[0]) if token.kind == "name" else None
    if closing_quote is None:
        return normalize_unquoted(token.text, dialect)
    content = token.text[1:-1].replace(closing_quote * 2, closing_quote)
    return content if dialect in ("snowflake", "redshift") else content.casefold()


def spellings(name: str, dialect: str) -> frozenset[str]:
    """Return the normalized forms in which a name from the options may appear in a script: quoted and unquoted.

    If the option itself has quotes, only the quoted form counts.
    """
    if len(name) > 2 and _CLOSING_QUOTES.get(name[0]) == name[-1]:
        return frozenset({normalize_part(Token("name", name, 1), dialect)})
    return frozenset({name, normalize_unquoted(name, dialect)} if dialect in ("snowflake", "redshift") else {normalize_unquoted(name, dialect)})


class TokenReader:
    """Reads the tokens of a plain statement from left to right. index: the position of the next token."""

    def __init__(self, tokens: Sequence[Token], dialect: str) -> None:
        self.tokens = tokens
        self.dialect = dialect
        self.index = 0

    @property
    def is_done(self) -> bool:
        return self.index >= len(self.tokens)

    @property
    def rest(self) -> Sequence[Token]:
        return self.tokens[self.index :]

    def key(self, ahead: int = 0) -> str:
        """Return the key of a token ahead: "" after the end, C(quoted) for literals and quoted names."""
        index = self.index + ahead
        return (self.tokens[index].key or "quoted") if 0 <= index < len(self.tokens) else ""

    def take(self, *keys: str) -> bool:
        """Skip these keys if all of them come next. Return whether they did."""
        if [self.key(ahead) for ahead in range(len(keys))] != list(keys):
            return False
        self.index += len(keys)
        return True

    def take_any(self, keys: Iterable[str]) -> str:
        """Skip one of these keys if one comes next. Return it, or "" if none does."""
        key = self.key()
        if key and key in keys:
            self.index += 1
            return key
        return ""

    def skip_brackets(self) -> None:
        """Skip ( … ) if it comes next."""
        depth = 0
        while not self.is_done:
            depth += (self.key() == "(") - (self.key() == ")")
            if depth == 0 and self.key() != ")":
                return
            self.index += 1
            if depth == 0:
                return

    def name(self) -> Name:
        """Read and return the next name with its qualifiers. Return UNREADABLE_NAME for IDENTIFIER(…), a variable, or no name."""
        written: list[str] = []
        parts: list[str] = []
        while self._is_name():
            token = self.tokens[self.index]
            written.append(token.text)
            parts.append(normalize_part(token, self.dialect))
            self.index += 1
            if self.key() != ".":
                break
            while self.key() == ".":  # a..b omits the schema
                self.index += 1
                if self.key() == ".":
                    written.append("")
                    parts.append("")
        if not parts or self.key(-1) == "." or (self.key() == "(" and parts[-1] in ("identifier", "IDENTIFIER", "table", "TABLE")):
            return UNREADABLE_NAME
        return Name(".".join(written), tuple(parts))

    def _is_name(self) -> bool:
        if self.is_done:
            return False
        kind = self.tokens[self.index].kind
        return kind == "name" or (kind == "word" and self.tokens[self.index].text[0] not in "@$")

    def names(self) -> Iterator[Name]:
        """Yield the names of a list. Skip the arguments that may follow a name: f(int), g(text)."""
        while True:
            yield self.name()
            self.skip_brackets()
            if not self.take(","):
                return
