# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole tenant in one task: planned, applied, pruned, exported, and what happens to the others when one item fails."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from immuta_simulator import Simulator
from support.leaks import traces
from support.modules import Reply, run_module

PASSWORD = """it's "both"; \\ $$ {{ braces }} s3cret"""
ACCOUNT = {"authentication_type": "userPassword", "username": "admin", "password": PASSWORD}
CREDENTIALS = {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD}
FLEET = Callable[..., Reply]


def snowflake(number: int, **config: Any) -> dict[str, Any]:
    place = {"host": f"acme{number}.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", "role": "ACCOUNTADMIN"}
    return {"type": "Snowflake", "auto_bootstrap": True, "config": {**place, **ACCOUNT, **config}}


TRINO = {"type": "Trino"}
REDSHIFT = {"type": "Redshift", "auto_bootstrap": False, "config": {"host": "r.example.com", "database": "immuta", "initial_database": "dev", **ACCOUNT}}


@pytest.fixture
def fleet(tenant: Simulator, tmp_path: Path) -> FLEET:
    """Call immuta_tenant. What it asked stands in the tenant's log alone."""

    def call(module: str = "immuta_tenant", *, check: bool = False, **options: Any) -> Reply:
        tenant.clear_log()
        environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
        reply = run_module(module, {"wait_interval": 0.05, **options} if module == "immuta_tenant" else options, tmp_path, check=check, environment=environment)
        assert not traces([PASSWORD, tenant.api_key], reply.result, reply.output, reply.log)
        return reply

    return call


def asked(tenant: Simulator) -> Counter[str]:
    return Counter(f"{entry['method']} {re.sub(r'/[0-9]+', '/N', entry['path'])}{'?dry' if 'dryRun' in entry['query'] else ''}" for entry in tenant.requests())


def there(tenant: Simulator) -> list[dict[str, Any]]:
    return [each for each in tenant.integrations() if each["status"] != "deleted"]


def actions(reply: Reply) -> list[str | None]:
    return [item["action"] for item in reply["plan"]]


def registered(tenant: Simulator, *keys: str) -> list[str]:
    """Have these connections there, as if somebody else had made them. Returns the ids of the integrations behind them."""
    hosts = {key: f"{key}.snowflakecomputing.com" for key in keys}
    native = [
        str(tenant.seed({"type": "Snowflake", "autoBootstrap": False, "config": {"host": host, "warehouse": "WH", "database": "IMMUTA", **CREDENTIALS}}))
        for host in hosts.values()
    ]
    shown = {"technology": "Snowflake", "port": 443, "warehouse": "WH", "role": "IMMUTA", **CREDENTIALS}
    tenant.connections(
        [
            {"connectionKey": key, "nativeIntegrationId": id, "connection": {**shown, "hostname": host}}
            for (key, host), id in zip(hosts.items(), native, strict=True)
        ]
    )
    return native


# --- one life


