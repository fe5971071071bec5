# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for one platform: computed from the tenant's data without waiting, writing or validating.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._api.connections import Connections
from .._api.integrations import Integrations
from .._core.errors import OptionError
from .._model.fields import prune
from .._model.specs import CONNECTION, INTEGRATION
from .._model.states import TRANSIENT
from .._plan.connection import wanted_connection
from .._plan.integration import desired, platform_of
from .._platform.desired import DesiredState
from .._platform.flow import Answer
from .._platform.variables import PREFIX
from .._reconcile.base import Settings
from .._reconcile.connection import ConnectionOutcome, ConnectionReconciler
from .._reconcile.integration import IntegrationOutcome, Reconciler
from .._sql.gate_scope import scope_of
from .runtime import Task, find_unknown_options, refuse_conflicting_aliases, suggestions
from .tenant import tenant_of

Options = Mapping[str, Any]

_SPECS: dict[str, dict[str, dict[str, Any]]] = {
    "integration": {**INTEGRATION, "api_key_dest": {"type": "path", "aliases": ["apiKeyDest"], "no_log": False}},
    "connection": CONNECTION,
}


def ask_tenant(task: Task, wanted: DesiredState, platform: Options, *, update_secrets: str) -> Answer:
    """Return the plan for the platform. Raise ImmutaError for invalid options and for requests that the tenant refuses.

    platform: the options of the integration or the connection, in either spelling.
    """
    settings = Settings(check_mode=True, server_validation=False, force_disable=wanted.force, update_secrets=update_secrets)
    options = normalized_options(wanted.kind, platform)
    apis = Integrations(task.session), Connections(task.session)
    tenant = tenant_of(task.params)
    if wanted.kind == "connection":
        connections = ConnectionReconciler(*apis, settings, warn=task.warn, mask=task.mask)
        absent = wanted.state == "absent"
        validated = connections.absent(options["connection_key"]) if absent else connections.present(wanted_connection(options))
        return _connection_answer(validated, tenant)
    integrations, desired_integration = Reconciler(*apis, settings, warn=task.warn, mask=task.mask), desired(options, platform_of(wanted.place.type))
    return _integration_answer(integrations.absent(desired_integration) if wanted.state == "absent" else integrations.present(desired_integration), tenant)


def normalized_options(kind: str, platform: Options) -> dict[str, Any]:
    """Return the options with their main names and converted types. Raise OptionError, which names the variable of the role."""
    spec = _SPECS[kind]
    refuse_conflicting_aliases(platform, spec, f"{PREFIX}{kind}.")
    unknown = list(find_unknown_options(platform, spec, f"{PREFIX}{kind}."))
    if unknown:
        raise OptionError(f"There is no {' and no '.join(each.path for each in unknown)}.", option=kind, hint=" ".join(suggestions(unknown)))
    validated = ArgumentSpecValidator(spec).validate(dict(platform))
    if validated.error_messages:
        raise OptionError(f"{PREFIX}{kind}: {'; '.join(validated.error_messages)}.", option=kind)
    options: dict[str, Any] = prune(_without_aliases(validated.validated_parameters, spec))
    return options


def _without_aliases(options: Options, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options without the aliases, which ansible-core keeps next to the main names."""
    kept = {name: value for name, value in options.items() if name in spec}
    for name, value in kept.items():
        below = spec[name].get("options")
        if below and isinstance(value, Mapping):
            kept[name] = _without_aliases(value, below)
        elif below and isinstance(value, list):
            kept[name] = [_without_aliases(item, below) if isinstance(item, Mapping) else item for item in value]
    return kept


def _integration_answer(outcome: IntegrationOutcome, tenant: str) -> Answer:
    status = str(outcome.integration.get("status") or "")
    twins = tuple(f"{twin.get('id')} ({twin.get('host')})" for twin in outcome.twins)
    scope = _scope(outcome.integration) if outcome.plan.action != "created" else {}
    return _answer(outcome, tenant, str(outcome.integration.get("id") or ""), status, twins, scope)


def _connection_answer(outcome: ConnectionOutcome, tenant: str) -> Answer:
    status = str(outcome.observed.native.get("status") or outcome.observed.object.get("state") or "")
    return _answer(outcome, tenant, outcome.observed.native_id, status, (), _scope(outcome.observed.native))


def _scope(integration: Options) -> dict[str, Any]:
    """Return the objects that scripts may change, according to the existing integration."""
    return scope_of(str(integration.get("type") or ""), integration.get("config") or {})


def _answer(outcome: Any, tenant: str, id: str, status: str, twins: tuple[str, ...], scope: dict[str, Any]) -> Answer:
    plan, result = outcome.plan, outcome.as_result()
    settings = hashlib.sha256(json.dumps(plan.after, sort_keys=True, default=str).encode("utf-8")).hexdigest()
    return Answer(
        plan.action,
        tenant,
        id,
        plan.reason,
        settings,
        status,
        status in TRANSIENT,
        result["healthy"] if plan.action == "unchanged" else None,
        tuple(change.field for change in plan.changes),
        scope,
        twins,
        tuple(change.field for change in plan.changes if change.secret),
    )


def answer_from_result(result: Options, planned: Answer) -> Answer:
    """Return the planned answer, updated with the result of the registration: id, status and health."""
    integration, object = result.get("integration", {}), result.get("object", {})
    id = integration.get("id") or result.get("native_integration_id") or planned.id
    status = str(integration.get("status") or object.get("state") or "")
    changes = tuple(each["field"] for each in result.get("changes", ()))
    sent = tuple(each["field"] for each in result.get("changes", ()) if each.get("secret"))
    return replace(
        planned,
        action=str(result["action"]),
        id=str(id or ""),
        status=status,
        busy=status in TRANSIENT,
        healthy=None if result["action"] == "deleted" else result.get("healthy"),
        changes=changes or planned.changes,
        sent=sent if changes else planned.sent,
    )


def answer_as_dict(answer: Answer) -> dict[str, Any]:
    """Return the answer as a JSON document for the state of the plan."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(answer).items()}


def answer_from_dict(document: Options) -> Answer:
    """Return the answer from the state of the plan."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
    return Answer(**values)
