# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting, with a clock that a test can replace.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .errors import WaitTimeout
from .names import count

T = TypeVar("T")

CONTINUES = "Nothing is undone and the work goes on: the next run continues from there."

# Looks come further and further apart, up to this many seconds, unless the user wants them further apart still.
GROWTH = 1.5
LONGEST_PAUSE = 15.0
_SHORTEST_PAUSE = 0.05


class Clock:
    """The machine's clock. All durations in seconds."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        """Seconds since the epoch, to read dates against."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self, seconds: float) -> float:
        """A random share, at least half, so that many waiters do not come back at the same moment."""
        return seconds * random.uniform(0.5, 1.0)


def wait_until(
    look: Callable[[], T],
    done: Callable[[T], bool],
    *,
    timeout: float,
    interval: float,
    clock: Clock | None = None,
    describe: Callable[[T], str],
    afterwards: str = CONTINUES,
) -> T:
    """Look at once, then again and again, until C(done) says so; what was seen last.

    describe: what was seen, in words for the user (C(integration 7 is creating)). afterwards: what becomes of it without us.
    Raises WaitTimeout after C(timeout) seconds, having looked once more at the deadline; lets through what C(look) raises.
    """
    clock = clock or Clock()
    started = clock.monotonic()
    pause = max(interval, _SHORTEST_PAUSE)
    while True:
        seen = look()
        if done(seen):
            return seen
        elapsed = clock.monotonic() - started
        if elapsed >= timeout:
            raise _timeout(describe(seen), elapsed, afterwards)
        clock.sleep(min(clock.jitter(pause), timeout - elapsed))
        pause = min(pause * GROWTH, max(interval, LONGEST_PAUSE))


def _timeout(last: str, elapsed: float, afterwards: str) -> WaitTimeout:
    seconds = round(elapsed)
    return WaitTimeout(
        f"Gave up waiting after {count(seconds, 'second')}: {last}.",
        hint=f"{afterwards} Raise wait_timeout to wait longer.",
        last_status=last,
        seconds=seconds,
    )
