# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP session that is not specific to Immuta: base URL, authorization, TLS, proxy, deadline, retries. The only file that imports requests.

Proxies and certificate authorities of the environment are read here by name and passed to requests explicitly. By default
requests would let C(~/.netrc) replace the Authorization header and REQUESTS_CA_BUNDLE undo
C(validate_certs=false).

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import json as json_text
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urljoin, urlsplit

from .._core.errors import AnswerLost, ApiError, BadAnswer, ConnectionFailed, ImmutaError, MissingLibrary, OptionError, WriteBlocked, failure_text
from .._core.secrets import mask
from .._core.waiting import Clock
from .answer import Answer, content_type, decode, decompress, error_body, html_page, page_hint
from .deadline import Attempt, pool_with_deadline, timed_attempt
from .no_answer import NoAnswer, diagnose

if TYPE_CHECKING:
    import requests

FIRST_RETRY_DELAY = 0.5
_PORTS = {"https": 443, "http": 80}
_MAX_REDIRECTS = 5
_MAX_CONNECTIONS = 32
_BLOCK = 64 * 1024
_MAX_DATE = 100
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_RETRY_LATER_HINT = "Run the task again later. If that does not help, check the log of the server."
_CONFLICT_HINT = "The object is being changed, or it exists already. Check its state on the server, then run the task again."
_ANSWER_LOST_HINT = "The request may have taken effect nevertheless."
_HINTS = {
    407: "The proxy requires credentials: add them to the proxy variables of the environment.",
    429: "The server limits the rate of requests: raise retries or retry_max_delay, or run fewer tasks at the same time.",
}
_ACCEPT = "application/json, text/plain;q=0.9, */*;q=0.5"


class Auth(Protocol):
    """How requests are authorized."""

    def header(self, session: Session) -> dict[str, str]:
        """Return the authorization headers. This may send anonymous requests."""

    def renew(self, session: Session) -> bool:
        """Return whether the headers were renewed, so that a retry makes sense. Called once after an answer of 401."""


@dataclass(frozen=True)
class HeaderAuth:
    """A constant Authorization header: a raw API key, or C(Bearer) and a token."""

    value: str = field(repr=False)

    def header(self, session: Session) -> dict[str, str]:
        return {"Authorization": self.value}

    def renew(self, session: Session) -> bool:
        return False


@dataclass(frozen=True)
class Transport:
    """The address of the server and the options of the connection. Times are in seconds.

    timeout: the limit for one attempt as a whole: DNS lookup, connection (proxy, TLS), sending the request and receiving the
    complete answer. Retries and the delays before them are not included.
    """

    base_url: str
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    use_proxy: bool = True
    timeout: float = 60.0
    retries: int = 5
    retry_max_delay: float = 30.0


def path_of(*segments: object) -> str:
    """Return a path of URL-encoded segments. Raise OptionError for a segment that would change the path (empty, dots)."""
    for segment in segments:
        if str(segment) in ("", ".", ".."):
            raise OptionError(f"{str(segment)!r} cannot be part of a path.")
    return "".join("/" + quote(str(segment), safe="") for segment in segments)


def origin(url: str) -> str:
    """Return scheme, host and port of a URL: the parts that messages may show."""
    server = _server(url)
    if server is None:
        return "a malformed address"
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{server.scheme}://{host}" + ("" if server.port == _PORTS.get(server.scheme) else f":{server.port}")


class _Server(NamedTuple):
    scheme: str
    host: str
    port: int | None


def _server(url: str) -> _Server | None:
    """Return the server of a URL; None for a malformed URL."""
    try:
        parts = urlsplit(url)
        server = _Server(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme))
    except ValueError:
        return None
    return server if parts.hostname else None


def checked_url(url: str) -> str:
    """Return the base URL without its final slash. Raise OptionError, which shows only the host, if it is not a plain URL."""
    server = _server(url)
    if server is None or server.scheme not in _PORTS:
        raise OptionError("url must be the address of the server, beginning with https:// (or http://).", option="url")
    escaped = "%" in server.host and ":" not in server.host  # an IPv6 address may hold one
    if set("@?#") & set(url) or escaped:
        # After a password that is not escaped, the part that looks like the host may be part of the password.
        where = "the address of the server" if escaped or "@" in "".join(urlsplit(url)[2:]) else origin(url)
        raise OptionError(f"url must hold no user, password, query or fragment, only {where} and a path.", option="url")
    return url.rstrip("/")


