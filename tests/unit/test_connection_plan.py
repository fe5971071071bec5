# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans for a connection and for the settings of an object, with every format of answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._plan.connection import (
    ConnectionPlan,
    Observed,
    observed_settings,
    plan_edit,
    plan_settings,
    script_options,
    wanted_connection,
    with_hosts,
)
from ansible_collections.community.immuta.plugins.module_utils._plan.plan import Policy

ALWAYS = Policy(update_secrets="always")
KEY = {"key_name": "PRIV_KEY_FILE", "user_filename": "new.p8", "content": "-----BEGIN NEW"}
CLIENT = {"use_certificate": False, "client_id": "id", "client_secret": "hush hush", "scope": "all-apis", "authority_url": "https://idp.example.com"}
SHOWN = {"technology": "Snowflake", "hostname": "h.example.com", "warehouse": "WH", "authenticationType": "keyPair", "username": "U"}
BY_KEY = {"technology": "Snowflake", "authentication_type": "keyPair", "username": "U", "private_key": KEY}


def plan(connection: dict[str, Any], shown: dict[str, Any], policy: Policy | None = None, **observed: Any) -> ConnectionPlan:
    wanted = wanted_connection({"connection_key": "k", "connection": connection})
    return plan_edit(wanted, Observed({"connectionKey": "k", "connection": shown}, **observed), policy or Policy())


@pytest.mark.parametrize(
    "key",
    [
        None,
        "<REDACTED>",
        {"keyName": "PRIV_KEY_FILE", "userFilename": "new.p8", "content": "[REDACTED]"},
        {"keyName": "PRIV_KEY_FILE", "filename": "8f14e45f"},
        {},
    ],
)
def test_a_key_that_shows_in_parts_or_not_at_all_is_no_difference(key: Any) -> None:
    assert plan(BY_KEY, {**SHOWN, "privateKey": key}).action == "unchanged"


def test_the_name_of_a_key_file_is_compared_where_it_shows() -> None:
    assert [change.field for change in plan(BY_KEY, {**SHOWN, "privateKey": {"userFilename": "old.p8"}}).changes] == [
        "connection.private_key.user_filename",
        "connection.private_key.content",
    ]


def test_what_the_server_made_of_the_old_key_file_does_not_go_with_the_new_one() -> None:
    shown = {**SHOWN, "privateKey": {"keyName": "PRIV_KEY_FILE", "userFilename": "new.p8", "filename": "8f14e45f"}}
    sent = plan(BY_KEY, shown, ALWAYS).payload
    assert sent is not None
    assert sent["privateKey"] == {"keyName": "PRIV_KEY_FILE", "userFilename": "new.p8", "content": "-----BEGIN NEW"}


@pytest.mark.parametrize("client", [None, {}, {"clientId": "id"}, {"clientId": "id", "useCertificate": False, "clientSecret": "REDACTED"}, "[REDACTED]"])
@pytest.mark.parametrize(
    ("technology", "kind", "rest"),
    [("Snowflake", "oAuthClientCredentials", {"warehouse": "WH"}), ("Databricks", "oAuthM2M", {"httpPath": "p"})],
)
def test_an_oauth_client_that_shows_in_parts_or_not_at_all_is_no_difference(technology: str, kind: str, rest: dict[str, Any], client: Any) -> None:
    connection = {"technology": technology, "authentication_type": kind, "oauth_client_config": CLIENT}
    shown = {"technology": technology, "authenticationType": kind, "hostname": "h", **rest, "oAuthClientConfig": client}
    assert plan(connection, shown).action == "unchanged"


def test_an_oauth_client_that_shows_another_id_differs() -> None:
    connection = {"technology": "Databricks", "authentication_type": "oAuthM2M", "oauth_client_config": CLIENT}
    shown = {"technology": "Databricks", "authenticationType": "oAuthM2M", "hostname": "h", "httpPath": "p", "oAuthClientConfig": {"clientId": "other"}}
    assert plan(connection, shown).reason == "differs: connection.oauth_client_config.client_id"


