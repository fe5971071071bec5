# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server process of an engine: serve until told to end, then leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

from .workdir import workdir

Facts = dict[str, Any]
# Serves on the listening socket while entered; its value is what users need to log in.
Server = Callable[[socket.socket, Path], AbstractAsyncContextManager[Facts]]


def serve(server: Server, host: str, port: int, *, ready_file: Path | None, with_stdin: bool) -> None:
    """Run `server` in the foreground until SIGTERM, SIGINT or SIGHUP, or the end of stdin if `with_stdin`."""
    with workdir() as directory, listen(host, port) as listener:
        tempfile.tempdir = str(directory)  # whatever a library puts into a temporary file goes with us
        asyncio.run(_until_told(server, listener, directory, ready_file, with_stdin))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, so that asyncio sets TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    listener.setblocking(False)
    return listener


async def _until_told(server: Server, listener: socket.socket, directory: Path, ready_file: Path | None, with_stdin: bool) -> None:
    _cancel_when_told(with_stdin)
    host, port = listener.getsockname()
    with suppress(asyncio.CancelledError):
        async with server(listener, directory) as facts:
            _announce({"host": host, "port": port, "pid": os.getpid(), "directory": str(directory), **facts}, ready_file)
            try:
                await asyncio.Event().wait()
            finally:
                if ready_file is not None:
                    ready_file.unlink(missing_ok=True)


def _cancel_when_told(with_stdin: bool) -> None:
    """Cancel the current task, once: being told again must not disturb the clearing up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    cancel = iter([task.cancel])

    def told() -> None:
        for end in cancel:
            end()

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            told()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, told)
    if with_stdin:
        loop.add_reader(sys.stdin.fileno(), read)


def _announce(facts: Facts, ready_file: Path | None) -> None:
    """Say what users need, on stdout or in a file of mode 0600 that appears whole."""
    text = json.dumps(facts)
    if ready_file is None:
        print(text, flush=True)
        return
    part = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
    with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    part.replace(ready_file)
