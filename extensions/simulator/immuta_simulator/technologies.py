# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The technologies of connections, as data, and what a registration must hold ("Connection Registration Payloads Reference Guide").

Attributes are the API's own, nested ones with dots. For AWS Lake Formation no page shows them, so it may have any.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .documents import MISSING, set_at, value_at
from .problems import Problem

KEY = re.compile(r"[A-Za-z0-9_-]+")
RESERVED = frozenset({"data", "connection", "object", "crawl", "search", "settings", "metadata", "permission", "sync", "bulk", "upgrade"})
SETTINGS = {"isActive": bool, "activateNewChildren": bool, "dataOwners": list, "infrastructureAdmins": list}
# what the integration behind a connection signs in with, which is what the connection signs in with
SIGN_IN = ("authenticationType", "username", "password", "privateKey", "privateKeyPassword", "oAuthClientConfig", "token")
CLIENT = "oAuthClientConfig"
FILE_SECRET = "privateKey.content"


@dataclass(frozen=True)
class Technology:
    native: str | None  # the type of the integration behind it; None: it has none that the Integrations API shows
    required: tuple[str, ...] = ()
    required_by_auth: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()  # dotted paths; a name without a dot may also be a pattern
    names: Mapping[str, str] = field(default_factory=dict)  # attribute of the connection: the integration's
    aliases: Mapping[str, str] = field(default_factory=dict)  # attribute of nativeIntegration.config: the integration's
    contents: tuple[str, ...] = ()  # what is on the platform unless a test says otherwise


TABLES = ("SALES/PUBLIC/CUSTOMERS", "SALES/PUBLIC/ORDERS", "SALES/SCRATCH/DRAFT", "HR/PUBLIC/STAFF")

TECHNOLOGIES: dict[str, Technology] = {
    "Snowflake": Technology(
        native="Snowflake",
        required=("hostname", "warehouse", "authenticationType"),
        required_by_auth={
            "userPassword": ("username", "password"),
            "keyPair": ("username", "privateKey.keyName", FILE_SECRET),
            "oAuthClientCredentials": (f"{CLIENT}.clientId",),
        },
        defaults={"port": 443},
        secrets=("password", "privateKeyPassword", FILE_SECRET, f"{CLIENT}.clientSecret", f"{CLIENT}.oauthPrivateKey.content"),
        names={"hostname": "host", "port": "port", "warehouse": "warehouse"},
        contents=TABLES,
    ),
    "Databricks": Technology(
        native="Databricks",
        required=("hostname", "httpPath", "authenticationType"),
        required_by_auth={"token": ("token",), "oAuthM2M": (f"{CLIENT}.clientId",)},
        defaults={"port": 443},
        secrets=("token", f"{CLIENT}.clientSecret", f"{CLIENT}.oauthPrivateKey.content"),
        names={"hostname": "workspaceUrl", "httpPath": "httpPath"},
        aliases={"host": "workspaceUrl", "port": ""},
        contents=tuple(table.lower() for table in TABLES),
    ),
    "Glue": Technology(
        native=None,
        secrets=(r"(?i).*(secret|password|token|accessKey).*",),
        contents=("sales/customers", "sales/orders", "hr/staff"),
    ),
}


@dataclass(frozen=True)
class Registration:
    """What a payload asks for."""

    key: str
    connection: dict[str, Any]
    native: dict[str, Any]  # nativeIntegration as it was sent
    settings: dict[str, Any]
    recursive: bool

    @property
    def technology(self) -> Technology:
        return TECHNOLOGIES[self.connection["technology"]]

    @property
    def integration(self) -> dict[str, Any] | None:
        """The body that the Integrations API would take for the integration behind it; None when there is none."""
        return native_payload(self.connection, self.native) if self.technology.native else None


def check_registration(payload: Any) -> Registration:
    """What the body of POST /data/connection asks for; a Problem with status 400 names what is wrong with it."""
    body = _object(payload, "value", required=True)
    key = body.get("connectionKey")
    if key is None:
        raise invalid('"connectionKey" is required')
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise invalid('"connectionKey" must only contain letters, numbers, hyphens and underscores')
    if key.lower() in RESERVED:
        raise invalid(f'"connectionKey" contains the restricted word {key}')
    connection = check_connection(body.get("connection"))
    options = _object(body.get("options"), "options")
    found = Registration(
        key,
        connection,
        _object(body.get("nativeIntegration"), "nativeIntegration", required=TECHNOLOGIES[connection["technology"]].native is not None),
        check_settings(body.get("settings")),
        options.get("forceRecursiveCrawl") is True,
    )
    check_native(found.connection, found.native)
    return found


