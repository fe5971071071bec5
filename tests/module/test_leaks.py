# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hunt for secrets through everything that tasks of all modules leave behind, whether they work or fail, and however they fail.

Every secret holds a word of its own that no way of quoting changes, so that a part of a secret is found, too.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from engines import RedshiftEngine
from immuta_simulator import Simulator
from support.leaks import CORES_OWN, Net, Trace, named_forms, traces
from support.literals import redshift as literal
from support.tasks import INFO, INTEGRATION, SCRIPT, Play, Unsafe, play, to_yaml

KEY = "community.immuta.immuta_integration_api_key"
CONNECTION = "community.immuta.immuta_connection"
CONNECTIONS = "community.immuta.immuta_connection_info"
OBJECT = "community.immuta.immuta_data_object"
OBJECTS = "community.immuta.immuta_data_object_info"
SYNC = "community.immuta.immuta_data_object_sync"
PLAN = "community.immuta.immuta_platform_plan"
SQL = "community.immuta.immuta_sql_script"
TENANT = "community.immuta.immuta_tenant"
EXPORT = "community.immuta.immuta_tenant_info"

# Both quotes, a semicolon, dollars, a format, a template, a backslash, more than ASCII, and the digits of a port.
NASTY = "<word>\"'; DROP $$x$$ {{ nothing }} \\ %%s \u00fc\u20ac 5439 `b` <&>"
WORDS = {
    "password": "Mk1pAsM",
    "client_secret": "Mk2cLiM",
    "pem": "Mk3pEmM",
    "extra": "Mk4eXtM",
    "deep_extra": "Mk5dEeM",
    "credential": "Mk6cReM",
    "rotated": "Mk7rOtM",
    "unknown": "Mk8uNkM",
    "other_spelling": "Mk9sPeM",
    "access_key": "Mk10aCM",
    "okta": "Mk11oKM",
    "text": "Mk12tEM",
    "token": "Mk13tOM",
    "four": "q7Z!",
    "number": "7731946250",
}
#: what a key of an API can hold
API_KEY = "Mk14kEM\"'<&>\\$x$%s{{x}}/+="


def secret(name: str) -> str:
    return NASTY.replace("<word>", WORDS[name])


SECRETS: dict[str, Any] = {
    **{name: Unsafe(secret(name)) for name in WORDS},
    "four": Unsafe(WORDS["four"]),
    "number": Unsafe(WORDS["number"]),
    "digits": int(WORDS["number"]),
    # parts of files
    "pem": Unsafe(f"-----BEGIN PRIVATE KEY-----\nMIIB{WORDS['pem']}AAAAAAAAAAAAAAAA\n{WORDS['pem']}BBBBBBBBBBBBBBBBBB==\n-----END PRIVATE KEY-----\n"),
    "credential": Unsafe(json.dumps({"type": "service_account", "private_key": f"-----BEGIN-----\n{WORDS['credential']}AAAAAAAAAAAA\n-----END-----\n"})),
    "text": Unsafe(json.dumps({"newToken": secret("text")})),
}


#: what the operator gives
GIVEN = ("vault.yml", "play-*.yml", "extra.json")


class Hunt:
    """Plays with secrets in them, and all that they leave. kept: where what is asked for in a file goes."""

    def __init__(self, tenant: Simulator, folder: Path) -> None:
        self.tenant = tenant
        self.folder = folder
        self.kept = folder / "kept"
        self.vault = folder / "vault.yml"
        self.net = Net(folder)
        self.kept.mkdir()
        self.vault.write_text(to_yaml({"secret": SECRETS}), encoding="utf-8")
        self.secrets = {API_KEY, "Mk14kEM", *WORDS.values(), *map(str, SECRETS.values())}

    def run(self, tasks: list[dict[str, Any]], **how: Any) -> Play:
        """Run the tasks, of which some fail. Nothing of any secret is anywhere."""
        shown = [{"name": "show all", "ansible.builtin.debug": {"var": "hostvars[inventory_hostname].results_of"}, "when": "results_of is defined"}]
        named = {"IMMUTA_URL": self.tenant.url, "IMMUTA_API_KEY": API_KEY, **self.net.environment}
        keys = {"vars_files": [str(self.vault)]}
        with self.net.cast():
            played = play([*tasks, *shown], self.folder / "play", keys=keys, environment=named, verbosity=4, diff=True, **how)
        assert len(played.records) > len(tasks), played.output
        assert any("playbook" in command for command in self.net.commands)
        assert not (found := self.traces(played)), "\n".join(map(str, found))
        return played

    def traces(self, played: Play) -> list[Trace]:
        apart = (*CORES_OWN, *GIVEN, f"{self.kept}/*")
        return traces(self.secrets, played.output, [record.result for record in played], self.net.commands, self.folder, apart=apart)

    def fail(self, tasks: Mapping[str, Mapping[str, Any]], **how: Any) -> Play:
        """Run these tasks, all of which fail."""
        played = self.run([{"name": name, "ignore_errors": True, "register": "results_of", **task} for name, task in tasks.items()], **how).ok
        assert [name for name in tasks if not played[name].failed] == []
        return played


