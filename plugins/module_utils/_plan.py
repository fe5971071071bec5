# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants, and the plan that gets there. Pure: no I/O, no clock, no Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ._errors import OptionError
from ._fields import Change, Field, Place, compare, deep_merge, drop_redacted, normalise_host, objects, same_value, to_document, to_options
from ._platforms import PLATFORMS, Platform
from ._secrets import REDACTED, is_redacted, looks_secret

AUTHENTICATION = "authentication_type"
CONFIG = Place.of("config")


@dataclass(frozen=True)
class Policy:
    """How far a task goes."""

    #: on_create: a secret alone is no reason to update; always: it is
    update_secrets: str = "on_create"
    #: whether something will be sent that needs the secrets (a dry run counts)
    needs_secrets: bool = True


@dataclass(frozen=True)
class Desired:
    """What a task wants, in the API's keys."""

    platform: Platform
    config: Mapping[str, Any]
    auto_bootstrap: bool | None = None
    id: str = ""

    @property
    def key(self) -> str:
        """The natural key, normalised; empty when the task did not give it."""
        return natural_key(self.platform, self.config)

    @property
    def name(self) -> str:
        """How messages speak of it."""
        return f"{self.platform.type} integration" + (f" {self.key}" if self.key else "")

    def document(self) -> dict[str, Any]:
        """The body of a create. Trino has neither autoBootstrap nor config."""
        body: dict[str, Any] = {"type": self.platform.type}
        if self.platform.auto_bootstrap:
            body["autoBootstrap"] = self.auto_bootstrap
        if self.platform.fields or self.config:
            body["config"] = dict(self.config)
        return body


@dataclass(frozen=True)
class Plan:
    """What has to happen. C(payload) is a request's body; everything else is for people, without secrets."""

    action: str
    payload: dict[str, Any] | None = None
    changes: tuple[Change, ...] = ()
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


def platform_of(type_name: str) -> Platform:
    """The platform of that name. Raises OptionError for an unknown one."""
    if type_name not in PLATFORMS:
        raise OptionError(f"type {type_name} is unknown.", option="type", hint=f"Known types: {', '.join(sorted(PLATFORMS))}.")
    return PLATFORMS[type_name]


def natural_key(platform: Platform, config: Mapping[str, Any]) -> str:
    """What finds an integration of this platform, normalised; empty for a platform without one, or when it is not there."""
    if not platform.identity:
        return ""
    identity = platform.field(platform.identity)
    value = config.get(identity.key)
    if value is None:
        return ""
    return normalise_host(value) if identity.host else str(value)


def matches(desired: Desired, observed: Mapping[str, Any]) -> bool:
    """Whether the observed integration is the one that the task means, by its natural key."""
    if observed.get("type") != desired.platform.type:
        return False
    return natural_key(desired.platform, observed.get("config") or {}) == desired.key


# --- from options to what is wanted ------------------------------------------------------------------------------


def desired(options: Mapping[str, Any], platform: Platform) -> Desired:
    """What a task with these options wants. Raises OptionError for what the API would refuse anyway."""
    config = options.get("config") or {}
    document = to_document(config, platform.fields, "config")
    wanted = Desired(
        platform=platform,
        config=document,
        auto_bootstrap=_auto_bootstrap(options.get("auto_bootstrap"), platform),
        id=str(options.get("id") or ""),
    )
    _refuse_other_branches(document, platform.fields, "config")
    return wanted


def _auto_bootstrap(value: bool | None, platform: Platform) -> bool | None:
    accepted = platform.auto_bootstrap
    if value is not None and value not in accepted:
        rule = f"must be {str(accepted[0]).lower()}" if accepted else "is not a setting"
        raise OptionError(f"auto_bootstrap {rule} for a {platform.type} integration.", option="auto_bootstrap")
    return accepted[0] if value is None and len(accepted) == 1 else value


