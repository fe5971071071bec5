# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Surveys and extra variables give text. Every variable of the roles and of the playbooks takes it, and an empty text counts as not given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.module_utils._ansible.platform_run import refuse_problems
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._platform.desired import desired_state_of
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import VARIABLES, parse_variables
from immuta_simulator import Simulator
from support.pages import ROLE_OPTIONS, input_errors
from support.playbook import ROOT, run_playbook

SUM = "0123456789abcdef" * 4
#: type in the argument specs -> text -> what it means
FORMS: dict[str, dict[str, Any]] = {
    "bool": {"true": True, "True": True, "yes": True, "false": False, "no": False},
    "int": {"7": 7, " 7 ": 7},
    "float": {"600": 600.0, "0.5": 0.5},
    "str": {"text": "text"},
    "path": {"/srv/immuta/text": "/srv/immuta/text"},
    "dict": {'{"name": "value", "port": 5439}': {"name": "value", "port": 5439}},
    "list": {"one, two": ["one", "two"], "one\ntwo": ["one", "two"], '["one", "two"]': ["one", "two"]},
    "raw": {'["SELECT 1", "SELECT 2"]': ["SELECT 1", "SELECT 2"], "SELECT 1, 2": ["SELECT 1, 2"]},
}
#: variables whose text has a form of its own
OWN_FORMS: dict[str, dict[str, Any]] = {
    "steps": {'[{"script": "create", "database": "shared"}]': [{"script": "create", "database": "shared"}]},
    "stages": {"generate,run": ["generate", "run"], "generate\nrun": ["generate", "run"], '["run"]': ["run"]},
    "approved_sha256": {SUM: [SUM], f"{SUM}, {SUM}": [SUM, SUM], json.dumps([SUM]): [SUM]},
}
ROLE_REPORT = yaml.safe_load((ROOT / "roles/immuta_report/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
ROLE = {name.removeprefix("immuta_platform_"): spec for name, spec in ROLE_OPTIONS.items() if name.startswith("immuta_platform_")}
TENANT = {name.removeprefix("immuta_"): spec for name, spec in ROLE_OPTIONS.items() if not name.startswith("immuta_platform_")}
REDSHIFT = {"type": "Redshift", "auto_bootstrap": False, "config": {"host": "rs", "database": "immuta", "initial_database": "dev"}}


def forms_of(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return OWN_FORMS.get(name) or {choice: choice for choice in spec.get("choices", ())} or FORMS[spec["type"]]


@pytest.mark.parametrize(("name", "text", "meaning"), [(name, *form) for name, spec in ROLE.items() for form in forms_of(name, spec).items()])
def test_a_variable_of_the_role_takes_text(name: str, text: str, meaning: Any) -> None:
    found = parse_variables({name: text})
    assert (found.values, found.problems) == ({name: meaning}, [])


#: what an empty text must not be taken for, and what the role says
REFUSED = {
    "state": "immuta_platform_state must be present or absent",
    "stages": "immuta_platform_stages can contain",
    "approved_sha256": "immuta_platform_approved_sha256 is given but empty",
    "integration": "Give either immuta_platform_integration or",
}


@pytest.mark.parametrize("name", ROLE)
def test_an_empty_text_is_not_given(name: str) -> None:
    """The platform is as without the variable. Where that could do harm, the role refuses it."""
    platform = {} if name == "integration" else {"integration": REDSHIFT}
    found = parse_variables({**platform, name: ""})
    if name in REFUSED:
        with pytest.raises(OptionError, match=f"^{REFUSED[name]}"):
            refuse_problems({"problems": found.problems})
            desired_state_of(found.values)
    else:
        assert not found.problems
        assert desired_state_of(found.values) == desired_state_of({"integration": REDSHIFT})
        assert found.values.get(name) in (None, "", [], {}, VARIABLES[name].default)


@pytest.mark.parametrize(("option", "text", "meaning"), [(option, *form) for option, spec in TENANT.items() for form in forms_of(option, spec).items()])
def test_a_variable_of_the_tenant_takes_text(option: str, text: str, meaning: Any) -> None:
    """As the module converts it, which gets it as it is."""
    assert not input_errors({"argument_spec": {option: {key: value for key, value in TENANT_SPEC[option].items() if key != "fallback"}}}, {option: text})
    assert not isinstance(meaning, bool) or text.lower() in ("true", "false", "yes", "no")


def playbook_variables() -> set[str]:
    """The variables that the playbooks read, but for those of the roles and those that they set themselves."""
    texts = [path.read_text() for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    named = {name for text in texts for expression in re.findall(r"\{\{.*?\}\}|that: .*", text) for name in re.findall(r"\bimmuta_\w+", expression)}
    registered = {name for text in texts for name in re.findall(r"register: (\w+)", text)} | {"immuta_confirmations"}
    return named - registered - {"immuta_platform_state"}


#: playbook -> variables -> whether the playbook succeeds, and what it prints. The tenant has one platform that no host describes
ANSWERS: list[tuple[str, dict[str, str], bool, str]] = [
    (
        "drift",
        {"immuta_drift_fail_on": '["unmanaged"]', "immuta_drift_warn_on": "", "immuta_drift_dest": "", "immuta_concurrency": ""},
        False,
        "In no inventory: integration other",
    ),
    (
        "drift",
        {"immuta_drift_fail_on": "", "immuta_drift_warn_on": "unmanaged, owned", "immuta_concurrency": "3"},
        True,
        "[WARNING]: In no inventory: integration other",
    ),
    ("drift", {"immuta_drift_fail_on": "failed\nunmanaged", "immuta_drift_warn_on": "[]"}, False, "In no inventory: integration other"),
    ("drift", {"immuta_drift_fail_on": "[", "immuta_drift_warn_on": ""}, False, "begins like JSON, but is not valid JSON"),
    ("export", {"immuta_export_dest": "", "immuta_export_layout": "", "immuta_export_hosts": ""}, False, "Say where to write the export"),
    ("report", {"immuta_report_dest": "", "immuta_report_title": "", "immuta_report_mode": "", "immuta_report_src": ""}, False, "dest is empty"),
    ("apply", {"immuta_expected_plan": ""}, False, "Give the approved plan"),
    ("deregister", {"immuta_confirm": ""}, False, "To confirm, add -e immuta_confirm"),
]


def test_every_variable_of_the_playbooks_is_answered_below() -> None:
    assert playbook_variables() | {name for name in ROLE_REPORT if name != "immuta_report_fleet"} == {name for each in ANSWERS for name in each[1]}


def rows() -> list[Any]:
    """The rows of drift for every change, and the others for slow runs."""
    return [pytest.param(*each, marks=() if each[0] == "drift" else pytest.mark.all) for each in ANSWERS]


@pytest.mark.parametrize(("playbook", "given", "succeeds", "printed"), rows())
def test_a_variable_of_the_playbooks_takes_text(tenant: Simulator, tmp_path: Path, playbook: str, given: dict[str, str], succeeds: bool, printed: str) -> None:
    config = {"database": "immuta", "initialDatabase": "dev", "authenticationType": "userPassword", "username": "immuta"}
    for host in ("rs", "other"):
        tenant.seed({"type": "Redshift", "autoBootstrap": False, "config": {**config, "host": host}})
    platform = {"type": "Redshift", "auto_bootstrap": False, "config": {**config, "host": "rs"}}
    inventory = {"immuta_platforms": {"hosts": {"analytics": {"immuta_platform_integration": platform}}}}
    reach = {"immuta_url": tenant.url, "immuta_api_key": tenant.api_key}
    run = run_playbook(f"community.immuta.{playbook}", inventory, tmp_path, extra={**reach, **given})
    assert (run.rc == 0) == succeeds, run.output
    assert printed in run.output, run.output
