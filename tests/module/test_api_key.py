# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module immuta_integration_api_key: a new key goes to a private file, and to nowhere else."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.tasks import INTEGRATION, Play

ROTATE = "community.immuta.immuta_integration_api_key"
MAKE = {"name": "make", INTEGRATION: {"type": "Trino"}}


def rotate(dest: Path, name: str = "rotate", **options: Any) -> dict[str, Any]:
    return {"name": name, ROTATE: {"dest": str(dest), **options}}


def test_a_key_is_made_once_and_again_with_force(direct: Callable[..., Play], tenant: Simulator, tmp_path: Path) -> None:
    dest = tmp_path / "key"
    done = direct([MAKE, rotate(dest), rotate(dest, "again")], verbosity=3).ok
    assert (done["rotate"]["changed"], done["again"]["changed"]) == (True, False)
    first = dest.read_text(encoding="utf-8").strip()
    assert first in json.dumps(tenant.bodies())
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert first not in done.output

    forced = direct([rotate(dest, force=True)], verbosity=3).ok
    assert forced["rotate"]["changed"]
    second = dest.read_text(encoding="utf-8").strip()
    assert second != first
    assert second not in forced.output


def test_check_mode_says_that_the_old_key_will_die_and_asks_for_no_new_one(direct: Callable[..., Play], tenant: Simulator, tmp_path: Path) -> None:
    direct([MAKE])
    tenant.clear_log()
    done = direct([rotate(tmp_path / "key")], check=True).ok
    assert done["rotate"]["changed"]
    assert "stops working" in done.output
    assert not (tmp_path / "key").exists()
    assert [(entry["method"], entry["write"]) for entry in tenant.requests()] == [("GET", False)]


@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 200, "body": "{}"}, {"status": 200, "body": "done"}], ids=["lost", "empty", "text"])
def test_a_new_key_that_does_not_arrive_is_missed(direct: Callable[..., Play], tenant: Simulator, tmp_path: Path, fault: dict[str, Any]) -> None:
    direct([MAKE])
    tenant.fault(method="POST", path="/regenerate$", when="after", **fault)
    record = direct([rotate(tmp_path / "key")])["rotate"]
    assert record.failed
    assert "The old key may no longer work, and the new one is lost: run the task again with force." in record["msg"]
    assert not (tmp_path / "key").exists()


def test_only_trino_has_a_key(direct: Callable[..., Play], tmp_path: Path) -> None:
    record = direct([rotate(tmp_path / "key")])["rotate"]
    assert record.failed
    assert "no Trino integration" in record["msg"]


@pytest.mark.parametrize("status", ["disabled", "deleted"])
def test_a_trino_that_is_gone_has_no_key(direct: Callable[..., Play], tenant: Simulator, tmp_path: Path, status: str) -> None:
    direct([MAKE])
    tenant.force(tenant.integrations()[0]["id"], status)
    tenant.clear_log()
    record = direct([rotate(tmp_path / "key")])["rotate"]
    assert record.failed
    assert "no Trino integration" in record["msg"]
    assert tenant.writes() == []


def test_a_file_that_cannot_be_written_costs_no_key(direct: Callable[..., Play], tenant: Simulator, tmp_path: Path) -> None:
    record = direct([rotate(tmp_path / "nowhere" / "key")])["rotate"]
    assert record.failed
    assert "cannot be written" in record["msg"]
    assert tenant.requests() == []
