# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of an integration of every type, task by task, and the same once more when nothing may be written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._plan.integration import desired
from immuta_simulator import Simulator
from support.lives import assert_predicted, fields_of, secrets_of, steps_of
from support.modules import Reply, run_module
from support.tasks import INTEGRATION, Play, Record, replaced
from support.wire_log import conversations, sent

PASSWORD = "a s3cret, wh4t else"
ACCOUNT = {"authentication_type": "userPassword", "username": "admin", "password": PASSWORD}
PEM = "-----BEGIN PRIVATE KEY-----\nMIIBvgIBADANBgkqhkiG9w0BAQEFAASCAagw\n-----END PRIVATE KEY-----\n"
#: present secret -> the one after a rotation
NEW_SECRETS = {PASSWORD: "an0ther s3cret", PEM: PEM.replace("MIIBvg", "MIIBvw")}


@dataclass(frozen=True)
class Life:
    """One type, set up in one way. missing: an option without which nothing is sent; update: what is changed later, and how that is told."""

    type: str
    config: dict[str, Any] = field(default_factory=dict)
    auto_bootstrap: bool | None = None
    missing: str = ""
    update: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    #: secrets that go along with an update
    secrets: tuple[str, ...] = ("config.password",)
    #: the body of the delete
    credentials: dict[str, Any] | None = None
    #: whether it is asked if a connection owns it
    connectable: bool = False

    @property
    def task(self) -> dict[str, Any]:
        options: dict[str, Any] = {"type": self.type, "wait_interval": 0.05}
        if self.auto_bootstrap is not None:
            options["auto_bootstrap"] = self.auto_bootstrap
        return {**options, "config": self.config} if self.config else options

    def changed(self, **more: Any) -> dict[str, Any]:
        return {**self.task, "config": {**self.config, **self.update}, **more} if self.update else {**self.task, **more}

    def rotated(self, **more: Any) -> dict[str, Any]:
        """The secrets anew, and nothing else."""
        return {**replaced(self.changed(), NEW_SECRETS), **more}


