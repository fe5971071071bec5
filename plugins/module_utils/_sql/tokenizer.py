# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokenizer: turns a script into words, names, literals, comments and symbols. The token texts joined equal the script.

One scanner reads every SQL dialect. The table DIALECTS holds what differs between them.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .._core.errors import ScriptRefused

QUOTE_DOUBLED_STRING = r"'[^']*(?:''[^']*)*'(?!')"
BACKSLASH_STRING = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"
QUOTED_NAME = r'"[^"]*(?:""[^"]*)*"(?!")'
BACKTICKED_NAME = r"`[^`]*(?:``[^`]*)*`(?!`)"
BRACKETED_NAME = r"\[[^\]]*(?:\]\][^\]]*)*\](?!\])"
MATCHES_NOTHING = r"(?!)"
# The number after GO may have this many digits.
_MAX_REPEAT_DIGITS = 6


@dataclass(frozen=True)
class Dialect:
    """The syntax of one database. Each pattern is a regular expression that matches one whole token."""

    name: str
    string: str
    quoted_name: str = QUOTED_NAME
    # The mark that opens and closes a dollar-quoted literal
    dollar_mark: str = MATCHES_NOTHING
    word: str = r"[^\W\d][\w$]*"
    line_comment: str = "--"
    nested_comments: bool = True
    # Start of a line that only a command-line client understands
    client_command: str = r"\\\S*"
    # Whether BEGIN … END is one statement, and whether DECLARE … BEGIN … END is one
    blocks: bool = False
    declare_blocks: bool = False
    # Whether GO lines separate the statements, instead of semicolons
    batches: bool = False
    # Comments that the database may execute or may end elsewhere: a hint, a line that ends with a backslash
    ambiguous_comment: str = MATCHES_NOTHING
    # Whether @ starts a path. Nothing starts a comment inside a path.
    at_paths: bool = False
    scanner: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kinds = {
            "space": r"[\s\ufeff]+",
            "comment": rf"(?:{self.line_comment})[^\r\n]*" + ("" if self.nested_comments else r"|/\*.*?\*/"),
            "nested": r"/\*" if self.nested_comments else MATCHES_NOTHING,
            "string": self.string,
            "dollar": rf"(?P<fence>{self.dollar_mark}).*?(?-i:(?P=fence))",
            "name": self.quoted_name,
            "go": r"GO(?:[ \t]+(?P<times>\d+))?[ \t]*;?[ \t]*(?:--[^\r\n]*)?(?=[\r\n]|\Z)" if self.batches else MATCHES_NOTHING,
            "client": self.client_command,
            "unclosed": rf"['\"`]|/\*|{self.dollar_mark}" + (r"|\[" if self.batches else ""),
            "word": self.word,
            "number": r"\d\w*",
            "end": MATCHES_NOTHING if self.batches else ";",
            "symbol": r".",
        }
        pattern = "|".join(f"(?P<{kind}>{expression})" for kind, expression in kinds.items())
        object.__setattr__(self, "scanner", re.compile(pattern, re.DOTALL | re.IGNORECASE))


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        # Comments do not nest, and a backslash escapes in every string
        Dialect(
            "snowflake",
            string=BACKSLASH_STRING,
            dollar_mark=r"\$\$",
            word=r"[^\W\d](?:\w|\$(?!\$))*",
            line_comment="--|//",
            nested_comments=False,
            client_command=r"\\\S*|![a-z]\w*",
            blocks=True,
            declare_blocks=True,
            at_paths=True,
        ),
        # Unlike current PostgreSQL, Redshift also treats a backslash as an escape in plain strings
        Dialect("redshift", string=f"E?{BACKSLASH_STRING}", dollar_mark=r"\$(?:[^\W\d]\w*)?\$"),
        Dialect(
            "databricks",
            string="|".join(["r'[^']*'", 'r"[^"]*"', BACKSLASH_STRING, BACKSLASH_STRING.replace("'", '"')]),
            quoted_name=BACKTICKED_NAME,
            dollar_mark=r"\$(?:[^\W\d]\w*)?\$",
            word=r"[^\W\d]\w*",
            blocks=True,
            ambiguous_comment=r"/\*(?:.*/\*)?\+.*|--.*\\[\r\n]+",
        ),
        Dialect(
            "tsql",
            string=f"N?{QUOTE_DOUBLED_STRING}",
            quoted_name=f"{QUOTED_NAME}|{BRACKETED_NAME}",
            word=r"(?:[^\W\d]|[@#])[\w$@#]*",
            client_command=r"\\\S*|:[a-z]\w*|!!",
            batches=True,
        ),
    )
}
DIALECT_OF = {"Snowflake": "snowflake", "Redshift": "redshift", "Databricks": "databricks", "Azure Synapse Analytics": "tsql"}


