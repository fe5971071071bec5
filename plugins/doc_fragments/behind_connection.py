# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that describes an integration by its connection, generated from the same tables as the argument spec."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.doc_fragments.connection import options

OPTION: dict[str, Any] = {
    "description": [
        "The connection that the integration belongs to, with the options of M(community.immuta.immuta_connection). Use it instead of O(type) and O(config).",
        "The module takes type and settings from O(connection.native_integration). It takes the host from O(connection.connection) if it is not given there.",
        "For the delete script, also give the O(id) of the integration. Immuta has no edit script for an integration that belongs to a connection.",
    ],
    "type": "dict",
    "suboptions": options("connection."),
}


class ModuleDocFragment:
    # annotated, because ansible-test expects the value of a plain assignment to be a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": {"connection": OPTION}}, sort_keys=False, width=1000)
