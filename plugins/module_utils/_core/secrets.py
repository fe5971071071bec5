# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret is: which names hold one, how the server hides one, how one is taken out of whatever is shown.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

REDACTED = "<REDACTED>"

# Shorter strings are never looked for inside other text: they would hide half of it.
SHORTEST = 4

_REDACTED = re.compile(r"[<\[]?REDACTED[>\]]?|\{\{\s*vault_immuta_\w*\s*\}\}")

# Matched against the end of a name without case and separators: clientSecret, client_secret and CLIENT-SECRET are one.
_SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|passcode|pwd|(?<!by)pass|secret|token|credential|authorization|cookie|connectargs|connectionstring|bearer|jwt|sasur[il]"
    r"|(private|secret|access|api|new|shared|account|storage|encryption|signing|master)key(id|content|data|pem)?)s?(value|text|json|base64|b64)?$"
)
# Parts of a value that are secret whatever its name: who signs in to a URL, and the password of a connection string.
_PARTS = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<![\w-])(?:pwd|password)\s*=\s*(?!\s|'\*)[^;&\s\"']+", re.IGNORECASE)
# These end like a secret and say something about one.
_NOT_SECRET = frozenset({"updatesecret", "updatesecrets", "privatekeyid"})
# Below a name that is secret (privateKey, credential) everything is, except what describes it:
# the parts of a key file upload and of a Google service account file.
_DESCRIBES = re.compile("keyname|userfilename|type|projectid|clientemail|clientid|authuri|tokenuri|authproviderx509certurl|clientx509certurl|universedomain")


def is_redacted(value: Any) -> bool:
    """Whether a value stands for a secret that is not known: the server's redaction, or a vault placeholder nobody filled."""
    return isinstance(value, str) and _REDACTED.fullmatch(value.strip()) is not None


def looks_secret(name: Any) -> bool:
    """Whether a field of this name, in the API's spelling or in ours, holds a secret."""
    squashed = _squash(name)
    return _SECRET_NAME.search(squashed) is not None and squashed not in _NOT_SECRET


def leaves(value: Any) -> Iterator[str]:
    """The strings of four and more characters under secret-looking names of a raw dict or list; numbers never.

    A secret that is itself a JSON document (a service account file) also gives the secrets in it.
    """
    for text in _secret_strings(value, False):
        if len(text) < SHORTEST or is_redacted(text):
            continue
        yield text
        if text.lstrip().startswith("{"):
            try:
                document = json.loads(text)
            except ValueError:
                continue
            yield from leaves(document)


def mask(value: Any, secrets: Iterable[str] = ()) -> Any:
    """The same shape with REDACTED in place of every secret: whole values under secret-looking names, known secrets inside strings.

    A known secret is also found as JSON, Python, URLs, HTML and SQL write it. Empty strings, nulls and booleans are no secrets.
    """
    forms = _all_forms(frozenset(secret for secret in secrets if isinstance(secret, str)))
    return _mask(value, forms, False)


def register(module: Any, values: Iterable[Any]) -> None:
    """Have Ansible hide these values in everything the module hands back or logs."""
    texts = [value for value in values if isinstance(value, str) and len(value) >= SHORTEST and not is_redacted(value)]
    try:
        from ansible.module_utils.secrets import register_secret
    except ImportError:  # before ansible-core 2.22
        module.no_log_values.update(texts)
    else:
        for text in texts:
            register_secret(text)


def _squash(name: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _is_secret(name: Any, inside: bool) -> bool:
    return looks_secret(name) or (inside and not _DESCRIBES.fullmatch(_squash(name)))


def _secret_strings(value: Any, inside: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _secret_strings(child, _is_secret(name, inside))
    elif isinstance(value, (list, tuple)):
        for child in value:
            yield from _secret_strings(child, inside)
    elif inside and isinstance(value, str):
        yield value


def _mask(value: Any, forms: tuple[str, ...], inside: bool) -> Any:
    if isinstance(value, dict):
        return {_mask_text(name, forms) if isinstance(name, str) else name: _mask(child, forms, _is_secret(name, inside)) for name, child in value.items()}
    if isinstance(value, (list, tuple)):
        children = [_mask(child, forms, inside) for child in value]
        return tuple(children) if isinstance(value, tuple) else children
    if value is None or value == "" or isinstance(value, bool):
        return value
    if inside:
        return REDACTED
    return _PARTS.sub(_without_part, _mask_text(value, forms)) if isinstance(value, str) else value


def _without_part(found: re.Match[str]) -> str:
    name, equals, _secret = found[0].partition("=")
    return f"{name}{equals}{REDACTED}" if equals and name.strip().lower() in ("pwd", "password") else REDACTED


def _mask_text(text: str, forms: tuple[str, ...]) -> str:
    """Every occurrence is found first and overlapping ones are joined, so that no end of a secret stays behind."""
    spans = sorted((start, start + len(form)) for form in forms for start in _occurrences(text, form))
    pieces: list[str] = []
    covered = 0
    for start, end in spans:
        if start >= covered or not pieces:
            pieces += [text[covered:start], REDACTED]
        covered = max(covered, end)
    return "".join([*pieces, text[covered:]])


def _occurrences(text: str, form: str) -> Iterator[int]:
    start = text.find(form)
    while start >= 0:
        yield start
        start = text.find(form, start + 1)


@lru_cache(maxsize=64)
def _all_forms(secrets: frozenset[str]) -> tuple[str, ...]:
    """Every way to write every secret, longest first."""
    forms = {form for secret in secrets for piece in _pieces(secret) for form in _forms(piece)}
    return tuple(sorted(forms, key=len, reverse=True))


def _pieces(secret: str) -> Iterator[str]:
    """The secret, and the lines of one of several lines (a key), as a library's message may quote one of them."""
    if len(secret) >= SHORTEST:
        yield secret
    if "\n" in secret:
        yield from (line for line in map(str.strip, secret.splitlines()) if len(line) >= 16 and not line.startswith("-----"))


def _forms(secret: str) -> set[str]:
    """A secret as SQL, JSON, Python, URLs and HTML write it, SQL also inside the others."""
    backslashed = secret.replace("\\", "\\\\")
    literals = {secret, secret.replace("'", "''"), secret.replace('"', '""'), backslashed, backslashed.replace("'", "\\'"), json.dumps(secret)[1:-1]}
    written: set[str] = set(literals)
    for literal in literals:
        written |= {json.dumps(literal)[1:-1], json.dumps(literal, ensure_ascii=False)[1:-1]}
        # Python chooses the quotes, and with them what it escapes, by the whole text around the secret.
        written |= {repr(literal)[1:-1], repr("'\"" + literal)[4:-1]}
        written |= {quote(literal), quote(literal, safe=""), quote_plus(literal), html.escape(literal), html.escape(literal, quote=False)}
    return written
