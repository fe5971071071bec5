# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_sql_script, run by ansible-playbook on the Snowflake engine; the account's own catalogue is the judge."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._platform.place import Place
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from engines import SnowflakeEngine
from support.leaks import traces
from support.literals import snowflake as literal
from support.tasks import play

MODULE = "community.immuta.immuta_sql_script"


def setup(name: str, password: str) -> str:
    """What a set-up script may look like: statements on one line, both kinds of comment, bodies quoted and not, a block."""
    return f"""// Set-up; 'made' for {name}
USE ROLE ACCOUNTADMIN;
CREATE DATABASE "{name}"; CREATE SCHEMA IF NOT EXISTS "{name}".immuta_procedures; // two; on one line
CREATE ROLE IF NOT EXISTS "{name}_SYSTEM";
CREATE USER IF NOT EXISTS "{name}_SYSTEM_ACCOUNT" default_role="{name}_SYSTEM" login_name="{name}_SYSTEM_ACCOUNT"
  password={literal(password)};
GRANT ROLE "{name}_SYSTEM" TO USER "{name}_SYSTEM_ACCOUNT";;
GRANT ALL PRIVILEGES ON DATABASE "{name}" TO ROLE "{name}_SYSTEM";
CREATE OR REPLACE PROCEDURE "{name}".immuta_procedures.js() RETURNS STRING LANGUAGE JAVASCRIPT AS $$
  // don't; split
  return "a;b";
$$;
CREATE OR REPLACE PROCEDURE "{name}".immuta_procedures.raw() RETURNS INT LANGUAGE SQL AS
BEGIN
  LET x INT := 1;
  IF (x = 1) THEN
    RETURN 2;
  END IF;
END;
CREATE TABLE "{name}".immuta_procedures.t (a VARCHAR);
INSERT INTO "{name}".immuta_procedures.t VALUES ('100% {{{{ x }}}} %s ? :1'), ('it\\'s; ok')"""


CLEANUP = """
DROP DATABASE IF EXISTS "{0}"; DROP USER "{0}_NOBODY"; DROP USER IF EXISTS "{0}_SYSTEM_ACCOUNT"; DROP ROLE IF EXISTS "{0}_SYSTEM";
"""


def task(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, MODULE: {"type": "Snowflake", "login": "{{ login }}", **options}}


@pytest.fixture
def login(snowflake: SnowflakeEngine) -> dict[str, Any]:
    return snowflake.login


@pytest.fixture
def name(new: str) -> str:
    return new.upper()


def test_a_set_up_from_check_to_clean_up(snowflake: SnowflakeEngine, login: dict[str, Any], name: str, nasty: str, tmp_path: Path) -> None:
    script, cleanup = tmp_path / "create.sql", tmp_path / "cleanup.sql"
    script.write_text(setup(name, nasty), encoding="utf-8")
    cleanup.write_text(CLEANUP.format(name), encoding="utf-8")
    before = snowflake.catalog()
    options = {"path": str(script), "unless": f"SHOW DATABASES LIKE '{name}'"}

    checked = play([task("check", **options)], tmp_path / "a", check=True, verbosity=4, extra={"login": login}).ok
    assert snowflake.catalog() == before
    assert (checked["check"]["changed"], {each["status"] for each in checked["check"]["statements"]}) == (True, {"pending"})

    ran = play([task("run", **options), task("again", **options)], tmp_path / "b", verbosity=4, extra={"login": login}).ok
    result = ran["run"].result
    assert [(each["line"], each["verb"], each["object"], each["rows"], each["status"]) for each in result["statements"]] == [
        (2, "USE", "ACCOUNTADMIN", None, "ok"),
        (3, "CREATE DATABASE", f'"{name}"', None, "ok"),
        (3, "CREATE SCHEMA", f'"{name}".immuta_procedures', None, "ok"),
        (4, "CREATE ROLE", f'"{name}_SYSTEM"', None, "ok"),
        (5, "CREATE USER", f'"{name}_SYSTEM_ACCOUNT"', None, "ok"),
        (7, "GRANT", f'"{name}_SYSTEM"', None, "ok"),
        (8, "GRANT", f'"{name}"', None, "ok"),
        (9, "CREATE PROCEDURE", f'"{name}".immuta_procedures.js', None, "ok"),
        (13, "CREATE PROCEDURE", f'"{name}".immuta_procedures.raw', None, "ok"),
        (20, "CREATE TABLE", f'"{name}".immuta_procedures.t', None, "ok"),
        (21, "INSERT", f'"{name}".immuta_procedures.t', 2, "ok"),
    ]
    assert len({each["query_id"] for each in result["statements"]} - {None}) == 11
    assert (ran["again"]["changed"], ran["again"]["done_already"]) == (False, True)
    assert not traces([nasty, login["password"]], checked.shown)
    assert not traces([nasty, login["password"]], ran.shown)

    after = snowflake.catalog()
    assert set(after["databases"]) - set(before["databases"]) == {name}
    assert after["users"][f"{name}_SYSTEM_ACCOUNT"]["roles"] == [f"{name}_SYSTEM"]
    assert snowflake.can_login(f"{name}_SYSTEM_ACCOUNT", nasty)
    rows = snowflake.query(f'SELECT a FROM "{name}".immuta_procedures.t ORDER BY 1')
    assert rows == [("100% {{ x }} %s ? :1",), ("it's; ok",)]

    gone = play([task("clean up", path=str(cleanup), purpose="cleanup", on_error="continue")], tmp_path / "c", extra={"login": login}).ok["clean up"]
    assert [each["status"] for each in gone["statements"]] == ["ok", "failed", "ok", "ok"]
    assert gone["statements"][1]["code"] == "002003"
    assert snowflake.catalog() == before


