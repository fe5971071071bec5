#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_data_object_info
short_description: List the objects in the connections of an Immuta tenant
version_added: 1.0.0
description:
  - Lists the connections, databases, schemas and tables that Immuta knows.
  - The task succeeds even if it finds nothing.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.object_path
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
  depth:
    description:
      - How many levels below the object to list. V(0) lists only the object itself, V(1) adds its direct children, and so on.
      - Without O(object_path), the levels count from the connections.
      - The module sends one request for each object above the last level.
    type: int
    default: 0
  technology:
    description: Return only objects of this technology. Case does not matter.
    type: str
  state:
    description: Return only objects in this state, such as V(active) or V(inactive). Case does not matter.
    type: str
seealso:
  - module: community.immuta.immuta_data_object
  - module: community.immuta.immuta_connection_info
"""

EXAMPLES = r"""
- name: List the connections that are not active
  community.immuta.immuta_data_object_info:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    state: inactive

- name: List the schemas and the tables of a database
  community.immuta.immuta_data_object_info:
    object_path: [snowflake-prod, SALES]
    depth: 2
  register: found

- name: Show the paths of the objects
  ansible.builtin.debug:
    msg: "{{ found.objects | map(attribute='objectPath') | map('join', '/') | list }}"
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
objects:
  description: The objects as the API returns them, sorted by path.
  returned: success
  type: list
  elements: dict
  contains:
    objectPath:
      description: Names from the connection down to the object.
      type: list
      elements: str
    technology:
      description: Technology of the object's connection.
      type: str
    state:
      description: V(active) or V(inactive). Newer tenants also report V(unhealthy) connections, and may use upper case.
      type: str
    settings:
      description: Effective settings of the object, in the API's spelling.
      type: dict
    overrides:
      description: Settings that differ from those that the object would inherit.
      type: dict
  sample:
    - objectPath: [snowflake-prod, SALES]
      technology: Snowflake
      state: active
      settings:
        activateNewChildren: {value: true, hasDescendantsWithOverrides: false}
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.connection_tasks import list_objects
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import OBJECT_PATH


def main() -> None:
    run(
        list_objects,
        argument_spec={
            "object_path": {**OBJECT_PATH["object_path"], "required": False},
            "depth": {"type": "int", "default": 0},
            "technology": {"type": "str"},
            "state": {"type": "str"},
        },
    )


if __name__ == "__main__":
    main()
