# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's scripts for Databricks, Azure Synapse and connections, run by immuta_sql_script's own runner on the engines.

The tenant accepts what was really set up and nothing else; the engine's catalogue says what came and went.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import StatementFailed
from ansible_collections.community.immuta.plugins.module_utils._sql.runner import run_script
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat
from engines import DatabricksEngine, SnowflakeEngine, SynapseEngine
from immuta_simulator import Simulator

WRONG = "not the password"
SYNAPSE = "Azure Synapse Analytics"


@dataclass
class Options:
    """A task of immuta_sql_script, as far as its runner looks at it."""

    params: dict[str, Any]
    check_mode: bool = False

    def warn(self, text: str) -> None:
        """Nothing to tell."""

    def register_secrets(self, *values: str) -> None:
        """Nothing is shown."""


@dataclass
class Operator:
    """One platform in the hands of somebody who runs scripts on it. payload: what the tenant is asked for."""

    tenant: Simulator
    engine: Any
    payload: dict[str, Any]

    def with_(self, **config: Any) -> dict[str, Any]:
        return {**self.payload, "config": {**self.payload["config"], **config}}

    def script(self, action: str, payload: dict[str, Any] | None = None, id_: str = "") -> str:
        reply = self.tenant.call("POST", f"/integrations/{id_ and id_ + '/'}scripts/{action}", payload)
        assert reply.status == 200, reply.text
        return reply.text

    def run(self, script: str, purpose: str = "setup", *, database: str = "", on_error: str = "stop") -> dict[str, Any]:
        login = {**self.engine.login, **({"database": database} if database else {})}
        times = {"start_at": 1, "connect_timeout": 10, "statement_timeout": 30}
        return run_script(Options({"type": self.payload["type"], "script": script, "purpose": purpose, "login": login, "on_error": on_error, **times}))

    def refused(self, path: str, payload: dict[str, Any], method: str = "POST") -> tuple[str, str]:
        """Name and message of the test that failed in a 422; and a dry run fails just so."""
        found = []
        for query in ("?dryRun=true", ""):
            reply = self.tenant.call(method, path + query, payload)
            assert reply.status == 422, reply.text
            assert reply.json()["message"].startswith("Validation of prerequisite setup failed.")
            found.append(next(test for test in reply.json()["validationResults"]["validationTests"] if test["status"] == "failed"))
        assert found[0] == found[-1]
        return found[0]["name"], found[0]["message"]

    def status(self, id_: str) -> str:
        return str(self.tenant.call("GET", f"/integrations/{id_}/status").json()["status"])

    def register(self, payload: dict[str, Any]) -> str:
        """The id of what is enabled then, every test having passed."""
        reply = self.tenant.call("POST", "/integrations", payload)
        assert reply.status == 200, reply.text
        assert {test["status"] for test in reply.json()["validationResults"]["validationTests"]} == {"passed"}
        id_ = str(reply.json()["id"])
        assert self.status(id_) == "enabled"
        return id_


# -- Azure Synapse ----------------------------------------------------------------------------------------------------


@pytest.fixture
def on_synapse(tenant: Simulator, synapse: SynapseEngine, new: str, nasty: str) -> Operator:
    account = {"authenticationType": "userPassword", "username": f"{new}_sys", "password": nasty}
    place = {"host": synapse.host, "port": synapse.port, "database": synapse.database, "schema": f"{new} views"}
    return Operator(tenant, synapse, {"type": SYNAPSE, "autoBootstrap": False, "config": {**place, **account}})


