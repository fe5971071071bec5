# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread pool that processes the items of a task in parallel.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def run_in_parallel(items: Iterable[T], work: Callable[[T], bool], *, at_once: int, stop: bool = False) -> list[T]:
    """Call work for each item, at most C(at_once) at the same time, and return the items that were not started. Raise what work raises.

    work: returns whether it succeeded. stop: start no more items after a failure.
    """
    from concurrent.futures import ThreadPoolExecutor

    waiting, failed = list(items), Event()
    if len(waiting) < 2:
        return [item for item in waiting if not _start(item, work, failed, stop)]
    with ThreadPoolExecutor(max_workers=min(at_once, len(waiting))) as pool:
        started = list(pool.map(lambda item: _start(item, work, failed, stop), waiting))
    return [item for item, was_started in zip(waiting, started) if not was_started]


def _start(item: T, work: Callable[[T], bool], failed: Event, stop: bool) -> bool:
    """Do the work for the item unless the task has stopped, and return whether the work was started."""
    if stop and failed.is_set():
        return False
    if not work(item):
        failed.set()
    return True
