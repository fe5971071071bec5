# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derives the options of every module that the role calls from its variables. Without I/O. The results contain secrets.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import OptionError
from .desired import DesiredState, desired_state_of
from .rotation import Rotation, rotation_of

Options = Mapping[str, Any]

MAIN, ROTATE, SYNC = ENTRIES = ("main", "rotate", "sync")
_WAIT = ("wait", "wait_timeout", "wait_interval")
_CHANGE_OPTIONS = ("state", "update_secrets", *_WAIT)


def module_options(values: Options, entry: str = MAIN) -> dict[str, Any]:
    """Return the options of each module.

    C(values) are the variables without their prefix. The keys are integration, connection and script (the options of
    M(community.immuta.immuta_integration), C(immuta_connection) and C(immuta_integration_script)), logins (C(admin), and C(system) with
    the new secret), statements (name -> options of C(immuta_sql_script)), sync (C(immuta_data_object_sync)).

    For invalid variables, all of them are empty, and M(community.immuta.immuta_platform_plan) reports the error.
    """
    found: dict[str, Any] = {"integration": {}, "connection": {}, "script": {}, "logins": {"admin": {}, "system": {}}, "statements": {"": {}}, "sync": {}}
    try:
        desired = desired_state_of(values)
        rotation = rotation_for(desired, values) if entry == ROTATE else None
    except OptionError:
        return found
    change = _change(values, rotating=rotation is not None)
    if desired.kind == "integration":
        found["integration"] = {**_without_none(values["integration"]), **change, "force_disable": desired.force, **_rotated("config", rotation)}
        found["script"] = {name: value for name, value in _without_none(values["integration"]).items() if name not in ("api_key_dest", "apiKeyDest")}
    else:
        found["connection"] = {**_connection(values["connection"], rotation), **change, **_rotated("connection", rotation)}
        found["script"] = {"connection": _connection(values["connection"], None)}
        found["sync"] = _sync(found["connection"], values)
    found["script"].update({f"review_{name}": values[f"artifacts_{name}"] for name in ("mode", "group") if values.get(f"artifacts_{name}")})
    found["logins"]["admin"] = {**desired.place.login, **_without_none(values.get("login", {}))}
    if rotation is not None:
        found["logins"]["system"] = rotation.login
        found["statements"].update({name: {"script": text} for name, text in rotation.statements.items()})
    return found


def _change(values: Options, *, rotating: bool) -> dict[str, Any]:
    """Return the options of a change that the modules share."""
    change = {name: values[name] for name in _CHANGE_OPTIONS if values.get(name) is not None}
    if rotating:
        return {**change, "state": "present", "update_secrets": "always"}
    return {**change, "update_secrets": "always"} if values.get("repair") else change


def _sync(connection: Options, values: Options) -> dict[str, Any]:
    key = connection.get("connection_key") or connection.get("connectionKey")
    return {"object_path": [key, *values.get("sync_path", ())], **{name: connection[name] for name in _WAIT if name in connection}}


def rotation_for(desired: DesiredState, values: Options) -> Rotation:
    """Return the rotation of this platform's secret. Raises OptionError if there is nothing to rotate."""
    base = values[desired.kind].get("config" if desired.kind == "integration" else "connection") or {}
    if desired.kind == "connection" and desired.place.host:
        # the host may be given only in the connection's integration, which a rotation omits
        base = {"hostname": desired.place.host, **{name: value for name, value in base.items() if name != "host"}}
    return rotation_of(desired.place, base, values, auto_bootstrap=desired.auto_bootstrap)


def rotated_platform(desired: DesiredState, values: Options, rotation: Rotation) -> dict[str, Any]:
    """Return the module options of the integration or connection with the new secret."""
    if desired.kind == "integration":
        return {**_without_none(values["integration"]), "config": rotation.config}
    return {**_connection(values["connection"], rotation), **_rotated("connection", rotation)}


def _rotated(part: str, rotation: Rotation | None) -> dict[str, Any]:
    return {part: rotation.config} if rotation else {}


def _connection(given: Options, rotation: Rotation | None) -> dict[str, Any]:
    """Return the connection without its settings, which come from the plan. A rotation also omits its integration, which cannot be edited."""
    left_out = ("settings", *(("native_integration", "nativeIntegration", "options") if rotation else ()))
    return {name: value for name, value in _without_none(given).items() if name not in left_out}


def _without_none(options: Options) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
