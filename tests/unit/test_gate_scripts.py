# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate accepts: the simulator's scripts in every variant, and plausible scripts of a tenant."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import forbidden_statements, scope_of
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split
from ansible_collections.community.immuta.plugins.module_utils._sql.tokenizer import DIALECT_OF
from immuta_simulator.scripts import script_text
from immuta_simulator.settings import Settings

SNOWFLAKE, REDSHIFT, DATABRICKS, SYNAPSE = DIALECT_OF
ACCOUNT = {"authenticationType": "userPassword", "username": "IMMUTA_SYSTEM_ACCOUNT", "password": "it's; \\ $$ DROP DATABASE x"}
CONFIGS: dict[str, dict[str, Any]] = {
    SNOWFLAKE: {"host": "org.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT},
    REDSHIFT: {"host": "cluster.example.com", "database": "immuta", "initialDatabase": "dev", **ACCOUNT},
    DATABRICKS: {"workspaceUrl": "w.example.com", "httpPath": "sql/1", "catalog": "immuta", "authenticationType": "token", "token": "t"},
    SYNAPSE: {"host": "s.example.com", "database": "pool", "schema": "views", **ACCOUNT},
}
PURPOSE_OF = {"initial-create": "setup", "create": "setup", "edit": "edit", "delete": "cleanup", "cleanup": "cleanup", "post-cleanup": "cleanup"}
FEATURES = ("impersonation", "audit", "lineage", "workspaces")
MORE: dict[str, list[dict[str, Any]]] = {
    SNOWFLAKE: [
        {"database": 'my db; "x"'},
        {"database": "immuta"},
        {"authenticationType": "oAuthClientCredentials", "username": None, "oAuthClientConfig": {"clientId": "c", "clientSecret": "s"}},
        {"authenticationType": "keyPair", "username": "immuta@example.com"},
        {"impersonation": {"enabled": True, "role": "my Impersonation"}},
    ],
    REDSHIFT: [
        {"database": "Immuta DB"},
        {"authenticationType": "okta", "username": None, "okta": {"username": "someone@example.com"}},
        {"authenticationType": "accessKey", "username": None, "databaseUser": "db_user"},
        {"impersonation": {"enabled": True, "role": "other-group"}},
    ],
    DATABRICKS: [
        {"authenticationType": "oAuthM2M", "oAuthClientConfig": {"clientId": "6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10", "clientSecret": "s"}},
        {"groupPattern": {"deny": "exempt"}},
        {"catalog": "my-catalog"},
    ],
    SYNAPSE: [{"username": "o'brien] x"}, {"metadataDelimiters": {"arrayDelimiter": "';--"}}, {"impersonation": {"enabled": True, "role": "my role"}}],
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"snowflake_use_role": False},
    {"snowflake_password": "dollar"},
    {"snowflake_password": "double"},
    {"snowflake_account": "given"},
    {"drop_database": False},
]


def configs(platform: str) -> Iterator[dict[str, Any]]:
    plain = CONFIGS[platform]
    for switched in itertools.product((False, True), repeat=len(FEATURES)):
        yield {**plain, **{feature: {"enabled": on} for feature, on in zip(FEATURES, switched)}}
    for more in MORE[platform]:
        yield {name: value for name, value in {**plain, **more}.items() if value is not None}


def variants() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any] | None, dict[str, Any]]]:
    for platform, (action, purpose), settings in itertools.product(CONFIGS, PURPOSE_OF.items(), SETTINGS):
        if not any(name.startswith("snowflake") for name in settings) or platform == SNOWFLAKE:
            for config in configs(platform):
                olds = [CONFIGS[platform], *configs(platform)] if action == "edit" and not settings else [CONFIGS[platform]]
                yield from ((platform, action, config, old if purpose == "edit" else None, settings) for old in olds)


def test_every_script_of_the_simulator_passes_with_the_scope_of_its_config() -> None:
    passed = 0
    for platform, action, config, old, settings in variants():
        if old is not None and old.get("database", old.get("catalog")) != config.get("database", config.get("catalog")):
            continue  # an edit cannot change this
        try:
            text = script_text(platform, action, config, old, Settings(**settings))
        except KeyError:
            continue  # there is no such script
        scope = scope_of(platform, config, *([old] if old else []))
        assert forbidden_statements(split(text, DIALECT_OF[platform]), platform, PURPOSE_OF[action], scope) == [], text
        passed += 1
    assert passed > 1500


