# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redshift: initial-create makes the database, everything else of a set-up happens inside it.

The forms are the documented ones (Redshift Pre-Configuration Details, Redshift Overview): no IF NOT EXISTS, so a second
run fails; stored procedures and functions in dollar quotes; the system account's password in clear.
"""

from __future__ import annotations

from .template import Dialect, Step, backslashed, quoted

DIALECT = Dialect(identifier=quoted('"'), literal=backslashed)
VERSION = "2024.3.1"

INITIAL_CREATE = (Step("CREATE DATABASE {{database}}", note="An empty database that Immuta manages; cannot run inside a transaction"),)

PROCEDURES = (
    Step(
        """CREATE PROCEDURE immuta_procedures.grant_impersonation(target VARCHAR) AS $$
BEGIN
    IF target IS NULL THEN RAISE EXCEPTION 'no user given; nothing granted'; END IF;
    EXECUTE 'ALTER GROUP ' || {{impersonation_text}} || ' ADD USER ' || quote_ident(target);
END;
$$ LANGUAGE plpgsql SECURITY DEFINER""",
        note="Impersonation: users of the group act as others",
    ),
    Step(
        """CREATE PROCEDURE immuta_procedures.revoke_impersonation(target VARCHAR) AS $body$
BEGIN
    EXECUTE 'ALTER GROUP ' || {{impersonation_text}} || ' DROP USER ' || quote_ident(target); -- one at a time; see above
END;
$body$ LANGUAGE plpgsql SECURITY DEFINER""",
    ),
)
IMPERSONATION = (
    Step("CREATE GROUP {{impersonation}}"),
    *PROCEDURES,
    Step("GRANT USAGE ON SCHEMA immuta_procedures TO GROUP {{impersonation}}"),
    Step("GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA immuta_procedures TO GROUP {{impersonation}}", same_line=True),
    Step("GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA immuta_procedures TO {{user}}"),
)
NO_IMPERSONATION = (
    Step("DROP PROCEDURE immuta_procedures.grant_impersonation(VARCHAR)", note="Impersonation is over"),
    Step("DROP PROCEDURE immuta_procedures.revoke_impersonation(VARCHAR)", same_line=True),
    Step("REVOKE ALL ON ALL PROCEDURES IN SCHEMA immuta_procedures FROM GROUP {{old_impersonation}}"),
    Step("REVOKE USAGE ON SCHEMA immuta_procedures FROM GROUP {{old_impersonation}}"),
    Step("DROP GROUP {{old_impersonation}}", same_line=True),
)


def _when(condition: str, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(Step(s.sql, f"{condition} {s.when}", s.role, s.note, s.same_line) for s in steps)


CREATE = (
    Step(
        "CREATE USER {{user}} PASSWORD {{password}}",
        when="userPassword",
        note="The system account; don't drop it while Immuta is connected",
    ),
    Step(
        "CREATE USER {{user}} PASSWORD DISABLE",
        when="!userPassword",
        note="The system account; it logs in through the identity provider",
    ),
    Step("REVOKE ALL PRIVILEGES ON DATABASE {{database}} FROM PUBLIC"),
    Step("GRANT ALL PRIVILEGES ON DATABASE {{database}} TO {{user}}", same_line=True),
    Step("GRANT TEMP ON DATABASE {{database}} TO {{user}}"),
    Step("CREATE SCHEMA immuta_system", note="Immuta's own schemas"),
    Step("CREATE SCHEMA immuta_functions", same_line=True),
    Step("CREATE SCHEMA immuta_procedures", same_line=True),
    Step("GRANT ALL ON SCHEMA immuta_system, immuta_functions, immuta_procedures TO {{user}} WITH GRANT OPTION"),
    Step("GRANT USAGE ON SCHEMA immuta_system, immuta_functions TO PUBLIC"),
    Step(
        """CREATE TABLE immuta_system.profiles (
    user_id BIGINT NOT NULL,
    username VARCHAR(256) NOT NULL,
    user_groups VARCHAR(65535) DEFAULT '',
    attributes VARCHAR(65535) DEFAULT 'a;b' -- separated by ; as everywhere
)"""
    ),
    Step("CREATE TABLE immuta_system.allow_list (username VARCHAR(256) NOT NULL)"),
    Step(
        "CREATE TABLE immuta_system.version (version VARCHAR(32) NOT NULL, edits INTEGER NOT NULL, settings VARCHAR(4096))",
        same_line=True,
    ),
    Step(
        """CREATE VIEW immuta_system.current_profile AS
    SELECT user_id, user_groups, attributes FROM immuta_system.profiles WHERE username = current_user"""
    ),
    Step(
        """CREATE FUNCTION immuta_functions.in_list(VARCHAR, VARCHAR) RETURNS BOOLEAN STABLE AS $$
    SELECT POSITION(';' || $1 || ';' IN ';' || $2 || ';') > 0
