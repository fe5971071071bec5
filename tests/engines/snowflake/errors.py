# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of Snowflake that scripts meet: number, SQLSTATE and text as the service gives them."""

from __future__ import annotations


class SnowflakeError(Exception):
    """One error answer to a statement."""

    def __init__(self, code: int, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.code = f"{code:06d}"
        self.sqlstate = sqlstate
        self.message = message


def syntax_error(line: int, position: int, unexpected: str) -> SnowflakeError:
    """A statement that cannot be read. `line` counts from 1, `position` from 0."""
    where = f"syntax error line {line} at position {position} unexpected '{unexpected}'."
    return SnowflakeError(1003, "42000", f"SQL compilation error:\n{where}")


def already_exists(name: str) -> SnowflakeError:
    """CREATE of something that is there."""
    return SnowflakeError(2002, "42710", f"SQL compilation error:\nObject '{name}' already exists.")


def not_found(kind: str, name: str) -> SnowflakeError:
    """Something that is not there, or that the role may not see. `kind` as in the statement: "ROLE"."""
    sqlstate = "42S02" if kind in ("TABLE", "VIEW", "OBJECT") else "02000"
    text = f"{kind.capitalize()} '{name}' does not exist or not authorized."
    return SnowflakeError(2003, sqlstate, f"SQL compilation error:\n{text}")


def cannot_use() -> SnowflakeError:
    """USE of something that is not there."""
    text = "Object does not exist, or operation cannot be performed."
    return SnowflakeError(2043, "02000", f"SQL compilation error:\n{text}")


def insufficient_privileges(kind: str, name: str) -> SnowflakeError:
    """What the current role may not do."""
    text = f"Insufficient privileges to operate on {kind.lower()} '{name}'."
    return SnowflakeError(3001, "42501", f"SQL access control error:\n{text}")


def role_not_assigned(role: str) -> SnowflakeError:
    """USE ROLE of a role that the user does not have."""
    text = f"Requested role '{role}' is not assigned to the executing user. Specify another role to activate."
    return SnowflakeError(3013, "42501", f"SQL access control error:\n{text}")


def no_current(what: str, command: str) -> SnowflakeError:
    """An unqualified name without a current database or schema; `what` is "database" or "schema"."""
    hint = f"Call 'USE {what.upper()}', or use a qualified name."
    text = f"Cannot perform {command}. This session does not have a current {what}. {hint}"
    return SnowflakeError(90105 if what == "database" else 90106, "22000", text)


def no_warehouse() -> SnowflakeError:
    """A query without a warehouse to run it."""
    text = "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command."
    return SnowflakeError(606, "57P03", text)


def several_statements(count: int) -> SnowflakeError:
    """More than one statement in a request that announced one."""
    return SnowflakeError(8, "0A000", f"Actual statement count {count} did not match the desired statement count 1.")


def unsupported(feature: str) -> SnowflakeError:
    """What this stand-in cannot do; the text is the service's for a feature that it does not have."""
    return SnowflakeError(2, "0A000", f"Unsupported feature '{feature}'.")


def invalid_property(name: str, kind: str) -> SnowflakeError:
    """A property that this kind of object does not have."""
    return SnowflakeError(1420, "22023", f"SQL compilation error:\ninvalid property '{name}' for '{kind}'")
