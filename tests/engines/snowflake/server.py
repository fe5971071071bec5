# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of a Snowflake engine."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ADMIN = "ADMIN"
WAREHOUSE = "COMPUTE_WH"
ACCOUNT = "IMMUTA_ENGINE"
SHARED = "SNOWFLAKE"  # every account has this database

# Optional parts of snowflake-connector-python that nothing here needs and that take longest to import.
SLOW_AND_UNUSED = ("boto3", "botocore", "keyring")


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new, empty account on `listener`; the value says how to log in."""
    for name in SLOW_AND_UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import uvicorn

    from .protocol import Protocol

    password = secrets.token_urlsafe(18)
    application = Protocol(new_account(password)).application()
    settings = uvicorn.Config(application, log_level="error", lifespan="off", timeout_graceful_shutdown=2)
    running = uvicorn.Server(settings)
    # Not serve(): it would take over the signals, which are the process's.
    serving = asyncio.ensure_future(running._serve(sockets=[listener]))
    try:
        while not running.started:
            await asyncio.sleep(0.01)
        yield {
            **{"kind": "snowflake", "admin_user": ADMIN, "admin_password": password},
            **{"account": ACCOUNT, "warehouse": WAREHOUSE, "role": "ACCOUNTADMIN"},
        }
    finally:
        running.should_exit = True
        await serving


def new_account(password: str) -> Any:
    """An account as it is at the start: an administrator, a warehouse, the database SNOWFLAKE."""
    from .ledger import Ledger, Membership, Password
    from .session import Account
    from .storage import Storage

    account = Account(ACCOUNT, Ledger(), Storage())
    ledger = account.ledger
    properties = {"LOGIN_NAME": ADMIN, "DISPLAY_NAME": ADMIN, "DEFAULT_ROLE": "ACCOUNTADMIN"}
    ledger.add("USER", (ADMIN,), "ACCOUNTADMIN", PASSWORD=Password(password), **properties)
    ledger.join(Membership("ACCOUNTADMIN", "USER", ADMIN, ""))
    ledger.add("WAREHOUSE", (WAREHOUSE,), "ACCOUNTADMIN")
    account.storage.create_database(SHARED)
    ledger.add("DATABASE", (SHARED,), "", ORIGIN="SNOWFLAKE.ACCOUNT_USAGE")
    return account