class Token(NamedTuple):
    """One token. line counts from 1. repeat says how often the batch that ends here runs (GO 3)."""

    kind: str
    text: str
    line: int
    repeat: int = 1

    @property
    def key(self) -> str:
        """Return the uppercase text of a keyword or symbol, to compare it with. Return "" for literals, quoted names and numbers."""
        return self.text.upper() if self.kind in ("word", "symbol", "end") else ""


def tokenize(script: str, dialect: str) -> Iterator[Token]:
    """Yield every token of a script, including space and comments. The texts joined equal the script.

    Raise ScriptRefused, with the line, if something is never closed or if only a command-line client understands a line.
    """
    position, line = 0, 1
    # The last line with part of a statement on it. On that line, GO is an ordinary word and a backslash is a symbol.
    statement_line = 0
    # Whether this position may be inside a path
    in_path = False
    while position < len(script):
        token = _token_at(script, position, line, DIALECTS[dialect], alone=statement_line != line)
        in_path = token.kind != "space" and (in_path or token.text == "@")
        if token.kind == "comment":
            _check_comment(token, script, position, DIALECTS[dialect], in_path=in_path)
        yield token
        position += len(token.text)
        line += token.text.count("\n")
        if token.kind not in ("space", "comment"):
            statement_line = 0 if token.kind == "end" else line


def significant_tokens(text: str, dialect: str) -> list[Token]:
    """Return the tokens of a text without space and comments. Raise ScriptRefused for the same reasons as C(tokenize)."""
    return [token for token in tokenize(text, dialect) if token.kind not in ("space", "comment")]


def unclosed_error(what: str, line: int) -> ScriptRefused:
    """Return the error for a literal, comment, name or block that is never closed."""
    return ScriptRefused(
        f"{what} that opens on line {line} is never closed.", hint="The script is incomplete, or it is for another kind of database.", line=line
    )


_UNCLOSED_NAMES = {"/*": "A comment", '"': "A quoted name", "`": "A quoted name", "[": "A quoted name"}


def _token_at(script: str, position: int, line: int, dialect: Dialect, *, alone: bool) -> Token:
    """Return the token at this position. alone: no part of a statement comes before it on its line."""
    match = dialect.scanner.match(script, position)
    if match is None:
        raise AssertionError("a symbol is any character")
    kind, text = str(match.lastgroup), match[0]
    if kind == "unclosed":
        raise unclosed_error(_UNCLOSED_NAMES.get(text, "A literal"), line)
    if kind == "nested":
        return Token("comment", _nested_comment(script, position, line), line)
    if kind in ("go", "client") and not alone:
        return Token("word", text[:2], line) if kind == "go" else Token("symbol", text[0], line)
    if kind == "client":
        raise ScriptRefused(f"Line {line} is a command for a command-line client, not SQL.", hint="Remove it from the script.", line=line)
    return Token(kind, text, line, _repeat_count(match, line) if kind == "go" else 1)


def _check_comment(token: Token, script: str, position: int, dialect: Dialect, *, in_path: bool) -> None:
    """Raise ScriptRefused for a comment that the database may end elsewhere, so that other text than we think would run.

    Only some databases treat a lone carriage return as the end of a line.
    """
    end = position + len(token.text)
    following = script[end : end + 2]
    lone_return = following[:1] == "\r" and following[1:] not in ("", "\n") and not token.text.startswith("/*")
    if lone_return or (dialect.at_paths and in_path) or re.fullmatch(dialect.ambiguous_comment, token.text + following[:1], re.DOTALL):
        raise ScriptRefused(f"It is not certain where the comment on line {token.line} begins or ends.", hint="Remove it from the script.", line=token.line)


def _repeat_count(match: re.Match[str], line: int) -> int:
    """Return how often a batch runs. Raise ScriptRefused for an implausibly long number."""
    digits = match["times"] or "1"
    if len(digits) > _MAX_REPEAT_DIGITS:
        raise ScriptRefused(f"GO on line {line} has a number of {len(digits)} digits.", hint="Correct the script: no batch runs that often.")
    return int(digits)


def _nested_comment(script: str, start: int, line: int) -> str:
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(script, start):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return script[start : mark.end()]
    raise unclosed_error("A comment", line)
