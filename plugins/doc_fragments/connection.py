# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe a connection, generated from the same tables as the argument spec."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.doc_fragments.integration import EXTRA_OPTION, documentation
from ansible_collections.community.immuta.plugins.doc_fragments.settings import OPTION as SETTINGS
from ansible_collections.community.immuta.plugins.module_utils._model.fields import EXTRA
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import (
    CONNECTION_FIELDS,
    NATIVE_FIELDS,
    OPTIONS_FIELDS,
    RESERVED_KEYS,
    TECHNOLOGIES,
)

DOCUMENTED = [technology for technology in TECHNOLOGIES.values() if technology.documented]


def options(path: str = "") -> dict[str, Any]:
    """Return the documentation of a connection's options. C(path) is their prefix, including the dot."""
    tables = {each.name: each for each in DOCUMENTED}
    connection = documentation(CONNECTION_FIELDS, {name: each.fields for name, each in tables.items()}, f"{path}connection", len(DOCUMENTED))
    native = documentation(NATIVE_FIELDS, {name: each.native_fields for name, each in tables.items()}, f"{path}native_integration", len(DOCUMENTED))
    registration = documentation(OPTIONS_FIELDS, dict.fromkeys(tables, OPTIONS_FIELDS), f"{path}options", len(DOCUMENTED))
    native["config"]["suboptions"][EXTRA] = EXTRA_OPTION
    return {
        "connection_key": {
            "description": [
                "Key of the connection, which is also its name in Immuta. It identifies the connection.",
                "The key of a new connection can contain only letters, digits, hyphens and underscores. Immuta reserves these keys: "
                + ", ".join(f"V({key})" for key in sorted(RESERVED_KEYS))
                + ". You can still read, edit and remove a connection that already has another key.",
            ],
            "type": "str",
            "aliases": ["connectionKey"],
            "required": True,
        },
        "connection": {
            "description": [
                "How Immuta reaches the platform. The module manages only the options that you give.",
                "Every option also accepts the API's own spelling, so that a payload from the vendor's documentation can be pasted.",
                "The module validates the options for "
                + " and ".join(f"V({each.name})" for each in DOCUMENTED)
                + f". For any other technology, it sends every option as given. Use O({path}connection.extra) for settings that have no option.",
            ],
            "type": "dict",
            "suboptions": {**connection, EXTRA: EXTRA_OPTION},
        },
        "settings": SETTINGS,
        "options": {
            "description": ["Options of the registration. They have no effect on a connection that is already registered."],
            "type": "dict",
            "suboptions": {**registration, EXTRA: EXTRA_OPTION},
        },
        "native_integration": {
            "description": [
                "The integration that belongs to the connection. Immuta registers it together with the connection.",
                f"It cannot be changed later. If an existing integration differs, the task fails, except for options that O({path}connection) also has.",
                f"Immuta requires the same credentials here as in O({path}connection).",
                f"You need to give the host only once. To register the connection, the module copies it between O({path}connection.hostname) and "
                f"O({path}native_integration.config.host), or takes it from O({path}native_integration.config.workspace_url).",
            ],
            "type": "dict",
            "aliases": ["nativeIntegration"],
            "suboptions": {**native, EXTRA: EXTRA_OPTION},
        },
    }


class ModuleDocFragment:
    # annotated, because ansible-test expects the value of a plain assignment to be a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": options()}, sort_keys=False, width=1000)
