# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: its line after every outcome of a run, parallel writes of many processes, and the change reference."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core import json_lines
from ansible_collections.community.immuta.plugins.module_utils._core.change import MAX_LENGTH, application_name, checked_reference, user_agent
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._platform import audit
from ansible_collections.community.immuta.plugins.module_utils._platform.flow import Answer
from ansible_collections.community.immuta.plugins.module_utils._platform.summary import RECOVERY, Script
from immuta_simulator import Simulator
from support.leaks import traces
from unit.test_platform_plan import ADMIN, NEW, SCRIPTS, SECRET, Role, redshift, refused, registered

CHANGE = "CHG0012345"
KEYS = ["format", "time_started", "time_ended", "who", "host", "job", "change_reference", "tenant", "platform", "work", "result", "message", "scripts"]

# --- the file ----------------------------------------------------------------------------------------------------


def parse_variables(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []


def test_many_processes_append_to_one_file(tmp_path: Path) -> None:
    log, processes, each = tmp_path / "audit.jsonl", 12, 60
    code = (
        f"import sys\nfrom {json_lines.__name__} import append\n"
        f"for number in range({each}):\n    append({str(log)!r}, {{'who': sys.argv[1], 'number': number, 'long': sys.argv[1] * (7919 * number % 40000)}}, '')"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [subprocess.Popen([sys.executable, "-c", code, str(number)], env=environment) for number in range(processes)]
    assert [process.wait() for process in running] == [0] * processes
    found = parse_variables(log)
    assert sorted((int(line["who"]), line["number"]) for line in found) == [(who, number) for who in range(processes) for number in range(each)]
    assert all(line["long"] == line["who"] * (7919 * line["number"] % 40000) for line in found)
    own = {who: [line["number"] for line in found if line["who"] == str(who)] for who in range(processes)}
    assert all(numbers == list(range(each)) for numbers in own.values()), "a process's own lines are in the order in which it wrote them"


def test_a_line_is_one_write_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This must hold even if file locks have no effect."""
    log, written, flags = tmp_path / "log", [], []
    write, opened = os.write, os.open
    monkeypatch.setattr(json_lines.fcntl, "flock", Mock(side_effect=OSError("no locks")))
    monkeypatch.setattr(json_lines.os, "write", lambda handle, data: (written.append(data), write(handle, data))[1])
    monkeypatch.setattr(json_lines.os, "open", lambda path, how, mode: (flags.append(how), opened(path, how, mode))[1])
    json_lines.append(str(log), {"text": "a\nb\u2028c\x1b é"}, "log")
    assert len(written) == 1 and written[0].endswith(b"\n") and log.read_bytes() == written[0]
    assert flags[0] & os.O_APPEND and parse_variables(log) == [{"text": "a\nb\u2028c\x1b é"}]


def test_only_its_owner_can_read_it_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    log = tmp_path / "log"
    before = os.umask(0)
    try:
        json_lines.ensure_writable(str(log), "log")
    finally:
        os.umask(before)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 and log.read_bytes() == b""
    log.chmod(0o640)
    json_lines.append(str(log), {}, "log")
    assert stat.S_IMODE(log.stat().st_mode) == 0o640


def test_a_line_behind_one_that_was_cut_off_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"a": 1}\n{"b"')
    json_lines.append(str(log), {"c": 3}, "log")
    assert log.read_text().splitlines() == ['{"a": 1}', '{"b"', '{"c": 3}']


@pytest.mark.parametrize(
    ("place", "why"),
    [("none/log", "No such file or directory"), ("", "Is a directory"), ("pipe", "No such device|it is not a regular file"), ("link", "No such file")],
)
def test_what_nothing_can_be_appended_to_is_refused_at_once(tmp_path: Path, place: str, why: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "none" / "log")
    for call in (lambda: json_lines.ensure_writable(str(tmp_path / place), "audit_log"), lambda: json_lines.append(str(tmp_path / place), {}, "audit_log")):
        with pytest.raises(OptionError, match=f"audit_log .* cannot be written: (?:{why})") as found:
            call()
        assert found.value.facts["option"] == "audit_log"


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(json_lines.os, "write", lambda handle, data: write(handle, data[:5]))
    with pytest.raises(OptionError, match="the line was truncated"):
        json_lines.append(str(tmp_path / "log"), {"a": 1}, "log")


# --- the change reference ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "read_as"),
    [
        (None, ""),
        ("", ""),
        ("  ", ""),
        ("\n", ""),
        (CHANGE, CHANGE),
        (f" {CHANGE}\n", CHANGE),
        ("Änderung 4, zweite", "Änderung 4, zweite"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH),
    ],
)
def test_a_reference(given: Any, read_as: str) -> None:
    assert checked_reference(given) == read_as


@pytest.mark.parametrize("given", ["x" * (MAX_LENGTH + 1), "a\nb", "a\r\nX-Admin: 1", "a\tb", "a\0b", "a\x1b[31m", "a\u2028b", "a\ud800", "a\u202eb"])
def test_what_is_no_reference_is_refused(given: str) -> None:
    with pytest.raises(OptionError, match="change_reference must be one line of at most 200 printable characters"):
        checked_reference(given)


@pytest.mark.parametrize(
    ("reference", "agent", "name"),
    [
        ("", "p/1", "p/1"),
        (CHANGE, f"p/1 (change {CHANGE})", f"p/1 {CHANGE}"),
        ("a) evil/2 (b", "p/1 (change a-evil-2-b)", "p/1 a) evil/2 (b"),
        ("Ü 4; \\ \"'", "p/1 (change -4-)", "p/1 ? 4; \\ \"'"),
        ("x" * 200, f"p/1 (change {'x' * 200})", f"p/1 {'x' * 59}"),
    ],
)
def test_what_carries_a_reference(reference: str, agent: str, name: str) -> None:
    assert (user_agent("p/1", reference), application_name("p/1", reference, 63)) == (agent, name)
    assert re.fullmatch(r"p/1(?: \(change [!#$%&'*+.^_`|~0-9A-Za-z-]+\))?", user_agent("p/1", reference)), "a product and a comment of token characters"


# --- the content of a line ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "job"),
    [
        ({}, {}),
        ({"awx_job_id": 7, "awx_job_template_name": "register", "awx_user_name": "ada"}, {"id": "7", "template": "register", "user": "ada"}),
        ({"tower_job_id": 7, "tower_user_name": "bob", "awx_user_name": "ada"}, {"id": "7", "user": "ada"}),
        ({"tower_password": "s3cret", "awx_token": "s3cret", "awx_job_id": ["7"], "tower_job_id": ""}, {}),
    ],
)
def test_the_job_that_variables_name(variables: Mapping[str, Any], job: Mapping[str, str]) -> None:
    assert audit.job_of(variables) == job


def test_the_checksum_of_a_plan() -> None:
    answer = Answer("updated", id="7", settings="abc", changes=("config.b", "config.a"), status="enabled")
    text = '{"action":"updated","changes":["config.a","config.b"],"id":"7","settings":"abc"}'
    assert audit.plan_checksum(answer) == hashlib.sha256(text.encode()).hexdigest()


STATEMENT = {"number": 1, "verb": "DROP DATABASE", "object": "d", "status": "ok", "query_id": "q1"}
REPORT = {"sha256": "a" * 64, "executed": 1, "skipped": 2, "total": 3, "statements": [STATEMENT]}


def test_the_scripts_of_a_line() -> None:
    scripts = {
        "1-create": Script("create", purpose="setup", database="d", sha256="a" * 64, statements=3),
        "2-after": Script("after", sha256="b" * 64, statements=5),
        "3-edit": Script("edit", sha256=None),
        "4-delete": Script("delete", sha256=""),
        "recovery-1-cleanup": Script("cleanup", RECOVERY, "cleanup", "d", sha256=None),
    }
    found = audit.script_entries(scripts, {"1-create": [REPORT], "recovery-1-cleanup": [{**REPORT, "sha256": "c" * 64}] * 2}, ["a" * 64])
    assert [(each["name"], each["purpose"], each["database"]) for each in found] == [
        ("1-create", "setup", "d"),
        ("2-after", "any", None),
        *[("recovery-1-cleanup", "cleanup", "d")] * 2,
    ], "no script that is not made and did not run"
    assert [(each["sha256"], each["approved_sha256"]) for each in found[:3]] == [("a" * 64, "a" * 64), ("b" * 64, None), ("c" * 64, None)]
    assert [(each["executed"], each["skipped"], each["total"], len(each["statements"])) for each in found[:2]] == [(1, 2, 3, 1), (0, 0, 5, 0)]


# --- the plans of a run, and the line at its end -----------------------------------------------------------------


class Audited(Role):
    """The role with an audit log. Reports of scripts are written in the same way as by the module."""

    @property
    def log(self) -> Path:
        return Path(self.variables["audit_log"])

    def ran(self, *, but: str = "ok", of: int = 99) -> None:
        super().ran(but=but, of=of)
        for step in self.plan["run"]:
            sha256 = step["options"].get("expected_sha256") or "d" * 64
            json_lines.append(step["options"]["report"], {**REPORT, "sha256": sha256, "statements": [{**STATEMENT, "status": but}]}, "report")

    def line(self) -> dict[str, Any]:
        """Return the only line."""
        (found,) = parse_variables(self.log)
        assert not traces([SECRET, NEW, ADMIN, self.variables["api_key"]], self.log), "a secret"
        assert [*found] == [*KEYS, "plan_sha256", "registration"]
        assert found["time_started"] <= found["time_ended"] and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["time_ended"])
        return found


def has_audit_log(tenant: Simulator, place: Path, **variables: Any) -> Audited:
    given = redshift(tenant, place, audit_log=str(place / "audit.jsonl"), change_reference=CHANGE, **variables).variables
    return Audited(tenant, place, **given)


def test_the_line_of_a_set_up(tenant: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOB_ID", "4711")
    approved = [hashlib.sha256(SCRIPTS[name].encode()).hexdigest() for name in ("initial-create", "create")]
    role = has_audit_log(tenant, tmp_path, approved_sha256=approved, job={"template": "register", "user": "ada"})
    role.begin()
    assert role.plan["ask"]["options"]["change_reference"] == CHANGE and "report" not in role.plan["ask"]["options"]
    role.made()
    assert {step["options"]["change_reference"] for step in role.plan["run"]} == {CHANGE}
    role.ran()
    assert role.log.read_bytes() == b"", "the line is written when the run ends"
    role.told(validation={"status": "passed", "tests": []})
    line = role.line()
    assert (line["who"], line["job"], line["change_reference"], line["tenant"]) == (
        subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip(),
        {"id": "4711", "template": "register", "user": "ada"},
        CHANGE,
        tenant.url,
    )
    assert line["platform"] == {"name": "prod", "kind": "integration", "id": "7", "type": "Redshift", "host": "rs.example.com", "database": "immuta"}
    assert (line["work"], line["result"], line["registration"]) == ("setup", "changed", {"action": "created", "validation": "passed"})
    assert line["message"].startswith("Redshift rs.example.com: registered (id 7, healthy,")
    assert [(each["name"], each["sha256"], each["approved_sha256"]) for each in line["scripts"]] == [
        ("1-initial-create", approved[0], approved[0]),
        ("2-create", approved[1], approved[1]),
    ]
    assert line["scripts"][0]["statements"] == [STATEMENT] and re.fullmatch("[0-9a-f]{64}", line["plan_sha256"])
    assert not [name for name in role.files if name.endswith(".report")]
    assert {request["user_agent"] for request in tenant.requests()} == {f"community.immuta/1.0.0 (change {CHANGE})"}


def test_a_secret_that_was_reported_is_not_written(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path)
    role.begin()
    role.made()
    role.ran()
    json_lines.append(role.plan["run"][-1]["options"]["report"], {**REPORT, "statements": [{**STATEMENT, "object": f"u_{SECRET}"}]}, "report")
    role.told()
    assert role.line()["scripts"][-1]["statements"][0]["object"] == "u_<REDACTED>"


def test_nothing_to_do_leaves_a_line(tenant: Simulator, tmp_path: Path) -> None:
    id = registered(tenant, password=SECRET)
    role = has_audit_log(tenant, tmp_path, artifacts="")
    role.begin()
    line = role.line()
    assert (line["work"], line["result"], line["platform"]["id"], line["scripts"], line["registration"], line["job"]) == ("", "ok", id, [], None, None)
    assert "as it should be" in line["message"]


def test_check_mode_writes_nothing(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path)
    role.begin(check=True)
    role.next(made=[], check=True)
    role.next(answers=[], check=True)
    assert not role.plan["work"] and not [*tmp_path.rglob("*")]
    role.variables["change_reference"] = "a\nb"
    refusal = refused(role.begin, check=True)
    assert "immuta_platform_change_reference must be one line" in str(refusal)
    role.next(failure={"task": "x", "action": "immuta_platform_plan", "result": {}}, check=True)
    assert not [*tmp_path.rglob("*")]


@pytest.mark.parametrize("artifacts", [True, False])
def test_a_set_up_that_is_taken_back_says_both(tenant: Simulator, tmp_path: Path, artifacts: bool) -> None:
    place = str(tmp_path / "artifacts") if artifacts else ""
    role = has_audit_log(tenant, tmp_path, artifacts=place, on_failure="cleanup")
    role.begin()
    role.made()
    role.ran(of=2, but="failed")
    role.failed("immuta_sql_script", msg=f"It broke with {SECRET}.", executed=1, total=2)
    assert role.plan["work"] and parse_variables(role.log) == []
    role.made()
    assert [Path(step["options"]["report"]).name for step in role.plan["run"]] == ["recovery-1-cleanup.report"]
    role.ran()
    role.next(cleaned=True)
    line = role.line()
    assert [each["name"] for each in line["scripts"]] == ["1-initial-create", "2-create", "recovery-1-cleanup"]
    assert (line["result"], line["registration"]) == ("failed", None) and "The step: It broke with <REDACTED>" in line["message"]


def test_a_refusal_in_the_middle_and_one_at_the_start(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path)
    role.begin()
    error = refused(role.made, found=True)
    role.failed("immuta_platform_plan", msg=str(error), **error.facts)
    assert (role.line()["result"], role.line()["work"]) == ("failed", "setup")
    first = has_audit_log(tenant, tmp_path)
    first.begin()
    role.log.unlink()
    other = has_audit_log(tenant, tmp_path)
    error = refused(other.begin)
    other.failed("immuta_platform_plan", msg=str(error), started=error.facts["started"] - 60)
    line = other.line()
    assert "Another run is at work" in line["message"] and line["platform"]["host"] == "rs.example.com" and line["plan_sha256"] is None
    assert line["time_started"] < line["time_ended"]
    assert first.locks, "the line of the one that was refused leaves the other's lock alone"


def test_variables_that_make_no_sense_leave_a_line(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path, integration={"type": "Redshift", "config": {"host": "h"}, "pasword": SECRET}, url="https://u:p@x.example.com")
    error = refused(role.begin)
    role.failed("immuta_platform_plan", msg=str(error), **error.facts)
    line = role.line()
    assert (line["result"], line["platform"]["name"], line["platform"]["host"], line["tenant"]) == ("failed", "prod", None, None)


@pytest.mark.parametrize(
    ("variables", "says"), [({"audit_log": "{}/none/log"}, "cannot be written: No such file"), ({"audit_log": "log"}, "must be an absolute path")]
)
def test_a_log_that_cannot_be_written_stops_the_run_first(tenant: Simulator, tmp_path: Path, variables: dict[str, Any], says: str) -> None:
    role = has_audit_log(tenant, tmp_path)
    role.variables.update({name: value.format(tmp_path) for name, value in variables.items()})
    tenant.clear_log()
    error = refused(role.begin)
    assert says in str(error) and str(error).startswith("immuta_platform_audit_log ")
    assert tenant.requests() == [] and role.locks == [] and not [*tmp_path.rglob("*")]
    role.failed("immuta_platform_plan", msg=str(error), **error.facts)
    assert role.plan["message"].startswith("immuta_platform_audit_log ") and role.warnings == []


def test_a_log_that_is_gone_at_the_end_is_a_warning_with_the_line(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path)
    role.begin()
    role.log.unlink()
    role.log.mkdir()
    role.failed("immuta_sql_script", msg=f"It broke with {SECRET}.")
    (warning,) = role.warnings
    assert warning.startswith("immuta_platform_audit_log ") and json.loads(warning.partition("the line: ")[2])["result"] == "failed"
    assert not role.plan["work"] and role.plan["message"] and role.locks == [] and not traces([SECRET], warning)


def test_what_a_killed_run_reported_is_not_the_next_one_s(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path)
    role.begin()
    role.made()
    role.ran(of=2, but="unknown")
    assert [name for name in role.files if name.endswith(".report")] == ["1-initial-create.report", "2-create.report"] and parse_variables(role.log) == []
    for lock in role.locks:
        lock.unlink()
    other = has_audit_log(tenant, tmp_path)
    other.begin()
    other.failed("immuta_sql_script", msg="no")
    assert [each["statements"] for each in other.line()["scripts"]] == [[], []]


def test_the_line_of_a_rotation_has_no_checksum_of_a_secret(tenant: Simulator, tmp_path: Path) -> None:
    registered(tenant, password=SECRET)
    role = has_audit_log(tenant, tmp_path, entry="rotate", new_secrets={"password": NEW}, artifacts="")
    role.begin()
    role.made()
    assert "report" in role.plan["run"][0]["options"] and "report" not in role.plan["run"][1]["options"], "a sign-in is no script"
    Path(role.plan["run"][0]["options"]["ledger"]).write_text('{"number": 1, "status": "ok"}')
    json_lines.append(role.plan["run"][0]["options"]["report"], REPORT, "report")
    role.told("updated")
    line = role.line()
    assert (line["work"], line["result"], line["registration"]["action"]) == ("rotate", "changed", "updated")
    assert [(each["name"], each["sha256"], each["database"], each["statements"]) for each in line["scripts"]] == [("set", None, "immuta", [STATEMENT])]


def test_without_the_variables_nothing_is_reported(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    role.begin()
    role.made()
    assert not [name for step in role.plan["run"] for name in ("report", "change_reference") if name in step["options"]]
    assert {request["user_agent"] for request in tenant.requests()} == {"community.immuta/1.0.0"}


@pytest.mark.parametrize(("given", "environment", "agent"), [("", CHANGE, CHANGE), (None, CHANGE, CHANGE), ("CHG2", CHANGE, "CHG2"), ("", "", None)])
def test_the_reference_of_the_environment_is_the_last_one(
    tenant: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, environment: str, agent: str | None
) -> None:
    monkeypatch.setenv("IMMUTA_CHANGE_REFERENCE", environment)
    role = has_audit_log(tenant, tmp_path)
    role.variables["change_reference"] = given
    role.begin()
    role.failed("immuta_sql_script", msg="no")
    assert role.line()["change_reference"] == agent
    assert {request["user_agent"].partition(" (change ")[2].rstrip(")") or None for request in tenant.requests()} == {agent}


def test_sync_leaves_no_line(tenant: Simulator, tmp_path: Path) -> None:
    role = has_audit_log(tenant, tmp_path, entry="sync")
    role.begin()
    assert not role.log.exists() and not role.plan["sync"]
