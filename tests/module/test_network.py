# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole module over a real TLS server, through a real proxy and to other addresses: what the options and the environment say of it arrives there.

The home of whoever runs it has a ~/.netrc for every host, which must not replace the key.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.modules import Reply, run_module
from unit.http_servers import HOUR, Authority, Server, proxy, read_head
from unit.test_http_tls import LOOPBACK
from unit.wire import Wire, ok

KEY = "immuta-key-1f0c"
NO_PROXIES = {name: "" for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")}
LISTED = ("GET /integrations", ok([]))

Ask = Callable[..., Reply]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def own(authority: Authority) -> dict[str, str]:
    """The files that options name: the authority, and a client's certificate and key."""
    certificate, key = authority.issue("client", "client.example.com")
    return {"ca_path": str(authority.path), "client_cert": str(certificate), "client_key": str(key)}


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\ndefault login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)

    def run(url: str, options: dict[str, Any], environment: dict[str, str]) -> Reply:
        given = {"url": url, "api_key": KEY, "retries": 0, "timeout": 20, **options}
        return run_module("immuta_integration_info", given, tmp_path, environment={**NO_PROXIES, "HOME": str(tmp_path), **environment})

    return run


@pytest.mark.parametrize(
    ("server", "options", "environment", "refused"),
    [
        pytest.param({}, ["ca_path"], [], "", id="own authority"),
        pytest.param({}, [], ["ca_path"], "", id="own authority of the environment"),
        pytest.param({}, [], [], "the server's TLS certificate is not trusted", id="unknown authority"),
        pytest.param({"until": -HOUR}, ["ca_path"], [], "certificate has expired", id="expired"),
        pytest.param({"address": "other.example.com"}, ["ca_path"], [], "mismatch", id="wrong host"),
        pytest.param({"clients": True}, ["ca_path", "client_cert", "client_key"], [], "", id="client certificate"),
        pytest.param({"clients": True}, ["ca_path"], ["client_cert", "client_key"], "", id="client certificate of the environment"),
        pytest.param({"clients": True}, ["ca_path"], [], "GET /integrations failed: no complete answer", id="no client certificate"),
    ],
)
def test_tls(server: dict[str, Any], options: list[str], environment: list[str], refused: str, authority: Authority, own: dict[str, str], ask: Ask) -> None:
    context = authority.server("tenant", **{**server, **({"clients": authority} if "clients" in server else {})})
    with Wire([] if refused else [LISTED], tls=context) as wire:
        reply = ask(wire.url, {name: own[name] for name in options}, {f"IMMUTA_{name.upper()}": own[name] for name in environment})
    assert refused in reply.result.get("msg", "") and reply.result.get("failed", False) is bool(refused), reply.result
    assert [request.headers["authorization"] for request in wire.requests] == ([] if refused else [KEY])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("options", "environment", "through"),
    [({}, {}, 1), ({}, {"NO_PROXY": "127.0.0.1"}, 0), ({"use_proxy": False}, {}, 0), ({}, {"IMMUTA_USE_PROXY": "no"}, 0)],
    ids=["environment", "NO_PROXY", "use_proxy", "use_proxy of the environment"],
)
def test_proxy(scheme: str, options: dict[str, Any], environment: dict[str, str], through: int, authority: Authority, own: dict[str, str], ask: Ask) -> None:
    with proxy() as between, Wire([LISTED], tls=authority.server("tenant") if scheme == "https" else None) as wire:
        reply = ask(wire.url, {"ca_path": own["ca_path"], **options}, {f"{scheme.upper()}_PROXY": between.url, **environment})
    assert reply["integrations"] == [] and between.count == through
    assert [request.headers["authorization"] for request in wire.requests] == [KEY]


def test_ipv6(ask: Ask) -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        seen.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    with Server(serve, address=LOOPBACK) as server:
        reply = ask(server.url, {}, {})
    assert reply["integrations"] == [] and len(seen) == 1
    assert f"\r\nAuthorization: {KEY}\r\n".encode() in seen[0]
