# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on platforms behind connections: Immuta forgets one first, and its script cleans up last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from support.playbook import Run

from .conftest import Platform, World, mode

PASSWORD = "it's 4 $you$"


@dataclass
class Connection(Platform):
    """A Snowflake connection. Its host is said once."""

    password: str = PASSWORD

    @property
    def key(self) -> str:
        return f"key-{self.database}"

    @property
    def role(self) -> str:
        return f"{self.database}_READER"

    def variables(self) -> dict[str, Any]:
        account = {"authenticationType": "userPassword", "username": self.user, "password": {"__ansible_unsafe": self.password}}
        place = {"port": self.config["port"], "warehouse": self.config["warehouse"]}
        found = super().variables()
        found.pop("immuta_platform_integration")
        connection = {
            "connection_key": self.key,
            "connection": {"technology": "Snowflake", "hostname": self.config["host"], "role": self.role, **place, **account},
            "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {"database": self.database, **place, **account}},
        }
        quoted = self.password.replace("'", "''")
        before = [
            "USE ROLE ACCOUNTADMIN",
            f"CREATE ROLE {self.role}",
            f"GRANT USAGE ON WAREHOUSE {place['warehouse']} TO ROLE {self.role}",
            f"CREATE USER {self.user} PASSWORD = '{quoted}' DEFAULT_WAREHOUSE = {place['warehouse']} DEFAULT_ROLE = {self.role}",
            f"GRANT ROLE {self.role} TO USER {self.user}",
        ]
        return {"immuta_platform_connection": connection, "immuta_platform_sql_before": before, **found}


@pytest.fixture
def connection(world: World) -> Connection:
    """Its system account is the operator's own; the script grants to it."""
    world.tenant.settings(data_api="on", snowflake_account="given")
    return Connection("lake", world.snowflake.engine, world.snowflake.config)


def connected(world: World, connection: Connection) -> dict[str, Any]:
    answer = world.tenant.call("GET", f"/data/object/{connection.key}")
    return dict(answer.json()) if answer.status == 200 else {}


def scripts_run(run: Run) -> list[str]:
    return [event["task"].removeprefix("Run the script ").split(" | ")[0] for event in run.tasks("lake", "immuta_sql_script", "Run the script")]


def leave(connection: Connection) -> None:
    connection.sql("USE ROLE ACCOUNTADMIN", f"DROP USER {connection.user}", f"DROP ROLE {connection.role}")


def test_the_whole_way_of_a_connection(world: World, connection: Connection) -> None:
    before = connection.engine.catalog()
    check = world.register("--check", on=connection)
    assert check.rc == 0, check.output
    assert check.result("lake")["action"] == "created"
    assert connection.engine.catalog() == before and not world.tenant.writes()

    done = world.register(on=connection)
    assert done.rc == 0, done.output
    assert done.result("lake")["action"] == "created"
    assert scripts_run(done) == ["before", "create"]
    assert connected(world, connection)["state"] == "active"
    assert connection.lets_in()
    assert world.register(on=connection).changed("lake") == 0

    connection.extra = {"immuta_platform_connection": _with_role(connection, "PUBLIC")}
    edited = world.register(on=connection)
    assert edited.rc == 0, edited.output
    assert (edited.result("lake")["action"], scripts_run(edited)) == ("updated", [])

    world.tenant.clear_log()
    gone = world.deregister("--check", on=connection)
    assert gone.rc == 0, gone.output
    assert gone.result("lake")["action"] == "deleted"
    assert not world.tenant.writes() and connection.holds()
    world.tenant.clear_log()
    ended = world.deregister(on=connection)
    assert ended.rc == 0, ended.output
    assert (ended.result("lake")["action"], scripts_run(ended)) == ("deleted", ["delete"])
    script = next(number for number, line in enumerate(world.asked()) if "/scripts/delete" in line)
    assert f"DELETE /data/object/{connection.key}" in world.asked()[script:], "the script was made when it was too late"
    assert not connection.holds() and not connected(world, connection)
    assert world.deregister(on=connection).changed("lake") == 0
    assert not world.scripts_left()
    leave(connection)
    assert connection.engine.catalog() == before


def _with_role(connection: Connection, role: str) -> dict[str, Any]:
    whole = connection.variables()["immuta_platform_connection"]
    return {**whole, "connection": {**whole["connection"], "role": role}}


