# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of the role, one after the other, against a tenant: a test takes the steps that a plan names, and says what happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.community.immuta.plugins.module_utils._ansible.platform_tasks import plan_platform
from ansible_collections.community.immuta.plugins.module_utils._ansible.runtime import Task
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC
from ansible_collections.community.immuta.plugins.module_utils._core.errors import ImmutaError
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split
from ansible_collections.community.immuta.plugins.modules import immuta_platform_plan
from immuta_simulator import Simulator
from support.modules import run_module

SECRET, NEW, ADMIN = "it's a s3cret", "the n3w one", "adm1n's own"
CONFIG = {"host": "rs.example.com", "database": "immuta", "initial_database": "dev", "authentication_type": "userPassword", "username": "sys"}
LOGIN = {"username": "admin", "password": ADMIN}
ACCOUNT = {"authentication_type": "userPassword", "username": "SYS", "password": SECRET}
LAKE = {"technology": "Snowflake", "hostname": "acme.snowflakecomputing.com", "port": 443, "warehouse": "WH", "role": "R", **ACCOUNT}
SCRIPTS = {
    "initial-create": "CREATE DATABASE immuta;\n",
    "create": f"CREATE SCHEMA immuta_system;\nCREATE USER sys PASSWORD '{SECRET.replace(chr(39), chr(39) * 2)}';\n",
    "edit": "ALTER USER sys PASSWORD 'x';\n",
    "delete": 'DROP DATABASE "IMMUTA";\n',
    "cleanup": "DROP DATABASE immuta;\nDROP USER sys;\n",
}


def spec() -> dict[str, Any]:
    """The options of the module, with those of the tenant."""
    taken: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(immuta_platform_plan, "run", lambda _work, **how: taken.update(how))
        immuta_platform_plan.main()
    return {**TENANT_SPEC, **taken["argument_spec"]}


class Role:
    """What the role does with a plan, as far as a plan can tell. plan: the last one; warnings: those of the last one."""

    def __init__(self, tenant: Simulator, place: Path, **variables: Any) -> None:
        self.home = place
        self.variables = {"url": tenant.url, "api_key": tenant.api_key, "use_proxy": False, "retries": 0, "home": str(place), "name": "prod", **variables}
        self.plan: dict[str, Any] = {}
        self.changed = False
        self.warnings: list[str] = []

    def next(self, *, check: bool = False, **happened: Any) -> dict[str, Any]:
        """The next plan. Raises ImmutaError, as the module fails. No plan and no failure shows a secret."""
        given = {**self.variables, **happened, **({"plan": json.loads(json.dumps(self.plan))} if self.plan else {})}
        validated = ArgumentSpecValidator(spec()).validate(given)
        assert not validated.error_messages
        secrets: set[str] = set()
        module = SimpleNamespace(params=validated.validated_parameters, task_options=given, check_mode=check, _diff=False, secrets=secrets)
        module.warn, module.add_secrets = self.warnings.append, secrets.update
        task = Task(module)
        try:
            result = plan_platform(task)
        except ImmutaError as error:
            assert not self._leaks(error.as_fail_json())
            raise
        assert not self._leaks(result) and task._read_only, "a plan that could write"
        self.changed, self.plan = result["changed"], result["plan"]
        return self.plan

    def begin(self, *, check: bool = False) -> dict[str, Any]:
        self.plan = {}
        return self.next(check=check)

    def made(self, *, found: bool = False, check: bool = False, **scripts: str) -> dict[str, Any]:
        """The tenant has made the scripts, and the warehouse has been asked."""
        return self.next(made=[self._make(step, scripts) for step in self.plan["make"]], found=found, check=check)

    def _make(self, step: Mapping[str, Any], scripts: Mapping[str, str]) -> dict[str, Any]:
        text = scripts.get(step["key"].split("-", 1)[1], SCRIPTS[step["request"]["action"]])
        Path(step["request"]["dest"]).write_text(text)
        statements = [{"verb": "DROP DATABASE", "object": "immuta"}]
        return {
            "dest": step["request"]["dest"],
            "checksum": hashlib.sha256(text.encode()).hexdigest(),
            "statement_count": text.count(";"),
            "statements": statements,
        }

    def ran(self, *, but: str = "ok", of: int = 99) -> None:
        """The scripts of the plan have run, and of the last one C(of) statements, the last of them with another status."""
        for number, step in enumerate(self.plan["run"], 1):
            if "ledger" not in step["options"]:
                continue
            last = number == len(self.plan["run"])
            statuses = ["ok"] * (len(split(Path(step["options"]["path"]).read_text(), "redshift")) if "path" in step["options"] else 1)
            statuses = [*statuses[: of - 1], but] if last and of < 99 else [*statuses[:-1], but if last else "ok"]
            lines = [{"ledger": 1}, *({"number": at, "status": status} for at, status in enumerate(statuses, 1))]
            Path(step["options"]["ledger"]).write_text("\n".join(map(json.dumps, lines)))

    def told(self, action: str = "created", **more: Any) -> dict[str, Any]:
        """The tenant has done its part."""
        return self.next(answers=[{"skipped": True}, {"action": action, "integration": {"id": "7", "status": "enabled"}, "healthy": True, **more}])

    def failed(self, action: str, **result: Any) -> dict[str, Any]:
        """A step has failed."""
        return self.next(failure={"task": "the role : The step | prod", "action": f"community.immuta.{action}", "result": {"failed": True, **result}})

    @property
    def locks(self) -> list[Path]:
        return sorted(self.home.rglob("*.lock"))

    @property
    def files(self) -> list[str]:
        """What is left on the disk, without locks."""
        return sorted(path.name for path in self.home.rglob("*") if path.is_file() and path.suffix != ".lock")

    def _leaks(self, document: Any) -> bool:
        text = json.dumps(document)
        return any(secret in text or json.dumps(secret)[1:-1] in text for secret in (SECRET, NEW, ADMIN))


