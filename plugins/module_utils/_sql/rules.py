# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be in a script, as data: closed lists a platform. What is in none of them does not run.

Sources: the vendor's pages "Redshift Integration" (requirements), "Snowflake Integration" and "Databricks Unity Catalog" (permissions
of the set-up account), and the data platforms' own SQL references.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def listed(lines: str) -> frozenset[str]:
    """The entries of a list with commas and lines between them."""
    return frozenset(entry.strip() for line in lines.splitlines() for entry in line.split(",") if entry.strip())


# ------------------------------------------------------------------------------------------------------- kinds of objects

# The class of a kind says where its name stands: how many qualifiers lead up to the database, or that it is an account.
ABOVE = {"object": 2, "schema": 1, "database": 0, "database role": 1}
_OBJECTS = "TABLE, VIEW, FUNCTION, PROCEDURE, SEQUENCE, INDEX, TRIGGER, TYPE, MASKING POLICY, ROW ACCESS POLICY, "
_ACCOUNTS = "ROLE, USER, GROUP, "


def _classes(**kinds: str) -> dict[str, str]:
    """kind -> class; a class of two words is written with an underscore."""
    return {kind: class_.replace("_", " ") for class_, names in kinds.items() for kind in listed(names)}


@dataclass(frozen=True)
class Rules:
    """What one platform allows, beside what all do."""

    # kind of object -> its class: database, schema, object, account, database role, other (its own, but in no database), session
    classes: Mapping[str, str]
    # verbs without anything to touch
    verbs: frozenset[str] = frozenset()
    # kind -> privileges that may be granted on it although it is not the platform's own
    foreign: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # databases of the platform itself -> privileges on them and on what is in them
    shared: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # privileges that are granted on nothing
    system: frozenset[str] = frozenset()
    # whom rights on what is Immuta's own may go to, beside its accounts
    everybody: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    # procedures that the platform comes with
    procedures: frozenset[str] = frozenset()


RULES = {
    "Snowflake": Rules(
        classes=_classes(
            object=_OBJECTS
            + "TAG, TASK, STREAM, FILE FORMAT, AGGREGATION POLICY, PROJECTION POLICY, JOIN POLICY, PASSWORD POLICY, SESSION POLICY, NETWORK RULE",
            schema="SCHEMA",
            database="DATABASE",
            account=_ACCOUNTS,
            database_role="DATABASE ROLE",
            other="WAREHOUSE, RESOURCE MONITOR, NETWORK POLICY",
            session="SESSION",
        ),
        verbs=listed("UNSET"),
        foreign={
            "ACCOUNT": listed(
                """
                MANAGE GRANTS, CREATE ROLE, CREATE USER, CREATE DATABASE, CREATE WAREHOUSE, EXECUTE TASK, EXECUTE MANAGED TASK
                APPLY MASKING POLICY, APPLY ROW ACCESS POLICY, APPLY AGGREGATION POLICY, APPLY PROJECTION POLICY, APPLY JOIN POLICY, APPLY TAG
                MONITOR USAGE, MONITOR EXECUTION, MONITOR, RESOLVE ALL
                """
            ),
            "WAREHOUSE": listed("USAGE, OPERATE, MONITOR"),
        },
        shared={"SNOWFLAKE": listed("IMPORTED PRIVILEGES, USAGE")},
        everybody=listed("PUBLIC"),
        owners=listed("SYSADMIN, SECURITYADMIN, USERADMIN, ACCOUNTADMIN"),
    ),
    "Redshift": Rules(
        classes=_classes(object=_OBJECTS + "RLS POLICY", schema="SCHEMA", database="DATABASE", account=_ACCOUNTS + "OWNED"),
        verbs=listed("DO, RESET, ANALYZE, ABORT"),
        foreign={"LANGUAGE": listed("USAGE")},
        system=listed("CREATE ROLE, ACCESS SYSTEM TABLE, ACCESS CATALOG"),
        everybody=listed("public"),
    ),
    "Databricks": Rules(
        classes=_classes(object=_OBJECTS + "VOLUME, POLICY", schema="SCHEMA, DATABASE", database="CATALOG", account=_ACCOUNTS, session="VARIABLE"),
        verbs=listed("REFRESH, RESET, ANALYZE, DECLARE"),
        foreign={"METASTORE": listed("CREATE CATALOG")},
        shared={"system": listed("USE CATALOG, USE SCHEMA, SELECT, BROWSE")},
        everybody=listed("account users, users"),
    ),
    "Azure Synapse Analytics": Rules(
        classes=_classes(
            object=_OBJECTS + "PROC, STATISTICS, SECURITY POLICY",
            schema="SCHEMA",
            database="DATABASE",
            account=_ACCOUNTS + "LOGIN, APPLICATION ROLE",
            other="WORKLOAD GROUP, WORKLOAD CLASSIFIER",
        ),
        verbs=listed("PRINT, THROW, RAISERROR, WAITFOR, RETURN, FETCH, CLOSE, DEALLOCATE"),
        system=listed(
            """
            ALTER ANY USER, ALTER ANY ROLE, ALTER ANY SCHEMA, ALTER ANY MASK, ALTER ANY SECURITY POLICY, UNMASK, CONNECT, EXECUTE, CONTROL, ALTER
            CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE FUNCTION, CREATE SCHEMA, CREATE ROLE, REFERENCES, SHOWPLAN
            SELECT, INSERT, UPDATE, DELETE, VIEW DEFINITION, VIEW DATABASE STATE
            """
        ),
        everybody=listed("public"),
        owners=listed("dbo"),
        procedures=listed("sp_addrolemember, sp_droprolemember"),
    ),
}
# Databricks calls a schema a database, too; which purpose makes and drops one is told by the word.
DATABASES = listed("DATABASE, CATALOG")


