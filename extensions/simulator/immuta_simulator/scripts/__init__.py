# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that a tenant hands out, and those that it runs itself: templates per platform, filled from a config."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any

from ..documents import MISSING, value_at
from ..platforms import PLATFORMS
from ..settings import Settings
from . import databricks, redshift, snowflake, synapse
from .template import Dialect, Step, as_text, chosen, quoted, with_roles

KITS: dict[str, Any] = {
    "Snowflake": snowflake,
    "Redshift": redshift,
    "Databricks": databricks,
    "Azure Synapse Analytics": synapse,
}
FEATURES = ("impersonation", "audit", "workspaces", "lineage")
_numbers = itertools.count(1)


def script_text(type_: str, action: str, config: Mapping[str, Any], old: Mapping[str, Any] | None, settings: Settings, *, given: bool = False) -> str:
    """The text of one script. config: the new one with the system account's credentials; old: what an edit starts from;
    given: the system account is the operator's, whatever the switches say."""
    tampering = settings.script_tampering.get(action, settings.script_tampering.get("*", {}))
    if tampering.get("kind") == "empty":
        return ""
    steps = script_steps(type_, action, config, old, settings, given=given)
    if tampering:
        steps.insert(int(tampering.get("statement", 1)) - 1, Step(tampering.get("sql") or TAMPERING[tampering["kind"]]))
    title = f"Immuta {type_} integration, {action}"
    if settings.script_timestamp:
        title += f", {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} #{next(_numbers)}"
    return as_text(title, steps, KITS[type_].DIALECT)


TAMPERING = {"poison": "DROP DATABASE somebody_elses", "break": "SELECT * FROM immuta_no_such_schema.no_such_table"}


def script_steps(type_: str, action: str, config: Mapping[str, Any], old: Mapping[str, Any] | None, settings: Settings, *, given: bool = False) -> list[Step]:
    """The statements of one script, in order, with their notes and roles."""
    kit = KITS[type_]
    conditions = _conditions(config, old, settings) | ({"given"} if given or settings.snowflake_account == "given" else set())
    steps = chosen(kit.SCRIPTS[action], _names(type_, config, old or config, settings), conditions)
    return with_roles(steps, kit.DIALECT) if settings.snowflake_use_role else steps


def _conditions(config: Mapping[str, Any], old: Mapping[str, Any] | None, settings: Settings) -> set[str]:
    """What a step's `when` may ask for: features that are on, how to log in, and what an edit changes."""
    found = {feature for feature in FEATURES if value_at(config, f"{feature}.enabled") is True}
    found.add(str(config.get("authenticationType", "userPassword")))
    found |= {"drop_database"} if settings.drop_database else set()
    return found if old is None else found | _changes(config, old)


def _changes(config: Mapping[str, Any], old: Mapping[str, Any]) -> set[str]:
    found = set()
    for feature in FEATURES:
        before, after = (value_at(document, f"{feature}.enabled") is True for document in (old, config))
        if before != after:
            found.add(f"{feature}_{'on' if after else 'off'}")
        elif after and value_at(old, f"{feature}.role") != value_at(config, f"{feature}.role"):
            found.add(f"{feature}_renamed")
    for attribute in ("username", "password", "warehouse"):
        if attribute in config and config[attribute] != old.get(attribute):
            found.add(f"{attribute}_changed")
    if old.get("authenticationType") == "userPassword" != config.get("authenticationType"):
        found.add("userPassword_off")
    if "userPassword_off" in found or "username" not in old:
        found.discard("username_changed")
    return found


def _names(type_: str, config: Mapping[str, Any], old: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """The placeholders, quoted for the dialect."""
    dialect: Dialect = KITS[type_].DIALECT
    user, old_user = system_user(type_, config), system_user(type_, old)
    impersonation, old_impersonation = (impersonation_role(type_, document) for document in (config, old))
    database = str(config.get("database", config.get("catalog", "")))
    identifiers = {
        "database": database,
        "user": user,
        "old_user": old_user,
        "impersonation": impersonation,
        "old_impersonation": old_impersonation,
        "role": f"{database}_SYSTEM",
        "warehouse": str(config.get("warehouse", "")),
        "schema": str(config.get("schema", "")),
        "principal": str(_first(config, "oAuthClientConfig.clientId") or settings.databricks_principal),
    }
    password = str(config.get("password", ""))
    literals = {
        "impersonation_text": impersonation,
        "login_name": user,
        "array_delimiter": str(_first(config, "metadataDelimiters.arrayDelimiter") or ","),
        "settings": settings_text(type_, config),
    }
    return {
        **{name: dialect.identifier(value) for name, value in identifiers.items()},
        **{name: dialect.literal(value) for name, value in literals.items()},
        "password": _password(type_, dialect, password, settings),
    }


def settings_text(type_: str, config: Mapping[str, Any]) -> str:
    """What the last statement of a script writes down: the features that are on, so that a validation can compare."""
    on = [feature for feature in FEATURES if value_at(config, f"{feature}.enabled") is True]
    return ";".join(f"{feature}={impersonation_role(type_, config) if feature == 'impersonation' else 'on'}" for feature in on)


def system_user(type_: str, config: Mapping[str, Any]) -> str:
    """The system account's name: the payload's, wherever the way to log in keeps it."""
    database = str(config.get("database", ""))
    return str(_first(config, "username", "okta.username", "databaseUser") or f"{database}_SYSTEM_ACCOUNT")


def impersonation_role(type_: str, config: Mapping[str, Any]) -> str:
    return str(_first(config, "impersonation.role") or PLATFORMS[type_].impersonation_role)


def _password(type_: str, dialect: Dialect, password: str, settings: Settings) -> str:
    """The clear password, quoted; a dollar-quoted one falls back when it holds the quotes itself."""
    style = settings.snowflake_password if type_ == "Snowflake" else "single"
    if style == "double":
        return quoted('"')(password)
    if style == "dollar" and "$$" not in password and not password.endswith("$"):
        return f"$${password}$$"
    return dialect.literal(password)


def _first(config: Mapping[str, Any], *paths: str) -> Any:
    return next((value for value in (value_at(config, path) for path in paths) if value is not MISSING), None)
