# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check finds a planted fault. The faults are planted together in one copy of the repository, and each check has to name its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tools.checks.commands import ROOT, copy_to, tracked

# Written so that this file does not hold it itself
LICENSED = "SPDX-License" + "-Identifier: GPL-3.0-or-later\n"
#: (check, file, text that is there, text instead), and what the check says about it. Without a text that is there, the new one is appended.
PLANTED = {
    ("ruff", "plugins/module_utils/_core/names.py", "", "import os\n"): r"unused-import|F401",
    ("mypy", "plugins/module_utils/_core/names.py", "", "_WRONG: int = ''\n"): r"names\.py:\d+: error: Incompatible types",
    ("yamllint", "meta/runtime.yml", "", "key:    value\n"): r"too many spaces after colon",
    ("shellcheck", ".ci/run", "", "echo $unquoted\n"): r"SC2086",
    ("changelog", "changelogs/fragments/planted.yml", "", "nonsense: [a word]\n"): r"planted\.yml.*nonsense",
    ("prose", "SECURITY.md", "", "\nUtilise it.\n"): r"SECURITY\.md:\d+: \"Utilise\"",
    ("docs", "plugins/modules/immuta_report.py", "short_description: ", "short_description: O(planted) "): r"immuta_report.*planted",
    ("ansible-lint", "playbooks/sync.yml", "- name: ", "- name: lower case "): r"name\[casing\]",
    ("tarball", "planted.txt", "", LICENSED): r"the tarball holds \['planted\.txt'\]",
    ("importer", "galaxy.yml", "  - cloud\n  - database\n  - security\n", ""): r"At least one tag required",
    ("nox", "plugins/module_utils/_core/lock.py", "", "\n# white space \n"): r"lock\.py[\s\S]*trailing whitespace",
    ("nox", "plugins/module_utils/_core/files.py", "", "\n# a\ttab\n"): r"files\.py[\s\S]*tab",
    ("nox", "plugins/modules/planted.md", "", LICENSED): r"planted\.md[\s\S]*extension must be one of",
    ("nox", "meta/runtime.yml", "    - immuta_tenant_info\n", ""): r"'immuta_tenant_info' is not part of 'all' action group",
    ("nox", "docs/planted.md", "", "No license\n"): r"no licensing information:[\s\S]*\* docs/planted\.md",
}
QUICK = {"ruff", "shellcheck", "changelog", "nox"}


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the repository with all faults."""
    copy = copy_to(tmp_path_factory.mktemp("spoiled"))
    link = copy / ".venv" / "collections" / "ansible_collections" / "community" / "immuta"
    link.parent.mkdir(parents=True)
    link.symlink_to(copy)
    for _check, name, there, instead in PLANTED:
        path = copy / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        assert there in text
        path.write_text(text.replace(there, instead, 1) if there else text + instead, encoding="utf-8")
    author = ["-c", "user.name=A test", "-c", "user.email=test@example.com"]
    for command in (["init", "--quiet"], ["add", "--all"], [*author, "commit", "--quiet", "--message", "Faults"]):
        subprocess.run(["git", *command], cwd=copy, check=True)
    yield copy


def complaints(copy: Path, checks: list[str]) -> dict[str, str]:
    """Run checks of a copy and return what each one printed."""
    command = [sys.executable, "-m", "tools.checks", *checks]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=copy / "tests", env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 1, done.stdout
    return dict(re.findall(r"^=== (\S+)\n([\s\S]*?)(?=^===|\Z)", done.stdout, re.MULTILINE))


def assert_each_check_names_its_faults(copy: Path, checks: list[str]) -> None:
    printed = complaints(copy, checks)
    missed = {(check, name): printed[check] for (check, name, *_texts), words in PLANTED.items() if check in checks and not re.search(words, printed[check])}
    assert not missed, "\n".join(missed.values())


def test_no_finding_of_a_linter_is_excused() -> None:
    """No rule is off and no file is left out but what tools create; a comment that excuses a line of YAML would hide it."""
    settings = yaml.safe_load((ROOT / ".ansible-lint").read_text(encoding="utf-8"))
    assert (settings["profile"], settings["skip_list"], settings["warn_list"]) == ("production", [], [])
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert set(settings["exclude_paths"]) <= set(ignored)
    names = [name for name in tracked() if name.endswith((".yml", ".yaml"))]
    assert not [name for name in names if re.search(r"# *noqa|yamllint disable", (ROOT / name).read_text(encoding="utf-8"))]
    assert not [name for name in tracked() if "ansible-lint-ignore" in name]


def test_quick_checks_find_planted_faults(spoiled: Path) -> None:
    assert_each_check_names_its_faults(spoiled, sorted(QUICK))


@pytest.mark.all
def test_other_checks_find_planted_faults(spoiled: Path) -> None:
    assert_each_check_names_its_faults(spoiled, sorted({check for check, *_rest in PLANTED} - QUICK))