def redshift(tenant: Simulator, place: Path, **variables: Any) -> Role:
    integration = {"type": "Redshift", "auto_bootstrap": False, "config": {**CONFIG, "password": SECRET}}
    return Role(tenant, place, **{"integration": integration, "login": LOGIN, "artifacts": str(place / "artifacts"), **variables})


def lake(tenant: Simulator, place: Path, **variables: Any) -> Role:
    """A connection, and the integration behind it."""
    tenant.settings(data_api="on")
    native = {"type": "Snowflake", "auto_bootstrap": False, "config": {"database": "IMMUTA", "warehouse": "WH", **ACCOUNT}}
    return Role(tenant, place, **{"connection": {"connection_key": "lake", "connection": LAKE, "native_integration": native}, "login": LOGIN, **variables})


def registered(tenant: Simulator, type: str = "Redshift", **config: Any) -> str:
    names = {"initial_database": "initialDatabase", "authentication_type": "authenticationType"}
    return tenant.seed({"type": type, "autoBootstrap": False, "config": {names.get(name, name): value for name, value in {**CONFIG, **config}.items()}})


def connected(tenant: Simulator) -> None:
    native = tenant.seed({"type": "Snowflake", "autoBootstrap": False, "config": {"host": LAKE["hostname"], "database": "IMMUTA", "warehouse": "WH"}})
    api = {"technology": "Snowflake", "hostname": LAKE["hostname"], "port": 443, "warehouse": "WH", "role": "R", "authenticationType": "userPassword"}
    tenant.connections([{"connectionKey": "lake", "nativeIntegrationId": native, "connection": {**api, "username": "SYS", "password": SECRET}}])


def titles(plan: Mapping[str, Any]) -> list[str]:
    return [step["title"] for step in plan["run"]]


def refused(call: Any, **how: Any) -> ImmutaError:
    with pytest.raises(ImmutaError) as found:
        call(**how)
    return found.value


# --- a set-up ----------------------------------------------------------------------------------------------------


