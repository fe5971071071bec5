# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the modules immuta_tenant and immuta_tenant_info.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .._fleet.export import Exported, export_connection, export_integration, unique
from .._fleet.fleet import Fleet, Rules
from .._fleet.items import CONNECTION, INTEGRATION, Item, items_of
from .._fleet.plan import summary_of
from .._fleet.snapshot import Snapshot
from .._model.platforms import PLATFORMS
from .._reconcile.base import Settings
from .connection_tasks import check_names
from .export_files import as_inventory, as_lists
from .runtime import Task
from .tenant import tenant_of

Result = dict[str, Any]

#: the number of items that the message of a failure names; the result lists all of them
_MAX_NAMED = 20


def change_tenant(task: Task) -> Result:
    """Return the result of immuta_tenant. Raise ImmutaError if any item failed or the whole task must stop."""
    fleet = _fleet(task)
    fleet.run()
    for item in fleet.items:
        for text in item.warnings:
            task.warn(f"{item.label}: {text}")
    result = _result(fleet)
    failed = [item for item in fleet.items if item.error]
    if failed:
        raise _failure(failed, len(fleet.items), result)
    return result


def export_tenant(task: Task) -> Result:
    """Return the result of immuta_tenant_info. Write dest if it is set."""
    params = task.params
    dest = params.get("dest", "")
    if dest and params["layout"] == "lists":
        task.check_writable(dest)
    exported = unique(list(_export(task)))
    changed = bool(dest) and _write(task, dest, exported)
    lists = {f"{kind}s": [each.options for each in exported if each.kind == kind] for kind in (INTEGRATION, CONNECTION)}
    return {"changed": changed, **lists, "vault_names": [name for each in exported for name in each.vault], **({"dest": dest} if dest else {})}


def _write(task: Task, dest: str, exported: Sequence[Exported]) -> bool:
    """Write the export to dest, and return whether any file changed."""
    tenant = tenant_of(task.params)
    if task.params["layout"] == "lists":
        return task.write_file(dest, as_lists(exported, tenant))
    files = as_inventory({each.host: each for each in exported}, tenant)
    folders = {os.path.dirname(os.path.join(dest, path)) for path in files}
    for folder in sorted(folders) if not task.check_mode else ():
        os.makedirs(folder, mode=0o700, exist_ok=True)
    changed = [path for path, text in files.items() if task.write_file(os.path.join(dest, path), text)]
    return bool(changed)


def _export(task: Task) -> Iterator[Exported]:
    """Yield the integrations that no connection owns, then the connections."""
    snapshot = Snapshot(task.session, at_once=task.params["concurrency"], warn=task.warn)
    for found in snapshot.integrations:
        if str(found.get("type")) not in PLATFORMS:
            task.warn(f"Integration {found.get('id')} was not exported, because this collection does not support its type, {found.get('type')}.")
        elif str(found.get("id")) not in snapshot.owners:
            yield export_integration(found)
    for key in snapshot.known_objects():
        observed, refusal = snapshot.observed(key)
        if refusal:
            task.warn(f"{refusal.message} The export of connection {key} therefore lacks its settings.")
        yield export_connection(key, observed)


def _fleet(task: Task) -> Fleet:
    params = task.params
    lists = {kind: params[f"{kind}s"] for kind in (INTEGRATION, CONNECTION) if f"{kind}s" in params}
    if params["concurrency"] < 1:
        raise OptionError("concurrency must be at least 1.", option="concurrency")
    if params["prune"] and not lists:
        raise OptionError("prune is set without a list to compare the tenant with. Set integrations, connections, or both.", option="prune")
    items = [item for kind, listed in lists.items() for item in items_of(kind, listed)]
    check_names([item.key for item in items if item.kind == CONNECTION], "connections.connection_key")
    rules = Rules(
        kinds=frozenset(lists),
        at_once=params["concurrency"],
        stop=params["on_error"] == "stop",
        prune=params["prune"],
        prune_empty=params["prune_empty"],
        prune_max=params["prune_max"],
        expected_plan=params.get("expected_plan"),
    )
    return Fleet(task.session, items, Settings.of(params, check_mode=task.check_mode), rules, warn=task.warn, mask=task.mask)


def _result(fleet: Fleet) -> Result:
    changed = [item for item in fleet.items if item.changed]
    return {
        "changed": bool(changed),
        "plan": [item.as_result() for item in fleet.items],
        "plan_sha256": fleet.plan_sha256,
        "unmanaged": fleet.unmanaged,
        "summary": summary_of(fleet.items),
        "diff": {side: {item.label: getattr(item.outcome.plan, side) for item in changed if item.outcome} for side in ("before", "after")},
    }


def _failure(failed: list[Item], total: int, result: Result) -> ImmutaError:
    messages = [f"{item.label}: {item.error}" for item in failed[:_MAX_NAMED]]
    more = f" {len(failed) - _MAX_NAMED} more failed; see plan in the result." if len(failed) > _MAX_NAMED else ""
    return ImmutaError(f"{len(failed)} of {total} items failed. {' '.join(messages)}{more}", **result)
