#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_api_key
short_description: Rotate the API key that automation uses
version_added: 0.1.0
description:
  - Has Immuta make a further API key for the user who signs in, tries it, and writes it to a file that only its owner can read.
  - The key that the task signs in with stays valid, unless O(old_id) names it. Then it is removed when the new one has worked and is in the file.
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
      - It tries the key in use, and makes and removes none. A key that O(state=absent) is to remove counts as there.
  diff_mode:
    support: none
    details:
      - There is nothing to show but a secret.
  idempotent:
    support: partial
    details:
      - A file that is there means that there is nothing to do. With O(force=true) every run makes a new key.
options:
  state:
    description:
      - V(present) makes a key. V(absent) removes the key that O(id) names.
      - A user can only remove keys of their own. Nobody keeps you from removing the key that the task signs in with.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the new key, at most 254 characters. Required to make one.
    type: str
  project_id:
    description: ID of the project that the key is for. By default it is the one that the user works in.
    type: int
    aliases: [projectId]
  dest:
    description: File to write the key to. Its directory has to exist. Required to make one.
    type: path
  force:
    description: Whether to make a new key although the file is there already.
    type: bool
    default: false
  old_id:
    description:
      - ID of the key that the new one replaces. It is removed last, by the new key.
      - Leave it out where others still use the old key. Bring them the new one first, and remove the old one with O(state=absent).
    type: str
  id:
    description: ID of the key to remove. Required to remove one.
    type: str
  mode:
    description: Permissions of the file. The default is V(0600).
notes:
  - The key is tried by listing the integrations. It has to be allowed as much there as the key in use is.
  - A new key that cannot be used or written is removed again, and the file stays as it was.
  - When the answer of the tenant is lost, the failure says what there may be, and the key in use still works.
  - The vendor documents no way to look up the ID of a key by the key, so keep RV(id) for the next rotation.
seealso:
  - module: community.immuta.immuta_connection_api_key
  - module: community.immuta.immuta_integration_api_key
"""

EXAMPLES = r"""
- name: Make a new key, and end the old one
  community.immuta.immuta_api_key:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    name: automation
    dest: /srv/immuta/api-key
    force: true
    old_id: "{{ immuta_api_key_id }}"
  register: rotated

- name: Make one for others, who change to it one by one
  community.immuta.immuta_api_key:
    name: automation
    dest: /srv/immuta/api-key.new

- name: Remove the old one when nobody uses it any more
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
  description: The file. V(null) with O(state=absent).
  returned: success
  type: str
  sample: /srv/immuta/api-key
id:
  description:
    - ID of the key that was made, or is to be removed.
    - V(null) when none was made, and where the tenant does not tell it.
  returned: success
  type: str
  sample: "18"
removed:
  description: Whether a key was removed, or would be.
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
