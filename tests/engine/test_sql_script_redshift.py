# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_sql_script, run by ansible-playbook on the Redshift engine; the database's own catalogue is the judge."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from engine.half_way import broken, taken_up
from engines import RedshiftEngine
from support.leaks import traces
from support.literals import redshift as literal
from support.tasks import play

MODULE = "community.immuta.immuta_sql_script"


def setup(name: str, password: str) -> str:
    """What a set-up script may look like: several statements on a line, bodies with semicolons, comments, no final semicolon."""
    return f"""\ufeff-- Set-up; 'made' for {name}
CREATE DATABASE {name}; CREATE USER {name}_system PASSWORD {literal(password)};
/* a comment; /* in a comment; */ */
CREATE GROUP {name}_group WITH USER {name}_system;;
CREATE SCHEMA "{name};schema";
CREATE FUNCTION "{name};schema".f() RETURNS int AS $body$
BEGIN
  -- don't; split
  RETURN length('a;b') + 1;
END
$body$ LANGUAGE plpgsql;
CREATE TABLE "{name};schema".t (a varchar(100));
INSERT INTO "{name};schema".t VALUES ('100% {{{{ x }}}} %s ? :1 $1'), (E'it\\'s; ok');
REVOKE ALL PRIVILEGES ON DATABASE {name} FROM PUBLIC"""


CLEANUP = """
DROP SCHEMA "{0};schema" CASCADE; DROP GROUP {0}_group; DROP GROUP {0}_nobody;
DROP DATABASE {0}; DROP USER {0}_system;
"""


def task(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, MODULE: {"type": "Redshift", "login": "{{ login }}", **options}}


@pytest.fixture
def login(redshift: RedshiftEngine) -> dict[str, Any]:
    return redshift.login


def test_a_set_up_from_check_to_clean_up(redshift: RedshiftEngine, login: dict[str, Any], new: str, nasty: str, tmp_path: Path) -> None:
    script, cleanup = tmp_path / "create.sql", tmp_path / "cleanup.sql"
    script.write_text(setup(new, nasty), encoding="utf-8")
    cleanup.write_text(CLEANUP.format(new), encoding="utf-8")
    before = redshift.catalog()
    options = {"path": str(script), "unless": f"SELECT 1 FROM pg_database WHERE datname = '{new}'"}

    checked = play([task("check", **options)], tmp_path / "a", check=True, verbosity=4, extra={"login": login}).ok
    assert redshift.catalog() == before
    assert (checked["check"]["changed"], {each["status"] for each in checked["check"]["statements"]}) == (True, {"pending"})

    ran = play([task("run", **options), task("again", **options)], tmp_path / "b", verbosity=4, extra={"login": login}).ok
    result = ran["run"].result
    assert (result["changed"], result["executed"], result["total"]) == (True, 8, 8)
    assert [(each["line"], each["verb"], each["object"], each["rows"], each["status"]) for each in result["statements"]] == [
        (2, "CREATE DATABASE", new, None, "ok"),
        (2, "CREATE USER", f"{new}_system", None, "ok"),
        (4, "CREATE GROUP", f"{new}_group", None, "ok"),
        (5, "CREATE SCHEMA", f'"{new};schema"', None, "ok"),
        (6, "CREATE FUNCTION", f'"{new};schema".f', None, "ok"),
        (12, "CREATE TABLE", f'"{new};schema".t', None, "ok"),
        (13, "INSERT", f'"{new};schema".t', 2, "ok"),
        (14, "REVOKE", new, None, "ok"),
    ]
    assert result["checksum"] == hashlib.sha256(script.read_bytes()).hexdigest()
    assert (ran["again"]["changed"], ran["again"]["done_already"], ran["again"]["statements_skipped"]) == (False, True, 8)
    assert [text for text in ran["run"].warnings if "not encrypted" in text]
    assert not traces([nasty, login["password"]], checked.shown)
    assert not traces([nasty, login["password"]], ran.shown)

    after = redshift.catalog()
    assert set(after["databases"]) - set(before["databases"]) == {new}
    assert f"{new}_group" in after["roles"][f"{new}_system"]["member_of"]
    assert f"{new};schema.f()" in after["databases"]["dev"]["functions"]
    assert redshift.can_login(f"{new}_system", nasty)
    assert redshift.query(f'SELECT a FROM "{new};schema".t ORDER BY 1') == [["100% {{ x }} %s ? :1 $1"], ["it's; ok"]]
    assert redshift.query(f'SELECT "{new};schema".f()') == [[4]]

    gone = play([task("clean up", path=str(cleanup), purpose="cleanup", on_error="continue")], tmp_path / "c", extra={"login": login}).ok["clean up"]
    assert (gone["executed"], gone["statements_failed"], gone["statements"][2]["code"]) == (4, 1, "42704")
    assert any(f"1 of 5 statements failed: Statement 3 (DROP GROUP {new}_nobody, line 2)" in text for text in gone.warnings)
    assert redshift.catalog() == before


