#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_fleet
short_description: Plan and apply the data platforms of many inventory hosts in one task
version_added: 1.0.0
description:
  - Reads the C(immuta_platform_) and C(immuta_) variables of every host, and calls M(community.immuta.immuta_tenant) once for each tenant.
  - A host with wrong variables, or a tenant that does not answer, does not affect the other hosts.
  - The task locks every platform that it may change. It leaves a platform alone if another run of this task or of the role is at work on it, and that
    host fails.
  - For each host, the result says whether anything is left to do. RV(platforms) names the hosts that need the role
    C(community.immuta.immuta_platform), because a script has to run on their warehouse or because an earlier run did not finish.
  - The task does not fail if a host fails. Make the host itself fail, as the playbook C(community.immuta.register) does, or use O(fail_on).
  - Use C(run_once) for this task. It runs on the controller and evaluates the variables of each host there.
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
    description: The hosts to plan. The default is all hosts of the play that have not failed, so C(--limit) and C(serial) work.
    type: list
    elements: str
  group:
    description:
      - The group that contains all platforms. The module reports what no host describes only if O(hosts) includes every host of this group.
    type: str
    default: immuta_platforms
  state:
    description: Desired state of all hosts. Overrides C(immuta_platform_state) of the hosts.
    type: str
    choices: [present, absent]
  apply:
    description:
      - Whether to apply the plan. With V(false), the task changes nothing and needs no secrets of the warehouses.
      - This module never applies a change that needs a script.
    type: bool
    default: true
  expected_plan:
    description:
      - The approved plan, as RV(plan_sha256) or RV(plan) of an earlier task. If the current plan differs, the module sends nothing.
      - A plan contains no values of secrets, so the module does not notice that a secret was replaced in the meantime.
    type: raw
  concurrency:
    description: Maximum number of requests to run at the same time.
    type: int
    default: 10
  on_error:
    description: What to do on a tenant if one of its platforms fails. See M(community.immuta.immuta_tenant).
    type: str
    choices: [continue, stop]
    default: continue
  fail_on:
    description:
      - Fail if a host or a tenant has any of these findings.
      - V(drifted) means that a host differs from the inventory. V(unhealthy) means that Immuta reports the platform as failing.
      - V(owned) means that an integration of the inventory belongs to a connection. V(failed) means that a host could not be planned or applied.
      - V(unmanaged) means that a tenant has a platform that no host describes.
    type: list
    elements: str
    choices: [drifted, unmanaged, unhealthy, owned, failed]
    default: []
  warn_on:
    description: Issue a warning if a host or a tenant has any of these findings. The values are those of O(fail_on).
    type: list
    elements: str
    choices: [drifted, unmanaged, unhealthy, owned, failed]
    default: []
  dest:
    description: File to write the result to as JSON, on the controller. It contains no secrets. The module does not write it in check mode.
    type: path
seealso:
  - module: community.immuta.immuta_tenant
  - module: community.immuta.immuta_platform_plan
"""

EXAMPLES = r"""
- name: Show what would change on any host
  community.immuta.immuta_fleet:
    apply: false
    fail_on: [drifted, unhealthy, failed]
  run_once: true
  register: fleet

- name: Show one line for each host
  ansible.builtin.debug:
    var: fleet.table
  run_once: true
"""

RETURN = r"""
platforms:
  description: The hosts, by name.
  returned: always
  type: dict
  contains:
    done:
      description: Whether nothing is left to do. If V(false), the host failed or needs the role.
      type: bool
    idle:
      description: Whether there was nothing to do at all.
      type: bool
    failed:
      description: Whether the host could not be planned or applied.
      type: bool
    changed:
      description: Whether this task changed the platform, or would change it in check mode.
      type: bool
    msg:
      description: The outcome in one line, or why the host failed and what to do next.
      type: str
    kind:
      description: V(integration) or V(connection).
      type: str
    key:
      description: The host, name, connection key or ID that identifies the platform.
      type: str
    action:
      description: V(created), V(updated), V(deleted) or V(unchanged). V(null) if this task did not plan the platform.
      type: str
    needs_script:
      description: Whether a script has to run on the warehouse.
      type: bool
    changes:
      description: The differences, with C(field), C(before), C(after) and C(secret).
      type: list
      elements: dict
    id:
      description: ID of the integration.
      type: str
    status:
      description: Status of the integration, or state of the connection.
      type: str
    healthy:
      description: Whether Immuta reports the platform as working. V(null) if Immuta does not report the health.
      type: bool
    failed_tests:
      description: The tests that Immuta reports as failed, with their messages.
      type: list
      elements: str
    owner:
      description: The connection that the integration belongs to.
      type: str
table:
  description: What each host needs, one line for each. Hosts that need nothing are only counted.
  returned: always
  type: list
  elements: str
  sample:
    - "warehouse_eu: updated (config.audit.enabled)"
    - "warehouse_us: to be registered, with scripts on the warehouse"
    - 38 as they should be
plan:
  description: The planned changes, for O(expected_plan).
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
  description: The hosts that differ from the inventory.
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
  description: The platforms on the tenants that no host describes. V(null) if the task covered only part of the group, if the variables of a host
    are wrong, or with O(apply=true).
  returned: always
  type: list
  elements: dict
"""
