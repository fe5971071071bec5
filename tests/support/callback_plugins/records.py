# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The usual output on the screen, and beside it every result as a line of JSON in the file that PLAYBOOK_RECORDS names."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback.default import CallbackModule as Default

DOCUMENTATION = """
name: records
type: stdout
short_description: the default output, and results as JSON lines
description: Writes one JSON object a result to the file that the environment variable PLAYBOOK_RECORDS names.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""


class CallbackModule(Default):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "records"

    def _record(self, status: str, result: Any) -> None:
        # Written before the output on the screen takes things out of the result
        entry = {"name": result._task.get_name(), "host": result._host.get_name(), "action": result._task.action, "status": status, "result": result._result}
        with open(os.environ["PLAYBOOK_RECORDS"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record("ok", result)
        super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record("failed", result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._record("skipped", result)
        super().v2_runner_on_skipped(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record("unreachable", result)
        super().v2_runner_on_unreachable(result)
