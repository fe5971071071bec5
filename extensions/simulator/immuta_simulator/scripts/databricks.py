# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databricks Unity Catalog: a catalog for Immuta, and grants to the service principal; names in backticks."""

from __future__ import annotations

from .template import Dialect, Step, backslashed, quoted

DIALECT = Dialect(identifier=quoted("`"), literal=backslashed)
VERSION = "2024.3.1"

AUDIT = tuple(
    Step(f"GRANT {privilege} TO {{{{principal}}}}", when="audit")
    for privilege in (
        "USE CATALOG ON CATALOG system",
        "USE SCHEMA ON SCHEMA system.access",
        "SELECT ON TABLE system.access.audit",
        "SELECT ON TABLE system.query.history",
    )
)

CREATE = (
    Step(
        "CREATE CATALOG {{database}} COMMENT 'Managed by Immuta; do not use'",
        note="An empty catalog that Immuta manages",
    ),
    Step("CREATE SCHEMA {{database}}.immuta_system"),
    Step("CREATE SCHEMA {{database}}.immuta_policies", same_line=True),
    Step("CREATE TABLE {{database}}.immuta_system.profiles (user_id BIGINT, username STRING, attributes STRING COMMENT 'a;b')"),
    Step("CREATE TABLE {{database}}.immuta_system.version (version STRING, edits INT, settings STRING)"),
    Step(
        """CREATE FUNCTION {{database}}.immuta_policies.in_list(item STRING, list STRING) RETURNS BOOLEAN
    RETURN INSTR(CONCAT(';', list, ';'), CONCAT(';', item, ';')) > 0""",
        note="Functions that the policies call; don't change them",
    ),
    Step(
        """CREATE FUNCTION {{database}}.immuta_policies.mask_hash(value STRING) RETURNS STRING LANGUAGE PYTHON AS $$
import hashlib; return hashlib.sha256(value.encode()).hexdigest()
$$"""
    ),
    Step(
        "GRANT ALL PRIVILEGES ON CATALOG {{database}} TO {{principal}}",
        note="The service principal may do everything in what Immuta manages",
    ),
    Step("GRANT USE SCHEMA ON SCHEMA {{database}}.immuta_policies TO `account users`"),
    Step("GRANT EXECUTE ON SCHEMA {{database}}.immuta_policies TO `account users`", same_line=True),
    *AUDIT,
    Step(
        f"INSERT INTO {{{{database}}}}.immuta_system.version VALUES ('{VERSION}', 0, {{{{settings}}}})",
        note="The last statement: the set-up is complete",
    ),
)

EDIT = (
    *(Step(step.sql, when="audit_on") for step in AUDIT),
    *(Step(step.sql.replace("GRANT", "REVOKE").replace(" TO {{", " FROM {{"), when="audit_off") for step in AUDIT),
    Step(
        "UPDATE {{database}}.immuta_system.version SET edits = edits + 1, settings = {{settings}}",
        note="The last statement: the edit is complete",
    ),
)

DELETE = (
    *(Step(step.sql.replace("GRANT", "REVOKE").replace(" TO {{", " FROM {{"), when="audit") for step in AUDIT),
    Step("DROP CATALOG {{database}} CASCADE"),
)

SCRIPTS = {"create": CREATE, "edit": EDIT, "delete": DELETE}
SET_UP = (("create", "inside"),)
TAKE_BACK = CLEAN_UP = (("delete", "inside"),)
