#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_tenant
short_description: Bring all integrations and connections of an Immuta tenant to their desired settings
version_added: 1.0.0
description:
  - Plans every integration and connection of the lists, field by field, and applies the plan, several items at a time.
  - For each item, it does what M(community.immuta.immuta_integration) and M(community.immuta.immuta_connection) do. It signs in once, lists
    everything with one request, and waits for all items together.
  - An item that fails does not affect the others. The task fails at the end and names every item that failed.
  - The module only plans an item that needs a script on the warehouse, and sets RV(plan[].needs_script) for it. The role
    C(community.immuta.immuta_platform) gets and runs such scripts.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.change
  - community.immuta.fleet
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - With O(server_validation=true), the module asks Immuta to validate each change that needs no script, without making it.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(update_secrets=always), every run that has a secret sends an update.
options:
  prune:
    description:
      - Whether to remove integrations and connections that are on the tenant but in no list. The module prunes only the kinds whose list you give.
      - The module never prunes an integration that belongs to a connection, or whose removal needs a script. For the latter,
        RV(plan[].needs_script) is V(true).
      - The module prunes nothing if an item of the lists cannot be planned, because that item may be one of those to remove.
    type: bool
    default: false
  prune_empty:
    description: Whether to prune if a list is empty. An empty list is usually a mistake, so the module does not prune by default.
    type: bool
    default: false
  prune_max:
    description: Maximum number of platforms that O(prune) may remove in one run. If it would remove more, the task fails before it sends anything.
    type: int
    default: 1
  concurrency:
    description: Maximum number of requests to run at the same time.
    type: int
    default: 10
  on_error:
    description:
      - What to do if an item fails. V(continue) continues with the other items.
      - V(stop) starts no further item, and finishes those that have started. If an item cannot be planned, the module sends nothing.
    type: str
    choices: [continue, stop]
    default: continue
  expected_plan:
    description:
      - The approved plan. If the current plan differs, the task fails before it sends anything and lists the differences.
      - Give RV(plan_sha256) of a run in check mode. If you give RV(plan) itself, the error message can name each difference.
      - A plan contains no values of secrets, so the module does not notice that a secret was replaced in the meantime.
    type: raw
seealso:
  - module: community.immuta.immuta_tenant_info
  - module: community.immuta.immuta_integration
  - module: community.immuta.immuta_connection
"""

EXAMPLES = r"""
- name: Show what would change, field by field
  community.immuta.immuta_tenant:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    integrations: "{{ immuta_integrations }}"
    connections: "{{ immuta_connections }}"
  check_mode: true
  register: planned

- name: Apply exactly this plan
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
          aws_region: eu-central-1
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
  description: The items of the lists in their order, followed by the items to prune.
  returned: when the module could read the tenant
  type: list
  elements: dict
  contains:
    kind:
      description: V(integration) or V(connection).
      type: str
    key:
      description: The host, name, connection key or ID that identifies the item.
      type: str
    name:
      description: Your own name for the item.
      type: str
    action:
      description:
        - V(created), V(updated), V(deleted) or V(unchanged). In check mode, and with RV(plan[].needs_script), this is the planned action.
        - V(null) if the action is unknown.
      type: str
    changed:
      description: Whether this task changed the item, or would change it in check mode.
      type: bool
    changes:
      description: The differences, with C(field), C(before), C(after) and C(secret). A secret is listed if the module sends it, without its values.
      type: list
      elements: dict
    changed_reason:
      description: Reason for the change.
      type: str
    id:
      description: ID of the integration, or of the connection's integration.
      type: str
    status:
      description: Status of the integration, or state of the connection.
      type: str
    healthy:
      description: Whether Immuta reports the item as working. V(null) if Immuta does not report the health yet.
      type: bool
    adopted:
      description: Whether the item already existed when the module tried to create it.
      type: bool
    validation:
      description: The result of Immuta's validation, with C(status) and C(tests).
      type: dict
    needs_script:
      description: Whether a script has to run on the warehouse. The module then leaves the item unchanged.
      type: bool
    pruned:
      description: Whether the item is removed because it is in no list.
      type: bool
    warnings:
      description: Warnings about the item.
      type: list
      elements: str
    error:
      description: Why the item failed, and what to do next. V(null) if it did not fail.
      type: str
    failure:
      description: C(status), C(method), C(path) and C(api_error) of the failure, as far as they apply.
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
  description: Checksum of the planned changes, for O(expected_plan). It does not depend on the order of the lists.
  returned: when the module could read the tenant
  type: str
unmanaged:
  description: Integrations and connections that are on the tenant but in no list, for each kind whose list you give. An integration that belongs to
    a connection is not included.
  returned: when the module could read the tenant
  type: list
  elements: dict
  sample:
    - {kind: integration, key: old.snowflakecomputing.com, id: "3", type: Snowflake}
summary:
  description: How many items were created, updated and deleted, or would be in check mode, and how many are unchanged, need a script, or failed.
  returned: when the module could read the tenant
  type: dict
  sample: {created: 0, updated: 1, deleted: 0, unchanged: 39, needs_script: 0, failed: 0}
diff:
  description: The managed fields of everything that changed, before and after the change, by option.
  returned: when the module could read the tenant
  type: dict
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_tasks import change_tenant
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import FLEET, WAIT


def main() -> None:
    run(
        change_tenant,
        hidden_options=["integrations", "connections"],
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