def test_a_run_that_breaks_half_way_says_where_and_is_taken_up_there(
    snowflake: SnowflakeEngine, login: dict[str, Any], name: str, nasty: str, tmp_path: Path
) -> None:
    script, ledger = tmp_path / "create.sql", tmp_path / "ledger"
    script.write_text(
        f"CREATE DATABASE {name};\nCREATE USER {name}_U password={literal(nasty)} comment='geheim';\nGRANT ROLE {name}_R TO USER {name}_U;\n",
        encoding="utf-8",
    )
    options = {"path": str(script), "ledger": str(ledger), "unless": f"SHOW DATABASES LIKE '{name}'"}
    broken = play([task("run", **options)], tmp_path / "a", verbosity=4, extra={"login": login})
    failed = broken["run"]["failed_statement"]
    assert (broken.rc, failed["number"], failed["code"], failed["object"]) == (2, 3, "002003", f"{name}_R")
    assert f"{name}_R" in failed["message"] and failed["query_id"]
    assert [each["status"] for each in broken["run"]["statements"]] == ["ok", "ok", "failed"]
    assert not traces([nasty, "geheim", login["password"]], broken.shown)

    # The database is there by now; the ledger knows that the set-up is not.
    repaired = play([task("repair", script=f"CREATE ROLE {name}_R"), task("run", **options)], tmp_path / "b", extra={"login": login}).ok
    assert [each["status"] for each in repaired["run"]["statements"]] == ["skipped", "skipped", "ok"]
    assert snowflake.catalog()["users"][f"{name}_U"]["roles"] == [f"{name}_R"]
    assert snowflake.can_login(f"{name}_U", nasty)


def test_a_database_whose_name_is_only_alike_is_not_the_platforms(login: dict[str, Any], name: str, tmp_path: Path) -> None:
    """To LIKE, the underscore of T1_THING is any character."""
    presence = Place(type="Snowflake", database=name).presence
    assert presence is not None and "_" in name
    tasks = [
        task("others", script=f"CREATE DATABASE {name.replace('_', 'X')}; CREATE DATABASE {name}_2"),
        task("before", script="SELECT 1", unless=presence.query),
        task("ours", script=f"CREATE DATABASE {name}"),
        task("after", script="SELECT 1", unless=presence.query),
    ]
    ran = play(tasks, tmp_path, extra={"login": login}).ok
    assert (ran["before"]["done_already"], ran["after"]["done_already"]) == (False, True)


def test_a_wrong_password_is_told_at_once_and_not_shown(login: dict[str, Any], tmp_path: Path) -> None:
    ran = play([task("run", script="SELECT 1")], tmp_path, verbosity=4, extra={"login": {**login, "password": "wrong-one"}})
    assert ran.rc == 2
    assert "Incorrect username or password" in ran["run"]["msg"]
    assert not traces(["wrong-one", login["password"]], ran.shown)


def test_a_key_pair_logs_in(snowflake: SnowflakeEngine, login: dict[str, Any], name: str, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    encrypted = serialization.BestAvailableEncryption(b"phr\xc3\xa4se")
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted).decode()
    (tmp_path / "key.p8").write_text(private)
    place = {name: value for name, value in login.items() if name in ("host", "port", "account", "ssl")}
    logins = {
        "by_text": {**place, "username": name, "private_key": private, "private_key_passphrase": "phräse"},
        "by_path": {**place, "username": name, "private_key_path": str(tmp_path / "key.p8"), "private_key_passphrase": "phräse"},
        "by_wrong_word": {**place, "username": name, "private_key": private, "private_key_passphrase": "phrase"},
        "by_wrong_name": {**place, "username": f"{name}_X", "private_key": private, "private_key_passphrase": "phräse"},
    }
    made = f"CREATE USER {name} RSA_PUBLIC_KEY = '{base64.b64encode(public).decode()}'"
    tasks = [{"ignore_errors": True, **task(each, script="SELECT CURRENT_USER()")} for each in logins]
    for each in tasks:
        each[MODULE]["login"] = f"{{{{ logins.{each['name']} }}}}"
    ran = play([task("make", script=made), *tasks], tmp_path / "run", verbosity=4, extra={"login": login, "logins": logins})
    assert [ran[each].failed for each in logins] == [False, False, True, True]
    assert "login.private_key cannot be used" in ran["by_wrong_word"]["msg"]
    assert "cannot log in" in ran["by_wrong_name"]["msg"]
    assert not traces([private.splitlines()[3], "phräse"], ran.shown)
