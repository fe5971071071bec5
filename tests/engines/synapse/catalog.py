# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds, for a test to compare and a person to read. No password is in it."""

from __future__ import annotations

from typing import Any

from .ledger import FIXED_ROLES, PUBLIC, Database, Server, names

KINDS = {"tables": "U", "views": "V", "procedures": "P", "functions": "FN"}


def catalog(server: Server) -> dict[str, Any]:
    """`{"logins": {name: {...}}, "databases": {name: {"schemas", "tables", ..., "users", "roles", "permissions"}}}`."""
    return {
        "logins": {each.name: {"disabled": each.disabled, "admin": each.admin} for each in server.logins.values()},
        "databases": {each.name: _database(each) for each in server.databases.values()},
    }


def _database(database: Database) -> dict[str, Any]:
    def things(kind: str) -> list[str]:
        return sorted(f"{each.schema}.{each.name}" for each in database.things.values() if each.kind == kind)

    def shown(name: str) -> str:
        return database.principals[name].name

    roles = [each for key, each in database.principals.items() if each.kind == "ROLE" and (key not in FIXED_ROLES or each.members) and key != PUBLIC]
    return {
        "schemas": {each.name: {"owner": shown(each.owner)} for each in sorted(database.schemas.values(), key=lambda each: each.name)},
        **{what: things(kind) for what, kind in KINDS.items()},
        "users": {each.name: {"login": each.login} for each in database.principals.values() if each.kind == "USER"},
        "roles": {each.name: {"members": names(database.principals[member] for member in each.members)} for each in roles},
        "permissions": [
            {
                "state": each.state,
                "permission": each.permission,
                "on": each.kind,
                "name": each.securable,
                "grantee": shown(each.grantee),
                "grantable": each.grantable,
            }
            for _key, each in sorted(database.permissions.items())
        ],
    }
