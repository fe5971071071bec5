# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_integration_info: which integrations it lists, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.modules import Reply, run_module
from support.tasks import INFO, Play
from support.wire_log import conversations

SECRET = "s3cret word"
ACCOUNT = {"authenticationType": "userPassword", "username": "admin", "password": SECRET}
INTEGRATIONS = [
    {"id": 10, "type": "Snowflake", "autoBootstrap": True, "config": {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "I", **ACCOUNT}},
    {"id": 9, "type": "Redshift", "config": {"host": "cluster.example.com", "database": "i", "initialDatabase": "d", **ACCOUNT}},
    {"id": 11, "type": "Redshift", "config": {"host": "other.example.com", "database": "i", "initialDatabase": "d", **ACCOUNT}},
    {"id": 12, "type": "Databricks", "config": {"workspaceUrl": "acme.databricks.com", "httpPath": "p", "authenticationType": "token", "token": SECRET}},
    {"id": 2, "type": "Trino"},
]


@pytest.fixture
def listed(tenant: Simulator, tmp_path: Path) -> Callable[..., Reply]:
    for integration in INTEGRATIONS:
        tenant.seed(integration)

    def call(check: bool = False, **arguments: Any) -> Reply:
        return run_module("immuta_integration_info", {"url": tenant.url, "api_key": tenant.api_key, **arguments}, tmp_path, check=check)

    return call


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ({}, ["2", "9", "10", "11", "12"]),
        ({"id": "9"}, ["9"]),
        ({"id": 9}, ["9"]),
        ({"id": "99"}, []),
        ({"type": "Redshift"}, ["9", "11"]),
        ({"type": "Native S3"}, []),
        ({"host": "cluster.example.com"}, ["9"]),
        ({"host": "HTTPS://Cluster.Example.com.:5439/"}, ["9"]),
        ({"host": "acme.databricks.com"}, ["12"]),
        ({"host": "cluster.example.com", "type": "Snowflake"}, []),
        ({"id": "9", "type": "Redshift", "host": "cluster.example.com"}, ["9"]),
        ({"id": None, "type": None, "host": None}, ["2", "9", "10", "11", "12"]),
    ],
)
def test_which_are_listed(listed: Callable[..., Reply], arguments: dict[str, Any], ids: list[str]) -> None:
    reply = listed(**arguments)
    assert [found["id"] for found in reply["integrations"]] == ids
    assert reply["changed"] is False


def test_they_have_the_shape_of_the_api_and_no_secrets(listed: Callable[..., Reply]) -> None:
    reply = listed(id="10")
    (found,) = reply["integrations"]
    assert (found["type"], found["status"], found["autoBootstrap"], found["config"]["host"]) == (
        "Snowflake",
        "enabled",
        True,
        "acme.eu.snowflakecomputing.com",
    )
    assert found["config"]["port"] == 443
    assert SECRET not in reply.output


def test_a_secret_that_the_tenant_shows_is_hidden_all_the_same(listed: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.fault(method="GET", path="/integrations$", status=200, body=f'[{{"id": 5, "type": "X", "config": {{"password": "{SECRET}", "host": "h"}}}}]')
    reply = listed()
    assert reply["integrations"] == [{"id": "5", "type": "X", "config": {"password": "<REDACTED>", "host": "h"}}]


def test_it_is_one_request_in_check_mode_too(listed: Callable[..., Reply], tenant: Simulator) -> None:
    listed()
    listed(check=True)
    assert conversations(tenant) == [["GET /integrations"]] * 2


def test_the_defaults_of_the_action_group_reach_it(run: Callable[..., Play], tenant: Simulator) -> None:
    defaults = {"module_defaults": {"group/community.immuta.all": {"url": tenant.url, "api_key": tenant.api_key}}}
    played = run([{"name": "list", INFO: {}}], keys=defaults, environment={"IMMUTA_URL": "", "IMMUTA_API_KEY": ""})
    assert played.ok["list"]["integrations"] == []
