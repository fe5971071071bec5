# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret is: which names hold one, how the server hides one, how one is taken out of whatever is shown.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, unquote

REDACTED = "<REDACTED>"

# Shorter strings are never looked for inside other text: they would hide half of it.
SHORTEST = 4

_PLACEHOLDER = r"\{\{\s*vault_immuta_\w*\s*\}\}"
_REDACTED = re.compile(rf"[<\[]?REDACTED[>\]]?|{_PLACEHOLDER}")

# Matched against the end of a name without case and separators: clientSecret, client_secret and CLIENT-SECRET are one.
_SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|passcode|pwd|(?<!by)pass|secret|token|credential|authorization|cookie|connectargs|connectionstring|bearer|jwt|sasur[il]"
    r"|(private|secret|access|api|new|shared|account|storage|encryption|signing|master|ssh|rsa|pgp|gpg|function|subscription)key(id)?)s?"
    r"(value|text|string|body|contents?|data|json|pem|base64|b64|hex|raw|plain|clear|hash|header|old|new|current|confirm(ation)?|[0-9])*$"
    r"|^(pat|sas|otp|pin|pem|pfx|keytab|(sas)?signature|serviceaccountjson)$"
)
# These end like a secret and say something about one.
_NOT_SECRET = frozenset({"updatesecret", "updatesecrets", "privatekeyid"})
# Below a name that is secret (privateKey, credential) everything is, except the texts that describe it:
# the parts of a key file upload and of a Google service account file.
_DESCRIBES = re.compile("keyname|userfilename|type|projectid|clientemail|clientid|authuri|tokenuri|authproviderx509certurl|clientx509certurl|universedomain")

# Parts of a text that are secret whatever its name. Each of these takes time in proportion to the text.
# Who signs in to a URL. A password may hold what should be escaped; the place of a container in Azure is written the same way.
_USERINFO = re.compile(
    r"://(?<!abfs://)(?<!abfss://)(?<!wasb://)(?<!wasbs://)"
    r"(?P<secret>[^/?#\s\"]*|[^\s/:@\[\"]*:(?!\d{1,5}(?:[/?#]|$))[^\s\"]{0,256})(?=@)"
)
# What a connection string or a query names a secret.
_PAIR = re.compile(
    r"(?<![\w-])(?:pwd|password|passwd|passphrase|private_key(?:_file)?_pwd|account_?key|shared_?access_?(?:key|signature)|sig|client_?secret"
    r"|(?:aws_?)?secret_?access_?key|(?:access|refresh)_?token|api_?key|x-amz-(?:signature|security-token))"
    r"\s*=\s*(?!\{\{|['\"]?\*\*\*|''|\"\")"
    r"(?P<secret>'(?:[^'\\]|''|\\.)+'|\"(?:[^\"\\]|\"\"|\\.)+\"|\{[^}]{1,128}(?:\}\}[^}]{0,128}){0,8}\}|[^;&\s]+)",
    re.IGNORECASE | re.DOTALL,
)
# JSON and Python inside a text; whether the name is that of a secret is asked each time.
_QUOTED_PAIRS = tuple(
    re.compile(rf"{mark}(?P<name>[\w .-]{{1,64}}){mark}\s*:\s*(?!{mark}\*\*\*{mark})(?P<secret>{mark}(?:[^{mark}\\]|\\.)+(?:{mark}|\Z)|-?\d[\d.]*)", re.DOTALL)
    for mark in "\"'"
)
_KEY_FILE = re.compile(r"PRIVATE KEY-----(?P<secret>(?:\s|\\+[rn])*[A-Za-z0-9+/=]{16}[A-Za-z0-9+/=\s\\]*)")
_SIGNED_TOKEN = re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*)")
# What has to be in a text for a pattern to be worth looking for -> the pattern
_PARTS = ((("://", "@"), _USERINFO), (("=",), _PAIR), (("PRIVATE KEY-----",), _KEY_FILE), (("eyJ",), _SIGNED_TOKEN))

# Scheme, who signs in, and the rest of what should be a URL.
_URL = re.compile(r"(\s*[\w.+-]*://)?(.*(?:@|%40))?(.*)", re.DOTALL | re.IGNORECASE)

# What writers of JSON escape though they need not.
_JSON_CODES = tuple((characters, form) for characters in ("&<>", "&<>'", "&<>'=", "&<>'+`") for form in ("\\u{:04x}", "\\u{:04X}"))
_MARKUP = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
# How HTML writes ' and ".
_HTML_QUOTES = (("&#x27;", "&quot;"), ("&#39;", "&quot;"), ("&#39;", "&#34;"), ("&apos;", "&quot;"), ("&#x27;", "&#x22;"))

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{4,}")


def is_redacted(value: Any) -> bool:
    """Whether a value stands for a secret that is not known: the server's redaction, or a vault placeholder nobody filled."""
    return isinstance(value, str) and _REDACTED.fullmatch(value.strip()) is not None


