# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m demo: play the scenario and show what comes of it. The status is 0 when every step went as expected."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.playbook import Run

from .scenario import STEPS, Step
from .world import FOLDER, PLACES, World, opened


@dataclass(frozen=True)
class Outcome:
    step: Step
    actions: Mapping[str, str]
    seconds: float
    lines: tuple[str, ...] = ()
    problem: str = ""


def actions_of(run: Run, hosts: Mapping[str, str]) -> dict[str, str]:
    """Host -> what the role says it did, or that it failed."""
    return {host: "failed" if run.stats(host)["failures"] else run.result(host)["action"] for host in hosts}


def play(step: Step, world: World) -> Outcome:
    """One step: what happens meanwhile, the run, and the closer look."""
    if step.before:
        show(f"   {step.before(world)}")
    playbook, *arguments = step.command(world)
    show(f"   $ ansible-playbook community.immuta.{playbook} {' '.join(map(shlex.quote, arguments))}")
    begun = time.monotonic()
    run = world.play(playbook, *arguments)
    seconds = time.monotonic() - begun
    actions: Mapping[str, str] = {}
    lines: list[str] = []
    try:
        actions = actions_of(run, step.expect)
        assert actions == step.expect, f"expected was {describe(step.expect)}"
        lines = [look(world, run) for look in step.then]
        assert not [secret for secret in world.secrets() if secret in run.output], "a secret is in the output"
    except (AssertionError, KeyError, IndexError, StopIteration, ValueError) as reason:
        return Outcome(step, actions, seconds, tuple(lines), f"{type(reason).__name__}: {reason}\n{run.output[-2000:]}")
    return Outcome(step, actions, seconds, tuple(lines))


def describe(actions: Mapping[str, str]) -> str:
    """created: redshift_emea, snowflake_emea"""
    hosts = {action: [host for host in actions if actions[host] == action] for action in actions.values()}
    return "; ".join(f"{action}: {', '.join(names)}" for action, names in hosts.items())


def show(text: str = "") -> None:
    print(text, flush=True)


def play_all(world: World) -> list[Outcome]:
    outcomes = []
    for number, step in enumerate(STEPS, 1):
        show(f"\n{number:2}. {step.title}")
        outcome = play(step, world)
        outcomes.append(outcome)
        show(f"   {describe(outcome.actions)}   ({outcome.seconds:.1f} s)")
        for line in outcome.lines:
            show(f"   {line}")
        if outcome.problem:
            show(f"   NOT AS EXPECTED: {outcome.problem}")
            break
    return outcomes


# --- the tables at the end


def held(catalogue: Mapping[str, Any], database: str, user: str) -> str:
    """What a warehouse's own catalogue says of one database and one account, in a few words."""
    found = catalogue["databases"][database]
    grants = len(found["grants"] if "grants" in found else catalogue["grants"])
    accounts = catalogue.get("users", catalogue["roles"])
    return f"{database}: {len(found['schemas'])} schemas, {len(found['tables'])} tables, {grants} grants; {user if user in accounts else 'no account'}"


def show_tables(world: World, outcomes: list[Outcome]) -> None:
    show("\nWhat happened")
    for number, outcome in enumerate(outcomes, 1):
        verdict = "NOT AS EXPECTED" if outcome.problem else "as expected"
        show(f"{number:2}. {outcome.step.title:<54}{verdict:<16}{outcome.seconds:5.1f} s   {describe(outcome.actions)}")
    if not world.registered:
        return
    show(f"\n{'What the catalogues hold':<26}{'with Immuta':<70}at the end")
    now = world.catalogues()
    for place in PLACES:
        end = ", ".join(sorted(now[place.name]["databases"])) + (", as before" if now[place.name] == world.before[place.name] else "")
        show(f"{place.name:<26}{held(world.registered[place.name], place.database, place.user):<70}{end}")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    show("Starting three database engines and two simulated tenants ...")
    with opened() as world:
        outcomes = play_all(world)
        show_tables(world, outcomes)
    good = len(outcomes) == len(STEPS) and not [outcome for outcome in outcomes if outcome.problem]
    logs = FOLDER.relative_to(FOLDER.parents[1]) / "log"
    show(f"\n{'Everything went as expected' if good else 'Not everything went as expected'}, in {time.monotonic() - begun:.0f} s. Output: {logs}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
