# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconciling integrations: the requests, their order, and the outcome of each case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    Conflict,
    ImmutaError,
    NotFound,
    OptionError,
    RemoteFailure,
    Unprocessable,
    WaitTimeout,
)
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import mask
from ansible_collections.community.immuta.plugins.module_utils._model.states import FAILED, GONE, STATUSES, TRANSIENT
from ansible_collections.community.immuta.plugins.module_utils._plan.integration import Desired, desired, platform_of
from ansible_collections.community.immuta.plugins.module_utils._reconcile.base import Settings
from ansible_collections.community.immuta.plugins.module_utils._reconcile.integration import IntegrationOutcome, Reconciler
from unit.wire import FakeClock

PASSED = {"status": "passed", "validationTests": [{"name": "Basic Connection Test", "status": "passed", "result": [{"secret": 1}]}]}
BROKEN = {"status": "failed", "validationTests": [{"name": "Basic Connection Test", "status": "failed", "message": "no route to host"}]}
ACCOUNT = {"authentication_type": "userPassword", "username": "admin", "password": "s3cret word"}
REDSHIFT = {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev", **ACCOUNT}
SNOWFLAKE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}


class Tenant:
    """The Integrations API in memory. calls: the requests in order, such as C(PUT /7 dryRun)."""

    def __init__(self, *items: Mapping[str, Any]) -> None:
        self.items = {str(item["id"]): dict(item) for item in items}
        self.calls: list[str] = []
        self.bodies: list[Any] = []
        #: call -> replacements, one per call: an exception is raised, a function is called, None has no effect
        self.instead: dict[str, list[Any]] = {}
        #: id -> the statuses that the next reads return
        self.ahead: dict[str, list[str]] = {}
        #: the final status of a create, an update and a delete
        self.ends = {"POST": "enabled", "PUT": "enabled", "DELETE": "deleted"}

    def _call(self, text: str, body: Any = None) -> Any:
        self.calls.append(text)
        self.bodies.append(deepcopy(body))
        happens = self.instead.get(text, [])
        turn = happens.pop(0) if happens else None
        if isinstance(turn, Exception):
            raise turn
        return turn() if callable(turn) else turn

    def _seen(self, id: str) -> dict[str, Any]:
        if self.ahead.get(id):
            self.items[id]["status"] = self.ahead[id].pop(0)
        if id not in self.items or self.items[id]["status"] == "deleted":
            raise ApiError.of("GET", f"/integrations/{id}", 404, {"message": f"No Integration found with ID {id}."})
        return deepcopy(self.items[id])

    def list(self) -> list[dict[str, Any]]:
        self._call("GET /")
        return [deepcopy(item) for item in self.items.values()]

    def get(self, id: str) -> dict[str, Any]:
        self._call(f"GET /{id}")
        return self._seen(id)

    def status(self, id: str) -> str:
        self._call(f"GET /{id}/status")
        return str(self._seen(id)["status"])

    def create(self, payload: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        answer = self._call("POST /" + " dryRun" * dry_run, payload)
        if answer is not None:
            return dict(answer)
        if dry_run:
            return {"validationResults": PASSED}
        return self.register(payload)

    def register(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        id = str(len(self.items) + 1)
        self.items[id] = {"id": id, "status": self.ends["POST"], "validationResults": PASSED, **hide(payload)}
        return {"id": id, "status": "creating", "validationResults": PASSED}

    def update(self, id: str, payload: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        answer = self._call(f"PUT /{id}" + " dryRun" * dry_run, payload)
        if answer is not None:
            return dict(answer)
        if not dry_run:
            self.items[id].update(hide(payload), status=self.ends["PUT"])
        return {"id": id, "status": "editing", "validationResults": PASSED}

    def delete(self, id: str, body: Any = None, *, dry_run: bool = False, force_disable: bool = False) -> dict[str, Any]:
        answer = self._call(f"DELETE /{id}" + " dryRun" * dry_run + " force" * force_disable, body)
        if answer is not None:
            return dict(answer)
        if not dry_run:
            self.items[id]["status"] = self.ends["DELETE"]
        return {"id": id, "status": "deleting", "validationResults": PASSED}


def hide(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {**payload, "config": {key: "<REDACTED>" if key in ("username", "password") else value for key, value in payload.get("config", {}).items()}}


class Owners:
    """The part of the Connections API that shows the owner of an integration."""

    def __init__(self, **owners: str) -> None:
        self.owners = {id.lstrip("_"): key for id, key in owners.items()}
        self.asked: list[str] = []

    def owner_of(self, id: str) -> str | None:
        self.asked.append(id)
        return self.owners.get(id)


def hidden_word(value: Any) -> Any:
    return mask(value, {"s3cret  word"})


class Case:
    """A tenant, and tasks against it."""

    def __init__(self, *items: Mapping[str, Any], **owners: str) -> None:
        self.tenant = Tenant(*items)
        self.owners = Owners(**owners)
        self.clock = FakeClock()
        self.warnings: list[str] = []

    def reconciler(self, **settings: Any) -> Reconciler:
        how = Settings(**settings)
        return Reconciler(self.tenant, self.owners, how, warn=self.warnings.append, mask=hidden_word, clock=self.clock)  # type: ignore[arg-type]

    def present(self, wanted: Desired, **settings: Any) -> IntegrationOutcome:
        return self.reconciler(**settings).present(wanted)

    def absent(self, wanted: Desired, **settings: Any) -> IntegrationOutcome:
        return self.reconciler(**settings).absent(wanted)

    @property
    def calls(self) -> list[str]:
        return self.tenant.calls

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET") and "dryRun" not in call]


def want(config: Mapping[str, Any] | None = None, type_name: str = "Redshift", *, id: str = "", auto_bootstrap: bool | None = False, **changed: Any) -> Desired:
    options = {name: value for name, value in {**(REDSHIFT if config is None else config), **changed}.items() if value is not None}
    return desired({"config": options, "auto_bootstrap": auto_bootstrap, "id": id}, platform_of(type_name))


def there(config: Mapping[str, Any] | None = None, type_name: str = "Redshift", *, id: str = "7", status: str = "enabled", **more: Any) -> dict[str, Any]:
    settings = REDSHIFT if config is None else config
    document = desired({"config": settings, "auto_bootstrap": more.get("autoBootstrap", False)}, platform_of(type_name)).document()
    return {"id": id, "status": status, "validationResults": PASSED, **hide(document), **more}


TRINO = {"id": "3", "status": "enabled", "type": "Trino"}


def api_error(method: str, status: int, message: str, **body: Any) -> ApiError:
    return ApiError.of(method, "/integrations", status, {"statusCode": status, "message": message, **body})


def raise_(error: Exception) -> None:
    raise error


def lost(hint: str = "") -> AnswerLost:
    return AnswerLost("POST /integrations failed: no complete answer.", hint=hint, method="POST", path="/integrations")


# --- the table of states, as requests

EQUAL, DIFFERENT = want(), want(port=1234)
QUIET, UPDATED = ["GET /"], ["GET /", "PUT /7 dryRun", "PUT /7", "GET /7"]
CREATED, DELETED = ["GET /", "POST / dryRun", "POST /", "GET /2"], ["GET /", "DELETE /7", "GET /7"]
STATES = {
    # status: (present and equal, present and different, absent)
    "deleted": (CREATED, CREATED, QUIET),
    "disabled": (CREATED, CREATED, QUIET),
    "enabled": (QUIET, UPDATED, DELETED),
    "createError": (UPDATED, UPDATED, DELETED),
    "editError": (QUIET, UPDATED, DELETED),
    "deleteError": (QUIET, UPDATED, DELETED),
    "migrateError": (QUIET, UPDATED, DELETED),
    "recurringValidationError": (QUIET, UPDATED, DELETED),
}
SETTLED = [
    pytest.param(status, wanted, state, row[column], id=f"{status}-{name}")
    for status, row in STATES.items()
    for column, (name, wanted, state) in enumerate((("equal", EQUAL, "present"), ("different", DIFFERENT, "present"), ("absent", EQUAL, "absent")))
]


def test_every_status_is_tried() -> None:
    assert set(STATES) | TRANSIENT == set(STATUSES)


@pytest.mark.parametrize(("status", "wanted", "state", "calls"), SETTLED)
def test_the_requests_of_a_state(status: str, wanted: Desired, state: str, calls: list[str]) -> None:
    case = Case(there(status=status))
    outcome = getattr(case, state)(wanted)
    assert case.calls == calls
    assert outcome.as_result()["changed"] is (calls != QUIET)


@pytest.mark.parametrize(("status", "wanted", "state", "calls"), SETTLED)
def test_check_mode_predicts_what_happens_and_writes_nothing(status: str, wanted: Desired, state: str, calls: list[str]) -> None:
    real = getattr(Case(there(status=status)), state)(wanted).as_result()
    case = Case(there(status=status))
    predicted = getattr(case, state)(wanted, check_mode=True).as_result()
    assert case.writes == []
    assert predicted.keys() == real.keys()
    for key in ("changed", "action", "adopted", "changes", "changed_reason", "diff"):
        assert predicted[key] == real[key]
    assert [call for call in case.calls if "dryRun" in call] == [f"{call} dryRun" for call in calls if not call.startswith("GET") and "dryRun" not in call]


@pytest.mark.parametrize("status", sorted(TRANSIENT))
@pytest.mark.parametrize("ending", ["enabled", "editError", "deleted"])
def test_what_is_under_way_is_waited_for_and_looked_at_again(status: str, ending: str) -> None:
    case = Case(there(status=status))
    case.tenant.ahead["7"] = [status, status, ending]
    outcome = case.present(DIFFERENT)
    assert case.calls[:3] == ["GET /", "GET /7", "GET /7/status"]
    assert outcome.plan.action == ("created" if ending == "deleted" else "updated")
    assert case.clock.slept


@pytest.mark.parametrize("status", sorted(TRANSIENT))
@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(
    ("wanted", "state", "action"),
    [
        pytest.param(EQUAL, "present", "unchanged", id="equal"),
        pytest.param(DIFFERENT, "present", "updated", id="different"),
        pytest.param(EQUAL, "absent", "deleted", id="absent"),
    ],
)
def test_check_mode_waits_for_nothing(status: str, wanted: Desired, state: str, action: str, wait: bool) -> None:
    case = Case(there(status=status))
    for method in ("PUT", "DELETE"):
        busy = f"Unable to edit integration with ID 7 in current state {status}."
        case.tenant.instead[f"{method} /7 dryRun"] = [api_error(method, 409, busy) for _unused in range(99)]
    result = getattr(case, state)(wanted, check_mode=True, wait=wait).as_result()
    leaving = (status, state) == ("deleting", "absent")
    asks = action != "unchanged" and not leaving
    assert case.calls == ["GET /", *([f"{'PUT' if state == 'present' else 'DELETE'} /7 dryRun"] if asks else [])]
    assert not case.clock.slept
    assert result["action"] == ("unchanged" if leaving else action)
    assert (result["integration"]["id"], result["integration"]["status"], result["healthy"]) == ("7", status, None)
    assert result["validation"] == {"status": "not_asked", "tests": []}
    assert case.warnings[0] == f"Integration 7 is {status}. Check mode does not wait for that, so it was compared as it is now."
    assert [text.split(". ")[-1] for text in case.warnings[1:]] == ["So Immuta cannot validate the request now."] * asks


@pytest.mark.parametrize("status", sorted(TRANSIENT))
def test_what_is_under_way_and_ends_gone_is_absent(status: str) -> None:
    case = Case(there(status=status))
    case.tenant.ahead["7"] = [status, "deleted"]
    assert case.absent(EQUAL).plan.action == "unchanged"
    assert case.writes == []


@pytest.mark.parametrize("status", sorted(TRANSIENT))
@pytest.mark.parametrize("state", ["present", "absent"])
def test_without_waiting_what_is_under_way_is_an_error(status: str, state: str) -> None:
    case = Case(there(status=status))
    with pytest.raises(Conflict, match=f"is in state {status}"):
        getattr(case, state)(EQUAL, wait=False)
    assert case.calls == ["GET /"]


@pytest.mark.parametrize("status", [*sorted(FAILED - {"createError"}), "recurringValidationError", "brandNewError"])
def test_no_error_is_ever_silently_unchanged(status: str) -> None:
    case = Case(there(status=status, validationResults=BROKEN))
    result = case.present(EQUAL).as_result()
    assert (result["changed"], result["healthy"]) == (False, False)
    assert case.warnings == [f"Integration 7 has the wanted settings, but its status is {status}. Failed tests: Basic Connection Test: no route to host."]


@pytest.mark.parametrize("status", sorted(FAILED))
def test_an_update_that_ends_in_an_error_is_a_failure(status: str) -> None:
    case = Case(there())
    case.tenant.ends["PUT"] = status
    case.tenant.items["7"]["validationResults"] = BROKEN
    with pytest.raises(RemoteFailure, match=f"Integration 7 ended in status {status}. Failed tests: Basic Connection Test: no route to host.") as caught:
        case.present(DIFFERENT)
    assert caught.value.facts["status"] == status
    assert caught.value.facts["tests"] == [{"name": "Basic Connection Test", "status": "failed", "message": "no route to host"}]


@pytest.mark.parametrize("results", [None, PASSED, {"validationTests": []}], ids=str)
def test_an_error_that_nothing_explains_is_said_to_be_one(results: Any) -> None:
    case = Case(there(validationResults=results))
    case.tenant.ends["PUT"] = "editError"
    with pytest.raises(RemoteFailure) as caught:
        case.present(DIFFERENT)
    assert caught.value.message == "Integration 7 ended in status editError. Immuta reports no failed test."
    case = Case(there(status="editError", validationResults=results))
    case.present(EQUAL)
    assert case.warnings == ["Integration 7 has the wanted settings, but its status is editError. Immuta reports no failed test."]


# --- failures report what was changed


def failure(case: Case, wanted: Desired, state: str, **settings: Any) -> dict[str, Any]:
    with pytest.raises(ImmutaError) as caught:
        getattr(case, state)(wanted, **{"wait_timeout": 60, **settings})
    return caught.value.as_fail_json()


@pytest.mark.parametrize(
    ("state", "wanted", "action", "id", "under_way", "ends"),
    [
        ("present", want(host="new.example.com"), "created", "2", "creating", "createError"),
        ("present", DIFFERENT, "updated", "7", "editing", "editError"),
        ("absent", EQUAL, "deleted", "7", "deleting", "deleteError"),
    ],
)
@pytest.mark.parametrize("how", ["times out", "ends in an error", "cannot be seen any more"])
def test_what_was_sent_shows_as_changed_although_it_failed(state: str, wanted: Desired, action: str, id: str, under_way: str, ends: str, how: str) -> None:
    case = Case(there())
    for method in case.tenant.ends:
        case.tenant.ends[method] = under_way if how == "times out" else ends
    if how == "cannot be seen any more":
        case.tenant.instead[f"GET /{id}"] = [api_error("GET", 500, "Oops.")]
    result = failure(case, wanted, state)
    done = getattr(Case(there()), state)(wanted).as_result()
    assert (result["changed"], result["action"], result["id"]) == (True, action, id)
    assert {name: result[name] for name in ("changes", "changed_reason", "diff")} == {name: done[name] for name in ("changes", "changed_reason", "diff")}
    assert result.get("dry_run") is None
    assert "s3cret word" not in repr(result)


@pytest.mark.parametrize("ends", sorted(GONE))
def test_an_update_after_which_the_integration_is_gone_has_failed(ends: str) -> None:
    case = Case(there())
    case.tenant.ends["PUT"] = ends
    result = failure(case, DIFFERENT, "present")
    assert (result["changed"], result["action"], result["status"]) == (True, "updated", ends)
    assert f"ended in status {ends}" in result["msg"]


def test_a_create_whose_answer_is_lost_may_have_changed_something() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lost() for _unused in range(9)]
    result = failure(case, EQUAL, "present")
    assert (result["changed"], result["action"], "id" in result) == (True, "created", False)


@pytest.mark.parametrize(
    ("state", "wanted", "call"), [("present", want(host="new.example.com"), "POST /"), ("present", DIFFERENT, "PUT /7"), ("absent", EQUAL, "DELETE /7")]
)
@pytest.mark.parametrize("status", [400, 403, 409, 422])
def test_what_was_refused_has_changed_nothing(state: str, wanted: Desired, call: str, status: int) -> None:
    case = Case(there())
    case.tenant.instead[call] = [api_error(call.split(maxsplit=1)[0], status, "No.")]
    result = failure(case, wanted, state)
    assert not {"changed", "action", "changes"} & result.keys()


@pytest.mark.parametrize("call", ["PUT /7 dryRun", "PUT /7"])
def test_a_wait_before_the_request_has_changed_nothing(call: str) -> None:
    case = Case(there())
    case.tenant.instead[call] = [api_error("PUT", 409, "Unable to edit integration with ID 7 in current state editing.") for _unused in range(1000)]
    assert "changed" not in failure(case, DIFFERENT, "present")
    case = Case(there(status="migrating"))
    assert "changed" not in failure(case, DIFFERENT, "present")


@pytest.mark.parametrize(
    ("state", "wanted", "call", "check_mode"),
    [
        ("present", want(host="new.example.com"), "POST / dryRun", False),
        ("present", DIFFERENT, "PUT /7 dryRun", False),
        ("present", DIFFERENT, "PUT /7 dryRun", True),
        ("absent", EQUAL, "DELETE /7 dryRun", True),
    ],
)
@pytest.mark.parametrize("turn", [lambda: raise_(api_error("PUT", 422, "No.")), {"validationResults": BROKEN}], ids=["error", "answer"])
def test_a_refused_dry_run_says_that_it_was_one(state: str, wanted: Desired, call: str, check_mode: bool, turn: Any) -> None:
    case = Case(there())
    case.tenant.instead[call] = [turn]
    result = failure(case, wanted, state, check_mode=check_mode)
    assert result["dry_run"] is True
    assert "changed" not in result
    assert result["msg"].endswith("This was a dry run: Immuta has changed nothing.")
    assert result["msg"].count("dry run") == 1


def test_an_update_that_ends_unwell_is_a_warning() -> None:
    case = Case(there())
    case.tenant.ends["PUT"] = "recurringValidationError"
    assert case.present(DIFFERENT).as_result()["healthy"] is False
    assert len(case.warnings) == 1


def test_a_create_that_ends_in_an_error_is_a_failure() -> None:
    case = Case()
    case.tenant.ends["POST"] = "createError"
    with pytest.raises(RemoteFailure, match="Integration 1 ended in status createError"):
        case.present(EQUAL)


def test_a_failed_delete_is_a_failure() -> None:
    case = Case(there())
    case.tenant.ends["DELETE"] = "deleteError"
    with pytest.raises(RemoteFailure, match="Integration 7 ended in status deleteError"):
        case.absent(EQUAL)


# --- register


def test_a_create_that_is_at_once_enabled_takes_four_requests() -> None:
    case = Case()
    result = case.present(EQUAL).as_result()
    assert case.calls == ["GET /", "POST / dryRun", "POST /", "GET /1"]
    assert (result["action"], result["healthy"], result["integration"]["status"]) == ("created", True, "enabled")
    assert result["validation"] == {"status": "passed", "tests": [{"name": "Basic Connection Test", "status": "passed"}]}


def test_the_body_is_the_same_for_the_validation_and_for_the_request() -> None:
    case = Case()
    case.present(EQUAL)
    validated, sent = (body for body in case.tenant.bodies if body)
    assert validated == sent == EQUAL.document()


def test_a_create_waits_until_immuta_is_done() -> None:
    case = Case()
    case.tenant.ahead["1"] = ["creating", "creating", "enabled"]
    assert case.present(EQUAL).as_result()["healthy"] is True
    assert case.calls[-4:] == ["GET /1", "GET /1/status", "GET /1/status", "GET /1"]


def test_without_waiting_nobody_can_tell_yet() -> None:
    case = Case()
    case.tenant.ends["POST"] = "creating"
    result = case.present(EQUAL, wait=False).as_result()
    assert (result["changed"], result["healthy"], result["integration"]["status"]) == (True, None, "creating")


def test_without_server_validation_nothing_is_asked() -> None:
    case = Case()
    result = case.present(EQUAL, server_validation=False, check_mode=True).as_result()
    assert case.calls == ["GET /"]
    assert result["validation"] == {"status": "not_asked", "tests": []}


def test_without_server_validation_a_check_needs_no_secret() -> None:
    case = Case()
    assert case.present(want(username=None, password=None), server_validation=False, check_mode=True).plan.action == "created"
    with pytest.raises(OptionError, match=r"config\.username and config\.password are needed to register"):
        case.present(want(username=None, password=None), check_mode=True)


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
@pytest.mark.parametrize("form", ["answer", "error"])
def test_a_failed_validation_fails_the_task(check_mode: bool, form: str) -> None:
    case = Case()
    error = api_error("POST", 422, "Validation of prerequisite setup failed. Unable to create integration.", validationResults=BROKEN)
    case.tenant.instead["POST / dryRun"] = [error if form == "error" else lambda: {"validationResults": BROKEN}]
    with pytest.raises(ImmutaError, match="Basic Connection Test: no route to host"):
        case.present(EQUAL, check_mode=check_mode)
    assert case.writes == []


@pytest.mark.parametrize(
    "answer",
    [
        BROKEN,
        {"validationResults": {"validationTests": BROKEN["validationTests"]}},
        {"validationResults": BROKEN["validationTests"]},
        {"validationResults": {**BROKEN, "status": "Failed"}},
        {"validationResults": {**BROKEN, "status": "passed"}},
    ],
)
def test_a_failed_test_fails_wherever_the_answer_holds_it(answer: dict[str, Any]) -> None:
    case = Case()
    case.tenant.instead["POST / dryRun"] = [answer]
    with pytest.raises(RemoteFailure, match="Basic Connection Test: no route to host"):
        case.present(EQUAL)
    assert case.writes == []


@pytest.mark.parametrize("answer", [{}, {"validationResults": None}, {"id": None, "status": "creating"}])
def test_a_dry_run_that_says_nothing_has_not_passed(answer: dict[str, Any]) -> None:
    case = Case()
    case.tenant.instead["POST / dryRun"] = [answer]
    assert case.present(EQUAL, check_mode=True).as_result()["validation"] == {"status": "unknown", "tests": []}
    assert case.warnings == ["Immuta accepted the request for a validation but did not report what it validated."]


@pytest.mark.parametrize(
    ("state", "wanted", "call"), [("present", DIFFERENT, "PUT /7"), ("absent", EQUAL, "DELETE /7"), ("present", want(host="new.example.com"), "POST /")]
)
def test_the_validation_of_the_request_itself_has_the_last_word(state: str, wanted: Desired, call: str) -> None:
    def answer(results: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        def happen() -> dict[str, Any]:
            if call == "POST /":
                case.tenant.register(wanted.document())
            if call == "DELETE /7":
                case.tenant.items["7"]["status"] = "deleted"
            return {"id": "2" if call == "POST /" else "7", "status": "editing", "validationResults": results}

        return happen

    case = Case(there())
    case.tenant.instead[call] = [answer({"status": "warning", "validationTests": []})]
    assert getattr(case, state)(wanted).as_result()["validation"]["status"] == "warning"
    case = Case(there())
    case.tenant.instead[call] = [answer(BROKEN)]
    with pytest.raises(RemoteFailure, match="no route to host"):
        getattr(case, state)(wanted, server_validation=False)


def test_settings_come_from_the_options_of_a_task() -> None:
    given = {"wait": False, "wait_timeout": 5.0, "update_secrets": "always", "url": "u", "check_mode": False}
    assert Settings.of(given, check_mode=True) == Settings(check_mode=True, wait=False, wait_timeout=5.0, update_secrets="always")


def test_a_warning_of_the_validation_is_passed_on() -> None:
    case = Case()
    results = {"status": "warning", "validationTests": [{"name": "Grants", "status": "warning", "message": "too many"}]}
    case.tenant.instead["POST / dryRun"] = [lambda: {"validationResults": results}]
    assert case.present(EQUAL, check_mode=True).as_result()["validation"]["status"] == "warning"
    assert case.warnings == ["Immuta's validation warns: Grants: too many"]


def test_an_id_is_not_registered() -> None:
    case = Case()
    with pytest.raises(ImmutaError, match="There is no integration with id 9") as caught:
        case.present(want(id="9"))
    assert caught.value.facts["option"] == "id"
    assert case.calls == ["GET /9"]


@pytest.mark.parametrize("status", sorted(GONE))
def test_an_id_that_is_gone_is_not_registered_either(status: str) -> None:
    with pytest.raises(ImmutaError, match="There is no integration with id 7"):
        Case(there(status=status)).present(want(id="7"))


def test_what_is_missing_is_missed_before_anything_is_asked() -> None:
    case = Case()
    with pytest.raises(OptionError, match=r"config\.database is required"):
        case.present(want(database=None))
    assert case.calls == []


@pytest.mark.parametrize("answer", [{"newKey": "k3y-k3y"}, {"key": "k3y-k3y"}, {"config": {"host": "h", "apiKey": "k3y-k3y"}}], ids=str)
def test_trinos_first_key_is_handed_over_and_never_shown(answer: dict[str, Any]) -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lambda: {**case.tenant.register({"type": "Trino"}), **answer}]
    outcome = case.present(want({}, "Trino", auto_bootstrap=None))
    assert outcome.new_key == "k3y-k3y"
    assert "k3y-k3y" not in repr(outcome.as_result())


# --- lost answers and existing integrations


def lose(case: Case) -> Callable[[], None]:
    """A create that takes effect but whose answer is lost."""

    def happen() -> None:
        case.tenant.register(EQUAL.document())
        raise lost()

    return happen


def test_a_lost_answer_is_looked_for_and_its_integration_adopted() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lose(case)]
    result = case.present(EQUAL).as_result()
    assert case.calls == ["GET /", "POST / dryRun", "POST /", "GET /", "GET /1"]
    assert (result["action"], result["adopted"], result["changed"]) == ("created", True, True)
    assert len(case.tenant.items) == 1


def test_an_answer_that_cannot_be_read_is_lost_too() -> None:
    case = Case()

    def happen() -> None:
        case.tenant.register(EQUAL.document())
        raise BadAnswer("POST /integrations failed: not valid JSON.", status=200, method="POST", path="/integrations")

    case.tenant.instead["POST /"] = [happen]
    assert case.present(EQUAL).as_result()["adopted"] is True
    assert case.writes == ["POST /"]


def test_a_lost_answer_gets_a_moment_before_the_look() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lose(case)]
    case.clock.share = 0.75
    case.present(EQUAL, wait_interval=5)
    assert case.clock.slept[0] == 3.75


def test_a_lost_request_is_sent_again_once_it_is_certain_that_it_had_no_effect() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lost()]
    result = case.present(EQUAL).as_result()
    assert case.calls == ["GET /", "POST / dryRun", "POST /", *["GET /"] * 3, "POST /", "GET /1"]
    assert (result["action"], result["adopted"]) == ("created", False)
    assert case.warnings == ["POST /integrations failed: no complete answer. The new object did not appear, so the request is sent again."]


