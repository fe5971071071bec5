# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault, what has to come of it, and the cells that are otherwise, each with its reason.

The rules are those of the design ("Lost answers", "Bounds", "Waiting") and of the vendor's pages, for each class of faults and each
kind of operation. They are not read off the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Any

from .operations import FIND, ONCE, OPERATIONS, READ, REPEAT, Kind

RETRIES = 2
#: how often the create of something that can be looked for is sent at most
CREATES = 3
ALWAYS = 99
MANY = (0, ALWAYS)


@unique
class Class(Enum):
    """Faults that call for the same."""

    UNSENT = "nothing left: repeat it, whatever it is"
    UNSENT_ALWAYS = "nothing left, each time"
    LOST_BEFORE = "no answer, and nothing was done"
    LOST_AFTER = "no answer, and it was done"
    LOST_LATE = "no answer, and it is done later"
    LOST_BEFORE_ALWAYS = "no answer and nothing done, each time"
    LOST_AFTER_ALWAYS = "no answer though it was done, each time"
    BROKEN_BEFORE = "a server error that is not known to pass; nothing was done"
    BROKEN_AFTER = "the same server error, and it was done"
    UNREADABLE_BEFORE = "an answer that is none, and nothing was done"
    UNREADABLE_AFTER = "an answer that is none, and it was done"
    HARMLESS = "nothing to complain of"
    REFUSED = "a clear no"
    BUSY = "a no for now, and when to come again"
    BUSY_ALWAYS = "a no for now, each time"
    DENIED = "no, with a new token, too"
    EXPIRED = "the token is to be exchanged anew"


@dataclass(frozen=True)
class Expected:
    """sent: how often the request arrived. worked: how often it was carried out.

    says: what the message must hold, unless it names the request. warns: of what it warns instead of doing its work.
    """

    ok: bool
    sent: tuple[int, int] = MANY
    worked: tuple[int, int] = MANY
    says: str = ""
    warns: str = ""


def ok(sent: int, worked: int = 1) -> Expected:
    return Expected(True, (sent, sent), (worked, worked))


def failed(sent: int, worked: int = 0) -> Expected:
    return Expected(False, (sent, sent), (worked, worked))


ANYHOW, STOPS = Expected(True), Expected(False)
#: sent twice, and a second DELETE finds nothing to do
TWICE = Expected(True, (2, 2), (1, 2))
EVERY = RETRIES + 1

RULES: dict[Class, dict[Kind, Expected]] = {
    Class.UNSENT: {READ: ANYHOW, REPEAT: ok(1), FIND: ok(1), ONCE: ok(1)},
    Class.UNSENT_ALWAYS: {READ: STOPS, REPEAT: failed(0), FIND: failed(0), ONCE: failed(0)},
    Class.LOST_BEFORE: {READ: ANYHOW, REPEAT: ok(2), FIND: ok(2), ONCE: failed(1)},
    Class.LOST_AFTER: {READ: ANYHOW, REPEAT: TWICE, FIND: ok(1), ONCE: failed(1, 1)},
    Class.LOST_LATE: {READ: ANYHOW, REPEAT: TWICE, FIND: ok(2), ONCE: failed(1, 1)},
    Class.LOST_BEFORE_ALWAYS: {READ: STOPS, REPEAT: failed(EVERY), FIND: failed(CREATES), ONCE: failed(1)},
    Class.LOST_AFTER_ALWAYS: {READ: STOPS, REPEAT: Expected(False, (EVERY, EVERY), (1, EVERY)), FIND: ok(1), ONCE: failed(1, 1)},
    Class.BROKEN_BEFORE: {READ: STOPS, REPEAT: failed(1), FIND: ok(2), ONCE: failed(1)},
    Class.BROKEN_AFTER: {READ: STOPS, REPEAT: failed(1, 1), FIND: ok(1), ONCE: failed(1, 1)},
    Class.UNREADABLE_BEFORE: {READ: STOPS, REPEAT: failed(1), FIND: failed(1), ONCE: failed(1)},
    Class.UNREADABLE_AFTER: {READ: STOPS, REPEAT: failed(1, 1), FIND: ok(1), ONCE: failed(1, 1)},
    Class.HARMLESS: {READ: ANYHOW, REPEAT: ok(1), FIND: ok(1), ONCE: ok(1)},
    Class.REFUSED: {READ: STOPS, REPEAT: failed(1), FIND: failed(1), ONCE: failed(1)},
    Class.BUSY: {READ: ANYHOW, REPEAT: ok(2), FIND: ok(2), ONCE: ok(2)},
    Class.BUSY_ALWAYS: {READ: STOPS, REPEAT: failed(EVERY), FIND: failed(EVERY), ONCE: failed(EVERY)},
    Class.DENIED: {READ: STOPS, REPEAT: failed(2), FIND: failed(2), ONCE: failed(2)},
    Class.EXPIRED: {READ: ANYHOW, REPEAT: ok(2), FIND: ok(2), ONCE: ok(2)},
}


