# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to recognize secrets (by name or by form) and how to mask them in results, messages and logs.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote

REDACTED = "<REDACTED>"

# Shorter strings are not searched for inside other text: masking them would hide half of it.
MIN_LENGTH = 4

_PLACEHOLDER = r"\{\{\s*vault_immuta_\w*\s*\}\}"
_REDACTED = re.compile(rf"[<\[]?REDACTED[>\]]?|{_PLACEHOLDER}")

# Matched against the end of a name, without case and separators: clientSecret, client_secret and CLIENT-SECRET are the same name.
_SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|passcode|pwd|(?<!by)pass|secret|token|credential|authorization|cookie|connectargs|connectionstring|bearer|jwt|sasur[il]"
    r"|(private|secret|access|api|new|shared|account|storage|encryption|signing|master|ssh|rsa|pgp|gpg|function|subscription)key(id)?)s?"
    r"(value|text|string|body|contents?|data|json|pem|base64|b64|hex|raw|plain|clear|hash|header|old|new|current|confirm(ation)?|[0-9])*$"
    r"|^(pat|sas|otp|pin|pem|pfx|keytab|(sas)?signature|serviceaccountjson)$"
)
# These names end like the name of a secret but do not hold one.
_NOT_SECRET = frozenset({"updatesecret", "updatesecrets", "privatekeyid"})
# Everything below a secret name (privateKey, credential) is secret, except the texts that describe it: parts of an uploaded key
# file and of a Google service account file.
_NOT_SECRET_BELOW = re.compile(
    "keyname|userfilename|type|projectid|clientemail|clientid|authuri|tokenuri|authproviderx509certurl|clientx509certurl|universedomain"
)

# Parts of a text that are secret under any name. Each pattern takes time in proportion to the text.
# The userinfo of a URL. A password may hold characters that should be escaped. Azure writes the container of a storage URL the same way.
_USERINFO = re.compile(
    r"://(?<!abfs://)(?<!abfss://)(?<!wasb://)(?<!wasbs://)"
    r"(?P<secret>[^/?#\s\"]*|[^\s/:@\[\"]*:(?!\d{1,5}(?:[/?#]|$))[^\s\"]{0,256})(?=@)"
)
# A secret in a connection string or in the query of a URL.
_PAIR = re.compile(
    r"(?<![\w-])(?:pwd|password|passwd|passphrase|private_key(?:_file)?_pwd|account_?key|shared_?access_?(?:key|signature)|sig|client_?secret"
    r"|(?:aws_?)?secret_?access_?key|(?:access|refresh)_?token|api_?key|x-amz-(?:signature|security-token))"
    r"\s*=\s*(?!\{\{|['\"]?\*\*\*|''|\"\")"
    r"(?P<secret>'(?:[^'\\]|''|\\.)+'|\"(?:[^\"\\]|\"\"|\\.)+\"|\{[^}]{1,128}(?:\}\}[^}]{0,128}){0,8}\}|[^;&\s]+)",
    re.IGNORECASE | re.DOTALL,
)
# A pair of name and value in JSON or Python inside a text; looks_secret() then decides by the name.
_QUOTED_PAIRS = tuple(
    re.compile(rf"{mark}(?P<name>[\w .-]{{1,64}}){mark}\s*:\s*(?!{mark}\*\*\*{mark})(?P<secret>{mark}(?:[^{mark}\\]|\\.)+(?:{mark}|\Z)|-?\d[\d.]*)", re.DOTALL)
    for mark in "\"'"
)
_KEY_FILE = re.compile(r"PRIVATE KEY-----(?P<secret>(?:\s|\\+[rn])*[A-Za-z0-9+/=]{16}[A-Za-z0-9+/=\s\\]*)")
_SIGNED_TOKEN = re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*)")
# substrings without which a pattern cannot match -> the pattern
_SECRET_PARTS = ((("://", "@"), _USERINFO), (("=",), _PAIR), (("PRIVATE KEY-----",), _KEY_FILE), (("eyJ",), _SIGNED_TOKEN))

# The scheme, userinfo and rest of a URL, even a malformed one.
_URL = re.compile(r"(\s*[\w.+-]*://)?(.*(?:@|%40))?(.*)", re.DOTALL | re.IGNORECASE)

# Characters that some JSON encoders escape although JSON does not require it.
_JSON_ESCAPES = tuple((characters, form) for characters in ("&<>", "&<>'", "&<>'=", "&<>'+`") for form in ("\\u{:04x}", "\\u{:04X}"))
_MARKUP = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
# The entities for ' and " in HTML.
_HTML_QUOTES = (("&#x27;", "&quot;"), ("&#39;", "&quot;"), ("&#39;", "&#34;"), ("&apos;", "&quot;"), ("&#x27;", "&#x22;"))

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{4,}")


