# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELECT and DML: may the role read and write these tables? Then fakesnow runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakesnow.dialect import parse_one
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from ..words import Name, Word
from .answers import Answer, Forward
from .errors import insufficient_privileges, no_current, no_warehouse, not_found
from .ledger import Thing
from .session import Session
from .show import VIEWS
from .words import Reader, literal, shown

# The statement and the privilege it needs on the table that it changes.
CHANGES: dict[type, str] = {
    exp.Insert: "INSERT",
    exp.Update: "UPDATE",
    exp.Delete: "DELETE",
    exp.Merge: "UPDATE",
    exp.TruncateTable: "TRUNCATE",
}


def query(session: Session, reader: Reader) -> Answer | Forward:
    """A query or DML, after its functions about the session and the views of the ledger have been filled in."""
    sql = _with_context(session, reader)
    try:
        tree = parse_one(sql)
    except (ParseError, TokenError):
        return Forward(sql)  # fakesnow says what is wrong with it
    tables = _tables(tree)
    if tables and not session.warehouse_ready:
        raise no_warehouse()
    ours = [table for table in tables if _name(table)[-2:] in VIEWS]
    changed = _changed(tree)
    for table in tables:
        if not any(table is view for view in ours):
            _check(session, table, CHANGES[type(tree)] if table is changed else "SELECT")
    for table in ours:
        table.replace(_contents(session, table))
    return Forward(tree.sql(dialect="snowflake") if ours else sql)


def _changed(tree: Any) -> exp.Table | None:
    """The table that a DML statement changes."""
    if type(tree) not in CHANGES:
        return None
    target = tree.expressions[0] if isinstance(tree, exp.TruncateTable) else tree.this
    found: exp.Table | None = target.find(exp.Table)
    return found


def _tables(tree: Any) -> list[exp.Table]:
    """The tables and views that a statement names; not its common table expressions, functions and stages."""
    own = {cte.alias_or_name.upper() for cte in tree.find_all(exp.CTE)}
    return [table for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Identifier) and not (not table.db and table.name.upper() in own)]


def _identifier(node: Any) -> str:
    """An identifier of the tree, folded."""
    if not isinstance(node, exp.Identifier):
        return ""
    return node.name if node.args.get("quoted") else node.name.upper()


def _name(table: exp.Table) -> Name:
    parts = (table.args.get("catalog"), table.args.get("db"), table.this)
    return tuple(_identifier(part) for part in parts if part is not None)


def _contents(session: Session, table: exp.Table) -> exp.Expression:
    """The rows of a view as a subquery."""
    name = _name(table)
    database = name[0] if len(name) == 3 else session.database
    if database is None:
        raise no_current("database", "SELECT")
    _see_database(session, database, name)
    columns, rows = VIEWS[name[-2], name[-1]]
    kept = list(rows(session, database))
    selects = [_row(columns, row) for row in kept] or [_row(columns, [None] * len(columns)).where("FALSE")]
    union: Any = selects[0]
    for more in selects[1:]:
        union = union.union(more, distinct=False)
    return exp.Subquery(this=union, alias=exp.TableAlias(this=exp.to_identifier(table.alias or name[-1])))


def _row(columns: tuple[str, ...], values: Any) -> exp.Select:
    literals = (exp.null() if value is None else exp.Literal.string(str(value)) for value in values)
    texts = (exp.cast(literal, "VARCHAR") for literal in literals)
    return exp.select(*(exp.alias_(text, column) for text, column in zip(texts, columns, strict=True)))


def _see_database(session: Session, database: str, name: Name) -> None:
    thing = session.ledger.get("DATABASE", (database,))
    if thing is None or not session.ledger.sees(session.role, thing):
        raise not_found("DATABASE", shown(database))
    if name[-2] == "ACCOUNT_USAGE" and not _may_read_shared(session, thing):
        raise not_found("OBJECT", shown(name))


def _may_read_shared(session: Session, database: Thing) -> bool:
    roles = session.ledger.effective(session.role)
    return "ACCOUNTADMIN" in roles or session.ledger.may(session.role, "IMPORTED PRIVILEGES", "DATABASE", database.name)


def _check(session: Session, table: exp.Table, privilege: str) -> None:
    """Fail unless the table is there for the role and the role has the privilege on it."""
    name = _name(table)
    if name[-2:-1] == ("INFORMATION_SCHEMA",):
        return  # fakesnow's own
    full = session.resolve("TABLE", name, "SELECT")
    kinds = ("TABLE", "VIEW", "MATERIALIZED VIEW")
    thing = next((found for found in (session.ledger.get(kind, full) for kind in kinds) if found), None)
    if thing is None or not session.ledger.sees(session.role, thing):
        raise not_found("OBJECT", shown(full))
    for container, inner in (("DATABASE", full[:1]), ("SCHEMA", full[:2])):
        if not session.ledger.may(session.role, "USAGE", container, inner):
            raise not_found("OBJECT", shown(full))
    if not session.ledger.may(session.role, privilege, thing.kind, full):
        raise insufficient_privileges(thing.kind, shown(full[-1]))


def _with_context(session: Session, reader: Reader) -> str:
    """The statement, with what CURRENT_ROLE() and the like stand for."""
    context = {
        "CURRENT_ROLE": session.role,
        "CURRENT_USER": session.user.name[0],
        "CURRENT_WAREHOUSE": session.warehouse,
        "CURRENT_ACCOUNT": session.account.name,
        "CURRENT_ACCOUNT_NAME": session.account.name,
        "CURRENT_DATABASE": session.database,
        "CURRENT_SCHEMA": session.schema,
    }
    sql, words = reader.sql, reader.words
    for name, opening, closing in reversed(list(zip(words, words[1:], words[2:], strict=False))):
        if name.key in context and (opening.key, closing.key) == ("(", ")"):
            sql = f"{sql[: name.start]}{literal(context[name.key])} {_alias(words, closing, name.key)}{sql[closing.end :]}"
    return sql


def _alias(words: Sequence[Word], closing: Word, name: str) -> str:
    """A column name where the function is a whole column of its own, so that the result is named after it."""
    after = next((word for word in words if word.start >= closing.end), None)
    at = words.index(closing) - 3
    before = words[at].key if at >= 0 else ""
    alone = before in ("SELECT", ",") and (after is None or after.key in (",", "FROM"))
    return f'AS "{name}()"' if alone else ""