# Whole scripts with any names, to check without a scope
SNOWFLAKE_SETUP = """
    USE ROLE ACCOUNTADMIN;
    CREATE DATABASE "DB"; CREATE SCHEMA IF NOT EXISTS "DB".immuta_procedures; CREATE SCHEMA IF NOT EXISTS "DB".immuta_functions;
    CREATE ROLE IF NOT EXISTS "DB_SYSTEM"; CREATE ROLE "IMMUTA_IMPERSONATION"; DROP SCHEMA IF EXISTS "DB".PUBLIC;
    CREATE USER IF NOT EXISTS "DB_SYSTEM_ACCOUNT" default_role="DB_SYSTEM" password="x"; GRANT ROLE "DB_SYSTEM" TO USER "DB_SYSTEM_ACCOUNT";
    GRANT OWNERSHIP ON USER "DB_SYSTEM_ACCOUNT" TO ROLE "DB_SYSTEM"; GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE "DB_SYSTEM" WITH GRANT OPTION;
    CREATE OR REPLACE PROCEDURE "DB".immuta_procedures.p() RETURNS STRING LANGUAGE SQL AS $$ BEGIN RETURN 1; END $$;
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
    CREATE PROCEDURE p() AS $$ BEGIN DROP TABLE x; END $$ LANGUAGE plpgsql;
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
    setup: BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SELECT 1; END; CREATE SCHEMA IF NOT EXISTS z; END setup; EXECUTE IMMEDIATE 'SELECT 1';
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
    DROP TABLE u; EXEC('DROP DATABASE ' + @drop)
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


@pytest.mark.parametrize(
    ("platform", "script"), [(SNOWFLAKE, SNOWFLAKE_SETUP), (REDSHIFT, REDSHIFT_SETUP), (DATABRICKS, DATABRICKS_SETUP), (SYNAPSE, SYNAPSE_SETUP)]
)
@pytest.mark.parametrize("purpose", ["setup", "edit"])
def test_without_a_scope_names_are_not_checked(platform: str, script: str, purpose: str) -> None:
    assert forbidden_statements(split(script, DIALECT_OF[platform]), platform, purpose) == []


# Scripts that a tenant may generate
PLAUSIBLE: dict[str, dict[str, list[str]]] = {
    SNOWFLAKE: {
        "setup": [
            """
USE ROLE SYSADMIN; CREATE DATABASE "IMMUTA" DATA_RETENTION_TIME_IN_DAYS = 1 COMMENT = 'x'; USE DATABASE "IMMUTA"; USE SCHEMA "IMMUTA".PUBLIC;
CREATE SCHEMA IF NOT EXISTS immuta_system; CREATE TRANSIENT SCHEMA s WITH MANAGED ACCESS; DROP SCHEMA IF EXISTS "IMMUTA".PUBLIC;
""",
            """
CREATE ROLE IF NOT EXISTS "IMMUTA_SYSTEM"; GRANT ROLE "IMMUTA_SYSTEM" TO ROLE SYSADMIN; GRANT ROLE "IMMUTA_SYSTEM" TO ROLE "ACCOUNTADMIN";
CREATE ROLE IMMUTA_READER; CREATE ROLE "IMMUTA_WRITER"; GRANT ROLE IMMUTA_READER TO ROLE IMMUTA_SYSTEM;
GRANT ROLE IMMUTA_SYSTEM TO USER IMMUTA_SYSTEM_ACCOUNT;
""",
            """
CREATE USER IF NOT EXISTS "IMMUTA_SYSTEM_ACCOUNT" default_role="IMMUTA_SYSTEM" login_name='x' default_warehouse="WH" password='x' TYPE =
    LEGACY_SERVICE;
ALTER USER "IMMUTA_SYSTEM_ACCOUNT" SET DEFAULT_SECONDARY_ROLES = (); ALTER USER IMMUTA_SYSTEM_ACCOUNT SET RSA_PUBLIC_KEY = 'x';
GRANT OWNERSHIP ON USER "IMMUTA_SYSTEM_ACCOUNT" TO ROLE "IMMUTA_SYSTEM"; COMMENT ON USER IMMUTA_SYSTEM_ACCOUNT IS 'DROP DATABASE';
""",
            """
CREATE WAREHOUSE IF NOT EXISTS IMMUTA_WH WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60; GRANT USAGE, OPERATE ON WAREHOUSE IMMUTA_WH TO ROLE IMMUTA_SYSTEM;
CREATE WAREHOUSE OWN_WH; GRANT OWNERSHIP ON WAREHOUSE OWN_WH TO ROLE IMMUTA_SYSTEM; ALTER WAREHOUSE OWN_WH SUSPEND;
GRANT USAGE ON WAREHOUSE "CUSTOMER WH" TO ROLE "IMMUTA_SYSTEM" WITH GRANT OPTION; CREATE RESOURCE MONITOR m WITH CREDIT_QUOTA = 1; USE WAREHOUSE W;
""",
            """
GRANT MANAGE GRANTS ON ACCOUNT TO ROLE "IMMUTA_SYSTEM"; GRANT CREATE ROLE, CREATE USER ON ACCOUNT TO ROLE "IMMUTA_SYSTEM" WITH GRANT OPTION;
GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE "IMMUTA_SYSTEM"; GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO "IMMUTA_SYSTEM";
GRANT APPLY TAG ON ACCOUNT TO ROLE IMMUTA_SYSTEM;
GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE "IMMUTA_SYSTEM"; GRANT DATABASE ROLE SNOWFLAKE.OBJECT_VIEWER TO ROLE IMMUTA_SYSTEM;
""",
            """
CREATE OR REPLACE MASKING POLICY IMMUTA.immuta_policies.m AS (v VARCHAR) RETURNS VARCHAR -> CASE WHEN IS_ROLE_IN_SESSION('X') THEN v ELSE '***' END;
CREATE ROW ACCESS POLICY IMMUTA.immuta_policies.r AS (v VARCHAR) RETURNS BOOLEAN -> EXISTS (SELECT 1 FROM IMMUTA.s.allow_list WHERE name =
    CURRENT_USER());
