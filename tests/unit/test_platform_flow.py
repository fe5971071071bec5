# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state of a platform's flow, each a row: what the tenant plans, what an earlier run left, and what is due then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._platform import flow as flows
from ansible_collections.community.immuta.plugins.module_utils._platform.desired import DesiredState, desired_state_of
from ansible_collections.community.immuta.plugins.module_utils._platform.flow import Answer, Flow
from ansible_collections.community.immuta.plugins.module_utils._platform.summary import Progress, Script, Summary
from ansible_collections.community.immuta.plugins.module_utils._platform.works import WORKS, Situation, work_for

CONFIG = {"host": "rs.example.com", "database": "immuta", "initial_database": "dev", "username": "sys"}
ARTIFACTS = "/artifacts"
ALL = ("generate", "run", "register")


def redshift(
    *, connection: bool = False, type: str = "Redshift", auto_bootstrap: bool = False, config: Mapping[str, Any] | None = None, **options: Any
) -> DesiredState:
    native = {"type": type, "auto_bootstrap": auto_bootstrap, "config": config or CONFIG}
    if connection:
        platform: dict[str, Any] = {"connection": {"connection_key": "lake", "connection": {"technology": "Snowflake"}, "native_integration": native}}
    else:
        platform = {"integration": native}
    return desired_state_of({**platform, "artifacts": ARTIFACTS, **options})


def answer(action: str, **more: Any) -> Answer:
    return Answer(action, tenant="t.example.com", id="7", settings="now", **more)


def half(verb: str = "CREATE DATABASE", *, unknown: bool = False) -> Progress:
    """Of two statements one has run."""
    return Progress({1: "ok", **({2: "unknown"} if unknown else {})}, {1: verb, 2: "GRANT"})


WHOLE = Progress({1: "ok", 2: "ok"}, {1: "CREATE DATABASE", 2: "GRANT"})


def earlier(work: str = "setup", *, keys: tuple[str, ...] = ("1-initial-create", "2-create"), **more: Any) -> Summary:
    scripts = {key: Script(key.split("-", 1)[1], purpose="setup", sha256="a" * 64) for key in keys}
    base = Summary("Redshift rs.example.com", "immuta", "t.example.com", "created", "", work, "now", "open", scripts=scripts)
    return replace(base, **more)


def refusal(call: Callable[..., Any], *arguments: Any) -> str:
    """What is said when it is refused."""
    with pytest.raises(ImmutaError) as refused:
        call(*arguments)
    return str(refused.value)


# --- what goes with a plan ---------------------------------------------------------------------------------------

BROKEN = "status is createError"


@pytest.mark.parametrize(
    ("given", "work"),
    [
        (Situation("created"), "setup"),
        (Situation("updated"), "edit"),
        (Situation("deleted", state="absent"), "delete"),
        (Situation("updated", reason=BROKEN), "setup"),
        (Situation("deleted", reason=BROKEN, state="absent"), "cleanup"),
        (Situation("deleted", force=True, state="absent"), "forget"),
        (Situation("deleted", reason=BROKEN, force=True, state="absent"), "forget"),
        (Situation("created", "connection"), "setup"),
        (Situation("updated", "connection"), ""),
        (Situation("updated", "connection", reason=BROKEN), ""),
        (Situation("deleted", "connection", state="absent"), "delete"),
        (Situation("unchanged"), ""),
        (Situation("unchanged", repair=True), "edit"),
        (Situation("unchanged", "connection", repair=True), ""),
        (Situation("unchanged", state="absent"), ""),
        (Situation("unchanged", state="absent", repair=True), ""),
        (Situation("unchanged", state="absent", setup_incomplete=True), "cleanup"),
        (Situation("unchanged", state="present", setup_incomplete=True), ""),
        (Situation("unchanged", "connection", state="absent", cleanup_due=True), "delete"),
        (Situation("created", uses_scripts=False), ""),
        (Situation("unchanged", uses_scripts=False, repair=True), ""),
    ],
)
def test_the_work_that_goes_with_a_plan(given: Situation, work: str) -> None:
    assert work_for(given) is WORKS[work]


# --- beginning ---------------------------------------------------------------------------------------------------

