# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes that every module documents. C(action_group) comes with the common options instead."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and report what would change without changing it.
  diff_mode:
    description: Reports in C(diff) mode what has changed, or would change in check mode.
  idempotent:
    description: A second run with the same options changes nothing.
  platform:
    description: Target operating systems that can be operated against.
    support: full
    platforms: posix
"""
