# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export the platforms of a tenant as options. On the same tenant, they change nothing; on another tenant, they create the same. Pure.

The tenant does not return secrets, so the export uses vault variables instead. An undefined variable counts as not given.

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

#: prefix of the vault variables
VAULT = "vault_immuta_"


@dataclass(frozen=True)
class Exported:
    """One platform as options. vault: the names of its vault variables, in the order of the options."""

    kind: str
    key: str
    options: Options
    vault: tuple[str, ...] = ()
    #: name as an inventory host, and the suffix that makes it unique
    host: str = ""
    mark: str = ""


@dataclass
class _Vault:
    """The vault variables of one platform."""

    prefix: str
    names: list[str] = field(default_factory=list)

    def variable(self, path: str) -> str:
        """Return the placeholder for the secret at this path."""
        name = f"{VAULT}{_word(f'{self.prefix}_{path}')}"
        self.names.append(name)
        return f"{{{{ {name} }}}}"


def export_integration(document: Document) -> Exported:
    """Return an integration as the options of C(immuta_integration). Its type must be a known one."""
    platform = PLATFORMS[str(document["type"])]
    config = document.get("config") or {}
    key = natural_key(platform, config) or platform.type
    vault = _Vault(f"{platform.type}_{key}" if platform.identity else platform.type)
    options: Options = {"type": platform.type}
    if any(missing_required(config, platform.fields, "config")):
        options = {"id": str(document.get("id")), **options}  # these options alone could not register it
    if platform.auto_bootstrap and document.get("autoBootstrap") is not None:
        options["auto_bootstrap"] = document["autoBootstrap"]
    if platform.fields or config:
        options["config"] = _options(config, platform.fields, vault)
    host = names.of_integration(platform.type, key if platform.identity else "")
    return Exported("integration", key, options, tuple(vault.names), host, names.mark_of_integration(str(document.get("id"))))


def export_connection(key: str, observed: Observed) -> Exported:
    """Return a connection as the options of C(immuta_connection)."""
    technology, vault = observed.technology, _Vault(f"connection_{key}")
    known = {each.key for each in SETTINGS_FIELDS}
    settings = {name: value for name, value in observed_settings(observed.object, observed.answer).items() if name in known}
    link = {**observed.connection, "technology": technology.name or None}
    options: Options = {"connection_key": key, "connection": _options(link, technology.fields, vault)}
    if settings:
        options["settings"] = _options(settings, SETTINGS_FIELDS, vault)
    if observed.native.get("config"):
        native = {name: observed.native.get(name) for name in ("type", "autoBootstrap", "config")}
        options["native_integration"] = _options(native, technology.native_fields, vault, required=False)
    return Exported("connection", key, options, tuple(vault.names), names.of_connection(key), names.mark_of_connection(key))


def unique(exported: Sequence[Exported]) -> list[Exported]:
    """Return the same platforms in a stable order, each with unique host name and vault variables."""
    found = sorted(exported, key=lambda each: (each.kind, str(each.options.get("type")), each.key, each.mark))
    hosts = names.unique([each.host for each in found], [each.mark for each in found])
    times = Counter(name for each in found for name in each.vault)
    return [_renamed(each, host, times) for each, host in zip(found, hosts)]


def _renamed(exported: Exported, host: str, times: Mapping[str, int]) -> Exported:
    new = {name: f"{name}_{_word(exported.mark)}" if times[name] > 1 else name for name in exported.vault}
    return replace(exported, host=host, options=_replaced(exported.options, new), vault=tuple(new.values()))


def _replaced(value: Any, new: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(item, new) for name, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, new) for item in value]
    if isinstance(value, str) and is_redacted(value):
        return f"{{{{ {new[value.strip('{} ')]} }}}}"
    return value


# --- documents to options, with variables instead of secrets ----------------------------------------------------


def _options(document: Document, fields: Sequence[Field], vault: _Vault, path: str = "", *, required: bool = True) -> Options:
    """Return the document with option names. Secrets, redacted values and required secrets that the tenant omits become variables."""
    known, shown = {each.key: each for each in fields}, prune(document)
    options = {each.option: _value(shown[key], each, vault, f"{path}_{each.option}", required) for key, each in known.items() if key in shown}
    extra = {key: _raw(key, shown[key], vault, path) for key in sorted(set(shown) - set(known))}
    for each in _left_out(shown, fields) if required else ():
        options[each.option] = vault.variable(f"{path}_{each.option}")
    return {**options, EXTRA: extra} if extra else options


def _value(value: Any, each: Field, vault: _Vault, path: str, required: bool) -> Any:
    if each.fields and isinstance(value, Mapping):
        return _options(value, each.fields, vault, path, required=required)
    if each.fields and isinstance(value, list):
        return [_options(item, each.fields, vault, f"{path}_{number}", required=required) for number, item in enumerate(value, 1) if isinstance(item, Mapping)]
    return vault.variable(path) if each.secret or _hides(value) else value


def _raw(key: str, value: Any, vault: _Vault, path: str) -> Any:
    """Return a value of an unknown field."""
    if isinstance(value, Mapping):
        return {name: _raw(name, item, vault, f"{path}_{key}") for name, item in prune(value).items()}
    return vault.variable(f"{path}_{key}") if looks_secret(key) or _hides(value) else value


def _hides(value: Any) -> bool:
    """Return whether the value is redacted or contains a secret."""
    return is_redacted(value) or mask(value) != value or (isinstance(value, str) and REDACTED in value)


def _left_out(document: Document, fields: Sequence[Field]) -> Iterator[Field]:
    """Yield the required credentials that the tenant does not show at all."""
    branch, known = branch_of(document, fields), branches(fields)
    for each in fields:
        holds = not each.branch or (branch in known and not belongs_to_other_branch(each, branch))
        if each.required and each.write_only and not each.fields and not each.decides and holds and each.key not in document:
            yield each


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
