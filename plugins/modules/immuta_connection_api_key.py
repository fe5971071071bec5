#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_connection_api_key
short_description: Fetch or rotate the API key of a Trino connection
version_added: 0.1.0
description:
  - Writes the system API key by which the cluster of a Trino connection reaches Immuta to a file that only its owner can read.
  - Immuta finds the key by its name, its connection and its scopes, and makes one when there is none. So the file can be made again when it is lost.
  - The key is never returned.
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
      - It looks whether the connection is there, and asks for no key.
  diff_mode:
    support: none
    details:
      - There is nothing to show but a secret.
  idempotent:
    support: partial
    details:
      - A file that is there means that there is nothing to do. With O(regenerate=true) every run makes a new key.
options:
  connection_key:
    description: Key of the connection, which is also its name in Immuta.
    type: str
    aliases: [connectionKey]
    required: true
  name:
    description:
      - Name of the API key, which is unique in a tenant.
      - The registration of a connection makes a key, and the vendor does not document under which name. Look it up in Immuta.
        With any other name Immuta makes a second key, and the first one stays valid, also with O(regenerate=true).
    type: str
    required: true
  scopes:
    description: What the key is for. The vendor documents V(plugin:trino), for Trino connections.
    type: list
    elements: str
    default: ["plugin:trino"]
  dest:
    description: File to write the key to. Its directory has to exist.
    type: path
    required: true
  regenerate:
    description:
      - Whether to have Immuta make a new key in the place of the one that is there, also when the file is there already.
      - The old key is dead at once. Immuta wants the cluster to be stopped before, and started with the new key. A warning says so.
    type: bool
    default: false
    aliases: [force]
  mode:
    description: Permissions of the file. The default is V(0600).
notes:
  - When the answer is lost, the module asks again without O(regenerate), which gives the key that holds now.
seealso:
  - module: community.immuta.immuta_integration_api_key
  - module: community.immuta.immuta_api_key
  - name: Rotate the system API key
    description: The vendor's guide, with what to do on the cluster.
    link: https://documentation.immuta.com/saas/configuration/integrations/starburst-trino/how-to-guides/register-a-trino-connection/rotate-the-system-api-key
"""

EXAMPLES = r"""
- name: Fetch the key of a cluster
  community.immuta.immuta_connection_api_key:
    connection_key: trino-prod
    name: trino-prod
    dest: /srv/immuta/trino-prod.key

- name: Make a new one, while the cluster is stopped
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
  description: The file.
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
