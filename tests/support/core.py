# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ansible-core the tests run playbooks and modules with: that of their own Python, or that of the Python CORE_PYTHON names.

MODULES_PYTHON names another Python for the modules alone, as on a managed host.
"""

from __future__ import annotations

import os
import sys

PYTHON = os.environ.get("CORE_PYTHON", sys.executable)
MODULES_PYTHON = os.environ.get("MODULES_PYTHON", PYTHON)
