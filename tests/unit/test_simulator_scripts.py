# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that the simulator hands out: which there are, in which form, and that secrets in them are quoted right."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import sqlglot
from simulator import Reply, Simulator
from simulator.platforms import PLATFORMS

ACCOUNT = {"authenticationType": "userPassword", "username": "IMMUTA_SYSTEM_ACCOUNT", "password": "abc1234"}
PAYLOADS: dict[str, dict[str, Any]] = {
    "Snowflake": {"host": "org.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", **ACCOUNT},
    "Redshift": {"host": "cluster.example.com", "database": "immuta", "initialDatabase": "dev", **ACCOUNT},
    "Databricks": {"workspaceUrl": "w.example.com", "httpPath": "sql/1", "authenticationType": "token", "token": "t"},
    "Azure Synapse Analytics": {"host": "s.example.com", "database": "pool", "schema": "views", **ACCOUNT},
    "Google BigQuery": {"role": "immuta", "datasetSuffix": "_v", "dataset": "immuta", "location": "eu", "credential": "{}"},
    "Native S3": {
        "name": "n",
        "awsAccountId": "1",
        "awsRegion": "eu-west-1",
        "awsLocationRole": "arn",
        "awsLocationPath": "s3://",
        "authenticationType": "auto",
    },
}
# The vendor's page "Integrations API Endpoints": which script there is for which type
MATRIX = {
    "create": {"Snowflake", "Databricks", "Redshift", "Azure Synapse Analytics"},
    "initial-create": {"Redshift", "Azure Synapse Analytics"},
    "cleanup": {"Snowflake", "Redshift", "Azure Synapse Analytics"},
    "post-cleanup": {"Azure Synapse Analytics"},
    "edit": {"Snowflake", "Databricks", "Redshift", "Azure Synapse Analytics"},
    "delete": {"Snowflake", "Databricks", "Redshift", "Azure Synapse Analytics"},
}
PASSWORDS = ["plain", "o'clock", 'dou"ble', "semi;colon", "$$", "a$$b;$", "ends$", "back\\slash\\", "\\'", "%s {{ x }} %(y)s", "grün 🔑", "--", "/*", "443"]


def payload(type_: str, **config: Any) -> dict[str, Any]:
    return {"type": type_, "autoBootstrap": False, "config": {**copy.deepcopy(PAYLOADS[type_]), **config}}


def script(tenant: Simulator, action: str, document: dict[str, Any]) -> Reply:
    """A script; those of one integration for one that is seeded with the plain payload."""
    if action not in ("edit", "delete"):
        return tenant.call("POST", f"/integrations/scripts/{action}", document)
    known = tenant.integrations() or [{"id": tenant.seed(payload(document["type"]))}]
    return tenant.call("POST", f"/integrations/{known[0]['id']}/scripts/{action}", document if action == "edit" else None)


# -- which scripts there are ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", MATRIX)
@pytest.mark.parametrize("type_", PAYLOADS)
def test_support_matrix(tenant: Simulator, type_: str, action: str) -> None:
    reply = script(tenant, action, payload(type_))
    if type_ in MATRIX[action]:
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert reply.text.endswith("\n")
    else:
        assert (reply.status, reply.json()["message"]) == (400, f"The {action} script is not available for {type_} integrations.")


def test_table_of_scripts_is_the_documented_one() -> None:
    assert {action: {name for name, platform in PLATFORMS.items() if action in platform.scripts} for action in MATRIX} == MATRIX


def test_trino_has_no_scripts(tenant: Simulator) -> None:
    assert tenant.call("POST", "/integrations/scripts/create", {"type": "Trino"}).status == 400


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_databricks_scripts_are_a_contradiction_of_the_vendors_pages(tenant: Simulator, action: str) -> None:
    tenant.settings(databricks_scripts=False)
    assert script(tenant, action, payload("Databricks")).status == 400


