# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement does, to what, and whether it belongs in a script."""

from __future__ import annotations

import pytest
from ansible_collections.community.immuta.plugins.module_utils._sql.classify import ALLOWED, Kind, classify, describe, forbidden
from ansible_collections.community.immuta.plugins.module_utils._sql.split import DIALECT_OF, split

PLATFORMS = tuple(DIALECT_OF)


def refused(script: str, platform: str = "Snowflake", purpose: str = "setup") -> list[tuple[str, str | None]]:
    rows = forbidden(split(script, DIALECT_OF[platform]), platform, purpose)
    return [(row["verb"], row["object"]) for row in rows]


@pytest.mark.parametrize(
    ("statement", "verb", "name"),
    [
        ('CREATE DATABASE "IMMUTA"', "CREATE DATABASE", '"IMMUTA"'),
        ('create or replace secure view if not exists a."b c".d as select 1', "CREATE VIEW", 'a."b c".d'),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE VIEW", "v"),
        ("CREATE OR ALTER TABLE t (a INT)", "CREATE TABLE", "t"),
        ("CREATE TABLE role (a INT)", "CREATE TABLE", "role"),
        ("CREATE ROW ACCESS POLICY p AS (a INT) RETURNS BOOLEAN -> TRUE", "CREATE ROW ACCESS POLICY", "p"),
        ("CREATE USER u PASSWORD 'CREATE ROLE'", "CREATE USER", "u"),
        ("CREATE EXTERNAL SCHEMA s FROM DATA CATALOG", "CREATE SCHEMA", "s"),
        ("CREATE STORAGE INTEGRATION i", "CREATE STORAGE INTEGRATION", "i"),
        ("DROP DATABASE IF EXISTS d CASCADE", "DROP DATABASE", "d"),
        ("DROP DATABASE ROLE d.r", "DROP DATABASE ROLE", "d.r"),
        ("DROP FUNCTION IF EXISTS s.f(INT, TEXT)", "DROP FUNCTION", "s.f"),
        ("ALTER USER u SET PASSWORD = 'x'", "ALTER USER", "u"),
        ("ALTER SESSION SET a = 1", "ALTER SESSION", None),
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO u", "ALTER DEFAULT PRIVILEGES", "s"),
        ('GRANT ROLE r TO USER "u"', "GRANT", "r"),
        ("GRANT SELECT, INSERT ON TABLE a.b TO ROLE r", "GRANT", "a.b"),
        ('GRANT OWNERSHIP ON ALL TABLES IN SCHEMA "D".s TO ROLE r', "GRANT", '"D".s'),
        ("GRANT USAGE ON FUTURE SCHEMAS IN DATABASE d TO ROLE r", "GRANT", "d"),
        ("GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE r", "GRANT", "ACCOUNT"),
        ("GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE r", "GRANT", "SNOWFLAKE"),
        ("GRANT USAGE ON LANGUAGE plpythonu TO u", "GRANT", "plpythonu"),
        ("REVOKE ALL PRIVILEGES ON DATABASE d FROM PUBLIC", "REVOKE", "d"),
        ("USE ROLE SYSADMIN", "USE", "SYSADMIN"),
        ("USE SECONDARY ROLES ALL", "USE", "ALL"),
        ("SET v = 'x'", "SET", "v"),
        ("COMMENT IF EXISTS ON COLUMN t.c IS 'x'", "COMMENT", "t.c"),
        ("INSERT INTO t VALUES ('x')", "INSERT", "t"),
        ("DELETE FROM t", "DELETE", "t"),
        ("MERGE INTO t USING s ON a = b", "MERGE", "t"),
        ("CALL s.p('x')", "CALL", "s.p"),
        ("EXECUTE IMMEDIATE 'x'", "EXECUTE", None),
        ("SELECT a FROM t", "SELECT", None),
        ("((SELECT 1))", "SELECT", None),
        ("BEGIN DROP TABLE t; END", "BEGIN", None),
        ("COPY INTO t FROM @s", "COPY", "t"),
        ("'x' is no statement", "STRING", None),
    ],
)
def test_verb_and_object(statement: str, verb: str, name: str | None) -> None:
    assert classify(statement, "snowflake") == Kind(verb, name)


