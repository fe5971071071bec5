# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that wait for Immuta."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until Immuta has finished.
      - With V(false), the task succeeds as soon as Immuta has accepted the request, whatever its outcome.
      - In check mode, the module does not wait. If a change is in progress, the module issues a warning and compares the current state.
    type: bool
    default: true
  wait_timeout:
    description:
      - Maximum number of seconds that the task waits in total.
      - If the time runs out, the task fails and reports the last state. The next run resumes at that point.
    type: float
    default: 600
  wait_interval:
    description: Seconds before the second check. The interval grows with every check.
    type: float
    default: 2
"""
