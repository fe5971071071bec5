#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_api_key
short_description: Rotate the API key that automation uses
version_added: 1.0.0
description:
  - Makes Immuta create another API key for the user who signs in, tests the new key, and writes it to a file that only its owner can read.
  - The key that the task signs in with stays valid unless O(old_id) names it. The module removes that key only after the new key has worked and is
    in the file.
  - The module never returns a key.
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
      - The module tests the current key, but creates and removes no key. It assumes that the key to remove with O(state=absent) exists.
  diff_mode:
    support: none
    details:
      - The only difference is a secret.
  idempotent:
    support: partial
    details:
      - If the file exists, the module does nothing. With O(force=true), every run creates a new key.
options:
  state:
    description:
      - V(present) creates a key. V(absent) removes the key that O(id) names.
      - Users can remove only their own keys. Nothing prevents you from removing the key that the task signs in with.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the new key, at most 254 characters. Required with O(state=present).
    type: str
  project_id:
    description: ID of the project that the key is for. The default is the user's current project.
    type: int
    aliases: [projectId]
  dest:
    description: File to write the key to. Its directory must exist. Required with O(state=present).
    type: path
  force:
    description: Whether to create a new key even if the file exists.
    type: bool
    default: false
  old_id:
    description:
      - ID of the key that the new one replaces. The module removes it last and signs in with the new key to do so.
      - Omit this option while anyone else still uses the old key. Give them the new key first, and remove the old one later with O(state=absent).
    type: str
  id:
    description: ID of the key to remove. Required with O(state=absent).
    type: str
  mode:
    description: Permissions of the file. The default is V(0600).
notes:
  - The module tests a key by listing the integrations. The new key therefore needs the same permissions as the current one.
  - If the new key does not work or cannot be written, the module removes the key again and leaves the file unchanged.
  - If the tenant's answer is lost, the error message says which key may exist. The current key still works.
  - The vendor documents no way to find the ID of a key from the key itself, so keep RV(id) for the next rotation.
seealso:
  - module: community.immuta.immuta_connection_api_key
  - module: community.immuta.immuta_integration_api_key
"""

EXAMPLES = r"""
- name: Create a new key and remove the old one
  community.immuta.immuta_api_key:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    name: automation
    dest: /srv/immuta/api-key
    force: true
    old_id: "{{ immuta_api_key_id }}"
  register: rotated

- name: Create a key for other users, who will switch to it one by one
  community.immuta.immuta_api_key:
    name: automation
    dest: /srv/immuta/api-key.new

- name: Remove the old key when nobody uses it any more
  community.immuta.immuta_api_key:
    state: absent
    id: "17"
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
dest:
  description: Path of the file. V(null) with O(state=absent).
  returned: success
  type: str
  sample: /srv/immuta/api-key
id:
  description:
    - ID of the key that the module created or removed, or would remove in check mode.
    - V(null) if the module created no key, or if the tenant does not return the ID.
  returned: success
  type: str
  sample: "18"
removed:
  description: Whether the module removed a key, or would remove one in check mode.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.key_tasks import rotate_own_key
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run


def main() -> None:
    run(
        rotate_own_key,
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str"},
            "project_id": {"type": "int", "aliases": ["projectId"]},
            "dest": {"type": "path"},
            "force": {"type": "bool", "default": False},
            "old_id": {"type": "str"},
            "id": {"type": "str"},
        },
        add_file_common_args=True,
        required_if=[("state", "present", ["name", "dest"]), ("state", "absent", ["id"])],
    )


if __name__ == "__main__":
    main()
