# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The splitter: splits a script into its statements. Nothing is lost: the pieces joined equal the script.

Only a semicolon outside of every literal, comment, quoted name, routine body and block ends a statement. In T-SQL, a GO line ends it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from .tokenizer import DIALECTS, Dialect, Token, tokenize, unclosed_error

_SPACE_OR_COMMENT = ("space", "comment")
# Tokens between two statements that are held in memory at once
_LONGEST_GAP = 1000


@dataclass(frozen=True)
class Statement:
    """One statement. number and line count from 1. text has no final semicolon. repeat is the n of C(GO n)."""

    number: int
    line: int
    text: str
    repeat: int = 1


# A piece of a script: a statement, or the text between two statements (comments, semicolons, space)
Piece = Union[str, Statement]


def split(script: str, dialect: str) -> list[Statement]:
    """Return the statements of a script, without the empty ones.

    Raise ScriptRefused, with the line, if a literal, comment, name or block is never closed, or if only a command-line client
    understands a line.
    """
    return [piece for piece in pieces(script, dialect) if isinstance(piece, Statement)]


def pieces(script: str, dialect: str) -> list[Piece]:
    """Return the statements and the texts between them. Joined, they equal the script. Raise ScriptRefused as C(split) does."""
    result: list[Piece] = []
    number = 0
    for tokens, repeat in token_runs(script, dialect):
        text = "".join(token.text for token in tokens)
        if _is_gap(tokens[0]):
            result.append(text)
        else:
            number += 1
            result.append(Statement(number, tokens[0].line, text, repeat))
    return result


# ------------------------------------------------------------------------------------------------------------ statements


def token_runs(script: str, dialect: str) -> Iterator[tuple[list[Token], int]]:
    """Yield runs of tokens, and how often each must run. A run is a gap or a statement that neither starts nor ends with a gap.

    At most one statement is in memory at a time.
    """
    gap: list[Token] = []
    body: list[Token] = []
    # The number of tokens in body, without the gap at its end
    size = 0
    for token, repeat in _with_statement_ends(tokenize(script, dialect), DIALECTS[dialect]):
        if repeat and body:
            yield body[:size], repeat
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


def _with_statement_ends(tokens: Iterator[Token], dialect: Dialect) -> Iterator[tuple[Token, int]]:
    """Yield each token with a number: how often the statement that it ends must run, or 0 if it ends none."""
    block = _BlockTracker(dialect)
    for token, next_key, second_next_key in _with_next_keys(tokens):
        ends = token.kind == "go" or (token.kind == "end" and not block.is_open)
        yield token, token.repeat if ends else 0
        if ends:
            block = _BlockTracker(dialect)
        elif dialect.blocks and token.kind not in _SPACE_OR_COMMENT:
            block.follow(token, next_key, second_next_key)
    if block.is_open:
        raise unclosed_error("A block", block.line)


def _with_next_keys(tokens: Iterator[Token]) -> Iterator[tuple[Token, str, str]]:
    """Yield each token with the keys of the next two tokens that are neither space nor comment."""
    waiting: deque[Token] = deque()
    # The keys of the waiting tokens
    keys: deque[str] = deque()

    def ready_tokens() -> Iterator[tuple[Token, str, str]]:
        while len(keys) > 2:
            token = waiting.popleft()
            if token.kind not in _SPACE_OR_COMMENT:
                keys.popleft()
            yield token, keys[0], keys[1]

    for token in tokens:
        waiting.append(token)
        if token.kind not in _SPACE_OR_COMMENT:
            keys.append(_key_or_quoted(token))
            yield from ready_tokens()
    keys.extend(("", ""))
    yield from ready_tokens()
    yield from ((token, "", "") for token in waiting)


def _key_or_quoted(token: Token) -> str:
    return token.key or "quoted"


