# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators write into the role's variables, in every form that an inventory or a survey gives it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.module_utils._ansible.variables import NotEvaluated, Omitted, evaluate_variables
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._platform.desired import desired_state_of, folder_name
from ansible_collections.community.immuta.plugins.module_utils._platform.options import module_options
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import PREFIX, VARIABLES, argument_spec, parse_variables
from tools.checks.commands import ROOT

SUM = "0123456789abcdef" * 4
REDSHIFT = {"type": "Redshift", "auto_bootstrap": False, "config": {"host": "RS.example.com", "database": "immuta", "initialDatabase": "dev"}}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("wait", "true", True),
        ("wait", "No", False),
        ("wait", "", True),
        ("any_statement", "", False),
        ("any_statement", 1, True),
        ("wait_timeout", "600", 600.0),
        ("wait_timeout", "", None),
        ("start_at", "7", 7),
        ("start_at", 7.0, 7),
        ("stages", "generate, run,register", ["generate", "run", "register"]),
        ("stages", '["run"]', ["run"]),
        ("stages", "generate\nrun\n", ["generate", "run"]),
        ("stages", ["run", None, ["register"]], ["run", "register"]),
        ("approved_sha256", SUM, [SUM]),
        ("approved_sha256", f"{SUM}, {SUM}", [SUM, SUM]),
        ("approved_sha256", "", []),
        ("sync_path", [1, "A"], ["1", "A"]),
        ("integration", ' {"type": "Redshift"} ', {"type": "Redshift"}),
        ("integration", "", {}),
        ("login", {"port": 1}, {"port": 1}),
        ("steps", '[{"script": "create", "database": "shared"}]', [{"script": "create", "database": "shared"}]),
        ("steps", [{"script": "create", "database": None}], [{"script": "create"}]),
        ("sql_before", "SELECT 1,\n 2;\nSELECT 3", ["SELECT 1,\n 2;\nSELECT 3"]),
        ("sql_before", '["SELECT 1", "SELECT 2"]', ["SELECT 1", "SELECT 2"]),
        ("sql_before", "  ", []),
        ("state", "absent", "absent"),
        ("artifacts", "/a", "/a"),
    ],
)
def test_a_variable_is_read_as_its_type(name: str, given: Any, expected: Any) -> None:
    found = parse_variables({name: given})
    assert (found.values.get(name), found.problems) == (expected, [])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"stage": ["run"]}, "immuta_platform_stage is not a variable of the role. Did you mean immuta_platform_stages?"),
        ({"zzz": 1}, "immuta_platform_zzz is not a variable of the role. Remove it"),
        ({"state": "there"}, "immuta_platform_state must be present or absent, but is 'there'"),
        ({"stages": "run, fly"}, "immuta_platform_stages must be generate or run or register, but is 'fly'"),
        ({"state": ["present"]}, "immuta_platform_state must be a text, but is a list"),
        ({"wait": "perhaps"}, "immuta_platform_wait must be true or false"),
        ({"start_at": "two"}, "immuta_platform_start_at must be a number"),
        ({"integration": "{type: Redshift}"}, "immuta_platform_integration begins like JSON, but is not valid JSON"),
        ({"login": "admin"}, "immuta_platform_login must be a dictionary, but is a text"),
        ({"login": ["admin"]}, "immuta_platform_login must be a dictionary, but is a list"),
        ({"stages": {"run": 1}}, "immuta_platform_stages must be a list, but is a dictionary"),
        ({"steps": "create"}, "immuta_platform_steps must be a list, but is a text"),
        ({"steps": [{"script": "fly"}]}, "immuta_platform_steps must contain dictionaries with script"),
        ({"stages": "[run"}, "immuta_platform_stages begins like JSON"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_variables_name(given: dict[str, Any], problem: str) -> None:
    found = parse_variables(given)
    assert len(found.problems) == 1 and found.problems[0].startswith(problem)


@pytest.mark.parametrize("name", ["login", "new_secrets", "integration", "connection"])
def test_what_may_hold_a_secret_is_never_quoted(name: str) -> None:
    assert "s3cret" not in " ".join(parse_variables({name: "{s3cret"}).problems + parse_variables({name: ["s3cret"]}).problems)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "either immuta_platform_integration or"),
        ({"integration": REDSHIFT, "connection": {"connection_key": "k"}}, "either immuta_platform_integration or"),
        ({"integration": {"config": {}}}, "needs a type"),
        ({"integration": {**REDSHIFT, "konfig": {}}}, "Did you mean config?"),
        ({"integration": {**REDSHIFT, "config": "text"}}, "config of the platform must be a dictionary"),
        ({"connection": {"connection": {"technology": "Glue"}}}, "needs a connection_key"),
        ({"connection": {"connection_key": "k"}}, "needs the technology"),
        ({"integration": REDSHIFT, "approved_sha256": []}, "is given but empty"),
        ({"integration": REDSHIFT, "approved_sha256": [" "]}, "is given but empty"),
        ({"integration": REDSHIFT, "approved_sha256": ["abc"]}, "not 64 hexadecimal digits"),
        ({"integration": REDSHIFT, "require_approval": True}, "No script runs without an approval"),
        ({"integration": REDSHIFT, "stages": ["run"]}, "Separate stages need immuta_platform_artifacts"),
        ({"integration": REDSHIFT, "stages": [], "artifacts": "/a"}, "immuta_platform_stages can contain"),
        ({"integration": REDSHIFT, "artifacts": "relative"}, "an absolute path"),
        (
            {"connection": {"connection_key": "k", "connection": {"technology": "Glue"}}, "state": "absent", "force_disable": True},
            "works only for integrations",
        ),
    ],
)
def test_what_cannot_work_together_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(OptionError) as refused:
        desired_state_of(given)
    assert problem in str(refused.value)


