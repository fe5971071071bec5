# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house stands as docs/design.md draws it: floors, names, and everything that is written in two places."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.checks.commands import ROOT, tracked

PLUGINS = ROOT / "plugins"
UTILS = PLUGINS / "module_utils"
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
ROLES = sorted(path for path in (ROOT / "roles").glob("*") if path.is_dir())
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
PACKAGE = "ansible_collections.community.immuta.plugins.module_utils"

# From the ground up: a room imports from itself and from the floors below, and no file in a circle.
FLOORS = [
    {"_core"},
    {"_http", "_model"},
    {"_api", "_plan"},
    {"_reconcile", "_sql"},
    {"_platform"},
    {"_fleet"},
    {"_ansible"},
]
# These compute and do nothing else. A room is named, or a file where the rest of its room meets the world.
PURE = {"_model", "_plan", "_platform", "_sql", "_core.errors", "_core.secrets"}
# What meets the disk and the warehouses: the artifacts of a platform, and of the SQL the run, its ledger and the drivers.
MEET_THE_WORLD = {
    "_platform.folder",
    "_platform.platform_lock",
    "_sql.runner",
    "_sql.ledger",
    "_sql.driver_base",
    "_sql.driver_databricks",
    "_sql.driver_redshift",
    "_sql.driver_snowflake",
    "_sql.driver_synapse",
}
IMPURE = {"os", "io", "socket", "subprocess", "tempfile", "pathlib", "time", "datetime", "random", "requests", "ansible"}
# Who alone imports what.
ONLY_IMPORTER = {"requests": {"_http.session"}, "ansible.module_utils.basic.AnsibleModule": {"_ansible.runtime"}}
# Third-party packages by the name they are imported by.
PACKAGES = {
    "requests": "requests",
    "snowflake": "snowflake-connector-python",
    "redshift_connector": "redshift-connector",
    "pymssql": "pymssql",
    "cryptography": "cryptography",
    "ansible": "ansible-core",
}


# --- reading the tree


def name_of(path: Path) -> str:
    """A module util by its dotted name below module_utils: C(_sql.runner)."""
    return ".".join(path.relative_to(UTILS).with_suffix("").parts)


UTIL_FILES = {name_of(path): path for path in sorted(UTILS.rglob("*.py")) if path.name != "__init__.py"}


@lru_cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, nodes: Iterable[ast.AST] | None = None) -> Iterator[str]:
    """What a file imports, wherever in it, as dotted names; relative ones made absolute."""
    package = [PACKAGE, *path.relative_to(UTILS).parts[:-1]] if path.is_relative_to(UTILS) else []
    for node in nodes or ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def utils_imported_by(path: Path) -> set[str]:
    """The module utils among a file's imports, by their dotted names."""
    found = set()
    for dotted in imports(path):
        below = dotted.removeprefix(f"{PACKAGE}.")
        if below != dotted:
            found |= {name for name in UTIL_FILES if below == name or below.startswith(f"{name}.")}
    return found


def room_of(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def floor_of(name: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if room_of(name) in floor)


def is_pure(name: str) -> bool:
    return bool({name, room_of(name)} & PURE) and name not in MEET_THE_WORLD


@lru_cache
def documentation(module: Path) -> dict[str, Any]:
    """The three documentation strings of a module, parsed; EXAMPLES as a list of tasks."""
    strings = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree(module).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }
    return {name: yaml.safe_load(text) for name, text in strings.items()}


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def stems(paths: Iterable[Path]) -> set[str]:
    return {path.stem for path in paths}


def text_files() -> Iterator[tuple[str, str]]:
    for name in tracked():
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


# --- floors


@pytest.mark.parametrize("name", UTIL_FILES)
def test_a_file_imports_from_its_own_room_and_the_floors_below(name: str) -> None:
    others = {other for other in utils_imported_by(UTIL_FILES[name]) if room_of(other) != room_of(name)}
    assert not {other for other in others if floor_of(other) >= floor_of(name)}


def test_every_room_has_a_floor_and_says_what_it_is_for() -> None:
    rooms = {room_of(name) for name in UTIL_FILES}
    assert rooms == {room for floor in FLOORS for room in floor}
    drawn = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    assert not {room for room in rooms if f"`{room}/`" not in drawn}


def test_the_files_that_the_design_names_are_there() -> None:
    named = re.findall(r"`(_\w+/\w+\.py)`", (ROOT / "docs" / "design.md").read_text(encoding="utf-8"))
    assert named
    assert not [name for name in named if not (UTILS / name).is_file()]


