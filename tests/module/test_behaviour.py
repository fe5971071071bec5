# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_integration beyond the plain life: waiting, faults of the network, states, secrets, keys, connections."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.modules import Reply, run_module
from support.wire_log import conversations, sent

SECRET = "s3cret word"
ACCOUNT = {"authentication_type": "userPassword", "username": "admin", "password": SECRET}
REDSHIFT = {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev", **ACCOUNT}
SNOWFLAKE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT}
#: quick, and still the real code
QUICK = {"wait_interval": 0.05, "retry_max_delay": 1}


def api(config: dict[str, Any]) -> dict[str, Any]:
    names = {"initial_database": "initialDatabase", "authentication_type": "authenticationType"}
    return {names.get(name, name): value for name, value in config.items()}


def seed(tenant: Simulator, type_name: str = "Redshift", **more: Any) -> str:
    return tenant.seed({"type": type_name, "config": api(REDSHIFT if type_name == "Redshift" else SNOWFLAKE), **more})


@pytest.fixture
def call(tenant: Simulator, tmp_path: Path) -> Callable[..., Reply]:
    def run(check: bool = False, environment: dict[str, str] | None = None, **arguments: Any) -> Reply:
        given = {"url": tenant.url, "api_key": tenant.api_key, **QUICK, **arguments}
        return run_module(
            "immuta_integration", {name: value for name, value in given.items() if value is not None}, tmp_path, check=check, environment=environment
        )

    return run


@pytest.fixture
def redshift(call: Callable[..., Reply]) -> Callable[..., Reply]:
    def run(check: bool = False, config: dict[str, Any] | None = None, **arguments: Any) -> Reply:
        whole = {name: value for name, value in {**REDSHIFT, **(config or {})}.items() if value is not None}
        return call(check=check, **{"type": "Redshift", "auto_bootstrap": False, "config": whole, **arguments})

    return run


# --- faults of the network


def test_a_tenant_that_is_busy_is_asked_again(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.fault(method="GET", path="/integrations$", status=429, headers={"Retry-After": "1"})
    tenant.fault(method="POST", path="/integrations$", status=503, headers={"Retry-After": "1"})
    reply = redshift()
    assert (reply["action"], reply["adopted"]) == ("created", False)
    assert [entry["status"] for entry in tenant.requests()] == [429, 200, 200, 503, 200, 200]
    assert len(conversations(tenant)) == 1


def test_the_longest_wait_is_the_users(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.fault(method="GET", path="/integrations$", status=429, headers={"Retry-After": "3600"})
    assert redshift(retry_max_delay=0)["action"] == "created"


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 502}, {"status": 504}, {"reset": True}], ids=str)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_update_is_repeated(fault: dict[str, Any], when: str, redshift: Callable[..., Reply], tenant: Simulator) -> None:
    seed(tenant)
    tenant.fault(method="PUT", path="/integrations/1$", when=when, **fault)
    assert redshift(config={"port": 1})["action"] == "updated"
    assert len(sent(tenant, "PUT", "/integrations/1")) >= 3
    assert tenant.integrations()[0]["config"]["port"] == 1


def test_nobody_there(redshift: Callable[..., Reply]) -> None:
    reply = redshift(url="http://127.0.0.1:9", retries=0)
    assert reply["failed"]
    assert "GET /integrations" in reply["msg"]
    assert "refused" in reply["msg"]


