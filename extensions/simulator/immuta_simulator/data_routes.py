# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of the Connections API: /data and /jobs. Names in a path come from its encoded form, so that they may hold slashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .connections import Connections
from .jobs import Jobs
from .problems import Problem
from .settings import Settings

DENIED = {"403": (403, "You do not have permission to perform this action."), "404": (404, "Not Found"), "405": (405, "Method Not Allowed")}


def refuse_if_switched(settings: Settings, switch: str) -> None:
    """The answer of a tenant that does not have what a switch takes away."""
    denied = DENIED.get(getattr(settings, switch))
    if denied:
        raise Problem(*denied)


class DataRoutes:
    """document: how a request's body is read."""

    def __init__(self, connections: Connections, jobs: Jobs, settings: Settings, document: Callable[[Request], Any]) -> None:
        self.connections = connections
        self.jobs = jobs
        self.settings = settings
        self.document = document

    def routes(self) -> list[Route]:
        data = (
            ("POST", "/data/connection", self.register),
            ("POST", "/data/connection/test", self.test),
            ("GET", "/data/connection/{key:path}", lambda request: self.connections.get(key_of(request))),
            ("PUT", "/data/connection/{key:path}", lambda request: self.connections.update(key_of(request), self.document(request))),
            ("POST", "/data/object/search", lambda _: self.connections.search(())),
            ("POST", "/data/object/search/{path:path}", lambda request: self.connections.search(names_of(request, 3))),
            ("GET", "/data/object/{path:path}", lambda request: self.connections.object(names_of(request, 2))),
            ("DELETE", "/data/object/{path:path}", lambda request: self.connections.remove(names_of(request, 2))),
            ("POST", "/data/crawl/{path:path}", lambda request: self.connections.crawl(names_of(request, 2))),
            ("PUT", "/data/settings/{path:path}", lambda request: self.connections.override(names_of(request, 2), self.document(request))),
        )
        jobs = (
            ("GET", "/jobs", lambda request: self.jobs.of_bulk(request.query_params.get("bulkId", ""))),
            ("POST", "/jobs/statuses", lambda request: self.jobs.statuses(self.document(request))),
            ("GET", "/jobs/search", lambda request: self.jobs.search(dict(request.query_params))),
        )
        preview = (("GET", "/api/connections/{key:path}", self.preview),)
        switches = ((data, "data_api"), (jobs, "jobs_api"), (preview, "preview_api"))
        return [Route(path, self.answer(act, switch), methods=[method]) for rows, switch in switches for method, path, act in rows]

    def answer(self, act: Callable[[Request], Any], switch: str) -> Callable[[Request], Response]:
        """The handler of a path that a switch can take away."""

        def handler(request: Request) -> Response:
            refuse_if_switched(self.settings, switch)
            return JSONResponse(act(request))

        return handler

    def register(self, request: Request) -> Any:
        return self.connections.register(self.document(request), dry_run=False)

    def test(self, request: Request) -> Any:
        if not self.settings.connection_test:
            raise Problem(404, "Not Found")
        return self.connections.register(self.document(request), dry_run=True)

    def preview(self, request: Request) -> Any:
        """It takes bearer tokens only."""
        if not request.headers.get("authorization", "").startswith("Bearer "):
            raise Problem(401, "Unauthorized")
        return self.connections.preview(key_of(request))


def names_of(request: Request, skip: int) -> tuple[str, ...]:
    """The names at the end of a path, after so many segments."""
    segments = request.scope["raw_path"].decode("ascii").split("/")[1 + skip :]
    return tuple(unquote(segment) for segment in segments)


def key_of(request: Request) -> str:
    """The one name at the end of a path."""
    names = names_of(request, 2)
    if len(names) != 1:
        raise Problem(404, "Not Found")
    return names[0]
