#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_data_object
short_description: Change the settings of an object in an Immuta connection
version_added: 0.1.0
description:
  - Brings a connection, a database, a schema or a table that Immuta knows to the settings that are given.
  - Objects come and go with what is on the platform; this module neither makes nor removes them.
  - A connection that it activates is waited for until Immuta reports it as active, or as unhealthy, which it warns of.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
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
    description:
      - Names from the connection down to the object, such as its connection, its database and its schema.
      - A list, because a name may hold any character.
    type: list
    elements: str
    aliases: [objectPath]
    required: true
  settings:
    required: true
notes:
  - Before anything of Databricks is activated a warning says that Immuta revokes grants where no subscription policy applies. Check mode shows it, too.
  - Immuta activates fewer than 100,000 objects at once. More than that are refused, as far as the tenant tells in one look how many there are.
seealso:
  - module: community.immuta.immuta_data_object_info
  - module: community.immuta.immuta_connection
"""

EXAMPLES = r"""
- name: Leave a schema out
  community.immuta.immuta_data_object:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    object_path: [snowflake-prod, SALES, SCRATCH]
    settings:
      is_active: false

- name: Govern everything in a database, now and later, and give it an owner
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
  description: What was done, or would be done.
  returned: success
  type: str
  choices: [updated, unchanged]
  sample: updated
object:
  description: The object as the API shows it. In check mode what it would be, as far as that is known.
  returned: success
  type: dict
  contains:
    objectPath:
      description: Names from the connection down to the object.
      type: list
      elements: str
    technology:
      description: Technology of its connection.
      type: str
    state:
      description: V(active) or V(inactive). Newer tenants also know V(unhealthy) connections, and may write all of them in upper case.
      type: str
    settings:
      description: Settings that hold for the object, in the API's spelling.
      type: dict
    overrides:
      description: Settings that differ from those of what the object is in.
      type: dict
changes:
  description: What differs, field by field. A secret is listed when it is sent, without its values.
  returned: success
  type: list
  elements: dict
  contains:
    field:
      description: The option.
      type: str
    before:
      description: Its value before.
      type: raw
    after:
      description: Its value afterwards.
      type: raw
    secret:
      description: Whether it is a secret, which is sent and not compared.
      type: bool
  sample:
    - field: settings.is_active
      before: false
      after: true
      secret: false
changed_reason:
  description: Why anything was done. Empty when nothing was.
  returned: success
  type: str
  sample: "differs: settings.is_active"
diff:
  description: The managed settings before and afterwards, by option.
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
