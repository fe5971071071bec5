# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation: what is one, which secret holds where, what is set on the warehouse, and the way back from every step that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS
from ansible_collections.community.immuta.plugins.module_utils._platform.place import Place
from ansible_collections.community.immuta.plugins.module_utils._platform.rotation import (
    QUOTES,
    SECRET_METHODS,
    ValidSecrets,
    rotatable_secrets,
    rotation_of,
    valid_secrets_after,
)
from immuta_simulator import Simulator
from unit.test_platform_plan import CONFIG, NEW, SECRET, Role, connected, lake, redshift, refused, registered, titles

PUBLIC = "-----BEGIN PUBLIC KEY-----\nABCD\n-----END PUBLIC KEY-----"
SET, SIGN_IN, BACK, SETTLE = (f"{text} sys" for text in ("Set the new secret of", "Sign in as", "Restore the current secret of", "Remove the old secret of"))


NASTY = """it's \\ "both" ]"""
PLACES = {
    "Snowflake": Place("Snowflake", host="acme", warehouse="WH", database="IMMUTA"),
    "Redshift": Place("Redshift", host="rs", port="5439", database="immuta"),
    "Azure Synapse Analytics": Place("Azure Synapse Analytics", host="syn", database="pool"),
}


@pytest.mark.parametrize(
    ("type", "set_", "databases"),
    [
        ("Snowflake", """ALTER USER "s""y]s" SET PASSWORD = 'it''s \\\\ "both" ]'""", ("", "")),
        ("Redshift", """ALTER USER "s""y]s" PASSWORD 'it''s \\\\ "both" ]'""", ("immuta", "immuta")),
        ("Azure Synapse Analytics", """ALTER LOGIN [s"y]]s] WITH PASSWORD = N'it''s \\ "both" ]'""", ("master", "pool")),
    ],
)
def test_a_password_is_set_where_the_warehouse_keeps_it(type: str, set_: str, databases: tuple[str, str]) -> None:
    present = {"username": 's"y]s', "password": "old"}
    login = {"username": "admin", "password": "p", "host": "private", "role": "R"}
    rotation = rotation_of(PLACES[type], present, {"new_secrets": {"password": NASTY}, "login": login})
    assert rotation.statements["set"] == set_ and rotation.statements["back"].endswith("'old'") and "settle" not in rotation.statements
    assert (rotation.database, rotation.sign_in) == databases
    assert rotation.login == {"host": "private", **{k: v for k, v in PLACES[type].login.items() if k != "host"}, "username": 's"y]s', "password": NASTY}
    assert rotation.config == {**present, "password": NASTY}
    assert rotation.is_other_field("config.host") and not rotation.is_other_field("config.password") and rotation.is_other_field("type")
    alone = rotation_of(PLACES[type], present, {"new_secrets": {"password": NASTY}})
    assert alone.method is None and alone.statements == {}, "without a login only Immuta is told"


def test_a_key_is_set_beside_the_present_one() -> None:
    present = {"username": "SYS", "privateKey": {"keyName": "K", "content": "old"}, "privateKeyPassword": "phrase"}
    given = {"new_secrets": {"privateKey": "new"}, "new_public_key": "-----BEGIN PUBLIC KEY-----\nAB\nCD\n-----END PUBLIC KEY-----", "login": {"username": "a"}}
    rotation = rotation_of(PLACES["Snowflake"], present, given)
    assert rotation.statements["set"] == """ALTER USER "SYS" SET RSA_PUBLIC_KEY_2 = 'ABCD'"""
    assert rotation.statements["settle"].count(";") == 1 and "UNSET RSA_PUBLIC_KEY_2" in rotation.statements["back"]
    assert rotation.config["private_key"] == {"key_name": "K", "content": "new"}
    assert (rotation.login["private_key"], rotation.login["private_key_passphrase"], rotation.login["warehouse"]) == ("new", "phrase", "WH")


