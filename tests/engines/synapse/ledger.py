# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server holds beside the rows of its tables: logins; in each database users, roles, schemas, objects, permissions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..password import Password
from . import replies

MASTER = "master"
DBO = "dbo"
PUBLIC = "public"
FIXED_ROLES = ("db_owner", "db_datareader", "db_datawriter", "db_ddladmin", "db_securityadmin", "db_accessadmin")
# What a fixed role may do, everywhere in its database.
ROLE_RIGHTS = {
    "db_owner": {"CONTROL"},
    "db_datareader": {"SELECT"},
    "db_datawriter": {"INSERT", "UPDATE", "DELETE"},
    "db_ddladmin": {"ALTER", "CREATE TABLE", "CREATE VIEW", "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE SCHEMA"},
}
# Kinds of securables. What is in a database is named without it; "" is the database itself.
DATABASE, SCHEMA, OBJECT, PRINCIPAL = "DATABASE", "SCHEMA", "OBJECT", "USER"

_ids = itertools.count(5)


@dataclass
class Login:
    name: str
    password: Password
    disabled: bool = False
    admin: bool = False
    id: int = field(default_factory=lambda: next(_ids))


@dataclass
class Principal:
    """A user or a role of one database. login: the login that the user is, in lower case; password: of a contained user."""

    name: str
    kind: str  # USER, ROLE
    login: str | None = None
    password: Password | None = None
    members: set[str] = field(default_factory=set)
    id: int = field(default_factory=lambda: next(_ids))


@dataclass
class Schema:
    name: str
    owner: str
    id: int = field(default_factory=lambda: next(_ids))


@dataclass
class Thing:
    """A table (U), view (V), procedure (P) or function (FN). text: the statement that made it, where it has a body."""

    kind: str
    schema: str
    name: str
    text: str = ""
    id: int = field(default_factory=lambda: next(_ids))


@dataclass(frozen=True)
class Permission:
    """state: GRANT or DENY. kind and securable: what on; grantee: whom to, in lower case."""

    state: str
    permission: str
    kind: str
    securable: str
    grantee: str
    grantable: bool = False