class _BlockTracker:
    """Follows one statement through BEGIN … END, so that the semicolons inside a block do not end the statement.

    It counts only BEGIN and CASE, because only these end with a plain END. IF, LOOP, FOR, WHILE and REPEAT end with their own name.
    """

    STARTERS = frozenset({"", ";", "BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT", "DECLARE"})
    TRANSACTION = frozenset({"", ";", "WORK", "TRAN", "TRANSACTION"})
    NAMED_ENDS = frozenset({"IF", "LOOP", "FOR", "WHILE", "REPEAT"})
    # After these, a keyword is a name: t.end, x AS end, :end
    NOT_KEYWORD = frozenset({".", "AS", ":"})

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.line = 0
        self.depth = 0
        self.in_declarations = False
        # The number of routines in the DECLARE section whose own BEGIN has not come yet
        self.pending_routines = 0
        self.started = False
        self.is_create = False
        self.defines_routine = False
        self.in_handler = False
        # The keys of the last three tokens, the most recent one last
        self.last_keys = ("", "", "")

    @property
    def is_open(self) -> bool:
        return self.depth > 0 or self.in_declarations

    def follow(self, token: Token, next_key: str, second_next_key: str) -> None:
        """Take in the next token, with the keys of the two tokens after it."""
        key = token.key
        was_open = self.is_open
        self._note_routine(key)
        if key == "DECLARE":
            self._declare()
        elif key == "BEGIN":
            self._begin(next_key, second_next_key)
        elif key in ("CASE", "END"):
            self._count_depth(key, next_key)
        if self.is_open and not was_open:
            self.line = token.line
        self._note_handler(key)
        self.started = True
        self.last_keys = (*self.last_keys[1:], _key_or_quoted(token))

    def _note_routine(self, key: str) -> None:
        if not self.started:
            self.is_create = key in ("CREATE", "ALTER", "WITH")
        elif self.is_create and key in ("PROCEDURE", "FUNCTION", "TASK"):
            self.defines_routine = True

    def _note_handler(self, key: str) -> None:
        """Note whether this is the condition of a handler: DECLARE EXIT HANDLER FOR … BEGIN"""
        begins = key == "HANDLER" and self.last_keys[1] == "DECLARE"
        self.in_handler = begins or (self.in_handler and key not in (";", "BEGIN"))

    @property
    def before(self) -> str:
        return self.last_keys[-1]

    @property
    def may_begin_statement(self) -> bool:
        """Whether a statement may begin here: after another statement, a label, or the condition of a handler."""
        labelled = self.before == ":" and self.last_keys[0] in self.STARTERS
        return self.before in self.STARTERS or labelled or self.in_handler

    def _declare(self) -> None:
        if not self.dialect.declare_blocks or self.depth:
            return
        if self.in_declarations:
            self.pending_routines += self.before == "AS"
        else:
            self.in_declarations = not self.started or (self.defines_routine and self.before == "AS")

    def _begin(self, next_key: str, second_next_key: str) -> None:
        if next_key in self.TRANSACTION or (next_key == "NAME" and second_next_key not in ("", ":", "=")):
            return
        if self.in_declarations:
            self._begin_declared()
        elif self._begins_body or (self.may_begin_statement and self._may_nest):
            self.depth += 1

    @property
    def _begins_body(self) -> bool:
        return self.defines_routine and self.before == "AS"

    @property
    def _may_nest(self) -> bool:
        return self.is_open or not self.started or self.before == ":"

    def _begin_declared(self) -> None:
        """A routine body in the DECLARE section, and the blocks inside it, do not end the section."""
        if self.depth or self.before == "AS":
            self.depth += self.may_begin_statement or self.before == "AS"
        elif self.may_begin_statement:
            self.depth = 1
            self.in_declarations = self.pending_routines > 0
            self.pending_routines = max(self.pending_routines - 1, 0)

    def _count_depth(self, key: str, next_key: str) -> None:
        if not self.is_open or self.before in self.NOT_KEYWORD:
            return
        if key == "CASE":
            self.depth += self.before != "END"
        elif self.depth and next_key not in self.NAMED_ENDS:
            self.depth -= 1
