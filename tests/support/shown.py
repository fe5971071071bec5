# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example that the documentation shows: the blocks of code in README files and pages, and the EXAMPLES of plugins."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("*.md", "docs/*.md", "docs/docsite/rst/*.rst", "roles/*/README.md", "extensions/**/README.md")
PLUGINS = ("plugins/modules/*.py", "plugins/lookup/*.py", "plugins/inventory/*.py")
#: documents whose blocks a test of their own runs as they stand
RUN_BY = {
    "docs/add_a_platform.md": "tests/unit/test_worked_example.py",
    "docs/docsite/rst/awx.rst": "tests/awx/test_page.py",
    "docs/docsite/rst/testing.rst": "tests/unit/test_docs_testing.py",
    "extensions/awx/README.md": "tests/awx/test_page.py",
    "extensions/execution-environment/README.md": "tests/package/test_execution_environment.py",
}
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^( *)\.\. code-block:: (\w+)\n(?:\1 {3,}:\w+:.*\n)*\n((?:\1 {3,}.*\n|\n)+)", re.MULTILINE)


class _Loader(yaml.SafeLoader):
    """Reads Ansible's tags, too: what they mark is text."""


_Loader.add_multi_constructor("!", lambda loader, _suffix, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Block:
    """An example. document: the file, relative to the repository."""

    document: str
    line: int
    language: str
    text: str

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
    found = [block for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern)) for block in _of_document(path)]
    return found + [block for pattern in PLUGINS for path in sorted(ROOT.glob(pattern)) for block in _of_plugin(path)]


def _of_document(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    pattern, last = (_FENCED, 2) if path.suffix == ".md" else (_DIRECTIVE, 3)
    for found in pattern.finditer(text):
        yield Block(str(path.relative_to(ROOT)), text.count("\n", 0, found.start()) + 1, found[last - 1], dedent(found[last]))


def _of_plugin(path: Path) -> Iterator[Block]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES":
            yield Block(str(path.relative_to(ROOT)), node.lineno, "yaml", ast.literal_eval(node.value))
