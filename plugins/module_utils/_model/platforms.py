# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seven integration types, as data. To add a platform, add a row here and its page in the docs.

Source: the vendor's pages "Integrations API Endpoints" and "Integration Configuration Payload".

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .fields import Field, merge_fields


@dataclass(frozen=True)
class Presence:
    """How to ask a warehouse whether Immuta's setup exists. Options in braces are those of the place where scripts run.

    C({database_literal}) is the name of the database, escaped for a SQL string literal.
    """

    #: the object that the query looks for, for messages
    what: str
    #: a query that returns a row if the setup exists
    query: str
    #: the statement with which a setup script creates the object
    made_by: str
    #: the database in which the query runs; empty: the default of the login
    database: str = ""


@dataclass(frozen=True)
class Platform:
    """The properties of one integration type."""

    type: str
    fields: tuple[Field, ...]
    #: the option that identifies an integration of this type; empty: a tenant has only one
    identity: str = ""
    #: the valid values of auto_bootstrap; empty: the type does not have it
    auto_bootstrap: tuple[bool, ...] = (True, False)
    #: whether PUT supports the type
    editable: bool = True
    #: the credentials that DELETE needs if Immuta did the setup itself
    delete_credentials: tuple[str, ...] = ()
    #: script -> the database in which it runs, with options of config in braces; empty: the default of the login
    scripts: Mapping[str, str] = field(default_factory=dict)
    #: scripts that some tenants do not generate for this type
    optional_scripts: tuple[str, ...] = ()
    #: how to check whether the scripts have run; None: the type has no scripts
    presence: Presence | None = None
    #: the object that the delete script cannot remove, for messages
    stays: str = ""
    #: whether a connection can own an integration of this type
    connectable: bool = False

    def option(self, name: str) -> Field:
        return next(candidate for candidate in self.fields if candidate.option == name)


# --- fields that several platforms share -------------------------------------------------------------------------

HOST = Field("host", "Host name of the data platform.", required=True, immutable=True, host=True)
PORT = Field("port", "Port of the data platform.", type="int")
DATABASE = Field(
    "database",
    "Database that Immuta creates or uses for its own objects. It cannot be changed once the integration is registered.",
    required=True,
    immutable=True,
)
AUTHENTICATION_TYPE = Field(
    "authentication_type",
    "How Immuta authenticates to the data platform. This determines which credentials are needed.",
    required=True,
    hidden=True,
    decides=True,
)
USERNAME = Field("username", "User name of the account that Immuta signs in with.", required=True, hidden=True)
PASSWORD = Field("password", "Password of the account that Immuta signs in with.", required=True, secret=True)
TOKEN = Field("token", "Personal access token of the service principal.", required=True, secret=True, branch=("token",))
CONNECT_ARGS = Field("connect_args", "Additional connection string options.", secret=True)
ENABLED = Field("enabled", "Whether the feature is enabled.", type="bool", default=False)


def private_key(option: str, **kwargs: Any) -> Field:
    """Return the field of a key file."""
    return replace(
        Field(
            option,
            "Private key file.",
            type="dict",
            file=True,
            fields=(
                Field("key_name", "Connection string key that the file is bound to, V(PRIV_KEY_FILE) for Snowflake."),
                Field("user_filename", "Name of the key file."),
                Field("content", "The key in PEM form, with real line breaks.", required=True, secret=True),
            ),
        ),
        **kwargs,
    )


OAUTH_CLIENT_CONFIG = Field(
    "oauth_client_config",
    "OAuth client that Immuta signs in with.",
    type="dict",
    api="oAuthClientConfig",
    required=True,
    fields=(
        Field("use_certificate", "Whether the client authenticates with a certificate rather than with a secret.", type="bool", decides=True),
        Field("client_id", "Client ID."),
        Field("client_secret", "Client secret.", required=True, secret=True, branch=(False,)),
        Field("scope", "Scope to request."),
        Field("authority_url", "URL of the authority that issues the tokens."),
        Field("resource", "Resource to request a token for."),
        Field("public_certificate_thumbprint", "Thumbprint of the client's certificate.", branch=(True,)),
        private_key("oauth_private_key", description="Private key of the client's certificate.", required=True, branch=(True,)),
    ),
)


def impersonation(default_role: str | None) -> Field:
    return Field(
        "impersonation",
        "Whether users may query as other Immuta users.",
        type="dict",
        fields=(ENABLED, Field("role", "Role or group that may impersonate.", default=default_role)),
    )


AUDIT = Field("audit", "Whether Immuta reads the platform's query history.", type="dict", fields=(ENABLED,))


# --- the platforms -----------------------------------------------------------------------------------------------

