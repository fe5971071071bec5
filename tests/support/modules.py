# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run as Ansible runs them: a process of their own, the arguments on standard input, one JSON object back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .core import PYTHON

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".venv" / "collections"
MODULES = ROOT / "plugins" / "modules"

# Python runs it at its start: whatever a module sends to the system's log goes to a file instead
SYSLOG = """
import os, syslog
def record(*arguments):
    with open(os.environ["SYSLOG_LINES"], "a", encoding="utf-8") as stream:
        stream.write(f"{arguments[-1]}\\n")
syslog.syslog = record
syslog.openlog = lambda *arguments, **more: None
"""


@dataclass(frozen=True)
class Reply:
    """What a module gave: its result, all that it printed, what it sent to the system's log."""

    result: dict[str, Any]
    output: str
    log: str

    def __getitem__(self, key: str) -> Any:
        return self.result[key]


def recording_syslog(folder: Path) -> tuple[dict[str, str], Path]:
    """The environment in which Python sends syslog lines to a file, and that file."""
    place = folder / "syslog"
    place.mkdir(parents=True, exist_ok=True)
    (place / "sitecustomize.py").write_text(SYSLOG, encoding="utf-8")
    lines = place / "lines"
    lines.touch()
    return {"PYTHONPATH": str(place), "SYSLOG_LINES": str(lines)}, lines


def run_module(
    module: str | Path,
    arguments: Mapping[str, Any],
    folder: Path,
    *,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Reply:
    """Run a module of the collection by its name, or any file. settings: what Ansible adds to the arguments, without C(_ansible_)."""
    path = module if isinstance(module, Path) else MODULES / f"{module}.py"
    environment_of_log, lines = recording_syslog(folder)
    before = len(lines.read_text(encoding="utf-8"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "IMMUTA_"))}
    internal = {"_ansible_check_mode": check, **{f"_ansible_{name}": value for name, value in (settings or {}).items()}}
    done = subprocess.run(
        [PYTHON, str(path)],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}}),
        env={**kept, **environment_of_log, "PYTHONPATH": f"{environment_of_log['PYTHONPATH']}{os.pathsep}{COLLECTIONS}", **(environment or {})},
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
    )
    output = f"{done.stdout}\n{done.stderr}"
    try:
        result = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"no JSON came back:\n{output}") from None
    return Reply(result, output, lines.read_text(encoding="utf-8")[before:])
