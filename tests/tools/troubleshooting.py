# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/docsite/rst/troubleshooting.rst: every message of the collection, in the families that docs/docsite/troubleshooting.yml describes.

Run it after a change of a message or of that file: ``.venv/bin/python tests/tools/troubleshooting.py``. It reads the source of the plugins, roles and
playbooks, and runs none of it. A message without a family, or with two, is an error, and so is a line of a family that fits no message.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
FAMILIES = ROOT / "docs" / "docsite" / "troubleshooting.yml"
PAGE = ROOT / "docs" / "docsite" / "rst" / "troubleshooting.rst"

# Calls, beside those of the error classes, whose first argument a user reads.
SHOWS = {"warn", "_warn", "bad", "NoAnswer", "unclosed_error", "ValueError"}
# Messages that are put together from parts, or that ansible-core words. A test compares them with what the code returns.
COMPOSED = {
    "library": "Failed to import the required Python library (<library>) on <host>'s Python <interpreter>.",
    "request": "<method> <path> failed: HTTP <status> <reason>: <message>.",
    "statement": "Statement <number> (<verb>) on line <line> failed: <code>: <message>.",
}
# A text of so many words that ends with a period is a message, wherever it is made.
WORDS = 4
FILLED_IN = re.compile(r"<(\w+)>|\{(\w+)\}|\{\{.*?\}\}", re.S)
TASKS = ("msg", "fail_msg")
# These hold the descriptions of options, and no message.
DESCRIPTIONS = {"platforms.py", "technologies.py"}


@dataclass(frozen=True, order=True)
class Message:
    """A template, in which C(<folder>) stands for what is filled in. place: the file that makes it."""

    text: str
    place: str

    @property
    def words(self) -> str:
        """The text with the same sign for everything that is filled in, so that the name of a variable does not matter."""
        return FILLED_IN.sub("…", self.text)

    def has(self, words: str) -> bool:
        """Return whether the words are in the message or, after an equals sign, are the message."""
        return words[1:] == self.words if words.startswith("=") else words in self.words