def test_describing_says_where_and_what_but_holds_no_literal() -> None:
    script = "\nUSE ROLE a; CREATE USER u\nPASSWORD='geheim';"
    assert describe(split(script, "snowflake"), "snowflake") == [
        {"number": 1, "line": 2, "verb": "USE", "object": "a"},
        {"number": 2, "line": 2, "verb": "CREATE USER", "object": "u"},
    ]


SNOWFLAKE_SETUP = """
    USE ROLE ACCOUNTADMIN; ALTER ACCOUNT SET QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE;
    CREATE DATABASE "DB"; CREATE SCHEMA IF NOT EXISTS "DB".immuta_procedures; CREATE SCHEMA IF NOT EXISTS "DB".immuta_functions;
    CREATE ROLE IF NOT EXISTS "DB_SYSTEM"; CREATE ROLE "IMMUTA_IMPERSONATION"; DROP SCHEMA IF EXISTS "DB".PUBLIC;
    CREATE USER IF NOT EXISTS "DB_SYSTEM_ACCOUNT" default_role="DB_SYSTEM" password="x"; GRANT ROLE "DB_SYSTEM" TO USER "DB_SYSTEM_ACCOUNT";
    GRANT OWNERSHIP ON USER "DB_SYSTEM_ACCOUNT" TO ROLE "DB_SYSTEM"; GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE "DB_SYSTEM" WITH GRANT OPTION;
    CREATE OR REPLACE PROCEDURE "DB".immuta_procedures.p() RETURNS STRING LANGUAGE JAVASCRIPT AS $$ DROP DATABASE x; $$;
    CREATE OR REPLACE SECURE FUNCTION f() RETURNS INT AS 'SELECT 1'; CREATE TABLE t (a INT); CREATE OR REPLACE SECURE VIEW v AS SELECT 1;
    CREATE TAG g; CREATE MASKING POLICY m AS (a INT) RETURNS INT -> a; CREATE SEQUENCE q; CREATE STREAM s ON TABLE t;
    INSERT INTO t VALUES (1); MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE; UPDATE t SET a = 1; DELETE FROM t; SET v = 1; UNSET v;
    CALL "DB".immuta_procedures.p(); EXECUTE IMMEDIATE $$ BEGIN CREATE TABLE z (a INT); RETURN 1; END $$;
    BEGIN LET x := 1; CREATE ROLE r; END; DECLARE x INT; BEGIN SELECT 1; END; SHOW GRANTS; COMMENT ON TABLE t IS 'x'; COMMIT;
"""
REDSHIFT_SETUP = """
    CREATE DATABASE immuta; CREATE USER immuta_system PASSWORD 'x'; CREATE GROUP g WITH USER u; CREATE SCHEMA immuta_system;
    REVOKE ALL PRIVILEGES ON DATABASE immuta FROM PUBLIC; GRANT TEMP ON DATABASE immuta TO u; GRANT USAGE ON LANGUAGE plpythonu TO u;
    CREATE OR REPLACE FUNCTION f(a INT) RETURNS INT STABLE AS $$ return 1 $$ LANGUAGE plpythonu;
    CREATE PROCEDURE p() AS $$ BEGIN DROP DATABASE x; END $$ LANGUAGE plpgsql;
    CREATE VIEW v AS SELECT 1 WITH NO SCHEMA BINDING; ALTER DATABASE immuta OWNER TO u; ALTER GROUP g ADD USER u; SET search_path TO x;
    BEGIN; INSERT INTO t VALUES (1); COMMIT; DO $$ DECLARE n INT; BEGIN PERFORM 1; GET DIAGNOSTICS n = ROW_COUNT; END $$;
    CREATE RLS POLICY r USING (TRUE); ATTACH RLS POLICY r ON t TO PUBLIC;
"""
DATABRICKS_SETUP = """
    CREATE CATALOG IF NOT EXISTS immuta MANAGED LOCATION 's3://x' COMMENT 'DROP CATALOG x'; USE CATALOG immuta; CREATE SCHEMA immuta_system;
    CREATE TABLE immuta_system.t (a STRING COMMENT 'a;b') USING DELTA; CREATE OR REPLACE VIEW v AS SELECT 1; INSERT INTO t VALUES ('x');
    CREATE FUNCTION f(a STRING) RETURNS STRING RETURN concat(a, ';'); CREATE FUNCTION g() RETURNS STRING LANGUAGE PYTHON AS $py$ drop; copy; $py$;
    GRANT USE CATALOG, CREATE SCHEMA ON CATALOG immuta TO `a-b`; GRANT SELECT ON TABLE system.access.audit TO `a-b`; REVOKE ALL PRIVILEGES ON SCHEMA s FROM `x`;
    ALTER CATALOG immuta OWNER TO `a-b`; ALTER TABLE t SET TAGS ('a' = 'b'); COMMENT ON CATALOG immuta IS 'x'; CREATE VOLUME o; REFRESH TABLE t;
    setup: BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SELECT 1; END; CREATE SCHEMA IF NOT EXISTS z; END setup; CALL p('x'); EXECUTE IMMEDIATE 'SELECT 1';
    MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE; SHOW GRANTS ON CATALOG immuta; SET TIME ZONE 'UTC'; DECLARE VARIABLE n INT;
"""
SYNAPSE_SETUP = """
IF NOT EXISTS (SELECT * FROM sys.sql_logins WHERE name = 'l') CREATE LOGIN l WITH PASSWORD = N'x'
GO
CREATE USER u FOR LOGIN l; ALTER ROLE db_owner ADD MEMBER u; ALTER ROLE r DROP MEMBER u
GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE TO u
REVOKE GRANT OPTION FOR CREATE SCHEMA FROM u CASCADE; DENY DELETE ON SCHEMA::s TO u
GO
CREATE SCHEMA immuta_system AUTHORIZATION u
GO
CREATE OR ALTER PROC p @drop NVARCHAR(9) AS
BEGIN
    DROP USER u; EXEC('DROP DATABASE ' + @drop)
    BACKUP DATABASE d TO DISK = 'x'
END
GO
CREATE FUNCTION f() RETURNS BIT AS BEGIN RETURN 1 END
GO
CREATE VIEW v AS SELECT [drop], "create", kill = 1, copy FROM t WHERE a = 'DROP DATABASE d'
GO
CREATE TABLE t (a INT) WITH (DISTRIBUTION = HASH(a))
ALTER TABLE t
DROP COLUMN a
ALTER TABLE t DROP CONSTRAINT IF EXISTS c; DROP TABLE IF EXISTS x; RENAME OBJECT t TO t2; CREATE STATISTICS s ON t (a)
EXEC sp_executesql N'CREATE SCHEMA y'; IF SCHEMA_ID('z') IS NULL EXEC('CREATE SCHEMA z')
"""
CLEANUP = "DROP USER IF EXISTS u; DROP ROLE IF EXISTS r; DROP DATABASE IF EXISTS d; REVOKE ROLE a FROM USER b; DROP SCHEMA s CASCADE"


