#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_connection
short_description: Register, edit and remove connections in Immuta
version_added: 0.1.0
description:
  - Brings one connection of an Immuta tenant to the settings that are given, or removes it with everything in it.
  - It speaks to Immuta only. The set-up script of a Snowflake or Databricks connection has to run on the platform before it is
    registered, and its clean-up script after it was removed. M(community.immuta.immuta_integration_script) has Immuta make them.
  - What is not given is not managed. Secrets, which Immuta does not show, are unknown; they never count as a difference.
  - Unknown settings of the API can be given under the C(extra) of each dictionary.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.connection
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - With O(server_validation=true) Immuta is asked to test a registration without making it, where the tenant has such a test.
      - What a removal takes along is counted, which reads every level of the connection once.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(update_secrets=always) every run with a secret is an update.
options:
  state:
    description:
      - V(present) registers the connection or edits it. V(absent) removes it and every object in it, data sources included.
      - To remove one, O(connection_key) is all that is looked at.
      - Some tenants do not remove an active connection. Then it is deactivated first, and a warning gives the tenant's words.
    type: str
    choices: [present, absent]
    default: present
  update_secrets:
    description:
      - Whether a secret alone is a reason to update. Immuta does not give secrets back, so nobody can tell whether they differ.
      - V(on_create) sends them when the connection is registered, and along with updates of O(connection) that happen for another reason.
      - V(always) sends them in every run, which always reports a change. Use it to rotate them.
    type: str
    choices: [on_create, always]
    default: on_create
  server_validation:
    description:
      - Whether Immuta tests a registration before it is made, and in check mode instead of making it.
      - A tenant without such a test is not asked, and then RV(validation.status) is V(not_asked). So it is for updates and removals.
      - Without it check mode needs no credentials.
    type: bool
    default: true
notes:
  - The vendor documents the settings of a connection for Snowflake, Databricks Unity Catalog and AWS Lake Formation only. A connection
    of another technology can be activated and removed; its O(connection) is registered as given, and not compared afterwards.
  - The vendor does not document what an edit takes. This module assumes that it takes O(connection) as a whole, that its technology and
    host name stay, as does O(native_integration), and that O(settings) are set one by one.
  - It is assumed that an answer which names a C(bulkId), or a C(taskId), has started jobs that have to complete. Where the tenant does not let the user
    see jobs, or names none, the module waits until the connection shows, and until the integration behind it is settled.
  - A connection that was registered or activated, or was active before an update, is waited for until Immuta reports it as active or unhealthy. One
    that is unhealthy since then fails the task. One that was unhealthy before is warned of.
  - Before anything of Databricks is activated a warning says that Immuta revokes grants where no subscription policy applies. Check mode shows it, too.
  - Immuta activates fewer than 100,000 objects at once. More than that are refused, as far as the tenant tells in one look how many there are.
  - A registration that the tenant refuses because of an integration says what to know before that integration becomes a connection.
  - A connection cannot be renamed, because its key is the beginning of the path of every object in it.
  - Lists of users and groups are passed on as they are, since the vendor does not document their elements.
seealso:
  - module: community.immuta.immuta_connection_info
  - module: community.immuta.immuta_data_object
  - module: community.immuta.immuta_data_object_sync
  - module: community.immuta.immuta_integration_script
  - name: Connections API
    description: The vendor's reference of the API behind this module.
    link: https://documentation.immuta.com/SaaS/developer-guides/api-intro/connections-api
"""

EXAMPLES = r"""
- name: Register a Snowflake account whose set-up script has been run
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

- name: Activate it
  community.immuta.immuta_connection:
    connection_key: snowflake-prod
    settings:
      is_active: true

- name: Rotate its key
  community.immuta.immuta_connection:
    connection_key: snowflake-prod
    connection: *sign_in
    update_secrets: always

- name: A payload from the vendor's documentation, as it stands there
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

