# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in to the Snowflake engine: passwords as typed, key pairs, roles, warehouses, the end of a session."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from engine.on_snowflake import in_double_quotes, refused
from engines import SnowflakeEngine
from snowflake.connector.errors import DatabaseError
from support.literals import snowflake as literal


@pytest.mark.parametrize("quote", [literal, in_double_quotes], ids=["single quotes", "double quotes"])
def test_a_nasty_password_arrives_as_typed(snowflake: SnowflakeEngine, cursor: Any, new: str, nasty: str, quote: Any) -> None:
    cursor.execute(f"CREATE USER {new} default_role=PUBLIC password={quote(nasty)} must_change_password=false")
    assert snowflake.can_login(new, nasty)
    for wrong in (nasty + " ", nasty.replace("\\", ""), nasty.replace("\\", "\\\\"), nasty[:-1], ""):
        assert not snowflake.can_login(new, wrong or "x")


def test_a_password_in_dollar_quotes_arrives_as_typed(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD = $$a'b\"c;d\\e%s{{{{ f }}}} -- é$$")
    assert snowflake.can_login(new, "a'b\"c;d\\e%s{{ f }} -- é")


def test_a_changed_password_replaces_the_old_one(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD = 'old'")
    cursor.execute(f"ALTER USER {new} SET PASSWORD = 'new'")
    assert (snowflake.can_login(new, "old"), snowflake.can_login(new, "new")) == (False, True)
    cursor.execute(f"ALTER USER {new} UNSET PASSWORD")
    assert not snowflake.can_login(new, "new")


def test_a_wrong_password_has_the_services_code_and_text(snowflake: SnowflakeEngine) -> None:
    with pytest.raises(DatabaseError, match=r"Incorrect username or password was specified\.") as error:
        snowflake.connect(snowflake.admin_user, "wrong")
    assert error.value.errno == 390100


def test_users_log_in_by_their_login_name_unless_disabled(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER \"{new} x\" LOGIN_NAME = '{new}@example.com' PASSWORD = 'a'")
    assert snowflake.can_login(f"{new}@Example.com", "a")
    assert not snowflake.can_login(f"{new} x", "a")
    cursor.execute(f'ALTER USER "{new} x" SET DISABLED = TRUE')
    assert not snowflake.can_login(f"{new}@example.com", "a")


def test_key_pairs_log_in(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _unused in range(2))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    cursor.execute(f"CREATE USER {new} RSA_PUBLIC_KEY = '{''.join(public.splitlines()[1:-1])}'")
    private = [k.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) for k in (key, other)]
    with snowflake.connect(new, private_key=private[0]) as connection:
        assert connection.cursor().execute("SELECT CURRENT_USER()").fetchone() == (new.upper(),)
    with pytest.raises(DatabaseError, match="JWT token is invalid") as error:
        snowflake.connect(new, private_key=private[1])
    assert error.value.errno == 390144
    cursor.execute(f"ALTER USER {new} UNSET RSA_PUBLIC_KEY")
    with pytest.raises(DatabaseError, match="JWT token is invalid"):
        snowflake.connect(new, private_key=private[0])


def test_a_key_that_is_none_is_refused(cursor: Any, new: str) -> None:
    assert "Invalid public key" in refused(cursor, f"CREATE USER {new} RSA_PUBLIC_KEY = 'MIIB'")[2]


def test_a_login_names_a_role_it_has(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE USER {new} PASSWORD = 'a' DEFAULT_ROLE = {new}_role")
    with pytest.raises(DatabaseError, match="not granted to this user") as error:
        snowflake.connect(new, "a")
    assert error.value.errno == 390186
    cursor.execute(f"CREATE ROLE {new}_role")
    cursor.execute(f"GRANT ROLE {new}_role TO USER {new}")
    with snowflake.connect(new, "a") as connection:
        assert connection.role == f"{new}_role".upper()
    with pytest.raises(DatabaseError) as error:
        snowflake.connect(new, "a", role="ACCOUNTADMIN")
    assert error.value.errno == 390189


def test_a_login_with_a_database_uses_it_and_one_without_it_gets_in_too(snowflake: SnowflakeEngine, cursor: Any, new: str) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    with snowflake.connect(database=new) as connection:
        assert connection.database == new.upper()
    with snowflake.connect(database=f"{new}_not") as connection:
        assert connection.database is None
        assert refused(connection.cursor(), "CREATE SCHEMA s")[0] == 90105


@pytest.mark.parametrize("warehouse", ["not_there", None])
def test_without_a_warehouse_queries_fail_but_not_the_login(snowflake: SnowflakeEngine, cursor: Any, new: str, warehouse: str | None) -> None:
    cursor.execute(f"CREATE DATABASE {new}")
    cursor.execute("CREATE TABLE t (a INT)")
    with snowflake.connect(database=new, warehouse=warehouse) as connection:
        found = refused(connection.cursor(), "SELECT * FROM t")
        assert found[:2] == (606, "57P03")
        connection.cursor().execute("SELECT 1")
        connection.cursor().execute("USE WAREHOUSE compute_wh")
        assert connection.cursor().execute("SELECT * FROM t").fetchall() == []


def test_a_session_that_was_closed_is_over(snowflake: SnowflakeEngine) -> None:
    connection = snowflake.connect()
    token = connection.rest.token
    connection.close()
    with snowflake.connect() as again:
        again.rest._token, kept = token, again.rest.token
        with pytest.raises(DatabaseError, match="Session no longer exists"):
            again.cursor().execute("SELECT 1")
        again.rest._token = kept
