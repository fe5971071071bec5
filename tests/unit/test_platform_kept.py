# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs leave on the disk for each other: scripts, ledgers, the summary, and the lock that keeps two runs apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core import lock
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError
from ansible_collections.community.immuta.plugins.module_utils._platform.folder import Folder, private_folders, remove_dead_folders
from ansible_collections.community.immuta.plugins.module_utils._platform.summary import Script, Summary

ABOUT = {"platform": "Redshift rs", "name": "prod", "folder": "/somewhere"}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def folder_at(path: Path, **how: Any) -> Folder:
    return Folder(path, "Redshift", **{"writes": True, **how})


# --- the folder --------------------------------------------------------------------------------------------------


def test_where_a_platform_is_kept(tmp_path: Path) -> None:
    assert Folder.path_for("/a", "/home", "prod", "x") == Path("/a/prod")
    assert Folder.path_for("/a/prod", "/home", "prod", "x") == Path("/a/prod")
    assert Folder.path_for("/a/prod/", "/home", "prod", "x") == Path("/a/prod")
    assert Folder.path_for("/a", "/home", "..", "x").parent == Path("/a")
    private = {Folder.path_for("", "/home", name, identity) for name in ("a", "b") for identity in ("x", "y")}
    assert len(private) == 4 and {path.parent for path in private} == {Path("/home/immuta_platform")}


def test_a_summary_is_kept_for_its_owner_and_shared_when_told_to(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "a" / "prod")
    assert folder.read_summary() is None
    folder.write_summary(Summary("Redshift rs", scripts={"1-create": Script("create")}))
    kept = folder.path / "summary.json"
    assert folder.read_summary() == Summary("Redshift rs", scripts={"1-create": Script("create")})
    assert (mode(kept), mode(folder.path), mode(folder.path.parent)) == (0o600, 0o700, 0o700)
    before = kept.stat().st_ino
    folder.write_summary(folder.read_summary() or Summary())
    assert kept.stat().st_ino == before, "a summary that says the same was written again"
    shared = folder_at(tmp_path / "b", shared_mode="0640")
    shared.write_summary(Summary("x"))
    shared.write("1-create.sql", "secret")
    assert (mode(shared.path), mode(shared.path / "summary.json"), mode(shared.path / "1-create.sql")) == (0o750, 0o640, 0o600)
    with pytest.raises(OptionError, match="octal digits in quotes"):
        folder_at(tmp_path, shared_mode="u=rw")
    with pytest.raises(OptionError, match="artifacts_group"):
        folder_at(tmp_path / "c", shared_mode="0640", shared_group="no-such-group").write_summary(Summary("x"))
    folder_at(tmp_path / "d", writes=False).write_summary(Summary("x"))
    assert not (tmp_path / "d").exists()
    kept.write_text("{")
    with pytest.raises(ImmutaError, match="cannot be read"):
        folder.read_summary()


def test_only_what_is_made_anew_is_swept(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    keep = ["1-create.sql", "1-create.review.sql", "summary.json", "notes.sql", "10-mine.sql", "1-create.sql.bak"]
    gone = ["1-create.ledger", "2-edit.sql", "2-edit.review.sql", "recovery-1-cleanup.sql", ".summary.json.new"]
    for name in (*keep, *gone):
        (tmp_path / name).write_text("x")
    folder.remove_stale({"1-create"})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)


