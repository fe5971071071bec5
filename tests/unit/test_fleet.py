# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in tables: what two items have in common, what a plan's checksum stands for, which hosts need the role, what is exported."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import is_redacted
from ansible_collections.community.immuta.plugins.module_utils._fleet import names
from ansible_collections.community.immuta.plugins.module_utils._fleet.export import export_connection, export_integration, unique
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import (
    Host,
    calls_for,
    describe_findings,
    findings,
    outcome_of,
    reason_for_role,
    table,
)
from ansible_collections.community.immuta.plugins.module_utils._fleet.items import items_of
from ansible_collections.community.immuta.plugins.module_utils._fleet.plan import check_expected, checksum, steps_of
from ansible_collections.community.immuta.plugins.module_utils._fleet.pool import run_in_parallel
from ansible_collections.community.immuta.plugins.module_utils._plan.connection import Observed
from ansible_collections.community.immuta.plugins.module_utils._plan.integration import desired, platform_of
from ansible_collections.community.immuta.plugins.module_utils._plan.listing import Listing

# --- items

SNOWFLAKE = {"type": "Snowflake", "config": {"host": "acme.snowflakecomputing.com"}}


@pytest.mark.parametrize(
    "kind, given, named",
    [
        ("integration", [SNOWFLAKE, {"type": "Snowflake", "config": {"host": "HTTPS://ACME.snowflakecomputing.com:443/"}}], "number 1 and as number 2"),
        ("integration", [{"type": "Trino"}, SNOWFLAKE, {"type": "Trino"}], "Trino twice, as number 1 and as number 3"),
        ("integration", [{"id": "7"}, {"id": "7", "config": {}}], "id 7"),
        ("connection", [{"connection_key": "a"}, {"connection_key": "b"}, {"connection_key": "a"}], "connection a twice, as number 1 and as number 3"),
    ],
)
def test_two_items_of_one_platform_are_an_error(kind: str, given: list[dict[str, Any]], named: str) -> None:
    with pytest.raises(OptionError) as refused:
        items_of(kind, given)
    assert named in str(refused.value)


def test_items_of_different_platforms_are_none() -> None:
    given = [SNOWFLAKE, {"type": "Redshift", "config": {"host": "acme.snowflakecomputing.com"}}, {"id": "7"}, {"id": "8"}, {"type": "Trino"}]
    assert [item.key for item in items_of("integration", given)] == ["acme.snowflakecomputing.com"] * 2 + ["id 7", "id 8", "Trino"]


# --- the listing


def test_the_listing_finds_what_a_comparison_with_each_would_find() -> None:
    shown = [
        {"id": 1, "type": "Snowflake", "status": "enabled", "config": {"host": "a.example.com", "database": "IMMUTA"}},
        {"id": "2", "type": "Snowflake", "status": "deleted", "config": {"host": "b.example.com", "database": "IMMUTA"}},
        {"id": "3", "type": "Trino", "status": "enabled", "config": None},
        {"id": "4", "type": "Of 2030", "status": "enabled"},
    ]
    listing = Listing(shown)
    wanted = [
        desired({"config": {"host": host, "database": "IMMUTA"}}, platform_of("Snowflake")) for host in ("A.example.com:443", "b.example.com", "c.example.com")
    ]
    assert [[found["id"] for found in listing.matching(each)] for each in wanted] == [[1], [], []]
    assert [twin["id"] for twin in listing.twins(wanted[2])] == ["1"]
    assert [found["id"] for found in listing.matching(desired({}, platform_of("Trino")))] == ["3"]
    assert listing.with_id("1") is shown[0] and listing.with_id("2") is None
    assert Listing.of(listing) is listing


# --- the plan

CREATED = {"kind": "integration", "key": "a", "action": "created", "needs_script": False, "changes": [], "status": "creating"}
UPDATED = {**CREATED, "key": "b", "action": "updated", "changes": [{"field": "config.role", "before": "x", "after": "y", "secret": False}]}
UNCHANGED = {**CREATED, "key": "c", "action": "unchanged"}
UNKNOWN = {**CREATED, "key": "d", "action": None}


def test_a_plan_is_what_is_to_be_done_in_no_particular_order() -> None:
    plans = [[CREATED, UPDATED], [UPDATED, UNKNOWN, CREATED, UNCHANGED], [{**UPDATED, "status": "enabled"}, CREATED]]
    assert len({checksum(steps_of(plan)) for plan in plans}) == 1
    others = [
        [CREATED],
        [CREATED, {**UPDATED, "needs_script": True}],
        [CREATED, {**UPDATED, "changes": []}],
        [{**CREATED, "tenant": "other"}, UPDATED],
        [CREATED, UPDATED, {**UNCHANGED, "action": "deleted"}],
    ]
    assert len({checksum(steps_of(plan)) for plan in [*others, plans[0]]}) == len(others) + 1


