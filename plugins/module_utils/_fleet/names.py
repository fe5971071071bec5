# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of platforms as inventory hosts: stable, and safe in patterns, on command lines and as file names. Pure.

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
    """Return the text as a name without special characters. Empty if no character is left."""
    return _UNSAFE.sub("_", text).strip("._-")[:_LONGEST]


def of_integration(type_name: str, key: str) -> str:
    """Return the name of an integration. key: its natural key or its id; empty for a type that a tenant has only once."""
    return safe(f"{type_name.lower()}_{key}")


def of_connection(key: str) -> str:
    """Return the name of a connection."""
    return safe(f"connection_{key}")


def mark_of_integration(id: str) -> str:
    """Return the suffix that makes the name of an integration unique: its id, or a checksum of an id that is not a number."""
    return id if id.isascii() and id.isdigit() else mark_of_connection(id)


def mark_of_connection(key: str) -> str:
    """Return the suffix that makes the name of a connection unique: eight hexadecimal digits of a checksum of its key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def unique(names: Sequence[str], marks: Sequence[str]) -> list[str]:
    """Return the names in the same order. Every platform whose name is not unique gets its own mark as a suffix, whatever the order."""
    found = list(names)
    for _unused in found:
        times = Counter(found)
        if len(times) == len(found):
            break
        found = [f"{name}_{mark}" if times[name] > 1 else name for name, mark in zip(found, marks)]
    return found
