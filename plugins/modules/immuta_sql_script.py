#!/usr/bin/python
# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: immuta_sql_script
short_description: Run a script on a data platform, statement by statement
version_added: 0.1.0
description:
  - Runs a script such as M(community.immuta.immuta_integration_script) writes. It is taken apart as the platform itself would, and every
    statement is sent by itself, in autocommit, exactly as it is written.
  - Everything that can be wrong with the script is found before the first statement is sent. The first failure stops the run, and
    says which statement, on which line, with the database's own code and message.
  - Neither the statements nor the literals in them show up in results, errors or logs.
  - It talks to the data platform only, not to Immuta.
  - On Databricks a statement is a request to the SQL Statement Execution API, with a session of its own. C(USE) and C(SET CATALOG) are carried
    on to what comes behind them; of other settings (C(SET), C(DECLARE)), which are not, a warning tells.
  - On Azure Synapse Analytics the lines C(GO) part the script into batches, C(GO 3) runs one three times, and each batch counts as one
    statement, with the verb that it begins with. All that a batch answers is read to its end, so that no error in it is lost.
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
      - The script is read, checked and reported, with its statements as V(pending). Nothing is sent but the query of O(unless).
  diff_mode:
    support: none
  idempotent:
    support: partial
    details:
      - With O(unless), or with O(ledger), a second run does nothing. Without them the script runs again.
