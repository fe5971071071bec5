# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a job takes here against how long it takes with what users have today: ansible.builtin.uri, one request a task.

    PYTHONPATH=tests .venv/bin/python -m benchmarks

The first table holds jobs, each as two playbooks against the same simulated tenant. The others are about the role (see roles.py).
What is printed is wall seconds of whole ansible-playbook runs and their ratios. Nothing is asserted, because seconds are a machine's
and no property of the code. Other work on the machine makes them noisy.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from simulator import Simulator
from support.playbook import run_playbook

from .roles import nothing_to_do, side_by_side

REPEATS = 3
PLATFORMS = 20
INVENTORY = {"all": {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}}}

Tasks = list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One job, done with requests by hand and with this collection."""

    title: str
    today: Tasks
    here: Tasks


def redshift(number: int) -> dict[str, Any]:
    config = {
        "host": f"cluster-{number}.example.com",
        "database": "immuta",
        "initialDatabase": "dev",
        "authenticationType": "userPassword",
        "username": "immuta",
        "password": f"not-a-real-password-{number}",
    }
    return {"type": "Redshift", "autoBootstrap": True, "config": config}


def request(method: str, path: str, **options: Any) -> dict[str, Any]:
    headers = {"Authorization": "{{ key }}"}
    return {"ansible.builtin.uri": {"url": "{{ tenant }}" + path, "method": method, "headers": headers, **options}}


def cases() -> Iterator[Case]:
    numbers = list(range(1, PLATFORMS + 1))
    yield Case(
        f"see what {PLATFORMS} platforms are like",
        [{**request("GET", "/integrations/{{ item }}"), "loop": numbers}],
        [{"community.immuta.immuta_integration_info": {}}],
    )
    yield Case(
        "see that one platform is as it should be",
        [request("GET", "/integrations"), request("GET", "/integrations/1"), request("GET", "/integrations/1/status")],
        [{"community.immuta.immuta_integration": redshift(1)}],
    )
    yield Case(
        "change a setting, validated and waited for",
        [
            request("GET", "/integrations"),
            request("PUT", "/integrations/2?dryRun=true", body_format="json", body=redshift(2)),
            request("PUT", "/integrations/2", body_format="json", body=redshift(2)),
            request("GET", "/integrations/2/status"),
            request("GET", "/integrations/2"),
        ],
        [{"community.immuta.immuta_integration": {**redshift(2), "update_secrets": "always"}}],
    )


def seconds(tasks: Tasks, tenant: Simulator, folder: Path) -> float:
    """Median wall seconds of a whole ansible-playbook run of these tasks."""
    playbook = folder / "play.yml"
    defaults = {"group/community.immuta.all": {"url": tenant.url, "api_key": tenant.api_key}}
    variables = {"tenant": tenant.url, "key": tenant.api_key}
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "module_defaults": defaults, "tasks": tasks}
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    taken = []
    for _unused in range(REPEATS):
        started = time.monotonic()
        done = run_playbook(playbook, INVENTORY, folder)
        taken.append(time.monotonic() - started)
        if done.rc:
            raise SystemExit(done.output)
    return statistics.median(taken)


def main() -> None:
    with Simulator(transitions="immediate") as tenant, tempfile.TemporaryDirectory() as folder:
        for number in range(1, PLATFORMS + 1):
            tenant.seed({**redshift(number), "status": "enabled"})
        print(f"{'job':<45} {'today':>8} {'here':>8} {'ratio':>6}")
        for case in cases():
            today, here = seconds(case.today, tenant, Path(folder)), seconds(case.here, tenant, Path(folder))
            print(f"{case.title:<45} {today:>7.2f}s {here:>7.2f}s {today / here:>5.1f}x")
        nothing_to_do([redshift(number) for number in range(1, PLATFORMS + 1)], tenant, Path(folder), INVENTORY)
        side_by_side(Path(folder))


if __name__ == "__main__":
    main()
