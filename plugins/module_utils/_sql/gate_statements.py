# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate's statement checker: checks the statements of a script in order, and remembers what earlier statements created.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .._core.errors import ScriptRefused
from .classify import classify_tokens, without_opening_parentheses
from .dynamic_sql import decoded_texts, executed_expressions
from .gate_definitions import OUT_OF_SCOPE, UNREADABLE, WRONG_KIND, Violation, check_definition, outside_parentheses, read_definition
from .gate_grants import check_grant
from .gate_nested import calls_effect_function, nested_statements
from .gate_rules import BLOCK_VERBS, NESTED_VERBS, PARSER_SETTINGS, READ_VERBS, RULES, TRANSACTION_VERBS
from .gate_scope import ScopeChecker
from .gate_targets import check_comment, check_target, check_use
from .names import Name, TokenReader, normalize_part
from .routine_bodies import Routine, routine_of
from .statement_parts import TRANSACTION, Part, batch_parts, block_parts, is_closed, statement_parts
from .tokenizer import Token, significant_tokens

Tokens = Sequence[Token]
# How deep literals may nest in literals, and calls in routine bodies
MAX_DEPTH = 12
# The token budget of a script. A body counts again for each call. Each statement adds its number of tokens, times the factor.
TOKEN_BUDGET, BUDGET_FACTOR = 200_000, 10
# The cost of a plain statement, besides its tokens
STATEMENT_COST = 10


class Finding(NamedTuple):
    """A violation of one statement. verb and object: of the plain statement that it is in. line: in the whole statement, from 1."""

    verb: str
    object: str | None
    reason: str
    line: int


