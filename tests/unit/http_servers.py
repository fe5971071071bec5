# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test servers besides the scripted one: a certificate authority, a proxy, misbehaving servers, arbitrary JSON."""

from __future__ import annotations

import copy
import datetime
import io
import ipaddress
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.community.immuta.plugins.module_utils._core.waiting import Clock
from ansible_collections.community.immuta.plugins.module_utils._http import deadline
from ansible_collections.community.immuta.plugins.module_utils._http.answer import Answer
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import strategies as some
from unit.wire import FakeClock

HOUR = datetime.timedelta(hours=1)


class Authority:
    """A certificate authority for tests."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = self._write(f"{name}.pem", self._sign(self._name, self._key, authority=True))

    def issue(self, name: str, address: str, *, until: datetime.timedelta = HOUR) -> tuple[Path, Path]:
        """Return certificate and key for an IP address or host name. until: how long the certificate is valid from now on."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(address))
        except ValueError:
            subject = x509.DNSName(address)
        certificate = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, subject=subject, until=until)
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key_path = self._folder / f"{name}.key"
        key_path.write_bytes(private)
        return self._write(f"{name}.crt", certificate), key_path

    def server(self, name: str, address: str = "127.0.0.1", *, clients: Authority | None = None, until: datetime.timedelta = HOUR) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, address, until=until))
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients.path)
        return context

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool = False,
        subject: x509.GeneralName | None = None,
        until: datetime.timedelta = HOUR,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 24 * HOUR)
            .not_valid_after(now + until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if authority:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if subject is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class Server:
    """A server on loopback that passes each connection to C(serve) in a thread of its own, and closes it afterwards.

    count: connections so far.
    """

    def __init__(self, serve: Callable[[socket.socket], None], *, address: str = "127.0.0.1") -> None:
        self.count = 0
        self.ended = threading.Event()
        self._serve = serve
        self._listener = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{self.port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _unused = self._listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        with connection, suppress(OSError):  # the client closed the connection, as most of these tests intend
            self._serve(connection)


def read_head(connection: socket.socket) -> bytes:
    """Return the head of a request, and any bytes of its body that arrived with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        if not more:
            break
        head += more
    return head


def proxy() -> Server:
    """A proxy that opens tunnels (CONNECT) and forwards plain requests."""
    return Server(_pass_on)


def _pass_on(client: socket.socket) -> None:
    head = read_head(client)
    method, target, _rest = head.split(b" ", 2)
    if method == b"CONNECT":
        host, _unused, port = target.decode().rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pump_both(client, server)
    else:
        url = urlsplit(target.decode())
        with socket.create_connection((url.hostname or "", url.port or 80)) as server:
            server.sendall(head.replace(target, url.path.encode(), 1))
            _pump_both(client, server)


def _pump_both(client: socket.socket, server: socket.socket) -> None:
    """Forward data until one side closes its connection, then close both."""
    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
    back.start()
    _pump(client, server)
    back.join(30)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def has_ipv6() -> bool:
    """Return whether this machine has the IPv6 loopback address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


class Told(Session):
    """A session whose server answers every request with the same text, without a network. sent: the requests."""

    def __init__(self, text: str, content_type: str = "application/json", status: int = 200) -> None:
        super().__init__(Transport("https://tenant.example.com", retries=3), HeaderAuth("key-of-tests"), clock=FakeClock())
        self.sent: list[str] = []
        self._said = (status, "", {"Content-Type": content_type}, text, self.mask)

    def _send(self, call: Any, url: str) -> Answer:
        self.sent.append(f"{call.method} {call.path}")
        return Answer(call.method, call.path, *self._said)


_NAMES = """
id type status config autoBootstrap validationResults validationTests newKey script content objectPath state connection
nativeIntegrationId settings childCount bulkId jobs hits count next output name message error
"""


def json_values() -> some.SearchStrategy[Any]:
    """Return a strategy for any JSON value. Names of its objects include those of the API."""
    names = some.sampled_from(_NAMES.split())
    leaves = some.none() | some.booleans() | some.integers(-9, 9) | some.floats(allow_nan=False) | some.sampled_from(["", "7", "..", "failed", "x" * 300])
    return some.recursive(
        leaves | some.text(max_size=5), lambda below: some.lists(below, max_size=4) | some.dictionaries(names, below, max_size=5), max_leaves=12
    )


@some.composite
def mutated(draw: some.DrawFn, right: Any) -> Any:
    """Return a strategy for a valid answer in which one part, at any depth, is missing or any JSON value."""
    places = list(_places(right))
    where = draw(some.sampled_from(places))
    if not where:
        return draw(json_values())
    changed = copy.deepcopy(right)
    holder = changed
    for step in where[:-1]:
        holder = holder[step]
    if draw(some.booleans()):
        holder[where[-1]] = draw(json_values())
    else:
        del holder[where[-1]]
    return changed


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for step, child in children for place in _places(child, (*at, step)))]


