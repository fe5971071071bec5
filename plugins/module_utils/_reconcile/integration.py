# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile one integration: read, plan, validate, apply, wait. Independent of Ansible.

Check mode takes the same path, but the session blocks writes, and the server validates the request instead.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._core.errors import ApiError, Conflict, ImmutaError, NotFound
from .._core.secrets import is_redacted, looks_secret
from .._model.platforms import PLATFORMS
from .._model.states import DELETING, GONE, TRANSIENT, Step, is_healthy, next_step
from .._plan.integration import Desired, check_complete, matches, plan_create, plan_delete, plan_update, shares_account
from .._plan.listing import Listing
from .._plan.plan import Plan
from .base import ReconcilerBase, none_if_missing, reporting_changes
from .outcome import NOT_VALIDATED, Outcome, masked

Twins = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class IntegrationOutcome(Outcome):
    """The outcome for an integration. new_key: a secret, which is written to a file and never returned."""

    integration: Mapping[str, Any] = field(default_factory=dict)
    new_key: str = ""
    #: for a create: id, host and database of integrations that are probably the same platform under another host name
    twins: Twins = ()
    #: the id of an integration that was changed and not yet read again; empty otherwise
    sent: str = ""

    @property
    def healthy(self) -> bool | None:
        return is_healthy(self.integration.get("status"))

    def as_result(self) -> dict[str, Any]:
        """Return the keys of a module's result."""
        return {**super().as_result(), "integration": masked(self.integration), "healthy": self.healthy}


