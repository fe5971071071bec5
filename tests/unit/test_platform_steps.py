# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each decision of the flow that a step of the role carries, seen from the one condition that turns it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._platform import flow as flows
from ansible_collections.community.immuta.plugins.module_utils._platform.flow import Flow
from ansible_collections.community.immuta.plugins.module_utils._platform.folder import Folder
from ansible_collections.community.immuta.plugins.module_utils._platform.steps import generate_step, presence_step, script_step
from ansible_collections.community.immuta.plugins.module_utils._platform.summary import Progress
from ansible_collections.community.immuta.plugins.module_utils._platform.works import WORKS, Situation, work_for
from unit.test_platform_flow import CHECK, CONNECTED, MADE, WHOLE, answer, at, due, earlier, half, redshift, refusal

FOLDER = Folder(Path("/artifacts/prod"), "Redshift", writes=False)
SYNAPSE = {"type": "Azure Synapse Analytics", "config": {"host": "s", "database": "pool", "username": "sys"}}
DATABRICKS = {"type": "Databricks", "config": {"workspace_url": "w", "catalog": "immuta"}}
SHARED = {"steps": [{"script": "create", "database": "shared"}]}


def with_scripts(flow: Flow, **changes: Any) -> Flow:
    """The flow with the first of its scripts changed."""
    return replace(flow, summary=flow.summary.with_script(next(iter(flow.summary.scripts)), **changes))


# --- what is due, where one more condition decides ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "work", "flow", "expected"),
    [
        ({"connection": True, "stages": ["run"]}, "setup", {}, "? create,create"),
        ({"stages": ["run"]}, "setup", {"state": "done"}, ""),
        ({"stages": ["run"], "auto_bootstrap": True}, "", {}, ""),
        ({"stages": ["register"]}, "", {"state": "done"}, "R"),
        ({"stages": ["register"]}, "", {"state": "done", "busy": True}, "R"),
        (CONNECTED, "delete", {"sha256": None, **CHECK}, "R"),
        ({**CONNECTED, "stages": ["generate", "run"]}, "delete", {}, "refused: Immuta still has the connectio"),
        ({"stages": ["run"]}, "setup", {"skipped": "adopted"}, "?"),
    ],
)
def test_what_is_due(desired: dict[str, Any], work: str, flow: dict[str, Any], expected: str) -> None:
    assert due(at(desired, work, **flow)) == expected


def test_the_warehouse_is_not_asked_what_nothing_hangs_on() -> None:
    assert flows.asks_warehouse(at({}, "setup")) and not flows.asks_warehouse(with_scripts(at({}, "setup"), ran=True)), "a script has run"
    assert flows.asks_warehouse(at({**CONNECTED, "stages": ["run", "register"]}, "delete"))
    assert not flows.asks_warehouse(at({**CONNECTED, "stages": ["generate", "run"]}, "delete")), "it is refused anyway"
    assert not flows.asks_warehouse(at({}, "delete", forgotten=True))
    assert flows.has_steps(at({"stages": ["run"]}, "setup", skipped="adopted"))
    assert not flows.has_steps(at({"stages": ["run"]}, "setup", state="done"))


@pytest.mark.parametrize(
    ("desired", "flow", "expected"),
    [
        ({"sql_before": ["a"]}, {"sha256": None}, ["2-initial-create", "3-create"]),
        ({}, {"sha256": None, "state": "done"}, []),
        ({}, {"sha256": None, "forgotten": True}, []),
        ({"stages": ["run", "register"]}, {"sha256": None}, []),
        ({}, {"sha256": ""}, []),
    ],
)
def test_which_scripts_are_made(desired: dict[str, Any], flow: dict[str, Any], expected: list[str]) -> None:
    sha256 = flow.pop("sha256")
    there = at(desired, "setup", **flow)
    scripts = {key: replace(script, sha256=sha256) for key, script in there.summary.scripts.items()}
    assert flows.scripts_to_generate(replace(there, summary=replace(there.summary, scripts=scripts))) == expected


