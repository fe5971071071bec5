# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of errors. Everything below raises one of these; only `_ansible/runtime` turns one into C(fail_json).

An error carries a message (what failed, on which object), a hint (what to do next) and facts (machine-readable keys that
stand beside C(msg) in the failed result). Messages are complete when they are raised: secrets are masked by whoever raises.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Union

# An answer's body in an error: the JSON object the server sent, or a short text when it sent no JSON.
Body = Union[dict[str, Any], list[Any], str]

_LONGEST_EXTRACT = 400
_LONGEST_TEST = 2000
_LONGEST_REASON = 60
_MOST_TESTS = 20
# So much of a text is looked at for its one line.
_LONGEST_READ = 64 * 1024

_REASONS = {each.value: each.phrase for each in HTTPStatus}

# What colours a terminal, moves its cursor or sets its title, and what does not show at all.
_ESCAPES = re.compile(r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALVES = re.compile(r"[\ud800-\udfff]")


class ImmutaError(Exception):
    """Any failure that the user is told about.

    message: one or more sentences. hint: what to do next. facts: further keys of the failed result.
    """

    #: it is about a write that may have had its effect all the same
    in_doubt = False

    def __init__(self, message: str, *, hint: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def as_fail_json(self) -> dict[str, Any]:
        """The arguments of C(fail_json): C(msg) and the facts."""
        return {**self.facts, "msg": str(self)}


class OptionError(ImmutaError):
    """The input is wrong, nothing was sent. Fact: option, the path of the option (C(config.host))."""

    #: what is wrong is that a credential was not given which the request needs
    is_missing_secret = False


class ConnectionFailed(ImmutaError):
    """No answer came. Facts: method, path."""


class AnswerLost(ConnectionFailed):
    """A request that must not be repeated was sent and its answer never came: it may have had its effect.

    Facts: method, path, and status when the answer was a server error (5xx) rather than silence.
    """

    in_doubt = True


class BadAnswer(ImmutaError):
    """An answer that is not what it should be: HTML, cut off, not JSON. Facts: status, content_type, method, path."""


class WriteBlocked(ImmutaError):
    """A write was tried in check mode: a bug of the collection. Facts: method, path."""


class WaitTimeout(ImmutaError):
    """The deadline passed. Facts: last_status, seconds."""


class RemoteFailure(ImmutaError):
    """The object ended in an error state. Facts: status, tests."""


class SqlError(ImmutaError):
    """A database refused one statement. Facts: code, sqlstate, line when known. The text is masked already."""


class StatementFailed(ImmutaError):
    """A script stopped at a statement. Facts: failed_statement, statements, executed, total."""


class ScriptRefused(ImmutaError):
    """A script was not run at all: changed, forbidden statements, empty, missing. Fact: refused, where it applies."""


class MissingLibrary(ImmutaError):
    """A Python library is missing where the module runs. Fact: library."""

    def __init__(self, library: str, *, reason: str | None = None, url: str | None = None, hint: str | None = None, **facts: Any) -> None:
        from ansible.module_utils.basic import missing_required_lib

        super().__init__(missing_required_lib(library, reason=reason, url=url), hint=hint, library=library, **facts)


class ApiError(ImmutaError):
    """The server answered with an error. Facts: status, method, path, api_error (its body).

    server_message: the server's own words. tests: the validation tests of the body, passed ones too.
    """

    def __init__(self, message: str, *, status: int, method: str, path: str, api_error: Body = "", hint: str | None = None, **facts: Any) -> None:
        super().__init__(message, hint=hint, status=status, method=method, path=path, api_error=api_error, **facts)
        self.status = status
        self.server_message = server_message(api_error)
        self.tests = validation_tests(api_error)

    @staticmethod
    def of(method: str, path: str, status: int, body: Body = "", *, reason: str = "", hint: str | None = None) -> ApiError:
        """The error of an answer, of the class its status asks for. body must be masked already."""
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
    """C(PUT /integrations/7 failed: HTTP 400 Bad Request: <server message>. Failed tests: <name>: <message>.)"""
    answer = f"HTTP {status} {shorten(reason, _LONGEST_REASON) or _REASONS.get(status, '')}".rstrip()
    sentences = [": ".join(filter(None, [f"{method} {path} failed", answer, server_message(body)]))]
    failed = failed_tests(validation_tests(body))
    if failed:
        more = [f"and {len(failed) - _MOST_TESTS} more"] if len(failed) > _MOST_TESTS else []
        sentences.append("Failed tests: " + "; ".join(failed[:_MOST_TESTS] + more))
    return " ".join(sentence.rstrip(". ") + "." for sentence in sentences)


def server_message(body: Body) -> str:
    """The server's own words in an error body, whatever its shape; empty when it has none."""
    if isinstance(body, dict):
        for key in ("message", "error", "detail", "title"):
            words = shorten(body[key]) if isinstance(body.get(key), str) else ""
            if words:
                return words
        return ""
    return shorten(body) if isinstance(body, str) else ""


def shorten(text: str, longest: int = _LONGEST_EXTRACT) -> str:
    """One line of at most C(longest) characters, without anything that a terminal would obey."""
    line = " ".join(clean(text[:_LONGEST_READ]).split())
    return line if len(line) <= longest and len(text) <= _LONGEST_READ else line[: longest - 3] + "..."


def clean(text: str) -> str:
    """The text without terminal sequences and invisible characters, with a blank in place of each control character."""
    return _HALVES.sub("\ufffd", _CONTROLS.sub(" ", _UNSEEN.sub("", _ESCAPES.sub("", text))))


def validation_tests(body: Any) -> list[dict[str, Any]]:
    """Every validation test in a body, wherever it stands: the place in a 422 or in the answer to a dry run is not documented."""
    lists = [*_find(body, "validationTests"), *_find(body, "validationResults")]
    return [test for tests in lists if isinstance(tests, list) for test in tests if isinstance(test, dict)]


def spoken(test: Mapping[str, Any]) -> dict[str, Any]:
    """The same validation test, its texts as lines to show: the platform wrote them, and nobody knows what is in them."""
    return {key: shorten(value, _LONGEST_TEST) if isinstance(value, str) else value for key, value in test.items()}


def validation_status(body: Any) -> str:
    """The outcome of the validation in a body, in lower case; C(failed) when a test failed; empty when the body holds none."""
    if failed_tests(validation_tests(body)):
        return "failed"
    if isinstance(body, dict) and "validationTests" in body:
        return _word(body.get("status")) or "passed"
    results = [each for each in _find(body, "validationResults") if each]
    said = [_word(each.get("status")) if isinstance(each, dict) else _word(each) for each in results if isinstance(each, (dict, str))]
    return next(filter(None, said), "passed" if results else "")


def failed_tests(tests: list[dict[str, Any]]) -> list[str]:
    """C(name: message) of every test that failed."""
    return [
        ": ".join(filter(None, (shorten(str(test.get(key) or "")).rstrip(".") for key in ("name", "message")))) or "a test without a name"
        for test in tests
        if _word(test.get("status")) in ("failed", "fail", "error")
    ]


def _word(status: Any) -> str:
    return str(status or "").strip().lower()


def _find(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, child in value.items():
            if key == name:
                yield child
            else:
                yield from _find(child, name)
    elif isinstance(value, list):
        for child in value:
            yield from _find(child, name)
