# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches: read as a whole first, as the service compiles them, then run statement by statement."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Union

from ..duck import Unreadable, read
from ..words import Reader, Unexpected
from . import replies
from .ddl import BODIES, FIRST, PROCEDURES, STATEMENTS, body_of, relation_of
from .ledger import MASTER
from .queries import DIALECT, Session, query
from .reading import STARTS, part, statement_end, words_of
from .replies import Done, Message, Reply, Rows, SqlFailed, Unread

# What a step does: it may say things by the batch, and is over with the statement's replies.
Act = Callable[["Batch"], Union[Awaitable[None], None]]
# SET options that a dedicated pool does not know. Source: Microsoft documentation, SET statements, "Applies to".
NOT_IN_A_POOL = frozenset({"CURSOR_CLOSE_ON_COMMIT", "ANSI_NULL_DFLT_OFF", "IDENTITY_INSERT"})
QUERIES = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE")
RELATIONS = ("CREATE TABLE", "CREATE VIEW", "ALTER TABLE")


@dataclass
class Step:
    line: int
    act: Act


@dataclass
class Batch:
    """One batch on its way. emit: takes the replies as they come."""

    session: Session
    emit: Callable[[Reply], None]
    variables: dict[str, Any] = field(default_factory=dict)
    procedure: str = ""
    line: int = 1

    async def run(self, sql: str) -> None:
        """Read it, then run it. Nothing of a batch that cannot be read is run."""
        try:
            steps = compiled(sql)
            if self.session.database.name != MASTER:
                _check_options(sql)
        except Unread as failed:
            self.fail(failed, failed.line)
            return
        await self.go(steps)

    async def go(self, steps: list[Step]) -> bool:
        """Run steps; False when one of them ended the batch."""
        for step in steps:
            self.line = step.line
            try:
                done = step.act(self)
                if inspect.isawaitable(done):
                    await done
            except SqlFailed as failed:
                self.fail(failed, getattr(failed, "line", step.line))
                if not failed.goes_on:
                    return False
            except Ended:
                return False
        return True

    def fail(self, failed: SqlFailed, line: int) -> None:
        self.emit(Message(failed.number, failed.severity, failed.text, line, failed.state, self.procedure))

    def say(self, text: str) -> None:
        self.emit(Message(0, 0, text, self.line, procedure=self.procedure))

    def value(self, expression: str) -> Any:
        return query(self.session, f"SELECT {expression}", self.variables).rows[0][0]


class Ended(Exception):
    """The batch ends here, without an error that is not said already."""


def compiled(sql: str) -> list[Step]:
    """The steps of a batch. Unread for what cannot be read."""
    words = words_of(sql)
    while words and words[-1].key == ";":
        words.pop()
    reader = Reader(sql, words)
    try:
        return _steps(reader)
    except Unexpected as found:
        word = found.word or (words[-1] if words else None)
        assert word is not None
        raise replies.near(word.value, word.line) from None


def _steps(reader: Reader, until: str = "") -> list[Step]:
    steps: list[Step] = []
    while not reader.done and reader.key() != until:
        if not reader.accept(";"):
            steps.append(_step(reader))
    if until:
        reader.expect(until)
    return steps


def _step(reader: Reader) -> Step:
    """The next statement."""
    first = reader.peek()
    assert first is not None
    must_be_first = next((said for phrase, said in FIRST.items() if reader.comes(phrase)), None)
    if must_be_first and reader.at > 0:
        raise replies.not_first(must_be_first, first.line)
    handler = CONTROL.get(first.key)
    if handler:
        return Step(first.line, handler(reader))
    if any(reader.comes(phrase) for phrase in BODIES):
        return Step(first.line, _with_session(body_of(part(reader, len(reader.words)))))
    piece = part(reader, len(reader.words) if must_be_first and not reader.comes("CREATE SCHEMA") else statement_end(reader))
    if first.key in QUERIES or any(piece.comes(phrase) for phrase in RELATIONS):
        return Step(first.line, _query(piece))
    made = next((made for phrase, made in STATEMENTS.items() if piece.comes(phrase)), None)
    if made is None:
        raise Unexpected(first)
    return Step(first.line, _with_session(made(piece)))


def _with_session(change: Callable[[Session], None]) -> Act:
    def act(batch: Batch) -> None:
        change(batch.session)
        batch.emit(Done())

    return act


# --- queries ---


