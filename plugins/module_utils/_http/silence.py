# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a request got no whole answer: from the exception to words, and to whether trying again makes sense.

Exceptions are told apart by name, as the libraries below wrap them differently from version to version.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .._core.errors import shorten
from .line import CONNECTING, NOWHERE, ON_ITS_WAY


@dataclass(frozen=True)
class Silence:
    """No whole answer. sent: the request may have arrived, or nothing proves that it did not. hopeless: trying again gives the same."""

    text: str
    hint: str
    sent: bool = True
    hopeless: bool = False
    status: int | None = None
    content_type: str = ""


_WAY = "Check host and port of the URL, and whether a proxy or a firewall stands between."
_BETWEEN = "Check the server and what stands between."
_NO_TUNNEL = Silence("the proxy gave no connection", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY where the task runs, or set use_proxy to false.")
_Rows = tuple[tuple[tuple[str, ...], Silence], ...]

# Why there was no answer, by the name of an exception in the chain; the first row that matches counts.
# These keep a request from leaving: once it is on its way they do not count.
_BEFORE: _Rows = (
    (
        ("SSLCertVerificationError", "CertificateError"),
        Silence(
            "the server's TLS certificate is not trusted",
            "Name the file of its certificate authority in ca_path, and check that the URL holds the name the certificate is for.",
            sent=False,
            hopeless=True,
        ),
    ),
    (("ProxyError",), _NO_TUNNEL),
    (
        ("gaierror", "NameResolutionError"),
        Silence("the host name was not resolved", "Check its spelling in the URL and the name service of the machine where the task runs.", sent=False),
    ),
    (("NewConnectionError", "ConnectionRefusedError"), Silence("the connection was refused", _WAY, sent=False)),
    (("ConnectTimeout", "ConnectTimeoutError"), Silence("no connection came about in time", _WAY, sent=False)),
    (
        ("InvalidURL", "InvalidSchema", "MissingSchema", "InvalidProxyURL", "LocationValueError", "InvalidHeader"),
        Silence("the request could not be sent", "Check the URL and the proxy variables of the environment.", sent=False, hopeless=True),
    ),
)
_AT_ANY_TIME: _Rows = (
    (("AnswerTooLong",), Silence("the answer is too long", "Check that the URL is the address of the API itself.", hopeless=True)),
    (("CannotUnpack",), Silence("the answer cannot be unpacked", _BETWEEN)),
    (("SSLEOFError", "SSLZeroReturnError"), Silence("the TLS connection was closed", "Check what stands between this machine and the server.")),
    (
        ("SSLError",),
        Silence(
            "TLS failed",
            "Check that the port speaks TLS, the files of ca_path, client_cert and client_key, and whether the server wants a client certificate.",
            hopeless=True,
        ),
    ),
    (("ReadTimeout", "ReadTimeoutError", "TimeoutError", "timeout"), Silence("the whole answer did not come in time", "Raise timeout if it needs longer.")),
    (("ConnectionError", "ProtocolError", "HTTPException"), Silence("the connection broke before the whole answer was there", _BETWEEN)),
)
_UNKNOWN = Silence("there was no answer that can be read", _BETWEEN, hopeless=True)
_EXPIRED = "Have the server's certificate renewed, and check the clock of the machine where the task runs."
_LONGEST_WORDS = 200
_CERT_HAS_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED


def diagnose(error: BaseException, reached: int = NOWHERE, *, proxied: bool = False) -> Silence:
    """What went wrong, with the operating system's or the TLS library's own words. reached: how far the request came."""
    chain = list(_chain(error))
    found = _first_row(chain, reached)
    if proxied and reached == CONNECTING and found.sent and not found.hopeless:
        found = _NO_TUNNEL
    if any(getattr(link, "verify_code", None) == _CERT_HAS_EXPIRED for link in chain):
        found = replace(found, hint=_EXPIRED)
    unknown_host = any(isinstance(link, socket.gaierror) and link.errno == socket.EAI_NONAME for link in chain)
    words = type(error).__name__ if found is _UNKNOWN else next(filter(None, map(_system_words, reversed(chain))), "")
    return replace(
        found,
        text=f"{found.text}: {words}" if words else found.text,
        hopeless=found.hopeless or unknown_host,
        # While the connection is being opened nothing of the request can have left.
        sent=reached == ON_ITS_WAY or (found.sent and reached != CONNECTING),
    )


def _first_row(chain: list[BaseException], reached: int) -> Silence:
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    rows = _AT_ANY_TIME if reached == ON_ITS_WAY else (*_BEFORE, *_AT_ANY_TIME)
    return next((silence for kinds, silence in rows if names.intersection(kinds)), _UNKNOWN)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that it wraps, outermost first."""
    waiting, seen = [error], set()
    while waiting:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        wrapped = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        waiting += [inner for inner in wrapped if isinstance(inner, BaseException)]


def _system_words(error: BaseException) -> str:
    """What the operating system or the TLS library said; nothing for the wrappers around, whose text holds the URL."""
    wrapper = type(error).__module__.split(".")[0] in ("requests", "urllib3")
    if type(error).__name__ != "CertificateError" and (wrapper or not isinstance(error, OSError)):
        return ""
    words = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or (error.args[0] if error.args else "")
    return shorten(words, _LONGEST_WORDS).rstrip(".") if isinstance(words, str) else ""
