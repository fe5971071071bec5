# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves in the audit log: who did what to which platform, under which change, and what came of it. Pure, and without secrets.

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

#: goes up when a key gets another meaning or goes; a key that is added leaves it as it is
FORMAT = 1

#: what the job of an automation controller is called in its variables
_JOB = {"id": "job_id", "template": "job_template_name", "user": "user_name"}


def job_of(variables: Options) -> dict[str, str]:
    """The job of AWX or of Automation Controller, as far as variables name it."""
    named = {part: variables.get(f"awx_{name}") or variables.get(f"tower_{name}") for part, name in _JOB.items()}
    return {part: str(value) for part, value in named.items() if value and isinstance(value, (str, int))}


def log_entry(
    desired: DesiredState | None, plan: Options, noted: Options, *, work: str = "", id: str = "", scripts: Sequence[Options] = (), **known: Any
) -> dict[str, Any]:
    """One line. wanted: None when what is wanted does not make sense. plan: the run's last one. known: times, who, host, job, tenant, ..."""
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
    """The scripts that there are, and what became of each. One that ran twice in this run, as a clean-up can, is there twice."""
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
    """The statements of a rotation, step by step. Without their checksum: all but the secret in them can be guessed."""
    return [_ran(key, "any", database, report) for key in ("set", "settle", "back") for report in reports.get(key, ())]


def _ran(key: str, purpose: str, database: str, report: Options) -> dict[str, Any]:
    counts = {name: report.get(name, 0) for name in ("executed", "skipped", "total")}
    empty = {"sha256": None, "approved_sha256": None}
    return {"name": key, "purpose": purpose, **empty, "database": database or None, **counts, "statements": list(report.get("statements", ()))}


def plan_checksum(answer: Answer) -> str:
    """SHA-256 of what the tenant plans to change: the action, the object, the fields that differ, and the settings without secrets."""
    plan = {"action": answer.action, "id": answer.id, "changes": sorted(answer.changes), "settings": answer.settings}
    return hashlib.sha256(json.dumps(plan, sort_keys=True, separators=(",", ":")).encode("utf-8")).hexdigest()


def registration_of(result: Options) -> dict[str, Any]:
    """What came of the request to register or to forget, out of the module's result."""
    return {"action": result.get("action"), "validation": (result.get("validation") or {}).get("status")}
