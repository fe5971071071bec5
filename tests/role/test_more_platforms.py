# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's way on Azure Synapse and Databricks; what the engines say that they hold is the judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engines import DatabricksEngine, Engine, SynapseEngine
from support.playbook import Run

from .conftest import NASTY, ROTATE, Platform, World

_numbers = itertools.count(1)


class SynapsePlatform(Platform):
    @property
    def type(self) -> str:
        return "Azure Synapse Analytics"

    def pool(self) -> dict[str, Any]:
        return dict(self.engine.catalog()["databases"][self.database])


class DatabricksPlatform(Platform):
    def variables(self) -> dict[str, Any]:
        found = super().variables()
        found["immuta_platform_integration"]["config"].pop("password")
        found["immuta_platform_login"]["port"] = self.engine.port
        return found


def place(type_: str, engine: Engine) -> dict[str, Any]:
    return {"host": engine.host, "type": type_, "address": engine.host, "port": engine.port}


@pytest.fixture(scope="module")
def synapse_engine() -> Iterator[SynapseEngine]:
    with SynapseEngine(host="127.0.0.3") as engine:
        yield engine


@pytest.fixture(scope="module")
def databricks_engine() -> Iterator[DatabricksEngine]:
    with DatabricksEngine(host="127.0.0.4") as engine:
        yield engine


@pytest.fixture
def synapse(world: World, synapse_engine: SynapseEngine) -> SynapsePlatform:
    number = next(_numbers)
    config = {
        **{"host": synapse_engine.host, "port": synapse_engine.port, "database": synapse_engine.database, "schema": f"views {number}"},
        **{"authentication_type": "userPassword", "username": f"immuta_system_{number}"},
    }
    return SynapsePlatform("synapse", synapse_engine, config)


@pytest.fixture
def databricks(world: World, databricks_engine: DatabricksEngine) -> DatabricksPlatform:
    client = databricks_engine.add_principal("service_principal")
    secret = {"use_certificate": False, "client_id": client["client_id"], "client_secret": client["client_secret"], "scope": "all-apis"}
    config = {
        **{"workspace_url": databricks_engine.host, "http_path": databricks_engine.http_path, "catalog": f"immuta_{next(_numbers)}"},
        **{"authentication_type": "oAuthM2M", "oauth_client_config": secret},
    }
    world.tenant.warehouses([place("Databricks", databricks_engine)])
    return DatabricksPlatform("databricks", databricks_engine, config)


def statuses(world: World) -> dict[str, str]:
    return {each["type"]: each["status"] for each in world.tenant.call("GET", "/integrations").json()}


@pytest.mark.all
def test_the_whole_way_on_synapse_and_databricks(world: World, synapse: SynapsePlatform, databricks: DatabricksPlatform) -> None:
    platforms = [synapse, databricks]
    before = {platform.host: platform.engine.catalog() for platform in platforms}

    done = world.register(on=platforms)
    assert done.rc == 0, done.output
    assert statuses(world) == {platform.type: "enabled" for platform in platforms}
    assert [done.result(platform.host)["action"] for platform in platforms] == ["created", "created"]
    assert synapse.engine.can_login(synapse.user, NASTY, synapse.database), "the password did not arrive as it was typed"
    assert synapse.config["schema"] in synapse.pool()["schemas"]
    assert databricks.config["catalog"] in databricks.engine.catalog()["catalogs"]

    again = world.register(on=platforms)
    assert (again.rc, [again.changed(platform.host) for platform in platforms]) == (0, [0, 0]), again.output

    synapse.config["impersonation"] = {"enabled": True, "role": "act as others"}
    databricks.config["audit"] = {"enabled": True}
    edited = world.register(on=platforms)
    assert edited.rc == 0, edited.output
    assert [edited.result(platform.host)["action"] for platform in platforms] == ["updated", "updated"]
    assert "act as others" in synapse.pool()["roles"]
    assert "system.access.audit" in str(databricks.engine.catalog()["grants"])
    assert [world.tenant.revalidate(each["id"])["status"] for each in world.tenant.integrations()] == ["enabled", "enabled"]

    rotate(world, synapse, databricks)

    ended = world.deregister(on=platforms)
    assert ended.rc == 0, ended.output
    assert statuses(world) == {}
    assert databricks.engine.catalog() == before[databricks.host]
    after = synapse.engine.catalog()
    assert after["databases"] == before[synapse.host]["databases"]
    assert set(after["logins"]) - set(before[synapse.host]["logins"]) == {synapse.user}, "a pool cannot drop a login"
    assert ended.result(synapse.host)["left_behind"] == [f"login {synapse.user} in master"]