def messages() -> set[Message]:
    """Return every message of the plugins, roles and playbooks."""
    files = [path for path in PLUGINS.rglob("*.py") if path.parent.name not in ("modules", "doc_fragments") and path.name not in DESCRIPTIONS]
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    shows, shared = SHOWS | error_classes(trees.values()), constants(*trees.values())
    found = set()
    for path, tree in trees.items():
        texts = Texts(shows, shared | constants(tree))
        found |= {Message(" ".join(text.split()), str(path.relative_to(ROOT))) for text in texts.of(tree)}
    for path in [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")]:
        found |= {Message(" ".join(text.split()), str(path.relative_to(ROOT))) for text in texts_of_tasks(yaml.safe_load(path.read_text(encoding="utf-8")))}
    return found | {Message(text, "tests/tools/troubleshooting.py") for text in COMPOSED.values()}


def error_classes(trees: Any) -> set[str]:
    """Return the names of ImmutaError and of all classes below it."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found = {"ImmutaError"}
    while more := {node.name for node in classes if found & set(map(name_of, node.bases))} - found:
        found |= more
    return found


def constants(*trees: ast.Module) -> dict[str, ast.expr]:
    """Return the texts that files give a name in capitals, by that name."""
    assigned = [node for tree in trees for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, (ast.Constant, ast.JoinedStr))]
    return {ast.unparse(node.targets[0]): node.value for node in assigned if not isinstance(getattr(node.value, "value", ""), (int, float))}


def name_of(expression: ast.expr) -> str:
    return ast.unparse(expression).rpartition(".")[2]


class Texts:
    """Finds the messages in a syntax tree."""

    def __init__(self, shows: set[str], constants: Mapping[str, ast.expr]) -> None:
        self._shows = shows
        self._constants = constants

    def of(self, node: ast.AST, shown: bool = False) -> Iterator[str]:
        """Yield the messages below a node. shown: whether the node is what a call shows."""
        if is_no_message(node):
            return
        if isinstance(node, (ast.JoinedStr, ast.Constant)):
            text = self._template(node)
            words = len(re.findall(r"[A-Za-z]{2,}", FILLED_IN.sub("", text)))
            if (words and " " in text) if shown else words >= WORDS and text.rstrip().endswith("."):
                yield text
        first = node.args[0] if isinstance(node, ast.Call) and node.args and name_of(node.func) in self._shows else None
        # Only a call has a first argument, so that this is one
        for child in [first] if first and name_of(node.func) == "NoAnswer" else ast.iter_child_nodes(node):  # type: ignore[attr-defined]
            inside = shown and not isinstance(node, (ast.Call, ast.JoinedStr, ast.FormattedValue))
            if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
                yield from self.of(child, child is first or inside)

    def _template(self, text: ast.expr) -> str:
        """Return the literal parts of a text, with a name in angle brackets for each other part. Empty for what is no text."""
        if isinstance(text, ast.JoinedStr):
            return "".join(map(self._template, text.values))
        if isinstance(text, ast.FormattedValue):
            constant = self._constants.get(ast.unparse(text.value))
            return self._template(constant) if constant else f"<{variable(text.value)}>"
        return text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""


def is_no_message(node: ast.AST) -> bool:
    """Return whether a node is a docstring or a hint: a hint follows a message, and says itself what to do."""
    if isinstance(node, ast.keyword):
        return node.arg == "hint"
    if isinstance(node, ast.FunctionDef):
        return "hint" in node.name
    if isinstance(node, ast.Assign):
        return "hint" in ast.unparse(node.targets[0]).lower()
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def variable(part: ast.AST) -> str:
    """Return a name for what an expression fills in: C(folder) for C(desired.folder) and for C(found["folder"]), C(names) for C(', '.join(names))."""
    for node in ast.walk(part):
        if isinstance(node, ast.Constant) and re.fullmatch(r"[A-Za-z_]+", str(node.value)):
            return str(node.value)
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name and name not in ("join", "get", "rstrip", "self", "str", "sorted", "count", "len", "repr"):
            found = [child.value for child in ast.walk(part) if isinstance(child, ast.Constant) and re.fullmatch(r"[A-Za-z_]{2,}", str(child.value))]
            return str(found[0]) if len(found) == 1 else name.strip("_").lower()
    return "value"


def texts_of_tasks(value: Any) -> Iterator[str]:
    """Yield what the tasks of a file say when they fail."""
    for item in value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []:
        for name, below in item.items() if isinstance(item, Mapping) else ():
            if name in ("ansible.builtin.fail", "ansible.builtin.assert"):
                yield from (below[key] for key in TASKS if key in below)
            elif isinstance(below, list):
                yield from texts_of_tasks(below)


# --- the page


def families() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = yaml.safe_load(FAMILIES.read_text(encoding="utf-8"))["families"]
    return listed


def sort_out(found: set[Message], listed: list[dict[str, Any]]) -> tuple[dict[str, list[Message]], list[str]]:
    """Return the messages of each family by its title, and what is wrong, one line for each problem."""
    fits = {message: [family["title"] for family in listed if any(message.has(words) for words in family["messages"])] for message in found}
    problems = [f"{len(titles) or 'no'} families for: {message.words} ({message.place}) {titles}" for message, titles in fits.items() if len(titles) != 1]
    lines = [(family["title"], words) for family in listed for words in family["messages"]]
    problems += [f"{title}: no message contains: {words}" for title, words in lines if not any(message.has(words) for message in found)]
    return {family["title"]: sorted(message for message, titles in fits.items() if family["title"] in titles) for family in listed}, sorted(problems)


def page(by_family: Mapping[str, list[Message]], listed: list[dict[str, Any]]) -> str:
    """Return the page."""
    parts = [yaml.safe_load(FAMILIES.read_text(encoding="utf-8"))["page"].rstrip()]
    for family in listed:
        if family.get("hidden"):
            continue
        title = family["title"]
        shown = sorted({in_rst(message.text) for message in by_family[title]})
        body = [wrapped(family["cause"]), wrapped(f"**What to do.** {family['do']}"), "\n".join(wrapped(f"* {text}", "  ") for text in shown)]
        parts.append("\n".join([title, "-" * len(title), "", "\n\n".join(body)]))
    return "\n\n\n".join(parts) + "\n"


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 150, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def in_rst(text: str) -> str:
    """Return a template as it stands in the page: plain words, and in italics what is filled in."""
    parts = FILLED_IN.split(re.sub(r"([*`|\\])|_(?!\w)", lambda found: f"\\{found[0]}", text).strip())
    words = [re.sub(r"<(?=>)|(?<=<)>", "", part) for part in parts[::3]]
    names = [(first or second or "value").replace("_", " ") for first, second in zip(parts[1::3], parts[2::3], strict=True)]
    together = words[0] + "".join(f"\\ *{name}*\\ {after}" for name, after in zip(names, words[1:], strict=True))
    return re.sub(r"^\\ |\\ $", "", together.replace(" \\ *", " *").replace("*\\  ", "* ")).strip()


def main() -> int:
    listed = families()
    by_family, problems = sort_out(messages(), listed)
    if problems:
        print("\n".join(problems))
        return 1
    PAGE.write_text(page(by_family, listed), encoding="utf-8")
    print(f"{sum(map(len, by_family.values()))} messages in {len(listed)} families. The page is {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
