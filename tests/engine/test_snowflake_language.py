# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the Snowflake engine reads: words, strings, names, properties; and Snowflake Scripting."""

from __future__ import annotations

import time
from typing import Any

import pytest
from engines import SnowflakeEngine
from engines.snowflake.errors import SnowflakeError
from engines.snowflake.words import Reader, shown, words_of
from hypothesis import example, given
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)


def only(sql: str) -> Any:
    (word,) = words_of(sql)
    return word


@given(TEXTS)
@example("it's \\")
def test_a_string_reads_as_it_was_before_it_was_quoted(text: str) -> None:
    for escaped_quote in ("''", "\\'"):
        word = only("'" + text.replace("\\", "\\\\").replace("'", escaped_quote) + "'")
        assert (word.kind, word.value, word.key) == ("string", text, "")


@given(TEXTS.filter(bool))
def test_a_quoted_name_keeps_its_case_and_shows_as_it_must_be_written(text: str) -> None:
    word = only('"' + text.replace('"', '""') + '"')
    assert (word.kind, word.value) == ("quoted", text)
    if "(" not in text:
        assert Reader.of(shown(text)).identifier() == text


@given(TEXTS.filter(lambda text: "$" not in text))
def test_dollar_quotes_keep_everything(text: str) -> None:
    assert only(f"$${text}$$").value == text


@pytest.mark.parametrize(
    ("sql", "value"),
    [(r"'a\nb'", "a\nb"), (r"'\x41\u00e9\101'", "AéA"), (r"'\q\%'", "q%"), (r"'\\n'", r"\n"), ("'//--/*'", "//--/*"), ("'a;$$b'", "a;$$b")],
)
def test_escapes_are_snowflakes(sql: str, value: str) -> None:
    assert only(sql).value == value


@pytest.mark.parametrize("sql", ["a -- ' \n b", "a // ' \n b", "a /* ' ; */ b", "a /* /* */ b", "a\r\n\tb", "A B"])
def test_comments_and_spaces_are_no_words(sql: str) -> None:
    assert [word.value for word in words_of(sql)] == ["A", "B"]


@pytest.mark.parametrize("sql", ["'a", '"a', "$$a", "x 'a''", "'a\\'"])
def test_what_does_not_end_is_a_syntax_error(sql: str) -> None:
    with pytest.raises(SnowflakeError, match="unexpected '<EOF>'"):
        words_of(sql)


def test_an_error_counts_lines_and_shows_no_literal() -> None:
    with pytest.raises(SnowflakeError, match=r"line 2 at position 2 unexpected '5'"):
        Reader.of("x = y\n  5").properties()
    with pytest.raises(SnowflakeError) as error:
        Reader.of("'the secret'").expect("x")
    assert "secret" not in str(error.value)


def test_properties_take_every_kind_of_value() -> None:
    sql = "a = 'x' B=\"y\" c = $$z$$, d = 5 e = TRUE f = NULL g = h.\"i\" j = ('k', 'l') m = 1.5e3 WITH MANAGED ACCESS"
    assert Reader.of(sql).properties(("WITH MANAGED ACCESS",)) == {
        **{"A": "x", "B": "y", "C": "z", "D": "5", "E": True, "F": None, "G": "H.i", "J": ["k", "l"], "M": "1.5e3"},
        "WITH MANAGED ACCESS": True,
    }


# Scripting


def value_of(cursor: Any, block: str) -> Any:
    ((value,),) = cursor.execute(block).fetchall()
    return value


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ("BEGIN RETURN 'a;b'; END", "a;b"),
        ("BEGIN NULL; END;", None),
        ("DECLARE x NUMBER DEFAULT 2; y VARCHAR := 'q'; BEGIN x := x * 21; RETURN x || y; END", "42q"),
        ("BEGIN LET x := 3; IF (x > 2) THEN RETURN 'more'; ELSE RETURN 'less'; END IF; END", "more"),
        ("BEGIN LET x := 1; IF (x > 2) THEN RETURN 1; ELSEIF (x = 1) THEN x := 7; END IF; RETURN x; END", "7"),
        ("BEGIN LET x := CASE WHEN 1 = 1 THEN 'a' ELSE 'b' END; RETURN x; END", "a"),
        ("BEGIN BEGIN RETURN 'inner'; END; RETURN 'outer'; END", "inner"),
        ("EXECUTE IMMEDIATE $$ BEGIN RETURN 'it''s'; END $$", "it's"),
        ("EXECUTE IMMEDIATE 'SELECT ''x'''", "x"),
        ("BEGIN SELECT * FROM not_there.a.b; EXCEPTION WHEN STATEMENT_ERROR THEN RETURN SQLCODE; WHEN OTHER THEN RETURN 'other'; END", "2003"),
        ("DECLARE e EXCEPTION (-20002, 'no'); BEGIN RAISE e; EXCEPTION WHEN e THEN RETURN 'mine'; WHEN OTHER THEN RETURN 'other'; END", "mine"),
    ],
)
def test_a_block_returns_its_value(cursor: Any, block: str, value: Any) -> None:
    assert value_of(cursor, block) == value


