# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamic SQL: where a statement executes text (EXECUTE IMMEDIATE, EXEC), and what a literal decodes to. The gate and the masker use it.

A literal is decoded character by character, and each character keeps its source text. So the gate can check the code as the
database reads it, and the masker can show the code as the script has it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .tokenizer import Token

LITERALS = frozenset({"string", "dollar"})


class Char(NamedTuple):
    """One escaped character of a literal, or a run of unescaped characters. source: as written. meaning: as the database reads it."""

    source: str
    meaning: str


class Expression(NamedTuple):
    """An expression whose text is executed: tokens[start:stop]. literals: the indexes of the literals outside of parentheses."""

    start: int
    stop: int
    literals: tuple[int, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the expression is one literal and nothing else."""
        return len(self.literals) == 1 and self.stop - self.start == 1


# ---------------------------------------------------------------------------------------------------------------- literals

_LETTER_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "Z": "\x1a"}
# The escapes that the vendors document. A literal with any other escape cannot be decoded.
_ESCAPES = {
    "snowflake": re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-7]{3})|(['\"\\bfnrt0]))"),
    "redshift": re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(['\"\\bfnrt]))"),
    "databricks": re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(['\"\\bnrtZ0]))"),
}
# In a plain string of Redshift, a setting decides what a backslash means. These two escapes mean the same in both cases.
_REDSHIFT_PLAIN_ESCAPES = re.compile(r"\\(?:()()()(['\\]))")
_MATCHES_NOTHING = re.compile(r"(?!)")
# T-SQL drops a backslash at the end of a line together with the line break.
_LINE_CONTINUATION = re.compile(r"\\\r?\n")


def content_bounds(token: Token) -> tuple[int, int]:
    """Return the offsets at which the content of a literal begins and ends, without prefix and quotes."""
    if token.kind == "dollar":
        width = token.text.index("$", 1) + 1
        return width, len(token.text) - width
    return token.text.index(token.text[-1]) + 1, len(token.text) - 1


def decode(token: Token, dialect: str) -> list[Char] | None:
    """Return the characters of a literal. Return None if it has an undocumented escape, or a T-SQL line continuation."""
    opening, closing = content_bounds(token)
    prefix, content = token.text[: opening - 1].upper(), token.text[opening:closing]
    if token.kind == "dollar" or prefix == "R":
        return [Char(content, content)]
    if dialect == "tsql" and _LINE_CONTINUATION.search(content):
        return None
    return _decode_escapes(content, token.text[-1], _escapes(dialect, prefix))


def decoded_texts(token: Token, dialect: str) -> list[str] | None:
    """Return every text that the database may decode a literal to. Return None if that is unknown.

    In Databricks, a setting decides whether two quotes inside a literal are one quote or the boundary of two joined literals.
    """
    chars = decode(token, dialect)
    if chars is None:
        return None
    joined_quotes = text_of(chars)
    joined_literals = "".join(char.meaning for char in chars if char.source == char.meaning or char.source not in ("''", '""'))
    return [joined_quotes, joined_literals] if dialect == "databricks" and joined_literals != joined_quotes else [joined_quotes]


def _escapes(dialect: str, prefix: str) -> re.Pattern[str]:
    if dialect == "redshift" and prefix != "E":
        return _REDSHIFT_PLAIN_ESCAPES
    return _ESCAPES.get(dialect, _MATCHES_NOTHING)


def _decode_escapes(content: str, quote: str, escapes: re.Pattern[str]) -> list[Char] | None:
    chars: list[Char] = []
    plain = re.compile(f"[^{quote}]+" if escapes is _MATCHES_NOTHING else f"[^{quote}\\\\]+")
    index = 0
    while index < len(content):
        escape, run = escapes.match(content, index), plain.match(content, index)
        if escape:
            char = Char(escape[0], _decoded(escape))
        elif run:
            char = Char(run[0], run[0])
        elif content[index] == quote:
            char = Char(quote * 2, quote)
        else:
            return None
        chars.append(char)
        index += len(char.source)
    return chars


def _decoded(escape: re.Match[str]) -> str:
    *codes, named = escape.groups()
    for code, base in zip(codes, (16, 16, 8)):
        if code:
            number = int(code, base)
            return chr(number) if number <= 0x10FFFF else "\ufffd"
    return _LETTER_ESCAPES.get(named, named)


def text_of(chars: Sequence[Char]) -> str:
    """Return the text that the database reads."""
    return "".join(char.meaning for char in chars)


# ------------------------------------------------------------------------------------------------------------- expressions

# Keys after the end of the expression
_EXPRESSION_ENDS = frozenset({";", "USING", "INTO", "LOOP", "DO", "THEN", "CALL"})


def executed_expressions(tokens: Sequence[Token], dialect: str) -> Iterator[Expression]:
    """Yield each expression whose text these tokens execute. The tokens must not include space and comments."""
    find_start = _EXPRESSION_STARTS.get(dialect, _start_after_immediate)
    for index, token in enumerate(tokens):
        start = find_start(tokens, index) if token.kind in ("word", "name") else 0
        if start:
            yield _expression(tokens, start, find_start, ends=_EXPRESSION_ENDS | {","} if dialect == "tsql" else _EXPRESSION_ENDS)


def _start_after_immediate(tokens: Sequence[Token], index: int) -> int:
    """Return where the expression of EXECUTE IMMEDIATE … begins, or 0 if there is none here."""
    return index + 2 if [token.key for token in tokens[index : index + 2]] == ["EXECUTE", "IMMEDIATE"] else 0


def _start_after_execute(tokens: Sequence[Token], index: int) -> int:
    """Return where the expression of EXECUTE … in a Redshift routine begins, or 0. EXECUTE can also be the name of a privilege."""
    following = tokens[index + 1 : index + 2]
    if tokens[index].key != "EXECUTE" or not following or following[0].key in ("ON", "FOR", ",", "AS"):
        return 0
    return index + 1


def _start_after_exec(tokens: Sequence[Token], index: int) -> int:
    """Return where the expression of EXEC ( …, sp_executesql …, or sp_executesql @stmt = … begins, or 0 if there is none here."""
    keys = [token.key for token in tokens[index + 1 : index + 3]]
    if tokens[index].text.strip('[]"').upper() == "SP_EXECUTESQL":
        return index + 3 if keys[1:] == ["="] else index + 1
    return index + 2 if tokens[index].key in ("EXEC", "EXECUTE") and keys[:1] == ["("] else 0


def _expression(tokens: Sequence[Token], start: int, find_start: Callable[[Sequence[Token], int], int], ends: frozenset[str]) -> Expression:
    """Return the expression that begins at start. It ends where the next expression begins, so that no token is in two of them."""
    depth, index = 0, start
    literals = []
    while index < len(tokens):
        key = tokens[index].key
        depth += (key == "(") - (key == ")")
        if depth < 0 or (depth == 0 and key in ends) or (key and find_start(tokens, index)):
            break
        if depth == 0 and tokens[index].kind in LITERALS:
            literals.append(index)
        index += 1
    return Expression(start, index, tuple(literals))


_EXPRESSION_STARTS = {"redshift": _start_after_execute, "tsql": _start_after_exec}