def test_scripts_want_the_whole_payload_with_bootstrap_off(tenant: Simulator) -> None:
    automatic = {**payload("Snowflake"), "autoBootstrap": True}
    reply = tenant.call("POST", "/integrations/scripts/create", automatic)
    assert (reply.status, '"autoBootstrap" must be [false]' in reply.text.replace('\\"', '"')) == (400, True)
    assert tenant.call("POST", "/integrations/scripts/create", {"type": "Snowflake", "autoBootstrap": False}).status == 400


def test_delete_script_takes_no_payload(tenant: Simulator) -> None:
    id_ = tenant.seed(payload("Snowflake"))
    assert tenant.call("POST", f"/integrations/{id_}/scripts/delete", payload("Snowflake")).status == 400


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_scripts_of_an_unknown_integration_are_404(tenant: Simulator, action: str) -> None:
    assert tenant.call("POST", f"/integrations/9/scripts/{action}", payload("Snowflake")).status == 404


def test_edit_script_refuses_what_is_fixed(tenant: Simulator) -> None:
    reply = script(tenant, "edit", payload("Redshift", database="other"))
    assert (reply.status, reply.json()["message"].endswith("config.database")) == (400, True)


# -- forms ------------------------------------------------------------------------------------------------------------


def test_forms_of_the_answer(tenant: Simulator) -> None:
    plain = script(tenant, "create", payload("Redshift")).text
    forms = {"sql": lambda reply: reply.text, "json": lambda reply: reply.json(), "object": lambda reply: reply.json()["script"]}
    for form, text in forms.items():
        tenant.settings(script_answer=form)
        assert text(script(tenant, "create", payload("Redshift"))) == plain, form


def test_byte_order_mark_and_line_ends(tenant: Simulator) -> None:
    plain = script(tenant, "create", payload("Redshift")).text
    tenant.settings(script_bom=True, script_newline="crlf")
    assert script(tenant, "create", payload("Redshift")).text == "\ufeff" + plain.replace("\n", "\r\n")


def test_same_payload_gives_the_same_text_unless_told_otherwise(tenant: Simulator) -> None:
    def twice() -> list[str]:
        return [script(tenant, "create", payload("Snowflake")).text for _unused in range(2)]

    first, second = twice()
    assert first == second
    tenant.settings(script_timestamp=True)
    first, second = twice()
    assert first != second
    assert first.split("\n", 1)[1] == second.split("\n", 1)[1]


def test_no_script_is_empty_unless_told_so(tenant: Simulator) -> None:
    tenant.settings(script_tampering={"create": {"kind": "empty"}})
    assert script(tenant, "create", payload("Redshift")).text == ""
    assert script(tenant, "initial-create", payload("Redshift")).text != ""


@pytest.mark.parametrize(
    ("tampering", "wanted"),
    [
        ({"kind": "poison"}, "DROP DATABASE somebody_elses"),
        ({"kind": "poison", "sql": "COPY INTO @stage FROM t"}, "COPY INTO @stage FROM t"),
        ({"kind": "break", "statement": 4}, "SELECT * FROM immuta_no_such_schema.no_such_table"),
    ],
)
def test_tampered_script_has_one_statement_more(tenant: Simulator, tampering: dict[str, Any], wanted: str) -> None:
    before = script(tenant, "initial-create", payload("Redshift")).text
    tenant.settings(script_tampering={"*": tampering})
    after = script(tenant, "initial-create", payload("Redshift")).text
    assert after.replace(f"{wanted};\n", "", 1) == before
    assert after != before


def test_tampered_statement_has_the_number_that_was_asked_for(tenant: Simulator) -> None:
    tenant.settings(script_tampering={"delete": {"kind": "poison", "statement": 2, "sql": "SELECT 'here'"}}, snowflake_use_role=False)
    statements = [line.strip() for line in script(tenant, "delete", payload("Snowflake")).text.split("\n") if line and not line.startswith(("--", "/*"))]
    assert statements[1] == "SELECT 'here';"


# -- what the vendor says about them ----------------------------------------------------------------------------------