def test_synapse_from_the_first_script_to_the_last(on_synapse: Operator, nasty: str) -> None:
    before, wanted, pool = on_synapse.engine.catalog(), on_synapse.payload, on_synapse.engine.database
    user = wanted["config"]["username"]
    assert "Login failed" in on_synapse.refused("/integrations", wanted)[1]
    on_synapse.run(on_synapse.script("initial-create", wanted), database="master")
    assert on_synapse.refused("/integrations", wanted)[0].endswith("Basic Connection Test")
    on_synapse.run(on_synapse.script("create", wanted), database=pool)
    assert on_synapse.engine.can_login(user, nasty, pool)
    assert on_synapse.refused("/integrations", on_synapse.with_(password=WRONG))[0].endswith("Basic Connection Test")
    id_ = on_synapse.register(wanted)

    edited = on_synapse.with_(impersonation={"enabled": True, "role": "act as"})
    assert "act as" in on_synapse.refused(f"/integrations/{id_}", edited, "PUT")[1]
    on_synapse.run(on_synapse.script("edit", edited, id_), "edit", database=pool)
    assert on_synapse.tenant.call("PUT", f"/integrations/{id_}", edited).status == 200
    assert "act as" in on_synapse.engine.catalog()["databases"][pool]["roles"]
    assert on_synapse.tenant.revalidate(id_)["status"] == "enabled"

    on_synapse.run(on_synapse.script("delete", id_=id_), "cleanup", database=pool)
    assert on_synapse.tenant.revalidate(id_)["status"] == "recurringValidationError"
    assert on_synapse.tenant.call("DELETE", f"/integrations/{id_}").status == 200
    left = on_synapse.engine.catalog()
    assert left["databases"] == before["databases"]
    assert set(left["logins"]) - set(before["logins"]) == {user}, "a pool cannot drop a login"
    on_synapse.run(on_synapse.script("cleanup", wanted), "cleanup", database="master")
    assert on_synapse.engine.catalog() == before


def test_synapse_set_up_that_broke_is_taken_back_by_two_scripts(on_synapse: Operator) -> None:
    before, wanted, pool = on_synapse.engine.catalog(), on_synapse.payload, on_synapse.engine.database
    on_synapse.tenant.settings(script_tampering={"create": {"kind": "break", "statement": 9}})
    on_synapse.run(on_synapse.script("initial-create", wanted), database="master")
    with pytest.raises(StatementFailed):
        on_synapse.run(on_synapse.script("create", wanted), "any", database=pool)
    assert "immuta_system" in on_synapse.engine.catalog()["databases"][pool]["schemas"]
    assert "is empty" in on_synapse.refused("/integrations", wanted)[1]
    on_synapse.run(on_synapse.script("cleanup", wanted), "cleanup", database="master", on_error="continue")
    on_synapse.run(on_synapse.script("post-cleanup", wanted), "cleanup", database=pool, on_error="continue")
    assert on_synapse.engine.catalog() == before


def test_synapse_is_set_up_and_taken_back_by_the_tenant(on_synapse: Operator) -> None:
    before, engine = on_synapse.engine.catalog(), on_synapse.engine
    privileged = {"authenticationType": "userPassword", "username": engine.admin_user, "password": engine.admin_password}
    wanted = {**on_synapse.with_(**privileged, impersonation={"enabled": True}), "autoBootstrap": True}
    id_ = on_synapse.register(wanted)
    account = on_synapse.tenant.integrations()[0]["account"]
    assert engine.can_login(account["username"], account["password"], engine.database)
    assert on_synapse.tenant.revalidate(id_)["status"] == "enabled"
    assert on_synapse.tenant.call("DELETE", f"/integrations/{id_}", privileged).status == 200
    assert engine.catalog() == before


def test_second_synapse_script_waits_for_the_login(on_synapse: Operator) -> None:
    engine, wanted = on_synapse.engine, on_synapse.payload
    place = {"host": engine.host, "type": SYNAPSE, "address": engine.host, "port": engine.port}
    on_synapse.tenant.warehouses([{**place, "login": {"username": engine.admin_user, "password": engine.admin_password}}])
    on_synapse.tenant.settings(script_order="ran")
    first = on_synapse.script("initial-create", wanted)
    assert on_synapse.tenant.call("POST", "/integrations/scripts/create", wanted).status == 400
    on_synapse.run(first, database="master")
    assert on_synapse.tenant.call("POST", "/integrations/scripts/create", wanted).status == 200
    on_synapse.run(on_synapse.script("cleanup", wanted), "cleanup", database="master")


# -- Databricks -------------------------------------------------------------------------------------------------------

WORKSPACE = "www.example-workspace.cloud.databricks.com"


def at(engine: DatabricksEngine) -> list[dict[str, Any]]:
    return [{"host": WORKSPACE, "type": "Databricks", "address": engine.host, "port": engine.port}]


