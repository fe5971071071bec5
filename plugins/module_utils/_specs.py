# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that several modules share, as argument specs. Their documentation is in the doc fragments of the same names.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from typing import Any

from ._fields import EXTRA, argument_spec
from ._platforms import CONFIG_FIELDS, PLATFORMS

Spec = dict[str, dict[str, Any]]

#: doc fragment C(integration)
INTEGRATION: Spec = {
    "id": {"type": "str"},
    "type": {"type": "str", "choices": list(PLATFORMS)},
    "auto_bootstrap": {"type": "bool", "aliases": ["autoBootstrap"]},
    "config": {"type": "dict", "options": {**argument_spec(CONFIG_FIELDS), EXTRA: {"type": "dict"}}},
}

#: doc fragment C(wait)
WAIT: Spec = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 600},
    "wait_interval": {"type": "float", "default": 2},
}
