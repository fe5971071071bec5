# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the documentation has a test, and every command in it is one that the program takes.

A new kind of block or command is a failure until this file says how it is tested. test_tasks.py runs the tasks, tests/module and tests/role the
inventories, and test_playbooks.py the playbooks.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
import shlex
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from ansible.cli.adhoc import AdHocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.cli.vault import VaultCLI
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC
from immuta_simulator.command import parser as simulator_parser
from immuta_simulator.settings import SWITCHES
from support.pages import ROLE_OPTIONS, input_errors, variables
from support.shown import ROOT, RUN_BY, Block, blocks
from tools.checks import __main__ as checks

SHELL = {"sh", "shell", "console"}
#: playbooks of the reader
READERS_PLAYBOOKS = {"site.yml", "my_platforms.yml"}
#: what is no example: the picture of the packages, which test_house.py compares with the folders
PICTURES = {"docs/design.md"}
BLOCKS = [block for block in blocks() if block.document not in {*RUN_BY, *PICTURES}]
IN_A_SHELL = [(block, command) for block in BLOCKS if block.language in SHELL for command in block.commands]


# --- commands


def cli(kind: Any) -> Callable[[list[str]], argparse.Namespace]:
    """What parses the arguments of one of Ansible's programs."""

    def parse(words: list[str]) -> argparse.Namespace:
        made = kind(words)
        made.init_parser()
        parsed: argparse.Namespace = made.parser.parse_args(words[1:])
        return parsed

    return parse


def playbook(words: list[str]) -> None:
    parsed = cli(PlaybookCLI)(words)
    for name in parsed.args:
        assert name in READERS_PLAYBOOKS or (ROOT / "playbooks" / f"{name.removeprefix('community.immuta.')}.yml").is_file(), name
    for given in parsed.extra_vars:
        assert set(names_in(given)) <= playbook_variables(), given


def names_in(given: str) -> Iterator[str]:
    """The names of the variables in a value of -e; none for a file."""
    if given.startswith("{"):
        yield from json.loads(given)
    elif not given.startswith("@"):
        yield from (word.split("=", maxsplit=1)[0] for word in shlex.split(given))


