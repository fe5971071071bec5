# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log of the role: found out to be writable before anything is done, and one line appended when the run ends.

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


class Trail:
    """The audit log that the task names, if it names one. In check mode, and where nothing is but read again, there is none."""

    def __init__(self, task: Task) -> None:
        self._task = task
        quiet = task.check_mode or task.params["entry"] == SYNC
        self.path: str = "" if quiet else task.params.get(AUDIT_LOG) or ""

    def check(self) -> None:
        """Make the file where there is none. Raises OptionError when the run could not leave its line."""
        if self.path and not os.path.isabs(self.path):
            raise OptionError(f"{AUDIT_LOG} is {self.path}, and has to be an absolute path.", option=AUDIT_LOG)
        if self.path:
            json_lines.ensure_writable(self.path, AUDIT_LOG)

    def leave(self, desired: DesiredState | None, plan: Mapping[str, Any], noted: Mapping[str, Any], *, started: float, **known: Any) -> None:
        """Append the line of the run that ends with this plan. When that fails, a warning holds the line: what was done is done."""
        if not self.path:
            return
        params, here = self._task.params, current_run()
        document = audit.log_entry(
            desired,
            plan,
            noted,
            time_started=_utc(started),
            time_ended=_utc(time.time()),
            who=here["user"],
            host=here["host"],
            job={"id": here["job"], **params.get("job", {})},
            change_reference=_given(change_reference, params),
            tenant=_given(tenant_url, params),
            **known,
        )
        masked = self._task.mask(document)
        try:
            self.check()
            json_lines.append(self.path, masked, AUDIT_LOG)
        except ImmutaError as error:
            self._task.warn(f"{with_variable_names(error.message)} This is the line: {json.dumps(masked)}")


def _given(read: Any, params: Mapping[str, Any]) -> str | None:
    """What an option holds; None when it is not given, or cannot be read."""
    with suppress(OptionError):
        return read(params) or None
    return None


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
