# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account holds beside data: objects with their owners, users, roles, and what was granted to whom."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .errors import not_found
from .storage import Storage
from .words import Name, shown

NAME = "IMMUTA_ENGINE"
ADMIN = "ADMIN"
WAREHOUSE = "COMPUTE_WH"
ACCOUNTADMIN, PUBLIC = "ACCOUNTADMIN", "PUBLIC"
SHARED = "SNOWFLAKE"  # the database that every account shares with the service
ACCOUNT = ("ACCOUNT",)

# Each kind of object, and of how many parts its full name is.
DEPTH = {"DATABASE": 1, "ROLE": 1, "USER": 1, "WAREHOUSE": 1, "SCHEMA": 2, "TABLE": 3, "FUNCTION": 3, "PROCEDURE": 3}
# The system roles, the role that each is granted to, and what each may do on the account.
SYSTEM_ROLES = {ACCOUNTADMIN: "", "SECURITYADMIN": ACCOUNTADMIN, "SYSADMIN": ACCOUNTADMIN, "USERADMIN": "SECURITYADMIN", PUBLIC: ""}
SYSTEM_RIGHTS = {
    "SECURITYADMIN": ("MANAGE GRANTS",),
    "SYSADMIN": ("CREATE DATABASE", "CREATE WAREHOUSE"),
    "USERADMIN": ("CREATE USER", "CREATE ROLE"),
}
SECRETS = frozenset({"PASSWORD"})


class Password:
    """A password that can be checked, not read."""

    def __init__(self, text: str) -> None:
        self._salt = os.urandom(16)
        self._hash = self._digest(text)

    def matches(self, text: str) -> bool:
        return hmac.compare_digest(self._hash, self._digest(text))

    def _digest(self, text: str) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", text.encode(), self._salt, 1000)


@dataclass
class Thing:
    """An object of the account: a role, a user, a database, a table."""

    kind: str
    name: Name
    owner: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class Grant:
    """A privilege on one thing, given to a role."""

    privilege: str
    kind: str
    name: Name
    role: str
    option: bool = False


@dataclass(frozen=True)
class Membership:
    """A role granted to a ROLE or a USER."""

    role: str
    to: str
    grantee: str


