# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seven integration types against the vendor's payload reference, and everything that is derived from the tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.doc_fragments.integration import ModuleDocFragment
from ansible_collections.community.immuta.plugins.module_utils._core.secrets import looks_secret
from ansible_collections.community.immuta.plugins.module_utils._model.fields import Field, argument_spec, camel_case, merge_fields
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import CONFIG_FIELDS, PLATFORMS, SCRIPT_ACTIONS, Platform
from ansible_collections.community.immuta.plugins.module_utils._model.specs import INTEGRATION

OAUTH = """
oauth_client_config                                      oAuthClientConfig                                    dict  required branch:{0}
oauth_client_config.use_certificate                      oAuthClientConfig.useCertificate                     bool
oauth_client_config.client_id                            oAuthClientConfig.clientId                           str
oauth_client_config.client_secret                        oAuthClientConfig.clientSecret                       str   required secret branch:False
oauth_client_config.scope                                oAuthClientConfig.scope                              str
oauth_client_config.authority_url                        oAuthClientConfig.authorityUrl                       str
oauth_client_config.resource                             oAuthClientConfig.resource                           str
oauth_client_config.public_certificate_thumbprint        oAuthClientConfig.publicCertificateThumbprint        str   branch:True
oauth_client_config.oauth_private_key                    oAuthClientConfig.oauthPrivateKey                    dict  required branch:True
oauth_client_config.oauth_private_key.key_name           oAuthClientConfig.oauthPrivateKey.keyName            str
oauth_client_config.oauth_private_key.user_filename      oAuthClientConfig.oauthPrivateKey.userFilename       str
oauth_client_config.oauth_private_key.content            oAuthClientConfig.oauthPrivateKey.content            str   required secret
"""
IMPERSONATION = """
impersonation                                            impersonation                                        dict
impersonation.enabled                                    impersonation.enabled                                bool  default:False
impersonation.role                                       impersonation.role                                   str   default:{0}
"""
AUDIT = """
audit                                                    audit                                                dict
audit.enabled                                            audit.enabled                                        bool  default:False
"""


def below(option: str, key: str, rows: str) -> str:
    return "\n".join(f"{option}.{words[0]} {key}.{words[1]} {' '.join(words[2:])}" for words in map(str.split, rows.strip().splitlines()))