def test_a_set_up_step_by_step(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path, sql_before=["SELECT 1 -- why", "SELECT 2"])
    plan = role.begin()
    assert [step["key"] for step in plan["make"]] == ["2-initial-create", "3-create"]
    assert [step["request"]["pending_ok"] for step in plan["make"]] == [True, True], "the operator's own script comes first"
    assert plan["asks"] and plan["ask"]["login"] == {"database": "dev"} and plan["run"] == [] and not plan["integration"]
    assert len(role.locks) == 2, "one on this machine, and one beside the artifacts"
    assert (tmp_path / "artifacts" / "prod" / "1-before.sql").read_text() == "SELECT 1 -- why\n;\nSELECT 2\n"
    plan = role.made()
    assert titles(plan) == ["Run the script before", "Run the script initial-create", "Run the script create"]
    assert [(step["login"]["database"], step["options"]["purpose"]) for step in plan["run"]] == [("dev", "any"), ("dev", "setup"), ("immuta", "setup")]
    assert [step["options"].get("scope", {}).get("database") for step in plan["run"]] == [None, "immuta", "immuta"]
    sums = [hashlib.sha256(text.encode()).hexdigest() for text in (SCRIPTS["initial-create"], SCRIPTS["create"])]
    assert [step["options"]["expected_sha256"] for step in plan["run"]][1:] == sums
    assert (plan["integration"], plan["connection"], plan["validate"], plan["registration"]) == (
        True,
        False,
        True,
        "Have the tenant register the platform, and wait up to 600 s",
    )
    role.ran()
    plan = role.told()
    assert (plan["work"], plan["result"]) == (False, {"action": "created", "changed": True, "id": "7", "left_behind": []})
    assert "initial-create (1 of 1 statement), create (2 of 2 statements)" in " ".join(plan["say"]) and not plan["hands_on"]
    assert plan["say"][1] == "Settings: 7 options; sent: config.password."
    assert role.locks == []
    summary = json.loads((tmp_path / "artifacts" / "prod" / "summary.json").read_text())
    assert (summary["state"], summary["made"], [script["ran"] for script in summary["scripts"].values()]) == ("done", True, [True] * 3)


def test_nothing_to_do_is_one_plan(tenant: Simulator, tmp_path: Path) -> None:
    id = registered(tenant, password=SECRET)
    for artifacts in (str(tmp_path / "artifacts"), ""):
        role = redshift(tenant, tmp_path, artifacts=artifacts)
        plan = role.begin()
        assert (plan["work"], plan["result"]["action"], plan["result"]["changed"], plan["result"]["id"]) == (False, "unchanged", False, id)
        assert role.locks == [] and role.files == ["summary.json"]
    assert not tenant.writes()


def test_stages_apart(tenant: Simulator, tmp_path: Path) -> None:
    shared = {"artifacts": str(tmp_path / "artifacts")}
    role = redshift(tenant, tmp_path, stages=["generate"], **shared)
    role.begin()
    plan = role.made()
    assert plan["run"] == [] and not plan["integration"]
    plan = role.next(answers=[])
    folder = tmp_path / "artifacts" / "prod"
    sums = [hashlib.sha256(SCRIPTS[name].encode()).hexdigest() for name in ("initial-create", "create")]
    assert plan["hands_on"] and [script["sha256"] for script in plan["scripts"]] == sums
    assert plan["scripts"][1] == {"path": f"{folder}/2-create.sql", "review": f"{folder}/2-create.review.sql", "sha256": sums[1], "statements": 2}
    tenant.clear_log()
    role = redshift(tenant, tmp_path, stages=["run"], approved_sha256=sums[:1], **shared)
    assert "is not approved" in str(refused(role.begin)) and role.locks == []
    role = redshift(tenant, tmp_path, stages=["run"], approved_sha256=sums, **shared)
    text = (folder / "2-create.sql").read_text()
    (folder / "2-create.sql").write_text(f"{text}DROP DATABASE dev;\n")
    assert "No script of this run has run" in str(refused(role.begin)) and role.locks == []
    (folder / "2-create.sql").write_text(text)
    plan = role.begin()
    assert plan["asks"] and plan["make"] == []
    plan = role.made()
    assert len(plan["run"]) == 2 and not plan["integration"]
    role.ran()
    assert "Next: run the stage register." in role.next(answers=[])["say"]
    assert tenant.requests() == [], "the stage run needs no tenant"
    role = redshift(tenant, tmp_path, stages=["register"], **shared)
    assert not role.begin()["asks"]
    assert role.made()["integration"]
    plan = role.told()
    assert plan["result"]["changed"] and not plan["hands_on"] and role.locks == []
    assert "There is no summary" in str(refused(redshift(tenant, tmp_path, stages=["run"], name="new", **shared).begin))


# --- refusals and failures ---------------------------------------------------------------------------------------


