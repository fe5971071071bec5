# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behavior of tenants since late 2026, with a tenant in memory: transitional states, tasks, refused removals, counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ApiError, ImmutaError, RemoteFailure, WaitTimeout
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import LEVELS_OF_UNDOCUMENTED
from unit.data_api import DataApi, Refused
from unit.test_connection_reconcile import Bench, options

ON = {"connection_key": "sf-prod", "settings": {"is_active": True}}
STATES = "GET /data/object/sf-prod"
PUT, DELETE = "PUT /data/settings/sf-prod", "DELETE /data/object/sf-prod"


@pytest.fixture
def tenant() -> Iterator[Bench]:
    with DataApi() as api:
        yield Bench(api)


@pytest.fixture
def there(tenant: Bench) -> Bench:
    """Return a tenant with an inactive connection."""
    tenant.register()
    return tenant


# --- transitional states


WAYS = [["INACTIVE", "ACTIVATING", "INACTIVE", "ACTIVE"], ["inactive", "pending", "active"], ["INACTIVE", "ACTIVE"]]


@pytest.mark.parametrize("states", WAYS, ids=str)
def test_an_activation_is_waited_for(there: Bench, states: list[str]) -> None:
    there.tenant.behaviour.states = list(states)
    result = there.present(ON)
    assert (result["action"], result["healthy"], result["object"]["state"]) == ("updated", True, states[-1])
    assert there.tenant.log.count(STATES) == len(states)


@pytest.mark.parametrize("state", ["INACTIVE", "ACTIVATING"])
def test_an_activation_that_does_not_end_says_in_which_state(there: Bench, state: str) -> None:
    there.tenant.behaviour.states = ["INACTIVE", state]
    with pytest.raises(WaitTimeout, match=f"connection sf-prod is {state.lower()}") as caught:
        there.present(ON)
    assert caught.value.facts["changed"] is True


def test_nobody_waits_for_a_state_who_does_not_want_to(there: Bench) -> None:
    there.tenant.behaviour.states = ["INACTIVE"]
    assert there.present(ON, wait=False)["healthy"] is None
    assert there.clock.slept == []


def test_a_connection_that_nobody_activates_is_not_waited_for_to_be_active(tenant: Bench) -> None:
    tenant.tenant.behaviour.states = ["ACTIVATING", "INACTIVE"]
    assert tenant.present(options())["object"]["state"] == "INACTIVE"


def test_an_update_is_waited_for_when_it_was_active(there: Bench) -> None:
    there.tenant.behaviour.states = ["ACTIVE", "INACTIVE", "UPDATING", "ACTIVE"]
    assert there.present(options(settings=None), update_secrets="always")["healthy"] is True


@pytest.mark.parametrize(("before", "fails"), [("ACTIVE", True), ("UNHEALTHY", False)])
def test_an_update_that_breaks_it_fails_and_one_that_does_not_mend_it_warns(there: Bench, before: str, fails: bool) -> None:
    there.tenant.behaviour.states = [before, "UNHEALTHY"]
    if fails:
        with pytest.raises(RemoteFailure, match=r"connection sf-prod is UNHEALTHY now\. Immuta does not say why") as caught:
            there.present(options(settings=None), update_secrets="always")
        assert caught.value.facts["changed"] is True
    else:
        assert there.present(options(settings=None), update_secrets="always")["healthy"] is False
        assert there.warnings == ["The connection sf-prod has the wanted settings, but its state is UNHEALTHY."]


def test_other_settings_of_what_is_unhealthy_since_warn(there: Bench) -> None:
    there.tenant.behaviour.states = ["ACTIVE", "UNHEALTHY"]
    assert there.present({"connection_key": "sf-prod", "settings": {"activate_new_children": True}})["healthy"] is False
    assert "its state is UNHEALTHY" in there.warnings[0]


