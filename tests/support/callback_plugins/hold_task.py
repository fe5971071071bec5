# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a play in front of a task, for tests that kill it there or run something beside it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: hold_task
type: notification
short_description: Stop a play in front of a task
description:
  - In front of the first task whose name begins with E(HOLD_TASK) it makes the file that E(HOLD_FILE) names, and goes on when that file is gone.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "hold_task"
    CALLBACK_NEEDS_ENABLED = True

    _held = False

    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        name, place = os.environ.get("HOLD_TASK"), Path(os.environ.get("HOLD_FILE", "/nowhere"))
        if not name or self._held or not task.get_name().split(" : ")[-1].startswith(name):
            return
        self._held = True
        place.touch()
        while place.exists():
            time.sleep(0.05)
