# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a play as items of a fleet, and the report on them. Runs on the controller; the action plugin immuta_fleet uses it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .._core.lock import new_run
from .._fleet.hosts import Call, Host, findings, names_of, outcome_of, reason_for_role, shared_of, table
from .._fleet.items import CONNECTION, items_of
from .._fleet.plan import checksum, steps_of
from .._platform.desired import desired_state_of
from .._platform.folder import Folder
from .._platform.platform_lock import PlatformLock
from .platform_ask import normalized_options
from .platform_run import refuse_problems, refuse_two_tenants
from .tenant import tenant_or_none, tenant_url
from .variables import Evaluation

Options = Mapping[str, Any]

#: the version of the report format; immuta_report rejects unknown versions
FORMAT = 1


def host_of(name: str, variables: Evaluation, *, home: str, state: str | None) -> Host:
    """Return one host. If its variables are wrong, it gets a problem instead of an item.

    variables: its evaluated variables. home: the home folder of Ansible. state: replaces the state in its variables.
    """
    values = {**variables.values, **({"state": state} if state else {})}
    host = Host(name, tenant=variables.tenant, shared=shared_of(values))
    try:
        refuse_problems({"problems": variables.problems, "undefined": variables.undefined})
        refuse_two_tenants(variables.tenant)
        desired = desired_state_of(values)
        folder = Folder.of(desired, values, artifacts=desired.artifacts, home=home, name=name, writes=True)
        lock = PlatformLock.of(desired, folder, home=home, name=name, tenant=tenant_or_none(variables.tenant))
        role_reason = reason_for_role(values, pending=_is_pending(folder))
        options = {**normalized_options(desired.kind, values[desired.kind]), "state": desired.state}
        options.pop("api_key_dest", None)  # the role writes the API key
        forced = {"force_disable": desired.force} if desired.kind == "integration" else {}
        return replace(host, kind=desired.kind, lock=lock, role_reason=role_reason, options={**options, **forced})
    except ImmutaError as error:
        return replace(host, problem=str(error))


def mark_duplicates(hosts: Sequence[Host]) -> list[Host]:
    """Return the hosts. Hosts that describe the same platform get a problem; the others stay unchanged."""
    names: dict[tuple[str | None, str, str], list[str]] = defaultdict(list)
    platforms = {host.name: (_address(host.tenant), host.kind, _key_of(host)) for host in hosts if host.kind and not host.problem}
    for name, platform in platforms.items():
        names[platform].append(name)
    return [_with_duplicate_problem(host, names[platforms[host.name]]) if host.name in platforms else host for host in hosts]


@contextmanager
def locked(hosts: Sequence[Host]) -> Iterator[list[Host]]:
    """Hold the locks of the platforms that a fleet task applies. Yield the hosts; those at which another run is at work get a problem."""
    # One id for all of them, so that one break_lock breaks what a killed task left
    run, taken = new_run(), dict[tuple[Path, ...], tuple[PlatformLock, str]]()
    try:
        yield [_with_lock(host, run, taken) for host in hosts]
    finally:
        for lock, lock_id in taken.values():
            lock.release(lock_id)


def _with_lock(host: Host, run: Options, taken: dict[tuple[Path, ...], tuple[PlatformLock, str]]) -> Host:
    """Take the lock of the host's platform, unless the role takes it later or another host of this task has it: two tenants can share a warehouse."""
    if host.lock is not None and not host.problem and not host.role_reason and host.lock.files not in taken:
        try:
            taken[host.lock.files] = host.lock, host.lock.take(run=run)
        except ImmutaError as error:
            return replace(host, problem=str(error))
    return host


def describe_other_runs(hosts: Sequence[Host]) -> str:
    """Return a warning that names the hosts at which another run is at work; empty if there are none."""
    names = names_of([host.name for host in hosts if host.lock is not None and host.lock.other_run()])
    return f"Another run is at work on {names}. This report may be out of date." if names else ""


def _key_of(host: Host) -> str:
    """Return the identity of the host's platform within its tenant and kind."""
    (item,) = items_of(host.kind, [host.options])
    return item.key if host.kind == CONNECTION else f"{host.options.get('type')} {item.key}"


def _with_duplicate_problem(host: Host, names: Sequence[str]) -> Host:
    """Return the host, with a problem if its platform has several hosts. names: the hosts of its platform."""
    if len(names) == 1:
        return host
    others = ", ".join(name for name in names if name != host.name)
    problem = f"It describes the {host.kind} {_key_of(host)}, and so does {others}. Nothing was sent for it. Keep one host for each platform."
    return replace(host, problem=problem)


def _is_pending(folder: Folder) -> bool:
    """Return whether an earlier run left work to do, or left a summary that cannot be read."""
    if not folder.path.is_dir():
        return False
    try:
        summary = folder.read_summary()
    except ImmutaError:
        return True
    return any(folder.path.iterdir()) if summary is None else summary.state != "done"


def report_of(hosts: Sequence[Host], answers: Sequence[tuple[Call, Options]], *, whole: bool) -> dict[str, Any]:
    """Return the report on all hosts, with the keys that the module C(immuta_fleet) documents.

    answers: each call with the result of the module. whole: the hosts are the whole inventory, so that platforms without a host are unmanaged.
    If the variables of any host are wrong, the unmanaged platforms are unknown.
    """
    whole = whole and not any(host.problem for host in hosts)
    items: dict[str, Options] = {}
    failures: dict[str, str] = {}
    tenants: list[dict[str, Any]] = []
    unmanaged: dict[str | None, list[dict[str, Any]]] = {}
    for call, answer in answers:
        plan = answer.get("plan") or []
        tenant = answer.get("tenant") or tenant_or_none(call.tenant)
        items.update({str(item["name"]): {**item, "tenant": tenant} for item in plan})
        failures.update({host.name: str(answer.get("msg") or "It was not planned.") for host in call.hosts if host.name not in items})
        error = answer.get("msg") if answer.get("failed") and not plan else None
        tenants.append({"tenant": tenant, "error": error, **{name: answer.get(name) for name in ("plan_sha256", "summary")}})
        found = [{"tenant": tenant, **each} for each in answer.get("unmanaged") or []]
        # each call lists the platforms of other calls as unmanaged, so only those that all calls on this tenant list are unmanaged
        address = _address(call.tenant)
        unmanaged[address] = [each for each in found if each in unmanaged.get(address, found)]
    tenant_names = {host.name: items[host.name]["tenant"] if host.name in items else tenant_or_none(host.tenant) for host in hosts}
    platforms = {host.name: {**outcome_of(host, items.get(host.name), failures.get(host.name, "")), "tenant": tenant_names[host.name]} for host in hosts}
    # hosts that the role handles are part of the plan, although their changes are still unknown
    steps = steps_of([*items.values(), *({"kind": host.kind, "key": host.name, "action": "role", "needs_script": True} for host in hosts if host.role_reason)])
    return {
        "format": FORMAT,
        "plan": steps,
        "plan_sha256": checksum(steps),
        "tenants": tenants,
        "platforms": platforms,
        "table": table(platforms),
        **findings(platforms, [each for found in unmanaged.values() for each in found] if whole else None),
    }


def _address(options: Options) -> str | None:
    """Return the URL of the tenant, which identifies it; None if it is wrong."""
    try:
        return tenant_url(options)
    except OptionError:
        return None