def test_how_far_a_script_got_is_read_from_its_ledger(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    (tmp_path / "1-create.sql").write_text("CREATE DATABASE immuta;\nGRANT USAGE ON DATABASE immuta TO a;\nSELECT 1")
    lines = [{"ledger": 1}, {"number": 1, "status": "failed"}, {"ledger": 1}, {"number": 1, "status": "unknown"}, {"number": 1, "status": "ok"}]
    (tmp_path / "1-create.ledger").write_text("\n".join(json.dumps(line) for line in [*lines, {"number": 2, "status": "unknown"}]) + '\n{"number": 2, "sta')
    progress = folder.progress(["1-create", "2-create"])
    assert progress.keys() == {"1-create"}
    found = progress["1-create"]
    assert found.statuses == {1: "ok", 2: "unknown"} and found.executed == 1
    assert found.has_executed("CREATE DATABASE") and not found.has_executed("GRANT") and not found.is_complete()


# --- what runs that were cut off left ----------------------------------------------------------------------------


def test_what_a_dead_run_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    place = private_folders(str(tmp_path))
    names = {name: place / (name * 16) for name in "0123"}
    for path in (*names.values(), place / "another-host", place / "0123"):
        path.mkdir(parents=True)
        (path / "1-create.sql").write_text("a password")
    Folder(names["1"], "", writes=True).write_summary(Summary("x", state="open", forgotten=True))
    Folder(names["2"], "", writes=True).write_summary(Summary("x", state="done", forgotten=True))
    (place / "live.lock").write_text(json.dumps({"run": "r", "host": "another", "folder": str(names["3"])}))
    mine = place / ("f" * 16)
    mine.mkdir()
    remove_dead_folders(str(tmp_path), keep=mine)
    assert {path.name for path in place.iterdir() if path.is_dir()} == {"1" * 16, "3" * 16, "f" * 16, "another-host", "0123"}


# --- the lock ----------------------------------------------------------------------------------------------------


@contextmanager
def play(script: str, place: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process that looks like ansible-playbook, in which a child runs Python code, as modules do."""
    parent = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {script!r}]).returncode)"
    named = place / "ansible-playbook"
    named.write_text(parent)
    paths = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, str(named)], env={**os.environ, "PYTHONPATH": paths, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


TAKE = f"""
import sys
from pathlib import Path
from {lock.__name__} import take
print(take([Path({{place!r}})], {{about!r}}), flush=True)
sys.stdin.read()
"""


def taken_by_a_play(place: Path, about: dict[str, str], folder: Path) -> Any:
    return play(TAKE.format(place=str(place), about=about), folder)


def test_a_lock_is_held_by_the_play_and_dies_with_it(tmp_path: Path) -> None:
    place = tmp_path / "x.lock"
    with taken_by_a_play(place, ABOUT, tmp_path) as other:
        run = (other.stdout.readline() if other.stdout else "").strip()
        held = lock.holder(place)
        assert held and (held["run"], held["pid"], held["name"]) == (run, other.pid, "prod") and mode(place) == 0o600
        with pytest.raises(ImmutaError) as refused:
            lock.take([place], ABOUT)
        message = str(refused.value)
        assert "Another run is at work on Redshift rs" in message and f"process {other.pid}, since 20" in message
        assert f"immuta_platform_break_lock={run}" in message and str(place) in message
        lock.release([place], "somebody else's")
        assert lock.holder(place) == held and not lock.is_dead(held)
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert lock.is_dead(held)
        mine = lock.take([place], ABOUT)
    lock.release([place], mine)
    assert list(tmp_path.glob("*.lock*")) == []


@pytest.mark.parametrize(
    ("change", "dead"),
    [
        ({}, False),
        ({"started": "1"}, True),
        ({"pid": 2**22 + 1}, True),
        ({"boot": "another"}, True),
        ({"host": "another", "boot": "another"}, False),
        ({"namespace": "pid:[1]", "pid": 2**22 + 1}, False),
        ({"pid": 0}, False),
    ],
)
def test_only_a_holder_that_certainly_ended_is_dead(tmp_path: Path, change: dict[str, Any], dead: bool) -> None:
    place = tmp_path / "x.lock"
    with taken_by_a_play(place, ABOUT, tmp_path) as other:
        assert other.stdout and other.stdout.readline()
        held = lock.holder(place) or {}
        assert lock.is_dead({**held, **change}) is dead


def test_another_machines_lock_is_broken_by_its_id_alone(tmp_path: Path) -> None:
    place, other = tmp_path / "x.lock", tmp_path / "y.lock"
    place.write_text(json.dumps({"run": "abc", "host": "another", "user": "nightly", "job": "42", "pid": 1, "since": "2026-11-01T02:00:00Z"}))
    for break_id in ("", "abd"):
        with pytest.raises(ImmutaError, match="nightly on another, job 42, process 1, since 2026-11-01T02:00:00Z"):
            lock.take([other, place], ABOUT, break_id=break_id)
        assert not other.exists(), "a lock that was taken before the refusal was kept"
    assert lock.take([other, place], ABOUT, break_id="abc")
    place.write_text("no JSON")
    with pytest.raises(ImmutaError, match="an unknown user, since an unknown time"):
        lock.take([place], ABOUT)


def test_a_play_may_come_back_and_finds_two_hosts_that_are_one_platform(tmp_path: Path) -> None:
    place = tmp_path / "x.lock"
    code = f"""
from pathlib import Path
from {lock.__name__} import take
place, about = [Path({str(place)!r})], {ABOUT!r}
take(place, about)
take(place, about)
try:
    take(place, {{**about, "name": "twin"}})
except Exception as error:
    print(error)
"""
    with play(code, tmp_path) as process:
        output = process.communicate()[0]
    assert "prod and twin are the same platform" in output and "Leave one of the two hosts out" in output


def test_of_many_at_once_one_takes_the_lock(tmp_path: Path) -> None:
    def attempt(number: int) -> int:
        try:
            lock.take([tmp_path / "x.lock"], {**ABOUT, "name": str(number)})
        except ImmutaError:
            return 0
        return 1

    for _round in range(20):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1
        (tmp_path / "x.lock").unlink()
