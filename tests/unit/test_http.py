# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session with a real server: requests, retries, requests that are never repeated, error messages, and masking."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    Conflict,
    ConnectionFailed,
    ImmutaError,
    MissingLibrary,
    NotFound,
    OptionError,
    Unauthorized,
    WriteBlocked,
)
from ansible_collections.community.immuta.plugins.module_utils._http import session as _http
from ansible_collections.community.immuta.plugins.module_utils._http.no_answer import diagnose
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport, origin, path_of
from unit.http_servers import Authority
from unit.wire import FakeClock, Reply, Wire, cut, hang_up, ok, raw, reply, reset, silence

KEY = "immuta-key-1f0c"
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore proxies and certificate authorities in the environment of the tests."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def session(wire: Wire | str, **settings: Any) -> Session:
    """Return a session whose clock advances only by sleeping. settings: those of Transport and Session."""
    url = wire if isinstance(wire, str) else wire.url
    own = {name: settings.pop(name) for name in list(settings) if name not in Transport.__dataclass_fields__}
    return Session(Transport(url, **settings), own.pop("auth", HeaderAuth(KEY)), **{"clock": FakeClock(), **own})


def clock_of(opened: Session) -> FakeClock:
    clock = opened._clock
    assert isinstance(clock, FakeClock)
    return clock


# --- requests


def test_requests_carry_the_key_raw_and_share_one_connection() -> None:
    script = [("GET /integrations", ok([])), ("POST /integrations?dryRun=true", ok({"id": "7"})), ("DELETE /integrations/7", reply(204))]
    with Wire(script) as wire:
        http = session(wire, user_agent="community.immuta/9.9")
        assert http.request("GET", "/integrations").json() == []
        http.request("POST", "/integrations", json={"type": "Trino", "name": "ü"}, query={"dryRun": "true"})
        assert http.request("DELETE", "/integrations/7").status == 204
        get, post, delete = wire.requests
    assert wire.connections == 1
    assert all(request.headers["authorization"] == KEY and request.headers["user-agent"] == "community.immuta/9.9" for request in wire.requests)
    assert (get.body, delete.body) == (b"", b"")
    assert "content-type" not in get.headers and "content-type" not in delete.headers
    assert post.headers["content-type"] == "application/json"
    assert post.json() == {"type": "Trino", "name": "ü"}


def test_a_body_can_be_a_form() -> None:
    with Wire([("POST /oidc/v1/token", ok({}))]) as wire:
        session(wire).request("POST", "/oidc/v1/token", form={"grant_type": "client_credentials", "scope": "a b&c"})
    assert wire.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert wire.requests[0].body == b"grant_type=client_credentials&scope=a+b%26c"


def test_the_connection_survives_errors_and_redirects() -> None:
    script = [
        ("GET /a", reply(404, {"message": "no"})),
        ("GET /b", reply(302, Location="/c")),
        ("GET /c", ok(1)),
        ("GET /d", reply(503, "busy")),
        ("GET /d", ok(2)),
    ]
    with Wire(script) as wire:
        http = session(wire)
        with pytest.raises(NotFound):
            http.request("GET", "/a")
        assert http.request("GET", "/b").json() == 1
        assert http.request("GET", "/d").json() == 2
    assert wire.connections == 1


def test_a_base_url_may_have_a_path_and_a_final_slash() -> None:
    with Wire([("GET /immuta/integrations", ok([]))]) as wire:
        session(f"{wire.url}/immuta/").request("GET", "/integrations")


def test_every_segment_of_a_path_is_encoded() -> None:
    assert path_of("integrations", 7, "status") == "/integrations/7/status"
    assert path_of("data", "a/b c?d=e#f%2F", "ü") == "/data/a%2Fb%20c%3Fd%3De%23f%252F/%C3%BC"
    with Wire([("GET /data/a%2Fb%252F%3Fq", ok(1))]) as wire:
        session(wire).request("GET", path_of("data", "a/b%2F?q"))


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_a_segment_cannot_lead_elsewhere(segment: str) -> None:
    with pytest.raises(OptionError):
        path_of("integrations", segment)