$$ LANGUAGE sql""",
        note="Functions that the policies call",
    ),
    Step(
        """CREATE FUNCTION immuta_functions.mask_hash(value VARCHAR, salt VARCHAR) RETURNS VARCHAR IMMUTABLE AS $$
    import hashlib; data = (salt + ";" + value).encode("utf-8")
    return hashlib.sha256(data).hexdigest()
$$ LANGUAGE plpythonu"""
    ),
    Step("GRANT USAGE ON LANGUAGE plpythonu TO {{user}}"),
    Step("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA immuta_functions TO PUBLIC"),
    Step(
        """CREATE PROCEDURE immuta_procedures.remove_user(target VARCHAR) AS $$
DECLARE
    removed INTEGER;
BEGIN
    DELETE FROM immuta_system.profiles WHERE username = target;
    GET DIAGNOSTICS removed = ROW_COUNT;
    RAISE INFO 'removed %; done', removed;
END;
$$ LANGUAGE plpgsql"""
    ),
    Step("GRANT ALL ON ALL TABLES IN SCHEMA immuta_system TO {{user}}"),
    Step("GRANT SELECT ON immuta_system.current_profile TO PUBLIC", same_line=True),
    *_when("impersonation", IMPERSONATION),
    Step(
        f"INSERT INTO immuta_system.version VALUES ('{VERSION}', 0, {{{{settings}}}})",
        note="The last statement: the set-up is complete",
    ),
)

EDIT = (
    Step("ALTER USER {{old_user}} RENAME TO {{user}}", when="username_changed"),
    Step("ALTER USER {{user}} PASSWORD {{password}}", when="password_changed", note="The system account's new password"),
    Step(
        "ALTER USER {{user}} PASSWORD DISABLE",
        when="userPassword_off",
        note="It logs in through the identity provider from now on",
    ),
    *_when("impersonation_on", IMPERSONATION),
    *_when("impersonation_off", NO_IMPERSONATION),
    *_when("impersonation_renamed", (*NO_IMPERSONATION, *IMPERSONATION)),
    Step(
        "UPDATE immuta_system.version SET edits = edits + 1, settings = {{settings}}",
        note="The last statement: the edit is complete",
    ),
)

DROP = (
    Step("DROP DATABASE {{database}}", when="drop_database", note="Everything that Immuta made in it goes with it"),
    Step(
        "DROP SCHEMA immuta_procedures CASCADE",
        when="!drop_database",
        note="The database was there before Immuta; it stays",
    ),
    Step("DROP SCHEMA immuta_functions CASCADE", when="!drop_database", same_line=True),
    Step("DROP SCHEMA immuta_system CASCADE", when="!drop_database", same_line=True),
    Step("REVOKE ALL PRIVILEGES ON DATABASE {{database}} FROM {{user}}", when="!drop_database"),
    Step("REVOKE USAGE ON LANGUAGE plpythonu FROM {{user}}", when="!drop_database", same_line=True),
)
DELETE = (*DROP, Step("DROP GROUP {{impersonation}}", when="impersonation"), Step("DROP USER {{user}}"))
# after a failed creation nobody knows how far it came
CLEANUP = (
    *DROP,
    Step("DROP GROUP IF EXISTS {{impersonation}}", when="impersonation"),
    Step("DROP USER IF EXISTS {{user}}"),
)

SCRIPTS = {"initial-create": INITIAL_CREATE, "create": CREATE, "edit": EDIT, "delete": DELETE, "cleanup": CLEANUP}
# which scripts the tenant runs itself, outside or inside the database that is set up, when a set-up is complete and when it broke
SET_UP = (("initial-create", "outside"), ("create", "inside"))
TAKE_BACK = (("delete", "outside"),)
CLEAN_UP = (("cleanup", "outside"),)