def client(found: dict[str, str], **more: Any) -> dict[str, Any]:
    secret = {"useCertificate": False, "clientId": found["client_id"], "clientSecret": found["client_secret"], "scope": "all-apis"}
    return {"authenticationType": "oAuthM2M", "oAuthClientConfig": {**secret, **more}}


@pytest.fixture(params=["oAuthM2M", "token"])
def on_databricks(request: pytest.FixtureRequest, tenant: Simulator, databricks: DatabricksEngine, new: str) -> Operator:
    tenant.warehouses(at(databricks))
    principal = databricks.add_principal("service_principal")
    sign_in = client(principal) if request.param == "oAuthM2M" else {"authenticationType": "token", "token": principal["token"]}
    tenant.settings(databricks_principal=principal["name"] if request.param == "token" else "nobody")
    config = {"workspaceUrl": WORKSPACE, "httpPath": databricks.http_path, "catalog": new, **sign_in}
    return Operator(tenant, databricks, {"type": "Databricks", "autoBootstrap": False, "config": config})


def wrong(config: dict[str, Any]) -> dict[str, Any]:
    if config["authenticationType"] == "token":
        return {"token": WRONG}
    return {"oAuthClientConfig": {**config["oAuthClientConfig"], "clientSecret": WRONG}}


def test_databricks_from_the_first_script_to_the_last(on_databricks: Operator) -> None:
    before, wanted = on_databricks.engine.catalog(), on_databricks.payload
    catalog = wanted["config"]["catalog"]
    assert f"Catalogs not found: {catalog}" in on_databricks.refused("/integrations", wanted)[1]
    on_databricks.run(on_databricks.script("create", wanted))
    name, message = on_databricks.refused("/integrations", on_databricks.with_(**wrong(wanted["config"])))
    assert (name, message.startswith("HTTP 40")) == ("Metastore validation", True)
    id_ = on_databricks.register(wanted)

    edited = on_databricks.with_(audit={"enabled": True})
    assert "system" in on_databricks.refused(f"/integrations/{id_}", edited, "PUT")[1]
    on_databricks.run(on_databricks.script("edit", edited, id_), "edit")
    assert on_databricks.tenant.call("PUT", f"/integrations/{id_}", edited).status == 200
    assert on_databricks.tenant.revalidate(id_)["status"] == "enabled"

    on_databricks.run(on_databricks.script("delete", id_=id_), "cleanup")
    assert on_databricks.tenant.call("DELETE", f"/integrations/{id_}").status == 200
    assert on_databricks.engine.catalog() == before


@pytest.mark.parametrize("on_databricks", ["oAuthM2M"], indirect=True)
def test_databricks_scripts_that_did_not_end_are_not_enough(on_databricks: Operator) -> None:
    script = on_databricks.script("create", on_databricks.payload)
    granted = script.index("-- The service principal may")
    last = script.index("-- The last statement")
    for part, message in ((script[:granted], "cannot|not found"), (script[granted:last], "is empty")):
        on_databricks.run(part)
        assert re.search(message, on_databricks.refused("/integrations", on_databricks.payload)[1])
    on_databricks.run(f"DROP CATALOG `{on_databricks.payload['config']['catalog']}` CASCADE", "cleanup")


def test_databricks_is_set_up_and_taken_back_by_the_tenant(tenant: Simulator, databricks: DatabricksEngine, new: str) -> None:
    tenant.warehouses(at(databricks))
    admin = client({"client_id": databricks.admin_user, "client_secret": databricks.admin_password})
    config = {"workspaceUrl": WORKSPACE, "httpPath": databricks.http_path, "catalog": new, "audit": {"enabled": True}, **admin}
    before, operator = databricks.catalog(), Operator(tenant, databricks, {"type": "Databricks", "autoBootstrap": True, "config": config})
    id_ = operator.register(operator.payload)
    assert new in databricks.catalog()["catalogs"]
    assert tenant.call("PUT", f"/integrations/{id_}", operator.with_(audit={"enabled": False})).status == 200
    assert tenant.revalidate(id_)["status"] == "enabled"
    assert tenant.call("DELETE", f"/integrations/{id_}").status == 200
    assert databricks.catalog() == before
    blocked = operator.with_(catalog="main")
    taken = tenant.call("POST", "/integrations", blocked).json()["id"]
    assert operator.status(str(taken)) == "createError"
    assert "already exists" in str(tenant.call("GET", f"/integrations/{taken}").json()["validationResults"])


