# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a whole fleet: its steps, its checksum, its summary, and the comparison with an approved plan.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .items import Item

Step = Mapping[str, Any]

_STEP_KEYS = ("tenant", "kind", "key", "action", "needs_script", "changes")


def steps_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps of a plan, sorted, without the rows that change nothing.

    The steps leave out secret fields. Plans that differ only in secrets are therefore equal, even if one of them was made without the secrets.
    """
    changing = (row for row in rows if row.get("action") not in (None, "", "unchanged"))
    steps = ({name: _without_secrets(row[name]) if name == "changes" else row[name] for name in _STEP_KEYS if name in row} for row in changing)
    return sorted(steps, key=_identity)


def checksum(steps: Sequence[Step]) -> str:
    """Return the SHA-256 of a plan as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(list(steps), sort_keys=True, default=str, ensure_ascii=True).encode("ascii")).hexdigest()


def check_expected(expected: Any, steps: Sequence[Step]) -> None:
    """Raise ImmutaError if the plan is not the approved one. The message names the differences if they are known.

    expected: the checksum of the approved plan, or the plan itself as the module returned it.
    """
    now = checksum(steps)
    approved = _parse_approved(expected)
    if isinstance(approved, str):
        if approved != now:
            current = "; ".join(map(_describe, steps)) or "nothing to change"
            raise _plan_differs(f"its SHA-256 is {now}, not {approved}. It is now: {current}.", now)
    elif checksum(approved) != now:
        raise _plan_differs("; ".join(_differences(approved, steps)) + ".", now)


def summary_of(items: Sequence[Item]) -> dict[str, int]:
    """Return the number of items that are created, updated, deleted, unchanged, failed or in need of a script."""
    counts = Counter("failed" if item.error else "needs_script" if item.needs_script else item.action for item in items)
    return {name: counts[name] for name in ("created", "updated", "deleted", "unchanged", "needs_script", "failed")}


def _without_secrets(changes: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    """Return the changes without the secret fields."""
    return [change for change in changes or () if not change.get("secret")]


def _identity(step: Step) -> tuple[str, str, str]:
    """Return tenant, kind and key, which identify a step in a plan and sort it."""
    return str(step.get("tenant") or ""), str(step.get("kind")), str(step.get("key"))


def _parse_approved(expected: Any) -> str | list[dict[str, Any]]:
    """Return the approved plan as a checksum or as steps. Raise OptionError if it is neither."""
    if isinstance(expected, str) and re.fullmatch("[0-9a-fA-F]{64}", expected.strip()):
        return expected.strip().lower()
    try:
        rows = json.loads(expected) if isinstance(expected, str) else expected
    except ValueError:
        rows = None
    rows = rows.get("plan") if isinstance(rows, Mapping) else rows
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, Mapping) for row in rows):
        raise OptionError(
            "expected_plan is neither the SHA-256 of a plan nor a plan.",
            option="expected_plan",
            hint="Set it to the plan_sha256 or the plan that a run in check mode returned.",
        )
    return steps_of(rows)


def _differences(approved: Sequence[Step], now: Sequence[Step]) -> Iterable[str]:
    before, after = {_identity(step): step for step in approved}, {_identity(step): step for step in now}
    for identity in sorted({*before, *after}):
        old, new = before.get(identity), after.get(identity)
        if old is None and new is not None:
            yield f"{_describe(new)}, which was not approved"
        elif new is None and old is not None:
            yield f"{_describe(old)} was approved and is no longer needed"
        elif old is not None and new is not None and checksum([old]) != checksum([new]):
            yield f"{_describe(new)}, where {_describe(old)} was approved"


def _describe(step: Step) -> str:
    fields = ", ".join(str(change.get("field")) for change in step.get("changes") or ()) if step.get("action") == "updated" else ""
    where = f" on {step['tenant']}" if step.get("tenant") else ""
    return f"{step.get('kind')} {step.get('key')}{where} {step.get('action')}" + (f" ({fields})" if fields else "")


def _plan_differs(difference: str, now: str) -> ImmutaError:
    return ImmutaError(
        f"The plan is not the one that was approved: {difference}",
        hint="Nothing was sent. Get approval for the new plan, or restore the state that the approved plan was made for.",
        option="expected_plan",
        plan_sha256=now,
    )
