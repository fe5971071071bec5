# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin as ansible-inventory and ansible-playbook use it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from immuta_simulator import Simulator
from immuta_simulator.examples import EXAMPLES
from support.core import PYTHON
from support.leaks import traces
from support.playbook import ROOT, run_playbook
from support.tasks import to_yaml
from tools.checks.commands import kept_environment

PLUGIN = "community.immuta.immuta"
SECRET = "correct horse 1"
LOGIN = {"authenticationType": "userPassword", "username": "immuta", "password": SECRET}
HOSTILE = "{{ lookup('pipe', 'touch PLACE') }}"


def snowflake(id: int, host: str = "acme.snowflakecomputing.com", **config: Any) -> dict[str, Any]:
    return {"id": id, "type": "Snowflake", "autoBootstrap": False, "config": {"host": host, "warehouse": "W", "database": "I", **LOGIN, **config}}


def connection(key: str, native: int | None = None, host: str = "behind.snowflakecomputing.com") -> dict[str, Any]:
    link = {"technology": "Snowflake", "hostname": host, "port": 443, "warehouse": "W", "role": "R", **LOGIN}
    return {"connectionKey": key, "nativeIntegrationId": native, "connection": link, "settings": {"isActive": True}}


@dataclass(frozen=True)
class Shown:
    """What ansible-inventory printed. words: its errors and warnings, on one line."""

    output: str
    words: str

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = json.loads(self.output)["_meta"]["hostvars"]
        return found

    def of(self, group: str) -> list[str]:
        return sorted(json.loads(self.output).get(group, {}).get("hosts", []))


Show = Callable[..., Shown]


@pytest.fixture
def show(tenant: Simulator, tmp_path: Path) -> Iterator[Show]:
    """Run ansible-inventory with a file for each of the options; the environment names the tenant."""
    with TemporaryDirectory(prefix="a") as home:

        def call(*files: Mapping[str, Any], flags: tuple[str, ...] = ("--list",), environment: Mapping[str, str] | None = None) -> Shown:
            sources = []
            for number, options in enumerate(files or ({},)):
                source = tmp_path / f"{number}.immuta.yml"
                source.write_text(to_yaml({"plugin": PLUGIN, **options}), encoding="utf-8")
                sources += ["-i", str(source)]
            settings = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"), "ANSIBLE_HOME": home, "ANSIBLE_INVENTORY_ENABLED": f"{PLUGIN},yaml"}
            named = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key, **(environment or {})}
            done = subprocess.run(
                [PYTHON, "-m", "ansible", "inventory", *sources, *flags],
                env={**kept_environment(), **settings, "ANSIBLE_NOCOLOR": "1", **named},
                capture_output=True,
                text=True,
                cwd=tmp_path,
                timeout=120,
                check=False,
            )
            return Shown(done.stdout, " ".join(done.stderr.split()))

        yield call


@pytest.fixture
def fleet(tenant: Simulator) -> Simulator:
    """One integration of each type in the vendor's examples, and two connections, of which one owns an integration."""
    tenant.settings(data_api="on")
    for number, example in enumerate(EXAMPLES.values()):
        tenant.seed({**example, "id": 10 + number})
    tenant.seed(snowflake(50, "behind.snowflakecomputing.com"))
    tenant.connections([connection("prod", 50), connection("test", 99, "other.snowflakecomputing.com")])
    return tenant


NAMES = [
    "azure_synapse_analytics_organization.azure.com",
    "connection_prod",
    "connection_test",
    "databricks_www.example-workspace.cloud.databricks.com",
    "google_bigquery_immuta",
    "native_s3_S3_integration",
    "redshift_organization.aws.amazon.com",
    "snowflake_organization.us-east-1.snowflakecomputing.com",
    "trino",
]
SNOWFLAKE = NAMES[-2]


# --- hosts and groups


