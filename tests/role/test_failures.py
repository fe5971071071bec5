# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-ups that break half-way: what is said, what is kept, what is taken back, and what is never touched."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Platform, World, seed

#: the 5th statement of the create script asks for what is not there; who makes it gets the script to run on
BROKEN = {"create": {"kind": "break", "statement": 5}}
#: an answer by which the tenant refuses a request
REFUSAL = {
    "status": 422,
    "headers": {"Content-Type": "application/json"},
    "body": '{"statusCode": 422, "error": "Unprocessable Entity", "message": "not today"}',
}


@pytest.fixture
def artifacts(world: World) -> dict[str, Any]:
    return {"immuta_platform_artifacts": str(world.artifacts)}


def scripts_run(run: Any, host: str = "redshift") -> list[str]:
    return [event["task"].removeprefix("Run the script ").split(" | ")[0] for event in run.tasks(host, "immuta_sql_script", "Run the script")]


def test_a_broken_script_says_where_and_what_next_and_is_cleaned_up_on_request(world: World) -> None:
    """Without artifacts: kept, refused by the next run, and set up anew when the operator says that it is left over."""
    world.tenant.settings(script_tampering=BROKEN)
    broken = world.register()
    assert broken.rc != 0
    message = broken.message("redshift")
    assert "Run the script create: Statement 5 (SELECT) on line " in message
    assert "no_such_table" in message
    assert "Executed: initial-create (1 of 1 statement), 4 of 22 statements of what failed." in message
    assert "Next: " in message and "immuta_platform_leftovers set to cleanup" in message
    assert world.redshift.holds() and not world.tenant.writes()
    assert not world.scripts_left()

    world.tenant.settings(script_tampering={})
    refused = world.register()
    assert refused.rc != 0
    assert scripts_run(refused) == []
    message = refused.message("redshift")
    assert world.redshift.database in message and world.redshift.config["host"] in message
    assert all(way in message for way in ("leftovers to cleanup", "leftovers to adopt", "immuta_platform_steps"))

    done = world.register(immuta_platform_leftovers="cleanup")
    assert done.rc == 0, done.output
    assert scripts_run(done) == ["cleanup", "initial-create", "create"]
    assert world.registered()["status"] == "enabled" and world.redshift.lets_in()


def test_a_broken_script_goes_on_where_it_stopped(world: World, artifacts: dict[str, Any]) -> None:
    """With artifacts, on Snowflake: the ledger knows."""
    world.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 9, "sql": "USE WAREHOUSE LATER_WH"}})
    broken = world.register(on=world.snowflake, **artifacts)
    assert broken.rc != 0
    message = broken.message("snowflake")
    assert "Statement 9 (USE" in message and "8 of 29 statements" in message
    assert str(world.artifacts) in message and "it resumes there" in message

    world.snowflake.sql("CREATE WAREHOUSE LATER_WH")
    done = world.register(on=world.snowflake, **artifacts)
    assert done.rc == 0, done.output
    ran = done.tasks("snowflake", "immuta_sql_script")
    assert [(event["result"]["statements_skipped"], event["result"]["executed"]) for event in ran] == [(8, 21)]
    assert world.registered(world.snowflake)["status"] == "enabled" and world.snowflake.lets_in()
    world.snowflake.sql("DROP WAREHOUSE LATER_WH")


@pytest.mark.all
def test_a_broken_setup_is_given_up_by_state_absent(world: World, artifacts: dict[str, Any]) -> None:
    world.tenant.settings(script_tampering=BROKEN)
    assert world.register(**artifacts).rc != 0
    assert world.redshift.holds() and world.redshift.has_user()
    look = world.deregister("--check", **artifacts)
    assert look.rc == 0 and world.redshift.holds()
    given_up = world.deregister(**artifacts)
    assert given_up.rc == 0, given_up.output
    assert scripts_run(given_up) == ["cleanup"]
    assert not world.redshift.holds() and not world.redshift.has_user()
    assert world.deregister(**artifacts).changed("redshift") == 0


