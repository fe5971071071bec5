# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open every page of .build/site in headless Chromium on a desktop and on a phone: widths.py [PAGE ...], where PAGE is one to photograph."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / ".venv" / "collections")]

from report.__main__ import BUILD, chromium, packages  # noqa: E402  # the path above has to come first

if __name__ == "__main__":
    BUILD.mkdir(parents=True, exist_ok=True)
    packages()
    node = [shutil.which("node") or "node", Path(__file__).with_suffix(".cjs"), BUILD, ROOT / ".build" / "site", chromium()]
    sys.exit(subprocess.run([*node, *sys.argv[1:]], check=False).returncode)
