# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader follows the page "Getting started without a tenant", or the first lines of README, word for word.

Only the installation is replaced by what is installed here.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.shown import ROOT, Block, blocks
from tools.checks.commands import clean_environment

PAGE = "docs/docsite/rst/getting_started.rst"
README = next(block for block in blocks() if block.document == "README.md" and "immuta_simulator start" in block.text)
INSTALL, *STEPS = [block for block in blocks() if block.document == PAGE]


def script(block: Block) -> str:
    """What the reader does with a block: save it under the name in its first line, or type it."""
    if block.language != "yaml":
        return block.text
    name = block.text.splitlines()[0].removeprefix("# ")
    return f"cat >{name} <<'END'\n{block.text}\nEND\n"


def test_the_page_installs_first_and_then_names_its_files() -> None:
    assert "pip install" in INSTALL.text and not [block for block in STEPS if "install" in block.text]
    assert [block.text.splitlines()[0] for block in STEPS if block.language == "yaml"] == ["# inventory.yml"]


def followed(steps: str, folder: Path) -> str:
    """Run the steps in an empty folder and return what they print."""
    (folder / "collections").symlink_to(ROOT / ".venv" / "collections")
    environment = {
        **clean_environment(),
        "PYTHONPATH": str(ROOT / "extensions" / "simulator"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        ["sh", "-c", f"set -eu\n{steps}"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_readme_leads_to_a_first_result(tmp_path: Path) -> None:
    install, *steps = README.text.splitlines()
    assert install.startswith("pip install")
    diff, check, run = followed("\n".join(steps), tmp_path).split("localhost | CHANGED =>")
    assert '+    "type": "Trino"' in diff
    assert '"status": "passed"' in check and '"action": "created"' in run


@pytest.mark.all
def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    text = followed("\necho @@@\n".join(map(script, STEPS)), tmp_path)
    address, _saved, applied, drift, _end = text.split("@@@\n")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", address)
    preview, first, second = applied.split("PLAY [Register the data platforms]")[1:]
    assert "lake: created" in preview and "lake: created" in first and "changed=0" in second
    assert "lake: unchanged, unhealthy: status generationError" in drift and "The role cannot be assumed" in text
    assert drift.endswith("The platform needs attention\n")
