# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors that scripts and requests meet, as the service words them.

Sources: Databricks documentation, "Error conditions in Databricks" and "SQL Statement Execution API"; the messages of
Unity Catalog's own service (principals, catalogs) and of the token check as its users report them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence


class SqlFailed(Exception):
    """A statement that ends FAILED. code: one of the API's ServiceErrorCodes."""

    def __init__(self, condition: str, sqlstate: str, text: str, *, code: str = "BAD_REQUEST") -> None:
        super().__init__(text)
        self.message = f"[{condition}] {text} SQLSTATE: {sqlstate}"
        self.sqlstate = sqlstate
        self.code = code


class CatalogServiceFailed(SqlFailed):
    """An error of Unity Catalog's own service: another wording, and no SQLSTATE in it."""

    def __init__(self, condition: str, sqlstate: str, text: str) -> None:
        super().__init__(condition, sqlstate, text)
        self.message = f"[RequestId={uuid.uuid4()} ErrorClass={condition}] {text}"


class Refused(Exception):
    """A request that is answered by an HTTP error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error_code": code, "message": message}


def shown(name: Sequence[str]) -> str:
    """A name as error messages quote it."""
    return ".".join(f"`{part}`" for part in name)


# --- statements ---


def syntax_error(sql: str, position: int, near: str, hint: str = "") -> SqlFailed:
    """A statement that cannot be read; position counts from 0. The whole statement is part of the message."""
    line, column = _line_and_column(sql, position)
    failed = SqlFailed("PARSE_SYNTAX_ERROR", "42601", f"Syntax error at or near {near}{hint}.")
    lines = sql.split("\n")
    marked = [*lines[:line], "-" * column + "^^^", *lines[line:]]
    failed.message += f" (line {line}, pos {column})\n\n== SQL ==\n" + "\n".join(marked) + "\n"
    return failed


def already_exists(kind: str, name: Sequence[str]) -> SqlFailed:
    if kind == "CATALOG":
        return CatalogServiceFailed("CATALOG_ALREADY_EXISTS", "42710", f"Catalog '{name[0]}' already exists")
    if kind == "SCHEMA":
        text = f"Cannot create schema {shown(name[-1:])} because it already exists. Choose a different name, drop the existing schema, or add the IF NOT"
        return SqlFailed("SCHEMA_ALREADY_EXISTS", "42P06", f"{text} EXISTS clause to tolerate pre-existing schema.")
    if kind == "FUNCTION":
        text = f"Cannot create the routine {shown(name)} because a routine of that name already exists. Choose a different name, drop or replace the existing"
        return SqlFailed("ROUTINE_ALREADY_EXISTS", "42723", f"{text} routine, or add the IF NOT EXISTS clause to tolerate a pre-existing routine.")
    text = f"Cannot create table or view {shown(name)} because it already exists. Choose a different name, drop or replace the existing object, or add the"
    return SqlFailed("TABLE_OR_VIEW_ALREADY_EXISTS", "42P07", f"{text} IF NOT EXISTS clause to tolerate pre-existing objects.")


def place(sql: str, name: Sequence[str]) -> str:
    """Where a name stands in a statement, as the service says it; nothing if it does not."""
    found = re.search(r"\s*\.\s*".join(f"`?{re.escape(part)}`?" for part in name), sql, re.IGNORECASE)
    line, column = _line_and_column(sql, found.start() if found else 0)
    return f"; line {line} pos {column}" if found else ""


def _line_and_column(sql: str, position: int) -> tuple[int, int]:
    """Lines count from 1, columns from 0."""
    before = sql[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1)


def not_found(kind: str, name: Sequence[str], where: str = "") -> SqlFailed:
    """where: see place."""
    condition, sqlstate, what = {
        "CATALOG": ("NO_SUCH_CATALOG_EXCEPTION", "42704", "Catalog"),
        "SCHEMA": ("SCHEMA_NOT_FOUND", "42704", "The schema"),
        "FUNCTION": ("ROUTINE_NOT_FOUND", "42883", "The routine"),
    }.get(kind, ("TABLE_OR_VIEW_NOT_FOUND", "42P01", "The table or view"))
    if kind == "CATALOG":
        return SqlFailed(condition, sqlstate, f"Catalog '{name[0]}' was not found. Please verify the catalog name and then retry the query or command again.")
    failed = SqlFailed(condition, sqlstate, f"{what} {shown(name)} cannot be found. Verify the spelling and correctness of the schema and catalog.")
    failed.message += where
    return failed


def not_empty(kind: str, name: Sequence[str]) -> SqlFailed:
    if kind == "CATALOG":
        return CatalogServiceFailed("CATALOG_NOT_EMPTY", "2BP01", f"Catalog '{name[0]}' is not empty. The catalog has one or more schemas.")
    return SqlFailed("SCHEMA_NOT_EMPTY", "2BP01", f"Cannot drop a schema {shown(name)} because it contains objects. Use DROP SCHEMA ... CASCADE.")


def no_principal(name: str) -> SqlFailed:
    return CatalogServiceFailed("PRINCIPAL_DOES_NOT_EXIST", "42704", f"Could not find principal with name {name}")


def no_privilege(privilege: str, kind: str, name: Sequence[str]) -> SqlFailed:
    what = f"{kind.capitalize()} '{'.'.join(name)}'" if name else "Metastore"
    return SqlFailed("INSUFFICIENT_PERMISSIONS", "42501", f"Insufficient privileges:\nUser does not have {privilege} on {what}.")


def wrong_privilege(privilege: str, kind: str) -> SqlFailed:
    return CatalogServiceFailed("INVALID_PARAMETER_VALUE", "22023", f"Privilege {privilege} is not applicable to this entity [{kind}].")


def unsupported(what: str) -> SqlFailed:
    """What this stand-in cannot do, said as the service says that it cannot."""
    return SqlFailed("UNSUPPORTED_FEATURE", "0A000", f"The feature is not supported: {what}.")


def translated(message: str) -> SqlFailed:
    """What DuckDB says, as the service would."""
    column = re.search(r'Referenced column "([^"]+)" (?:was )?not found|does not have a column with name "([^"]+)"', message)
    if column:
        text = f"A column, variable, or function parameter with name {shown([column[1] or column[2]])} cannot be resolved."
        return SqlFailed("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", text)
    value = re.search(r"Could not convert string '(.*?)' to (\w+)", message)
    if value:
        text = f'The value \'{value[1]}\' of the type "STRING" cannot be cast to "{value[2]}" because it is malformed.'
        return SqlFailed("CAST_INVALID_INPUT", "22018", text)
    return SqlFailed("INTERNAL_ERROR", "XX000", message.partition("\n")[0])


# --- requests ---


def no_credential() -> Refused:
    return Refused(401, "401", "Credential was not sent or was of an unsupported type for this API.")


def bad_token() -> Refused:
    return Refused(403, "403", "Invalid access token.")


def expired_token() -> Refused:
    return Refused(401, "401", "Token is expired")


def bad_parameter(message: str) -> Refused:
    return Refused(400, "INVALID_PARAMETER_VALUE", message)


def no_warehouse(warehouse: str) -> Refused:
    return Refused(404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {warehouse} does not exist at all in the database")


def no_statement(statement: str) -> Refused:
    return Refused(404, "RESOURCE_DOES_NOT_EXIST", f"The statement {statement} was not found.")
