# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server with a tenant's connections, objects, jobs and integrations in memory.

It answers as the vendor's pages show it (secrets absent, settings in C({"value": ..}) objects, a job for what takes time), keeps
a log of every request, and can be told to be one of the tenants that differ.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
SECRETS = {"password", "token", "privateKey", "privateKeyPassword", "oAuthClientConfig", "secretAccessKey", "accessKeyId"}
SHOWN = ("Snowflake", "Databricks", "Glue")


class Refused(Exception):
    """An answer with an error."""


@dataclass
class Behaviour:
    """The deviations of a tenant from the default."""

    #: whether POST /data/connection/test exists
    has_test: bool = True
    #: its answer: (status, body)
    test: Answer = (200, {"validationResults": {"status": "passed", "validationTests": [{"name": "Basic Connection Test", "status": "passed"}]}})
    #: the status of all requests under /data; 0: they succeed
    refuse: int = 0
    #: the states of each job of a request, one per poll; empty: requests start no jobs
    jobs: list[str] = field(default_factory=list)
    output: Any = None
    #: the status of GET /jobs; 0: it succeeds
    refuse_jobs: int = 0
    #: whether GET /jobs and POST /jobs/statuses show states
    states_listed: bool = False
    states_told: bool = True
    #: statuses of the integration after an update, one a look; how many updates are refused while it is being changed; and removals, not found
    native_after_update: list[str] = field(default_factory=list)
    busy: int = 0
    deaf: bool = False
    #: the number of reads before a new connection becomes visible, and before a removed one disappears
    slow: int = 0
    #: the number of lost answers to POST /data/connection, after it took effect and before
    lose_after: int = 0
    lose_before: int = 0
    #: the statuses of a new integration, one per read
    native: list[str] = field(default_factory=lambda: ["enabled"])
    #: the status of GET /integrations/{id}; 0: it succeeds
    refuse_native: int = 0
    #: the maximum number of objects in a search answer
    page: int = 1000
    #: the status of GET /data/connection for an unsupported technology
    unknown: int = 404
    #: states that a connection shows instead of its own, one per read; the last one remains
    states: list[str] = field(default_factory=list)
    #: under which name answers tell what they have started, and whether that is a job itself, of which none is listed then
    started: str = "bulkId"
    is_job: bool = False