def test_what_a_lost_request_made_may_appear_late() -> None:
    case = Case()
    looks = iter([[], []])

    def late() -> list[dict[str, Any]]:
        return next(looks, None) or Tenant.list(case.tenant)

    case.tenant.instead["POST /"] = [lambda: case.tenant.register(EQUAL.document()) and raise_(lost())]
    case.tenant.list = late  # type: ignore[method-assign]
    result = case.present(EQUAL).as_result()
    assert case.calls.count("POST /") == 1
    assert (result["action"], result["adopted"]) == ("created", True)


def test_a_second_request_that_meets_what_the_first_one_made_adopts_it() -> None:
    case = Case()
    taken = api_error("POST", 409, "Redshift integration already exists.")
    case.tenant.instead["POST /"] = [lost(), lambda: case.tenant.register(EQUAL.document()) and raise_(taken)]
    result = case.present(EQUAL).as_result()
    assert (result["action"], result["adopted"], result["healthy"]) == ("created", True, True)


def test_an_unreadable_answer_is_looked_into_and_nothing_is_sent_again() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [BadAnswer("POST /integrations was answered with a login page.")]
    with pytest.raises(BadAnswer):
        case.present(EQUAL)
    assert case.calls.count("POST /") == 1


def test_it_is_given_up_after_three_times() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lost(hint="Raise timeout.") for _unused in range(9)]
    with pytest.raises(AnswerLost, match=r"It was sent 3 times, and the new object did not appear\. The next run searches first\. Raise timeout\."):
        case.present(EQUAL)
    assert case.calls.count("POST /") == 3
    assert case.calls[-1] == "GET /"


