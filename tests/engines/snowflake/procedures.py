# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Procedures and functions: their arguments, their definition, CALL. Those in SQL run, those in JavaScript are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..words import Name, Word
from .answers import Answer
from .errors import SnowflakeError, unsupported
from .ledger import Thing
from .scripting import Run, read_block
from .session import Session
from .words import Reader, shown

# Names of types that are another's: procedures of one name are told apart by the types of their arguments.
SAME_TYPES = {
    **dict.fromkeys(("STRING", "TEXT", "CHAR", "CHARACTER", "NCHAR", "NVARCHAR", "NVARCHAR2"), "VARCHAR"),
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT", "DECIMAL", "NUMERIC"), "NUMBER"),
    **dict.fromkeys(("DOUBLE", "FLOAT4", "FLOAT8", "REAL"), "FLOAT"),
    **dict.fromkeys(("DATETIME", "TIMESTAMP"), "TIMESTAMP_NTZ"),
    "VARBINARY": "BINARY",
}


def signature(of: Iterable[str]) -> str:
    """The types of the arguments as they end the name of a procedure: `(VARCHAR, NUMBER)`."""
    return f"({', '.join(of)})"


def types(reader: Reader) -> list[str]:
    """Read the types of a procedure that is there: `(STRING, NUMBER)`."""
    return [_type(part[0]) for part in reader.items()]


def arguments(reader: Reader) -> dict[str, str]:
    """Read the arguments of a new procedure, `(a STRING, b NUMBER(10, 2) DEFAULT 1)`: name -> type."""
    found = {}
    for part in reader.items():
        if len(part) < 2:
            raise reader.unexpected(part[0])
        found[part[0].value] = _type(part[1])
    return found


def _type(word: Word) -> str:
    return SAME_TYPES.get(word.value, word.value)


def definition(reader: Reader) -> dict[str, Any]:
    """Read what follows the arguments of a new procedure or function."""
    found: dict[str, Any] = {"LANGUAGE": "SQL", "EXECUTE AS": "OWNER"}
    while not reader.done and not reader.accept("AS"):
        word = reader.next()
        if word.key == "LANGUAGE":
            found["LANGUAGE"] = reader.identifier()
        elif word.key == "EXECUTE" and reader.accept("AS"):
            found["EXECUTE AS"] = reader.identifier()
    return found | {"definition": _body(reader)}


def _body(reader: Reader) -> str:
    """The code: a string, or a block as it stands."""
    word = reader.peek()
    if word is None or word.kind == "string":
        reader.at += 1
        reader.end()
        return word.value if word else ""
    if reader.key() not in ("BEGIN", "DECLARE"):
        raise reader.unexpected()
    try:
        read_block(reader)
    except SnowflakeError as error:
        if error.code != unsupported("").code or reader.words[-1].key != "END":
            raise
        reader.at = len(reader.words)
    reader.end()
    return reader.sql[word.start : reader.words[-1].end]


def call(session: Session, reader: Reader) -> Answer:
    """CALL name(arguments), of a procedure in SQL."""
    reader.expect("CALL")
    name = session.resolve("PROCEDURE", reader.name(), "CALL")
    given = [reader.sql[part[0].start : part[-1].end] for part in reader.items()]
    reader.end()
    procedure = _of_name(session, name, len(given))
    session.must("USAGE", "PROCEDURE", procedure.name)
    values = [session.run(f"SELECT {text}").rows[0][0] for text in given]
    if procedure.properties["LANGUAGE"] != "SQL":
        raise unsupported(f"CALL of a procedure in {procedure.properties['LANGUAGE']}")
    inner = Reader.of(procedure.properties["definition"])
    with session.rights_of(procedure, procedure.properties["EXECUTE AS"] == "OWNER"):
        run = Run(session, inner.sql, dict(zip(procedure.properties["arguments"], values, strict=True)))
        return Answer((name[-1],), [(run.value(read_block(inner)),)])


def _of_name(session: Session, name: Name, count: int) -> Thing:
    for procedure in session.ledger.all("PROCEDURE", name[:2]):
        fits = procedure.name[-1].split("(")[0] == name[-1] and len(procedure.properties["arguments"]) == count
        if fits and session.ledger.sees(session.role, procedure):
            return procedure
    raise SnowflakeError(2141, "42601", f"SQL compilation error:\nUnknown user-defined procedure {shown(name)}")
