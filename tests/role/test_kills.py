# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, at every step of the role, and the plain run that follows.

It converges, or it says exactly what to do: then that is done as it is written there, and it converges. Warehouse and tenant are
then as after a run that nobody disturbed.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.kills import AtRequest, AtStatement, AtTask, Point, standing
from support.playbook import Run

from .conftest import ROTATE, Platform, World, seed, set_up
from .test_connections import PASSWORD, Connection, connected
from .test_rotate import NEXT, new_secrets, stored, takes

INTEGRATION = "^/integrations/[0-9]+$"
#: what an operator may be told to do
LOCK, ADOPT, CLEANUP, LOOK, BY_HAND, ANEW = "break_lock", "leftovers adopt", "leftovers cleanup", "start_at", "the rest by hand", "register and deregister"
WAIT_SQL = "SELECT SYSTEM$WAIT(3600)"

# --- what a run is for, and whether it has come to that ------------------------------------------------------------


def in_words(world: World, platform: Platform) -> str:
    """All that the warehouse shows of the platform, the same for every platform."""
    return json.dumps(platform.holds(), sort_keys=True).replace(platform.user, "USER").replace(platform.database, "DATABASE")


def is_registered(world: World, platform: Platform) -> None:
    if isinstance(platform, Connection):
        assert connected(world, platform)["state"] == "active"
    else:
        assert [each["status"] for each in world.tenant.integrations()] == ["enabled"]
    assert platform.lets_in()
    assert in_words(world, platform) == undisturbed(world, platform)


def is_gone(world: World, platform: Platform) -> None:
    assert not world.registered(platform)
    assert not isinstance(platform, Connection) or not connected(world, platform)
    assert not platform.holds()
    assert isinstance(platform, Connection) or not platform.has_user(), "the account of the platform was left"


def is_rotated(world: World, platform: Platform) -> None:
    assert (takes(platform), stored(world, platform)) == ("new", "new")
    assert world.registered(platform)["status"] == "enabled"


def rotate(world: World, **how: Any) -> Run:
    return world.run(ROTATE, **how)


GOALS: dict[str, tuple[Callable[..., Run], Callable[[World, Platform], None]]] = {
    "register": (World.register, is_registered),
    "deregister": (World.deregister, is_gone),
    "rotate": (rotate, is_rotated),
}


@functools.cache
def _undisturbed(kind: type[Platform]) -> list[str]:
    return []


def undisturbed(world: World, platform: Platform) -> str:
    """What the warehouse shows after a set-up that nobody disturbed, made once, beside the platform."""
    known = _undisturbed(type(platform))
    if not known:
        names = {"database": f"{platform.database}_UNDISTURBED", "username": f"{platform.user}_UNDISTURBED"}
        other = replace(platform, config={**platform.config, **names}, extra={})
        set_up(world, other)
        known.append(in_words(world, other))
    return known[0]


# --- what a message says, done as it is written there --------------------------------------------------------------


def statement_to_go_on_at(found: re.Match[str], world: World, platform: Platform) -> str:
    """The statement that waited changes nothing: whether it ran makes no difference."""
    return found[1]


def complete_or_not(found: re.Match[str] | None, world: World, platform: Platform) -> str:
    """Whether the set-up is complete, which its own last statement says."""
    return "adopt" if in_words(world, platform) == undisturbed(world, platform) else "cleanup"


#: what a message says -> the variable that it has one set, and to what
INSTRUCTIONS: dict[str, tuple[str, Callable[[re.Match[str], World, Platform], str]]] = {
    r"If it is certain that it is dead, run this again with -e immuta_platform_break_lock=(\w+)": (
        "immuta_platform_break_lock",
        lambda found, world, platform: found[1],
    ),
    r"(?:[Ll]ook on|[Cc]heck) the \w+,? (?:then|and) set immuta_platform_start_at(?:: | to )(\d+) if it ran, or (?:to )?(\d+) if it did not": (
        "immuta_platform_start_at",
        statement_to_go_on_at,
    ),
    r"left over from a setup that failed, set immuta_platform_leftovers to cleanup.*set immuta_platform_leftovers to adopt": (
        "immuta_platform_leftovers",
        complete_or_not,
    ),
}


def by_hand(run: Run, world: World, platform: Platform) -> list[str]:
    """Look for what a run says may be left, and do that. Gives what it was."""
    said = "\n".join(run.tasks(platform.host, "debug", "Summary")[-1]["result"]["msg"])
    rest = re.search(r"If an earlier removal was interrupted, do the rest manually on \S+: (.+)\.$", said, re.MULTILINE)
    if rest and platform.has_user():
        platform.sql(*rest[1].split(", "))
        return [BY_HAND]
    if "The role did not ask the warehouse" in said and platform.holds():
        again = {"on": platform, "immuta_platform_leftovers": complete_or_not(rest, world, platform)}
        assert re.search("register it with immuta_platform_leftovers set to adopt .* and deregister it", said)
        assert (world.register(**again).rc, world.deregister(**again).rc) == (0, 0)
        return [ANEW]
    return []


