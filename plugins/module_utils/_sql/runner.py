# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: runs a script on a warehouse, one statement at a time, and never repeats a statement that has run.

It checks the script and the options before it sends the first statement.

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
from .ledger import DONE_STATUSES, Ledger
from .masker import secrets_in
from .splitter import Statement, split
from .tokenizer import DIALECT_OF

# The result shows this many statements from each end of a long script, and all that failed.
SHOWN_FROM_EACH_END = 100
# Verbs whose row count is meaningful
VERBS_WITH_ROWS = frozenset({*READ_VERBS, "INSERT", "UPDATE", "DELETE", "MERGE"})


class Task(Protocol):
    """What the runner needs from the Ansible task."""

    params: dict[str, Any]
    check_mode: bool

    def warn(self, text: str) -> None:
        """Show a warning."""

    def register_secrets(self, *values: str) -> None:
        """Mask these values in everything that the task shows."""


@dataclass
class StatementOutcome:
    """A statement and its result. status: pending, ok, failed, unknown (no answer came) or skipped."""

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
        """Return the error's code and message, and its line if that is not the first line of the statement."""
        line = self.error.get("error_line", self.statement.line)
        near = f"near line {line}" if line != self.statement.line else None
        return ": ".join(filter(None, (self.error["code"], near, self.error["message"])))

    @property
    def name(self) -> str:
        what = " ".join(filter(None, (self.verb, self.object)))
        return f"Statement {self.statement.number} ({what}, line {self.statement.line})"


@dataclass(frozen=True)
class Script:
    """A script and its statements. checksum: SHA-256 of its bytes."""

    checksum: str
    text: str
    dialect: str
    statements: list[Statement]


def run_script(task: Task, make_driver: Callable[..., Driver] | None = None) -> dict[str, Any]:
    """Run the module immuta_sql_script with the task's options, and return its result.

    Raise OptionError or ScriptRefused before anything is sent, ConnectionFailed if the login fails, and StatementFailed if a
    statement fails or its answer is lost.
    """
    params = task.params
    script = load_script(params)
    _check_options(params, script)
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
    run = Run(script, driver, ledger, start_at=params["start_at"], unless=params.get("unless"), continue_on_error=params["on_error"] == "continue")
    run.must_be_gone = params.get("must_be_gone") or {}
    run.scope_checked = "scope" in params and params["purpose"] != "any"
    try:
        run.skip_completed()
        if task.check_mode:
            run.check_only(task.warn)
        else:
            run.execute(task.warn)
    finally:
        run.close()
        if report:
            _append_report(task, report, mask(run.as_report(), secrets))
    return run.as_result()


def _append_report(task: Task, report: str, document: Mapping[str, Any]) -> None:
    """Add a line to the report. If that fails, only warn, so that the result of the script is not lost."""
    try:
        json_lines.append(report, document, "report")
    except ImmutaError as error:
        task.warn(error.message)


def load_script(params: Mapping[str, Any]) -> Script:
    """Return the script in the option C(path) or C(script). Raise ScriptRefused if it is unreadable, empty or not the expected one."""
    try:
        content = params["script"].encode("utf-8") if "script" in params else _read_file(params["path"])
        text = content.decode("utf-8")
    except OSError as error:
        raise ScriptRefused(f"The script {params['path']} cannot be read: {error.strerror}.", option="path") from None
    except UnicodeError as error:
        raise ScriptRefused(f"The script is not UTF-8: {error.reason if isinstance(error, UnicodeDecodeError) else 'a character is incomplete'}.") from None
    checksum = hashlib.sha256(content).hexdigest()
    expected = params.get("expected_sha256")
    if expected is not None and expected.strip().lower() != checksum:
        raise ScriptRefused(
            "The script is not the expected one: its checksum is different.",
            hint=f"Expected {expected}, found {checksum}. Have the script reviewed and approved again.",
            checksum=checksum,
        )
    dialect = DIALECT_OF[params["type"]]
    statements = split(text, dialect)
    if not statements:
        raise ScriptRefused("The script is empty: there is no statement in it.", checksum=checksum)
    return Script(checksum, text, dialect, statements)


