#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_integration_api_key
short_description: Create a new API key for the Starburst (Trino) integration
version_added: 1.0.0
description:
  - Asks Immuta for a new API key for the Trino integration and writes it to a file that only its owner can read.
  - The old key stops working immediately. The Trino cluster cannot reach Immuta until it has the new key.
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
      - The module warns that the current key would stop working.
  diff_mode:
    support: none
    details:
      - The only difference is a secret.
  idempotent:
    support: partial
    details:
      - If the file exists, the module does nothing. With O(force=true), every run creates a new key.
options:
  id:
    description: ID of the Trino integration. You can omit it, because a tenant has only one Trino integration.
    type: str
  dest:
    description: File to write the key to. Its directory must exist.
    type: path
    required: true
  force:
    description: Whether to create a new key even if the file exists.
    type: bool
    default: false
  mode:
    description: Permissions of the file. The default is V(0600).
seealso:
  - module: community.immuta.immuta_integration
"""

EXAMPLES = r"""
- name: Create a new key for the Trino cluster
  community.immuta.immuta_integration_api_key:
    dest: /etc/trino/immuta-api-key
    force: true
  notify: Restart Trino
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
  sample: /etc/trino/immuta-api-key
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.integration_tasks import rotate_api_key
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run


def main() -> None:
    run(
        rotate_api_key,
        argument_spec={
            "id": {"type": "str"},
            "dest": {"type": "path", "required": True},
            "force": {"type": "bool", "default": False},
        },
        add_file_common_args=True,
    )


if __name__ == "__main__":
    main()
