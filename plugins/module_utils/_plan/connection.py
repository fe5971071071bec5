# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants of a connection or an object in it, and the plan to get there. Pure: no I/O, no clock, no Ansible.

One document registers a connection. Afterwards it has three parts: C(connection), which a PUT replaces; the settings, which
overrides change one by one; and the native integration, which cannot be changed.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import ImmutaError, OptionError
from .._model.documents import (
    all_as_changes,
    changed_immutables,
    check_secrets,
    expected_part,
    managed_part,
    missing_required,
    options_are,
    refuse_other_branches,
    removed_as_changes,
    secrets_sent,
    shown_part,
    whole_document,
)
from .._model.fields import Change, Field, Place, camel_case, compare, deep_merge, drop_redacted, prune, to_document, to_options
from .._model.platforms import DATABRICKS, PLATFORMS
from .._model.states import ACTIVE, INACTIVE, UNHEALTHY, connection_state
from .._model.technologies import AFTER_MIGRATION, MAX_CHILDREN, NOT_MIGRATED, OPTIONS_FIELDS, SETTINGS_FIELDS, Technology, key_problem, technology_of
from .plan import Plan, Policy, reason_to_update, with_secrets_sent

CONNECTION = Place.of("connection")
SETTINGS = Place.of("settings")
NATIVE = Place.of("native_integration")

Document = Mapping[str, Any]

#: all spellings of the options for a platform's host and its HTTP path
_HOSTS, _PATHS = ("host", "workspace_url", "workspaceUrl", "hostname"), ("http_path", "httpPath")


@dataclass(frozen=True)
class Wanted:
    """The connection that a task describes, in the API's keys; missing parts are empty. task_options: the same as options."""

    key: str
    technology: Technology
    connection: Document
    settings: Document
    options: Document
    native: Document
    task_options: Document

    @property
    def name(self) -> str:
        """The name of the connection in messages."""
        return f"connection {self.key}"

    def document(self) -> dict[str, Any]:
        """Return the body of the registration."""
        parts = {"connection": self.connection, "settings": self.settings, "options": self.options, "nativeIntegration": self.native}
        return {"connectionKey": self.key, **{name: dict(part) for name, part in parts.items() if part}}


@dataclass(frozen=True)
class Observed:
    """The tenant's view of a connection: the answers of C(/data/connection), C(/data/object) and C(/integrations).

    Each may be empty: the first for technologies that the endpoint does not support, the last without permission to see it.
    """

    answer: Document = field(default_factory=dict)
    object: Document = field(default_factory=dict)
    native: Document = field(default_factory=dict)

    @property
    def connection(self) -> Document:
        shown: Document = self.answer.get("connection") or {}
        return shown

    @property
    def native_id(self) -> str:
        """The id of its integration; empty if there is none or the tenant does not show it."""
        id = self.answer.get("nativeIntegrationId")
        return "" if id is None else str(id)

    @property
    def state(self) -> str:
        """The state in lower case; empty if the tenant shows none."""
        return connection_state(self.object, self.answer)

    @property
    def state_shown(self) -> str:
        """The state in the tenant's spelling."""
        own = str(self.object.get("state") or "")
        return own if own.strip().lower() == self.state else self.state

    @property
    def technology(self) -> Technology:
        return technology_of(self.connection.get("technology") or self.object.get("technology"))


@dataclass(frozen=True)
class ConnectionPlan(Plan):
    """The plan for a connection. payload: the body of the registration, or the connection for the PUT. overrides: the settings to send."""

    overrides: dict[str, Any] | None = None


# --- from options to Wanted --------------------------------------------------------------------------------------


def wanted_connection(options: Document, technology: Technology | None = None) -> Wanted:
    """Return what the options of a task describe. Raise OptionError for options that the API would reject.

    technology: the one that the tenant shows, for a task that does not name it.
    """
    given = options.get("connection") or {}
    technology = technology or technology_of(given.get("technology"))
    connection = to_document(given, technology.fields, "connection")
    if "technology" in connection:
        connection["technology"] = technology.name
    native = _native_document(options.get("native_integration") or {}, technology)
    refuse_other_branches(connection, technology.fields, "connection")
    refuse_other_branches(native, technology.native_fields, "native_integration")
    return Wanted(
        key=options["connection_key"],
        technology=technology,
        connection=connection,
        settings=wanted_settings(options),
        options=to_document(options.get("options") or {}, OPTIONS_FIELDS, "options"),
        native=native,
        task_options=options,
    )


