#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_integration_info
short_description: List the integrations of an Immuta tenant
version_added: 1.0.0
description:
  - Lists all integrations of a tenant, or those that match.
  - The task succeeds even if it finds nothing.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: none
    details:
      - This module changes nothing.
  idempotent:
    support: full
    details:
      - This module changes nothing.
options:
  id:
    description: Return only the integration with this ID.
    type: str
  type:
    description: Return only integrations of this type.
    type: str
  host:
    description: Return only integrations on this host. Case, port and scheme do not matter. For Databricks, this is the workspace URL.
    type: str
seealso:
  - module: community.immuta.immuta_integration
"""

EXAMPLES = r"""
- name: List all integrations
  community.immuta.immuta_integration_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
  register: found

- name: Show the IDs of the integrations that are not healthy
  ansible.builtin.debug:
    msg: "{{ found.integrations | rejectattr('status', 'equalto', 'enabled') | map(attribute='id') | list }}"
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
integrations:
  description: The integrations as the API returns them, without secrets, sorted by ID.
  returned: success
  type: list
  elements: dict
  sample:
    - id: "7"
      status: enabled
      type: Snowflake
      autoBootstrap: false
      config:
        host: acme.snowflakecomputing.com
        database: IMMUTA
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.integration_tasks import list_integrations
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run


def main() -> None:
    run(list_integrations, argument_spec={"id": {"type": "str"}, "type": {"type": "str"}, "host": {"type": "str"}})


if __name__ == "__main__":
    main()
