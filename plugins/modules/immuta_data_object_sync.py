#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_data_object_sync
short_description: Make Immuta read a data platform again
version_added: 1.0.0
description:
  - Starts an object sync, in which Immuta reads what is on the platform, beginning at one object of a connection.
  - Immuta does this periodically. Use this module if you do not want to wait for the next time.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.object_path
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - The module checks that the object exists, and starts no sync.
  diff_mode:
    support: none
    details:
      - The result of a sync is unknown before it runs.
  idempotent:
    support: none
    details:
      - Every run starts a sync and reports a change.
options:
  object_path:
    required: true
seealso:
  - module: community.immuta.immuta_data_object_info
"""

EXAMPLES = r"""
- name: Read a database again, and wait until Immuta has finished
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
    - The jobs of the sync. With O(wait=true), all of them have completed. The task fails if a job fails.
    - Empty in check mode, and if the tenant does not say which jobs it started.
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
      description: Output of the job, without secrets.
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
