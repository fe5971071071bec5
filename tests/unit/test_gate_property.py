# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement that is refused stays refused, however it is dressed: comments, case, quotes, blocks, batches, escapes, literals in literals."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ScriptRefused
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import forbidden, is_query
from ansible_collections.community.immuta.plugins.module_utils._sql.split import DIALECT_OF, split
from ansible_collections.community.immuta.plugins.module_utils._sql.tokens import scan
from hypothesis import given, settings
from hypothesis import strategies as st

SNOWFLAKE, REDSHIFT, DATABRICKS, SYNAPSE = DIALECT_OF
SCOPES: dict[str, dict[str, Any]] = {
    SNOWFLAKE: {"database": "IMMUTA", "accounts": ["IMMUTA_SYSTEM_ACCOUNT"]},
    REDSHIFT: {"database": "immuta", "accounts": ["immuta_system"]},
    DATABRICKS: {"database": "immuta", "accounts": ["6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10"]},
    SYNAPSE: {"database": "pool", "accounts": ["immuta_system"]},
}
# Plain statements that no script of Immuta's holds: each may stand alone, in a block, in a batch and in a literal.
FORBIDDEN: dict[str, list[str]] = {
    SNOWFLAKE: [
        "DROP DATABASE HR",
        "DROP TABLE HR.S.T",
        "CREATE OR REPLACE DATABASE IMMUTA",
        "CREATE USER BACKDOOR PASSWORD = 'x;y'",
        "ALTER USER OTHER SET PASSWORD = 'x'",
        "ALTER ACCOUNT SET NETWORK_POLICY = P",
        "GRANT ROLE ACCOUNTADMIN TO ROLE IMMUTA_SYSTEM",
        "GRANT ROLE IMMUTA_SYSTEM TO USER ATTACKER",
        "COPY INTO 's3://b' FROM HR.S.T",
        "INSERT INTO HR.S.T VALUES (1)",
        "DELETE FROM HR.S.T",
        "CREATE SHARE S",
        "CREATE STORAGE INTEGRATION I",
        "CALL HR.S.P()",
        "EXECUTE IMMEDIATE :V",
        "UNDROP DATABASE HR",
    ],
    REDSHIFT: [
        "DROP DATABASE fin",
        "DROP TABLE fin.public.t",
        "CREATE USER backdoor PASSWORD 'x;y'",
        "ALTER USER other PASSWORD 'x'",
        "CREATE USER immuta_system PASSWORD 'x' CREATEUSER",
        "GRANT ALL ON DATABASE immuta TO attacker",
        "GRANT ROLE sys:superuser TO immuta_system",
        "COPY t FROM 's3://b' IAM_ROLE 'x'",
        "UNLOAD ('SELECT 1') TO 's3://b' IAM_ROLE 'x'",
        "DELETE FROM fin.public.t",
        "CALL other.p()",
        "ALTER DATABASE immuta RENAME TO fin",
    ],
    DATABRICKS: [
        "DROP CATALOG fin",
        "DROP TABLE fin.s.t",
        "CREATE OR REPLACE CATALOG immuta",
        "GRANT SELECT ON TABLE fin.s.t TO `x`",
        "COPY INTO immuta.s.t FROM 's3://b'",
        "INSERT OVERWRITE DIRECTORY 's3://b' SELECT 1",
        "INSERT INTO fin.s.t VALUES (1)",
        "CREATE TABLE immuta.s.t LOCATION 's3://b' AS SELECT 1",
        "CREATE SHARE s",
        "CALL fin.s.p()",
        "ALTER CATALOG fin OWNER TO `x`",
    ],
    SYNAPSE: [
        "DROP DATABASE fin",
        "DROP TABLE fin.dbo.t",
        "CREATE LOGIN backdoor WITH PASSWORD = 'x;y'",
        "ALTER LOGIN sa WITH PASSWORD = 'x'",
        "GRANT SELECT ON SCHEMA::s TO attacker",
        "BACKUP DATABASE pool TO DISK = 'x'",
        "COPY INTO t FROM 'https://x'",
        "CREATE EXTERNAL DATA SOURCE d WITH (LOCATION = 'x')",
        "DBCC DROPCLEANBUFFERS",
        "DELETE FROM fin.dbo.t",
        "EXEC other.p",
        "EXEC(@s)",
        "KILL 5",
    ],
}
Dress = Callable[[str, random.Random], str]
GAPS = [" ", "\n", "\t", "\r\n", " /* a ' ; -- b */ ", " -- ' ; c\n", "\n/* SELECT 1; */\n", "  "]


