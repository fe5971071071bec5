#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_integration_api_key
short_description: Have Immuta make a new API key for the Starburst (Trino) integration
version_added: 0.1.0
description:
  - Asks Immuta for a new API key of the Trino integration and writes it to a file that only its owner can read.
  - The old key is dead at once, so the Trino cluster cannot reach Immuta until it has the new one.
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
      - It warns that the key in use will be dead.
  diff_mode:
    support: none
    details:
      - There is nothing to show but a secret.
  idempotent:
    support: partial
    details:
      - A file that is there means that there is nothing to do. With O(force=true) every run makes a new key.
options:
  id:
    description: ID of the Trino integration. A tenant has a single one, so it need not be given.
    type: str
  dest:
    description: File to write the key to. Its directory has to exist.
    type: path
    required: true
  force:
    description: Whether to make a new key although the file is there already.
    type: bool
    default: false
  mode:
    description: Permissions of the file. The default is V(0600).
seealso:
  - module: community.immuta.immuta_integration
"""

EXAMPLES = r"""
- name: Make a new key for the Trino cluster
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
  description: The file.
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
