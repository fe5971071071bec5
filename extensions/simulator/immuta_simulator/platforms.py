# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant knows about the seven integration types, as data (Integrations API, "Integration Configuration Payload").

Attributes are the API's own, nested ones with dots. Nothing here comes from the collection: a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OFF: dict[str, Any] = {"enabled": False}
SETUP = frozenset({"create", "edit", "delete"})


@dataclass(frozen=True)
class Platform:
    key: str | None  # the attribute that is unique in a tenant; None: there is only one integration of the type
    required: tuple[str, ...] = ()
    required_by_auth: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    immutable: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    redacted: Mapping[str, str] = field(default_factory=dict)  # secret: what the vendor's examples show for it
    secrets: tuple[str, ...] = ()  # the others, whose redacted form no page shows
    scripts: frozenset[str] = frozenset()
    automatic: bool = True  # takes autoBootstrap: true
    delete_credentials: bool = False  # an automatic one is deleted with credentials in the body
    impersonation_role: str = ""  # the role's default name

    @property
    def all_secrets(self) -> tuple[str, ...]:
        return (*self.redacted, *self.secrets)


ACCOUNT = {"username": "<REDACTED>", "password": "<REDACTED>"}
USER_PASSWORD = ("username", "password")
OAUTH_SECRETS = ("oAuthClientConfig.clientSecret", "oAuthClientConfig.oauthPrivateKey.content")

PLATFORMS: dict[str, Platform] = {
    "Snowflake": Platform(
        key="host",
        required=("host", "warehouse", "database", "authenticationType"),
        required_by_auth={
            "userPassword": USER_PASSWORD,
            "keyPair": ("username", "privateKey.content"),
            "oAuthClientCredentials": ("oAuthClientConfig.clientId",),
        },
        immutable=("host", "database"),
        defaults={"port": 443, "audit": OFF, "workspaces": OFF, "impersonation": OFF, "lineage": OFF},
        redacted=ACCOUNT,
        secrets=("privateKey.content", "privateKeyPassword", "connectArgs", *OAUTH_SECRETS),
        scripts=SETUP | {"cleanup"},
        delete_credentials=True,
        impersonation_role="IMMUTA_IMPERSONATION",
    ),
    "Databricks": Platform(
        key="workspaceUrl",
        required=("workspaceUrl", "httpPath", "authenticationType"),
        required_by_auth={"token": ("token",), "oAuthM2M": ("oAuthClientConfig.clientId",)},
        immutable=("workspaceUrl", "catalog"),
        defaults={"audit": OFF, "catalog": "immuta"},
        redacted={"token": "REDACTED"},
        secrets=(
            *OAUTH_SECRETS,
            "proxyOptions.password",
            *(f"additionalWorkspaceConnections.*.{secret}" for secret in ("token", *OAUTH_SECRETS)),
        ),
        scripts=SETUP,
    ),
    "Redshift": Platform(
        key="host",
        required=("host", "database", "initialDatabase", "authenticationType"),
        required_by_auth={
            "userPassword": USER_PASSWORD,
            "okta": ("okta.username", "okta.password", "okta.appId", "okta.idpHost", "okta.role"),
            "accessKey": ("databaseUser", "accessKeyId", "secretKey"),
        },
        immutable=("host", "database", "initialDatabase"),
        defaults={"port": 5439, "impersonation": OFF},
        redacted=ACCOUNT,
        secrets=("okta.password", "accessKeyId", "secretKey", "sessionToken", "connectArgs"),
        scripts=SETUP | {"initial-create", "cleanup"},
        delete_credentials=True,
        impersonation_role="immuta_impersonation",
    ),
    "Azure Synapse Analytics": Platform(
        key="host",
        required=("host", "database", "schema", "authenticationType", *USER_PASSWORD),
        required_by_auth={"userPassword": USER_PASSWORD},
        immutable=("host", "database", "schema"),
        defaults={
            "port": 1433,
            "impersonation": OFF,
            "metadataDelimiters": {"hashDelimiter": "|", "hashKeyDelimiter": ":", "arrayDelimiter": ","},
        },
        redacted=ACCOUNT,
        secrets=("connectArgs",),
        scripts=SETUP | {"initial-create", "cleanup", "post-cleanup"},
        delete_credentials=True,
        impersonation_role="IMMUTA_IMPERSONATION",
    ),
    "Google BigQuery": Platform(
        key="dataset",
        required=("role", "datasetSuffix", "dataset", "location", "credential"),
        immutable=("dataset",),
        secrets=("credential",),
        automatic=False,
    ),
    "Native S3": Platform(
        key="name",
        required=("name", "awsAccountId", "awsRegion", "awsLocationRole", "awsLocationPath", "authenticationType"),
        required_by_auth={"auto": (), "accessKey": ("awsAccessKeyId", "awsSecretAccessKey")},
        immutable=("awsAccountId", "awsRegion", "awsLocationPath"),
        defaults={"port": 443},
        secrets=("awsAccessKeyId", "awsSecretAccessKey"),
        automatic=False,
    ),
    "Trino": Platform(key=None, automatic=False),
}
