# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process, two ports on loopback: the tenant, and the control that tests use."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .access import Access
from .connections import Connections
from .control import Control
from .jobs import Jobs
from .journal import Journal
from .routes import Routes
from .settings import Settings
from .tenant import Tenant
from .warehouses import Warehouses
from .wire import Wire

_numbers = itertools.count(1)
KEEP_ALIVE = 75  # seconds that an idle connection stays open


@dataclass
class Options:
    port: int = 0
    control_port: int = 0
    api_key: str = ""
    warehouses: list[dict[str, Any]] = field(default_factory=list)
    switches: dict[str, Any] = field(default_factory=dict)
    ready_file: Path | None = None
    log_file: Path | None = None
    with_parent: bool = False  # end when stdin closes
    announce: Callable[[Mapping[str, Any]], None] = lambda facts: None  # called when requests are answered


class NumberedProtocol(H11Protocol):
    """HTTP/1.1 whose requests know the number of their connection, and can break it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.app_state = {**self.app_state, "connection": next(_numbers), "transport": transport}
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn asks for a narrower type than asyncio


class Server(uvicorn.Server):
    """Signals are the process's business, not each server's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def close(self) -> None:
        """Refuse new connections, and keep the port."""
        port = self.servers[0].sockets[0].getsockname()[1]
        for each in self.servers:
            each.close()
        self._kept = _bind(port)

    async def open(self) -> None:
        """Take connections again, on the same port."""

        def protocol() -> NumberedProtocol:
            return NumberedProtocol(self.config, self.server_state, self.lifespan.state)

        self.servers = [await asyncio.get_running_loop().create_server(protocol, sock=self._kept)]


def serve(options: Options) -> None:
    """Serve until a signal, the action stop, or the parent's end. ValueError for bad settings and warehouses, OSError for a port that is taken."""
    settings, warehouses = Settings(**options.switches), Warehouses(options.warehouses)
    tenant, jobs = Tenant(settings, warehouses), Jobs(settings)
    connections = Connections(settings, tenant, jobs)
    access = Access(options.api_key, settings)
    outside = Wire(Routes(tenant, connections, jobs, access, settings).app(), settings, access, Journal(options.log_file))
    server = _server(outside)
    outside.close, outside.open = server.close, server.open
    sockets = [_listen(options.port), _listen(options.control_port)]
    url, control_url = (f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets)
    facts = {"url": url, "control_url": control_url, "api_key": options.api_key, "pid": os.getpid()}
    control = Control(outside, tenant, connections, warehouses, facts)
    servers = [server, _server(control.app())]
    with _ready_file(options.ready_file, facts):
        options.announce(facts)
        asyncio.run(_run(servers, sockets, control, options.with_parent))


def _server(app: Any) -> Server:
    return Server(
        uvicorn.Config(
            app, http=NumberedProtocol, lifespan="off", log_level="critical", access_log=False, timeout_keep_alive=KEEP_ALIVE,
            server_header=False, timeout_graceful_shutdown=1,
        )
    )  # fmt: skip


def _listen(port: int) -> socket.socket:
    sock = _bind(port)
    sock.listen(128)
    return sock


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, so that asyncio sets TCP_NODELAY
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        raise OSError(f"cannot listen on 127.0.0.1:{port}: {error.strerror}") from None
    return sock


@contextmanager
def _ready_file(path: Path | None, facts: Mapping[str, Any]) -> Iterator[None]:
    """The file is complete from the moment that it is there, and gone with the simulator."""
    if path is None:
        yield
        return
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(facts), encoding="utf-8")
    draft.rename(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


async def _run(servers: list[Server], sockets: list[socket.socket], control: Control, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    control.stop = stop
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if with_parent:
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(stop)), daemon=True).start()
    await asyncio.gather(*(server.serve(sockets=[sock]) for server, sock in zip(servers, sockets)))
