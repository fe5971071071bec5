# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the scripts of different hosts run side by side: hosts whose script takes seconds, against one such host."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from engines import RedshiftEngine
from immuta_simulator import Simulator
from support.playbook import Run, run_playbook

from .measure import CONFIGURATION
from .ways import REGISTER

SCRIPT_SECONDS = 3
HOSTS = 4

# The banners between which the role runs SQL, as Ansible's log holds them
BANNER = re.compile(r"^(?P<at>[\d-]+ [\d:]+,\d+) .*?TASK \[[\w.]+ : (?P<title>.*?)\]", re.MULTILINE)
FIRST, BEHIND = "Run the scripts", "Have the tenant register"


def succeeded(run: Run) -> Run:
    if run.rc:
        raise SystemExit(run.output)
    return run


def side_by_side(folder: Path) -> None:
    """Set-ups with a slow statement: one host alone, and several, each with an address and a database of its own on the same engine."""
    with RedshiftEngine(host="0.0.0.0") as engine:
        login = {"username": engine.admin_user, "password": engine.admin_password}
        places = [f"127.0.1.{number}" for number in range(1, HOSTS + 1)]
        warehouses = [{"host": place, "type": "Redshift", "address": "127.0.0.1", "port": engine.port, "ssl": False, "login": login} for place in places]
        slow = {"create": {"kind": "break", "statement": 5, "sql": f"SELECT pg_sleep({SCRIPT_SECONDS})"}}
        title = f"set-ups, each with a statement of {SCRIPT_SECONDS} s"
        print(f"\n{title:<45} {'the SQL':>8} {'ratio':>6} {'whole run':>10}")
        alone = 0.0
        for count in (1, HOSTS):
            with Simulator(warehouses=warehouses) as tenant:
                tenant.settings(script_tampering=slow)
                hosts = {f"host_{place}": set_up(place, f"{count}_{number}", engine) for number, place in enumerate(places[:count])}
                inventory = {"immuta_platforms": {"vars": {"immuta_url": tenant.url, "immuta_api_key": tenant.api_key}, "hosts": hosts}}
                log = folder / f"{count}.log"
                environment = {**CONFIGURATION, "ANSIBLE_LOG_PATH": str(log)}
                started = time.monotonic()
                succeeded(run_playbook(REGISTER, inventory, folder, "--forks", "20", environment=environment))
                whole = time.monotonic() - started
            seconds = sql_seconds(log)
            alone = alone or seconds
            print(f"{f'{count} host' + 's' * (count > 1):<45} {seconds:>7.2f}s {seconds / alone:>5.2f}x {whole:>9.2f}s")


def set_up(place: str, name: str, engine: RedshiftEngine) -> dict[str, Any]:
    """The variables of one host."""
    config = {
        "host": place,
        "port": engine.port,
        "database": f"immuta_{name}",
        "initial_database": engine.database,
        "authentication_type": "userPassword",
        "username": f"immuta_{name}",
        "password": "not-a-real-password",
    }
    login = {"username": engine.admin_user, "password": engine.admin_password, "ssl": False}
    return {"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": config}, "immuta_platform_login": login}


def sql_seconds(log: Path) -> float:
    """Wall seconds from the role's first script to the request behind its last one, all hosts together."""
    found = [(each["title"], datetime.strptime(each["at"], "%Y-%m-%d %H:%M:%S,%f")) for each in BANNER.finditer(log.read_text(encoding="utf-8"))]
    begins = next(at for title, at in found if title.startswith(FIRST))
    ends = next(at for title, at in found if title.startswith(BEHIND))
    return (ends - begins).total_seconds()