@pytest.fixture(scope="module")
def engine() -> Iterator[RedshiftEngine]:
    with RedshiftEngine(host="127.0.0.6") as running:
        yield running


@pytest.fixture
def hunt() -> Iterator[Hunt]:
    # Not tmp_path: Ansible makes a socket below it, and the path of a socket has to be short
    with Simulator(api_key=API_KEY, data_api="on") as tenant, TemporaryDirectory(prefix="hunt-") as folder:
        yield Hunt(tenant, Path(folder))


def value(name: str) -> str:
    return f"{{{{ secret.{name} }}}}"  # ansible-core shows what is written in a playbook


ACCOUNT = {"authenticationType": "userPassword", "username": "admin", "password": value("password")}
SNOWFLAKE = {"host": "acme.eu.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", "port": 5439}
REDSHIFT = {"host": "cluster.example.com", "database": "immuta", "initial_database": "dev", "port": 5439}
DATABRICKS = {"workspaceUrl": "acme.databricks.com", "httpPath": "p", "authenticationType": "oAuthM2M"}
#: secrets under every kind of name: an option, an alias, a nested one, what no table knows, text that holds a dict
LIVES: dict[str, dict[str, Any]] = {
    "snowflake": {
        "type": "Snowflake",
        "auto_bootstrap": True,
        "config": {**SNOWFLAKE, **ACCOUNT, "connectArgs": value("access_key"), "extra": {"newToken": value("extra"), "audit": {"apiKey": value("deep_extra")}}},
    },
    "key pair": {
        "type": "Snowflake",
        "auto_bootstrap": False,
        "config": {
            **{**SNOWFLAKE, "host": "keys.eu.snowflakecomputing.com"},
            "authentication_type": "keyPair",
            "username": "admin",
            "privateKey": {"keyName": "PRIV_KEY_FILE", "content": value("pem")},
            "private_key_password": value("four"),
        },
    },
    "databricks": {
        "type": "Databricks",
        "autoBootstrap": False,
        "config": {**DATABRICKS, "oAuthClientConfig": {"useCertificate": False, "clientId": "i", "clientSecret": value("client_secret")}},
    },
    "redshift": {
        "type": "Redshift",
        "auto_bootstrap": True,
        "config": {
            **REDSHIFT,
            "authentication_type": "okta",
            "okta": {"username": "u", "password": value("okta"), "app_id": "a", "idp_host": "h", "role": "r"},
            "extra": value("text"),
        },
    },
    "bigquery": {
        "type": "Google BigQuery",
        "config": {"role": "r", "dataset": "d", "dataset_suffix": "_v", "location": "eu", "credential": value("credential")},
    },
}
LAKE: dict[str, Any] = {
    "connection_key": "lake",
    "connection": {"technology": "Snowflake", "hostname": "lake.eu.snowflakecomputing.com", "warehouse": "WH", "role": "R", **ACCOUNT},
    "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {"warehouse": "WH", "database": "IMMUTA", **ACCOUNT}},
    "wait_interval": 0.05,
}
SCRIPTED = {"type": "Redshift", "config": {**REDSHIFT, **ACCOUNT}, "action": "create"}
#: what each module that talks to the tenant is called with at least
LEAST: dict[str, dict[str, Any]] = {
    INTEGRATION: LIVES["snowflake"],
    INFO: {},
    SCRIPT: {**SCRIPTED, "dest": "{{ kept }}/script.sql"},
    KEY: {"id": "1", "dest": "{{ kept }}/key"},
    CONNECTION: LAKE,
    CONNECTIONS: {},
    OBJECT: {"object_path": ["lake", "sales"], "settings": {"is_active": True}},
    OBJECTS: {},
    SYNC: {"object_path": ["lake"]},
    TENANT: {"integrations": [LIVES["key pair"], LIVES["databricks"]]},
    EXPORT: {"dest": "{{ kept }}/tenant.yml"},
    PLAN: {
        "integration": {"type": "Redshift", "auto_bootstrap": False, "config": {**REDSHIFT, **ACCOUNT, "host": "planned.example.com"}},
        "login": {"username": "a", "password": value("other_spelling")},
        "name": "h",
    },
}


