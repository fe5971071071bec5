# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in: passwords and key-pair tokens, and the session that comes of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import jwt

from .errors import SnowflakeError
from .ledger import PUBLIC, Thing
from .session import Account, Session
from .users import KEYS, fingerprint, public_key
from .words import Reader


class LoginRefused(Exception):
    """A login that fails, with the service's code and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def log_in(account: Account, data: Mapping[str, Any], query: Mapping[str, str]) -> Session:
    """A new session for the `data` of a login request and the parameters of its URL."""
    user = authenticate(account, data)
    role = _role(account, user, query.get("roleName"))
    session = Session(account, user, role, account.storage.connect(), secrets.token_urlsafe(32))
    session.parameters.update(data.get("SESSION_PARAMETERS") or {})
    session.warehouse = _first(query.get("warehouse"), user.properties.get("DEFAULT_WAREHOUSE"))
    if not session.warehouse_ready:
        session.warehouse = None  # the service lets such a login in; its queries fail
    _choose_database(session, query)
    return session


def authenticate(account: Account, data: Mapping[str, Any]) -> Thing:
    """The user who this is."""
    user = account.ledger.user_of_login(str(data.get("LOGIN_NAME") or ""))
    fits = _key_fits if str(data.get("AUTHENTICATOR")).upper() == "SNOWFLAKE_JWT" else _password_fits
    if user is None or not fits(user, data):
        raise LoginRefused("390100", "Incorrect username or password was specified.")
    if user.properties.get("DISABLED"):
        raise LoginRefused("390101", "User access disabled. Contact your local system administrator.")
    return user


def _password_fits(user: Thing, data: Mapping[str, Any]) -> bool:
    password = user.properties.get("PASSWORD")
    return password is not None and password.matches(str(data.get("PASSWORD") or ""))


def _key_fits(user: Thing, data: Mapping[str, Any]) -> bool:
    """The token must be signed with a key of the user, and name it (documentation, "Key-pair authentication")."""
    texts = [user.properties.get(name) for name in KEYS]
    for key in (public_key(text) for text in texts if text):
        try:
            claims = jwt.decode(str(data.get("TOKEN")), key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            continue
        return str(claims.get("iss", "")).endswith("." + fingerprint(key))
    raise LoginRefused("390144", "JWT token is invalid.")


def _first(*names: str | None) -> str | None:
    """The first identifier that is given, folded."""
    text = next((name for name in names if name), None)
    return folded(text) if text else None


def folded(text: str) -> str:
    """An identifier as a connection parameter holds it: quoted, or to be folded."""
    try:
        return Reader.of(text).identifier() if text.startswith('"') else text.upper()
    except SnowflakeError:
        return text


def _role(account: Account, user: Thing, asked: str | None) -> str:
    allowed = account.ledger.roles_of(user.name[0])
    role = _first(asked, user.properties.get("DEFAULT_ROLE")) or PUBLIC
    if role in allowed:
        return role
    where, code = ("specified in the connect string", "390189") if asked else ("configured as default role", "390186")
    hint = "Contact your local system administrator, or attempt to login with another role, e.g. PUBLIC."
    raise LoginRefused(code, f"Role '{role}' {where} is not granted to this user. {hint}")


def _choose_database(session: Session, query: Mapping[str, str]) -> None:
    """Choose the database and schema that the login asks for, if they are there: the service does not insist."""
    asked = query.get("databaseName") or session.user.properties.get("DEFAULT_NAMESPACE")
    if not asked:
        return
    try:
        parts = [folded(asked)] if query.get("databaseName") else list(Reader.of(str(asked)).name())
        session.use_database(parts[0])
        schema = query.get("schemaName") or (parts[1] if len(parts) > 1 else None)
        if schema:
            session.use_database(parts[0], folded(schema))
    except SnowflakeError:
        pass