#: wanted, what the tenant plans, what an earlier run left, how far its scripts got -> the work and whether it is resumed, or the refusal
BEGINNINGS: list[tuple[dict[str, Any], Answer, Summary | None, dict[str, Progress], str]] = [
    ({}, answer("created"), None, {}, "setup anew"),
    ({}, answer("created"), earlier(), {}, "setup anew"),
    ({}, answer("created"), earlier(), {"1-initial-create": half()}, "setup resumed"),
    ({}, answer("created"), earlier(), {"1-initial-create": WHOLE, "2-create": WHOLE}, "setup resumed"),
    ({}, answer("created"), earlier(settings="before"), {"1-initial-create": half()}, "refused: three ways out"),
    ({"leftovers": "cleanup"}, answer("created"), earlier(settings="before"), {"1-initial-create": half()}, "setup anew"),
    ({"leftovers": "adopt"}, answer("created"), earlier(settings="before"), {"1-initial-create": half()}, "setup anew"),
    ({}, answer("created"), earlier(settings="before"), {}, "setup anew"),
    ({}, answer("created"), earlier(tenant="other.example.com"), {"1-initial-create": half()}, "setup anew"),
    ({}, answer("created"), earlier(state="done"), {"1-initial-create": WHOLE}, "setup anew"),
    ({}, answer("created"), earlier("edit", keys=("1-edit",)), {"1-edit": half()}, "setup anew"),
    ({}, answer("updated"), earlier("edit", keys=("1-edit",), settings="before"), {"1-edit": half()}, "edit anew"),
    ({}, answer("updated"), earlier("edit", keys=("1-edit",)), {"1-edit": half("ALTER")}, "edit resumed"),
    ({}, answer("unchanged"), earlier(state="done"), {}, " anew"),
    ({"state": "absent"}, answer("unchanged"), earlier(), {"1-initial-create": half()}, "cleanup anew"),
    ({"state": "absent"}, answer("unchanged"), earlier(), {"1-initial-create": half("CREATE SCHEMA")}, " anew"),
    ({"state": "absent"}, answer("unchanged"), earlier(made=True), {}, "cleanup anew"),
    ({"state": "absent"}, answer("unchanged"), earlier(state="done"), {"1-initial-create": WHOLE}, " anew"),
    (
        {"state": "absent", "steps": [{"script": "create", "database": "shared"}]},
        answer("unchanged"),
        earlier(made=True),
        {"1-initial-create": half()},
        " anew",
    ),
    ({"state": "absent"}, answer("deleted"), None, {}, "delete anew"),
    ({"state": "absent", "force_disable": True}, answer("deleted"), None, {}, "forget anew"),
    ({"auto_bootstrap": True}, answer("created"), None, {}, " anew"),
    ({"type": "Native S3", "config": {"name": "lake"}}, answer("created"), None, {}, " anew"),
    ({"connection": True}, answer("unchanged"), earlier("delete", keys=("1-delete",), forgotten=True), {}, "refused: which finishes the script"),
    ({"connection": True, "state": "absent"}, answer("unchanged"), earlier("delete", keys=("1-delete",), forgotten=True), {}, "delete resumed"),
    # killed while it was forgotten: the tenant says whether it was
    ({"connection": True}, answer("created"), earlier("delete", keys=("1-delete",), forgetting=True), {}, "refused: which finishes the script"),
    ({"connection": True}, answer("unchanged"), earlier("delete", keys=("1-delete",), forgetting=True), {}, " anew"),
    ({"connection": True, "state": "absent"}, answer("unchanged"), earlier("delete", keys=("1-delete",), forgetting=True), {}, "delete resumed"),
    ({"connection": True, "state": "absent"}, answer("deleted"), earlier("delete", keys=("1-delete",), forgetting=True), {}, "delete anew"),
]


@pytest.mark.parametrize(("desired", "plan", "previous", "progress", "expected"), BEGINNINGS)
def test_a_run_begins_anew_or_goes_on_or_is_refused(
    desired: dict[str, Any], plan: Answer, previous: Summary | None, progress: dict[str, Progress], expected: str
) -> None:
    try:
        flow = flows.begin(redshift(**desired), plan, previous, progress)
    except ImmutaError as error:
        assert expected.startswith("refused: ") and expected[9:] in str(error)
        return
    assert f"{flow.summary.work} {'resumed' if flow.resumed else 'anew'}" == expected
    assert flow.summary.state == ("done" if flow.summary.work == "" and plan.action == "unchanged" else "open")