def test_what_is_wanted_however_it_is_spelled() -> None:
    one = desired_state_of({"integration": REDSHIFT, "require_approval": True, "approved_sha256": [SUM.upper()]})
    assert (one.identity, one.place.initial_database, one.approved, one.uses_scripts) == ("Redshift rs.example.com", "dev", (SUM,), True)
    assert one.scope["database"] == "immuta"
    native = {"type": "Databricks", "autoBootstrap": "true", "config": {"workspaceUrl": "W.example.com", "catalog": "c"}}
    behind = desired_state_of({"connection": {"connectionKey": "lake", "nativeIntegration": native}})
    assert (behind.kind, behind.identity, behind.auto_bootstrap) == ("connection", "connection lake", True)
    assert (behind.place.host, behind.place.database) == ("W.example.com", "c")
    assert desired_state_of({"integration": {"type": "Native S3", "config": {"name": "Lake"}}}).identity == "Native S3 lake"


def test_two_hosts_never_share_a_folder_and_none_leads_out() -> None:
    names = ["a", "a_b", "a b", "a/b", "a\\b", "..", ".", "../x", "é", "è", "", "x" * 10, "*", "?", "[a]"]
    folders = [folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    assert folder_name("redshift_emea.example-1") == "redshift_emea.example-1"
    assert not [each for each in folders if "/" in each or each.strip(".") == "" or set(each) & set("*?[\\")]


# --- evaluation --------------------------------------------------------------------------------------------------


def template(value: Any) -> Any:
    """As Ansible's templating: names are values, undefined and omitted ones raise."""
    if value == "{{ undefined }}":
        raise NotEvaluated("'undefined' is undefined\nand more")
    if value == "{{ omit }}":
        raise Omitted
    return {"{{ five }}": 5, "{{ none }}": None, "{{ nothing }}": "", "{{ old_omit }}": "__omit__", "{{ whole }}": {"a": 1}}.get(value, value)


def test_variables_are_evaluated_leaf_by_leaf() -> None:
    left_out = {"password": "{{ undefined }}", "token": "{{ omit }}", "a": "{{ none }}", "b": "{{ old_omit }}", "c": "{{ nothing }}"}
    config = {"host": "h", "port": "{{ five }}", **left_out}
    variables = {
        "omit": "__omit__",
        "immuta_platform_integration": "{{ the_platform }}",
        "the_platform": {"type": "Redshift", "config": config, "list": ["{{ five }}", "{{ undefined }}"]},
        "immuta_platform_login": {"username": "{{ undefined }}"},
        "immuta_platform_stage": "x",
        "immuta_platform__own": 1,
        "immuta_platform_result": {},
        "immuta_url": "https://t",
        "immuta_api_key": "{{ undefined }}",
        "immuta_timeout": "",
    }
    found = evaluate_variables(variables, template)
    assert found.values == {"integration": {"type": "Redshift", "config": {"host": "h", "port": 5}, "list": [5]}, "login": {}}
    assert found.tenant == {"url": "https://t"}
    assert list(found.undefined) == ["integration.config.password", "integration.list.2", "login.username"]
    assert found.problems == ["immuta_platform_stage is not a variable of the role. Did you mean immuta_platform_stages? Remove it, or give it another name."]


def test_what_each_module_is_called_with() -> None:
    config = {**REDSHIFT["config"], "password": "s3cret"}
    integration = {**REDSHIFT, "config": config, "api_key_dest": "/k"}
    options = module_options({"integration": integration, "login": {"username": "a", "host": None}, "repair": True, "artifacts_mode": "0640"})
    assert options["integration"] == {**REDSHIFT, "config": config, "api_key_dest": "/k", "update_secrets": "always", "force_disable": False}
    assert options["script"] == {**REDSHIFT, "config": config, "review_mode": "0640"}
    assert options["logins"]["admin"] == {"host": "RS.example.com", "username": "a"}
    lake = {"connection_key": "lake", "connection": {"technology": "Glue"}, "settings": {"is_active": False}}
    options = module_options({"connection": lake, "wait": False, "sync_path": ["A"]})
    assert options["connection"] == {"connection_key": "lake", "connection": {"technology": "Glue"}, "wait": False}
    assert options["sync"] == {"object_path": ["lake", "A"], "wait": False}
    assert module_options({"integration": {}})["integration"] == {}, "what makes no sense is left to the plan"


def test_the_table_the_documentation_and_the_defaults_say_the_same() -> None:
    role = ROOT / "roles" / "immuta_platform"
    documented: dict[str, Any] = {}
    for entry in yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"].values():
        documented.update({name[len(PREFIX) :]: option for name, option in entry["options"].items() if name.startswith(PREFIX)})
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    assert documented.keys() == VARIABLES.keys()
    for name, variable in VARIABLES.items():
        option = documented[name]
        assert option["type"] in (variable.type, "raw"), name
        assert (option["type"] == "raw") == (variable.type == "statements" or name == "approved_sha256"), name
        assert tuple(option.get("choices", ())) == variable.choices, name
        default = list(variable.default) if isinstance(variable.default, tuple) else variable.default
        assert defaults.get(PREFIX + name) in (default, [], {}, ""), name
        assert variable.default is None or defaults[PREFIX + name] == default, name
    steps = documented["steps"]["options"]
    assert {name: step["type"] for name, step in steps.items()} == {name: step["type"] for name, step in argument_spec()["steps"]["options"].items()}
