# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that the simulator hands out: which there are, in which form, and that secrets in them are quoted right."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from immuta_simulator import Reply, Simulator
from immuta_simulator.platforms import PLATFORMS

ACCOUNT = {"authenticationType": "userPassword", "username": "IMMUTA_SYSTEM_ACCOUNT", "password": "abc1234"}
PAYLOADS: dict[str, dict[str, Any]] = {
    "Snowflake": {"host": "org.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT},
    "Redshift": {"host": "cluster.example.com", "database": "immuta", "initialDatabase": "dev", **ACCOUNT},
    "Databricks": {"workspaceUrl": "w.example.com", "httpPath": "sql/1", "authenticationType": "token", "token": "t"},
    "Azure Synapse Analytics": {"host": "s.example.com", "database": "pool", "schema": "views", **ACCOUNT},
    "Google BigQuery": {"role": "immuta", "datasetSuffix": "_v", "dataset": "immuta", "location": "eu", "credential": "{}"},
    "Native S3": {
        "name": "n",
        "awsAccountId": "1",
        "awsRegion": "eu-west-1",
        "awsLocationRole": "arn",
        "awsLocationPath": "s3://",
        "authenticationType": "auto",
    },
}
# The vendor's page "Integrations API Endpoints": which script there is for which type
MATRIX = {
    "create": {"Snowflake", "Databricks", "Redshift", "Azure Synapse Analytics"},
    "initial-create": {"Redshift", "Azure Synapse Analytics"},
    "cleanup": {"Snowflake", "Redshift", "Azure Synapse Analytics"},
    "post-cleanup": {"Azure Synapse Analytics"},
    "edit": {"Snowflake", "Databricks", "Redshift", "Azure Synapse Analytics"},
    "delete": {"Snowflake", "Databricks", "Redshift", "Azure Synapse Analytics"},
}


def payload(type_: str, **config: Any) -> dict[str, Any]:
    return {"type": type_, "autoBootstrap": False, "config": {**copy.deepcopy(PAYLOADS[type_]), **config}}


def script(tenant: Simulator, action: str, document: dict[str, Any]) -> Reply:
    """A script; those of one integration for one that is seeded with the plain payload."""
    if action not in ("edit", "delete"):
        return tenant.call("POST", f"/integrations/scripts/{action}", document)
    known = tenant.integrations() or [{"id": tenant.seed(payload(document["type"]))}]
    return tenant.call("POST", f"/integrations/{known[0]['id']}/scripts/{action}", document if action == "edit" else None)


# -- which scripts there are ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", MATRIX)
@pytest.mark.parametrize("type_", PAYLOADS)
def test_support_matrix(tenant: Simulator, type_: str, action: str) -> None:
    reply = script(tenant, action, payload(type_))
    if type_ in MATRIX[action]:
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert reply.text.endswith("\n")
    else:
        assert (reply.status, reply.json()["message"]) == (400, f"The {action} script is not available for {type_} integrations.")


def test_table_of_scripts_is_the_documented_one() -> None:
    assert {action: {name for name, platform in PLATFORMS.items() if action in platform.scripts} for action in MATRIX} == MATRIX


def test_scripts_want_the_whole_payload_with_bootstrap_off(tenant: Simulator) -> None:
    automatic = {**payload("Snowflake"), "autoBootstrap": True}
    reply = tenant.call("POST", "/integrations/scripts/create", automatic)
    assert (reply.status, '"autoBootstrap" must be [false]' in reply.text.replace('\\"', '"')) == (400, True)
    assert tenant.call("POST", "/integrations/scripts/create", {"type": "Snowflake", "autoBootstrap": False}).status == 400


def test_delete_script_takes_no_payload(tenant: Simulator) -> None:
    id_ = tenant.seed(payload("Snowflake"))
    assert tenant.call("POST", f"/integrations/{id_}/scripts/delete", payload("Snowflake")).status == 400


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_scripts_of_an_unknown_integration_are_404(tenant: Simulator, action: str) -> None:
    assert tenant.call("POST", f"/integrations/9/scripts/{action}", payload("Snowflake")).status == 404


def test_edit_script_refuses_what_is_fixed(tenant: Simulator) -> None:
    reply = script(tenant, "edit", payload("Redshift", database="other"))
    assert (reply.status, reply.json()["message"].endswith("config.database")) == (400, True)


# -- what the vendor says about them ----------------------------------------------------------------------------------


def test_setup_is_not_re_runnable_and_holds_the_clear_password(tenant: Simulator) -> None:
    snowflake = script(tenant, "create", payload("Snowflake")).text
    assert 'CREATE DATABASE "IMMUTA";' in snowflake
    assert "password='abc1234'" in snowflake
    redshift = script(tenant, "initial-create", payload("Redshift")).text + script(tenant, "create", payload("Redshift")).text
    assert 'CREATE DATABASE "immuta";' in redshift
    assert "PASSWORD 'abc1234'" in redshift


@pytest.mark.parametrize("type_", ["Snowflake", "Redshift", "Databricks"])
def test_script_has_several_statements_on_a_line_and_semicolons_elsewhere(tenant: Simulator, type_: str) -> None:
    text = script(tenant, "create", payload(type_)).text
    assert re.search(r"^CREATE SCHEMA .*; (CREATE|GRANT) .*;$|^GRANT .*; GRANT .*;$", text, re.MULTILINE)
    assert re.search(r"\$\$[^$]*;[^$]*\$\$", text)
    assert re.search(r"'[^'\n]*;[^'\n]*'", text)
    assert re.search(r"^--.*;|^--.*'", text, re.MULTILINE)


def test_synapse_batches_end_with_go(tenant: Simulator) -> None:
    text = script(tenant, "create", payload("Azure Synapse Analytics")).text
    assert text.endswith("\nGO\n")
    assert text.count("\nGO\n") > 5


@pytest.mark.parametrize(
    ("type_", "change", "statement"),
    [
        ("Snowflake", {"audit": {"enabled": True}}, "GRANT IMPORTED PRIVILEGES"),
        ("Snowflake", {"impersonation": {"enabled": True}}, 'CREATE ROLE "IMMUTA_IMPERSONATION"'),
        ("Snowflake", {"warehouse": "OTHER"}, 'default_warehouse="OTHER"'),
        ("Snowflake", {"username": "NEW"}, 'ALTER USER "IMMUTA_SYSTEM_ACCOUNT" RENAME TO "NEW"'),
        ("Snowflake", {"password": "new"}, "SET password='new'"),
        ("Redshift", {"impersonation": {"enabled": True}}, 'CREATE GROUP "immuta_impersonation"'),
        ("Redshift", {"password": "new"}, "PASSWORD 'new'"),
        ("Databricks", {"audit": {"enabled": True}}, "GRANT SELECT ON TABLE system.access.audit"),
        ("Azure Synapse Analytics", {"impersonation": {"enabled": True}}, "CREATE ROLE [IMMUTA_IMPERSONATION]"),
    ],
)
def test_edit_script_holds_what_changes_and_nothing_else(tenant: Simulator, type_: str, change: dict[str, Any], statement: str) -> None:
    assert statement not in script(tenant, "edit", payload(type_)).text
    assert statement in script(tenant, "edit", payload(type_, **change)).text
