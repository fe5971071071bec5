# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents of a report on a fleet: totals, platforms, and unmanaged platforms. The writers of JSON, JUnit and HTML only format them.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import OptionError
from .._core.secrets import looks_secret, mask
from .hosts import PLANNED_TEXTS
from .items import INTEGRATION

Fields = Mapping[str, Any]

#: the supported format of the result of M(community.immuta.immuta_fleet)
FLEET_FORMAT = 1
#: the format of a report as JSON
REPORT_FORMAT = 1

#: states of a platform, the worst first -> their titles
STATES = {
    "failed": "Failed",
    "unhealthy": "Unhealthy",
    "drifted": "Drifted",
    "pending": "Left to the role",
    "owned": "Owned by a connection",
    "fine": "As it should be",
}
#: the states that are failed tests in JUnit XML
FAILURES = ("failed", "unhealthy", "drifted")

# Characters that may need an escape code.
_UNUSUAL = re.compile(r"[^ -~]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Invisible characters that Persian and Indic scripts need to join letters.
_JOINERS = "\u200c\u200d"
_CODES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True)
class Change:
    """One field that differs. A secret has no values."""

    field: str
    before: Any = None
    after: Any = None
    secret: bool = False

    @property
    def shown_before(self) -> str:
        """The current value as readable text."""
        return _shown(self.before)

    @property
    def shown_after(self) -> str:
        """The wanted value as readable text."""
        return _shown(self.after)

    def document(self) -> dict[str, Any]:
        return {"field": self.field, "secret": True} if self.secret else {"field": self.field, "before": self.before, "after": self.after, "secret": False}


@dataclass(frozen=True)
class Platform:
    """One host of the inventory. states: keys of STATES, the worst first."""

    name: str
    tenant: str
    kind: str
    key: str
    id: str
    action: str
    status: str
    owner: str
    states: tuple[str, ...]
    message: str
    failed_tests: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def titles(self) -> list[tuple[str, str]]:
        """Its states with their titles."""
        return [(state, STATES[state]) for state in self.states]

    @property
    def facts(self) -> list[str]:
        """Its kind, key, id and tenant."""
        facts = (self.kind, self.key if self.key != self.name else "", f"id {self.id}" if self.id else "", self.tenant)
        return [fact for fact in facts if fact]

    @property
    def is_failure(self) -> bool:
        """Whether the platform is a failed test in JUnit XML."""
        return any(state in FAILURES for state in self.states)

    def document(self) -> dict[str, Any]:
        parts = ("name", "tenant", "kind", "key", "id", "action", "status", "owner", "message")
        lists = {"states": list(self.states), "failed_tests": list(self.failed_tests), "changes": [change.document() for change in self.changes]}
        return {**{part: getattr(self, part) for part in parts}, **lists}


@dataclass(frozen=True)
class UnmanagedPlatform:
    """A platform of a tenant that is in no inventory."""

    tenant: str
    kind: str
    key: str
    type: str

    def document(self) -> dict[str, str]:
        return {"tenant": self.tenant, "kind": self.kind, "key": self.key, "type": self.type}


@dataclass(frozen=True)
class Tenant:
    """The totals of one tenant. errors: why it could not be read. unmanaged: null if unknown."""

    name: str
    errors: tuple[str, ...]
    platforms: int
    counts: Mapping[str, int]
    unmanaged: int | None

    @property
    def unmanaged_text(self) -> str:
        """The number of unmanaged platforms, or "unknown"."""
        return _number(self.unmanaged)

    def document(self) -> dict[str, Any]:
        return {"tenant": self.name, "errors": list(self.errors), "platforms": self.platforms, **self.counts, "unmanaged": self.unmanaged}


@dataclass(frozen=True)
class Report:
    """A whole report. generated: the time in ISO 8601. unmanaged: null if only a part of the fleet was read."""

    title: str
    generated: str
    platforms: tuple[Platform, ...]
    tenants: tuple[Tenant, ...]
    unmanaged: tuple[UnmanagedPlatform, ...] | None
    plan_sha256: str

    @property
    def counts(self) -> dict[str, int]:
        """The number of platforms in each state."""
        return _counts(self.platforms)

    @property
    def filters(self) -> list[tuple[str, str, int]]:
        """The states that occur: key, title and number of platforms."""
        return [(state, STATES[state], number) for state, number in self.counts.items() if number]

    @property
    def unmanaged_text(self) -> str:
        """The number of unmanaged platforms, or "unknown"."""
        return _number(self.summary["unmanaged"])

    @property
    def is_partial(self) -> bool:
        """Whether a tenant could not be read."""
        return any(tenant.errors for tenant in self.tenants)

    @property
    def summary(self) -> dict[str, Any]:
        """The totals of all tenants."""
        return {"platforms": len(self.platforms), **self.counts, "unmanaged": None if self.unmanaged is None else len(self.unmanaged)}

    @property
    def columns(self) -> list[tuple[str, str]]:
        """The columns of the table of tenants: key and title of each state that occurs."""
        return [(state, title) for state, title, _number in self.filters]

    def document(self) -> dict[str, Any]:
        """Return the report as it is written to JSON."""
        return {
            "format": REPORT_FORMAT,
            "title": self.title,
            "generated": self.generated,
            "summary": self.summary,
            "tenants": [tenant.document() for tenant in self.tenants],
            "platforms": [platform.document() for platform in self.platforms],
            "unmanaged": None if self.unmanaged is None else [platform.document() for platform in self.unmanaged],
            "plan_sha256": self.plan_sha256,
        }


