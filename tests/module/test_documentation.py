# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of the documentation show is what a tenant takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import TECHNOLOGIES
from immuta_simulator import Simulator
from support.modules import run_module
from support.pages import Host, hosts


@pytest.mark.parametrize("host", hosts(), ids=Host.__str__)
def test_every_platform_of_the_pages_can_be_registered(host: Host, tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
    options = {**host.options, **({"api_key_dest": str(tmp_path / "key")} if "api_key_dest" in host.options else {})}
    # a connection of a technology that can only be registered in Immuta itself is there, and not active yet
    elsewhere = host.is_connection and host.type not in TECHNOLOGIES
    if elsewhere:
        shown = {"connectionKey": options["connection_key"], "connection": {"technology": host.type}}
        tenant.connections([{**shown, "settings": {"isActive": False}}])
    first, second = (run_module(host.module, options, tmp_path, environment=environment).result for _time in range(2))
    assert (first.get("msg"), first["action"], first["healthy"]) == (None, "updated" if elsewhere else "created", True)
    assert (second["action"], second["changes"]) == ("unchanged", [])
