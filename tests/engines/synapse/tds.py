# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes: packets, logins, and the tokens of answers. Source: [MS-TDS], Tabular Data Stream Protocol, version 7.4."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .replies import Done, Message, Reply, Rows

# Types of packets
BATCH, RPC, RESPONSE, ATTENTION, LOGIN, PRELOGIN = 1, 3, 4, 6, 16, 18
# Encryption, as either side announces it
OFF, ON, NOT_SUPPORTED, REQUIRED = 0, 1, 2, 3

PACKET_SIZE = 4096
VERSION = 0x74000004
SERVER = "Microsoft Azure SQL Data Warehouse"
COLLATION = b"\x09\x04\xd0\x00\x34"
LONGEST = 4000  # characters of an NVARCHAR that is not NVARCHAR(MAX)

# Bits of a DONE token's status
MORE, ERROR, COUNT, CANCELLED = 0x1, 0x2, 0x10, 0x20


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
    product = _short(SERVER)
    acknowledged = b"\x01" + struct.pack(">I", VERSION) + product + b"\x0c\x00\x07\xd0"
    said = _message(Message(5701, 0, f"Changed database context to '{database}'.", 1, 2))
    changes = _change(1, _short(database) + _short("master")) + _change(7, bytes([5]) + COLLATION + b"\x00")
    size = _change(4, _short(str(PACKET_SIZE)) + _short(str(PACKET_SIZE)))
    return changes + said + b"\xad" + struct.pack("<H", len(acknowledged)) + acknowledged + size + done(0)


def refusal(message: Message) -> bytes:
    """The answer to a login that fails."""
    return _message(message) + done(ERROR)


def done(status: int, count: int = 0) -> bytes:
    return struct.pack("<BHHQ", 0xFD, status, 0, count)


def answer(replies: Sequence[Reply]) -> bytes:
    """The answer to a batch: every statement ends with a DONE, and all but the last announce more."""
    tokens, ends = b"", [at for at, reply in enumerate(replies) if _ends(replies, at)]
    last = ends[-1] if ends else -1
    for at, reply in enumerate(replies):
        more = MORE if at != last else 0
        if isinstance(reply, Rows):
            tokens += _rows(reply) + (done(COUNT | more, len(reply.rows)) if reply.complete else b"")
        elif isinstance(reply, Done):
            tokens += done(more if reply.count is None else COUNT | more, reply.count or 0)
        else:
            tokens += _message(reply) + (done(ERROR | more) if reply.severity > 10 else b"")
    return tokens if ends else tokens + done(0)


def _ends(replies: Sequence[Reply], at: int) -> bool:
    """Whether a reply ends with a DONE."""
    reply = replies[at]
    if isinstance(reply, Message):
        return reply.severity > 10
    return not isinstance(reply, Rows) or reply.complete


def _message(message: Message) -> bytes:
    body = struct.pack("<IBB", message.number, message.state, message.severity) + _long(message.text)
    body += _short("synapse") + _short(message.procedure) + struct.pack("<I", message.line)
    return (b"\xaa" if message.severity > 10 else b"\xab") + struct.pack("<H", len(body)) + body


def _change(kind: int, body: bytes) -> bytes:
    return b"\xe3" + struct.pack("<HB", len(body) + 1, kind) + body


def _rows(found: Rows) -> bytes:
    kinds = [_Type.of(row[at] for row in found.rows) for at in range(len(found.columns))]
    tokens = [b"\x81" + struct.pack("<H", len(kinds))]
    tokens += [struct.pack("<IH", 0, 9) + kind.description + _short(name) for kind, name in zip(kinds, found.columns, strict=True)]
    for row in found.rows:
        tokens.append(b"\xd1" + b"".join(kind.encoded(value) for kind, value in zip(kinds, row, strict=True)))
    return b"".join(tokens)


@dataclass(frozen=True)
class _Type:
    """The type of a column, chosen by its values: BIGINT, FLOAT, BIT, or text for everything else."""

    name: str

    @classmethod
    def of(cls, values: Iterable[Any]) -> _Type:
        found = [value for value in values if value is not None]
        kinds = {type(value) for value in found}
        if len(kinds) == 1 and kinds <= {int, bool, float}:
            return cls(kinds.pop().__name__)
        return cls("max" if any(len(str(value)) > LONGEST for value in found) else "text")

    @property
    def description(self) -> bytes:
        fixed = {"int": b"\x26\x08", "float": b"\x6d\x08", "bool": b"\x68\x01"}
        return fixed.get(self.name) or b"\xe7" + struct.pack("<H", 0xFFFF if self.name == "max" else 2 * LONGEST) + COLLATION

    def encoded(self, value: Any) -> bytes:
        if value is None:
            return {"text": b"\xff\xff", "max": b"\xff" * 8}.get(self.name, b"\x00")
        if self.name in ("int", "float", "bool"):
            packed = struct.pack({"int": "<q", "float": "<d", "bool": "<?"}[self.name], value)
            return bytes([len(packed)]) + packed
        data = str(value).encode("utf-16-le")
        if self.name == "max":
            return struct.pack("<QI", len(data), len(data)) + data + (b"\x00" * 4 if data else b"")
        return struct.pack("<H", len(data)) + data


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _long(text: str) -> bytes:
    encoded = text[:2000].encode("utf-16-le")
    return struct.pack("<H", len(encoded) // 2) + encoded