# The option, the API's key, the type, and further properties. Source: "Integration Configuration Payload".
REFERENCE = {
    "Snowflake": f"""
host                                                     host                                                 str   required immutable host identity
port                                                     port                                                 int   default:443
warehouse                                                warehouse                                            str   required
database                                                 database                                             str   required immutable
authentication_type                                      authenticationType                                   str   required hidden
username                                                 username                                             str   required hidden branch:userPassword,keyPair
password                                                 password                                             str   required secret branch:userPassword
private_key                                              privateKey                                           dict  required branch:keyPair
private_key.key_name                                     privateKey.keyName                                   str
private_key.user_filename                                privateKey.userFilename                              str
private_key.content                                      privateKey.content                                   str   required secret
private_key_password                                     privateKeyPassword                                   str   secret branch:keyPair
{OAUTH.format("oAuthClientCredentials")}
connect_args                                             connectArgs                                          str   secret
role                                                     role                                                 str
{AUDIT}
workspaces                                               workspaces                                           dict
workspaces.enabled                                       workspaces.enabled                                   bool  default:False
workspaces.warehouses                                    workspaces.warehouses                                list
{IMPERSONATION.format("IMMUTA_IMPERSONATION")}
lineage                                                  lineage                                              dict
lineage.enabled                                          lineage.enabled                                      bool  default:False
lineage.lineage_config                                   lineage.lineageConfig                                dict
lineage.lineage_config.table_filter                      lineage.lineageConfig.tableFilter                    str
lineage.lineage_config.tag_filter                        lineage.lineageConfig.tagFilter                      str
lineage.lineage_config.ingest_batch_size                 lineage.lineageConfig.ingestBatchSize                int
user_role_pattern                                        userRolePattern                                      dict
user_role_pattern.exclude                                userRolePattern.exclude                              list
""",
    "Databricks": f"""
workspace_url                                            workspaceUrl                                         str   required immutable host identity
http_path                                                httpPath                                             str   required
authentication_type                                      authenticationType                                   str   required hidden
token                                                    token                                                str   required secret branch:token
{OAUTH.format("oAuthM2M")}
catalog                                                  catalog                                              str   immutable
{AUDIT}
workspace_ids                                            workspaceIds                                         list
group_pattern                                            groupPattern                                         dict
group_pattern.deny                                       groupPattern.deny                                    str
proxy_options                                            proxyOptions                                         dict
proxy_options.host                                       proxyOptions.host                                    str   host
proxy_options.port                                       proxyOptions.port                                    int
proxy_options.username                                   proxyOptions.username                                str   hidden
proxy_options.password                                   proxyOptions.password                                str   secret
job_config                                               jobConfig                                            dict
job_config.workspace_directory_path                      jobConfig.workspaceDirectoryPath                     str
job_config.job_cluster_id                                jobConfig.jobClusterId                               str
additional_workspace_connections                         additionalWorkspaceConnections                       list
additional_workspace_connections.workspace_url           additionalWorkspaceConnections.workspaceUrl          str   required host
additional_workspace_connections.http_path               additionalWorkspaceConnections.httpPath              str   required
additional_workspace_connections.authentication_type     additionalWorkspaceConnections.authenticationType    str   required hidden
additional_workspace_connections.token                   additionalWorkspaceConnections.token                 str   required secret branch:token
additional_workspace_connections.catalogs                additionalWorkspaceConnections.catalogs              list
{below("additional_workspace_connections", "additionalWorkspaceConnections", OAUTH.format("oAuthM2M"))}
""",
    "Redshift": f"""
host                                                     host                                                 str   required immutable host identity
port                                                     port                                                 int   default:5439
database                                                 database                                             str   required immutable
initial_database                                         initialDatabase                                      str   required immutable
authentication_type                                      authenticationType                                   str   required hidden
username                                                 username                                             str   required hidden branch:userPassword
password                                                 password                                             str   required secret branch:userPassword
okta                                                     okta                                                 dict  required branch:okta
okta.username                                            okta.username                                        str   required hidden
okta.password                                            okta.password                                        str   required secret
okta.app_id                                              okta.appId                                           str
okta.idp_host                                            okta.idpHost                                         str
okta.role                                                okta.role                                            str
database_user                                            databaseUser                                         str   branch:accessKey
access_key_id                                            accessKeyId                                          str   required secret branch:accessKey
secret_key                                               secretKey                                            str   required secret branch:accessKey
session_token                                            sessionToken                                         str   secret branch:accessKey
{IMPERSONATION.format("immuta_impersonation")}
connect_args                                             connectArgs                                          str   secret
""",
    "Azure Synapse Analytics": f"""
host                                                     host                                                 str   required immutable host identity
port                                                     port                                                 int   default:1433
database                                                 database                                             str   required immutable
schema                                                   schema                                               str   required immutable
authentication_type                                      authenticationType                                   str   required hidden
username                                                 username                                             str   required hidden
password                                                 password                                             str   required secret
{IMPERSONATION.format("IMMUTA_IMPERSONATION")}
metadata_delimiters                                      metadataDelimiters                                   dict
metadata_delimiters.hash_delimiter                       metadataDelimiters.hashDelimiter                     str
metadata_delimiters.hash_key_delimiter                   metadataDelimiters.hashKeyDelimiter                  str
metadata_delimiters.array_delimiter                      metadataDelimiters.arrayDelimiter                    str
connect_args                                             connectArgs                                          str   secret
""",
    "Google BigQuery": """
role                                                     role                                                 str   required
dataset                                                  dataset                                              str   required immutable identity
dataset_suffix                                           datasetSuffix                                        str
location                                                 location                                             str   required
credential                                               credential                                           json  required secret
""",
    "Native S3": """
name                                                     name                                                 str   required identity
aws_account_id                                           awsAccountId                                         str   required immutable
aws_region                                               awsRegion                                            str   required immutable
aws_location_role                                        awsLocationRole                                      str   required
aws_location_path                                        awsLocationPath                                      str   required immutable
aws_role_to_assume                                       awsRoleToAssume                                      str   branch:auto
authentication_type                                      authenticationType                                   str   required hidden
aws_access_key_id                                        awsAccessKeyId                                       str   required secret branch:accessKey
aws_secret_access_key                                    awsSecretAccessKey                                   str   required secret branch:accessKey
port                                                     port                                                 int   default:443
""",
    "Trino": "",
}
Row = tuple[str, str, frozenset[str]]


def reference_rows(type_name: str) -> dict[str, Row]:
    """Return (API path, type, properties) by option path."""
    rows = [line.split() for line in REFERENCE[type_name].splitlines() if line.strip()]
    return {option: (api, kind, frozenset(remarks) - {"identity"}) for option, api, kind, *remarks in rows}


