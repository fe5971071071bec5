# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant plans for one platform, asked without a wait, a write or a validation.

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
from .runtime import Task, guesses, refuse_two_spellings, unknown_options
from .tenant import tenant_of

Options = Mapping[str, Any]

_SPECS: dict[str, dict[str, dict[str, Any]]] = {
    "integration": {**INTEGRATION, "api_key_dest": {"type": "path", "aliases": ["apiKeyDest"], "no_log": False}},
    "connection": CONNECTION,
}


def ask_tenant(task: Task, wanted: DesiredState, platform: Options, *, update_secrets: str) -> Answer:
    """What the tenant plans. platform: the options of the integration, or of the connection, in either spelling.

    Raises ImmutaError for options that do not make sense, and for what the tenant refuses.
    """
    settings = Settings(check_mode=True, server_validation=False, force_disable=wanted.force, update_secrets=update_secrets)
    options = spelled(wanted.kind, platform)
    apis = Integrations(task.session), Connections(task.session)
    tenant = tenant_of(task.params)
    if wanted.kind == "connection":
        connections = ConnectionReconciler(*apis, settings, warn=task.warn, mask=task.mask)
        absent = wanted.state == "absent"
        found = connections.absent(options["connection_key"]) if absent else connections.present(wanted_connection(options))
        return _connection_answer(found, tenant)
    integrations, one = Reconciler(*apis, settings, warn=task.warn, mask=task.mask), desired(options, platform_of(wanted.place.type))
    return _integration_answer(integrations.absent(one) if wanted.state == "absent" else integrations.present(one), tenant)


def spelled(kind: str, platform: Options) -> dict[str, Any]:
    """The options in our names, each of its type. Raises OptionError, which names the role's variable."""
    spec = _SPECS[kind]
    refuse_two_spellings(platform, spec, f"{PREFIX}{kind}.")
    unknown = list(unknown_options(platform, spec, f"{PREFIX}{kind}."))
    if unknown:
        raise OptionError(f"There is no {' and no '.join(each.path for each in unknown)}.", option=kind, hint=" ".join(guesses(unknown)))
    found = ArgumentSpecValidator(spec).validate(dict(platform))
    if found.error_messages:
        raise OptionError(f"{PREFIX}{kind}: {'; '.join(found.error_messages)}.", option=kind)
    options: dict[str, Any] = prune(_ours(found.validated_parameters, spec))
    return options


def _ours(options: Options, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The options without the spellings that core leaves beside our names."""
    kept = {name: value for name, value in options.items() if name in spec}
    for name, value in kept.items():
        below = spec[name].get("options")
        if below and isinstance(value, Mapping):
            kept[name] = _ours(value, below)
        elif below and isinstance(value, list):
            kept[name] = [_ours(item, below) if isinstance(item, Mapping) else item for item in value]
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
    """What scripts may touch, as the integration that is there shows it."""
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


def answered(result: Options, planned: Answer) -> Answer:
    """The answer of the module that registered. It says more than the plan: the id, the status, the health."""
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


def as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as JSON, to be handed back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(answer).items()}


def from_dict(document: Options) -> Answer:
    """The answer that was handed back."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
    return Answer(**values)
