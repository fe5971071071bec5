# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of a Synapse engine."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ADMIN = "sqladminuser"
POOL = "pool"


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new server with one dedicated pool on `listener`; the value says how to log in."""
    from .channel import certificate

    password = secrets.token_urlsafe(18) + "aA1!"
    context, public = certificate(directory, listener.getsockname()[0])
    service = Service(password, context)
    conversations: set[asyncio.Task[None]] = set()

    def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(service.converse(reader, writer))
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    listening = await asyncio.start_server(arrived, sock=listener)
    try:
        yield {"kind": "synapse", "admin_user": ADMIN, "admin_password": password, "database": POOL, "certificate": str(public)}
    finally:
        listening.close()
        for task in tuple(conversations):
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


class Service:
    """The logical server, and a conversation with every client."""

    def __init__(self, password: str, context: ssl.SSLContext) -> None:
        from ..duck import Tables
        from ..password import Password
        from .ddl import add_database
        from .ledger import DBO, MASTER, Login, Server
        from .queries import DIALECT, MACROS, Session

        self._context = context
        self._server = Server()
        self._tables = Tables(DIALECT, *MACROS)
        self._server.logins[ADMIN] = Login(ADMIN, Password(password), admin=True)
        self._tables.create_database(MASTER)
        self._tables.create_schema(MASTER, DBO)
        add_database(Session(self._server, self._tables, self._server.databases[MASTER], ADMIN, DBO), POOL)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its last."""
        from .channel import Channel

        channel = Channel(reader, writer)
        try:
            session = await self._log_in(channel)
            if session is not None:
                await self._serve(channel, session)
        except (OSError, EOFError, ssl.SSLError, ValueError):
            pass  # the client went away, or does not speak the protocol: nothing to tell anybody
        finally:
            channel.close()

    async def _log_in(self, channel: Any) -> Any:
        from . import tds
        from .queries import Session
        from .replies import Message, SqlFailed

        kind, data = await channel.message()
        if kind != tds.PRELOGIN:
            raise ValueError("not a pre-login")
        encrypted = tds.encryption_wanted(data) in (tds.ON, tds.REQUIRED)
        await channel.send(tds.RESPONSE, tds.prelogin_answer(tds.ON if encrypted else tds.NOT_SUPPORTED))
        if encrypted:
            await channel.encrypt(self._context)
        kind, data = await channel.message()
        if kind != tds.LOGIN:
            raise ValueError("not a login")
        asked = tds.login_of(data)
        try:
            user, database = self._server.log_in(asked.user, asked.password, asked.database)
        except SqlFailed as failed:
            await channel.send(tds.RESPONSE, tds.refusal(Message(failed.number, failed.severity, failed.text, 1, failed.state)))
            return None
        await channel.send(tds.RESPONSE, tds.welcome(database.name))
        return Session(self._server, self._tables, database, asked.user, user)

    async def _serve(self, channel: Any, session: Any) -> None:
        """Batch after batch, until the client goes; it may call one off while it runs."""
        from . import tds

        coming = asyncio.ensure_future(channel.message())
        try:
            while True:
                kind, data = await coming
                coming = asyncio.ensure_future(channel.message())
                if kind == tds.ATTENTION:
                    await channel.send(tds.RESPONSE, tds.done(tds.CANCELLED))
                elif kind == tds.BATCH:
                    if not await self._run(channel, session, tds.batch_of(data), coming):
                        return
                else:
                    raise ValueError("neither a batch nor an attention")
        finally:
            coming.cancel()
            with contextlib.suppress(BaseException):
                await coming

    async def _run(self, channel: Any, session: Any, sql: str, coming: asyncio.Future[Any]) -> bool:
        """One batch and its answer; False when a fault ended the conversation."""
        from . import tds
        from .batch import Batch
        from .replies import Reply

        replies: list[Reply] = []
        fault = self._server.fault_for(sql)
        if fault == "before":
            channel.reset()
            return False
        running = asyncio.ensure_future(Batch(session, replies.append).run(sql))
        await asyncio.wait({running, coming}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():  # an attention, or the end: what did not happen yet does not happen
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            return True
        running.result()
        if fault == "after":
            channel.reset()
            return False
        await channel.send(tds.RESPONSE, tds.answer(replies))
        return True
