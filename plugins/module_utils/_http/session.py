# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that knows no Immuta: base URL, authorization, TLS, proxy, deadline, repeating. The only file that imports requests.

Everything the environment may decide (proxies, certificate authorities) is asked for here by name and handed to requests
explicitly. Left to itself requests would let C(~/.netrc) replace the Authorization header and REQUESTS_CA_BUNDLE undo
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
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode, urljoin, urlsplit

from .._core.errors import AnswerLost, ApiError, BadAnswer, ConnectionFailed, ImmutaError, MissingLibrary, OptionError, WriteBlocked, failure_text
from .._core.secrets import mask
from .._core.waiting import Clock
from .answer import Answer, content_type, decode, error_body, html_page, page_hint, unpack
from .line import Attempt, attempt, bounded
from .silence import Silence, diagnose

if TYPE_CHECKING:
    import requests

FIRST_PAUSE = 0.5
_PORTS = {"https": 443, "http": 80}
_MOST_REDIRECTS = 5
_MOST_CONNECTIONS = 32
_BLOCK = 64 * 1024
_LONGEST_DATE = 100
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_LATER = "Run this again later. If that does not help, see what the server's own log says."
_CLASHES = "It is being changed, or there already: see what the server shows of it, and run this again."
_LOST = "It may have had its effect all the same."
_HINTS = {
    407: "The proxy wants credentials: put them into the proxy variables of the environment.",
    429: "The server asks for fewer requests: raise retries or retry_max_delay, or run fewer tasks at once.",
}
_ACCEPT = "application/json, text/plain;q=0.9, */*;q=0.5"


class Auth(Protocol):
    """How requests are authorised."""

    def header(self, session: Session) -> dict[str, str]:
        """The headers of a request; may itself send anonymous requests."""

    def renew(self, session: Session) -> bool:
        """Called once when a request was answered by 401. True: the headers are new, try again."""


@dataclass(frozen=True)
class HeaderAuth:
    """One Authorization header that never changes: a raw API key, C(Bearer) and a token."""

    value: str = field(repr=False)

    def header(self, session: Session) -> dict[str, str]:
        return {"Authorization": self.value}

    def renew(self, session: Session) -> bool:
        return False


@dataclass(frozen=True)
class Transport:
    """Where a session goes and how. Times in seconds.

    timeout: the deadline of one attempt as a whole. Within it the host name is resolved, the connection opened (proxy, TLS),
    the request sent, and the answer received to its last byte. Repeats and the pauses before them come on top.
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
    """A path of which every segment is encoded. Raises OptionError for a segment that would name another path."""
    for segment in segments:
        if str(segment) in ("", ".", ".."):
            raise OptionError(f"{str(segment)!r} cannot be part of a path.")
    return "".join("/" + quote(str(segment), safe="") for segment in segments)


def origin(url: str) -> str:
    """Scheme, host and port of a URL: all of it that may be shown."""
    server = _server(url)
    if server is None:
        return "an address that cannot be read"
    scheme, host, port = server
    return f"{scheme}://{f'[{host}]' if ':' in host else host}" + ("" if port == _PORTS.get(scheme) else f":{port}")


def _server(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what is no URL."""
    try:
        parts = urlsplit(url)
        return (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)) if parts.hostname else None
    except ValueError:
        return None


def checked_url(url: str) -> str:
    """A base URL without its final slash. Raises OptionError, which shows no more of it than its host."""
    server = _server(url)
    if server is None or server[0] not in _PORTS:
        raise OptionError("url must be the address of the server, beginning with https:// (or http://).", option="url")
    escaped = "%" in server[1] and ":" not in server[1]  # an IPv6 address may hold one
    if set("@?#") & set(url) or escaped:
        # Behind a badly written password the server is not where it seems to be.
        where = "the address of the server" if escaped or "@" in "".join(urlsplit(url)[2:]) else origin(url)
        raise OptionError(f"url must hold no user, password, query or fragment, only {where} and a path.", option="url")
    return url.rstrip("/")


@dataclass(frozen=True)
class _Call:
    """One request as the caller means it, however often it is sent."""

    method: str
    path: str
    url: str
    body: bytes | None = field(repr=False)
    content_type: str
    safe: bool
    repeatable: bool
    anonymous: bool