def test_cookies_are_not_kept() -> None:
    with Wire([("GET /a", ok(1, Set_Cookie="session=stolen; Path=/")), ("GET /b", ok(1))]) as wire:
        http = session(wire)
        http.request("GET", "/a")
        http.request("GET", "/b")
    assert "cookie" not in wire.requests[1].headers


def test_netrc_does_not_replace_the_authorization(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\ndefault login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Wire([("GET /a", reply(302, Location="/b")), ("GET /b", ok(1))]) as wire:
        session(wire).request("GET", "/a")
    assert [request.headers["authorization"] for request in wire.requests] == [KEY, KEY]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tenant.example.com",
        "ftp://tenant.example.com",
        "https://",
        "https://user:hunter22@tenant.example.com",
        "https://t.example.com?a=hunter22",
        "https://t:port",
    ],
)
def test_a_base_url_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(OptionError) as caught:
        session(url)
    assert caught.value.facts == {"option": "url"}
    assert "hunter22" not in str(caught.value)


def test_origin_shows_no_more_than_the_host() -> None:
    assert origin("https://user:hunter22@Tenant.example.com:8443/a?token=hunter22#x") == "https://tenant.example.com:8443"
    assert origin("https://tenant.example.com:443/a") == "https://tenant.example.com"
    assert origin("http://[::1]:80/a") == "http://[::1]"
    assert "http" not in origin("https://[bad")


# --- check mode


def test_read_only_blocks_what_is_not_safe_before_it_is_sent() -> None:
    with Wire([("GET /a", ok(1)), ("POST /dry?dryRun=true", ok(1)), ("DELETE /dry?dryRun=true", ok(1))]) as wire:
        http = session(wire, read_only=True)
        http.request("GET", "/a")
        http.request("POST", "/dry", json={}, query={"dryRun": "true"}, safe=True)
        http.request("DELETE", "/dry", query={"dryRun": "true"}, safe=True)
        for method in ("POST", "PUT", "DELETE"):
            with pytest.raises(WriteBlocked) as caught:
                http.request(method, "/integrations/7", json={"password": "hunter22"})
            assert caught.value.facts == {"method": method, "path": "/integrations/7"}
            assert "hunter22" not in str(caught.value)


# --- retries

BUSY = [reply(502, "a"), reply(503, "b"), reply(504, "c"), hang_up, reset]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_repeatable_requests_go_on_until_they_succeed(method: str) -> None:
    with Wire([(f"{method} /x", busy) for busy in BUSY] + [(f"{method} /x", ok("done"))]) as wire:
        http = session(wire)
        assert http.request(method, "/x").text == "done"
        assert clock_of(http).slept == [0.5, 1, 2, 4, 8]


def test_a_safe_post_is_repeated_too() -> None:
    with Wire([("POST /x", busy) for busy in BUSY] + [("POST /x", ok("done"))]) as wire:
        assert session(wire).request("POST", "/x", json={"a": 1}, safe=True).text == "done"
    assert all(request.json() == {"a": 1} for request in wire.requests)


def test_repeating_ends_after_retries_and_the_last_error_counts() -> None:
    with Wire([("GET /x", reply(503, {"message": f"busy {number}"})) for number in range(3)]) as wire, pytest.raises(ApiError) as caught:
        session(wire, retries=2).request("GET", "/x")
    assert (caught.value.status, caught.value.server_message) == (503, "busy 2")


def test_pauses_are_no_longer_than_retry_max_delay() -> None:
    with Wire([("GET /x", reply(503, "busy"))] * 5 + [("GET /x", ok(1))]) as wire:
        http = session(wire, retry_max_delay=3)
        http.request("GET", "/x")
        assert clock_of(http).slept == [0.5, 1, 2, 3, 3]


