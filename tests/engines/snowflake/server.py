# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of a Snowflake engine."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

# Optional parts of snowflake-connector-python that nothing here needs and that take longest to import.
SLOW_AND_UNUSED = ("boto3", "botocore", "keyring")


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new, empty account on `listener`; the value says how to log in."""
    for name in SLOW_AND_UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # None: not to be imported
    # Only now: fakesnow makes a temporary directory when it is imported.
    from ..web import serving
    from .account import ACCOUNTADMIN, ADMIN, NAME, WAREHOUSE, Account
    from .protocol import Protocol

    password = secrets.token_urlsafe(18)
    async with serving(Protocol(Account(password)).application(), listener):
        yield {
            **{"kind": "snowflake", "admin_user": ADMIN, "admin_password": password},
            **{"account": NAME, "warehouse": WAREHOUSE, "role": ACCOUNTADMIN},
        }
