# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an integration in the simulator, as the vendor's pages describe it: statuses, edits, dry runs, deletion."""

from __future__ import annotations

import time
from typing import Any

import pytest
from simulator import Simulator
from simulator.examples import manual, payload
from unit.simulated import OKTA, SNOWFLAKE_CREDENTIALS, created, refusal

# -- statuses over time -----------------------------------------------------------------------------------------------


def test_transient_status_lasts_n_looks(tenant: Simulator) -> None:
    tenant.settings(transitions="polls:2")
    id_ = created(tenant, payload("Snowflake"))
    seen = [tenant.call("GET", f"/integrations/{id_}/status").json()["status"] for _unused in range(4)]
    assert seen == ["creating", "creating", "enabled", "enabled"]


def test_other_requests_do_not_count_as_looks(tenant: Simulator) -> None:
    tenant.settings(transitions="polls:1")
    id_ = created(tenant, payload("Snowflake"))
    tenant.call("POST", "/integrations", payload("Snowflake"))
    assert tenant.call("GET", f"/integrations/{id_}/status").json()["status"] == "creating"


def test_transient_status_lasts_seconds(tenant: Simulator) -> None:
    tenant.settings(transitions="seconds:0.3")
    id_ = created(tenant, payload("Snowflake"))
    assert tenant.call("GET", f"/integrations/{id_}").json()["status"] == "creating"
    tenant.call("GET", "/integrations")
    time.sleep(0.35)
    assert tenant.call("GET", f"/integrations/{id_}").json()["status"] == "enabled"


def test_immediate_answers_the_final_status(tenant: Simulator) -> None:
    tenant.settings(transitions="immediate")
    assert tenant.call("POST", "/integrations", payload("Snowflake")).json()["status"] == "enabled"


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


