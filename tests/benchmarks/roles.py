# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host costs by the role, against one item of a looped module task; and whether scripts of different hosts run side by side.

Both run with playbooks/ansible.example.cfg, so the lines of output are those that an operator sees.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from engines import RedshiftEngine
from simulator import Simulator
from support.playbook import ROOT, Run, run_playbook

REGISTER = "community.immuta.register"
REPEATS = 3
SCRIPT_SECONDS = 3
HOSTS = 4
CONFIGURATION = {"ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.example.cfg")}

# The banners between which the role runs SQL, as Ansible's log holds them
BANNER = re.compile(r"^(?P<at>[\d-]+ [\d:]+,\d+) .*?TASK \[[\w.]+ : (?P<title>.*?)\]", re.MULTILINE)
FIRST, BEHIND = "Run the scripts", "Have the tenant register"


def nothing_to_do(platforms: list[dict[str, Any]], tenant: Simulator, folder: Path, localhost: Mapping[str, Any]) -> None:
    """Platforms that are as they should be: one looped task, and the role with a host each. The role may cost at most half as much again."""
    reach = {"url": tenant.url, "api_key": tenant.api_key}
    options = {"type": "Redshift", "auto_bootstrap": True, "config": "{{ item }}"}
    task = {"community.immuta.immuta_integration": options, "loop": [platform["config"] for platform in platforms]}
    play = {"hosts": "localhost", "gather_facts": False, "module_defaults": {"group/community.immuta.all": reach}, "tasks": [task]}
    playbook = folder / "loop.yml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    hosts = {f"platform_{number}": {"immuta_platform_integration": platform} for number, platform in enumerate(platforms)}
    inventory = {"immuta_platforms": {"vars": {f"immuta_{name}": value for name, value in reach.items()}, "hosts": hosts}}
    looped, done = timed(playbook, localhost, folder)
    rows = [("one looped module task", looped, done)]
    rows += [(f"the role, {forks} forks", *timed(REGISTER, inventory, folder, "--forks", str(forks))) for forks in (5, 20)]
    print(f"\n{f'{len(platforms)} platforms that are as they should be':<45} {'seconds':>8} {'a platform':>11} {'ratio':>6} {'banners':>8} {'lines':>6}")
    for title, seconds, run in rows:
        banners = len(re.findall(r"^TASK \[", run.output, re.MULTILINE))
        print(f"{title:<45} {seconds:>7.2f}s {seconds / len(platforms):>10.2f}s {seconds / looped:>5.2f}x {banners:>8} {len(run.output.splitlines()):>6}")


def timed(playbook: str | Path, inventory: Mapping[str, Any], folder: Path, *arguments: str) -> tuple[float, Run]:
    """Median wall seconds of a whole ansible-playbook run, and the last of the runs."""
    taken = []
    for _unused in range(REPEATS):
        started = time.monotonic()
        done = succeeded(run_playbook(playbook, inventory, folder, *arguments, environment=CONFIGURATION))
        taken.append(time.monotonic() - started)
    return statistics.median(taken), done


def succeeded(run: Run) -> Run:
    if run.rc:
        raise SystemExit(run.output)
    return run


# --- side by side


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
