# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the messages of the role: after a failure, what failed and what to do next; at the end, the summary of the run. Without I/O.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.names import count
from . import flow as flows
from .flow import Answer, Flow
from .rotation import Rotation
from .summary import MAIN
from .variables import PREFIX
from .works import FORGET, SETUP

_RUN_AGAIN = "Remove the cause and run this again"
_RESUME = f"{_RUN_AGAIN} with the same {PREFIX}artifacts: the ledgers in {{folder}} record where it stopped, and it resumes there.{{unknown_statement}}"
#: what to do about a statement whose answer never arrived, in this run or an earlier one
_UNKNOWN_STATEMENT = (
    f" It is unknown whether statement {{number}} ran. Check the warehouse, and set {PREFIX}start_at to {{after}} if it ran, or to {{number}} if it did not."
)
#: case -> what to do next
NEXT_STEPS = {
    "nothing_ran": f"Nothing has been changed on the warehouse. {_RUN_AGAIN}.",
    "cleaned_up": f"Immuta's cleanup script has removed what this setup had created. {_RUN_AGAIN}.",
    "not_cleaned_up": "The cleanup also failed: {cleanup} Check what is left on the warehouse.",
    "forgotten": (
        "Immuta has removed the connection, but what its script cleans up is still on the warehouse. The script is in {folder}."
        f" {_RUN_AGAIN}, and it resumes where it stopped.{{unknown_statement}}"
    ),
    "kept": _RESUME,
    "kept_setup": (
        f"{_RESUME} The scripts stay unchanged. To use another password, or to give up the setup, run this with {PREFIX}state set to absent."
        " Immuta's cleanup script then removes what has been created."
    ),
    "broke": f"The executed statements stay in effect. {_RUN_AGAIN}, or run the rest manually. With {PREFIX}artifacts,"
    " a later run resumes at the statement that failed.",
    "broke_setup": (
        f"The executed statements stay in effect. {_RUN_AGAIN} with {PREFIX}leftovers set to cleanup. Immuta's cleanup script then runs first, and after it the"
        f" whole setup. Next time, {PREFIX}on_failure set to cleanup cleans up a failed setup immediately, and with {PREFIX}artifacts a later run"
        " resumes at the statement that failed."
    ),
    "complete_setup": (
        f"The scripts have run, and what they created still exists. {_RUN_AGAIN} with {PREFIX}leftovers set to adopt, which registers the existing"
        " setup, or to cleanup, which starts over."
    ),
}

#: modules whose messages are complete
_COMPLETE_MESSAGES = ("fail", "assert", "immuta_platform_plan")


@dataclass(frozen=True)
class Failure:
    """A step of the role that failed."""

    title: str
    action: str
    message: str
    statement: Mapping[str, Any] = field(default_factory=dict)
    executed: int = 0
    skipped: int = 0
    total: int = 0
    status: int = 0
    method: str = ""
    option: str = ""
    dry_run: bool = False
    #: the module had sent a change to the tenant before it failed
    changed: bool = False

    @staticmethod
    def of(task: str, action: str, result: Mapping[str, Any]) -> Failure:
        """Return the failure of a task with this name, action and result. For a loop, combine the messages of the items that failed."""
        failed = [each for each in result.get("results") or [result] if each.get("failed")] or [result]
        first = failed[0]
        messages = dict.fromkeys(str(each.get("msg") or "the module gave no reason").strip() for each in failed)
        return Failure(
            title=task.rpartition(" : ")[2].split(" | ")[0],
            action=action.rpartition(".")[2],
            message=" ".join(messages),
            statement=first.get("failed_statement") or {},
            executed=_number(first.get("executed")),
            skipped=_number(first.get("statements_skipped")),
            total=_number(first.get("total")),
            status=_number(first.get("status")),
            method=str(first.get("method") or ""),
            option=str(first.get("option") or ""),
            dry_run=bool(first.get("dry_run")),
            changed=bool(first.get("changed")),
        )

    @property
    def is_request(self) -> bool:
        """Whether the failed step was the request to register or remove the platform."""
        return self.action in ("immuta_integration", "immuta_connection")

    @property
    def request_refused(self) -> bool | None:
        """Whether the tenant certainly did not carry out the request. None if the failed step was not a request."""
        if not self.is_request:
            return None
        return self.dry_run or bool(self.option) or (400 <= self.status < 500 and not self.changed)

    @property
    def cause(self) -> str:
        """What failed, as a sentence."""
        statement = self.statement
        if not statement:
            return self.message
        what = " ".join(filter(None, (statement.get("verb"), statement.get("object"))))
        how = "was sent, but its answer never arrived" if statement.get("status") == "unknown" else "failed"
        why = re.sub(r"[.]$", "", ": ".join(filter(None, (statement.get("code"), statement.get("message")))))
        return f"Statement {statement.get('number')} ({what}) on line {statement.get('line')} {how}{': ' if why else ''}{why}."

    @property
    def unknown_statement_hint(self) -> str:
        """What the operator must find out about a statement without an answer, as a sentence. Empty if there is none."""
        number = _number(self.statement.get("number"))
        return _UNKNOWN_STATEMENT.format(number=number, after=number + 1) if self.statement.get("status") == "unknown" else ""