def changed(options: Mapping[str, Any], config: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {**options, "config": {**options["config"], **config}, **more}


def sql(script: str, login: str = "login", **more: Any) -> dict[str, Any]:
    return {SQL: {"type": "Redshift", "login": f"{{{{ {login} }}}}", "script": f"{{{{ {script} }}}}", **more}}


@pytest.mark.cores
def test_nothing_leaks_when_all_goes_well(hunt: Hunt, engine: RedshiftEngine) -> None:
    hunt.tenant.settings(jobs="polls:1")
    tasks = [{"name": "check", "check_mode": True, INTEGRATION: LIVES["snowflake"]}]
    for name, options in LIVES.items():
        tasks += [
            {"name": f"create {name}", INTEGRATION: options, "register": "results_of"},
            {"name": f"rotate {name}", INTEGRATION: {**options, "update_secrets": "always"}},
        ]
    edited = changed(LIVES["snowflake"], {"warehouse": "OTHER", "password": value("rotated")})
    script = {**SCRIPTED, "dest": "{{ kept }}/script.sql", "review_dest": str(hunt.folder / "review.sql")}
    tasks += [
        {"name": "again", INTEGRATION: LIVES["snowflake"]},
        {"name": "edit", INTEGRATION: edited, "async": 60, "poll": 0, "register": "job"},
        {
            "name": "edited",
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "edited",
            "until": "edited is finished",
            "delay": 1,
            "retries": 60,
        },
        {"name": "list", INFO: {}},
        {"name": "whole tenant", TENANT: {**LEAST[TENANT], "update_secrets": "always"}, "register": "results_of"},
        {"name": "export", EXPORT: {"dest": str(hunt.folder / "tenant.yml")}},
        {"name": "delete", INTEGRATION: {**LIVES["snowflake"], "state": "absent"}},
        {"name": "make a key", INTEGRATION: {"type": "Trino", "api_key_dest": "{{ kept }}/key"}, "register": "trino"},
        {"name": "make another", KEY: {"id": "{{ trino.integration.id }}", "dest": "{{ kept }}/key", "force": True}, "register": "results_of"},
        {"name": "make a script", SCRIPT: script, "register": "results_of"},
        {"name": "plan", PLAN: {**LEAST[PLAN], "url": hunt.tenant.url}, "check_mode": True, "register": "results_of"},
        {"name": "connect", CONNECTION: LAKE, "register": "results_of"},
        {"name": "list connections", CONNECTIONS: {}},
        {"name": "list objects", OBJECTS: {}, "register": "results_of"},
        {"name": "settle", OBJECT: {"object_path": ["lake"], "settings": {"is_active": True}}},
        {"name": "read again", SYNC: {"object_path": ["lake"]}},
        {"name": "disconnect", CONNECTION: {**LAKE, "state": "absent"}},
        {"name": "run a script", **sql("script", ledger=str(hunt.folder / "ledger")), "register": "results_of"},
    ]
    statements = f"CREATE USER leaks PASSWORD {literal(secret('password'))}; CREATE USER more PASSWORD {literal(secret('okta'))};"
    extra = {"kept": str(hunt.kept), "login": engine.login, "script": {"__ansible_unsafe": statements}}
    hunt.secrets.add(engine.admin_password)
    played = hunt.run(tasks, extra=extra).ok
    assert [record["action"] for record in played if record.name.startswith("rotate")] == ["updated"] * len(LIVES)
    # they did arrive, exactly as they are
    arrived = "\n".join(body["sent"] for body in hunt.tenant.bodies())
    for name in ("password", "client_secret", "pem", "extra", "deep_extra", "credential", "access_key", "okta", "rotated", "four"):
        assert json.dumps(str(SECRETS[name]))[1:-1] in arrived, name
    assert json.dumps(secret("text"))[1:-1] in arrived
    assert engine.can_login("leaks", secret("password")) and WORDS["password"] in (hunt.kept / "script.sql").read_text(encoding="utf-8")
    # and numbers, which a password may hold too, stay readable
    assert played["create snowflake"]["integration"]["config"]["port"] == 5439
    # what the tenant made is a secret as well
    hunt.secrets = {next(each["account"]["key"] for each in hunt.tenant.integrations() if each["type"] == "Trino")}
    assert (hunt.kept / "key").read_text(encoding="utf-8").strip() in hunt.secrets
    assert not hunt.traces(played)


def test_nothing_leaks_when_a_task_is_wrong(hunt: Hunt) -> None:
    snowflake, redshift = LIVES["snowflake"], LIVES["redshift"]
    login = {"host": "127.0.0.1", "port": 9, "database": "d", "username": "u", "password": value("password")}
    misspelt = {"host": "h", "username": "u", "pasword": value("unknown")}
    of_integration = {
        "an unknown key": changed(snowflake, {"pasword": value("unknown")}),
        "an unknown key at the top": {**snowflake, "passwrod": value("unknown")},
        "an unknown key, deep": changed(redshift, {"okta": {"username": "u", "pass": value("unknown")}}),
        "unknown keys in a dict": changed(snowflake, {"credentials": {"password": value("unknown"), "key": [value("unknown"), value("number")]}}),
        "both spellings": changed(snowflake, {"privateKeyPassword": value("four"), "private_key_password": value("other_spelling")}),
        "another authentication's": changed(snowflake, {"privateKey": {"content": value("pem")}}),
        "another type's": changed(snowflake, {"credential": value("credential"), "sessionToken": value("other_spelling")}),
        "a dict that is none": changed(snowflake, {"privateKey": value("pem")}),
        "a text that is none": changed(snowflake, {"password": [value("password")], "port": "many"}),
        "a number": changed(snowflake, {"password": value("number"), "extra": {"pin_password": value("digits")}, "warehouse": ""}),
        "a known key in extra": changed(snowflake, {"extra": {"password": value("extra")}}),
        "a missing file's folder": {**snowflake, "api_key_dest": "/nowhere/at/all"},
        "a key that cannot be": {**snowflake, "api_key": value("password")},
        "an unknown type": {**snowflake, "type": "Oracle"},
    }
    of_others: dict[str, tuple[str, Mapping[str, Any]]] = {
        "connection: an unknown key": (CONNECTION, {**LAKE, "connection": {**LAKE["connection"], "pasword": value("unknown")}}),
        "connection: an unknown technology": (CONNECTION, {**LAKE, "connection": {**LAKE["connection"], "technology": "Oracle"}}),
        "connection: a dict as text": (CONNECTION, {**LAKE, "native_integration": f"password={value('text')}"}),
        "object: an unknown key": (OBJECT, {**LEAST[OBJECT], "settings": {"token": value("unknown")}}),
        "info: an unknown key": (INFO, {"password": value("unknown")}),
        "script: no file": (SCRIPT, {**SCRIPTED, "dest": "/nowhere/at/all"}),
        "script: none of this kind": (SCRIPT, {**SCRIPTED, "action": "edit", "dest": "{{ kept }}/x"}),
        "plan: unknown keys": (PLAN, changed({**LEAST[PLAN], "config": {}}, {}, integration=of_integration["an unknown key"], passwrd=value("unknown"))),
        "tenant: an unknown key": (TENANT, {"integrations": [of_integration["an unknown key"]], "connections": [{**LAKE, "passwrd": value("unknown")}]}),
        "plan: no dict": (PLAN, {**LEAST[PLAN], "integration": value("unknown"), "login": value("text")}),
        "plan: problems": (PLAN, {**LEAST[PLAN], "stages": ["run"], "sql_before": [f"SELECT '{value('password')}'"]}),
        "sql: an unknown key": (SQL, {"type": "Redshift", "login": misspelt, "script": "SELECT 1"}),
        "sql: a login as text": (SQL, {"type": "Redshift", "login": value("password"), "script": "SELECT 1"}),
        "sql: both": (SQL, {"type": "Redshift", "login": login, "script": f"SELECT '{value('text')}'", "path": "/x"}),
        "sql: refused": (SQL, {"type": "Redshift", "login": login, "script": "DROP DATABASE x; COPY t FROM 's3://x' CREDENTIALS '{{ secret.access_key }}'"}),
        "sql: unreachable": (SQL, {"type": "Redshift", "login": login, "script": "CREATE DATABASE x", "connect_timeout": 1}),
        "sql: unreachable, a token": (
            SQL,
            {
                "type": "Databricks",
                "login": {"host": "127.0.0.1:9", "http_path": "/sql/1.0/warehouses/x", "token": value("token")},
                "script": "CREATE SCHEMA x",
            },
        ),
        "sql: unreadable key": (
            SQL,
            {
                "type": "Snowflake",
                "login": {"account": "a", "username": "u", "private_key": value("pem"), "private_key_passphrase": value("four")},
                "script": "SELECT 1",
            },
        ),
    }
    user = "user:{{ secret.password }}@"
    addresses: dict[str, tuple[str, Mapping[str, Any]]] = {
        **{f"{module} at an address with a password": (module, {**options, "url": f"https://{user}tenant.example.com"}) for module, options in LEAST.items()},
        "no scheme": (INTEGRATION, {**snowflake, "url": f"{user}tenant.example.com"}),
        "nobody there": (INTEGRATION, {**snowflake, "url": "http://127.0.0.1:9", "retries": 0}),
    }
    rows = {**{name: (INTEGRATION, options) for name, options in of_integration.items()}, **of_others, **addresses}
    hunt.fail({name: {module: options} for name, (module, options) in rows.items()}, extra={"kept": str(hunt.kept)})
    assert hunt.tenant.writes() == []


def quoting(forms: list[str]) -> dict[str, Any]:
    """A refusal that quotes these in every place that is shown."""
    tests = [{"name": f"Login with {form}", "status": "failed", "message": form, "result": [{"x": form}, {form: "x"}]} for form in forms]
    text = " and ".join(forms[:3])
    return {"statusCode": 422, "error": text, "message": text, "status": "creating", "validationResults": {"status": "failed", "validationTests": tests}}


def test_nothing_leaks_when_the_tenant_quotes_it(hunt: Hunt) -> None:
    """A tenant that quotes the request in its refusal, in every form."""
    options = LIVES["snowflake"]
    every = [form for name in ("password", "extra", "deep_extra", "access_key") for form in named_forms(secret(name)).values()]
    keys = list(named_forms(API_KEY).values())
    password = list(named_forms(secret("password")).values())
    #: name -> (module, its options, the request that is refused, status, body); what is only looked at goes first
    rows: dict[str, tuple[str, Mapping[str, Any], str, int, Any]] = {
        "list": (INFO, {}, "GET /integrations$", 403, quoting(keys)),
        "key": (KEY, LEAST[KEY], "GET /integrations", 403, quoting(keys)),
        "plan": (PLAN, {**LEAST[PLAN], "url": hunt.tenant.url, "home": str(hunt.folder / "home")}, "GET /integrations", 403, quoting([*password, *keys])),
        "connections": (CONNECTIONS, {"connection_key": "lake"}, "GET /data", 400, quoting(keys)),
        "object": (OBJECT, LEAST[OBJECT], "GET /data", 400, quoting(keys)),
        "objects": (OBJECTS, {"object_path": ["lake"]}, "GET /data", 400, quoting(keys)),
        "sync": (SYNC, LEAST[SYNC], "GET /data", 400, quoting(keys)),
        "refused": (INTEGRATION, options, "POST dryRun", 422, quoting([*every, *keys])),
        "answered": (INTEGRATION, options, "POST dryRun", 200, {"id": 1, **quoting([*every[::-1], *keys])}),
        "as text": (INTEGRATION, options, "POST dryRun", 400, "no JSON: " + " ".join(password[:4])),
        "as a page": (INTEGRATION, options, "POST dryRun", 200, f"<html><title>{html.escape(secret('password'))}</title></html>"),
        "tenant": (TENANT, {"integrations": [LIVES["snowflake"]]}, "POST dryRun", 422, quoting([*password, *keys])),
        "script": (SCRIPT, LEAST[SCRIPT], "POST scripts", 422, quoting([*password, *keys])),
        "no script": (SCRIPT, LEAST[SCRIPT], "POST scripts", 200, {"one": f"PASSWORD '{secret('password')}'", "two": secret("password")}),
        "half a script": (SCRIPT, LEAST[SCRIPT], "POST scripts", 200, f'"CREATE USER u PASSWORD {literal(secret("password"))}'),
        "connection": (CONNECTION, LAKE, "POST /data/connection", 422, quoting([*password, *keys])),
    }
    for _module, _options, request, status, body in rows.values():
        method, path = request.split(" ")
        hunt.tenant.fault(method=method, path=path, status=status, body=body if isinstance(body, str) else json.dumps(body))
    played = hunt.fail({name: {module: given} for name, (module, given, *_refusal) in rows.items()}, extra={"kept": str(hunt.kept)})
    assert hunt.tenant.faults() == []
    assert "HTTP 422" in played["refused"]["msg"] and played["refused"]["api_error"]


def test_nothing_leaks_when_the_tenant_shows_it(hunt: Hunt) -> None:
    """A tenant that does not redact what it stores."""
    config = {
        "host": SNOWFLAKE["host"],
        "database": "OTHER",
        "password": secret("other_spelling"),
        "connectArgs": secret("access_key"),
        "more": {"newToken": "x"},
    }
    failed = {"status": "failed", "validationTests": [{"name": "Login", "status": "failed", "message": f"as {secret('password')}"}]}
    shown = json.dumps([{"id": 1, "type": "Snowflake", "status": "editError", "autoBootstrap": True, "config": config, "validationResults": failed}])
    hunt.tenant.fault(method="GET", path="/integrations$", status=200, body=shown.replace(WORDS["password"], "what nobody gave"))
    hunt.tenant.fault(method="GET", path="/integrations$", status=200, body=shown, times=9)
    options = LIVES["snowflake"]
    equal = changed(options, {"database": "OTHER", "warehouse": "", "extra": {}, "password": value("password")})
    tasks = [
        {"name": "list", INFO: {}},
        {"name": "immutable", INTEGRATION: options, "ignore_errors": True},
        {"name": "equal", INTEGRATION: equal, "ignore_errors": True},
        {"name": "delete", INTEGRATION: {**options, "state": "absent", "server_validation": False}, "check_mode": True},
    ]
    played = hunt.run(tasks).ok
    assert [record.failed for record in played if record.name in ("immutable", "equal")] == [True, True]


def test_nothing_leaks_when_the_warehouse_refuses(hunt: Hunt, engine: RedshiftEngine) -> None:
    """A database quotes the literal that it cannot read; others sign in with what lets nobody in."""
    quoted = {name: f"SELECT CAST({literal(secret(name))} AS INT)" for name in ("password", "okta")}
    quoted |= {name: f"SELECT CAST('{WORDS[name]}' AS INT), CAST('x{WORDS[name]}' AS INT)" for name in ("four", "number")}
    rows = {
        **{f"quoted {name}": sql(f"scripts.{name}", purpose="any", ledger=str(hunt.folder / "ledger")) for name in quoted},
        "in a block": sql("scripts.block", purpose="any"),
        "wrong password": sql("scripts.four", "{**login, 'password': secret.token}", purpose="any"),
        "wrong short password": sql("scripts.four", "{**login, 'password': secret.four}", purpose="any"),
    }
    scripts = {**quoted, "block": f"DO $$ BEGIN RAISE EXCEPTION '%', {literal(secret('text'))}; END $$"}
    extra = {"login": engine.login, "scripts": {name: {"__ansible_unsafe": script} for name, script in scripts.items()}}
    hunt.secrets.add(engine.admin_password)
    played = hunt.fail(rows, extra=extra)
    assert "invalid input syntax" in played["quoted password"]["msg"]


def test_the_hunt_finds_what_it_looks_for(hunt: Hunt) -> None:
    """A secret is found in each place where a run can leave one."""
    tell = {"cmd": "echo {{ secret.four }} > $TMPDIR/file; echo {{ secret.four }}", "chdir": str(hunt.folder / "remote")}
    tasks = [
        {"name": "tell", "ansible.builtin.shell": tell, "async": 60, "poll": 0},
        {"name": "tell again", "ansible.builtin.shell": {**tell, "cmd": "echo {{ secret.four }} > file; sleep 1 # {{ secret.four }}"}},
        {"name": "cache", "ansible.builtin.set_fact": {"fact": "{{ secret.four }}", "cacheable": True}},
        {"name": "list", INFO: {}},
        {"name": "tell once more", "ansible.builtin.debug": {"msg": "{{ secret.four }}"}},
    ]
    hunt.secrets = {WORDS["four"]}
    with pytest.raises(AssertionError) as caught:
        hunt.run(tasks)
    found = str(caught.value)
    places = ("'0: '", "'1: [1]", "'2: [", "/log'", "/syslog/lines'", "/junit/", "/tree/", "/facts/", "/jobs/", "/remote/", "/temporary/")
    assert [place for place in places if place not in found] == []