def test_pauses_before_a_retry_are_jittered() -> None:
    with Wire([("GET /x", reply(503, "busy"))] * 3 + [("GET /x", ok(1))]) as wire:
        http = session(wire, clock=FakeClock(share=0.75))
        http.request("GET", "/x")
        assert clock_of(http).slept == [0.375, 0.75, 1.5]


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500, 501])
def test_other_errors_are_not_repeated(status: int) -> None:
    with Wire([("PUT /x", reply(status, {"message": "no"}))]) as wire, pytest.raises(ApiError):
        session(wire).request("PUT", "/x", json={})


@pytest.mark.parametrize("status", [429, 503])
def test_every_method_waits_as_long_as_the_server_asks(status: int) -> None:
    with Wire([("POST /x", reply(status, "wait", Retry_After="7")), ("POST /x", ok("done"))]) as wire:
        http = session(wire)
        assert http.request("POST", "/x", json={}).text == "done"
        assert clock_of(http).slept == [7]


def test_a_429_without_retry_after_backs_off() -> None:
    with Wire([("POST /x", reply(429, "wait")), ("POST /x", reply(429, "wait")), ("POST /x", ok("done"))]) as wire:
        http = session(wire)
        http.request("POST", "/x", json={})
        assert clock_of(http).slept == [0.5, 1]