@pytest.mark.parametrize(
    ("place", "present", "given", "reason"),
    [
        (Place("Trino"), {}, {"new_secrets": {"password": "x"}}, "Immuta creates the key of Trino itself"),
        (PLACES["Redshift"], {}, {}, "There is no new secret"),
        (PLACES["Redshift"], {}, {"new_secrets": {"username": "x"}}, "names that are not secrets: username"),
        (PLACES["Redshift"], {}, {"new_secrets": {"okta": {"role": "x"}}}, "okta.role"),
        (PLACES["Redshift"], {}, {"new_secrets": {"password": ""}}, "is empty"),
        (PLACES["Redshift"], {"password": "x"}, {"new_secrets": {"password": "x"}}, "are the current ones of the platform"),
        (PLACES["Redshift"], {"password": "x"}, {"new_secrets": {"password": "y"}, "login": {"a": 1}}, "the username of the system account is needed"),
        (PLACES["Redshift"], {"username": "s"}, {"new_secrets": {"password": "y"}, "login": {"a": 1}}, "The current password is also needed"),
        (PLACES["Snowflake"], {"username": "s"}, {"new_secrets": {"private_key": "y"}, "login": {"a": 1}}, "immuta_platform_new_public_key is needed"),
        (
            PLACES["Snowflake"],
            {"username": "s"},
            {"new_secrets": {"private_key": "y"}, "login": {"a": 1}, "new_public_key": "-----BEGIN PRIVATE KEY-----"},
            "immuta_platform_new_public_key is needed",
        ),
    ],
)
def test_what_is_no_rotation(place: Place, present: dict[str, Any], given: dict[str, Any], reason: str) -> None:
    with pytest.raises(OptionError, match="Nothing has been changed") as refused:
        rotation_of(place, present, given)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("steps", "holds", "back"),
    [
        ({"set_status": "", "request_status": ""}, ("present", "present"), False),
        ({"set_status": "unknown", "request_status": ""}, ("unknown", "present"), True),
        ({"set_status": "ok", "request_status": ""}, ("new", "present"), True),
        ({"set_status": "ok", "request_status": "refused"}, ("new", "present"), True),
        ({"set_status": "ok", "request_status": "unknown"}, ("new", "unknown"), False),
        ({"set_status": "ok", "request_status": "ok"}, ("new", "new"), False),
        ({"set_status": "ok", "request_status": "", "settles": True}, ("both", "present"), True),
        ({"set_status": "ok", "request_status": "ok", "settles": True}, ("both", "new"), False),
        ({"set_status": "ok", "request_status": "ok", "settles": True, "settled": True}, ("new", "new"), False),
        ({"set_status": "", "request_status": "unknown", "uses_warehouse": False}, ("", "unknown"), False),
    ],
)
def test_which_secret_holds_where(steps: dict[str, Any], holds: tuple[str, str], back: bool) -> None:
    found = valid_secrets_after(**{"settles": False, "settled": False, **steps})
    assert ((found.warehouse, found.immuta), found.can_restore) == (holds, back)
    differ = "While they differ" in found.describe()
    assert differ is (holds[0] not in ("", "both", holds[1]))
    assert ValidSecrets("present").describe("Undone.").startswith("The warehouse accepts the current secret, and Immuta has the current one. Undone. ")


def test_what_can_be_rotated_is_what_the_platforms_keep_secret() -> None:
    known = rotatable_secrets()
    kept = {each.option for platform in PLATFORMS.values() for each in platform.fields if each.secret}
    assert kept <= set(known) and set(SECRET_METHODS) == set(QUOTES)
    assert known["private_key"] == {"key_name", "user_filename", "content"} and known["okta"] == {"password"}
    assert known["oauth_client_config"] == {"client_secret", "oauth_private_key", "public_certificate_thumbprint"}


# --- the plans ---------------------------------------------------------------------------------------------------


def passwords(tenant: Simulator, place: Path, **variables: Any) -> Role:
    registered(tenant, password=SECRET)
    return redshift(tenant, place, **{"entry": "rotate", "new_secrets": {"password": NEW}, "artifacts": "", **variables})


def keys(tenant: Simulator, place: Path, **variables: Any) -> Role:
    """A Snowflake account that signs in with a key."""
    config = {"host": "acme.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA"}
    tenant.seed({"type": "Snowflake", "autoBootstrap": False, "config": {**config, "authenticationType": "keyPair", "username": "sys", "privateKey": {}}})
    own = {
        **config,
        "authentication_type": "keyPair",
        "username": "sys",
        "private_key": {"key_name": "PRIV_KEY_FILE", "user_filename": "a.p8", "content": SECRET},
    }
    integration = {"type": "Snowflake", "auto_bootstrap": False, "config": own}
    given = {"entry": "rotate", "new_secrets": {"private_key": NEW}, "new_public_key": PUBLIC, "artifacts": "", "integration": integration}
    return redshift(tenant, place, **{**given, **variables})