@pytest.mark.parametrize(
    "approved, now, said",
    [
        ([CREATED, UPDATED], [CREATED], "integration b updated (config.role) was approved and is no longer needed"),
        ([CREATED], [CREATED, UPDATED], "integration b updated (config.role), which was not approved"),
        ([CREATED, UPDATED], [CREATED, {**UPDATED, "action": "deleted"}], "integration b deleted, where integration b updated (config.role) was approved"),
        ({"plan": [CREATED]}, [], "integration a created was approved"),
        (checksum(steps_of([CREATED])), [UPDATED], f"not {checksum(steps_of([CREATED]))}. It is now: integration b updated (config.role)."),
        (checksum(steps_of([CREATED])), [UNCHANGED], "nothing to change"),
        ([], [UPDATED], "which was not approved"),
    ],
)
def test_another_plan_is_refused_with_the_difference(approved: Any, now: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ImmutaError) as refused:
        check_expected(approved, steps_of(now))
    assert said in str(refused.value) and "Nothing was sent." in str(refused.value)


@pytest.mark.parametrize("approved", [[UPDATED, CREATED, UNCHANGED], {"plan": [CREATED, UPDATED]}, checksum(steps_of([CREATED, UPDATED])).upper()])
def test_the_approved_plan_is_taken(approved: Any) -> None:
    check_expected(approved, steps_of([CREATED, UPDATED]))


@pytest.mark.parametrize("approved", ["abc", "", 7, {"plan": "x"}, ["x"], "{"])
def test_what_is_no_plan_is_an_error(approved: Any) -> None:
    with pytest.raises(OptionError, match="neither"):
        check_expected(approved, [])


# --- many at once


def test_no_more_are_at_work_at_once_than_allowed() -> None:
    turn, working, most = threading.Condition(), 0, 0

    def work(_thing: int) -> bool:
        nonlocal working, most
        with turn:
            working += 1
            most = max(most, working)
            turn.notify_all()
            turn.wait_for(lambda: most == 3, timeout=10)
            working -= 1
        return True

    assert run_in_parallel(range(12), work, at_once=3) == []
    assert most == 3


def test_a_failure_stops_what_was_not_begun_only_when_it_shall() -> None:
    begun: list[int] = []

    def work(thing: int) -> bool:
        begun.append(thing)
        return thing != 1

    assert run_in_parallel([0, 1, 2, 3], work, at_once=1, stop=True) == [2, 3]
    assert begun == [0, 1]
    assert run_in_parallel([0, 1, 2, 3], work, at_once=1) == []


# --- hosts


@pytest.mark.parametrize(
    "values, pending, reason",
    [
        ({}, False, ""),
        ({"stages": ["register", "run", "generate"]}, False, ""),
        ({"stages": ["generate"]}, False, "its stages run separately"),
        ({}, True, "an earlier run left work to do"),
        ({"repair": True}, False, "a repair is requested"),
        ({"audit_log": "/log"}, False, "its runs are audited"),
        ({"break_lock": "abc"}, False, "it breaks a lock"),
        ({"integration": {"type": "Trino", "apiKeyDest": "/key"}}, False, "it has an API key to write"),
        ({"update_secrets": "always", "sql_after": ["SELECT 1"], "leftovers": "adopt"}, False, ""),
    ],
)
def test_which_hosts_the_role_looks_at_itself(values: dict[str, Any], pending: bool, reason: str) -> None:
    assert reason_for_role(values, pending=pending) == reason


def test_hosts_of_one_tenant_are_one_call() -> None:
    one, two = {"url": "https://one"}, {"url": "https://two"}
    hosts = [
        Host("a", "integration", {"type": "Trino"}, one),
        Host("b", "connection", {"connection_key": "b"}, one),
        Host("c", "integration", {}, two),
        Host("d", "integration", {}, one, {"update_secrets": "always"}),
        Host("e", "integration", {}, {**one, "api_key": "other"}),
        Host("f", problem="it is wrong", tenant=one),
        Host("g", "integration", {}, one, role_reason="a repair is requested"),
    ]
    calls = calls_for(hosts)
    assert ["".join(host.name for host in call.hosts) for call in calls] == ["ab", "c", "d", "e"]
    assert calls[0].arguments(whole=False, concurrency=3) == {
        "url": "https://one",
        "integrations": [{"type": "Trino", "name": "a"}],
        "connections": [{"connection_key": "b", "name": "b"}],
        "concurrency": 3,
    }
    assert "connections" not in calls[1].arguments(whole=False)
    assert calls[1].arguments(whole=True)["connections"] == []


ITEM = {"key": "k", "action": "unchanged", "changes": [], "status": "enabled", "healthy": True, "changed": False, "needs_script": False, "error": None}
FIELDS = [{"field": "config.role", "secret": False}, {"field": "config.password", "secret": True}]