SNOWFLAKE = Platform(
    "Snowflake",
    identity="host",
    delete_credentials=(
        "authentication_type",
        "username",
        "password",
        "private_key",
        "private_key_password",
        "oauth_client_config",
        "connect_args",
        "role",
    ),
    scripts={"create": "", "edit": "", "delete": "", "cleanup": ""},
    # In LIKE, _ matches any character, and case is ignored. STARTS WITH is exact, so both together match only the name itself.
    presence=Presence(
        what="the database {database}",
        query="SHOW DATABASES LIKE '{database_literal}' STARTS WITH '{database_literal}'",
        made_by="CREATE DATABASE",
    ),
    connectable=True,
    fields=(
        HOST,
        replace(PORT, default=443),
        Field("warehouse", "Warehouse that Immuta's queries run in.", required=True),
        DATABASE,
        AUTHENTICATION_TYPE,
        replace(USERNAME, branch=("userPassword", "keyPair")),
        replace(PASSWORD, branch=("userPassword",)),
        private_key("private_key", required=True, branch=("keyPair",)),
        Field("private_key_password", "Passphrase of the private key.", secret=True, branch=("keyPair",)),
        replace(OAUTH_CLIENT_CONFIG, branch=("oAuthClientCredentials",)),
        CONNECT_ARGS,
        Field("role", "Privileged role for the setup."),
        AUDIT,
        Field(
            "workspaces",
            "Project workspaces. Current SaaS tenants no longer have them.",
            type="dict",
            fields=(ENABLED, Field("warehouses", "Warehouses that workspaces may use.", type="list", elements="str")),
        ),
        impersonation("IMMUTA_IMPERSONATION"),
        Field(
            "lineage",
            "Propagation of tags along lineage. Current SaaS tenants no longer have it.",
            type="dict",
            fields=(
                ENABLED,
                Field(
                    "lineage_config",
                    "What to propagate.",
                    type="dict",
                    fields=(
                        Field("table_filter", "Regular expression of the tables."),
                        Field("tag_filter", "Regular expression of the tags."),
                        Field("ingest_batch_size", "Rows read at once.", type="int"),
                    ),
                ),
            ),
        ),
        Field(
            "user_role_pattern",
            "Roles and users that policies do not apply to.",
            type="dict",
            fields=(Field("exclude", "The excepted roles and users.", type="list", elements="str"),),
        ),
    ),
)

_DATABRICKS_SIGN_IN = (
    AUTHENTICATION_TYPE,
    TOKEN,
    replace(OAUTH_CLIENT_CONFIG, branch=("oAuthM2M",)),
)
_WORKSPACE_URL = Field("workspace_url", "Host name of the Databricks workspace.", required=True, host=True)
_HTTP_PATH = Field("http_path", "HTTP path of the SQL warehouse or cluster.", required=True)

DATABRICKS = Platform(
    "Databricks",
    identity="workspace_url",
    scripts={"create": "", "edit": "", "delete": ""},
    optional_scripts=("edit",),
    presence=Presence(
        what="the catalog {database}",
        query="SELECT 1 FROM system.information_schema.catalogs WHERE catalog_name = LOWER('{database_literal}')",
        made_by="CREATE CATALOG",
    ),
    connectable=True,
    fields=(
        replace(_WORKSPACE_URL, immutable=True),
        _HTTP_PATH,
        *_DATABRICKS_SIGN_IN,
        Field("catalog", "Catalog that Immuta creates and owns.", immutable=True),
        AUDIT,
        Field("workspace_ids", "Workspaces whose query history is read.", type="list", elements="str"),
        Field(
            "group_pattern",
            "Which groups policies do not apply to.",
            type="dict",
            fields=(Field("deny", "Account-level group that is exempt from data policies."),),
        ),
        Field(
            "proxy_options",
            "Proxy for connections to the workspace.",
            type="dict",
            fields=(
                replace(HOST, description="Host name of the proxy.", required=False, immutable=False),
                replace(PORT, description="Port of the proxy."),
                replace(USERNAME, description="User name for the proxy.", required=False),
                replace(PASSWORD, description="Password for the proxy.", required=False),
            ),
        ),
        Field(
            "job_config",
            "Job setup of older tenants.",
            type="dict",
            fields=(
                Field("workspace_directory_path", "Directory in the workspace."),
                Field("job_cluster_id", "Cluster that jobs run on."),
            ),
        ),
        Field(
            "additional_workspace_connections",
            "Further workspaces of the same metastore.",
            type="list",
            elements="dict",
            fields=(
                _WORKSPACE_URL,
                _HTTP_PATH,
                *_DATABRICKS_SIGN_IN,
                Field("catalogs", "Catalogs that are reached through this workspace.", type="list", elements="str"),
            ),
        ),
    ),
)