def test_a_stage_of_its_own_goes_by_what_was_planned() -> None:
    run = redshift(stages=["run"])
    assert "Run the stage generate first" in refusal(flows.continue_from_summary, run, None, {})
    assert flows.continue_from_summary(redshift(stages=["register"]), None, {}).summary.state == "done"
    assert flows.continue_from_summary(run, earlier(), {"1-initial-create": half()}).resumed
    assert not flows.continue_from_summary(run, earlier(), {}).resumed
    flows.check_same_platform(run, earlier())
    assert "contains the artifacts of" in refusal(flows.check_same_platform, run, earlier(platform="Redshift other"))


@pytest.mark.parametrize(
    ("desired", "work", "keys"),
    [
        ({}, "setup", ["1-initial-create dev", "2-create immuta"]),
        ({"leftovers": "cleanup"}, "setup", ["1-initial-create dev", "2-create immuta", "recovery-1-cleanup dev"]),
        ({"on_failure": "cleanup"}, "setup", ["1-initial-create dev", "2-create immuta", "recovery-1-cleanup dev"]),
        ({"sql_before": ["a"], "sql_after": ["b"]}, "setup", ["1-before dev", "2-initial-create dev", "3-create immuta", "4-after immuta"]),
        ({"sql_before": ["a"]}, "edit", ["1-edit immuta"]),
        ({"steps": [{"script": "create", "database": "shared"}], "on_failure": "cleanup"}, "setup", ["1-create shared"]),
        ({"steps": [{"script": "create", "database": "shared"}]}, "delete", ["1-delete dev"]),
        ({}, "cleanup", ["1-cleanup dev"]),
        ({}, "forget", ["1-delete dev"]),
        ({}, "", []),
    ],
)
def test_the_scripts_of_a_work_and_where_they_run(desired: dict[str, Any], work: str, keys: list[str]) -> None:
    scripts = flows.scripts_of(redshift(**desired), WORKS[work])
    assert [f"{key} {script.database}" for key, script in scripts.items()] == keys
    purposes = {script.purpose for script in scripts.values() if not script.is_own and script.part == "main"}
    assert purposes <= {WORKS[work].purpose}


# --- what is due -------------------------------------------------------------------------------------------------


def at(desired: dict[str, Any], work: str, *, progress: Mapping[str, Progress] | None = None, **flow: Any) -> Flow:
    """A flow at the beginning of a work, with scripts that are made."""
    given = redshift(**desired)
    scripts = {key: replace(script, sha256=flow.pop("sha256", "a" * 64)) for key, script in flows.scripts_of(given, WORKS[work]).items()}
    action = {"setup": "created", "edit": "updated", "delete": "deleted", "forget": "deleted"}.get(work, "unchanged")
    summary = Summary(given.identity, "immuta", "t", action, "7", work, "now", "open", scripts=scripts)
    changes = {name: flow.pop(name) for name in list(flow) if name in ("skipped", "forgotten", "cleanup_first", "state", "action")}
    return Flow(given, replace(summary, **changes), progress or {}, **flow)


def due(flow: Flow) -> str:
    """What is due, in letters: a question, the scripts, R for a request."""
    try:
        scripts = ",".join(key.split("-")[-1] for key in flows.scripts_to_run(flow))
        return " ".join(filter(None, ["?" if flows.asks_warehouse(flow) else "", scripts, "R" if flows.registers(flow) else ""]))
    except ImmutaError as error:
        return f"refused: {str(error)[:30]}"


CHECK = {"check_mode": True}
CONNECTED = {"connection": True, "type": "Snowflake", "state": "absent"}


