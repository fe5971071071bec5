# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Synapse engine as its user holds it; it looks at itself through the real driver."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from ..engine import DatabaseEngine

# Login failed, no such database or no user in it.
REFUSED = frozenset({18456, 4060})


class SynapseEngine(DatabaseEngine):
    """A server with master and one dedicated pool, and an administrator."""

    kind = "synapse"

    @property
    def certificate(self) -> str:
        """The file that a client has to trust to log in encrypted."""
        return str(self._facts["certificate"])

    @property
    def encrypted_login(self) -> dict[str, Any]:
        """The administrator's login over TLS, the server's certificate verified."""
        return {**self.login, "ssl": True, "ca_path": self.certificate}

    def connect(self, user: str | None = None, password: str | None = None, database: str | None = None, **options: Any) -> Any:
        """A connection of pymssql, in autocommit; as the administrator unless a user is given."""
        import pymssql

        return pymssql.connect(
            **{
                "server": self.host,
                "port": str(self.port),
                "user": user or self.admin_user,
                "password": self.admin_password if password is None else password,
                "database": database or self.database,
                "autocommit": True,
                "tds_version": "7.4",
                "conn_properties": "",  # the library's own are refused by a dedicated pool
                "login_timeout": 10,
                "encryption": "off",
                **options,
            }
        )

    def query(self, sql: str, database: str | None = None, **who: str) -> list[tuple[Any, ...]]:
        """The rows of the last result set of a batch that has one; as the administrator unless a user is given."""
        with closing(self.connect(database=database, **who)) as connection:
            return rows(connection, sql)

    def catalog(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.query("EXEC engine_catalog", "master")[0][0])
        return found

    def fault(self, pattern: str, when: str) -> None:
        """The next batch that matches a regular expression gets no answer: the connection breaks, before or after the batch ran."""
        self.query(f"EXEC engine_fault '{pattern}', '{when}'", "master")

    def can_login(self, user: str, password: str, database: str | None = None) -> bool:
        import pymssql

        try:
            self.connect(user, password, database or "master").close()
        except pymssql.OperationalError as error:
            if error.args and error.args[0][0] in REFUSED:
                return False
            raise
        return True


def rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    """Run one batch to its end; the rows of its last result set."""
    found: list[tuple[Any, ...]] = []
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        while True:
            if cursor.description:
                found = [tuple(row) for row in cursor.fetchall()]
            if not cursor.nextset():
                return found
