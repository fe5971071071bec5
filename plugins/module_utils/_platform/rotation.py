# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a platform's secret is replaced: on the warehouse, then in Immuta, and back where Immuta refuses. Pure; what it returns holds secrets.

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
    """How a warehouse gets another secret.

    At every moment the warehouse takes what Immuta has: a key stays until Immuta uses the next one. A password cannot.
    """

    #: the statement that sets the new secret
    set: str
    #: the statement that goes back to the present one
    back: str
    #: the statements that end with the old one, when Immuta uses the new one
    settle: str = ""
    #: the database that they run in, and the one that the account signs in to; options of the place in braces
    database: str = ""
    sign_in: str = ""


#: type -> secret -> how it is set. What is not listed is made elsewhere, and only Immuta is told.
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

#: type -> what is doubled inside of the quotes of a name, and of a literal
QUOTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Snowflake": ('"', ("\\", "'")),
    "Redshift": ('"', ("\\", "'")),
    "Azure Synapse Analytics": ("]", ("'",)),
}

#: parts of a platform that hold secrets of something else
_OTHER_SECRETS = ("additional_workspace_connections", "lineage")
#: what is no secret, and belongs to one
_RELATED_OPTIONS = {"oauth_client_config": frozenset({"public_certificate_thumbprint"})}


def rotatable_secrets() -> dict[str, frozenset[str]]:
    """The secrets that a platform can have; of one that is a dictionary, the keys that belong to it (none: any)."""
    found: dict[str, frozenset[str]] = {"extra": frozenset()}
    for each in (each for platform in PLATFORMS.values() for each in platform.fields if each.option not in _OTHER_SECRETS):
        parts = frozenset(part.option for part in each.fields if each.file or part.secret or part.fields)
        if each.secret or parts:
            found[each.option] = found.get(each.option, frozenset()) | parts | (_RELATED_OPTIONS.get(each.option, frozenset()) if parts else frozenset())
    return found


@dataclass(frozen=True)
class Rotation:
    """The rotation of one platform's secret. config: the config, or the connection, with the new secret. Holds secrets."""

    config: dict[str, Any]
    #: names of the new secrets
    new: tuple[str, ...]
    method: SecretMethod | None = None
    account: str = ""
    #: set, back and settle, ready to be sent
    statements: dict[str, str] = field(default_factory=dict)
    database: str = ""
    sign_in: str = ""
    #: how the system account signs in with the new secret
    login: dict[str, Any] = field(default_factory=dict)

    def is_other_field(self, changed: str) -> bool:
        """Whether a field that differs is none of the new secrets: C(config.password)."""
        parts = changed.split(".")
        return len(parts) < 2 or parts[1] not in self.new


def rotation_of(place: Place, present: Options, given: Options, *, auto_bootstrap: bool = False) -> Rotation:
    """The rotation that the variables ask for. present: the config, or the connection, as it is. Raises OptionError for what is none."""
    present, new = _normalized(present), _normalized(given.get("new_secrets") or {})
    if isinstance(new.get("private_key"), str):
        # the text of a key is its content
        new["private_key"] = {"content": new["private_key"]}
    _check(place, new, auto_bootstrap=auto_bootstrap)
    kept = {name: value for name, value in present.items() if name != "credential" or "credential" not in new}
    config = deep_merge(kept, new)
    if config == present:
        raise OptionError(f"What {PREFIX}new_secrets holds is what the platform has now. Nothing has been changed.", option="new_secrets")
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
    """How the system account signs in with the new secret: where the administrator does, but in the platform's own warehouse."""
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
        (place.type == "Trino", "Immuta makes the key of Trino itself and takes none. The module immuta_integration_api_key has it make a new one."),
        (
            auto_bootstrap,
            "Immuta made the account of this platform itself (auto_bootstrap) and keeps its secret to itself: it takes none. For another one, deregister"
            " the platform and register it again; with auto_bootstrap false it gets an account whose secret is yours.",
        ),
        (
            not new,
            f"There is no new secret: {PREFIX}new_secrets is a dictionary of the platform's secrets with their new values, such as password.",
        ),
        (bool(strange), f"{PREFIX}new_secrets holds what is no secret of a platform: {', '.join(strange)}. It can hold {', '.join(sorted(known))}."),
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
            "The present password is needed, too: the account gets it back when Immuta refuses the new one.",
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
    """The options in our names, at every depth that the tables know."""
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


# --- what holds when it broke ------------------------------------------------------------------------------------

#: what the warehouse takes -> in words; empty: this run does not set anything there
ON_WAREHOUSE = {
    "": "The warehouse takes what it was given without this run",
    "present": "The warehouse takes the present secret",
    "new": "The warehouse takes the new secret",
    "both": "The warehouse takes both keys",
    "unknown": "Whether the warehouse takes the present or the new secret is not known",
}
IN_IMMUTA = {
    "present": "and Immuta has the present one",
    "new": "and Immuta has the new one",
    "unknown": "and whether Immuta has the present or the new one is not known",
}
_RUN_AGAIN = "With the cause out of the way, run this again with the same variables."
_RUN_AGAIN_SOON = "As long as they differ, Immuta cannot sign in. Run this again soon with the same variables: it brings the new one to both."


@dataclass(frozen=True)
class ValidSecrets:
    """Which secret holds where. warehouse: a key of ON_WAREHOUSE; immuta: a key of IN_IMMUTA."""

    warehouse: str = ""
    immuta: str = "present"

    @property
    def can_restore(self) -> bool:
        """Whether the warehouse gets the present secret again: it was set by this run, and Immuta certainly has the present one."""
        return self.immuta == "present" and self.warehouse in ("new", "both", "unknown")

    def describe(self, undone: str = "") -> str:
        """What holds, and what to do next. undone: what became of the way back."""
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
