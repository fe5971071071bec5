# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an integration in the simulator, as the vendor's pages describe it: statuses, edits, dry runs, deletion."""

from __future__ import annotations

from typing import Any

import pytest
from immuta_simulator import Simulator
from immuta_simulator.examples import manual, payload
from unit.simulated import OKTA, SNOWFLAKE_CREDENTIALS, created, refusal

# -- statuses over time -----------------------------------------------------------------------------------------------


def test_failed_creation_is_mended_by_put_only(tenant: Simulator) -> None:
    tenant.settings(fails={"create": "no disk left"})
    created(tenant, payload("Snowflake"))
    failed = tenant.call("GET", "/integrations/1").json()
    assert failed["status"] == "createError"
    assert failed["validationResults"]["validationTests"][0]["message"] == "no disk left"
    assert refusal(tenant.call("POST", "/integrations", payload("Snowflake"))) == (
        400,
        "Use PUT /integrations/1 endpoint to update connection information for Snowflake integration"
        " on host organization.us-east-1.snowflakecomputing.com (id = 1) that previously failed to create.",
    )
    for fails, end in (({"edit": "still none"}, "createError"), ({}, "enabled"), ({"edit": "none again"}, "editError")):
        tenant.settings(fails=fails)
        assert tenant.call("PUT", "/integrations/1", payload("Snowflake")).json()["status"] == "editing"
        assert tenant.call("GET", "/integrations/1/status").json()["status"] == end


@pytest.mark.parametrize("status", ["creating", "editing", "deleting", "migrating"])
def test_transient_integration_can_be_neither_edited_nor_deleted(tenant: Simulator, status: str) -> None:
    id_ = tenant.seed({**payload("Databricks"), "status": status})
    edit, delete = tenant.call("PUT", f"/integrations/{id_}", payload("Databricks")), tenant.call("DELETE", f"/integrations/{id_}")
    assert refusal(edit) == (409, f"Unable to edit integration with ID {id_} in current state {status}.")
    assert refusal(delete) == (409, f"Unable to delete integration with ID {id_} in current state {status}.")


# -- editing ----------------------------------------------------------------------------------------------------------


