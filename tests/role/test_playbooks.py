# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks, and what is written down more than once about the role."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import SCRIPTS
from ansible_collections.community.immuta.plugins.module_utils._platform.works import WORKS
from support.playbook import ROOT, Run, run_playbook

from .conftest import DEREGISTER, World

ROLE = ROOT / "roles" / "immuta_platform"
EXAMPLES = ROOT / "playbooks" / "inventory.example"


def load(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text())


@pytest.mark.parametrize("confirm", [[], ["-e", "immuta_confirm=snowflake"], ["-e", "immuta_confirm=1"]])
def test_deregister_wants_the_number_of_hosts(world: World, confirm: list[str]) -> None:
    run = world.run(DEREGISTER, *confirm, on=[world.redshift, world.snowflake])
    assert run.rc != 0
    assert "deregisters 2 data platform(s): redshift, snowflake" in run.output
    assert world.asked() == []
    assert not run.tasks("redshift", "immuta_integration") and not run.tasks("snowflake", "immuta_integration")


@pytest.mark.parametrize("confirm", ["snowflake", "1"])
def test_deregister_of_one_host_takes_its_name(world: World, confirm: str) -> None:
    run = world.run(DEREGISTER, "--check", "--limit", "snowflake", "-e", f"immuta_confirm={confirm}", on=[world.redshift, world.snowflake])
    assert run.rc == 0, run.output
    assert run.result("snowflake")["action"] == "unchanged"


def test_the_example_inventory_works_as_it_is(world: World) -> None:
    """Against a tenant that knows nothing of its hosts; only its address and key are not the example's."""
    run: Run = run_playbook(
        "community.immuta.register",
        {},
        world.folder,
        "--check",
        "-i",
        str(EXAMPLES),
        extra={"immuta_url": world.tenant.url, "immuta_api_key": world.tenant.api_key},
        environment={"ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.example.cfg")},
    )
    assert run.rc == 0, run.output
    for host in ("snowflake_emea", "redshift_emea", "snowflake_us"):
        assert run.result(host)["action"] == "created"
    asked = [json.loads(body["sent"]) for body in world.tenant.bodies() if body["path"].startswith("/integrations/scripts/")]
    assert "to-be-{{ replaced }}" in {body["config"]["password"] for body in asked}, "the !unsafe password was taken for a template"


def test_every_script_belongs_to_a_work() -> None:
    scripts = {script for work in WORKS.values() for script in work.scripts}
    assert scripts == {script for platform in PLATFORMS.values() for script in platform.scripts} == set(SCRIPTS)


def options_of_the_role() -> dict[str, Any]:
    """The options of all entry points. One of the same name is the same."""
    found: dict[str, Any] = {}
    for entry in load("meta/argument_specs.yml")["argument_specs"].values():
        for name, spec in entry["options"].items():
            assert found.setdefault(name, spec) == spec, name
    return found


def test_every_playbook_but_those_of_main_has_its_entry_point() -> None:
    entries = set(load("meta/argument_specs.yml")["argument_specs"])
    assert entries == {"main", *(path.stem for path in (ROOT / "playbooks").glob("*.yml") if f"tasks_from: {path.stem}" in path.read_text())}
    assert not [entry for entry in entries if not (ROLE / "tasks" / f"{entry}.yml").exists()]


def test_options_defaults_and_readme_say_the_same() -> None:
    options = options_of_the_role()
    defaults = load("defaults/main.yml")
    documented = {name: spec["default"] for name, spec in options.items() if "default" in spec}
    assert documented == defaults
    table = dict(re.findall(r"^\| `(immuta_\w+)` \| (.*?) \|", (ROLE / "README.md").read_text(), re.MULTILINE))
    assert set(table) == {name for name in options if name.startswith("immuta_platform_")} | {"immuta_url"}
    shown = {name: value for name, value in table.items() if name in defaults}
    assert {name: yaml.safe_load(value.strip("`")) for name, value in shown.items()} == defaults


def role_lines(folder: str) -> dict[str, list[str]]:
    return {path.name: path.read_text().splitlines() for path in sorted((ROLE / folder).glob("*.yml"))}


def test_the_role_stays_a_page() -> None:
    """It chains modules. What it would compute is computed, and tested, in Python."""
    tasks, variables = role_lines("tasks"), role_lines("vars")
    lines = [line for each in (*tasks.values(), *variables.values()) for line in each]
    assert len(tasks) <= 7
    assert sum(map(len, tasks.values())) <= 220
    assert sum(map(len, variables.values())) <= 60
    assert len([line for line in lines if "set_fact:" in line]) <= 5
    assert not [line for line in lines if re.search("b64|base64", line)]
    expressions = [expression for line in lines for expression in re.findall(r"\{\{.*?\}\}(?=[^}]|$)", line)]
    assert expressions and not [each for each in expressions if len(each) > 100]


def test_a_condition_asks_for_one_fact() -> None:
    """A name, or whether a result is so: nothing is combined, compared or computed where a task decides whether it runs."""
    documents = [document for name in role_lines("tasks") for document in load(f"tasks/{name}")]
    conditions = [condition for task in with_blocks(documents) for key in ("when", "changed_when", "failed_when") for condition in listed(task.get(key, []))]
    assert conditions
    assert not [each for each in conditions if not re.fullmatch(r"immuta_platform__\w+(\.\w+)*( is (changed|unreachable))?|False", str(each))]


def with_blocks(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks, and those in their blocks."""
    inner = [part for task in tasks for part in ("block", "rescue", "always") for part in task.get(part, [])]
    return [*tasks, *with_blocks(inner)] if inner else tasks


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_role_reads_its_variables_in_one_place() -> None:
    """Every variable is read by the lookup, which evaluates it once, and by nothing else."""
    text = "".join("\n".join(lines) for folder in ("tasks", "vars") for lines in role_lines(folder).values())
    assert not {name for name in re.findall(r"\bimmuta_(?:platform_)?[a-z]\w*", text) if name in options_of_the_role()}
    assert {name for name in options_of_the_role() if not name.startswith("immuta_platform_")} == {f"immuta_{option}" for option in TENANT_SPEC}