def literal(text: str, platform: str, chance: random.Random) -> str:
    """The text as a literal, in one of the ways that the platform has."""
    ways = ["single"]
    if platform != SYNAPSE and "$" not in text:
        ways.append("dollar")
    if platform == DATABRICKS:
        ways.append("double")
    way = chance.choice(ways)
    if way == "dollar":
        tag = "" if platform == SNOWFLAKE else chance.choice(["", "a"])
        return f"${tag}${text}${tag}$"
    quote = '"' if way == "double" else "'"
    if platform != SYNAPSE:
        text = text.replace("\\", "\\\\")
    prefix = chance.choice(["", "N"]) if platform == SYNAPSE else "E" if platform == REDSHIFT else ""
    return prefix + quote + "".join(escaped(each, quote, platform, chance) for each in text) + quote


def escaped(char: str, quote: str, platform: str, chance: random.Random) -> str:
    if char == quote:
        return quote * 2 if platform != DATABRICKS else "\\" + quote
    if platform == SYNAPSE or char == "\\" or chance.random() > 0.1:
        return char
    code = ord(char)
    forms = [f"\\u{code:04x}", f"\\{code:03o}"]
    if platform != DATABRICKS:
        forms.append(f"\\x{code:02X}")
    return chance.choice(forms) if code < 256 else char


def regapped(text: str, chance: random.Random, dialect: str) -> str:
    """Other space, comments and another case between the same tokens."""
    found = []
    for token in scan(text, dialect):
        if token.kind == "space":
            found.append(chance.choice(GAPS))
        elif token.kind == "word":
            found.append("".join(chance.choice([each.lower(), each.upper()]) for each in token.text))
        else:
            found.append(token.text)
    return "".join(found)


def shells(platform: str) -> list[Dress]:
    """Ways to have a statement run that is not seen at the beginning of a script's statement."""
    if platform == SYNAPSE:
        around = [
            "PRINT 'a' {}",
            "SELECT 1 {}",
            "SET NOCOUNT ON {}",
            "IF 1 = 1 {}",
            "IF 1 = 1 PRINT 'a' ELSE {}",
            "BEGIN {} END",
            "BEGIN TRY {} END TRY BEGIN CATCH PRINT 'b' END CATCH",
            "BEGIN TRY PRINT 'b' END TRY BEGIN CATCH {} END CATCH",
            "WHILE 1 = 1 BEGIN {} END",
            "DECLARE @a INT = 1; {}; PRINT 'c'",
            "SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END {}",
            "DROP TABLE IF EXISTS t {}",
            "PRINT 'a'\nGO\n{}\nGO 2",
            "CREATE PROC q AS {}\nGO\nEXEC q",
        ]
        return [
            *map(within, around),
            lambda text, chance: f"EXEC({literal(text, platform, chance)})",
            lambda text, chance: f"EXEC sp_executesql {literal(text, platform, chance)}",
        ]
    if platform == REDSHIFT:
        blocks = [
            "BEGIN {}; END",
            "BEGIN IF a THEN {}; END IF; END",
            "DECLARE a INT; BEGIN FOR r IN SELECT 1 LOOP {}; END LOOP; END",
            "BEGIN NULL; EXCEPTION WHEN OTHERS THEN {}; END",
        ]
        return [
            *(lambda text, chance, block=block: f"DO $do$ {block.format(text)} $do$" for block in blocks),
            lambda text, chance: f"DO $do$ BEGIN EXECUTE {literal(text, platform, chance)}; END $do$",
            lambda text, chance: f"CREATE PROCEDURE q() AS $do$ BEGIN {text}; END $do$ LANGUAGE plpgsql; CALL q()",
            within("SELECT 1; {}; SELECT 2"),
        ]
    around = [
        "BEGIN {}; END",
        "BEGIN SELECT 1; IF (a) THEN SELECT 2; ELSE {}; END IF; END",
        "BEGIN BEGIN {}; END; END",
        "BEGIN LOOP {}; END LOOP; END",
        "BEGIN WHILE (a) DO {}; END WHILE; END",
        "BEGIN REPEAT {}; UNTIL (a) END REPEAT; END",
        "BEGIN CASE (a) WHEN 1 THEN {}; END CASE; END",
        "SELECT 1; {}; SELECT 2",
        "CREATE PROCEDURE IMMUTA.s.q() RETURNS INT LANGUAGE SQL AS BEGIN {}; END; CALL IMMUTA.s.q()",
    ]
    if platform == SNOWFLAKE:
        around += [
            "SHOW TABLES ->> {}",
            "BEGIN SELECT 1; EXCEPTION WHEN OTHER THEN {}; END",
            "DECLARE a INT DEFAULT 1; BEGIN {}; END",
            "BEGIN LET r RESULTSET := ({}); END",
            "BEGIN FOR r IN c DO {}; END FOR; END",
            "CREATE TASK IMMUTA.s.k WAREHOUSE = w AS {}",
        ]
    else:
        around += ["l: BEGIN {}; END l", "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION {}; SELECT 1; END", "BEGIN FOR r AS SELECT 1 DO {}; END FOR; END"]
    return [*map(within, around), lambda text, chance: f"EXECUTE IMMEDIATE {literal(text, platform, chance)}"]


