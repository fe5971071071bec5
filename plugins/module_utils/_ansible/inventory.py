# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms of a tenant as hosts of an inventory: what is there, what a host knows of it, and how it is called.

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

#: the two kinds of platforms, as the option C(include) names them -> as the variable C(immuta_kind) does
KINDS = {"integrations": "integration", "connections": "connection"}

_AT_ONCE = 10
# What a cache holds is of this form; another one is read anew.
_FORM = 1
# What tells one platform from another, whatever it is called.
_IDENTITY = ("immuta_url", "immuta_kind", "immuta_id", "immuta_connection_key")
_HOSTS = ("host", "workspaceUrl", "hostname")
_DATABASES = ("database", "catalog", "dataset")


# --- what is there -----------------------------------------------------------------------------------------------


def platforms_of(session: Session, warn: Warn) -> list[Variables]:
    """What is known of each platform, without secrets, by its name: integrations that stand alone, and connections.

    One request for all integrations, one for the list of connections, and one for each of them. Raises what C(Session.request) raises.
    """
    snapshot = Snapshot(session, at_once=_AT_ONCE, warn=warn)
    found = [*_integrations(snapshot), *_connections(snapshot, warn)]
    own = names.unique([each.host for each, _known in found], [each.mark for each, _known in found])
    return sorted(({**known, "immuta_name": name} for (_each, known), name in zip(found, own)), key=lambda known: str(known["immuta_name"]))


def _integrations(snapshot: Snapshot) -> Iterator[tuple[Exported, Variables]]:
    """Each integration that no connection owns."""
    for found in snapshot.session.mask(list(snapshot.integrations)):
        if str(found.get("id")) not in snapshot.owners:
            exported = _exported(found)
            yield exported, _of_integration(found, exported)


def _exported(integration: Mapping[str, Any]) -> Exported:
    """The integration as an export has it; of one that the tables do not know nothing but its name."""
    type_name, id = str(integration.get("type") or ""), str(integration.get("id"))
    if type_name in PLATFORMS:
        return export_integration(integration)
    key = normalise_host(_first(integration.get("config") or {}, _HOSTS) or "") or id
    return Exported(KINDS["integrations"], key, {}, host=names.of_integration(type_name, key), mark=names.mark_of_integration(id))


def _connections(snapshot: Snapshot, warn: Warn) -> Iterator[tuple[Exported, Variables]]:
    """Each connection; none on a tenant that has no connections, or does not show them to this user."""
    try:
        objects = snapshot.objects
    except NotFound:
        return
    except Forbidden as error:
        warn(f"{error.message} So there are no connections among the hosts, and the integrations behind them are hosts of their own.")
        return
    for key in objects:
        shown, refusal = snapshot.observed(key)
        if isinstance(refusal, Forbidden):
            warn(f"{refusal.message} So the integration behind connection {key} is a host of its own.")
        observed = Observed(*snapshot.session.mask([shown.answer, shown.object, shown.native]))
        exported = export_connection(key, observed)
        yield exported, _of_connection(key, observed, exported)


# --- what a host knows -------------------------------------------------------------------------------------------


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
    """The variables that every host has; those that are not known here are null."""
    place = _first(config, _HOSTS)
    return {
        "immuta_kind": kind,
        "immuta_type": type_name,
        "immuta_host": normalise_host(place) if place else None,
        "immuta_database": _first(config, _DATABASES),
        "immuta_connection_key": None,
        "immuta_owner": None,
    }


def _first(config: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((config[key] for key in keys if config.get(key)), None)


# --- which are asked for, which are in the way, which were kept --------------------------------------------------


def told_apart(called: Sequence[str], platforms: Sequence[Mapping[str, Any]]) -> list[str]:
    """These names of the platforms, in the same order, each once."""
    keys = [(each["immuta_connection_key"], str(each["immuta_id"])) for each in platforms]
    return names.unique(called, [names.mark_of_integration(id) if key is None else names.mark_of_connection(key) for key, id in keys])


def is_another(there: Mapping[str, Any], platform: Mapping[str, Any]) -> bool:
    """Whether a host that is in the inventory already is another platform; one that is none may be anything."""
    return "immuta_kind" in there and any(there.get(name) != platform.get(name) for name in _IDENTITY)


def is_asked_for(platform: Mapping[str, Any], include: Collection[str], types: Collection[str], statuses: Collection[str]) -> bool:
    """Whether the options ask for this platform. Case does not matter, and an empty list asks for all."""
    kinds = {KINDS[name] for name in include}
    pairs = ((types, platform["immuta_type"]), (statuses, platform["immuta_status"]))
    return platform["immuta_kind"] in kinds and all(not asked or str(here or "").lower() in {each.lower() for each in asked} for asked, here in pairs)


def packed(url: str, platforms: Sequence[Variables]) -> str:
    """What a cache keeps: a text, so that nothing that the tenant says can mean anything to the cache."""
    return json.dumps({"form": _FORM, "url": url, "platforms": platforms})


def unpacked(kept: Any, url: str) -> list[Variables] | None:
    """What was kept of this tenant; None for anything else."""
    try:
        found = json.loads(kept)
    except (TypeError, ValueError):
        return None
    if not isinstance(found, dict) or (found.get("form"), found.get("url")) != (_FORM, url):
        return None
    platforms: list[Variables] = found["platforms"]
    return platforms
