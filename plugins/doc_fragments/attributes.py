# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module says about itself, but for C(action_group), which comes with the common options."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell what would change without changing it.
  diff_mode:
    description: Tells in C(diff) mode what has changed, or in check mode would change.
  idempotent:
    description: A second run with the same options changes nothing.
  platform:
    description: Target operating systems that can be operated against.
    support: full
    platforms: posix
"""
