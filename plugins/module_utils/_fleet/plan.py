# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a whole fleet: its checksum, what differs from one that was approved, and the numbers that sum it up. Pure.

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

_PARTS = ("tenant", "kind", "key", "action", "needs_script", "changes")


def steps_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is to be done, of the rows of a plan, in an order that does not depend on theirs. A row with nothing to do is no part of it.

    No secret is part of it: two plans that differ in a secret alone are the same, and so is one that was made where nobody knew the secrets.
    """
    kept = (row for row in rows if row.get("action") not in (None, "", "unchanged"))
    return sorted(({name: _shown(row[name]) if name == "changes" else row[name] for name in _PARTS if name in row} for row in kept), key=_place)


def checksum(steps: Sequence[Step]) -> str:
    """The SHA-256 of a plan, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(list(steps), sort_keys=True, default=str, ensure_ascii=True).encode("ascii")).hexdigest()


def check_expected(expected: Any, steps: Sequence[Step]) -> None:
    """Raise ImmutaError when the plan is another than the one that was approved, and say what differs as far as that is known.

    expected: the checksum of the approved plan, or the plan itself as the module returned it.
    """
    now = checksum(steps)
    approved = _approved(expected)
    if isinstance(approved, str):
        if approved != now:
            what = "; ".join(map(_words, steps)) or "nothing is to be done"
            raise _another_plan(f"its SHA-256 is {now}, not {approved}. It is now: {what}.", now)
    elif checksum(approved) != now:
        raise _another_plan("; ".join(_differences(approved, steps)) + ".", now)


def summary_of(items: Sequence[Item]) -> dict[str, int]:
    """How many were, or would be, created, updated and deleted; how many are as they should be, need a script, or failed."""
    counts = Counter("failed" if item.error else "needs_script" if item.needs_script else item.action for item in items)
    return {name: counts[name] for name in ("created", "updated", "deleted", "unchanged", "needs_script", "failed")}


def _shown(changes: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    """The changes without secrets that go along."""
    return [change for change in changes or () if not change.get("secret")]


def _place(step: Step) -> tuple[str, str, str]:
    return str(step.get("tenant") or ""), str(step.get("kind")), str(step.get("key"))


def _approved(expected: Any) -> str | list[dict[str, Any]]:
    """The approved plan as a checksum or as steps. Raises OptionError when it is neither."""
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
            hint="Give the plan_sha256 or the plan that a run in check mode returned.",
        )
    return steps_of(rows)


def _differences(approved: Sequence[Step], now: Sequence[Step]) -> Iterable[str]:
    before, after = {_place(step): step for step in approved}, {_place(step): step for step in now}
    for place in sorted({*before, *after}):
        old, new = before.get(place), after.get(place)
        if old is None and new is not None:
            yield f"{_words(new)}, which was not approved"
        elif new is None and old is not None:
            yield f"{_words(old)} was approved and is not needed any more"
        elif old is not None and new is not None and checksum([old]) != checksum([new]):
            yield f"{_words(new)}, where {_words(old)} was approved"


def _words(step: Step) -> str:
    fields = ", ".join(str(change.get("field")) for change in step.get("changes") or ()) if step.get("action") == "updated" else ""
    where = f" on {step['tenant']}" if step.get("tenant") else ""
    return f"{step.get('kind')} {step.get('key')}{where} {step.get('action')}" + (f" ({fields})" if fields else "")


def _another_plan(what: str, now: str) -> ImmutaError:
    return ImmutaError(
        f"The plan is not the one that was approved: {what}",
        hint="Nothing was sent. Have the new plan approved, or restore what the approved one was made for.",
        option="expected_plan",
        plan_sha256=now,
    )
