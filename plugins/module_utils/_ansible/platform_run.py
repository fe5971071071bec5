# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One platform in one run of the role: its wanted state, its files, and the lock that excludes other runs.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .._core.errors import OptionError
from .._core.secrets import looks_secret
from .._platform.desired import DesiredState, desired_state_of
from .._platform.folder import Folder, remove_dead_folders
from .._platform.options import ROTATE
from .._platform.platform_lock import PlatformLock
from .._platform.variables import PREFIX
from .audit_trail import AuditLog
from .runtime import Task
from .tenant import change_reference, tenant_of, tenant_or_none, variable

Options = Mapping[str, Any]

#: variables that may be undefined, because the tenant reports whether it needs them
_MAY_BE_UNDEFINED = ("login", "new_secrets")
_ACCOUNT_NAMES = ("username", "user")


@dataclass
class PlatformRun:
    """The task, its platform, and the state of the run."""

    task: Task
    desired: DesiredState
    folder: Folder
    #: the id of the lock; empty in check mode
    lock_id: str
    #: the start of the run, in seconds since the epoch
    started: float
    audit_log: AuditLog
    #: content for the line in the audit log
    audit_notes: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(task: Task, state: Options) -> PlatformRun:
        """Return the run that the options describe. state: the state of the previous plan. Raise OptionError for invalid variables."""
        params = task.params
        refuse_problems(params)
        refuse_two_tenants(params)
        desired, audit_log = desired_state_of(params), AuditLog(task)
        if not state:
            audit_log.check()
        # what a rotation writes is gone afterwards, so it must not be with the artifacts of the setup
        artifacts = "" if params.get("entry") == ROTATE else desired.artifacts
        name = params.get("name") or desired.identity
        folder = Folder.of(desired, params, artifacts=artifacts, home=params["home"], name=name, writes=not task.check_mode)
        # check mode runs no scripts, so it needs no other host for them
        remote_folder = f"~/.immuta_platform.{secrets.token_hex(8)}"
        desired = replace(desired, folder=str(folder.path), sql_host="" if task.check_mode else desired.sql_host, remote_folder=remote_folder)
        desired = replace(desired, has_audit_log=bool(audit_log.path), change_reference=change_reference(params))
        started, audit_notes = float(state.get("started") or time.time()), dict(state.get("noted") or {})
        return PlatformRun(task, desired, folder, str(state.get("lock") or ""), started, audit_log, audit_notes)

    @property
    def name(self) -> str:
        """The inventory host, or else the name of the platform in the tenant."""
        return str(self.task.params.get("name") or self.desired.identity)

    @property
    def seconds(self) -> float:
        """The duration of the run so far."""
        return time.time() - self.started

    @property
    def state(self) -> dict[str, Any]:
        """What every plan hands back for the next one."""
        return {"lock": self.lock_id, "started": self.started, "noted": self.audit_notes}

    def write_audit_entry(self, plan: Options, **known: Any) -> None:
        """Write the line of the run that ends with this plan to the audit log. known: work, id and scripts."""
        self.audit_log.write_entry(self.desired, plan, self.audit_notes, started=self.started, name=self.name, **known)

    def create_local_files(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Create the files that the steps will fetch, so that nobody else can read them. Return the steps."""
        for step in steps:
            for file in step.get("brings", ()):
                self.folder.create_private_file(file["dest"])
        return steps

    def take_lock(self) -> None:
        """Take the lock, and remove what interrupted runs left. Raise ImmutaError if another run holds the lock.

        Check mode takes no lock, and only warns about another run.
        """
        if self.task.check_mode:
            other = self._lock.other_run()
            if other:
                self.task.warn(f"Another run is at work on {self.desired.identity}: {other}. This report may be out of date.")
            return
        remove_dead_folders(self.task.params["home"], keep=self.folder.path)
        self.lock_id = self._lock.take(break_id=self.task.params.get("break_lock") or "")

    def release_lock(self) -> None:
        """Release the lock."""
        if self.lock_id:
            self._lock.release(self.lock_id)
            self.lock_id = ""

    @property
    def _lock(self) -> PlatformLock:
        params = self.task.params
        return PlatformLock.of(self.desired, self.folder, home=params["home"], name=self.name, tenant=tenant_or_none(params))


def refuse_problems(params: Options) -> None:
    """Raise OptionError for the first problem of the role's variables."""
    problems = list(params.get("problems") or ())
    for path, reason in (params.get("undefined") or {}).items():
        first, *below = path.split(".")
        if first not in _MAY_BE_UNDEFINED and not any(looks_secret(name) or name in _ACCOUNT_NAMES for name in below):
            problems.append(f"{PREFIX}{path} cannot be evaluated: {str(reason).rstrip('.')}.")
    if problems:
        raise OptionError(problems[0])


def refuse_two_tenants(params: Options) -> None:
    """Raise OptionError if the inventory and the environment name different tenants."""
    named = os.environ.get(variable("url"), "").strip()
    if not named or not params.get("url"):
        return
    inventory_tenant, environment_tenant = tenant_of(params), tenant_of({"url": named})
    if inventory_tenant != environment_tenant:
        raise OptionError(
            f"immuta_url names the tenant {inventory_tenant}, and the environment variable {variable('url')} names {environment_tenant}.",
            hint="Remove the wrong one.",
            option="url",
        )
