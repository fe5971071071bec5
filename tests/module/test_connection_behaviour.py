# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of connections beyond the plain life: pasted payloads, odd keys, jobs, objects, synchronisation, owned integrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.tasks import INTEGRATION, Play
from support.wire_log import conversations, sent

CONNECTION = "community.immuta.immuta_connection"
CONNECTIONS = "community.immuta.immuta_connection_info"
OBJECT = "community.immuta.immuta_data_object"
OBJECTS = "community.immuta.immuta_data_object_info"
SYNC = "community.immuta.immuta_data_object_sync"
SECRET = "a s3cret, wh4t else"
HOST = "acme.eu.snowflakecomputing.com"
ACCOUNT = {"authentication_type": "userPassword", "username": "immuta", "password": SECRET}
SHOWN = {"technology": "Snowflake", "hostname": HOST, "port": 443, "warehouse": "WH", "authenticationType": "userPassword", "username": "immuta"}
PAYLOAD: dict[str, Any] = {
    "connection_key": "acme",
    "connection": {"technology": "Snowflake", "hostname": HOST, "warehouse": "WH", **ACCOUNT},
    "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {"host": HOST, "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}},
}
#: quick, and still the real code
QUICK = {"wait_interval": 0.05}


@pytest.fixture
def tenant(tenant: Simulator) -> Simulator:
    tenant.settings(data_api="on")
    return tenant


def seed(tenant: Simulator, key: str = "acme", **more: Any) -> None:
    connection = {**SHOWN, "password": SECRET}
    tenant.connections([{"connectionKey": key, "connection": connection, "settings": {"isActive": True}, "contents": ["SALES/PUBLIC/ORDERS"], **more}])


def task(name: str, module: str, **options: Any) -> dict[str, Any]:
    timing = {} if module in (CONNECTIONS, OBJECTS) else QUICK
    return {"name": name, module: {**timing, **options}}


# --- payloads as the vendor writes them

# The body of the vendor's page on registering a Databricks connection, in its own spelling and order
PASTED = """
- name: pasted
  community.immuta.immuta_connection: {
    "connectionKey": "yourConnectionKey",
    "connection": {
      "technology": "Databricks",
      "hostname": "www.your-workspace.cloud.databricks.com",
      "port": 443,
      "httpPath": "sql/protocolv1/o/0/your-path",
      "authenticationType": "oAuthM2M",
      "oAuthClientConfig": {
        "useCertificate": false,
        "clientId": "your-client-id",
        "clientSecret": "a s3cret, wh4t else",
        "scope": "all-apis",
        "authorityUrl": "https://your.authority.com"
      }
    },
    "settings": {
      "isActive": false
    },
    "options": {
      "forceRecursiveCrawl": true
    },
    "nativeIntegration": {
      "type": "Databricks",
      "autoBootstrap": false,
      "unityCatalog": true,
      "config": {
        "authenticationType": "oAuthM2M",
        "host": "www.your-workspace.cloud.databricks.com",
        "port": 443,
        "oAuthClientConfig": {
          "useCertificate": false,
          "clientId": "your-client-id",
          "clientSecret": "a s3cret, wh4t else",
          "scope": "all-apis",
          "authorityUrl": "https://your.authority.com"
        },
        "catalog": "immuta",
        "audit": {
          "enabled": true
        },
        "workspaceIds": ["1234567891234567"],
        "groupPattern": {
          "deny": "immuta_exempt"
        }
      }
    }
  }
"""


def test_a_pasted_payload_arrives_as_it_stands(run: Callable[..., Play], tenant: Simulator) -> None:
    again = PASTED.replace("name: pasted", "name: again")
    played = run(PASTED + again).ok
    assert [(record["action"], record["changed"]) for record in played] == [("created", True), ("unchanged", False)]
    (body,) = sent(tenant, "POST", "/data/connection")
    assert json.loads(body) == json.loads(PASTED.partition("immuta_connection: ")[2])
    assert SECRET not in played.output


# --- keys

ODD = ["my connection", "a.b", "a/b", "100% ours?", "ümläut & co", "search", "it's #1"]


