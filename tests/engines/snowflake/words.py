# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Snowflake statement word by word, as the service does: no splitter and no library of the collection takes part."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from .errors import SnowflakeError, error

Name = tuple[str, ...]

_WORDS = re.compile(
    r"""(?P<space>\s+|(?:--|//)[^\r\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$)
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<unclosed>['"]|\$\$|/\*)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<mark>:=|.)""",
    re.DOTALL | re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Word:
    """One word of a statement; `key` is its upper-case form if it can be a keyword or a mark, else empty."""

    kind: str  # word, quoted, string, number, mark
    key: str
    value: str  # what it means: an identifier folded or without quotes, a string without escapes
    start: int
    end: int  # after the last character


def _value(kind: str, raw: str) -> str:
    if kind == "string":
        return raw[2:-2] if raw[0] == "$" else re.sub(r"\\(.)|''", lambda found: _ESCAPES.get(found[1], found[1]) or "'", raw[1:-1], flags=re.DOTALL)
    return raw[1:-1].replace('""', '"') if kind == "quoted" else raw.upper()


def shown(name: Name | str) -> str:
    """A name as Snowflake shows it: quoted where it must be."""
    parts = (name,) if isinstance(name, str) else name
    return ".".join(part if _PLAIN.match(part) else quoted(part) for part in parts)


def quoted(identifier: str) -> str:
    """An identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def folded(text: str) -> str:
    """An identifier as a parameter of a login holds it: quoted, or to be folded."""
    return Reader(text).identifier() if text.startswith('"') else text.upper()


class Reader:
    """Reads a statement from its first word to its last; what does not fit is Snowflake's syntax error."""

    def __init__(self, sql: str) -> None:
        """The semicolons at its end do not belong to it."""
        self.sql, self.at = sql, 0
        self.words: list[Word] = []
        for match in _WORDS.finditer(sql):
            kind, raw = match.lastgroup or "", match[0]
            if kind == "unclosed":
                raise self._syntax_error(len(sql), "<EOF>")
            if kind != "space":
                self.words.append(Word(kind, raw.upper() if kind in ("word", "mark", "number") else "", _value(kind, raw), match.start(), match.end()))
        while self.words and self.words[-1].key == ";":
            self.words.pop()
        self.sql = sql[: self.words[-1].end] if self.words else ""

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    def peek(self, ahead: int = 0) -> Word | None:
        place = self.at + ahead
        return self.words[place] if place < len(self.words) else None

    def key(self, ahead: int = 0) -> str:
        """The key of a word that comes; empty at the end and for what is quoted."""
        word = self.peek(ahead)
        return word.key if word else ""

    def next(self, *kinds: str) -> Word:
        """Read a word, of one of these kinds if any are given."""
        word = self.peek()
        if word is None or (kinds and word.kind not in kinds):
            raise self.unexpected()
        self.at += 1
        return word

    def accept(self, phrase: str) -> bool:
        """Read these words, separated by spaces in the phrase, if they come."""
        keys = phrase.split()
        found = all(self.key(ahead) == key for ahead, key in enumerate(keys))
        self.at += len(keys) if found else 0
        return found

    def accept_one(self, phrases: Collection[str]) -> str:
        """Read the first of the phrases that comes; empty if none does."""
        return next((phrase for phrase in phrases if self.accept(phrase)), "")

    def expect(self, phrase: str) -> None:
        if not self.accept(phrase):
            raise self.unexpected()

    def expect_one(self, phrases: Collection[str]) -> str:
        found = self.accept_one(phrases)
        if not found:
            raise self.unexpected()
        return found

    def end(self) -> None:
        """Nothing more may come."""
        if not self.done:
            raise self.unexpected()

    def identifier(self) -> str:
        return self.next("word", "quoted").value

    def name(self) -> Name:
        """Read an identifier with dots."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return tuple(parts)

    def string(self) -> str:
        return self.next("string").value

    def properties(self) -> dict[str, str]:
        """Read `KEY = value ...` to the end; a value is a string in any quotes, a number or a name."""
        found: dict[str, str] = {}
        while not self.done:
            key = self.next("word").key
            self.expect("=")
            word = self.peek()
            found[key] = self.next().value if word is not None and word.kind in ("string", "number") else ".".join(self.name())
        return found

    def parenthesis(self) -> None:
        """Read `( ... )`."""
        self.expect("(")
        depth = 1
        while depth:
            depth += {"(": 1, ")": -1}.get(self.next().key, 0)

    def block(self) -> None:
        """Read a body without quotes, from BEGIN or DECLARE to the END that belongs to it, which ends the statement."""
        while self.key() != "BEGIN":
            self.next()
        self.next()
        depth = 1
        while depth:
            key = self.next().key
            if key == "END":
                depth -= 1
                self.accept_one(("IF", "CASE"))
            elif key in ("BEGIN", "CASE") or (key == "IF" and self.key() == "("):
                depth += 1
        self.end()

    def unexpected(self) -> SnowflakeError:
        """The syntax error at the word that comes. It never shows a literal."""
        word = self.peek()
        if word is None:
            return self._syntax_error(len(self.sql), "<EOF>")
        return self._syntax_error(word.start, self.sql[word.start : word.end] if word.key else "...")

    def _syntax_error(self, start: int, text: str) -> SnowflakeError:
        return error("syntax", self.sql.count("\n", 0, start) + 1, start - (self.sql.rfind("\n", 0, start) + 1), text)
