# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a platform. A whole run of Ansible holds it, although each task of the run is a process of its own.

The lock is a file that names its holder. If the holder ran on this machine and has ended, the next run takes the lock over. A
holder on another machine or in a container cannot be checked, so the operator has to break its lock by its id.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import ImmutaError, OptionError

_PROC = Path("/proc")
_COMMANDS = ("ansible-playbook", "ansible", "ansible-console", "ansible-pull")


def take(paths: Sequence[Path], about: Mapping[str, str], *, break_id: str = "", run: Mapping[str, Any] | None = None) -> str:
    """Take the lock at all paths and return its id. Raise ImmutaError, which names the holder, if one is locked; none is taken then.

    about: content of the lock file, at least C(platform) and C(name), the inventory host. break_id: the id of a lock whose holder
    the operator knows to be dead. run: what C(new_run) returned, for a caller that takes many locks with one id.
    """
    own = {**about, **(run or new_run())}
    locked: list[Path] = []
    try:
        for path in paths:
            try:
                with _exclusive(path.parent):
                    held = holder(path)
                    if held is not None and not _can_take_over(held, own, break_id):
                        raise _held_by_other(path, held, own)
                    _write(path, own)
            except OSError as error:
                raise OptionError(f"The lock {path} cannot be written: {error.strerror}.", option="artifacts") from None
            locked.append(path)
    except BaseException:
        release(locked, own["run"])
        raise
    return str(own["run"])


def release(paths: Sequence[Path], run: str) -> None:
    """Release the lock at the paths where this run still holds it. A lock that no longer exists is not an error."""
    for path in paths:
        with suppress(FileNotFoundError), _exclusive(path.parent):
            held = holder(path)
            if held is not None and held.get("run") == run:
                path.unlink()


def holder(path: Path) -> dict[str, Any] | None:
    """Return the content of the lock file, or None if it does not exist. An unreadable file is a lock of an unknown holder: an empty dict."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_dead(held: Mapping[str, Any]) -> bool:
    """Return whether the holder has certainly ended: its play and its last script ended on this machine, or the machine was rebooted."""
    return _play_has_ended(held) and not _script_still_runs(held)


def _play_has_ended(held: Mapping[str, Any]) -> bool:
    machine = _this_machine()
    if not machine["boot"] or held.get("host") != machine["host"] or not held.get("pid"):
        return False
    if held.get("boot") != machine["boot"]:
        return True
    return held.get("namespace") == machine["namespace"] and _start_time(int(held["pid"])) != held.get("started")


def _script_still_runs(held: Mapping[str, Any]) -> bool:
    """Return whether a script of the run still runs although its play was killed. Its module keeps the ledger of the script locked."""
    for ledger in Path(held["folder"]).glob("*.ledger") if held.get("folder") else ():
        try:
            with open(ledger, "rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # the ledger was deleted, or the file system has no flock
            continue
    return False


def describe_holder(held: Mapping[str, Any]) -> str:
    """Return a description of the lock's holder for messages: user, host, job, process, and since when."""
    who = " ".join(filter(None, [str(held.get("user") or "an unknown user"), f"on {held['host']}" if held.get("host") else ""]))
    job = f", job {held['job']}" if held.get("job") else ""
    process = f", process {held['pid']}" if held.get("pid") else ""
    outlived = ", and its script still runs although the play was killed" if _play_has_ended(held) and _script_still_runs(held) else ""
    return f"{who}{job}{process}, since {held.get('since', 'an unknown time')}{outlived}"


def _can_take_over(held: Mapping[str, Any], own: Mapping[str, Any], break_id: str) -> bool:
    """Return whether this run may replace the lock: its holder is dead, the operator breaks it, or an earlier play of this run left it."""
    same_run = bool(held.get("pid")) and all(held.get(name) == own.get(name) for name in ("host", "boot", "namespace", "pid", "started", "name"))
    return is_dead(held) or same_run or (bool(break_id) and held.get("run") == break_id)


def _held_by_other(path: Path, held: Mapping[str, Any], own: Mapping[str, Any]) -> ImmutaError:
    if held.get("pid") and all(held.get(name) == own.get(name) for name in ("host", "boot", "pid", "started")):
        return ImmutaError(
            f"{held.get('name')} and {own.get('name')} are the same platform, {own['platform']}, and this run is at work on it already.",
            hint="Leave one of the two hosts out of the inventory. If they belong to different tenants, run one after the other with --limit.",
        )
    return ImmutaError(
        f"Another run is at work on {own['platform']}: {describe_holder(held)}. Nothing has been done.",
        hint=(
            f"Wait until it has ended. If it is certain that it is dead, run this again with -e immuta_platform_break_lock={held.get('run', '')},"
            f" or remove {path}."
        ),
        lock={name: held.get(name) for name in ("run", "host", "user", "pid", "job", "since")},
    )


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Keep other processes from reading or writing the lock in this folder meanwhile."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without flock; the race is short
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    temporary = path.with_name(f"{path.name}.{content['run']}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, sort_keys=True) + "\n")
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


# --- who this is -------------------------------------------------------------------------------------------------


def new_run() -> dict[str, Any]:
    """Return C(current_run) with a new id as C(run): 16 hexadecimal digits."""
    return {"run": secrets.token_hex(8), **current_run()}


def current_run() -> dict[str, Any]:
    """Return the user, machine, play process and job of the current run, and the time, as a lock file and the audit log show them."""
    pid = _play_pid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return {
        **_this_machine(),
        "pid": pid,
        "started": _start_time(pid) if pid else "",
        "user": user,
        "job": os.environ.get("JOB_ID", ""),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _this_machine() -> dict[str, str]:
    """Return host name, boot id and PID namespace of this machine. The last two are empty on systems without /proc."""
    boot, namespace = "", ""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink(_PROC / "self/ns/pid")
    return {"host": socket.gethostname(), "boot": boot, "namespace": namespace}


def _play_pid() -> int:
    """Return the process id of the play: the topmost ancestor that runs Ansible; 0 if there is none."""
    play, pid = 0, os.getpid()
    while pid > 0:
        if _is_ansible(pid):
            play = pid
        pid = _parent_pid(pid)
    return play


def _is_ansible(pid: int) -> bool:
    with suppress(OSError):
        program, *words = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        # distributions start Python with options such as -sP; after -m comes the name of a module
        script = next((word for word in words if not word.startswith("-")), "")
        names = [program, script] if os.path.basename(program).startswith("python") else [program]
        return any(os.path.basename(name) in _COMMANDS for name in names)
    return False


def _parent_pid(pid: int) -> int:
    fields = _stat_fields(pid)
    return int(fields[1]) if fields else 0


def _start_time(pid: int) -> str:
    """Return the start time of a process in kernel ticks; empty if it does not run. A reused process id has another start time."""
    fields = _stat_fields(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _stat_fields(pid: int) -> list[str]:
    """Return the fields after the name in /proc/PID/stat: state, parent, ...; empty if there is no such process."""
    with suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return []
