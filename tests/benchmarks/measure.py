# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of ansible-playbook, or of a script, costs: wall seconds, requests to the tenant, peak memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from immuta_simulator import Simulator
from support.core import PYTHON
from support.playbook import ROOT, Run, run_playbook

PEAK = Path(__file__).with_name("peak.py")
#: without what tests share between runs to save time, as users do not have that
CONFIGURATION = {"ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.example.cfg"), "MADE_MODULES": "", "PYTHONPATH": ""}
HOUR = 3600


@dataclass(frozen=True)
class Cost:
    """seconds: the median of the repeats. requests: those of one run. megabytes: the peak of its largest process."""

    seconds: float
    requests: int
    megabytes: float


class Bench:
    """A tenant, and a folder for what the runs need."""

    def __init__(self, tenant: Simulator, folder: Path) -> None:
        self.tenant = tenant
        self.folder = folder
        self._peaks = folder / "peaks"

    def localhost(self, **variables: Any) -> dict[str, Any]:
        return {"all": {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": PYTHON, **variables}}}}

    def play(self, task: Mapping[str, Any], variables: Mapping[str, Any] | None = None) -> Path:
        """A playbook of one task on localhost, with the tenant in C(module_defaults)."""
        defaults = {"group/community.immuta.all": {"url": self.tenant.url, "api_key": self.tenant.api_key}}
        play = {"hosts": "localhost", "gather_facts": False, "vars": dict(variables or {}), "module_defaults": defaults, "tasks": [task]}
        playbook = self.folder / "play.yml"
        playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
        return playbook

    def ansible(self, playbook: str | Path, inventory: Mapping[str, Any], *arguments: str, repeats: int, expect_changed: int = 0) -> Cost:
        """The cost of ansible-playbook. Ends the benchmark if a run fails, or changes something where nothing is to be changed."""
        command = (PYTHON, str(PEAK), str(self._peaks), PYTHON, "-m", "ansible", "playbook")

        def once() -> None:
            done = run_playbook(playbook, inventory, self.folder, *arguments, environment=CONFIGURATION, command=command, seconds=HOUR)
            self._check(done, expect_changed)

        return self._cost(once, repeats)

    def script(self, path: Path, *arguments: str, repeats: int) -> Cost:
        """The cost of a Python script."""
        command = [sys.executable, str(PEAK), str(self._peaks), sys.executable, str(path), self.tenant.url, self.tenant.api_key, *arguments]
        return self._cost(lambda: subprocess.run(command, check=True), repeats)

    def module_megabytes(self, task: Mapping[str, Any], variables: Mapping[str, Any] | None = None) -> float:
        """The peak memory of a task's module alone, without that of ansible-playbook."""
        interpreter, peaks = self.folder / "python", self.folder / "module-peaks"
        interpreter.write_text(f'#!/bin/sh\nexec {PYTHON} -I {PEAK} {peaks} {PYTHON} "$@"\n', encoding="ascii")
        interpreter.chmod(0o700)
        peaks.unlink(missing_ok=True)
        inventory = self.localhost(ansible_python_interpreter=str(interpreter))
        self._check(run_playbook(self.play(task, variables), inventory, self.folder, environment=CONFIGURATION), 0)
        return megabytes(peaks)

    def _cost(self, once: Callable[[], object], repeats: int) -> Cost:
        self._peaks.unlink(missing_ok=True)
        taken = []
        for _unused in range(repeats):
            self.tenant.clear_log()
            started = time.monotonic()
            once()
            taken.append(time.monotonic() - started)
        return Cost(statistics.median(taken), len(self.tenant.requests()), megabytes(self._peaks))

    @staticmethod
    def _check(done: Run, expect_changed: int) -> None:
        changed = sum(event["stats"]["changed"] for event in done.events if "stats" in event)
        if done.rc or changed != expect_changed:
            raise SystemExit(f"{done.output[-5000:]}\nThe run ended with status {done.rc} and {changed} changes, {expect_changed} expected.")


def megabytes(peaks: Path) -> float:
    """The largest of the peaks in a file that peak.py wrote, in MiB."""
    return max(map(int, peaks.read_text(encoding="ascii").split())) / 1024


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    width = max(len(title), *(len(row[0]) for row in rows))
    print(f"\n{title:<{width}} " + " ".join(f"{column:>13}" for column in columns))
    for first, *others in rows:
        print(f"{first:<{width}} " + " ".join(f"{other:>13}" for other in others), flush=True)
