# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of platforms as inventory hosts: stable, and safe in host patterns, on command lines and as file names.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

_MAX_LENGTH = 150
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def safe(text: str) -> str:
    """Return the text as a name of letters, digits, dots, underscores and hyphens. Empty if the text has none of them."""
    return _UNSAFE.sub("_", text).strip("._-")[:_MAX_LENGTH]


def of_integration(type_name: str, key: str) -> str:
    """Return the name of an integration. key: its natural key or its id; empty for a type that a tenant has only once."""
    return safe(f"{type_name.lower()}_{key}")


def of_connection(key: str) -> str:
    """Return the name of a connection."""
    return safe(f"connection_{key}")


def suffix_of_integration(id: str) -> str:
    """Return the suffix that makes the name of an integration unique: its id, or a checksum of an id that is not a number."""
    return id if id.isascii() and id.isdigit() else suffix_of_connection(id)


def suffix_of_connection(key: str) -> str:
    """Return the suffix that makes the name of a connection unique: eight hexadecimal digits of a checksum of its key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def unique(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Return the names in the same order. Each name that is not unique gets the suffix of its platform, so the result does not depend on the order."""
    result = list(names)
    for _unused in result:
        counts = Counter(result)
        if len(counts) == len(result):
            break
        result = [f"{name}_{suffix}" if counts[name] > 1 else name for name, suffix in zip(result, suffixes)]
    return result
