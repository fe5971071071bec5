# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's connections, objects and jobs, as the vendor's pages describe them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.fields import Field
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import RESERVED_KEYS
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import TECHNOLOGIES as OURS
from immuta_simulator import Simulator
from immuta_simulator.documents import value_at
from immuta_simulator.technologies import RESERVED, TECHNOLOGIES
from unit.simulated import refusal

HOST = "acme.eu.snowflakecomputing.com"
ACCOUNT = {"authenticationType": "userPassword", "username": "immuta", "password": "a s3cret"}
SNOWFLAKE: dict[str, Any] = {
    "connectionKey": "acme",
    "connection": {"technology": "Snowflake", "hostname": HOST, "port": 443, "warehouse": "WH", "role": "IMMUTA", **ACCOUNT},
    "settings": {"isActive": False, "activateNewChildren": False},
    "options": {"forceRecursiveCrawl": True},
    "nativeIntegration": {"type": "Snowflake", "autoBootstrap": False, "config": {"host": HOST, "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}},
}
CLIENT = {"useCertificate": False, "clientId": "id", "clientSecret": "a s3cret", "scope": "all-apis", "authorityUrl": "https://login"}
OAUTH = {"authenticationType": "oAuthM2M", "oAuthClientConfig": CLIENT}
# the vendor's example for Databricks
DATABRICKS: dict[str, Any] = {
    "connectionKey": "bricks",
    "connection": {"technology": "Databricks", "hostname": "www.example.databricks.com", "port": 443, "httpPath": "sql/1", **OAUTH},
    "settings": {"isActive": False},
    "nativeIntegration": {
        "type": "Databricks",
        "autoBootstrap": False,
        "unityCatalog": True,
        "config": {"host": "www.example.databricks.com", "port": 443, **OAUTH, "catalog": "immuta", "audit": {"enabled": True}, "workspaceIds": ["1"]},
    },
}
GLUE: dict[str, Any] = {
    "connectionKey": "lake",
    "connection": {"technology": "Glue", "region": "eu-west-1", "accessKeyId": "AKIA", "secretAccessKey": "a s3cret"},
}
PEM = "-----BEGIN PRIVATE KEY-----"
TABLES = 4 + 3 + 2  # tables, schemas, databases
DEEP = "/data/object/acme/SALES/PUBLIC/ORDERS"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(data_api="on") as running:
        yield running


def edited(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The payload with another value at a dotted path; None takes it out."""
    result = copy.deepcopy(payload)
    *parents, last = path.split(".")
    holder = value_at(result, ".".join(parents)) if parents else result
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return result


def registered(tenant: Simulator, payload: dict[str, Any] | None = None) -> str:
    payload = SNOWFLAKE if payload is None else payload
    reply = tenant.call("POST", "/data/connection", payload)
    assert reply.status == 200, reply.text
    assert reply.json()["objectPath"] == [payload["connectionKey"]]
    return str(reply.json().get("bulkId", ""))


# -- registering ------------------------------------------------------------------------------------------------------


def test_registered_connection_is_shown_without_secrets(tenant: Simulator) -> None:
    registered(tenant)
    found = tenant.call("GET", "/data/connection/acme").json()
    shown = {name: value for name, value in SNOWFLAKE["connection"].items() if name != "password"}
    assert (found["connectionKey"], found["connection"], found["nativeIntegrationId"]) == ("acme", shown, 1)
    assert {"createdAt", "createdBy", "updatedAt", "updatedBy", "creator", "updater"} <= set(found)
    assert tenant.stored_connections()[0]["connection"]["password"] == "a s3cret"


def test_integration_behind_it_is_listed(tenant: Simulator) -> None:
    registered(tenant)
    registered(tenant, DATABRICKS)
    first, second = tenant.call("GET", "/integrations").json()
    assert (first["type"], first["autoBootstrap"], first["config"]["host"], first["config"]["password"]) == ("Snowflake", False, HOST, "<REDACTED>")
    assert (second["type"], second["config"]["workspaceUrl"], second["config"]["httpPath"]) == ("Databricks", "www.example.databricks.com", "sql/1")
    assert "host" not in second["config"]


KEY_PAIR = {"authenticationType": "keyPair", "username": "immuta", "privateKey": {"keyName": "PRIV_KEY_FILE", "userFilename": "k.p8", "content": PEM}}


BAD = [
    ("connectionKey", None, '"connectionKey" is required'),
    ("connectionKey", "a.b", '"connectionKey" must only contain'),
    ("connectionKey", "a b", '"connectionKey" must only contain'),
    ("connectionKey", "a/b", '"connectionKey" must only contain'),
    ("connectionKey", "Search", '"connectionKey" contains the restricted word'),
    ("connection", None, '"connection" is required'),
    ("connection.technology", None, '"connection.technology" is required'),
    ("connection.technology", "Oracle", '"connection.technology" must be one of'),
    ("connection.hostname", None, '"connection.hostname" is required'),
    ("connection.warehouse", None, '"connection.warehouse" is required'),
    ("connection.password", None, '"connection.password" is required'),
    ("connection.port", 70000, '"connection.port" must be a number'),
    ("connection.authenticationType", "okta", '"connection.authenticationType" must be one of'),
    ("settings.isActive", "no", '"settings.isActive" must be a boolean'),
    ("settings.active", True, '"settings.active" is not allowed'),
    ("nativeIntegration", None, '"nativeIntegration" is required'),
    ("nativeIntegration.type", "Databricks", '"nativeIntegration.type" must be [Snowflake]'),
    ("nativeIntegration.autoBootstrap", True, '"nativeIntegration.autoBootstrap" must be [false]'),
    ("nativeIntegration.config.host", "other.snowflakecomputing.com", '"connection.hostname" must be that of'),
    ("nativeIntegration.config.database", None, '"nativeIntegration.config.database" is required'),
]


@pytest.mark.parametrize(("path", "value", "text"), BAD, ids=str)
def test_bad_payload_is_named(tenant: Simulator, path: str, value: Any, text: str) -> None:
    for where in ("/data/connection", "/data/connection/test"):
        status, message = refusal(tenant.call("POST", where, edited(SNOWFLAKE, path, value)))
        assert (status, text in message) == (400, True), message
    assert tenant.stored_connections() == tenant.integrations() == []


def test_databricks_needs_unity_catalog_and_a_client_secret(tenant: Simulator) -> None:
    for path, text in (("nativeIntegration.unityCatalog", "must be [true]"), ("connection.oAuthClientConfig.clientSecret", "clientSecret")):
        assert text in refusal(tenant.call("POST", "/data/connection", edited(DATABRICKS, path, None)))[1]


def test_taken_key_is_a_conflict(tenant: Simulator) -> None:
    registered(tenant)
    assert refusal(tenant.call("POST", "/data/connection", SNOWFLAKE)) == (409, "A connection with the key acme already exists.")


@pytest.mark.parametrize("status", [409, 422])
def test_integration_on_the_host_is_in_the_way(tenant: Simulator, status: int) -> None:
    id_ = tenant.seed({"type": "Snowflake", "config": SNOWFLAKE["nativeIntegration"]["config"]})
    tenant.settings(taken_host=status)
    for path in ("/data/connection", "/data/connection/test"):
        assert refusal(tenant.call("POST", path, SNOWFLAKE)) == (status, f"Snowflake integration already exists on host {HOST} (id = {id_})")


def test_failed_validation_registers_nothing(tenant: Simulator) -> None:
    tenant.settings(unknown_hosts="fail")
    for path in ("/data/connection", "/data/connection/test"):
        reply = tenant.call("POST", path, SNOWFLAKE)
        assert refusal(reply) == (422, "Validation of prerequisite setup failed. Unable to register connection.")
        assert reply.json()["validationResults"]["status"] == "failed"
    assert tenant.stored_connections() == tenant.integrations() == []


def test_test_of_a_registration(tenant: Simulator) -> None:
    tenant.settings(refuse_writes=True)
    assert tenant.call("POST", "/data/connection/test", SNOWFLAKE).json()["validationResults"]["status"] == "passed"
    assert tenant.call("POST", "/data/connection", SNOWFLAKE).status == 500
    tenant.settings(connection_test=False)
    assert refusal(tenant.call("POST", "/data/connection/test", SNOWFLAKE)) == (404, "Not Found")
    assert tenant.stored_connections() == tenant.integrations() == []


# -- editing ----------------------------------------------------------------------------------------------------------


def test_edit_replaces_the_connection_and_what_the_integration_signs_in_with(tenant: Simulator) -> None:
    registered(tenant)
    connection = {**SNOWFLAKE["connection"], "warehouse": "OTHER", "password": "an0ther"}
    assert tenant.call("PUT", "/data/connection/acme", {"connection": connection}).status == 200
    assert tenant.call("GET", "/data/connection/acme").json()["connection"]["warehouse"] == "OTHER"
    assert tenant.integrations()[0]["config"]["password"] == tenant.stored_connections()[0]["connection"]["password"] == "an0ther"
    key = {"technology": "Snowflake", "hostname": HOST, "warehouse": "WH", **KEY_PAIR}
    assert tenant.call("PUT", "/data/connection/acme", {"connection": key}).status == 200
    assert "password" not in tenant.integrations()[0]["config"]


FIXED = [
    ({"connection": DATABRICKS["connection"]}, "connection.technology"),
    ({"connection": {**SNOWFLAKE["connection"], "hostname": "other.snowflakecomputing.com"}}, "connection.hostname"),
    ({"connection": SNOWFLAKE["connection"], "nativeIntegration": DATABRICKS["nativeIntegration"]}, "nativeIntegration"),
    ({"connection": {**SNOWFLAKE["connection"], "password": ""}}, '"connection.password" is required'),
    ({"settings": {}}, '"connection" is required'),
]


@pytest.mark.parametrize(("body", "text"), FIXED, ids=[text for _unused, text in FIXED])
def test_edit_that_is_refused(tenant: Simulator, body: dict[str, Any], text: str) -> None:
    registered(tenant)
    before = tenant.stored_connections()
    status, message = refusal(tenant.call("PUT", "/data/connection/acme", body))
    assert (status, text in message) == (400, True), message
    assert tenant.stored_connections() == before


# -- objects ----------------------------------------------------------------------------------------------------------


def test_objects_appear_with_a_crawl(tenant: Simulator) -> None:
    registered(tenant, edited(SNOWFLAKE, "options", None))
    assert tenant.call("POST", "/data/object/search/acme").json() == []
    assert "bulkId" in tenant.call("POST", "/data/crawl/acme").json()
    assert [each["objectPath"] for each in tenant.call("POST", "/data/object/search/acme").json()] == [["acme", "HR"], ["acme", "SALES"]]
    assert [each["objectPath"][-1] for each in tenant.call("POST", "/data/object/search/acme/SALES").json()] == ["PUBLIC", "SCRATCH"]
    tenant.contents("acme", ["SALES/PUBLIC/NEW", "HR/PUBLIC/NEW"])
    tenant.call("POST", "/data/crawl/acme/SALES")
    assert tenant.call("GET", DEEP).status == 404
    assert tenant.call("GET", "/data/object/acme/SALES/PUBLIC/NEW").status == 200
    assert tenant.call("GET", "/data/object/acme/HR/PUBLIC/NEW").status == 404  # outside what was read


def test_settings_come_from_the_parent_unless_the_object_has_its_own(tenant: Simulator) -> None:
    registered(tenant)
    deep = tenant.call("GET", DEEP).json()
    assert (deep["technology"], deep["state"], deep["settings"]["isActive"], deep["overrides"]) == ("Snowflake", "inactive", False, {})
    tenant.call("PUT", "/data/settings/acme", {"settings": {"isActive": True}})
    assert tenant.call("GET", DEEP).json()["state"] == "active"
    tenant.call("PUT", "/data/settings/acme/SALES", {"settings": {"isActive": False, "dataOwners": [{"type": "user", "id": 3}]}})
    sales, deep = tenant.call("GET", "/data/object/acme/SALES").json(), tenant.call("GET", DEEP).json()
    assert sales["overrides"] == {"isActive": False, "dataOwners": [{"type": "user", "id": 3}]}
    assert (deep["state"], deep["settings"]["dataOwners"]["value"], deep["overrides"]) == ("inactive", [{"type": "user", "id": 3}], {})
    top = tenant.call("GET", "/data/object/acme").json()
    assert (top["settings"]["dataOwners"], top["overrides"]) == ({"value": [], "hasDescendantsWithOverrides": True}, {})
    assert top["settings"]["activateNewChildren"] == {"value": False, "hasDescendantsWithOverrides": False}
    tenant.call("PUT", "/data/settings/acme/SALES", {"settings": {"isActive": True}})
    assert tenant.call("GET", "/data/object/acme/SALES").json()["overrides"] == {"dataOwners": [{"type": "user", "id": 3}]}


@pytest.mark.parametrize(("activate", "state"), [(True, "active"), (False, "inactive")])
def test_new_children_are_active_if_their_parent_says_so(tenant: Simulator, activate: bool, state: str) -> None:
    registered(tenant, {**SNOWFLAKE, "settings": {"isActive": True, "activateNewChildren": activate}})
    assert tenant.call("GET", "/data/object/acme/SALES").json()["state"] == state


@pytest.mark.parametrize("body", [None, {}, {"settings": {}}, {"settings": {"isActive": 1}}, {"settings": {"active": True}}], ids=str)
def test_bad_settings_are_refused(tenant: Simulator, body: Any) -> None:
    registered(tenant)
    assert refusal(tenant.call("PUT", "/data/settings/acme", body))[0] == 400


def test_removal_takes_everything_along(tenant: Simulator) -> None:
    registered(tenant)
    registered(tenant, GLUE)
    tenant.contents("acme", [])
    assert "DROP DATABASE" in tenant.call("POST", "/integrations/1/scripts/delete").text
    assert tenant.call("DELETE", "/data/object/acme/SALES/PUBLIC").json()["childCount"] == 2
    answer = tenant.call("DELETE", "/data/object/acme").json()
    assert (answer["objectPath"], answer["childCount"]) == (["acme"], TABLES - 3)
    for method, path in (("GET", "/data/object/acme"), ("GET", "/data/connection/acme"), ("DELETE", "/data/object/acme"), ("GET", DEEP)):
        assert tenant.call(method, path).status == 404
    assert tenant.call("POST", "/integrations/1/scripts/delete").status == 404
    assert tenant.call("GET", "/integrations").json() == []
    assert [each["objectPath"] for each in tenant.call("POST", "/data/object/search").json()] == [["lake"]]
    registered(tenant)


# -- access -----------------------------------------------------------------------------------------------------------

WRITES = [
    ("POST", "/data/connection", SNOWFLAKE),
    ("PUT", "/data/connection/acme", {"connection": SNOWFLAKE["connection"]}),
    ("DELETE", "/data/object/acme", None),
    ("POST", "/data/crawl/acme", None),
    ("PUT", "/data/settings/acme", {"settings": {"isActive": True}}),
]
READS = [
    ("POST", "/data/connection/test", DATABRICKS),
    ("GET", "/data/connection/acme", None),
    ("GET", "/data/object/acme", None),
    ("POST", "/data/object/search", None),
    ("POST", "/data/object/search/acme/SALES", {}),
    ("GET", "/jobs?bulkId=x", None),
    ("GET", "/jobs/search", None),
    ("POST", "/jobs/statuses", {"jobIds": ["x"]}),
]


def test_log_tells_writes_from_looks(tenant: Simulator) -> None:
    registered(tenant)
    before = tenant.stored_connections()
    tenant.settings(refuse_writes=True)
    tenant.clear_log()
    assert [tenant.call(*request).status for request in READS] == [200] * len(READS)
    assert tenant.writes() == []
    assert [tenant.call(*request).status for request in WRITES] == [500] * len(WRITES)
    assert len(tenant.writes()) == len(WRITES)
    assert tenant.stored_connections() == before


def test_registering_and_removing_need_the_permission(tenant: Simulator) -> None:
    registered(tenant)
    tenant.settings(application_admin=False)
    for request in (WRITES[0], READS[0], WRITES[2]):
        assert refusal(tenant.call(*request))[0] == 403
    assert tenant.call("GET", "/data/connection/acme").status == 200


# -- what the collection says, too ------------------------------------------------------------------------------------


def leaves(fields: tuple[Field, ...], prefix: str = "") -> Iterator[tuple[str, Field]]:
    for field in fields:
        yield from leaves(field.fields, f"{prefix}{field.key}.") if field.fields else [(prefix + field.key, field)]


def test_tables_of_the_collection_and_of_the_simulator_agree() -> None:
    assert set(TECHNOLOGIES) == set(OURS)
    assert RESERVED == RESERVED_KEYS
    for name, theirs in TECHNOLOGIES.items():
        if OURS[name].documented:
            fields = dict(leaves(OURS[name].fields))
            assert {path for path, field in fields.items() if field.secret} == set(theirs.secrets)
            assert {field.key for field in OURS[name].fields if field.required and not field.branch} == {"technology", *theirs.required}
