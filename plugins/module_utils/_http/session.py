# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that knows no Immuta: base URL, authorization, TLS, proxy, timeout, repeating. The only file that imports requests.

Everything the environment may decide (proxies, certificate authorities) is asked for here by name and handed to requests
explicitly. Left to itself requests would let C(~/.netrc) replace the Authorization header and REQUESTS_CA_BUNDLE undo
C(validate_certs=false).

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import html
import json as json_text
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode, urljoin, urlsplit

from .._core.errors import AnswerLost, ApiError, BadAnswer, Body, ConnectionFailed, MissingLibrary, OptionError, WriteBlocked, failure_text, shorten
from .._core.secrets import mask
from .._core.waiting import Clock
from .silence import Silence, diagnose

if TYPE_CHECKING:
    import requests

FIRST_PAUSE = 0.5
_PORTS = {"https": 443, "http": 80}
_MOST_REDIRECTS = 5
_MOST_CONNECTIONS = 32
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
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
    """Where a session goes and how. Times in seconds; timeout is for the connection and for each silence of the server."""

    base_url: str
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    use_proxy: bool = True
    timeout: float = 60.0
    retries: int = 5
    retry_max_delay: float = 30.0


@dataclass(frozen=True)
class Answer:
    """What a server answered. Its text never shows in a repr: it may be a script with a password in it."""

    method: str
    path: str
    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    mask: Callable[[Any], Any] = field(repr=False)

    @property
    def content_type(self) -> str:
        return _content_type(self.headers)

    def json(self) -> Any:
        """The JSON value, whatever the content type says. Raises BadAnswer."""
        try:
            return json_text.loads(self.text)
        except (ValueError, RecursionError):
            raise self.bad("not valid JSON") from None

    def bad(self, what: str) -> BadAnswer:
        """The error that this answer is not what it should be. Never quotes the answer, but for the title of an HTML page."""
        page = html_page(self.text, self.mask)
        seen = page or f"{self.content_type or 'no content type'}, {len(self.text)} characters"
        return BadAnswer(
            f"{self.method} {self.path} was answered with HTTP {self.status} but {what} ({seen}).",
            hint="Check that the URL is the address of the API itself and not of a login page or a proxy in front of it." if page else None,
            status=self.status,
            content_type=self.content_type,
            method=self.method,
            path=self.path,
        )


def path_of(*segments: object) -> str:
    """A path of which every segment is encoded. Raises OptionError for a segment that would name another path."""
    for segment in segments:
        if str(segment) in ("", ".", ".."):
            raise OptionError(f"{str(segment)!r} cannot be part of a path.")
    return "".join("/" + quote(str(segment), safe="") for segment in segments)


def html_page(text: str, mask: Callable[[Any], Any]) -> str:
    """An HTML page in a few words, its title among them; empty for anything else."""
    if not re.match(r"\s*<(!doctype\s+html|html|head|body|\?xml)", text, re.IGNORECASE):
        return ""
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    words = shorten(mask(html.unescape(mask(title.group(1)))), 100) if title else ""
    return f'an HTML page titled "{words}"' if words else "an HTML page"


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
    if set("@?#") & set(url):
        raise OptionError(f"url must hold no user, password, query or fragment, only {origin(url)} and a path.", option="url")
    return url.rstrip("/")


