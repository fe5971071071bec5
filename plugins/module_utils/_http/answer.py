# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server answered: from bytes to text, from text to a JSON value or to the few words that an error may show.

The bytes may be anything. All of this takes time in proportion to them, and ends in a result or in BadAnswer.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import html
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._core.errors import BadAnswer, Body, remove_control_characters, shorten
from .._core.names import count
from .line import LONGEST_ANSWER, AnswerTooLong

# Of a longer error body a short text is kept, not its JSON. Characters.
_LONGEST_ERROR = 256 * 1024
# So much of a text is read for the few words of an error; it ends in what may be the beginning of a secret, and so much of it is not shown.
_READ, _MARGIN = 64 * 1024, 16 * 1024
_LONGEST_TITLE = 100
# How deep lists and objects may stand in each other, and how long a number may be.
_DEEPEST = 100
_LONGEST_NUMBER = 64
# The frame around packed bytes, in zlib's numbers (wbits).
_GZIP, _FRAMED, _BARE = 31, 15, -15
# Compressed pieces one behind the other.
_MOST_PIECES = 100
# Names of encodings; anything else is read as UTF-8, as text encodings of Python's own would change the text.
_ENCODINGS = {
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-32": "utf-32",
}
_ODD = "Run this again. If the answer stays so, check that the URL is the address of the API itself, and what stands between."
_PAGE = re.compile(r"\s*<(!doctype\s+html|html|head|body|title|!--|\?xml)", re.IGNORECASE)


class CannotUnpack(OSError):
    """The bytes are not packed as the answer says."""


class OddJson(ValueError):
    """It is JSON, but not to be relied on: str() says why."""


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
    host: str = ""
    #: what was asked for has no effect on the server
    safe: bool = True

    @property
    def content_type(self) -> str:
        return content_type(self.headers)

    def json(self) -> Any:
        """The JSON value, whatever the content type says. Raises BadAnswer."""
        try:
            return loads(self.text)
        except OddJson as odd:
            raise self.bad(f"its JSON cannot be used: {odd}") from None
        except ValueError:
            raise self.bad("not valid JSON") from None

    def bad(self, what: str) -> BadAnswer:
        """The error that this answer is not what it should be. Never quotes the answer, but for the title of an HTML page."""
        page = html_page(self.text, self.mask)
        seen = page or f"{shorten(self.content_type, 60) or 'no content type'}, {count(len(self.text), 'character')}"
        error = BadAnswer(
            f"{self.method} {self.path} was answered with HTTP {self.status} but {what} ({seen}).",
            hint=page_hint(self.host) if page else _ODD,
            status=self.status,
            content_type=self.content_type,
            method=self.method,
            path=self.path,
        )
        error.in_doubt = not self.safe
        return error


# --- from bytes to text


def unpack(packed: bytes, encoding: str) -> bytes:
    """The bytes as they were before the server packed them (Content-Encoding). Raises CannotUnpack, AnswerTooLong."""
    kind = encoding.strip().lower()
    if not packed or kind in ("", "identity"):
        return packed
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise CannotUnpack("it is packed in a way that was not asked for")
    window = _window(kind, packed)
    whole = bytearray()
    for _unused in range(_MOST_PIECES):
        piece = zlib.decompressobj(window)
        try:
            whole += piece.decompress(packed, LONGEST_ANSWER + 1 - len(whole))
        except zlib.error:
            raise CannotUnpack("it is not packed as it says") from None
        if len(whole) > LONGEST_ANSWER:
            raise AnswerTooLong("the unpacked answer is too long")
        if not piece.eof:
            raise CannotUnpack("its end is missing")
        packed = piece.unused_data
        if window != _GZIP or packed[:2] != b"\x1f\x8b":
            return bytes(whole)
    raise CannotUnpack("it is packed in too many pieces")


def _window(kind: str, packed: bytes) -> int:
    """What zlib takes for the frame around the bytes. Some servers leave out the one that deflate has in HTTP."""
    if kind != "deflate":
        return _GZIP
    framed = packed[0] & 15 == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
    return _FRAMED if framed else _BARE


