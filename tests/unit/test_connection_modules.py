# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of the Connections API as Ansible runs them, from the options of a task to its result."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from support.modules import ROOT, run_module
from unit.data_api import DataApi

SECRET = 'hush "hush" it\'s $$; secret'
SNOWFLAKE: dict[str, Any] = {
    "connectionKey": "sf-prod",
    "connection": {
        "technology": "Snowflake",
        "hostname": "acme.snowflakecomputing.com",
        "port": 443,
        "warehouse": "WH",
        "role": "R",
        "authenticationType": "userPassword",
        "username": "IMMUTA",
        "password": SECRET,
    },
    "settings": {"isActive": False},
    "options": {"forceRecursiveCrawl": True},
    "nativeIntegration": {
        "type": "Snowflake",
        "autoBootstrap": False,
        "config": {"host": "acme.snowflakecomputing.com", "database": "IMMUTA", "authenticationType": "userPassword", "username": "IMMUTA", "password": SECRET},
    },
}


@pytest.fixture
def tenant() -> Iterator[DataApi]:
    with DataApi() as api:
        yield api


def run(tenant: DataApi, module: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Return the result or failure of a module."""
    arguments = {"url": tenant.url, "api_key": "key-of-tests", "use_proxy": False, "retries": 0, **options}
    tenant.forget()
    reply = run_module(module, arguments, ROOT, check=check)
    # the part that is the same in every spelling
    assert "$$; secret" in SECRET
    assert "$$; secret" not in reply.output
    return reply.result


def returned(module: str) -> dict[str, Any]:
    """Return the keys that a module documents to return on success."""
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    documented: dict[str, Any] = yaml.safe_load(text.split('RETURN = r"""')[1].split('"""')[0])
    return {name: value for name, value in documented.items() if value["returned"] in ("always", "success")}


def check_shape(module: str, result: dict[str, Any]) -> None:
    """Check that a result holds exactly the documented keys."""
    assert result.keys() - {"changed", "invocation", "warnings", "deprecations"} == returned(module).keys()


# --- immuta_connection


def test_a_connection_lives_and_goes(tenant: DataApi) -> None:
    assert run(tenant, "immuta_connection", **SNOWFLAKE)["action"] == "created"
    assert run(tenant, "immuta_connection", **SNOWFLAKE)["action"] == "unchanged"
    edited = deepcopy(SNOWFLAKE)
    edited["connection"]["warehouse"] = "BIGGER"
    for check in (True, False):
        assert run(tenant, "immuta_connection", check=check, **edited)["changed_reason"] == "differs: connection.warehouse"
    assert run(tenant, "immuta_connection", **edited)["action"] == "unchanged"
    assert run(tenant, "immuta_connection", connection_key="sf-prod", settings={"is_active": True})["healthy"] is True
    for check, left in ((True, {"sf-prod"}), (False, set())):
        result = run(tenant, "immuta_connection", check=check, connection_key="sf-prod", state="absent")
        assert (result["action"], result["child_count"], tenant.connections.keys()) == ("deleted", 0, left)
        check_shape("immuta_connection", result)
    assert run(tenant, "immuta_connection", connection_key="sf-prod", state="absent")["action"] == "unchanged"


def test_an_unknown_key_is_pointed_to_extra(tenant: DataApi) -> None:
    wrong = deepcopy(SNOWFLAKE)
    wrong["nativeIntegration"]["config"]["shoeSize"] = "forty-two"
    result = run(tenant, "immuta_connection", **wrong)
    assert result["failed"]
    assert "goes under native_integration.config.extra" in result["msg"].replace("nativeIntegration", "native_integration")
    assert tenant.log == []


@pytest.mark.parametrize("given", [{"warehouse": "A", "extra": {"warehouse": "A"}}, {"http_path": "a", "httpPath": "b"}])
def test_an_option_is_given_once(tenant: DataApi, given: dict[str, Any]) -> None:
    result = run(
        tenant, "immuta_connection", connection_key="sf-prod", connection={"technology": "Databricks" if "httpPath" in given else "Snowflake", **given}
    )
    assert result["failed"]
    assert tenant.log == []


@pytest.mark.parametrize("key", ["", ".", ".."])
def test_a_key_that_would_lead_elsewhere_is_refused(tenant: DataApi, key: str) -> None:
    result = run(tenant, "immuta_connection", connection_key=key, state="absent")
    assert (result["failed"], result["option"], tenant.log) == (True, "connection_key", [])


# --- immuta_connection_info


def populate(tenant: DataApi) -> None:
    tenant.add(SNOWFLAKE)
    tenant.add({"connectionKey": "Old (UI)", "connection": {"technology": "Oracle", "hostname": "db"}}, state="inactive")
    tenant.add_objects("sf-prod/DB", "sf-prod/DB/S", "sf-prod/DB/S/T")
    tenant.add_objects("sf-prod/DB2", state="inactive")


def test_every_connection_is_listed_as_far_as_it_is_shown(tenant: DataApi) -> None:
    populate(tenant)
    result = run(tenant, "immuta_connection_info", check=True)
    old, snowflake = result["connections"]
    assert (old["connectionKey"], old["connection"], old["object"]["state"]) == ("Old (UI)", {"technology": "Oracle"}, "inactive")
    assert (snowflake["nativeIntegrationId"], snowflake["connection"]["username"]) == ("7", "IMMUTA")
    assert not result["changed"]
    check_shape("immuta_connection_info", result)


# --- immuta_data_object, _info and _sync


def test_an_object_is_set_once(tenant: DataApi) -> None:
    populate(tenant)
    options = {"objectPath": ["sf-prod", "DB2"], "settings": {"is_active": True, "dataOwners": [{"type": "group", "id": 7}]}}
    results = [run(tenant, "immuta_data_object", check=check, **options) for check in (True, False, False)]
    assert [result["action"] for result in results] == ["updated", "updated", "unchanged"]
    assert [result["object"]["state"] for result in results] == ["active"] * 3
    assert results[0]["changes"] == results[1]["changes"]
    check_shape("immuta_data_object", results[0])


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({}, ["Old (UI)", "sf-prod"]),
        ({"depth": 1}, ["Old (UI)", "sf-prod", "sf-prod/DB", "sf-prod/DB2"]),
        ({"technology": "snowflake"}, ["sf-prod"]),
        ({"state": "Inactive", "depth": 1}, ["Old (UI)", "sf-prod", "sf-prod/DB2"]),
        ({"object_path": ["sf-prod", "DB"]}, ["sf-prod/DB"]),
        ({"object_path": ["sf-prod", "DB"], "depth": 2}, ["sf-prod/DB", "sf-prod/DB/S", "sf-prod/DB/S/T"]),
        ({"object_path": ["sf-prod", "NO"], "depth": 2}, []),
    ],
)
def test_objects_are_listed_where_and_as_deep_as_asked(tenant: DataApi, options: dict[str, Any], paths: list[str]) -> None:
    populate(tenant)
    result = run(tenant, "immuta_data_object_info", check=True, **options)
    assert ["/".join(each["objectPath"]) for each in result["objects"]] == paths
    check_shape("immuta_data_object_info", result)


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("immuta_data_object", {"object_path": ["sf-prod", "DB2"], "settings": {"is_active": True}}),
        ("immuta_data_object_info", {}),
        ("immuta_connection_info", {}),
    ],
)
def test_what_looks_secret_under_a_key_that_no_table_knows_is_hidden(tenant: DataApi, module: str, options: dict[str, Any]) -> None:
    populate(tenant)
    for shown in tenant.objects.values():
        shown["custom"] = {"apiToken": "token-of-nobody"}
    assert "token-of-nobody" not in repr(run(tenant, module, **options))


@pytest.mark.parametrize(
    ("module", "options", "option"),
    [
        ("immuta_data_object_info", {"depth": -1}, "depth"),
        ("immuta_data_object_info", {"object_path": ["a", ".."]}, "object_path"),
        ("immuta_data_object_sync", {"object_path": []}, "object_path"),
        ("immuta_data_object", {"object_path": [""], "settings": {}}, "object_path"),
    ],
)
def test_a_path_that_is_none_is_refused(tenant: DataApi, module: str, options: dict[str, Any], option: str) -> None:
    result = run(tenant, module, **options)
    assert (result["failed"], result["option"], tenant.log) == (True, option, [])


def test_a_sync_is_always_a_change(tenant: DataApi) -> None:
    populate(tenant)
    tenant.behaviour.jobs = ["active", "completed"]
    for check, writes, states in ((True, [], []), (False, ["POST /data/crawl/sf-prod/DB"], ["completed"])):
        result = run(tenant, "immuta_data_object_sync", check=check, object_path=["sf-prod", "DB"], wait_interval=0.05)
        assert (result["changed"], [job["state"] for job in result["jobs"]], tenant.writes) == (True, states, writes)
        check_shape("immuta_data_object_sync", result)


# --- the documents


EXAMPLES = ["immuta_connection", "immuta_connection_info", "immuta_data_object", "immuta_data_object_info", "immuta_data_object_sync"]


@pytest.mark.parametrize("module", EXAMPLES)
def test_every_example_is_accepted(tenant: DataApi, module: str) -> None:
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    examples = yaml.safe_load(text.split('EXAMPLES = r"""')[1].split('"""')[0])
    populate(tenant)
    tenant.add({**SNOWFLAKE, "connectionKey": "snowflake-prod"})
    tenant.add_objects("snowflake-prod/SALES", "snowflake-prod/SALES/SCRATCH")
    for task in examples:
        options = {name: value for name, value in task.get(f"community.immuta.{module}", {}).items() if name not in ("url", "api_key")}
        if options:
            result = run(tenant, module, check=True, **{"server_validation": False} if module == "immuta_connection" else {}, **options)
            assert not result.get("failed"), (task["name"], result["msg"])
