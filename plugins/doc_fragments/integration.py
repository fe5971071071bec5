# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that describe an integration, made from the same tables as the argument spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml
from ansible_collections.community.immuta.plugins.module_utils._model.fields import EXTRA, Field, merge_fields
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import CONFIG_FIELDS, PLATFORMS, Platform


def documentation(fields: Sequence[Field], tables: dict[str, Sequence[Field]], path: str, everywhere: int) -> dict[str, Any]:
    """The options under C(path); C(tables) are their fields by the name of the platform. C(everywhere): how many platforms there are."""
    decider = next((f"{path}.{field.option}" for table in tables.values() for field in table if field.decides), "")
    options = {}
    for field in fields:
        same = {name: mine for name, table in tables.items() for mine in table if mine.option == field.option}
        options[field.option] = _option(field, same, f"{path}.{field.option}", decider, everywhere)
    return options


def _option(field: Field, same: dict[str, Field], path: str, decider: str, everywhere: int) -> dict[str, Any]:
    option: dict[str, Any] = {"description": [*_descriptions(same, everywhere), *_remarks(same, decider)], "type": field.type}
    if field.key != field.option:
        option["aliases"] = [field.key]
    if field.elements:
        option["elements"] = field.elements
    if field.fields:
        tables = {name: table.fields for name, table in same.items()}
        below = f"{path}[]" if field.type == "list" else path
        option["suboptions"] = documentation(merge_fields(tables.values()), tables, below, everywhere)
    return option


def _descriptions(same: dict[str, Field], everywhere: int) -> list[str]:
    """Each description once, with the platforms it holds for when those are not all."""
    texts: dict[str, list[str]] = {}
    for name, field in same.items():
        texts.setdefault(field.description, []).append(name)
    if len(texts) == 1 and len(same) == everywhere:
        return list(texts)
    return [f"{text} ({', '.join(names)})" for text, names in texts.items()]


#: what is said of an option when that holds for it on any platform
_OF_ANY = {
    "required": "Required when it is registered.",
    "secret": "Immuta does not give it back, so an update needs it again.",
    "immutable": "It cannot be changed later.",
}


def _remarks(same: dict[str, Field], decider: str) -> list[str]:
    fields = list(same.values())
    branches = {str(branch).lower() if isinstance(branch, bool) else branch for field in fields for branch in field.branch}
    defaults = {str(field.default) for field in fields if field.default not in (None, False)}
    remarks = [
        f"For O({decider}) {_any_of(branches)}." if branches else "",
        *(text for name, text in _OF_ANY.items() if any(getattr(field, name) for field in fields)),
        f"Immuta assumes {_any_of(defaults)} when it is not given." if defaults else "",
    ]
    return list(filter(None, remarks))


def _any_of(values: Iterable[str]) -> str:
    return " or ".join(f"V({value})" for value in sorted(values))


def _bootstrap(path: str) -> list[str]:
    def types(of: tuple[bool, ...]) -> str:
        return ", ".join(f"V({platform.type})" for platform in PLATFORMS.values() if platform.auto_bootstrap == of)

    return [
        f"Whether Immuta sets up the platform itself, with privileged credentials in O({path}config) that it uses once and does not store.",
        f"With V(false) you run the set-up scripts before, and the credentials in O({path}config) are those of Immuta's system account.",
        f"Required to register an integration, except for {types((False,))}, which know V(false) only, and {types(())}, which has no such setting.",
    ]


def _identity(platform: Platform, path: str) -> str:
    return f"V({platform.type}) by O({path}config.{platform.identity})" if platform.identity else f"V({platform.type}) as the only one"


#: the option C(extra) of every typed dict
EXTRA_OPTION: dict[str, Any] = {
    "description": [
        "Keys of the API that this collection does not know, as they are. They are merged into what is sent, at every depth.",
        "A key that has an option of its own is an error here.",
    ],
    "type": "dict",
}


def options(path: str = "") -> dict[str, Any]:
    """The options of an integration, each as documentation; C(path): where they stand, with the dot behind it."""
    tables = {platform.type: platform.fields for platform in PLATFORMS.values()}
    return {
        "id": {
            "description": [
                "ID of the integration.",
                f"Without it the integration is found by its platform's natural key: {'; '.join(_identity(each, path) for each in PLATFORMS.values())}.",
            ],
            "type": "str",
        },
        "type": {"description": "Type of the integration.", "type": "str", "choices": list(PLATFORMS)},
        "auto_bootstrap": {"description": _bootstrap(path), "type": "bool", "aliases": ["autoBootstrap"]},
        "config": {
            "description": [
                "Settings of the integration. What is not given is not managed.",
                "Every option also accepts the API's own spelling, so that a payload from the vendor's documentation can be pasted.",
            ],
            "type": "dict",
            "suboptions": {**documentation(CONFIG_FIELDS, tables, f"{path}config", len(PLATFORMS)), EXTRA: EXTRA_OPTION},
        },
    }


class ModuleDocFragment:
    # annotated, because ansible-test takes every plain assignment for a literal
    DOCUMENTATION: str = yaml.safe_dump({"options": options()}, sort_keys=False, width=1000)
