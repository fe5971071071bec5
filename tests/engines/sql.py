# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Synapse and Databricks stand-ins share: a statement is read as words, a rule says what it does, and SQLite keeps the rows.

It does not use the collection's own reader of SQL: what that cuts in the wrong place is refused here.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Name = tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """One word of a statement. value: what it means, without quotes and escapes; line: from 1."""

    kind: str  # word, name (in quotes), string, mark
    value: str
    start: int
    line: int

    @property
    def key(self) -> str:
        """The upper-case form of what can be a keyword or a mark; empty for what is quoted."""
        return self.value.upper() if self.kind in ("word", "mark") else ""

    @property
    def plain(self) -> str:
        """The word as SQLite reads it, whatever the dialect: names in backticks, strings in single quotes."""
        quote = {"name": "`", "string": "'"}.get(self.kind, "")
        return quote + (self.value.replace(quote, quote * 2) if quote else self.value) + quote


class Unreadable(Exception):
    """No word begins here, or one that never ends."""

    def __init__(self, start: int, line: int) -> None:
        super().__init__(f"line {line}")
        self.start = start
        self.line = line


class Grammar:
    """How a dialect writes its strings and quoted names (regular expressions), and what they mean."""

    def __init__(self, *, string: str, name: str, text_of: Callable[[str], str], name_of: Callable[[str], str]) -> None:
        space, word = r"(?:[\s\ufeff]|--[^\n]*)+", r"@?[^\W\d][\w$]*|\d+(?:\.\d+)?"
        self._pattern = re.compile(rf"(?P<space>{space})|/\*|(?P<string>{string})|(?P<name>{name})|(?P<word>{word})|(?P<mark>::|[<>!]=|<>|[^'\"`])", re.DOTALL)
        self._values: dict[str, Callable[[str], str]] = {"string": text_of, "name": name_of}

    def words(self, sql: str) -> list[Word]:
        """All words, without comments. Raises Unreadable for a string, a name or a comment without an end."""
        found: list[Word] = []
        at = 0
        while at < len(sql):
            line = sql.count("\n", 0, at) + 1
            match = self._pattern.match(sql, at)
            end = None if match is None else match.end() if match.lastgroup else _comment_end(sql, at)
            if match is None or end is None:
                raise Unreadable(at, line)
            if match.lastgroup not in (None, "space"):
                kind = str(match.lastgroup)
                found.append(Word(kind, self._values.get(kind, str)(match[0]), at, line))
            at = end
        return found


def _comment_end(sql: str, start: int) -> int | None:
    """Where a comment ends, which may hold others; None when it does not."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return None


# --- rules ---

_NAME = r"(?:`(?:[^`]|``)*`|[^\W\d][\w$]*)"


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name[0] == "`" else name


# What stands in braces in a rule: its regular expression, and what is made of what it finds.
_PARTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "name": (rf"({_NAME}(?: \. {_NAME})*)", lambda text: tuple(_unquoted(part) for part in re.findall(_NAME, text))),
    "string": ("('(?:[^']|'')*')", lambda text: text[1:-1].replace("''", "'")),
    "number": (r"(\d+)", int),
    "word": (r"(\w+)", str.upper),
    "relation": ("(TABLE|VIEW)", str.upper),
    "routine": ("(PROCEDURE|FUNCTION)", str.upper),
    "words": (r"(\w[\w ,]*?)", lambda text: [each.upper() for each in text.split(" , ")]),
    "rest": ("(.*)", str),
}


class Rules:
    """What statements do, as rows: a regular expression of words that are one space apart, with parts in braces -> a function of these parts."""

    def __init__(self, rows: Mapping[str, Callable[..., Any]]) -> None:
        self._rows = [
            (
                re.compile(re.sub(r"\{(\w+)\}", lambda found: _PARTS[found[1]][0], rule), re.IGNORECASE | re.DOTALL),
                [_PARTS[part][1] for part in re.findall(r"\{(\w+)\}", rule)],
                act,
            )
            for rule, act in rows.items()
        ]

    def match(self, words: Sequence[Word]) -> tuple[Callable[..., Any], list[Any]] | None:
        """The function of the first rule that fits, and its parts: None for one that the statement leaves out. None when no rule fits."""
        text = " ".join(word.plain for word in words)
        for pattern, meanings, act in self._rows:
            if found := pattern.fullmatch(text):
                return act, [None if part is None else meaning(part) for part, meaning in zip(found.groups(), meanings, strict=True)]
        return None


# --- rows ---

QUERIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
# A table's name comes behind these.
_BEFORE_NAMES = frozenset({"FROM", "JOIN", "INTO", "UPDATE", "TABLE", "VIEW"})


@dataclass(frozen=True)
class Result:
    """What a statement gave. count: the rows that it gave or changed; None where nothing is counted."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    count: int | None = None


class Tables:
    """All tables and views of a stand-in, each by its full name in one word."""

    def __init__(self) -> None:
        self._lite = sqlite3.connect(":memory:", isolation_level=None)

    def run(self, words: Sequence[Word], table: Callable[[Name, Word], str], **functions: str) -> Result:
        """Run a query, CREATE TABLE or CREATE VIEW. table: the full name for a name and its first word; functions: name -> what it returns.

        Raises sqlite3.Error, and whatever table raises.
        """
        for name, value in functions.items():
            self._lite.create_function(name, 0, lambda value=value: value)
        done = self._lite.execute(" ".join(_rendered(words, table)))
        if done.description is None:
            return Result(count=done.rowcount if done.rowcount >= 0 else None)
        rows = tuple(done.fetchall())
        return Result(tuple(column[0] for column in done.description), rows, len(rows))

    def fill(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
        """Show something as a table: these rows in place of what it held. Returns its name."""
        self.drop("TABLE", table)
        self._lite.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(columns)})")
        self._lite.executemany(f"INSERT INTO {_quoted(table)} VALUES ({', '.join('?' * len(columns))})", rows)
        return table

    def drop(self, kind: str, table: str) -> None:
        """kind: TABLE or VIEW."""
        self._lite.execute(f"DROP {kind} IF EXISTS {_quoted(table)}")


def _quoted(name: str) -> str:
    return Word("name", name, 0, 0).plain


def _rendered(words: Sequence[Word], table: Callable[[Name, Word], str]) -> Iterator[str]:
    """The words for SQLite. It has no comments on columns, and would take STRING for a number."""
    at, creating = 0, [word.key for word in words[:2]] == ["CREATE", "TABLE"]
    while at < len(words):
        word, end = words[at], at + 1
        if at and words[at - 1].key in _BEFORE_NAMES and word.kind in ("word", "name"):
            while end + 1 < len(words) and words[end].key == ".":
                end += 2
            yield _quoted(table(tuple(part.value for part in words[at:end:2]), word))
        elif creating and word.key == "COMMENT":
            end += 1
        else:
            yield "TEXT" if creating and word.key == "STRING" else word.plain
        at = end