def _refuse_other_branches(document: Mapping[str, Any], fields: Sequence[Field], path: str) -> None:
    branch = branch_of(document, fields)
    for option in fields:
        value, name = document.get(option.key), f"{path}.{option.option}"
        if value is not None and branch in branches(fields) and _of_other_branch(option, branch):
            decider = next(each.option for each in fields if each.decides)
            raise OptionError(
                f"{name} belongs to {decider} {' or '.join(map(_word, option.branch))}, not to {_word(branch)}.",
                option=name,
                hint=f"Leave it out, or change {path}.{decider}.",
            )
        for item in objects(value) if option.fields else ():
            _refuse_other_branches(item, option.fields, name)


def branch_of(document: Mapping[str, Any], fields: Sequence[Field]) -> Any:
    """Which of the alternatives a document takes, such as its authentication type; None when it does not say."""
    return next((document.get(option.key) for option in fields if option.decides), None)


def branches(fields: Sequence[Field]) -> set[Any]:
    """The alternatives that the tables know."""
    return {name for option in fields for name in option.branch}


def _of_other_branch(option: Field, branch: Any) -> bool:
    return bool(option.branch) and branch not in option.branch


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_complete(wanted: Desired) -> None:
    """Raise OptionError when a required option is missing that does not depend on what the tenant has."""
    if wanted.platform.auto_bootstrap and wanted.auto_bootstrap is None:
        raise OptionError(f"auto_bootstrap is required for a {wanted.platform.type} integration.", option="auto_bootstrap")
    required = [option for option in wanted.platform.fields if option.required and not option.branch and not option.write_only]
    if any(option.option == AUTHENTICATION for option in wanted.platform.fields):
        required.append(wanted.platform.field(AUTHENTICATION))
    for option in required:
        if wanted.config.get(option.key) in (None, ""):
            raise OptionError(
                f"config.{option.option} is required for a {wanted.platform.type} integration.",
                option=f"config.{option.option}",
                hint="To change single settings of an integration that is registered already, give its id.",
            )


# --- plans -------------------------------------------------------------------------------------------------------


def plan_create(wanted: Desired, policy: Policy) -> Plan:
    """Register it. Raises OptionError for a missing credential that the request needs."""
    if policy.needs_secrets:
        _check_known(wanted.config, wanted.platform.fields, CONFIG, "register")
        _check_credentials(wanted.platform.fields, wanted.config, "register")
    after = _shown(wanted.platform, wanted.auto_bootstrap, wanted.config)
    return Plan("created", wanted.document(), tuple(_all_as_changes(after)), {}, after, "there is no such integration")


def plan_update(wanted: Desired, observed: Mapping[str, Any], policy: Policy, *, forced: str = "") -> Plan:
    """From what is observed to what is wanted: unchanged, or the whole document to PUT.

    C(forced) names a reason to send it although nothing differs. Raises OptionError for a change of what cannot be changed and
    for a missing secret.
    """
    platform = wanted.platform
    there: Mapping[str, Any] = observed.get("config") or {}
    _check_immutable(wanted, observed)
    changes = tuple(compare(wanted.config, there, platform.fields, CONFIG))
    sent = tuple(_secrets_sent(wanted.config, platform.fields, CONFIG))
    reason = _reason(changes, sent, policy, forced)
    before = _shown(platform, observed.get("autoBootstrap"), _managed(wanted.config, there))
    if not reason:
        return Plan("unchanged", None, (), before, before)
    config = _whole_document(platform, wanted.config, there, policy)
    payload: dict[str, Any] = {"type": platform.type}
    if platform.auto_bootstrap:
        payload["autoBootstrap"] = bool(observed.get("autoBootstrap")) if wanted.auto_bootstrap is None else wanted.auto_bootstrap
    payload["config"] = config
    after = _shown(platform, payload.get("autoBootstrap"), _expected(wanted.config, there, platform.fields))
    differing = {change.field for change in changes}
    listed = changes + tuple(change for change in sent if change.field not in differing)
    return Plan("updated", payload, listed, before, after, reason)


