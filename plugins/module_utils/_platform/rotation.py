# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to replace a platform's secret: on the warehouse, then in Immuta, and back on the warehouse if Immuta refuses.

Without I/O. The results contain secrets.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import OptionError
from .._model.fields import Field, deep_merge
from .._model.platforms import CONFIG_FIELDS, PLATFORMS
from .place import Place
from .variables import PREFIX

Options = Mapping[str, Any]


@dataclass(frozen=True)
class SecretMethod:
    """The statements that replace a secret on a warehouse.

    An old key stays valid until Immuta uses the new one. This is not possible with a password.
    """

    #: the statement that sets the new secret
    set: str
    #: the statement that restores the current secret
    back: str
    #: the statements that remove the old secret after Immuta uses the new one
    settle: str = ""
    #: the databases that the statements run in and that the account signs in to; options of the place in braces
    database: str = ""
    sign_in: str = ""


#: type -> secret -> method. Every other secret is created elsewhere, and the role only updates Immuta.
SECRET_METHODS: dict[str, dict[str, SecretMethod]] = {
    "Snowflake": {
        "password": SecretMethod("ALTER USER \"%(user)s\" SET PASSWORD = '%(new)s'", "ALTER USER \"%(user)s\" SET PASSWORD = '%(present)s'"),
        "private_key": SecretMethod(
            "ALTER USER \"%(user)s\" SET RSA_PUBLIC_KEY_2 = '%(public)s'",
            'ALTER USER "%(user)s" UNSET RSA_PUBLIC_KEY_2',
            'ALTER USER "%(user)s" SET RSA_PUBLIC_KEY = \'%(public)s\';\nALTER USER "%(user)s" UNSET RSA_PUBLIC_KEY_2',
        ),
    },
    "Redshift": {
        "password": SecretMethod(
            "ALTER USER \"%(user)s\" PASSWORD '%(new)s'",
            "ALTER USER \"%(user)s\" PASSWORD '%(present)s'",
            database="{database}",
            sign_in="{database}",
        ),
    },
    "Azure Synapse Analytics": {
        "password": SecretMethod(
            "ALTER LOGIN [%(user)s] WITH PASSWORD = N'%(new)s'",
            "ALTER LOGIN [%(user)s] WITH PASSWORD = N'%(present)s'",
            database="master",
            sign_in="{database}",
        ),
    },
}

#: type -> characters to double inside a quoted name, and inside a literal
QUOTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Snowflake": ('"', ("\\", "'")),
    "Redshift": ('"', ("\\", "'")),
    "Azure Synapse Analytics": ("]", ("'",)),
}

#: options of a platform that contain secrets of something else
_OTHER_SECRETS = ("additional_workspace_connections", "lineage")
#: option -> keys that belong to its secret without being secret
_RELATED_OPTIONS = {"oauth_client_config": frozenset({"public_certificate_thumbprint"})}


def rotatable_secrets() -> dict[str, frozenset[str]]:
    """Return the secrets that a platform can have. For a dictionary, the keys that belong to it, or none if any key may."""
    found: dict[str, frozenset[str]] = {"extra": frozenset()}
    for each in (each for platform in PLATFORMS.values() for each in platform.fields if each.option not in _OTHER_SECRETS):
        parts = frozenset(part.option for part in each.fields if each.file or part.secret or part.fields)
        if each.secret or parts:
            found[each.option] = found.get(each.option, frozenset()) | parts | (_RELATED_OPTIONS.get(each.option, frozenset()) if parts else frozenset())
    return found


@dataclass(frozen=True)
class Rotation:
    """The rotation of one platform's secret. C(config) is the config or connection with the new secret. Contains secrets."""

    config: dict[str, Any]
    #: names of the new secrets
    new: tuple[str, ...]
    method: SecretMethod | None = None
    account: str = ""
    #: set, back and settle -> the statements
    statements: dict[str, str] = field(default_factory=dict)
    database: str = ""
    sign_in: str = ""
    #: how the system account signs in with the new secret
    login: dict[str, Any] = field(default_factory=dict)

    def is_other_field(self, changed: str) -> bool:
        """Whether a field that differs, such as C(config.port), is not one of the new secrets."""
        parts = changed.split(".")
        return len(parts) < 2 or parts[1] not in self.new


