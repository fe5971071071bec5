#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_tenant_info
short_description: Export all integrations and connections of an Immuta tenant
version_added: 0.1.0
description:
  - Returns what a tenant has as the lists that M(community.immuta.immuta_tenant) takes. To apply them to the same tenant changes nothing.
  - Immuta does not give secrets back. In their places stand variables of a vault, whose names begin with C(vault_immuta_).
    RV(vault_names) lists them. In the inventory layout, a variable that nobody has filled in counts as not given. To use the lists, fill in all of them.
  - The order and the spelling do not change between two runs, so that the export can be kept under version control.
  - An integration that belongs to a connection is exported with the connection.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - This module changes no more than O(dest).
  idempotent:
    support: full
options:
  dest:
    description:
      - Where to write the export, as YAML. The folder of a file must exist.
      - Text of the tenant that looks like a template is marked as unsafe there, so that Ansible does not evaluate it.
      - Files are readable to their owner only. A file of a platform that is not there any more stays.
    type: path
  layout:
    description:
      - V(lists) writes one file with the variables C(immuta_integrations) and C(immuta_connections).
      - V(inventory) makes O(dest) a folder with C(hosts.yml), and C(host_vars) with a file for each platform, which the playbook
        C(community.immuta.register) takes back as no change.
    type: str
    choices: [lists, inventory]
    default: lists
  concurrency:
    description: How many requests to have under way at once.
    type: int
    default: 10
seealso:
  - module: community.immuta.immuta_tenant
"""

EXAMPLES = r"""
- name: Export a tenant as lists
  community.immuta.immuta_tenant_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    dest: "{{ playbook_dir }}/group_vars/all/immuta.yml"

- name: Export it as an inventory with a host for each platform
  community.immuta.immuta_tenant_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    dest: "{{ playbook_dir }}/inventory"
    layout: inventory
  register: exported

- name: Say which secrets have to be filled in
  ansible.builtin.debug:
    var: exported.vault_names
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: when url is given
  type: str
  sample: acme.hosted.immutacloud.com
integrations:
  description: The integrations that belong to no connection, with the options of M(community.immuta.immuta_integration).
  returned: success
  type: list
  elements: dict
  sample:
    - type: Snowflake
      auto_bootstrap: false
      config:
        host: acme.snowflakecomputing.com
        warehouse: IMMUTA_WH
        database: IMMUTA
        authentication_type: userPassword
        username: "{{ vault_immuta_snowflake_acme_snowflakecomputing_com_username }}"
        password: "{{ vault_immuta_snowflake_acme_snowflakecomputing_com_password }}"
connections:
  description: The connections, with the options of M(community.immuta.immuta_connection).
  returned: success
  type: list
  elements: dict
vault_names:
  description: Names of the variables that stand in place of secrets.
  returned: success
  type: list
  elements: str
  sample:
    - vault_immuta_snowflake_acme_snowflakecomputing_com_username
    - vault_immuta_snowflake_acme_snowflakecomputing_com_password
dest:
  description: Where the export was written.
  returned: when it was
  type: str
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_tasks import export_tenant
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run


def main() -> None:
    run(
        export_tenant,
        argument_spec={
            "dest": {"type": "path"},
            "layout": {"type": "str", "choices": ["lists", "inventory"], "default": "lists"},
            "concurrency": {"type": "int", "default": 10},
        },
    )


if __name__ == "__main__":
    main()
