#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_data_object_sync
short_description: Have Immuta read a data platform again
version_added: 0.1.0
description:
  - Starts an object sync, which has Immuta find out what is on the platform from one object of a connection on downward.
  - Immuta does so by itself once in a while; this is for when it should not wait.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - It looks whether the object is there, and starts nothing.
  diff_mode:
    support: none
    details:
      - What a sync finds is not known before it.
  idempotent:
    support: none
    details:
      - Every run starts a sync and reports a change.
options:
  object_path:
    description:
      - Names from the connection down to the object, such as its connection, its database and its schema.
      - A list, because a name may hold any character.
    type: list
    elements: str
    aliases: [objectPath]
    required: true
seealso:
  - module: community.immuta.immuta_data_object_info
"""

EXAMPLES = r"""
- name: Read a database again, and go on when Immuta is done
  community.immuta.immuta_data_object_sync:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    object_path: [snowflake-prod, SALES]
    wait_timeout: 1800
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
jobs:
  description:
    - The jobs of the sync. With O(wait=true) they are completed; one that failed fails the task.
    - Empty in check mode, and when the tenant does not say which jobs it started.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the job.
      type: str
    state:
      description: V(created), V(active), V(retry) or V(completed).
      type: str
    output:
      description: What the job says, without secrets.
      type: raw
  sample:
    - id: 5b0a8c5e-8f2c-11ef-a2d6-0242ac120002
      state: completed
      output: {}
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.connection_tasks import sync_object
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import OBJECT_PATH, WAIT


def main() -> None:
    run(sync_object, argument_spec={**OBJECT_PATH, **WAIT})


if __name__ == "__main__":
    main()
