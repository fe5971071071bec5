# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session with a real proxy that tunnels or forwards: what arrives at the server, and how often."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import AnswerLost, ConnectionFailed
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from unit.http_servers import Authority, Server, proxy, read_head
from unit.wire import FakeClock, Reply, Wire, hang_up, ok, raw, reset

KEY = "immuta-key-1f0c"
LOST = {"closed": hang_up, "reset": reset, "cut in the headers": raw(b"HTTP/1.1 200 OK\r\nContent-"), "cut in the status": raw(b"HTT")}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


def through(between: Server | None, url: str, monkeypatch: pytest.MonkeyPatch, ca: Authority | None = None, *, use_proxy: bool = True) -> Session:
    """Return a session with the server at url through the proxy."""
    if between is not None:
        monkeypatch.setenv("HTTP_PROXY", between.url)
        monkeypatch.setenv("HTTPS_PROXY", between.url)
    return Session(Transport(url, ca_path=str(ca.path) if ca else None, use_proxy=use_proxy, timeout=5), HeaderAuth(KEY), clock=FakeClock())


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize("warm", [False, True], ids=["first request", "connection already open"])
def test_a_post_that_is_lost_behind_a_tunnel_arrives_once(authority: Authority, monkeypatch: pytest.MonkeyPatch, lost: Reply, warm: bool) -> None:
    before = [("GET /integrations", ok([]))] if warm else []
    with proxy() as between, Wire([*before, ("POST /integrations/7/regenerate", lost)], tls=authority.server("a")) as wire:
        http = through(between, wire.url, monkeypatch, authority)
        if warm:
            http.request("GET", "/integrations")
        with pytest.raises(AnswerLost):
            http.request("POST", "/integrations/7/regenerate")
    assert (between.count, wire.lines.count("POST /integrations/7/regenerate")) == (1, 1)


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_post_that_is_lost_behind_a_forwarding_proxy_arrives_once(monkeypatch: pytest.MonkeyPatch, lost: Reply) -> None:
    with proxy() as between, Wire([("POST /integrations/7/regenerate", lost)]) as wire, pytest.raises(AnswerLost):
        through(between, wire.url, monkeypatch).request("POST", "/integrations/7/regenerate")
    assert (between.count, len(wire.requests)) == (1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_get_that_is_lost_behind_a_proxy_is_repeated(authority: Authority, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    script = [("GET /x", hang_up), ("GET /x", reset), ("GET /x", ok("done"))]
    with proxy() as between, Wire(script, tls=authority.server("b") if scheme == "https" else None) as wire:
        assert through(between, wire.url, monkeypatch, authority).request("GET", "/x").text == "done"


def no_tunnel(answer: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer)

    return serve


@pytest.mark.parametrize("answer", [b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"HTTP/1.1 200", b""], ids=["refused", "cut", "closed"])
def test_where_no_tunnel_comes_about_nothing_was_sent_and_a_post_is_tried_again(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    with Server(no_tunnel(answer)) as between, pytest.raises(ConnectionFailed) as caught:
        through(between, "https://tenant.example.com", monkeypatch).request("POST", "/integrations", json={})
    assert caught.type is ConnectionFailed
    assert between.count == 6
    assert "the proxy did not open a connection" in str(caught.value)


def test_a_tls_certificate_is_checked_behind_a_tunnel_too(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy() as between, Wire([], tls=authority.server("c")) as wire, pytest.raises(ConnectionFailed, match="certificate is not trusted"):
        through(between, wire.url, monkeypatch).request("POST", "/integrations", json={})
    assert between.count == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_use_proxy_false_goes_around_the_proxy_of_the_environment(authority: Authority, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with proxy() as between, Wire([("GET /x", ok(1)), ("GET /y", ok(2))], tls=authority.server("d") if scheme == "https" else None) as wire:
        through(between, wire.url, monkeypatch, authority).request("GET", "/x")
        assert between.count == 1
        through(between, wire.url, monkeypatch, authority, use_proxy=False).request("GET", "/y")
        assert between.count == 1


def test_netrc_does_not_replace_the_authorization_behind_a_tunnel(authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    with proxy() as between, Wire([("GET /x", ok(1))], tls=authority.server("e")) as wire:
        through(between, wire.url, monkeypatch, authority).request("GET", "/x")
    assert wire.requests[0].headers["authorization"] == KEY
