#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_data_object
short_description: Change the settings of an object in an Immuta connection
version_added: 1.0.0
description:
  - Brings a connection, database, schema or table that Immuta knows to the given settings.
  - Immuta adds and removes objects to match the platform. This module neither creates nor removes objects.
  - After the module activates a connection, it waits until Immuta reports the connection as active or unhealthy. If the connection is unhealthy,
    the module issues a warning.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.activation
  - community.immuta.object_path
  - community.immuta.settings
  - community.immuta.wait
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  object_path:
    required: true
  settings:
    required: true
seealso:
  - module: community.immuta.immuta_data_object_info
  - module: community.immuta.immuta_connection
"""

EXAMPLES = r"""
- name: Exclude a schema
  community.immuta.immuta_data_object:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    object_path: [snowflake-prod, SALES, SCRATCH]
    settings:
      is_active: false

- name: Govern all current and future objects of a database, and assign an owner
  community.immuta.immuta_data_object:
    object_path: [snowflake-prod, SALES]
    settings:
      is_active: true
      activate_new_children: true
      data_owners:
        - type: group
          id: 12
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
action:
  description: What the module did, or would do in check mode.
  returned: success
  type: str
  choices: [updated, unchanged]
  sample: updated
object:
  description: The object as the API returns it. In check mode, the object after the change, as far as the module can predict it.
  returned: success
  type: dict
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
changes:
  description: The differences, field by field. A secret is listed if the module sends it, without its values.
  returned: success
  type: list
  elements: dict
  contains:
    field:
      description: Name of the option.
      type: str
    before:
      description: Value before the change.
      type: raw
    after:
      description: Value after the change.
      type: raw
    secret:
      description: Whether the option is a secret. The module sends secrets without comparing them.
      type: bool
  sample:
    - field: settings.is_active
      before: false
      after: true
      secret: false
changed_reason:
  description: Reason for the change. Empty if nothing changed.
  returned: success
  type: str
  sample: "differs: settings.is_active"
diff:
  description: The managed settings before and after the change, by option.
  returned: success
  type: dict
  sample:
    before: {settings: {is_active: false}}
    after: {settings: {is_active: true}}
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.connection_tasks import change_object
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import CONNECTION, OBJECT_PATH, WAIT


def main() -> None:
    run(change_object, argument_spec={**OBJECT_PATH, **WAIT, "settings": {**CONNECTION["settings"], "required": True}})


if __name__ == "__main__":
    main()
