# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists that describe a whole tenant, generated from the same tables as the argument specs."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.doc_fragments import connection, integration

INTEGRATIONS, CONNECTIONS = "integrations[].", "connections[]."


def _item_options(removal: str) -> dict[str, Any]:
    return {
        "name": {"description": "Your own name for the item, such as that of an inventory host. RV(plan) shows it.", "type": "str"},
        "state": {
            "description": [f"V(present) registers or edits the item. V(absent) removes it{removal}."],
            "type": "str",
            "choices": ["present", "absent"],
            "default": "present",
        },
    }


OPTIONS: dict[str, Any] = {
    "integrations": {
        "description": [
            "Integrations, each with the options of M(community.immuta.immuta_integration).",
            "An empty list means that all integrations of the tenant are unmanaged.",
        ],
        "type": "list",
        "elements": "dict",
        "suboptions": {
            **integration.options(INTEGRATIONS),
            **_item_options(""),
            "force_disable": {
                "description": "With O(integrations[].state=absent), remove the integration from Immuta without touching the data platform.",
                "type": "bool",
                "default": False,
                "aliases": ["forceDisable"],
            },
        },
    },
    "connections": {
        "description": [
            "Connections, each with the options of M(community.immuta.immuta_connection).",
            "An empty list means that all connections of the tenant are unmanaged.",
        ],
        "type": "list",
        "elements": "dict",
        "suboptions": {**connection.options(CONNECTIONS), **_item_options(" with every object in it, including data sources")},
    },
}


class ModuleDocFragment:
    # annotated, because ansible-test expects the value of a plain assignment to be a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": OPTIONS}, sort_keys=False, width=1000)
