# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Databricks metastore holds, and what the statements of set-up and clean-up scripts do to it.

Source of the errors: Databricks documentation, "Error conditions in Databricks".
"""

from __future__ import annotations

import re
import secrets
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..sql import QUERIES, Grammar, Name, Result, Rules, Tables, Unreadable, Word

ALL, EVERYBODY, SYSTEM = "ALL PRIVILEGES", "account users", "system"
KINDS = ("CATALOG", "SCHEMA", "TABLE", "VIEW", "FUNCTION")
# What there is from the start: a catalog to begin with, and what an audit reads.
FURNITURE = ("main.default", "system.access.audit", "system.query.history")
CATALOGS = (SYSTEM, "information_schema", "catalogs")


class SqlFailed(Exception):
    """A statement that ends FAILED. where: behind the message, as C(; line 1 pos 2)."""

    def __init__(self, condition: str, sqlstate: str, text: str, where: str = "") -> None:
        super().__init__(f"[{condition}] {text} SQLSTATE: {sqlstate}{where}")
        self.sqlstate = sqlstate


def place_of(sql: str, start: int) -> tuple[int, int]:
    """Lines count from 1, columns from 0."""
    return sql.count("\n", 0, start) + 1, start - (sql.rfind("\n", 0, start) + 1)


def syntax_error(sql: str, start: int, near: str) -> SqlFailed:
    """A statement that cannot be read from here on. It is part of the message as a whole."""
    line, column = place_of(sql, start)
    where = f" (line {line}, pos {column})\n\n== SQL ==\n{sql}\n{'-' * column}^^^\n"
    return SqlFailed("PARSE_SYNTAX_ERROR", "42601", f"Syntax error at or near {near}.", where)


def not_found(kind: str, name: Name, where: str = "") -> SqlFailed:
    known = {"CATALOG": ("NO_SUCH_CATALOG_EXCEPTION", "42704"), "SCHEMA": ("SCHEMA_NOT_FOUND", "42704"), "FUNCTION": ("ROUTINE_NOT_FOUND", "42883")}
    shown = ".".join(f"`{part}`" for part in name)
    return SqlFailed(*known.get(kind, ("TABLE_OR_VIEW_NOT_FOUND", "42P01")), f"The {kind.lower()} {shown} cannot be found. Verify the spelling.", where)


def _text(raw: str) -> str:
    """The text of a string: quoted, raw (r'...'), or between dollars."""
    if raw[0] in "$rR":
        return raw[2:-2] if raw[0] == "$" else raw[2:-1]
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), raw[1:-1].replace(raw[0] * 2, raw[0]), flags=re.DOTALL)


GRAMMAR = Grammar(
    string=r"[rR]'[^']*'|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|\$\$.*?\$\$",
    name="`(?:[^`]|``)*`",
    text_of=_text,
    name_of=lambda raw: raw[1:-1].replace("``", "`"),
)


@dataclass
class Principal:
    """A service principal, with the secret and the tokens that it signs in with."""

    name: str
    admin: bool
    secret: str
    tokens: list[str] = field(default_factory=list)

    def new_token(self) -> str:
        self.tokens.append(f"dapi{secrets.token_hex(16)}")
        return self.tokens[-1]


@dataclass
class Securable:
    kind: str
    owner: str
    facts: dict[str, str | None] = field(default_factory=dict)


class Metastore:
    """Principals, securables by their full names, grants (privilege, kind, name, principal), and the rows of the tables."""

    def __init__(self) -> None:
        self.id = f"aws:us-east-1:{uuid.uuid4()}"
        self.tables = Tables()
        self.principals: dict[str, Principal] = {}
        self.securables: dict[Name, Securable] = {}
        self.grants: set[tuple[str, str, Name, str]] = set()
        for name in (tuple(each.split(".")) for each in FURNITURE):
            self.securables |= {name[:depth]: Securable(KINDS[depth - 1], SYSTEM) for depth in range(1, len(name) + 1)}
            if len(name) == 3:
                self.tables.fill(".".join(name), ("event_id",), [])

    def add_principal(self, name: str = "", admin: bool = False) -> dict[str, str]:
        """A new one, or a new secret for one that is there, whose old secret and tokens are void: {name, client_id, client_secret, token}."""
        made = Principal(name or str(uuid.uuid4()), admin, f"dose{secrets.token_hex(16)}")
        self.principals[made.name] = made
        return {"name": made.name, "client_id": made.name, "client_secret": made.secret, "token": made.new_token()}

    def may(self, who: Principal, name: Name, *privileges: str) -> bool:
        """Whether somebody administers the metastore, or owns something or what it is in, or was granted one of the privileges there; any if none is named."""
        paths = [name[:depth] for depth in range(1, len(name) + 1)]
        granted = {what for what, _kind, path, to in self.grants if path in paths and to in (who.name, EVERYBODY)}
        owned = any(path in self.securables and self.securables[path].owner == who.name for path in paths)
        return who.admin or owned or bool(granted & {ALL, *privileges} if privileges else granted)

    def inside(self, name: Name, kind: str) -> list[str]:
        """What lies right in something, by its last name."""
        return sorted(path[-1] for path, each in self.securables.items() if path[:-1] == name and each.kind == kind)

    def shown(self) -> dict[str, Any]:
        """The catalogue, but for the catalog that every metastore has."""
        grants = [{"privilege": what, "on": kind, "name": ".".join(name), "principal": to} for what, kind, name, to in sorted(self.grants)]
        return {"catalogs": {each: self._described((each,)) for each in self.inside((), "CATALOG") if each != SYSTEM}, "grants": grants}

    def _described(self, name: Name) -> dict[str, Any]:
        found = self.securables[name]
        kinds = {1: KINDS[1:2], 2: KINDS[2:]}.get(len(name), ())
        held = {f"{kind.lower()}s": {each: self._described((*name, each)) for each in self.inside(name, kind)} for kind in kinds}
        return {"owner": found.owner, **{fact: value for fact, value in found.facts.items() if value is not None}, **held}


@dataclass
class Session:
    """One call: who asks, what a name without catalog or schema means, and the statement as text and as words."""

    metastore: Metastore
    user: Principal
    catalog: str = "main"
    schema: str = "default"
    sql: str = ""
    words: Sequence[Word] = ()

    def run(self, sql: str) -> Result:
        """Carry out the one statement in this text. SqlFailed with the service's words."""
        try:
            words = GRAMMAR.words(sql)
        except Unreadable as found:
            raise syntax_error(sql, found.start, f"'{sql[found.start]}'") from None
        while words and words[-1].key == ";":
            words.pop()
        keys = [word.key for word in words]
        if not words or ";" in keys:
            extra = words[keys.index(";") + 1] if words else None
            raise syntax_error(sql, extra.start if extra else len(sql), f"'{extra.value}': extra input" if extra else "end of input")
        on, rule = replace(self, sql=sql, words=words), RULES.match(words)
        if rule is None and keys[0] not in QUERIES:
            # Which word does not fit a rule cannot say: the last one stands for it.
            raise syntax_error(sql, words[-1].start, f"'{sql[words[-1].start :]}'")
        return (rule[0](on, *rule[1]) if rule else on.query()) or Result()

    def full(self, kind: str, name: Name) -> Name:
        """A full name, in lower case, as Unity Catalog keeps it."""
        depth = {"CATALOG": 1, "SCHEMA": 2}.get(kind, 3)
        return tuple(part.lower() for part in (self.catalog, self.schema)[: max(depth - len(name), 0)] + name)

    def need(self, kind: str, name: Name) -> Name:
        """The full name of something that is there. SqlFailed names the outermost thing that is not."""
        name = self.full(kind, name)
        for depth, wanted in enumerate((*KINDS[: len(name) - 1], kind), 1):
            if name[:depth] not in self.metastore.securables or self.metastore.securables[name[:depth]].kind != wanted:
                raise not_found(wanted, name[:depth])
        return name

    def add(self, kind: str, name: Name, **facts: str | None) -> Name:
        """The full name of something new."""
        name = self.full(kind, name)
        if len(name) > 1:
            self.need(KINDS[len(name) - 2], name[:-1])
        if name in self.metastore.securables:
            raise SqlFailed(f"{kind}_ALREADY_EXISTS", "42710", f"{kind.capitalize()} '{'.'.join(name)}' already exists.")
        self.metastore.securables[name] = Securable(kind, self.user.name, facts)
        return name

    def query(self) -> Result:
        try:
            return self.metastore.tables.run(self.words, self._table, current_user=self.user.name, current_metastore=self.metastore.id)
        except sqlite3.Error as error:
            raise SqlFailed("UNRESOLVED_COLUMN", "42703", f"{error}.") from None

    def _table(self, name: Name, word: Word) -> str:
        """A table's name for SQLite. SqlFailed when there is no such table, or not for this user."""
        name, privilege = self.full("TABLE", name), "SELECT" if self.words[0].key in ("SELECT", "CREATE") else "MODIFY"
        if name == CATALOGS:
            seen = [each for each in self.metastore.inside((), "CATALOG") if self.metastore.may(self.user, (each,))]
            rows = [(each, self.metastore.securables[(each,)].owner) for each in seen]
            return self.metastore.tables.fill(".".join(name), ("catalog_name", "catalog_owner"), rows)
        found = self.metastore.securables.get(name)
        if found is None or found.kind not in ("TABLE", "VIEW"):
            raise not_found("TABLE", name, "; line {} pos {}".format(*place_of(self.sql, word.start)))
        if not self.metastore.may(self.user, name, privilege):
            text = f"Insufficient privileges:\nUser does not have {privilege} on Table '{'.'.join(name)}'."
            raise SqlFailed("INSUFFICIENT_PERMISSIONS", "42501", text)
        return ".".join(name)