@pytest.mark.parametrize(
    "host, item, failure, marks, said",
    [
        ({}, {}, "", "done idle", "unchanged"),
        ({}, {"healthy": False, "status": "editError"}, "", "done idle", "unchanged, unhealthy: status editError"),
        ({}, {"action": "updated", "changed": True, "changes": FIELDS}, "", "done changed", "updated (config.role)"),
        ({}, {"action": "created", "needs_script": True}, "", "", "to be registered, with scripts on the warehouse"),
        ({}, {"action": "deleted", "needs_script": True}, "", "", "to be removed, with scripts on the warehouse"),
        ({}, {"action": "updated", "changed": True, "error": "PUT failed."}, "", "failed changed", "PUT failed."),
        ({"problem": "immuta_platform_stages is wrong."}, None, "", "failed", "immuta_platform_stages is wrong."),
        ({}, None, "The tenant is down.", "failed", "The tenant is down."),
        ({"role_reason": "a repair is requested"}, None, "", "", "the role handles it, because a repair is requested"),
    ],
)
def test_what_comes_of_a_host(host: dict[str, Any], item: dict[str, Any] | None, failure: str, marks: str, said: str) -> None:
    found = outcome_of(Host("h", "integration", **host), None if item is None else {**ITEM, **item}, failure)
    assert " ".join(name for name in ("done", "failed", "changed", "idle") if found[name]).split() == sorted(
        marks.split(), key=["done", "failed", "changed", "idle"].index
    )
    assert found["msg"] == f"h: {said}"


def test_a_drift_check_tells_each_kind_of_finding() -> None:
    platforms = {
        "same": outcome_of(Host("same", "integration"), ITEM),
        "sick": outcome_of(Host("sick", "integration"), {**ITEM, "healthy": False}),
        "other": outcome_of(Host("other", "integration"), {**ITEM, "action": "updated", "changes": FIELDS, "owner": "lake"}),
        "broken": outcome_of(Host("broken", problem="It is wrong."), None),
    }
    found = findings(platforms, [{"kind": "connection", "key": "stray"}])
    assert {name: found[name] for name in ("drifted", "unhealthy", "owned", "failed_hosts")} == {
        "drifted": ["other"],
        "unhealthy": ["sick"],
        "owned": ["other"],
        "failed_hosts": ["broken"],
    }
    assert describe_findings(found, ["unmanaged", "failed"]) == "In no inventory: connection stray. Failed: broken."
    assert describe_findings({**found, "unmanaged": None}, ["unmanaged"]) == ""
    assert describe_findings({"drifted": [str(number) for number in range(25)]}, ["drifted"]).endswith("18, 19 and 5 more.")
    assert table(platforms)[-1] == "1 as it should be"
    assert [line.split(":")[0] for line in table(platforms)[:-1]] == ["sick", "other", "broken"]


# --- the export


def test_secrets_are_variables_of_a_vault() -> None:
    exported = export_integration(
        {
            "id": "7",
            "type": "Snowflake",
            "autoBootstrap": False,
            "status": "enabled",
            "config": {
                "warehouse": "WH",
                "host": "Acme.snowflakecomputing.com",
                "database": "IMMUTA",
                "port": None,
                "authenticationType": "userPassword",
                "username": "<REDACTED>",
                "newThing": {"secretValue": "[REDACTED]", "plain": 7},
            },
        }
    )
    prefix = "vault_immuta_snowflake_acme_snowflakecomputing_com"
    assert exported.options["config"]["username"] == f"{{{{ {prefix}_username }}}}"
    assert exported.options["config"]["password"] == f"{{{{ {prefix}_password }}}}", "the tenant leaves it out, and nothing registers without it"
    assert exported.options["config"]["extra"] == {"newThing": {"secretValue": f"{{{{ {prefix}_newthing_secretvalue }}}}", "plain": 7}}
    assert "port" not in exported.options["config"]
    assert sorted(exported.vault) == sorted(f"{prefix}_{name}" for name in ("username", "password", "newthing_secretvalue"))
    assert all(is_redacted(f"{{{{ {name} }}}}") for name in exported.vault), "a variable that nobody has filled in counts as not given"


def test_an_export_does_not_depend_on_the_order_of_an_answer() -> None:
    config = {"host": "a.example.com", "database": "d", "initialDatabase": "dev", "authenticationType": "userPassword", "zeta": 1, "alpha": 2}
    first, second = ({"type": "Redshift", "autoBootstrap": False, "config": shown} for shown in (config, dict(reversed(config.items()))))
    assert str(export_integration(first).options) == str(export_integration(second).options)


def test_platforms_that_are_named_alike_have_variables_and_hosts_of_their_own() -> None:
    def of(key: str) -> Any:
        return export_connection(key, Observed({"connection": {"technology": "Snowflake", "authenticationType": "userPassword"}}))

    found = unique([of("a.b"), of("a-b"), of("c")])
    assert len({each.host for each in found}) == 3
    variables = [name for each in found for name in each.vault]
    assert len(set(variables)) == len(variables) and "vault_immuta_connection_c_password" in variables
    assert [each.key for each in found] == ["a-b", "a.b", "c"]


@pytest.mark.parametrize("key", ["../../etc", "{{ lookup('pipe', 'id') }}", "a b", "-x", "ü"])
def test_no_name_of_a_host_means_anything_else(key: str) -> None:
    assert names.of_connection(key).replace("connection", "").strip("abcdefghijklmnopqrstuvwxyz_.-") == "" and "/" not in names.of_connection(key)
    assert not names.of_connection(key).startswith((".", "-"))
