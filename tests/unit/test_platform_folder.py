# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that earlier runs, other releases and hasty operators leave: read as what they are, or refused in a sentence."""

from __future__ import annotations

import grp
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError
from ansible_collections.community.immuta.plugins.module_utils._platform.folder import Folder, private_folders, remove_dead_folders
from ansible_collections.community.immuta.plugins.module_utils._platform.summary import Script, Summary

#: as the first format was written: a setup that was cut off behind its first script
FIRST_SCRIPT = {
    "script": "initial-create",
    "part": "main",
    "purpose": "setup",
    "database": "dev",
    "sha256": "a" * 64,
    "statements": 3,
    "ran": True,
    "would": [],
}
NEXT_SCRIPT = {"script": "create", "part": "main", "purpose": "setup", "database": "immuta", "ran": False}
FIRST_FORMAT = {
    **{"format": 1, "platform": "Redshift rs.example.com", "database": "immuta", "tenant": "acme.example.com", "action": "created", "id": ""},
    **{"work": "setup", "settings": "b" * 64, "state": "open", "skipped": "", "made": True, "forgetting": False, "forgotten": False},
    "scripts": {"1-initial-create": FIRST_SCRIPT, "2-create": NEXT_SCRIPT},
}


def folder(place: Path, **how: Any) -> Folder:
    return Folder(place, "Redshift", **{"writes": True, **how})


def test_the_first_format_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps(FIRST_FORMAT))
    found = folder(tmp_path).read_summary()
    assert found is not None and (found.state, found.made, found.cleanup_first, found.scope, found.pending) == ("open", True, False, {}, ("2-create",))
    assert found.scripts["1-initial-create"] == Script("initial-create", "main", "setup", "dev", "a" * 64, 3, (), True)
    folder(tmp_path).write_summary(found)
    assert json.loads((tmp_path / "summary.json").read_text())["format"] == 2 and folder(tmp_path).read_summary() == found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((text, "summary.json cannot be read. Move it away") for text in ("", "{", "[]", "7", "null", '"x"', "\x00", '{"format": "2"}', '{"format": null}')),
        *((f'{{"scripts": {scripts}}}', "cannot be read") for scripts in ("null", "[]", '{"1-x": "text"}', '{"1-x": {}}', '{"1-x": {"script": 5}}')),
        ('{"scripts": {"1-x": {"script": "create", "would": 5}}}', "cannot be read"),
        ('{"format": 3}', "has format 3, which a newer release of this collection wrote. Use that release"),
    ],
)
def test_a_summary_that_is_none_is_refused_in_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(ImmutaError) as refused:
        folder(tmp_path).read_summary()
    assert message in str(refused.value) and str(tmp_path) in str(refused.value)


def test_a_summary_that_cannot_be_opened_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(ImmutaError, match=r"summary.json cannot be read"):
        folder(tmp_path).read_summary()


@pytest.mark.parametrize(
    ("lines", "statuses"),
    [
        ("", {}),
        ("\x00\xff", {}),
        ('{"ledger": 1}\n{"number": 1, "status": "unknown"}\n{"number": 1, "sta', {1: "unknown"}),
        ('{"ledger": 1}\n{"number": 1, "status": "unknown"}\n{"number": 1, "status": "ok"}\n{"number": 2, "status": "unknown"}\n', {1: "ok", 2: "unknown"}),
        ('{"ledger": 1}\n{"number": 1, "status": "ok"}\n{"ledger": 1}\n', {}),
        ('7\nnull\n[]\n"ledger"\n{"number": "1", "status": "ok"}\n{"number": 3}\n', {3: "None"}),
    ],
)
def test_how_far_a_script_got_is_what_its_ledger_says(tmp_path: Path, lines: str, statuses: dict[int, str]) -> None:
    (tmp_path / "1-create.ledger").write_text(lines)
    assert folder(tmp_path).progress(["1-create"])["1-create"].statuses == statuses


@pytest.mark.parametrize(
    ("script", "verbs"), [("", {}), (" \n", {}), ("SELECT 'never closed", {}), ("CREATE DATABASE x; GRANT a TO b", {1: "CREATE DATABASE", 2: "GRANT"})]
)
def test_what_a_script_does_is_read_from_it(tmp_path: Path, script: str, verbs: dict[int, str]) -> None:
    (tmp_path / "1-create.sql").write_text(script)
    (tmp_path / "1-create.ledger").touch()
    assert folder(tmp_path).progress(["1-create"])["1-create"].verbs == verbs
    assert Folder(tmp_path, "Native S3", writes=False).progress(["1-create"])["1-create"].verbs == {}
    assert (folder(tmp_path).script_text("1-create"), folder(tmp_path).script_text("2-none"), folder(tmp_path).checksum("2-none")) == (script, "", "")


