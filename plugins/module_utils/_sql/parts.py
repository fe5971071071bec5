# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement taken apart into the plain ones that it is made of: those of a block, of a batch, of a chain.

Nothing is left out: what belongs to no plain statement is a keyword that only holds others together.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .tokens import Token

Tokens = Sequence[Token]


class Part(NamedTuple):
    """A plain statement. where: plain (it runs, and stands alone), block (inside of one), declared (in a DECLARE section)."""

    tokens: list[Token]
    where: str = "plain"


def words(values: str) -> frozenset[str]:
    return frozenset(values.split())


def statement_parts(tokens: Tokens) -> Iterator[Part]:
    """The statements of a text without blocks."""
    current: list[Token] = []
    for token in tokens:
        if token.key == ";":
            yield from [Part(current)] if current else []
            current = []
        else:
            current.append(token)
    yield from [Part(current)] if current else []


def is_closed(tokens: Tokens) -> bool:
    """Whether every parenthesis and every CASE among the tokens ends there."""
    depths = _Depths()
    return all(depths.see(tokens, place) for place in range(len(tokens))) and not depths.inside


class _Depths:
    """Follows parentheses and CASE … END."""

    def __init__(self) -> None:
        self.brackets = 0
        self.cases = 0

    @property
    def inside(self) -> bool:
        return self.brackets != 0 or self.cases != 0

    def see(self, tokens: Tokens, place: int) -> bool:
        """Count one token in. False when more closes there than was open."""
        key = tokens[place].key
        self.brackets += (key == "(") - (key == ")")
        # t.case, x AS end
        if place and tokens[place - 1].key not in (".", "AS", ":"):
            self.cases += (key == "CASE") - (key == "END" and self.cases > 0)
        return self.brackets >= 0


# ------------------------------------------------------------------------------------------------------------------ blocks

TRANSACTION = words("TRANSACTION TRAN WORK NAME")
# What a keyword's condition ends with
_HEADS = {
    "IF": words("THEN"),
    "ELSEIF": words("THEN"),
    "ELSIF": words("THEN"),
    "WHEN": words("THEN"),
    "CASE": words("WHEN"),
    "WHILE": words("DO LOOP"),
    "FOR": words("DO LOOP"),
    "UNTIL": words("END"),
}
_KEPT_ENDS = words("WHEN END")
_JOINTS = words("ELSE LOOP REPEAT THEN DO")
# Behind these the conditions of DECLARE … HANDLER FOR go on
_CONDITIONS_GO_ON = words("HANDLER FOR , NOT SQLSTATE VALUE")


def block_parts(tokens: Tokens, dialect: str) -> Iterator[Part]:
    """The plain statements of a block, in order: conditions among them, and declarations."""
    return _Blocks(tokens, sections=dialect != "databricks").parts()