def _query(piece: Reader) -> Act:
    """A statement for DuckDB; CREATE TABLE and VIEW are put down in the ledger, too."""
    sql, first = piece.text, piece.words[0]
    if piece.comes("SELECT") and (assigned := re.match(r"SELECT\s+(@[\w$#@]+)\s*=\s*(.*)\Z", sql, re.IGNORECASE | re.DOTALL)):
        return _assign(assigned[1], assigned[2])
    try:
        read(sql, DIALECT)
    except Unreadable:
        raise replies.near(first.value, first.line) from None
    made = relation_of(piece)

    def act(batch: Batch) -> None:
        try:
            if made is not None:
                made.check(batch.session)
            result = query(batch.session, sql, batch.variables, making=made is not None)
        except SqlFailed as failed:
            if failed.goes_on:  # it fails while the rows come
                batch.emit(Rows(("",), (), complete=False))
            raise
        if made is not None:
            made.note(batch.session)
        batch.emit(Rows(tuple(name for name, _kind in result.columns), result.rows) if result.columns else Done(result.count))

    return act


def _assign(variable: str, expression: str) -> Act:
    def act(batch: Batch) -> None:
        batch.variables[variable[1:].lower()] = batch.value(expression)
        batch.emit(Done())

    return act


# --- control of flow ---


def _if(reader: Reader) -> Act:
    reader.expect("IF")
    condition = _expression(reader, STARTS | {";"})
    then = _step(reader)
    reader.accept(";")
    otherwise = _step(reader) if reader.accept("ELSE") else None

    async def act(batch: Batch) -> None:
        chosen = then if batch.value(f"CASE WHEN {condition} THEN 1 ELSE 0 END") else otherwise
        if chosen is not None and not await batch.go([chosen]):
            raise Ended

    return act


def _begin(reader: Reader) -> Act:
    reader.expect("BEGIN")
    if reader.accept_one(("TRAN", "TRANSACTION")):
        return _nothing
    if reader.key() in ("TRY", "CATCH"):
        raise reader.unexpected()
    steps = _steps(reader, "END")

    async def act(batch: Batch) -> None:
        if not await batch.go(steps):
            raise Ended

    return act


def _nothing(batch: Batch) -> None:
    batch.emit(Done())


def _transaction(reader: Reader) -> Act:
    reader.next()
    reader.accept_one(("TRAN", "TRANSACTION", "WORK"))
    return _nothing


def _return(reader: Reader) -> Act:
    reader.expect("RETURN")

    def act(batch: Batch) -> None:
        raise Ended

    return act


def _expression(reader: Reader, ends: Collection[str] = (",",)) -> str:
    """The text of one expression, up to what ends it: in a list, a comma."""
    start, depth = reader.at, 0
    while not reader.done and not (depth == 0 and reader.key() in ends):
        depth += {"(": 1, ")": -1}.get(reader.next().key, 0)
    if reader.at == start:
        raise reader.unexpected()
    return reader.sql[reader.words[start].start : reader.words[reader.at - 1].end]


def _expressions(reader: Reader) -> list[str]:
    """The texts of a list of expressions."""
    found = [_expression(reader)]
    while reader.accept(","):
        found.append(_expression(reader))
    return found


# --- variables, messages, time ---


def _declare(reader: Reader) -> Act:
    """DECLARE @name type [= value], ..."""
    piece = part(reader, statement_end(reader))
    piece.expect("DECLARE")
    found: list[tuple[str, str]] = []
    while True:
        name = piece.next().value
        piece.accept("AS")
        piece.next()
        if piece.key() == "(":
            piece.parenthesis()
        found.append((name[1:].lower(), _expression(piece) if piece.accept("=") else "NULL"))
        if not piece.accept(","):
            break
    piece.end()

    def act(batch: Batch) -> None:
        for name, expression in found:
            batch.variables[name] = batch.value(expression)
        batch.emit(Done())

    return act


def _set(reader: Reader) -> Act:
    """SET @variable = value, or SET option ..."""
    piece = part(reader, statement_end(reader))
    piece.expect("SET")
    word = piece.next()
    if word.value.startswith("@"):
        piece.expect("=")
        return _assign(word.value, piece.rest())
    return _nothing


def _check_options(sql: str) -> None:
    """Unread for a SET option that a dedicated pool does not know."""
    words = words_of(sql)
    for word, before in zip(words[1:], words, strict=False):
        if before.key == "SET" and word.key in NOT_IN_A_POOL:
            column = word.start - sql.rfind("\n", 0, word.start)
            raise Unread(103010, f"Parse error at line: {word.line}, column: {column}: Incorrect syntax near '{word.key}'.", word.line)


def _print(reader: Reader) -> Act:
    reader.expect("PRINT")
    expression = part(reader, statement_end(reader)).text

    def act(batch: Batch) -> None:
        batch.say(str(batch.value(expression)))
        batch.emit(Done())

    return act


