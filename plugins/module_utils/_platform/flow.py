# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow of one platform: decides the next steps from the tenant's plan, the files of earlier runs and the state of the warehouse.

Without I/O. Every function takes a Flow and returns a new one or a part of the plan, or raises one of refusals.py.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import refusals
from .desired import DesiredState
from .summary import MAIN, RECOVERY, Progress, Script, Summary
from .works import CLEANUP, DELETE, EDIT, FORGET, NOTHING, SETUP, WORKS, Situation, Work, work_for


@dataclass(frozen=True)
class Answer:
    """The planned or completed change in the tenant. C(settings) is the SHA-256 of the settings without secrets.

    C(changes) are the fields that differ, or all fields of a new platform. C(sent) are the secrets among them, which are not compared.
    """

    action: str
    tenant: str = ""
    id: str = ""
    reason: str = ""
    settings: str = ""
    status: str = ""
    #: a change is in progress in the tenant, and the role must wait for it
    busy: bool = False
    healthy: bool | None = None
    changes: tuple[str, ...] = ()
    #: what the scripts may touch according to the tenant: database, accounts
    scope: Mapping[str, Any] = field(default_factory=dict)
    #: integrations with the same type, database and account but another host, as C(7 on host)
    twins: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """The state of the work on one platform."""

    desired: DesiredState
    summary: Summary
    #: key of a script -> its progress
    progress: Mapping[str, Progress] = field(default_factory=dict)
    #: key of a script -> how many of its statements had run before this run
    executed_before: Mapping[str, int] = field(default_factory=dict)
    check_mode: bool = False
    #: this run resumes the scripts of an earlier one
    resumed: bool = False
    #: the tenant was changing the platform when the run was planned
    busy: bool = False
    twins: tuple[str, ...] = ()

    @property
    def work(self) -> Work:
        return WORKS[self.summary.work]

    @property
    def scripts_run_last(self) -> bool:
        """Whether the scripts run after the request. Immuta removes a connection before its script runs, but an integration after it."""
        return self.desired.kind == "connection" and self.work is DELETE

    @property
    def keeps_summary(self) -> bool:
        """Whether a later run may need the summary of this run."""
        return bool(self.desired.artifacts) or self.scripts_run_last

    @property
    def keeps_scripts(self) -> bool:
        """Whether generated scripts remain after the run and therefore count as a change."""
        return bool(self.desired.artifacts)

    @property
    def runs_scripts(self) -> bool:
        """Whether this run runs scripts."""
        summary = self.summary
        return "run" in self.desired.stages and summary.state == "open" and bool(summary.scripts) and self.work is not FORGET

    def executed_now(self, key: str) -> int:
        """How many statements of a script this run has executed."""
        return self.progress.get(key, Progress()).executed - self.executed_before.get(key, 0)

    @property
    def has_executed_statements(self) -> bool:
        """Whether a statement of this work has been executed, in this run or in the one that it resumes."""
        return self.resumed or any(progress.executed for progress in self.progress.values())

    @property
    def has_created_objects(self) -> bool:
        """Whether a statement of this setup created what a cleanup drops."""
        return self.summary.made or setup_created_objects(self.desired, self.summary, self.progress)


# --- the beginning -----------------------------------------------------------------------------------------------


def begin(desired: DesiredState, answer: Answer, previous: Summary | None, progress: Mapping[str, Progress], *, check_mode: bool = False) -> Flow:
    """Return the flow of a new run, or of one that resumes an earlier run. Raises ImmutaError if neither is possible."""
    previous = _with_confirmed_removal(desired, answer, previous)
    due, half = previous is not None and previous.state == "open" and previous.forgotten, _is_setup_incomplete(desired, previous, progress)
    work = work_for(
        Situation(
            answer.action,
            desired.kind,
            answer.reason,
            desired.state,
            desired.uses_scripts,
            desired.force,
            desired.repair,
            cleanup_due=due,
            setup_incomplete=half,
        ),
    )
    if due and desired.state == "present":
        raise refusals.cleanup_pending(desired)
    if previous is not None and _is_resumable(work, previous, progress, answer):
        if previous.settings == answer.settings:
            return Flow(desired, previous, progress, _counts(progress), check_mode, resumed=True, busy=answer.busy, twins=answer.twins)
        if work is SETUP and desired.leftovers == "fail":
            raise refusals.settings_changed(desired)
    state = "open" if work is not NOTHING or answer.action != "unchanged" else "done"
    summary = Summary(
        platform=desired.identity,
        database=desired.place.database,
        tenant=answer.tenant,
        action=answer.action,
        id=answer.id,
        work=work.name,
        settings=answer.settings,
        state=state,
        scope=merged_scope(desired.scope, answer.scope),
        scripts=scripts_of(desired, work),
    )
    return Flow(desired, summary, check_mode=check_mode, busy=answer.busy, twins=answer.twins)