@pytest.mark.all
@pytest.mark.parametrize("kept", [True, False], ids=["artifacts", "no artifacts"])
def test_a_clean_up_that_broke_is_finished_by_the_next_run(world: World, connection: Connection, kept: bool) -> None:
    how = {"immuta_platform_artifacts": str(world.artifacts)} if kept else {}
    assert world.register(on=connection, **how).rc == 0
    missing = f"{connection.database}_LATER"
    revoke = f"REVOKE USAGE ON WAREHOUSE {missing} FROM ROLE {connection.role}"
    world.tenant.settings(script_tampering={"delete": {"kind": "break", "statement": 2, "sql": revoke}})
    broken = world.deregister(on=connection, **how)
    assert broken.rc != 0
    assert "Immuta has removed the connection" in broken.message("lake")
    assert not connected(world, connection) and connection.holds()
    where = world.artifacts / "lake" if kept else next((world.home / "immuta_platform").iterdir())
    assert mode(where / "1-delete.sql") == "0600"
    assert str(where) in broken.message("lake")

    refused = world.register(on=connection, **how)
    assert refused.rc != 0 and "which finishes the script" in refused.message("lake")
    assert (where / "1-delete.sql").exists()

    connection.sql("USE ROLE ACCOUNTADMIN", f"CREATE WAREHOUSE {missing}")
    world.tenant.clear_log()
    finished = world.deregister(on=connection, **how)
    assert finished.rc == 0, finished.output
    assert (finished.result("lake")["action"], scripts_run(finished)) == ("deleted", ["delete"])
    assert finished.changed("lake") and not connection.holds()
    assert not [line for line in world.asked() if "DELETE" in line or "scripts" in line]
    assert world.deregister(on=connection, **how).changed("lake") == 0
    leave(connection)


@pytest.mark.all
def test_a_warehouse_out_of_reach_keeps_the_connection(world: World, connection: Connection) -> None:
    assert world.register(on=connection).rc == 0
    connection.extra = {"immuta_platform_login": {**connection.variables()["immuta_platform_login"], "password": "wrong"}}
    refused = world.deregister(on=connection)
    assert refused.rc != 0
    assert "Nothing has been changed on the warehouse" in refused.message("lake")
    assert connected(world, connection), "what could not be cleaned up any more was forgotten"
    connection.extra = {}
    assert world.deregister(on=connection).rc == 0
    leave(connection)


@pytest.mark.all
def test_a_connection_in_stages(world: World, connection: Connection) -> None:
    how = {"on": connection, "immuta_platform_artifacts": str(world.artifacts)}
    for stage in ("generate", "run", "register"):
        run = world.register(immuta_platform_stages=[stage], tenant=stage != "run", **how)
        assert run.rc == 0, run.output
    assert connected(world, connection)["state"] == "active"
    assert world.register(**how).changed("lake") == 0

    assert world.deregister(immuta_platform_stages=["generate"], **how).rc == 0
    early = world.deregister(immuta_platform_stages=["run"], tenant=False, **how)
    assert early.rc != 0 and "Run the stage register first" in early.message("lake")
    assert world.deregister(immuta_platform_stages=["register"], **how).rc == 0
    assert not connected(world, connection) and connection.holds()
    assert world.deregister(immuta_platform_stages=["run"], tenant=False, **how).rc == 0
    assert not connection.holds()
    leave(connection)


@pytest.mark.all
def test_a_lake_has_no_scripts(world: World, connection: Connection) -> None:
    lake = {"connection_key": "lake", "connection": {"technology": "Glue", "extra": {"region": "eu-central-1", "secretAccessKey": "a s3cret"}}}
    how = {"on": Platform("lake", connection.engine, connection.config, extra={"immuta_platform_integration": {}, "immuta_platform_connection": lake})}
    done = world.register(**how)
    assert done.rc == 0, done.output
    assert done.result("lake")["action"] == "created"
    assert world.register(**how).changed("lake") == 0
    ended = world.deregister(**how)
    assert ended.rc == 0, ended.output
    assert ended.result("lake")["action"] == "deleted"
    assert not done.tasks("lake", "immuta_sql_script") and not ended.tasks("lake", "immuta_integration_script")


@pytest.mark.all
def test_a_clean_up_that_the_gate_refuses_is_refused_before_anything_is_forgotten(world: World, connection: Connection) -> None:
    assert world.register(on=connection).rc == 0
    world.tenant.settings(script_tampering={"delete": {"kind": "poison", "statement": 1, "sql": "DROP DATABASE SOMEBODY_ELSES"}})
    refused = world.deregister(on=connection)
    assert refused.rc != 0
    assert "DROP DATABASE SOMEBODY_ELSES" in refused.message("lake")
    assert connected(world, connection) and connection.holds(), "Immuta forgot what can not be cleaned up"
    world.tenant.settings(script_tampering={})
    assert world.deregister(on=connection).rc == 0
    leave(connection)
