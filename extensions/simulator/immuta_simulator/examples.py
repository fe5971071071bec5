# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The vendor's own example payloads, one a type, to begin with."""

from __future__ import annotations

import copy
from typing import Any

# The payloads of the vendor's page "Integrations API Endpoints"
EXAMPLES: dict[str, dict[str, Any]] = {
    "Native S3": {
        "type": "Native S3",
        "autoBootstrap": False,
        "config": {
            "name": "S3 integration",
            "awsAccountId": "123456789",
            "awsRegion": "us-east-1",
            "awsLocationRole": "arn:aws:iam::123456789:role/access-grants-instance-role",
            "awsLocationPath": "s3://",
            "authenticationType": "accessKey",
            "awsAccessKeyId": "123456789",
            "awsSecretAccessKey": "123456789",
        },
    },
    "Azure Synapse Analytics": {
        "type": "Azure Synapse Analytics",
        "autoBootstrap": True,
        "config": {
            "host": "organization.azure.com",
            "schema": "sample_schema",
            "database": "immuta",
            "metadataDelimiters": {"hashDelimiter": "|", "hashKeyDelimiter": "-", "arrayDelimiter": ","},
            "username": "taylor@synapse.com",
            "password": "abc1234",
            "authenticationType": "userPassword",
        },
    },
    "Databricks": {
        "type": "Databricks",
        "autoBootstrap": True,
        "config": {
            "workspaceUrl": "www.example-workspace.cloud.databricks.com",
            "httpPath": "sql/protocolv1/o/0/0000-00000-abc123",
            "authenticationType": "token",
            "token": "REDACTED",
            "catalog": "immuta",
        },
    },
    "Google BigQuery": {
        "type": "Google BigQuery",
        "autoBootstrap": False,
        "config": {
            "role": "immuta",
            "datasetSuffix": "_secureView",
            "dataset": "immuta",
            "location": "us-east1",
            "credential": '{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nXXXX\n"}',
        },
    },
    "Redshift": {
        "type": "Redshift",
        "autoBootstrap": True,
        "config": {
            "host": "organization.aws.amazon.com",
            "database": "immuta",
            "initialDatabase": "REDSHIFT_SAMPLE_DATA",
            "authenticationType": "userPassword",
            "username": "taylor@redshift.com",
            "password": "abc1234",
        },
    },
    "Snowflake": {
        "type": "Snowflake",
        "autoBootstrap": True,
        "config": {
            "host": "organization.us-east-1.snowflakecomputing.com",
            "warehouse": "SAMPLE_WAREHOUSE",
            "database": "SNOWFLAKE_SAMPLE_DATA",
            "authenticationType": "userPassword",
            "username": "taylor@snowflake.com",
            "password": "abc1234",
            "role": "ACCOUNTADMIN",
        },
    },
    "Trino": {"type": "Trino"},
}


def payload(type_: str, **config: Any) -> dict[str, Any]:
    """The vendor's example with other config keys; one given as None is taken out."""
    document = copy.deepcopy(EXAMPLES[type_])
    for name, value in config.items():
        if value is None:
            document["config"].pop(name)
        else:
            document["config"][name] = value
    return document


def manual(type_: str, **config: Any) -> dict[str, Any]:
    return {**payload(type_, **config), "autoBootstrap": False}
