# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection, or one object in it, from what is there to what is wanted: look, plan, validate, apply, wait. No Ansible in it.

Check mode is the same path: the session blocks the writes, and where a registration would be, the server is asked to test it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .._api.connections import bulk_id, path_to
from .._core.errors import ApiError, Forbidden, ImmutaError, NotFound, RemoteFailure, shorten
from .._model.documents import secrets_sent
from .._model.fields import Field, Place
from .._model.states import TRANSIENT, is_healthy
from .._model.technologies import Technology
from .._plan.connection import (
    ConnectionPlan,
    Observed,
    Wanted,
    check_complete,
    plan_edit,
    plan_register,
    plan_remove,
    plan_settings,
    wanted_connection,
    with_hosts,
)
from .._plan.plan import Plan
from .outcome import NOT_ASKED, Outcome, masked
from .steps import Carried, Steps, asking, carrying_out, unless_missing

T = TypeVar("T")

# Source: the vendor's page "Get Job Status".
FAILED_JOBS = frozenset({"cancelled", "expired", "failed"})
FINAL_JOBS = FAILED_JOBS | {"completed"}
# How far down to look where it is not known how many levels a technology has.
_MOST_LEVELS = 4
# Answers to a request that a tenant's version or a technology does not know.
_NOT_OFFERED = (400, 404, 405, 422, 501)


@dataclass(frozen=True)
class ConnectionOutcome(Outcome):
    """What happened to a connection."""

    observed: Observed = field(default_factory=Observed)
    child_count: int | None = None
    data_source_count: int | None = None

    def as_result(self) -> dict[str, Any]:
        """The keys of a module's result."""
        return {
            **super().as_result(),
            "connection": masked(self.observed.answer),
            "object": masked(self.observed.object),
            "native_integration_id": self.observed.native_id or None,
            "child_count": self.child_count,
            "data_source_count": self.data_source_count,
            "healthy": healthy(self.observed),
        }