def failure_message(failure: Failure, flow: Flow | None, case: str, **words: str) -> str:
    """Return what failed, what has been executed, and what to do next. C(words) fills the placeholders of NEXT_STEPS[case].

    A message of _COMPLETE_MESSAGES, or without a flow, is returned as it is, with the role's variable names.
    """
    kind = flow.desired.kind if flow else ""
    if failure.action in _COMPLETE_MESSAGES or flow is None:
        return with_variable_names(failure.message, kind)
    done = ", ".join(_executed(failure, flow)) or "nothing"
    next_steps = NEXT_STEPS[case].format(folder=flow.desired.folder, unknown_statement=failure.unknown_statement_hint, **words)
    return f"{failure.title}: {with_variable_names(failure.cause, kind)}\nExecuted: {done}.\nNext: {next_steps}"


def next_steps_case(failure: Failure, flow: Flow) -> str:
    """Return the key of NEXT_STEPS that applies if no cleanup follows."""
    if flow.summary.forgotten and flow.scripts_run_last:
        return "forgotten"
    if not failure.executed and not flow.has_executed_statements:
        return "nothing_ran"
    setup = flow.work is SETUP
    if flow.desired.artifacts:
        return "kept_setup" if setup else "kept"
    if not setup:
        return "broke"
    return "complete_setup" if failure.is_request else "broke_setup"


def _executed(failure: Failure, flow: Flow) -> list[str]:
    texts = [
        f"{script.script} ({flow.progress[key].executed} of {count(len(flow.progress[key].verbs), 'statement')})"
        for key, script in flow.summary.part(MAIN).items()
        if key in flow.progress and flow.progress[key].executed and script.ran
    ]
    if failure.total:
        earlier = f", and {failure.skipped} in an earlier run" if failure.skipped else ""
        texts.append(f"{failure.executed} of {count(failure.total, 'statement')} of what failed{earlier}")
    return texts


def rotation_failure_message(failure: Failure, kind: str, words: str) -> str:
    """Return what failed in a rotation. C(words) says which secret is valid where, and what to do next."""
    if failure.action in _COMPLETE_MESSAGES:
        return with_variable_names(failure.message, kind)
    return f"{failure.title}: {with_variable_names(failure.cause, kind)} {words}"


# --- the summary -----------------------------------------------------------------------------------------------

_DONE = {"created": "registered", "updated": "updated", "deleted": "removed", "unchanged": "as it should be"}
_WOULD = {"created": "would be registered", "updated": "would be updated", "deleted": "would be removed", "unchanged": "as it should be"}


