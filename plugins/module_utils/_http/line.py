# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that keep to one deadline an attempt, cap what they read, and know how far the request came.

A timeout of requests and urllib3 bounds a single wait: a server that sends a byte now and then keeps a task for ever. Here
each wait gets what is left of the attempt. The attempt belongs to the thread; the connections stay in urllib3's pools.

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

# What an answer may be long, as it travels (headers included) and unpacked. Bytes.
LONGEST_ANSWER = 64 * 1024 * 1024
_BLOCK = 64 * 1024

# How far a request came.
NOWHERE, CONNECTING, CONNECTED, ON_ITS_WAY = range(4)


class AnswerTooLong(OSError):
    """The server sends more than C(LONGEST_ANSWER)."""


@dataclass
class Attempt:
    """One request on its way. until: the deadline, by the machine's monotonic clock. reached: how far it came."""

    until: float
    reached: int = NOWHERE

    def left(self) -> float:
        """The seconds that are left. Raises socket.timeout when there are none."""
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise socket.timeout("timed out")
        return seconds


_CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


@contextmanager
def attempt(seconds: float) -> Iterator[Attempt]:
    """The attempt that all connections of this thread keep to meanwhile."""
    going = Attempt(time.monotonic() + seconds)
    token = _CURRENT.set(going)
    try:
        yield going
    finally:
        _CURRENT.reset(token)


@cache
def bounded(pool: type) -> type:
    """The same kind of urllib3 connection pool, with connections that keep to the attempt."""
    from urllib3.connection import HTTPConnection as Plain

    kind: Any = pool.ConnectionCls  # type: ignore[attr-defined]  # every pool of urllib3 has one
    if issubclass(kind, _Bounded):
        return pool
    # Where somebody else opens the connection (SOCKS), this stays so.
    mixin = _Direct if kind._new_conn is Plain._new_conn else _Bounded
    return type(pool.__name__, (pool,), {"ConnectionCls": type(kind.__name__, (mixin, kind), {})})


class _Reader(io.RawIOBase):
    """What comes from a socket, in the time and up to the length that the attempt allows."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, going: Attempt) -> None:
        self.ended = False
        self._raw = raw
        self._sock = sock
        self._going = going
        self._room = LONGEST_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._going.left())
        count: int = self._raw.readinto(buffer) or 0
        self.ended = count == 0
        self._room -= count
        if self._room < 0:
            raise AnswerTooLong("the answer is too long")
        return count

    def close(self) -> None:
        super().close()
        self._raw.close()


class _BoundedResponse(HTTPResponse):
    """An answer that is read in the time and up to the length that the attempt allows."""

    _reader: _Reader | None = None

    def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        going = _CURRENT.get()
        if going is not None:
            self._reader = _Reader(self.fp.detach(), sock, going)
            self.fp = io.BufferedReader(self._reader)

    def begin(self, *args: Any, **settings: Any) -> None:
        """Read status and headers. Raises IncompleteRead when they are cut off: http.client takes that for the end of the headers."""
        super().begin(*args, **settings)
        if self._reader is not None and self._reader.ended:
            self.close()
            raise IncompleteRead(b"")


class _Bounded(HTTPConnection):
    """A connection of which each wait ends with the attempt, and which notes how far the request came."""

    response_class = _BoundedResponse
    _asking = False

    def connect(self) -> None:
        going = _CURRENT.get()
        if going is None:
            super().connect()
            return
        going.reached = CONNECTING
        self._asking, asking = False, self._asking
        super().connect()
        going.reached, self._asking = CONNECTED, asking

    def request(self, *args: Any, **settings: Any) -> None:
        self._asking = True
        try:
            super().request(*args, **settings)
        finally:
            self._asking = False

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        going = _CURRENT.get()
        if going is None or not isinstance(data, bytes):
            super().send(data)
            return
        if self._asking:
            going.reached = ON_ITS_WAY
        view = memoryview(data)
        for start in range(0, len(data), _BLOCK):
            self.sock.settimeout(going.left())
            super().send(view[start : start + _BLOCK])


class _Direct(_Bounded):
    """The same, where the connection is opened here."""

    socket_options: Any

    def _new_conn(self) -> socket.socket:
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

        try:
            opened = _open(self, _CURRENT.get())
        except socket.timeout as error:
            raise ConnectTimeoutError(self, f"no connection with {self.host}") from error
        except OSError as error:
            # This class is mixed into one of urllib3's, which mypy does not see
            raise NewConnectionError(self, f"no connection with {self.host}: {error}") from error  # type: ignore[arg-type]
        sys.audit("http.client.connect", self, self.host, self.port)
        return opened


def _open(connection: Any, going: Attempt | None) -> socket.socket:
    """A connection with the first of the host's addresses that takes it. Each gets its share of the time that is left."""
    going = going or Attempt(time.monotonic() + (connection.timeout or threading.TIMEOUT_MAX))
    addresses = _addresses(getattr(connection, "_dns_host", connection.host), connection.port, going.left())
    failure: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for number, (family, kind, protocol, _name, address) in enumerate(addresses):
        try:
            return _connected(socket.socket(family, kind, protocol), address, connection, going, len(addresses) - number)
        except OSError as error:
            failure = error
    raise failure


def _connected(opened: socket.socket, address: Any, connection: Any, going: Attempt, among: int) -> socket.socket:
    try:
        for option in connection.socket_options or ():
            opened.setsockopt(*option)
        if connection.source_address:
            opened.bind(connection.source_address)
        opened.settimeout(going.left() / among)
        opened.connect(address)
        opened.settimeout(going.left())
    except BaseException:
        opened.close()
        raise
    return opened


def _addresses(host: str, port: int, seconds: float) -> list[Any]:
    """The addresses of a host. Raises what the name service raises, and socket.timeout: it is asked in a thread, as it takes no deadline."""
    from urllib3.util.connection import allowed_gai_family

    host = host.strip("[]")
    outcome: list[Any] = []

    def ask() -> None:
        try:
            outcome.append(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM))
        except UnicodeError:
            outcome.append(socket.gaierror(socket.EAI_NONAME, "it cannot be the name of a host"))
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, name="name service", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise socket.timeout("the name service did not answer")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    found: list[Any] = outcome[0]
    return found
