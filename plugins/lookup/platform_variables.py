# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: platform_variables
short_description: Evaluate the variables of the role immuta_platform once
version_added: 1.0.0
author:
  - The community.immuta contributors (@community-immuta)
description:
  - Evaluates every variable that begins with C(immuta_platform_), and the C(immuta_) variables that name the tenant. Returns the options of the
    modules that the role calls.
  - The role calls this lookup once, so a lookup that generates a password generates only one, and every step gets the same value.
  - The lookup evaluates a variable value by value. A value that is undefined or omitted counts as not given, so a drift check needs no vault.
    M(community.immuta.immuta_platform_plan) fails if such a value is required.
  - The result contains secrets. Use it only in a task with C(no_log).
options:
  _terms:
    description: The entry point of the role, C(main), C(rotate) or C(sync).
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Evaluate the variables once
  ansible.builtin.set_fact:
    given: "{{ lookup('community.immuta.platform_variables', 'main') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description:
    - One dictionary with the options of each module, as C(plan), C(integration), C(connection), C(script), C(logins), C(statements), C(sync) and
      C(tenant). It also contains C(sql_host), and C(sql_connection) with the connection type of that host.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleUndefinedVariable
from ansible.plugins.lookup import LookupBase
from ansible_collections.community.immuta.plugins.module_utils._ansible.variables import Evaluation
from ansible_collections.community.immuta.plugins.module_utils._platform.audit import job_of
from ansible_collections.community.immuta.plugins.module_utils._platform.options import MAIN, module_options
from ansible_collections.community.immuta.plugins.plugin_utils.variables import evaluate


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        known = variables or {}
        entry = terms[0] if terms else MAIN
        found = evaluate(known, self._templar)
        home = constants.config.get_config_value("ANSIBLE_HOME")
        plan = {"job": job_of(known), **found.tenant, **found.values, "entry": entry, "name": known.get("inventory_hostname"), "home": home}
        return [
            {
                **module_options(found.values, entry),
                "tenant": found.tenant,
                "plan": {**plan, "problems": found.problems, "undefined": found.undefined},
                "sql_host": found.values.get("sql_host") or "",
                "sql_connection": self._connection(known, found),
            }
        ]

    def _connection(self, known: Mapping[str, Any], found: Evaluation) -> str:
        """Return the connection type that the inventory gives the SQL host, or Ansible's default. The play's own connection is not for that host."""
        host = found.values.get("sql_host")
        if not host:
            return ""
        try:
            connection = known["hostvars"][host].get("ansible_connection")
        except (KeyError, AnsibleUndefinedVariable):
            connection = None
        return str(connection or constants.config.get_config_value("DEFAULT_TRANSPORT"))
