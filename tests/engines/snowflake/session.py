# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session: who is logged in, with which role and warehouse, in which database."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from fakesnow.conn import FakeSnowflakeConnection

from .account import DEPTH, PUBLIC, Account, Thing
from .errors import LoginRefused, SnowflakeError, error, not_found
from .words import Name, folded, shown

KEYS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")


@dataclass(eq=False)
class Session:
    """One login."""

    account: Account
    user: Thing
    role: str
    connection: FakeSnowflakeConnection
    warehouse: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def database(self) -> str | None:
        current: str | None = self.connection.database
        return current

    @property
    def schema(self) -> str | None:
        current: str | None = self.connection.schema
        return current

    def full(self, kind: str, name: Name, command: str) -> Name:
        """The full name of something, from the current database and schema where parts are missing."""
        missing = DEPTH[kind] - len(name)
        if missing < 0:
            raise not_found(kind, shown(name))
        if missing and not self.database:
            raise error("no database", command)
        return (*(self.database or "", self.schema or PUBLIC)[:missing], *name)

    def find(self, kind: str, name: Name) -> Thing:
        """Something that is there and that the role may see."""
        thing = self.account.need(kind, name)
        if not self.account.sees(self.role, thing):
            raise not_found(kind, shown(name))
        return thing

    def must(self, privilege: str, kind: str, name: Name) -> None:
        """Fail unless the current role has the privilege."""
        if not self.account.may(self.role, privilege, kind, name):
            raise error("not allowed", kind.lower(), shown(name[-1]))

    @property
    def warehouse_ready(self) -> bool:
        """Whether there is a warehouse that the current role may use."""
        name = (self.warehouse or "",)
        return self.account.get("WAREHOUSE", name) is not None and self.account.may(self.role, "USAGE", "WAREHOUSE", name)

    def use(self, kind: str, name: Name) -> None:
        """Make a role, a warehouse, a database or a schema the current one."""
        thing = self.account.get(kind, name)
        if thing is None or not self.account.sees(self.role, thing):
            raise error("cannot use")
        if kind == "ROLE" and name[0] not in self.account.roles_of(self.user.name[0]):
            raise error("not assigned", name[0])
        if kind in ("DATABASE", "SCHEMA"):
            self.account.storage.use(self.connection, *(*name, PUBLIC)[:2])
        else:
            setattr(self, kind.lower(), name[0])


# Logging in


def log_in(account: Account, data: Mapping[str, Any], query: Mapping[str, str]) -> Session:
    """A new session for the `data` of a login request and the parameters of its URL."""
    user = authenticate(account, data)
    session = Session(account, user, _role(account, user, query.get("roleName")), account.storage.connect())
    session.parameters.update(data.get("SESSION_PARAMETERS") or {})
    for kind, asked in (("WAREHOUSE", query.get("warehouse") or user.properties.get("DEFAULT_WAREHOUSE")), ("DATABASE", query.get("databaseName"))):
        with suppress(SnowflakeError):  # the service lets such a login in; what needs them fails
            session.use(kind, (folded(asked or ""),))
    return session


def authenticate(account: Account, data: Mapping[str, Any]) -> Thing:
    """The user who this is."""
    user = account.user_of_login(str(data.get("LOGIN_NAME") or ""))
    fits = _key_fits if str(data.get("AUTHENTICATOR")).upper() == "SNOWFLAKE_JWT" else _password_fits
    if user is None or not fits(user, data):
        raise LoginRefused("390100", "Incorrect username or password was specified.")
    return user


def _password_fits(user: Thing, data: Mapping[str, Any]) -> bool:
    password = user.properties.get("PASSWORD")
    return password is not None and password.matches(str(data.get("PASSWORD") or ""))


def _key_fits(user: Thing, data: Mapping[str, Any]) -> bool:
    """Whether the token is signed with a key of the user."""
    for text in (user.properties.get(name) for name in KEYS):
        try:
            if text and jwt.decode(str(data.get("TOKEN")), public_key(text), algorithms=["RS256"]):
                return True
        except jwt.InvalidTokenError:
            continue
    raise LoginRefused("390144", "JWT token is invalid.")


def public_key(text: str) -> RSAPublicKey:
    """The key in a PEM without its first and last line, as RSA_PUBLIC_KEY holds it; a ValueError for what is none."""
    try:
        key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    except UnsupportedAlgorithm as error:
        raise ValueError("not an RSA key") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def _role(account: Account, user: Thing, asked: str | None) -> str:
    role = folded(asked or user.properties.get("DEFAULT_ROLE") or PUBLIC)
    if role in account.roles_of(user.name[0]):
        return role
    where, code = ("specified in the connect string", "390189") if asked else ("configured as default role", "390186")
    raise LoginRefused(code, f"Role '{role}' {where} is not granted to this user. Contact your local system administrator.")
