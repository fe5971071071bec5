# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script taken apart: statements and literals. Nothing is ever lost: the pieces joined give the script back.

Only a semicolon outside of every literal, comment, quoted name, body and block ends a statement.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Union

from .._core.errors import ScriptRefused
from .._core.secrets import looks_secret
from .dynamic import LITERALS, Char, bounds, decode, expressions, text_of
from .tokens import DIALECT_OF, DIALECTS, Dialect, Token, scan, significant, unclosed

__all__ = ["DIALECTS", "DIALECT_OF", "Statement", "Token", "scan", "significant", "split"]

# What stands in a masked copy where a literal was.
MASK = "***"
_SILENT = ("space", "comment")
# Tokens
_LONGEST_GAP = 1000


@dataclass(frozen=True)
class Statement:
    """One statement. number and line count from 1; text has no final semicolon; repeat is the n of C(GO n)."""

    number: int
    line: int
    text: str
    repeat: int = 1


# A piece of a script: a statement, or the text between two (comments, semicolons, space).
Piece = Union[str, Statement]


def split(script: str, dialect: str) -> list[Statement]:
    """The statements of a script, empty ones left out.

    Raises ScriptRefused, with the line, where a literal, comment, name or block is never closed, and for a line that only a
    command line client understands.
    """
    return [piece for piece in pieces(script, dialect) if isinstance(piece, Statement)]


def pieces(script: str, dialect: str) -> list[Piece]:
    """The whole script as statements and the texts between them: joined they give the script back."""
    found: list[Piece] = []
    number = 0
    for tokens, times in _chunks(script, dialect):
        text = "".join(token.text for token in tokens)
        if _is_gap(tokens[0]):
            found.append(text)
        else:
            number += 1
            found.append(Statement(number, tokens[0].line, text, times))
    return found


# ------------------------------------------------------------------------------------------------------------ statements


def _chunks(script: str, dialect: str) -> Iterator[tuple[list[Token], int]]:
    """Runs of tokens, each a gap or a statement, and how often it is to run. A statement neither starts nor ends with a gap.

    No more than one statement is kept in memory.
    """
    gap: list[Token] = []
    body: list[Token] = []
    # How many of them there are up to the last one that is no gap
    size = 0
    for token, times in _ends(scan(script, dialect), DIALECTS[dialect]):
        if times and body:
            yield body[:size], times
            gap, body = body[size:], []
        if not body and (not _is_gap(token) or len(gap) > _LONGEST_GAP):
            yield from [(gap, 1)] if gap else []
            gap = []
        (body if body or not _is_gap(token) else gap).append(token)
        size = size if _is_gap(token) else len(body)
    if body:
        yield body[:size], 1
        gap = body[size:]
    if gap:
        yield gap, 1


def _is_gap(token: Token) -> bool:
    return token.kind in ("space", "comment", "end", "go")


def _ends(tokens: Iterator[Token], dialect: Dialect) -> Iterator[tuple[Token, int]]:
    """Each token; and of one that ends a statement, how often that is to run, 0 of every other."""
    block = _Block(dialect)
    for token, after, later in _ahead(tokens):
        ends = token.kind == "go" or (token.kind == "end" and not block.is_open)
        yield token, token.times if ends else 0
        if ends:
            block = _Block(dialect)
        elif dialect.blocks and token.kind not in _SILENT:
            block.read(token, after, later)
    if block.is_open:
        raise unclosed("A block", block.line)


def _ahead(tokens: Iterator[Token]) -> Iterator[tuple[Token, str, str]]:
    """Each token, and the keys of the two behind it that are neither space nor comment."""
    waiting: deque[Token] = deque()
    # Those of the tokens that wait
    keys: deque[str] = deque()

    def released() -> Iterator[tuple[Token, str, str]]:
        while len(keys) > 2:
            token = waiting.popleft()
            if token.kind not in _SILENT:
                keys.popleft()
            yield token, keys[0], keys[1]

    for token in tokens:
        waiting.append(token)
        if token.kind not in _SILENT:
            keys.append(_key(token))
            yield from released()
    keys.extend(("", ""))
    yield from released()
    yield from ((token, "", "") for token in waiting)


def _key(token: Token) -> str:
    return token.key or "quoted"


