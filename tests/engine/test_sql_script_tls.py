# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption is on and the server's certificate checked: the real drivers against servers with certificates of our own."""

from __future__ import annotations

import datetime
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# In a process of its own, as in a task: what to trust is said by variables of the environment.
CLIENT = """
import json, sys
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._sql.drivers import DRIVERS
platform, login = sys.argv[1], json.loads(sys.argv[2])
try:
    DRIVERS[platform](login, connect_timeout=5, statement_timeout=5, warn=print).connect()
except ImmutaError as error:
    print(error)
"""
LOGIN = {"username": "admin", "password": "wrong", "database": "dev"}


@pytest.fixture(scope="module", params=["localhost", "elsewhere.example"])
def name(request: pytest.FixtureRequest) -> str:
    """The name that the certificate is for. Everybody calls the server localhost."""
    return str(request.param)


def sign(name: str, key: rsa.RSAPrivateKey, issuer: str, issuer_key: rsa.RSAPrivateKey, *, ca: bool) -> bytes:
    """A certificate in PEM, good for a day."""
    subject, signer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (name, issuer))
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(signer, subject, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def certificates(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the authority's certificate (ca.pem), and the server's with its key (server.pem)."""
    authority, key = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
    path = tmp_path_factory.mktemp("tls")
    (path / "ca.pem").write_bytes(sign("authority.example", authority, "authority.example", authority, ca=True))
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (path / "server.pem").write_bytes(sign(name, key, "authority.example", authority, ca=False) + secret)
    return path


class Server:
    """Counts the clients that come through the TLS handshake, and hangs up on them. redshift: they ask for TLS first."""

    def __init__(self, certificate: Path, redshift: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.redshift, self.trusting, self.asked = redshift, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def serve(self) -> None:
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            client.settimeout(5)
            with client:
                self.greet(client)

    def greet(self, client: socket.socket) -> None:
        try:
            if self.redshift:
                client.recv(8)
                client.sendall(b"S")
            self.asked += 1
            with self.context.wrap_socket(client, server_side=True) as secure:
                # Only a client that trusts us says more.
                self.trusting += bool(secure.recv(1))
        except OSError:
            pass


@pytest.fixture(params=["Redshift", "Snowflake"])
def server(request: pytest.FixtureRequest, certificates: Path) -> Iterator[tuple[str, Server]]:
    server = Server(certificates / "server.pem", redshift=request.param == "Redshift")
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield request.param, server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    thread.join()


def connect(platform: str, port: int, **login: object) -> str:
    given = {**LOGIN, "host": "localhost", "port": port, **({"account": "a"} if platform == "Snowflake" else {}), **login}
    environment = {key: value for key, value in os.environ.items() if "PROXY" not in key.upper()} | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", CLIENT, platform, json.dumps(given)], env=environment, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_a_server_with_an_unknown_certificate_gets_nothing(server: tuple[str, Server]) -> None:
    platform, listening = server
    assert "cannot log in" in connect(platform, listening.port)
    assert listening.asked and not listening.trusting


def test_a_certificate_that_is_named_in_ca_path_is_trusted_for_its_own_name_only(server: tuple[str, Server], name: str, certificates: Path) -> None:
    platform, listening = server
    assert "cannot log in" in connect(platform, listening.port, ca_path=str(certificates / "ca.pem"))
    assert listening.asked and bool(listening.trusting) == (name == "localhost")
