# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections on tenants of late 2026: their states, their removal, their tasks, and technologies that the API does not register."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.leaks import traces
from support.tasks import INTEGRATION, Play

CONNECTION, CONNECTIONS = "community.immuta.immuta_connection", "community.immuta.immuta_connection_info"
OBJECT, OBJECTS, SYNC = "community.immuta.immuta_data_object", "community.immuta.immuta_data_object_info", "community.immuta.immuta_data_object_sync"
SECRET = "a s3cret, wh4t else"
ACCOUNT = {"authentication_type": "userPassword", "username": "immuta", "password": SECRET}
HOST = "acme.eu.snowflakecomputing.com"
SNOWFLAKE: dict[str, Any] = {
    "connection_key": "acme",
    "connection": {"technology": "Snowflake", "hostname": HOST, "warehouse": "WH", **ACCOUNT},
    "settings": {"is_active": True},
    "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {"host": HOST, "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}},
}
SIGN_IN = {"authentication_type": "token", "token": SECRET}
DATABRICKS: dict[str, Any] = {
    "connection_key": "dbx",
    "connection": {"technology": "Databricks", "hostname": "dbx.example.com", "http_path": "/sql/1", **SIGN_IN},
    "settings": {"is_active": True},
    "native_integration": {"type": "Databricks", "auto_bootstrap": False, "unity_catalog": True, "config": {"host": "dbx.example.com", **SIGN_IN}},
}
QUICK = {"wait_interval": 0.05}
AT_RISK = "Immuta revokes the grants"


@pytest.fixture
def tenant(tenant: Simulator) -> Simulator:
    tenant.settings(data_api="on", states="upper")
    return tenant


def task(name: str, module: str = CONNECTION, **options: Any) -> dict[str, Any]:
    return {"name": name, module: {**({} if module in (CONNECTIONS, OBJECTS) else QUICK), **options}}


def said(played: Play, name: str) -> str:
    return " ".join(played[name].warnings)


# --- states

PLACES = [{"state_in": "object"}, {"state_in": "connection"}, {"state_in": "object", "states": "lower"}]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_connection_is_waited_for_until_it_is_active(direct: Callable[..., Play], tenant: Simulator, place: dict[str, str]) -> None:
    tenant.settings(activation="polls:3", **place)
    played = direct(
        [
            task("register", **SNOWFLAKE),
            task("again", **SNOWFLAKE),
            task("update", **{**SNOWFLAKE, "update_secrets": "always"}),
            task("off", connection_key="acme", settings={"is_active": False}),
            task("off again", connection_key="acme", settings={"is_active": False}),
            task("on", connection_key="acme", settings={"is_active": True}),
            task("list", CONNECTIONS),
        ]
    ).ok
    assert [(record["action"], record["healthy"]) for record in played if record.name in ("register", "again", "update", "on")] == [
        ("created", True),
        ("unchanged", True),
        ("updated", True),
        ("updated", True),
    ]
    assert played["off again"]["changed"] is False
    assert [each["healthy"] for each in played["list"]["connections"]] == [True]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_connection_that_becomes_unhealthy_fails_and_one_that_is_warns(direct: Callable[..., Play], tenant: Simulator, place: dict[str, str]) -> None:
    tenant.settings(unhealthy=f"cannot sign in with {SECRET}", **place)
    played = direct([task("register", **SNOWFLAKE, server_validation=False)], verbosity=4)
    assert played["register"].failed
    assert "cannot sign in" in played["register"]["msg"]
    assert played["register"]["changed"] is True
    assert not traces([SECRET], played.output, [dict(record.result) for record in played])
    played = direct([task("again", **SNOWFLAKE), task("update", **{**SNOWFLAKE, "update_secrets": "always"})], verbosity=4).ok
    assert [played[name]["healthy"] for name in ("again", "update")] == [False, False]
    assert all("its state is unhealthy" in said(played, name).lower() for name in ("again", "update"))
    assert not traces([SECRET], played.output, [dict(record.result) for record in played])
    assert [each["healthy"] for each in direct([task("list", CONNECTIONS)]).ok["list"]["connections"]] == [False]


def test_an_object_that_is_a_connection_is_waited_for_too(direct: Callable[..., Play], tenant: Simulator) -> None:
    assert direct([task("register", **{**SNOWFLAKE, "settings": {"is_active": False}})]).ok
    tenant.settings(activation="polls:2")
    played = direct([task("on", OBJECT, object_path=["acme"], settings={"is_active": True})]).ok
    assert played["on"]["object"]["state"] == "ACTIVE"
    tenant.settings(unhealthy="broken", activation="instant")
    assert "its state is UNHEALTHY" in said(direct([task("owners", OBJECT, object_path=["acme"], settings={"activate_new_children": False})]).ok, "owners")