class Database:
    """One database; its things by their names in lower case, as its collation has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = next(_ids)
        self.principals: dict[str, Principal] = {DBO: Principal(DBO, "USER"), PUBLIC: Principal(PUBLIC, "ROLE")}
        self.principals |= {name: Principal(name, "ROLE") for name in FIXED_ROLES}
        self.schemas: dict[str, Schema] = {DBO: Schema(DBO, DBO)}
        self.things: dict[tuple[str, str], Thing] = {}
        self.permissions: dict[tuple[str, str, str, str], Permission] = {}

    def principal(self, name: str, verb: str = "find", kind: str = "user") -> Principal:
        found = self.principals.get(name.lower())
        if found is None:
            raise replies.cannot(verb, kind, name)
        return found

    def thing(self, schema: str, name: str) -> Thing | None:
        return self.things.get((schema.lower(), name.lower()))

    def user_of(self, login: Login) -> Principal | None:
        """The user that a login is here."""
        if login.admin:
            return self.principals[DBO]
        return next((each for each in self.principals.values() if each.login == login.name.lower()), None)

    def remove_principal(self, name: str) -> None:
        del self.principals[name]
        for other in self.principals.values():
            other.members.discard(name)
        self._forget(lambda each: each.grantee == name or (each.kind == PRINCIPAL and each.securable == name))

    def rename_principal(self, old: str, new: str) -> None:
        """Everything that mentions it goes along."""
        moved = self.principals[new.lower()] = self.principals.pop(old)
        moved.name = new
        for other in self.principals.values():
            other.members = {new.lower() if member == old else member for member in other.members}
        for schema in self.schemas.values():
            schema.owner = new.lower() if schema.owner == old else schema.owner
        kept = list(self.permissions.values())
        self.permissions = {}
        for each in kept:
            grantee = new.lower() if each.grantee == old else each.grantee
            securable = new.lower() if (each.kind, each.securable) == (PRINCIPAL, old) else each.securable
            self.permit(Permission(each.state, each.permission, each.kind, securable, grantee, each.grantable))

    def remove_thing(self, thing: Thing) -> None:
        del self.things[thing.schema.lower(), thing.name.lower()]
        self._forget(lambda each: (each.kind, each.securable) == (OBJECT, full(thing)))

    def remove_schema(self, name: str) -> None:
        del self.schemas[name]
        self._forget(lambda each: (each.kind, each.securable) == (SCHEMA, name))

    # --- permissions ---

    def permit(self, permission: Permission) -> None:
        self.permissions[permission.permission, permission.kind, permission.securable, permission.grantee] = permission

    def revoke(self, permission: Permission) -> None:
        self.permissions.pop((permission.permission, permission.kind, permission.securable, permission.grantee), None)

    def _forget(self, gone: Any) -> None:
        self.permissions = {key: each for key, each in self.permissions.items() if not gone(each)}

    def identities(self, user: str) -> set[str]:
        """A user and all roles that it is in, in lower case."""
        found, waiting = {PUBLIC}, {user.lower()}
        while waiting:
            found |= waiting
            waiting = {name for name, each in self.principals.items() if each.members & waiting} - found
        return found

    def may(self, user: str, permission: str, schema: str = "", thing: str = "") -> bool:
        """Whether a user has a permission on an object, a schema or the database: granted there or further out, and nowhere denied."""
        if user.lower() == DBO:
            return True
        identities = self.identities(user)
        if any(ROLE_RIGHTS.get(role, set()) & {permission, "CONTROL"} for role in identities):
            return True
        if schema and self.schemas[schema.lower()].owner in identities:
            return True
        places = {(DATABASE, ""), (SCHEMA, schema.lower()), (OBJECT, f"{schema}.{thing}".lower())}
        found = [each for each in self.permissions.values() if each.grantee in identities and (each.kind, each.securable) in places]
        wanted = {permission, "CONTROL"}
        return any(each.state == "GRANT" and each.permission in wanted for each in found) and not any(
            each.state == "DENY" and each.permission in wanted for each in found
        )


@dataclass
class Fault:
    """The next so many batches that match get no answer: the connection breaks, before or after they ran."""

    pattern: re.Pattern[str]
    when: str  # before, after
    times: int


class Server:
    """The logical server: its logins, master and the other databases."""

    def __init__(self) -> None:
        self.logins: dict[str, Login] = {}
        self.databases: dict[str, Database] = {MASTER: Database(MASTER)}
        self.faults: list[Fault] = []

    def log_in(self, user: str, password: str, database: str) -> tuple[str, Database]:
        """The name of the user in the database that the login asks for. SqlFailed when it is refused."""
        wanted = self.databases.get((database or MASTER).lower())
        login = self.logins.get(user.lower())
        if login is not None and login.password.matches(password) and not login.disabled:
            found = wanted.user_of(login) if wanted else None
            if wanted is None or found is None:
                raise replies.no_database(database or MASTER)
            return found.name, wanted
        contained = wanted.principals.get(user.lower()) if wanted else None
        if wanted is None or contained is None or contained.password is None or not contained.password.matches(password):
            raise replies.login_failed(user)
        return contained.name, wanted

    def fault_for(self, sql: str) -> str:
        """What shall happen to a batch: "before", "after", or nothing; one fault is used up by one."""
        for fault in self.faults:
            if fault.pattern.search(sql) and "engine_fault" not in sql:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault.when
        return ""


def full(thing: Thing) -> str:
    return f"{thing.schema}.{thing.name}".lower()


def names(found: Iterable[Any]) -> list[str]:
    """The names of things, sorted."""
    return sorted(each.name for each in found)