- name: A technology that this collection has no options for
  community.immuta.immuta_connection:
    connection_key: lake
    connection:
      technology: Glue
      extra:
        region: us-east-1
        accessKeyId: "{{ vault_aws_access_key_id }}"
        secretAccessKey: "{{ vault_aws_secret_access_key }}"

- name: Say what would go with a connection
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
  description: What was done, or would be done.
  returned: success
  type: str
  choices: [created, updated, deleted, unchanged]
  sample: updated
adopted:
  description: Whether the answer to the registration was lost and the connection was found registered afterwards.
  returned: success
  type: bool
  sample: false
connection:
  description:
    - The connection as the API shows it, without secrets. Empty when there is none, and for technologies that the API does not show.
    - In check mode what it would be, as far as that is known.
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
      description: ID of the integration behind it.
      type: str
object:
  description: The connection as an object, with its settings. Empty when there is none.
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
native_integration_id:
  description: ID of the integration behind the connection, which makes its scripts. V(null) when there is none or it is not known.
  returned: success
  type: str
  sample: "7"
child_count:
  description: How many objects were removed with the connection, or would be. V(null) when nothing is removed or Immuta does not say.
  returned: success
  type: int
  sample: 5
data_source_count:
  description:
    - How many of them are data sources, which are the active objects at the lowest level.
    - It is counted in check mode only; otherwise, and for technologies whose levels are not known, it is V(null).
  returned: success
  type: int
  sample: 3
validation:
  description: What Immuta's test of the registration said.
  returned: success
  type: dict
  contains:
    status:
      description:
        - V(passed), V(warning), V(skipped), or V(not_asked).
        - V(unknown) when Immuta accepted the request without saying what it had validated.
      type: str
    tests:
      description: The tests, each with RV(ignore:name), RV(ignore:status) and, where there is one, RV(ignore:message).
      type: list
      elements: dict
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
healthy:
  description:
    - Whether Immuta reports the connection as active, and the integration behind it as enabled when O(native_integration) is given.
    - V(null) for an inactive one, and when nobody can tell yet.
  returned: success
  type: bool
  sample: true
diff:
  description: The managed fields before and afterwards, by option.
  returned: success
  type: dict
  sample:
    before: {connection_key: snowflake-prod, settings: {is_active: false}}
    after: {connection_key: snowflake-prod, settings: {is_active: true}}
connection_key:
  description: The key of the connection that the task had changed when it failed.
  returned: when the task failed and had changed something
  type: str
  sample: snowflake-prod
status:
  description:
    - The HTTP status of the answer that made the task fail.
    - When Immuta took the request and ended in an error later, the status of the integration.
  returned: when Immuta refused a request, or ended in an error
  type: raw
  sample: 422
method:
  description: The method of the request that failed.
  returned: when a request failed
  type: str
  sample: POST
path:
  description: The path of the request that failed.
  returned: when a request failed
  type: str
  sample: /data/connection/snowflake-prod
api_error:
  description: The body of Immuta's answer, without secrets. A short text when the body is no JSON.
  returned: when Immuta refused a request
  type: raw
  sample: {statusCode: 422, error: Unprocessable Entity, message: Validation failed}
content_type:
  description: The type of an answer that cannot be read.
  returned: when an answer cannot be read
  type: str
  sample: text/html
dry_run:
  description: Whether Immuta only validated the change, and changed nothing.
  returned: when a validation failed
  type: bool
  sample: true
tests:
  description: The tests of the validation, each with RV(ignore:name), RV(ignore:status) and, where there is one, RV(ignore:message).
  returned: when a validation failed, or Immuta ended in an error
  type: list
  elements: dict
option:
  description: The option that is wrong or missing.
  returned: when the options make no sense
  type: str
  sample: connection.hostname
last_status:
  description: What was the case when the wait ran out.
  returned: when the wait timed out
  type: str
  sample: job 12 is running
seconds:
  description: How long the task had waited by then.
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
