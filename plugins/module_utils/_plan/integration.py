# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants of an integration, and the plan to get there. Pure: no I/O, no clock, no Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import OptionError
from .._core.secrets import is_redacted
from .._model.documents import (
    all_as_changes,
    belongs_to_other_branch,
    branch_of,
    changed_immutables,
    check_credentials,
    check_secrets,
    expected_part,
    managed_part,
    missing_required,
    options_are,
    refuse_other_branches,
    removed_as_changes,
    secrets_sent,
    whole_document,
)
from .._model.fields import Place, compare, deep_merge, drop_redacted, normalise_host, prune, to_document, to_options
from .._model.platforms import PLATFORMS, Platform
from .._model.states import is_healthy
from .plan import Plan, Policy, reason_to_update, with_secrets_sent

CONFIG = Place.of("config")


@dataclass(frozen=True)
class Desired:
    """The integration that a task describes, in the API's keys."""

    platform: Platform
    config: Mapping[str, Any]
    auto_bootstrap: bool | None = None
    id: str = ""
    #: the tenant's integration with that id, if it was read to learn its type
    found: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """The normalized natural key; empty if the task does not set it."""
        return natural_key(self.platform, self.config)

    @property
    def name(self) -> str:
        """The name of the integration in messages."""
        which = self.key or (f"with id {self.id}" if self.id else "")
        return " ".join(filter(None, [f"{self.platform.type} integration", which]))

    def document(self) -> dict[str, Any]:
        """The body of a create. Trino has neither autoBootstrap nor config."""
        body: dict[str, Any] = {"type": self.platform.type}
        if self.platform.auto_bootstrap:
            body["autoBootstrap"] = self.auto_bootstrap
        if self.platform.fields or self.config:
            body["config"] = dict(self.config)
        return body


def platform_of(type_name: str) -> Platform:
    """Return the platform of that name. Raise OptionError for an unknown one."""
    if type_name not in PLATFORMS:
        raise OptionError(f"type {type_name} is unknown.", option="type", hint=f"Known types: {', '.join(sorted(PLATFORMS))}.")
    return PLATFORMS[type_name]


def natural_key(platform: Platform, config: Mapping[str, Any]) -> str:
    """Return the normalized value that identifies an integration of this platform; empty if the platform has no such option or it is not set."""
    if not platform.identity:
        return ""
    identity = platform.option(platform.identity)
    value = config.get(identity.key)
    if value is None:
        return ""
    return normalise_host(value) if identity.host else str(value)


def matches(desired: Desired, observed: Mapping[str, Any]) -> bool:
    """Return whether the observed integration has the type and natural key that the task describes."""
    if observed.get("type") != desired.platform.type:
        return False
    return natural_key(desired.platform, observed.get("config") or {}) == desired.key