@dataclass(frozen=True)
class _Call:
    """One request as the caller means it, however often it is sent."""

    method: str
    path: str
    url: str
    body: bytes | None = field(repr=False)
    content_type: str
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
        call = _Call(method, path, url, body, content_type, repeatable=safe or method in ("GET", "PUT", "DELETE"), anonymous=anonymous)
        return self._settle(call, self._insist(call))

    def mask(self, value: Any) -> Any:
        """A value as it may be shown."""
        return mask(value, self.secrets)

    def _insist(self, call: _Call) -> Answer | Silence:
        """The outcome after as many repeats as the call allows."""
        outcome = self._authorised(call)
        for repeats in range(self._transport.retries):
            if not _worth_repeating(call, outcome):
                break
            self._tell(call, outcome)
            self._clock.sleep(self._pause(outcome, repeats))
            outcome = self._authorised(call)
        return outcome

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
        import requests
        import urllib3

        headers = {} if call.anonymous else self._auth.header(self)
        if call.body is not None:
            headers = {**headers, "Content-Type": call.content_type}
        response = None
        try:
            request = self._http.prepare_request(requests.Request(call.method, url, headers=headers, data=call.body))
            proxies = requests.utils.get_environ_proxies(url) if self._transport.use_proxy else {}
            # The adapter, not the session: that would keep cookies and prepare redirects on its own.
            response = self._http.get_adapter(url).send(
                request, stream=True, timeout=self._transport.timeout, verify=self._verify, cert=self._certificate, proxies=proxies
            )
            response.raw.enforce_content_length = True  # urllib3 before 2 takes a cut answer for a whole one
            content = response.content
        except (OSError, ValueError, HTTPException, urllib3.exceptions.HTTPError) as error:
            return self._diagnose(error, response)
        text = _decode(content, response.headers)
        return Answer(call.method, call.path, response.status_code, response.reason or "", response.headers, text, self.mask)

    def _diagnose(self, error: BaseException, response: requests.Response | None) -> Silence:
        silence = diagnose(error)
        silence = replace(silence, text=self.mask(silence.text))
        if response is None:
            return silence
        return replace(silence, sent=True, status=response.status_code, content_type=_content_type(response.headers))

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
        body = _error_body(outcome)
        if outcome.status >= 500 and not call.repeatable:
            text = failure_text(call.method, call.path, outcome.status, body, reason=outcome.reason)
            raise AnswerLost(text, hint=_LOST, method=call.method, path=call.path, status=outcome.status, api_error=body)
        hint = self._hint(outcome.status, call.path) or _HINTS.get(outcome.status)
        raise ApiError.of(call.method, call.path, outcome.status, body, reason=outcome.reason, hint=hint)

    def _unanswered(self, call: _Call, silence: Silence) -> ConnectionFailed | BadAnswer:
        text = f"{call.method} {call.path} failed: no whole answer from {self._host}: {silence.text}."
        if silence.sent and not call.repeatable:
            status = {} if silence.status is None else {"status": silence.status}
            return AnswerLost(text, hint=_LOST, method=call.method, path=call.path, **status)
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
    http.headers.update({"User-Agent": user_agent, "Accept": _ACCEPT})
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=_MOST_CONNECTIONS, max_retries=0)
    for scheme in ("https://", "http://"):
        http.mount(scheme, adapter)
    return http


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
    if outcome.status == 429 or (outcome.status == 503 and "Retry-After" in outcome.headers):
        return True
    return call.repeatable and outcome.status in (502, 503, 504)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the server asks for, as a number or as a date; None when it asks for nothing that can be read."""
    wanted = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", wanted):
        return float(wanted)
    try:
        return parsedate_to_datetime(wanted).timestamp() - now
    except (TypeError, ValueError, OverflowError):
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


def _error_body(answer: Answer) -> Body:
    """The JSON object of an error, or a short text: of an HTML page its title. Masked before it is cut, or half a secret might stay."""
    try:
        value = json_text.loads(answer.text)
    except (ValueError, RecursionError):
        return html_page(answer.text, answer.mask) or shorten(answer.mask(answer.text))
    masked: Body = answer.mask(value if isinstance(value, (dict, list)) else str(value))
    return masked


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").split(";")[0].strip().lower()


def _decode(content: bytes, headers: Mapping[str, str]) -> str:
    """The text, without a byte order mark. UTF-8 unless the server names another encoding: requests would guess Latin-1."""
    named = re.search(r"charset=[\"']?([\w-]+)", headers.get("Content-Type", ""), re.IGNORECASE)
    encoding = named.group(1).lower() if named else "utf-8"
    try:
        text = content.decode(encoding, errors="replace")
    except LookupError:
        text = content.decode("utf-8", errors="replace")
    return text.lstrip("\ufeff")
