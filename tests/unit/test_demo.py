# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo says it when a step is not as expected, and its steps speak of hosts that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from demo.__main__ import Outcome, describe, held, play, work
from demo.scenario import STEPS, TEAMS, Step
from demo.world import PLACES
from support.playbook import Run


def run(action: str, *, failures: int = 0, output: str = "") -> Run:
    fact = {"host": "one", "task": "Say", "action": "set_fact", "status": "ok", "result": {"ansible_facts": {"immuta_platform_result": {"action": action}}}}
    return Run(2 if failures else 0, output, [fact, {"host": "one", "stats": {"failures": failures, "changed": 0}}])


class FakeWorld:
    def __init__(self, *runs: Run) -> None:
        self.runs = list(runs)
        self.given_up = False

    def play(self, name: str, playbook: str, *arguments: str) -> Run:
        return self.runs.pop(0)

    def secrets(self) -> set[str]:
        return {"s3cret"}


def step(expected: str, *then: Callable[[Any, Run], str]) -> Step:
    return Step("", "A step", "register", ("--check",), {"one": expected}, then=then)


def outcome(expected: str, came: Run, *then: Callable[[Any, Run], str]) -> Outcome:
    return play(1, step(expected, *then), FakeWorld(came), lambda line: None)  # type: ignore[arg-type]


def test_a_step_as_expected_has_no_problem() -> None:
    assert outcome("created", run("created")).problem == ""
    assert outcome("failed", run("created", failures=1)).problem == ""


@pytest.mark.parametrize("came", [run("unchanged"), run("created", failures=1), run("created", output="it is s3cret"), Run(4, "", [])])
def test_a_step_not_as_expected_has_one(came: Run) -> None:
    assert outcome("created", came).problem


def test_a_closer_look_can_object() -> None:
    def object_to_it(world: Any, run: Run) -> str:
        raise AssertionError("not like that")

    assert "not like that" in outcome("created", run("created"), object_to_it).problem


def test_nothing_is_played_after_a_problem() -> None:
    world = FakeWorld(run("created"), run("unchanged"), run("created"))
    played = work([(number, step("created")) for number in (1, 2, 3)], world, lambda line: None)  # type: ignore[arg-type]
    assert [bool(each.problem) for each in played] == [False, True]


def test_the_steps_speak_of_hosts_that_there_are() -> None:
    hosts = {place.name: place.tenant.upper() for place in PLACES}
    for each in STEPS:
        assert {hosts[host] for host in each.expect} <= ({each.team} if each.team in TEAMS else set(TEAMS))


def test_what_is_shown_is_short() -> None:
    assert describe({"a": "created", "b": "failed", "c": "created"}) == "created: a, c; failed: b"
    catalogue = {"databases": {"d": {"schemas": ["s"], "tables": []}}, "roles": {}, "users": {"u": {}}, "grants": [{}, {}]}
    assert held(catalogue, "d", "u") == "d: 1 schemas, 0 tables, 2 grants; u"
    assert held(catalogue, "d", "nobody").endswith("no account")
