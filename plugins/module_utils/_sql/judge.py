# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One plain statement judged after the other, with what the script has said before.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .._core.errors import ScriptRefused
from .classify import classify_tokens, opened
from .dynamic import expressions, readings
from .grants import judge_grant
from .names import Name, Reader, part_of
from .objects import KIND, SCOPE, UNREADABLE, Objection, definition_of, judge_definition, outermost
from .parts import TRANSACTION, Part, batch_parts, block_parts, is_closed, statement_parts
from .routines import Routine, routine_of
from .rules import CONTROL, READING, READS, RULES, STATEMENTS, TRANSACTIONS
from .scope import Reach
from .targets import judge_comment, judge_target, read_use
from .tokens import Token, significant
from .watch import calls_effects, hidden

Tokens = Sequence[Token]
# How deep literals may lie in literals, and calls in bodies
DEEPEST = 12
# How many tokens are read of all that a script comes to, bodies anew for each call: so many, and its own so many times over
MOST, AGAIN = 200_000, 10
# What a statement costs beside its tokens
EACH = 10


class Finding(NamedTuple):
    """Something that speaks against a statement. line: where in the statement it is, from 1."""

    verb: str
    object: str | None
    reason: str
    line: int


class Judge:
    """Judges the statements of one script in their order. purpose: as the option, or query for what may only look."""

    def __init__(self, reach: Reach, purpose: str) -> None:
        self.reach = reach
        self.purpose = purpose
        self.dialect = reach.dialect
        self.rules = RULES[reach.type]
        self.routines: dict[str, list[Routine]] = {}
        self.depth = 0
        self.left = MOST

    def statement(self, text: str) -> list[Finding]:
        """What speaks against one statement of the script."""
        self.depth = 0
        try:
            return list(self._statement(text))
        except RecursionError:
            # Nobody nests so deep who wants to be read.
            return [Finding(*classify_tokens(significant(text, self.dialect)), UNREADABLE, 1)]

    def _statement(self, text: str) -> Iterator[Finding]:
        before, tokens = self.reach.current, significant(text, self.dialect)
        self.left += AGAIN * len(tokens)
        parts = list(self._parts(tokens))
        for part in parts:
            yield from self._part(part)
        # What a block or batch makes may not have been made when it goes on.
        alone = len(parts) == 1 and (parts[0].where == "plain" or self.dialect == "tsql")
        if not alone:
            self.reach.current = self.reach.current and before
        elif self.purpose != "cleanup":
            self._remember(parts[0].tokens)

    # --- taking apart ---

    def _parts(self, tokens: Tokens) -> Iterator[Part]:
        """The plain statements of a statement, a batch, a body or a text."""
        if routine_of(tokens, self.dialect):
            yield Part(list(tokens))
        elif self.dialect == "tsql":
            yield from batch_parts(tokens)
        elif _is_block(tokens, self.dialect):
            yield from block_parts(tokens, self.dialect)
        else:
            yield from statement_parts(tokens)

    def _part(self, part: Part) -> Iterator[Finding]:
        """What speaks against one plain statement, and against what is hidden in it."""
        if self.dialect == "snowflake":
            links = list(_chain(part.tokens))
            if len(links) > 1:
                for link in links:
                    yield from self._part(Part(link, part.where))
                return
        yield from self._plain(part)

    def _plain(self, part: Part) -> Iterator[Finding]:
        self.left -= len(part.tokens) + EACH
        if self.left < 0:
            raise RecursionError
        tokens = opened(part.tokens)
        routine = routine_of(tokens, self.dialect)
        said = routine.header if routine else tokens
        if self.dialect != "tsql" and not is_closed(said if routine else part.tokens):
            yield self._finding(tokens, Objection(UNREADABLE))
        yield from self._findings(tokens, list(self._objections(said, part.where)))
        if routine:
            yield from self._body(routine, stored=routine.is_kept)
        if said and said[0].key not in ("GRANT", "REVOKE", "DENY"):
            yield from self._within(said)

    def _finding(self, tokens: Tokens, objection: Objection) -> Finding:
        return next(self._findings(tokens, [objection]))

    def _findings(self, tokens: Tokens, objections: Sequence[Objection]) -> Iterator[Finding]:
        """The objections against one plain statement, which may be as many as the names in it."""
        verb, name = classify_tokens(tokens) if objections else ("", None)
        for objection in objections:
            yield Finding(verb, objection.object or name, objection.reason, tokens[0].line if tokens else 1)

    # --- one plain statement ---

    def _objections(self, tokens: Tokens, where: str) -> Iterator[Objection]:
        if not tokens:
            yield Objection(UNREADABLE)
        elif where == "expression" and tokens[0].key not in STATEMENTS:
            pass  # a function's value
        elif where == "declared":
            # name PROCEDURE () … AS BEGIN
            yield from [Objection(UNREADABLE)] if "PROCEDURE" in [token.key for token in tokens[1:3]] else []
        else:
            yield from self._by_verb(tokens, where)
        if calls_effects(tokens, self.purpose):
            yield Objection(KIND)

    def _by_verb(self, tokens: Tokens, where: str) -> Iterator[Objection]:
        verb = tokens[0].key
        if self.purpose == "query":
            yield from self._query(tokens)
        elif verb in _JUDGES:
            yield from _JUDGES[verb](self, tokens)
        elif verb in READS:
            yield from self._read(tokens, where)
        elif not (verb in TRANSACTIONS or verb in self.rules.verbs or (where == "block" and _is_control(tokens, self.dialect))):
            yield Objection(KIND)

    def _query(self, tokens: Tokens) -> Iterator[Objection]:
        keys = {token.key for token in tokens}
        if tokens[0].key not in READS or "INTO" in keys:
            yield Objection(KIND)
        elif tokens[0].key == "WITH":
            yield from self._read(tokens, "block")

    def _read(self, tokens: Tokens, where: str) -> Iterator[Objection]:
        if tokens[0].key == "WITH":
            yield from self._with(tokens, where)
        elif tokens[0].key != "SHOW" and (where == "plain" or self.dialect == "tsql"):
            # SELECT … INTO t makes a table; in a block it fills a variable
            into = next((place for place, token in outermost(tokens) if token.key == "INTO"), None)
            yield from [] if into is None else judge_target(tokens[into + 1 :], "object", self.reach)

    def _with(self, tokens: Tokens, where: str) -> Iterator[Objection]:
        """WITH a AS (…) and what follows it"""
        main = _behind_with(tokens, self.dialect)
        yield from self._by_verb(main, where) if main else [Objection(UNREADABLE)]
        if self.dialect == "tsql" and main and main[0].key in ("UPDATE", "DELETE", "MERGE"):
            yield from self._sources(list(enumerate(tokens)), tokens)  # what is written to may be the query in WITH

    def _definition(self, tokens: Tokens) -> Iterator[Objection]:
        if [token.key for token in tokens[1:3]] == ["DEFAULT", "PRIVILEGES"]:
            yield from self._default_privileges(tokens)
        else:
            yield from judge_definition(tokens, self.reach, self.purpose)

    def _default_privileges(self, tokens: Tokens) -> Iterator[Objection]:
        """ALTER DEFAULT PRIVILEGES [FOR USER u] [IN SCHEMA s] GRANT … ON TABLES TO u: what is granted is what will be made there."""
        place = next((place for place, token in enumerate(tokens) if token.key in ("GRANT", "REVOKE")), None)
        reader = Reader(tokens[3:place], self.dialect)
        if reader.take("FOR"):
            reader.take_any(("USER", "ROLE"))
            yield from judge_target(reader.rest, "account", self.reach)
            list(reader.names())
        yield from judge_target(reader.rest, "schema", self.reach) if reader.take("IN", "SCHEMA") else []
        to = next((each for each, token in enumerate(tokens) if token.key in ("TO", "FROM")), None)
        if place is None or to is None:
            yield Objection(UNREADABLE)
        else:
            yield from judge_grant([tokens[place], *significant("USAGE ON SCHEMA x", self.dialect), *tokens[to:]], self.reach)

    def _grant(self, tokens: Tokens) -> Iterator[Objection]:
        yield from judge_grant(tokens, self.reach)

    def _comment(self, tokens: Tokens) -> Iterator[Objection]:
        yield from judge_comment(tokens, self.reach)

    def _use(self, tokens: Tokens) -> Iterator[Objection]:
        yield from read_use(tokens, self.reach)

    def _set(self, tokens: Tokens) -> Iterator[Objection]:
        keys = [token.key for token in tokens]
        if {"AUTHORIZATION", "SESSION_AUTHORIZATION"} & set(keys) or _changes_reading(tokens):
            yield Objection(KIND)  # SET SESSION AUTHORIZATION: somebody else's rights
        elif keys[1:2] == ["CATALOG"]:
            yield from read_use(tokens, self.reach)

    def _change(self, tokens: Tokens) -> Iterator[Objection]:
        """INSERT, UPDATE, DELETE, MERGE, TRUNCATE, LOCK: what they write to, or keep others from."""
        reader = Reader(tokens[1:], self.dialect)
        overwrite = bool(reader.take("OVERWRITE"))
        while reader.take_any(_BEFORE_TARGETS):
            pass
        if reader.take("TOP"):
            reader.skip_brackets()
            reader.take("FROM")
        if reader.key() in ("LOCAL", "DIRECTORY") and overwrite:
            yield Objection(KIND)
        elif reader.key() in ("ALL", "FIRST") and tokens[0].key == "INSERT":
            yield Objection(UNREADABLE)  # INSERT ALL INTO a INTO b
        else:
            yield from judge_target(reader.rest, "object", self.reach)
            if self.dialect == "tsql" and tokens[0].key in ("UPDATE", "DELETE"):
                yield from self._sources(list(outermost(tokens)), tokens)

    def _sources(self, places: list[tuple[int, Token]], tokens: Tokens) -> Iterator[Objection]:
        """T-SQL: UPDATE a … FROM d.s.t a writes to what is named behind FROM."""
        for place, token in places:
            if token.key in ("FROM", "JOIN") and place + 1 < len(tokens) and tokens[place + 1].key != "(":
                yield from judge_target(tokens[place + 1 :], "object", self.reach)

    def _attach(self, tokens: Tokens) -> Iterator[Objection]:
        """ATTACH RLS POLICY p ON t TO ROLE r"""
        on = next((place for place, token in outermost(tokens) if token.key == "ON"), None)
        yield from judge_target([] if on is None else tokens[on + 1 :], "object", self.reach)

    def _rename(self, tokens: Tokens) -> Iterator[Objection]:
        """RENAME OBJECT [::] t TO u"""
        reader = Reader(tokens[1:], self.dialect)
        if not reader.take("OBJECT"):
            yield Objection(KIND)
        reader.take(":", ":")
        yield from judge_target(reader.rest, "object", self.reach)

    def _explain(self, tokens: Tokens) -> Iterator[Objection]:
        """EXPLAIN ANALYZE does what it explains."""
        reader = Reader(tokens[1:], self.dialect)
        while reader.take_any(("ANALYZE", "VERBOSE", "USING", "TEXT", "JSON", "TABULAR", "EXTENDED", "FORMATTED", "COST", "CODEGEN")):
            pass
        # What it explains is a query or a change of data, and no block.
        known = reader.key() in READS or _JUDGES.get(reader.key()) is Judge._change
        yield from self._by_verb(reader.rest, "plain") if known else [Objection(UNREADABLE)]

    def _open(self, tokens: Tokens) -> Iterator[Objection]:
        """OPEN cursor, and not OPEN SYMMETRIC KEY"""
        if len(tokens) != 2 and self.dialect == "tsql":
            yield Objection(KIND)

    def _execute(self, tokens: Tokens) -> Iterator[Objection]:
        """EXECUTE IMMEDIATE and EXECUTE '…' are judged by their text; EXECUTE TASK by what the task does."""
        keys = [token.key for token in tokens]
        if self.dialect == "tsql":
            yield from self._exec(tokens)
        elif keys[1:2] == ["TASK"]:
            yield from self._call(tokens[1:])
        elif not next(expressions(tokens, self.dialect), None):
            yield Objection(UNREADABLE)

    def _exec(self, tokens: Tokens) -> Iterator[Objection]:
        """T-SQL: EXEC (…) and sp_executesql are judged by their text, a procedure by its body."""
        reader = Reader(tokens[1:], self.dialect)
        if reader.key() == "(":
            reader.skip_brackets()
            yield from [] if reader.is_done else [Objection(KIND)]  # AT server, AS USER
            return
        if reader.key().startswith("@") and reader.key(1) == "=":
            reader.place += 2
        called = reader.tokens[max(reader.place - 1, 0) :] if reader.place else tokens
        name = reader.name()
        if name.last == "sp_executesql":
            return
        if name.last in self.rules.procedures:
            yield from self._system_procedure(reader)
        else:
            yield from self._call([tokens[0], *called[1:]])

    def _system_procedure(self, reader: Reader) -> Iterator[Objection]:
        """sp_addrolemember N'role', N'member': who the member is"""
        said = list(reader.rest)
        if len(said) != 3 or said[1].key != "," or said[2].text.startswith("@"):
            yield Objection(UNREADABLE)
            return
        meant = readings(said[2], self.dialect) if said[2].kind == "string" else [part_of(said[2], self.dialect)]
        if not meant or not self.reach.has_account(meant[0].casefold()):
            yield Objection(SCOPE)

    def _call(self, tokens: Tokens) -> Iterator[Objection]:
        """A procedure that the script made, and whose body can be read and may run."""
        name = Reader(tokens[1:], self.dialect).name()
        bodies = [routine for routine in self.routines.get(name.last, ()) if routine.is_called(name)]
        if not bodies or self.depth > DEEPEST:
            yield Objection(UNREADABLE, name.text)
            return
        self.depth += 1
        for routine in bodies:
            yield from (Objection(finding.reason, name.text) for finding in self._body(routine, stored=False))
        self.depth -= 1

    # --- what is in a statement ---

    def _within(self, tokens: Tokens) -> Iterator[Finding]:
        """Statements where an expression is expected, and literals that are executed."""
        for inner in hidden(tokens, self.dialect):
            yield from self._part(Part(list(inner), "block"))
        for expression in expressions(tokens, self.dialect):
            literal = tokens[expression.literals[0]] if expression.is_plain else None
            meant = readings(literal, self.dialect) if literal else None
            if literal is None or meant is None or self.depth > DEEPEST:
                yield self._finding(tokens, Objection(UNREADABLE))
                continue
            for text in meant:
                yield from self._text(text, literal, tokens)

    def _text(self, text: str, literal: Token, tokens: Tokens) -> Iterator[Finding]:
        """A text that is executed, as what it does."""
        self.depth += 1
        try:
            inner = [token._replace(line=token.line + literal.line - 1) for token in significant(text, self.dialect)]
            for part in self._parts(inner):
                yield from self._part(part)
        except ScriptRefused:
            yield self._finding(tokens, Objection(UNREADABLE))
        self.depth -= 1

    def _body(self, routine: Routine, *, stored: bool) -> Iterator[Finding]:
        """What speaks against a body. stored: it does not run now, so what cannot be read in it is left for whoever calls it."""
        before = self.reach.current
        found = list(self._body_parts(routine))
        yield from (finding for finding in found if not (stored and finding.reason == UNREADABLE))
        self.reach.current = before and (stored or self.reach.current)

    def _body_parts(self, routine: Routine) -> Iterator[Finding]:
        if routine.body is None:
            yield self._finding(routine.header, Objection(UNREADABLE))
            return
        alone = "block" if routine.kind != "FUNCTION" or self.dialect == "tsql" else "expression"
        for part in self._parts(routine.body):
            yield from self._part(Part(part.tokens, alone if part.where == "plain" else part.where))

    # --- what the script has made ---

    def _remember(self, tokens: Tokens) -> None:
        """What the statement makes, once it ran: a plain CREATE fails when it is there already, so what it names is the script's own."""
        if tokens[0].key != "CREATE":
            return
        routine = routine_of(tokens, self.dialect)
        said = definition_of(tokens, self.reach)
        name = said.reader.name()
        if routine:
            self.routines.setdefault(name.last, []).append(routine._replace(name=name))
        elif name.parts and not (said.if_exists or said.modifiers & {"REPLACE", "ALTER"}):
            self.reach.made.add((said.class_, name.last))
        if self.dialect == "snowflake" and said.class_ == "database" and name.parts:
            self.reach.current = self.reach.has_database(name.last)