def _read_file(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _check_options(params: Mapping[str, Any], script: Script) -> None:
    """Raise OptionError or ScriptRefused if the script must not run with these options."""
    total = len(script.statements)
    # total + 1 means that all statements have run
    if not 1 <= params["start_at"] <= total + 1:
        raise OptionError(f"start_at is {params['start_at']}, and the script has statements 1 to {total}.", option="start_at")
    if params["on_error"] == "continue" and params["purpose"] != "cleanup":
        raise OptionError("on_error can be continue only if purpose is cleanup.", option="on_error")
    _check_queries(params)
    scope = params.get("scope")
    check_scope(scope)
    refused = forbidden_statements(script.statements, params["type"], params["purpose"], scope, params["login"].get("database"))
    if refused:
        raise refusal_error(refused, params["type"], params["purpose"], script.checksum)


def _check_queries(params: Mapping[str, Any]) -> None:
    """Raise OptionError if the query in unless or must_be_gone is not one query that changes nothing. It runs in check mode, too."""
    for option, query in (("unless", params.get("unless")), ("must_be_gone.query", (params.get("must_be_gone") or {}).get("query"))):
        if query is not None and not is_query(query, params["type"]):
            raise OptionError(
                f"{option} must be one query, and nothing in it may change anything.",
                option=option,
                hint=f"Start it with {', '.join(sorted(READ_VERBS)[:-1])} or {sorted(READ_VERBS)[-1]}.",
            )


class Run:
    """One run of a script: skip_completed(), then check_only() or execute(), then as_result(). Always call close().

    unless: a query that returns a row if there is nothing to do. A resumed run (start_at, or an incomplete ledger) does not send it,
    because half a setup already makes it return a row.
    """

    def __init__(
        self, script: Script, driver: Driver, ledger: Ledger | None = None, *, start_at: int = 1, unless: str | None = None, continue_on_error: bool = False
    ) -> None:
        self.script = script
        self.driver = driver
        self.ledger = ledger
        self.start_at = start_at
        self.unless = split(unless, script.dialect)[0].text if unless else None
        self.continue_on_error = continue_on_error
        self.done_already = False
        #: whether the gate also checked the scope of the statements
        self.scope_checked = False
        #: what a cleanup must remove: C(what) as text, and a C(query) that returns a row while it still exists
        self.must_be_gone: Mapping[str, str] = {}
        self.outcomes = [StatementOutcome(statement, *classify(statement.text, script.dialect)) for statement in script.statements]

    def skip_completed(self) -> None:
        """Skip the statements that ran before. Raise ScriptRefused if it is unknown whether a statement ran."""
        known = self.ledger.statuses if self.ledger and self.start_at == 1 else {}
        for outcome in self.outcomes:
            number = outcome.statement.number
            if known.get(number) == "unknown":
                outcome.status = "unknown"
                raise ScriptRefused(
                    f"{outcome.name} was sent in an earlier run, and its answer never came. It is not known whether it ran.",
                    hint=f"Check the database, then set start_at: {number + 1} if it ran, or {number} if it did not.",
                    **failure_facts(self.outcomes, outcome),
                )
            if number < self.start_at or known.get(number) in DONE_STATUSES:
                outcome.status = "skipped"

    def check_only(self, warn: Callable[[str], None]) -> None:
        """Send only the query in C(unless), for check mode. Without an answer, the script counts as not yet run."""
        if self._must_ask_unless:
            try:
                self.driver.connect()
                self._ask_unless()
            except ImmutaError as error:
                warn(f"Check mode cannot tell whether the script has to run, so the task counts as changed: {error.message}")

    def execute(self, warn: Callable[[str], None]) -> None:
        """Run the pending statements. Raise StatementFailed at the first failure or, with continue_on_error, warn at the end."""
        if not (self._must_ask_unless or self._pending):
            if self.start_at > 1:
                self._begin_ledger()
            return
        self.driver.connect()
        if self._must_ask_unless and self._ask_unless():
            return
        self._begin_ledger()
        for outcome in self._pending:
            self._send_statement(outcome)
        failed = [outcome for outcome in self.outcomes if outcome.status == "failed"]
        if failed:
            listed = "; ".join(f"{outcome.name}: {outcome.problem}" for outcome in failed[:10])
            warn(f"{len(failed)} of {count(len(self.outcomes), 'statement')} failed: {listed}")
        self._check_nothing_is_left()

    def _check_nothing_is_left(self) -> None:
        """Raise ImmutaError if a cleanup has not removed what it must remove."""
        if self.must_be_gone and self.driver.query(self.must_be_gone["query"]) is not None:
            raise ImmutaError(
                f"The cleanup script has run, and {self.must_be_gone['what']} is still there.",
                hint="Remove what is left manually, then run this again.",
                changed=True,
                **summarize(self.outcomes),
            )

    def close(self) -> None:
        self.driver.close()
        if self.ledger:
            self.ledger.close()

    def as_result(self) -> dict[str, Any]:
        """Return the result of the module."""
        counts = summarize(self.outcomes)
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
        """Return the status of each statement for the report file, also after a run that failed."""
        counts = summarize(self.outcomes)
        fields = ("number", "verb", "object", "status", "query_id")
        statements = [{name: statement[name] for name in fields} for statement in counts["statements"]]
        counted = {"executed": counts["executed"], "skipped": counts["statements_skipped"], "total": counts["total"]}
        return {"sha256": self.script.checksum, **counted, "statements": statements}

    @property
    def _pending(self) -> list[StatementOutcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "pending"]

    @property
    def _must_ask_unless(self) -> bool:
        """Whether to send the query in C(unless). A resumed run does not send it."""
        is_incomplete = self.ledger is not None and self.ledger.is_started and not self.ledger.is_complete
        return self.unless is not None and self.start_at == 1 and not is_incomplete

    def _ask_unless(self) -> bool:
        """Send the query in C(unless). Its answer overrides the ledger, so that objects missing from the database are created again."""
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
        # If the ledger is complete and the script still has to run, `unless` found that the objects are gone.
        self.ledger.begin(anew=self.ledger.is_complete and self.start_at == 1)
        for outcome in self.outcomes:
            number = outcome.statement.number
            if outcome.status == "skipped" and self.ledger.statuses.get(number) not in DONE_STATUSES:
                self.ledger.record(number, "skipped")

    def _send_statement(self, outcome: StatementOutcome) -> None:
        """Send one statement, and record it in the ledger before and after. Raise StatementFailed if the run must stop."""
        self._set_status(outcome, "unknown")
        started = time.monotonic()
        failure: SqlError | AnswerLost | None = None
        try:
            for _repetition in range(outcome.statement.repeat):
                result = self.driver.execute(outcome.statement.text)
                outcome.rows = result.rows if outcome.verb in VERBS_WITH_ROWS else None
                outcome.query_id = result.query_id
        except (SqlError, AnswerLost) as error:
            failure = error
            outcome.error = _error_facts(error, outcome.statement)
            outcome.query_id = error.facts.get("query_id")
        outcome.seconds = round(time.monotonic() - started, 3)
        if not isinstance(failure, AnswerLost):
            self._set_status(outcome, "failed" if failure else "ok")
        if isinstance(failure, AnswerLost) or (failure and not self.continue_on_error):
            raise self._stop_error(outcome)

    def _set_status(self, outcome: StatementOutcome, status: str) -> None:
        outcome.status = status
        if self.ledger:
            self.ledger.record(outcome.statement.number, status)

    def _stop_error(self, outcome: StatementOutcome) -> StatementFailed:
        number = outcome.statement.number
        ran = sum(other.status == "ok" for other in self.outcomes)
        what, how = "failed", f"set start_at: {number}" if number > 1 else "run it again"
        if outcome.status == "unknown":
            what = "was sent and its answer never came, so it is not known whether it ran"
            how = f"check the database and set start_at: {number + 1} if it ran, or {number} if it did not"
        elif self.ledger:
            how = f"run it again, and the ledger resumes at statement {number}"
        message = f"{outcome.name} {what}: {outcome.problem.rstrip('.')}."
        hint = f"{ran} of {count(len(self.outcomes), 'statement')} ran. To run the rest, fix the cause, then {how}."
        return StatementFailed(message, hint=hint, changed=ran > 0, checksum=self.script.checksum, **failure_facts(self.outcomes, outcome))


def failure_facts(outcomes: list[StatementOutcome], failed: StatementOutcome) -> dict[str, Any]:
    """Return the machine-readable facts of a failure."""
    return {"failed_statement": {"code": None, "message": None, **failed.as_result()}, **summarize(outcomes)}


def summarize(outcomes: list[StatementOutcome]) -> dict[str, Any]:
    """Return the statements for the result (the first and last SHOWN_FROM_EACH_END, and all that failed), and their counts."""
    last = len(outcomes) - SHOWN_FROM_EACH_END
    shown = [outcome for index, outcome in enumerate(outcomes) if index < SHOWN_FROM_EACH_END or index >= last or outcome.status in ("failed", "unknown")]

    def count_status(status: str) -> int:
        return sum(outcome.status == status for outcome in outcomes)

    return {
        "statements": [outcome.as_result() for outcome in shown],
        "statements_omitted": len(outcomes) - len(shown),
        "statements_skipped": count_status("skipped"),
        "statements_failed": count_status("failed"),
        "executed": count_status("ok"),
        "total": len(outcomes),
    }


def _error_facts(error: SqlError | AnswerLost, statement: Statement) -> dict[str, Any]:
    """Return the code, the message and, if the database says it, the line of the script that the error is in."""
    facts = {"code": error.facts.get("code"), "sqlstate": error.facts.get("sqlstate"), "message": error.message}
    if error.facts.get("line"):
        facts["error_line"] = statement.line + error.facts["line"] - 1
    return facts
