# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that a tenant hands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..integrations import Integration
from ..platforms import PLATFORMS
from ..problems import Problem

if TYPE_CHECKING:
    from ..tenant import Tenant


def make(tenant: Tenant, action: str, type_: str, config: dict[str, Any], record: Integration | None) -> str:
    if action not in PLATFORMS[type_].scripts:
        raise Problem(400, f"The {action} script is not available for {type_} integrations.")
    return f"-- {type_} {action}\nSELECT 1;\n"
