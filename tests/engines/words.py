# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading statements word by word, for engines that carry some out themselves. What differs by dialect is a Grammar."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

Name = tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """One word of a statement; `key` is its upper-case form if it can be a keyword or a mark, else empty."""

    kind: str  # word, quoted, string, number, mark
    key: str
    value: str  # what it means: an identifier without quotes, a string without escapes
    start: int
    end: int  # after the last character
    line: int  # from 1


@dataclass(frozen=True)
class Grammar:
    """How one dialect writes its words: regular expressions of a whole one, and what the quotes hide."""

    string: str
    quoted: str
    unquote: Callable[[str], str]  # the text of a string literal
    unname: Callable[[str], str]  # the name in a quoted identifier
    fold: Callable[[str], str] = str  # what becomes of an identifier without quotes
    word: str = r"[^\W\d][\w$]*"
    space: str = r"[\s\ufeff]+|--[^\r\n]*"  # what is between words, with the comments that end with their line
    opening: str = "['\"`]"  # what begins a string or a quoted identifier
    nested_comments: bool = True
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kinds = {
            "space": self.space,
            "comment": r"/\*",
            "string": self.string,
            "quoted": self.quoted,
            "unclosed": self.opening,
            "word": self.word,
            "number": r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?",
            "mark": r"::|:=|<>|<=|>=|!=|\|\||.",
        }
        pattern = "|".join(f"(?P<{kind}>{expression})" for kind, expression in kinds.items())
        object.__setattr__(self, "pattern", re.compile(pattern, re.DOTALL))

    def words(self, sql: str) -> list[Word]:
        """All words, without comments. Unclosed says where something opens that never closes."""
        found: list[Word] = []
        at = 0
        while at < len(sql):
            match = self.pattern.match(sql, at)
            assert match is not None  # a mark is any character
            kind, raw, end = match.lastgroup or "", match[0], match.end()
            if kind == "unclosed":
                raise Unclosed(at)
            if kind == "comment":
                end = self._comment_end(sql, at)
            elif kind != "space":
                found.append(self._word(kind, raw, at, sql.count("\n", 0, at) + 1))
            at = end
        return found

    def _word(self, kind: str, raw: str, start: int, line: int) -> Word:
        value = {"string": self.unquote, "quoted": self.unname, "word": self.fold}.get(kind, str)(raw)
        return Word(kind, raw.upper() if kind in ("word", "mark", "number") else "", value, start, start + len(raw), line)

    def _comment_end(self, sql: str, start: int) -> int:
        depth = 0
        for mark in re.compile(r"/\*|\*/").finditer(sql, start):
            opens = mark.group() == "/*"
            depth += 1 if opens and (self.nested_comments or not depth) else 0 if opens else -1
            if not depth:
                return mark.end()
        raise Unclosed(start)


class Unclosed(Exception):
    """A literal, a name or a comment has no end; `start` is where it opens."""

    def __init__(self, start: int) -> None:
        super().__init__(f"what opens at character {start} is never closed")
        self.start = start


class Unexpected(Exception):
    """A word that does not fit; None is the end of the statement."""

    def __init__(self, word: Word | None) -> None:
        super().__init__("a word does not fit")
        self.word = word


class Reader:
    """Reads a statement from its first word to its last; `unexpected` is raised for what does not fit."""

    def __init__(self, sql: str, words: Sequence[Word]) -> None:
        self.sql = sql
        self.words = words
        self.at = 0

    @property
    def text(self) -> str:
        """The text from the first word to the last."""
        return self.sql[self.words[0].start : self.words[-1].end] if self.words else ""

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    def peek(self, ahead: int = 0) -> Word | None:
        place = self.at + ahead
        return self.words[place] if 0 <= place < len(self.words) else None

    def unexpected(self) -> Exception:
        """The error at the word that comes: it does not fit. A dialect may say it in its own words."""
        return Unexpected(self.peek())

    def key(self, ahead: int = 0) -> str:
        """The key of a word that comes, or that came; empty at the end and for what is quoted."""
        word = self.peek(ahead)
        return word.key if word else ""

    def next(self) -> Word:
        word = self.peek()
        if word is None:
            raise self.unexpected()
        self.at += 1
        return word

    def comes(self, phrase: str) -> bool:
        """Whether these words come, separated by spaces in the phrase."""
        return all(self.key(ahead) == key for ahead, key in enumerate(phrase.split()))

    def accept(self, phrase: str) -> bool:
        """Read the phrase if it comes."""
        found = self.comes(phrase)
        self.at += len(phrase.split()) if found else 0
        return found

    def accept_one(self, phrases: Collection[str]) -> str:
        """Read the longest of the phrases that comes; empty if none does."""
        for phrase in sorted(phrases, key=lambda text: -len(text.split())):
            if self.accept(phrase):
                return phrase
        return ""

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
        word = self.peek()
        if word is None or word.kind not in ("word", "quoted"):
            raise self.unexpected()
        self.at += 1
        return word.value

    def name(self) -> Name:
        """Read an identifier with dots."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return tuple(parts)

    def string(self) -> str:
        word = self.peek()
        if word is None or word.kind != "string":
            raise self.unexpected()
        self.at += 1
        return word.value

    def parenthesis(self) -> str:
        """Read `( ... )`: its text, without the parentheses."""
        self.expect("(")
        start, depth = self.words[self.at - 1].end, 1
        while depth:
            word = self.next()
            depth += {"(": 1, ")": -1}.get(word.key, 0)
        return self.sql[start : word.start]

    def rest(self) -> str:
        """The text from here to the end, read."""
        start = self.peek()
        self.at = len(self.words)
        return self.sql[start.start : self.words[-1].end] if start else ""
