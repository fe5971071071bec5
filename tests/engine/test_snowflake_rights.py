# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what on the Snowflake engine: grants, ownership, roles, and what a login without them meets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from engine.on_snowflake import refused
from engines import SnowflakeEngine


@pytest.fixture
def admin(snowflake: SnowflakeEngine) -> Iterator[Any]:
    with snowflake.connect() as connection:
        yield connection.cursor()


@pytest.fixture
def database(admin: Any, new: str) -> str:
    """A database with a table T of one row and a view V on it, owned by ACCOUNTADMIN."""
    for sql in (f"CREATE DATABASE {new}", "CREATE TABLE t AS SELECT 1 AS a", "CREATE VIEW v AS SELECT * FROM t"):
        admin.execute(sql)
    return new


@pytest.fixture
def role(admin: Any, new: str) -> str:
    """A role that a user of the same name has, whose password is `a`."""
    for sql in (f"CREATE ROLE {new}_r", f"CREATE USER {new}_u PASSWORD = 'a' DEFAULT_ROLE = {new}_r", f"GRANT ROLE {new}_r TO USER {new}_u"):
        admin.execute(sql)
    return f"{new}_r"


@pytest.fixture
def user(snowflake: SnowflakeEngine, role: str) -> Iterator[Any]:
    """A cursor of that user."""
    with snowflake.connect(role.removesuffix("r") + "u", "a") as connection:
        yield connection.cursor()


def error_of(cursor: Any, sql: str) -> tuple[int, str]:
    number, _sqlstate, text = refused(cursor, sql)
    return number, text.partition("\n")[2]


