# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export the platforms of a tenant as options for tasks. Used by immuta_tenant_info and the inventory plugin; sends no requests.

On the same tenant these options change nothing. On another tenant they register the same platforms.

The tenant does not return secrets, so the export has vault variables instead. An option with an undefined vault variable counts as not set.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._core.secrets import REDACTED, is_redacted, looks_secret, mask
from .._model.documents import belongs_to_other_branch, branch_of, branches, missing_required
from .._model.fields import EXTRA, Field, prune
from .._model.platforms import PLATFORMS
from .._model.technologies import SETTINGS_FIELDS
from .._plan.connection import Observed, observed_settings
from .._plan.integration import natural_key
from . import names

Options = dict[str, Any]
Document = Mapping[str, Any]

#: the prefix of the vault variables
VAULT_PREFIX = "vault_immuta_"


@dataclass(frozen=True)
class Exported:
    """One platform as options. vault: the names of its vault variables, in the order of the options."""

    kind: str
    key: str
    options: Options
    vault: tuple[str, ...] = ()
    #: its name as an inventory host, and the suffix that makes the name unique
    host: str = ""
    suffix: str = ""


@dataclass
class _Vault:
    """The vault variables of one platform."""

    prefix: str
    names: list[str] = field(default_factory=list)

    def variable(self, path: str) -> str:
        """Return the placeholder for the secret at this path."""
        name = f"{VAULT_PREFIX}{_identifier(f'{self.prefix}_{path}')}"
        self.names.append(name)
        return f"{{{{ {name} }}}}"


def export_integration(document: Document) -> Exported:
    """Return an integration as the options of C(immuta_integration). Raise KeyError if this collection does not know its type."""
    platform = PLATFORMS[str(document["type"])]
    config = document.get("config") or {}
    key = natural_key(platform, config) or platform.type
    vault = _Vault(f"{platform.type}_{key}" if platform.identity else platform.type)
    options: Options = {"type": platform.type}
    if any(missing_required(config, platform.fields, "config")):
        options = {"id": str(document.get("id")), **options}  # without the missing fields it cannot be registered, only updated by its id
    if platform.auto_bootstrap and document.get("autoBootstrap") is not None:
        options["auto_bootstrap"] = document["autoBootstrap"]
    if platform.fields or config:
        options["config"] = _options(config, platform.fields, vault)
    host = names.of_integration(platform.type, key if platform.identity else "")
    return Exported("integration", key, options, tuple(vault.names), host, names.suffix_of_integration(str(document.get("id"))))


def export_connection(key: str, observed: Observed) -> Exported:
    """Return a connection as the options of C(immuta_connection)."""
    technology, vault = observed.technology, _Vault(f"connection_{key}")
    known = {each.key for each in SETTINGS_FIELDS}
    settings = {name: value for name, value in observed_settings(observed.object, observed.answer).items() if name in known}
    connection = {**observed.connection, "technology": technology.name or None}
    options: Options = {"connection_key": key, "connection": _options(connection, technology.fields, vault)}
    if settings:
        options["settings"] = _options(settings, SETTINGS_FIELDS, vault)
    if observed.native.get("config"):
        native = {name: observed.native.get(name) for name in ("type", "autoBootstrap", "config")}
        options["native_integration"] = _options(native, technology.native_fields, vault, required=False)
    return Exported("connection", key, options, tuple(vault.names), names.of_connection(key), names.suffix_of_connection(key))


def unique(exported: Sequence[Exported]) -> list[Exported]:
    """Return the same platforms in a stable order, each with unique host name and vault variables."""
    ordered = sorted(exported, key=lambda each: (each.kind, str(each.options.get("type")), each.key, each.suffix))
    hosts = names.unique([each.host for each in ordered], [each.suffix for each in ordered])
    counts = Counter(name for each in ordered for name in each.vault)
    return [_with_unique_names(each, host, counts) for each, host in zip(ordered, hosts)]


def _with_unique_names(exported: Exported, host: str, counts: Mapping[str, int]) -> Exported:
    """Return the platform with this host name. counts: how many platforms have a vault variable of that name."""
    new_names = {name: f"{name}_{_identifier(exported.suffix)}" if counts[name] > 1 else name for name in exported.vault}
    return replace(exported, host=host, options=_with_renamed_variables(exported.options, new_names), vault=tuple(new_names.values()))


def _with_renamed_variables(value: Any, new_names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _with_renamed_variables(item, new_names) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_renamed_variables(item, new_names) for item in value]
    if isinstance(value, str) and is_redacted(value):
        return f"{{{{ {new_names[value.strip('{} ')]} }}}}"
    return value


# --- documents to options, with variables instead of secrets ----------------------------------------------------


def _options(document: Document, fields: Sequence[Field], vault: _Vault, path: str = "", *, required: bool = True) -> Options:
    """Return the document with option names. Secrets, redacted values and required secrets that the tenant omits become variables."""
    known, values = {each.key: each for each in fields}, prune(document)
    options = {each.option: _value(values[key], each, vault, f"{path}_{each.option}", required) for key, each in known.items() if key in values}
    extra = {key: _unknown_value(key, values[key], vault, path) for key in sorted(set(values) - set(known))}
    for each in _omitted_secrets(values, fields) if required else ():
        options[each.option] = vault.variable(f"{path}_{each.option}")
    return {**options, EXTRA: extra} if extra else options


def _value(value: Any, each: Field, vault: _Vault, path: str, required: bool) -> Any:
    if each.fields and isinstance(value, Mapping):
        return _options(value, each.fields, vault, path, required=required)
    if each.fields and isinstance(value, list):
        return [_options(item, each.fields, vault, f"{path}_{number}", required=required) for number, item in enumerate(value, 1) if isinstance(item, Mapping)]
    return vault.variable(path) if each.secret or _holds_secret(value) else value


def _unknown_value(key: str, value: Any, vault: _Vault, path: str) -> Any:
    """Return the value of a field that this collection does not know."""
    if isinstance(value, Mapping):
        return {name: _unknown_value(name, item, vault, f"{path}_{key}") for name, item in prune(value).items()}
    return vault.variable(f"{path}_{key}") if looks_secret(key) or _holds_secret(value) else value


def _holds_secret(value: Any) -> bool:
    """Return whether the value is redacted or contains a secret."""
    return is_redacted(value) or mask(value) != value or (isinstance(value, str) and REDACTED in value)


def _omitted_secrets(document: Document, fields: Sequence[Field]) -> Iterator[Field]:
    """Yield the fields of required secrets that the document does not have, not even redacted."""
    branch, known = branch_of(document, fields), branches(fields)
    for each in fields:
        applies = not each.branch or (branch in known and not belongs_to_other_branch(each, branch))
        if each.required and each.write_only and not each.fields and not each.decides and applies and each.key not in document:
            yield each


def _identifier(text: str) -> str:
    """Return the text in lower case with underscores in place of special characters, as a part of a variable name."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