@dataclass(frozen=True)
class Fault:
    """What the request meets.

    meets: keys of the simulator's fault. cause: words of the message when the run fails. options: of the task. pause: the seconds that
    have to pass before the request is sent again. down: the seconds for which connections are refused from this request on.
    """

    name: str
    cls: Class
    cause: str
    meets: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    pause: float = 0
    down: float = 0
    proxied: bool = False
    expires: bool = False
    core: bool = False


BUSY = '{"statusCode": %d, "error": "%s", "message": "Not now."}'
GATEWAY = "<html><head><title>Gateway</title></head></html>"
LOGIN = {"status": 200, "body": "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>"}
EDITING = '{"statusCode": 409, "error": "Conflict", "message": "Unable to edit integration with ID 1 in current state editing."}'
QUICK, SLOW = {"timeout": 2}, {"retry_max_delay": 1}
HELD = {"delay": 60}
YEAR = "31536000"
#: places for what only the moment knows
SOON, ELSEWHERE = "a date soon", "another host"


def status(code: int, when: str = "before", words: str = "", **more: Any) -> dict[str, Any]:
    return {"status": code, "when": when, "body": words or BUSY % (code, "Error"), **more}


def busy(code: int, after: str, name: str, pause: float, *, core: bool = False) -> Fault:
    return Fault(f"{code}, Retry-After {name}", Class.BUSY, f"HTTP {code}", status(code, headers={"Retry-After": after}), SLOW, pause, core=core)


FAULTS = (
    Fault("connection refused", Class.UNSENT, "connection was refused", down=0.4, options=SLOW),
    Fault("connection refused, always", Class.UNSENT_ALWAYS, "connection was refused", down=60, core=True),
    Fault("reset before the work", Class.LOST_BEFORE, "connection broke", {"reset": True}, core=True),
    Fault("reset after the work", Class.LOST_AFTER, "connection broke", {"reset": True, "when": "after"}, core=True),
    Fault("reset before the work, always", Class.LOST_BEFORE_ALWAYS, "connection broke", {"reset": True, "times": ALWAYS}),
    Fault("reset after the work, always", Class.LOST_AFTER_ALWAYS, "connection broke", {"reset": True, "when": "after", "times": ALWAYS}, core=True),
    Fault("hangs, works later", Class.LOST_LATE, "did not arrive in time", HELD, QUICK),
    Fault("works, hangs", Class.LOST_AFTER, "did not arrive in time", {**HELD, "when": "after"}, QUICK),
    Fault("drips", Class.LOST_AFTER, "did not arrive in time", {"drip": 5}, QUICK),
    Fault("body breaks off", Class.LOST_AFTER, "connection broke", {"truncate": 1, "wire": True}, core=True),
    Fault("body cut", Class.UNREADABLE_AFTER, "not valid JSON", {"truncate": 1}),
    Fault("labelled as a page", Class.HARMLESS, "", {"headers": {"Content-Type": "text/html"}}),
    Fault("labelled as bytes", Class.HARMLESS, "", {"headers": {"Content-Type": "application/octet-stream"}}),
    Fault("page, no work", Class.UNREADABLE_BEFORE, "an HTML page", LOGIN, core=True),
    Fault("page after the work", Class.UNREADABLE_AFTER, "an HTML page", {**LOGIN, "when": "after"}, core=True),
    Fault("401", Class.REFUSED, "HTTP 401", status(401), core=True),
    Fault("401, token renewed", Class.EXPIRED, "HTTP 401", status(401), {"auth_method": "bearer"}),
    Fault("401, always", Class.DENIED, "HTTP 401", status(401, times=ALWAYS), {"auth_method": "bearer"}),
    Fault("token expired", Class.EXPIRED, "HTTP 401", {}, {"auth_method": "bearer"}, expires=True, core=True),
    Fault("403", Class.REFUSED, "HTTP 403", status(403), core=True),
    Fault("404", Class.REFUSED, "HTTP 404", status(404), core=True),
    Fault("409, being edited", Class.REFUSED, "HTTP 409", status(409, words=EDITING), core=True),
    busy(429, "1", "in seconds", 0.9, core=True),
    busy(429, SOON, "as a date", 0.9),
    busy(429, YEAR, "in a year", 0.9),
    busy(429, "soon", "absurd", 0.2),
    busy(503, "1", "in seconds", 0.9),
    busy(503, SOON, "as a date", 0.9),
    busy(503, YEAR, "in a year", 0.9),
    Fault("503, Retry-After, always", Class.BUSY_ALWAYS, "HTTP 503", status(503, headers={"Retry-After": "1"}, times=ALWAYS)),
    Fault("500 before the work", Class.BROKEN_BEFORE, "HTTP 500", status(500), core=True),
    Fault("500 after the work", Class.BROKEN_AFTER, "HTTP 500", status(500, "after")),
    Fault("502 before the work", Class.LOST_BEFORE, "HTTP 502", status(502, words=GATEWAY)),
    Fault("502 after the work", Class.LOST_AFTER, "HTTP 502", status(502, "after", GATEWAY)),
    Fault("503 before the work", Class.LOST_BEFORE, "HTTP 503", status(503)),
    Fault("504 before the work", Class.LOST_BEFORE, "HTTP 504", status(504, words=GATEWAY)),
    Fault("504 after the work", Class.LOST_AFTER, "HTTP 504", status(504, "after", GATEWAY), core=True),
    Fault("504 after the work, always", Class.LOST_AFTER_ALWAYS, "HTTP 504", status(504, "after", GATEWAY, times=ALWAYS)),
    Fault("redirect to another host", Class.REFUSED, "not followed", status(307, headers={"Location": ELSEWHERE}, times=ALWAYS), core=True),
    Fault("proxy drops, no work", Class.LOST_BEFORE, "connection broke", {"reset": True}, proxied=True, core=True),
    Fault("proxy drops after the work", Class.LOST_AFTER, "connection broke", {"reset": True, "when": "after"}, proxied=True, core=True),
)
assert len({each.name for each in FAULTS}) == len(FAULTS)


