# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator of many platforms meets: approvals, surveys, drift without secrets, mistyped hosts, killed jobs, two runs at once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.names import count
from support.core import PYTHON

from .conftest import World, mode, seed
from .test_failures import scripts_run

NO_SECRETS = {"immuta_platform_server_validation": False}
SLOW = {"create": {"kind": "break", "statement": 5, "sql": "SELECT pg_sleep(12)"}}


def banners(output: str) -> list[str]:
    return re.findall(r"^TASK \[(.*?)\] \**$", output, re.MULTILINE)


def test_a_run_with_nothing_to_do_is_short_and_says_so(world: World) -> None:
    seed(world, world.redshift)
    quiet = world.register()
    own = [banner for banner in banners(quiet.output) if "immuta_platform :" in banner]
    assert len(own) <= 8 and len(banners(quiet.output)) <= 8
    assert "Redshift 127.0.0.1: as it should be (id 1, healthy, " in quiet.output


def test_a_run_with_work_names_platform_and_step_and_counts_statements(world: World) -> None:
    look = world.register("--check")
    assert "Redshift 127.0.0.1: would be registered" in look.output
    assert "Scripts to run: initial-create, create." in look.output and "Next: run this without check mode." in look.output
    world.tenant.clear_log()
    done = world.register()
    own = [banner for banner in banners(done.output) if "immuta_platform :" in banner]
    assert not [banner for banner in own if not banner.endswith("| redshift")]
    assert "Have the tenant register the platform, and wait up to 600 s | redshift" in done.output
    assert "Run the script create: 21 of 21 statements ran." in done.output
    assert "Scripts run: initial-create (1 of 1 statement), create (21 of 21 statements)." in done.output
    assert "Redshift 127.0.0.1: registered (id 1, healthy, " in done.output
    # the tenant validates after the scripts and before the request
    assert world.asked()[:7] == [
        "GET /integrations",
        "POST /integrations/scripts/initial-create",
        "POST /integrations/scripts/create",
        "GET /integrations",
        "POST /integrations?dryRun=true",
        "POST /integrations",
        "GET /integrations/1",
    ]
    actions = [event["action"].split(".")[-1] for event in done.tasks("redshift") if "immuta_" in event["action"]]
    assert actions == [
        "immuta_platform_plan",
        "immuta_integration_script",
        "immuta_sql_script",
        "immuta_platform_plan",
        *["immuta_sql_script"] * 2,
        "immuta_integration",
        "immuta_platform_plan",
    ]


@pytest.mark.all
def test_lists_and_dictionaries_may_be_text(world: World) -> None:
    """As the surveys and extra variables of AWX give them."""
    whole = world.redshift.variables()
    config = {**world.redshift.config, "password": world.redshift.password}
    world.redshift.extra = {
        "immuta_platform_integration": {"__ansible_unsafe": json.dumps({"type": "Redshift", "autoBootstrap": "false", "config": config})},
        "immuta_platform_login": json.dumps(whole["immuta_platform_login"]),
        "immuta_platform_stages": "generate, run,register",
        "immuta_platform_steps": json.dumps([{"script": "initial-create", "database": "dev"}, {"script": "create", "database": world.redshift.database}]),
        "immuta_platform_wait": "yes",
        "immuta_platform_wait_timeout": "120",
        "immuta_platform_repair": "",
    }
    done = world.register()
    assert done.rc == 0, done.output
    assert world.redshift.lets_in() and world.registered()["status"] == "enabled"
    assert world.register().changed("redshift") == 0