def looks_secret(name: Any) -> bool:
    """Whether a field of this name, in the API's spelling or in ours, holds a secret."""
    squashed = _squash(name)
    return _SECRET_NAME.search(squashed) is not None and squashed not in _NOT_SECRET


def leaves(value: Any) -> Iterator[str]:
    """The secrets of four and more characters in a raw dict or list: the strings under secret-looking names, and passwords in URLs
    and connection strings under any name. Numbers never.

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


def signs_in(url: str) -> Iterator[str]:
    """The password in a URL, however badly it is written, as it stands there and unescaped."""
    userinfo = url.rpartition("@")[0]
    password = userinfo.rpartition("://")[2].partition(":")[2]
    yield from {text for written in (password, unquote(password)) for text in (written, written.strip()) if text}


def bare(url: str) -> str:
    """A URL, however badly it is written, with REDACTED in place of who signs in, and of its query and fragment."""
    scheme, userinfo, rest = _URL.fullmatch(url).groups("")  # type: ignore[union-attr]  # it matches any text
    place, mark, _query = re.match(r"([^?#]*)([?#]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]  # so does this
    return f"{scheme}{REDACTED + '@' if userinfo else ''}{place}{mark}{REDACTED if mark else ''}"


def mask(value: Any, secrets: Iterable[str] = ()) -> Any:
    """The same shape with REDACTED in place of every secret: whole values under secret-looking names, known secrets inside strings,
    and the parts of any string that are secret by themselves (who signs in to a URL, the password of a connection string, a key file).

    A known secret is also found as JSON, Python, URLs, HTML, SQL, shells and base64 write it. Empty strings, nulls and booleans are no secrets.
    """
    return _mask(value, _spelled(frozenset(secret for secret in secrets if isinstance(secret, str))), False)


def present_in(value: Any, secrets: Iterable[str]) -> frozenset[str]:
    """Of these secrets, those that the texts of a value may hold. To mask them alone is the same, and quicker for many secrets and texts."""
    text = "\n".join(_texts(value))
    known = _spelled(frozenset(secret for secret in secrets if isinstance(secret, str)))
    return frozenset(each.secret for each in known if each.core in text or any(form.text in text for form in each.packed))


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


# --- what is secret by its name ----------------------------------------------------------------------------------


def _squash(name: Any) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _is_secret(name: Any, value: Any, inside: bool) -> bool:
    """Whether all of a value is secret. inside: it stands below a name that is."""
    describes = inside and not isinstance(value, (dict, list, tuple)) and _DESCRIBES.fullmatch(_squash(name))
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


def _texts(value: Any) -> Iterator[str]:
    """All texts of a value, names included."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield str(name)
            yield from _texts(child)
    elif isinstance(value, (list, tuple)):
        for child in value:
            yield from _texts(child)
    elif isinstance(value, str):
        yield value


def _mask(value: Any, known: tuple[_Spelled, ...], inside: bool) -> Any:
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
        # the name of a variable, which an export gives in place of the secret, is none
        return value if isinstance(value, str) and re.fullmatch(_PLACEHOLDER, value) else REDACTED
    # Known secrets first: a part may end within one.
    return _mask_parts(_mask_text(value, known)) if isinstance(value, str) else value


# --- what is secret in a text whatever its name ------------------------------------------------------------------


def _mask_parts(text: str) -> str:
    for signs, pattern in _PARTS:
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
    """The passwords in the URLs and connection strings of a text, as they stand there and as they are meant."""
    if "://" in text and "@" in text:
        for found in _USERINFO.finditer(text):
            yield from signs_in(f"://{found['secret']}@")
    if "=" in text:
        for found in _PAIR.finditer(text):
            secret = found["secret"]
            quoted = secret[0] + secret[-1] in ("''", '""', "{}") and len(secret) > 1
            yield secret[1:-1].replace(secret[-1] * 2, secret[-1]) if quoted else secret


# --- known secrets, however they are spelled ---------------------------------------------------------------------


class _Form(NamedTuple):
    """One spelling. before, after: how many characters beside it tell of the secret, too."""

    text: str
    before: int = 0
    after: int = 0


class _Spelled(NamedTuple):
    """A secret and what tells whether a text can hold it.

    core: letters and digits of it that stand in each of its spellings but base64. shortest: of C(packed), its base64.
    """

    secret: str
    core: str
    shortest: int
    packed: tuple[_Form, ...]


def _mask_text(text: str, known: tuple[_Spelled, ...]) -> str:
    """Every occurrence is found first and overlapping ones are joined, so that no end of a secret stays behind."""
    spans = sorted(span for form in _worth_looking_for(text, known) for span in _spans(text, form))
    pieces: list[str] = []
    covered = 0
    for start, end in spans:
        if start >= covered or not pieces:
            pieces += [text[covered:start], REDACTED]
        covered = max(covered, end)
    return "".join([*pieces, text[covered:]]) if pieces else text


