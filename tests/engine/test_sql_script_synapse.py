# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""immuta_sql_script, run by ansible-playbook on the Synapse engine; the server's own catalogue is the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine.half_way import broken, taken_up
from engines import SynapseEngine
from support.leaks import traces
from support.literals import synapse as literal
from support.tasks import play

MODULE = "community.immuta.immuta_sql_script"
TYPE = "Azure Synapse Analytics"


def setup(name: str, secret: str) -> str:
    """What a set-up script may look like: GO in every place, several statements in a batch, bodies without an end."""
    return f"""\ufeff-- Set-up; [made] for {name}
/* a comment
GO
/* in a comment */ GO
*/
CREATE USER [{name} user] FOR LOGIN {name}
GO
CREATE SCHEMA [{name}] AUTHORIZATION [{name} user];
go
CREATE TABLE [{name}].[the]];table] (a NVARCHAR(200)); CREATE TABLE [{name}].n (b INT)
INSERT INTO [{name}].[the]];table] VALUES (N'100% {{{{ x }}}} %s %d ? it''s
GO
on'), ({literal(secret)})
GO
INSERT INTO [{name}].n VALUES (1);
GO 3 -- times
SELECT 1 AS a; SELECT b FROM [{name}].n; PRINT 'GO';
GO
CREATE PROCEDURE [{name}].p @a INT AS
BEGIN
  PRINT 'a; b';
  INSERT INTO [{name}].n VALUES (@a);
END
GO
CREATE FUNCTION [{name}].f(@a NVARCHAR(9)) RETURNS INT AS BEGIN RETURN LEN(@a) END
GO
CREATE VIEW [{name}].v AS SELECT b FROM [{name}].n
GO

GO
EXEC [{name}].p 7
GO
CREATE ROLE {name}_role; EXEC sp_addrolemember '{name}_role', [{name} user]
GRANT SELECT ON SCHEMA::[{name}] TO {name}_role
IF NOT EXISTS (SELECT 1 FROM sys.schemas WHERE name = '{name}') EXEC('CREATE SCHEMA [{name}]')"""


CLEANUP = """
DROP VIEW [{0}].v; DROP FUNCTION [{0}].f; DROP PROCEDURE [{0}].p; DROP TABLE [{0}].[the]];table]; DROP TABLE [{0}].n
GO
DROP SCHEMA [{0}]
GO
DROP SCHEMA nowhere
GO
EXEC sp_droprolemember '{0}_role', [{0} user]
DROP ROLE {0}_role; DROP USER [{0} user]
GO
"""


def task(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, MODULE: {"type": TYPE, "login": "{{ login }}", **options}}


