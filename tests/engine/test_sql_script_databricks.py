# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_sql_script, run by ansible-playbook on the Databricks engine; the metastore's own catalogue is the judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.half_way import broken, taken_up
from engines import DatabricksEngine
from support.leaks import traces
from support.literals import databricks as literal
from support.tasks import play

MODULE = "community.immuta.immuta_sql_script"
STATEMENTS = "/api/2.0/sql/statements"


def setup(name: str, principal: str, secret: str) -> str:
    """What a set-up script may look like: a place chosen once, bodies with semicolons, names in backticks, no final semicolon."""
    return f"""\ufeff-- Set-up; `made` for {name}
CREATE CATALOG `{name}` COMMENT 'Managed by Immuta; don\\'t use'; USE CATALOG `{name}`;
/* a comment; /* in a comment; */ */
CREATE SCHEMA `immuta;system`; USE `immuta;system`;;
CREATE TABLE version (version STRING COMMENT "a;b", secret STRING);
INSERT INTO version VALUES ('100% {{{{ x }}}} %s ? :1', r'C:\\;'), ('2', {literal(secret)});
CREATE FUNCTION f(item STRING) RETURNS BOOLEAN RETURN item = ';';
CREATE FUNCTION g(v STRING) RETURNS STRING LANGUAGE PYTHON AS $$
import re; # don't; split
return v
$$;
CREATE VIEW v AS SELECT version FROM version;
GRANT USE CATALOG, CREATE SCHEMA ON CATALOG `{name}` TO `{principal}`;
ALTER CATALOG `{name}` OWNER TO `{principal}`"""


CLEANUP = """
USE CATALOG `{0}`;
DROP SCHEMA `immuta;system` CASCADE; DROP SCHEMA nowhere;
DROP CATALOG `{0}` CASCADE;
"""


def task(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, MODULE: {"type": "Databricks", "login": "{{ login }}", **options}}


@pytest.fixture
def login(databricks: DatabricksEngine) -> dict[str, Any]:
    return databricks.login


@pytest.fixture(autouse=True)
def _clean(databricks: DatabricksEngine) -> Iterator[None]:
    """No fault and no log of another test."""
    databricks.clear()
    yield
    databricks.clear()


@pytest.mark.parametrize("by", ["token", "oauth"])
def test_a_set_up_from_check_to_clean_up(databricks: DatabricksEngine, by: str, new: str, nasty: str, tmp_path: Path) -> None:
    login = databricks.oauth_login if by == "oauth" else databricks.login
    secrets = (nasty, databricks.token, databricks.admin_password)
    principal = databricks.add_principal("service_principal")["name"]
    script, cleanup = tmp_path / "create.sql", tmp_path / "cleanup.sql"
    script.write_text(setup(new, principal, nasty), encoding="utf-8")
    cleanup.write_text(CLEANUP.format(new), encoding="utf-8")
    before = databricks.catalog()
    options = {"path": str(script), "unless": f"SELECT 1 FROM system.information_schema.catalogs WHERE catalog_name = '{new}'"}

    checked = play([task("check", **options)], tmp_path / "a", check=True, verbosity=4, extra={"login": login}).ok
    assert databricks.catalog() == before
    assert (checked["check"]["changed"], {each["status"] for each in checked["check"]["statements"]}) == (True, {"pending"})

    databricks.clear()
    ran = play([task("run", **options), task("again", **options)], tmp_path / "b", verbosity=4, extra={"login": login}).ok
    result = ran["run"].result
    assert (result["changed"], result["executed"], result["total"]) == (True, 11, 11)
    assert [(each["line"], each["verb"], each["object"], each["rows"]) for each in result["statements"]] == [
        (2, "CREATE CATALOG", f"`{new}`", None),
        (2, "USE", f"`{new}`", None),
        (4, "CREATE SCHEMA", "`immuta;system`", None),
        (4, "USE", "`immuta;system`", None),
        (5, "CREATE TABLE", "version", None),
        (6, "INSERT", "version", 2),
        (7, "CREATE FUNCTION", "f", None),
        (8, "CREATE FUNCTION", "g", None),
        (12, "CREATE VIEW", "v", None),
        (13, "GRANT", f"`{new}`", None),
        (14, "ALTER CATALOG", f"`{new}`", None),
    ]
    ids = [each["query_id"] for each in result["statements"]]
    assert len(set(ids)) == 11 and all(ids)
    assert (ran["again"]["changed"], ran["again"]["done_already"], ran["again"]["statements_skipped"]) == (False, True, 11)
    assert [text for text in ran["run"].warnings if "not encrypted" in text]
    assert not traces(secrets, checked.shown)
    assert not traces(secrets, ran.shown)

    # One statement a call: for each task one to see that the login is good and one for `unless`, and the script's.
    sent = [each["asked"] for each in databricks.requests() if (each["method"], each["path"]) == ("POST", STATEMENTS)]
    assert len(sent) == 2 * 2 + 11
    assert [(each.get("catalog"), each.get("schema")) for each in sent[2:13]] == [(None, None)] * 2 + [(new, None)] * 2 + [(new, "immuta;system")] * 7

    after = databricks.catalog()
    made = after["catalogs"][new]
    assert (made["owner"], made["comment"]) == (principal, "Managed by Immuta; don't use")
    held = made["schemas"]["immuta;system"]
    assert (list(held["tables"]), list(held["views"]), sorted(held["functions"])) == (["version"], ["v"], ["f", "g"])
    assert held["functions"]["f"]["definition"] == "item = ';'"
    granted = {(each["privilege"], each["on"], each["name"]) for each in after["grants"] if each["principal"] == principal}
    assert granted == {("USE CATALOG", "CATALOG", new), ("CREATE SCHEMA", "CATALOG", new)}
    assert databricks.query(f"SELECT * FROM {new}.`immuta;system`.version ORDER BY 1") == [["100% {{ x }} %s ? :1", "C:\\;"], ["2", nasty]]

    gone = play([task("clean up", path=str(cleanup), purpose="cleanup", on_error="continue")], tmp_path / "c", extra={"login": login}).ok["clean up"]
    assert (gone["executed"], gone["statements_failed"], gone["statements"][2]["code"]) == (3, 1, "SCHEMA_NOT_FOUND")
    assert any("1 of 4 statements failed: Statement 3 (DROP SCHEMA nowhere, line 3)" in text for text in gone.warnings)
    assert databricks.catalog() == before


