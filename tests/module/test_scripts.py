# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_integration_script: every script there is, in a file for its owner alone, and never in a result."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.modules import Reply, run_module
from support.tasks import SCRIPT, Play
from support.wire_log import conversations, sent

PASSWORD = 'it\'s a "s3cret"; $$ word'
ACCOUNT = {"authentication_type": "userPassword", "username": "IMMUTA_SYSTEM_ACCOUNT", "password": PASSWORD}
CONFIGS: dict[str, dict[str, Any]] = {
    "Snowflake": {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT},
    "Redshift": {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev", **ACCOUNT},
    "Databricks": {"workspace_url": "acme.databricks.com", "http_path": "p", "catalog": "immuta", "authentication_type": "token", "token": PASSWORD},
    "Azure Synapse Analytics": {"host": "acme.azure.com", "database": "pool", "schema": "views", **ACCOUNT},
}
SCRIPTS = [
    ("Snowflake", ("create", "edit", "delete", "cleanup")),
    ("Databricks", ("create", "edit", "delete")),
    ("Redshift", ("initial-create", "create", "edit", "delete", "cleanup")),
    ("Azure Synapse Analytics", ("initial-create", "create", "edit", "delete", "cleanup", "post-cleanup")),
]
EVERY_SCRIPT = [(type_name, action) for type_name, actions in SCRIPTS for action in actions]


def api(config: dict[str, Any]) -> dict[str, Any]:
    """The same in the API's spelling."""
    names = {name: name.split("_")[0] + "".join(part.capitalize() for part in name.split("_")[1:]) for name in config}
    return {names[name]: value for name, value in config.items()}


def register(tenant: Simulator, type_name: str, **status: str) -> str:
    return tenant.seed({"type": type_name, "autoBootstrap": False, "config": api(CONFIGS[type_name]), **status})


@pytest.fixture
def make(tenant: Simulator, tmp_path: Path) -> Callable[..., Reply]:
    def call(type_name: str, action: str, *, check: bool = False, **arguments: Any) -> Reply:
        given = {"action": action, "type": type_name, "auto_bootstrap": False, "config": CONFIGS.get(type_name), "dest": str(tmp_path / "script.sql")}
        given = {**given, "url": tenant.url, "api_key": tenant.api_key, **arguments}
        return run_module("immuta_integration_script", {name: value for name, value in given.items() if value is not None}, tmp_path, check=check)

    return call


def the_text(tenant: Simulator) -> str:
    """The last script that the tenant gave."""
    return str([body["received"] for body in tenant.bodies() if "/scripts/" in body["path"]][-1])


def is_private(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("type_name", "action"), EVERY_SCRIPT)
def test_a_script_goes_to_its_file(type_name: str, action: str, make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    if action in ("edit", "delete"):
        register(tenant, type_name)
    changed = {"audit": {"enabled": True}} if action == "edit" and type_name in ("Snowflake", "Databricks") else {}
    reply = make(type_name, action, config={**CONFIGS[type_name], **changed})
    dest, text = tmp_path / "script.sql", the_text(tenant)
    assert reply.result.get("failed") is None, reply.output
    assert (reply["changed"], reply["dest"]) == (True, str(dest))
    assert dest.read_text(encoding="utf-8") == text
    assert is_private(dest)
    assert reply["checksum"] == hashlib.sha256(dest.read_bytes()).hexdigest()
    assert reply["statement_count"] == len(reply["statements"]) > 0
    lines = [statement["line"] for statement in reply["statements"]]
    assert lines == sorted(lines)
    assert [statement["number"] for statement in reply["statements"]] == list(range(1, len(lines) + 1))
    assert all(set(statement) == {"number", "line", "verb", "object"} for statement in reply["statements"])
    assert tenant.writes() == []
    longest = max((line.strip() for line in text.splitlines()), key=len)
    assert longest not in reply.output
    assert json.dumps(PASSWORD)[1:-1] not in reply.output


@pytest.mark.parametrize(("type_name", "action"), EVERY_SCRIPT)
def test_the_document_is_the_one_that_registers(type_name: str, action: str, make: Callable[..., Reply], tenant: Simulator) -> None:
    document = {"type": type_name, "autoBootstrap": False, "config": api(CONFIGS[type_name])}
    if action in ("edit", "delete"):
        register(tenant, type_name)
    make(type_name, action)
    (body,) = sent(tenant, "POST")
    if action == "delete":
        assert body == ""
    elif action == "edit":
        assert {**json.loads(body)["config"], **document["config"]} == json.loads(body)["config"]
        assert "REDACTED" not in body
    else:
        assert json.loads(body) == document


def test_two_requests_at_most(make: Callable[..., Reply], tenant: Simulator) -> None:
    id_ = register(tenant, "Snowflake")
    make("Snowflake", "create")
    make("Snowflake", "edit")
    make("Snowflake", "delete", config=None, id=id_)
    make("Snowflake", "delete", config={"host": "ACME.eu.snowflakecomputing.com"})
    assert conversations(tenant) == [
        ["POST /integrations/scripts/create"],
        ["GET /integrations", f"POST /integrations/{id_}/scripts/edit"],
        [f"GET /integrations/{id_}", f"POST /integrations/{id_}/scripts/delete"],
        ["GET /integrations", f"POST /integrations/{id_}/scripts/delete"],
    ]


def test_an_id_is_enough_to_remove(make: Callable[..., Reply], tenant: Simulator) -> None:
    reply = make("Snowflake", "delete", type=None, config=None, auto_bootstrap=None, id=register(tenant, "Snowflake"))
    assert reply["changed"] is True


def test_who_sets_it_up_need_not_be_said(make: Callable[..., Reply], tenant: Simulator) -> None:
    assert make("Snowflake", "create", auto_bootstrap=None)["changed"] is True
    assert json.loads(sent(tenant, "POST")[-1])["autoBootstrap"] is False


def test_the_same_script_is_no_change(make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    replies = [make("Redshift", "create", review_dest=str(tmp_path / "review.sql")) for _unused in range(2)]
    assert [reply["changed"] for reply in replies] == [True, False]
    assert replies[0]["checksum"] == replies[1]["checksum"]
    assert replies[0]["diff"] == {"before": {"checksum": None}, "after": {"checksum": replies[0]["checksum"]}}
    assert replies[1]["diff"]["before"] == replies[1]["diff"]["after"]


def test_a_script_that_differs_each_time_is_a_change_each_time(make: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.settings(script_timestamp=True)
    assert [make("Redshift", "create")["changed"] for _unused in range(2)] == [True, True]


def test_check_mode_asks_and_writes_nothing(make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    dest, review = tmp_path / "script.sql", tmp_path / "review.sql"
    predicted = make("Snowflake", "create", review_dest=str(review), check=True)
    assert not dest.exists()
    assert not review.exists()
    real = make("Snowflake", "create", review_dest=str(review))
    assert {**predicted.result, **dict.fromkeys(OF_FILES)} == {**real.result, **dict.fromkeys(OF_FILES)}
    assert make("Snowflake", "create", review_dest=str(review), check=True)["changed"] is False


#: what Ansible itself says of the file once it is there
OF_FILES = ("uid", "gid", "owner", "group", "mode", "state", "size", "secontext")


def test_a_check_may_come_before_the_folder(make: Callable[..., Reply], tmp_path: Path) -> None:
    assert make("Snowflake", "create", dest=str(tmp_path / "to" / "come" / "script.sql"), check=True)["changed"] is True
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("type_name", CONFIGS)
def test_the_review_copy_holds_no_literal(type_name: str, make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    review = tmp_path / "review.sql"
    make(type_name, "initial-create" if type_name == "Azure Synapse Analytics" else "create", review_dest=str(review))
    script = the_text(tenant)
    masked = review.read_text(encoding="utf-8")
    assert is_private(review)
    assert len(masked.splitlines()) == len(script.splitlines())
    for form in (PASSWORD, PASSWORD.replace("'", "''"), PASSWORD.replace('"', '""'), "s3cret"):
        assert form not in masked
    if type_name != "Databricks":
        assert "s3cret" in script


def test_the_mode_of_the_files_can_be_chosen(make: Callable[..., Reply], tmp_path: Path) -> None:
    make("Redshift", "create", mode="0640", review_dest=str(tmp_path / "review.sql"))
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("script.sql", "review.sql")] == [0o640, 0o640]
    assert make("Redshift", "create", mode="0640")["changed"] is False
    assert make("Redshift", "create")["changed"] is True
    assert is_private(tmp_path / "script.sql")


@pytest.mark.parametrize("form", [{"script_answer": "sql"}, {"script_answer": "json"}, {"script_answer": "object"}, {"script_bom": True}])
def test_the_form_of_the_answer_does_not_matter(form: dict[str, Any], make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    plain = make("Redshift", "create")
    tenant.settings(**form)
    again = make("Redshift", "create")
    assert (again["changed"], again["checksum"]) == (False, plain["checksum"])


def test_line_ends_stay_as_they_are(make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(script_newline="crlf")
    reply = make("Redshift", "create")
    assert b"\r\n" in (tmp_path / "script.sql").read_bytes()
    tenant.settings(script_newline="lf")
    assert make("Redshift", "create")["statements"] == reply["statements"]


def test_an_empty_script_is_an_error(make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(script_tampering={"*": {"kind": "empty"}})
    reply = make("Redshift", "create")
    assert reply["failed"]
    assert "returned an empty create script" in reply["msg"]
    assert not (tmp_path / "script.sql").exists()


def test_an_html_answer_is_no_script(make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.fault(
        method="POST", path="/scripts/create", status=200, body="<html><head><title>Sign in</title></head></html>", headers={"Content-Type": "text/html"}
    )
    reply = make("Redshift", "create")
    assert reply["failed"]
    assert (reply["status"], reply["content_type"]) == (200, "text/html")
    assert "Sign in" in reply["msg"]
    assert not (tmp_path / "script.sql").exists()


def test_a_script_through_a_playbook(run: Callable[..., Play], tmp_path: Path) -> None:
    task = {"action": "create", "type": "Redshift", "config": {**CONFIGS["Redshift"], "password": "s3cret"}, "dest": str(tmp_path / "script.sql")}
    played = run([{"name": name, SCRIPT: task} for name in ("make", "again")], diff=True, verbosity=4).ok
    assert [record["changed"] for record in played] == [True, False]
    assert "s3cret" in (tmp_path / "script.sql").read_text(encoding="utf-8")
    assert "s3cret" not in played.output
    assert "CREATE SCHEMA" not in "".join(line for line in played.output.splitlines() if "verb" not in line)


# --- the integration behind a connection

SIGN_IN = {"authentication_type": "userPassword", "username": "IMMUTA_SYSTEM_ACCOUNT", "password": PASSWORD}
LINK = {"technology": "Snowflake", "hostname": "acme.eu.snowflakecomputing.com", "warehouse": "WH", **SIGN_IN}
SNOWFLAKE_CONNECTION = {
    "connection_key": "sf",
    "connection": LINK,
    "settings": {"is_active": True},
    "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {"warehouse": "WH", "database": "IMMUTA", **SIGN_IN}},
}
DATABRICKS_CONNECTION = {
    "connectionKey": "dbx",
    "connection": {"technology": "Databricks", "hostname": "acme.databricks.com", "httpPath": "p", "authenticationType": "token", "token": PASSWORD},
    "nativeIntegration": {
        "type": "Databricks",
        "unityCatalog": True,
        "config": {"port": 443, "catalog": "immuta", "authenticationType": "token", "token": PASSWORD},
    },
}


@pytest.fixture
def behind(make: Callable[..., Reply]) -> Callable[..., Reply]:
    def call(action: str, connection: dict[str, Any], **arguments: Any) -> Reply:
        return make("", action, type=None, config=None, auto_bootstrap=None, connection=connection, **arguments)

    return call


@pytest.mark.parametrize(("type_name", "connection"), [("Snowflake", SNOWFLAKE_CONNECTION), ("Databricks", DATABRICKS_CONNECTION)])
def test_the_script_behind_a_connection_is_that_of_its_integration(
    type_name: str, connection: dict[str, Any], behind: Callable[..., Reply], make: Callable[..., Reply], tenant: Simulator
) -> None:
    reply = behind("create", connection)
    again = make(type_name, "create")
    assert (reply["pending"], again["changed"], again["checksum"]) == (False, False, reply["checksum"])
    first, second = map(json.loads, sent(tenant, "POST"))
    assert first == second
    assert PASSWORD not in reply.output


def test_the_delete_script_behind_a_connection_needs_the_id(behind: Callable[..., Reply], tenant: Simulator) -> None:
    id_ = register(tenant, "Snowflake")
    reply = behind("delete", SNOWFLAKE_CONNECTION)
    assert (reply["failed"], reply["option"]) == (True, "id")
    assert tenant.requests() == []
    assert behind("delete", SNOWFLAKE_CONNECTION, id=id_)["changed"] is True
    assert sent(tenant, "POST") == [""]


def without(part: str, **changed: Any) -> dict[str, Any]:
    return {**SNOWFLAKE_CONNECTION, part: {**SNOWFLAKE_CONNECTION[part], **changed}}


@pytest.mark.parametrize(
    ("action", "connection", "option"),
    [
        ("edit", SNOWFLAKE_CONNECTION, "action"),
        ("initial-create", SNOWFLAKE_CONNECTION, "action"),
        ("create", without("native_integration", auto_bootstrap=True), "connection.native_integration.auto_bootstrap"),
        ("create", without("native_integration", config={"database": "IMMUTA", **SIGN_IN}), "connection.native_integration.config.warehouse"),
        ("create", {"connection_key": "lake", "connection": {"technology": "Glue"}}, "connection.native_integration.type"),
        ("create", {"connection_key": "nothing"}, "connection.connection.technology"),
    ],
)
def test_what_a_connection_lacks_is_named(action: str, connection: dict[str, Any], option: str, behind: Callable[..., Reply], tenant: Simulator) -> None:
    reply = behind(action, connection)
    assert (reply["failed"], reply["option"]) == (True, option)
    assert tenant.requests() == []


@pytest.mark.parametrize("other", [{"type": "Snowflake"}, {"config": CONFIGS["Snowflake"]}])
def test_a_connection_and_an_integration_are_one_too_many(other: dict[str, Any], make: Callable[..., Reply], tenant: Simulator) -> None:
    reply = make("Snowflake", "create", **{"type": None, "config": None, "connection": SNOWFLAKE_CONNECTION, **other})
    assert reply["failed"]
    assert "mutually exclusive" in reply["msg"]
    assert tenant.requests() == []


# --- a script that the tenant does not make yet


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("check", [False, True], ids=["real", "check"])
def test_a_script_that_is_refused_for_now_is_pending(status: int, check: bool, make: Callable[..., Reply], tenant: Simulator, tmp_path: Path) -> None:
    tenant.fault(method="POST", path="/scripts/create", status=status, body=json.dumps({"message": "Run the other script first."}), times=2)
    assert make("Redshift", "create", check=check)["failed"]
    reply = make("Redshift", "create", pending_ok=True, check=check)
    assert (reply["changed"], reply["pending"]) == (False, True)
    assert "Run the other script first" in reply["reason"]
    assert not (tmp_path / "script.sql").exists()
    assert make("Redshift", "create", pending_ok=True, check=check)["pending"] is False


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_any_other_refusal_is_a_failure(status: int, make: Callable[..., Reply], tenant: Simulator) -> None:
    tenant.fault(method="POST", path="/scripts/create", status=status, body=json.dumps({"message": "No."}), times=9)
    assert make("Redshift", "create", pending_ok=True, retries=0)["failed"]
