# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting: when it polls, how long it sleeps, and its message at the timeout."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import NotFound, RemoteFailure, WaitTimeout
from ansible_collections.community.immuta.plugins.module_utils._core.waiting import Clock, wait_until
from unit.wire import FakeClock


def states(*names: str) -> Callable[[], str]:
    """Return a poll function that returns one state after the other, and the last one forever."""
    left = list(names)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def enabled(state: str) -> bool:
    return state == "enabled"


def wait(look: Callable[[], str], clock: Clock, *, timeout: float = 600, interval: float = 2) -> str:
    return wait_until(look, enabled, timeout=timeout, interval=interval, clock=clock, describe=lambda state: f"integration 7 is {state}")


def test_looks_at_once_and_does_not_sleep_when_done() -> None:
    clock = FakeClock()
    assert wait(states("enabled"), clock) == "enabled"
    assert clock.slept == []


def test_the_interval_grows_by_half_up_to_fifteen_seconds() -> None:
    clock = FakeClock()
    assert wait(states(*["creating"] * 9, "enabled"), clock) == "enabled"
    assert clock.slept == [2, 3, 4.5, 6.75, 10.125, 15, 15, 15, 15]


def test_every_pause_is_jittered() -> None:
    clock = FakeClock(share=0.75)
    assert wait(states(*["creating"] * 3, "enabled"), clock) == "enabled"
    assert clock.slept == [1.5, 2.25, 3.375]


def test_an_interval_longer_than_the_longest_pause_stays_as_given() -> None:
    clock = FakeClock()
    wait(states(*["creating"] * 3, "enabled"), clock, interval=40)
    assert clock.slept == [40, 40, 40]


def test_never_sleeps_past_the_deadline_and_looks_once_more_there() -> None:
    clock = FakeClock()
    looks: list[float] = []

    def look() -> str:
        looks.append(clock.time)
        return "creating"

    with pytest.raises(WaitTimeout):
        wait(look, clock, timeout=10)
    assert looks == [0, 2, 5, 9.5, 10]
    assert sum(clock.slept) == 10


def test_done_at_the_deadline_is_done() -> None:
    clock = FakeClock()
    assert wait(lambda: "enabled" if clock.time >= 10 else "creating", clock, timeout=10) == "enabled"


@pytest.mark.parametrize(("timeout", "words"), [(30, "30 seconds"), (1, "1 second")])
def test_a_timeout_says_the_last_state_the_seconds_and_that_the_next_run_continues(timeout: int, words: str) -> None:
    with pytest.raises(WaitTimeout) as caught:
        wait(states("creating", "migrating"), FakeClock(), timeout=timeout)
    failure = caught.value.as_fail_json()
    assert failure["msg"].startswith(f"Gave up waiting after {words}: integration 7 is migrating.")
    assert "the next run continues" in failure["msg"]
    assert (failure["last_status"], failure["seconds"]) == ("integration 7 is migrating", timeout)


def test_the_time_of_slow_looks_counts() -> None:
    clock = FakeClock()

    def slow() -> str:
        clock.time += 50
        return "creating"

    with pytest.raises(WaitTimeout) as caught:
        wait(slow, clock, timeout=60)
    assert caught.value.facts["seconds"] == 102  # 50 for a poll, 2 of sleep, 50 for another poll


def test_a_timeout_of_zero_looks_once() -> None:
    clock = FakeClock()
    with pytest.raises(WaitTimeout):
        wait(states("creating"), clock, timeout=0)
    assert clock.slept == []


def test_an_interval_of_zero_is_no_busy_loop() -> None:
    clock = FakeClock()
    wait(states(*["creating"] * 3, "enabled"), clock, interval=0)
    assert all(pause > 0 for pause in clock.slept) and len(clock.slept) == 3


@pytest.mark.parametrize("error", [RemoteFailure("it ended in createError"), NotFound("gone", status=404, method="GET", path="/integrations/7")])
def test_what_a_look_raises_ends_the_wait(error: Exception) -> None:
    def look() -> str:
        raise error

    with pytest.raises(type(error)) as caught:
        wait(look, FakeClock())
    assert caught.value is error


def test_the_real_clock_sleeps_and_its_jitter_takes_at_most_half() -> None:
    clock = Clock()
    before = clock.monotonic()
    clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.01
    assert abs(clock.now() - time.time()) < 5
    shares = [clock.jitter(10) for _unused in range(200)]
    assert all(5 <= share <= 10 for share in shares) and len(set(shares)) > 1
    assert wait(states("creating", "enabled"), clock, interval=0.01) == "enabled"
