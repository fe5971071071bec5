# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Config documents: dotted paths, defaults, redaction, and what a payload must hold."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .platforms import PLATFORMS, Platform
from .problems import Problem
from .settings import Settings

MISSING: Any = object()
REDACTED = re.compile(r"[<\[]?REDACTED[>\]]?")


def value_at(document: Any, path: str) -> Any:
    """The value at a dotted path, MISSING when it leads nowhere; numbers count the elements of lists."""
    value = document
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        else:
            return MISSING
    return value


def set_at(document: dict[str, Any], path: str, value: Any) -> None:
    """Sets, or with MISSING removes, what is at a path; its parent is there."""
    parent, _unused, last = path.rpartition(".")
    holder = value_at(document, parent) if parent else document
    if value is MISSING:
        holder.pop(last, None)
    else:
        holder[last] = value


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """above over below, dicts key by key; neither is changed."""
    result = copy.deepcopy(dict(below))
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if nested else copy.deepcopy(value)
    return result


def expanded(platform: Platform, config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the server's defaults, as GET shows it."""
    result = merged(platform.defaults, config)
    if value_at(result, "impersonation.enabled") is True and platform.impersonation_role:
        result["impersonation"].setdefault("role", platform.impersonation_role)
    return result


def redacted(platform: Platform, config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The config with its secrets in the form that the switches choose."""
    result = copy.deepcopy(dict(config))
    forms = {path: settings.undocumented_redaction for path in platform.secrets}
    for path, shown in platform.redacted.items():
        forms[path] = shown if settings.documented_redaction == "vendor" else settings.documented_redaction
    for path, form in forms.items():
        for place in places(result, path):
            set_at(result, place, MISSING if form == "absent" else form)
    return result


def places(document: Any, path: str) -> list[str]:
    """Where a path leads to, in a document: itself or nowhere, or one a list element for every *."""
    head, star, tail = path.partition(".*.")
    value = value_at(document, head)
    if value is MISSING:
        return []
    if not star:
        return [path]
    elements = enumerate(value) if isinstance(value, list) else ()
    return [f"{head}.{number}.{place}" for number, element in elements for place in places(element, tail)]


def redacted_paths(platform: Platform, config: Mapping[str, Any]) -> list[str]:
    """The secrets of a payload that are placeholders of an earlier answer."""
    found = [place for path in platform.all_secrets for place in places(config, path)]
    values = {path: value_at(config, path) for path in found}
    return [path for path, value in values.items() if isinstance(value, str) and REDACTED.fullmatch(value)]


@dataclass(frozen=True)
class Wanted:
    """What a payload asks for."""

    type: str
    automatic: bool
    config: dict[str, Any]

    @property
    def platform(self) -> Platform:
        return PLATFORMS[self.type]

    @property
    def key(self) -> str:
        """The value of the attribute that is unique in a tenant."""
        return str(self.config.get(self.platform.key, "")) if self.platform.key else ""

    def expanded(self) -> Wanted:
        """With the server's defaults."""
        return replace(self, config=expanded(self.platform, self.config))


def check_payload(payload: Any) -> Wanted:
    """What a POST or PUT body asks for; a Problem with status 400 names what is wrong with it."""
    if not isinstance(payload, dict):
        raise _invalid('"value" must be an object')
    type_ = payload.get("type")
    if type_ not in PLATFORMS:
        raise _invalid('"type" is required' if type_ is None else f'"type" must be one of [{", ".join(PLATFORMS)}]')
    if type_ == "Trino":
        return Wanted(type_, False, _config_of(payload, required=False))
    automatic = payload.get("autoBootstrap", MISSING)
    if not isinstance(automatic, bool):
        raise _invalid(f'"autoBootstrap" {"is required" if automatic is MISSING else "must be a boolean"}')
    if automatic and not PLATFORMS[type_].automatic:
        raise _invalid(f'"autoBootstrap" must be [false] for {type_} integrations')
    config = _config_of(payload, required=True)
    _check_config(type_, config)
    return Wanted(type_, automatic, config)


def _config_of(payload: dict[str, Any], *, required: bool) -> dict[str, Any]:
    config = payload.get("config")
    if config is None and not required:
        return {}
    if not isinstance(config, dict):
        raise _invalid('"config" is required' if config is None else '"config" must be an object')
    return config


def _check_config(type_: str, config: dict[str, Any]) -> None:
    platform = PLATFORMS[type_]
    missing = [path for path in platform.required if _not_given(config, path)]
    chosen = config.get("authenticationType")
    if platform.required_by_auth and not missing:
        if not isinstance(chosen, str) or chosen not in platform.required_by_auth:
            raise _invalid(f'"config.authenticationType" must be one of [{", ".join(platform.required_by_auth)}]')
        missing = [path for path in platform.required_by_auth[chosen] if _not_given(config, path)]
    if missing:
        raise _invalid(", ".join(f'"config.{path}" is required' for path in missing))
    _check_values(type_, config)


def _check_values(type_: str, config: dict[str, Any]) -> None:
    port = config.get("port", 443)
    if isinstance(port, bool) or not isinstance(port, (int, float)) or not 0 <= port <= 65535:
        raise _invalid('"config.port" must be a number between 0 and 65535')
    texts = [place for path in (*PLATFORMS[type_].required, *PLATFORMS[type_].all_secrets) for place in places(config, path)]
    for path in texts:
        if not isinstance(value_at(config, path), str):
            raise _invalid(f'"config.{path}" must be a string')
    if type_ == "Google BigQuery" and not config["datasetSuffix"].startswith("_"):
        raise _invalid('"config.datasetSuffix" must start with an underscore')


def _not_given(config: dict[str, Any], path: str) -> bool:
    return value_at(config, path) in (MISSING, None, "")


def _invalid(what: str) -> Problem:
    return Problem(400, f"Invalid request payload input: {what}")
