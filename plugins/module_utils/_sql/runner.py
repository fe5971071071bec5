# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script run on a warehouse: statement by statement, every one counted, none repeated that already ran.

Everything that can be wrong with the script or the options is found before the first statement is sent.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._core import json_lines
from .._core.change import checked_reference
from .._core.errors import AnswerLost, ImmutaError, OptionError, ScriptRefused, SqlError, StatementFailed
from .._core.names import count
from .._core.secrets import mask
from .classify import classify
from .driver_base import Driver
from .drivers import DRIVERS
from .gate import check_scope, forbidden_statements, is_query, refusal_error
from .gate_rules import READ_VERBS
from .ledger import DONE, Ledger
from .masker import secrets_in
from .splitter import Statement, split
from .tokenizer import DIALECT_OF

# Of a long script the result shows this many statements from each end, and all that failed.
SHOWN = 100
# Verbs whose number of rows means something.
COUNTED = frozenset({*READ_VERBS, "INSERT", "UPDATE", "DELETE", "MERGE"})


class Task(Protocol):
    """What is needed of the task that asks: its options, and a way to warn."""

    params: dict[str, Any]
    check_mode: bool

    def warn(self, text: str) -> None: ...

    def register_secrets(self, *values: str) -> None: ...


@dataclass
class Outcome:
    """One statement and what became of it. status: pending, ok, failed, unknown (no answer came) or skipped."""

    statement: Statement
    verb: str
    object: str | None
    status: str = "pending"
    rows: int | None = None
    query_id: str | None = None
    seconds: float | None = None
    error: dict[str, Any] = field(default_factory=dict)

    def as_result(self) -> dict[str, Any]:
        return {
            "number": self.statement.number,
            "line": self.statement.line,
            "verb": self.verb,
            "object": self.object,
            "status": self.status,
            "rows": self.rows,
            "query_id": self.query_id,
            "seconds": self.seconds,
            **self.error,
        }

    @property
    def problem(self) -> str:
        """Code, message, and where in the script when that is not where the statement begins."""
        line = self.error.get("error_line", self.statement.line)
        place = f"near line {line}" if line != self.statement.line else None
        return ": ".join(filter(None, (self.error["code"], place, self.error["message"])))

    @property
    def name(self) -> str:
        what = " ".join(filter(None, (self.verb, self.object)))
        return f"Statement {self.statement.number} ({what}, line {self.statement.line})"


@dataclass(frozen=True)
class Script:
    """A script as it was read. checksum: SHA-256 of its bytes."""

    checksum: str
    text: str
    dialect: str
    statements: list[Statement]


def run_script(task: Task, make_driver: Callable[..., Driver] | None = None) -> dict[str, Any]:
    """The module immuta_sql_script: options in, result out.

    Raises OptionError or ScriptRefused before anything is sent, ConnectionFailed when there is no login, StatementFailed when a
    statement failed or its answer was lost.
    """
    params = task.params
    script = load(params)
    _check(params, script)
    reference = checked_reference(params.get("change_reference"))
    report = "" if task.check_mode else params.get("report", "")
    if report:
        json_lines.ensure_writable(report, "report")
    secrets = secrets_in(script.text, script.dialect)
    task.register_secrets(*secrets)
    driver = (make_driver or DRIVERS[params["type"]])(
        params["login"],
        connect_timeout=params["connect_timeout"],
        statement_timeout=params["statement_timeout"],
        warn=task.warn,
        secrets=tuple(secrets),
        reference=reference,
    )
    ledger = None
    if "ledger" in params:
        ledger = Ledger(params["ledger"], script.checksum, driver.target, script.statements, write=not task.check_mode)
    run = Run(script, driver, ledger, start_at=params["start_at"], unless=params.get("unless"), go_on=params["on_error"] == "continue")
    run.must_be_gone = params.get("must_be_gone") or {}
    run.scope_checked = "scope" in params and params["purpose"] != "any"
    try:
        run.prepare()
        if task.check_mode:
            run.look(task.warn)
        else:
            run.work(task.warn)
    finally:
        run.close()
        if report:
            _append(task, report, mask(run.as_report(), secrets))
    return run.as_result()