def _worth_looking_for(text: str, known: tuple[_Spelled, ...]) -> Iterator[_Form]:
    longest = max(map(len, _BASE64.findall(text)), default=0) if known else 0
    for secret in known:
        if secret.core in text:
            yield from _written(secret.secret)
        if secret.shortest <= longest:
            yield from secret.packed


def _spans(text: str, form: _Form) -> Iterator[tuple[int, int]]:
    """Where a form stands, overlapping and touching occurrences as one span."""
    start = text.find(form.text)
    while start >= 0:
        end = _end_of_run(text, form.text, start)
        yield max(0, start - form.before), min(len(text), end + form.after)
        start = text.find(form.text, end)


def _end_of_run(text: str, form: str, start: int) -> int:
    """The end of the occurrences of which the first begins at C(start). No place of the text is looked at more than twice."""
    size, (step, many) = len(form), _repeated(form)
    end = start + size
    while True:
        for again in (many, step):
            while text.startswith(again, end):
                end += len(again)
        # The last of those that begin within it, or at its end: what lies between is covered.
        further = text.rfind(form, end - size + 1, end + size) if len(step) < size else -1
        if further < 0:
            return end
        end = further + size


@lru_cache(maxsize=1024)
def _repeated(form: str) -> tuple[str, str]:
    """What behind a text makes it occur once more, at the earliest: the whole text, unless it ends as it begins. And that many times over."""
    step = next(start for start in range(1, len(form) + 1) if form.startswith(form[start:]))
    return form[-step:], form[-step:] * (1 + 4096 // step)


@lru_cache(maxsize=64)
def _spelled(secrets: frozenset[str]) -> tuple[_Spelled, ...]:
    return tuple(_spell(piece) for secret in secrets for piece in _pieces(secret))


def _pieces(secret: str) -> Iterator[str]:
    """The secret, and the lines of one of several lines (a key), as a library's message may quote one of them."""
    if len(secret) >= SHORTEST:
        yield secret
    if "\n" in secret:
        yield from (line for line in map(str.strip, secret.splitlines()) if len(line) >= 16 and not line.startswith("-----"))


@lru_cache(maxsize=1024)
def _spell(secret: str) -> _Spelled:
    core = max(re.findall(r"[A-Za-z0-9]*", secret), key=len)
    written = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    packed = sorted({form for text in written for form in _base64(text)})
    return _Spelled(secret, core, min(len(form.text) for form in packed), tuple(packed))


@lru_cache(maxsize=1024)
def _written(secret: str) -> tuple[_Form, ...]:
    return tuple(map(_Form, sorted(_forms(secret))))


def _forms(secret: str) -> set[str]:
    """A secret as SQL, shells, JSON, Python, URLs and HTML write it, the first two and JSON also inside the others."""
    backslashed = secret.replace("\\", "\\\\")
    literals = {secret, backslashed, secret.replace('"', '""')}
    literals |= {written.replace("'", mark) for written in (secret, backslashed) for mark in ("''", "\\'", "'\\''", "'\"'\"'")}
    literals |= {json.dumps(literal)[1:-1] for literal in literals}
    return literals.union(*(write(literal) for literal in literals for write in (_json, _python, _url, _html)))


def _json(text: str) -> set[str]:
    """As writers of JSON escape: what they must, all that is not ASCII, slashes, what would end a script in HTML."""
    written = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    written |= {_code(each, characters, form) for each in written for characters, form in _JSON_CODES}
    written |= {each.replace("/", "\\/") for each in written}
    return written | {re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), each) for each in written}


def _python(text: str) -> set[str]:
    """Python chooses the quotes, and with them what it escapes, by the whole text around the secret."""
    return {repr(text)[1:-1], repr("'" + text)[2:-1], repr("'\"" + text)[4:-1]}


def _url(text: str) -> set[str]:
    written = {quote(text, safe=safe, errors="replace") for safe in ("", "/", "!'()*~", ";,/?:@&=+$-_.!~*'()#")}
    written |= {quote_plus(text, errors="replace")}
    return written | {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in written}


def _html(text: str) -> set[str]:
    written = {html.escape(text, quote=False)}
    written |= {text.translate({**_MARKUP, ord("'"): single, ord('"'): double}) for single, double in _HTML_QUOTES}
    return written | {each.encode("ascii", "xmlcharrefreplace").decode() for each in written}


def _code(text: str, characters: str, form: str) -> str:
    return text.translate({ord(each): form.format(ord(each)) for each in characters})


def _base64(text: str) -> Iterator[_Form]:
    """The characters of base64 that stand for this text alone, as they depend on how many bytes stand before it."""
    data = text.encode("utf-8", "surrogatepass")
    for before in range(3):
        start, end = 8 * before, 8 * (before + len(data))
        written = base64.b64encode(bytes(before) + data).decode()[-(-start // 6) : end // 6]
        if len(written) >= SHORTEST:
            yield _Form(written, int(start % 6 > 0), int(end % 6 > 0))
            yield _Form(written.replace("+", "-").replace("/", "_"), int(start % 6 > 0), int(end % 6 > 0))