def test_statements_of_a_block_are_carried_out(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"""
        DECLARE
            name VARCHAR DEFAULT '{new}';
        BEGIN
            CREATE ROLE {new}_one COMMENT = 'a;b';
            EXECUTE IMMEDIATE 'CREATE ROLE ' || name || '_two';
            EXECUTE IMMEDIATE 'CREATE USER ' || name || ' PASSWORD = ''p;w''';
            GRANT ROLE {new}_two TO ROLE {new}_one;
            CREATE DATABASE {new};
            CREATE TABLE t (a VARCHAR);
            INSERT INTO t VALUES (:name);
        END
    """)
    assert value_of(cursor, f"SELECT a FROM {new}.public.t") == new
    roles = snowflake.catalog()["roles"]
    assert roles[f"{new}_two".upper()]["granted_to_roles"] == [f"{new}_one".upper()]
    assert snowflake.can_login(new, "p;w")


def test_a_failing_block_stops_there_with_the_statements_error(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    with pytest.raises(ProgrammingError) as error:
        cursor.execute(f"BEGIN CREATE ROLE {new}; CREATE ROLE {new}; CREATE ROLE {new}_after; END")
    assert (error.value.errno, error.value.sqlstate) == (2002, "42710")
    roles = snowflake.catalog()["roles"]
    assert new.upper() in roles and f"{new}_after".upper() not in roles


@pytest.mark.parametrize("sql", ["BEGIN FOR i IN 1 TO 3 DO NULL; END FOR; END", "BEGIN WHILE (TRUE) DO NULL; END WHILE; END"])
def test_what_is_not_offered_is_refused_before_anything_runs(snowflake: SnowflakeEngine, cursor: Any, new: str, sql: str) -> None:
    with pytest.raises(ProgrammingError, match="Unsupported feature") as error:
        cursor.execute(sql.replace("BEGIN", f"BEGIN CREATE ROLE {new};", 1))
    assert error.value.errno == 2
    assert new.upper() not in snowflake.catalog()["roles"]


@pytest.mark.parametrize("cut", ["BEGIN LET x := 1", "BEGIN IF (TRUE) THEN RETURN 1", "BEGIN RETURN 1; END; SELECT 1"])
def test_a_block_that_was_cut_is_a_syntax_error(cursor: Any, cut: str) -> None:
    with pytest.raises(ProgrammingError) as error:
        cursor.execute(cut)
    assert error.value.errno == 1003


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN TRANSACTION;", "START TRANSACTION"])
def test_begin_alone_opens_a_transaction(cursor: Any, new: str, begin: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    cursor.execute("CREATE TABLE t (a INT)")
    for sql, rows in ((begin, 0), ("INSERT INTO t VALUES (1)", 1), ("ROLLBACK", 0)):
        cursor.execute(sql)
        assert value_of(cursor, "SELECT COUNT(*) FROM t") == rows


def test_a_procedure_with_an_unquoted_body_is_one_statement(cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    head = "CREATE OR REPLACE PROCEDURE p(n NUMBER) RETURNS NUMBER LANGUAGE SQL AS"
    cursor.execute(f"{head} BEGIN LET x := n; IF (x > 1) THEN x := x * 2; END IF; RETURN x; END;")
    assert value_of(cursor, "CALL p(4)") == "8"
    for cut in ("BEGIN LET x := 1", "BEGIN LET x := 1; RETURN x", "BEGIN IF (n > 1) THEN n := 2; END IF"):
        with pytest.raises(ProgrammingError) as error:
            cursor.execute(f"{head} {cut}")
        assert error.value.errno == 1003
    cursor.execute(f"{head} BEGIN FOR i IN 1 TO 3 DO NULL; END FOR; END")
    with pytest.raises(ProgrammingError, match="Unsupported feature"):
        cursor.execute("CALL p(4)")


def test_a_procedure_in_javascript_is_kept_but_not_run(cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    cursor.execute("CREATE PROCEDURE p() RETURNS VARCHAR LANGUAGE JAVASCRIPT EXECUTE AS CALLER AS $$ return 'a;b'; $$")
    with pytest.raises(ProgrammingError, match="CALL of a procedure in JAVASCRIPT"):
        cursor.execute("CALL p()")


def test_a_statement_waits(cursor: Any) -> None:
    started = time.monotonic()
    assert value_of(cursor, "SELECT SYSTEM$WAIT(1)") == "waited 1 seconds"
    assert time.monotonic() - started >= 1