def plan_delete(wanted: Desired, observed: Mapping[str, Any], *, force: bool, policy: Policy) -> Plan:
    """Remove it. The body is the flat privileged credentials, and only where Immuta did the set-up itself.

    Raises OptionError when they are needed and missing, and when the integration is another one than the task describes.
    """
    platform = wanted.platform
    _check_same(wanted, observed)
    before = _shown(platform, observed.get("autoBootstrap"), observed.get("config") or {})
    body: dict[str, Any] | None = None
    if observed.get("autoBootstrap") and platform.delete_credentials:
        body = _credentials(platform, drop_redacted(wanted.config), observed.get("config") or {})
        if policy.needs_secrets and not force:
            _check_credentials([platform.field(option) for option in platform.delete_credentials], body, "remove")
        if force and not any(_secrets_sent(body, platform.fields, CONFIG)):
            body = None
    return Plan("deleted", body, tuple(_removed_as_changes(before)), before, {}, "state is absent")


def _credentials(platform: Platform, config: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """The flat credentials of a delete: those that the task gave, and beside them what Immuta shows of the same branch."""
    merged = deep_merge(drop_redacted(there), config)
    branch = branch_of(merged, platform.fields)
    options = [platform.field(option) for option in platform.delete_credentials]
    return {each.key: merged[each.key] for each in options if each.key in merged and (each.key in config or not _of_other_branch(each, branch))}


def _reason(changes: Sequence[Change], sent: Sequence[Change], policy: Policy, forced: str) -> str:
    if changes:
        return "differs: " + ", ".join(change.field for change in changes)
    if forced:
        return forced
    if sent and policy.update_secrets == "always":
        return "update_secrets is always"
    return ""


def _check_immutable(wanted: Desired, observed: Mapping[str, Any]) -> None:
    type_name = observed.get("type")
    if type_name != wanted.platform.type:
        raise _cannot_change("type", wanted, str(type_name), wanted.platform.type)
    if wanted.auto_bootstrap is not None and bool(observed.get("autoBootstrap")) != wanted.auto_bootstrap:
        raise _cannot_change("auto_bootstrap", wanted, bool(observed.get("autoBootstrap")), wanted.auto_bootstrap)
    there = observed.get("config") or {}
    for option in wanted.platform.fields:
        here, now = wanted.config.get(option.key), there.get(option.key)
        if option.immutable and None not in (here, now) and not is_redacted(now) and not same_value(here, now, option):
            raise _cannot_change(f"config.{option.option}", wanted, now, here)


def _check_same(wanted: Desired, observed: Mapping[str, Any]) -> None:
    """An id can be mistyped: what the task says of the integration has to be true of it."""
    there = observed.get("config") or {}
    for option, here, now in (
        ("type", wanted.platform.type, str(observed.get("type"))),
        (f"config.{wanted.platform.identity}", wanted.key, natural_key(wanted.platform, there)),
    ):
        if here and here != now:
            raise OptionError(f"Integration {observed.get('id')} is another one: its {option} is {now}, not {here}.", option=option, hint="Check the id.")


def _cannot_change(option: str, wanted: Desired, before: Any, after: Any) -> OptionError:
    return OptionError(
        f"The {option.rpartition('.')[2]} of a {wanted.platform.type} integration cannot be changed ({option}: {before} to {after}).",
        option=option,
        hint="Remove the integration and register it again.",
    )


def _whole_document(platform: Platform, wanted: Mapping[str, Any], there: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The observed values under the desired ones, secrets from the task, the other branch's fields left out."""
    given = drop_redacted(wanted)
    merged = _one_branch(deep_merge(there, given), given, there, platform.fields)
    if policy.needs_secrets:
        _check_known(merged, platform.fields, CONFIG, "update")
        _check_credentials(platform.fields, merged, "update")
    clean: dict[str, Any] = drop_redacted(merged)
    return clean


def _one_branch(merged: Mapping[str, Any], wanted: Mapping[str, Any], there: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """Without the alternatives that do not hold, at every depth; what the task gave stays."""
    known = {option.key: option for option in fields}
    branch = branch_of(merged, fields)
    decided = branch in branches(fields) or branch != branch_of(there, fields)
    kept = {}
    for key, value in merged.items():
        option = known.get(key)
        if option and decided and key not in wanted and _of_other_branch(option, branch):
            continue
        if option and option.fields and isinstance(value, Mapping):
            value = _one_branch(value, _object(wanted.get(key)), _object(there.get(key)), option.fields)
        kept[key] = value
    return kept


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _check_known(document: Mapping[str, Any], fields: Sequence[Field], place: Place, verb: str) -> None:
    """What would have to be sent and is only known redacted has to come from the task."""
    known = {option.key: option for option in fields}
    for key, value in document.items():
        option = known.get(key)
        if _is_placeholder(value, verb):
            raise _missing_secret(str(place.below(key, option)), verb)
        for item in objects(value):
            _check_known(item, option.fields if option else (), place.below(key, option), verb)


def _is_placeholder(value: Any, verb: str) -> bool:
    """The vendor's own create example has a token that reads REDACTED; the other forms only come from an API answer."""
    return is_redacted(value) and not (verb == "register" and value == "REDACTED")


def _check_credentials(fields: Sequence[Field], document: Mapping[str, Any], verb: str, path: str = "config") -> None:
    """Every required credential of the alternative that the document takes is there."""
    branch = branch_of(document, fields)
    for option in fields:
        value, name = document.get(option.key), f"{path}.{option.option}"
        needed = option.required and (option.write_only or option.branch) and not _of_other_branch(option, branch)
        if needed and value in (None, "", {}):
            raise _missing_secret(name, verb)
        if option.fields and isinstance(value, Mapping):
            _check_credentials(option.fields, value, verb, name)


def _missing_secret(path: str, verb: str) -> OptionError:
    return OptionError(
        f"{path} is needed to {verb} the integration, because Immuta does not give it back.",
        option=path,
        hint=f"Give {path}.",
    )


def _secrets_sent(document: Mapping[str, Any], fields: Sequence[Field], place: Place) -> Iterator[Change]:
    """The secrets that a task gave. They are sent along with an update, not compared."""
    known = {option.key: option for option in fields}
    for key, value in document.items():
        option, here = known.get(key), place.below(key, known.get(key))
        if option.secret if option else looks_secret(key):
            if value not in (None, "") and not is_redacted(value):
                yield Change(str(here), None, None, secret=True)
            continue
        for item in objects(value):
            yield from _secrets_sent(item, option.fields if option else (), here)


# --- what people see ---------------------------------------------------------------------------------------------


def _managed(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """The part of C(there) that the task manages."""
    managed: dict[str, Any] = {}
    for key, value in wanted.items():
        observed = there.get(key)
        if isinstance(value, Mapping) and isinstance(observed, Mapping):
            managed[key] = _managed(value, observed)
        elif key in there:
            managed[key] = observed
    return managed


def _expected(wanted: Mapping[str, Any], there: Mapping[str, Any], fields: Sequence[Field]) -> dict[str, Any]:
    """What the managed part will be: what is no difference looks as it does now."""
    known = {option.key: option for option in fields}
    expected: dict[str, Any] = {}
    for key, value in wanted.items():
        option, observed = known.get(key), there.get(key)
        if not any(compare({key: value}, there, fields, CONFIG)):
            expected.update({key: _managed({key: value}, there)[key]} if key in there else {})
        elif isinstance(value, Mapping) and isinstance(observed, Mapping):
            expected[key] = _expected(value, observed, option.fields if option else ())
        else:
            expected[key] = value
    return expected


def _shown(platform: Platform, auto_bootstrap: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": platform.type}
    if platform.auto_bootstrap and auto_bootstrap is not None:
        shown["auto_bootstrap"] = auto_bootstrap
    if platform.fields or config:
        shown["config"] = to_options(config, platform.fields)
    return shown


def _leaves(options: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _all_as_changes(after: Mapping[str, Any]) -> Iterator[Change]:
    for path, value in _leaves(after):
        yield Change(path, None, None, secret=True) if value == REDACTED else Change(path, None, value)


def _removed_as_changes(before: Mapping[str, Any]) -> Iterator[Change]:
    for change in _all_as_changes(before):
        yield replace(change, before=change.after, after=None)
