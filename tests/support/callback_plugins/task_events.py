# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every task's result as a line of JSON to the file that TASK_EVENTS names: what callbacks see, for tests to read."""

from __future__ import annotations

import json
import os

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: task_events
type: notification
short_description: Write task results as lines of JSON
description:
  - Writes every task's result, as callbacks see it, to the file that the environment variable E(TASK_EVENTS) names.
  - Takes the folder that E(MADE_MODULES) names for the modules that Ansible makes ready to be sent, so that one run makes them for the next.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "task_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments, **more) -> None:
        super().__init__(*arguments, **more)
        if made := os.environ.get("MADE_MODULES"):
            os.makedirs(made, exist_ok=True)
            os.symlink(made, os.path.join(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache"))

    def _write(self, **event) -> None:
        with open(os.environ["TASK_EVENTS"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(event, default=str) + "\n")

    def _task(self, result, status: str) -> None:
        task = result._task
        shown = json.loads(self._dump_results(result._result, indent=0))
        self._write(host=result._host.get_name(), task=task.get_name().split(" : ")[-1], action=task.action, status=status, result=shown)

    def v2_runner_on_ok(self, result) -> None:
        self._task(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        self._task(result, "failed")

    def v2_runner_on_skipped(self, result) -> None:
        self._task(result, "skipped")

    def v2_runner_on_unreachable(self, result) -> None:
        self._task(result, "unreachable")

    def v2_playbook_on_stats(self, stats) -> None:
        for host in stats.processed:
            self._write(host=host, stats=stats.summarize(host))