def test_a_run_that_breaks_half_way_says_where_and_is_taken_up_there(
    redshift: RedshiftEngine, login: dict[str, Any], new: str, nasty: str, tmp_path: Path
) -> None:
    script = f"CREATE USER {new} PASSWORD {literal(nasty)};\n\nINSERT INTO\n  {new}_schema.t VALUES ('geheim');\nGRANT USAGE ON SCHEMA {new}_schema TO {new};\n"
    failed = broken(task, script, login, tmp_path, (nasty, "geheim"))
    assert failed["msg"] == (
        f'Statement 2 (INSERT {new}_schema.t, line 3) failed: 42P01: near line 4: relation "{new}_schema.t" does not exist. '
        "1 of 3 statements ran. To run the rest, fix the cause, then run it again, and the ledger resumes at statement 2."
    )
    assert (failed["failed_statement"]["code"], failed["failed_statement"]["error_line"]) == ("42P01", 4)

    taken_up(task, f"CREATE SCHEMA {new}_schema; CREATE TABLE {new}_schema.t (a varchar(20))", login, tmp_path)
    assert redshift.query(f"SELECT a FROM {new}_schema.t") == [["geheim"]]
    assert redshift.can_login(new, nasty)


def test_what_does_not_belong_in_a_set_up_runs_only_for_who_says_so(redshift: RedshiftEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    script = f"CREATE USER {new} PASSWORD 'Geheim1';\nDROP DATABASE {new};"
    ran = play(
        [
            task("before", script=f"CREATE DATABASE {new}"),
            {"ignore_errors": True, **task("set-up", script=script)},
            {"ignore_errors": True, **task("other script", script=script, expected_sha256="0" * 64, purpose="any")},
        ],
        tmp_path / "a",
        extra={"login": login},
    )
    assert ran["set-up"]["refused"] == [{"number": 2, "line": 2, "verb": "DROP DATABASE", "object": new, "reason": "kind"}]
    assert "belong in a setup script" in ran["set-up"]["msg"]
    assert "not the expected one" in ran["other script"]["msg"]
    assert new in redshift.catalog()["databases"] and new not in redshift.catalog()["roles"]
    assert play([task("any", script=script, purpose="any")], tmp_path / "b", extra={"login": login}).ok["any"]["changed"] is True
    assert new not in redshift.catalog()["databases"] and new in redshift.catalog()["roles"]


def test_bad_input_names_its_option_and_holds_no_secret(login: dict[str, Any], tmp_path: Path) -> None:
    right = {"script": "{{ script }}"}
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "both": ({**right, "path": "/x"}, "mutually exclusive: path|script"),
        "neither": ({}, "one of the following is required: path, script"),
        "type": ({**right, "type": "Oracle"}, "value of type must be one of"),
        "unknown": ({**right, "login": "{{ misspelt }}"}, "login.extra"),
        "browser": ({**right, "type": "Snowflake", "login": {"account": "a", "username": "u", "authenticator": "externalbrowser"}}, "opens a browser"),
        "password": ({**right, "login": "{{ wrong }}"}, "cannot log in: password authentication failed for user"),
        "start": ({**right, "start_at": 3}, "start_at is 3"),
        "unless": ({**right, "unless": "SELECT nothing FROM nowhere"}, "The query in unless failed"),
    }
    tasks = [{"ignore_errors": True, **task(name, **options)} for name, (options, _complaint) in wrong.items()]
    secrets = {"script": "SELECT 'geheim'", "wrong": {**login, "password": "wrong-one"}, "misspelt": {**login, "pasword": "geheim"}}
    ran = play(tasks, tmp_path, verbosity=4, extra={"login": login, **secrets})
    for name, (_options, complaint) in wrong.items():
        assert ran[name].failed and complaint in ran[name]["msg"], (name, ran[name]["msg"])
    assert ran["browser"]["option"] == "login.authenticator"
    assert not traces(["geheim", "wrong-one", login["password"]], ran.shown)


def test_statements_are_given_up_in_time(redshift: RedshiftEngine, login: dict[str, Any], tmp_path: Path) -> None:
    ran = play([task("slow", script="SELECT pg_sleep(30)", statement_timeout=1)], tmp_path, extra={"login": login})
    assert ran["slow"]["failed_statement"]["code"] == "57014"
    assert ran["slow"]["failed_statement"]["status"] == "failed"
    assert 0.9 < ran["slow"]["failed_statement"]["seconds"] < 10
