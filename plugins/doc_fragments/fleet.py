# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of a whole tenant, made from the same tables as the argument specs."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.doc_fragments import connection, integration

INTEGRATIONS, CONNECTIONS = "integrations[].", "connections[]."


def _of_an_item(removal: str) -> dict[str, Any]:
    return {
        "name": {"description": "Your own name for it, such as that of an inventory host. RV(plan) shows it.", "type": "str"},
        "state": {
            "description": [f"V(present) registers it or edits it. V(absent) removes it{removal}."],
            "type": "str",
            "choices": ["present", "absent"],
            "default": "present",
        },
    }


OPTIONS: dict[str, Any] = {
    "integrations": {
        "description": [
            "Integrations, each with the options of M(community.immuta.immuta_integration).",
            "An empty list is a list: all integrations are then unmanaged.",
        ],
        "type": "list",
        "elements": "dict",
        "suboptions": {
            **integration.options(INTEGRATIONS),
            **_of_an_item(""),
            "force_disable": {
                "description": "Have Immuta forget the integration and leave the platform as it is. For O(integrations[].state=absent).",
                "type": "bool",
                "default": False,
                "aliases": ["forceDisable"],
            },
        },
    },
    "connections": {
        "description": [
            "Connections, each with the options of M(community.immuta.immuta_connection).",
            "An empty list is a list: all connections are then unmanaged.",
        ],
        "type": "list",
        "elements": "dict",
        "suboptions": {**connection.options(CONNECTIONS), **_of_an_item(" and every object in it, data sources included")},
    },
}


class ModuleDocFragment:
    # annotated, because ansible-test takes every plain assignment for a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": OPTIONS}, sort_keys=False, width=1000)
