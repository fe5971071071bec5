# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's log, a conversation at a time: a task keeps one connection for all its requests."""

from __future__ import annotations

from collections.abc import Sequence

from immuta_simulator import Simulator


def conversations(tenant: Simulator) -> list[list[str]]:
    """Per connection, in the order in which they were opened, its requests as C(POST /integrations?dryRun=true)."""
    by_connection: dict[int, list[str]] = {}
    for entry in tenant.requests():
        query = f"?{entry['query']}" if entry["query"] else ""
        by_connection.setdefault(entry["connection"], []).append(f"{entry['method']} {entry['path']}{query}")
    return list(by_connection.values())


def sent(tenant: Simulator, method: str, path: str = "") -> Sequence[str]:
    """The bodies that were sent with a method to a path that ends so, as they went over the wire."""
    return [body["sent"] for body in tenant.bodies() if body["method"] == method and body["path"].endswith(path)]