def with_hosts(options: Document) -> dict[str, Any]:
    """Return the options of a connection with its host copied to each option that needs it and does not have one.

    Both spellings and nulls are accepted. A missing part of the options remains missing.
    """
    connection, native, config = _parts(options)
    host = _first_given(config, *_HOSTS) or _first_given(connection, *_HOSTS)
    if connection:
        connection = {**_without_nulls(hostname=_first_given(connection, "hostname") or host), **_without(connection, "hostname", "host")}
    if config:
        native = {**native, "config": {**_without_nulls(host=_first_given(config, "host") or host), **_without(config, "host")}}
    rest = _without(prune(options), "connection", "native_integration", "nativeIntegration")
    parts = {"connection": connection, "native_integration": native}
    return {**rest, **{name: part for name, part in parts.items() if part or _has_option(options, name)}}


def script_options(options: Document) -> dict[str, Any]:
    """Return the options of a connection's integration for the request of its scripts: type, auto_bootstrap and config.

    Raise OptionError if neither the connection nor its integration names the platform.
    """
    connection, native, config = _parts(with_hosts(options))
    kind = native.get("type") or technology_of(connection.get("technology")).name
    if not kind:
        raise OptionError("Set technology in connection, or type in native_integration: the platform determines the scripts.", option="connection.technology")
    if kind == DATABRICKS.type:
        host, path = _first_given(config, *_HOSTS), _first_given(config, *_PATHS) or _first_given(connection, *_PATHS)
        config = {**_without(config, "port", *_HOSTS, *_PATHS), **_without_nulls(workspace_url=host, http_path=path)}
    return {"type": kind, "auto_bootstrap": False, "config": config}


def _parts(options: Document) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return C(connection), C(native_integration) and the C(config) of the latter, without nulls."""
    connection, native = prune(options.get("connection") or {}), prune(_first_given(options, "native_integration", "nativeIntegration") or {})
    return connection, native, native.get("config") or {}


def _first_given(options: Document, *names: str) -> Any:
    """Return the value of the first of these options that is set; None if none is."""
    return next((options[name] for name in names if options.get(name) not in (None, "", {})), None)


def _has_option(options: Document, part: str) -> bool:
    return any(options.get(name) is not None for name in (part, camel_case(part)))


def _without_nulls(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _without(options: Document, *names: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in names}


def wanted_settings(options: Document) -> dict[str, Any]:
    """Return the wanted settings of an object, in the API's keys."""
    return to_document(options.get("settings") or {}, SETTINGS_FIELDS, "settings")


def _native_document(options: Document, technology: Technology) -> dict[str, Any]:
    """Return the document of the connection's integration. Its config has an C(extra) of its own."""
    native = to_document({name: value for name, value in options.items() if name != "config"}, technology.native_fields, "native_integration")
    if "config" not in options:
        return native
    return deep_merge({"config": to_document(options["config"], technology.native_config, "native_integration.config")}, native)


def check_complete(wanted: Wanted) -> None:
    """Raise OptionError for an invalid key of a new connection, and for a missing required option."""
    hint = f"The {wanted.name} does not exist, so it would be registered."
    problem = key_problem(wanted.key)
    if problem:
        raise OptionError(f"connection_key {wanted.key!r} {problem}.", option="connection_key", hint=hint)
    tables = ((wanted.connection, wanted.technology.fields, "connection"), (wanted.native, wanted.technology.native_fields, "native_integration"))
    missing = [name for document, fields, path in tables for name in missing_required(document, fields, path)]
    if missing:
        what = " ".join(filter(None, ["a", wanted.technology.name, "connection"]))
        raise OptionError(f"{options_are(missing)} required to register {what}.", option=missing[0], hint=hint)


# --- plans -------------------------------------------------------------------------------------------------------


def plan_register(wanted: Wanted, policy: Policy) -> ConnectionPlan:
    """Return the plan to register the connection. Raise OptionError for a missing credential that the request needs."""
    if policy.needs_secrets:
        check_secrets(wanted.connection, wanted.technology.fields, CONNECTION, "register the connection")
        check_secrets(wanted.native, wanted.technology.native_fields, NATIVE, "register the connection")
    after = _displayed(wanted)
    return ConnectionPlan("created", wanted.document(), tuple(all_as_changes(after)), {}, after, "there is no such connection")


