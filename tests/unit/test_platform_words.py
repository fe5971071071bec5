# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role says: when a step broke, what to do next, and at the end what was done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._platform import messages
from ansible_collections.community.immuta.plugins.module_utils._platform.messages import (
    Failure,
    failure_message,
    next_steps_case,
    summary_lines,
    with_variable_names,
)
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import refusal_error
from unit.test_platform_flow import CHECK, CONNECTED, WHOLE, answer, at, half

STATEMENT = {"number": 5, "line": 9, "verb": "SELECT", "object": None, "status": "failed", "code": "42P01", "message": "no such table."}
SQL = {"msg": "long", "failed": True, "failed_statement": STATEMENT, "executed": 4, "total": 22, "statements_skipped": 0}


def failed(action: str = "community.immuta.immuta_sql_script", **result: Any) -> Failure:
    return Failure.of("community.immuta.immuta_platform : Run the script create | a, b", action, {**SQL, **result})


def test_what_failed_is_said_once() -> None:
    one = failed()
    assert (one.title, one.cause) == ("Run the script create", "Statement 5 (SELECT) on line 9 failed: 42P01: no such table.")
    lost = failed(failed_statement={**STATEMENT, "status": "unknown"})
    assert "was sent, but its answer never arrived" in lost.cause
    loop = Failure.of("x", "y.immuta_integration_script", {"results": [{"msg": "fine"}, {"failed": True, "msg": "no"}, {"failed": True, "msg": "no"}]})
    assert (loop.message, loop.action) == ("no", "immuta_integration_script")
    assert Failure.of("x", "y", {}).message == "the module gave no reason"


@pytest.mark.parametrize(
    ("result", "refused"),
    [
        ({"status": 422, "method": "POST"}, True),
        ({"status": 409, "method": "POST", "changed": True}, False),
        ({"status": 500}, False),
        ({"status": "createError"}, False),
        ({"status": 503, "dry_run": True}, True),
        ({"option": "config.host"}, True),
        ({}, False),
    ],
)
def test_whether_the_tenant_certainly_refused(result: dict[str, Any], refused: bool) -> None:
    assert Failure.of("t", "community.immuta.immuta_connection", {"msg": "m", **result}).request_refused is refused
    assert failed(**result).request_refused is None


@pytest.mark.parametrize(
    ("desired", "work", "flow", "failure", "case"),
    [
        ({}, "setup", {}, failed(executed=0), "nothing_ran"),
        ({}, "setup", {}, failed(), "kept_setup"),
        ({}, "edit", {}, failed(), "kept"),
        ({"artifacts": ""}, "setup", {}, failed(), "broke_setup"),
        ({"artifacts": ""}, "edit", {}, failed(), "broke"),
        ({"artifacts": ""}, "setup", {"progress": {"1-initial-create": WHOLE}}, failed("x.immuta_integration", executed=0), "complete_setup"),
        ({"artifacts": ""}, "setup", {"resumed": True}, failed(executed=0), "broke_setup"),
        (CONNECTED, "delete", {"forgotten": True}, failed(executed=0), "forgotten"),
        (CONNECTED, "delete", {}, failed(executed=0), "nothing_ran"),
    ],
)
def test_the_advice_after_a_failure(desired: dict[str, Any], work: str, flow: dict[str, Any], failure: Failure, case: str) -> None:
    there = at(desired, work, **flow)
    assert next_steps_case(failure, there) == case
    text = failure_message(failure, there, case)
    assert text.startswith("Run the script create: ") and "\nExecuted: " in text and "\nNext: " in text and "{" not in text


def test_what_had_been_executed_is_counted() -> None:
    flow = at({}, "setup", progress={"1-initial-create": WHOLE, "2-create": half()})
    flow = replace(flow, summary=flow.summary.with_script("1-initial-create", ran=True))
    text = failure_message(failed(statements_skipped=3), flow, "kept_setup")
    assert "Executed: initial-create (2 of 2 statements), 4 of 22 statements of what failed, and 3 in an earlier run." in text
    assert failure_message(Failure.of("t", "ansible.builtin.fail", {"msg": "as it is"}), flow, "kept") == "as it is"
    assert failure_message(failed(msg="before there was a plan", failed_statement=None), None, "") == "before there was a plan"
    assert set(messages.NEXT_STEPS) >= {"cleaned_up", "not_cleaned_up"}


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("set url, or the environment variable IMMUTA_URL", "", "set immuta_url, or the environment variable IMMUTA_URL"),
        ("check api_key (IMMUTA_API_KEY) or bearer_token", "", "check immuta_api_key (IMMUTA_API_KEY) or immuta_bearer_token"),
        ("immuta_url and immuta_platform_start_at stay", "", "immuta_url and immuta_platform_start_at stay"),
        ("set start_at: 5", "", "set immuta_platform_start_at: 5"),
        ("Raise wait_timeout to wait longer.", "", "Raise immuta_platform_wait_timeout to wait longer."),
        ("login.ssl is false", "", "immuta_platform_login.ssl is false"),
        ("config.password is needed", "integration", "immuta_platform_integration.config.password is needed"),
        ("connection.technology is", "connection", "immuta_platform_connection.connection.technology is"),
        ("config.password is needed", "", "config.password is needed"),
        ("To run them anyway, set purpose to any.", "", "To run them anyway, set immuta_platform_any_statement to true."),
        ("GET https://t/url failed, a curl", "", "GET https://t/url failed, a curl"),
    ],
)
def test_messages_name_the_roles_variables(text: str, kind: str, expected: str) -> None:
    assert with_variable_names(text, kind) == expected


def test_a_refusal_of_the_gate_names_the_roles_variable() -> None:
    text = with_variable_names(str(refusal_error([], "Redshift", "setup", "0")))
    assert "set immuta_platform_any_statement to true" in text and "purpose" not in text


@pytest.mark.parametrize(
    ("desired", "work", "flow", "plan", "lines"),
    [
        ({}, "", {"state": "done"}, answer("unchanged", healthy=True), ["Redshift rs.example.com: as it should be (id 7, healthy, 3 s)."]),
        ({}, "", {"state": "done"}, answer("unchanged", healthy=False, status="editError"), ["(id 7, NOT healthy: editError, 3 s)"]),
        ({}, "", {"state": "done", "busy": True}, answer("unchanged", busy=True, status="creating"), ["(id 7, still creating, 3 s)", "Next: wait, and run"]),
        ({}, "setup", CHECK, answer("created", changes=("config.host",)), ["would be registered", "Settings: 1 option.", "Scripts to run: initial-create,"]),
        ({"stages": ["generate"]}, "setup", {}, answer("created"), ["planned to be registered", "Next: run the stage run and then register. Have the review"]),
        ({**CONNECTED, "stages": ["generate"]}, "delete", {}, answer("deleted"), ["Next: run the stage register and then run."]),
        ({}, "setup", {"state": "done", "skipped": "adopted"}, answer("created"), ["Scripts: none run, the existing setup is adopted."]),
        ({}, "setup", {"state": "done", "progress": {"2-create": half()}}, answer("created"), ["Scripts run: create (1 of 2 statements)."]),
        ({"force_disable": True, "state": "absent"}, "forget", {"state": "done"}, answer("deleted"), ["unknown, because the tenant provided no script"]),
    ],
)
def test_the_summary_of_a_run(desired: dict[str, Any], work: str, flow: dict[str, Any], plan: Any, lines: list[str]) -> None:
    said = summary_lines(at(desired, work, **flow), plan, seconds=3.2)
    assert not [line for line in lines if line not in " ".join(said)], said
