# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator on real engines: what was not really set up is not accepted, and what it sets up is really there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from engines import RedshiftEngine, SnowflakeEngine
from immuta_simulator import Simulator
from immuta_simulator.platforms import PLATFORMS
from immuta_simulator.scripts import script_steps
from immuta_simulator.settings import Settings

PASSWORD = """a'b"c;$$ %s {{ x }} \\ ü 5439 $tag$ -- /* `"""
NOT_SET_UP = "Validation of prerequisite setup failed. Unable to create integration."


@dataclass(frozen=True)
class Warehouse:
    """One platform: how its scripts are run with the vendor's driver, and what is to be seen afterwards."""

    type: str
    tenant: Simulator
    engine: Any
    config: dict[str, Any]
    connect: Callable[[str], Any]

    def payload(self, **config: Any) -> dict[str, Any]:
        return {"type": self.type, "autoBootstrap": False, "config": {**self.config, **config}}

    def automatic(self, **config: Any) -> dict[str, Any]:
        return {**self.payload(**self.privileged, **config), "autoBootstrap": True}

    @property
    def privileged(self) -> dict[str, Any]:
        account = {"authenticationType": "userPassword", "username": self.engine.admin_user, "password": self.engine.admin_password}
        return account | ({"role": "ACCOUNTADMIN"} if self.type == "Snowflake" else {})

    def run(self, action: str, database: str, payload: dict[str, Any], old: dict[str, Any] | None = None, until: int | None = None) -> None:
        """Runs a script, or its first statements, statement by statement.

        The statements come from the simulator's own list, so that no splitter takes part; that the text is theirs is
        checked too.
        """
        path = "/integrations/1/scripts/" if old or action == "delete" else "/integrations/scripts/"
        text = self.tenant.call("POST", path + action, None if action == "delete" else payload).text
        full = [{**self.defaults, **document["config"]} for document in (payload, old) if document]
        steps = script_steps(self.type, action, full[0], full[1] if old else None, Settings())
        with closing(self.connect(database)) as connection:
            for step in steps[:until]:
                assert f"{step.sql};" in text
                connection.cursor().execute(step.sql)

    @property
    def defaults(self) -> dict[str, Any]:
        return dict(PLATFORMS[self.type].defaults)

    def set_up(self, payload: dict[str, Any], until: int | None = None) -> None:
        if self.type == "Redshift":
            self.run("initial-create", "dev", payload)
        self.run("create", "immuta", payload, until=until)

    def clean(self) -> None:
        """Whatever a test left."""
        for user, role, database in (("sys", "immuta_impersonation", "immuta"), ("IMMUTA_SYSTEM_ACCOUNT", "act_as", "other")):
            words = ("USER", "ROLE") if self.type == "Snowflake" else ("USER", "GROUP")
            names = [name.upper() if self.type == "Snowflake" else name.lower() for name in (user, role, database)]
            with closing(self.connect("dev")) as connection:
                for kind, name in (("DATABASE", names[2]), (words[0], names[0]), (words[1], names[1]), ("ROLE", f"{names[2]}_SYSTEM")):
                    connection.cursor().execute(f'DROP {kind} IF EXISTS "{name}"')


@pytest.fixture(scope="module")
def redshift() -> Iterator[RedshiftEngine]:
    with RedshiftEngine(host="127.0.0.21") as engine:
        yield engine


@pytest.fixture(scope="module")
def snowflake() -> Iterator[SnowflakeEngine]:
    with SnowflakeEngine(host="127.0.0.22") as engine:
        yield engine


@pytest.fixture(params=["Redshift", "Snowflake"])
def warehouse(request: pytest.FixtureRequest, tenant: Simulator) -> Iterator[Warehouse]:
    account = {"authenticationType": "userPassword", "username": "sys", "password": PASSWORD}
    if request.param == "Redshift":
        # a loopback host is where it says
        engine = request.getfixturevalue("redshift")
        config = {"host": engine.host, "port": engine.port, "database": "immuta", "initialDatabase": "dev", **account}
        found = Warehouse("Redshift", tenant, engine, config, lambda database: engine.connect(database=database))
    else:
        # any other host is where the warehouses are said to be
        engine = request.getfixturevalue("snowflake")
        host = "org.us-east-1.snowflakecomputing.com"
        tenant.warehouses([{"host": host, "type": "Snowflake", "address": engine.host, "port": engine.port, "account": engine.account}])
        config = {"host": host, "warehouse": engine.warehouse, "database": "IMMUTA", **account, "username": "SYS"}
        found = Warehouse("Snowflake", tenant, engine, config, lambda database: engine.connect())
    yield found
    found.clean()


