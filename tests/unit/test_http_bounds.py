# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No server can block a task beyond its timeout, exhaust its memory, or keep it busy with hostile text."""

from __future__ import annotations

import gzip
import itertools
import socket
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    ConnectionFailed,
    ImmutaError,
    remove_control_characters,
    shorten,
)
from ansible_collections.community.immuta.plugins.module_utils._http import answer as _answer
from ansible_collections.community.immuta.plugins.module_utils._http import deadline as _deadline
from ansible_collections.community.immuta.plugins.module_utils._http.answer import excerpt, html_page
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from unit.http_servers import Authority, Server, read_head
from unit.wire import FakeClock, Reply, Wire, ok, raw, reply

TIMEOUT = 0.6
MOST = 1.6  # tolerance for a machine under load
OK = b"HTTP/1.1 200 OK\r\n"
MB = 1024 * 1024


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def session(url: str, **settings: Any) -> Session:
    return Session(Transport(url, **{"timeout": TIMEOUT, "retries": 0, **settings}), HeaderAuth("key-of-tests"), clock=FakeClock())


def timed(act: Callable[[], Any]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


# --- time


def drip(*parts: Iterable[bytes], at_once: bytes = b"", every: float = 0.1) -> Callable[[socket.socket], None]:
    """Answer with C(at_once), then with one piece after the other."""

    def serve(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(at_once)
        for piece in itertools.chain(*parts):
            connection.sendall(piece)
            time.sleep(every)

    return serve


def endless(piece: bytes) -> Iterator[bytes]:
    return itertools.repeat(piece)


def bytes_of(text: bytes) -> list[bytes]:
    return [text[place : place + 1] for place in range(len(text))]


DRIPS: dict[str, Callable[[], Callable[[socket.socket], None]]] = {
    "status line": lambda: drip(bytes_of(b"HTTP/1.1 200 "), endless(b"x")),
    "one header": lambda: drip(endless(b"x"), at_once=OK + b"X-Slow: "),
    "many headers": lambda: drip((b"X-%d: 1\r\n" % number for number in itertools.count()), at_once=OK),
    "body of known length": lambda: drip(endless(b" "), at_once=OK + b"Content-Length: 1000000\r\n\r\n"),
    "body without a length": lambda: drip(endless(b" "), at_once=OK + b"\r\n"),
    "chunks": lambda: drip(endless(b"1\r\n \r\n"), at_once=OK + b"Transfer-Encoding: chunked\r\n\r\n"),
    "size of a chunk": lambda: drip(endless(b"0"), at_once=OK + b"Transfer-Encoding: chunked\r\n\r\n"),
    "trailers": lambda: drip(endless(b"X: 1\r\n"), at_once=OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"),
    "100 Continue": lambda: drip(endless(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "body of an error": lambda: drip(endless(b" "), at_once=b"HTTP/1.1 500 Oh\r\nContent-Length: 1000000\r\n\r\n"),
    "redirect": lambda: drip(endless(b" "), at_once=b"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 1000000\r\n\r\n"),
}


@pytest.mark.parametrize("serve", DRIPS.values(), ids=DRIPS)
def test_a_server_that_drips_holds_no_task_beyond_its_timeout(serve: Callable[[], Callable[[socket.socket], None]]) -> None:
    with Server(serve()) as server:

        def act() -> None:
            with pytest.raises(ImmutaError) as caught:
                session(server.url).request("GET", "/x")
            assert "did not arrive in time" in str(caught.value) and "Raise timeout" in str(caught.value)

        assert timed(act) < MOST


@pytest.mark.parametrize("serve", DRIPS.values(), ids=DRIPS)
def test_a_post_that_the_deadline_cuts_off_is_lost_and_sent_once(serve: Callable[[], Callable[[socket.socket], None]]) -> None:
    with Server(serve()) as server, pytest.raises(AnswerLost):
        session(server.url, retries=3).request("POST", "/x", json={})
    assert server.count == 1


def test_the_proxys_answer_to_a_tunnel_has_to_come_in_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(drip(endless(b"x"), at_once=b"HTTP/1.1 200 OK\r\nX-Slow: ")) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url)

        def act() -> None:
            with pytest.raises(ConnectionFailed) as caught:
                session("https://tenant.example.com").request("POST", "/x", json={})
            assert caught.type is ConnectionFailed and "proxy" in str(caught.value)

        assert timed(act) < MOST


def test_the_tls_handshake_has_to_come_in_time_too() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KB follows, byte by byte
        for piece in endless(b"\x02"):
            connection.sendall(piece)
            time.sleep(0.1)

    with Server(serve) as server:

        def act() -> None:
            with pytest.raises(ConnectionFailed) as caught:
                session(server.url.replace("http:", "https:")).request("POST", "/x", json={})
            assert caught.type is ConnectionFailed

        assert timed(act) < MOST


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_reads_slowly_holds_no_task_beyond_its_timeout(scheme: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"), "ours")
    context = authority.server("slow")

    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with context.wrap_socket(connection, server_side=True) if scheme == "https" else connection as printable_test:
            while printable_test.recv(20_000):
                time.sleep(0.1)

    with Server(serve) as server:

        def act() -> None:
            with pytest.raises(AnswerLost):
                http = session(server.url.replace("http:", f"{scheme}:"), ca_path=str(authority.path))
                http.request("POST", "/x", json={"text": "x" * 20 * MB})

        assert timed(act) < MOST


def test_a_name_service_that_does_not_answer_holds_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_settings: time.sleep(5))

    def act() -> None:
        with pytest.raises(ConnectionFailed) as caught:
            session("http://tenant.example.com").request("POST", "/x", json={})
        assert caught.type is ConnectionFailed and "the connection timed out" in str(caught.value)

    assert timed(act) < MOST


def test_addresses_that_do_not_answer_share_the_time_and_the_next_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _unused in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    with Wire([("GET /x", ok("there"))]) as wire:
        places = [full.getsockname(), ("127.0.0.1", wire.port)]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_settings: found)
        assert session("http://tenant.example.com").request("GET", "/x").text == "there"
    for one in [full, *waiting]:
        one.close()


def test_a_request_of_an_open_connection_has_a_deadline_of_its_own() -> None:
    def slowly(line: Any) -> bool:
        time.sleep(TIMEOUT * 0.7)
        return ok(1)(line)

    with Wire([("GET /x", slowly)] * 3) as wire:
        http = session(wire.url)
        for _unused in range(3):
            assert http.request("GET", "/x").json() == 1
    assert wire.connections == 1


def test_each_repeat_has_a_deadline_of_its_own() -> None:
    with Server(drip(endless(b"x"), at_once=OK + b"X-Slow: ")) as server:

        def act() -> None:
            with pytest.raises(ConnectionFailed):
                session(server.url, retries=2).request("GET", "/x")

        assert timed(act) > 2.5 * TIMEOUT
    assert server.count == 3


# --- length


def flood(*, at_once: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    return drip(endless(piece * (65536 // len(piece) + 1)), at_once=at_once, every=0)


FLOODS = {
    "body": flood(at_once=OK + b"\r\n", piece=b" "),
    "chunks": flood(at_once=OK + b"Transfer-Encoding: chunked\r\n\r\n", piece=b"5\r\n12345\r\n"),
    "100 Continue": flood(at_once=b"", piece=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailers": flood(at_once=OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", piece=b"X: 1\r\n"),
}


@pytest.mark.parametrize("serve", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch, serve: Callable[[socket.socket], None], method: str) -> None:
    monkeypatch.setattr(_deadline, "MAX_ANSWER_SIZE", 4 * MB)
    with Server(serve) as server, pytest.raises(ImmutaError, match="the answer is too long") as caught:
        session(server.url, timeout=30, retries=3).request(method, "/x")
    assert isinstance(caught.value, AnswerLost) is (method == "POST")
    assert server.count == 1


def test_an_answer_that_says_it_is_huge_is_not_waited_for() -> None:
    with Wire([("GET /x", raw(OK + b"Content-Length: 999999999999999999999999\r\n\r\nabc"))]) as wire, pytest.raises(BadAnswer, match="broke before"):
        session(wire.url).request("GET", "/x")
    with Wire([("GET /x", raw(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc"))]) as wire, pytest.raises(BadAnswer, match="broke before"):
        session(wire.url).request("GET", "/x")


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


SCRIPT = "CREATE USER x PASSWORD 'größe';\n".encode() * (10 * MB // 32)
PACKED = [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), ("Deflate", raw_deflate), ("identity", bytes)]


@pytest.mark.parametrize(("name", "pack"), PACKED, ids=[name for name, _unused in PACKED])
def test_a_script_of_ten_megabytes_passes(name: str, pack: Callable[[bytes], bytes]) -> None:
    with Wire([("GET /x", ok(pack(SCRIPT), Content_Encoding=name))]) as wire:
        assert session(wire.url, timeout=30).request("GET", "/x").text == SCRIPT.decode()


def test_what_is_packed_in_pieces_is_one_text() -> None:
    pieces = b"".join(map(gzip.compress, (b"one ", b"", b"two"))) + b"\0\0\0"
    with Wire([("GET /x", ok(pieces, Content_Encoding="gzip"))]) as wire:
        assert session(wire.url).request("GET", "/x").text == "one two"
        assert wire.requests[0].headers["accept-encoding"] == "gzip, deflate"


BOMB = gzip.compress(b"\0" * 65 * MB, 9)
BAD_PACKS: dict[str, tuple[bytes, str, str]] = {
    "bomb": (BOMB, "gzip", "the answer is too long"),
    "bomb in two pieces": (gzip.compress(b"\0" * 33 * MB) * 2, "gzip", "the answer is too long"),
    "packed twice": (gzip.compress(BOMB), "gzip, gzip", "cannot be decompressed: the server used an encoding that was not requested"),
    "not asked for": (b"1234", "br", "cannot be decompressed: the server used an encoding that was not requested"),
    "many pieces": (gzip.compress(b"") * 100_000, "gzip", "cannot be decompressed: it has too many gzip members"),
    "cut": (gzip.compress(SCRIPT)[:-100], "gzip", "cannot be decompressed: its end is missing"),
    "no gzip": (b"no gzip", "gzip", "cannot be decompressed: it is not in the encoding that the server names"),
    "no deflate": (b"\xff\xff", "deflate", "cannot be decompressed: it is not in the encoding that the server names"),
}


@pytest.mark.parametrize(("content", "name", "words"), BAD_PACKS.values(), ids=BAD_PACKS)
def test_what_is_packed_wrongly_or_to_harm_is_a_bad_answer(content: bytes, name: str, words: str) -> None:
    def act() -> None:
        with Wire([("GET /x", ok(content, Content_Encoding=name))]) as wire, pytest.raises(BadAnswer, match=words) as caught:
            session(wire.url, timeout=10).request("GET", "/x")
        assert caught.value.facts["status"] == 200

    assert timed(act) < 3


# --- hostile text

HOSTILE = {
    "titles": "<html>" + "<title>" * 600_000,
    "openings of a title": "<html>" + "<title" * 600_000,
    "closings of a title": "<html><title>" + "</titl" * 600_000,
    "entities": "<html><title>" + "&#" * 2_000_000,
    "a long number": "<html><title>&#" + "9" * 4_000_000 + ";</title>",
    "blanks": " " * 4_000_000,
    "blanks in a title": "<html><title>" + " \n" * 2_000_000 + "</title>",
    "doctypes": "<!doctype" + " " * 4_000_000,
    "escapes": "\x1b[" * 2_000_000,
    "one long escape": "\x1b[" + "0;" * 2_000_000,
    "titles of a terminal": "\x1b]0;" * 1_000_000,
    "lists": "[" * 4_000_000,
    "lists that end": "[" * 2_000_000 + "]" * 2_000_000,
    "objects": '{"a":' * 800_000,
    "a number": "9" * 4_000_000,
    "a fraction": "0." + "9" * 4_000_000,
    "quotes": '"' * 4_000_000,
    "backslashes": '"' + "\\" * 4_000_000,
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_takes_time_in_proportion(text: str, status: int) -> None:
    def act() -> None:
        with Wire([("GET /x", reply(status, text))]) as wire, pytest.raises((ApiError, BadAnswer)) as caught:
            session(wire.url, timeout=10).request("GET", "/x").json()
        assert len(str(caught.value)) < 1200

    assert timed(act) < 2


def test_a_long_error_in_json_becomes_a_short_text() -> None:
    with Wire([("GET /x", reply(400, [{"message": "x" * 100}] * 10_000))]) as wire, pytest.raises(ApiError) as caught:
        session(wire.url).request("GET", "/x")
    assert isinstance(caught.value.facts["api_error"], str) and len(caught.value.facts["api_error"]) == 400


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        ("\x1b]0;a title of the window\x07text", "text"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x1bMb\x1b(0c", "abc"),
        ("a\x9b31mb", "ab"),
        ("a\r\nb\x00c\x7fd\x85e\u2028f", "a b c d e f"),
        ("in\u202everted\u200b zero", "inverted zero"),
        ("half \ud800 a character", "half \ufffd a character"),
        ("größe ✓ 漢字", "größe ✓ 漢字"),
        ("text\x1b[", "text"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(text: str, seen: str) -> None:
    assert shorten(text) == seen
    assert " ".join(remove_control_characters(text).split()) == seen
    assert excerpt(text, lambda value: value) == seen


SECRET = "hunter22-" * 20


@pytest.mark.parametrize("start", range(_answer._MAX_READ - len(SECRET) - 2, _answer._MAX_READ + 2, 7))
def test_no_half_of_a_secret_stays_where_a_text_is_cut(start: int) -> None:
    def mask(value: str) -> str:
        return value.replace(SECRET, "<REDACTED>")

    blanks = " " * start
    assert "hunter" not in excerpt(f"{blanks}{SECRET}{blanks}", mask)
    assert "hunter" not in html_page(f"<html><title>{blanks}{SECRET}{blanks}</title>", mask)


def test_a_secret_with_a_colour_in_it_is_masked_too() -> None:
    assert excerpt("pass hun\x1b[31mter22", lambda value: value.replace("hunter22", "<REDACTED>")) == "pass <REDACTED>"


# --- an HTML page instead of an answer of the API

BALANCER = "<html>\r\n<head><title>502 Bad\n Gateway &amp; \x1b[31m&#27;[1m more</title></head><body><center>nginx</center></body></html>"
NEXT_STEP = "Check that the URL (http://127.0.0.1:"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_a_load_balancer_says_what_it_is_and_what_to_do(status: int, method: str) -> None:
    page = reply(status, BALANCER, reason="Bad\x1b[31m Gateway", Content_Type="text/html")
    with Wire([(f"{method} /integrations/7", page)]) as wire, pytest.raises((ApiError, AnswerLost)) as caught:
        session(wire.url).request(method, "/integrations/7")
    said = str(caught.value)
    assert said.startswith(f'{method} /integrations/7 failed: HTTP {status} Bad Gateway: an HTML page titled "502 Bad Gateway & [1m more". ')
    assert "That page did not come from the API" in said and NEXT_STEP in said and said.endswith("Then run the task again.")
    assert "\x1b" not in said and "nginx" not in said
    facts = {"status": status, "method": method, "path": "/integrations/7", "api_error": 'an HTML page titled "502 Bad Gateway & [1m more"'}
    assert caught.value.facts == facts
    assert ("may have taken effect" in said) is (method == "POST")


@pytest.mark.parametrize(("answer", "extra"), [(reply(407, BALANCER), "The proxy requires credentials"), (reply(429, BALANCER), "limits the rate of requests")])
def test_a_page_of_a_proxy_that_wants_something_says_that(answer: Reply, extra: str) -> None:
    with Wire([("GET /x", answer)]) as wire, pytest.raises(ApiError, match=extra) as caught:
        session(wire.url).request("GET", "/x")
    assert NEXT_STEP not in str(caught.value)


def test_a_page_instead_of_an_answer_names_the_host() -> None:
    with Wire([("GET /x", ok(BALANCER))]) as wire, pytest.raises(BadAnswer) as caught:
        session(wire.url).request("GET", "/x").json()
    assert NEXT_STEP in str(caught.value) and "load balancer" in str(caught.value)