def is_redacted(value: Any) -> bool:
    """Return whether a value stands for an unknown secret: the server's redaction, or a vault placeholder that was not replaced."""
    return isinstance(value, str) and _REDACTED.fullmatch(value.strip()) is not None


def looks_secret(name: Any) -> bool:
    """Return whether a field of this name (API key or option name) holds a secret."""
    return _is_secret_name(str(name))


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    normalized = _normalize_name(name)
    return _SECRET_NAME.search(normalized) is not None and normalized not in _NOT_SECRET


def find_secrets(value: Any) -> Iterator[str]:
    """Return the secrets of four or more characters in a dict or list: strings under names that look secret, and passwords in URLs
    and connection strings under any name, but no numbers.

    For a secret that is a JSON document (a service account file), the secrets in it are returned as well.
    """
    for text in _secret_strings(value, False):
        if len(text) < MIN_LENGTH or is_redacted(text):
            continue
        yield text
        if text.lstrip().startswith("{"):
            try:
                document = json.loads(text)
            except ValueError:
                continue
            yield from find_secrets(document)


def url_passwords(url: str) -> Iterator[str]:
    """Return the password in a URL, as written and unescaped. The URL may be malformed."""
    userinfo = url.rpartition("@")[0]
    password = userinfo.rpartition("://")[2].partition(":")[2]
    yield from {text for written in (password, unquote(password)) for text in (written, written.strip()) if text}


