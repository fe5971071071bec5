# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for integrations: the body of the request, the diff, and options that are refused before any request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import mask
from ansible_collections.community.immuta.plugins.module_utils._model.fields import prune
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._model.specs import INTEGRATION
from ansible_collections.community.immuta.plugins.module_utils._plan.integration import (
    Desired,
    check_complete,
    desired,
    matches,
    plan_create,
    plan_delete,
    plan_update,
    platform_of,
)
from ansible_collections.community.immuta.plugins.module_utils._plan.plan import Plan, Policy
from support.vendor import Command, with_body

PASSWORD = "it's a s3cret"
REDSHIFT = {
    "host": "cluster.example.com",
    "database": "immuta",
    "initial_database": "dev",
    "authentication_type": "userPassword",
    "username": "admin",
    "password": PASSWORD,
}
SNOWFLAKE = {
    "host": "acme.snowflakecomputing.com",
    "warehouse": "WH",
    "database": "IMMUTA",
    "authentication_type": "userPassword",
    "username": "admin",
    "password": PASSWORD,
}
SYNAPSE = {
    "host": "acme.azure.com",
    "database": "pool",
    "schema": "views",
    "authentication_type": "userPassword",
    "username": "admin",
    "password": PASSWORD,
}
DATABRICKS = {"workspace_url": "acme.databricks.com", "http_path": "sql/1", "authentication_type": "token", "token": PASSWORD, "catalog": "immuta"}
BIGQUERY = {"role": "immuta", "dataset": "immuta", "dataset_suffix": "_v", "location": "eu", "credential": '{"private_key": "s3cret"}'}
S3 = {
    "name": "one",
    "aws_account_id": "1",
    "aws_region": "eu-west-1",
    "aws_location_role": "arn:1",
    "aws_location_path": "s3://a",
    "authentication_type": "accessKey",
    "aws_access_key_id": "AKIA",
    "aws_secret_access_key": PASSWORD,
}
OKTA = {"username": "admin", "password": PASSWORD, "app_id": "Okta", "idp_host": "acme.okta.com", "role": "admin"}
EVERY_TYPE = {
    "Redshift": REDSHIFT,
    "Snowflake": SNOWFLAKE,
    "Azure Synapse Analytics": SYNAPSE,
    "Databricks": DATABRICKS,
    "Google BigQuery": BIGQUERY,
    "Native S3": S3,
}
ASKED = Policy()
NOT_VALIDATED = Policy(needs_secrets=False)
ROTATE = Policy(update_secrets="always")


def want(type_name: str, config: Mapping[str, Any] | None = None, *, auto_bootstrap: bool | None = None, **changed: Any) -> Desired:
    """Return what a task with these options wants. None removes an option."""
    options = {**(EVERY_TYPE[type_name] if config is None else config), **changed}
    return desired({"config": {name: value for name, value in options.items() if value is not None}, "auto_bootstrap": auto_bootstrap}, platform_of(type_name))


def shown(wanted: Desired, redacted: str | None = "<REDACTED>", **more: Any) -> dict[str, Any]:
    """Return the API's view of such an integration: secrets and user names redacted, or omitted for None."""

    def hide(document: Mapping[str, Any], fields: Any) -> dict[str, Any]:
        known = {field.key: field for field in fields}
        seen = {}
        for key, value in document.items():
            field = known.get(key)
            if field and (field.secret or key == "username"):
                seen |= {} if redacted is None else {key: redacted}
            else:
                seen[key] = hide(value, field.fields) if field and isinstance(value, Mapping) else deepcopy(value)
        return seen

    config = {**hide(wanted.config, wanted.platform.fields), **more}
    return {"id": "7", "status": "enabled", "type": wanted.platform.type, "autoBootstrap": bool(wanted.auto_bootstrap), "config": config}


def fields_of(plan: Plan) -> dict[str, tuple[Any, Any]]:
    return {change.field: (change.before, change.after) for change in plan.changes}


def refused(option: str) -> Any:
    """Return the OptionError, which must name this option."""

    class Refused:
        def __enter__(self) -> object:
            return self

        def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
            assert kind is OptionError, f"nothing was refused, {option} should have been"
            assert error.facts["option"] == option
            assert option in str(error)
            self.text = str(error)
            return True

    return Refused()


# --- options


def test_null_is_not_given_at_every_depth() -> None:
    options = prune({"config": {"host": "h", "audit": {"enabled": None}, "port": None, "username": None}})
    assert desired(options, PLATFORMS["Snowflake"]).config == {"host": "h", "audit": {}}


