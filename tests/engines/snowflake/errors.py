# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of Snowflake that scripts meet: number, SQLSTATE and text as the service gives them."""

from __future__ import annotations

_COMPILATION, _ACCESS = "SQL compilation error:\n", "SQL access control error:\n"
_NOT_ASSIGNED = "Requested role '{0}' is not assigned to the executing user. Specify another role to activate."
_NO_WAREHOUSE = "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command."
_ERRORS = {
    "unsupported": (2, "0A000", "Unsupported feature '{0}'."),
    "several statements": (8, "0A000", "Actual statement count {0} did not match the desired statement count 1."),
    "no warehouse": (606, "57P03", _NO_WAREHOUSE),
    "empty": (900, "42601", _COMPILATION + "Empty SQL statement."),
    "syntax": (1003, "42000", _COMPILATION + "syntax error line {0} at position {1} unexpected '{2}'."),
    "already exists": (2002, "42710", _COMPILATION + "Object '{0}' already exists."),
    "not found": (2003, "02000", _COMPILATION + "{0} '{1}' does not exist or not authorized."),
    "cannot use": (2043, "02000", _COMPILATION + "Object does not exist, or operation cannot be performed."),
    "not allowed": (3001, "42501", _ACCESS + "Insufficient privileges to operate on {0} '{1}'."),
    "not assigned": (3013, "42501", _ACCESS + _NOT_ASSIGNED),
    "no database": (90105, "22000", "Cannot perform {0}. This session does not have a current database. Call 'USE DATABASE', or use a qualified name."),
    "invalid key": (390422, "22023", "SQL execution error:\nNew public key rejected by current policy. Reason: 'Invalid public key'."),
}


class SnowflakeError(Exception):
    """One error answer to a statement."""

    def __init__(self, code: int, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.code = f"{code:06d}"
        self.sqlstate = sqlstate
        self.message = message


class LoginRefused(Exception):
    """A login that fails, with the service's code and text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def error(what: str, *values: object) -> SnowflakeError:
    """One of the errors above, with what its text names."""
    code, sqlstate, text = _ERRORS[what]
    return SnowflakeError(code, sqlstate, text.format(*values))


def not_found(kind: str, name: str) -> SnowflakeError:
    """Something that is not there, or that the role may not see. `kind` as in the statement: "ROLE"."""
    return error("not found", kind.capitalize(), name)
