# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe an integration, generated from the same tables as the argument spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.module_utils._model.fields import EXTRA, Field, merge_fields
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import CONFIG_FIELDS, PLATFORMS, Platform


def documentation(fields: Sequence[Field], tables: dict[str, Sequence[Field]], path: str, platform_count: int) -> dict[str, Any]:
    """Return the documentation of the options under C(path).

    C(tables) maps the name of a platform to its fields. An option that all C(platform_count) platforms share does not name them.
    """
    decider = next((f"{path}.{field.option}" for table in tables.values() for field in table if field.decides), "")
    options = {}
    for field in fields:
        same = {name: mine for name, table in tables.items() for mine in table if mine.option == field.option}
        options[field.option] = _option(field, same, f"{path}.{field.option}", decider, platform_count)
    return options


def _option(field: Field, same: dict[str, Field], path: str, decider: str, platform_count: int) -> dict[str, Any]:
    option: dict[str, Any] = {"description": [*_descriptions(same, platform_count), *_remarks(same, decider)], "type": field.type}
    if field.key != field.option:
        option["aliases"] = [field.key]
    if field.elements:
        option["elements"] = field.elements
    if field.fields:
        tables = {name: table.fields for name, table in same.items()}
        below = f"{path}[]" if field.type == "list" else path
        option["suboptions"] = documentation(merge_fields(tables.values()), tables, below, platform_count)
    return option


def _descriptions(same: dict[str, Field], platform_count: int) -> list[str]:
    """Return each description once, followed by the platforms that it applies to unless these are all platforms."""
    texts: dict[str, list[str]] = {}
    for name, field in same.items():
        texts.setdefault(field.description, []).append(name)
    if len(texts) == 1 and len(same) == platform_count:
        return list(texts)
    return [f"{text} ({', '.join(names)})" for text, names in texts.items()]


#: attribute of a field -> the sentence that documents it if it is true on any platform
_REMARKS = {
    "required": "Required to register the platform.",
    "secret": "Immuta does not return it, so an update needs it again.",
    "immutable": "It cannot be changed later.",
}


def _remarks(same: dict[str, Field], decider: str) -> list[str]:
    fields = list(same.values())
    branches = {str(branch).lower() if isinstance(branch, bool) else branch for field in fields for branch in field.branch}
    defaults = {str(field.default) for field in fields if field.default not in (None, False)}
    remarks = [
        f"For O({decider}) {_any_of(branches)}." if branches else "",
        *(text for name, text in _REMARKS.items() if any(getattr(field, name) for field in fields)),
        f"If it is not given, Immuta uses {_any_of(defaults)}." if defaults else "",
    ]
    return list(filter(None, remarks))


def _any_of(values: Iterable[str]) -> str:
    return " or ".join(f"V({value})" for value in sorted(values))


def _bootstrap(path: str) -> list[str]:
    def types(supported: tuple[bool, ...]) -> str:
        return ", ".join(f"V({platform.type})" for platform in PLATFORMS.values() if platform.auto_bootstrap == supported)

    return [
        f"Whether Immuta sets up the platform itself, with privileged credentials in O({path}config). It uses them once and does not store them.",
        f"With V(false), you run the setup scripts first, and O({path}config) contains the credentials of Immuta's system account.",
        f"Required to register an integration, except for {types((False,))}, which support only V(false), and {types(())}, which has no such setting.",
    ]


def _identity(platform: Platform, path: str) -> str:
    return f"V({platform.type}) by O({path}config.{platform.identity})" if platform.identity else f"V({platform.type}), of which a tenant has only one"


#: the option C(extra) of every dictionary with known options
EXTRA_OPTION: dict[str, Any] = {
    "description": [
        "Settings of the API that this collection does not know, in the API's spelling. The module merges them into the request, at every depth.",
        "The task fails if a key has an option of its own.",
    ],
    "type": "dict",
}


def options(path: str = "") -> dict[str, Any]:
    """Return the documentation of an integration's options. C(path) is their prefix, including the dot."""
    tables = {platform.type: platform.fields for platform in PLATFORMS.values()}
    return {
        "id": {
            "description": [
                "ID of the integration.",
                "Without it, the module finds the integration by the natural key of its platform. "
                f"This is {'; '.join(_identity(each, path) for each in PLATFORMS.values())}.",
            ],
            "type": "str",
        },
        "type": {"description": "Type of the integration.", "type": "str", "choices": list(PLATFORMS)},
        "auto_bootstrap": {"description": _bootstrap(path), "type": "bool", "aliases": ["autoBootstrap"]},
        "config": {
            "description": [
                "Settings of the integration. The module manages only the options that you give.",
                "Every option also accepts the API's own spelling, so that a payload from the vendor's documentation can be pasted.",
            ],
            "type": "dict",
            "suboptions": {**documentation(CONFIG_FIELDS, tables, f"{path}config", len(PLATFORMS)), EXTRA: EXTRA_OPTION},
        },
    }


class ModuleDocFragment:
    # annotated, because ansible-test expects the value of a plain assignment to be a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": options()}, sort_keys=False, width=1000)
