# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module of the role does with its task: the role's variables and what happened so far in, the steps that are due out.

The decisions are in C(_platform). Here they meet the tenant, the disk and the lock.

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
from .audit_trail import AUDIT_LOG, Trail
from .platform_ask import answered, as_dict, ask_tenant, from_dict
from .platform_run import PlatformRun
from .rotation_tasks import RotationPlans
from .runtime import Task

Plan = dict[str, Any]
Options = Mapping[str, Any]


def plan_platform(task: Task) -> dict[str, Any]:
    """The module immuta_platform_plan: the next plan. Raises ImmutaError for what is refused, with the plan that it leaves as a fact."""
    task.look_only()
    _learn(task)
    before, started = task.params.get("plan", {}), time.time()
    try:
        plan = _next_plan(task, before.get("state", {})) if before or "failure" not in task.params else _unplanned(task)
    except ImmutaError as error:
        kind = _kind(task)
        error.message, error.hint = with_variable_names(error.message, kind), with_variable_names(error.hint or "", kind) or None
        error.facts.update({"plan": before} if before else {"started": started})
        raise
    except Exception as error:
        # whatever it was: without the plan the lock could not be given back
        left = {"plan": before} if before else {"started": started}
        raise ImmutaError(f"Unexpected {type(error).__name__}: {error}", exception=traceback.format_exc(), **left) from error
    return {"changed": task.check_mode and _would_run_sql_alone(plan), "plan": plan}


def _would_run_sql_alone(plan: Plan) -> bool:
    """Whether a check run has nothing to report but what the real run does on the warehouse: no other task says so."""
    result = plan.get("result", {})
    return bool(result.get("changed")) and result["action"] == "unchanged"


def _next_plan(task: Task, state: Options) -> Plan:
    run = PlatformRun.of(task, state)
    entry = task.params["entry"]
    if entry == SYNC:
        return _sync(run)
    plans = RotationPlans(run) if entry == ROTATE else _MainPlans(run)
    if state:
        return plans.go_on(state)
    run.take_lock()
    try:
        run.folder.pop_reports()  # of a run that was killed
        return plans.begin()
    except BaseException:
        run.release_lock()
        raise


def _sync(run: PlatformRun) -> Plan:
    """Only what is behind a connection can be read again."""
    if run.desired.kind == "connection":
        return {"sync": True, "say": [f"{run.desired.identity}: Immuta {'would be' if run.task.check_mode else 'has been'} asked to read it again."]}
    left_out = f"{run.name} is registered as an integration, and is left out: what Immuta can be asked to read again is behind a connection."
    return {"sync": False, "say": [left_out]}


def _learn(task: Task) -> None:
    """Know the secrets, to keep them out of messages. No plan holds one."""
    params = task.params
    task.register_secrets(*find_secrets({name: params.get(name) for name in ("integration", "connection", "login", "new_secrets")}))
    dialect = DIALECT_OF.get(str((params.get("integration") or {}).get("type")), DIALECT_OF["Snowflake"])
    for text in (*(params.get("sql_before") or ()), *(params.get("sql_after") or ())):
        with suppress(ImmutaError):
            task.register_secrets(*secrets_in(text, dialect))


def _kind(task: Task) -> str:
    return "connection" if task.params.get("connection") else "integration"


def _unplanned(task: Task) -> Plan:
    """The plan after a failure before there was one: nothing has been done, and that is to be said."""
    failure, desired = task.params["failure"], None
    plan = {"work": False, "run": [], "message": task.mask(failure_message(Failure.of(**failure), None, ""))}
    with suppress(OptionError):
        desired = desired_state_of(task.params)
    result = failure.get("result", {})
    if result.get("option") != AUDIT_LOG:  # then there is no log, and nobody needs to be told twice
        work = ROTATE if task.params["entry"] == ROTATE else ""
        Trail(task).leave(desired, plan, {}, started=float(result.get("started") or time.time()), name=task.params.get("name"), work=work)
    return plan