@pytest.mark.parametrize(
    ("desired", "work", "flow", "expected"),
    [
        ({}, "setup", {}, "? create,create R"),
        ({}, "setup", CHECK, "R"),
        ({"stages": ["generate"]}, "setup", {}, ""),
        ({"stages": ["run"]}, "setup", {}, "? create,create"),
        ({"stages": ["run"]}, "setup", CHECK, "create,create"),
        ({"stages": ["register"]}, "setup", {}, "R"),
        ({"stages": ["generate", "register"]}, "setup", {}, "R"),
        ({}, "setup", {"resumed": True}, "create,create R"),
        ({}, "setup", {"skipped": "adopted"}, "? R"),
        ({"leftovers": "cleanup"}, "setup", {"cleanup_first": True}, "? cleanup,create,create R"),
        ({"steps": [{"script": "create", "database": "shared"}]}, "setup", {}, "create R"),
        ({}, "edit", {}, "edit R"),
        ({}, "delete", {}, "? delete R"),
        ({}, "delete", {"skipped": "gone"}, "? R"),
        ({}, "cleanup", {}, "? cleanup"),
        ({"force_disable": True, "state": "absent"}, "forget", {}, "R"),
        ({}, "", {"state": "done"}, ""),
        ({}, "", {"state": "done", "busy": True}, "R"),
        ({"wait": False}, "", {"state": "done", "busy": True}, ""),
        ({}, "", {"state": "done", "busy": True, **CHECK}, ""),
        (CONNECTED, "delete", {}, "? delete R"),
        (CONNECTED, "delete", {"forgotten": True}, "delete"),
        ({**CONNECTED, "stages": ["run"]}, "delete", {}, "refused: Immuta still has the connectio"),
        ({**CONNECTED, "stages": ["run"]}, "delete", {"forgotten": True}, "delete"),
        ({**CONNECTED, "stages": ["register"]}, "delete", {}, "R"),
        ({**CONNECTED, "stages": ["register"]}, "delete", {"sha256": None}, "refused: The script that cleans up the "),
    ],
)
def test_what_is_due(desired: dict[str, Any], work: str, flow: dict[str, Any], expected: str) -> None:
    assert due(at(desired, work, **flow)) == expected


def test_a_script_that_is_missing_is_made_in_its_turn_or_waited_for() -> None:
    flow = at({}, "setup")
    flow = replace(flow, summary=flow.summary.with_script("2-create", sha256=None))
    assert flows.scripts_to_generate(flow) == ["2-create"] and flows.scripts_to_run(flow) == ["1-initial-create", "2-create"]
    assert flows.may_be_pending(flow, "2-create") and not flows.may_be_pending(flow, "1-initial-create")
    apart = replace(flow, desired=redshift(stages=["run"]))
    assert flows.scripts_to_generate(apart) == [] and flows.scripts_to_run(apart) == ["1-initial-create"]
    made = flows.with_generated_script(flow, "2-create", {"checksum": "b" * 64, "statement_count": 3})
    assert (made.summary.scripts["2-create"].sha256, made.summary.scripts["2-create"].statements) == ("b" * 64, 3)
    assert flows.with_generated_script(flow, "2-create", {}).summary == flow.summary
    forgotten = replace(at({"force_disable": True, "state": "absent"}, "forget"))
    verbs = [{"verb": "DROP DATABASE", "object": "immuta"}]
    assert flows.left_behind(flows.with_generated_script(forgotten, "1-delete", {"checksum": "c", "statements": verbs})) == ["DROP DATABASE immuta"]
    assert flows.with_generated_script(forgotten, "1-delete", {}).summary.scripts["1-delete"].ran, "a tenant that has no script for it"


@pytest.mark.parametrize(
    ("desired", "work", "there", "twins", "expected"),
    [
        ({}, "setup", False, (), "goes on"),
        ({}, "setup", True, (), "refused: three ways out"),
        ({"leftovers": "adopt"}, "setup", True, (), "adopted"),
        ({"leftovers": "cleanup"}, "setup", True, (), "cleanup first"),
        ({"leftovers": "cleanup", "type": "Databricks"}, "setup", True, (), "refused: no cleanup script for Databricks"),
        ({}, "setup", True, ("9 (other)",), "refused: integration 9 (other)"),
        ({"leftovers": "cleanup"}, "setup", True, ("9 (other)",), "refused: integration 9 (other)"),
        ({"leftovers": "adopt"}, "setup", True, ("9 (other)",), "adopted"),
        ({}, "delete", True, (), "goes on"),
        ({}, "delete", False, (), "gone"),
        ({}, "cleanup", False, (), "gone"),
        ({"config": {"host": "rs.example.com"}}, "delete", False, (), "goes on"),
    ],
)
def test_what_the_warehouse_holds_decides(desired: dict[str, Any], work: str, there: bool, twins: tuple[str, ...], expected: str) -> None:
    try:
        found = flows.with_existing_setup(at(desired, work, twins=twins), exists=there)
    except ImmutaError as error:
        assert expected.startswith("refused: ") and expected[9:] in str(error)
        assert not twins or "cleanup" not in str(error)
        return
    assert (found.summary.skipped or ("cleanup first" if found.summary.cleanup_first else "goes on")) == expected


