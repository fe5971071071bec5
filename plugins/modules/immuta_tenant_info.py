#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_tenant_info
short_description: Export all integrations and connections of an Immuta tenant
version_added: 1.0.0
description:
  - Returns the integrations and connections of a tenant as the lists that M(community.immuta.immuta_tenant) takes. Applying the lists to the same
    tenant changes nothing.
  - Immuta does not return secrets. The export contains vault variables in their place, with names that begin with C(vault_immuta_). RV(vault_names)
    lists them. With O(layout=inventory), a vault variable that is not defined counts as not given. To use the lists, define all of them.
  - The order and the spelling are the same in every run, so you can keep the export under version control.
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
      - This module changes only O(dest).
  idempotent:
    support: full
options:
  dest:
    description:
      - Where to write the export, as YAML. The directory of a file must exist.
      - The module marks text from the tenant that looks like a template as unsafe, so that Ansible does not evaluate it.
      - Only their owner can read the files. The module does not delete the file of a platform that no longer exists.
    type: path
  layout:
    description:
      - V(lists) writes one file with the variables C(immuta_integrations) and C(immuta_connections).
      - V(inventory) makes O(dest) a directory with C(hosts.yml) and C(host_vars), which has one file for each platform. The playbook
        C(community.immuta.register) finds nothing to change with this inventory.
    type: str
    choices: [lists, inventory]
    default: lists
  concurrency:
    description: Maximum number of requests to run at the same time.
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

- name: Export the tenant as an inventory with one host for each platform
  community.immuta.immuta_tenant_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    dest: "{{ playbook_dir }}/inventory"
    layout: inventory
  register: exported

- name: Show which secrets you have to fill in
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
  description: Names of the variables that the export contains instead of secrets.
  returned: success
  type: list
  elements: str
  sample:
    - vault_immuta_snowflake_acme_snowflakecomputing_com_username
    - vault_immuta_snowflake_acme_snowflakecomputing_com_password
dest:
  description: Where the module wrote the export.
  returned: when the export was written
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