def plan_edit(wanted: Wanted, observed: Observed, policy: Policy) -> ConnectionPlan:
    """Return the plan from the observed to the wanted connection: unchanged, a connection to PUT, settings to override, or both.

    Raise OptionError for a changed immutable option, and for a missing secret.
    """
    _check_immutable(wanted, observed)
    fields, current, settings = wanted.technology.fields, observed.connection, observed_settings(observed.object, observed.answer)
    comparable = _comparable(wanted, observed)
    changes = tuple(compare(comparable, current, fields, CONNECTION))
    sent = tuple(secrets_sent(wanted.connection, fields, CONNECTION))
    reason = reason_to_update(changes, sent, policy)
    overrides = dict(_overrides(wanted.settings, settings))
    settings_changes = tuple(compare(overrides, settings, SETTINGS_FIELDS, SETTINGS))
    before = _displayed_parts(wanted, managed_part(comparable, current), managed_part(wanted.settings, settings))
    if not reason and not overrides:
        return ConnectionPlan("unchanged", None, (), before, before)
    payload = _whole_connection(wanted, current, policy) if reason else None
    after = _displayed_parts(wanted, expected_part(comparable, current, fields), expected_part(wanted.settings, settings, SETTINGS_FIELDS))
    listed = (*with_secrets_sent(changes, sent if reason else ()), *settings_changes)
    why = reason_to_update((*changes, *settings_changes), sent, policy)
    return ConnectionPlan("updated", payload, listed, before, after, why, overrides=overrides or None)


def plan_remove(wanted: Wanted, observed: Observed, children: int | None, data_sources: int | None) -> ConnectionPlan:
    """Return the plan to remove the connection. children, data_sources: what is removed with it, or None if not counted."""
    counts = {name: count for name, count in (("child_count", children), ("data_source_count", data_sources)) if count is not None}
    shown = {"connection": to_options(observed.connection, observed.technology.fields)} if observed.connection else {}
    before = {"connection_key": wanted.key, **shown, **counts}
    return ConnectionPlan("deleted", None, tuple(removed_as_changes(before)), before, {}, "state is absent")


def plan_settings(settings: Document, object: Document, answer: Document | None = None) -> ConnectionPlan:
    """Return the plan with the overrides that an object needs. answer: for a connection, the answer of C(/data/connection)."""
    current = observed_settings(object, answer)
    overrides = dict(_overrides(settings, current))
    before = {"settings": to_options(managed_part(settings, current), SETTINGS_FIELDS)}
    if not overrides:
        return ConnectionPlan("unchanged", None, (), before, before)
    changes = tuple(compare(overrides, current, SETTINGS_FIELDS, SETTINGS))
    after = {"settings": to_options(expected_part(settings, current, SETTINGS_FIELDS), SETTINGS_FIELDS)}
    return ConnectionPlan("updated", None, changes, before, after, reason_to_update(changes, (), Policy()), overrides=overrides)


def observed_settings(object: Document, answer: Document | None = None) -> dict[str, Any]:
    """Return the effective settings of an object, own and inherited, as plain values without the wrappers of the answer."""
    shown: dict[str, Any] = {}
    for part in (object.get("overrides"), object.get("settings")):
        shown.update(part if isinstance(part, Mapping) else {})
    settings = {key: value["value"] if isinstance(value, Mapping) and "value" in value else value for key, value in shown.items()}
    state = str(object.get("state") or "").lower() or connection_state({}, answer or {})
    # an unhealthy connection is active, too
    return {"isActive": state != INACTIVE, **settings} if state in (ACTIVE, INACTIVE, UNHEALTHY) else settings


def _overrides(settings: Document, current: Document) -> Iterator[tuple[str, Any]]:
    """Return only the settings that differ. Overriding an equal inherited setting would stop the object from following its parent."""
    for key, value in settings.items():
        if any(compare({key: value}, current, SETTINGS_FIELDS, SETTINGS)):
            yield key, value


def _comparable(wanted: Wanted, observed: Observed) -> dict[str, Any]:
    """Return the part of the wanted connection that can be compared with the tenant's view."""
    if wanted.technology.documented and observed.answer:
        return {key: value for key, value in wanted.connection.items() if key != "technology"}
    return shown_part(wanted.connection, {key: value for key, value in observed.connection.items() if key != "technology"})


def _whole_connection(wanted: Wanted, current: Document, policy: Policy) -> dict[str, Any]:
    fields = wanted.technology.fields
    connection = whole_document(wanted.connection, current, fields)
    if policy.needs_secrets:
        check_secrets(connection, fields, CONNECTION, "update the connection")
    clean: dict[str, Any] = drop_redacted(connection)
    return clean


