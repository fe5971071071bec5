# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snowflake for the vendor's own driver: fakesnow runs the SQL, this package adds what fakesnow does not have.

That is the protocol with its logins by password and key pair, users, roles, warehouses, grants as they were recorded, and the errors
that the collection's messages show. Procedures and functions are recorded, and never run. A role may do what the system roles of an
account may, what it owns, and what it was granted; ACCOUNTADMIN may do everything.

`protocol` answers requests, `session` reads a statement, `statements` carries it out on an `account`, `storage` is fakesnow.
"""

from __future__ import annotations

from .client import SnowflakeEngine

__all__ = ["SnowflakeEngine"]
