# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account holds beside data: objects with their owners, grants, role memberships, passwords."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ..words import Name
from .errors import not_found
from .privileges import ACCOUNT_PRIVILEGES, SYSTEM_ROLE_PRIVILEGES, SYSTEM_ROLES
from .words import shown

PUBLIC = "PUBLIC"
ACCOUNT = ("ACCOUNT",)
GRANTEES = {"ROLE": "ROLE", "DATABASE ROLE": "ROLE", "USER": "USER"}  # the kinds that roles are granted to


def now() -> datetime:
    """The time as things and grants note it."""
    return datetime.now(UTC)


@dataclass
class Thing:
    """An object of the account: a role, a user, a database, a table, ..."""

    kind: str
    name: Name
    owner: str
    properties: dict[str, Any] = field(default_factory=dict)
    created: datetime = field(default_factory=now)


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
    created: datetime = field(default_factory=now)

    @property
    def key(self) -> tuple[str, str, Name, str, str]:
        """What makes it this grant and no other."""
        return self.privilege, self.kind, self.name, self.role, self.future


@dataclass(frozen=True)
class Membership:
    """A role granted to a ROLE or a USER."""

    role: str
    to: str
    grantee: str
    by: str
    created: datetime = field(default_factory=now)

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it this membership and no other."""
        return self.role, self.to, self.grantee


class Ledger:
    """The account."""

    def __init__(self) -> None:
        self._things: dict[tuple[str, Name], Thing] = {}
        self._grants: dict[tuple[str, str, Name, str, str], Grant] = {}
        self._members: dict[tuple[str, str, str], Membership] = {}
        for role, parents in SYSTEM_ROLES.items():
            self.add("ROLE", (role,), "")
            for parent in parents:
                self.join(Membership(role, "ROLE", parent, ""))
        for role, privileges in {**SYSTEM_ROLE_PRIVILEGES, "ACCOUNTADMIN": ACCOUNT_PRIVILEGES}.items():
            for privilege in privileges:
                self.grant(Grant(privilege, "ACCOUNT", ACCOUNT, role, option=True))

    # Things

    def add(self, kind: str, name: Name, owner: str, **properties: Any) -> Thing:
        """Put a new thing down; future grants on its schema, else on its database, apply to it."""
        thing = self._things[kind, name] = Thing(kind, name, owner, properties)
        waiting = [grant for grant in self.grants() if grant.future == kind]
        for container in (name[:2], name[:1]):
            coming = [grant for grant in waiting if grant.name == container != name]
            for grant in coming:
                self._apply_future(thing, grant)
            if coming:
                break
        return thing

    def _apply_future(self, thing: Thing, grant: Grant) -> None:
        if grant.privilege == "OWNERSHIP":
            thing.owner = grant.role
        else:
            self.grant(replace(grant, kind=thing.kind, name=thing.name, future="", created=now()))

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

    def remove(self, kind: str, name: Name, heir: str) -> None:
        """Take a thing away, with all that is in it and all grants on it; what a role owned goes to `heir`."""
        gone = {key for key in self._things if key == (kind, name) or _is_inside(key, kind, name)}
        for key in gone:
            del self._things[key]
        self._set_grants(grant for grant in self.grants() if (grant.kind, grant.name) not in gone)
        if kind not in GRANTEES:
            return
        grantee = (GRANTEES[kind], role_name(name))
        self._set_members(m for m in self.members() if grantee not in (("ROLE", m.role), (m.to, m.grantee)))
        if grantee[0] == "ROLE":
            self._set_grants(grant for grant in self.grants() if grant.role != grantee[1])
            self._pass_on(grantee[1], heir)

    def rename(self, kind: str, old: Name, new: Name) -> None:
        """Give a thing another name, in everything that mentions it."""

        def renamed(name: Name) -> Name:
            return new + name[len(old) :]

        moved = {key for key in self._things if key == (kind, old) or _is_inside(key, kind, old)}
        for key in moved:
            thing = self._things.pop(key)
            thing.name = renamed(thing.name)
            self._things[thing.kind, thing.name] = thing
        self._set_grants(replace(g, name=renamed(g.name)) if (g.kind, g.name) in moved else g for g in self.grants())
        if kind not in GRANTEES:
            return
        grantee, after = (GRANTEES[kind], role_name(old)), role_name(new)
        self._set_members(
            replace(
                member,
                role=after if ("ROLE", member.role) == grantee else member.role,
                grantee=after if (member.to, member.grantee) == grantee else member.grantee,
            )
            for member in self.members()
        )
        if grantee[0] == "ROLE":
            self._set_grants(replace(g, role=after) if g.role == grantee[1] else g for g in self.grants())
            self._pass_on(grantee[1], after)

    def _pass_on(self, role: str, heir: str) -> None:
        for thing in self._things.values():
            thing.owner = heir if thing.owner == role else thing.owner

    # Grants

    def grant(self, grant: Grant) -> None:
        """Note a grant; one with grant option stays so."""
        before = self._grants.get(grant.key)
        self._grants[grant.key] = replace(grant, option=grant.option or bool(before and before.option))

    def revoke(self, grant: Grant, only_option: bool = False) -> None:
        """Forget a grant, or only its grant option; one that is not there is no error."""
        found = self._grants.pop(grant.key, None)
        if found and only_option:
            self._grants[grant.key] = replace(found, option=False)

    def grants(self) -> list[Grant]:
        """All grants, in the order they were made."""
        return list(self._grants.values())

    def grants_on(self, kind: str, name: Name) -> Iterator[Grant]:
        """The grants on one thing; its owner's first."""
        thing = self.get(kind, name)
        if thing and thing.owner:
            yield _ownership(thing)
        yield from (g for g in self.grants() if (g.kind, g.name, g.future) == (kind, name, ""))

    def grants_to(self, role: str) -> Iterator[Grant]:
        """The grants to one role; what it owns first."""
        yield from (_ownership(thing) for thing in self._things.values() if thing.owner == role)
        yield from (g for g in self.grants() if g.role == role and not g.future)

    def _set_grants(self, grants: Iterable[Grant]) -> None:
        self._grants = {grant.key: grant for grant in grants}

    # Roles

    def join(self, member: Membership) -> None:
        """Grant a role to a ROLE or a USER; again is no error."""
        self._members.setdefault(member.key, member)

    def leave(self, member: Membership) -> None:
        """Revoke a role from a ROLE or a USER; one that is not granted is no error."""
        self._members.pop(member.key, None)

    def members(self) -> list[Membership]:
        """All memberships, in the order they were made."""
        return list(self._members.values())

    def _set_members(self, members: Iterable[Membership]) -> None:
        self._members = {member.key: member for member in members}

    def effective(self, role: str) -> frozenset[str]:
        """The role and all whose privileges it inherits."""
        return self._closure([role, PUBLIC])

    def roles_of(self, user: str) -> frozenset[str]:
        """All roles that a user may activate."""
        return self._closure([PUBLIC, *(m.role for m in self.members() if (m.to, m.grantee) == ("USER", user))])

    def _closure(self, start: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(start)
        while waiting:
            role = waiting.pop()
            if role not in found:
                found.add(role)
                waiting += [m.role for m in self.members() if (m.to, m.grantee) == ("ROLE", role)]
        return frozenset(found)

    # Rights

    def may(self, role: str, privilege: str, kind: str, name: Name, option: bool = False) -> bool:
        """Whether the role has the privilege, or owns the thing; with `option`, whether it may give it on."""
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


def role_name(name: Name) -> str:
    """A role or user as grants name it: a database role with its database."""
    return ".".join(name)


def _ownership(thing: Thing) -> Grant:
    return Grant("OWNERSHIP", thing.kind, thing.name, thing.owner, option=True, by=thing.owner, created=thing.created)


def _is_inside(key: tuple[str, Name], kind: str, name: Name) -> bool:
    """Whether a thing lies in the database or schema `name`."""
    return kind in ("DATABASE", "SCHEMA") and len(key[1]) > len(name) and key[1][: len(name)] == name