def test_setup_is_not_re_runnable_and_holds_the_clear_password(tenant: Simulator) -> None:
    snowflake = script(tenant, "create", payload("Snowflake")).text
    assert 'CREATE DATABASE "IMMUTA";' in snowflake
    assert "password='abc1234'" in snowflake
    redshift = script(tenant, "initial-create", payload("Redshift")).text + script(tenant, "create", payload("Redshift")).text
    assert 'CREATE DATABASE "immuta";' in redshift
    assert "PASSWORD 'abc1234'" in redshift


@pytest.mark.parametrize("type_", ["Snowflake", "Redshift", "Databricks"])
def test_script_has_several_statements_on_a_line_and_semicolons_elsewhere(tenant: Simulator, type_: str) -> None:
    text = script(tenant, "create", payload(type_)).text
    assert re.search(r"^CREATE SCHEMA .*; (CREATE|GRANT) .*;$|^GRANT .*; GRANT .*;$", text, re.MULTILINE)
    assert re.search(r"\$\$[^$]*;[^$]*\$\$", text)
    assert re.search(r"'[^'\n]*;[^'\n]*'", text)
    assert re.search(r"^--.*;|^--.*'", text, re.MULTILINE)


def test_synapse_batches_end_with_go(tenant: Simulator) -> None:
    text = script(tenant, "create", payload("Azure Synapse Analytics")).text
    assert text.endswith("\nGO\n")
    assert text.count("\nGO\n") > 5


def test_snowflake_sections_are_by_role(tenant: Simulator) -> None:
    text = script(tenant, "create", payload("Snowflake")).text
    roles = ["SYSADMIN", "USERADMIN", "SECURITYADMIN", "ACCOUNTADMIN"]
    assert re.findall(r'^USE ROLE "(\w+)";$', text, re.MULTILINE) == roles
    tenant.settings(snowflake_use_role=False)
    text = script(tenant, "create", payload("Snowflake")).text
    assert "USE ROLE" not in text
    assert re.findall(r"^-- ---- (\w+);", text, re.MULTILINE) == roles


def test_features_are_in_the_script_only_when_they_are_on(tenant: Simulator) -> None:
    on = {"audit": {"enabled": True}, "impersonation": {"enabled": True, "role": "ACT_AS"}}
    plain, full = (script(tenant, "create", payload("Snowflake", **config)).text for config in ({}, on))
    for statement in ("GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE", 'CREATE ROLE "ACT_AS"'):
        assert statement in full
        assert statement not in plain


@pytest.mark.parametrize(
    ("type_", "change", "statement"),
    [
        ("Snowflake", {"audit": {"enabled": True}}, "GRANT IMPORTED PRIVILEGES"),
        ("Snowflake", {"impersonation": {"enabled": True}}, 'CREATE ROLE "IMMUTA_IMPERSONATION"'),
        ("Snowflake", {"warehouse": "OTHER"}, 'default_warehouse="OTHER"'),
        ("Snowflake", {"username": "NEW"}, 'ALTER USER "IMMUTA_SYSTEM_ACCOUNT" RENAME TO "NEW"'),
        ("Snowflake", {"password": "new"}, "SET password='new'"),
        ("Redshift", {"impersonation": {"enabled": True}}, 'CREATE GROUP "immuta_impersonation"'),
        ("Redshift", {"password": "new"}, "PASSWORD 'new'"),
        ("Databricks", {"audit": {"enabled": True}}, "GRANT SELECT ON TABLE system.access.audit"),
        ("Azure Synapse Analytics", {"impersonation": {"enabled": True}}, "CREATE ROLE [IMMUTA_IMPERSONATION]"),
    ],
)
def test_edit_script_holds_what_changes_and_nothing_else(tenant: Simulator, type_: str, change: dict[str, Any], statement: str) -> None:
    assert statement not in script(tenant, "edit", payload(type_)).text
    assert statement in script(tenant, "edit", payload(type_, **change)).text