@pytest.mark.parametrize(
    ("header", "slept"),
    [
        (formatdate(FakeClock().now() + 12, usegmt=True), 12),
        (formatdate(FakeClock().now() - 60, usegmt=True), 0),
        (formatdate(FakeClock().now() + 9000, usegmt=True), 30),
        ("3600", 30),
        ("0", 0),
        ("1.5", 1.5),
        ("soon", 0.5),
        ("-5", 0.5),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_clamped(header: str, slept: float) -> None:
    with Wire([("GET /x", reply(503, "wait", Retry_After=header)), ("GET /x", ok(1))]) as wire:
        http = session(wire)
        http.request("GET", "/x")
        assert clock_of(http).slept == [slept]


def test_the_user_is_told_once_that_requests_are_repeated() -> None:
    warnings: list[str] = []
    with Wire([("GET /x", reply(503, "a")), ("GET /x", hang_up), ("GET /x", ok(1)), ("GET /y", reply(502)), ("GET /y", ok(1))]) as wire:
        http = session(wire, warn=warnings.append)
        http.request("GET", "/x")
        http.request("GET", "/y")
        assert len(warnings) == 1
        assert warnings[0].startswith(f"GET /x on {wire.url} is retried after a failure: HTTP 503")


# --- requests that must not be repeated


@pytest.mark.parametrize("lost", [hang_up, reset, cut(b'{"id"', promised=100)], ids=["closed", "reset", "cut"])
def test_a_post_that_may_have_arrived_is_never_repeated(lost: Reply) -> None:
    with Wire([("POST /integrations", lost)]) as wire, pytest.raises(AnswerLost) as caught:
        session(wire).request("POST", "/integrations", json={"config": {"password": "hunter22"}})
    assert (caught.value.facts["method"], caught.value.facts["path"]) == ("POST", "/integrations")
    assert "may have taken effect" in str(caught.value) and "hunter22" not in str(caught.value)


def test_a_post_whose_connection_had_been_open_before_is_not_repeated_either() -> None:
    with Wire([("GET /a", ok(1)), ("POST /integrations", reset)]) as wire:
        http = session(wire)
        http.request("GET", "/a")
        with pytest.raises(AnswerLost):
            http.request("POST", "/integrations", json={})
    assert wire.connections == 1


def test_a_post_that_times_out_is_lost() -> None:
    with Wire([("POST /integrations", silence)]) as wire, pytest.raises(AnswerLost) as caught:
        session(wire, timeout=0.2).request("POST", "/integrations", json={})
    assert "the complete answer did not arrive in time" in str(caught.value)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_after_a_post_is_a_lost_answer_with_its_status(status: int) -> None:
    with Wire([("POST /integrations", reply(status, {"message": "broken."}))]) as wire, pytest.raises(AnswerLost) as caught:
        session(wire).request("POST", "/integrations", json={})
    assert caught.value.facts == {"method": "POST", "path": "/integrations", "status": status, "api_error": {"message": "broken."}}
    assert f"POST /integrations failed: HTTP {status} Reason: broken." in str(caught.value)


def test_a_get_that_times_out_is_repeated_and_then_no_connection() -> None:
    with Wire([("GET /x", silence)] * 2) as wire, pytest.raises(ConnectionFailed) as caught:
        session(wire, timeout=0.2, retries=1).request("GET", "/x")
    assert caught.type is ConnectionFailed
    assert "Raise timeout" in str(caught.value)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_a_refused_connection_is_repeated_for_any_method_as_nothing_was_sent() -> None:
    http = session(f"http://127.0.0.1:{free_port()}", retries=3)
    with pytest.raises(ConnectionFailed) as caught:
        http.request("POST", "/integrations", json={})
    assert caught.type is ConnectionFailed
    assert len(clock_of(http).slept) == 3
    assert "the connection was refused: Connection refused. Check host and port" in str(caught.value)
    assert caught.value.facts == {"method": "POST", "path": "/integrations"}


def test_a_post_arrives_once_the_server_is_up() -> None:
    port = free_port()
    started = ExitStack()

    class Starter(FakeClock):
        """Start the server while the session sleeps."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            started.enter_context(Wire([("POST /integrations", ok({"id": "7"}))], port=port))

    clock = Starter()
    with started:
        assert session(f"http://127.0.0.1:{port}", clock=clock).request("POST", "/integrations", json={}).json() == {"id": "7"}
    assert clock.slept == [0.5]


# --- authorization


class Renewing:
    """Yields one token after the other."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    def header(self, session: Session) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[0]}"}

    def renew(self, session: Session) -> bool:
        self.tokens.pop(0)
        return True


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_401_renews_the_authorization_once(method: str) -> None:
    with Wire([(f"{method} /x", reply(401, "expired")), (f"{method} /x", ok("done"))]) as wire:
        assert session(wire, auth=Renewing("old", "new")).request(method, "/x").text == "done"
    assert [request.headers["authorization"] for request in wire.requests] == ["Bearer old", "Bearer new"]


def test_a_second_401_is_the_end() -> None:
    with Wire([("GET /x", reply(401, "expired"))] * 2) as wire, pytest.raises(Unauthorized):
        session(wire, auth=Renewing("old", "new", "newer")).request("GET", "/x")


def test_a_401_is_the_end_when_there_is_nothing_to_renew() -> None:
    with Wire([("GET /x", reply(401, {"message": "no"}))]) as wire, pytest.raises(Unauthorized):
        session(wire).request("GET", "/x")


def test_anonymous_requests_carry_no_credentials() -> None:
    with Wire([("POST /login", reply(401, "no"))]) as wire, pytest.raises(Unauthorized):
        session(wire, auth=Renewing("old", "new")).request("POST", "/login", json={}, safe=True, anonymous=True)
    assert "authorization" not in wire.requests[0].headers


# --- redirects


def test_a_get_follows_a_redirect_within_its_host() -> None:
    with Wire([("GET /a?q=1", reply(307, Location="/b")), ("GET /b", reply(301, Location="c?x=y")), ("GET /c?x=y", ok("there"))]) as wire:
        assert session(wire).request("GET", "/a", query={"q": "1"}).text == "there"
    assert all(request.headers["authorization"] == KEY for request in wire.requests)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_credentials_do_not_follow_to_another_host(method: str) -> None:
    with Wire([]) as other:
        target = f"http://user:hunter22@localhost:{other.port}/x?token=hunter22"
        with Wire([(f"{method} /x", reply(302, Location=target))]) as wire, pytest.raises(ApiError) as caught:
            session(wire).request(method, "/x")
    assert caught.value.status == 302
    assert f"http://127.0.0.1:{wire.port} redirected to http://localhost:{other.port}, which is not followed" in str(caught.value)
    assert "hunter22" not in str(caught.value.as_fail_json())


@pytest.mark.parametrize("target", ["https://127.0.0.1/x", "//127.0.0.1:1/x", "https://[bad/x"])
def test_another_port_or_scheme_is_another_host(target: str) -> None:
    with Wire([("GET /x", reply(302, Location=target))]) as wire, pytest.raises(ApiError):
        session(wire).request("GET", "/x")


def test_the_move_from_http_to_https_is_the_same_host() -> None:
    assert _http._same_server("http://t.example.com/a", "https://t.example.com/a")
    assert not _http._same_server("https://t.example.com/a", "http://t.example.com/a")
    assert not _http._same_server("http://t.example.com/a", "https://u.example.com/a")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_follows_no_redirect(method: str) -> None:
    with Wire([(f"{method} /x", reply(307, Location="/y"))]) as wire, pytest.raises(ApiError) as caught:
        session(wire).request(method, "/x")
    assert "not followed" in str(caught.value)


def test_redirects_end() -> None:
    with Wire([("GET /x", reply(302, Location="/x"))] * 6) as wire, pytest.raises(ApiError) as caught:
        session(wire).request("GET", "/x")
    assert "after 5 redirects" in str(caught.value)


def test_a_redirect_to_nowhere_is_an_error() -> None:
    with Wire([("GET /x", reply(304))]) as wire, pytest.raises(ApiError):
        session(wire).request("GET", "/x")


# --- unusable answers

HTML = "<!DOCTYPE html><html><head><title>Sign in &amp;\n wait</title></head><body>a lot of text</body></html>"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ok(HTML, Content_Type="text/html"), 'not valid JSON (an HTML page titled "Sign in & wait")'),
        (ok("<html><body>no title</body></html>", Content_Type="application/json"), "not valid JSON (an HTML page)"),
        (ok('{"id": ', Content_Type="application/json"), "not valid JSON (application/json, 7 characters)"),
        (ok("hello hunter22"), "not valid JSON (text/plain, 14 characters)"),
        (reply(204), "not valid JSON (no content type, 0 characters)"),
        (ok("[" * 100_000, Content_Type="application/json"), "its JSON cannot be used: it is nested too deep (application/json, 100000 characters)"),
    ],
)
def test_what_is_not_json_is_a_bad_answer(answer: Reply, words: str) -> None:
    with Wire([("GET /x", answer)]) as wire, pytest.raises(BadAnswer) as caught:
        session(wire).request("GET", "/x").json()
    assert words in str(caught.value)
    assert {"status", "content_type", "method", "path"} <= caught.value.facts.keys()
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("promised", [1000, 10])
def test_a_cut_answer_is_repeated_and_then_a_bad_answer(promised: int) -> None:
    with Wire([("GET /x", cut(b'{"id": 7}', promised=promised))] * 3) as wire, pytest.raises(BadAnswer) as caught:
        session(wire, retries=2).request("GET", "/x")
    assert (caught.value.facts["status"], caught.value.facts["content_type"]) == (200, "application/json")
    assert "broke before the answer was complete" in str(caught.value)


