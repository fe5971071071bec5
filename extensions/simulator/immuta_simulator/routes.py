# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's API: paths to methods, bodies in and answers out. Handlers are plain functions in a thread pool."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import yaml
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .connections import Connections
from .data_routes import DataRoutes
from .jobs import Jobs
from .journal import flag
from .key_routes import KeyRoutes
from .problems import Problem
from .settings import Settings
from .tenant import Tenant

# the scripts that need no integration, and those of one integration
FREE_SCRIPTS = ("create", "initial-create", "cleanup", "post-cleanup")
OWN_SCRIPTS = ("edit", "delete")


def document(request: Request) -> Any:
    """The request's body: JSON or YAML, None when there is none."""
    text = request.state.body.decode("utf-8-sig", errors="replace")
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    if isinstance(value, str):
        raise Problem(400, "Invalid request payload JSON format")
    return value


def script_response(text: str, settings: Settings) -> Response:
    """A script in the form that the switches choose."""
    if settings.script_newline == "crlf":
        text = text.replace("\n", "\r\n")
    if settings.script_bom:
        text = "\ufeff" + text
    if settings.script_answer == "json":
        return JSONResponse(text)
    if settings.script_answer == "object":
        return JSONResponse({"script": text})
    return Response(text, media_type="text/plain; charset=utf-8" if settings.script_answer == "text" else "application/sql")


class Routes:
    def __init__(self, tenant: Tenant, connections: Connections, jobs: Jobs, access: Access, settings: Settings) -> None:
        self.tenant = tenant
        self.data = DataRoutes(connections, jobs, settings, document)
        self.keys = KeyRoutes(access, connections, settings, document)
        self.access = access
        self.settings = settings

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                *(Route(f"/integrations/scripts/{action}", self.script(action), methods=["POST"]) for action in FREE_SCRIPTS),
                *(Route(f"/integrations/{{id}}/scripts/{action}", self.script(action), methods=["POST"]) for action in OWN_SCRIPTS),
                Route("/integrations", self.listing, methods=["GET"]),
                Route("/integrations", self.create, methods=["POST"]),
                Route("/integrations/{id}", self.get, methods=["GET"]),
                Route("/integrations/{id}", self.update, methods=["PUT"]),
                Route("/integrations/{id}", self.delete, methods=["DELETE"]),
                Route("/integrations/{id}/status", self.status, methods=["GET"]),
                Route("/integrations/{id}/regenerate", self.regenerate, methods=["POST"]),
                Route("/bim/apikey/authenticate", self.authenticate, methods=["POST"]),
                *self.data.routes(),
                *self.keys.routes(),
            ],
            exception_handlers={Problem: _problem, HTTPException: _no_such_path},
        )

    def listing(self, request: Request) -> Response:
        return JSONResponse(self.tenant.listing())

    def create(self, request: Request) -> Response:
        dry_run = flag(request.url.query, "dryRun")
        answer = self.tenant.create(document(request), dry_run=dry_run)
        return JSONResponse(answer, 200 if dry_run else self.settings.created_status)

    def get(self, request: Request) -> Response:
        return JSONResponse(self.tenant.get(id_of(request)))

    def status(self, request: Request) -> Response:
        return JSONResponse(self.tenant.status(id_of(request)))

    def update(self, request: Request) -> Response:
        return JSONResponse(self.tenant.update(id_of(request), document(request), dry_run=flag(request.url.query, "dryRun")))

    def delete(self, request: Request) -> Response:
        dry_run, force = (flag(request.url.query, name) for name in ("dryRun", "forceDisable"))
        answer = self.tenant.delete(id_of(request), document(request), dry_run=dry_run, force=force)
        code = 200 if dry_run else self.settings.deleted_status
        return Response(status_code=204) if code == 204 else JSONResponse(answer, code)

    def regenerate(self, request: Request) -> Response:
        return JSONResponse(self.tenant.regenerate(id_of(request)))

    def script(self, action: str) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            id_ = id_of(request) if action in OWN_SCRIPTS else None
            return script_response(self.tenant.script(action, document(request), id_), self.settings)

        return handler

    def authenticate(self, request: Request) -> Response:
        return JSONResponse(self.access.exchange(_key_sent(request)))


def id_of(request: Request) -> str:
    """The id in the path; the vendor's pages call it a number."""
    id_ = str(request.path_params["id"])
    if not id_.isdigit():
        raise Problem(400, 'Invalid request params input: "id" must be a number')
    return id_


def _key_sent(request: Request) -> Any:
    """The API key of a token exchange: a JSON body, or a form as older clients send it."""
    if "form-urlencoded" in request.headers.get("content-type", ""):
        return parse_qs(request.state.body.decode()).get("apikey", [None])[0]
    body = document(request)
    return body.get("apikey") if isinstance(body, dict) else None


def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return JSONResponse(problem.body(), problem.status)


def _no_such_path(request: Request, error: Exception) -> Response:
    return JSONResponse(Problem(404, "Not Found").body(), 404)
