# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statement is whose: the first words of a statement and what carries it out."""

from __future__ import annotations

from .answers import Answer, Forward
from .grants import grant, revoke
from .objects import alter, comment, create, drop
from .procedures import call
from .queries import query
from .scripting import block, execute_immediate
from .session import Handler, Session, use
from .show import describe, show
from .words import Reader


def forward(session: Session, reader: Reader) -> Answer | Forward:
    """A statement that is fakesnow's alone."""
    return Forward(reader.sql)


def start(session: Session, reader: Reader) -> Answer | Forward:
    """BEGIN [TRANSACTION] [NAME n] and START TRANSACTION, as fakesnow knows it."""
    return Forward("BEGIN")


HANDLERS: dict[str, Handler] = {
    "CREATE": create,
    "ALTER": alter,
    "DROP": drop,
    "COMMENT": comment,
    "GRANT": grant,
    "REVOKE": revoke,
    "SHOW": show,
    "DESCRIBE": describe,
    "DESC": describe,
    "USE": use,
    "CALL": call,
    "EXECUTE IMMEDIATE": execute_immediate,
    "START TRANSACTION": start,
    **dict.fromkeys(("SELECT", "WITH", "(", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "VALUES"), query),
    **dict.fromkeys(("SET", "UNSET", "COMMIT", "ROLLBACK"), forward),
    **dict.fromkeys(("COPY INTO", "PUT", "GET", "LIST", "LS", "REMOVE", "RM"), forward),
}


def handler_of(reader: Reader) -> tuple[Handler, bool]:
    """What carries the statement out, and whether semicolons may be in it: it is a block, or holds one."""
    if reader.key() == "BEGIN":
        transaction = reader.key(1) in ("", "WORK", "TRANSACTION", "NAME")
        return (start, False) if transaction else (block, True)
    if reader.key() == "DECLARE":
        return block, True
    words = [phrase for phrase in HANDLERS if phrase.split() == [reader.key(i) for i in range(len(phrase.split()))]]
    if not words:
        raise reader.unexpected()
    return HANDLERS[words[0]], _holds_block(reader)


def _holds_block(reader: Reader) -> bool:
    """CREATE PROCEDURE ... AS BEGIN ... END, without quotes around the block."""
    keys = [word.key for word in reader.words]
    if keys[0] != "CREATE" or not {"PROCEDURE", "TASK"} & set(keys[:6]):
        return False
    return any(pair in (("AS", "BEGIN"), ("AS", "DECLARE")) for pair in zip(keys, keys[1:], strict=False))
