# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of one platform's work between two runs, and between two steps of one: the summary, and how far each script got. Pure.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .._core.errors import ImmutaError

#: 1 had neither cleanup_first nor scope. It is read as it is.
FORMAT = 2

MAIN, RECOVERY = "main", "recovery"


@dataclass(frozen=True)
class Script:
    """One script of the work. sha256: None until it is made, empty where the tenant has none to give."""

    script: str
    part: str = MAIN
    purpose: str = "any"
    database: str = ""
    sha256: str | None = None
    statements: int = 0
    #: what it would do, of a script of a removal
    would: tuple[str, ...] = ()
    ran: bool = False

    @property
    def is_own(self) -> bool:
        """Whether its statements are the operator's."""
        return self.script in ("before", "after")


@dataclass(frozen=True)
class Progress:
    """How far a script got. statuses: number of a statement -> ok, skipped, failed or unknown; verbs: number -> what it does."""

    statuses: Mapping[int, str] = field(default_factory=dict)
    verbs: Mapping[int, str] = field(default_factory=dict)

    @property
    def executed(self) -> int:
        return list(self.statuses.values()).count("ok")

    def is_complete(self, *, with_failures: bool = False) -> bool:
        """Whether every statement ran. with_failures: a statement that failed was passed over, as clean-up scripts do."""
        done = ("ok", "skipped", "failed") if with_failures else ("ok", "skipped")
        return bool(self.verbs) and all(self.statuses.get(number) in done for number in self.verbs)

    def has_executed(self, verb: str) -> bool:
        """Whether a statement with that verb was executed: not after an "already exists"."""
        return any(status in ("ok", "skipped") and self.verbs.get(number) == verb for number, status in self.statuses.items())


@dataclass(frozen=True)
class Summary:
    """What was planned and done. state: open until nothing is left to do, then done."""

    platform: str = ""
    database: str = ""
    tenant: str = ""
    action: str = ""
    id: str = ""
    work: str = ""
    #: SHA-256 of the settings that the scripts were made for, without secrets
    settings: str = ""
    state: str = "done"
    #: why the scripts did not run: adopted, gone, cleaned up
    skipped: str = ""
    #: a statement of this set-up made what a clean-up drops
    made: bool = False
    #: Immuta has been about to be asked to forget the platform: whoever is killed then does not note that it has
    forgetting: bool = False
    #: Immuta has forgotten the platform, and its script cleans up afterwards
    forgotten: bool = False
    #: what an earlier set-up left is cleaned up before this one runs
    cleanup_first: bool = False
    #: what the scripts may touch: database, accounts
    scope: Mapping[str, Any] = field(default_factory=dict)
    #: key, such as 1-initial-create or recovery-1-cleanup -> script; the order of the keys is the order of the scripts
    scripts: Mapping[str, Script] = field(default_factory=dict)

    @staticmethod
    def of(document: Mapping[str, Any], where: str = "The summary") -> Summary:
        """The summary that a JSON document holds. Raises ImmutaError for one that a newer release wrote, or that is none."""
        if not _has_its_shape(document):
            raise ImmutaError(f"{where} cannot be read.", hint="Move it away, and begin anew.")
        if document.get("format", 1) > FORMAT:
            raise ImmutaError(
                f"{where} has format {document['format']}, which a newer release of this collection wrote.",
                hint="Go on with that release, or move it away and begin anew.",
            )
        known = {each.name for each in fields(Summary)} - {"scripts"}
        scripts = {key: _script(script) for key, script in sorted(document.get("scripts", {}).items())}
        return Summary(**{name: value for name, value in document.items() if name in known}, scripts=scripts)

    def as_dict(self) -> dict[str, Any]:
        """The summary as a JSON document."""
        scripts = {key: {name: value for name, value in asdict(script).items() if value is not None} for key, script in self.scripts.items()}
        return {"format": FORMAT, **asdict(self), "scripts": scripts}

    def part(self, part: str) -> dict[str, Script]:
        """The scripts of the work itself, or those that take it back."""
        return {key: script for key, script in self.scripts.items() if script.part == part}

    @property
    def pending(self) -> tuple[str, ...]:
        """The keys of the scripts that the tenant has not given yet."""
        return tuple(key for key, script in self.part(MAIN).items() if script.sha256 is None)

    def with_script(self, key: str, **changes: Any) -> Summary:
        """The summary with one script changed."""
        return replace(self, scripts={**self.scripts, key: replace(self.scripts[key], **changes)})


def _has_its_shape(document: Any) -> bool:
    """Whether this can be a summary: somebody may have edited it."""
    if not isinstance(document, Mapping) or not isinstance(document.get("format", 1), int) or not isinstance(document.get("scripts", {}), Mapping):
        return False
    scripts = list(document.get("scripts", {}).values())
    return all(isinstance(each, Mapping) and isinstance(each.get("script"), str) and isinstance(each.get("would", []), (list, tuple)) for each in scripts)


def _script(document: Mapping[str, Any]) -> Script:
    parts = {each.name for each in fields(Script)}
    values: dict[str, Any] = {name: tuple(value) if name == "would" else value for name, value in document.items() if name in parts}
    return Script(**values)
