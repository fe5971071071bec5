# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch of T-SQL: read as a whole, then run statement by statement. The first error ends it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..sql import Grammar, Name, Rules, Unreadable, Word
from .database import Session, SqlFailed, full_name
from .tds import Done, Message, Reply, Rows

GRAMMAR = Grammar(
    string="[nN]?'(?:[^']|'')*'",
    name=r'"(?:[^"]|"")*"|\[(?:[^\]]|\]\])*\]',
    text_of=lambda raw: raw[raw.index("'") + 1 : -1].replace("''", "'"),
    name_of=lambda raw: raw[1:-1].replace("]]", "]") if raw[0] == "[" else raw[1:-1].replace('""', '"'),
)
# T-SQL needs no semicolons: a statement begins with one of these words, unless the word before says that the last one goes on.
STARTS = frozenset({"CREATE", "ALTER", "DROP", "GRANT", "INSERT", "UPDATE", "DELETE", "SELECT", "EXEC", "IF", "PRINT", "RAISERROR", "THROW", "WAITFOR"})
GOES_ON = frozenset({"AS", "ALL", "UNION", "GRANT", ","})
# Of these the whole rest of the batch is the body. They and the others must be the first statement of their batch.
BODIES = ("PROCEDURE", "FUNCTION")
FIRST = (*BODIES, "SCHEMA", "VIEW")

Statement = tuple[Word, ...]
Emit = Callable[[Reply], None]


async def run(session: Session, sql: str, emit: Emit) -> None:
    """Run a batch. emit takes the replies as they come, an error last. Nothing runs of a batch that cannot be read."""
    try:
        await _run_all(session, _read(sql), emit)
    except SqlFailed as failed:
        emit(failed.message())


def _read(sql: str) -> list[Statement]:
    try:
        return _statements(GRAMMAR.words(sql))
    except Unreadable as found:
        text = f"Unclosed quotation mark after the character string '{sql[found.start + 1 :]}'."
        raise SqlFailed(105, text, 15, found.line) from None


def _statements(words: Sequence[Word]) -> list[Statement]:
    """The statements of a batch. SqlFailed for one that must be the first and is not."""
    if _creates(words[:2], BODIES):
        return [tuple(words)]
    found: list[list[Word]] = [[]]
    depth, before = 0, ""
    for word in words:
        depth += {"(": 1, ")": -1}.get(word.key, 0)
        if depth == 0 and (before == ";" or (word.key in STARTS and before not in GOES_ON)):
            found.append([])
        if word.key != ";" or depth:
            found[-1].append(word)
        before = word.key
    statements = [tuple(each) for each in found if each]
    for each in statements[1:]:
        if _creates(each, FIRST):
            raise SqlFailed(111, f"'CREATE {each[1].key}' must be the first statement in a query batch.", 15, each[0].line)
    return statements


def _creates(words: Sequence[Word], kinds: Sequence[str]) -> bool:
    return len(words) > 1 and words[0].key == "CREATE" and words[1].key in kinds


async def _run_all(session: Session, statements: Sequence[Statement], emit: Emit) -> None:
    skipping = False
    for words in statements:
        try:
            if skipping:
                skipping = False
            elif words[0].key == "IF":
                skipping = not session.carry_out((replace(words[0], value="SELECT"), *words[1:])).rows[0][0]
            else:
                await _step(session, words, emit)
        except SqlFailed as failed:
            failed.line = failed.line or words[0].line
            raise


async def _step(session: Session, words: Statement, emit: Emit) -> None:
    control = CONTROL.match(words)
    if control is None:
        result = session.carry_out(words)
        emit(Rows(result.columns, result.rows) if result.columns else Done(result.count))
        return
    done = control[0](session, emit, *control[1])
    if inspect.isawaitable(done):
        await done


# --- statements that are about the batch itself ---


def _say(session: Session, emit: Emit, text: str) -> None:
    emit(Message(0, 0, text))
    emit(Done())


def _raise_error(session: Session, emit: Emit, text: str, severity: int, state: int) -> None:
    if severity > 10:
        raise SqlFailed(50000, text, severity)
    _say(session, emit, text)


def _throw(session: Session, emit: Emit, number: int, text: str, state: int) -> None:
    raise SqlFailed(number, text)


async def _wait(session: Session, emit: Emit, delay: str) -> None:
    hours, minutes, seconds = (float(each) for each in delay.split(":"))
    await asyncio.sleep(hours * 3600 + minutes * 60 + seconds)
    emit(Done())


async def _run_text(session: Session, emit: Emit, sql: str) -> None:
    await _run_all(session, _read(sql), emit)


async def _call(session: Session, emit: Emit, name: Name, argument: int) -> None:
    """Run the body of a procedure with one parameter."""
    words = session.held("PROCEDURE")[session.need("PROCEDURE", full_name(name))].words
    body = words[[word.key for word in words].index("AS") + 1 :]
    given = tuple(replace(word, value=str(argument)) if word.key.startswith("@") else word for word in body)
    await _run_all(session, _statements(given[1:-1] if given[0].key == "BEGIN" else given), emit)


CONTROL = Rules(
    {
        "PRINT {string}": _say,
        r"RAISERROR \( {string} , {number} , {number} \)": _raise_error,
        "THROW {number} , {string} , {number}": _throw,
        "WAITFOR DELAY {string}": _wait,
        r"EXEC \( {string} \)": _run_text,
        "EXEC {name} {number}": _call,
    }
)
