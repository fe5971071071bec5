# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms of a tenant as hosts of an inventory: variables, names, filters and the cache."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.doc_fragments.tenant import ModuleDocFragment
from ansible_collections.community.immuta.plugins.inventory.immuta import DOCUMENTATION, InventoryModule
from ansible_collections.community.immuta.plugins.module_utils._ansible.inventory import (
    KINDS,
    from_cache,
    is_other_platform,
    matches_filters,
    read_platforms,
    to_cache,
    unique_names,
)
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC, connect, variable
from ansible_collections.community.immuta.plugins.module_utils._api.connections import Connections
from ansible_collections.community.immuta.plugins.module_utils._api.integrations import Integrations
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ApiError, Forbidden
from ansible_collections.community.immuta.plugins.module_utils._fleet.export import export_integration
from ansible_collections.community.immuta.plugins.module_utils._fleet.names import safe
from ansible_collections.community.immuta.plugins.module_utils._http.session import Session
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._plan.connection import Observed, plan_edit, wanted_connection
from ansible_collections.community.immuta.plugins.module_utils._plan.integration import desired, plan_update
from ansible_collections.community.immuta.plugins.module_utils._plan.plan import Policy
from immuta_simulator import Simulator
from immuta_simulator.examples import EXAMPLES
from support.leaks import traces

SECRET = "correct horse 1"
LOGIN = {"authenticationType": "userPassword", "username": "immuta", "password": SECRET}
SNOWFLAKE = {"type": "Snowflake", "autoBootstrap": False, "config": {"host": "acme.snowflakecomputing.com", "warehouse": "W", "database": "I", **LOGIN}}
LINK = {"technology": "Snowflake", "hostname": "acme.snowflakecomputing.com", "port": 443, "warehouse": "W", "role": "R", **LOGIN}


def session_of(tenant: Simulator, warnings: list[str] | None = None) -> Session:
    said = [] if warnings is None else warnings
    return connect({"url": tenant.url, "api_key": tenant.api_key, "retries": 0}, task_options=["api_key"], read_only=True, warn=said.append)


def read(tenant: Simulator, warnings: list[str] | None = None) -> dict[str, dict[str, Any]]:
    return {each["immuta_name"]: each for each in read_platforms(session_of(tenant, warnings), ([] if warnings is None else warnings).append)}


def lists(tenant: Simulator, *integrations: dict[str, Any]) -> None:
    """Set the next list of integrations."""
    tenant.fault(method="GET", path="/integrations$", status=200, body=json.dumps(integrations))


# --- names


@pytest.mark.parametrize(
    ("integration", "name"),
    [
        (SNOWFLAKE, "snowflake_acme.snowflakecomputing.com"),
        ({**SNOWFLAKE, "config": {**SNOWFLAKE["config"], "host": "HTTPS://Acme.SnowflakeComputing.com.:443/x"}}, "snowflake_acme.snowflakecomputing.com"),
        (EXAMPLES["Databricks"], "databricks_www.example-workspace.cloud.databricks.com"),
        (EXAMPLES["Redshift"], "redshift_organization.aws.amazon.com"),
        (EXAMPLES["Azure Synapse Analytics"], "azure_synapse_analytics_organization.azure.com"),
        (EXAMPLES["Google BigQuery"], "google_bigquery_immuta"),
        (EXAMPLES["Native S3"], "native_s3_S3_integration"),
        ({"type": "Trino"}, "trino"),
        # an unknown type is named after its host, or its id if it has no host
        ({"type": "New: Thing", "config": {"host": "Host.example.com"}}, "new_thing_host.example.com"),
        ({"type": "New: Thing", "config": {}}, "new_thing_7"),
    ],
)
def test_an_integration_is_called_by_its_type_and_what_finds_it(tenant: Simulator, integration: dict[str, Any], name: str) -> None:
    lists(tenant, {**integration, "id": 7})
    assert list(read(tenant)) == [name]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("prod-1.example.com", "prod-1.example.com"),
        ("{{ lookup('pipe', 'id') }}", "lookup_pipe_id"),
        ("a:b,c&d!e[1]*", "a_b_c_d_e_1"),
        ("../../etc/passwd", "etc_passwd"),
        ("-e x", "e_x"),
        ("Zürich\n", "Z_rich"),
        ("\x1b[31mred", "31mred"),
        ("x" * 500, "x" * 150),
        ("{{}}", ""),
        ("", ""),
    ],
)
def test_a_name_means_itself_in_patterns_on_command_lines_and_as_a_file(text: str, name: str) -> None:
    assert safe(text) == name


