# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow of one platform: from what the tenant plans, what earlier runs left and what the warehouse holds to the steps that are due.

Pure: values in, values out. Every function takes a L(Flow) and gives another one, or a part of the plan, or raises the refusal.

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
    """What the tenant plans to do, or did. settings: SHA-256 of the settings, without secrets.

    changes: the fields that differ, or that something new has. sent: the secrets among them, which are not compared.
    """

    action: str
    tenant: str = ""
    id: str = ""
    reason: str = ""
    settings: str = ""
    status: str = ""
    #: something is under way in the tenant: it has to be waited for
    busy: bool = False
    healthy: bool | None = None
    changes: tuple[str, ...] = ()
    #: what the tenant shows that the scripts may touch: database, accounts
    scope: Mapping[str, Any] = field(default_factory=dict)
    #: integrations of the same type, database and account under another host, as C(7 on host)
    twins: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flow:
    """Where the work on one platform stands."""

    desired: DesiredState
    summary: Summary
    #: key of a script -> how far it got
    progress: Mapping[str, Progress] = field(default_factory=dict)
    #: key of a script -> how many of its statements had run before this run
    executed_before: Mapping[str, int] = field(default_factory=dict)
    check_mode: bool = False
    #: this run goes on with scripts that an earlier one began
    resumed: bool = False
    #: the tenant was busy with the platform when it was planned
    busy: bool = False
    twins: tuple[str, ...] = ()

    # --- what there is ---

    @property
    def work(self) -> Work:
        return WORKS[self.summary.work]

    @property
    def scripts_run_last(self) -> bool:
        """Whether the scripts run last: Immuta forgets a connection before its script has cleaned up, and an integration afterwards."""
        return self.desired.kind == "connection" and self.work is DELETE

    @property
    def keeps_summary(self) -> bool:
        """Whether a later run may need to know what this one did."""
        return bool(self.desired.artifacts) or self.scripts_run_last

    @property
    def keeps_scripts(self) -> bool:
        """Whether a script that is made outlives the run, and so is a change."""
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
        """Whether a statement of this set-up made what a clean-up drops."""
        return self.summary.made or setup_created_objects(self.desired, self.summary, self.progress)


# --- the beginning -----------------------------------------------------------------------------------------------


def begin(desired: DesiredState, answer: Answer, previous: Summary | None, progress: Mapping[str, Progress], *, check_mode: bool = False) -> Flow:
    """Begin anew, or go on with what an earlier run began. Raises ImmutaError for what stands against it."""
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
    """Go by what an earlier run planned: a stage of its own, without the stage generate. Raises ImmutaError when there is nothing to go by."""
    if previous is None and "run" in desired.stages:
        raise refusals.not_generated(desired)
    summary = previous or Summary()
    return Flow(desired, summary, progress, _counts(progress), check_mode, resumed=_has_begun(summary, progress))


def check_same_platform(desired: DesiredState, previous: Summary | None) -> None:
    """Raise ImmutaError when the artifacts are those of another platform."""
    if previous is not None and previous.platform not in ("", desired.identity):
        raise refusals.other_platform(desired, previous)