class _Block:
    """Follows one statement through BEGIN … END, so that the semicolons inside do not end it.

    Only BEGIN and CASE are counted: they are what a plain END closes. IF, LOOP, FOR, WHILE and REPEAT close themselves by name.
    """

    STARTERS = frozenset({"", ";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "DECLARE"})
    TRANSACTION = frozenset({"", ";", "WORK", "TRAN", "TRANSACTION"})
    NAMED_ENDS = frozenset({"IF", "LOOP", "FOR", "WHILE", "REPEAT"})
    # After these a keyword is only a name: t.end, x AS end, :end
    NOT_KEYWORD = frozenset({".", "AS", ":"})

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.line = 0
        self.depth = 0
        self.declaring = False
        # Routines among the declarations whose own BEGIN is still to come
        self.declared = 0
        self.started = False
        self.creating = False
        self.routine = False
        self.handling = False
        # The keys of the last three tokens, the last one last
        self.behind = ("", "", "")

    @property
    def is_open(self) -> bool:
        return self.depth > 0 or self.declaring

    def read(self, token: Token, after: str, later: str) -> None:
        """The next token, and the keys of the two behind it."""
        key = token.key
        was_open = self.is_open
        self._see_routine(key)
        if key == "DECLARE":
            self._declare()
        elif key == "BEGIN":
            self._begin(after, later)
        elif key in ("CASE", "END"):
            self._nest(key, after)
        if self.is_open and not was_open:
            self.line = token.line
        self._see_handler(key)
        self.started = True
        self.behind = (*self.behind[1:], _key(token))

    def _see_routine(self, key: str) -> None:
        if not self.started:
            self.creating = key in ("CREATE", "ALTER", "WITH")
        elif self.creating and key in ("PROCEDURE", "FUNCTION", "TASK"):
            self.routine = True

    def _see_handler(self, key: str) -> None:
        """DECLARE EXIT HANDLER FOR … BEGIN"""
        begins = key == "HANDLER" and self.behind[1] == "DECLARE"
        self.handling = begins or (self.handling and key not in (";", "BEGIN"))

    @property
    def before(self) -> str:
        return self.behind[-1]

    @property
    def is_beginning(self) -> bool:
        """Whether a statement may begin here: behind another one, a label, or the condition of a handler."""
        labelled = self.before == ":" and self.behind[0] in self.STARTERS
        return self.before in self.STARTERS or labelled or self.handling

    def _declare(self) -> None:
        if not self.dialect.declare or self.depth:
            return
        if self.declaring:
            self.declared += self.before == "AS"
        else:
            self.declaring = not self.started or (self.routine and self.before == "AS")

    def _begin(self, after: str, later: str) -> None:
        if after in self.TRANSACTION or (after == "NAME" and later not in ("", ":", "=")):
            return
        if self.declaring:
            self._begin_declared()
        elif self._begins_body or (self.is_beginning and self._may_nest):
            self.depth += 1

    @property
    def _begins_body(self) -> bool:
        return self.routine and self.before == "AS"

    @property
    def _may_nest(self) -> bool:
        return self.is_open or not self.started or self.before == ":"

    def _begin_declared(self) -> None:
        """A body among the declarations, and what is in it, does not end them."""
        if self.depth or self.before == "AS":
            self.depth += self.is_beginning or self.before == "AS"
        elif self.is_beginning:
            self.depth = 1
            self.declaring = self.declared > 0
            self.declared = max(self.declared - 1, 0)

    def _nest(self, key: str, after: str) -> None:
        if not self.is_open or self.before in self.NOT_KEYWORD:
            return
        if key == "CASE":
            self.depth += self.before != "END"
        elif self.depth and after not in self.NAMED_ENDS:
            self.depth -= 1


# -------------------------------------------------------------------------------------------------------------- literals

# In a comment, everything from here on may be a statement that somebody switched off, or a comment in a comment.
_TELLTALE = re.compile(r"['\"`]|\$\w*\$|/\*|passw|pwd|secret|token|credential", re.IGNORECASE)
# Properties whose double-quoted value is the name of an object; any other is a text: password="…"
_VALUE_IS_NAME = re.compile(r"(ROLE|WAREHOUSE|NAMESPACE|DATABASE|SCHEMA|_NAME)$")
# Unquoted values that are no texts: must_change_password=false
_KEYWORD_VALUES = frozenset({"TRUE", "FALSE", "NULL"})
# A part of a script, and whether it is (the inside of) a literal
Marked = tuple[str, bool]
# What stands for what is put between the literals of a text that is executed, while it is read
_HOLE = "h"
_ROUTINES = frozenset({"PROCEDURE", "FUNCTION", "TASK", "DO"})
_CODE_LANGUAGES = frozenset({"", "SQL", "PLPGSQL"})


def mask_literals(script: str, dialect: str) -> str:
    """The script with C(***) in place of every literal, for reading: same lines, same statements.

    What runs stays readable, its own literals masked: a body in SQL, and a text that is executed. A body in another language and a
    quoted text in a comment do not.
    """
    return "".join(MASK + re.sub(r"[^\r\n]+", "", text) if literal else text for text, literal in marked(script, dialect))


def mask_message(message: str, statement: str, dialect: str, names: Iterable[str] = ()) -> str:
    """What a database said about a statement, without the statement's literals.

    What it quotes stays only when it is a name that the statement uses, or one of C(names).
    """
    known = {name.lower() for name in (*_vocabulary(statement, dialect)[1], *names)}

    def judge(quoted: re.Match[str]) -> str:
        inside = quoted["inside"].lower()
        parts = re.split(r"[\s.\"`()\[\],]+", inside)
        return quoted[0] if inside in known or all(part in known for part in parts if part) else quoted["quote"] + MASK + quoted["quote"]

    hidden = hide_literals(message, statement, dialect)
    return re.sub(r"(?<!\w)(?P<quote>['\"`])(?P<inside>.*?)(?P=quote)(?!\w)", judge, hidden, flags=re.DOTALL)


def hide_literals(message: str, statement: str, dialect: str) -> str:
    """What anybody said about a statement, without those of its literals that are four and more characters long."""
    for literal in sorted(_vocabulary(statement, dialect)[0], key=len, reverse=True):
        message = message.replace(literal, MASK)
    return message


def secrets_in(script: str, dialect: str) -> set[str]:
    """The passwords and the like that a script holds: literals of four and more characters behind C(PASSWORD), C(SECRET), …"""
    found: set[str] = set()
    words: list[str] = []
    for text, literal in marked(script, dialect):
        if literal and words and looks_secret(words[-1]) and len(text) >= 4:
            found |= _readings(text)
        elif not literal and re.fullmatch(r"\w+", text):
            words.append(text)
    return found


def marked(script: str, dialect: str) -> Iterator[Marked]:
    """The script in parts, each with whether it is (the inside of) a literal; joined they give the script back."""
    for tokens, _times in _chunks(script, dialect):
        code = _code(tokens, dialect)
        last, before = "", ""
        for place, token in enumerate(tokens):
            yield from code[place] if place in code else _mark_token(token, last, before)
            if token.kind not in ("space", "comment"):
                last, before = token.text.upper(), last


def _mark_token(token: Token, last: str, before: str) -> Iterator[Marked]:
    """A token that is no code, with the texts of the two before it."""
    if token.kind == "comment":
        yield from _mark_comment(token.text)
    elif token.kind in LITERALS:
        opening, closing = bounds(token)
        yield from ((token.text[:opening], False), (token.text[opening:closing], True), (token.text[closing:], False))
    elif _is_secret_value(token, last, before):
        yield from _mark_quoted(token.text, 1) if token.kind == "name" else [(token.text, True)]
    else:
        yield token.text, False


def _code(tokens: list[Token], dialect: str) -> dict[int, list[Marked]]:
    """The literals among the tokens that run, by their places."""
    real = [place for place, token in enumerate(tokens) if token.kind not in ("space", "comment")]
    significant_ones = [tokens[place] for place in real]
    found: dict[int, list[Marked]] = {}
    for places in (*_executed(significant_ones, dialect), *_bodies(significant_ones)):
        literals = [None if place is None else significant_ones[place] for place in places]
        shown = _mark_code(literals, dialect)
        found.update((real[place], parts) for place, parts in zip(places, shown) if place is not None)
    return found


def _executed(tokens: list[Token], dialect: str) -> Iterator[list[int | None]]:
    """The literals of each text that is executed, in order; None stands for what is put between them."""
    for expression in expressions(tokens, dialect):
        places: list[int | None] = []
        for place in range(expression.start, expression.stop):
            if place in expression.literals:
                places.append(place)
            elif tokens[place].key not in ("|", "+") and places[-1:] != [None]:
                places.append(None)
        if expression.literals:
            yield places


def _bodies(tokens: list[Token]) -> Iterator[list[int | None]]:
    """The bodies in SQL."""
    language = _language(tokens)
    if language not in _CODE_LANGUAGES:
        return
    keys = [token.key for token in tokens]
    # Elsewhere AS 'text' is a name for a column.
    makes = keys[:1] in (["CREATE"], ["ALTER"], ["DO"]) and bool(_ROUTINES & set(keys))
    for place, (before, token) in enumerate(zip(keys, tokens[1:]), 1):
        if (before in ("AS", "DO") or before == language != "") and token.kind in ("dollar", "string" if makes else "dollar"):
            yield [place]


def _mark_code(literals: list[Token | None], dialect: str) -> list[list[Marked]]:
    """Literals that are code when put together, each in its parts. What cannot be read as SQL is a literal as a whole."""
    written = [[Char("", _HOLE)] if literal is None else decode(literal, dialect) for literal in literals]
    parts = _parts(written, dialect)
    if parts is None:
        return [[] if literal is None else list(_mark_token(literal, "", "")) for literal in literals]
    return [list(_framed(literal, each or [], parts)) for literal, each in zip(literals, written)]


def _parts(written: list[list[Char] | None], dialect: str) -> list[tuple[int, bool]] | None:
    """The lengths of the parts of what is put together, the last one first, and whether each is a literal; None when it is not SQL."""
    if None in written:
        return None
    text = "".join(text_of(each or ()) for each in written)
    try:
        return [(len(part), literal) for part, literal in marked(text, dialect) if part][::-1]
    except (ScriptRefused, RecursionError):
        return None


def _framed(literal: Token | None, chars: list[Char], parts: list[tuple[int, bool]]) -> Iterator[Marked]:
    """A literal in its parts: as it is written, with what is a literal in the code. Those parts are taken away."""
    inside = list(_dealt(chars, parts))
    if literal is not None:
        opening, closing = bounds(literal)
        yield from [(literal.text[:opening], False), *inside, (literal.text[closing:], False)]


def _dealt(chars: list[Char], parts: list[tuple[int, bool]]) -> Iterator[Marked]:
    piece: list[str] = []
    for char in chars:
        place = 0
        while place < len(char.meaning):
            length, literal = parts.pop()
            taken = min(length, len(char.meaning) - place)
            piece.append(char.source[place : place + taken] if char.source == char.meaning else char.source)
            place += taken
            if taken < length:
                parts.append((length - taken, literal))
            else:
                yield "".join(piece), literal
                piece = []
    if piece:
        yield "".join(piece), parts[-1][1]


def _language(tokens: list[Token]) -> str:
    """The word after LANGUAGE, empty where there is none."""
    words = [token.text.strip("\"'").upper() for token in tokens if token.kind in ("word", "string", "name")]
    return words[words.index("LANGUAGE") + 1] if "LANGUAGE" in words[:-1] else ""


def _is_secret_value(token: Token, last: str, before: str) -> bool:
    """Whether a name, word or number is the value of something: password="…", or PASSWORD "…"."""
    if token.kind == "name":
        # A header of that name holds a secret; in SQL it is followed by who shall own a thing.
        return (looks_secret(last) and last != "AUTHORIZATION") or (last == "=" and not _VALUE_IS_NAME.search(before))
    return token.kind in ("word", "number") and token.key not in _KEYWORD_VALUES and last == "=" and looks_secret(before)


def _mark_comment(text: str) -> Iterator[Marked]:
    end = len(text) - (2 if text.startswith("/*") else 0)
    telltale = _TELLTALE.search(text, 2, end)
    start = telltale.start() if telltale else end
    yield text[:start], False
    if start < end:
        yield text[start:end], True
    yield text[end:], False


def _mark_quoted(text: str, opening: int) -> Iterator[Marked]:
    yield text[:opening], False
    yield text[opening:-1], True
    yield text[-1:], False


def _vocabulary(statement: str, dialect: str) -> tuple[set[str], set[str]]:
    """The literals of a statement (of four and more characters, as written and as meant) and the names that it uses."""
    hidden: set[str] = set()
    shown: set[str] = set()
    parts = [("", False), *marked(statement, dialect), ("", False)]
    for (left, _l), (text, literal), (right, _r) in zip(parts, parts[1:], parts[2:]):
        if literal:
            hidden |= {*_readings(text), *text.splitlines()}
        # A word that touches a quote may be half of a literal that was not quoted well.
        elif left[-1:] not in ("'", "$") and right[-1:] != "'":
            shown |= {text, text.strip('"`[]')}
    return {text for text in hidden if len(text.strip()) >= 4}, {text for text in shown if text.strip()}


def _readings(literal: str) -> set[str]:
    """A literal as written, and as it may be meant: quotes doubled once or twice, or characters escaped by backslashes."""
    return {literal, literal.replace("''", "'"), literal.replace("''''", "'"), re.sub(r"\\(.)", r"\1", literal, flags=re.DOTALL).replace("''", "'")}