def test_an_empty_object_is_sent() -> None:
    plan = plan_create(want("Snowflake", auto_bootstrap=False, audit={}), ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["audit"] == {}


@pytest.mark.parametrize("type_name", ["Native S3", "Google BigQuery"])
def test_immuta_cannot_set_up_every_type_itself(type_name: str) -> None:
    with refused("auto_bootstrap") as refusal:
        want(type_name, auto_bootstrap=True)
    assert "must be false" in refusal.text


@pytest.mark.parametrize("type_name", ["Native S3", "Google BigQuery"])
def test_what_can_only_be_false_need_not_be_said(type_name: str) -> None:
    assert want(type_name).document()["autoBootstrap"] is False


def test_trino_has_no_such_setting() -> None:
    with refused("auto_bootstrap"):
        want("Trino", {}, auto_bootstrap=False)
    assert want("Trino", {}).document() == {"type": "Trino"}


def test_an_unknown_type_names_those_that_there_are() -> None:
    with pytest.raises(OptionError, match=r"type Oracle is unknown.*Known types: Azure Synapse Analytics, Databricks") as caught:
        platform_of("Oracle")
    assert caught.value.facts["option"] == "type"


def test_an_option_of_another_type_is_refused() -> None:
    with refused("config.warehouse") as refusal:
        want("Redshift", warehouse="WH")
    assert "config.extra" in refusal.text


@pytest.mark.parametrize(
    ("type_name", "changed", "option"),
    [
        ("Snowflake", {"private_key": {"content": "PEM"}}, "config.private_key"),
        ("Redshift", {"okta": OKTA}, "config.okta"),
        ("Redshift", {"authentication_type": "okta", "okta": OKTA}, "config.username"),
        ("Native S3", {"aws_role_to_assume": "arn:2"}, "config.aws_role_to_assume"),
        (
            "Databricks",
            {"authentication_type": "oAuthM2M", "token": None, "oauth_client_config": {"use_certificate": True, "client_secret": "x"}},
            "config.oauth_client_config.client_secret",
        ),
    ],
)
def test_a_field_of_another_alternative_is_refused(type_name: str, changed: dict[str, Any], option: str) -> None:
    with refused(option):
        want(type_name, **changed)


def test_the_alternative_is_told_as_it_is_given() -> None:
    with refused("config.oauth_client_config.client_secret") as refusal:
        want("Databricks", authentication_type="oAuthM2M", token=None, oauth_client_config={"use_certificate": True, "client_secret": "x"})
    assert "belongs to use_certificate false, not to true" in refusal.text


def test_fields_beside_an_unknown_authentication_type_are_left_to_the_server() -> None:
    wanted = want("Snowflake", authentication_type="programmaticAccessToken", extra={"accessToken": "t0ken"})
    assert wanted.config["accessToken"] == "t0ken"


# --- missing options


@pytest.mark.parametrize(
    ("type_name", "option"),
    [
        (type_name, field.option)
        for type_name in EVERY_TYPE
        for field in PLATFORMS[type_name].fields
        if field.required and not field.branch and (field.decides or not field.write_only)
    ],
)
def test_a_required_option_is_missed_before_anything_is_sent(type_name: str, option: str) -> None:
    for missing in (None, ""):
        with refused(f"config.{option}"):
            check_complete(want(type_name, **{option: missing}, auto_bootstrap=False))


def test_everything_that_is_missing_is_named_at_once() -> None:
    with refused("config.username") as refusal:
        plan_create(want("Redshift", username=None, password=None), ASKED)
    assert refusal.text == "config.username and config.password are needed to register the integration. Set config.username and config.password."
    with refused("config.database") as refusal:
        check_complete(want("Redshift", database=None, initial_database=None, auto_bootstrap=False))
    assert "config.database and config.initial_database are required" in refusal.text


@pytest.mark.parametrize("type_name", ["Redshift", "Snowflake", "Azure Synapse Analytics", "Databricks"])
def test_who_sets_up_has_to_be_said(type_name: str) -> None:
    with refused("auto_bootstrap"):
        check_complete(want(type_name))


@pytest.mark.parametrize("type_name", EVERY_TYPE)
def test_nothing_is_missing_in_a_whole_one(type_name: str) -> None:
    check_complete(want(type_name, auto_bootstrap=False))


OAUTH = {"authentication_type": "oAuthM2M", "token": None}
KEY_PAIR = {"authentication_type": "keyPair", "password": None}
MISSING = [
    ("Redshift", {"password": None}, "config.password"),
    ("Redshift", {"password": ""}, "config.password"),
    ("Redshift", {"username": None}, "config.username"),
    ("Redshift", {"authentication_type": "okta", "username": None, "password": None}, "config.okta"),
    ("Redshift", {"authentication_type": "okta", "username": None, "password": None, "okta": {}}, "config.okta"),
    ("Redshift", {"authentication_type": "okta", "username": None, "password": None, "okta": {"username": "u"}}, "config.okta.password"),
    ("Redshift", {"authentication_type": "accessKey", "username": None, "password": None, "access_key_id": "A"}, "config.secret_key"),
    ("Snowflake", KEY_PAIR, "config.private_key"),
    ("Snowflake", {**KEY_PAIR, "private_key": {"key_name": "PRIV_KEY_FILE"}}, "config.private_key.content"),
    ("Databricks", {"token": None}, "config.token"),
    ("Databricks", OAUTH, "config.oauth_client_config"),
    ("Databricks", {**OAUTH, "oauth_client_config": {"use_certificate": False, "client_id": "i"}}, "config.oauth_client_config.client_secret"),
    ("Databricks", {**OAUTH, "oauth_client_config": {"use_certificate": True, "client_id": "i"}}, "config.oauth_client_config.oauth_private_key"),
    ("Google BigQuery", {"credential": None}, "config.credential"),
    ("Native S3", {"aws_secret_access_key": None}, "config.aws_secret_access_key"),
]


@pytest.mark.parametrize(("type_name", "changed", "option"), MISSING)
def test_a_missing_credential_is_named_when_registering(type_name: str, changed: dict[str, Any], option: str) -> None:
    with refused(option):
        plan_create(want(type_name, auto_bootstrap=False, **changed), ASKED)


@pytest.mark.parametrize(("type_name", "changed", "option"), MISSING)
def test_nothing_is_missed_when_nothing_that_needs_it_is_sent(type_name: str, changed: dict[str, Any], option: str) -> None:
    assert plan_create(want(type_name, auto_bootstrap=False, **changed), NOT_VALIDATED).action == "created"


@pytest.mark.parametrize(
    ("config", "option"),
    [
        ({"password": "<REDACTED>"}, "config.password"),
        ({"password": "[REDACTED]"}, "config.password"),
        ({"password": "{{ vault_immuta_redshift_password }}"}, "config.password"),
        ({"connect_args": "<REDACTED>"}, "config.connect_args"),
        ({"extra": {"newToken": "<REDACTED>"}}, "config.extra.newToken"),
        ({"extra": {"impersonation": {"newToken": "<REDACTED>"}}}, "config.extra.impersonation.newToken"),
    ],
)
def test_a_placeholder_is_never_registered(config: dict[str, Any], option: str) -> None:
    with refused(option):
        plan_create(want("Redshift", auto_bootstrap=True, **config), ASKED)


def test_the_token_of_the_vendors_own_example_can_be_registered() -> None:
    plan = plan_create(want("Databricks", auto_bootstrap=True, token="REDACTED"), ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["token"] == "REDACTED"


# --- register


def test_a_create_is_the_whole_document_in_the_apis_keys() -> None:
    plan = plan_create(want("Redshift", auto_bootstrap=True, port=5439, extra={"newPart": {"a": 1}}), ASKED)
    assert (plan.action, plan.reason) == ("created", "there is no such integration")
    assert plan.payload == {
        "type": "Redshift",
        "autoBootstrap": True,
        "config": {
            "host": "cluster.example.com",
            "database": "immuta",
            "initialDatabase": "dev",
            "authenticationType": "userPassword",
            "username": "admin",
            "password": PASSWORD,
            "port": 5439,
            "newPart": {"a": 1},
        },
    }


def test_a_create_lists_everything_and_tells_no_secret() -> None:
    plan = plan_create(want("Redshift", auto_bootstrap=True, impersonation={"enabled": True}, extra={"newToken": PASSWORD}), ASKED)
    assert fields_of(plan) == {
        "type": (None, "Redshift"),
        "auto_bootstrap": (None, True),
        "config.host": (None, "cluster.example.com"),
        "config.database": (None, "immuta"),
        "config.initial_database": (None, "dev"),
        "config.authentication_type": (None, "userPassword"),
        "config.username": (None, "admin"),
        "config.password": (None, None),
        "config.impersonation.enabled": (None, True),
        "config.extra.newToken": (None, None),
    }
    assert [change.field for change in plan.changes if change.secret] == ["config.password", "config.extra.newToken"]
    assert plan.before == {}
    assert plan.after["config"]["password"] == "<REDACTED>"
    assert PASSWORD not in repr((plan.changes, plan.before, plan.after, plan.reason))


# --- update: equal values


@pytest.mark.parametrize("redacted", ["<REDACTED>", "REDACTED", "[REDACTED]", None])
@pytest.mark.parametrize("type_name", EVERY_TYPE)
def test_redacted_or_absent_secrets_are_no_difference(type_name: str, redacted: str | None) -> None:
    wanted = want(type_name, auto_bootstrap=False)
    plan = plan_update(wanted, shown(wanted, redacted), ASKED)
    assert (plan.action, plan.payload, plan.changes, plan.reason) == ("unchanged", None, (), "")
    assert plan.before == plan.after


def test_nested_secrets_are_no_difference_either() -> None:
    wanted = want("Redshift", authentication_type="okta", username=None, password=None, okta=OKTA)
    assert plan_update(wanted, shown(wanted), ASKED).action == "unchanged"


def test_what_the_server_adds_is_not_managed() -> None:
    wanted = want("Snowflake")
    there = shown(wanted, port=443, audit={"enabled": True}, workspaces={"enabled": False}, tomorrow={"x": 1})
    plan = plan_update(wanted, there, ASKED)
    assert plan.action == "unchanged"
    assert set(plan.before["config"]) == set(SNOWFLAKE)


@pytest.mark.parametrize(
    ("changed", "there"),
    [
        ({"port": 443}, {"port": "443"}),
        ({"host": "HTTPS://ACME.snowflakecomputing.com.:443"}, {"host": "acme.snowflakecomputing.com"}),
        ({"user_role_pattern": {"exclude": ["b", "a"]}}, {"userRolePattern": {"exclude": ["a", "b"]}}),
        ({"audit": {"enabled": False}}, {}),
        ({"audit": {}}, {"audit": {"enabled": True}}),
        ({"impersonation": {"enabled": True}}, {"impersonation": {"enabled": True, "role": "IMMUTA_IMPERSONATION"}}),
        ({"impersonation": {"enabled": True, "role": "IMMUTA_IMPERSONATION"}}, {"impersonation": {"enabled": True}}),
        ({"user_role_pattern": {"exclude": []}}, {}),
        ({"extra": {"audit": {"level": 3}}}, {"audit": {"enabled": False, "level": 3}}),
    ],
)
def test_the_same_in_other_words_is_no_difference(changed: dict[str, Any], there: dict[str, Any]) -> None:
    wanted = want("Snowflake", **changed)
    assert plan_update(wanted, {**shown(wanted), "config": {**shown(want("Snowflake"))["config"], **there}}, ASKED).action == "unchanged"


@pytest.mark.parametrize("redacted", ["<REDACTED>", "REDACTED", "[REDACTED]", "{{ vault_immuta_x }}"])
def test_placeholders_that_the_user_gives_are_no_difference(redacted: str) -> None:
    wanted = want("Redshift", username=redacted, password=redacted)
    assert plan_update(wanted, shown(want("Redshift")), ROTATE).action == "unchanged"


# --- update: the body of the request


def test_an_update_is_the_observed_document_under_the_desired_one() -> None:
    wanted = want("Snowflake", role=None, audit={"enabled": True})
    there = shown(want("Snowflake"), port=443, audit={"enabled": False, "since": 1}, lineage={"enabled": False}, role="ACCOUNTADMIN", tomorrow=[1])
    plan = plan_update(wanted, {**there, "autoBootstrap": True}, ASKED)
    assert plan.payload == {
        "type": "Snowflake",
        "autoBootstrap": True,
        "config": {
            "host": "acme.snowflakecomputing.com",
            "warehouse": "WH",
            "database": "IMMUTA",
            "authenticationType": "userPassword",
            "username": "admin",
            "password": PASSWORD,
            "port": 443,
            "audit": {"enabled": True, "since": 1},
            "lineage": {"enabled": False},
            "role": "ACCOUNTADMIN",
            "tomorrow": [1],
        },
    }
    assert plan.reason == "differs: config.audit.enabled"
    assert fields_of(plan) == {"config.audit.enabled": (False, True), "config.password": (None, None)}
    assert [change.field for change in plan.changes if change.secret] == ["config.password"]


def test_what_cannot_be_changed_is_sent_back_as_it_is_spelled_there() -> None:
    wanted = want("Snowflake", host="https://ACME.snowflakecomputing.com:443/", audit={"enabled": True})
    plan = plan_update(wanted, shown(want("Snowflake"), audit={"enabled": False}), ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["host"] == SNOWFLAKE["host"]


def test_what_is_shown_as_null_is_not_sent_back() -> None:
    nothing = {"connectArgs": None, "impersonation": {"enabled": False, "role": None}, "tomorrow": None}
    plan = plan_update(want("Redshift", port=1), shown(want("Redshift"), **nothing), ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["impersonation"] == {"enabled": False}
    assert not {"connectArgs", "tomorrow"} & set(plan.payload["config"])
    removal = delete(want("Redshift", auto_bootstrap=True), shown(want("Redshift", auto_bootstrap=True), sessionToken=None, databaseUser=None))
    assert removal.payload == {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD}


def test_a_diff_shows_what_differs_and_nothing_else() -> None:
    wanted = want("Snowflake", host="ACME.snowflakecomputing.com", audit={"enabled": True, "extra": None}, role="R", user_role_pattern={"exclude": ["b", "a"]})
    there = shown(want("Snowflake"), audit={"enabled": False}, userRolePattern={"exclude": ["a", "b"]}, role="R")
    plan = plan_update(wanted, there, ASKED)
    assert plan.before["config"].pop("audit") == {"enabled": False}
    assert plan.after["config"].pop("audit") == {"enabled": True}
    assert plan.before == plan.after
    assert plan.before["config"]["host"] == "acme.snowflakecomputing.com"


def test_a_diff_leaves_out_what_is_not_managed_at_every_depth() -> None:
    wanted = want("Snowflake", audit={"enabled": True}, lineage={"enabled": False}, workspaces={"warehouses": ["A"]})
    there = shown(want("Snowflake"), audit={"enabled": False, "since": 1}, lineage={"enabled": False, "lineageConfig": {"tableFilter": "x"}})
    plan = plan_update(wanted, there, ASKED)
    assert {name: plan.before["config"].get(name) for name in ("audit", "lineage", "workspaces")} == {
        "audit": {"enabled": False},
        "lineage": {"enabled": False},
        "workspaces": None,
    }
    assert {name: plan.after["config"].get(name) for name in ("audit", "lineage", "workspaces")} == {
        "audit": {"enabled": True},
        "lineage": {"enabled": False},
        "workspaces": {"warehouses": ["A"]},
    }
    assert "extra" not in plan.before["config"]


def test_a_diff_compares_field_by_field_below_a_difference() -> None:
    wanted = want("Redshift", authentication_type="okta", username=None, password=None, okta={**OKTA, "role": "other"})
    there = shown(want("Redshift", authentication_type="okta", username=None, password=None, okta=OKTA))
    plan = plan_update(wanted, there, ASKED)
    assert plan.before["config"]["okta"] == {"username": "<REDACTED>", "password": "<REDACTED>", "app_id": "Okta", "idp_host": "acme.okta.com", "role": "admin"}
    assert plan.after["config"]["okta"] == {**plan.before["config"]["okta"], "role": "other"}


@pytest.mark.parametrize("redacted", ["<REDACTED>", "REDACTED", "[REDACTED]"])
@pytest.mark.parametrize("type_name", EVERY_TYPE)
def test_what_is_redacted_is_never_sent_back(type_name: str, redacted: str) -> None:
    wanted = want(type_name, auto_bootstrap=False, extra={"tomorrow": 1})
    plan = plan_update(wanted, shown(wanted, redacted, tomorrow=2, newToken=None), ASKED)
    assert plan.action == "updated"
    assert "REDACTED" not in json.dumps(plan.payload)
    assert json.dumps(PASSWORD)[1:-1] in json.dumps(plan.payload) or type_name == "Google BigQuery"


@pytest.mark.parametrize(("type_name", "changed", "option"), MISSING)
@pytest.mark.parametrize("redacted", ["<REDACTED>", None])
def test_a_missing_credential_is_named_when_updating(type_name: str, changed: dict[str, Any], option: str, redacted: str | None) -> None:
    wanted = want(type_name, auto_bootstrap=False, **changed, extra={"tomorrow": 1})
    with refused(option):
        plan_update(wanted, shown(want(type_name, auto_bootstrap=False), redacted), ASKED)


def test_single_settings_of_an_integration_need_its_secrets_and_nothing_else() -> None:
    there = shown(want("Snowflake"))
    plan = plan_update(want("Snowflake", {"audit": {"enabled": True}, "username": "admin", "password": PASSWORD}), there, ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["warehouse"] == "WH"
    with refused("config.username"):
        plan_update(want("Snowflake", {"audit": {"enabled": True}, "password": PASSWORD}), there, ASKED)


def test_a_redacted_secret_that_nobody_requires_is_needed_all_the_same() -> None:
    wanted = want("Redshift", extra={"tomorrow": 1})
    with refused("config.connect_args"):
        plan_update(wanted, shown(want("Redshift", connect_args="x=y")), ASKED)
    with refused("config.extra.newToken"):
        plan_update(wanted, shown(want("Redshift"), newToken="<REDACTED>"), ASKED)


def test_secrets_in_lists_are_needed_too() -> None:
    more = [{"workspace_url": "b.databricks.com", "http_path": "p", "authentication_type": "token", "token": "t0ken"}]
    observed = shown(want("Databricks"), additionalWorkspaceConnections=[{"workspaceUrl": "b.databricks.com", "httpPath": "p", "token": "REDACTED"}])
    with refused("config.additional_workspace_connections.token"):
        plan_update(want("Databricks", extra={"tomorrow": 1}), observed, ASKED)
    plan = plan_update(want("Databricks", extra={"tomorrow": 1}, additional_workspace_connections=more), observed, ASKED)
    assert [change.field for change in plan.changes] == ["config.extra.tomorrow", "config.token", "config.additional_workspace_connections.token"]


def test_nothing_is_needed_when_nothing_is_sent() -> None:
    plan = plan_update(want("Redshift", username=None, password=None, port=1), shown(want("Redshift")), NOT_VALIDATED)
    assert plan.action == "updated"


def test_a_known_user_name_beside_a_placeholder_is_kept() -> None:
    there = shown(want("Redshift"))
    there["config"]["username"] = "admin"
    plan = plan_update(want("Redshift", username="<REDACTED>", port=1), there, ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["username"] == "admin"


# --- update: branches


def test_another_authentication_leaves_the_old_one_behind() -> None:
    wanted = want("Redshift", authentication_type="okta", username=None, password=None, okta=OKTA)
    plan = plan_update(wanted, shown(want("Redshift"), port=5439, impersonation={"enabled": False}), ASKED)
    assert plan.payload is not None
    assert set(plan.payload["config"]) == {"host", "database", "initialDatabase", "port", "impersonation", "authenticationType", "okta"}
    assert fields_of(plan)["config.authentication_type"] == ("userPassword", "okta")
    assert fields_of(plan)["config.okta.password"] == (None, None)
    assert fields_of(plan)["config.okta.username"] == (None, "admin")
    assert [change.field for change in plan.changes].count("config.okta.password") == 1


def test_credentials_of_the_alternative_that_holds_may_be_kept_back_as_a_whole() -> None:
    okta = want("Redshift", authentication_type="okta", username=None, password=None, okta=OKTA)
    observed = shown(okta)
    del observed["config"]["okta"]
    assert plan_update(okta, observed, ASKED).action == "unchanged"
    # a value that belongs to no branch does not exist if the tenant does not show it
    proxied = want("Databricks", proxy_options={"host": "proxy", "port": 3128, "username": "u", "password": "p"})
    assert plan_update(proxied, shown(want("Databricks")), ASKED).action == "updated"


def test_and_back_again() -> None:
    observed = shown(want("Redshift", authentication_type="okta", username=None, password=None, okta=OKTA))
    plan = plan_update(want("Redshift"), observed, ASKED)
    assert plan.payload is not None
    assert "okta" not in plan.payload["config"]


def test_an_unknown_authentication_leaves_the_old_one_behind_too() -> None:
    plan = plan_update(want("Redshift", authentication_type="new", username=None, password=None, extra={"ticket": "x"}), shown(want("Redshift")), ASKED)
    assert plan.payload is not None
    assert set(plan.payload["config"]) == {"host", "database", "initialDatabase", "authenticationType", "ticket"}


def test_an_alternative_that_the_server_left_behind_is_not_sent_back() -> None:
    there = shown(want("Redshift"), okta={"username": "<REDACTED>", "role": "old"}, databaseUser="old")
    plan = plan_update(want("Redshift", port=1), there, ASKED)
    assert plan.payload is not None
    assert not {"okta", "databaseUser"} & set(plan.payload["config"])


def test_what_belongs_to_an_unknown_authentication_is_kept() -> None:
    unknown = {"authentication_type": "new", "username": None, "password": None}
    there = shown(want("Redshift", **unknown, extra={"ticket": "x"}), databaseUser="who")
    plan = plan_update(want("Redshift", **unknown, port=1), there, ASKED)
    assert plan.payload is not None
    assert (plan.payload["config"]["databaseUser"], plan.payload["config"]["ticket"]) == ("who", "x")


@pytest.mark.parametrize("nothing", [None, "", []])
def test_an_object_that_is_shown_as_nothing_is_given_whole(nothing: Any) -> None:
    wanted = want("Redshift", impersonation={"enabled": True, "role": "r"})
    plan = plan_update(wanted, shown(want("Redshift"), impersonation=nothing), ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["impersonation"] == {"enabled": True, "role": "r"}
    assert plan.after["config"]["impersonation"] == {"enabled": True, "role": "r"}


def test_a_certificate_instead_of_a_client_secret() -> None:
    secret = {"use_certificate": False, "client_id": "i", "client_secret": "s3cret", "scope": "all-apis"}
    certificate = {"use_certificate": True, "client_id": "i", "oauth_private_key": {"content": "PEM"}, "public_certificate_thumbprint": "AB"}
    observed = shown(want("Databricks", **OAUTH, oauth_client_config=secret))
    plan = plan_update(want("Databricks", **OAUTH, oauth_client_config=certificate), observed, ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["oAuthClientConfig"] == {
        "useCertificate": True,
        "clientId": "i",
        "scope": "all-apis",
        "oauthPrivateKey": {"content": "PEM"},
        "publicCertificateThumbprint": "AB",
    }


def test_what_the_server_made_of_a_file_is_not_sent_back() -> None:
    file = {"key_name": "PRIV_KEY_FILE", "user_filename": "key.p8", "content": "PEM"}
    wanted = want("Snowflake", **KEY_PAIR, private_key=file, port=1)
    there = shown(wanted, port=443)
    there["config"]["privateKey"]["filename"] = "hash of the old content"
    plan = plan_update(wanted, there, ASKED)
    assert plan.payload is not None
    assert plan.payload["config"]["privateKey"] == {"keyName": "PRIV_KEY_FILE", "userFilename": "key.p8", "content": "PEM"}


# --- update: secrets


def test_a_secret_alone_is_no_reason_to_update() -> None:
    wanted = want("Redshift", password="another one")
    assert plan_update(wanted, shown(wanted), ASKED).action == "unchanged"


def test_a_secret_alone_is_a_reason_when_they_shall_always_be_sent() -> None:
    wanted = want("Redshift", password="another one")
    plan = plan_update(wanted, shown(wanted), ROTATE)
    assert (plan.action, plan.reason) == ("updated", "update_secrets is always")
    assert [change.as_dict() for change in plan.changes] == [{"field": "config.password", "before": None, "after": None, "secret": True}]
    assert plan.payload is not None
    assert plan.payload["config"]["password"] == "another one"


def test_a_secret_in_extra_is_a_secret_to_rotate() -> None:
    wanted = want("Redshift", username=None, password=None, extra={"newToken": "t0ken"})
    with refused("config.username"):
        plan_update(wanted, shown(want("Redshift")), ROTATE)


def test_without_any_secret_there_is_nothing_to_rotate() -> None:
    wanted = want("Redshift", username=None, password=None)
    assert plan_update(wanted, shown(want("Redshift")), ROTATE).action == "unchanged"


# --- update: immutable options


@pytest.mark.parametrize(
    ("type_name", "option"), [(type_name, field.option) for type_name in EVERY_TYPE for field in PLATFORMS[type_name].fields if field.immutable]
)
@pytest.mark.parametrize("policy", [ASKED, NOT_VALIDATED], ids=["asked", "not asked"])
def test_an_immutable_field_is_named(type_name: str, option: str, policy: Policy) -> None:
    with refused(f"config.{option}") as refusal:
        plan_update(want(type_name, **{option: "another"}), shown(want(type_name)), policy)
    assert f"The {option} of a {type_name} integration cannot be changed" in refusal.text


def test_the_type_behind_an_id_cannot_be_changed() -> None:
    with refused("type"):
        plan_update(want("Snowflake"), shown(want("Redshift")), ASKED)


def test_who_sets_up_cannot_be_changed() -> None:
    with refused("auto_bootstrap"):
        plan_update(want("Redshift", auto_bootstrap=True), shown(want("Redshift", auto_bootstrap=False)), ASKED)


def test_a_set_up_that_the_tenant_does_not_tell_is_the_one_that_the_task_says() -> None:
    wanted = want("Redshift", auto_bootstrap=True)
    observed = {**shown(wanted), "autoBootstrap": None}
    assert plan_update(wanted, observed, ASKED).action == "unchanged"
    assert set(delete(wanted, observed).payload or {}) == {"authenticationType", "username", "password"}
    changed = plan_update(want("Redshift", auto_bootstrap=True, port=1), observed, ASKED)
    assert changed.payload is not None
    assert changed.payload["autoBootstrap"] is True


def test_an_s3_integration_can_be_renamed() -> None:
    assert plan_update(want("Native S3", name="two"), shown(want("Native S3")), ASKED).reason == "differs: config.name"


# --- update although nothing differs


def test_a_forced_update_sends_the_whole_document() -> None:
    wanted = want("Redshift")
    plan = plan_update(wanted, shown(wanted, port=5439), ASKED, forced="status is createError")
    assert (plan.action, plan.reason) == ("updated", "status is createError")
    assert plan.payload is not None
    assert plan.payload["config"] == {**wanted.config, "port": 5439}


# --- remove


def delete(wanted: Desired, observed: dict[str, Any], policy: Policy = ASKED, *, force: bool = False) -> Plan:
    return plan_delete(wanted, observed, force=force, policy=policy)


@pytest.mark.parametrize("type_name", EVERY_TYPE)
def test_what_was_set_up_by_hand_is_removed_without_a_body(type_name: str) -> None:
    wanted = want(type_name, auto_bootstrap=False)
    plan = delete(wanted, shown(wanted))
    assert (plan.action, plan.payload, plan.after) == ("deleted", None, {})


def test_databricks_is_removed_without_a_body_whoever_set_it_up() -> None:
    wanted = want("Databricks", auto_bootstrap=True)
    assert delete(wanted, shown(wanted)).payload is None


def test_trino_is_removed_without_a_body() -> None:
    assert delete(want("Trino", {}), {"id": "1", "type": "Trino"}).payload is None


@pytest.mark.parametrize(
    ("type_name", "changed", "body"),
    [
        (
            "Snowflake",
            {"role": "ACCOUNTADMIN"},
            {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD, "role": "ACCOUNTADMIN"},
        ),
        ("Redshift", {}, {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD}),
        (
            "Redshift",
            {"authentication_type": "okta", "username": None, "password": None, "okta": OKTA},
            {
                "authenticationType": "okta",
                "okta": {"username": "admin", "password": PASSWORD, "appId": "Okta", "idpHost": "acme.okta.com", "role": "admin"},
            },
        ),
        ("Azure Synapse Analytics", {}, {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD}),
    ],
)
def test_the_body_of_a_delete_is_the_flat_credentials(type_name: str, changed: dict[str, Any], body: dict[str, Any]) -> None:
    wanted = want(type_name, auto_bootstrap=True, **changed)
    assert delete(wanted, shown(wanted)).payload == body


def test_what_immuta_shows_of_the_credentials_need_not_be_given() -> None:
    observed = shown(want("Snowflake", auto_bootstrap=True, role="ACCOUNTADMIN"))
    plan = delete(want("Snowflake", {"host": SNOWFLAKE["host"], "username": "admin", "password": PASSWORD}), observed)
    assert plan.payload == {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD, "role": "ACCOUNTADMIN"}


def test_other_credentials_than_those_of_the_set_up_can_be_given() -> None:
    observed = shown(want("Redshift", auto_bootstrap=True))
    wanted = want("Redshift", {"host": REDSHIFT["host"], "authentication_type": "okta", "okta": OKTA})
    assert set(delete(wanted, observed).payload or {}) == {"authenticationType", "okta"}


def test_of_another_alternative_nothing_goes_along() -> None:
    observed = shown(want("Redshift", auto_bootstrap=True))
    observed["config"]["username"] = "visible"
    wanted = want("Redshift", {"host": REDSHIFT["host"], "authentication_type": "okta", "okta": OKTA})
    assert "username" not in (delete(wanted, observed).payload or {})


@pytest.mark.parametrize(("missing", "option"), [("password", "config.password"), ("username", "config.username")])
@pytest.mark.parametrize("given", [None, "<REDACTED>", "{{ vault_immuta_x }}"])
def test_a_missing_credential_is_named_when_removing(missing: str, option: str, given: str | None) -> None:
    observed = shown(want("Redshift", auto_bootstrap=True))
    with refused(option) as refusal:
        delete(want("Redshift", **{missing: given}), observed)
    assert "remove the integration" in refusal.text
    assert delete(want("Redshift", **{missing: given}), observed, NOT_VALIDATED).action == "deleted"


def test_a_forced_removal_needs_no_credentials() -> None:
    observed = shown(want("Redshift", auto_bootstrap=True))
    assert delete(want("Redshift", password=None), observed, force=True).payload is None


def test_a_delete_lists_what_goes_and_tells_no_secret() -> None:
    wanted = want("Redshift", auto_bootstrap=True)
    observed = shown(wanted)
    observed["config"]["password"] = PASSWORD
    plan = delete(wanted, observed)
    assert fields_of(plan)["config.host"] == ("cluster.example.com", None)
    assert fields_of(plan)["config.password"] == (None, None)
    assert PASSWORD not in repr((plan.changes, plan.before))


@pytest.mark.parametrize(
    ("status", "reason"), [("enabled", "state is absent"), ("recurringValidationError", "state is absent, status is recurringValidationError")]
)
def test_the_reason_of_a_delete_names_an_unhealthy_status(status: str, reason: str) -> None:
    assert delete(want("Redshift"), {**shown(want("Redshift")), "status": status}).reason == reason


@pytest.mark.parametrize(("type_name", "changed", "option"), [("Redshift", {"host": "other.example.com"}, "config.host"), ("Snowflake", {}, "type")])
def test_a_mistyped_id_removes_nothing(type_name: str, changed: dict[str, Any], option: str) -> None:
    with refused(option) as refusal:
        delete(want(type_name, **changed), shown(want("Redshift")))
    assert "Integration 7 is another one" in refusal.text


def test_the_same_host_in_other_words_is_the_same() -> None:
    assert delete(want("Redshift", host="https://CLUSTER.example.com:5439"), shown(want("Redshift"))).action == "deleted"


# --- Trino, which has hardly any options


def test_a_plan_for_trino_says_its_type_and_no_more() -> None:
    wanted, there = want("Trino", {}), {"id": "1", "status": "enabled", "type": "Trino"}
    assert (plan_create(wanted, ASKED).payload, plan_create(wanted, ASKED).after) == ({"type": "Trino"}, {"type": "Trino"})
    assert plan_update(wanted, there, ASKED).before == {"type": "Trino"}
    assert delete(wanted, there).before == {"type": "Trino"}
    assert plan_update(wanted, there, ASKED, forced="so").payload == {"type": "Trino", "config": {}}


def test_what_the_tables_do_not_know_goes_to_trino_too() -> None:
    assert want("Trino", {"extra": {"brandNew": 1}}).document() == {"type": "Trino", "config": {"brandNew": 1}}


def test_a_set_up_that_the_tenant_does_not_tell_is_not_shown() -> None:
    there = shown(want("Redshift"))
    del there["autoBootstrap"]
    assert "auto_bootstrap" not in plan_update(want("Redshift"), there, ASKED).before


@pytest.mark.parametrize(
    ("type_name", "name"), [("Redshift", "Redshift integration cluster.example.com"), ("Google BigQuery", "Google BigQuery integration immuta")]
)
def test_an_integration_has_a_name_in_messages(type_name: str, name: str) -> None:
    assert want(type_name).name == name
    assert want("Trino", {}).name == "Trino integration"


# --- look-up


@pytest.mark.parametrize(
    ("type_name", "option", "written"),
    [
        ("Redshift", "host", "https://Cluster.example.com.:5439/"),
        ("Snowflake", "host", "ACME.snowflakecomputing.com"),
        ("Azure Synapse Analytics", "host", "acme.azure.com:1433"),
        ("Databricks", "workspace_url", "https://acme.databricks.com/"),
        ("Native S3", "name", "one"),
        ("Google BigQuery", "dataset", "immuta"),
    ],
)
def test_an_integration_is_found_by_its_natural_key(type_name: str, option: str, written: str) -> None:
    assert matches(want(type_name, **{option: written}), shown(want(type_name)))
    assert not matches(want(type_name, **{option: "another"}), shown(want(type_name)))


def test_names_of_s3_integrations_are_exact() -> None:
    assert not matches(want("Native S3", name="One"), shown(want("Native S3")))


def test_another_type_on_the_same_host_is_another_integration() -> None:
    assert not matches(want("Redshift", host="h"), shown(want("Snowflake", host="h")))


def test_a_tenant_has_one_trino() -> None:
    assert matches(want("Trino", {}), {"type": "Trino"})


# --- the vendor's own examples


def options_of(command: Command) -> dict[str, Any]:
    """Return the options of a module whose task holds the example."""
    checked = ArgumentSpecValidator(INTEGRATION).validate(command.payload)
    assert not checked.error_messages
    options: dict[str, Any] = prune(checked.validated_parameters)
    return options


POSTS = [*with_body("POST", "/integrations"), *with_body("POST", "/scripts/[a-z-]+")]


@pytest.mark.parametrize("command", POSTS, ids=str)
def test_an_example_of_the_vendor_is_sent_as_it_stands_there(command: Command) -> None:
    wanted = desired(options_of(command), platform_of(command.type))
    check_complete(wanted)
    assert plan_create(wanted, ASKED).payload == command.payload


PUTS = with_body("PUT", "")


@pytest.mark.parametrize("command", PUTS, ids=str)
def test_an_edit_of_the_vendor_says_what_it_changes(command: Command) -> None:
    first = next(
        post
        for post in POSTS
        if post.path == "/integrations" and post.type == command.type and post.payload.get("autoBootstrap") == command.payload["autoBootstrap"]
    )
    created = desired(options_of(first), platform_of(first.type))
    wanted = desired(options_of(command), platform_of(command.type))
    changes = fields_of(plan_update(wanted, shown(created), ASKED))
    reasons = {
        "Native S3": {"config.name": ("S3 integration", "S3 integration edited")},
        "Azure Synapse Analytics": {"config.impersonation.enabled": (False, True)},
        "Databricks": {},
        "Google BigQuery": {},
        "Redshift": {"config.authentication_type": ("userPassword", "okta")} if "okta" in command.body else {"config.impersonation.enabled": (False, True)},
        "Snowflake": {"config.audit.enabled": (False, True)},
    }
    assert {field: values for field, values in changes.items() if field in reasons[command.type]} == reasons[command.type]
    assert bool(changes) is bool(reasons[command.type])


@pytest.mark.parametrize("command", [put for put in PUTS if "REDACTED" not in put.body], ids=str)
def test_an_edit_of_the_vendor_is_sent_as_it_stands_there(command: Command) -> None:
    wanted = desired(options_of(command), platform_of(command.type))
    plan = plan_update(wanted, shown(wanted), ASKED, forced="it is sent again")
    assert plan.payload == command.payload


def test_the_one_edit_with_a_placeholder_for_its_token_needs_a_token() -> None:
    (command,) = [put for put in PUTS if "REDACTED" in put.body]
    wanted = desired(options_of(command), platform_of(command.type))
    with refused("config.token"):
        plan_update(wanted, shown(wanted), ASKED, forced="it is sent again")


def test_the_delete_of_the_vendor_is_sent_as_it_stands_there() -> None:
    (command,) = with_body("DELETE", "")
    checked = ArgumentSpecValidator(INTEGRATION).validate({"type": "Snowflake", "config": command.payload})
    wanted = desired(prune(checked.validated_parameters), PLATFORMS["Snowflake"])
    assert delete(wanted, shown(want("Snowflake", auto_bootstrap=True))).payload == command.payload


def test_no_plan_shows_a_secret_of_the_vendors_examples() -> None:
    for command in POSTS:
        plan = plan_create(desired(options_of(command), platform_of(command.type)), ASKED)
        seen = repr((plan.changes, plan.before, plan.after, plan.reason))
        assert "abc1234" not in seen
        assert "PRIVATE KEY" not in seen
        assert mask(plan.after) == plan.after
