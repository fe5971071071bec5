# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which module speaks to which endpoint: what they send in a life of everything is what the table in the documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from immuta_simulator import Simulator
from support.modules import run_module
from support.pages import endpoints

SECRET = "a s3cret, wh4t else"
ACCOUNT = {"authentication_type": "userPassword", "username": "immuta", "password": SECRET}
PLACE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", "role": "ACCOUNTADMIN"}
SNOWFLAKE = {"type": "Snowflake", "auto_bootstrap": True, "config": {**PLACE, **ACCOUNT}}
AUDITED = {**SNOWFLAKE, "config": {**PLACE, **ACCOUNT, "audit": {"enabled": True}}}
SYNAPSE = {"type": "Azure Synapse Analytics", "auto_bootstrap": False, "config": {"host": "acme.azure.com", "database": "pool", "schema": "views", **ACCOUNT}}
CONNECTION = {
    "connection_key": "prod",
    "connection": {"technology": "Snowflake", "hostname": "prod.snowflakecomputing.com", "warehouse": "WH", **ACCOUNT},
    "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {**PLACE, "host": "prod.snowflakecomputing.com", **ACCOUNT}},
}
WAITS = {"immuta_connection", "immuta_data_object", "immuta_data_object_sync", "immuta_integration"}

Call = tuple[str, dict[str, Any], bool]


def absent(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "state": "absent"}


def calls(folder: Path) -> Iterator[Call]:
    """Everything in the life of everything: module, options, whether it only looks. 7 is a Trino integration.

    The connection is there while the integrations live, since who changes one of those asks whether a connection owns it.
    """
    yield "immuta_connection", CONNECTION, True
    yield "immuta_connection", CONNECTION, False
    yield "immuta_connection", {**CONNECTION, "settings": {"is_active": False}, "update_secrets": "always"}, False
    yield "immuta_connection_info", {}, False
    yield "immuta_connection_info", {"connection_key": "prod", "preview": True}, False
    yield "immuta_connection_api_key", {"connection_key": "prod", "name": "cluster", "dest": str(folder / "cluster")}, False
    yield "immuta_api_key", {"name": "automation", "dest": str(folder / "automation"), "old_id": "17"}, False
    yield "immuta_data_object_sync", {"object_path": ["prod"]}, False
    yield "immuta_data_object_info", {"object_path": ["prod"], "depth": 1}, False
    yield "immuta_data_object_info", {}, False
    yield "immuta_data_object", {"object_path": ["prod"], "settings": {"is_active": True}}, False

    yield "immuta_integration", SNOWFLAKE, True
    yield "immuta_integration", SNOWFLAKE, False
    yield "immuta_integration", AUDITED, True
    yield "immuta_integration", AUDITED, False
    yield "immuta_integration", absent(AUDITED), True
    yield "immuta_integration", absent(AUDITED), False
    yield "immuta_integration_info", {}, False
    yield "immuta_integration_info", {"id": "7"}, False
    yield "immuta_integration_api_key", {"dest": str(folder / "first")}, False
    yield "immuta_integration_api_key", {"dest": str(folder / "second"), "id": "7"}, False
    yield "immuta_integration", {"id": "7", "state": "absent", "force_disable": True}, False

    yield "immuta_integration", SYNAPSE, False
    for action in ("initial-create", "create", "edit", "delete", "cleanup", "post-cleanup"):
        yield "immuta_integration_script", {**SYNAPSE, "action": action, "dest": str(folder / action)}, False

    yield "immuta_connection", absent(CONNECTION), True
    yield "immuta_connection", absent({"connection_key": "prod"}), False


def planned(module: str, options: dict[str, Any], home: Path) -> dict[str, Any]:
    """The options of immuta_platform_plan that ask for what a module is asked for."""
    what = {name: value for name, value in options.items() if name != "state"}
    return {module.removeprefix("immuta_"): what, "state": options.get("state", "present"), "home": str(home), "name": "prod"}


def test_the_table_names_every_module_that_speaks_to_an_endpoint(tenant: Simulator, tmp_path: Path) -> None:
    """And the plan of the role, which is not in it, asks what the module would ask that it speaks for."""
    tenant.settings(data_api="on", transitions="polls:1", jobs="polls:1", preview_api="on")
    tenant.seed({"type": "Trino", "id": "7"})
    environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key, "IMMUTA_AUTH_METHOD": "bearer"}
    table = endpoints()

    def met(module: str, options: dict[str, Any], *, check: bool) -> set[str]:
        tenant.clear_log()
        reply = run_module(module, options, tmp_path, check=check, environment=environment)
        assert reply.result.get("msg") is None, (module, options)
        found = [[endpoint.name for endpoint in table if endpoint.is_met_by(request)] for request in tenant.requests()]
        return {name for (name,) in found}

    speaks: dict[str, set[str]] = {endpoint.name: set() for endpoint in table}
    for turn, (module, options, check) in enumerate(calls(tmp_path)):
        waiting = {"wait_interval": 0.02} if module in WAITS else {}
        if check:
            looks = met(module, {**options, "server_validation": False}, check=True)
            assert looks
            for mode in (True, False):
                assert met("immuta_platform_plan", planned(module, options, tmp_path / str(turn)), check=mode) == looks, (module, options)
        for name in met(module, {**waiting, **options}, check=check):
            speaks[name].add(module)
    assert {endpoint.name: set(endpoint.modules) for endpoint in table} == speaks
