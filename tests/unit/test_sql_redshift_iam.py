# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redshift with IAM and with Okta: Amazon's real library, up to its requests to AWS, Okta and the cluster."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import boto3
import pytest
import redshift_connector
import requests
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ConnectionFailed
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS

HOST = "acme.0123456789.us-east-1.redshift.amazonaws.com"
ROLE, PROVIDER = "arn:aws:iam::42:role/immuta", "arn:aws:iam::42:saml-provider/okta"
SAML = f"""<Response><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">
<AttributeValue>arn:aws:iam::42:role/other,{PROVIDER}</AttributeValue><AttributeValue>{ROLE},{PROVIDER}</AttributeValue></Attribute></Response>"""
LATER = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
AWS = {
    "get_cluster_credentials": {"DbUser": "IAM:admin", "DbPassword": "temporary", "Expiration": LATER},
    "get_credentials": {"dbUser": "IAMR:admin", "dbPassword": "temporary", "expiration": LATER},
    "describe_clusters": {"Clusters": [{"Endpoint": {"Address": HOST, "Port": 5439}}]},
    "get_workgroup": {"workgroup": {"endpoint": {"address": "w.serverless", "port": 5439}}},
    "assume_role_with_saml": {"Credentials": {"AccessKeyId": "AK2", "SecretAccessKey": "SK2", "SessionToken": "ST2", "Expiration": LATER}},
}


class Cloud:
    """AWS, Okta and the cluster. It records the requests in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.autocommit = False

    # boto3
    def session(self, **arguments: Any) -> Cloud:
        self.asked.append(("session", arguments))
        return self

    def client(self, *service: str, **arguments: Any) -> Cloud:
        self.asked.append(("client", {**({"service_name": service[0]} if service else {}), **arguments}))
        return self

    def __getattr__(self, name: str) -> Any:
        if name not in AWS:
            raise AttributeError(name)

        def call(**arguments: Any) -> dict[str, Any]:
            if not arguments.get("CustomDomainName", "none"):  # without a host, the library first assumes a custom domain, and then tries again
                raise ValueError("there is no such domain")
            self.asked.append((name, arguments))
            return dict(AWS[name])

        return call

    # Okta
    def post(self, url: str, data: str, **_options: Any) -> requests.Response:
        self.asked.append((url, json.loads(data)))
        return answer('{"status": "SUCCESS", "sessionToken": "st"}')

    def get(self, url: str, **_options: Any) -> requests.Response:
        self.asked.append((url, {}))
        return answer(f'<input name="SAMLResponse" value="{base64.b64encode(SAML.encode()).decode()}">')

    # the cluster
    def connect(self, **arguments: Any) -> Cloud:
        self.asked.append(("connect", arguments))
        return self

    def cursor(self) -> Cloud:
        return self

    def execute(self, *_arguments: Any) -> None:
        """Accept any statement."""

    def fetchone(self) -> tuple[int]:
        return (1,)

    def close(self) -> None:
        """Nothing to close."""

    def last(self, what: str) -> dict[str, Any]:
        return [arguments for name, arguments in self.asked if name == what][-1]


def answer(text: str) -> requests.Response:
    found = requests.Response()
    found.status_code, found._content = 200, text.encode()
    return found


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(boto3, "Session", made.session)
    monkeypatch.setattr(boto3, "client", made.client)
    monkeypatch.setattr(requests, "post", made.post)
    monkeypatch.setattr(requests, "get", made.get)
    monkeypatch.setattr(redshift_connector, "Connection", made.connect)
    monkeypatch.setattr(redshift_connector.iam_helper.IamHelper, "credentials_cache", {})
    return made


def connect(**login: Any) -> None:
    DRIVERS["Redshift"]({"database": "dev", **login}, connect_timeout=7, statement_timeout=9, warn=print).connect()


CLUSTER = {"iam": True, "cluster_identifier": "acme", "region": "us-east-1", "db_user": "admin"}


@pytest.mark.parametrize(
    ("login", "session"),
    [
        ({}, {}),  # the role of the machine, or other credentials that boto3 finds itself
        ({"profile": "warehouse"}, {"profile_name": "warehouse"}),
        (
            {"access_key_id": "AK", "secret_access_key": "SK", "session_token": "ST"},
            {"aws_access_key_id": "AK", "aws_secret_access_key": "SK", "aws_session_token": "ST"},
        ),
    ],
)
def test_iam_gets_a_temporary_password_for_a_cluster(cloud: Cloud, login: dict[str, str], session: dict[str, str]) -> None:
    connect(**CLUSTER, **login)
    assert cloud.last("session") == session
    assert cloud.last("client") == {"service_name": "redshift", "region_name": "us-east-1"}
    asked = cloud.last("get_cluster_credentials")
    assert (asked["DbUser"], asked["DbName"], asked["ClusterIdentifier"]) == ("admin", "dev", "acme")
    opened = cloud.last("connect")
    assert (opened["user"], opened["password"], opened["host"], opened["port"], opened["database"]) == ("IAM:admin", "temporary", HOST, 5439, "dev")
    assert (opened["ssl"], opened["sslmode"], opened["timeout"]) == (True, "verify-full", 7)


def test_iam_gets_a_temporary_password_for_a_serverless_work_group(cloud: Cloud) -> None:
    connect(iam=True, serverless_work_group="w", serverless_acct_id="42", region="us-east-1")
    assert cloud.last("client")["service_name"] == "redshift-serverless"
    assert cloud.last("get_credentials") == {"dbName": "dev", "workgroupName": "w"}
    opened = cloud.last("connect")
    assert (opened["user"], opened["password"], opened["host"]) == ("IAMR:admin", "temporary", "w.serverless")


def test_okta_gets_the_password_and_aws_gets_the_saml_answer(cloud: Cloud) -> None:
    okta = {"okta_idp_host": "acme.okta.com", "okta_app_id": "42", "okta_app_name": "redshift", "okta_role": ROLE}
    connect(host=HOST, cluster_identifier="acme", region="us-east-1", username="admin@acme", password="geheim", db_user="admin", **okta)
    assert cloud.last("https://acme.okta.com/api/v1/authn") == {"username": "admin@acme", "password": "geheim"}
    assert (f"https://acme.okta.com/home/{okta['okta_app_name']}/42?onetimetoken=st", {}) in cloud.asked
    assumed = cloud.last("assume_role_with_saml")
    assert (assumed["RoleArn"], assumed["PrincipalArn"]) == (ROLE, PROVIDER)
    assert cloud.last("client")["aws_access_key_id"] == "AK2"
    assert cloud.last("get_cluster_credentials")["DbUser"] == "admin"
    assert cloud.last("connect")["password"] == "temporary"


def test_the_error_names_what_the_library_misses(cloud: Cloud) -> None:
    with pytest.raises(ConnectionFailed, match="db_user must be specified"):
        connect(**{name: value for name, value in CLUSTER.items() if name != "db_user"})
