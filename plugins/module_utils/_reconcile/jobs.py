# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for the jobs that a request has started. Independent of Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._api.connections import UNSUPPORTED_STATUSES, bulk_id, none_if_unsupported, task_id
from .._core.errors import ApiError, RemoteFailure, shorten
from .base import ReconcilerBase

# Source: the vendor's page "Get Job Status". The states of tasks on newer tenants are not documented, so likely words count, too.
FAILED_JOBS = frozenset({"cancelled", "expired", "failed", "canceled", "failure", "error"})
FINAL_JOBS = FAILED_JOBS | {"completed", "complete", "succeeded", "success", "done", "finished"}


class JobWaiter(ReconcilerBase):
    """A reconciler that waits for the jobs of its requests."""

    def _wait_for_jobs(self, answer: Mapping[str, Any], what: str) -> None:
        if self._settings.wait:
            self._jobs_started_by(answer, what)

    def _jobs_started_by(self, answer: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
        """Return the jobs that a request started, completed if the task waits. Raise RemoteFailure for a failed job."""
        bulk, task = bulk_id(answer), task_id(answer)
        if not (bulk or task):
            return []
        try:
            jobs = self._wait(
                lambda: self._jobs(bulk) if bulk else self._task(task),
                lambda jobs: not (self._settings.wait and _running(jobs)),
                lambda jobs: f"{what} has jobs in state {_states(jobs)}",
                after_timeout="Nothing is rolled back, and the jobs continue. Later runs do not wait for them.",
            )
        except ApiError as error:
            if error.status not in (403, *UNSUPPORTED_STATUSES):
                raise
            self._warn(f"The jobs of {what} are not visible, so the task did not wait for them: {error.message}")
            return []
        without_state = [job["id"] for job in jobs if job["state"] is None]
        if without_state and self._settings.wait:
            self._warn(f"Immuta does not show the state of the jobs of {what} ({', '.join(without_state)}), so the task did not wait for them.")
        failed = [job for job in jobs if job["state"] in FAILED_JOBS]
        if failed:
            outputs = "; ".join(f"job {job['id']} {job['state']}: {shorten(str(job['output'] or 'no output')).rstrip('.')}" for job in failed)
            raise RemoteFailure(
                f"{what[0].upper()}{what[1:]} failed: {outputs}.",
                hint="Check what Immuta reports for it and fix the cause. immuta_data_object_sync makes Immuta read the platform again.",
                status=str(failed[0]["state"]),
                tests=[],
                jobs=failed,
            )
        return jobs

    def _jobs(self, bulk: str) -> list[dict[str, Any]]:
        """Return the current jobs. They are listed each time, because a job can start further ones."""
        return self._with_current_states(self._connections.jobs(bulk))

    def _task(self, task: str) -> list[dict[str, Any]]:
        """Return the jobs of a task, or the task itself as a job: the vendor does not document which one applies."""
        return self._with_current_states(none_if_unsupported(lambda: self._connections.jobs(task)) or [{"id": task, "state": None, "output": None}])

    def _with_current_states(self, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the jobs with the current states of those that the list does not show as finished."""
        unfinished = [job["id"] for job in listed if job["state"] not in FINAL_JOBS]
        current = {job["id"]: job for job in self._connections.job_statuses(unfinished) if job["state"] is not None} if unfinished else {}
        return [current.get(job["id"], job) for job in listed]


def _running(jobs: list[dict[str, Any]]) -> bool:
    return any(job["state"] is not None and job["state"] not in FINAL_JOBS for job in jobs)


def _states(jobs: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({str(job["state"]) for job in jobs}))
