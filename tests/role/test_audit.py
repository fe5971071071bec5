# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit trail of real runs: what the log says, and what Immuta and the warehouses were told of the change."""

from __future__ import annotations

import functools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.kills import AtStatement, standing
from support.leaks import traces
from support.playbook import Run

from .conftest import World, mode, seed
from .test_rotate import NEXT, new_secrets

CHANGE = "CHG0012345"
AGENT = f"community.immuta/1.0.0 (change {CHANGE})"


def play(world: World, *arguments: str, entry: str = "main", **how: Any) -> Run:
    """Run the role alone, with one of its entry points."""
    role = {"ansible.builtin.import_role": {"name": "community.immuta.immuta_platform", "tasks_from": entry}}
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    playbook = world.folder / "role.yml"
    playbook.write_text(json.dumps([{"hosts": "immuta_platforms", "connection": "local", "gather_facts": False, "vars": python, "tasks": [role]}]))
    return world.run(playbook, *arguments, **how)


@pytest.fixture
def trail(world: World) -> dict[str, Any]:
    return {"immuta_platform_audit_log": str(world.folder / "audit.jsonl"), "immuta_platform_change_reference": CHANGE}


def lines(world: World, *secrets: str) -> dict[str, dict[str, Any]]:
    """Host -> its only line. None of them holds a secret."""
    log = world.folder / "audit.jsonl"
    found = [json.loads(line) for line in log.read_text().splitlines()]
    passwords = [secret for platform in (world.redshift, world.snowflake) for secret in (platform.password, str(platform.engine.login["password"]))]
    assert not traces([*passwords, world.tenant.api_key, *secrets], log)
    assert mode(log) == "0600"
    log.unlink()
    hosts = {line["platform"]["name"]: line for line in found}
    assert len(hosts) == len(found), "one line a host"
    return hosts


def agents(world: World) -> set[str]:
    """Who the tenant was asked by."""
    return {request["user_agent"] for request in world.tenant.requests()}


def known_to_redshift(world: World) -> str:
    """What the session that ran the operator's last statement was called."""
    connection = world.redshift.engine.connect(database=world.redshift.database)
    try:
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM public.seen")
        return str(cursor.fetchone()[0])
    finally:
        connection.close()


@pytest.mark.all
def test_a_set_up_of_two_hosts_at_once_and_its_removal(world: World, trail: dict[str, Any]) -> None:
    both = [world.redshift, world.snowflake]
    world.redshift.extra = {"immuta_platform_sql_after": ["CREATE TABLE public.seen AS SELECT current_setting('application_name') AS name"]}
    job = {"awx_job_id": 4711, "awx_job_template_name": "register", "awx_user_name": "ada", "awx_user_email": "ada@example.com"}
    extra = [item for name, value in job.items() for item in ("-e", json.dumps({name: value}))]
    done = play(world, *extra, "-f", "2", on=both, environment={"JOB_ID": "4711"}, **trail)
    assert done.rc == 0, done.output
    found = lines(world)
    assert set(found) == {"redshift", "snowflake"}
    for platform in both:
        line = found[platform.host]
        registered = world.registered(platform)
        assert (line["result"], line["work"], line["change_reference"], line["tenant"]) == ("changed", "setup", CHANGE, world.tenant.url)
        assert line["job"] == {"id": "4711", "template": "register", "user": "ada"}
        assert (line["platform"]["type"], line["platform"]["database"], line["platform"]["id"]) == (platform.type, platform.database, str(registered["id"]))
        assert line["registration"] == {"action": "created", "validation": "passed"}
        ran = [event["result"] for event in done.tasks(platform.host, "immuta_sql_script", "Run the script")]
        assert [(each["sha256"], each["executed"], each["total"]) for each in line["scripts"]] == [
            (result["checksum"], result["executed"], result["total"]) for result in ran
        ]
        shown = [[{name: each[name] for name in ("number", "verb", "object", "status", "query_id")} for each in result["statements"]] for result in ran]
        assert [each["statements"] for each in line["scripts"]] == shown
    assert all(each["query_id"] for script in found["snowflake"]["scripts"] for each in script["statements"]), "Snowflake numbers its queries"
    assert known_to_redshift(world) == f"community.immuta {CHANGE}"
    tag = json.dumps({"program": "community.immuta", "change_reference": CHANGE, "job": "4711"})
    assert world.snowflake.engine.catalog()["query_tags"][tag] >= sum(each["executed"] for each in found["snowflake"]["scripts"])
    assert agents(world) == {AGENT}

    again = play(world, on=both, **{**trail, "immuta_platform_change_reference": ""})
    assert again.rc == 0 and again.changed("redshift") == again.changed("snowflake") == 0
    assert {(line["result"], line["work"], line["change_reference"], line["job"]) for line in lines(world).values()} == {("ok", "", None, None)}

    absent = {"immuta_platform_state": "absent", "immuta_platform_audit_log": trail["immuta_platform_audit_log"]}
    gone = play(world, on=both, environment={"IMMUTA_CHANGE_REFERENCE": "CHG2"}, **absent)
    assert gone.rc == 0, gone.output
    found = lines(world)
    assert {(line["result"], line["work"], line["change_reference"], line["registration"]["action"]) for line in found.values()} == {
        ("changed", "delete", "CHG2", "deleted")
    }
    assert json.dumps({"program": "community.immuta", "change_reference": "CHG2"}) in world.snowflake.engine.catalog()["query_tags"]