CREATE TABLE IMMUTA.s.t (a VARCHAR, b NUMBER DEFAULT 1); ALTER TABLE IMMUTA.s.t MODIFY COLUMN a SET MASKING POLICY IMMUTA.immuta_policies.m;
ALTER TABLE IMMUTA.s.t ADD ROW ACCESS POLICY IMMUTA.immuta_policies.r ON (a); ALTER TABLE IMMUTA.s.t DROP ROW ACCESS POLICY IMMUTA.immuta_policies.r;
CREATE TAG IMMUTA.s.tag ALLOWED_VALUES 'a'; ALTER TABLE IMMUTA.s.t SET TAG IMMUTA.s.tag = 'a'; ALTER TABLE IMMUTA.s.t RENAME TO IMMUTA.s.u;
""",
            """
CREATE OR REPLACE SECURE FUNCTION IMMUTA.immuta_functions.f(a VARCHAR) RETURNS VARCHAR AS $$ SELECT MAX(a) FROM IMMUTA.s.t; $$;
CREATE FUNCTION IMMUTA.immuta_functions.g(a VARCHAR) RETURNS VARCHAR LANGUAGE JAVASCRIPT AS $$ return "drop; copy" + A; // don't $$;
CREATE FUNCTION IMMUTA.immuta_functions.h(a VARCHAR) RETURNS VARCHAR LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'h' AS $$
import hashlib
def h(a): return hashlib.sha256(a.encode()).hexdigest()
$$;         CREATE SECURE VIEW IMMUTA.s.v AS SELECT t.*, CASE WHEN a THEN 1 ELSE 2 END AS call FROM IMMUTA.s.t AS t;
CREATE SEQUENCE IMMUTA.s.q START 1;
""",
            """
CREATE OR REPLACE PROCEDURE IMMUTA.immuta_procedures.p(a VARCHAR) RETURNS VARCHAR LANGUAGE SQL EXECUTE AS CALLER AS $$
BEGIN
    LET n NUMBER := (SELECT COUNT(*) FROM IMMUTA.s.t);
    IF (n > 0) THEN
        DELETE FROM IMMUTA.s.t WHERE a = :a;
    ELSEIF (n = 0) THEN RETURN 'none';
    ELSE
        INSERT INTO IMMUTA.s.t SELECT CASE WHEN 1 = 1 THEN 'x' ELSE 'y' END;
    END IF;
    FOR r IN (SELECT 1 AS x) DO UPDATE IMMUTA.s.t SET a = 'x'; END FOR;
    RETURN 'done';
EXCEPTION WHEN OTHER THEN RAISE;
END $$;
CALL IMMUTA.immuta_procedures.p('x'); GRANT USAGE ON PROCEDURE IMMUTA.immuta_procedures.p(VARCHAR) TO ROLE IMMUTA_SYSTEM;
""",
            """
CREATE PROCEDURE IMMUTA.immuta_procedures.dyn(s VARCHAR) RETURNS VARCHAR LANGUAGE SQL AS BEGIN EXECUTE IMMEDIATE 'GRANT ROLE ' || s || ' TO ROLE
    x'; RETURN 1; END;