TAKEN = [
    pytest.param(409, "Redshift integration already exists on host cluster.example.com (id = 7)", id="409 on host"),
    pytest.param(409, "Redshift integration already exists on cluster.example.com (id = 7).", id="409 on"),
    pytest.param(
        400,
        "Use PUT /integrations/7 endpoint to update connection information for Redshift integration on host cluster.example.com (id = 7) "
        "that previously failed to create.",
        id="400 use PUT",
    ),
]


def hidden(item: dict[str, Any], message: tuple[int, str], call: str = "POST / dryRun") -> Case:
    """A tenant whose list does not show its integrations."""
    case = Case(item)
    case.tenant.list = lambda: case.tenant._call("GET /") or []  # type: ignore[method-assign]
    case.tenant.instead[call] = [api_error("POST", *message)]
    return case


@pytest.mark.parametrize(("status", "message"), TAKEN)
@pytest.mark.parametrize("call", ["POST / dryRun", "POST /"])
@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
def test_an_integration_that_the_tenant_names_is_adopted(status: int, message: str, call: str, check_mode: bool) -> None:
    case = hidden(there(), (status, message), call)
    if call == "POST /" and check_mode:
        assert case.present(EQUAL, check_mode=True).as_result()["adopted"] is False
        return
    result = case.present(EQUAL, check_mode=check_mode).as_result()
    assert (result["adopted"], result["action"], result["integration"]["id"]) == (True, "unchanged", "7")


