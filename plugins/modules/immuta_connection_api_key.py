#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_connection_api_key
short_description: Fetch or rotate the API key of a Trino connection
version_added: 1.0.0
description:
  - Writes the system API key that the cluster of a Trino connection uses to reach Immuta to a file that only its owner can read.
  - Immuta finds the key by its name, its connection and its scopes, and creates one if there is none. You can therefore restore a lost file.
  - The module never returns the key.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details:
      - The module checks that the connection exists, and requests no key.
  diff_mode:
    support: none
    details:
      - The only difference is a secret.
  idempotent:
    support: partial
    details:
      - If the file exists, the module does nothing. With O(regenerate=true), every run creates a new key.
options:
  connection_key:
    description: Key of the connection, which is also its name in Immuta.
    type: str
    aliases: [connectionKey]
    required: true
  name:
    description:
      - Name of the API key. It is unique within a tenant.
      - Immuta creates a key when you register a connection. The vendor does not document its name, so look it up in Immuta. If you give any other
        name, Immuta creates a second key, and the first one stays valid even with O(regenerate=true).
    type: str
    required: true
  scopes:
    description: What the key may be used for. The vendor documents V(plugin:trino) for Trino connections.
    type: list
    elements: str
    default: ["plugin:trino"]
  dest:
    description: File to write the key to. Its directory must exist.
    type: path
    required: true
  regenerate:
    description:
      - Whether Immuta replaces the existing key by a new one, even if the file exists.
      - The old key stops working immediately. Immuta requires you to stop the cluster before the rotation and to start it with the new key. The
        module issues a warning that says so.
    type: bool
    default: false
    aliases: [force]
  mode:
    description: Permissions of the file. The default is V(0600).
notes:
  - If Immuta's answer is lost, the module asks again without O(regenerate), which returns the current key.
seealso:
  - module: community.immuta.immuta_integration_api_key
  - module: community.immuta.immuta_api_key
  - name: Rotate the system API key
    description: The vendor's guide, including the steps on the cluster.
    link: https://documentation.immuta.com/saas/configuration/integrations/starburst-trino/how-to-guides/register-a-trino-connection/rotate-the-system-api-key
"""

EXAMPLES = r"""
- name: Fetch the key of a cluster
  community.immuta.immuta_connection_api_key:
    connection_key: trino-prod
    name: trino-prod
    dest: /srv/immuta/trino-prod.key

- name: Create a new key while the cluster is stopped
  community.immuta.immuta_connection_api_key:
    connection_key: trino-prod
    name: trino-prod
    dest: /srv/immuta/trino-prod.key
    regenerate: true
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
dest:
  description: Path of the file.
  returned: success
  type: str
  sample: /srv/immuta/trino-prod.key
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.key_tasks import fetch_connection_key
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import CONNECTION


def main() -> None:
    run(
        fetch_connection_key,
        argument_spec={
            "connection_key": CONNECTION["connection_key"],
            "name": {"type": "str", "required": True},
            "scopes": {"type": "list", "elements": "str", "default": ["plugin:trino"]},
            "dest": {"type": "path", "required": True},
            "regenerate": {"type": "bool", "default": False, "aliases": ["force"]},
        },
        add_file_common_args=True,
    )


if __name__ == "__main__":
    main()
