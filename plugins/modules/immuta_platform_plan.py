#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_platform_plan
short_description: Plan what has to be done for one data platform, step by step
version_added: 0.1.0
description:
  - Decides what the role P(community.immuta.immuta_platform#role) does next. The role calls it, and takes the steps that it answers with.
  - Called with the role's variables, it asks the tenant what differs, reads what earlier runs left, and answers with a plan. Called again with
    that plan and with what happened since, it answers with the next one.
  - It takes the lock of the platform, which keeps a second run out, and gives it back with its last plan. A plan whose RV(plan.work) is false
    is the last one.
  - It changes nothing in the tenant and nothing on the warehouse. It writes the summary and the operator's own statements in O(artifacts), or in
    a private directory below O(home).
  - No plan holds a secret. What a step needs that is secret, such as the login, is given to that step.
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
      - It takes no lock and writes no file. The plan leaves out what a check run does not do, such as running SQL.
  diff_mode:
    support: none
    details:
      - What differs is what the module that registers shows.
  idempotent:
    support: full
options:
  entry:
    description: What is planned. V(main) is a set-up, an edit or a removal.
    type: str
    choices: [main, rotate, sync]
    default: main
  name:
    description:
      - What the platform is called in messages and in O(artifacts), in the role the name of the inventory host.
      - Without it, it is called what it is called in the tenant.
    type: str
  home:
    description: Directory of Ansible. The locks, and the private directories of runs without O(artifacts), are in C(immuta_platform) below it.
    type: path
    default: ~/.ansible
  job:
    description:
      - The job of AWX or Automation Controller, for O(audit_log). The role takes it from the variables C(awx_job_id), C(awx_job_template_name) and
        C(awx_user_name), or from those that begin with C(tower_).
      - If not given, the environment variable E(JOB_ID) is used.
    type: dict
    suboptions:
      id:
        description: Its number.
        type: str
      template:
        description: Name of its job template.
        type: str
      user:
        description: Who started it.
        type: str
  problems:
    description: What is wrong with the variables, in sentences. The first of them is the failure.
    type: list
    elements: str
  undefined:
    description:
      - The variables that could not be evaluated, as paths such as C(integration.config.password), each with the reason.
      - A secret counts as not given. Anything else is the failure.
    type: dict
  plan:
    description: The plan before, to be gone on with. Without it a plan begins.
    type: dict
  made:
    description: What happened since. The results of M(community.immuta.immuta_integration_script) for the scripts in RV(plan.make).
    type: list
    elements: dict
  found:
    description: What happened since. Whether the question RV(plan.ask) gave a row.
    type: bool
  answers:
    description: What happened since. The scripts have run, and these are the results of the modules that register; those that were skipped do not count.
    type: list
    elements: dict
  finished:
    description: What happened since. The scripts have run that had to wait for the tenant.
    type: bool
  cleaned:
    description: What happened since. The scripts have run that take back what a failure left.
    type: bool
  failure:
    description: What happened since. A step failed.
    type: dict
    suboptions:
      task:
        description: Name of the task.
        type: str
      action:
        description: Its module.
        type: str
      result:
        description: Its result.
        type: dict
seealso:
  - module: community.immuta.immuta_integration
  - module: community.immuta.immuta_integration_script
  - module: community.immuta.immuta_sql_script
"""

EXAMPLES = r"""
- name: See what a platform needs, without doing it
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

- name: Say which scripts would be made
  ansible.builtin.debug:
    msg: "{{ planned.plan.make | map(attribute='title') }}"
  when: planned.plan.work
"""

RETURN = r"""
plan:
  description: What is to be done next. Give it back with what happened.
  returned: always
  type: dict
  contains:
    work:
      description: Whether there are steps to take. When there are none, the lock has been given back.
      type: bool
    make:
      description: The scripts that the tenant makes, each with O(community.immuta.immuta_integration_script#module:action), C(dest) and C(review_dest).
      type: list
      elements: dict
    asks:
      description: Whether the warehouse is to be asked what is there.
      type: bool
    ask:
      description: The question, as a step like those of RV(plan.run).
      type: dict
    run:
      description:
        - The scripts that run on the warehouse, in order. Each has a C(title), and C(options), those of
          M(community.immuta.immuta_sql_script) but for its login.
      type: list
      elements: dict
    integration:
      description: Whether M(community.immuta.immuta_integration) is called then.
      type: bool
    connection:
      description: Whether M(community.immuta.immuta_connection) is called then, with RV(plan.settings).
      type: bool
    validate:
      description: Whether the tenant validates before that request.
      type: bool
    settings:
      description: The settings of the connection.
      type: dict
    sync:
      description: Whether the platform can be read again.
      type: bool
    result:
      description: With the last plan, C(action), C(changed), C(id) and C(left_behind).
      type: dict
    scripts:
      description: With the last plan, the scripts that were made for a later run, each with C(path), C(review), C(sha256) and C(statements).
      type: list
      elements: dict
    say:
      description: With the last plan, the summary, in lines.
      type: list
      elements: str
    message:
      description: After a failure, what failed, what had been executed, and what to do next.
      type: str
    state:
      description: What the module needs to know again. It may change at any time.
      type: dict
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.platform_tasks import plan_platform
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import CONNECTION, INTEGRATION
from ansible_collections.community.immuta.plugins.module_utils._platform.options import ENTRIES
from ansible_collections.community.immuta.plugins.module_utils._platform.variables import argument_spec
from ansible_collections.community.immuta.plugins.module_utils._sql.base import LOGIN_SPEC

#: what the variables hold that are dictionaries: the options of other modules
SHAPES = {
    "integration": {"type": "dict", "options": {**INTEGRATION, "api_key_dest": {"type": "path"}}},
    "connection": {"type": "dict", "options": CONNECTION},
    "login": {"type": "dict", "options": LOGIN_SPEC},
}


def main() -> None:
    run(
        plan_platform,
        plain=["plan"],
        shapes=SHAPES,
        unshown=["plan", "sql_before", "sql_after", "failure", "made", "answers"],
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
