# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that gives an integration by the connection it is behind, made from the same tables as the argument spec."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.doc_fragments.connection import options

OPTION: dict[str, Any] = {
    "description": [
        "The connection that the integration is behind, with the options of M(community.immuta.immuta_connection), instead of O(type) and O(config).",
        "Its type and its settings are taken from O(connection.native_integration), and its host, where it is not given there, from O(connection.connection).",
        "The delete script is made for the integration whose O(id) is given beside it. Immuta makes no edit script for an integration behind a connection.",
    ],
    "type": "dict",
    "suboptions": options("connection."),
}


class ModuleDocFragment:
    # annotated, because ansible-test takes every plain assignment for a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": {"connection": OPTION}}, sort_keys=False, width=1000)
