# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of users: of a password only what checks it is kept, a public key must be one."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from ..password import Password
from .errors import SnowflakeError, invalid_property
from .words import Reader

KEYS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")
PROPERTIES = frozenset(
    (
        *("PASSWORD", "LOGIN_NAME", "DISPLAY_NAME", "FIRST_NAME", "MIDDLE_NAME", "LAST_NAME", "EMAIL", "TYPE", *KEYS),
        *("MUST_CHANGE_PASSWORD", "DISABLED", "DAYS_TO_EXPIRY", "MINS_TO_UNLOCK", "MINS_TO_BYPASS_MFA", "DISABLE_MFA"),
        *("DEFAULT_WAREHOUSE", "DEFAULT_NAMESPACE", "DEFAULT_ROLE", "DEFAULT_SECONDARY_ROLES", "COMMENT", "TIMEZONE"),
        *("NETWORK_POLICY", "QUERY_TAG", "LOCK_TIMEOUT", "STATEMENT_TIMEOUT_IN_SECONDS", "ABORT_DETACHED_QUERY"),
        *("AUTOCOMMIT", "CLIENT_SESSION_KEEP_ALIVE"),
    )
)


def user_properties(reader: Reader) -> dict[str, Any]:
    """Read the properties of a user to the end of the statement."""
    found = reader.properties()
    for name in found:
        if name not in PROPERTIES:
            raise invalid_property(name, "USER")
    for name in KEYS:
        if found.get(name):
            _check_key(str(found[name]))
    if found.get("PASSWORD") is not None:
        found["PASSWORD"] = Password(str(found["PASSWORD"]))
    return found


def _check_key(text: str) -> None:
    try:
        public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        reason = "New public key rejected by current policy. Reason: 'Invalid public key'."
        raise SnowflakeError(390422, "22023", f"SQL execution error:\n{reason}") from error


def public_key(text: str) -> RSAPublicKey:
    """The key in a PEM without its first and last line, as RSA_PUBLIC_KEY holds it."""
    key = load_der_public_key(base64.b64decode("".join(text.split()), validate=True))
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def fingerprint(key: RSAPublicKey) -> str:
    """`SHA256:...`, as DESCRIBE USER shows it and tokens name it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
