# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that makes PostgreSQL look enough like Redshift for `redshift_connector`.

It takes part in the conversation (PostgreSQL documentation, "Frontend/Backend Protocol") at three places: at the start
it refuses encryption and drops parameters that PostgreSQL does not know, in the greeting it reports the server version
of Redshift, and on the way to the server it rewrites statements. What the server answers later is copied as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

from .rewrite import rewritten

SERVER_VERSION = b"8.0.2"
KNOWN_PARAMETERS = frozenset({b"user", b"database", b"application_name", b"client_encoding", b"options"})

PROTOCOL_3 = 196608
CANCEL_REQUEST = 80877102
ENCRYPTION_REQUESTS = frozenset({80877103, 80877104})  # TLS, GSSAPI
LARGEST_START = 10_000  # as in PostgreSQL

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def proxy(listener: socket.socket, upstream: Path) -> AsyncIterator[None]:
    """Serve on `listener`, in front of the server behind the socket file `upstream`."""
    conversations: set[asyncio.Task[None]] = set()

    def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(_converse((reader, writer), upstream))
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    server = await asyncio.start_server(arrived, sock=listener)
    try:
        yield
    finally:
        server.close()
        for task in tuple(conversations):
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def _converse(client: Streams, upstream: Path) -> None:
    """One connection from its first byte to its last."""
    server: Streams | None = None
    try:
        start = await _start(client)
        server = await asyncio.open_unix_connection(str(upstream))
        server[1].write(struct.pack("!I", len(start) + 4) + start)
        greeted = asyncio.Event()
        to_server = asyncio.ensure_future(_requests(client[0], server[1], greeted))
        try:
            await _greeting(server[0], client[1])
            greeted.set()
            await _copy(server[0], client[1])
        finally:
            to_server.cancel()
    except (OSError, EOFError, ValueError):
        pass  # either side went away, or does not speak the protocol: nothing to tell anybody
    finally:
        for streams in (client, server):
            if streams is not None:
                streams[1].close()


async def _start(client: Streams) -> bytes:
    """The start-up or cancel request, as PostgreSQL may see it, without its length."""
    reader, writer = client
    while True:
        length = struct.unpack("!I", await reader.readexactly(4))[0]
        if not 8 <= length <= LARGEST_START:
            raise ValueError("not a start-up packet")
        packet = await reader.readexactly(length - 4)
        code = struct.unpack("!I", packet[:4])[0]
        if code in ENCRYPTION_REQUESTS:
            writer.write(b"N")
        elif code == CANCEL_REQUEST:
            return packet
        else:
            return struct.pack("!I", PROTOCOL_3) + _known(packet[4:])


def _known(parameters: bytes) -> bytes:
    """The start-up parameters that PostgreSQL knows."""
    words = iter(parameters.split(b"\0"))
    pairs = [(name, next(words, b"")) for name in words if name]
    return b"".join(name + b"\0" + value + b"\0" for name, value in pairs if name in KNOWN_PARAMETERS) + b"\0"


async def _requests(client: asyncio.StreamReader, server: asyncio.StreamWriter, greeted: asyncio.Event) -> None:
    """Pass the client's messages on until its end, statements rewritten.

    The driver sends a flush after the password. A server that has refused the password has hung up by then, and what
    it said would be lost with the failed write: the flush means nothing there, so it stays here.
    """
    with contextlib.suppress(OSError, EOFError, ValueError):  # the client went away, or lost its mind
        while True:
            kind, body = await _message(client)
            if kind == b"H" and not greeted.is_set():
                continue
            if kind == b"P":  # parse: a name, the statement, types of parameters
                name, sql, types = body.split(b"\0", 2)
                body = b"\0".join((name, _rewritten(sql), types))
            elif kind == b"Q":
                body = _rewritten(body[:-1]) + b"\0"
            await _send(server, kind, body)
    with contextlib.suppress(OSError):
        server.write_eof()  # or the server would hold the session, and with it the database


def _rewritten(statement: bytes) -> bytes:
    return rewritten(statement.decode(errors="surrogateescape")).encode(errors="surrogateescape")


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    length = struct.unpack("!I", await reader.readexactly(4))[0]
    return kind, await reader.readexactly(length - 4)


async def _send(writer: asyncio.StreamWriter, kind: bytes, body: bytes) -> None:
    writer.write(kind + struct.pack("!I", len(body) + 4) + body)
    await writer.drain()


async def _greeting(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    """Pass the server's messages up to the first "ready for query", with Redshift's version among the parameters."""
    kind = b""
    while kind != b"Z":
        kind, body = await _message(server)
        if kind == b"S" and body.startswith(b"server_version\0"):
            body = b"server_version\0" + SERVER_VERSION + b"\0"
        await _send(client, kind, body)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the end of the source, then say so to the target."""
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.write_eof()