@pytest.mark.all
def test_stages_apart_on_synapse_and_databricks(world: World, synapse: SynapsePlatform, databricks: DatabricksPlatform) -> None:
    """Register, edit and deregister, each as three plays with nothing between them but a directory, and each looked at beforehand."""
    platforms = [synapse, databricks]
    before = {platform.host: platform.engine.catalog() for platform in platforms}

    in_stages(world, platforms, world.register, "created")
    assert statuses(world) == {platform.type: "enabled" for platform in platforms}
    assert synapse.engine.can_login(synapse.user, NASTY, synapse.database)
    assert databricks.config["catalog"] in databricks.engine.catalog()["catalogs"]

    synapse.config["impersonation"] = {"enabled": True, "role": "act as others"}
    databricks.config["audit"] = {"enabled": True}
    in_stages(world, platforms, world.register, "updated")
    assert "act as others" in synapse.pool()["roles"]
    assert "system.access.audit" in str(databricks.engine.catalog()["grants"])

    in_stages(world, platforms, world.deregister, "deleted")
    assert statuses(world) == {}
    assert databricks.engine.catalog() == before[databricks.host]
    assert synapse.engine.catalog()["databases"] == before[synapse.host]["databases"]


def in_stages(world: World, platforms: list[Platform], play: Callable[..., Run], action: str) -> None:
    """Every stage: a check run that changes nothing and predicts it, the run, and when it is new the same again, with nothing to do."""
    for stage in ("generate", "run", "register"):
        how = {"on": platforms, "tenant": stage != "run", "immuta_platform_stages": [stage], "immuta_platform_artifacts": str(world.artifacts)}
        untouched = seen(world, platforms)
        world.tenant.settings(refuse_writes=True)
        look = play("--check", **how)
        world.tenant.settings(refuse_writes=False)
        assert look.rc == 0, look.output
        assert seen(world, platforms) == untouched
        done = play(**how)
        assert done.rc == 0, done.output
        for platform in platforms:
            assert [(run.result(platform.host)["action"], run.result(platform.host)["changed"]) for run in (look, done)] == [(action, True)] * 2
            assert look.changed(platform.host) == done.changed(platform.host) > 0
            assert not done.tasks(platform.host, "immuta_sql_script") or stage == "run"
        if action == "created":
            again = play(**how)
            assert (again.rc, [again.changed(platform.host) for platform in platforms]) == (0, [0, 0]), again.output


def seen(world: World, platforms: list[Platform]) -> list[Any]:
    """What a check run must not change: the engines, the tenant, the files."""
    files = {path: path.read_bytes() for path in world.artifacts.rglob("*") if path.is_file()}
    return [*(platform.engine.catalog() for platform in platforms), world.tenant.integrations(), files]


