# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: what it sends, what it does not send, and what it reports. The warehouse is a list in memory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ConnectionFailed,
    ImmutaError,
    OptionError,
    ScriptRefused,
    SqlError,
    StatementFailed,
)
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_base import StatementResult
from ansible_collections.community.immuta.plugins.module_utils._sql.runner import SHOWN_FROM_EACH_END, run_script
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split

SCRIPT = "-- set up\nCREATE DATABASE d; CREATE USER u PASSWORD 'geheim;1';\n\nGRANT r TO u;\nINSERT INTO t VALUES (1)"


class Warehouse:
    """A driver that records the statements. fails: statement -> the error that it raises."""

    target = "redshift host:5439/dev"

    def __init__(self, fails: dict[str, ImmutaError] | None = None, rows: list[tuple[Any, ...]] | None = None, login: ImmutaError | None = None) -> None:
        self.fails, self.rows, self.login = fails or {}, rows or [], login
        self.log: list[str] = []
        self.secrets: tuple[str, ...] = ()

    def __call__(self, login: dict[str, Any], *, secrets: tuple[str, ...], **_options: Any) -> Warehouse:
        self.secrets = secrets
        return self

    def connect(self) -> None:
        self.log.append("<connect>")
        if self.login:
            raise self.login

    def execute(self, text: str) -> StatementResult:
        self.log.append(text)
        if text in self.fails:
            raise self.fails[text]
        return StatementResult(1, f"q{len(self.log)}")

    def query(self, text: str) -> tuple[Any, ...] | None:
        self.log.append(f"? {text}")
        if text in self.fails:
            raise self.fails[text]
        return self.rows[0] if self.rows else None

    def close(self) -> None:
        self.log.append("<close>")

    @property
    def sent(self) -> list[str]:
        return [text for text in self.log if not text.startswith(("<", "?"))]


class Task:
    def __init__(self, check_mode: bool = False, **params: Any) -> None:
        self.check_mode = check_mode
        defaults = {"type": "Redshift", "purpose": "setup", "start_at": 1, "on_error": "stop", "login": {}, "connect_timeout": 60, "statement_timeout": 600}
        source = {} if "path" in params else {"script": SCRIPT}
        self.params = {**defaults, **source, **params}
        self.warnings: list[str] = []
        self.secrets: set[str] = set()

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def register_secrets(self, *values: str) -> None:
        self.secrets.update(values)