def rotation_of(place: Place, present: Options, given: Options, *, auto_bootstrap: bool = False) -> Rotation:
    """Return the rotation that the variables ask for. C(present) is the current config or connection. Raises OptionError for an invalid one."""
    present, new = _normalized(present), _normalized(given.get("new_secrets") or {})
    if isinstance(new.get("private_key"), str):
        # a text is the content of the key
        new["private_key"] = {"content": new["private_key"]}
    _check(place, new, auto_bootstrap=auto_bootstrap)
    kept = {name: value for name, value in present.items() if name != "credential" or "credential" not in new}
    config = deep_merge(kept, new)
    if config == present:
        raise OptionError(f"The secrets in {PREFIX}new_secrets are the current ones of the platform. Nothing has been changed.", option="new_secrets")
    rotation = Rotation(config, tuple(new))
    login = given.get("login") or {}
    name = next((name for name in SECRET_METHODS.get(place.type, {}) if name in new), "")
    if not login or not name:
        return rotation
    return _with_statements(rotation, SECRET_METHODS[place.type][name], place, present, new, given)


def _with_statements(rotation: Rotation, method: SecretMethod, place: Place, present: Options, new: Options, given: Options) -> Rotation:
    public = re.sub(r"\s|-----[A-Z ]+-----", "", str(given.get("new_public_key") or ""))
    _check_method(method, present, given, public)
    name_mark, literal_marks = QUOTES[place.type]
    words = {
        "user": _escaped(present["username"], (name_mark,)),
        "new": _escaped(new.get("password", ""), literal_marks),
        "present": _escaped(present.get("password", ""), literal_marks),
        "public": _escaped(public, literal_marks),
    }
    statements = {step: text % words for step, text in (("set", method.set), ("back", method.back), ("settle", method.settle)) if text}
    return Rotation(
        rotation.config,
        rotation.new,
        method,
        account=str(present["username"]),
        statements=statements,
        database=place.fill(method.database),
        sign_in=place.fill(method.sign_in),
        login=_system_login(place, rotation.config, new, given.get("login") or {}),
    )


def _system_login(place: Place, config: Options, new: Options, login: Options) -> dict[str, Any]:
    """Return the login of the system account with the new secret: the administrator's host, and the platform's own warehouse."""
    where = {name: value for name, value in login.items() if name in ("host", "port", "account", "ssl", "ca_path", "extra")}
    own = {name: value for name, value in place.login.items() if name == "warehouse" or (name in ("host", "port") and name not in login)}
    if "private_key" in new:
        proof = {"private_key": config["private_key"]["content"]}
        if config.get("private_key_password"):
            proof["private_key_passphrase"] = config["private_key_password"]
    else:
        proof = {"password": config["password"]}
    return {**where, **own, "username": config["username"], **proof}


def _check(place: Place, new: Options, *, auto_bootstrap: bool) -> None:
    known = rotatable_secrets()
    strange = [name for name in new if name not in known]
    strange += [f"{name}.{part}" for name, value in new.items() if isinstance(value, Mapping) and known.get(name) for part in value if part not in known[name]]
    reasons = (
        (place.type == "Trino", "Immuta creates the key of Trino itself and accepts no other. To get a new one, use the module immuta_integration_api_key."),
        (
            auto_bootstrap,
            "Immuta made the account of this platform itself (auto_bootstrap) and accepts no other secret. To replace it, deregister"
            " the platform and register it again. With auto_bootstrap set to false, you choose the secret of the account.",
        ),
        (
            not new,
            f"There is no new secret: {PREFIX}new_secrets is a dictionary of the platform's secrets with their new values, such as password.",
        ),
        (bool(strange), f"{PREFIX}new_secrets contains names that are not secrets: {', '.join(strange)}. It can contain {', '.join(sorted(known))}."),
        (any(value in ("", None) for value in new.values()), f"A new secret in {PREFIX}new_secrets is empty."),
    )
    for holds, reason in reasons:
        if holds:
            raise OptionError(f"{reason} Nothing has been changed.", option="new_secrets")


