# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform is called as a host of an inventory, from its own names: stable, and safe in patterns, on command lines and as a file. Pure.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_LONGEST = 150
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def safe(text: str) -> str:
    """The text as a name that means itself everywhere. Empty when nothing is left of it."""
    return _UNSAFE.sub("_", text).strip("._-")[:_LONGEST]


def of_integration(type_name: str, key: str) -> str:
    """The name of an integration. key: its natural key, or its id; empty for a type of which a tenant has one."""
    return safe(f"{type_name.lower()}_{key}")


def of_connection(key: str) -> str:
    """The name of a connection."""
    return safe(f"connection_{key}")


def unique(names: Sequence[str], marks: Sequence[str]) -> list[str]:
    """The names in the same order, with the platform's own mark behind each name that several have. No order decides, and none keeps it."""
    found = list(names)
    for _unused in found:
        times = Counter(found)
        if len(times) == len(found):
            break
        found = [f"{name}_{mark}" if times[name] > 1 else name for name, mark in zip(found, marks)]
    return found