def platform(id: str | None, key: str | None = None, **more: Any) -> dict[str, Any]:
    return {"immuta_url": "u", "immuta_kind": "connection" if key else "integration", "immuta_id": id, "immuta_connection_key": key, **more}


@pytest.mark.parametrize(
    ("named", "names"),
    [
        ([("a", "1"), ("b", "2")], ["a", "b"]),
        ([("a", "1"), ("a", "2"), ("b", "3")], ["a_1", "a_2", "b"]),
        # a name with a suffix equals the name of another platform
        ([("a", "1"), ("a", "2"), ("a_1", "3")], ["a_1_1", "a_2", "a_1_3"]),
        ([("a", "x y"), ("a", "x_y")], ["a_51d5c2a1", "a_c2b0e9b4"]),
        ([], []),
    ],
)
def test_platforms_of_the_same_name_get_what_is_their_own(named: list[tuple[str, str]], names: list[str]) -> None:
    found = unique_names([name for name, _id in named], [platform(id) for _name, id in named])
    assert [re.sub(r"_[0-9a-f]{8}$", "_<sum>", name) for name in found] == [re.sub(r"_[0-9a-f]{8}$", "_<sum>", name) for name in names]
    assert len(set(found)) == len(found)


def test_connections_of_the_same_name_get_what_follows_from_their_keys() -> None:
    keys = ["a b", "a_b", "123"]
    found = unique_names(["c"] * 3, [platform(None, key) for key in keys])
    assert len(set(found)) == 3
    assert all(re.fullmatch("c_[0-9a-f]{8}", name) for name in found)
    # the suffix is always the same, so that a file with this name remains valid
    assert export_integration({**SNOWFLAKE, "id": "../../x"}).suffix == unique_names(["c"] * 2, [platform("../../x"), platform("7")])[0][2:]
    # independent of the order and of other platforms
    assert unique_names(["c"] * 2, [platform(None, key) for key in ("123", "a b")]) == [found[2], found[0]]


@pytest.mark.parametrize(
    ("there", "is_other"),
    [
        ({}, False),
        ({"immuta_url": "{{ of_the_tenant }}", "owner": "me"}, False),
        (platform("1"), False),
        ({**platform("1"), "owner": "me"}, False),
        (platform("2"), True),
        (platform("1", "key"), True),
        ({**platform("1"), "immuta_url": "v"}, True),
    ],
)
def test_a_host_that_is_there_is_the_same_platform_or_another(there: dict[str, Any], is_other: bool) -> None:
    assert is_other_platform(there, platform("1")) is is_other


# --- variables of a host


@pytest.mark.parametrize("type_name", PLATFORMS)
def test_the_options_of_an_integration_describe_what_is_there(tenant: Simulator, type_name: str) -> None:
    tenant.seed({**EXAMPLES.get(type_name, {"type": type_name}), "id": 7})
    (found,) = read(tenant).values()
    (observed,) = Integrations(session_of(tenant)).list()
    wanted = desired(found["immuta_platform_integration"], PLATFORMS[type_name])
    assert plan_update(wanted, observed, Policy()).action == "unchanged"
    shown = {key: value for key, value in (observed.get("config") or {}).items() if "REDACTED" not in str(value)}
    assert wanted.config.keys() >= shown.keys()
    assert (found["immuta_kind"], found["immuta_type"], found["immuta_id"], found["immuta_status"], found["immuta_healthy"]) == (
        "integration",
        type_name,
        "7",
        "enabled",
        True,
    )


def test_a_connection_and_the_integration_behind_it_are_one_host(tenant: Simulator) -> None:
    tenant.settings(data_api="on")
    tenant.seed({**SNOWFLAKE, "id": 50})
    tenant.seed({**EXAMPLES["Redshift"], "id": 51})
    tenant.connections([{"connectionKey": "prod", "nativeIntegrationId": 50, "connection": LINK, "settings": {"isActive": True}}])
    found = read(tenant)
    assert sorted(found) == ["connection_prod", "redshift_organization.aws.amazon.com"]
    known = found["connection_prod"]
    assert {name: value for name, value in known.items() if name != "immuta_platform_connection"} == {
        "immuta_name": "connection_prod",
        "immuta_kind": "connection",
        "immuta_type": "Snowflake",
        "immuta_id": "50",
        "immuta_status": "active",
        "immuta_healthy": True,
        "immuta_host": "acme.snowflakecomputing.com",
        "immuta_database": "I",
        "immuta_connection_key": "prod",
        "immuta_owner": "prod",
    }
    wanted = wanted_connection(known["immuta_platform_connection"])
    api = Connections(session_of(tenant))
    assert plan_edit(wanted, Observed(api.get("prod"), api.object(["prod"])), Policy()).action == "unchanged"
    assert (wanted.connection["warehouse"], wanted.settings["isActive"]) == ("W", True)


