# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit fits together, and it fits the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import FINDINGS
from support.pages import ROLE_OPTIONS, module_of
from support.playbook import ROOT

from .controller import KIT, kit

ROLES = ROOT / "roles"
TEMPLATES = {each["name"]: each for each in kit()["controller_templates"]}
WORKFLOWS = {each["name"]: each for each in kit()["controller_workflows"]}
#: playbooks without a job template of their own, and why
WITHOUT_TEMPLATE: dict[str, str] = {}
#: the entry points of roles other than main, by playbook
ENTRIES = {"rotate": "rotate", "sync": "sync"}
#: the choices of a variable of the playbooks
CHOICES = {
    "immuta_drift_fail_on": list(FINDINGS),
    "immuta_drift_warn_on": list(FINDINGS),
    "immuta_export_layout": module_of("immuta_tenant_info")["argument_spec"]["layout"]["choices"],
}
#: what a survey calls a type of the argument specs, where it is not a text
QUESTIONS = {"int": "integer", "float": "integer", "bool": "multiplechoice"}


def questions() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for template in (*TEMPLATES.values(), *WORKFLOWS.values()):
        for question in template["survey_spec"]["spec"]:
            yield template, question


def read_by(template: dict[str, Any]) -> set[str]:
    """The variables that the playbook of a template reads, and those that its roles document."""
    name = template["playbook"].removeprefix("playbooks/").removesuffix(".yml")
    text = "".join((ROOT / "playbooks" / f"{each}.yml").read_text() for each in (name, *(["register"] if name == "apply" else [])))
    found = set(re.findall(r"\bimmuta_\w+", text))
    for role in ROLES.iterdir():
        if role.name in text:
            found |= set(yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"][ENTRIES.get(name, "main")]["options"])
    return found


def test_every_playbook_has_a_template() -> None:
    playbooks = {f"playbooks/{path.name}" for path in (ROOT / "playbooks").glob("*.yml")}
    assert {each["playbook"] for each in TEMPLATES.values()} | set(WITHOUT_TEMPLATE) == playbooks


def test_every_variable_is_one_that_its_playbook_reads() -> None:
    for template in TEMPLATES.values():
        asked = {each["variable"] for each in template["survey_spec"]["spec"]} | set(template.get("extra_vars", {}))
        assert asked <= read_by(template), template["name"]


def test_every_variable_is_documented() -> None:
    pages = "".join(path.read_text() for folder in (ROOT / "docs/docsite/rst", ROLES, KIT) for path in [*folder.rglob("*.rst"), *folder.rglob("README.md")])
    for _unused, question in questions():
        assert question["variable"] in ROLE_OPTIONS or question["variable"] in pages, question["variable"]


def test_a_question_is_of_the_type_of_its_variable_and_has_its_choices() -> None:
    for template, question in questions():
        option = ROLE_OPTIONS.get(question["variable"], {})
        choices = option.get("choices") or CHOICES.get(question["variable"]) or (["true", "false"] if option.get("type") == "bool" else None)
        assert question.get("choices") == choices, f"{template['name']}: {question['variable']}"
        if choices:
            assert question["type"] in ("multiplechoice", "multiselect")
            assert set(question["default"].splitlines()) <= set(choices)
        elif option:
            expected = QUESTIONS.get(option["type"], "password" if question["variable"].endswith("new_secrets") else ("text", "textarea"))
            assert question["type"] in expected, question["variable"]


def test_the_default_of_a_question_is_that_of_the_variable() -> None:
    """An answer takes precedence over the inventory, so an unanswered question must not change what the collection does."""
    for _unused, question in questions():
        option = ROLE_OPTIONS.get(question["variable"], {})
        if "default" in question and "default" in option:
            assert question["default"] == str(option["default"]).lower(), question["variable"]


def test_awx_accepts_the_surveys() -> None:
    for _unused, question in questions():
        assert {"question_name", "variable", "type", "required"} <= set(question)
        assert set(question) <= {"question_name", "question_description", "variable", "type", "required", "default", "choices"}
        assert isinstance(question.get("default", 0), {"integer": int}.get(question["type"], (str, int)))


def test_names_name_what_there_is() -> None:
    known = {objects: {each["name"] for each in kit()[objects]} for objects in kit() if objects.startswith("controller_")}
    known["nodes"] = known["controller_templates"] | {"Approve the scripts"}
    wanted = {
        "controller_inventories": [each["inventory"] for each in (*TEMPLATES.values(), *WORKFLOWS.values(), *kit()["controller_inventory_sources"])],
        "controller_projects": [*(each["project"] for each in TEMPLATES.values()), *(each["source_project"] for each in kit()["controller_inventory_sources"])],
        "controller_execution_environments": [each["execution_environment"] for each in TEMPLATES.values()],
        "controller_notifications": [name for each in (*TEMPLATES.values(), *WORKFLOWS.values()) for name in each["notification_templates_error"]],
        "controller_templates": [each["unified_job_template"] for each in kit()["controller_schedules"]],
        "nodes": [node["unified_job_template"]["name"] for each in WORKFLOWS.values() for node in each["workflow_nodes"]],
    }
    assert {objects: set(names) - known[objects] for objects, names in wanted.items()} == {objects: set() for objects in wanted}


def test_a_failed_drift_job_sends_a_message_and_runs_every_night() -> None:
    assert TEMPLATES["Immuta drift"]["notification_templates_error"]
    (nightly,) = [each for each in kit()["controller_schedules"] if each["unified_job_template"] == "Immuta drift"]
    assert "FREQ=DAILY" in nightly["rrule"] and nightly.get("enabled", True)


@pytest.mark.parametrize("name", TEMPLATES)
def test_files_are_on_the_mount(name: str) -> None:
    """Everything else is gone with the container."""
    paths = [value for value in TEMPLATES[name].get("extra_vars", {}).values() if isinstance(value, str) and value.startswith("/")]
    assert all(path.startswith(f"{kit()['immuta_awx_mount']}/") for path in paths)
    needs_no_artifacts = name in ("Immuta report", "Immuta export", "Immuta sync")
    assert ("immuta_platform_artifacts" in TEMPLATES[name].get("extra_vars", {})) != needs_no_artifacts


def test_drift_and_apply_plan_with_the_same_variables() -> None:
    assert TEMPLATES["Immuta drift"]["extra_vars"] == TEMPLATES["Immuta apply"]["extra_vars"]


def test_playbooks_and_image_are_of_this_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert kit()["immuta_awx_playbooks_version"] == version
    assert kit()["immuta_awx_image"].endswith(f":{version}")