def walk(fields: Sequence[Field], options: str = "", keys: str = "") -> Iterator[tuple[str, str, Field]]:
    """Yield every field with its option path and its API path."""
    for field in fields:
        option, key = f"{options}{field.option}", f"{keys}{field.key}"
        yield option, key, field
        yield from walk(field.fields, f"{option}.", f"{key}.")


def row(key: str, field: Field) -> Row:
    remarks = {name for name in ("required", "secret", "hidden", "immutable", "host") if getattr(field, name)}
    remarks |= {f"branch:{','.join(map(str, field.branch))}"} if field.branch else set()
    remarks |= {f"default:{field.default}"} if field.default is not None else set()
    return key, field.type, frozenset(remarks)


EVERY_FIELD = [
    pytest.param(platform, path, key, field, id=f"{platform.type}-{path}") for platform in PLATFORMS.values() for path, key, field in walk(platform.fields)
]


def test_the_types_are_the_vendors() -> None:
    assert sorted(PLATFORMS) == sorted(REFERENCE)


@pytest.mark.parametrize("type_name", REFERENCE)
def test_no_field_is_missing_and_none_is_invented(type_name: str) -> None:
    assert {path for path, _unused, _unused in walk(PLATFORMS[type_name].fields)} == set(reference_rows(type_name))


@pytest.mark.parametrize(("platform", "path", "key", "field"), EVERY_FIELD)
def test_a_field_is_as_the_reference_has_it(platform: Platform, path: str, key: str, field: Field) -> None:
    assert row(key, field) == reference_rows(platform.type)[path]


@pytest.mark.parametrize(("platform", "path", "key", "field"), [each for each in EVERY_FIELD if each.values[3].secret])
def test_a_secret_is_known_by_the_name_it_has_in_a_raw_document(platform: Platform, path: str, key: str, field: Field) -> None:
    assert any(looks_secret(name) for name in key.split("."))
    assert any(looks_secret(name) for name in path.split("."))


@pytest.mark.parametrize(("platform", "path", "key", "field"), [each for each in EVERY_FIELD if not each.values[3].fields and not each.values[3].secret])
def test_what_is_no_secret_stays_readable(platform: Platform, path: str, key: str, field: Field) -> None:
    # keyName and userFilename of a key file describe it
    assert not looks_secret(key.rpartition(".")[2])


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_the_identity_is_required_and_compares_as_what_it_is(platform: Platform) -> None:
    named = [line.split()[0] for line in REFERENCE[platform.type].splitlines() if "identity" in line.split()]
    assert named == [platform.identity] * bool(platform.identity)
    if named:
        assert platform.option(platform.identity).required
        assert platform.option(platform.identity).host is (platform.identity in ("host", "workspace_url"))


def test_what_immuta_can_set_up_itself() -> None:
    assert {name for name, platform in PLATFORMS.items() if True in platform.auto_bootstrap} == {
        "Snowflake",
        "Databricks",
        "Redshift",
        "Azure Synapse Analytics",
    }
    assert {name for name, platform in PLATFORMS.items() if not platform.auto_bootstrap} == {"Trino"}


def test_only_trino_cannot_be_updated() -> None:
    assert [name for name, platform in PLATFORMS.items() if not platform.editable] == ["Trino"]


def test_a_connection_can_own_three_types() -> None:
    assert {name for name, platform in PLATFORMS.items() if platform.connectable} == {"Snowflake", "Databricks", "Trino"}


def test_three_types_are_removed_with_credentials() -> None:
    assert {name for name, platform in PLATFORMS.items() if platform.delete_credentials} == {"Snowflake", "Redshift", "Azure Synapse Analytics"}


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_the_credentials_of_a_delete_are_all_there_are(platform: Platform) -> None:
    credentials = {field.option for field in platform.fields if field.write_only or field.branch}
    assert not set(platform.delete_credentials) - {field.option for field in platform.fields}
    assert not platform.delete_credentials or credentials - {"connect_args"} <= set(platform.delete_credentials)