def converge(world: World, platform: Platform, goal: str, how: dict[str, Any]) -> list[str]:
    """Run until it has come to the goal, and do what the messages say. Gives what that was."""
    start, check = GOALS[goal]
    done: list[str] = []
    for _turn in range(4):
        run = start(world, on=platform, **how)
        if run.rc == 0:
            done += by_hand(run, world, platform)
            check(world, platform)
            return done
        message = run.message(platform.host)
        found, variable, answer = next(
            ((found, *what) for pattern, what in INSTRUCTIONS.items() if (found := re.search(pattern, message, re.DOTALL))), (None, "", None)
        )
        assert found and answer, f"a message that does not say what to do: {message}"
        how = {**how, variable: answer(found, world, platform)}
        done.append(f"{variable.removeprefix('immuta_platform_')} {how[variable] if variable.endswith('leftovers') else ''}".strip())
    raise AssertionError(f"it does not end: {done}")


# --- the table -----------------------------------------------------------------------------------------------------


#: goal, behind a connection -> point, and what is done after a kill there with the disk as it was, and with an empty one
POINTS: dict[tuple[str, bool], list[tuple[Point, tuple[str, ...], tuple[str, ...]]]] = {
    ("register", False): [
        (AtRequest("GET", "/integrations$"), (), ()),
        (AtTask("Plan |"), (), ()),
        (AtRequest("POST", "/scripts/initial-create$"), (), ()),
        (AtRequest("POST", "/scripts/create$", "after"), (), ()),
        (AtTask("Ask 127.0.0.1"), (), ()),
        (AtTask("Decide which scripts to run"), (), ()),
        (AtStatement("initial-create", 1), (), ()),
        (AtStatement("initial-create", 2), (LOOK,), (CLEANUP,)),
        (AtTask("Run the script create"), (), (CLEANUP,)),
        (AtStatement("create", 1), (LOOK,), (CLEANUP,)),
        (AtStatement("create", 5), (LOOK,), (CLEANUP,)),
        (AtStatement("create", 22), (LOOK,), (ADOPT,)),
        (AtTask("Have the tenant register"), (), (ADOPT,)),
        (AtRequest("POST", "dryRun=true"), (), (ADOPT,)),
        (AtRequest("POST", "/integrations$"), (), (ADOPT,)),
        (AtRequest("POST", "/integrations$", "after"), (), ()),
        (AtRequest("GET", INTEGRATION), (), ()),
        (AtTask("Record what has been done"), (), ()),
        (AtTask("Forget the values"), (), ()),
    ],
    ("deregister", False): [
        (AtRequest("POST", "/scripts/delete$"), (), ()),
        (AtTask("Run the script delete"), (), ()),
        (AtStatement("delete", 1), (), ()),
        (AtStatement("delete", 2), (LOOK,), (BY_HAND,)),
        (AtStatement("delete", 3), (LOOK,), ()),
        (AtTask("Have the tenant forget"), (), ()),
        (AtRequest("DELETE", INTEGRATION), (), ()),
        (AtRequest("DELETE", INTEGRATION, "after"), (), ()),
        (AtTask("Record what has been done"), (), ()),
    ],
    ("rotate", False): [
        (AtTask("Set the new secret"), (), ()),
        (AtTask("Sign in as"), (), ()),
        (AtRequest("PUT", "dryRun=true"), (), ()),
        (AtRequest("PUT", INTEGRATION), (), ()),
        (AtRequest("PUT", INTEGRATION, "after"), (), ()),
        (AtTask("Record what has been done"), (), ()),
    ],
    ("register", True): [
        (AtStatement("create", 9, WAIT_SQL), (LOOK,), (CLEANUP,)),
        (AtTask("Have the tenant register"), (), (ADOPT,)),
        (AtRequest("POST", "/data/connection$", "after"), (), ()),
        (AtRequest("GET", "/jobs"), (), ()),
    ],
    ("deregister", True): [
        (AtRequest("POST", "/scripts/delete$"), (), ()),
        (AtRequest("DELETE", "/data/object/"), (), ()),
        (AtRequest("DELETE", "/data/object/", "after"), (), (ANEW,)),
        (AtTask("Record what has been done"), (), (ANEW,)),
        (AtTask("Run the script delete"), (), (ANEW,)),
        (AtStatement("delete", 3, WAIT_SQL), (LOOK,), ()),
    ],
}
#: the lock is held from the role's plan to its last note
WITHOUT_LOCK = ("before task Plan |", "before task Forget the values")
#: what is tried on every change
QUICK = ("register integration, statement 5 of create, nothing",)


