# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Synapse server holds, and what the statements of set-up and clean-up scripts do to it. Names are told apart by case.

Source of the errors: Microsoft documentation, "Database Engine events and errors".
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass, field, replace
from typing import Any

from ..sql import QUERIES, Name, Result, Rules, Tables, Word
from .tds import Message

MASTER, POOL, DBO = "master", "pool", "dbo"
THINGS = ("TABLE", "VIEW", "PROCEDURE", "FUNCTION")


class SqlFailed(Exception):
    """A statement that fails, with the service's number and words. line: of its batch, once that is known."""

    def __init__(self, number: int, text: str, severity: int = 16, line: int = 0) -> None:
        super().__init__(text)
        self.number = number
        self.severity = severity
        self.line = line

    def message(self) -> Message:
        return Message(self.number, self.severity, str(self), self.line or 1)


def near(word: Word) -> SqlFailed:
    return SqlFailed(102, f"Incorrect syntax near '{word.value}'.", 15, word.line)


@dataclass
class User:
    """login: the login that the user is; password: of a contained user, who has none."""

    login: str | None
    password: str | None


@dataclass
class Thing:
    """A table, view, procedure or function. words: the statement that made it."""

    kind: str
    words: tuple[Word, ...]


@dataclass
class Database:
    """One database. things: by schema and name, with a dot between; permissions: what, on what (CLASS::name), whom to."""

    name: str
    users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, set[str]] = field(default_factory=dict)
    schemas: dict[str, str] = field(default_factory=lambda: {DBO: DBO})
    things: dict[str, Thing] = field(default_factory=dict)
    permissions: set[tuple[str, str, str]] = field(default_factory=set)

    def shown(self) -> dict[str, Any]:
        """The database in the engine's catalogue."""
        return {
            **{f"{kind.lower()}s": sorted(name for name, thing in self.things.items() if thing.kind == kind) for kind in THINGS},
            "schemas": {name: {"owner": owner} for name, owner in sorted(self.schemas.items())},
            "users": {name: {"login": user.login} for name, user in sorted(self.users.items())},
            "roles": {name: {"members": sorted(members)} for name, members in sorted(self.roles.items())},
            "permissions": sorted(self.permissions),
        }


class Server:
    """The logical server: logins, master and one pool. faults: patterns of batches whose answer gets lost, and whether before or after they run."""

    def __init__(self, admin: str, password: str) -> None:
        self.admin = admin
        self.logins = {admin: password}
        self.databases = {name: Database(name) for name in (MASTER, POOL)}
        self.tables = Tables()
        self.faults: dict[str, str] = {}

    def log_in(self, name: str, password: str, database: str) -> Session:
        """A session in the database that is asked for. SqlFailed when there is none, or none for this login."""
        wanted = self.databases.get(database)
        users = wanted.users if wanted else {}
        if self.logins.get(name) == password:
            name = DBO if name == self.admin else next((user for user, each in users.items() if each.login == name), "")
            if wanted is None or not name:
                raise SqlFailed(4060, f'Cannot open database "{database}" requested by the login. The login failed.', 11)
        elif wanted is None or name not in users or users[name].password != password:
            raise SqlFailed(18456, f"Login failed for user '{name}'.", 14)
        return Session(self, wanted, name)

    def fault_for(self, sql: str) -> str | None:
        """What shall happen to a batch, once: "before", "after", or nothing."""
        pattern = next((pattern for pattern in self.faults if re.search(pattern, sql)), "")
        return self.faults.pop(pattern, None)


