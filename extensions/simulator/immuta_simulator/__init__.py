# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator of an Immuta tenant, for tests of playbooks and of this collection. See README.md."""

from .client import Reply, Simulator, SimulatorError

__all__ = ["Reply", "Simulator", "SimulatorError"]
