# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a playbook that stand still at a point, to be killed there or to have another run beside them.

with standing(AtRequest("POST", "/integrations$"), world, world.register) as run:
    run.kill()

Nothing waits for a time to pass: a point says itself when a run has reached it.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .playbook import Run

SECONDS = 900
HOUR = 3600


class Standing:
    """A run in the background. Its processes are known by a word in their environment: some leave the play's group and session."""

    def __init__(self, start: Callable[..., Run], environment: dict[str, str], how: dict[str, Any]) -> None:
        self._word = f"STANDING_RUN={secrets.token_hex(8)}"
        self._runs: list[Run] = []
        name, _unused, value = self._word.partition("=")
        self._thread = threading.Thread(target=lambda: self._runs.append(start(environment={**environment, name: value}, **how)))
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> Run:
        """The run, when it has ended."""
        self._thread.join(SECONDS)
        assert self._runs, "the run in the background did not end, or broke"
        return self._runs[0]

    def kill(self) -> None:
        """Kill all that belongs to the run, as the end of a container does."""
        while found := self._processes():
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert self.end().rc == -signal.SIGKILL

    def kill_play(self) -> None:
        """Kill the play alone, as somebody who is short of memory does. The module that runs goes on."""
        found = self._processes()
        (play,) = (pid for pid in found if _parent(pid) not in found)
        os.kill(play, signal.SIGKILL)

    def _processes(self) -> list[int]:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if self._word.encode() in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
        return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


@dataclass(frozen=True)
class AtTask:
    """In front of a task of the role."""

    title: str

    def __str__(self) -> str:
        return f"before task {self.title}"

    def arm(self, world: Any) -> dict[str, str]:
        return {"ANSIBLE_CALLBACKS_ENABLED": "task_events,hold_task", "HOLD_TASK": self.title, "HOLD_FILE": str(self._file(world))}

    def is_reached(self, world: Any) -> bool:
        return self._file(world).exists()

    def release(self, world: Any) -> None:
        self._file(world).unlink(missing_ok=True)

    def _file(self, world: Any) -> Path:
        return Path(world.folder) / "held"


@dataclass(frozen=True)
class AtRequest:
    """While the tenant has a request, before or after it has done what it asks for. answered: what is asked for is done, and answered, in the end."""

    method: str
    path: str
    when: str = "before"
    answered: bool = False

    def __str__(self) -> str:
        return f"{self.when} {self.method} {self.path}"

    def arm(self, world: Any) -> dict[str, str]:
        world.tenant.fault(method=self.method, path=self.path, when=self.when, delay=HOUR, **({} if self.answered else {"status": 503}))
        return {}

    def is_reached(self, world: Any) -> bool:
        return bool(world.tenant.held())

    def release(self, world: Any) -> None:
        world.tenant.release()


@dataclass(frozen=True)
class AtStatement:
    """While the warehouse is at a statement of a script. The statement is one more, and changes nothing."""

    script: str
    number: int
    sql: str = "SELECT pg_sleep(3600)"

    def __str__(self) -> str:
        return f"statement {self.number} of {self.script}"

    def arm(self, world: Any) -> dict[str, str]:
        world.tenant.settings(script_tampering={self.script: {"kind": "break", "statement": self.number, "sql": self.sql}})
        return {}

    def is_reached(self, world: Any) -> bool:
        found = [*world.folder.rglob(f"[0-9]-{self.script}.ledger"), *world.home.rglob(f"[0-9]-{self.script}.ledger")]
        return any(_last(path) == (self.number, "unknown") for path in found)

    def release(self, world: Any) -> None:
        world.tenant.settings(script_tampering={})
        if "pg_sleep" in self.sql:
            world.redshift.engine.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()")


@dataclass
class AtAccount:
    """While the warehouse is at the statement that makes the platform's account: somebody else has one of that name at hand, and takes it back."""

    script: str = "create"

    def __str__(self) -> str:
        return f"the account of {self.script}"

    def arm(self, world: Any) -> dict[str, str]:
        self._other = world.redshift.engine.connect()
        self._other.autocommit = False
        self._other.cursor().execute(f'CREATE USER "{world.redshift.user}" PASSWORD DISABLE')
        return {}

    def is_reached(self, world: Any) -> bool:
        return AtStatement(self.script, 1).is_reached(world)

    def release(self, world: Any) -> None:
        self._other.rollback()
        self._other.close()


Point = AtTask | AtRequest | AtStatement | AtAccount


def _last(ledger: Path) -> tuple[int, str]:
    """Number and status in the last line of a ledger."""
    lines = ledger.read_text(encoding="utf-8").splitlines()
    with suppress(ValueError, IndexError):
        entry = json.loads(lines[-1])
        return entry.get("number", 0), entry.get("status", "")
    return 0, ""


@contextmanager
def standing(point: Point, world: Any, start: Callable[..., Run], **how: Any) -> Iterator[Standing]:
    """A run that has reached the point. It goes on when the context ends."""
    run = Standing(start, point.arm(world), how)
    try:
        until(lambda: point.is_reached(world) or run.is_over)
        assert not run.is_over, f"the run did not come to {point}\n{run.end().output}"
        yield run
    finally:
        point.release(world)
        run.end()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)
