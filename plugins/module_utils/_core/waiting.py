# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Polling until something is done, with a clock that tests can replace.

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

RESUMES_NEXT_RUN = "Nothing is rolled back: the work goes on, and the next run continues from there."

# Looks come further and further apart, up to this many seconds, unless the user wants them further apart still.
BACKOFF_FACTOR = 1.5
MAX_PAUSE = 15.0
_MIN_PAUSE = 0.05


class Clock:
    """The clock of the machine. All durations are in seconds."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self, seconds: float) -> float:
        """Return a random duration between half of C(seconds) and all of it, so that many tasks do not poll at the same moment."""
        return seconds * random.uniform(0.5, 1.0)


def wait_until(
    poll: Callable[[], T],
    done: Callable[[T], bool],
    *,
    timeout: float,
    interval: float,
    clock: Clock | None = None,
    describe: Callable[[T], str],
    after_timeout: str = RESUMES_NEXT_RUN,
) -> T:
    """Return the first result of C(poll) for which C(done) is true. Raise WaitTimeout after C(timeout) seconds, and what C(poll) raises.

    The first poll is immediate, and the last one is at the deadline. describe: turns a result into words for the user
    (C(integration 7 is creating)). after_timeout: the sentence that tells the user what happens to the work now.
    """
    clock = clock or Clock()
    started = clock.monotonic()
    pause = max(interval, _MIN_PAUSE)
    while True:
        state = poll()
        if done(state):
            return state
        elapsed = clock.monotonic() - started
        if elapsed >= timeout:
            raise _timeout(describe(state), elapsed, after_timeout)
        clock.sleep(min(clock.jitter(pause), timeout - elapsed))
        pause = min(pause * BACKOFF_FACTOR, max(interval, MAX_PAUSE))


def _timeout(last: str, elapsed: float, after_timeout: str) -> WaitTimeout:
    seconds = round(elapsed)
    return WaitTimeout(
        f"Gave up waiting after {count(seconds, 'second')}: {last}.",
        hint=f"{after_timeout} Raise wait_timeout to wait longer.",
        last_status=last,
        seconds=seconds,
    )
