# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snowflake Scripting, as much as set-up scripts use: variables, IF, RETURN, RAISE, EXECUTE IMMEDIATE, EXCEPTION.

A block is read as a whole before its first statement runs. Loops, cursors and result sets are refused then.
Source: Snowflake documentation, "Snowflake Scripting Developer Guide".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..words import Word
from .answers import Answer
from .errors import SnowflakeError, unsupported
from .session import Session
from .words import Reader, literal

OTHER = "OTHER"
NOT_OFFERED = ("FOR", "WHILE", "REPEAT", "LOOP", "CASE", "OPEN", "FETCH", "CLOSE", "AWAIT")

TRUE = (True, "true")

Words = list[Word]


@dataclass(frozen=True)
class Statement:
    """A SQL statement; `:name` in it is a variable."""

    words: Words


@dataclass(frozen=True)
class Assign:
    """`name := expression`, `LET name := expression`; no expression is NULL."""

    name: str
    words: Words


@dataclass(frozen=True)
class Execute:
    """EXECUTE IMMEDIATE expression."""

    words: Words


@dataclass(frozen=True)
class Return:
    """RETURN expression."""

    words: Words


@dataclass(frozen=True)
class Raise:
    """RAISE of a declared exception, or of the one that is being handled."""

    name: str


@dataclass(frozen=True)
class Block:
    """DECLARE ... BEGIN ... EXCEPTION ... END."""

    declared: list[Assign]
    exceptions: dict[str, tuple[int, str]]
    body: list[Any]
    handlers: list[tuple[frozenset[str], list[Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class If:
    """IF (condition) THEN ... ELSEIF ... ELSE ... END IF; the last branch may have no condition."""

    branches: list[tuple[Words, list[Any]]]


# Reading


def read_block(reader: Reader) -> Block:
    """Read `[DECLARE ...] BEGIN ... END`."""
    declared: list[Assign] = []
    exceptions: dict[str, tuple[int, str]] = {}
    if reader.accept("DECLARE"):
        while reader.key() != "BEGIN":
            _declaration(reader, declared, exceptions)
    reader.expect("BEGIN")
    body = _steps(reader, ("EXCEPTION", "END"))
    handlers = []
    if reader.accept("EXCEPTION"):
        while reader.accept("WHEN"):
            handlers.append(_handler(reader))
    reader.expect("END")
    return Block(declared, exceptions, body, handlers)


def _declaration(reader: Reader, declared: list[Assign], exceptions: dict[str, tuple[int, str]]) -> None:
    name = reader.identifier()
    if reader.key() in ("CURSOR", "RESULTSET"):
        raise unsupported(reader.key())
    if reader.accept("EXCEPTION"):
        code, text = [part[-1].value for part in reader.items()] if reader.key() == "(" else ("20000", name)
        exceptions[name] = (int(code), text)
        reader.expect(";")
        return
    declared.append(_assignment(name, reader))


def _handler(reader: Reader) -> tuple[frozenset[str], list[Any]]:
    names = {reader.identifier()}
    while reader.accept("OR"):
        names.add(reader.identifier())
    reader.expect("THEN")
    return frozenset(names), _steps(reader, ("WHEN", "END"))


def _steps(reader: Reader, ends: tuple[str, ...]) -> list[Any]:
    steps = []
    while reader.key() not in ends:
        step = _step(reader)
        if step is not None:
            steps.append(step)
    return steps


def _step(reader: Reader) -> Any:
    if reader.key() in NOT_OFFERED:
        raise unsupported(f"Snowflake Scripting {reader.key()}")
    if reader.key() in ("BEGIN", "DECLARE") and reader.key(1) not in ("TRANSACTION", "WORK", ";"):
        block = read_block(reader)
        reader.expect(";")
        return block
    if reader.accept("IF"):
        return _if(reader)
    if reader.accept("LET") or reader.key(1) == ":=":
        return _assignment(reader.identifier(), reader)
    if reader.accept("RETURN"):
        return Return(_until(reader, ";"))
    if reader.accept("RAISE"):
        words = _until(reader, ";")
        return Raise(words[0].value if words else "")
    if reader.accept("EXECUTE IMMEDIATE"):
        return Execute(_until(reader, ";"))
    words = _until(reader, ";")
    return Statement(words) if words and words[0].key != "NULL" else None


def _assignment(name: str, reader: Reader) -> Assign:
    """What follows the name: a type perhaps, then `:= expression` or `DEFAULT expression`."""
    words = _until(reader, ";")
    at = next((i for i, word in enumerate(words) if word.key in (":=", "DEFAULT")), len(words))
    if words and words[0].key in ("CURSOR", "RESULTSET"):
        raise unsupported(words[0].key)
    return Assign(name, words[at + 1 :])


def _if(reader: Reader) -> If:
    branches = [(_until(reader, "THEN"), _steps(reader, ("ELSEIF", "ELSE", "END")))]
    while reader.accept("ELSEIF"):
        branches.append((_until(reader, "THEN"), _steps(reader, ("ELSEIF", "ELSE", "END"))))
    if reader.accept("ELSE"):
        branches.append(([], _steps(reader, ("END",))))
    reader.expect("END IF")
    reader.expect(";")
    return If(branches)


def _until(reader: Reader, key: str) -> Words:
    """The words up to `key`, which is read, too; inside CASE ... END a THEN belongs to the expression."""
    words: Words = []
    cases = 0
    while cases or reader.key() != key:
        word = reader.next()
        cases += {"CASE": 1, "END": -1}.get(word.key, 0) if cases or word.key == "CASE" else 0
        words.append(word)
    reader.next()
    return words


# Running


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Run:
    """A block at work: its session, its text and its variables."""

    def __init__(self, session: Session, sql: str, variables: dict[str, Any] | None = None) -> None:
        self._session = session
        self._sql = sql
        self._variables = dict(variables or {})

    def value(self, block: Block) -> Any:
        """Run a block to its end; what it returns."""
        try:
            self._block(block)
        except _Returned as returned:
            return returned.value
        return None

    def _block(self, block: Block) -> None:
        for assign in block.declared:
            self._step(assign, block)
        try:
            self._steps(block.body, block)
        except SnowflakeError as error:
            body = next((body for names, body in block.handlers if names & {_name_of(error, block), OTHER}), None)
            if body is None:
                raise
            self._variables |= {"SQLCODE": int(error.code), "SQLSTATE": error.sqlstate, "SQLERRM": error.message}
            self._handle(body, block, error)

    def _handle(self, body: list[Any], block: Block, error: SnowflakeError) -> None:
        for step in body:
            if step == Raise(""):
                raise error
            self._step(step, block)

    def _steps(self, steps: list[Any], block: Block) -> None:
        for step in steps:
            self._step(step, block)

    def _step(self, step: Any, block: Block) -> None:
        if isinstance(step, Statement):
            self._session.run(self._text(step.words, marked=True))
        elif isinstance(step, Assign):
            self._variables[step.name] = self._evaluate(step.words)
        elif isinstance(step, Execute):
            self._session.run(str(self._evaluate(step.words)))
        elif isinstance(step, Return):
            raise _Returned(self._evaluate(step.words))
        elif isinstance(step, Raise):
            code, text = block.exceptions.get(step.name, (20000, step.name))
            raise SnowflakeError(code, "P0001", f"Uncaught exception of type '{step.name}': {text}")
        elif isinstance(step, If):
            taken = (steps for words, steps in step.branches if not words or self._evaluate(words) in TRUE)
            self._steps(next(taken, []), block)
        else:
            self._block(step)

    def _evaluate(self, words: Words) -> Any:
        """The value of an expression."""
        if not words:
            return None
        if len(words) == 1 and words[0].kind == "string":
            return words[0].value
        rows = self._session.run(f"SELECT {self._text(words, marked=False)}").rows
        return rows[0][0] if rows else None

    def _text(self, words: Words, marked: bool) -> str:
        """The text of the words with variables filled in: `:name`, and in expressions also `name`."""
        text, end = [], words[0].start
        skip = False
        for word, after in zip(words, [*words[1:], None], strict=True):
            if skip:
                skip = False
                continue
            colon = word.key == ":" and after is not None and after.start == word.end and after.value in self._variables
            plain = not marked and word.kind in ("word", "quoted") and word.value in self._variables
            if colon or plain:
                variable = after if colon and after else word
                text += [self._sql[end : word.start], literal(self._variables[variable.value])]
                end, skip = variable.end, colon
        return "".join([*text, self._sql[end : words[-1].end]])


def _name_of(error: SnowflakeError, block: Block) -> str:
    """The name by which a handler knows an error."""
    declared = (name for name, (code, _unused) in block.exceptions.items() if f"{code:06d}" == error.code)
    return next(declared, "STATEMENT_ERROR")


# Statements


def block(session: Session, reader: Reader) -> Answer:
    """An anonymous block."""
    found = read_block(reader)
    reader.end()
    return Answer(("anonymous block",), [(Run(session, reader.sql).value(found),)])


def execute_immediate(session: Session, reader: Reader) -> Answer:
    """EXECUTE IMMEDIATE 'text' | $$text$$ | $session_variable."""
    reader.expect("EXECUTE IMMEDIATE")
    word = reader.next()
    if word.kind == "string":
        text = word.value
    else:
        text = str(session.run(f"SELECT {reader.sql[word.start :]}").rows[0][0])
        reader.at = len(reader.words)
    if reader.key() == "USING":
        raise unsupported("EXECUTE IMMEDIATE ... USING")
    reader.end()
    return session.run(text)
