# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL in literals: where a statement has a text executed, and what such a literal means.

A literal is taken apart character by character, each with how it is written. So code can be judged as the database reads it, and
shown as the script has it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .tokens import Token

LITERALS = frozenset({"string", "dollar"})


class Char(NamedTuple):
    """A character of a literal that is escaped, or several that are not: as it is written, and what it means."""

    source: str
    meaning: str


class Expression(NamedTuple):
    """What is executed: the tokens from start up to stop, and which of them are literals on the outermost level."""

    start: int
    stop: int
    literals: tuple[int, ...]

    @property
    def is_plain(self) -> bool:
        """Whether it is one literal and nothing else."""
        return len(self.literals) == 1 and self.stop - self.start == 1


# ---------------------------------------------------------------------------------------------------------------- literals

_NAMED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "Z": "\x1a"}
# The escapes that the vendor documents. Any other leaves a literal unread.
_ESCAPES = {
    "snowflake": re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-7]{3})|(['\"\\bfnrt0]))"),
    "redshift": re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(['\"\\bfnrt]))"),
    "databricks": re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(['\"\\bnrtZ0]))"),
}
# A plain string of Redshift, where a setting decides what a backslash is.
_PLAIN_REDSHIFT = re.compile(r"\\(?:()()()(['\\]))")
_NEVER = re.compile(r"(?!)")
# T-SQL goes on with a literal behind a backslash at the end of a line, and leaves out both.
_CONTINUED = re.compile(r"\\\r?\n")


def bounds(token: Token) -> tuple[int, int]:
    """Where the inside of a literal begins and ends."""
    if token.kind == "dollar":
        width = token.text.index("$", 1) + 1
        return width, len(token.text) - width
    return token.text.index(token.text[-1]) + 1, len(token.text) - 1


def decode(token: Token, dialect: str) -> list[Char] | None:
    """The characters of a literal; None when it holds an escape that is not documented, or goes on behind a line."""
    opening, closing = bounds(token)
    prefix, inside = token.text[: opening - 1].upper(), token.text[opening:closing]
    if token.kind == "dollar" or prefix == "R":
        return [Char(inside, inside)]
    if dialect == "tsql" and _CONTINUED.search(inside):
        return None
    return _unescaped(inside, token.text[-1], _escapes(dialect, prefix))


def readings(token: Token, dialect: str) -> list[str] | None:
    """What a literal may mean; None when that is not known.

    Databricks takes two quotes in a literal for one, or for the seam of two literals, as a setting has it.
    """
    chars = decode(token, dialect)
    if chars is None:
        return None
    meant = text_of(chars)
    seamless = "".join(char.meaning for char in chars if char.source == char.meaning or char.source not in ("''", '""'))
    return [meant, seamless] if dialect == "databricks" and seamless != meant else [meant]


def _escapes(dialect: str, prefix: str) -> re.Pattern[str]:
    if dialect == "redshift" and prefix != "E":
        return _PLAIN_REDSHIFT
    return _ESCAPES.get(dialect, _NEVER)


def _unescaped(inside: str, quote: str, escapes: re.Pattern[str]) -> list[Char] | None:
    found: list[Char] = []
    plain = re.compile(f"[^{quote}]+" if escapes is _NEVER else f"[^{quote}\\\\]+")
    place = 0
    while place < len(inside):
        escape, run = escapes.match(inside, place), plain.match(inside, place)
        if escape:
            char = Char(escape[0], _meaning(escape))
        elif run:
            char = Char(run[0], run[0])
        elif inside[place] == quote:
            char = Char(quote * 2, quote)
        else:
            return None
        found.append(char)
        place += len(char.source)
    return found


def _meaning(escape: re.Match[str]) -> str:
    *codes, named = escape.groups()
    for code, base in zip(codes, (16, 16, 8)):
        if code:
            number = int(code, base)
            return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _NAMED.get(named, named)


def text_of(chars: Sequence[Char]) -> str:
    return "".join(char.meaning for char in chars)


# ------------------------------------------------------------------------------------------------------------- expressions

# What ends the text that is executed.
_ENDS = frozenset({";", "USING", "INTO", "LOOP", "DO", "THEN", "CALL"})


def expressions(tokens: Sequence[Token], dialect: str) -> Iterator[Expression]:
    """Where a text is executed among these tokens, space and comments left out."""
    begins = _BEGINNINGS.get(dialect, _after_immediate)
    for place, token in enumerate(tokens):
        start = begins(tokens, place) if token.kind in ("word", "name") else 0
        if start:
            yield _expression(tokens, start, begins, ends=_ENDS | {","} if dialect == "tsql" else _ENDS)


def _after_immediate(tokens: Sequence[Token], place: int) -> int:
    """EXECUTE IMMEDIATE …"""
    return place + 2 if [token.key for token in tokens[place : place + 2]] == ["EXECUTE", "IMMEDIATE"] else 0


def _after_execute(tokens: Sequence[Token], place: int) -> int:
    """EXECUTE … in a body of Redshift, where it is no privilege."""
    following = tokens[place + 1 : place + 2]
    if tokens[place].key != "EXECUTE" or not following or following[0].key in ("ON", "FOR", ",", "AS"):
        return 0
    return place + 1


def _after_exec(tokens: Sequence[Token], place: int) -> int:
    """EXEC ( …, sp_executesql …, or sp_executesql @stmt = …"""
    keys = [token.key for token in tokens[place + 1 : place + 3]]
    if tokens[place].text.strip('[]"').upper() == "SP_EXECUTESQL":
        return place + 3 if keys[1:] == ["="] else place + 1
    return place + 2 if tokens[place].key in ("EXEC", "EXECUTE") and keys[:1] == ["("] else 0


def _expression(tokens: Sequence[Token], start: int, begins: Callable[[Sequence[Token], int], int], ends: frozenset[str]) -> Expression:
    """What begins there. Where the next one begins it ends, too: each token is in one of them."""
    depth, place = 0, start
    literals = []
    while place < len(tokens):
        key = tokens[place].key
        depth += (key == "(") - (key == ")")
        if depth < 0 or (depth == 0 and key in ends) or (key and begins(tokens, place)):
            break
        if depth == 0 and tokens[place].kind in LITERALS:
            literals.append(place)
        place += 1
    return Expression(start, place, tuple(literals))


_BEGINNINGS = {"redshift": _after_execute, "tsql": _after_exec}