def _check_method(method: SecretMethod, present: Options, given: Options, public: str) -> None:
    reasons = (
        (not present.get("username"), "username", "To set the new secret on the warehouse, the username of the system account is needed."),
        (
            "%(present)s" in method.back and not present.get("password"),
            "password",
            "The current password is also needed, because the role restores it if Immuta refuses the new one.",
        ),
        (
            "%(public)s" in method.set and ("PRIVATE" in str(given.get("new_public_key")) or not public),
            "new_public_key",
            f"To set the new key on the warehouse, {PREFIX}new_public_key is needed: the public key that belongs to the new private key.",
        ),
    )
    for holds, option, reason in reasons:
        if holds:
            raise OptionError(f"{reason} Nothing has been changed.", option=option)


def _escaped(value: Any, marks: tuple[str, ...]) -> str:
    text = str(value)
    for mark in marks:
        text = text.replace(mark, mark * 2)
    return text


# --- spellings ---------------------------------------------------------------------------------------------------


def _normalized(options: Options, fields: Any = CONFIG_FIELDS) -> dict[str, Any]:
    """Return the options in this collection's spelling, at every depth that the tables know."""
    known = {name: each for each in fields for name in (each.option, each.key)}
    return dict(_pairs(options, known))


def _pairs(options: Options, known: Mapping[str, Field]) -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        each = known.get(name)
        if value is None:
            continue
        if each is None:
            yield name, value
        elif each.fields and isinstance(value, Mapping):
            yield each.option, _normalized(value, each.fields)
        else:
            yield each.option, value


# --- after a failure ------------------------------------------------------------------------------------

#: secret that the warehouse accepts -> in words. Empty if the run sets nothing there
ON_WAREHOUSE = {
    "": "This run did not change the secret on the warehouse",
    "present": "The warehouse accepts the current secret",
    "new": "The warehouse accepts the new secret",
    "both": "The warehouse accepts both keys",
    "unknown": "It is unknown whether the warehouse accepts the current or the new secret",
}
IN_IMMUTA = {
    "present": "and Immuta has the current one",
    "new": "and Immuta has the new one",
    "unknown": "and it is unknown whether Immuta has the current or the new one",
}
_RUN_AGAIN = "Remove the cause and run this again with the same variables."
_RUN_AGAIN_SOON = "While they differ, Immuta cannot sign in. Run this again soon with the same variables to set the new secret in both."


@dataclass(frozen=True)
class ValidSecrets:
    """Which secret is valid where. C(warehouse) is a key of ON_WAREHOUSE, C(immuta) a key of IN_IMMUTA."""

    warehouse: str = ""
    immuta: str = "present"

    @property
    def can_restore(self) -> bool:
        """Whether to restore the current secret on the warehouse: this run replaced it there, and Immuta certainly has the current one."""
        return self.immuta == "present" and self.warehouse in ("new", "both", "unknown")

    def describe(self, undone: str = "") -> str:
        """Return which secret is valid where, and what to do next. C(undone) is a sentence about the attempt to restore."""
        next_step = _RUN_AGAIN if self.warehouse in ("", "both", self.immuta) else _RUN_AGAIN_SOON
        return " ".join(filter(None, [f"{ON_WAREHOUSE[self.warehouse]}, {IN_IMMUTA[self.immuta]}.", undone, next_step]))


def valid_secrets_after(*, set_status: str, settles: bool, settled: bool, request_status: str, uses_warehouse: bool = True) -> ValidSecrets:
    """What holds after the steps so far.

    set_status: of the statement that sets the new secret (empty: not sent, ok, failed, unknown). settles: a step ends with the old
    secret, and settled: it has run. told: what became of the request (empty: not sent, ok, refused, unknown).
    """
    warehouse = ""
    if uses_warehouse:
        warehouse = {"ok": "both" if settles and not settled else "new", "unknown": "unknown"}.get(set_status, "present")
    return ValidSecrets(warehouse, {"ok": "new", "unknown": "unknown"}.get(request_status, "present"))
