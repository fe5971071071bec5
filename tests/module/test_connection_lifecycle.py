# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a connection of every technology and authentication type, task by task, and the same once more when nothing may be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.lives import assert_predicted, fields_of, secrets_of, steps_of
from support.tasks import Play, Record, replaced
from support.wire_log import conversations, sent

CONNECTION = "community.immuta.immuta_connection"
KEY = "acme-prod"
SECRET = "a s3cret, wh4t else"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIBvgIBADANBgkqhkiG9w0BAQEFAASCAagw\n-----END PRIVATE KEY-----\n"
#: present secret -> the one after a rotation
NEW_SECRETS = {SECRET: "an0ther s3cret", PEM: PEM.replace("MIIBvg", "MIIBvw")}
SNOWFLAKE_HOST = "acme.eu.snowflakecomputing.com"
DATABRICKS_HOST = "acme.cloud.databricks.com"


@dataclass(frozen=True)
class Life:
    """One technology with one way to sign in. missing: an option without which nothing is sent; update: what is changed of the
    connection later, and how that is told; secrets: what of C(connection) goes along with an update; children, tables: what is in it."""

    technology: str
    connection: dict[str, Any]
    native: dict[str, Any] = field(default_factory=dict)
    missing: str = ""
    update: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    children: int = 9
    tables: int = 4

    @property
    def task(self) -> dict[str, Any]:
        parts = {"settings": {"is_active": False}, "options": {"force_recursive_crawl": True}}
        native = {"native_integration": self.native} if self.native else {}
        return {"connection_key": KEY, "connection": {"technology": self.technology, **self.connection}, **native, **parts, "wait_interval": 0.05}

    @property
    def without(self) -> dict[str, Any]:
        left = {name: value for name, value in self.task["connection"].items() if name != self.missing}
        return {**self.task, "connection": left}

    @property
    def changed(self) -> dict[str, Any]:
        """Another setting of the connection, and activated."""
        return {**self.task, "connection": {**self.task["connection"], **self.update}, "settings": {"is_active": True}}


def snowflake(missing: str, secrets: tuple[str, ...], **sign_in: Any) -> Life:
    return Life(
        "Snowflake",
        {"hostname": SNOWFLAKE_HOST, "warehouse": "WH", "role": "IMMUTA", **sign_in},
        {
            "type": "Snowflake",
            "auto_bootstrap": False,
            "config": {"host": SNOWFLAKE_HOST, "warehouse": "WH", "database": "IMMUTA", "audit": {"enabled": True}, **sign_in},
        },
        missing=missing,
        update={"role": "OTHER"},
        changes={"connection.role": ("IMMUTA", "OTHER")},
        secrets=secrets,
    )


def databricks(missing: str, secrets: tuple[str, ...], **sign_in: Any) -> Life:
    return Life(
        "Databricks",
        {"hostname": DATABRICKS_HOST, "http_path": "sql/1", **sign_in},
        {
            "type": "Databricks",
            "auto_bootstrap": False,
            "unity_catalog": True,
            "config": {"host": DATABRICKS_HOST, "port": 443, "catalog": "immuta", "audit": {"enabled": True}, "group_pattern": {"deny": "exempt"}, **sign_in},
        },
        missing=missing,
        update={"http_path": "sql/2"},
        changes={"connection.http_path": ("sql/1", "sql/2")},
        secrets=secrets,
    )


CLIENT = {"use_certificate": False, "client_id": "i", "client_secret": SECRET, "scope": "all-apis", "authority_url": "https://login.example.com"}
KEY_FILE = {"key_name": "PRIV_KEY_FILE", "user_filename": "immuta.p8", "content": PEM}
LIVES = {
    "Snowflake, password": snowflake("warehouse", ("connection.password",), authentication_type="userPassword", username="immuta", password=SECRET),
    "Snowflake, key": snowflake("username", ("connection.private_key.content",), authentication_type="keyPair", username="immuta", private_key=KEY_FILE),
    "Snowflake, OAuth": snowflake(
        "authentication_type", ("connection.oauth_client_config.client_secret",), authentication_type="oAuthClientCredentials", oauth_client_config=CLIENT
    ),
    "Databricks, token": databricks("http_path", ("connection.token",), authentication_type="token", token=SECRET),
    "Databricks, OAuth": databricks("http_path", ("connection.oauth_client_config.client_secret",), authentication_type="oAuthM2M", oauth_client_config=CLIENT),
    "Lake Formation": Life(
        "Glue",
        {"extra": {"region": "eu-west-1", "accessKeyId": "AKIAEXAMPLE", "secretAccessKey": SECRET}},
        missing="technology",
        update={"extra": {"region": "eu-west-2", "accessKeyId": "AKIAEXAMPLE", "secretAccessKey": SECRET}},
        changes={"connection.extra.region": ("eu-west-1", "eu-west-2")},
        secrets=("connection.extra.accessKeyId", "connection.extra.secretAccessKey"),
        children=5,
        tables=3,
    ),
}
ACTIVE = {"settings.is_active": (False, True)}


