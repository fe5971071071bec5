# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX's own injector and the credential types of the kit: what is in a field reaches the modules, and an empty field overrides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC, connect, variable
from ansible_collections.community.immuta.plugins.module_utils._ansible.variables import evaluate_variables
from immuta_simulator import Simulator
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from support.leaks import traces
from support.pages import input_errors, module_of
from support.playbook import run_playbook
from unit.http_servers import Authority
from unit.wire import Wire, ok, reply

from .conftest import NASTY, Launcher
from .controller import inject, kit

TYPES = {each["name"]: each for each in kit()["controller_credential_types"]}
LOGINS = {name: each for name, each in TYPES.items() if name != "Immuta"}
TOKEN = "immuta-token-6b1e"
#: the options that a credential is not the place for
NOT_IN_A_CREDENTIAL = {"change_reference": "It belongs to a run: the surveys ask for it."}


def fields(name: str) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in TYPES[name]["inputs"]["fields"]}


def filled(name: str) -> dict[str, Any]:
    """Every field of a type with something in it that no quoting survives by chance."""
    return {id: True if each["type"] == "boolean" else each["choices"][-1] if "choices" in each else f"{id} {NASTY}" for id, each in fields(name).items()}


# --- the types against the options


def test_every_option_of_the_tenant_is_in_the_credential_and_nothing_else() -> None:
    assert set(TYPES["Immuta"]["injectors"]["env"]) == {variable(option) for option in TENANT_SPEC if option not in NOT_IN_A_CREDENTIAL}


def test_choices_are_those_of_the_option() -> None:
    for id, each in fields("Immuta").items():
        assert each.get("choices") == TENANT_SPEC.get(id, {}).get("choices"), id


def test_secret_fields_are_the_secret_options() -> None:
    login = module_of("immuta_sql_script")["argument_spec"]["login"]["options"]
    for name in TYPES:
        for id, each in fields(name).items():
            option = (TENANT_SPEC if name == "Immuta" else login).get(id, {})
            assert each.get("secret", False) == (bool(option.get("no_log")) or id == "client_key"), f"{name}: {id}"


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_is_what_the_module_takes(name: str, tmp_path: Path) -> None:
    inputs = filled(name)
    (text,) = inject({name: inputs}, tmp_path).environment.values()
    assert json.loads(text) == inputs
    assert text.isascii(), "AWX cannot pass on anything else"
    kind = {"Snowflake login": "Snowflake", "Redshift login": "Redshift", "Databricks login": "Databricks", "Azure Synapse login": "Azure Synapse Analytics"}[
        name
    ]
    assert not input_errors(module_of("immuta_sql_script"), {"type": kind, "script": "SELECT 1", "login": json.loads(text)})


@pytest.mark.parametrize("name", TYPES)
def test_awx_accepts_the_type(name: str) -> None:
    """Its own rules: names, no setting of Ansible, one word for the kind of a field, templates that use only fields."""
    known: dict[str, Any] = dict.fromkeys(fields(name), "EXAMPLE")
    files = TYPES[name]["injectors"].get("file", {})
    known["tower"] = {"filename": {label.split(".", maxsplit=1)[1]: "EXAMPLE" for label in files}}
    sandbox = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for variable_name, template in {**files, **TYPES[name]["injectors"]["env"]}.items():
        sandbox.from_string(template).render(**known)
        assert not variable_name.startswith("ANSIBLE_") and template.isascii()
    assert set(TYPES[name]["inputs"].get("required", [])) <= set(fields(name))
    for each in fields(name).values():
        assert set(each) <= {"id", "type", "label", "help_text", "secret", "multiline", "choices"} and each["type"] in ("string", "boolean")
        assert each["type"] == "string" or set(each) <= {"id", "type", "label", "help_text"}


# --- empty fields


