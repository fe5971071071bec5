# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The masker on a database's message about a statement: names stay, literals are masked."""

from __future__ import annotations

import pytest
from ansible_collections.community.immuta.plugins.module_utils._sql.masker import mask_message
from hypothesis import given
from hypothesis import strategies as st

SECRET = "Geh31m-wort"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE DATABASE immuta", 'database "immuta" already exists'),
        ('CREATE ROLE "Im muta"', 'role "Im muta" already exists'),
        ("CREATE TABLE DB.PUBLIC.T (a INT)", "SQL compilation error: Object 'DB.PUBLIC.T' already exists."),
        ("SELEKT 1", 'syntax error at or near "SELEKT"'),
        ("SELECT 1;;", 'syntax error at or near ";"'),
        ("SELECT 1", "syntax error line 1 at position 7 unexpected '1'."),
        ("CREATE FUNCTION f() AS $$ SELECT nothing $$", 'column "nothing" does not exist'),
        ("GRANT x TO y", "Can't grant: the role isn't there. It doesn't exist"),
    ],
)
def test_the_names_that_a_statement_uses_stay_readable(statement: str, message: str) -> None:
    assert mask_message(message, statement, "snowflake" if "SQL" in message else "redshift") == message


def test_the_names_of_the_login_stay_readable() -> None:
    message = "Database 'SALES' does not exist or not authorized."
    assert mask_message(message, "CREATE TABLE t (a INT)", "snowflake", ["sales"]) == message
    assert mask_message(message, "CREATE TABLE t (a INT)", "snowflake") == "Database '***' does not exist or not authorized."


@pytest.mark.parametrize(
    ("dialect", "statement", "message", "expected"),
    [
        ("redshift", f"CREATE USER u PASSWORD '{SECRET}'", f"password {SECRET} is too weak", "password *** is too weak"),
        ("redshift", "CREATE USER u PASSWORD 'q7Z!'", "password q7Z! is too weak", "password *** is too weak"),
        ("snowflake", "ALTER USER u SET PASSWORD = 54321", "invalid value [54321] for parameter", "invalid value [***] for parameter"),
        ("redshift", "SELECT 'abcd', 'abcdefgh'", "near abcdefgh", "near ***"),
        ("redshift", "SELECT 'one line\nand another'", "near and another.", "near ***."),
        ("redshift", "SELECT 'ab' + 1", 'invalid input syntax for type integer: "ab"', 'invalid input syntax for type integer: "***"'),
        ("redshift", "SELECT 'it''s hidden'", "Key (a)=(it's hidden) already exists.", "Key (a)=(***) already exists."),
        ("redshift", r"SELECT E'it\'s \\ hidden'", r"near it's \ hidden", "near ***"),
        ("redshift", "CREATE USER u PASSWORD 'pa'ss'word'", 'syntax error at or near "ss"', 'syntax error at or near "***"'),
        ("redshift", "SELECT 'abcdef'", 'unterminated quoted string at or near "\'abcdef"', 'unterminated quoted string at or near "***"'),
        ("snowflake", 'ALTER USER u SET PASSWORD="s3cr3t!"', "invalid value [s3cr3t!] for parameter", "invalid value [***] for parameter"),
        ("snowflake", "CREATE FUNCTION f() LANGUAGE JAVASCRIPT AS $$ return 'x'; $$", "Unexpected 'return'", "Unexpected '***'"),
    ],
)
def test_literals_are_masked_in_a_message(dialect: str, statement: str, message: str, expected: str) -> None:
    assert mask_message(message, statement, dialect) == expected


@given(st.text(alphabet="ab'\"\\;%${} é", max_size=8), st.sampled_from(["{}", 'near "{}"', "near '{}'", "{} and {}", "value [{}]", "x{}y"]))
def test_a_message_never_contains_a_literal(inside: str, message: str) -> None:
    written = f"{inside}{SECRET}"
    literal = "'" + written.replace("\\", "\\\\").replace("'", "''") + "'"
    masked = mask_message(message.format(written, written), f"CREATE USER u PASSWORD {literal}", "redshift")
    assert SECRET not in masked
