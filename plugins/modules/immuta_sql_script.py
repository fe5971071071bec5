#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_sql_script
short_description: Run a script on a data platform, statement by statement
version_added: 1.0.0
description:
  - Runs a script, such as M(community.immuta.immuta_integration_script) writes. The module splits it as the platform itself would, and sends each
    statement separately, in autocommit mode, exactly as it is written.
  - The module checks the whole script before it sends the first statement. The first failure stops the run. The error message names the statement,
    its line, and the database's error code and message.
  - Statements and the literals in them never appear in results, errors or logs.
  - The module talks only to the data platform, not to Immuta.
  - On Databricks, each statement is a request to the SQL Statement Execution API and has its own session. The module applies C(USE) and C(SET
    CATALOG) to the statements that follow. It does not do so for other settings (C(SET), C(DECLARE)), and issues a warning instead.
  - On Azure Synapse Analytics, lines with C(GO) divide the script into batches. C(GO 3) runs a batch three times. Each batch counts as one
    statement, with the verb that it begins with. The module reads the whole answer to a batch, so that no error in it is lost.
author:
  - The community.immuta contributors (@community-immuta)
requirements:
  - snowflake-connector-python >= 3.12, < 6 (for Snowflake)
  - redshift_connector (for Redshift)
  - requests (for Databricks)
  - pymssql >= 2.3 (for Azure Synapse Analytics)
extends_documentation_fragment:
  - community.immuta.attributes