@pytest.mark.cores
def test_a_drift_check_needs_no_secret(world: World) -> None:
    """Undefined, omitted and null secrets count as not given; what is no secret is named."""
    seed(world, world.redshift)
    config = {name: value for name, value in world.redshift.config.items() if name != "password"}
    passwords = {"undefined": "{{ vault_nowhere }}", "omitted": "{{ vault_nowhere | default(omit) }}", "null": "{{ none }}", "alias": None}
    hosts = []
    for name, password in passwords.items():
        integration: Any = {"type": "Redshift", "auto_bootstrap": False, "config": {**config, "password": password}}
        extra = {"immuta_platform_integration": integration, "immuta_platform_login": {"username": "{{ vault_admin }}", "password": "{{ vault_nowhere }}"}}
        if name == "alias":
            extra |= {"immuta_platform_integration": "{{ the_platform }}", "the_platform": {**integration, "config": {**config, "password": "{{ vault_no }}"}}}
        hosts.append(replace(world.redshift, host=name, extra=extra))
    drift = world.register("--check", on=hosts, **NO_SECRETS)
    assert drift.rc == 0, drift.output
    assert {drift.result(name)["action"] for name in passwords} == {"unchanged"}

    config["impersonation"] = {"enabled": True, "role": "somebody"}
    drifted = {"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": {**config, "password": "{{ vault_nowhere }}"}}}
    new = {"immuta_platform_integration": {**drifted["immuta_platform_integration"], "config": {**config, "host": "127.0.0.9"}}}
    differs = world.register("--check", on=[replace(world.redshift, extra=drifted), replace(world.redshift, host="new", extra=new)], **NO_SECRETS)
    assert differs.rc == 0, differs.output
    assert {host: differs.result(host)["action"] for host in ("redshift", "new")} == {"redshift": "updated", "new": "created"}
    assert "Changes: config.impersonation.enabled, config.impersonation.role." in differs.output
    del config["impersonation"]

    typo = {"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": {**config, "database": "{{ databse }}"}}}
    refused = world.register("--check", on=replace(world.redshift, extra=typo), **NO_SECRETS)
    assert "immuta_platform_integration.config.database cannot be evaluated: 'databse' is undefined" in refused.message("redshift")
    assert "PasswordNotGiven" not in refused.output


@pytest.mark.all
def test_generate_hands_on_what_is_to_be_approved(world: World) -> None:
    folder = world.artifacts / "redshift"
    how = {"immuta_platform_artifacts": str(folder), "immuta_platform_artifacts_mode": "0640"}
    made = world.register(immuta_platform_stages=["generate"], environment={"ANSIBLE_SHOW_CUSTOM_STATS": "true"}, **how)
    assert made.rc == 0, made.output
    summary = json.loads((folder / "summary.json").read_text())
    assert not (folder / "redshift").exists(), "the host's folder was appended to a path that ends in it"
    for key, script in summary["scripts"].items():
        assert f"Script {folder}/{key}.sql: {count(script['statements'], 'statement')}, sha256 {script['sha256']}." in made.output
    assert "Next: run the stage run and then register." in made.output
    stats = made.output.partition("CUSTOM STATS")[2]
    assert "immuta_scripts" in stats and all(script["sha256"] in stats for script in summary["scripts"].values())
    modes = {path.name: mode(path) for path in folder.iterdir()}
    assert {modes[name] for name in ("summary.json", "1-initial-create.review.sql", "2-create.review.sql")} == {"0640"}
    assert {modes["1-initial-create.sql"], modes["2-create.sql"]} == {"0600"}
    assert mode(folder) == "0750"
    assert world.register(immuta_platform_stages=["generate"], **how).changed("redshift") == 0

    one = next(iter(summary["scripts"].values()))["sha256"]
    refused = world.register(immuta_platform_stages=["run"], immuta_platform_approved_sha256=one, **how)
    assert "add the missing checksums to immuta_platform_approved_sha256: each script needs its own" in refused.message("redshift")


def test_a_mistyped_host_is_refused_and_nothing_is_dropped(world: World) -> None:
    """The warehouse is the registered one under another name."""
    seed(world, world.redshift)
    right = dict(world.redshift.config)
    world.redshift.config["host"] = "localhost"
    for leftovers in ("fail", "cleanup"):
        refused = world.register(immuta_platform_leftovers=leftovers)
        assert refused.rc != 0
        message = refused.message("redshift")
        assert "integration 1 (127.0.0.1)" in message and "cleanup" not in message, message
        assert scripts_run(refused) == []
    world.redshift.config.update(right)
    assert world.redshift.lets_in() and world.redshift.holds()


