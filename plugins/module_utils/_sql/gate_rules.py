# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the gate as data: what the scripts of each platform may contain. A statement that no list contains does not run.

Sources: the vendor's pages "Redshift Integration" (requirements), "Snowflake Integration" and "Databricks Unity Catalog" (permissions
of the setup account), and the data platforms' own SQL references.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def entries(lines: str) -> frozenset[str]:
    """Return the entries of a text that commas and line breaks separate."""
    return frozenset(entry.strip() for line in lines.splitlines() for entry in line.split(",") if entry.strip())


# ------------------------------------------------------------------------------------------------------- kinds of objects

# Every kind of object has a class, which says what contains it. For these classes: the number of qualifiers up to the database.
QUALIFIERS_TO_DATABASE = {"object": 2, "schema": 1, "database": 0, "database role": 1}
_OBJECTS = "TABLE, VIEW, FUNCTION, PROCEDURE, SEQUENCE, INDEX, TRIGGER, TYPE, MASKING POLICY, ROW ACCESS POLICY, "
_ACCOUNTS = "ROLE, USER, GROUP, "


def _classes_by_kind(**kinds: str) -> dict[str, str]:
    """Return kind -> class. A keyword argument has an underscore for the space in the class."""
    return {kind: class_.replace("_", " ") for class_, names in kinds.items() for kind in entries(names)}


@dataclass(frozen=True)
class Rules:
    """What the scripts of one platform may contain, besides what all may contain."""

    # kind of object -> its class: database, schema, object, account, database role, other (its own, but in no database), session
    classes: Mapping[str, str]
    # verbs of statements that touch no object
    plain_verbs: frozenset[str] = frozenset()
    # kind outside of every database -> the privileges that may be granted on it
    privileges_outside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # system database -> the privileges that may be granted on it and on its content
    system_databases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # privileges that are granted without ON
    privileges_without_object: frozenset[str] = frozenset()
    # roles that stand for all users, and may get harmless privileges on what is in scope
    public_roles: frozenset[str] = frozenset()
    # accounts outside of the scope that may own what is in scope, or hold any privilege on it
    allowed_owners: frozenset[str] = frozenset()
    # system procedures that may be called
    system_procedures: frozenset[str] = frozenset()


RULES = {
    "Snowflake": Rules(
        classes=_classes_by_kind(
            object=_OBJECTS
            + "TAG, TASK, STREAM, FILE FORMAT, AGGREGATION POLICY, PROJECTION POLICY, JOIN POLICY, PASSWORD POLICY, SESSION POLICY, NETWORK RULE",
            schema="SCHEMA",
            database="DATABASE",
            account=_ACCOUNTS,
            database_role="DATABASE ROLE",
            other="WAREHOUSE, RESOURCE MONITOR, NETWORK POLICY",
            session="SESSION",
        ),
        plain_verbs=entries("UNSET"),
        privileges_outside={
            "ACCOUNT": entries(
                """
                MANAGE GRANTS, CREATE ROLE, CREATE USER, CREATE DATABASE, CREATE WAREHOUSE, EXECUTE TASK, EXECUTE MANAGED TASK
                APPLY MASKING POLICY, APPLY ROW ACCESS POLICY, APPLY AGGREGATION POLICY, APPLY PROJECTION POLICY, APPLY JOIN POLICY, APPLY TAG
                MONITOR USAGE, MONITOR EXECUTION, MONITOR, RESOLVE ALL
                """
            ),
            "WAREHOUSE": entries("USAGE, OPERATE, MONITOR"),
        },
        system_databases={"SNOWFLAKE": entries("IMPORTED PRIVILEGES, USAGE")},
        public_roles=entries("PUBLIC"),
        allowed_owners=entries("SYSADMIN, SECURITYADMIN, USERADMIN, ACCOUNTADMIN"),
    ),
    "Redshift": Rules(
        classes=_classes_by_kind(object=_OBJECTS + "RLS POLICY", schema="SCHEMA", database="DATABASE", account=_ACCOUNTS + "OWNED"),
        plain_verbs=entries("DO, RESET, ANALYZE, ABORT"),
        privileges_outside={"LANGUAGE": entries("USAGE")},
        privileges_without_object=entries("CREATE ROLE, ACCESS SYSTEM TABLE, ACCESS CATALOG"),
        public_roles=entries("public"),
    ),
    "Databricks": Rules(
        classes=_classes_by_kind(object=_OBJECTS + "VOLUME, POLICY", schema="SCHEMA, DATABASE", database="CATALOG", account=_ACCOUNTS, session="VARIABLE"),
        plain_verbs=entries("REFRESH, RESET, ANALYZE, DECLARE"),
        privileges_outside={"METASTORE": entries("CREATE CATALOG")},
        system_databases={"system": entries("USE CATALOG, USE SCHEMA, SELECT, BROWSE")},
        public_roles=entries("account users, users"),
    ),
    "Azure Synapse Analytics": Rules(
        classes=_classes_by_kind(
            object=_OBJECTS + "PROC, STATISTICS, SECURITY POLICY",
            schema="SCHEMA",
            database="DATABASE",
            account=_ACCOUNTS + "LOGIN, APPLICATION ROLE",
            other="WORKLOAD GROUP, WORKLOAD CLASSIFIER",
        ),
        plain_verbs=entries("PRINT, THROW, RAISERROR, WAITFOR, RETURN, FETCH, CLOSE, DEALLOCATE"),
        privileges_without_object=entries(
            """
            ALTER ANY USER, ALTER ANY ROLE, ALTER ANY SCHEMA, ALTER ANY MASK, ALTER ANY SECURITY POLICY, UNMASK, CONNECT, EXECUTE, CONTROL, ALTER
            CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE FUNCTION, CREATE SCHEMA, CREATE ROLE, REFERENCES, SHOWPLAN
            SELECT, INSERT, UPDATE, DELETE, VIEW DEFINITION, VIEW DATABASE STATE
            """
        ),
        public_roles=entries("public"),
        allowed_owners=entries("dbo"),
        system_procedures=entries("sp_addrolemember, sp_droprolemember"),
    ),
}
# Databricks also calls a schema DATABASE. Which purpose may create and drop it depends on this word.
DATABASE_KINDS = entries("DATABASE, CATALOG")


