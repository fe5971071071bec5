# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate refuses a forbidden statement in every disguise: comments, case, quotes, blocks, batches, escapes, literals in literals."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ScriptRefused
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import forbidden_statements, is_query
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split
from ansible_collections.community.immuta.plugins.module_utils._sql.tokenizer import DIALECT_OF, tokenize
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

SNOWFLAKE, REDSHIFT, DATABRICKS, SYNAPSE = DIALECT_OF
SCOPES: dict[str, dict[str, Any]] = {
    SNOWFLAKE: {"database": "IMMUTA", "accounts": ["IMMUTA_SYSTEM_ACCOUNT"]},
    REDSHIFT: {"database": "immuta", "accounts": ["immuta_system"]},
    DATABRICKS: {"database": "immuta", "accounts": ["6cd0dfd0-3d43-4d12-8a3b-2f6c6f0d6f10"]},
    SYNAPSE: {"database": "pool", "accounts": ["immuta_system"]},
}
# Plain statements that no script of Immuta contains. Each can stand alone, in a block, in a batch and in a literal.
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
GAPS = [" ", "\n", "\t", "\r\n", " /* a ' ; -- b */ ", " -- ' ; c\n", " -- /* d\r\n", "\n/* SELECT 1; */\n", "  ", "/**/"]
MORE_GAPS = {
    SNOWFLAKE: [" // ' ; e\n", " /* /* f */ "],
    REDSHIFT: [" /* /* ' */ g */ "],
    DATABRICKS: [" /* /* ' */ g */ "],
    SYNAPSE: [" /* /* ' */ g */ "],
}
# A gap next to these is optional.
NEEDS_NO_GAP = frozenset("().,=;")
# Words that are names, so that they may be quoted
NAMES = frozenset(["HR", "S", "T", "I", "P", "IMMUTA", "BACKDOOR", "OTHER", "ACCOUNTADMIN", "IMMUTA_SYSTEM", "ATTACKER"]) | frozenset(
    ["fin", "immuta", "t", "backdoor", "attacker", "immuta_system", "other", "s", "p", "pool", "sa", "d"]
)
QUOTES = {SNOWFLAKE: ['""'], REDSHIFT: ['""'], DATABRICKS: ["``"], SYNAPSE: ["[]", '""']}


def joined_literals(text: str, platform: str, chance: random.Random) -> str:
    """Return the text as a literal, or as two literals that the database joins."""
    cut = chance.randrange(len(text)) if chance.random() < 0.2 else 0
    glue = chance.choice({SYNAPSE: [" + ", "+"], REDSHIFT: [" || ", "\n"]}.get(platform, [" || ", " ", "||"]))
    return glue.join(literal(piece, platform, chance) for piece in (text[:cut], text[cut:]) if piece)


def literal(text: str, platform: str, chance: random.Random) -> str:
    """Return the text as a literal, in one of the forms of the platform."""
    ways = ["single"]
    if platform != SYNAPSE and "$" not in text:
        ways.append("dollar")
    if platform == DATABRICKS:
        ways += ["double"] + ["raw"] * ("'" not in text)
    way = chance.choice(ways)
    if way == "dollar":
        tag = "" if platform == SNOWFLAKE else chance.choice(["", "a"])
        return f"${tag}${text}${tag}$"
    if way == "raw":
        return f"r'{text}'"
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


def with_other_gaps(text: str, chance: random.Random, platform: str) -> str:
    """Return the same tokens with other space and comments between them, in another case, and with quoted names."""
    found, gaps = [], GAPS + MORE_GAPS[platform]
    for token in tokenize(text, DIALECT_OF[platform]):
        if token.kind == "space":
            found.append(chance.choice(gaps))
        elif token.text in NAMES and chance.random() < 0.3:
            opening, closing = chance.choice(QUOTES[platform])
            found.append(f"{opening}{token.text}{closing}")
        elif token.kind == "word":
            found.append("".join(chance.choice([each.lower(), each.upper()]) for each in token.text))
        elif token.text in NEEDS_NO_GAP and chance.random() < 0.2:
            found += [chance.choice(gaps), token.text, chance.choice(gaps)]
        else:
            found.append(token.text)
    return "".join(found)


