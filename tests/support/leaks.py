# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hunt for secrets: every form that one can take on its way out, and where it is found.

assert not traces([password, api_key], run.output, run.records, folder)

The forms are written down here once more, without the code that hides them.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

Writer = Callable[[str], str]


def _inside(written: str) -> str:
    """Without the quotes around it."""
    return written[1:-1]


def _coded(text: str, characters: str, form: str) -> str:
    return "".join(form.format(ord(each)) if each in characters else each for each in text)


def _lower_escapes(text: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


#: how a language writes a text that stands between quotes of its own
LITERALS: dict[str, Writer] = {
    "as it is": str,
    "SQL string": lambda text: text.replace("'", "''"),
    "SQL string with backslashes": lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    "SQL string with backslashes and doubled quotes": lambda text: text.replace("\\", "\\\\").replace("'", "''"),
    "SQL name": lambda text: text.replace('"', '""'),
    "shell": lambda text: _inside(shlex.quote(f"{text} "))[:-1],
    "shell, by hand": lambda text: text.replace("'", "'\\''"),
}
#: how such a literal is written down in turn
WRITERS: dict[str, Writer] = {
    "as it is": str,
    "JSON": lambda text: _inside(json.dumps(text)),
    "JSON with letters": lambda text: _inside(json.dumps(text, ensure_ascii=False)),
    "JSON with slashes escaped": lambda text: _inside(json.dumps(text)).replace("/", "\\/"),
    "JSON for HTML": lambda text: _coded(_inside(json.dumps(text, ensure_ascii=False)), "&<>", "\\u{:04x}"),
    "JSON for HTML, upper case": lambda text: _coded(_inside(json.dumps(text, ensure_ascii=False)), "&<>'", "\\u{:04X}"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "Python": lambda text: _inside(repr(text)),
    "Python, double quotes": lambda text: repr("'" + text)[2:-1],
    "Python, all quotes": lambda text: repr("'\"" + text)[4:-1],
    "URL": quote,
    "URL segment": lambda text: quote(text, safe=""),
    "URL form": quote_plus,
    "URL in lower case": lambda text: _lower_escapes(quote(text, safe="")),
    "URL form in lower case": lambda text: _lower_escapes(quote_plus(text)),
    "URL of a browser": lambda text: quote(text, safe="!'()*~"),
    "HTML": html.escape,
    "HTML text": lambda text: html.escape(text, quote=False),
    "HTML, decimal": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "HTML, named": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "HTML in ASCII": lambda text: html.escape(text).replace("&#x27;", "&#39;").encode("ascii", "xmlcharrefreplace").decode(),
}


def base64_of(secret: str) -> dict[str, str]:
    """What of the secret shows in base64, wherever in the encoded text it begins: the characters that stand for it alone."""
    data, found = secret.encode("utf-8", "surrogatepass"), {}
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(data)) // 6
        written = base64.b64encode(bytes(before) + data).decode()[first:end]
        found[f"base64 at {before}"] = written
        found[f"URL-safe base64 at {before}"] = written.replace("+", "-").replace("/", "_")
    return {name: written for name, written in found.items() if len(written) >= 4}


def named_forms(secret: str) -> dict[str, str]:
    """Name -> form: every way in which the secret can be written."""
    forms = {f"{outer} of {inner}": write(literal(secret)) for outer, write in WRITERS.items() for inner, literal in LITERALS.items()}
    return {**forms, **base64_of(secret)}


def forms_of(*secrets: str) -> set[str]:
    """Every form of these secrets; of one of several lines also of each long line, but not of the frame of a key."""
    return set(_forms(secrets))


def _forms(secrets: Iterable[str]) -> dict[str, str]:
    """Form -> what it is called."""
    pieces = [piece for secret in secrets for piece in (secret, *secret.splitlines()) if piece == secret or (len(piece) >= 16 and piece[:5] != "-----")]
    return {form: name for piece in pieces for name, form in named_forms(piece).items()}


class Trace(NamedTuple):
    """A secret that got out: where, and in which form."""

    where: str
    form: str


def traces(secrets: Iterable[str], *places: Any) -> list[Trace]:
    """Where any of the secrets is found, in whatever form: in texts, in objects with their keys, in the names and contents of files.

    A Path is a file, or a folder with all that is in it. Raises ValueError when there is nothing to look for or nothing to look at.
    """
    forms = _forms(secrets)
    if not forms or "" in forms or not places:
        raise ValueError("a hunt needs secrets and places")
    texts = ((f"{number}: {where}", text) for number, place in enumerate(places) for where, text in _texts(place))
    return [Trace(where, name) for where, text in texts for form, name in forms.items() if form in text]


def _texts(place: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(place, Path):
        yield from _files(place)
    elif isinstance(place, bytes):
        yield path, place.decode(errors="replace")
    elif isinstance(place, Mapping):
        for name, value in place.items():
            yield f"{path} key", str(name)
            yield from _texts(value, f"{path}.{name}")
    elif isinstance(place, (list, tuple, set, frozenset)):
        for number, value in enumerate(place):
            yield from _texts(value, f"{path}[{number}]")
    elif isinstance(place, BaseException):
        yield from _texts([place.args, vars(place)], type(place).__name__)
    else:
        yield path, str(place)


def _files(place: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        yield str(path), os.fsdecode(path.name)
        if path.is_file():
            yield str(path), path.read_bytes().decode(errors="replace")
