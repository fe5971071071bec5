# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow with an approval, as four jobs in containers of their own that share a mount and nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from engines import RedshiftEngine
from immuta_simulator import Simulator
from support.leaks import traces

from .conftest import NASTY, Launcher, platform
from .controller import Controller, Job, kit, named

CONTAINER = Path(__file__).with_name("container")
WORKFLOW = "Immuta register with approval"


def path_of(workflow: str) -> list[str]:
    """The nodes of a workflow from the first to the last, each by the name of its template."""
    nodes = {each["identifier"]: each for each in named("controller_workflows", workflow)["workflow_nodes"]}
    following = {name: [each["identifier"] for each in node.get("related", {}).get("success_nodes", ())] for name, node in nodes.items()}
    (first,) = set(nodes) - {name for names in following.values() for name in names}
    found = [first]
    while following[found[-1]]:
        (then,) = following[found[-1]]
        found.append(then)
    assert set(found) == set(nodes), "a node is out of reach"
    return [nodes[each]["unified_job_template"]["name"] for each in found]


class Containers(Controller):
    """Runs each job so that it can write only to its own folder and to the mount."""

    def launch(self, name: str, *arguments: Any, **how: Any) -> Job:
        self.prefix = [str(CONTAINER), str(self.temporary), str(self.mount), "--"]
        self.mount.mkdir(parents=True, exist_ok=True)
        return super().launch(name, *arguments, **how)