@dataclass(frozen=True)
class _Call:
    """One request of the caller, however often it is sent."""

    method: str
    path: str
    url: str
    body: bytes | None = field(repr=False)
    content_type: str
    safe: bool
    repeatable: bool
    anonymous: bool


class Session:
    """Requests to one server, over persistent connections.

    read_only: refuse requests that are not safe. secrets: values to mask in every error; the set may grow later.
    hint: returns the hint for a status and path. warn: called at most once, at the first retry.
    """

    def __init__(
        self,
        transport: Transport,
        auth: Auth,
        *,
        read_only: bool = False,
        user_agent: str = "ansible",
        clock: Clock | None = None,
        warn: Callable[[str], None] | None = None,
        secrets: set[str] | None = None,
        hint: Callable[[int, str], str | None] | None = None,
    ) -> None:
        self.secrets = set() if secrets is None else secrets
        self.read_only = read_only
        self._transport = transport
        self._auth = auth
        self._clock = clock or Clock()
        self._warn = warn
        self._hint = hint or (lambda status, path: None)
        self._base_url = checked_url(transport.base_url)
        self._host = origin(transport.base_url)
        self._verify = _verify(transport)
        self._certificate = _client_certificate(transport)
        self._http = _new_http(user_agent, transport.validate_certs)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        safe: bool | None = None,
        anonymous: bool = False,
    ) -> Answer:
        """Send a request and return its answer, whose status is 2xx. Raise ApiError or a subclass, AnswerLost, ConnectionFailed, BadAnswer or WriteBlocked.

        path: already encoded, see path_of. The body is json or form. safe: whether the request has no effect on the server; by default
        only GET is safe. anonymous: send no authorization.
        """
        safe = method == "GET" if safe is None else safe
        if self.read_only and not safe:
            raise WriteBlocked(f"{method} {path} would write in check mode. This is a bug in the collection. Nothing was sent.", method=method, path=path)
        url = self._base_url + path + (f"?{urlencode(query)}" if query else "")
        body, content_type = None, ""
        if form is not None:
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif json is not None:
            body, content_type = json_text.dumps(json).encode(), "application/json"
        call = _Call(method, path, url, body, content_type, safe, repeatable=safe or method in ("GET", "PUT", "DELETE"), anonymous=anonymous)
        outcome, may_have_taken_effect = self._send_with_retries(call)
        try:
            return self._answer_or_error(call, outcome)
        except ImmutaError as error:
            error.in_doubt = may_have_taken_effect
            raise

    def mask(self, value: Any) -> Any:
        """Return a copy of the value with the secrets masked."""
        return mask(value, frozenset(self.secrets))  # a copy, because another thread may add a secret meanwhile

    def _send_with_retries(self, call: _Call) -> tuple[Answer | NoAnswer, bool]:
        """Return the outcome after all permitted retries, and whether an attempt without a usable answer may have taken effect."""
        outcome = self._send_authorized(call)
        may_have_taken_effect = _may_have_taken_effect(call, outcome)
        for repeats in range(self._transport.retries):
            if not _should_retry(call, outcome):
                break
            self._warn_of_retry(call, outcome)
            self._clock.sleep(self._retry_delay(outcome, repeats))
            outcome = self._send_authorized(call)
            may_have_taken_effect = may_have_taken_effect or _may_have_taken_effect(call, outcome)
        return outcome, may_have_taken_effect

    def _send_authorized(self, call: _Call) -> Answer | NoAnswer:
        """Return the outcome of one attempt, or of a second one with renewed authorization."""
        outcome = self._send_with_redirects(call)
        if not call.anonymous and isinstance(outcome, Answer) and outcome.status == 401 and self._auth.renew(self):
            return self._send_with_redirects(call)
        return outcome

    def _send_with_redirects(self, call: _Call) -> Answer | NoAnswer:
        """Return the outcome after redirects, which are followed on the same server only. Raise ApiError for any other redirect."""
        url, hops = call.url, 0
        while True:
            outcome = self._send(call, url)
            if isinstance(outcome, NoAnswer) or not 300 <= outcome.status < 400 or not outcome.headers.get("Location"):
                return outcome
            target = _redirect_target(url, outcome.headers["Location"])
            if call.method != "GET" or hops == _MAX_REDIRECTS or not _same_server(url, target):
                raise self._redirect_error(call, outcome, target, hops)
            url, hops = target, hops + 1

    def _send(self, call: _Call, url: str) -> Answer | NoAnswer:
        """Return the outcome of a single request to the URL."""
        headers = {} if call.anonymous else self._auth.header(self)
        if call.body is not None:
            headers = {**headers, "Content-Type": call.content_type}
        with timed_attempt(self._transport.timeout) as current:
            return self._exchange(call, url, headers, current)

    def _exchange(self, call: _Call, url: str, headers: Mapping[str, str], current: Attempt) -> Answer | NoAnswer:
        import requests

        response, proxies = None, {}
        try:
            proxies = requests.utils.get_environ_proxies(url) if self._transport.use_proxy else {}
            request = self._http.prepare_request(requests.Request(call.method, url, headers=headers, data=call.body))
            # Use the adapter, because a session would keep cookies and prepare redirects.
            response = self._http.get_adapter(url).send(
                request, stream=True, timeout=current.seconds_left(), verify=self._verify, cert=self._certificate, proxies=proxies
            )
            content = decompress(_read_all(response), response.headers.get("Content-Encoding", ""))
            text = decode(content, response.headers)
        except Exception as error:  # the libraries raise many types for a faulty server or proxy
            return self._diagnose(error, response, current, proxied=bool(proxies))
        return Answer(call.method, call.path, response.status_code, response.reason or "", response.headers, text, self.mask, self._host, call.safe)

    def _diagnose(self, error: Exception, response: requests.Response | None, current: Attempt, *, proxied: bool) -> NoAnswer:
        no_answer = diagnose(error, current.reached, proxied=proxied)
        no_answer = replace(no_answer, text=self.mask(no_answer.text))
        if response is None:
            return no_answer
        response.close()
        return replace(no_answer, sent=True, status=response.status_code, content_type=content_type(response.headers))

    def _warn_of_retry(self, call: _Call, outcome: Answer | NoAnswer) -> None:
        if self._warn is not None:
            cause = outcome.text if isinstance(outcome, NoAnswer) else f"HTTP {outcome.status}"
            self._warn(f"{call.method} {call.path} on {self._host} is retried after a failure: {cause}. Further retries are not reported.")
            self._warn = None

    def _retry_delay(self, outcome: Answer | NoAnswer, repeats: int) -> float:
        longest = self._transport.retry_max_delay
        wanted = None if isinstance(outcome, NoAnswer) else _retry_after(outcome.headers, self._clock.now())
        if wanted is not None:
            return max(0.0, min(wanted, longest))
        return self._clock.jitter(min(FIRST_RETRY_DELAY * 2**repeats, longest))

    def _answer_or_error(self, call: _Call, outcome: Answer | NoAnswer) -> Answer:
        """Return the answer if its status is 2xx. Raise the error for any other outcome."""
        if isinstance(outcome, NoAnswer):
            raise self._no_answer_error(call, outcome)
        if 200 <= outcome.status < 300:
            return outcome
        body = error_body(outcome)
        page = page_hint(self._host) if html_page(outcome.text, self.mask) else None
        if not call.repeatable and _may_have_taken_effect(call, outcome):
            text = failure_text(call.method, call.path, outcome.status, body, reason=outcome.reason)
            raise AnswerLost(text, hint=_sentences(_ANSWER_LOST_HINT, page), method=call.method, path=call.path, status=outcome.status, api_error=body)
        hint = _HINTS.get(outcome.status) or _sentences(page, self._hint(outcome.status, call.path)) or _default_hint(outcome.status)
        raise ApiError.of(call.method, call.path, outcome.status, body, reason=outcome.reason, hint=hint)

    def _no_answer_error(self, call: _Call, no_answer: NoAnswer) -> ConnectionFailed | BadAnswer:
        text = f"{call.method} {call.path} failed: no complete answer from {self._host}: {no_answer.text}."
        if no_answer.sent and not call.repeatable:
            status = {} if no_answer.status is None else {"status": no_answer.status}
            return AnswerLost(text, hint=_sentences(_ANSWER_LOST_HINT, no_answer.hint), method=call.method, path=call.path, **status)
        if no_answer.status is not None:
            return BadAnswer(text, hint=no_answer.hint, status=no_answer.status, content_type=no_answer.content_type, method=call.method, path=call.path)
        return ConnectionFailed(text, hint=no_answer.hint, method=call.method, path=call.path)

    def _redirect_error(self, call: _Call, answer: Answer, target: str, hops: int) -> ApiError:
        """Return the error for a redirect that is not followed: credentials and writes go to the configured server only."""
        what = f"{self._host} redirected to {origin(target)}, which is not followed" + (f" after {hops} redirects" if hops else "")
        hint = "Check that the URL is the address of the API itself. If the other address is the server you want, set the URL to it."
        return ApiError.of(call.method, call.path, answer.status, what, reason=answer.reason, hint=hint)


