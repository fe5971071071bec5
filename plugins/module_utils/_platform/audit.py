# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the entries of the audit log: who did what to which platform, for which change, and the outcome. Without I/O and secrets.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .desired import DesiredState
from .flow import Answer
from .summary import Script

Options = Mapping[str, Any]

#: increases if a key is removed or changes its meaning, but not if a key is added
FORMAT = 1

#: key of the entry -> the controller's variable, without its prefix
_JOB = {"id": "job_id", "template": "job_template_name", "user": "user_name"}


def job_of(variables: Options) -> dict[str, str]:
    """Return the job of AWX or Automation Controller, as far as the variables name it."""
    named = {part: variables.get(f"awx_{name}") or variables.get(f"tower_{name}") for part, name in _JOB.items()}
    return {part: str(value) for part, value in named.items() if value and isinstance(value, (str, int))}


def log_entry(
    desired: DesiredState | None, plan: Options, noted: Options, *, work: str = "", id: str = "", scripts: Sequence[Options] = (), **known: Any
) -> dict[str, Any]:
    """Return one entry. C(desired) is None for invalid variables, C(plan) the last plan of the run. C(known) has times, who, host, job and tenant."""
    return {
        "format": FORMAT,
        **{name: known.get(name) or None for name in ("time_started", "time_ended", "who", "host")},
        "job": _job(known.get("job") or {}),
        **{name: known.get(name) or None for name in ("change_reference", "tenant")},
        "platform": _platform(desired, str(known.get("name") or ""), id),
        "work": work,
        "result": "failed" if plan.get("message") else "changed" if plan.get("result", {}).get("changed") else "ok",
        "message": plan.get("message") or "\n".join(plan.get("say", ())),
        "scripts": list(scripts),
        "plan_sha256": noted.get("plan_sha256"),
        "registration": noted.get("registration"),
    }


def _job(named: Options) -> dict[str, Any] | None:
    return {part: named.get(part) or None for part in _JOB} if any(named.values()) else None


def _platform(desired: DesiredState | None, name: str, id: str) -> dict[str, Any]:
    place = desired.place if desired else None
    found = {"name": name, "kind": desired.kind if desired else "", "id": id}
    found.update({"type": place.type, "host": place.host, "database": place.database} if place else {"type": "", "host": "", "database": ""})
    return {part: value or None for part, value in found.items()}


def script_entries(scripts: Mapping[str, Script], reports: Mapping[str, Sequence[Options]], approved: Collection[str | None]) -> list[dict[str, Any]]:
    """Return the scripts with the outcome of each. A script that ran twice, as a cleanup can, has two entries."""
    found = []
    for key, script in scripts.items():
        for report in reports.get(key) or ([{}] if script.sha256 else []):
            sha256 = report.get("sha256") or script.sha256
            found.append(
                {
                    **_ran(key, script.purpose, script.database, {"total": script.statements, **report}),
                    "sha256": sha256,
                    "approved_sha256": sha256 if sha256 in approved else None,
                }
            )
    return found


def rotation_entries(reports: Mapping[str, Sequence[Options]], database: str) -> list[dict[str, Any]]:
    """Return the statements of a rotation, step by step, without checksum, because everything in them but the secret can be guessed."""
    return [_ran(key, "any", database, report) for key in ("set", "settle", "back") for report in reports.get(key, ())]


def _ran(key: str, purpose: str, database: str, report: Options) -> dict[str, Any]:
    counts = {name: report.get(name, 0) for name in ("executed", "skipped", "total")}
    empty = {"sha256": None, "approved_sha256": None}
    return {"name": key, "purpose": purpose, **empty, "database": database or None, **counts, "statements": list(report.get("statements", ()))}


def plan_checksum(answer: Answer) -> str:
    """Return the SHA-256 of the planned change: the action, the object, the fields that differ, and the settings without secrets."""
    plan = {"action": answer.action, "id": answer.id, "changes": sorted(answer.changes), "settings": answer.settings}
    return hashlib.sha256(json.dumps(plan, sort_keys=True, separators=(",", ":")).encode("utf-8")).hexdigest()


def registration_of(result: Options) -> dict[str, Any]:
    """Return the outcome of the request to register or remove, from the result of the module."""
    return {"action": result.get("action"), "validation": (result.get("validation") or {}).get("status")}
