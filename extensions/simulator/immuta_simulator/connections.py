# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenant's connections: registered, edited, read and removed with what is in them (Connections API).

As for integrations, validation on warehouses happens outside the lock, and what was decided before is checked again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .documents import Wanted
from .jobs import Jobs
from .objects import Objects, Path
from .problems import Problem
from .settings import Settings
from .technologies import SIGN_IN, TECHNOLOGIES, Registration, check_connection, check_registration, check_settings, invalid, native_payload, shown
from .tenant import Results, Tenant

TIME = "2024-12-22T18:28:46.328Z"
ADMIN = {"id": 2, "name": "Taylor Smith", "email": "taylor@example.com"}
MADE = {"createdAt": TIME, "createdBy": 2, "updatedAt": TIME, "updatedBy": 2, "creator": ADMIN, "updater": ADMIN}
REFUSAL = "Unable to register connection."


class Connections:
    def __init__(self, settings: Settings, tenant: Tenant, jobs: Jobs) -> None:
        self._settings = settings
        self._tenant = tenant
        self._jobs = jobs
        self._lock = jobs.lock
        self._documents: dict[str, dict[str, Any]] = {}  # connectionKey: connection, nativeIntegrationId, and what answers add
        self._natives: dict[str, dict[str, Any]] = {}  # nativeIntegration as it was registered
        self._contents: dict[str, list[Path]] = {}  # what is on the platform, where a test has said it
        self._lags: dict[str, tuple[int, str]] = {}  # connectionKey: for so many looks its state is still this one
        self._objects = Objects()

    # -- connections --------------------------------------------------------------------------------------------------

    def register(self, payload: Any, *, dry_run: bool) -> dict[str, Any]:
        """POST /data/connection, or its test."""
        self._refuse_user()
        registration = check_registration(payload)
        self._refuse_taken(registration.key)
        native, results = self._examine(registration, dry_run=dry_run)
        if dry_run:
            return {"validationResults": results}
        with self._lock:
            self._refuse_taken(registration.key)
            self._put(registration, str(self._tenant.begin(native, results, connected=True).id) if native else None)
            self._lag(registration.key, "inactive")
        path = (registration.key,)
        work = self._reading(path) if registration.recursive else lambda: None
        return {"objectPath": list(path), **self._jobs.start("register", registration.key, work)}

    def get(self, key: str) -> dict[str, Any]:
        with self._lock:
            self._jobs.look_at(key)
            document = self._found(key)
            connection = shown(document["connection"], self._settings.connection_secrets)
            state = self._state((key,), looks=True) if self._settings.state_in == "connection" else {}
            return {"connectionKey": key, **MADE, **document, "connection": {**connection, **state}}

    def preview(self, key: str) -> dict[str, Any]:
        """GET /api/connections/{key}: of two technologies, every secret in its place, masked."""
        with self._lock:
            document = self._documents.get(key)
            technology = document["connection"].get("technology") if document else None
            if document is None or technology not in ("Snowflake", "Databricks"):
                raise Problem(404, "Connection not found.")
            credential = shown({name: value for name, value in document["connection"].items() if name in SIGN_IN}, "[REDACTED]")
            return {"connectionKey": key, "technology": technology, "clientConfiguration": {"credential": credential}, **self._state((key,), looks=False)}

    def has(self, key: str) -> bool:
        with self._lock:
            return (key,) in self._objects

    def update(self, key: str, payload: Any) -> dict[str, Any]:
        """PUT /data/connection/{key}: how the tenant reaches the platform, and nothing else."""
        old, native = self._editable(key)
        body = payload if isinstance(payload, dict) else {}
        connection = check_connection(body.get("connection"))
        if connection["technology"] != old["connection"].get("technology", connection["technology"]):
            raise Problem(400, "Unable to edit connection due to changes of non-editable attribute(s). connection.technology")
        if body.get("nativeIntegration") not in (None, native):
            raise Problem(400, "Unable to edit connection due to changes of non-editable attribute(s). nativeIntegration")
        sign_in = native_payload(connection, {})["config"]
        if native is not None:
            self._refuse_moved(connection, old["connection"])
            self._tenant.sign_in(old["nativeIntegrationId"], sign_in, "Unable to edit connection.")
            self._tenant.refuse_stranger(TECHNOLOGIES[connection["technology"]].native or "", own_login(sign_in, connection), "Unable to edit connection.")

        def work() -> None:
            old["connection"] = connection
            self._lag(key, "inactive")
            if native is not None:
                self._tenant.sign_in(old["nativeIntegrationId"], sign_in)

        return {"objectPath": [key], **self._jobs.start("update", key, self._while_there((key,), work))}

    # -- objects ------------------------------------------------------------------------------------------------------

    def object(self, path: Path) -> dict[str, Any]:
        with self._lock:
            self._jobs.look_at(path[0])
            return self._view(self._there(path), looks=True)

    def search(self, path: Path) -> Any:
        """What is right below an object; without a path the connections."""
        with self._lock:
            if path:
                self._there(path)
            found = [self._view(each) for each in self._objects.children(path)]
        return found if self._settings.search_form == "list" else {"count": len(found), "hits": found}

    def remove(self, path: Path) -> dict[str, Any]:
        """DELETE /data/object/{path}: with all that is in it; a connection goes with its integration."""
        self._refuse_user()
        with self._lock:
            count = len(self._objects.below(self._there(path)))
            if self._settings.remove_active != "on" and len(path) == 1 and self._state(path)["state"].lower() != "inactive":
                raise Problem(int(self._settings.remove_active), "Connection must be INACTIVE to be deleted.")
        return {"objectPath": list(path), "childCount": count, **self._jobs.start("delete", path[0], lambda: self._drop(path))}

    def crawl(self, path: Path) -> dict[str, Any]:
        with self._lock:
            self._there(path)
        return {"objectPath": list(path), **self._jobs.start("crawl", path[0], self._reading(path))}

    def override(self, path: Path, body: Any) -> dict[str, Any]:
        """PUT /data/settings/{path}"""
        if not isinstance(body, dict) or not body.get("settings"):
            raise invalid('"settings" is required')
        settings = check_settings(body["settings"])
        with self._lock:
            self._there(path)

        def work() -> None:
            was = self._objects.value(path, "isActive")
            self._objects.override(path, settings)
            if len(path) == 1 and self._objects.value(path, "isActive") != was:
                self._lag(path[0], "active" if was else "inactive")

        return {"objectPath": list(path), **self._jobs.start("settings", path[0], self._while_there(path, work))}

    # -- what only tests do -------------------------------------------------------------------------------------------

    def reset(self) -> None:
        self._jobs.reset()
        self.seed([])
        self._contents.clear()

    def seed(self, connections: list[dict[str, Any]]) -> None:
        """The connections from now on: [{connectionKey, nativeIntegrationId, connection, settings?, contents?}]."""
        for connection in connections:
            if not isinstance(connection.get("connectionKey"), str):
                raise ValueError("a connection needs a connectionKey")
        with self._lock:
            self._documents.clear()
            self._natives.clear()
            self._lags.clear()
            self._objects = Objects()
            for connection in connections:
                self._seed(**copy.deepcopy(connection))

    def _seed(self, connectionKey: str, settings: dict[str, Any] | None = None, contents: list[str] | None = None, **document: Any) -> None:
        self._documents[connectionKey] = {"connection": {}, **document}
        self._objects.plant(connectionKey, document.get("connection", {}).get("technology", "Snowflake"), settings or {})
        if contents is not None:
            self.place(connectionKey, contents)
            self._reading((connectionKey,))()

    def place(self, key: str, contents: list[str]) -> None:
        """What is on a connection's platform from now on, as database/schema/table; a crawl finds it."""
        self._contents[key] = [(key, *text.split("/")) for text in contents]

    def stored(self) -> list[dict[str, Any]]:
        """The connections as they are stored, secrets included, without a look."""
        with self._lock:
            return [{"connectionKey": key, **copy.deepcopy(document)} for key, document in self._documents.items()]

    # -- how ----------------------------------------------------------------------------------------------------------

    def _refuse_user(self) -> None:
        if not self._settings.application_admin:
            raise Problem(403, "You do not have permission to perform this action: APPLICATION_ADMIN is required.")

    def _refuse_taken(self, key: str) -> None:
        with self._lock:
            if (key,) in self._objects:
                raise Problem(409, f"A connection with the key {key} already exists.")

    def _examine(self, registration: Registration, *, dry_run: bool) -> tuple[Wanted | None, Results]:
        """What the integration behind it will be, and its validationResults. Both log in, in the connection's own role, too."""
        payload = registration.integration
        if payload is None:
            return None, {"status": "passed", "validationTests": []}
        try:
            native, results = self._tenant.examine(payload, REFUSAL, dry_run=dry_run)
        except Problem as problem:
            raise _renamed(problem, self._settings.taken_host) from None
        self._tenant.refuse_stranger(native.type, own_login(native.config, registration.connection), REFUSAL)
        return native, results

    def _put(self, registration: Registration, native_id: str | None) -> None:
        document: dict[str, Any] = {"connection": registration.connection}
        if native_id is not None:
            document["nativeIntegrationId"] = int(native_id)
            self._natives[registration.key] = registration.native
        self._documents[registration.key] = document
        settings = registration.settings if self._settings.settings_at_registration else {}
        self._objects.plant(registration.key, registration.connection["technology"], settings)

    def _found(self, key: str) -> dict[str, Any]:
        """The vendor has this endpoint for some technologies only."""
        document = self._documents.get(key)
        if document is None or document["connection"].get("technology", "Snowflake") not in TECHNOLOGIES:
            raise Problem(404 if document is None else self._settings.unknown_technology, f"No connection found with key {key}.")
        return document

    def _view(self, path: Path, *, looks: bool = False) -> dict[str, Any]:
        """An object as answers show it. looks: it is one look at its state."""
        view = self._objects.view(path)
        del view["state"]
        if len(path) > 1 or self._settings.state_in == "object":
            view.update(self._state(path, looks=looks))
        return {**view, **({"childCount": self._settings.children} if self._settings.children else {})}

    def _state(self, path: Path, *, looks: bool = False) -> dict[str, str]:
        """state, and what is wrong with it."""
        state = "active" if self._objects.value(path, "isActive") else "inactive"
        left, was = self._lags.get(path[0], (0, ""))
        if len(path) == 1 and left:
            state = was
            self._lags[path[0]] = (left - looks, was)
        sick = len(path) == 1 and state == "active" and self._settings.unhealthy != "no"
        state = "unhealthy" if sick else state
        return {"state": state.upper() if self._settings.states == "upper" else state, **({"stateMessage": self._settings.unhealthy} if sick else {})}

    def _lag(self, key: str, state: str) -> None:
        """For as many looks as the switch says, the state is still this one."""
        looks = int(self._settings.activation.partition(":")[2] or 0)
        self._lags[key] = (looks, state)

    def _editable(self, key: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        with self._lock:
            return self._found(key), self._natives.get(key)

    @staticmethod
    def _refuse_moved(connection: dict[str, Any], old: dict[str, Any]) -> None:
        """The integration behind it stays on its host."""
        if connection["hostname"] != old["hostname"]:
            raise Problem(400, "Unable to edit connection due to changes of non-editable attribute(s). connection.hostname")

    def _there(self, path: Path) -> Path:
        if path not in self._objects:
            raise Problem(404, f"No data object found at {'/'.join(path)}.")
        return path

    def _drop(self, path: Path) -> None:
        self._objects.remove(path)
        if len(path) == 1:
            document = self._documents.pop(path[0], {})
            self._natives.pop(path[0], None)
            self._tenant.drop(document.get("nativeIntegrationId"))

    def _reading(self, path: Path) -> Callable[[], Any]:
        """The work of a crawl."""

        def work() -> dict[str, int]:
            key = path[0]
            technology = TECHNOLOGIES.get(self._documents[key]["connection"].get("technology", ""))
            standard = [(key, *text.split("/")) for text in (technology.contents if technology else ())]
            self._objects.crawl(path, self._contents.get(key, standard))
            return {"objects": len(self._objects.below(path))}

        return self._while_there(path, work)

    def _while_there(self, path: Path, work: Callable[[], Any]) -> Callable[[], Any]:
        """A job does nothing to what is gone at its end."""
        return lambda: work() if path in self._objects else None


def own_login(config: dict[str, Any], connection: dict[str, Any]) -> dict[str, Any]:
    """The config of the integration behind a connection, with the connection's own account and role."""
    kept = {name: value for name, value in config.items() if name not in SIGN_IN}
    return {**kept, **native_payload(connection, {})["config"], **({"role": connection["role"]} if "role" in connection else {})}


def _renamed(problem: Problem, taken: int) -> Problem:
    """What the rules of integrations refuse, in the words of connections."""
    status = taken if problem.status == 409 else problem.status
    return Problem(status, problem.message.replace('"config', '"nativeIntegration.config'), **problem.extra)