def _append(task: Task, report: str, document: Mapping[str, Any]) -> None:
    """Add a line to the report. That it cannot be written must not hide how the script ended."""
    try:
        json_lines.append(report, document, "report")
    except ImmutaError as error:
        task.warn(error.message)


def load(params: Mapping[str, Any]) -> Script:
    """The script that C(path) or C(script) names, taken apart. Raises ScriptRefused when there is none, or not the expected one."""
    try:
        content = params["script"].encode("utf-8") if "script" in params else _read(params["path"])
        text = content.decode("utf-8")
    except OSError as error:
        raise ScriptRefused(f"The script {params['path']} cannot be read: {error.strerror}.", option="path") from None
    except UnicodeError as error:
        raise ScriptRefused(f"The script is not UTF-8: {error.reason if isinstance(error, UnicodeDecodeError) else 'a character is half'}.") from None
    checksum = hashlib.sha256(content).hexdigest()
    expected = params.get("expected_sha256")
    if expected is not None and expected.strip().lower() != checksum:
        raise ScriptRefused(
            "The script is not the one that was expected: its checksum is another.",
            hint=f"Expected {expected}, found {checksum}. Have it looked at and approved again.",
            checksum=checksum,
        )
    dialect = DIALECT_OF[params["type"]]
    statements = split(text, dialect)
    if not statements:
        raise ScriptRefused("The script is empty: there is no statement in it.", checksum=checksum)
    return Script(checksum, text, dialect, statements)


def _read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _check(params: Mapping[str, Any], script: Script) -> None:
    """Raise OptionError or ScriptRefused for what must not be run."""
    total = len(script.statements)
    # one more than there are: the last one has run, too
    if not 1 <= params["start_at"] <= total + 1:
        raise OptionError(f"start_at is {params['start_at']}, and the script has statements 1 to {total}.", option="start_at")
    if params["on_error"] == "continue" and params["purpose"] != "cleanup":
        raise OptionError("on_error may be continue only when purpose is cleanup.", option="on_error")
    _check_query(params)
    scope = params.get("scope")
    check_scope(scope)
    refused = forbidden_statements(script.statements, params["type"], params["purpose"], scope, params["login"].get("database"))
    if refused:
        raise refusal_error(refused, params["type"], params["purpose"], script.checksum)


def _check_query(params: Mapping[str, Any]) -> None:
    """Raise OptionError for what is asked and does more than look: it is asked in check mode, too."""
    for option, query in (("unless", params.get("unless")), ("must_be_gone.query", (params.get("must_be_gone") or {}).get("query"))):
        if query is not None and not is_query(query, params["type"]):
            raise OptionError(
                f"{option} has to be one query, and nothing in it may change anything.",
                option=option,
                hint=f"It starts with {', '.join(sorted(READ_VERBS)[:-1])} or {sorted(READ_VERBS)[-1]}.",
            )


