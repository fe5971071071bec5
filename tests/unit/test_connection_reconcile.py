# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconciling connections and their objects with a tenant in memory. Every request is checked."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import hint_for_status
from ansible_collections.community.immuta.plugins.module_utils._api.connections import Connections
from ansible_collections.community.immuta.plugins.module_utils._api.integrations import Integrations
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ApiError,
    Forbidden,
    ImmutaError,
    NotFound,
    OptionError,
    RemoteFailure,
    Unprocessable,
    WaitTimeout,
)
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from ansible_collections.community.immuta.plugins.module_utils._plan.connection import wanted_connection
from ansible_collections.community.immuta.plugins.module_utils._reconcile.base import Settings
from ansible_collections.community.immuta.plugins.module_utils._reconcile.connection import ConnectionReconciler
from unit.data_api import DataApi
from unit.wire import FakeClock

PASSWORD = 'it\'s "a" $$; secret'
#: the part that is the same in every spelling
LEAK = "$$; secret"
HOST = "acme.snowflakecomputing.com"
SIGN_IN = {"authentication_type": "userPassword", "username": "IMMUTA", "password": PASSWORD}
OPTIONS: dict[str, Any] = {
    "connection_key": "sf-prod",
    "connection": {"technology": "Snowflake", "hostname": HOST, "port": 443, "warehouse": "WH", "role": "R", **SIGN_IN},
    "settings": {"is_active": False, "data_owners": [{"type": "user", "id": 1}, {"type": "group", "id": 2}]},
    "options": {"force_recursive_crawl": True},
    "native_integration": {
        "type": "Snowflake",
        "auto_bootstrap": False,
        "config": {"host": HOST, "warehouse": "WH", "database": "IMMUTA", "audit": {"enabled": True}, **SIGN_IN},
    },
}
LOOK = ["GET /data/connection/sf-prod", "GET /data/object/sf-prod"]
LOOK_BEHIND = [*LOOK, "GET /integrations/7"]


def options(**changes: Any) -> dict[str, Any]:
    """Return the options with changes by path, with C(__) as separator. None removes an option."""
    changed = deepcopy(OPTIONS)
    for path, value in changes.items():
        *way, last = path.split("__")
        place = changed
        for step in way:
            place = place[step]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return changed


class Bench:
    """A tenant and reconcilers for it."""

    def __init__(self, tenant: DataApi) -> None:
        self.tenant = tenant
        self.clock = FakeClock()
        self.warnings: list[str] = []

    def reconciler(self, *, check: bool = False, **settings: Any) -> ConnectionReconciler:
        session = Session(
            Transport(self.tenant.url, use_proxy=False, retries=0),
            HeaderAuth("key-of-tests"),
            read_only=check,
            clock=self.clock,
            hint=hint_for_status,
            secrets={PASSWORD},
        )
        how = Settings(check_mode=check, **{"wait_timeout": 60, **settings})
        return ConnectionReconciler(Integrations(session), Connections(session), how, warn=self.warnings.append, mask=session.mask, clock=self.clock)

    def present(self, given: dict[str, Any], **how: Any) -> dict[str, Any]:
        self.tenant.forget()
        return self.reconciler(**how).present(wanted_connection(given)).as_result()

    def absent(self, key: str = "sf-prod", **how: Any) -> dict[str, Any]:
        self.tenant.forget()
        return self.reconciler(**how).absent(key).as_result()

    def register(self, given: dict[str, Any] | None = None) -> None:
        """Add an existing connection."""
        self.tenant.add(wanted_connection(given or OPTIONS).document())


@pytest.fixture
def bench() -> Iterator[Bench]:
    with DataApi() as tenant:
        yield Bench(tenant)


def refused(bench: Bench, given: dict[str, Any], **how: Any) -> OptionError:
    """Return the error about an option. Nothing may have been sent before it."""
    with pytest.raises(OptionError) as caught:
        bench.present(given, **how)
    assert bench.tenant.writes == []
    return caught.value


# --- register


def test_a_registration_is_tested_sent_and_looked_at(bench: Bench) -> None:
    result = bench.present(options())
    assert bench.tenant.log == [*LOOK, "POST /data/connection/test", "POST /data/connection", *LOOK_BEHIND]
    document = wanted_connection(OPTIONS).document()
    assert bench.tenant.body_of("POST /data/connection/test") == bench.tenant.body_of("POST /data/connection") == document
    assert (result["changed"], result["action"], result["adopted"]) == (True, "created", False)
    assert result["native_integration_id"] == "7"
    assert result["validation"] == {"status": "passed", "tests": [{"name": "Basic Connection Test", "status": "passed"}]}
    assert result["connection"]["connection"]["username"] == "IMMUTA"
    assert result["object"]["state"] == "inactive"
    assert LEAK not in str(result)


def test_a_registration_says_field_by_field_what_it_registers(bench: Bench) -> None:
    changes = {change["field"]: change for change in bench.present(options())["changes"]}
    assert changes["connection.warehouse"] == {"field": "connection.warehouse", "before": None, "after": "WH", "secret": False}
    assert changes["connection.password"] == {"field": "connection.password", "before": None, "after": None, "secret": True}
    assert changes["native_integration.config.audit.enabled"]["after"] is True
    assert changes["options.force_recursive_crawl"]["after"] is True


def test_a_second_run_finds_nothing_to_do(bench: Bench) -> None:
    bench.present(options())
    result = bench.present(options())
    assert bench.tenant.log == LOOK_BEHIND
    assert (result["changed"], result["action"], result["changes"], result["changed_reason"]) == (False, "unchanged", [], "")
    assert result["diff"]["before"] == result["diff"]["after"]


def test_without_the_native_integration_two_looks_are_enough(bench: Bench) -> None:
    bench.register()
    assert not bench.present(options(native_integration=None))["changed"]
    assert bench.tenant.log == LOOK


