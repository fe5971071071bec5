# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventories of the documentation, as they stand there, through the playbook that it names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible_collections.community.immuta.plugins.module_utils._model.technologies import TECHNOLOGIES
from immuta_simulator import Simulator
from support.pages import hosts
from support.playbook import run_playbook


def seed(options: dict[str, Any]) -> dict[str, Any]:
    return {"connectionKey": options["connection_key"], "connection": {"technology": options["connection"]["technology"]}}


def test_every_inventory_of_the_pages_passes_a_check_run(tmp_path: Path) -> None:
    shown = {str(host): host for host in hosts()}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    own = {"trino integration": {"immuta_platform_integration": {"type": "Trino", "api_key_dest": str(tmp_path / "key")}}}
    group = {"vars": local, "hosts": {name: {**host.variables, **own.get(name, {})} for name, host in shown.items()}}
    with Simulator(data_api="on") as tenant:
        # a connection of a technology that can only be registered in Immuta itself is there, and not active yet
        there = {name: host.options for name, host in shown.items() if host.is_connection and host.type not in TECHNOLOGIES}
        tenant.connections([{**seed(options), "settings": {"isActive": False}} for options in there.values()])
        environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
        run = run_playbook("community.immuta.register", {"immuta_platforms": group}, tmp_path, "--check", environment=environment)
        assert run.rc == 0, run.output
        platforms = next(event["result"]["platforms"] for event in run.events if event.get("action") == "community.immuta.immuta_fleet")
        planned = {name: each["action"] if each["done"] else run.result(name)["action"] for name, each in platforms.items()}
        assert planned == {name: "updated" if name in there else "created" for name in shown}
        assert not tenant.writes()
        asked = {entry["path"].rpartition("/")[2] for entry in tenant.requests() if "/scripts/" in entry["path"]}
    assert asked == {"initial-create", "create"}