@pytest.mark.parametrize("blank", [{}, "", False], ids=["missing", "empty", "not ticked"])
@pytest.mark.parametrize("name", TYPES)
def test_an_empty_field_overrides_nothing(name: str, blank: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = {} if blank == {} else {id: blank for id, each in fields(name).items() if (each["type"] == "boolean") == (blank is False)}
    environment = inject({name: inputs}, tmp_path).environment
    if name != "Immuta":
        assert set(environment.values()) == {"{}"}
        return
    assert set(environment.values()) == {""}
    for variable_name in environment:
        monkeypatch.setenv(variable_name, environment[variable_name])
    options = {"url": "https://tenant.example.com", "api_key": "from the task", **{name: None for name in TENANT_SPEC if name not in ("url", "api_key")}}
    with_blanks = connect({**options, "api_key": "key"}, task_options=["url", "api_key"], read_only=True, warn=pytest.fail)
    for variable_name in environment:
        monkeypatch.delenv(variable_name)
    without = connect({**options, "api_key": "key"}, task_options=["url", "api_key"], read_only=True, warn=pytest.fail)
    assert vars(with_blanks)["_transport"] == vars(without)["_transport"]


def test_an_inventory_without_the_credential_has_no_login() -> None:
    """The text that the lookup gives if AWX injects nothing, or only empty fields."""
    for text in ("", "{}"):
        found = evaluate_variables({"immuta_platform_login": text}, lambda value: value)
        assert (found.values["login"], found.problems) == ({}, [])


def test_the_lookup_of_the_inventory_gives_the_role_every_login(tmp_path: Path) -> None:
    """Ansible evaluates the lookup, and nothing in what it gives: braces in a password stay braces."""
    injected = inject({name: filled(name) for name in LOGINS}, tmp_path).environment
    tasks = [
        {
            "ansible.builtin.copy": {
                "content": "{{ lookup('community.immuta.platform_variables', 'main').logins.admin | to_json }}",
                "dest": f"{tmp_path}/{name}",
            },
            "vars": {"immuta_platform_login": f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}"},
        }
        for name in injected
    ]
    play = tmp_path / "play.json"
    config = {"database": "immuta", "initial_database": "dev"}
    variables = {"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": config}}
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    run = run_playbook(play, {}, tmp_path / "run", environment=injected)
    assert run.rc == 0, run.output
    for name, text in injected.items():
        given = json.loads((tmp_path / name).read_text())
        assert {option: given.get(option) for option in json.loads(text)} == json.loads(text)


# --- what AWX stores


@pytest.mark.parametrize("name", TYPES)
def test_awx_stores_no_secret(name: str, tmp_path: Path) -> None:
    inputs = filled(name)
    injected = inject({name: inputs}, tmp_path)
    secrets = [str(inputs[id]) for id, each in fields(name).items() if each.get("secret")]
    assert secrets and not traces(secrets, injected.stored, injected.arguments)
    assert set(injected.stored) == set(injected.environment)


# --- through ansible-runner to the modules


def test_the_fields_reach_the_modules(controller: Launcher, tenant: Simulator, tmp_path: Path) -> None:
    """A drift job against a server that wants a client certificate and has one of its own authority: all of it comes from the credential alone."""
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    certificate, key = (path.read_text().strip() for path in theirs.issue("client", "client.example.com"))
    config = {"host": "rs", "database": "immuta", "initial_database": "dev", "authentication_type": "userPassword", "username": "immuta"}
    hosts = {"analytics": {"immuta_platform_integration": {"type": "Redshift", "auto_bootstrap": False, "config": config}}}
    awx = controller(tenant, hosts)
    with Wire([("GET /integrations", ok([])), ("POST /data/object/search", reply(404, ""))], tls=ours.server("server", clients=theirs)) as wire:
        pems = {"ca_certificate": ours.path.read_text().strip(), "client_certificate": certificate, "client_key": key}
        awx.credentials = {"Immuta": {"url": wire.url, "bearer_token": TOKEN, "api_key": "", "timeout": "30", "bypass_proxy": True, **pems}}
        # a proxy that nobody listens at: the tick in the credential is what lets the request pass it by
        awx.environment = {"HTTPS_PROXY": "http://127.0.0.1:9"}
        job = awx.launch("Immuta drift", credentials=["Immuta"])
    assert job.rc != 0 and job.results("immuta_fleet")[-1]["drifted"] == ["analytics"], job.stdout
    assert {request.headers["authorization"] for request in wire.requests} == {f"Bearer {TOKEN}"}
    # ansible-runner keeps the environment of the command in a file, and AWX shows what it stores instead. Nothing else has the token or the key
    (command,) = (job.folder / "artifacts" / "1").glob("command")
    assert TOKEN in command.read_text()
    assert not traces(
        [TOKEN, key], job.events, job.stdout, job.artifacts, job.injected.stored, job.folder / "artifacts", job.folder / "home", apart=["command"]
    )
    written = {Path(job.injected.environment[name]).stat().st_mode for name in ("IMMUTA_CA_PATH", "IMMUTA_CLIENT_CERT", "IMMUTA_CLIENT_KEY")}
    assert {mode & 0o777 for mode in written} == {0o600}
