# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP interface that Snowflake's drivers speak, in front of fakesnow's."""

from __future__ import annotations

import asyncio
import base64
import gzip
import itertools
import json
import logging
import re
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from fakesnow.server import monitoring_query, query_request
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .answers import Answer, Forward
from .catalog import catalog
from .errors import SnowflakeError
from .logins import LoginRefused, authenticate, log_in
from .session import Account, Session
from .storage import answered, translated

TOKEN_SECONDS = 14_400
WAITS = re.compile(r"SELECT SYSTEM\$WAIT\((\d+)\)", re.IGNORECASE)
logger = logging.getLogger(__name__)


class Protocol:
    """The sessions of one account, and the requests about them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._sessions: dict[str, Session] = {}
        #: query tag -> how many statements ran under it
        self._tags: Counter[str] = Counter()
        self._numbers = itertools.count(1)

    def application(self) -> Starlette:
        """The web application."""
        return Starlette(
            routes=[
                Route("/session/v1/login-request", self.login, methods=["POST"]),
                Route("/session/token-request", self.renew, methods=["POST"]),
                Route("/session/heartbeat", self.heartbeat, methods=["POST"]),
                Route("/session", self.end_session, methods=["POST"]),
                Route("/queries/v1/query-request", self.query, methods=["POST"]),
                Route("/queries/v1/abort-request", _nothing, methods=["POST"]),
                Route("/monitoring/queries/{sfqid}", monitoring_query, methods=["GET"]),
                Route("/telemetry/send", _nothing, methods=["POST"]),
                Route("/engine/catalog", self.catalog, methods=["GET"]),
            ]
        )

    async def login(self, request: Request) -> Response:
        """POST /session/v1/login-request."""
        data = (await _json(request))["data"]
        try:
            session = log_in(self._account, data, request.query_params)
        except LoginRefused as refused:
            return _failure(refused.code, refused.message)
        self._sessions[session.token] = session
        self._account.storage.register(session.token, session.connection)
        return _success(
            {
                **_tokens(session),
                "displayUserName": session.user.name[0],
                "serverVersion": "10.0.0",
                "firstLogin": False,
                "remMeToken": None,
                "healthCheckInterval": 45,
                "newClientForUpgrade": None,
                "sessionId": next(self._numbers),
                "parameters": _parameters(),
                "sessionInfo": {
                    "databaseName": session.database,
                    "schemaName": session.schema,
                    "warehouseName": session.warehouse,
                    "roleName": session.role,
                },
            }
        )

    async def renew(self, request: Request) -> Response:
        """POST /session/token-request: the master token is the session's own."""
        session = self._session(request)
        if session is None:
            return _failure("390114", "Authentication token has expired. The user must authenticate again.")
        return _success({**_tokens(session), "sessionToken": session.token})

    async def heartbeat(self, request: Request) -> Response:
        """POST /session/heartbeat."""
        return _success(None) if self._session(request) else _gone()

    async def end_session(self, request: Request) -> Response:
        """POST /session?delete=true."""
        session = self._session(request)
        if session is None:
            return _gone()
        if request.query_params.get("delete"):
            del self._sessions[session.token]
            self._account.storage.forget(session.token)
        return _success(None)

    async def query(self, request: Request) -> Response:
        """POST /queries/v1/query-request."""
        session = self._session(request)
        if session is None:
            return _gone()
        body = await _json(request)
        query_id = str(uuid.uuid4())
        sql = body.get("sqlText") or ""
        if waits := WAITS.fullmatch(sql.strip()):
            await _wait(request, int(waits[1]))
            sql = f"SELECT 'waited {waits[1]} seconds'"
            body["sqlText"] = sql
        if session.parameters.get("QUERY_TAG"):
            self._tags.update([str(session.parameters["QUERY_TAG"])])
        try:
            result = Forward(sql) if body.get("describeOnly") else session.read(sql)
            if isinstance(result, Forward):
                return await self._forward(session, request, body, result, query_id)
        except SnowflakeError as error:
            return _statement_failure(error, query_id)
        except Exception as error:  # a bug of ours: the driver would repeat a 500 for minutes
            logger.exception("a statement failed inside the engine: %s", type(error).__name__)
            return _statement_failure(translated(error), query_id)
        return _success(_result(session, result, query_id))

    async def _forward(self, session: Session, request: Request, body: dict[str, Any], forward: Forward, query_id: str) -> Response:
        response = await query_request(_again(request, {**body, "sqlText": forward.sql}))
        answer = json.loads(bytes(response.body))
        if response.status_code >= 500:
            raise translated(RuntimeError(answer["message"]))
        if not answer["success"]:
            details = answer["data"] or {}
            raise answered(int(answer["code"]), details.get("sqlState") or "42000", answer["message"])
        forward.after()
        answer["data"] |= {"queryId": answer["data"].get("queryId") or query_id, **_place(session)}
        return JSONResponse(answer)

    async def catalog(self, request: Request) -> Response:
        """GET /engine/catalog with the administrator's basic authentication: what the account holds, and the tags of queries."""
        scheme, _unused, credentials = request.headers.get("Authorization", "").partition(" ")
        name, _unused, password = base64.b64decode(credentials if scheme == "Basic" else "").decode().partition(":")
        try:
            user = authenticate(self._account, {"LOGIN_NAME": name, "PASSWORD": password})
        except LoginRefused as refused:
            return JSONResponse({"message": refused.message}, status_code=401)
        if "ACCOUNTADMIN" not in self._account.ledger.roles_of(user.name[0]):
            return JSONResponse({"message": "this needs ACCOUNTADMIN"}, status_code=403)
        return JSONResponse({**catalog(self._account.ledger), "query_tags": self._tags})

    def _session(self, request: Request) -> Session | None:
        header = request.headers.get("Authorization", "")
        return self._sessions.get(header.removeprefix('Snowflake Token="').removesuffix('"'))


