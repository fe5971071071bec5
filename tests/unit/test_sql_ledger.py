# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what a run records for the next run."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError, ScriptRefused
from ansible_collections.community.immuta.plugins.module_utils._sql.ledger import Ledger
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split

SCRIPT = "CREATE ROLE a; CREATE USER b PASSWORD 'geheim'; GRANT a TO b"


def ledger(path: Path, *, write: bool = True, checksum: str = "abc", target: str = "redshift host:5439/dev", script: str = SCRIPT) -> Ledger:
    return Ledger(str(path), checksum, target, split(script, "redshift"), write=write)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger after a run that failed at its second statement."""
    path = tmp_path / "ledger"
    first = ledger(path)
    first.begin(anew=False)
    for number, status in [(1, "unknown"), (1, "ok"), (2, "unknown"), (2, "failed")]:
        first.record(number, status)
    first.close()
    return path


def test_the_next_run_reads_what_the_last_one_recorded(path: Path) -> None:
    again = ledger(path)
    assert again.statuses == {1: "ok", 2: "failed"}
    assert again.is_started and not again.is_complete
    again.close()


def test_runs_continue_the_same_file_until_it_is_complete(path: Path) -> None:
    again = ledger(path)
    again.begin(anew=False)
    again.record(2, "ok")
    again.record(3, "skipped")
    assert again.is_complete
    again.close()
    assert ledger(path, write=False).statuses == {1: "ok", 2: "ok", 3: "skipped"}


def test_only_the_owner_can_read_a_ledger_and_it_contains_no_statement(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert not any(word in text for word in ("CREATE", "geheim", "USER", "b PASSWORD"))
    path.chmod(0o644)
    again = ledger(path)
    again.begin(anew=False)
    again.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_ledgers_of_the_same_script_show_different_hmacs(path: Path, tmp_path: Path) -> None:
    other = ledger(tmp_path / "other")
    other.begin(anew=False)
    other.record(1, "ok")
    other.close()
    hmacs = [{json.loads(line).get("hmac") for line in file.read_text().splitlines()} - {None} for file in (path, tmp_path / "other")]
    assert not hmacs[0] & hmacs[1]


def test_reading_creates_no_file(tmp_path: Path) -> None:
    looked = ledger(tmp_path / "none", write=False)
    assert not looked.is_started
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("tail", ['{"number": 3, "hma', "\x00\x00\x00", '{"number": 3}'[:5]])
def test_only_a_truncated_line_is_lost(path: Path, tail: str) -> None:
    with path.open("a") as stream:
        stream.write(tail)
    again = ledger(path)
    again.begin(anew=False)
    assert again.statuses == {1: "ok", 2: "failed"}
    again.record(2, "ok")
    again.close()
    assert ledger(path, write=False).statuses == {1: "ok", 2: "ok"}


def test_a_crash_before_the_answer_leaves_the_status_unknown(path: Path) -> None:
    again = ledger(path)
    again.begin(anew=False)
    again.record(2, "unknown")
    assert ledger(path, write=False).statuses[2] == "unknown"
    again.close()


def test_beginning_anew_forgets_the_previous_records(path: Path) -> None:
    again = ledger(path)
    again.begin(anew=True)
    assert not again.is_started
    again.record(1, "failed")
    again.close()
    assert ledger(path, write=False).statuses == {1: "failed"}


def test_two_runs_cannot_share_a_ledger(path: Path) -> None:
    first = ledger(path)
    with pytest.raises(ScriptRefused, match="Another run is using the ledger"):
        ledger(path)
    first.close()
    ledger(path).close()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"checksum": "other"}, "is about another script"),
        ({"target": "redshift elsewhere:5439/dev"}, "is about another database"),
        ({"script": SCRIPT.replace("a;", "c;")}, "does not match the script in line 2"),
        ({"script": "SELECT 1"}, "does not match the script in line 2"),
    ],
)
def test_a_ledger_of_another_script_or_database_is_refused(path: Path, options: dict[str, str], complaint: str) -> None:
    before = path.read_bytes()
    for write in (True, False):
        with pytest.raises(ScriptRefused, match=complaint):
            ledger(path, write=write, **options)
    assert path.read_bytes() == before
    ledger(path).close()  # it is not locked any more


def test_a_file_that_is_not_a_ledger_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("buy milk")
    file.chmod(0o644)
    with pytest.raises(ScriptRefused, match="is not a ledger"):
        ledger(file)
    assert file.read_text() == "buy milk"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_an_empty_file_is_a_new_ledger(tmp_path: Path) -> None:
    (tmp_path / "new").touch(mode=0o644)
    fresh = ledger(tmp_path / "new")
    fresh.begin(anew=False)
    fresh.close()
    assert json.loads((tmp_path / "new").read_text())["checksum"] == "abc"


def test_the_error_names_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="No such file or directory") as caught:
        ledger(tmp_path / "nowhere" / "ledger")
    assert caught.value.facts["option"] == "ledger"