def decode(content: bytes, headers: Mapping[str, str]) -> str:
    """The text, without a byte order mark. UTF-8 unless the server names another encoding: requests would guess Latin-1."""
    named = re.search(r"charset=[\"']?([\w-]+)", headers.get("Content-Type", ""), re.IGNORECASE)
    encoding = _ENCODINGS.get(named.group(1).lower(), "utf-8") if named else "utf-8"
    return content.decode(encoding, errors="replace").lstrip("\ufeff")


def content_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").split(";")[0].strip().lower()


# --- from text to a value


def loads(text: str) -> Any:
    """The JSON value of a text. Raises OddJson for JSON that readers disagree about or that would break what comes next, ValueError for no JSON."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise OddJson("it is nested too deep") from None
    if text.count("[") + text.count("{") > _DEEPEST and _too_deep(value):
        raise OddJson("it is nested too deep")
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise OddJson("it holds half a character") from None
    return value


def _too_deep(value: Any) -> bool:
    level = [value]
    for _unused in range(_DEEPEST + 1):
        containers = [each for each in level if isinstance(each, (dict, list))]
        if not containers:
            return False
        level = [child for each in containers for child in (each.values() if isinstance(each, dict) else each)]
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OddJson("an object in it has a name twice")
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise OddJson("it holds a number that is too long")
    return int(text)


def _float(text: str) -> float:
    found = float(text) if len(text) <= _LONGEST_NUMBER else float("inf")
    if found in (float("inf"), float("-inf")):
        raise OddJson("it holds a number that is too long")
    return found


def _constant(text: str) -> Any:
    raise OddJson(f"{text} is no number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_float, parse_constant=_constant)


# --- from text to the words of an error


def error_body(answer: Answer) -> Body:
    """The JSON of an error, or a short text: of an HTML page its title. Masked before it is cut, or half a secret might stay."""
    try:
        value = loads(answer.text) if len(answer.text) <= _LONGEST_ERROR else None
    except ValueError:
        value = None
    if isinstance(value, (dict, list)):
        masked: Body = answer.mask(value)
        return masked
    if isinstance(value, str):
        return extract(value, answer.mask)
    return html_page(answer.text, answer.mask) or extract(answer.text, answer.mask)


def extract(text: str, mask: Callable[[Any], Any], longest: int = 400) -> str:
    """One short line of a text that may hold secrets."""
    whole = len(text) <= _READ
    masked = mask(text[:_READ])
    cleaned = mask(remove_control_characters(masked if whole else masked[: max(0, len(masked) - _MARGIN)]))
    line = shorten(cleaned, longest)
    return line if whole or line.endswith("...") else f"{line[: longest - 3]}..."


def html_page(text: str, mask: Callable[[Any], Any]) -> str:
    """An HTML page in a few words, its title among them; empty for anything else."""
    if not _PAGE.match(text):
        return ""
    title = _title(text[:LONGEST_ANSWER])
    # Python refuses numbers of more than 4300 digits, in an entity too.
    words = extract(html.unescape(remove_control_characters(extract(title, mask, 4000))), mask, _LONGEST_TITLE)
    return f'an HTML page titled "{words}"' if words else "an HTML page"


def _title(text: str) -> str:
    """What stands between the tags of the first title. A regular expression would look for the end behind each of many beginnings."""
    opening = re.search(r"<title\b", text, re.IGNORECASE)
    start = text.find(">", opening.end()) if opening else -1
    closing = re.compile(r"</title", re.IGNORECASE).search(text, start) if start >= 0 else None
    return text[start + 1 : closing.start()] if closing else ""


def page_hint(host: str) -> str:
    """What to do about a page that came where an API should answer."""
    where = f"the URL ({host})" if host else "the URL"
    return (
        f"That page did not come from the API: check that {where} is the address of the API itself and not of a login page, "
        "and that no proxy or load balancer answers for it, then run this again."
    )
