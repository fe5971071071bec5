# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server process: one workspace over HTTP, with its SQL warehouse, its faults and its log.

Source: Databricks REST API reference, "Statement Execution" and "OAuth for service principals (OAuth M2M)".
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..sql import Result
from ..web import hang_up, serving
from .metastore import Metastore, Principal, Session, SqlFailed

STATEMENTS, TOKEN = "/api/2.0/sql/statements", "/oidc/v1/token"
CODES = {400: "INVALID_PARAMETER_VALUE", 401: "401", 403: "403", 404: "RESOURCE_DOES_NOT_EXIST"}
OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new workspace on `listener`; the value says how to log in."""
    metastore, warehouse = Metastore(), secrets.token_hex(8)
    admin = metastore.add_principal(admin=True)
    async with serving(Workspace(metastore, warehouse).application(), listener):
        yield {
            **{"kind": "databricks", "admin_user": admin["client_id"], "admin_password": admin["client_secret"]},
            **{"token": admin["token"], "warehouse": warehouse, "http_path": f"/sql/1.0/warehouses/{warehouse}"},
        }


@dataclass
class Fault:
    """The next request whose method and path match, and for a new statement its text, by regular expression.

    pending, running: seconds that the statement stays in that state. status, body: this answer in place of the real one; hang_up: none,
    the connection is reset; the request is carried out all the same if `acts`.
    """

    method: str = "POST"
    path: str = STATEMENTS
    statement: str = ""
    acts: bool = False
    pending: float = 0.0
    running: float = 0.0
    status: int | None = None
    body: str = ""
    hang_up: bool = False

    def matches(self, method: str, path: str, statement: str) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None and re.search(self.statement, statement) is not None


@dataclass
class Run:
    """One statement on its way. It is carried out when its time has come and somebody looks."""

    user: Principal
    work: Callable[[], Result]
    fault: Fault
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: float = field(default_factory=time.monotonic)
    status: dict[str, Any] = field(default_factory=lambda: {"state": "PENDING"})
    shown: dict[str, Any] = field(default_factory=dict)

    def look(self) -> dict[str, Any]:
        """What the API says of it by now."""
        if self.status["state"] not in OVER:
            gone = time.monotonic() - self.started - self.fault.pending
            self.status = {"state": "PENDING" if gone < 0 else "RUNNING"}
            if gone >= self.fault.running:
                self._carry_out()
        return {"statement_id": self.id, "status": self.status, **self.shown}

    def cancel(self) -> None:
        if self.look()["status"]["state"] not in OVER:
            self.status = {"state": "CANCELED"}

    def _carry_out(self) -> None:
        try:
            self.shown = _as_json(self.work())
            self.status = {"state": "SUCCEEDED"}
        except SqlFailed as failed:
            self.status = {"state": "FAILED", "error": {"error_code": "BAD_REQUEST", "message": str(failed)}, "sql_state": failed.sqlstate}


def _as_json(result: Result) -> dict[str, Any]:
    """A result as JSON_ARRAY, inline: every value a string. A change gives one row, with the number of rows that it changed."""
    columns, rows = result.columns, result.rows
    if not columns and result.count is not None:
        columns, rows = ("num_affected_rows",), ((result.count,),)
    data = [[None if value is None else str(value) for value in row] for row in rows]
    manifest = {"format": "JSON_ARRAY", "schema": {"columns": [{"name": name} for name in columns]}, "total_row_count": len(data)}
    return {"manifest": manifest, "result": {"data_array": data} if data else {}}


class Workspace:
    """What the requests mean."""

    def __init__(self, metastore: Metastore, warehouse: str) -> None:
        self._metastore = metastore
        self._warehouse = warehouse
        self._runs: dict[str, Run] = {}
        self._faults: list[Fault] = []
        self._log: list[dict[str, Any]] = []

    def application(self) -> Starlette:
        routes = [Route("/engine/{what}", self._control, methods=["POST"]), Route("/{path:path}", self._handled, methods=["GET", "POST"])]
        return Starlette(routes=routes)

    async def _handled(self, request: Request) -> Response:
        """The answer to a request, with faults, and a line in the log."""
        method, path, sent = request.method, request.url.path, await _sent(request)
        fault = next((fault for fault in self._faults if fault.matches(method, path, str(sent.get("statement", "")))), None)
        if fault is not None:
            self._faults.remove(fault)
        answer, fault = None, fault or Fault()
        if fault.acts or not (fault.status or fault.hang_up):
            try:
                answer = JSONResponse(await self._answer(request, sent, fault))
            except HTTPException as refused:
                code, text = ("error", "error_description") if path == TOKEN else ("error_code", "message")
                answer = JSONResponse({code: CODES[refused.status_code], text: refused.detail}, refused.status_code)
        if fault.status == 401:
            self._holder(request).tokens.remove(request.headers["Authorization"].split()[1])  # it has ended, so nobody may send it again
        self._log.append({"method": method, "path": path, "asked": {key: sent[key] for key in sent if key != "statement"}})
        if fault.hang_up:
            await hang_up(request)
        return answer if answer and not fault.status else Response(fault.body, fault.status or 200, {"Content-Type": "application/json"})

    async def _answer(self, request: Request, sent: dict[str, Any], fault: Fault) -> dict[str, Any]:
        if request.url.path == TOKEN:
            return await self._token(request)
        user = self._holder(request)
        if (request.method, request.url.path) == ("POST", STATEMENTS):
            return await self._execute(user, sent, fault)
        run, what = self._runs.get(request.url.path.split("/")[5]), request.url.path.split("/")[6:]
        if run is None or run.user is not user:
            raise HTTPException(404, "The statement was not found.")
        if what == ["cancel"]:
            run.cancel()  # the answer says nothing; a statement that is over stays as it is
            return {}
        return run.look()

    async def _token(self, request: Request) -> dict[str, Any]:
        """A token for a service principal's secret: client credentials, with basic authentication."""
        form = parse_qs((await request.body()).decode())
        credentials = request.headers.get("Authorization", "").removeprefix("Basic ")
        name, _unused, secret = base64.b64decode(credentials).decode().partition(":")
        found = self._metastore.principals.get(name)
        if (form.get("grant_type"), form.get("scope")) != (["client_credentials"], ["all-apis"]):
            raise HTTPException(400, "The grant type or the scope is not known.")
        if found is None or found.secret != secret:
            raise HTTPException(401, "Client authentication failed")
        return {"access_token": found.new_token(), "token_type": "Bearer", "expires_in": 3600}

    async def _execute(self, user: Principal, sent: dict[str, Any], fault: Fault) -> dict[str, Any]:
        """What the API says of a new statement, behind the time that the request waits for it."""
        if sent.get("warehouse_id") != self._warehouse:
            raise HTTPException(404, f"SQL warehouse {sent.get('warehouse_id')} does not exist at all in the database")
        wait = re.fullmatch(r"(0|[5-9]|[1-4]\d|50)s", str(sent.get("wait_timeout", "10s")))
        if wait is None or sent.get("on_wait_timeout", "CONTINUE") not in ("CONTINUE", "CANCEL"):
            raise HTTPException(400, "wait_timeout must be 0s, or between 5s and 50s; on_wait_timeout CONTINUE or CANCEL.")
        session = Session(self._metastore, user, **{key: sent[key] for key in ("catalog", "schema") if sent.get(key)})
        run = Run(user, lambda: session.run(sent["statement"]), fault)
        self._runs[run.id] = run
        if wait[1] == "0":
            return {"statement_id": run.id, "status": run.status}
        await asyncio.sleep(min(int(wait[1]), fault.pending + fault.running))
        if sent.get("on_wait_timeout") == "CANCEL":
            run.cancel()
        return run.look()

    def _holder(self, request: Request) -> Principal:
        scheme, _unused, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            raise HTTPException(401, "Credential was not sent or was of an unsupported type for this API.")
        found = next((each for each in self._metastore.principals.values() if token in each.tokens), None)
        if found is None:
            raise HTTPException(403, "Invalid access token.")
        return found

    async def _control(self, request: Request) -> Response:
        """/engine/...: what a test asks for."""
        body = await _sent(request)
        actions: dict[str, Callable[[], Any]] = {
            "catalog": self._metastore.shown,
            "principals": partial(self._metastore.add_principal, **body),
            "fault": lambda: self._faults.append(Fault(**body)),
            "clear": self._clear,
            "requests": lambda: self._log,
        }
        return JSONResponse(actions[request.path_params["what"]]())

    def _clear(self) -> None:
        self._faults.clear()
        self._log.clear()


async def _sent(request: Request) -> dict[str, Any]:
    """The JSON object of a request; empty for a form and for nothing."""
    body = await request.body()
    return dict(json.loads(body)) if body.startswith(b"{") else {}