def test_settings_of_an_object_that_is_unhealthy_warn(there: Bench) -> None:
    there.tenant.behaviour.states = ["UNHEALTHY"] * 9
    plan, _object = there.reconciler().settings(["sf-prod"], {"activateNewChildren": True})
    assert plan.action == "updated"
    assert there.warnings == ["sf-prod has the wanted settings, but its state is UNHEALTHY."]


# --- tasks


@pytest.mark.parametrize("is_job", [True, False])
def test_a_task_is_a_job_or_has_some(there: Bench, is_job: bool) -> None:
    behaviour = there.tenant.behaviour
    behaviour.started, behaviour.is_job, behaviour.jobs = "taskId", is_job, ["active", "COMPLETED"]
    (job,) = there.reconciler().sync(["sf-prod"])
    assert job["state"] == "completed"
    behaviour.jobs = ["active", "FAILED"]
    with pytest.raises(RemoteFailure, match="failed: job"):
        there.reconciler().sync(["sf-prod"])


def test_a_task_of_which_nobody_tells_is_not_said_to_be_done(there: Bench) -> None:
    behaviour = there.tenant.behaviour
    behaviour.started, behaviour.is_job, behaviour.jobs, behaviour.states_told = "taskId", True, ["active"], False
    there.reconciler().sync(["sf-prod"])
    assert "Immuta does not show the state of the jobs" in there.warnings[0]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
def test_jobs_that_a_tenant_does_not_show_are_not_waited_for(there: Bench, status: int) -> None:
    there.tenant.behaviour.jobs, there.tenant.behaviour.refuse_jobs = ["active"], status
    assert there.reconciler().sync(["sf-prod"]) == []
    assert "are not visible, so the task did not wait for them" in there.warnings[0]


# --- removals


def refuse(bench: Bench, status: int, message: str, *, times: int = 1) -> None:
    """Make the tenant refuse the next removals."""
    really = bench.tenant._delete
    left = [status] * times

    def delete(*request: Any) -> Any:
        if left:
            raise Refused(left.pop(), message)
        return really(*request)

    bench.tenant._delete = delete  # type: ignore[method-assign, assignment]


REFUSED = [(409, "Conflict"), (409, "must be INACTIVE"), (400, "The connection is still active."), (422, "Deactivate it first.")]


@pytest.mark.parametrize(("status", "message"), REFUSED)
def test_what_is_refused_as_active_is_deactivated_waited_for_and_removed(tenant: Bench, status: int, message: str) -> None:
    tenant.register(options(settings__is_active=True))
    tenant.tenant.behaviour.states = ["ACTIVE", "ACTIVE", "DEACTIVATING", "INACTIVE"]
    refuse(tenant, status, message)
    assert tenant.absent()["action"] == "deleted"
    assert tenant.tenant.writes == [DELETE, PUT, DELETE]
    assert tenant.tenant.body_of(PUT) == {"settings": {"isActive": False}}
    assert message in tenant.warnings[0]
    assert len(tenant.clock.slept) == 2


@pytest.mark.parametrize(
    ("status", "message", "active"),
    [(409, "must be INACTIVE", False), (400, "no", True), (422, "You own it.", True), (403, "active", True), (500, "active", True)],
)
def test_another_refusal_is_one(tenant: Bench, status: int, message: str, active: bool) -> None:
    tenant.register(options(settings__is_active=active))
    refuse(tenant, status, message, times=5)
    with pytest.raises(ApiError):
        tenant.absent()
    assert tenant.tenant.writes == [DELETE]


def test_what_is_being_changed_is_waited_for_and_not_deactivated(tenant: Bench) -> None:
    tenant.register(options(settings__is_active=True))
    busy = "Unable to delete integration with ID 7 in current state editing."
    refuse(tenant, 409, busy)
    with pytest.raises(ApiError, match=busy):
        tenant.absent(wait=False)
    assert tenant.tenant.writes == [DELETE]
    refuse(tenant, 409, busy)
    assert tenant.absent()["action"] == "deleted"
    assert tenant.tenant.writes == [DELETE, DELETE]