MADE = {"1-initial-create": half()}


@pytest.mark.parametrize(
    ("desired", "work", "flow", "refused", "expected"),
    [
        ({"on_failure": "cleanup"}, "setup", {"progress": MADE}, None, True),
        ({"on_failure": "cleanup"}, "setup", {"progress": MADE}, True, True),
        ({"on_failure": "cleanup"}, "setup", {"progress": MADE}, False, False),
        ({"on_failure": "cleanup"}, "setup", {"progress": {"1-initial-create": half("CREATE SCHEMA")}}, None, False),
        ({"on_failure": "cleanup"}, "setup", {}, None, False),
        ({"on_failure": "cleanup"}, "setup", {"progress": MADE, "skipped": "adopted"}, None, False),
        ({"on_failure": "cleanup"}, "setup", {"progress": MADE, **CHECK}, None, False),
        ({"on_failure": "cleanup", "stages": ["register"]}, "setup", {"progress": MADE}, True, False),
        ({"on_failure": "cleanup"}, "edit", {"progress": {"1-edit": half()}}, None, False),
        ({"on_failure": "keep", "leftovers": "cleanup"}, "setup", {"progress": MADE}, None, False),
    ],
)
def test_only_what_this_set_up_made_is_taken_back(desired: dict[str, Any], work: str, flow: dict[str, Any], refused: bool | None, expected: bool) -> None:
    assert flows.runs_cleanup_after_failure(at(desired, work, **flow), request_refused=refused) is expected


def test_what_became_of_it() -> None:
    flow = flows.with_progress(at({}, "setup", executed_before={"1-initial-create": 1}), {"1-initial-create": WHOLE, "2-create": half()})
    assert [script.ran for script in flow.summary.scripts.values()] == [True, False]
    assert flow.summary.made and flow.has_executed_statements and flow.executed_now("1-initial-create") == 1
    assert flows.start_at(replace(flow, resumed=True, desired=redshift(start_at=4)), "2-create") == 4
    assert flows.start_at(replace(flow, desired=redshift(start_at=4)), "2-create") == 0
    done = flows.with_registration(flow, answer("created"))
    assert (done.summary.state, done.summary.forgotten, done.summary.id) == ("done", False, "7")
    last = flows.with_registration(at(CONNECTED, "delete"), answer("deleted"))
    assert (last.summary.state, last.summary.forgotten) == ("open", True) and flows.is_cleanup_due(last.summary)
    about = flows.with_removal_begun(at(CONNECTED, "delete"))
    assert flows.is_cleanup_due(about.summary) and not flows.is_cleanup_due(flows.with_removal_refused(about).summary)
    assert not flows.with_removal_begun(at({"state": "absent"}, "delete")).summary.forgetting, "what is cleaned up first needs no note"
    gone = flows.with_registration(at(CONNECTED, "delete", skipped="gone"), answer("deleted"))
    assert gone.summary.state == "done"
    assert flows.closed(last).summary.state == "done"
    cleaned = flows.with_progress(at({}, "cleanup"), {"1-cleanup": Progress({1: "ok", 2: "failed"}, {1: "DROP DATABASE", 2: "DROP USER"})})
    assert flows.is_finished(cleaned), "what is not there to be dropped is no reason to stop"
    broken = {"1-initial-create": Progress({1: "ok", 2: "failed"}, {1: "CREATE DATABASE", 2: "GRANT"})}
    assert not flows.with_progress(at({}, "setup"), broken).summary.scripts["1-initial-create"].ran, "a set-up that broke counts as run"
    assert flows.on_error(cleaned, "1-cleanup") == "continue" and flows.is_last_cleanup_script(cleaned, "1-cleanup")
    assert flows.on_error(at({"any_statement": True}, "cleanup"), "1-cleanup") == "stop"
    assert flows.on_error(flow, "1-initial-create") == "stop" and not flows.is_last_cleanup_script(flow, "2-create")


