# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of one platform's work between two runs or two steps: the summary, and the progress of each script. Without I/O.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .._core.errors import ImmutaError

#: format 1 had neither cleanup_first nor scope, and can still be read
FORMAT = 2

MAIN, RECOVERY = "main", "recovery"


@dataclass(frozen=True)
class Script:
    """One script of the work. C(sha256) is None until the script is generated, and empty if the tenant does not provide it."""

    script: str
    part: str = MAIN
    purpose: str = "any"
    database: str = ""
    sha256: str | None = None
    statements: int = 0
    #: what a script of a removal would do, one text for each statement
    would: tuple[str, ...] = ()
    ran: bool = False

    @property
    def is_own(self) -> bool:
        """Whether it contains the operator's own statements."""
        return self.script in ("before", "after")


@dataclass(frozen=True)
class Progress:
    """The progress of a script. C(statuses) maps the number of a statement to ok, skipped, failed or unknown, C(verbs) to its verb."""

    statuses: Mapping[int, str] = field(default_factory=dict)
    verbs: Mapping[int, str] = field(default_factory=dict)

    @property
    def executed(self) -> int:
        return list(self.statuses.values()).count("ok")

    def is_complete(self, *, with_failures: bool = False) -> bool:
        """Whether every statement ran. With C(with_failures), a failed statement counts too, because cleanup scripts continue after it."""
        done = ("ok", "skipped", "failed") if with_failures else ("ok", "skipped")
        return bool(self.verbs) and all(self.statuses.get(number) in done for number in self.verbs)

    def has_executed(self, verb: str) -> bool:
        """Whether a statement with this verb was executed successfully."""
        return any(status in ("ok", "skipped") and self.verbs.get(number) == verb for number, status in self.statuses.items())


@dataclass(frozen=True)
class Summary:
    """What was planned and done. C(state) is open until nothing is left to do, then done."""

    platform: str = ""
    database: str = ""
    tenant: str = ""
    action: str = ""
    id: str = ""
    work: str = ""
    #: SHA-256 of the settings that the scripts were generated for, without secrets
    settings: str = ""
    state: str = "done"
    #: why the scripts did not run: adopted, gone, cleaned up
    skipped: str = ""
    #: a statement of this setup created what a cleanup drops
    made: bool = False
    #: the run was about to ask Immuta to remove the platform; if the run was killed then, the outcome is not recorded
    forgetting: bool = False
    #: Immuta has removed the platform, and its script cleans up afterward
    forgotten: bool = False
    #: the leftovers of an earlier setup are cleaned up first
    cleanup_first: bool = False
    #: what the scripts may touch: database, accounts
    scope: Mapping[str, Any] = field(default_factory=dict)
    #: key, such as 1-initial-create or recovery-1-cleanup -> script, in the order of the scripts
    scripts: Mapping[str, Script] = field(default_factory=dict)

    @staticmethod
    def of(document: Mapping[str, Any], where: str = "The summary") -> Summary:
        """Return the summary in a JSON document. Raises ImmutaError if it is invalid or from a newer release."""
        if not _has_its_shape(document):
            raise ImmutaError(f"{where} cannot be read.", hint="Move it away and start over.")
        if document.get("format", 1) > FORMAT:
            raise ImmutaError(
                f"{where} has format {document['format']}, which a newer release of this collection wrote.",
                hint="Use that release, or move the file away and start over.",
            )
        known = {each.name for each in fields(Summary)} - {"scripts"}
        scripts = {key: _script(script) for key, script in sorted(document.get("scripts", {}).items())}
        return Summary(**{name: value for name, value in document.items() if name in known}, scripts=scripts)

    def as_dict(self) -> dict[str, Any]:
        """Return the summary as a JSON document."""
        scripts = {key: {name: value for name, value in asdict(script).items() if value is not None} for key, script in self.scripts.items()}
        return {"format": FORMAT, **asdict(self), "scripts": scripts}

    def part(self, part: str) -> dict[str, Script]:
        """Return the scripts of the work itself (MAIN), or those that clean up after it (RECOVERY)."""
        return {key: script for key, script in self.scripts.items() if script.part == part}

    @property
    def pending(self) -> tuple[str, ...]:
        """The keys of the scripts that the tenant has not generated yet."""
        return tuple(key for key, script in self.part(MAIN).items() if script.sha256 is None)

    def with_script(self, key: str, **changes: Any) -> Summary:
        """Return a copy of the summary with one changed script."""
        return replace(self, scripts={**self.scripts, key: replace(self.scripts[key], **changes)})


def _has_its_shape(document: Any) -> bool:
    """Whether a document has the types of a summary. Somebody may have edited it."""
    if not isinstance(document, Mapping) or not isinstance(document.get("format", 1), int) or not isinstance(document.get("scripts", {}), Mapping):
        return False
    scripts = list(document.get("scripts", {}).values())
    return all(isinstance(each, Mapping) and isinstance(each.get("script"), str) and isinstance(each.get("would", []), (list, tuple)) for each in scripts)


def _script(document: Mapping[str, Any]) -> Script:
    parts = {each.name for each in fields(Script)}
    values: dict[str, Any] = {name: tuple(value) if name == "would" else value for name, value in document.items() if name in parts}
    return Script(**values)