@pytest.mark.cores
def test_the_platforms_of_a_tenant_are_hosts(fleet: Simulator, show: Show, tmp_path: Path) -> None:
    database = HOSTILE.replace("PLACE", str(tmp_path / "done"))
    fleet.seed(snowflake(60, "hostile.example.com", database=database))
    shown = show(
        {
            "compose": {"twice": "immuta_database ~ immuta_database"},
            "keyed_groups": [{"key": "immuta_type", "prefix": "type"}, {"key": "immuta_database or ''", "prefix": "db", "default_value": "none"}],
            "groups": {"owned": "immuta_owner is not none"},
            "strict": True,
        }
    )
    assert shown.words == ""
    assert shown.of("immuta_platforms") == sorted([*NAMES, "snowflake_hostile.example.com"])
    assert shown.of("owned") == ["connection_prod", "connection_test"]
    assert shown.of("type_Snowflake") == ["connection_prod", "connection_test", "snowflake_hostile.example.com", SNOWFLAKE]
    assert shown.of("db_none") == ["connection_test", "native_s3_S3_integration", "trino"]
    assert shown.of("db_immuta") == [name for name in NAMES if name.split("_", maxsplit=1)[0] in ("azure", "databricks", "google", "redshift")]
    known = shown.hosts["connection_prod"]
    assert (known["immuta_tenant"], known["immuta_url"], known["immuta_database"], known["immuta_healthy"]) == ("127.0.0.1", fleet.url, "I", True)
    assert known["immuta_platform_connection"]["connection"]["warehouse"] == "W"
    hostile = shown.hosts["snowflake_hostile.example.com"]
    assert [hostile[name]["__ansible_unsafe"] for name in ("immuta_database", "twice")] == [database, database * 2]
    assert sorted(entry["path"] for entry in fleet.requests()) == [
        "/data/connection/prod",
        "/data/connection/test",
        "/data/object/search",
        "/integrations",
    ]
    assert not fleet.writes()
    # in a play, in every place where a value is evaluated
    book = tmp_path / "book.yml"
    book.write_text(
        to_yaml(
            [
                {
                    "hosts": "snowflake_hostile*",
                    "gather_facts": False,
                    "tasks": [
                        {"name": "say", "ansible.builtin.debug": {"msg": "{{ immuta_database }}{{ twice }}{{ hostvars[inventory_hostname].immuta_database }}"}},
                        {"name": "all", "ansible.builtin.debug": {"var": "immuta_platform_integration"}},
                        {"name": "when", "ansible.builtin.debug": {"msg": "x"}, "when": "immuta_database", "ignore_errors": True},
                    ],
                }
            ]
        )
    )
    named = {"IMMUTA_URL": fleet.url, "IMMUTA_API_KEY": fleet.api_key}
    run = run_playbook(book, {"all": {}}, tmp_path / "play", "-i", str(tmp_path / "0.immuta.yml"), environment=named)
    assert run.rc == 0, run.output
    assert run.tasks("snowflake_hostile.example.com", name="say")[0]["result"]["msg"] == database * 4
    assert not (tmp_path / "done").exists()


def test_the_graph_shows_them(fleet: Simulator, show: Show) -> None:
    shown = show({"group": "fleet", "include": ["connections"]}, flags=("--graph",))
    assert shown.output.split() == ["@all:", "|--@ungrouped:", "|--@fleet:", "|", "|--connection_prod", "|", "|--connection_test"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"include": ["integrations"]}, [name for name in NAMES if not name.startswith("connection")]),
        ({"types": ["snowflake", "Native S3"]}, ["connection_prod", "connection_test", "native_s3_S3_integration", SNOWFLAKE]),
        ({"technologies": ["Snowflake"], "include": ["connections"]}, ["connection_prod", "connection_test"]),
        ({"statuses": ["Active"]}, ["connection_prod", "connection_test"]),
        ({"statuses": ["recurringValidationError"]}, ["redshift_organization.aws.amazon.com"]),
        # the names do not depend on which others are asked for
        ({"types": ["Redshift"], "hostname": "{{ immuta_kind }}"}, ["integration_14"]),
        ({"types": ["Snowflake"], "hostname": ["{{ immuta_connection_key }}", "a {{ immuta_id }}"], "include": ["connections"]}, ["prod", "test"]),
        ({"types": ["Redshift"], "hostname": ["{{ nothing }}", "{{ immuta_connection_key }}", "r:{{ immuta_id }}"]}, ["r_14"]),
        ({"types": ["Redshift"], "hostname": "{{ nothing }}"}, ["redshift_organization.aws.amazon.com"]),
        ({"types": ["Redshift"], "hostname": "eu_{{ immuta_name }}"}, ["eu_redshift_organization.aws.amazon.com"]),
    ],
)
def test_which_become_hosts_and_how_they_are_called(fleet: Simulator, show: Show, options: dict[str, Any], names: list[str]) -> None:
    fleet.force("14", "recurringValidationError")
    shown = show(options)
    assert (shown.words, sorted(shown.hosts)) == ("", names)


