#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_connection_info
short_description: List the connections of an Immuta tenant
version_added: 0.1.0
description:
  - Lists the connections of a tenant, all of them or one.
  - Finding none is no failure.
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
  connection_key:
    description: Only the connection with this key.
    type: str
    aliases: [connectionKey]
  preview:
    description:
      - Whether to ask the newer Connections API for each connection as well, C(GET /api/connections/{connectionKey}). It is in private preview and may
        know more of the health of a connection.
      - A tenant that does not have it, or does not show it, is no failure. It may want O(auth_method=bearer).
    type: bool
    default: false
notes:
  - It asks once for the list, and once more for each connection, with O(preview=true) twice.
seealso:
  - module: community.immuta.immuta_connection
  - module: community.immuta.immuta_data_object_info
"""

EXAMPLES = r"""
- name: Find the integration behind a connection
  community.immuta.immuta_connection_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    connection_key: snowflake-prod
  register: found

- name: Have Immuta make the script that removes what it made on the platform
  community.immuta.immuta_integration_script:
    action: delete
    id: "{{ found.connections[0].nativeIntegrationId }}"
    dest: /srv/immuta/snowflake-prod.delete.sql
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
connections:
  description: The connections as the API shows them, without secrets, in the order of their keys.
  returned: success
  type: list
  elements: dict
  contains:
    connectionKey:
      description: Key of the connection.
      type: str
    connection:
      description: How Immuta reaches the platform. For many technologies the API shows no more of it than the technology.
      type: dict
    nativeIntegrationId:
      description: ID of the integration behind it, where the API shows one.
      type: str
    object:
      description: The connection as M(community.immuta.immuta_data_object_info) shows it, with its state and settings.
      type: dict
    healthy:
      description:
        - Whether Immuta reports the connection as active.
        - V(null) for an inactive one, for one whose state is about to change, and when no state is shown.
      type: bool
    preview:
      description: The connection as the newer Connections API shows it. Empty where the tenant does not have that. Only with O(preview=true).
      type: dict
  sample:
    - connectionKey: snowflake-prod
      connection:
        technology: Snowflake
        hostname: acme.snowflakecomputing.com
        port: 443
        warehouse: IMMUTA_WH
        role: IMMUTA_SYSTEM_ROLE
        authenticationType: userPassword
        username: IMMUTA_SYSTEM_ACCOUNT
      nativeIntegrationId: "7"
      object:
        objectPath: [snowflake-prod]
        technology: Snowflake
        state: active
      healthy: true
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.connection_tasks import list_connections
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import CONNECTION


def main() -> None:
    spec = {"connection_key": {**CONNECTION["connection_key"], "required": False}, "preview": {"type": "bool", "default": False}}
    run(list_connections, argument_spec=spec)


if __name__ == "__main__":
    main()
