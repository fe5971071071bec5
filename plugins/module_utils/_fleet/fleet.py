# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile a whole fleet: read the tenant once, plan, validate, apply, and wait for all items together. Used by immuta_tenant.

The reconcilers of the single modules do the work for each item. This file decides their order and how many run at the same time.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._api.connections import Connections
from .._core.errors import ImmutaError
from .._http.session import Session
from .._model.platforms import PLATFORMS, Platform
from .._model.states import TRANSIENT
from .._plan.connection import wanted_connection
from .._plan.integration import Desired, desired, natural_key, platform_of
from .._plan.plan import Plan
from .._platform.place import Place
from .._platform.works import FORGET, NOTHING, Situation, work_for
from .._reconcile.base import Settings
from .._reconcile.connection import ConnectionOutcome, ConnectionReconciler
from .._reconcile.integration import IntegrationOutcome, Reconciler
from .._reconcile.outcome import Outcome
from .items import CONNECTION, INTEGRATION, Item, refuse_duplicates
from .plan import check_expected, checksum, steps_of
from .pool import run_in_parallel
from .snapshot import ItemConnections, ItemIntegrations, ItemSession, PolledIntegrations, Snapshot


@dataclass(frozen=True)
class Rules:
    """The options of a task that concern the whole fleet.

    kinds: the kinds for which the task sets a list. at_once: the number of items that run at the same time. stop: start no more items after a failure.
    prune_max: the number of unlisted platforms that the task may remove. expected_plan: the approved plan or its checksum.
    """

    kinds: frozenset[str] = frozenset({INTEGRATION, CONNECTION})
    at_once: int = 10
    stop: bool = False
    prune: bool = False
    prune_empty: bool = False
    prune_max: int = 1
    expected_plan: Any = None


