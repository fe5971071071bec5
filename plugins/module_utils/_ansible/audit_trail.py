# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log of the role: checked at the start of a run, extended by one line at the end.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .._core import json_lines
from .._core.errors import ImmutaError, OptionError
from .._core.lock import current_run
from .._platform import audit
from .._platform.desired import DesiredState
from .._platform.messages import with_variable_names
from .._platform.options import SYNC
from .runtime import Task
from .tenant import change_reference, tenant_url

AUDIT_LOG = "audit_log"


class AuditLog:
    """The audit log that the task names, if any. Check mode and the entry sync do not write to it."""

    def __init__(self, task: Task) -> None:
        self._task = task
        quiet = task.check_mode or task.params["entry"] == SYNC
        self.path: str = "" if quiet else task.params.get(AUDIT_LOG) or ""

    def check(self) -> None:
        """Create the file if needed. Raise OptionError if it cannot be written."""
        if self.path and not os.path.isabs(self.path):
            raise OptionError(f"{AUDIT_LOG} must be an absolute path, not {self.path}.", option=AUDIT_LOG)
        if self.path:
            json_lines.ensure_writable(self.path, AUDIT_LOG)

    def write_entry(self, desired: DesiredState | None, plan: Mapping[str, Any], audit_notes: Mapping[str, Any], *, started: float, **known: Any) -> None:
        """Append the line for the run that ends with this plan. If that fails, put the line in a warning, because the work is done."""
        if not self.path:
            return
        params, run = self._task.params, current_run()
        document = audit.log_entry(
            desired,
            plan,
            audit_notes,
            time_started=_utc(started),
            time_ended=_utc(time.time()),
            who=run["user"],
            host=run["host"],
            job={"id": run["job"], **params.get("job", {})},
            change_reference=_option_or_none(change_reference, params),
            tenant=_option_or_none(tenant_url, params),
            **known,
        )
        masked = self._task.mask(document)
        try:
            self.check()
            json_lines.append(self.path, masked, AUDIT_LOG)
        except ImmutaError as error:
            self._task.warn(f"{with_variable_names(error.message)} This is the line: {json.dumps(masked)}")


def _option_or_none(read: Any, params: Mapping[str, Any]) -> str | None:
    """Return the value of an option; None if it is not set or invalid."""
    with suppress(OptionError):
        return read(params) or None
    return None


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
