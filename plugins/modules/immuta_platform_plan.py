#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_platform_plan
short_description: Plan the next steps for one data platform
version_added: 1.0.0
description:
  - Decides what the role P(community.immuta.immuta_platform#role) does next. The role calls this module and carries out the steps that it returns.
  - If you call the module with the variables of the role, it asks the tenant for the differences, reads the files of earlier runs, and returns a
    plan. If you call it again with that plan and with what has happened since, it returns the next plan.
  - The module takes the lock of the platform, which prevents a second run, and releases it with the last plan. In the last plan, RV(plan.work) is
    V(false).
  - The module changes nothing in the tenant or on the warehouse. It writes the summary and the operator's own statements to O(artifacts), or to a
    private directory in O(home).
  - A plan contains no secrets. The role passes secrets, such as the login, directly to the step that needs them.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.platform
attributes:
  check_mode:
    support: full
    details:
      - The module takes no lock and writes no file. The plan omits the steps that do not run in check mode, such as SQL.
  diff_mode:
    support: none
    details:
      - The module that registers the platform shows the differences.
  idempotent:
    support: full
options:
  entry:
    description: What to plan. V(main) is a setup, an edit or a removal, V(rotate) a rotation of secrets, V(sync) an object sync.
    type: str
    choices: [main, rotate, sync]
    default: main
  name:
    description:
      - Name of the platform in messages and in O(artifacts). The role uses the name of the inventory host.
      - The default is the name of the platform in the tenant.
    type: str
  home:
    description: Ansible's home directory. Its subdirectory C(immuta_platform) contains the locks, and the private directories of runs without
      O(artifacts).
    type: path
    default: ~/.ansible
  job:
    description:
      - The job of AWX or Automation Controller, for O(audit_log). The role reads it from the variables C(awx_job_id), C(awx_job_template_name) and
        C(awx_user_name), or from the same names with C(tower_).
      - If not given, the environment variable E(JOB_ID) is used.
    type: dict
    suboptions:
      id:
        description: Number of the job.
        type: str
      template:
        description: Name of the job template.
        type: str
      user:
        description: User who started the job.
        type: str
  problems:
    description: Errors in the variables, as sentences. The task fails with the first one.
    type: list
    elements: str
  undefined:
    description:
      - The variables that could not be evaluated, as paths such as C(integration.config.password), each with the reason.
      - A secret in this list counts as not given. Any other variable makes the task fail.
    type: dict
  plan:
    description: The previous plan, to continue with. Without it, the module starts a new plan.
    type: dict
  made:
    description: What happened since the plan. The results of M(community.immuta.immuta_integration_script) for the scripts in RV(plan.make).
    type: list
    elements: dict
  found:
    description: What happened since the plan. Whether the query RV(plan.ask) returned a row.
    type: bool
  answers:
    description: What happened since the plan. The scripts have run, and these are the results of the modules that register the platform. Skipped
      results do not count.
    type: list
    elements: dict
  finished:
    description: What happened since the plan. The scripts that had to wait for the tenant have run.
    type: bool
  cleaned:
    description: What happened since the plan. The scripts that clean up after a failure have run.
    type: bool
  failure:
    description: What happened since the plan. A step failed.
    type: dict
    suboptions:
      task:
        description: Name of the task.
        type: str
      action:
        description: Module of the task.
        type: str
      result:
        description: Result of the task.
        type: dict
seealso:
  - module: community.immuta.immuta_integration
  - module: community.immuta.immuta_integration_script
  - module: community.immuta.immuta_sql_script
"""

EXAMPLES = r"""
- name: Show what a platform needs, without doing it
  community.immuta.immuta_platform_plan:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    integration:
      type: Redshift
      auto_bootstrap: false
      config:
        host: analytics.example.com
        database: immuta
        initial_database: dev
        authentication_type: userPassword
        username: immuta_system_account
  check_mode: true
  register: planned

- name: Show which scripts the tenant would generate
  ansible.builtin.debug:
    msg: "{{ planned.plan.make | map(attribute='title') }}"
  when: planned.plan.work
"""

RETURN = r"""
plan:
  description: What to do next. Pass it back to the module together with what happened.
  returned: always
  type: dict
  contains:
    work:
      description: Whether there are steps to carry out. If V(false), the module has released the lock.
      type: bool
    make:
      description: The scripts to get from the tenant, each with O(community.immuta.immuta_integration_script#module:action), C(dest) and
        C(review_dest).
      type: list
      elements: dict
    asks:
      description: Whether to ask the warehouse for an existing setup.
      type: bool
    ask:
      description: The query for an existing setup, as a step like those of RV(plan.run).
      type: dict
    run:
      description:
        - The scripts to run on the warehouse, in order. Each has a C(title) and C(options), which are the options of
          M(community.immuta.immuta_sql_script) except for its login.
      type: list
      elements: dict
    integration:
      description: Whether to call M(community.immuta.immuta_integration) after the scripts.
      type: bool
    connection:
      description: Whether to call M(community.immuta.immuta_connection) after the scripts, with RV(plan.settings).
      type: bool
    validate:
      description: Whether the tenant validates the request first.
      type: bool
    settings:
      description: The settings of the connection.
      type: dict
    sync:
      description: Whether Immuta can read the platform again.
      type: bool
    result:
      description: In the last plan, a dictionary with C(action), C(changed), C(id) and C(left_behind).
      type: dict
    scripts:
      description: In the last plan, the scripts that were generated for a later run, each with C(path), C(review), C(sha256) and C(statements).
      type: list
      elements: dict
    say:
      description: In the last plan, the summary as a list of lines.
      type: list
      elements: str
    message:
      description: After a failure, what failed, what has been executed, and what to do next.
      type: str
    state:
      description: The module's own memory. Its content may change at any time.
      type: dict
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.platform_tasks import plan_platform
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import CONNECTION, INTEGRATION
from ansible_collections.community.immuta.plugins.module_utils._platform.options import ENTRIES
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import argument_spec
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_base import LOGIN_SPEC

#: what the variables hold that are dictionaries: the options of other modules
SHAPES = {
    "integration": {"type": "dict", "options": {**INTEGRATION, "api_key_dest": {"type": "path"}}},
    "connection": {"type": "dict", "options": CONNECTION},
    "login": {"type": "dict", "options": LOGIN_SPEC},
}


def main() -> None:
    run(
        plan_platform,
        unmasked=["plan"],
        open_specs=SHAPES,
        hidden_options=["plan", "sql_before", "sql_after", "failure", "made", "answers"],
        argument_spec={
            **argument_spec(),
            "entry": {"type": "str", "choices": list(ENTRIES), "default": "main"},
            "name": {"type": "str"},
            "home": {"type": "path", "default": "~/.ansible"},
            "job": {"type": "dict", "options": {"id": {"type": "str"}, "template": {"type": "str"}, "user": {"type": "str"}}},
            "problems": {"type": "list", "elements": "str"},
            "undefined": {"type": "dict"},
            "plan": {"type": "dict"},
            "made": {"type": "list", "elements": "dict"},
            "found": {"type": "bool"},
            "answers": {"type": "list", "elements": "dict"},
            "cleaned": {"type": "bool"},
            "finished": {"type": "bool"},
            "failure": {"type": "dict", "options": {"task": {"type": "str"}, "action": {"type": "str"}, "result": {"type": "dict"}}},
        },
    )


if __name__ == "__main__":
    main()