CREATE PROCEDURE IMMUTA.immuta_procedures.js() RETURNS VARCHAR LANGUAGE JAVASCRIPT EXECUTE AS OWNER AS $$ snowflake.execute({sqlText: "DROP TABLE
    x"}); $$;
GRANT USAGE ON ALL PROCEDURES IN SCHEMA IMMUTA.immuta_procedures TO ROLE "IMMUTA_IMPERSONATION";
GRANT USAGE ON FUTURE PROCEDURES IN SCHEMA IMMUTA.s TO ROLE IMMUTA_SYSTEM;
""",
            """
CREATE STREAM IMMUTA.s.c ON TABLE IMMUTA.s.t; CREATE TASK IMMUTA.s.k WAREHOUSE = WH SCHEDULE = '5 MINUTE' WHEN SYSTEM$STREAM_HAS_DATA('c')
AS INSERT INTO IMMUTA.s.u SELECT * FROM IMMUTA.s.c;
CREATE TASK IMMUTA.s.l WAREHOUSE = WH AS BEGIN DELETE FROM IMMUTA.s.t; INSERT INTO IMMUTA.s.t VALUES (1); END;
ALTER TASK IMMUTA.s.k RESUME; GRANT OPERATE ON TASK IMMUTA.s.k TO ROLE IMMUTA_SYSTEM; GRANT EXECUTE TASK ON ACCOUNT TO ROLE IMMUTA_SYSTEM;
""",
            """
GRANT USAGE ON DATABASE "IMMUTA" TO ROLE "IMMUTA_SYSTEM"; GRANT ALL PRIVILEGES ON DATABASE "IMMUTA" TO ROLE "IMMUTA_SYSTEM" WITH GRANT OPTION;
GRANT USAGE ON DATABASE IMMUTA TO ROLE PUBLIC; GRANT SELECT ON ALL VIEWS IN SCHEMA IMMUTA.immuta_system TO ROLE PUBLIC;
GRANT SELECT, INSERT (a), REFERENCES ON TABLE IMMUTA.s.t TO ROLE IMMUTA_SYSTEM;
GRANT OWNERSHIP ON SCHEMA IMMUTA.s TO ROLE IMMUTA_SYSTEM REVOKE CURRENT GRANTS;
REVOKE ALL ON DATABASE IMMUTA FROM ROLE PUBLIC; GRANT CREATE SCHEMA ON DATABASE IMMUTA TO ROLE IMMUTA_SYSTEM;
CREATE DATABASE ROLE IMMUTA.reader; GRANT DATABASE ROLE IMMUTA.reader TO ROLE IMMUTA_SYSTEM;
GRANT SELECT ON TABLE IMMUTA.s.t TO DATABASE ROLE IMMUTA.reader;
""",
            """
BEGIN
    CREATE SCHEMA IF NOT EXISTS IMMUTA.z;
    LET q VARCHAR := 'x';
    LET rs RESULTSET := (SHOW TABLES IN SCHEMA IMMUTA.z);
    CASE (q) WHEN 'x' THEN INSERT INTO IMMUTA.z.t VALUES (:q); ELSE NULL; END CASE;
    BEGIN TRANSACTION; UPDATE IMMUTA.z.t SET a = 1; COMMIT;
    WHILE (q = 'y') DO BREAK; END WHILE;
    RETURN TABLE(rs);
END;
DECLARE n INT DEFAULT 0; c CURSOR FOR SELECT 1 FROM IMMUTA.z.t; e EXCEPTION (-20001, 'x'); BEGIN OPEN c; FETCH c INTO n; CLOSE c; RAISE e; END;
""",
            """
EXECUTE IMMEDIATE 'CREATE SCHEMA IF NOT EXISTS IMMUTA.y'; EXECUTE IMMEDIATE $$ BEGIN CREATE TABLE IMMUTA.y.t (a INT); RETURN 'x'; END $$;
EXECUTE IMMEDIATE 'INSERT INTO IMMUTA.y.t VALUES (?)' USING (x); SET v = 'x'; UNSET v; ALTER SESSION SET TIMEZONE = 'UTC';
SHOW GRANTS TO ROLE IMMUTA_SYSTEM ->> SELECT * FROM $1; DESCRIBE USER IMMUTA_SYSTEM_ACCOUNT; SELECT SYSTEM$TYPEOF(1), CURRENT_ROLE();
WITH a AS (SELECT 1 AS x), b (y) AS (SELECT 2) SELECT * FROM a, b; (SELECT 1) UNION (SELECT 2); EXPLAIN SELECT 1;
MERGE INTO IMMUTA.y.t USING HR.s.u ON a = b WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1);
TRUNCATE TABLE IF EXISTS IMMUTA.y.t;
INSERT INTO IMMUTA.y.t (a, b) SELECT a, 'DROP DATABASE HR' FROM SNOWFLAKE.ACCOUNT_USAGE.USERS; COMMENT ON COLUMN IMMUTA.y.t.a IS 'x';
COMMENT ON SCHEMA IMMUTA.y IS 'x';
""",
        ],
        "edit": [
            """
DROP ROLE IMMUTA_IMPERSONATION; REVOKE IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE FROM ROLE IMMUTA_SYSTEM; REVOKE ROLE ANALYST FROM ROLE IMMUTA_SYSTEM
""",
            """
ALTER USER IMMUTA_SYSTEM_ACCOUNT SET PASSWORD = 'x'; ALTER USER IF EXISTS IMMUTA_SYSTEM_ACCOUNT UNSET RSA_PUBLIC_KEY;
ALTER DATABASE IMMUTA SET COMMENT = 'x'
""",
            """
ALTER ROLE IMMUTA_IMPERSONATION RENAME TO IMMUTA_SYSTEM; ALTER TASK IMMUTA.s.k SUSPEND; ALTER VIEW IMMUTA.s.v SET SECURE
""",
        ],
        "cleanup": [
            """
DROP DATABASE IF EXISTS IMMUTA CASCADE; DROP USER IF EXISTS IMMUTA_SYSTEM_ACCOUNT; DROP ROLE IF EXISTS IMMUTA_SYSTEM; DROP ROLE IMMUTA_IMPERSONATION
""",
            """
REVOKE ROLE IMMUTA_SYSTEM FROM ROLE SYSADMIN; REVOKE MANAGE GRANTS ON ACCOUNT FROM ROLE IMMUTA_SYSTEM;
REVOKE USAGE ON DATABASE HR FROM ROLE IMMUTA_SYSTEM
""",
        ],
    },
    REDSHIFT: {
        "setup": [
            """
CREATE DATABASE immuta WITH OWNER = immuta_system CONNECTION LIMIT UNLIMITED; ALTER DATABASE immuta OWNER TO immuta_system;
COMMENT ON DATABASE immuta IS 'x'
""",
            """
CREATE USER immuta_system WITH PASSWORD 'md5x' NOCREATEDB NOCREATEUSER SYSLOG ACCESS RESTRICTED VALID UNTIL 'infinity';
ALTER USER immuta_system SET search_path TO x
""",
            """
CREATE GROUP immuta_impersonation WITH USER immuta_system; ALTER GROUP immuta_impersonation ADD USER immuta_system;
ALTER GROUP immuta_impersonation DROP USER immuta_system
""",
            """
REVOKE ALL PRIVILEGES ON DATABASE immuta FROM PUBLIC; GRANT TEMP ON DATABASE immuta TO immuta_system;
GRANT ALL PRIVILEGES ON DATABASE "immuta" TO "immuta_system";
GRANT CREATE, USAGE ON SCHEMA immuta_system, immuta_functions TO immuta_system WITH GRANT OPTION;
GRANT USAGE ON SCHEMA immuta_system TO PUBLIC, GROUP immuta_impersonation;
GRANT SELECT ON immuta_system.v TO PUBLIC; GRANT EXECUTE ON FUNCTION immuta_functions.f(INT, VARCHAR) TO PUBLIC;
GRANT USAGE ON LANGUAGE plpythonu TO immuta_system;
GRANT ALL ON ALL TABLES IN SCHEMA immuta_system TO immuta_system; GRANT CREATE ROLE TO immuta_system
""",
            """
ALTER DEFAULT PRIVILEGES IN SCHEMA immuta_system GRANT SELECT ON TABLES TO immuta_system;
ALTER DEFAULT PRIVILEGES FOR USER immuta_system GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA immuta_system REVOKE ALL ON TABLES FROM PUBLIC
""",
            """
CREATE SCHEMA IF NOT EXISTS immuta_system AUTHORIZATION immuta_system QUOTA UNLIMITED; CREATE SCHEMA AUTHORIZATION immuta_system;
CREATE TABLE immuta_system.profiles (id BIGINT IDENTITY(1, 1) PRIMARY KEY, location VARCHAR(9) DEFAULT 'x;y' ENCODE zstd) DISTSTYLE ALL SORTKEY (id);
CREATE TEMP TABLE x (a INT); CREATE TABLE immuta_system.u AS SELECT 1 AS a; CREATE INDEX i ON immuta_system.u (a);
ALTER TABLE immuta_system.u ADD COLUMN b INT;
ALTER TABLE immuta_system.u OWNER TO immuta_system; CREATE VIEW immuta_system.v AS SELECT 1 WITH NO SCHEMA BINDING;
CREATE MATERIALIZED VIEW immuta_system.m AS SELECT 1;
INSERT INTO immuta_system.u VALUES (1); UPDATE immuta_system.u SET a = 2; DELETE FROM immuta_system.u; TRUNCATE immuta_system.u;
SELECT 1 AS a INTO immuta_system.w
""",
            """
CREATE OR REPLACE FUNCTION immuta_functions.f(a VARCHAR) RETURNS VARCHAR STABLE AS $$ SELECT CASE WHEN $1 = 'x' THEN 'y' ELSE $1 END $$ LANGUAGE sql;
CREATE FUNCTION immuta_functions.g(a VARCHAR) RETURNS VARCHAR IMMUTABLE AS $$
import json; return json.dumps({"drop": "database; it's"})
$$ LANGUAGE plpythonu; DROP FUNCTION immuta_functions.g(VARCHAR)
""",
            """
CREATE OR REPLACE PROCEDURE immuta_procedures.p(a VARCHAR, b INOUT INT) AS $$
DECLARE
    n INT := 0;
    r RECORD;
BEGIN
    SELECT INTO n COUNT(*) FROM immuta_system.u;
    IF n > 0 AND a IS NOT NULL THEN
        DELETE FROM immuta_system.u WHERE a = n;
    ELSIF n = 1 THEN RETURN;
    END IF;
    FOR r IN SELECT * FROM immuta_system.u LOOP
        INSERT INTO immuta_system.u VALUES (r.a);
    END LOOP;
    WHILE n < 3 LOOP n := n + 1; EXIT WHEN n = 2; END LOOP;
    PERFORM immuta_functions.f('x');
    GET DIAGNOSTICS n = ROW_COUNT;
    EXECUTE 'INSERT INTO immuta_system.u VALUES (1)';
    RAISE INFO 'removed %; done', n;
EXCEPTION WHEN OTHERS THEN RAISE INFO 'x';
END;
$$ LANGUAGE plpgsql; CALL immuta_procedures.p('x', 1)
""",
            """
CREATE PROCEDURE immuta_procedures.grant_it(target VARCHAR) AS $$ BEGIN
    EXECUTE 'ALTER GROUP ' || 'immuta_impersonation' || ' ADD USER ' || quote_ident(target);
END; $$ LANGUAGE plpgsql SECURITY DEFINER; GRANT EXECUTE ON PROCEDURE immuta_procedures.grant_it(VARCHAR) TO GROUP immuta_impersonation
""",
            """
DO $$ DECLARE n INTEGER; BEGIN SELECT COUNT(*) INTO n FROM pg_user; IF n = 0 THEN CREATE USER immuta_system PASSWORD DISABLE; END IF; END $$;
DO $x$ BEGIN EXECUTE 'CREATE SCHEMA IF NOT EXISTS immuta_more'; EXECUTE $q$ GRANT USAGE ON SCHEMA immuta_more TO PUBLIC $q$; END $x$ LANGUAGE plpgsql
""",
            """
CREATE RLS POLICY r WITH (a VARCHAR) USING (a = current_user); ATTACH RLS POLICY r ON immuta_system.u TO PUBLIC;
DETACH RLS POLICY r ON immuta_system.u FROM PUBLIC;
CREATE MASKING POLICY m WITH (a VARCHAR) USING ('***'::VARCHAR); ATTACH MASKING POLICY m ON immuta_system.u(a) TO PUBLIC;
ALTER TABLE immuta_system.u ROW LEVEL SECURITY ON;
BEGIN; LOCK TABLE immuta_system.u; ANALYZE immuta_system.u; COMMIT; SET search_path TO immuta_system; RESET search_path; SHOW search_path;
CREATE ROLE immuta_reader; GRANT ROLE immuta_reader TO immuta_system; EXPLAIN SELECT 1; SELECT has_database_privilege('x', 'immuta', 'CREATE')
""",
        ],
        "edit": [
            """
DROP GROUP immuta_impersonation; DROP PROCEDURE immuta_procedures.p(VARCHAR, INT); ALTER USER immuta_system PASSWORD 'x';
ALTER USER immuta_system PASSWORD DISABLE
""",
        ],
        "cleanup": [
            """
SELECT pg_terminate_backend(procpid) FROM pg_stat_activity WHERE datname = 'immuta'; DROP DATABASE IF EXISTS immuta;
DROP GROUP immuta_impersonation; DROP USER immuta_system
""",
            """
DROP OWNED BY immuta_system; DROP SCHEMA immuta_system, immuta_functions CASCADE; REVOKE ALL ON DATABASE fin FROM immuta_system;
DROP ROLE immuta_impersonation
""",
        ],
    },
    DATABRICKS: {
        "setup": [
            """
CREATE CATALOG IF NOT EXISTS immuta MANAGED LOCATION 's3://x' COMMENT 'DROP CATALOG x'; USE CATALOG immuta; CREATE SCHEMA s; USE SCHEMA s;
CREATE TABLE t (a INT)
""",
            """
CREATE SCHEMA IF NOT EXISTS immuta.immuta_system COMMENT 'x'; CREATE DATABASE immuta.d; SET CATALOG immuta; CREATE VOLUME s.v;
DROP SCHEMA IF EXISTS immuta.default CASCADE
""",
            """
CREATE TABLE immuta.s.t (a STRING COMMENT 'a;b', location STRING, c MAP<STRING, ARRAY<INT>>) USING DELTA TBLPROPERTIES ('delta.x' = 'y') CLUSTER BY
    (a);
CREATE OR REPLACE VIEW immuta.s.v AS SELECT *, CASE WHEN a = 'x' THEN 1 ELSE 2 END AS b FROM immuta.s.t;
CREATE TABLE immuta.s.u AS SELECT * FROM immuta.s.t
""",
            """
CREATE OR REPLACE FUNCTION immuta.s.f(a STRING) RETURNS STRING RETURN CASE WHEN is_account_group_member('x') THEN a ELSE '***' END;
CREATE FUNCTION immuta.s.g(a STRING) RETURNS STRING LANGUAGE PYTHON AS $$
def f(x): return "drop; copy" + x
return f(a)
$$; CREATE FUNCTION immuta.s.h() RETURNS TABLE (a INT) RETURN SELECT 1
""",
            """
ALTER TABLE immuta.s.t SET ROW FILTER immuta.s.f ON (a); ALTER TABLE immuta.s.t ALTER COLUMN a SET MASK immuta.s.f;
ALTER TABLE immuta.s.t DROP ROW FILTER;
ALTER TABLE immuta.s.t SET TAGS ('a' = 'b'); ALTER TABLE immuta.s.t ADD COLUMNS (d INT); ALTER SCHEMA immuta.s SET TAGS ('a' = 'b')
""",
            """
GRANT ALL PRIVILEGES ON CATALOG immuta TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`;
GRANT USE CATALOG, USE SCHEMA, EXECUTE ON CATALOG immuta TO `account users`;
GRANT USE SCHEMA, SELECT ON SCHEMA immuta.s TO `account users`; GRANT SELECT ON immuta.s.t TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`
""",
            """
GRANT USE CATALOG ON CATALOG system TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`;
GRANT USE SCHEMA ON SCHEMA system.access TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`;
GRANT SELECT ON TABLE system.access.audit TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`;
GRANT SELECT ON TABLE system.query.history TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`
""",
            """
ALTER CATALOG immuta OWNER TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`; ALTER SCHEMA immuta.s SET OWNER TO `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`;
COMMENT ON CATALOG immuta IS 'x'
""",
            """
setup: BEGIN
    DECLARE n INT DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SELECT 1; END;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET n = 1;
    CREATE SCHEMA IF NOT EXISTS immuta.z;
    SET n = (SELECT COUNT(*) FROM immuta.s.t);
    IF n > 0 THEN INSERT INTO immuta.s.t VALUES ('x', 1); ELSEIF n = 0 THEN VALUES (1); ELSE SELECT 1; END IF;
    l: LOOP LEAVE l; END LOOP l;
    FOR r AS SELECT 1 AS a DO SELECT r.a; END FOR;
    CASE n WHEN 1 THEN SELECT 1; ELSE SELECT 2; END CASE;
    WHILE n < 3 DO SET n = n + 1; END WHILE;
    REPEAT SET n = n + 1; UNTIL n > 5 END REPEAT;
END setup
""",
            """
CREATE OR REPLACE PROCEDURE immuta.s.p(a STRING) LANGUAGE SQL SQL SECURITY INVOKER AS BEGIN INSERT INTO immuta.s.t VALUES (a, 1); END;
CALL immuta.s.p('x');
CREATE PROCEDURE immuta.s.q(s STRING) LANGUAGE SQL SQL SECURITY INVOKER AS BEGIN EXECUTE IMMEDIATE s; END
""",
            """
EXECUTE IMMEDIATE 'CREATE SCHEMA IF NOT EXISTS immuta.y'; EXECUTE IMMEDIATE "INSERT INTO immuta.y.t VALUES (?)" USING 1;
DECLARE OR REPLACE VARIABLE n INT DEFAULT 5; SET VAR n = 6;
MERGE INTO immuta.s.t AS t USING fin.s.u AS u ON t.a = u.a WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *;
INSERT OVERWRITE immuta.s.t SELECT 1;
INSERT INTO immuta.s.t REPLACE WHERE a = 1 SELECT 1; SHOW GRANTS ON CATALOG immuta; DESCRIBE CATALOG immuta; REFRESH TABLE immuta.s.t;
ANALYZE TABLE immuta.s.t COMPUTE STATISTICS;
WITH a AS (SELECT 1) SELECT * FROM a; SET TIME ZONE 'UTC'; DROP TABLE IF EXISTS immuta.s.u; TRUNCATE TABLE immuta.s.t;
COMMENT ON TABLE immuta.s.t IS 'x'
""",
            """
CREATE POLICY p ON SCHEMA immuta.s COLUMN MASK immuta.s.f TO `account users` FOR TABLES MATCH COLUMNS has_tag('x') AS c
""",
        ],
        "edit": [
            """
REVOKE SELECT ON TABLE system.access.audit FROM `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`; UPDATE immuta.s.t SET a = 'x';
DELETE FROM immuta.s.t WHERE a = 'x'
""",
        ],
        "cleanup": [
            """
REVOKE USE CATALOG ON CATALOG system FROM `6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10`; DROP SCHEMA immuta.s CASCADE; DROP CATALOG IF EXISTS immuta CASCADE
""",
        ],
    },
    SYNAPSE: {
        "setup": [
            """
IF NOT EXISTS (SELECT * FROM sys.sql_logins WHERE name = 'immuta_system') CREATE LOGIN immuta_system WITH PASSWORD = N'x', DEFAULT_DATABASE = pool
GO
ALTER LOGIN immuta_system ENABLE
""",
            """
CREATE USER [immuta_system] FOR LOGIN [immuta_system] WITH DEFAULT_SCHEMA = immuta_system
ALTER ROLE db_owner ADD MEMBER immuta_system; EXEC sp_addrolemember N'db_datareader', N'immuta_system'
EXEC sp_addrolemember db_owner, [immuta_system]; EXEC sp_droprolemember 'db_owner', immuta_system
""",
            """
CREATE SCHEMA immuta_system AUTHORIZATION immuta_system
GO
CREATE SCHEMA views AUTHORIZATION dbo
GO
CREATE SCHEMA [x y]
""",
            """
CREATE TABLE immuta_system.t (a INT NOT NULL, b NVARCHAR(9) NULL) WITH (DISTRIBUTION = ROUND_ROBIN, HEAP)
CREATE TABLE immuta_system.u WITH (DISTRIBUTION = HASH(a)) AS SELECT a FROM immuta_system.t
CREATE STATISTICS s ON immuta_system.t (a); CREATE INDEX i ON immuta_system.t (a)
ALTER TABLE immuta_system.t ADD c INT NULL ALTER TABLE immuta_system.t ALTER COLUMN c BIGINT ALTER TABLE immuta_system.t DROP COLUMN c
DROP TABLE IF EXISTS immuta_system.u, immuta_system.v; IF OBJECT_ID('immuta_system.w') IS NOT NULL DROP TABLE immuta_system.w
RENAME OBJECT immuta_system.t TO t2
""",
            """
CREATE FUNCTION immuta_functions.f(@a NVARCHAR(9)) RETURNS BIT AS
BEGIN
    DECLARE @n INT = 0
    IF @a = 'x' SET @n = 1
    ELSE BEGIN SET @n = CASE WHEN @a = 'drop' THEN 1 ELSE 2 END END
    WHILE @n < 3 SET @n = @n + 1
    RETURN @n
END
GO
CREATE VIEW views.v AS SELECT [drop], "create", kill = 1 FROM immuta_system.t WHERE a = 'DROP DATABASE d'
""",
            """
CREATE PROCEDURE immuta_procedures.p @a NVARCHAR(9), @b INT AS
BEGIN
    SET NOCOUNT ON
    BEGIN TRY
        DELETE FROM immuta_system.t WHERE b = @a
        INSERT INTO immuta_system.t SELECT 1, @a UPDATE immuta_system.t SET a = 2 WHERE b = @a
    END TRY
    BEGIN CATCH
        PRINT ERROR_MESSAGE() THROW
    END CATCH
    EXEC sp_executesql N'TRUNCATE TABLE immuta_system.t'
END
GO
EXEC immuta_procedures.p @a = 'x', @b = 1
EXECUTE immuta_procedures.p 'x', 1
""",
            """
CREATE OR ALTER PROC immuta_procedures.dyn @s NVARCHAR(99) AS EXEC(@s) EXEC sp_executesql @s
GO
GRANT EXECUTE ON OBJECT::immuta_procedures.dyn TO IMMUTA_IMPERSONATION
""",
            """
CREATE ROLE IMMUTA_IMPERSONATION AUTHORIZATION dbo
GRANT IMPERSONATE ON USER::immuta_system TO IMMUTA_IMPERSONATION;
GRANT SELECT, INSERT, UPDATE, DELETE ON SCHEMA::immuta_system TO immuta_system WITH GRANT OPTION
GRANT CREATE TABLE, CREATE VIEW, CREATE PROCEDURE, CREATE SCHEMA TO immuta_system
GRANT ALTER ANY USER TO immuta_system GRANT ALTER ANY ROLE TO immuta_system; GRANT CONTROL ON DATABASE::pool TO immuta_system
GRANT SELECT ON immuta_system.t TO public; REVOKE GRANT OPTION FOR CREATE SCHEMA FROM immuta_system CASCADE;
DENY DELETE ON SCHEMA::immuta_system TO IMMUTA_IMPERSONATION
""",
            """
IF SCHEMA_ID('z') IS NULL EXEC('CREATE SCHEMA z AUTHORIZATION immuta_system')
EXEC sp_executesql N'CREATE SCHEMA y'; EXEC (N'CREATE VIEW y.v AS SELECT ''x'' AS a')
""",
            """
DECLARE @n INT, @s NVARCHAR(9) = N'DROP'
SET @n = (SELECT COUNT(*) FROM immuta_system.t); SELECT @n = COUNT(*) FROM sys.tables
BEGIN TRAN INSERT INTO immuta_system.t VALUES (1, 'x'), (2, 'y') COMMIT
IF @n > 0 BEGIN UPDATE t SET a = 1 FROM immuta_system.t AS t JOIN immuta_system.u AS u ON t.a = u.a DELETE FROM immuta_system.u END ELSE PRINT 'none'
MERGE immuta_system.t AS t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = 2 WHEN NOT MATCHED THEN INSERT (a) VALUES (1);
WITH c (a) AS (SELECT a FROM immuta_system.t) SELECT * FROM c ORDER BY a OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY
RAISERROR('x', 10, 1); WAITFOR DELAY '00:00:01'; ALTER USER immuta_system WITH DEFAULT_SCHEMA = immuta_system;
ALTER ROLE IMMUTA_IMPERSONATION WITH NAME = IMMUTA_IMPERSONATION
""",
            """
DECLARE c CURSOR FOR SELECT a FROM immuta_system.t
OPEN c FETCH NEXT FROM c INTO @a CLOSE c DEALLOCATE c
CREATE WORKLOAD GROUP immuta WITH (MIN_PERCENTAGE_RESOURCE = 0);
CREATE WORKLOAD CLASSIFIER c2 WITH (WORKLOAD_GROUP = 'immuta', MEMBERNAME = 'immuta_system')
CREATE SECURITY POLICY immuta_system.p ADD FILTER PREDICATE immuta_functions.f(a) ON immuta_system.t WITH (STATE = ON)
CREATE TABLE #x (a INT); INSERT INTO #x VALUES (1); DROP TABLE #x; INSERT INTO @t VALUES (1);
SELECT a INTO #y FROM immuta_system.t OPTION (LABEL = 'x')
""",
        ],
        "edit": [
            """
DROP ROLE IMMUTA_IMPERSONATION
GO
ALTER LOGIN immuta_system WITH PASSWORD = N'x' OLD_PASSWORD = N'y'
GO
ALTER ROLE IMMUTA_IMPERSONATION DROP MEMBER immuta_system
""",
        ],
        "cleanup": [
            """
IF EXISTS (SELECT 1 FROM sys.schemas WHERE name = 's') DROP SCHEMA s
GO
DROP USER IF EXISTS immuta_system; DROP ROLE IMMUTA_IMPERSONATION
GO
EXEC('DROP LOGIN immuta_system'); DROP DATABASE IF EXISTS pool
""",
        ],
    },
}
SCOPES = {platform: scope_of(platform, config) for platform, config in CONFIGS.items()}
SCOPES[REDSHIFT]["accounts"].append("immuta_system")
SCOPES[DATABRICKS]["accounts"].append("6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10")
SCOPES[SYNAPSE]["accounts"].append("immuta_system")


def plausible() -> list[tuple[str, str, str]]:
    return [(platform, purpose, script) for platform, purposes in PLAUSIBLE.items() for purpose, scripts in purposes.items() for script in scripts]


@pytest.mark.parametrize(("platform", "purpose", "script"), plausible())
@pytest.mark.parametrize("scoped", [False, True])
def test_a_plausible_script_passes(platform: str, purpose: str, script: str, scoped: bool) -> None:
    assert forbidden_statements(split(script, DIALECT_OF[platform]), platform, purpose, SCOPES[platform] if scoped else None) == []


def test_there_are_at_least_ten_plausible_setups_per_platform() -> None:
    assert {platform: len(purposes["setup"]) >= 10 for platform, purposes in PLAUSIBLE.items()} == dict.fromkeys(PLAUSIBLE, True)
