# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Synapse engine through pymssql, the real driver: it really executes, and it refuses what a server refuses.

Faults, encryption and time are tested where the collection meets them, in test_sql_script_synapse.py.
"""

from __future__ import annotations

from typing import Any

import pymssql
import pytest
from engines import SynapseEngine
from support.literals import synapse as literal

KINDS = ("tables", "views", "functions", "procedures")


def failure(engine: SynapseEngine, sql: str, **where: str) -> tuple[int, str]:
    """Number and text of the error that a batch ends in."""
    with pytest.raises(pymssql.Error) as caught:
        engine.query(sql, **where)
    number, text = caught.value.args[0] if isinstance(caught.value.args[0], tuple) else caught.value.args
    return int(number), text.decode().partition("DB-Lib error message")[0]


def test_it_executes_a_set_up_and_takes_it_back(synapse: SynapseEngine, new: str, nasty: str) -> None:
    before, user = synapse.catalog(), {"user": f"{new} user", "password": nasty}
    synapse.query(f"CREATE LOGIN [{new} user] WITH PASSWORD = {literal(nasty)}", "master")
    for batch in (
        f"CREATE USER [{new} user] FOR LOGIN [{new} user]",
        f"CREATE SCHEMA {new} AUTHORIZATION [{new} user]",
        f"CREATE TABLE {new}.t (a BIGINT, b NVARCHAR(32) NOT NULL) INSERT INTO {new}.t VALUES (1, N'é; -- x'), (2, '漢'); UPDATE {new}.t SET a = a + 1",
        f"CREATE VIEW {new}.v AS SELECT b, a FROM {new}.t",
        f"CREATE FUNCTION {new}.f(@a NVARCHAR(9)) RETURNS BIT AS BEGIN RETURN 0; END",
        f"CREATE PROCEDURE {new}.p @n INT AS BEGIN DELETE FROM {new}.t WHERE a = @n; PRINT 'gone'; END",
        f"EXEC {new}.p 2",
        f"CREATE ROLE {new}_old; ALTER ROLE {new}_old WITH NAME = {new}_role EXEC sp_addrolemember '{new}_role', [{new} user]",
        f"GRANT ALTER ANY USER, CREATE VIEW TO {new}_role GRANT SELECT ON {new}.v TO {new}_role; GRANT IMPERSONATE ON USER::[{new} user] TO {new}_role",
    ):
        synapse.query(batch)
    assert synapse.query(f"SELECT * FROM {new}.v", **user) == [("漢", 3)]
    pool = synapse.catalog()["databases"]["pool"]
    assert pool["schemas"][new] == {"owner": f"{new} user"}
    made = {kind: [each for each in pool[kind] if each not in before["databases"]["pool"][kind]] for kind in (*KINDS, "permissions")}
    assert [made[kind] for kind in KINDS] == [[f"{new}.{name}"] for name in "tvfp"]
    assert (pool["users"][f"{new} user"], pool["roles"][f"{new}_role"]) == ({"login": f"{new} user"}, {"members": [f"{new} user"]})
    assert [tuple(each[:2]) for each in made["permissions"]] == [
        ("ALTER ANY USER", ""),
        ("CREATE VIEW", ""),
        ("IMPERSONATE", f"USER::{new} user"),
        ("SELECT", f"OBJECT::{new}.v"),
    ]
    assert nasty not in str(synapse.catalog())
    drops = [
        *(f"{kind} {new}.{kind[0].lower()}" for kind in ("VIEW", "TABLE", "FUNCTION", "PROCEDURE")),
        f"SCHEMA {new}",
        f"ROLE {new}_role",
        f"USER [{new} user]",
    ]
    synapse.query("; DROP ".join(["SELECT 1 AS a", *drops]))
    synapse.query(f"DROP LOGIN [{new} user]", "master")
    assert synapse.catalog() == before


def test_it_lets_in_who_has_the_password_and_a_user_in_the_database(synapse: SynapseEngine, new: str, nasty: str) -> None:
    synapse.query(f"CREATE LOGIN {new} WITH PASSWORD = {literal(nasty)}", "master")
    assert not synapse.can_login(new, nasty, "pool")
    synapse.query(f"CREATE USER {new} FOR LOGIN {new}")
    assert synapse.can_login(new, nasty, "pool")
    for wrong in (nasty + " ", nasty[:-1], nasty.replace("\\", "\\\\"), ""):
        assert not synapse.can_login(new, wrong, "pool")
    assert not any(synapse.can_login(new, nasty, database) for database in ("master", "not_there"))
    synapse.query(f"ALTER LOGIN {new} WITH PASSWORD = 'New1'", "master")
    assert (synapse.can_login(new, nasty, "pool"), synapse.can_login(new, "New1", "pool")) == (False, True)


@pytest.mark.parametrize(
    ("sql", "number", "text"),
    [
        ("CREATE SCHEMA {}", 2714, "There is already an object named '{}' in the database."),
        ("CREATE TABLE {}.t (a INT)", 2714, "There is already an object named '{}.t' in the database."),
        ("CREATE TABLE nowhere.t (a INT)", 15151, "Cannot find the schema 'nowhere'"),
        ("CREATE USER x FOR LOGIN nobody", 15007, "'nobody' is not a valid login"),
        ("CREATE LOGIN x WITH PASSWORD = 'geheim'", 5001, "User must be in the master database."),
        ("DROP USER nobody", 15151, "Cannot drop the user 'nobody', because it does not exist"),
        ("DROP USER {}_u", 15138, "The database principal owns a schema in the database"),
        ("DROP SCHEMA {}", 3729, "Cannot drop schema '{}' because it is being referenced"),
        ("DROP TABLE {}.nothing", 3701, "Cannot drop the table '{}.nothing', because it does not exist"),
        ("GRANT SELECT ON {}.nothing TO {}_u", 15151, "Cannot find the object '{}.nothing'"),
        ("SELECT * FROM {}.nothing", 208, "Invalid object name '{}.nothing'."),
        ("SELECT no_such FROM {}.t", 207, "Invalid column name 'no_such'."),
        ("SELECT 'geheim", 105, "Unclosed quotation mark after the character string 'geheim'."),
        ("SELECT 1 /* /* */", 105, "Unclosed quotation mark"),
        ("SELECT 1; CREATE NONSENSE x", 102, "Incorrect syntax near 'CREATE'."),
        ("SELECT FROM", 102, "Incorrect syntax near 'SELECT'."),
        ("SELECT 1; CREATE VIEW {}.v AS SELECT 1", 111, "'CREATE VIEW' must be the first statement in a query batch."),
        ("USE master", 40508, "USE statement is not supported"),
    ],
)
def test_what_is_wrong_has_the_services_number_and_words(synapse: SynapseEngine, new: str, sql: str, number: int, text: str) -> None:
    synapse.query(f"CREATE USER {new}_u WITH PASSWORD = 'Xy1'")
    synapse.query(f"CREATE SCHEMA {new} AUTHORIZATION {new}_u")
    synapse.query(f"CREATE TABLE {new}.t (a INT)")
    before = synapse.catalog()
    found = failure(synapse, sql.replace("{}", new))
    assert (found[0], found[1].startswith(text.replace("{}", new))) == (number, True), found
    assert synapse.catalog() == before


def test_a_table_is_read_by_those_who_were_granted_it(synapse: SynapseEngine, new: str) -> None:
    who: dict[str, Any] = {"user": new, "password": "Xy1"}
    synapse.query(f"CREATE USER {new} WITH PASSWORD = 'Xy1'")
    synapse.query(f"CREATE SCHEMA {new}")
    synapse.query(f"CREATE TABLE {new}.t (a INT)")
    assert failure(synapse, f"SELECT * FROM {new}.t", **who)[0] == 229
    synapse.query(f"GRANT SELECT ON SCHEMA::{new} TO {new}")
    assert synapse.query(f"SELECT * FROM {new}.t", **who) == []
