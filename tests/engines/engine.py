# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The side of an engine that its user holds: starts the server process, knows how to log in, ends it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, Self

START_SECONDS = 60.0  # generous: a loaded machine compiles the libraries' bytecode on the first start
END_SECONDS = 15.0


class EngineError(RuntimeError):
    """An engine did not start, or ended by itself."""


class Engine(ABC):
    """One engine: `host`, `port`, `admin_user`, `admin_password`, `login`, `catalog()`.

    `host` may be any loopback address (127.0.0.x), so that several engines differ by host; `port` 0 takes a free one.
    """

    kind: ClassVar[str]

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._asked = (host, port)
        self._facts: Mapping[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    @classmethod
    def attach(cls, facts: Mapping[str, Any] | str | os.PathLike[str]) -> Self:
        """An engine that somebody else runs: from its facts, or from the ready file that holds them."""
        found = facts if isinstance(facts, Mapping) else json.loads(Path(facts).read_text(encoding="utf-8"))
        engine = cls(found["host"], found["port"])
        engine._facts = found
        return engine

    @property
    def host(self) -> str:
        return str(self._facts["host"])

    @property
    def port(self) -> int:
        return int(self._facts["port"])

    @property
    def admin_user(self) -> str:
        return str(self._facts["admin_user"])

    @property
    def admin_password(self) -> str:
        return str(self._facts["admin_password"])

    @property
    def facts(self) -> dict[str, Any]:
        """What the ready file holds; the administrator's password is in it."""
        return dict(self._facts)

    @property
    @abstractmethod
    def login(self) -> dict[str, Any]:
        """The administrator's login, in the options of `immuta_sql_script`."""

    @abstractmethod
    def catalog(self) -> dict[str, Any]:
        """What the engine holds, read from the engine itself; no passwords."""

    @abstractmethod
    def can_login(self, user: str, password: str, database: str | None = None) -> bool:
        """Whether the real driver logs in with this password; a server that does not answer is an error."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise EngineError(f"this {self.kind} engine is not running here")
        return self._process.pid

    def start(self) -> None:
        """Start the server process and wait until it takes logins."""
        host, port = self._asked
        argv = [sys.executable, "-P", "-m", __package__, self.kind, "--host", host, "--port", str(port), "--with-stdin"]
        paths = [str(Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        try:
            self._facts = json.loads(self._first_line())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and wait for it; it removes its own files."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()  # what ends it when we die, too
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        if self._errors is not None:
            self._errors.close()

    def _first_line(self) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        ready, _unused, _unused = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise EngineError(f"the {self.kind} engine did not start: {self._stderr()}")
        return line

    def _stderr(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").strip()[-4000:]


class DatabaseEngine(Engine):
    """An engine whose administrator logs in to one of its databases, by name and password."""

    @property
    def database(self) -> str:
        """The database of a new Redshift cluster, the dedicated pool of a new Synapse server."""
        return str(self._facts["database"])

    @property
    def login(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "username": self.admin_user,
            "password": self.admin_password,
            "ssl": False,
        }