def test_without_waiting_it_is_asked_again_at_once(tenant: Bench) -> None:
    tenant.register(options(settings__is_active=True))
    refuse(tenant, 409, "must be INACTIVE", times=2)
    with pytest.raises(ApiError, match="The connection was deactivated but still exists") as caught:
        tenant.absent(wait=False)
    assert caught.value.facts["changed"] is True
    assert tenant.absent()["action"] == "deleted"


# --- numbers of objects


def big(bench: Bench, *, own: Any = None, child: Any = None, told: int = 0) -> None:
    """Return a tenant with a connection that has one database. own, child: their childCount; told: the count in the search answer."""
    bench.tenant.add_objects("sf-prod/DB", state="inactive")
    bench.tenant.objects[("sf-prod",)]["childCount"] = own
    bench.tenant.objects[("sf-prod", "DB")]["childCount"] = child
    search = bench.tenant._search
    bench.tenant._search = lambda *request: (200, {**search(*request)[1], **({"count": told} if told else {})})  # type: ignore[method-assign]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("count", "refused"),
    [
        ({"own": 100_000}, 100_000),
        ({"told": 250_000}, 250_000),
        ({"told": 60_000, "child": 60_000}, 120_000),
        ({"own": 99_999}, 0),
        ({"told": 99_999}, 0),
        ({}, 0),
    ],
)
def test_an_activation_of_too_many_objects_is_refused(there: Bench, count: dict[str, Any], refused: int, check: bool) -> None:
    big(there, **count)
    if refused:
        with pytest.raises(ImmutaError, match=f"There are {refused} objects in sf-prod, and Immuta activates fewer than 100000 at once") as caught:
            there.present(options(connection__warehouse="BIGGER", settings__is_active=True), check=check)
        assert caught.value.facts["option"] == "settings.is_active"
        assert there.tenant.writes == []
    else:
        assert there.present(ON, check=check)["action"] == "updated"


def test_one_look_counts_and_only_before_an_activation(there: Bench) -> None:
    big(there)
    there.tenant.add_objects("sf-prod/DB/S", "sf-prod/DB/S/T", state="inactive")
    search = "POST /data/object/search/sf-prod"
    there.present(ON)
    assert [line for line in there.tenant.log if "search" in line] == [search]
    for given in (ON, {"connection_key": "sf-prod", "settings": {"is_active": False}}):
        there.present(given)
        assert not [line for line in there.tenant.log if "search" in line]
    # a table has no children
    there.tenant.forget()
    there.reconciler().settings(["sf-prod", "DB", "S", "T"], {"isActive": True})
    assert not [line for line in there.tenant.log if "search" in line]


def test_what_may_not_be_counted_is_not_refused(there: Bench) -> None:
    there.tenant._search = lambda *request: (403, {"message": "no"})  # type: ignore[method-assign]
    assert there.present(ON)["action"] == "updated"


# --- technologies that are registered in Immuta


@pytest.mark.parametrize("status", [400, 404, 405, 422])
@pytest.mark.parametrize("technology", [*LEVELS_OF_UNDOCUMENTED, "PostgreSQL", "MySQL"])
def test_every_technology_has_settings_and_is_synchronised_counted_and_removed(tenant: Bench, technology: str, status: int) -> None:
    tenant.tenant.behaviour.unknown = status
    tenant.tenant.add({"connectionKey": "made", "connection": {"technology": technology}, "settings": {"isActive": False}})
    levels = LEVELS_OF_UNDOCUMENTED.get(technology, 0)
    names = ["made", "a", "b", "c"][: levels or 4]
    tenant.tenant.add_objects(*("/".join(names[:end]) for end in range(2, len(names) + 1)))
    assert tenant.present({"connection_key": "made", "connection": {"technology": technology}, "settings": {"is_active": True}})["healthy"] is True
    assert tenant.reconciler().sync(["made"]) == []
    seen = tenant.absent("made", check=True)
    assert (seen["child_count"], seen["data_source_count"]) == (len(names) - 1, 1 if levels else None)
    assert tenant.absent("made")["action"] == "deleted"
    assert not tenant.absent("made")["changed"]