def test_a_password_step_by_step(tenant: Simulator, tmp_path: Path) -> None:
    role = passwords(tenant, tmp_path)
    role.begin()
    assert role.locks, "nobody else is at work on it"
    plan = role.made()
    assert titles(plan) == [f"{SET} on rs.example.com", f"{SIGN_IN} with the new secret"]
    set_, sign_in = plan["run"]
    assert (set_["statement"], set_["login_as"], set_["login"], set_["changes"]) == ("set", "admin", {"database": "immuta"}, True)
    assert set_["options"]["purpose"] == "any" and set_["options"]["ledger"].endswith("/set.ledger")
    assert (sign_in["login_as"], sign_in["changes"], sign_in["options"]["unless"], sign_in["login"]) == ("system", False, "SELECT 1", {"database": "immuta"})
    assert plan["integration"] and plan["validate"] and not plan["connection"]
    role.ran()
    plan = role.told("updated")
    assert not plan["work"] and plan["result"] == {"action": "updated", "changed": True, "id": "7"}
    assert "Done. This run sets the new secret of sys on rs.example.com, signs in with it and updates it in Immuta." in plan["say"][0]
    assert role.locks == [] and role.files == []


def test_a_key_ends_the_old_one_when_immuta_has_the_new_one(tenant: Simulator, tmp_path: Path) -> None:
    role = keys(tenant, tmp_path)
    role.begin()
    role.made()
    role.ran()
    plan = role.told("updated")
    assert titles(plan) == [SETTLE, f"{SIGN_IN} with the new secret"] and plan["work"] and not plan["integration"]
    assert role.locks
    role.ran()
    assert not role.next(finished=True)["work"] and role.files == [] and role.locks == []


@pytest.mark.parametrize("secret", ["password", "key"])
@pytest.mark.parametrize(
    ("step", "status", "action", "result", "back", "words"),
    [
        ("set", "failed", "immuta_sql_script", {}, False, "The warehouse accepts the current secret, and Immuta has the current one. Remove the cause"),
        ("set", "unknown", "immuta_sql_script", {}, True, "It is unknown whether the warehouse accepts the current or the new secret, and Immuta has"),
        ("set", "ok", "immuta_sql_script", {}, True, "and Immuta has the current one."),
        ("set", "ok", "immuta_integration", {"status": 422}, True, "and Immuta has the current one."),
        ("set", "ok", "immuta_integration", {"status": 500}, False, "and it is unknown whether Immuta has the current or the new one."),
        ("set", "ok", "immuta_platform_plan", {}, False, "it is not healthy"),
    ],
)
def test_the_way_back(
    tenant: Simulator, tmp_path: Path, secret: str, step: str, status: str, action: str, result: dict[str, Any], back: bool, words: str
) -> None:
    for works in (True, False):
        tenant.reset()
        role = (passwords if secret == "password" else keys)(tenant, tmp_path)
        role.begin()
        role.made()
        ledger = [{"ledger": 1}, {"number": 1, "status": status}]
        Path(role.plan["run"][0]["options"]["ledger"]).write_text("\n".join(map(json.dumps, ledger)))
        plan = role.failed(action, msg=f"it is not healthy with {NEW}", **result)
        assert plan["work"] is back
        if back:
            assert titles(plan) == [BACK] and "ledger" not in plan["run"][0]["options"] and not plan["integration"]
            assert role.locks
            plan = role.next(cleaned=True) if works else role.failed("immuta_sql_script", msg="no way back")
            undone = "What this run had set on the warehouse was rolled back." if works else "The current secret could not be restored: no way back"
            assert undone in plan["message"]
        taken_back = "The warehouse accepts the current secret, and Immuta has the current one."
        assert (taken_back if back and works else words) in plan["message"]
        assert not plan["work"] and plan["result"] == {} and role.locks == [] and role.files == []