def test_put_replaces_the_config(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake", audit={"enabled": True}))
    answer = tenant.call("PUT", f"/integrations/{id_}", payload("Snowflake", warehouse="OTHER")).json()
    assert (answer["id"], answer["status"]) == (id_, "editing")
    config = tenant.call("GET", f"/integrations/{id_}").json()["config"]
    assert (config["warehouse"], config["audit"]) == ("OTHER", {"enabled": False})


def test_put_needs_the_secrets(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    assert refusal(tenant.call("PUT", f"/integrations/{id_}", payload("Snowflake", password=None)))[0] == 400


@pytest.mark.parametrize(
    ("type_", "change", "named"),
    [
        ("Snowflake", {"host": "other", "database": "OTHER"}, "config.host, config.database"),
        ("Redshift", {"initialDatabase": "other"}, "config.initialDatabase"),
        ("Azure Synapse Analytics", {"schema": "other"}, "config.schema"),
        ("Databricks", {"catalog": "other"}, "config.catalog"),
        ("Google BigQuery", {"dataset": "other"}, "config.dataset"),
        ("Native S3", {"awsRegion": "eu-central-1"}, "config.awsRegion"),
    ],
)
def test_fixed_attributes_are_named(tenant: Simulator, type_: str, change: dict[str, Any], named: str) -> None:
    id_ = created(tenant, payload(type_))
    for path in (f"/integrations/{id_}", f"/integrations/{id_}?dryRun=true"):
        assert refusal(tenant.call("PUT", path, payload(type_, **change))) == (
            400,
            f"Unable to edit integration due to changes of non-editable attribute(s). {named}",
        )


def test_type_and_bootstrap_are_fixed(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    assert refusal(tenant.call("PUT", f"/integrations/{id_}", payload("Redshift")))[1].endswith(" type")
    assert refusal(tenant.call("PUT", f"/integrations/{id_}", manual("Snowflake")))[1].endswith(" autoBootstrap")


def test_trino_has_no_put_but_regenerates_its_key(tenant: Simulator) -> None:
    first = tenant.call("POST", "/integrations", payload("Trino")).json()
    assert refusal(tenant.call("PUT", "/integrations/1", payload("Trino")))[0] == 400
    answer = tenant.call("POST", "/integrations/1/regenerate").json()
    assert set(answer) == {"newKey"}
    assert answer["newKey"] != first["newKey"]


# -- dry runs ---------------------------------------------------------------------------------------------------------


def test_dry_runs_validate_and_change_nothing(tenant: Simulator) -> None:
    reply = tenant.call("POST", "/integrations?dryRun=true", payload("Snowflake"))
    assert (reply.status, set(reply.json())) == (200, {"validationResults"})
    assert tenant.integrations() == []
    id_ = created(tenant, payload("Snowflake"))
    before = tenant.call("GET", f"/integrations/{id_}").json()
    assert tenant.call("PUT", f"/integrations/{id_}?dryRun=true", payload("Snowflake", warehouse="W")).status == 200
    assert tenant.call("DELETE", f"/integrations/{id_}?dryRun=true", SNOWFLAKE_CREDENTIALS).status == 200
    assert tenant.call("GET", f"/integrations/{id_}").json() == before
    assert len(tenant.writes()) == 1


# -- deleting ---------------------------------------------------------------------------------------------------------


def test_automatic_integration_is_deleted_with_flat_credentials(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    assert refusal(tenant.call("DELETE", f"/integrations/{id_}"))[0] == 400
    assert refusal(tenant.call("DELETE", f"/integrations/{id_}", {"config": SNOWFLAKE_CREDENTIALS}))[0] == 400
    assert '"password" is required' in refusal(tenant.call("DELETE", f"/integrations/{id_}", {**SNOWFLAKE_CREDENTIALS, "password": ""}))[1]
    assert tenant.call("DELETE", f"/integrations/{id_}", SNOWFLAKE_CREDENTIALS).json()["status"] == "deleting"
    assert refusal(tenant.call("GET", f"/integrations/{id_}"))[0] == 404


def test_automatic_redshift_with_okta_is_deleted_with_okta(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Redshift", authenticationType="okta", okta=OKTA))
    assert refusal(tenant.call("DELETE", f"/integrations/{id_}", {"authenticationType": "okta"}))[0] == 400
    assert tenant.call("DELETE", f"/integrations/{id_}", {"authenticationType": "okta", "okta": OKTA}).status == 200


def test_manual_integration_is_deleted_without_body(tenant: Simulator) -> None:
    id_ = created(tenant, manual("Snowflake"))
    assert refusal(tenant.call("DELETE", f"/integrations/{id_}", SNOWFLAKE_CREDENTIALS)) == (
        400,
        "Credentials are not required for disable unless the integration was automatically bootstrapped.",
    )
    results = tenant.call("DELETE", f"/integrations/{id_}").json()["validationResults"]
    assert (results["status"], {test["status"] for test in results["validationTests"]}) == ("passed", {"skipped"})
    assert refusal(tenant.call("GET", f"/integrations/{id_}"))[0] == 404


def test_databricks_is_deleted_without_body_even_if_automatic(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Databricks"))
    status, message = refusal(tenant.call("DELETE", f"/integrations/{id_}", {"authenticationType": "token", "token": "t"}))
    assert (status, "Databricks" in message) == (400, True)
    assert tenant.call("DELETE", f"/integrations/{id_}").status == 200


@pytest.mark.parametrize("type_", ["Native S3", "Google BigQuery", "Trino"])
def test_types_without_automatic_set_up_are_deleted_without_body(tenant: Simulator, type_: str) -> None:
    id_ = created(tenant, payload(type_))
    assert refusal(tenant.call("DELETE", f"/integrations/{id_}", {"a": "b"}))[0] == 400
    assert tenant.call("DELETE", f"/integrations/{id_}").status == 200