def test_check_mode_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "1-create.ledger").touch()
    there = folder(tmp_path / "new", writes=False)
    there.create()
    there.write_summary(Summary("x"))
    there.write("a", "b")
    there.create_private_file(str(tmp_path / "c"))
    there.remove()
    here = folder(tmp_path, writes=False)
    here.remove_stale(set())
    here.remove()
    here.write_summary(Summary("x"))
    assert [path.name for path in tmp_path.iterdir()] == ["1-create.ledger"]


def test_what_cannot_be_made_or_given_away_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot be created: Not a directory"):
        folder(tmp_path / "file" / "prod").create()
    with pytest.raises(OptionError, match="cannot be given to the group no-such-group"):
        folder(tmp_path / "prod", shared_mode="0640", shared_group="no-such-group").create()
    folder(tmp_path / "none").remove_stale(set())
    folder(tmp_path / "none").remove()
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("mode", "of_folder", "of_file"), [("", 0o700, 0o600), ("0600", 0o700, 0o600), ("640", 0o750, 0o640), ("0644", 0o755, 0o644), ("0660", 0o770, 0o660)]
)
def test_who_reads_a_review_copy_gets_at_it_and_at_nothing_else(tmp_path: Path, mode: str, of_folder: int, of_file: int) -> None:
    there = folder(tmp_path / "a" / "prod", shared_mode=mode)
    (tmp_path / "a" / "prod").mkdir(parents=True)
    (tmp_path / "a" / "prod" / ".summary.json.new").write_text("of a run that was cut off")
    there.write_summary(Summary("x"))
    there.write("1-before.sql", "SELECT 1")
    there.create_private_file(there.ledger_path("1-before"))
    modes = {path.name: path.stat().st_mode & 0o777 for path in there.path.iterdir()}
    assert there.path.stat().st_mode & 0o777 == of_folder if mode else True
    assert modes == {"summary.json": of_file, "1-before.sql": 0o600, "1-before.ledger": 0o600}


@pytest.mark.parametrize(("shared_mode", "made"), [("", 0o700), ("0640", 0o750), ("0664", 0o775)])
def test_every_directory_made_on_the_way_is_shared_and_none_that_was_there(tmp_path: Path, shared_mode: str, made: int) -> None:
    group = grp.getgrall()[-1] if os.geteuid() == 0 else grp.getgrgid(os.getgid())
    (tmp_path / "srv").mkdir(mode=0o711)
    there = folder(tmp_path / "srv" / "a" / "b" / "prod", shared_mode=shared_mode, shared_group=group.gr_name)
    for make in (there.create_parents, there.create):
        make()
        places = [place for place in (there.path, *there.path.parents) if tmp_path / "srv" in place.parents and place.exists()]
        assert {(place.name, place.stat().st_mode & 0o777) for place in places} == {(place.name, made) for place in places}
        assert not shared_mode or {place.stat().st_gid for place in places} == {group.gr_gid}
    assert len(places) == 3 and (tmp_path / "srv").stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("mode", ["rw", "64", "0888", "01640", "-rw", "u=rw,g=r"])
def test_a_mode_that_is_none_is_refused(tmp_path: Path, mode: str) -> None:
    with pytest.raises(OptionError, match="octal digits in quotes"):
        folder(tmp_path, shared_mode=mode)


def test_what_runs_that_were_cut_off_left_is_swept(tmp_path: Path) -> None:
    remove_dead_folders(str(tmp_path), keep=tmp_path / "none")
    place = private_folders(str(tmp_path))
    #: name -> whether it stays, and its summary
    rows = {
        "0" * 16: (False, None),
        "1" * 16: (True, Summary("x", state="open", forgotten=True)),
        "2" * 16: (False, Summary("x", state="open", forgotten=False)),
        "3" * 16: (False, Summary("x", state="done", forgotten=True, forgetting=True)),
        "9" * 16: (True, Summary("x", state="open", forgetting=True)),
        "4" * 16: (True, "{"),
        "5" * 16: (True, None),
        "6" * 16: (False, None),
        "ABCDEF0123456789": (True, None),
        "7" * 15: (True, None),
        "prod": (True, None),
    }
    for name, (_stays, summary) in rows.items():
        (place / name).mkdir(parents=True)
        (place / name / "1-create.sql").write_text("a password")
        if isinstance(summary, str):
            (place / name / "summary.json").write_text(summary)
        elif summary:
            folder(place / name).write_summary(summary)
    (place / ("8" * 16)).write_text("a file")
    dead = {"host": os.uname().nodename, "boot": "of another day", "pid": 7}
    for name, held in (("live", {"host": "another", "folder": str(place / ("5" * 16))}), ("dead", {**dead, "folder": str(place / ("6" * 16))})):
        (place / f"{name}.lock").write_text(json.dumps(held))
    (place / "broken.lock").write_text("{")
    remove_dead_folders(str(tmp_path), keep=place / "mine")
    assert {path.name for path in place.iterdir() if path.suffix != ".lock"} == {name for name, (stays, _summary) in rows.items() if stays} | {"8" * 16}
