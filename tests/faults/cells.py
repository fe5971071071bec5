# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cell: a run of the real module against the simulator, and what is wrong with it."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

from immuta_simulator import Simulator
from support.leaks import traces
from support.modules import Door, Reply

from .operations import CONNECTION, CONNECTS, FILE, FIND, NEW_PASSWORD, OBJECT, ONE, PASSWORD, READ, SYNC, Operation
from .table import ELSEWHERE, RETRIES, SOON, Class, Expected, Fault, expected

WAITING = (CONNECTS, OBJECT, ONE, SYNC)
GONE = ("deleting", "deleted", "disabled")
#: what an operator can do next
STEP = re.compile(r"\b(check|raise|see|run|set|put|needs|next run|try|leave|name|have|give)\b", re.IGNORECASE)
#: what has to be the same whatever was met on the way
SAME = ("action", "changed", "healthy", "integrations", "connections", "objects", "checksum", "statement_count")
REPEATED = (Class.UNSENT, Class.LOST_BEFORE, Class.LOST_AFTER, Class.LOST_LATE, Class.BUSY)
#: nothing can have been changed, and the run knows it
PROVEN = (Class.UNSENT_ALWAYS, Class.REFUSED, Class.DENIED, Class.BUSY_ALWAYS)


@dataclass(frozen=True)
class Seen:
    """A run and what the tenant has of it. file: what stands in the file that it writes; None when there is none."""

    reply: Reply
    log: list[dict[str, Any]]
    holds: list[Any]
    file: str | None

    @property
    def failed(self) -> bool:
        return bool(self.reply.result.get("failed"))


@dataclass(frozen=True)
class Cell:
    """sign: how it came out. problems: what is not as the rules have it."""

    operation: str
    fault: str
    sign: str
    problems: tuple[str, ...] = ()


