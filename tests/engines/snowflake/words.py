# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a statement word by word. The tokens are sqlglot's; what they mean in Snowflake is said here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlglot import TokenType
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import TokenError

from .errors import SnowflakeError, syntax_error

Name = tuple[str, ...]

_KINDS = {
    TokenType.STRING: "string",
    TokenType.RAW_STRING: "dollars",
    TokenType.IDENTIFIER: "quoted",
    TokenType.NUMBER: "number",
}
# Snowflake documentation, "String & binary data types", escape sequences in single-quoted strings.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-3]?[0-7]{1,2})|(.))|''", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")


class _Tokenizer(Snowflake.Tokenizer):
    COMMANDS: ClassVar[set[TokenType]] = set()  # sqlglot takes what follows CALL, EXECUTE, ... as one string


@dataclass(frozen=True)
class Word:
    """One word of a statement; `key` is its upper-case form if it can be a keyword, else its text."""

    kind: str  # word, quoted, string, dollars, number, mark
    key: str
    value: str  # an identifier folded, a string unescaped
    start: int
    end: int  # after the last character


def words_of(sql: str) -> list[Word]:
    """All words, without comments."""
    try:
        tokens = _Tokenizer(dialect=Snowflake()).tokenize(sql)
    except TokenError as error:  # a string or a comment without an end
        line = sql.count("\n") + 1
        raise syntax_error(line, len(sql) - sql.rfind("\n") - 1, "<EOF>") from error
    return [word for token in tokens for word in _words(sql, token)]


def _words(sql: str, token: Any) -> Iterable[Word]:
    start, end = token.start, token.end + 1
    kind, raw = _KINDS.get(token.token_type, ""), sql[start:end]
    if kind == "string":
        yield Word(kind, "", _unescape(raw[1:-1]), start, end)
    elif kind == "dollars":
        yield Word(kind, "", raw[2:-2], start, end)
    elif kind == "quoted":
        yield Word(kind, "", raw[1:-1].replace('""', '"'), start, end)
    elif kind == "number":
        yield Word(kind, raw, raw, start, end)
    else:  # sqlglot makes one token of some phrases: "ORDER BY"
        for part in re.finditer(r"\S+", raw):
            text = part.group()
            kind = "word" if text.replace("$", "_").isidentifier() else "mark"
            yield Word(kind, text.upper(), text.upper(), start + part.start(), start + part.end())


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        hexadecimal, unicode, octal, other = match.groups()
        if hexadecimal or unicode:
            return chr(int(hexadecimal or unicode, 16))
        if octal:
            return chr(int(octal, 8))
        return "'" if other is None else _CONTROLS.get(other, other)

    return _ESCAPE.sub(one, text)


def shown(name: Name | str) -> str:
    """A name as Snowflake shows it: quoted where it must be."""
    parts = (name,) if isinstance(name, str) else name
    return ".".join(part if _PLAIN.match(part) or "(" in part else quoted(part) for part in parts)


def quoted(identifier: str) -> str:
    """An identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A value as SQL text."""
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return str(value).upper()
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


class Reader:
    """A statement and how far it has been read."""

    def __init__(self, sql: str, words: list[Word]) -> None:
        self.sql = sql
        self.words = words
        self.at = 0

    @classmethod
    def of(cls, sql: str) -> Reader:
        return cls(sql, words_of(sql))

    def peek(self, ahead: int = 0) -> Word | None:
        """The word that comes, or None at the end."""
        return self.words[self.at + ahead] if self.at + ahead < len(self.words) else None

    def key(self, ahead: int = 0) -> str:
        """The key of the word that comes, or nothing."""
        word = self.peek(ahead)
        return word.key if word else ""

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    @property
    def rest(self) -> str:
        """The text from the word that comes to the end."""
        return "" if self.done else self.sql[self.words[self.at].start : self.words[-1].end]

    def next(self) -> Word:
        """Read one word."""
        word = self.peek()
        if word is None:
            raise self.unexpected()
        self.at += 1
        return word

    def accept(self, phrase: str) -> bool:
        """Read the phrase if it comes."""
        keys = phrase.split()
        if [self.key(i) for i in range(len(keys))] != keys:
            return False
        self.at += len(keys)
        return True

    def accept_one(self, phrases: Collection[str]) -> str:
        """Read the longest of the phrases that comes; nothing if none does."""
        for phrase in sorted(phrases, key=lambda text: -len(text.split())):
            if self.accept(phrase):
                return phrase
        return ""

    def expect(self, phrase: str) -> None:
        """Read the phrase or fail."""
        if not self.accept(phrase):
            raise self.unexpected()

    def expect_one(self, phrases: Collection[str]) -> str:
        """Read the longest of the phrases that comes, or fail."""
        found = self.accept_one(phrases)
        if not found:
            raise self.unexpected()
        return found

    def end(self) -> None:
        """Nothing more may come."""
        if not self.done:
            raise self.unexpected()

    def identifier(self) -> str:
        """Read one identifier: unquoted ones are folded to upper case."""
        word = self.peek()
        if word is None or word.kind not in ("word", "quoted"):
            raise self.unexpected()
        self.at += 1
        return word.value

    def name(self) -> Name:
        """Read an identifier with dots, or IDENTIFIER('...')."""
        if self.key() == "IDENTIFIER" and self.key(1) == "(":
            self.at += 2
            inner = Reader.of(self.next().value).name()
            self.expect(")")
            return inner
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return tuple(parts)

    def parenthesis(self) -> list[list[Word]]:
        """Read `( ... )`: the words between its commas."""
        self.expect("(")
        parts: list[list[Word]] = [[]]
        depth = 1
        while True:
            word = self.next()
            depth += {"(": 1, ")": -1}.get(word.key, 0)
            if not depth:
                return [part for part in parts if part]
            if word.key == "," and depth == 1:
                parts.append([])
            else:
                parts[-1].append(word)

    def value(self) -> Any:
        """Read the value of a property: a string in any quotes, a number, TRUE, FALSE, NULL, a name, a list."""
        if self.key() == "(":
            return [part[0].value for part in self.parenthesis()]
        word = self.peek()
        if word is None or word.kind == "mark":
            raise self.unexpected()
        if word.kind in ("string", "dollars", "number"):
            self.at += 1
            return word.value
        constants = {"TRUE": True, "FALSE": False, "NULL": None}
        if word.kind == "word" and word.key in constants:
            self.at += 1
            return constants[word.key]
        return ".".join(self.name())

    def properties(self, flags: Collection[str] = ()) -> dict[str, Any]:
        """Read `KEY = value ...` to the end; `flags` are phrases without a value. Commas between are allowed."""
        found: dict[str, Any] = {}
        while not self.done:
            flag = self.accept_one(flags)
            if flag:
                found[flag] = True
            elif not (found and self.accept(",")):
                key = self.next()
                if key.kind != "word" or self.key() != "=":
                    raise self.unexpected(key if key.kind != "word" else None)
                self.at += 1
                found[key.key] = self.value()
        return found

    def unexpected(self, word: Word | None = None) -> SnowflakeError:
        """The syntax error at the word that comes."""
        word = word or self.peek()
        start = word.start if word else len(self.sql)
        line = self.sql.count("\n", 0, start) + 1
        text = self.sql[word.start : word.end] if word and word.kind in ("word", "mark", "number") else "<EOF>"
        if word and text == "<EOF>":
            text = "..."  # never a literal: it may be a secret
        return syntax_error(line, start - (self.sql.rfind("\n", 0, start) + 1), text)
