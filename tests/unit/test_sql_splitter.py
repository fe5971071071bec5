# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The splitter and the masker: cases that libraries get wrong, then properties of generated scripts."""

from __future__ import annotations

import pytest
import sqlglot
import sqlparse
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ScriptRefused
from ansible_collections.community.immuta.plugins.module_utils._sql.masker import mask_literals, secrets_in
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import Statement, pieces, split
from ansible_collections.community.immuta.plugins.module_utils._sql.tokenizer import DIALECTS
from hypothesis import given
from hypothesis import strategies as st

EVERY = tuple(DIALECTS)
SEMICOLONS = ("snowflake", "redshift", "databricks")
DOLLARS = SEMICOLONS
BLOCKS = ("snowflake", "databricks")


def texts(script: str, dialect: str) -> list[str]:
    return [statement.text for statement in split(script, dialect)]


def joined(script: str, dialect: str) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces(script, dialect))


def cases(*rows: tuple[tuple[str, ...], str, list[str]]) -> list[tuple[str, str, list[str]]]:
    return [(dialect, script, expected) for dialects, script, expected in rows for dialect in dialects]


PROCEDURE = "CREATE PROCEDURE p() RETURNS INT LANGUAGE SQL AS"


@pytest.mark.parametrize(
    ("dialect", "script", "expected"),
    cases(
        (SEMICOLONS, "", []),
        (SEMICOLONS, " ;; \n;", []),
        (SEMICOLONS, "-- nothing; here\n/* nor; here */", []),
        (SEMICOLONS, "SELECT 1", ["SELECT 1"]),
        (SEMICOLONS, "SELECT 1; SELECT 2;;SELECT 3", ["SELECT 1", "SELECT 2", "SELECT 3"]),
        (SEMICOLONS, "\ufeffSELECT 1;\r\nSELECT 2;\r\n", ["SELECT 1", "SELECT 2"]),
        (SEMICOLONS, "/* a; */ SELECT 1 -- b;\n ; -- c;\n", ["SELECT 1"]),
        (SEMICOLONS, "SELECT /* a; */ 1 -- b;\n + 2;", ["SELECT /* a; */ 1 -- b;\n + 2"]),
        (SEMICOLONS, "SELECT 'a;''b;'; SELECT 2", ["SELECT 'a;''b;'", "SELECT 2"]),
        (SEMICOLONS, r"SELECT 'it\'s; ok'; SELECT 2", [r"SELECT 'it\'s; ok'", "SELECT 2"]),
        (SEMICOLONS, r"SELECT 'c:\\'; SELECT 2", [r"SELECT 'c:\\'", "SELECT 2"]),
        (SEMICOLONS, "SELECT begin FROM t; SELECT 2; SELECT 3", ["SELECT begin FROM t", "SELECT 2", "SELECT 3"]),
        (SEMICOLONS, "SELECT x AS begin FROM t; SELECT 2", ["SELECT x AS begin FROM t", "SELECT 2"]),
        (SEMICOLONS, "SELECT CASE WHEN a THEN 1 END; SELECT 2", ["SELECT CASE WHEN a THEN 1 END", "SELECT 2"]),
        (SEMICOLONS, "BEGIN; SELECT 1; COMMIT;", ["BEGIN", "SELECT 1", "COMMIT"]),
        (SEMICOLONS, "BEGIN TRANSACTION; SELECT 1; END;", ["BEGIN TRANSACTION", "SELECT 1", "END"]),
        (SEMICOLONS, "BEGIN WORK ; SELECT 1;", ["BEGIN WORK", "SELECT 1"]),
        (("snowflake",), "BEGIN NAME t1; SELECT 1;", ["BEGIN NAME t1", "SELECT 1"]),
        (SEMICOLONS, "BEGIN -- now\n; SELECT 1", ["BEGIN", "SELECT 1"]),
        (DOLLARS, "CREATE FUNCTION f() AS $$ a; 'b $$; SELECT 2", ["CREATE FUNCTION f() AS $$ a; 'b $$", "SELECT 2"]),
        (("redshift",), "SELECT $body$ a; $$ b; $body$; SELECT 2", ["SELECT $body$ a; $$ b; $body$", "SELECT 2"]),
        (("redshift",), "SELECT $B$ a; $b$ ; $B$; SELECT 2", ["SELECT $B$ a; $b$ ; $B$", "SELECT 2"]),
        (("redshift",), "SELECT $1; SELECT a$$b; SELECT 3", ["SELECT $1", "SELECT a$$b", "SELECT 3"]),
        (("snowflake",), "CREATE FUNCTION f() AS$$ a; $$; SELECT $1; SELECT $v", ["CREATE FUNCTION f() AS$$ a; $$", "SELECT $1", "SELECT $v"]),
        (("redshift",), r"SELECT E'it\'s; ok'; SELECT 2", [r"SELECT E'it\'s; ok'", "SELECT 2"]),
        (("databricks",), r"SELECT r'c:\'; SELECT 2", [r"SELECT r'c:\'", "SELECT 2"]),
        (("databricks",), r'SELECT "it\"s; ok"; SELECT 2', [r'SELECT "it\"s; ok"', "SELECT 2"]),
        (("databricks",), "SELECT `a;``b`; SELECT 2", ["SELECT `a;``b`", "SELECT 2"]),
        (("snowflake", "redshift"), 'SELECT "a;""b"; SELECT 2', ['SELECT "a;""b"', "SELECT 2"]),
        (("snowflake",), "SELECT 1; // a; b\nSELECT 2", ["SELECT 1", "SELECT 2"]),
        (("redshift", "databricks"), "SELECT 4 // 2; SELECT 2", ["SELECT 4 // 2", "SELECT 2"]),
        (("redshift", "databricks"), "/* a /* b; */ c; */ SELECT 1", ["SELECT 1"]),
        (("snowflake",), "/* a /* b; */ SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        (BLOCKS, f"{PROCEDURE} BEGIN SELECT 1; RETURN 1; END; SELECT 2", [f"{PROCEDURE} BEGIN SELECT 1; RETURN 1; END", "SELECT 2"]),
        (BLOCKS, "BEGIN IF (a) THEN SELECT 1; END IF; END; SELECT 2", ["BEGIN IF (a) THEN SELECT 1; END IF; END", "SELECT 2"]),
        (
            BLOCKS,
            "BEGIN FOR i IN 1 TO 3 DO a; END FOR; WHILE (b) DO c; END WHILE; REPEAT d; UNTIL (e) END REPEAT; LOOP f; END LOOP; END; SELECT 2",
            [
                "BEGIN FOR i IN 1 TO 3 DO a; END FOR; WHILE (b) DO c; END WHILE; REPEAT d; UNTIL (e) END REPEAT; LOOP f; END LOOP; END",
                "SELECT 2",
            ],
        ),
        (BLOCKS, "BEGIN CASE (a) WHEN 1 THEN b; END CASE; c; END; SELECT 2", ["BEGIN CASE (a) WHEN 1 THEN b; END CASE; c; END", "SELECT 2"]),
        (BLOCKS, "BEGIN x := CASE WHEN a THEN 1 END; y; END; SELECT 2", ["BEGIN x := CASE WHEN a THEN 1 END; y; END", "SELECT 2"]),
        (
            BLOCKS,
            "BEGIN BEGIN a; END; IF (b) THEN BEGIN c; END; END IF; END; SELECT 2",
            ["BEGIN BEGIN a; END; IF (b) THEN BEGIN c; END; END IF; END", "SELECT 2"],
        ),
        (("snowflake",), 'BEGIN "a b" := 1; c; END; SELECT 2', ['BEGIN "a b" := 1; c; END', "SELECT 2"]),
        (("snowflake",), 'BEGIN NAME "a b"; c; SELECT 2', ['BEGIN NAME "a b"', "c", "SELECT 2"]),
        (BLOCKS, "BEGIN BEGIN TRANSACTION; a; COMMIT; END; SELECT 2", ["BEGIN BEGIN TRANSACTION; a; COMMIT; END", "SELECT 2"]),
        (BLOCKS, "BEGIN SELECT t.end, x AS end FROM t; END; SELECT 2", ["BEGIN SELECT t.end, x AS end FROM t; END", "SELECT 2"]),
        (BLOCKS, "BEGIN SELECT :end; END; SELECT 2", ["BEGIN SELECT :end; END", "SELECT 2"]),
        (BLOCKS, "BEGIN DROP TABLE IF EXISTS a; END; SELECT 2", ["BEGIN DROP TABLE IF EXISTS a; END", "SELECT 2"]),
        (BLOCKS, "BEGIN a; EXCEPTION WHEN OTHER THEN b; END; SELECT 2", ["BEGIN a; EXCEPTION WHEN OTHER THEN b; END", "SELECT 2"]),
        (("snowflake",), "DECLARE a INT; b INT; BEGIN c; END; SELECT 2", ["DECLARE a INT; b INT; BEGIN c; END", "SELECT 2"]),
        (
            ("snowflake",),
            "DECLARE p PROCEDURE () RETURNS INT AS BEGIN RETURN 1; END; x INT; BEGIN CALL p(); END; SELECT 2",
            ["DECLARE p PROCEDURE () RETURNS INT AS BEGIN RETURN 1; END; x INT; BEGIN CALL p(); END", "SELECT 2"],
        ),
        *(
            (
                ("snowflake",),
                f"DECLARE p PROCEDURE () RETURNS INT AS {body}; BEGIN CALL p(); END; SELECT 2",
                [f"DECLARE p PROCEDURE () RETURNS INT AS {body}; BEGIN CALL p(); END", "SELECT 2"],
            )
            for body in (
                "BEGIN a; BEGIN b; END; c; END",
                "BEGIN IF (a) THEN BEGIN b; END; END IF; END; x INT",
                "DECLARE y INT; BEGIN b; END; x INT",
                "DECLARE y INT; BEGIN BEGIN b; END; END; q PROCEDURE () RETURNS INT AS BEGIN a; END",
            )
        ),
        (("snowflake",), f"{PROCEDURE} DECLARE a INT; BEGIN b; END; SELECT 2", [f"{PROCEDURE} DECLARE a INT; BEGIN b; END", "SELECT 2"]),
        (("snowflake",), "CREATE TASK t SCHEDULE = 'x' AS BEGIN a; b; END; SELECT 2", ["CREATE TASK t SCHEDULE = 'x' AS BEGIN a; b; END", "SELECT 2"]),
        (
            ("snowflake",),
            "WITH p AS PROCEDURE () RETURNS INT AS BEGIN a; END CALL p(); SELECT 2",
            ["WITH p AS PROCEDURE () RETURNS INT AS BEGIN a; END CALL p()", "SELECT 2"],
        ),
        (("snowflake",), "CREATE VIEW v AS SELECT a AS begin FROM t; SELECT 2", ["CREATE VIEW v AS SELECT a AS begin FROM t", "SELECT 2"]),
        (("databricks",), "DECLARE x INT DEFAULT 5; SELECT x", ["DECLARE x INT DEFAULT 5", "SELECT x"]),
        (("databricks",), "SELECT $py$ a; $$ b; $py$; SELECT 2", ["SELECT $py$ a; $$ b; $py$", "SELECT 2"]),
        (("databricks",), "AS$py$ return ';' $py$; SELECT 2", ["AS$py$ return ';' $py$", "SELECT 2"]),
        (("databricks",), "BEGIN ATOMIC a; b; END; SELECT 2", ["BEGIN ATOMIC a; b; END", "SELECT 2"]),
        (
            ("databricks",),
            "x: BEGIN a; `y z`: BEGIN b; END; l: LOOP c; LEAVE l; END LOOP l; END x; SELECT 2",
            ["x: BEGIN a; `y z`: BEGIN b; END; l: LOOP c; LEAVE l; END LOOP l; END x", "SELECT 2"],
        ),
        (
            ("databricks",),
            "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE '42000' BEGIN a; END; DECLARE CONTINUE HANDLER FOR NOT FOUND SET x = 1; b; END; SELECT 2",
            [
                "BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION, SQLSTATE '42000' BEGIN a; END; DECLARE CONTINUE HANDLER FOR NOT FOUND SET x = 1; b; END",
                "SELECT 2",
            ],
        ),
        (("databricks",), "SELECT :begin; SELECT a:begin FROM t; SELECT handler FROM t", ["SELECT :begin", "SELECT a:begin FROM t", "SELECT handler FROM t"]),
        (("tsql",), "SELECT 1; SELECT 2", ["SELECT 1; SELECT 2"]),
        (("tsql",), "SELECT 1\nGO\nSELECT 2\ngo 3\nSELECT 3", ["SELECT 1", "SELECT 2", "SELECT 3"]),
        (("tsql",), "SELECT 1\r\n  GO ; -- so\r\nSELECT 2", ["SELECT 1", "SELECT 2"]),
        (("tsql",), "SELECT 'a\nGO\nb'\nGO\n/*\nGO\n*/ SELECT [c\nGO\n]]d]", ["SELECT 'a\nGO\nb'", "SELECT [c\nGO\n]]d]"]),
        (("tsql",), "SELECT 1 AS GO\nSELECT GO FROM t\nGOTO x", ["SELECT 1 AS GO\nSELECT GO FROM t\nGOTO x"]),
        (("tsql",), "SELECT [a;b], N'c''d'", ["SELECT [a;b], N'c''d'"]),
        (("tsql",), "SELECT 1\nGO -- x\nGO;\n\tgO\t2\t;\nSELECT 2\nGO 4 -- times", ["SELECT 1", "SELECT 2"]),
        (("tsql",), 'SELECT "a\nGO\nb"\n  GO\nSELECT @go\n-- GO\nGO\n', ['SELECT "a\nGO\nb"', "SELECT @go"]),
        (
            ("tsql",),
            "CREATE PROC p AS BEGIN SELECT 1; END;\nSELECT 2\nGO\nBEGIN TRAN; COMMIT",
            ["CREATE PROC p AS BEGIN SELECT 1; END;\nSELECT 2", "BEGIN TRAN; COMMIT"],
        ),
    ),
)
def test_a_script_is_split_into_its_statements(dialect: str, script: str, expected: list[str]) -> None:
    assert texts(script, dialect) == expected
    assert joined(script, dialect) == script


def test_a_statement_has_its_number_line_and_repeat_count() -> None:
    script = "\ufeff-- one\r\n\r\n/* two\r\n*/ SELECT 1; SELECT\r\n2;\r\nSELECT 3"
    assert [(found.number, found.line) for found in split(script, "redshift")] == [(1, 4), (2, 4), (3, 6)]
    assert split("SELECT 1\nGO 3\n\nSELECT 2\nGO", "tsql") == [Statement(1, 1, "SELECT 1", 3), Statement(2, 4, "SELECT 2", 1)]


@pytest.mark.parametrize(
    ("dialect", "script", "line", "what"),
    [
        *((dialect, "SELECT 1\n\nFROM 'a''b;\nSELECT 2;", 3, "literal") for dialect in EVERY),
        *((dialect, "SELECT 1\n/* a\nb", 2, "comment") for dialect in EVERY),
        *((dialect, "SELECT 1;\nSELECT $$ a\n; $ $", 2, "literal") for dialect in DOLLARS),
        ("redshift", "SELECT 1\n/* a /* b */ c\n", 2, "comment"),
        ("redshift", "SELECT $a$ x; $b$", 1, "literal"),
        ("snowflake", '\nSELECT "a;\n', 2, "name"),
        ("databricks", "\nSELECT `a;\n", 2, "name"),
        ("tsql", "\nSELECT [a]]\nGO", 2, "name"),
        ("snowflake", "SELECT 1;\n\nBEGIN\n  IF (a) THEN b; END IF;\n", 3, "block"),
        ("snowflake", "SELECT 1;\nDECLARE a INT;\n b INT;", 2, "block"),
        ("databricks", f"{PROCEDURE}\nBEGIN\n SELECT 1;", 2, "block"),
    ],
)
def test_the_error_for_an_unclosed_part_names_the_line_where_it_opens(dialect: str, script: str, line: int, what: str) -> None:
    with pytest.raises(ScriptRefused, match=rf"{what} that opens on line {line} is never closed") as caught:
        split(script, dialect)
    assert caught.value.facts["line"] == line


@pytest.mark.parametrize(
    ("dialect", "script", "line"),
    [
        *((dialect, "SELECT 1\n\n  \\connect immuta\n", 3) for dialect in EVERY),
        ("redshift", "SELECT 1; \\d", 1),
        ("snowflake", "SELECT 1;\n!set variable_substitution=true\n", 2),
        ("tsql", "SELECT 1\nGO\n:setvar a b", 3),
    ],
)
def test_a_client_command_is_refused_with_its_line(dialect: str, script: str, line: int) -> None:
    with pytest.raises(ScriptRefused, match=rf"Line {line} is a command for a command-line client, not SQL"):
        split(script, dialect)


@pytest.mark.parametrize(("dialect", "script"), [("snowflake", "SELECT 1 WHERE a\n!= b"), ("tsql", "SELECT a::b\nFROM t"), ("redshift", "SELECT '\n\\d\n'")])
def test_text_that_only_looks_like_a_client_command_is_accepted(dialect: str, script: str) -> None:
    assert texts(script, dialect) == [script]


# ------------------------------------------------------------------------------------------------------------- properties

WORDS = st.sampled_from(["SELECT a", "GRANT b", "x := 1", "begin_", "ende", "a.b", "1.5", "( c )", "a <> b", "t$1"])
INSIDE = st.text(alphabet=st.sampled_from("ab;'\"`$]- /*\\\n\r%:?é{}GO"), max_size=12)
SPACE = st.sampled_from([" ", "\n", "\r\n", "\t", " -- c; 'd\n", "/* e; 'f */", "/* g\n; */ "])
# The closing quote, and the character that is doubled inside. A backslash is doubled too if it escapes.
QUOTES = {
    "snowflake": ["'", '"', "$$"],
    "redshift": ["'", '"', "E'", "$$", "$t$"],
    "databricks": ["'", '"', "`", "$$", "$py$"],
    "tsql": ["'", "N'", '"', "["],
}


def quoted(dialect: str, quote: str, inside: str) -> str:
    if quote.startswith("$"):
        return quote + inside.replace("$", "") + quote
    if quote == "[":
        return f"[{inside.replace(']', ']]')}]"
    closing = quote[-1]
    escapes = dialect != "tsql" and (closing == "'" or (closing == '"' and dialect == "databricks"))
    return quote + (inside.replace("\\", "\\\\") if escapes else inside).replace(closing, closing * 2) + closing


def values(dialect: str) -> st.SearchStrategy[str]:
    return st.builds(quoted, st.just(dialect), st.sampled_from(QUOTES[dialect]), INSIDE)


def statements(dialect: str) -> st.SearchStrategy[str]:
    parts = st.lists(st.tuples(SPACE, WORDS | values(dialect)).map("".join), max_size=5).map("".join)
    return st.builds("{}{}".format, st.just("SELECT"), parts)


def scripts(dialect: str) -> st.SearchStrategy[tuple[list[str], str]]:
    """Return statements, and a script that contains exactly these."""
    end = "\nGO\n" if dialect == "tsql" else ";"

    def assemble(found: list[str], gaps: list[str]) -> tuple[list[str], str]:
        gaps = (gaps + [" "] * (len(found) + 1))[: len(found) + 1]
        return found, "".join(gap + each + end for gap, each in zip(gaps, found)) + gaps[-1]

    return st.builds(assemble, st.lists(statements(dialect), max_size=5), st.lists(SPACE, max_size=6))


ANY_SCRIPT = st.sampled_from(EVERY).flatmap(lambda dialect: st.tuples(st.just(dialect), scripts(dialect)))
NOISE = st.text(alphabet=st.sampled_from("aE;'\"`$[]- /*\\\nGOBEGIND!:"), max_size=40)


@given(ANY_SCRIPT)
def test_the_generated_statements_are_found(case: tuple[str, tuple[list[str], str]]) -> None:
    dialect, (expected, script) = case
    assert texts(script, dialect) == expected
    assert joined(script, dialect) == script


@given(st.sampled_from(EVERY), NOISE)
def test_the_pieces_joined_equal_the_script(dialect: str, script: str) -> None:
    try:
        found = split(script, dialect)
    except ScriptRefused:
        return
    assert joined(script, dialect) == script
    lines = script.split("\n")
    assert all(lines[statement.line - 1].find(statement.text.split("\n")[0]) >= 0 for statement in found)


@given(st.sampled_from(EVERY), NOISE)
def test_splitting_a_statement_again_changes_nothing(dialect: str, script: str) -> None:
    try:
        found = split(script, dialect)
    except ScriptRefused:
        return
    assert [texts(statement.text, dialect) for statement in found] == [[statement.text] for statement in found]


@given(scripts("redshift"))
def test_sqlglot_counts_the_same_statements_for_redshift(case: tuple[list[str], str]) -> None:
    script = case[1]
    counted = 0
    fresh = True
    for token in sqlglot.tokenize(script, read="redshift"):
        end = token.token_type.name == "SEMICOLON"
        counted += fresh and not end
        fresh = end
    assert len(split(script, "redshift")) == counted


@given(st.lists(st.builds("SELECT {}".format, st.text(alphabet="ab;- /*\n", max_size=12).map(lambda text: "'" + text + "'")), max_size=5))
def test_sqlparse_finds_the_same_statements_with_plain_literals(found: list[str]) -> None:
    script = ";\n".join(found)
    assert [text.rstrip(";") for text in sqlparse.split(script)] == texts(script, "snowflake") == texts(script, "redshift")


# --------------------------------------------------------------------------------------------------------------- literals

SECRET = "Geh31m"


@pytest.mark.parametrize(
    ("dialect", "script", "expected"),
    [
        ("redshift", "CREATE USER u PASSWORD 'a''b';", "CREATE USER u PASSWORD '***';"),
        ("redshift", "SELECT E'a\\'b', $t$c;$t$, \"d\"", "SELECT E'***', $t$***$t$, \"d\""),
        (
            "snowflake",
            'CREATE USER "U" default_role="R" password="p\n""q" COMMENT = \'x\'',
            'CREATE USER "U" default_role="R" password="***\n" COMMENT = \'***\'',
        ),
        ("snowflake", "ALTER USER u SET PASSWORD = p1 must_change_password=false;", "ALTER USER u SET PASSWORD = *** must_change_password=false;"),
        ("snowflake", "SELECT 1 -- set 'x'\r\n;", "SELECT 1 -- set ***\r\n;"),
        ("redshift", "/* a /* 'b' */\n 'c' */ SELECT 1", "/* a ***\n*/ SELECT 1"),
        ("databricks", 'SELECT "a", `b`', 'SELECT "***", `b`'),
        ("tsql", "CREATE LOGIN [l] WITH PASSWORD = N'p'", "CREATE LOGIN [l] WITH PASSWORD = N'***'"),
        (
            "redshift",
            "CREATE FUNCTION f() RETURNS int AS $$\nSELECT 'a' + \"b\";\n$$ LANGUAGE sql;",
            "CREATE FUNCTION f() RETURNS int AS $$\nSELECT '***' + \"b\";\n$$ LANGUAGE sql;",
        ),
        (
            "snowflake",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$\nreturn 'a'; // don't\n$$;",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$***\n\n$$;",
        ),
        ("redshift", "DO $$ BEGIN EXECUTE 'x'; a('y'); END $$", "DO $$ BEGIN EXECUTE 'x'; a('***'); END $$"),
        ("redshift", "ALTER USER u PASSWORD $$x$$", "ALTER USER u PASSWORD $$***$$"),
        ("snowflake", "$$ab$$ c", "$$***$$ c"),
    ],
)
def test_literals_are_masked_and_nothing_else_is(dialect: str, script: str, expected: str) -> None:
    assert mask_literals(script, dialect) == expected


@given(ANY_SCRIPT)
def test_a_masked_script_has_the_same_statements_on_the_same_lines(case: tuple[str, tuple[list[str], str]]) -> None:
    dialect, (_expected, script) = case
    masked = mask_literals(script, dialect)
    assert masked.count("\n") == script.count("\n")
    assert [(found.number, found.line) for found in split(masked, dialect)] == [(found.number, found.line) for found in split(script, dialect)]


@given(
    st.sampled_from(EVERY).flatmap(
        lambda dialect: st.tuples(
            st.just(dialect),
            st.sampled_from([quote for quote in QUOTES[dialect] if quote not in ('"', "`", "[")]),
            st.tuples(INSIDE, INSIDE).map(SECRET.join),
            st.sampled_from(["SELECT {}", "CREATE USER u PASSWORD {}", "x = {}", "f({})", "{} {}", "-- {}\n", "/* {} */", "BEGIN a({}); END"]),
        )
    )
)
def test_no_literal_survives_masking(case: tuple[str, str, str, str]) -> None:
    dialect, quote, inside, context = case
    if context.startswith("-- "):
        inside = inside.replace("\n", "").replace("\r", "")
    literal = quoted(dialect, quote, inside)
    if context.startswith("/*") and ("*/" in literal or "/*" in literal):
        literal = f"'{SECRET}'"
    assert SECRET not in mask_literals(context.format(literal, literal), dialect)


@given(INSIDE.map(lambda text: text.replace("$", "")))
def test_no_literal_in_a_readable_body_survives_masking(inside: str) -> None:
    literal = quoted("redshift", "'", f"{inside}{SECRET}{inside}")
    masked = mask_literals(f"DO $$ BEGIN a({literal}, c); END $$", "redshift")
    assert SECRET not in masked
    assert masked.endswith(", c); END $$")


@pytest.mark.parametrize(
    ("dialect", "script", "expected"),
    [
        ("snowflake", "EXECUTE IMMEDIATE 'ALTER USER u SET PASSWORD = ''geheim'''", "EXECUTE IMMEDIATE 'ALTER USER u SET PASSWORD = ''***'''"),
        ("snowflake", r"EXECUTE IMMEDIATE 'SELECT \'ge\nheim\', x\ty'", r"EXECUTE IMMEDIATE 'SELECT \'***\', x\ty'"),
        ("snowflake", "EXECUTE IMMEDIATE 'SELECT ''a\nb''\n'", "EXECUTE IMMEDIATE 'SELECT ''***\n''\n'"),
        ("snowflake", "EXECUTE IMMEDIATE $$ BEGIN a('x'); END $$", "EXECUTE IMMEDIATE $$ BEGIN a('***'); END $$"),
        ("snowflake", "BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; b('x'); END", "BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; b('***'); END"),
        ("snowflake", "EXECUTE IMMEDIATE 'SELECT ?' USING ('x')", "EXECUTE IMMEDIATE 'SELECT ?' USING ('***')"),
        ("snowflake", "CREATE PROCEDURE p() RETURNS INT AS 'BEGIN a(''x''); END'", "CREATE PROCEDURE p() RETURNS INT AS 'BEGIN a(''***''); END'"),
        (
            "snowflake",
            "CREATE PROCEDURE p() RETURNS INT LANGUAGE JAVASCRIPT EXECUTE AS OWNER AS 'return \"geheim\"'",
            "CREATE PROCEDURE p() RETURNS INT LANGUAGE JAVASCRIPT EXECUTE AS OWNER AS '***'",
        ),
        ("snowflake", "EXECUTE IMMEDIATE 'SELECT ''ge' || 'heim'''", "EXECUTE IMMEDIATE 'SELECT ''***' || '***'''"),
        ("snowflake", "EXECUTE IMMEDIATE 'SELECT ''geheim'", "EXECUTE IMMEDIATE '***'"),
        ("snowflake", r"EXECUTE IMMEDIATE '\geheim'", "EXECUTE IMMEDIATE '***'"),
        ("snowflake", "SELECT 1 AS execute, 'x' AS immediate", "SELECT 1 AS execute, '***' AS immediate"),
        ("redshift", "DO $$ BEGIN EXECUTE 'GRANT ' || a || ' TO ' || b; END $$", "DO $$ BEGIN EXECUTE 'GRANT ' || a || ' TO ' || b; END $$"),
        (
            "redshift",
            "DO $$ BEGIN EXECUTE 'ALTER USER u PASSWORD ''' || 'geheim' || ''''; END $$",
            "DO $$ BEGIN EXECUTE 'ALTER USER u PASSWORD ''' || '***' || ''''; END $$",
        ),
        (
            "redshift",
            "DO $$ BEGIN EXECUTE 'SELECT f(' || quote_literal('geheim') || ')'; END $$",
            "DO $$ BEGIN EXECUTE 'SELECT f(' || quote_literal('***') || ')'; END $$",
        ),
        ("redshift", "DO 'BEGIN a(''x''); END'", "DO 'BEGIN a(''***''); END'"),
        ("databricks", "EXECUTE IMMEDIATE \"SELECT 'x'\"", "EXECUTE IMMEDIATE \"SELECT '***'\""),
        ("databricks", "EXECUTE IMMEDIATE 'SELECT \"x\"' INTO a", "EXECUTE IMMEDIATE 'SELECT \"***\"' INTO a"),
        ("tsql", "EXEC('DROP DATABASE ' + @d + ' -- a')", "EXEC('DROP DATABASE ' + @d + ' -- a')"),
        ("tsql", "EXEC('CREATE LOGIN l WITH PASSWORD = ''geheim''')", "EXEC('CREATE LOGIN l WITH PASSWORD = ''***''')"),
        ("tsql", "EXECUTE(N'EXEC(''PRINT N''''x'''''')')", "EXECUTE(N'EXEC(''PRINT N''''***'''''')')"),
        (
            "tsql",
            "EXEC sp_executesql N'SELECT @p, ''x''', N'@p INT', @p = 'geheim'",
            "EXEC sp_executesql N'SELECT @p, ''***''', N'***', @p = '***'",
        ),
        ("tsql", "EXEC sys.sp_executesql @stmt = N'DROP USER u'", "EXEC sys.sp_executesql @stmt = N'DROP USER u'"),
        ("tsql", "EXEC p N'geheim'", "EXEC p N'***'"),
        ("tsql", "EXEC('SELECT 1\nGO\nSELECT ''x''')", "EXEC('SELECT 1\nGO\nSELECT ''***''')"),
    ],
)
def test_dynamic_sql_is_shown_with_its_own_literals_masked(dialect: str, script: str, expected: str) -> None:
    assert mask_literals(script, dialect) == expected


# How each dialect executes a text, and the prefix of a literal
EXECUTED = {
    "snowflake": ["EXECUTE IMMEDIATE {}", "BEGIN EXECUTE IMMEDIATE {}; END", "CREATE PROCEDURE p() RETURNS INT AS {}"],
    "redshift": ["EXECUTE {}", "x := 1 EXECUTE {} || x"],
    "databricks": ["EXECUTE IMMEDIATE {}", "BEGIN EXECUTE IMMEDIATE {}; END"],
    "tsql": ["EXEC({})", "EXEC sp_executesql {}", "PRINT 'a' EXECUTE (N'b' + {})"],
}


@given(
    st.sampled_from(EVERY).flatmap(
        lambda dialect: st.tuples(
            st.just(dialect),
            st.lists(st.sampled_from([quote for quote in QUOTES[dialect] if quote not in ('"', "`", "[")]), min_size=2, max_size=3),
            st.lists(st.sampled_from(EXECUTED[dialect]), min_size=2, max_size=2),
            st.tuples(INSIDE, INSIDE).map(SECRET.join),
            st.sampled_from(["SELECT {}", "ALTER USER u SET PASSWORD = {}", "f({}, x)", "SELECT a -- {}\n", "/* {} */ SELECT 1"]),
        )
    )
)
def test_no_literal_in_dynamic_sql_survives_masking(case: tuple[str, list[str], list[str], str, str]) -> None:
    dialect, quotes, wrappings, inside, inner = case
    if inner.startswith(("/*", "SELECT a")):
        inside = f"'{SECRET}"
    text = inner.format(quoted(dialect, quotes[0], inside))
    for quote, wrapping in zip(quotes[1:], wrappings):
        text = wrapping.format(quoted(dialect, "'" if "$" in text else quote, text))
    masked = mask_literals(text, dialect)
    assert SECRET not in masked
    assert masked.count("\n") == text.count("\n")
    assert [(found.number, found.line) for found in split(masked, dialect)] == [(found.number, found.line) for found in split(text, dialect)]


@pytest.mark.parametrize("dialect", EVERY)
@pytest.mark.parametrize(("written", "masked", "known"), [("'q7Z!'", "'***'", {"q7Z!"}), ("'q7Z'", "'***'", set()), ("54321", "***", {"54321"})])
def test_a_number_or_four_characters_can_be_a_secret(dialect: str, written: str, masked: str, known: set[str]) -> None:
    script = f"ALTER USER u SET PASSWORD = {written}, x = 99999"
    assert secrets_in(script, dialect) == known
    assert mask_literals(script, dialect) == f"ALTER USER u SET PASSWORD = {masked}, x = 99999"


def test_a_secret_in_dynamic_sql_is_found() -> None:
    assert "it's one" in secrets_in("EXECUTE IMMEDIATE 'ALTER USER u SET PASSWORD = ''it''''s one'''", "snowflake")
    assert secrets_in("EXEC('CREATE LOGIN l WITH PASSWORD = ''geheim''')", "tsql") == {"geheim"}


def test_the_secrets_of_a_script_are_found_as_written_and_as_decoded() -> None:
    script = """CREATE USER a PASSWORD 'it''s \\\\ one';
        ALTER USER b SET PASSWORD = E'second' COMMENT = 'plain text'; CREATE USER c password="third one" must_change_password=false; SELECT 'nothing'"""
    assert secrets_in(script, "redshift") == {"it''s \\\\ one", "it's \\\\ one", "it's \\ one", "second", "third one"}


@pytest.mark.parametrize(("dialect", "name"), [("tsql", "[an owner]"), ("redshift", '"an owner"')])
def test_the_owner_of_a_schema_is_not_a_secret(dialect: str, name: str) -> None:
    script = f"CREATE SCHEMA s AUTHORIZATION {name}"
    assert mask_literals(script, dialect) == script
    assert not secrets_in(script, dialect)


def test_a_batch_with_an_implausible_repeat_count_is_refused() -> None:
    with pytest.raises(ScriptRefused, match="GO on line 2 has a number of 5000 digits"):
        split("SELECT 1\nGO " + "9" * 5000, "tsql")