# --- statements: the parts of a rule are the arguments ---


def create_catalog(on: Session, name: Name, comment: str | None) -> None:
    made = on.add("CATALOG", name, comment=comment)
    on.add("SCHEMA", (*made, "default"))


def create_schema(on: Session, name: Name) -> None:
    on.add("SCHEMA", name)


def create_relation(on: Session, kind: str, name: Name) -> None:
    made = on.add(kind, name)
    try:
        on.query()
    except SqlFailed:
        del on.metastore.securables[made]
        raise


def create_function(on: Session, name: Name, expression: str | None, body: str | None) -> None:
    """It is kept, and never called."""
    on.add("FUNCTION", name, definition=expression or body)


def set_owner(on: Session, kind: str, name: Name, owner: Name) -> None:
    on.metastore.securables[on.need(kind, name)].owner = _principal(on, owner)


def drop(on: Session, kind: str, name: Name, how: str | None) -> None:
    name = on.need(kind, name)
    gone = [each for each in on.metastore.securables if each[: len(name)] == name]
    if how != "CASCADE" and any(each not in (name, (*name, "default")) for each in gone):
        raise SqlFailed(f"{kind}_NOT_EMPTY", "2BP01", f"{kind.capitalize()} '{'.'.join(name)}' is not empty.")
    for each in gone:
        kind = on.metastore.securables.pop(each).kind
        if kind in ("TABLE", "VIEW"):
            on.metastore.tables.drop(kind, ".".join(each))
    on.metastore.grants = {each for each in on.metastore.grants if each[2] not in gone}


