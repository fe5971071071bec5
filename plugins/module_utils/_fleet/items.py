# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The items of a fleet: the platforms in the lists of a task, and the outcome of each. They send no requests.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import ImmutaError, OptionError, failed_tests, validation_tests
from .._core.secrets import mask
from .._model.fields import normalise_host
from .._model.platforms import PLATFORMS
from .._reconcile.connection import ConnectionOutcome
from .._reconcile.integration import IntegrationOutcome
from .._reconcile.outcome import NOT_VALIDATED, Outcome

INTEGRATION, CONNECTION = "integration", "connection"

Options = Mapping[str, Any]


@dataclass
class Item:
    """One platform of a fleet and what the task knows about it so far. C(key): its host, its connection key, or its id."""

    kind: str
    key: str
    #: the options of the single module
    options: Options
    #: the operator's own name for the platform
    name: str = ""
    #: the platform is in no list and will be removed
    pruned: bool = False
    outcome: Outcome | None = None
    #: the change needs a script on the warehouse, which the role runs
    needs_script: bool = False
    #: the connection that the integration belongs to, if connections were read
    owner: str = ""
    error: ImmutaError | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The name of the item in messages."""
        return f"{self.kind} {self.key}"

    @property
    def absent(self) -> bool:
        """Whether the task removes the platform."""
        return self.options.get("state") == "absent"

    @property
    def action(self) -> str:
        """The planned or completed action: created, updated, deleted or unchanged. Empty if it is unknown."""
        return self.outcome.plan.action if self.outcome else ""

    @property
    def document(self) -> Mapping[str, Any]:
        """The integration, or the object of the connection, as the tenant shows it or would show it. Empty if it does not exist."""
        document: Mapping[str, Any] = {}
        if isinstance(self.outcome, ConnectionOutcome):
            document = self.outcome.observed.object
        elif isinstance(self.outcome, IntegrationOutcome):
            document = self.outcome.integration
        return document

    @property
    def id(self) -> str:
        """The id of the integration, or of the integration that the connection owns. Empty if none exists."""
        id = self.outcome.observed.native_id if isinstance(self.outcome, ConnectionOutcome) else self.document.get("id")
        return "" if id is None else str(id)

    @property
    def needs_request(self) -> bool:
        """Whether a request to the tenant, without a script, brings the platform to its wanted state."""
        return self.error is None and not self.needs_script and self.action not in ("", "unchanged")

    @property
    def changed(self) -> bool:
        """Whether the tenant changed, or would change in check mode."""
        return bool(self.error.facts.get("changed")) if self.error else self.needs_request

    def warn(self, text: str) -> None:
        """Record a warning, unless it is already recorded."""
        if text not in self.warnings:
            self.warnings.append(text)

    def as_result(self) -> dict[str, Any]:
        """Return the item as the module returns it."""
        # only the keys that all outcomes share, because the whole document is large
        result = Outcome.as_result(self.outcome) if self.outcome else {}
        return {
            "kind": self.kind,
            "key": self.key,
            "name": self.name or None,
            "action": self.action or None,
            "changed": self.changed,
            "changes": result.get("changes", []),
            "changed_reason": result.get("changed_reason") or None,
            "id": self.id or None,
            "status": self.document.get("status") or self.document.get("state"),
            "healthy": self.outcome.healthy if self.outcome else None,
            "adopted": result.get("adopted", False),
            "validation": result.get("validation", NOT_VALIDATED),
            "needs_script": self.needs_script,
            "failed_tests": [mask(text) for text in failed_tests(validation_tests(self.document))],
            "owner": self.owner or None,
            "pruned": self.pruned,
            "warnings": self.warnings,
            "error": str(self.error) if self.error else None,
            "failure": _facts(self.error) if self.error else None,
        }


def items_of(kind: str, listed: Iterable[Options]) -> list[Item]:
    """Return the items of one list in its order. Raise OptionError if two of them describe the same platform."""
    items = [Item(kind, _key(kind, options), options, str(options.get("name") or "")) for options in listed]
    first: dict[tuple[str, str], int] = {}
    for number, item in enumerate(items):
        earlier = first.setdefault(_identity(item), number)
        if earlier != number:
            raise OptionError(
                f"{kind}s holds {item.label} twice, as number {earlier + 1} and as number {number + 1}.",
                option=f"{kind}s",
                hint="Nothing was sent. Leave one of them out.",
            )
    return items


def _identity(item: Item) -> tuple[str, str]:
    """Return the identity of a platform, as far as the options tell it without asking the tenant."""
    return ("", item.key) if item.kind == CONNECTION else (str(item.options.get("type") or ""), item.key)


def _key(kind: str, options: Options) -> str:
    """Return the connection key, or the host, id or type that identifies the integration in messages."""
    if kind == CONNECTION:
        return str(options.get("connection_key"))
    if options.get("id"):
        return f"id {options['id']}"
    platform = PLATFORMS.get(str(options.get("type")))
    if platform is None or not platform.identity:
        return str(options.get("type"))
    value, identity = (options.get("config") or {}).get(platform.identity), platform.option(platform.identity)
    return (normalise_host(value) if identity.host else str(value)) if value else f"{platform.type} without {identity.option}"


def refuse_duplicates(items: Sequence[Item]) -> None:
    """Raise OptionError if two items are the same integration, one by its id and one by its host."""
    seen: dict[str, Item] = {}
    for item in items:
        id = item.id if item.kind == INTEGRATION else ""
        other = seen.setdefault(id, item) if id else item
        if other is not item:
            raise OptionError(
                f"integrations holds integration {id} twice, as {other.key} and as {item.key}.",
                option="integrations",
                hint="Nothing was sent. Leave one of them out.",
            )


def _facts(error: ImmutaError) -> dict[str, Any]:
    """Return the machine-readable part of a failure, without the plan."""
    names = ("status", "method", "path", "api_error", "option", "tests", "dry_run", "last_status", "connection_key", "jobs")
    facts: dict[str, Any] = mask({name: error.facts[name] for name in names if name in error.facts})
    return facts
