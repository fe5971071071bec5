# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch answers, before it is bytes, and the errors that scripts meet, with the numbers and words of the service.

Source: Microsoft documentation, "Database Engine events and errors".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True)
class Rows:
    """A result set."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    complete: bool = True  # False: an error comes where more rows were to come


@dataclass(frozen=True)
class Done:
    """A statement is over; count: the rows that it changed, None where nothing is counted."""

    count: int | None = None


@dataclass(frozen=True)
class Message:
    """An error (severity above 10), or something that is only said."""

    number: int
    severity: int
    text: str
    line: int
    state: int = 1
    procedure: str = ""


Reply = Union[Rows, Done, Message]


class SqlFailed(Exception):
    """A statement that fails. goes_on: the rest of the batch runs all the same."""

    def __init__(self, number: int, text: str, *, severity: int = 16, state: int = 1, goes_on: bool = False) -> None:
        super().__init__(text)
        self.number = number
        self.text = text
        self.severity = severity
        self.state = state
        self.goes_on = goes_on


class Unread(SqlFailed):
    """A batch that cannot be read, and so not run; `line` is where."""

    def __init__(self, number: int, text: str, line: int) -> None:
        super().__init__(number, text, severity=15)
        self.line = line


# What is called how in messages.
KINDS = {"U": "table", "V": "view", "P": "procedure", "FN": "function"}


def near(text: str, line: int) -> Unread:
    return Unread(102, f"Incorrect syntax near '{text}'.", line)


def unclosed(text: str, line: int) -> Unread:
    return Unread(105, f"Unclosed quotation mark after the character string '{text}'.", line)


def not_first(what: str, line: int) -> Unread:
    return Unread(111, f"'{what}' must be the first statement in a query batch.", line)


def there_is(name: str) -> SqlFailed:
    return SqlFailed(2714, f"There is already an object named '{name}' in the database.", state=6)


def no_object(name: str) -> SqlFailed:
    return SqlFailed(208, f"Invalid object name '{name}'.")


def cannot(verb: str, kind: str, name: str, number: int = 15151) -> SqlFailed:
    """verb: drop, alter, find; number: 3701 for what lies in a schema."""
    return SqlFailed(number, f"Cannot {verb} the {kind} '{name}', because it does not exist or you do not have permission.")


def denied(permission: str, what: str) -> SqlFailed:
    """what: OBJECT 'o', database 'd', schema 's' as the message ends."""
    return SqlFailed(229, f"The {permission} permission was denied on the {what}.", severity=14, state=5)


def denied_in(permission: str, database: str) -> SqlFailed:
    return SqlFailed(262, f"{permission} permission denied in database '{database}'.", severity=14)


def only_in_master() -> SqlFailed:
    return SqlFailed(5001, "User must be in the master database.")


def not_allowed() -> SqlFailed:
    return SqlFailed(15247, "User does not have permission to perform this action.")


def login_failed(user: str) -> SqlFailed:
    return SqlFailed(18456, f"Login failed for user '{user}'.", severity=14)


def no_database(name: str) -> SqlFailed:
    return SqlFailed(4060, f'Cannot open database "{name}" requested by the login. The login failed.', severity=11)