def rows(cursor: Any, sql: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
    return found


@pytest.mark.parametrize("what", ["DATABASE x1", "ROLE x1", "USER x1", "WAREHOUSE x1"])
def test_an_unprivileged_login_may_create_nothing(snowflake: SnowflakeEngine, user: Any, what: str) -> None:
    assert error_of(user, f"CREATE {what}") == (3001, f"Insufficient privileges to operate on account '{snowflake.account}'.")


@pytest.mark.parametrize(
    ("system_role", "may", "may_not"),
    [
        ("SYSADMIN", "DATABASE", "ROLE"),
        ("USERADMIN", "USER", "DATABASE"),
        ("SECURITYADMIN", "ROLE", "WAREHOUSE"),
        ("ACCOUNTADMIN", "INTEGRATION", None),
    ],
)
def test_system_roles_may_what_they_may(admin: Any, new: str, system_role: str, may: str, may_not: str | None) -> None:
    admin.execute(f"USE ROLE {system_role}")
    admin.execute(f"CREATE {may} {new}")
    if may_not:
        assert error_of(admin, f"CREATE {may_not} {new}_2")[0] == 3001


def test_a_granted_privilege_allows_and_a_revoked_one_does_not(admin: Any, user: Any, role: str, new: str) -> None:
    admin.execute(f"GRANT CREATE DATABASE, CREATE ROLE ON ACCOUNT TO ROLE {role}")
    user.execute(f"CREATE DATABASE {new}_own")
    user.execute(f"CREATE ROLE {new}_own")
    admin.execute(f"REVOKE CREATE DATABASE ON ACCOUNT FROM ROLE {role}")
    assert error_of(user, f"CREATE DATABASE {new}_two")[0] == 3001
    user.execute(f"CREATE ROLE {new}_two")


def test_use_role_needs_the_role(admin: Any, user: Any, role: str, new: str) -> None:
    text = "Requested role 'ACCOUNTADMIN' is not assigned to the executing user. Specify another role to activate."
    assert error_of(user, "USE ROLE ACCOUNTADMIN") == (3013, text)
    admin.execute(f"CREATE ROLE {new}_inner")
    assert error_of(user, f"USE ROLE {new}_inner")[0] == 3013
    admin.execute(f"GRANT ROLE {new}_inner TO ROLE {role}")
    user.execute(f"USE ROLE {new}_inner")
    assert rows(user, "SELECT CURRENT_ROLE()") == [(f"{new}_inner".upper(),)]
    user.execute("USE ROLE PUBLIC")


def test_a_table_is_read_and_written_with_the_privileges_for_it(admin: Any, user: Any, role: str, database: str) -> None:
    table, missing = f"{database}.public.t", f"Object '{database.upper()}.PUBLIC.T' does not exist or not authorized."
    admin.execute(f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {role}")
    user.execute("USE WAREHOUSE compute_wh")
    assert error_of(user, f"SELECT * FROM {table}") == (2003, missing)
    admin.execute(f"GRANT SELECT ON TABLE {table} TO ROLE {role}")
    assert error_of(user, f"SELECT * FROM {table}") == (2003, missing)
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
    admin.execute(f"GRANT USAGE ON SCHEMA {database}.public TO ROLE {role}")
    assert rows(user, f"SELECT * FROM {table}") == [(1,)]
    refused = (3001, "Insufficient privileges to operate on table 'T'.")
    for sql in (f"INSERT INTO {table} VALUES (2)", f"UPDATE {table} SET a = 2", f"DELETE FROM {table}", f"TRUNCATE TABLE {table}"):
        assert error_of(user, sql) == refused
    assert error_of(user, f"DROP TABLE {table}") == refused
    admin.execute(f"GRANT INSERT ON {'ALL TABLES IN SCHEMA ' + database + '.public'} TO ROLE {role}")
    user.execute(f"INSERT INTO {table} SELECT a + 1 FROM {table}")
    assert rows(user, f"WITH t AS (SELECT a FROM {table}) SELECT COUNT(*) FROM t") == [(2,)]


def test_databases_are_seen_by_those_who_have_something_in_them(admin: Any, user: Any, role: str, database: str) -> None:
    question = f"SHOW DATABASES LIKE '{database}'"
    assert rows(user, question) == []
    assert error_of(user, f"USE DATABASE {database}")[0] == 2043
    assert error_of(user, f"DROP DATABASE {database}")[0] == 2003
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
    assert len(rows(user, question)) == 1
    user.execute(f"USE DATABASE {database}")
    assert error_of(user, f"DROP DATABASE {database}") == (3001, f"Insufficient privileges to operate on database '{database.upper()}'.")
    assert error_of(user, f"CREATE SCHEMA {database}.s")[0] == 3001


def test_ownership_moves_with_the_grants_or_without(snowflake: SnowflakeEngine, admin: Any, user: Any, role: str, database: str) -> None:
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE PUBLIC")
    code, text = error_of(admin, f"GRANT OWNERSHIP ON DATABASE {database} TO ROLE {role}")
    assert code == 3040 and "Dependent grant of privilege 'USAGE'" in text
    admin.execute(f"GRANT OWNERSHIP ON DATABASE {database} TO ROLE {role} COPY CURRENT GRANTS")
    catalog = snowflake.catalog()
    assert catalog["databases"][database.upper()]["owner"] == role.upper()
    assert any(g["name"] == database.upper() and g["role"] == "PUBLIC" for g in catalog["grants"])
    assert error_of(admin, f"DROP DATABASE {database}")[0] == 3001
    admin.execute(f"GRANT OWNERSHIP ON DATABASE {database} TO ROLE {role} REVOKE CURRENT GRANTS")
    assert not any(g["name"] == database.upper() for g in snowflake.catalog()["grants"])
    user.execute(f"DROP DATABASE {database}")


def test_an_owner_in_the_hierarchy_can_be_acted_for(admin: Any, role: str, database: str) -> None:
    admin.execute(f"GRANT ROLE {role} TO ROLE SYSADMIN")
    admin.execute(f"GRANT OWNERSHIP ON ALL TABLES IN SCHEMA {database}.public TO ROLE {role}")
    admin.execute(f"INSERT INTO {database}.public.t VALUES (2)")
    admin.execute(f"REVOKE ROLE {role} FROM ROLE SYSADMIN")
    assert error_of(admin, f"INSERT INTO {database}.public.t VALUES (3)")[0] == 3001


def test_future_grants_apply_to_what_comes(snowflake: SnowflakeEngine, admin: Any, role: str, database: str) -> None:
    admin.execute(f"GRANT SELECT ON FUTURE TABLES IN DATABASE {database} TO ROLE {role}")
    admin.execute(f"GRANT OWNERSHIP ON FUTURE VIEWS IN SCHEMA {database}.public TO ROLE {role}")
    admin.execute(f"CREATE TABLE {database}.public.t2 (a INT)")
    admin.execute(f"CREATE VIEW {database}.public.v2 AS SELECT 1 AS a")
    shown = rows(admin, f"SHOW GRANTS ON TABLE {database}.public.t2")
    assert [(row[1], row[5]) for row in shown] == [("OWNERSHIP", "ACCOUNTADMIN"), ("SELECT", role.upper())]
    assert [row[5] for row in rows(admin, f"SHOW GRANTS ON VIEW {database}.public.v2")] == [role.upper()]
    assert not [row for row in rows(admin, f"SHOW GRANTS ON TABLE {database}.public.t") if row[1] == "SELECT"]


def test_imported_privileges_open_the_shared_database(admin: Any, user: Any, role: str) -> None:
    question = "SELECT COUNT(*) FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY"
    admin.execute(f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {role}")
    user.execute("USE WAREHOUSE compute_wh")
    assert error_of(user, question)[0] == 2003
    assert error_of(admin, f"GRANT USAGE ON DATABASE SNOWFLAKE TO ROLE {role}")[0] == 3011
    admin.execute(f"GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE {role}")
    assert rows(user, question) == [(0,)]
    admin.execute(f"REVOKE IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE FROM ROLE {role}")
    assert error_of(user, question)[0] == 2003


def test_only_a_grant_with_grant_option_can_be_given_on(admin: Any, user: Any, role: str, database: str) -> None:
    give = f"GRANT USAGE ON DATABASE {database} TO ROLE PUBLIC"
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
    assert error_of(user, give)[0] == 3001
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {role} WITH GRANT OPTION")
    user.execute(give)
    admin.execute(f"REVOKE GRANT OPTION FOR USAGE ON DATABASE {database} FROM ROLE {role}")
    assert error_of(user, give)[0] == 3001
    user.execute(f"USE DATABASE {database}")


def test_manage_grants_gives_what_others_own(admin: Any, user: Any, role: str, database: str) -> None:
    assert error_of(user, f"GRANT SELECT ON TABLE {database}.public.t TO ROLE {role}")[0] == 2003
    admin.execute(f"GRANT MANAGE GRANTS ON ACCOUNT TO ROLE {role}")
    user.execute(f"GRANT SELECT ON TABLE {database}.public.t TO ROLE {role}")


def test_a_privilege_that_does_not_fit_is_refused(admin: Any, database: str) -> None:
    assert "invalid privilege 'SELECT' for object type 'DATABASE'" in error_of(admin, f"GRANT SELECT ON DATABASE {database} TO ROLE PUBLIC")[1]
    assert "invalid privilege 'CREATE DATABASE'" in error_of(admin, f"GRANT CREATE DATABASE ON DATABASE {database} TO ROLE PUBLIC")[1]


def test_all_privileges_are_those_of_the_kind(snowflake: SnowflakeEngine, admin: Any, role: str, database: str) -> None:
    def held() -> set[str]:
        return {g["privilege"] for g in snowflake.catalog()["grants"] if g["role"] == role.upper()}

    admin.execute(f"GRANT ALL PRIVILEGES ON SCHEMA {database}.public TO ROLE {role}")
    assert {"USAGE", "CREATE TABLE", "CREATE PROCEDURE", "CREATE MASKING POLICY"} <= held()
    admin.execute(f"REVOKE ALL ON SCHEMA {database}.public FROM ROLE {role}")
    assert held() == set()


def test_dropping_and_renaming_a_role_is_seen_everywhere(snowflake: SnowflakeEngine, admin: Any, role: str, database: str) -> None:
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {role}")
    admin.execute(f"GRANT OWNERSHIP ON TABLE {database}.public.t TO ROLE {role}")
    admin.execute(f"ALTER ROLE {role} RENAME TO {role}_new")
    catalog = snowflake.catalog()
    assert role.upper() not in catalog["roles"]
    assert catalog["roles"][f"{role}_new".upper()]["granted_to_users"] == [role.removesuffix("r").upper() + "U"]
    assert [g["role"] for g in catalog["grants"] if g["name"] == database.upper()] == [f"{role}_new".upper()]
    admin.execute(f"DROP ROLE {role}_new")
    catalog = snowflake.catalog()
    assert not [g for g in catalog["grants"] if g["name"] == database.upper()]
    assert catalog["users"][role.removesuffix("r").upper() + "U"]["roles"] == []
    assert [row[5] for row in rows(admin, f"SHOW GRANTS ON TABLE {database}.public.t")] == ["ACCOUNTADMIN"]


def test_dropping_a_user_ends_its_logins(snowflake: SnowflakeEngine, admin: Any, role: str) -> None:
    name = role.removesuffix("r") + "u"
    assert snowflake.can_login(name, "a")
    admin.execute(f"ALTER USER {name} RENAME TO {name}2")
    assert snowflake.catalog()["roles"][role.upper()]["granted_to_users"] == [f"{name}2".upper()]
    admin.execute(f"DROP USER {name}2")
    assert not snowflake.can_login(name, "a")
    assert snowflake.catalog()["roles"][role.upper()]["granted_to_users"] == []


def test_show_grants_answers_every_question(admin: Any, role: str, database: str) -> None:
    admin.execute(f"GRANT USAGE ON DATABASE {database} TO ROLE {role} WITH GRANT OPTION")
    admin.execute(f"GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE {role}")
    cursor = admin.execute(f"SHOW GRANTS TO ROLE {role}")
    names = [column.name for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert [(g["privilege"], g["granted_on"], g["name"], g["grantee_name"], g["grant_option"]) for g in found] == [
        ("USAGE", "DATABASE", database.upper(), role.upper(), "true"),
        ("APPLY MASKING POLICY", "ACCOUNT", "ACCOUNT", role.upper(), "false"),
    ]
    user = role.removesuffix("r") + "u"
    assert [row[1:4] for row in rows(admin, f"SHOW GRANTS OF ROLE {role}")] == [(role.upper(), "USER", user.upper())]
    assert [row[1] for row in rows(admin, f"SHOW GRANTS TO USER {user}")] == [role.upper()]
    assert role.upper() in {row[5] for row in rows(admin, "SHOW GRANTS ON ACCOUNT")}
    assert [row[1] for row in rows(admin, f"SHOW ROLES LIKE '{role}'")] == [role.upper()]


def test_database_roles_carry_privileges(admin: Any, user: Any, role: str, database: str) -> None:
    for sql in (
        f"CREATE DATABASE ROLE {database}.reader",
        f"GRANT USAGE ON SCHEMA {database}.public TO DATABASE ROLE {database}.reader",
        f"GRANT USAGE ON DATABASE {database} TO DATABASE ROLE {database}.reader",
        f"GRANT SELECT ON ALL VIEWS IN SCHEMA {database}.public TO DATABASE ROLE {database}.reader",
        f"GRANT DATABASE ROLE {database}.reader TO ROLE {role}",
        f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {role}",
    ):
        admin.execute(sql)
    user.execute("USE WAREHOUSE compute_wh")
    assert rows(user, f"SELECT * FROM {database}.public.v") == [(1,)]


def test_a_procedure_in_sql_runs_with_its_owners_rights(admin: Any, user: Any, role: str, database: str) -> None:
    body = "BEGIN LET n NUMBER := (SELECT COUNT(*) FROM t); INSERT INTO t VALUES (:x); RETURN n + x; END"
    admin.execute(f"CREATE PROCEDURE {database}.public.p(x NUMBER) RETURNS NUMBER LANGUAGE SQL AS $$ {body} $$")
    admin.execute(f"GRANT USAGE ON WAREHOUSE compute_wh TO ROLE {role}")
    user.execute("USE WAREHOUSE compute_wh")
    assert error_of(user, f"CALL {database}.public.p(5)")[0] == 2141
    admin.execute(f"GRANT USAGE ON PROCEDURE {database}.public.p(NUMBER) TO ROLE {role}")
    assert rows(user, f"CALL {database}.public.p(5)") == [("6",)]
    assert rows(user, "SELECT CURRENT_ROLE()") == [(role.upper(),)]
    assert rows(admin, f"SELECT a FROM {database}.public.t ORDER BY a") == [(1,), (5,)]
    assert error_of(user, f"CALL {database}.public.p()")[0] == 2141


def test_a_procedure_may_drop_where_its_caller_stands(admin: Any, database: str, new: str) -> None:
    admin.execute(f"CREATE DATABASE {new}_home")
    admin.execute(f"CREATE PROCEDURE p() RETURNS VARCHAR LANGUAGE SQL AS $$ BEGIN DROP DATABASE {database}; RETURN 'done'; END $$")
    admin.execute(f"USE DATABASE {database}")
    assert rows(admin, f"CALL {new}_home.public.p()") == [("done",)]
    assert rows(admin, "SELECT CURRENT_DATABASE()") == [(None,)]