def refused(warehouse: Warehouse, method: str, path: str, payload: dict[str, Any]) -> dict[str, Any]:
    """The failed test of a 422."""
    reply = warehouse.tenant.call(method, path, payload)
    assert reply.status == 422, reply.text
    results = reply.json()["validationResults"]
    assert results["status"] == "failed"
    return next(test for test in results["validationTests"] if test["status"] == "failed")


# -- set-up by hand ---------------------------------------------------------------------------------------------------


def test_integration_whose_script_never_ran_is_refused(warehouse: Warehouse) -> None:
    for path in ("/integrations?dryRun=true", "/integrations"):
        reply = warehouse.tenant.call("POST", path, warehouse.payload())
        assert (reply.status, reply.json()["message"]) == (422, NOT_SET_UP)
        failed = refused(warehouse, "POST", path, warehouse.payload())
        assert failed["name"] == "Initial Validation: Basic Connection Test"
        assert "password" in failed["message"]
    assert warehouse.tenant.integrations() == []


def test_integration_whose_script_ran_is_enabled(warehouse: Warehouse) -> None:
    warehouse.set_up(warehouse.payload())
    assert warehouse.tenant.call("POST", "/integrations?dryRun=true", warehouse.payload()).status == 200
    answer = warehouse.tenant.call("POST", "/integrations", warehouse.payload()).json()
    assert {test["status"] for test in answer["validationResults"]["validationTests"]} == {"passed"}
    assert warehouse.tenant.call("GET", "/integrations/1/status").json()["status"] == "enabled"


@pytest.mark.parametrize("left_out", [1, 5, 12])
def test_integration_whose_script_ran_in_part_is_refused(warehouse: Warehouse, left_out: int) -> None:
    steps = script_steps(warehouse.type, "create", {**warehouse.defaults, **warehouse.config}, None, Settings())
    warehouse.set_up(warehouse.payload(), until=len(steps) - left_out)
    assert refused(warehouse, "POST", "/integrations", warehouse.payload())


@pytest.mark.parametrize("wrong", [PASSWORD + " ", PASSWORD.replace("ü", "u"), PASSWORD.replace("\\", "\\\\"), "<REDACTED>"])
def test_corrupted_password_is_refused(warehouse: Warehouse, wrong: str) -> None:
    warehouse.set_up(warehouse.payload())
    assert refused(warehouse, "POST", "/integrations", warehouse.payload(password=wrong))["name"].endswith("Basic Connection Test")
    assert warehouse.engine.can_login(warehouse.config["username"], PASSWORD)


def test_set_up_for_other_settings_is_refused(warehouse: Warehouse) -> None:
    warehouse.set_up(warehouse.payload())
    wanted = warehouse.payload(impersonation={"enabled": True})
    assert "not found: immuta_impersonation" in refused(warehouse, "POST", "/integrations", wanted)["message"]


def test_edit_is_refused_until_its_script_ran(warehouse: Warehouse) -> None:
    old = warehouse.payload()
    warehouse.set_up(old)
    warehouse.tenant.call("POST", "/integrations", old)
    changes: list[dict[str, Any]] = [{"impersonation": {"enabled": True, "role": "act_as"}}, {"password": "n'ew"}]
    changes += [{"audit": {"enabled": True}}] if warehouse.type == "Snowflake" else []
    for change in changes:
        if "impersonation" in change and warehouse.type == "Snowflake":
            change["impersonation"]["role"] = "ACT_AS"
        new = {**old, "config": {**old["config"], **change}}
        assert refused(warehouse, "PUT", "/integrations/1", new)
        warehouse.run("edit", "immuta", new, old)
        assert warehouse.tenant.call("PUT", "/integrations/1", new).status == 200
        assert warehouse.tenant.call("GET", "/integrations/1/status").json()["status"] == "enabled"
        old = new
    off = warehouse.payload(password="n'ew")
    assert refused(warehouse, "PUT", "/integrations/1?dryRun=true", off)
    warehouse.run("edit", "immuta", off, old)
    assert warehouse.tenant.call("PUT", "/integrations/1", off).status == 200
