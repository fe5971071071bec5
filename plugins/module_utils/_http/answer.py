# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer of a server: decompressed and decoded to text, parsed as JSON, or shortened for an error message.

The bytes may be anything. Each function takes time in proportion to their number, and returns a result or raises BadAnswer.

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
from .deadline import MAX_ANSWER_SIZE, AnswerTooLong

# A longer error body is reported as an excerpt, not as JSON. Characters.
_MAX_ERROR_BODY = 256 * 1024
# An excerpt is made from this many characters of a text. Its end may cut a secret in two, so the last characters are not shown.
_MAX_READ, _CUT_MARGIN = 64 * 1024, 16 * 1024
_MAX_TITLE = 100
# Limits of a JSON document: levels of nesting, and digits of a number.
_MAX_DEPTH = 100
_MAX_NUMBER = 64
# The container formats, as the wbits parameter of zlib.
_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
# Consecutive gzip members in one answer.
_MAX_MEMBERS = 100
# Encodings that a server may name. Any other is read as UTF-8: some of Python's own codecs would transform the text.
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
_UNUSABLE_HINT = "Run the task again. If the answer is the same, check that the URL is the address of the API itself, and check any proxy in between."
_PAGE = re.compile(r"\s*<(!doctype\s+html|html|head|body|title|!--|\?xml)", re.IGNORECASE)


class CannotDecompress(OSError):
    """The body is not compressed in the way that its Content-Encoding names."""


class UnusableJson(ValueError):
    """The text is JSON but ambiguous or out of bounds. str() says why."""


@dataclass(frozen=True)
class Answer:
    """The answer of a server. Its text is not part of the repr, because it may be a script that holds a password."""

    method: str
    path: str
    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    mask: Callable[[Any], Any] = field(repr=False)
    host: str = ""
    #: whether the request had no effect on the server
    safe: bool = True

    @property
    def content_type(self) -> str:
        return content_type(self.headers)

    def json(self) -> Any:
        """Return the JSON value, regardless of the content type. Raise BadAnswer if the text is not usable JSON."""
        try:
            return parse_json(self.text)
        except UnusableJson as odd:
            raise self.bad(f"its JSON cannot be used: {odd}") from None
        except ValueError:
            raise self.bad("not valid JSON") from None

    def bad(self, what: str) -> BadAnswer:
        """Return the error that this answer cannot be used. It quotes nothing of the answer but the title of an HTML page."""
        page = html_page(self.text, self.mask)
        description = page or f"{shorten(self.content_type, 60) or 'no content type'}, {count(len(self.text), 'character')}"
        error = BadAnswer(
            f"{self.method} {self.path} was answered with HTTP {self.status} but {what} ({description}).",
            hint=page_hint(self.host) if page else _UNUSABLE_HINT,
            status=self.status,
            content_type=self.content_type,
            method=self.method,
            path=self.path,
        )
        error.in_doubt = not self.safe
        return error


# --- from bytes to text


def decompress(compressed: bytes, encoding: str) -> bytes:
    """Return the body without its Content-Encoding. Raise CannotDecompress or AnswerTooLong."""
    kind = encoding.strip().lower()
    if not compressed or kind in ("", "identity"):
        return compressed
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise CannotDecompress("the server used an encoding that was not requested")
    window = _wbits(kind, compressed)
    whole = bytearray()
    for _unused in range(_MAX_MEMBERS):
        piece = zlib.decompressobj(window)
        try:
            whole += piece.decompress(compressed, MAX_ANSWER_SIZE + 1 - len(whole))
        except zlib.error:
            raise CannotDecompress("it is not in the encoding that the server names") from None
        if len(whole) > MAX_ANSWER_SIZE:
            raise AnswerTooLong("the decompressed answer is too long")
        if not piece.eof:
            raise CannotDecompress("its end is missing")
        compressed = piece.unused_data
        if window != _GZIP or compressed[:2] != b"\x1f\x8b":
            return bytes(whole)
    raise CannotDecompress("it has too many gzip members")


def _wbits(kind: str, compressed: bytes) -> int:
    """Return the wbits for zlib. Some servers send raw deflate, without the zlib header that HTTP requires."""
    if kind != "deflate":
        return _GZIP
    framed = compressed[0] & 15 == 8 and int.from_bytes(compressed[:2], "big") % 31 == 0
    return _ZLIB if framed else _RAW_DEFLATE


