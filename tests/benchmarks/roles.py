# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host costs by the role, against one item of a looped module task; and whether scripts of different hosts run side by side."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from engines import RedshiftEngine
from simulator import Simulator
from support.playbook import Run, run_playbook

REGISTER = "community.immuta.register"
REPEATS = 3
SCRIPT_SECONDS = 4


def timed(playbook: str | Path, inventory: Mapping[str, Any], folder: Path, *arguments: str) -> tuple[float, Run]:
    """Median wall seconds of a whole ansible-playbook run, and the last of the runs."""
    taken = []
    for _unused in range(REPEATS):
        started = time.monotonic()
        done = run_playbook(playbook, inventory, folder, *arguments)
        taken.append(time.monotonic() - started)
        if done.rc:
            raise SystemExit(done.output)
    return statistics.median(taken), done


def nothing_to_do(platforms: list[dict[str, Any]], tenant: Simulator, folder: Path, localhost: Mapping[str, Any]) -> None:
    """Platforms that are as they should be: the role, a host each, and one looped task."""
    reach = {"url": tenant.url, "api_key": tenant.api_key}
    options = {"type": "Redshift", "auto_bootstrap": True, "config": "{{ item }}"}
    task = {"community.immuta.immuta_integration": options, "loop": [platform["config"] for platform in platforms]}
    playbook = folder / "loop.yml"
    play = {"hosts": "localhost", "gather_facts": False, "module_defaults": {"group/community.immuta.all": reach}, "tasks": [task]}
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    hosts = {f"platform_{number}": {"immuta_platform_integration": platform} for number, platform in enumerate(platforms)}
    variables = {f"immuta_{name}": value for name, value in reach.items()}
    inventory = {"immuta_platforms": {"vars": variables, "hosts": hosts}}
    looped, done = timed(playbook, localhost, folder)
    print(f"\n{len(platforms)} platforms that are as they should be{'':<6} {'seconds':>8} {'a platform':>11} {'ratio':>6} {'banners':>8} {'lines':>6}")
    rows = [("one looped module task", looped, done)]
    rows += [(f"the role, {forks} forks", *timed(REGISTER, inventory, folder, "--forks", str(forks))) for forks in (5, 20)]
    for title, seconds, run in rows:
        banners = len(re.findall(r"^TASK \[", run.output, re.MULTILINE))
        print(f"{title:<45} {seconds:>7.2f}s {seconds / len(platforms):>10.2f}s {seconds / looped:>5.2f}x {banners:>8} {len(run.output.splitlines()):>6}")


def side_by_side(folder: Path) -> None:
    """Set-ups with a slow statement, in databases of different names: one host, and three, each on an address of its own."""
    with RedshiftEngine(host="0.0.0.0") as engine:
        login = {"username": engine.admin_user, "password": engine.admin_password}
        places = [f"127.0.1.{number}" for number in range(1, 4)]
        warehouses = [{"host": place, "type": "Redshift", "address": "127.0.0.1", "port": engine.port, "ssl": False, "login": login} for place in places]
        with Simulator(warehouses=warehouses) as tenant:
            tenant.settings(script_tampering={"create": {"kind": "break", "statement": 5, "sql": f"SELECT pg_sleep({SCRIPT_SECONDS})"}})
            seconds = {}
            for count in (1, 3):
                hosts = {f"host_{place}": slow_host(place, f"{count}_{number}", engine, login) for number, place in enumerate(places[:count])}
                variables = {"immuta_url": tenant.url, "immuta_api_key": tenant.api_key}
                started = time.monotonic()
                done = run_playbook(REGISTER, {"immuta_platforms": {"vars": variables, "hosts": hosts}}, folder, "--forks", "20")
                seconds[count] = time.monotonic() - started
                if done.rc:
                    raise SystemExit(done.output)
                tenant.reset()
                tenant.settings(script_tampering={"create": {"kind": "break", "statement": 5, "sql": f"SELECT pg_sleep({SCRIPT_SECONDS})"}})
    print(f"\nset-ups with a statement of {SCRIPT_SECONDS} s: one host {seconds[1]:.1f} s, three hosts {seconds[3]:.1f} s ({seconds[3] / seconds[1]:.1f}x)")


def slow_host(place: str, name: str, engine: RedshiftEngine, login: Mapping[str, Any]) -> dict[str, Any]:
    config = {
        "host": place,
        "port": engine.port,
        "database": f"immuta_{name}",
        "initial_database": engine.database,
        "authentication_type": "userPassword",
        "username": f"immuta_{name}",
        "password": "not-a-real-password",
    }
    return {"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": config}, "immuta_platform_login": {**login, "ssl": False}}