class Account:
    """One account: an administrator with this password, a warehouse, the database SNOWFLAKE."""

    def __init__(self, password: str) -> None:
        self.storage = Storage()
        self.things: dict[tuple[str, Name], Thing] = {}
        # Dictionaries, to keep the order in which grants were made.
        self.grants: dict[Grant, None] = {}
        self.members: dict[Membership, None] = {}
        for role, parent in SYSTEM_ROLES.items():
            self.add("ROLE", (role,), "")
            if parent:
                self.members[Membership(role, "ROLE", parent)] = None
        self.add("USER", (ADMIN,), ACCOUNTADMIN, LOGIN_NAME=ADMIN, DEFAULT_ROLE=ACCOUNTADMIN, PASSWORD=Password(password))
        self.members[Membership(ACCOUNTADMIN, "USER", ADMIN)] = None
        self.add("WAREHOUSE", (WAREHOUSE,), ACCOUNTADMIN)
        self.storage.create_database(SHARED)
        self.storage.create_schema(SHARED, PUBLIC)
        self.add("DATABASE", (SHARED,), "", ORIGIN="SNOWFLAKE.ACCOUNT_USAGE")

    # Things

    def add(self, kind: str, name: Name, owner: str, **properties: Any) -> None:
        """Put a new thing down."""
        self.things[kind, name] = Thing(kind, name, owner, properties)

    def get(self, kind: str, name: Name) -> Thing | None:
        """The thing, or None."""
        return self.things.get((kind, name))

    def need(self, kind: str, name: Name) -> Thing:
        """The thing, or the service's error."""
        thing = self.get(kind, name)
        if thing is None:
            raise not_found(kind, shown(name))
        return thing

    def all(self, kind: str, inside: Name = ()) -> list[Thing]:
        """All things of a kind, in the order of their names."""
        found = [thing for thing in self.things.values() if thing.kind == kind and thing.name[: len(inside)] == inside]
        return sorted(found, key=lambda thing: thing.name)

    def remove(self, gone: Thing) -> None:
        """Take a thing away, with all that is in it and everything that was granted on it or to it."""
        name = gone.name
        inside = {key for key in self.things if gone.kind in ("DATABASE", "SCHEMA") and DEPTH[key[0]] > len(name) and key[1][: len(name)] == name}
        for key in (*inside, (gone.kind, name)):
            del self.things[key]
        self.grants = {g: None for g in self.grants if (g.kind, g.name) == ("ACCOUNT", ACCOUNT) or (g.kind, g.name) in self.things}
        if gone.kind == "ROLE":
            self.grants = {g: None for g in self.grants if g.role != name[0]}
            self.members = {m: None for m in self.members if m.role != name[0]}
        self.members = {m: None for m in self.members if (m.to, m.grantee) != (gone.kind, name[0])}

    def rename(self, thing: Thing, new: str) -> None:
        """Give a role or a user another name, in everything that mentions it."""
        old = thing.name[0]
        del self.things[thing.kind, thing.name]
        thing.name = (new,)
        self.things[thing.kind, thing.name] = thing
        if thing.kind == "ROLE":
            for owned in self.things.values():
                owned.owner = new if owned.owner == old else owned.owner
            self.grants = {replace(g, role=new) if g.role == old else g: None for g in self.grants}
            self.members = {replace(m, role=new) if m.role == old else m: None for m in self.members}
        self.members = {replace(m, grantee=new) if (m.to, m.grantee) == (thing.kind, old) else m: None for m in self.members}

    # Rights

    def roles(self, *start: str) -> frozenset[str]:
        """These roles, PUBLIC, and all whose privileges they inherit."""
        return self._closure([PUBLIC, *start])

    def roles_of(self, user: str) -> frozenset[str]:
        """All roles that a user may activate."""
        return self._closure([PUBLIC, *(m.role for m in self.members if (m.to, m.grantee) == ("USER", user))])

    def _closure(self, start: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(start)
        while waiting:
            role = waiting.pop()
            if role not in found:
                found.add(role)
                waiting += [m.role for m in self.members if (m.to, m.grantee) == ("ROLE", role)]
        return frozenset(found)

    def may(self, role: str, privilege: str, kind: str = "ACCOUNT", name: Name = ACCOUNT) -> bool:
        """Whether the role has the privilege, owns the thing, or may do everything."""
        roles, thing = self.roles(role), self.get(kind, name)
        if ACCOUNTADMIN in roles or (thing is not None and thing.owner in roles):
            return True
        if kind == "ACCOUNT" and any(privilege in SYSTEM_RIGHTS.get(each, ()) for each in roles):
            return True
        return any((g.kind, g.name) == (kind, name) and g.role in roles and g.privilege in (privilege, "ALL PRIVILEGES") for g in self.grants)

    def sees(self, role: str, thing: Thing) -> bool:
        """Whether the thing exists for the role. Everybody sees roles and users; of the rest, any privilege will do."""
        if thing.kind in ("ROLE", "USER") or self.may(role, "", thing.kind, thing.name) or self.may(role, "MANAGE GRANTS"):
            return True
        return any((g.kind, g.name) == (thing.kind, thing.name) and g.role in self.roles(role) for g in self.grants)

    def user_of_login(self, login_name: str) -> Thing | None:
        """The user who logs in under this name."""
        return next((user for user in self.all("USER") if user.properties["LOGIN_NAME"].upper() == login_name.upper()), None)

    # For a test to compare and a person to read

    def catalog(self) -> dict[str, Any]:
        """`{"databases": {name: {...}}, "roles": {...}, "users": {...}, "warehouses": {...}, "grants": [...]}`, without a secret."""
        found: dict[str, Any] = {f"{kind.lower()}s": {shown(t.name): self._facts(t) for t in self.all(kind)} for kind in DEPTH if DEPTH[kind] == 1}
        for name, facts in found["databases"].items():
            inner = {kind: [thing.name[1:] for thing in self.all(kind) if shown(thing.name[0]) == name] for kind in DEPTH if DEPTH[kind] > 1}
            facts.update({f"{kind.lower()}s": [shown(each) for each in names] for kind, names in inner.items()})
        for kind in ("ROLE", "USER"):
            for name, facts in found[f"{kind.lower()}s"].items():
                facts["roles"] = sorted(m.role for m in self.members if (m.to, shown(m.grantee)) == (kind, name))
        grants = [{"privilege": g.privilege, "on": g.kind, "name": shown(g.name), "role": g.role, "grant_option": g.option} for g in self.grants]
        return {**found, "grants": grants}

    @staticmethod
    def _facts(thing: Thing) -> dict[str, Any]:
        public = {key.lower(): value for key, value in thing.properties.items() if key not in SECRETS}
        return {"owner": thing.owner, **public, **({"has_password": "PASSWORD" in thing.properties} if thing.kind == "USER" else {})}