REDSHIFT = {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev"}
SNOWFLAKE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA"}
DATABRICKS = {"workspace_url": "acme.cloud.databricks.com", "http_path": "sql/1", "catalog": "immuta"}
SYNAPSE = {"host": "acme.azure.com", "database": "pool", "schema": "views", **ACCOUNT}
IMPERSONATE = {"impersonation": {"enabled": True}}
IMPERSONATED = {"config.impersonation.enabled": (False, True)}
CREDENTIALS = {"authenticationType": "userPassword", "username": "admin", "password": PASSWORD}
OKTA = {"username": "admin", "password": PASSWORD, "app_id": "Okta", "idp_host": "acme.okta.com", "role": "admin"}

LIVES = {
    "Snowflake, automatic": Life(
        "Snowflake",
        {**SNOWFLAKE, **ACCOUNT, "role": "ACCOUNTADMIN"},
        True,
        missing="warehouse",
        update={"audit": {"enabled": True}},
        changes={"config.audit.enabled": (False, True)},
        credentials={**CREDENTIALS, "role": "ACCOUNTADMIN"},
        connectable=True,
    ),
    "Snowflake, by hand with a key": Life(
        "Snowflake",
        {**SNOWFLAKE, "authentication_type": "keyPair", "username": "admin", "private_key": {"key_name": "PRIV_KEY_FILE", "content": PEM}},
        False,
        missing="database",
        update={"warehouse": "OTHER", "user_role_pattern": {"exclude": ["A", "B"]}},
        changes={"config.warehouse": ("WH", "OTHER"), "config.user_role_pattern.exclude": (None, ["A", "B"])},
        secrets=("config.private_key.content",),
        connectable=True,
    ),
    "Databricks": Life(
        "Databricks",
        {**DATABRICKS, "authentication_type": "token", "token": PASSWORD},
        True,
        missing="http_path",
        update={"workspace_ids": ["1", "2"], "audit": {"enabled": True}},
        changes={"config.workspace_ids": (None, ["1", "2"]), "config.audit.enabled": (False, True)},
        secrets=("config.token",),
        connectable=True,
    ),
    "Databricks, OAuth by hand": Life(
        "Databricks",
        {**DATABRICKS, "authentication_type": "oAuthM2M", "oauth_client_config": {"use_certificate": False, "client_id": "i", "client_secret": PASSWORD}},
        False,
        missing="workspace_url",
        update={"group_pattern": {"deny": "exempt"}},
        changes={"config.group_pattern.deny": (None, "exempt")},
        secrets=("config.oauth_client_config.client_secret",),
        connectable=True,
    ),
    "Redshift, automatic": Life(
        "Redshift", {**REDSHIFT, **ACCOUNT}, True, missing="initial_database", update=IMPERSONATE, changes=IMPERSONATED, credentials=CREDENTIALS
    ),
    "Redshift, Okta": Life(
        "Redshift",
        {**REDSHIFT, "authentication_type": "okta", "okta": OKTA},
        True,
        missing="host",
        update={"port": 5440},
        changes={"config.port": (5439, 5440)},
        secrets=("config.okta.password",),
        credentials={
            "authenticationType": "okta",
            "okta": {"username": "admin", "password": PASSWORD, "appId": "Okta", "idpHost": "acme.okta.com", "role": "admin"},
        },
    ),
    "Azure Synapse Analytics": Life(
        "Azure Synapse Analytics", SYNAPSE, True, missing="schema", update=IMPERSONATE, changes=IMPERSONATED, credentials=CREDENTIALS
    ),
    "Google BigQuery": Life(
        "Google BigQuery",
        {"role": "immuta", "dataset": "immuta", "dataset_suffix": "_v", "location": "eu", "credential": {"private_key": PEM, "client_email": "a@b"}},
        False,
        missing="location",
        update={"role": "other"},
        changes={"config.role": ("immuta", "other")},
        secrets=("config.credential",),
    ),
    "Native S3": Life(
        "Native S3",
        {
            "name": "lake",
            "aws_account_id": "123456789",
            "aws_region": "eu-west-1",
            "aws_location_role": "arn:aws:iam::123456789:role/one",
            "aws_location_path": "s3://lake",
            "authentication_type": "accessKey",
            "aws_access_key_id": "AKIAEXAMPLE",
            "aws_secret_access_key": PASSWORD,
        },
        False,
        missing="aws_location_role",
        update={"aws_location_role": "arn:aws:iam::123456789:role/two"},
        changes={"config.aws_location_role": ("arn:aws:iam::123456789:role/one", "arn:aws:iam::123456789:role/two")},
        secrets=("config.aws_access_key_id", "config.aws_secret_access_key"),
    ),
    "Trino": Life("Trino", connectable=True),
}


@pytest.fixture(params=LIVES.values(), ids=LIVES)
def life(request: pytest.FixtureRequest) -> Life:
    found: Life = request.param
    return found


def tasks_of(life: Life) -> list[dict[str, Any]]:
    """missing option, check-create, create, again, check-update, update, again, rotate, again, check-delete, delete, again; those that make sense."""
    without = {**life.task, "config": {name: value for name, value in life.config.items() if name != life.missing}}
    absent = {**life.task, "state": "absent"}
    steps = [("missing", without)] * bool(life.missing)
    steps += [(name, life.task) for name in ("check-create", "create", "again created")]
    steps += [(name, life.changed()) for name in ("check-update", "update", "again updated")] * bool(life.update)
    steps += [("rotate", life.rotated(update_secrets="always")), ("again rotated", life.rotated())] * bool(life.update)
    steps += [(name, absent) for name in ("check-delete", "delete", "again deleted")]
    return steps_of(INTEGRATION, steps)


def test_the_whole_life(life: Life, direct: Callable[..., Play], tenant: Simulator) -> None:
    played = direct(tasks_of(life), diff=True).ok
    check_create(life, played)
    if life.update:
        check_update(life, played)
        check_rotate(life, played, tenant)
    check_delete(life, played)
    assert tenant.integrations() == [] or {item["status"] for item in tenant.integrations()} == {"deleted"}
    check_requests(life, tenant)
    assert not [secret for secret in (PASSWORD, *NEW_SECRETS.values(), "PRIVATE KEY") if secret in played.output]


def check_create(life: Life, played: Play) -> None:
    if life.missing:
        assert played["missing"].failed
        assert played["missing"]["option"] == f"config.{life.missing}"
    created, again = played["create"], played["again created"]
    assert (created["changed"], created["action"], created["adopted"]) == (True, "created", False)
    assert created["validation"]["status"] == "passed"
    assert (created["healthy"], created["integration"]["status"], created["integration"]["type"]) == (True, "enabled", life.type)
    assert isinstance(created["integration"]["id"], str)
    assert created["diff"]["before"] == {}
    assert {f"config.{name}" for name, value in life.config.items() if not isinstance(value, dict)} <= set(fields_of(created))
    assert secrets_of(created) == (set(life.secrets) if life.config else set())
    assert_predicted(played["check-create"], created)
    assert played["check-create"]["validation"] == created["validation"]
    assert_unchanged(again, created)


def assert_unchanged(again: Record, before: Record) -> None:
    assert (again["changed"], again["action"], again["changes"], again["changed_reason"]) == (False, "unchanged", [], "")
    assert again["validation"] == {"status": "not_asked", "tests": []}
    assert again["diff"]["before"] == again["diff"]["after"]
    assert (again["healthy"], again["integration"]) == (True, before["integration"])


def check_update(life: Life, played: Play) -> None:
    updated, again = played["update"], played["again updated"]
    assert (updated["changed"], updated["action"], updated["validation"]["status"]) == (True, "updated", "passed")
    assert fields_of(updated) == {**life.changes, **dict.fromkeys(life.secrets, (None, None))}
    assert secrets_of(updated) == set(life.secrets)
    assert updated["changed_reason"] == "differs: " + ", ".join(life.changes)
    assert updated["diff"]["before"] != updated["diff"]["after"]
    assert updated["integration"]["status"] == "enabled"
    assert_predicted(played["check-update"], updated)
    assert played["check-update"]["validation"] == updated["validation"]
    assert_unchanged(again, updated)


def check_rotate(life: Life, played: Play, tenant: Simulator) -> None:
    rotated, again = played["rotate"], played["again rotated"]
    assert (rotated["changed"], rotated["action"], rotated["changed_reason"]) == (True, "updated", "update_secrets is always")
    assert fields_of(rotated) == dict.fromkeys(life.secrets, (None, None))
    assert_unchanged(again, rotated)
    body = sent(tenant, "PUT")[-1]
    assert not [old for old in (PASSWORD, "MIIBvg") if old in body] and [new for new in ("an0ther s3cret", "MIIBvw") if new in body]


def check_delete(life: Life, played: Play) -> None:
    deleted, again = played["delete"], played["again deleted"]
    assert (deleted["changed"], deleted["action"], deleted["healthy"]) == (True, "deleted", None)
    assert (deleted["integration"]["status"], deleted["integration"]["type"]) == ("deleted", life.type)
    assert deleted["diff"]["after"] == {}
    assert deleted["diff"]["before"]["type"] == life.type
    assert_predicted(played["check-delete"], deleted)
    assert played["check-delete"]["validation"]["status"] == "passed"
    assert (again["changed"], again["action"], again["integration"]) == (False, "unchanged", {})


def check_requests(life: Life, tenant: Simulator) -> None:
    """One conversation a task, over one connection; the task with the missing option has none."""
    look, owner = "GET /integrations", ["POST /data/object/search"] * life.connectable
    create = [[look, "POST /integrations?dryRun=true"], [look, "POST /integrations?dryRun=true", "POST /integrations", "GET /integrations/1"], [look]]
    dry_put = [look, *owner, "PUT /integrations/1?dryRun=true"]
    put = [*dry_put, "PUT /integrations/1", "GET /integrations/1"]
    update = [dry_put, put, [look], put, [look]]
    delete = [[look, *owner, "DELETE /integrations/1?dryRun=true"], [look, *owner, "DELETE /integrations/1", "GET /integrations/1"], [look]]
    assert conversations(tenant) == [*create, *(update if life.update else []), *delete]
    bodies = [json.loads(body) for body in sent(tenant, "DELETE") if body]
    assert bodies == ([life.credentials] * 2 if life.credentials else [])


@pytest.fixture(scope="session")
def empty_tenant() -> Iterator[Simulator]:
    with Simulator(refuse_writes=True) as running:
        yield running


def test_the_whole_life_under_check(life: Life, direct: Callable[..., Play], tenant: Simulator, empty_tenant: Simulator) -> None:
    """Against a tenant that has it, and against one that has nothing. Both refuse to write."""
    empty_tenant.reset()
    tenant.seed(desired(life.task, PLATFORMS[life.type]).document())
    tenant.settings(refuse_writes=True)
    before = tenant.integrations()
    tasks = [task for task in tasks_of(life) if task["name"] in ("create", "update", "delete")]
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
    assert {record.name: (record["action"], record["changed"]) for record in played} == {task["name"]: expected[task["name"]] for task in tasks}
    assert tenant.writes() == empty_tenant.writes() == []
    assert len(conversations(tenant)) == len(conversations(empty_tenant)) == len(tasks) / 2
    assert (tenant.integrations(), empty_tenant.integrations()) == (before, [])


def one_by_one(life: Life, tenant: Simulator, folder: Path) -> list[Reply]:
    """The tasks that write, and those after them that must not, each a process of its own."""
    named = {"url": tenant.url, "api_key": tenant.api_key}
    tasks = [task[INTEGRATION] for task in tasks_of(life) if task["name"] != "missing" and "check_mode" not in task]
    return [run_module("immuta_integration", {**named, **task}, folder) for task in tasks]


LIFE = ["created", *["unchanged", "updated"] * 2, "unchanged", "deleted", "unchanged"]


def test_waiting_for_immuta(tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(transitions="polls:2")
    replies = one_by_one(LIVES["Redshift, automatic"], tenant, tmp_path)
    assert [reply["action"] for reply in replies] == LIFE
    assert [reply["integration"].get("status") for reply in replies] == [*["enabled"] * 6, "deleted", None]
    assert "GET /integrations/1/status" in conversations(tenant)[0]


FORMS = [
    {"documented_redaction": "[REDACTED]", "undocumented_redaction": "[REDACTED]"},
    {"documented_redaction": "absent", "undocumented_redaction": "absent"},
    {"put": "merge", "redacted_values": "reject"},
    {"transitions": "immediate", "created_status": 201, "deleted_status": 204, "dry_run_form": "object"},
    {"show_deleted": True, "conflict_wording": "on", "data_api": "403", "deleted_status": 202},
]


@pytest.mark.parametrize("form", FORMS, ids=", ".join)
@pytest.mark.parametrize("name", ["Redshift, Okta", "Databricks, OAuth by hand", "Snowflake, by hand with a key", "Google BigQuery"])
def test_a_tenant_may_answer_in_other_forms(form: dict[str, Any], name: str, tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(**form)
    assert [reply["action"] for reply in one_by_one(LIVES[name], tenant, tmp_path)] == LIFE
    assert "REDACTED" not in "".join(sent(tenant, "PUT", "/integrations/1"))
