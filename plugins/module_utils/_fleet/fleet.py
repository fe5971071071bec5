# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile a whole fleet: read the tenant once, plan, validate, apply, and wait for all items together. Independent of Ansible.

Every item goes through the reconciler of the single module. This file decides the order and how many items run at the same time.

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
from .items import CONNECTION, INTEGRATION, Item, refuse_same
from .plan import check_expected, checksum, steps_of
from .pool import each
from .snapshot import ItemConnections, ItemIntegrations, ItemSession, PolledIntegrations, Snapshot


@dataclass(frozen=True)
class Rules:
    """The options of a task about its fleet. kinds: the kinds for which the task sets a list. prune_max: how many unlisted platforms it may remove."""

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
            self._mark_not_started(item for item in self.items if item.is_work)
        elif not self._settings.check_mode:
            self._apply()

    # --- plan ----------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        planning = replace(self._settings, check_mode=True, server_validation=False)
        for item in self.items:
            self._reconcile(item, planning)
        refuse_same(self.items)
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
            each([item for item in self.items if item.is_work], lambda item: self._reconcile(item, checking), at_once=self._rules.at_once)

    def _find_unmanaged(self, planning: Settings) -> None:
        """List the platforms that are in no list, and plan to remove them if the task prunes."""
        unlisted = [*self._unlisted_integrations(), *self._unlisted_connections()]
        self.unmanaged = [{"kind": item.kind, "key": item.key, **item.options} for item in unlisted]
        if not self._rules.prune or not unlisted:
            return
        broken = [item.label for item in self.items if item.error]
        if broken:
            self._warn(f"Nothing is pruned, because it is not known which platforms these are: {', '.join(broken)}.")
            return
        if self._snapshot.is_partial:
            self._warn("Nothing is pruned, because a connection that is missing here may own what no list has.")
            return
        kinds = {kind for kind in {item.kind for item in unlisted} if self._may_prune(kind)}
        pruned = [replace(item, options={**item.options, "state": "absent"}, pruned=True) for item in unlisted if item.kind in kinds]
        for item in pruned:
            self._reconcile(item, planning)
        removed = [item.label for item in pruned if item.is_work]
        if len(removed) > self._rules.prune_max:
            raise ImmutaError(
                f"Pruning would remove {len(removed)} platforms, more than prune_max ({self._rules.prune_max}): {', '.join(removed)}.",
                hint="Nothing was sent. Add them to the lists if they are to stay, or raise prune_max.",
                option="prune_max",
            )
        self.items += pruned

    def _may_prune(self, kind: str) -> bool:
        """Return whether platforms of this kind may be pruned. An empty list prunes nothing unless the task sets prune_empty."""
        given = any(item.kind == kind for item in self.items)
        if not given and not self._rules.prune_empty:
            self._warn(f"{kind}s is empty, so no {kind} is pruned. Set prune_empty to remove all of them.")
        return given or self._rules.prune_empty

    def _unlisted_integrations(self) -> list[Item]:
        if INTEGRATION not in self._rules.kinds:
            return []
        known = {id for item in self.items if item.kind == INTEGRATION for id in (item.id, *self._ids_meant(item))}
        strange = [found for found in self._snapshot.integrations if str(found.get("id")) not in known]
        alone = [found for found in strange if str(found.get("id")) not in self._snapshot.owners] if strange else []
        return [Item(INTEGRATION, _name_of(found), {"id": str(found.get("id")), "type": found.get("type")}) for found in alone]

    def _ids_meant(self, item: Item) -> list[str]:
        """Return the ids that an item refers to even if it could not be planned. These integrations are managed, so they are never pruned."""
        platform, config = PLATFORMS.get(str(item.options.get("type"))), item.options.get("config") or {}
        same = self._snapshot.integrations.matching(Desired(platform, _identity_in(platform, config))) if item.error and platform else ()
        return [str(item.options.get("id")), *(str(found.get("id")) for found in same)]

    def _unlisted_connections(self) -> list[Item]:
        if CONNECTION not in self._rules.kinds:
            return []
        known = {item.key for item in self.items if item.kind == CONNECTION}
        strange = sorted((key, found) for key, found in self._snapshot.known_objects().items() if key not in known)
        return [Item(CONNECTION, key, {"connection_key": key, "technology": found.get("technology")}) for key, found in strange]

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
        """Create and update first, remove after that, and then wait for all items together."""
        sending = replace(self._settings, server_validation=False)
        work = [item for item in self.items if item.is_work or _is_under_way(item)]
        for group in ([item for item in work if not item.absent], [item for item in work if item.absent]):
            stopped = self._rules.stop and any(item.error for item in self.items)
            left = group if stopped else each(group, lambda item: self._send(item, sending), at_once=self._rules.at_once, stop=self._rules.stop)
            self._mark_not_started(left)
        apis = PolledIntegrations(self._session), Connections(self._session)
        waiter = Reconciler(*apis, self._settings, warn=self._warn, mask=self._mask)
        for item in work:
            self._finish(item, waiter)

    def _send(self, item: Item, settings: Settings) -> bool:
        planned = item.outcome
        sent = self._reconcile(item, settings)
        if sent and planned and item.outcome and not item.outcome.validation.get("tests"):
            item.outcome = replace(item.outcome, validation=planned.validation)
        return sent

    def _finish(self, item: Item, waiter: Reconciler) -> None:
        if item.error or not isinstance(item.outcome, IntegrationOutcome):
            return
        try:
            item.outcome = waiter.finish(item.outcome)
        except ImmutaError as error:
            item.error = error

    def _mark_not_started(self, items: Iterable[Item]) -> None:
        first = next((item.label for item in self.items if item.error), "")
        for item in list(items):
            item.error = ImmutaError(f"It was not started, because {first} failed.", hint="Fix that and run this again.")


