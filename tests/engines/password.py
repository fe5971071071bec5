# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an engine keeps the passwords of its users."""

from __future__ import annotations

import hashlib
import hmac
import os


class Password:
    """A password that can be checked, not read."""

    def __init__(self, text: str) -> None:
        self._salt = os.urandom(16)
        self._hash = self._digest(text)

    def matches(self, text: str) -> bool:
        """Whether this is the password."""
        return hmac.compare_digest(self._hash, self._digest(text))

    def _digest(self, text: str) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", text.encode(), self._salt, 1000)
