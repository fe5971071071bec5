# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges of what operators give: numbers, switches and steps of odd shapes, names for folders, and what a rotation takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.variables import NotEvaluated, evaluate_variables
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._platform import flow as flows
from ansible_collections.community.immuta.plugins.module_utils._platform.desired import desired_state_of, folder_name
from ansible_collections.community.immuta.plugins.module_utils._platform.options import ROTATE, module_options
from ansible_collections.community.immuta.plugins.module_utils._platform.place import Place
from ansible_collections.community.immuta.plugins.module_utils._platform.rotation import rotation_of
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import VARIABLES, argument_spec, parse_list, parse_variables
from unit.test_platform_flow import at

REDSHIFT = {"type": "Redshift", "auto_bootstrap": False, "config": {"host": "rs", "database": "immuta", "initial_database": "dev"}}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        *((switch, spelling, True) for switch in ("wait", "repair") for spelling in (True, "True", "yes", "ON", "1", "y", "t", 1)),
        *((switch, spelling, False) for switch in ("wait", "repair") for spelling in (False, "false", "No", "off", "0", "n", "f", 0)),
        ("start_at", " 7 ", 7),
        ("start_at", "7.0", 7),
        ("start_at", "", 0),
        ("steps", " ", []),
        *((choice, "", None) for choice in ("leftovers", "on_failure", "update_secrets")),
        ("wait_timeout", "0.5", 0.5),
        ("sql_before", " SELECT 1 \n", ["SELECT 1"]),
        ("sql_before", "SELECT 1;\nSELECT 2\n", ["SELECT 1;\nSELECT 2\n"]),
        ("sql_before", ["a, b", None, ["c"]], ["a, b", "c"]),
        ("stages", "", []),
        ("steps", [], []),
        ("state", None, None),
        ("new_secrets", '{"password": "x"}', {"password": "x"}),
        ("approved_sha256", ["a", "b"], ["a", "b"]),
    ],
)
def test_a_variable_is_read_as_its_type(name: str, given: Any, expected: Any) -> None:
    found = parse_variables({name: given})
    assert (found.values.get(name), found.problems) == (expected, [])


@pytest.mark.parametrize(
    ("name", "given", "problem"),
    [
        ("start_at", "7.5", "must be a whole number"),
        *(("start_at", number, "must be a number") for number in ("inf", "nan", "1e400", "two", [1])),
        *(("wait_timeout", number, "must be a number") for number in ("inf", "nan", {}, "10 s")),
        ("wait", [True], "must be true or false"),
        *(
            ("steps", steps, "must contain dictionaries with script")
            for steps in ([5], ["create"], [{}], [{"script": "create", "x": 1}], '[{"database": "d"}]')
        ),
        ("steps", {"script": "create"}, "must be a list, but is a dictionary"),
        ("state", 5, "must be present or absent, but is '5'"),
        ("state", "", "must be present or absent, but is ''"),
        ("steps", "create", "must be a list, but is a text"),
        ("login", 5, "must be a dictionary, but is a number"),
        ("login", True, "must be a dictionary, but is a Boolean"),
        ("stages", 5, "must be a list, but is a number"),
    ],
)
def test_what_is_of_another_type_is_a_sentence(name: str, given: Any, problem: str) -> None:
    (found,) = parse_variables({name: given}).problems
    assert found.startswith(f"immuta_platform_{name} {problem}") and found.endswith(".")


@pytest.mark.parametrize(
    ("given", "expected"),
    [('["a", "b"]', ["a", "b"]), ("a, b", ["a", "b"]), ("a\nb\n", ["a", "b"]), ("", []), ("[]", []), (["a"], ["a"]), (None, None), ("{{ x }}", ["{{ x }}"])],
)
def test_a_list_may_be_text(given: Any, expected: Any) -> None:
    assert parse_list(given) == expected


def test_text_that_begins_like_a_list_must_be_one() -> None:
    with pytest.raises(ValueError, match="begins like JSON"):
        parse_list("[a")


def test_the_options_of_the_module_are_made_of_the_variables() -> None:
    spec = argument_spec()
    assert spec.keys() == VARIABLES.keys()
    assert spec["stages"] == {"type": "list", "elements": "str", "choices": list(VARIABLES["stages"].choices), "default": ["generate", "run", "register"]}
    assert spec["sql_before"] == {"type": "list", "elements": "str"} and "default" not in spec["break_lock"] and "choices" not in spec["artifacts"]
    assert spec["steps"]["elements"] == "dict" and spec["steps"]["options"]["script"]["required"]
    assert spec["wait"]["default"] is True and spec["any_statement"]["default"] is False
    assert (spec["new_secrets"]["no_log"], spec["update_secrets"]["no_log"]) == (False, False), "what it holds is masked by name"


@pytest.mark.parametrize(
    ("platform", "identity"),
    [
        ({"type": "Google BigQuery", "config": {"dataset": "D"}}, "Google BigQuery d"),
        ({"type": "Native S3", "config": {"name": "Lake"}}, "Native S3 lake"),
        ({"type": "Redshift", "id": 7}, "Redshift 7"),
        ({"type": "Trino"}, "Trino "),
        ({"type": "Databricks", "config": {"workspaceUrl": "W"}}, "Databricks w"),
    ],
)
def test_what_a_platform_is_called_when_it_has_no_host(platform: dict[str, Any], identity: str) -> None:
    assert desired_state_of({"integration": platform}).identity == identity


