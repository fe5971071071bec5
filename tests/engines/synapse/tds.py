# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of TDS 7.4 in bytes: what a client sends, and what a server answers.

Source: Microsoft, "[MS-TDS]: Tabular Data Stream Protocol".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

# Types of packets
BATCH, RESPONSE, ATTENTION, LOGIN, PRELOGIN = 1, 4, 6, 16, 18
# Encryption, as either side announces it
ON, NOT_SUPPORTED, REQUIRED = 1, 2, 3

PACKET_SIZE = 4096
VERSION = 0x74000004
SERVER = "Microsoft Azure SQL Data Warehouse"
COLLATION = b"\x09\x04\xd0\x00\x34"

# Bits of a DONE token's status
MORE, ERROR, COUNT, CANCELLED = 0x1, 0x2, 0x10, 0x20


@dataclass(frozen=True)
class Rows:
    """A result set."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Done:
    """A statement is over. count: the rows that it changed; None where nothing is counted."""

    count: int | None = None


@dataclass(frozen=True)
class Message:
    """An error (severity above 10), or something that is only said."""

    number: int
    severity: int
    text: str
    line: int = 1

    @property
    def is_error(self) -> bool:
        return self.severity > 10


Reply = Union[Rows, Done, Message]


@dataclass(frozen=True)
class LoginRequest:
    user: str
    password: str
    database: str


def packets(kind: int, data: bytes) -> bytes:
    """A message as packets, the last one marked."""
    size = PACKET_SIZE - 8
    chunks = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    last = len(chunks) - 1
    return b"".join(struct.pack(">BBHHBB", kind, int(number == last), len(chunk) + 8, 0, (number + 1) % 256, 0) + chunk for number, chunk in enumerate(chunks))


def encryption_wanted(prelogin: bytes) -> int:
    """What a client says about encryption."""
    at = 0
    while prelogin[at] != 0xFF:
        token, offset, _length = struct.unpack_from(">BHH", prelogin, at)
        if token == 1:
            return int(prelogin[offset])
        at += 5
    return NOT_SUPPORTED


def prelogin_answer(encryption: int) -> bytes:
    options = [(0, b"\x0c\x00\x07\xd0\x00\x00"), (1, bytes([encryption])), (2, b"\x00"), (3, b""), (4, b"\x00")]
    head, values = b"", b""
    for token, value in options:
        head += struct.pack(">BHH", token, 5 * len(options) + 1 + len(values), len(value))
        values += value
    return head + b"\xff" + values


def login_of(data: bytes) -> LoginRequest:
    """What is asked for in a LOGIN7 message."""

    def text(at: int) -> bytes:
        offset, length = struct.unpack_from("<HH", data, at)
        return data[offset : offset + 2 * length]

    password = bytes(((byte ^ 0xA5) << 4 & 0xF0) | ((byte ^ 0xA5) >> 4) for byte in text(44))
    return LoginRequest(text(40).decode("utf-16-le"), password.decode("utf-16-le"), text(68).decode("utf-16-le"))


def batch_of(data: bytes) -> str:
    """The SQL in a batch message, behind its headers."""
    length = struct.unpack_from("<I", data)[0]
    return data[length:].decode("utf-16-le")


# --- tokens ---


def welcome(database: str) -> bytes:
    """The answer to a login that succeeds."""
    acknowledged = b"\x01" + struct.pack(">I", VERSION) + _short(SERVER) + b"\x0c\x00\x07\xd0"
    changes = _change(1, _short(database) + _short("master")) + _change(7, bytes([5]) + COLLATION + b"\x00")
    size = _change(4, _short(str(PACKET_SIZE)) + _short(str(PACKET_SIZE)))
    return changes + b"\xad" + struct.pack("<H", len(acknowledged)) + acknowledged + size + done(0)


def done(status: int, count: int = 0) -> bytes:
    return struct.pack("<BHHQ", 0xFD, status, 0, count)


def answer(replies: Sequence[Reply]) -> bytes:
    """The answer to a batch or a refused login: every statement ends with a DONE, and all but the last announce more."""
    tokens = [_tokens(reply) for reply in replies]
    last = max((at for at, (_head, end) in enumerate(tokens) if end), default=-1)
    found = b"".join(head + (done(end[0] | (MORE if at != last else 0), end[1]) if end else b"") for at, (head, end) in enumerate(tokens))
    return found if last >= 0 else found + done(0)


def _tokens(reply: Reply) -> tuple[bytes, tuple[int, int] | None]:
    """A reply's tokens, and the status and count of the DONE that ends it, if one does."""
    if isinstance(reply, Rows):
        return _rows(reply), (COUNT, len(reply.rows))
    if isinstance(reply, Done):
        return b"", (0, 0) if reply.count is None else (COUNT, reply.count)
    body = struct.pack("<IBB", reply.number, 1, reply.severity) + _long(reply.text) + _short("synapse") + _short("") + struct.pack("<I", reply.line)
    return (b"\xaa" if reply.is_error else b"\xab") + struct.pack("<H", len(body)) + body, (ERROR, 0) if reply.is_error else None


def _change(kind: int, body: bytes) -> bytes:
    return b"\xe3" + struct.pack("<HB", len(body) + 1, kind) + body


def _rows(found: Rows) -> bytes:
    """A column is BIGINT where all values are whole numbers, and NVARCHAR(MAX) otherwise."""
    whole = [all(isinstance(row[at], int) for row in found.rows) for at in range(len(found.columns))]
    tokens = [b"\x81" + struct.pack("<H", len(whole))]
    for is_whole, name in zip(whole, found.columns, strict=True):
        tokens.append(struct.pack("<IH", 0, 9) + (b"\x26\x08" if is_whole else b"\xe7\xff\xff" + COLLATION) + _short(name))
    for row in found.rows:
        tokens.append(b"\xd1" + b"".join(b"\x08" + struct.pack("<q", value) if is_whole else _text(value) for is_whole, value in zip(whole, row, strict=True)))
    return b"".join(tokens)


def _text(value: Any) -> bytes:
    if value is None:
        return b"\xff" * 8
    data = str(value).encode("utf-16-le")
    return struct.pack("<QI", len(data), len(data)) + data + (b"\x00" * 4 if data else b"")


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _long(text: str) -> bytes:
    encoded = text[:2000].encode("utf-16-le")
    return struct.pack("<H", len(encoded) // 2) + encoded
