# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the module for scripts: it writes a script of the tenant to files and returns a description of it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._api.integrations import Integrations
from .._core.errors import ApiError, ImmutaError, OptionError
from .._model.platforms import PLATFORMS, Platform
from .._plan.connection import script_options
from .._plan.integration import Desired, check_complete, plan_create, plan_update
from .._plan.plan import Policy
from .._sql.classify import describe
from .._sql.masker import mask_literals
from .._sql.splitter import split
from .._sql.tokenizer import DIALECT_OF
from .integration_tasks import integration_reconciler, wanted_integration
from .runtime import Task

Result = dict[str, Any]

#: statuses with which a tenant refuses a script that it may generate later
RETRYABLE_STATUSES = (400, 409, 422)

_NATIVE = "connection.native_integration"
_ID_HINT = "immuta_connection and immuta_connection_info return it as native_integration_id."

#: scripts of a registered integration; the others are generated from settings alone
SCRIPTS_OF_REGISTERED = ("edit", "delete")


def make_script(task: Task) -> Result:
    """The module immuta_integration_script."""
    params = task.params
    for name in ("dest", "review_dest"):
        if name in params:
            task.check_writable(params[name], name)
    try:
        wanted = _integration_for_script(task)
        script = _script(task, params["action"], wanted)
    except OptionError as error:
        if task.check_mode and params["pending_ok"] and error.is_missing_secret:
            return {"changed": False, "pending": True, "reason": error.message}
        if "connection" in params:
            _use_connection_path(error)
        raise
    except ApiError as error:
        if not params["pending_ok"] or error.status not in RETRYABLE_STATUSES:
            raise
        return {"changed": False, "pending": True, "reason": error.message}
    return _write_script(task, script, wanted.platform)


def _integration_for_script(task: Task) -> Desired:
    """Return the integration of the script. Raise OptionError if it cannot have such a script, ImmutaError if it does not exist."""
    params = _of_connection(task.params) if "connection" in task.params else task.params
    if params.get("auto_bootstrap"):
        raise OptionError("auto_bootstrap must be false: Immuta generates scripts only for platforms that you set up yourself.", option="auto_bootstrap")
    wanted = wanted_integration(task, params)
    if wanted is None:
        raise ImmutaError(f"There is no integration with id {params['id']}.", hint="immuta_integration_info lists the integrations.", option="id")
    _check_script(params["action"], wanted.platform)
    return replace(wanted, auto_bootstrap=False)


def _of_connection(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the integration of the task's connection. Raise OptionError for a script that it cannot have."""
    connection, action = params["connection"], params["action"]
    integration = script_options(connection)
    if integration["type"] not in PLATFORMS:
        raise OptionError(f"Immuta generates no scripts for a {integration['type']} connection.", option="type")
    if action == "edit":
        raise OptionError("action edit is not possible: Immuta cannot edit the integration of a connection.", option="action")
    if action == "delete":
        if "id" not in params:
            raise OptionError("id is needed: the delete script belongs to the integration of the connection.", option="id", hint=_ID_HINT)
        del integration["config"]
    automatic = (connection.get("native_integration") or {}).get("auto_bootstrap")
    return {**params, **integration, "auto_bootstrap": params.get("auto_bootstrap") or automatic}


def _use_connection_path(error: OptionError) -> None:
    """Change the option path in an error about an integration to the path below connection, as the task sets it."""
    option = str(error.facts["option"])
    place = {"connection": "connection", "config": _NATIVE, "type": _NATIVE, "auto_bootstrap": _NATIVE}.get(option.split(".", maxsplit=1)[0])
    if place:
        error.facts["option"] = f"{place}.{option}"
        error.hint = f"In this task that is {place}.{option}."


def _check_script(action: str, platform: Platform) -> None:
    if action not in platform.scripts:
        known = ", ".join(platform.scripts) or "none"
        raise OptionError(
            f"action {action} is not possible: Immuta generates no such script for a {platform.type} integration.",
            option="action",
            hint=f"Scripts of this type: {known}.",
        )


def _script(task: Task, action: str, wanted: Desired) -> str:
    """Return the script. Its payload is the same document as in the request for the integration."""
    if action not in SCRIPTS_OF_REGISTERED:
        check_complete(wanted)
        return Integrations(task.session).script(action, payload=plan_create(wanted, Policy()).payload)
    observed = integration_reconciler(task).find(wanted)
    if observed is None:
        raise ImmutaError(f"{wanted.name} is not registered, so there is nothing to {action}.", hint="If its registration failed, use cleanup.")
    id = str(observed.get("id"))
    if action == "delete":
        return Integrations(task.session).script(action, id=id)
    if observed.get("autoBootstrap"):
        raise ImmutaError(
            f"Immuta generates no edit script for integration {id}, because it set up the platform itself.", hint="Update the integration without a script."
        )
    plan = plan_update(wanted, observed, Policy(), forced="an edit script is requested")
    return Integrations(task.session).script(action, id=id, payload=plan.payload)


def _write_script(task: Task, script: str, platform: Platform) -> Result:
    dialect = DIALECT_OF[platform.type]
    statements = split(script, dialect)
    checksum = hashlib.sha256(script.encode("utf-8")).hexdigest()
    dest = task.params["dest"]
    before = _checksum(dest)
    changed = task.write_file(dest, script)
    if "review_dest" in task.params:
        shared = {name: task.params[f"review_{name}"] for name in ("mode", "group") if task.params.get(f"review_{name}")}
        changed = task.write_file(task.params["review_dest"], mask_literals(script, dialect), attributes=shared) or changed
    return {
        "changed": changed,
        "pending": False,
        "dest": dest,
        "checksum": checksum,
        "statement_count": len(statements),
        "statements": describe(statements, dialect),
        "diff": {"before": {"checksum": before}, "after": {"checksum": checksum}},
    }


def _checksum(path: str) -> str | None:
    try:
        with open(path, "rb") as stream:
            return hashlib.sha256(stream.read()).hexdigest()
    except FileNotFoundError:
        return None