def _new_http(user_agent: str, validate_certs: bool) -> requests.Session:
    try:
        import requests
        import urllib3
    except ImportError as missing:
        raise MissingLibrary("requests") from missing

    if not validate_certs:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    http = requests.Session()
    http.trust_env = False
    http.headers.update({"User-Agent": user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip, deflate"})
    adapter = _adapter()(pool_maxsize=_MAX_CONNECTIONS, max_retries=0)
    for scheme in ("https://", "http://"):
        http.mount(scheme, adapter)
    return http


@cache
def _adapter() -> type[requests.adapters.HTTPAdapter]:
    """Return an adapter class whose connections, to servers and proxies, keep to the deadline of the attempt."""
    import requests

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **settings: Any) -> None:
            super().init_poolmanager(*args, **settings)
            _use_deadlines(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **settings: Any) -> Any:
            return _use_deadlines(super().proxy_manager_for(*args, **settings))

    return Adapter


def _use_deadlines(manager: Any) -> Any:
    manager.pool_classes_by_scheme = {scheme: pool_with_deadline(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}
    return manager


def _read_all(response: requests.Response) -> bytes:
    """Return the raw body of an answer. The connection limits its size and time."""
    response.raw.enforce_content_length = True  # urllib3 before 2 accepts a truncated answer
    pieces = []
    while piece := response.raw.read(_BLOCK, decode_content=False):
        pieces.append(piece)
    return b"".join(pieces)


def _default_hint(status: int) -> str | None:
    """Return the hint for a status without a more specific one."""
    return _CONFLICT_HINT if status == 409 else _RETRY_LATER_HINT if status >= 500 else None


def _sentences(*texts: str | None) -> str | None:
    return " ".join(filter(None, texts)) or None


def _verify(transport: Transport) -> bool | str:
    """Return the verify argument of requests: False, the CA file of the options or the environment, or True for the default CAs."""
    if not transport.validate_certs:
        return False
    if transport.ca_path:
        return _existing(transport.ca_path, "ca_path", "ca_path")
    for variable in _CA_VARIABLES:
        if os.environ.get(variable):
            return _existing(os.environ[variable], "ca_path", variable)
    return True


def _client_certificate(transport: Transport) -> str | tuple[str, str] | None:
    if not transport.client_cert:
        if transport.client_key:
            raise OptionError("client_key has no effect without client_cert.", option="client_cert")
        return None
    certificate = _existing(transport.client_cert, "client_cert", "client_cert")
    return (certificate, _existing(transport.client_key, "client_key", "client_key")) if transport.client_key else certificate


def _existing(path: str, option: str, named_by: str) -> str:
    if not os.path.exists(path):
        raise OptionError(f"{named_by} names {path}, which does not exist.", option=option)
    return path


def _should_retry(call: _Call, outcome: Answer | NoAnswer) -> bool:
    if isinstance(outcome, NoAnswer):
        return not outcome.permanent and (call.repeatable or not outcome.sent)
    return _asks_to_retry(outcome) or (call.repeatable and outcome.status in (502, 503, 504))


def _asks_to_retry(answer: Answer) -> bool:
    """Return whether the server did nothing and asks for a retry."""
    return answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers)


def _may_have_taken_effect(call: _Call, outcome: Answer | NoAnswer) -> bool:
    """Return whether a write without a usable answer may have taken effect."""
    if call.safe:
        return False
    return outcome.sent if isinstance(outcome, NoAnswer) else outcome.status >= 500 and not _asks_to_retry(outcome)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of the Retry-After header (a number or a date), or None if it is missing or malformed."""
    wanted = headers.get("Retry-After", "").strip()[:_MAX_DATE]
    if re.fullmatch(r"\d{1,9}(\.\d*)?", wanted):
        return float(wanted)
    try:
        return parsedate_to_datetime(wanted).timestamp() - now
    except (TypeError, ValueError, IndexError, OverflowError, OSError):
        return None


def _redirect_target(url: str, location: str) -> str:
    """Return the absolute URL of a redirect; empty if it is malformed."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _same_server(url: str, target: str) -> bool:
    """Return whether both URLs have the same scheme, host and port. A change from http to https on the default ports also counts."""
    current_server, target_server = _server(url), _server(target)
    if current_server is None or target_server is None:
        return False
    encrypted = _Server("https", current_server.host, 443) if (current_server.scheme, current_server.port) == ("http", 80) else current_server
    return target_server in (current_server, encrypted)