def run(warehouse: Warehouse, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    return run_script(Task(check_mode, **params), warehouse)


def failure(warehouse: Warehouse, **params: Any) -> dict[str, Any]:
    with pytest.raises(StatementFailed) as caught:
        run(warehouse, **params)
    return caught.value.as_fail_json()


def statuses(result: dict[str, Any]) -> list[str]:
    return [statement["status"] for statement in result["statements"]]


FAILING = "GRANT r TO u"
REFUSAL = SqlError('role "r" does not exist', code="42704", sqlstate="42704", query_id="q9")
LOST = AnswerLost("Redshift at host: the connection broke")


# --- a whole script ---


def test_every_statement_is_sent_as_written_over_one_connection_and_counted() -> None:
    warehouse = Warehouse()
    result = run(warehouse)
    assert warehouse.log == [
        "<connect>",
        "CREATE DATABASE d",
        "CREATE USER u PASSWORD 'geheim;1'",
        "GRANT r TO u",
        "INSERT INTO t VALUES (1)",
        "<close>",
    ]
    assert (result["changed"], result["executed"], result["total"], result["statements_skipped"], result["statements_failed"]) == (True, 4, 4, 0, 0)
    assert result["done_already"] is False
    assert [(each["number"], each["line"], each["verb"], each["object"]) for each in result["statements"]] == [
        (1, 2, "CREATE DATABASE", "d"),
        (2, 2, "CREATE USER", "u"),
        (3, 4, "GRANT", "r"),
        (4, 5, "INSERT", "t"),
    ]
    assert statuses(result) == ["ok"] * 4
    # Only these verbs have a meaningful row count.
    assert [each["rows"] for each in result["statements"]] == [None, None, None, 1]
    assert [each["query_id"] for each in result["statements"]] == ["q2", "q3", "q4", "q5"]
    assert all(isinstance(each["seconds"], float) for each in result["statements"])


def test_the_result_contains_no_statement_and_the_passwords_are_registered() -> None:
    warehouse = Warehouse()
    task = Task()
    result = run_script(task, warehouse)
    assert "geheim" not in json.dumps(result)
    assert task.secrets == {"geheim;1"} == set(warehouse.secrets)


def test_a_batch_runs_as_often_as_go_says() -> None:
    warehouse = Warehouse()
    run(warehouse, type="Azure Synapse Analytics", script="INSERT INTO t VALUES (1)\nGO 3\nSELECT 1")
    assert warehouse.sent == ["INSERT INTO t VALUES (1)"] * 3 + ["SELECT 1"]


def test_a_script_from_a_file_gives_the_same_result(tmp_path: Path) -> None:
    file = tmp_path / "create.sql"
    file.write_bytes(b"\xef\xbb\xbfSELECT 'h\xc3\xbc';\r\nSELECT 2;\r\n")
    warehouse = Warehouse()
    result = run(warehouse, path=str(file))
    assert warehouse.sent == ["SELECT 'hü'", "SELECT 2"]
    assert result["checksum"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert run(warehouse, path=str(file), expected_sha256=f" {result['checksum'].upper()} ")["executed"] == 2


@pytest.mark.parametrize("total", [2 * SHOWN_FROM_EACH_END, 2 * SHOWN_FROM_EACH_END + 1, 2 * SHOWN_FROM_EACH_END + 57])
def test_the_result_shows_both_ends_of_a_long_script(total: int) -> None:
    result = run(Warehouse(), script="".join(f"SELECT {number};\n" for number in range(total)))
    numbers = [each["number"] for each in result["statements"]]
    assert numbers == [*range(1, SHOWN_FROM_EACH_END + 1), *range(total - SHOWN_FROM_EACH_END + 1, total + 1)]
    assert result["statements_omitted"] == total - 2 * SHOWN_FROM_EACH_END
    assert result["executed"] == result["total"] == total


# --- failures ---


def test_a_failure_stops_the_run_and_names_the_statement() -> None:
    warehouse = Warehouse({FAILING: REFUSAL})
    result = failure(warehouse)
    assert warehouse.log[-2:] == [FAILING, "<close>"]
    assert statuses(result) == ["ok", "ok", "failed", "pending"]
    assert (result["executed"], result["total"], result["statements_failed"], result["changed"]) == (2, 4, 1, True)
    stopped = result["failed_statement"]
    assert stopped["seconds"] >= 0
    assert {key: stopped[key] for key in ("number", "line", "verb", "object", "status", "code", "sqlstate", "message", "query_id")} == {
        "number": 3,
        "line": 4,
        "verb": "GRANT",
        "object": "r",
        "status": "failed",
        "code": "42704",
        "sqlstate": "42704",
        "message": 'role "r" does not exist',
        "query_id": "q9",
    }
    assert result["msg"] == (
        'Statement 3 (GRANT r, line 4) failed: 42704: role "r" does not exist. 2 of 4 statements ran. To run the rest, fix the cause, then set start_at: 3.'
    )


def test_a_failure_of_the_first_statement_changed_nothing() -> None:
    result = failure(Warehouse({"CREATE DATABASE d": REFUSAL}))
    assert result["changed"] is False
    assert result["msg"].endswith("fix the cause, then run it again.")


def test_the_line_of_an_error_is_a_line_of_the_script() -> None:
    text = "SELECT\n1 +\nx"
    result = failure(Warehouse({text: SqlError("no column x", code="42703", line=3)}), script=f"\n{text}")
    assert result["failed_statement"]["error_line"] == 4
    assert "line 2) failed: 42703: near line 4: no column x." in result["msg"]


def test_a_lost_answer_leaves_the_statement_unknown() -> None:
    result = failure(Warehouse({FAILING: LOST}))
    assert statuses(result) == ["ok", "ok", "unknown", "pending"]
    assert (result["failed_statement"]["status"], result["failed_statement"]["code"], result["statements_failed"]) == ("unknown", None, 0)
    assert "its answer never came" in result["msg"]
    assert "set start_at: 4 if it ran, or 3 if it did not" in result["msg"]


def test_a_clean_up_can_continue_after_failures() -> None:
    script = "DROP USER a; DROP USER b; DROP DATABASE c"
    task = Task(script=script, purpose="cleanup", on_error="continue")
    warehouse = Warehouse({"DROP USER a": REFUSAL, "DROP DATABASE c": REFUSAL})
    result = run_script(task, warehouse)
    assert warehouse.sent == script.split("; ")
    assert (statuses(result), result["statements_failed"], result["executed"], result["changed"]) == (["failed", "ok", "failed"], 2, 1, True)
    assert result["statements"][0]["message"] == 'role "r" does not exist'
    assert len(task.warnings) == 1
    assert task.warnings[0].startswith('2 of 3 statements failed: Statement 1 (DROP USER a, line 1): 42704: role "r" does not exist; Statement 3 ')


def test_a_lost_answer_stops_even_a_clean_up_that_continues_on_errors() -> None:
    warehouse = Warehouse({"DROP USER a": LOST})
    failure(warehouse, script="DROP USER a; DROP USER b", purpose="cleanup", on_error="continue")
    assert warehouse.sent == ["DROP USER a"]


def test_failures_in_the_middle_of_a_long_script_are_shown() -> None:
    script = "".join(f"DROP USER u{number};" for number in range(3 * SHOWN_FROM_EACH_END))
    result = run(Warehouse({f"DROP USER u{SHOWN_FROM_EACH_END + 7}": REFUSAL}), script=script, purpose="cleanup", on_error="continue")
    assert len(result["statements"]) == 2 * SHOWN_FROM_EACH_END + 1
    assert result["statements"][SHOWN_FROM_EACH_END]["number"] == SHOWN_FROM_EACH_END + 8
    assert result["statements_omitted"] == SHOWN_FROM_EACH_END - 1


def test_if_the_login_fails_nothing_runs() -> None:
    warehouse = Warehouse(login=ConnectionFailed("cannot log in"))
    with pytest.raises(ConnectionFailed):
        run(warehouse)
    assert warehouse.log == ["<connect>", "<close>"]


# --- refused before anything is sent ---


@pytest.mark.parametrize(
    ("params", "error", "complaint"),
    [
        ({"path": "/nowhere/create.sql"}, ScriptRefused, "/nowhere/create.sql cannot be read: No such file or directory"),
        ({"script": " ;\n-- nothing\n"}, ScriptRefused, "The script is empty"),
        ({"expected_sha256": "0" * 64}, ScriptRefused, "not the expected one"),
        ({"script": "SELECT 'a"}, ScriptRefused, "opens on line 1"),
        ({"script": "SELECT 1; DROP DATABASE d"}, ScriptRefused, r"do not belong in a setup script for Redshift: DROP DATABASE d \(statement 2, line 1\)"),
        ({"purpose": "cleanup"}, ScriptRefused, "CREATE DATABASE d"),
        ({"start_at": 6}, OptionError, "start_at is 6, and the script has statements 1 to 4"),
        ({"start_at": 0}, OptionError, "start_at is 0"),
        ({"on_error": "continue"}, OptionError, "only if purpose is cleanup"),
        ({"unless": "DELETE FROM t"}, OptionError, "unless must be one query"),
        ({"unless": "SELECT 1; SELECT 2"}, OptionError, "unless must be one query"),
        ({"unless": " "}, OptionError, "unless must be one query"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_errors_are_found_before_anything_is_sent(params: dict[str, Any], error: type[ImmutaError], complaint: str, check_mode: bool) -> None:
    warehouse = Warehouse()
    with pytest.raises(error, match=complaint):
        run(warehouse, check_mode, **params)
    assert warehouse.log == []


def test_the_refused_statements_are_listed() -> None:
    script = "SELECT 1;\n" + "DROP DATABASE d;\n" * 12
    with pytest.raises(ScriptRefused, match="and 2 more") as caught:
        run(Warehouse(), script=script)
    assert caught.value.facts["refused"][0] == {"number": 2, "line": 2, "verb": "DROP DATABASE", "object": "d", "reason": "kind"}
    assert len(caught.value.facts["refused"]) == 12


def test_the_scope_is_checked_and_the_result_says_so() -> None:
    own = {"database": "d", "accounts": ["u", "r"]}
    assert run(Warehouse(), scope=own)["scope_checked"] is True
    assert run(Warehouse(), True, scope=own)["scope_checked"] is True
    assert run(Warehouse())["scope_checked"] is False
    assert run(Warehouse(), scope=own, purpose="any")["scope_checked"] is False
    warehouse = Warehouse()
    with pytest.raises(ScriptRefused, match="neither the platform's own nor created by the script") as caught:
        run(warehouse, scope={"database": "d", "accounts": ["r"]})
    assert [(row["number"], row["object"], row["reason"]) for row in caught.value.facts["refused"]] == [(2, "u", "scope")]
    assert warehouse.log == []


def test_names_without_a_database_are_in_the_database_of_the_login() -> None:
    own = {"database": "d", "accounts": ["u", "r"]}
    assert run(Warehouse(), scope=own, login={"database": "D"})["executed"] == 4
    with pytest.raises(ScriptRefused, match=r"INSERT t \(statement 4, line 5\)"):
        run(Warehouse(), scope=own, login={"database": "dev"})


@pytest.mark.parametrize(
    "params",
    [
        {"unless": "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a"},
        {"unless": "SELECT 1 DROP DATABASE d", "type": "Azure Synapse Analytics", "script": "PRINT 'x'"},
        {"unless": "SELECT pg_terminate_backend(1)"},
        {"must_be_gone": {"what": "it", "query": "DROP DATABASE d"}},
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_query_that_changes_something_is_not_sent(params: dict[str, Any], check_mode: bool) -> None:
    warehouse = Warehouse()
    with pytest.raises(OptionError, match="nothing in it may change anything"):
        run(warehouse, check_mode, **params)
    assert warehouse.log == []


def test_purpose_any_runs_every_statement() -> None:
    warehouse = Warehouse()
    run(warehouse, script="DROP DATABASE d", purpose="any")
    assert warehouse.sent == ["DROP DATABASE d"]


def test_a_script_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "create.sql"
    file.write_bytes("SELECT 'ü'".encode("utf-16"))
    with pytest.raises(ScriptRefused, match="not UTF-8"):
        run(Warehouse(), path=str(file))
    with pytest.raises(ScriptRefused, match="not UTF-8"):
        run(Warehouse(), script="SELECT '\udcfc'")


# --- start_at, unless ---


def test_start_at_skips_the_statements_before_it() -> None:
    warehouse = Warehouse()
    result = run(warehouse, start_at=3)
    assert warehouse.sent == ["GRANT r TO u", "INSERT INTO t VALUES (1)"]
    assert (statuses(result), result["statements_skipped"], result["executed"]) == (["skipped", "skipped", "ok", "ok"], 2, 2)


QUERY = "SELECT 1 FROM pg_database WHERE datname = 'd'"


def test_a_row_of_unless_means_that_there_is_nothing_to_do() -> None:
    warehouse = Warehouse(rows=[(None,)])
    result = run(warehouse, unless=QUERY + " ;")
    assert warehouse.log == ["<connect>", f"? {QUERY}", "<close>"]
    assert (result["changed"], result["done_already"], result["executed"], result["statements_skipped"]) == (False, True, 0, 4)


def test_without_a_row_of_unless_the_script_runs() -> None:
    warehouse = Warehouse()
    result = run(warehouse, unless=QUERY)
    assert warehouse.log[1] == f"? {QUERY}"
    assert (result["changed"], result["done_already"], result["executed"]) == (True, False, 4)


def test_a_failed_unless_query_stops_the_run() -> None:
    warehouse = Warehouse({QUERY: REFUSAL})
    with pytest.raises(SqlError, match="The query in unless failed") as caught:
        run(warehouse, unless=QUERY)
    assert caught.value.facts["code"] == "42704"
    assert warehouse.sent == []


def test_unless_is_not_sent_with_start_at() -> None:
    warehouse = Warehouse(rows=[(1,)])
    assert run(warehouse, unless=QUERY, start_at=4)["executed"] == 1


# --- check mode ---


def test_check_mode_sends_nothing_and_says_what_would_run() -> None:
    warehouse = Warehouse()
    result = run(warehouse, True)
    assert warehouse.sent == [] and "<connect>" not in warehouse.log
    assert (result["changed"], statuses(result), result["executed"]) == (True, ["pending"] * 4, 0)
    assert set(result) == set(run(Warehouse()))


@pytest.mark.parametrize(("rows", "changed"), [([(1,)], False), ([], True)])
def test_check_mode_sends_the_unless_query(rows: list[tuple[Any, ...]], changed: bool) -> None:
    warehouse = Warehouse(rows=rows)
    result = run(warehouse, True, unless=QUERY)
    assert warehouse.log == ["<connect>", f"? {QUERY}", "<close>"]
    assert (result["changed"], result["done_already"]) == (changed, not changed)


@pytest.mark.parametrize("warehouse", [Warehouse(login=ConnectionFailed("cannot log in")), Warehouse({QUERY: REFUSAL}), Warehouse({QUERY: LOST})])
def test_check_mode_without_an_answer_warns_and_reports_changed(warehouse: Warehouse) -> None:
    task = Task(True, unless=QUERY)
    assert run_script(task, warehouse)["changed"] is True
    assert len(task.warnings) == 1 and "counts as changed" in task.warnings[0]


# --- the ledger ---


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    return str(tmp_path / "ledger")


def test_a_failed_run_is_resumed_where_it_stopped(ledger: str) -> None:
    result = failure(Warehouse({FAILING: REFUSAL}), ledger=ledger)
    assert "the ledger resumes at statement 3" in result["msg"]
    warehouse = Warehouse()
    result = run(warehouse, ledger=ledger)
    assert warehouse.sent == ["GRANT r TO u", "INSERT INTO t VALUES (1)"]
    assert (statuses(result), result["changed"]) == (["skipped", "skipped", "ok", "ok"], True)


def test_start_at_after_the_last_statement_completes_the_ledger(ledger: str) -> None:
    warehouse = Warehouse()
    result = run(warehouse, ledger=ledger, start_at=5)
    assert (result["changed"], result["executed"], result["statements_skipped"], warehouse.log) == (False, 0, 4, ["<close>"])
    assert run(Warehouse(), ledger=ledger)["executed"] == 0, "the ledger does not say that it has run"


def test_a_complete_ledger_needs_no_connection(ledger: str) -> None:
    run(Warehouse(), ledger=ledger)
    warehouse = Warehouse()
    result = run(warehouse, ledger=ledger)
    assert warehouse.log == ["<close>"]
    assert (result["changed"], result["statements_skipped"]) == (False, 4)


def test_half_a_setup_is_resumed_although_the_database_exists(ledger: str) -> None:
    failure(Warehouse({FAILING: REFUSAL}), ledger=ledger, unless=QUERY)
    warehouse = Warehouse(rows=[(1,)])
    assert run(warehouse, True, ledger=ledger, unless=QUERY)["changed"] is True
    result = run(warehouse, ledger=ledger, unless=QUERY)
    assert (result["executed"], result["done_already"]) == (2, False)
    assert f"? {QUERY}" not in warehouse.log


def test_a_complete_setup_that_is_gone_is_created_again(ledger: str) -> None:
    run(Warehouse(), ledger=ledger, unless=QUERY)
    assert run(Warehouse(rows=[(1,)]), ledger=ledger, unless=QUERY)["changed"] is False
    warehouse = Warehouse()
    assert run(warehouse, ledger=ledger, unless=QUERY)["executed"] == 4
    failure(Warehouse({FAILING: REFUSAL}), ledger=ledger, unless=QUERY)
    assert run(Warehouse(), ledger=ledger, unless=QUERY)["executed"] == 2


def test_after_a_lost_answer_the_run_asks_for_start_at(ledger: str) -> None:
    failure(Warehouse({FAILING: LOST}), ledger=ledger)
    warehouse = Warehouse()
    for check_mode in (True, False):
        with pytest.raises(ScriptRefused, match=r"Statement 3 \(GRANT r, line 4\) was sent in an earlier run") as caught:
            run(warehouse, check_mode, ledger=ledger)
        assert "start_at: 4 if it ran, or 3 if it did not" in str(caught.value)
        assert caught.value.facts["failed_statement"]["number"] == 3
    assert warehouse.sent == []
    assert run(warehouse, ledger=ledger, start_at=4)["executed"] == 1
    # From then on, the operator's start_at counts.
    assert run(Warehouse(), ledger=ledger)["statements_skipped"] == 4


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_statement_with_an_unknown_end_is_never_sent_again_wherever_it_stands(ledger: str, number: int) -> None:
    statements = [each.text for each in split(SCRIPT, "redshift")]
    failure(Warehouse({statements[number - 1]: LOST}), ledger=ledger)
    warehouse = Warehouse()
    with pytest.raises(ScriptRefused, match=f"Statement {number} "):
        run(warehouse, ledger=ledger)
    assert warehouse.log == ["<close>"]


def test_a_run_that_dies_during_a_statement_leaves_it_unknown(ledger: str) -> None:
    class Killed(BaseException):
        pass

    warehouse = Warehouse({FAILING: Killed()})  # type: ignore[dict-item]
    with pytest.raises(Killed):
        run(warehouse, ledger=ledger)
    with pytest.raises(ScriptRefused, match="Statement 3"):
        run(Warehouse(), ledger=ledger)


def test_a_resumed_clean_up_repeats_only_the_failed_statements(ledger: str) -> None:
    params = {"script": "DROP USER a; DROP USER b; DROP USER c", "purpose": "cleanup", "on_error": "continue", "ledger": ledger}
    run(Warehouse({"DROP USER b": REFUSAL}), **params)
    warehouse = Warehouse()
    run(warehouse, **params)
    assert warehouse.sent == ["DROP USER b"]


def test_check_mode_reads_the_ledger_and_does_not_write_it(ledger: str) -> None:
    run(Warehouse(), True, ledger=ledger)
    assert not Path(ledger).exists()
    failure(Warehouse({FAILING: REFUSAL}), ledger=ledger)
    before = Path(ledger).read_bytes()
    result = run(Warehouse(), True, ledger=ledger)
    assert statuses(result) == ["skipped", "skipped", "pending", "pending"]
    assert Path(ledger).read_bytes() == before


def test_a_ledger_of_another_script_is_refused_before_anything_is_sent(ledger: str) -> None:
    run(Warehouse(), ledger=ledger)
    warehouse = Warehouse()
    with pytest.raises(ScriptRefused, match="is about another script"):
        run(warehouse, ledger=ledger, script=SCRIPT + ";")
    assert warehouse.sent == []


# --- the report ---


def reported(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_report_holds_no_secret_even_as_the_name_of_an_object(tmp_path: Path) -> None:
    report = tmp_path / "report"
    run(Warehouse(), report=str(report), script="CREATE USER u PASSWORD 'geheim;1'; CREATE ROLE \"geheim;1\"")
    assert "geheim" not in report.read_text(encoding="utf-8")


def test_a_report_gets_one_line_per_run_even_if_it_fails_and_none_in_check_mode(tmp_path: Path) -> None:
    report = tmp_path / "report"
    failure(Warehouse(fails={FAILING: REFUSAL}), report=str(report))
    run(Warehouse(), start_at=2, report=str(report))
    run(Warehouse(), check_mode=True, report=str(report))
    run(Warehouse(), check_mode=True, report=str(tmp_path / "none"))
    assert [[each["status"] for each in line["statements"]] for line in reported(report)] == [["ok", "ok", "failed", "pending"], ["skipped", "ok", "ok", "ok"]]
    assert [(line["executed"], line["skipped"], line["total"]) for line in reported(report)] == [(2, 0, 4), (3, 1, 4)]
    assert reported(report)[0]["statements"][2] == {"number": 3, "verb": "GRANT", "object": "r", "status": "failed", "query_id": "q9"}
    assert "geheim" not in report.read_text() and not (tmp_path / "none").exists()


def test_an_unwritable_report_is_detected_before_the_login_and_hides_no_failure(tmp_path: Path) -> None:
    warehouse = Warehouse()
    with pytest.raises(OptionError, match=r"report .* cannot be written"):
        run(warehouse, report=str(tmp_path / "none" / "report"))
    assert warehouse.log == []
    report = tmp_path / "report"
    task = Task(report=str(report))
    warehouse = Warehouse(fails={FAILING: REFUSAL})
    warehouse.close = lambda: (report.unlink(), report.mkdir())  # type: ignore[assignment, method-assign]
    with pytest.raises(StatementFailed, match='role "r" does not exist'):
        run_script(task, warehouse)
    assert "report " in task.warnings[-1] and "Is a directory" in task.warnings[-1]


@pytest.mark.parametrize("reference", ["a\nb", "x" * 201])
def test_an_invalid_change_reference_is_refused_before_the_login(reference: str) -> None:
    warehouse = Warehouse()
    with pytest.raises(OptionError, match="change_reference must be one line"):
        run(warehouse, change_reference=reference)
    assert warehouse.log == []
