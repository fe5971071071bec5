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


@dataclass(frozen=True)
class Silence:
    """No whole answer. sent: the request may have arrived. hopeless: trying again gives the same."""

    text: str
    hint: str
    sent: bool
    hopeless: bool = False
    status: int | None = None
    content_type: str = ""


# Why there was no answer, by the name of an exception in the chain; the first row that matches counts.
_SILENCES: tuple[tuple[tuple[str, ...], Silence], ...] = (
    (
        ("SSLCertVerificationError", "CertificateError"),
        Silence(
            "the server's TLS certificate is not trusted",
            "Name the file of its certificate authority in ca_path, and check that the URL holds the name the certificate is for.",
            sent=False,
            hopeless=True,
        ),
    ),
    (
        ("ProxyError",),
        Silence("the proxy gave no connection", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY where the task runs, or set use_proxy to false.", sent=False),
    ),
    (("SSLEOFError", "SSLZeroReturnError"), Silence("the TLS connection was closed", "Check what stands between this machine and the server.", sent=True)),
    (
        ("SSLError",),
        Silence(
            "TLS failed",
            "Check that the port speaks TLS, the files of ca_path, client_cert and client_key, and whether the server wants a client certificate.",
            sent=True,
            hopeless=True,
        ),
    ),
    (
        ("gaierror", "NameResolutionError"),
        Silence("the host name was not resolved", "Check its spelling in the URL and the name service of the machine where the task runs.", sent=False),
    ),
    (
        ("NewConnectionError", "ConnectionRefusedError"),
        Silence("the connection was refused", "Check host and port of the URL, and whether a proxy or a firewall stands between.", sent=False),
    ),
    (
        ("ConnectTimeout", "ConnectTimeoutError"),
        Silence("no connection came about in time", "Check host and port of the URL, and whether a proxy or a firewall stands between.", sent=False),
    ),
    (("ReadTimeout", "ReadTimeoutError"), Silence("the server was silent for too long", "Raise timeout if it needs longer.", sent=True)),
    (
        ("ConnectionError", "ProtocolError", "HTTPException", "DecodeError", "ContentDecodingError"),
        Silence("the connection broke before the whole answer was there", "Check the server and what stands between.", sent=True),
    ),
)
_UNSENDABLE = Silence("the request could not be sent", "Check the URL and the proxy variables of the environment.", sent=False, hopeless=True)


def diagnose(error: BaseException) -> Silence:
    """What went wrong, with the operating system's or the TLS library's own words."""
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    found = next((silence for kinds, silence in _SILENCES if names.intersection(kinds)), _UNSENDABLE)
    unknown_host = any(isinstance(link, socket.gaierror) and link.errno == socket.EAI_NONAME for link in chain)
    words = next(filter(None, map(_system_words, reversed(chain))), "")
    return replace(found, text=f"{found.text}: {words}" if words else found.text, hopeless=found.hopeless or unknown_host)


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
    return " ".join(words.split()).rstrip(".") if isinstance(words, str) else ""
