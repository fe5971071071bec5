# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant: its integrations, and the rules by which they are created, edited, deleted and looked at.

Methods are called from a thread pool. Validation talks to warehouses and runs outside the lock; what it decided is
checked again when the state changes.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from . import scripts
from .documents import MISSING, check_payload, expanded, merged, redacted, redacted_paths, set_at, value_at
from .integrations import GONE, TRANSIENT, Integration, same_key
from .platforms import PLATFORMS, Platform
from .problems import Problem
from .settings import Settings
from .validation import Failed, Inspector, failure, run_tests
from .warehouses import SetupFailed, Warehouses


class Tenant:
    def __init__(self, settings: Settings, warehouses: Warehouses, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.warehouses = warehouses
        self._clock = clock
        self._lock = threading.RLock()
        self._records: dict[int, Integration] = {}
        self._last_id = 0
        self.made_passwords: dict[tuple[str, str], str] = {}  # (type, key): what a script was given instead of the payload's
        self.asked_scripts: set[tuple[str, str, str]] = set()  # (action, type, key)

    # -- looking ------------------------------------------------------------------------------------------------------

    def listing(self) -> list[dict[str, Any]]:
        with self._lock:
            return [self._view(record) for record in self._visible()]

    def get(self, id_: str) -> dict[str, Any]:
        with self._lock:
            return self._view(self._found(id_, "Integration"))

    def status(self, id_: str) -> dict[str, Any]:
        with self._lock:
            record = self._found(id_, "Integration")
            return {"id": record.id, "status": record.status}

    # -- changing -----------------------------------------------------------------------------------------------------

    def create(self, payload: Any, *, dry_run: bool) -> dict[str, Any]:
        type_, automatic, config = check_payload(payload)
        platform = PLATFORMS[type_]
        config = expanded(platform, self._known_secrets(platform, config, {}))
        with self._lock:
            self._refuse_taken(type_, config)
        results = self._validated("create", type_, automatic, config, "Unable to create integration.", dry_run)
        if dry_run:
            return self._dry_answer(None, "creating", results)
        with self._lock:
            self._refuse_taken(type_, config)
            record = self._add(Integration(self._next_id(), type_, automatic, config, "creating", results))
        self._finish(record, "creating", self._set_up(record))
        return self._created(record)

    def update(self, id_: str, payload: Any, *, dry_run: bool) -> dict[str, Any]:
        with self._lock:
            record = self._found(id_)
            self._refuse_busy(record, "edit")
        type_, automatic, config = check_payload(payload)
        if record.type == "Trino":
            raise Problem(400, "Editing is not supported for Trino integrations.")
        platform = PLATFORMS[type_]
        config = self._known_secrets(platform, config, record.config)
        config = expanded(platform, merged(record.config, config) if self.settings.put == "merge" else config)
        refuse_fixed(record, type_, automatic, config)
        self._refuse_taken(type_, config, besides=record.id)
        purpose = "create" if automatic and record.never_created else "edit"
        results = self._validated(purpose, type_, automatic, config, "Unable to edit integration.", dry_run, record)
        if dry_run:
            return self._dry_answer(record, "editing", results)
        with self._lock:
            self._refuse_busy(record, "edit")
            old, record.config, record.status, record.results = record.config, config, "editing", results
        error = self._set_up(record) if purpose == "create" else self._edit(record, old)
        self._finish(record, "editing", error, old)
        return self._answer(record, "editing")

    def delete(self, id_: str, body: Any, *, dry_run: bool, force: bool) -> dict[str, Any]:
        with self._lock:
            record = self._found(id_)
            self._refuse_busy(record, "delete")
        credentials = check_credentials(record, body, needed=not force)
        results = record.results
        if record.auto_bootstrap and not force:
            config = {**record.config, **credentials}
            results = self._validated("delete", record.type, True, config, "Unable to delete integration.", dry_run, record)
        if dry_run:
            return self._dry_answer(record, "deleting", results)
        with self._lock:
            self._refuse_busy(record, "delete")
            if force:
                record.force("disabled")
                return self._answer(record, "disabled")
            record.status, record.results = "deleting", results
        self._finish(record, "deleting", self._clean_up(record, credentials))
        return self._answer(record, "deleting")

    def regenerate(self, id_: str) -> dict[str, Any]:
        with self._lock:
            record = self._found(id_)
            if record.type != "Trino":
                raise Problem(400, f"Regenerating the API key is not supported for {record.type} integrations.")
            record.account = {"key": secrets.token_hex(16)}
            return {"newKey": record.account["key"]}

    def script(self, action: str, payload: Any = None, id_: str | None = None) -> str:
        record = None
        if id_ is not None:
            with self._lock:
                record = self._found(id_)
        if action == "delete" and record is not None:
            if payload not in (None, {}):
                raise Problem(400, "Invalid request payload input: no payload is allowed")
            return scripts.make(self, action, record.type, record.config, record)
        type_, automatic, config = check_payload(payload)
        if automatic:
            raise Problem(400, 'Invalid request payload input: "autoBootstrap" must be [false]')
        config = expanded(PLATFORMS[type_], self._known_secrets(PLATFORMS[type_], config, record.config if record else {}))
        if record is not None:
            refuse_fixed(record, type_, automatic, config)
        return scripts.make(self, action, type_, config, record)

    # -- what only tests do -------------------------------------------------------------------------------------------

    def reset(self) -> None:
        with self._lock:
            self._records.clear()
            self._last_id = 0
            self.made_passwords.clear()
            self.asked_scripts.clear()

    def seed(self, document: dict[str, Any]) -> str:
        """Puts an integration there as if it had been made earlier; returns its id. ValueError for an unknown type."""
        type_ = document.get("type", "")
        if type_ not in PLATFORMS:
            raise ValueError(f"there is no integration type {type_!r}")
        with self._lock:
            id_ = int(document["id"]) if "id" in document else self._next_id()
            self._last_id = max(self._last_id, id_)
            status = document.get("status", "enabled")
            results = document.get("validationResults") or {"status": "passed", "validationTests": []}
            config = expanded(PLATFORMS[type_], document.get("config") or {})
            record = Integration(id_, type_, document.get("autoBootstrap", False), config, status, results)
            record.never_created = status == "createError"
            self._add(record)
        return str(id_)

    def force(self, id_: str, status: str, message: str | None = None) -> None:
        """Sets a status from outside; a message makes the validation results say so."""
        with self._lock:
            results = failure("Integration Health", message) if message else None
            self._records[int(id_)].force(status, results)

    def migrate(self, id_: str) -> None:
        with self._lock:
            self._begin(self._records[int(id_)], "migrating", None)

    def revalidate(self, id_: str) -> dict[str, Any]:
        """The recurring validation, now: enabled, or recurringValidationError with the tests that failed."""
        with self._lock:
            record = self._records[int(id_)]
        config = {**record.config, **(record.account or {}), "authenticationType": "userPassword"} if record.account else record.config
        results = self._tests("check", record.type, False if record.account else record.auto_bootstrap, config, record)
        with self._lock:
            record.force("recurringValidationError" if results["status"] == "failed" else "enabled", results)
            return self._view(record)

    def inside(self) -> list[dict[str, Any]]:
        """Everything as it is stored, secrets included; no look that moves anything on."""
        with self._lock:
            return [
                {"id": str(r.id), "type": r.type, "autoBootstrap": r.auto_bootstrap, "status": r.status, "config": r.config, "account": r.account}
                for r in self._records.values()
            ]

    def system_password(self, type_: str, config: dict[str, Any]) -> str:
        """The system account's password: the payload's, or the one that the script was given instead."""
        own = str(config.get("password", ""))
        if self.settings.script_password == "payload":
            return own
        return self.made_passwords.setdefault((type_, key_of(type_, config)), secrets.token_urlsafe(18))

    # -- answers ------------------------------------------------------------------------------------------------------

    def _view(self, record: Integration) -> dict[str, Any]:
        document: dict[str, Any] = {"id": str(record.id), "status": record.status, "validationResults": record.results, "type": record.type}
        if record.type != "Trino":
            document["autoBootstrap"] = record.auto_bootstrap
            document["config"] = redacted(PLATFORMS[record.type], record.config, self.settings)
        return document

    def _answer(self, record: Integration, status: str) -> dict[str, Any]:
        shown = record.status if self.settings.transitions == "immediate" else status
        return {"id": str(record.id), "status": shown, "validationResults": record.results}

    def _created(self, record: Integration) -> dict[str, Any]:
        answer = self._answer(record, "creating")
        if record.type == "Trino":
            record.account = {"key": secrets.token_hex(16)}
            if self.settings.trino_key != "absent":
                answer[self.settings.trino_key] = record.account["key"]
        return answer

    def _dry_answer(self, record: Integration | None, status: str, results: dict[str, Any]) -> dict[str, Any]:
        if self.settings.dry_run_form == "results":
            return {"validationResults": results}
        return {"id": str(record.id) if record else None, "status": status, "validationResults": results}

    # -- rules --------------------------------------------------------------------------------------------------------

    def _visible(self) -> list[Integration]:
        """The integrations that the API shows, each having been looked at."""
        return [record for record in list(self._records.values()) if self._seen(record)]

    def _found(self, id_: str, word: str = "integration") -> Integration:
        record = self._records.get(int(id_))
        if record is None or not self._seen(record):
            raise Problem(404, f"No {word} found with ID {id_}.")
        return record

    def _seen(self, record: Integration) -> bool:
        record.look(self._clock())
        shown = {"deleted": self.settings.show_deleted, "disabled": self.settings.show_disabled}
        return bool(shown.get(record.status, True))

    def _refuse_busy(self, record: Integration, what: str) -> None:
        if record.status in TRANSIENT or record.status in GONE:
            raise Problem(409, f"Unable to {what} integration with ID {record.id} in current state {record.status}.")

    def _refuse_taken(self, type_: str, config: dict[str, Any], besides: int | None = None) -> None:
        key = PLATFORMS[type_].key
        name = value_at(config, key) if key else None
        for other in self._records.values():
            rival = other.type == type_ and other.id != besides and other.status not in GONE
            if not rival or (key and not same_key(value_at(other.config, key), name)):
                continue
            if other.status == "createError":
                where = f" on host {name}" if key else ""
                raise Problem(
                    400,
                    f"Use PUT /integrations/{other.id} endpoint to update connection information for {type_} integration"
                    f"{where} (id = {other.id}) that previously failed to create.",
                )
            where = f" {self.settings.conflict_wording} {name}" if key else ""
            raise Problem(409, f"{type_} integration already exists{where} (id = {other.id}){'' if self.settings.conflict_wording == 'on host' else '.'}")

    def _known_secrets(self, platform: Platform, config: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
        """The config with redacted secrets stored, refused or replaced by what is known, as the switch says."""
        paths = redacted_paths(platform, config)
        if not paths or self.settings.redacted_values == "store":
            return config
        if self.settings.redacted_values == "reject":
            raise Problem(400, "Invalid request payload input: " + ", ".join(f'"config.{path}" must not be a redacted value' for path in paths))
        config = merged({}, config)
        for path in paths:
            if value_at(stored, path) is not MISSING:
                set_at(config, path, value_at(stored, path))
        return config

    # -- validation and work on the warehouse -------------------------------------------------------------------------

    def _validated(
        self, purpose: str, type_: str, automatic: bool, config: dict[str, Any], refusal: str, dry_run: bool, record: Integration | None = None
    ) -> dict[str, Any]:
        results = self._tests(purpose, type_, automatic, config, record)
        if results["status"] != "failed" or (dry_run and self.settings.dry_run_failure == 200):
            return results
        where = {"top": {"validationResults": results}, "details": {"details": {"validationResults": results}}, "absent": {}}
        raise Problem(422, f"Validation of prerequisite setup failed. {refusal}", **where[self.settings.validation_in_422])

    def _tests(self, purpose: str, type_: str, automatic: bool, config: dict[str, Any], record: Integration | None) -> dict[str, Any]:
        inspector: Inspector
        if type_ == "Native S3":
            inspector = Registered(self, config, record.id if record else None)
        else:
            password = None if automatic or (record and record.account) else self.system_password(type_, config)
            inspector = self.warehouses.inspector(type_, config, password, self.settings)
        try:
            return run_tests(type_, automatic, purpose, inspector)
        finally:
            inspector.close()

    def _set_up(self, record: Integration) -> dict[str, Any] | None:
        return self._work("Create Immuta Objects", record, lambda: self.warehouses.set_up(record, self.settings))

    def _edit(self, record: Integration, old: dict[str, Any]) -> dict[str, Any] | None:
        return self._work("Edit Immuta Objects", record, lambda: self.warehouses.edit(record, old, self.settings))

    def _clean_up(self, record: Integration, credentials: dict[str, Any]) -> dict[str, Any] | None:
        return self._work("Remove Immuta Objects", record, lambda: self.warehouses.clean_up(record, credentials, self.settings))

    def _work(self, name: str, record: Integration, work: Callable[[], None]) -> dict[str, Any] | None:
        """What the tenant does itself on an automatic integration's warehouse; validationResults when it failed."""
        if not record.auto_bootstrap:
            return None
        try:
            work()
        except SetupFailed as error:
            return failure(name, str(error))
        return None

    def _finish(self, record: Integration, status: str, error: dict[str, Any] | None, old: dict[str, Any] | None = None) -> None:
        with self._lock:
            self._begin(record, status, error, old)

    def _begin(self, record: Integration, status: str, error: dict[str, Any] | None, old: dict[str, Any] | None = None) -> None:
        word = {"creating": "create", "editing": "edit", "deleting": "delete", "migrating": "migrate"}[status]
        if word in self.settings.fails:
            error = error or failure(f"Integration {word}", str(self.settings.fails[word]))
        record.begin(status, error=error, transitions=self.settings.transitions, now=self._clock(), old=old)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _add(self, record: Integration) -> Integration:
        self._records[record.id] = record
        return record

    def others(self, type_: str, besides: int | None) -> list[Integration]:
        with self._lock:
            return [r for r in self._records.values() if r.type == type_ and r.id != besides and r.status not in GONE]


class Registered:
    """The inspector of Native S3: what the tenant knows by itself."""

    def __init__(self, tenant: Tenant, config: dict[str, Any], besides: int | None) -> None:
        self._others = tenant.others("Native S3", besides)
        self._config = config

    def check(self, name: str) -> Any:
        attribute = {"configuration_unique": "awsLocationPath", "name_unique": "name"}[name]
        for other in self._others:
            if other.config.get(attribute) == self._config.get(attribute):
                raise Failed(f"{attribute} {self._config[attribute]} is in use by the integration with ID {other.id}.")
        return []

    def close(self) -> None:
        pass


def key_of(type_: str, config: dict[str, Any]) -> str:
    key = PLATFORMS[type_].key
    return str(config.get(key, "")).lower() if key else ""


def refuse_fixed(record: Integration, type_: str, automatic: bool, config: dict[str, Any]) -> None:
    """400 naming the attributes that a PUT or an edit script must not change."""
    changed = [name for name, old, new in (("type", record.type, type_), ("autoBootstrap", record.auto_bootstrap, automatic)) if old != new]
    if "type" not in changed:
        fixed = PLATFORMS[type_].immutable
        changed += [f"config.{path}" for path in fixed if value_at(record.config, path) != value_at(config, path)]
    if changed:
        raise Problem(400, f"Unable to edit integration due to changes of non-editable attribute(s). {', '.join(changed)}")


def check_credentials(record: Integration, body: Any, *, needed: bool) -> dict[str, Any]:
    """The body of a DELETE by the documented rules: the flat credentials of an automatic set-up, or nothing."""
    platform = PLATFORMS[record.type]
    given = body not in (None, {})
    if given and not (record.auto_bootstrap and platform.delete_credentials):
        if record.auto_bootstrap:
            raise Problem(400, f"Credentials are not required to disable {record.type} [Unity Catalog] integrations.")
        raise Problem(400, "Credentials are not required for disable unless the integration was automatically bootstrapped.")
    if not platform.delete_credentials or not record.auto_bootstrap or not (given or needed):
        return {}
    if not isinstance(body, dict):
        raise Problem(400, "Privileged credentials are required to disable an automatically bootstrapped integration.")
    method = body.get("authenticationType")
    wanted = platform.required_by_auth.get(method, ("authenticationType",)) if isinstance(method, str) else ("authenticationType",)
    missing = [path for path in wanted if value_at(body, path) in (MISSING, None, "") or path == "authenticationType"]
    if missing:
        named = ", ".join(f'"{path}" is required' for path in missing)
        raise Problem(400, f"Privileged credentials are required to disable an automatically bootstrapped integration: {named}")
    return dict(body)
