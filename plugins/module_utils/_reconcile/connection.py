# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile one connection, or one object in it: read, plan, validate, apply, wait. Independent of Ansible.

Check mode takes the same path, but the session blocks writes, and the server tests a registration instead.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .._api.connections import SearchResult, none_if_unsupported, object_path_of
from .._core.errors import ApiError, Conflict, Forbidden, ImmutaError, NotFound, RemoteFailure, shorten
from .._model.documents import secrets_sent
from .._model.fields import Field, Place, normalise_host
from .._model.states import ACTIVE, GONE, INACTIVE, TRANSIENT, UNHEALTHY, connection_state, is_connection_healthy, is_healthy, is_transitional, unhealthy_reason
from .._model.technologies import Technology, technology_of
from .._plan.connection import (
    ConnectionPlan,
    Observed,
    Wanted,
    activates,
    check_children,
    check_complete,
    grants_warning,
    migration_notes,
    plan_edit,
    plan_register,
    plan_remove,
    plan_settings,
    wanted_connection,
    with_hosts,
)
from .._plan.plan import Plan
from .base import ChangeProgress, is_being_changed, none_if_missing, reporting_changes, reporting_dry_run
from .jobs import JobWaiter
from .outcome import NOT_VALIDATED, Outcome, masked

# The depth of a search if the levels of the technology are unknown.
_MAX_LEVELS = 4


@dataclass(frozen=True)
class ConnectionOutcome(Outcome):
    """The outcome for a connection."""

    observed: Observed = field(default_factory=Observed)
    child_count: int | None = None
    data_source_count: int | None = None

    @property
    def healthy(self) -> bool | None:
        return healthy(self.observed)

    def as_result(self) -> dict[str, Any]:
        """Return the keys of a module's result."""
        return {
            **super().as_result(),
            "connection": masked(self.observed.answer),
            "object": masked(self.observed.object),
            "native_integration_id": self.observed.native_id or None,
            "child_count": self.child_count,
            "data_source_count": self.data_source_count,
            "healthy": self.healthy,
        }


