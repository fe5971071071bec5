# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The technologies of connections against the vendor's payload reference, and everything that is derived from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.community.immuta.plugins.doc_fragments import behind_connection as behind_documentation
from ansible_collections.community.immuta.plugins.doc_fragments import connection as connection_documentation
from ansible_collections.community.immuta.plugins.doc_fragments import settings as settings_documentation
from ansible_collections.community.immuta.plugins.module_utils._core.errors import OptionError
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import looks_secret
from ansible_collections.community.immuta.plugins.module_utils._model.fields import Field, prune
from ansible_collections.community.immuta.plugins.module_utils._model.specs import BEHIND_CONNECTION, CONNECTION
from ansible_collections.community.immuta.plugins.module_utils._model.technologies import (
    DATABRICKS_CONNECTION,
    SNOWFLAKE_CONNECTION,
    TECHNOLOGIES,
    key_problem,
    technology_of,
)
from ansible_collections.community.immuta.plugins.module_utils._plan.connection import wanted_connection

KEY_FILE = {"keyName": "PRIV_KEY_FILE", "userFilename": "immuta.p8", "content": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"}
BY_SECRET = {"useCertificate": False, "clientId": "id", "clientSecret": "hush hush", "scope": "all-apis", "authorityUrl": "https://idp.example.com"}
BY_CERTIFICATE = {
    "useCertificate": True,
    "clientId": "id",
    "scope": "session:role-any",
    "authorityUrl": "https://idp.example.com",
    "resource": "https://snowflake.example.com",
    "publicCertificateThumbprint": "AA:BB",
    "oauthPrivateKey": KEY_FILE,
}
# Authentication type -> its credentials in the vendor's spelling.
SNOWFLAKE_SIGN_IN: dict[str, tuple[str, dict[str, Any]]] = {
    "password": ("userPassword", {"username": "IMMUTA", "password": 'a "b" $$;'}),
    "key": ("keyPair", {"username": "IMMUTA", "privateKey": KEY_FILE}),
    "encrypted key": ("keyPair", {"username": "IMMUTA", "privateKey": KEY_FILE, "privateKeyPassword": "open sesame"}),
    "oauth secret": ("oAuthClientCredentials", {"oAuthClientConfig": BY_SECRET}),
    "oauth certificate": ("oAuthClientCredentials", {"oAuthClientConfig": BY_CERTIFICATE}),
}
DATABRICKS_SIGN_IN: dict[str, tuple[str, dict[str, Any]]] = {
    "token": ("token", {"token": "dapi0123456789"}),
    "oauth secret": ("oAuthM2M", {"oAuthClientConfig": BY_SECRET}),
    "oauth certificate": ("oAuthM2M", {"oAuthClientConfig": BY_CERTIFICATE}),
}


def snowflake(sign_in: str) -> dict[str, Any]:
    """Return the body of a registration according to the vendor's payload reference."""
    kind, credentials = SNOWFLAKE_SIGN_IN[sign_in]
    common = {"port": 443, "warehouse": "WH", "authenticationType": kind, **credentials}
    return {
        "connectionKey": "sf-prod",
        "connection": {"technology": "Snowflake", "hostname": "acme.snowflakecomputing.com", "role": "IMMUTA_ROLE", **common},
        "settings": {"isActive": False, "activateNewChildren": True, "dataOwners": [{"type": "group", "id": 7}]},
        "options": {"forceRecursiveCrawl": True},
        "nativeIntegration": {
            "type": "Snowflake",
            "autoBootstrap": False,
            "config": {
                "host": "acme.snowflakecomputing.com",
                "database": "IMMUTA",
                "audit": {"enabled": True},
                "impersonation": {"enabled": True, "role": "IMP"},
                "lineage": {"enabled": False, "lineageConfig": {"tableFilter": ".*", "tagFilter": ".*", "ingestBatchSize": 100}},
                "userRolePattern": {"exclude": ["ETL"]},
                "workspaces": {"enabled": False, "warehouses": ["WH"]},
                **common,
            },
        },
    }


def databricks(sign_in: str) -> dict[str, Any]:
    """Return the body of a registration from the vendor's page about Databricks Unity Catalog connections."""
    kind, credentials = DATABRICKS_SIGN_IN[sign_in]
    common = {"port": 443, "authenticationType": kind, **credentials}
    return {
        "connectionKey": "dbx-prod",
        "connection": {"technology": "Databricks", "hostname": "www.work.cloud.databricks.com", "httpPath": "sql/protocolv1/o/0/path", **common},
        "settings": {"isActive": False},
        "options": {"forceRecursiveCrawl": True},
        "nativeIntegration": {
            "type": "Databricks",
            "autoBootstrap": False,
            "unityCatalog": True,
            "config": {
                "host": "www.work.cloud.databricks.com",
                "catalog": "immuta",
                "audit": {"enabled": True},
                "workspaceIds": ["1", "2"],
                "groupPattern": {"deny": "exempt"},
                **common,
            },
        },
    }


PAYLOADS = [pytest.param(snowflake(name), id=f"Snowflake, {name}") for name in SNOWFLAKE_SIGN_IN]
PAYLOADS += [pytest.param(databricks(name), id=f"Databricks, {name}") for name in DATABRICKS_SIGN_IN]


def as_a_task_gives_it(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options as parsed by the argument spec."""
    checked = ArgumentSpecValidator(CONNECTION).validate(options)
    assert not checked.error_messages
    pruned: dict[str, Any] = prune(checked.validated_parameters)
    return pruned


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("Trino", 4),
        ("Starburst (Trino)", 4),
        ("Oracle", 4),
        ("SQL Server", 4),
        ("SQLServer", 4),
        ("mariadb", 3),
        ("Teradata", 3),
        ("glue", 3),
        ("Snowflake", 4),
        ("DATABRICKS", 4),
        ("Databricks Lakebase", 0),
        ("PostgreSQL", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_how_deep_a_technology_goes_is_known_however_it_is_spelled(name: Any, levels: int) -> None:
    assert technology_of(name).levels == levels


@pytest.mark.parametrize("name", ["Trino", "SQL Server", "MARIADB", "Oracle", "Whatever"])
def test_a_name_that_the_vendor_does_not_document_is_sent_as_it_is_given(name: str) -> None:
    assert wanted_connection({"connection_key": "k", "connection": {"technology": name}}).connection == {"technology": name}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_of_the_vendor_works_as_pasted(payload: dict[str, Any]) -> None:
    assert wanted_connection(as_a_task_gives_it(payload)).document() == payload


def spelled(value: Any, fields: Sequence[Field]) -> Any:
    """Return an API document with option names."""
    known = {field.key: field for field in fields}
    if isinstance(value, dict) and fields:
        return {known[key].option: spelled(item, known[key].fields) for key, item in value.items()}
    return value


@pytest.mark.parametrize("payload", PAYLOADS)
def test_our_own_spelling_says_the_same(payload: dict[str, Any]) -> None:
    technology = technology_of(payload["connection"]["technology"])
    options = {
        "connection_key": payload["connectionKey"],
        "connection": spelled(payload["connection"], technology.fields),
        "settings": {"is_active": False},
        "native_integration": spelled(payload["nativeIntegration"], technology.native_fields),
    }
    document = wanted_connection(as_a_task_gives_it(options)).document()
    assert document["connection"] == payload["connection"]
    assert document["nativeIntegration"] == payload["nativeIntegration"]


@pytest.mark.parametrize(("host", "path"), [({"workspaceUrl": "w"}, {"httpPath": "p"}), ({"host": "w", "port": 443}, {}), ({"host": "w"}, {"httpPath": "p"})])
def test_each_spelling_of_the_host_is_taken_as_it_is_given(host: dict[str, Any], path: dict[str, Any]) -> None:
    payload = databricks("token")
    config = {**host, **path, "catalog": "immuta"}
    payload["nativeIntegration"]["config"] = config
    assert wanted_connection(as_a_task_gives_it(payload)).document()["nativeIntegration"]["config"] == config


# --- options of each technology


def test_an_option_of_another_technology_is_refused() -> None:
    with pytest.raises(OptionError, match=r"connection\.warehouse does not belong here"):
        wanted_connection({"connection_key": "k", "connection": {"technology": "Databricks", "warehouse": "WH"}})


def test_unity_catalog_is_an_option_of_databricks_alone() -> None:
    with pytest.raises(OptionError, match=r"native_integration\.unity_catalog does not belong here"):
        wanted_connection({"connection_key": "k", "connection": {"technology": "Snowflake"}, "native_integration": {"unity_catalog": True}})


@pytest.mark.parametrize("where", ["connection", "native_integration"])
def test_credentials_of_another_authentication_type_are_refused(where: str) -> None:
    credentials = {"authentication_type": "keyPair", "password": "hush hush"}
    options: dict[str, Any] = {"connection_key": "k", "connection": {"technology": "Snowflake"}}
    options[where] = {**options.get(where, {}), **credentials} if where == "connection" else {"config": credentials}
    path = "connection" if where == "connection" else "native_integration.config"
    with pytest.raises(OptionError) as caught:
        wanted_connection(options)
    assert caught.value.facts["option"] == f"{path}.password"
    assert "belongs to authentication_type userPassword, not to keyPair" in caught.value.message


def test_an_authentication_type_that_is_not_known_goes_through() -> None:
    given = {"technology": "Snowflake", "authentication_type": "passkey", "username": "u", "extra": {"passkey": "abcd"}}
    assert wanted_connection({"connection_key": "k", "connection": given}).connection["authenticationType"] == "passkey"


# --- technologies without a table


def test_an_unknown_technology_is_passed_on_unchanged() -> None:
    extra = {"clientConfiguration": {"credential": {"authenticationType": "iam", "role": "arn:aws:iam::1:role/x"}}, "awsRegion": "eu-west-1"}
    given = {"technology": "Oracle", "hostname": "db.example.com", "port": 1521, "password": "hush hush", "extra": extra}
    native = {"type": "Oracle", "extra": {"viewless": True}, "config": {"host": "db.example.com", "extra": {"sid": "X"}}}
    document = wanted_connection(as_a_task_gives_it({"connection_key": "ora", "connection": given, "native_integration": native})).document()
    assert document == {
        "connectionKey": "ora",
        "connection": {"technology": "Oracle", "hostname": "db.example.com", "port": 1521, "password": "hush hush", **extra},
        "nativeIntegration": {"type": "Oracle", "viewless": True, "config": {"host": "db.example.com", "sid": "X"}},
    }


def test_lake_formation_is_glue_and_everything_of_it_is_extra() -> None:
    given = {"technology": "Glue", "extra": {"accessKeyId": "AKIA", "secretAccessKey": "hush hush", "region": "us-east-1"}}
    assert wanted_connection({"connection_key": "lake", "connection": given}).document() == {
        "connectionKey": "lake",
        "connection": {"technology": "Glue", "accessKeyId": "AKIA", "secretAccessKey": "hush hush", "region": "us-east-1"},
    }


@pytest.mark.parametrize("name", ["Glue", "Oracle"])
def test_nothing_but_the_technology_is_required_of_what_has_no_table(name: str) -> None:
    technology = technology_of(name)
    assert not technology.documented
    assert [field.option for field in technology.fields if field.required] == ["technology"]
    assert not [field.option for field in technology.native_fields if field.required]


def test_secrets_stay_secrets_where_there_is_no_table() -> None:
    secrets = {path for path, _unused, field in walk(technology_of("Oracle").fields) if field.secret}
    known = {path for technology in (SNOWFLAKE_CONNECTION, DATABRICKS_CONNECTION) for path, _unused, field in walk(technology.fields) if field.secret}
    assert secrets == known


def test_extra_of_one_dict_says_nothing_about_another() -> None:
    given = {"technology": "Snowflake", "extra": {"a": 1}}
    native = {"extra": {"b": 2, "config": {"c": 3}}, "config": {"host": "h", "extra": {"d": 4}}}
    document = wanted_connection({"connection_key": "k", "connection": given, "native_integration": native, "settings": {"extra": {"e": 5}}}).document()
    assert document["connection"] == {"technology": "Snowflake", "a": 1}
    assert document["nativeIntegration"] == {"b": 2, "config": {"host": "h", "c": 3, "d": 4}}
    assert document["settings"] == {"e": 5}


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"connection": {"technology": "Snowflake", "extra": {"hostname": "h"}}}, "connection.extra.hostname"),
        ({"native_integration": {"extra": {"autoBootstrap": False}}}, "native_integration.extra.autoBootstrap"),
        ({"native_integration": {"extra": {"config": {"host": "h"}}}}, "native_integration.extra.config.host"),
        ({"native_integration": {"config": {"extra": {"host": "h"}}}}, "native_integration.config.extra.host"),
        ({"settings": {"extra": {"isActive": True}}}, "settings.extra.isActive"),
        ({"options": {"extra": {"forceRecursiveCrawl": True}}}, "options.extra.forceRecursiveCrawl"),
    ],
)
def test_a_key_that_has_an_option_is_refused_in_extra(options: dict[str, Any], path: str) -> None:
    with pytest.raises(OptionError) as caught:
        wanted_connection({"connection_key": "k", **options})
    assert caught.value.facts["option"] == path


# --- keys


@pytest.mark.parametrize("key", ["a", "sf-prod_2", "0", "-", "Data1"])
def test_a_new_connection_can_have_this_key(key: str) -> None:
    assert key_problem(key) == ""


@pytest.mark.parametrize("key", ["", "a.b", "a b", "a/b", "ü", "a\n", "data", "Connection", "SEARCH", "bulk"])
def test_a_new_connection_cannot_have_this_key(key: str) -> None:
    assert key_problem(key)


# --- the tables

CONNECTION_ROWS = {
    "Snowflake": """
technology            technology           str  required
hostname              hostname             str  required immutable host
port                  port                 int  default:443
warehouse             warehouse            str  required
role                  role                 str
authentication_type   authenticationType   str  required hidden decides
username              username             str  required hidden branch:userPassword,keyPair
password              password             str  required secret branch:userPassword
private_key           privateKey           dict required hidden branch:keyPair
private_key_password  privateKeyPassword   str  secret branch:keyPair
oauth_client_config   oAuthClientConfig    dict required hidden branch:oAuthClientCredentials
""",
    "Databricks": """
technology            technology           str  required
hostname              hostname             str  required immutable host
port                  port                 int  default:443
http_path             httpPath             str  required
authentication_type   authenticationType   str  required hidden decides
token                 token                str  required secret branch:token
oauth_client_config   oAuthClientConfig    dict required hidden branch:oAuthM2M
""",
}


def row(field: Field) -> tuple[str, str, frozenset[str]]:
    remarks = {name for name in ("required", "secret", "hidden", "immutable", "host", "decides") if getattr(field, name)}
    remarks |= {f"branch:{','.join(map(str, field.branch))}"} if field.branch else set()
    remarks |= {f"default:{field.default}"} if field.default is not None else set()
    return field.key, field.type, frozenset(remarks)


@pytest.mark.parametrize("name", CONNECTION_ROWS)
def test_a_connection_is_as_the_reference_has_it(name: str) -> None:
    rows = [line.split() for line in CONNECTION_ROWS[name].splitlines() if line]
    assert {field.option: row(field) for field in TECHNOLOGIES[name].fields} == {
        option: (key, kind, frozenset(remarks)) for option, key, kind, *remarks in rows
    }


def test_what_an_answer_leaves_out_of_a_credential_is_unknown_at_every_depth() -> None:
    for technology in (SNOWFLAKE_CONNECTION, DATABRICKS_CONNECTION):
        for field in technology.fields:
            if field.fields:
                assert all(below.write_only for _unused, _unused, below in walk([field]))


def test_immuta_says_itself_what_it_needs_of_the_native_integration() -> None:
    required = {
        each.name: {path for path, _unused, field in walk(each.native_fields) if field.required} for each in (SNOWFLAKE_CONNECTION, DATABRICKS_CONNECTION)
    }
    assert required == {"Snowflake": {"type"}, "Databricks": {"type", "unity_catalog"}}


def walk(fields: Sequence[Field], options: str = "", keys: str = "") -> Iterator[tuple[str, str, Field]]:
    """Yield every field with its option path and its API path."""
    for field in fields:
        option, key = f"{options}{field.option}", f"{keys}{field.key}"
        yield option, key, field
        yield from walk(field.fields, f"{option}.", f"{key}.")


@pytest.mark.parametrize("technology", [SNOWFLAKE_CONNECTION, DATABRICKS_CONNECTION], ids=lambda each: each.name)
def test_a_secret_is_known_by_the_name_it_has_in_a_raw_document(technology: Any) -> None:
    for table in (technology.fields, technology.native_fields):
        for path, key, field in walk(table):
            if field.secret:
                assert any(map(looks_secret, key.split("."))), key
                assert any(map(looks_secret, path.split("."))), path


# --- argument spec and documentation


def spec_rows(options: dict[str, Any], nested: str, path: str = "") -> dict[str, tuple[str, tuple[str, ...], str, bool]]:
    """Path -> (type, aliases, elements, required), of an argument spec (nested: options) or of documentation (suboptions)."""
    rows: dict[str, tuple[str, tuple[str, ...], str, bool]] = {}
    for name, option in options.items():
        rows[f"{path}{name}"] = (option["type"], tuple(option.get("aliases", ())), option.get("elements", ""), option.get("required", False))
        rows |= spec_rows(option.get(nested, {}), nested, f"{path}{name}.")
    return rows


DOCUMENTED = yaml.safe_load(connection_documentation.ModuleDocFragment.DOCUMENTATION)["options"]


def test_what_is_accepted_is_what_is_documented() -> None:
    assert spec_rows(CONNECTION, "options") == spec_rows(DOCUMENTED, "suboptions")


def test_what_is_accepted_of_a_connection_beside_is_what_is_documented() -> None:
    documented = yaml.safe_load(behind_documentation.ModuleDocFragment.DOCUMENTATION)["options"]
    assert spec_rows(BEHIND_CONNECTION, "options") == spec_rows(documented, "suboptions")
    assert "O(connection.connection)" in str(documented)


def test_settings_alone_are_documented_as_they_are_in_a_connection() -> None:
    assert yaml.safe_load(settings_documentation.ModuleDocFragment.DOCUMENTATION)["options"]["settings"] == DOCUMENTED["settings"]


def every_option(options: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, option in options.items():
        yield f"{path}{name}", option
        yield from every_option(option.get("options", {}), f"{path}{name}.")


def test_secrets_alone_are_no_log_and_only_as_leaves() -> None:
    secret = {f"connection.{path}" for each in TECHNOLOGIES.values() for path, _unused, field in walk(each.fields) if field.secret}
    secret |= {f"native_integration.{path}" for each in TECHNOLOGIES.values() for path, _unused, field in walk(each.native_fields) if field.secret}
    hidden = {path: option for path, option in every_option(CONNECTION) if option.get("no_log")}
    assert hidden.keys() == secret
    assert not [path for path, option in hidden.items() if option["type"] == "dict" or "options" in option]


def test_nothing_but_the_key_is_required_or_defaulted_by_ansible() -> None:
    assert [path for path, option in every_option(CONNECTION) if "default" in option or "required" in option] == ["connection_key"]


def test_every_dict_takes_extra() -> None:
    dicts = {
        path for path, option in every_option(CONNECTION) if path in ("connection", "settings", "options", "native_integration", "native_integration.config")
    }
    assert dicts == {path.removesuffix(".extra") for path, _unused in every_option(CONNECTION) if path.endswith(".extra")}