def decode(content: bytes, headers: Mapping[str, str]) -> str:
    """Return the text without a byte order mark. It is UTF-8 unless the server names another encoding; requests would guess Latin-1."""
    named = re.search(r"charset=[\"']?([\w-]+)", headers.get("Content-Type", ""), re.IGNORECASE)
    encoding = _ENCODINGS.get(named.group(1).lower(), "utf-8") if named else "utf-8"
    return content.decode(encoding, errors="replace").lstrip("\ufeff")


def content_type(headers: Mapping[str, str]) -> str:
    return headers.get("Content-Type", "").split(";")[0].strip().lower()


# --- from text to a value


def parse_json(text: str) -> Any:
    """Return the JSON value of a text. Raise UnusableJson for JSON that is ambiguous or out of bounds, ValueError for a text that is not JSON."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise UnusableJson("it is nested too deep") from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _too_deep(value):
        raise UnusableJson("it is nested too deep")
    if re.search(r"\\u[dD][89a-fA-F]", text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UnusableJson("it holds half a character") from None
    return value


def _too_deep(value: Any) -> bool:
    level = [value]
    for _unused in range(_MAX_DEPTH + 1):
        containers = [each for each in level if isinstance(each, (dict, list))]
        if not containers:
            return False
        level = [child for each in containers for child in (each.values() if isinstance(each, dict) else each)]
    return True


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnusableJson("an object in it has the same name twice")
    return found


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER:
        raise UnusableJson("it holds a number that is too long")
    return int(text)


def _float(text: str) -> float:
    found = float(text) if len(text) <= _MAX_NUMBER else float("inf")
    if found in (float("inf"), float("-inf")):
        raise UnusableJson("it holds a number that is too long")
    return found


def _constant(text: str) -> Any:
    raise UnusableJson(f"{text} is not a number")


_DECODER = json.JSONDecoder(object_pairs_hook=_object_without_duplicates, parse_int=_integer, parse_float=_float, parse_constant=_constant)


# --- from text to the words of an error


def error_body(answer: Answer) -> Body:
    """Return the masked body of an error: its JSON, the title of an HTML page, or an excerpt. Masking comes before cutting, so no part of a secret remains."""
    try:
        value = parse_json(answer.text) if len(answer.text) <= _MAX_ERROR_BODY else None
    except ValueError:
        value = None
    if isinstance(value, (dict, list)):
        masked: Body = answer.mask(value)
        return masked
    if isinstance(value, str):
        return excerpt(value, answer.mask)
    return html_page(answer.text, answer.mask) or excerpt(answer.text, answer.mask)


def excerpt(text: str, mask: Callable[[Any], Any], max_length: int = 400) -> str:
    """Return one short line of a text, with secrets masked."""
    whole = len(text) <= _MAX_READ
    masked = mask(text[:_MAX_READ])
    cleaned = mask(remove_control_characters(masked if whole else masked[: max(0, len(masked) - _CUT_MARGIN)]))
    line = shorten(cleaned, max_length)
    return line if whole or line.endswith("...") else f"{line[: max_length - 3]}..."


def html_page(text: str, mask: Callable[[Any], Any]) -> str:
    """Return a description of an HTML page with its title; empty if the text is not HTML."""
    if not _PAGE.match(text):
        return ""
    title = _title(text[:MAX_ANSWER_SIZE])
    # Cut first: Python refuses numbers of more than 4300 digits, also in an HTML entity.
    words = excerpt(html.unescape(remove_control_characters(excerpt(title, mask, 4000))), mask, _MAX_TITLE)
    return f'an HTML page titled "{words}"' if words else "an HTML page"


def _title(text: str) -> str:
    """Return the text of the first title element. A single regular expression would take quadratic time for many opening tags."""
    opening = re.search(r"<title\b", text, re.IGNORECASE)
    start = text.find(">", opening.end()) if opening else -1
    closing = re.compile(r"</title", re.IGNORECASE).search(text, start) if start >= 0 else None
    return text[start + 1 : closing.start()] if closing else ""


def page_hint(host: str) -> str:
    """Return the hint for an HTML page where the API should have answered."""
    where = f"the URL ({host})" if host else "the URL"
    return (
        f"That page did not come from the API. Check that {where} is the address of the API itself and not of a login page, "
        "and that no proxy or load balancer answers in its place. Then run the task again."
    )