@pytest.mark.parametrize("status", ["400", "409", "422"])
def test_an_active_connection_is_deactivated_before_it_is_removed(direct: Callable[..., Play], tenant: Simulator, status: str) -> None:
    tenant.settings(remove_active=status, activation="polls:2")
    assert direct([task("register", **SNOWFLAKE)]).ok
    tenant.clear_log()
    played = direct([task("remove", connection_key="acme", state="absent")]).ok
    assert played["remove"]["action"] == "deleted"
    assert "Connection must be INACTIVE to be deleted" in said(played, "remove")
    assert [f"{entry['method']} {entry['path']} {entry['status']}" for entry in tenant.writes()] == [
        f"DELETE /data/object/acme {status}",
        "PUT /data/settings/acme 200",
        "DELETE /data/object/acme 200",
    ]
    assert tenant.stored_connections() == []


def test_a_removal_that_stays_refused_says_what_is_left(direct: Callable[..., Play], tenant: Simulator) -> None:
    assert direct([task("register", **SNOWFLAKE)]).ok
    tenant.fault(method="DELETE", path="/data/object/acme", status=409, body='{"message": "Connection must be INACTIVE to be deleted."}', times=9)
    record = direct([task("remove", connection_key="acme", state="absent")])["remove"]
    assert record.failed
    assert "The connection was deactivated but still exists." in record["msg"]
    assert record["changed"] is True


@pytest.mark.parametrize("why", ["You own data in it.", "Activate the licence first."])
def test_a_removal_that_is_refused_for_another_reason_deactivates_nothing(direct: Callable[..., Play], tenant: Simulator, why: str) -> None:
    assert direct([task("register", **{**SNOWFLAKE, "settings": {"is_active": "Activate" not in why}})]).ok
    tenant.clear_log()
    tenant.fault(method="DELETE", path="/data/object/acme", status=400, body=f'{{"message": "{why}"}}')
    assert direct([task("remove", connection_key="acme", state="absent")])["remove"].failed
    assert [entry["method"] for entry in tenant.writes()] == ["DELETE"]


@pytest.mark.parametrize("form", ["jobs", "list"])
def test_a_task_is_waited_for_like_a_job(direct: Callable[..., Play], tenant: Simulator, form: str) -> None:
    tenant.settings(job_id="taskId", jobs="polls:3", jobs_form=form)
    played = direct([task("register", **SNOWFLAKE), task("sync", SYNC, object_path=["acme"]), task("remove", connection_key="acme", state="absent")]).ok
    assert [job["state"] for job in played["sync"]["jobs"]] == ["completed"]
    assert tenant.stored_connections() == []
    tenant.settings(job_fails={"register": "no such account"})
    assert "no such account" in direct([task("register", **SNOWFLAKE)])["register"]["msg"]


# --- guards


def test_before_databricks_is_activated_the_grants_at_risk_are_told(direct: Callable[..., Play], tenant: Simulator) -> None:
    off = {"settings": {"is_active": False}}
    path = ["dbx", "sales"]
    played = direct(
        [
            {**task("would register", **DATABRICKS), "check_mode": True},
            task("inactive", **{**DATABRICKS, **off}),
            {**task("would activate", connection_key="dbx", settings={"is_active": True}), "check_mode": True},
            task("activate", connection_key="dbx", settings={"is_active": True}),
            task("again", connection_key="dbx", settings={"is_active": True}),
            task("sync", SYNC, object_path=["dbx"]),
            task("schema off", OBJECT, object_path=path, **off),
            task("schema on", OBJECT, object_path=path, settings={"is_active": True}),
            task("children", OBJECT, object_path=path, settings={"activate_new_children": False}),
            task("children on", OBJECT, object_path=path, settings={"activate_new_children": True}),
            task("snowflake", **SNOWFLAKE),
        ]
    ).ok
    warned = [record.name for record in played if AT_RISK in said(played, record.name)]
    assert warned == ["would register", "would activate", "activate", "schema on", "children on"]


@pytest.mark.parametrize("check", [True, False])
def test_more_objects_than_immuta_activates_are_refused(direct: Callable[..., Play], tenant: Simulator, check: bool) -> None:
    registered = direct([task("register", **{**SNOWFLAKE, "settings": {"is_active": False}}), task("sync", SYNC, object_path=["acme"])]).ok
    assert registered
    tenant.clear_log()
    tenant.settings(children=100_000)
    tasks = [task("connection", connection_key="acme", settings={"is_active": True})]
    tasks += [task("schema", OBJECT, object_path=["acme", "SALES", "PUBLIC"], settings={"is_active": True})]
    for each in tasks:
        record = direct([each], check=check)[each["name"]]
        assert record.failed
        assert "Immuta activates fewer than 100000 at once" in record["msg"]
    assert tenant.writes() == []
    tenant.settings(children=20_000)  # three databases, schemas or tables of which each tells so many stay below
    assert direct(tasks, check=check).ok


