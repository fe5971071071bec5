# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the exception of a failed request into a message, a hint, and the decision whether a retry makes sense.

Exceptions are recognized by name, because requests and urllib3 wrap them differently from version to version.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .._core.errors import shorten
from .deadline import CONNECTING, NOT_CONNECTED, SENDING


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no complete answer. sent: whether the server may have received the request. permanent: whether a retry would fail in the same way."""

    text: str
    hint: str
    sent: bool = True
    permanent: bool = False
    status: int | None = None
    content_type: str = ""


_NETWORK_HINT = "Check host and port of the URL, and whether a proxy or firewall is in the way."
_INTERMEDIARY_HINT = "Check the server, and any proxy or load balancer in between."
_NO_TUNNEL = NoAnswer(
    "the proxy did not open a connection", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY on the host that runs the task, or set use_proxy to false."
)
_Causes = tuple[tuple[tuple[str, ...], NoAnswer], ...]

# The cause by the names of exceptions in the chain. The first matching row counts.
# These errors occur before the request is sent, so they are ignored once it was sent.
_BEFORE_SENDING: _Causes = (
    (
        ("SSLCertVerificationError", "CertificateError"),
        NoAnswer(
            "the server's TLS certificate is not trusted",
            "Name the file of its certificate authority in ca_path, and check that the certificate is valid for the host name in the URL.",
            sent=False,
            permanent=True,
        ),
    ),
    (("ProxyError",), _NO_TUNNEL),
    (
        ("gaierror", "NameResolutionError"),
        NoAnswer("the host name was not resolved", "Check its spelling in the URL, and the DNS configuration of the host that runs the task.", sent=False),
    ),
    (("NewConnectionError", "ConnectionRefusedError"), NoAnswer("the connection was refused", _NETWORK_HINT, sent=False)),
    (("ConnectTimeout", "ConnectTimeoutError"), NoAnswer("the connection timed out", _NETWORK_HINT, sent=False)),
    (
        ("InvalidURL", "InvalidSchema", "MissingSchema", "InvalidProxyURL", "LocationValueError", "InvalidHeader"),
        NoAnswer("the request could not be sent", "Check the URL and the proxy variables of the environment.", sent=False, permanent=True),
    ),
)
_AT_ANY_TIME: _Causes = (
    (("AnswerTooLong",), NoAnswer("the answer is too long", "Check that the URL is the address of the API itself.", permanent=True)),
    (("CannotDecompress",), NoAnswer("the answer cannot be decompressed", _INTERMEDIARY_HINT)),
    (("SSLEOFError", "SSLZeroReturnError"), NoAnswer("the TLS connection was closed", "Check whether a proxy or firewall closes connections to the server.")),
    (
        ("SSLError",),
        NoAnswer(
            "TLS failed",
            "Check that the port speaks TLS, check the files in ca_path, client_cert and client_key, and whether the server requires a client certificate.",
            permanent=True,
        ),
    ),
    (
        ("ReadTimeout", "ReadTimeoutError", "TimeoutError", "timeout"),
        NoAnswer("the complete answer did not arrive in time", "Raise timeout if the server needs longer."),
    ),
    (("ConnectionError", "ProtocolError", "HTTPException"), NoAnswer("the connection broke before the answer was complete", _INTERMEDIARY_HINT)),
)
_UNKNOWN_CAUSE = NoAnswer("there was no readable answer", _INTERMEDIARY_HINT, permanent=True)
_EXPIRED_HINT = "Have the server's certificate renewed, and check the clock of the host that runs the task."
_MAX_SYSTEM_MESSAGE = 200
_CERT_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


def diagnose(error: BaseException, reached: int = NOT_CONNECTED, *, proxied: bool = False) -> NoAnswer:
    """Return the cause of the exception, with the message of the operating system or the TLS library. reached: the progress of the request."""
    chain = list(_chain(error))
    cause = _cause_of(chain, reached)
    if proxied and reached == CONNECTING and cause.sent and not cause.permanent:
        cause = _NO_TUNNEL
    if any(getattr(link, "verify_code", None) == _CERT_HAS_EXPIRED for link in chain):
        cause = replace(cause, hint=_EXPIRED_HINT)
    unknown_host = any(isinstance(link, socket.gaierror) and link.errno == socket.EAI_NONAME for link in chain)
    words = type(error).__name__ if cause is _UNKNOWN_CAUSE else next(filter(None, map(_system_message, reversed(chain))), "")
    return replace(
        cause,
        text=f"{cause.text}: {words}" if words else cause.text,
        permanent=cause.permanent or unknown_host,
        # Nothing of the request is sent before the connection is open.
        sent=reached == SENDING or (cause.sent and reached != CONNECTING),
    )


def _cause_of(chain: list[BaseException], reached: int) -> NoAnswer:
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    rows = _AT_ANY_TIME if reached == SENDING else (*_BEFORE_SENDING, *_AT_ANY_TIME)
    return next((no_answer for kinds, no_answer in rows if names.intersection(kinds)), _UNKNOWN_CAUSE)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return the exception and all exceptions that it wraps, outermost first."""
    waiting, seen = [error], set()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        wrapped = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        waiting += [inner for inner in wrapped if isinstance(inner, BaseException)]


def _system_message(error: BaseException) -> str:
    """Return the message of the operating system or the TLS library; empty for wrappers of these errors, whose text holds the URL."""
    wrapper = type(error).__module__.split(".")[0] in ("requests", "urllib3")
    if type(error).__name__ != "CertificateError" and (wrapper or not isinstance(error, OSError)):
        return ""
    words = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or (error.args[0] if error.args else "")
    return shorten(words, _MAX_SYSTEM_MESSAGE).rstrip(".") if isinstance(words, str) else ""
