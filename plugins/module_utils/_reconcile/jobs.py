# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs that a request has started, and how long to wait for them. No Ansible in it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._api.connections import UNSUPPORTED_STATUSES, bulk_id, none_if_unsupported, task_id
from .._core.errors import ApiError, RemoteFailure, shorten
from .base import ReconcilerBase

# Source: the vendor's page "Get Job Status". Of the tasks of newer tenants no page shows the states, so other words are believed as well.
FAILED_JOBS = frozenset({"cancelled", "expired", "failed", "canceled", "failure", "error"})
FINAL_JOBS = FAILED_JOBS | {"completed", "complete", "succeeded", "success", "done", "finished"}


class JobWaiter(ReconcilerBase):
    """Waits for what a request has started."""

    def _wait_for_jobs(self, answer: Mapping[str, Any], what: str) -> None:
        if self._settings.wait:
            self._jobs_started_by(answer, what)

    def _jobs_started_by(self, answer: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
        """The jobs that a request started, completed when the task waits. Raises RemoteFailure for one that failed."""
        bulk, task = bulk_id(answer), task_id(answer)
        if not (bulk or task):
            return []
        try:
            jobs = self._wait(
                lambda: self._jobs(bulk) if bulk else self._task(task),
                lambda jobs: not (self._settings.wait and _running(jobs)),
                lambda jobs: f"{what} has jobs in state {_states(jobs)}",
                after_timeout="Nothing is undone and the jobs go on; no later run waits for them.",
            )
        except ApiError as error:
            if error.status not in (403, *UNSUPPORTED_STATUSES):
                raise
            self._warn(f"The jobs of {what} cannot be seen, so they were not waited for: {error.message}")
            return []
        untold = [job["id"] for job in jobs if job["state"] is None]
        if untold and self._settings.wait:
            self._warn(f"Immuta does not tell the state of the jobs of {what} ({', '.join(untold)}), so they were not waited for.")
        failed = [job for job in jobs if job["state"] in FAILED_JOBS]
        if failed:
            outputs = "; ".join(f"job {job['id']} {job['state']}: {shorten(str(job['output'] or 'no output')).rstrip('.')}" for job in failed)
            raise RemoteFailure(
                f"{what[0].upper()}{what[1:]} failed: {outputs}.",
                hint="See what Immuta reports for it, and mend that. immuta_data_object_sync has it read the platform again.",
                status=str(failed[0]["state"]),
                tests=[],
                jobs=failed,
            )
        return jobs

    def _jobs(self, bulk: str) -> list[dict[str, Any]]:
        """The jobs as they are now. A job can start further ones, so they are listed again each time; those that the list does not show
        to be final are asked for."""
        return self._told(self._connections.jobs(bulk))

    def _task(self, task: str) -> list[dict[str, Any]]:
        """The jobs of a task, or the task itself where it is a job: which of them it is, is not documented."""
        return self._told(none_if_unsupported(lambda: self._connections.jobs(task)) or [{"id": task, "state": None, "output": None}])

    def _told(self, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        open_ones = [job["id"] for job in listed if job["state"] not in FINAL_JOBS]
        told = {job["id"]: job for job in self._connections.job_statuses(open_ones) if job["state"] is not None} if open_ones else {}
        return [told.get(job["id"], job) for job in listed]


def _running(jobs: list[dict[str, Any]]) -> bool:
    return any(job["state"] is not None and job["state"] not in FINAL_JOBS for job in jobs)


def _states(jobs: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({str(job["state"]) for job in jobs}))