@pytest.mark.all
def test_a_container_can_write_only_where_it_may(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    mine.mkdir()
    tried = subprocess.run([CONTAINER, mine, "--", "touch", mine / "yes", other], capture_output=True, text=True, check=False)
    assert (mine / "yes").exists() and not other.exists()
    assert "Read-only file system" in tried.stderr


@pytest.mark.all
def test_generate_approve_run_register(controller: Launcher, warehouse_tenant: Simulator, redshift: RedshiftEngine) -> None:
    settings = {"immuta_awx_warehouse_credentials": ["Redshift login"]}
    login = {"username": redshift.admin_user, "password": redshift.admin_password}
    plain = controller(warehouse_tenant, {"analytics": platform(redshift, 1), "other": platform(redshift, 2)}, credentials={"Redshift login": login})
    awx = Containers(plain.folder, plain.inventory, plain.credentials, temporary=plain.temporary)
    generate, approve, run, register = path_of(WORKFLOW)
    tenant_only, login_only = {"credentials": ["Immuta"]}, {"credentials": settings["immuta_awx_warehouse_credentials"]}
    change = {"immuta_change_reference": "CHG0012345"}

    # The scripts: with the tenant's credential alone
    made = awx.launch(generate, change, limit="analytics", **tenant_only)
    assert made.rc == 0, made.stdout
    assert warehouse_tenant.writes() == []
    (scripts,) = made.artifacts["immuta_scripts"].values()
    assert [Path(each["path"]).name for each in scripts] == ["1-initial-create.sql", "2-create.sql"]

    # The approver reads the copies on the mount. A job that other checksums were passed to runs nothing
    assert approve == "Approve the scripts"
    kept = awx.mount / "artifacts" / "analytics"
    summary = json.loads((kept / "summary.json").read_text())["scripts"]
    assert [script["sha256"] for script in summary.values()] == [each["sha256"] for each in scripts]
    wrong = {"immuta_scripts": {"analytics": [{**each, "sha256": "0" * 64} for each in scripts]}}
    refused = awx.launch(run, change, limit="analytics", passed=wrong, **login_only)
    assert refused.rc != 0 and "approved" in refused.failed_messages()
    assert "immuta_1" not in redshift.catalog()["databases"]

    # Nor does a job without anything that an earlier one passed on
    alone = awx.launch(run, change, limit="analytics", **login_only)
    assert alone.rc != 0 and "immuta_1" not in redshift.catalog()["databases"]

    # The scripts run with the warehouse's credential alone
    warehouse_tenant.clear_log()
    ran = awx.launch(run, change, limit="analytics", passed=made.artifacts, **login_only)
    assert ran.rc == 0, ran.stdout
    assert warehouse_tenant.requests() == []
    assert redshift.can_login("immuta_system_1", NASTY, database="immuta_1")

    registered = awx.launch(register, change, limit="analytics", passed=made.artifacts, **tenant_only)
    assert registered.rc == 0, registered.stdout
    (found,) = warehouse_tenant.integrations()
    assert found["status"] == "enabled" and found["config"]["database"] == "immuta_1"

    # The whole workflow once more: nothing is left to do, and no checksum is passed on
    again = awx.launch(generate, change, limit="analytics", **tenant_only)
    for template, how in ((run, login_only), (register, tenant_only)):
        job = awx.launch(template, change, limit="analytics", passed=again.artifacts, **how)
        assert job.rc == 0, job.stdout

    # The record outlives the jobs: who ran what for which change
    lines = [json.loads(line) for line in (awx.mount / "audit.jsonl").read_text().splitlines()]
    assert {line["change_reference"] for line in lines} == {"CHG0012345"}
    assert {line["job"]["template"] for line in lines} == {generate, run, register}
    assert {line["job"]["user"] for line in lines} == {"olivia"}

    # Every job began with an empty home, and what it left there has no secret; the scripts alone hold the system account's password
    secrets = [NASTY, redshift.admin_password, warehouse_tenant.api_key]
    jobs = [made, refused, ran, registered]
    for job in jobs:
        assert not list((job.folder / "home").glob("immuta_platform/*/*.sql")), "a script with a password stayed in a container"
    assert not traces(secrets, awx.mount, *[each for job in jobs for each in (job.stdout, job.artifacts, job.events)], apart=["[0-9]-*create.sql"])


@pytest.mark.all
def test_register_rotate_and_deregister_with_the_answers_of_their_surveys(controller: Launcher, warehouse_tenant: Simulator, redshift: RedshiftEngine) -> None:
    """All answers are text, as AWX gives it. The new secret is the answer to a password question."""
    login = {"username": redshift.admin_user, "password": redshift.admin_password}
    plain = controller(warehouse_tenant, {"analytics": platform(redshift, 3)}, credentials={"Redshift login": login})
    awx = Containers(plain.folder, plain.inventory, plain.credentials, temporary=plain.temporary)
    both = {"credentials": ["Immuta", "Redshift login"]}
    blank = {"immuta_change_reference": "", "immuta_platform_break_lock": ""}

    registered = awx.launch("Immuta register", {**blank, "immuta_platform_wait_timeout": "600", "immuta_platform_repair": "false"}, **both)
    assert registered.rc == 0, registered.stdout
    assert redshift.can_login("immuta_system_3", NASTY, database="immuta_3")

    new = f"new {NASTY}"
    rotated = awx.launch("Immuta rotate", {**blank, "immuta_platform_new_secrets": json.dumps({"password": new}), "immuta_platform_new_public_key": ""}, **both)
    assert rotated.rc == 0, rotated.stdout
    assert redshift.can_login("immuta_system_3", new, database="immuta_3")
    assert (awx.mount / "artifacts" / "analytics" / "summary.json").exists(), "the rotation took away what the setup left"

    unsure = awx.launch("Immuta deregister", {**blank, "immuta_confirm": "other", "immuta_platform_force_disable": "false"}, **both)
    assert unsure.rc != 0 and "immuta_3" in redshift.catalog()["databases"]
    gone = awx.launch("Immuta deregister", {**blank, "immuta_confirm": "1", "immuta_platform_force_disable": "false"}, **both)
    assert gone.rc == 0, gone.stdout
    assert "immuta_3" not in redshift.catalog()["databases"] and not [each for each in warehouse_tenant.integrations() if each["status"] != "deleted"]

    assert not list((awx.mount / "artifacts").glob("*.lock"))
    secrets = [NASTY, new, redshift.admin_password, warehouse_tenant.api_key]
    jobs = [registered, rotated, unsure, gone]
    assert not traces(secrets, awx.mount, *[each for job in jobs for each in (job.stdout, job.artifacts, job.events)], apart=["[0-9]-*.sql"])


@pytest.mark.all
def test_the_jobs_that_need_no_warehouse(controller: Launcher, tenant: Simulator) -> None:
    """Drift, apply, report, export and sync, with the answers that a person gives who leaves every blank blank."""
    config = {"host": "rs", "database": "immuta", "initialDatabase": "dev", "authenticationType": "userPassword", "username": "immuta"}
    tenant.seed({"type": "Redshift", "autoBootstrap": False, "config": {**config, "password": NASTY}})
    plain = controller(tenant, {"analytics": {"immuta_platform_integration": {"type": "Redshift", "autoBootstrap": False, "config": config}}})
    awx = Containers(plain.folder, plain.inventory, plain.credentials, temporary=plain.temporary)
    drift = awx.launch("Immuta drift", credentials=["Immuta"])
    approved = {"immuta_expected_plan": drift.artifacts["immuta_drift"]["plan_sha256"], "immuta_change_reference": "", "immuta_platform_break_lock": ""}
    jobs = [
        drift,
        awx.launch("Immuta apply", approved, credentials=["Immuta"]),
        awx.launch("Immuta report", {"immuta_report_title": ""}, credentials=["Immuta"]),
        awx.launch("Immuta export", {}, credentials=["Immuta"]),
        awx.launch("Immuta sync", {"immuta_platform_sync_path": "", "immuta_change_reference": ""}, credentials=["Immuta"]),
    ]
    assert [(job.rc, job.failed_messages()) for job in jobs] == [(0, "")] * len(jobs), "\n".join(job.stdout for job in jobs)
    assert tenant.writes() == []
    stale = awx.launch("Immuta apply", {**approved, "immuta_expected_plan": "0" * 64}, credentials=["Immuta"])
    assert stale.rc != 0 and tenant.writes() == []
    assert json.loads((awx.mount / "report" / "report.json").read_text())["title"] == "Data platforms behind Immuta"
    assert (awx.mount / "export" / "hosts.yml").exists()
    assert not traces([NASTY, tenant.api_key], awx.mount, *[each for job in jobs for each in (job.stdout, job.artifacts, job.events)])


def test_nothing_runs_twice_at_the_same_time() -> None:
    templates = [*kit()["controller_templates"], *kit()["controller_workflows"]]
    assert [each["name"] for each in templates if each["allow_simultaneous"] is not False] == []


def test_nobody_who_launches_a_job_can_set_other_variables() -> None:
    """Who could set variables at will could approve a script without reading it."""
    templates = [*kit()["controller_templates"], *kit()["controller_workflows"]]
    assert [each["name"] for each in templates if each["ask_variables_on_launch"] is not False] == []
    asked = {question["variable"] for each in templates for question in each.get("survey_spec", {}).get("spec", ())}
    assert not asked & {"immuta_platform_approved_sha256", "immuta_platform_require_approval", "immuta_platform_any_statement", "immuta_platform_stages"}


def test_an_answer_to_the_workflow_reaches_every_job() -> None:
    """AWX passes an answer on only to templates that ask for it themselves."""
    workflow = named("controller_workflows", WORKFLOW)
    asked = {each["variable"] for each in workflow["survey_spec"]["spec"]}
    templates = [named("controller_templates", name) for name in path_of(WORKFLOW) if name != "Approve the scripts"]
    assert templates and all(asked <= {each["variable"] for each in template["survey_spec"]["spec"]} for template in templates)
    assert all(template["ask_limit_on_launch"] for template in templates)