def twins(wanted: Desired, listed: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return id, host and database of each integration that probably describes the same platform under another host.

    It has the same type and database, and may have the same account: by host, by user name, or because the tenant does not show the
    user name.
    """
    database = wanted.config.get("database")
    return tuple(
        {"id": str(found.get("id")), "host": natural_key(wanted.platform, found["config"]), "database": database}
        for found in listed
        if database and found.get("type") == wanted.platform.type and (found.get("config") or {}).get("database") == database
        if _may_share_account(wanted, found["config"])
    )


def _may_share_account(wanted: Desired, config: Mapping[str, Any]) -> bool:
    user = config.get("username")
    return shares_account(wanted.key, natural_key(wanted.platform, config)) or user is None or is_redacted(user) or user == wanted.config.get("username")


def shares_account(host: str, other: str) -> bool:
    """Return whether two hosts begin with the same account name. An IP address has none."""
    account = host.split(".", maxsplit=1)[0]
    return account == other.split(".", maxsplit=1)[0] and not account.isdigit()


# --- from options to Desired -------------------------------------------------------------------------------------


def desired(options: Mapping[str, Any], platform: Platform) -> Desired:
    """Return what the options of a task describe. Raise OptionError for options that the API would reject."""
    config = options.get("config") or {}
    document = to_document(config, platform.fields, "config")
    wanted = Desired(
        platform=platform,
        config=document,
        auto_bootstrap=_auto_bootstrap(options.get("auto_bootstrap"), platform),
        id=str(options.get("id") or ""),
    )
    refuse_other_branches(document, platform.fields, "config")
    return wanted


def _auto_bootstrap(value: bool | None, platform: Platform) -> bool | None:
    accepted = platform.auto_bootstrap
    if value is not None and value not in accepted:
        rule = f"must be {str(accepted[0]).lower()}" if accepted else "is not a setting"
        raise OptionError(f"auto_bootstrap {rule} for a {platform.type} integration.", option="auto_bootstrap")
    return accepted[0] if value is None and len(accepted) == 1 else value


def check_complete(wanted: Desired) -> None:
    """Raise OptionError if an option is missing that every registration needs."""
    if wanted.platform.auto_bootstrap and wanted.auto_bootstrap is None:
        raise OptionError(f"auto_bootstrap is required for a {wanted.platform.type} integration.", option="auto_bootstrap")
    missing = list(missing_required(wanted.config, wanted.platform.fields, "config"))
    if missing:
        raise OptionError(
            f"{options_are(missing)} required for a {wanted.platform.type} integration.",
            option=missing[0],
            hint="To change single settings of a registered integration, set its id.",
        )


# --- plans -------------------------------------------------------------------------------------------------------


def plan_create(wanted: Desired, policy: Policy) -> Plan:
    """Return the plan to register the integration. Raise OptionError for a missing credential that the request needs."""
    if policy.needs_secrets:
        check_secrets(wanted.config, wanted.platform.fields, CONFIG, "register the integration")
    after = _displayed(wanted.platform, wanted.auto_bootstrap, wanted.config)
    return Plan("created", wanted.document(), tuple(all_as_changes(after)), {}, after, "there is no such integration")


def plan_update(wanted: Desired, observed: Mapping[str, Any], policy: Policy, *, forced: str = "") -> Plan:
    """Return the plan from the observed to the wanted settings: unchanged, or the complete document to PUT.

    forced: a reason to send it although nothing differs. Raise OptionError for a changed immutable option and for a missing secret.
    """
    platform = wanted.platform
    current: Mapping[str, Any] = observed.get("config") or {}
    _check_immutable(wanted, observed)
    changes = tuple(compare(wanted.config, current, platform.fields, CONFIG))
    sent = tuple(secrets_sent(wanted.config, platform.fields, CONFIG))
    reason = reason_to_update(changes, sent, policy, forced)
    before = _displayed(platform, observed.get("autoBootstrap"), managed_part(wanted.config, current))
    if not reason:
        return Plan("unchanged", None, (), before, before)
    config = whole_document(wanted.config, current, platform.fields)
    if policy.needs_secrets:
        check_secrets(config, platform.fields, CONFIG, "update the integration")
    payload: dict[str, Any] = {"type": platform.type}
    if platform.auto_bootstrap:
        payload["autoBootstrap"] = bool(_is_auto_bootstrapped(wanted, observed))
    payload["config"] = drop_redacted(config)
    after = _displayed(platform, payload.get("autoBootstrap"), expected_part(wanted.config, current, platform.fields))
    return Plan("updated", payload, with_secrets_sent(changes, sent), before, after, reason)


def plan_delete(wanted: Desired, observed: Mapping[str, Any], *, force: bool, policy: Policy) -> Plan:
    """Return the plan to remove the integration. If Immuta did the setup itself, the body holds the privileged credentials as flat keys.

    Raise OptionError if needed credentials are missing, and if the integration is not the one that the task describes.
    """
    platform = wanted.platform
    _check_same_integration(wanted, observed)
    before = _displayed(platform, observed.get("autoBootstrap"), observed.get("config") or {})
    body: dict[str, Any] | None = None
    if _is_auto_bootstrapped(wanted, observed) and platform.delete_credentials:
        body = _credentials(platform, drop_redacted(wanted.config), observed.get("config") or {})
        if policy.needs_secrets and not force:
            check_credentials(body, [platform.option(option) for option in platform.delete_credentials], CONFIG, "remove the integration")
        if force and not any(secrets_sent(body, platform.fields, CONFIG)):
            body = None
    status = observed.get("status")
    reason = "state is absent" + (f", status is {status}" if is_healthy(status) is False else "")
    return Plan("deleted", body, tuple(removed_as_changes(before)), before, {}, reason)


def _credentials(platform: Platform, config: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat credentials of a delete: those of the task, and those that Immuta shows of the same branch."""
    merged = deep_merge(drop_redacted(prune(current)), config)
    branch = branch_of(merged, platform.fields)
    options = [platform.option(option) for option in platform.delete_credentials]
    return {each.key: merged[each.key] for each in options if each.key in merged and (each.key in config or not belongs_to_other_branch(each, branch))}


def _is_auto_bootstrapped(wanted: Desired, observed: Mapping[str, Any]) -> Any:
    """Return whether Immuta did the setup itself: as the tenant shows it, or else as the task says."""
    shown = observed.get("autoBootstrap")
    return wanted.auto_bootstrap if shown is None else shown


def _check_immutable(wanted: Desired, observed: Mapping[str, Any]) -> None:
    type_name = observed.get("type")
    if type_name != wanted.platform.type:
        raise _cannot_change("type", wanted, str(type_name), wanted.platform.type)
    if wanted.auto_bootstrap is not None and bool(_is_auto_bootstrapped(wanted, observed)) != wanted.auto_bootstrap:
        raise _cannot_change("auto_bootstrap", wanted, not wanted.auto_bootstrap, wanted.auto_bootstrap)
    for change in changed_immutables(wanted.config, observed.get("config") or {}, wanted.platform.fields, "config"):
        raise _cannot_change(change.field, wanted, change.before, change.after)


def _check_same_integration(wanted: Desired, observed: Mapping[str, Any]) -> None:
    """Raise OptionError if the integration with the id of the task has another type or identity. The id may be mistyped."""
    current = observed.get("config") or {}
    for option, wanted_value, actual in (
        ("type", wanted.platform.type, str(observed.get("type"))),
        (f"config.{wanted.platform.identity}", wanted.key, natural_key(wanted.platform, current)),
    ):
        if wanted_value and wanted_value != actual:
            raise OptionError(
                f"Integration {observed.get('id')} is another one: its {option} is {actual}, not {wanted_value}.", option=option, hint="Check the id."
            )


def _cannot_change(option: str, wanted: Desired, before: Any, after: Any) -> OptionError:
    return OptionError(
        f"The {option.rpartition('.')[2]} of a {wanted.platform.type} integration cannot be changed ({option}: {before} to {after}).",
        option=option,
        hint="Remove the integration and register it again.",
    )


# --- the diff for users ------------------------------------------------------------------------------------------


def _displayed(platform: Platform, auto_bootstrap: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": platform.type}
    if platform.auto_bootstrap and auto_bootstrap is not None:
        shown["auto_bootstrap"] = auto_bootstrap
    if platform.fields or config:
        shown["config"] = to_options(config, platform.fields)
    return shown