@pytest.fixture
def login(synapse: SynapseEngine) -> dict[str, Any]:
    return synapse.login


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_set_up_from_check_to_clean_up(synapse: SynapseEngine, encrypted: bool, new: str, nasty: str, tmp_path: Path) -> None:
    login = synapse.encrypted_login if encrypted else synapse.login
    secrets = (nasty, nasty[::-1], synapse.admin_password)
    account, script, cleanup = tmp_path / "account.sql", tmp_path / "create.sql", tmp_path / "cleanup.sql"
    account.write_text(f"CREATE LOGIN {new} WITH PASSWORD = {literal(nasty[::-1])}", encoding="utf-8")
    script.write_text(setup(new, nasty), encoding="utf-8")
    cleanup.write_text(CLEANUP.format(new), encoding="utf-8")
    before = synapse.catalog()
    master = {**login, "database": "master"}
    options = {"path": str(script), "unless": f"SELECT 1 FROM sys.schemas WHERE name = '{new}'"}

    checked = play([task("check", **options)], tmp_path / "a", check=True, verbosity=4, extra={"login": login}).ok
    assert synapse.catalog() == before
    assert (checked["check"]["changed"], {each["status"] for each in checked["check"]["statements"]}) == (True, {"pending"})

    tasks = [task("account", path=str(account), login="{{ master }}"), task("run", **options), task("again", **options)]
    ran = play(tasks, tmp_path / "b", verbosity=4, extra={"login": login, "master": master}).ok
    result = ran["run"].result
    assert (result["changed"], result["executed"], result["total"]) == (True, 10, 10)
    assert [(each["line"], each["verb"], each["object"], each["rows"], each["status"]) for each in result["statements"]] == [
        (6, "CREATE USER", f"[{new} user]", None, "ok"),
        (8, "CREATE SCHEMA", f"[{new}]", None, "ok"),
        (10, "CREATE TABLE", f"[{new}].[the]];table]", None, "ok"),
        (15, "INSERT", f"[{new}].n", 1, "ok"),
        (17, "SELECT", None, None, "ok"),
        (19, "CREATE PROCEDURE", f"[{new}].p", None, "ok"),
        (25, "CREATE FUNCTION", f"[{new}].f", None, "ok"),
        (27, "CREATE VIEW", f"[{new}].v", None, "ok"),
        (31, "EXEC", f"[{new}].p", None, "ok"),
        (33, "CREATE ROLE", f"{new}_role", None, "ok"),
    ]
    assert (ran["again"]["changed"], ran["again"]["done_already"], ran["again"]["statements_skipped"]) == (False, True, 10)
    assert bool([text for text in ran["run"].warnings if "not encrypted" in text]) is not encrypted
    assert not traces(secrets, checked.shown)
    assert not traces(secrets, ran.shown)

    after = synapse.catalog()
    pool = after["databases"]["pool"]
    assert pool["schemas"][new] == {"owner": f"{new} user"}
    held = {name for kind in ("tables", "views", "functions", "procedures") for name in pool[kind] if name.startswith(f"{new}.")}
    assert held == {f"{new}.{name}" for name in ("the];table", "n", "v", "f", "p")}
    assert pool["roles"][f"{new}_role"] == {"members": [f"{new} user"]}
    assert synapse.query(f"SELECT a FROM [{new}].[the]];table] ORDER BY a") == [("100% {{ x }} %s %d ? it's\nGO\non",), (nasty,)]
    assert synapse.query(f"SELECT b FROM [{new}].v ORDER BY b") == [(1,), (1,), (1,), (7,)]
    assert synapse.can_login(new, nasty[::-1], "pool")

    tasks = [
        task("clean up", path=str(cleanup), purpose="cleanup", on_error="continue"),
        task("account", script=f"DROP LOGIN {new}", purpose="cleanup", login="{{ master }}"),
    ]
    gone = play(tasks, tmp_path / "c", extra={"login": login, "master": master}).ok["clean up"]
    assert (gone["executed"], gone["statements_failed"], gone["statements"][2]["code"]) == (3, 1, "15151")
    assert any("1 of 4 statements failed: Statement 3 (DROP SCHEMA nowhere, line 6)" in text for text in gone.warnings)
    assert synapse.catalog() == before


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        ("SELECT * FROM nowhere.t;", "208", "Invalid object name 'nowhere.t'"),
        ("RAISERROR('geheim', 16, 1);", "50000", "***"),
        ("THROW 51000, 'geheim', 1;", "51000", "***"),
    ],
    ids=["query", "raiserror", "throw"],
)
def test_an_error_behind_any_result_set_is_found(
    synapse: SynapseEngine, login: dict[str, Any], new: str, error: str, code: str, says: str, tmp_path: Path
) -> None:
    synapse.query(f"CREATE SCHEMA {new}")
    synapse.query(f"CREATE TABLE {new}.t (a INT)")
    befores = (
        "SELECT 1 AS a WHERE 1 = 0;",
        "SELECT 1 AS a WHERE 1 = 0; SELECT 1 AS a WHERE 1 = 0; PRINT 'so far';",
        "SELECT 1 AS a UNION ALL SELECT 2;",
        "SELECT 1 AS a; SELECT 'b' AS b;",
        f"UPDATE {new}.t SET a = 1 WHERE 1 = 0;",
        "",
    )
    scripts = {before: f"INSERT INTO {new}.t VALUES (1)\nGO\n{before}\n{error}\nGO\nINSERT INTO {new}.t VALUES (3)" for before in befores}
    tasks = [{"ignore_errors": True, **task(before or "none", script=f"{{{{ scripts[{number}] }}}}")} for number, before in enumerate(befores)]
    ran = play(tasks, tmp_path, verbosity=4, extra={"login": login, "scripts": list(scripts.values())})
    for before in befores:
        result = ran[before or "none"]
        assert result.failed and f"failed: {code}: " in result["msg"] and f"{says}. 1 of 3 statements ran." in result["msg"], before
        assert [each["status"] for each in result["statements"]] == ["ok", "failed", "pending"]
        assert (result["failed_statement"]["code"], result["failed_statement"]["error_line"]) == (code, 4)
    assert synapse.query(f"SELECT a FROM {new}.t") == [(1,)] * len(befores)
    assert not traces(["geheim", login["password"]], ran.shown)


