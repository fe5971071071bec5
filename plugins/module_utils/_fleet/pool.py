# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run work for many items in parallel, up to the limit of a task.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def each(things: Iterable[T], work: Callable[[T], bool], *, at_once: int, stop: bool = False) -> list[T]:
    """Do the work for every thing, at most C(at_once) at the same time, and return those that were not started. Raise what the work raises.

    work: returns whether it succeeded. stop: start nothing more after a failure.
    """
    from concurrent.futures import ThreadPoolExecutor

    waiting, failed = list(things), Event()
    if len(waiting) < 2:
        return [thing for thing in waiting if not _done(thing, work, failed, stop)]
    with ThreadPoolExecutor(max_workers=min(at_once, len(waiting))) as pool:
        begun = list(pool.map(lambda thing: _done(thing, work, failed, stop), waiting))
    return [thing for thing, was_begun in zip(waiting, begun) if not was_begun]


def _done(thing: T, work: Callable[[T], bool], failed: Event, stop: bool) -> bool:
    """Return whether the work was started."""
    if stop and failed.is_set():
        return False
    if not work(thing):
        failed.set()
    return True
