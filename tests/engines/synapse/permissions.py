# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRANT, DENY and REVOKE."""

from __future__ import annotations

from collections.abc import Callable

from ..words import Reader
from . import replies
from .ledger import DATABASE, OBJECT, PRINCIPAL, SCHEMA, Permission, full
from .queries import Session
from .replies import SqlFailed

OF_OBJECTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "VIEW DEFINITION", "ALTER", "CONTROL", "TAKE OWNERSHIP")
OF_PRINCIPALS = ("IMPERSONATE", "ALTER", "CONTROL", "VIEW DEFINITION")
OF_DATABASES = (
    *OF_OBJECTS,
    *("CONNECT", "ALTER ANY USER", "ALTER ANY ROLE", "ALTER ANY SCHEMA", "ALTER ANY SECURITY POLICY", "VIEW DATABASE STATE"),
    *("CREATE TABLE", "CREATE VIEW", "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE SCHEMA", "CREATE ROLE"),
)
# Class of a securable -> which permissions there are on it.
PERMISSIONS = {DATABASE: OF_DATABASES, SCHEMA: OF_OBJECTS, OBJECT: OF_OBJECTS, PRINCIPAL: OF_PRINCIPALS}
CLASSES = {"OBJECT": OBJECT, "SCHEMA": SCHEMA, "DATABASE": DATABASE, "USER": PRINCIPAL, "ROLE": PRINCIPAL}


def grant(reader: Reader) -> Callable[[Session], None]:
    """GRANT, DENY or REVOKE [GRANT OPTION FOR] permission, ... [ON [class::]name] TO or FROM principal, ... [WITH GRANT OPTION] [CASCADE]."""
    verb = reader.expect_one(("GRANT", "DENY", "REVOKE"))
    reader.accept("GRANT OPTION FOR")
    wanted = [reader.expect_one(OF_DATABASES + OF_PRINCIPALS)]
    while reader.accept(","):
        wanted.append(reader.expect_one(OF_DATABASES + OF_PRINCIPALS))
    kind, name = _securable(reader) if reader.accept("ON") else (DATABASE, ())
    reader.expect_one(("TO", "FROM"))
    grantees = [reader.identifier()]
    while reader.accept(","):
        grantees.append(reader.identifier())
    grantable = reader.accept("WITH GRANT OPTION")
    reader.accept("CASCADE")
    reader.end()

    def change(session: Session) -> None:
        securable = _found(session, kind, name)
        unfit = next((permission for permission in wanted if permission not in PERMISSIONS[kind]), None)
        if unfit:
            raise SqlFailed(4606, f"Granted or revoked privilege {unfit} is not compatible with object.")
        if not session.database.may(session.user, "CONTROL", *(name if kind == OBJECT else (securable,) if kind == SCHEMA else ())):
            raise replies.cannot("find", kind.lower(), ".".join(name) or session.database.name)
        for grantee in grantees:
            who = session.database.principal(grantee).name.lower()
            for permission in wanted:
                made = Permission(verb, permission, kind, securable, who, grantable)
                session.database.revoke(made) if verb == "REVOKE" else session.database.permit(made)

    return change


def _securable(reader: Reader) -> tuple[str, tuple[str, ...]]:
    """[class::]name; without a class it is an object."""
    kind = CLASSES.get(reader.key(), "") if reader.key(1) == "::" else ""
    if kind:
        reader.next()
        reader.expect("::")
    return kind or OBJECT, reader.name()


def _found(session: Session, kind: str, name: tuple[str, ...]) -> str:
    """The securable as the ledger names it. SqlFailed when it is not there."""
    if kind == DATABASE:
        return ""
    if kind == SCHEMA:
        if name[-1].lower() not in session.database.schemas:
            raise replies.cannot("find", "schema", name[-1])
        return name[-1].lower()
    if kind == PRINCIPAL:
        return session.database.principal(name[-1]).name.lower()
    schema, plain = session.resolve(name)
    found = session.database.thing(schema, plain)
    if found is None:
        raise replies.cannot("find", "object", plain)
    return full(found)
