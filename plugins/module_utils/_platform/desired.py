# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state of one platform, validated before the role reads or sends anything. Without I/O and secrets.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import OptionError
from .._core.names import nearest
from .._sql.gate_scope import scope_of
from .place import Place
from .variables import PREFIX, STAGES
from .works import CLEANUP, SETUP, Work

Options = Mapping[str, Any]

#: kind of a platform -> its options, in both spellings
PARTS = {
    "integration": ("id", "type", "auto_bootstrap", "autoBootstrap", "config", "api_key_dest", "apiKeyDest"),
    "connection": ("connection_key", "connectionKey", "connection", "settings", "options", "native_integration", "nativeIntegration"),
}


@dataclass(frozen=True)
class DesiredState:
    """One platform and the options of a run. C(kind) is integration or connection. C(identity) names the platform in artifacts and locks."""

    kind: str
    place: Place
    identity: str
    auto_bootstrap: bool = False
    state: str = "present"
    stages: tuple[str, ...] = STAGES
    #: the directory that remains after the run; empty if there is none
    artifacts: str = ""
    #: the platform's folder in it, or a private folder
    folder: str = ""
    #: None if no approval is required
    approved: tuple[str, ...] | None = None
    require_approval: bool = False
    steps: tuple[Mapping[str, str], ...] = ()
    #: which statements of the operator there are: before, after
    own_scripts: tuple[str, ...] = ()
    leftovers: str = "fail"
    on_failure: str = "keep"
    any_statement: bool = False
    start_at: int = 0
    repair: bool = False
    force: bool = False
    server_validation: bool = True
    wait: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: inventory host that runs the SQL; empty for the host of the play
    sql_host: str = ""
    #: private directory on the SQL host, while a script runs
    remote_folder: str = ""
    #: whether scripts report the outcome of their statements, for the audit log
    has_audit_log: bool = False
    change_reference: str = ""
    #: what the config allows a script to touch: database, accounts
    scope: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uses_scripts(self) -> bool:
        """Whether scripts set up the platform."""
        return not self.auto_bootstrap and bool(self.place.scripts)

    @property
    def database_is_shared(self) -> bool:
        """Whether the operator's setup steps omit the script that creates the database, because it already exists and is shared."""
        named = {step["script"] for step in self.steps}
        return "initial-create" in self.place.scripts and "initial-create" not in named and bool(named & set(SETUP.scripts))

    @property
    def runs_all_stages(self) -> bool:
        """Whether this run has all stages."""
        return set(self.stages) == set(STAGES)

    def steps_of(self, work: Work) -> list[dict[str, str]]:
        """Return the scripts of a work with their databases: the operator's steps, or those of the platform."""
        own = [{"database": "", **step} for step in self.steps if step["script"] in work.scripts]
        return own or [{"script": name, "database": database} for name, database in self.place.scripts.items() if name in work.scripts]

    @property
    def has_cleanup(self) -> bool:
        """Whether there are scripts that clean up a setup."""
        return bool(self.steps_of(CLEANUP)) and not self.database_is_shared


def desired_state_of(options: Options) -> DesiredState:
    """Return the state that the role's variables (without their prefix) describe. Raises OptionError, which names the variable."""
    kind, platform = _platform(options)
    native, link = _native_and_link(kind, platform)
    place = _place(kind, native, link)
    desired = DesiredState(
        kind=kind,
        place=place,
        identity=_identity(kind, platform, native, place),
        auto_bootstrap=_is_true(native.get("auto_bootstrap", native.get("autoBootstrap"))),
        state=options.get("state", "present"),
        stages=tuple(stage for stage in STAGES if stage in options.get("stages", STAGES)),
        artifacts=_text(options, "artifacts"),
        approved=_approved(options),
        require_approval=options.get("require_approval", False),
        steps=tuple(options.get("steps", ())),
        own_scripts=tuple(name for name in ("before", "after") if options.get(f"sql_{name}")),
        leftovers=options.get("leftovers", "fail"),
        on_failure=options.get("on_failure", "keep"),
        any_statement=options.get("any_statement", False),
        start_at=options.get("start_at", 0),
        repair=options.get("repair", False),
        force=options.get("force_disable", False),
        server_validation=options.get("server_validation", True),
        wait=options.get("wait", True),
        settings=_part(platform, "settings") if kind == "connection" else {},
        sql_host=_text(options, "sql_host"),
        scope=scope_of(place.type, _part(native, "config"), link),
    )
    _check(desired)
    return desired


def _native_and_link(kind: str, platform: Options) -> tuple[Options, Options]:
    """Return the integration that the scripts belong to, and its connection, if there is one."""
    if kind == "integration":
        return platform, {}
    return _part(platform, "native_integration", "nativeIntegration"), _part(platform, "connection")


