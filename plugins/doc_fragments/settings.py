# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a connection and of the objects in it, generated from the same table as the argument spec."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.doc_fragments.integration import EXTRA_OPTION, documentation
from ansible_collections.community.immuta.plugins.module_utils._model.fields import EXTRA
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import SETTINGS_FIELDS

OPTION: dict[str, Any] = {
    "description": [
        "Settings of the object. The module manages only the options that you give.",
        "The module leaves a setting unchanged if it already has the desired value, also if it is inherited. It sets any other on the object itself.",
    ],
    "type": "dict",
    "suboptions": {**documentation(SETTINGS_FIELDS, {"": SETTINGS_FIELDS}, "settings", 1), EXTRA: EXTRA_OPTION},
}


class ModuleDocFragment:
    # annotated, because ansible-test expects the value of a plain assignment to be a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": {"settings": OPTION}}, sort_keys=False, width=1000)
