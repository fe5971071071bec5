# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of SQL, dialect by dialect: words, names, literals, comments. Their texts joined give the script back.

One scanner reads every dialect; what differs between them is the table DIALECTS.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .._core.errors import ScriptRefused

DOUBLED = r"'[^']*(?:''[^']*)*'(?!')"
BACKSLASHED = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"
QUOTED_NAME = r'"[^"]*(?:""[^"]*)*"(?!")'
BACKTICKED_NAME = r"`[^`]*(?:``[^`]*)*`(?!`)"
BRACKETED_NAME = r"\[[^\]]*(?:\]\][^\]]*)*\](?!\])"
NEVER = r"(?!)"
# How many digits the number behind GO may have.
_LONGEST_COUNT = 6


@dataclass(frozen=True)
class Dialect:
    """What is peculiar to one database. The patterns are regular expressions of one whole token."""

    name: str
    string: str
    quoted_name: str = QUOTED_NAME
    # What opens and closes a dollar-quoted text
    fence: str = NEVER
    word: str = r"[^\W\d][\w$]*"
    line_comment: str = "--"
    nested_comments: bool = True
    # Lines that only a command line client understands
    client: str = r"\\\S*"
    # Whether BEGIN … END is one statement, and whether DECLARE … BEGIN … END is
    blocks: bool = False
    declare: bool = False
    # Whether lines of GO separate the statements, instead of semicolons
    batches: bool = False
    # What in a comment is no comment to the database, or may be none: a hint, a line that goes on behind a backslash
    unclear: str = NEVER
    # Whether @ begins a path, in which nothing begins a comment
    paths: bool = False
    scanner: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kinds = {
            "space": r"[\s\ufeff]+",
            "comment": rf"(?:{self.line_comment})[^\r\n]*" + ("" if self.nested_comments else r"|/\*.*?\*/"),
            "nested": r"/\*" if self.nested_comments else NEVER,
            "string": self.string,
            "dollar": rf"(?P<fence>{self.fence}).*?(?-i:(?P=fence))",
            "name": self.quoted_name,
            "go": r"GO(?:[ \t]+(?P<times>\d+))?[ \t]*;?[ \t]*(?:--[^\r\n]*)?(?=[\r\n]|\Z)" if self.batches else NEVER,
            "client": self.client,
            "unclosed": rf"['\"`]|/\*|{self.fence}" + (r"|\[" if self.batches else ""),
            "word": self.word,
            "number": r"\d\w*",
            "end": NEVER if self.batches else ";",
            "symbol": r".",
        }
        pattern = "|".join(f"(?P<{kind}>{expression})" for kind, expression in kinds.items())
        object.__setattr__(self, "scanner", re.compile(pattern, re.DOTALL | re.IGNORECASE))


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        # Snowflake: a nested opening of a comment is no opening; a backslash escapes in every string
        Dialect(
            "snowflake",
            string=BACKSLASHED,
            fence=r"\$\$",
            word=r"[^\W\d](?:\w|\$(?!\$))*",
            line_comment="--|//",
            nested_comments=False,
            client=r"\\\S*|![a-z]\w*",
            blocks=True,
            declare=True,
            paths=True,
        ),
        # Redshift, unlike PostgreSQL today, also takes a backslash as an escape in plain strings
        Dialect("redshift", string=f"E?{BACKSLASHED}", fence=r"\$(?:[^\W\d]\w*)?\$"),
        Dialect(
            "databricks",
            string="|".join(["r'[^']*'", 'r"[^"]*"', BACKSLASHED, BACKSLASHED.replace("'", '"')]),
            quoted_name=BACKTICKED_NAME,
            fence=r"\$(?:[^\W\d]\w*)?\$",
            word=r"[^\W\d]\w*",
            blocks=True,
            unclear=r"/\*(?:.*/\*)?\+.*|--.*\\[\r\n]+",
        ),
        Dialect(
            "tsql",
            string=f"N?{DOUBLED}",
            quoted_name=f"{QUOTED_NAME}|{BRACKETED_NAME}",
            word=r"(?:[^\W\d]|[@#])[\w$@#]*",
            client=r"\\\S*|:[a-z]\w*|!!",
            batches=True,
        ),
    )
}
DIALECT_OF = {"Snowflake": "snowflake", "Redshift": "redshift", "Databricks": "databricks", "Azure Synapse Analytics": "tsql"}


