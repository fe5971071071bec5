# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits a BEGIN … END block or a T-SQL batch into its plain statements, for the gate to check one by one.

Nothing is lost: only the keywords that join the plain statements (BEGIN, THEN, ELSE, END) are left out.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .tokenizer import Token

Tokens = Sequence[Token]


class Part(NamedTuple):
    """A plain statement. where: plain (a statement of its own), block (inside a block), declared (in a DECLARE section)."""

    tokens: list[Token]
    where: str = "plain"


def word_set(values: str) -> frozenset[str]:
    return frozenset(values.split())


def statement_parts(tokens: Tokens) -> Iterator[Part]:
    """Yield the statements of a text without blocks, which semicolons separate."""
    current: list[Token] = []
    for token in tokens:
        if token.key == ";":
            yield from [Part(current)] if current else []
            current = []
        else:
            current.append(token)
    yield from [Part(current)] if current else []


def is_closed(tokens: Tokens) -> bool:
    """Whether every parenthesis and every CASE in the tokens is closed."""
    open_counter = _OpenCounter()
    return all(open_counter.count(tokens, index) for index in range(len(tokens))) and not open_counter.is_open


class _OpenCounter:
    """Follows parentheses and CASE … END."""

    def __init__(self) -> None:
        self.brackets = 0
        self.cases = 0

    @property
    def is_open(self) -> bool:
        return self.brackets != 0 or self.cases != 0

    def count(self, tokens: Tokens, index: int) -> bool:
        """Count one token. Return False if it closes a parenthesis that was not open."""
        key = tokens[index].key
        self.brackets += (key == "(") - (key == ")")
        # t.case, x AS end
        if index and tokens[index - 1].key not in (".", "AS", ":"):
            self.cases += (key == "CASE") - (key == "END" and self.cases > 0)
        return self.brackets >= 0


# ------------------------------------------------------------------------------------------------------------------ blocks

TRANSACTION = word_set("TRANSACTION TRAN WORK NAME")
# keyword -> the keywords that end its condition
_CONDITION_ENDS = {
    "IF": word_set("THEN"),
    "ELSEIF": word_set("THEN"),
    "ELSIF": word_set("THEN"),
    "WHEN": word_set("THEN"),
    "CASE": word_set("WHEN"),
    "WHILE": word_set("DO LOOP"),
    "FOR": word_set("DO LOOP"),
    "UNTIL": word_set("END"),
}
# Of these, the keywords that are not part of the condition
_NOT_IN_CONDITION = word_set("WHEN END")
_JOINING_WORDS = word_set("ELSE LOOP REPEAT THEN DO")
# After these, the conditions of DECLARE … HANDLER FOR continue
_CONDITION_CONTINUES = word_set("HANDLER FOR , NOT SQLSTATE VALUE")


def block_parts(tokens: Tokens, dialect: str) -> Iterator[Part]:
    """Yield the plain statements of a block in order, including conditions and declarations."""
    return _BlockSplitter(tokens, sections=dialect != "databricks").parts()


