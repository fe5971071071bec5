# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb and the object of a statement."""

from __future__ import annotations

import pytest
from ansible_collections.community.immuta.plugins.module_utils._sql.classify import Classification, classify, describe
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split


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
    assert classify(statement, "snowflake") == Classification(verb, name)


def test_a_description_has_number_line_verb_and_object_but_no_literal() -> None:
    script = "\nUSE ROLE a; CREATE USER u\nPASSWORD='geheim';"
    assert describe(split(script, "snowflake"), "snowflake") == [
        {"number": 1, "line": 2, "verb": "USE", "object": "a"},
        {"number": 2, "line": 2, "verb": "CREATE USER", "object": "u"},
    ]
