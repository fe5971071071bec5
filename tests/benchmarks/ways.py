# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to see that platforms are as they should be: with what users have today, and with this collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from .measure import Bench, Cost

REGISTER, DRIFT = "community.immuta.register", "community.immuta.drift"
#: the role on every host, also on one with nothing to do
ROLE = Path(__file__).parents[1] / "role" / "register.yml"

Platforms = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Way:
    """One way. per_platform: its cost grows by a process or task a platform, so that a large number takes minutes."""

    title: str
    run: Callable[[Bench, Platforms, int], Cost]
    per_platform: bool = False


def redshift(number: int) -> dict[str, Any]:
    """An integration that Immuta sets up itself, as the API writes it."""
    config = {
        "host": f"cluster-{number}.example.com",
        "port": 5439,
        "database": "immuta",
        "initialDatabase": "dev",
        "authenticationType": "userPassword",
        "username": "immuta",
        "password": sha256(str(number).encode()).hexdigest()[:24],
    }
    return {"type": "Redshift", "autoBootstrap": True, "config": config}


def empty_task() -> dict[str, Any]:
    """A Python module that does nothing."""
    return {"ansible.builtin.ping": {}}


def get(path: str, **options: Any) -> dict[str, Any]:
    return {"ansible.builtin.uri": {"url": "{{ tenant }}" + path, "headers": {"Authorization": "{{ key }}"}, **options}}


def tenant_task(**options: Any) -> dict[str, Any]:
    return {"community.immuta.immuta_tenant": {"integrations": "{{ platforms }}", **options}}


def module_loop() -> dict[str, Any]:
    options = {"type": "{{ item.type }}", "auto_bootstrap": True, "config": "{{ item.config }}"}
    return {"community.immuta.immuta_integration": options, "loop": "{{ platforms }}", "loop_control": {"label": "{{ item.config.host }}"}}


def tenant_variables(bench: Bench) -> dict[str, str]:
    return {"tenant": bench.tenant.url, "key": bench.tenant.api_key}


def _task(bench: Bench, platforms: Platforms, repeats: int, task: dict[str, Any]) -> Cost:
    playbook = bench.play(task, {**tenant_variables(bench), "platforms": list(platforms)})
    return bench.ansible(playbook, bench.localhost(), repeats=repeats)


def _uri_loop(bench: Bench, platforms: Platforms, repeats: int) -> Cost:
    ids = [each["id"] for each in bench.tenant.integrations()][: len(platforms)]
    return _task(bench, platforms, repeats, {**get("/integrations/{{ item }}"), "loop": ids})


def _by_host(bench: Bench, platforms: Platforms, repeats: int, playbook: str | Path) -> Cost:
    hosts = {f"platform_{number}": {"immuta_platform_integration": platform} for number, platform in enumerate(platforms)}
    variables = {"immuta_url": bench.tenant.url, "immuta_api_key": bench.tenant.api_key}
    return bench.ansible(playbook, {"immuta_platforms": {"vars": variables, "hosts": hosts}}, "--forks", "20", repeats=repeats)


def _raw(bench: Bench, platforms: Platforms, repeats: int) -> Cost:
    wanted = bench.folder / "wanted.json"
    wanted.write_text(json.dumps(platforms), encoding="utf-8")
    return bench.script(Path(__file__).with_name("floor.py"), str(wanted), repeats=repeats)


EMPTY = Way("one empty task", lambda bench, platforms, repeats: _task(bench, platforms, repeats, empty_task()))
RAW = Way("requests, in one script", _raw)
URI = Way("ansible.builtin.uri, looped", _uri_loop, per_platform=True)
LOOP = Way("immuta_integration, looped", lambda bench, platforms, repeats: _task(bench, platforms, repeats, module_loop()), per_platform=True)
ROLES = Way("the role on each host", lambda bench, platforms, repeats: _by_host(bench, platforms, repeats, ROLE), per_platform=True)
REGISTERED = Way("playbook register", lambda bench, platforms, repeats: _by_host(bench, platforms, repeats, REGISTER))
DRIFTED = Way("playbook drift", lambda bench, platforms, repeats: _by_host(bench, platforms, repeats, DRIFT))
TENANT = Way("immuta_tenant", lambda bench, platforms, repeats: _task(bench, platforms, repeats, tenant_task()))
WAYS = (EMPTY, RAW, URI, LOOP, ROLES, REGISTERED, DRIFTED, TENANT)
