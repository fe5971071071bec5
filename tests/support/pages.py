# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of docs/docsite/rst show: their YAML, the platforms in their inventories, the table of endpoints."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml
from ansible.module_utils.basic import FILE_COMMON_ARGUMENTS
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC

from . import shown

ROOT = Path(__file__).resolve().parents[2]
RST = ROOT / "docs" / "docsite" / "rst"
GROUP = "immuta_platforms"
COLLECTION = "community.immuta."
_ENTRY_POINTS: dict[str, Any] = yaml.safe_load((ROOT / "roles/immuta_platform/meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
ROLE_OPTIONS: dict[str, Any] = {name: option for entry in _ENTRY_POINTS.values() for name, option in entry["options"].items()}


def pages() -> list[str]:
    return sorted(path.stem for path in RST.glob("*.rst"))


# --- YAML


@lru_cache
def blocks(page: str) -> list[Any]:
    """The YAML of a page, parsed, with a plain text in the place of every template."""
    return [_filled(block.data) for block in shown.blocks() if block.language == "yaml" and block.document == f"docs/docsite/rst/{page}.rst"]


def _filled(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _filled(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return re.sub(r"\{\{.*?\}\}", "filled in", value) if isinstance(value, str) else value


def variables(block: Any) -> Iterator[Mapping[str, Any]]:
    """The variables that a block sets: a file of them, those of an inventory, those of a play's roles."""
    if isinstance(block, Mapping):
        groups = [block[GROUP]] if GROUP in block else []
        yield from [each for group in groups for each in (group.get("vars", {}), *group.get("hosts", {}).values())] or [block]
    else:
        for play in block:
            yield from [each for each in (play.get("vars", {}), *play.get("roles", ())) if each] if "hosts" in play else ()


def tasks(block: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tasks of a block: the module and its options, those of module_defaults included."""
    for item in block if isinstance(block, list) else ():
        defaults = item.get("module_defaults", {}).get(f"group/{COLLECTION}all", {})
        for task in item.get("tasks", ()) if "hosts" in item else [item]:
            for name, options in task.items():
                if name.startswith(COLLECTION):
                    yield name.removeprefix(COLLECTION), {**defaults, **(options or {})}


# --- platforms


@dataclass(frozen=True)
class Host:
    """A platform in an inventory. type: of the integration, or technology of the connection."""

    page: str
    variables: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.page} {self.module.removeprefix('immuta_')}"

    @property
    def is_connection(self) -> bool:
        return "immuta_platform_connection" in self.variables

    @property
    def type(self) -> str:
        return str(self._place["technology"] if self.is_connection else self._given["type"])

    @property
    def module(self) -> str:
        return "immuta_connection" if self.is_connection else "immuta_integration"

    @property
    def options(self) -> dict[str, Any]:
        """The module's options, as the role gives them: the one host stands in every place that wants it."""
        if not self.is_connection or "native_integration" not in self._given:
            return dict(self._given)
        native = self._given["native_integration"]
        return {**self._given, "native_integration": {**native, "config": {"host": self._place["hostname"], **native["config"]}}}

    @property
    def login(self) -> dict[str, Any]:
        """How the administrator signs in, as the role says it; empty where nothing is to be run."""
        place, given = self._place, self.variables.get("immuta_platform_login", {})
        host = place.get("host") or place.get("hostname") or place.get("workspace_url")
        where = {"host": host, "warehouse": place.get("warehouse"), "http_path": place.get("http_path"), "database": place.get("initial_database")}
        if self.type == "Azure Synapse Analytics":
            where["database"] = place["database"]
        return {**{name: value for name, value in where.items() if value}, **given} if given else {}

    @property
    def _given(self) -> Mapping[str, Any]:
        given: Mapping[str, Any] = self.variables["immuta_platform_connection" if self.is_connection else "immuta_platform_integration"]
        return given

    @property
    def _place(self) -> Mapping[str, Any]:
        place: Mapping[str, Any] = self._given.get("connection" if self.is_connection else "config", {})
        return place


def hosts() -> list[Host]:
    """The platforms of all inventories in pages and READMEs, in their order."""
    here = [block for block in shown.blocks() if block.language == "yaml" and block.document not in shown.RUN_BY]
    with_hosts = [block for block in here if isinstance(block.data, Mapping) and GROUP in block.data]
    inventories = [(Path(block.document).stem, _filled(block.data)[GROUP]) for block in with_hosts]
    return [Host(page, variables) for page, group in inventories for variables in group.get("hosts", {}).values()]


# --- modules


@lru_cache
def module_of(name: str) -> Mapping[str, Any]:
    """What a module checks its options against, as it says it itself: argument_spec, required_if and so on."""
    said: dict[str, Any] = {}

    def listen(_work: Any, **arguments: Any) -> None:
        said.update(arguments)

    main = runpy.run_path(str(ROOT / "plugins" / "modules" / f"{name}.py"))["main"]
    main.__globals__["run"] = listen
    main()
    files = FILE_COMMON_ARGUMENTS if said.pop("add_file_common_args", False) else {}
    tenant = TENANT_SPEC if said.pop("tenant", True) else {}
    said["argument_spec"] = {**files, **tenant, **said["argument_spec"]}
    # What a module shows of its options is not part of the check.
    return {name: value for name, value in said.items() if name not in ("unmasked", "hidden_options", "open_specs")}


def input_errors(module: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """What Ansible says against these options; nothing when they are good."""
    errors: list[str] = ArgumentSpecValidator(**module).validate(dict(options)).error_messages
    return errors


# --- endpoints


@dataclass(frozen=True)
class Endpoint:
    """A row of the table: a method with a path, and a query where that makes another endpoint of it. tests: their ids for pytest."""

    name: str
    modules: tuple[str, ...]
    roles: tuple[str, ...]
    tests: tuple[str, ...]

    def is_met_by(self, request: Mapping[str, Any]) -> bool:
        """Whether that is a request to it. request: an entry of the simulator's log."""
        method, _blank, rest = self.name.partition(" ")
        path, _mark, query = rest.partition("?")
        pattern = re.sub(r"\\{(\w+)\\}", lambda found: ".+" if found[1] == "objectPath" else "[^/]+", re.escape(path))
        asked = [set(parse_qs(text)) for text in (query, request["query"])]
        return request["method"] == method and re.fullmatch(pattern, request["path"]) is not None and asked[0] == asked[1]


@lru_cache
def endpoints() -> list[Endpoint]:
    """The endpoints that are used."""
    return [Endpoint(names[0], *map(tuple, rest)) for (names, *rest) in _table("Endpoint", "Modules")]


def left_out() -> dict[str, str]:
    """The endpoints that are not used, and why."""
    return {names[0]: reason for names, reason in _table("Endpoint", "Why", words=True)}


def _table(*heading: str, words: bool = False) -> list[list[Any]]:
    """A table of the page, by the beginning of its heading: the names in each cell. words: the last cell as it is written."""
    text = (RST / "endpoints.rst").read_text(encoding="utf-8")
    for table in re.findall(r":header-rows: 1\n\n((?: {3}.*\n)+)", text):
        rows = [[cell.strip() for cell in re.split(r"\n {5}-", row)] for row in re.split(r"^ {3}\* -", table, flags=re.MULTILINE)[1:]]
        if rows[0][: len(heading)] == list(heading):
            return [[re.findall(r"``(.+?)``", cell) for cell in row[: len(row) - words]] + row[len(row) - words :] * words for row in rows[1:]]
    raise AssertionError(f"no table with {heading}")