@pytest.mark.parametrize(
    ("desired", "work", "flow", "key", "expected"),
    [
        ({}, "setup", {}, "1-initial-create", False),
        ({}, "setup", {}, "2-create", True),
        ({"leftovers": "cleanup"}, "setup", {}, "recovery-1-cleanup", True),
        ({}, "edit", {}, "1-edit", False),
        (DATABRICKS, "edit", {}, "1-edit", True),
        ({"state": "absent"}, "delete", {}, "1-delete", False),
        ({"state": "absent", "force_disable": True}, "forget", {}, "1-delete", True),
        ({"server_validation": False}, "edit", CHECK, "1-edit", True),
        ({"server_validation": False}, "edit", {}, "1-edit", False),
        ({}, "edit", CHECK, "1-edit", False),
    ],
)
def test_what_the_tenant_may_refuse_for_now(desired: dict[str, Any], work: str, flow: dict[str, Any], key: str, expected: bool) -> None:
    there = at(desired, work, **flow)
    assert flows.may_be_pending(there, key) is expected
    assert generate_step(there, key, FOLDER)["request"]["pending_ok"] is expected
    assert script_step(there, key, FOLDER)["request"]["pending_ok"] is False, "when it is its turn there is nothing more to wait for"


def test_a_script_waits_for_those_that_have_not_run() -> None:
    assert not flows.may_be_pending(with_scripts(at({}, "setup"), ran=True), "2-create")
    every = at({"leftovers": "cleanup"}, "setup")
    every = replace(every, summary=replace(every.summary, scripts={key: replace(script, ran=True) for key, script in every.summary.scripts.items()}))
    assert flows.may_be_pending(every, "recovery-1-cleanup"), "there may be nothing to be taken back"
    edit = flows.with_generated_script(at(DATABRICKS, "edit"), "1-edit", {})
    assert (edit.summary.scripts["1-edit"].sha256, edit.summary.scripts["1-edit"].ran) == ("", True), "some tenants do not have it"


def test_what_an_approval_is_asked_for() -> None:
    other = {"approved_sha256": ["b" * 64]}
    for stages in (["generate"], ["register"], ["generate", "register"]):
        flows.check_approved(at({"stages": stages, **other}, "setup"), {}), "nothing runs"
    run = at({"stages": ["run"]}, "setup")
    there = {"2-create": "a" * 64}
    assert "it is not there" in refusal(flows.check_approved, run, there)
    for done in (with_scripts(run, ran=True), with_scripts(run, sha256=""), with_scripts(run, sha256=None)):
        flows.check_approved(done, there)
    flows.check_approved(replace(run, check_mode=True), {})
    assert "is not approved" in refusal(flows.check_approved, at({"stages": ["run"], **other}, "setup", **CHECK), {})
    two = refusal(
        flows.check_approved,
        with_scripts(at({**other, "approved_sha256": ["c" * 64]}, "setup"), sha256="c" * 64),
        {"1-initial-create": "c" * 64, "2-create": "a" * 64},
    )
    assert f"Approved: {'c' * 64}. Not approved of its 2 scripts: 2-create.sql {'a' * 64}." in two


def test_what_is_taken_back_and_what_made_it() -> None:
    on_failure = {"on_failure": "cleanup"}
    made = at(on_failure, "setup")
    assert not flows.runs_cleanup_after_failure(made, request_refused=None)
    assert flows.runs_cleanup_after_failure(replace(made, summary=replace(made.summary, made=True)), request_refused=None), "a run before this one made it"
    assert not flows.runs_cleanup_after_failure(at({**on_failure, **SHARED}, "setup", progress={"1-create": half()}), request_refused=None), (
        "somebody else's database"
    )
    catalog = {"1-create": half("CREATE CATALOG")}
    assert not flows.runs_cleanup_after_failure(at({**on_failure, **DATABRICKS}, "setup", progress=catalog), request_refused=None), (
        "there is no clean-up script"
    )
    assert not at({}, "edit", progress={"1-edit": half()}).has_created_objects and at({}, "setup", progress=MADE).has_created_objects
    late = at(on_failure, "setup")
    late = replace(late, summary=late.summary.with_script("recovery-1-cleanup", sha256=None))
    assert flows.cleanup_scripts(late) == ["recovery-1-cleanup"], "it can be made"
    assert flows.cleanup_scripts(replace(late, desired=redshift(stages=["run"], **on_failure))) == [], "it cannot"
    assert flows.cleanup_scripts(at({**on_failure, "stages": ["run"]}, "setup")) == ["recovery-1-cleanup"]


