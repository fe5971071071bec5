# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of the modules for the Integrations API: from the options of a task to its result.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .._api.connections import Connections
from .._api.integrations import Integrations
from .._core.errors import AnswerLost, BadAnswer, ImmutaError, OptionError
from .._model.fields import normalise_host
from .._model.platforms import TRINO
from .._model.states import GONE
from .._plan.integration import Desired, desired, platform_of
from .._plan.plan import Plan
from .._reconcile.base import Settings, none_if_missing, reporting_changes
from .._reconcile.integration import IntegrationOutcome, Reconciler
from .._reconcile.outcome import masked
from .runtime import Task

Result = dict[str, Any]


def change_integration(task: Task) -> Result:
    """The module immuta_integration."""
    params = task.params
    if "api_key_dest" in params:
        task.check_writable(params["api_key_dest"], "api_key_dest")
    wanted = wanted_integration(task, params)
    if wanted is None:
        return IntegrationOutcome(Plan("unchanged")).as_result()
    reconciler = integration_reconciler(task)
    outcome = reconciler.absent(wanted) if params["state"] == "absent" else reconciler.present(wanted)
    if "api_key_dest" in params and outcome.plan.action == "created":
        _write_key(task, outcome.new_key)
    return outcome.as_result()


def list_integrations(task: Task) -> Result:
    """The module immuta_integration_info."""
    params = task.params
    found = [each for each in Integrations(task.session).list() if _matches_filters(each, params)]
    return {"changed": False, "integrations": [masked(each) for each in sorted(found, key=_by_id)]}


def rotate_api_key(task: Task) -> Result:
    """The module immuta_integration_api_key."""
    params = task.params
    dest = params["dest"]
    task.check_writable(dest)
    if os.path.exists(dest) and not params["force"]:
        return {"changed": False, "dest": dest}
    id = _trino_id(task)
    if task.check_mode:
        task.warn(f"The present API key of Trino integration {id} stops working as soon as there is a new one.")
        return {"changed": True, "dest": dest}
    try:
        with reporting_changes(None):
            key = Integrations(task.session).regenerate(id)
    except (AnswerLost, BadAnswer) as lost:
        lost.hint = "The old key may no longer work, and the new one is lost: run the task again with force."
        raise
    task.register_secrets(key)
    task.write_file(dest, key + "\n")
    return {"changed": True, "dest": dest}


# --- options -----------------------------------------------------------------------------------------------------


def wanted_integration(task: Task, params: Mapping[str, Any]) -> Desired | None:
    """Return the integration that the options describe, or None if no integration has the id. Raise OptionError if nothing identifies it.

    The tenant is asked only if the options give an id but no type.
    """
    type_name, found = params.get("type"), None
    if type_name is None:
        found = none_if_missing(lambda: Integrations(task.session).get(params["id"]))
        if found is None:
            return None
        type_name = str(found.get("type"))
    wanted = replace(desired(params, platform_of(type_name)), found=found)
    if wanted.platform.identity and not wanted.id and not wanted.key:
        option = f"config.{wanted.platform.identity}"
        raise OptionError(f"id or {option} is needed to find a {type_name} integration.", option=option)
    return wanted


def integration_reconciler(task: Task) -> Reconciler:
    settings = Settings.of(task.params, check_mode=task.check_mode)
    return Reconciler(Integrations(task.session), Connections(task.session), settings, warn=task.warn, mask=task.mask)


def _trino_id(task: Task) -> str:
    """Return the id of the Trino integration, of which a tenant has only one. Raise ImmutaError if there is none."""
    api = Integrations(task.session)
    if "id" in task.params:
        found = [api.get(task.params["id"])]
    else:
        found = [each for each in api.list() if each.get("type") == TRINO.type and each.get("status") not in GONE]
    if not found:
        raise ImmutaError("This tenant has no Trino integration.", hint="Register it with immuta_integration first.")
    if found[0].get("type") != TRINO.type:
        raise OptionError(f"Integration {found[0]['id']} is of type {found[0].get('type')}: only Trino integrations have an API key.", option="id")
    return str(found[0]["id"])


def _matches_filters(integration: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    config = integration.get("config") or {}
    hosts = {normalise_host(config[key]) for key in ("host", "workspaceUrl") if config.get(key)}
    return (
        params.get("id") in (None, str(integration.get("id")))
        and params.get("type") in (None, integration.get("type"))
        and ("host" not in params or normalise_host(params["host"]) in hosts)
    )


def _by_id(integration: Mapping[str, Any]) -> tuple[int, str]:
    """Return the sort key: numeric ids in their order, then all others."""
    id = str(integration.get("id"))
    return (int(id), "") if id.isdigit() else (2**63, id)


def _write_key(task: Task, key: str) -> None:
    if key:
        task.register_secrets(key)
        task.write_file(task.params["api_key_dest"], key + "\n")
    elif not task.check_mode:
        task.warn("Immuta's answer held no API key, so api_key_dest was not written. The key is on the app settings page of the tenant.")
