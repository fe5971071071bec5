# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of a change, such as CHG0012345: what it may be, and how a request or a session carries it.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from typing import Any

from .errors import OptionError

LONGEST = 200


def checked(given: Any) -> str:
    """The reference without blanks around it; empty when none is given. Raises OptionError for what is no reference."""
    text = str(given or "").strip()
    if len(text) > LONGEST or not text.isprintable():
        raise OptionError(f"change_reference has to be one line of at most {LONGEST} printable characters.", option="change_reference")
    return text


def user_agent(program: str, reference: str) -> str:
    """The User-Agent of a request. What no token of HTTP may hold is a hyphen in it."""
    return f"{program} (change {re.sub('[^A-Za-z0-9._~!#$%&*+^|-]+', '-', reference)})" if reference else program


def application(program: str, reference: str, longest: int) -> str:
    """The name under which a session is listed in a database, in ASCII."""
    return f"{program} {reference}".strip().encode("ascii", "replace").decode()[:longest]
