# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: platform_variables
short_description: The variables of the role immuta_platform, evaluated once
version_added: 0.1.0
author:
  - The community.immuta contributors (@community-immuta)
description:
  - Evaluates every variable that begins with C(immuta_platform_), and the C(immuta_) variables that name the tenant, and gives the options of
    the modules that the role calls.
  - The role asks it once, so that a lookup which makes a password makes one, and every step gets the same.
  - A variable is evaluated leaf by leaf. A leaf that is undefined or omitted counts as not given, so that a drift check needs no vault; the module
    M(community.immuta.immuta_platform_plan) refuses it where it is needed.
  - What it gives holds secrets. Use it in a task with C(no_log) only.
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
      C(tenant), and C(sql_host) with C(sql_connection), by which that host is reached.
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
        """How the host that the SQL runs on is reached: as the inventory says. The play's own connection is that of its hosts."""
        host = found.values.get("sql_host")
        if not host:
            return ""
        try:
            said = known["hostvars"][host].get("ansible_connection")
        except (KeyError, AnsibleUndefinedVariable):
            said = None
        return str(said or constants.config.get_config_value("DEFAULT_TRANSPORT"))