def test_databricks_edit_scripts_are_the_tenants_to_give(tenant: Simulator) -> None:
    config = {"workspaceUrl": WORKSPACE, "httpPath": "/sql/1.0/warehouses/a", "authenticationType": "token", "token": "t"}
    seeded = {"type": "Databricks", "autoBootstrap": False, "config": config}
    id_ = tenant.seed(seeded)
    for switch, statuses in ((True, (200, 200)), ("delete", (400, 200)), (False, (400, 400))):
        tenant.settings(databricks_scripts=switch)
        answers = (tenant.call("POST", f"/integrations/{id_}/scripts/{action}", body) for action, body in (("edit", seeded), ("delete", None)))
        assert tuple(answer.status for answer in answers) == statuses


@pytest.mark.parametrize("given", [True, False])
def test_force_needs_no_script_and_the_tenant_may_still_give_it(tenant: Simulator, given: bool) -> None:
    account = {"authenticationType": "userPassword", "username": "u", "password": "p"}
    config = {"host": "pool.sql.azuresynapse.net", "database": "pool", "schema": "views", **account}
    id_ = tenant.seed({"type": SYNAPSE, "autoBootstrap": False, "config": config})
    tenant.settings(disabled_scripts=given, unknown_hosts="fail")
    assert tenant.call("DELETE", f"/integrations/{id_}?forceDisable=true").status == 200
    assert tenant.call("GET", f"/integrations/{id_}/status").json()["status"] == "disabled"
    reply = tenant.call("POST", f"/integrations/{id_}/scripts/delete")
    assert (reply.status, "DROP USER [u]" in reply.text) == ((200, True) if given else (409, False))


# -- connections ------------------------------------------------------------------------------------------------------


def register(operator: Operator, connection: dict[str, Any], payload: dict[str, Any] | None = None) -> Any:
    """POST /data/connection, and its test before; the integration behind it is the operator's payload."""
    native = dict(payload or operator.payload)
    if native["type"] == "Databricks":
        moved = {"host" if name == "workspaceUrl" else name: value for name, value in native["config"].items() if name != "httpPath"}
        native |= {"unityCatalog": True, "config": {**moved, "port": 443}}
    body = {"connectionKey": "over-there", "connection": {"technology": native["type"], **connection}, "nativeIntegration": native}
    tested, reply = (operator.tenant.call("POST", f"/data/connection{path}", body) for path in ("/test", ""))
    assert tested.status == reply.status
    return reply


def failed_test(reply: Any) -> tuple[str, str]:
    assert reply.status == 422, reply.text
    found = next(test for test in reply.json()["validationResults"]["validationTests"] if test["status"] == "failed")
    return found["name"], found["message"]


def take_back(operator: Operator) -> None:
    """The script first, then the connection, then what is on the platform."""
    native = operator.tenant.call("GET", "/data/connection/over-there").json()["nativeIntegrationId"]
    script = operator.script("delete", id_=str(native))
    before = operator.engine.catalog()
    assert operator.tenant.call("DELETE", "/data/object/over-there").status == 200
    assert operator.engine.catalog() == before
    assert operator.tenant.call("GET", "/integrations").json() == []
    assert operator.tenant.call("POST", f"/integrations/{native}/scripts/delete").status == 404
    operator.run(script, "cleanup")


