# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of ansible-playbook, and what came of them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.checks.commands import kept_environment

from .core import PYTHON

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300
#: what ansible-core makes of a module to send it, and Python of that, which they would make anew in each run: here once for all runs of this process
_MADE = tempfile.TemporaryDirectory(prefix="made")


@dataclass(frozen=True)
class Run:
    """One run: its status, all that it printed, and the results of its tasks as callbacks see them."""

    rc: int
    output: str
    events: list[dict[str, Any]]

    def stats(self, host: str) -> dict[str, int]:
        return next(event["stats"] for event in self.events if "stats" in event and event["host"] == host)

    def changed(self, host: str) -> int:
        return self.stats(host)["changed"]

    def tasks(self, host: str, action: str = "", name: str = "", status: str = "") -> list[dict[str, Any]]:
        """The tasks that ran, or only those of an action (without its collection), a name's beginning, a status."""
        return [
            event
            for event in self.events
            if "task" in event
            and event["host"] == host
            and event["action"].endswith(action)
            and event["task"].startswith(name)
            and (event["status"] == status if status else event["status"] != "skipped")
        ]

    def result(self, host: str) -> dict[str, Any]:
        """The fact immuta_platform_result, as the role left it."""
        return self._results(host)[-1]

    def _results(self, host: str) -> list[dict[str, Any]]:
        found = [event["result"].get("ansible_facts", {}).get("immuta_platform_result") for event in self.tasks(host, "set_fact")]
        return [fact for fact in found if fact is not None]

    def fleet(self) -> dict[str, dict[str, Any]]:
        """What the task that planned all hosts together says of each; empty when there was none."""
        found = [event["result"]["platforms"] for event in self.events if event.get("action", "").endswith("immuta_fleet") and "platforms" in event["result"]]
        return dict(found[-1]) if found else {}

    def action(self, host: str) -> str:
        """What was done to a host, or would be: by the role, or else by the task that planned all hosts together; or that it failed."""
        if self._results(host):
            return "failed" if self.stats(host)["failures"] else str(self.result(host)["action"])
        planned = self.fleet()[host]
        return "failed" if planned["failed"] else str(planned["action"])

    def message(self, host: str) -> str:
        """The message of the task that failed last."""
        return str(self.tasks(host, status="failed")[-1]["result"]["msg"])


def run_playbook(
    playbook: str | Path,
    inventory: Mapping[str, Any],
    folder: Path,
    *arguments: str,
    extra: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = (PYTHON, "-m", "ansible", "playbook"),
    collections: Path = ROOT / ".venv" / "collections",
    seconds: float = SECONDS,
) -> Run:
    """Run a playbook (a path, or its name in a collection) in an empty directory under C(folder).

    inventory and extra variables are dictionaries; they are passed in files. Settings of the caller's environment that would steer
    Ansible or name a tenant do not count, those in C(environment) do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("run-*")))
    place = folder / f"run-{number}"
    cwd = place / "cwd"
    cwd.mkdir(parents=True)
    (place / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
    (place / "extra.json").write_text(json.dumps(extra or {}), encoding="utf-8")
    (place / "events").touch()
    # Ansible makes sockets in its home, whose paths may not be long
    with tempfile.TemporaryDirectory(prefix="a") as home:
        done = subprocess.run(
            [*command, "-i", str(place / "inventory.json"), "-e", f"@{place / 'extra.json'}", *arguments, str(playbook)],
            cwd=cwd,
            env={
                **kept_environment(),
                "ANSIBLE_COLLECTIONS_PATH": str(collections),
                "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
                "ANSIBLE_CALLBACKS_ENABLED": "task_events",
                "ANSIBLE_HOME": home,
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_LOCALHOST_WARNING": "0",
                "TASK_EVENTS": str(place / "events"),
                "MADE_MODULES": str(Path(_MADE.name) / str(collections).replace(os.sep, "+")),
                "PYTHONPATH": str(Path(__file__).parent / "site"),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    assert not list(cwd.iterdir()), "a run left a file in its working directory"
    events = [json.loads(line) for line in (place / "events").read_text(encoding="utf-8").splitlines()]
    return Run(done.returncode, done.stdout.decode("utf-8", "replace"), events)
