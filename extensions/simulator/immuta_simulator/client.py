# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator from Python: a context manager with a process of its own.

with Simulator(transitions="polls:2") as tenant:
    requests.get(tenant.url + "/integrations", headers={"Authorization": tenant.api_key})
    tenant.fault(method="POST", path="/integrations$", status=503, headers={"Retry-After": "1"})
    assert not [entry for entry in tenant.requests() if entry["write"]]
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

PACKAGES = Path(__file__).resolve().parent.parent
START_SECONDS = 30
END_SECONDS = 10


class SimulatorError(Exception):
    """The simulator did not start, or refused what it was told to do."""


class _Staying(urllib.request.HTTPRedirectHandler):
    """Redirects are answers like others."""

    def redirect_request(self, *args: Any) -> None:
        return None


@dataclass(frozen=True)
class Reply:
    """What the tenant answered: status, body and headers (names in lower case)."""

    status: int
    text: str
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.text)


class Simulator:
    """A tenant on loopback that ends with the context, or with the process that made it.

    url: the tenant's; api_key: its key; control_url: where the methods below go; pid: its process. warehouses: a list of
    {host, type, address, port, account, ssl}. Keyword arguments are switches, and what reset() goes back to.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        warehouses: list[dict[str, Any]] | None = None,
        log_file: str | os.PathLike[str] | None = None,
        **switches: Any,
    ) -> None:
        self._api_key = api_key
        self._warehouses = warehouses or []
        self._log_file = log_file
        self._switches = switches
        self._process: subprocess.Popen[bytes] | None = None
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Staying())
        self.url = self.control_url = self.api_key = ""
        self.pid = 0

    @classmethod
    def attach(cls, where: str | os.PathLike[str]) -> Simulator:
        """A simulator that runs already, by its ready file or its control address. SimulatorError when it does not answer."""
        simulator = cls()
        place = os.fspath(where)
        simulator.control_url = place if place.startswith("http") else json.loads(Path(place).read_text(encoding="utf-8"))["control_url"]
        simulator._know(simulator._do("facts"))
        return simulator

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a playbook to this tenant, and the commands to this simulator."""
        return environment(vars(self))

    def __enter__(self) -> Simulator:
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            command = ["--with-parent"]
            for name, document in (("warehouses", self._warehouses), ("settings", self._switches)):
                (folder / name).write_text(json.dumps(document), encoding="utf-8")
                command += [f"--{name}", str(folder / name)]
            command += ["--log-file", os.fspath(self._log_file)] if self._log_file else []
            command += ["--api-key", self._api_key] if self._api_key else []
            self._process, facts = launch(command)
            self._know(facts)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()  # the end of its standard input is the end of the simulator
        try:
            process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def call(self, method: str, path: str, body: Any = None, *, authorization: str | None = None) -> Reply:
        """One request to the tenant, with its API key; for looking at it without a client of your own."""
        headers = {"Authorization": self.api_key if authorization is None else authorization, "User-Agent": "simulator"}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {**headers, "Content-Type": "application/json"}, method=method)
        try:
            with self._direct.open(request, timeout=60) as answer:
                return _reply(answer)
        except urllib.error.HTTPError as error:
            return _reply(error)

    # -- what happened ------------------------------------------------------------------------------------------------

    def requests(self) -> list[dict[str, Any]]:
        """The log of requests: [{number, method, path, query, status, connection, write, time, user_agent, auth, fault}]."""
        return list(self._do("requests"))

    def writes(self) -> list[dict[str, Any]]:
        """The requests that changed something, or would have if they were let."""
        return [entry for entry in self.requests() if entry["write"]]

    def bodies(self) -> list[dict[str, Any]]:
        """What was sent and received, secrets included: [{number, method, path, sent, received}]."""
        return list(self._do("bodies"))

    def integrations(self) -> list[dict[str, Any]]:
        """The integrations that the tenant has stored, secrets included."""
        return list(self._do("integrations"))

    def clear_log(self) -> None:
        """Forget the log and the bodies."""
        self._do("clear_log")

    # -- what happens next --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the simulator, and return when it is gone."""
        self._do("stop")
        address = urllib.parse.urlsplit(self.control_url)
        with contextlib.suppress(OSError):
            while True:
                socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=END_SECONDS).close()
                time.sleep(0.05)

    def reset(self) -> None:
        """Make the tenant as it was at its start: no integrations, connections, faults and log, and its first switches and warehouses."""
        self._do("reset")

    def settings(self, **switches: Any) -> dict[str, Any]:
        """Change switches; returns them all."""
        return dict(self._do("settings", **switches))

    def fault(self, **fault: Any) -> None:
        """Add a fault: the next matching requests go wrong. It has method, path (regular expressions), times, when, status, headers, body,
        reset, truncate, wire, delay, drip, down, skip."""
        self._do("fault", **fault)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that have not been used up."""
        return list(self._do("faults"))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._do("clear_faults")

    def held(self) -> list[dict[str, str]]:
        """The requests whose delay is running: [{method, path}]."""
        return list(self._do("held"))

    def release(self) -> None:
        """End all delays, and return when no request is under way."""
        self._do("release")

    def seed(self, integration: dict[str, Any]) -> str:
        """Add an integration as if it were registered earlier: {type, autoBootstrap, config, status?, id?, validationResults?}; returns its id."""
        return str(self._do("seed", document=integration))

    def force(self, id_: str, status: str, message: str | None = None) -> None:
        """Set the status of an integration; message: that of a failed validation test."""
        self._do("force", id_=id_, status=status, message=message)

    def migrate(self, id_: str) -> None:
        """Start the migration of an integration."""
        self._do("migrate", id_=id_)

    def revalidate(self, id_: str) -> dict[str, Any]:
        """Run the recurring validation of an integration now; returns the integration as GET shows it."""
        return dict(self._do("revalidate", id_=id_))

    def connections(self, connections: list[dict[str, Any]]) -> None:
        """Add connections as if they were registered earlier: [{connectionKey, nativeIntegrationId, connection, settings?, contents?}]. This needs
        the switch data_api: on."""
        self._do("connections", connections=connections)

    def contents(self, key: str, contents: list[str]) -> None:
        """Set what is on a connection's platform, as [database/schema/table]; a crawl finds it."""
        self._do("contents", key=key, contents=contents)

    def stored_connections(self) -> list[dict[str, Any]]:
        """The connections that the tenant has stored, secrets included."""
        return list(self._do("stored_connections"))

    def keys(self) -> dict[str, dict[str, str]]:
        """The API keys in plain text: those of the user by id, those of plugins by name."""
        return dict(self._do("keys"))

    def warehouses(self, places: list[dict[str, Any]]) -> None:
        """Set where the warehouses are."""
        self._do("warehouses", places=places)

    # -- how ----------------------------------------------------------------------------------------------------------

    def _do(self, action: str, **arguments: Any) -> Any:
        request = urllib.request.Request(
            f"{self.control_url}/_simulator/{action}",
            json.dumps(arguments).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        try:
            with self._direct.open(request, timeout=60) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            raise SimulatorError(f"{action}: {json.load(error).get('error')}") from None
        except urllib.error.URLError as error:
            raise SimulatorError(f"no simulator answers at {self.control_url}: {error.reason}") from None

    def _know(self, facts: dict[str, Any]) -> None:
        self.url, self.control_url, self.api_key, self.pid = (facts[name] for name in ("url", "control_url", "api_key", "pid"))


def environment(facts: Mapping[str, Any]) -> dict[str, str]:
    """The variables that lead a playbook to a tenant, and the commands to its simulator. facts: as in a ready file."""
    return {"IMMUTA_URL": facts["url"], "IMMUTA_API_KEY": facts["api_key"], "IMMUTA_SIMULATOR": facts["control_url"]}


def launch(arguments: Sequence[str], *, ready: Path | None = None, detached: bool = False) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A process that serves a tenant, and what is in its ready file. SimulatorError says why it did not start.

    Detached, it outlives this process and holds none of its files open, so that nobody who reads them waits for it.
    """
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryFile() as errors:
        ready = ready or Path(directory) / "ready"
        ready.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", str(__package__), "serve", *arguments, "--ready-file", str(ready)],
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors if detached else None,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))},
            start_new_session=detached,
        )
        try:
            return process, _wait(process, ready)
        except BaseException as error:
            process.kill()
            process.wait()
            errors.seek(0)
            if isinstance(error, SimulatorError) and (text := errors.read().decode(errors="replace").strip()):
                raise SimulatorError(text.removeprefix("immuta_simulator: ")) from None
            raise


def _wait(process: subprocess.Popen[bytes], ready: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if process.poll() is not None:
            raise SimulatorError(f"the simulator ended at once with status {process.returncode}")
        if time.monotonic() > deadline:
            raise SimulatorError(f"the simulator did not start within {START_SECONDS} seconds")
        time.sleep(0.02)
    return dict(json.loads(ready.read_text(encoding="utf-8")))


def _reply(answer: Any) -> Reply:
    return Reply(answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.headers.items()})