@dataclass(frozen=True)
class Kill:
    """A run for a goal, killed at a point. disk: what of it the next run has. does: what its messages have one do."""

    goal: str
    point: Point
    disk: str
    does: tuple[str, ...]
    behind_connection: bool = False
    kept: bool = True

    def __str__(self) -> str:
        what = "connection" if self.behind_connection else "integration"
        return f"{self.goal} {what}, {self.point}, {self.disk}" + ("" if self.kept else " without artifacts")


def kills() -> Iterator[Kill]:
    """Every point with the disk as it was, with the artifacts alone and with nothing; those of connections without artifacts, too."""
    for (goal, behind), points in POINTS.items():
        for point, same, nothing in points:
            yield Kill(goal, point, "same", same, behind)
            locked = () if str(point) in WITHOUT_LOCK else (LOCK,)
            yield Kill(goal, point, "artifacts", (*locked, *same), behind)
            yield Kill(goal, point, "nothing", nothing, behind)
            if behind and goal == "deregister":
                yield Kill(goal, point, "same", same, behind, kept=False)
    yield Kill("register", AtStatement("create", 5), "same", (CLEANUP,), kept=False)


def rows() -> list[Any]:
    return [pytest.param(kill, id=str(kill), marks=() if str(kill) in QUICK else pytest.mark.all) for kill in kills()]


@pytest.fixture
def platform(request: pytest.FixtureRequest, world: World) -> Iterator[Platform]:
    """The platform of the row, set up and registered where the goal needs that."""
    kill: Kill = request.getfixturevalue("kill")
    if kill.behind_connection:
        world.tenant.settings(data_api="on", snowflake_account="given")
        made: Platform = Connection("lake", world.snowflake.engine, world.snowflake.config, PASSWORD)
        # own statements run again after a clean-up, and the role's guide says so
        before = made.variables()["immuta_platform_sql_before"]
        made.extra = {"immuta_platform_sql_before": [re.sub("^(CREATE (ROLE|USER))", r"\1 IF NOT EXISTS", line) for line in before]}
    else:
        made = world.redshift
    if kill.goal != "register":
        if kill.behind_connection:
            assert world.register(on=made).rc == 0
        else:
            seed(world, made)
    if kill.goal == "rotate":
        made.extra = new_secrets(password=NEXT)
    yield made
    for path in world.temporary.iterdir():
        if path != world.home:  # what Ansible itself leaves when it is killed
            shutil.rmtree(path)


@pytest.mark.parametrize("kill", rows())
def test_what_follows_a_kill(world: World, platform: Platform, kill: Kill) -> None:
    start, _unused = GOALS[kill.goal]
    how: dict[str, Any] = {"immuta_platform_artifacts": str(world.artifacts)} if kill.kept else {}
    with standing(kill.point, world, functools.partial(start, world), on=platform, **how) as run:
        run.kill()
    change_disk(world, kill.disk)
    assert converge(world, platform, kill.goal, how) == list(kill.does)
    assert locks(world) == []


@pytest.mark.all
@pytest.mark.parametrize("kill", [Kill("register", AtStatement("create", 5), "same", (CLEANUP,), kept=False)], ids=str)
def test_a_play_that_is_killed_alone_keeps_its_lock_until_its_script_has_ended(world: World, platform: Platform, kill: Kill) -> None:
    """Whoever is short of memory kills the play, and its module goes on."""
    with standing(kill.point, world, world.register) as run:
        run.kill_play()
        refused = world.register(immuta_platform_leftovers="cleanup")
        assert "its script still runs although the play was killed" in refused.message("redshift")
        assert platform.holds()
    assert converge(world, platform, kill.goal, {}) == list(kill.does)


def change_disk(world: World, disk: str) -> None:
    """A new container has none of the old one's files, and another name."""
    if disk == "same":
        return
    for path in world.temporary.iterdir():
        shutil.rmtree(path)
    if disk == "nothing":
        shutil.rmtree(world.artifacts, ignore_errors=True)
    for lock in world.artifacts.rglob("*.lock"):
        lock.write_text(json.dumps({**json.loads(lock.read_text()), "host": "a-container-that-is-gone"}))


def locks(world: World) -> list[Path]:
    return [*world.folder.glob("*/*.lock"), *world.home.glob("immuta_platform/*.lock")]
