# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of a rotation: set the new secret, log in with it, update the tenant, retire the old secret, or roll back.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.errors import ImmutaError
from .._platform import audit
from .._platform.flow import Answer
from .._platform.messages import Failure, rotation_failure_message, rotation_summary_lines
from .._platform.options import ROTATE, rotated_platform, rotation_for
from .._platform.rotation import Rotation, ValidSecrets, valid_secrets_after
from .._platform.steps import rotation_steps
from .._platform.summary import Progress
from .platform_ask import answer_as_dict, answer_from_dict, answer_from_result, ask_tenant
from .platform_run import PlatformRun

Plan = dict[str, Any]
State = Mapping[str, Any]


class RotationPlans:
    """The plans of the rotation of one platform's secret. The steps are set, settle and back."""

    def __init__(self, run: PlatformRun) -> None:
        """Raise OptionError if there is nothing to rotate."""
        self._run = run
        self._desired = run.desired
        self._rotation: Rotation = rotation_for(run.desired, run.task.params)

    def begin(self) -> Plan:
        """Return the first plan. Raise ImmutaError if the platform is not registered, or if more than the secret differs."""
        platform = rotated_platform(self._desired, self._run.task.params, self._rotation)
        answer = ask_tenant(self._run.task, replace(self._desired, state="present"), platform, update_secrets="always")
        beside = [changed for changed in answer.changes if self._rotation.is_other_field(changed)]
        if answer.action != "updated" or beside:
            why = "Immuta does not have this platform." if answer.action == "created" else f"More differs than the secret: {', '.join(beside)}."
            raise ImmutaError(f"{why} A rotation changes nothing else, and nothing has been changed.", hint="Run the playbook register first.")
        self._run.audit_notes["plan_sha256"] = audit.plan_checksum(answer)
        self._run.folder.remove()
        self._run.folder.create()
        return self._plan(answer, "set")

    def continue_run(self, state: State) -> Plan:
        """Return the next plan after a step. Raise ImmutaError if the platform is not healthy with the new secret."""
        params, answer = self._run.task.params, answer_from_dict(state["answer"])
        if "failure" in params:
            return self._after_failure(Failure.of(**params["failure"]), answer, state)
        if params.get("cleaned"):
            return self._close(answer, message=state["complaint"]["back"])
        if state["step"] != "set" or params.get("finished"):
            return self._close(answer)
        return self._after_registration(params["answers"], answer) if "answers" in params else self._plan(answer, "set")

    def _after_registration(self, answers: Sequence[Mapping[str, Any]], planned: Answer) -> Plan:
        """Return the plan after Immuta has taken the new secret: retire the old one if the warehouse still accepts it."""
        result = next((each for each in answers if each.get("action")), {"action": "updated"})
        self._run.audit_notes["registration"] = audit.registration_of(result)
        answer = answer_from_result(result, planned)
        if answer.healthy is False and not self._run.task.check_mode:
            raise ImmutaError(
                "Immuta has taken the new secret but reports that the platform is not healthy. The warning gives the reason.",
                hint="Remove the cause, and run this again with the same variables.",
            )
        return self._plan(answer, "settle") if self._rotation.statements.get("settle") else self._close(answer)

    def _plan(self, answer: Answer, step: str, complaint: Mapping[str, str] | None = None) -> Plan:
        task, desired = self._run.task, self._desired
        tells = step == "set"
        return {
            "state": {**self._run.state, "answer": answer_as_dict(answer), "step": step, "complaint": task.mask(complaint or {})},
            "work": True,
            "make": [],
            "asks": False,
            "ask": {},
            "run": self._run.create_local_files(rotation_steps(self._rotation, desired, self._run.folder, step, check_mode=task.check_mode)),
            "integration": tells and desired.kind == "integration",
            "connection": tells and desired.kind == "connection",
            "registration": "Send the new secret to the tenant",
            # right before the request, when the warehouse has the secret; in check mode, only a secret that was set elsewhere can be validated
            "validate": desired.kind == "integration" and desired.server_validation and not (task.check_mode and self._rotation.method),
            "settings": {},
            "hands_on": False,
            "result": {},
            "say": [],
            "message": "",
        }

    def _after_failure(self, failure: Failure, answer: Answer, state: State) -> Plan:
        kind = self._desired.kind
        if state["step"] == "back":
            return self._close(answer, message=state["complaint"]["no_way_back"].replace("{why}", failure.cause))
        holds = self._holds(failure, state)
        if not holds.can_restore:
            return self._close(answer, message=rotation_failure_message(failure, kind, holds.describe()))
        taken_back = replace(holds, warehouse="present").describe("What this run had set on the warehouse was rolled back.")
        complaint = {
            "back": rotation_failure_message(failure, kind, taken_back),
            "no_way_back": rotation_failure_message(failure, kind, holds.describe("The current secret could not be restored: {why}")),
        }
        return self._plan(answer, "back", complaint)

    def _holds(self, failure: Failure, state: State) -> ValidSecrets:
        """Return which secret is valid where, according to the ledgers of the statements and the failed request."""
        progress = self._run.folder.progress(("set", "settle"))
        if failure.is_request:
            request_status = "refused" if failure.request_refused else "unknown"
        else:
            # after the request, the check of the platform's health or the retirement of the old secret may fail
            request_status = "ok" if state["step"] == "settle" or failure.action == "immuta_platform_plan" else ""
        return valid_secrets_after(
            set_status=_status(progress.get("set", Progress())),
            settles="settle" in self._rotation.statements,
            settled=_status(progress.get("settle", Progress())) == "ok",
            request_status=request_status,
            uses_warehouse=self._rotation.method is not None,
        )

    def _close(self, answer: Answer, *, message: str = "") -> Plan:
        scripts = audit.rotation_entries(self._run.folder.pop_reports(), self._rotation.database)
        self._run.folder.remove()
        self._run.release_lock()
        say = rotation_summary_lines(
            self._rotation, self._desired.identity, self._desired.place.host, check_mode=self._run.task.check_mode, kind=self._desired.kind
        )
        plan = {
            "state": {},
            "work": False,
            "run": [],
            "result": {} if message else {"action": "updated", "changed": True, "id": answer.id},
            "hands_on": False,
            "scripts": [],
            "say": self._run.task.mask([] if message else say),
            "message": self._run.task.mask(message),
        }
        self._run.write_audit_entry(plan, work=ROTATE, id=answer.id, scripts=scripts)
        return plan


def _status(progress: Progress) -> str:
    """Return the status of a step's statements: ok if all ran, unknown if an answer was lost, otherwise empty."""
    statuses = set(progress.statuses.values())
    return "unknown" if "unknown" in statuses else "ok" if statuses == {"ok"} else ""
