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
from simulator import Simulator, SimulatorError
from simulator.platforms import PLATFORMS
from simulator.scripts import script_steps
from simulator.settings import Settings

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

    def holds_nothing(self) -> bool:
        catalog = self.engine.catalog()
        known = {"dev", "SNOWFLAKE"}, {"awsuser", "ADMIN", "ACCOUNTADMIN", "SYSADMIN", "SECURITYADMIN", "USERADMIN", "PUBLIC"}
        return set(catalog["databases"]) <= known[0] and {*catalog["roles"], *catalog.get("users", {})} <= known[1]


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


@pytest.mark.parametrize("warehouse", ["Snowflake"], indirect=True)
@pytest.mark.parametrize("style", ["double", "dollar"])
def test_other_quotes_around_the_password(warehouse: Warehouse, style: str) -> None:
    warehouse.tenant.settings(snowflake_password=style)
    steps = script_steps("Snowflake", "create", {**warehouse.defaults, **warehouse.config}, None, Settings(snowflake_password=style))
    with closing(warehouse.connect("")) as connection:
        for step in steps:
            connection.cursor().execute(step.sql)
    assert warehouse.tenant.call("POST", "/integrations", warehouse.payload()).status == 200


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


def test_delete_script_leaves_nothing(warehouse: Warehouse) -> None:
    wanted = warehouse.payload(impersonation={"enabled": True})
    warehouse.set_up(wanted)
    warehouse.tenant.call("POST", "/integrations", wanted)
    assert not warehouse.holds_nothing()
    warehouse.run("delete", "dev", warehouse.payload(**warehouse.tenant.integrations()[0]["config"]))
    assert warehouse.tenant.call("DELETE", "/integrations/1").status == 200
    assert warehouse.holds_nothing()


def test_cleanup_script_takes_back_a_part(warehouse: Warehouse) -> None:
    warehouse.set_up(warehouse.payload(), until=3)
    warehouse.run("cleanup", "dev", warehouse.payload())
    assert warehouse.holds_nothing()


def test_recurring_validation_sees_what_breaks(warehouse: Warehouse) -> None:
    warehouse.set_up(warehouse.payload())
    warehouse.tenant.call("POST", "/integrations", warehouse.payload())
    assert warehouse.tenant.revalidate("1")["status"] == "enabled"
    with closing(warehouse.connect("immuta")) as connection:
        prefix = '"IMMUTA".' if warehouse.type == "Snowflake" else ""
        connection.cursor().execute(f"DELETE FROM {prefix}immuta_system.version")
    degraded = warehouse.tenant.revalidate("1")
    assert degraded["status"] == "recurringValidationError"
    assert "did not run to its end" in str(degraded["validationResults"])


# -- automatic set-up -------------------------------------------------------------------------------------------------


def test_automatic_set_up_makes_a_system_account_and_takes_everything_back(warehouse: Warehouse) -> None:
    wanted = warehouse.automatic(impersonation={"enabled": True})
    assert warehouse.tenant.call("POST", "/integrations?dryRun=true", wanted).status == 200
    assert warehouse.holds_nothing()
    assert warehouse.tenant.call("POST", "/integrations", wanted).status == 200
    assert warehouse.tenant.call("GET", "/integrations/1/status").json()["status"] == "enabled"
    account = warehouse.tenant.integrations()[0]["account"]
    assert warehouse.engine.can_login(account["username"], account["password"])
    assert warehouse.tenant.revalidate("1")["status"] == "enabled"
    assert warehouse.tenant.call("PUT", "/integrations/1", warehouse.automatic()).status == 200
    assert warehouse.tenant.revalidate("1")["status"] == "enabled"
    wrong = {**warehouse.privileged, "password": "wrong"}
    assert refused(warehouse, "DELETE", "/integrations/1", wrong)["name"].endswith("Basic Connection Test")
    assert warehouse.tenant.call("DELETE", "/integrations/1?dryRun=true", warehouse.privileged).status == 200
    assert not warehouse.holds_nothing()
    assert warehouse.tenant.call("DELETE", "/integrations/1", warehouse.privileged).status == 200
    assert warehouse.tenant.call("GET", "/integrations").json() == []
    assert warehouse.holds_nothing()


@pytest.mark.parametrize("warehouse", ["Redshift"], indirect=True)
def test_automatic_clean_up_can_leave_the_database(warehouse: Warehouse) -> None:
    warehouse.tenant.settings(drop_database=False)
    assert warehouse.tenant.call("POST", "/integrations", warehouse.automatic(impersonation={"enabled": True})).status == 200
    assert warehouse.tenant.call("DELETE", "/integrations/1", warehouse.privileged).status == 200
    assert warehouse.tenant.call("GET", "/integrations").json() == []
    catalog = warehouse.engine.catalog()
    assert (catalog["databases"]["immuta"]["schemas"], set(catalog["roles"])) == (["public"], {"awsuser"})


@pytest.mark.parametrize("warehouse", ["Redshift"], indirect=True)
def test_login_through_an_identity_provider_is_set_up_without_a_password(warehouse: Warehouse) -> None:
    okta = {"username": "sys", "password": "at okta", "appId": "a", "idpHost": "i", "role": "r"}
    config = {key: value for key, value in warehouse.config.items() if key not in ("username", "password")}
    wanted = {"type": "Redshift", "autoBootstrap": False, "config": {**config, "authenticationType": "okta", "okta": okta}}
    warehouse.set_up(wanted)
    assert not warehouse.engine.can_login("sys", "at okta", "immuta")
    warehouse.tenant.call("POST", "/integrations", wanted)
    warehouse.run("edit", "immuta", warehouse.payload(), wanted)
    assert warehouse.engine.can_login("sys", PASSWORD, "immuta")