class Session:
    """Requests to one server, over connections that stay open.

    read_only: refuse whatever is not safe. secrets: a set that may grow later; what is in it is masked in every error.
    hint: what to tell the user about a status and path. warn: called at most once, when requests have to be repeated.
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
        """Send a request and hand back its answer, which is a 2xx.

        path: already encoded, see path_of. The body is JSON, or a form. safe: it has no effect on the server; as a rule that is GET alone.
        anonymous: without authorization. Raises ApiError and its kind, AnswerLost, ConnectionFailed, BadAnswer, WriteBlocked.
        """
        safe = method == "GET" if safe is None else safe
        if self.read_only and not safe:
            raise WriteBlocked(f"{method} {path} would write, in check mode. This is a bug of the collection, nothing was sent.", method=method, path=path)
        url = self._base_url + path + (f"?{urlencode(query)}" if query else "")
        body, content_type = None, ""
        if form is not None:
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif json is not None:
            body, content_type = json_text.dumps(json).encode(), "application/json"
        call = _Call(method, path, url, body, content_type, safe, repeatable=safe or method in ("GET", "PUT", "DELETE"), anonymous=anonymous)
        outcome, doubtful = self._insist(call)
        try:
            return self._settle(call, outcome)
        except ImmutaError as error:
            error.in_doubt = doubtful
            raise

    def mask(self, value: Any) -> Any:
        """A value as it may be shown."""
        return mask(value, frozenset(self.secrets))  # a copy: another thread may learn of a secret meanwhile

    def _insist(self, call: _Call) -> tuple[Answer | Silence, bool]:
        """The outcome after as many repeats as the call allows, and whether one of them may have had an effect that nobody has seen."""
        outcome = self._authorised(call)
        doubtful = _doubtful(call, outcome)
        for repeats in range(self._transport.retries):
            if not _worth_repeating(call, outcome):
                break
            self._tell(call, outcome)
            self._clock.sleep(self._pause(outcome, repeats))
            outcome = self._authorised(call)
            doubtful = doubtful or _doubtful(call, outcome)
        return outcome, doubtful

    def _authorised(self, call: _Call) -> Answer | Silence:
        """The outcome of sending it once, or twice when the authorization had to be renewed."""
        outcome = self._followed(call)
        if not call.anonymous and isinstance(outcome, Answer) and outcome.status == 401 and self._auth.renew(self):
            return self._followed(call)
        return outcome

    def _followed(self, call: _Call) -> Answer | Silence:
        """The outcome of sending it, after redirects within the same server."""
        url, hops = call.url, 0
        while True:
            outcome = self._send(call, url)
            if isinstance(outcome, Silence) or not 300 <= outcome.status < 400 or not outcome.headers.get("Location"):
                return outcome
            target = _target(url, outcome.headers["Location"])
            if call.method != "GET" or hops == _MOST_REDIRECTS or not _same_server(url, target):
                raise self._redirected(call, outcome, target, hops)
            url, hops = target, hops + 1

    def _send(self, call: _Call, url: str) -> Answer | Silence:
        """The outcome of sending it once."""
        headers = {} if call.anonymous else self._auth.header(self)
        if call.body is not None:
            headers = {**headers, "Content-Type": call.content_type}
        with attempt(self._transport.timeout) as going:
            return self._exchange(call, url, headers, going)

    def _exchange(self, call: _Call, url: str, headers: Mapping[str, str], going: Attempt) -> Answer | Silence:
        import requests

        response, proxies = None, {}
        try:
            proxies = requests.utils.get_environ_proxies(url) if self._transport.use_proxy else {}
            request = self._http.prepare_request(requests.Request(call.method, url, headers=headers, data=call.body))
            # The adapter, not the session: that would keep cookies and prepare redirects on its own.
            response = self._http.get_adapter(url).send(
                request, stream=True, timeout=going.left(), verify=self._verify, cert=self._certificate, proxies=proxies
            )
            content = unpack(_all_of(response), response.headers.get("Content-Encoding", ""))
            text = decode(content, response.headers)
        except Exception as error:  # whatever the libraries make of what a server or a proxy sends
            return self._diagnose(error, response, going, proxied=bool(proxies))
        return Answer(call.method, call.path, response.status_code, response.reason or "", response.headers, text, self.mask, self._host, call.safe)

    def _diagnose(self, error: Exception, response: requests.Response | None, going: Attempt, *, proxied: bool) -> Silence:
        silence = diagnose(error, going.reached, proxied=proxied)
        silence = replace(silence, text=self.mask(silence.text))
        if response is None:
            return silence
        response.close()
        return replace(silence, sent=True, status=response.status_code, content_type=content_type(response.headers))

    def _tell(self, call: _Call, outcome: Answer | Silence) -> None:
        if self._warn is not None:
            what = outcome.text if isinstance(outcome, Silence) else f"HTTP {outcome.status}"
            self._warn(f"{call.method} {call.path} on {self._host} has to be repeated, {what}. Further repeats are not mentioned.")
            self._warn = None

    def _pause(self, outcome: Answer | Silence, repeats: int) -> float:
        longest = self._transport.retry_max_delay
        wanted = None if isinstance(outcome, Silence) else _retry_after(outcome.headers, self._clock.now())
        if wanted is not None:
            return max(0.0, min(wanted, longest))
        return self._clock.jitter(min(FIRST_PAUSE * 2**repeats, longest))

    def _settle(self, call: _Call, outcome: Answer | Silence) -> Answer:
        """The answer, or the error that it is."""
        if isinstance(outcome, Silence):
            raise self._unanswered(call, outcome)
        if 200 <= outcome.status < 300:
            return outcome
        body = error_body(outcome)
        page = page_hint(self._host) if html_page(outcome.text, self.mask) else None
        if not call.repeatable and _doubtful(call, outcome):
            text = failure_text(call.method, call.path, outcome.status, body, reason=outcome.reason)
            raise AnswerLost(text, hint=_sentences(_LOST, page), method=call.method, path=call.path, status=outcome.status, api_error=body)
        hint = _HINTS.get(outcome.status) or _sentences(page, self._hint(outcome.status, call.path)) or _next_step(outcome.status)
        raise ApiError.of(call.method, call.path, outcome.status, body, reason=outcome.reason, hint=hint)

    def _unanswered(self, call: _Call, silence: Silence) -> ConnectionFailed | BadAnswer:
        text = f"{call.method} {call.path} failed: no whole answer from {self._host}: {silence.text}."
        if silence.sent and not call.repeatable:
            status = {} if silence.status is None else {"status": silence.status}
            return AnswerLost(text, hint=_sentences(_LOST, silence.hint), method=call.method, path=call.path, **status)
        if silence.status is not None:
            return BadAnswer(text, hint=silence.hint, status=silence.status, content_type=silence.content_type, method=call.method, path=call.path)
        return ConnectionFailed(text, hint=silence.hint, method=call.method, path=call.path)

    def _redirected(self, call: _Call, answer: Answer, target: str, hops: int) -> ApiError:
        """The credentials stay with the server they are for, and a write is not sent to an address nobody gave."""
        what = f"{self._host} redirected to {origin(target)}, which is not followed" + (f" after {hops} redirects" if hops else "")
        hint = "Check that the URL is the address of the API itself; set it to the other address if that is the server you mean."
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
    adapter = _adapter()(pool_maxsize=_MOST_CONNECTIONS, max_retries=0)
    for scheme in ("https://", "http://"):
        http.mount(scheme, adapter)
    return http


@cache
def _adapter() -> type[requests.adapters.HTTPAdapter]:
    """The adapter of requests with connections that keep to the deadline of an attempt, to servers and to proxies."""
    import requests

    class Adapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: Any, **settings: Any) -> None:
            super().init_poolmanager(*args, **settings)
            _bind(self.poolmanager)

        def proxy_manager_for(self, *args: Any, **settings: Any) -> Any:
            return _bind(super().proxy_manager_for(*args, **settings))

    return Adapter


def _bind(manager: Any) -> Any:
    manager.pool_classes_by_scheme = {scheme: bounded(pool) for scheme, pool in manager.pool_classes_by_scheme.items()}
    return manager


def _all_of(response: requests.Response) -> bytes:
    """The bytes of an answer as they travel; that they are too many or too slow is the connection's affair."""
    response.raw.enforce_content_length = True  # urllib3 before 2 takes a cut answer for a whole one
    pieces = []
    while piece := response.raw.read(_BLOCK, decode_content=False):
        pieces.append(piece)
    return b"".join(pieces)