@pytest.mark.parametrize("key", ODD)
def test_what_was_made_with_another_key_is_read_edited_and_removed(key: str, direct: Callable[..., Play], tenant: Simulator) -> None:
    seed(tenant, key)
    sign_in = {"technology": "Snowflake", "hostname": HOST, "warehouse": "OTHER", **ACCOUNT}
    played = direct(
        [
            task("read", CONNECTIONS, connection_key=key),
            task("edit", CONNECTION, connection_key=key, connection=sign_in),
            task("again", CONNECTION, connection_key=key, connection=sign_in),
            task("settings", OBJECT, object_path=[key, "SALES"], settings={"is_active": False}),
            task("sync", SYNC, object_path=[key]),
            task("objects", OBJECTS, object_path=[key], depth=1),
            task("remove", CONNECTION, connection_key=key, state="absent"),
            task("gone", CONNECTIONS, connection_key=key),
        ]
    ).ok
    assert played["read"]["connections"][0]["connectionKey"] == key
    assert [played[name]["action"] for name in ("edit", "again", "settings", "remove")] == ["updated", "unchanged", "updated", "deleted"]
    assert played["objects"]["objects"][0]["objectPath"] == [key]
    assert (played["objects"]["objects"][1]["objectPath"], played["objects"]["objects"][1]["state"]) == ([key, "SALES"], "inactive")
    assert (played["remove"]["child_count"], played["gone"]["connections"]) == (3, [])


# --- jobs


@pytest.mark.parametrize("timing", ["polls:4", "seconds:0.5"])
def test_it_waits_for_the_job(timing: str, direct: Callable[..., Play], tenant: Simulator) -> None:
    tenant.settings(jobs=timing)
    options = {"force_recursive_crawl": True}
    played = direct([task("register", CONNECTION, **PAYLOAD, options=options), task("objects", OBJECTS, object_path=["acme"], depth=3)]).ok
    assert played["register"]["action"] == "created"
    assert len(played["objects"]["objects"]) == 10
    assert conversations(tenant)[0].count("POST /jobs/statuses") > 2


def test_it_does_not_wait_unless_asked(direct: Callable[..., Play], tenant: Simulator) -> None:
    tenant.settings(jobs="polls:50")
    played = direct([task("register", CONNECTION, **PAYLOAD, wait=False), task("sync", SYNC, object_path=["acme"], wait=False)]).ok
    assert played["register"]["action"] == "created"
    assert [job["state"] for job in played["sync"]["jobs"]] == ["created"]
    assert not [line for line in conversations(tenant)[0] if line.startswith(("GET /jobs", "POST /jobs"))]


def test_a_failed_validation_names_the_tests(direct: Callable[..., Play], tenant: Simulator) -> None:
    tenant.settings(unknown_hosts="fail")
    played = direct([{**task("check", CONNECTION, **PAYLOAD), "check_mode": True, "ignore_errors": True}, task("register", CONNECTION, **PAYLOAD)])
    for record in played:
        assert (record.failed, record["status"]) == (True, 422)
        assert "Basic Connection Test" in record["msg"]
    assert tenant.writes() == []


def test_an_integration_on_the_host_is_in_the_way(direct: Callable[..., Play], tenant: Simulator) -> None:
    config = {"host": HOST, "warehouse": "WH", "database": "I", "authenticationType": "userPassword", "username": "u", "password": SECRET}
    id_ = tenant.seed({"type": "Snowflake", "config": config})
    for status in (409, 422):
        tenant.settings(taken_host=status)
        record = direct([task("register", CONNECTION, **PAYLOAD)])["register"]
        assert (record.failed, record["status"]) == (True, status)
        assert f"(id = {id_})" in record["msg"]
    assert tenant.stored_connections() == []


# --- objects


def test_activation_from_the_connection_down(direct: Callable[..., Play], tenant: Simulator) -> None:
    seed(tenant, settings={"isActive": False})
    table = ["acme", "SALES", "PUBLIC", "ORDERS"]
    played = direct(
        [
            {**task("check", OBJECT, object_path=["acme"], settings={"is_active": True}), "check_mode": True},
            task("activate", CONNECTION, connection_key="acme", settings={"is_active": True}),
            task("inherited", OBJECT, object_path=table, settings={"is_active": True}),
            task("leave out", OBJECT, objectPath=table[:3], settings={"isActive": False, "dataOwners": [{"type": "group", "id": 12}]}),
            task("again", OBJECT, object_path=table[:3], settings={"is_active": False, "data_owners": [{"type": "group", "id": 12}]}),
            task("left out", OBJECTS, state="inactive", object_path=["acme"], depth=3),
            task("missing", OBJECT, object_path=["acme", "NONE"], settings={"is_active": True}) | {"ignore_errors": True},
        ]
    ).ok
    assert [played[name]["changed"] for name in ("check", "activate", "inherited", "leave out", "again")] == [True, True, False, True, False]
    assert played["check"]["object"]["state"] == played["activate"]["object"]["state"] == "active"
    assert {change["field"] for change in played["leave out"]["changes"]} == {"settings.is_active", "settings.data_owners"}
    assert [each["objectPath"] for each in played["left out"]["objects"]] == [table[:3], table]
    assert (played["missing"].failed, "acme/NONE" in played["missing"]["msg"]) == (True, True)
    assert [entry["path"] for entry in tenant.writes()] == ["/data/settings/acme", "/data/settings/acme/SALES/PUBLIC"]


