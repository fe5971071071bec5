# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account as it is at the start."""

from __future__ import annotations

from ..password import Password
from .ledger import Ledger, Membership
from .session import Account
from .statements import handler_of
from .storage import Storage

NAME = "IMMUTA_ENGINE"
ADMIN = "ADMIN"
ROLE = "ACCOUNTADMIN"
WAREHOUSE = "COMPUTE_WH"
SHARED = "SNOWFLAKE"  # the database that every account shares with the service


def new_account(password: str) -> Account:
    """An administrator with this password, a warehouse, the database SNOWFLAKE."""
    account = Account(NAME, Ledger(), Storage(), handler_of)
    ledger = account.ledger
    properties = {"LOGIN_NAME": ADMIN, "DISPLAY_NAME": ADMIN, "DEFAULT_ROLE": ROLE}
    ledger.add("USER", (ADMIN,), ROLE, PASSWORD=Password(password), **properties)
    ledger.join(Membership(ROLE, "USER", ADMIN, ""))
    ledger.add("WAREHOUSE", (WAREHOUSE,), ROLE)
    account.storage.create_database(SHARED)
    ledger.add("DATABASE", (SHARED,), "", ORIGIN="SNOWFLAKE.ACCOUNT_USAGE")
    return account