class StatementChecker:
    """Checks the statements of one script in order. purpose: as in the option, or query for a query that must change nothing."""

    def __init__(self, scope: ScopeChecker, purpose: str) -> None:
        self.scope = scope
        self.purpose = purpose
        self.dialect = scope.dialect
        self.rules = RULES[scope.type]
        self.routines: dict[str, list[Routine]] = {}
        self.depth = 0
        self.tokens_left = TOKEN_BUDGET

    def check(self, text: str) -> list[Finding]:
        """Return the violations of one statement of the script. Raise ScriptRefused if something in it is never closed."""
        self.depth = 0
        try:
            return list(self._check_statement(text))
        except RecursionError:
            # The statement nests too deep, or the script is over its token budget.
            return [Finding(*classify_tokens(significant_tokens(text, self.dialect)), UNREADABLE, 1)]

    def _check_statement(self, text: str) -> Iterator[Finding]:
        was_own_database, tokens = self.scope.in_own_database, significant_tokens(text, self.dialect)
        self.tokens_left += BUDGET_FACTOR * len(tokens)
        parts = list(self._split(tokens))
        for part in parts:
            yield from self._check_part(part)
        # The script cannot rely on what a block or batch creates: the database may have skipped that part.
        stands_alone = len(parts) == 1 and (parts[0].where == "plain" or self.dialect == "tsql")
        if not stands_alone:
            self.scope.in_own_database = self.scope.in_own_database and was_own_database
        elif self.purpose != "cleanup":
            self._remember_created(parts[0].tokens)

    # --- splitting into plain statements ---

    def _split(self, tokens: Tokens) -> Iterator[Part]:
        """Yield the plain statements of a statement, a batch, a routine body or dynamic SQL."""
        if routine_of(tokens, self.dialect):
            yield Part(list(tokens))
        elif self.dialect == "tsql":
            yield from batch_parts(tokens)
        elif _is_block(tokens, self.dialect):
            yield from block_parts(tokens, self.dialect)
        else:
            yield from statement_parts(tokens)

    def _check_part(self, part: Part) -> Iterator[Finding]:
        """Yield the violations of one plain statement, and of the statements nested in it."""
        if self.dialect == "snowflake":
            links = list(_split_chain(part.tokens))
            if len(links) > 1:
                for link in links:
                    yield from self._check_part(Part(link, part.where))
                return
        yield from self._check_plain(part)

    def _check_plain(self, part: Part) -> Iterator[Finding]:
        """Yield the violations of one plain statement, its body, and the code nested in it. Raise RecursionError over the budget."""
        self.tokens_left -= len(part.tokens) + STATEMENT_COST
        if self.tokens_left < 0:
            raise RecursionError
        tokens = without_opening_parentheses(part.tokens)
        routine = routine_of(tokens, self.dialect)
        statement = routine.header if routine else tokens
        if self.dialect != "tsql" and not is_closed(statement if routine else part.tokens):
            yield self._as_finding(tokens, Violation(UNREADABLE))
        yield from self._as_findings(tokens, list(self._violations(statement, part.where)))
        if routine:
            yield from self._check_body(routine, stored=routine.allows_unreadable)
        if statement and statement[0].key not in ("GRANT", "REVOKE", "DENY"):
            yield from self._check_nested(statement)

    def _as_finding(self, tokens: Tokens, violation: Violation) -> Finding:
        return next(self._as_findings(tokens, [violation]))

    def _as_findings(self, tokens: Tokens, violations: Sequence[Violation]) -> Iterator[Finding]:
        """Yield a finding for each violation of one plain statement."""
        verb, name = classify_tokens(tokens) if violations else ("", None)
        for violation in violations:
            yield Finding(verb, violation.object or name, violation.reason, tokens[0].line if tokens else 1)

    # --- one plain statement ---

    def _violations(self, tokens: Tokens, where: str) -> Iterator[Violation]:
        """Yield the violations of the plain statement itself. where: as in Part, or expression for the value of a function."""
        if not tokens:
            yield Violation(UNREADABLE)
        elif where == "expression" and tokens[0].key not in NESTED_VERBS:
            pass  # the value of a function
        elif where == "declared":
            # name PROCEDURE () … AS BEGIN
            yield from [Violation(UNREADABLE)] if "PROCEDURE" in [token.key for token in tokens[1:3]] else []
        else:
            yield from self._check_by_verb(tokens, where)
        if calls_effect_function(tokens, self.purpose):
            yield Violation(WRONG_KIND)

    def _check_by_verb(self, tokens: Tokens, where: str) -> Iterator[Violation]:
        verb = tokens[0].key
        if self.purpose == "query":
            yield from self._check_query(tokens)
        elif verb in _CHECKS:
            yield from _CHECKS[verb](self, tokens)
        elif verb in READ_VERBS:
            yield from self._check_read(tokens, where)
        elif not (verb in TRANSACTION_VERBS or verb in self.rules.plain_verbs or (where == "block" and _is_block_statement(tokens, self.dialect))):
            yield Violation(WRONG_KIND)

    def _check_query(self, tokens: Tokens) -> Iterator[Violation]:
        keys = {token.key for token in tokens}
        if tokens[0].key not in READ_VERBS or "INTO" in keys:
            yield Violation(WRONG_KIND)
        elif tokens[0].key == "WITH":
            yield from self._check_read(tokens, "block")

    def _check_read(self, tokens: Tokens, where: str) -> Iterator[Violation]:
        if tokens[0].key == "WITH":
            yield from self._check_with(tokens, where)
        elif tokens[0].key != "SHOW" and (where == "plain" or self.dialect == "tsql"):
            # SELECT … INTO t creates a table. In a block, it sets a variable.
            into_index = next((index for index, token in outside_parentheses(tokens) if token.key == "INTO"), None)
            yield from [] if into_index is None else check_target(tokens[into_index + 1 :], "object", self.scope)

    def _check_with(self, tokens: Tokens, where: str) -> Iterator[Violation]:
        """Yield the violations of the statement after WITH a AS (…)."""
        following = _statement_after_with(tokens, self.dialect)
        yield from self._check_by_verb(following, where) if following else [Violation(UNREADABLE)]
        if self.dialect == "tsql" and following and following[0].key in ("UPDATE", "DELETE", "MERGE"):
            yield from self._check_sources(list(enumerate(tokens)), tokens)  # the target may be the query in WITH

    def _check_definition(self, tokens: Tokens) -> Iterator[Violation]:
        if [token.key for token in tokens[1:3]] == ["DEFAULT", "PRIVILEGES"]:
            yield from self._check_default_privileges(tokens)
        else:
            yield from check_definition(tokens, self.scope, self.purpose)

    def _check_default_privileges(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of ALTER DEFAULT PRIVILEGES [FOR USER u] [IN SCHEMA s] GRANT … ON TABLES TO u."""
        grant_index = next((grant_index for grant_index, token in enumerate(tokens) if token.key in ("GRANT", "REVOKE")), None)
        reader = TokenReader(tokens[3:grant_index], self.dialect)
        if reader.take("FOR"):
            reader.take_any(("USER", "ROLE"))
            yield from check_target(reader.rest, "account", self.scope)
            list(reader.names())
        yield from check_target(reader.rest, "schema", self.scope) if reader.take("IN", "SCHEMA") else []
        to_index = next((position for position, token in enumerate(tokens) if token.key in ("TO", "FROM")), None)
        if grant_index is None or to_index is None:
            yield Violation(UNREADABLE)
        else:
            yield from check_grant([tokens[grant_index], *significant_tokens("USAGE ON SCHEMA x", self.dialect), *tokens[to_index:]], self.scope)

    def _check_grant(self, tokens: Tokens) -> Iterator[Violation]:
        yield from check_grant(tokens, self.scope)

    def _check_comment(self, tokens: Tokens) -> Iterator[Violation]:
        yield from check_comment(tokens, self.scope)

    def _check_use(self, tokens: Tokens) -> Iterator[Violation]:
        yield from check_use(tokens, self.scope)

    def _check_set(self, tokens: Tokens) -> Iterator[Violation]:
        keys = [token.key for token in tokens]
        if {"AUTHORIZATION", "SESSION_AUTHORIZATION"} & set(keys) or _changes_parser(tokens):
            yield Violation(WRONG_KIND)  # SET SESSION AUTHORIZATION takes another user's privileges
        elif keys[1:2] == ["CATALOG"]:
            yield from check_use(tokens, self.scope)

    def _check_change(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of INSERT, UPDATE, DELETE, MERGE, TRUNCATE or LOCK: the table that they write to or lock."""
        reader = TokenReader(tokens[1:], self.dialect)
        overwrite = bool(reader.take("OVERWRITE"))
        while reader.take_any(_BEFORE_TARGETS):
            pass
        if reader.take("TOP"):
            reader.skip_brackets()
            reader.take("FROM")
        if reader.key() in ("LOCAL", "DIRECTORY") and overwrite:
            yield Violation(WRONG_KIND)
        elif reader.key() in ("ALL", "FIRST") and tokens[0].key == "INSERT":
            yield Violation(UNREADABLE)  # INSERT ALL INTO a INTO b
        else:
            yield from check_target(reader.rest, "object", self.scope)
            if self.dialect == "tsql" and tokens[0].key in ("UPDATE", "DELETE"):
                yield from self._check_sources(list(outside_parentheses(tokens)), tokens)

    def _check_sources(self, indexed_tokens: list[tuple[int, Token]], tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of the names after FROM and JOIN. In T-SQL, UPDATE a … FROM d.s.t a writes to d.s.t."""
        for index, token in indexed_tokens:
            if token.key in ("FROM", "JOIN") and index + 1 < len(tokens) and tokens[index + 1].key != "(":
                yield from check_target(tokens[index + 1 :], "object", self.scope)

    def _check_attach(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of ATTACH RLS POLICY p ON t TO ROLE r: the table."""
        on_index = next((index for index, token in outside_parentheses(tokens) if token.key == "ON"), None)
        yield from check_target([] if on_index is None else tokens[on_index + 1 :], "object", self.scope)

    def _check_rename(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of RENAME OBJECT [::] t TO u: the object."""
        reader = TokenReader(tokens[1:], self.dialect)
        if not reader.take("OBJECT"):
            yield Violation(WRONG_KIND)
        reader.take(":", ":")
        yield from check_target(reader.rest, "object", self.scope)

    def _check_explain(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of the statement after EXPLAIN, because EXPLAIN ANALYZE executes it."""
        reader = TokenReader(tokens[1:], self.dialect)
        while reader.take_any(("ANALYZE", "VERBOSE", "USING", "TEXT", "JSON", "TABULAR", "EXTENDED", "FORMATTED", "COST", "CODEGEN")):
            pass
        # EXPLAIN accepts a query or a change of data, and no block.
        is_known = reader.key() in READ_VERBS or _CHECKS.get(reader.key()) is StatementChecker._check_change
        yield from self._check_by_verb(reader.rest, "plain") if is_known else [Violation(UNREADABLE)]

    def _check_open(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield a violation unless it is OPEN cursor. OPEN SYMMETRIC KEY is refused."""
        if len(tokens) != 2 and self.dialect == "tsql":
            yield Violation(WRONG_KIND)

    def _check_execute(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of EXECUTE. _check_nested checks the text of EXECUTE IMMEDIATE and EXECUTE '…'. EXECUTE TASK is a call."""
        keys = [token.key for token in tokens]
        if self.dialect == "tsql":
            yield from self._check_exec(tokens)
        elif keys[1:2] == ["TASK"]:
            yield from self._check_call(tokens[1:])
        elif not next(executed_expressions(tokens, self.dialect), None):
            yield Violation(UNREADABLE)

    def _check_exec(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of EXEC in T-SQL. _check_nested checks the text of EXEC (…) and sp_executesql. EXEC procedure is a call."""
        reader = TokenReader(tokens[1:], self.dialect)
        if reader.key() == "(":
            reader.skip_brackets()
            yield from [] if reader.is_done else [Violation(WRONG_KIND)]  # AT server, AS USER
            return
        if reader.key().startswith("@") and reader.key(1) == "=":
            reader.index += 2
        call_tokens = reader.tokens[max(reader.index - 1, 0) :] if reader.index else tokens
        name = reader.name()
        if name.last == "sp_executesql":
            return
        if name.last in self.rules.system_procedures:
            yield from self._check_system_procedure(reader)
        else:
            yield from self._check_call([tokens[0], *call_tokens[1:]])

    def _check_system_procedure(self, reader: TokenReader) -> Iterator[Violation]:
        """Yield the violations of sp_addrolemember N'role', N'member': the member."""
        arguments = list(reader.rest)
        if len(arguments) != 3 or arguments[1].key != "," or arguments[2].text.startswith("@"):
            yield Violation(UNREADABLE)
            return
        texts = decoded_texts(arguments[2], self.dialect) if arguments[2].kind == "string" else [normalize_part(arguments[2], self.dialect)]
        if not texts or not self.scope.is_own_account(texts[0].casefold()):
            yield Violation(OUT_OF_SCOPE)

    def _check_call(self, tokens: Tokens) -> Iterator[Violation]:
        """Yield the violations of a call. It is allowed if the script created the procedure, and its body is readable and allowed."""
        name = TokenReader(tokens[1:], self.dialect).name()
        bodies = [routine for routine in self.routines.get(name.last, ()) if routine.matches_call(name)]
        if not bodies or self.depth > MAX_DEPTH:
            yield Violation(UNREADABLE, name.text)
            return
        self.depth += 1
        for routine in bodies:
            yield from (Violation(finding.reason, name.text) for finding in self._check_body(routine, stored=False))
        self.depth -= 1

    # --- code inside a statement ---

    def _check_nested(self, tokens: Tokens) -> Iterator[Finding]:
        """Yield the violations of nested statements and of dynamic SQL."""
        for inner in nested_statements(tokens, self.dialect):
            yield from self._check_part(Part(list(inner), "block"))
        for expression in executed_expressions(tokens, self.dialect):
            literal = tokens[expression.literals[0]] if expression.is_plain else None
            texts = decoded_texts(literal, self.dialect) if literal else None
            if literal is None or texts is None or self.depth > MAX_DEPTH:
                yield self._as_finding(tokens, Violation(UNREADABLE))
                continue
            for text in texts:
                yield from self._check_text(text, literal, tokens)

    def _check_text(self, text: str, literal: Token, tokens: Tokens) -> Iterator[Finding]:
        """Yield the violations of the statements in a text that is executed."""
        self.depth += 1
        try:
            inner = [token._replace(line=token.line + literal.line - 1) for token in significant_tokens(text, self.dialect)]
            for part in self._split(inner):
                yield from self._check_part(part)
        except ScriptRefused:
            yield self._as_finding(tokens, Violation(UNREADABLE))
        self.depth -= 1

    def _check_body(self, routine: Routine, *, stored: bool) -> Iterator[Finding]:
        """Yield the violations of a routine body. stored: it does not run now, so unreadable code is only a violation when it is called."""
        was_own_database = self.scope.in_own_database
        findings = list(self._check_body_parts(routine))
        yield from (finding for finding in findings if not (stored and finding.reason == UNREADABLE))
        self.scope.in_own_database = was_own_database and (stored or self.scope.in_own_database)

    def _check_body_parts(self, routine: Routine) -> Iterator[Finding]:
        if routine.body is None:
            yield self._as_finding(routine.header, Violation(UNREADABLE))
            return
        default_where = "block" if routine.kind != "FUNCTION" or self.dialect == "tsql" else "expression"
        for part in self._split(routine.body):
            yield from self._check_part(Part(part.tokens, default_where if part.where == "plain" else part.where))

    # --- what the script has created ---

    def _remember_created(self, tokens: Tokens) -> None:
        """Remember what the statement creates. A plain CREATE fails if the object exists, so the object is the script's own afterwards."""
        if tokens[0].key != "CREATE":
            return
        routine = routine_of(tokens, self.dialect)
        definition = read_definition(tokens, self.scope)
        name = definition.reader.name()
        if routine:
            self.routines.setdefault(name.last, []).append(routine._replace(name=name))
        elif name.parts and not (definition.if_exists or definition.modifiers & {"REPLACE", "ALTER"}):
            self.scope.created.add((definition.class_, name.last))
        if self.dialect == "snowflake" and definition.class_ == "database" and name.parts:
            self.scope.in_own_database = self.scope.is_own_database(name.last)


_BEFORE_TARGETS = frozenset({"INTO", "TABLE", "FROM", "IF", "EXISTS", "ONLY"})
_CHECKS: dict[str, Callable[[StatementChecker, Tokens], Iterator[Violation]]] = {
    **dict.fromkeys(("CREATE", "ALTER", "DROP"), StatementChecker._check_definition),
    **dict.fromkeys(("GRANT", "REVOKE", "DENY"), StatementChecker._check_grant),
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "LOCK"), StatementChecker._check_change),
    **dict.fromkeys(("ATTACH", "DETACH"), StatementChecker._check_attach),
    "COMMENT": StatementChecker._check_comment,
    "USE": StatementChecker._check_use,
    "SET": StatementChecker._check_set,
    "RENAME": StatementChecker._check_rename,
    "EXPLAIN": StatementChecker._check_explain,
    "CALL": StatementChecker._check_call,
    "EXECUTE": StatementChecker._check_execute,
    "EXEC": StatementChecker._check_exec,
    "OPEN": StatementChecker._check_open,
}


def _is_block(tokens: Tokens, dialect: str) -> bool:
    """Whether the tokens are a BEGIN … END or DECLARE … block, perhaps with a label. BEGIN TRANSACTION is not a block."""
    keys = [token.key or "quoted" for token in tokens[:4]] + [""] * 4
    if keys[1] == ":":
        keys = keys[2:]
    if dialect == "databricks" and keys[0] == "DECLARE":
        return False
    return keys[0] == "DECLARE" or (keys[0] == "BEGIN" and keys[1] not in TRANSACTION and keys[1] not in ("", ";"))


def _split_chain(tokens: Tokens) -> Iterator[list[Token]]:
    """Yield the statements that Snowflake's flow operator joins: SHOW … ->> SELECT …"""
    start = 0
    for index in range(len(tokens)):
        if [token.key for token in tokens[index : index + 3]] == ["-", ">", ">"]:
            yield list(tokens[start:index])
            start = index + 3
    yield list(tokens[start:])


def _is_block_statement(tokens: Tokens, dialect: str) -> bool:
    """Whether this is a condition, a loop or an assignment in a block."""
    keys = [token.key or "quoted" for token in tokens[:4]] + [""] * 4
    if keys[0] == "GET":
        return "DIAGNOSTICS" in keys[1:3]
    return keys[0] in BLOCK_VERBS or keys[1:3] == [":", "="] or keys[1] == "="


def _changes_parser(tokens: Tokens) -> bool:
    """Whether SET changes how the database parses SQL: standard_conforming_strings, `spark.sql.parser.escapedStringLiterals`"""
    return any(PARSER_SETTINGS & set(re.findall(r"\w+", token.text.upper())) for token in tokens if token.kind in ("word", "name"))


def _statement_after_with(tokens: Tokens, dialect: str) -> Tokens:
    """Return the statement after WITH a AS (…), b AS (…), or [] for another form: WITH p AS PROCEDURE () …"""
    reader = TokenReader(tokens[1:], dialect)
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