def _principal(on: Session, name: Name) -> str:
    if name[0] not in on.metastore.principals and name[0] != EVERYBODY:
        raise SqlFailed("PRINCIPAL_DOES_NOT_EXIST", "42704", f"Could not find principal with name {name[0]}.")
    return name[0]


def grant(on: Session, wanted: list[str], kind: str, name: Name, principal: Name) -> None:
    on.metastore.grants |= {(privilege, kind, on.need(kind, name), _principal(on, principal)) for privilege in wanted}


def revoke(on: Session, wanted: list[str], kind: str, name: Name, principal: Name) -> None:
    on.metastore.grants -= {(privilege, kind, on.need(kind, name), _principal(on, principal)) for privilege in wanted}


def use(on: Session, kind: str | None, name: Name) -> None:
    """It is checked, and forgotten with the call: the next one names its catalog and schema itself."""
    on.need(kind or "SCHEMA", name)


def show(on: Session, kind: str, name: Name | None) -> Result:
    """SHOW CATALOGS, SCHEMAS or TABLES: what the user sees of them."""
    place = on.need(KINDS[len(name) - 1], name) if name else ()
    names = [each for each in on.metastore.inside(place, kind[:-1]) if on.metastore.may(on.user, (*place, each))]
    return Result(("database", "name")[-max(len(place), 1) :], tuple((*place[1:], each) for each in names), len(names))


def show_grants(on: Session, principal: Name, kind: str, name: Name) -> Result:
    place = on.need(kind, name)
    rows = tuple((to, privilege) for privilege, _kind, path, to in on.metastore.grants if (path, to) == (place, principal[0]))
    return Result(("Principal", "ActionType"), rows, len(rows))


def nothing(on: Session) -> None:
    """What would change the session, which ends with the call."""


RULES = Rules(
    {
        "CREATE CATALOG {name}(?: COMMENT {string})?": create_catalog,
        "CREATE SCHEMA {name}": create_schema,
        r"CREATE FUNCTION {name} \( .* \) RETURNS \w+(?: LANGUAGE \w+)? (?:RETURN {rest}|AS {string})": create_function,
        r"CREATE {relation} {name} (?:\(|AS) .*": create_relation,
        "ALTER {word} {name} OWNER TO {name}": set_owner,
        "DROP {word} {name}(?: {word})?": drop,
        "GRANT {words} ON {word} {name} TO {name}": grant,
        "REVOKE {words} ON {word} {name} FROM {name}": revoke,
        "USE(?: {word})? {name}": use,
        "SHOW {word}(?: IN {name})?": show,
        "SHOW GRANTS {name} ON {word} {name}": show_grants,
        "SET .*": nothing,
    }
)
