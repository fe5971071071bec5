# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_hosts import host_of, report_of
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import FINDINGS, Call, Host, calls_for, complaint
from ansible_collections.community.immuta.plugins.module_utils._fleet.plan import check_expected
from ansible_collections.community.immuta.plugins.plugin_utils.variables import evaluate

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"]},
    "apply": {"type": "bool", "default": True},
    "hosts": {"type": "list", "elements": "str"},
    "group": {"type": "str", "default": "immuta_platforms"},
    "concurrency": {"type": "int", "default": 10},
    "on_error": {"type": "str", "choices": ["continue", "stop"], "default": "continue"},
    "expected_plan": {"type": "raw"},
    "fail_on": {"type": "list", "elements": "str", "choices": list(FINDINGS), "default": []},
    "warn_on": {"type": "list", "elements": "str", "choices": list(FINDINGS), "default": []},
    "dest": {"type": "path"},
}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """Plans, and applies, the platforms of many hosts with one module call a tenant."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        given = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        names = given["hosts"] or list(known.get("ansible_play_batch") or [known["inventory_hostname"]])
        whole = not set(known["groups"].get(given["group"], ())) - set(names)
        hosts = [self._host(name, known, given["state"]) for name in names]
        calls = calls_for(hosts)

        def ask(*, apply: bool, plans: Sequence[Any] = ()) -> list[dict[str, Any]]:
            return [self._call(call, given, known, apply=apply, whole=whole, plan=plan) for call, plan in zip_longest(calls, plans)]

        answers = ask(apply=given["apply"] and given["expected_plan"] is None)
        report = report_of(hosts, list(zip(calls, answers)), whole=whole)
        if given["expected_plan"] is not None:
            try:
                check_expected(given["expected_plan"], report["plan"])
            except ImmutaError as error:
                return {**result, **report, **error.as_fail_json(), "failed": True, "changed": False}
            if given["apply"]:
                answers = ask(apply=True, plans=[answer.get("plan_sha256") for answer in answers])
                report = report_of(hosts, list(zip(calls, answers)), whole=whole)
        return self._reported(result, report, answers, given)

    def _reported(self, result: dict[str, Any], report: dict[str, Any], answers: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
        changed = any(each["changed"] for each in report["platforms"].values())
        if given["dest"] and not self._task.check_mode:
            changed = _write(given["dest"], report) or changed
        told = [text for answer in answers for text in answer.get("warnings") or ()]
        warnings = [*result.get("warnings", ()), *told, *filter(None, [complaint(report, given["warn_on"])])]
        failure = complaint(report, given["fail_on"])
        return {**result, **report, "changed": changed, "warnings": warnings, **({"failed": True, "msg": failure} if failure else {})}

    def _host(self, name: str, known: Mapping[str, Any], state: str | None) -> Host:
        """A host with its own variables, and over them what holds for the whole play."""
        hostvars = known["hostvars"]
        here, own = hostvars.raw_get(known["inventory_hostname"]), hostvars.raw_get(name)
        of_play = {variable: value for variable, value in known.items() if variable not in here or (here[variable] is not value and here[variable] != value)}
        variables = {**own, **of_play, "inventory_hostname": name} if name != known["inventory_hostname"] else known
        found = evaluate(variables, Templar(loader=self._loader, variables=variables))
        return host_of(name, found, home=constants.config.get_config_value("ANSIBLE_HOME"), state=state)

    def _call(self, call: Call, given: Mapping[str, Any], known: dict[str, Any], *, apply: bool, whole: bool, plan: Any) -> dict[str, Any]:
        arguments = call.arguments(whole=whole and not given["apply"], concurrency=given["concurrency"], on_error=given["on_error"])
        if plan is not None:
            arguments["expected_plan"] = plan
        if not given["apply"]:
            arguments["server_validation"] = False  # so that no secret is needed
        checks = self._task.check_mode
        self._task.check_mode = checks or not apply
        try:
            answer: dict[str, Any] = self._execute_module(module_name="community.immuta.immuta_tenant", module_args=arguments, task_vars=known)
        finally:
            self._task.check_mode = checks
        return answer


def _write(path: str, report: Mapping[str, Any]) -> bool:
    """Put the report there at once. Returns whether it is another one than before."""
    text = json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        with suppress(FileNotFoundError), open(path, encoding="utf-8") as there:
            if there.read() == text:
                return False
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".immuta_")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(temporary, path)
    except (OSError, UnicodeError) as error:
        raise AnsibleActionFail(f"dest {path} cannot be written: {error}.") from None
    return True
