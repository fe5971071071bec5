# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP interface that Snowflake's drivers, 4.x and 5.x, speak."""

from __future__ import annotations

import asyncio
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

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .account import Account
from .errors import LoginRefused, SnowflakeError
from .session import Session, log_in
from .statements import carry_out
from .storage import Answer, translated

WAITS = re.compile(r"\s*SELECT SYSTEM\$WAIT\((\d+)\)\s*", re.IGNORECASE)
PARAMETERS = [
    {"name": "AUTOCOMMIT", "value": True},
    {"name": "TIMEZONE", "value": "Etc/UTC"},
    {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
    {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
    {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
]
TEXT = {"type": "text", "nullable": True, "length": 16777216, "byteLength": 16777216, "precision": None, "scale": None, "collation": None}
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
        posts = {
            "/session/v1/login-request": self.login,
            "/session/heartbeat": _nothing,
            "/session": self.end_session,
            "/queries/v1/query-request": self.query,
            "/queries/v1/abort-request": _nothing,
            "/telemetry/send": _nothing,
        }
        return Starlette(routes=[*(Route(path, answer, methods=["POST"]) for path, answer in posts.items()), Route("/engine/catalog", self.catalog)])

    async def login(self, request: Request) -> Response:
        """POST /session/v1/login-request."""
        data = (await _json(request))["data"]
        try:
            session = log_in(self._account, data, request.query_params)
        except LoginRefused as refused:
            return _failure(refused.code, refused.message)
        self._sessions[session.token] = session
        place = {"databaseName": session.database, "schemaName": session.schema, "warehouseName": session.warehouse, "roleName": session.role}
        return _success(
            {
                **{"token": session.token, "masterToken": session.token, "validityInSeconds": 14_400, "masterValidityInSeconds": 14_400},
                **{"displayUserName": session.user.name[0], "serverVersion": "10.0.0", "firstLogin": False, "remMeToken": None},
                **{"healthCheckInterval": 45, "newClientForUpgrade": None, "sessionId": next(self._numbers)},
                **{"parameters": PARAMETERS, "sessionInfo": place},
            }
        )

    async def end_session(self, request: Request) -> Response:
        """POST /session?delete=true."""
        session = self._session(request)
        if session is None:
            return _gone()
        del self._sessions[session.token]
        session.connection.close()
        return _success(None)

    async def query(self, request: Request) -> Response:
        """POST /queries/v1/query-request."""
        session = self._session(request)
        if session is None:
            return _gone()
        sql = (await _json(request)).get("sqlText") or ""
        query_id = str(uuid.uuid4())
        if waits := WAITS.fullmatch(sql):
            await _wait(request, int(waits[1]))
            sql = f"SELECT 'waited {waits[1]} seconds'"
        if session.parameters.get("QUERY_TAG"):
            self._tags.update([str(session.parameters["QUERY_TAG"])])
        try:
            return _success(_result(session, carry_out(session, sql), query_id))
        except SnowflakeError as error:
            return _statement_failure(error, query_id)
        except Exception as error:  # a bug of ours: the driver would repeat a 500 for minutes
            logger.exception("a statement failed inside the engine: %s", type(error).__name__)
            return _statement_failure(translated(error), query_id)

    async def catalog(self, request: Request) -> Response:
        """GET /engine/catalog: what the account holds, and the tags of queries."""
        return JSONResponse({**self._account.catalog(), "query_tags": self._tags})

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


def _result(session: Session, answer: Answer, query_id: str) -> dict[str, Any]:
    place = {"database": "", "schema": "", "table": ""}
    return {
        "parameters": PARAMETERS,
        "rowtype": [{**TEXT, **place, "name": column} if isinstance(column, str) else column for column in answer.columns],
        "rowset": [[None if value is None else str(value) for value in row] for row in answer.rows],
        "total": len(answer.rows),
        "returned": len(answer.rows),
        **{"queryId": query_id, "queryResultFormat": "json", "statementTypeId": answer.type_id, "numberOfBinds": 0},
        **{"finalDatabaseName": session.database, "finalSchemaName": session.schema},
        **{"finalWarehouseName": session.warehouse, "finalRoleName": session.role},
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