def report_on(fleet: Fields, *, title: str, generated: str) -> Report:
    """Return the report on a result of M(community.immuta.immuta_fleet). Raise OptionError if the fleet is not such a result."""
    hosts = fleet.get("platforms")
    if fleet.get("format") != FLEET_FORMAT or not isinstance(hosts, Mapping) or not all(isinstance(each, Mapping) for each in hosts.values()):
        raise OptionError(
            "The fleet is not what the module immuta_fleet returns, or this version does not support its format.",
            option="fleet",
            hint="Give the registered result of immuta_fleet, or the file that it wrote to its dest.",
        )
    platforms = sorted((_platform(str(name), each) for name, each in hosts.items()), key=_sort_key)
    listed = fleet.get("unmanaged")
    unmanaged = tuple(map(_unmanaged_platform, _objects(listed))) if isinstance(listed, (list, tuple)) else None
    tenants = _tenants(platforms, unmanaged, _objects(fleet.get("tenants")))
    return Report(title, generated, tuple(platforms), tuple(tenants), unmanaged, _text(fleet.get("plan_sha256")))


def escape_invisible(text: str, *, lines: bool = False) -> str:
    """Return the text with codes instead of characters that are invisible, change the text direction, or are not allowed in XML.

    lines: keep line breaks.
    """
    return _UNUSUAL.sub(lambda match: _escape(match.group(), lines), text)


def as_json(report: Report) -> str:
    """Return the report as JSON without characters that change the text direction. A lone surrogate becomes U+FFFD."""
    text = json.dumps(report.document(), indent=2, ensure_ascii=False, default=str)
    return escape_invisible(_SURROGATES.sub("\ufffd", text), lines=True) + "\n"


def _escape(character: str, lines: bool) -> str:
    """Return the character, or its escape code if it is invisible, changes the text direction or is not allowed in XML."""
    if character == "\n" and lines:
        return character
    if character in _CODES:
        return _CODES[character]
    category = unicodedata.category(character)
    is_invisible = category in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _JOINERS
    if not is_invisible and ord(character) & 0xFFFE != 0xFFFE:
        return character
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in _utf16_units(character))


def _utf16_units(character: str) -> Iterable[bytes]:
    """Return the one or two UTF-16 units of a character, as JSON escapes them."""
    units = character.encode("utf-16-be", "surrogatepass")
    return (units[start : start + 2] for start in range(0, len(units), 2))


def _platform(name: str, fields: Fields) -> Platform:
    return Platform(
        name=name,
        states=_states(fields),
        message=_message(name, fields),
        failed_tests=tuple(_text(test) for test in _list(fields.get("failed_tests"))),
        changes=tuple(_change(change) for change in _objects(fields.get("changes"))),
        **{part: _text(fields.get(part)) for part in ("tenant", "kind", "key", "id", "action", "status", "owner")},
    )


def _message(name: str, fields: Fields) -> str:
    """Return the message of a host without its name, with actions described as planned."""
    message, action = _text(fields.get("msg")).removeprefix(f"{name}: "), fields.get("action")
    if action in PLANNED_TEXTS and message.startswith(action) and not fields.get("failed"):
        return f"{PLANNED_TEXTS[action]}{message[len(action) :]}"
    return message


def _states(fields: Fields) -> tuple[str, ...]:
    failed = bool(fields.get("failed"))
    drifted = fields.get("action") not in (None, "", "unchanged")
    states = {
        "failed": failed,
        "unhealthy": fields.get("healthy") is False,
        "drifted": drifted,
        "pending": not (failed or drifted or fields.get("done")),
        "owned": fields.get("kind") == INTEGRATION and bool(fields.get("owner")),
    }
    return tuple(state for state, applies in states.items() if applies) or ("fine",)


def _change(fields: Fields) -> Change:
    field = _text(fields.get("field"))
    if fields.get("secret") or looks_secret(re.split(r"[.\[]", field)[-1]):
        return Change(field, secret=True)
    return Change(field, mask(fields.get("before")), mask(fields.get("after")))


def _unmanaged_platform(fields: Fields) -> UnmanagedPlatform:
    return UnmanagedPlatform(*(_text(fields.get(part)) for part in ("tenant", "kind", "key", "type")))


def _sort_key(platform: Platform) -> tuple[int, str]:
    """Return the sort key: the worst state first, then the name."""
    return list(STATES).index(platform.states[0]), platform.name


def _counts(platforms: Iterable[Platform]) -> dict[str, int]:
    counts = Counter(state for platform in platforms for state in platform.states)
    return {state: counts[state] for state in STATES}


def _tenants(platforms: Sequence[Platform], unmanaged: Sequence[UnmanagedPlatform] | None, rows: Iterable[Fields]) -> Iterable[Tenant]:
    """Yield the totals of each tenant, sorted by name. rows: the tenants in the result of immuta_fleet."""
    errors: dict[str, list[str]] = {}
    for each in rows:
        errors.setdefault(_text(each.get("tenant")), []).extend(filter(None, [_text(each.get("error"))]))
    by_tenant: dict[str, list[Platform]] = {name: [] for name in errors}
    for platform in platforms:
        by_tenant.setdefault(platform.tenant, []).append(platform)
    unmanaged_counts = Counter(each.tenant for each in unmanaged or ())
    for name in sorted({*by_tenant, *unmanaged_counts}):
        own = by_tenant.get(name, ())
        messages = tuple(dict.fromkeys(errors.get(name, ())))
        yield Tenant(name, messages, len(own), _counts(own), None if unmanaged is None or messages else unmanaged_counts[name])


def _text(value: Any) -> str:
    """Return the value as text with masked secrets. Empty for None."""
    return "" if value is None else str(mask(value if isinstance(value, str) else _shown(value)))


def _shown(value: Any) -> str:
    """Return a value of any type as readable text."""
    if value is None:
        return "not set"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _number(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _objects(value: Any) -> list[Fields]:
    return [each for each in _list(value) if isinstance(each, Mapping)]
