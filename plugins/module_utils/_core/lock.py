# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock that outlives the process that takes it: it is held by a whole run of Ansible, whose tasks are processes of their own.

It is a file that says who holds it. A holder on this machine that has ended is recognised, and its lock is taken over. Of one on
another machine, or in a container, nobody here can tell: the operator breaks it by its id.

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


def take(places: Sequence[Path], about: Mapping[str, str], *, break_id: str = "") -> str:
    """Take the lock in all places, and return its id.

    about: what is locked, by C(platform) and the inventory host's C(name), and what else the file shall say. break_id: the id of a
    lock that the operator knows to be dead. Raises ImmutaError, which says who holds it, and takes none then.
    """
    mine = {"run": secrets.token_hex(8), **about, **who()}
    taken: list[Path] = []
    try:
        for place in places:
            with _guarded(place.parent):
                held = holder(place)
                if held is not None and not _may_go(held, mine, break_id):
                    raise _refusal(place, held, mine)
                _write(place, mine)
            taken.append(place)
    except BaseException:
        release(taken, mine["run"])
        raise
    return str(mine["run"])


def release(places: Sequence[Path], run: str) -> None:
    """Give the lock back where it is still this run's. Raises nothing when it is gone."""
    for place in places:
        with suppress(FileNotFoundError), _guarded(place.parent):
            held = holder(place)
            if held is not None and held.get("run") == run:
                place.unlink()


def holder(place: Path) -> dict[str, Any] | None:
    """What the lock file says; None when there is none. A file that cannot be read counts as a lock of an unknown holder."""
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_dead(held: Mapping[str, Any]) -> bool:
    """Whether the holder is known to have ended: its play on this machine is gone, and its last script with it, or the machine has been started anew."""
    return _play_has_ended(held) and not _script_runs(held)


def _play_has_ended(held: Mapping[str, Any]) -> bool:
    here = _machine()
    if not here["boot"] or held.get("host") != here["host"] or not held.get("pid"):
        return False
    if held.get("boot") != here["boot"]:
        return True
    return held.get("namespace") == here["namespace"] and _started(int(held["pid"])) != held.get("started")


def _script_runs(held: Mapping[str, Any]) -> bool:
    """Whether a module of the run has outlived its play, as it does when the play alone is killed. It holds the ledger of its script."""
    for ledger in Path(held["folder"]).glob("*.ledger") if held.get("folder") else ():
        try:
            with open(ledger, "rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # it is gone, or it is on a file system without flock
            continue
    return False


def in_words(held: Mapping[str, Any]) -> str:
    """Who holds a lock, and since when."""
    who = " ".join(filter(None, [str(held.get("user") or "an unknown user"), f"on {held['host']}" if held.get("host") else ""]))
    job = f", job {held['job']}" if held.get("job") else ""
    process = f", process {held['pid']}" if held.get("pid") else ""
    outlived = ", and its script still runs although the play was killed" if _play_has_ended(held) and _script_runs(held) else ""
    return f"{who}{job}{process}, since {held.get('since', 'an unknown time')}{outlived}"


def _may_go(held: Mapping[str, Any], mine: Mapping[str, Any], break_id: str) -> bool:
    """Whether a lock that is there is no obstacle: it is dead, the operator breaks it, or an earlier play of this run left it."""
    same_run = bool(held.get("pid")) and all(held.get(name) == mine.get(name) for name in ("host", "boot", "namespace", "pid", "started", "name"))
    return is_dead(held) or same_run or (bool(break_id) and held.get("run") == break_id)


def _refusal(place: Path, held: Mapping[str, Any], mine: Mapping[str, Any]) -> ImmutaError:
    if held.get("pid") and all(held.get(name) == mine.get(name) for name in ("host", "boot", "pid", "started")):
        return ImmutaError(
            f"{held.get('name')} and {mine.get('name')} are the same platform, {mine['platform']}, and this run is at work on it already.",
            hint="Leave one of the two hosts out of the inventory.",
        )
    return ImmutaError(
        f"Another run is at work on {mine['platform']}: {in_words(held)}. Nothing has been done.",
        hint=(
            f"Wait until it has ended. If it is certain that it is dead, run this again with -e immuta_platform_break_lock={held.get('run', '')},"
            f" or remove {place}."
        ),
        lock={name: held.get(name) for name in ("run", "host", "user", "pid", "job", "since")},
    )


@contextmanager
def _guarded(folder: Path) -> Iterator[None]:
    """Nobody else reads and writes the lock in this folder for the moment that it takes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without flock: the moment is short
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(place: Path, content: Mapping[str, Any]) -> None:
    temporary = place.with_name(f"{place.name}.{content['run']}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(json.dumps(content, sort_keys=True) + "\n")
        os.replace(temporary, place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OptionError(f"The lock {place} cannot be written: {error.strerror}.", option="artifacts") from None


# --- who this is -------------------------------------------------------------------------------------------------


def who() -> dict[str, Any]:
    """Who runs this, where, in which play and in which job."""
    pid = _play()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return {
        **_machine(),
        "pid": pid,
        "started": _started(pid) if pid else "",
        "user": user,
        "job": os.environ.get("JOB_ID", ""),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _machine() -> dict[str, str]:
    """This machine, since when it runs, and in which room of processes we are; empty where the system does not tell."""
    boot, namespace = "", ""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink(_PROC / "self/ns/pid")
    return {"host": socket.gethostname(), "boot": boot, "namespace": namespace}


def _play() -> int:
    """The process of the play: the topmost of our ancestors that is Ansible; 0 where there is none."""
    found, pid = 0, os.getpid()
    while pid > 0:
        if _is_ansible(pid):
            found = pid
        pid = _parent(pid)
    return found


def _is_ansible(pid: int) -> bool:
    with suppress(OSError):
        program, *words = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        # distributions start Python with options, such as -sP; behind -m is the name of a module
        script = next((word for word in words if not word.startswith("-")), "")
        names = [program, script] if os.path.basename(program).startswith("python") else [program]
        return any(os.path.basename(name) in _COMMANDS for name in names)
    return False


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _started(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty when there is none. A number that is used again begins at another time."""
    fields = _fields(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def _fields(pid: int) -> list[str]:
    """The fields of the kernel's line about a process behind its name: state, parent, ..."""
    with suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return []
