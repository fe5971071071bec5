# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of error messages: it has every message that the code can show, and no other."""

from __future__ import annotations

import ast
import re

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import MissingLibrary, failure_text
from ansible_collections.community.immuta.plugins.module_utils._platform.messages import Failure
from tools import troubleshooting
from tools.troubleshooting import COMPOSED, FILLED_IN, PAGE, Message, Texts, families, in_rst, messages, page, sort_out

FOUND = messages()
LISTED = families()
CODE = '''
"""A docstring is no message at all."""
FOLDER = "immuta_folder"

def f(self, path, names):
    if not path:
        raise OptionError("path is empty", hint="This hint is not a message at all.")
    warn(f"{FOLDER} lacks {', '.join(names)}")
    hint = "This is a hint as well, with a period."
    reasons = ((path, "This reason is raised further below."), (path, "too short."))
    log("This is shown to nobody")
    raise OptionError(f"{reasons[path]} Nothing has been done." if path else "no path given")
'''


def test_every_message_has_its_family_and_every_line_of_a_family_its_message() -> None:
    _by_family, problems = sort_out(FOUND, LISTED)
    assert problems == []


def test_the_page_is_what_the_messages_make_of_it() -> None:
    by_family, _problems = sort_out(FOUND, LISTED)
    assert PAGE.read_text(encoding="utf-8") == page(by_family, LISTED), "run .venv/bin/python tests/tools/troubleshooting.py"


def test_each_kind_of_message_is_found_and_nothing_else() -> None:
    tree = ast.parse(CODE)
    texts = Texts({"OptionError", "warn"}, troubleshooting.constants(tree))
    assert set(texts.of(tree)) == {
        "path is empty",
        "immuta_folder lacks <names>",
        "This reason is raised further below.",
        "<reasons> Nothing has been done.",
        "no path given",
    }


def test_a_new_message_a_message_of_two_families_and_a_line_without_message_are_problems() -> None:
    listed = [{"title": "one", "messages": ["path is", "is gone"]}, {"title": "two", "messages": ["is empty"]}]
    found = {Message("path is empty", "a.py"), Message("<name> is new", "b.py")}
    assert sort_out(found, listed)[1] == [
        "2 families for: path is empty (a.py) ['one', 'two']",
        "no families for: … is new (b.py) []",
        "one: no message contains: is gone",
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("library", str(MissingLibrary("pymssql"))),
        ("request", failure_text("PUT", "/integrations/7", 400, {"message": "no such role"})),
        ("statement", Failure("t", "a", "m", statement={"number": 3, "verb": "CREATE USER", "line": 9, "code": "42710", "message": "it exists"}).cause),
    ],
)
def test_a_message_that_is_put_together_reads_as_the_page_says(kind: str, text: str) -> None:
    fixed = [re.escape(part) for part in FILLED_IN.split(COMPOSED[kind])[::3]]
    assert re.match(".+".join(fixed), text)


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("<path> is empty.", "*path* is empty."),
        ("login.<option>: no", "login.\\ *option*\\ : no"),
        ("a_ *b* {folder}", "a\\_ \\*b\\* *folder*"),
    ],
)
def test_a_template_is_plain_text_on_the_page(template: str, shown: str) -> None:
    assert in_rst(template) == shown