@pytest.mark.parametrize(("status", "message"), TAKEN)
def test_and_updated_when_it_differs(status: int, message: str) -> None:
    case = hidden(there(), (status, message))
    result = case.present(DIFFERENT).as_result()
    assert (result["adopted"], result["action"]) == (True, "updated")
    assert case.calls == ["GET /", "POST / dryRun", "GET /7", "PUT /7 dryRun", "PUT /7", "GET /7"]


def test_what_another_run_registers_in_the_meantime_is_updated_and_not_taken_as_it_is() -> None:
    case = Case()

    def taken() -> None:
        case.tenant.items["7"] = there()
        raise api_error("POST", *TAKEN[0].values)

    case.tenant.instead["POST /"] = [taken]
    result = case.present(DIFFERENT).as_result()
    assert (result["adopted"], result["action"]) == (True, "updated")
    assert case.writes == ["POST /", "PUT /7"]


def test_one_that_failed_to_be_created_is_finished() -> None:
    case = hidden(there(status="createError"), (400, TAKEN[2].values[1]))
    assert case.present(EQUAL).as_result()["changed_reason"] == "status is createError"
    assert case.writes == ["PUT /7"]


def test_one_that_is_under_way_is_waited_for() -> None:
    case = hidden(there(status="creating"), (409, TAKEN[0].values[1]))
    case.tenant.ahead["7"] = ["creating", "creating", "enabled"]
    assert case.present(EQUAL).as_result()["healthy"] is True


