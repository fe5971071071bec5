# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run as Ansible runs them: the arguments on standard input, one JSON object back."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible.module_utils.common.parameters import PASS_VARS
from tools.checks.commands import kept_environment

from .core import MODULES_PYTHON

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".venv" / "collections"
MODULES = ROOT / "plugins" / "modules"
COMPILED = Path(__file__).parent / "site" / "sitecustomize.py"

#: where a module tells ansible-core 2.22 and later what to hide. The controller takes it out of the result, async_wrapper keeps it in the job's own file
FOR_THE_CONTROLLER = "_ansible_new_secrets"
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
    (place / "sitecustomize.py").write_text(SYSLOG + COMPILED.read_text(encoding="utf-8"), encoding="utf-8")
    lines = place / "lines"
    lines.touch()
    return {"PYTHONPATH": str(place), "SYSLOG_LINES": str(lines)}, lines


class Door:
    """Runs modules as Ansible does, each in a fork of one process that has imported them: a tenth of what a process of its own costs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        environment, self._lines = recording_syslog(folder)
        self._environment = {name: value for name, value in kept_environment().items() if "proxy" not in name.lower()}
        self._environment |= {**environment, "PYTHONPATH": f"{environment['PYTHONPATH']}{os.pathsep}{COLLECTIONS}"}
        forks = Path(__file__).with_name("forks.py")
        self._process = subprocess.Popen(
            [MODULES_PYTHON, forks, MODULES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment, text=True, cwd=folder
        )

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(120)
        self._process.stdout.close()

    def run(
        self,
        module: str | Path,
        arguments: Mapping[str, Any],
        *,
        check: bool = False,
        environment: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        cwd: Path | None = None,
    ) -> Reply:
        """What a module of the collection, or any file, gave. Raises AssertionError when that is no JSON."""
        given, out, err = (self._folder / name for name in ("given", "out", "err"))
        # An older ansible-core does not know every setting
        internal = {f"_ansible_{name}": value for name, value in {"check_mode": check, **(settings or {})}.items() if name in PASS_VARS}
        given.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **internal}}), encoding="utf-8")
        before = len(self._lines.read_text(encoding="utf-8"))
        path = module if isinstance(module, Path) else MODULES / f"{module}.py"
        job = {"module": str(path), "files": [str(given), str(out), str(err)], "environment": {**self._environment, **(environment or {})}}
        assert self._process.stdin and self._process.stdout
        print(json.dumps({**job, "cwd": str(cwd or self._folder)}), file=self._process.stdin, flush=True)
        ended = self._process.stdout.readline()
        printed, complaint = out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        try:
            result = json.loads(printed)
        except ValueError:
            raise AssertionError(f"no JSON came back, status {ended.strip()}:\n{printed}\n{complaint}") from None
        if result.pop(FOR_THE_CONTROLLER, None):
            printed = json.dumps(result)
        return Reply(result, f"{printed}\n{complaint}", self._lines.read_text(encoding="utf-8")[before:])


@cache
def _door() -> Door:
    folder = TemporaryDirectory(prefix="modules")
    door = Door(Path(folder.name))
    atexit.register(folder.cleanup)
    atexit.register(door.close)
    return door


def run_module(module: str | Path, arguments: Mapping[str, Any], folder: Path, **how: Any) -> Reply:
    """Run a module of the collection by its name, or any file, in a folder. how: see Door.run; settings are what Ansible adds, without C(_ansible_)."""
    return _door().run(module, arguments, cwd=folder, **how)