def within(around: str) -> Dress:
    return lambda text, chance: around.replace("{}", text)


def dressed(platform: str, statement: str, chance: random.Random, depth: int) -> str:
    text = regapped(statement, chance, DIALECT_OF[platform])
    for _layer in range(depth):
        if not is_script(platform, text):
            text = chance.choice(shells(platform))(text, chance)
    return text


def is_script(platform: str, text: str) -> bool:
    """Whether it can stand in no other statement: there are several, or it is none that a block takes."""
    if platform == SYNAPSE:
        return bool(re.search(r"(?im)^\s*GO\b|CREATE PROC", text))
    return len(split(text, DIALECT_OF[platform])) > 1 or bool(re.match(r"(?i)\s*(DECLARE|DO|CREATE (TASK|PROCEDURE)|SHOW)\b", text))


CASES = [(platform, statement) for platform, statements in FORBIDDEN.items() for statement in statements]


@settings(max_examples=600)
@given(st.sampled_from(CASES), st.integers(0, 2**32), st.integers(0, 3))
def test_no_dress_gets_a_forbidden_statement_through(case: tuple[str, str], seed: int, depth: int) -> None:
    platform, statement = case
    script = dressed(platform, statement, random.Random(seed), depth)
    try:
        statements = split(script, DIALECT_OF[platform])
    except ScriptRefused:
        return  # which is as good
    assert forbidden(statements, platform, "setup", SCOPES[platform]), script


@settings(max_examples=300)
@given(st.sampled_from(CASES), st.integers(0, 2**32), st.integers(0, 3))
def test_no_dress_makes_one_a_query(case: tuple[str, str], seed: int, depth: int) -> None:
    platform, statement = case
    script = dressed(platform, statement, random.Random(seed), depth)
    try:
        assert not is_query(script, platform), script
    except ScriptRefused:
        return


@pytest.mark.parametrize(("platform", "statement"), CASES)
def test_every_shell_refuses_every_statement(platform: str, statement: str) -> None:
    for shell in shells(platform):
        script = shell(statement, random.Random(1))
        assert forbidden(split(script, DIALECT_OF[platform]), platform, "setup", SCOPES[platform]), script


WORDS = ["BEGIN", "END", "CREATE", "DROP", "EXEC", "EXECUTE", "IMMEDIATE", "AS", "TABLE", "CASE", "GRANT", "ON", "TO", "WITH", "PROCEDURE", "ALTER", "DO"]
NOISE = st.lists(st.sampled_from([*"aE;'\"`$[]()-/*\\.,=:>@|+\n", *(f" {word} " for word in WORDS)]), max_size=30).map("".join)


@settings(max_examples=500)
@given(st.sampled_from(sorted(DIALECT_OF)), NOISE)
def test_whatever_the_script_it_is_judged(platform: str, script: str) -> None:
    try:
        statements = split(script, DIALECT_OF[platform])
    except ScriptRefused:
        return
    for row in forbidden(statements, platform, "setup", SCOPES[platform]):
        assert row["reason"] in ("kind", "scope", "unreadable")
