# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in the demo, step by step, and what must come of each step.

A step is a run of a playbook. C(before) is what somebody did meanwhile, C(expect) the action of each host, and C(then) looks closer:
each of its functions gives a line to show, or raises AssertionError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.playbook import Run

from .world import SYSTEM_PASSWORD, WAREHOUSE, World, administrate, place_of

Look = Callable[[World, Run], str]


@dataclass(frozen=True)
class Step:
    """One command of an operator. C(variables) are extra variables, as a dictionary or made when the step is reached."""

    team: str
    title: str
    playbook: str
    arguments: tuple[str, ...]
    expect: Mapping[str, str]
    variables: Mapping[str, Any] | Callable[[World], Mapping[str, Any]] = field(default_factory=dict)
    before: Callable[[World], str] | None = None
    then: tuple[Look, ...] = ()

    def command(self, world: World) -> list[str]:
        variables = self.variables(world) if callable(self.variables) else self.variables
        return [self.playbook, *self.arguments, *(["-e", json.dumps(variables)] if variables else [])]


# --- what others do meanwhile


def the_audit_is_switched_on(world: World) -> str:
    world.say("snowflake_emea", snowflake_audit=True)
    return "In the inventory, snowflake_audit of snowflake_emea becomes true."


def someone_switches_the_audit_on(world: World) -> str:
    world.someone_edits("snowflake_us", audit={"enabled": True})
    return "Somebody switches the audit on by hand: script, worksheet, request. The inventory does not know."


def the_warehouse_is_made(world: World) -> str:
    administrate(world.engines["snowflake_us"], f"CREATE WAREHOUSE {WAREHOUSE}")
    return f"The administrator makes the warehouse {WAREHOUSE}."


def the_catalogues_are_kept(tenant: str) -> Callable[[World], str]:
    def keep(world: World) -> str:
        world.registered |= world.catalogues(tenant)
        return "Everything is registered; this is the state that the table at the end shows."

    return keep


# --- what is looked at afterwards


def nothing_is_written(world: World, run: Run) -> str:
    assert not world.tenants["emea"].writes(), "the tenant saw a write"
    found = world.catalogues("emea")
    assert found == {name: world.before[name] for name in found}, "a warehouse is not as it was"
    return "The tenant saw no write, and the warehouses are as they were."


def the_accounts_log_in(world: World, run: Run) -> str:
    for name in hosts_of(run):
        place = place_of(name)
        assert world.integration(name)["status"] == "enabled", f"{name} is not enabled"
        assert world.engines[name].can_login(place.user, SYSTEM_PASSWORD, database=place.database), f"the password of {name} did not arrive as it was typed"
    return f"Enabled; the system account logs in with the password {SYSTEM_PASSWORD}"


def nothing_runs_twice(world: World, run: Run) -> str:
    assert not [host for host in hosts_of(run) if run.changed(host)], "a second run changed something"
    assert not [host for host in run.fleet() if run.tasks(host, "immuta_platform_plan")], "a second run entered the role"
    return "changed=0; one task looked at both, and no script was made or run."


def the_fields_are_named(world: World, run: Run) -> str:
    changes = [change for platform in run.fleet().values() for change in platform["changes"] if not change["secret"]]
    assert changes, "no change was named"
    return "; ".join(sorted({f"{change['field']}: {shown(change['before'])} -> {shown(change['after'])}" for change in changes}))


def the_tenant_is_as_it_should_be(world: World, run: Run) -> str:
    assert world.integration("snowflake_emea")["config"]["audit"] == {"enabled": True}
    grants = [(grant["privilege"], grant["name"]) for grant in world.engines["snowflake_emea"].catalog()["grants"]]
    assert ("IMPORTED PRIVILEGES", "SNOWFLAKE") in grants, "the edit script has not run"
    return "The audit is on in Immuta, and the account may read the query history on the warehouse."


def the_review_copy_shows_no_literal(world: World, run: Run) -> str:
    script, copy = ((world.artifacts / "snowflake_us" / f"1-create{suffix}.sql").read_text(encoding="utf-8") for suffix in ("", ".review"))
    assert script.count("\n") == copy.count("\n"), "the copy has other lines"
    assert "5439" in script and "5439" not in copy, "the copy shows the password"
    return f"1-create.sql and its copy for review have the same {copy.count(chr(10))} lines; the copy shows no literal."