@dataclass(frozen=True)
class Otherwise:
    """Cells that the rules do not hold for. expected: None for a fault that the operation cannot meet."""

    operations: tuple[str, ...]
    faults: tuple[str, ...]
    expected: Expected | None
    why: str


WAITS = "a change that is under way is waited for (design: Waiting)"
HIDDEN = "a tenant, or a user, that may not see it does without it"
EXCEPTIONS: tuple[Otherwise, ...] = (
    Otherwise(("exchange the API key for a token",), ("401, token renewed",), STOPS, "no key, no token"),
    Otherwise(("exchange the API key for a token",), ("token expired",), None, "there is none yet"),
    Otherwise(("update an integration", "delete an integration", "disable by force"), ("409, being edited",), ok(2), WAITS),
    Otherwise(("edit a connection", "delete a connection"), ("409, being edited",), ok(2), WAITS),
    Otherwise(("validate an update", "validate a delete"), ("409, being edited",), ANYHOW, "a check run does not wait, and warns that nothing was validated"),
    Otherwise(("see whose an integration is",), ("403", "404"), ANYHOW, "so no connection owns it (design: Identity)"),
    Otherwise(("jobs of a registration", "jobs of a sync", "states of jobs"), ("403", "404"), ANYHOW, HIDDEN),
    Otherwise(("status after a create",), ("404",), ANYHOW, "the integration itself is looked at before it is taken for gone"),
    Otherwise(("get an integration",), ("404",), Expected(False, says="There is no integration with id 1. Omit the id"), "said of the object"),
    Otherwise(("get an object",), ("404",), Expected(False, says="There is no object acme/SALES. Immuta lists objects"), "said of the object"),
    Otherwise(
        ("get a connection",),
        ("404",),
        Expected(True, warns="so they were not compared"),
        "the vendor shows connections of a few technologies only; the object is there",
    ),
    Otherwise(("list objects",), ("404",), Expected(True, warns="The objects in acme are missing from the result"), "an object may go during the listing"),
    Otherwise(("get what is behind it",), ("403", "404"), ANYHOW, HIDDEN),
    Otherwise(("test a connection",), ("404",), ANYHOW, "only some versions have a test"),
)


def expected(operation: str, kind: Kind, fault: Fault) -> tuple[Expected | None, str]:
    """What has to come of it, and the reason where that is no rule."""
    for row in EXCEPTIONS:
        if operation in row.operations and fault.name in row.faults:
            return row.expected, row.why
    return RULES[fault.cls][kind], ""


def unknown_names() -> set[str]:
    """What the exceptions name and the tables do not have."""
    named = {name for row in EXCEPTIONS for name in (*row.operations, *row.faults)}
    return named - {each.name for each in OPERATIONS} - {each.name for each in FAULTS}