def rotate(world: World, synapse: SynapsePlatform, databricks: DatabricksPlatform) -> None:
    """A password, set in master; and the secret of a service principal, which is made elsewhere, so that no statement sets it."""
    synapse.extra = {"immuta_platform_new_secrets": {"password": {"__ansible_unsafe": f"next {NASTY}]]"}}}
    client = databricks.config["oauth_client_config"]
    made = databricks.engine.add_principal("service_principal", client["client_id"])["client_secret"]
    databricks.extra = {"immuta_platform_new_secrets": {"oAuthClientConfig": {"clientSecret": made}}}
    done = world.run(ROTATE, on=[synapse, databricks])
    assert done.rc == 0, done.output
    assert synapse.engine.can_login(synapse.user, f"next {NASTY}]]", synapse.database)
    assert not synapse.engine.can_login(synapse.user, NASTY, synapse.database)
    assert not done.tasks("databricks", "immuta_sql_script")
    stored = {each["type"]: each["config"] for each in world.tenant.integrations()}
    assert stored["Azure Synapse Analytics"]["password"] == f"next {NASTY}]]"
    assert stored["Databricks"]["oAuthClientConfig"]["clientSecret"] == made
    synapse.password, client["client_secret"] = f"next {NASTY}]]", made
    synapse.extra, databricks.extra = {}, {}


@pytest.mark.all
def test_a_broken_set_up_on_synapse_is_taken_back_in_both_databases(world: World, synapse: SynapsePlatform) -> None:
    before = synapse.engine.catalog()
    world.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 8}})
    run = world.register(on=synapse, immuta_platform_on_failure="cleanup")
    assert run.rc != 0
    assert "Immuta's cleanup script has removed what this setup had created" in run.output
    ran = [event["result"] for event in run.tasks(synapse.host, "immuta_sql_script") if "executed" in event["result"]]
    assert sum(result["executed"] for result in ran) > 8
    assert synapse.engine.catalog() == before
    assert statuses(world) == {}


@pytest.mark.all
def test_a_tenant_without_edit_scripts_for_databricks(world: World, databricks: DatabricksPlatform) -> None:
    """Immuta makes the change alone; nothing is left pending."""
    world.tenant.settings(databricks_scripts="delete")
    assert world.register(on=databricks).rc == 0
    databricks.config["group_pattern"] = {"deny": "immuta_exempt"}
    edited = world.register(on=databricks)
    assert edited.rc == 0, edited.output
    assert edited.result("databricks")["action"] == "updated"
    assert not edited.tasks("databricks", "immuta_sql_script")
    assert world.register(on=databricks).changed("databricks") == 0


class DatabricksConnection(DatabricksPlatform):
    """Behind a connection. The host is said once, in the integration."""

    def variables(self) -> dict[str, Any]:
        found = super().variables()
        found.pop("immuta_platform_integration")
        sign_in = {name: self.config[name] for name in ("authentication_type", "oauth_client_config")}
        native = {"host": self.config["workspace_url"], "catalog": self.config["catalog"], **sign_in}
        found["immuta_platform_connection"] = {
            "connection_key": "lakehouse",
            "connection": {"technology": "Databricks", "http_path": self.config["http_path"], **sign_in},
            "native_integration": {"type": "Databricks", "auto_bootstrap": False, "unity_catalog": True, "config": native},
        }
        return found


@pytest.mark.all
def test_a_connection_to_databricks_says_its_host_once(world: World, databricks: DatabricksPlatform) -> None:
    world.tenant.settings(data_api="on")
    connection = DatabricksConnection("lakehouse", databricks.engine, databricks.config)
    before = connection.engine.catalog()

    check = world.register("--check", on=connection)
    assert check.rc == 0, check.output
    assert not world.tenant.writes() and connection.engine.catalog() == before

    done = world.register(on=connection)
    assert done.rc == 0, done.output
    (stored,) = world.tenant.stored_connections()
    assert stored["connection"]["hostname"] == databricks.config["workspace_url"]
    assert statuses(world) == {"Databricks": "enabled"}
    assert databricks.config["catalog"] in connection.engine.catalog()["catalogs"]
    assert world.register(on=connection).changed("lakehouse") == 0

    ended = world.deregister(on=connection)
    assert ended.rc == 0, ended.output
    assert world.tenant.stored_connections() == []
    assert connection.engine.catalog() == before
