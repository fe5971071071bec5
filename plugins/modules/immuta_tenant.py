#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_tenant
short_description: Bring all integrations and connections of an Immuta tenant to their wanted settings
version_added: 0.1.0
description:
  - Plans every integration and connection of the lists, field by field, and applies the plan, several at once.
  - It does for each item what M(community.immuta.immuta_integration) and M(community.immuta.immuta_connection) do, with one login and one
    list request for all of them. It waits for all of them together.
  - An item that fails leaves the others alone. The task fails at the end and names every item that failed.
  - An item that needs a script on the warehouse is planned and left alone. RV(plan[].needs_script) is then true. The role
    C(community.immuta.immuta_platform) makes and runs such scripts.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.fleet
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - With O(server_validation=true) Immuta is asked to validate each change that needs no script, without making it.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(update_secrets=always) every run with a secret is an update.
options:
  prune:
    description:
      - Whether to remove integrations and connections that are on the tenant and in no list. Only a kind whose list is given is pruned.
      - An integration that belongs to a connection is never pruned, nor is one whose removal needs a script. RV(plan[].needs_script) tells the latter.
      - Nothing is pruned while an item of the lists cannot be planned, because it may be one of those that would be removed.
    type: bool
    default: false
  prune_empty:
    description: Whether an empty list prunes. As a rule an empty list is a mistake, so it does not.
    type: bool
    default: false
  prune_max:
    description: How many platforms O(prune) may remove in one run. If it would remove more, the task fails before it sends anything.
    type: int
    default: 1
  concurrency:
    description: How many requests to have under way at once.
    type: int
    default: 10
  on_error:
    description:
      - What to do when an item fails. V(continue) goes on with the others.
      - V(stop) begins no further item. Items that are under way are finished. If an item cannot even be planned, nothing is sent.
    type: str
    choices: [continue, stop]
    default: continue
  update_secrets:
    description:
      - Whether a secret alone is a reason to update. Immuta does not give secrets back, so nobody can tell whether they differ.
      - V(on_create) sends secrets when an item is registered, and along with updates that happen for another reason.
      - V(always) sends them in every run, which always reports a change. Use it to rotate them.
    type: str
    choices: [on_create, always]
    default: on_create
  server_validation:
    description:
      - Whether Immuta validates each change before it is made, and in check mode instead of making it.
      - Without it check mode needs no credentials and sends nothing but looks.
    type: bool
    default: true
  expected_plan:
    description:
      - The plan that was approved. If the plan is another one now, the task fails before it sends anything and says what differs.
      - Give RV(plan_sha256) of a run in check mode, or RV(plan) itself, which lets the failure name each difference.
      - A plan has no values of secrets, so a secret that was replaced in between is not noticed.
    type: raw
seealso:
  - module: community.immuta.immuta_tenant_info
  - module: community.immuta.immuta_integration
  - module: community.immuta.immuta_connection
"""

EXAMPLES = r"""
- name: See what would change, field by field
  community.immuta.immuta_tenant:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    integrations: "{{ immuta_integrations }}"
    connections: "{{ immuta_connections }}"
  check_mode: true
  register: planned

- name: Apply exactly that
  community.immuta.immuta_tenant:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    integrations: "{{ immuta_integrations }}"
    connections: "{{ immuta_connections }}"
    expected_plan: "{{ planned.plan_sha256 }}"

- name: Keep two integrations, and remove at most one other
  community.immuta.immuta_tenant:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    integrations:
      - type: Trino
      - type: Native S3
        auto_bootstrap: false
        config:
          name: lake
          aws_account_id: "123456789012"
          aws_location_path: s3://acme-lake/
          aws_location_role: arn:aws:iam::123456789012:role/immuta-location
          aws_role_to_assume: arn:aws:iam::123456789012:role/immuta
          authentication_type: auto
          port: 443
    prune: true
    prune_max: 1
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: when url is given
  type: str
  sample: acme.hosted.immutacloud.com
plan:
  description: The items of the lists in their order, and behind them what is pruned.
  returned: once the tenant could be read
  type: list
  elements: dict
  contains:
    kind:
      description: V(integration) or V(connection).
      type: str
    key:
      description: The item's host, name, connection key or ID, whichever identifies it.
      type: str
    name:
      description: Your own name for it.
      type: str
    action:
      description:
        - V(created), V(updated), V(deleted) or V(unchanged). In check mode, and with RV(plan[].needs_script), what is to be done.
        - V(null) when that is not known.
      type: str
    changed:
      description: Whether this task changed it, or would in check mode.
      type: bool
    changes:
      description: What differs, with C(field), C(before), C(after) and C(secret). A secret is listed when it is sent, without its values.
      type: list
      elements: dict
    changed_reason:
      description: Why anything is to be done.
      type: str
    id:
      description: ID of the integration, or of the one behind the connection.
      type: str
    status:
      description: Status of the integration, or state of the connection.
      type: str
    healthy:
      description: Whether Immuta reports it as working. V(null) when nobody can tell yet.
      type: bool
    adopted:
      description: Whether it was there already when it was to be created.
      type: bool
    validation:
      description: What Immuta validated, as C(status) and C(tests).
      type: dict
    needs_script:
      description: Whether a script has to run on the warehouse. The item was then left alone.
      type: bool
    pruned:
      description: Whether it is removed because no list holds it.
      type: bool
    warnings:
      description: What else is to be known of it.
      type: list
      elements: str
    error:
      description: Why it failed, and what to do next. V(null) when it did not.
      type: str
    failure:
      description: Of a failure its C(status), C(method), C(path) and C(api_error), as far as there are such.
      type: dict
  sample:
    - kind: integration
      key: acme.snowflakecomputing.com
      name: null
      action: updated
      changed: true
      changes:
        - {field: config.audit.enabled, before: false, after: true, secret: false}
      changed_reason: "differs: config.audit.enabled"
      id: "7"
      status: enabled
      healthy: true
      adopted: false
      validation: {status: passed, tests: []}
      needs_script: false
      pruned: false
      warnings: []
      error: null
      failure: null
plan_sha256:
  description: Checksum of what is to be done, for O(expected_plan). It does not depend on the order of the lists.
  returned: once the tenant could be read
  type: str
unmanaged:
  description: What is on the tenant and in no list, of each kind whose list was given. An integration that belongs to a connection is not in it.
  returned: once the tenant could be read
  type: list
  elements: dict
  sample:
    - {kind: integration, key: old.snowflakecomputing.com, id: "3", type: Snowflake}
summary:
  description: How many were, or would be, created, updated and deleted; how many are unchanged, need a script, or failed.
  returned: once the tenant could be read
  type: dict
  sample: {created: 0, updated: 1, deleted: 0, unchanged: 39, needs_script: 0, failed: 0}
diff:
  description: The managed fields of everything that changed, before and afterwards, by option.
  returned: once the tenant could be read
  type: dict
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_tasks import change_tenant
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import FLEET, WAIT


def main() -> None:
    run(
        change_tenant,
        argument_spec={
            **FLEET,
            **WAIT,
            "prune": {"type": "bool", "default": False},
            "prune_empty": {"type": "bool", "default": False},
            "prune_max": {"type": "int", "default": 1},
            "concurrency": {"type": "int", "default": 10},
            "on_error": {"type": "str", "choices": ["continue", "stop"], "default": "continue"},
            "update_secrets": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
            "server_validation": {"type": "bool", "default": True},
            "expected_plan": {"type": "raw"},
        },
    )


if __name__ == "__main__":
    main()