def summary_lines(flow: Flow, answer: Answer, *, seconds: float, scripts: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Return the summary as lines: action, ID, health, duration, changes, scripts, remaining objects, next step. In check mode, it is a prediction.

    C(scripts) are those that this run generated for a later one, each with path, sha256 and statements.
    """
    details = [f"id {flow.summary.id}" if flow.summary.id else "", _health(answer), f"{seconds:.0f} s"]
    lines = [f"{flow.desired.identity}: {_what(flow, answer)} ({', '.join(filter(None, details))})."]
    lines += [*_changes(flow, answer), *_scripts(flow)]
    lines += [f"Script {each['path']}: {count(each['statements'], 'statement')}, sha256 {each['sha256']}." for each in scripts]
    lines += [*_remaining_objects(flow), *_unchecked_warehouse(flow)]
    following = next_step(flow)
    return [*lines, f"Next: {following}"] if following else lines


def _what(flow: Flow, answer: Answer) -> str:
    """Return the action in a few words."""
    action = flow.summary.action or answer.action
    what = (_WOULD if flow.check_mode else _DONE).get(action, action)
    apart = not flow.check_mode and "register" not in flow.desired.stages
    return f"planned to be {what}, in the stage register" if apart and action != "unchanged" else what


def _changes(flow: Flow, answer: Answer) -> list[str]:
    """Return the line about the fields that differ. For a new platform, only their number. Secrets are sent without comparison."""
    compared = [name for name in answer.changes if name not in answer.sent]
    what = {"created": f"Settings: {count(len(compared), 'option')}", "updated": f"Changes: {_shortened(compared)}" if compared else "Changes: no setting"}
    sent = f"; sent: {_shortened(answer.sent)}" if answer.sent else ""
    return [f"{what[flow.summary.action]}{sent}."] if answer.changes and flow.summary.action in what else []


def _remaining_objects(flow: Flow) -> list[str]:
    """Return the line about what stays on the warehouse after Immuta has removed the platform."""
    left, forced = flows.left_behind(flow), flow.work is FORGET
    if not left and not forced:
        return []
    where = f" The script that removes it is in {flow.desired.folder}." if forced and flow.desired.artifacts and left else ""
    return [f"Immuta has removed the platform. What stays on the warehouse: {', '.join(left) or 'unknown, because the tenant provided no script'}.{where}"]


def _unchecked_warehouse(flow: Flow) -> list[str]:
    """Return the line about what may still be on the warehouse if neither Immuta nor the disk knows about it, and how to remove it."""
    desired, presence = flow.desired, flow.desired.place.presence
    if flow.work.name or presence is None or (desired.state, flow.summary.action) != ("absent", "unchanged") or not desired.uses_scripts:
        return []
    return [
        f"The role did not ask the warehouse. If an earlier run was interrupted and its files are lost, {presence.what} may still be on {desired.place.host}."
        f" In that case, register it with {PREFIX}leftovers set to adopt (or to cleanup if the setup is incomplete), and deregister it."
    ]


def _health(answer: Answer) -> str:
    if answer.busy:
        return f"still {answer.status}"
    return {True: "healthy", False: f"NOT healthy: {answer.status}"}.get(answer.healthy, "") if answer.healthy is not None else ""


def _scripts(flow: Flow) -> list[str]:
    if flow.summary.skipped:
        presence = flow.desired.place.presence
        why = {"adopted": "the existing setup is adopted", "gone": f"{presence.what if presence else 'the setup'} no longer exists"}
        rest = ", ".join(flows.may_be_left(flow))
        manual_steps = f" If an earlier removal was interrupted, do the rest manually on {flow.desired.place.host}: {rest}." if rest else ""
        return [f"Scripts: none run, {why.get(flow.summary.skipped, flow.summary.skipped)}.{manual_steps}"]
    ran = [
        f"{script.script} ({flow.executed_now(key)} of {count(len(flow.progress[key].verbs), 'statement')})"
        for key, script in flow.summary.part(MAIN).items()
        if key in flow.progress and flow.executed_now(key)
    ]
    if ran:
        return [f"Scripts run: {', '.join(ran)}."]
    due = [script.script for script in flow.summary.part(MAIN).values() if not script.ran]
    would = flow.check_mode and "run" in flow.desired.stages and flow.work is not FORGET
    return [f"Scripts to run: {', '.join(due)}."] if due and would else []


def next_step(flow: Flow) -> str:
    """Return what the operator does next, without "Next:". Empty if nothing is left to do."""
    if flow.check_mode:
        return "" if flow.summary.action == "unchanged" and not flow.work.name else "run this without check mode."
    if flow.summary.state != "open":
        return "wait, and run this again." if flow.busy else ""
    if flow.summary.pending and "run" not in flow.desired.stages:
        pending = ", ".join(flow.summary.pending)
        return f"the tenant generates {pending} only after the earlier scripts have run. Run the stage run, then generate again."
    stages = _open_stages(flow)
    return f"run the stage {' and then '.join(stages)}.{_approval(flow, stages)}" if stages else ""


def _approval(flow: Flow, stages: Sequence[str]) -> str:
    if "run" not in stages or "generate" not in flow.desired.stages:
        return ""
    return f" Have the review copies in {flow.desired.folder} read, and give the checksums of their scripts as {PREFIX}approved_sha256."


def _open_stages(flow: Flow) -> list[str]:
    order = ["register", "run"] if flow.scripts_run_last else ["run", "register"]
    needed = {"run": any(not script.ran for script in flow.summary.part(MAIN).values()) and flow.work is not FORGET, "register": not flow.summary.forgotten}
    return [stage for stage in order if stage not in flow.desired.stages and needed[stage]]


def rotation_summary_lines(rotation: Rotation, identity: str, where: str, *, check_mode: bool, kind: str) -> list[str]:
    """Return what a rotation did, or would do in check mode, and what the operator does next, as lines."""
    first = "Nothing has been changed. The run without check mode" if check_mode else "Done. This run"
    if rotation.method:
        first += f" sets the new secret of {rotation.account} on {where}, signs in with it and updates it in Immuta."
    else:
        first += " changes nothing on the warehouse and updates the secret in Immuta."
    lines = [f"{identity}: {first}", "Next: replace the current secret in your variables by the new one, for the next run of register."]
    return [*lines, "The new secret is in the connection. The connection's integration cannot be edited."] if kind == "connection" else lines


def _shortened(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


# --- variable names -------------------------------------------------------------------------------------------------------

_TENANT_OPTIONS = "url|api_key|bearer_token|auth_method|validate_certs|ca_path|client_cert|client_key|use_proxy|retry_max_delay"
_OWN_OPTIONS = "update_secrets|server_validation|force_disable|wait_timeout|wait_interval|start_at|audit_log|change_reference"


def with_variable_names(message: str, kind: str = "") -> str:
    """Return the message with the role's variables instead of a module's options, such as C(immuta_url) for C(url).

    C(kind) is integration or connection, for the options of the platform itself.
    """
    text = re.sub(rf"(?<![\w./-])({_TENANT_OPTIONS})(?![\w./-])(?! ?=)", r"immuta_\1", message)
    text = re.sub(rf"(?<![\w./-])({_OWN_OPTIONS})(?![\w./-])", rf"{PREFIX}\1", text)
    text = text.replace("set purpose to any", f"set {PREFIX}any_statement to true")
    text = re.sub(r"(?<![\w./-])(login\.[a-z_]+)", rf"{PREFIX}\1", text)
    if kind:
        text = re.sub(r"(?<![\w./-])((?:config|connection|settings|native_integration)\.[a-z_]+(?:\.[a-z_]+)*)", rf"{PREFIX}{kind}.\1", text)
    return text


def _number(value: Any) -> int:
    text = str(value if value is not None else 0)
    return int(text) if text.isdigit() else 0