def test_a_cut_chunked_answer_is_no_whole_answer() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1, 2\r\n"
    with Wire([("GET /x", raw(chunked))]) as wire, pytest.raises(BadAnswer):
        session(wire, retries=0).request("GET", "/x")


def test_an_answer_that_is_no_http_is_no_answer() -> None:
    with Wire([("GET /x", raw(b"SSH-2.0-OpenSSH_9.2\r\n"))]) as wire, pytest.raises(ConnectionFailed):
        session(wire, retries=0).request("GET", "/x")


def test_an_answer_that_cannot_be_unpacked_is_a_bad_answer() -> None:
    with Wire([("GET /x", ok(b"no gzip", Content_Encoding="gzip"))]) as wire, pytest.raises(BadAnswer):
        session(wire, retries=0).request("GET", "/x")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (ok("größe".encode()), "größe"),
        (ok(b"\xef\xbb\xbfgr\xc3\xb6\xc3\x9fe"), "größe"),
        (ok("größe".encode("latin-1"), Content_Type="text/plain; charset=ISO-8859-1"), "größe"),
        (ok("größe".encode(), Content_Type='text/plain; charset="no-such"'), "größe"),
        (ok(gzip.compress("größe".encode()), Content_Encoding="gzip"), "größe"),
        (ok(b"gr\xf6"), "gr\ufffd"),
    ],
)
def test_text_is_utf8_unless_the_server_says_otherwise(answer: Reply, text: str) -> None:
    with Wire([("GET /x", answer)]) as wire:
        assert session(wire).request("GET", "/x").text == text


