# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Synapse Analytics: batches that end with GO; what is about the login belongs to master, everything else to the pool.

T-SQL leaves no choice: logins are made, changed and dropped in master alone, a pool's objects only in the pool, and neither USE
nor names of three parts lead from one to the other (Microsoft, "T-SQL feature differences"). So delete, being one script, runs in
the pool and leaves the login; and an edit can change no password: whoever rotates it says ALTER LOGIN in master before.
"""

from __future__ import annotations

from .template import Dialect, Step, quoted


def bracketed(text: str) -> str:
    return "[" + text.replace("]", "]]") + "]"


def unicode_literal(text: str) -> str:
    return "N" + quoted("'")(text)


DIALECT = Dialect(identifier=bracketed, literal=unicode_literal, end="\nGO")
VERSION = "2024.3.1"

INITIAL_CREATE = (
    Step(
        "CREATE LOGIN {{user}} WITH PASSWORD = {{password}}",
        note="The system account; don't drop it. Run this in master",
    ),
)

IMPERSONATION = (
    Step("CREATE ROLE {{impersonation}}"),
    Step("GRANT IMPERSONATE ON USER::{{user}} TO {{impersonation}}"),
)

CREATE = (
    Step("CREATE USER {{user}} FOR LOGIN {{user}}", note="Run everything below in the database"),
    Step("CREATE SCHEMA immuta_system AUTHORIZATION {{user}}"),
    Step("CREATE SCHEMA immuta_functions AUTHORIZATION {{user}}"),
    Step("CREATE SCHEMA immuta_procedures AUTHORIZATION {{user}}"),
    Step("CREATE SCHEMA {{schema}} AUTHORIZATION {{user}}"),
    Step(
        """CREATE TABLE immuta_system.profiles (user_id BIGINT NOT NULL, username NVARCHAR(256) NOT NULL, attributes NVARCHAR(4000) NULL);
CREATE TABLE immuta_system.version (version NVARCHAR(32) NOT NULL, edits INT NOT NULL, settings NVARCHAR(4000) NULL);"""
    ),
    Step(
        """CREATE FUNCTION immuta_functions.in_list(@item NVARCHAR(256), @list NVARCHAR(4000)) RETURNS BIT AS
BEGIN
    IF CHARINDEX({{array_delimiter}} + @item + {{array_delimiter}}, {{array_delimiter}} + @list + {{array_delimiter}}) > 0 RETURN 1;
    RETURN 0; -- not in it; GO on
END"""
    ),
    Step(
        """CREATE PROCEDURE immuta_procedures.remove_user @target NVARCHAR(256) AS
BEGIN
    DELETE FROM immuta_system.profiles WHERE username = @target;
    PRINT 'removed; done
GO';
END"""
    ),
    Step("GRANT ALTER ANY USER TO {{user}};\nGRANT CREATE VIEW TO {{user}};"),
    *(Step(step.sql, when="impersonation") for step in IMPERSONATION),
    Step(
        f"INSERT INTO immuta_system.version VALUES ('{VERSION}', 0, {{{{settings}}}})",
        note="The last statement: the set-up is complete",
    ),
)

EDIT = (
    *(Step(step.sql, when="impersonation_on") for step in IMPERSONATION),
    Step("DROP ROLE {{old_impersonation}}", when="impersonation_off"),
    Step("ALTER ROLE {{old_impersonation}} WITH NAME = {{impersonation}}", when="impersonation_renamed"),
    Step(
        "UPDATE immuta_system.version SET edits = edits + 1, settings = {{settings}}",
        note="The last statement: the edit is complete",
    ),
)

DROP_OBJECTS = (
    Step("DROP PROCEDURE immuta_procedures.remove_user", note="Run everything below in the database"),
    Step("DROP FUNCTION immuta_functions.in_list"),
    Step("DROP TABLE immuta_system.profiles"),
    Step("DROP TABLE immuta_system.version"),
    *(Step(f"DROP SCHEMA {schema}") for schema in ("immuta_procedures", "immuta_functions", "immuta_system", "{{schema}}")),
    Step("DROP ROLE {{impersonation}}", when="impersonation"),
    Step("DROP USER {{user}}", note="Its login stays in master, where nobody but you can drop it"),
)
DROP_LOGIN = (Step("DROP LOGIN {{user}}", note="Run this in master"),)

# cleanup takes back what initial-create made, post-cleanup the rest
SCRIPTS = {
    "initial-create": INITIAL_CREATE,
    "create": CREATE,
    "edit": EDIT,
    "delete": DROP_OBJECTS,
    "cleanup": DROP_LOGIN,
    "post-cleanup": DROP_OBJECTS,
}
SET_UP = (("initial-create", "outside"), ("create", "inside"))
TAKE_BACK = (("delete", "inside"), ("cleanup", "outside"))
CLEAN_UP = (("post-cleanup", "inside"), ("cleanup", "outside"))
