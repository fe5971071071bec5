# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last lines of a run say, row by row: what was done, what stays, and what the operator does next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._platform.flow import Answer, with_generated_script
from ansible_collections.community.immuta.plugins.module_utils._platform.messages import (
    Failure,
    failure_message,
    next_step,
    rotation_failure_message,
    summary_lines,
)
from unit.test_platform_flow import CHECK, CONNECTED, WHOLE, answer, at, half
from unit.test_platform_steps import SYNAPSE, with_scripts

GENERATE, RUN, REGISTER = ({"stages": [stage]} for stage in ("generate", "run", "register"))
FORGET = {"force_disable": True, "state": "absent"}


@pytest.mark.parametrize(
    ("desired", "work", "flow", "expected"),
    [
        ({}, "setup", CHECK, "run this without check mode."),
        ({}, "", {"state": "done", **CHECK}, ""),
        ({"repair": True}, "edit", {"action": "unchanged", **CHECK}, "run this without check mode."),
        ({}, "", {"action": "updated", **CHECK}, "run this without check mode."),
        ({}, "", {"state": "done", "busy": True}, "wait, and run this again."),
        ({}, "", {"state": "done"}, ""),
        (
            GENERATE,
            "setup",
            {"sha256": None},
            "the tenant generates 1-initial-create only after the earlier scripts have run. Run the stage run, then generate again.",
        ),
        ({}, "setup", {"sha256": None}, ""),
        (RUN, "setup", {"ran": True}, "run the stage register."),
        (GENERATE, "setup", {"ran": True}, "run the stage run and then register. Have the review copies in  read"),
        (REGISTER, "setup", {}, "run the stage run."),
        (REGISTER, "edit", {"ran": True}, ""),
        ({"stages": ["generate", "register"]}, "edit", {}, "run the stage run. Have the review copies"),
        (GENERATE, "edit", {"ran": True}, "run the stage register."),
        ({"stages": ["generate", "run"]}, "edit", {"ran": True}, "run the stage register."),
        ({**GENERATE, **FORGET}, "forget", {}, "run the stage register."),
        ({**GENERATE, "auto_bootstrap": True}, "", {"action": "created"}, "run the stage register."),
        ({**CONNECTED, **REGISTER}, "delete", {"forgotten": True}, "run the stage run."),
        ({**CONNECTED, **RUN}, "delete", {"forgotten": True, "ran": True}, ""),
    ],
)
def test_what_the_operator_does_next(desired: dict[str, Any], work: str, flow: dict[str, Any], expected: str) -> None:
    changes = {name: flow[name] for name in ("ran", "sha256") if name in flow}
    there = at(desired, work, **{name: value for name, value in flow.items() if name not in changes})
    said = next_step(with_scripts(there, **changes) if changes else there)
    assert said.startswith(expected) and bool(said) is bool(expected)
    assert ("Have the review copies" in said) is ("Have the review copies" in expected), said


@pytest.mark.parametrize(
    ("desired", "work", "flow", "plan", "lines", "others"),
    [
        ({}, "", {"state": "done"}, answer("unchanged", changes=("config.port",)), ["as it should be"], ["Changes"]),
        (RUN, "", {"state": "done"}, answer("unchanged"), ["as it should be"], ["planned to be"]),
        (RUN, "setup", {}, answer("created"), ["planned to be registered, in the stage register"], ["would"]),
        (RUN, "setup", CHECK, answer("created"), ["would be registered", "Scripts to run: initial-create, create."], ["planned"]),
        ({}, "setup", {"state": "done"}, answer("created"), ["registered"], ["planned", "Changes", "Scripts to run"]),
        (REGISTER, "setup", CHECK, answer("created"), ["would be registered"], ["Scripts to run"]),
        ({}, "setup", {"state": "done", "skipped": "cleaned up"}, answer("created"), ["Scripts: none run, cleaned up."], ["Scripts run"]),
        ({}, "delete", {"state": "done", "skipped": "gone"}, answer("deleted"), ["removed", "Scripts: none run, the database immuta no longer exists."], []),
        ({}, "setup", {"state": "done", "progress": {"2-create": half()}, "executed_before": {"2-create": 1}}, answer("created"), [], ["Scripts run"]),
        (FORGET, "forget", {"state": "done"}, answer("deleted"), ["unknown, because the tenant provided no script."], ["The script that removes it"]),
        (FORGET, "forget", CHECK, answer("deleted"), ["would be removed"], ["Scripts to run"]),
        (
            {**SYNAPSE, "state": "absent"},
            "delete",
            {"state": "done", "progress": {"1-delete": half()}},
            answer("deleted"),
            ["login sys in master."],
            ["The script that"],
        ),
        ({}, "edit", {"state": "done"}, answer("updated", changes=tuple("abcdefgh")), ["Changes: a, b, c, d, e, f, g, h."], ["sent"]),
        ({}, "edit", {"state": "done"}, answer("updated", changes=tuple("abcdefghi")), ["Changes: a, b, c, d, e, f, g, h and 1 more."], []),
        ({}, "edit", {"state": "done"}, answer("updated", changes=("a", "password"), sent=("password",)), ["Changes: a; sent: password."], []),
        ({}, "edit", {"state": "done"}, answer("updated", changes=("password",), sent=("password",)), ["Changes: no setting; sent: password."], []),
        ({}, "setup", {"state": "done"}, answer("created", changes=("a",)), ["Settings: 1 option."], ["Changes", "sent"]),
        ({}, "setup", CHECK, answer("created", changes=("a", "b", "token"), sent=("token",)), ["Settings: 2 options; sent: token."], ["Changes"]),
    ],
)
def test_the_summary_of_a_run(desired: dict[str, Any], work: str, flow: dict[str, Any], plan: Answer, lines: list[str], others: list[str]) -> None:
    said = " ".join(summary_lines(at(desired, work, **flow), plan, seconds=3))
    assert not [line for line in lines if line not in said] and not [line for line in others if line in said], said