def the_statement_is_named(world: World, run: Run) -> str:
    (failed,) = [task["result"] for task in run.tasks("snowflake_us", "immuta_sql_script", status="failed")]
    statement = failed["failed_statement"]
    assert 0 < failed["executed"] < failed["total"], "it did not break half-way"
    assert not world.integration("snowflake_us"), "what is not set up was registered"
    place = f"Statement {statement['number']} of {failed['total']} ({statement['verb']}, line {statement['line']})"
    return f"{place}: {statement['code']}: {statement['message']} {failed['executed']} had run."


def it_went_on_where_it_stopped(world: World, run: Run) -> str:
    (done,) = [task["result"] for task in run.tasks("snowflake_us", "immuta_sql_script") if task["result"]["total"] > 1]
    before = done["statements_skipped"]
    assert before > 0 and before + done["executed"] == done["total"], "it did not go on"
    return f"{before} statements had run before, the other {done['executed']} ran now."


def the_warehouses_are_as_before(world: World, run: Run) -> str:
    hosts = hosts_of(run)
    if "snowflake_us" in hosts:
        administrate(world.engines["snowflake_us"], f"DROP WAREHOUSE {WAREHOUSE}")
    for name in hosts:
        assert world.engines[name].catalog() == world.before[name], f"{name} is not as it was"
        assert not world.integration(name), f"{name} is registered"
    return f"The tenant has forgotten {' and '.join(hosts)}, and nothing of it is left on the warehouse."


def hosts_of(run: Run) -> list[str]:
    return sorted(event["host"] for event in run.events if "stats" in event)


def shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)


# --- the steps

# Each has a tenant of its own, and they work at the same time
TEAMS = ("EMEA", "US")
EMEA = ("--limit", "tenant_emea")
SNOWFLAKE = ("--limit", "snowflake_emea")
US = ("--limit", "tenant_us")


def stage(name: str) -> dict[str, Any]:
    return {"immuta_platform_stages": [name]}


def approved(world: World) -> dict[str, Any]:
    """The stage run, with the checksum that somebody read the script for."""
    summary = json.loads((world.artifacts / "snowflake_us" / "summary.json").read_text(encoding="utf-8"))
    return stage("run") | {"immuta_platform_approved_sha256": summary["scripts"]["1-create"]["sha256"]}


STEPS = (
    Step(
        "EMEA",
        "Look what would be done",
        "register",
        ("--check", *EMEA),
        {"redshift_emea": "created", "snowflake_emea": "created"},
        then=(nothing_is_written,),
    ),
    Step(
        "EMEA",
        "Register both platforms",
        "register",
        EMEA,
        {"redshift_emea": "created", "snowflake_emea": "created"},
        then=(the_accounts_log_in,),
    ),
    Step(
        "EMEA",
        "Run it again",
        "register",
        EMEA,
        {"redshift_emea": "unchanged", "snowflake_emea": "unchanged"},
        then=(nothing_runs_twice,),
    ),
    Step(
        "EMEA",
        "Change a setting",
        "register",
        SNOWFLAKE,
        {"snowflake_emea": "updated"},
        before=the_audit_is_switched_on,
        then=(the_fields_are_named, the_tenant_is_as_it_should_be),
    ),
    Step(
        "EMEA",
        "Take both back",
        "deregister",
        (*EMEA, "-e", "immuta_confirm=2"),
        {"redshift_emea": "deleted", "snowflake_emea": "deleted"},
        before=the_catalogues_are_kept("emea"),
        then=(the_warehouses_are_as_before,),
    ),
    Step(
        "US",
        "In stages, days apart. 1: have the script made",
        "register",
        US,
        {"snowflake_us": "created"},
        stage("generate"),
        then=(the_review_copy_shows_no_literal,),
    ),
    Step(
        "US",
        "Stage 2: run what was approved; it breaks half-way",
        "register",
        US,
        {"snowflake_us": "failed"},
        approved,
        then=(the_statement_is_named,),
    ),
    Step(
        "US",
        "Stage 2 again, the cause repaired",
        "register",
        US,
        {"snowflake_us": "created"},
        approved,
        before=the_warehouse_is_made,
        then=(it_went_on_where_it_stopped,),
    ),
    Step(
        "US",
        "Stage 3: register it",
        "register",
        US,
        {"snowflake_us": "created"},
        stage("register"),
        then=(the_accounts_log_in,),
    ),
    Step(
        "US",
        "Look whether anything drifted",
        "drift",
        US,
        {"snowflake_us": "updated"},
        before=someone_switches_the_audit_on,
        then=(the_fields_are_named,),
    ),
    Step(
        "US",
        "Take it back",
        "deregister",
        (*US, "-e", "immuta_confirm=snowflake_us"),
        {"snowflake_us": "deleted"},
        before=the_catalogues_are_kept("us"),
        then=(the_warehouses_are_as_before,),
    ),
)