def test_the_old_key_stays_where_it_cannot_be_ended(tenant: Simulator, tmp_path: Path) -> None:
    role = keys(tenant, tmp_path)
    role.begin()
    role.made()
    role.ran()
    role.told("updated")
    plan = role.failed("immuta_sql_script", msg="no")
    assert "The warehouse accepts both keys, and Immuta has the new one." in plan["message"] and role.locks == []


def test_without_validation_and_with_what_an_earlier_run_left(tenant: Simulator, tmp_path: Path) -> None:
    role = passwords(tenant, tmp_path, server_validation=False)
    role.begin()
    (stale,) = {Path(step["options"]["ledger"]) for step in role.plan["run"] if "ledger" in step["options"]}
    role.ran()
    assert stale.exists()
    role.locks[0].unlink()
    role.begin()
    assert not stale.exists() and not role.made()["validate"]
    role.ran()
    assert not role.next(finished=True)["work"]


def test_a_rotation_keeps_the_artifacts_and_locks_the_platform_beside_them(tenant: Simulator, tmp_path: Path) -> None:
    kept = tmp_path / "artifacts" / "prod" / "summary.json"
    role = passwords(tenant, tmp_path, artifacts=str(tmp_path / "artifacts"))
    role.begin()
    assert {lock.parent.name for lock in role.locks} == {"artifacts", "immuta_platform"}
    assert not kept.parent.exists(), "a rotation has nothing to keep"
    kept.parent.mkdir()
    kept.write_text("{}")
    role.made()
    role.ran()
    assert role.told("updated")["result"]["action"] == "updated"
    assert kept.read_text() == "{}" and (role.locks, role.files) == ([], ["summary.json"])


def test_an_unhealthy_platform_is_no_success(tenant: Simulator, tmp_path: Path) -> None:
    for secret in (passwords, keys):
        tenant.reset()
        role = secret(tenant, tmp_path)
        role.begin()
        role.made()
        role.ran()
        error = refused(lambda role=role: role.told("updated", healthy=False))
        assert "reports that the platform is not healthy" in str(error) and error.facts["plan"]
        assert role.failed("immuta_platform_plan", msg=str(error))["message"].startswith("Immuta has taken the new secret") and role.locks == []


def test_a_check_run_signs_in_nowhere(tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(refuse_writes=True)
    for login, validate, titles_ in (({"username": "a"}, False, [f"{SET} on rs.example.com"]), ({}, True, [])):
        role = passwords(tenant, tmp_path, login=login)
        role.begin(check=True)
        plan = role.next(check=True, made=[], found=False)
        assert titles(plan) == titles_ and plan["validate"] is validate and plan["integration"]
        plan = role.next(check=True, answers=[{"action": "updated", "healthy": False}])
        assert plan["result"]["action"] == "updated" and "Nothing has been changed." in plan["say"][0]
        assert role.locks == role.files == []
        tenant.settings(refuse_writes=False)
        tenant.reset()


@pytest.mark.parametrize(
    ("there", "variables", "message"),
    [
        (False, {}, "Immuta does not have this platform. A rotation changes nothing else"),
        (
            True,
            {"integration": {"type": "Redshift", "auto_bootstrap": False, "config": {**CONFIG, "port": 5555, "password": SECRET}}},
            "More differs than the secret: immuta_platform_integration.config.port.",
        ),
        (True, {"integration": {"type": "Redshift", "autoBootstrap": True, "config": {**CONFIG, "password": SECRET}}}, "Immuta made the account of this"),
    ],
)
def test_what_is_refused_before_anything_is_set(tenant: Simulator, tmp_path: Path, there: bool, variables: dict[str, Any], message: str) -> None:
    role = passwords(tenant, tmp_path, **variables)
    if not there:
        tenant.reset()
    assert message in str(refused(role.begin)) and role.locks == [] and role.files == []


def test_a_connection_is_told_without_the_integration_behind_it(tenant: Simulator, tmp_path: Path) -> None:
    role = lake(tenant, tmp_path, entry="rotate", new_secrets={"password": NEW})
    connected(tenant)
    role.begin()
    plan = role.made()
    assert plan["connection"] and not plan["integration"] and not plan["validate"]
    role.ran()
    plan = role.next(answers=[{"action": "updated", "native_integration_id": 7}])
    assert "The connection's integration cannot be edited" in plan["say"][-1]