def merged_scope(desired: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What scripts may touch: the operator's database, or else the one that the tenant shows, and the accounts of before and of now.

    Empty when nobody names a database: then statements can be judged by their kind only.
    """
    database = desired.get("database") or shown.get("database")
    accounts = dict.fromkeys([*(desired.get("accounts") or ()), *(shown.get("accounts") or ())])
    return {"database": database, "accounts": list(accounts)} if database else {}


def scripts_of(desired: DesiredState, work: Work) -> dict[str, Script]:
    """The scripts of a work, and behind them those that take a set-up back where the operator wants that."""
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
    """Whether a statement of the set-up made what its clean-up drops."""
    presence = desired.place.presence
    if presence is None or summary.work != SETUP.name:
        return False
    return any(progress.get(key, Progress()).has_executed(presence.made_by) for key in summary.part(MAIN))


def is_cleanup_due(previous: Summary | None) -> bool:
    """A clean-up that waits for a run to finish it: Immuta has forgotten what it belongs to, or may have."""
    return previous is not None and previous.state == "open" and (previous.forgotten or previous.forgetting)


def _with_confirmed_removal(desired: DesiredState, answer: Answer, previous: Summary | None) -> Summary | None:
    """The summary, when the tenant has said whether it has forgotten what an earlier run was about to have it forget."""
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


# --- what became known -------------------------------------------------------------------------------------------


def with_generated_script(flow: Flow, key: str, result: Mapping[str, Any]) -> Flow:
    """The flow when the tenant has made a script, or has answered that it makes none now."""
    summary, script = flow.summary, flow.summary.scripts[key]
    if result.get("checksum"):
        statements = result.get("statements") or ()
        would = tuple(" ".join(filter(None, (each["verb"], each.get("object")))) for each in statements) if flow.work in (FORGET, DELETE) else ()
        summary = summary.with_script(key, sha256=result["checksum"], statements=result.get("statement_count", 0), would=would)
    elif _is_optional(flow, script):
        summary = summary.with_script(key, sha256="", ran=True)
    return replace(flow, summary=summary)


def check_approved(flow: Flow, checksums: Mapping[str, str]) -> None:
    """Raise ImmutaError for a script that is not the one that was made, or that nobody approved.

    checksums: key -> SHA-256 of the file that lies there, empty when there is none. A script that this run has just made is
    compared only when an approval is given.
    """
    approved, stages = flow.desired.approved, flow.desired.stages
    if "run" not in stages or ("generate" in stages and approved is None):
        return
    due = {key: script.sha256 for key, script in flow.summary.scripts.items() if script.sha256 and not script.ran}
    for key, made_sum in due.items():
        there = checksums.get(key, "")
        if there != made_sum and not flow.check_mode:
            raise refusals.script_changed(flow.desired, key, there, made_sum)
        if approved is not None and made_sum not in approved:
            raise refusals.not_approved(flow.desired, key, flow.summary)


def with_existing_setup(flow: Flow, exists: bool) -> Flow:
    """The flow when the warehouse has said whether the set-up is there. Raises ImmutaError for what the policy refuses.

    A set-up wants nothing to be there yet. Every other work wants something that is still there.
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
    """The flow when the scripts have got that far. note: whether the summary says so, too."""
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
    """The flow when the tenant is about to be asked to forget what its script cleans up afterwards."""
    return replace(flow, summary=replace(flow.summary, forgetting=True)) if flow.scripts_run_last and registers(flow) else flow


def with_removal_refused(flow: Flow) -> Flow:
    """The flow when the tenant has refused to forget it."""
    return replace(flow, summary=replace(flow.summary, forgetting=False))


def with_registration(flow: Flow, answer: Answer | None) -> Flow:
    """The flow when the tenant has done its part; C(answer) is None when it had none."""
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
    """The flow when nothing is left to do; C(why): why its scripts did not run to their end."""
    return replace(flow, summary=replace(flow.summary, state="done", skipped=why or flow.summary.skipped))


def is_finished(flow: Flow) -> bool:
    """Whether nothing is left for any stage, where the tenant had nothing to do."""
    return "register" in flow.desired.stages and flow.summary.action == "unchanged" and not flow.scripts_run_last and not _unfinished(flow)


# --- the steps that are due --------------------------------------------------------------------------------------


def scripts_to_generate(flow: Flow) -> list[str]:
    """The keys of the scripts to have made, in order."""
    if "generate" not in flow.desired.stages or flow.summary.state != "open" or flow.summary.forgotten:
        return []
    return [key for key, script in flow.summary.scripts.items() if script.sha256 is None and not script.is_own]


def may_be_pending(flow: Flow, key: str) -> bool:
    """Whether the tenant may refuse a script for now.

    It may want the script before to have run first, or something to be there to be taken back; and some scripts it may not have.
    """
    script = flow.summary.scripts[key]
    behind = [other for other, each in flow.summary.part(MAIN).items() if other < key and not each.ran]
    # a drift check asks for no validation and has no secret: what it cannot have made it only announces
    without_secrets = flow.check_mode and not flow.desired.server_validation
    return script.part == RECOVERY or bool(behind) or _is_optional(flow, script) or without_secrets


def asks_warehouse(flow: Flow) -> bool:
    """Whether the warehouse is asked if the set-up is there. The warehouse itself: files can be lost, or be of another day."""
    summary = flow.summary
    if not flow.runs_scripts or flow.check_mode or flow.work is EDIT or flow.resumed or summary.forgotten or flow.desired.database_is_shared:
        return False
    ran = any(script.ran for script in summary.part(MAIN).values())
    return flow.desired.place.presence is not None and not ran and (not flow.scripts_run_last or "register" in flow.desired.stages)


def scripts_to_run(flow: Flow) -> list[str]:
    """The keys of the scripts to run, in order. Raises ImmutaError for a clean-up under what Immuta still has.

    In check mode there is a script only when an earlier run has made it.
    """
    desired, summary = flow.desired, flow.summary
    if not flow.runs_scripts or (flow.check_mode and "generate" in desired.stages):
        return []
    if flow.scripts_run_last and not summary.forgotten and "register" not in desired.stages:
        raise refusals.still_registered(desired)
    first = list(summary.part(RECOVERY)) if summary.cleanup_first else []
    return first if summary.skipped else first + _runnable_scripts(flow)


def _runnable_scripts(flow: Flow) -> list[str]:
    """The scripts that have not run. One that is not made yet is made when it is its turn, if this run makes scripts."""
    due = _unfinished(flow)
    missing = [key for key in due if flow.summary.scripts[key].sha256 is None]
    return due[: due.index(missing[0])] if missing and "generate" not in flow.desired.stages else due


def registers(flow: Flow) -> bool:
    """Whether the tenant has to register or forget the platform, or has to be waited for. Raises ImmutaError where it must not forget yet."""
    desired, summary = flow.desired, flow.summary
    if "register" not in desired.stages or summary.forgotten:
        return False
    if "generate" in desired.stages and summary.action == "unchanged":
        return flow.busy and desired.wait and not flow.check_mode
    if flow.scripts_run_last and summary.pending and not flow.check_mode:
        raise refusals.cleanup_not_generated()
    return True


def validates(flow: Flow) -> bool:
    """Whether the tenant validates before the request. In check mode the scripts have not run, and it would only say so."""
    return flow.desired.server_validation and not (flow.check_mode and flow.work in (SETUP, EDIT))


def start_at(flow: Flow, key: str) -> int:
    """The statement that the operator wants to continue at, for the first script of a run that is taken up; otherwise 0."""
    return flow.desired.start_at if flow.resumed and key == next(iter(_unfinished(flow)), "") else 0


def on_error(flow: Flow, key: str) -> str:
    """What a script does at a statement that fails: what is not there to be dropped is no reason for a clean-up to stop."""
    return _on_error(flow, flow.summary.scripts[key])


def is_last_cleanup_script(flow: Flow, key: str) -> bool:
    """Whether the set-up has to be gone when this script has run: it is the last one of a clean-up."""
    script = flow.summary.scripts[key]
    cleans = script.part == RECOVERY or flow.work is CLEANUP
    return cleans and key == list(flow.summary.part(script.part))[-1] and bool(flow.desired.place.database)


def has_steps(flow: Flow) -> bool:
    """Whether there is anything to do at all."""
    return bool(scripts_to_generate(flow) or asks_warehouse(flow) or scripts_to_run(flow) or registers(flow))


def cleanup_scripts(flow: Flow) -> list[str]:
    """The keys of the clean-up scripts, as far as they are made or can be."""
    return [key for key, script in flow.summary.part(RECOVERY).items() if script.sha256 or "generate" in flow.desired.stages]


def runs_cleanup_after_failure(flow: Flow, *, request_refused: bool | None) -> bool:
    """Whether a failure is followed by the clean-up scripts.

    Only what a statement of this set-up made is taken back, and only as long as Immuta has no integration that could be using it.
    request_refused: None when it was no request to register that failed, True when the tenant refused it for good.
    """
    summary = flow.summary
    desired = flow.desired.on_failure == "cleanup" and "run" in flow.desired.stages and not flow.check_mode
    ours = flow.work is SETUP and not summary.skipped and bool(summary.part(RECOVERY)) and flow.has_created_objects
    return desired and ours and request_refused is not False


def _unfinished(flow: Flow) -> list[str]:
    return [key for key, script in flow.summary.part(MAIN).items() if not script.ran]


def _is_optional(flow: Flow, script: Script) -> bool:
    """Some tenants do not have the script. And what is forgotten by force is forgotten without its script, too."""
    return script.script in flow.desired.place.optional_scripts or flow.work is FORGET


def _on_error(flow: Flow, script: Script) -> str:
    cleans = script.part == RECOVERY or flow.work is CLEANUP
    return "continue" if cleans and not flow.desired.any_statement else "stop"


def settings_of(flow: Flow) -> dict[str, Any]:
    """The settings of a connection to send. A new connection is activated, unless its settings say otherwise."""
    given = dict(flow.desired.settings)
    return {"is_active": True, **given} if flow.summary.action == "created" and "isActive" not in given else given


def removed_by_script(flow: Flow) -> list[str]:
    """What the script of a removal does: what it would remove if it ran."""
    return [each for script in flow.summary.scripts.values() for each in script.would]


def may_be_left(flow: Flow) -> list[str]:
    """What may still be on the warehouse although the set-up is gone: a removal that was cut off began with the database."""
    presence = flow.desired.place.presence
    if presence is None or flow.summary.skipped != "gone":
        return []
    begun = presence.made_by.replace("CREATE", "DROP")
    return [each for each in removed_by_script(flow) if not each.startswith(f"{begun} ")]


def left_behind(flow: Flow) -> list[str]:
    """What stays on the warehouse: all of a platform that is forgotten by force, or what a script cannot remove."""
    would = removed_by_script(flow) if flow.work is FORGET else []
    stays = flow.desired.place.stays
    return would + ([stays] if stays and flow.work is DELETE and any(map(flow.executed_now, flow.summary.scripts)) else [])


def result_of(flow: Flow) -> dict[str, Any]:
    """What the role hands back: action, changed, id, left_behind."""
    executed = any(map(flow.executed_now, flow.summary.scripts))
    would_execute = flow.check_mode and flow.runs_scripts and not flow.summary.skipped and bool(_unfinished(flow))
    return {
        "action": flow.summary.action,
        "changed": flow.summary.action != "unchanged" or executed or would_execute,
        "id": flow.summary.id,
        "left_behind": left_behind(flow),
    }
