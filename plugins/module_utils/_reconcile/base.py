# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that every reconciler takes: send once, have validated, wait until the tenant is done. No Ansible in it.

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

#: how often a create is sent whose answer is lost each time, and how often what it makes is looked for in between
MAX_CREATE_ATTEMPTS = 3
SEARCHES_AFTER_LOST_ANSWER = 3


@dataclass(frozen=True)
class Settings:
    """How to go about it."""

    check_mode: bool = False
    #: in check mode: whether the same settings are going to be sent afterwards
    will_send: bool = False
    server_validation: bool = True
    force_disable: bool = False
    update_secrets: str = "on_create"
    wait: bool = True
    wait_timeout: float = 600
    wait_interval: float = 2

    @staticmethod
    def of(params: Mapping[str, Any], *, check_mode: bool) -> Settings:
        """The settings that a task gave."""
        known = [each.name for each in fields(Settings) if each.name not in ("check_mode", "will_send")]
        return Settings(check_mode=check_mode, **{name: params[name] for name in known if name in params})

    @property
    def policy(self) -> Policy:
        return Policy(self.update_secrets, needs_secrets=self.server_validation or self.will_send or not self.check_mode)


class ReconcilerBase:
    """What the reconcilers have in common."""

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
        #: hides secrets: what the tenant says can quote the request, and has to be masked before it is shortened
        self._mask = mask
        self._clock = clock or Clock()
        self._deadline: float | None = None

    def _create_once(self, send: Callable[[], dict[str, Any]], find: Callable[[], dict[str, Any] | None]) -> tuple[dict[str, Any], bool]:
        """Send it, and whether it had to be found: after a lost or unreadable answer look for it, and what is there was made by it.

        It is sent again only when it was lost and is not there, which is looked for several times: the server may still be at it.
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
                    tried = f"It was sent {attempt} times, and what it makes did not appear. The next run looks first."
                    error.hint = " ".join(filter(None, (tried, error.hint)))
                    raise
                self._warn(f"{error.message} What it makes did not appear, so it is sent again.")

    def _search_after_lost_answer(self, find: Callable[[], T | None]) -> T | None:
        for _unused in range(SEARCHES_AFTER_LOST_ANSWER):
            self._clock.sleep(self._clock.jitter(self._settings.wait_interval))
            found = find()
            if found is not None:
                return found
        return None

    def _when_settled(self, id: str, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Send it; when the tenant answers that the integration is being changed, wait and send it again. Raises NotFound when it is gone by then."""

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

        return self._wait(attempt, lambda answer: answer is not None, lambda _: f"Immuta keeps saying that integration {id} is being changed") or {}

    def _wait_until_finished(self, id: str, seen: dict[str, Any] | None = None) -> dict[str, Any]:
        """The whole integration after a create or an update, once Immuta is done with it. C(seen): a look that was taken already."""
        integration = self._wait_until_settled(id, seen) if self._settings.wait else seen or self._integrations.get(id)
        status = integration["status"]
        if status in FAILED or status in GONE:
            self._raise_failed(integration)
        if is_healthy(status) is False:
            self._warn(self._unhealthy_message(integration))
        return integration

    def _raise_failed(self, integration: Mapping[str, Any]) -> None:
        raise RemoteFailure(
            f"Integration {integration['id']} ended in status {integration['status']}. {self._why_failed(integration)}",
            hint="See what Immuta reports for it, mend that, and run this again.",
            status=integration["status"],
            tests=self._tests(integration),
        )

    def _skips_wait(self, integration: Mapping[str, Any]) -> bool:
        """Whether something is under way that nobody waits for: in check mode. Warns of it."""
        status = integration.get("status")
        if not self._settings.check_mode or status not in TRANSIENT:
            return False
        self._warn(f"Integration {integration.get('id')} is {status}: it is not waited for in check mode, and was compared as it is now.")
        return True

    def _unhealthy_message(self, integration: Mapping[str, Any]) -> str:
        """What to warn of."""
        return f"Integration {integration.get('id')} has the wanted settings, but its status is {integration.get('status')}. {self._why_failed(integration)}"

    def _why_failed(self, integration: Mapping[str, Any]) -> str:
        messages = failed_tests(self._tests(integration))
        return f"Failed tests: {'; '.join(messages)}." if messages else "The tenant lists no failed test."

    def _tests(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Name, status and message of each test in an answer. Their C(result) holds raw rows of the platform and stays behind."""
        kept = [{key: test[key] for key in ("name", "status", "message") if test.get(key) is not None} for test in validation_tests(answer)]
        return [{"name": "", "status": "", **printable_test(self._mask(test))} for test in kept]

    def _wait_until_settled(self, id: str, seen: dict[str, Any] | None = None) -> dict[str, Any]:
        """The integration once nothing is under way any more; of one that is gone just id and status."""
        integration = seen or self._get_or_deleted(id)
        if integration["status"] not in TRANSIENT:
            return integration
        self._wait(lambda: self._status(id), lambda status: status not in TRANSIENT, lambda status: f"integration {id} is {status}")
        # the two endpoints may disagree for a moment
        return self._wait(lambda: self._get_or_deleted(id), lambda seen: seen["status"] not in TRANSIENT, lambda seen: f"integration {id} is {seen['status']}")

    def _get_or_deleted(self, id: str) -> dict[str, Any]:
        return {"status": None, **(none_if_missing(lambda: self._integrations.get(id)) or {"id": id, "status": "deleted"})}

    def _status(self, id: str) -> str:
        return none_if_missing(lambda: self._integrations.status(id)) or "deleted"

    def _wait(self, look: Callable[[], T], done: Callable[[T], bool], describe: Callable[[T], str], *, after_timeout: str = RESUMES_NEXT_RUN) -> T:
        """All waits of a task share one deadline, which starts with the first of them."""
        now = self._clock.monotonic()
        if self._deadline is None:
            self._deadline = now + self._settings.wait_timeout
        left, interval = max(0.0, self._deadline - now), self._settings.wait_interval
        return wait_until(look, done, timeout=left, interval=interval, clock=self._clock, describe=describe, after_timeout=after_timeout)

    def _dry_run(self, send: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """What the tenant says of a request before it is made; not asked where the task does not want it to be."""
        if not self._settings.server_validation:
            return dict(NOT_VALIDATED)
        with reporting_dry_run():
            try:
                answer = send()
            except Conflict as error:
                # a registration that is refused may be of one that is there, which is looked at
                if not self._settings.check_mode or not is_being_changed(error) or error.facts["method"] == "POST":
                    raise
                self._warn(f"{error.message} So Immuta does not validate this now.")
                return dict(NOT_VALIDATED)
            return self._check_validation(answer) or self._unknown_validation()

    def _warn_unknown_branch(self, document: Mapping[str, Any], fields: Sequence[Field], path: str) -> None:
        """Warn of an alternative that the tables do not know, such as an authentication type: nobody can tell what belongs to it."""
        decider, branch, known = next((each.option for each in fields if each.decides), ""), branch_of(document, fields), branches(fields)
        if branch and known and branch not in known:
            self._warn(f"{path}.{decider} {branch} is none that this collection knows ({', '.join(sorted(known))}); it is sent as it is.")

    def _unknown_validation(self) -> dict[str, Any]:
        self._warn("Immuta was asked to validate this, and accepted it without saying what it had validated.")
        return {"status": "unknown", "tests": []}

    def _check_validation(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's validation, raised when it failed and warned of when it says so; empty when there is none in it."""
        tests, status = self._tests(answer), validation_status(answer)
        if status == "failed":
            raise RemoteFailure(f"Immuta's validation failed: {'; '.join(failed_tests(tests)) or 'it does not say why'}.", status=status, tests=tests)
        for test in tests:
            if test["status"] == "warning":
                self._warn(f"Immuta's validation warns: {test['name']}: {test.get('message', '')}")
        return {"status": status, "tests": tests} if status else {}


def none_if_missing(ask: Callable[[], T]) -> T | None:
    """The answer; None when there is nothing there."""
    try:
        return ask()
    except NotFound:
        return None


class ChangeProgress:
    """How far a change has got. C(facts): what a failure says of it once it was sent."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = dict(facts)
        self.is_sent = False

    def sent(self, **facts: Any) -> None:
        """The tenant has taken the request. C(facts): what is known since then; what is empty is not."""
        self.is_sent = True
        self.facts.update({name: value for name, value in facts.items() if value})


@contextmanager
def reporting_changes(plan: Plan | None, **facts: Any) -> Iterator[ChangeProgress]:
    """Whatever fails in here after the request was sent says that something changed, and what. C(plan): None for what changes no settings."""
    progress = ChangeProgress({**(plan_as_result(plan) if plan else {"changed": True}), **facts})
    try:
        yield progress
    except ImmutaError as error:
        if progress.is_sent or error.in_doubt:
            error.facts = {**progress.facts, **error.facts}
        raise


@contextmanager
def reporting_dry_run() -> Iterator[None]:
    """What is refused in here was only asked; whoever reads the refusal has to know that nothing was changed."""
    try:
        yield
    except (ApiError, RemoteFailure) as error:
        error.facts["dry_run"] = True
        error.hint = " ".join(filter(None, [error.hint, "This was a dry run: Immuta has changed nothing."]))
        raise


def is_being_changed(error: Conflict) -> bool:
    """Whether it is a refusal that passes: the integration is being changed."""
    state = re.search(r"state (\w+)", error.server_message)
    return bool(state and state.group(1) in TRANSIENT)