@pytest.fixture(params=LIVES.values(), ids=LIVES)
def life(request: pytest.FixtureRequest) -> Life:
    found: Life = request.param
    return found


@pytest.fixture
def tenant(tenant: Simulator) -> Simulator:
    tenant.settings(data_api="on")
    return tenant


def tasks_of(life: Life) -> list[dict[str, Any]]:
    """missing option, check-create, create, again, check-update, update, again, rotate, again, check-delete, delete, again."""
    absent = {"connection_key": KEY, "state": "absent", "wait_interval": 0.05}
    steps = [("missing", life.without)]
    steps += [(name, life.task) for name in ("check-create", "create", "again created")]
    steps += [(name, life.changed) for name in ("check-update", "update", "again updated")]
    rotated = {**life.changed, "connection": replaced(life.changed["connection"], NEW_SECRETS)}
    steps += [("rotate", {**rotated, "update_secrets": "always"}), ("again rotated", rotated)]
    steps += [(name, absent) for name in ("check-delete", "delete", "again deleted")]
    return steps_of(CONNECTION, steps)


def test_the_whole_life(life: Life, direct: Callable[..., Play], tenant: Simulator) -> None:
    played = direct(tasks_of(life), diff=True).ok
    check_create(life, played)
    check_update(life, played)
    check_rotate(life, played)
    check_delete(life, played)
    assert tenant.stored_connections() == []
    assert {item["status"] for item in tenant.integrations()} <= {"deleted"}
    check_requests(life, tenant)
    assert not [secret for secret in (SECRET, *NEW_SECRETS.values(), "PRIVATE KEY") if secret in played.output]


def check_create(life: Life, played: Play) -> None:
    assert played["missing"].failed
    assert played["missing"]["option"] == f"connection.{life.missing}"
    created, again = played["create"], played["again created"]
    assert (created["changed"], created["action"], created["adopted"], created["healthy"]) == (True, "created", False, None)
    assert created["validation"]["status"] == "passed"
    assert (created["connection"]["connectionKey"], created["connection"]["connection"]["technology"]) == (KEY, life.technology)
    assert (created["object"]["objectPath"], created["object"]["state"]) == ([KEY], "inactive")
    assert created["native_integration_id"] == ("1" if life.native else None)
    assert created["diff"]["before"] == {}
    natives = {name.replace("connection.", "native_integration.config.") for name in life.secrets} if life.native else set()
    assert secrets_of(created) == {*life.secrets, *natives}
    assert_predicted(played["check-create"], created)
    assert played["check-create"]["validation"] == created["validation"]
    assert_unchanged(again, created)


def assert_unchanged(again: Record, before: Record) -> None:
    assert (again["changed"], again["action"], again["changes"], again["changed_reason"]) == (False, "unchanged", [], "")
    assert again["validation"] == {"status": "not_asked", "tests": []}
    assert again["diff"]["before"] == again["diff"]["after"]
    for key in ("connection", "object", "native_integration_id", "healthy"):
        assert again[key] == before[key]


def check_update(life: Life, played: Play) -> None:
    updated, again = played["update"], played["again updated"]
    assert (updated["changed"], updated["action"], updated["healthy"]) == (True, "updated", True)
    assert fields_of(updated) == {**life.changes, **ACTIVE, **dict.fromkeys(life.secrets, (None, None))}
    assert secrets_of(updated) == set(life.secrets)
    assert updated["changed_reason"] == "differs: " + ", ".join([*life.changes, *ACTIVE])
    assert updated["diff"]["before"] != updated["diff"]["after"]
    assert updated["object"]["state"] == "active"
    assert_predicted(played["check-update"], updated)
    assert_unchanged(again, updated)


def check_rotate(life: Life, played: Play) -> None:
    rotated, again = played["rotate"], played["again rotated"]
    assert (rotated["changed"], rotated["action"], rotated["changed_reason"]) == (True, "updated", "update_secrets is always")
    assert fields_of(rotated) == dict.fromkeys(life.secrets, (None, None))
    assert_unchanged(again, rotated)