@pytest.mark.parametrize(
    ("status", "settings", "expected"),
    [
        ("enabled", {"isActive": False}, ("inactive", None)),
        ("recurringValidationError", {"isActive": True}, ("active", False)),
        ("editing", {"isActive": True}, ("active", None)),
    ],
)
def test_a_connection_is_as_healthy_as_what_is_behind_it(tenant: Simulator, status: str, settings: dict[str, Any], expected: tuple[str, Any]) -> None:
    tenant.settings(data_api="on", transitions="seconds:600")
    tenant.seed({**SNOWFLAKE, "id": 50, "status": status})
    tenant.connections([{"connectionKey": "prod", "nativeIntegrationId": 50, "connection": LINK, "settings": settings}])
    (found,) = read(tenant).values()
    assert (found["immuta_status"], found["immuta_healthy"]) == expected


@pytest.mark.parametrize("status", ["deleted", "disabled"])
def test_what_is_gone_is_no_host(tenant: Simulator, status: str) -> None:
    tenant.settings(show_deleted=True)
    tenant.seed({**SNOWFLAKE, "status": status})
    assert read(tenant) == {}


@pytest.mark.parametrize("form", ["absent", "parents", "<REDACTED>", "[REDACTED]"])
def test_no_host_knows_a_secret_or_a_placeholder(tenant: Simulator, form: str) -> None:
    tenant.settings(data_api="on", connection_secrets=form)
    tenant.seed({**SNOWFLAKE, "id": 50})
    tenant.connections([{"connectionKey": "prod", "nativeIntegrationId": 99, "connection": LINK, "settings": {}}])
    found = read(tenant)
    assert len(found) == 2
    assert "REDACTED" not in str(found)
    assert not traces([SECRET, tenant.api_key], found)


def test_a_secret_that_the_tenant_shows_is_left_out_wherever_it_stands(tenant: Simulator) -> None:
    shown = {"host": "h", "password": SECRET, "extraThing": f"https://u:{SECRET.replace(' ', '')}@h/", "connectArgs": SECRET, "database": f"x {tenant.api_key}"}
    lists(tenant, {"id": 5, "type": "Redshift", "status": "enabled", "config": shown})
    (found,) = read(tenant).values()
    assert not traces([SECRET, SECRET.replace(" ", ""), tenant.api_key], found)
    assert found["immuta_platform_integration"]["config"] == {"host": "h"}


def test_a_secret_that_a_connection_shows_is_left_out_wherever_it_stands(tenant: Simulator) -> None:
    tenant.settings(data_api="on")
    tenant.seed({**SNOWFLAKE, "id": 50})
    tenant.connections([{"connectionKey": "prod", "nativeIntegrationId": 50, "connection": {**LINK, "warehouse": f"x {tenant.api_key}"}}])
    assert not traces([SECRET, tenant.api_key], read(tenant))


# --- missing permissions


@pytest.mark.parametrize(("data_api", "warns"), [("404", False), ("403", True)])
def test_a_tenant_without_connections_has_integrations(tenant: Simulator, data_api: str, warns: bool) -> None:
    tenant.settings(data_api=data_api)
    tenant.seed(SNOWFLAKE)
    warnings: list[str] = []
    assert list(read(tenant, warnings)) == ["snowflake_acme.snowflakecomputing.com"]
    assert bool(warnings) is warns


