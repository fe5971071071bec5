# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tenant has, as the lists that bring another tenant to the same, or this one to no change. Pure.

A secret is a variable of a vault: the tenant does not give it back. A variable that is not filled in counts as not given.

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

#: what the name of a vault variable begins with
VAULT = "vault_immuta_"


@dataclass(frozen=True)
class Exported:
    """One platform as options. vault: the names of the variables that hold its secrets, in the order of the options."""

    kind: str
    key: str
    options: Options
    vault: tuple[str, ...] = ()
    #: a name for it as a host of an inventory, and what tells it from others of that name
    host: str = ""
    mark: str = ""


@dataclass
class _Vault:
    """The variables of one platform."""

    prefix: str
    names: list[str] = field(default_factory=list)

    def variable(self, path: str) -> str:
        """The placeholder of the secret at that path."""
        name = f"{VAULT}{_word(f'{self.prefix}_{path}')}"
        self.names.append(name)
        return f"{{{{ {name} }}}}"


def export_integration(document: Document) -> Exported:
    """An integration as the options of C(immuta_integration). Its type must be one that the tables know."""
    platform = PLATFORMS[str(document["type"])]
    config = document.get("config") or {}
    key = natural_key(platform, config) or platform.type
    vault = _Vault(f"{platform.type}_{key}" if platform.identity else platform.type)
    options: Options = {"type": platform.type}
    if any(missing_required(config, platform.fields, "config")):
        options = {"id": str(document.get("id")), **options}  # without it nothing could be registered by these options
    if platform.auto_bootstrap and document.get("autoBootstrap") is not None:
        options["auto_bootstrap"] = document["autoBootstrap"]
    if platform.fields or config:
        options["config"] = _options(config, platform.fields, vault)
    host = names.of_integration(platform.type, key if platform.identity else "")
    return Exported("integration", key, options, tuple(vault.names), host, names.mark_of_integration(str(document.get("id"))))


def export_connection(key: str, observed: Observed) -> Exported:
    """A connection as the options of C(immuta_connection)."""
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
    """The same in a stable order, each with a host name and vault variables of its own."""
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


# --- documents to options, with variables in place of secrets ----------------------------------------------------


def _options(document: Document, fields: Sequence[Field], vault: _Vault, path: str = "", *, required: bool = True) -> Options:
    """The document in option names. What is secret, or hidden, is a variable; so is a required secret that the tenant leaves out."""
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
    """A value that the tables do not know."""
    if isinstance(value, Mapping):
        return {name: _raw(name, item, vault, f"{path}_{key}") for name, item in prune(value).items()}
    return vault.variable(f"{path}_{key}") if looks_secret(key) or _hides(value) else value


def _hides(value: Any) -> bool:
    """Whether it is redacted, or holds a secret among other things."""
    return is_redacted(value) or mask(value) != value or (isinstance(value, str) and REDACTED in value)


def _left_out(document: Document, fields: Sequence[Field]) -> Iterator[Field]:
    """The credentials without which it cannot be registered, and that the tenant does not show at all."""
    branch, known = branch_of(document, fields), branches(fields)
    for each in fields:
        holds = not each.branch or (branch in known and not belongs_to_other_branch(each, branch))
        if each.required and each.write_only and not each.fields and not each.decides and holds and each.key not in document:
            yield each


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
