# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arbitrary bytes from a server give an answer or an error of the collection, never a traceback or a repeated write."""

from __future__ import annotations

import codecs
import encodings
import json
import pkgutil
import random
import socket
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import AnswerLost, ApiError, BadAnswer, ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._http.answer import UnusableJson, parse_json
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from hypothesis import given
from hypothesis import strategies as some
from support.examples import examples
from unit.http_servers import Server, read_head
from unit.wire import FakeClock, Wire, ok, raw, reply

TEXT = some.text(some.characters(exclude_categories=["Cs"]))

PIECES = [
    b"HTTP/1.1 ",
    b"HTTP/1.0 ",
    b"HTTP/9.9 ",
    b"200 OK",
    b"204",
    b"100 Continue",
    b"101 Switching",
    b"302 Found",
    b"401 No",
    b"503 Busy",
    b"000",
    b"-1",
    b"99999999999999999999",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\r\n\r\n",
    b": ",
    b":",
    b" ",
    b"Content-Length: ",
    b"Content-Length: 5, 6",
    b"Content-Length: \xb2\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: deflate\r\n",
    b"Content-Type: text/html; charset=idna\r\n",
    b"Content-Type: application/json; charset=utf-16\r\n",
    b"Location: /y\r\n",
    b"Location: http://[\r\n",
    b"Location: \xff\r\n",
    b"Retry-After: Mon, 99 Foo 99999 25:61:61 +9999\r\n",
    b"Retry-After: \xb2\r\n",
    b"0\r\n\r\n",
    b"5\r\n",
    b"-5\r\n",
    b"ffffffffffffffffffff\r\n",
    b"g\r\n",
    b'{"id": 7, "message": "no"}',
    b"\xff\xfe",
    b"\x1f\x8b\x08",
]
ANY_BYTES = some.lists(some.one_of(some.sampled_from(PIECES), some.binary(max_size=12)), max_size=14).map(b"".join)
GOOD_STARTS = some.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 500 Oh\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"])


class Sender:
    """A server that answers each request with the current bytes, and counts the requests."""

    def __init__(self) -> None:
        self.answer = b""
        self.requests = 0

    def __call__(self, connection: socket.socket) -> None:
        if read_head(connection):
            self.requests += 1
            connection.sendall(self.answer)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_bytes_are_an_answer_or_an_error(method: str) -> None:
    sender = Sender()
    with Server(sender) as server:

        @examples(200)
        @given(start=GOOD_STARTS, rest=ANY_BYTES)
        def check(start: bytes, rest: bytes) -> None:
            sender.answer, sender.requests = start + rest, 0
            http = Session(Transport(server.url, timeout=5, retries=1, use_proxy=False), HeaderAuth("key"), clock=FakeClock())
            try:
                http.request(method, "/x").json()
            except ImmutaError as error:
                json.dumps(error.as_fail_json()).encode()
                assert "\r" not in str(error) and "\0" not in str(error) and "\x1b" not in str(error)
            # 429, and 503 with Retry-After, mean that the server did nothing.
            waits = b" 429" in sender.answer or b" 503" in sender.answer
            assert method == "GET" or waits or sender.requests == 1

        check()


def test_headers_that_are_cut_off_are_no_answer() -> None:
    for answer in (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nX: 1\r\n"):
        with Wire([("PUT /x", raw(answer))]) as wire, pytest.raises(ImmutaError, match="broke before the answer was complete"):
            Session(Transport(wire.url, retries=0, use_proxy=False), HeaderAuth("key")).request("PUT", "/x")


# --- text

CODECS = sorted({name for _finder, name, _package in pkgutil.iter_modules(encodings.__path__)} | {"no-such", "utf-7", "rot13"})


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("name", CODECS)
def test_no_name_of_an_encoding_breaks_the_reading(name: str, status: int) -> None:
    body = b'{"newKey": "\xc3\xbc\xff a\\n.b..c ' + b"x" * 70 + b'"}'
    with Wire([("POST /x", reply(status, body, Content_Type=f"application/json; charset={name}"))]) as wire:
        http = Session(Transport(wire.url, use_proxy=False), HeaderAuth("key"), clock=FakeClock())
        try:
            assert isinstance(http.request("POST", "/x").text, str)
        except ImmutaError as error:
            assert status == 500 and isinstance(error, AnswerLost)


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "utf-16", "utf-16le", "utf-16be", "utf-32", "iso-8859-1", "iso-8859-15", "windows-1252", "us-ascii"])
def test_the_encodings_of_the_web_are_read(name: str) -> None:
    text = "plain" if name == "us-ascii" else "größe"
    with Wire([("GET /x", ok(text.encode(codecs.lookup(name).name), Content_Type=f"text/plain; charset={name}"))]) as wire:
        assert Session(Transport(wire.url, use_proxy=False), HeaderAuth("key")).request("GET", "/x").text == text


