# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the repository in which commands run as in the repository itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools.checks.commands import ROOT, clean_environment, copy_to


def copy_repository(folder: Path) -> Path:
    """Return a copy with the programs of .venv, and with itself on its collections path."""
    place = copy_to(folder)
    subprocess.run(["git", "init", "--quiet"], cwd=place, check=True)
    link = place / ".venv" / "collections" / "ansible_collections" / "community" / "immuta"
    link.parent.mkdir(parents=True)
    link.symlink_to(place)
    for name in ("bin", "lib", "pyvenv.cfg"):
        (place / ".venv" / name).symlink_to(ROOT / ".venv" / name)
    return place


def shell(copy: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of bash in the copy."""
    return subprocess.run(["bash", "-eu", "-c", script], cwd=copy, env=clean_environment(), capture_output=True, text=True, check=False)
