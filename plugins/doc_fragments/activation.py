# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that activate objects tell their users."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
notes:
  - Before the module activates a Databricks object, it warns that Immuta revokes grants where no subscription policy applies. It also does so in
    check mode.
  - Immuta activates fewer than 100,000 objects at once. The module refuses to activate more, if one request to the tenant is enough to count them.
"""