def test_json_counts_whatever_its_label() -> None:
    with Wire([("GET /x", ok('\ufeff{"a": 1}', Content_Type="text/html"))]) as wire:
        assert session(wire).request("GET", "/x").json() == {"a": 1}


def test_an_answer_shows_nothing_of_its_text() -> None:
    with Wire([("GET /x", ok("CREATE USER x PASSWORD 'hunter22'", X_Token="hunter22"))]) as wire:
        assert "hunter22" not in repr(session(wire).request("GET", "/x"))


# --- errors


def test_an_error_carries_the_servers_words_and_the_hint_of_the_caller() -> None:
    with Wire([("PUT /integrations/7", reply(409, {"statusCode": 409, "message": "in current state editing."}, reason="Conflict"))]) as wire:
        http = session(wire, hint=lambda status, path: f"Hint for {status} on {path}.")
        with pytest.raises(Conflict) as caught:
            http.request("PUT", "/integrations/7", json={"config": {"password": "hunter22"}})
    assert str(caught.value) == "PUT /integrations/7 failed: HTTP 409 Conflict: in current state editing. Hint for 409 on /integrations/7."
    assert "hunter22" not in str(caught.value.as_fail_json())


@pytest.mark.parametrize(
    ("answer", "api_error"),
    [
        (reply(400, HTML), 'an HTML page titled "Sign in & wait"'),
        (reply(400, "plain\n text"), "plain text"),
        (reply(400, b"x" * 5000), "x" * 397 + "..."),
        (reply(400, '"a string"', Content_Type="application/json"), "a string"),
        (reply(400, ["a"]), ["a"]),
        (reply(400), ""),
    ],
)
def test_the_body_of_an_error_is_its_json_or_a_short_text(answer: Reply, api_error: Any) -> None:
    with Wire([("GET /x", answer)]) as wire, pytest.raises(ApiError) as caught:
        session(wire).request("GET", "/x")
    assert caught.value.facts["api_error"] == api_error


def test_known_secrets_are_masked_in_whatever_the_server_says() -> None:
    secret = 'hunter\'s "two" ü & more'
    known = {KEY}
    bodies: list[Reply] = [
        reply(400, {"message": f"bad {secret}", "validationResults": {"validationTests": [{"name": KEY, "status": "failed", "message": secret}]}}),
        reply(400, f"bad password '{secret.replace(chr(39), chr(39) * 2)}' of {KEY}"),
        reply(400, "<html><title>hunter&#x27;s &quot;two&quot; ü &amp; more</title>"),
        reply(400, "x" * 390 + secret + KEY),
        ok("<html><title>hunter&#x27;s &quot;two&quot; ü &amp; more</title>"),
    ]
    with Wire([("GET /x", body) for body in bodies]) as wire:
        http = session(wire, secrets=known)
        known.add(secret)  # added after the session was created
        for _unused in bodies:
            with pytest.raises(ImmutaError) as caught:
                http.request("GET", "/x").json()
            failure = str(caught.value.as_fail_json())
            assert "hunter" not in failure and KEY[:6] not in failure


