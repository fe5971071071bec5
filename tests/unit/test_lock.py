# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of a platform: the recognition of a play, the holder, and that only one of several processes gets the lock."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core import lock
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError

ABOUT = {"platform": "Redshift rs", "name": "prod"}
HERE = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def run_beneath(command: list[str], code: str, folder: Path) -> str:
    """Return the output of Python code in a child of a process with the given command line; C({python}) is this Python."""
    (folder / "code.py").write_text(code)
    parent = f"import subprocess, sys\nsys.exit(subprocess.run([{sys.executable!r}, {str(folder / 'code.py')!r}]).returncode)"
    for name in ("ansible-playbook", "notes"):
        (folder / name).write_text(parent)
    words = [word.replace("{python}", sys.executable).replace("{folder}", str(folder)) for word in command]
    done = subprocess.run(
        words, env={**HERE, "PYTHONPATH": f"{HERE['PYTHONPATH']}{os.pathsep}{folder}"}, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


TAKE = f"""
import json, os, sys
from pathlib import Path
from {lock.__name__} import holder, take
place, about = Path("x.lock"), {ABOUT!r}
"""


@pytest.mark.parametrize(
    ("command", "is_play"),
    [
        (["{python}", "{folder}/ansible-playbook", "site.yml"], True),
        (["{python}", "-sP", "{folder}/ansible-playbook"], True),
        (["{python}", "-s", "-B", "{folder}/ansible-playbook"], True),
        (["{python}", "-m", "ansible", "playbook"], True),
        (["{python}", "{folder}/notes", "ansible-playbook"], False),
        (["bash", "-c", "{python} {folder}/code.py; exit 0", "ansible-playbook"], False),
    ],
)
def test_what_counts_as_a_play(tmp_path: Path, command: list[str], is_play: bool) -> None:
    if "-m" in command:
        (tmp_path / "ansible").mkdir()
        (tmp_path / "ansible" / "__init__.py").touch()
        (tmp_path / "ansible" / "__main__.py").write_text("import subprocess, sys\nsubprocess.run([sys.executable, 'code.py'])")
    code = TAKE + "take([place], about)\nprint(json.dumps([holder(place)['pid'], os.getppid()]))"
    pid, parent = json.loads(run_beneath(command, code, tmp_path))
    assert pid == (parent if is_play else 0)


def test_a_lock_that_nobody_can_be_asked_about_is_not_dead(tmp_path: Path) -> None:
    here = lock._this_machine()
    for held in ({}, {"host": here["host"]}, {**here, "pid": 0}, {**here, "host": "another", "pid": 2**22 + 1, "started": "1"}, {**here, "pid": os.getpid()}):
        assert lock.is_dead(held) is (held.get("pid") == os.getpid()), held
    assert lock.is_dead({**here, "pid": os.getpid(), "started": "1"}), "a number that is used again"
    assert not lock.is_dead({**here, "pid": os.getpid(), "started": lock._start_time(os.getpid())})
    with subprocess.Popen(["sleep", "60"]) as ended:
        held = {**here, "pid": ended.pid, "started": lock._start_time(ended.pid)}
        assert not lock.is_dead(held)
        ended.kill()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert lock.is_dead(held), "one that has ended, and that nobody has asked for yet"


def test_a_script_that_outlives_its_play_keeps_the_lock(tmp_path: Path) -> None:
    held = {**lock._this_machine(), "pid": 2**22 + 1, "started": "1", "folder": str(tmp_path), "user": "op", "since": "now"}
    (tmp_path / "1-create.ledger").touch()
    with open(tmp_path / "2-delete.ledger", "w", encoding="utf-8") as ledger:
        assert lock.is_dead(held) and "killed" not in lock.describe_holder(held)
        fcntl.flock(ledger, fcntl.LOCK_EX)
        assert not lock.is_dead(held)
        assert lock.describe_holder(held).endswith("since now, and its script still runs although the play was killed")
        assert "killed" not in lock.describe_holder({**held, "host": "another"})
    assert lock.is_dead(held)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({}, "an unknown user, since an unknown time"),
        ({"user": "u", "since": "then"}, "u, since then"),
        ({"user": "u", "host": "h", "job": "42", "pid": 7, "since": "then"}, "u on h, job 42, process 7, since then"),
    ],
)
def test_who_holds_it_in_words(held: dict[str, Any], words: str) -> None:
    assert lock.describe_holder(held) == words


def test_outside_of_a_play_nobody_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an identifiable play, the same machine and name do not prove that it is the same run."""
    monkeypatch.setenv("JOB_ID", "42")
    monkeypatch.setattr(lock, "_play_pid", lambda: 0)
    place = tmp_path / "x.lock"
    run = lock.take([place], ABOUT)
    for about in (ABOUT, {**ABOUT, "name": "twin"}):
        with pytest.raises(ImmutaError, match=r"Another run is at work on Redshift rs: .*, job 42, since") as refused:
            lock.take([place], about)
        assert refused.value.facts["lock"]["run"] == run
    lock.release([place], "another")
    assert (lock.holder(place) or {})["run"] == run
    lock.release([place, tmp_path / "none.lock", tmp_path / "no-folder" / "x.lock"], run)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "[]", "7", "{}", '"text"', "{", "\x00"])
def test_a_file_that_is_no_lock_is_one_of_an_unknown_holder(tmp_path: Path, content: str) -> None:
    place = tmp_path / "x.lock"
    place.write_text(content)
    assert lock.holder(place) == {} and lock.holder(tmp_path / "none") is None
    place.write_text('{"run": ""}' if content == "{}" else content)
    for break_id in ("", "None"):
        with pytest.raises(ImmutaError, match="an unknown user"):
            lock.take([place], ABOUT, break_id=break_id)


@pytest.mark.parametrize("step", ["open", "replace"])
def test_a_lock_that_cannot_be_written_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lock.os, step, full)
    with pytest.raises(OptionError, match="cannot be written: No space left on device"):
        lock.take([tmp_path / "x.lock"], ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_of_many_processes_one_takes_the_lock_also_from_a_dead_one(tmp_path: Path) -> None:
    code = TAKE + (
        "sys.stdin.readline()\n"
        "for line in sys.stdin:\n"
        "    try:\n        print(take([Path(line.strip())], {**about, 'name': str(os.getpid())}), flush=True)\n"
        "    except Exception as error:\n        print('', flush=True)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], env=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _number in range(3)]
    pipes = [(process.stdin, process.stdout) for process in processes if process.stdin and process.stdout]
    for number in range(21):
        place = tmp_path / f"{number}.lock"
        if number % 2:
            place.write_text(json.dumps({**lock._this_machine(), "run": "dead", "pid": os.getpid(), "started": "1"}))
        for to, _out in pipes:
            to.write(f"{place}\n" if number else "begin\n")
            to.flush()
        if number:
            answers = [answer for answer in (out.readline().strip() for _to, out in pipes) if answer]
            assert answers == [(lock.holder(place) or {})["run"]]
    for process in processes:
        process.communicate()
