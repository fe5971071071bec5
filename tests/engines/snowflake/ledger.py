# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account holds beside data: objects with their owners, grants, role memberships, passwords."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .errors import not_found
from .privileges import ACCOUNT_PRIVILEGES, SYSTEM_ROLE_PRIVILEGES, SYSTEM_ROLES
from .words import Name, shown

PUBLIC = "PUBLIC"
ACCOUNT = ("ACCOUNT",)


@dataclass
class Thing:
    """An object of the account: a role, a user, a database, a table, ..."""

    kind: str
    name: Name
    owner: str
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """A privilege on one thing, or on every future thing of a kind in it, given to a role."""

    privilege: str
    kind: str
    name: Name
    role: str
    option: bool = False
    by: str = ""
    future: str = ""  # the kind of the things to come, if this is a future grant


class Ledger:
    """The account."""

    def __init__(self) -> None:
        self._things: dict[tuple[str, Name], Thing] = {}
        self._grants: dict[tuple[str, str, Name, str, str], Grant] = {}
        self._members: dict[tuple[str, str, str], str] = {}  # role, "ROLE" or "USER", grantee -> granted by
        for role, parents in SYSTEM_ROLES.items():
            self.add("ROLE", (role,), "")
            for parent in parents:
                self.join(role, "ROLE", parent, "")
        for role, privileges in SYSTEM_ROLE_PRIVILEGES.items():
            for privilege in privileges:
                self.grant(Grant(privilege, "ACCOUNT", ACCOUNT, role, option=True))
        for privilege in ACCOUNT_PRIVILEGES:
            self.grant(Grant(privilege, "ACCOUNT", ACCOUNT, "ACCOUNTADMIN", option=True))

    # Things

    def add(self, kind: str, name: Name, owner: str, **properties: Any) -> Thing:
        """Put a new thing down; future grants of its schema or database apply to it."""
        thing = self._things[kind, name] = Thing(kind, name, owner, properties=properties)
        for container, inner in (("SCHEMA", name[:2]), ("DATABASE", name[:1])):
            waiting = [g for g in self.grants() if g.future == kind and (g.kind, g.name) == (container, inner)]
            if waiting and name != inner:
                for grant in waiting:
                    self._apply_future(thing, grant)
                break  # grants on the schema hide those on the database
        return thing

    def _apply_future(self, thing: Thing, grant: Grant) -> None:
        if grant.privilege == "OWNERSHIP":
            thing.owner = grant.role
        else:
            self.grant(replace(grant, kind=thing.kind, name=thing.name, future=""))

    def get(self, kind: str, name: Name) -> Thing | None:
        """The thing, or None."""
        return self._things.get((kind, name))

    def need(self, kind: str, name: Name) -> Thing:
        """The thing, or the service's error."""
        thing = self.get(kind, name)
        if thing is None:
            raise not_found(kind, shown(name))
        return thing

    def all(self, kind: str, inside: Name = ()) -> list[Thing]:
        """All things of a kind, in the order of their names."""
        found = [t for t in self._things.values() if t.kind == kind and t.name[: len(inside)] == inside]
        return sorted(found, key=lambda thing: thing.name)

    def remove(self, kind: str, name: Name, heir: str = "") -> None:
        """Take a thing away, with all that is in it and all grants on it; what a role owned goes to `heir`."""
        inside = kind in ("DATABASE", "SCHEMA")
        gone = {key for key in self._things if key == (kind, name) or (inside and _within(key, kind, name))}
        for key in gone:
            del self._things[key]
        self._grants = {key: grant for key, grant in self._grants.items() if (grant.kind, grant.name) not in gone}
        if kind in ("ROLE", "USER"):
            self._members = {key: by for key, by in self._members.items() if (kind, name[0]) not in (("ROLE", key[0]), key[1:])}
        if kind == "ROLE":
            self._grants = {key: grant for key, grant in self._grants.items() if grant.role != name[0]}
            for thing in self._things.values():
                thing.owner = heir if thing.owner == name[0] else thing.owner

    def rename(self, kind: str, old: Name, new: Name) -> None:
        """Give a thing another name, in everything that mentions it."""

        def renamed(name: Name) -> Name:
            return new + name[len(old) :] if name[: len(old)] == old else name

        moved = {key for key in self._things if key == (kind, old) or _within(key, kind, old)}
        for key in moved:
            thing = self._things.pop(key)
            thing.name = renamed(thing.name)
            self._things[key[0], thing.name] = thing
        grants = [replace(g, name=renamed(g.name)) if (g.kind, g.name) in moved else g for g in self.grants()]
        if kind == "ROLE":
            grants = [replace(g, role=new[0]) if g.role == old[0] else g for g in grants]
            for thing in self._things.values():
                thing.owner = new[0] if thing.owner == old[0] else thing.owner
        self._grants = {_key(grant): grant for grant in grants}
        if kind in ("ROLE", "USER"):
            self._members = {
                (
                    new[0] if kind == "ROLE" and role == old[0] else role,
                    to,
                    new[0] if (to, grantee) == (kind, old[0]) else grantee,
                ): by
                for (role, to, grantee), by in self._members.items()
            }

    # Grants

    def grant(self, grant: Grant) -> None:
        """Note a grant; one with grant option stays so."""
        before = self._grants.get(_key(grant))
        self._grants[_key(grant)] = replace(grant, option=grant.option or bool(before and before.option))

    def revoke(self, grant: Grant, only_option: bool = False) -> None:
        """Forget a grant, or only its grant option; one that is not there is no error."""
        found = self._grants.pop(_key(grant), None)
        if found and only_option:
            self._grants[_key(grant)] = replace(found, option=False)

    def grants(self) -> list[Grant]:
        """All grants, in the order they were made."""
        return list(self._grants.values())

    def grants_on(self, kind: str, name: Name) -> Iterator[Grant]:
        """The grants on one thing; its owner's first."""
        thing = self.get(kind, name)
        if thing and thing.owner:
            yield Grant("OWNERSHIP", kind, name, thing.owner, option=True, by=thing.owner)
        yield from (g for g in self.grants() if (g.kind, g.name, g.future) == (kind, name, ""))

    def grants_to(self, role: str) -> Iterator[Grant]:
        """The grants to one role; what it owns first."""
        for thing in self._things.values():
            if thing.owner == role:
                yield Grant("OWNERSHIP", thing.kind, thing.name, role, option=True, by=role)
        yield from (g for g in self.grants() if g.role == role and not g.future)

    # Roles

    def join(self, role: str, to: str, grantee: str, by: str) -> None:
        """Grant a role to a ROLE or a USER."""
        self._members.setdefault((role, to, grantee), by)

    def leave(self, role: str, to: str, grantee: str) -> None:
        """Revoke a role from a ROLE or a USER."""
        self._members.pop((role, to, grantee), None)

    def members(self) -> list[tuple[str, str, str, str]]:
        """All memberships: role, "ROLE" or "USER", grantee, granted by."""
        return [(*key, by) for key, by in self._members.items()]

    def effective(self, role: str) -> frozenset[str]:
        """The role and all whose privileges it inherits."""
        return self._closure([role, PUBLIC])

    def roles_of(self, user: str) -> frozenset[str]:
        """All roles that a user may activate."""
        direct = [role for role, to, grantee in self._members if (to, grantee) == ("USER", user)]
        return self._closure([*direct, PUBLIC])

    def _closure(self, start: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(start)
        while waiting:
            role = waiting.pop()
            if role not in found:
                found.add(role)
                waiting += [inner for inner, to, grantee in self._members if (to, grantee) == ("ROLE", role)]
        return frozenset(found)

    def may(self, role: str, privilege: str, kind: str, name: Name, option: bool = False) -> bool:
        """Whether the role has the privilege, or owns the thing."""
        roles = self.effective(role)
        thing = self.get(kind, name)
        if thing and thing.owner in roles:
            return True
        held = (self._grants.get((privilege, kind, name, r, "")) for r in roles)
        return any(grant and (grant.option or not option) for grant in held)

    def sees(self, role: str, thing: Thing) -> bool:
        """Whether the thing exists for the role: any privilege on it will do."""
        roles = self.effective(role)
        if thing.owner in roles or self.may(role, "MANAGE GRANTS", "ACCOUNT", ACCOUNT):
            return True
        return any(g.role in roles for g in self.grants_on(thing.kind, thing.name))

    def user_of_login(self, login_name: str) -> Thing | None:
        """The user who logs in under this name."""
        wanted = login_name.upper()
        return next((u for u in self.all("USER") if u.properties["LOGIN_NAME"].upper() == wanted), None)


class Password:
    """A password that can be checked, not read."""

    def __init__(self, text: str) -> None:
        self._salt = os.urandom(16)
        self._hash = self._digest(text)

    def matches(self, text: str) -> bool:
        return hmac.compare_digest(self._hash, self._digest(text))

    def _digest(self, text: str) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", text.encode(), self._salt, 1000)


def _key(grant: Grant) -> tuple[str, str, Name, str, str]:
    return grant.privilege, grant.kind, grant.name, grant.role, grant.future


def _within(key: tuple[str, Name], kind: str, name: Name) -> bool:
    """Whether a thing lies in the database or schema `name`; things of the account lie in none."""
    depth = {"DATABASE": 1, "SCHEMA": 2}.get(kind)
    return depth is not None and len(key[1]) > depth and key[1][:depth] == name
