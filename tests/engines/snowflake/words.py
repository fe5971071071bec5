# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Snowflake writes its words and names, and what only its statements have: properties, and bodies with semicolons."""

from __future__ import annotations

import re

from ..words import Grammar, Name, Unclosed, Word
from ..words import Reader as GeneralReader
from .errors import SnowflakeError, error

# Snowflake documentation, "String & binary data types", escape sequences in single-quoted strings.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-3]?[0-7]{1,2})|(.))|''", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")


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
        raise error("syntax", sql.count("\n") + 1, len(sql) - sql.rfind("\n") - 1, "<EOF>") from None


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
    return Reader.of(text).identifier() if text.startswith('"') else text.upper()


class Reader(GeneralReader):
    """Reads a Snowflake statement; what does not fit is Snowflake's syntax error."""

    @classmethod
    def of(cls, sql: str) -> Reader:
        """A statement, without the semicolons at its end."""
        words = words_of(sql)
        while words and words[-1].key == ";":
            words.pop()
        return cls(sql[: words[-1].end] if words else "", words)

    def value(self) -> str:
        """Read the value of a property: a string in any quotes, a number, a name."""
        word = self.peek()
        return self.next().value if word is not None and word.kind in ("string", "number") else ".".join(self.name())

    def properties(self) -> dict[str, str]:
        """Read `KEY = value ...` to the end. Commas between are allowed."""
        found: dict[str, str] = {}
        while not self.done:
            if found and self.accept(","):
                continue
            key = self.next()
            if key.kind != "word" or self.key() != "=":
                raise self.unexpected(key if key.kind != "word" else None)
            self.at += 1
            found[key.key] = self.value()
        return found

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

    def unexpected(self, word: Word | None = None) -> SnowflakeError:
        """The syntax error at a word, else at the one that comes."""
        word = word or self.peek()
        start = word.start if word else len(self.sql)
        line = self.sql.count("\n", 0, start) + 1
        text = "<EOF>" if word is None else self.sql[word.start : word.end] if word.kind in ("word", "mark", "number") else "..."  # never a literal
        return error("syntax", line, start - (self.sql.rfind("\n", 0, start) + 1), text)
