# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Connections API, one method an endpoint, and the jobs that its requests start.

Vendor's pages: "Connection Registration Payloads Reference Guide", "Manage Connection Settings", "Manage Connection Objects",
"Deregister a Connection" and "Get Job Status". Several answers are not documented there, so each is taken in any shape that
holds what is looked for. A path is the list of names from the connection down, as answers give it.

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

# Answers to a request that a tenant's version or a technology does not know.
UNSUPPORTED_STATUSES = (400, 404, 405, 422, 501)

# Where a search answer says how many there are, beside those that it holds.
_TOTAL_KEYS = ("count", "total", "totalCount")


@dataclass(frozen=True)
class SearchResult:
    """What a search found. more: the tenant says that there are more than it showed. total: how many there are, as far as it says."""

    objects: list[Object]
    has_more: bool
    total: int = field(default=0, compare=False)


class Connections:
    """C(/data) and C(/jobs) of one tenant. All methods raise what C(Session.request) raises."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # --- connections

    def create(self, payload: Mapping[str, Any]) -> Object:
        """POST /data/connection: objectPath, and bulkId when a job goes on with it. AnswerLost: it may have been made, look for it."""
        return object_after_write(self._session.request("POST", path_of("data", "connection"), json=payload), DATA_OBJECT)

    def test(self, payload: Mapping[str, Any]) -> Object:
        """POST /data/connection/test: validates a create, changes nothing. Not every tenant has it: NotFound, or status 405."""
        return object_after_write(self._session.request("POST", path_of("data", "connection", "test"), json=payload, safe=True), {})

    def get(self, connection_key: str) -> Object:
        """GET /data/connection/{connectionKey}: without secrets. NotFound also for technologies that the endpoint does not know."""
        answer = self._session.request("GET", path_of("data", "connection", connection_key))
        found = read_object(answer, CONNECTION, "there is no connection in it")
        if not found:
            raise answer.bad("there is no connection in it")
        return found

    def preview(self, connection_key: str) -> Object:
        """GET /api/connections/{connectionKey} of the API that replaces this one: as it shows a connection, secrets masked.

        Few tenants have it, and they may want a bearer token for it: Unauthorized, Forbidden, NotFound, or status 400 or 405.
        """
        answer = self._session.request("GET", path_of("api", "connections", connection_key))
        shown: Object = self._session.mask(read_object(answer, {}, "there is no connection in it"))
        return shown

    def update(self, connection_key: str, connection: Mapping[str, Any]) -> Object:
        """PUT /data/connection/{connectionKey} with the whole C(connection), secrets included.

        Its body is not documented: it is taken to be that of the create, with nothing in it but what can change.
        """
        return object_after_write(self._session.request("PUT", path_of("data", "connection", connection_key), json={"connection": connection}), CONNECTION)

    # --- objects

    def object(self, path: Path) -> Object:
        """GET /data/object/{objectPath}: state, settings and overrides."""
        answer = self._session.request("GET", path_of("data", "object", *path))
        found = read_object(answer, DATA_OBJECT, "there is no object in it")
        if not found:
            raise answer.bad("there is no object in it")
        return found

    def delete(self, path: Path) -> Object:
        """DELETE /data/object/{objectPath}: the object with everything in it; childCount says how many that were."""
        return object_after_write(self._session.request("DELETE", path_of("data", "object", *path)), DATA_OBJECT)

    def search(self, path: Path = ()) -> SearchResult:
        """POST /data/object/search/{objectPath}: what is right below; without a path the connections. It changes nothing."""
        answer = self._session.request("POST", path_of("data", "object", "search", *path), json={}, safe=True)
        objects = [checked_object(answer, each, DATA_OBJECT) for each in _objects(answer, "objects", "objectPath")]
        around = answer.json()
        if not isinstance(around, dict):
            return SearchResult(objects, False, len(objects))
        total = max([len(objects), *(around[name] for name in _TOTAL_KEYS if isinstance(around.get(name), int))])
        return SearchResult(objects, around.get("next") not in (None, "", False) or total > len(objects), total)

    def crawl(self, path: Path) -> Object:
        """POST /data/crawl/{objectPath}: have Immuta read the platform again from there on."""
        return object_after_write(self._session.request("POST", path_of("data", "crawl", *path)), DATA_OBJECT)

    def override(self, path: Path, settings: Mapping[str, Any]) -> Object:
        """PUT /data/settings/{objectPath}: settings of this object, in place of what it inherits."""
        return object_after_write(self._session.request("PUT", path_of("data", "settings", *path), json={"settings": settings}), DATA_OBJECT)

    # --- jobs

    def jobs(self, bulk_id: str) -> list[Object]:
        """GET /jobs?bulkId=: id, state and output of the jobs that one request started; outputs are masked. Some tenants show the ids alone."""
        jobs = self._jobs_in(self._session.request("GET", path_of("jobs"), query={"bulkId": bulk_id}))
        return [self._job(job["id"], job) for job in jobs]

    def job_statuses(self, ids: Sequence[str]) -> list[Object]:
        """POST /jobs/statuses: id, state and output of each, at this moment. It changes nothing; outputs are masked."""
        body = {"jobIds": list(ids), "wait": 0, "pollInterval": 1}
        jobs = {job["id"]: job for job in self._jobs_in(self._session.request("POST", path_of("jobs", "statuses"), json=body, safe=True))}
        return [self._job(id, jobs.get(id, {})) for id in ids]

    def _jobs_in(self, answer: Answer) -> list[Object]:
        """The jobs of an answer that have an id; a state that is no text is not told."""
        jobs = [without_invalid_fields(job, JOB) for job in _objects(answer, "jobs", "id")]
        return [job for job in jobs if job.get("id") is not None]

    def _job(self, id: str, job: Mapping[str, Any]) -> Object:
        state = job.get("state")
        return {"id": id, "state": state and str(state).lower(), "output": self._session.mask(job.get("output"))}

    # --- what both APIs have to do with each other

    def owner_of(self, integration_id: str) -> str | None:
        """The key of the connection that the integration belongs to; None when it stands alone.

        A tenant that has no connections, or does not let this key see them, answers 403 or 404.
        """
        try:
            keys = [path[0] for path in map(object_path_of, self.search().objects) if len(path) == 1]
        except (Forbidden, NotFound):
            return None
        return next((key for key in keys if self._native_id(key) == integration_id), None)

    def _native_id(self, key: str) -> str:
        """The id of the integration behind a connection; empty when there is none, or none is shown."""
        try:
            native = (none_if_unsupported(lambda: self.get(key)) or {}).get("nativeIntegrationId")
        except Forbidden:
            return ""
        return "" if native is None else str(native)


def object_path_of(object: Mapping[str, Any]) -> list[str]:
    """The path of an object that the API shows; empty when it shows none."""
    path = object.get("objectPath")
    return [str(name) for name in path if isinstance(name, (str, int))] if isinstance(path, list) else []


def bulk_id(answer: Mapping[str, Any]) -> str:
    """The id of the jobs that a request started; empty when it started none. The vendor names it bulkId, not where it stands."""
    return _id_named("bulkid", answer)


def task_id(answer: Mapping[str, Any]) -> str:
    """The id of the task that a request started on newer tenants; empty when it started none. The vendor says that there is one, no more."""
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
    """The answer; None from a tenant that does not offer it for this one."""
    try:
        return ask()
    except ApiError as error:
        if error.status not in UNSUPPORTED_STATUSES:
            raise
        return None


def _objects(answer: Answer, what: str, mark: str) -> list[Object]:
    """The objects of an answer: a list of them, or an object that holds one such list, or one by one under their ids.

    mark: the field that tells the list from others beside it. Null and an empty object hold none. Raises BadAnswer for anything else.
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
    """The list in an object, or the objects in it as a list; None when there is neither."""
    lists = [value for value in around.values() if isinstance(value, list) and all(isinstance(item, dict) for item in value)]
    marked = [value for value in lists if any(mark in item for item in value)]
    if lists:
        return (marked or lists)[0]
    single = [{"id": key, **value} for key, value in around.items() if isinstance(value, dict)]
    return single if single or not around else None