class Run:
    """One run of a script: prepare(), then look() or work(), then as_result(); close() in any case.

    unless: a query that gives a row when there is nothing to do. It is not asked when a run is taken up again (start_at, or a
    ledger that ends half-way): half of a set-up looks like a whole one from there.
    """

    def __init__(
        self, script: Script, driver: Driver, ledger: Ledger | None = None, *, start_at: int = 1, unless: str | None = None, go_on: bool = False
    ) -> None:
        self.script = script
        self.driver = driver
        self.ledger = ledger
        self.start_at = start_at
        self.unless = split(unless, script.dialect)[0].text if unless else None
        self.go_on = go_on
        self.done_already = False
        #: whether the statements were held to a scope, too
        self.scope_checked = False
        #: what a clean-up has to leave nothing of: C(what) in words, and a C(query) that gives a row as long as it is there
        self.must_be_gone: Mapping[str, str] = {}
        self.outcomes = [Outcome(statement, *classify(statement.text, script.dialect)) for statement in script.statements]

    def prepare(self) -> None:
        """Leave out what ran before. Raises ScriptRefused when it is not known whether a statement ran."""
        known = self.ledger.statuses if self.ledger and self.start_at == 1 else {}
        for outcome in self.outcomes:
            number = outcome.statement.number
            if known.get(number) == "unknown":
                outcome.status = "unknown"
                raise ScriptRefused(
                    f"{outcome.name} was sent in an earlier run, and its answer never came: whether it ran is not known.",
                    hint=f"Look on the database, then set start_at: {number + 1} if it ran, or {number} if it did not.",
                    **outcome_facts(self.outcomes, outcome),
                )
            if number < self.start_at or known.get(number) in DONE:
                outcome.status = "skipped"

    def look(self, warn: Callable[[str], None]) -> None:
        """Check mode: ask C(unless), nothing else. Without an answer the script counts as not yet run."""
        if self._asks:
            try:
                self.driver.connect()
                self._ask()
            except ImmutaError as error:
                warn(f"Whether there is anything to do could not be asked, so it counts as changed: {error.message}")

    def work(self, warn: Callable[[str], None]) -> None:
        """Run what is pending. Raises StatementFailed at the first failure, or goes on to the end and warns."""
        if not (self._asks or self._pending):
            if self.start_at > 1:
                self._begin_ledger()
            return
        self.driver.connect()
        if self._asks and self._ask():
            return
        self._begin_ledger()
        for outcome in self._pending:
            self._send(outcome)
        failed = [outcome for outcome in self.outcomes if outcome.status == "failed"]
        if failed:
            listed = "; ".join(f"{outcome.name}: {outcome.problem}" for outcome in failed[:10])
            warn(f"{len(failed)} of {count(len(self.outcomes), 'statement')} failed: {listed}")
        self._look_what_is_left()

    def _look_what_is_left(self) -> None:
        """Raise ImmutaError when a clean-up has left what it should have removed."""
        if self.must_be_gone and self.driver.query(self.must_be_gone["query"]) is not None:
            raise ImmutaError(
                f"The clean-up script has run, and {self.must_be_gone['what']} is still there.",
                hint="Remove what is left by hand, then run this again.",
                changed=True,
                **tally(self.outcomes),
            )

    def close(self) -> None:
        self.driver.close()
        if self.ledger:
            self.ledger.close()

    def as_result(self) -> dict[str, Any]:
        counts = tally(self.outcomes)
        earlier = f", {counts['statements_skipped']} had run before" if counts["statements_skipped"] else ""
        return {
            "changed": bool(counts["executed"] or self._pending),
            "msg": f"{counts['executed']} of {count(counts['total'], 'statement')} ran{earlier}.",
            "done_already": self.done_already,
            "scope_checked": self.scope_checked,
            "checksum": self.script.checksum,
            **counts,
        }

    def as_report(self) -> dict[str, Any]:
        """What became of each statement, for a trail: that of a run which failed, too."""
        counts = tally(self.outcomes)
        shown = ("number", "verb", "object", "status", "query_id")
        statements = [{name: each[name] for name in shown} for each in counts["statements"]]
        counted = {"executed": counts["executed"], "skipped": counts["statements_skipped"], "total": counts["total"]}
        return {"sha256": self.script.checksum, **counted, "statements": statements}

    @property
    def _pending(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "pending"]

    @property
    def _asks(self) -> bool:
        half_way = self.ledger is not None and self.ledger.is_started and not self.ledger.is_complete
        return self.unless is not None and self.start_at == 1 and not half_way

    def _ask(self) -> bool:
        """Ask C(unless). Its answer beats the ledger's: what is gone from the database is to be made again."""
        try:
            self.done_already = self.driver.query(self.unless or "") is not None
        except (SqlError, AnswerLost) as error:
            raise SqlError(f"The query in unless failed: {error.message}", **error.facts) from None
        for outcome in self.outcomes:
            outcome.status = "skipped" if self.done_already else "pending"
        return self.done_already

    def _begin_ledger(self) -> None:
        if self.ledger is None:
            return
        # Complete and yet here: `unless` said that what it speaks of is gone.
        self.ledger.begin(anew=self.ledger.is_complete and self.start_at == 1)
        for outcome in self.outcomes:
            number = outcome.statement.number
            if outcome.status == "skipped" and self.ledger.statuses.get(number) not in DONE:
                self.ledger.record(number, "skipped")

    def _send(self, outcome: Outcome) -> None:
        """Send one statement, with the truth about it in the ledger at every moment."""
        self._record(outcome, "unknown")
        started = time.monotonic()
        failure: SqlError | AnswerLost | None = None
        try:
            for _turn in range(outcome.statement.repeat):
                executed = self.driver.execute(outcome.statement.text)
                outcome.rows = executed.rows if outcome.verb in COUNTED else None
                outcome.query_id = executed.query_id
        except (SqlError, AnswerLost) as error:
            failure = error
            outcome.error = _error(error, outcome.statement)
            outcome.query_id = error.facts.get("query_id")
        outcome.seconds = round(time.monotonic() - started, 3)
        if not isinstance(failure, AnswerLost):
            self._record(outcome, "failed" if failure else "ok")
        if isinstance(failure, AnswerLost) or (failure and not self.go_on):
            raise self._stopped(outcome)

    def _record(self, outcome: Outcome, status: str) -> None:
        outcome.status = status
        if self.ledger:
            self.ledger.record(outcome.statement.number, status)

    def _stopped(self, outcome: Outcome) -> StatementFailed:
        number = outcome.statement.number
        ran = sum(each.status == "ok" for each in self.outcomes)
        what, how = "failed", f"set start_at: {number}" if number > 1 else "run it again"
        if outcome.status == "unknown":
            what = "was sent and its answer never came, so whether it ran is not known"
            how = f"look on the database and set start_at: {number + 1} if it ran, or {number} if it did not"
        elif self.ledger:
            how = f"the ledger takes it up at statement {number}"
        message = f"{outcome.name} {what}: {outcome.problem.rstrip('.')}."
        hint = f"{ran} of {count(len(self.outcomes), 'statement')} ran. To run the rest, with the cause out of the way: {how}."
        return StatementFailed(message, hint=hint, changed=ran > 0, checksum=self.script.checksum, **outcome_facts(self.outcomes, outcome))