def test_failed_edit_is_rolled_back(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    tenant.settings(fails={"edit": "broken"})
    assert tenant.call("PUT", f"/integrations/{id_}", payload("Snowflake", audit={"enabled": True})).json()["status"] == "editing"
    after = tenant.call("GET", f"/integrations/{id_}").json()
    assert (after["status"], after["config"]["audit"]) == ("editError", {"enabled": False})


def test_failed_deletion_leaves_it_there(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Databricks"))
    tenant.settings(fails={"delete": "in use"})
    assert tenant.call("DELETE", f"/integrations/{id_}").json()["status"] == "deleting"
    assert tenant.call("GET", f"/integrations/{id_}/status").json()["status"] == "deleteError"


def test_migration_ends_well_or_badly(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    tenant.call("GET", f"/integrations/{id_}")
    tenant.settings(transitions="polls:1")
    for fails, end in (({}, "enabled"), ({"migrate": "stuck"}, "migrateError")):
        tenant.settings(fails=fails)
        tenant.migrate(id_)
        seen = [tenant.call("GET", f"/integrations/{id_}/status").json()["status"] for _unused in range(2)]
        assert seen == ["migrating", end]


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


def test_put_merges_when_told_to(tenant: Simulator) -> None:
    tenant.settings(put="merge")
    id_ = created(tenant, payload("Snowflake", audit={"enabled": True}))
    tenant.call("PUT", f"/integrations/{id_}", payload("Snowflake", warehouse="OTHER"))
    assert tenant.call("GET", f"/integrations/{id_}").json()["config"]["audit"] == {"enabled": True}


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


def test_s3_can_be_renamed_and_redshift_change_its_login(tenant: Simulator) -> None:
    s3, redshift = created(tenant, payload("Native S3")), created(tenant, payload("Redshift"))
    assert tenant.call("PUT", f"/integrations/{s3}", payload("Native S3", name="S3 integration edited")).status == 200
    okta = payload("Redshift", authenticationType="okta", okta=OKTA, username=None, password=None)
    assert tenant.call("PUT", f"/integrations/{redshift}", okta).status == 200
    config = tenant.call("GET", f"/integrations/{redshift}").json()["config"]
    assert "username" not in config
    assert config["okta"] == {**OKTA, "password": "<REDACTED>"}


def test_trino_has_no_put_but_regenerates_its_key(tenant: Simulator) -> None:
    first = tenant.call("POST", "/integrations", payload("Trino")).json()
    assert refusal(tenant.call("PUT", "/integrations/1", payload("Trino")))[0] == 400
    answer = tenant.call("POST", "/integrations/1/regenerate").json()
    assert set(answer) == {"newKey"}
    assert answer["newKey"] != first["newKey"]


def test_other_types_have_no_key(tenant: Simulator) -> None:
    created(tenant, payload("Redshift"))
    assert refusal(tenant.call("POST", "/integrations/1/regenerate"))[0] == 400


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


def test_dry_run_can_answer_the_whole_object(tenant: Simulator) -> None:
    tenant.settings(dry_run_form="object")
    assert tenant.call("POST", "/integrations?dryRun=true", payload("Snowflake")).json()["status"] == "creating"


@pytest.mark.parametrize("status", [422, 200])
def test_failed_validation_of_a_dry_run(tenant: Simulator, status: int) -> None:
    tenant.settings(unknown_hosts="fail", dry_run_failure=status)
    reply = tenant.call("POST", "/integrations?dryRun=true", payload("Snowflake"))
    assert (reply.status, reply.json()["validationResults"]["status"]) == (status, "failed")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("top", lambda body: body["validationResults"]),
        ("details", lambda body: body["details"]["validationResults"]),
        ("absent", lambda body: {"status": "failed"} if "validationResults" not in body else {}),
    ],
)
def test_failed_validation_is_422_with_the_results_where_the_switch_says(tenant: Simulator, where: str, found: Any) -> None:
    tenant.settings(unknown_hosts="fail", validation_in_422=where)
    reply = tenant.call("POST", "/integrations", manual("Redshift"))
    assert refusal(reply) == (422, "Validation of prerequisite setup failed. Unable to create integration.")
    assert found(reply.json())["status"] == "failed"


def test_what_follows_a_failed_test_is_skipped(tenant: Simulator) -> None:
    tenant.settings(unknown_hosts="fail")
    tests = tenant.call("POST", "/integrations", payload("Snowflake")).json()["validationResults"]["validationTests"]
    assert [test["status"] for test in tests] == ["failed"] + ["skipped"] * 6
    assert tests[0]["message"] == "Could not connect to organization.us-east-1.snowflakecomputing.com."


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


def test_force_disable_needs_no_credentials_and_ends_disabled(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    assert tenant.call("DELETE", f"/integrations/{id_}?forceDisable=true").json()["status"] == "disabled"
    assert tenant.call("GET", f"/integrations/{id_}").json()["status"] == "disabled"
    assert created(tenant, payload("Snowflake")) == "2"  # a disabled one is in nobody's way


def test_host_is_free_as_soon_as_its_integration_is_deleted(tenant: Simulator) -> None:
    id_ = created(tenant, manual("Redshift"))
    tenant.call("DELETE", f"/integrations/{id_}")
    assert created(tenant, manual("Redshift")) == "2"


def test_what_is_gone_stays_visible_if_the_switches_say_so(tenant: Simulator) -> None:
    tenant.settings(show_deleted=True, show_disabled=False)
    deleted, disabled = created(tenant, manual("Redshift")), created(tenant, manual("Snowflake"))
    tenant.call("DELETE", f"/integrations/{deleted}")
    tenant.call("DELETE", f"/integrations/{disabled}?forceDisable=true")
    assert [(entry["id"], entry["status"]) for entry in tenant.call("GET", "/integrations").json()] == [(deleted, "deleted")]


@pytest.mark.parametrize(("status", "text"), [(202, "deleting"), (204, "")])
def test_other_statuses_of_success(tenant: Simulator, status: int, text: str) -> None:
    tenant.settings(created_status=201, deleted_status=status)
    assert tenant.call("POST", "/integrations", manual("Redshift")).status == 201
    reply = tenant.call("DELETE", "/integrations/1")
    assert reply.status == status
    assert text in reply.text


# -- what tests do to a tenant ----------------------------------------------------------------------------------------


def test_seeded_integration_is_there_as_if_made_earlier(tenant: Simulator) -> None:
    assert tenant.seed({**payload("Redshift"), "id": "40", "status": "recurringValidationError"}) == "40"
    found = tenant.call("GET", "/integrations/40").json()
    assert (found["status"], found["config"]["port"]) == ("recurringValidationError", 5439)
    assert created(tenant, payload("Snowflake")) == "41"


def test_status_can_be_forced_with_a_failed_test(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    tenant.force(id_, "recurringValidationError", "warehouse suspended")
    found = tenant.call("GET", f"/integrations/{id_}").json()
    assert found["status"] == "recurringValidationError"
    assert found["validationResults"]["validationTests"][0]["message"] == "warehouse suspended"


def test_revalidation_degrades_and_heals(tenant: Simulator) -> None:
    id_ = created(tenant, payload("Snowflake"))
    tenant.settings(unknown_hosts="fail")
    assert tenant.revalidate(id_)["status"] == "recurringValidationError"
    tenant.settings(unknown_hosts="pass")
    assert tenant.revalidate(id_)["status"] == "enabled"