@dataclass
class Session:
    """Who speaks, in which database, and the words of the statement that is carried out."""

    server: Server
    database: Database
    user: str
    words: tuple[Word, ...] = ()

    def carry_out(self, words: tuple[Word, ...]) -> Result:
        """One statement. SqlFailed when it fails."""
        on, rule = replace(self, words=words), RULES.match(words)
        if rule is None and words[0].key not in QUERIES:
            raise near(words[0])
        return (rule[0](on, *rule[1]) if rule else on.query()) or Result()

    def held(self, kind: str) -> dict[str, Any]:
        """What there is of a kind, by name. SqlFailed for a login outside of master."""
        if kind == "LOGIN" and self.database.name != MASTER:
            raise SqlFailed(5001, "User must be in the master database.")
        held: dict[str, dict[str, Any]] = {
            "LOGIN": self.server.logins,
            "USER": self.database.users,
            "ROLE": self.database.roles,
            "SCHEMA": self.database.schemas,
        }
        return held[kind] if kind in held else {name: thing for name, thing in self.database.things.items() if kind in (thing.kind, "OBJECT")}

    def need(self, kind: str, name: str, verb: str = "find") -> str:
        """The name of something that is there."""
        if name not in self.held(kind):
            text = f"Cannot {verb} the {kind.lower()} '{name}', because it does not exist or you do not have permission."
            raise SqlFailed(3701 if kind in THINGS else 15151, text)
        return name

    def add(self, kind: str, name: str, made: Any) -> None:
        """Something new."""
        held = self.database.things if kind in THINGS else self.held(kind)
        if name in held:
            raise SqlFailed(2714, f"There is already an object named '{name}' in the database.")
        held[name] = made

    def query(self) -> Result:
        try:
            return self.server.tables.run(self.words, self._table, USER_NAME=self.user)
        except sqlite3.Error as error:
            column = re.fullmatch("no such column: (.*)", str(error))
            raise SqlFailed(207, f"Invalid column name '{column[1]}'.") if column else near(self.words[0]) from None

    def _table(self, name: Name, word: Word) -> str:
        """A table's name for SQLite. SqlFailed when there is no such table, or the user may not read it."""
        schema, full = name[0], full_name(name)
        if full in VIEWS:
            columns, rows = VIEWS[full]
            return self.server.tables.fill(full, columns, rows(self))
        if full not in self.held("TABLE") and full not in self.held("VIEW"):
            raise SqlFailed(208, f"Invalid object name '{'.'.join(name)}'.")
        me = {self.user} | {role for role, members in self.database.roles.items() if self.user in members}
        granted = any(("SELECT", place, who) in self.database.permissions for place in (f"OBJECT::{full}", f"SCHEMA::{schema}") for who in me)
        if not granted and not me & {DBO, self.database.schemas.get(schema)}:
            raise SqlFailed(229, f"The SELECT permission was denied on the object '{full}', database '{self.database.name}'.", 14)
        return full


def full_name(name: Name) -> str:
    return ".".join(name if len(name) > 1 else (DBO, *name))


# Columns of catalogue views, and where their rows come from. Everything's id is its name.
VIEWS: dict[str, tuple[tuple[str, ...], Any]] = {
    "sys.schemas": (("name", "schema_id", "principal_id"), lambda on: [(name, name, owner) for name, owner in on.held("SCHEMA").items()]),
    "sys.tables": (("schema_id", "name"), lambda on: [tuple(name.split(".", 1)) for name in on.held("TABLE")]),
    "sys.database_principals": (
        ("name", "principal_id", "type"),
        lambda on: [(DBO, DBO, "S"), *((name, name, type_) for kind, type_ in (("USER", "S"), ("ROLE", "R")) for name in on.held(kind))],
    ),
    "sys.sql_logins": (("name",), lambda on: [(name,) for name in on.held("LOGIN")]),
}


# --- statements: the parts of a rule are the arguments ---


def create_login(on: Session, name: Name, password: str) -> None:
    on.add("LOGIN", name[0], password)


def alter_login(on: Session, name: Name, password: str) -> None:
    on.held("LOGIN")[on.need("LOGIN", name[0], "alter")] = password


def create_user(on: Session, name: Name, login: Name | None, password: str | None) -> None:
    if login and login[0] not in on.server.logins:
        raise SqlFailed(15007, f"'{login[0]}' is not a valid login or you do not have permission.")
    on.add("USER", name[0], User(login[0] if login else None, password))


def create_role(on: Session, name: Name) -> None:
    on.add("ROLE", name[0], set())


def rename_role(on: Session, name: Name, other: Name) -> None:
    on.add("ROLE", other[0], on.database.roles.pop(on.need("ROLE", name[0], "alter")))
    on.database.permissions = {(what, place, other[0] if who == name[0] else who) for what, place, who in on.database.permissions}