def test_a_message_is_no_error(synapse: SynapseEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    script = f"PRINT 'an error';\nRAISERROR('no error', 10, 1);\nSELECT 1 AS a WHERE 1 = 0\nGO\nCREATE SCHEMA {new}"
    assert play([task("run", script=script)], tmp_path, extra={"login": login}).ok["run"]["executed"] == 2
    assert new in synapse.catalog()["databases"]["pool"]["schemas"]


def test_a_batch_that_is_repeated_stops_where_it_fails(synapse: SynapseEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    synapse.query(f"CREATE SCHEMA {new}")
    script = f"CREATE TABLE {new}.t (a INT)\nGO 2\nCREATE TABLE {new}.u (a INT)"
    ran = play([task("run", script=script)], tmp_path, extra={"login": login})
    assert [each["status"] for each in ran["run"]["statements"]] == ["failed", "pending"]
    assert ran["run"]["failed_statement"]["code"] == "2714"
    tables = synapse.catalog()["databases"]["pool"]["tables"]
    assert f"{new}.t" in tables and f"{new}.u" not in tables


def test_a_run_that_breaks_half_way_says_where_and_is_taken_up_there(
    synapse: SynapseEngine, login: dict[str, Any], new: str, nasty: str, tmp_path: Path
) -> None:
    script = (
        f"CREATE USER {new} WITH PASSWORD = {literal(nasty)}\nGO\n\nSELECT 1 AS a WHERE 1 = 0;\nINSERT INTO\n  {new}_s.t VALUES ('geheim');\nGO\n"
        f"GRANT SELECT ON SCHEMA::{new}_s TO {new};\n"
    )
    failed = broken(task, script, login, tmp_path, (nasty, "geheim"))
    assert failed["msg"] == (
        f"Statement 2 (SELECT, line 4) failed: 208: near line 5: Invalid object name '{new}_s.t'. "
        "1 of 3 statements ran. To run the rest, fix the cause, then run it again, and the ledger resumes at statement 2."
    )

    taken_up(task, f"CREATE SCHEMA {new}_s\nGO\nCREATE TABLE {new}_s.t (a VARCHAR(20))", login, tmp_path)
    assert synapse.query(f"SELECT a FROM {new}_s.t", user=new, password=nasty) == [("geheim",)]


def test_what_has_to_begin_its_batch_is_refused_elsewhere_by_the_server(synapse: SynapseEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    ran = play([task("run", script=f"SELECT 1 AS a WHERE 1 = 0;\nCREATE SCHEMA {new};")], tmp_path, extra={"login": login})
    assert ran["run"]["failed_statement"]["code"] == "111"
    assert new not in synapse.catalog()["databases"]["pool"]["schemas"]


@pytest.mark.parametrize("hidden", ["", "SELECT 1 AS a ", "EXEC('{}') --"], ids=["open", "without a semicolon", "in a text"])
def test_what_does_not_belong_in_a_set_up_runs_only_for_who_says_so(
    synapse: SynapseEngine, login: dict[str, Any], new: str, hidden: str, tmp_path: Path
) -> None:
    synapse.query(f"CREATE USER {new} WITH PASSWORD = 'Xy1'")
    drop = f"DROP USER {new}"
    second = hidden.format(drop) if "{}" in hidden else hidden + drop
    script = f"CREATE SCHEMA {new}\nGO\n{second}"
    ran = play(
        [
            {"ignore_errors": True, **task("set-up", script=script)},
            {"ignore_errors": True, **task("other script", script=script, expected_sha256="0" * 64, purpose="any")},
        ],
        tmp_path / "a",
        extra={"login": login},
    )
    assert ran["set-up"]["refused"] == [{"number": 2, "line": 3, "verb": "DROP USER", "object": new, "reason": "kind"}]
    assert f"belong in a setup script for {TYPE}" in ran["set-up"]["msg"]
    assert "not the expected one" in ran["other script"]["msg"]
    pool = synapse.catalog()["databases"]["pool"]
    assert new in pool["users"] and new not in pool["schemas"]
    assert play([task("any", script=script, purpose="any")], tmp_path / "b", extra={"login": login}).ok["any"]["changed"] is True
    pool = synapse.catalog()["databases"]["pool"]
    assert new not in pool["users"] and new in pool["schemas"]


def test_bad_input_names_its_option_and_holds_no_secret(synapse: SynapseEngine, login: dict[str, Any], tmp_path: Path) -> None:
    secure = synapse.encrypted_login
    logins: dict[str, tuple[dict[str, Any], str, str | None]] = {
        "browser": ({**login, "authenticator": "ActiveDirectoryInteractive"}, "Microsoft Entra ID is not possible here", "login.authenticator"),
        "token": ({**login, "token": "geheim"}, "Microsoft Entra ID is not possible here", "login.token"),
        "account": ({**login, "account": "x"}, "login.account is not an option of Azure Synapse Analytics", "login.account"),
        "no database": ({name: value for name, value in login.items() if name != "database"}, "login.database is needed", "login.database"),
        "host": ({**login, "host": "tcp:x,1433"}, "login.host must be a host name and nothing else", "login.host"),
        "password": ({**login, "password": "geheim"}, "cannot log in: Login failed for user", None),
        "database": ({**login, "database": "nowhere"}, "cannot log in: Cannot open database", None),
        "nobody there": ({**login, "port": 9}, "cannot log in: ", None),
        "no authority": ({**secure, "ca_path": "/nowhere.pem"}, "/nowhere.pem is not a file", "login.ca_path"),
        "not trusted": ({name: value for name, value in secure.items() if name != "ca_path"}, "a certificate that is not trusted", None),
        # The server's own address, written another way: it answers, and its certificate is for 127.0.0.8.
        "other name": ({**secure, "host": "127.8"}, "a certificate that is not trusted", None),
    }
    tasks = [{"ignore_errors": True, **task(name, script="{{ script }}", login=f"{{{{ logins['{name}'] }}}}")} for name in logins]
    tasks.append({"ignore_errors": True, **task("unless", script="SELECT 1", unless="SELECT nothing FROM nowhere")})
    given = {name: given for name, (given, _complaint, _option) in logins.items()}
    ran = play(tasks, tmp_path, verbosity=4, extra={"login": login, "logins": given, "script": "SELECT 'geheim'"})
    for name, (_given, complaint, option) in logins.items():
        assert ran[name].failed and complaint in ran[name]["msg"], (name, ran[name]["msg"])
        assert ran[name].get("option") == option
    assert "The query in unless failed" in ran["unless"]["msg"]
    assert not traces(["geheim", login["password"]], ran.shown)


def test_a_batch_is_given_up_in_time(synapse: SynapseEngine, login: dict[str, Any], new: str, tmp_path: Path) -> None:
    """The server is told to stop and need not say whether it did: nobody may take the batch for failed."""
    script = f"CREATE SCHEMA {new}\nGO\nWAITFOR DELAY '00:00:30'"
    ran = play([task("slow", script=script, statement_timeout=1)], tmp_path, extra={"login": login})
    assert [each["status"] for each in ran["slow"]["statements"]] == ["ok", "unknown"]
    assert "it had not finished after 1 second (statement_timeout)" in ran["slow"]["msg"]
    assert 0.9 < ran["slow"]["failed_statement"]["seconds"] < 10


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_whose_answer_is_lost_runs_again_only_by_a_persons_word(
    synapse: SynapseEngine, login: dict[str, Any], new: str, when: str, tmp_path: Path
) -> None:
    synapse.fault(f"CREATE SCHEMA {new}_b", when)
    options = {"script": f"CREATE SCHEMA {new}_a\nGO\nCREATE SCHEMA {new}_b\nGO\nCREATE SCHEMA {new}_c", "ledger": str(tmp_path / "ledger")}
    lost = play([{"ignore_errors": True, **task("run", **options)}, {"ignore_errors": True, **task("again", **options)}], tmp_path, extra={"login": login})
    assert [each["status"] for each in lost["run"]["statements"]] == ["ok", "unknown", "pending"]
    assert "its answer never came, so it is not known whether it ran" in lost["run"]["msg"]
    assert "was sent in an earlier run" in lost["again"]["msg"] and "start_at: 3" in lost["again"]["msg"]
    schemas = synapse.catalog()["databases"]["pool"]["schemas"]
    assert (f"{new}_b" in schemas) is (when == "after")
    assert f"{new}_c" not in schemas

    resumed = play([task("on", **options, start_at=3 if when == "after" else 2)], tmp_path, extra={"login": login}).ok["on"]
    assert [each["status"] for each in resumed["statements"]] == ["skipped", "skipped" if when == "after" else "ok", "ok"]
    assert {f"{new}_b", f"{new}_c"} <= set(synapse.catalog()["databases"]["pool"]["schemas"])