class Fleet:
    """The items of a task, and the tenant that they belong to."""

    def __init__(
        self, session: Session, items: Sequence[Item], settings: Settings, rules: Rules, *, warn: Callable[[str], None], mask: Callable[[Any], Any]
    ) -> None:
        self.items = list(items)
        self.unmanaged: list[dict[str, Any]] = []
        self.plan_sha256 = ""
        self._session = session
        self._settings = settings
        self._rules = rules
        self._warn = warn
        self._mask = mask
        self._snapshot = Snapshot(session, at_once=rules.at_once, warn=warn)

    def run(self) -> None:
        """Plan all items and, outside of check mode, apply the plan. Each item records its own outcome.

        Raise ImmutaError if the whole task must stop: the tenant cannot be read, or the plan is not the expected one.
        """
        self._plan()
        if self._rules.stop and any(item.error for item in self.items):
            self._mark_not_started(item for item in self.items if item.needs_request)
        elif not self._settings.check_mode:
            self._apply()

    # --- plan ----------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        planning = replace(self._settings, check_mode=True, server_validation=False)
        for item in self.items:
            self._reconcile(item, planning)
        refuse_duplicates(self.items)
        if CONNECTION in self._rules.kinds:
            for item in self.items:
                item.owner = self._snapshot.owners.get(item.id, "") if item.kind == INTEGRATION else ""
        self._find_unmanaged(planning)
        steps = steps_of(item.as_result() for item in self.items if item.action != "unchanged")
        self.plan_sha256 = checksum(steps)
        if self._rules.expected_plan is not None:
            check_expected(self._rules.expected_plan, steps)
        sends = not self._settings.check_mode
        if sends or self._settings.server_validation:
            checking = replace(self._settings, check_mode=True, will_send=sends)
            run_in_parallel([item for item in self.items if item.needs_request], lambda item: self._reconcile(item, checking), at_once=self._rules.at_once)

    def _find_unmanaged(self, planning: Settings) -> None:
        """List the platforms that are in no list, and plan to remove them if the task prunes."""
        unlisted = [*self._unlisted_integrations(), *self._unlisted_connections()]
        self.unmanaged = [{"kind": item.kind, "key": item.key, **item.options} for item in unlisted]
        if not self._rules.prune or not unlisted:
            return
        broken = [item.label for item in self.items if item.error]
        if broken:
            self._warn(f"Nothing is pruned, because it is not known which platforms these failed items manage: {', '.join(broken)}.")
            return
        if self._snapshot.is_partial:
            self._warn("Nothing is pruned, because Immuta did not return all connections, and a missing one may own an integration that is in no list.")
            return
        kinds = {kind for kind in {item.kind for item in unlisted} if self._may_prune(kind)}
        pruned = [replace(item, options={**item.options, "state": "absent"}, pruned=True) for item in unlisted if item.kind in kinds]
        for item in pruned:
            self._reconcile(item, planning)
        removed = [item.label for item in pruned if item.needs_request]
        if len(removed) > self._rules.prune_max:
            raise ImmutaError(
                f"Pruning would remove {len(removed)} platforms, more than prune_max ({self._rules.prune_max}): {', '.join(removed)}.",
                hint="Nothing was sent. Add the platforms that must stay to the lists, or raise prune_max.",
                option="prune_max",
            )
        self.items += pruned

    def _may_prune(self, kind: str) -> bool:
        """Return whether platforms of this kind may be pruned. An empty list prunes nothing unless the task sets prune_empty."""
        has_items = any(item.kind == kind for item in self.items)
        if not has_items and not self._rules.prune_empty:
            self._warn(f"{kind}s is empty, so no {kind} is pruned. Set prune_empty to remove all of them.")
        return has_items or self._rules.prune_empty

    def _unlisted_integrations(self) -> list[Item]:
        """Return the integrations that are in no list and belong to no connection."""
        if INTEGRATION not in self._rules.kinds:
            return []
        known = {id for item in self.items if item.kind == INTEGRATION for id in (item.id, *self._referenced_ids(item))}
        unlisted = [found for found in self._snapshot.integrations if str(found.get("id")) not in known]
        # reading the owners takes one request per connection
        without_owner = [found for found in unlisted if str(found.get("id")) not in self._snapshot.owners] if unlisted else []
        return [Item(INTEGRATION, _name_of(found), {"id": str(found.get("id")), "type": found.get("type")}) for found in without_owner]

    def _referenced_ids(self, item: Item) -> list[str]:
        """Return the ids of the integrations that an item describes, even if planning it failed. The task manages them, so it never prunes them."""
        platform, config = PLATFORMS.get(str(item.options.get("type"))), item.options.get("config") or {}
        matching = self._snapshot.integrations.matching(Desired(platform, _identity_in(platform, config))) if item.error and platform else ()
        return [str(item.options.get("id")), *(str(found.get("id")) for found in matching)]

    def _unlisted_connections(self) -> list[Item]:
        """Return the connections that are in no list."""
        if CONNECTION not in self._rules.kinds:
            return []
        known = {item.key for item in self.items if item.kind == CONNECTION}
        unlisted = sorted((key, found) for key, found in self._snapshot.known_objects().items() if key not in known)
        return [Item(CONNECTION, key, {"connection_key": key, "technology": found.get("technology")}) for key, found in unlisted]

    # --- one item ------------------------------------------------------------------------------------------------

    def _reconcile(self, item: Item, settings: Settings) -> bool:
        """Run the item's reconciler with these settings, and return whether it succeeded. The item records the outcome or the error."""
        session = ItemSession(self._session)
        apis = ItemIntegrations(self._snapshot, session), ItemConnections(self._snapshot, session)
        settings = replace(settings, force_disable=bool(item.options.get("force_disable")))
        try:
            if item.kind == CONNECTION:
                item.outcome = _reconcile_connection(item, ConnectionReconciler(*apis, settings, warn=item.warn, mask=self._mask))
            else:
                item.outcome = _reconcile_integration(item, Reconciler(*apis, settings, warn=item.warn, mask=self._mask), self._snapshot)
            item.needs_script = _needs_script(item)
        except ImmutaError as error:
            item.error = error
        return item.error is None

    # --- apply ---------------------------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Create and update platforms, then remove platforms, then wait for all of them together."""
        sending = replace(self._settings, server_validation=False)
        work = [item for item in self.items if item.needs_request or _is_under_way(item)]
        for group in ([item for item in work if not item.absent], [item for item in work if item.absent]):
            stop = self._rules.stop
            stopped = stop and any(item.error for item in self.items)
            not_started = group if stopped else run_in_parallel(group, lambda item: self._send(item, sending), at_once=self._rules.at_once, stop=stop)
            self._mark_not_started(not_started)
        apis = PolledIntegrations(self._session), Connections(self._session)
        waiter = Reconciler(*apis, self._settings, warn=self._warn, mask=self._mask)
        for item in work:
            self._finish(item, waiter)

    def _send(self, item: Item, settings: Settings) -> bool:
        """Send the changes of an item without waiting, and return whether that succeeded. The item keeps the validation of its plan."""
        planned = item.outcome
        sent = self._reconcile(item, settings)
        if sent and planned and item.outcome and not item.outcome.validation.get("tests"):
            item.outcome = replace(item.outcome, validation=planned.validation)
        return sent

    def _finish(self, item: Item, waiter: Reconciler) -> None:
        """Wait until Immuta has finished the integration. Connections were already waited for."""
        if item.error or not isinstance(item.outcome, IntegrationOutcome):
            return
        try:
            item.outcome = waiter.finish(item.outcome)
        except ImmutaError as error:
            item.error = error

    def _mark_not_started(self, items: Iterable[Item]) -> None:
        """Give these items an error that names the first failure."""
        first = next((item.label for item in self.items if item.error), "")
        for item in list(items):
            item.error = ImmutaError(f"It was not started, because {first} failed.", hint="Correct that item and run the task again.")