def test_one_that_is_under_way_is_adopted_in_check_mode_as_it_is() -> None:
    case = hidden(there(status="creating"), (409, f"{TAKEN[0].values[1]}, in current state creating."))
    result = case.present(EQUAL, check_mode=True).as_result()
    assert (result["adopted"], result["action"], result["integration"]["status"], result["healthy"]) == (True, "unchanged", "creating", None)
    assert not case.clock.slept


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(there({**REDSHIFT, "host": "other.example.com"}), id="another host"),
        pytest.param(there(SNOWFLAKE, "Snowflake"), id="another type"),
        pytest.param(there(status="disabled"), id="disabled"),
        pytest.param(there(id="8"), id="not there"),
    ],
)
def test_something_else_is_not_adopted(item: dict[str, Any]) -> None:
    case = hidden(item, (409, TAKEN[0].values[1]))
    with pytest.raises(Conflict, match="already exists on host"):
        case.present(EQUAL)
    assert case.writes == []


@pytest.mark.parametrize(("status", "kind"), [(400, ApiError), (422, Unprocessable), (409, Conflict)])
def test_other_refusals_stay_what_they_are(status: int, kind: type[ApiError]) -> None:
    case = Case(there({**REDSHIFT, "host": "other.example.com"}))
    case.tenant.instead["POST / dryRun"] = [api_error("POST", status, "No.")]
    with pytest.raises(kind, match=r"No\."):
        case.present(EQUAL)


