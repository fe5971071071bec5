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

CONNECTION = documentation(CONNECTION_FIELDS, {each.name: each.fields for each in DOCUMENTED}, "connection", len(DOCUMENTED))
NATIVE = documentation(NATIVE_FIELDS, {each.name: each.native_fields for each in DOCUMENTED}, "native_integration", len(DOCUMENTED))
REGISTRATION = documentation(OPTIONS_FIELDS, {each.name: OPTIONS_FIELDS for each in DOCUMENTED}, "options", len(DOCUMENTED))

OPTIONS: dict[str, Any] = {
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
            + ". For any other technology every option is taken as it is given, and what has no option goes under O(connection.extra).",
        ],
        "type": "dict",
        "suboptions": {**CONNECTION, EXTRA: EXTRA_OPTION},
    },
    "settings": SETTINGS,
    "options": {
        "description": ["How the connection is registered. Once it is, they mean nothing any more."],
        "type": "dict",
        "suboptions": {**REGISTRATION, EXTRA: EXTRA_OPTION},
    },
    "native_integration": {
        "description": [
            "The integration behind the connection, which Immuta registers along with it.",
            "It cannot be changed later. Of one that is there, what differs is an error, but for what O(connection) has an option for as well.",
            "Immuta wants the same credentials here as in O(connection).",
        ],
        "type": "dict",
        "aliases": ["nativeIntegration"],
        "suboptions": {**NATIVE, EXTRA: EXTRA_OPTION},
    },
}
OPTIONS["native_integration"]["suboptions"]["config"]["suboptions"][EXTRA] = EXTRA_OPTION


class ModuleDocFragment:
    # annotated, because ansible-test takes every plain assignment for a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": OPTIONS}, sort_keys=False, width=1000)
