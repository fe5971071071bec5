# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_hosts import apart, host_of, report_of
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._core.files import read_if_exists, write_atomically
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

#: what a host's variables hold of the play beside its own
_OF_PLAY = ("hostvars", "groups", "ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all", "play_hosts")


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """Plans, and applies, the platforms of many hosts with one module call a tenant."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        known = task_vars or {}
        given = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        names = given["hosts"] or list(known.get("ansible_play_batch") or [known["inventory_hostname"]])
        whole = not set(known["groups"].get(given["group"], ())) - set(names)
        hosts = apart([self._host(name, known, given["state"]) for name in names])
        at_once = given["apply"] and given["expected_plan"] is None
        calls = calls_for(hosts, with_role=not at_once)
        answers = [self._call(call, given, known, apply=at_once) for call in calls]
        report = report_of(hosts, list(zip(calls, answers)), whole=whole)
        if given["expected_plan"] is not None:
            try:
                check_expected(given["expected_plan"], report["plan"])
            except ImmutaError as error:
                return {**result, **report, **error.as_fail_json(), "failed": True, "changed": False}
            if given["apply"]:
                answers = [planned if call.is_role else self._call(call, given, known, apply=True, plan=planned) for call, planned in zip(calls, answers)]
                report = report_of(hosts, list(zip(calls, answers)), whole=whole)
        return self._reported(result, report, answers, given)

    def _reported(self, result: dict[str, Any], report: dict[str, Any], answers: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
        changed = given["apply"] and any(each["changed"] for each in report["platforms"].values())
        unwritten = ""
        if given["dest"] and not self._task.check_mode:
            try:
                changed = _write(given["dest"], report) or changed
            except (OSError, UnicodeError) as error:
                unwritten = f"dest {given['dest']} cannot be written: {error}."
        told = [text for answer in answers for text in answer.get("warnings") or ()]
        warnings = [*result.get("warnings", ()), *told, *filter(None, [complaint(report, given["warn_on"])])]
        failure = " ".join(filter(None, [unwritten, complaint(report, given["fail_on"])]))
        return {**result, **report, "changed": changed, "warnings": warnings, **({"failed": True, "msg": failure} if failure else {})}

    def _host(self, name: str, known: Mapping[str, Any], state: str | None) -> Host:
        """A host with its variables, as this task would see them if it ran for that host: those of the play go before those of the inventory."""
        manager, host = known["hostvars"]._variable_manager, known["hostvars"]._inventory.get_host(name)
        if host is None:
            return Host(name, problem="The inventory has no host of this name.")
        own = manager.get_vars(play=self._task.get_play(), host=host, task=self._task, include_hostvars=False)
        variables = {**own, **{variable: known[variable] for variable in _OF_PLAY if variable in known}}
        found = evaluate(variables, Templar(loader=self._loader, variables=variables))
        return host_of(name, found, home=constants.config.get_config_value("ANSIBLE_HOME"), state=state)

    def _call(self, call: Call, given: Mapping[str, Any], known: dict[str, Any], *, apply: bool, plan: Mapping[str, Any] | None = None) -> dict[str, Any]:
        arguments = call.arguments(whole=not given["apply"], concurrency=given["concurrency"], on_error=given["on_error"])
        if plan and plan.get("plan_sha256"):
            arguments["expected_plan"] = plan["plan_sha256"]
        if not apply:
            arguments["server_validation"] = False  # so that no secret is needed
        checks = self._task.check_mode
        self._task.check_mode = checks or not apply
        try:
            answer: dict[str, Any] = self._execute_module(module_name="community.immuta.immuta_tenant", module_args=arguments, task_vars=known)
        finally:
            self._task.check_mode = checks
        return answer


def _write(path: str, report: Mapping[str, Any]) -> bool:
    """Put the report there at once. Returns whether it is another one than before. Raises OSError and UnicodeError."""
    content = (json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if read_if_exists(path) == content:
        return False
    write_atomically(path, content)
    return True