class Reconciler(ReconcilerBase):
    """Brings single integrations to the wanted state."""

    # --- public methods ------------------------------------------------------------------------------------------

    def present(self, wanted: Desired) -> IntegrationOutcome:
        """Register the integration or update its settings, and wait. Return the outcome."""
        return self.finish(self.send_present(wanted))

    def absent(self, wanted: Desired) -> IntegrationOutcome:
        """Remove the integration and wait. Return the outcome."""
        return self.finish(self.send_absent(wanted))

    def send_present(self, wanted: Desired) -> IntegrationOutcome:
        """Do the same as present, but do not wait for the tenant at the end."""
        if not wanted.id:
            check_complete(wanted)
        self._warn_unknown_branch(wanted.config, wanted.platform.fields, "config")
        found, others = self._find(wanted)
        observed = self._settled(wanted, found)
        if observed is None:
            return self._create(wanted, others)
        return self._update(wanted, observed)

    def send_absent(self, wanted: Desired) -> IntegrationOutcome:
        """Do the same as absent, but do not wait for the tenant at the end."""
        observed = self._settled(wanted, self.find(wanted))
        if observed is None or next_step(observed.get("status"), wanted="absent") is Step.NOTHING or observed.get("status") == DELETING:
            return IntegrationOutcome(Plan("unchanged"), integration=observed or {})
        return self._delete(wanted, observed)

    def finish(self, outcome: IntegrationOutcome) -> IntegrationOutcome:
        """Return the outcome after the tenant has finished the change; the same outcome if nothing was sent."""
        if not outcome.sent:
            return outcome
        with reporting_changes(outcome.plan, id=outcome.sent) as progress:
            progress.sent()
            if outcome.plan.action == "deleted":
                return replace(outcome, integration={**outcome.integration, "status": self._final_status(outcome)}, sent="")
            return replace(outcome, integration=self._wait_until_finished(outcome.sent), sent="")

    def find(self, wanted: Desired) -> dict[str, Any] | None:
        """Return the integration with the id or natural key of the task, or None."""
        return self._find(wanted)[0]

    def _find(self, wanted: Desired) -> tuple[dict[str, Any] | None, Twins]:
        """Return the integration, and if there is none, its probable duplicates under another host name. Warn about those in the same account."""
        found, others = self._search(wanted)
        for twin in others:
            if shares_account(twin["host"], wanted.key):
                where = f"database {twin['database']} of the same account on {twin['host']}"
                self._warn(f"{wanted.name} is not registered, but integration {twin['id']} has {where}.")
        return found, others

    def _search(self, wanted: Desired) -> tuple[dict[str, Any] | None, Twins]:
        if wanted.id:
            one = wanted.found or none_if_missing(lambda: self._integrations.get(wanted.id))
            return (None if one is None or one.get("status") in GONE else dict(one)), ()
        listing = Listing.of(self._integrations.list())
        matching = listing.matching(wanted)
        if len(matching) > 1:
            ids = ", ".join(str(found.get("id")) for found in matching)
            raise ImmutaError(f"{wanted.name} exists {len(matching)} times (ids {ids}).", hint="Set id to the one you mean.")
        return (dict(matching[0]), ()) if matching else (None, listing.twins(wanted))

    # --- register ------------------------------------------------------------------------------------------------

    def _create(self, wanted: Desired, others: Twins) -> IntegrationOutcome:
        if wanted.id:
            raise ImmutaError(
                f"There is no integration with id {wanted.id}.", hint="Omit the id to register a new one: the tenant assigns the id.", option="id"
            )
        plan = plan_create(wanted, self._settings.policy)
        body = plan.payload or {}
        with reporting_changes(plan) as progress:
            try:
                validation = self._dry_run(lambda: self._integrations.create(body, dry_run=True))
                if self._settings.check_mode:
                    return IntegrationOutcome(plan, validation, integration=_predicted(body), twins=others)
                answer, adopted = self._create_once(lambda: self._integrations.create(body), lambda: self._search(wanted)[0])
            except ApiError as error:
                return self._adopt(wanted, error)
            id = str(answer["id"])
            progress.sent(id=id)
            validation = self._check_validation(answer) or validation
            return IntegrationOutcome(plan, validation, adopted, new_key=_new_key(answer), twins=others, sent=id)

    def _adopt(self, wanted: Desired, error: ApiError) -> IntegrationOutcome:
        """Continue as an update if the tenant rejects a create because the integration exists, and it is the one of the task. Raise the error otherwise."""
        named = re.search(r"\(id = (\d+)\)|/integrations/(\d+)", error.server_message)
        if error.status != 409 and not (named and error.status == 400):
            raise error
        observed = self._settled(wanted, self.find(replace(wanted, id=named.group(1) or named.group(2)) if named else wanted))
        if observed is None or not matches(wanted, observed):
            raise error
        return replace(self._update(wanted, observed), adopted=True)

    # --- update --------------------------------------------------------------------------------------------------

    def _update(self, wanted: Desired, observed: Mapping[str, Any]) -> IntegrationOutcome:
        status = observed.get("status")
        forced = f"status is {status}" if next_step(status, wanted="present") is Step.UPDATE else ""
        plan = plan_update(wanted, observed, self._settings.policy, forced=forced)
        if plan.action == "unchanged":
            if next_step(status, wanted="present") is Step.REPORT:
                self._warn(self._unhealthy_message(observed))
            return IntegrationOutcome(plan, integration=observed)
        if not wanted.platform.editable:
            raise ImmutaError(f"{wanted.name} is in status {status}, and Immuta cannot update this type.", hint="Remove it and register it again.")
        self._refuse_owned(observed)
        body, id = plan.payload or {}, str(observed.get("id"))
        validation = self._dry_run(lambda: self._when_settled(id, lambda: self._integrations.update(id, body, dry_run=True)))
        if self._settings.check_mode:
            return IntegrationOutcome(plan, validation, integration=_predicted(body, observed))
        with reporting_changes(plan, id=id) as progress:
            answer = self._when_settled(id, lambda: self._integrations.update(id, body))
            progress.sent()
            return IntegrationOutcome(plan, self._check_validation(answer) or validation, integration=observed, sent=id)

    # --- remove --------------------------------------------------------------------------------------------------

    def _delete(self, wanted: Desired, observed: Mapping[str, Any]) -> IntegrationOutcome:
        id, force = str(observed.get("id")), self._settings.force_disable
        plan = plan_delete(wanted, observed, force=force, policy=self._settings.policy)
        self._refuse_owned(observed)
        if self._settings.check_mode:
            validation = self._dry_run(lambda: self._when_settled(id, lambda: self._integrations.delete(id, plan.payload, dry_run=True, force_disable=force)))
            status = observed.get("status")
            return IntegrationOutcome(plan, validation, integration={**observed, "status": status if status in TRANSIENT else "deleted"})
        with reporting_changes(plan, id=id) as progress:
            try:
                answer = self._when_settled(id, lambda: self._integrations.delete(id, plan.payload, force_disable=force))
            except (NotFound, Conflict):
                # A request whose answer was lost may have removed it. But a proxy may answer 404, too.
                answer = {"status": self._get_or_deleted(id)["status"]}
                if answer["status"] not in (*GONE, DELETING):
                    raise
            progress.sent()
            validation = self._check_validation(answer) or dict(NOT_VALIDATED)
            return IntegrationOutcome(plan, validation, integration={**observed, "status": answer.get("status")}, sent=id)

    def _final_status(self, outcome: IntegrationOutcome) -> Any:
        """Return the final status of a removed integration. Raise RemoteFailure if the removal failed."""
        status = outcome.integration.get("status")
        if not self._settings.wait or status in GONE:
            return status
        last = self._wait_until_settled(outcome.sent)
        if last["status"] not in GONE:
            self._raise_failed(last)
        return last["status"]

    # --- shared steps --------------------------------------------------------------------------------------------

    def _settled(self, wanted: Desired, observed: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the integration once Immuta is not changing it; in check mode as it is. None if it was removed."""
        if observed is None or observed.get("status") not in TRANSIENT or self._skips_wait(observed):
            return observed
        id, status = str(observed.get("id")), str(observed.get("status"))
        if not self._settings.wait:
            raise Conflict(
                f"{wanted.name} (id {id}) is in state {status}.", status=409, method="GET", path=f"/integrations/{id}", hint="Set wait, or try again later."
            )
        observed = self._wait_until_settled(id)
        return None if observed["status"] in GONE else observed

    def _refuse_owned(self, observed: Mapping[str, Any]) -> None:
        platform = PLATFORMS.get(str(observed.get("type")))
        owner = self._connections.owner_of(str(observed.get("id"))) if platform and platform.connectable else None
        if owner:
            raise ImmutaError(
                f"Integration {observed.get('id')} belongs to the connection {owner}.",
                hint="Change or remove it through that connection.",
                connection_key=owner,
            )


def _predicted(body: Mapping[str, Any], observed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what the tenant would show: the observed object, overridden by the body of the request."""
    return {"id": None, "status": None, **(observed or {}), **body}


def _new_key(answer: Mapping[str, Any]) -> str:
    """Return Trino's API key in the answer to the create; empty if there is none. Its key in the answer is not documented."""
    for name, value in answer.items():
        key = _new_key(value) if isinstance(value, Mapping) else value if looks_secret(name) or name.lower() == "key" else ""
        if isinstance(key, str) and key and not is_redacted(key):
            return key
    return ""
