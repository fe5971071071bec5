# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs on one platform at once: one stands still at a step, and others are started beside it.

On one machine, and on two that share the artifacts, the second is refused and has done nothing. Where two machines share nothing, what
the tenant and the warehouse say keeps them apart. The first comes to its end.
"""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator.integrations import ENDINGS
from support.kills import AtAccount, AtRequest, AtTask, Point, standing
from support.playbook import Run

from .conftest import World, seed
from .test_kills import GOALS, INTEGRATION, locks, rotate
from .test_rotate import NEXT, new_secrets

pytestmark = pytest.mark.all  # a run stands still for seconds in each

BUSY = (
    r"Another run is at work on Redshift 127\.0\.0\.1: \w+ on \S+, process \d+, since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\. Nothing has been done\."
    r" Wait until it has ended\. If it is certain that it is dead, run this again with -e immuta_platform_break_lock=[0-9a-f]{16}, or remove /\S+\.lock"
)
#: what would do most harm, if it were let
SECONDS: dict[str, Callable[..., Run]] = {
    "register": functools.partial(World.register, immuta_platform_on_failure="cleanup", immuta_platform_leftovers="cleanup"),
    "deregister": World.deregister,
    "rotate": functools.partial(rotate, **new_secrets(password=NEXT)),
}

#: what the first run is for -> the points at which it stands still
FIRSTS: dict[str, list[Point]] = {
    "register": [
        AtAccount(),
        AtRequest("POST", "/integrations$", "after", answered=True),
        AtRequest("GET", "/integrations$", answered=True),
        AtRequest("POST", "/scripts/create$", answered=True),
        AtTask("Decide which scripts to run"),
        AtRequest("POST", "/integrations$", answered=True),
        AtRequest("GET", INTEGRATION, answered=True),
        AtTask("Record what has been done"),
    ],
    "deregister": [
        AtTask("Have the tenant forget the platform"),
        AtRequest("POST", "/scripts/delete$", answered=True),
        AtTask("Run the script delete"),
        AtRequest("DELETE", INTEGRATION, answered=True),
        AtRequest("DELETE", INTEGRATION, "after", answered=True),
    ],
    "rotate": [
        AtTask("Sign in as"),
        AtTask("Set the new secret"),
        AtRequest("PUT", INTEGRATION, answered=True),
        AtRequest("PUT", INTEGRATION, "after", answered=True),
    ],
}
#: artifacts of the first run and of the second
ARTIFACTS = {"same": ("artifacts", "artifacts"), "different": ("artifacts", "others"), "none": ("", "")}


def rows() -> list[Any]:
    """Every point with the same artifacts, with different ones, and without."""
    every = product(FIRSTS.items(), ARTIFACTS)
    return [pytest.param(goal, point, artifacts, id=f"{goal}, {point}, {artifacts} artifacts") for (goal, points), artifacts in every for point in points]


def prepared(world: World, goal: str) -> None:
    if goal != "register":
        seed(world, world.redshift)
    if goal == "rotate":
        world.redshift.extra = new_secrets(password=NEXT)


def kept_in(world: World, name: str) -> dict[str, Any]:
    return {"immuta_platform_artifacts": str(world.folder / name)} if name else {}


def refused(world: World, second: Run, before: Any) -> None:
    """That it was told to wait, by whom, and did nothing."""
    assert second.rc != 0
    assert re.search(BUSY, second.message("redshift")), second.message("redshift")
    assert not second.tasks("redshift", "immuta_sql_script")
    assert shown(world) == before


def shown(world: World) -> Any:
    """What is in the tenant and on the warehouse. What the tenant is at counts as done: it goes on by itself, whoever looks."""
    found = [{**each, "status": ENDINGS.get(each["status"], ("", each["status"]))[1]} for each in world.tenant.integrations()]
    return found, len(world.tenant.writes()), world.redshift.holds()


@pytest.mark.parametrize(("goal", "point", "artifacts"), rows())
def test_a_second_run_is_refused_and_the_first_comes_to_its_end(world: World, goal: str, point: Point, artifacts: str) -> None:
    prepared(world, goal)
    start, check = GOALS[goal]
    mine, theirs = (kept_in(world, name) for name in ARTIFACTS[artifacts])
    with standing(point, world, functools.partial(start, world), **mine) as first:
        before = shown(world)
        for second in SECONDS.values():
            refused(world, second(world, **theirs), before)
        look = world.register("--check", **theirs, immuta_platform_server_validation=False)
        assert look.rc == 0 and "Another run is at work on Redshift" in look.output, look.output
        assert shown(world) == before
    done = first.end()
    assert done.rc == 0, done.output
    check(world, world.redshift)
    assert locks(world) == []


# --- on another machine --------------------------------------------------------------------------------------------

#: the first run, where it stands, the second one, the beginning of what it says when it is refused, and what the first says when the second was faster
STRANGERS: list[tuple[str, Point, str, str, str]] = [
    ("register", AtAccount(), "register", "The database immuta_.* already exists on 127.0.0.1, but the integration is not registered", ""),
    ("register", AtRequest("POST", "/integrations$", answered=True), "register", "The database immuta_.* already exists on 127.0.0.1", ""),
    ("register", AtRequest("GET", INTEGRATION, answered=True), "register", "", ""),
    ("deregister", AtRequest("DELETE", INTEGRATION, answered=True), "deregister", "", ""),
    ("deregister", AtTask("Run the script delete"), "deregister", "", 'database "immuta_.*" does not exist'),
    ("rotate", AtRequest("PUT", INTEGRATION, answered=True), "rotate", "", ""),
]


@pytest.mark.parametrize("shared", [True, False], ids=["artifacts shared", "nothing shared"])
@pytest.mark.parametrize(("goal", "point", "second", "says", "overtaken"), [pytest.param(*row, id=f"{row[0]}, {row[1]}, {row[2]}") for row in STRANGERS])
def test_a_run_on_another_machine(world: World, goal: str, point: Point, second: str, says: str, overtaken: str, shared: bool) -> None:
    prepared(world, goal)
    start, check = GOALS[goal]
    with (
        tempfile.TemporaryDirectory(prefix="role") as temporary,
        standing(point, world, functools.partial(start, world), **kept_in(world, "artifacts")) as first,
    ):
        other = replace(world, temporary=Path(temporary))
        before = shown(world)
        beside = GOALS[second][0](other, **kept_in(world, "artifacts" if shared else "others"))
        if shared:
            refused(world, beside, before)
        elif says:
            assert re.search(says, beside.message("redshift")), beside.message("redshift")
            assert shown(world) == before
        else:
            assert beside.rc == 0, beside.output
    done = first.end()
    if overtaken and not shared:
        assert re.search(overtaken, done.message("redshift")), done.output
        done = start(world, **kept_in(world, "artifacts"))
    assert done.rc == 0, done.output
    check(world, world.redshift)


@pytest.mark.parametrize("artifacts", ARTIFACTS)
def test_two_that_begin_at_once(world: World, artifacts: str) -> None:
    """Whoever comes first: there is one integration, and the other one was refused or found nothing to do."""
    worlds = [replace(world, folder=world.folder / name) for name in ("one", "two")]
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda each, name: each.register(**kept_in(world, name)), worlds, ARTIFACTS[artifacts]))
    lost = [run for run in runs if run.rc]
    assert len(lost) < 2
    for run in lost:
        assert re.search(BUSY, run.message("redshift"))
    GOALS["register"][1](world, world.redshift)