# --- immutable options -------------------------------------------------------------------------------------------


def _check_immutable(wanted: Wanted, observed: Observed) -> None:
    for change in (
        *_technology_change(wanted, observed),
        *changed_immutables(wanted.connection, observed.connection, wanted.technology.fields, "connection"),
        *_native_changes(wanted, observed.native),
    ):
        raise OptionError(
            f"{change.field} of {wanted.name} cannot be changed ({change.before} to {change.after}).",
            option=change.field,
            hint="Set it to its present value or omit it. To change it, remove the connection and register it again.",
        )


def _technology_change(wanted: Wanted, observed: Observed) -> Iterator[Change]:
    """Return the change of the technology, if any. Names are compared only if the vendor documents their spelling."""
    wanted_name, current_name = str(wanted.connection.get("technology") or ""), observed.technology.name
    documented = technology_of(wanted_name).documented or observed.technology.documented
    if wanted_name and current_name and documented and wanted_name.lower() != current_name.lower():
        yield Change("connection.technology", current_name, wanted_name)


def _native_changes(wanted: Wanted, current: Document) -> Iterator[Change]:
    """Return the differences of the native integration, except options that the connection also has: Immuta may have copied those."""
    if not wanted.technology.documented:
        return iter(())
    comparable = shown_part(wanted.native, current)
    if comparable.get("type") not in PLATFORMS:
        comparable.pop("type", None)
    if isinstance(comparable.get("config"), Mapping):
        shared = {option.key for option in wanted.technology.fields}
        comparable["config"] = {key: value for key, value in comparable["config"].items() if key not in shared}
    return (change for change in compare(comparable, current, wanted.technology.native_fields, NATIVE) if not change.secret)


# --- warnings and limits -----------------------------------------------------------------------------------------


def activates(settings: Document) -> bool:
    """Return whether the settings activate objects, now or when they appear."""
    return any(settings.get(name) is True for name in ("isActive", "activateNewChildren"))


def grants_warning(name: str) -> str:
    """Return the warning for the activation of objects of a technology that revokes grants."""
    return (
        f"Activating {name}: where no subscription policy applies, Immuta revokes the grants that its users have on Databricks."
        " Make sure beforehand that a policy applies."
    )


def check_children(name: str, children: int) -> None:
    """Raise ImmutaError if an object has too many descendants to be activated as a whole."""
    if children >= MAX_CHILDREN:
        raise ImmutaError(
            f"There are {children} objects in {name}, and Immuta activates fewer than {MAX_CHILDREN} at once.",
            hint="Activate the objects in it one by one instead.",
            option="settings.is_active",
        )


def migration_notes(integration: Document) -> str:
    """Return what users need to know before they upgrade an integration to a connection."""
    binds = (integration.get("config") or {}).get("additionalWorkspaceConnections")
    return " ".join(
        [
            f"Integration {integration.get('id')} has this host. Only the upgrade manager on Immuta's settings page can turn it into a connection.",
            f"The upgrade does not include {', '.join(NOT_MIGRATED[:-1])} and {NOT_MIGRATED[-1]}.",
            *(["This integration has additionalWorkspaceConnections, which may be such a binding."] if binds else []),
            f"Afterwards {'; '.join(AFTER_MIGRATION)}.",
        ]
    )


# --- the diff for users ------------------------------------------------------------------------------------------


def _displayed(wanted: Wanted) -> dict[str, Any]:
    """Return all options with which a new connection is registered."""
    technology = wanted.technology
    parts: tuple[tuple[str, Document, tuple[Field, ...]], ...] = (
        ("connection", wanted.connection, technology.fields),
        ("settings", wanted.settings, SETTINGS_FIELDS),
        ("options", wanted.options, OPTIONS_FIELDS),
        ("native_integration", wanted.native, technology.native_fields),
    )
    return {"connection_key": wanted.key, **{name: to_options(part, fields) for name, part, fields in parts if part}}


def _displayed_parts(wanted: Wanted, connection: Document, settings: Document) -> dict[str, Any]:
    """Return the parts that can change and that the task manages."""
    shown: dict[str, Any] = {"connection_key": wanted.key}
    if wanted.connection:
        shown["connection"] = to_options(connection, wanted.technology.fields)
    if wanted.settings:
        shown["settings"] = to_options(settings, SETTINGS_FIELDS)
    return shown
