# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of the module immuta_fleet, of any size and with any names. Made by the functions that make the real ones."""

from __future__ import annotations

from typing import Any

from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_hosts import report_of
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import Call, Host

SECRET = "s3cret-that-is-nowhere"
TENANTS = ("eu.example.com", "us.example.com", "down.example.com")
#: what has ever broken out of HTML, XML, JSON, a template, a terminal or the direction of a text
HOSTILE = (
    "<script>document.title = 'broken out'</script>",
    """"><img src=x onerror="document.title='broken out'">""",
    "' onmouseover='alert(1)' x='",
    "</title></style></textarea><svg onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %} {# #} ${7*7}",
    "]]> --> <!-- <![CDATA[ &lt;b&gt; &#60;",
    "two\nlines\r\nand\ta tab",
    "turned \u202e\u2066 around \u2028 \u200b \ufeff",
    "nul \x00 bell \x07 escape \x1b[31m \x9b \x7f half \ud800 none \uffff",
    "javascript:alert(1)",
    "Ünïcödé \u0645\u0631\u062d\u0628\u0627 \u6f22\u5b57 \U0001f469\u200d\U0001f4bb",
    "x" * 1000,
    "words " * 170,
)

_FIELDS = [
    {"field": "config.audit.enabled", "before": False, "after": True, "secret": False},
    {"field": "config.role", "before": "IMMUTA_OLD", "after": "IMMUTA_SYSTEM", "secret": False},
    {"field": "config.tags", "before": None, "after": ["finance", "eu"], "secret": False},
    # the values are never there; a page that would show them is found out
    {"field": "config.password", "before": SECRET, "after": SECRET, "secret": True},
    {"field": "config.extra.pepper", "before": SECRET, "after": SECRET, "secret": True},
    {"field": "config.oauth_client_config.client_secret", "before": None, "after": SECRET, "secret": False},
]
_TESTS = ["Warehouse access: USAGE on warehouse IMMUTA_WH is missing", "Audit: the view QUERY_HISTORY cannot be read"]
_FINE: dict[str, Any] = {"action": "unchanged", "changed": False, "changes": [], "status": "enabled", "healthy": True, "needs_script": False, "error": None}
#: what becomes of a host -> the item that immuta_tenant answers
ITEMS: dict[str, dict[str, Any]] = {
    "fine": _FINE,
    "drifted": {**_FINE, "action": "updated", "changed": True, "changes": _FIELDS},
    "unhealthy": {**_FINE, "status": "editError", "healthy": False, "failed_tests": _TESTS},
    "both": {**_FINE, "action": "updated", "changed": True, "changes": _FIELDS[:2], "status": "error", "healthy": False, "failed_tests": _TESTS[:1]},
    "scripts": {**_FINE, "action": "created", "needs_script": True, "status": None, "healthy": None},
    "owned": {**_FINE, "owner": "lake"},
    "failed": {**_FINE, "action": None, "status": None, "healthy": None, "error": "GET /integrations/7 failed: HTTP 500 Internal Server Error: out of order."},
}


def fleet(count: int = 40, *, hostile: bool = False, worst: bool = False, mistyped: bool = False) -> dict[str, Any]:
    """What immuta_fleet returns for so many hosts of two tenants, a host that only the role looks at, and a tenant that is down.

    hostile: every name and every text is one of HOSTILE. worst: no host is fine. mistyped: there is a host with wrong variables.
    """
    kinds = [kind for kind in ITEMS if kind != "fine"]
    hosts, items = [], {}
    for number in range(count):
        kind = kinds[(number if worst else number // 3) % len(kinds)] if worst or number % 3 == 0 else "fine"
        text = HOSTILE[number % len(HOSTILE)] if hostile else ""
        name = f"{text} {number}" if hostile else f"warehouse_{number:04}"
        hosts.append(Host(name, "integration", {}, {"url": f"https://{TENANTS[number % 2]}"}))
        items[name] = {"name": name, "kind": "integration", "key": f"{text or 'acme'}{number}.example.com", "id": str(number), **ITEMS[kind]}
        if hostile:
            items[name].update(_spoiled(ITEMS[kind], text))
    role = Host("repaired", "integration", {}, {"url": f"https://{TENANTS[0]}"}, role_reason="a repair is requested")
    lost = Host("unreachable", "connection", {}, {"url": f"https://{TENANTS[2]}"})
    wrong = Host("mistyped", problem="immuta_platform_stages: register is spelled regsiter.")
    calls = [Call(tuple(host for host in hosts if host.tenant["url"].endswith(tenant))) for tenant in TENANTS[:2]]
    strays = [{"kind": "connection", "key": HOSTILE[0] if hostile else "lake", "type": "Snowflake", "config": {"password": SECRET}}]
    answers: list[tuple[Call, dict[str, Any]]] = [
        (call, {"plan": [items[host.name] for host in call.hosts], "tenant": tenant, "unmanaged": strays})
        for call, tenant in zip(calls, TENANTS, strict=False)
        if call.hosts
    ]
    if count == 1:
        return report_of(hosts, answers, whole=False)
    answers.append((Call((lost,)), {"failed": True, "msg": "GET /integrations failed: connection refused.", "tenant": TENANTS[2]}))
    return report_of([*hosts, role, lost, *[wrong] * mistyped], answers, whole=True)


def _spoiled(item: dict[str, Any], text: str) -> dict[str, Any]:
    """The item with that text wherever the tenant or an operator writes one."""
    changes = [{**change, "field": f"config.{text}", "before": text, "after": {text: [text]}, "secret": False} for change in item["changes"][:1]]
    texts = {name: text for name in ("status", "owner", "error") if item.get(name)}
    return {**texts, "changes": changes, "failed_tests": [f"{text}: {text}" for _test in item.get("failed_tests", ())]}
