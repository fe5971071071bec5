# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: which statements of a script do not run, and why.

Nothing runs that is not in a list. Every plain statement in the script is judged, in blocks, batches, bodies and literals too: by
its kind, by what it touches, and by whether that can be read at all. It is pure: no database is asked.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import OptionError, ScriptRefused
from .classify import classify
from .judge import Finding, Judge
from .rules import READS
from .scope import Reach, scope_of
from .split import Statement, split
from .tokens import DIALECT_OF

__all__ = ["forbidden", "is_query", "refusal", "scope_of"]

# The options of C(scope)
SCOPE_SPEC: dict[str, dict[str, Any]] = {
    "database": {"type": "str", "required": True},
    "accounts": {"type": "list", "elements": "str", "default": []},
}
# What the reasons mean, for messages
_REASONS = {
    "kind": "of a kind that does not belong there",
    "scope": "about something that is neither the platform's own nor made by the script",
    "unreadable": "running what cannot be read beforehand",
}


def forbidden(
    statements: Iterable[Statement], platform: str, purpose: str, scope: Mapping[str, Any] | None = None, database: str | None = None
) -> list[dict[str, Any]]:
    """The statements that do not belong in a script of this purpose, as C([{number, line, verb, object, reason}]).

    reason: kind, scope or unreadable. line: where in the script it is, also inside a block or a literal.
    purpose C(any) allows everything. scope: C({database, accounts}), what the script may touch; without it only kinds are judged.
    database: the one that the login opens, which is what names without a database are in. Never raises.
    """
    if purpose == "any":
        return []
    reach = Reach(platform, scope)
    reach.current = reach.is_login(database)
    judge = Judge(reach, purpose)
    refused: list[dict[str, Any]] = []
    for statement in statements:
        found = dict.fromkeys(judge.statement(statement.text))
        refused += [_row(statement, finding) for finding in found]
    return refused


def _row(statement: Statement, finding: Finding) -> dict[str, Any]:
    line = statement.line + finding.line - 1
    return {"number": statement.number, "line": line, "verb": finding.verb, "object": finding.object, "reason": finding.reason}


def refusal(refused: list[dict[str, Any]], platform: str, purpose: str, checksum: str) -> ScriptRefused:
    """The error that says what was refused, on which lines and why. It quotes names, and no literal."""
    listed = "; ".join(f"{_lines(refused, reason)}, {meaning}" for reason, meaning in _REASONS.items() if _lines(refused, reason))
    return ScriptRefused(
        f"The script holds what does not belong in a {purpose} script for {platform}: {listed}.",
        hint="Nothing was run. Look at these lines; whoever has read them and wants them run sets purpose to any.",
        refused=refused,
        checksum=checksum,
    )


def _lines(refused: list[dict[str, Any]], reason: str) -> str:
    """The first ten statements with this reason."""
    rows = [row for row in refused if row["reason"] == reason]
    listed = ", ".join(f"{' '.join(filter(None, (row['verb'], row['object'])))} (statement {row['number']}, line {row['line']})" for row in rows[:10])
    return f"{listed}, and {len(rows) - 10} more" if len(rows) > 10 else listed


def is_query(text: str, platform: str) -> bool:
    """Whether a text is one query, and nothing in it changes anything. Raises ScriptRefused for what is never closed."""
    found = split(text, DIALECT_OF[platform])
    if len(found) != 1 or classify(found[0].text, DIALECT_OF[platform]).verb not in READS:
        return False
    return not Judge(Reach(platform, None), "query").statement(found[0].text)


def check_scope(scope: Mapping[str, Any] | None) -> None:
    """Raises OptionError for a scope that names no database: it would refuse everything, or with an empty name nothing that matters."""
    if scope is not None and not scope.get("database"):
        raise OptionError("scope.database has to name the platform's own database.", option="scope.database")