def test_hostile_and_equal_names(tenant: Simulator, show: Show, tmp_path: Path) -> None:
    place = tmp_path / "done"
    hostile = HOSTILE.replace("PLACE", str(place))
    tenant.settings(data_api="on")
    tenant.seed(snowflake(7))
    tenant.seed(snowflake(8, database="J"))
    tenant.connections([connection(hostile), connection("all"), connection("a b"), connection("a,b")])
    shown = show({"keyed_groups": [{"key": "immuta_connection_key", "prefix": "k"}]})
    assert len(shown.hosts) == 6
    assert {"snowflake_acme.snowflakecomputing.com_7", "snowflake_acme.snowflakecomputing.com_8", "connection_all"} <= shown.hosts.keys()
    assert all(name.replace("_", "").replace("-", "").replace(".", "").isalnum() for name in shown.hosts)
    assert len(show({"types": ["Snowflake"], "hostname": "{{ immuta_host }}-{{ immuta_connection_key }}"}).hosts) == 6
    assert not place.exists()


def test_two_tenants_as_two_files(fleet: Simulator, show: Show, tmp_path: Path) -> None:
    with Simulator(api_key="the-other-key") as other:
        other.seed({**EXAMPLES["Redshift"], "id": 1})
        other.seed(snowflake(2, "us.snowflakecomputing.com"))
        there = {"url": other.url, "api_key": "the-other-key"}
        shown = show({}, {**there, "hostname": "us_{{ immuta_name }}"})
        assert sorted(shown.hosts) == sorted([*NAMES, "us_redshift_organization.aws.amazon.com", "us_snowflake_us.snowflakecomputing.com"])
        assert shown.hosts["us_snowflake_us.snowflakecomputing.com"]["immuta_url"] == other.url
        # the same platform at two tenants is no single host
        shown = show({}, there)
        assert "The inventory already has a host redshift_organization.aws.amazon.com for another platform" in shown.words
        assert "hostname: us_{{ immuta_name }}" in shown.words
        assert sorted(shown.hosts) == NAMES
        assert shown.hosts["redshift_organization.aws.amazon.com"]["immuta_url"] == fleet.url
    # two files of the same tenant are one host, and so is a file of the operator's own
    shown = show({"types": ["Redshift"]}, {"types": ["Redshift"], "group": "more"})
    assert (shown.words, shown.of("more"), shown.of("immuta_platforms")) == ("", list(shown.hosts), list(shown.hosts))
    own = tmp_path / "own.yml"
    own.write_text(to_yaml({"all": {"hosts": {"redshift_organization.aws.amazon.com": {"mine": 1}}}}))
    shown = show({"types": ["Redshift"]}, flags=("-i", str(own), "--list"))
    assert (shown.hosts["redshift_organization.aws.amazon.com"]["mine"], shown.words) == (1, "")


# --- the tenant and its secrets


