# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines start, end, and leave nothing behind, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engines import ENGINES, Engine, EngineError, RedshiftEngine
from engines.redshift import postgres

TESTS = Path(__file__).resolve().parent.parent
KINDS = pytest.mark.parametrize("kind", sorted(ENGINES))
# Enters an engine, says what it is, and waits to be killed.
HOLDER = """
import json, sys, time
from engines import ENGINES
with ENGINES[sys.argv[1]]() as engine:
    print(json.dumps(engine.facts), flush=True)
    time.sleep(60)
"""


def family(pid: int) -> set[int]:
    """A process and all that come from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found, waiting = set(), [pid]
    while waiting:
        found.add(one := waiting.pop())
        waiting += children.get(one, [])
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(true: Callable[[], bool], seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def is_gone(facts: dict[str, object], processes: set[int]) -> bool:
    return not any(map(alive, processes)) and not Path(str(facts["directory"])).exists()


@KINDS
def test_leaving_an_engine_ends_its_processes_and_removes_its_files(kind: str) -> None:
    with ENGINES[kind]() as engine:
        facts, processes = engine.facts, family(engine.pid)
        assert Path(facts["directory"]).is_dir()
        assert engine.can_login(engine.admin_user, engine.admin_password)
    assert is_gone(facts, processes)
    with pytest.raises(OSError), socket.create_connection((facts["host"], facts["port"]), timeout=2):
        pass


@KINDS
def test_an_engine_goes_with_a_parent_that_was_killed(kind: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen([sys.executable, "-P", "-c", HOLDER, kind], env=env, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        facts = json.loads(holder.stdout.readline())
        processes = family(facts["pid"])
        assert all(map(alive, processes))
        holder.kill()
    assert eventually(lambda: is_gone(facts, processes))


def test_a_killed_server_takes_its_database_along_and_the_next_one_removes_its_files() -> None:
    with RedshiftEngine() as engine:
        facts, processes = engine.facts, family(engine.pid)
        assert len(processes) > 2
        os.kill(engine.pid, signal.SIGKILL)
        assert eventually(lambda: not any(map(alive, processes)))
        assert Path(facts["directory"]).is_dir()
        with RedshiftEngine():
            assert not Path(facts["directory"]).exists()


def test_a_server_ends_when_its_database_does() -> None:
    with RedshiftEngine() as engine:
        status = Path(engine.facts["directory"]) / "postgres" / "data" / "postmaster.pid"
        os.kill(int(status.read_text().split()[0]), signal.SIGKILL)
        assert eventually(lambda: not alive(engine.pid))
    assert not Path(engine.facts["directory"]).exists()


@KINDS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_writes_a_private_ready_file_and_ends_on_a_signal(kind: str, number: signal.Signals, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    argv = [sys.executable, "-P", "-m", "engines", kind, "--host", "127.0.0.4", "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(TESTS)}, stdin=subprocess.DEVNULL)
    try:
        assert eventually(ready.exists, 60)
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        facts = json.loads(ready.read_text())
        processes = family(process.pid)
        engine: Engine = ENGINES[kind].attach(ready)
        assert (engine.host, engine.port) == ("127.0.0.4", facts["port"])
        assert engine.can_login(engine.admin_user, engine.admin_password)
        shown = subprocess.run([*argv[:4], "catalog", "--ready-file", str(ready)], env=dict(process_env()), capture_output=True, check=True)
        assert json.loads(shown.stdout) == engine.catalog()
    finally:
        process.send_signal(number)
    assert process.wait(15) == 0
    assert is_gone(facts, processes)
    assert list(tmp_path.iterdir()) == []


def process_env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(TESTS)}


def test_a_signal_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-P", "-m", "engines", "redshift", "--ready-file", str(tmp_path / "ready")]
    before = set(Path("/tmp").glob("immuta-engine-*"))
    process = subprocess.Popen(argv, env=process_env(), stdin=subprocess.DEVNULL)

    def mine() -> list[Path]:
        return [p for p in set(Path("/tmp").glob("immuta-engine-*")) - before if (p / "postgres").is_dir()]

    try:
        assert eventually(lambda: bool(mine()))
        made = mine()
    finally:
        process.terminate()
    assert process.wait(20) == 0
    assert not any(path.exists() for path in made)
    assert not (tmp_path / "ready").exists()


@KINDS
def test_engines_on_one_port_differ_by_host(kind: str) -> None:
    with ENGINES[kind](host="127.0.0.5") as one, ENGINES[kind](host="127.0.0.6", port=one.port) as other:
        assert one.port == other.port
        assert not other.can_login(one.admin_user, one.admin_password)
        assert other.can_login(other.admin_user, other.admin_password)


@KINDS
def test_a_port_that_is_taken_is_an_error_that_says_so(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(EngineError, match="already in use"):
        ENGINES[kind](port=taken.getsockname()[1]).start()


@KINDS
def test_no_password_is_in_the_process_list(kind: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(kind)
    lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in family(engine.pid)]
    assert any(kind in line for line in lines)
    assert not any(engine.admin_password in line for line in lines)


def test_programs_that_the_unprivileged_account_cannot_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a virtual environment under /root."""
    monkeypatch.setattr(postgres, "_reachable", lambda program: False)
    account = postgres.pwd.getpwuid(os.geteuid())
    programs = postgres._programs(tmp_path, account)
    assert programs.is_relative_to(tmp_path)
    for name in ("postgres", "initdb"):
        version = subprocess.run([programs / name, "--version"], capture_output=True, text=True, check=True).stdout
        assert "PostgreSQL" in version
