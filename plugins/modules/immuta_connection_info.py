#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_connection_info
short_description: List the connections of an Immuta tenant
version_added: 1.0.0
description:
  - Lists all connections of a tenant, or one of them.
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
  connection_key:
    description: Key of the connection to return. By default, the module returns all connections.
    type: str
    aliases: [connectionKey]
  preview:
    description:
      - Whether to also ask the newer Connections API for each connection, with C(GET /api/connections/{connectionKey}). That API is in private
        preview and may return more details about the health of a connection.
      - The task does not fail if the tenant does not have this API or does not let the user read it. The API may require O(auth_method=bearer).
    type: bool
    default: false
notes:
  - The module sends one request for the list and one for each connection. With O(preview=true), it sends two for each connection.
seealso:
  - module: community.immuta.immuta_connection
  - module: community.immuta.immuta_data_object_info
"""

EXAMPLES = r"""
- name: Find the integration of a connection
  community.immuta.immuta_connection_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    connection_key: snowflake-prod
  register: found

- name: Get the script that removes what Immuta created on the platform
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
  description: The connections as the API returns them, without secrets, sorted by key.
  returned: success
  type: list
  elements: dict
  contains:
    connectionKey:
      description: Key of the connection.
      type: str
    connection:
      description: How Immuta reaches the platform. For many technologies, the API returns only the technology.
      type: dict
    nativeIntegrationId:
      description: ID of the connection's integration, if the API returns one.
      type: str
    object:
      description: The connection as M(community.immuta.immuta_data_object_info) returns it, with its state and settings.
      type: dict
    healthy:
      description:
        - Whether Immuta reports the connection as active.
        - V(null) for an inactive connection, while the state changes, and if the API returns no state.
      type: bool
    preview:
      description: The connection as the newer Connections API returns it. Empty if the tenant does not have that API. Only with O(preview=true).
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