@pytest.mark.cores
def test_templates_the_vault_and_empty_variables(tenant: Simulator, show: Show, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("vault word")
    sealed = subprocess.run(
        [PYTHON, "-m", "ansible", "vault", "encrypt_string", "--vault-password-file", str(tmp_path / "password"), tenant.api_key],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")},
    ).stdout
    source = tmp_path / "sealed.immuta.yml"
    source.write_text(f"plugin: {PLUGIN}\nurl: \"{{{{ lookup('ansible.builtin.env', 'THE_URL') }}}}\"\ntimeout:\napi_key: {sealed}\n")
    environment = {"IMMUTA_URL": "", "IMMUTA_API_KEY": "", "IMMUTA_TIMEOUT": "", "IMMUTA_AUTH_METHOD": "bearer", "THE_URL": tenant.url}
    tenant.seed(snowflake(7))
    shown = show({}, flags=("-i", str(source), "--vault-password-file", str(tmp_path / "password"), "--list"), environment=environment)
    # the first file names no tenant, and says so
    assert "set url, or the environment variable IMMUTA_URL" in shown.words
    assert list(shown.hosts) == ["snowflake_acme.snowflakecomputing.com"]
    assert tenant.requests()[0]["path"] == "/bim/apikey/authenticate"
    shown = show({"api_key": "{{ the_key }}"}, flags=("-e", f"the_key={tenant.api_key}", "--list"), environment={"IMMUTA_API_KEY": "wrong"})
    assert (list(shown.hosts), shown.words) == (["snowflake_acme.snowflakecomputing.com"], "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"apikey": SECRET}, ["There is no option apikey. Did you mean api_key?"]),
        ({"status": ["enabled"]}, ["There is no option status. Did you mean statuses?"]),
        ({"include": ["everything"]}, ["everything", "include"]),
        ({"timeout": "soon"}, ["timeout", "soon"]),
        ({"timeout": 0}, ["timeout must be at least 1."]),
        ({"hostname": 7}, ["hostname must be a template, or a list of templates."]),
        ({"url": "{{ nothing }}"}, ["url cannot be evaluated", "'nothing' is undefined"]),
        ({"url": f"https://u:{SECRET}@h"}, ["url must hold no user, password"]),
        ({"api_key": [SECRET]}, ["api_key"]),
        ({"api_key": "{{ '" + SECRET + "' | nothing }}"}, ["api_key cannot be evaluated"]),
        ({"api_key": SECRET.replace(" ", "")}, ["GET /integrations failed: HTTP 401 Unauthorized", "check api_key (IMMUTA_API_KEY)"]),
        ({"url": "http://127.0.0.1:9", "retries": 0}, ["GET /integrations failed", "http://127.0.0.1:9", "refused", "Check host and port"]),
        ({"strict": True, "compose": {"x": "nothing.at_all"}}, ["Could not set x", "'nothing' is undefined"]),
        ({"strict": True, "groups": {"x": "immuta_id == '7' or nothing"}}, ["Could not add host", "'nothing' is undefined"]),
        ({"strict": True, "keyed_groups": [{"key": "nothing"}]}, ["Could not generate group", "'nothing' is undefined"]),
        ({"strict": True, "hostname": "{{ nothing }}"}, ["hostname cannot be evaluated", "'nothing' is undefined"]),
    ],
)
def test_an_error_says_what_to_do_shows_no_secret_and_leaves_no_host(
    tenant: Simulator, show: Show, tmp_path: Path, options: dict[str, Any], says: list[str]
) -> None:
    tenant.seed(snowflake(7))
    tenant.seed(snowflake(8, "b.snowflakecomputing.com"))
    # core only shows what is left of a file when it could read another one
    (tmp_path / "own.yml").write_text(to_yaml({"all": {"hosts": {"own": {"mine": 1}}}}))
    shown = show(options, flags=("-i", str(tmp_path / "own.yml"), "-vvvv", "--list"))
    assert not [text for text in says if text not in shown.words], shown.words
    assert "Unable to parse" in shown.words
    assert '"own"' in shown.output
    assert '"snowflake_' not in shown.output
    assert not traces([SECRET, SECRET.replace(" ", ""), tenant.api_key], shown.output, shown.words)


