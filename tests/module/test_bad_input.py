# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input fails before anything is sent, or before anything is written, and names the option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.modules import Reply, run_module
from support.tasks import INTEGRATION, Play

ACCOUNT = {"authentication_type": "userPassword", "username": "admin", "password": "s3cret word"}
REDSHIFT = {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev", **ACCOUNT}
SNOWFLAKE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}
S3 = {
    "name": "lake",
    "aws_account_id": "1",
    "aws_region": "r",
    "aws_location_role": "arn",
    "aws_location_path": "s3://",
    "authentication_type": "accessKey",
    "aws_access_key_id": "AKIAEXAMPLE",
    "aws_secret_access_key": "s3cret word",
}
BIGQUERY = {"role": "r", "dataset": "d", "dataset_suffix": "_v", "location": "eu", "credential": "{}"}


@pytest.fixture
def call(tenant: Simulator, tmp_path: Path) -> Callable[..., Reply]:
    """Run a module against the tenant, the way Ansible does."""

    def run(module: str, arguments: Mapping[str, Any], **how: Any) -> Reply:
        return run_module(module, {"url": tenant.url, "api_key": tenant.api_key, **arguments}, tmp_path, **how)

    return run


def redshift(**changed: Any) -> dict[str, Any]:
    return {"type": "Redshift", "auto_bootstrap": False, "config": {name: value for name, value in {**REDSHIFT, **changed}.items() if value is not None}}


def snowflake(**changed: Any) -> dict[str, Any]:
    return {"type": "Snowflake", "auto_bootstrap": False, "config": {**SNOWFLAKE, **changed}}


UNSENT = {
    "nothing to find it by": ({"type": "Redshift", "auto_bootstrap": False}, "config.host"),
    "no type": ({"config": REDSHIFT}, "type"),
    "a required option": (redshift(database=None), "config.database"),
    "an empty required option": (redshift(initial_database=""), "config.initial_database"),
    "no authentication": (redshift(authentication_type=None), "config.authentication_type"),
    "who sets it up": ({"type": "Redshift", "config": REDSHIFT}, "auto_bootstrap"),
    "S3 by Immuta": ({"type": "Native S3", "auto_bootstrap": True, "config": S3}, "auto_bootstrap"),
    "BigQuery by Immuta": ({"type": "Google BigQuery", "auto_bootstrap": True, "config": BIGQUERY}, "auto_bootstrap"),
    "Trino by hand": ({"type": "Trino", "auto_bootstrap": False}, "auto_bootstrap"),
    "an unknown type": ({"type": "Oracle", "config": REDSHIFT}, "type"),
    "an unknown key": (redshift(hots="x"), "config.hots"),
    "an unknown key, deep": (redshift(impersonation={"enbaled": True}), "config.impersonation.enbaled"),
    "another type's option": (redshift(warehouse="WH"), "config.warehouse"),
    "another type's option, in the API's spelling": (redshift(workspaceUrl="x"), "config.workspaceUrl"),
    "another authentication's option": (redshift(okta={"username": "u"}), "config.okta"),
    "both spellings": (redshift(initialDatabase="other"), "config.initial_database"),
    "both spellings at the top": ({**redshift(), "autoBootstrap": True}, "auto_bootstrap"),
    "a known key in extra": (redshift(extra={"impersonation": {"enabled": True}}), "config.extra.impersonation.enabled"),
    "a suffix without its underscore": ({"type": "Google BigQuery", "config": {**BIGQUERY, "dataset_suffix": "v"}}, "config.dataset_suffix"),
    "no number": (redshift(port="many"), "port"),
    "a folder that is not there": ({"type": "Trino", "api_key_dest": "/nowhere/at/all"}, "api_key_dest"),
}


@pytest.mark.parametrize(("arguments", "option"), UNSENT.values(), ids=UNSENT)
def test_nothing_is_sent_and_the_option_is_named(arguments: dict[str, Any], option: str, call: Callable[..., Reply], tenant: Simulator) -> None:
    reply = call("immuta_integration", arguments)
    assert reply["failed"]
    assert option.rpartition(".")[2] in reply["msg"]
    assert reply.result.get("option", option) == option
    assert tenant.requests() == []
    assert "Traceback" not in reply.output
    assert "s3cret word" not in reply.output


