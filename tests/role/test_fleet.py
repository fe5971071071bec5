# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on fleets, by their names: register, drift, apply and export. Few plays, many hosts in each."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_hosts import report_of
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import Call, Host
from immuta_simulator import Simulator
from support.kills import AtRequest, standing
from support.leaks import traces
from support.modules import run_module
from support.playbook import Run, run_playbook

from .conftest import World, request_line

REGISTER = "community.immuta.register"

PASSWORD = """it's "both"; \\ $$ {{ braces }} s3cret"""
ACCOUNT = {"authentication_type": "userPassword", "username": "admin", "password": {"__ansible_unsafe": PASSWORD}}
EVIL = "{{ lookup('pipe', 'touch evil') }}"
GROUP = "immuta_platforms"
Hosts = dict[str, dict[str, Any]]
PLAY = Callable[..., Run]


def integration(type_name: str, **options: Any) -> dict[str, Any]:
    return {"immuta_platform_integration": {"type": type_name, **options}}


def snowflake(number: int, **config: Any) -> dict[str, Any]:
    place = {"host": f"acme{number}.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA", "role": "ACCOUNTADMIN"}
    return integration("Snowflake", auto_bootstrap=True, config={**place, **ACCOUNT, **config})


def no_secret(variables: dict[str, Any]) -> dict[str, Any]:
    """The same, where nobody has opened the vault."""
    given = variables["immuta_platform_integration"]
    return {"immuta_platform_integration": {**given, "config": {**given["config"], "password": "{{ vault_that_is_closed }}"}}}


TRINO = integration("Trino")
S3 = integration(
    "Native S3",
    autoBootstrap=False,  # the vendor's spelling
    config={
        "name": "lake",
        "awsAccountId": "123456789012",
        "awsRegion": "eu-central-1",
        "awsLocationRole": "arn:aws:iam::123456789012:role/immuta-location",
        "awsLocationPath": "s3://acme-lake",
        "authenticationType": "auto",
        "awsRoleToAssume": "arn:aws:iam::123456789012:role/immuta",
    },
)
GLUE = {"immuta_platform_connection": {"connection_key": "glue", "connection": {"technology": "Glue", "extra": {"region": "eu-central-1"}}}}
MISSPELLED = {**snowflake(99), "immuta_platform_stagse": ["run"]}


@dataclass
class Plain:
    """A platform for which nothing has to run on a warehouse, as a World takes it."""

    host: str
    given: dict[str, Any]

    def variables(self) -> dict[str, Any]:
        return self.given