class _BlockSplitter:
    """Splits one block. sections: whether DECLARE begins a section, rather than a statement."""

    def __init__(self, tokens: Tokens, *, sections: bool) -> None:
        self.tokens = tokens
        self.sections = sections
        self.index = 0
        self.in_declarations = False
        self.open_counter = _OpenCounter()
        self.current: list[Token] = []
        # Whether the current statement contains the word HANDLER
        self.has_handler = False

    def parts(self) -> Iterator[Part]:
        while self.index < len(self.tokens):
            joining = 0 if self.current else self._joining_length()
            ending = None if joining else self._ending_length()
            if ending is not None:
                yield from self._flush()
            elif not joining:
                self.current.append(self.tokens[self.index])
                self.has_handler = self.has_handler or self._key() == "HANDLER"
                self.open_counter.count(self.current, len(self.current) - 1)
            self.index += joining or (1 if ending is None else ending)
        yield from self._flush()

    def _flush(self) -> Iterator[Part]:
        if self.current:
            yield Part(self.current, "declared" if self.in_declarations else "block")
        self.current, self.open_counter, self.has_handler = [], _OpenCounter(), False

    def _key(self, ahead: int = 0) -> str:
        index = self.index + ahead
        return (self.tokens[index].key or "quoted") if index < len(self.tokens) else ""

    def _ending_length(self) -> int | None:
        """Return the number of tokens here that end the plain statement, or None if it continues. A semicolon always ends it."""
        key, first_key = self._key(), self.current[0].key if self.current else ""
        if key == ";":
            return 1
        if first_key == "DECLARE":
            return 0 if self._begins_handled_statement() else None
        if self.open_counter.is_open or key not in _CONDITION_ENDS.get(first_key, ()):
            return None
        return 0 if key in _NOT_IN_CONDITION else 1

    def _begins_handled_statement(self) -> bool:
        """Whether the statement that a handler runs begins here: DECLARE EXIT HANDLER FOR NOT FOUND …"""
        return self.has_handler and self.current[-1].key not in _CONDITION_CONTINUES and self._key() != ","

    def _joining_length(self) -> int:
        """Return the number of tokens here that only join statements."""
        key = self._key()
        if key == "BEGIN" and self._key(1) not in TRANSACTION:
            self.in_declarations = False
            return 1 + {"ATOMIC": 1, "NOT": 2}.get(self._key(1), 0)
        if key == "DECLARE" and self.sections:
            self.in_declarations = True
            return 1
        if key in _JOINING_WORDS or (key == "EXCEPTION" and self._key(1) == "WHEN"):
            return 1
        return self._end_length() if key == "END" else self._label_length()

    def _end_length(self) -> int:
        """Return the number of tokens in END, END IF, END label or END LOOP label, without the semicolon."""
        return next((ahead for ahead in range(1, 4) if self._key(ahead) in ("", ";")), 0)

    def _label_length(self) -> int:
        """Return the number of tokens in a label (name: BEGIN, or <<name>>), or 0 if there is none."""
        if self._key(1) == ":" and self._key(2) != "=":
            return 2
        return 5 if self._key() + self._key(1) == "<<" and self._key(3) + self._key(4) == ">>" else 0


# ----------------------------------------------------------------------------------------------------------------- batches

# T-SQL: words that can only begin a statement
_STATEMENT_WORDS = word_set(
    """
    ALTER BACKUP BEGIN BREAK BULK CHECKPOINT CLOSE COMMIT CONTINUE CREATE DBCC DEALLOCATE DECLARE DELETE DENY DROP EXEC EXECUTE FETCH
    GOTO GRANT IF INSERT KILL MERGE OPEN PRINT RAISERROR READTEXT RECONFIGURE RESTORE RETURN REVERT REVOKE ROLLBACK SAVE SELECT SET
    DUMP LINENO LOAD SETUSER SHUTDOWN TRUNCATE UPDATE UPDATETEXT USE WAITFOR WHILE WRITETEXT
    """
)
# Words that begin a statement only with one of these words after them
_WORD_PAIRS = {
    "COPY": word_set("INTO"),
    "RENAME": word_set("OBJECT DATABASE"),
    "ENABLE": word_set("TRIGGER"),
    "DISABLE": word_set("TRIGGER"),
    "ADD": word_set("SIGNATURE SENSITIVITY"),
}
# (first word of the statement or "" for any, reserved word) -> the words after it that make it a clause of that statement
_CLAUSE_WORDS = {
    ("ALTER", "DROP"): word_set("COLUMN CONSTRAINT MEMBER"),
    ("ALTER", "ALTER"): word_set("COLUMN"),
    ("CREATE", "EXECUTE"): word_set("AS"),
    ("ALTER", "EXECUTE"): word_set("AS"),
    ("", "GRANT"): word_set("OPTION"),
    ("", "UPDATE"): word_set("("),
}
_PERMISSION_VERBS = word_set("GRANT DENY REVOKE")
_MAIN_VERBS = word_set("SELECT INSERT UPDATE DELETE MERGE")
_CHANGE_VERBS = word_set("INSERT UPDATE DELETE")
_BATCH_JOINING_WORDS = word_set("; ELSE END TRY CATCH")


