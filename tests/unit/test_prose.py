# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the English finds each kind of problem, in each kind of file, and nothing in code."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import prose

BAD = "The lock has it that the run is dead."
LONG = " ".join(["word"] * (prose.LONGEST + 1)) + "."


def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> list[str]:
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [problem for each in prose.texts(name) for problem in prose.problems(name, *each)]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Use a key, e.g. this one.", "for example"),
        ("Please wait.", "delete it"),
        ("It works!", "period"),
        (BAD, "says"),
        ("This is to be done first.", "active voice"),
        ("It was done by\nhand.", "manually"),
        ("The colour of the behaviour.", "color"),
        ("It initialises and synchronised.", "-ize"),
        (LONG, "two sentences"),
    ],
)
def test_each_kind_of_rule_goes_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, advice: str) -> None:
    problems = found(tmp_path, monkeypatch, "page.md", f"# Title\n\n{text}\n")
    assert problems and problems[0].startswith("page.md:3: ") and advice in problems[0]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("page.rst", f"Title\n=====\n\n* One.\n* {BAD}\n", 5),
        ("fragment.yml", f"---\nbugfixes:\n  - module - {BAD}\n", 3),
        ("tasks.yml", f"---\n# {BAD}\n- name: Wait\n", 2),
        ("module.py", f'DOCUMENTATION = """\noptions:\n  key:\n    description: {BAD}\n"""\n', 4),
        ("docstring.py", f'def f():\n    """Return.\n\n    {BAD}\n    """\n', 4),
        ("comment.py", f"x = 1  # {BAD}\n", 1),
        ("message.py", f'raise ValueError(f"{{x}}: {BAD}")\n', 1),
    ],
)
def test_each_kind_of_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, line: int) -> None:
    assert [problem.split(" ")[0] for problem in found(tmp_path, monkeypatch, name, text)] == [f"{name}:{line}:"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "```sh\n# please\n```\n\nThe value `colour` stays.\n"),
        ("page.rst", "Run:\n\n.. code-block:: shell\n\n    run please\n\nThe value ``colour`` stays.\n"),
        ("page.py", f"SQL = '{LONG}'\n"),
        ("short.md", " ".join(["word"] * prose.LONGEST) + ". It says so. There is no name.\n"),
    ],
)
def test_code_and_good_prose_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    assert found(tmp_path, monkeypatch, name, text) == []


def test_exceptions_are_few_used_and_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(prose.EXCEPTIONS) <= 6 and all(len(reason) > 20 for reason in prose.EXCEPTIONS.values())
    excepted = dict(prose.EXCEPTIONS)
    monkeypatch.setattr(prose, "EXCEPTIONS", {})
    for path, phrase in excepted:
        assert [problem for each in prose.texts(path) for problem in prose.problems(path, *each) if f'"{phrase}"' in problem]