attributes:
  check_mode:
    support: full
    details:
      - The module reads and checks the script, and returns its statements with the status V(pending). It sends only the query of O(unless).
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - With O(unless) or O(ledger), a second run does nothing. Without them, the script runs again.
options:
  type:
    description: The type of the data platform. It determines how the module splits the script and how it signs in.
    type: str
    choices: [Snowflake, Redshift, Databricks, Azure Synapse Analytics]
    required: true
  path:
    description:
      - File with the script, in UTF-8, on the machine where the task runs.
      - Exactly one of O(path) and O(script) is required.
    type: path
  script:
    description: The script itself. Ansible never shows it, but the process that runs the task can see it.
    type: str
  expected_sha256:
    description: SHA-256 of the reviewed and approved script. The module refuses any other script.
    type: str
  purpose:
    description:
      - The purpose of the script. It determines which statements the script may contain. If one statement is not allowed, nothing runs.
      - V(setup) and V(edit) must not drop a database, and V(setup) must not drop a user or role either. V(cleanup) must not create a database.
      - The same rules apply to statements in blocks, in batches, in procedures that the script calls, and in SQL literals. The module refuses SQL
        that it cannot read in advance, such as SQL that is assembled at run time.
      - These purposes allow no statement that moves data in or out (COPY, UNLOAD, PUT, GET), replaces a database or an account, or grants a
        built-in role of the platform.
      - For every purpose, the module refuses a script if it is not certain where a comment begins or ends. Examples are a hint, or a comment that
        ends with a backslash (Databricks), a comment within the path of a stage (Snowflake), and a comment that ends with only a carriage return.
      - V(any) allows every statement. Use it for a script that somebody has read. When the module refuses a script, the error message names the
        lines to read.
    type: str
    choices: [setup, edit, cleanup, any]
    default: setup
  scope:
    description:
      - The objects that the script may touch. Everything that it creates, changes, drops, fills or grants must be the platform's own database, an
        object in that database, one of the accounts named here, or an object that an earlier statement of the script created. The module refuses
        everything else.
      - Without this option, the module checks only the kind of each statement, and RV(scope_checked) is V(false).
      - The module compares names as the platform does. Snowflake converts names without quotes to upper case, and Redshift to lower case. The other
        platforms ignore case. A name given here matches with and without quotes.
      - A name without a database belongs to the database of O(login.database). If that is not given, it belongs to the platform's own database.
    type: dict
    suboptions:
      database:
        description: The platform's own database. For Databricks, its catalog.
        type: str
        required: true
      accounts:
        description: Users, roles, groups and logins that belong to the platform. You do not need to name the accounts that Immuta names after its
          database.
        type: list
        elements: str
        default: []
  login:
    description: How to sign in to the data platform, with an account that has the privileges that the script needs.
    type: dict
    required: true
    suboptions:
      host:
        description:
          - Host name.
          - For Snowflake, either this or O(login.account) is enough.
          - For Databricks, the host name of the workspace.
        type: str
      port:
        description: Port. The default is V(443) for Snowflake and Databricks, V(5439) for Redshift and V(1433) for Azure Synapse Analytics.
        type: int
      database:
        description: Database to sign in to. For Databricks, the catalog to begin in. Required for Redshift and Azure Synapse Analytics.
        type: str
      username:
        description:
          - Name of the user (Snowflake, Redshift, Azure Synapse Analytics).
          - For Azure Synapse Analytics, a SQL login or a user with its own password. No way to sign in with Microsoft Entra ID works (password,
            token, service principal or managed identity), because the library does not support it.
        type: str
        aliases: [user]
      password:
        description: Password of the user.
        type: str
      account:
        description: Account identifier (Snowflake).
        type: str
      warehouse:
        description: Name of the warehouse that runs the statements (Snowflake), or ID of a SQL warehouse, instead of O(login.http_path)
          (Databricks).
        type: str
      http_path:
        description:
          - HTTP path of a SQL warehouse, C(/sql/1.0/warehouses/ID) (Databricks). The path of a cluster does not work.
        type: str
      role:
        description: Role to use (Snowflake).
        type: str
      authenticator:
        description:
          - V(snowflake) (password), V(snowflake_jwt) (key pair) or V(oauth) (token). The default depends on the credentials that you give
            (Snowflake).
          - The module refuses authenticators that wait for a person to use a browser or a phone.
        type: str
      token:
        description: OAuth access token (Snowflake), personal access token or any other access token (Databricks).
        type: str
      client_id:
        description: Client ID (application ID) of a service principal, for OAuth machine-to-machine (Databricks).
        type: str
      client_secret:
        description: OAuth secret of the service principal (Databricks).
        type: str
      private_key:
        description: Private key in PEM format (Snowflake).
        type: str
      private_key_path:
        description: File with the private key in PEM format (Snowflake).
        type: path
      private_key_passphrase:
        description: Passphrase of the private key, if it is encrypted (Snowflake).
        type: str
      iam:
        description: Whether to get temporary database credentials from AWS IAM (Redshift).
        type: bool
      profile:
        description: Profile of the AWS configuration that contains the credentials (Redshift with IAM).
        type: str
      region:
        description: AWS region of the cluster (Redshift with IAM).
        type: str
      cluster_identifier:
        description: Identifier of the cluster (Redshift with IAM).
        type: str
      db_user:
        description: Database user to get credentials for (Redshift with IAM).
        type: str
      access_key_id:
        description: AWS access key ID (Redshift with IAM).
        type: str
      secret_access_key:
        description: AWS secret access key (Redshift with IAM).
        type: str
      session_token:
        description: AWS session token (Redshift with IAM).
        type: str
      serverless_work_group:
        description: Work group, for Redshift Serverless with IAM.
        type: str
      serverless_acct_id:
        description: AWS account of the work group, for Redshift Serverless with IAM.
        type: str
      okta_idp_host:
        description: Host name of Okta, to sign in there with O(login.username) and O(login.password) (Redshift).
        type: str
      okta_app_id:
        description: ID of the application in Okta (Redshift).
        type: str
      okta_app_name:
        description: Name of the application in Okta (Redshift).
        type: str
      okta_role:
        description: ARN of the preferred AWS role, if Okta offers several (Redshift).
        type: str
      ssl:
        description: Whether to encrypt the connection and verify the server's certificate. With V(false), the module issues a warning.
        type: bool
        default: true
      ca_path:
        description: File with the certificate authorities to trust.
        type: path
      extra:
        description:
          - Additional arguments for the platform's Python library. For Databricks, additional fields of the request that executes a statement.
          - The task fails if an argument has an option of its own.
        type: dict
  unless:
    description:
      - A query. If it returns a row, the result of the script already exists, and the module runs nothing.
      - The query must only read. The task fails if it contains a statement that changes anything, also inside a WITH or after another statement.
      - The module does not send the query if a run resumes, because of O(start_at) or of a O(ledger) of an incomplete run.
    type: str
  must_be_gone:
    description:
      - What a cleanup script must leave no trace of. After the last statement, the module asks the warehouse for it. The task fails if it still
        exists.
    type: dict
    suboptions:
      what:
        description: Description for the error message.
        type: str
        required: true
      query:
        description: A query that returns a row as long as it exists.
        type: str
        required: true
  start_at:
    description:
      - Number of the statement to start at. The module skips the statements before it.
      - If you give the number after the last statement, the module skips all statements, and the O(ledger) then records that the script has run.
    type: int
    default: 1
  on_error:
    description:
      - V(continue) continues after a statement that failed, and issues a warning at the end. Use it only for cleanup scripts, which may find that
        some objects no longer exist.
      - A statement whose answer was lost always stops the run.
    type: str
    choices: [stop, continue]
    default: stop
  ledger:
    description:
      - File that records how far the script got, so that the next run resumes at the statement that failed. The module creates it if it does not
        exist. Only its owner can read it.
      - It contains no statements, only a keyed checksum of each. It is valid only for this script on this database.
      - If the answer to a statement was lost, check the warehouse manually and set O(start_at).
    type: path
  change_reference:
    description:
      - The reference of the change that the script belongs to, such as V(CHG0012345). At most 200 printable characters on one line.
      - Snowflake receives it in the session parameter C(QUERY_TAG), together with the job of AWX if E(JOB_ID) names one. Redshift and Azure Synapse
        Analytics receive it in the application name of the session, in ASCII, truncated to 63 and 128 characters. Databricks receives it as the
        query tag C(change_reference), truncated to 128 characters, and in C(User-Agent). Values in O(login.extra) take precedence.
      - If not given, the environment variable E(IMMUTA_CHANGE_REFERENCE) is used. An empty reference counts as not given.
    type: str
  report:
    description:
      - File to which the module appends one line of JSON when the run ends, even if it fails. The line contains C(sha256) of the script,
        C(executed), C(skipped), C(total) and C(statements), each with number, verb, object, status and query ID. It contains no statement.
      - The module creates the file if it does not exist. Only its owner can read it. In check mode, the module writes nothing.
    type: path
  connect_timeout:
    description: How many seconds to wait for the sign-in. V(0) waits without a limit.
    type: int
    default: 60
  statement_timeout:
    description:
      - How many seconds the platform may take for one statement. V(0) sets no limit.
      - On Databricks, this includes the time that a SQL warehouse needs to start. The module cancels a statement that takes longer.
      - Azure Synapse Analytics has no such limit. The module closes the connection, and it is then unknown whether the batch ran.
    type: int
    default: 600