@pytest.mark.parametrize(
    ("desired", "work", "flow", "changed"),
    [
        ({}, "", {"state": "done"}, False),
        ({}, "setup", {}, True),
        ({"state": "absent"}, "cleanup", CHECK, True),
        ({"state": "absent"}, "cleanup", {"progress": {"1-cleanup": half()}}, True),
        ({"state": "absent"}, "cleanup", {"progress": {"1-cleanup": half()}, "executed_before": {"1-cleanup": 1}}, False),
        ({"repair": True}, "edit", {"action": "unchanged", **CHECK}, True),
    ],
)
def test_whether_anything_changed(desired: dict[str, Any], work: str, flow: dict[str, Any], changed: bool) -> None:
    assert flows.result_of(at(desired, work, **flow))["changed"] is changed


def test_a_script_that_nobody_approved_does_not_run() -> None:
    sums = {"1-initial-create": "a" * 64, "2-create": "a" * 64}
    flow = at({"stages": ["run"]}, "setup")
    flows.check_approved(flow, sums)
    flows.check_approved(at({}, "setup"), {}), "what this run makes is what it runs"
    assert "No script of this run has run" in refusal(flows.check_approved, flow, {**sums, "2-create": "b" * 64})
    assert "it is not there" in refusal(flows.check_approved, flow, {"1-initial-create": "a" * 64})
    for stages in (["run"], list(ALL)):
        approved = at({"stages": stages, "approved_sha256": ["b" * 64]}, "setup")
        message = refusal(flows.check_approved, approved, sums)
        assert "not approved" in message and "each script needs its own" in message
        flows.check_approved(at({"stages": stages, "approved_sha256": ["A" * 64]}, "setup"), sums)


def test_what_is_validated_and_which_settings_are_sent() -> None:
    assert flows.validates(at({}, "setup")) and not flows.validates(at({}, "setup", **CHECK)) and flows.validates(at({}, "delete", **CHECK))
    assert not flows.validates(at({"server_validation": False}, "setup"))
    new = at({"connection": True}, "setup")
    assert flows.settings_of(new) == {"is_active": True}
    assert flows.settings_of(replace(new, desired=replace(new.desired, settings={"isActive": False}))) == {"isActive": False}
    assert flows.settings_of(at({"connection": True}, "", action="updated")) == {}


def test_what_stays_on_the_warehouse() -> None:
    synapse = {"type": "Azure Synapse Analytics", "config": {"host": "s", "database": "pool", "username": "sys"}, "state": "absent"}
    assert flows.left_behind(at(synapse, "delete", progress={"1-delete": half()})) == ["login sys in master"]
    assert flows.left_behind(at(synapse, "delete")) == []
    assert flows.merged_scope({"database": "", "accounts": ["a"]}, {"database": "d", "accounts": ["b", "a"]}) == {"database": "d", "accounts": ["a", "b"]}
    assert flows.merged_scope({"accounts": ["a"]}, {}) == {}


def test_a_summary_is_read_as_it_was_written_and_an_older_one_too() -> None:
    summary = replace(earlier(made=True), scripts={**earlier().scripts, "3-late": Script("late")})
    assert Summary.of(summary.as_dict()) == summary
    assert "sha256" not in summary.as_dict()["scripts"]["3-late"]
    scripts = {"1-create": {"script": "create", "part": "main", "ran": True}}
    first = {"format": 1, "platform": "p", "state": "open", "work": "setup", "made": True, "scripts": scripts}
    assert Summary.of(first).scripts["1-create"].ran and Summary.of(first).made
    assert "newer release" in refusal(Summary.of, {"format": 3})
    for broken in ({"format": "x"}, {"scripts": []}, []):
        assert "cannot be read" in refusal(Summary.of, broken)
