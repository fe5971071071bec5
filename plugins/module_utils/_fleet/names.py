# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform is called as a host of an inventory, from its own names: stable, and safe in patterns, on command lines and as a file. Pure.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
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


def mark_of_integration(id: str) -> str:
    """What tells an integration from others of its name: its id, or what follows from one that is no number and may hold anything."""
    return id if id.isascii() and id.isdigit() else mark_of_connection(id)


def mark_of_connection(key: str) -> str:
    """What tells a connection from others of its name: eight letters and digits that follow from its key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def unique(names: Sequence[str], marks: Sequence[str]) -> list[str]:
    """The names in the same order, with the platform's own mark behind each name that several have. No order decides, and none keeps it."""
    found = list(names)
    for _unused in found:
        times = Counter(found)
        if len(times) == len(found):
            break
        found = [f"{name}_{mark}" if times[name] > 1 else name for name, mark in zip(found, marks)]
    return found
