# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that change the ledger. Each is read at once, and carried out when its turn comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..password import Password
from ..words import Reader, Unexpected
from . import replies
from .ledger import DBO, MASTER, Database, Login, Principal, Schema, Thing
from .permissions import grant
from .procedures import PROCEDURES
from .queries import Session
from .replies import KINDS, SqlFailed

Change = Callable[[Session], None]

# What must be the first statement of its batch, and what the error calls it.
FIRST = {
    "CREATE SCHEMA": "CREATE SCHEMA",
    "CREATE VIEW": "CREATE VIEW",
    **dict.fromkeys(("CREATE PROCEDURE", "CREATE PROC", "CREATE OR ALTER PROCEDURE", "CREATE OR ALTER PROC", "ALTER PROCEDURE"), "CREATE/ALTER PROCEDURE"),
    **dict.fromkeys(("CREATE FUNCTION", "CREATE OR ALTER FUNCTION", "ALTER FUNCTION"), "CREATE FUNCTION"),
    "CREATE TRIGGER": "CREATE TRIGGER",
}
# Of these the whole rest of the batch is the body.
BODIES = tuple(phrase for phrase in FIRST if phrase.endswith(("PROCEDURE", "PROC", "FUNCTION")))

__all__ = ["BODIES", "FIRST", "PROCEDURES", "STATEMENTS", "body_of", "relation_of"]


# --- what lies in a schema ---