@pytest.mark.all
def test_a_setup_that_was_begun_is_not_continued_with_other_settings(world: World, artifacts: dict[str, Any]) -> None:
    world.tenant.settings(script_tampering=BROKEN)
    assert world.register(**artifacts).rc != 0
    world.tenant.settings(script_tampering={})
    world.redshift.config["impersonation"] = {"enabled": True, "role": f"{world.redshift.user}_impersonation"}
    refused = world.register(**artifacts)
    assert refused.rc != 0
    assert "three ways out" in refused.message("redshift") and scripts_run(refused) == []
    anew = world.register(immuta_platform_leftovers="cleanup", **artifacts)
    assert anew.rc == 0, anew.output
    assert scripts_run(anew) == ["cleanup", "initial-create", "create"]
    assert world.registered()["config"]["impersonation"]["enabled"] is True


def test_on_failure_cleanup_takes_back_what_was_made(world: World) -> None:
    world.tenant.settings(script_tampering=BROKEN)
    both = [world.redshift, world.snowflake]
    broken = world.register(on=both, immuta_platform_on_failure="cleanup")
    assert broken.rc != 0
    for platform in both:
        assert "cleanup script has removed" in broken.message(platform.host)
        assert not platform.holds() and not platform.has_user()
    assert not re.findall(r"^TASK \[.*\| *\].*", broken.output, re.MULTILINE), "a banner names nobody when all hosts have failed"
    world.tenant.settings(script_tampering={})
    assert world.register(on=both).rc == 0


def test_a_database_that_was_there_before_survives(world: World) -> None:
    """One that is seen before the scripts run, and one that the administrator's role does not see."""
    cleanup = {"immuta_platform_on_failure": "cleanup"}
    theirs = world.redshift
    theirs.sql(f'CREATE DATABASE "{theirs.database}"')
    theirs.sql("CREATE TABLE precious (a int)", database=theirs.database)
    # Here CREATE DATABASE is the first to tell, and by then a statement has been executed
    hidden = world.snowflake
    role = hide(hidden)
    hidden.extra = {"immuta_platform_login": {**hidden.variables()["immuta_platform_login"], "role": role}}
    run = world.register(on=[theirs, hidden], **cleanup)
    assert run.rc != 0
    assert "already" in run.message(theirs.host)
    assert scripts_run(run, theirs.host) == []
    assert "already exists" in run.message(hidden.host)
    assert scripts_run(run, hidden.host) == ["create"], "a clean-up script ran on a database of somebody else"
    assert theirs.holds()["tables"] == ["public.precious"]
    assert hidden.holds()


def hide(platform: Platform) -> str:
    """Have a database of the platform's name that belongs to a role of its own. Gives an administrator's role that does not see it.

    That is none of Snowflake's own: the role of any other set-up, which sees everything, is granted to SYSADMIN.
    """
    owner, blind = f"{platform.database}_OWNER", f"{platform.database}_BLIND"
    platform.sql(
        "USE ROLE SECURITYADMIN",
        f"CREATE ROLE {owner}",
        f"CREATE ROLE {blind}",
        f"GRANT ROLE {blind} TO USER {platform.engine.admin_user}",
        "USE ROLE ACCOUNTADMIN",
        f"CREATE DATABASE {platform.database}",
        f"GRANT OWNERSHIP ON DATABASE {platform.database} TO ROLE {owner}",
    )
    return blind


def test_a_shared_database_is_neither_asked_for_nor_cleaned_up(world: World) -> None:
    world.redshift.sql(f'CREATE DATABASE "{world.redshift.database}"')
    world.redshift.sql("CREATE TABLE precious (a int)", database=world.redshift.database)
    steps = {"immuta_platform_steps": [{"script": "create", "database": world.redshift.database}], "immuta_platform_on_failure": "cleanup"}
    world.tenant.settings(script_tampering=BROKEN)
    broken = world.register(**steps)
    assert broken.rc != 0
    assert scripts_run(broken) == ["create"]
    assert "public.precious" in world.redshift.holds()["tables"]


