# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of this collection. All rooms raise them; only `_ansible/runtime` turns one into C(fail_json).

An error carries a message (what failed on which object), a hint (what to do next) and facts (machine-readable keys next to
C(msg) in the failed result). The code that raises an error masks the secrets in its message first.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Union

# An answer's body in an error: the JSON object the server sent, or a short text when it sent no JSON.
Body = Union[dict[str, Any], list[Any], str]

_MAX_EXTRACT = 400
_MAX_TEST = 2000
_MAX_REASON = 60
_MAX_TESTS = 20
# shorten() reads no more characters of a text than this.
_MAX_READ = 64 * 1024

_STATUS_PHRASES = {each.value: each.phrase for each in HTTPStatus}

# Terminal escape sequences, and characters that are invisible.
_ESCAPES = re.compile(r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONE_SURROGATES = re.compile(r"[\ud800-\udfff]")


class ImmutaError(Exception):
    """A failure that is reported to the user.

    message: one or more sentences. hint: what to do next. facts: additional keys of the failed result.
    """

    #: whether the error concerns a write that may have taken effect nevertheless
    in_doubt = False

    def __init__(self, message: str, *, hint: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def as_fail_json(self) -> dict[str, Any]:
        """Return the arguments of C(fail_json): C(msg) and the facts."""
        return {**self.facts, "msg": str(self)}


class OptionError(ImmutaError):
    """The input is wrong, and nothing was sent. Fact: option, the path of the option (C(config.host))."""

    #: whether the cause is a missing credential that the request needs
    is_missing_secret = False


class ConnectionFailed(ImmutaError):
    """The server did not answer. Facts: method, path."""


class AnswerLost(ConnectionFailed):
    """A request that must not be repeated was sent, and its answer was lost. The request may have taken effect.

    Facts: method, path, and the status if the server answered with an error (5xx).
    """

    in_doubt = True


class BadAnswer(ImmutaError):
    """The answer cannot be used: it is HTML, truncated, or not JSON. Facts: status, content_type, method, path."""


class WriteBlocked(ImmutaError):
    """The collection tried to write in check mode, which is a bug. Facts: method, path."""


class WaitTimeout(ImmutaError):
    """The wait reached its timeout. Facts: last_status, seconds."""


class RemoteFailure(ImmutaError):
    """Immuta reports that the object failed. Facts: status, tests."""


class SqlError(ImmutaError):
    """A database rejected a statement. Facts: code, sqlstate and line, if known. The text is already masked."""


class StatementFailed(ImmutaError):
    """A statement of a script failed. Facts: failed_statement, statements, executed, total."""


class ScriptRefused(ImmutaError):
    """A script was not run: it was changed, is empty, is missing or holds forbidden statements. Fact: refused, for the last."""


class MissingLibrary(ImmutaError):
    """A Python library is missing on the host that runs the module. Fact: library."""

    def __init__(self, library: str, *, reason: str | None = None, url: str | None = None, hint: str | None = None, **facts: Any) -> None:
        from ansible.module_utils.basic import missing_required_lib

        super().__init__(missing_required_lib(library, reason=reason, url=url), hint=hint, library=library, **facts)


class ApiError(ImmutaError):
    """The server answered with an error. Facts: status, method, path, api_error (its body).

    server_message: the error text of the server. tests: all validation tests in the body, including those that passed.
    """

    def __init__(self, message: str, *, status: int, method: str, path: str, api_error: Body = "", hint: str | None = None, **facts: Any) -> None:
        super().__init__(message, hint=hint, status=status, method=method, path=path, api_error=api_error, **facts)
        self.status = status
        self.server_message = server_message(api_error)
        self.tests = validation_tests(api_error)

    @staticmethod
    def of(method: str, path: str, status: int, body: Body = "", *, reason: str = "", hint: str | None = None) -> ApiError:
        """Return the error for an answer, of the class that belongs to its status. The body must already be masked."""
        message = failure_text(method, path, status, body, reason=reason)
        return _BY_STATUS.get(status, ApiError)(message, status=status, method=method, path=path, api_error=body, hint=hint)


class Unauthorized(ApiError):
    """401"""


class Forbidden(ApiError):
    """403"""


class NotFound(ApiError):
    """404"""


class Conflict(ApiError):
    """409"""


class Unprocessable(ApiError):
    """422: the server's validation failed."""


_BY_STATUS: dict[int, type[ApiError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict, 422: Unprocessable}


def failure_text(method: str, path: str, status: int, body: Body = "", *, reason: str = "") -> str:
    """Return C(PUT /integrations/7 failed: HTTP 400 Bad Request: <server message>. Failed tests: <name>: <message>.)"""
    answer = f"HTTP {status} {shorten(reason, _MAX_REASON) or _STATUS_PHRASES.get(status, '')}".rstrip()
    sentences = [": ".join(filter(None, [f"{method} {path} failed", answer, server_message(body)]))]
    failed = failed_tests(validation_tests(body))
    if failed:
        more = [f"and {len(failed) - _MAX_TESTS} more"] if len(failed) > _MAX_TESTS else []
        sentences.append("Failed tests: " + "; ".join(failed[:_MAX_TESTS] + more))
    return " ".join(sentence.rstrip(". ") + "." for sentence in sentences)


def server_message(body: Body) -> str:
    """Return the error text in a body of any shape; empty if there is none."""
    if isinstance(body, dict):
        for key in ("message", "error", "detail", "title"):
            words = shorten(body[key]) if isinstance(body.get(key), str) else ""
            if words:
                return words
        return ""
    return shorten(body) if isinstance(body, str) else ""


def shorten(text: str, max_length: int = _MAX_EXTRACT) -> str:
    """Return the text as one line of at most C(max_length) characters, without control characters."""
    line = " ".join(remove_control_characters(text[:_MAX_READ]).split())
    return line if len(line) <= max_length and len(text) <= _MAX_READ else line[: max_length - 3] + "..."


def remove_control_characters(text: str) -> str:
    """Return the text without escape sequences and invisible characters. A space replaces each control character."""
    return _LONE_SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", _INVISIBLE.sub("", _ESCAPES.sub("", text))))


def validation_tests(body: Any) -> list[dict[str, Any]]:
    """Return all validation tests at any depth of a body: where a 422 or the answer to a dry run holds them is not documented."""
    lists = [*_values_named(body, "validationTests"), *_values_named(body, "validationResults")]
    return [test for tests in lists if isinstance(tests, list) for test in tests if isinstance(test, dict)]


def printable_test(test: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the validation test that is safe to print: each text, which comes from the platform, becomes one line."""
    return {key: shorten(value, _MAX_TEST) if isinstance(value, str) else value for key, value in test.items()}


def validation_status(body: Any) -> str:
    """Return the validation status in a body, in lower case: C(failed) if a test failed, empty if the body holds none."""
    if failed_tests(validation_tests(body)):
        return "failed"
    if isinstance(body, dict) and "validationTests" in body:
        return _normalize(body.get("status")) or "passed"
    results = [each for each in _values_named(body, "validationResults") if each]
    statuses = [_normalize(each.get("status")) if isinstance(each, dict) else _normalize(each) for each in results if isinstance(each, (dict, str))]
    return next(filter(None, statuses), "passed" if results else "")


def failed_tests(tests: list[dict[str, Any]]) -> list[str]:
    """Return C(name: message) for each failed test."""
    return [
        ": ".join(filter(None, (shorten(str(test.get(key) or "")).rstrip(".") for key in ("name", "message")))) or "a test without a name"
        for test in tests
        if _normalize(test.get("status")) in ("failed", "fail", "error")
    ]


def _normalize(status: Any) -> str:
    return str(status or "").strip().lower()


def _values_named(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key == name:
                yield child
            else:
                yield from _values_named(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from _values_named(child, name)