def test_the_life_of_a_fleet(tenant: Simulator, fleet: FLEET) -> None:
    lists = {"integrations": [snowflake(1), TRINO, snowflake(2)]}
    planned = fleet(check=True, **lists)
    assert actions(planned) == ["created"] * 3 and planned["changed"]
    assert [item["validation"]["status"] for item in planned["plan"]] == ["passed"] * 3
    assert tenant.integrations() == []
    assert asked(tenant) == {"GET /integrations": 1, "POST /integrations?dry": 3}

    tenant.settings(transitions="polls:2")
    made = fleet(**lists, expected_plan=planned["plan_sha256"])
    assert (made["plan_sha256"], actions(made), made["changed"]) == (planned["plan_sha256"], ["created"] * 3, True)
    assert [(item["status"], item["healthy"]) for item in made["plan"]] == [("enabled", True)] * 3
    assert made["summary"] == {"created": 3, "updated": 0, "deleted": 0, "unchanged": 0, "needs_script": 0, "failed": 0}
    assert sorted(made["diff"]["after"]) == ["integration Trino", "integration acme1.snowflakecomputing.com", "integration acme2.snowflakecomputing.com"]
    assert asked(tenant)["GET /integrations/N"] == asked(tenant)["GET /integrations/N/status"] == 0, "all wait together, by one list"

    for check in (True, False):
        again = fleet(check=check, **lists)
        assert (actions(again), again["changed"]) == (["unchanged"] * 3, False)
        assert asked(tenant) == {"GET /integrations": 1}

    lists["integrations"][0] = snowflake(1, warehouse="OTHER")
    predicted = fleet(check=True, **lists)
    edited = fleet(**lists)
    for reply in (predicted, edited):
        assert actions(reply) == ["updated", "unchanged", "unchanged"]
        assert [change["field"] for change in reply["plan"][0]["changes"]] == ["config.warehouse", "config.password"]
        assert reply["diff"]["after"]["integration acme1.snowflakecomputing.com"]["config"]["warehouse"] == "OTHER"
    assert next(each["config"]["warehouse"] for each in tenant.integrations() if each["config"].get("host", "").startswith("acme1")) == "OTHER"

    lists["integrations"] = [{**item, "state": "absent"} for item in lists["integrations"]]
    for check in (True, False):
        assert actions(fleet(check=check, **lists)) == ["deleted"] * 3
    assert there(tenant) == []
    assert actions(fleet(**lists)) == ["unchanged"] * 3


def test_connections_are_read_once_each_and_an_integration_behind_one_is_nobodys_stray(tenant: Simulator, fleet: FLEET) -> None:
    tenant.settings(data_api="on", refuse_writes=False)
    native = [
        tenant.seed(
            {"type": "Snowflake", "autoBootstrap": False, "config": {"host": f"c{number}.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA"}}
        )
        for number in (1, 2)
    ]
    tenant.connections(
        [
            {
                "connectionKey": f"c{number}",
                "nativeIntegrationId": id,
                "connection": {"technology": "Snowflake", "hostname": f"c{number}.snowflakecomputing.com", "port": 443, "warehouse": "WH", "role": "IMMUTA"},
            }
            for number, id in enumerate(native, 1)
        ]
    )
    given = {"connection_key": "c1", "connection": {"technology": "Snowflake", "warehouse": "WH"}}
    reply = fleet(connections=[given], integrations=[])
    assert actions(reply) == ["unchanged"]
    assert [(each["kind"], each["key"]) for each in reply["unmanaged"]] == [("connection", "c2")]
    assert asked(tenant) == {"GET /integrations": 1, "POST /data/object/search": 1, "GET /data/connection/c1": 1, "GET /data/connection/c2": 1}
    owned = fleet(connections=[], integrations=[{"id": str(native[0]), "type": "Snowflake", "config": {"warehouse": "X"}}])
    assert owned.result["failed"] and "belongs to the connection c1" in owned["plan"][0]["error"]
    assert owned["plan"][0]["failure"]["connection_key"] == "c1"


# --- scripts


def test_what_needs_a_script_is_planned_and_left_alone(tenant: Simulator, fleet: FLEET) -> None:
    for check in (True, False):
        reply = fleet(check=check, integrations=[REDSHIFT, TRINO])
        assert [(item["action"], item["needs_script"], item["changed"]) for item in reply["plan"]] == [("created", True, False), ("created", False, True)]
        assert reply["summary"]["needs_script"] == 1
    assert [each["type"] for each in tenant.integrations()] == ["Trino"]
    tenant.seed({"type": "Redshift", "autoBootstrap": False, "config": {"host": "r.example.com", "database": "immuta"}})
    # Immuta forgets it by force, and no script has to run for that
    gone = fleet(integrations=[{**REDSHIFT, "state": "absent", "force_disable": True}])
    assert [(item["action"], item["needs_script"], item["changed"]) for item in gone["plan"]] == [("deleted", False, True)]


# --- one that fails


