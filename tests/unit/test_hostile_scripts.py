# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of every kind: taken apart without loss, judged and masked without an exception, in time and memory that go with their length."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError, ScriptRefused
from ansible_collections.community.immuta.plugins.module_utils._sql.classify import describe
from ansible_collections.community.immuta.plugins.module_utils._sql.gate import forbidden_statements, is_query
from ansible_collections.community.immuta.plugins.module_utils._sql.ledger import Ledger
from ansible_collections.community.immuta.plugins.module_utils._sql.masker import mask_literals, mask_message, secrets_in
from ansible_collections.community.immuta.plugins.module_utils._sql.runner import load_script
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import pieces, split
from ansible_collections.community.immuta.plugins.module_utils._sql.tokenizer import DIALECT_OF
from hypothesis import given
from hypothesis import strategies as st
from support.examples import TIMES, examples

SNOWFLAKE, REDSHIFT, DATABRICKS, SYNAPSE = DIALECT_OF
SCOPE: dict[str, Any] = {"database": "immuta", "accounts": ["b"]}
FRAGMENTS = """
BEGIN|END|END;|DECLARE|CASE|WHEN a THEN|ELSE|IF (a) THEN|END IF;|LOOP|END LOOP;|FOR r IN c DO|CREATE PROCEDURE p() AS|CREATE FUNCTION f()|CREATE TASK t AS
EXECUTE IMMEDIATE|EXEC(|EXEC sp_executesql|CALL p()|WITH a AS (|SELECT 1|DROP DATABASE d|GRANT a ON b TO c|PASSWORD =|LANGUAGE|DO|AS|$$|$a$|$|'|''|"|`|[|]|(|)
;|,|.|:|=|->>|--|//|/*|*/|\\|\\'|\\x27|\\u0027|E'|N'|r'|{{|!x|@v|GO 2|1e9|DECLARE p PROCEDURE () RETURNS INT AS|LET x :=|<<l>>|l: BEGIN
"""
WORDS = [*FRAGMENTS.replace("\n", "|").split("|"), "\nGO\n", "\r\n", "\n", " ", "\ufeff", "\0", "\u2028", "ß", "\ud800"]
SCRIPTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=40).map(" ".join) | st.lists(st.sampled_from(WORDS), max_size=25).map("".join)
PLATFORMS = st.sampled_from(sorted(DIALECT_OF))


@examples(400)
@given(PLATFORMS, SCRIPTS)
def test_any_text_is_taken_apart_judged_and_masked(platform: str, script: str) -> None:
    dialect = DIALECT_OF[platform]
    try:
        statements = split(script, dialect)
    except ScriptRefused:
        return
    assert "".join(piece if isinstance(piece, str) else piece.text for piece in pieces(script, dialect)) == script
    assert all(row["reason"] in ("kind", "scope", "unreadable") for row in forbidden_statements(statements, platform, "setup", SCOPE))
    assert is_query(script, platform) in (True, False)
    assert len(describe(statements, dialect)) == len(statements)
    secrets_in(script, dialect)
    mask_message(f"near 'x': {script}", script, dialect)
    masked = mask_literals(script, dialect)
    assert masked.count("\n") == script.count("\n")


@examples(100)
@given(
    content=st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=3), st.lists).map(json.dumps).map(str.encode), own=st.booleans()
)
def test_any_file_in_the_place_of_a_ledger_is_a_ledger_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes, own: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "ledger"
    head = json.dumps({"ledger": 1, "checksum": "c", "target": "t", "key": "k"}).encode() + b"\n" if own else b""
    body = b'{"number": %s, "hmac": "\xc3\xbc", "status": []}\n' % content if own else content
    path.write_bytes(head + body)
    try:
        Ledger(str(path), "c", "t", split("SELECT 1", "snowflake"), write=False).close()
    except ImmutaError as error:
        assert str(path) in error.message


# --- time