def test_a_check_run_asks_the_tenant_and_writes_nothing(bench: Bench) -> None:
    checked = bench.present(options(), check=True)
    assert bench.tenant.log == [*LOOK, "POST /data/connection/test"]
    real = bench.present(options())
    assert checked.keys() == real.keys()
    assert all(checked[name] == real[name] for name in ("changed", "action", "changes", "changed_reason", "diff", "validation"))
    assert checked["object"]["objectPath"] == ["sf-prod"]
    assert checked["object"]["state"] == "inactive"
    assert LEAK not in str(checked)


def test_a_tenant_without_a_test_is_not_asked(bench: Bench) -> None:
    bench.tenant.behaviour.has_test = False
    for check in (True, False):
        assert bench.present(options(), check=check)["validation"] == {"status": "not_asked", "tests": []}
    assert bench.tenant.writes == ["POST /data/connection"]


@pytest.mark.parametrize("status", [405, 404])
def test_a_method_that_is_not_allowed_is_a_test_that_is_not_there(bench: Bench, status: int) -> None:
    bench.tenant.behaviour.test = (status, {"message": "no"})
    assert bench.present(options(), check=True)["validation"]["status"] == "not_asked"


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (404, NotFound)])
def test_a_tenant_without_connections_is_an_error_that_says_so(bench: Bench, status: int, error: type[ApiError], check: bool) -> None:
    bench.tenant.behaviour.refuse = status
    with pytest.raises(error, match="Connections may not be enabled on this tenant"):
        bench.present(options(), check=check)
    assert bench.tenant.connections == {}


def test_a_test_that_fails_fails_the_task_before_anything_is_registered(bench: Bench) -> None:
    tests = [{"name": "Login", "status": "failed", "message": "no such user"}]
    bench.tenant.behaviour.test = (422, {"message": "Validation failed.", "validationResults": {"validationTests": tests}})
    with pytest.raises(Unprocessable, match="Failed tests: Login: no such user"):
        bench.present(options())
    assert bench.tenant.writes == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"validationResults": {"status": "failed", "validationTests": [{"name": "Login", "status": "failed", "message": "no user"}]}}, "Login: no user"),
        ({"success": False, "message": "no such warehouse"}, "no such warehouse"),
        ({"valid": False}, "no reason given"),
    ],
)
def test_a_test_can_fail_in_an_answer_that_looks_well(bench: Bench, body: dict[str, Any], message: str) -> None:
    bench.tenant.behaviour.test = (200, body)
    with pytest.raises(RemoteFailure, match=message):
        bench.present(options(), check=True)


@pytest.mark.parametrize("at", [0, 380, 390])
def test_a_secret_that_a_test_quotes_is_hidden_before_the_text_is_cut(bench: Bench, at: int) -> None:
    bench.tenant.behaviour.test = (200, {"success": False, "message": "x" * at + PASSWORD})
    with pytest.raises(RemoteFailure) as caught:
        bench.present(options())
    assert "it's" not in str(caught.value)


@pytest.mark.parametrize(("answer", "status"), [({"success": True}, "passed"), ({"valid": True}, "passed"), (True, "unknown"), ({}, "unknown")])
def test_a_test_that_says_nothing_has_not_passed(bench: Bench, answer: Any, status: str) -> None:
    bench.tenant.behaviour.test = (200, answer)
    assert bench.present(options(), check=True)["validation"] == {"status": status, "tests": []}
    assert [text for text in bench.warnings if "did not report what it validated" in text] == bench.warnings
    assert len(bench.warnings) == (status == "unknown")


def test_without_validation_a_check_needs_no_secret(bench: Bench) -> None:
    given = options(connection__password=None, native_integration__config__password=None)
    result = bench.present(given, check=True, server_validation=False)
    assert bench.tenant.log == LOOK
    assert (result["action"], result["validation"]["status"]) == ("created", "not_asked")


# --- required options


def test_a_missing_secret_is_named(bench: Bench) -> None:
    error = refused(bench, options(connection__password=None))
    assert error.facts["option"] == "connection.password"


