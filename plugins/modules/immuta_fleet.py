#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_fleet
short_description: Plan and apply the data platforms of many inventory hosts in one task
version_added: 0.1.0
description:
  - Takes the C(immuta_platform_) and C(immuta_) variables of every host, and calls M(community.immuta.immuta_tenant) once for each tenant.
  - A host whose variables are wrong, and a tenant that does not answer, leave the other hosts alone.
  - It says of each host whether anything is left to do. RV(platforms) names the hosts that need the role C(community.immuta.immuta_platform),
    because a script has to run on their warehouse, or because an earlier run left something to finish.
  - It does not fail because a host failed. Fail the host itself, as the playbook C(community.immuta.register) does, or use O(fail_on).
  - Run it with C(run_once). It runs on the controller, where it evaluates the variables of each host.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  hosts:
    description: The hosts. By default those of the play that have not failed, so C(--limit) and C(serial) hold.
    type: list
    elements: str
  group:
    description:
      - The group of all platforms. What a tenant has and no host is about is looked for only if O(hosts) holds all of this group.
    type: str
    default: immuta_platforms
  state:
    description: V(present) or V(absent). It goes before C(immuta_platform_state) of the hosts.
    type: str
    choices: [present, absent]
  apply:
    description:
      - Whether to apply the plan. Without it the task changes nothing, and needs no secrets of warehouses.
      - What needs a script is never applied here.
    type: bool
    default: true
  expected_plan:
    description:
      - The plan that was approved, as RV(plan_sha256) or RV(plan) of an earlier task. If the plan is another one now, nothing is sent.
      - A plan has no values of secrets, so a secret that was replaced in between is not noticed.
    type: raw
  concurrency:
    description: How many requests to have under way at once.
    type: int
    default: 10
  on_error:
    description: What to do on a tenant when one of its platforms fails, as in M(community.immuta.immuta_tenant).
    type: str
    choices: [continue, stop]
    default: continue
  fail_on:
    description:
      - Fail if there is any of these. V(drifted) hosts are not as the inventory says. V(unhealthy) ones are reported as failing by Immuta.
      - V(owned) ones are integrations of the inventory that belong to a connection. V(failed) ones could not be planned or applied.
      - V(unmanaged) is what a tenant has and no host is about.
    type: list
    elements: str
    choices: [drifted, unmanaged, unhealthy, owned, failed]
    default: []
  warn_on:
    description: Warn if there is any of these.
    type: list
    elements: str
    choices: [drifted, unmanaged, unhealthy, owned, failed]
    default: []
  dest:
    description: Where to write the result as JSON, on the controller. It holds no secrets. In check mode it is not written.
    type: path
seealso:
  - module: community.immuta.immuta_tenant
  - module: community.immuta.immuta_platform_plan
"""

EXAMPLES = r"""
- name: See what would change on any host
  community.immuta.immuta_fleet:
    apply: false
    fail_on: [drifted, unhealthy, failed]
  run_once: true
  register: fleet

- name: Show a line for each host
  ansible.builtin.debug:
    var: fleet.table
  run_once: true
"""

RETURN = r"""
platforms:
  description: The hosts, by their names.
  returned: always
  type: dict
  contains:
    done:
      description: Whether nothing is left to do. Otherwise it failed, or it needs the role.
      type: bool
    idle:
      description: Whether there was nothing to do at all.
      type: bool
    failed:
      description: Whether it could not be planned or applied.
      type: bool
    changed:
      description: Whether this task changed it, or would in check mode.
      type: bool
    msg:
      description: What came of it, or why it failed and what to do next, in a line.
      type: str
    kind:
      description: V(integration) or V(connection).
      type: str
    key:
      description: The host, name, connection key or ID that identifies it.
      type: str
    action:
      description: V(created), V(updated), V(deleted) or V(unchanged). V(null) when it was not planned here.
      type: str
    needs_script:
      description: Whether a script has to run on its warehouse.
      type: bool
    changes:
      description: What differs, with C(field), C(before), C(after) and C(secret).
      type: list
      elements: dict
    id:
      description: ID of the integration.
      type: str
    status:
      description: Status of the integration, or state of the connection.
      type: str
    healthy:
      description: Whether Immuta reports it as working. V(null) when nobody can tell.
      type: bool
    failed_tests:
      description: The tests that Immuta reports as failed, with their messages.
      type: list
      elements: str
    owner:
      description: The connection that the integration belongs to.
      type: str
table:
  description: What each host needs, a line each. Hosts that are as they should be are counted.
  returned: always
  type: list
  elements: str
  sample:
    - "warehouse_eu: updated (config.audit.enabled)"
    - "warehouse_us: to be registered, with scripts on the warehouse"
    - 38 as they should be
plan:
  description: What is to be done, for O(expected_plan).
  returned: always
  type: list
  elements: dict
plan_sha256:
  description: Checksum of RV(plan).
  returned: always
  type: str
tenants:
  description: The tenants, each with C(tenant), C(summary), and C(error) if it could not be read.
  returned: always
  type: list
  elements: dict
drifted:
  description: The hosts that are not as the inventory says.
  returned: always
  type: list
  elements: str
unhealthy:
  description: The hosts that Immuta reports as failing.
  returned: always
  type: list
  elements: str
owned:
  description: The hosts whose integration belongs to a connection.
  returned: always
  type: list
  elements: str
failed_hosts:
  description: The hosts that could not be planned or applied.
  returned: always
  type: list
  elements: str
unmanaged:
  description: What the tenants have and no host is about. V(null) when only a part of the group was looked at, when the variables of a
      host are wrong, or when O(apply) is set.
  returned: always
  type: list
  elements: dict
"""
