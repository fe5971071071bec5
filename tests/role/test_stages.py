# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate, run and register as plays of their own, with nothing between them but a directory."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.playbook import Run

from .conftest import World, mode


@pytest.fixture
def stage(world: World) -> Any:
    """stage("run", …): one play of one stage, on the platform of Redshift unless told otherwise."""

    def play(name: str, *arguments: str, **how: Any) -> Run:
        return world.register(*arguments, immuta_platform_stages=[name], immuta_platform_artifacts=str(world.artifacts), **how)

    return play


def summary(world: World, host: str = "redshift") -> dict[str, Any]:
    return dict(json.loads((world.artifacts / host / "summary.json").read_text()))


def sql_tasks(run: Run, host: str = "redshift") -> list[dict[str, Any]]:
    return run.tasks(host, "immuta_sql_script")


def state_of(world: World) -> list[Any]:
    """What is there in the end, without what differs from one creation to the next."""
    integrations = sorted(({**each, "id": None} for each in world.tenant.integrations()), key=lambda each: str(each["type"]))
    return [integrations, world.redshift.engine.catalog(), world.snowflake.engine.catalog()]


@pytest.mark.all
def test_three_stages_end_where_one_run_ends(world: World, stage: Any) -> None:
    both = {"on": [world.redshift, world.snowflake]}

    # Generate: needs the tenant, and no login
    made = stage("generate", **both)
    assert made.rc == 0, made.output
    assert not world.tenant.writes()
    assert not sql_tasks(made)
    assert not world.redshift.holds() and not world.snowflake.holds()
    assert made.changed("redshift") == 1
    assert sorted(path.name for path in (world.artifacts / "redshift").iterdir()) == [
        "1-initial-create.review.sql",
        "1-initial-create.sql",
        "2-create.review.sql",
        "2-create.sql",
        "summary.json",
    ]
    assert {mode(path) for path in world.artifacts.rglob("*") if path.is_file()} == {"0600"}
    assert {mode(path) for path in world.artifacts.iterdir()} == {"0700"}
    plan = summary(world)
    assert (plan["action"], plan["work"], plan["state"]) == ("created", "setup", "open")
    assert [(name, script["database"]) for name, script in sorted(plan["scripts"].items())] == [
        ("1-initial-create", "dev"),
        ("2-create", world.redshift.database),
    ]
    # … the copies for review hold no literal, and line by line the same otherwise
    for path in world.artifacts.rglob("*.review.sql"):
        copy, script = path.read_text(), Path(str(path).replace(".review", "")).read_text()
        assert set(re.findall(r"'([^']*)'", re.sub(r"(?m)--.*$|/\*.*?\*/", "", copy))) <= {"***"}
        assert copy.count("\n") == script.count("\n")

    # … and the password is in the scripts alone
    holding = {path.name for path in world.artifacts.rglob("*") if path.is_file() and "ünïcödé" in path.read_text()}
    assert holding == {"2-create.sql", "1-create.sql"}

    # Run: needs the login and the approval, and no tenant
    world.tenant.clear_log()
    approved = [script["sha256"] for host in ("redshift", "snowflake") for script in summary(world, host)["scripts"].values()]
    ran = stage("run", tenant=False, immuta_platform_approved_sha256=approved, **both)
    assert ran.rc == 0, ran.output
    assert world.asked() == []
    assert world.redshift.lets_in() and world.snowflake.lets_in()
    assert all(script["ran"] for script in summary(world)["scripts"].values())

    # Register: needs the tenant
    registered = stage("register", **both)
    assert registered.rc == 0, registered.output
    assert not sql_tasks(registered)
    assert registered.result("redshift")["action"] == "created"
    assert summary(world)["state"] == "done"
    apart = state_of(world)

    # Every stage again: nothing
    for name in ("generate", "run", "register"):
        again = stage(name, **both)
        assert again.rc == 0, again.output
        assert [again.changed(host) for host in ("redshift", "snowflake")] == [0, 0], name
    assert state_of(world) == apart

    # Taken back by the same three stages
    for name in ("generate", "run", "register"):
        back = world.deregister(immuta_platform_stages=[name], immuta_platform_artifacts=str(world.artifacts), **both)
        assert back.rc == 0, back.output
        assert not sql_tasks(back) or name == "run"
    assert {mode(path) for path in world.artifacts.rglob("*") if path.is_file()} == {"0600"}
    for platform in both["on"]:
        assert not world.registered(platform) and not platform.holds() and not platform.has_user()

    # The same in one go, from an empty start
    world.tenant.reset()
    assert world.register(**both).rc == 0
    assert state_of(world) == apart


