# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant: the rules by which its integrations are created, edited and deleted, and its scripts made.

Methods are called from a thread pool. Validation and work on warehouses happen outside the registry's lock; what was
decided before them is checked again when the state changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from . import scripts
from .documents import MISSING, Wanted, check_payload, merged, redacted_paths, set_at, value_at
from .integrations import ENDINGS, Integration
from .platforms import PLATFORMS
from .problems import Problem
from .registry import Registry
from .rules import check_credentials, refuse_fixed
from .settings import Settings
from .technologies import SIGN_IN
from .validation import Failed, Inspector, Skipped, Untried, failure, run_tests
from .warehouses import SetupFailed, Warehouses

Results = dict[str, Any]  # validationResults


class Tenant:
    def __init__(self, settings: Settings, warehouses: Warehouses) -> None:
        self.registry = Registry(settings)
        self._settings = settings
        self._warehouses = warehouses
        self._made_passwords: dict[tuple[str, str], str] = {}  # (type, key): given to a script instead of the payload's
        self._asked_scripts: set[tuple[str, str, str]] = set()  # (action, type, key)

    def reset(self) -> None:
        self.registry.reset()
        self._made_passwords.clear()
        self._asked_scripts.clear()

    # -- looking ------------------------------------------------------------------------------------------------------

    def listing(self) -> list[dict[str, Any]]:
        with self.registry.lock:
            return [self.registry.view(record) for record in self.registry.visible()]

    def get(self, id_: str) -> dict[str, Any]:
        with self.registry.lock:
            return self.registry.view(self.registry.found(id_, "Integration"))

    def status(self, id_: str) -> dict[str, Any]:
        with self.registry.lock:
            record = self.registry.found(id_, "Integration")
            return {"id": record.id, "status": record.status}

    # -- changing -----------------------------------------------------------------------------------------------------

    def create(self, payload: Any, *, dry_run: bool) -> dict[str, Any]:
        wanted, results = self.examine(payload, "Unable to create integration.", dry_run=dry_run)
        if dry_run:
            return self._dry_answer("", "creating", results)
        record = self.begin(wanted, results)
        return self._with_first_key(record, self._answer(record, "creating"))

    def examine(self, payload: Any, refusal: str, *, dry_run: bool) -> tuple[Wanted, Results]:
        """What would be created, and its validationResults; a Problem when it cannot be."""
        wanted = self._wanted(payload, {})
        self.registry.refuse_taken(wanted)
        return wanted, self._validated("create", wanted, refusal, dry_run)

    def begin(self, wanted: Wanted, results: Results, *, connected: bool = False) -> Integration:
        """Creates what was examined."""
        record = self.registry.add(wanted, "creating", results)
        record.connected = connected
        self._finish(record, "creating", lambda: self._warehouses.set_up(record, self._settings))
        return record

    def update(self, id_: str, payload: Any, *, dry_run: bool) -> dict[str, Any]:
        record = self._idle(id_, "edit")
        if record.type == "Trino":
            raise Problem(400, "Editing is not supported for Trino integrations.")
        wanted = self._wanted(payload, record.config)
        refuse_fixed(record, wanted)
        self.registry.refuse_taken(wanted, besides=record.id)
        again = wanted.automatic and record.never_created
        results = self._validated("create" if again else "edit", wanted, "Unable to edit integration.", dry_run, record)
        if dry_run:
            return self._dry_answer(id_, "editing", results)
        with self.registry.lock:
            self.registry.refuse_busy(record, "edit")
            old, record.config, record.status, record.results = record.config, wanted.config, "editing", results
        work = self._warehouses.set_up if again else lambda record, settings: self._warehouses.edit(record, old, settings)
        self._finish(record, "editing", lambda: work(record, self._settings), old)
        return self._answer(record, "editing")

    def delete(self, id_: str, body: Any, *, dry_run: bool, force: bool) -> dict[str, Any]:
        record = self._idle(id_, "delete")
        credentials = check_credentials(record, body, needed=not force)
        if record.auto_bootstrap and not force:
            privileged = Wanted(record.type, True, {**record.config, **credentials})
            results = self._validated("delete", privileged, "Unable to delete integration.", dry_run, record)
        else:
            results = run_tests(record.type, record.auto_bootstrap, "delete", Untried())
        if dry_run:
            return self._dry_answer(id_, "deleting", results)
        with self.registry.lock:
            self.registry.refuse_busy(record, "delete")
            if force:
                record.force("disabled", results)
                return self._answer(record, "disabled")
            record.status, record.results = "deleting", results
        self._finish(record, "deleting", lambda: self._warehouses.clean_up(record, credentials, self._settings))
        return self._answer(record, "deleting")

    def refuse_stranger(self, type_: str, config: dict[str, Any], refusal: str) -> None:
        """422 when a connection's own account cannot log in to its platform."""
        inspector = self._warehouses.inspector(type_, False, config, self._settings)
        try:
            inspector.check("login")
        except Skipped:
            pass
        except Failed as failed:
            raise self._refused(refusal, failure("Connection: Basic Connection Test", str(failed))) from None
        finally:
            inspector.close()

    def sign_in(self, id_: int, config: dict[str, Any], refusal: str = "") -> None:
        """How the integration behind a connection signs in from now on; with a refusal it is only tried."""
        record = self.registry.inside(str(id_))
        kept = {name: value for name, value in record.config.items() if name not in SIGN_IN}
        wanted = Wanted(record.type, False, {**kept, **config})
        if refusal:
            self._validated("edit", wanted, refusal, False, record)
        else:
            with self.registry.lock:
                record.config = wanted.config

    def drop(self, id_: int | None) -> None:
        """The integration behind a connection that is gone; its warehouse is left as it is."""
        with self.registry.lock:
            if id_ is not None and self.registry.has(id_):
                self.registry.inside(str(id_)).force("deleted")

    def regenerate(self, id_: str) -> dict[str, Any]:
        record = self.registry.found(id_)
        if record.type != "Trino":
            raise Problem(400, f"Regenerating the API key is not supported for {record.type} integrations.")
        record.account = {"key": secrets.token_hex(16)}
        return {"newKey": record.account["key"]}

    # -- scripts ------------------------------------------------------------------------------------------------------

    def script(self, action: str, payload: Any = None, id_: str | None = None) -> str:
        """The text of a script; those of one integration have an id, and delete has no payload."""
        record = self.registry.found(id_) if id_ is not None else None
        if record is not None and action == "delete":
            if payload not in (None, {}):
                raise Problem(400, "Invalid request payload input: no payload is allowed")
            if record.status == "disabled" and not self._settings.disabled_scripts:
                raise Problem(409, f"Unable to create the delete script of integration with ID {record.id} in current state disabled.")
            return self._script(action, Wanted(record.type, False, record.config), None, given=record.connected)
        wanted = self._wanted(payload, record.config if record else {})
        if wanted.automatic:
            raise Problem(400, 'Invalid request payload input: "autoBootstrap" must be [false]')
        if record is not None:
            refuse_fixed(record, wanted)
        if record is None:
            return self._script(action, wanted, None)
        return self._script(action, wanted, self._with_password(record.type, record.config), given=record.connected)

    def _script(self, action: str, wanted: Wanted, old: dict[str, Any] | None, *, given: bool = False) -> str:
        offered = wanted.platform.scripts
        if wanted.type == "Databricks" and self._settings.databricks_scripts is not True:
            offered = offered - ({"edit"} if self._settings.databricks_scripts else {"edit", "delete"})
        if action not in offered:
            raise Problem(400, f"The {action} script is not available for {wanted.type} integrations.")
        if action == "create" and "initial-create" in offered:
            self._refuse_early(wanted)
        self._asked_scripts.add((action, wanted.type, wanted.key))
        return scripts.script_text(wanted.type, action, self._with_password(wanted.type, wanted.config), old, self._settings, given=given)

    def _refuse_early(self, wanted: Wanted) -> None:
        """The switch script_order: the second script depends on the first."""
        order = self._settings.script_order
        early = order != "any" and ("initial-create", wanted.type, wanted.key) not in self._asked_scripts
        if order == "ran":
            early = self._warehouses.lacks_database(wanted.type, wanted.config, unknown=early)
        if early:
            raise Problem(400, "The initial setup script has not been run yet: the Immuta database does not exist.")

    # -- what only tests do -------------------------------------------------------------------------------------------

    def force(self, id_: str, status: str, message: str | None = None) -> None:
        """Sets a status from outside; a message makes the validation results say so."""
        with self.registry.lock:
            self.registry.inside(id_).force(status, failure("Integration Health", message) if message else None)

    def migrate(self, id_: str) -> None:
        self._finish(self.registry.inside(id_), "migrating", lambda: None)

    def revalidate(self, id_: str) -> dict[str, Any]:
        """The recurring validation, now: enabled, or recurringValidationError with the tests that failed."""
        record = self.registry.inside(id_)
        # with the system account; an automatic set-up that no warehouse was known for never made one
        automatic = record.auto_bootstrap and record.account is None
        config = record.config if record.account is None else {**record.config, **record.account, "role": None}
        results = self._tests("check", Wanted(record.type, automatic, config), record)
        with self.registry.lock:
            record.force("recurringValidationError" if results["status"] == "failed" else "enabled", results)
            return self.registry.view(record)

    # -- answers ------------------------------------------------------------------------------------------------------

    def _answer(self, record: Integration, status: str) -> dict[str, Any]:
        shown = record.status if self._settings.transitions == "immediate" else status
        return {"id": str(record.id), "status": shown, "validationResults": record.results}

    def _dry_answer(self, id_: str, status: str, results: Results) -> dict[str, Any]:
        whole = {"id": id_ or None, "status": status, "validationResults": results}
        return whole if self._settings.dry_run_form == "object" else {"validationResults": results}

    def _with_first_key(self, record: Integration, answer: dict[str, Any]) -> dict[str, Any]:
        """Trino is created with an API key."""
        if record.type == "Trino":
            record.account = {"key": secrets.token_hex(16)}
            if self._settings.trino_key != "absent":
                answer[self._settings.trino_key] = record.account["key"]
        return answer

    # -- how ----------------------------------------------------------------------------------------------------------

    def _idle(self, id_: str, what: str) -> Integration:
        with self.registry.lock:
            record = self.registry.found(id_)
            self.registry.refuse_busy(record, what)
            return record

    def _wanted(self, payload: Any, stored: dict[str, Any]) -> Wanted:
        """What a payload asks for, with the server's defaults; stored: the config of the integration it is for."""
        wanted = check_payload(payload)
        config = self._known_secrets(wanted, stored)
        if self._settings.put == "merge":
            config = merged(stored, config)
        return replace(wanted, config=config).expanded()

    def _known_secrets(self, wanted: Wanted, stored: dict[str, Any]) -> dict[str, Any]:
        """The config with redacted secrets stored, refused or replaced by what is known, as the switch says."""
        paths = redacted_paths(wanted.platform, wanted.config)
        if not paths or self._settings.redacted_values == "store":
            return wanted.config
        if self._settings.redacted_values == "reject":
            named = ", ".join(f'"config.{path}" must not be a redacted value' for path in paths)
            raise Problem(400, f"Invalid request payload input: {named}")
        config = merged({}, wanted.config)
        for path in paths:
            if value_at(stored, path) is not MISSING:
                set_at(config, path, value_at(stored, path))
        return config

    def _with_password(self, type_: str, config: dict[str, Any]) -> dict[str, Any]:
        """The config with the system account's password: the payload's, or the one that a script was given instead."""
        if self._settings.script_password == "payload" or "password" not in config:
            return config
        made = (type_, str(value_at(config, PLATFORMS[type_].key or "")).lower())
        return {**config, "password": self._made_passwords.setdefault(made, secrets.token_urlsafe(18))}

    def _validated(self, purpose: str, wanted: Wanted, refusal: str, dry_run: bool, record: Integration | None = None) -> Results:
        """validationResults; 422 when a test failed."""
        results = self._tests(purpose, wanted, record)
        if results["status"] != "failed" or (dry_run and self._settings.dry_run_failure == 200):
            return results
        raise self._refused(refusal, results)

    def _refused(self, refusal: str, results: Results) -> Problem:
        body = {"validationResults": results}
        where = {"top": body, "details": {"details": body}, "absent": {}}[self._settings.validation_in_422]
        return Problem(422, f"Validation of prerequisite setup failed. {refusal}", **where)

    def _tests(self, purpose: str, wanted: Wanted, record: Integration | None) -> Results:
        inspector: Inspector
        if wanted.type == "Native S3":
            inspector = Registered(self.registry.others(wanted.type, record.id if record else None), wanted.config)
        else:
            config = wanted.config if wanted.automatic or (record and record.account) else self._with_password(wanted.type, wanted.config)
            inspector = self._warehouses.inspector(wanted.type, wanted.automatic, config, self._settings)
        try:
            return run_tests(wanted.type, wanted.automatic, purpose, inspector)
        finally:
            inspector.close()

    def _finish(self, record: Integration, status: str, work: Callable[[], None], old: dict[str, Any] | None = None) -> None:
        """Does the tenant's own work on an automatic integration's warehouse, and lets the status end as that went."""
        word = ENDINGS[status][0]
        error = failure(f"Integration {word}", str(self._settings.fails[word])) if word in self._settings.fails else None
        try:
            if record.auto_bootstrap:
                work()
        except SetupFailed as failed:
            error = failure(f"Integration {word}", str(failed))
        self.registry.begin(record, status, error, old)


class Registered:
    """The inspector of Native S3: what the tenant knows by itself."""

    def __init__(self, others: list[Integration], config: dict[str, Any]) -> None:
        self._others = others
        self._config = config

    def check(self, name: str) -> Any:
        attribute = {"configuration_unique": "awsLocationPath", "name_unique": "name"}[name]
        for other in self._others:
            if other.config.get(attribute) == self._config.get(attribute):
                raise Failed(f"{attribute} {self._config[attribute]} is in use by the integration with ID {other.id}.")
        return []

    def close(self) -> None:
        pass
