#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_integration_script
short_description: Get a setup, edit or cleanup script from Immuta
version_added: 1.0.0
description:
  - Asks Immuta to generate one of the scripts that an administrator runs on the data platform, and writes it to a file.
  - The script contains the password of Immuta's system account in plain text. The module never returns the script and writes it to a file that only
    its owner can read. With O(review_dest), it also writes a copy for review and approval in which every literal is masked.
  - Use the same settings as for the registration that follows.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.integration
  - community.immuta.behind_connection
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details:
      - Generating a script changes nothing in Immuta, so the module also requests it in check mode. It writes no file.
  diff_mode:
    support: full
    details:
      - The diff shows checksums, never content.
  idempotent:
    support: partial
    details:
      - The module leaves a file with the same content unchanged. A tenant may generate a different script each time.
options:
  action:
    description:
      - The script to get.
      - V(initial-create) is the first of two setup scripts (Redshift, Azure Synapse Analytics). V(create) is the second setup script, or the only
        one.
      - V(edit) and V(delete) are for an integration that was registered successfully. The module finds it as M(community.immuta.immuta_integration)
        does.
      - V(cleanup), followed by V(post-cleanup) on Azure Synapse Analytics, is for an integration whose registration did not succeed.
    type: str
    choices: [create, initial-create, edit, delete, cleanup, post-cleanup]
    required: true
  dest:
    description: File to write the script to. Its directory must exist.
    type: path
    required: true
  review_dest:
    description: File to write a copy of the script to in which every literal is masked. The copy has the same lines as the script.
    type: path
  review_mode:
    description: Permissions of O(review_dest), if they differ from those of O(dest).
    type: str
  review_group:
    description: Group of O(review_dest), if it differs from that of O(dest).
    type: str
  pending_ok:
    description:
      - Whether the task succeeds if the tenant refuses the script for now, with HTTP status 400, 409 or 422. RV(pending) is then V(true), and the
        module writes no file. Some tenants generate a script only after another one has run.
      - In check mode, a script that needs secrets which you did not give is also pending.
    type: bool
    default: false
  mode:
    description: Permissions of the files. The default is V(0600).
seealso:
  - module: community.immuta.immuta_sql_script
  - module: community.immuta.immuta_integration
"""

EXAMPLES = r"""
- name: Get the setup script of a Snowflake account, and a copy for review
  community.immuta.immuta_integration_script:
    action: create
    type: Snowflake
    auto_bootstrap: false
    config:
      host: acme.snowflakecomputing.com
      warehouse: IMMUTA_WH
      database: IMMUTA
      authentication_type: userPassword
      username: IMMUTA_SYSTEM_ACCOUNT
      password: "{{ vault_immuta_system_password }}"
    dest: /srv/immuta/create.sql
    review_dest: /srv/immuta/create.review.sql
  register: script

- name: Get the script that removes what Immuta created
  community.immuta.immuta_integration_script:
    action: delete
    id: 7
    type: Snowflake
    dest: /srv/immuta/delete.sql

- name: Get the setup script of a connection's integration, if the tenant already generates it
  community.immuta.immuta_integration_script:
    action: create
    connection: "{{ snowflake_connection }}"
    dest: /srv/immuta/create.sql
    pending_ok: true
"""

RETURN = r"""
tenant:
  description: Host name of the tenant.
  returned: always
  type: str
  sample: acme.hosted.immutacloud.com
pending:
  description: Whether the tenant refused the script for now. Always V(false) without O(pending_ok=true).
  returned: success
  type: bool
  sample: false
reason:
  description: The tenant's reason for refusing the script.
  returned: when RV(pending) is true
  type: str
  sample: 'POST /integrations/scripts/create failed: HTTP 409 Conflict: Run the script initial-create first.'
dest:
  description: Path of the file.
  returned: when RV(pending) is false
  type: str
  sample: /srv/immuta/create.sql
checksum:
  description: SHA-256 of the script. M(community.immuta.immuta_sql_script) takes it as O(community.immuta.immuta_sql_script#module:expected_sha256).
  returned: when RV(pending) is false
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
statement_count:
  description: How many statements the script contains.
  returned: when RV(pending) is false
  type: int
  sample: 42
statements:
  description: The statements, without their texts.
  returned: when RV(pending) is false
  type: list
  elements: dict
  contains:
    number:
      description: Number of the statement, from 1.
      type: int
    line:
      description: Line on which the statement begins, from 1.
      type: int
    verb:
      description: First keyword of the statement, and the kind of object after CREATE, ALTER and DROP.
      type: str
    object:
      description: Name of the object.
      type: str
  sample:
    - number: 1
      line: 3
      verb: CREATE DATABASE
      object: IMMUTA
diff:
  description: Checksums before and after the change.
  returned: when RV(pending) is false
  type: dict
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._ansible.script_tasks import make_script
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import SCRIPT_ACTIONS
from ansible_collections.community.immuta.plugins.module_utils._model.specs import BEHIND_CONNECTION, INTEGRATION


def main() -> None:
    run(
        make_script,
        argument_spec={
            **INTEGRATION,
            **BEHIND_CONNECTION,
            "action": {"type": "str", "choices": list(SCRIPT_ACTIONS), "required": True},
            "dest": {"type": "path", "required": True},
            "review_dest": {"type": "path"},
            "review_mode": {"type": "str"},
            "review_group": {"type": "str"},
            "pending_ok": {"type": "bool", "default": False},
        },
        add_file_common_args=True,
        mutually_exclusive=[("connection", "type"), ("connection", "config")],
        required_if=[
            ("action", name, (option, "connection"), True) for name in SCRIPT_ACTIONS if name not in ("edit", "delete") for option in ("type", "config")
        ],
        required_one_of=[("id", "type", "connection")],
    )


if __name__ == "__main__":
    main()
