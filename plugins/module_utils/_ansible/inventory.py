# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the platforms of a tenant as inventory hosts with names and variables. The inventory plugin immuta uses it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._core.errors import Forbidden, NotFound
from .._fleet import names
from .._fleet.export import Exported, export_connection, export_integration
from .._fleet.snapshot import Snapshot
from .._http.session import Session
from .._model.fields import drop_redacted, normalise_host
from .._model.platforms import PLATFORMS
from .._model.states import is_healthy
from .._plan.connection import Observed
from .._reconcile.connection import healthy

Variables = dict[str, Any]
Warn = Callable[[str], None]

#: the two kinds of platforms: name in the option C(include) -> value of the variable C(immuta_kind)
KINDS = {"integrations": "integration", "connections": "connection"}

_PARALLEL_REQUESTS = 10
# The version of the cache format. A cache in another version is ignored.
_CACHE_FORMAT = 1
# The variables that identify a platform, regardless of its name.
_IDENTITY = ("immuta_url", "immuta_kind", "immuta_id", "immuta_connection_key")
_HOSTS = ("host", "workspaceUrl", "hostname")
_DATABASES = ("database", "catalog", "dataset")


# --- the platforms -----------------------------------------------------------------------------------------------


def read_platforms(session: Session, warn: Warn) -> list[Variables]:
    """Return the variables of each platform, without secrets, sorted by name: connections, and integrations without a connection.

    This takes one request for all integrations, one for the list of connections, and one per connection. Raise the errors of C(Session.request).
    """
    snapshot = Snapshot(session, at_once=_PARALLEL_REQUESTS, warn=warn)
    found = [*_integrations(snapshot), *_connections(snapshot, warn)]
    host_names = names.unique([each.host for each, _known in found], [each.suffix for each, _known in found])
    return sorted(({**known, "immuta_name": name} for (_each, known), name in zip(found, host_names)), key=lambda known: str(known["immuta_name"]))


def _integrations(snapshot: Snapshot) -> Iterator[tuple[Exported, Variables]]:
    """Yield each integration that no connection owns."""
    for found in snapshot.session.mask(list(snapshot.integrations)):
        if str(found.get("id")) not in snapshot.owners:
            exported = _exported(found)
            yield exported, _of_integration(found, exported)


def _exported(integration: Mapping[str, Any]) -> Exported:
    """Return the exported integration. If this collection does not know its type, return it without options."""
    type_name, id = str(integration.get("type") or ""), str(integration.get("id"))
    if type_name in PLATFORMS:
        return export_integration(integration)
    key = normalise_host(_first_value(integration.get("config") or {}, _HOSTS) or "") or id
    return Exported(KINDS["integrations"], key, {}, host=names.of_integration(type_name, key), suffix=names.suffix_of_integration(id))


def _connections(snapshot: Snapshot, warn: Warn) -> Iterator[tuple[Exported, Variables]]:
    """Yield each connection; none if the tenant has no connections or this user may not see them."""
    try:
        objects = snapshot.objects
    except NotFound:
        return
    except Forbidden as error:
        warn(f"{error.message} The inventory therefore lacks the connections, and lists their integrations as separate hosts.")
        return
    for key in objects:
        shown, refusal = snapshot.observed(key)
        if isinstance(refusal, Forbidden):
            warn(f"{refusal.message} The inventory therefore lists the integration of connection {key} as a separate host.")
        observed = Observed(*snapshot.session.mask([shown.answer, shown.object, shown.native]))
        exported = export_connection(key, observed)
        yield exported, _of_connection(key, observed, exported)


# --- the variables of a host -------------------------------------------------------------------------------------


def _of_integration(integration: Mapping[str, Any], exported: Exported) -> Variables:
    status = integration.get("status")
    known = _variables(exported.kind, str(integration.get("type") or ""), integration.get("config") or {})
    known.update(immuta_id=str(integration.get("id")), immuta_status=status, immuta_healthy=is_healthy(status))
    if exported.options:
        known["immuta_platform_integration"] = drop_redacted(exported.options)
    return known


def _of_connection(key: str, observed: Observed, exported: Exported) -> Variables:
    known = _variables(exported.kind, observed.technology.name, {**(observed.native.get("config") or {}), **observed.connection})
    known.update(immuta_connection_key=key, immuta_id=observed.native_id or None, immuta_owner=key if observed.native_id else None)
    known.update(immuta_status=observed.state or None, immuta_healthy=healthy(observed))
    known["immuta_platform_connection"] = drop_redacted(exported.options)
    return known


def _variables(kind: str, type_name: str, config: Mapping[str, Any]) -> Variables:
    """Return the variables that every host has; null if unknown."""
    place = _first_value(config, _HOSTS)
    return {
        "immuta_kind": kind,
        "immuta_type": type_name,
        "immuta_host": normalise_host(place) if place else None,
        "immuta_database": _first_value(config, _DATABASES),
        "immuta_connection_key": None,
        "immuta_owner": None,
    }


def _first_value(config: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((config[key] for key in keys if config.get(key)), None)


# --- names, filters, cache ---------------------------------------------------------------------------------------


def unique_names(wanted: Sequence[str], platforms: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the host names in the same order. A name that is not unique gets the platform's own suffix. wanted: the names to make unique."""
    keys = [(each["immuta_connection_key"], str(each["immuta_id"])) for each in platforms]
    return names.unique(wanted, [names.suffix_of_integration(id) if key is None else names.suffix_of_connection(key) for key, id in keys])


def is_other_platform(existing: Mapping[str, Any], platform: Mapping[str, Any]) -> bool:
    """Return whether an existing inventory host is a platform other than this one. A host without C(immuta_kind) is not a platform."""
    return "immuta_kind" in existing and any(existing.get(name) != platform.get(name) for name in _IDENTITY)


def matches_filters(platform: Mapping[str, Any], include: Collection[str], types: Collection[str], statuses: Collection[str]) -> bool:
    """Return whether the platform matches the filters. Case is ignored, and an empty list matches all."""
    kinds = {KINDS[name] for name in include}
    pairs = ((types, platform["immuta_type"]), (statuses, platform["immuta_status"]))
    return platform["immuta_kind"] in kinds and all(not wanted or str(actual or "").lower() in {each.lower() for each in wanted} for wanted, actual in pairs)


def to_cache(url: str, platforms: Sequence[Variables]) -> str:
    """Return the platforms as text for the cache. It is JSON, so that the cache does not interpret strings of the tenant."""
    return json.dumps({"form": _CACHE_FORMAT, "url": url, "platforms": platforms})


def from_cache(cached: Any, url: str) -> list[Variables] | None:
    """Return the cached platforms of this tenant; None if the cache holds anything else."""
    try:
        found = json.loads(cached)
    except (TypeError, ValueError):
        return None
    if not isinstance(found, dict) or (found.get("form"), found.get("url")) != (_CACHE_FORMAT, url):
        return None
    platforms: list[Variables] = found["platforms"]
    return platforms
