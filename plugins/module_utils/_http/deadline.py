# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections with one deadline per attempt and a limit on what they read. They also record the progress of the request.

A timeout of requests and urllib3 limits a single wait only, so a server that sends a byte now and then could block a task forever.
Here each wait is limited to the time that remains of the attempt. The attempt belongs to the thread; urllib3 pools the connections.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import io
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from typing import Any

# Maximum size of an answer in bytes, as received (with headers) and decompressed.
MAX_ANSWER_SIZE = 64 * 1024 * 1024
_BLOCK = 64 * 1024

# The progress of a request.
NOT_CONNECTED, CONNECTING, CONNECTED, SENDING = range(4)


class AnswerTooLong(OSError):
    """The server sends more than C(MAX_ANSWER_SIZE)."""


@dataclass
class Attempt:
    """One attempt to send a request. deadline: in time.monotonic() seconds. reached: its progress."""

    deadline: float
    reached: int = NOT_CONNECTED

    def seconds_left(self) -> float:
        """Return the seconds before the deadline. Raise socket.timeout if it has passed."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise socket.timeout("timed out")
        return seconds


_CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


@contextmanager
def timed_attempt(seconds: float) -> Iterator[Attempt]:
    """Limit all connections of this thread to the given seconds. Yield the attempt."""
    current = Attempt(time.monotonic() + seconds)
    token = _CURRENT.set(current)
    try:
        yield current
    finally:
        _CURRENT.reset(token)


@cache
def pool_with_deadline(pool: type) -> type:
    """Return a subclass of the urllib3 pool class whose connections keep to the deadline of the attempt."""
    from urllib3.connection import HTTPConnection as Plain

    kind: Any = pool.ConnectionCls  # type: ignore[attr-defined]  # every pool of urllib3 has one
    if issubclass(kind, _ConnectionWithDeadline):
        return pool
    # A class that opens its connections itself (SOCKS) keeps doing so.
    mixin = _DirectConnection if kind._new_conn is Plain._new_conn else _ConnectionWithDeadline
    return type(pool.__name__, (pool,), {"ConnectionCls": type(kind.__name__, (mixin, kind), {})})


class _ReaderWithDeadline(io.RawIOBase):
    """Reads from a socket until the deadline of the attempt, and up to MAX_ANSWER_SIZE."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, current: Attempt) -> None:
        self.ended = False
        self._raw = raw
        self._sock = sock
        self._attempt = current
        self._bytes_left = MAX_ANSWER_SIZE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._attempt.seconds_left())
        count: int = self._raw.readinto(buffer) or 0
        self.ended = count == 0
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise AnswerTooLong("the answer is too long")
        return count

    def close(self) -> None:
        super().close()
        self._raw.close()


class _ResponseWithDeadline(HTTPResponse):
    """An answer that is read until the deadline of the attempt, and up to MAX_ANSWER_SIZE."""

    _reader: _ReaderWithDeadline | None = None

    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        current = _CURRENT.get()
        if current is not None:
            self._reader = _ReaderWithDeadline(self.fp.detach(), sock, current)
            self.fp = io.BufferedReader(self._reader)

    def begin(self, *args: Any, **settings: Any) -> None:
        """Read status and headers. Raise IncompleteRead if they are truncated, which http.client takes for the end of the headers."""
        super().begin(*args, **settings)
        if self._reader is not None and self._reader.ended:
            self.close()
            raise IncompleteRead(b"")


class _ConnectionWithDeadline(HTTPConnection):
    """A connection whose waits end at the deadline of the attempt. It records the progress of the request."""

    response_class = _ResponseWithDeadline
    _in_request = False

    def connect(self) -> None:
        current = _CURRENT.get()
        if current is None:
            super().connect()
            return
        current.reached = CONNECTING
        self._in_request, asking = False, self._in_request
        super().connect()
        current.reached, self._in_request = CONNECTED, asking

    def request(self, *args: Any, **settings: Any) -> None:
        self._in_request = True
        try:
            super().request(*args, **settings)
        finally:
            self._in_request = False

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        current = _CURRENT.get()
        if current is None or not isinstance(data, bytes):
            super().send(data)
            return
        if self._in_request:
            current.reached = SENDING
        view = memoryview(data)
        for start in range(0, len(data), _BLOCK):
            self.sock.settimeout(current.seconds_left())
            super().send(view[start : start + _BLOCK])


class _DirectConnection(_ConnectionWithDeadline):
    """A connection with a deadline that also opens its socket within the deadline."""

    socket_options: Any

    def _new_conn(self) -> socket.socket:
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

        try:
            opened = _open_socket(self, _CURRENT.get())
        except socket.timeout as error:
            raise ConnectTimeoutError(self, f"no connection with {self.host}") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection with {self.host}: {error}") from error  # type: ignore[arg-type]  # self is also urllib3's
        sys.audit("http.client.connect", self, self.host, self.port)
        return opened


def _open_socket(connection: Any, current: Attempt | None) -> socket.socket:
    """Return a socket connected to the first address of the host that accepts. Each address gets its share of the remaining time."""
    current = current or Attempt(time.monotonic() + (connection.timeout or threading.TIMEOUT_MAX))
    addresses = _resolve(getattr(connection, "_dns_host", connection.host), connection.port, current.seconds_left())
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for number, (family, kind, protocol, _name, address) in enumerate(addresses):
        try:
            return _connect_socket(socket.socket(family, kind, protocol), address, connection, current, len(addresses) - number)
        except OSError as error:
            failure = error
    raise failure


def _connect_socket(opened: socket.socket, address: Any, connection: Any, current: Attempt, addresses_left: int) -> socket.socket:
    try:
        for option in connection.socket_options or ():
            opened.setsockopt(*option)
        if connection.source_address:
            opened.bind(connection.source_address)
        opened.settimeout(current.seconds_left() / addresses_left)
        opened.connect(address)
        opened.settimeout(current.seconds_left())
    except BaseException:
        opened.close()
        raise
    return opened


def _resolve(host: str, port: int, seconds: float) -> list[Any]:
    """Return the addresses of a host. Raise the error of the resolver, or socket.timeout. The resolver takes no timeout, so it runs in a thread."""
    from urllib3.util.connection import allowed_gai_family

    host = host.strip("[]")
    outcome: list[Any] = []

    def ask() -> None:
        try:
            outcome.append(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM))
        except UnicodeError:
            outcome.append(socket.gaierror(socket.EAI_NONAME, "it is not a valid host name"))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, name="DNS lookup", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise socket.timeout("the DNS lookup timed out")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    found: list[Any] = outcome[0]
    return found
