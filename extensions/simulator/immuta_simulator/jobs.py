# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's jobs: what a request on /data starts, and what only happens at their end ("Get Job Status")."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .problems import Problem
from .settings import Settings

FINAL = frozenset({"completed", "cancelled", "expired", "failed"})
# a running job is created, then active and now and then tried again
NEXT = {"": "created", "created": "active", "active": "retry", "retry": "active"}


@dataclass
class Job:
    """work: what it does, at its end, and only if that is a good one; it returns its output."""

    id: str
    bulk_id: str
    type: str
    key: str
    work: Callable[[], Any]
    end: str = "completed"
    output: Any = None
    looks: int = 0
    at: float | None = None
    state: str = ""
    made: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()))

    def look(self, now: float) -> None:
        """One look from outside: moves on when it is time to."""
        if self.state in FINAL:
            return
        if self.looks <= 0 and (self.at is None or now >= self.at):
            self.state = self.end
            if self.end == "completed":
                self.output = self.work()
            return
        self.looks -= 1
        self.state = NEXT[self.state]

    def view(self) -> dict[str, Any]:
        return {"id": self.id, "state": self.state or "created", "output": self.output}


class Jobs:
    """lock: held while a job is looked at and does its work."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self._settings = settings
        self._clock = clock
        self._jobs: dict[str, Job] = {}

    def reset(self) -> None:
        with self.lock:
            self._jobs.clear()

    def start(self, type_: str, key: str, work: Callable[[], Any]) -> dict[str, Any]:
        """A job of one request: {bulkId}, or nothing, as the switches say. Some are done before the answer."""
        job = Job(str(uuid.uuid4()), f"bulk_{uuid.uuid4().hex}", type_, key, work)
        if type_ in self._settings.job_fails:
            job.end, job.output = self._settings.job_failure, {"error": self._settings.job_fails[type_]}
        kind, _unused, amount = self._settings.jobs.partition(":")
        job.looks = int(amount) if kind == "polls" else 0
        job.at = self._clock() + float(amount) if kind == "seconds" else None
        with self.lock:
            self._jobs[job.id] = job
            if kind == "instant":
                job.look(self._clock())
        return {self._settings.job_id: job.bulk_id} if self._settings.bulk_ids else {}

    def look_at(self, key: str) -> None:
        """A look at a connection is one at its jobs."""
        with self.lock:
            for job in [job for job in self._jobs.values() if job.key == key]:
                job.look(self._clock())

    # -- the API ------------------------------------------------------------------------------------------------------

    def of_bulk(self, bulk_id: str) -> Any:
        """GET /jobs?bulkId="""
        if not bulk_id:
            raise Problem(400, 'Invalid request query input: "bulkId" is required')
        with self.lock:
            found = [job.view() for job in self._jobs.values() if job.bulk_id == bulk_id]
        return found if self._settings.jobs_form == "list" else {"jobs": found}

    def statuses(self, body: Any) -> dict[str, Any]:
        """POST /jobs/statuses: {id: {id, state, output}}; wait seconds (-1: for ever) until all are final, looking every pollInterval."""
        ids = body.get("jobIds") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not ids:
            raise Problem(400, 'Invalid request payload input: "jobIds" is required')
        wait, pause = body.get("wait", 0), max(body.get("pollInterval", 1), 0.01)
        deadline = self._clock() + wait
        while True:
            found = self._look([str(id_) for id_ in ids])
            if all(job["state"] in FINAL for job in found.values()) or (wait >= 0 and self._clock() + pause > deadline):
                return found
            time.sleep(pause)

    def search(self, query: dict[str, str]) -> dict[str, Any]:
        """GET /jobs/search by jobType and state, from an offset on."""
        with self.lock:
            jobs = [
                {**job.view(), "jobType": job.type, "createdAt": job.made}
                for job in self._jobs.values()
                if query.get("jobType", job.type) == job.type and query.get("state", job.view()["state"]) == job.view()["state"]
            ]
        start, size = int(query.get("offset", 0)), int(query.get("size", 50))
        after = start + size
        return {"jobs": jobs[start:after], "next": after if after < len(jobs) else None}

    def _look(self, ids: list[str]) -> dict[str, Any]:
        with self.lock:
            jobs = [self._jobs[id_] for id_ in ids if id_ in self._jobs]
            for job in jobs:
                job.look(self._clock())
            return {job.id: job.view() for job in jobs}
