# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the simulator have in common."""

from __future__ import annotations

from typing import Any

from immuta_simulator import Reply, Simulator

OKTA = {"username": "taylor@redshift.com", "password": "abc1234", "appId": "Okta", "idpHost": "organization.okta.com", "role": "admin"}
SNOWFLAKE_CREDENTIALS = {"authenticationType": "userPassword", "username": "taylor@snowflake.com", "password": "abc1234", "role": "ACCOUNTADMIN"}


def created(tenant: Simulator, document: dict[str, Any]) -> str:
    reply = tenant.call("POST", "/integrations", document)
    assert reply.status == 200, reply.text
    return str(reply.json()["id"])


def refusal(reply: Reply) -> tuple[int, str]:
    body = reply.json()
    assert body["statusCode"] == reply.status
    return reply.status, body["message"]