# Blocks that Snowflake and Databricks both have
SCRIPTING = [
    "BEGIN {}; END",
    "BEGIN SELECT 1; IF (a) THEN SELECT 2; ELSE {}; END IF; END",
    "BEGIN IF (a) THEN SELECT 1; ELSEIF (b) THEN BEGIN {}; END; END IF; END",
    "BEGIN BEGIN {}; END; END",
    "BEGIN LOOP {}; END LOOP; END",
    "BEGIN WHILE (a) DO {}; END WHILE; END",
    "BEGIN REPEAT {}; UNTIL (a) END REPEAT; END",
    "BEGIN CASE (a) WHEN 1 THEN {}; END CASE; END",
    "SELECT 1; {}; SELECT 2",
    "CREATE PROCEDURE IMMUTA.s.q() RETURNS INT LANGUAGE SQL AS BEGIN {}; END; CALL IMMUTA.s.q()",
]
IMMEDIATE = [
    "EXECUTE IMMEDIATE {}",
    "BEGIN EXECUTE IMMEDIATE {}; END",
    "CREATE PROCEDURE IMMUTA.s.q() RETURNS INT LANGUAGE SQL AS BEGIN EXECUTE IMMEDIATE {}; END; CALL IMMUTA.s.q()",
]
# Ways to run a statement that is not at the beginning of a statement of the script
WRAPPERS = {
    SNOWFLAKE: [
        *SCRIPTING,
        "SHOW TABLES ->> {}",
        "BEGIN SELECT 1; EXCEPTION WHEN OTHER THEN {}; END",
        "DECLARE a INT DEFAULT 1; BEGIN {}; END",
        "BEGIN LET r RESULTSET := ({}); END",
        "BEGIN FOR r IN c DO {}; END FOR; END",
        "BEGIN ASYNC ({}); END",
        "BEGIN; {}; COMMIT",
        "DECLARE r RESULTSET DEFAULT ({}); BEGIN RETURN 1; END",
        "DECLARE p PROCEDURE () RETURNS INT AS BEGIN BEGIN {}; END; SELECT 1; END; BEGIN CALL p(); END",
        "CREATE TASK IMMUTA.s.k WAREHOUSE = w AS {}",
        "WITH p AS PROCEDURE () RETURNS INT LANGUAGE SQL AS $$ BEGIN {}; END $$ CALL p()",
    ],
    REDSHIFT: [
        "SELECT 1; {}; SELECT 2",
        "BEGIN; {}; COMMIT",
        "EXPLAIN ANALYZE {}",
        "PREPARE q AS {}; EXECUTE q",
        "CREATE PROCEDURE q() AS $do$ BEGIN {}; END $do$ LANGUAGE plpgsql; CALL q()",
        "CREATE FUNCTION q() RETURNS INT AS $do$ BEGIN {}; RETURN 1; END $do$ LANGUAGE plpgsql; SELECT q()",
        "DO $do$ BEGIN {}; END $do$",
        "DO $do$ BEGIN IF a THEN {}; END IF; END $do$",
        "DO $do$ BEGIN IF a THEN NULL; ELSIF b THEN {}; ELSE NULL; END IF; END $do$",
        "DO $do$ DECLARE a INT; BEGIN FOR r IN SELECT 1 LOOP {}; END LOOP; END $do$",
        "DO $do$ BEGIN WHILE a LOOP {}; END LOOP; END $do$",
        "DO $do$ BEGIN LOOP {}; EXIT; END LOOP; END $do$",
        "DO $do$ BEGIN CASE a WHEN 1 THEN {}; ELSE NULL; END CASE; END $do$",
        "DO $do$ <<l>> BEGIN BEGIN {}; END; END $do$",
        "DO $do$ BEGIN NULL; EXCEPTION WHEN OTHERS THEN {}; END $do$",
    ],
    DATABRICKS: [
        *SCRIPTING,
        "l: BEGIN {}; END l",
        "BEGIN ATOMIC {}; END",
        "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION {}; SELECT 1; END",
        "BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN {}; END; SELECT 1; END",
        "BEGIN FOR r AS SELECT 1 DO {}; END FOR; END",
        "BEGIN k: LOOP {}; LEAVE k; END LOOP k; END",
    ],
    SYNAPSE: [
        "PRINT 'a' {}",
        "SELECT 1 {}",
        "SET NOCOUNT ON {}",
        "IF 1 = 1 {}",
        "IF 1 = 1 PRINT 'a' ELSE {}",
        "IF EXISTS (SELECT 1) BEGIN IF 1 = 1 BEGIN {} END ELSE PRINT 'a' END",
        "BEGIN {} END",
        "BEGIN TRY {} END TRY BEGIN CATCH PRINT 'b' END CATCH",
        "BEGIN TRY PRINT 'b' END TRY BEGIN CATCH {} END CATCH",
        "BEGIN TRAN {} COMMIT",
        "WHILE 1 = 1 BEGIN {} END",
        "DECLARE @a INT = 1; {}; PRINT 'c'",
        "SELECT CASE WHEN 1 = 1 THEN 2 ELSE 3 END {}",
        "WITH a AS (SELECT 1 AS b) SELECT b FROM a {}",
        "UPDATE t SET a = CASE WHEN 1 = 1 THEN 1 END WHERE b = (SELECT 1) {}",
        "DROP TABLE IF EXISTS t {}",
        "THROW 50000, 'a', 1 {}",
        "PRINT 'a'\nGO\n{}\nGO 2",
        "CREATE PROC q AS {}\nGO\nEXEC q",
        "PRINT 'a'\nGO 2\nCREATE PROCEDURE q @a INT AS BEGIN {} END\nGO\nPRINT 'b' EXECUTE q 1",
    ],
}
# Ways to execute a text
DYNAMIC_SQL = {
    SNOWFLAKE: [
        *IMMEDIATE,
        "BEGIN LET r RESULTSET := (EXECUTE IMMEDIATE {}); END",
        "CREATE PROCEDURE IMMUTA.s.q() RETURNS INT LANGUAGE SQL AS {}; CALL IMMUTA.s.q()",
    ],
    REDSHIFT: [
        "DO $do$ BEGIN EXECUTE {}; END $do$",
        "DO $do$ BEGIN FOR r IN EXECUTE {} LOOP NULL; END LOOP; END $do$",
        "DO $do$ BEGIN OPEN c FOR EXECUTE {}; END $do$",
        "CREATE PROCEDURE q() AS $do$ BEGIN EXECUTE {}; END $do$ LANGUAGE plpgsql; CALL q()",
    ],
    DATABRICKS: [*IMMEDIATE, "BEGIN EXECUTE IMMEDIATE {} INTO a; END"],
    SYNAPSE: [
        "EXEC({})",
        "EXECUTE ({})",
        "EXEC sp_executesql {}",
        "EXEC @r = sys.sp_executesql @stmt = {}",
        "PRINT 'a' EXEC [sp_executesql] {}, N'@a INT', 1",
    ],
}
SHELLS: dict[str, list[Dress]] = {
    platform: [
        *(lambda text, _chance, around=around: around.replace("{}", text) for around in WRAPPERS[platform]),
        *(
            lambda text, chance, around=around, platform=platform: around.replace("{}", joined_literals(text, platform, chance))
            for around in DYNAMIC_SQL[platform]
        ),
    ]
    for platform in DIALECT_OF
}