@pytest.mark.parametrize(("switches", "status"), [({"application_admin": False}, 403), ({}, 401)])
def test_no_access_is_explained(switches: dict[str, Any], status: int, redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.settings(**switches)
    reply = redshift(**({} if switches else {"api_key": "wrong-key"}))
    assert (reply["failed"], reply["status"]) == (True, status)
    assert ("APPLICATION_ADMIN" if status == 403 else "api_key") in reply["msg"]
    assert reply["tenant"] == "127.0.0.1"


def test_a_token_that_runs_out_is_renewed(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.settings(token_requests=2)
    assert redshift(auth_method="bearer")["action"] == "created"
    assert [entry["path"] for entry in tenant.requests()].count("/bim/apikey/authenticate") > 1


# --- validation


@pytest.mark.parametrize("where", ["top", "details", "absent"])
@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
def test_a_failed_validation_names_its_tests(where: str, check: bool, redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.settings(unknown_hosts="fail", validation_in_422=where)
    reply = redshift(check=check)
    assert (reply["failed"], reply["status"]) == (True, 422)
    assert "Validation of prerequisite setup failed" in reply["msg"]
    if where != "absent":
        assert "Basic Connection Test" in reply["msg"]
    assert tenant.writes() == []


def test_without_validation_nothing_is_asked(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    assert redshift(server_validation=False)["action"] == "created"
    assert [entry["query"] for entry in tenant.requests()] == [""] * 3


# --- states


@pytest.mark.parametrize("status", ["editError", "deleteError", "migrateError", "recurringValidationError"])
def test_an_error_is_warned_of(status: str, redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.force(seed(tenant), status, "no route to host")
    reply = redshift()
    assert (reply["changed"], reply["healthy"]) == (False, False)
    assert f"its status is {status}" in reply.output
    assert "no route to host" in reply.output


# --- waiting


def test_the_next_run_continues(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.settings(transitions="seconds:2")
    reply = redshift(wait_timeout=0.5)
    assert reply["failed"]
    assert "integration 1 is creating" in reply["msg"]
    assert "the next run continues" in reply["msg"]
    assert "creating" in reply["last_status"]
    again = redshift()
    assert (again["changed"], again["healthy"]) == (False, True)
    assert len(tenant.writes()) == 1


def test_someone_elses_edit_is_waited_for(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    seed(tenant)
    busy = {"statusCode": 409, "error": "Conflict", "message": "Unable to edit integration with ID 1 in current state editing."}
    tenant.fault(method="PUT", path="/integrations/1", status=409, body=json.dumps(busy), times=2)
    assert redshift(config={"port": 1})["action"] == "updated"


# --- secrets and keys


def test_a_new_password_alone_is_no_change_unless_asked_for(redshift: Callable[..., Reply], tenant: Simulator) -> None:
    seed(tenant)
    assert redshift(config={"password": "another s3cret"})["action"] == "unchanged"
    for check in (True, False):
        reply = redshift(check=check, config={"password": "another s3cret"}, update_secrets="always")
        assert (reply["action"], reply["changed_reason"]) == ("updated", "update_secrets is always")
        assert reply["changes"] == [{"field": "config.password", "before": None, "after": None, "secret": True}]
        assert "another s3cret" not in reply.output
    assert tenant.integrations()[0]["config"]["password"] == "another s3cret"


@pytest.mark.parametrize("name", ["newKey", "apiKey", "key"])
def test_trinos_first_key_goes_to_its_file(name: str, call: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(trino_key=name)
    dest = tmp_path / "key"
    assert call(check=True, type="Trino", api_key_dest=str(dest))["action"] == "created"
    assert not dest.exists()
    reply = call(type="Trino", api_key_dest=str(dest))
    key = tenant.integrations()[0]["account"]["key"]
    assert dest.read_text(encoding="utf-8") == f"{key}\n"
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    assert key not in reply.output
    dest.unlink()
    assert call(type="Trino", api_key_dest=str(dest))["action"] == "unchanged"
    assert not dest.exists()


def test_a_first_key_that_is_not_there_is_warned_of(call: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(trino_key="absent")
    reply = call(type="Trino", api_key_dest=str(tmp_path / "key"))
    assert reply["action"] == "created"
    assert "held no API key" in reply.output


def test_trinos_key_without_a_file_is_not_shown(call: Callable[..., Reply], tenant: Simulator) -> None:
    reply = call(type="Trino")
    assert tenant.integrations()[0]["account"]["key"] not in reply.output


# --- removal by force, and by id


@pytest.mark.parametrize("show_disabled", [False, True])
@pytest.mark.parametrize("credentials", [False, True])
def test_force_disable(show_disabled: bool, credentials: bool, redshift: Callable[..., Reply], tenant: Simulator) -> None:
    seed(tenant, autoBootstrap=True)
    tenant.settings(show_disabled=show_disabled)
    config = {} if credentials else {"username": None, "password": None}
    predicted = redshift(check=True, state="absent", force_disable=True, auto_bootstrap=None, config=config)
    reply = redshift(state="absent", force_disable=True, auto_bootstrap=None, config=config)
    assert (predicted["action"], reply["action"]) == ("deleted", "deleted")
    assert reply["integration"]["status"] in ("deleted", "disabled")
    assert tenant.writes()[0]["query"] == "forceDisable=true"
    assert redshift(state="absent", auto_bootstrap=None)["action"] == "unchanged"


def test_an_id_alone_is_enough_to_remove(call: Callable[..., Reply], tenant: Simulator) -> None:
    id_ = seed(tenant)
    assert call(state="absent", id=id_, wait=False)["action"] == "deleted"
    assert [entry["method"] for entry in tenant.requests()] == ["GET", "DELETE"]
    assert call(state="absent", id=id_)["action"] == "unchanged"
