# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Snowflake writes its words and names, and what only its statements have: IDENTIFIER('...') and properties."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from ..words import Grammar, Name, Unclosed, Word
from ..words import Reader as GeneralReader
from .errors import SnowflakeError, syntax_error

# Snowflake documentation, "String & binary data types", escape sequences in single-quoted strings.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-3]?[0-7]{1,2})|(.))|''", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}


def _text(raw: str) -> str:
    """The text of a literal: quoted, or between dollars."""
    return raw[2:-2] if raw[0] == "$" else _ESCAPE.sub(_character, raw[1:-1])


def _character(escape: re.Match[str]) -> str:
    hexadecimal, unicode, octal, other = escape.groups()
    if hexadecimal or unicode:
        return chr(int(hexadecimal or unicode, 16))
    if octal:
        return chr(int(octal, 8))
    return "'" if other is None else _CONTROLS.get(other, other)


GRAMMAR = Grammar(
    string=r"'(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$",
    quoted='"(?:[^"]|"")*"',
    unquote=_text,
    unname=lambda raw: raw[1:-1].replace('""', '"'),
    fold=str.upper,
    space=r"\s+|(?:--|//)[^\r\n]*",
    opening=r"['\"]|\$\$",
    nested_comments=False,
)


def words_of(sql: str) -> list[Word]:
    """The words of a statement. SnowflakeError for what never ends."""
    try:
        return GRAMMAR.words(sql)
    except Unclosed:
        line = sql.count("\n") + 1
        raise syntax_error(line, len(sql) - sql.rfind("\n") - 1, "<EOF>") from None


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


class Reader(GeneralReader):
    """Reads a Snowflake statement; what does not fit is Snowflake's syntax error."""

    @classmethod
    def of(cls, sql: str) -> Reader:
        return cls(sql, words_of(sql))

    def name(self) -> Name:
        """Read an identifier with dots, or IDENTIFIER('...')."""
        if not self.accept("IDENTIFIER ("):
            return super().name()
        inner = Reader.of(self.next().value).name()
        self.expect(")")
        return inner

    def items(self) -> list[list[Word]]:
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
            return [part[0].value for part in self.items()]
        word = self.peek()
        if word is not None and word.kind in ("string", "number"):
            return self.next().value
        constant = self.accept_one(_CONSTANTS)
        return _CONSTANTS[constant] if constant else ".".join(self.name())

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
        """The syntax error at a word, else at the one that comes."""
        word = word or self.peek()
        start = word.start if word else len(self.sql)
        line = self.sql.count("\n", 0, start) + 1
        text = self.sql[word.start : word.end] if word and word.kind in ("word", "mark", "number") else "<EOF>"
        if word and text == "<EOF>":
            text = "..."  # never a literal: it may be a secret
        return syntax_error(line, start - (self.sql.rfind("\n", 0, start) + 1), text)