def redact_url(url: str) -> str:
    """Return the URL with REDACTED in place of its userinfo, query and fragment. The URL may be malformed."""
    scheme, userinfo, rest = _URL.fullmatch(url).groups("")  # type: ignore[union-attr]  # it matches any text
    place, mark, _query = re.match(r"([^?#]*)([?#]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]  # so does this
    return f"{scheme}{REDACTED + '@' if userinfo else ''}{place}{mark}{REDACTED if mark else ''}"


def mask(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return a copy of the value with REDACTED in place of every secret.

    Secrets are values under names that look secret, known secrets inside strings, and the parts of any string that look secret (the
    userinfo of a URL, the password of a connection string, a key file).
    Known secrets are also found as JSON, Python, URLs, HTML, SQL, shells and base64 encode them. Empty strings, nulls and booleans are not masked.
    """
    return _mask(value, _known_secrets(frozenset(secrets)), False)


def register(module: Any, values: Iterable[Any]) -> None:
    """Tell Ansible to hide these values in everything that the module returns or logs."""
    texts = [value for value in values if isinstance(value, str) and len(value) >= MIN_LENGTH and not is_redacted(value)]
    try:
        from ansible.module_utils.secrets import register_secret
    except ImportError:  # before ansible-core 2.22
        module.no_log_values.update(texts)
    else:
        for text in texts:
            register_secret(text)


# --- secrets by their name ---------------------------------------------------------------------------------------


def _normalize_name(name: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _is_secret(name: Any, value: Any, inside: bool) -> bool:
    """Return whether the whole value is secret. inside: it is below a secret name."""
    describes = inside and not isinstance(value, (dict, list, tuple)) and _NOT_SECRET_BELOW.fullmatch(_normalize_name(name))
    return looks_secret(name) or (inside and not describes)


def _secret_strings(value: Any, inside: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _secret_strings(child, _is_secret(name, child, inside))
    elif isinstance(value, (list, tuple)):
        for child in value:
            yield from _secret_strings(child, inside)
    elif isinstance(value, str):
        yield from [value] if inside else _passwords_in(value)


def _mask(value: Any, known: _KnownSecrets, inside: bool) -> Any:
    if isinstance(value, dict):
        return {
            _mask_text(name, known) if isinstance(name, str) else name: _mask(child, known, _is_secret(name, child, inside)) for name, child in value.items()
        }
    if isinstance(value, (list, tuple)):
        children = [_mask(child, known, inside) for child in value]
        return tuple(children) if isinstance(value, tuple) else children
    if value is None or value == "" or isinstance(value, bool):
        return value
    if inside:
        # an export holds the name of a vault variable in place of the secret
        return value if isinstance(value, str) and re.fullmatch(_PLACEHOLDER, value) else REDACTED
    # Known secrets come first, because a match of the patterns may end inside one.
    return _mask_parts(_mask_text(value, known)) if isinstance(value, str) else value


# --- secrets in a text, under any name ---------------------------------------------------------------------------


def _mask_parts(text: str) -> str:
    for signs, pattern in _SECRET_PARTS:
        if all(sign in text for sign in signs):
            text = pattern.sub(_without_secret, text)
    if ":" in text:
        for pattern in _QUOTED_PAIRS:
            text = pattern.sub(_without_named_secret, text)
    return text


def _without_secret(found: re.Match[str]) -> str:
    start, end = found.start("secret") - found.start(), found.end("secret") - found.start()
    return f"{found[0][:start]}{REDACTED}{found[0][end:]}"


def _without_named_secret(found: re.Match[str]) -> str:
    if not looks_secret(found["name"]):
        return found[0]
    mark = found[0][0]
    return f"{found[0][: found.start('secret') - found.start()]}{mark}{REDACTED}{mark}"


def _passwords_in(text: str) -> Iterator[str]:
    """Return the passwords in the URLs and connection strings of a text, as written and decoded."""
    if "://" in text and "@" in text:
        for found in _USERINFO.finditer(text):
            yield from url_passwords(f"://{found['secret']}@")
    if "=" in text:
        for found in _PAIR.finditer(text):
            secret = found["secret"]
            quoted = secret[0] + secret[-1] in ("''", '""', "{}") and len(secret) > 1
            yield secret[1:-1].replace(secret[-1] * 2, secret[-1]) if quoted else secret


# --- known secrets in every encoding -----------------------------------------------------------------------------


class _Encoding(NamedTuple):
    """One encoding of a secret. before, after: how many characters next to it also depend on the secret."""

    text: str
    before: int = 0
    after: int = 0


class _KnownSecret(NamedTuple):
    """A secret, and what a quick check needs to exclude that a text holds it.

    core: letters and digits that every encoding but base64 keeps. base64_encodings: what it is in base64. shortest: length of the shortest of these.
    """

    secret: str
    core: str
    shortest: int
    base64_encodings: tuple[_Encoding, ...]


def _mask_text(text: str, known: _KnownSecrets) -> str:
    """Mask the known secrets. Overlapping occurrences are masked as one, so that no end of a secret remains visible."""
    spans = sorted(span for form in _possible_encodings(text, known) for span in _spans(text, form))
    pieces: list[str] = []
    covered = 0
    for start, end in spans:
        if start >= covered or not pieces:
            pieces += [text[covered:start], REDACTED]
        covered = max(covered, end)
    return "".join([*pieces, text[covered:]]) if pieces else text


def _possible_encodings(text: str, known: _KnownSecrets) -> list[_Encoding]:
    secrets = known.candidates(text)
    longest = max(map(len, _BASE64.findall(text)), default=0) if secrets else 0
    found = [form for secret in secrets if secret.core in text for form in _encodings(secret.secret)]
    return [*found, *(form for secret in secrets if secret.shortest <= longest for form in secret.base64_encodings)]


def _spans(text: str, form: _Encoding) -> Iterator[tuple[int, int]]:
    """Return the spans in which an encoding occurs. Overlapping and adjacent occurrences are one span."""
    start = text.find(form.text)
    while start >= 0:
        end = _end_of_run(text, form.text, start)
        yield max(0, start - form.before), min(len(text), end + form.after)
        start = text.find(form.text, end)


def _end_of_run(text: str, form: str, start: int) -> int:
    """Return the end of the run of occurrences that begins at C(start). No character of the text is read more than twice."""
    size, (step, many) = len(form), _repeated(form)
    end = start + size
    while True:
        for again in (many, step):
            while text.startswith(again, end):
                end += len(again)
        # The last occurrence that begins inside this one or at its end.
        further = text.rfind(form, end - size + 1, end + size) if len(step) < size else -1
        if further < 0:
            return end
        end = further + size


@lru_cache(maxsize=1024)
def _repeated(form: str) -> tuple[str, str]:
    """Return the shortest text that, appended to C(form), makes it occur again, and many repetitions of that text."""
    step = next(start for start in range(1, len(form) + 1) if form.startswith(form[start:]))
    return form[-step:], form[-step:] * (1 + 4096 // step)


class _KnownSecrets:
    """A set of secrets. If there are many, an index of four-character parts finds the few that a text may hold."""

    #: The largest number of secrets that are all looked for without an index
    FEW = 16

    def __init__(self, secrets: Iterable[_KnownSecret]) -> None:
        self._all = tuple(secrets)
        self._not_indexed: list[_KnownSecret] = []
        self._by_part: dict[str, list[_KnownSecret]] = {}
        for secret in self._all if len(self._all) > self.FEW else ():
            for part in {secret.core[:MIN_LENGTH], *(form.text[:MIN_LENGTH] for form in secret.base64_encodings)}:
                (self._by_part.setdefault(part, []) if len(part) == MIN_LENGTH else self._not_indexed).append(secret)

    def candidates(self, text: str) -> Collection[_KnownSecret]:
        """Return the secrets of which one part or more occurs in the text."""
        if not self._by_part:
            return self._all
        parts = self._by_part.keys() & {text[start : start + MIN_LENGTH] for start in range(len(text) - MIN_LENGTH + 1)}
        return dict.fromkeys([*self._not_indexed, *(secret for part in parts for secret in self._by_part[part])])


@lru_cache(maxsize=64)
def _known_secrets(secrets: frozenset[Any]) -> _KnownSecrets:
    return _KnownSecrets(_known_secret(piece) for secret in secrets if isinstance(secret, str) for piece in _pieces(secret))


def _pieces(secret: str) -> Iterator[str]:
    """Return the secret, and each line of a multi-line one (a key), because the message of a library may quote a single line."""
    if len(secret) >= MIN_LENGTH:
        yield secret
    if "\n" in secret:
        yield from (line for line in map(str.strip, secret.splitlines()) if len(line) >= 16 and not line.startswith("-----"))


@lru_cache(maxsize=1024)
def _known_secret(secret: str) -> _KnownSecret:
    core = max(re.findall(r"[A-Za-z0-9]*", secret), key=len)
    written = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    base64_encodings = sorted({form for text in written for form in _base64(text)})
    return _KnownSecret(secret, core, min(len(form.text) for form in base64_encodings), tuple(base64_encodings))


@lru_cache(maxsize=1024)
def _encodings(secret: str) -> tuple[_Encoding, ...]:
    return tuple(map(_Encoding, sorted(_all_encodings(secret))))


def _all_encodings(secret: str) -> set[str]:
    """Return the secret as SQL, shells, JSON, Python, URLs and HTML encode it. SQL, shell and JSON literals are also encoded by the others."""
    backslashed = secret.replace("\\", "\\\\")
    literals = {secret, backslashed, secret.replace('"', '""')}
    literals |= {written.replace("'", mark) for written in (secret, backslashed) for mark in ("''", "\\'", "'\\''", "'\"'\"'")}
    literals |= {json.dumps(literal)[1:-1] for literal in literals}
    return literals.union(*(write(literal) for literal in literals for write in (_json, _python, _url, _html)))


def _json(text: str) -> set[str]:
    """Return the text as JSON encoders escape it: only what they must, all that is not ASCII, slashes, or what could end a script in HTML."""
    written = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    written |= {_escape(each, characters, form) for each in written for characters, form in _JSON_ESCAPES}
    written |= {each.replace("/", "\\/") for each in written}
    return written | {re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), each) for each in written}


def _python(text: str) -> set[str]:
    """Return the three forms that repr() can give: the text around the secret decides the quotes, and with them the escapes."""
    return {repr(text)[1:-1], repr("'" + text)[2:-1], repr("'\"" + text)[4:-1]}


def _url(text: str) -> set[str]:
    written = {quote(text, safe=safe, errors="replace") for safe in ("", "/", "!'()*~", ";,/?:@&=+$-_.!~*'()#")}
    written |= {quote_plus(text, errors="replace")}
    return written | {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in written}


def _html(text: str) -> set[str]:
    written = {text.translate(_MARKUP)}
    written |= {text.translate({**_MARKUP, ord("'"): single, ord('"'): double}) for single, double in _HTML_QUOTES}
    return written | {each.encode("ascii", "xmlcharrefreplace").decode() for each in written}


def _escape(text: str, characters: str, form: str) -> str:
    return text.translate({ord(each): form.format(ord(each)) for each in characters})


def _base64(text: str) -> Iterator[_Encoding]:
    """Return the base64 characters that depend on this text alone, for each position of the text in the encoded data."""
    data = text.encode("utf-8", "surrogatepass")
    for before in range(3):
        start, end = 8 * before, 8 * (before + len(data))
        written = base64.b64encode(bytes(before) + data).decode()[-(-start // 6) : end // 6]
        if len(written) >= MIN_LENGTH:
            yield _Encoding(written, int(start % 6 > 0), int(end % 6 > 0))
            yield _Encoding(written.replace("+", "-").replace("/", "_"), int(start % 6 > 0), int(end % 6 > 0))