def test_an_item_that_fails_leaves_the_others_alone(tenant: Simulator, fleet: FLEET) -> None:
    tenant.fault(method="POST", path="/integrations$", body=json.dumps({"statusCode": 422, "message": f"No such warehouse: {PASSWORD}"}), status=422)
    reply = fleet(
        integrations=[snowflake(1), snowflake(2), {"type": "Snowflake", "auto_bootstrap": True, "config": {"host": "x"}}, {"id": "99"}], server_validation=False
    )
    assert reply.result["failed"] and reply["changed"]
    assert reply["summary"] == {"created": 1, "updated": 0, "deleted": 0, "unchanged": 0, "needs_script": 0, "failed": 3}
    assert reply["msg"].startswith("3 of 4 items failed.")
    assert "config.warehouse and config.database and config.authentication_type are required" in reply["plan"][2]["error"]
    assert "There is no integration with id 99." in reply["plan"][3]["error"]
    assert len(tenant.integrations()) == 1
    failed = next(item for item in reply["plan"][:2] if item["error"])
    assert (failed["failure"]["status"], failed["failure"]["method"]) == (422, "POST")


def test_on_error_stop_begins_nothing_more(tenant: Simulator, fleet: FLEET) -> None:
    broken = {"type": "Snowflake", "auto_bootstrap": True, "config": {"host": "x"}}
    reply = fleet(integrations=[TRINO, broken], on_error="stop")
    assert not reply["changed"] and tenant.integrations() == []
    assert "It was not started, because integration x failed." in reply["plan"][0]["error"]
    tenant.fault(method="POST", path="/integrations$", status=500)
    reply = fleet(integrations=[snowflake(1), snowflake(2), TRINO], on_error="stop", concurrency=1, server_validation=False, retries=0, wait_interval=0.01)
    assert sum("It was not started" in (item["error"] or "") for item in reply["plan"]) == 2 or len(tenant.integrations()) == 3


def test_a_lost_answer_makes_no_second_integration(tenant: Simulator, fleet: FLEET) -> None:
    tenant.fault(method="POST", path="/integrations$", reset=True, when="after", times=2)
    reply = fleet(integrations=[snowflake(1), snowflake(2), TRINO], server_validation=False)
    assert not reply.result.get("failed"), reply["msg"]
    assert sorted(each["type"] for each in tenant.integrations()) == ["Snowflake", "Snowflake", "Trino"]
    assert sum(item["adopted"] for item in reply["plan"]) == 2


def test_a_tenant_that_cannot_be_read_is_one_failure(tenant: Simulator, fleet: FLEET) -> None:
    tenant.settings(application_admin=False)
    reply = fleet(integrations=[TRINO, snowflake(1)])
    assert reply.result["failed"] and "GET /integrations failed: HTTP 403" in reply["msg"] and "plan" not in reply.result


# --- pruning


def stray(tenant: Simulator, number: int) -> str:
    config = {"host": f"stray{number}.snowflakecomputing.com", "database": "IMMUTA", "warehouse": "WH"}
    return str(tenant.seed({"type": "Snowflake", "autoBootstrap": False, "config": config}))


def bigquery(tenant: Simulator, dataset: str) -> str:
    return str(tenant.seed({"type": "Google BigQuery", "autoBootstrap": False, "config": {"dataset": dataset, "database": "d"}}))


