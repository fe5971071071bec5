#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_connection
short_description: Register, edit and remove connections in Immuta
version_added: 1.0.0
description:
  - Brings one connection of an Immuta tenant to the given settings, or removes the connection and everything in it.
  - The module talks only to Immuta. You must run the setup script of a Snowflake or Databricks connection on the platform before you register the
    connection, and the cleanup script after you remove it. M(community.immuta.immuta_integration_script) gets both scripts from Immuta.
  - The module manages only the options that you give. Immuta does not return secrets, so a secret never counts as a difference.
  - Use the option C(extra) of each dictionary for API settings that this collection does not know.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.activation
  - community.immuta.change
  - community.immuta.connection
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - With O(server_validation=true), the module asks Immuta to test a registration without making it, if the tenant supports that.
      - For a removal, the module counts the objects that would be removed. It reads every level of the connection once.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(update_secrets=always), every run that has a secret sends an update.
options:
  state:
    description:
      - V(present) registers or edits the connection. V(absent) removes it with every object in it, including data sources.
      - V(absent) uses only O(connection_key).
      - Some tenants refuse to remove an active connection. The module then deactivates it first and issues a warning with the tenant's message.
    type: str
    choices: [present, absent]
    default: present
  update_secrets:
    description:
      - Whether a secret alone is a reason to update. Immuta does not return secrets, so the module cannot compare them.
      - V(on_create) sends secrets with a registration, and with an update of O(connection) that has another reason.
      - V(always) sends secrets in every run, which always reports a change. Use it to rotate secrets.
  server_validation:
    description:
      - Whether Immuta tests a registration before the module makes it. In check mode, Immuta only tests it.
      - Updates and removals have no such test, and some tenants do not have it. RV(validation.status) is then V(not_asked).
      - With V(false), check mode needs no credentials of the data platform.
notes:
  - The vendor documents connection settings only for Snowflake, Databricks Unity Catalog and AWS Lake Formation. The module can activate and remove
    a connection of any other technology. It registers O(connection) of such a connection as given and does not compare it afterwards.
  - The vendor does not document what an edit request contains. The module assumes that a request replaces O(connection) as a whole, that
    technology, host name and O(native_integration) cannot change, and that each of the O(settings) can be set separately.
  - The module assumes that an answer with a C(bulkId) or C(taskId) has started jobs, and waits until they complete. If the tenant does not let the
    user see jobs, or names none, the module waits until the connection exists and its integration has reached a final state.
  - After the module registers or activates a connection, or updates an active one, it waits until Immuta reports the connection as active or
    unhealthy. The task fails if the connection has become unhealthy. If it was unhealthy before, the module issues a warning.
  - If the tenant refuses a registration because of an existing integration, the error message explains what to consider before you replace that
    integration by a connection.
  - You cannot rename a connection, because its key is the first part of the path of every object in it.
  - The module passes lists of users and groups to Immuta unchanged, because the vendor does not document their elements.
seealso:
  - module: community.immuta.immuta_connection_info
  - module: community.immuta.immuta_data_object
  - module: community.immuta.immuta_data_object_sync
  - module: community.immuta.immuta_integration_script
  - name: Connections API
    description: The vendor's reference of the API that this module uses.
    link: https://documentation.immuta.com/SaaS/developer-guides/api-intro/connections-api
"""

EXAMPLES = r"""
- name: Register a Snowflake account after its setup script has run
  community.immuta.immuta_connection:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    connection_key: snowflake-prod
    connection: &sign_in
      technology: Snowflake
      hostname: acme.snowflakecomputing.com
      warehouse: IMMUTA_WH
      role: IMMUTA_SYSTEM_ROLE
      authentication_type: keyPair
      username: IMMUTA_SYSTEM_ACCOUNT
      private_key:
        key_name: PRIV_KEY_FILE
        user_filename: immuta.p8
        content: "{{ vault_immuta_private_key }}"
    settings:
      is_active: false
    native_integration:
      type: Snowflake
      auto_bootstrap: false
      config:
        host: acme.snowflakecomputing.com
        warehouse: IMMUTA_WH
        database: IMMUTA
        authentication_type: keyPair
        username: IMMUTA_SYSTEM_ACCOUNT
        private_key:
          key_name: PRIV_KEY_FILE
          user_filename: immuta.p8
          content: "{{ vault_immuta_private_key }}"
        audit:
          enabled: true

- name: Activate the connection
  community.immuta.immuta_connection:
    connection_key: snowflake-prod
    settings:
      is_active: true

- name: Rotate the key of the connection
  community.immuta.immuta_connection:
    connection_key: snowflake-prod
    connection: *sign_in
    update_secrets: always

- name: Register a Databricks connection with a payload from the vendor's documentation
  community.immuta.immuta_connection:
    connectionKey: databricks-prod
    connection:
      technology: Databricks
      hostname: www.your-workspace.cloud.databricks.com
      port: 443
      httpPath: sql/protocolv1/o/0/your-path
      authenticationType: oAuthM2M
      oAuthClientConfig: &client
        useCertificate: false
        clientId: "{{ vault_databricks_client_id }}"
        clientSecret: "{{ vault_databricks_client_secret }}"
        scope: all-apis
        authorityUrl: https://your.authority.com
    settings:
      isActive: false
    options:
      forceRecursiveCrawl: true
    nativeIntegration:
      type: Databricks
      autoBootstrap: false
      unityCatalog: true
      config:
        host: www.your-workspace.cloud.databricks.com
        port: 443
        authenticationType: oAuthM2M
        oAuthClientConfig: *client
        catalog: immuta
        audit:
          enabled: true

