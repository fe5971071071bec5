# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server process: conversations in TDS, in front of one logical server."""

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

from . import batch, tds
from .channel import Channel, certificate
from .database import MASTER, POOL, Server, Session, SqlFailed
from .tds import Reply

ADMIN = "sqladminuser"


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new server with one dedicated pool on `listener`; the value says how to log in."""
    password = secrets.token_urlsafe(18) + "aA1!"
    context, public = certificate(directory, listener.getsockname()[0])
    service = Service(Server(ADMIN, password), context)
    conversations: set[asyncio.Task[None]] = set()

    def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(service.converse(Channel(reader, writer)))
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
    """A conversation with every client."""

    def __init__(self, holds: Server, context: ssl.SSLContext) -> None:
        self._server = holds
        self._context = context

    async def converse(self, channel: Channel) -> None:
        """One connection from its first byte to its last."""
        try:
            session = await self._log_in(channel)
            if session is not None:
                await self._serve(channel, session)
        except (OSError, EOFError, ssl.SSLError, ValueError):
            pass  # the client went away, or does not speak the protocol: nothing to tell anybody
        finally:
            channel.close()

    async def _log_in(self, channel: Channel) -> Session | None:
        asked = await _expect(channel, tds.PRELOGIN)
        encrypted = tds.encryption_wanted(asked) in (tds.ON, tds.REQUIRED)
        await channel.send(tds.RESPONSE, tds.prelogin_answer(tds.ON if encrypted else tds.NOT_SUPPORTED))
        if encrypted:
            await channel.encrypt(self._context)
        login = tds.login_of(await _expect(channel, tds.LOGIN))
        try:
            session = self._server.log_in(login.user, login.password, login.database or MASTER)
        except SqlFailed as failed:
            await channel.send(tds.RESPONSE, tds.answer([failed.message()]))
            return None
        await channel.send(tds.RESPONSE, tds.welcome(session.database.name))
        return session

    async def _serve(self, channel: Channel, session: Session) -> None:
        """Batch after batch, until the client goes; it may call one off while it runs."""
        coming = asyncio.ensure_future(channel.message())
        try:
            while True:
                kind, data = await coming
                coming = asyncio.ensure_future(channel.message())
                if kind == tds.ATTENTION:
                    await channel.send(tds.RESPONSE, tds.done(tds.CANCELLED))
                elif kind != tds.BATCH:
                    raise ValueError("neither a batch nor an attention")
                elif not await self._run(channel, session, tds.batch_of(data), coming):
                    return
        finally:
            coming.cancel()
            with contextlib.suppress(BaseException):
                await coming

    async def _run(self, channel: Channel, session: Session, sql: str, coming: asyncio.Future[Any]) -> bool:
        """One batch and its answer; False when a fault ended the conversation."""
        replies: list[Reply] = []
        fault = self._server.fault_for(sql)
        if fault != "before":
            running = asyncio.ensure_future(batch.run(session, sql, replies.append))
            await asyncio.wait({running, coming}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():  # an attention, or the end: what did not happen yet does not happen
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
                return True
            running.result()
        if fault:
            channel.reset()
            return False
        await channel.send(tds.RESPONSE, tds.answer(replies))
        return True


async def _expect(channel: Channel, wanted: int) -> bytes:
    kind, data = await channel.message()
    if kind != wanted:
        raise ValueError(f"not a message of type {wanted}")
    return data