def is_allowed_for_purpose(verb: str, kind: str, class_: str, purpose: str) -> bool:
    """Whether a script of this purpose may create, alter or drop this kind of object."""
    if class_ == "session":
        return True
    if kind in DATABASE_KINDS or class_ == "database":
        # Only a cleanup may drop a database, and it must not create one.
        return (verb == "DROP") == (purpose == "cleanup") if verb != "ALTER" else True
    if verb == "DROP" and class_ in ("account", "other", "database role"):
        # An edit may drop an account of its own, when impersonation is turned off.
        return purpose in ("edit", "cleanup")
    return True


# ------------------------------------------------------------------------------------------------------------------ words

# Before a kind, these words mean that the data or the object is outside of the platform
OUTSIDE_MODIFIERS = entries("EXTERNAL, FOREIGN, ICEBERG, EVENT, TRUSTED, STREAMING, SHARED, MANAGED")
# Classes for which CREATE OR REPLACE is refused, because it drops the existing object
NOT_REPLACEABLE = entries("database, account, database role, other")
# (verb, class) -> words that make such a statement forbidden
FORBIDDEN_WORDS = {
    ("CREATE", "database"): entries("FROM, CLONE, SHARE, REPLICA, COPY, DATASHARE, INTEGRATION, BACKUP"),
    ("ALTER", "database"): entries("RENAME, NAME, SWAP, REPLICATION, FAILOVER, ACCOUNTS, PRIMARY, REFRESH, CLONE"),
    ("CREATE", "account"): entries("CREATEUSER, CREATEDB, CREATEROLE, SUPERUSER, UNRESTRICTED, BYPASSRLS, REPLICATION, EXTERNAL, WINDOWS, CERTIFICATE"),
    ("ALTER", "account"): entries("CREATEUSER, CREATEDB, CREATEROLE, SUPERUSER, UNRESTRICTED, BYPASSRLS, REPLICATION, DELEGATED, CREDENTIAL"),
    ("CREATE", "schema"): entries("CREATE, GRANT, REVOKE, DENY"),
}
# Words that are forbidden for every class: code or data comes from outside or goes there
FORBIDDEN_WORDS_ANYWHERE = entries("EXTERNAL_VOLUME, IAM_ROLE, LAMBDA, CREDENTIALS, ACCESS_KEY_ID, SECRETS")
# Settings that change where a literal or a name ends, or which object a name means. The gate would check other code than runs.
PARSER_SETTINGS = entries("STANDARD_CONFORMING_STRINGS, BACKSLASH_QUOTE, ESCAPEDSTRINGLITERALS, DOUBLEQUOTEDIDENTIFIERS, QUOTED_IDENTIFIERS_IGNORE_CASE")
FORBIDDEN_ENDINGS = ("_INTEGRATION", "_INTEGRATIONS")
# Table formats whose data Databricks stores itself
MANAGED_FORMATS = entries("DELTA")
# Phrases in CREATE and ALTER, outside of parentheses, and the class of the object named after them. same: the class of the statement.
REFERENCE_PHRASES = (
    ("OWNER TO", "account"),
    ("OWNER =", "account"),
    ("WITH OWNER =", "account"),
    ("WITH OWNER", "account"),
    ("RENAME TO", "same"),
    ("SWAP WITH", "same"),
    ("SWITCH TO", "same"),
    ("APPEND FROM", "same"),
    ("WITH NAME =", "same"),
    ("ADD MEMBER", "account"),
    ("DROP MEMBER", "account"),
    ("ADD USER", "account"),
    ("DROP USER", "account"),
    ("WITH USER", "account"),
    ("LOGIN =", "account"),
    ("FOR LOGIN", "account"),
    ("FROM LOGIN", "account"),
    ("IN GROUP", "account"),
    ("IN ROLE", "account"),
    ("TRANSFER", "object"),
    ("AUTHORIZATION", "account"),
)
# Kinds that belong to the object named after ON
KINDS_ON_OBJECT = entries("INDEX, TRIGGER, STATISTICS, POLICY, SECURITY POLICY")

