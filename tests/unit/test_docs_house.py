# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the packages shows the folders that exist and the imports in their files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import house
from tools.house import PICTURE, PLUGINS, USERS, arrows, below, draw, floors, imports

GRAPH = imports()


def test_the_picture_is_drawn_from_the_code() -> None:
    assert PICTURE.read_text(encoding="utf-8") == draw(), "run .venv/bin/python tests/tools/house.py"


def test_the_boxes_are_the_folders() -> None:
    drawn = set(re.findall(r'font-weight="bold">([^<]+)<', PICTURE.read_text(encoding="utf-8")))
    folders = {path.parent.name for path in (PLUGINS / "module_utils").glob("*/*.py")}
    assert drawn == folders | {USERS}
    assert all((PLUGINS / name).is_dir() for name in USERS.split(", "))


def test_every_arrow_points_down_and_together_they_show_every_import() -> None:
    shown = arrows(GRAPH)
    number = {name: floor for floor, row in enumerate(floors(GRAPH)) for name in row}
    assert all(number[name] < number[to] for name, to in shown)
    drawn = {name: {to for other, to in shown if other == name} for name in GRAPH}
    assert {name: below(name, drawn) for name in GRAPH} == {name: below(name, GRAPH) for name in GRAPH}


def test_an_import_is_seen_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "PLUGINS", tmp_path)
    sources = {
        "module_utils/_sql/runner.py": "def f():\n    from .._core.errors import SqlError\n    from .splitter import split\n",
        "module_utils/_fleet/plan.py": "from .. import _sql\n",
        "modules/immuta_x.py": "from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run\nimport json\n",
        "doc_fragments/x.py": "from ..module_utils._core import y\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert house.imports() == {"_sql": {"_core"}, "_fleet": {"_sql"}, USERS: {"_ansible"}}
