# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account holds, for a test to compare and a person to read. No secret is in it."""

from __future__ import annotations

from typing import Any

from .ledger import Ledger, Thing
from .privileges import KINDS, SYSTEM_ROLES, plural
from .words import shown

SECRETS = frozenset({"PASSWORD", "definition"})


def catalog(ledger: Ledger) -> dict[str, Any]:
    """`{"databases": {name: {...}}, "roles": {...}, "users": {...}, "warehouses": {...}, "grants": [...]}`.

    Names are shown as Snowflake shows them. Grants leave out the system roles' own and ownership, which is `owner`.
    """
    return {
        **{plural(kind).lower().replace(" ", "_"): _things(ledger, kind) for kind in _account_kinds()},
        "databases": {shown(t.name): _database(ledger, t) for t in ledger.all("DATABASE")},
        "roles": {shown(t.name): _role(ledger, t) for t in ledger.all("ROLE")},
        "users": {shown(t.name): _user(ledger, t) for t in ledger.all("USER")},
        "grants": [
            {
                "privilege": g.privilege,
                "on": f"{'FUTURE ' + plural(g.future) + ' IN ' if g.future else ''}{g.kind}",
                "name": shown(g.name),
                "role": g.role,
                "grant_option": g.option,
            }
            for g in ledger.grants()
            if not (g.kind == "ACCOUNT" and g.role in SYSTEM_ROLES)
        ],
    }


def _account_kinds() -> list[str]:
    return [name for name, kind in KINDS.items() if kind.depth == 1]


def _things(ledger: Ledger, kind: str) -> dict[str, Any]:
    return {shown(thing.name): _facts(thing) for thing in ledger.all(kind)}


def _facts(thing: Thing) -> dict[str, Any]:
    public = {key.lower(): value for key, value in thing.properties.items() if key not in SECRETS}
    return {"owner": thing.owner, **public}


def _database(ledger: Ledger, database: Thing) -> dict[str, Any]:
    inner = {
        plural(kind).lower().replace(" ", "_"): [shown(thing.name[1:]) for thing in ledger.all(kind, database.name)] for kind in KINDS if KINDS[kind].depth > 1
    }
    return {**_facts(database), **{kind: names for kind, names in inner.items() if names}}


def _role(ledger: Ledger, role: Thing) -> dict[str, Any]:
    granted = [(member.to, member.grantee) for member in ledger.members() if member.role == role.name[0]]
    return {
        **_facts(role),
        "granted_to_roles": sorted(grantee for to, grantee in granted if to == "ROLE"),
        "granted_to_users": sorted(grantee for to, grantee in granted if to == "USER"),
    }


def _user(ledger: Ledger, user: Thing) -> dict[str, Any]:
    roles = sorted(m.role for m in ledger.members() if (m.to, m.grantee) == ("USER", user.name[0]))
    return {**_facts(user), "has_password": user.properties.get("PASSWORD") is not None, "roles": roles}