def _reconcile_integration(item: Item, reconciler: Reconciler, snapshot: Snapshot) -> Outcome:
    """Return the outcome of immuta_integration for the item, without the wait at the end. Raise ImmutaError if it fails."""
    options = item.options
    found = snapshot.integrations.with_id(str(options.get("id") or ""))
    type_name = options.get("type") or (found or {}).get("type")
    if type_name is None:
        if not item.absent:
            hint = "Correct id, set type to register the integration, or remove the item."
            raise ImmutaError(f"There is no integration with {item.key}.", hint=hint, option="type")
        return IntegrationOutcome(Plan("unchanged"))
    wanted = desired(options, platform_of(str(type_name)))
    return reconciler.send_absent(wanted) if item.absent else reconciler.send_present(wanted)


def _reconcile_connection(item: Item, reconciler: ConnectionReconciler) -> Outcome:
    """Return the outcome of immuta_connection for the item. Raise ImmutaError if it fails."""
    return reconciler.absent(item.key) if item.absent else reconciler.present(wanted_connection(item.options))


def _needs_script(item: Item) -> bool:
    """Return whether the change needs a script on the warehouse, which only the role can run. A removal with force_disable needs none."""
    outcome, options = item.outcome, item.options
    if outcome is None or item.action == "unchanged":
        return False
    if isinstance(outcome, ConnectionOutcome):
        native, connection = options.get("native_integration") or {}, options.get("connection") or {}
        type_name, automatic = native.get("type") or connection.get("technology") or outcome.observed.technology.name, native.get("auto_bootstrap")
    else:
        type_name, automatic = item.document.get("type"), item.document.get("autoBootstrap")
    uses_scripts = not automatic and bool(Place(str(type_name)).scripts)
    situation = Situation(item.action, item.kind, outcome.plan.reason, uses_scripts=uses_scripts, force=bool(options.get("force_disable")))
    return work_for(situation) not in (NOTHING, FORGET)


def _is_under_way(item: Item) -> bool:
    """Return whether Immuta is still changing the platform. Its plan may differ once Immuta has finished."""
    status = item.outcome.observed.native.get("status") if isinstance(item.outcome, ConnectionOutcome) else item.document.get("status")
    return item.error is None and not item.needs_script and status in TRANSIENT


def _identity_in(platform: Platform, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the natural key as a configuration with API names. Empty if the type has no natural key."""
    return {platform.option(platform.identity).key: config.get(platform.identity)} if platform.identity else {}


def _name_of(integration: Mapping[str, Any]) -> str:
    """Return the natural key of the integration, or its type if it has none."""
    platform = PLATFORMS.get(str(integration.get("type")))
    key = natural_key(platform, integration.get("config") or {}) if platform else ""
    return key or str(integration.get("type"))
