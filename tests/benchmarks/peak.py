# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command and append the peak memory of its largest process to a file, in KiB: python peak.py FILE COMMAND..."""

from __future__ import annotations

import os
import sys

process = os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
_pid, status, usage = os.wait4(process, 0)
with open(sys.argv[1], "a", encoding="ascii") as file:
    file.write(f"{usage.ru_maxrss}\n")
sys.exit(os.waitstatus_to_exitcode(status))