# --- update


def test_a_no_op_is_one_request() -> None:
    case = Case(there())
    result = case.present(EQUAL).as_result()
    assert case.calls == ["GET /"]
    assert result["validation"]["status"] == "not_asked"
    assert result["healthy"] is True


def test_a_no_op_by_id_is_one_request() -> None:
    case = Case(there())
    assert case.present(want({"port": None}, id="7", auto_bootstrap=None)).plan.action == "unchanged"
    assert case.calls == ["GET /7"]


def test_an_update_sends_the_whole_document() -> None:
    case = Case(there({**REDSHIFT, "port": 5439, "impersonation": {"enabled": False}}))
    case.present(want(impersonation={"enabled": True}))
    assert case.tenant.bodies[-2]["config"] == {**EQUAL.config, "port": 5439, "impersonation": {"enabled": True}}


@pytest.mark.parametrize("call", ["PUT /7 dryRun", "PUT /7"])
def test_a_409_in_current_state_waits_and_tries_again(call: str) -> None:
    case = Case(there())
    case.tenant.instead[call] = [api_error("PUT", 409, f"Unable to edit integration with ID 7 in current state {state}.") for state in ("editing", "migrating")]
    case.tenant.ahead["7"] = ["editing", "enabled", "migrating", "enabled"]
    assert case.present(DIFFERENT).plan.action == "updated"
    assert case.calls.count(call) == 3
    assert case.clock.slept


@pytest.mark.parametrize(("state", "message"), [("present", "in current state disabled"), ("absent", "Someone else was faster")])
def test_a_409_of_another_kind_fails_a_check(state: str, message: str) -> None:
    case = Case(there())
    for method in ("PUT", "DELETE"):
        case.tenant.instead[f"{method} /7 dryRun"] = [api_error(method, 409, message)]
    with pytest.raises(Conflict, match=message):
        getattr(case, state)(DIFFERENT if state == "present" else EQUAL, check_mode=True)


def test_a_409_that_never_ends_is_given_up_at_the_deadline() -> None:
    case = Case(there())
    case.tenant.instead["PUT /7"] = [api_error("PUT", 409, "Unable to edit integration with ID 7 in current state editing.") for _unused in range(1000)]
    with pytest.raises(WaitTimeout, match="integration 7"):
        case.present(DIFFERENT, wait_timeout=60)
    assert case.calls.count("PUT /7") < 30
    assert case.clock.time == pytest.approx(60)


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("message", ["Unable to edit integration with ID 7 in current state disabled.", "Someone else was faster."])
def test_a_409_that_waiting_does_not_mend_is_an_error(wait: bool, message: str) -> None:
    case = Case(there())
    case.tenant.instead["PUT /7"] = [api_error("PUT", 409, message)]
    with pytest.raises(Conflict):
        case.present(DIFFERENT, wait=wait)
    assert case.calls.count("PUT /7") == 1


def test_without_waiting_a_409_in_current_state_is_an_error() -> None:
    case = Case(there())
    case.tenant.instead["PUT /7"] = [api_error("PUT", 409, "Unable to edit integration with ID 7 in current state editing.")]
    with pytest.raises(Conflict):
        case.present(DIFFERENT, wait=False)


def test_what_is_removed_while_it_is_updated_is_named() -> None:
    case = Case(there())
    case.tenant.instead["PUT /7"] = [api_error("PUT", 409, "Unable to edit integration with ID 7 in current state deleting.")]
    case.tenant.ahead["7"] = ["deleting", "deleted"]
    with pytest.raises(NotFound, match="Integration 7 was removed meanwhile"):
        case.present(DIFFERENT)


def test_two_endpoints_that_disagree_are_not_asked_for_ever() -> None:
    case = Case(there(status="editing"))
    case.tenant.status = lambda id: case.tenant._call(f"GET /{id}/status") or "enabled"  # type: ignore[method-assign]
    with pytest.raises(WaitTimeout, match="integration 7 is editing"):
        case.present(EQUAL, wait_timeout=60)
    assert len(case.calls) < 40


def test_all_waits_share_one_deadline() -> None:
    case = Case(there(status="migrating"))
    case.tenant.ahead["7"] = ["migrating"] * 5 + ["enabled"] + ["editing"] * 1000
    with pytest.raises(WaitTimeout, match=r"integration 7 is editing.*the next run continues"):
        case.present(DIFFERENT, wait_timeout=100)
    assert case.clock.time == pytest.approx(100)


def test_time_is_not_counted_before_the_first_wait() -> None:
    case = Case()
    case.clock.time += 1000
    case.tenant.ahead["1"] = ["creating"] * 3 + ["enabled"]
    assert case.present(EQUAL, wait_timeout=30).plan.action == "created"


