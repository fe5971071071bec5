# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role's variables do, beside the main way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .conftest import NASTY, World, seed
from .test_failures import scripts_run


@pytest.mark.all
def test_automatic_bootstrap_needs_no_script_and_no_login(world: World) -> None:
    world.snowflake.extra = {
        "immuta_platform_login": {},
        "immuta_platform_integration": {
            "type": "Snowflake",
            "autoBootstrap": True,
            "config": {
                **world.snowflake.config,
                "username": world.snowflake.engine.admin_user,
                "password": world.snowflake.engine.admin_password,
                "role": "ACCOUNTADMIN",
            },
        },
    }
    for play, action in ((world.register, "created"), (world.deregister, "deleted")):
        run = play(on=world.snowflake)
        assert run.rc == 0, run.output
        assert run.result("snowflake")["action"] == action
        assert not run.tasks("snowflake", "immuta_sql_script") and not run.tasks("snowflake", "immuta_integration_script")
        assert bool(world.snowflake.holds()) is (action == "created"), "Immuta did not do its part"


@pytest.mark.all
def test_a_type_without_scripts_is_only_registered(world: World) -> None:
    world.redshift.extra = {
        "immuta_platform_integration": {
            "type": "Native S3",
            "auto_bootstrap": False,
            "config": {
                "name": "lake",
                "awsAccountId": "123456789012",
                "awsRegion": "us-east-1",
                "awsLocationRole": "arn:aws:iam::123456789012:role/location",
                "awsLocationPath": "s3://lake",
                "awsRoleToAssume": "arn:aws:iam::123456789012:role/immuta",
                "authenticationType": "auto",
            },
        }
    }
    run = world.register()
    assert run.rc == 0, run.output
    assert [each["type"] for each in world.tenant.integrations()] == ["Native S3"]
    assert not run.tasks("redshift", "immuta_integration_script")


def test_own_statements_run_around_the_setup(world: World) -> None:
    database = world.redshift.database
    run = world.register(
        immuta_platform_sql_before=["CREATE TABLE IF NOT EXISTS before_setup (a int) -- in the database that is there;", "SELECT 1"],
        immuta_platform_sql_after="CREATE TABLE after_setup (a int);\nINSERT INTO after_setup SELECT count(*) FROM immuta_system.version;",
    )
    assert run.rc == 0, run.output
    assert scripts_run(run) == ["before", "initial-create", "create", "after"]
    assert world.redshift.engine.query("SELECT count(*) FROM before_setup") == [[0]]
    assert world.redshift.engine.query("SELECT a FROM after_setup", database=database) == [[1]], "it did not run after the setup"
    world.redshift.sql("DROP TABLE before_setup")


@pytest.mark.all
def test_repair_runs_the_edit_script_and_updates(world: World) -> None:
    seed(world, world.redshift)
    world.tenant.clear_log()
    run = world.register(immuta_platform_repair=True)
    assert run.rc == 0, run.output
    assert scripts_run(run) == ["edit"]
    assert run.result("redshift")["action"] == "updated"
    assert "PUT /integrations/1" in world.asked()


@pytest.mark.all
def test_a_password_is_rotated_when_that_is_asked_for(world: World) -> None:
    seed(world, world.redshift)
    world.redshift.password = "an0ther 'one' $$;"
    assert world.register().changed("redshift") == 0, "a secret alone is no reason, unless it is said to be"
    run = world.register(immuta_platform_update_secrets="always")
    assert run.rc == 0, run.output
    assert world.registered()["config"]["password"] == world.redshift.password
    assert world.redshift.lets_in()
    assert not world.redshift.engine.can_login(world.redshift.user, NASTY, database=world.redshift.database)


@pytest.mark.all
def test_force_disable_runs_no_sql(world: World) -> None:
    seed(world, world.redshift)
    run = world.deregister(immuta_platform_force_disable=True, immuta_platform_artifacts=str(world.artifacts))
    assert run.rc == 0, run.output
    assert scripts_run(run) == []
    assert world.redshift.holds() and world.registered()["status"] == "disabled"
    assert f'DROP DATABASE "{world.redshift.database}"' in run.result("redshift")["left_behind"]
    assert (world.artifacts / "redshift" / "1-delete.sql").exists()
    assert "What stays on the warehouse: DROP DATABASE" in run.output, "what stays behind is not said"


@pytest.mark.all
def test_the_tenant_can_come_from_the_environment(world: World) -> None:
    """What the inventory does not say, AWX says by credentials. Both may say the same, and never different tenants."""
    credentials = {"IMMUTA_URL": world.tenant.url, "IMMUTA_API_KEY": world.tenant.api_key}
    environment_fallback = world.register("--check", tenant=False, environment=credentials, immuta_api_key="")
    assert environment_fallback.rc == 0, environment_fallback.output
    assert world.register("--check", environment={"IMMUTA_URL": world.tenant.url.upper() + "/"}).rc == 0

    world.tenant.clear_log()
    two = world.register("--check", environment={"IMMUTA_URL": "https://other.hosted.immutacloud.com"})
    assert two.rc != 0
    assert "other.hosted.immutacloud.com" in two.message("redshift") and "127.0.0.1" in two.message("redshift")
    assert world.asked() == []


