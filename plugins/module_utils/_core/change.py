# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change reference, such as CHG0012345: its validation, and how requests and database sessions carry it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from typing import Any

from .errors import OptionError

MAX_LENGTH = 200


def checked_reference(given: Any) -> str:
    """Return the reference, stripped; empty if none is given. Raise OptionError if it is too long or not one printable line."""
    text = str(given or "").strip()
    if len(text) > MAX_LENGTH or not text.isprintable():
        raise OptionError(f"change_reference must be one line of at most {MAX_LENGTH} printable characters.", option="change_reference")
    return text


def user_agent(program: str, reference: str) -> str:
    """Return the User-Agent header of a request. Characters that HTTP does not allow there become hyphens."""
    return f"{program} (change {re.sub('[^A-Za-z0-9._~!#$%&*+^|-]+', '-', reference)})" if reference else program


def application_name(program: str, reference: str, max_length: int) -> str:
    """Return the application name of a database session: ASCII, cut to the length that the database takes."""
    return f"{program} {reference}".strip().encode("ascii", "replace").decode()[:max_length]