def continue_from_summary(desired: DesiredState, previous: Summary | None, progress: Mapping[str, Progress], *, check_mode: bool = False) -> Flow:
    """Return the flow of a run without the stage generate, from the summary of an earlier run. Raises ImmutaError if there is none."""
    if previous is None and "run" in desired.stages:
        raise refusals.not_generated(desired)
    summary = previous or Summary()
    return Flow(desired, summary, progress, _counts(progress), check_mode, resumed=_has_begun(summary, progress))


def check_same_platform(desired: DesiredState, previous: Summary | None) -> None:
    """Raise ImmutaError if the artifacts belong to another platform."""
    if previous is not None and previous.platform not in ("", desired.identity):
        raise refusals.other_platform(desired, previous)


def merged_scope(desired: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what scripts may touch: the database of the operator or, without one, of the tenant, and the accounts of both.

    Empty if there is no database. The gate then checks only the kind of each statement.
    """
    database = desired.get("database") or shown.get("database")
    accounts = dict.fromkeys([*(desired.get("accounts") or ()), *(shown.get("accounts") or ())])
    return {"database": database, "accounts": list(accounts)} if database else {}


def scripts_of(desired: DesiredState, work: Work) -> dict[str, Script]:
    """Return key -> script: the scripts of a work, followed by the cleanup scripts if the operator wants a cleanup."""
    steps = desired.steps_of(work)
    scripts = [Script(step["script"], MAIN, work.purpose, step["database"]) for step in steps]
    if work is SETUP and steps:
        first, last = steps[0]["database"], steps[-1]["database"]
        own = {"before": Script("before", database=first), "after": Script("after", database=last)}
        scripts = [own[name] for name in desired.own_scripts if name == "before"] + scripts + [own[name] for name in desired.own_scripts if name == "after"]
    found = {f"{number}-{script.script}": script for number, script in enumerate(scripts, 1)}
    if work is SETUP and desired.has_cleanup and "cleanup" in (desired.leftovers, desired.on_failure):
        for number, step in enumerate(desired.steps_of(CLEANUP), 1):
            found[f"recovery-{number}-{step['script']}"] = Script(step["script"], RECOVERY, CLEANUP.purpose, step["database"])
    return found


def setup_created_objects(desired: DesiredState, summary: Summary, progress: Mapping[str, Progress]) -> bool:
    """Whether a statement of the setup created what its cleanup drops."""
    presence = desired.place.presence
    if presence is None or summary.work != SETUP.name:
        return False
    return any(progress.get(key, Progress()).has_executed(presence.made_by) for key in summary.part(MAIN))


def is_cleanup_due(previous: Summary | None) -> bool:
    """Whether a run must finish a cleanup, because Immuta has removed the platform or may have done so."""
    return previous is not None and previous.state == "open" and (previous.forgotten or previous.forgetting)


def _with_confirmed_removal(desired: DesiredState, answer: Answer, previous: Summary | None) -> Summary | None:
    """Return the summary, updated if the tenant's answer shows that the removal of an interrupted run took place."""
    if previous is None or not previous.forgetting:
        return previous
    is_unknown = answer.action == ("unchanged" if desired.state == "absent" else "created")
    return replace(previous, forgotten=previous.forgotten or is_unknown)


def _is_setup_incomplete(desired: DesiredState, previous: Summary | None, progress: Mapping[str, Progress]) -> bool:
    if previous is None or previous.state != "open" or previous.work != SETUP.name or desired.database_is_shared:
        return False
    return previous.made or setup_created_objects(desired, previous, progress)


def _is_resumable(work: Work, previous: Summary, progress: Mapping[str, Progress], answer: Answer) -> bool:
    return work is not NOTHING and (previous.work, previous.tenant) == (work.name, answer.tenant) and _has_begun(previous, progress)


def _has_begun(summary: Summary, progress: Mapping[str, Progress]) -> bool:
    if summary.state != "open":
        return False
    return summary.forgotten or any(progress.get(key, Progress()).executed for key in summary.scripts)


def _counts(progress: Mapping[str, Progress]) -> dict[str, int]:
    return {key: each.executed for key, each in progress.items()}


# --- results -------------------------------------------------------------------------------------------


def with_generated_script(flow: Flow, key: str, result: Mapping[str, Any]) -> Flow:
    """Return the flow after the tenant has generated a script or refused to."""
    summary, script = flow.summary, flow.summary.scripts[key]
    if result.get("checksum"):
        statements = result.get("statements") or ()
        would = tuple(" ".join(filter(None, (each["verb"], each.get("object")))) for each in statements) if flow.work in (FORGET, DELETE) else ()
        summary = summary.with_script(key, sha256=result["checksum"], statements=result.get("statement_count", 0), would=would)
    elif _is_optional(flow, script):
        summary = summary.with_script(key, sha256="", ran=True)
    return replace(flow, summary=summary)


def check_approved(flow: Flow, checksums: Mapping[str, str]) -> None:
    """Raise ImmutaError for a script that is not the generated one, or is not approved.

    C(checksums) maps the key to the SHA-256 of the file, or to an empty text if there is none. A script that this run generated is
    checked only if an approval is given.
    """
    approved, stages = flow.desired.approved, flow.desired.stages
    if "run" not in stages or ("generate" in stages and approved is None):
        return
    due = {key: script.sha256 for key, script in flow.summary.scripts.items() if script.sha256 and not script.ran}
    for key, generated in due.items():
        on_disk = checksums.get(key, "")
        if on_disk != generated and not flow.check_mode:
            raise refusals.script_changed(flow.desired, key, on_disk, generated)
        if approved is not None and generated not in approved:
            raise refusals.not_approved(flow.desired, key, flow.summary)


def with_existing_setup(flow: Flow, exists: bool) -> Flow:
    """Return the flow after the warehouse has said whether a setup C(exists). Raises ImmutaError if C(leftovers) does not allow to continue.

    A setup expects that nothing exists yet. Every other work expects an existing setup.
    """
    setup = flow.work is SETUP
    if exists != setup or not flow.desired.place.database:
        return flow
    if not setup:
        return replace(flow, summary=replace(flow.summary, skipped="gone"))
    if flow.desired.leftovers == "adopt":
        return replace(flow, summary=replace(flow.summary, skipped="adopted"))
    if flow.twins:
        raise refusals.registered_elsewhere(flow.desired, flow.twins)
    if flow.desired.leftovers == "fail":
        raise refusals.setup_exists(flow.desired)
    if not flow.summary.part(RECOVERY):
        raise refusals.no_cleanup(flow.desired)
    return replace(flow, summary=replace(flow.summary, cleanup_first=True))


def with_progress(flow: Flow, progress: Mapping[str, Progress], *, note: bool = True) -> Flow:
    """Return the flow with the new progress. With C(note), the summary also records it."""
    if not note:
        return replace(flow, progress=progress)
    summary = flow.summary
    for key, script in summary.part(MAIN).items():
        got = progress.get(key, Progress())
        if not script.ran and got.is_complete(with_failures=_on_error(flow, script) == "continue"):
            summary = summary.with_script(key, ran=True)
    flow = replace(flow, summary=summary, progress=progress)
    return replace(flow, summary=replace(summary, made=flow.has_created_objects, cleanup_first=False))


def with_removal_begun(flow: Flow) -> Flow:
    """Return the flow right before the request to remove a platform whose script runs afterward."""
    return replace(flow, summary=replace(flow.summary, forgetting=True)) if flow.scripts_run_last and registers(flow) else flow


def with_removal_refused(flow: Flow) -> Flow:
    """Return the flow after the tenant has refused to remove the platform."""
    return replace(flow, summary=replace(flow.summary, forgetting=False))


def with_registration(flow: Flow, answer: Answer | None) -> Flow:
    """Return the flow after the request to register or remove. C(answer) is None if there was no request."""
    if answer is None:
        return flow
    summary = flow.summary
    still_open = flow.scripts_run_last and not summary.skipped
    return replace(
        flow,
        busy=False,
        summary=replace(summary, action=answer.action, id=answer.id or summary.id, state="open" if still_open else "done", forgotten=flow.scripts_run_last),
    )


def closed(flow: Flow, why: str = "") -> Flow:
    """Return the flow when nothing is left to do. C(why) says why its scripts did not finish."""
    return replace(flow, summary=replace(flow.summary, state="done", skipped=why or flow.summary.skipped))


def is_finished(flow: Flow) -> bool:
    """Whether nothing is left for any stage, if the tenant had nothing to do."""
    return "register" in flow.desired.stages and flow.summary.action == "unchanged" and not flow.scripts_run_last and not _unfinished(flow)


# --- the next steps --------------------------------------------------------------------------------------


def scripts_to_generate(flow: Flow) -> list[str]:
    """Return the keys of the scripts that the tenant must generate, in order."""
    if "generate" not in flow.desired.stages or flow.summary.state != "open" or flow.summary.forgotten:
        return []
    return [key for key, script in flow.summary.scripts.items() if script.sha256 is None and not script.is_own]


def may_be_pending(flow: Flow, key: str) -> bool:
    """Whether the tenant may refuse a script for now.

    It may require that the script before has run, or that there is something to clean up. Some scripts it may not provide.
    """
    script = flow.summary.scripts[key]
    earlier = [other for other, each in flow.summary.part(MAIN).items() if other < key and not each.ran]
    # a drift check has no secrets, so it can only announce the scripts that need them
    without_secrets = flow.check_mode and not flow.desired.server_validation
    return script.part == RECOVERY or bool(earlier) or _is_optional(flow, script) or without_secrets


def asks_warehouse(flow: Flow) -> bool:
    """Whether to ask the warehouse for an existing setup. The files of earlier runs can be lost or out of date."""
    summary = flow.summary
    if not flow.runs_scripts or flow.check_mode or flow.work is EDIT or flow.resumed or summary.forgotten or flow.desired.database_is_shared:
        return False
    ran = any(script.ran for script in summary.part(MAIN).values())
    return flow.desired.place.presence is not None and not ran and (not flow.scripts_run_last or "register" in flow.desired.stages)


def scripts_to_run(flow: Flow) -> list[str]:
    """Return the keys of the scripts to run, in order. Raises ImmutaError for a cleanup of a platform that Immuta still has.

    In check mode, only scripts of an earlier run exist.
    """
    desired, summary = flow.desired, flow.summary
    if not flow.runs_scripts or (flow.check_mode and "generate" in desired.stages):
        return []
    if flow.scripts_run_last and not summary.forgotten and "register" not in desired.stages:
        raise refusals.still_registered(desired)
    first = list(summary.part(RECOVERY)) if summary.cleanup_first else []
    return first if summary.skipped else first + _runnable_scripts(flow)


def _runnable_scripts(flow: Flow) -> list[str]:
    """Return the scripts that have not run, up to the first one that does not exist and that this run does not generate."""
    due = _unfinished(flow)
    missing = [key for key in due if flow.summary.scripts[key].sha256 is None]
    return due[: due.index(missing[0])] if missing and "generate" not in flow.desired.stages else due


def registers(flow: Flow) -> bool:
    """Whether to send the request to register or remove, or to wait for the tenant. Raises ImmutaError if it is too early to remove."""
    desired, summary = flow.desired, flow.summary
    if "register" not in desired.stages or summary.forgotten:
        return False
    if "generate" in desired.stages and summary.action == "unchanged":
        return flow.busy and desired.wait and not flow.check_mode
    if flow.scripts_run_last and summary.pending and not flow.check_mode:
        raise refusals.cleanup_not_generated()
    return True


def validates(flow: Flow) -> bool:
    """Whether the tenant validates the request first. In check mode, it could only report that the scripts have not run."""
    return flow.desired.server_validation and not (flow.check_mode and flow.work in (SETUP, EDIT))


def start_at(flow: Flow, key: str) -> int:
    """Return the statement at which the operator wants to resume the first script of a resumed run. Otherwise 0."""
    return flow.desired.start_at if flow.resumed and key == next(iter(_unfinished(flow)), "") else 0


def on_error(flow: Flow, key: str) -> str:
    """Return whether a script stops or continues after a failed statement. A cleanup continues if an object no longer exists."""
    return _on_error(flow, flow.summary.scripts[key])


def is_last_cleanup_script(flow: Flow, key: str) -> bool:
    """Whether this is the last script of a cleanup, after which the setup must no longer exist."""
    script = flow.summary.scripts[key]
    cleans = script.part == RECOVERY or flow.work is CLEANUP
    return cleans and key == list(flow.summary.part(script.part))[-1] and bool(flow.desired.place.database)


def has_steps(flow: Flow) -> bool:
    """Whether there is anything to do at all."""
    return bool(scripts_to_generate(flow) or asks_warehouse(flow) or scripts_to_run(flow) or registers(flow))


def cleanup_scripts(flow: Flow) -> list[str]:
    """Return the keys of the cleanup scripts that exist or that this run can generate."""
    return [key for key, script in flow.summary.part(RECOVERY).items() if script.sha256 or "generate" in flow.desired.stages]


def runs_cleanup_after_failure(flow: Flow, *, request_refused: bool | None) -> bool:
    """Whether the cleanup scripts run after a failure.

    They run only if a statement of this setup created something, and only while no integration in Immuta can use it. C(request_refused) is
    None if something other than the request failed, and True if the tenant certainly refused the request.
    """
    summary = flow.summary
    requested = flow.desired.on_failure == "cleanup" and "run" in flow.desired.stages and not flow.check_mode
    ours = flow.work is SETUP and not summary.skipped and bool(summary.part(RECOVERY)) and flow.has_created_objects
    return requested and ours and request_refused is not False


def _unfinished(flow: Flow) -> list[str]:
    return [key for key, script in flow.summary.part(MAIN).items() if not script.ran]


def _is_optional(flow: Flow, script: Script) -> bool:
    """Whether the run can do without a script: some tenants do not provide it, and a forced removal does not need it."""
    return script.script in flow.desired.place.optional_scripts or flow.work is FORGET


def _on_error(flow: Flow, script: Script) -> str:
    cleans = script.part == RECOVERY or flow.work is CLEANUP
    return "continue" if cleans and not flow.desired.any_statement else "stop"


def settings_of(flow: Flow) -> dict[str, Any]:
    """Return the settings of the connection to send. A new connection is activated, unless its settings contain another value."""
    given = dict(flow.desired.settings)
    return {"is_active": True, **given} if flow.summary.action == "created" and "isActive" not in given else given


def removed_by_script(flow: Flow) -> list[str]:
    """Return what the scripts of a removal do, or would do."""
    return [each for script in flow.summary.scripts.values() for each in script.would]


def may_be_left(flow: Flow) -> list[str]:
    """Return what may still be on the warehouse without the database, because a removal that starts with the database was interrupted."""
    presence = flow.desired.place.presence
    if presence is None or flow.summary.skipped != "gone":
        return []
    begun = presence.made_by.replace("CREATE", "DROP")
    return [each for each in removed_by_script(flow) if not each.startswith(f"{begun} ")]


def left_behind(flow: Flow) -> list[str]:
    """Return what stays on the warehouse: everything after a forced removal, otherwise what the script cannot remove."""
    would = removed_by_script(flow) if flow.work is FORGET else []
    stays = flow.desired.place.stays
    return would + ([stays] if stays and flow.work is DELETE and any(map(flow.executed_now, flow.summary.scripts)) else [])


def result_of(flow: Flow) -> dict[str, Any]:
    """Return the result of the role: action, changed, id, left_behind."""
    executed = any(map(flow.executed_now, flow.summary.scripts))
    would_execute = flow.check_mode and flow.runs_scripts and not flow.summary.skipped and bool(_unfinished(flow))
    return {
        "action": flow.summary.action,
        "changed": flow.summary.action != "unchanged" or executed or would_execute,
        "id": flow.summary.id,
        "left_behind": left_behind(flow),
    }