def _raiserror(reader: Reader) -> Act:
    """RAISERROR (message, severity, state, argument ...)"""
    reader.expect("RAISERROR")
    inner = reader.parenthesis()
    if reader.accept("WITH"):
        reader.next()
    parts = _expressions(Reader(inner, words_of(inner)))

    def act(batch: Batch) -> None:
        text, severity, state, *arguments = (batch.value(each) for each in parts)
        left = iter(arguments)
        message = re.sub("%[ds]", lambda match: str(next(left, match.group())), str(text))
        if int(severity) > 10:
            raise SqlFailed(50000, message, severity=int(severity), state=int(state), goes_on=True)
        batch.say(message)
        batch.emit(Done())

    return act


def _throw(reader: Reader) -> Act:
    """THROW number, message, state"""
    reader.expect("THROW")
    piece = part(reader, statement_end(reader))
    parts = _expressions(piece)
    if len(parts) != 3:
        raise Unexpected(piece.words[-1])

    def act(batch: Batch) -> None:
        number, message, state = (batch.value(each) for each in parts)
        raise SqlFailed(int(number), str(message), state=int(state))

    return act


def _waitfor(reader: Reader) -> Act:
    reader.expect("WAITFOR DELAY")
    hours, minutes, seconds = (float(each) for each in reader.string().split(":"))

    async def act(batch: Batch) -> None:
        await asyncio.sleep(hours * 3600 + minutes * 60 + seconds)
        batch.emit(Done())

    return act


def _use(reader: Reader) -> Act:
    reader.expect("USE")
    name = reader.identifier()

    def act(batch: Batch) -> None:
        if name.lower() != batch.session.database.name.lower():
            text = "USE statement is not supported to switch between databases. Use a new connection to connect to a different database."
            raise SqlFailed(40508, text)
        batch.emit(Done())

    return act


# --- EXEC ---


def _execute(reader: Reader) -> Act:
    """EXEC ('text'), EXEC sp_executesql N'text', EXEC procedure argument, ..."""
    piece = part(reader, statement_end(reader))
    piece.next()
    if piece.key() == "(":
        return _dynamic(piece.parenthesis())
    name = piece.name()
    arguments: list[tuple[str, str]] = []
    while not piece.done:
        named = piece.key(1) == "=" and piece.words[piece.at].value.startswith("@")
        label = piece.next().value[1:].lower() if named else ""
        piece.accept("=")
        arguments.append((label, _argument(piece)))
        piece.accept(",")
    if name[-1].lower() == "sp_executesql" and arguments:
        return _dynamic(arguments[0][1])

    async def act(batch: Batch) -> None:
        given = [(label, batch.value(expression)) for label, expression in arguments]
        system = PROCEDURES.get(name[-1].lower())
        if system is not None:
            for reply in system(batch.session, *(value for _label, value in given)):
                batch.emit(reply)
            batch.emit(Done())
            return
        await _call(batch, name, given)

    return act


def _argument(piece: Reader) -> str:
    """The text of one argument; a name stands for itself there."""
    word = piece.peek()
    text = _expression(piece)
    is_name = word is not None and word.kind in ("word", "quoted") and word.key != "NULL" and not word.value.startswith("@")
    return "'" + word.value.replace("'", "''") + "'" if word is not None and is_name else text


def _dynamic(expression: str) -> Act:
    async def act(batch: Batch) -> None:
        inner = Batch(batch.session, batch.emit)
        try:
            steps = compiled(str(batch.value(expression)))
        except Unread as failed:
            raise SqlFailed(failed.number, failed.text, severity=failed.severity) from None
        if not await inner.go(steps):
            raise Ended

    return act


async def _call(batch: Batch, name: tuple[str, ...], given: list[tuple[str, Any]]) -> None:
    """Run a procedure's body, with its parameters as variables."""
    schema, plain = batch.session.resolve(name)
    found = batch.session.database.thing(schema, plain)
    if found is None or found.kind != "P":
        raise SqlFailed(2812, f"Could not find stored procedure '{'.'.join(name)}'.", state=62)
    batch.session.must("EXECUTE", schema, plain)
    reader = Reader(found.text, words_of(found.text))
    parameters = []
    while not reader.accept("AS"):
        word = reader.next()
        if word.value.startswith("@"):
            parameters.append(word.value[1:].lower())
    variables = {parameter: None for parameter in parameters}
    variables |= {label or parameter: value for (label, value), parameter in zip(given, parameters, strict=False)}
    inner = Batch(batch.session, batch.emit, variables, plain)
    if not await inner.go(_steps(reader)):
        raise Ended


CONTROL: dict[str, Callable[[Reader], Act]] = {
    "IF": _if,
    "BEGIN": _begin,
    "COMMIT": _transaction,
    "ROLLBACK": _transaction,
    "RETURN": _return,
    "DECLARE": _declare,
    "SET": _set,
    "PRINT": _print,
    "RAISERROR": _raiserror,
    "THROW": _throw,
    "WAITFOR": _waitfor,
    "USE": _use,
    "EXEC": _execute,
    "EXECUTE": _execute,
}
