# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller with the templates of the kit, a tenant, and a warehouse of Redshift behind it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import RedshiftEngine
from immuta_simulator import Simulator
from support.core import PYTHON

from .controller import Controller

#: everything that has ever broken a script, a template or a masker
NASTY = """it's "both"; $$ $tag$ %s %(x)s {{ braces }} {% raw %} \\ back\\n ünïcödé <&> 5439"""
#: what a credential of AWX says, and what the inventory adds: the engine has no TLS
LOGIN = "{{ lookup('ansible.builtin.env', 'IMMUTA_LOGIN_REDSHIFT', default='{}') | from_json | combine({'ssl': false}) }}"

Launcher = Callable[..., Controller]


@pytest.fixture(scope="session")
def redshift() -> Iterator[RedshiftEngine]:
    with RedshiftEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def shared_tenant(redshift: RedshiftEngine) -> Iterator[Simulator]:
    login = {"username": redshift.admin_user, "password": redshift.admin_password}
    place = {"host": redshift.host, "type": "Redshift", "address": redshift.host, "port": redshift.port, "ssl": False, "login": login}
    with Simulator(warehouses=[place]) as tenant:
        yield tenant


@pytest.fixture
def warehouse_tenant(shared_tenant: Simulator) -> Simulator:
    """A tenant without integrations that connects to the warehouse."""
    shared_tenant.reset()
    return shared_tenant


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Launcher]:
    """controller(tenant, hosts, …): a controller with the kit, an inventory and credentials. hosts: name -> variables."""
    with tempfile.TemporaryDirectory(prefix="a") as temporary:

        def made(tenant: Simulator, hosts: dict[str, Any], *, credentials: dict[str, Any] | None = None, **how: Any) -> Controller:
            inventory = imported({"immuta_platforms": {"hosts": hosts}}, tmp_path)
            known = {"Immuta": {"url": tenant.url, "api_key": tenant.api_key}, **(credentials or {})}
            return Controller(tmp_path, inventory, known, temporary=Path(temporary), **how)

        yield made


def imported(inventory: dict[str, Any], folder: Path) -> dict[str, Any]:
    """An inventory as AWX has it after it imported a file: what ansible-inventory says of it, with its templates."""
    path = folder / "hosts.json"
    path.write_text(json.dumps(inventory))
    done = subprocess.run([PYTHON, "-m", "ansible", "inventory", "-i", path, "--list", "--export"], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def platform(engine: RedshiftEngine, number: int, **variables: Any) -> dict[str, Any]:
    """The variables of a platform, whose administrator signs in with what a credential of AWX says."""
    config = {
        "host": engine.host,
        "port": engine.port,
        "database": f"immuta_{number}",
        "initial_database": engine.database,
        "authentication_type": "userPassword",
        "username": f"immuta_system_{number}",
        "password": {"__ansible_unsafe": NASTY},
    }
    return {
        "immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": config},
        "immuta_platform_login": LOGIN,
        **variables,
    }