REDSHIFT = Platform(
    "Redshift",
    identity="host",
    delete_credentials=(
        "authentication_type",
        "username",
        "password",
        "okta",
        "access_key_id",
        "secret_key",
        "session_token",
        "database_user",
    ),
    scripts={
        "initial-create": "{initial_database}",
        "create": "{database}",
        "edit": "{database}",
        "delete": "{initial_database}",
        "cleanup": "{initial_database}",
    },
    presence=Presence(
        what="the database {database}",
        query="SELECT 1 FROM pg_database WHERE LOWER(datname) = LOWER('{database_literal}')",
        made_by="CREATE DATABASE",
        database="{initial_database}",
    ),
    fields=(
        HOST,
        replace(PORT, default=5439),
        DATABASE,
        Field(
            "initial_database",
            "Existing database to which the setup connects first.",
            required=True,
            immutable=True,
        ),
        AUTHENTICATION_TYPE,
        replace(USERNAME, branch=("userPassword",)),
        replace(PASSWORD, branch=("userPassword",)),
        Field(
            "okta",
            "Login through Okta.",
            type="dict",
            required=True,
            branch=("okta",),
            fields=(
                replace(USERNAME, description="User name for Okta."),
                replace(PASSWORD, description="Password for Okta."),
                Field("app_id", "Okta application."),
                Field("idp_host", "Okta host."),
                Field("role", "Role to assume."),
            ),
        ),
        Field("database_user", "Database user to sign in as with an AWS access key.", branch=("accessKey",)),
        Field("access_key_id", "AWS access key.", secret=True, required=True, branch=("accessKey",)),
        Field("secret_key", "AWS secret access key.", secret=True, required=True, branch=("accessKey",)),
        Field("session_token", "AWS session token.", secret=True, branch=("accessKey",)),
        impersonation("immuta_impersonation"),
        CONNECT_ARGS,
    ),
)

SYNAPSE = Platform(
    "Azure Synapse Analytics",
    identity="host",
    delete_credentials=("authentication_type", "username", "password"),
    scripts={
        "initial-create": "master",
        "create": "{database}",
        "edit": "{database}",
        # The objects to drop are in the pool, which cannot be reached from master. Only master can drop the login, so the login remains.
        "delete": "{database}",
        "cleanup": "master",
        "post-cleanup": "{database}",
    },
    presence=Presence(
        what="the schema immuta_system in the database {database}",
        query="SELECT 1 FROM sys.schemas WHERE name = 'immuta_system'",
        made_by="CREATE SCHEMA",
        database="{database}",
    ),
    stays="login {username} in master",
    fields=(
        HOST,
        replace(PORT, default=1433),
        DATABASE,
        Field("schema", "Schema that Immuta creates its views in.", required=True, immutable=True),
        AUTHENTICATION_TYPE,
        USERNAME,
        PASSWORD,
        impersonation("IMMUTA_IMPERSONATION"),
        Field(
            "metadata_delimiters",
            "Delimiters that must not occur in user attributes.",
            type="dict",
            fields=(
                Field("hash_delimiter", "Delimiter of a hash's entries."),
                Field("hash_key_delimiter", "Delimiter of a key and its value."),
                Field("array_delimiter", "Delimiter of an array's elements."),
            ),
        ),
        CONNECT_ARGS,
    ),
)

BIGQUERY = Platform(
    "Google BigQuery",
    identity="dataset",
    auto_bootstrap=(False,),
    fields=(
        Field("role", "Google Cloud role that Immuta connects with.", required=True),
        Field("dataset", "Dataset that Immuta keeps its metadata in.", required=True, immutable=True),
        Field("dataset_suffix", "Suffix of the datasets with the secure views. It starts with an underscore.", pattern="^_"),
        Field("location", "Location of the datasets.", required=True),
        Field(
            "credential",
            "Key file of the service account, as JSON text or as a dictionary.",
            type="json",
            secret=True,
            required=True,
        ),
    ),
)

S3 = Platform(
    "Native S3",
    identity="name",
    auto_bootstrap=(False,),
    fields=(
        Field("name", "Name of the integration, unique among the tenant's S3 integrations.", required=True),
        Field("aws_account_id", "AWS account.", required=True, immutable=True),
        Field("aws_region", "AWS region.", required=True, immutable=True),
        Field("aws_location_role", "ARN of the IAM role that is assigned to the base access grants location.", required=True),
        Field("aws_location_path", "Base S3 prefix, unique among the tenant's S3 integrations.", required=True, immutable=True),
        Field("aws_role_to_assume", "ARN of the IAM role that Immuta assumes.", branch=("auto",)),
        AUTHENTICATION_TYPE,
        Field("aws_access_key_id", "AWS access key.", secret=True, required=True, branch=("accessKey",)),
        Field("aws_secret_access_key", "AWS secret access key.", secret=True, required=True, branch=("accessKey",)),
        replace(PORT, default=443),
    ),
)

TRINO = Platform("Trino", fields=(), auto_bootstrap=(), editable=False, connectable=True)

PLATFORMS: dict[str, Platform] = {platform.type: platform for platform in (SYNAPSE, DATABRICKS, BIGQUERY, S3, REDSHIFT, SNOWFLAKE, TRINO)}

#: every option of C(config), for all platforms
CONFIG_FIELDS: list[Field] = merge_fields(platform.fields for platform in PLATFORMS.values())

#: every script that the API can generate
SCRIPT_ACTIONS = ("create", "initial-create", "edit", "delete", "cleanup", "post-cleanup")