@pytest.mark.parametrize(
    "options, pruned, said",
    [
        ({}, 0, ""),
        ({"prune": True}, 0, "more than prune_max (1)"),
        ({"prune": True, "prune_max": 2}, 2, ""),
        ({"prune": True, "prune_max": 9, "integrations": []}, 0, "integrations is empty, so no integration is pruned"),
        ({"prune": True, "prune_max": 9, "integrations": [], "prune_empty": True}, 3, ""),
        ({"prune": True, "prune_max": 9, "integrations": [TRINO, {"type": "Snowflake", "config": {"host": "x"}}]}, 0, "Nothing is pruned"),
    ],
)
def test_pruning(tenant: Simulator, fleet: FLEET, options: dict[str, Any], pruned: int, said: str) -> None:
    tenant.seed({"type": "Trino"})
    for dataset in ("one", "two"):
        bigquery(tenant, dataset)
    needs_script = stray(tenant, 1)
    options = {"integrations": [TRINO], **options}
    planned = fleet(check=True, **options)
    done = fleet(**options)
    for reply in (planned, done):
        assert said in f"{reply.result.get('msg', '')} {reply.result.get('warnings', '')}"
        if "plan" in reply.result:
            assert sum(item["pruned"] and item["changed"] for item in reply["plan"]) == pruned
            assert [item["id"] for item in reply["plan"] if item["pruned"] and item["needs_script"]] in ([], [needs_script])
    assert len(there(tenant)) == 4 - pruned


def test_pruning_is_for_kinds_that_were_given(tenant: Simulator, fleet: FLEET) -> None:
    bigquery(tenant, "one")
    reply = fleet(connections=[], prune=True, prune_empty=True)
    assert reply["plan"] == reply["unmanaged"] == []
    assert fleet(prune=True).result["failed"]
    assert len(tenant.integrations()) == 1


# --- the export


def test_an_export_changes_nothing_where_it_came_from(tenant: Simulator, fleet: FLEET, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    fleet(integrations=[snowflake(1), TRINO])
    registered(tenant, "lake")
    tenant.seed({"type": "Native S3", "autoBootstrap": False, "config": {"name": "{{ lookup('pipe', 'id') }}", "awsRegion": "us-east-1", "newThing": {"a": 1}}})
    bigquery(tenant, "data")
    dest = tmp_path / "immuta.yml"
    exported = fleet("immuta_tenant_info", dest=str(dest))
    assert exported["changed"] and oct(dest.stat().st_mode & 0o777) == "0o600"
    text = dest.read_text(encoding="utf-8")
    assert not fleet("immuta_tenant_info", dest=str(dest))["changed"]
    assert dest.read_text(encoding="utf-8") == text
    assert not traces([PASSWORD], text)
    assert "!unsafe '{{ lookup(''pipe'', ''id'') }}'" in text
    assert set(re.findall(r"vault_immuta_\w+", text)) == set(exported["vault_names"])

    class Loader(yaml.SafeLoader):
        """What Ansible reads, without its templates."""

    Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
    lists = yaml.load(text, Loader=Loader)
    assert lists["immuta_integrations"] == exported["integrations"]
    reply = fleet(integrations=exported["integrations"], connections=exported["connections"], update_secrets="on_create")
    assert (actions(reply), reply["changed"]) == (["unchanged"] * len(reply["plan"]), False), reply["plan"]
    assert reply["unmanaged"] == []
    assert len(reply["plan"]) >= 4


def test_an_inventory_has_a_file_for_each_platform(tenant: Simulator, fleet: FLEET, tmp_path: Path) -> None:
    fleet(integrations=[snowflake(1), TRINO])
    dest = tmp_path / "inventory"
    assert fleet("immuta_tenant_info", check=True, dest=str(dest), layout="inventory")["changed"] and not dest.exists()
    assert fleet("immuta_tenant_info", dest=str(dest), layout="inventory")["changed"]
    assert not fleet("immuta_tenant_info", dest=str(dest), layout="inventory")["changed"]
    hosts = yaml.safe_load((dest / "hosts.yml").read_text())["immuta_platforms"]["hosts"]
    assert sorted(path.stem for path in (dest / "host_vars").iterdir()) == sorted(hosts) == ["snowflake_acme1.snowflakecomputing.com", "trino"]


def test_a_folder_that_is_not_there_is_said_before_anything_is_asked(tenant: Simulator, fleet: FLEET, tmp_path: Path) -> None:
    reply = fleet("immuta_tenant_info", dest=str(tmp_path / "no" / "where.yml"))
    assert reply.result["failed"] and "dest" in reply["msg"] and not tenant.requests()
