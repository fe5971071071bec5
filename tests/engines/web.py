# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serving a web application inside an engine's process, with connections that a fault can break."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol


@asynccontextmanager
async def serving(application: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serve on the listening socket while entered."""
    settings = uvicorn.Config(application, http=_Protocol, log_level="error", lifespan="off", timeout_graceful_shutdown=2)
    running = uvicorn.Server(settings)
    # Not serve(): it would take over the signals, which are the process's.
    task = asyncio.ensure_future(running._serve(sockets=[listener]))
    try:
        while not running.started:
            await asyncio.sleep(0.01)
        yield
    finally:
        running.should_exit = True
        await task


async def hang_up(request: Request) -> None:
    """End the request's connection at once, with a TCP reset and without an answer."""
    transport: asyncio.Transport = request.state.transport
    plain = transport.get_extra_info("socket")
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0.05)  # uvicorn has to learn of it before the request ends


class _Protocol(H11Protocol):
    """HTTP whose requests know their connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn wants a Transport, asyncio promises a BaseTransport
