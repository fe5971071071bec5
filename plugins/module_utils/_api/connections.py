# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Connections API and the jobs that its requests start: one method per endpoint.

Vendor's pages: "Connection Registration Payloads Reference Guide", "Manage Connection Settings", "Manage Connection Objects",
"Deregister a Connection" and "Get Job Status". They do not document several answers, so any shape that holds the required values
is accepted. A path is the list of names from the connection downwards, as in the answers of the API.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._core.errors import ApiError, Forbidden, NotFound
from .._http.answer import Answer
from .._http.session import Session, path_of
from .shapes import CONNECTION, DATA_OBJECT, JOB, Object, checked_object, object_after_write, read_object, without_invalid_fields

T = TypeVar("T")
Path = Sequence[str]

# Statuses of an answer to a request that the tenant's version or the technology does not support.
UNSUPPORTED_STATUSES = (400, 404, 405, 422, 501)

# Keys of a search answer that may hold the total number of objects.
_TOTAL_KEYS = ("count", "total", "totalCount")


@dataclass(frozen=True)
class SearchResult:
    """The objects that a search returned. has_more: whether the tenant has further ones. total: their number, as far as the tenant tells."""

    objects: list[Object]
    has_more: bool
    total: int = field(default=0, compare=False)


class Connections:
    """C(/data) and C(/jobs) of one tenant. All methods raise the errors of C(Session.request)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- connections

    def create(self, payload: Mapping[str, Any]) -> Object:
        """POST /data/connection. Return objectPath, and bulkId if a job continues the work. After AnswerLost the connection may exist."""
        return object_after_write(self._session.request("POST", path_of("data", "connection"), json=payload), DATA_OBJECT)

    def test(self, payload: Mapping[str, Any]) -> Object:
        """POST /data/connection/test. Validate a registration without changing anything. Raise NotFound or status 405 on tenants without it."""
        return object_after_write(self._session.request("POST", path_of("data", "connection", "test"), json=payload, safe=True), {})

    def get(self, connection_key: str) -> Object:
        """GET /data/connection/{connectionKey}. Return the connection without secrets. Raise NotFound also for unsupported technologies."""
        answer = self._session.request("GET", path_of("data", "connection", connection_key))
        found = read_object(answer, CONNECTION, "there is no connection in it")
        if not found:
            raise answer.bad("there is no connection in it")
        return found

    def preview(self, connection_key: str) -> Object:
        """GET /api/connections/{connectionKey} of the newer API. Return its view of the connection, with secrets masked.

        Raise Unauthorized, Forbidden, NotFound, or status 400 or 405: few tenants have it, and they may require a bearer token.
        """
        answer = self._session.request("GET", path_of("api", "connections", connection_key))
        shown: Object = self._session.mask(read_object(answer, {}, "there is no connection in it"))
        return shown

    def update(self, connection_key: str, connection: Mapping[str, Any]) -> Object:
        """PUT /data/connection/{connectionKey} with the complete C(connection), including secrets. Return the answer.

        The vendor does not document the body. This sends the part of the registration body that can change.
        """
        return object_after_write(self._session.request("PUT", path_of("data", "connection", connection_key), json={"connection": connection}), CONNECTION)

    # --- objects

    def object(self, path: Path) -> Object:
        """GET /data/object/{objectPath}. Return the object with its state, settings and overrides."""
        answer = self._session.request("GET", path_of("data", "object", *path))
        found = read_object(answer, DATA_OBJECT, "there is no object in it")
        if not found:
            raise answer.bad("there is no object in it")
        return found

    def delete(self, path: Path) -> Object:
        """DELETE /data/object/{objectPath} with everything in it. Return the answer; childCount is the number of deleted objects."""
        return object_after_write(self._session.request("DELETE", path_of("data", "object", *path)), DATA_OBJECT)

    def search(self, path: Path = ()) -> SearchResult:
        """POST /data/object/search/{objectPath}, which changes nothing. Return the direct children; without a path, the connections."""
        answer = self._session.request("POST", path_of("data", "object", "search", *path), json={}, safe=True)
        objects = [checked_object(answer, each, DATA_OBJECT) for each in _objects(answer, "objects", "objectPath")]
        around = answer.json()
        if not isinstance(around, dict):
            return SearchResult(objects, False, len(objects))
        total = max([len(objects), *(around[name] for name in _TOTAL_KEYS if isinstance(around.get(name), int))])
        return SearchResult(objects, around.get("next") not in (None, "", False) or total > len(objects), total)

    def crawl(self, path: Path) -> Object:
        """POST /data/crawl/{objectPath}. Make Immuta read the platform again, from this object downwards. Return the answer."""
        return object_after_write(self._session.request("POST", path_of("data", "crawl", *path)), DATA_OBJECT)

    def override(self, path: Path, settings: Mapping[str, Any]) -> Object:
        """PUT /data/settings/{objectPath}. Override inherited settings of this object. Return the answer."""
        return object_after_write(self._session.request("PUT", path_of("data", "settings", *path), json={"settings": settings}), DATA_OBJECT)

    # --- jobs

    def jobs(self, bulk_id: str) -> list[Object]:
        """GET /jobs?bulkId=. Return id, state and masked output of the jobs that one request started. Some tenants show only the ids."""
        jobs = self._jobs_in(self._session.request("GET", path_of("jobs"), query={"bulkId": bulk_id}))
        return [self._job(job["id"], job) for job in jobs]

    def job_statuses(self, ids: Sequence[str]) -> list[Object]:
        """POST /jobs/statuses, which changes nothing. Return the current id, state and masked output of each job."""
        body = {"jobIds": list(ids), "wait": 0, "pollInterval": 1}
        jobs = {job["id"]: job for job in self._jobs_in(self._session.request("POST", path_of("jobs", "statuses"), json=body, safe=True))}
        return [self._job(id, jobs.get(id, {})) for id in ids]

    def _jobs_in(self, answer: Answer) -> list[Object]:
        """Return the jobs of an answer that have an id, without states that are not text."""
        jobs = [without_invalid_fields(job, JOB) for job in _objects(answer, "jobs", "id")]
        return [job for job in jobs if job.get("id") is not None]

    def _job(self, id: str, job: Mapping[str, Any]) -> Object:
        state = job.get("state")
        return {"id": id, "state": state and str(state).lower(), "output": self._session.mask(job.get("output"))}

    # --- the relation of connections and integrations

    def owner_of(self, integration_id: str) -> str | None:
        """Return the key of the connection that owns the integration, or None if no connection does.

        A tenant without connections, or without permission to see them, answers 403 or 404, which also gives None.
        """
        try:
            keys = [path[0] for path in map(object_path_of, self.search().objects) if len(path) == 1]
        except (Forbidden, NotFound):
            return None
        return next((key for key in keys if self._native_id(key) == integration_id), None)

    def _native_id(self, key: str) -> str:
        """Return the id of the connection's integration; empty if there is none or the tenant does not show it."""
        try:
            native = (none_if_unsupported(lambda: self.get(key)) or {}).get("nativeIntegrationId")
        except Forbidden:
            return ""
        return "" if native is None else str(native)