class _MainPlans:
    """The plans of a set-up, an edit or a removal."""

    def __init__(self, run: PlatformRun) -> None:
        self._run = run
        self._desired = run.desired
        self._folder = run.folder
        self._check_mode = run.task.check_mode

    def begin(self) -> Plan:
        """The first plan. It is the last one, too, when nothing is to be done."""
        previous = self._previous()
        progress = self._folder.progress(previous.scripts if previous else ())
        if "generate" in self._desired.stages:
            answer = self._ask()
            self._run.noted["plan_sha256"] = audit.plan_checksum(answer)
            flow = flows.begin(self._desired, answer, previous, progress, check_mode=self._check_mode)
            flow = flow if flow.resumed else self._begin_anew(flow, previous)
        else:
            flow = flows.continue_from_summary(self._desired, previous, progress, check_mode=self._check_mode)
            answer = Answer(flow.summary.action, id=flow.summary.id)
            flows.check_approved(flow, self._checksums(flow))
        return self._plan(flow, answer) if flows.has_steps(flow) else self._close(flow, answer)

    def go_on(self, state: Options) -> Plan:
        """The next plan, when a step has been taken."""
        params, answer = self._run.task.params, from_dict(state["answer"])
        flow = self._restored(state, answer)
        if "failure" in params:
            return self._failed(flow, answer, state)
        if params.get("cleaned"):
            flow = flows.closed(flow, "cleaned up")
            self._keep(flow)
            return self._close(flow, answer, message=state["complaint"]["cleaned_up"])
        if params.get("finished"):
            flow = flows.closed(flows.with_progress(flow, self._progress(flow)))
            self._keep(flow)
            return self._close(flow, answer)
        if "answers" in params:
            return self._answered(flow, answer)
        return self._settled(flow, answer, state)

    # --- what an earlier run left ---

    def _previous(self) -> Summary | None:
        """The summary of an earlier run. Without artifacts only a clean-up that is due survives. Raises ImmutaError for another platform's."""
        previous = self._folder.read_summary()
        flows.check_same_platform(self._desired, previous)
        if self._desired.artifacts or flows.is_cleanup_due(previous):
            return previous
        self._folder.remove()
        return None

    def _ask(self) -> Answer:
        update_secrets = "always" if self._desired.repair else self._run.task.params["update_secrets"]
        return ask_tenant(self._run.task, self._desired, self._run.task.params[self._desired.kind], update_secrets=update_secrets)

    def _begin_anew(self, flow: Flow, previous: Summary | None) -> Flow:
        """Make the folder, remove what is of an earlier work, and write the operator's own statements."""
        if flow.work.name:
            self._folder.create()
            self._folder.remove_stale(set(flow.summary.scripts))
        for key, script in flow.summary.scripts.items():
            if script.is_own:
                # a semicolon of its own line ends a statement that ends in a comment, too
                text = "\n;\n".join(self._run.task.params[f"sql_{script.script}"]) + "\n"
                self._folder.write(f"{key}.sql", text)
                flow = flows.with_generated_script(flow, key, {"checksum": hashlib.sha256(text.encode("utf-8")).hexdigest()})
        if flow.work.name or flow.summary.state == "open" or previous is None or previous.state != "done":
            self._keep(flow)
        return flow

    def _restored(self, state: Options, answer: Answer) -> Flow:
        """The flow that an earlier plan of this run handed back."""
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
        """How far the scripts got. In check mode the ledgers that lie there are of scripts that would be made anew."""
        stale = self._check_mode and "generate" in self._desired.stages and not flow.resumed
        return {} if stale else self._folder.progress(flow.summary.scripts)

    def _keep(self, flow: Flow) -> None:
        if flow.keeps_summary and flow.summary.platform:
            self._folder.write_summary(flow.summary)

    def _checksums(self, flow: Flow) -> dict[str, str]:
        return {key: self._folder.checksum(key) for key, script in flow.summary.scripts.items() if script.sha256}

    # --- what happened ---

    def _settled(self, flow: Flow, answer: Answer, state: Options) -> Plan:
        """Scripts have been made, and the warehouse has been asked: what is run, and what the tenant does then."""
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
            self._judge(flow, run)
        flow = flows.with_removal_begun(flow)
        self._keep(flow)
        return self._plan(flow, answer, run=run)

    def _judge(self, flow: Flow, run: Sequence[str]) -> None:
        """Raise ScriptRefused for a script that the gate would refuse, before Immuta forgets what it cleans up."""
        from .._sql.gate import forbidden_statements, refusal_error

        for key in run:
            options, text = script_step(flow, key, self._folder)["options"], self._folder.script_text(key)
            statements = split(text, DIALECT_OF[options["type"]])
            refused = forbidden_statements(statements, options["type"], options["purpose"], options.get("scope"), flow.summary.scripts[key].database or None)
            if refused:
                raise refusal_error(refused, options["type"], options["purpose"], flow.summary.scripts[key].sha256 or "")

    def _answered(self, flow: Flow, answer: Answer) -> Plan:
        """Scripts have run, and the tenant has done its part."""
        flow = flows.with_progress(flow, self._progress(flow))
        result: Options | None = next((each for each in self._run.task.params["answers"] if each.get("action")), None)
        if result is not None:
            self._run.noted["registration"] = audit.registration_of(result)
            answer = answered(result, answer)
            flow = flows.with_registration(flow, answer)
        elif flows.is_finished(flow):
            flow = flows.closed(flow)
        self._keep(flow)
        after = flows.scripts_to_run(flow) if flow.scripts_run_last and flow.summary.forgotten else []
        return self._plan(flow, answer, run=after, after=True) if after else self._close(flow, answer)

    def _failed(self, flow: Flow, answer: Answer, state: Options) -> Plan:
        """A step failed: what is taken back, and what the operator reads."""
        failure = Failure.of(**self._run.task.params["failure"])
        flow = flows.with_progress(flow, self._progress(flow))
        if failure.request_refused:
            flow = flows.with_removal_refused(flow)
        self._keep(flow)
        if "complaint" in state:
            return self._close(flow, answer, message=state["complaint"]["not_cleaned_up"].replace("{why}", failure.cause))
        back = flows.cleanup_scripts(flow)
        if not back or not flows.runs_cleanup_after_failure(flow, request_refused=failure.request_refused):
            return self._close(flow, answer, message=failure_message(failure, flow, next_steps_case(failure, flow)))
        texts = {case: failure_message(failure, flow, case, cleanup="{why}") for case in ("cleaned_up", "not_cleaned_up")}
        return self._plan(flow, answer, run=back, complaint=texts)

    # --- plans ---

    def _plan(self, flow: Flow, answer: Answer, *, run: Sequence[str] | None = None, after: bool = False, complaint: Options | None = None) -> Plan:
        """What the role goes by, and hands back with the next thing that happened.

        run: the scripts to run, when that is settled. after: the tenant has done its part. complaint: what to say when a failure has been
        cleaned up, or has not.
        """
        plan = self._to_settle(flow) if run is None else self._to_run(flow, run, in_turn=not after and complaint is None)
        state = {**self._run.state, "summary": flow.summary.as_dict(), "before": dict(flow.executed_before), "resumed": flow.resumed, "answer": as_dict(answer)}
        if run is not None:
            state["run"] = list(run)
        if complaint is not None:
            state["complaint"] = self._run.task.mask(complaint)
        return {
            "state": state,
            "work": True,
            **plan,
            "registration": self._registration(flow, answer),
            "validate": flows.validates(flow),
            "settings": flows.settings_of(flow),
            "hands_on": False,
            "result": {},
            "say": [],
            "message": "",
        }

    def _to_settle(self, flow: Flow) -> Plan:
        """Before it is settled what runs: the scripts to be made, and the question to the warehouse."""
        asks = flows.asks_warehouse(flow)
        return {
            "make": [generate_step(flow, key, self._folder) for key in flows.scripts_to_generate(flow)],
            "asks": asks,
            "ask": presence_step(flow) if asks else {},
            "run": [],
            "integration": False,
            "connection": False,
        }

    def _to_run(self, flow: Flow, run: Sequence[str], *, in_turn: bool) -> Plan:
        """The scripts to run, and the request behind them. in_turn: it is the run's first round. What Immuta forgets first is cleaned up last."""
        registers = in_turn and flows.registers(flow)
        steps = [] if in_turn and flow.scripts_run_last else [script_step(flow, key, self._folder) for key in run]
        return {
            "make": [],
            "asks": False,
            "ask": {},
            "run": self._run.ready(steps),
            "integration": registers and self._desired.kind == "integration",
            "connection": registers and self._desired.kind == "connection",
        }

    def _registration(self, flow: Flow, answer: Answer) -> str:
        """What the request is called on the screen."""
        what = "forget the platform" if self._desired.state == "absent" else "register the platform"
        if flow.busy and flow.summary.action == "unchanged":
            what = f"finish what it is at ({answer.status})"
        seconds = self._run.task.params.get("wait_timeout") or 600
        return f"Have the tenant {what}" + (f", and wait up to {seconds:.0f} s" if self._desired.wait and not self._check_mode else "")

    def _close(self, flow: Flow, answer: Answer, *, message: str = "") -> Plan:
        """The last plan. The private folder goes, unless a clean-up is due, and the lock is given back."""
        scripts = [] if message or self._check_mode else self._to_approve(flow)
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
        self._run.leave_line(plan, work=flow.work.name, id=flow.summary.id, scripts=ran)
        return plan

    def _to_approve(self, flow: Flow) -> list[dict[str, Any]]:
        """The scripts that were made and are to be run by a stage of its own."""
        if "run" in self._desired.stages or "generate" not in self._desired.stages:
            return []
        return [
            {"path": self._folder.script_path(key), "review": self._folder.review_path(key), "sha256": script.sha256, "statements": script.statements}
            for key, script in flow.summary.scripts.items()
            if script.sha256
        ]
