# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers for messages: the name that a typo stands for, and the plural of a noun.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the most similar of the names, ignoring case; empty if none is similar."""
    import difflib  # only a typo needs it

    known = {each.lower(): each for each in names}
    return known.get(next(iter(difflib.get_close_matches(str(name).lower(), known, 1)), ""), "")


def count(number: int, noun: str) -> str:
    """Return the number with its noun: C(1 statement), C(2 statements)."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