def disguised(platform: str, statement: str, chance: random.Random, depth: int) -> str:
    text = with_other_gaps(statement, chance, platform)
    for _layer in range(depth):
        if not is_script(platform, text):
            text = chance.choice(SHELLS[platform])(text, chance)
    return text


def is_script(platform: str, text: str) -> bool:
    """Whether the text cannot be part of another statement: it has several statements, or one that a block does not accept."""
    if platform == SYNAPSE:
        return bool(re.search(r"(?im)^\s*GO\b|CREATE PROC", text))
    return len(split(text, DIALECT_OF[platform])) > 1 or bool(
        re.match(r"(?i)\s*(DECLARE|DO|CREATE (TASK|PROCEDURE|FUNCTION)|SHOW|WITH|PREPARE|EXPLAIN)\b", text)
    )


CASES = [(platform, statement) for platform, statements in FORBIDDEN.items() for statement in statements]


@examples(600)
@given(st.sampled_from(CASES), st.integers(0, 2**32), st.integers(0, 3))
def test_a_disguised_forbidden_statement_is_refused(case: tuple[str, str], seed: int, depth: int) -> None:
    platform, statement = case
    script = disguised(platform, statement, random.Random(seed), depth)
    try:
        statements = split(script, DIALECT_OF[platform])
    except ScriptRefused:
        return  # refused earlier, which is also correct
    assert forbidden_statements(statements, platform, "setup", SCOPES[platform]), script


@examples(300)
@given(st.sampled_from(CASES), st.integers(0, 2**32), st.integers(0, 3))
def test_a_disguised_forbidden_statement_is_not_a_query(case: tuple[str, str], seed: int, depth: int) -> None:
    platform, statement = case
    script = disguised(platform, statement, random.Random(seed), depth)
    try:
        assert not is_query(script, platform), script
    except ScriptRefused:
        return


@pytest.mark.parametrize(("platform", "statement"), CASES)
def test_every_wrapper_is_refused_around_every_forbidden_statement(platform: str, statement: str) -> None:
    for shell in SHELLS[platform]:
        script = shell(statement, random.Random(1))
        assert forbidden_statements(split(script, DIALECT_OF[platform]), platform, "setup", SCOPES[platform]), script


WORDS = ["BEGIN", "END", "CREATE", "DROP", "EXEC", "EXECUTE", "IMMEDIATE", "AS", "TABLE", "CASE", "GRANT", "ON", "TO", "WITH", "PROCEDURE", "ALTER", "DO"]
NOISE = st.lists(st.sampled_from([*"aE;'\"`$[]()-/*\\.,=:>@|+\n", *(f" {word} " for word in WORDS)]), max_size=30).map("".join)


@examples(500)
@given(st.sampled_from(sorted(DIALECT_OF)), NOISE)
def test_any_script_can_be_checked(platform: str, script: str) -> None:
    try:
        statements = split(script, DIALECT_OF[platform])
    except ScriptRefused:
        return
    for row in forbidden_statements(statements, platform, "setup", SCOPES[platform]):
        assert row["reason"] in ("kind", "scope", "unreadable")