def test_what_a_removal_that_was_cut_off_may_have_left() -> None:
    """The script names it, without the database that is gone. What neither Immuta nor the disk knows is not asked for."""
    statements = [{"verb": "DROP DATABASE", "object": "immuta"}, {"verb": "SELECT"}, {"verb": "DROP USER", "object": "sys"}]
    flow = with_generated_script(at({"state": "absent"}, "delete", state="done", skipped="gone"), "1-delete", {"checksum": "a", "statements": statements})
    said = " ".join(summary_lines(flow, answer("deleted"), seconds=1))
    done = "Scripts: none run, the database immuta no longer exists."
    assert f"{done} If an earlier removal was interrupted, do the rest manually on rs.example.com: SELECT, DROP USER sys." in said
    for desired, asks in (({"state": "absent"}, True), ({"state": "absent", "auto_bootstrap": True}, False), ({}, False)):
        said = " ".join(summary_lines(at(desired, "", state="done"), answer("unchanged"), seconds=1))
        assert ("the database immuta may still be on rs.example.com. In that case, register it with immuta_platform_leftovers" in said) is asks, said


def test_what_a_platform_forgotten_by_force_leaves() -> None:
    for artifacts in ("/artifacts", ""):
        flow = at({**FORGET, "artifacts": artifacts}, "forget", state="done")
        left = replace(
            flow, summary=flow.summary.with_script("1-delete", would=("DROP DATABASE immuta",)), desired=replace(flow.desired, folder="/artifacts/prod")
        )
        said = summary_lines(left, answer("deleted"), seconds=1)[-1]
        assert said.startswith("Immuta has removed the platform. What stays on the warehouse: DROP DATABASE immuta.")
        assert ("The script that removes it is in /artifacts/prod." in said) is bool(artifacts)
    for number, words in ((1, "1 statement"), (2, "2 statements")):
        scripts = [{"path": "/p", "sha256": "s", "statements": number}]
        assert summary_lines(at({}, "setup", state="done"), answer("created"), seconds=1, scripts=scripts)[-1] == f"Script /p: {words}, sha256 s."


def test_what_had_been_executed() -> None:
    failure = Failure.of("role : Run it | prod", "community.immuta.immuta_sql_script", {"failed": True, "msg": "no"})
    assert "Executed: nothing." in failure_message(failure, at({}, "setup"), "kept_setup")
    flow = at({}, "setup", progress={"1-initial-create": WHOLE, "2-create": half()})
    assert "Executed: nothing." in failure_message(failure, flow, "kept_setup"), "what has not run to its end is what failed"
    assert "Executed: initial-create (2 of 2 statements)." in failure_message(failure, with_scripts(flow, ran=True), "kept_setup")


@pytest.mark.parametrize("why", ["", "the connection was reset"])
def test_a_statement_whose_answer_never_came_is_to_be_looked_at(why: str) -> None:
    """Of this run, with a reason, or of an earlier one. The numbers are said, to be taken as they are."""
    statement = {"number": 5, "verb": "SELECT", "object": None, "line": 7, "status": "unknown", "code": None, "message": why or None}
    failure = Failure.of("role : Run it | prod", "community.immuta.immuta_sql_script", {"failed": True, "msg": "no", "failed_statement": statement})
    for case in ("kept", "kept_setup", "forgotten"):
        said = failure_message(failure, at({}, "setup"), case)
        assert f"Statement 5 (SELECT) on line 7 was sent, but its answer never arrived{': ' * bool(why)}{why}." in said
        assert "Check the warehouse, and set immuta_platform_start_at to 6 if it ran, or to 5 if it did not." in said
    failed = replace(failure, statement={**statement, "status": "failed", "message": "no such table"})
    assert "start_at" not in failure_message(failed, at({}, "setup"), "kept_setup")


def test_which_secret_holds_is_said_behind_what_failed() -> None:
    failed = {"failed": True, "msg": "login.host is wrong."}
    assert rotation_failure_message(Failure.of("r : Sign in | p", "community.immuta.immuta_sql_script", failed), "integration", "It holds.") == (
        "Sign in: immuta_platform_login.host is wrong. It holds."
    )
    for action in ("ansible.builtin.fail", "community.immuta.immuta_platform_plan"):
        assert rotation_failure_message(Failure.of("t", action, failed), "integration", "It holds.") == "immuta_platform_login.host is wrong."