def add_member(on: Session, role: str, member: Name) -> None:
    on.held("ROLE")[on.need("ROLE", role, "alter")].add(on.need("USER", member[0]))


def drop_member(on: Session, role: str, member: Name) -> None:
    on.held("ROLE")[on.need("ROLE", role, "alter")].discard(member[0])


def create_schema(on: Session, name: Name, owner: Name | None) -> None:
    on.add("SCHEMA", name[0], on.need("USER", owner[0]) if owner else on.user)


def create_routine(on: Session, kind: str, name: Name) -> None:
    on.need("SCHEMA", full_name(name).split(".", maxsplit=1)[0])
    on.add(kind, full_name(name), Thing(kind, on.words))


def create_relation(on: Session, kind: str, name: Name) -> Result:
    create_routine(on, kind, name)
    try:
        return on.query()
    except SqlFailed:
        del on.database.things[full_name(name)]
        raise


def drop(on: Session, kind: str, name: Name) -> None:
    gone = on.need(kind, full_name(name) if kind in THINGS else name[0], "drop")
    if kind == "SCHEMA" and any(thing.startswith(f"{gone}.") for thing in on.database.things):
        raise SqlFailed(3729, f"Cannot drop schema '{gone}' because it is being referenced by an object in it.")
    if kind == "USER" and gone in on.database.schemas.values():
        raise SqlFailed(15138, "The database principal owns a schema in the database, and cannot be dropped.")
    if kind in ("TABLE", "VIEW"):
        on.server.tables.drop(kind, gone)
    del (on.database.things if kind in THINGS else on.held(kind))[gone]
    away = {f"{'OBJECT' if kind in THINGS else kind}::{gone}", gone if kind in ("USER", "ROLE") else ""}
    on.database.permissions = {each for each in on.database.permissions if not away & set(each)}
    for members in on.database.roles.values():
        members -= away


def grant(on: Session, wanted: list[str], kind: str | None, name: Name | None, grantee: Name) -> None:
    if grantee[0] not in on.database.roles:
        on.need("USER", grantee[0])
    place = ""
    if name:
        place = f"{kind or 'OBJECT'}::{on.need(kind or 'OBJECT', name[0] if kind else full_name(name))}"
    on.database.permissions |= {(permission, place, grantee[0]) for permission in wanted}


def use(on: Session, name: Name) -> None:
    """What the client's library says behind a login."""
    if name[0] != on.database.name:
        raise SqlFailed(40508, "USE statement is not supported to switch between databases. Use a new connection to connect to a different database.")


def show_catalog(on: Session) -> Result:
    logins = {name: {"admin": name == on.server.admin} for name in sorted(on.server.logins)}
    databases = {name: database.shown() for name, database in on.server.databases.items()}
    return Result(("catalog",), ((json.dumps({"logins": logins, "databases": databases}),),), 1)


def set_fault(on: Session, pattern: str, when: str) -> None:
    on.server.faults[pattern] = when


RULES = Rules(
    {
        "CREATE LOGIN {name} WITH PASSWORD = {string}": create_login,
        "ALTER LOGIN {name} WITH PASSWORD = {string}": alter_login,
        "CREATE USER {name}(?: FOR LOGIN {name}| WITH PASSWORD = {string})": create_user,
        "CREATE ROLE {name}": create_role,
        "ALTER ROLE {name} WITH NAME = {name}": rename_role,
        "EXEC sp_addrolemember {string} , {name}": add_member,
        "EXEC sp_droprolemember {string} , {name}": drop_member,
        "CREATE SCHEMA {name}(?: AUTHORIZATION {name})?": create_schema,
        "CREATE {routine} {name} .*": create_routine,
        "CREATE {relation} {name} .*": create_relation,
        "DROP {word} {name}": drop,
        "GRANT {words}(?: ON (?:{word} :: )?{name})? TO {name}": grant,
        "USE {name}": use,
        "EXEC engine_catalog": show_catalog,
        "EXEC engine_fault {string} , {string}": set_fault,
    }
)