@pytest.mark.parametrize(
    ("taken_out", "option"),
    [
        ("connection__technology", "connection.technology"),
        ("connection__warehouse", "connection.warehouse"),
        ("connection__authentication_type", "connection.authentication_type"),
        ("connection__username", "connection.username"),
        ("native_integration__type", "native_integration.type"),
        ("native_integration", "native_integration.type"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_a_missing_option_is_named(bench: Bench, taken_out: str, option: str, check: bool) -> None:
    assert refused(bench, options(**{taken_out: None}), check=check).facts["option"] == option


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("taken_out", ["connection__hostname", "native_integration__config__host"])
def test_a_registration_takes_the_host_from_where_it_is_said(bench: Bench, taken_out: str, check: bool) -> None:
    result = bench.present(options(**{taken_out: None}), check=check)
    assert bench.tenant.body_of("POST /data/connection/test") == wanted_connection(OPTIONS).document()
    assert {"connection.hostname", "native_integration.config.host"} <= {change["field"] for change in result["changes"]}


@pytest.mark.parametrize("check", [True, False])
def test_a_host_that_nobody_says_is_named(bench: Bench, check: bool) -> None:
    error = refused(bench, options(connection__hostname=None, native_integration__config__host=None), check=check)
    assert error.facts["option"] == "connection.hostname"


def test_a_host_that_the_task_does_not_say_is_not_managed_in_an_edit(bench: Bench) -> None:
    bench.register(options(native_integration__config__host="private.example.com"))
    assert not bench.present(options(native_integration__config__host=None))["changed"]
    assert not bench.present(options(connection__hostname=None, native_integration__config__host="private.example.com"))["changed"]


@pytest.mark.parametrize("key", ["a.b", "a b", "search"])
@pytest.mark.parametrize("check", [True, False])
def test_a_new_connection_cannot_have_any_key(bench: Bench, key: str, check: bool) -> None:
    assert refused(bench, options(connection_key=key), check=check).facts["option"] == "connection_key"


@pytest.mark.parametrize("value", ["<REDACTED>", "[REDACTED]", "{{ vault_immuta_sf_password }}"])
def test_a_placeholder_is_no_secret(bench: Bench, value: str) -> None:
    assert refused(bench, options(connection__password=value)).facts["option"] == "connection.password"


def test_settings_of_what_is_not_there_would_be_a_registration(bench: Bench) -> None:
    error = refused(bench, {"connection_key": "sf-prod", "settings": {"is_active": True}})
    assert error.facts["option"] == "connection.technology"
    assert "The connection sf-prod does not exist" in str(error)


def test_an_authentication_type_that_is_not_known_is_warned_of(bench: Bench) -> None:
    given = options(connection__authentication_type="passkey", connection__password=None)
    assert bench.present(given)["action"] == "created"
    assert any("passkey is not known to this collection" in text for text in bench.warnings)


# --- jobs


def test_a_registration_waits_for_its_job_and_then_for_the_object(bench: Bench) -> None:
    bench.tenant.behaviour.jobs = ["created", "active", "retry", "completed"]
    bench.tenant.behaviour.slow = 2
    bench.present(options())
    after = bench.tenant.log[bench.tenant.log.index("POST /data/connection") + 1 :]
    look_at_job = ["GET /jobs?bulkId=bulk_register_0", "POST /jobs/statuses"]
    assert after == [*look_at_job * 4, *LOOK, *LOOK_BEHIND]
    assert len(bench.clock.slept) == 4


@pytest.mark.parametrize("state", ["failed", "cancelled", "expired"])
def test_a_job_that_does_not_complete_fails_the_task(bench: Bench, state: str) -> None:
    bench.tenant.behaviour.jobs = ["active", state]
    bench.tenant.behaviour.output = {"message": f"cannot sign in with {PASSWORD}"}
    with pytest.raises(RemoteFailure) as caught:
        bench.present(options())
    assert f"The registration of connection sf-prod failed: job bulk_register_0_1 {state}" in caught.value.message
    assert ("cannot sign in with <REDACTED>" in caught.value.message) is (state == "failed")
    assert caught.value.facts["status"] == state
    assert LEAK not in str(caught.value.as_fail_json())


def test_a_job_can_start_another_one(bench: Bench) -> None:
    bench.tenant.behaviour.jobs = ["active", "completed"]
    statuses = bench.tenant._statuses

    def spawn(path: list[str], body: Any, query: dict[str, str]) -> Any:
        bench.tenant.jobs.setdefault("bulk_register_0_2", ["active", "active", "completed"])
        return statuses(path, body, query)

    bench.tenant._statuses = spawn  # type: ignore[method-assign]
    bench.present(options())
    asked = [body["jobIds"] for line, body in zip(bench.tenant.log, bench.tenant.bodies) if line == "POST /jobs/statuses"]
    assert asked == [["bulk_register_0_1"], *[["bulk_register_0_1", "bulk_register_0_2"]] * 3]


def test_without_waiting_nobody_asks_for_the_job(bench: Bench) -> None:
    bench.tenant.behaviour.jobs = ["active", "failed"]
    bench.tenant.behaviour.slow = 5
    result = bench.present(options(), wait=False)
    assert bench.tenant.log.count("POST /jobs/statuses") == 0
    assert bench.clock.slept == []
    assert (result["action"], result["healthy"]) == ("created", None)
    assert result["connection"]["connectionKey"] == "sf-prod"


def test_a_job_that_does_not_end_ends_the_task_with_its_state(bench: Bench) -> None:
    bench.tenant.behaviour.jobs = ["active"]
    with pytest.raises(WaitTimeout, match="the registration of connection sf-prod has jobs in state active"):
        bench.present(options())


@pytest.mark.parametrize("status", [403, 404])
def test_jobs_that_may_not_be_seen_are_not_waited_for(bench: Bench, status: int) -> None:
    bench.tenant.behaviour.jobs = ["active"]
    bench.tenant.behaviour.refuse_jobs = status
    assert bench.present(options())["action"] == "created"
    assert any("The jobs of the registration of connection sf-prod are not visible" in text for text in bench.warnings)


def test_what_never_shows_is_said_never_to_have_shown(bench: Bench) -> None:
    bench.tenant.behaviour.slow = 1000
    with pytest.raises(WaitTimeout, match="connection sf-prod is not visible yet"):
        bench.present(options())


def test_the_integration_behind_it_is_waited_for(bench: Bench) -> None:
    bench.tenant.behaviour.native = ["creating", "creating", "creating", "enabled"]
    result = bench.present(options(settings__is_active=True))
    assert result["healthy"] is True
    assert bench.tenant.integrations["7"]["status"] == "enabled"


def test_an_integration_behind_it_that_fails_fails_the_task(bench: Bench) -> None:
    bench.tenant.behaviour.native = ["creating", "createError"]
    with pytest.raises(RemoteFailure, match="Integration 7 ended in status createError"):
        bench.present(options())


# --- failures report what was changed


def failure(bench: Bench, call: Any) -> dict[str, Any]:
    with pytest.raises(ImmutaError) as caught:
        call()
    assert LEAK not in str(caught.value.as_fail_json())
    return caught.value.as_fail_json()


def test_a_registration_that_was_sent_shows_as_changed_although_it_failed(bench: Bench) -> None:
    bench.tenant.behaviour.native = ["creating", "createError"]
    result = failure(bench, lambda: bench.present(options()))
    assert (result["changed"], result["action"], result["connection_key"], result["native_integration_id"]) == (True, "created", "sf-prod", "7")
    assert {"field": "connection.warehouse", "before": None, "after": "WH", "secret": False} in result["changes"]


def test_a_registration_that_never_shows_was_sent(bench: Bench) -> None:
    bench.tenant.behaviour.slow = 1000
    result = failure(bench, lambda: bench.present(options()))
    assert (result["changed"], result["action"], "native_integration_id" in result) == (True, "created", False)


@pytest.mark.parametrize("given", [options(connection__warehouse="BIGGER"), options(settings__is_active=True)], ids=["connection", "settings"])
def test_an_edit_that_was_sent_shows_as_changed_although_its_job_failed(bench: Bench, given: dict[str, Any]) -> None:
    bench.register()
    bench.tenant.behaviour.jobs = ["active", "failed"]
    result = failure(bench, lambda: bench.present(given))
    assert (result["changed"], result["action"], result["native_integration_id"], len(result["jobs"])) == (True, "updated", "7", 1)


def test_a_removal_that_was_sent_shows_as_changed_although_it_does_not_end(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.slow = 1000
    result = failure(bench, bench.absent)
    assert (result["changed"], result["action"], result["connection_key"], result["native_integration_id"]) == (True, "deleted", "sf-prod", "7")


def test_settings_and_a_sync_that_were_sent_show_as_changed_although_their_jobs_failed(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.jobs = ["failed"]
    result = failure(bench, lambda: bench.reconciler().settings(["sf-prod"], {"isActive": True}))
    assert (result["changed"], result["action"]) == (True, "updated")
    assert failure(bench, lambda: bench.reconciler().sync(["sf-prod"]))["changed"] is True


@pytest.mark.parametrize("how", ["no secret", "busy", "test"])
def test_what_was_not_sent_has_changed_nothing(bench: Bench, how: str) -> None:
    given = options(connection__warehouse="BIGGER", connection__password=None) if how == "no secret" else options(connection__warehouse="BIGGER")
    if how == "test":
        bench.tenant.behaviour.test = (200, {"success": False})
    else:
        bench.register()
    if how == "busy":
        bench.tenant.behaviour.busy = 1000
    result = failure(bench, lambda: bench.present(given))
    assert "changed" not in result
    assert (result.get("dry_run") is True) is (how == "test")


@pytest.mark.parametrize(
    "answer",
    [
        (422, {"message": "Validation failed."}),
        (200, {"valid": False}),
        (200, {"validationResults": {"validationTests": [{"name": "Login", "status": "failed"}]}}),
    ],
    ids=str,
)
@pytest.mark.parametrize("check", [True, False])
def test_a_refused_test_says_that_it_was_one(bench: Bench, answer: tuple[int, Any], check: bool) -> None:
    bench.tenant.behaviour.test = answer
    result = failure(bench, lambda: bench.present(options(), check=check))
    assert result["dry_run"] is True
    assert "This was a dry run: Immuta has changed nothing." in result["msg"]


# --- lost answers


def test_a_lost_answer_is_looked_after_before_it_is_sent_again(bench: Bench) -> None:
    bench.tenant.behaviour.lose_after = 1
    result = bench.present(options())
    assert bench.tenant.writes == ["POST /data/connection"]
    assert (result["action"], result["adopted"]) == ("created", True)


def test_a_request_that_was_lost_on_its_way_is_sent_again(bench: Bench) -> None:
    bench.tenant.behaviour.lose_before = 1
    result = bench.present(options())
    assert bench.tenant.writes == ["POST /data/connection"] * 2
    assert result["adopted"] is False


def test_a_second_request_that_meets_what_the_first_one_made_adopts_it(bench: Bench) -> None:
    bench.tenant.behaviour.lose_after, bench.tenant.behaviour.slow = 1, 5
    result = bench.present(options())
    assert bench.tenant.writes == ["POST /data/connection"] * 2
    assert (result["action"], result["adopted"]) == ("created", True)


def test_a_tenant_that_never_answers_is_given_up(bench: Bench) -> None:
    bench.tenant.behaviour.lose_before = 100
    with pytest.raises(AnswerLost):
        bench.present(options())
    assert bench.tenant.writes == ["POST /data/connection"] * 3


# --- edit


@pytest.mark.parametrize("check", [True, False])
def test_an_edit_sends_the_whole_connection_with_the_secrets(bench: Bench, check: bool) -> None:
    bench.register()
    result = bench.present(options(connection__warehouse="BIGGER", connection__port=None), check=check)
    assert (result["action"], result["changed_reason"]) == ("updated", "differs: connection.warehouse")
    assert [(change["field"], change["secret"]) for change in result["changes"]] == [("connection.warehouse", False), ("connection.password", True)]
    assert result["connection"]["connection"]["warehouse"] == "BIGGER"
    assert result["validation"]["status"] == "not_asked"
    assert LEAK not in str(result)
    assert bench.tenant.writes == ([] if check else ["PUT /data/connection/sf-prod"])
    if not check:
        sent = {"technology": "Snowflake", "hostname": HOST, "port": 443, "warehouse": "BIGGER", "role": "R"}
        sent |= {"authenticationType": "userPassword", "username": "IMMUTA", "password": PASSWORD}
        assert bench.tenant.body_of("PUT /data/connection/sf-prod") == {"connection": sent}


@pytest.mark.parametrize("check", [True, False])
def test_an_edit_without_its_secret_names_it(bench: Bench, check: bool) -> None:
    bench.register()
    error = refused(bench, {"connection_key": "sf-prod", "connection": {"warehouse": "BIGGER"}}, check=check)
    assert error.facts["option"] == "connection.password"
    assert "is needed to update the connection, because Immuta does not return it" in error.message


def test_a_drift_check_needs_no_secret(bench: Bench) -> None:
    bench.register()
    given = {"connection_key": "sf-prod", "connection": {"warehouse": "BIGGER"}}
    assert bench.present(given, check=True, server_validation=False)["changed_reason"] == "differs: connection.warehouse"


def test_a_user_name_is_compared_because_it_is_shown(bench: Bench) -> None:
    bench.register()
    assert bench.present(options(connection__username="OTHER"))["changed_reason"] == "differs: connection.username"


def test_a_secret_that_is_absent_is_no_difference(bench: Bench) -> None:
    bench.register()
    assert not bench.present(options(connection__password="another one"))["changed"]


def test_a_secret_alone_is_sent_when_that_is_asked_for(bench: Bench) -> None:
    bench.register()
    result = bench.present(options(connection__password="another one"), update_secrets="always")
    assert result["changed_reason"] == "update_secrets is always"
    assert [change["field"] for change in result["changes"]] == ["connection.password"]
    assert bench.tenant.body_of("PUT /data/connection/sf-prod")["connection"]["password"] == "another one"


def test_another_authentication_type_leaves_the_old_credentials_behind(bench: Bench) -> None:
    bench.register()
    key = {"key_name": "PRIV_KEY_FILE", "user_filename": "k.p8", "content": "-----BEGIN"}
    client = {"use_certificate": False, "client_id": "id", "client_secret": "hush hush", "scope": "s", "authority_url": "https://idp"}
    by_key = options(connection__authentication_type="keyPair", connection__password=None, connection__private_key=key)
    result = bench.present(by_key)
    added = [f"connection.private_key.{name}" for name in key]
    assert result["changed_reason"] == "differs: " + ", ".join(["connection.authentication_type", *added])
    assert [change["field"] for change in result["changes"] if change["secret"]] == added[-1:]
    assert "password" not in bench.tenant.connections["sf-prod"]["connection"]
    assert not bench.present(by_key)["changed"]
    by_oauth = options(
        connection__authentication_type="oAuthClientCredentials",
        connection__password=None,
        connection__username=None,
        connection__oauth_client_config=client,
    )
    assert bench.present(by_oauth)["changed"]
    stored = bench.tenant.connections["sf-prod"]["connection"]
    assert not {"username", "privateKey", "password"} & stored.keys()
    assert stored["oAuthClientConfig"]["clientSecret"] == "hush hush"
    assert not bench.present(by_oauth)["changed"]


@pytest.mark.parametrize("given", [options(connection__warehouse="BIGGER"), {"connection_key": "sf-prod", "connection": {**SIGN_IN, "warehouse": "BIGGER"}}])
def test_an_edit_waits_for_the_integration_behind_it(bench: Bench, given: dict[str, Any]) -> None:
    bench.register()
    bench.tenant.behaviour.native_after_update = ["editing", "editing", "enabled"]
    bench.present(given)
    assert "GET /integrations/7/status" in bench.tenant.log
    assert bench.tenant.integrations["7"]["status"] == "enabled"
    bench.tenant.behaviour.native_after_update = ["editing", "editError"]
    with pytest.raises(RemoteFailure, match="Integration 7 ended in status editError"):
        bench.present({**given, "connection": {**given["connection"], "warehouse": "BIGGEST"}})


def test_an_edit_waits_until_it_may(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.busy = 1
    bench.tenant.behaviour.native = ["enabled", "editing", "enabled"]
    assert bench.present(options(connection__warehouse="BIGGER"))["action"] == "updated"
    assert bench.tenant.writes == ["PUT /data/connection/sf-prod"] * 2


def test_a_run_goes_on_where_another_gave_up_waiting(bench: Bench) -> None:
    bench.register()
    bench.tenant.integrations["7"]["status"] = "creating"
    bench.tenant.objects[("sf-prod",)]["state"] = "active"
    bench.tenant.behaviour.native = ["creating", "creating", "enabled"]
    result = bench.present(options(settings__is_active=True))
    assert (result["changed"], result["healthy"]) == (False, True)
    assert bench.tenant.integrations["7"]["status"] == "enabled"
    bench.tenant.integrations["7"]["status"] = "creating"
    bench.tenant.behaviour.native = ["creating"]
    assert bench.present(options(settings__is_active=True), wait=False)["healthy"] is None


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(("warehouse", "action"), [("WH", "unchanged"), ("BIGGER", "updated")])
def test_check_mode_waits_for_nothing(bench: Bench, warehouse: str, action: str, wait: bool) -> None:
    bench.register()
    bench.tenant.integrations["7"]["status"] = "creating"
    bench.tenant.objects[("sf-prod",)]["state"] = "active"
    bench.tenant.behaviour.native = ["creating", "creating", "enabled"]
    bench.tenant.forget()
    given = options(settings__is_active=True, connection__warehouse=warehouse)
    outcome = bench.reconciler(check=True, wait=wait).present(wanted_connection(given))
    assert bench.tenant.log == LOOK_BEHIND
    assert bench.clock.slept == []
    assert (outcome.plan.action, outcome.observed.native["status"], outcome.as_result()["healthy"]) == (action, "creating", None)
    assert bench.warnings == ["Integration 7 is creating. Check mode does not wait for that, so it was compared as it is now."]


def test_what_could_not_be_compared_is_told(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.refuse_native = 403
    result = bench.present(options(native_integration__config__database="OTHER"))
    assert (result["changed"], result["healthy"]) == (False, None)
    assert bench.warnings == ["Immuta does not show the integration behind connection sf-prod to this user, so native_integration was not compared."]


def test_a_rotation_of_what_cannot_change_is_told_not_to_happen(bench: Bench) -> None:
    bench.register()
    given = options(connection__password=None)
    assert not bench.present(given, update_secrets="always")["changed"]
    assert bench.warnings == ["Secrets in native_integration of connection sf-prod are not sent: after the registration only those in connection can change."]
    bench.warnings.clear()
    assert bench.present(options(), update_secrets="always")["changed"]
    assert bench.warnings == []


def test_the_technology_is_sent_as_the_vendor_spells_it(bench: Bench) -> None:
    bench.present(options(connection__technology="snowflake"))
    assert bench.tenant.body_of("POST /data/connection")["connection"]["technology"] == "Snowflake"
    assert not bench.present(options(connection__technology="SNOWFLAKE"))["changed"]


def test_jobs_that_the_list_shows_to_be_final_are_not_asked_for(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.jobs = ["completed"]
    bench.tenant.behaviour.states_listed = True
    bench.present(options(connection__warehouse="BIGGER"))
    assert "POST /jobs/statuses" not in bench.tenant.log


def test_the_state_that_the_list_shows_is_believed_when_nobody_tells_another(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.jobs = ["active", "active", "completed"]
    bench.tenant.behaviour.states_listed, bench.tenant.behaviour.states_told = True, False
    bench.present(options(connection__warehouse="BIGGER"))
    assert bench.tenant.log.count("GET /jobs?bulkId=bulk_update_0") == 3
    assert not bench.warnings


def test_jobs_whose_state_nobody_tells_are_not_said_to_be_done(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.jobs = ["active"]
    bench.tenant.behaviour.states_told = False
    bench.present(options(connection__warehouse="BIGGER"))
    unseen = "the state of the jobs of the update of connection sf-prod (bulk_update_0_1)"
    assert bench.warnings == [f"Immuta does not show {unseen}, so the task did not wait for them."]


def test_a_removal_that_is_refused_as_not_found_is_no_removal(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.deaf = True
    with pytest.raises(NotFound):
        bench.absent()
    assert not bench.clock.slept


def test_an_edit_waits_for_its_job(bench: Bench) -> None:
    bench.register()
    bench.tenant.behaviour.jobs = ["active", "failed"]
    bench.tenant.behaviour.output = "no such warehouse"
    with pytest.raises(RemoteFailure, match="The update of connection sf-prod failed: job bulk_update_0_1 failed: no such warehouse"):
        bench.present(options(connection__warehouse="NONE"))


def test_a_task_need_not_name_the_technology_of_what_is_there(bench: Bench) -> None:
    bench.register()
    with pytest.raises(OptionError, match=r"connection\.http_path does not belong here"):
        bench.present({"connection_key": "sf-prod", "connection": {"http_path": "x"}})
    given = {"connection_key": "sf-prod", "connection": {"warehouse": "BIGGER", "password": PASSWORD}}
    assert bench.present(given)["changed_reason"] == "differs: connection.warehouse"


# --- immutable options


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("path", "value", "option"),
    [
        ("connection__hostname", "other.snowflakecomputing.com", "connection.hostname"),
        ("native_integration__config__database", "OTHER", "native_integration.config.database"),
        ("native_integration__config__audit", {"enabled": False}, "native_integration.config.audit.enabled"),
        ("native_integration__config__host", "other.snowflakecomputing.com", "native_integration.config.host"),
        ("native_integration__auto_bootstrap", True, "native_integration.auto_bootstrap"),
        ("native_integration__type", "Databricks", "native_integration.type"),
    ],
)
def test_what_cannot_be_changed_is_named(bench: Bench, path: str, value: Any, option: str, check: bool) -> None:
    bench.register()
    error = refused(bench, options(**{path: value}), check=check)
    assert error.facts["option"] == option
    assert f"{option} of connection sf-prod cannot be changed" in error.message


def test_the_technology_cannot_be_changed(bench: Bench) -> None:
    bench.register()
    error = refused(bench, {"connection_key": "sf-prod", "connection": {"technology": "Databricks"}})
    assert error.message == "connection.technology of connection sf-prod cannot be changed (Snowflake to Databricks)."


def test_the_same_host_written_otherwise_is_the_same(bench: Bench) -> None:
    bench.register()
    written = f"https://{HOST.upper()}:443/"
    assert not bench.present(options(connection__hostname=written, native_integration__config__host=written))["changed"]


def test_what_the_connection_says_as_well_is_not_held_against_the_native_integration(bench: Bench) -> None:
    bench.register()
    bench.tenant.integrations["7"]["config"].update({"username": "FIRST", "authenticationType": "keyPair", "warehouse": "FIRST", "port": 1})
    assert not bench.present(options(native_integration__config__port=443))["changed"]


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("both", [True, False])
def test_an_edit_settles_whether_or_not_the_native_integration_follows_it(bench: Bench, follows: bool, both: bool) -> None:
    bench.register()
    given = options(connection__warehouse="BIGGER", **{"native_integration__config__warehouse": "BIGGER"} if both else {})
    assert bench.present(given)["changed"]
    if follows:
        bench.tenant.integrations["7"]["config"]["warehouse"] = "BIGGER"
    assert not bench.present(given)["changed"]


def test_what_the_native_integration_does_not_show_is_unknown(bench: Bench) -> None:
    bench.register()
    bench.tenant.integrations["7"]["config"] = {"workspaceUrl": "x"}
    assert not bench.present(options())["changed"]


@pytest.mark.parametrize("status", [403, 404])
def test_a_native_integration_that_may_not_be_seen_is_unknown(bench: Bench, status: int) -> None:
    bench.register()
    bench.tenant.behaviour.refuse_native = status
    assert not bench.present(options(native_integration__config__database="OTHER"))["changed"]


# --- settings


def test_only_the_settings_that_differ_are_sent_and_need_no_secret(bench: Bench) -> None:
    bench.register()
    given = {"connection_key": "sf-prod", "settings": {"is_active": True, "activate_new_children": False}}
    result = bench.present(given)
    assert bench.tenant.writes == ["PUT /data/settings/sf-prod"]
    assert bench.tenant.body_of("PUT /data/settings/sf-prod") == {"settings": {"isActive": True}}
    assert result["changes"] == [{"field": "settings.is_active", "before": False, "after": True, "secret": False}]
    assert result["diff"] == {
        "before": {"connection_key": "sf-prod", "settings": {"is_active": False, "activate_new_children": False}},
        "after": {"connection_key": "sf-prod", "settings": {"is_active": True, "activate_new_children": False}},
    }
    assert (result["object"]["state"], result["healthy"]) == ("active", True)
    assert not bench.present(given)["changed"]


def test_a_secret_that_does_not_go_along_is_not_listed(bench: Bench) -> None:
    bench.register()
    result = bench.present(options(settings__is_active=True))
    assert bench.tenant.writes == ["PUT /data/settings/sf-prod"]
    assert [change["field"] for change in result["changes"]] == ["settings.is_active"]


def test_a_check_run_predicts_the_settings(bench: Bench) -> None:
    bench.register()
    result = bench.present({"connection_key": "sf-prod", "settings": {"is_active": True, "activate_new_children": True}}, check=True)
    assert bench.tenant.writes == []
    assert result["object"]["state"] == "active"
    assert result["object"]["settings"]["activateNewChildren"] == {"value": True, "hasDescendantsWithOverrides": False}


def test_owners_are_compared_without_their_order_and_by_what_is_given(bench: Bench) -> None:
    bench.register()
    bench.tenant.objects[("sf-prod",)]["settings"]["dataOwners"] = {"value": [{"id": "2", "type": "group", "name": "g"}, {"id": 1, "type": "user"}]}
    assert not bench.present(options())["changed"]
    fewer = options(settings__data_owners=[{"type": "user", "id": 1}])
    assert bench.present(fewer)["changed_reason"] == "differs: settings.data_owners"
    assert bench.tenant.body_of("PUT /data/settings/sf-prod") == {"settings": {"dataOwners": [{"type": "user", "id": 1}]}}


def test_connection_and_settings_change_in_one_run(bench: Bench) -> None:
    bench.register()
    result = bench.present(options(connection__warehouse="BIGGER", settings__is_active=True))
    assert bench.tenant.writes == ["PUT /data/connection/sf-prod", "PUT /data/settings/sf-prod"]
    assert result["changed_reason"] == "differs: connection.warehouse, settings.is_active"


def test_a_setting_that_has_no_option_goes_through_extra(bench: Bench) -> None:
    bench.register()
    given = {"connection_key": "sf-prod", "settings": {"extra": {"policySync": "off"}}}
    assert bench.present(given)["changed_reason"] == "differs: settings.extra.policySync"
    assert not bench.present(given)["changed"]


# --- health


def test_a_connection_that_is_not_well_is_warned_of(bench: Bench) -> None:
    bench.register()
    bench.tenant.objects[("sf-prod",)]["state"] = "UNHEALTHY"
    result = bench.present(options(settings=None))
    assert (result["changed"], result["healthy"]) == (False, False)
    assert bench.warnings == ["The connection sf-prod has the wanted settings, but its state is UNHEALTHY."]


def test_an_integration_behind_it_that_is_not_well_is_warned_of(bench: Bench) -> None:
    bench.register()
    bench.tenant.integrations["7"]["status"] = "recurringValidationError"
    assert bench.present(options())["healthy"] is False
    assert bench.warnings == ["Integration 7 has the wanted settings, but its status is recurringValidationError. Immuta reports no failed test."]


# --- missing permissions, and connections created elsewhere


def oracle(bench: Bench) -> None:
    bench.tenant.add({"connectionKey": "ora", "connection": {"technology": "Oracle", "hostname": "db", "password": "hush hush"}})


def test_a_technology_that_the_api_does_not_show_is_not_compared(bench: Bench) -> None:
    oracle(bench)
    result = bench.present({"connection_key": "ora", "connection": {"technology": "Oracle", "hostname": "other", "extra": {"sid": "X"}}})
    assert (result["changed"], result["connection"]) == (False, {})
    assert any("so they were not compared" in text for text in bench.warnings)


def test_a_technology_that_the_api_does_not_show_has_settings_and_can_be_removed(bench: Bench) -> None:
    oracle(bench)
    assert bench.present({"connection_key": "ora", "settings": {"is_active": False}})["action"] == "updated"
    assert bench.absent("ora")["action"] == "deleted"


def test_what_has_no_table_is_compared_as_far_as_it_is_shown(bench: Bench) -> None:
    lake = {"technology": "Glue", "extra": {"region": "us-east-1", "accessKeyId": "AKIA1234", "secretAccessKey": "hush hush"}}
    given = {"connection_key": "lake", "connection": lake}
    assert bench.present(given)["action"] == "created"
    assert not bench.present(given)["changed"]
    assert not bench.present({**given, "connection": {"technology": "AWS Lake Formation", "extra": lake["extra"]}})["changed"]
    moved = {**given, "connection": {**lake, "extra": {**lake["extra"], "region": "eu-west-1"}}}
    result = bench.present(moved)
    assert result["changed_reason"] == "differs: connection.extra.region"
    assert bench.tenant.connections["lake"]["connection"]["secretAccessKey"] == "hush hush"
    assert "hush hush" not in str(result)
    assert "AKIA1234" not in str(result)


def test_the_native_integration_of_what_has_no_table_is_not_compared(bench: Bench) -> None:
    given = {"connection_key": "lake", "connection": {"technology": "Glue"}, "native_integration": {"type": "Glue", "config": {"username": "old"}}}
    bench.register(given)
    bench.tenant.integrations["7"]["config"]["username"] = "new"
    assert not bench.present(given)["changed"]


KEY, ENCODED = "Sales (EU)/1.0?", "Sales%20%28EU%29%2F1.0%3F"


def test_a_key_from_the_user_interface_can_be_read_edited_and_removed(bench: Bench) -> None:
    bench.register(options(connection_key=KEY))
    assert not bench.present(options(connection_key=KEY))["changed"]
    assert bench.present(options(connection_key=KEY, connection__warehouse="BIGGER", settings__is_active=True))["changed"]
    assert bench.tenant.writes == [f"PUT /data/connection/{ENCODED}", f"PUT /data/settings/{ENCODED}"]
    assert bench.absent(KEY)["changed"]
    assert bench.tenant.writes == [f"DELETE /data/object/{ENCODED}"]


# --- remove


def filled(bench: Bench) -> None:
    bench.register()
    bench.tenant.add_objects("sf-prod/DB", "sf-prod/DB/S", "sf-prod/DB/S/T1", "sf-prod/DB/S/T2", "sf-prod/EMPTY")
    bench.tenant.add_objects("sf-prod/DB/S/T3", state="inactive")


def test_a_removal_takes_everything_in_it(bench: Bench) -> None:
    filled(bench)
    result = bench.absent()
    assert bench.tenant.log == [*LOOK, "DELETE /data/object/sf-prod", *LOOK]
    assert (result["action"], result["child_count"], result["native_integration_id"]) == ("deleted", 6, "7")
    assert result["object"]["state"] == "deleted"
    assert result["connection"]["connectionKey"] == "sf-prod"


def test_a_check_run_counts_what_would_go(bench: Bench) -> None:
    filled(bench)
    result = bench.absent(check=True)
    assert bench.tenant.writes == []
    assert (result["action"], result["child_count"], result["data_source_count"]) == ("deleted", 6, 2)
    assert result["diff"]["before"]["child_count"] == 6
    assert {"field": "data_source_count", "before": 2, "after": None, "secret": False} in result["changes"]
    assert result.keys() == bench.absent().keys()
    # tables have no children, so they are not searched
    assert not [line for line in bench.tenant.log if "search" in line and line.count("/") > 6]


def test_the_levels_of_a_table_are_asked_for_once_each(bench: Bench) -> None:
    filled(bench)
    bench.absent(check=True)
    search = "POST /data/object/search/sf-prod"
    assert bench.tenant.log == [*LOOK, search, f"{search}/DB", f"{search}/EMPTY", f"{search}/DB/S"]


def test_a_glue_catalog_has_a_level_less(bench: Bench) -> None:
    bench.tenant.add({"connectionKey": "lake", "connection": {"technology": "Glue"}})
    bench.tenant.add_objects("lake/db", "lake/db/t")
    result = bench.absent("lake", check=True)
    assert (result["child_count"], result["data_source_count"]) == (2, 1)


def test_data_sources_of_a_technology_with_unknown_levels_are_not_counted(bench: Bench) -> None:
    bench.tenant.add({"connectionKey": "odd", "connection": {"technology": "Cassandra"}})
    bench.tenant.add_objects("odd/s", "odd/s/t")
    result = bench.absent("odd", check=True)
    assert (result["child_count"], result["data_source_count"]) == (2, None)


def test_a_search_that_shows_a_part_is_warned_of(bench: Bench) -> None:
    filled(bench)
    bench.tenant.behaviour.page = 2
    bench.absent(check=True)
    assert bench.warnings == ["Immuta returned 2 objects in sf-prod/DB/S and reports that there are more. The others are missing from the result."]


@pytest.mark.parametrize("check", [True, False])
def test_there_is_nothing_to_remove_twice(bench: Bench, check: bool) -> None:
    result = bench.absent(check=check)
    assert bench.tenant.log == LOOK
    assert (result["changed"], result["connection"], result["child_count"]) == (False, {}, None)


def test_a_removal_is_waited_for(bench: Bench) -> None:
    filled(bench)
    bench.tenant.behaviour.slow = 5
    bench.tenant.behaviour.jobs = ["active", "completed"]
    bench.absent()
    assert bench.tenant.log.count("POST /jobs/statuses") == 2
    assert bench.tenant.connections == {}
    assert len(bench.clock.slept) >= 2


def test_a_removal_need_not_be_waited_for(bench: Bench) -> None:
    filled(bench)
    bench.tenant.behaviour.slow = 5
    assert bench.absent(wait=False)["child_count"] == 6
    assert bench.tenant.log[-1] == "DELETE /data/object/sf-prod"


def test_what_does_not_go_is_said_to_be_still_there(bench: Bench) -> None:
    filled(bench)
    bench.tenant.behaviour.slow = 1000
    with pytest.raises(WaitTimeout, match="connection sf-prod still exists"):
        bench.absent()


# --- objects


def test_the_settings_of_an_object_are_brought_to_what_is_wanted(bench: Bench) -> None:
    filled(bench)
    for check, writes in ((True, []), (False, ["PUT /data/settings/sf-prod/DB/S"])):
        bench.tenant.forget()
        plan, object = bench.reconciler(check=check).settings(["sf-prod", "DB", "S"], {"isActive": False})
        assert (plan.action, object["state"], bench.tenant.writes) == ("updated", "inactive", writes)
    plan, _unused = bench.reconciler().settings(["sf-prod", "DB", "S"], {"isActive": False, "activateNewChildren": False})
    assert plan.action == "unchanged"


@pytest.mark.parametrize("check", [True, False])
def test_an_object_that_is_not_there_is_named(bench: Bench, check: bool) -> None:
    filled(bench)
    for call in (
        lambda: bench.reconciler(check=check).settings(["sf-prod", "no"], {"isActive": True}),
        lambda: bench.reconciler(check=check).sync(["sf-prod", "no"]),
    ):
        with pytest.raises(ImmutaError, match="There is no object sf-prod/no") as caught:
            call()
        assert caught.value.facts["status"] == 404
    assert bench.tenant.writes == []


def test_a_sync_starts_a_crawl_and_waits_for_its_jobs(bench: Bench) -> None:
    filled(bench)
    bench.tenant.behaviour.jobs = ["created", "completed"]
    jobs = bench.reconciler().sync(["sf-prod", "DB"])
    assert bench.tenant.writes == ["POST /data/crawl/sf-prod/DB"]
    assert [(job["id"], job["state"]) for job in jobs] == [("bulk_crawl_0_1", "completed")]


def test_a_sync_without_waiting_says_which_jobs_it_started(bench: Bench) -> None:
    filled(bench)
    bench.tenant.behaviour.jobs = ["created", "completed"]
    assert [job["state"] for job in bench.reconciler(wait=False).sync(["sf-prod"])] == ["created"]


def test_a_check_run_of_a_sync_starts_nothing(bench: Bench) -> None:
    filled(bench)
    assert bench.reconciler(check=True).sync(["sf-prod", "DB"]) == []
    assert bench.tenant.log == ["GET /data/object/sf-prod/DB"]


def test_an_object_that_went_meanwhile_has_nothing_in_it(bench: Bench) -> None:
    filled(bench)
    del bench.tenant.objects[("sf-prod", "EMPTY")]
    search = bench.tenant._search

    def forget(path: list[str], body: Any, query: dict[str, str]) -> Any:
        return (404, {"message": "gone"}) if path[-1] == "DB" else search(path, body, query)

    bench.tenant._search = forget  # type: ignore[method-assign]
    assert [each["objectPath"] for each in bench.reconciler().descendants(["sf-prod"], 3)] == [["sf-prod", "DB"]]


@pytest.mark.parametrize(("depth", "count"), [(0, 0), (1, 2), (2, 3), (3, 6), (9, 6)])
def test_objects_are_listed_as_deep_as_asked(bench: Bench, depth: int, count: int) -> None:
    filled(bench)
    assert len(bench.reconciler().descendants(["sf-prod"], depth)) == count


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (404, NotFound)])
def test_a_tenant_without_connections_is_no_tenant_with_none(bench: Bench, status: int, error: type[ApiError]) -> None:
    bench.tenant.behaviour.refuse = status
    with pytest.raises(error, match="Connections may not be enabled on this tenant"):
        bench.reconciler().descendants((), 1)


def test_an_answer_that_holds_deeper_objects_counts_each_once(bench: Bench) -> None:
    filled(bench)
    every = [each for path, each in bench.tenant.objects.items() if len(path) > 1]
    bench.tenant._search = lambda path, body, query: (200, every)  # type: ignore[method-assign]
    assert len(bench.reconciler().descendants(["sf-prod"], 3)) == 6