class Token(NamedTuple):
    """One token. line counts from 1; times is how often a batch runs that ends here (GO 3)."""

    kind: str
    text: str
    line: int
    times: int = 1

    @property
    def key(self) -> str:
        """What keywords and symbols are compared by; empty for what is quoted."""
        return self.text.upper() if self.kind in ("word", "symbol", "end") else ""


def scan(script: str, dialect: str) -> Iterator[Token]:
    """The tokens of a script, space and comments among them; their texts joined give the script back.

    Raises ScriptRefused, with the line, for what is never closed and for a line that only a command line client understands.
    """
    position, line = 0, 1
    # The line on which a statement was last seen: there, GO is a word like others and a backslash a symbol.
    occupied = 0
    # Whether a path may go on here
    path = False
    while position < len(script):
        token = _token(script, position, line, DIALECTS[dialect], alone=occupied != line)
        path = token.kind != "space" and (path or token.text == "@")
        if token.kind == "comment":
            _check_comment(token, script, position, DIALECTS[dialect], path=path)
        yield token
        position += len(token.text)
        line += token.text.count("\n")
        if token.kind not in ("space", "comment"):
            occupied = 0 if token.kind == "end" else line


def significant(text: str, dialect: str) -> list[Token]:
    """The tokens of a text without space and comments. Raises ScriptRefused as C(scan) does."""
    return [token for token in scan(text, dialect) if token.kind not in ("space", "comment")]


def unclosed(what: str, line: int) -> ScriptRefused:
    """The error for what is never closed."""
    return ScriptRefused(f"{what} that opens on line {line} is never closed.", hint="The script is incomplete or of another kind of database.", line=line)


_OPENED = {"/*": "A comment", '"': "A quoted name", "`": "A quoted name", "[": "A quoted name"}


def _token(script: str, position: int, line: int, dialect: Dialect, *, alone: bool) -> Token:
    """The token at this position. alone: nothing of a statement stands before it on its line."""
    found = dialect.scanner.match(script, position)
    if found is None:
        raise AssertionError("a symbol is any character")
    kind, text = str(found.lastgroup), found[0]
    if kind == "unclosed":
        raise unclosed(_OPENED.get(text, "A literal"), line)
    if kind == "nested":
        return Token("comment", _nested_comment(script, position, line), line)
    if kind in ("go", "client") and not alone:
        return Token("word", text[:2], line) if kind == "go" else Token("symbol", text[0], line)
    if kind == "client":
        raise ScriptRefused(f"Line {line} is a command of a command line client, not SQL.", hint="Take it out of the script.", line=line)
    return Token(kind, text, line, _times(found, line) if kind == "go" else 1)


def _check_comment(token: Token, script: str, position: int, dialect: Dialect, *, path: bool) -> None:
    """Raises ScriptRefused for a comment that databases may read otherwise, so that what is behind it would not be what it seems.

    A carriage return alone ends a line for some of them only.
    """
    end = position + len(token.text)
    behind = script[end : end + 2]
    lone = behind[:1] == "\r" and behind[1:] not in ("", "\n") and not token.text.startswith("/*")
    if lone or (dialect.paths and path) or re.fullmatch(dialect.unclear, token.text + behind[:1], re.DOTALL):
        raise ScriptRefused(f"Where the comment on line {token.line} begins or ends is not certain.", hint="Take it out of the script.", line=token.line)


def _times(found: re.Match[str], line: int) -> int:
    """How often a batch runs. Raises ScriptRefused for a number that nobody means."""
    times = found["times"] or "1"
    if len(times) > _LONGEST_COUNT:
        raise ScriptRefused(f"GO on line {line} has a number of {len(times)} digits.", hint="Correct the script: no batch runs so often.")
    return int(times)


def _nested_comment(script: str, start: int, line: int) -> str:
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(script, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return script[start : mark.end()]
    raise unclosed("A comment", line)