def _next_step(status: int) -> str | None:
    """What to do when nobody knows better."""
    return _CLASHES if status == 409 else _LATER if status >= 500 else None


def _sentences(*texts: str | None) -> str | None:
    return " ".join(filter(None, texts)) or None


def _verify(transport: Transport) -> bool | str:
    """What TLS trusts: nothing is checked, the given authority, the environment's, or the library's own."""
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
            raise OptionError("client_key is of no use without client_cert.", option="client_cert")
        return None
    certificate = _existing(transport.client_cert, "client_cert", "client_cert")
    return (certificate, _existing(transport.client_key, "client_key", "client_key")) if transport.client_key else certificate


def _existing(path: str, option: str, named_by: str) -> str:
    if not os.path.exists(path):
        raise OptionError(f"{named_by} names {path}, which is not there.", option=option)
    return path


def _worth_repeating(call: _Call, outcome: Answer | Silence) -> bool:
    if isinstance(outcome, Silence):
        return not outcome.hopeless and (call.repeatable or not outcome.sent)
    return _busy(outcome) or (call.repeatable and outcome.status in (502, 503, 504))


def _busy(answer: Answer) -> bool:
    """Whether the server did nothing, and asks to come again."""
    return answer.status == 429 or (answer.status == 503 and "Retry-After" in answer.headers)


def _doubtful(call: _Call, outcome: Answer | Silence) -> bool:
    """Whether it may have had an effect that nobody has seen."""
    if call.safe:
        return False
    return outcome.sent if isinstance(outcome, Silence) else outcome.status >= 500 and not _busy(outcome)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the server asks for, as a number or as a date; None when it asks for nothing that can be read."""
    wanted = headers.get("Retry-After", "").strip()[:_LONGEST_DATE]
    if re.fullmatch(r"\d{1,9}(\.\d*)?", wanted):
        return float(wanted)
    try:
        return parsedate_to_datetime(wanted).timestamp() - now
    except (TypeError, ValueError, IndexError, OverflowError, OSError):
        return None


def _target(url: str, location: str) -> str:
    """Where a redirect leads; empty when that cannot be read."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def _same_server(url: str, target: str) -> bool:
    """The same scheme, host and port, or the move from http to https on the usual ports."""
    here, there = _server(url), _server(target)
    return here is not None and there is not None and (here == there or (here[0], here[2], there) == ("http", 80, ("https", here[1], 443)))