@pytest.mark.all
def test_a_set_up_that_breaks_elsewhere_and_is_taken_back(world: World, trail: dict[str, Any]) -> None:
    """The SQL runs on another host, so that its reports are brought back."""
    world.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 5}})
    other = {"elsewhere": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
    run = play(world, hosts=other, immuta_platform_sql_host="elsewhere", immuta_platform_on_failure="cleanup", **trail)
    assert run.rc != 0 and not world.redshift.holds()
    line = lines(world)["redshift"]
    assert (line["result"], line["message"]) == ("failed", run.message("redshift").partition(": ")[2])
    assert [(each["name"], each["executed"]) for each in line["scripts"]][:2] == [("1-initial-create", 1), ("2-create", 4)]
    assert line["scripts"][1]["statements"][4]["status"] == "failed"
    cleaned = line["scripts"][2]
    assert cleaned["name"] == "recovery-1-cleanup" and "DROP DATABASE" in [each["verb"] for each in cleaned["statements"] if each["status"] == "ok"]
    assert agents(world) >= {AGENT} and line["registration"] is None


@pytest.mark.all
def test_a_run_that_is_killed_leaves_no_line_and_the_next_one_says_what_it_did_itself(world: World, trail: dict[str, Any]) -> None:
    kept = {**trail, "immuta_platform_artifacts": str(world.artifacts)}
    with standing(AtStatement("create", 5), world, functools.partial(play, world), **kept) as run:
        run.kill()
    for path in {*world.temporary.glob("*")} - {world.home}:
        shutil.rmtree(path)  # ansible-core's own, which nobody else can tidy up
    assert Path(trail["immuta_platform_audit_log"]).read_text() == ""
    assert play(world, **kept).rc != 0
    line = lines(world)["redshift"]
    assert line["result"] == "failed" and "its answer never arrived" in line["message"] and [each["executed"] for each in line["scripts"]] == [0, 0]
    done = play(world, immuta_platform_start_at=6, **kept)
    assert done.rc == 0, done.output
    line = lines(world)["redshift"]
    assert [(each["name"], each["executed"], each["skipped"]) for each in line["scripts"]] == [("1-initial-create", 0, 0), ("2-create", 17, 5)]
    assert {each["status"] for each in line["scripts"][1]["statements"][:5]} == {"skipped"} and line["result"] == "changed"


@pytest.mark.all
def test_stages_and_an_approval(world: World, trail: dict[str, Any]) -> None:
    kept = {**trail, "immuta_platform_artifacts": str(world.artifacts)}
    assert play(world, immuta_platform_stages=["generate"], **kept).rc == 0
    made = lines(world)["redshift"]
    sums = [each["sha256"] for each in made["scripts"]]
    assert len(sums) == 2 and {(each["executed"], each["approved_sha256"]) for each in made["scripts"]} == {(0, None)}
    refused = play(world, immuta_platform_stages=["run"], immuta_platform_approved_sha256=sums[:1], **kept)
    assert refused.rc != 0
    line = lines(world)["redshift"]
    assert line["result"] == "failed" and "is not approved" in line["message"] and line["time_started"] <= line["time_ended"]
    done = play(world, tenant=False, immuta_platform_stages=["run"], immuta_platform_approved_sha256=sums, **kept)
    assert done.rc == 0, done.output
    ran = lines(world)["redshift"]
    assert [(each["sha256"], each["approved_sha256"]) for each in ran["scripts"]] == [(each, each) for each in sums]
    assert (ran["tenant"], ran["plan_sha256"], ran["registration"]) == (None, None, None) and all(each["executed"] for each in ran["scripts"])
    assert not [*world.artifacts.rglob("*.report")]


def test_check_mode_leaves_none_and_a_log_that_cannot_be_written_stops_all(world: World, trail: dict[str, Any]) -> None:
    log = Path(trail["immuta_platform_audit_log"])
    assert play(world, "--check", **trail).rc == 0 and not log.exists()
    world.tenant.clear_log()
    log.mkdir()
    refused = play(world, **trail)
    assert refused.rc != 0
    assert f"immuta_platform_audit_log {log} cannot be written: Is a directory." in refused.message("redshift")
    assert world.asked() == [] and not world.redshift.holds() and not world.scripts_left() and not [*world.home.rglob("*.lock")]
    for reference in ("a\nb", "x" * 201):
        run = play(world, immuta_platform_change_reference=reference)
        assert run.rc != 0 and "immuta_platform_change_reference must be one line of at most 200 printable characters" in run.message("redshift")
        assert world.asked() == []


def test_a_rotation(world: World, trail: dict[str, Any]) -> None:
    seed(world, world.redshift)
    platform = replace(world.redshift, extra=new_secrets(password=NEXT))
    done: Run = play(world, entry="rotate", on=platform, **trail)
    assert done.rc == 0, done.output
    line = lines(world, NEXT)["redshift"]
    assert (line["work"], line["result"], [(each["name"], each["sha256"], each["executed"]) for each in line["scripts"]]) == (
        "rotate",
        "changed",
        [("set", None, 1)],
    )
    assert line["scripts"][0]["statements"][0]["verb"] == "ALTER USER"


@pytest.mark.all
def test_runs_without_the_variables_do_as_before(world: World) -> None:
    world.redshift.extra = {"immuta_platform_sql_after": ["CREATE TABLE public.seen AS SELECT current_setting('application_name') AS name"]}
    assert play(world).rc == 0
    assert known_to_redshift(world) == "community.immuta"
    assert agents(world) == {"community.immuta/1.0.0"}
    assert not [name for name in os.listdir(world.folder) if not name.startswith(("run-", "role.yml"))]