def test_scripts_and_where_they_run() -> None:
    assert {name: dict(platform.scripts) for name, platform in PLATFORMS.items() if platform.scripts} == {
        "Snowflake": {"create": "", "edit": "", "delete": "", "cleanup": ""},
        "Databricks": {"create": "", "edit": "", "delete": ""},
        "Redshift": {
            "initial-create": "{initial_database}",
            "create": "{database}",
            "edit": "{database}",
            "delete": "{initial_database}",
            "cleanup": "{initial_database}",
        },
        "Azure Synapse Analytics": {
            "initial-create": "master",
            "create": "{database}",
            "edit": "{database}",
            "delete": "{database}",
            "cleanup": "master",
            "post-cleanup": "{database}",
        },
    }
    assert {action for platform in PLATFORMS.values() for action in platform.scripts} == set(SCRIPT_ACTIONS)


# --- the argument spec and its documentation


def spec_rows(options: dict[str, Any], nested: str, path: str = "") -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Path -> (type, aliases, elements), of an argument spec (nested: options) or of documentation (suboptions)."""
    rows: dict[str, tuple[str, tuple[str, ...], str]] = {}
    for name, option in options.items():
        rows[f"{path}{name}"] = (option["type"], tuple(option.get("aliases", ())), option.get("elements", ""))
        rows |= spec_rows(option.get(nested, {}), nested, f"{path}{name}.")
    return rows


DOCUMENTED = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]


def test_what_is_accepted_is_what_is_documented() -> None:
    assert spec_rows(INTEGRATION, "options") == spec_rows(DOCUMENTED, "suboptions")


def test_choices_are_documented() -> None:
    assert INTEGRATION["type"]["choices"] == DOCUMENTED["type"]["choices"] == list(PLATFORMS)


def every_option(options: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, option in options.items():
        yield f"{path}{name}", option
        yield from every_option(option.get("options", {}), f"{path}{name}.")


CONFIG_SPEC = INTEGRATION["config"]["options"]


def test_secrets_alone_are_no_log() -> None:
    secret = {path for fields in [platform.fields for platform in PLATFORMS.values()] for path, _unused, field in walk(fields) if field.secret}
    assert {path for path, option in every_option(CONFIG_SPEC) if option.get("no_log")} == secret


def test_no_log_is_on_leaves_only() -> None:
    assert not [path for path, option in every_option(CONFIG_SPEC) if option.get("no_log") and ("options" in option or option["type"] == "dict")]


def test_every_spelling_of_the_api_is_an_alias_where_the_option_stands() -> None:
    aliases = {path: option.get("aliases", []) for path, option in every_option(CONFIG_SPEC)}
    for platform in PLATFORMS.values():
        for path, key, _unused in walk(platform.fields):
            spelling = key.rpartition(".")[2]
            assert spelling == path.rpartition(".")[2] or spelling in aliases[path]


def test_no_two_options_answer_to_one_name() -> None:
    def check(options: dict[str, Any]) -> None:
        names = [name for option, spec in options.items() for name in (option, *spec.get("aliases", ()))]
        assert len(names) == len(set(names))
        for spec in options.values():
            check(spec.get("options", {}))

    check(CONFIG_SPEC)


def test_nothing_is_required_or_defaulted_by_ansible() -> None:
    # An option that is not set is not managed, so there are no defaults. Required options depend on the type.
    assert not [path for path, option in every_option(CONFIG_SPEC) if "default" in option or "required" in option or "choices" in option]


def test_every_documented_option_says_what_it_is() -> None:
    def check(options: dict[str, Any], path: str) -> None:
        for name, option in options.items():
            text = option["description"]
            assert all(line.strip().endswith((".", ")")) for line in ([text] if isinstance(text, str) else text)), f"{path}{name}"
            check(option.get("suboptions", {}), f"{path}{name}.")

    check(DOCUMENTED, "")


def test_tables_that_disagree_about_an_option_are_refused() -> None:
    with pytest.raises(ValueError, match="conflict about port"):
        merge_fields([[Field("port", "A port.", type="int")], [Field("port", "A port.")]])


def test_a_secret_of_one_table_is_a_secret_in_the_union() -> None:
    (merged,) = merge_fields([[Field("role", "Role.")], [Field("role", "Role.", secret=True)]])
    assert argument_spec([merged])["role"]["no_log"] is True


def test_the_union_holds_every_option_once() -> None:
    options = [field.option for field in CONFIG_FIELDS]
    assert sorted(options) == sorted({field.option for platform in PLATFORMS.values() for field in platform.fields})


@pytest.mark.parametrize(("option", "key"), [("host", "host"), ("initial_database", "initialDatabase"), ("aws_access_key_id", "awsAccessKeyId")])
def test_the_api_writes_options_in_camel_case(option: str, key: str) -> None:
    assert camel_case(option) == key