@pytest.mark.parametrize(
    ("credential", "option"),
    [
        ({"authentication_type": "keyPair"}, "connection.private_key"),
        ({"authentication_type": "keyPair", "private_key": {"key_name": "K"}}, "connection.private_key.content"),
        ({"authentication_type": "userPassword"}, "connection.password"),
        ({"authentication_type": "oAuthClientCredentials"}, "connection.oauth_client_config"),
        (
            {"authentication_type": "oAuthClientCredentials", "oauth_client_config": {"use_certificate": False, "client_id": "i"}},
            "connection.oauth_client_config.client_secret",
        ),
        (
            {"authentication_type": "oAuthClientCredentials", "oauth_client_config": {"use_certificate": True, "client_id": "i"}},
            "connection.oauth_client_config.oauth_private_key",
        ),
    ],
)
def test_the_secret_that_an_update_lacks_is_named(credential: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        plan({"technology": "Snowflake", "warehouse": "BIGGER", **credential}, SHOWN)
    assert caught.value.facts["option"] == option


def test_a_port_that_immuta_assumes_is_no_difference() -> None:
    assert plan({"technology": "Snowflake", "port": 443}, SHOWN).action == "unchanged"


def test_nothing_redacted_is_ever_sent_back() -> None:
    shown = {**SHOWN, "warehouse": "OLD", "proxy": {"user": "u", "secretThing": "<REDACTED>"}}
    with pytest.raises(OptionError, match=r"connection\.extra\.proxy\.secretThing is needed"):
        plan({**BY_KEY, "warehouse": "WH"}, shown)
    given = {**BY_KEY, "warehouse": "WH", "extra": {"proxy": {"secretThing": "known"}}}
    sent = plan(given, shown).payload
    assert sent is not None
    assert sent["proxy"] == {"user": "u", "secretThing": "known"}


# --- settings


@pytest.mark.parametrize(
    ("object", "settings"),
    [
        ({"state": "active", "settings": {}}, {"isActive": True}),
        ({"state": "INACTIVE"}, {"isActive": False}),
        (
            {"state": "UNHEALTHY", "settings": {"activateNewChildren": {"value": True, "hasDescendantsWithOverrides": True}}},
            {"isActive": True, "activateNewChildren": True},
        ),
        ({"state": "inactive", "settings": {"isActive": {"value": True}}}, {"isActive": True}),
        ({"settings": {"dataOwners": {"value": [{"id": 1}]}, "isActive": False}}, {"dataOwners": [{"id": 1}], "isActive": False}),
        ({"overrides": {"isActive": True}, "settings": {"activateNewChildren": {"value": False}}}, {"isActive": True, "activateNewChildren": False}),
        ({"overrides": ["isActive"], "settings": None}, {}),
        ({}, {}),
    ],
)
def test_settings_are_read_in_any_form(object: dict[str, Any], settings: dict[str, Any]) -> None:
    assert observed_settings(object) == settings


def owners(*ids: Any) -> list[dict[str, Any]]:
    return [{"type": "user", "id": id} for id in ids]


@pytest.mark.parametrize(
    ("wanted", "there", "same"),
    [
        (owners(1, 2), owners(2, 1), True),
        (owners("1"), owners(1), True),
        (owners(1), [{"type": "user", "id": 1, "name": "Jo"}], True),
        (owners(1), owners(1, 2), False),
        (owners(1, 2), owners(1), False),
        (owners(1), [{"type": "group", "id": 1}], False),
        (owners(1), None, False),
        ([], None, True),
        ([], owners(1), False),
    ],
)
def test_owners_are_the_same_in_any_order(wanted: Any, there: Any, same: bool) -> None:
    object = {"state": "active", "settings": {"dataOwners": {"value": there}}}
    assert (plan_settings({"dataOwners": wanted}, object).action == "unchanged") is same


def test_a_setting_that_is_inherited_already_is_not_set_again() -> None:
    object = {"state": "active", "settings": {"activateNewChildren": {"value": True}}, "overrides": {}}
    assert plan_settings({"isActive": False, "activateNewChildren": True}, object).overrides == {"isActive": False}


# --- a host that is set once

LINK, NATIVE = {"technology": "Snowflake", "warehouse": "WH"}, {"type": "Snowflake", "config": {"database": "IMMUTA"}}


def hosts(options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the hosts of the connection and its integration after completion."""
    filled = with_hosts(options)
    return filled.get("connection", {}).get("hostname"), filled.get("native_integration", {}).get("config", {}).get("host")


@pytest.mark.parametrize(
    "said",
    [
        ({"hostname": "h"}, {}),
        ({"host": "h"}, {}),
        ({}, {"host": "h"}),
        ({}, {"workspace_url": "h"}),
        ({}, {"workspaceUrl": "h"}),
        ({"hostname": ""}, {"host": "h"}),
        ({"hostname": "h"}, {"host": None}),
        ({"hostname": None}, {"host": "h", "workspace_url": None}),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["native_integration", "nativeIntegration"])
def test_the_host_is_said_once(said: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    options = {"connectionKey": "k", "connection": {**LINK, **said[0]}, name: {**NATIVE, "config": {**NATIVE["config"], **said[1]}}}
    before = repr(options)
    assert hosts(options) == ("h", "h")
    assert "host" not in with_hosts(options)["connection"]
    assert repr(options) == before


def test_hosts_that_are_given_stay_as_they_are() -> None:
    assert hosts({"connection": {**LINK, "hostname": "a"}, "native_integration": {"config": {"host": "b"}}}) == ("a", "b")


@pytest.mark.parametrize(
    "options",
    [
        {"connection_key": "k"},
        {"connection_key": "k", "connection": LINK},
        {"connection_key": "k", "connection": {**LINK, "hostname": "h"}},
        {"connection_key": "k", "connection": {**LINK, "hostname": "h"}, "native_integration": {}},
        {"connection_key": "k", "connection": {**LINK, "hostname": "h"}, "native_integration": {"type": "Snowflake"}},
        {"connection_key": "k", "connection": LINK, "native_integration": NATIVE},
        {"connection_key": "k", "native_integration": {"config": {"host": "h"}}},
    ],
    ids=str,
)
def test_nothing_is_made_up_that_is_not_there(options: dict[str, Any]) -> None:
    assert with_hosts(options) == options


def test_null_parts_are_not_there() -> None:
    options = {"connection_key": "k", "connection": None, "native_integration": None, "nativeIntegration": {"config": None}}
    assert with_hosts(options) == {"connection_key": "k", "native_integration": {}}


def test_two_spellings_become_one() -> None:
    filled = with_hosts({"connection": {**LINK, "hostname": "h"}, "native_integration": NATIVE, "nativeIntegration": NATIVE})
    assert filled == {"connection": {**LINK, "hostname": "h"}, "native_integration": {**NATIVE, "config": {"host": "h", "database": "IMMUTA"}}}


# --- the scripts of the connection's integration


def test_the_scripts_are_asked_for_with_the_config_and_the_host() -> None:
    options = {"connection": {"technology": "snowflake", "hostname": "h"}, "native_integration": {"config": {"database": "D", "audit": None}}}
    assert script_options(options) == {"type": "Snowflake", "auto_bootstrap": False, "config": {"host": "h", "database": "D"}}


@pytest.mark.parametrize(
    ("link", "config"),
    [
        ({"hostname": "h", "http_path": "p"}, {"port": 443}),
        ({"hostname": "h", "httpPath": "p"}, {"host": "h", "port": 443}),
        ({"http_path": "other"}, {"workspaceUrl": "h", "httpPath": "p"}),
        ({}, {"workspaceUrl": "h", "workspace_url": "h", "httpPath": "p", "http_path": "p"}),
    ],
)
def test_the_scripts_of_databricks_are_asked_for_as_of_an_integration(link: dict[str, Any], config: dict[str, Any]) -> None:
    options = {"connection": {"technology": "Databricks", **link}, "nativeIntegration": {"type": "Databricks", "config": {"catalog": "c", **config}}}
    assert script_options(options) == {"type": "Databricks", "auto_bootstrap": False, "config": {"catalog": "c", "workspace_url": "h", "http_path": "p"}}


def test_what_databricks_is_not_told_is_not_there() -> None:
    options = {"connection": {"technology": "Databricks"}, "native_integration": {"config": {"catalog": "c"}}}
    assert script_options(options)["config"] == {"catalog": "c"}


@pytest.mark.parametrize("options", [{}, {"connection": None, "native_integration": None}, {"connection": {"hostname": "h"}}])
def test_a_connection_of_nothing_has_no_scripts(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="technology") as caught:
        script_options(options)
    assert caught.value.facts["option"] == "connection.technology"
