# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's Integrations API, as the vendor's pages describe it: what is asked and what is shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from immuta_simulator import Simulator
from immuta_simulator.examples import EXAMPLES, payload
from unit.simulated import created, refusal

# -- creating and looking ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", EXAMPLES)
def test_vendor_example_is_created_and_enabled_at_the_next_look(tenant: Simulator, type_: str) -> None:
    answer = tenant.call("POST", "/integrations", EXAMPLES[type_]).json()
    assert (answer["id"], answer["status"], answer["validationResults"]["status"]) == ("1", "creating", "passed")
    found = tenant.call("GET", "/integrations/1").json()
    assert (found["id"], found["status"], found["type"]) == ("1", "enabled", type_)
    assert tenant.call("GET", "/integrations").json() == [found]


def test_id_is_a_number_in_status_only(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    assert tenant.call("GET", f"/integrations/{id_}/status").json() == {"id": 1, "status": "enabled"}


def test_snowflake_is_shown_as_in_the_vendors_example(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    off = {"enabled": False}
    assert tenant.call("GET", f"/integrations/{id_}").json()["config"] == {
        "host": "organization.us-east-1.snowflakecomputing.com",
        "warehouse": "SAMPLE_WAREHOUSE",
        "database": "SNOWFLAKE_SAMPLE_DATA",
        "port": 443,
        "audit": off,
        "workspaces": off,
        "impersonation": off,
        "lineage": off,
        "authenticationType": "userPassword",
        "username": "<REDACTED>",
        "password": "<REDACTED>",
        "role": "ACCOUNTADMIN",
    }


def test_databricks_token_is_redacted_without_brackets(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Databricks", token="dapi-secret", catalog=None))
    config = tenant.call("GET", f"/integrations/{id_}").json()["config"]
    assert (config["token"], config["catalog"], config["audit"]) == ("REDACTED", "immuta", {"enabled": False})


def test_trino_has_no_config(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Trino"))
    assert set(tenant.call("GET", f"/integrations/{id_}").json()) == {"id", "status", "validationResults", "type"}


@pytest.mark.parametrize(
    ("type_", "names"),
    {
        "Snowflake": [
            "Initial Validation: Basic Connection Test",
            "Initial Validation: Default Warehouse Access Test",
            "Initial Validation: Table Grants Role Prefix is Unique",
            "Initial Validation: Validate access to Privileged Role",
            "Validate Automatic: Database Does Not Exist",
            "Validate Automatic: Impersonation Role Does Not Exist",
            "Validate Automatic Bootstrap User Grants",
        ],
        "Redshift": ["Initial Validation: Basic Connection Test", "Validate Automatic Bootstrap: Immuta Database Does Not Exist"],
        "Databricks": ["Metastore validation", "Basic Connection Test"],
    }.items(),
)
def test_validation_tests_have_the_documented_names(tenant: Simulator, type_: str, names: list[str]) -> None:
    answer = tenant.call("POST", "/integrations", payload(type_)).json()
    assert [test["name"] for test in answer["validationResults"]["validationTests"]] == names


def test_enabled_impersonation_gets_the_default_role(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Redshift", impersonation={"enabled": True}))
    config = tenant.call("GET", f"/integrations/{id_}").json()["config"]
    assert config["impersonation"] == {"enabled": True, "role": "immuta_impersonation"}


def test_unknown_id_is_404_in_two_spellings(tenant: Simulator) -> None:
    assert refusal(tenant.call("GET", "/integrations/5")) == (404, "No Integration found with ID 5.")
    assert refusal(tenant.call("GET", "/integrations/5/status")) == (404, "No Integration found with ID 5.")
    assert refusal(tenant.call("PUT", "/integrations/5", payload("Snowflake"))) == (404, "No integration found with ID 5.")
    assert refusal(tenant.call("DELETE", "/integrations/5")) == (404, "No integration found with ID 5.")


@pytest.mark.parametrize("path", ["/integration", "/integrations/1/scripts/create", "/api/v2/integrations"])
def test_unknown_path_is_404(tenant: Simulator, path: str) -> None:
    assert refusal(tenant.call("POST", path, {})) == (404, "Not Found")


# -- bad payloads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, '"type" is required'),
        ({"type": "Oracle"}, '"type" must be one of'),
        ({"type": "Snowflake", "config": {}}, '"autoBootstrap" is required'),
        ({"type": "Snowflake", "autoBootstrap": "yes", "config": {}}, '"autoBootstrap" must be a boolean'),
        ({"type": "Snowflake", "autoBootstrap": True}, '"config" is required'),
        ({"type": "Snowflake", "autoBootstrap": True, "config": {}}, '"config.host" is required, "config.warehouse" is required'),
        (payload("Snowflake", password=None), '"config.password" is required'),
        (payload("Snowflake", authenticationType="magic"), '"config.authenticationType" must be one of'),
        (payload("Snowflake", port=70000), '"config.port"'),
        (payload("Redshift", authenticationType="okta", okta={"username": "u"}), '"config.okta.password" is required'),
        (payload("Databricks", token=None), '"config.token" is required'),
        (payload("Azure Synapse Analytics", schema=None), '"config.schema" is required'),
        (payload("Google BigQuery", datasetSuffix="view"), '"config.datasetSuffix" must start with'),
        (payload("Google BigQuery", credential={"type": "service_account"}), '"config.credential" must be a string'),
        (payload("Native S3", awsAccessKeyId=None), '"config.awsAccessKeyId" is required'),
        ({**payload("Native S3"), "autoBootstrap": True}, '"autoBootstrap" must be [false]'),
        ({**payload("Google BigQuery"), "autoBootstrap": True}, '"autoBootstrap" must be [false]'),
    ],
)
def test_bad_payload_is_400_and_named(tenant: Simulator, document: dict[str, Any], named: str) -> None:
    status, message = refusal(tenant.call("POST", "/integrations", document))
    assert status == 400
    assert named in message
    assert tenant.integrations() == []


# -- uniqueness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "other", "message"),
    [
        ("Snowflake", {"database": "OTHER"}, "Snowflake integration already exists on host organization.us-east-1.snowflakecomputing.com (id = 1)"),
        ("Redshift", {"database": "other", "host": "ORGANIZATION.aws.amazon.com."}, "(id = 1)"),
        ("Azure Synapse Analytics", {"database": "other"}, "on host organization.azure.com (id = 1)"),
        ("Databricks", {"catalog": "other"}, "on host www.example-workspace.cloud.databricks.com (id = 1)"),
        ("Google BigQuery", {"location": "eu"}, "on host immuta (id = 1)"),
        ("Native S3", {"awsLocationPath": "s3://other"}, "on host S3 integration (id = 1)"),
        ("Trino", {}, "Trino integration already exists (id = 1)"),
    ],
)
def test_second_of_the_same_key_is_409_with_the_id(tenant: Simulator, type_: str, other: dict[str, Any], message: str) -> None:
    created(tenant, payload(type_))
    for path in ("/integrations", "/integrations?dryRun=true"):
        status, text = refusal(tenant.call("POST", path, payload(type_, **other)))
        assert status == 409
        assert text.endswith(message)


def test_of_many_creations_at_once_one_wins(tenant: Simulator) -> None:
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: tenant.call("POST", "/integrations", payload("Redshift")).status, range(24)))
    assert sorted(replies) == [200] + [409] * 23
    assert len(tenant.integrations()) == 1


def test_second_s3_location_is_422_with_the_documented_test(tenant: Simulator) -> None:
    created(tenant, payload("Native S3"))
    reply = tenant.call("POST", "/integrations", payload("Native S3", name="other"))
    assert reply.status == 422
    assert reply.json()["validationResults"]["validationTests"][0] == {
        "name": "There is no existing integration matching this configuration",
        "status": "failed",
        "message": "awsLocationPath s3:// is in use by the integration with ID 1.",
    }


# -- redaction --------------------------------------------------------------------------------------------------------


def test_no_answer_holds_a_secret(tenant: Simulator) -> None:
    for type_, secret in (("Snowflake", "password"), ("Databricks", "token"), ("Google BigQuery", "credential"), ("Native S3", "awsSecretAccessKey")):
        created(tenant, payload(type_, **{secret: "s3cret-in-clear"}))
    tenant.call("PUT", "/integrations/1", payload("Snowflake", password="s3cret-in-clear"))
    assert not [entry["path"] for entry in tenant.bodies() if "s3cret-in-clear" in entry["received"]]
    assert "s3cret-in-clear" in str(tenant.integrations())