# What is repeated, and what it stands behind: each of these was slow once, or may become so.
REPEATED = {
    SYNAPSE: [("EXEC(", "(SELECT 1) "), ("", "EXEC sp_executesql N'a' "), ("SELECT ", "CASE WHEN a THEN 1 ELSE "), ("", "EXEC('a' + "), ("", "PRINT 'a' ")],
    SNOWFLAKE: [
        ("", "EXECUTE IMMEDIATE "),
        ("EXECUTE IMMEDIATE ", "'a' || "),
        ("CREATE PROCEDURE p() AS BEGIN SELECT 1; END; ", "CALL p(); "),
        ("", "CREATE PROCEDURE p() AS BEGIN SELECT 1; END; CALL p(); "),
        ("", "SELECT ->> "),
        ("", "(((("),
        ("BEGIN ", "IF (a) THEN SELECT 1; END IF; "),
    ],
    REDSHIFT: [("DO $$ BEGIN END $$", " 'a'"), ("", "/* "), ("", "$a$ "), ("GRANT a ON b TO ", "c, ")],
    DATABRICKS: [("BEGIN DECLARE ", "a "), ("BEGIN DECLARE EXIT HANDLER FOR ", "NOT FOUND, "), ("", "r'a' ")],
}
FEW = 250


def seconds(platform: str, script: str) -> float:
    """What all that is done with a script takes of the processor."""
    started, dialect = time.process_time(), DIALECT_OF[platform]
    try:
        statements = split(script, dialect)
        forbidden_statements(statements, platform, "setup", SCOPE)
        describe(statements, dialect)
        secrets_in(script, dialect)
        mask_literals(script, dialect)
    except ScriptRefused:
        pass
    return time.process_time() - started


@pytest.mark.parametrize(("platform", "before", "piece"), [(platform, *row) for platform, rows in REPEATED.items() for row in rows])
def test_eight_times_the_script_takes_about_eight_times_as_long(platform: str, before: str, piece: str) -> None:
    short = max(0.03, seconds(platform, before + piece * FEW))
    # A second measurement if the first one is too long: a busy machine takes more of the processor for the same work
    assert any(seconds(platform, before + piece * FEW * 8) < 8 * 3 * short for _unused in range(2))


def test_calls_of_one_long_body_are_not_read_for_ever() -> None:
    """Without a bound this comes to a quarter of a million statements, and nothing in them is refused."""
    script = f"CREATE PROCEDURE immuta.s.p() RETURNS INT AS BEGIN {'SELECT 1; ' * 500} END; " + "CALL immuta.s.p(); " * 500
    refused = forbidden_statements(split(script, "snowflake"), SNOWFLAKE, "setup", SCOPE)
    assert refused and {row["reason"] for row in refused} == {"unreadable"}
    assert refused[0]["verb"] == "CALL"


# --- memory

ROW = "CREATE TABLE immuta.s.t{0} (a INT, b VARCHAR(20)); -- a comment; with 'a quote\nGRANT SELECT ON TABLE immuta.s.t{0} TO ROLE b;\n"
SIZE = 10_000_000 if TIMES > 1 else 100_000
BODY = "CREATE PROCEDURE immuta.s.p{0}() RETURNS INT LANGUAGE SQL AS $$ BEGIN SELECT 1; RETURN 'a text'; END $$;\n"
LONG = {
    "many statements": "".join(ROW.format(number) for number in range(SIZE // 120)),
    "short statements": "SELECT 1;\n" * (20_000 if TIMES > 1 else 2_000),
    "bodies": "".join(BODY.format(number) for number in range(SIZE // 100)),
    "one literal": f"INSERT INTO immuta.s.t VALUES ('{'x' * SIZE}')",
    "comments": f"/* {'x' * SIZE} */ SELECT 1",
}


def peak(work: Callable[[], object]) -> int:
    """The most memory that it takes at any moment, beside what was there before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("script", LONG.values(), ids=LONG)
def test_memory_goes_with_the_text_and_not_with_its_tokens(script: str, tmp_path: Path) -> None:
    """Statements are kept, so a script of short ones takes more than one of long ones; no step holds the tokens of all."""
    statements = split(script, "snowflake")
    # an object a statement, and its row of a table
    room = 200_000 + 8 * len(script) + 700 * len(statements)
    # the gate keeps the tokens of procedures, as they may be called later
    room += 50 * len(script) if "PROCEDURE" in script else 0
    for work in (
        lambda: load_script({"script": script, "type": SNOWFLAKE}),
        lambda: forbidden_statements(statements, SNOWFLAKE, "setup", SCOPE),
        lambda: describe(statements, "snowflake"),
        lambda: mask_literals(script, "snowflake"),
        lambda: secrets_in(script, "snowflake"),
        lambda: Ledger(str(tmp_path / "ledger"), "c", "t", statements, write=True).close(),
    ):
        assert peak(work) < room