def _check_new(session: Session, schema: str, name: str, permission: str) -> None:
    """There is such a schema, nothing of that name in it, and the user may."""
    if schema.lower() not in session.database.schemas:
        raise SqlFailed(2760, f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.')
    if session.database.thing(schema, name):
        raise replies.there_is(name)
    if not session.database.may(session.user, permission):
        raise replies.denied_in(permission, session.database.name)
    session.must("ALTER", schema)


def body_of(reader: Reader) -> Change:
    """CREATE [OR ALTER] or ALTER, PROCEDURE or FUNCTION: kept with its text."""
    creating = reader.accept("CREATE")
    replacing = reader.accept("OR ALTER") if creating else reader.accept("ALTER")
    kind = "FN" if reader.expect_one(("PROCEDURE", "PROC", "FUNCTION")) == "FUNCTION" else "P"
    name = reader.name()
    if not any(word.key == "AS" or (kind == "FN" and word.key == "RETURN") for word in reader.words[reader.at :]):
        raise Unexpected(None)

    def change(session: Session) -> None:
        schema, plain = session.resolve(name)
        found = session.database.thing(schema, plain)
        if found and found.kind == kind and replacing:
            found.text = reader.sql
            return
        if not creating:
            raise replies.no_object(".".join(name))
        _check_new(session, schema, plain, "CREATE FUNCTION" if kind == "FN" else "CREATE PROCEDURE")
        session.database.things[schema.lower(), plain.lower()] = Thing(kind, schema, plain, reader.sql)

    return change


@dataclass(frozen=True)
class Relation:
    """A table or view that a statement makes."""

    kind: str
    name: tuple[str, ...]

    def check(self, session: Session) -> None:
        _check_new(session, *session.resolve(self.name), "CREATE VIEW" if self.kind == "V" else "CREATE TABLE")

    def note(self, session: Session) -> None:
        schema, plain = session.resolve(self.name)
        session.database.things[schema.lower(), plain.lower()] = Thing(self.kind, schema, plain)


def relation_of(reader: Reader) -> Relation | None:
    """What CREATE TABLE and CREATE VIEW make; None for other statements. The reader stays where it is."""
    ahead = Reader(reader.sql, reader.words)
    made = ahead.accept_one(("CREATE TABLE", "CREATE VIEW"))
    return Relation("V" if made.endswith("VIEW") else "U", ahead.name()) if made else None


def _drop_thing(reader: Reader) -> Change:
    """DROP TABLE, VIEW, PROCEDURE or FUNCTION [IF EXISTS] name, ..."""
    reader.expect("DROP")
    word = reader.next().key
    kind = {"TABLE": "U", "VIEW": "V", "PROC": "P", "PROCEDURE": "P", "FUNCTION": "FN"}[word]
    tolerant = reader.accept("IF EXISTS")
    names = [reader.name()]
    while reader.accept(","):
        names.append(reader.name())
    reader.end()

    def change(session: Session) -> None:
        for name in names:
            schema, plain = session.resolve(name)
            found = session.database.thing(schema, plain)
            if found is None or found.kind != kind:
                if tolerant:
                    continue
                raise replies.cannot("drop", KINDS[kind], ".".join(name), 3701)
            session.must("CONTROL", schema, plain)
            if kind in ("U", "V"):
                session.tables.drop(KINDS[kind].upper(), (session.database.name.lower(), schema.lower(), plain.lower()))
            session.database.remove_thing(found)

    return change


def _create_schema(reader: Reader) -> Change:
    reader.expect("CREATE SCHEMA")
    name = "" if reader.key() == "AUTHORIZATION" else reader.identifier()
    owner = reader.identifier() if reader.accept("AUTHORIZATION") else ""
    reader.end()

    def change(session: Session) -> None:
        database, called = session.database, name or owner
        if not database.may(session.user, "CREATE SCHEMA"):
            raise SqlFailed(2760, f'The specified schema name "{called}" either does not exist or you do not have permission to use it.')
        if called.lower() in database.schemas:
            raise replies.there_is(called)
        owned = database.principal(owner).name if owner else session.user
        database.schemas[called.lower()] = Schema(called, owned.lower())
        session.tables.create_schema(database.name.lower(), called.lower())

    return change


def _drop_schema(reader: Reader) -> Change:
    reader.expect("DROP SCHEMA")
    tolerant = reader.accept("IF EXISTS")
    name = reader.identifier()
    reader.end()

    def change(session: Session) -> None:
        database = session.database
        if name.lower() not in database.schemas:
            if tolerant:
                return
            raise replies.cannot("drop", "schema", name)
        session.must("CONTROL", name)
        inside = next((each for each in database.things.values() if each.schema.lower() == name.lower()), None)
        if inside:
            raise SqlFailed(3729, f"Cannot drop schema '{name}' because it is being referenced by object '{inside.name}'.")
        session.tables.drop_schema(database.name.lower(), name.lower())
        database.remove_schema(name.lower())

    return change


# --- logins and databases, in master ---


def _in_master(session: Session) -> None:
    if session.database.name != MASTER:
        raise replies.only_in_master()
    if not session.is_admin:
        raise replies.not_allowed()


def _create_login(reader: Reader) -> Change:
    reader.expect("CREATE LOGIN")
    name = reader.identifier()
    reader.expect("WITH PASSWORD =")
    password = reader.string()
    while reader.accept(","):
        reader.next()
        reader.expect("=")
        reader.next()
    reader.end()

    def change(session: Session) -> None:
        _in_master(session)
        if name.lower() in session.server.logins:
            raise SqlFailed(15025, f"The server principal '{name}' already exists.")
        session.server.logins[name.lower()] = Login(name, Password(password))

    return change


def _login(session: Session, name: str, verb: str) -> Login:
    _in_master(session)
    found = session.server.logins.get(name.lower())
    if found is None:
        raise replies.cannot(verb, "login", name)
    return found


def _alter_login(reader: Reader) -> Change:
    reader.expect("ALTER LOGIN")
    name = reader.identifier()
    if switch := reader.accept_one(("ENABLE", "DISABLE")):
        reader.end()

        def turn(session: Session) -> None:
            _login(session, name, "alter").disabled = switch == "DISABLE"

        return turn
    reader.expect("WITH PASSWORD =")
    password = reader.string()
    reader.end()

    def change(session: Session) -> None:
        _login(session, name, "alter").password = Password(password)

    return change


def _drop_login(reader: Reader) -> Change:
    reader.expect("DROP LOGIN")
    name = reader.identifier()
    reader.end()

    def change(session: Session) -> None:
        del session.server.logins[_login(session, name, "drop").name.lower()]

    return change


def _create_database(reader: Reader) -> Change:
    reader.expect("CREATE DATABASE")
    name = reader.identifier()
    reader.rest()  # its size and edition

    def change(session: Session) -> None:
        _in_master(session)
        if name.lower() in session.server.databases:
            raise SqlFailed(1801, f"Database '{name}' already exists. Choose a different database name.", state=3)
        add_database(session, name)

    return change


def add_database(session: Session, name: str) -> None:
    """A new, empty database."""
    session.server.databases[name.lower()] = Database(name)
    session.tables.create_database(name.lower())
    session.tables.create_schema(name.lower(), DBO)


def _drop_database(reader: Reader) -> Change:
    reader.expect("DROP DATABASE")
    tolerant = reader.accept("IF EXISTS")
    name = reader.identifier()
    reader.end()

    def change(session: Session) -> None:
        _in_master(session)
        if name.lower() not in session.server.databases or name.lower() == MASTER:
            if tolerant:
                return
            raise replies.cannot("drop", "database", name, 3701)
        del session.server.databases[name.lower()]
        session.tables.drop_database(name.lower())

    return change


# --- users and roles ---


def _create_user(reader: Reader) -> Change:
    """CREATE USER name [FOR LOGIN login | WITHOUT LOGIN] [WITH PASSWORD = '...', DEFAULT_SCHEMA = ...]."""
    reader.expect("CREATE USER")
    name = reader.identifier()
    login = reader.identifier() if reader.accept_one(("FOR LOGIN", "FROM LOGIN")) else None
    without = reader.accept("WITHOUT LOGIN")
    options = _options(reader)

    def change(session: Session) -> None:
        _must_manage(session, "ALTER ANY USER")
        if name.lower() in session.database.principals:
            raise SqlFailed(15023, f"User, group, or role '{name}' already exists in the current database.")
        password = options.get("PASSWORD")
        wanted = None if without or password is not None else (login or name)
        if wanted and wanted.lower() not in session.server.logins:
            raise SqlFailed(15007, f"'{wanted}' is not a valid login or you do not have permission.")
        made = Principal(name, "USER", wanted.lower() if wanted else None, Password(password) if password is not None else None)
        session.database.principals[name.lower()] = made

    return change


def _options(reader: Reader) -> dict[str, str]:
    """WITH NAME = value, ... to the end."""
    found = {}
    if reader.accept("WITH"):
        while True:
            option = reader.next().key
            reader.expect("=")
            found[option] = reader.next().value
            if not reader.accept(","):
                break
    reader.end()
    return found


def _alter_user(reader: Reader) -> Change:
    reader.expect("ALTER USER")
    name = reader.identifier()
    options = _options(reader)

    def change(session: Session) -> None:
        _must_manage(session, "ALTER ANY USER")
        found = session.database.principal(name, "alter")
        if "PASSWORD" in options:
            _set_password(session, found, options["PASSWORD"])
        if "NAME" in options:
            session.database.rename_principal(name.lower(), options["NAME"])

    return change


def _set_password(session: Session, user: Principal, password: str) -> None:
    if user.password is None:
        raise SqlFailed(15232, "Cannot alter the password of a user that has none of its own.")
    user.password = Password(password)


def _drop_principal(reader: Reader) -> Change:
    reader.expect("DROP")
    kind = reader.expect_one(("USER", "ROLE"))
    tolerant = reader.accept("IF EXISTS")
    name = reader.identifier()
    reader.end()

    def change(session: Session) -> None:
        _must_manage(session, f"ALTER ANY {kind}")
        found = session.database.principals.get(name.lower())
        if found is None or found.kind != kind:
            if tolerant:
                return
            raise replies.cannot("drop", kind.lower(), name)
        if any(each.owner == name.lower() for each in session.database.schemas.values()):
            raise SqlFailed(15138, "The database principal owns a schema in the database, and cannot be dropped.")
        if found.members:
            raise SqlFailed(15144, "The role has members. It must be empty before it can be dropped.")
        session.database.remove_principal(name.lower())

    return change


def _create_role(reader: Reader) -> Change:
    reader.expect("CREATE ROLE")
    name = reader.identifier()
    if reader.accept("AUTHORIZATION"):
        reader.identifier()
    reader.end()

    def change(session: Session) -> None:
        _must_manage(session, "ALTER ANY ROLE")
        if name.lower() in session.database.principals:
            raise SqlFailed(15023, f"User, group, or role '{name}' already exists in the current database.")
        session.database.principals[name.lower()] = Principal(name, "ROLE")

    return change


def _alter_role(reader: Reader) -> Change:
    """ALTER ROLE name ADD MEMBER who, DROP MEMBER who, WITH NAME = new."""
    reader.expect("ALTER ROLE")
    name = reader.identifier()
    what = reader.expect_one(("ADD MEMBER", "DROP MEMBER", "WITH NAME ="))
    other = reader.identifier()
    reader.end()

    def change(session: Session) -> None:
        _must_manage(session, "ALTER ANY ROLE")
        role = session.database.principal(name, "alter", "role")
        if what.startswith("WITH"):
            session.database.rename_principal(name.lower(), other)
        elif what.startswith("ADD"):
            role.members.add(session.database.principal(other, "add", "principal").name.lower())
        else:
            role.members.discard(session.database.principal(other, "drop", "principal").name.lower())

    return change


def _must_manage(session: Session, permission: str) -> None:
    if not session.database.may(session.user, permission):
        raise replies.not_allowed()


# The longest phrase that fits counts.
STATEMENTS: dict[str, Callable[[Reader], Change]] = {
    "CREATE SCHEMA": _create_schema,
    "DROP SCHEMA": _drop_schema,
    **dict.fromkeys(("DROP TABLE", "DROP VIEW", "DROP PROCEDURE", "DROP PROC", "DROP FUNCTION"), _drop_thing),
    "CREATE LOGIN": _create_login,
    "ALTER LOGIN": _alter_login,
    "DROP LOGIN": _drop_login,
    "CREATE DATABASE": _create_database,
    "DROP DATABASE": _drop_database,
    "CREATE USER": _create_user,
    "ALTER USER": _alter_user,
    "CREATE ROLE": _create_role,
    "ALTER ROLE": _alter_role,
    **dict.fromkeys(("DROP USER", "DROP ROLE"), _drop_principal),
    **dict.fromkeys(("GRANT", "DENY", "REVOKE"), grant),
}
