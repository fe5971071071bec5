# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that all reconcilers share: create exactly once, validate, wait until the tenant is done. Independent of Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from .._api.connections import Connections
from .._api.integrations import Integrations
from .._core.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    Conflict,
    ImmutaError,
    NotFound,
    RemoteFailure,
    failed_tests,
    printable_test,
    validation_status,
    validation_tests,
)
from .._core.waiting import RESUMES_NEXT_RUN, Clock, wait_until
from .._model.documents import branch_of, branches
from .._model.fields import Field
from .._model.states import FAILED, GONE, TRANSIENT, is_healthy
from .._plan.plan import Plan, Policy
from .outcome import NOT_VALIDATED, plan_as_result

T = TypeVar("T")

#: how often a create is sent if its answer is lost each time, and how often the new object is searched for after each attempt
MAX_CREATE_ATTEMPTS = 3
SEARCHES_AFTER_LOST_ANSWER = 3


@dataclass(frozen=True)
class Settings:
    """The options of a reconciliation."""

    check_mode: bool = False
    #: in check mode: whether the same settings will be sent afterwards
    will_send: bool = False
    server_validation: bool = True
    force_disable: bool = False
    update_secrets: str = "on_create"
    wait: bool = True
    wait_timeout: float = 600
    wait_interval: float = 2

    @staticmethod
    def of(params: Mapping[str, Any], *, check_mode: bool) -> Settings:
        """Return the settings from the options of a task."""
        known = [each.name for each in fields(Settings) if each.name not in ("check_mode", "will_send")]
        return Settings(check_mode=check_mode, **{name: params[name] for name in known if name in params})

    @property
    def policy(self) -> Policy:
        return Policy(self.update_secrets, needs_secrets=self.server_validation or self.will_send or not self.check_mode)