@pytest.mark.all
def test_a_request_that_is_refused_after_the_scripts(world: World) -> None:
    """Kept: the set-up is complete and can be adopted. With on_failure cleanup: taken back, since Immuta has no integration."""
    refusal = {"method": "POST", "path": "^/integrations$", **REFUSAL}
    world.tenant.fault(**refusal)
    kept = world.register()
    assert kept.rc != 0
    assert "not today" in kept.message("redshift") and "immuta_platform_leftovers set to adopt" in kept.message("redshift")
    assert world.redshift.lets_in() and not world.registered()
    adopted = world.register(immuta_platform_leftovers="adopt")
    assert adopted.rc == 0, adopted.output
    assert scripts_run(adopted) == []
    assert world.registered()["status"] == "enabled"

    world.tenant.fault(**refusal)
    taken_back = world.register(on=world.snowflake, immuta_platform_on_failure="cleanup")
    assert taken_back.rc != 0
    assert not world.snowflake.holds() and not world.snowflake.has_user()


@pytest.mark.all
def test_a_creation_that_fails_in_immuta_is_kept_then_finished_or_taken_back(world: World) -> None:
    """createError: there is an integration that uses the set-up, so not even on_failure cleanup takes it back."""
    world.tenant.settings(fails={"create": "the metadata store was busy"}, transitions="polls:1")
    both = [world.redshift, world.snowflake]
    failed = world.register(on=both, immuta_platform_on_failure="cleanup", immuta_platform_wait_interval=0.1)
    assert failed.rc != 0
    for platform in both:
        assert "the metadata store was busy" in failed.message(platform.host)
        assert world.registered(platform)["status"] == "createError"
        assert platform.lets_in()

    # Taken back: by the clean-up script, since there is no delete script for what was never created
    taken_back = world.deregister(on=world.snowflake, immuta_platform_wait_interval=0.1)
    assert taken_back.rc == 0, taken_back.output
    assert scripts_run(taken_back, "snowflake") == ["cleanup"]
    assert not world.registered(world.snowflake) and not world.snowflake.holds()

    # Finished: what is there is adopted, and the request is an update
    world.tenant.settings(fails={})
    finished = world.register(immuta_platform_leftovers="adopt", immuta_platform_wait_interval=0.1)
    assert finished.rc == 0, finished.output
    assert scripts_run(finished) == []
    assert finished.result("redshift")["action"] == "updated"
    assert world.registered()["status"] == "enabled"


@pytest.mark.all
def test_a_delete_that_broke_after_its_script_is_finished(world: World) -> None:
    seed(world, world.redshift)
    world.tenant.fault(method="DELETE", path="^/integrations/", **REFUSAL)
    broken = world.deregister()
    assert "not today" in broken.message("redshift") and "run this again" in broken.message("redshift")
    assert world.registered() and not world.redshift.holds()
    done = world.deregister()
    assert done.rc == 0, done.output
    assert scripts_run(done) == [], "the delete script ran on a database that is gone"
    assert not world.registered()


def test_a_failing_login_says_so_and_nothing_is_done(world: World) -> None:
    login = {**world.redshift.variables()["immuta_platform_login"], "password": "wrong"}
    world.redshift.extra = {"immuta_platform_login": login}
    run = world.register()
    assert run.rc != 0
    message = run.message("redshift")
    assert message.startswith(f"redshift: Ask {world.redshift.config['host']} for the database {world.redshift.database}: ")
    assert "Nothing has been changed on the warehouse" in message
    assert not world.tenant.writes()


@pytest.mark.all
def test_a_script_with_a_foreign_statement_runs_only_on_request(world: World) -> None:
    world.redshift.sql(f"CREATE DATABASE doomed_{world.redshift.user}")
    statement = f"DROP DATABASE doomed_{world.redshift.user}"
    world.tenant.settings(script_tampering={"initial-create": {"kind": "poison", "statement": 1, "sql": statement}})
    refused = world.register()
    assert refused.rc != 0
    assert "DROP DATABASE" in refused.message("redshift") and not world.redshift.holds()
    assert f"doomed_{world.redshift.user}" in world.redshift.engine.catalog()["databases"]
    assert world.register(immuta_platform_any_statement=True).rc == 0
    assert f"doomed_{world.redshift.user}" not in world.redshift.engine.catalog()["databases"]