def outcome_facts(outcomes: list[Outcome], failed: Outcome) -> dict[str, Any]:
    """The machine-readable side of a failure."""
    return {"failed_statement": {"code": None, "message": None, **failed.as_result()}, **tally(outcomes)}


def tally(outcomes: list[Outcome]) -> dict[str, Any]:
    """The statements and how many of them ran: the first and the last SHOWN, and all that failed."""
    last = len(outcomes) - SHOWN
    shown = [outcome for place, outcome in enumerate(outcomes) if place < SHOWN or place >= last or outcome.status in ("failed", "unknown")]

    def count(status: str) -> int:
        return sum(outcome.status == status for outcome in outcomes)

    return {
        "statements": [outcome.as_result() for outcome in shown],
        "statements_omitted": len(outcomes) - len(shown),
        "statements_skipped": count("skipped"),
        "statements_failed": count("failed"),
        "executed": count("ok"),
        "total": len(outcomes),
    }


def _error(error: SqlError | AnswerLost, statement: Statement) -> dict[str, Any]:
    """Code, message and, where the database says it, the line of the script that it points at."""
    facts = {"code": error.facts.get("code"), "sqlstate": error.facts.get("sqlstate"), "message": error.message}
    if error.facts.get("line"):
        facts["error_line"] = statement.line + error.facts["line"] - 1
    return facts
