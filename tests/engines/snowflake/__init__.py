# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snowflake: fakesnow behind a layer that keeps users, roles, grants, warehouses, procedures and passwords.

What is the service's: the protocol of connectors 4.x and 5.x, logins with passwords and key pairs, who may do what,
numbers and texts of the errors that scripts meet, one statement a request. What is not: procedures in JavaScript and
loops of Snowflake Scripting are kept but not run, policies are kept but not applied, schemas and databases cannot be
renamed, RESULT_SCAN knows no answer of SHOW, and secondary roles are accepted without effect.

Who reads it starts at `protocol` (requests), `session` (what becomes of a statement) and `statements` (which one is
whose); `ledger` holds what fakesnow does not, `storage` is fakesnow.
"""

from __future__ import annotations

from .client import SnowflakeEngine

__all__ = ["SnowflakeEngine"]
