# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the role's module: from the role's variables and the results so far to the next steps.

The decisions are in C(_platform). This file connects them with the tenant, the disk and the lock.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .._core.secrets import find_secrets
from .._platform import audit
from .._platform import flow as flows
from .._platform.desired import desired_state_of
from .._platform.flow import Answer, Flow
from .._platform.messages import Failure, failure_message, next_steps_case, summary_lines, with_variable_names
from .._platform.options import ROTATE, SYNC
from .._platform.steps import generate_step, presence_step, script_step
from .._platform.summary import Summary
from .._sql.masker import secrets_in
from .._sql.splitter import split
from .._sql.tokenizer import DIALECT_OF
from .audit_trail import AUDIT_LOG, AuditLog
from .platform_ask import answer_as_dict, answer_from_dict, answer_from_result, ask_tenant
from .platform_run import PlatformRun
from .rotation_tasks import RotationPlans
from .runtime import Task

Plan = dict[str, Any]
Options = Mapping[str, Any]


def plan_platform(task: Task) -> dict[str, Any]:
    """The module immuta_platform_plan. Return the next plan. Raise ImmutaError, with the previous plan as a fact."""
    task.forbid_writes()
    _register_secrets(task)
    before, started = task.params.get("plan", {}), time.time()
    try:
        plan = _next_plan(task, before.get("state", {})) if before or "failure" not in task.params else _plan_before_start(task)
    except ImmutaError as error:
        kind = _kind(task)
        error.message, error.hint = with_variable_names(error.message, kind), with_variable_names(error.hint or "", kind) or None
        error.facts.update({"plan": before} if before else {"started": started})
        raise
    except Exception as error:
        # every error needs the plan as a fact, or the lock could not be released
        left = {"plan": before} if before else {"started": started}
        raise ImmutaError(f"Unexpected {type(error).__name__}: {error}", exception=traceback.format_exc(), **left) from error
    return {"changed": task.check_mode and _would_run_sql_alone(plan), "plan": plan}


def _would_run_sql_alone(plan: Plan) -> bool:
    """Return whether the only change in check mode is that scripts would run, which no other task of the role reports."""
    result = plan.get("result", {})
    return bool(result.get("changed")) and result["action"] == "unchanged"


def _next_plan(task: Task, state: Options) -> Plan:
    run = PlatformRun.of(task, state)
    entry = task.params["entry"]
    if entry == SYNC:
        return _sync(run)
    plans = RotationPlans(run) if entry == ROTATE else _MainPlans(run)
    if state:
        return plans.continue_run(state)
    run.take_lock()
    try:
        run.folder.pop_reports()  # left by a run that was killed
        return plans.begin()
    except BaseException:
        run.release_lock()
        raise


def _sync(run: PlatformRun) -> Plan:
    """Return the plan of the entry sync. Immuta can read only connections again."""
    if run.desired.kind == "connection":
        return {"sync": True, "say": [f"{run.desired.identity}: Immuta {'would be' if run.task.check_mode else 'has been'} asked to read it again."]}
    left_out = f"{run.name} is registered as an integration and is skipped: Immuta can read only connections again."
    return {"sync": False, "say": [left_out]}


def _register_secrets(task: Task) -> None:
    """Register the secrets of the variables for masking. No plan holds one."""
    params = task.params
    task.register_secrets(*find_secrets({name: params.get(name) for name in ("integration", "connection", "login", "new_secrets")}))
    dialect = DIALECT_OF.get(str((params.get("integration") or {}).get("type")), DIALECT_OF["Snowflake"])
    for text in (*(params.get("sql_before") or ()), *(params.get("sql_after") or ())):
        with suppress(ImmutaError):
            task.register_secrets(*secrets_in(text, dialect))


def _kind(task: Task) -> str:
    return "connection" if task.params.get("connection") else "integration"