async def _wait(request: Request, seconds: int) -> None:
    """As long as it takes, and as the client is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not await request.is_disconnected():
        await asyncio.sleep(0.05)


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    found: dict[str, Any] = json.loads(body or b"{}")
    return found


def _again(request: Request, body: Mapping[str, Any]) -> Request:
    """The same request with another body."""
    headers = [pair for pair in request.scope["headers"] if pair[0] not in (b"content-encoding", b"content-length")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    return Request({**request.scope, "headers": headers}, receive)


def _tokens(session: Session) -> dict[str, Any]:
    return {
        "token": session.token,
        "validityInSeconds": TOKEN_SECONDS,
        "validityInSecondsST": TOKEN_SECONDS,
        "masterToken": session.token,
        "masterValidityInSeconds": TOKEN_SECONDS,
        "validityInSecondsMT": TOKEN_SECONDS,
    }


def _parameters() -> list[dict[str, Any]]:
    return [
        {"name": "AUTOCOMMIT", "value": True},
        {"name": "TIMEZONE", "value": "Etc/UTC"},
        {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
        {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
        {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
    ]


def _place(session: Session) -> dict[str, Any]:
    return {
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
    }


def _result(session: Session, answer: Answer, query_id: str) -> dict[str, Any]:
    rowtype = [
        {"name": name, "type": "text", "nullable": True, "length": 16777216, "byteLength": 16777216}
        | {"precision": None, "scale": None, "database": "", "schema": "", "table": "", "collation": None}
        for name in answer.columns
    ]
    return {
        "parameters": _parameters(),
        "rowtype": rowtype,
        "rowset": [[None if value is None else str(value) for value in row] for row in answer.rows],
        "total": len(answer.rows),
        "returned": len(answer.rows),
        "queryId": query_id,
        "queryResultFormat": "json",
        "statementTypeId": answer.type_id,
        "numberOfBinds": 0,
        **_place(session),
    }


def _success(data: Any) -> JSONResponse:
    return JSONResponse({"data": data, "code": None, "message": None, "success": True})


def _failure(code: str, message: str, data: Mapping[str, Any] | None = None) -> JSONResponse:
    return JSONResponse({"data": data or {}, "code": code, "message": message, "success": False, "headers": None})


def _statement_failure(error: SnowflakeError, query_id: str) -> JSONResponse:
    data = {"errorCode": error.code, "sqlState": error.sqlstate, "queryId": query_id, "internalError": False}
    return _failure(error.code, error.message, data | {"line": -1, "pos": -1, "type": "COMPILATION"})


def _gone() -> JSONResponse:
    return _failure("390111", "Session no longer exists.  New login required to access the service.")


async def _nothing(request: Request) -> Response:
    return _success(None)