options:
  type:
    description: The kind of data platform, which decides how the script is taken apart and how the login works.
    type: str
    choices: [Snowflake, Redshift, Databricks, Azure Synapse Analytics]
    required: true
  path:
    description:
      - File with the script, in UTF-8, on the machine where the task runs.
      - Exactly one of O(path) and O(script) is needed.
    type: path
  script:
    description: The script itself. It is hidden in everything that Ansible shows, but not from the process that runs the task.
    type: str
  expected_sha256:
    description: SHA-256 of the script that was looked at and approved. Any other script is refused.
    type: str
  purpose:
    description:
      - What the script is for. It decides which statements may be in it; a single one that may not be keeps all from running.
      - V(setup) and V(edit) take no database away, and V(setup) no user or role either; V(cleanup) makes no database.
      - Statements in blocks, batches, procedures that the script calls and SQL in literals are judged like any other. What cannot be read
        beforehand is refused, such as SQL that is put together when it runs.
      - Statements that move data in or out (COPY, UNLOAD, PUT, GET), that replace a database or an account, or that grant a role which the
        platform comes with, belong in none of them.
      - Whatever the purpose, a script is refused when it is not certain where a comment begins or ends. Such are a hint and a comment that ends
        with a backslash (Databricks), a comment within the path of a stage (Snowflake), and one that ends with a carriage return alone.
      - V(any) allows every statement. It is meant for a script that somebody has read. The error of a script that is refused names the lines to
        look at.
    type: str
    choices: [setup, edit, cleanup, any]
    default: setup
  scope:
    description:
      - What the script may touch. What it makes, changes, drops, fills or grants has to be the platform's own database or in it, one of the
        accounts named here, or something that an earlier statement of the script made. Everything else is refused.
      - Without it statements are judged by their kind only, and RV(scope_checked) is V(false).
      - Names compare as the platform compares them. Snowflake reads names without quotes in upper case, Redshift in lower case, the others take
        both for the same. Both spellings of a name given here count as it.
      - A name without a database is in the database of O(login.database), and, where that is not given, in the platform's own.
    type: dict
    suboptions:
      database:
        description: The platform's own database; for Databricks its catalog.
        type: str
        required: true
      accounts:
        description: Users, roles, groups and logins that are the platform's own. The accounts that Immuta names after its database count without being named.
        type: list
        elements: str
        default: []
  login:
    description: How to log in to the data platform, with an account that may do what the script does.
    type: dict
    required: true
    suboptions:
      host:
        description:
          - Host name.
          - For Snowflake it may be left out when O(login.account) is given, and the other way round.
          - For Databricks it is that of the workspace.
        type: str
      port:
        description: Port. The default is the platform's own, V(443) for Snowflake and Databricks, V(5439) for Redshift, V(1433) for Azure Synapse Analytics.
        type: int
      database:
        description: Database to log in to; for Databricks the catalog to begin in. Needed for Redshift and Azure Synapse Analytics.
        type: str
      username:
        description:
          - Name of the user (Snowflake, Redshift, Azure Synapse Analytics).
          - For Azure Synapse Analytics it is a SQL login, or a user with a password of its own. Signing in with Microsoft Entra ID does not
            work in any way (password, token, service principal, managed identity), as the library cannot do it.
        type: str
        aliases: [user]
      password:
        description: Password of the user.
        type: str
      account:
        description: Account identifier (Snowflake).
        type: str
      warehouse:
        description: Name of the warehouse that the statements run on (Snowflake), or the ID of a SQL warehouse, instead of O(login.http_path) (Databricks).
        type: str
      http_path:
        description:
          - HTTP path of a SQL warehouse, C(/sql/1.0/warehouses/ID) (Databricks). The path of a cluster does not do.
        type: str
      role:
        description: Role to use (Snowflake).
        type: str
      authenticator:
        description:
          - V(snowflake) (password), V(snowflake_jwt) (key pair) or V(oauth) (token). By default it follows from what is given (Snowflake).
          - Ways that wait for a person in front of a browser or a telephone are refused.
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
        description: What the private key is encrypted with, if it is (Snowflake).
        type: str
      iam:
        description: Whether to get temporary database credentials from AWS IAM (Redshift).
        type: bool
      profile:
        description: Profile of the AWS configuration to take credentials from (Redshift with IAM).
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
        description: Host name of Okta, to log in there with O(login.username) and O(login.password) (Redshift).
        type: str
      okta_app_id:
        description: ID of the application in Okta (Redshift).
        type: str
      okta_app_name:
        description: Name of the application in Okta (Redshift).
        type: str
      okta_role:
        description: ARN of the AWS role to prefer, when Okta offers several (Redshift).
        type: str
      ssl:
        description: Whether the connection is encrypted and the server's certificate verified. Switching it off gives a warning.
        type: bool
        default: true
      ca_path:
        description: File with the certificate authorities to trust.
        type: path
      extra:
        description:
          - Further arguments for the platform's Python library, or for Databricks further fields of the request that executes a statement, as they are.
          - An argument that has an option of its own is an error here.
        type: dict
  unless:
    description:
      - A query. When it gives a row, what the script does is there already, and nothing is run.
      - It may only look. A statement in it that changes anything is an error, also inside of a WITH or behind another one.
      - It is not asked when a run is taken up again, by O(start_at) or by a O(ledger) that ends half-way.
    type: str
  must_be_gone:
    description:
      - What a clean-up script has to leave nothing of. When the script has run to its end, the warehouse is asked, and the task fails when it is
        still there.
    type: dict
    suboptions:
      what:
        description: What it is, in words, for the message.
        type: str
        required: true
      query:
        description: A query that gives a row as long as it is there.
        type: str
        required: true
  start_at:
    description:
      - Number of the statement to start at. Those before it are left out.
      - The number behind the last statement leaves all of them out, and a O(ledger) then says that the script has run.
    type: int
    default: 1
  on_error:
    description:
      - V(continue) goes on behind a statement that failed, and warns at the end. It is for clean-up scripts only, which may find part
        of what they remove gone already.
      - A statement whose answer was lost stops the run in any case.
    type: str
    choices: [stop, continue]
    default: stop
  ledger:
    description:
      - File that keeps how far the script got, so that the next run goes on at the statement that failed. It is made when it is not
        there, readable to its owner only.
      - It holds no statement, only a keyed checksum of each, and is good for this script on this database only.
      - A statement whose answer was lost has to be looked at by a person, who then sets O(start_at).
    type: path
  change_reference:
    description:
      - The reference of the change that the script belongs to, such as V(CHG0012345), at most 200 printable characters on one line.
      - Snowflake gets it in the session parameter C(QUERY_TAG), with the job of AWX when E(JOB_ID) names it. Redshift and Azure Synapse Analytics get
        it in the application name of the session, in ASCII, cut off at 63 and at 128 characters. Databricks gets it as the query tag
        C(change_reference), cut off at 128 characters, and in C(User-Agent). What O(login.extra) gives there goes before it.
      - If not given, the environment variable E(IMMUTA_CHANGE_REFERENCE) is used. An empty one is not given.
    type: str
  report:
    description:
      - File to which one line of JSON is appended when the run ends, also when it fails, with C(sha256) of the script, C(executed), C(skipped),
        C(total) and C(statements), each with number, verb, object, status and query ID. It holds no statement.
      - The file is made when it is not there, readable to its owner only. Check mode writes nothing.
    type: path
  connect_timeout:
    description: Seconds to wait for the login. V(0) waits without end.
    type: int
    default: 60
  statement_timeout:
    description:
      - Seconds that the platform may take for one statement. V(0) sets no limit.
      - On Databricks that includes the time that a SQL warehouse needs to start. What takes longer is cancelled.
      - Azure Synapse Analytics knows no such limit. The connection is ended there, and whether the batch ran is not known.
    type: int
    default: 600
