# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe a connection, made from the same tables as the argument spec."""

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
    """The options of a connection, each as documentation; C(path): where they stand, with the dot behind it."""
    tables = {each.name: each for each in DOCUMENTED}
    connection = documentation(CONNECTION_FIELDS, {name: each.fields for name, each in tables.items()}, f"{path}connection", len(DOCUMENTED))
    native = documentation(NATIVE_FIELDS, {name: each.native_fields for name, each in tables.items()}, f"{path}native_integration", len(DOCUMENTED))
    registration = documentation(OPTIONS_FIELDS, dict.fromkeys(tables, OPTIONS_FIELDS), f"{path}options", len(DOCUMENTED))
    native["config"]["suboptions"][EXTRA] = EXTRA_OPTION
    return {
        "connection_key": {
            "description": [
                "Key of the connection, which is also its name in Immuta. It identifies the connection.",
                "A new connection can only have a key of letters, digits, hyphens and underscores, and none that Immuta reserves for itself: "
                + ", ".join(f"V({key})" for key in sorted(RESERVED_KEYS))
                + ". One that was made with another key can still be read, edited and removed.",
            ],
            "type": "str",
            "aliases": ["connectionKey"],
            "required": True,
        },
        "connection": {
            "description": [
                "How Immuta reaches the platform. What is not given is not managed.",
                "Every option also accepts the API's own spelling, so that a payload from the vendor's documentation can be pasted.",
                "Options and what they need are known of "
                + " and ".join(f"V({each.name})" for each in DOCUMENTED)
                + f". For any other technology every option is taken as it is given, and what has no option goes under O({path}connection.extra).",
            ],
            "type": "dict",
            "suboptions": {**connection, EXTRA: EXTRA_OPTION},
        },
        "settings": SETTINGS,
        "options": {
            "description": ["How the connection is registered. Once it is, they mean nothing any more."],
            "type": "dict",
            "suboptions": {**registration, EXTRA: EXTRA_OPTION},
        },
        "native_integration": {
            "description": [
                "The integration behind the connection, which Immuta registers along with it.",
                f"It cannot be changed later. Of one that is there, what differs is an error, but for what O({path}connection) has an option for as well.",
                f"Immuta wants the same credentials here as in O({path}connection).",
                f"The host need be given once: to register it, O({path}connection.hostname) and O({path}native_integration.config.host) are taken from "
                f"each other, or from O({path}native_integration.config.workspace_url).",
            ],
            "type": "dict",
            "aliases": ["nativeIntegration"],
            "suboptions": {**native, EXTRA: EXTRA_OPTION},
        },
    }


class ModuleDocFragment:
    # annotated, because ansible-test takes every plain assignment for a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": options()}, sort_keys=False, width=1000)