def test_errors_never_show_the_key() -> None:
    with Wire([("GET /x", reset)]) as wire, pytest.raises(ConnectionFailed) as caught:
        session(wire, retries=0).request("GET", "/x")
    assert KEY not in str(caught.value.as_fail_json()) and KEY not in repr(HeaderAuth(KEY))


# --- no connection


def test_an_unknown_host_has_its_own_hint() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        session("http://no-such-host.invalid").request("POST", "/x", json={})
    assert caught.type is ConnectionFailed
    assert "the host name was not resolved" in str(caught.value) and "Check its spelling" in str(caught.value)


@pytest.mark.parametrize(("code", "permanent"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)])
def test_only_a_name_that_does_not_exist_is_not_tried_again(code: int, permanent: bool) -> None:
    found = diagnose(ConnectionError("https://t.example.com/?token=hunter22", socket.gaierror(code, "words of the resolver")))
    assert (found.permanent, found.sent) == (permanent, False)
    assert found.text == "the host name was not resolved: words of the resolver"


def test_no_way_to_a_host_has_its_own_hint() -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _unused in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    try:
        with pytest.raises(ConnectionFailed) as caught:
            session(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.2, retries=0).request("POST", "/x", json={})
        assert caught.type is ConnectionFailed
        assert "the connection timed out" in str(caught.value)
    finally:
        for one in [full, *waiting]:
            one.close()


# --- proxies


def test_the_proxy_of_the_environment_is_used_and_gets_the_whole_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Wire([("GET http://tenant.example.com/x", ok("through the proxy"))]) as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:hunter22@127.0.0.1:{proxy.port}")
        assert session("http://tenant.example.com").request("GET", "/x").text == "through the proxy"
    assert proxy.requests[0].headers["authorization"] == KEY
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


def test_no_proxy_and_use_proxy_false_go_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with Wire([("GET /x", ok(1)), ("GET /y", ok(2))]) as wire:
        session(wire, use_proxy=False, retries=0).request("GET", "/x")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        session(wire, retries=0).request("GET", "/y")


def test_a_proxy_that_is_not_there_is_named_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:hunter22@127.0.0.1:{free_port()}")
    with pytest.raises(ConnectionFailed) as caught:
        session("http://tenant.example.com", retries=0).request("POST", "/x", json={})
    assert caught.type is ConnectionFailed
    assert "the proxy did not open a connection" in str(caught.value) and "use_proxy" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_a_proxy_that_refuses_a_tunnel_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire([("CONNECT tenant.example.com:443", reply(407, reason="Proxy Authentication Required"))]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectionFailed) as caught:
            session("https://tenant.example.com", retries=0).request("GET", "/x")
    assert "407 Proxy Authentication Required" in str(caught.value)
    assert "authorization" not in proxy.requests[0].headers


def test_a_407_has_a_hint() -> None:
    with Wire([("GET /x", reply(407, "no"))]) as wire, pytest.raises(ApiError) as caught:
        session(wire).request("GET", "/x")
    assert "proxy requires credentials" in str(caught.value)


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "strange")


def test_a_certificate_of_ca_path_is_trusted(authority: Authority) -> None:
    with Wire([("GET /x", ok(1)), ("GET /y", ok(1))], tls=authority.server("a")) as wire:
        http = session(wire, ca_path=str(authority.path))
        http.request("GET", "/x")
        http.request("GET", "/y")
    assert wire.connections == 1


def test_ca_path_may_be_a_directory(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "ours.pem").write_bytes(authority.path.read_bytes())
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True)
    with Wire([("GET /x", ok(1))], tls=authority.server("d")) as wire:
        session(wire, ca_path=str(tmp_path)).request("GET", "/x")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environments_authorities_are_trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(authority.path))
    with Wire([("GET /x", ok(1))], tls=authority.server("e")) as wire:
        session(wire).request("GET", "/x")
        with pytest.raises(OptionError):
            session(wire, ca_path="/no/such/file")