def test_without_strict_what_cannot_be_evaluated_is_left_out(tenant: Simulator, show: Show) -> None:
    tenant.seed(snowflake(7))
    shown = show({"compose": {"x": "nothing.at_all", "y": "immuta_id"}, "groups": {"g": "nothing"}, "keyed_groups": [{"key": "nothing"}]})
    assert shown.words == ""
    assert (shown.hosts["snowflake_acme.snowflakecomputing.com"].get("x"), shown.hosts["snowflake_acme.snowflakecomputing.com"]["y"]) == (None, "7")


# --- the cache


def cached(folder: Path, **more: Any) -> dict[str, Any]:
    return {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(folder), "cache_timeout": 3600, **more}


@pytest.mark.cores
def test_a_cache_asks_the_tenant_once_and_holds_no_secret(fleet: Simulator, show: Show, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    database = HOSTILE.replace("PLACE", str(tmp_path / "done"))
    fleet.seed(snowflake(60, "hostile.example.com", database=database))
    first = show(cached(folder))
    fleet.clear_log()
    again = show(cached(folder, api_key="{{ 'unused' }}"))
    assert (again.hosts, again.words, fleet.requests()) == (first.hosts, "", [])
    assert again.hosts["snowflake_hostile.example.com"]["immuta_database"] == {"__ansible_unsafe": database}
    (file,) = folder.iterdir()
    assert not traces([SECRET, fleet.api_key, "abc1234"], folder)
    # filters and names are none of what it holds
    assert sorted(show(cached(folder, types=["Redshift"], hostname="x_{{ immuta_name }}")).hosts) == ["x_redshift_organization.aws.amazon.com"]
    assert fleet.requests() == []
    os.utime(file, (1, 1))
    assert show(cached(folder)).hosts == first.hosts
    assert len(fleet.requests()) == 4
    assert not (tmp_path / "done").exists()


def test_a_cache_does_not_stand_between_a_tenant_and_whoever_needs_to_know(fleet: Simulator, show: Show, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    first = show(cached(folder)).hosts
    (file,) = folder.iterdir()
    fleet.clear_log()
    show(cached(folder), flags=("--flush-cache", "--list"))
    assert len(fleet.requests()) == 4
    # what another tenant left there, and what nobody can read
    with Simulator() as other:
        assert show(cached(folder, url=other.url, api_key=other.api_key)).hosts == {}
    assert len(fleet.requests()) == 4
    assert show(cached(folder)).hosts == first
    assert len(fleet.requests()) == 8
    file.write_text(file.read_text().replace("form", "from"))
    assert show(cached(folder)).hosts == first
    assert len(fleet.requests()) == 12


def test_an_error_is_not_kept(fleet: Simulator, show: Show, tmp_path: Path) -> None:
    fleet.fault(method="GET", path="/integrations$", status=403)
    assert "GET /integrations failed: HTTP 403" in show(cached(tmp_path / "cache")).words
    assert sorted(show(cached(tmp_path / "cache")).hosts) == NAMES


# --- a play


def test_the_role_finds_nothing_to_do_on_the_hosts(tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    tenant.seed(snowflake(7))
    tenant.seed(snowflake(50, "behind.snowflakecomputing.com"))
    tenant.connections([connection("prod", 50)])
    source, book = tmp_path / "immuta.yml", tmp_path / "book.yml"
    source.write_text(to_yaml({"plugin": PLUGIN}))
    roles = {
        "hosts": "immuta_platforms",
        "gather_facts": False,
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": PYTHON},
        "roles": ["community.immuta.immuta_platform"],
    }
    book.write_text(to_yaml([roles]))
    named = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
    run = run_playbook(book, {"all": {}}, tmp_path / "play", "-i", str(source), "--check", environment=named)
    assert run.rc == 0, run.output
    for host in ("snowflake_acme.snowflakecomputing.com", "connection_prod"):
        assert run.changed(host) == 0, run.output
    assert not tenant.writes()