class DataApi:
    """The server, as a context manager."""

    def __init__(self) -> None:
        self.behaviour = Behaviour()
        self.connections: dict[str, dict[str, Any]] = {}
        self.objects: dict[tuple[str, ...], dict[str, Any]] = {}
        self.integrations: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, list[str]] = {}
        self.log: list[str] = []
        self.bodies: list[Any] = []
        self._lingering: dict[str, int] = {}

    def __enter__(self) -> DataApi:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer: two would wait for each other (Nagle and delayed acknowledgement)

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                answer = api.answer(self.command, self.path, body)
                if answer is None:
                    self.close_connection = True
                    return
                raw = json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    # --- for the tests

    @property
    def writes(self) -> list[str]:
        """The requests that changed something or tried to."""
        return [line for line in self.log if line.startswith(("PUT ", "DELETE ", "POST /data/crawl")) or line == "POST /data/connection"]

    def forget(self) -> None:
        self.log.clear()
        self.bodies.clear()

    def body_of(self, line: str) -> Any:
        """Return the body of the only request with this method and path."""
        (body,) = [body for request, body in zip(self.log, self.bodies) if request == line]
        return body

    def add(self, payload: dict[str, Any], **object: Any) -> None:
        """Add an existing connection."""
        key = payload["connectionKey"]
        native = payload.get("nativeIntegration")
        id = None
        if native:
            id = len(self.integrations) + 7
            config = {**(native.get("config") or {}), "username": "<REDACTED>", "password": "<REDACTED>"}
            self.integrations[str(id)] = {"id": str(id), "type": native["type"], "autoBootstrap": False, "status": "enabled", "config": config}
        self.connections[key] = {"connectionKey": key, "connection": dict(payload["connection"]), "nativeIntegrationId": id}
        self._add_object((key,), payload.get("settings") or {})
        self.objects[(key,)].update(object)

    def add_objects(self, *paths: str, **object: Any) -> None:
        for path in paths:
            self._add_object(tuple(path.split("/")), {})
            self.objects[tuple(path.split("/"))].update(object)

    def _add_object(self, path: tuple[str, ...], settings: dict[str, Any]) -> None:
        technology = self.connections.get(path[0], {}).get("connection", {}).get("technology")
        active = bool(settings.get("isActive", True))
        shown = {
            "activateNewChildren": {"value": settings.get("activateNewChildren", False), "hasDescendantsWithOverrides": False},
            "dataOwners": {"value": settings.get("dataOwners", [])},
        }
        self.objects[path] = {
            "objectPath": list(path),
            "technology": technology,
            "state": "active" if active else "inactive",
            "settings": shown,
            "overrides": {},
        }

    # --- requests

    def answer(self, method: str, target: str, body: Any) -> Answer | None:
        parts = urlsplit(target)
        path = [unquote(segment) for segment in parts.path.split("/")[1:]]
        self.log.append(f"{method} {target}")
        self.bodies.append(body)
        handler = self._handler(method, path)
        if handler is None:
            return 404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"}
        try:
            return handler(path, body, {name: values[0] for name, values in parse_qs(parts.query).items()})
        except Refused as refused:
            status, message = refused.args
            return status, {"statusCode": status, "error": "Refused", "message": message}

    def _handler(self, method: str, path: list[str]) -> Callable[..., Answer | None] | None:
        if path[0] == "data" and self.behaviour.refuse:
            status = self.behaviour.refuse
            return lambda *_: (status, {"statusCode": status, "message": "no connections here"})
        if method == "POST" and path == ["data", "connection"]:
            return self._create
        if method == "POST" and path == ["data", "connection", "test"]:
            return self._test
        if method == "POST" and path[:3] == ["data", "object", "search"]:
            return self._search
        return {
            ("GET", "data", "connection"): self._get,
            ("PUT", "data", "connection"): self._update,
            ("GET", "data", "object"): self._object,
            ("DELETE", "data", "object"): self._delete,
            ("PUT", "data", "settings"): self._override,
            ("POST", "data", "crawl"): self._crawl,
            ("GET", "jobs", ""): self._jobs,
            ("POST", "jobs", "statuses"): self._statuses,
        }.get((method, path[0], path[1] if len(path) > 1 else "")) or (self._integration if method == "GET" and path[0] == "integrations" else None)

    def _test(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        if not self.behaviour.has_test:
            raise Refused(404, "Not Found")
        return self.behaviour.test

    def _create(self, path: list[str], body: Any, query: dict[str, str]) -> Answer | None:
        if self.behaviour.lose_before:
            self.behaviour.lose_before -= 1
            return None
        if body["connectionKey"] in self.connections:
            raise Refused(409, f"Connection {body['connectionKey']} exists.")
        self.add(body)
        native = self.connections[body["connectionKey"]]["nativeIntegrationId"]
        if native is not None:
            self.integrations[str(native)]["status"] = self.behaviour.native[0]
        self._lingering[body["connectionKey"]] = self.behaviour.slow
        if self.behaviour.lose_after:
            self.behaviour.lose_after -= 1
            return None
        return 200, {"objectPath": [body["connectionKey"]], **self._start("register")}

    def _get(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        found = self.connections.get(path[2])
        if not self._shows(path[2]) or found is None or found["connection"].get("technology") not in SHOWN:
            raise Refused(self.behaviour.unknown, f"No connection {path[2]}.")
        seen = {name: value for name, value in found["connection"].items() if name not in SECRETS}
        return 200, {**found, "connection": seen, "createdBy": 2, "updatedBy": 2}

    def _update(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        if path[2] not in self.connections:
            raise Refused(404, "No connection.")
        if self.behaviour.busy:
            self.behaviour.busy -= 1
            raise Refused(409, "Unable to edit integration with ID 7 in current state editing.")
        if self.behaviour.native_after_update:
            self.behaviour.native = list(self.behaviour.native_after_update)
            self.integrations["7"]["status"] = self.behaviour.native[0]
        self.connections[path[2]]["connection"] = body["connection"]
        return 200, {"objectPath": [path[2]], **self._start("update")}

    def _object(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        found = self.objects.get(tuple(path[2:]))
        if found is None or not self._shows(path[2]):
            raise Refused(404, "No object.")
        if len(path) == 3 and self.behaviour.states:
            states = self.behaviour.states
            return 200, {**found, "state": states.pop(0) if len(states) > 1 else states[0]}
        return 200, found

    def _delete(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        where = tuple(path[2:])
        below = [each for each in self.objects if each[: len(where)] == where]
        if not below or self.behaviour.deaf:
            raise Refused(404, "No object.")
        if self.behaviour.slow:
            self._lingering[where[0]] = -self.behaviour.slow
        else:
            self._remove(where[0])
        return 200, {"objectPath": list(where), "childCount": len(below) - 1, **self._start("delete")}

    def _search(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        where = tuple(path[3:])
        found = [each for place, each in self.objects.items() if len(place) == len(where) + 1 and place[:-1] == where]
        return 200, {"hits": found[: self.behaviour.page], "count": len(found)}

    def _override(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        found = self.objects[tuple(path[2:])]
        for name, value in body["settings"].items():
            found["overrides"][name] = value
            if name == "isActive":
                found["state"] = "active" if value else "inactive"
            else:
                found["settings"][name] = {"value": value}
        return 200, {"objectPath": path[2:], **self._start("settings")}

    def _crawl(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        return 200, self._start("crawl")

    def _jobs(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        if self.behaviour.refuse_jobs:
            raise Refused(self.behaviour.refuse_jobs, "no jobs here")
        names = [] if self.behaviour.is_job else [name for name in self.jobs if name.startswith(query["bulkId"])]
        return 200, {"jobs": [self._job(name) if self.behaviour.states_listed else {"id": name} for name in names]}

    def _statuses(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        return 200, {name: self._job(name) for name in body["jobIds"] if self.behaviour.states_told}

    def _job(self, name: str) -> dict[str, Any]:
        states = self.jobs[name]
        state = states.pop(0) if len(states) > 1 else states[0]
        return {"id": name, "state": state, "output": self.behaviour.output if state == "failed" else None}

    def _integration(self, path: list[str], body: Any, query: dict[str, str]) -> Answer:
        if self.behaviour.refuse_native:
            raise Refused(self.behaviour.refuse_native, "not yours")
        found = self.integrations.get(path[1])
        if found is None:
            raise Refused(404, "No integration.")
        answer = dict(found)
        if len(self.behaviour.native) > 1:
            self.behaviour.native.pop(0)
            found["status"] = self.behaviour.native[0]
        return 200, answer

    # --- delayed effects

    def _start(self, what: str) -> dict[str, str]:
        if not self.behaviour.jobs:
            return {}
        bulk = f"bulk_{what}_{len(self.jobs)}"
        name = f"job_{bulk}" if self.behaviour.is_job else bulk
        self.jobs[name if self.behaviour.is_job else f"{bulk}_1"] = list(self.behaviour.jobs)
        return {self.behaviour.started: name}

    def _shows(self, key: str) -> bool:
        """Return whether a new connection is already visible, or a removed one still is."""
        looks = self._lingering.get(key, 0)
        if looks > 0:
            self._lingering[key] = looks - 1
            return False
        if looks < 0:
            self._lingering[key] = looks + 1
            if looks == -1:
                self._remove(key)
        return True

    def _remove(self, key: str) -> None:
        self.connections.pop(key, None)
        for place in [place for place in self.objects if place[0] == key]:
            del self.objects[place]
