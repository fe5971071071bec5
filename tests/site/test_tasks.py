# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every task that the documentation shows is run on a simulated tenant, in the order of its example, and none fails."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import is_query
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from immuta_simulator import Simulator
from immuta_simulator.examples import EXAMPLES
from support.modules import run_module
from support.pages import input_errors, module_of
from support.shown import BUILTIN, COLLECTION, RUN_BY, Block, blocks, fill, module_in, tasks_of, tasks_with

#: an action plugin, which checks its options itself
ACTION = "community.immuta.immuta_fleet"
SQL = "community.immuta.immuta_sql_script"
#: what needs ansible-playbook, whose examples test_playbooks.py runs, or a warehouse
ELSEWHERE = {ACTION, SQL, "community.immuta.immuta_report", "ansible.builtin.set_fact"}
BUCKET = {
    **EXAMPLES["Native S3"],
    "id": 7,
    "config": {**EXAMPLES["Native S3"]["config"], "authenticationType": "auto", "awsRoleToAssume": "arn:aws:iam::1:role/i"},
}
SNOWFLAKE = {**EXAMPLES["Snowflake"], "id": 7, "autoBootstrap": False}
TRINO = {"type": "Trino"}
SNOWFLAKE_CONNECTION = {"connectionKey": "snowflake-prod", "connection": {"technology": "Snowflake"}, "nativeIntegrationId": "7"}
TRINO_CONNECTION = {"connectionKey": "trino-prod", "connection": {"technology": "Trino"}}
#: what the tenant has when the example of a module or a page begins: its integrations, its connections
THERE: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "amazon_s3": ([BUCKET], []),
    "immuta_connection_api_key": ([], [TRINO_CONNECTION]),
    "immuta_connection_info": ([SNOWFLAKE], [SNOWFLAKE_CONNECTION]),
    "immuta_data_object": ([], [SNOWFLAKE_CONNECTION]),
    "immuta_data_object_info": ([], [SNOWFLAKE_CONNECTION]),
    "immuta_data_object_sync": ([], [SNOWFLAKE_CONNECTION]),
    "immuta_integration": ([SNOWFLAKE], []),
    "immuta_integration_api_key": ([TRINO], []),
    "immuta_integration_script": ([SNOWFLAKE], []),
    "trino": ([TRINO], []),
    "trino_connection": ([], [TRINO_CONNECTION]),
}
#: what a reader fills in; every other name of a secret stands for a text
VARIABLES: dict[str, Any] = {
    "approved_sha256": "0" * 64,
    "immuta_api_key_id": "1",
    "immuta_connections": [],
    "immuta_integrations": [TRINO],
    "playbook_dir": "/srv/playbooks",
    "snowflake_connection": {
        "connection_key": "snowflake-prod",
        "connection": {"technology": "Snowflake"},
        "native_integration": {"type": "Snowflake", "autoBootstrap": False, "config": EXAMPLES["Snowflake"]["config"]},
    },
    "snowflake_login": {"account": "acme", "username": "ADMIN", "password": "p"},
    "vault_bigquery_key_file": '{"type": "service_account"}',
    "vault_immuta_private_key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
}
#: what an earlier task has registered, where no task is run
REGISTERED = {"found": {"connections": [{"nativeIntegrationId": "7"}]}, "planned": {"plan_sha256": "0" * 64}, "fleet": {"format": 1}}


WITH_TASKS = [block for block in blocks() if tasks_of(block) and block.document not in RUN_BY]


@pytest.mark.parametrize("block", WITH_TASKS, ids=Block.__str__)
def test_every_task_is_one_that_its_module_takes(block: Block) -> None:
    for task in tasks_of(block):
        module = module_in(task)
        if module.startswith(COLLECTION) and module != ACTION:
            options = fill(task[module] or {}, {**VARIABLES, **REGISTERED, "folder": "/srv"})
            assert input_errors(module_of(module.removeprefix(COLLECTION)), options) == [], task["name"]


@pytest.mark.parametrize("block", [block for block in WITH_TASKS if not ELSEWHERE & set(map(module_in, tasks_of(block)))], ids=Block.__str__)
def test_every_task_of_an_example_succeeds(block: Block, tenant: Simulator, tmp_path: Path) -> None:
    environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
    prepare(tenant, Path(block.document).stem)
    known = {**VARIABLES, "folder": tmp_path}
    for task in tasks_of(block):
        module, options = module_in(task), fill(task[module_in(task)] or {}, known)
        if module.startswith(BUILTIN):
            continue  # its template has been evaluated
        given = {name: value for name, value in options.items() if name not in ("url", "api_key")}
        for option in ("dest", "review_dest"):
            Path(given.get(option, tmp_path)).parent.mkdir(parents=True, exist_ok=True)
        result = run_module(module.removeprefix(COLLECTION), given, tmp_path, environment=environment, check=bool(task.get("check_mode"))).result
        assert not result.get("failed"), f"{task['name']}: {result}"
        known[task.get("register", "")] = result
        if given.get("old_id"):  # the key that the environment names has been replaced
            environment["IMMUTA_API_KEY"] = Path(given["dest"]).read_text(encoding="utf-8").strip()


SCRIPTS = tasks_with(SQL)


@pytest.mark.parametrize(("block", "task"), SCRIPTS, ids=[f"{block}-{task['name']}" for block, task in SCRIPTS])
def test_every_login_is_one_that_its_driver_takes(block: Block, task: Mapping[str, Any], tmp_path: Path) -> None:
    """An example that runs a script gets here as far as the connection. tests/engine runs its script with the login of an engine."""
    key = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "snowflake.p8").write_bytes(key)
    options = fill(task[SQL], {**VARIABLES, "folder": tmp_path})
    warnings: list[str] = []
    DRIVERS[options["type"]](options["login"], connect_timeout=1, statement_timeout=1, warn=warnings.append)
    assert not warnings
    assert "unless" not in options or is_query(options["unless"], options["type"])


def prepare(tenant: Simulator, name: str) -> None:
    """Give the tenant what an example speaks of."""
    integrations, connections = THERE.get(name, ([], []))
    tenant.settings(data_api="on")
    for integration in integrations:
        tenant.seed(copy.deepcopy(integration))
    tenant.connections(copy.deepcopy(connections))
    for connection in connections:
        tenant.contents(connection["connectionKey"], ["SALES/SCRATCH/ONE", "SALES/MAIN/TWO"])
        tenant.call("POST", f"/data/crawl/{connection['connectionKey']}")