seealso:
  - module: community.immuta.immuta_integration_script
"""

EXAMPLES = r"""
- name: Run the setup script on Snowflake, unless its database exists
  community.immuta.immuta_sql_script:
    type: Snowflake
    path: /srv/immuta/create.sql
    expected_sha256: "{{ approved_sha256 }}"
    login:
      account: acme.us-east-1
      warehouse: ADMIN_WH
      role: ACCOUNTADMIN
      username: "{{ vault_snowflake_user }}"
      private_key_path: /srv/immuta/snowflake.p8
    unless: SHOW DATABASES LIKE 'IMMUTA'
    ledger: /srv/immuta/create.ledger

- name: Run a setup script that may touch only Immuta's own objects
  community.immuta.immuta_sql_script:
    type: Snowflake
    path: /srv/immuta/create.sql
    scope:
      database: IMMUTA
      accounts: [IMMUTA_SYSTEM_ACCOUNT, IMMUTA_IMPERSONATION]
    login: "{{ snowflake_login }}"

- name: Create the database of a Redshift cluster
  community.immuta.immuta_sql_script:
    type: Redshift
    path: /srv/immuta/initial-create.sql
    login:
      host: acme.0123456789.us-east-1.redshift.amazonaws.com
      database: dev
      username: "{{ vault_redshift_user }}"
      password: "{{ vault_redshift_password }}"
    unless: SELECT 1 FROM pg_database WHERE datname = 'immuta'

- name: Resume after a statement that did run
  community.immuta.immuta_sql_script:
    type: Redshift
    path: /srv/immuta/create.sql
    start_at: 13
    login:
      cluster_identifier: acme
      region: us-east-1
      database: immuta
      iam: true
      db_user: admin
      profile: warehouse

- name: Run the setup script on a Databricks SQL warehouse, as a service principal
  community.immuta.immuta_sql_script:
    type: Databricks
    path: /srv/immuta/create.sql
    login:
      host: adb-0123456789.7.azuredatabricks.net
      http_path: /sql/1.0/warehouses/0123456789abcdef
      client_id: "{{ vault_databricks_client_id }}"
      client_secret: "{{ vault_databricks_client_secret }}"
    unless: SELECT 1 FROM system.information_schema.catalogs WHERE catalog_name = 'immuta'

- name: Run the batches of a script in a dedicated SQL pool
  community.immuta.immuta_sql_script:
    type: Azure Synapse Analytics
    path: /srv/immuta/create.sql
    login:
      host: acme.sql.azuresynapse.net
      database: pool
      username: sqladminuser
      password: "{{ vault_synapse_password }}"
    unless: SELECT 1 FROM sys.schemas WHERE name = 'immuta_system'

- name: Clean up an incomplete setup
  community.immuta.immuta_sql_script:
    type: Snowflake
    path: /srv/immuta/cleanup.sql
    purpose: cleanup
    on_error: continue
    login: "{{ snowflake_login }}"
"""

RETURN = r"""
msg:
  description: How many of the statements ran, as a sentence.
  returned: success
  type: str
  sample: 22 of 22 statements ran.