def test_an_unknown_key_hints_at_extra(call: Callable[..., Reply]) -> None:
    assert call("immuta_integration", redshift(hots="x"))["msg"].endswith("goes under config.extra.")


def test_extra_takes_what_the_tables_do_not_know(call: Callable[..., Reply], tenant: Simulator) -> None:
    reply = call("immuta_integration", redshift(extra={"brandNew": {"depth": 2}, "impersonation": {"level": 3}}, impersonation={"enabled": False}))
    assert reply["action"] == "created"
    (stored,) = tenant.integrations()
    assert stored["config"]["brandNew"] == {"depth": 2}
    assert stored["config"]["impersonation"] == {"enabled": False, "level": 3}
    assert {change["field"] for change in reply["changes"]} >= {"config.extra.brandNew.depth", "config.extra.impersonation.level"}


UNSCRIPTED = {
    "a script that the type does not have": ({"action": "initial-create", **snowflake()}, "action"),
    "a type without scripts": ({"action": "create", "type": "Native S3", "auto_bootstrap": False, "config": S3}, "action"),
    "a set-up by Immuta": ({"action": "create", **snowflake(), "auto_bootstrap": True}, "auto_bootstrap"),
    "an unknown action": ({"action": "destroy", **snowflake()}, "action"),
    "no settings": ({"action": "create", "type": "Snowflake"}, "config"),
    "no integration": ({"action": "delete"}, "id"),
    "a required option": ({"action": "cleanup", "type": "Snowflake", "config": {**SNOWFLAKE, "warehouse": ""}}, "config.warehouse"),
    "a missing secret": ({"action": "create", "type": "Snowflake", "config": {**SNOWFLAKE, "password": ""}}, "config.password"),
    "a placeholder": ({"action": "create", "type": "Snowflake", "config": {**SNOWFLAKE, "password": "<REDACTED>"}}, "config.password"),
    "a folder that is not there": ({"action": "create", **snowflake(), "dest": "/nowhere/at/all"}, "dest"),
    "a review folder that is not there": ({"action": "create", **snowflake(), "review_dest": "/nowhere/at/all"}, "review_dest"),
}