def batch_parts(tokens: Tokens) -> Iterator[Part]:
    """Yield the plain statements of a T-SQL batch. Nothing has to separate them, so the word that begins a statement identifies it."""
    current: list[Token] = []
    open_brackets = cases = 0
    for index, token in enumerate(tokens):
        ends = token.key in _BATCH_JOINING_WORDS and not (cases and token.key in ("ELSE", "END"))
        if current and (ends or _begins_statement(tokens, index, current, open_brackets > 0)):
            yield Part(current, "block")
            current, open_brackets, cases = [], 0, 0
        if not (ends or (token.key == "BEGIN" and _key(tokens, index + 1) not in TRANSACTION)):
            current.append(token)
            open_brackets += (token.key == "(") - (token.key == ")")
            # CASE … ELSE … END
            cases += (token.key == "CASE") - (token.key == "END")
    if current:
        yield Part(current, "block")


def _key(tokens: Tokens, index: int) -> str:
    return (tokens[index].key or "quoted") if 0 <= index < len(tokens) else ""


def _begins_statement(tokens: Tokens, index: int, current: Tokens, in_brackets: bool) -> bool:
    """Whether a new statement begins here. current: the tokens of the statement before it."""
    key, following = _key(tokens, index), _key(tokens, index + 1)
    if _key(tokens, index - 1) == "." or _is_subquery_or_main(current, key, in_brackets):
        return False
    if key == "WITH":
        return _key(tokens, index + 2) == "AS" or (_key(tokens, index + 2) == "(" and following not in ("(", ""))
    if key in _STATEMENT_WORDS:
        return not (_is_clause(current, key, following) or _continues_statement(current, key, tokens, index))
    return following in _WORD_PAIRS.get(key, ()) or (key == "THROW" and following != "=")


def _is_subquery_or_main(current: Tokens, key: str, in_brackets: bool) -> bool:
    """Whether this is a query in parentheses, or the statement that WITH c AS (…) belongs to."""
    if key not in _MAIN_VERBS and key != "WITH":
        return False
    if in_brackets:
        return key in ("SELECT", "WITH")
    return bool(current) and current[0].key == "WITH" and current[-1].key == ")" and key in _MAIN_VERBS


def _is_clause(current: Tokens, key: str, following: str) -> bool:
    """Whether the word belongs to a clause: ALTER TABLE … DROP COLUMN, UPDATE … SET, WITH GRANT OPTION"""
    first_key = current[0].key if current else ""
    if key == "SET":
        return first_key in ("UPDATE", "MERGE", "ALTER") and "SET" not in [token.key for token in current]
    return following in _CLAUSE_WORDS.get((first_key, key), ()) or following in _CLAUSE_WORDS.get(("", key), ())


def _continues_statement(current: Tokens, key: str, tokens: Tokens, index: int) -> bool:
    """Whether the word continues a statement: GRANT CREATE VIEW; ON DELETE CASCADE; WHEN MATCHED THEN DELETE; DROP TABLE IF EXISTS t"""
    first_key, before = current[0].key if current else "", _key(tokens, index - 1)
    if first_key in _PERMISSION_VERBS:
        return before in (*_PERMISSION_VERBS, ",", "FOR")
    if key in _CHANGE_VERBS and before in ("ON", "THEN"):
        return first_key == "MERGE" if before == "THEN" else _key(tokens, index + 1) in ("CASCADE", "NO", "SET")
    if key == "IF":
        exists_index = index + 1 + (_key(tokens, index + 1) == "NOT")
        return first_key in ("CREATE", "ALTER", "DROP") and _key(tokens, exists_index) == "EXISTS" and _key(tokens, exists_index + 1) != "("
    return key == "USE" and before == "("