def test_an_immutable_field_is_refused_in_check_mode_too() -> None:
    for check_mode in (False, True):
        case = Case(there())
        with pytest.raises(OptionError, match=r"config\.database"):
            case.present(want(database="other"), check_mode=check_mode)
        assert case.calls == ["GET /"]


def test_an_id_with_another_host_is_a_change_of_the_host() -> None:
    with pytest.raises(OptionError, match=r"config\.host") as caught:
        Case(there()).present(want(id="7", host="other.example.com"))
    assert caught.value.facts["option"] == "config.host"


def test_trino_cannot_be_updated() -> None:
    case = Case({**TRINO, "status": "createError"})
    with pytest.raises(ImmutaError, match="cannot update this type"):
        case.present(want({}, "Trino", auto_bootstrap=None))
    assert case.writes == []


def test_an_unknown_authentication_type_is_sent_and_warned_of() -> None:
    case = Case()
    case.present(want(authentication_type="programmatic", username=None, password=None, extra={"ticket": "x"}))
    assert case.tenant.bodies[-2]["config"]["authenticationType"] == "programmatic"
    assert case.warnings == ["config.authentication_type programmatic is not known to this collection (accessKey, okta, userPassword); it is sent unchanged."]


# --- other integrations and owners


def test_two_that_match_are_an_error_that_lists_both() -> None:
    case = Case(there(id="7"), there(id="12"))
    with pytest.raises(ImmutaError, match=r"exists 2 times \(ids 7, 12\)"):
        case.present(EQUAL)
    with pytest.raises(ImmutaError, match=r"ids 7, 12"):
        case.absent(EQUAL)
    assert case.writes == []


def test_one_of_two_can_be_named_by_its_id() -> None:
    case = Case(there(id="7"), there(id="12"))
    assert case.present(want(id="12")).integration["id"] == "12"


@pytest.mark.parametrize("status", sorted(GONE))
def test_what_is_gone_does_not_count(status: str) -> None:
    case = Case(there(id="7", status=status), there(id="12"))
    assert case.present(EQUAL).integration["id"] == "12"


@pytest.mark.parametrize(
    ("type_name", "config", "here"),
    [
        ("Snowflake", SNOWFLAKE, "acme.privatelink.snowflakecomputing.com"),
        ("Redshift", REDSHIFT, "cluster.other.example.com"),
    ],
)
def test_the_same_database_of_the_same_account_elsewhere_is_a_warning(type_name: str, config: dict[str, Any], here: str) -> None:
    case = Case(there(config, type_name))
    case.present(want(config, type_name, host=here), check_mode=True)
    assert len(case.warnings) == 1
    assert f"integration 7 has database {config['database']} of the same account on {config['host']}" in case.warnings[0]


@pytest.mark.parametrize("changed", [{"host": "other.eu.snowflakecomputing.com"}, {"host": "acme.x.com", "database": "OTHER"}])
def test_another_account_or_database_is_none(changed: dict[str, Any]) -> None:
    case = Case(there(SNOWFLAKE, "Snowflake"))
    case.present(want(SNOWFLAKE, "Snowflake", **changed), check_mode=True)
    assert case.warnings == []


def test_addresses_have_no_account() -> None:
    case = Case(there({**REDSHIFT, "host": "10.0.0.1"}))
    case.present(want(host="10.0.0.2"), check_mode=True)
    assert case.warnings == []


ELSEWHERE = {**SNOWFLAKE, "host": "acme.privatelink.snowflakecomputing.com"}
OTHER_ACCOUNT = {**SNOWFLAKE, "host": "other.snowflakecomputing.com"}


