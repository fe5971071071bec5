# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play as one fleet: the module calls that plan and apply them, the hosts that need the role, and the outcome of each.

The action plugin immuta_fleet uses it. The code sends no requests.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._platform.platform_lock import PlatformLock
from .items import CONNECTION, INTEGRATION

Options = Mapping[str, Any]

#: kind of finding of a drift check -> its title in messages, and its key in the report
_TITLES = {
    "drifted": ("Not as the inventory says", "drifted"),
    "unmanaged": ("In no inventory", "unmanaged"),
    "unhealthy": ("Unhealthy", "unhealthy"),
    "owned": ("In the inventory as an integration, although a connection owns it", "owned"),
    "failed": ("Failed", "failed_hosts"),
}
FINDINGS = tuple(_TITLES)

_MAX_NAMES = 20

# Options that all items of one module call share.
_SHARED = ("update_secrets", "server_validation", "wait", "wait_timeout", "wait_interval")


@dataclass(frozen=True)
class Host:
    """One platform of the inventory.

    kind and options: its item. tenant: the options that connect to its tenant. shared: the options that all items of a call share.
    problem: why it cannot be an item. role_reason: why the role must handle it. lock: keeps two runs on the platform apart.
    """

    name: str
    kind: str = ""
    options: Options = field(default_factory=dict)
    tenant: Options = field(default_factory=dict)
    shared: Options = field(default_factory=dict)
    problem: str = ""
    role_reason: str = ""
    lock: PlatformLock | None = None


@dataclass(frozen=True)
class Call:
    """One call of M(community.immuta.immuta_tenant), for all hosts that share a tenant and the shared options."""

    hosts: tuple[Host, ...]

    @property
    def is_plan_only(self) -> bool:
        """Whether the call only plans its hosts, because the role must handle them."""
        return bool(self.hosts[0].role_reason)

    @property
    def tenant(self) -> Options:
        """The options that connect to the tenant of these hosts."""
        return self.hosts[0].tenant

    def arguments(self, *, whole: bool, **more: Any) -> dict[str, Any]:
        """Return the options of the module, secrets included. whole: pass empty lists too, so that the module finds unmanaged platforms."""
        lists = {f"{kind}s": [{**host.options, "name": host.name} for host in self.hosts if host.kind == kind] for kind in (INTEGRATION, CONNECTION)}
        return {**self.tenant, **self.hosts[0].shared, **{name: items for name, items in lists.items() if items or whole}, **more}


def shared_of(values: Options) -> dict[str, Any]:
    """Return the host's variables that all items of a call share, without their prefix."""
    return {name: values[name] for name in _SHARED if values.get(name) is not None}


def reason_for_role(values: Options, *, pending: bool) -> str:
    """Return why the role must handle a host, empty if the fleet task can. pending: an earlier run left work to do."""
    reasons = (
        (pending, "an earlier run left work to do"),
        (set(values.get("stages") or ()) not in (set(), {"generate", "run", "register"}), "its stages run separately"),
        (values.get("repair"), "a repair is requested"),
        (values.get("audit_log"), "its runs are audited"),
        (values.get("break_lock"), "it breaks a lock"),
        (any(name in (values.get(INTEGRATION) or {}) for name in ("api_key_dest", "apiKeyDest")), "it has an API key to write"),
    )
    return next((text for applies, text in reasons if applies), "")


def calls_for(hosts: Iterable[Host], *, with_role: bool = False) -> list[Call]:
    """Return the calls that plan all hosts, in the order of the hosts. with_role: include the hosts that the role handles, in separate calls."""
    groups: dict[str, list[Host]] = {}
    for host in hosts:
        if host.kind and not host.problem and (with_role or not host.role_reason):
            groups.setdefault(json.dumps([host.tenant, host.shared, bool(host.role_reason)], sort_keys=True, default=str), []).append(host)
    return [Call(tuple(group)) for group in groups.values()]


def outcome_of(host: Host, item: Options | None, failure: str = "") -> dict[str, Any]:
    """Return the outcome of one host. item: its row in the module's plan. failure: why it has no row.

    Keys: done (nothing is left to do), idle (there was nothing to do), failed, changed, msg (one line), kind, and some keys of the item.
    """
    problem = host.problem or failure or (item or {}).get("error") or ""
    facts = {name: (item or {}).get(name) for name in ("key", "action", "changes", "id", "status", "healthy", "failed_tests", "owner", "needs_script")}
    needs_role = not problem and bool(host.role_reason or facts["needs_script"])
    return {
        **facts,
        "kind": host.kind,
        "changed": bool((item or {}).get("changed")) and not needs_role,
        "done": not problem and not needs_role,
        "idle": not problem and not needs_role and facts["action"] == "unchanged",
        "failed": bool(problem),
        "msg": f"{host.name}: {problem or _describe(facts, host.role_reason)}",
    }


def _describe(item: Options, role_reason: str) -> str:
    """Return what was planned or done for a host, as one line."""
    fields = [str(change["field"]) for change in item["changes"] or () if not change["secret"]]
    text = f"{item['action']}" + (f" ({', '.join(fields)})" if item["action"] == "updated" and fields else "")
    if item["needs_script"]:
        text = f"{PLANNED_TEXTS[str(item['action'])]}, with scripts on the warehouse"
    elif item["healthy"] is False:
        text = f"{text}, unhealthy: status {item['status']}"
    if role_reason:
        role_text = f"the role handles it, because {role_reason}"
        return f"{text}; {role_text}" if item["action"] else role_text
    return text


#: action -> its text while it is only planned
PLANNED_TEXTS = {"created": "to be registered", "updated": "to be updated", "deleted": "to be removed"}


def findings(platforms: Mapping[str, Options], unmanaged: Sequence[Options] | None) -> dict[str, Any]:
    """Return the findings of a drift check: host names by kind, and the unmanaged platforms. unmanaged: None if only a part of the fleet was read."""
    return {
        "drifted": [name for name, each in platforms.items() if each["action"] not in (None, "unchanged")],
        "unmanaged": None if unmanaged is None else list(unmanaged),
        "unhealthy": [name for name, each in platforms.items() if each["healthy"] is False],
        "owned": [name for name, each in platforms.items() if each["kind"] == INTEGRATION and each["owner"]],
        "failed_hosts": [name for name, each in platforms.items() if each["failed"]],
    }


def describe_findings(report: Options, kinds: Iterable[str]) -> str:
    """Return one sentence for each of these kinds of findings. Empty if the report has none of them."""
    sentences = []
    for title, key in (_TITLES[kind] for kind in kinds):
        names = [each if isinstance(each, str) else f"{each['kind']} {each['key']}" for each in report.get(key) or ()]
        if names:
            sentences.append(f"{title}: {names_of(names)}.")
    return " ".join(sentences)


def names_of(names: Sequence[str]) -> str:
    """Return the first names as one text, and how many more there are."""
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"{', '.join(names[:_MAX_NAMES])}{more}"


def table(platforms: Mapping[str, Options]) -> list[str]:
    """Return one line for each host that is changed, unhealthy, failed or not done, and a last line that counts the others."""
    lines = [str(each["msg"]) for each in platforms.values() if each["action"] != "unchanged" or each["failed"] or not each["done"] or each["healthy"] is False]
    rest = len(platforms) - len(lines)
    return [*lines, *([f"{rest} as {'it' if rest == 1 else 'they'} should be"] if rest else [])]