def test_a_run_that_breaks_half_way_says_where_and_is_taken_up_there(
    databricks: DatabricksEngine, login: dict[str, Any], new: str, nasty: str, tmp_path: Path
) -> None:
    script = f"CREATE CATALOG {new} COMMENT {literal(nasty)};\n\nINSERT INTO\n  {new}.s.t VALUES ('geheim');\nCREATE SCHEMA {new}.other;\n"
    failed = broken(task, script, login, tmp_path, (nasty, "geheim"))
    assert failed["msg"].startswith(f"Statement 2 (INSERT {new}.s.t, line 3) failed: TABLE_OR_VIEW_NOT_FOUND: near line 4: ")
    assert failed["msg"].endswith("1 of 3 statements ran. To run the rest, fix the cause, then run it again, and the ledger resumes at statement 2.")
    assert failed["failed_statement"]["sqlstate"] == "42P01"
    assert (failed["failed_statement"]["code"], failed["failed_statement"]["error_line"]) == ("TABLE_OR_VIEW_NOT_FOUND", 4)
    assert failed["failed_statement"]["query_id"]

    taken_up(task, f"CREATE SCHEMA {new}.s; CREATE TABLE {new}.s.t (a STRING)", login, tmp_path)
    assert databricks.query(f"SELECT a FROM {new}.s.t") == [["geheim"]]
    assert databricks.catalog()["catalogs"][new]["comment"] == nasty