# ------------------------------------------------------------------------------------------------------------------ verbs

READ_VERBS = entries("SELECT, WITH, SHOW, DESCRIBE, DESC, VALUES")
TRANSACTION_VERBS = entries("BEGIN, START, COMMIT, END, ROLLBACK")
# Verbs that occur only inside a block, and touch no object
BLOCK_VERBS = entries(
    """
    IF, ELSEIF, ELSIF, WHILE, FOR, WHEN, CASE, UNTIL, RETURN, LET, RAISE, OPEN, CLOSE, FETCH, NULL, BREAK, CONTINUE, EXIT, LEAVE, ITERATE
    PERFORM, SIGNAL, RESIGNAL, AWAIT, MOVE, DECLARE, GET DIAGNOSTICS
    """
)
# Verbs of statements that may begin inside another statement, where an expression is expected
NESTED_VERBS = entries(
    """
    COPY, UNLOAD, DROP, CREATE, ALTER, UNDROP, GRANT, REVOKE, DENY, INSERT, UPDATE, DELETE, MERGE, TRUNCATE, CALL, EXECUTE, EXEC, PUT, GET
    REMOVE, RM, LIST, LS, USE, VACUUM, BACKUP, RESTORE, PREPARE, KILL, SHUTDOWN, COMMENT, MSCK, REFRESH, CACHE
    """
)
# After these, a statement may begin inside another one
BEFORE_NESTED = entries("(, THEN, ELSE, DO, LOOP, FOR, IS, IN, DEFAULT, =, ASYNC, RETURN, BEGIN, >")
# After a word that could begin a statement, these show that the word is a name
AFTER_NAME = entries("AND, OR, IS, IN, LIKE, ILIKE, RLIKE, BETWEEN, NOT, END, WHEN, THEN, ELSE, ASC, DESC, AS")
# Functions that have side effects, or read or write outside of the database
EFFECT_FUNCTIONS = entries(
    """
    OPENROWSET, OPENQUERY, OPENDATASOURCE, DBLINK, DBLINK_EXEC, LO_IMPORT, LO_EXPORT, PG_READ_FILE, PG_READ_BINARY_FILE, PG_LS_DIR
    HTTP_REQUEST, REMOTE_QUERY, READ_FILES, AI_QUERY, SECRET, TRY_SECRET, REFLECT, TRY_REFLECT, JAVA_METHOD, SET_CONFIG
    PG_RELOAD_CONF, QUERY_TO_XML
    """
)
# Functions that end other sessions. Only a cleanup may call them.
CLEANUP_FUNCTIONS = entries("PG_TERMINATE_BACKEND, PG_CANCEL_BACKEND")
# Functions whose name has this prefix have side effects, except for the harmless ones
EFFECT_FUNCTION_PREFIX = "SYSTEM$"
HARMLESS_FUNCTIONS = entries(
    "SYSTEM$TYPEOF, SYSTEM$WAIT, SYSTEM$GET_SNOWFLAKE_PLATFORM_INFO, SYSTEM$GET_TAG, SYSTEM$LAST_CHANGE_COMMIT_TIME, SYSTEM$STREAM_HAS_DATA"
)