class _Blocks:
    """sections: whether DECLARE begins a section, rather than a statement."""

    def __init__(self, tokens: Tokens, *, sections: bool) -> None:
        self.tokens = tokens
        self.sections = sections
        self.place = 0
        self.declaring = False
        self.depths = _Depths()
        self.current: list[Token] = []
        # Whether there is the word HANDLER in it
        self.handling = False

    def parts(self) -> Iterator[Part]:
        while self.place < len(self.tokens):
            skipped = 0 if self.current else self._joint()
            ends = None if skipped else self._end()
            if ends is not None:
                yield from self._flush()
            elif not skipped:
                self.current.append(self.tokens[self.place])
                self.handling = self.handling or self._key() == "HANDLER"
                self.depths.see(self.current, len(self.current) - 1)
            self.place += skipped or (1 if ends is None else ends)
        yield from self._flush()

    def _flush(self) -> Iterator[Part]:
        if self.current:
            yield Part(self.current, "declared" if self.declaring else "block")
        self.current, self.depths, self.handling = [], _Depths(), False

    def _key(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return (self.tokens[place].key or "quoted") if place < len(self.tokens) else ""

    def _end(self) -> int | None:
        """How many tokens end the plain statement here; None when it goes on. A semicolon always ends it."""
        key, head = self._key(), self.current[0].key if self.current else ""
        if key == ";":
            return 1
        if head == "DECLARE":
            return 0 if self._handles() else None
        if self.depths.inside or key not in _HEADS.get(head, ()):
            return None
        return 0 if key in _KEPT_ENDS else 1

    def _handles(self) -> bool:
        """Whether the statement of a handler begins here: DECLARE EXIT HANDLER FOR NOT FOUND …"""
        return self.handling and self.current[-1].key not in _CONDITIONS_GO_ON and self._key() != ","

    def _joint(self) -> int:
        """How many tokens here only hold statements together."""
        key = self._key()
        if key == "BEGIN" and self._key(1) not in TRANSACTION:
            self.declaring = False
            return 1 + {"ATOMIC": 1, "NOT": 2}.get(self._key(1), 0)
        if key == "DECLARE" and self.sections:
            self.declaring = True
            return 1
        if key in _JOINTS or (key == "EXCEPTION" and self._key(1) == "WHEN"):
            return 1
        return self._closing() if key == "END" else self._label()

    def _closing(self) -> int:
        """END, END IF, END label, END LOOP label"""
        return next((ahead for ahead in range(1, 4) if self._key(ahead) in ("", ";")), 0)

    def _label(self) -> int:
        """name: BEGIN, or <<name>>"""
        if self._key(1) == ":" and self._key(2) != "=":
            return 2
        return 5 if self._key() + self._key(1) == "<<" and self._key(3) + self._key(4) == ">>" else 0


# ----------------------------------------------------------------------------------------------------------------- batches

# T-SQL: words that nothing but a statement begins with
_RESERVED = words(
    """
    ALTER BACKUP BEGIN BREAK BULK CHECKPOINT CLOSE COMMIT CONTINUE CREATE DBCC DEALLOCATE DECLARE DELETE DENY DROP EXEC EXECUTE FETCH
    GOTO GRANT IF INSERT KILL MERGE OPEN PRINT RAISERROR READTEXT RECONFIGURE RESTORE RETURN REVERT REVOKE ROLLBACK SAVE SELECT SET
    DUMP LINENO LOAD SETUSER SHUTDOWN TRUNCATE UPDATE UPDATETEXT USE WAITFOR WHILE WRITETEXT
    """
)
# Words that begin one only with another behind them
_PAIRS = {
    "COPY": words("INTO"),
    "RENAME": words("OBJECT DATABASE"),
    "ENABLE": words("TRIGGER"),
    "DISABLE": words("TRIGGER"),
    "ADD": words("SIGNATURE SENSITIVITY"),
}
# What a reserved word is followed by where it is a clause, by what the statement begins with (empty: any)
_CLAUSES = {
    ("ALTER", "DROP"): words("COLUMN CONSTRAINT MEMBER"),
    ("ALTER", "ALTER"): words("COLUMN"),
    ("CREATE", "EXECUTE"): words("AS"),
    ("ALTER", "EXECUTE"): words("AS"),
    ("", "GRANT"): words("OPTION"),
    ("", "UPDATE"): words("("),
}
_PERMISSIONS = words("GRANT DENY REVOKE")
_MAIN = words("SELECT INSERT UPDATE DELETE MERGE")
_CHANGES = words("INSERT UPDATE DELETE")
_BATCH_JOINTS = words("; ELSE END TRY CATCH")


def batch_parts(tokens: Tokens) -> Iterator[Part]:
    """The plain statements of a T-SQL batch. Neither semicolons nor lines have to part them, so what begins one is told by its word."""
    current: list[Token] = []
    open_brackets = cases = 0
    for place, token in enumerate(tokens):
        ends = token.key in _BATCH_JOINTS and not (cases and token.key in ("ELSE", "END"))
        if current and (ends or _begins(tokens, place, current, open_brackets > 0)):
            yield Part(current, "block")
            current, open_brackets, cases = [], 0, 0
        if not (ends or (token.key == "BEGIN" and _key(tokens, place + 1) not in TRANSACTION)):
            current.append(token)
            open_brackets += (token.key == "(") - (token.key == ")")
            # CASE … ELSE … END
            cases += (token.key == "CASE") - (token.key == "END" and cases > 0)
    if current:
        yield Part(current, "block")


def _key(tokens: Tokens, place: int) -> str:
    return (tokens[place].key or "quoted") if 0 <= place < len(tokens) else ""


def _begins(tokens: Tokens, place: int, current: Tokens, in_brackets: bool) -> bool:
    """Whether a statement begins here, with the tokens before it that are of another."""
    key, following = _key(tokens, place), _key(tokens, place + 1)
    if _key(tokens, place - 1) == "." or _is_query_within(current, key, in_brackets):
        return False
    if key == "WITH":
        return _key(tokens, place + 2) == "AS" or (_key(tokens, place + 2) == "(" and following not in ("(", ""))
    if key in _RESERVED:
        return not (_is_clause(current, key, following) or _is_behind(current, key, tokens, place))
    return following in _PAIRS.get(key, ()) or (key == "THROW" and following != "=")


def _is_query_within(current: Tokens, key: str, in_brackets: bool) -> bool:
    """A query in parentheses; or the statement that WITH c AS (…) belongs to."""
    if key not in _MAIN and key != "WITH":
        return False
    if in_brackets:
        return key in ("SELECT", "WITH")
    return bool(current) and current[0].key == "WITH" and current[-1].key == ")" and key in _MAIN


def _is_clause(current: Tokens, key: str, following: str) -> bool:
    """ALTER TABLE … DROP COLUMN, UPDATE … SET, WITH GRANT OPTION"""
    head = current[0].key if current else ""
    if key == "SET":
        return head in ("UPDATE", "MERGE", "ALTER") and "SET" not in [token.key for token in current]
    return following in _CLAUSES.get((head, key), ()) or following in _CLAUSES.get(("", key), ())


def _is_behind(current: Tokens, key: str, tokens: Tokens, place: int) -> bool:
    """GRANT CREATE VIEW, CREATE TABLE; ON DELETE CASCADE; WHEN MATCHED THEN DELETE; DROP TABLE IF EXISTS t"""
    head, before = current[0].key if current else "", _key(tokens, place - 1)
    if head in _PERMISSIONS:
        return before in (*_PERMISSIONS, ",", "FOR")
    if key in _CHANGES and before in ("ON", "THEN"):
        return head == "MERGE" if before == "THEN" else _key(tokens, place + 1) in ("CASCADE", "NO", "SET")
    if key == "IF":
        exists = place + 1 + (_key(tokens, place + 1) == "NOT")
        return head in ("CREATE", "ALTER", "DROP") and _key(tokens, exists) == "EXISTS" and _key(tokens, exists + 1) != "("
    return key == "USE" and before == "("