CONNECTION = {"immuta_platform_integration": {}}

#: host -> (its variables, what the message names)
BAD = {
    "unknown_key": ({"immuta_platform_integration": {"type": "Redshift", "konfig": {}}}, "konfig"),
    "no_type": ({"immuta_platform_integration": {"config": {}}}, "needs a type"),
    "no_platform": ({"immuta_platform_integration": {}}, "either immuta_platform_integration or immuta_platform_connection"),
    "two_platforms": ({"immuta_platform_connection": {"connection_key": "lake"}}, "either immuta_platform_integration or immuta_platform_connection"),
    "no_technology": ({**CONNECTION, "immuta_platform_connection": {"connection_key": "lake"}}, "needs the technology"),
    "no_key": ({**CONNECTION, "immuta_platform_connection": {"connection": {"technology": "Glue"}}}, "needs a connection_key"),
    "unknown_part": ({**CONNECTION, "immuta_platform_connection": {"connection_key": "lake", "nativ": {}}}, "nativ"),
    "stage_alone": ({"immuta_platform_stages": ["register"]}, "immuta_platform_artifacts"),
    "relative_path": ({"immuta_platform_artifacts": "relative/path"}, "absolute path"),
    "no_such_policy": ({"immuta_platform_leftovers": "ignore"}, "leftovers"),
    "blank_approval": ({"immuta_platform_approved_sha256": ""}, "immuta_platform_approved_sha256 is given but empty"),
    "no_approval": ({"immuta_platform_require_approval": "true"}, "No script runs without an approval"),
    "misspelled": ({"immuta_platform_stage": ["generate"]}, "Did you mean immuta_platform_stages?"),
    "no_json": ({"immuta_platform_integration": "{type: Redshift}"}, "immuta_platform_integration begins like JSON, but is not valid JSON"),
    "text": ({"immuta_platform_login": "username=admin"}, "immuta_platform_login must be a dictionary, but is a text"),
    "config_is_text": ({"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": "text"}}, "config"),
}


@pytest.mark.all
def test_bad_variables_are_named_before_anything_is_sent(world: World) -> None:
    hosts = [replace(world.redshift, host=host, extra=variables) for host, (variables, _unused) in BAD.items()]
    run = world.register(on=hosts)
    assert run.rc != 0
    for host, (_unused, complaint) in BAD.items():
        failed = run.tasks(host, status="failed")
        assert complaint in str(failed[-1]["result"]), host
    assert world.asked() == []


@pytest.mark.all
def test_a_missing_password_is_named_before_anything_runs(world: World) -> None:
    integration = world.redshift.variables()["immuta_platform_integration"]
    del integration["config"]["password"]
    world.redshift.extra = {"immuta_platform_integration": integration}
    run = world.register()
    assert run.rc != 0
    assert "config.password" in run.message("redshift")
    assert not world.redshift.holds() and not world.tenant.writes()


@pytest.mark.all
def test_the_sql_can_run_on_another_host(world: World) -> None:
    """The script is copied there for as long as it runs; what is known of it comes back."""
    elsewhere = {
        "hosts": {"bastion": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}},
        "immuta_platform_sql_host": "bastion",
        "immuta_platform_artifacts": str(world.artifacts),
    }
    world.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 5}})
    broken = world.register("-vvvv", "--diff", **elsewhere)
    assert broken.rc != 0 and "Statement 5" in broken.message("redshift")
    assert "ünïcödé" not in broken.output + str(broken.events)
    assert "redshift -> bastion" in broken.output
    assert not world.scripts_left()
    world.redshift.sql("CREATE SCHEMA immuta_no_such_schema", "CREATE TABLE immuta_no_such_schema.no_such_table (a int)", database=world.redshift.database)
    done = world.register(**elsewhere)
    assert done.rc == 0, done.output
    ran = done.tasks("redshift", "immuta_sql_script")
    assert [(event["result"]["statements_skipped"], event["result"]["executed"]) for event in ran] == [(4, 18)]
    assert world.registered()["status"] == "enabled" and world.redshift.lets_in()


@pytest.mark.all
def test_a_host_for_the_sql_that_cannot_be_reached(world: World) -> None:
    """It has no connection in the inventory, so it is not taken for local as the play's own hosts are."""
    run = world.register(hosts={"bastion": {"ansible_host": "127.0.0.1", "ansible_port": 1}}, immuta_platform_sql_host="bastion")
    assert run.rc != 0
    assert run.message("redshift").startswith("redshift: bastion cannot be reached to run the SQL: ")
    assert not world.redshift.holds() and not world.tenant.writes()
