# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and views, kept in DuckDB for a service that writes its queries in another dialect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # what it leaves out is of no concern here

Place = tuple[str, str, str]  # database, schema, name


class QueryFailed(Exception):
    """A query that DuckDB refuses."""


class Unreadable(QueryFailed):
    """A query that cannot even be read."""


@dataclass(frozen=True)
class Result:
    """What a query gave. count: rows returned, or changed; None where neither is meant."""

    columns: tuple[tuple[str, str], ...] = ()  # name, DuckDB's type
    rows: tuple[tuple[Any, ...], ...] = ()
    count: int | None = None


class Tables:
    """Databases of tables, in memory. `dialect` is that of the queries, in sqlglot's words."""

    def __init__(self, dialect: str, *macros: str) -> None:
        self._dialect = dialect
        self._duck = duckdb.connect(":memory:")
        for macro in macros:
            self._duck.execute(macro)

    def create_database(self, name: str) -> None:
        self._duck.execute(f"ATTACH ':memory:' AS {_quoted(_database(name))}")

    def drop_database(self, name: str) -> None:
        self._duck.execute(f"DETACH {_quoted(_database(name))}")

    def create_schema(self, database: str, schema: str) -> None:
        self._duck.execute(f"CREATE SCHEMA {_place(database, schema)}")

    def drop_schema(self, database: str, schema: str) -> None:
        self._duck.execute(f"DROP SCHEMA {_place(database, schema)} CASCADE")

    def drop(self, kind: str, place: Place) -> None:
        """kind: TABLE or VIEW."""
        self._duck.execute(f"DROP {kind} {_place(*place)}")

    def fill(self, place: Place, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """A table with these rows, in place of what was there: how a service shows what it keeps elsewhere."""
        self._duck.execute(f"CREATE SCHEMA IF NOT EXISTS {_place(*place[:2])}")
        described = ", ".join(f"{_quoted(column)} {_type(rows, at)}" for at, column in enumerate(columns))
        self._duck.execute(f"CREATE OR REPLACE TABLE {_place(*place)} ({described})")
        if rows:
            self._duck.executemany(f"INSERT INTO {_place(*place)} VALUES ({', '.join('?' * len(columns))})", rows)

    def query(self, sql: str, qualify: Callable[[tuple[str, ...]], Place], rewrite: Callable[[exp.Expr], exp.Expr] | None = None) -> Result:
        """Run one query, or CREATE TABLE or VIEW. qualify: what a table's name means; rewrite: for what differs otherwise."""
        tree = self.parse(sql)
        for table in _tables(tree):
            database, schema, name = qualify(tuple(part.name for part in table.parts))
            for key, text in (("catalog", _database(database)), ("db", _schema(schema)), ("this", name)):
                table.set(key, exp.to_identifier(text, quoted=True))
        if rewrite is not None:
            tree = tree.transform(rewrite)
        try:
            done = self._duck.execute(tree.sql(dialect="duckdb"))
            columns = tuple((name, str(kind)) for name, kind, *_unused in done.description or ())
            rows = tuple(done.fetchall())
        except duckdb.Error as error:
            raise QueryFailed(str(error)) from None
        if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            return Result(count=int(rows[0][0]))
        return Result(columns, rows, len(rows)) if isinstance(tree, exp.Query) else Result()

    def parse(self, sql: str) -> exp.Expr:
        """The query as sqlglot reads it."""
        return read(sql, self._dialect)

    def mentioned(self, sql: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        """The names of the tables that a query reads, and of those that it changes."""
        tree = self.parse(sql)
        changed = tree.this.find(exp.Table) if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) else None
        if isinstance(tree, exp.TruncateTable):
            changed = tree.expressions[0]
        names = {id(table): tuple(part.name for part in table.parts) for table in _tables(tree)}
        return [name for key, name in names.items() if key != id(changed)], [names[id(changed)]] if changed else []


def read(sql: str, dialect: str) -> exp.Expr:
    """One query as sqlglot reads it. Unreadable when it is none."""
    try:
        trees = sqlglot.parse(sql, read=dialect)
    except SqlglotError as error:
        raise Unreadable(str(error)) from None
    if len(trees) != 1 or trees[0] is None or isinstance(trees[0], exp.Command):
        raise Unreadable("not one query")
    return trees[0]


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables that a query names; what WITH defines is none, and neither is a table function."""
    defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Identifier) and not (len(table.parts) == 1 and table.name.lower() in defined):
            yield table


def _type(rows: list[tuple[Any, ...]], at: int) -> str:
    values = [row[at] for row in rows]
    return "BIGINT" if values and all(isinstance(value, int) for value in values) else "VARCHAR"


def _database(name: str) -> str:
    """A database's name in DuckDB, which has databases of its own."""
    return f"database {name}"


def _schema(name: str) -> str:
    """A schema's name in DuckDB, which has schemas of its own in every database."""
    return f"schema {name}"


def _place(database: str, schema: str, *name: str) -> str:
    return _quoted(_database(database), _schema(schema), *name)


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)