@pytest.mark.parametrize(
    "given",
    [
        {"integration": REDSHIFT, "stages": ["generate", "register"], "artifacts": "/a"},
        {"integration": {**REDSHIFT, "auto_bootstrap": True}},
        {"integration": {"type": "Native S3", "config": {"name": "lake"}}},
    ],
)
def test_no_approval_is_needed_where_no_script_runs(given: dict[str, Any]) -> None:
    assert desired_state_of({**given, "require_approval": True}).approved is None


def test_settings_that_the_collection_does_not_know_are_sent_too() -> None:
    settings = {"extra": {"newThing": 1}, "data_owners": None, "isActive": False}
    desired = desired_state_of({"connection": {"connection_key": "k", "connection": {"technology": "Glue"}, "settings": settings}})
    there = at({"connection": True}, "setup")
    assert flows.settings_of(replace(there, desired=desired)) == {"extra": {"newThing": 1}, "isActive": False}
    extra = desired_state_of({"integration": {**REDSHIFT, "config": {**REDSHIFT["config"], "extra": {"x": 1}}}})
    assert extra.place.database == "immuta" and extra.scope["database"] == "immuta"


@pytest.mark.parametrize("name", ["", " ", ".", "..", "...", ".hidden", "a.", "..a", "/", "a/../b", "a\n", "ä", "日本", "a" * 60, "-", "~", "%2e%2e"])
def test_a_folder_has_a_name_of_its_own(name: str) -> None:
    found = folder_name(name)
    assert (
        found
        and found == found.replace("/", "")
        and found.strip(".")
        and not set(found) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    )
    assert found == name or len(found.rpartition("-")[2]) == 8, "what had to be changed says which name it was"


# --- evaluation --------------------------------------------------------------------------------------------------


class Vaulted:
    """A value that is text only when it is asked for, as vaulted ones are."""

    def __str__(self) -> str:
        return "from the vault"


def test_what_is_no_text_is_evaluated_as_one_and_endless_aliases_end() -> None:
    secret = Vaulted()
    variables = {
        "immuta_platform_login": {"password": secret, "nested": [[{"a": "{{ no }}"}, "b"], ("c",)], 5: "number"},
        "immuta_platform_state": "{{ one }}",
        "one": "{{ two }}",
        "two": "{{ one }}",
        "immuta_api_key": secret,
        "unrelated": "{{ no }}",
    }

    def template(value: Any) -> Any:
        if "no" in str(value) or "{{" in str(value):
            raise NotEvaluated("\n  'no' is undefined. " + "x" * 500)
        return value

    found = evaluate_variables(variables, template)
    assert found.values == {"login": {"password": "from the vault", "nested": [[{}, "b"], ["c"]], "5": "number"}}
    assert found.tenant == {"api_key": "from the vault"}
    assert found.undefined.keys() == {"login.nested.1.1.a", "state"} and max(map(len, found.undefined.values())) <= 200


# --- rotations ---------------------------------------------------------------------------------------------------


def test_what_a_rotation_gives_to_each_module() -> None:
    integration = {**REDSHIFT, "config": {**REDSHIFT["config"], "username": "sys", "password": "old"}}
    values = {"integration": integration, "new_secrets": {"password": "new"}, "login": {"username": "a"}, "state": "absent"}
    options = module_options(values, ROTATE)
    assert options["integration"]["config"]["password"] == "new"
    assert (options["integration"]["state"], options["integration"]["update_secrets"]) == ("present", "always")
    assert options["statements"][""] == {} and options["statements"]["set"] == {"script": "ALTER USER \"sys\" PASSWORD 'new'"}
    assert options["logins"] == {"admin": {"host": "rs", "username": "a"}, "system": {"host": "rs", "username": "sys", "password": "new"}}
    native = {"type": "Snowflake", "config": {"host": "acme", "database": "d"}}
    link = {"technology": "Snowflake", "host": "old spelling", "username": "sys", "password": "old"}
    lake = {"connectionKey": "lake", "connection": link, "native_integration": native, "options": {}, "settings": {}}
    options = module_options({**values, "integration": {}, "connection": lake}, ROTATE)
    assert options["connection"].keys() == {"connectionKey", "connection", "state", "update_secrets"}, "the integration behind it cannot be edited"
    assert options["connection"]["connection"]["hostname"] == "acme" and "host" not in options["connection"]["connection"]
    assert options["sync"]["object_path"] == ["lake"] and module_options({"connection": lake})["script"]["connection"].keys() >= {"native_integration"}
    assert module_options({**values, "new_secrets": {}}, ROTATE)["integration"] == {}, "what is none is left to the plan"
    assert module_options(values)["logins"]["system"] == {}


def test_what_is_replaced_as_a_whole_and_what_only_immuta_is_told() -> None:
    bigquery = Place("Google BigQuery")
    present, new = {"credential": {"client_email": "a", "private_key": "old"}, "role": "r"}, {"credential": {"private_key": "new"}}
    assert rotation_of(bigquery, present, {"new_secrets": new}).config == {"credential": {"private_key": "new"}, "role": "r"}
    both = {"username": "s", "password": "p", "connect_args": "a", "credential": {"a": "b"}}
    told = rotation_of(Place("Redshift", database="d"), both, {"new_secrets": {"connectArgs": "b"}, "login": {"username": "a"}})
    assert told.method is None and told.statements == {} and told.config == {**both, "connect_args": "b"}
    key = "-----BEGIN PRIVATE KEY-----\nABCD\n-----END PRIVATE KEY-----"
    with pytest.raises(OptionError, match="the public key that belongs to the new private key"):
        rotation_of(Place("Snowflake"), {"username": "s"}, {"new_secrets": {"private_key": "n"}, "login": {"username": "a"}, "new_public_key": key})
    assert Place("unknown").optional_scripts == () and Place("unknown").scripts == {} and Place("unknown").presence is None