def test_what_a_tenant_says_of_an_integration_is_said_before_the_move(direct: Callable[..., Play], tenant: Simulator) -> None:
    config = {"host": HOST, "warehouse": "WH", "database": "IMMUTA", "authenticationType": "userPassword", "username": "u", "password": SECRET}
    id_ = tenant.seed({"type": "Snowflake", "autoBootstrap": False, "config": config})
    for how in ({"check": True}, {"check": False}):
        record = direct([task("register", **SNOWFLAKE)], **how)["register"]
        assert record.failed
        assert f"Integration {id_} has this host. Only the upgrade manager" in record["msg"]
        assert "workspace-catalog binding" in record["msg"]
        assert "data sources are renamed" in record["msg"]
        assert SECRET not in str(record.result)
    tenant.connections([{"connectionKey": "owner", "nativeIntegrationId": int(id_), "connection": {"technology": "Snowflake"}}])
    assert "The host belongs to connection owner." in direct([task("register", **SNOWFLAKE)])["register"]["msg"]


# --- technologies that are registered in Immuta

#: technology -> what is on the platform, the status of GET /data/connection
ELSEWHERE = {"Trino": ("c/s/t", 400), "Teradata": ("db/view", 422)}


@pytest.mark.parametrize(("technology", "table", "status"), [(name, *rest) for name, rest in ELSEWHERE.items()])
def test_what_was_made_elsewhere_is_read_set_read_again_and_removed(
    direct: Callable[..., Play], tenant: Simulator, technology: str, table: str, status: int
) -> None:
    tenant.settings(unknown_technology=status)
    tenant.connections([{"connectionKey": "made", "connection": {"technology": technology}, "contents": [table]}])
    integration = SNOWFLAKE["native_integration"]
    audited = {**integration, "config": {**integration["config"], "audit": {"enabled": True}}}
    played = direct(
        [
            task("off", connection_key="made", settings={"is_active": False}),
            task("on", connection_key="made", connection={"technology": technology}, settings={"is_active": True}),
            task("list", CONNECTIONS),
            task("sync", SYNC, object_path=["made"]),
            task("objects", OBJECTS, object_path=["made"], depth=4),
            # whoever changes an integration looks whether a connection owns it
            task("integration", INTEGRATION, **integration),
            task("its edit", INTEGRATION, **audited),
            {**task("would remove", connection_key="made", state="absent"), "check_mode": True},
            task("remove", connection_key="made", state="absent"),
            task("gone", connection_key="made", state="absent"),
        ]
    ).ok
    assert [played[name]["action"] for name in ("off", "on", "its edit", "remove", "gone")] == ["updated", "updated", "updated", "deleted", "unchanged"]
    assert played["list"]["connections"][0]["connection"] == {"technology": technology}
    assert len(played["objects"]["objects"]) == len(table.split("/")) + 1
    assert played["would remove"]["data_source_count"] == 1


# --- the newer API


def test_the_newer_api_is_one_more_look_where_it_is_there(direct: Callable[..., Play], tenant: Simulator) -> None:
    tenant.settings(preview_api="on", state_in="connection")
    tenant.connections([{"connectionKey": "trino", "connection": {"technology": "Trino"}}])
    assert direct([task("register", **SNOWFLAKE)]).ok
    played = direct([task("list", CONNECTIONS, preview=True)], environment={"IMMUTA_AUTH_METHOD": "bearer"}, verbosity=4).ok
    acme, trino = played["list"]["connections"]
    assert (acme["preview"]["state"], acme["healthy"], trino["preview"], trino["healthy"]) == ("ACTIVE", True, {}, None)
    assert acme["preview"]["clientConfiguration"]["credential"]["password"] == "<REDACTED>"
    assert not traces([SECRET], played.output)


@pytest.mark.parametrize("answer", ["on", "403", "404", "405"])
def test_without_the_newer_api_there_is_nothing_of_it(direct: Callable[..., Play], tenant: Simulator, answer: str) -> None:
    """With a raw key, a tenant that has it answers 401."""
    tenant.settings(preview_api=answer)
    assert direct([task("register", **SNOWFLAKE)]).ok
    (acme,) = direct([task("list", CONNECTIONS, preview=True)]).ok["list"]["connections"]
    assert (acme["preview"], acme["healthy"], acme["object"]["state"]) == ({}, True, "ACTIVE")
