# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m demo: play the scenario and show what comes of it. The status is 0 when every step went as expected."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from support.playbook import Run
from tools.checks.commands import ROOT

from .scenario import STEPS, TEAMS, Step
from .world import LOGS, PLACES, World, opened

Show = Callable[[str], object]
Steps = list[tuple[int, Step]]
Lines = SimpleQueue[str | None]


@dataclass(frozen=True)
class Outcome:
    number: int
    step: Step
    actions: Mapping[str, str]
    seconds: float
    problem: str


def actions_of(run: Run, hosts: Mapping[str, str]) -> dict[str, str]:
    """Host -> what was done to it, or that it failed."""
    return {host: run.action(host) for host in hosts}


def play(number: int, step: Step, world: World, show: Show) -> Outcome:
    """One step: what happens meanwhile, the run, and the closer look."""
    show(f"\n{number:2}. {step.title}")
    if step.before:
        show(f"    {step.before(world)}")
    playbook, *arguments = step.command(world)
    show(f"    $ ansible-playbook community.immuta.{playbook} {' '.join(map(shlex.quote, arguments))}")
    begun = time.monotonic()
    run = world.play(f"{number:02}-{playbook}", playbook, *arguments)
    seconds = time.monotonic() - begun
    actions: Mapping[str, str] = {}
    problem = ""
    try:
        actions = actions_of(run, step.expect)
        show(f"    {describe(actions)}   ({seconds:.1f} s)")
        assert actions == step.expect, f"expected was {describe(step.expect)}"
        for look in step.then:
            show(f"    {look(world, run)}")
        assert not [secret for secret in world.secrets() if secret in run.output], "a secret is in the output"
    except (AssertionError, KeyError, IndexError, StopIteration, ValueError) as reason:
        problem = f"{type(reason).__name__}: {reason}"
        show(f"    NOT AS EXPECTED: {problem}\n{run.output[-2000:]}")
    return Outcome(number, step, actions, seconds, problem)


def describe(actions: Mapping[str, str]) -> str:
    """created: redshift_emea, snowflake_emea"""
    hosts = {action: [host for host in actions if actions[host] == action] for action in actions.values()}
    return "; ".join(f"{action}: {', '.join(names)}" for action, names in hosts.items())


def work(steps: Steps, world: World, show: Show) -> list[Outcome]:
    """Play steps one after the other, until one does not go as expected."""
    outcomes: list[Outcome] = []
    for number, step in steps:
        if world.given_up:
            break
        outcomes.append(play(number, step, world, show))
        if outcomes[-1].problem:
            break
    return outcomes


def play_all(world: World) -> list[Outcome]:
    """The teams work at the same time, each on its own tenant; what they do is shown team by team."""
    numbered = list(enumerate(STEPS, 1))
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor() as pool:
        teams = {}
        for team in TEAMS:
            lines: Lines = SimpleQueue()
            teams[team] = lines, pool.submit(work_aside, [(number, step) for number, step in numbered if step.team == team], world, lines)
        try:
            for team, (lines, working) in teams.items():
                print(f"\n--- Team {team}", flush=True)
                for line in iter(lines.get, None):
                    print(line, flush=True)
                outcomes += working.result()
        except BaseException:
            world.given_up = True  # the pool waits for the run that each team is at, and for no more
            raise
    return outcomes


def work_aside(steps: Steps, world: World, lines: Lines) -> list[Outcome]:
    """Work, and put what there is to show into the queue; None is its end."""
    try:
        return work(steps, world, lines.put)
    finally:
        lines.put(None)


# --- the tables at the end


def held(catalogue: Mapping[str, Any], database: str, user: str) -> str:
    """What a warehouse's own catalogue says of one database and one account, in a few words."""
    found = catalogue["databases"][database]
    grants = len(found["grants"] if "grants" in found else catalogue["grants"])
    accounts = catalogue.get("users", catalogue["roles"])
    return f"{database}: {len(found['schemas'])} schemas, {len(found['tables'])} tables, {grants} grants; {user if user in accounts else 'no account'}"


def show_tables(world: World, outcomes: list[Outcome]) -> None:
    print("\nWhat happened")
    for outcome in outcomes:
        verdict = "NOT AS EXPECTED" if outcome.problem else "as expected"
        print(f"{outcome.number:2}. {outcome.step.title:<54}{verdict:<16}{outcome.seconds:5.1f} s   {describe(outcome.actions)}")
    if not world.registered:
        return
    print(f"\n{'What the catalogues hold':<26}{'with Immuta':<70}at the end")
    now = world.catalogues()
    for place in PLACES:
        end = ", ".join(sorted(now[place.name]["databases"])) + (", as before" if now[place.name] == world.before[place.name] else "")
        print(f"{place.name:<26}{held(world.registered[place.name], place.database, place.user):<70}{end}")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    print("Starting three database engines and two simulated tenants ...", flush=True)
    with opened() as world:
        outcomes = play_all(world)
        show_tables(world, outcomes)
    good = len(outcomes) == len(STEPS) and not [outcome for outcome in outcomes if outcome.problem]
    logs = LOGS.relative_to(ROOT)
    print(f"\n{'Everything went as expected' if good else 'Not everything went as expected'}, in {time.monotonic() - begun:.0f} s. Output: {logs}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
