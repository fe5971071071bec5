# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in: passwords and key-pair tokens, and the session that comes of it."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from .errors import SnowflakeError
from .ledger import PUBLIC, Thing
from .session import Account, Session
from .words import Reader


class LoginRefused(Exception):
    """A login that fails, with the service's code and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def log_in(account: Account, data: Mapping[str, Any], query: Mapping[str, str]) -> Session:
    """A new session for the `data` of a login request and the parameters of its URL."""
    user = account.ledger.user_of_login(str(data.get("LOGIN_NAME") or ""))
    if str(data.get("AUTHENTICATOR") or "").upper() == "SNOWFLAKE_JWT":
        _check_key_pair(user, data)
    else:
        password = user.properties.get("PASSWORD") if user else None
        if password is None or not password.matches(str(data.get("PASSWORD") or "")):
            raise LoginRefused("390100", "Incorrect username or password was specified.")
    assert user is not None
    if user.properties.get("DISABLED"):
        raise LoginRefused("390101", "User access disabled. Contact your local system administrator.")
    role = _role(account, user, query.get("roleName"))
    session = Session(account, user, role, account.storage.connect(), secrets.token_urlsafe(32))
    session.warehouse = _first(query.get("warehouse"), user.properties.get("DEFAULT_WAREHOUSE"))
    if not session.warehouse_ready:
        session.warehouse = None  # the service lets such a login in; its queries fail
    _choose_database(session, query)
    return session


def _check_key_pair(user: Thing | None, data: Mapping[str, Any]) -> None:
    """The token must be signed with a key of the user and name that key (Snowflake documentation, "Key-pair authentication")."""
    for name in ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"):
        text = user.properties.get(name) if user else None
        if not text:
            continue
        key = public_key(text)
        try:
            claims = jwt.decode(str(data.get("TOKEN")), key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            continue
        if str(claims.get("iss", "")).endswith("." + fingerprint(key)):
            return
    raise LoginRefused("390144", "JWT token is invalid.")


def public_key(text: str) -> RSAPublicKey:
    """The key in a PEM without its first and last line, as RSA_PUBLIC_KEY holds it."""
    key = load_der_public_key(base64.b64decode("".join(text.split())))
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def fingerprint(key: RSAPublicKey) -> str:
    """`SHA256:...`, as DESCRIBE USER shows it and tokens name it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()


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