_BEFORE_TARGETS = frozenset({"INTO", "TABLE", "FROM", "IF", "EXISTS", "ONLY"})
_JUDGES: dict[str, Callable[[Judge, Tokens], Iterator[Objection]]] = {
    **dict.fromkeys(("CREATE", "ALTER", "DROP"), Judge._definition),
    **dict.fromkeys(("GRANT", "REVOKE", "DENY"), Judge._grant),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "LOCK"), Judge._change),
    **dict.fromkeys(("ATTACH", "DETACH"), Judge._attach),
    "COMMENT": Judge._comment,
    "USE": Judge._use,
    "SET": Judge._set,
    "RENAME": Judge._rename,
    "EXPLAIN": Judge._explain,
    "CALL": Judge._call,
    "EXECUTE": Judge._execute,
    "EXEC": Judge._exec,
    "OPEN": Judge._open,
}


def _is_block(tokens: Tokens, dialect: str) -> bool:
    keys = [token.key or "quoted" for token in tokens[:4]] + [""] * 4
    if keys[1] == ":":
        keys = keys[2:]
    if dialect == "databricks" and keys[0] == "DECLARE":
        return False
    return keys[0] == "DECLARE" or (keys[0] == "BEGIN" and keys[1] not in TRANSACTION and keys[1] not in ("", ";"))


