# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module immuta_integration_api_key: a new key goes to a private file, and to nowhere else."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from simulator import Simulator
from support.playbook import Run, run_playbook

INVENTORY = {"all": {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}}}
ROTATE = "community.immuta.immuta_integration_api_key"


@pytest.fixture
def tenant() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


def run(tenant: Simulator, folder: Path, tasks: list[dict[str, Any]], *arguments: str) -> Run:
    defaults = {"group/community.immuta.all": {"url": tenant.url, "api_key": tenant.api_key}}
    folder.mkdir(exist_ok=True)
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}]), encoding="utf-8")
    return run_playbook(playbook, INVENTORY, folder, *arguments)


def outcomes(done: Run) -> list[bool]:
    return [bool(event["result"]["changed"]) for event in done.tasks("localhost", "immuta_integration_api_key")]


def test_a_key_is_made_once_and_again_with_force(tenant: Simulator, tmp_path: Path) -> None:
    dest = tmp_path / "key"
    tasks = [
        {"community.immuta.immuta_integration": {"type": "Trino"}},
        {ROTATE: {"dest": str(dest)}},
        {ROTATE: {"dest": str(dest)}},
    ]
    done = run(tenant, tmp_path, tasks, "-vvv")
    assert (done.rc, outcomes(done)) == (0, [True, False])
    first = dest.read_text(encoding="utf-8").strip()
    assert first in json.dumps(tenant.bodies())
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert first not in done.output
    assert first not in json.dumps(done.events)

    again = run(tenant, tmp_path, [{ROTATE: {"dest": str(dest), "force": True}}], "-vvv")
    assert (again.rc, outcomes(again)) == (0, [True])
    second = dest.read_text(encoding="utf-8").strip()
    assert second != first
    assert second not in again.output


def test_check_mode_says_that_the_old_key_will_die_and_asks_for_no_new_one(tenant: Simulator, tmp_path: Path) -> None:
    run(tenant, tmp_path, [{"community.immuta.immuta_integration": {"type": "Trino"}}])
    tenant.clear_log()
    done = run(tenant, tmp_path, [{ROTATE: {"dest": str(tmp_path / "key")}}], "--check")
    assert (done.rc, outcomes(done)) == (0, [True])
    assert "will be dead" in done.output
    assert not (tmp_path / "key").exists()
    assert [(entry["method"], entry["write"]) for entry in tenant.requests()] == [("GET", False)]


@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 200, "body": "{}"}, {"status": 200, "body": "done"}], ids=["lost", "empty", "text"])
def test_a_new_key_that_does_not_arrive_is_missed(tenant: Simulator, tmp_path: Path, fault: dict[str, Any]) -> None:
    run(tenant, tmp_path, [{"community.immuta.immuta_integration": {"type": "Trino"}}])
    tenant.fault(method="POST", path="/regenerate$", when="after", **fault)
    done = run(tenant, tmp_path, [{ROTATE: {"dest": str(tmp_path / "key")}}])
    assert done.rc != 0
    assert "The old key may be dead, and the new one is lost: run this again with force." in done.message("localhost")
    assert not (tmp_path / "key").exists()


def test_only_trino_has_a_key(tenant: Simulator, tmp_path: Path) -> None:
    done = run(tenant, tmp_path, [{ROTATE: {"dest": str(tmp_path / "key")}}])
    assert done.rc != 0
    assert "no Trino integration" in done.message("localhost")


def test_a_file_that_cannot_be_written_costs_no_key(tenant: Simulator, tmp_path: Path) -> None:
    done = run(tenant, tmp_path, [{ROTATE: {"dest": str(tmp_path / "nowhere" / "key")}}])
    assert done.rc != 0
    assert "cannot be written" in done.message("localhost")
    assert tenant.requests() == []