def test_a_registration_ends_with_the_settings_that_are_wanted(direct: Callable[..., Play], tenant: Simulator) -> None:
    """Although the tenant takes none with the registration."""
    tenant.settings(settings_at_registration=False)
    wanted = {**PAYLOAD, "settings": {"is_active": False}}
    played = direct([task("create", CONNECTION, **wanted), task("again", CONNECTION, **wanted)]).ok
    assert played["create"]["object"]["state"] == "inactive"
    assert not played["again"]["changed"]
    assert [entry["path"] for entry in tenant.writes()] == ["/data/connection", "/data/settings/acme"]


def test_a_sync_finds_what_is_new(direct: Callable[..., Play], tenant: Simulator) -> None:
    seed(tenant)
    tenant.contents("acme", ["SALES/PUBLIC/ORDERS", "SALES/PUBLIC/NEW", "HR/PUBLIC/NEW"])
    tenant.settings(jobs="polls:2")
    played = direct(
        [
            {**task("check", SYNC, object_path=["acme"]), "check_mode": True},
            task("before", OBJECTS, object_path=["acme"], depth=3),
            task("sync", SYNC, object_path=["acme", "SALES"]),
            task("after", OBJECTS, object_path=["acme"], depth=3),
            task("missing", SYNC, object_path=["acme", "NONE"]) | {"ignore_errors": True},
        ]
    ).ok
    assert (played["check"]["changed"], played["check"]["jobs"]) == (True, [])
    assert [job["state"] for job in played["sync"]["jobs"]] == ["completed"]
    new = [each["objectPath"] for each in played["after"]["objects"] if each not in played["before"]["objects"]]
    assert new == [["acme", "SALES", "PUBLIC", "NEW"]]
    assert played["missing"].failed
    assert [entry["path"] for entry in tenant.writes()] == ["/data/crawl/acme/SALES"]


def test_list_of_connections(direct: Callable[..., Play], tenant: Simulator) -> None:
    tenant.connections(
        [
            {"connectionKey": "b", "connection": {**SHOWN, "password": SECRET}, "nativeIntegrationId": 7},
            {"connectionKey": "a", "connection": {"technology": "Oracle"}},
        ]
    )
    found = direct([task("list", CONNECTIONS)]).ok["list"]["connections"]
    assert [(each["connectionKey"], each["connection"]["technology"], each.get("nativeIntegrationId")) for each in found] == [
        ("a", "Oracle", None),
        ("b", "Snowflake", "7"),
    ]
    assert found[1]["object"]["objectPath"] == ["b"]
    assert found[1]["connection"] == SHOWN


# --- secrets


def test_a_secret_alone_is_sent_when_asked(direct: Callable[..., Play], tenant: Simulator) -> None:
    seed(tenant)
    new = {**PAYLOAD["connection"], "password": "an0ther s3cret"}
    played = direct(
        [
            task("plain", CONNECTION, connection_key="acme", connection=new),
            task("rotate", CONNECTION, connection_key="acme", connection=new, update_secrets="always"),
        ]
    ).ok
    assert [record["action"] for record in played] == ["unchanged", "updated"]
    assert played["rotate"]["changes"] == [{"field": "connection.password", "before": None, "after": None, "secret": True}]
    assert tenant.stored_connections()[0]["connection"]["password"] == "an0ther s3cret"
    assert "an0ther" not in played.output


# --- a connection's integration


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
def test_the_integration_behind_a_connection_is_refused_with_its_key(check: bool, state: str, direct: Callable[..., Play], tenant: Simulator) -> None:
    config = {**PAYLOAD["native_integration"]["config"], "warehouse": "OTHER"}
    assert direct([task("register", CONNECTION, **PAYLOAD)]).ok["register"]["changed"]
    tenant.clear_log()
    record = direct([task("integration", INTEGRATION, type="Snowflake", auto_bootstrap=False, config=config, state=state)], check=check)["integration"]
    assert (record.failed, record["connection_key"]) == (True, "acme")
    assert "acme" in record["msg"]
    assert tenant.writes() == []