def test_automatic_set_up_wants_a_new_database(warehouse: Warehouse) -> None:
    warehouse.set_up(warehouse.payload())
    failed = refused(warehouse, "POST", "/integrations", warehouse.automatic())
    assert failed["name"].endswith("Database Does Not Exist")
    assert warehouse.tenant.integrations() == []


@pytest.mark.parametrize("warehouse", ["Snowflake"], indirect=True)
def test_automatic_set_up_wants_a_new_impersonation_role(warehouse: Warehouse) -> None:
    wanted = warehouse.automatic(impersonation={"enabled": True, "role": "USERADMIN"})
    assert refused(warehouse, "POST", "/integrations", wanted)["name"] == "Validate Automatic: Impersonation Role Does Not Exist"
    assert warehouse.holds_nothing()


@pytest.mark.parametrize("warehouse", ["Redshift"], indirect=True)
def test_automatic_set_up_that_breaks_is_a_create_error_that_delete_cleans_up(warehouse: Warehouse) -> None:
    with closing(warehouse.connect("dev")) as connection:
        connection.cursor().execute('CREATE GROUP "act_as"')  # in the way of the one that the script makes late
    wanted = warehouse.automatic(impersonation={"enabled": True, "role": "act_as"})
    assert warehouse.tenant.call("POST", "/integrations", wanted).status == 200
    found = warehouse.tenant.call("GET", "/integrations/1").json()
    assert found["status"] == "createError"
    (failed,) = found["validationResults"]["validationTests"]
    assert failed["message"].startswith("Statement ")
    assert "already exists" in failed["message"]
    assert warehouse.tenant.call("DELETE", "/integrations/1", warehouse.privileged).status == 200
    assert warehouse.tenant.call("GET", "/integrations").json() == []
    assert warehouse.holds_nothing()


@pytest.mark.parametrize("warehouse", ["Redshift"], indirect=True)
def test_creation_that_made_nothing_can_be_deleted(warehouse: Warehouse) -> None:
    account = {"authenticationType": "userPassword", "username": "limited", "password": "Limited1"}
    with closing(warehouse.connect("dev")) as connection:
        connection.cursor().execute("CREATE USER limited PASSWORD 'Limited1'")
    wanted = {**warehouse.payload(**account), "autoBootstrap": True}
    assert warehouse.tenant.call("POST", "/integrations", wanted).status == 200
    found = warehouse.tenant.call("GET", "/integrations/1").json()
    assert (found["status"], "permission denied" in str(found["validationResults"])) == ("createError", True)
    assert warehouse.tenant.call("DELETE", "/integrations/1", account).status == 200
    assert warehouse.tenant.call("GET", "/integrations").json() == []
    with closing(warehouse.connect("dev")) as connection:
        connection.cursor().execute("DROP USER limited")


def test_unreachable_warehouse_is_a_failed_connection_test(warehouse: Warehouse) -> None:
    place = {"host": warehouse.config["host"], "type": warehouse.type, "address": "127.0.0.1", "port": 9}
    warehouse.tenant.warehouses([place])
    failed = refused(warehouse, "POST", "/integrations", warehouse.payload())
    assert failed["name"] == "Initial Validation: Basic Connection Test"


def test_login_that_the_engines_do_not_have_is_skipped(warehouse: Warehouse) -> None:
    if warehouse.type == "Redshift":
        okta = {"username": "u", "password": "p", "appId": "a", "idpHost": "i", "role": "r"}
        wanted = warehouse.payload(authenticationType="okta", okta=okta)
    else:
        wanted = warehouse.payload(authenticationType="oAuthClientCredentials", oAuthClientConfig={"clientId": "c"})
    tests = warehouse.tenant.call("POST", "/integrations?dryRun=true", wanted).json()["validationResults"]["validationTests"]
    assert {test["status"] for test in tests} == {"skipped"}


def test_second_script_can_wait_until_the_first_really_ran(tenant: Simulator, redshift: RedshiftEngine) -> None:
    place = {"host": "cluster", "type": "Redshift", "address": redshift.host, "port": redshift.port}
    tenant.warehouses([{**place, "login": {"username": redshift.admin_user, "password": redshift.admin_password}}])
    tenant.settings(script_order="ran")
    config = {"host": "cluster", "database": "immuta", "initialDatabase": "dev", "authenticationType": "userPassword", "username": "u", "password": "p"}
    wanted = {"type": "Redshift", "autoBootstrap": False, "config": config}
    assert tenant.call("POST", "/integrations/scripts/initial-create", wanted).status == 200
    assert tenant.call("POST", "/integrations/scripts/create", wanted).status == 400
    with closing(redshift.connect()) as connection:
        connection.cursor().execute("CREATE DATABASE immuta")
    assert tenant.call("POST", "/integrations/scripts/create", wanted).status == 200
    with closing(redshift.connect()) as connection:
        connection.cursor().execute("DROP DATABASE immuta")


@pytest.mark.parametrize("place", [{"host": "h"}, {"host": "h", "type": "Redshift", "address": "a", "port": 1, "colour": "red"}])
def test_bad_warehouse_is_refused(tenant: Simulator, place: dict[str, Any]) -> None:
    with pytest.raises(SimulatorError, match="a warehouse is"):
        tenant.warehouses([place])
