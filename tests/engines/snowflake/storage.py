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
import re
import warnings
from weakref import WeakSet

import duckdb
from fakesnow import info_schema, macros
from fakesnow.conn import FakeSnowflakeConnection as Connection
from fakesnow.instance import FakeSnow
from fakesnow.server import sessions
from snowflake.connector.errors import Error

from .answers import Answer
from .errors import SnowflakeError, unsupported
from .words import literal, quoted

warnings.filterwarnings("ignore", module="fakesnow")
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it would print statements that it does not know
logging.getLogger("fakesnow").setLevel(logging.CRITICAL)

UNKNOWN_FUNCTION = re.compile(r"Function with name (\S+) does not exist")


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

    def register(self, token: str, connection: Connection) -> None:
        """Let fakesnow's request handlers find the connection of a session token."""
        sessions[token] = connection

    def forget(self, token: str) -> None:
        """The session is over."""
        connection = sessions.pop(token, None)
        if connection is not None:
            connection.close()

    def create_database(self, name: str) -> None:
        """Make an empty database."""
        try:
            self._do(f"ATTACH ':memory:' AS {quoted(name)}")
        except duckdb.Error as error:  # the ledger has no such database: DuckDB's names ignore the case
            raise unsupported("databases whose names differ only in case") from error
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

    def drop_schema(self, database: str, name: str) -> None:
        """Drop a schema and all that is in it."""
        for connection in self._connections:
            if (connection.database, connection.schema) == (database, name):
                self.use(connection, database)
        self._do(f"DROP SCHEMA {quoted(database)}.{quoted(name)} CASCADE")

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
            rows = cursor.fetchall()
            columns = tuple(column.name for column in cursor.description)
        except Exception as error:
            raise translated(error) from error
        return Answer(columns, [tuple(row) for row in rows])

    def _do(self, sql: str) -> None:
        self._own._duck_conn.execute(sql)


def translated(error: Exception) -> SnowflakeError:
    """An error of fakesnow as one of Snowflake; without the excerpt of the statement that DuckDB adds."""
    if isinstance(error, Error) and error.errno and error.errno > 0:
        return answered(error.errno, error.sqlstate or "42000", error.raw_msg or "")
    return SnowflakeError(603, "XX000", "SQL execution internal error:\nProcessing aborted by error 300010")


def answered(code: int, sqlstate: str, message: str) -> SnowflakeError:
    """An error answer of fakesnow's server as one of Snowflake; its texts are DuckDB's."""
    text = message.removeprefix(f"{code:06d} ({sqlstate}): ")
    function = UNKNOWN_FUNCTION.search(text)
    if function:
        return SnowflakeError(2140, "42601", f"SQL compilation error:\nUnknown function {function[1].upper()}")
    if not text.startswith("SQL "):
        first = text.partition("\n")[0]  # more lines are an excerpt of the statement, with its literals
        text = f"SQL compilation error:\n{first}" if code < 10_000 else first
    return SnowflakeError(code, sqlstate, text)