def check_delete(life: Life, played: Play) -> None:
    checked, deleted, again = played["check-delete"], played["delete"], played["again deleted"]
    for record in (checked, deleted):
        assert (record["changed"], record["action"], record["child_count"], record["healthy"]) == (True, "deleted", life.children, None)
        assert record["diff"]["after"] == {}
        assert (record["diff"]["before"]["connection_key"], record["diff"]["before"]["child_count"]) == (KEY, life.children)
    assert (checked["data_source_count"], deleted["data_source_count"]) == (life.tables, None)
    assert checked["native_integration_id"] == deleted["native_integration_id"] == ("1" if life.native else None)
    assert set(checked.result) == set(deleted.result)
    assert (again["changed"], again["action"], again["connection"], again["object"]) == (False, "unchanged", {}, {})


def check_requests(life: Life, tenant: Simulator) -> None:
    """One conversation a task. What writes stands in the three real ones only, in this order, each after its look."""
    writes = [[line.partition("?")[0] for line in talk if not line.startswith("GET ")] for talk in conversations(tenant)]
    test = "POST /data/connection/test"
    counting = [line for line in writes[-3] if line.startswith(f"POST /data/object/search/{KEY}")]
    put, override = f"PUT /data/connection/{KEY}", f"PUT /data/settings/{KEY}"
    # before an activation one look counts what is in it
    count = f"POST /data/object/search/{KEY}"
    assert writes == [
        [],
        [test],
        [test, "POST /data/connection"],
        [],
        [count],
        [count, put, override],
        [],
        [put],
        [],
        counting,
        [f"DELETE /data/object/{KEY}"],
        [],
    ]
    assert all(talk[:2] == [f"GET /data/connection/{KEY}", f"GET /data/object/{KEY}"] for talk in conversations(tenant))
    updated, rotated = map(json.loads, sent(tenant, "PUT", f"/data/connection/{KEY}"))
    assert set(updated) == set(rotated) == {"connection"}
    assert replaced(updated, NEW_SECRETS) == rotated != updated
    assert [json.loads(body) for body in sent(tenant, "PUT", f"/data/settings/{KEY}")] == [{"settings": {"isActive": True}}]


@pytest.fixture(scope="session")
def empty_tenant() -> Iterator[Simulator]:
    with Simulator(refuse_writes=True, data_api="on") as running:
        yield running


def test_the_whole_life_under_check(life: Life, direct: Callable[..., Play], tenant: Simulator, empty_tenant: Simulator) -> None:
    """Against a tenant that has it, and against one that has nothing. Both refuse to write."""
    empty_tenant.reset()
    tasks = [task for task in tasks_of(life) if task["name"] in ("create", "update", "delete")]
    assert direct(tasks[:1]).ok["create"]["changed"]
    tenant.settings(refuse_writes=True)
    tenant.clear_log()
    before = tenant.stored_connections(), tenant.integrations()
    elsewhere = {"IMMUTA_URL": empty_tenant.url, "IMMUTA_API_KEY": empty_tenant.api_key}
    tasks += [{**task, "name": f"{task['name']} nothing", "environment": elsewhere} for task in tasks]
    played = direct(tasks, check=True, diff=True).ok
    expected = {
        "create": ("unchanged", False),
        "update": ("updated", True),
        "delete": ("deleted", True),
        "create nothing": ("created", True),
        "update nothing": ("created", True),
        "delete nothing": ("unchanged", False),
    }
    assert {record.name: (record["action"], record["changed"]) for record in played} == expected
    assert played["delete"]["child_count"] == life.children
    assert tenant.writes() == empty_tenant.writes() == []
    assert len(conversations(tenant)) == len(conversations(empty_tenant)) == len(tasks) / 2
    assert (tenant.stored_connections(), tenant.integrations()) == before
    assert empty_tenant.stored_connections() == empty_tenant.integrations() == []


FORMS: list[dict[str, Any]] = [
    {"connection_secrets": "[REDACTED]", "undocumented_redaction": "absent"},
    {"connection_secrets": "<REDACTED>", "search_form": "hits", "jobs_form": "list"},
    {"connection_secrets": "parents", "connection_test": False},
    {"bulk_ids": False, "transitions": "polls:2"},
    {"jobs_api": "403"},
    {"jobs": "polls:3"},
    {"jobs": "seconds:0.2", "bulk_ids": False},
]


@pytest.mark.parametrize("form", FORMS, ids=", ".join)
@pytest.mark.parametrize("name", ["Snowflake, key", "Databricks, OAuth"])
def test_a_tenant_may_answer_in_other_forms(form: dict[str, Any], name: str, direct: Callable[..., Play], tenant: Simulator) -> None:
    tenant.settings(**form)
    played = direct([task for task in tasks_of(LIVES[name]) if not task["name"].startswith(("check-", "missing"))]).ok
    assert [record["action"] for record in played] == ["created", *["unchanged", "updated"] * 2, "unchanged", "deleted", "unchanged"]
    assert "REDACTED" not in "".join(sent(tenant, "PUT", f"/data/connection/{KEY}"))
    assert tenant.stored_connections() == []