@pytest.mark.all
def test_a_platform_that_is_being_created_is_not_waited_for_in_silence(world: World) -> None:
    seed(world, world.redshift)
    stored = world.registered()
    world.tenant.reset()
    world.tenant.seed({**stored, "status": "creating"})
    world.tenant.settings(transitions="seconds:600")
    started = time.monotonic()
    look = world.register("--check")
    assert look.rc == 0, look.output
    assert time.monotonic() - started < 60
    assert "still creating" in look.output
    waits = world.register(immuta_platform_wait_timeout=1, immuta_platform_wait_interval=0.2)
    assert waits.rc != 0 and "creating" in waits.message("redshift")
    assert "Have the tenant finish what it is at (creating), and wait up to 1 s | redshift" in waits.output


@pytest.mark.all
def test_messages_name_the_roles_variables(world: World) -> None:
    no_url = world.register(tenant=False)
    assert "set immuta_url, or the environment variable IMMUTA_URL" in no_url.message("redshift")
    integration = world.redshift.variables()["immuta_platform_integration"]
    del integration["config"]["password"]
    incomplete = world.register(on=replace(world.redshift, extra={"immuta_platform_integration": integration}))
    assert "immuta_platform_integration.config.password is needed" in incomplete.message("redshift")
    for run in (no_url, incomplete):
        failed = run.output.partition("fatal: ")[2]
        assert "argument_spec" not in failed and len(failed.splitlines()) < 45


# --- two runs, and runs that die ---------------------------------------------------------------------------------


def in_background(world: World, **how: Any) -> tuple[threading.Thread, list[Any]]:
    """A run at the same time, when it is in the middle of its script."""
    runs: list[Any] = []
    world.tenant.settings(script_tampering=SLOW)
    first = threading.Thread(target=lambda: runs.append(world.register(**how)))
    first.start()
    deadline = time.monotonic() + 90
    while not world.redshift.has_user() and time.monotonic() < deadline:
        time.sleep(0.2)
    return first, runs


@pytest.mark.all
def test_a_killed_run_leaves_no_password_and_no_lock(world: World) -> None:
    noted = world.folder / "pid"
    first, runs = in_background(world, command=("sh", "-c", f'echo $$ >{noted}; exec "$0" "$@"', PYTHON, "-m", "ansible", "playbook"))
    os.kill(int(noted.read_text()), signal.SIGKILL)
    first.join()
    assert runs[0].rc == -signal.SIGKILL
    left = list(world.home.glob("immuta_platform/*/*.sql"))
    assert left, "the run was killed before there was anything to leave"
    world.tenant.settings(script_tampering={})
    time.sleep(15)  # the script that was being executed goes on, and its platform is locked meanwhile
    other = world.register(on=world.snowflake)
    assert other.rc == 0, other.output
    assert not [path for path in left if path.exists()], "the next run of another host left a script with a password"
    again = world.register()
    assert "leftovers to cleanup" in again.message("redshift"), "the lock of the dead run was not taken over"
    assert world.register(immuta_platform_leftovers="cleanup").rc == 0
    for path in world.temporary.iterdir():
        if path != world.home:  # what Ansible itself leaves when it is killed
            shutil.rmtree(path)


@pytest.mark.all
def test_a_lock_of_another_machine_is_broken_by_its_id_alone(world: World) -> None:
    held = {"run": "0123456789abcdef", "host": "another-machine", "user": "nightly", "pid": 4711, "since": "2026-11-01T02:00:00Z"}
    seed(world, world.redshift)
    place = lock_of(world)
    place.write_text(json.dumps(held))
    refused = world.register()
    assert "nightly on another-machine, process 4711, since 2026-11-01T02:00:00Z" in refused.message("redshift")
    assert "immuta_platform_break_lock=0123456789abcdef" in refused.message("redshift")
    assert world.register(immuta_platform_break_lock="fedcba9876543210").rc != 0
    assert world.register(immuta_platform_break_lock="0123456789abcdef").rc == 0
    assert not place.exists()


def lock_of(world: World) -> Path:
    folder = world.home / "immuta_platform"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{hashlib.sha256(b'Redshift 127.0.0.1').hexdigest()[:16]}.lock"