@pytest.mark.parametrize(
    ("platform", "purpose", "script"),
    [
        *(("Snowflake", purpose, SNOWFLAKE_SETUP) for purpose in ("setup", "edit")),
        *(("Redshift", purpose, REDSHIFT_SETUP) for purpose in ("setup", "edit")),
        ("Snowflake", "cleanup", CLEANUP),
        ("Redshift", "cleanup", CLEANUP + "; DROP GROUP g; DROP OWNED BY u; SELECT pg_terminate_backend(1)"),
        ("Snowflake", "edit", "DROP ROLE IMMUTA_IMPERSONATION; DROP USER u"),
        ("Databricks", "setup", "CREATE CATALOG c; GRANT USE CATALOG ON CATALOG c TO `p`; CREATE FUNCTION f() RETURNS INT RETURN 1"),
        ("Databricks", "cleanup", "DROP CATALOG c CASCADE; REVOKE SELECT ON TABLE t FROM `p`"),
        ("Azure Synapse Analytics", "setup", "CREATE LOGIN l WITH PASSWORD = 'x'\nGO\nIF NOT EXISTS (SELECT 1)\nEXEC('x')\nGO\nCREATE USER u FOR LOGIN l"),
        ("Azure Synapse Analytics", "cleanup", "DROP USER u\nDROP LOGIN l"),
        *(("Databricks", purpose, DATABRICKS_SETUP) for purpose in ("setup", "edit")),
        *(("Azure Synapse Analytics", purpose, SYNAPSE_SETUP) for purpose in ("setup", "edit")),
        ("Azure Synapse Analytics", "cleanup", "IF EXISTS (SELECT 1 FROM sys.schemas) DROP SCHEMA s\nGO\nEXEC('DROP LOGIN l'); DROP DATABASE IF EXISTS d"),
    ],
)
def test_no_legitimate_script_is_refused(platform: str, purpose: str, script: str) -> None:
    assert refused(script, platform, purpose) == []


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("purpose", ["setup", "edit", "cleanup"])
@pytest.mark.parametrize("verb", ["COPY", "UNLOAD", "PUT", "GET", "BACKUP", "VACUUM", "CREATE SHARE", "CREATE STORAGE INTEGRATION", "DROP SHARE", "", "STRING"])
def test_what_moves_data_or_is_not_known_belongs_in_no_script(platform: str, purpose: str, verb: str) -> None:
    allowed = ALLOWED[platform, purpose]
    assert verb not in allowed and (verb.split(" ")[0] not in allowed or not verb)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_only_a_clean_up_takes_a_database_away_and_only_it_makes_none(platform: str) -> None:
    drop, create = ("DROP CATALOG d", "CREATE CATALOG d") if platform == "Databricks" else ("DROP DATABASE d", "CREATE DATABASE d")
    for purpose in ("setup", "edit"):
        assert refused(drop, platform, purpose) == [(drop[:-2], "d")]
        assert refused(create, platform, purpose) == []
    assert refused(drop, platform, "cleanup") == []
    assert refused(create, platform, "cleanup") == [(create[:-2], "d")]


