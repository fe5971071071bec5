# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/run prepare makes a release of a copy of the repository: one version everywhere, and a changelog."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.copies import copy_repository, shell
from tools.checks import prepare
from tools.checks.commands import ROOT, Failed
from tools.checks.prepare import renamed

OLD = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 0.1.0", "version: 0.2.0"),
        ('    version: ">=0.1.0"', '    version: ">=0.2.0"'),
        ("immuta_awx_playbooks_version: 0.1.0", "immuta_awx_playbooks_version: 0.2.0"),
        ('VERSION = "0.1.0"', 'VERSION = "0.2.0"'),
        ("`community.immuta:==0.1.0`", "`community.immuta:==0.2.0`"),
        ("community.immuta/0.1.0 (change)", "community.immuta/0.2.0 (change)"),
        ("community-immuta-0.1.0.tar.gz", "community-immuta-0.2.0.tar.gz"),
        ("version_added: 0.1.0", "version_added: 0.1.0"),
        ("somebody==0.1.0", "somebody==0.1.0"),
        ("version: 0.1.01", "version: 0.1.01"),
    ],
)
def test_the_version_of_the_collection_alone_is_replaced(before: str, after: str) -> None:
    assert renamed(before, "0.1.0", "0.2.0", released=True) == after


def test_what_a_version_added_that_was_never_released_is_new_in_this_one() -> None:
    assert renamed("version_added: 0.1.0", "0.1.0", "1.0.0", released=False) == "version_added: 1.0.0"


def test_a_stable_version_no_longer_excuses_changes() -> None:
    text = "It follows. Before 1.0.0 a minor version can change an option; the changelog lists all.\n"
    assert renamed(text, "0.1.0", "1.0.0", released=True) == "It follows.\n"
    assert renamed(text, "0.1.0", "0.2.0", released=True) == text


@pytest.mark.parametrize("version", ["", "1.0", "0.0.1", "v1.0.0"])
def test_a_wrong_version_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSION", version)
    monkeypatch.setattr(prepare, "texts", lambda: pytest.fail("something was changed"))
    with pytest.raises(Failed, match="set VERSION"):
        prepare.prepare()


@pytest.mark.all
def test_a_release_of_a_copy(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    new = f"{int(OLD.partition('.')[0]) + 1}.0.0"
    environment = f"export PYTHONPATH=$PWD/tests VERSION={new}"
    done = shell(
        copy, f"{environment}; .venv/bin/python -m tools.checks prepare && .venv/bin/antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    changelog = (copy / "CHANGELOG.rst").read_text(encoding="utf-8")
    assert f"v{new}\n" in changelog
    assert not list((copy / "changelogs" / "fragments").glob("*.yml"))
    again = shell(copy, f"{environment}; .venv/bin/python -m pytest -n 0 -p no:cacheprovider tests/unit/test_house.py -k 'version or readme'")
    assert again.returncode == 0, again.stdout
    named = shell(
        copy, f"git ls-files --others --exclude-standard | grep -Ev '^(tests/|changelogs/|CHANGELOG)' | xargs grep -nF {OLD} | grep -v version_added || true"
    )
    assert named.stdout == ""
    with_modules = changelog.partition("New Modules")[2]
    assert all(path.stem in with_modules for path in (ROOT / "plugins" / "modules").glob("*.py"))