@pytest.mark.parametrize(("status", "hosts"), [(200, 1), (403, 2), (404, 2), (422, 2)])
def test_a_connection_that_does_not_show_is_a_host_beside_its_integration(tenant: Simulator, status: int, hosts: int) -> None:
    tenant.settings(data_api="on")
    tenant.seed({**SNOWFLAKE, "id": 50})
    tenant.connections([{"connectionKey": "prod", "nativeIntegrationId": 50, "connection": LINK}])
    if status != 200:
        tenant.fault(method="GET", path="/data/connection/prod$", status=status)
    warnings: list[str] = []
    found = read(tenant, warnings)
    assert (len(found), found["connection_prod"]["immuta_type"]) == (hosts, "Snowflake")
    assert found["connection_prod"]["immuta_owner"] == ("prod" if hosts == 1 else None)
    assert bool(warnings) is (status == 403)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [("/integrations$", 403, Forbidden), ("/integrations$", 500, ApiError), ("/data/object/search$", 500, ApiError), ("/data/connection/prod$", 500, ApiError)],
)
def test_half_a_tenant_is_an_error(tenant: Simulator, path: str, status: int, error: type[Exception]) -> None:
    tenant.settings(data_api="on")
    tenant.connections([{"connectionKey": "prod", "nativeIntegrationId": 50, "connection": LINK}])
    tenant.fault(path=path, status=status, times=10)
    with pytest.raises(error):
        read(tenant)


# --- filters and cache

HERE = {"immuta_kind": "integration", "immuta_type": "Native S3", "immuta_status": "createError"}
BOTH = list(KINDS)


@pytest.mark.parametrize(
    ("include", "types", "statuses", "asked"),
    [
        (BOTH, [], [], True),
        (["integrations"], [], [], True),
        (["connections"], [], [], False),
        ([], [], [], False),
        (BOTH, ["native s3", "Snowflake"], [], True),
        (BOTH, ["Snowflake"], [], False),
        (BOTH, [], ["CREATEERROR"], True),
        (BOTH, [], ["enabled"], False),
        (BOTH, ["Native S3"], ["enabled"], False),
    ],
)
def test_which_are_asked_for(include: list[str], types: list[str], statuses: list[str], asked: bool) -> None:
    assert matches_filters(HERE, include, types, statuses) is asked


def test_what_shows_no_status_has_none() -> None:
    assert matches_filters({**HERE, "immuta_status": None}, BOTH, [], []) is True
    assert matches_filters({**HERE, "immuta_status": None}, BOTH, [], ["enabled"]) is False


def test_a_cache_gives_back_what_it_was_given_of_the_same_tenant() -> None:
    hosts = [{**HERE, "immuta_name": "{{ x }}", "d": {"__ansible_vault": "x", "n": None}}]
    kept = to_cache("https://a", hosts)
    assert isinstance(kept, str)
    assert from_cache(kept, "https://a") == hosts
    assert from_cache(kept, "https://b") is None


@pytest.mark.parametrize("kept", [None, "", "{", "[]", "7", '{"form": 0, "url": "https://a", "platforms": []}', [HERE], {"platforms": []}])
def test_anything_else_in_a_cache_is_none(kept: Any) -> None:
    assert from_cache(kept, "https://a") is None


# --- the plugin


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("immuta.yml", True),
        ("immuta.yaml", True),
        ("us.immuta.yml", True),
        ("eu.prod.immuta.yaml", True),
        ("myimmuta.yml", False),
        ("immuta.yml.orig", False),
        ("immuta.json", False),
        ("immuta", False),
        (".immuta.yml", False),
        ("hosts.yml", False),
    ],
)
def test_the_names_of_its_files(tmp_path: Path, name: str, is_ours: bool) -> None:
    (tmp_path / name).touch()
    assert InventoryModule().verify_file(str(tmp_path / name)) is is_ours
    assert InventoryModule().verify_file(str(tmp_path / "elsewhere" / name)) is False


def test_it_has_the_options_of_the_tenant_and_no_other_of_their_names() -> None:
    documented = yaml.safe_load(DOCUMENTATION)
    shared = yaml.safe_load(ModuleDocFragment.OPTIONS)["options"]
    assert "community.immuta.tenant.options" in documented["extends_documentation_fragment"]
    assert shared.keys() == TENANT_SPEC.keys()
    assert not shared.keys() & documented["options"].keys()
    for option, details in shared.items():
        assert f"E({variable(option)})" in str(details["description"]), option
        # ansible-core would treat an empty variable as a value, and a default as set by the user
        assert "env" not in details


def test_it_documents_its_kinds() -> None:
    include = yaml.safe_load(DOCUMENTATION)["options"]["include"]
    assert include["choices"] == include["default"] == list(KINDS)