def texts(right: Any) -> some.SearchStrategy[str]:
    """Return a strategy for the text of answers: valid, almost valid and arbitrary."""
    odd = [
        "",
        " ",
        "OK",
        "<html><title>Sign in</title>",
        "NaN",
        "[" * 5000,
        '{"id": 7, "id": 8}',
        '{"id": 1' + "0" * 99 + "}",
        '"\\ud800"',
        "\ufffd",
        "{",
        "null",
    ]
    return (mutated(right) | json_values()).map(json.dumps) | some.sampled_from(odd) | some.text(max_size=20)


LABELS = some.sampled_from(["application/json", "text/plain", "text/html", ""])


# --- whole modules with the bytes of their answers

# The answer of a server to method, target and body of a request.
Serve = Callable[[str, str, bytes], bytes]
_GIVEN_UP = os.open(os.devnull, os.O_RDONLY)


class Memory:
    """A connection in memory for one request: the client writes the request and reads the answer of the server."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._sent = b""

    def sendall(self, data: Any) -> None:
        self._sent += bytes(data)

    def makefile(self, *_how: Any, **_more: Any) -> io.BufferedReader:
        head, _unused, body = self._sent.partition(b"\r\n\r\n")
        method, target, _version = head.partition(b"\r\n")[0].decode("ascii").split(" ")
        return io.BufferedReader(io.BytesIO(self._serve(method, target, body)))  # type: ignore[arg-type]

    def fileno(self) -> int:
        """Return a socket that reads as closed, so that no connection is reused."""
        return _GIVEN_UP

    def nothing(self, *_what: Any) -> None:
        """Do nothing: there is nothing to wait for or to free."""

    settimeout = setsockopt = shutdown = close = nothing


def answered(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    """Return the raw bytes of an answer."""
    return b"HTTP/1.1 %d Said\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, content_type.encode("latin-1"), len(body)) + body


@contextmanager
def given_to_module(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Give the arguments to the next AnsibleModule."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:  # ansible-core 2.16
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
            yield
    else:
        with patch_module_args(dict(arguments)):
            yield


def run_in_memory(module: ModuleType, options: dict[str, Any], serve: Serve, *, check: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Return the result and the warnings of a module that runs completely except for network and clock. Raise what it does not catch."""
    clock, warnings, printed = FakeClock(), [], io.StringIO()
    with ExitStack() as stack:
        replace = stack.enter_context(pytest.MonkeyPatch.context()).setattr
        replace(deadline, "_open_socket", lambda *_where: Memory(serve))
        for name in ("monotonic", "sleep", "jitter"):
            own = getattr(clock, name)
            replace(Clock, name, lambda _self, *values, own=own: own(*values))
        replace(AnsibleModule, "warn", lambda _self, text: warnings.append(text))
        replace(AnsibleModule, "log", lambda _self, _text: None)
        stack.enter_context(given_to_module({**options, "_ansible_check_mode": check}))
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(suppress(SystemExit))
        module.main()
    result: dict[str, Any] = json.loads(printed.getvalue())
    return result, warnings