def _chain(tokens: Tokens) -> Iterator[list[Token]]:
    """Snowflake's flow operator: SHOW … ->> SELECT …"""
    start = 0
    for place in range(len(tokens)):
        if [token.key for token in tokens[place : place + 3]] == ["-", ">", ">"]:
            yield list(tokens[start:place])
            start = place + 3
    yield list(tokens[start:])


def _is_control(tokens: Tokens, dialect: str) -> bool:
    """A condition, a loop, a value for a variable."""
    keys = [token.key or "quoted" for token in tokens[:4]] + [""] * 4
    if keys[0] == "GET":
        return "DIAGNOSTICS" in keys[1:3]
    return keys[0] in CONTROL or keys[1:3] == [":", "="] or keys[1] == "="


def _changes_reading(tokens: Tokens) -> bool:
    """SET standard_conforming_strings, SET `spark.sql.parser.escapedStringLiterals`"""
    return any(READING & set(re.findall(r"\w+", token.text.upper())) for token in tokens if token.kind in ("word", "name"))


def _behind_with(tokens: Tokens, dialect: str) -> Tokens:
    """The statement behind WITH a AS (…), b AS (…); nothing when it is built otherwise: WITH p AS PROCEDURE () …"""
    reader = Reader(tokens[1:], dialect)
    reader.take("RECURSIVE")
    while True:
        name: Name = reader.name()
        reader.skip_brackets()
        if not name.parts or not reader.take("AS"):
            return []
        reader.take("NOT")
        reader.take("MATERIALIZED")
        if reader.key() != "(":
            return []
        reader.skip_brackets()
        if not reader.take(","):
            return reader.rest