@pytest.mark.parametrize(
    ("desired", "work", "key", "expected"),
    [
        (SYNAPSE, "cleanup", "1-cleanup", False),
        (SYNAPSE, "cleanup", "2-post-cleanup", True),
        ({**SYNAPSE, "leftovers": "cleanup"}, "setup", "recovery-2-post-cleanup", True),
        ({**SYNAPSE, "leftovers": "cleanup"}, "setup", "2-create", False),
        ({}, "delete", "1-delete", False),
        ({"config": {"host": "h", "initial_database": "dev"}}, "cleanup", "1-cleanup", False),
    ],
)
def test_what_has_to_be_gone_afterwards(desired: dict[str, Any], work: str, key: str, expected: bool) -> None:
    flow = at(desired, work)
    assert flows.is_last_cleanup_script(flow, key) is expected
    assert ("must_be_gone" in script_step(flow, key, FOLDER)["options"]) is expected


@pytest.mark.parametrize(
    ("desired", "flow", "finished"),
    [
        ({}, {}, True),
        ({"stages": ["generate", "run"]}, {}, False),
        ({}, {"action": "updated"}, False),
        ({}, {"ran": False}, False),
    ],
)
def test_when_nothing_is_left_for_any_stage(desired: dict[str, Any], flow: dict[str, Any], finished: bool) -> None:
    ran = flow.pop("ran", True)
    assert flows.is_finished(with_scripts(at({"repair": True, **desired}, "edit", **{"action": "unchanged", **flow}), ran=ran)) is finished
    last = at(CONNECTED, "delete", action="unchanged", forgotten=True)
    assert not flows.is_finished(with_scripts(last, ran=True)), "it is closed when its scripts have run"


def test_what_is_kept_when_more_becomes_known() -> None:
    assert flows.with_registration(at({}, "setup"), replace(answer("created"), id="")).summary.id == "7"
    assert flows.with_registration(at({}, "setup"), replace(answer("created"), id="9")).summary.id == "9"
    assert not flows.with_registration(at({}, "setup", busy=True), answer("created")).busy, "it has been waited for"
    assert flows.closed(at({}, "delete", skipped="gone")).summary.skipped == "gone"
    assert flows.closed(at({}, "setup"), "cleaned up").summary.skipped == "cleaned up"
    ran = flows.with_progress(with_scripts(at({}, "setup"), ran=True), {"1-initial-create": half()})
    assert ran.summary.scripts["1-initial-create"].ran, "what has run has run"
    assert not flows.with_progress(at({}, "setup"), {"1-initial-create": Progress({}, {})}).summary.scripts["1-initial-create"].ran


def test_what_an_earlier_run_left_of_another_work() -> None:
    absent = redshift(state="absent")
    assert flows.begin(absent, answer("unchanged"), earlier("edit", keys=("1-edit",), made=True), {}).summary.work == ""
    nothing = flows.begin(redshift(), answer("unchanged"), earlier("", keys=("1-x",)), {"1-x": half()})
    assert not nothing.resumed and nothing.summary.state == "done"
    assert flows.scripts_of(redshift(on_failure="cleanup"), WORKS["edit"]).keys() == {"1-edit"}
    assert flows.scripts_of(redshift(type="Native S3", config={"name": "lake"}), WORKS["setup"]) == {}
    assert work_for(Situation("deleted", "connection", force=True, state="absent")) is WORKS["delete"]
    snowflake = redshift(type="Snowflake", leftovers="cleanup", steps=[{"script": "create"}])
    assert not snowflake.database_is_shared and "recovery-1-cleanup" in flows.scripts_of(snowflake, WORKS["setup"])
    both = [{"script": "initial-create", "database": "other"}, {"script": "create", "database": "immuta"}]
    assert not redshift(steps=both).database_is_shared and redshift(**SHARED).database_is_shared


