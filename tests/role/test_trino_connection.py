# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the page on Trino as a connection, which is made in Immuta: activated, found as it should be, and removed."""

from __future__ import annotations

from pathlib import Path

from immuta_simulator import Simulator
from support.pages import ROOT, hosts
from support.playbook import run_playbook


def test_the_playbooks_take_the_connection_of_the_page(tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on", unknown_technology=400, states="upper", remove_active="409", activation="polls:1")
    tenant.connections([{"connectionKey": "trino-prod", "connection": {"technology": "Trino"}, "settings": {"isActive": False}}])
    (host,) = [host for host in hosts() if host.page == "trino_connection"]
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}", "immuta_platform_wait_interval": 0.05}
    variables = {**local, "immuta_url": tenant.url, "immuta_api_key": tenant.api_key, **host.variables}

    def writes(playbook: str, *arguments: str) -> list[str]:
        tenant.clear_log()
        done = run_playbook(ROOT / "playbooks" / f"{playbook}.yml", {"immuta_platforms": {"hosts": {"trino": variables}}}, tmp_path, *arguments)
        assert done.rc == 0, done.output
        return [f"{entry['method']} {entry['path']} {entry['status']}" for entry in tenant.writes()]

    settings, delete = "PUT /data/settings/trino-prod 200", "DELETE /data/object/trino-prod"
    assert writes("register", "--check") == []
    assert writes("register") == [settings]
    assert writes("register") == []
    assert writes("deregister", "-e", "immuta_confirm=trino") == [f"{delete} 409", settings, f"{delete} 200"]
    assert tenant.stored_connections() == []
