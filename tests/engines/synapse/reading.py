# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch taken apart: its words, and where one statement ends and the next begins, which in T-SQL no semicolon has to say."""

from __future__ import annotations

from ..words import Grammar, Reader, Unclosed, Word
from . import replies


def _unquoted(raw: str) -> str:
    return raw[1:-1].replace("]]", "]") if raw[0] == "[" else raw[1:-1].replace('""', '"')


GRAMMAR = Grammar(
    string="[nN]?'(?:[^']|'')*'",
    quoted=r'"(?:[^"]|"")*"|\[(?:[^\]]|\]\])*\]',
    unquote=lambda raw: raw[raw.index("'") + 1 : -1].replace("''", "'"),
    unname=_unquoted,
    word=r"(?:[^\W\d]|[@#])[\w$@#]*",
)
# What a statement begins with.
STARTS = frozenset(
    {
        "CREATE",
        "ALTER",
        "DROP",
        "GRANT",
        "DENY",
        "REVOKE",
        "INSERT",
        "UPDATE",
        "DELETE",
        "SELECT",
        "EXEC",
        "EXECUTE",
        "IF",
        "ELSE",
        "BEGIN",
        "END",
        "PRINT",
        "RAISERROR",
        "THROW",
        "DECLARE",
        "SET",
        "USE",
        "TRUNCATE",
        "MERGE",
        "WAITFOR",
        "RETURN",
        "COMMIT",
        "ROLLBACK",
    }
)
# After these a statement goes on, whatever comes.
GOES_ON = frozenset({"UNION", "ALL", "EXCEPT", "INTERSECT", "AS", "ON", "WITH", ",", "(", "="})
# First word of a statement -> the words in it that begin no other.
INSIDE = {
    "INSERT": {"SELECT", "EXEC", "EXECUTE"},
    "WITH": {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"},
    "UPDATE": {"SET"},
    "MERGE": {"UPDATE", "INSERT", "DELETE", "SET"},
    "ALTER": {"SET", "DROP", "ALTER"},
    "CREATE": {"SELECT"},
    "DROP": {"IF"},
}
PERMITTING = ("GRANT", "DENY", "REVOKE")


def words_of(sql: str) -> list[Word]:
    """The words of a batch. Unread for a literal that never ends."""
    try:
        return GRAMMAR.words(sql)
    except Unclosed as found:
        line = sql.count("\n", 0, found.start) + 1
        if sql[found.start] in "'\"":
            raise replies.unclosed(sql[found.start + 1 :], line) from None
        raise replies.Unread(113, "Missing end comment mark '*/'.", line) from None


def statement_end(reader: Reader) -> int:
    """Where the statement that comes ends: the place of the word behind it."""
    first, at, depth, cases = reader.key(), reader.at, 0, 0
    inside = set(INSIDE.get(first, ()))
    permitting = first in PERMITTING
    while at < len(reader.words):
        key = reader.words[at].key
        depth += {"(": 1, ")": -1}.get(key, 0)
        if key == ";" and depth <= 0:
            break
        if key == "CASE":
            cases += 1
        elif key == "END" and cases:
            cases -= 1
        elif at > reader.at and depth == cases == 0 and key in STARTS and not permitting and reader.words[at - 1].key not in GOES_ON:
            if key not in inside:
                break
            inside.discard(key if first != "MERGE" else "")
        permitting = permitting and key not in ("TO", "FROM")
        at += 1
    return at


def part(reader: Reader, end: int) -> Reader:
    """The words up to a place as a reader of their own; this one stands behind them."""
    found = Reader(reader.sql, reader.words[reader.at : end])
    reader.at = end
    return found