@pytest.mark.parametrize(
    ("desired", "work", "flow", "changed"),
    [
        ({"repair": True}, "edit", {"ran": True}, False),
        ({"repair": True}, "edit", {"skipped": "gone"}, False),
        ({"repair": True, "stages": ["generate", "register"]}, "edit", {}, False),
        ({"repair": True}, "edit", {}, True),
        ({"repair": True}, "edit", {"check_mode": False}, False),
    ],
)
def test_what_a_check_run_would_change_on_the_warehouse(desired: dict[str, Any], work: str, flow: dict[str, Any], changed: bool) -> None:
    there = with_scripts(
        at(desired, work, **{"action": "unchanged", **CHECK, **{name: value for name, value in flow.items() if name != "ran"}}), ran="ran" in flow
    )
    assert flows.result_of(there)["changed"] is changed


# --- the options of a step ---------------------------------------------------------------------------------------


def test_where_an_operator_goes_on_by_hand() -> None:
    flow = at({"start_at": 4}, "setup", resumed=True)
    starts = [script_step(flow, key, FOLDER)["options"].get("start_at") for key in flow.summary.scripts]
    assert starts == [4, None], "it is a number in the script that was cut off"
    assert "start_at" not in script_step(at({"start_at": 4}, "setup"), "1-initial-create", FOLDER)["options"]


def test_what_a_script_may_hold_and_touch() -> None:
    flow = at({}, "setup")
    options = script_step(flow, "1-initial-create", FOLDER)["options"]
    assert options["purpose"] == "setup" and options["scope"]["database"] == "immuta", "without a summary's scope the config's"
    shown = replace(flow, summary=replace(flow.summary, scope={"database": "shown", "accounts": []}))
    assert script_step(shown, "1-initial-create", FOLDER)["options"]["scope"]["database"] == "shown"
    free = script_step(at({"any_statement": True}, "setup"), "1-initial-create", FOLDER)["options"]
    assert free["purpose"] == "any" and "scope" not in free
    recovery = script_step(at({"leftovers": "cleanup"}, "setup"), "recovery-1-cleanup", FOLDER)["options"]
    assert recovery["purpose"] == "cleanup" and "ledger" not in recovery, "a clean-up is not resumed"
    late = script_step(with_scripts(flow, sha256=None), "1-initial-create", FOLDER)
    assert (late["file"], late["sql_file"]) == ("late", "sql") and "expected_sha256" not in late["options"]


@pytest.mark.parametrize(
    ("desired", "work", "key", "id"),
    [(CONNECTED, "delete", "1-delete", "7"), ({"connection": True}, "setup", "2-create", None), ({}, "delete", "1-delete", None)],
)
def test_only_the_script_of_a_connection_to_forget_is_asked_for_by_id(desired: dict[str, Any], work: str, key: str, id: str | None) -> None:
    assert generate_step(at(desired, work), key, FOLDER)["request"].get("id") == id


def test_the_question_to_the_warehouse() -> None:
    ask = presence_step(at({}, "setup"))
    assert "pg_database" in ask["options"]["unless"] and not ask["changes"] and ask["login"] == {"database": "dev"}
    assert presence_step(at({"type": "Snowflake"}, "setup"))["login"] == {}
    no_database = at({"config": {"host": "h", "initial_database": "dev"}}, "delete")
    assert presence_step(no_database)["options"]["unless"] == "SELECT 1", "whether it answers at all"
    assert WHOLE.is_complete() and not Progress({1: "ok"}, {}).is_complete(), "a script that cannot be read has not run"


def test_what_stays_is_that_of_a_removal() -> None:
    assert flows.left_behind(at({**SYNAPSE, "state": "absent"}, "delete", progress={"1-delete": half()})) == ["login sys in master"]
    assert flows.left_behind(at(SYNAPSE, "setup", progress={"2-create": half()})) == []
