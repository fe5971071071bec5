# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""validationResults: which tests a type has, and running them against a warehouse (or trusting an unknown one).

A test names a check; an inspector has a method for each. Test names are the vendor's where its pages show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

NO_RESULT: Any = object()
CREATE = frozenset({"create"})
ALWAYS = frozenset({"create", "edit", "delete", "check"})


class Failed(Exception):
    """A test failed; the text is the test's message."""


class Skipped(Exception):
    """A test does not apply, or cannot be made here; the text, if any, says why."""


class Inspector(Protocol):
    """One look at one warehouse. A check returns its rows, or raises Failed or Skipped."""

    def check(self, name: str) -> Any:
        """Return the rows of a check. Raise Failed or Skipped."""

    def close(self) -> None:
        """End the connection."""


@dataclass(frozen=True)
class Test:
    name: str
    check: str
    result: Any = NO_RESULT  # what the vendor's examples show as the rows
    when: frozenset[str] = ALWAYS  # create, edit, delete, check (the recurring one); skipped otherwise


BASIC = "Initial Validation: Basic Connection Test"
# What a set-up by script must have left behind
MANUAL = (
    Test("Validate Manual: Immuta Objects Exist", "objects"),
    Test("Validate Manual: Immuta Version Is Recorded", "version"),
    Test("Validate Manual: System Account Grants", "grants"),
    Test("Validate Manual: Settings Are Applied", "settings"),
)

TESTS: dict[tuple[str, bool], tuple[Test, ...]] = {
    ("Snowflake", True): (
        Test(BASIC, "login"),
        Test("Initial Validation: Default Warehouse Access Test", "warehouse", []),
        Test("Initial Validation: Table Grants Role Prefix is Unique", "prefix"),
        Test("Initial Validation: Validate access to Privileged Role", "role", []),
        Test("Validate Automatic: Database Does Not Exist", "no_database", when=CREATE),
        Test("Validate Automatic: Impersonation Role Does Not Exist", "no_impersonation_role", when=CREATE),
        Test("Validate Automatic Bootstrap User Grants", "bootstrap_grants", when=CREATE),
    ),
    ("Snowflake", False): (
        Test(BASIC, "login"),
        Test("Initial Validation: Default Warehouse Access Test", "warehouse", []),
        Test("Initial Validation: Table Grants Role Prefix is Unique", "prefix"),
        *MANUAL,
    ),
    ("Redshift", True): (
        Test(BASIC, "login", [None]),
        Test("Validate Automatic Bootstrap: Immuta Database Does Not Exist", "no_database", [], when=CREATE),
    ),
    ("Redshift", False): (Test(BASIC, "login", [None]), *MANUAL),
    ("Databricks", True): (
        Test("Metastore validation", "metastore"),
        Test("Basic Connection Test", "login", [{"1": 1}]),
    ),
    ("Databricks", False): (
        Test("Metastore validation", "metastore"),
        Test("Basic Connection Test", "login", [{"1": 1}]),
        *MANUAL,
    ),
    ("Azure Synapse Analytics", True): (Test(BASIC, "login", [{"1": 1}]),),
    ("Azure Synapse Analytics", False): (Test(BASIC, "login", [{"1": 1}]), *MANUAL),
    ("Google BigQuery", False): (
        Test(
            "Basic Validation: Verify service account not being used for data source connection credentials",
            "account_unused",
        ),
        Test("Basic Validation: Immuta Service Account postfix", "account_postfix"),
        Test("Basic Validation: Non-matching service account in key file", "account_matches"),
    ),
    ("Native S3", False): (
        Test("There is no existing integration matching this configuration", "configuration_unique"),
        Test("The provided integration name is unique across Immuta S3 integrations", "name_unique"),
    ),
}


class Trusting:
    """The inspector of a warehouse that nobody configured: everything passes."""

    def check(self, name: str) -> Any:
        return NO_RESULT

    def close(self) -> None:
        pass


class Untried:
    """The inspector of a warehouse that cannot be tried, or need not be: everything is skipped."""

    def __init__(self, why: str = "") -> None:
        self.why = why

    def check(self, name: str) -> Any:
        raise Skipped(self.why)

    def close(self) -> None:
        pass


class Unreachable:
    """The inspector of a warehouse that does not answer."""

    def __init__(self, message: str) -> None:
        self.message = message

    def check(self, name: str) -> Any:
        raise Failed(self.message)

    def close(self) -> None:
        pass


def run_tests(type_: str, automatic: bool, purpose: str, inspector: Inspector) -> dict[str, Any]:
    """validationResults of all tests of the type; what comes after a failed one is skipped."""
    results: list[dict[str, Any]] = []
    for test in TESTS.get((type_, automatic), ()):
        broken = any(result["status"] == "failed" for result in results)
        if broken or purpose not in test.when:
            results.append({"name": test.name, "status": "skipped"})
        else:
            results.append(_run(test, inspector))
    return summary(results)


def _run(test: Test, inspector: Inspector) -> dict[str, Any]:
    try:
        rows = inspector.check(test.check)
    except Failed as failed:
        return {"name": test.name, "status": "failed", "message": str(failed)}
    except Skipped as skipped:
        return {"name": test.name, "status": "skipped", **({"message": str(skipped)} if str(skipped) else {})}
    rows = test.result if test.result is not NO_RESULT else rows
    return {"name": test.name, "status": "passed", **({} if rows is NO_RESULT else {"result": rows})}


def summary(tests: list[dict[str, Any]]) -> dict[str, Any]:
    statuses = {test["status"] for test in tests}
    return {
        "status": next((status for status in ("failed", "warning") if status in statuses), "passed"),
        "validationTests": tests,
    }


def failure(name: str, message: str) -> dict[str, Any]:
    """validationResults with the one test that failed."""
    return summary([{"name": name, "status": "failed", "message": message}])
