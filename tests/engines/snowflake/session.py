# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session: who is logged in, with which role and warehouse, in which database; and what becomes of a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fakesnow.conn import FakeSnowflakeConnection

from ..words import Name
from .answers import USE, Answer, Forward, status
from .errors import (
    SnowflakeError,
    cannot_use,
    insufficient_privileges,
    no_current,
    not_found,
    role_not_assigned,
    several_statements,
)
from .ledger import ACCOUNT, PUBLIC, Ledger, Thing
from .privileges import KINDS
from .storage import Storage
from .words import Reader, shown, words_of

Handler = Callable[["Session", Reader], "Answer | Forward"]


@dataclass
class Account:
    """What all sessions share."""

    name: str
    ledger: Ledger
    storage: Storage
    handler_of: Callable[[Reader], tuple[Handler, bool]]  # what carries a statement out; whether it may hold semicolons


@dataclass(eq=False)
class Session:
    """One login."""

    account: Account
    user: Thing
    role: str
    connection: FakeSnowflakeConnection
    token: str
    warehouse: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return self.account.ledger

    @property
    def storage(self) -> Storage:
        return self.account.storage

    @property
    def database(self) -> str | None:
        current: str | None = self.connection.database
        return current

    @property
    def schema(self) -> str | None:
        current: str | None = self.connection.schema
        return current

    # Statements

    def read(self, sql: str) -> Answer | Forward:
        """Carry out a statement, or say what fakesnow has to do for it."""
        words = words_of(sql)
        while words and words[-1].key == ";":
            words.pop()
        reader = Reader(sql[: words[-1].end] if words else "", words)
        if not words:
            raise SnowflakeError(900, "42601", "SQL compilation error:\nEmpty SQL statement.")
        handler, is_block = self.account.handler_of(reader)
        count = 1 + sum(word.key == ";" and after.key != ";" for word, after in zip(words, words[1:], strict=False))
        if count > 1 and not is_block:
            raise several_statements(count)
        return handler(self, reader)

    def run(self, sql: str) -> Answer:
        """Carry out a statement to its end, inside another one."""
        result = self.read(sql)
        if isinstance(result, Answer):
            return result
        answer = self.storage.run(self.connection, result.sql)
        result.after()
        return answer

    # Names

    def resolve(self, kind: str, name: Name, command: str) -> Name:
        """The full name of something, from the current database and schema where parts are missing."""
        missing = KINDS[kind].depth - len(name)
        if missing < 0:
            raise not_found(kind, shown(name))
        if missing >= 1 and KINDS[kind].depth == 3:
            if not self.schema and missing == 1:
                raise no_current("database" if not self.database else "schema", command)
            name = (self.schema or PUBLIC, *name)
            missing -= 1
        if missing:
            if not self.database:
                raise no_current("database", command)
            name = (self.database, *name)
        return name

    def find(self, kind: str, name: Name) -> Thing:
        """Something that is there and that the role may see."""
        thing = self.ledger.need(kind, name)
        if kind not in ("ROLE", "USER") and not self.ledger.sees(self.role, thing):
            raise not_found(kind, shown(name))
        return thing

    # Rights

    def must(self, privilege: str, kind: str, name: Name) -> None:
        """Fail unless the current role has the privilege."""
        if not self.ledger.may(self.role, privilege, kind, name):
            raise insufficient_privileges(kind, shown(self.account.name if kind == "ACCOUNT" else name[-1]))

    def must_on_account(self, privilege: str) -> None:
        """Fail unless the current role has the privilege on the account."""
        self.must(privilege, "ACCOUNT", ACCOUNT)

    def must_own(self, thing: Thing) -> None:
        """Fail unless the current role, or one it inherits from, owns the thing."""
        if thing.owner not in self.ledger.effective(self.role):
            raise insufficient_privileges(thing.kind, shown(thing.name[-1]))

    @contextmanager
    def rights_of(self, procedure: Thing, owners: bool) -> Iterator[None]:
        """Act as the procedure's owner, in its database and schema, if it runs with the owner's rights."""
        role, database, schema = self.role, self.database, self.schema
        if owners:
            self.role = procedure.owner
            self.storage.use(self.connection, *procedure.name[:2])
        try:
            yield
        finally:
            if owners:
                self.role = role
                self._come_back_to(database or "", schema or "")

    def _come_back_to(self, database: str, schema: str) -> None:
        """Make a database and schema current, as far as they are still there."""
        if self.ledger.get("DATABASE", (database,)):
            there = self.ledger.get("SCHEMA", (database, schema))
            self.storage.use(self.connection, database, schema if there else None)
        else:
            self.storage.use(self.connection, None)

    # The current role, warehouse, database and schema

    def use_role(self, role: str) -> None:
        if not self.ledger.get("ROLE", (role,)):
            raise cannot_use()
        if role not in self.ledger.roles_of(self.user.name[0]):
            raise role_not_assigned(role)
        self.role = role

    def use_warehouse(self, name: str) -> None:
        warehouse = self.ledger.get("WAREHOUSE", (name,))
        if warehouse is None or not self.ledger.sees(self.role, warehouse):
            raise cannot_use()
        self.warehouse = name

    @property
    def warehouse_ready(self) -> bool:
        """Whether there is a warehouse that the current role may use."""
        name = (self.warehouse or "",)
        return self.ledger.get("WAREHOUSE", name) is not None and self.ledger.may(self.role, "USAGE", "WAREHOUSE", name)

    def use_database(self, database: str, schema: str | None = None) -> None:
        """Set the current database; its schema PUBLIC becomes current, if it has one."""
        thing = self.ledger.get("DATABASE", (database,))
        if thing is None or not self.ledger.sees(self.role, thing):
            raise cannot_use()
        wanted = schema or PUBLIC
        found = self.ledger.get("SCHEMA", (database, wanted))
        if schema and (found is None or not self.ledger.sees(self.role, found)):
            raise cannot_use()
        self.storage.use(self.connection, database, wanted if found else None)


def use(session: Session, reader: Reader) -> Answer:
    """USE [ROLE | WAREHOUSE | DATABASE | SCHEMA] name, USE SECONDARY ROLES ..."""
    reader.expect("USE")
    if reader.accept("SECONDARY ROLES"):
        session.parameters["SECONDARY_ROLES"] = reader.next().value
    else:
        what = reader.accept_one(("ROLE", "WAREHOUSE", "DATABASE", "SCHEMA"))
        name = reader.name()
        reader.end()
        if what == "ROLE":
            session.use_role(name[0])
        elif what == "WAREHOUSE":
            session.use_warehouse(name[0])
        elif what == "SCHEMA" and len(name) == 1:
            if not session.database:
                raise no_current("database", "USE SCHEMA")
            session.use_database(session.database, name[0])
        else:
            session.use_database(*name)
    reader.end()
    return status("Statement executed successfully.", USE)