@pytest.mark.parametrize(
    ("config", "shown", "found", "warned"),
    [
        pytest.param(ELSEWHERE, {}, True, True, id="same account by its host"),
        pytest.param(ELSEWHERE, {"username": "someone else"}, True, True, id="same account by its host, another user"),
        pytest.param(OTHER_ACCOUNT, {}, True, False, id="redacted user"),
        pytest.param(OTHER_ACCOUNT, {"username": None}, True, False, id="user not shown"),
        pytest.param(OTHER_ACCOUNT, {"username": "admin"}, True, False, id="same user"),
        pytest.param(OTHER_ACCOUNT, {"username": "someone else"}, False, False, id="another user"),
        pytest.param({**SNOWFLAKE, "host": "10.0.0.2"}, {"username": "someone else"}, False, False, id="address"),
        pytest.param({**ELSEWHERE, "database": "OTHER"}, {}, False, False, id="another database"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
def test_a_platform_that_may_be_registered_under_another_host_is_handed_over(
    config: dict[str, Any], shown: dict[str, Any], found: bool, warned: bool, check_mode: bool
) -> None:
    item = there(config, "Snowflake")
    item["config"] = {name: value for name, value in {**item["config"], **shown}.items() if value is not None}
    case = Case(item)
    outcome = case.present(want(SNOWFLAKE, "Snowflake"), check_mode=check_mode)
    assert outcome.twins == (({"id": "7", "host": config["host"], "database": config["database"]},) if found else ())
    assert len(case.warnings) == warned
    assert "twins" not in outcome.as_result()


def test_who_is_there_has_no_twins() -> None:
    case = Case(there(SNOWFLAKE, "Snowflake"), there(ELSEWHERE, "Snowflake", id="8"))
    assert case.present(want(SNOWFLAKE, "Snowflake")).twins == ()
    assert Case(there(REDSHIFT)).present(want(SNOWFLAKE, "Snowflake"), check_mode=True).twins == ()
    assert case.warnings == []


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_a_connection_owns_is_left_alone(check_mode: bool, state: str) -> None:
    case = Case(there(SNOWFLAKE, "Snowflake"), _7="warehouse of acme")
    with pytest.raises(ImmutaError, match="belongs to the connection warehouse of acme") as caught:
        getattr(case, state)(want(SNOWFLAKE, "Snowflake", port=1), check_mode=check_mode)
    assert caught.value.facts["connection_key"] == "warehouse of acme"
    assert case.calls == ["GET /"]


def test_trino_can_be_owned_too() -> None:
    case = Case(TRINO, _3="star")
    with pytest.raises(ImmutaError, match="belongs to the connection star"):
        case.absent(want({}, "Trino", auto_bootstrap=None))


def test_nobody_is_asked_when_nothing_is_to_be_done() -> None:
    case = Case(there(SNOWFLAKE, "Snowflake"), _7="mine")
    case.present(want(SNOWFLAKE, "Snowflake"))
    assert case.owners.asked == []


def test_a_type_that_no_connection_can_own_is_not_asked_about() -> None:
    case = Case(there(), _7="not mine")
    assert case.present(DIFFERENT).plan.action == "updated"
    assert case.owners.asked == []


# --- remove


def test_a_delete_waits_until_it_is_gone() -> None:
    case = Case(there())
    case.tenant.ahead["7"] = ["deleting", "deleting", "deleted"]
    result = case.absent(EQUAL).as_result()
    assert case.calls == ["GET /", "DELETE /7", "GET /7", "GET /7/status", "GET /7/status", "GET /7"]
    assert (result["action"], result["integration"]["status"], result["healthy"]) == ("deleted", "deleted", None)


def test_without_waiting_a_delete_is_on_its_way() -> None:
    result = Case(there()).absent(EQUAL, wait=False).as_result()
    assert (result["action"], result["integration"]["status"]) == ("deleted", "deleting")


def test_what_is_not_there_is_absent() -> None:
    case = Case()
    result = case.absent(EQUAL).as_result()
    assert (result["action"], result["changed"], result["integration"]) == ("unchanged", False, {})
    assert Case().absent(want(id="9")).plan.action == "unchanged"


AUTOMATIC = there(autoBootstrap=True)
CREDENTIALS = {"authenticationType": "userPassword", "username": "admin", "password": "s3cret word"}


@pytest.mark.parametrize("check_mode", [False, True], ids=["real", "check"])
def test_what_immuta_set_up_is_removed_with_credentials(check_mode: bool) -> None:
    case = Case(AUTOMATIC)
    case.absent(want(auto_bootstrap=None), check_mode=check_mode)
    assert [body for body in case.tenant.bodies if body] == [CREDENTIALS]


def test_what_was_set_up_by_hand_is_removed_without() -> None:
    case = Case(there())
    case.absent(EQUAL)
    assert [body for body in case.tenant.bodies if body] == []


def test_missing_credentials_are_named_before_anything_is_sent() -> None:
    case = Case(AUTOMATIC)
    with pytest.raises(OptionError, match=r"config\.password is needed to remove"):
        case.absent(want(password=None, auto_bootstrap=None))
    assert case.calls == ["GET /"]


@pytest.mark.parametrize("password", ["s3cret word", None])
def test_a_forced_removal(password: str | None) -> None:
    case = Case(AUTOMATIC)
    case.tenant.ends["DELETE"] = "disabled"
    result = case.absent(want(password=password, auto_bootstrap=None), force_disable=True).as_result()
    assert case.calls == ["GET /", "DELETE /7 force", "GET /7"]
    assert result["integration"]["status"] == "disabled"
    assert [body for body in case.tenant.bodies if body] == ([CREDENTIALS] if password else [])


def test_a_mistyped_id_removes_nothing() -> None:
    case = Case(there())
    with pytest.raises(OptionError, match=r"Integration 7 is another one"):
        case.absent(want(id="7", host="other.example.com"))
    assert case.calls == ["GET /7"]


def test_one_that_is_gone_meanwhile_is_absent() -> None:
    case = Case(there())
    case.tenant.instead["DELETE /7"] = [api_error("DELETE", 404, "No integration found with ID 7.")]
    case.tenant.ahead["7"] = ["deleted"]
    assert case.absent(EQUAL).plan.action == "deleted"


def test_a_delete_whose_first_answer_was_lost_is_done_when_it_is_gone() -> None:
    # the first request took effect, and the second one finds its result
    case = Case(there())
    case.tenant.instead["DELETE /7"] = [api_error("DELETE", 409, "Unable to delete integration with ID 7 in current state deleting.")]
    case.tenant.ahead["7"] = ["deleting", "deleted"]
    assert case.absent(EQUAL).plan.action == "deleted"
    assert case.calls.count("DELETE /7") == 1


def test_a_delete_waits_for_another_edit() -> None:
    case = Case(there())
    case.tenant.instead["DELETE /7"] = [api_error("DELETE", 409, "Unable to delete integration with ID 7 in current state editing.")]
    case.tenant.ahead["7"] = ["editing", "enabled"]
    assert case.absent(EQUAL).plan.action == "deleted"
    assert case.calls.count("DELETE /7") == 2


def test_an_answer_without_a_body_is_good_enough() -> None:
    case = Case(there())
    case.tenant.instead["DELETE /7"] = [lambda: case.tenant.items["7"].update(status="deleted") or {}]
    assert case.absent(EQUAL).as_result()["integration"]["status"] == "deleted"


# --- results


@pytest.mark.parametrize("at", [0, 391, 392, 396])
def test_a_secret_that_a_test_quotes_is_hidden_before_the_text_is_cut(at: int) -> None:
    text = "x" * at + " s3cret  word"
    results = {"validationTests": [{"name": text, "status": "failed", "message": text}, {"name": "w", "status": "warning", "message": text}]}
    case = Case(there())
    case.tenant.instead["PUT /7 dryRun"] = [{"validationResults": results}]
    with pytest.raises(RemoteFailure) as caught:
        case.present(DIFFERENT)
    assert "s3c" not in repr(caught.value.as_fail_json())
    case = Case(there(status="editError", validationResults=results))
    case.present(EQUAL)
    case.tenant.instead["PUT /7 dryRun"] = [{"validationResults": {"validationTests": results["validationTests"][1:]}}]
    case.tenant.ends["PUT"] = "editError"
    with pytest.raises(RemoteFailure) as caught:
        case.present(DIFFERENT)
    assert "s3c" not in repr([caught.value.as_fail_json(), case.warnings])


def test_no_result_holds_a_secret() -> None:
    case = Case()
    case.tenant.instead["POST /"] = [lambda: {**case.tenant.register(EQUAL.document()), "validationResults": PASSED}]
    assert "s3cret word" not in repr(case.present(EQUAL).as_result())
    assert "s3cret word" not in repr(Case().present(EQUAL, check_mode=True).as_result())
    assert "s3cret word" not in repr(Case(there()).present(DIFFERENT, check_mode=True).as_result())
    assert "s3cret word" not in repr(Case(AUTOMATIC).absent(want(auto_bootstrap=None), check_mode=True).as_result())


def test_the_rows_of_a_validation_stay_behind() -> None:
    assert "result" not in Case().present(EQUAL).as_result()["validation"]["tests"][0]