def object_path_of(object: Mapping[str, Any]) -> list[str]:
    """Return the path of an object; empty if the answer holds none."""
    path = object.get("objectPath")
    return [str(name) for name in path if isinstance(name, (str, int))] if isinstance(path, list) else []


def bulk_id(answer: Mapping[str, Any]) -> str:
    """Return the bulkId of the jobs that a request started; empty if it started none. The vendor does not document where it is."""
    return _id_named("bulkid", answer)


def task_id(answer: Mapping[str, Any]) -> str:
    """Return the id of the task that a request started on newer tenants; empty if it started none. The vendor does not document its place."""
    return _id_named("taskid", answer)


def _id_named(name: str, answer: Mapping[str, Any]) -> str:
    for key, value in answer.items():
        if re.sub("[^a-z]", "", str(key).lower()) == name and isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)
        below = _id_named(name, value) if isinstance(value, Mapping) else ""
        if below:
            return below
    return ""


def none_if_unsupported(ask: Callable[[], T]) -> T | None:
    """Return the result of C(ask), or None if the tenant does not support the request for this object."""
    try:
        return ask()
    except ApiError as error:
        if error.status not in UNSUPPORTED_STATUSES:
            raise
        return None


def _objects(answer: Answer, what: str, mark: str) -> list[Object]:
    """Return the objects of an answer. Raise BadAnswer if it is none of these: a list, an object with a list in it, objects by their ids, null.

    mark: a field that only the objects of the right list have.
    """
    found = answer.json()
    if isinstance(found, dict):
        found = _find_list(found, mark)
    elif found is None:
        found = []
    if not isinstance(found, list):
        raise answer.bad(f"there is no list of {what} in it")
    return [each for each in found if isinstance(each, dict)]


def _find_list(around: Object, mark: str) -> list[Any] | None:
    """Return the list in an object, or the objects in it as a list; None if there is neither."""
    lists = [value for value in around.values() if isinstance(value, list) and all(isinstance(item, dict) for item in value)]
    marked = [value for value in lists if any(mark in item for item in value)]
    if lists:
        return (marked or lists)[0]
    single = [{"id": key, **value} for key, value in around.items() if isinstance(value, dict)]
    return single if single or not around else None
