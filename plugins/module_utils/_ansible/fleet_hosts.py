# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play, from their variables to items of a fleet, and from what came of the items to a report. On the controller.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .._fleet.hosts import Call, Host, findings, outcome_of, reason_for_role, shared_of, table
from .._fleet.items import CONNECTION, items_of
from .._fleet.plan import checksum, steps_of
from .._platform.desired import desired_state_of
from .._platform.folder import Folder
from .platform_ask import normalized_options
from .platform_run import refuse_problems, refuse_two_tenants
from .tenant import tenant_of, tenant_url
from .variables import Evaluation

Options = Mapping[str, Any]

#: of the format of a report; a reader refuses one that it does not know
FORMAT = 1


def host_of(name: str, found: Evaluation, *, home: str, state: str | None) -> Host:
    """One host. state: goes before the host's own variable. A variable that is wrong is the problem of this host alone."""
    values = {**found.values, **({"state": state} if state else {})}
    host = Host(name, tenant=found.tenant, shared=shared_of(values))
    try:
        refuse_problems({"problems": found.problems, "undefined": found.undefined})
        refuse_two_tenants(found.tenant)
        desired = desired_state_of(values)
        folder = Folder(Folder.path_for(desired.artifacts, home, name, desired.identity), desired.place.type, writes=False)
        role = reason_for_role(values, pending=_is_pending(folder))
        options = {**normalized_options(desired.kind, values[desired.kind]), "state": desired.state}
        options.pop("api_key_dest", None)  # the role's business
        forced = {"force_disable": desired.force} if desired.kind == "integration" else {}
        return replace(host, kind=desired.kind, role=role, options={**options, **forced})
    except ImmutaError as error:
        return replace(host, problem=str(error))


def apart(hosts: Sequence[Host]) -> list[Host]:
    """The hosts. Where several are about one platform, that is the problem of these alone."""
    names: dict[tuple[str | None, str, str], list[str]] = defaultdict(list)
    about = {host.name: (_address(host.tenant), host.kind, _key_of(host)) for host in hosts if host.kind and not host.problem}
    for name, platform in about.items():
        names[platform].append(name)
    return [_with_twins(host, names[about[host.name]]) if host.name in about else host for host in hosts]


def _key_of(host: Host) -> str:
    """What tells its platform from others of its kind."""
    (item,) = items_of(host.kind, [host.options])
    return item.key if host.kind == CONNECTION else f"{host.options.get('type')} {item.key}"


def _with_twins(host: Host, names: Sequence[str]) -> Host:
    if len(names) == 1:
        return host
    others = ", ".join(name for name in names if name != host.name)
    return replace(host, problem=f"It is about the {host.kind} {_key_of(host)}, and so is {others}. Nothing was sent for it. Leave one host for each platform.")


def _is_pending(folder: Folder) -> bool:
    """Whether an earlier run left something that a later one has to finish, or cannot be read."""
    if not folder.path.is_dir():
        return False
    try:
        summary = folder.read_summary()
    except ImmutaError:
        return True
    return any(folder.path.iterdir()) if summary is None else summary.state != "done"


def report_of(hosts: Sequence[Host], answers: Sequence[tuple[Call, Options]], *, whole: bool) -> dict[str, Any]:
    """What came of all hosts.

    whole: no host of the inventory is left out, so what no host is about is managed by nobody. That cannot be told while the variables
    of any host are wrong. The keys are those that the module C(immuta_fleet) documents.
    """
    whole = whole and not any(host.problem for host in hosts)
    items: dict[str, Options] = {}
    failures: dict[str, str] = {}
    tenants: list[dict[str, Any]] = []
    strange: dict[str | None, list[dict[str, Any]]] = {}
    for call, answer in answers:
        plan = answer.get("plan") or []
        tenant = answer.get("tenant") or _tenant(call.tenant)
        items.update({str(item["name"]): {**item, "tenant": tenant} for item in plan})
        failures.update({host.name: str(answer.get("msg") or "It was not planned.") for host in call.hosts if host.name not in items})
        error = answer.get("msg") if answer.get("failed") and not plan else None
        tenants.append({"tenant": tenant, "error": error, **{name: answer.get(name) for name in ("plan_sha256", "summary")}})
        found = [{"tenant": tenant, **each} for each in answer.get("unmanaged") or []]
        # a call knows its own hosts alone
        where = _address(call.tenant)
        strange[where] = [each for each in found if each in strange.get(where, found)]
    named = {host.name: items[host.name]["tenant"] if host.name in items else _tenant(host.tenant) for host in hosts}
    platforms = {host.name: {**outcome_of(host, items.get(host.name), failures.get(host.name, "")), "tenant": named[host.name]} for host in hosts}
    # hosts that the role handles are part of the plan, although their changes are still unknown
    steps = steps_of([*items.values(), *({"kind": host.kind, "key": host.name, "action": "role", "needs_script": True} for host in hosts if host.role)])
    return {
        "format": FORMAT,
        "plan": steps,
        "plan_sha256": checksum(steps),
        "tenants": tenants,
        "platforms": platforms,
        "table": table(platforms),
        **findings(platforms, [each for found in strange.values() for each in found] if whole else None),
    }


def _tenant(options: Options) -> str | None:
    try:
        return tenant_of(options)
    except OptionError:
        return None


def _address(options: Options) -> str | None:
    """What tells one tenant from another."""
    try:
        return tenant_url(options)
    except OptionError:
        return None
