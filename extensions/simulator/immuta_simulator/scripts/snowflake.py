# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snowflake: sections that belong to different roles, quoted names made from the database's (Snowflake knowledge base).

CREATE DATABASE has no IF NOT EXISTS; two statements may share a line; the password is in clear. For a connection the system
account is given (when: given): its operator has made it, the script only grants to it, and leaves it there in the end.
"""

from __future__ import annotations

from .template import Dialect, Step, backslashed, quoted

DIALECT = Dialect(identifier=quoted('"'), literal=backslashed, use_role="USE ROLE {{role}}")
VERSION = "2024.3.1"

AUDIT = "GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE {{role}}"

CREATE = (
    Step("CREATE DATABASE {{database}}", role="SYSADMIN", note="An empty database that Immuta manages"),
    Step("CREATE SCHEMA IF NOT EXISTS {{database}}.immuta_procedures", role="SYSADMIN"),
    Step("CREATE SCHEMA IF NOT EXISTS {{database}}.immuta_functions", role="SYSADMIN", same_line=True),
    Step("CREATE SCHEMA IF NOT EXISTS {{database}}.immuta_system", role="SYSADMIN"),
    Step("CREATE SCHEMA IF NOT EXISTS {{database}}.immuta_policies", role="SYSADMIN", same_line=True),
    Step(
        """CREATE TABLE {{database}}.immuta_system.profiles (
    user_id NUMBER, username VARCHAR, user_groups VARCHAR, attributes VARCHAR DEFAULT 'a;b' // separated by ; as everywhere
)""",
        role="SYSADMIN",
    ),
    Step("CREATE TABLE {{database}}.immuta_system.allow_list (name VARCHAR)", role="SYSADMIN"),
    Step(
        "CREATE TABLE {{database}}.immuta_system.version (version VARCHAR, edits NUMBER, settings VARCHAR)",
        role="SYSADMIN",
        same_line=True,
    ),
    Step(
        """CREATE FUNCTION {{database}}.immuta_functions.in_list(item VARCHAR, list VARCHAR) RETURNS BOOLEAN AS $$
    POSITION(';' || item || ';' IN ';' || list || ';') > 0
$$""",
        role="SYSADMIN",
        note="Functions and procedures that the policies call",
    ),
    Step(
        """CREATE PROCEDURE {{database}}.immuta_procedures.remove_user(TARGET VARCHAR) RETURNS VARCHAR LANGUAGE JAVASCRIPT AS $$
    var sql = "DELETE FROM immuta_system.profiles WHERE username = ?"; // no 'quotes' needed; it is bound
    snowflake.execute({sqlText: sql, binds: [TARGET]});
    return "removed; done";
$$""",
        role="SYSADMIN",
    ),
    Step(
        """CREATE PROCEDURE {{database}}.immuta_procedures.count_profiles() RETURNS NUMBER LANGUAGE SQL AS
BEGIN
    LET found NUMBER := (SELECT COUNT(*) FROM immuta_system.profiles);
    RETURN found;
