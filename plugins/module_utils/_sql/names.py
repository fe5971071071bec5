# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names in SQL: read off the tokens, and compared as the database compares them.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .tokens import Token

_CLOSING = {'"': '"', "`": "`", "[": "]"}


class Name(NamedTuple):
    """A name. text: as written. parts: its qualifiers and itself, as the database compares them; none when it cannot be read."""

    text: str | None
    parts: tuple[str, ...] = ()

    @property
    def last(self) -> str:
        return self.parts[-1] if self.parts else ""


UNREADABLE = Name(None)


def fold(text: str, dialect: str) -> str:
    """An unquoted name as the database compares it."""
    if dialect == "snowflake":
        return text.upper()
    return text.lower() if dialect == "redshift" else text.casefold()


def part_of(token: Token, dialect: str) -> str:
    """A part of a name as the database compares it. Of a quoted one the case counts where the dialect says so."""
    closing = _CLOSING.get(token.text[0]) if token.kind == "name" else None
    if closing is None:
        return fold(token.text, dialect)
    inside = token.text[1:-1].replace(closing * 2, closing)
    return inside if dialect in ("snowflake", "redshift") else inside.casefold()


def spellings(name: str, dialect: str) -> frozenset[str]:
    """How a name from the options may read in a script: as it stands, and as it reads without quotes.

    A name that is given in quotes is meant exactly so.
    """
    if len(name) > 2 and _CLOSING.get(name[0]) == name[-1]:
        return frozenset({part_of(Token("name", name, 1), dialect)})
    return frozenset({name, fold(name, dialect)} if dialect in ("snowflake", "redshift") else {fold(name, dialect)})


class Reader:
    """Reads a plain statement from left to right."""

    def __init__(self, tokens: Sequence[Token], dialect: str) -> None:
        self.tokens = tokens
        self.dialect = dialect
        self.place = 0

    @property
    def is_done(self) -> bool:
        return self.place >= len(self.tokens)

    @property
    def rest(self) -> Sequence[Token]:
        return self.tokens[self.place :]

    def key(self, ahead: int = 0) -> str:
        """The key of a token from here on: empty at the end, C(quoted) for what is quoted."""
        place = self.place + ahead
        return (self.tokens[place].key or "quoted") if 0 <= place < len(self.tokens) else ""

    def take(self, *keys: str) -> bool:
        """Step over these keys, if they come next, all of them."""
        if [self.key(ahead) for ahead in range(len(keys))] != list(keys):
            return False
        self.place += len(keys)
        return True

    def take_any(self, keys: Iterable[str]) -> str:
        """Step over one of these keys; which one."""
        found = self.key()
        if found and found in keys:
            self.place += 1
            return found
        return ""

    def skip_brackets(self) -> None:
        """Step over ( … ), if it comes next."""
        depth = 0
        while not self.is_done:
            depth += (self.key() == "(") - (self.key() == ")")
            if depth == 0 and self.key() != ")":
                return
            self.place += 1
            if depth == 0:
                return

    def name(self) -> Name:
        """The name that comes next, with its qualifiers; UNREADABLE for IDENTIFIER(…), a variable, or what is no name."""
        texts: list[str] = []
        parts: list[str] = []
        while self._is_name():
            token = self.tokens[self.place]
            texts.append(token.text)
            parts.append(part_of(token, self.dialect))
            self.place += 1
            if self.key() != ".":
                break
            while self.key() == ".":  # a..b leaves the schema out
                self.place += 1
                if self.key() == ".":
                    texts.append("")
                    parts.append("")
        if not parts or self.key(-1) == "." or (self.key() == "(" and parts[-1] in ("identifier", "IDENTIFIER", "table", "TABLE")):
            return UNREADABLE
        return Name(".".join(texts), tuple(parts))

    def _is_name(self) -> bool:
        if self.is_done:
            return False
        kind = self.tokens[self.place].kind
        return kind == "name" or (kind == "word" and self.tokens[self.place].text[0] not in "@$")

    def names(self) -> Iterator[Name]:
        """The names of a list, each with the arguments that may stand behind it: f(int), g(text)."""
        while True:
            yield self.name()
            self.skip_brackets()
            if not self.take(","):
                return