def test_ca_path_goes_before_the_environment(authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger.path))
    with Wire([("GET /x", ok(1))], tls=authority.server("f")) as wire:
        session(wire, ca_path=str(authority.path)).request("GET", "/x")


@pytest.mark.parametrize("trusted", ["nothing", "another authority"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_untrusted_certificate_ends_it_before_anything_is_sent(authority: Authority, stranger: Authority, trusted: str, method: str) -> None:
    with Wire([], tls=authority.server("g")) as wire:
        http = session(wire, ca_path=str(stranger.path) if trusted == "another authority" else None)
        with pytest.raises(ConnectionFailed) as caught:
            http.request(method, "/x")
    assert caught.type is ConnectionFailed
    assert "certificate is not trusted: " in str(caught.value) and "ca_path" in str(caught.value)
    assert clock_of(http).slept == []


def test_a_certificate_for_another_name_is_not_trusted(authority: Authority) -> None:
    with Wire([], tls=authority.server("h", "other.example.com")) as wire, pytest.raises(ConnectionFailed) as caught:
        session(wire, ca_path=str(authority.path)).request("GET", "/x")
    assert "match" in str(caught.value) and "'127.0.0.1'" in str(caught.value)


@pytest.mark.parametrize("variable", ["", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_validate_certs_false_holds_against_the_environment(
    authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, variable: str
) -> None:
    if variable:
        monkeypatch.setenv(variable, str(stranger.path))
    with Wire([("GET /x", ok(1))], tls=authority.server("i")) as wire:
        session(wire, validate_certs=False).request("GET", "/x")
    assert not [str(warning.message) for warning in recwarn if "HTTPS" in str(warning.message)]


def test_a_client_certificate_is_presented(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    certificate, key = stranger.issue("client", "client.example.com")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    with Wire([("GET /x", ok(1)), ("GET /y", ok(1))], tls=authority.server("j", clients=stranger)) as wire:
        session(wire, ca_path=str(authority.path), client_cert=str(certificate), client_key=str(key)).request("GET", "/x")
        session(wire, ca_path=str(authority.path), client_cert=str(both)).request("GET", "/y")


def test_without_a_client_certificate_that_the_server_wants_there_is_no_answer(authority: Authority, stranger: Authority) -> None:
    with Wire([], tls=authority.server("k", clients=stranger)) as wire, pytest.raises(ConnectionFailed):
        session(wire, ca_path=str(authority.path), retries=0).request("GET", "/x")


def test_tls_to_a_port_without_tls_has_its_own_hint() -> None:
    def answer_in_clear() -> None:
        connection, _unused = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(10_000)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_in_clear)
        thread.start()
        with pytest.raises(ConnectionFailed) as caught:
            session(f"https://127.0.0.1:{listener.getsockname()[1]}").request("GET", "/x")
        thread.join(5)
    assert "TLS failed: " in str(caught.value) and "Check that the port speaks TLS" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"ca_path": "/no/such/ca"}, "ca_path"),
        ({"client_cert": "/no/such/cert"}, "client_cert"),
        ({"client_key": "/no/such/key"}, "client_cert"),
        ({"client_cert": __file__, "client_key": "/no/such/key"}, "client_key"),
    ],
)
def test_files_that_are_not_there_are_named(settings: dict[str, str], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        session("https://tenant.example.com", **settings)
    assert caught.value.facts == {"option": option}


def test_an_authority_of_the_environment_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle")
    with pytest.raises(OptionError, match="REQUESTS_CA_BUNDLE names /no/such/bundle"):
        session("https://tenant.example.com")


# --- the requests library


def test_a_missing_library_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(MissingLibrary) as caught:
        session("https://tenant.example.com")
    assert caught.value.facts == {"library": "requests"}


def test_importing_the_file_does_not_import_requests() -> None:
    code = f"import sys, {_http.__name__} as m; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False).returncode == 0
