# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redshift engine as its user holds it; it looks at itself through the real driver."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from ..engine import DatabaseEngine

# Invalid password, invalid authorization, no such database, no right to connect.
REFUSED = frozenset({"28P01", "28000", "3D000", "42501"})

DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"
ROLES = """
    SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolcreatedb, r.rolcreaterole,
           ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                 WHERE m.member = r.oid ORDER BY 1)
    FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1"""
ROLE_FACTS = ("login", "superuser", "createdb", "createrole", "member_of")
# What is in one database, each as one column of texts.
CONTENTS = {
    "schemas": """SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
                  ORDER BY 1""",
    "tables": """SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
                 ORDER BY 1""",
    "views": """SELECT schemaname || '.' || viewname FROM pg_views
                WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1""",
    "functions": """SELECT n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
                    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1""",
}
GRANT_FACTS = ("kind", "name", "grantee", "privilege", "grantable")
# Who may do what; the owner's own rights are left out, like everything that is as in a new database.
GRANTS = """
    SELECT kind, name, COALESCE(r.rolname, 'PUBLIC') AS grantee, a.privilege_type, a.is_grantable FROM (
        SELECT 'database' AS kind, datname::text AS name, datdba AS owner, datacl AS acl
            FROM pg_database WHERE datname = current_database()
        UNION ALL SELECT 'schema', nspname::text, nspowner, nspacl FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
            relnamespace::regnamespace::text || '.' || relname, relowner, relacl FROM pg_class
            WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        UNION ALL SELECT 'function', pronamespace::regnamespace::text || '.' || proname, proowner, proacl FROM pg_proc
            WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        UNION ALL SELECT 'language', lanname::text, lanowner, lanacl FROM pg_language
    ) AS objects, aclexplode(acl) AS a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE a.grantee <> objects.owner ORDER BY 1, 2, 3, 4"""


class RedshiftEngine(DatabaseEngine):
    """A Redshift cluster: database `dev`, a superuser, nothing else."""

    kind = "redshift"

    def connect(self, user: str | None = None, password: str | None = None, database: str | None = None) -> Any:
        """A connection of `redshift_connector`, in autocommit; as the administrator unless a user is given."""
        import redshift_connector

        connection = redshift_connector.connect(
            host=self.host,
            port=self.port,
            database=database or self.database,
            user=user or self.admin_user,
            password=self.admin_password if password is None else password,
            ssl=False,
            timeout=30,
        )
        connection.autocommit = True
        return connection

    def query(self, sql: str, database: str | None = None) -> list[list[Any]]:
        """The rows of one query, asked as the administrator."""
        with closing(self.connect(database=database)) as connection:
            return _rows(connection, sql)

    def catalog(self) -> dict[str, Any]:
        """`{"databases": {name: {"schemas", "tables", "views", "functions", "grants"}}, "roles": {name: {...}}}`."""
        with closing(self.connect()) as connection:
            databases = [name for (name,) in _rows(connection, DATABASES)]
            roles = {name: dict(zip(ROLE_FACTS, rest, strict=True)) for name, *rest in _rows(connection, ROLES)}
        return {"databases": {name: self._contents(name) for name in databases}, "roles": roles}

    def can_login(self, user: str, password: str, database: str | None = None) -> bool:
        import redshift_connector

        try:
            self.connect(user, password, database).close()
        except redshift_connector.error.Error as error:
            details = error.args[0] if error.args else None
            if isinstance(details, dict) and details.get("C") in REFUSED:
                return False
            raise
        return True

    def _contents(self, database: str) -> dict[str, Any]:
        with closing(self.connect(database=database)) as connection:
            held: dict[str, Any] = {what: [name for (name,) in _rows(connection, sql)] for what, sql in CONTENTS.items()}
            held["grants"] = [dict(zip(GRANT_FACTS, row, strict=True)) for row in _rows(connection, GRANTS)]
        return held


def _rows(connection: Any, sql: str) -> list[list[Any]]:
    with closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()]
