# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must survive a power failure is on the disk when the function returns, and before anything stands on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.files import write_atomically
from ansible_collections.community.immuta.plugins.module_utils._core.json_lines import append
from ansible_collections.community.immuta.plugins.module_utils._sql.ledger import Ledger
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split


def record(path: Path) -> None:
    ledger = Ledger(str(path), "abc", "redshift host:5439/dev", split("CREATE ROLE a", "redshift"), write=True)
    ledger.begin(anew=False)
    ledger.record(1, "unknown")
    ledger.close()


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, bytes]]:
    """Every file that is flushed to the disk, with its content at that moment; none for a directory."""
    seen: list[tuple[Path, bytes]] = []

    def fsync(handle: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        seen.append((path, b"" if path.is_dir() else path.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    return seen


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(record, id="ledger"),
        pytest.param(lambda path: append(str(path), {"a": 1}, "audit_log"), id="audit log"),
        pytest.param(lambda path: write_atomically(str(path), b"new"), id="file"),
    ],
)
def test_all_that_is_written_is_flushed(write: Callable[[Path], None], tmp_path: Path, flushed: list[tuple[Path, bytes]]) -> None:
    write(tmp_path / "file")
    assert flushed[-1][1] == (tmp_path / "file").read_bytes() != b""


def test_a_new_ledger_is_in_its_directory_before_the_first_record(tmp_path: Path, flushed: list[tuple[Path, bytes]]) -> None:
    record(tmp_path / "ledger")
    assert [path for path, _content in flushed][:2] == [tmp_path, tmp_path / "ledger"]
