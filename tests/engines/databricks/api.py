# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP interface of a workspace: the SQL Statement Execution API, the token endpoint, and what tests ask of the engine.

Source: Databricks REST API reference, "Statement Execution" and "OAuth for service principals (OAuth M2M)".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..duck import Tables
from ..web import hang_up
from . import errors
from .catalog import catalog
from .faults import Fault, Faults
from .runs import Run, Runs
from .statements import Session, run
from .unity import TOKEN_SECONDS, Metastore

STATEMENTS = "/api/2.0/sql/statements"
DEFAULT_WAIT = 10
DEFAULT_CATALOG = "main"

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Admin:
    """Who the engine was made for."""

    client_id: str
    client_secret: str


class Workspace:
    """One workspace: a metastore, a SQL warehouse, and the statements that it was sent."""

    def __init__(self, metastore: Metastore, tables: Tables, warehouse: str, admin: Admin) -> None:
        self._metastore = metastore
        self._tables = tables
        self._warehouse = warehouse
        self._admin = admin
        self._runs = Runs()
        self._faults = Faults()
        self._log: list[dict[str, Any]] = []

    def application(self) -> Starlette:
        """The web application."""
        routes = [
            Route("/oidc/v1/token", self._guarded(self.token), methods=["POST"]),
            *(Route(path, self._guarded(self.execute), methods=["POST"]) for path in (STATEMENTS, STATEMENTS + "/")),
            Route(STATEMENTS + "/{id}", self._guarded(self.get), methods=["GET"]),
            Route(STATEMENTS + "/{id}/cancel", self._guarded(self.cancel), methods=["POST"]),
            Route("/engine/{what}", self.control, methods=["GET", "POST"]),
        ]
        return Starlette(routes=routes)

    # --- the service ---

    async def token(self, request: Request, fault: Fault) -> Response:
        """POST /oidc/v1/token: client credentials, with basic authentication."""
        form = {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type", "error_description": "Only client_credentials is supported."}, 400)
        if form.get("scope") != "all-apis":
            return JSONResponse({"error": "invalid_scope", "error_description": "The scope is not known."}, 400)
        token = self._metastore.token_for(*_basic(request))
        if token is None:
            return JSONResponse({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        return JSONResponse({"access_token": token, "scope": "all-apis", "token_type": "Bearer", "expires_in": TOKEN_SECONDS})

    async def execute(self, request: Request, fault: Fault) -> Response:
        """POST /api/2.0/sql/statements: one statement."""
        user = self._user(request)
        body = await _json(request)
        statement, warehouse = _text(body, "statement"), _text(body, "warehouse_id")
        wait = _wait(body.get("wait_timeout"))
        if body.get("on_wait_timeout", "CONTINUE") not in ("CONTINUE", "CANCEL"):
            raise errors.bad_parameter("on_wait_timeout must be CONTINUE or CANCEL.")
        self._check_warehouse(warehouse)
        session = Session(self._metastore, self._tables, user, body.get("catalog") or DEFAULT_CATALOG, body.get("schema") or "default")
        started = Run(user, lambda: run(session, statement), fault)
        self._runs.start(started)
        if wait:
            await self._runs.wait(started, wait)
            if body.get("on_wait_timeout") == "CANCEL":
                self._runs.cancel(started)
        return JSONResponse(started.answer())

    async def get(self, request: Request, fault: Fault) -> Response:
        """GET /api/2.0/sql/statements/{id}: its state, and its result when there is one."""
        return JSONResponse(self._runs.find(request.path_params["id"], self._user(request)).answer())

    async def cancel(self, request: Request, fault: Fault) -> Response:
        """POST /api/2.0/sql/statements/{id}/cancel: the answer says nothing; a statement that is over stays as it is."""
        self._runs.cancel(self._runs.find(request.path_params["id"], self._user(request)))
        return JSONResponse({})

    def _guarded(self, handler: Callable[[Request, Fault], Awaitable[Response]]) -> Handler:
        """The handler, with faults and error answers, and a line in the log."""

        async def handled(request: Request) -> Response:
            body = await request.body()
            sent = _parsed(body)
            fault = self._faults.take(request.method, request.url.path, str(sent.get("statement", "")))
            answer = Response("")
            if not fault.answers or fault.acts:
                try:
                    answer = await handler(request, fault)
                except errors.Refused as refused:
                    answer = JSONResponse(refused.body, refused.status)
            if fault.status is not None:
                answer = Response(fault.body, fault.status, {"Content-Type": "application/json", **fault.headers})
            asked = {key: value for key, value in sent.items() if key != "statement"}
            self._log.append({"method": request.method, "path": request.url.path, "status": None if fault.hang_up else answer.status_code, "asked": asked})
            if fault.hang_up:
                await hang_up(request)
            return answer

        return handled

    def _user(self, request: Request) -> str:
        scheme, _unused, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise errors.no_credential()
        return self._metastore.holder(token)

    def _check_warehouse(self, warehouse: str) -> None:
        if not re.fullmatch("[0-9a-f]{16}", warehouse):
            raise errors.bad_parameter(f"{warehouse} is not a valid endpoint id.")
        if warehouse != self._warehouse:
            raise errors.no_warehouse(warehouse)

    # --- the engine ---

    async def control(self, request: Request) -> Response:
        """/engine/...: what a test asks for, with the administrator's basic authentication."""
        credentials = _basic(request)
        if not (credentials[0] == self._admin.client_id and hmac.compare_digest(credentials[1], self._admin.client_secret)):
            return JSONResponse({"message": "the administrator's client id and secret are needed"}, 401)
        body = await _json(request) if request.method == "POST" else {}
        actions: dict[str, Callable[[], Any]] = {
            "catalog": lambda: catalog(self._metastore),
            "principals": lambda: self._metastore.add_principal(**{**body, "members": tuple(body.get("members", ()))}),
            "expire": self._metastore.expire_tokens,
            "fault": lambda: self._faults.add(Fault.of(body)),
            "faults": lambda: [asdict(fault) for fault in self._faults.waiting()],
            "clear": self._clear,
            "requests": lambda: list(self._log),
        }
        try:
            return JSONResponse(actions[request.path_params["what"]]())
        except (KeyError, TypeError, ValueError) as error:
            return JSONResponse({"message": str(error)}, 400)

    def _clear(self) -> None:
        self._faults.clear()
        self._log.clear()


def _basic(request: Request) -> tuple[str, str]:
    scheme, _unused, credentials = request.headers.get("Authorization", "").partition(" ")
    try:
        name, _unused, secret = base64.b64decode(credentials if scheme == "Basic" else "", validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _parsed(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; empty for anything else."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.body() or b"{}")
    except ValueError:
        raise errors.Refused(400, "MALFORMED_REQUEST", "Could not parse request object.") from None
    if not isinstance(found, dict):
        raise errors.Refused(400, "MALFORMED_REQUEST", "Could not parse request object.")
    return found


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise errors.bad_parameter(f"{key} is required.")
    return value


def _wait(text: Any) -> int:
    """Seconds out of "0s" or "5s" to "50s"."""
    match = re.fullmatch(r"(\d{1,2})s", str(text)) if text is not None else None
    seconds = int(match[1]) if match else DEFAULT_WAIT if text is None else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise errors.bad_parameter("wait_timeout must be 0s, or between 5s and 50s.")
    return seconds
