# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hunt for secrets through everything that the role leaves behind, by every entry point, whether it works or fails, and however it fails."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.core import PYTHON
from support.leaks import CORES_OWN, Net, named_forms, traces
from support.literals import redshift as literal
from support.playbook import Run
from support.tasks import to_yaml

from .conftest import NASTY, Platform, World

PASSWORD, NEXT, WRONG = f"Mk1pAsM {NASTY}", f"Mk2nExM {NASTY}", f"Mk3wRoM {NASTY}"
FOUR = "q7Z!"
#: what the operator gives, and what is made to hold a password
APART = (*CORES_OWN, "inventory.json", "extra.json", "*-create.sql", "*-delete.sql", "*-cleanup.sql")
BASTION = {"bastion": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}


def unsafe(text: str) -> dict[str, str]:
    return {"__ansible_unsafe": text}


def one_play(entry: str, hosts: str = "immuta_platforms", variables: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A play that goes on when the role fails."""
    role = {"ansible.builtin.include_role": {"name": "community.immuta.immuta_platform", "tasks_from": entry}}
    block = {"block": [role], "rescue": [{"ansible.builtin.debug": {"msg": f"{entry} failed"}}]}
    named = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **(variables or {})}
    return {"hosts": hosts, "connection": "local", "gather_facts": False, "vars": named, "tasks": [block], **keys}


class Hunt:
    """Plays of the role, and all that they leave."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.net = Net(folder)
        self.secrets = {PASSWORD, NEXT, WRONG, FOUR, "Mk1pAsM", "Mk2nExM", "Mk3wRoM", world.redshift.engine.admin_password, world.tenant.api_key}
        self.secrets.add(world.snowflake.engine.admin_password)

    def run(self, plays: list[dict[str, Any]], *, on: list[Platform], **how: Any) -> Run:
        """Run the plays, of which some fail, and have every fact and every registered variable written down. Nothing of any secret is anywhere."""
        own = sorted({name for platform in on for name in platform.variables()} | {"immuta_api_key", "immuta_url", "mine", "ansible_failed_task"})
        kept = f"{{{{ hostvars[inventory_hostname] | dict2items | rejectattr('key', 'in', {own}) | list | string }}}}"
        dest = str(self.folder / "variables-of-{{ inventory_hostname }}")
        cached = {"ansible.builtin.set_fact": {"cached": True, "cacheable": True}}
        last = {"ansible.builtin.copy": {"content": kept, "dest": dest, "mode": "0600"}}
        plays = [*plays, {**one_play("main"), "tasks": [cached, last]}]
        playbook = self.folder / "plays.yml"
        playbook.write_text(to_yaml(plays), encoding="utf-8")
        with self.net.cast():
            run = self.world.run(playbook, "-vvvv", "--diff", on=on, environment={**self.net.environment, **how.pop("environment", {})}, **how)
        assert run.rc == 0, run.output
        for platform in on:
            assert "immuta_platform__now" in (self.folder / f"variables-of-{platform.host}").read_text(encoding="utf-8")
        assert any("playbook" in command for command in self.net.commands)
        found = traces(self.secrets, run.output, run.events, self.net.commands, self.folder, self.world.folder, self.world.temporary, apart=APART)
        assert not found, "\n".join(map(str, found))
        return run


@pytest.fixture
def hunt(world: World) -> Iterator[Hunt]:
    # Not tmp_path: the paths of Ansible's sockets may not be long
    with TemporaryDirectory(prefix="hunt-") as folder:
        world.redshift.password = PASSWORD
        yield Hunt(world, Path(folder))


def refusal(*secrets: str) -> dict[str, Any]:
    """A tenant that quotes the request in its refusal, in every form."""
    forms = [form for secret in secrets for form in named_forms(secret).values()]
    tests = [{"name": f"Login with {form}", "status": "failed", "message": form, "result": [{form: form}]} for form in forms]
    body = {"statusCode": 422, "error": forms[0], "message": forms[1], "validationResults": {"status": "failed", "validationTests": tests}}
    return {"status": 422, "body": json.dumps(body)}


@pytest.mark.cores
def test_nothing_leaks_by_any_entry_point(hunt: Hunt) -> None:
    """The SQL runs on another host, and the tenant refuses the first new secret."""
    world, redshift = hunt.world, hunt.world.redshift
    world.tenant.settings(data_api="on")
    world.tenant.connections([{"connectionKey": "lake", "nativeIntegrationId": None, "connection": {"technology": "Glue"}, "contents": ["sales/orders"]}])
    connection = {"connection_key": "lake", "connection": {"technology": "Glue"}}
    lake = replace(redshift, host="lake", extra={"immuta_platform_integration": {}, "immuta_platform_connection": connection})
    world.tenant.fault(method="PUT", path="/integrations/1", **refusal(NEXT, world.tenant.api_key))
    elsewhere = {"immuta_platform_sql_host": "bastion", "immuta_platform_artifacts": str(world.artifacts)}
    plays = [
        one_play("main", "redshift", check_mode=True),
        one_play("main", "redshift", elsewhere),
        one_play("rotate", "redshift", {"immuta_platform_new_secrets": {"password": "{{ mine }}"}}),
        one_play("sync", "lake"),
        one_play("main", "redshift", {"immuta_platform_state": "absent"}),
    ]
    run = hunt.run(plays, on=[redshift, lake], mine=unsafe(NEXT), hosts=BASTION, immuta_platform_audit_log=str(hunt.folder / "audit"))
    assert run.output.count('"rotate failed"') == 1 and "main failed" not in run.output and "sync failed" not in run.output
    arrived = [json.loads(body["sent"])["config"]["password"] for body in world.tenant.bodies() if body["method"] == "PUT"]
    assert set(arrived) == {NEXT}
    assert not world.registered()


@pytest.mark.all
def test_nothing_leaks_however_it_fails(hunt: Hunt) -> None:
    """By way of ansible-runner: what is wrong in the variables, who does not answer, who refuses and quotes the secret."""
    world, redshift = hunt.world, hunt.world.redshift
    whole = redshift.variables()
    login = whole["immuta_platform_login"]

    def config(**more: Any) -> dict[str, Any]:
        integration = whole["immuta_platform_integration"]
        return {"immuta_platform_integration": {**integration, "config": {**integration["config"], "host": "127.0.0.77", **more}}}

    #: host -> its variables; what is tried on the engine has another address each, so that no host waits for the lock of another
    rows: dict[str, dict[str, Any]] = {
        "mistyped": {**config(pasword=unsafe(WRONG)), "immuta_platform_login": {**login, "pasword": unsafe(WRONG)}},
        "unknown_variable": {**config(), "immuta_platform_pasword": unsafe(WRONG)},
        "no_dictionary": {"immuta_platform_integration": unsafe(f"password={WRONG}"), "immuta_platform_login": unsafe(WRONG)},
        "number": config(password=7731946250, warehouse=unsafe("x")),
        "address": {**config(), "immuta_url": unsafe(f"https://user:{WRONG}@tenant.example.com")},
        "short_address": {**config(), "immuta_url": unsafe(f"user:{FOUR}@tenant.example.com")},
        "nobody": {**config(), "immuta_url": "http://127.0.0.1:9", "immuta_retries": 0},
        "no_artifacts": {**config(), "immuta_platform_stages": ["run"]},
        "held": config(host="held.example.com"),
        "refused": config(host="localhost"),
        "quoted": {**config(host=redshift.config["host"]), "immuta_platform_sql_before": [unsafe(f"CREATE TABLE t AS SELECT CAST({literal(WRONG)} AS INT)")]},
    }
    hunt.secrets.add("7731946250")
    hosts = [replace(redshift, host=host, extra=extra) for host, extra in rows.items()]
    hosts.append(
        replace(
            world.snowflake, host="wrong_login", extra={"immuta_platform_login": {**world.snowflake.variables()["immuta_platform_login"], "password": FOUR}}
        )
    )
    held = {"run": "0123456789abcdef", "host": "another-machine", "user": "nightly", "pid": 4711, "since": "2026-11-01T02:00:00Z"}
    lock = world.home / "immuta_platform" / f"{hashlib.sha256(b'Redshift held.example.com').hexdigest()[:16]}.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps(held), encoding="utf-8")
    world.tenant.fault(method="POST", path="dryRun", **refusal(PASSWORD, world.tenant.api_key))
    new = {"immuta_platform_new_secrets": {"password": "{{ mine }}", "pasword": "{{ mine }}"}}
    wrong = "mistyped,no_dictionary,address,nobody"
    plays = [one_play("main"), one_play("rotate", wrong, new), one_play("sync", wrong)]
    artifacts = hunt.folder / "runner"
    artifacts.mkdir()
    command = (sys.executable, str(Path(__file__).parents[1] / "support" / "runner.py"), str(artifacts))
    path = os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]])
    run = hunt.run(plays, on=hosts, mine=unsafe(NEXT), command=command, environment={"PATH": path})
    assert [host.host for host in hosts if "main failed" not in str(run.tasks(host.host, "debug"))] == []
    assert "HTTP 422" in run.output and "invalid input syntax" in run.output and "nightly on another-machine" in run.output
    lock.unlink()
    assert list(artifacts.glob("artifacts/*/job_events/*.json")) and list(artifacts.glob("artifacts/*/fact_cache/*"))