class ConnectionReconciler(Steps):
    """Brings single connections, and the objects in them, to the state that is wanted."""

    # --- what is wanted ------------------------------------------------------------------------------------------

    def present(self, wanted: Wanted) -> ConnectionOutcome:
        """Register it, or bring it to the settings that are wanted."""
        self._warn_unknown_branch(wanted.connection, wanted.technology.fields, "connection")
        observed = self.look(wanted)
        return self._register(wanted) if observed is None else self._edit(wanted, observed)

    def absent(self, connection_key: str) -> ConnectionOutcome:
        """Remove it with everything in it."""
        wanted = wanted_connection({"connection_key": connection_key})
        observed = self.look(wanted)
        return ConnectionOutcome(Plan("unchanged")) if observed is None else self._remove(wanted, observed)

    def look(self, wanted: Wanted, *, behind: bool = False) -> Observed | None:
        """What the tenant shows of the connection, and of what is behind it when that matters; None when there is none."""
        answer = offered(lambda: self._connections.get(wanted.key))
        object = unless_missing(lambda: self._connections.object([wanted.key]))
        if answer is None and object is None:
            return None
        observed = Observed(answer or {}, object or {})
        if not (wanted.native or behind) or not observed.native_id:
            return observed
        return replace(observed, native=self._native(observed.native_id))

    def settings(self, path: Sequence[str], settings: Mapping[str, Any]) -> tuple[ConnectionPlan, dict[str, Any]]:
        """Bring an object to its settings; the plan, and the object as it is then."""
        object = self.object(path)
        plan = plan_settings(settings, object)
        if not plan.overrides:
            return plan, object
        if self._settings.check_mode:
            return plan, _predicted_object(object, plan.overrides)
        with carrying_out(plan) as carried:
            self._override(path, plan.overrides, "/".join(path), carried)
            return plan, self.object(path)

    def object(self, path: Sequence[str]) -> dict[str, Any]:
        """The object at that path. Raises an error that names it when it is not there."""
        try:
            return self._connections.object(path)
        except NotFound as error:
            raise ImmutaError(
                f"There is no object {'/'.join(path)}.",
                hint="Immuta knows it once it has read the platform: see immuta_data_object_info for what is there, immuta_data_object_sync to read it again.",
                option="object_path",
                **{name: error.facts[name] for name in ("status", "method", "path")},
            ) from error

    def sync(self, path: Sequence[str]) -> list[dict[str, Any]]:
        """Have the platform read again from that object on; the jobs of it, completed when the task waits."""
        self.object(path)
        if self._settings.check_mode:
            return []
        with carrying_out(None) as carried:
            answer = self._connections.crawl(path)
            carried.sent()
            return self._jobs_of(answer, f"the synchronisation of {'/'.join(path)}")

    # --- register ------------------------------------------------------------------------------------------------

    def _register(self, wanted: Wanted) -> ConnectionOutcome:
        wanted = wanted_connection(with_hosts(wanted.given))
        check_complete(wanted)
        plan = plan_register(wanted, self._settings.policy)
        body = plan.payload or {}
        validation = self._tested(body) if self._settings.server_validation else dict(NOT_ASKED)
        if self._settings.check_mode:
            return ConnectionOutcome(plan, validation, observed=_predicted_connection(wanted))
        with carrying_out(plan, connection_key=wanted.key) as carried:
            answer, adopted = self._send_once(lambda: self._connections.create(body), lambda: unless_missing(lambda: self._connections.object([wanted.key])))
            carried.sent()
            self._wait_for_jobs(answer, f"the registration of {wanted.name}")
            registered = self._registered(wanted, carried)
            return ConnectionOutcome(plan, validation, adopted, observed=self._with_settings(wanted, registered, carried))

    def _tested(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the tenant's test of the registration says. One without a test is not asked, but in check mode whether it has connections at all."""
        with asking():
            try:
                answer = self._connections.test(body)
            except ApiError as error:
                if error.status not in (404, 405):
                    raise
                if self._settings.check_mode:
                    self._connections.search()
                return dict(NOT_ASKED)
            verdicts = [answer.get(name) for name in ("success", "valid", "passed") if isinstance(answer.get(name), bool)]
            if False in verdicts:
                raise RemoteFailure(
                    f"Immuta's test of the connection failed: {shorten(self._mask(str(answer.get('message') or 'no reason given'))).rstrip('.')}.",
                    status="failed",
                    tests=[],
                )
            return self._validated(answer) or ({"status": "passed", "tests": []} if verdicts else self._unknown())

    def _registered(self, wanted: Wanted, carried: Carried) -> Observed:
        """The connection once it shows, and what is behind it is settled."""
        if not self._settings.wait:
            return self.look(wanted) or _predicted_connection(wanted)
        observed = self._wait(lambda: self.look(wanted), lambda seen: seen is not None, lambda _: f"{wanted.name} does not show yet") or Observed()
        carried.sent(native_integration_id=observed.native_id)
        return self._with_native_done(observed)

    def _with_native_done(self, observed: Observed) -> Observed:
        """The same, once Immuta is done with the integration behind it; one that does not show cannot be waited for."""
        if not observed.native.get("status") or not self._settings.wait:
            return observed
        return replace(observed, native=self._finished(observed.native_id, dict(observed.native)))

    def _with_settings(self, wanted: Wanted, registered: Observed, carried: Carried) -> Observed:
        """The connection with the settings that a registration may leave to be set when the platform has been read, such as active."""
        overrides = plan_settings(wanted.settings, registered.object).overrides
        if not overrides or not self._settings.wait:
            return registered
        self._override([wanted.key], overrides, wanted.name, carried)
        return self.look(wanted) or registered

    def _override(self, path: Sequence[str], overrides: Mapping[str, Any], name: str, carried: Carried) -> None:
        answer = self._connections.override(path, overrides)
        carried.sent()
        self._wait_for_jobs(answer, f"the settings of {name}")

    # --- edit ----------------------------------------------------------------------------------------------------

    def _edit(self, wanted: Wanted, observed: Observed) -> ConnectionOutcome:
        wanted = _as_shown(wanted, observed.technology)
        if observed.native.get("status") in TRANSIENT and not self._left_alone(observed.native):
            observed = self._with_native_done(observed)
        plan = plan_edit(wanted, observed, self._settings.policy)
        self._warn_not_compared(wanted, observed)
        if plan.action == "unchanged":
            self._warn_unhealthy(wanted, observed)
            return ConnectionOutcome(plan, observed=observed)
        if self._settings.check_mode:
            return ConnectionOutcome(plan, observed=_predicted_edit(wanted, observed, plan))
        return ConnectionOutcome(plan, observed=self._carry_out(wanted, observed, plan))

    def _carry_out(self, wanted: Wanted, observed: Observed, plan: ConnectionPlan) -> Observed:
        """The connection with what the plan changes."""
        body = plan.payload
        with carrying_out(plan, **_ids(wanted, observed)) as carried:
            if body is not None:
                answer = self._when_settled(observed.native_id, lambda: self._connections.update(wanted.key, body))
                carried.sent()
                self._wait_for_jobs(answer, f"the update of {wanted.name}")
            if plan.overrides:
                self._override([wanted.key], plan.overrides, wanted.name, carried)
            now = self._with_native_done(self.look(wanted, behind=body is not None) or observed)
            self._warn_unhealthy(wanted, now)
            return now

    # --- remove --------------------------------------------------------------------------------------------------

    def _remove(self, wanted: Wanted, observed: Observed) -> ConnectionOutcome:
        gone = Observed(observed.answer, {**observed.object, "state": "deleted"}, observed.native)
        if self._settings.check_mode:
            children, data_sources = self._count(wanted.key, observed.technology)
            return ConnectionOutcome(plan_remove(wanted, observed, children, data_sources), observed=gone, child_count=children, data_source_count=data_sources)
        with carrying_out(plan_remove(wanted, observed, None, None), **_ids(wanted, observed)) as carried:
            try:
                answer = self._when_settled(observed.native_id, lambda: self._connections.delete([wanted.key]))
            except NotFound:
                if self.look(wanted) is not None:
                    raise
                answer = {}
            carried.sent()
            self._wait_for_jobs(answer, f"the removal of {wanted.name}")
            if self._settings.wait:
                self._wait(lambda: self.look(wanted), lambda seen: seen is None, lambda _: f"{wanted.name} is still there")
        count = answer.get("childCount")
        return ConnectionOutcome(plan_remove(wanted, observed, count, None), observed=gone, child_count=count)

    def _count(self, connection_key: str, technology: Technology) -> tuple[int, int | None]:
        """How many objects a connection holds, and how many of them are data sources: active, and at the lowest level, if that is known."""
        below = self.below([connection_key], (technology.levels or _MOST_LEVELS) - 1)
        tables = [each for each in below if len(path_to(each)) == technology.levels and str(each.get("state")).lower() != "inactive"]
        return len(below), len(tables) if technology.levels else None

    def below(self, path: Sequence[str], depth: int) -> list[dict[str, Any]]:
        """The objects below an object, down to C(depth) levels. Each one once, although an answer may hold deeper ones."""
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        waiting = [tuple(path)] if depth > 0 else []
        while waiting:
            here = waiting.pop(0)
            for each in self._children(here):
                there = tuple(path_to(each))
                if there in found or len(there) <= len(path) or len(there) > len(path) + depth:
                    continue
                found[there] = each
                if len(there) < len(path) + depth:
                    waiting.append(there)
        return list(found.values())

    def _children(self, path: Sequence[str]) -> list[dict[str, Any]]:
        try:
            found = self._connections.search(path)
        except NotFound:
            if not path:
                raise
            return []
        if found.more:
            where = "/".join(path) or "the tenant"
            self._warn(f"Immuta showed {len(found.objects)} objects in {where} and says that there are more; the others are missing here.")
        return found.objects

    # --- shared steps --------------------------------------------------------------------------------------------

    def _native(self, id: str) -> dict[str, Any]:
        """The integration behind a connection; of one that may not be seen just the id."""
        try:
            return self._integrations.get(id)
        except (Forbidden, NotFound):
            return {"id": id, "status": None}

    def _wait_for_jobs(self, answer: Mapping[str, Any], what: str) -> None:
        if self._settings.wait:
            self._jobs_of(answer, what)

    def _jobs_of(self, answer: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
        """The jobs that a request started, completed when the task waits. Raises RemoteFailure for one that failed."""
        bulk = bulk_id(answer)
        if not bulk:
            return []
        try:
            jobs = self._wait(
                lambda: self._jobs(bulk),
                lambda jobs: not (self._settings.wait and _running(jobs)),
                lambda jobs: f"{what} has jobs in state {_states(jobs)}",
                afterwards="Nothing is undone and the jobs go on; no later run waits for them.",
            )
        except (Forbidden, NotFound) as error:
            self._warn(f"The jobs of {what} cannot be seen, so they were not waited for: {error.message}")
            return []
        untold = [job["id"] for job in jobs if job["state"] is None]
        if untold and self._settings.wait:
            self._warn(f"Immuta does not tell the state of the jobs of {what} ({', '.join(untold)}), so they were not waited for.")
        failed = [job for job in jobs if job["state"] in FAILED_JOBS]
        if failed:
            outputs = "; ".join(f"job {job['id']} {job['state']}: {shorten(str(job['output'] or 'no output')).rstrip('.')}" for job in failed)
            raise RemoteFailure(
                f"{what[0].upper()}{what[1:]} failed: {outputs}.",
                hint="See what Immuta reports for it, and mend that. immuta_data_object_sync has it read the platform again.",
                status=str(failed[0]["state"]),
                tests=[],
                jobs=failed,
            )
        return jobs

    def _jobs(self, bulk: str) -> list[dict[str, Any]]:
        """The jobs as they are now. A job can start further ones, so they are listed again each time; those that the list does not show
        to be final are asked for."""
        listed = self._connections.jobs(bulk)
        open_ones = [job["id"] for job in listed if job["state"] not in FINAL_JOBS]
        told = {job["id"]: job for job in self._connections.job_statuses(open_ones) if job["state"] is not None} if open_ones else {}
        return [told.get(job["id"], job) for job in listed]

    def _warn_not_compared(self, wanted: Wanted, observed: Observed) -> None:
        """Nobody shall take for compared what was not."""
        if wanted.connection and not observed.answer:
            self._warn(f"Immuta does not show the settings of {wanted.name}, which its API does for few technologies, so they were not compared.")
        if wanted.native and observed.native_id and not observed.native.get("status"):
            self._warn(f"Immuta does not show the integration behind {wanted.name} to this user, so native_integration was not compared.")
        behind = _holds_secrets(wanted.native, wanted.technology.native_fields)
        if self._settings.update_secrets == "always" and behind and not _holds_secrets(wanted.connection, wanted.technology.fields):
            self._warn(f"Secrets in native_integration of {wanted.name} are not sent: after the registration only those in connection can change.")

    def _warn_unhealthy(self, wanted: Wanted, observed: Observed) -> None:
        if healthy(observed) is not False:
            return
        if is_healthy(observed.native.get("status")) is False:
            self._warn(self._unhealthy(observed.native))
        else:
            self._warn(f"The {wanted.name} has the wanted settings, but its state is {observed.object.get('state')}.")


def healthy(observed: Observed) -> bool | None:
    """True when active, False when Immuta reports a failure, of it or of the integration behind it, None when nobody can tell."""
    native = is_healthy(observed.native.get("status")) if observed.native else True
    state = str(observed.object.get("state") or "").lower()
    if native is False or state not in ("", "active", "inactive", "deleted"):
        return False
    return native if state == "active" else None


def _ids(wanted: Wanted, observed: Observed) -> dict[str, str]:
    """What a connection is known by, as far as it is known."""
    return {"connection_key": wanted.key, **({"native_integration_id": observed.native_id} if observed.native_id else {})}


def _holds_secrets(document: Mapping[str, Any], fields: Sequence[Field]) -> bool:
    return any(secrets_sent(document, fields, Place.of("")))


def _running(jobs: list[dict[str, Any]]) -> bool:
    return any(job["state"] is not None and job["state"] not in FINAL_JOBS for job in jobs)


def _states(jobs: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({str(job["state"]) for job in jobs}))


def offered(ask: Callable[[], T]) -> T | None:
    """The answer; None from a tenant that does not offer it for this one."""
    try:
        return ask()
    except ApiError as error:
        if error.status not in _NOT_OFFERED:
            raise
        return None


def _as_shown(wanted: Wanted, technology: Technology) -> Wanted:
    """What is wanted under the table of the technology that the tenant shows, for a task that did not name it."""
    return wanted if wanted.connection.get("technology") else wanted_connection(wanted.given, technology)


# --- what the tenant would show ----------------------------------------------------------------------------------


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
