# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example that the documentation shows: the blocks of code in README files and pages, and the EXAMPLES of plugins. And the tasks in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml
from jinja2 import Undefined
from jinja2.nativetypes import NativeEnvironment

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("*.md", "docs/*.md", "docs/docsite/rst/*.rst", "roles/*/README.md", "extensions/**/README.md")
PLUGINS = ("plugins/modules/*.py", "plugins/lookup/*.py", "plugins/inventory/*.py")
COLLECTION, BUILTIN = "community.immuta.", "ansible.builtin."
#: the folders that the examples write to
FOLDERS = re.compile(r"^(?:/srv/immuta|/etc/trino|/srv/playbooks)\b")
#: documents whose blocks a test of their own runs as they stand
RUN_BY = {
    "docs/add_a_platform.md": "tests/unit/test_worked_example.py",
    "docs/docsite/rst/awx.rst": "tests/awx/test_page.py",
    "docs/docsite/rst/testing.rst": "tests/unit/test_docs_testing.py",
    "extensions/awx/README.md": "tests/awx/test_page.py",
    "extensions/execution-environment/README.md": "tests/package/test_execution_environment.py",
}
_FENCED = re.compile(r"^```(?P<language>\w*)(?P<options>)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^( *)\.\. code-block:: (?P<language>\w+)\n(?P<options>(?:\1 {3,}:\w+:.*\n)*)\n(?P<text>(?:\1 {3,}.*\n|\n)+)", re.MULTILINE)
_CAPTION = re.compile(r":caption: (.+)")


class _Loader(yaml.SafeLoader):
    """Reads Ansible's tags, too: what they mark is text."""


_Loader.add_multi_constructor("!", lambda loader, _suffix, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Block:
    """An example. document: the file, relative to the repository; caption: what a page shows above the block."""

    document: str
    line: int
    language: str
    text: str
    caption: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def data(self) -> Any:
        """The YAML of the block, parsed; of an inventory plugin's examples, all of its documents, of which all but one are commented out."""
        first, *others = re.split(r"(?m)^# ---\n", self.text)
        found = [yaml.load(text, _Loader) for text in (first, *(re.sub(r"(?m)^# ?", "", other) for other in others))]
        return found[0] if len(found) == 1 else found

    @property
    def commands(self) -> list[str]:
        """The commands of a shell's block, one of several lines as one, without comments."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [command for line in lines if (command := re.sub(r"(^|\s)#.*", "", line).strip())]


@lru_cache
def blocks() -> list[Block]:
    """All examples."""
    found = [block for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern)) for block in blocks_of(path)]
    return found + [block for pattern in PLUGINS for path in sorted(ROOT.glob(pattern)) for block in _of_plugin(path)]


def blocks_of(path: Path) -> Iterator[Block]:
    """The examples of a README file or a page."""
    text = path.read_text(encoding="utf-8")
    for found in (_FENCED if path.suffix == ".md" else _DIRECTIVE).finditer(text):
        line, caption = text.count("\n", 0, found.start()) + 1, _CAPTION.search(found["options"])
        yield Block(str(path.relative_to(ROOT)), line, found["language"], dedent(found["text"]).strip("\n") + "\n", caption[1] if caption else "")


def _of_plugin(path: Path) -> Iterator[Block]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES":
            yield Block(str(path.relative_to(ROOT)), node.lineno, "yaml", ast.literal_eval(node.value))


def module_in(task: Mapping[str, Any]) -> str:
    """The name of the module that a task runs; empty for what is no task."""
    return next((name for name in task if name.startswith((COLLECTION, BUILTIN))), "")


def tasks_of(block: Block) -> list[Mapping[str, Any]]:
    """The tasks of an example: a list of them, or those of its plays."""
    listed = block.data if block.language == "yaml" and isinstance(block.data, list) else []
    tasks = [task for item in listed for task in (item.get("tasks", []) if "hosts" in item else [item])]
    return [task for task in tasks if module_in(task)]


def tasks_with(module: str) -> list[tuple[Block, Mapping[str, Any]]]:
    """Every task that runs a module, with its example; without the documents that RUN_BY names."""
    return [(block, task) for block in blocks() if block.document not in RUN_BY for task in tasks_of(block) if module_in(task) == module]


class Secret(Undefined):
    """A variable that only the reader can define."""

    def __str__(self) -> str:
        if not str(self._undefined_name).startswith(("vault_", "immuta_")):
            self._fail_with_undefined_error()
        return "s3cret"


def fill(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with its templates filled in, and with the test's folder in the place of the examples' own."""
    if isinstance(value, Mapping):
        return {name: fill(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    if not isinstance(value, str):
        return value
    filled = NativeEnvironment(undefined=Secret).from_string(value).render(known) if "{{" in value else value
    filled = str(filled) if isinstance(filled, Secret) else filled
    return FOLDERS.sub(str(known["folder"]), filled) if isinstance(filled, str) else filled
