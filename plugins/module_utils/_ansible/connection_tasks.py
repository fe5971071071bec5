# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the modules for the Connections API: from the options of a task to its result.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._api.connections import Connections, none_if_unsupported, object_path_of
from .._api.integrations import Integrations
from .._core.errors import ApiError, Forbidden, OptionError, Unauthorized
from .._model.states import connection_state, is_connection_healthy
from .._plan.connection import wanted_connection, wanted_settings
from .._reconcile.base import Settings, none_if_missing
from .._reconcile.connection import ConnectionReconciler
from .._reconcile.outcome import masked, plan_as_result
from .runtime import Task

Result = dict[str, Any]


def change_connection(task: Task) -> Result:
    """The module immuta_connection."""
    params = task.params
    check_names([params["connection_key"]], "connection_key")
    reconciler = _reconciler(task)
    if params["state"] == "absent":
        return reconciler.absent(params["connection_key"]).as_result()
    return reconciler.present(wanted_connection(params)).as_result()


def list_connections(task: Task) -> Result:
    """The module immuta_connection_info."""
    api, key = Connections(task.session), task.params.get("connection_key")
    if key is None:
        objects = _reconciler(task).descendants((), 1)
    else:
        check_names([key], "connection_key")
        found = none_if_missing(lambda: api.object([key]))
        objects = [] if found is None else [{**found, "objectPath": [key]}]
    return {"changed": False, "connections": [_connection(api, object, preview=task.params["preview"]) for object in sorted(objects, key=object_path_of)]}


def change_object(task: Task) -> Result:
    """The module immuta_data_object."""
    plan, object = _reconciler(task).settings(_path(task), wanted_settings(task.params))
    return {**plan_as_result(plan), "object": object}


def list_objects(task: Task) -> Result:
    """The module immuta_data_object_info."""
    params, reconciler = task.params, _reconciler(task)
    path, depth = params.get("object_path") or [], params["depth"]
    if depth < 0:
        raise OptionError("depth must be at least 0.", option="depth")
    if path:
        own = none_if_missing(lambda: Connections(task.session).object(_path(task)))
        objects = [own, *reconciler.descendants(path, depth)] if own else []
    else:
        objects = reconciler.descendants((), depth + 1)
    return {"changed": False, "objects": [each for each in sorted(objects, key=object_path_of) if _matches_filters(each, params)]}


def sync_object(task: Task) -> Result:
    """The module immuta_data_object_sync."""
    return {"changed": True, "jobs": _reconciler(task).sync(_path(task))}


def _reconciler(task: Task) -> ConnectionReconciler:
    settings = Settings.of(task.params, check_mode=task.check_mode)
    return ConnectionReconciler(Integrations(task.session), Connections(task.session), settings, warn=task.warn, mask=task.mask)


def _path(task: Task) -> list[str]:
    path: list[str] = task.params["object_path"]
    if not path:
        raise OptionError("object_path is empty.", option="object_path", hint="The path begins with the key of a connection.")
    check_names(path, "object_path")
    return path


def check_names(names: list[str], option: str) -> None:
    """Raise OptionError for a name that would change the path of a request (empty or dots)."""
    for name in names:
        if name in ("", ".", ".."):
            raise OptionError(f"{name!r} is not the name of an object.", option=option)


def _connection(api: Connections, object: Mapping[str, Any], *, preview: bool) -> dict[str, Any]:
    """Return a connection with its object. For many technologies the API shows only the object."""
    key = object_path_of(object)[0]
    shown = _none_if_hidden(lambda: api.get(key)) or {"connectionKey": key, "connection": {"technology": object.get("technology")}}
    newer = {"preview": _none_if_hidden(lambda: api.preview(key), (Forbidden, Unauthorized)) or {}} if preview else {}
    health = is_connection_healthy(connection_state(object, shown, *newer.values()))
    return {**masked({**shown, "object": dict(object), **newer}), "healthy": health}


def _none_if_hidden(ask: Callable[[], dict[str, Any]], refusals: tuple[type[ApiError], ...] = (Forbidden,)) -> dict[str, Any] | None:
    """Return the result of C(ask), or None if the tenant does not support it or this user has no permission."""
    try:
        return none_if_unsupported(ask)
    except refusals:
        return None


def _matches_filters(object: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    filters = ((params.get(name), object.get(name)) for name in ("technology", "state"))
    return all(wanted is None or str(wanted).lower() == str(actual or "").lower() for wanted, actual in filters)
