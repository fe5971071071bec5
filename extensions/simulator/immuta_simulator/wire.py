# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every request to the tenant goes through: fault, access, handler, fault, log. Pure ASGI, around the routes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .access import Access, kind_of
from .faults import Fault, Faults
from .journal import Journal, is_write
from .problems import Problem
from .settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

OPEN_PATHS = frozenset({"/bim/apikey/authenticate"})


@dataclass
class Answer:
    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    @classmethod
    def json(cls, status: int, document: Any) -> Answer:
        return cls(status, json.dumps(document).encode(), [(b"content-type", b"application/json; charset=utf-8")])


class Wire:
    def __init__(self, app: App, settings: Settings, access: Access, journal: Journal) -> None:
        self.settings = settings
        self.access = access
        self.faults = Faults()
        self.journal = journal
        #: refuse new connections, and take them again; whoever serves this knows how
        self.close = self.open = _nothing
        self._app = app
        self._held: list[dict[str, str]] = []
        self._active = 0
        self._idle = asyncio.Event()
        self._hurry = asyncio.Event()

    def held(self) -> list[dict[str, str]]:
        """The requests whose delay is running."""
        return list(self._held)

    async def settle(self) -> None:
        """Ends all delays and waits until no request is under way."""
        self._hurry.set()
        while self._active:
            self._idle.clear()
            await self._idle.wait()
        self._hurry.clear()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self._active += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._active -= 1
            self._idle.set()

    async def _serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        started = time.time()
        body = await _whole(receive)
        if not scope["path"].startswith("/"):  # asked as a proxy is
            scope["path"], scope["raw_path"] = urlsplit(scope["path"]).path, urlsplit(scope["raw_path"]).path
        scope["state"]["body"] = body
        query = scope["query_string"].decode()
        fault = self.faults.take(scope["method"], f"{scope['path']}?{query}" if query else scope["path"])
        answer = await self._answer(scope, fault)
        self._log(scope, query, started, fault, answer, body)
        if fault is None or not fault.down:
            return await _deliver(scope, send, fault, answer)
        await self.close()
        await _deliver(scope, send, fault, answer)
        await self._wait(fault.down)
        await self.open()

    async def _answer(self, scope: MutableMapping[str, Any], fault: Fault | None) -> Answer | None:
        """What goes back, None when nothing does."""
        if fault is None:
            return await self._handle(scope)
        real = await self._handle(scope) if fault.when == "after" else None
        await self._delay(scope, fault)
        if not fault.reset and fault.status is None:
            return _labelled(real or await self._handle(scope), fault)
        if fault.status is None:
            return None
        headers = {
            "content-type": "text/html; charset=utf-8" if fault.body.lstrip().startswith("<") else "application/json",
            **_lower(fault.headers),
        }
        return Answer(fault.status, fault.body.encode(), [(name.encode(), value.encode()) for name, value in headers.items()])

    async def _delay(self, scope: MutableMapping[str, Any], fault: Fault) -> None:
        request = {"method": scope["method"], "path": scope["path"]}
        self._held.append(request)
        await self._wait(fault.delay)
        self._held.remove(request)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _handle(self, scope: MutableMapping[str, Any]) -> Answer:
        try:
            self._admit(scope)
        except Problem as problem:
            return Answer.json(problem.status, problem.body())
        return await _call(self._app, scope)

    def _admit(self, scope: MutableMapping[str, Any]) -> None:
        path = scope["path"]
        if path not in OPEN_PATHS:
            self.access.check(_header(scope, b"authorization"))
        if path.startswith("/integrations") and not self.settings.application_admin:
            raise Problem(403, "You do not have permission to perform this action: APPLICATION_ADMIN is required.")
        if self.settings.refuse_writes and is_write(scope["method"], path, scope["query_string"].decode()):
            raise Problem(500, "Writes are refused here.")

    def _log(
        self,
        scope: MutableMapping[str, Any],
        query: str,
        started: float,
        fault: Fault | None,
        answer: Answer | None,
        body: bytes,
    ) -> None:
        entry = {
            "method": scope["method"],
            "path": scope["path"],
            "query": query,
            "status": answer.status if answer else None,
            "connection": scope["state"]["connection"],
            "write": is_write(scope["method"], scope["path"], query),
            "time": started,
            "user_agent": _header(scope, b"user-agent"),
            "auth": kind_of(_header(scope, b"authorization")),
            "fault": fault.name if fault else None,
        }
        received = answer.body.decode(errors="replace") if answer else ""
        self.journal.add(entry, body.decode(errors="replace"), received)


async def _nothing() -> None:
    pass


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _call(app: App, scope: MutableMapping[str, Any]) -> Answer:
    """Runs the routes and keeps their answer; a fault of ours is a 500 and a traceback on stderr."""
    answer = Answer(500, b"")

    async def nothing_more() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    try:
        await app(scope, nothing_more, keep)
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return Answer.json(500, Problem(500, "An internal server error occurred").body())
    return answer


async def _deliver(scope: MutableMapping[str, Any], send: Send, fault: Fault | None, answer: Answer | None) -> None:
    if answer is None:
        return await _reset(scope["state"]["transport"])
    length, body, cut = len(answer.body), answer.body, fault is not None and fault.truncate is not None
    if fault is not None and fault.truncate is not None:
        body = body[: fault.truncate]
        length = length if fault.wire else len(body)
    headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-length"]
    if answer.status != 204:
        headers.append((b"content-length", str(length).encode()))
    if fault is not None and fault.down:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if fault is not None and fault.drip:
        return await _drip(scope["state"]["transport"], send, body, fault.drip)
    broken = cut and length != len(body)
    await send({"type": "http.response.body", "body": body, "more_body": broken})
    if broken:
        scope["state"]["transport"].close()
        await asyncio.sleep(0.05)
    return None


async def _drip(transport: asyncio.Transport, send: Send, body: bytes, pause: float) -> None:
    """Sends a body byte by byte, as long as somebody listens."""
    for place in range(len(body)):
        await send({"type": "http.response.body", "body": body[place : place + 1], "more_body": place + 1 < len(body)})
        await asyncio.sleep(pause)
        if transport.is_closing():
            return


def _labelled(answer: Answer, fault: Fault) -> Answer:
    """The real answer with the fault's headers in place of its own."""
    changed = {name.encode(): value.encode() for name, value in _lower(fault.headers).items()}
    return Answer(answer.status, answer.body, [*((name, value) for name, value in answer.headers if name not in changed), *changed.items()])


async def _reset(transport: asyncio.Transport) -> None:
    """Ends the connection at once, with a TCP reset."""
    plain = transport.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0.05)  # the server has to learn of it before this request ends


def _header(scope: MutableMapping[str, Any], name: bytes) -> str:
    return next((value.decode(errors="replace") for key, value in scope["headers"] if key == name), "")


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}
