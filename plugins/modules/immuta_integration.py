#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_integration
short_description: Register, edit and remove integrations in Immuta
version_added: 0.1.0
description:
  - Brings one integration of an Immuta tenant to the settings that are given, or removes it.
  - It speaks to Immuta only. For a platform that you set up yourself (O(auto_bootstrap=false)) the set-up scripts have to run
    before, which the role P(community.immuta.immuta_platform#role) does.
  - What is not given is not managed. Values that Immuta redacts are unknown; they never count as a difference and are never sent back.
  - Unknown settings of the API can be given under O(config.extra).
author:
  - The community.immuta contributors (@community-immuta)
extends_documentation_fragment:
  - community.immuta.tenant
  - community.immuta.attributes
  - community.immuta.integration
  - community.immuta.wait
attributes:
  check_mode:
    support: full
    details:
      - With O(server_validation=true) Immuta is asked to validate the change without making it, so the credentials are needed.
  diff_mode:
    support: full
  idempotent:
    support: full
    details:
      - With O(update_secrets=always) every run with a secret is an update.
options:
  state:
    description:
      - V(present) registers the integration or edits it. V(absent) removes it.
      - To remove an integration that Immuta set up itself, the privileged credentials are needed in O(config).
    type: str
    choices: [present, absent]
    default: present
  update_secrets:
    description:
      - Whether a secret alone is a reason to update. Immuta does not give secrets back, so nobody can tell whether they differ.
      - V(on_create) sends them when the integration is registered, and along with updates that happen for another reason.
      - V(always) sends them in every run, which always reports a change. Use it to rotate them.
    type: str
    choices: [on_create, always]
    default: on_create
  server_validation:
    description:
      - Whether Immuta validates the change (C(dryRun)) before it is made, and in check mode instead of making it.
      - A removal is validated in check mode only.
      - Without it check mode needs no credentials.
    type: bool
    default: true
  force_disable:
    description:
      - With O(state=absent), have Immuta forget the integration without touching the data platform.
      - Everything that Immuta made there stays and has to be removed by hand.
    type: bool
    default: false
  api_key_dest:
    description:
      - File that receives the API key which Immuta makes when a V(Trino) integration is registered, readable to its owner only.
    type: path
seealso:
  - module: community.immuta.immuta_integration_info
  - module: community.immuta.immuta_integration_script
  - name: Integrations API
    description: The vendor's reference of the API behind this module.
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

- name: Switch on auditing of a Snowflake account that is registered already
  community.immuta.immuta_integration:
    id: 7
    type: Snowflake
    config:
      audit:
        enabled: true
      username: IMMUTA_SYSTEM_ACCOUNT
      password: "{{ vault_immuta_system_password }}"

- name: A payload from the vendor's documentation, as it stands there
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
  description: What was done, or would be done.
  returned: success
  type: str
  choices: [created, updated, deleted, unchanged]
  sample: updated
adopted:
  description: Whether the integration turned out to be there already when it was to be registered.
  returned: success
  type: bool
  sample: false
integration:
  description:
    - The integration as the API shows it, without secrets. Empty when there is none.
    - In check mode what it would be, as far as that is known.
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
      description: Whether Immuta set the platform up itself.
      type: bool
    config:
      description: Settings, in the API's spelling.
      type: dict
    validationResults:
      description: Result of Immuta's last validation.
      type: dict
validation:
  description: What Immuta's validation of this change said.
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
  sample:
    status: passed
    tests:
      - name: Basic Connection Test
        status: passed
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
    - field: config.audit.enabled
      before: false
      after: true
      secret: false
changed_reason:
  description: Why anything was done. Empty when nothing was.
  returned: success
  type: str
  sample: "differs: config.audit.enabled"
healthy:
  description: Whether Immuta reports the integration as enabled. V(null) when nobody can tell yet.
  returned: success
  type: bool
  sample: true
diff:
  description: The managed fields before and afterwards, by option.
  returned: success
  type: dict
  sample:
    before: {config: {audit: {enabled: false}}}
    after: {config: {audit: {enabled: true}}}
id:
  description: The ID of the integration that the task had changed when it failed.
  returned: when the task failed and had changed something
  type: str
  sample: "7"
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
  sample: /integrations
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
  sample: config.host
last_status:
  description: What was the case when the wait ran out.
  returned: when the wait timed out
  type: str
  sample: integration 7 is editing
seconds:
  description: How long the task had waited by then.
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