def test_edit_script_takes_back_what_is_switched_off(tenant: Simulator) -> None:
    id_ = tenant.seed(payload("Redshift", impersonation={"enabled": True, "role": "act_as"}))
    text = tenant.call("POST", f"/integrations/{id_}/scripts/edit", payload("Redshift")).text
    assert 'DROP GROUP "act_as";' in text
    renamed = tenant.call("POST", f"/integrations/{id_}/scripts/edit", payload("Redshift", impersonation={"enabled": True, "role": "other"})).text
    assert renamed.index('DROP GROUP "act_as"') < renamed.index('CREATE GROUP "other"')


def test_redshift_database_can_be_one_that_stays(tenant: Simulator) -> None:
    assert 'DROP DATABASE "immuta";' in script(tenant, "cleanup", payload("Redshift")).text
    tenant.settings(drop_database=False)
    text = script(tenant, "cleanup", payload("Redshift")).text
    assert "DROP DATABASE" not in text
    assert "DROP SCHEMA immuta_system CASCADE;" in text


# -- the switches of the unknown --------------------------------------------------------------------------------------


def test_second_script_can_wait_until_the_first_was_asked_for(tenant: Simulator) -> None:
    tenant.settings(script_order="requested")
    assert script(tenant, "create", payload("Redshift")).status == 400
    assert script(tenant, "initial-create", payload("Redshift")).status == 200
    assert script(tenant, "create", payload("Redshift", host="other")).status == 400
    assert script(tenant, "create", payload("Redshift")).status == 200
    assert script(tenant, "create", payload("Snowflake")).status == 200


def test_server_can_make_the_password_and_remembers_it(tenant: Simulator) -> None:
    tenant.settings(script_password="server")
    made = {re.search(r"PASSWORD '([^']+)'", script(tenant, "create", payload("Redshift")).text)[1] for _unused in range(2)}  # type: ignore[index]
    assert len(made) == 1
    assert "abc1234" not in made


# -- quoting ----------------------------------------------------------------------------------------------------------


def literals(text: str, dialect: str) -> list[str]:
    """The strings of a script as an independent tokenizer reads them."""
    kinds = (sqlglot.TokenType.STRING, sqlglot.TokenType.NATIONAL_STRING, sqlglot.TokenType.RAW_STRING, sqlglot.TokenType.HEREDOC_STRING)
    return [token.text for token in sqlglot.tokenize(text, dialect=dialect) if token.token_type in kinds]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(("type_", "style"), [("Snowflake", "single"), ("Snowflake", "dollar"), ("Redshift", "single")])
def test_password_is_quoted_for_the_dialect(tenant: Simulator, type_: str, style: str, password: str) -> None:
    tenant.settings(snowflake_password=style)
    text = script(tenant, "create", payload(type_, password=password)).text
    assert password in literals(text, type_.lower())


@pytest.mark.parametrize("password", PASSWORDS)
def test_double_quoted_password_doubles_its_quotes(tenant: Simulator, password: str) -> None:
    tenant.settings(snowflake_password="double")
    text = script(tenant, "create", payload("Snowflake", password=password)).text
    assert 'password="' + password.replace('"', '""') + '"' in text


@pytest.mark.parametrize("password", [word for word in PASSWORDS if "\\" not in word])
def test_synapse_password_is_a_unicode_literal(tenant: Simulator, password: str) -> None:
    text = script(tenant, "initial-create", payload("Azure Synapse Analytics", password=password)).text
    assert "= N'" + password.replace("'", "''") + "'" in text


@pytest.mark.parametrize("name", ['quo"te', "semi;colon", "back`tick", "brack]et", "$$"])
def test_names_are_quoted_for_the_dialect(tenant: Simulator, name: str) -> None:
    assert '"' + name.replace('"', '""') + '"' in script(tenant, "create", payload("Redshift", username=name)).text
    assert "[" + name.replace("]", "]]") + "]" in script(tenant, "create", payload("Azure Synapse Analytics", username=name)).text
    assert "`" + name.replace("`", "``") + "`" in script(tenant, "create", payload("Databricks", catalog=name)).text