def test_a_refusal_hands_the_plan_back_and_the_failure_ends_it(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    before = role.begin()
    error = refused(role.made, found=True)
    assert "There are three ways out" in str(error) and error.facts["plan"]["state"]["lock"] == before["state"]["lock"] and role.locks
    plan = role.failed("immuta_platform_plan", msg=str(error))
    assert plan["message"] == str(error) and not plan["work"] and plan["result"] == {} and role.locks == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"integration": {"type": "Redshift", "auto_bootstrap": False}}, "config"),
        ({"problems": ["immuta_platform_x is no variable.", "second"]}, "immuta_platform_x is no variable."),
        ({"undefined": {"integration.config.host": "'h' is undefined."}}, "immuta_platform_integration.config.host cannot be evaluated: 'h' is undefined."),
        ({"undefined": {"integration.config": "no"}}, "immuta_platform_integration.config cannot be evaluated: no."),
        ({"approved_sha256": []}, "no script is approved"),
        ({"artifacts_mode": "rw"}, "octal digits"),
        ({"artifacts": "/dev/null/x"}, "/dev/null/x cannot be created"),
        ({"integration": {"type": "Redshift", "auto_bootstrap": False, "autoBootstrap": True, "config": CONFIG}}, "two spellings of one option"),
        ({"integration": {"type": "Redshift", "auto_bootstrap": False, "config": {**CONFIG, "port": "x"}}}, "immuta_platform_integration: "),
        ({"integration": {"type": "Redshift", "config": {"host": "h", "databse": "x"}}}, "immuta_platform_integration"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(tenant: Simulator, tmp_path: Path, variables: dict[str, Any], message: str) -> None:
    role = redshift(tenant, tmp_path, **variables)
    error = refused(role.begin)
    assert message in str(error) and "plan" not in error.facts
    assert role.locks == [] and role.files == [] and not [each for each in tenant.requests() if each["write"]]
    plan = role.failed("immuta_platform_plan", msg=str(error))
    assert plan == {"work": False, "run": [], "message": str(error)}


def test_an_undefined_secret_counts_as_not_given(tenant: Simulator, tmp_path: Path) -> None:
    registered(tenant, password=SECRET)
    undefined = {path: "no vault" for path in ("integration.config.password", "integration.config.username", "login", "login.host", "new_secrets.token")}
    integration = {"type": "Redshift", "auto_bootstrap": False, "config": CONFIG}
    assert redshift(tenant, tmp_path, integration=integration, undefined=undefined).begin()["result"]["action"] == "unchanged"


def test_two_tenants_are_refused(tenant: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMUTA_URL", "https://another.example.com")
    message = str(refused(redshift(tenant, tmp_path).begin))
    assert "immuta_url names the tenant 127.0.0.1, and the environment variable IMMUTA_URL names another.example.com" in message
    monkeypatch.setenv("IMMUTA_URL", tenant.url.upper().replace("HTTP", "http"))
    assert redshift(tenant, tmp_path).begin()["work"]


def test_what_the_tenant_refuses_releases_the_lock(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    tenant.fault(method="GET", path="/integrations", status=401, times=9, body="{}")
    assert "check immuta_api_key (IMMUTA_API_KEY)" in str(refused(role.begin)) and role.locks == []


def test_only_one_run_at_a_time(tenant: Simulator, tmp_path: Path) -> None:
    first = redshift(tenant, tmp_path / "one", artifacts=str(tmp_path / "artifacts"))
    first.begin()
    tenant.clear_log()
    other = redshift(tenant, tmp_path / "two", artifacts=str(tmp_path / "artifacts"))
    error = refused(other.begin)
    assert "Another run is at work on Redshift rs.example.com" in str(error) and tenant.requests() == []
    assert other.locks == [], "the lock on this machine was kept"
    plan = other.begin(check=True)
    assert plan["work"] and "Another run is at work" in other.warnings[0] and other.locks == []
    other.variables["break_lock"] = error.facts["lock"]["run"]
    assert other.begin()["work"]
    first.failed("immuta_sql_script", msg="no")
    assert other.locks, "who lost the lock cannot give it back"


@pytest.mark.parametrize(
    ("on_failure", "action", "result", "back"),
    [
        ("cleanup", "immuta_sql_script", {"executed": 1, "total": 2}, True),
        ("cleanup", "immuta_integration", {"status": 422, "method": "POST"}, True),
        ("cleanup", "immuta_integration", {"status": 502, "method": "POST"}, False),
        ("keep", "immuta_sql_script", {"executed": 1, "total": 2}, False),
    ],
)
def test_a_set_up_that_breaks_is_taken_back_when_asked(
    tenant: Simulator, tmp_path: Path, on_failure: str, action: str, result: dict[str, Any], back: bool
) -> None:
    for artifacts in ("", str(tmp_path / "artifacts")):
        for cleaned in (True, False):
            role = redshift(tenant, tmp_path, on_failure=on_failure, artifacts=artifacts, leftovers="cleanup")
            role.begin()
            role.made()
            role.ran(of=2, but="failed")
            plan = role.failed(action, msg=f"It broke with {SECRET}.", **result)
            assert plan["work"] is back
            if back:
                assert titles(plan) == ["Run the script cleanup"] and plan["run"][0]["options"]["on_error"] == "continue"
                assert "SELECT 1 FROM pg_database" in plan["run"][0]["options"]["must_be_gone"]["query"] and not plan["integration"]
                assert role.locks
                plan = role.next(cleaned=True) if cleaned else role.failed("immuta_sql_script", msg="No {luck}.")
                expected = "has removed what this setup had created" if cleaned else "The cleanup also failed: No {luck}. Check what is left"
                assert expected in plan["message"]
            assert plan["message"].startswith("The step: It broke with <REDACTED>.") and "\nExecuted: " in plan["message"]
            assert not plan["work"] and plan["result"] == {} and plan["say"] == [] and role.locks == []
            assert bool(role.files) is bool(artifacts)
            if artifacts and back:
                assert json.loads((tmp_path / "artifacts" / "prod" / "summary.json").read_text())["state"] == ("done" if cleaned else "open")


def test_a_script_that_nobody_can_read_ends_the_run_all_the_same(tenant: Simulator, tmp_path: Path) -> None:
    """Elsewhere the ledger is there before the script is looked at."""
    role = redshift(tenant, tmp_path, sql_host="elsewhere", artifacts="")
    role.begin()
    role.made(create="CREATE USER sys PASSWORD 'never closed;")
    message = role.failed("immuta_sql_script", msg="A literal that opens on line 1 is never closed.")["message"]
    assert "is never closed." in message and "Nothing has been changed on the warehouse." in message
    assert role.locks == [] and role.files == []


def test_a_broken_set_up_is_gone_on_with_or_given_up(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    role.begin()
    role.made()
    role.ran(of=2, but="failed")
    assert "the ledgers in" in role.failed("immuta_sql_script", msg="no", executed=1, total=2)["message"]
    again = redshift(tenant, tmp_path, start_at=2)
    plan = again.begin()
    assert plan["make"] == [] and not plan["asks"], "what an earlier run made is gone on with"
    plan = again.made()
    assert titles(plan) == ["Run the script create"] and plan["run"][0]["options"]["start_at"] == 2
    again.ran()
    assert "create (1 of 2 statements)" in " ".join(again.told()["say"]), "only what this run executed"
    for path in (tmp_path / "artifacts" / "prod").glob("2-*"):
        path.unlink()


def test_what_is_approved_is_compared_before_anything_runs(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path, approved_sha256=["a" * 64])
    role.begin()
    error = refused(role.made)
    assert "is not approved, so no script of this run has run" in str(error)
    assert role.failed("immuta_platform_plan", msg=str(error))["scripts"] == [] and role.locks == []
    generate = redshift(tenant, tmp_path, stages=["generate"])
    generate.begin()
    generate.made()
    plan = generate.failed("immuta_integration_script", msg="no")
    assert not plan["hands_on"] and plan["scripts"] == []


def test_what_earlier_runs_left_does_not_count_for_another_work(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    role.begin()
    role.made()
    folder = tmp_path / "artifacts" / "prod"
    kept = json.loads((folder / "summary.json").read_text())
    assert all(script["sha256"] for script in kept["scripts"].values()) and kept["state"] == "open", "a run that is killed now leaves what it made"
    role.ran()
    role.failed("immuta_integration", msg="no", status=500)
    plan = redshift(tenant, tmp_path).begin(check=True)
    assert plan["state"]["resumed"] and plan["make"] == [], "a check run resumes, too"
    other = redshift(tenant, tmp_path, integration={"type": "Redshift", "auto_bootstrap": False, "config": {**CONFIG, "port": 1}}, leftovers="adopt")
    other.begin(check=True)
    other.next(check=True, made=[], found=False)
    assert "Scripts run" not in " ".join(other.next(check=True, answers=[{"action": "created"}])["say"]), "ledgers of scripts that would be made anew"
    registered(tenant, password=SECRET)
    edit = redshift(tenant, tmp_path, repair=True)
    edit.begin()
    assert edit.files == ["summary.json"], "what belongs to another work is removed"
    edit.made()
    edit.ran()
    edit.told("updated")
    again = redshift(tenant, tmp_path)
    before = (folder / "summary.json").stat().st_mtime_ns
    assert again.begin()["result"]["action"] == "unchanged" and (folder / "summary.json").stat().st_mtime_ns == before


def test_what_killed_runs_left_is_removed(tenant: Simulator, tmp_path: Path) -> None:
    private = tmp_path / "immuta_platform" / ("0" * 16)
    for role in (redshift(tenant, tmp_path, artifacts="", stages=["generate", "run", "register"]), redshift(tenant, tmp_path)):
        private.mkdir(parents=True)
        (private / "1-create.sql").write_text(SECRET)
        role.begin(check=True)
        assert private.exists()
        role.begin()
        assert not private.exists(), "a password of another run that was killed"
        role.failed("immuta_sql_script", msg="no")
    killed = redshift(tenant, tmp_path / "own", artifacts="")
    killed.begin()
    killed.made()
    for place in killed.locks:
        place.write_text(json.dumps({**json.loads(place.read_text()), "boot": "of another day", "pid": 1}))
    check = redshift(tenant, tmp_path / "own", artifacts="")
    check.begin(check=True)
    assert check.warnings == [], "nobody is at work any more"
    check.begin()
    assert check.files == [], "the same host begins anew"


def test_what_a_request_is_called(tenant: Simulator, tmp_path: Path) -> None:
    assert redshift(tenant, tmp_path, wait=False).begin()["registration"] == "Have the tenant register the platform"
    tenant.reset()
    tenant.force(registered(tenant, password=SECRET), "editing")
    role = redshift(tenant, tmp_path / "busy", wait_timeout=5)
    plan = role.begin()
    assert plan["registration"] == "Have the tenant finish what it is at (editing), and wait up to 5 s"
    assert role.made()["integration"]
    say = role.told("unchanged", integration={"id": 7, "status": "recurringValidationError"}, healthy=False)["say"][0]
    assert "as it should be (id 7, NOT healthy: recurringValidationError" in say


def test_another_platforms_artifacts_and_newer_ones_are_refused(tenant: Simulator, tmp_path: Path) -> None:
    folder = tmp_path / "artifacts" / "prod"
    folder.mkdir(parents=True)
    for content, message in (
        ('{"platform": "Redshift other"}', "contains the artifacts of Redshift other"),
        ('{"format": 9}', "newer release"),
        ("{", "cannot be read"),
    ):
        (folder / "summary.json").write_text(content)
        role = redshift(tenant, tmp_path)
        assert message in str(refused(role.begin)) and role.locks == []


# --- removals ----------------------------------------------------------------------------------------------------


def test_a_removal_and_one_by_force(tenant: Simulator, tmp_path: Path) -> None:
    for force, runs in ((False, ["Run the script delete"]), (True, [])):
        tenant.reset()
        id = registered(tenant, password=SECRET)
        role = redshift(tenant, tmp_path, state="absent", force_disable=force, artifacts="")
        plan = role.begin()
        assert plan["asks"] is not force
        plan = role.made(found=True)
        assert titles(plan) == runs and plan["integration"] and plan["registration"].startswith("Have the tenant forget the platform")
        role.ran()
        plan = role.told("deleted", integration={})
        assert plan["result"] == {"action": "deleted", "changed": True, "id": id, "left_behind": ["DROP DATABASE immuta"] if force else []}
        assert role.files == []


def test_a_run_that_is_killed_while_a_connection_is_forgotten_leaves_its_script(tenant: Simulator, tmp_path: Path) -> None:
    killed = lake(tenant, tmp_path, state="absent")
    connected(tenant)
    killed.begin()
    assert killed.made(found=True)["connection"]
    tenant.connections([])
    for lock in killed.locks:
        lock.unlink()
    again = lake(tenant, tmp_path, state="absent")
    assert again.begin()["make"] == []
    plan = again.made()
    plan = again.next(answers=[]) if not titles(plan) else plan
    assert titles(plan) == ["Run the script delete"] and not plan["connection"]


def test_a_connection_that_the_tenant_refuses_to_forget_leaves_nothing(tenant: Simulator, tmp_path: Path) -> None:
    refusing = lake(tenant, tmp_path, state="absent")
    connected(tenant)
    refusing.begin()
    refusing.made(found=True)
    refusing.failed("immuta_connection", msg="no", status=422)
    assert (refusing.files, refusing.locks) == ([], [])


def test_an_error_that_nobody_thought_of_keeps_no_lock(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    made = [{**role._make(step, {}), "checksum": 1} for step in role.begin()["make"]]
    (tmp_path / "artifacts/prod/summary.json").unlink()
    (tmp_path / "artifacts/prod/summary.json").mkdir()
    error = refused(role.next, made=made)
    assert str(error).startswith("Unexpected IsADirectoryError: ") and role.locks
    role.plan = error.facts["plan"]
    (tmp_path / "artifacts/prod/summary.json").rmdir()
    assert "Unexpected" in role.failed("immuta_platform_plan", msg=error.message)["message"] and role.locks == []


def test_a_connection_is_forgotten_first_and_its_script_cleans_up_last(tenant: Simulator, tmp_path: Path) -> None:
    connected_lake = lake(tenant, tmp_path, state="absent")
    connected(tenant)
    plan = connected_lake.begin()
    assert plan["make"][0]["request"]["id"] and plan["asks"], "a script is made of what is still there"
    refusal = refused(connected_lake.made, found=True, delete="DROP DATABASE payroll;\n")
    assert "do not belong in a cleanup script" in str(refusal), "what the gate refuses is known before Immuta forgets"
    plan = connected_lake.made(found=True)
    assert plan["run"] == [] and plan["connection"] and not plan["integration"]
    plan = connected_lake.told("deleted", integration={})
    assert titles(plan) == ["Run the script delete"] and connected_lake.locks
    message = connected_lake.failed("immuta_sql_script", msg="no")["message"]
    assert "Immuta has removed the connection" in message and connected_lake.locks == []
    assert connected_lake.files == ["1-delete.sql", "summary.json"], "what is due survives without artifacts"
    tenant.connections([])
    assert "First run this with immuta_platform_state set to absent" in str(refused(lake(tenant, tmp_path).begin))
    again = lake(tenant, tmp_path, state="absent")
    assert again.begin()["make"] == []
    plan = again.made()
    assert not plan["connection"]
    plan = again.next(answers=[]) if not titles(plan) else plan
    assert titles(plan) == ["Run the script delete"]
    again.ran()
    assert [script["ran"] for script in again.plan["state"]["summary"]["scripts"].values()] == [False]
    plan = again.next(finished=True)
    assert not plan["work"] and plan["result"]["changed"] and again.files == [] and again.locks == []


# --- check mode --------------------------------------------------------------------------------------------------


def test_a_check_run_goes_the_whole_way_and_leaves_nothing(tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(refuse_writes=True)
    role = redshift(tenant, tmp_path, sql_host="elsewhere", sql_after=["SELECT 1"])
    plan = role.begin(check=True)
    assert plan["make"] and not plan["asks"] and not role.changed
    plan = role.next(check=True, made=[], found=False)
    assert plan["run"] == [] and plan["integration"] and not plan["validate"] and "wait" not in plan["registration"]
    plan = role.next(check=True, answers=[{"action": "created"}])
    assert plan["result"]["changed"] and plan["say"][-1] == "Next: run this without check mode." and not role.changed
    assert role.files == role.locks == []


def test_a_check_run_of_sql_alone_reports_the_change(tenant: Simulator, tmp_path: Path) -> None:
    summary = {"format": 2, "platform": "Redshift rs.example.com", "database": "immuta", "work": "setup", "state": "open", "made": True, "scripts": {}}
    folder = tmp_path / "artifacts" / "prod"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(summary))
    role = redshift(tenant, tmp_path, state="absent")
    role.begin(check=True)
    role.next(check=True, made=[], found=False)
    plan = role.next(check=True, answers=[])
    assert (plan["result"]["action"], plan["result"]["changed"], role.changed) == ("unchanged", True, True)


# --- where it runs -----------------------------------------------------------------------------------------------


def test_scripts_that_run_elsewhere_are_taken_there_and_their_ledgers_brought_back(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path, sql_host="elsewhere")
    assert role.begin()["ask"]["file"] == "sql_elsewhere"
    step = role.made()["run"][0]
    folder = tmp_path / "artifacts" / "prod"
    there = step["there"]
    assert step["file"] == "sql_elsewhere" and there.startswith("~/.immuta_platform.")
    assert step["takes"] == [
        {"src": f"{folder}/1-initial-create.sql", "dest": f"{there}/script.sql"},
        {"src": f"{folder}/1-initial-create.ledger", "dest": f"{there}/ledger"},
    ]
    assert step["brings"] == [{"src": f"{there}/ledger", "dest": f"{folder}/1-initial-create.ledger"}]
    assert (step["options"]["path"], step["options"]["ledger"]) == (f"{there}/script.sql", f"{there}/ledger")
    assert (folder / "1-initial-create.ledger").stat().st_mode & 0o777 == 0o600


def test_a_script_that_comes_late_is_made_in_its_turn(tenant: Simulator, tmp_path: Path) -> None:
    role = redshift(tenant, tmp_path)
    role.begin()
    made = [role._make(role.plan["make"][0], {}), {"pending": True}]
    plan = role.next(made=made)
    assert [(step["file"], step["request"]["pending_ok"]) for step in plan["run"]] == [("sql", False), ("late", False)]
    assert plan["run"][1]["sql_file"] == "sql" and "expected_sha256" not in plan["run"][1]["options"]
    late = role.next(made=[role._make(plan["run"][1], {})])
    assert late["run"][1]["file"] == "sql" and late["run"][1]["options"]["expected_sha256"] and late["integration"], "what is behind the scripts stays"


# --- what is shown -----------------------------------------------------------------------------------------------


def test_no_plan_holds_a_secret_and_a_short_one_spoils_no_name(tenant: Simulator, tmp_path: Path) -> None:
    """As Ansible runs the module: a password that is also the name of the database is hidden where it is one, and nowhere else."""
    integration = {"type": "Redshift", "auto_bootstrap": False, "config": {**CONFIG, "password": "immuta"}}
    own = {"sql_before": [f"CREATE USER x PASSWORD '{NEW}'"], "login": {**LOGIN, "password": "rs.example.com"}}
    given = {"url": tenant.url, "api_key": tenant.api_key, "integration": integration, "home": str(tmp_path / "home"), "name": "prod", **own}
    shown = {"inject_invocation": True, "verbosity": 4}
    reply = run_module("immuta_platform_plan", given, tmp_path, settings=shown)
    plan = reply["plan"]
    assert plan["state"]["summary"]["database"] == "immuta" and plan["ask"]["title"] == "Ask rs.example.com for the database immuta"
    assert NEW not in reply.output and reply["invocation"]["module_args"]["integration"]["config"]["password"] == "<REDACTED>"
    assert not {"plan", "sql_before"} & reply["invocation"]["module_args"].keys()
    failure = {"task": "Sign in", "action": "community.immuta.immuta_sql_script", "result": {"failed": True, "msg": f"no way in with {NEW}"}}
    reply = run_module("immuta_platform_plan", {**given, "plan": plan, "failure": failure}, tmp_path, settings=shown)
    assert "Sign in: no way in with <REDACTED>" in reply["plan"]["message"] and NEW not in reply.output
    assert "immuta_platform_artifacts" not in reply["plan"]["message"] and not list(tmp_path.rglob("*.lock"))


def test_only_what_is_behind_a_connection_is_read_again(tenant: Simulator, tmp_path: Path) -> None:
    plan = redshift(tenant, tmp_path, entry="sync").begin()
    assert not plan["sync"] and "prod is registered as an integration and is skipped" in plan["say"][0]
    one = lake(tenant, tmp_path, entry="sync")
    assert one.begin() == {"sync": True, "say": ["connection lake: Immuta has been asked to read it again."]}
    assert "would be asked" in one.begin(check=True)["say"][0] and one.locks == []