def _place(kind: str, native: Options, link: Options) -> Place:
    type_name = native.get("type") or link.get("technology")
    if not type_name:
        needed = "a type" if kind == "integration" else "the technology in connection, or the type in native_integration"
        raise OptionError(f"{PREFIX}{kind} needs {needed}, which determines the scripts.", option=kind)
    return Place.of(str(type_name), _part(native, "config"), link)


def _text(options: Options, name: str) -> str:
    return options.get(name) or ""


def _platform(options: Options) -> tuple[str, Options]:
    """Return the kind of the platform and its options. Raises OptionError unless exactly one kind is given, with known options."""
    given = {kind: options.get(kind) or {} for kind in PARTS}
    named = [kind for kind in PARTS if given[kind]]
    if len(named) != 1:
        raise OptionError(f"Give either {PREFIX}integration or {PREFIX}connection, as a dictionary.", option="integration")
    kind = named[0]
    platform = {name: value for name, value in given[kind].items() if value is not None}
    strange = sorted(set(platform) - set(PARTS[kind]))
    if strange:
        near = nearest(strange[0], PARTS[kind])
        raise OptionError(
            f"{PREFIX}{kind} has no option {', '.join(strange)}.",
            option=f"{kind}.{strange[0]}",
            hint=(f"Did you mean {near}? " if near else "") + f"It is a dictionary with any of {', '.join(PARTS[kind])}.",
        )
    if kind == "connection" and not (platform.get("connection_key") or platform.get("connectionKey")):
        raise OptionError(f"{PREFIX}connection needs a connection_key.", option="connection.connection_key")
    return kind, platform


def _part(options: Options, *names: str) -> Options:
    """Return the dictionary under one of the names, or an empty one. Raises OptionError for any other value."""
    value: Any = next((options[name] for name in names if options.get(name) not in (None, "")), {})
    if not isinstance(value, Mapping):
        raise OptionError(f"{names[0]} of the platform must be a dictionary.", option=names[0])
    return {name: each for name, each in value.items() if each is not None}


def _identity(kind: str, platform: Options, native: Options, place: Place) -> str:
    if kind == "connection":
        return f"connection {platform.get('connection_key') or platform.get('connectionKey')}"
    config = _part(native, "config")
    return f"{place.type} {str(place.host or config.get('name') or config.get('dataset') or platform.get('id') or '').lower()}"


def _approved(options: Options) -> tuple[str, ...] | None:
    if options.get("approved_sha256") is None:
        return None
    sums = tuple(str(each).strip().lower() for each in options["approved_sha256"])
    if not any(sums):
        raise OptionError(
            f"{PREFIX}approved_sha256 is given but empty, so no script is approved.",
            option="approved_sha256",
            hint="Give the checksums that the stage generate reported, or omit the variable if no approval is required.",
        )
    wrong = [each for each in sums if not re.fullmatch("[0-9a-f]{64}", each)]
    if wrong:
        raise OptionError(f"{PREFIX}approved_sha256 holds {wrong[0][:70]!r}, not 64 hexadecimal digits.", option="approved_sha256")
    return sums


def _check(desired: DesiredState) -> None:
    """Raise OptionError for options that contradict each other."""
    absolute = desired.artifacts.startswith("/")
    if not desired.stages or (desired.artifacts and not absolute) or not (desired.runs_all_stages or absolute):
        raise OptionError(
            f"{PREFIX}stages can contain {', '.join(STAGES)}. Separate stages need {PREFIX}artifacts, an absolute path that all of them can reach.",
            option="stages",
        )
    runs_scripts = desired.uses_scripts and "run" in desired.stages
    if runs_scripts and desired.require_approval and desired.approved is None:
        raise OptionError(
            f"{PREFIX}require_approval is set, but {PREFIX}approved_sha256 is not given. No script runs without an approval.",
            option="approved_sha256",
            hint="Run the stage generate, have its scripts reviewed, and give their checksums.",
        )
    if desired.force and (desired.kind, desired.state) == ("connection", "absent"):
        raise OptionError(
            f"{PREFIX}force_disable works only for integrations.",
            option="force_disable",
            hint=f"To remove a connection from Immuta without touching the warehouse, omit run from {PREFIX}stages.",
        )


def folder_name(name: str) -> str:
    """Return the name of a host's folder in the artifacts. It is unique for each host and never leads out of the directory."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    if safe == name and safe.strip("."):
        return name
    return f"{safe.lstrip('.') or 'host'}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "yes", "on", "1")