@lru_cache
def playbook_variables() -> set[str]:
    """The variables of the roles and of the playbooks."""
    texts = [path.read_text(encoding="utf-8") for path in [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/meta/argument_specs.yml")]]
    return ROLE_OPTIONS.keys() | {name for text in texts for name in re.findall(r"\bimmuta_\w+", text)}


def export(words: list[str]) -> None:
    known = {"ANSIBLE_COLLECTIONS_PATH"} | {f"IMMUTA_{name.upper()}" for name in TENANT_SPEC}
    assert {word.split("=", maxsplit=1)[0] for word in words[1:]} <= known


def make(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def run_checks(words: list[str]) -> None:
    assert set(words[1:]) <= (checks.ALL | checks.LONG | checks.OTHER | checks.GROUPS).keys() | {"--help"}


def pip(words: list[str]) -> None:
    assert words[1] == "install"
    for name in words[2:]:
        _before, path, after = name.partition("/extensions/simulator")
        text = (ROOT / path.strip("/") / "pyproject.toml").read_text(encoding="utf-8") if path else ""
        assert name in ("ansible-core", "requests") or text, name
        assert all(f"\n{extra} = " in text for extra in filter(None, after.strip("[]").split(","))), name


def python(words: list[str]) -> None:
    if words[1:3] == ["-m", "immuta_simulator"]:
        simulator_parser().parse_args(words[3:])
    elif words[1:3] == ["-m", "pytest"]:
        assert (ROOT / words[3]).exists()
    else:
        assert words[1:3] == ["-m", "venv"]


def evaluated(words: list[str]) -> None:
    """eval "$(COMMAND)"."""
    check(words[1].removeprefix("$(").removesuffix(")"))


def jq(words: list[str]) -> None:
    """The fields that the filter names are keys of a line of the audit log, which the README of the role lists."""
    text = (ROOT / "roles" / "immuta_platform" / "README.md").read_text(encoding="utf-8").partition("## Audit trail")[2]
    fields = re.findall(r"(?<![\w.])\.(\w+)", words[2])
    assert fields and all(f"`{field}`" in text for field in fields)


def shell(_words: list[str]) -> None:
    """A command of every system."""


PROGRAMS: dict[str, Callable[[list[str]], object]] = {
    "ansible": cli(AdHocCLI),
    "ansible-galaxy": cli(GalaxyCLI),
    "ansible-inventory": cli(InventoryCLI),
    "ansible-playbook": playbook,
    "ansible-vault": cli(VaultCLI),
    "eval": evaluated,
    "export": export,
    "jq": jq,
    "make": make,
    "pip": pip,
    "python": python,
    "python3": python,
    ".venv/bin/python": python,
    "tests/run": run_checks,
    **dict.fromkeys((".", "cd", "echo", "git"), shell),
}


def check(command: str) -> None:
    """Raise AssertionError or SystemExit for a command that its program does not take."""
    for part in re.split(r" \|\| | && ", command):
        words = shlex.split(part, comments=True)
        assert words[0] in PROGRAMS, f"say in PROGRAMS how {words[0]} is tested"
        PROGRAMS[words[0]](words)


@pytest.mark.parametrize(("block", "command"), IN_A_SHELL, ids=[f"{block}-{command[:60]}" for block, command in IN_A_SHELL])
def test_every_command_is_one_that_its_program_takes(block: Block, command: str) -> None:
    check(command)


@pytest.mark.parametrize(
    "command",
    [
        "ansible-playbook community.immuta.regster",
        "ansible-playbook community.immuta.register --chek",
        "ansible-playbook community.immuta.register -e immuta_platform_leftover=fail",
        "ansible-playbook community.immuta.sync -e '{\"immuta_platform_path\": []}'",
        "ansible-galaxy collection instal community.immuta",
        "export IMMUTA_KEY=x",
        "make tests",
        "tests/run everything",
        "pip install ansible-core immuta",
        'eval "$(python -m immuta_simulator begin)"',
        "jq -r '.when' audit.jsonl",
        "terraform apply",
    ],
)
def test_a_wrong_command_is_found(command: str) -> None:
    with pytest.raises((AssertionError, SystemExit)):
        check(command)


# --- blocks


def is_tested(block: Block) -> bool:
    """Whether a test here or elsewhere runs what a block shows."""
    if block.language in SHELL:
        return bool(block.commands)
    if block.language == "python":
        return is_python(block.text)
    return block.language == "yaml" and (is_vars(block.data) or is_list_of_tasks(block.data) or is_requirements(block.data) or is_inventory(block.data))


def is_python(text: str) -> bool:
    """A program that imports only what is there; of the simulator, names and switches that it has."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not all(hasattr(importlib.import_module(node.module or ""), alias.name) for alias in node.names):
            return False
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "Simulator"
            and not {word.arg for word in node.keywords} <= SWITCHES.keys() | {"warehouses"}
        ):
            return False
    return True


def is_vars(data: Any) -> bool:
    """Variables of the role, in an inventory or alone, with values that the role takes."""
    optional = {name: {**option, "required": False} for name, option in ROLE_OPTIONS.items()}
    groups = list(variables(data)) if isinstance(data, dict) else []
    given = [{name: value for name, value in group.items() if name.startswith("immuta_")} for group in groups]
    return any(given) and all(input_errors({"argument_spec": optional}, each) == [] for each in given)


def is_list_of_tasks(data: Any) -> bool:
    """Tasks, or plays with tasks or with roles of the collection; test_tasks.py and test_playbooks.py run them."""
    listed = data if isinstance(data, list) else []
    return bool(listed) and all(
        isinstance(item, dict) and ("hosts" in item or any(name.startswith(("community.immuta.", "ansible.builtin.")) for name in item)) for item in listed
    )


def is_requirements(data: Any) -> bool:
    return isinstance(data, dict) and [item["name"] for item in data.get("collections", [])] == ["community.immuta"]


def is_inventory(data: Any) -> bool:
    documents = data if isinstance(data, list) else [data]
    return all(isinstance(each, dict) and each.get("plugin") == "community.immuta.immuta" for each in documents)


@pytest.mark.parametrize("block", BLOCKS, ids=Block.__str__)
def test_every_block_is_tested(block: Block) -> None:
    assert is_tested(block), f"say in this file how the {block.language or 'unnamed'} block is tested"


@pytest.mark.parametrize(("document", "test"), RUN_BY.items(), ids=Path)
def test_what_is_run_elsewhere_is_run_there(document: str, test: str) -> None:
    assert (ROOT / document).is_file()
    assert Path(document).name in (ROOT / test).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "data",
    [
        {"immuta_platform_state": "gone"},
        {"immuta_platform_sate": "present"},
        {"immuta_platforms": {"hosts": {"one": {"immuta_platform_stages": ["begin"]}}}},
        {"collections": [{"name": "community.imuta"}]},
        {"plugin": "community.immuta.imuta"},
        ["a text"],
        {},
    ],
)
def test_a_wrong_block_is_found(data: Any) -> None:
    assert not is_tested(Block("x.md", 1, "yaml", json.dumps(data)))
    assert not is_tested(Block("x.md", 1, "toml", json.dumps(data)))
    assert not is_tested(Block("x.md", 1, "python", "from immuta_simulator import Simulator\nSimulator(nothing=1)"))