class ReconcilerBase:
    """The base of the reconcilers."""

    def __init__(
        self,
        integrations: Integrations,
        connections: Connections,
        settings: Settings,
        *,
        warn: Callable[[str], None],
        mask: Callable[[Any], Any],
        clock: Clock | None = None,
    ) -> None:
        self._integrations = integrations
        self._connections = connections
        self._settings = settings
        self._warn = warn
        #: masks secrets: a text of the tenant may quote the request, and must be masked before it is shortened
        self._mask = mask
        self._clock = clock or Clock()
        self._deadline: float | None = None

    def _create_once(self, send: Callable[[], dict[str, Any]], find: Callable[[], dict[str, Any] | None]) -> tuple[dict[str, Any], bool]:
        """Return the created object, and whether it was found by a search after a lost or unreadable answer.

        The request is sent again only if its answer was lost and several searches do not find the object: the server may be slow.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return send(), False
            except (AnswerLost, BadAnswer, Conflict) as error:
                ours = attempt > 1 or not isinstance(error, Conflict)
                found = self._search_after_lost_answer(find) if ours else None
                if found is not None:
                    return found, True
                if not isinstance(error, AnswerLost):
                    raise
                if attempt == MAX_CREATE_ATTEMPTS:
                    tried = f"It was sent {attempt} times, and the new object did not appear. The next run searches first."
                    error.hint = " ".join(filter(None, (tried, error.hint)))
                    raise
                self._warn(f"{error.message} The new object did not appear, so the request is sent again.")

    def _search_after_lost_answer(self, find: Callable[[], T | None]) -> T | None:
        for _unused in range(SEARCHES_AFTER_LOST_ANSWER):
            self._clock.sleep(self._clock.jitter(self._settings.wait_interval))
            found = find()
            if found is not None:
                return found
        return None

    def _when_settled(self, id: str, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the answer to the request. While the tenant answers that the integration is being changed, wait and send it again.

        Raise NotFound if the integration is removed in the meantime.
        """

        def attempt() -> dict[str, Any] | None:
            try:
                return send()
            except Conflict as error:
                waits = self._settings.wait and not self._settings.check_mode
                if not waits or not id or not is_being_changed(error):
                    raise
                if self._wait_until_settled(id)["status"] in GONE:
                    raise NotFound(f"Integration {id} was removed meanwhile.", status=404, method=error.facts["method"], path=error.facts["path"]) from error
                return None

        return self._wait(attempt, lambda answer: answer is not None, lambda answer: f"Immuta still reports that integration {id} is being changed") or {}

    def _wait_until_finished(self, id: str, observed: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the integration once Immuta has finished a create or an update. Raise RemoteFailure if that failed. observed: its last known state."""
        integration = self._wait_until_settled(id, observed) if self._settings.wait else observed or self._integrations.get(id)
        status = integration["status"]
        if status in FAILED or status in GONE:
            self._raise_failed(integration)
        if is_healthy(status) is False:
            self._warn(self._unhealthy_message(integration))
        return integration

    def _raise_failed(self, integration: Mapping[str, Any]) -> None:
        raise RemoteFailure(
            f"Integration {integration['id']} ended in status {integration['status']}. {self._why_failed(integration)}",
            hint="Check what Immuta reports for it, fix the cause, and run the task again.",
            status=integration["status"],
            tests=self._tests(integration),
        )

    def _skips_wait(self, integration: Mapping[str, Any]) -> bool:
        """Return whether Immuta is changing the integration and check mode does not wait for that. Warn if so."""
        status = integration.get("status")
        if not self._settings.check_mode or status not in TRANSIENT:
            return False
        self._warn(f"Integration {integration.get('id')} is {status}. Check mode does not wait for that, so it was compared as it is now.")
        return True

    def _unhealthy_message(self, integration: Mapping[str, Any]) -> str:
        """Return the warning about an integration that is not healthy."""
        return f"Integration {integration.get('id')} has the wanted settings, but its status is {integration.get('status')}. {self._why_failed(integration)}"

    def _why_failed(self, integration: Mapping[str, Any]) -> str:
        messages = failed_tests(self._tests(integration))
        return f"Failed tests: {'; '.join(messages)}." if messages else "Immuta reports no failed test."

    def _tests(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return name, status and message of each test in an answer, without C(result), which holds raw rows of the platform."""
        tests = [{key: test[key] for key in ("name", "status", "message") if test.get(key) is not None} for test in validation_tests(answer)]
        return [{"name": "", "status": "", **printable_test(self._mask(test))} for test in tests]

    def _wait_until_settled(self, id: str, observed: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the integration once Immuta is not changing it; if it was removed, only id and status."""
        integration = observed or self._get_or_deleted(id)
        if integration["status"] not in TRANSIENT:
            return integration
        self._wait(lambda: self._status(id), lambda status: status not in TRANSIENT, lambda status: f"integration {id} is {status}")
        # the two endpoints may differ for a moment
        return self._wait(
            lambda: self._get_or_deleted(id), lambda observed: observed["status"] not in TRANSIENT, lambda observed: f"integration {id} is {observed['status']}"
        )

    def _get_or_deleted(self, id: str) -> dict[str, Any]:
        return {"status": None, **(none_if_missing(lambda: self._integrations.get(id)) or {"id": id, "status": "deleted"})}

    def _status(self, id: str) -> str:
        return none_if_missing(lambda: self._integrations.status(id)) or "deleted"

    def _wait(self, look: Callable[[], T], done: Callable[[T], bool], describe: Callable[[T], str], *, after_timeout: str = RESUMES_NEXT_RUN) -> T:
        """Return the first result for which C(done) is true. All waits of a task share one deadline, which starts with the first wait."""
        now = self._clock.monotonic()
        if self._deadline is None:
            self._deadline = now + self._settings.wait_timeout
        left, interval = max(0.0, self._deadline - now), self._settings.wait_interval
        return wait_until(look, done, timeout=left, interval=interval, clock=self._clock, describe=describe, after_timeout=after_timeout)

    def _dry_run(self, send: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Return the tenant's validation of a request that is not carried out; C(not_asked) if the task does not want a validation."""
        if not self._settings.server_validation:
            return dict(NOT_VALIDATED)
        with reporting_dry_run():
            try:
                answer = send()
            except Conflict as error:
                # a refused registration (POST) may mean that the integration exists, which the caller checks
                if not self._settings.check_mode or not is_being_changed(error) or error.facts["method"] == "POST":
                    raise
                self._warn(f"{error.message} So Immuta cannot validate the request now.")
                return dict(NOT_VALIDATED)
            return self._check_validation(answer) or self._unknown_validation()

    def _warn_unknown_branch(self, document: Mapping[str, Any], fields: Sequence[Field], path: str) -> None:
        """Warn about a branch that the tables do not know, such as an authentication type: its options cannot be checked."""
        decider, branch, known = next((each.option for each in fields if each.decides), ""), branch_of(document, fields), branches(fields)
        if branch and known and branch not in known:
            self._warn(f"{path}.{decider} {branch} is not known to this collection ({', '.join(sorted(known))}); it is sent unchanged.")

    def _unknown_validation(self) -> dict[str, Any]:
        self._warn("Immuta accepted the request for a validation but did not report what it validated.")
        return {"status": "unknown", "tests": []}

    def _check_validation(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return the validation in an answer; empty if there is none. Raise RemoteFailure if it failed, and warn about its warnings."""
        tests, status = self._tests(answer), validation_status(answer)
        if status == "failed":
            raise RemoteFailure(f"Immuta's validation failed: {'; '.join(failed_tests(tests)) or 'it does not say why'}.", status=status, tests=tests)
        for test in tests:
            if test["status"] == "warning":
                self._warn(f"Immuta's validation warns: {test['name']}: {test.get('message', '')}")
        return {"status": status, "tests": tests} if status else {}


def none_if_missing(ask: Callable[[], T]) -> T | None:
    """Return the result of C(ask), or None if it raises NotFound."""
    try:
        return ask()
    except NotFound:
        return None


class ChangeProgress:
    """The progress of a change. facts: keys that a failure reports after the request was sent."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = dict(facts)
        self.is_sent = False

    def sent(self, **facts: Any) -> None:
        """Note that the tenant has accepted the request. facts: additional keys for a failure; empty ones are ignored."""
        self.is_sent = True
        self.facts.update({name: value for name, value in facts.items() if value})


@contextmanager
def reporting_changes(plan: Plan | None, **facts: Any) -> Iterator[ChangeProgress]:
    """Add the change to the facts of any error that is raised after the request was sent. plan: None if no settings change."""
    progress = ChangeProgress({**(plan_as_result(plan) if plan else {"changed": True}), **facts})
    try:
        yield progress
    except ImmutaError as error:
        if progress.is_sent or error.in_doubt:
            error.facts = {**progress.facts, **error.facts}
        raise


@contextmanager
def reporting_dry_run() -> Iterator[None]:
    """Add to any error in this block that the request was a dry run and nothing was changed."""
    try:
        yield
    except (ApiError, RemoteFailure) as error:
        error.facts["dry_run"] = True
        error.hint = " ".join(filter(None, [error.hint, "This was a dry run: Immuta has changed nothing."]))
        raise


def is_being_changed(error: Conflict) -> bool:
    """Return whether the tenant refused only because it is changing the integration at the moment."""
    state = re.search(r"state (\w+)", error.server_message)
    return bool(state and state.group(1) in TRANSIENT)