FLEET_PLAY: dict[str, Any] = {
    "hosts": GROUP,
    "connection": "local",
    "gather_facts": False,
    "tasks": [{"community.immuta.immuta_fleet": {}, "run_once": True, "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}],
}


def plays(tenant: Simulator, folder: Path) -> PLAY:
    """Run a playbook of the collection, or one at a path, on these hosts. Keywords are variables of all of them."""

    def play(playbook: str | Path, hosts: Hosts, *arguments: str, environment: dict[str, str] | None = None, **variables: Any) -> Run:
        reach = {"immuta_url": tenant.url, "immuta_api_key": tenant.api_key, "immuta_platform_wait_interval": 0.05, **variables}
        name = playbook if isinstance(playbook, Path) else f"community.immuta.{playbook}"
        inventory = {GROUP: {"vars": reach, "hosts": hosts}}
        run = run_playbook(name, inventory, folder, *arguments, environment={"ANSIBLE_HOME": str(folder / "home"), **(environment or {})})
        assert not traces([PASSWORD, tenant.api_key], run.output, run.events)
        assert "Traceback" not in run.output
        return run

    return play


@pytest.fixture
def play(tenant: Simulator, tmp_path: Path) -> PLAY:
    return plays(tenant, tmp_path)


def report(run: Run) -> dict[str, Any]:
    """What the task for all hosts returned."""
    return next(event["result"] for event in run.events if event.get("action", "").endswith("immuta_fleet"))


def asked(tenant: Simulator) -> list[str]:
    return [request_line(entry) for entry in tenant.requests()]


def there(tenant: Simulator) -> list[str]:
    return sorted(str(each["config"].get("host") or each["type"]) for each in tenant.integrations() if each["status"] != "deleted")


def recap(run: Run) -> dict[str, tuple[int, int]]:
    """Host -> how many tasks changed something, and how many failed."""
    return {event["host"]: (event["stats"]["changed"], event["stats"]["failures"]) for event in run.events if "stats" in event}


# --- register


def test_a_fleet_of_mixed_kinds(world: World) -> None:
    """Six kinds and one host with a typing error in a play, with all that Ansible says; a manual set-up on a real engine is among them."""
    tenant = world.tenant
    tenant.settings(data_api="on")
    fleet: list[Any] = [Plain("acme1", snowflake(1)), Plain("acme2", snowflake(2)), Plain("trino", TRINO), Plain("s3", S3), Plain("glue", GLUE), world.redshift]
    names = [each.host for each in fleet]

    check = world.run(REGISTER, "--check", on=[*fleet, Plain("typo", MISSPELLED)])
    assert {name: recap(check)[name] for name in names} == dict.fromkeys(names, (1, 0)), check.output
    assert tenant.writes() == []

    tenant.clear_log()
    run = world.run(REGISTER, "-vvvv", on=[*fleet, Plain("typo", MISSPELLED)])
    assert {name: failed for name, (_unused, failed) in recap(run).items()} == {**dict.fromkeys(names, 0), "typo": 1}, run.output
    assert run.message("typo").startswith("typo: immuta_platform_stagse is not a variable of the role. Did you mean immuta_platform_stages?")
    assert {name for name in names if run.tasks(name, "immuta_platform_plan")} == {"redshift"}, "what needs no script does not enter the role"
    assert report(run)["table"][-2] == "redshift: to be registered, with scripts on the warehouse"
    ours = [request_line(entry) for entry in tenant.requests() if entry["connection"] == tenant.requests()[0]["connection"]]
    assert ours[0] == "GET /integrations" and ours.count("GET /integrations") <= 2, "one look for all, and one wait for all"
    assert there(tenant) == ["127.0.0.1", "Native S3", "Trino", "acme1.snowflakecomputing.com", "acme2.snowflakecomputing.com"]
    assert [each["connectionKey"] for each in tenant.stored_connections()] == ["glue"]
    assert world.redshift.holds() and world.redshift.lets_in()
    assert not traces([PASSWORD, world.redshift.password, world.redshift.engine.admin_password, tenant.api_key], run.output, run.events)

    tenant.clear_log()
    again = world.run(REGISTER, on=fleet)
    assert again.rc == 0 and set(recap(again).values()) == {(0, 0)}, again.output
    assert report(again)["table"] == ["6 as they should be"]
    assert sorted(world.asked()) == ["GET /data/connection/glue", "GET /integrations", "POST /data/object/search"]


def test_limit_and_batches(play: PLAY, tenant: Simulator, tmp_path: Path) -> None:
    hosts = {f"acme{number}": snowflake(number) for number in range(4)}
    assert play("register", hosts, "--limit", "acme1,acme2").rc == 0
    assert there(tenant) == ["acme1.snowflakecomputing.com", "acme2.snowflakecomputing.com"]

    tenant.clear_log()
    (tmp_path / "batches.yml").write_text(yaml.safe_dump([{**FLEET_PLAY, "serial": 2}]), encoding="utf-8")
    batched = play(tmp_path / "batches.yml", hosts)
    assert batched.rc == 0, batched.output
    found = [event["result"] for event in batched.events if event.get("action", "").endswith("immuta_fleet")]
    assert [sorted(each["platforms"]) for each in found] == [["acme0", "acme1"], ["acme2", "acme3"]]
    assert [each["unmanaged"] for each in found] == [None, None], "neither batch is all of the group"
    assert len(there(tenant)) == 4


@pytest.mark.cores
def test_every_host_has_its_own_variables(play: PLAY, tenant: Simulator, tmp_path: Path) -> None:
    """What each host would see if the task ran for it: lookups evaluated once, and what the play says above what the inventory says."""
    made = {"password": "{{ lookup('pipe', 'echo $$ >> ' ~ folder ~ '/count; echo made-for-' ~ inventory_hostname ~ '-$$') }}"}
    hosts = {
        # the first host agrees with the play by chance, and the others do not
        "first": {**snowflake(1, **made, host="{{ inventory_hostname_short }}.example.com"), "warehouse": "PLAY"},
        "second": {**snowflake(2, **made, host="{{ hostvars['second'].other }}.example.com"), "other": "second", "warehouse": "INVENTORY"},
        "third": {**snowflake(3, **made, host="{{ from_a_file }}.example.com"), "warehouse": "INVENTORY", "from_extra": "inventory"},
    }
    for host in hosts.values():
        host["immuta_platform_integration"]["config"].update(warehouse="{{ warehouse }}", role="{{ from_extra }}", database="{{ from_a_file }}")
    for name in hosts:
        (tmp_path / f"of_{name}.yml").write_text(yaml.safe_dump({"from_a_file": name}), encoding="utf-8")
    files = ["{{ folder }}/of_{{ inventory_hostname }}.yml"]
    (tmp_path / "own.yml").write_text(yaml.safe_dump([{**FLEET_PLAY, "vars": {"warehouse": "PLAY"}, "vars_files": files}]), encoding="utf-8")
    run = play(tmp_path / "own.yml", hosts, "-e", "from_extra=EXTRA", folder=str(tmp_path), from_a_file="inventory")
    assert run.rc == 0, run.output
    stored = {each["config"]["database"]: each["config"] for each in tenant.integrations()}
    assert sorted(stored) == ["first", "second", "third"]
    assert {name: (each["host"], each["warehouse"], each["role"]) for name, each in stored.items()} == {
        name: (f"{name}.example.com", "PLAY", "EXTRA") for name in hosts
    }
    assert all(each["password"].startswith(f"made-for-{name}-") for name, each in stored.items())
    sent = {json.loads(each["sent"])["config"]["password"] for each in tenant.bodies() if each["sent"]}
    assert len(sent) == len((tmp_path / "count").read_text(encoding="utf-8").split()) == 3, "validated and registered with the same password"


def test_one_run_a_platform(world: World) -> None:
    """While a fleet is at work, a second one and the role leave its platforms alone, and a drift check says so. What only the second has is done."""
    ours = [Plain("acme1", snowflake(1)), Plain("acme2", snowflake(2))]
    with standing(AtRequest("POST", "/integrations$", answered=True), world, functools.partial(world.run, REGISTER, on=ours)) as first:
        second = world.run(REGISTER, on=[ours[0], Plain("acme3", snowflake(3))])
        role = world.register(on=[ours[1]])
        drift = world.run("community.immuta.drift", on=ours)
    assert recap(second) == {"acme1": (0, 1), "acme3": (1, 0)}, second.output
    busy = r"Another run is at work on Snowflake acme1\.snowflakecomputing\.com: \w+ on \S+, process \d+, since \S+Z\. Nothing has been done\. Wait until"
    assert re.match(f"acme1: {busy}", second.message("acme1")), second.message("acme1")
    assert "Another run is at work on Snowflake acme2.snowflakecomputing.com" in role.message("acme2")
    assert "Another run is at work on acme1, acme2. This report may be out of date." in " ".join(drift.output.split())
    assert recap(first.end()) == {"acme1": (1, 0), "acme2": (1, 0)}
    assert there(world.tenant) == [f"acme{number}.snowflakecomputing.com" for number in (1, 2, 3)]
    assert not [*world.home.rglob("*.lock")]


def test_two_tenants_one_of_them_down(play: PLAY, tenant: Simulator) -> None:
    down = {"immuta_url": "http://127.0.0.2:9", "immuta_retries": 0}
    hosts = {"here": snowflake(1), "there": {**snowflake(2), **down}, "too": TRINO, "elsewhere": {**snowflake(3), **down}}
    run = play("register", hosts)
    assert run.rc != 0
    assert recap(run) == {"here": (1, 0), "too": (1, 0), "there": (0, 1), "elsewhere": (0, 1)}, run.output
    assert there(tenant) == ["Trino", "acme1.snowflakecomputing.com"]
    for name in ("there", "elsewhere"):
        assert "127.0.0.2" in run.message(name) and "GET /integrations failed" in run.message(name)


def test_hosts_that_are_not_for_one_task(play: PLAY, tenant: Simulator, tmp_path: Path) -> None:
    """Two hosts of one platform fail, and only these; what runs in stages and what was left behind is for the role."""
    artifacts = tmp_path / "artifacts"
    (artifacts / "left").mkdir(parents=True)
    (artifacts / "left" / "1-create.sql").write_text("SELECT 1;\n", encoding="utf-8")
    twin = snowflake(7, host="HTTPS://acme7.SnowflakeComputing.com/")
    hosts = {
        "twin": snowflake(7),
        "other": {**twin, "immuta_platform_update_secrets": "always"},
        "fine": snowflake(1),
        "staged": {**snowflake(2), "immuta_platform_stages": ["generate"], "immuta_platform_artifacts": str(artifacts)},
        "left": {**snowflake(3), "immuta_platform_artifacts": str(artifacts)},
        "audited": {**snowflake(4), "immuta_platform_audit_log": str(tmp_path / "audit")},
    }
    run = play("register", hosts)
    assert {name for name in hosts if run.tasks(name, "immuta_platform_plan")} == {"staged", "left", "audited"}, run.output
    assert {name for name in hosts if recap(run)[name][1]} >= {"twin", "other"} and recap(run)["fine"] == (1, 0)
    assert run.message("twin").startswith("twin: It describes the integration Snowflake acme7.snowflakecomputing.com, and so does other.")
    assert "acme7.snowflakecomputing.com" not in there(tenant) and "acme1.snowflakecomputing.com" in there(tenant)
    assert len((tmp_path / "audit").read_text(encoding="utf-8").splitlines()) == 1
    assert "left: the role handles it, because an earlier run left work to do" in report(run)["table"]


# --- drift, and what was approved


def test_drift_needs_no_secret_and_apply_does_what_was_approved(play: PLAY, tenant: Simulator, tmp_path: Path) -> None:
    audited = {"immuta_platform_audit_log": str(tmp_path / "audit")}
    hosts = {
        "same": snowflake(1),
        "drifted": snowflake(2),
        "sick": snowflake(3),
        "always": {**snowflake(4), "immuta_platform_update_secrets": "always"},
        "audited": {**snowflake(5), **audited},
        "lake": snowflake(6),
    }
    for number in range(1, 7):
        given = {**snowflake(number)["immuta_platform_integration"]["config"], "password": PASSWORD, "authenticationType": "userPassword"}
        seeded = {"type": "Snowflake", "autoBootstrap": True, "config": {name: given[name] for name in given if name != "authentication_type"}}
        assert tenant.seed(seeded) == str(number)
    tenant.settings(data_api="on")
    shown = {"technology": "Snowflake", "port": 443, "warehouse": "WH", "role": "IMMUTA", "hostname": "acme6.snowflakecomputing.com"}
    tenant.connections([{"connectionKey": "frozen", "nativeIntegrationId": "6", "connection": shown}])
    tenant.force("3", "recurringValidationError", "The warehouse is gone.")
    for number in (8, 9):
        config = {"dataset": EVIL if number == 9 else "plain", "database": "d"}
        tenant.seed({"type": "Google BigQuery", "autoBootstrap": False, "config": config})
    for name in ("drifted", "audited"):
        hosts[name]["immuta_platform_integration"]["config"]["warehouse"] = "OTHER"
    # an update for the sake of a secret alone is planned where the secret is known
    closed = {name: host if name == "always" else {**host, **no_secret(host)} for name, host in hosts.items()}
    dest = tmp_path / "drift.json"
    tenant.clear_log()

    run = play("drift", closed, "-e", f"immuta_drift_dest={dest}", environment={"ANSIBLE_SHOW_CUSTOM_STATS": "1"})
    assert run.rc != 0
    assert recap(run) == {"same": (0, 1)}
    found = json.loads(dest.read_text(encoding="utf-8"))
    expected = {"drifted": ["drifted", "always", "audited"], "unhealthy": ["sick"], "owned": ["lake"], "failed_hosts": []}
    assert {name: found[name] for name in expected} == expected, found["table"]
    assert [(each["kind"], each["key"]) for each in found["unmanaged"]] == [
        ("integration", "plain"),
        ("integration", EVIL),
        ("connection", "frozen"),
    ]
    assert [change["field"] for change in found["platforms"]["drifted"]["changes"] if not change["secret"]] == ["config.warehouse"]
    assert found["platforms"]["sick"]["failed_tests"] and "The warehouse is gone" in str(found["platforms"]["sick"]["failed_tests"])
    assert "Not as the inventory says: drifted, always, audited. Unhealthy: sick." in run.message("same")
    assert '"plan_sha256": "' + found["plan_sha256"] in run.output.partition("CUSTOM STATS")[2]
    assert tenant.writes() == [] and not (tmp_path / "audit").exists()
    assert sum(line == "GET /integrations" for line in asked(tenant)) == 3, "one for each way of going about it: the usual, the audited, always"

    part = play(
        "drift", closed, "--limit", "same,sick,lake,drifted", "-e", '{"immuta_drift_fail_on": ["unmanaged"], "immuta_drift_warn_on": ["unhealthy", "owned"]}'
    )
    assert part.rc == 0, part.output
    assert report(part)["unmanaged"] is None and (report(part)["owned"], report(part)["drifted"]) == (["lake"], ["drifted"])
    assert "Unhealthy: sick. In the inventory as an integration, although a connection owns it: lake." in " ".join(part.output.split())
    assert recap(part) == {"same": (0, 0)}, "a comparison changes nothing"

    # … without a plan, with another plan, and with the one that was approved
    tenant.clear_log()
    assert play("apply", hosts).rc != 0
    assert asked(tenant) == []
    refused = play("apply", hosts, "-e", f"immuta_expected_plan={'0' * 64}")
    assert refused.rc != 0 and "The plan is not the one that was approved" in refused.message("same")
    less = play("apply", hosts, "--limit", "drifted", "-e", f"immuta_expected_plan={found['plan_sha256']}")
    assert less.rc != 0 and tenant.writes() == []
    done = play("apply", hosts, "-e", f"immuta_expected_plan={found['plan_sha256']}")
    assert done.rc == 0, done.output
    assert {each["config"]["host"].split(".")[0]: each["config"]["warehouse"] for each in tenant.integrations() if "host" in each["config"]} == {
        f"acme{number}": "OTHER" if number in (2, 5) else "WH" for number in range(1, 7)
    }
    puts = [line for line in asked(tenant) if line.startswith("PUT") and "dryRun" not in line]
    assert sorted(puts) == ["PUT /integrations/2", "PUT /integrations/4", "PUT /integrations/5"]
    assert (tmp_path / "audit").exists()
    # … once
    late = play("apply", hosts, "-e", f"immuta_expected_plan={found['plan_sha256']}")
    assert late.rc != 0 and "The plan is not the one that was approved" in late.message("same")


def test_what_is_in_no_inventory_cannot_be_told_while_a_host_is_wrong() -> None:
    call = Call((Host("fine", "integration", {"type": "Trino"}, {"url": "https://one"}),))
    answer = {"plan": [{"name": "fine", "kind": "integration", "key": "Trino", "action": "unchanged"}], "unmanaged": [{"kind": "connection", "key": "stray"}]}
    shown = [report_of([*call.hosts, *more], [(call, answer)], whole=True)["unmanaged"] for more in ([], [Host("typo", problem="It is wrong.")])]
    assert shown == [[{"tenant": "one", "kind": "connection", "key": "stray"}], None]


# --- export


def test_an_export_is_an_inventory_of_no_change(play: PLAY, tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    assert play("register", {"one": snowflake(1), "two": snowflake(2), "trino": TRINO, "s3": S3, "glue": GLUE}).rc == 0
    redshift = {"host": "r.example.com", "database": "immuta", "initialDatabase": "dev", "authenticationType": "userPassword", "username": "u", "password": "p"}
    tenant.seed({"type": "Redshift", "autoBootstrap": False, "config": redshift})
    tenant.seed({"type": "Native S3", "autoBootstrap": False, "config": {"name": EVIL, "awsRegion": EVIL, "newThing": {EVIL: EVIL}}})
    tenant.clear_log()
    inventory, lists = tmp_path / "inventory", tmp_path / "lists.yml"
    hosts = {"localhost": {"ansible_connection": "local"}}
    for dest, layout in ((inventory, "inventory"), (lists, "lists")):
        for changed in (1, 0):
            exported = play("export", hosts, "-e", f"immuta_export_dest={dest}", "-e", f"immuta_export_layout={layout}")
            assert exported.rc == 0 and recap(exported) == {"localhost": (changed, 0)}, exported.output

    known = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))[GROUP]["hosts"]
    assert len(known) == 7
    reach = {"immuta_url": tenant.url, "immuta_api_key": tenant.api_key}
    taken = run_playbook("community.immuta.register", {}, tmp_path, "-i", str(inventory), extra=reach)
    assert taken.rc == 0 and set(recap(taken).values()) == {(0, 0)}, taken.output
    assert report(taken)["table"] == ["7 as they should be"]

    task = {"community.immuta.immuta_tenant": {"integrations": "{{ immuta_integrations }}", "connections": "{{ immuta_connections }}"}}
    own = {"hosts": "localhost", "gather_facts": False, "vars_files": [str(lists)], "tasks": [task]}
    (tmp_path / "lists-play.yml").write_text(yaml.safe_dump([own]), encoding="utf-8")
    environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
    filled = {name: "filled in" for name in next(event["result"]["immuta_export.vault_names"] for event in exported.tasks("localhost", "debug"))}
    assert filled
    brought = run_playbook(tmp_path / "lists-play.yml", {}, tmp_path, environment=environment, extra=filled)
    assert brought.rc == 0 and recap(brought) == {"localhost": (0, 0)}, brought.output
    assert tenant.writes() == [] and not list(tmp_path.rglob("evil")), "nothing was sent, and no name was taken for a template"


def test_a_list_of_connections_that_is_cut_off_prunes_nothing(tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    tenant.seed({"type": "Trino"})
    tenant.fault(method="POST", path="/data/object/search$", body=json.dumps({"objects": [], "count": 7}), status=200, times=2)
    environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
    done = run_module("immuta_tenant", {"integrations": [], "connections": [], "prune": True, "prune_empty": True}, tmp_path, environment=environment)
    assert not done["changed"] and len(done["unmanaged"]) == 1 and there(tenant) == ["Trino"]
    assert "Immuta showed 0 connections and says that there are more" in str(done["warnings"]) and "Nothing is pruned" in str(done["warnings"])
    assert "says that there are more" in str(run_module("immuta_tenant_info", {}, tmp_path, environment=environment)["warnings"])