def may_by_purpose(verb: str, kind: str, class_: str, purpose: str) -> bool:
    """Whether a script of this purpose makes, changes or drops this kind at all."""
    if class_ == "session":
        return True
    if kind in DATABASES or class_ == "database":
        # Only a clean-up takes a database away, and it makes none.
        return (verb == "DROP") == (purpose == "cleanup") if verb != "ALTER" else True
    if verb == "DROP" and class_ in ("account", "other", "database role"):
        # An edit may take away an account of its own: impersonation switched off.
        return purpose in ("edit", "cleanup")
    return True


# ------------------------------------------------------------------------------------------------------------------ words

# In front of a kind these make it another one: what lies outside, or comes from there.
OUTSIDE = listed("EXTERNAL, FOREIGN, ICEBERG, EVENT, TRUSTED, STREAMING, SHARED, MANAGED")
# Classes that are not replaced: whoever replaces one takes away what was there.
NOT_REPLACED = listed("database, account, database role, other")
# Words that change what a statement does so much that it does not belong in a script, by verb and class.
NEVER = {
    ("CREATE", "database"): listed("FROM, CLONE, SHARE, REPLICA, COPY, DATASHARE, INTEGRATION, BACKUP"),
    ("ALTER", "database"): listed("RENAME, NAME, SWAP, REPLICATION, FAILOVER, ACCOUNTS, PRIMARY, REFRESH, CLONE"),
    ("CREATE", "account"): listed("CREATEUSER, CREATEDB, CREATEROLE, SUPERUSER, UNRESTRICTED, BYPASSRLS, REPLICATION, EXTERNAL, WINDOWS, CERTIFICATE"),
    ("ALTER", "account"): listed("CREATEUSER, CREATEDB, CREATEROLE, SUPERUSER, UNRESTRICTED, BYPASSRLS, REPLICATION, DELEGATED, CREDENTIAL"),
    ("CREATE", "schema"): listed("CREATE, GRANT, REVOKE, DENY"),
}
# … whatever the class: where code and data come from outside, or go there.
NEVER_ANYWHERE = listed("EXTERNAL_VOLUME, IAM_ROLE, LAMBDA, CREDENTIALS, ACCESS_KEY_ID, SECRETS")
# Settings that change where a literal or a name ends, or which name is meant: what was judged would not be what runs.
READING = listed("STANDARD_CONFORMING_STRINGS, BACKSLASH_QUOTE, ESCAPEDSTRINGLITERALS, DOUBLEQUOTEDIDENTIFIERS, QUOTED_IDENTIFIERS_IGNORE_CASE")
NEVER_ENDINGS = ("_INTEGRATION", "_INTEGRATIONS")
# Formats of tables whose data Databricks keeps itself
MANAGED_FORMATS = listed("DELTA")
# What is named behind these words, on the outermost level of CREATE and ALTER; same: of the class that the statement is about.
MENTIONS = (
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
# Kinds that hang on what is named behind ON
HANGING = listed("INDEX, TRIGGER, STATISTICS, POLICY, SECURITY POLICY")

# ------------------------------------------------------------------------------------------------------------------ verbs

READS = listed("SELECT, WITH, SHOW, DESCRIBE, DESC, VALUES")
TRANSACTIONS = listed("BEGIN, START, COMMIT, END, ROLLBACK")
# What stands in a block only, and touches nothing by itself
CONTROL = listed(
    """
    IF, ELSEIF, ELSIF, WHILE, FOR, WHEN, CASE, UNTIL, RETURN, LET, RAISE, OPEN, CLOSE, FETCH, NULL, BREAK, CONTINUE, EXIT, LEAVE, ITERATE
    PERFORM, SIGNAL, RESIGNAL, AWAIT, MOVE, DECLARE, GET DIAGNOSTICS
    """
)
# What may be hidden where an expression is expected
STATEMENTS = listed(
    """
    COPY, UNLOAD, DROP, CREATE, ALTER, UNDROP, GRANT, REVOKE, DENY, INSERT, UPDATE, DELETE, MERGE, TRUNCATE, CALL, EXECUTE, EXEC, PUT, GET
    REMOVE, RM, LIST, LS, USE, VACUUM, BACKUP, RESTORE, PREPARE, KILL, SHUTDOWN, COMMENT, MSCK, REFRESH, CACHE
    """
)
# Behind these a statement may begin within another one.
OPENERS = listed("(, THEN, ELSE, DO, LOOP, FOR, IS, IN, DEFAULT, =, ASYNC, RETURN, BEGIN, >")
# Behind a word that could begin a statement these show that it is a name.
AFTER_NAMES = listed("AND, OR, IS, IN, LIKE, ILIKE, RLIKE, BETWEEN, NOT, END, WHEN, THEN, ELSE, ASC, DESC, AS")
# Functions that do something, or reach what lies outside
EFFECTS = listed(
    """
    OPENROWSET, OPENQUERY, OPENDATASOURCE, DBLINK, DBLINK_EXEC, LO_IMPORT, LO_EXPORT, PG_READ_FILE, PG_READ_BINARY_FILE, PG_LS_DIR
    HTTP_REQUEST, REMOTE_QUERY, READ_FILES, AI_QUERY, SECRET, TRY_SECRET, REFLECT, TRY_REFLECT, JAVA_METHOD, SET_CONFIG
    PG_RELOAD_CONF, QUERY_TO_XML
    """
)
# … that end other people's work, which a clean-up may have to
CLEANUP_EFFECTS = listed("PG_TERMINATE_BACKEND, PG_CANCEL_BACKEND")
# Functions whose name begins so do something, except these.
EFFECT_PREFIX = "SYSTEM$"
HARMLESS = listed("SYSTEM$TYPEOF, SYSTEM$WAIT, SYSTEM$GET_SNOWFLAKE_PLATFORM_INFO, SYSTEM$GET_TAG, SYSTEM$LAST_CHANGE_COMMIT_TIME, SYSTEM$STREAM_HAS_DATA")