- name: Register a connection of a technology that this collection has no options for
  community.immuta.immuta_connection:
    connection_key: lake
    connection:
      technology: Glue
      extra:
        region: us-east-1
        accessKeyId: "{{ vault_aws_access_key_id }}"
        secretAccessKey: "{{ vault_aws_secret_access_key }}"

- name: Show what a removal would remove
  community.immuta.immuta_connection:
    state: absent
    connection_key: snowflake-prod
  check_mode: true
  register: removal
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
  choices: [created, updated, deleted, unchanged]
  sample: updated
adopted:
  description: Whether the answer to the registration was lost and the module found the connection registered afterwards.
  returned: success
  type: bool
  sample: false
connection:
  description:
    - The connection as the API returns it, without secrets. Empty if the connection does not exist or the API does not return it.
    - In check mode, the connection after the change, as far as the module can predict it.
  returned: success
  type: dict
  contains:
    connectionKey:
      description: Key of the connection.
      type: str
    connection:
      description: How Immuta reaches the platform, in the API's spelling.
      type: dict
    nativeIntegrationId:
      description: ID of the integration that belongs to the connection.
      type: str
object:
  description: The connection as a data object, with its settings. Empty if the connection does not exist.
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
native_integration_id:
  description: ID of the integration that belongs to the connection. Immuta generates the scripts from it. V(null) if there is none or its ID is
    unknown.
  returned: success
  type: str
  sample: "7"
child_count:
  description: How many objects the module removed together with the connection, or would remove in check mode. V(null) if nothing is removed or
    Immuta does not return the number.
  returned: success
  type: int
  sample: 5
data_source_count:
  description:
    - How many of these objects are data sources, which are the active objects at the lowest level.
    - The module counts them only in check mode. Otherwise, and for technologies whose levels it does not know, the value is V(null).
  returned: success
  type: int
  sample: 3
validation:
  description: The result of Immuta's test of the registration.
  returned: success
  type: dict
  contains:
    status:
      description:
        - V(passed), V(warning), V(skipped), or V(not_asked).
        - V(unknown) if Immuta accepted the request without reporting what it validated.
      type: str
    tests:
      description: The tests, each with RV(ignore:name), RV(ignore:status) and, if there is one, RV(ignore:message).
      type: list
      elements: dict
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
healthy:
  description:
    - Whether Immuta reports the connection as active and, if O(native_integration) is given, its integration as enabled.
    - V(null) for an inactive connection, and if Immuta does not report the health yet.
  returned: success
  type: bool
  sample: true
diff:
  description: The managed fields before and after the change, by option.
  returned: success
  type: dict
  sample:
    before: {connection_key: snowflake-prod, settings: {is_active: false}}
    after: {connection_key: snowflake-prod, settings: {is_active: true}}
connection_key:
  description: Key of the connection that the module had changed before the task failed.
  returned: when the task failed after it had changed something
  type: str
  sample: snowflake-prod
status:
  description:
    - The HTTP status of the answer that made the task fail.
    - The status of the integration, if Immuta accepted the request and reported an error later.
  returned: when Immuta refused a request, or reported an error after it accepted one
  type: raw
  sample: 422
method:
  description: HTTP method of the request that failed.
  returned: when a request failed
  type: str
  sample: POST
path:
  description: Path of the request that failed.
  returned: when a request failed
  type: str
  sample: /data/connection/snowflake-prod
api_error:
  description: The body of Immuta's answer, without secrets. A short text if the body is not JSON.
  returned: when Immuta refused a request
  type: raw
  sample: {statusCode: 422, error: Unprocessable Entity, message: Validation failed}
content_type:
  description: Content type of the answer that the module cannot read.
  returned: when the module cannot read an answer
  type: str
  sample: text/html
dry_run:
  description: Whether Immuta only validated the change and changed nothing.
  returned: when a validation failed
  type: bool
  sample: true
tests:
  description: The tests of the validation, each with RV(ignore:name), RV(ignore:status) and, if there is one, RV(ignore:message).
  returned: when a validation failed, or Immuta reported an error after it accepted a request
  type: list
  elements: dict
option:
  description: The option that is wrong or missing.
  returned: when an option is wrong or missing
  type: str
  sample: connection.hostname
last_status:
  description: The last state that the module saw before the wait timed out.
  returned: when the wait timed out
  type: str
  sample: job 12 is running
seconds:
  description: How many seconds the module waited.
  returned: when the wait timed out
  type: int
  sample: 600
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.connection_tasks import change_connection
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import CONNECTION, WAIT


def main() -> None:
    run(
        change_connection,
        argument_spec={
            **CONNECTION,
            **WAIT,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "update_secrets": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
            "server_validation": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()
