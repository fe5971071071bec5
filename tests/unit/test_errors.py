# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors: the form of their message, their facts, and what they extract from a server's answer."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core import errors as _errors
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ApiError,
    ConnectionFailed,
    ImmutaError,
    MissingLibrary,
    OptionError,
    failed_tests,
    server_message,
    shorten,
    validation_status,
    validation_tests,
)

PASSED = {"name": "Initial Validation: Basic Connection Test", "status": "passed", "result": [{"1": 1}]}
FAILED = {"name": "Validate Automatic: Database Does Not Exist", "status": "failed", "message": "Database IMMUTA exists already."}
RESULTS = {"status": "failed", "validationTests": [PASSED, FAILED]}


def test_message_and_hint_are_one_text_and_facts_stand_beside_it() -> None:
    error = OptionError("config.host is missing.", hint="Every Snowflake integration needs it.", option="config.host")
    assert error.as_fail_json() == {"msg": "config.host is missing. Every Snowflake integration needs it.", "option": "config.host"}
    assert str(error) == error.as_fail_json()["msg"]
    assert (error.message, error.hint) == ("config.host is missing.", "Every Snowflake integration needs it.")


def test_without_a_hint_the_message_stands_alone() -> None:
    assert ImmutaError("No.").as_fail_json() == {"msg": "No."}


def test_a_fact_cannot_replace_the_message() -> None:
    assert ImmutaError("No.", **{"msg": "yes"}).as_fail_json()["msg"] == "No."


def test_every_error_belongs_to_the_family() -> None:
    kinds = [value for value in vars(_errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(kinds) >= 18
    assert all(issubclass(kind, ImmutaError) for kind in kinds)
    assert issubclass(AnswerLost, ConnectionFailed)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound"), (409, "Conflict"), (422, "Unprocessable"), (400, "ApiError"), (500, "ApiError")],
)
def test_the_status_chooses_the_class(status: int, kind: str) -> None:
    error = ApiError.of("PUT", "/integrations/7", status, {"message": "No."})
    assert type(error).__name__ == kind
    assert error.status == status
    assert error.facts == {"status": status, "method": "PUT", "path": "/integrations/7", "api_error": {"message": "No."}}


def test_message_form_with_failed_tests() -> None:
    body = {"statusCode": 422, "error": "Unprocessable Entity", "message": "Validation failed.", "validationResults": RESULTS}
    error = ApiError.of("POST", "/integrations", 422, body, reason="Unprocessable Entity", hint="Run the setup script first.")
    assert str(error) == (
        "POST /integrations failed: HTTP 422 Unprocessable Entity: Validation failed. "
        "Failed tests: Validate Automatic: Database Does Not Exist: Database IMMUTA exists already. Run the setup script first."
    )
    assert error.tests == [PASSED, FAILED]
    assert error.server_message == "Validation failed."


def test_a_reason_that_the_server_does_not_give_is_filled_in() -> None:
    assert str(ApiError.of("GET", "/x", 404)) == "GET /x failed: HTTP 404 Not Found."
    assert str(ApiError.of("GET", "/x", 799)) == "GET /x failed: HTTP 799."


@pytest.mark.parametrize(
    "body",
    [
        {"validationResults": RESULTS},
        {"message": "x", "data": {"validationResults": RESULTS}},
        {"payload": [{"deep": {"validationResults": RESULTS}}]},
        {"validationResults": RESULTS["validationTests"]},
        [{"validationResults": RESULTS}],
    ],
)
def test_validation_results_are_found_wherever_they_sit(body: Any) -> None:
    assert validation_tests(body) == [PASSED, FAILED]


@pytest.mark.parametrize("body", ["text", None, 7, [], {}, *({"validationResults": odd} for odd in (None, {"validationTests": "no"}, [1, "a"]))])
def test_bodies_without_tests_have_none(body: Any) -> None:
    assert validation_tests(body) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, ""),
        ("no JSON", ""),
        ({"id": 7, "status": "creating"}, ""),
        ({"validationResults": None}, ""),
        ({"validationResults": {"status": "passed", "validationTests": []}}, "passed"),
        ({"id": 7, "status": "creating", "validationResults": {"status": "Warning"}}, "warning"),
        ({"validationResults": "failed"}, "failed"),
        ({"status": "failed", "validationTests": []}, "failed"),
        ({"validationTests": [{"name": "a", "status": "passed"}]}, "passed"),
        ({"validationResults": [{"name": "a", "status": "passed"}]}, "passed"),
        ({"validationResults": {"status": "passed", "validationTests": [{"name": "a", "status": "FAILED"}]}}, "failed"),
    ],
)
def test_a_validation_is_what_its_worst_test_says(body: Any, status: str) -> None:
    assert validation_status(body) == status


def test_only_failed_tests_are_listed_as_name_and_message() -> None:
    odd = [{"name": "A", "status": "FAILED"}, {"status": "failed", "message": "only words."}, {"status": "failed"}]
    fine = [{"name": "W", "status": "warning"}, {"name": "S", "status": "skipped"}, {"name": "without a status"}]
    assert failed_tests([PASSED, FAILED, *odd, *fine]) == [
        "Validate Automatic: Database Does Not Exist: Database IMMUTA exists already",
        "A",
        "only words",
        "a test without a name",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"statusCode": 409, "error": "Conflict", "message": "exists already (id = 7)."}, "exists already (id = 7)."),
        ({"statusCode": 409, "error": "Conflict"}, "Conflict"),
        ({"error": {"code": 1}, "detail": "broken"}, "broken"),
        ({"message": ""}, ""),
        ({"unknown": 1}, ""),
        (["a"], ""),
        ("plain\n  words", "plain words"),
    ],
)
def test_the_servers_own_words(body: Any, message: str) -> None:
    assert server_message(body) == message


def test_long_texts_are_cut_to_one_line() -> None:
    assert shorten("a\nb\t c") == "a b c"
    cut = shorten("x" * 1000)
    assert len(cut) == 400 and cut.endswith("...")


def test_a_missing_library_is_named_in_ansibles_words() -> None:
    failure = MissingLibrary("redshift_connector", hint="It is in the requirements file.").as_fail_json()
    assert failure["library"] == "redshift_connector"
    assert "Failed to import the required Python library (redshift_connector)" in failure["msg"]
    assert failure["msg"].endswith("It is in the requirements file.")