def _plan_before_start(task: Task) -> Plan:
    """Return the plan after a failure that happened before the first plan: it reports that nothing was done."""
    failure, desired = task.params["failure"], None
    plan = {"work": False, "run": [], "message": task.mask(failure_message(Failure.of(**failure), None, ""))}
    with suppress(OptionError):
        desired = desired_state_of(task.params)
    result = failure.get("result", {})
    if result.get("option") != AUDIT_LOG:  # if the log itself is the problem, it was reported already
        work = ROTATE if task.params["entry"] == ROTATE else ""
        AuditLog(task).write_entry(desired, plan, {}, started=float(result.get("started") or time.time()), name=task.params.get("name"), work=work)
    return plan


class _MainPlans:
    """The plans of a registration, an update or a removal."""

    def __init__(self, run: PlatformRun) -> None:
        self._run = run
        self._desired = run.desired
        self._folder = run.folder
        self._check_mode = run.task.check_mode

    def begin(self) -> Plan:
        """Return the first plan, which is also the last one if there is nothing to do."""
        previous = self._previous()
        progress = self._folder.progress(previous.scripts if previous else ())
        if "generate" in self._desired.stages:
            answer = self._ask()
            self._run.audit_notes["plan_sha256"] = audit.plan_checksum(answer)
            flow = flows.begin(self._desired, answer, previous, progress, check_mode=self._check_mode)
            flow = flow if flow.resumed else self._prepare_folder(flow, previous)
        else:
            flow = flows.continue_from_summary(self._desired, previous, progress, check_mode=self._check_mode)
            answer = Answer(flow.summary.action, id=flow.summary.id)
            flows.check_approved(flow, self._checksums(flow))
        return self._plan(flow, answer) if flows.has_steps(flow) else self._close(flow, answer)

    def continue_run(self, state: Options) -> Plan:
        """Return the next plan after a step."""
        params, answer = self._run.task.params, answer_from_dict(state["answer"])
        flow = self._flow_from_state(state, answer)
        if "failure" in params:
            return self._after_failure(flow, answer, state)
        if params.get("cleaned"):
            flow = flows.closed(flow, "cleaned up")
            self._save_summary(flow)
            return self._close(flow, answer, message=state["complaint"]["cleaned_up"])
        if params.get("finished"):
            flow = flows.closed(flows.with_progress(flow, self._progress(flow)))
            self._save_summary(flow)
            return self._close(flow, answer)
        if "answers" in params:
            return self._after_registration(flow, answer)
        return self._after_preparation(flow, answer, state)

    # --- state of earlier runs ---

    def _previous(self) -> Summary | None:
        """Return the summary of an earlier run. Without artifacts, only a pending cleanup is kept. Raise ImmutaError if it is of another platform."""
        previous = self._folder.read_summary()
        flows.check_same_platform(self._desired, previous)
        if self._desired.artifacts or flows.is_cleanup_due(previous):
            return previous
        self._folder.remove()
        return None

    def _ask(self) -> Answer:
        update_secrets = "always" if self._desired.repair else self._run.task.params["update_secrets"]
        return ask_tenant(self._run.task, self._desired, self._run.task.params[self._desired.kind], update_secrets=update_secrets)

    def _prepare_folder(self, flow: Flow, previous: Summary | None) -> Flow:
        """Create the folder, remove files of earlier work, and write the operator's own statements. Return the flow."""
        if flow.work.name:
            self._folder.create()
            self._folder.remove_stale(set(flow.summary.scripts))
        for key, script in flow.summary.scripts.items():
            if script.is_own:
                # a semicolon on its own line also ends a statement whose last line is a comment
                text = "\n;\n".join(self._run.task.params[f"sql_{script.script}"]) + "\n"
                self._folder.write(f"{key}.sql", text)
                flow = flows.with_generated_script(flow, key, {"checksum": hashlib.sha256(text.encode("utf-8")).hexdigest()})
        if flow.work.name or flow.summary.state == "open" or previous is None or previous.state != "done":
            self._save_summary(flow)
        return flow

    def _flow_from_state(self, state: Options, answer: Answer) -> Flow:
        """Return the flow from the state of the previous plan."""
        flow = Flow(
            self._desired,
            Summary.of(state["summary"]),
            executed_before={str(key): int(count) for key, count in state["before"].items()},
            check_mode=self._check_mode,
            resumed=bool(state["resumed"]),
            busy=answer.busy,
            twins=answer.twins,
        )
        return flows.with_progress(flow, self._progress(flow), note=False)

    def _progress(self, flow: Flow) -> dict[str, Any]:
        """Return the progress of the scripts. In check mode existing ledgers are ignored if the scripts would be generated again."""
        stale = self._check_mode and "generate" in self._desired.stages and not flow.resumed
        return {} if stale else self._folder.progress(flow.summary.scripts)

    def _save_summary(self, flow: Flow) -> None:
        if flow.keeps_summary and flow.summary.platform:
            self._folder.write_summary(flow.summary)

    def _checksums(self, flow: Flow) -> dict[str, str]:
        return {key: self._folder.checksum(key) for key, script in flow.summary.scripts.items() if script.sha256}

    # --- after a step ---

    def _after_preparation(self, flow: Flow, answer: Answer, state: Options) -> Plan:
        """Return the plan to run scripts and send the request, after scripts were generated and the warehouse was queried."""
        made = {result["dest"]: result for result in self._run.task.params.get("made") or () if result.get("dest")}
        for key in flows.scripts_to_generate(flow):
            flow = flows.with_generated_script(flow, key, made.get(self._folder.script_path(key), {}))
        flows.check_approved(flow, self._checksums(flow))
        if "run" in state:
            return self._plan(flow, answer, run=state["run"], complaint=state.get("complaint"))
        if flows.asks_warehouse(flow):
            flow = flows.with_existing_setup(flow, exists=bool(self._run.task.params.get("found")))
        run = flows.scripts_to_run(flow)
        if flow.scripts_run_last and flows.registers(flow):
            self._check_scripts(flow, run)
        flow = flows.with_removal_begun(flow)
        self._save_summary(flow)
        return self._plan(flow, answer, run=run)

    def _check_scripts(self, flow: Flow, run: Sequence[str]) -> None:
        """Raise ScriptRefused for a script that the gate would refuse, before Immuta removes the integration that the script cleans up."""
        from .._sql.gate import forbidden_statements, refusal_error

        for key in run:
            options, text = script_step(flow, key, self._folder)["options"], self._folder.script_text(key)
            statements = split(text, DIALECT_OF[options["type"]])
            refused = forbidden_statements(statements, options["type"], options["purpose"], options.get("scope"), flow.summary.scripts[key].database or None)
            if refused:
                raise refusal_error(refused, options["type"], options["purpose"], flow.summary.scripts[key].sha256 or "")

    def _after_registration(self, flow: Flow, answer: Answer) -> Plan:
        """Return the plan after the scripts ran and the tenant answered the request."""
        flow = flows.with_progress(flow, self._progress(flow))
        result: Options | None = next((each for each in self._run.task.params["answers"] if each.get("action")), None)
        if result is not None:
            self._run.audit_notes["registration"] = audit.registration_of(result)
            answer = answer_from_result(result, answer)
            flow = flows.with_registration(flow, answer)
        elif flows.is_finished(flow):
            flow = flows.closed(flow)
        self._save_summary(flow)
        after = flows.scripts_to_run(flow) if flow.scripts_run_last and flow.summary.forgotten else []
        return self._plan(flow, answer, run=after, after=True) if after else self._close(flow, answer)

    def _after_failure(self, flow: Flow, answer: Answer, state: Options) -> Plan:
        """Return the plan after a failed step: the rollback, or the last plan with the message for the operator."""
        failure = Failure.of(**self._run.task.params["failure"])
        flow = flows.with_progress(flow, self._progress(flow))
        if failure.request_refused:
            flow = flows.with_removal_refused(flow)
        self._save_summary(flow)
        if "complaint" in state:
            return self._close(flow, answer, message=state["complaint"]["not_cleaned_up"].replace("{why}", failure.cause))
        back = flows.cleanup_scripts(flow)
        if not back or not flows.runs_cleanup_after_failure(flow, request_refused=failure.request_refused):
            return self._close(flow, answer, message=failure_message(failure, flow, next_steps_case(failure, flow)))
        texts = {case: failure_message(failure, flow, case, cleanup="{why}") for case in ("cleaned_up", "not_cleaned_up")}
        return self._plan(flow, answer, run=back, complaint=texts)

    # --- plans ---

    def _plan(self, flow: Flow, answer: Answer, *, run: Sequence[str] | None = None, after: bool = False, complaint: Options | None = None) -> Plan:
        """Return a plan. The role passes it back with the results of its steps.

        run: the scripts to run, if that is decided. after: whether the tenant has answered the request. complaint: the messages for a
        failure with a successful and a failed cleanup.
        """
        plan = self._preparation_steps(flow) if run is None else self._run_steps(flow, run, in_turn=not after and complaint is None)
        state = {
            **self._run.state,
            "summary": flow.summary.as_dict(),
            "before": dict(flow.executed_before),
            "resumed": flow.resumed,
            "answer": answer_as_dict(answer),
        }
        if run is not None:
            state["run"] = list(run)
        if complaint is not None:
            state["complaint"] = self._run.task.mask(complaint)
        return {
            "state": state,
            "work": True,
            **plan,
            "registration": self._request_title(flow, answer),
            "validate": flows.validates(flow),
            "settings": flows.settings_of(flow),
            "hands_on": False,
            "result": {},
            "say": [],
            "message": "",
        }

    def _preparation_steps(self, flow: Flow) -> Plan:
        """Return the steps of the preparation: the scripts to generate, and the query for the warehouse."""
        asks = flows.asks_warehouse(flow)
        return {
            "make": [generate_step(flow, key, self._folder) for key in flows.scripts_to_generate(flow)],
            "asks": asks,
            "ask": presence_step(flow) if asks else {},
            "run": [],
            "integration": False,
            "connection": False,
        }

    def _run_steps(self, flow: Flow, run: Sequence[str], *, in_turn: bool) -> Plan:
        """Return the scripts to run, and the request that follows. in_turn: whether this is the first round. In a removal, scripts come after the request."""
        registers = in_turn and flows.registers(flow)
        steps = [] if in_turn and flow.scripts_run_last else [script_step(flow, key, self._folder) for key in run]
        return {
            "make": [],
            "asks": False,
            "ask": {},
            "run": self._run.create_local_files(steps),
            "integration": registers and self._desired.kind == "integration",
            "connection": registers and self._desired.kind == "connection",
        }

    def _request_title(self, flow: Flow, answer: Answer) -> str:
        """Return the title of the request's task in the output."""
        what = "forget the platform" if self._desired.state == "absent" else "register the platform"
        if flow.busy and flow.summary.action == "unchanged":
            what = f"finish what it is at ({answer.status})"
        seconds = self._run.task.params.get("wait_timeout") or 600
        return f"Have the tenant {what}" + (f", and wait up to {seconds:.0f} s" if self._desired.wait and not self._check_mode else "")

    def _close(self, flow: Flow, answer: Answer, *, message: str = "") -> Plan:
        """Return the last plan. Remove the private folder, unless a cleanup is pending, and release the lock."""
        scripts = [] if message or self._check_mode else self._scripts_to_approve(flow)
        ran = audit.script_entries(flow.summary.scripts, self._folder.pop_reports(), self._desired.approved or ())
        if not self._desired.artifacts and not flows.is_cleanup_due(flow.summary):
            self._folder.remove()
        self._run.release_lock()
        plan = {
            "state": {},
            "work": False,
            "run": [],
            "result": {} if message else flows.result_of(flow),
            "hands_on": bool(scripts),
            "scripts": scripts,
            "say": self._run.task.mask([] if message else summary_lines(flow, answer, seconds=self._run.seconds, scripts=scripts)),
            "message": self._run.task.mask(message),
        }
        self._run.write_audit_entry(plan, work=flow.work.name, id=flow.summary.id, scripts=ran)
        return plan

    def _scripts_to_approve(self, flow: Flow) -> list[dict[str, Any]]:
        """Return the generated scripts that a separate stage will run after their approval."""
        if "run" in self._desired.stages or "generate" not in self._desired.stages:
            return []
        return [
            {"path": self._folder.script_path(key), "review": self._folder.review_path(key), "sha256": script.sha256, "statements": script.statements}
            for key, script in flow.summary.scripts.items()
            if script.sha256
        ]