END""",
        role="SYSADMIN",
    ),
    Step(
        "CREATE ROLE IF NOT EXISTS {{role}}",
        role="USERADMIN",
        note="The system role and account; don't drop them while Immuta is connected",
    ),
    Step(
        "CREATE USER IF NOT EXISTS {{user}} default_role={{role}} login_name={{login_name}} default_warehouse={{warehouse}}"
        " default_namespace={{database}} password={{password}} must_change_password=false comment='Made by Immuta; keep'",
        when="userPassword !given",
        role="USERADMIN",
    ),
    Step(
        "CREATE USER IF NOT EXISTS {{user}} default_role={{role}} login_name={{login_name}} default_warehouse={{warehouse}}"
        " default_namespace={{database}} comment='Made by Immuta; keep'",
        when="!userPassword !given",
        role="USERADMIN",
    ),
    Step("CREATE ROLE {{impersonation}}", when="impersonation", role="USERADMIN"),
    Step("GRANT ROLE {{role}} TO USER {{user}}", role="SECURITYADMIN"),
    Step("GRANT ROLE {{role}} TO ROLE SYSADMIN", role="SECURITYADMIN", same_line=True),
    Step("GRANT ROLE {{impersonation}} TO ROLE {{role}}", when="impersonation", role="SECURITYADMIN"),
    Step("GRANT USAGE ON WAREHOUSE {{warehouse}} TO ROLE {{role}} WITH GRANT OPTION", role="SECURITYADMIN"),
    Step("GRANT MANAGE GRANTS ON ACCOUNT TO ROLE {{role}}", role="ACCOUNTADMIN"),
    Step("GRANT CREATE ROLE ON ACCOUNT TO ROLE {{role}}", role="ACCOUNTADMIN", same_line=True),
    Step("GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE {{role}} WITH GRANT OPTION", role="ACCOUNTADMIN"),
    Step("GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE {{role}} WITH GRANT OPTION", role="ACCOUNTADMIN"),
    Step(AUDIT, when="audit", role="ACCOUNTADMIN"),
    Step(
        f"INSERT INTO {{{{database}}}}.immuta_system.version VALUES ('{VERSION}', 0, {{{{settings}}}})",
        role="ACCOUNTADMIN",
        note="What is made is complete; hand it over to the system role",
    ),
    Step(
        "GRANT OWNERSHIP ON ALL TABLES IN SCHEMA {{database}}.immuta_system TO ROLE {{role}} COPY CURRENT GRANTS",
        role="ACCOUNTADMIN",
    ),
    Step(
        "GRANT OWNERSHIP ON ALL SCHEMAS IN DATABASE {{database}} TO ROLE {{role}} COPY CURRENT GRANTS",
        role="ACCOUNTADMIN",
    ),
    Step("GRANT OWNERSHIP ON DATABASE {{database}} TO ROLE {{role}} COPY CURRENT GRANTS", role="ACCOUNTADMIN"),
)

EDIT = (
    Step("ALTER USER {{old_user}} RENAME TO {{user}}", when="username_changed !given", role="USERADMIN"),
    Step("ALTER USER {{user}} SET login_name={{login_name}}", when="username_changed !given", role="USERADMIN", same_line=True),
    Step(
        "ALTER USER {{user}} SET password={{password}}",
        when="password_changed !given",
        role="USERADMIN",
        note="The system account's new password",
    ),
    Step("CREATE ROLE {{impersonation}}", when="impersonation_on", role="USERADMIN"),
    Step("ALTER ROLE {{old_impersonation}} RENAME TO {{impersonation}}", when="impersonation_renamed", role="USERADMIN"),
    Step("DROP ROLE {{old_impersonation}}", when="impersonation_off", role="USERADMIN"),
    Step("GRANT ROLE {{impersonation}} TO ROLE {{role}}", when="impersonation_on", role="SECURITYADMIN"),
    Step(
        "GRANT USAGE ON WAREHOUSE {{warehouse}} TO ROLE {{role}} WITH GRANT OPTION",
        when="warehouse_changed",
        role="SECURITYADMIN",
    ),
    Step(
        "ALTER USER {{user}} SET default_warehouse={{warehouse}}",
        when="warehouse_changed !given",
        role="SECURITYADMIN",
        same_line=True,
    ),
    Step(AUDIT, when="audit_on", role="ACCOUNTADMIN", note="Query audit"),
    Step(
        "REVOKE IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE FROM ROLE {{role}}",
        when="audit_off",
        role="ACCOUNTADMIN",
        note="Query audit",
    ),
    Step(
        "UPDATE {{database}}.immuta_system.version SET edits = edits + 1, settings = {{settings}}",
        role="ACCOUNTADMIN",
        note="The last statement: the edit is complete",
    ),
)


def _drop(if_exists: str) -> tuple[Step, ...]:
    return (
        Step(f"DROP DATABASE {if_exists}{{{{database}}}}", role="ACCOUNTADMIN", note="Everything that Immuta made goes"),
        Step(f"DROP ROLE {if_exists}{{{{impersonation}}}}", when="impersonation", role="ACCOUNTADMIN"),
        Step(f"DROP USER {if_exists}{{{{user}}}}", when="!given", role="ACCOUNTADMIN"),
        Step(f"DROP ROLE {if_exists}{{{{role}}}}", role="ACCOUNTADMIN", same_line=True),
    )


SCRIPTS = {"create": CREATE, "edit": EDIT, "delete": _drop(""), "cleanup": _drop("IF EXISTS ")}
SET_UP = (("create", "inside"),)
TAKE_BACK = (("delete", "inside"),)
CLEAN_UP = (("cleanup", "inside"),)