@pytest.mark.parametrize(("arguments", "option"), UNSCRIPTED.values(), ids=UNSCRIPTED)
def test_no_script_is_asked_for(arguments: dict[str, Any], option: str, call: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    reply = call("immuta_integration_script", {"dest": str(tmp_path / "script.sql"), **arguments})
    assert reply["failed"]
    assert option.rpartition(".")[2] in reply["msg"]
    assert reply.result.get("option", option) == option
    assert tenant.requests() == []
    assert not (tmp_path / "script.sql").exists()


# --- what only a look at the tenant can tell

IMMUTABLE = {
    "database": ({"database": "other"}, "config.database"),
    "initial database": ({"initial_database": "other"}, "config.initial_database"),
    "host": ({"host": "other.example.com"}, "config.host"),
}


@pytest.mark.parametrize(("changed", "option"), IMMUTABLE.values(), ids=IMMUTABLE)
@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
def test_an_immutable_field_is_refused(changed: dict[str, Any], option: str, check: bool, call: Callable[..., Reply], tenant: Simulator) -> None:
    id_ = tenant.seed({"type": "Redshift", "config": api(REDSHIFT)})
    reply = call("immuta_integration", {**redshift(**changed), "id": id_}, check=check)
    assert reply["failed"]
    assert reply["option"] == option
    assert "cannot be changed" in reply["msg"]
    assert [entry["method"] for entry in tenant.requests()] == ["GET"]


def api(config: Mapping[str, Any]) -> dict[str, Any]:
    names = {"initial_database": "initialDatabase", "authentication_type": "authenticationType"}
    return {names.get(name, name): value for name, value in config.items()}


@pytest.mark.parametrize("option", ["type", "auto_bootstrap"])
@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
def test_type_and_set_up_are_immutable_too(option: str, check: bool, call: Callable[..., Reply], tenant: Simulator) -> None:
    id_ = tenant.seed({"type": "Redshift", "autoBootstrap": True, "config": api(REDSHIFT)})
    arguments = snowflake() if option == "type" else redshift()
    reply = call("immuta_integration", {**arguments, "id": id_}, check=check)
    assert (reply["failed"], reply["option"]) == (True, option)
    assert tenant.writes() == []


MISSING = {
    "on create": ({}, {"password": None}, "config.password"),
    "on create, the user": ({}, {"username": None}, "config.username"),
    "on create, a placeholder": ({}, {"password": "{{ vault_immuta_password }}"}, "config.password"),
    "on update": (REDSHIFT, {"password": None, "port": 1}, "config.password"),
    "on update, redacted": (REDSHIFT, {"password": "<REDACTED>", "port": 1}, "config.password"),
    "on another authentication": (REDSHIFT, {"username": None, "password": None, "authentication_type": "okta"}, "config.okta"),
}


@pytest.mark.parametrize(("there", "changed", "option"), MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
def test_a_missing_secret_is_named_and_nothing_is_validated(
    there: dict[str, Any], changed: dict[str, Any], option: str, check: bool, call: Callable[..., Reply], tenant: Simulator
) -> None:
    if there:
        tenant.seed({"type": "Redshift", "config": api(there)})
    reply = call("immuta_integration", redshift(**changed), check=check)
    assert (reply["failed"], reply["option"]) == (True, option)
    assert [entry["method"] for entry in tenant.requests()] == ["GET"]


def test_a_check_without_validation_needs_no_secret(call: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.seed({"type": "Redshift", "config": api(REDSHIFT)})
    reply = call("immuta_integration", {**redshift(username=None, password=None, port=1), "server_validation": False}, check=True)
    assert (reply["action"], reply["validation"]) == ("updated", {"status": "not_asked", "tests": []})
    assert [entry["method"] for entry in tenant.requests()] == ["GET"]


def test_missing_privileged_credentials_are_named(call: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.seed({"type": "Redshift", "autoBootstrap": True, "config": api(REDSHIFT)})
    reply = call("immuta_integration", {"type": "Redshift", "state": "absent", "config": {"host": REDSHIFT["host"], "username": "admin"}})
    assert (reply["failed"], reply["option"]) == (True, "config.password")
    assert tenant.writes() == []


def test_a_mistyped_id_removes_nothing(call: Callable[..., Reply], tenant: Simulator) -> None:
    id_ = tenant.seed({"type": "Redshift", "config": api(REDSHIFT)})
    reply = call("immuta_integration", {"type": "Redshift", "state": "absent", "id": id_, "config": {"host": "other.example.com"}})
    assert (reply["failed"], reply["option"]) == (True, "config.host")
    assert tenant.writes() == []


def test_two_that_match_are_listed(call: Callable[..., Reply], tenant: Simulator) -> None:
    ids = [tenant.seed({"type": "Redshift", "config": {**api(REDSHIFT), "host": host}}) for host in ("cluster.example.com", "CLUSTER.example.com.")]
    reply = call("immuta_integration", redshift())
    assert reply["failed"]
    assert f"ids {', '.join(ids)}" in reply["msg"]


@pytest.mark.parametrize("action", ["edit", "delete"])
@pytest.mark.parametrize("by", ["id", "host"])
def test_there_is_no_script_for_what_is_not_registered(action: str, by: str, call: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    found = {"id": "9", "type": "Snowflake"} if by == "id" else snowflake()
    reply = call("immuta_integration_script", {"action": action, "dest": str(tmp_path / "x"), **found})
    assert reply["failed"]
    assert "is not registered" in reply["msg"]
    assert [entry["method"] for entry in tenant.requests()] == ["GET"]


def test_an_id_of_nothing_has_no_script(call: Callable[..., Reply], tmp_path: Path) -> None:
    reply = call("immuta_integration_script", {"action": "delete", "dest": str(tmp_path / "x"), "id": "9"})
    assert (reply["failed"], reply["option"]) == (True, "id")


def test_immuta_makes_no_edit_script_for_what_it_set_up_itself(call: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.seed({"type": "Snowflake", "autoBootstrap": True, "config": api(SNOWFLAKE)})
    reply = call("immuta_integration_script", {"action": "edit", "dest": str(tmp_path / "x"), **snowflake(port=1)})
    assert reply["failed"]
    assert "it set up the platform itself" in reply["msg"]


def test_a_failure_looks_the_same_through_a_playbook(run: Callable[..., Play], tenant: Simulator) -> None:
    played = run([{"name": "wrong", INTEGRATION: redshift(warehouse="WH"), "ignore_errors": True}])
    assert (played["wrong"]["option"], played["wrong"]["tenant"]) == ("config.warehouse", "127.0.0.1")
    assert tenant.requests() == []
