# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that several modules share, as argument specs. Their documentation is in the doc fragments of the same names.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .fields import EXTRA, Field, argument_spec
from .platforms import CONFIG_FIELDS, PLATFORMS
from .technologies import CONNECTION_FIELDS, NATIVE_FIELDS, OPTIONS_FIELDS, SETTINGS_FIELDS

Spec = dict[str, dict[str, Any]]


def _typed(fields: Iterable[Field]) -> dict[str, Any]:
    """Return the spec of a dict with these options, and C(extra) for keys that have no option."""
    return {"type": "dict", "options": {**argument_spec(fields), EXTRA: {"type": "dict"}}}


#: doc fragment C(integration)
INTEGRATION: Spec = {
    "id": {"type": "str"},
    "type": {"type": "str", "choices": list(PLATFORMS)},
    "auto_bootstrap": {"type": "bool", "aliases": ["autoBootstrap"]},
    "config": _typed(CONFIG_FIELDS),
}

#: doc fragment C(wait)
WAIT: Spec = {
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": 600},
    "wait_interval": {"type": "float", "default": 2},
}

#: doc fragment C(connection)
CONNECTION: Spec = {
    "connection_key": {"type": "str", "aliases": ["connectionKey"], "no_log": False, "required": True},
    "connection": _typed(CONNECTION_FIELDS),
    "settings": _typed(SETTINGS_FIELDS),
    "options": _typed(OPTIONS_FIELDS),
    "native_integration": {**_typed(NATIVE_FIELDS), "aliases": ["nativeIntegration"]},
}
CONNECTION["native_integration"]["options"]["config"]["options"][EXTRA] = {"type": "dict"}

#: doc fragment C(behind_connection)
BEHIND_CONNECTION: Spec = {"connection": {"type": "dict", "options": CONNECTION}}

#: doc fragment C(object_path)
OBJECT_PATH: Spec = {"object_path": {"type": "list", "elements": "str", "aliases": ["objectPath"], "required": True}}

_ITEM: Spec = {"name": {"type": "str"}, "state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

#: doc fragment C(fleet)
FLEET: Spec = {
    "integrations": {
        "type": "list",
        "elements": "dict",
        "options": {**INTEGRATION, **_ITEM, "force_disable": {"type": "bool", "default": False, "aliases": ["forceDisable"]}},
        "required_one_of": [("id", "type")],
    },
    "connections": {"type": "list", "elements": "dict", "options": {**CONNECTION, **_ITEM}},
}