seealso:
  - module: community.immuta.immuta_integration_script
"""

EXAMPLES = r"""
- name: Run the set-up script on Snowflake, unless its database is there
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

- name: Run a set-up script that may touch nothing but what is Immuta's
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

- name: Go on behind a statement that turned out to have run
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

- name: Run the set-up script on a Databricks SQL warehouse, as a service principal
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

- name: Remove what is left of a set-up
  community.immuta.immuta_sql_script:
    type: Snowflake
    path: /srv/immuta/cleanup.sql
    purpose: cleanup
    on_error: continue
    login: "{{ snowflake_login }}"
"""

RETURN = r"""
msg:
  description: How many statements ran of how many, in a sentence.
  returned: success
  type: str
  sample: 22 of 22 statements ran.
statements:
  description:
    - What became of each statement, never its text. Of a long script the first and the last 100, and all that failed.
  returned: when the script was taken apart and allowed
  type: list
  elements: dict
  contains:
    number:
      description: Number of the statement, from 1.
      type: int
    line:
      description: Line of the script that it begins on, from 1.
      type: int
    verb:
      description: Its first keyword, with the kind of object after CREATE, ALTER and DROP.
      type: str
    object:
      description: Name of the object.
      type: str
    status:
      description:
        - V(ok), V(failed), V(pending) (not reached, or check mode), V(skipped) (ran before, or left out), or V(unknown) (sent, and
          the connection broke before the answer came).
      type: str
    rows:
      description: How many rows it gave or changed, for statements of which that can be said.
      type: int
    query_id:
      description: The platform's own number for it, where it has one.
      type: str
    seconds:
      description: How long it took.
      type: float
    code:
      description: The database's error code, when it failed. For Databricks the error condition, or the API's error code.
      type: str
    sqlstate:
      description: SQLSTATE, when it failed.
      type: str
    message:
      description: The database's message without literals, when it failed.
      type: str
    error_line:
      description: Line of the script that the database points at, when it does.
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
  description: How many statements are not in RV(statements).
  returned: as RV(statements)
  type: int
  sample: 0
statements_skipped:
  description: How many were left out, because of O(start_at), O(ledger) or O(unless).
  returned: as RV(statements)
  type: int
  sample: 0
statements_failed:
  description: How many failed.
  returned: as RV(statements)
  type: int
  sample: 0
executed:
  description: How many ran in this run.
  returned: as RV(statements)
  type: int
  sample: 42
total:
  description: How many there are in the script.
  returned: as RV(statements)
  type: int
  sample: 42
done_already:
  description: Whether the query of O(unless) gave a row.
  returned: success
  type: bool
  sample: false
scope_checked:
  description: Whether the statements were held to O(scope), too. It is V(false) with O(purpose=any).
  returned: success
  type: bool
  sample: true
checksum:
  description: SHA-256 of the script.
  returned: when the script could be read
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
failed_statement:
  description: The statement that the run stopped at, with the keys of RV(statements).
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
    - The statements that do not belong in a script of this O(purpose). Of one with several in it, such as a block, each is listed.
  returned: when there are any
  type: list
  elements: dict
  contains:
    number:
      description: Number of the statement of the script, from 1.
      type: int
    line:
      description: Line of the script, from 1, also inside of a block or a literal.
      type: int
    verb:
      description: First keyword, with the kind of object after CREATE, ALTER and DROP.
      type: str
    object:
      description: Name of the object.
      type: str
    reason:
      description:
        - V(kind), it is of a kind that does not belong in such a script; V(scope), what it touches is outside of O(scope); V(unreadable), it runs
          what cannot be read beforehand.
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
from ansible_collections.community.immuta.plugins.module_utils._sql.base import LOGIN_SPEC
from ansible_collections.community.immuta.plugins.module_utils._sql.classify import PURPOSES
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import SCOPE_SPEC
from ansible_collections.community.immuta.plugins.module_utils._sql.run import run_script


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