def check_connection(value: Any) -> dict[str, Any]:
    """The connection of a payload, with the server's defaults."""
    connection = _object(value, "connection", required=True)
    name = connection.get("technology")
    if name not in TECHNOLOGIES:
        raise invalid('"connection.technology" is required' if name is None else f'"connection.technology" must be one of [{", ".join(TECHNOLOGIES)}]')
    technology = TECHNOLOGIES[name]
    _require(connection, technology.required)
    if technology.required_by_auth:
        chosen = connection["authenticationType"]
        if chosen not in technology.required_by_auth:
            raise invalid(f'"connection.authenticationType" must be one of [{", ".join(technology.required_by_auth)}]')
        _require(connection, technology.required_by_auth[chosen])
        _check_client(connection)
    port = connection.get("port", 443)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise invalid('"connection.port" must be a number between 0 and 65535')
    if value_at(connection, "privateKey.keyName") not in (MISSING, "PRIV_KEY_FILE"):
        raise invalid('"connection.privateKey.keyName" must be [PRIV_KEY_FILE]')
    return {**technology.defaults, **copy.deepcopy(connection)}


def _check_client(connection: dict[str, Any]) -> None:
    """An OAuth client has a secret or a certificate."""
    if CLIENT in connection:
        certificate = value_at(connection, f"{CLIENT}.useCertificate") is True
        _require(connection, (f"{CLIENT}.oauthPrivateKey.content" if certificate else f"{CLIENT}.clientSecret",))


def check_native(connection: dict[str, Any], native: dict[str, Any]) -> None:
    """The integration behind a connection signs in to the same host in the same way; no page shows one that sets itself up."""
    technology = TECHNOLOGIES[connection["technology"]]
    if technology.native is None:
        return
    if native.get("type") != technology.native:
        raise invalid(f'"nativeIntegration.type" must be [{technology.native}]')
    if native.get("autoBootstrap", False) is not False:
        raise invalid('"nativeIntegration.autoBootstrap" must be [false]')
    if technology.native == "Databricks" and native.get("unityCatalog") is not True:
        raise invalid('"nativeIntegration.unityCatalog" must be [true]')
    config = native_payload(connection, native)["config"]
    for here, there in {**technology.names, "authenticationType": "authenticationType"}.items():
        if here in ("hostname", "authenticationType") and config[there] != connection[here]:
            raise invalid(f'"connection.{here}" must be that of nativeIntegration.config')


def native_payload(connection: Mapping[str, Any], native: Mapping[str, Any]) -> dict[str, Any]:
    """type, autoBootstrap and config in the Integrations API's spelling. What the config does not say, the connection says."""
    technology = TECHNOLOGIES[connection["technology"]]
    told = {there: connection[here] for here, there in technology.names.items() if here in connection}
    told |= {name: connection[name] for name in SIGN_IN if name in connection}
    given = {technology.aliases.get(name, name): value for name, value in _object(native.get("config"), "nativeIntegration.config").items()}
    config = {name: value for name, value in {**told, **given}.items() if name}
    return {"type": technology.native, "autoBootstrap": False, "config": copy.deepcopy(config)}


def check_settings(value: Any) -> dict[str, Any]:
    settings = _object(value, "settings")
    for name, given in settings.items():
        if name not in SETTINGS:
            raise invalid(f'"settings.{name}" is not allowed')
        if not isinstance(given, SETTINGS[name]):
            raise invalid(f'"settings.{name}" must be {"a boolean" if SETTINGS[name] is bool else "an array"}')
    return copy.deepcopy(settings)


def shown(connection: Mapping[str, Any], form: str) -> dict[str, Any]:
    """A connection as GET shows it. form: absent, parents (what a secret is in is absent, too), or the text in its place."""
    result = copy.deepcopy(dict(connection))
    for path in _secret_paths(result):
        if form == "parents":
            result.pop(path.partition(".")[0], None)
        else:
            set_at(result, path, MISSING if form == "absent" else form)
    if isinstance(result.get("privateKey"), dict):
        content = str(value_at(connection, FILE_SECRET))
        result["privateKey"]["filename"] = hashlib.sha256(content.encode()).hexdigest()
    return result


def _secret_paths(connection: Mapping[str, Any]) -> Iterable[str]:
    technology = TECHNOLOGIES.get(connection.get("technology", ""), TECHNOLOGIES["Glue"])
    for path in technology.secrets:
        if "(" in path:
            yield from [name for name in connection if re.fullmatch(path, name)]
        elif value_at(connection, path) is not MISSING:
            yield path


def _require(connection: Mapping[str, Any], paths: Iterable[str]) -> None:
    missing = [path for path in paths if value_at(connection, path) in (MISSING, None, "")]
    if missing:
        raise invalid(", ".join(f'"connection.{path}" is required' for path in missing))


def _object(value: Any, name: str, *, required: bool = False) -> dict[str, Any]:
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise invalid(f'"{name}" is required' if value is None else f'"{name}" must be an object')
    return value


def invalid(what: str) -> Problem:
    return Problem(400, f"Invalid request payload input: {what}")
