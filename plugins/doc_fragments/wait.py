# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that wait."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until Immuta is done.
      - Without it a request that Immuta has accepted counts as done, whatever becomes of it.
      - In check mode nothing is waited for. What is under way then is warned of, and compared as it is.
    type: bool
    default: true
  wait_timeout:
    description:
      - How many seconds to wait at the most, over all the waits of the task together.
      - When they have passed the task fails with the last state; the next run goes on where this one stopped.
    type: float
    default: 600
  wait_interval:
    description: Seconds before the second look. The interval grows from look to look.
    type: float
    default: 2
"""
