# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switches: what the vendor does not document, or what a test wants to see, as one table.

Every switch has a default, an example or the list of its values, and one line of documentation; the README's table is
compared with this one by a test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Switch:
    default: Any
    values: tuple[Any, ...] | type | re.Pattern[str]  # the allowed values, a type, or a pattern for strings
    doc: str

    def accepts(self, value: Any) -> bool:
        if isinstance(self.values, tuple):
            return value in self.values
        if isinstance(self.values, re.Pattern):
            return isinstance(value, str) and self.values.fullmatch(value) is not None
        if self.values is bool:
            return isinstance(value, bool)
        return isinstance(value, self.values) and not isinstance(value, bool)

    def describe(self) -> str:
        if isinstance(self.values, tuple):
            return " | ".join(str(value) for value in self.values)
        return self.values.pattern if isinstance(self.values, re.Pattern) else self.values.__name__


SWITCHES: dict[str, Switch] = {
    # statuses over time
    "transitions": Switch(
        "instant",
        re.compile(r"immediate|instant|polls:\d+|seconds:\d+(\.\d+)?"),
        "when creating, editing, deleting and migrating end: in the answer itself, at the next look, after N looks, after N seconds",
    ),
    "fails": Switch(
        {},
        dict,
        "what ends badly, with the failed test's message: {create: text, edit: text, delete: text, migrate: text}",
    ),
    "show_deleted": Switch(False, bool, "deleted integrations stay visible with status deleted (otherwise 404 and not listed)"),
    "show_disabled": Switch(True, bool, "force-disabled integrations stay visible with status disabled (otherwise as if deleted)"),
    # forms of answers
    "undocumented_redaction": Switch(
        "<REDACTED>",
        ("<REDACTED>", "REDACTED", "[REDACTED]", "absent"),
        "how secrets look whose form the vendor does not show",
    ),
    "documented_redaction": Switch(
        "vendor",
        ("vendor", "<REDACTED>", "REDACTED", "[REDACTED]", "absent"),
        "how the others look; vendor: as in the vendor's examples",
    ),
    "redacted_values": Switch(
        "store",
        ("store", "reject", "keep"),
        "a redacted value sent as a secret is stored as it is, refused, or the old secret is kept",
    ),
    "put": Switch("replace", ("replace", "merge"), "PUT replaces the config, or merges into it"),
    "conflict_wording": Switch("on host", ("on host", "on"), "the two wordings of the 409 on POST"),
    "created_status": Switch(200, (200, 201), "HTTP status of a successful POST"),
    "deleted_status": Switch(200, (200, 202, 204), "HTTP status of a successful DELETE; 204 has no body"),
    "validation_in_422": Switch("top", ("top", "details", "absent"), "where validationResults is in the body of a 422"),
    "dry_run_failure": Switch(422, (422, 200), "HTTP status of a dry run whose validation failed"),
    "dry_run_form": Switch("results", ("results", "object"), "a dry run answers validationResults only, or with id and status as well"),
    "trino_key": Switch("newKey", ("newKey", "apiKey", "key", "absent"), "the key under which POST answers Trino's first API key"),
    # access
    "token_requests": Switch(0, int, "requests a bearer token lives for; 0: for ever"),
    "key_as_bearer": Switch(False, bool, "'Authorization: Bearer <API key>' is accepted too"),
    "refused_key": Switch(401, (401, 200), "the token exchange answers a wrong key with 401, or 200 and authenticated: false"),
    "application_admin": Switch(True, bool, "the user of the key has APPLICATION_ADMIN; without it /integrations answers 403"),
    "refuse_writes": Switch(False, bool, "every write is answered 500 (and marked in the log)"),
    # connections
    "data_api": Switch("404", ("on", "403", "404"), "the tenant has connections, or how it answers /data"),
    "search_form": Switch("list", ("list", "hits"), "POST /data/object/search answers a list, or an object with hits and count"),
    "connection_test": Switch(True, bool, "the tenant has POST /data/connection/test, which only older pages name"),
    "connection_secrets": Switch(
        "absent",
        ("absent", "parents", "<REDACTED>", "[REDACTED]"),
        "how GET /data/connection shows secrets; parents: whole objects that hold one are absent, too",
    ),
    "taken_host": Switch(409, (409, 422), "HTTP status of a registration whose host an integration has"),
    "bulk_ids": Switch(True, bool, "the requests that start a job answer its bulkId"),
    "jobs": Switch(
        "instant",
        re.compile(r"instant|polls:\d+|seconds:\d+(\.\d+)?"),
        "when jobs end, and what they do happens: before the answer, after N looks at their state or their connection, after N seconds",
    ),
    "job_fails": Switch({}, dict, "which jobs end badly, with the error: {register: text, update: text, settings: text, crawl: text, delete: text}"),
    "job_failure": Switch("failed", ("failed", "cancelled", "expired"), "the state in which they end"),
    "jobs_api": Switch("on", ("on", "403", "404"), "the tenant shows jobs, or how it answers /jobs"),
    "jobs_form": Switch("jobs", ("jobs", "list"), "GET /jobs answers an object with jobs, or a list"),
    "job_id": Switch("bulkId", ("bulkId", "taskId"), "the name under which a request answers the id of its jobs, which newer tenants call a task's"),
    "unknown_technology": Switch(404, (400, 404, 405, 422), "HTTP status of GET /data/connection for a technology that it does not know"),
    "states": Switch("lower", ("lower", "upper"), "how a state of a connection or an object is written; newer tenants write it in upper case"),
    "state_in": Switch("object", ("object", "connection"), "where the state of a connection stands, in the answer of /data/object or of /data/connection"),
    "activation": Switch(
        "instant",
        re.compile(r"instant|polls:\d+"),
        "when the state of a connection that was registered, updated, activated or deactivated follows: at once, or after N looks at the connection",
    ),
    "unhealthy": Switch("no", str, "why active connections are unhealthy; no: they are not"),
    "remove_active": Switch("on", ("on", "400", "409", "422"), "an active connection can be removed, or how its removal is refused"),
    "children": Switch(0, int, "how many objects GET /data/object says that there are in one; 0: it does not say"),
    "preview_api": Switch("404", ("on", "403", "404", "405"), "the tenant has GET /api/connections, with bearer tokens only, or how it answers"),
    # API keys
    "key_form": Switch(
        "key",
        ("key", "apiKey", "nested", "text", "absent"),
        "how POST /apikey and POST /apikey/system answer a key: under that name, in an object, as nothing but the key, or not at all",
    ),
    "system_keys": Switch("on", ("on", "403", "404"), "the tenant has keys of connections, or how it answers POST /apikey/system"),
    "own_keys": Switch("on", ("on", "403", "404"), "users can make and remove keys of their own, or how the tenant answers"),
    # scripts
    "script_answer": Switch(
        "text",
        ("text", "sql", "json", "object"),
        "a script comes as text/plain, application/sql, a JSON string, or {script: text}",
    ),
    "script_bom": Switch(False, bool, "a script begins with a byte order mark"),
    "script_newline": Switch("lf", ("lf", "crlf"), "line ends of a script"),
    "script_timestamp": Switch(False, bool, "a script's text is different each time it is made (a comment)"),
    "script_password": Switch(
        "payload",
        ("payload", "server"),
        "whose password the script sets: the payload's, or one that the server makes and remembers",
    ),
    "script_order": Switch(
        "any",
        ("any", "requested", "ran"),
        "scripts/create is refused until initial-create was asked for, or until its database is really there",
    ),
    "script_tampering": Switch(
        {},
        dict,
        "{action or '*': {kind: empty|poison|break, statement: N, sql: text}}: an empty script, or a statement of your own put in as number N",
    ),
    "databricks_scripts": Switch(
        True,
        (True, False, "delete"),
        "edit and delete scripts exist for Databricks, or delete alone (the vendor's pages contradict each other)",
    ),
    "databricks_principal": Switch(
        "immuta-service-principal",
        str,
        "the principal that a Databricks script grants to when the config has a personal access token, which does not say whose it is",
    ),
    "disabled_scripts": Switch(True, bool, "scripts/delete is still answered for a force-disabled integration (as long as it is visible)"),
    "snowflake_password": Switch(
        "single",
        ("single", "double", "dollar"),
        "quotes around a Snowflake script's password; the vendor's examples use double",
    ),
    "snowflake_account": Switch(
        "made",
        ("made", "given"),
        "a Snowflake setup script makes the system user, or only grants to it, as the vendor has it for connections; then no script drops it",
    ),
    "snowflake_use_role": Switch(True, bool, "a Snowflake script switches roles itself (USE ROLE); otherwise only comments name them"),
    "drop_database": Switch(True, bool, "Redshift's delete and cleanup scripts drop the database; otherwise only what is in it"),
    "settings_at_registration": Switch(True, bool, "the settings of a registration take effect; otherwise only PUT /data/settings sets them"),
    # warehouses
    "unknown_hosts": Switch("pass", ("pass", "fail"), "validation of hosts that no warehouse is configured for"),
}


class Settings:
    """The switches' present values. Reading an attribute reads a switch; change() checks name and value."""

    def __init__(self, **values: Any) -> None:
        self._values = {name: switch.default for name, switch in SWITCHES.items()}
        self.change(values)
        self._initial = dict(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def change(self, values: dict[str, Any]) -> None:
        """All or nothing; ValueError names the switch and what it takes."""
        for name, value in values.items():
            if name not in SWITCHES:
                raise ValueError(f"there is no switch {name!r}; there are: {', '.join(SWITCHES)}")
            if not SWITCHES[name].accepts(value):
                raise ValueError(f"switch {name} takes {SWITCHES[name].describe()}, not {value!r}")
        self._values.update(values)

    def reset(self) -> None:
        self._values = dict(self._initial)

    def as_dict(self) -> dict[str, Any]:
        return dict(self._values)