class ConnectionReconciler(JobWaiter):
    """Brings single connections, and the objects in them, to the wanted state."""

    # --- public methods ------------------------------------------------------------------------------------------

    def present(self, wanted: Wanted) -> ConnectionOutcome:
        """Register the connection or update its settings. Return the outcome."""
        self._warn_unknown_branch(wanted.connection, wanted.technology.fields, "connection")
        observed = self.observe(wanted)
        return self._register(wanted) if observed is None else self._edit(wanted, observed)

    def absent(self, connection_key: str) -> ConnectionOutcome:
        """Remove the connection with everything in it. Return the outcome."""
        wanted = wanted_connection({"connection_key": connection_key})
        observed = self.observe(wanted)
        return ConnectionOutcome(Plan("unchanged")) if observed is None else self._remove(wanted, observed)

    def observe(self, wanted: Wanted, *, include_native: bool = False) -> Observed | None:
        """Return the tenant's view of the connection, or None if it does not exist. include_native: read its integration, too."""
        answer = none_if_unsupported(lambda: self._connections.get(wanted.key))
        object = none_if_missing(lambda: self._connections.object([wanted.key]))
        if answer is None and object is None:
            return None
        observed = Observed(answer or {}, object or {})
        if not (wanted.native or include_native) or not observed.native_id:
            return observed
        return replace(observed, native=self._native(observed.native_id))

    def settings(self, path: Sequence[str], settings: Mapping[str, Any]) -> tuple[ConnectionPlan, dict[str, Any]]:
        """Bring an object to the wanted settings. Return the plan, and the object afterwards."""
        object = self.object(path)
        plan = plan_settings(settings, object)
        if not plan.overrides:
            return plan, object
        self._before_activation(path, object, technology_of(object.get("technology")), plan.overrides)
        if self._settings.check_mode:
            return plan, _predicted_object(object, plan.overrides)
        with reporting_changes(plan) as progress:
            self._override(path, plan.overrides, "/".join(path), progress)
            current = self._wait_until_active(lambda: self.object(path), plan.overrides, path)
            if is_connection_healthy(connection_state(current)) is False:
                self._warn(f"{'/'.join(path)} has the wanted settings, but its state is {current.get('state')}.")
            return plan, current

    def object(self, path: Sequence[str]) -> dict[str, Any]:
        """Return the object at the path. Raise ImmutaError with its name if it does not exist."""
        try:
            return self._connections.object(path)
        except NotFound as error:
            raise ImmutaError(
                f"There is no object {'/'.join(path)}.",
                hint="Immuta lists objects after it has read the platform. immuta_data_object_info shows them; immuta_data_object_sync reads again.",
                option="object_path",
                **{name: error.facts[name] for name in ("status", "method", "path")},
            ) from error

    def sync(self, path: Sequence[str]) -> list[dict[str, Any]]:
        """Make Immuta read the platform again, from this object downwards. Return the jobs, completed if the task waits."""
        self.object(path)
        if self._settings.check_mode:
            return []
        with reporting_changes(None) as progress:
            answer = self._connections.crawl(path)
            progress.sent()
            return self._jobs_started_by(answer, f"the synchronization of {'/'.join(path)}")

    # --- register ------------------------------------------------------------------------------------------------

    def _register(self, wanted: Wanted) -> ConnectionOutcome:
        wanted = wanted_connection(with_hosts(wanted.task_options))
        check_complete(wanted)
        plan = plan_register(wanted, self._settings.policy)
        body = plan.payload or {}
        if wanted.technology.revokes_grants and wanted.settings.get("isActive") is not False:
            self._warn(grants_warning(wanted.name))
        with self._explaining_rival(wanted):
            validation = self._test_registration(body) if self._settings.server_validation else dict(NOT_VALIDATED)
        if self._settings.check_mode:
            return ConnectionOutcome(plan, validation, observed=_predicted_connection(wanted))
        with self._explaining_rival(wanted), reporting_changes(plan, connection_key=wanted.key) as progress:
            answer, adopted = self._create_once(lambda: self._connections.create(body), lambda: none_if_missing(lambda: self._connections.object([wanted.key])))
            progress.sent()
            self._wait_for_jobs(answer, f"the registration of {wanted.name}")
            registered = self._apply_late_settings(wanted, self._wait_until_registered(wanted, progress), progress)
            if wanted.settings.get("isActive") is True:
                registered = self._settled(wanted, registered)
            self._check_health(wanted, None, registered)
            return ConnectionOutcome(plan, validation, adopted, observed=registered)

    @contextmanager
    def _explaining_rival(self, wanted: Wanted) -> Iterator[None]:
        """If the tenant refuses because an integration has the host, add to the error which one it is and how to migrate it."""
        try:
            yield
        except ApiError as error:
            if error.status in (400, 409, 422) and "integration" in error.server_message.lower():
                error.hint = " ".join(filter(None, [error.hint, self._rival_hint(wanted)])) or None
            raise

    def _rival_hint(self, wanted: Wanted) -> str:
        host = normalise_host(wanted.connection.get("hostname") or "")
        try:
            listed = [each for each in self._integrations.list() if each.get("status") not in GONE]
            rival = next((each for each in listed if host and host in _hosts(each)), None)
            owner = self._connections.owner_of(str(rival.get("id"))) if rival else None
        except ImmutaError:
            return ""
        if owner:
            return f"The host belongs to connection {owner}."
        return migration_notes(rival) if rival else ""

    def _test_registration(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of the tenant's test of the registration. A tenant without the test is asked, in check mode, whether it supports connections."""
        with reporting_dry_run():
            try:
                answer = self._connections.test(body)
            except ApiError as error:
                if error.status not in (404, 405):
                    raise
                if self._settings.check_mode:
                    self._connections.search()
                return dict(NOT_VALIDATED)
            verdicts = [answer.get(name) for name in ("success", "valid", "passed") if isinstance(answer.get(name), bool)]
            if False in verdicts:
                raise RemoteFailure(
                    f"Immuta's test of the connection failed: {shorten(self._mask(str(answer.get('message') or 'no reason given'))).rstrip('.')}.",
                    status="failed",
                    tests=[],
                )
            return self._check_validation(answer) or ({"status": "passed", "tests": []} if verdicts else self._unknown_validation())

    def _wait_until_registered(self, wanted: Wanted, progress: ChangeProgress) -> Observed:
        """Return the connection once it is visible and Immuta has finished its integration."""
        if not self._settings.wait:
            return self.observe(wanted) or _predicted_connection(wanted)
        observed = self._wait(
            lambda: self.observe(wanted),
            lambda observed: observed is not None and not is_transitional(observed.state),
            lambda observed: f"{wanted.name} is {observed.state}" if observed else f"{wanted.name} is not visible yet",
        )
        observed = observed or Observed()
        progress.sent(native_integration_id=observed.native_id)
        return self._wait_for_native(observed)

    def _wait_for_native(self, observed: Observed) -> Observed:
        """Return the connection once Immuta has finished its integration. An integration that is not visible cannot be waited for."""
        if not observed.native.get("status") or not self._settings.wait:
            return observed
        return replace(observed, native=self._wait_until_finished(observed.native_id, dict(observed.native)))

    def _apply_late_settings(self, wanted: Wanted, registered: Observed, progress: ChangeProgress) -> Observed:
        """Apply settings that the registration did not apply, such as active, after Immuta has read the platform. Return the connection."""
        overrides = plan_settings(wanted.settings, registered.object, registered.answer).overrides
        if not overrides or not self._settings.wait:
            return registered
        self._before_activation([wanted.key], registered.object, replace(wanted.technology, revokes_grants=False), overrides)
        self._override([wanted.key], overrides, wanted.name, progress)
        return self.observe(wanted) or registered

    def _override(self, path: Sequence[str], overrides: Mapping[str, Any], name: str, progress: ChangeProgress) -> None:
        answer = self._connections.override(path, overrides)
        progress.sent()
        self._wait_for_jobs(answer, f"the settings of {name}")

    # --- edit ----------------------------------------------------------------------------------------------------

    def _edit(self, wanted: Wanted, observed: Observed) -> ConnectionOutcome:
        wanted = _with_observed_technology(wanted, observed.technology)
        if observed.native.get("status") in TRANSIENT and not self._skips_wait(observed.native):
            observed = self._wait_for_native(observed)
        plan = plan_edit(wanted, observed, self._settings.policy)
        self._warn_not_compared(wanted, observed)
        if plan.action == "unchanged":
            self._warn_unhealthy(wanted, observed)
            return ConnectionOutcome(plan, observed=observed)
        self._before_activation([wanted.key], observed.object, observed.technology, plan.overrides or {})
        if self._settings.check_mode:
            return ConnectionOutcome(plan, observed=_predicted_edit(wanted, observed, plan))
        return ConnectionOutcome(plan, observed=self._apply(wanted, observed, plan))

    def _apply(self, wanted: Wanted, observed: Observed, plan: ConnectionPlan) -> Observed:
        """Carry out the plan. Return the connection afterwards."""
        body = plan.payload
        with reporting_changes(plan, **_ids(wanted, observed)) as progress:
            if body is not None:
                answer = self._when_settled(observed.native_id, lambda: self._connections.update(wanted.key, body))
                progress.sent()
                self._wait_for_jobs(answer, f"the update of {wanted.name}")
            if plan.overrides:
                self._override([wanted.key], plan.overrides, wanted.name, progress)
            current = self._wait_for_native(self.observe(wanted, include_native=body is not None) or observed)
            active = (plan.overrides or {}).get("isActive")
            if active or (active is None and observed.state in (ACTIVE, UNHEALTHY)):
                current = self._settled(wanted, current)
            if active or body is not None:
                self._check_health(wanted, observed, current)
            self._warn_unhealthy(wanted, current)
            return current

    # --- activation and health -----------------------------------------------------------------------------------

    def _before_activation(self, path: Sequence[str], object: Mapping[str, Any], technology: Technology, overrides: Mapping[str, Any]) -> None:
        """Warn about grants that an activation revokes. Raise ImmutaError if it would activate too many objects, as far as their number is known."""
        name = "/".join(path)
        if technology.revokes_grants and activates(overrides):
            self._warn(grants_warning(name))
        if overrides.get("isActive") is True and len(path) != technology.levels:
            check_children(name, self._count_children(path, object))

    def _count_children(self, path: Sequence[str], object: Mapping[str, Any]) -> int:
        """Return how many objects below the path a single search shows. There may be more."""
        try:
            found = self._connections.search(path)
        except ApiError:
            found = SearchResult([], False)
        return max(_child_count(object), found.total + sum(map(_child_count, found.objects)))

    def _settled(self, wanted: Wanted, observed: Observed) -> Observed:
        """Return the connection once its state is permanent and not inactive; unchanged if the state is unknown or the task does not wait."""
        if not self._settings.wait or not (is_transitional(observed.state) or observed.state == INACTIVE):
            return observed
        return self._wait(
            lambda: self.observe(wanted) or observed,
            lambda current: not (is_transitional(current.state) or current.state == INACTIVE),
            lambda current: f"{wanted.name} is {current.state}",
        )

    def _wait_until_active(self, observe: Callable[[], dict[str, Any]], overrides: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
        """Return the object after a change of its settings. Wait until an activated connection is shown as active."""
        object = observe()
        if not self._settings.wait or overrides.get("isActive") is not True or len(path) != 1:
            return object
        first_result = [object]
        return self._wait(
            lambda: first_result.pop() if first_result else observe(),
            lambda current: not (is_transitional(connection_state(current)) or connection_state(current) == INACTIVE),
            lambda current: f"connection {path[0]} is {connection_state(current)}",
        )

    def _check_health(self, wanted: Wanted, before: Observed | None, current: Observed) -> None:
        """Raise RemoteFailure if the connection became unhealthy by the change."""
        if current.state != UNHEALTHY or (before is not None and before.state == UNHEALTHY):
            return
        raise RemoteFailure(
            f"The {wanted.name} is {current.state_shown} now. {self._why_unhealthy(current)}",
            hint="Check what Immuta reports for it, fix the cause, and run the task again.",
            status=current.state,
            tests=[],
        )

    def _why_unhealthy(self, observed: Observed) -> str:
        reason = shorten(self._mask(unhealthy_reason(observed.object, observed.answer))).rstrip(".")
        return f"Immuta says: {reason}." if reason else "Immuta does not say why."

    # --- remove --------------------------------------------------------------------------------------------------

    def _remove(self, wanted: Wanted, observed: Observed) -> ConnectionOutcome:
        gone = Observed(observed.answer, {**observed.object, "state": "deleted"}, observed.native)
        if self._settings.check_mode:
            children, data_sources = self._child_count(wanted.key, observed.technology)
            return ConnectionOutcome(plan_remove(wanted, observed, children, data_sources), observed=gone, child_count=children, data_source_count=data_sources)
        with reporting_changes(plan_remove(wanted, observed, None, None), **_ids(wanted, observed)) as progress:
            try:
                answer = self._send_delete(wanted, observed, progress)
            except NotFound:
                if self.observe(wanted) is not None:
                    raise
                answer = {}
            progress.sent()
            self._wait_for_jobs(answer, f"the removal of {wanted.name}")
            if self._settings.wait:
                self._wait(lambda: self.observe(wanted), lambda observed: observed is None, lambda observed: f"{wanted.name} still exists")
        count = answer.get("childCount")
        return ConnectionOutcome(plan_remove(wanted, observed, count, None), observed=gone, child_count=count)

    def _send_delete(self, wanted: Wanted, observed: Observed, progress: ChangeProgress) -> dict[str, Any]:
        """Remove the connection and return the answer. Some tenants require that the connection is inactive, so it is deactivated if needed."""
        try:
            return self._when_settled(observed.native_id, lambda: self._connections.delete([wanted.key]))
        except ApiError as error:
            if not _wants_inactive(error, observed):
                raise
            self._warn(f"{error.message} So {wanted.name} is deactivated first and then removed.")
        self._override([wanted.key], {"isActive": False}, wanted.name, progress)
        if self._settings.wait:
            self._wait(lambda: self.observe(wanted), _is_inactive_or_gone, lambda observed: f"{wanted.name} is {observed.state if observed else 'gone'}")
        try:
            return self._when_settled(observed.native_id, lambda: self._connections.delete([wanted.key]))
        except ApiError as error:
            error.hint = " ".join(filter(None, [error.hint, "The connection was deactivated but still exists. The next run continues its removal."]))
            raise

    def _child_count(self, connection_key: str, technology: Technology) -> tuple[int, int | None]:
        """Return how many objects a connection holds, and how many of them are data sources (active, at the lowest level; None if that is unknown)."""
        descendants = self.descendants([connection_key], (technology.levels or _MAX_LEVELS) - 1)
        tables = [each for each in descendants if len(object_path_of(each)) == technology.levels and str(each.get("state")).lower() != "inactive"]
        return len(descendants), len(tables) if technology.levels else None

    def descendants(self, path: Sequence[str], depth: int) -> list[dict[str, Any]]:
        """Return the objects below an object, down to C(depth) levels, without duplicates: an answer may hold deeper objects."""
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        waiting = [tuple(path)] if depth > 0 else []
        while waiting:
            parent = waiting.pop(0)
            for each in self._children(parent):
                child = tuple(object_path_of(each))
                if child in found or len(child) <= len(path) or len(child) > len(path) + depth:
                    continue
                found[child] = each
                if len(child) < len(path) + depth:
                    waiting.append(child)
        return list(found.values())

    def _children(self, path: Sequence[str]) -> list[dict[str, Any]]:
        try:
            found = self._connections.search(path)
        except NotFound as error:
            if not path:
                raise
            self._warn(f"The objects in {'/'.join(path)} are missing from the result: {error.message}")
            return []
        if found.has_more:
            where = "/".join(path) or "the tenant"
            self._warn(f"Immuta returned {len(found.objects)} objects in {where} and reports that there are more. The others are missing from the result.")
        return found.objects

    # --- shared steps --------------------------------------------------------------------------------------------

    def _native(self, id: str) -> dict[str, Any]:
        """Return the integration of a connection; only its id without permission to see it."""
        try:
            return self._integrations.get(id)
        except (Forbidden, NotFound):
            return {"id": id, "status": None}

    def _warn_not_compared(self, wanted: Wanted, observed: Observed) -> None:
        """Warn about options that could not be compared or are not sent."""
        if wanted.connection and not observed.answer:
            self._warn(f"Immuta's API does not show the settings of {wanted.name}, as for most technologies, so they were not compared.")
        if wanted.native and observed.native_id and not observed.native.get("status"):
            self._warn(f"Immuta does not show the integration behind {wanted.name} to this user, so native_integration was not compared.")
        native_secrets = _holds_secrets(wanted.native, wanted.technology.native_fields)
        if self._settings.update_secrets == "always" and native_secrets and not _holds_secrets(wanted.connection, wanted.technology.fields):
            self._warn(f"Secrets in native_integration of {wanted.name} are not sent: after the registration only those in connection can change.")

    def _warn_unhealthy(self, wanted: Wanted, observed: Observed) -> None:
        if healthy(observed) is not False:
            return
        if is_healthy(observed.native.get("status")) is False:
            self._warn(self._unhealthy_message(observed.native))
        else:
            reason = unhealthy_reason(observed.object, observed.answer) and f" {self._why_unhealthy(observed)}"
            self._warn(f"The {wanted.name} has the wanted settings, but its state is {observed.state_shown}.{reason}")


def healthy(observed: Observed) -> bool | None:
    """Return True if active, False if Immuta reports a failure of the connection or its integration, None if unknown."""
    native = is_healthy(observed.native.get("status")) if observed.native else True
    well = is_connection_healthy(observed.state)
    if native is False or well is False:
        return False
    return native if well else None


def _child_count(object: Mapping[str, Any]) -> int:
    """Return the number of objects in it, or 0 if the tenant does not show it."""
    count = object.get("childCount")
    return count if isinstance(count, int) and not isinstance(count, bool) else 0


def _hosts(integration: Mapping[str, Any]) -> set[str]:
    config = integration.get("config") or {}
    return {normalise_host(config[name]) for name in ("host", "workspaceUrl") if isinstance(config.get(name), str)}


def _wants_inactive(error: ApiError, observed: Observed) -> bool:
    """Return whether the tenant refused a removal because the connection is active. The vendor documents the rule but not the answer."""
    if observed.state == INACTIVE or (isinstance(error, Conflict) and is_being_changed(error)):
        return False
    return error.status == 409 or (error.status in (400, 422) and "activ" in error.server_message.lower())


def _is_inactive_or_gone(observed: Observed | None) -> bool:
    return observed is None or not (observed.state in (ACTIVE, UNHEALTHY) or is_transitional(observed.state))


def _ids(wanted: Wanted, observed: Observed) -> dict[str, str]:
    """Return the key of a connection, and the id of its integration if known."""
    return {"connection_key": wanted.key, **({"native_integration_id": observed.native_id} if observed.native_id else {})}


def _holds_secrets(document: Mapping[str, Any], fields: Sequence[Field]) -> bool:
    return any(secrets_sent(document, fields, Place.of("")))


def _with_observed_technology(wanted: Wanted, technology: Technology) -> Wanted:
    """Return the wanted connection with the technology that the tenant shows if the task does not name one."""
    return wanted if wanted.connection.get("technology") else wanted_connection(wanted.task_options, technology)


# --- predictions for check mode ----------------------------------------------------------------------------------


def _predicted_connection(wanted: Wanted) -> Observed:
    answer = {"connectionKey": wanted.key, "connection": dict(wanted.connection), "nativeIntegrationId": None}
    object: dict[str, Any] = {"objectPath": [wanted.key], "technology": wanted.connection.get("technology"), "state": None, "settings": {}}
    return Observed(answer, _predicted_object(object, wanted.settings))


def _predicted_edit(wanted: Wanted, observed: Observed, plan: ConnectionPlan) -> Observed:
    answer = {**observed.answer, "connection": plan.payload} if plan.payload else observed.answer
    return Observed(answer, _predicted_object(observed.object, plan.overrides or {}), observed.native)


def _predicted_object(object: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    settings = dict(object.get("settings") or {})
    for key, value in overrides.items():
        settings[key] = {**settings[key], "value": value} if isinstance(settings.get(key), Mapping) else value
    predicted = {**object, "settings": settings}
    if "isActive" in overrides:
        predicted["state"] = "active" if overrides["isActive"] else "inactive"
    return predicted
