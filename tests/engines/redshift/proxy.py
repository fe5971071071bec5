# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that makes PostgreSQL look enough like Redshift for `redshift_connector`.

It speaks only the start of the conversation (PostgreSQL documentation, "Frontend/Backend Protocol"): refuses
encryption, drops start-up parameters that PostgreSQL does not know, and reports the server version of Redshift. After
the first "ready for query" it copies bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

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
        to_server = asyncio.ensure_future(_copy(client[0], server[1]))
        try:
            await _greeting(server[0], client[1])
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


async def _greeting(server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
    """Pass the server's messages up to the first "ready for query", with Redshift's version among the parameters."""
    kind = b""
    while kind != b"Z":
        kind = await server.readexactly(1)
        length = struct.unpack("!I", await server.readexactly(4))[0]
        body = await server.readexactly(length - 4)
        if kind == b"S" and body.startswith(b"server_version\0"):
            body = b"server_version\0" + SERVER_VERSION + b"\0"
        client.write(kind + struct.pack("!I", len(body) + 4) + body)
        await client.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the end of the source, then say so to the target."""
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()