class Lane:
    """A tenant and a door, for one run after the other."""

    def __init__(self, tenant: Simulator, door: Door, folder: Path, trap: socket.socket) -> None:
        self._tenant = tenant
        self._door = door
        self._folder = folder
        self._trap = trap

    def row(self, operation: Operation, faults: tuple[Fault, ...]) -> Iterator[Cell]:
        """The cells of an operation. The first run meets nothing, and says how it has to be."""
        self._arrange(operation)
        begin = self._holds()
        self._tenant.clear_log()
        plain = self._go(operation, {})
        place = next((number for number, entry in enumerate(plain.log) if meets(operation, entry)), None)
        if plain.failed or place is None:
            yield Cell(operation.name, "none", "!", (f"without a fault it does not do what it is here for: {plain.reply.output}",))
            return
        for fault in faults:
            wanted, why = expected(operation.name, operation.kind, fault)
            if wanted is not None:
                try:
                    seen = self._meet(operation, fault, place, [(entry["method"], entry["path"]) for entry in plain.log])
                except AssertionError as error:
                    yield Cell(operation.name, fault.name, "!", (str(error),))
                    continue
                judge = Judge(operation, fault, wanted, seen, plain, begin, self._secrets(), self._caught())
                problems = tuple(judge.problems())
                yield Cell(operation.name, fault.name, "!" if problems else f"{judge.sign()}{'*' if why else ''}", problems)

    def _meet(self, operation: Operation, fault: Fault, place: int, log: list[tuple[str, str]]) -> Seen:
        self._arrange(operation)
        if fault.down and place:
            method, path = log[place - 1]
            self._tenant.fault(method=method, path=f"^{path}(\\?|$)", skip=log[: place - 1].count((method, path)), down=fault.down)
        elif fault.down:
            self._first_refused(fault)
        elif fault.expires and place:
            self._tenant.settings(token_requests=place)
        else:
            self._tenant.fault(method=operation.method, path=operation.path, **self._now(fault.meets or {"status": 401}))
        return self._go(operation, fault.options, proxied=fault.proxied)

    def _first_refused(self, fault: Fault) -> None:
        """A short time would be over before the run begins: its first request is sent back, and refused when it comes again."""
        if fault.cls is Class.UNSENT:
            self._tenant.fault(down=fault.down, status=429, headers={"Retry-After": "0"})
        else:
            self._tenant.fault(down=fault.down)
            self._tenant.call("GET", "/integrations/999")
            self._tenant.clear_log()

    def _arrange(self, operation: Operation) -> None:
        tenant = self._tenant
        tenant.reset()
        if operation.connected:
            tenant.settings(data_api="on")
        tenant.settings(**operation.switches)
        for each in operation.there:
            tenant.seed(dict(each))
        if operation.connected:
            tenant.connections([CONNECTION])
            tenant.contents("acme", ["SALES/PUBLIC/ORDERS", "SALES/PUBLIC/CUSTOMERS"])

    def _go(self, operation: Operation, options: Mapping[str, Any], *, proxied: bool = False) -> Seen:
        place = self._folder / "file"
        place.unlink(missing_ok=True)
        given = {name: str(place) if value == FILE else value for name, value in operation.options.items()}
        waiting = {"wait_interval": 0.05, "wait_timeout": 20} if operation.module in WAITING else {}
        common = {"url": self._tenant.url, "api_key": self._tenant.api_key, "timeout": 20, "retries": RETRIES, "retry_max_delay": 0}
        environment = {"HTTP_PROXY": self._tenant.url} if proxied else {}
        reply = self._door.run(operation.module, {**common, **waiting, **given, **options}, check=operation.check, environment=environment)
        self._tenant.clear_faults()
        self._tenant.release()
        log = self._tenant.requests()
        return Seen(reply, log, self._holds(), place.read_text(encoding="utf-8") if place.exists() else None)

    def _holds(self) -> list[Any]:
        """What the tenant holds, without what differs from run to run."""
        integrations = [[each["type"], each["config"]] for each in self._tenant.integrations() if each["status"] not in GONE]
        objects = [self._tenant.call("GET", f"/data/object/{path}").text for path in ("acme", "acme/SALES")]
        return [sorted(integrations, key=str), self._tenant.stored_connections(), objects]

    def _now(self, meets: Mapping[str, Any]) -> dict[str, Any]:
        """The fault with what only this moment knows."""
        known = {SOON: formatdate(time.time() + 60, usegmt=True), ELSEWHERE: f"http://127.0.0.2:{self._trap.getsockname()[1]}/"}
        headers = {name: known.get(value, value) for name, value in meets.get("headers", {}).items()}
        return {**meets, "headers": headers}

    def _caught(self) -> bool:
        """Whether anybody came to the other host."""
        try:
            self._trap.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def _secrets(self) -> list[str]:
        keys = [each["account"]["key"] for each in self._tenant.integrations() if (each["account"] or {}).get("key")]
        return [self._tenant.api_key, PASSWORD, NEW_PASSWORD, *keys]


@contextmanager
def lane() -> Iterator[Lane]:
    with tempfile.TemporaryDirectory() as name, Simulator() as tenant, closing(Door(Path(name))) as door, socket.create_server(("127.0.0.2", 0)) as trap:
        trap.setblocking(False)
        yield Lane(tenant, door, Path(name), trap)
        shutil.rmtree(Path(name) / "syslog", ignore_errors=True)


def meets(operation: Operation, entry: Mapping[str, Any]) -> bool:
    target = f"{entry['path']}?{entry['query']}" if entry["query"] else entry["path"]
    return entry["method"] == operation.method and re.search(operation.path, target) is not None


def worked(entry: Mapping[str, Any]) -> bool:
    """Whether the tenant carried it out."""
    fault = entry["fault"] or ""
    return not fault.endswith(" before") and (fault.endswith(" after") or entry["status"] < 400)