def test_a_changed_script_is_refused(world: World, stage: Any) -> None:
    assert stage("generate").rc == 0
    script = world.artifacts / "redshift" / "2-create.sql"
    original = script.read_bytes()
    script.write_bytes(original + b"\nDROP DATABASE dev;\n")
    run = stage("run")
    assert run.rc != 0
    assert "2-create.sql" in run.message("redshift") and "No script of this run has run" in run.message("redshift")
    assert not sql_tasks(run)
    assert not world.redshift.holds(), "the first script ran, although the second is not the one that was made"

    script.unlink()
    assert "it is not there" in stage("run").message("redshift")
    script.write_bytes(original)

    # What was made is not what was approved
    first, second = (each["sha256"] for _unused, each in sorted(summary(world)["scripts"].items()))
    refused = stage("run", immuta_platform_approved_sha256=first)
    assert refused.rc != 0 and second in refused.message("redshift")
    assert not sql_tasks(refused)
    assert stage("run", immuta_platform_approved_sha256=[first, second.upper()]).rc == 0
    assert world.redshift.lets_in()


def test_run_makes_no_script(world: World, stage: Any) -> None:
    run = stage("run")
    assert run.rc != 0
    assert "Run the stage generate first" in run.message("redshift")
    assert world.asked() == []
    assert "immuta_platform_artifacts" in world.register(immuta_platform_stages=["run"]).message("redshift")


@pytest.mark.all
def test_a_check_run_of_each_stage_says_what_the_stage_does(world: World, stage: Any) -> None:
    for name in ("generate", "run", "register"):
        folder = {path: path.read_bytes() for path in world.artifacts.rglob("*") if path.is_file()}
        catalog = world.redshift.engine.catalog()
        look = stage(name, "--check")
        assert look.rc == 0, look.output
        assert {path: path.read_bytes() for path in world.artifacts.rglob("*") if path.is_file()} == folder
        assert world.redshift.engine.catalog() == catalog
        assert not world.tenant.writes()
        done = stage(name)
        assert done.rc == 0, done.output
        assert look.changed("redshift") == done.changed("redshift") > 0, name
        keys = ("action", "changed")
        assert [look.result("redshift")[key] for key in keys] == [done.result("redshift")[key] for key in keys]


@pytest.mark.all
def test_a_tenant_that_gives_the_second_script_late(world: World, stage: Any) -> None:
    """In check mode it is pending; in one go it is asked for again; apart, generate and run take turns."""
    world.tenant.settings(script_order="ran")
    look = world.register("--check")
    assert look.rc == 0, look.output
    assert look.result("redshift")["action"] == "created"
    done = world.register()
    assert done.rc == 0, done.output
    assert world.registered()["status"] == "enabled"
    assert world.deregister().rc == 0

    assert stage("generate").rc == 0
    assert "sha256" not in summary(world)["scripts"]["2-create"]
    assert stage("run").rc == 0
    assert world.redshift.holds() and not world.redshift.has_user()
    first = (world.artifacts / "redshift" / "1-initial-create.sql").read_bytes()
    for name in ("generate", "run", "register"):
        run = stage(name)
        assert run.rc == 0, run.output
    assert (world.artifacts / "redshift" / "1-initial-create.sql").read_bytes() == first
    assert world.registered()["status"] == "enabled"


@pytest.mark.all
def test_scripts_that_were_begun_are_not_made_anew(world: World, stage: Any) -> None:
    """A tenant whose scripts differ each time, and that makes the system account's password itself: a second script would not fit."""
    world.tenant.settings(script_timestamp=True, script_password="server")
    world.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 5}})
    artifacts = {"immuta_platform_artifacts": str(world.artifacts)}
    broken = world.register(**artifacts)
    assert broken.rc != 0
    world.tenant.settings(script_tampering={})
    script = (world.artifacts / "redshift" / "2-create.sql").read_bytes()
    world.redshift.sql("CREATE SCHEMA immuta_no_such_schema", "CREATE TABLE immuta_no_such_schema.no_such_table (a int)", database=world.redshift.database)
    done = world.register(**artifacts)
    assert done.rc == 0, done.output
    assert (world.artifacts / "redshift" / "2-create.sql").read_bytes() == script
    assert world.registered()["status"] == "enabled"


def test_a_run_of_its_own_can_clean_up_without_the_tenant(world: World, stage: Any) -> None:
    """The clean-up script was made, and can be approved, beforehand."""
    cleanup = {"immuta_platform_on_failure": "cleanup"}
    world.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 5}})
    assert stage("generate", **cleanup).rc == 0
    scripts = summary(world)["scripts"]
    assert sorted(scripts) == ["1-initial-create", "2-create", "recovery-1-cleanup"]
    world.tenant.clear_log()
    approved = [script["sha256"] for script in scripts.values()]
    broken = stage("run", tenant=False, immuta_platform_approved_sha256=approved, **cleanup)
    assert broken.rc != 0
    assert "cleanup script has removed" in broken.message("redshift")
    assert not world.redshift.holds() and not world.redshift.has_user()
    assert world.asked() == []


@pytest.mark.all
def test_the_artifacts_of_another_platform_are_refused(world: World, stage: Any) -> None:
    assert stage("generate").rc == 0
    world.redshift.config["host"] = "other.example.com"
    assert "contains the artifacts of Redshift 127.0.0.1" in stage("generate").message("redshift")