# --- JSON

ODD = {
    "NaN": ("[NaN]", "NaN is not a number"),
    "Infinity": ('{"a": -Infinity}', "-Infinity is not a number"),
    "a number beyond all": ("1e999", "a number that is too long"),
    "a long number": ("9" * 5000, "a number that is too long"),
    "a long fraction": ("0." + "9" * 500, "a number that is too long"),
    "a name twice": ('{"id": 7, "id": 8}', "has the same name twice"),
    "a name twice below": ('[{"a": {"id": 7, "\\u0069d": 7}}]', "has the same name twice"),
    "deep lists": ("[" * 5000 + "]" * 5000, "nested too deep"),
    "a little too deep": ("[" * 102 + "]" * 102, "nested too deep"),
    "deep objects": ('{"a":' * 5000 + "1" + "}" * 5000, "nested too deep"),
    "half a character": ('"\\ud800"', "half a character"),
    "half a character in a name": ('{"\\uDC00": 1}', "half a character"),
}


@pytest.mark.parametrize(("text", "words"), ODD.values(), ids=ODD)
def test_json_that_breaks_what_comes_next_is_a_bad_answer(text: str, words: str) -> None:
    with Wire([("GET /x", ok(text)), ("GET /x", reply(400, text))]) as wire:
        http = Session(Transport(wire.url, use_proxy=False), HeaderAuth("key"))
        with pytest.raises(BadAnswer, match=f"its JSON cannot be used: .*{words}"):
            http.request("GET", "/x").json()
        with pytest.raises(ApiError) as caught:
            http.request("GET", "/x")
        assert isinstance(caught.value.facts["api_error"], str) and len(caught.value.facts["api_error"]) <= 400


@pytest.mark.parametrize("text", ["", " ", "{", "[1,]", "nul", "01", "'a'", '"\n"', "{1: 2}", '{"a": 1} x', "\0"])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_json(text)
    assert not isinstance(caught.value, UnusableJson)


def test_ordinary_json_is_read_as_it_is() -> None:
    value = {"a": [1, -2, 3.5, 1e300, 2**63, True, None, "😀 \\ud800", {"b": {}}], "": "", "deep": json.loads("[" * 90 + "]" * 90)}
    assert parse_json(json.dumps(value)) == parse_json(json.dumps(value, ensure_ascii=False)) == value
    assert parse_json(" 7 ") == 7


LEAVES = some.none() | some.booleans() | some.integers(-(2**63), 2**63) | some.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = some.recursive(LEAVES, lambda below: some.lists(below) | some.dictionaries(TEXT, below))


@examples(200)
@given(value=VALUES, ascii=some.booleans())
def test_all_json_comes_back_as_it_was_written(value: Any, ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii)) == value


@pytest.mark.parametrize("header", ["²", "1" * 400, "Mon, 99 Foo 99999 25:61:61 +9999", "Thu, 01 Jan 0001 00:00:00 GMT", " , ", "0 0 0 0 0", "-", "\x85"])
def test_a_retry_after_that_says_nothing_is_backed_off_from(header: str) -> None:
    clock = FakeClock()
    with Wire([("GET /x", raw(f"HTTP/1.1 503 Busy\r\nRetry-After: {header}\r\nConnection: close\r\n\r\n".encode("latin-1"))), ("GET /x", ok(1))]) as wire:
        Session(Transport(wire.url, use_proxy=False), HeaderAuth("key"), clock=clock).request("GET", "/x")
    assert len(clock.slept) == 1 and 0 <= clock.slept[0] <= 30


def test_random_flips_in_a_right_answer_break_nothing() -> None:
    body = json.dumps({"id": 7, "status": "enabled", "message": "größe", "list": [1, 2.5, None]}).encode()
    chance = random.Random(7)
    sender = Sender()
    with Server(sender) as server:
        http = Session(Transport(server.url, timeout=5, retries=0, use_proxy=False), HeaderAuth("key"), clock=FakeClock())
        for _unused in range(150):
            answer = bytearray(b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            for _flip in range(chance.randint(1, 4)):
                answer[chance.randrange(len(answer))] = chance.randrange(256)
            sender.answer = bytes(answer)
            try:
                http.request("GET", "/x").json()
            except ImmutaError as error:
                assert error.facts["path"] == "/x"