def test_the_services_words_about_a_statement_are_masked(databricks: DatabricksEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    """It quotes the statement below its message."""
    given = {"login": login, "script": f"CREATE SCHEMA main.{new};\nCREATE SCHEMA main.{new}_b\n  COMMENT 'geheim' 'mehr'"}
    ran = play([task("run", script="{{ script }}")], tmp_path, verbosity=4, extra=given)
    assert "Statement 2 (CREATE SCHEMA" in ran["run"]["msg"] and "PARSE_SYNTAX_ERROR: near line 3: Syntax error at or near ''***''." in ran["run"]["msg"]
    assert (ran["run"]["failed_statement"]["code"], ran["run"]["failed_statement"]["error_line"]) == ("PARSE_SYNTAX_ERROR", 3)
    assert "== SQL" not in ran["run"]["msg"]
    assert not traces(["geheim", "mehr", login["token"]], ran.shown)


def test_a_place_is_carried_on_from_the_start_of_a_run_only(databricks: DatabricksEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    before = databricks.catalog()["catalogs"]["main"]
    script = f"CREATE CATALOG {new};\nUSE {new}.default;\nSET TIME ZONE 'UTC';\nCREATE TABLE t (a INT);\nUSE CATALOG nowhere;\nCREATE TABLE u (a INT)"
    ran = play([task("run", script=script)], tmp_path, extra={"login": {**login, "database": "main"}})
    assert [each["status"] for each in ran["run"]["statements"]] == ["ok"] * 4 + ["failed", "pending"]
    assert ran["run"]["failed_statement"]["code"] == "NO_SUCH_CATALOG_EXCEPTION"
    assert [text for text in ran["run"].warnings if "SET affects only its own statement" in text]
    assert list(databricks.catalog()["catalogs"][new]["schemas"]["default"]["tables"]) == ["t"]
    assert databricks.catalog()["catalogs"]["main"] == before


def test_what_does_not_belong_in_a_set_up_runs_only_for_who_says_so(databricks: DatabricksEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    script = f"CREATE SCHEMA main.{new};\nDROP CATALOG {new};"
    ran = play(
        [
            task("before", script=f"CREATE CATALOG {new}"),
            {"ignore_errors": True, **task("set-up", script=script)},
            {"ignore_errors": True, **task("other script", script=script, expected_sha256="0" * 64, purpose="any")},
        ],
        tmp_path / "a",
        extra={"login": login},
    )
    assert ran["set-up"]["refused"] == [{"number": 2, "line": 2, "verb": "DROP CATALOG", "object": new, "reason": "kind"}]
    assert "belong in a setup script for Databricks" in ran["set-up"]["msg"]
    assert "not the expected one" in ran["other script"]["msg"]
    found = databricks.catalog()["catalogs"]
    assert new in found and new not in found["main"]["schemas"]
    assert play([task("any", script=script, purpose="any")], tmp_path / "b", extra={"login": login}).ok["any"]["changed"] is True
    found = databricks.catalog()["catalogs"]
    assert new not in found and new in found["main"]["schemas"]


def test_bad_input_names_its_option_and_holds_no_secret(databricks: DatabricksEngine, login: dict[str, Any], tmp_path: Path) -> None:
    bare = {name: value for name, value in login.items() if name != "token"}
    logins = {
        "password": ({**login, "password": "geheim"}, "login.password is not an option of Databricks"),
        "no token": (bare, "login.token or login.client_id is needed"),
        "no secret": ({**bare, "client_id": "x"}, "login.client_secret is needed"),
        "cluster": ({**login, "http_path": "sql/protocolv1/o/1/2-3-x"}, "login.http_path is not the path of a SQL warehouse"),
        "browser": ({**bare, "authenticator": "externalbrowser"}, "login.authenticator is not an option of Databricks"),
        "token": ({**login, "token": "dapi-geheim"}, "cannot log in: "),
        "client": ({**bare, "client_id": databricks.admin_user, "client_secret": "geheim"}, "cannot log in: "),
        "warehouse": ({**login, "warehouse": "0123456789abcdef"}, "cannot log in: "),
    }
    tasks = [{"ignore_errors": True, **task(name, script="{{ script }}", login=f"{{{{ logins['{name}'] }}}}")} for name in logins]
    tasks.append({"ignore_errors": True, **task("unless", script="SELECT 1", unless="SELECT nothing FROM main.default.nowhere")})
    given = {name: given for name, (given, _complaint) in logins.items()}
    ran = play(tasks, tmp_path, verbosity=4, extra={"login": login, "logins": given, "script": "SELECT 'geheim'"})
    for name, (_given, complaint) in logins.items():
        assert ran[name].failed and complaint in ran[name]["msg"], (name, ran[name]["msg"])
    assert ran["cluster"]["option"] == "login.http_path"
    assert "login.warehouse" in ran["cluster"]["msg"]
    assert "The query in unless failed" in ran["unless"]["msg"]
    assert not traces(["geheim", login["token"]], ran.shown)


def test_a_token_that_ends_half_way_is_made_new(databricks: DatabricksEngine, new: str, tmp_path: Path) -> None:
    databricks.fault(statement="CREATE SCHEMA", status=401, body="")
    ran = play([task("run", script=f"CREATE CATALOG {new}; CREATE SCHEMA {new}.s")], tmp_path, extra={"login": databricks.oauth_login}).ok
    assert ran["run"]["executed"] == 2
    assert [each["path"] for each in databricks.requests()].count("/oidc/v1/token") == 2
    assert "s" in databricks.catalog()["catalogs"][new]["schemas"]


def test_a_slow_statement_is_waited_for_until_it_is_given_up(databricks: DatabricksEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    databricks.fault(statement=f"CREATE CATALOG {new}_a", pending=0.5, running=1)
    databricks.fault(statement=f"CREATE CATALOG {new}_b", running=60)
    script = f"CREATE CATALOG {new}_a; CREATE CATALOG {new}_b; CREATE CATALOG {new}_c"
    ran = play([task("run", script=script, statement_timeout=3)], tmp_path, extra={"login": login})
    failed = ran["run"]["failed_statement"]
    assert [each["status"] for each in ran["run"]["statements"]] == ["ok", "failed", "pending"]
    assert ran["run"]["statements"][0]["seconds"] > 1.4
    assert failed["code"] == "CANCELED" and "it had not finished after 3 seconds (statement_timeout)" in failed["message"]
    assert 3 <= failed["seconds"] < 10
    assert [each["path"] for each in databricks.requests() if each["path"].endswith("/cancel")] == [f"{STATEMENTS}/{failed['query_id']}/cancel"]
    found = databricks.catalog()["catalogs"]
    assert f"{new}_a" in found and f"{new}_b" not in found


@pytest.mark.parametrize("acts", [True, False])
def test_a_statement_whose_answer_is_lost_runs_again_only_by_a_persons_word(
    databricks: DatabricksEngine, login: dict[str, Any], new: str, acts: bool, tmp_path: Path
) -> None:
    databricks.fault(statement="CREATE SCHEMA", hang_up=True, acts=acts)
    options = {"script": f"CREATE CATALOG {new}; CREATE SCHEMA {new}.s; CREATE SCHEMA {new}.t", "ledger": str(tmp_path / "ledger")}
    lost = play([{"ignore_errors": True, **task("run", **options)}, {"ignore_errors": True, **task("again", **options)}], tmp_path, extra={"login": login})
    assert [each["status"] for each in lost["run"]["statements"]] == ["ok", "unknown", "pending"]
    assert "its answer never came, so it is not known whether it ran" in lost["run"]["msg"]
    assert "was sent in an earlier run" in lost["again"]["msg"] and "start_at: 3" in lost["again"]["msg"]
    assert ("s" in databricks.catalog()["catalogs"][new]["schemas"]) is acts
    assert "t" not in databricks.catalog()["catalogs"][new]["schemas"]

    resumed = play([task("on", **options, start_at=3 if acts else 2)], tmp_path, extra={"login": login}).ok["on"]
    assert [each["status"] for each in resumed["statements"]] == ["skipped", "skipped" if acts else "ok", "ok"]
    assert {"s", "t"} <= set(databricks.catalog()["catalogs"][new]["schemas"])


def test_an_answer_that_is_lost_while_it_is_waited_for_is_as_unknown(databricks: DatabricksEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    databricks.fault(statement="CREATE CATALOG", running=1)
    databricks.fault(method="GET", path=f"{STATEMENTS}/.*", status=404, body='{"error_code": "NOT_FOUND", "message": "gone"}')
    ran = play([task("run", script=f"CREATE CATALOG {new}", statement_timeout=3)], tmp_path, extra={"login": login})
    assert ran["run"]["failed_statement"]["status"] == "unknown"


def test_a_change_is_known_to_the_warehouse_and_what_became_of_it_is_reported(databricks: DatabricksEngine, login: dict[str, Any], tmp_path: Path) -> None:
    report = tmp_path / "report"
    how = {"login": login, "script": "SELECT 1; SELECT no_such_column", "purpose": "any", "report": str(report), "change_reference": "CHG0012345"}
    run = play([{**task("run", **how), "check_mode": mode} for mode in (True, False)], tmp_path, environment={"JOB_ID": "1"})
    assert run.rc != 0
    asked = [request["asked"] for request in databricks.requests() if request["path"] == STATEMENTS]
    assert asked and {json.dumps(each["query_tags"]) for each in asked} == {'[{"key": "change_reference", "value": "CHG0012345"}]'}
    (line,) = map(json.loads, report.read_text().splitlines())
    assert [(each["verb"], each["status"], bool(each["query_id"])) for each in line["statements"]] == [("SELECT", "ok", True), ("SELECT", "failed", True)]
    assert (line["executed"], line["total"], report.stat().st_mode & 0o777) == (1, 2, 0o600)
