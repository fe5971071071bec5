# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's other side: access, what counts as a write, its switches, its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from immuta_simulator.settings import SWITCHES

SIMULATOR = Path(__file__).resolve().parents[2] / "extensions" / "simulator"
TRINO = {"type": "Trino"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key="the-key", trino_key="absent") as running:
        yield running


# -- access -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", ["", "wrong", "Bearer wrong", "Bearer the-key", "Basic the-key"])
def test_other_credentials_are_401(tenant: Simulator, authorization: str) -> None:
    reply = tenant.call("POST", "/integrations", TRINO, authorization=authorization)
    assert (reply.status, reply.json()["error"]) == (401, "Unauthorized")
    assert tenant.integrations() == []


# -- writes -----------------------------------------------------------------------------------------------------------

MANUAL = {
    "type": "Redshift",
    "autoBootstrap": False,
    "config": {"host": "h", "database": "d", "initialDatabase": "i", "authenticationType": "userPassword", "username": "u", "password": "p"},
}
READS = [
    ("GET", "/integrations", None),
    ("GET", "/integrations/1", None),
    ("GET", "/integrations/1/status", None),
    ("POST", "/integrations?dryRun=true", {**MANUAL, "config": {**MANUAL["config"], "host": "other"}}),
    ("PUT", "/integrations/1?dryRun=true", MANUAL),
    ("DELETE", "/integrations/1?dryRun=true", None),
    ("POST", "/integrations/scripts/initial-create", MANUAL),
    ("POST", "/integrations/scripts/create", MANUAL),
    ("POST", "/integrations/scripts/cleanup", MANUAL),
    ("POST", "/integrations/1/scripts/edit", MANUAL),
    ("POST", "/integrations/1/scripts/delete", None),
    ("POST", "/bim/apikey/authenticate", {"apikey": "the-key"}),
    ("POST", "/data/object/search", {}),
]
WRITES = [
    ("POST", "/integrations", TRINO),
    ("POST", "/integrations?dryRun=false", TRINO),
    ("PUT", "/integrations/1", MANUAL),
    ("DELETE", "/integrations/1", None),
    ("DELETE", "/integrations/1?forceDisable=true", None),
    ("POST", "/integrations/1/regenerate", None),
]


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_what_changes_nothing_is_no_write_and_passes(tenant: Simulator, method: str, path: str, body: Any) -> None:
    tenant.settings(refuse_writes=True, data_api="on")
    tenant.seed(MANUAL)
    reply = tenant.call(method, path, body)
    assert reply.status == 200, reply.text
    assert tenant.writes() == []


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes_are_refused_and_marked(tenant: Simulator, method: str, path: str, body: Any) -> None:
    tenant.seed(MANUAL)
    before = tenant.integrations()
    tenant.settings(refuse_writes=True)
    assert tenant.call(method, path, body).status == 500
    assert [entry["status"] for entry in tenant.writes()] == [500]
    assert tenant.integrations() == before


# -- switches ---------------------------------------------------------------------------------------------------------


def test_every_switch_is_in_the_readme_with_its_default() -> None:
    text = (SIMULATOR / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    documented = {row.split("`")[1]: row for row in rows}
    for name, switch in SWITCHES.items():
        default = json.dumps(switch.default).strip('"')
        assert f"`{default}`" in documented[name].split("|")[2], name
        assert switch.doc.split(":")[0].split(";")[0].strip() in documented[name], name


# -- the process ------------------------------------------------------------------------------------------------------


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, "the simulator is still there"
        time.sleep(0.05)


def test_simulator_ends_with_its_parent_even_if_that_is_killed() -> None:
    code = "import sys, time; from immuta_simulator import Simulator; s = Simulator(); s.__enter__(); print(s.pid, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(SIMULATOR)}) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(signal.SIGKILL)
    wait_until_gone(pid)
