# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server that follows a script: the expected requests in order, each with its reply.

Anything else that arrives is answered by 599 and fails the test when the server ends, as does a request that never came.
It speaks HTTP/1.1 on plain sockets, so that it can also break off, reset and stay silent.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.community.immuta.plugins.module_utils._core.waiting import Clock

Reply = Callable[["_Line"], bool]


@dataclass(frozen=True)
class Request:
    """A received request. connection: the number of the TCP connection, from 1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


# --- replies to a request; a return value of True keeps the connection open


def reply(status: int, body: Any = None, *, reason: str = "", **headers: str) -> Reply:
    """Return a reply. A str or bytes body is sent unchanged, any other body as JSON. Header names have underscores in place of hyphens."""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "text/plain" if isinstance(body, (str, bytes)) else "application/json; charset=utf-8"}
    fields = {"Content-Length": str(len(raw)), **kind, **{name.replace("_", "-"): value for name, value in headers.items()}}

    def send(line: _Line) -> bool:
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        line.send(f"HTTP/1.1 {status} {reason or 'Reason'}\r\n{head}\r\n".encode() + raw)
        return fields.get("Connection") != "close"

    return send


def ok(body: Any = None, **headers: str) -> Reply:
    return reply(200, body, reason="OK", **headers)


def raw(text: bytes) -> Reply:
    """Return a reply that sends these bytes and closes the connection."""

    def send(line: _Line) -> bool:
        line.send(text)
        return False

    return send


def cut(body: bytes, *, promised: int, content_type: str = "application/json") -> Reply:
    """Return a reply with fewer bytes than its Content-Length."""
    return raw(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {promised}\r\n\r\n".encode() + body)


def hang_up(line: _Line) -> bool:
    """Close the connection without an answer."""
    return False


def reset(line: _Line) -> bool:
    """Reset the connection (RST) without an answer."""
    line.reset()
    return False


def silence(line: _Line) -> bool:
    """Send no answer while the server runs."""
    line.wire.ended.wait(30)
    return False


class _Line:
    """One TCP connection."""

    def __init__(self, wire: Wire, connection: socket.socket, number: int) -> None:
        self.wire = wire
        self.number = number
        self._socket = connection
        self._file = connection.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def serve(self) -> None:
        try:
            while (request := self._read()) is not None and self.wire.next_reply(request)(self):
                pass
        except (OSError, ssl.SSLError):
            pass  # the client closed the connection, as some tests intend
        finally:
            self._file.close()
            self._socket.close()

    def _read(self) -> Request | None:
        start = self._file.readline().decode("latin-1").split()
        if len(start) != 3:
            return None
        headers = {}
        while (line := self._file.readline().decode("latin-1").strip()) != "":
            name, _unused, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self._file.read(int(headers.get("content-length", "0")))
        return Request(start[0], start[1], headers, body, self.number)


class Wire:
    """The server. script: a list of ("METHOD /target", reply)."""

    def __init__(self, script: Sequence[tuple[str, Reply]], *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.ended = threading.Event()
        self.requests: list[Request] = []
        self._script = list(script)
        self._unexpected: list[str] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._connections = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._listen, daemon=True)

    @property
    def lines(self) -> list[str]:
        return [str(request) for request in self.requests]

    @property
    def connections(self) -> int:
        """The number of TCP connections that carried a request."""
        return len({request.connection for request in self.requests})

    def next_reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self._script and self._script[0][0] == str(request):
                return self._script.pop(0)[1]
            self._unexpected.append(str(request))
            return reply(599, f"not expected: {request}")

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # close() alone does not interrupt accept()
        self._listener.close()
        self._thread.join(5)
        if kind is None:
            left = [line for line, _unused in self._script]
            assert (self._unexpected, left) == ([], []), f"unexpected: {self._unexpected}; never came: {left}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _unused = self._listener.accept()
            except OSError:  # the listener is closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with self._lock:
            self._connections += 1
            number = self._connections
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        _Line(self, connection, number).serve()


class FakeClock(Clock):
    """A clock that advances only by sleeping. share: what its jitter leaves of a duration."""

    def __init__(self, now: float = 1_750_000_000.0, *, share: float = 1) -> None:
        self.share = share
        self.time = 0.0
        self.epoch = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.epoch + self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def jitter(self, seconds: float) -> float:
        return seconds * self.share