@dataclass(frozen=True)
class Judge:
    """What is wrong with a run."""

    operation: Operation
    fault: Fault
    wanted: Expected
    seen: Seen
    plain: Seen
    begin: list[Any]
    secrets: list[str]
    caught: bool

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [entry for entry in self.seen.log if meets(self.operation, entry)]

    @property
    def changed(self) -> bool:
        """Whether the tenant carried out any write."""
        return any(entry["write"] and worked(entry) for entry in self.seen.log)

    def sign(self) -> str:
        if self.seen.failed:
            return "x"
        if self.seen.reply.result.get("adopted"):
            return "f"
        again = sum(1 for each in self.plain.log if meets(self.operation, each)) < len(self.sent)
        return "r" if again or self.fault.cls is Class.UNSENT else "."

    def problems(self) -> Iterator[str]:
        result = self.seen.reply.result
        if self.seen.failed == self.wanted.ok:
            yield f"it {'fails' if self.seen.failed else 'does not fail'}: {result.get('msg', result)}"
        yield from self._numbers()
        yield from self._state()
        yield from self._message() if self.seen.failed else self._result()
        known = self.changed or self.fault.cls in PROVEN or not self.seen.failed
        if known and bool(result.get("changed")) != self.changed and any(entry["write"] for entry in self.plain.log):
            yield f"changed is {result.get('changed')}, and the tenant {'has' if self.changed else 'has not'} changed"
        if found := traces(self.secrets, self.seen.reply.output, self.seen.reply.log):
            yield f"a secret shows: {found}"
        if "Traceback" in self.seen.reply.output or "exception" in result:
            yield f"a traceback: {self.seen.reply.output}"
        if self.caught:
            yield "the other host was asked"

    def _numbers(self) -> Iterator[str]:
        if self.operation.kind is READ:
            return
        counts = {"sent": len(self.sent), "worked": sum(map(worked, self.sent))}
        for what, (least, most) in (("sent", self.wanted.sent), ("worked", self.wanted.worked)):
            if not least <= counts[what] <= most:
                yield f"{what} {counts[what]} times, not {least} to {most}"
        if self.operation.kind is FIND and self.fault.cls.name.startswith(("LOST", "BROKEN")):
            between = [entry["method"] for entry in self.seen.log[self.seen.log.index(self.sent[0]) :]]
            if re.search("POST,POST", ",".join(between)):
                yield "sent again without a look"
        if self.fault.pause and len(self.sent) > 1 and self.sent[1]["time"] - self.sent[0]["time"] < self.fault.pause:
            yield f"sent again after {self.sent[1]['time'] - self.sent[0]['time']:.2f} seconds"

    def _state(self) -> Iterator[str]:
        done = self.changed or not (self.seen.failed or self.wanted.warns)
        either = self.operation.kind is READ and self.seen.failed and self.changed
        if self.seen.holds != (self.plain.holds if done else self.begin) and not (either and self.seen.holds == self.begin):
            yield f"the tenant holds {self.seen.holds}"
        if self.seen.file is not None and (self.seen.failed or self.plain.file is None):
            yield "a file was written"
        if self.seen.file is None and self.plain.file is not None and not self.seen.failed and not self.seen.reply.result.get("adopted"):
            yield "no file was written"

    def _message(self) -> Iterator[str]:
        result, message = self.seen.reply.result, self.seen.reply.result["msg"]
        if self.wanted.says:
            if self.wanted.says not in message:
                yield f"the message does not say {self.wanted.says!r}: {message}"
            return
        path = self.sent[0]["path"] if self.sent else self.operation.path.strip("^$").split("\\?")[0].replace(".*", "")
        for words in (f"{self.operation.method} {path} ", self.fault.cause):
            if words not in message:
                yield f"the message does not say {words!r}: {message}"
        if (result.get("method"), result.get("path")) != (self.operation.method, path):
            yield f"method and path are {result.get('method')} {result.get('path')}"
        status = self.fault.meets.get("status")
        if status and result.get("status") != status:
            yield f"status is {result.get('status')}"
        if not STEP.search(message.partition(self.fault.cause)[2]):
            yield f"no next step: {message}"

    def _result(self) -> Iterator[str]:
        result, plain = self.seen.reply.result, self.plain.reply.result
        told = str(result.get("warnings", ""))
        if self.wanted.warns:
            if self.wanted.warns not in told:
                yield f"no warning says {self.wanted.warns!r}: {told}"
            return
        for name in SAME:
            if result.get(name) != plain.get(name):
                yield f"{name} is {result.get(name)}, not {plain.get(name)}"
        if self.fault.cls in REPEATED and not result.get("adopted") and f"{self.operation.method} {self.sent[0]['path']} " not in told:
            yield f"no warning tells of the repeat: {told}"
