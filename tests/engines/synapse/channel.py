# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection as packets go over it: in clear, or encrypted, the handshake inside packets as TDS 7 has it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import struct
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .tds import PRELOGIN, packets


class Channel:
    """Packets in, packets out. EOFError when the client is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def message(self) -> tuple[int, bytes]:
        """The next message: its type and what is in its packets."""
        data = b""
        while True:
            kind, status, length = struct.unpack(">BBH", (await self._read(8))[:4])
            data += await self._read(length - 8)
            if status & 1:
                return kind, data

    async def send(self, kind: int, data: bytes) -> None:
        """One message."""
        await self._write(packets(kind, data))

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """Shake hands; everything that follows is encrypted. ssl.SSLError when the client does not like it."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._send_handshake()
                self._incoming.write((await self.message())[1])
        await self._send_handshake()
        self._tls = tls

    async def _send_handshake(self) -> None:
        waiting = self._outgoing.read()
        if waiting:
            await self.send(PRELOGIN, waiting)

    def reset(self) -> None:
        """End it at once, with a TCP reset."""
        plain = self._writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()

    async def _read(self, size: int) -> bytes:
        if self._tls is None:
            return await self._reader.readexactly(size)
        data = b""
        while len(data) < size:
            try:
                data += self._tls.read(size - len(data))
            except ssl.SSLWantReadError:
                arrived = await self._reader.read(65536)
                if not arrived:
                    raise EOFError("the client is gone") from None
                self._incoming.write(arrived)
            except ssl.SSLZeroReturnError:
                raise EOFError("the client is gone") from None
        return data

    async def _write(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._writer.write(data)
        await self._writer.drain()


def certificate(directory: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS with a certificate of its own for an address, and the file that a client has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "synapse engine")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = directory / "certificate.pem", directory / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # what TDS 7 knows
    context.load_cert_chain(public, private)
    return context, public
