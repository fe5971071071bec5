# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and addresses with real servers: which failures occur before the request is sent, and which do not."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import AnswerLost, ConnectionFailed
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from unit.http_servers import HOUR, Authority, Server, has_ipv6, read_head
from unit.wire import FakeClock, Wire, hang_up, ok

KEY = "immuta-key-1f0c"
# Without IPv6, another address of the IPv4 loopback is used.
LOOPBACK = "::1" if has_ipv6() else "127.0.0.2"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "strange")


def session(url: str, authority: Authority | None = None, **settings: Any) -> Session:
    transport = Transport(url, ca_path=str(authority.path) if authority else None, **{"timeout": 5, "retries": 2, **settings})
    return Session(transport, HeaderAuth(KEY), clock=FakeClock())


# --- certificates


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_expired_certificate_ends_it_before_anything_is_sent_and_says_what_helps(authority: Authority, method: str) -> None:
    with Wire([], tls=authority.server("expired", until=-HOUR)) as wire, pytest.raises(ConnectionFailed) as caught:
        session(wire.url, authority).request(method, "/x")
    assert caught.type is ConnectionFailed
    assert "the server's TLS certificate is not trusted: certificate has expired. Have the server's certificate renewed" in str(caught.value)
    assert "ca_path" not in str(caught.value)


def test_an_expired_certificate_passes_where_certificates_are_not_validated(authority: Authority) -> None:
    with Wire([("GET /x", ok(1))], tls=authority.server("old", until=datetime.timedelta(minutes=-1))) as wire:
        session(wire.url, validate_certs=False).request("GET", "/x")


@pytest.mark.parametrize("names", ["other.example.com", "127.0.0.9"])
def test_a_post_does_not_leave_for_a_host_of_another_name(authority: Authority, names: str) -> None:
    with Wire([], tls=authority.server("named", names)) as wire, pytest.raises(ConnectionFailed) as caught:
        session(wire.url, authority).request("POST", "/x", json={})
    assert caught.type is ConnectionFailed and "match" in str(caught.value)


def test_a_post_without_the_client_certificate_that_the_server_wants_is_not_repeated(authority: Authority, stranger: Authority) -> None:
    """With TLS 1.3 the server rejects the client only after the request was sent, so the request may have arrived."""
    with Wire([], tls=authority.server("wants", clients=stranger)) as wire, pytest.raises(ConnectionFailed) as caught:
        http = session(wire.url, authority)
        http.request("POST", "/x", json={})
    assert isinstance(caught.value, AnswerLost)


def test_a_client_certificate_of_the_wrong_authority_is_refused(authority: Authority, stranger: Authority) -> None:
    certificate, key = authority.issue("client", "client.example.com")
    with Wire([], tls=authority.server("picky", clients=stranger)) as wire, pytest.raises(ConnectionFailed):
        session(wire.url, authority, client_cert=str(certificate), client_key=str(key)).request("GET", "/x")


def test_a_client_certificate_that_is_none_ends_it_before_anything_is_sent(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with Wire([], tls=authority.server("unread", clients=stranger)) as wire, pytest.raises(ConnectionFailed) as caught:
        session(wire.url, authority, client_cert=str(broken)).request("POST", "/x", json={})
    assert caught.type is ConnectionFailed and "client_cert" in str(caught.value)


def test_a_post_whose_tls_connection_breaks_after_it_was_read_is_lost_and_sent_once(authority: Authority) -> None:
    with Wire([("POST /x", hang_up)], tls=authority.server("breaks")) as wire, pytest.raises(AnswerLost):
        session(wire.url, authority).request("POST", "/x", json={})


def test_a_post_whose_handshake_breaks_is_tried_again_as_nothing_was_sent() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)

    with Server(serve) as server, pytest.raises(ConnectionFailed) as caught:
        session(server.url.replace("http:", "https:")).request("POST", "/x", json={})
    assert caught.type is ConnectionFailed
    assert server.count == 3


# --- addresses


def answering(context: ssl.SSLContext | None, seen: list[bytes]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) if context else connection as secured:
            while head := read_head(secured):
                seen.append(head)
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere")

    return serve


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_address_of_the_other_kind_is_reached(authority: Authority, scheme: str) -> None:
    seen: list[bytes] = []
    context = authority.server("six", LOOPBACK) if scheme == "https" else None
    with Server(answering(context, seen), address=LOOPBACK) as server:
        http = session(server.url.replace("http:", f"{scheme}:"), authority)
        assert [http.request("GET", "/x").text for _unused in range(2)] == ["there", "there"]
    assert server.count == 1
    assert all(f"\r\nAuthorization: {KEY}\r\n".encode() in head for head in seen)


def test_a_name_is_tried_at_each_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    with Server(answering(None, seen), address=LOOPBACK) as server:
        family = socket.AF_INET6 if ":" in LOOPBACK else socket.AF_INET
        places = [(socket.AF_INET, ("127.0.0.1", server.port)), (family, (LOOPBACK, server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_settings: [(kind, socket.SOCK_STREAM, 6, "", place) for kind, place in places])
        assert session("http://tenant.example.com").request("GET", "/x").text == "there"


@pytest.mark.parametrize("host", ["a" * 70 + ".example.com", "ex..ample.com"])
def test_a_name_that_cannot_be_one_is_not_resolved(host: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        session(f"http://{host}").request("POST", "/x", json={})
    assert caught.type is ConnectionFailed
    assert "the host name was not resolved: it is not a valid host name" in str(caught.value)


# --- netrc


def test_a_netrc_in_the_home_does_not_replace_the_authorization_over_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\ndefault login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    with Wire([("POST /x", ok(1))], tls=authority.server("net")) as wire:
        session(wire.url, authority).request("POST", "/x", json={})
    assert wire.requests[0].headers["authorization"] == KEY
