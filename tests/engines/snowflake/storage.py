# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fakesnow as we use it: one account in memory, connections with a current database and schema.

fakesnow keeps the data and runs queries. Databases and schemas are made, dropped and chosen here, because DuckDB knows
no CREATE DATABASE, cannot drop a database that is in use, and has no schema PUBLIC. This is the only file that touches
what fakesnow does not publish.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from fakesnow import info_schema, macros
from fakesnow.conn import FakeSnowflakeConnection as Connection
from fakesnow.dialect import parse_one
from fakesnow.instance import FakeSnow
from fakesnow.rowtype import describe_as_rowtype
from fakesnow.statement_type import DDL, statement_type_id
from snowflake.connector.errors import Error

from .errors import SnowflakeError
from .words import literal, quoted

warnings.filterwarnings("ignore", module="fakesnow")
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it would print statements that it does not know
logging.getLogger("fakesnow").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Answer:
    """Rows, the columns as the protocol describes them, and the type of the statement that drivers look at."""

    columns: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    type_id: int = DDL


class Storage:
    """The data of one account."""

    def __init__(self) -> None:
        self._account = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        self._connections: WeakSet[Connection] = WeakSet()
        self._own = self.connect()

    def connect(self) -> Connection:
        """A connection without a current database."""
        connection = self._account.connect(None, None)
        self._connections.add(connection)
        return connection

    def create_database(self, name: str) -> None:
        """Make an empty database."""
        self._do(f"ATTACH ':memory:' AS {quoted(name)}")
        for template in (info_schema.per_db_creation_sql, macros.creation_sql):
            # fakesnow fills the name in as an identifier and as a string alike
            self._do(template(quoted(name)).replace(f"'{quoted(name)}'", literal(name)))

    def drop_database(self, name: str) -> None:
        """Drop a database, also one that is somebody's current one."""
        for connection in self._connections:
            if connection.database == name:
                self.use(connection, None)
        self._do(f"DETACH {quoted(name)}")

    def create_schema(self, database: str, name: str) -> None:
        """Make an empty schema."""
        self._do(f"CREATE SCHEMA {quoted(database)}.{quoted(name)}")

    def use(self, connection: Connection, database: str | None, schema: str | None = None) -> None:
        """Set the current database and schema of a connection."""
        place = f"{quoted(database)}.{quoted(schema or 'main')}" if database else "memory.main"
        connection._duck_conn.execute(f"USE {place}")
        connection.database, connection._schema = database, schema
        connection.database_set, connection.schema_set = database is not None, schema is not None

    def run(self, connection: Connection, sql: str) -> Answer:
        """Run one statement and fetch its rows."""
        cursor = connection.cursor()
        try:
            cursor.execute(sql, server=True)
            rows: Any = cursor.fetchall()
            return Answer(describe_as_rowtype(cursor._describe_last_sql()), rows, statement_type_id(parse_one(sql)))
        except Exception as error:
            raise translated(error) from error

    def _do(self, sql: str) -> None:
        self._own._duck_conn.execute(sql)


def translated(error: Exception) -> SnowflakeError:
    """An error of fakesnow as one of Snowflake; without the excerpt of the statement that DuckDB adds."""
    if not isinstance(error, Error) or not error.errno or error.errno < 0:
        return SnowflakeError(603, "XX000", "SQL execution internal error:\nProcessing aborted by error 300010")
    first = (error.raw_msg or "").removeprefix("SQL compilation error:\n").partition("\n")[0]
    return SnowflakeError(error.errno, error.sqlstate or "42000", f"SQL compilation error:\n{first}")
