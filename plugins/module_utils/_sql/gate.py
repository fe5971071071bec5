# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: decides which statements of a script must not run, and why. The runner and the role's plan call it.

A statement runs only if the rules list it (`gate_rules`). The gate checks every plain statement, including those in blocks, batches,
routine bodies and literals: its kind, the objects that it touches, and whether it is readable. The gate asks no database.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import OptionError, ScriptRefused
from .classify import classify
from .gate_rules import READ_VERBS
from .gate_scope import ScopeChecker, scope_of
from .gate_statements import Finding, StatementChecker
from .splitter import Statement, split
from .tokenizer import DIALECT_OF

__all__ = ["forbidden_statements", "is_query", "refusal_error", "scope_of"]

# The suboptions of C(scope)
SCOPE_SPEC: dict[str, dict[str, Any]] = {
    "database": {"type": "str", "required": True},
    "accounts": {"type": "list", "elements": "str", "default": []},
}
# The meaning of each reason, for messages
_REASONS = {
    "kind": "of a kind that does not belong there",
    "scope": "about an object that is neither the platform's own nor created by the script",
    "unreadable": "running code that the gate cannot read",
}


def forbidden_statements(
    statements: Iterable[Statement], platform: str, purpose: str, scope: Mapping[str, Any] | None = None, database: str | None = None
) -> list[dict[str, Any]]:
    """Return the forbidden statements of a script with this purpose, as C([{number, line, verb, object, reason}]).

    reason: kind, scope or unreadable. line: in the script, also for code inside a block or a literal.
    purpose C(any) allows everything. scope: C({database, accounts}) that the script may touch. Without it, only kinds are checked.
    database: the database of the login, to which names without a database refer.
    """
    if purpose == "any":
        return []
    scope_checker = ScopeChecker(platform, scope)
    scope_checker.in_own_database = scope_checker.is_own_login_database(database)
    checker = StatementChecker(scope_checker, purpose)
    refused: list[dict[str, Any]] = []
    for statement in statements:
        findings = dict.fromkeys(checker.check(statement.text))
        refused += [_as_row(statement, finding) for finding in findings]
    return refused


def _as_row(statement: Statement, finding: Finding) -> dict[str, Any]:
    line = statement.line + finding.line - 1
    return {"number": statement.number, "line": line, "verb": finding.verb, "object": finding.object, "reason": finding.reason}


def refusal_error(refused: list[dict[str, Any]], platform: str, purpose: str, checksum: str) -> ScriptRefused:
    """Return the error that says which statements were refused, on which lines and why. It quotes names, and no literal."""
    listed = "; ".join(f"{_listed_statements(refused, reason)}, {meaning}" for reason, meaning in _REASONS.items() if _listed_statements(refused, reason))
    return ScriptRefused(
        f"The script contains statements that do not belong in a {purpose} script for {platform}: {listed}.",
        hint="No statement has run. Review these lines. To run them anyway, set purpose to any.",
        refused=refused,
        checksum=checksum,
    )


def _listed_statements(refused: list[dict[str, Any]], reason: str) -> str:
    """Return the first ten statements with this reason as text, or "" if there is none."""
    rows = [row for row in refused if row["reason"] == reason]
    listed = ", ".join(f"{' '.join(filter(None, (row['verb'], row['object'])))} (statement {row['number']}, line {row['line']})" for row in rows[:10])
    return f"{listed}, and {len(rows) - 10} more" if len(rows) > 10 else listed


def is_query(text: str, platform: str) -> bool:
    """Return whether a text is one query that changes nothing. Raise ScriptRefused if something in it is never closed."""
    statements = split(text, DIALECT_OF[platform])
    if len(statements) != 1 or classify(statements[0].text, DIALECT_OF[platform]).verb not in READ_VERBS:
        return False
    return not StatementChecker(ScopeChecker(platform, None), "query").check(statements[0].text)


def check_scope(scope: Mapping[str, Any] | None) -> None:
    """Raise OptionError if the scope names no database. The gate would refuse every statement, or would not limit those that matter."""
    if scope is not None and not scope.get("database"):
        raise OptionError("scope.database must name the platform's own database.", option="scope.database")
