# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One platform in one run of the role: what is wanted of it, where its files are, and the lock that keeps a second run out.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._core import lock
from .._core.errors import OptionError
from .._core.secrets import looks_secret
from .._platform.desired import DesiredState, desired_state_of
from .._platform.folder import Folder, lock_path, private_folders, remove_dead_folders
from .._platform.variables import PREFIX
from .audit_trail import Trail
from .runtime import Task
from .tenant import change_reference, tenant_of, variable

Options = Mapping[str, Any]

#: where an undefined variable is no typing error: the tenant may not need it, and says so when it does
_MAY_BE_UNDEFINED = ("login", "new_secrets")
_ACCOUNT_NAMES = ("username", "user")


@dataclass
class PlatformRun:
    """The task, the platform that it is about, and what the run holds."""

    task: Task
    desired: DesiredState
    folder: Folder
    #: the id of the lock; empty in check mode, which takes none
    held: str
    #: when the run began, in seconds since the epoch
    started: float
    trail: Trail
    #: what the audit log is to say at the end
    noted: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(task: Task, state: Options) -> PlatformRun:
        """The run that the options describe. state: what an earlier plan of it handed back. Raises OptionError before anything is read."""
        params = task.params
        refuse_problems(params)
        refuse_two_tenants(params)
        desired, trail = desired_state_of(params), Trail(task)
        if not state:
            trail.check()
        place = Folder.path_for(desired.artifacts, params["home"], params.get("name") or desired.identity, desired.identity)
        # in check mode nothing is sent, so it need not be sent from elsewhere
        there = f"~/.immuta_platform.{secrets.token_hex(8)}"
        desired = replace(desired, folder=str(place), sql_host="" if task.check_mode else desired.sql_host, remote_folder=there)
        desired = replace(desired, has_audit_log=bool(trail.path), change_reference=change_reference(params))
        shared = {"shared_mode": params.get("artifacts_mode") or "", "shared_group": params.get("artifacts_group") or ""}
        folder = Folder(place, desired.place.type, writes=not task.check_mode, **shared)
        started, noted = float(state.get("started") or time.time()), dict(state.get("noted") or {})
        return PlatformRun(task, desired, folder, str(state.get("lock") or ""), started, trail, noted)

    @property
    def name(self) -> str:
        """The inventory host, or else what the platform is called in the tenant."""
        return str(self.task.params.get("name") or self.desired.identity)

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.time() - self.started

    @property
    def state(self) -> dict[str, Any]:
        """What every plan hands back for the next one."""
        return {"lock": self.held, "started": self.started, "noted": self.noted}

    def leave_line(self, plan: Options, **known: Any) -> None:
        """Say in the audit log that the run has ended, with this plan. known: work, id and scripts."""
        self.trail.leave(self.desired, plan, self.noted, started=self.started, name=self.name, **known)

    def ready(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The steps, when the files that they bring back are there, so that nobody else can read them."""
        for step in steps:
            for file in step.get("brings", ()):
                self.folder.create_private_file(file["dest"])
        return steps

    def take_lock(self) -> None:
        """Keep other runs out, and remove what runs that were cut off left. Raises ImmutaError when another run is at work.

        Check mode takes no lock, and warns.
        """
        if self.task.check_mode:
            held = next((held for held in map(lock.holder, self._locks) if held is not None and not lock.is_dead(held)), None)
            if held is not None:
                self.task.warn(f"Another run is at work on {self.desired.identity}: {lock.describe_holder(held)}. What is said here may not hold any longer.")
            return
        remove_dead_folders(self.task.params["home"], keep=self.folder.path)
        private = private_folders(self.task.params["home"])
        try:
            os.makedirs(private, mode=0o700, exist_ok=True)
        except OSError as error:
            raise OptionError(f"{private} cannot be made: {error.strerror}.") from None
        self.folder.create_parents()
        about = {"platform": self.desired.identity, "name": self.name, "folder": str(self.folder.path)}
        self.held = lock.take(self._locks, about, break_id=self.task.params.get("break_lock") or "")

    def release_lock(self) -> None:
        """Let other runs in again."""
        if self.held:
            lock.release(self._locks, self.held)
            self.held = ""

    @property
    def _locks(self) -> list[Path]:
        """One on this machine, whatever the artifacts are, and one beside the artifacts, whichever machine it is."""
        places = [lock_path(private_folders(self.task.params["home"]), self.desired.identity)]
        return [*places, lock_path(self.folder.path.parent, self.desired.identity)] if self.desired.artifacts else places


def refuse_problems(params: Options) -> None:
    """Raise OptionError for the first thing that is wrong with the role's variables."""
    problems = list(params.get("problems") or ())
    for path, reason in (params.get("undefined") or {}).items():
        first, *below = path.split(".")
        if first not in _MAY_BE_UNDEFINED and not any(looks_secret(name) or name in _ACCOUNT_NAMES for name in below):
            problems.append(f"{PREFIX}{path} cannot be evaluated: {str(reason).rstrip('.')}.")
    if problems:
        raise OptionError(problems[0])


def refuse_two_tenants(params: Options) -> None:
    """Raise OptionError when the inventory and the environment name different tenants."""
    named = os.environ.get(variable("url"), "").strip()
    if not named or not params.get("url"):
        return
    here, there = tenant_of(params), tenant_of({"url": named})
    if here != there:
        raise OptionError(
            f"immuta_url names the tenant {here}, and the environment variable {variable('url')} names {there}.",
            hint="Say which one is meant: leave one of them out.",
            option="url",
        )