statements:
  description:
    - The outcome of each statement, never its text. For a long script, the first and the last 100 statements, and all that failed.
  returned: when the module split and accepted the script
  type: list
  elements: dict
  contains:
    number:
      description: Number of the statement, from 1.
      type: int
    line:
      description: Line of the script on which the statement begins, from 1.
      type: int
    verb:
      description: First keyword of the statement, and the kind of object after CREATE, ALTER and DROP.
      type: str
    object:
      description: Name of the object.
      type: str
    status:
      description:
        - V(ok), V(failed), V(pending) (not reached, or check mode), V(skipped) (ran before, or skipped), or V(unknown) (sent, but the connection
          broke before the answer arrived).
      type: str
    rows:
      description: How many rows the statement returned or changed, if the platform reports it.
      type: int
    query_id:
      description: The platform's ID of the query, if it has one.
      type: str
    seconds:
      description: How many seconds the statement took.
      type: float
    code:
      description: The database's error code, if the statement failed. For Databricks, the error condition or the API's error code.
      type: str
    sqlstate:
      description: SQLSTATE, if the statement failed.
      type: str
    message:
      description: The database's message without literals, if the statement failed.
      type: str
    error_line:
      description: Line of the script that the database reports, if it reports one.
      type: int
  sample:
    - number: 1
      line: 3
      verb: CREATE DATABASE
      object: IMMUTA
      status: ok
      rows: null
      query_id: 01b2c3d4-0000-0001-0000-000200030004
      seconds: 0.412
statements_omitted:
  description: How many statements RV(statements) does not contain.
  returned: when RV(statements) is returned
  type: int
  sample: 0
statements_skipped:
  description: How many statements were skipped because of O(start_at), O(ledger) or O(unless).
  returned: when RV(statements) is returned
  type: int
  sample: 0
statements_failed:
  description: How many statements failed.
  returned: when RV(statements) is returned
  type: int
  sample: 0
executed:
  description: How many statements ran in this run.
  returned: when RV(statements) is returned
  type: int
  sample: 42
total:
  description: How many statements the script contains.
  returned: when RV(statements) is returned
  type: int
  sample: 42
done_already:
  description: Whether the query of O(unless) returned a row.
  returned: success
  type: bool
  sample: false
scope_checked:
  description: Whether the module also checked the statements against O(scope). V(false) with O(purpose=any).
  returned: success
  type: bool
  sample: true
checksum:
  description: SHA-256 of the script.
  returned: when the module could read the script
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
failed_statement:
  description: The statement at which the run stopped, with the keys of RV(statements).
  returned: when a statement failed, or its answer was lost
  type: dict
  sample:
    number: 7
    line: 31
    verb: CREATE USER
    object: immuta_system
    status: failed
    rows: null
    query_id: null
    seconds: 0.018
    code: "42710"
    sqlstate: "42710"
    message: role "immuta_system" already exists
refused:
  description:
    - The statements that a script of this O(purpose) may not contain. If a statement contains several, such as a block, each is listed.
  returned: when there are any
  type: list
  elements: dict
  contains:
    number:
      description: Number of the statement of the script, from 1.
      type: int
    line:
      description: Line of the script, from 1, also inside a block or a literal.
      type: int
    verb:
      description: First keyword of the statement, and the kind of object after CREATE, ALTER and DROP.
      type: str
    object:
      description: Name of the object.
      type: str
    reason:
      description:
        - V(kind) if a script of this purpose may not contain a statement of this kind.
        - V(scope) if the statement touches something outside O(scope).
        - V(unreadable) if it runs SQL that cannot be read in advance.
      type: str
  sample:
    - number: 2
      line: 4
      verb: DROP DATABASE
      object: SALES
      reason: kind
"""

from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import run
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC
from ansible_collections.community.immuta.plugins.module_utils._sql.classify import PURPOSES
from ansible_collections.community.immuta.plugins.module_utils._sql.driver_base import LOGIN_SPEC
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import SCOPE_SPEC
from ansible_collections.community.immuta.plugins.module_utils._sql.runner import run_script


def main() -> None:
    run(
        run_script,
        tenant=False,
        argument_spec={
            "type": {"type": "str", "choices": list(DRIVERS), "required": True},
            "path": {"type": "path"},
            "script": {"type": "str", "no_log": True},
            "expected_sha256": {"type": "str"},
            "purpose": {"type": "str", "choices": list(PURPOSES), "default": "setup"},
            "scope": {"type": "dict", "options": SCOPE_SPEC},
            "login": {"type": "dict", "required": True, "options": LOGIN_SPEC},
            "unless": {"type": "str"},
            "must_be_gone": {"type": "dict", "options": {"what": {"type": "str", "required": True}, "query": {"type": "str", "required": True}}},
            "start_at": {"type": "int", "default": 1},
            "on_error": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
            "ledger": {"type": "path"},
            "change_reference": TENANT_SPEC["change_reference"],
            "report": {"type": "path"},
            "connect_timeout": {"type": "int", "default": 60},
            "statement_timeout": {"type": "int", "default": 600},
        },
        mutually_exclusive=[("path", "script")],
        required_one_of=[("path", "script")],
    )


if __name__ == "__main__":
    main()