@pytest.fixture(scope="module")
def key_pair() -> tuple[str, str]:
    """A private key in PEM, and the public one as Snowflake wants it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open it")).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, "".join(public.splitlines()[1:-1])


@pytest.mark.parametrize("by", ["userPassword", "keyPair"])
def test_snowflake_connection_from_the_operators_account_to_its_end(
    tenant: Simulator, snowflake: SnowflakeEngine, new: str, nasty: str, key_pair: tuple[str, str], by: str
) -> None:
    host = f"{snowflake.account}.us-east-1.snowflakecomputing.com"
    tenant.warehouses([{"host": host, "type": "Snowflake", "address": snowflake.host, "port": snowflake.port, "account": snowflake.account}])
    tenant.settings(data_api="on", snowflake_account="given")
    user, role, secret = f"{new}_user".upper(), f"{new}_role".upper(), nasty.replace("\\", "\\\\").replace("'", "\\'")
    key = {"keyName": "PRIV_KEY_FILE", "userFilename": "key.p8", "content": key_pair[0]}
    proof = {"password": nasty} if by == "userPassword" else {"privateKey": key, "privateKeyPassword": "open it"}
    sign_in = {"authenticationType": by, "username": user, **proof}
    wrong = {"password": WRONG} if by == "userPassword" else {"privateKeyPassword": WRONG}
    config = {"host": host, "warehouse": snowflake.warehouse, "database": new.upper(), **sign_in}
    operator = Operator(tenant, snowflake, {"type": "Snowflake", "autoBootstrap": False, "config": config})
    connection = {"hostname": host, "warehouse": snowflake.warehouse, "role": role, **sign_in}

    made_by = f"password='{secret}'" if by == "userPassword" else f"rsa_public_key='{key_pair[1]}'"
    operator.run(
        f"CREATE ROLE {role}; CREATE USER {user} {made_by} default_role={role};"
        f"GRANT ROLE {role} TO USER {user}; GRANT USAGE ON WAREHOUSE {snowflake.warehouse} TO ROLE {role};"
    )
    before = snowflake.catalog()
    assert f"Roles of the system account not found: {new}_system" in failed_test(register(operator, connection))[1]
    script = operator.script("create", operator.payload)
    assert "CREATE USER" not in script
    operator.run(script)
    assert failed_test(register(operator, {**connection, **wrong}))[0] == "Connection: Basic Connection Test"
    assert failed_test(register(operator, connection, operator.with_(**wrong)))[0].endswith("Basic Connection Test")
    assert "not granted" in failed_test(register(operator, {**connection, "role": "ACCOUNTADMIN"}))[1]
    assert register(operator, connection).status == 200
    assert [each["status"] for each in tenant.call("GET", "/integrations").json()] == ["enabled"]
    for changed, status in ((wrong, 422), ({}, 200)):
        changed_connection = {"technology": "Snowflake", **connection, **changed}
        assert tenant.call("PUT", "/data/connection/over-there", {"connection": changed_connection}).status == status
    take_back(operator)
    assert snowflake.catalog() == before
    operator.run(f"DROP USER {user}; DROP ROLE {role};", "cleanup")


def test_snowflake_connection_needs_the_account_that_its_script_grants_to(tenant: Simulator, snowflake: SnowflakeEngine, new: str) -> None:
    tenant.settings(data_api="on", snowflake_account="given")
    account = {"authenticationType": "userPassword", "username": f"{new}_user".upper(), "password": "p"}
    config = {"host": snowflake.host, "port": snowflake.port, "warehouse": snowflake.warehouse, "database": new.upper(), **account}
    operator = Operator(tenant, snowflake, {"type": "Snowflake", "autoBootstrap": False, "config": config})
    before = snowflake.catalog()
    with pytest.raises(StatementFailed) as failed:
        operator.run(operator.script("create", operator.payload))
    assert failed.value.facts["failed_statement"]["verb"] == "GRANT"
    operator.run(operator.script("cleanup", operator.payload), "cleanup")
    assert snowflake.catalog() == before


def test_databricks_connection_from_its_script_to_its_end(on_databricks: Operator) -> None:
    tenant, wanted = on_databricks.tenant, on_databricks.payload["config"]
    tenant.settings(data_api="on")
    before = on_databricks.engine.catalog()
    sign_in = {name: value for name, value in wanted.items() if name in ("authenticationType", "token", "oAuthClientConfig")}
    connection = {"hostname": WORKSPACE, "port": 443, "httpPath": wanted["httpPath"], **sign_in}
    assert "Catalogs not found" in failed_test(register(on_databricks, connection))[1]
    on_databricks.run(on_databricks.script("create", on_databricks.payload))
    bad = wrong(wanted)
    assert failed_test(register(on_databricks, {**connection, **bad}))[0] == "Connection: Basic Connection Test"
    assert failed_test(register(on_databricks, connection, on_databricks.with_(**bad)))[0] == "Metastore validation"
    assert register(on_databricks, connection).status == 200
    assert [each["status"] for each in tenant.call("GET", "/integrations").json()] == ["enabled"]
    take_back(on_databricks)
    assert on_databricks.engine.catalog() == before