def test_a_set_up_takes_no_account_away() -> None:
    assert refused("DROP USER a; DROP ROLE b; DROP WAREHOUSE c") == [("DROP USER", "a"), ("DROP ROLE", "b"), ("DROP WAREHOUSE", "c")]


@pytest.mark.parametrize(
    ("platform", "script"),
    [
        ("Snowflake", "BEGIN SELECT 1; DROP DATABASE d; END"),
        ("Snowflake", "BEGIN IF (a) THEN DROP DATABASE d; END IF; END"),
        ("Snowflake", "DECLARE a INT; BEGIN DROP DATABASE d; END"),
        ("Snowflake", "EXECUTE IMMEDIATE $$ BEGIN DROP DATABASE d; END $$"),
        ("Snowflake", "EXECUTE IMMEDIATE 'drop database d'"),
        ("Redshift", "DO $x$ BEGIN DROP DATABASE d; END $x$"),
        ("Azure Synapse Analytics", "PRINT 'x'\nDROP DATABASE d"),
        ("Azure Synapse Analytics", "IF (1 = 1) BEGIN DROP DATABASE d END"),
        ("Azure Synapse Analytics", "IF EXISTS (SELECT 1) DROP DATABASE d"),
        ("Azure Synapse Analytics", "SELECT 1 DROP DATABASE d"),
        ("Azure Synapse Analytics", "IF 1 = 1 EXEC('DROP DATABASE d')"),
        ("Azure Synapse Analytics", "SELECT 1; EXEC sp_executesql N'SELECT ''x'' DROP DATABASE d'"),
        ("Databricks", "a: BEGIN SELECT 1; DROP DATABASE d; END"),
        ("Databricks", "EXECUTE IMMEDIATE 'DROP DATABASE d'"),
    ],
)
def test_a_block_that_runs_at_once_counts_as_what_is_in_it(platform: str, script: str) -> None:
    assert refused(script, platform) == [("DROP DATABASE", "d")]


def test_data_does_not_leave_from_within_a_block() -> None:
    assert refused("BEGIN COPY INTO @s FROM t; END") == [("COPY", None)]
    assert refused("BEGIN LET copy := 1; SELECT get FROM t; END") == []
    for batch, verb in (
        ("PRINT 'x' BACKUP DATABASE d TO x", "BACKUP"),
        ("SELECT 1 BULK INSERT t FROM 'x'", "BULK"),
        ("SELECT 1; COPY INTO t FROM 'x'", "COPY"),
        ("IF 1 = 1 KILL 5", "KILL"),
    ):
        assert [found[0] for found in refused(batch, "Azure Synapse Analytics")] == [verb]


def test_any_purpose_allows_everything() -> None:
    assert refused("DROP DATABASE d; COPY INTO t; \n'nonsense'", purpose="any") == []


def test_the_list_of_refused_statements_says_which_and_where() -> None:
    statements = split("SELECT 1;\n\nDROP DATABASE d;\nUNLOAD ('x') TO 'y'", "redshift")
    assert forbidden(statements, "Redshift", "setup") == [
        {"number": 2, "line": 3, "verb": "DROP DATABASE", "object": "d"},
        {"number": 3, "line": 4, "verb": "UNLOAD", "object": None},
    ]
