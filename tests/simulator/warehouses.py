# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the warehouses are, and the inspector for each; the tenant's own work on them."""

from __future__ import annotations

from typing import Any

from .integrations import Integration
from .settings import Settings
from .validation import Inspector, Trusting, Unreachable


class SetupFailed(Exception):
    """The tenant's own script failed on the warehouse; the text says at which statement and why."""


class Warehouses:
    """places: [{host, type, address, port, account?, ssl}]; host as in config.host or config.workspaceUrl."""

    def __init__(self, places: list[dict[str, Any]] | None = None) -> None:
        self._initial = list(places or [])
        self.places = list(self._initial)

    def place(self, places: list[dict[str, Any]]) -> None:
        self.places = list(places)

    def reset(self) -> None:
        self.places = list(self._initial)

    def inspector(self, type_: str, config: dict[str, Any], password: str | None, settings: Settings) -> Inspector:
        if settings.unknown_hosts == "pass":
            return Trusting()
        return Unreachable(f"Could not connect to {config.get('host')}.")

    def set_up(self, record: Integration, settings: Settings) -> None:
        pass

    def edit(self, record: Integration, old: dict[str, Any], settings: Settings) -> None:
        pass

    def clean_up(self, record: Integration, credentials: dict[str, Any], settings: Settings) -> None:
        pass
