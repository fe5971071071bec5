#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_integration
short_description: Register, edit and remove integrations in Immuta
version_added: 1.0.0
description:
  - Brings one integration of an Immuta tenant to the given settings, or removes it.
  - The module talks only to Immuta. If you set up the platform yourself (O(auto_bootstrap=false)), you must run the setup scripts first. The role
    P(community.immuta.immuta_platform#role) does this for you.
  - The module manages only the options that you give. A value that Immuta redacts never counts as a difference, and the module never sends a
    redacted value back.
  - Use O(config.extra) for API settings that this collection does not know.
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.change
  - community.immuta.integration
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - With O(server_validation=true), the module asks Immuta to validate the change without making it, which requires the credentials.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(update_secrets=always), every run that has a secret sends an update.
options:
  state:
    description:
      - V(present) registers or edits the integration. V(absent) removes it.
      - To remove an integration that Immuta set up itself, give the privileged credentials in O(config).
    type: str
    choices: [present, absent]
    default: present
  force_disable:
    description:
      - With O(state=absent), remove the integration from Immuta without touching the data platform.
      - Everything that Immuta created on the platform stays there, and you must remove it manually.
    type: bool
    default: false
  api_key_dest:
    description:
      - File to write the API key to that Immuta creates when you register a V(Trino) integration. Only its owner can read the file.
    type: path
seealso:
  - module: community.immuta.immuta_integration_info
  - module: community.immuta.immuta_integration_script
  - name: Integrations API
    description: The vendor's reference of the API that this module uses.
    link: https://documentation.immuta.com/SaaS/developer-guides/api-intro/integrations-api/reference-guides/integrations-api
"""

EXAMPLES = r"""
- name: Register a Redshift cluster that Immuta sets up itself
  community.immuta.immuta_integration:
    url: https://acme.hosted.immutacloud.com
    api_key: "{{ vault_immuta_api_key }}"
    type: Redshift
    auto_bootstrap: true
    config:
      host: redshift.acme.example
      database: immuta
      initial_database: dev
      authentication_type: userPassword
      username: admin
      password: "{{ vault_redshift_admin_password }}"

- name: Enable auditing for a registered Snowflake account
  community.immuta.immuta_integration:
    id: 7
    type: Snowflake
    config:
      audit:
        enabled: true
      username: IMMUTA_SYSTEM_ACCOUNT
      password: "{{ vault_immuta_system_password }}"

- name: Register Native S3 with a payload from the vendor's documentation
  community.immuta.immuta_integration:
    type: Native S3
    autoBootstrap: false
    config:
      name: S3 integration
      awsAccountId: "123456789"
      awsRegion: us-east-1
      awsLocationRole: arn:aws:iam::123456789:role/access-grants-instance-role
      awsLocationPath: s3://
      authenticationType: accessKey
      awsAccessKeyId: "{{ vault_aws_access_key_id }}"
      awsSecretAccessKey: "{{ vault_aws_secret_access_key }}"

- name: Remove an integration that Immuta set up itself
  community.immuta.immuta_integration:
    state: absent
    type: Redshift
    config:
      host: redshift.acme.example
      authentication_type: userPassword
      username: admin
      password: "{{ vault_redshift_admin_password }}"
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
  description: Whether the integration already existed when the module tried to register it.
  returned: success
  type: bool
  sample: false
integration:
  description:
    - The integration as the API returns it, without secrets. Empty if the integration does not exist.
    - In check mode, the integration after the change, as far as the module can predict it.
  returned: success
  type: dict
  contains:
    id:
      description: ID of the integration.
      type: str
    status:
      description: Status of the integration.
      type: str
    type:
      description: Type of the integration.
      type: str
    autoBootstrap:
      description: Whether Immuta set up the platform itself.
      type: bool
    config:
      description: Settings of the integration, in the API's spelling.
      type: dict
    validationResults:
      description: Result of Immuta's last validation.
      type: dict
validation:
  description: The result of Immuta's validation of this change.
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
  sample:
    status: passed
    tests:
      - name: Basic Connection Test
        status: passed
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
    - field: config.audit.enabled
      before: false
      after: true
      secret: false
changed_reason:
  description: Reason for the change. Empty if nothing changed.
  returned: success
  type: str
  sample: "differs: config.audit.enabled"
healthy:
  description: Whether Immuta reports the integration as enabled. V(null) if Immuta does not report the health yet.
  returned: success
  type: bool
  sample: true
diff:
  description: The managed fields before and after the change, by option.
  returned: success
  type: dict
  sample:
    before: {config: {audit: {enabled: false}}}
    after: {config: {audit: {enabled: true}}}
id:
  description: ID of the integration that the module had changed before the task failed.
  returned: when the task failed after it had changed something
  type: str
  sample: "7"
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
  sample: /integrations
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
  sample: config.host
last_status:
  description: The last state that the module saw before the wait timed out.
  returned: when the wait timed out
  type: str
  sample: integration 7 is editing
seconds:
  description: How many seconds the module waited.
  returned: when the wait timed out
  type: int
  sample: 600
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.integration_tasks import change_integration
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._model.specs import INTEGRATION, WAIT


def main() -> None:
    run(
        change_integration,
        argument_spec={
            **INTEGRATION,
            **WAIT,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "update_secrets": {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False},
            "server_validation": {"type": "bool", "default": True},
            "force_disable": {"type": "bool", "default": False},
            "api_key_dest": {"type": "path", "no_log": False},
        },
        required_if=[("state", "present", ["type"])],
        required_one_of=[("id", "type")],
    )


if __name__ == "__main__":
    main()
