# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_hosts import describe_other_runs, host_of, locked, mark_duplicates, report_of
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._core.files import read_if_exists, write_atomically
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import FINDINGS, Call, Host, calls_for, describe_findings
from ansible_collections.community.immuta.plugins.module_utils._fleet.plan import check_expected
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import parse_list
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

#: variables of the play that every host needs in addition to its own
_PLAY_VARIABLES = ("hostvars", "groups", "ansible_play_batch", "ansible_play_hosts", "ansible_play_hosts_all", "play_hosts")


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """Plans and applies the platforms of many hosts with one module call for each tenant."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        self._task.args.update(_as_lists(self._task.args))
        options = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        names = options["hosts"] or list(task_vars.get("ansible_play_batch") or [task_vars["inventory_hostname"]])
        hosts = mark_duplicates([self._host(name, task_vars, options["state"]) for name in names])
        if options["apply"] and not self._task.check_mode:
            with locked(hosts) as lockable:
                return self._run_on(lockable, result, options, task_vars)
        other_runs = describe_other_runs(hosts)
        return self._run_on(hosts, {**result, "warnings": [other_runs]} if other_runs else result, options, task_vars)

    def _run_on(self, hosts: Sequence[Host], result: dict[str, Any], options: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Plan the hosts, apply the plan if it is wanted and as expected, and return the result of the task."""
        whole = not set(task_vars["groups"].get(options["group"], ())) - {host.name for host in hosts}
        applies_at_once = options["apply"] and options["expected_plan"] is None
        calls = calls_for(hosts, with_role=not applies_at_once)
        answers = [self._call(call, options, task_vars, apply=applies_at_once) for call in calls]
        report = report_of(hosts, list(zip(calls, answers)), whole=whole)
        if options["expected_plan"] is not None:
            try:
                check_expected(options["expected_plan"], report["plan"])
            except ImmutaError as error:
                return {**result, **report, **error.as_fail_json(), "failed": True, "changed": False}
            if options["apply"]:
                answers = [
                    planned if call.is_plan_only else self._call(call, options, task_vars, apply=True, plan=planned) for call, planned in zip(calls, answers)
                ]
                report = report_of(hosts, list(zip(calls, answers)), whole=whole)
        return self._reported(result, report, answers, options)

    def _reported(self, result: dict[str, Any], report: dict[str, Any], answers: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
        changed = options["apply"] and any(each["changed"] for each in report["platforms"].values())
        write_error = ""
        if options["dest"] and not self._task.check_mode:
            try:
                changed = _write(options["dest"], report) or changed
            except (OSError, UnicodeError) as error:
                write_error = f"dest {options['dest']} cannot be written: {error}."
        module_warnings = [text for answer in answers for text in answer.get("warnings") or ()]
        warnings = [*result.get("warnings", ()), *module_warnings, *filter(None, [describe_findings(report, options["warn_on"])])]
        failure = " ".join(filter(None, [write_error, describe_findings(report, options["fail_on"])]))
        return {**result, **report, "changed": changed, "warnings": warnings, **({"failed": True, "msg": failure} if failure else {})}

    def _host(self, name: str, task_vars: Mapping[str, Any], state: str | None) -> Host:
        """Return a host with the variables that this task would see if it ran for that host. Play variables override those of the inventory."""
        manager, host = task_vars["hostvars"]._variable_manager, task_vars["hostvars"]._inventory.get_host(name)
        if host is None:
            return Host(name, problem="The inventory has no host of this name.")
        own = manager.get_vars(play=self._task.get_play(), host=host, task=self._task, include_hostvars=False)
        variables = {**own, **{variable: task_vars[variable] for variable in _PLAY_VARIABLES if variable in task_vars}}
        evaluation = evaluate(variables, Templar(loader=self._loader, variables=variables))
        return host_of(name, evaluation, home=constants.config.get_config_value("ANSIBLE_HOME"), state=state)

    def _call(self, call: Call, options: Mapping[str, Any], task_vars: dict[str, Any], *, apply: bool, plan: Mapping[str, Any] | None = None) -> dict[str, Any]:
        arguments = call.arguments(whole=not options["apply"], concurrency=options["concurrency"], on_error=options["on_error"])
        if plan and plan.get("plan_sha256"):
            arguments["expected_plan"] = plan["plan_sha256"]
        if not apply:
            arguments["server_validation"] = False  # so that the plan needs no secrets
        check_mode = self._task.check_mode
        self._task.check_mode = check_mode or not apply
        try:
            answer: dict[str, Any] = self._execute_module(module_name="community.immuta.immuta_tenant", module_args=arguments, task_vars=task_vars)
        finally:
            self._task.check_mode = check_mode
        return answer


def _as_lists(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists among the arguments, which a survey of AWX gives as text. Raises AnsibleActionFail for text that is not a list."""
    names = [name for name in arguments if ARGUMENTS.get(name, {}).get("type") == "list"]
    try:
        return {name: parse_list(arguments[name]) for name in names}
    except ValueError as error:
        raise AnsibleActionFail(f"{' or '.join(names)} {error}.") from None


def _write(path: str, report: Mapping[str, Any]) -> bool:
    """Write the report atomically. Return whether it has changed. Raises OSError and UnicodeError."""
    content = (json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if read_if_exists(path) == content:
        return False
    write_atomically(path, content)
    return True