def _reconcile_integration(item: Item, reconciler: Reconciler, snapshot: Snapshot) -> Outcome:
    """Do the same as the module immuta_integration, except for the wait at the end."""
    options = item.options
    found = snapshot.integrations.with_id(str(options.get("id") or ""))
    type_name = options.get("type") or (found or {}).get("type")
    if type_name is None:
        if not item.absent:
            raise ImmutaError(f"There is no integration with {item.key}.", hint="Give its type as well to register it, or leave it out.", option="type")
        return IntegrationOutcome(Plan("unchanged"))
    wanted = desired(options, platform_of(str(type_name)))
    return reconciler.send_absent(wanted) if item.absent else reconciler.send_present(wanted)


def _reconcile_connection(item: Item, reconciler: ConnectionReconciler) -> Outcome:
    """Do the same as the module immuta_connection."""
    return reconciler.absent(item.key) if item.absent else reconciler.present(wanted_connection(item.options))


def _needs_script(item: Item) -> bool:
    """Return whether the item needs a script on the warehouse, which the role runs. A removal with force_disable needs none."""
    outcome, options = item.outcome, item.options
    if outcome is None or item.action == "unchanged":
        return False
    if isinstance(outcome, ConnectionOutcome):
        native, link = options.get("native_integration") or {}, options.get("connection") or {}
        type_name, automatic = native.get("type") or link.get("technology") or outcome.observed.technology.name, native.get("auto_bootstrap")
    else:
        shown = item.document
        type_name, automatic = shown.get("type"), shown.get("autoBootstrap")
    uses_scripts = not automatic and bool(Place(str(type_name)).scripts)
    given = Situation(item.action, item.kind, outcome.plan.reason, uses_scripts=uses_scripts, force=bool(options.get("force_disable")))
    return work_for(given) not in (NOTHING, FORGET)


def _is_under_way(item: Item) -> bool:
    """Return whether the tenant is still changing the platform, so that its plan may change once that is done."""
    status = item.outcome.observed.native.get("status") if isinstance(item.outcome, ConnectionOutcome) else item.document.get("status")
    return item.error is None and not item.needs_script and status in TRANSIENT


def _identity_in(platform: Platform, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the natural key as a configuration in the API's spelling, empty if the type has none."""
    return {platform.option(platform.identity).key: config.get(platform.identity)} if platform.identity else {}


def _name_of(integration: Mapping[str, Any]) -> str:
    platform = PLATFORMS.get(str(integration.get("type")))
    key = natural_key(platform, integration.get("config") or {}) if platform else ""
    return key or str(integration.get("type"))