def test_no_import_runs_in_a_circle() -> None:
    waiting = {name: utils_imported_by(path) for name, path in UTIL_FILES.items()}
    while free := {name for name, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {name: needs for name, needs in waiting.items() if name not in free}
    assert not waiting


@pytest.mark.parametrize("name", sorted(filter(is_pure, UTIL_FILES)))
def test_a_pure_file_does_no_io(name: str) -> None:
    assert not {dotted.split(".")[0] for dotted in imports(UTIL_FILES[name], tree(UTIL_FILES[name]).body)} & IMPURE


@pytest.mark.parametrize(("what", "who"), ONLY_IMPORTER.items(), ids=ONLY_IMPORTER)
def test_one_file_alone_imports(what: str, who: set[str]) -> None:
    importers = {name for name, path in UTIL_FILES.items() if any(f"{dotted}.".startswith(f"{what}.") for dotted in imports(path))}
    assert importers == who
    assert not [module for module in MODULES for dotted in imports(module) if f"{dotted}.".startswith(f"{what}.")]


@pytest.mark.parametrize("name", UTIL_FILES)
def test_third_party_imports_are_lazy(name: str) -> None:
    at_the_top = {dotted.split(".")[0] for dotted in imports(UTIL_FILES[name], tree(UTIL_FILES[name]).body)}
    assert not at_the_top & (PACKAGES.keys() - {"ansible"})


@pytest.mark.parametrize("name", sorted(name for name in UTIL_FILES if room_of(name) != "_ansible"))
def test_only_what_meets_a_task_stands_on_ansible(name: str) -> None:
    at_the_top = {dotted.split(".")[0] for dotted in imports(UTIL_FILES[name], tree(UTIL_FILES[name]).body)}
    assert "ansible" not in at_the_top


@pytest.mark.parametrize("name", UTIL_FILES)
def test_a_module_util_is_private_and_says_so(name: str) -> None:
    assert name.startswith("_")
    assert (ast.get_docstring(tree(UTIL_FILES[name])) or "").endswith("PRIVATE to the collection: it can change at any time.")


# --- modules


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_and_one_call(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").splitlines()
    texts = [node for node in tree(module).body if isinstance(node, (ast.Assign, ast.Expr)) and is_text(node.value)]
    documented = {number for node in texts for number in span(node)}
    code = [line for number, line in enumerate(lines, 1) if number not in documented and line.strip() and not line.lstrip().startswith("#")]
    assert len(code) <= 40


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def span(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_has_its_three_documents(module: Path) -> None:
    found = documentation(module)
    assert found.keys() == {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    assert found["DOCUMENTATION"]["module"] == module.stem
    assert any(f"community.immuta.{module.stem}" in task for task in found["EXAMPLES"])


def names_the_tenant(module: Path) -> bool:
    return "community.immuta.tenant" in documentation(module)["DOCUMENTATION"].get("extends_documentation_fragment", [])


def test_the_action_group_holds_exactly_the_modules_that_talk_to_immuta() -> None:
    groups = load("meta/runtime.yml")["action_groups"]
    assert groups == {"all": [module.stem for module in MODULES if names_the_tenant(module)]}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_has_a_test_that_names_it(module: Path) -> None:
    word = re.compile(rf"\b{module.stem}\b")
    assert [name for name, text in text_files() if name.startswith("tests/") and name != "tests/unit/test_house.py" and word.search(text)]


# --- roles


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_a_role_documents_each_of_its_variables_twice(role: Path) -> None:
    specs = load(f"roles/{role.name}/meta/argument_specs.yml")["argument_specs"]
    readme = (role / "README.md").read_text(encoding="utf-8")
    options = {name for entry in specs.values() for name in entry["options"]}
    assert options
    assert not {name for name in options if f"`{name}`" not in readme}
    # what a role hands back is no option
    assert not set(re.findall(rf"`({role.name}_[a-z0-9_]+)`", readme)) - options - {f"{role.name}_result"} - stems(MODULES)


@pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)
def test_defaults_are_those_of_the_argument_spec(role: Path) -> None:
    entries = load(f"roles/{role.name}/meta/argument_specs.yml")["argument_specs"].values()
    documented = {name: option["default"] for entry in entries for name, option in entry["options"].items() if "default" in option}
    assert documented == load(f"roles/{role.name}/defaults/main.yml")


# --- README, metadata, releases


def table(heading: str) -> set[str]:
    """The names in the first column of the README's table with that heading."""
    rows = (ROOT / "README.md").read_text(encoding="utf-8").split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^\| `([^`]+)`", rows, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "there"),
    [
        ("Module", stems(MODULES)),
        ("Role", {path.name for path in ROLES}),
        ("Lookup", stems((PLUGINS / "lookup").glob("*.py"))),
        ("Inventory", stems((PLUGINS / "inventory").glob("*.py"))),
        ("Playbook", stems(PLAYBOOKS)),
    ],
)
def test_the_readme_lists_what_is_there(heading: str, there: set[str]) -> None:
    assert table(heading) == there


def test_the_tests_of_each_promise_are_there() -> None:
    named = re.findall(r"`(tests/[^`]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_readme_has_the_sections_that_readers_look_for() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [
        "Description",
        "Requirements",
        "Installation",
        "Use Cases",
        "Testing",
        "Contributing",
        "Support",
        "Communication",
        "Release Notes",
        "Related Information",
        "License",
    ]


def test_the_readme_links_nowhere_relative() -> None:
    # It is also shown where the repository's files are not
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert not [link for link in links if not link.startswith("https://")]


def test_the_version_has_release_notes() -> None:
    version = load("galaxy.yml")["version"]
    released = load("changelogs/changelog.yaml")["releases"]
    fragments = [load(f"changelogs/fragments/{path.name}") for path in (ROOT / "changelogs" / "fragments").glob("*.yml")]
    # Either it is the newest release, or it is being worked on and its fragments wait
    if released:
        assert version in released or fragments
    else:
        assert (ROOT / "changelogs" / "fragments" / f"{version}.yml").exists()


def test_plugins_know_the_version_once_and_right() -> None:
    version = load("galaxy.yml")["version"]
    added = re.compile(rf"version_added: '?\"?{re.escape(version)}")
    named = [line for name, text in text_files() if name.startswith("plugins/") for line in added.sub("", text).splitlines() if version in line]
    assert named == [f'VERSION = "{version}"']


def requirements(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[<>=!]", line)[0].strip().lower().replace("_", "-") for line in lines if line and not line.startswith("#")}


def test_what_plugins_import_is_required_by_name() -> None:
    imported = {dotted.split(".")[0] for path in PLUGINS.rglob("*.py") for dotted in imports(path)}
    needed = {PACKAGES[root] for root in imported & PACKAGES.keys()}
    assert requirements("meta/ee-requirements.txt") == needed - {"ansible-core", "cryptography"}
    assert needed - {"cryptography"} <= requirements("tests/requirements.txt")


def test_every_test_requirement_is_pinned() -> None:
    lines = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line and not line.startswith("#") and "==" not in line]


# --- every file


def test_no_sanity_check_is_ignored() -> None:
    assert not [name for name in tracked() if name.startswith("tests/sanity/ignore")]


def test_no_function_is_excused_from_the_complexity_limit() -> None:
    assert "max-complexity = 10" in (ROOT / "ruff.toml").read_text(encoding="utf-8")
    excuse = re.compile(r"noqa: *[A-Z0-9, ]*C9" + "01")
    assert not [name for name, text in text_files() if name.endswith(".py") and excuse.search(text)]


# Written so that this file does not hold them itself.
FOREIGN = [
    r"(?<![\w.])/(?:wor[k]|roo[t]|opt/(?:pyp[i]|wheel[s]))/",
    r"artifactor[y]|\bnexu[s]\b|pypi\.or[g]/simple",
    r"\bL[L]M\b|chatgp[t]|\bclaud[e]\b|anthropi[c]",
    r"sub-?agen[t]|\bagen[t] session",
    r"toolchain\.m[d]|anchors\.m[d]|standins\.m[d]|immuta-api\.m[d]|DESIGN\.m[d]|vendor-doc[s]",
    r"\bDESIGN sectio[n]|\breference (?:section )?\d+\.[\d]",
    r"\b[I]ssue #?\d+|\b[i]ssue \d+",
]


@pytest.mark.parametrize("pattern", FOREIGN)
def test_the_project_speaks_of_itself_alone(pattern: str) -> None:
    assert not [f"{name}: {hit.group()}" for name, text in text_files() if name != "LICENSE" for hit in re.finditer(pattern, text)]


def test_files_stay_readable_in_one_sitting() -> None:
    long = {name: text.count("\n") for name, text in text_files() if name.startswith("plugins/module_utils/") and name.endswith(".py")}
    assert not {name: lines for name, lines in long.items() if lines >= 500}


def test_no_line_is_longer_than_what_ansible_test_takes() -> None:
    """Ruff leaves out the comments that switch a check off; ansible-test counts them."""
    assert not [f"{name}:{number}" for name, text in text_files() if name.endswith(".py") for number, line in enumerate(text.split("\n"), 1) if len(line) > 160]
