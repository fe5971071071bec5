# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on AWX, followed word for word: its files are written, its commands run, and what it promises is looked at."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from immuta_simulator import Simulator
from support.core import PYTHON
from support.pages import RST
from support.playbook import ROOT
from support.shown import Block, blocks_of
from tools.checks.commands import BUILD, requirements, virtual_environment

from .api import Api, serving
from .controller import Controller, kit

PAGE = (RST / "awx.rst").read_text()
#: what stands above a block that needs more than this machine
NOT_HERE = "Needs "
#: a caption is the name of a file, or says what a command needs
BLOCKS = list(blocks_of(RST / "awx.rst"))


def commands() -> list[Block]:
    return [each for each in BLOCKS if each.language == "sh" and not each.caption.startswith(NOT_HERE)]


@pytest.fixture(scope="module")
def modules() -> Path:
    """The folder with the collections of the package ansible, of which awx.awx is one."""
    python = virtual_environment(BUILD / "awx", sys.executable, "--no-deps", *requirements("tests/awx/requirements.txt"))
    (found,) = (python.parents[1] / "lib").glob("python3*/site-packages")
    return found


@dataclass
class Follower:
    """Somebody who follows the page, in an empty folder, with an API in the place of AWX."""

    folder: Path
    environment: dict[str, str]
    cwd: Path

    def write(self, caption: str) -> None:
        (block,) = [each for each in BLOCKS if each.caption == caption]
        path = self.folder / caption
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def run(self, block: Block) -> str:
        """Run the commands of a block. Values that a reader has to fill in are those of here, and a shell keeps its folder and its variables."""
        text = re.sub(r"\b(\w+)=\S+", lambda found: f"{found[1]}='{self.environment[found[1]]}'" if found[1] in self.environment else found[0], block.text)
        done = subprocess.run(["sh", "-euc", f"{text}\npwd"], cwd=self.cwd, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block.text}{done.stdout}{done.stderr}"
        self.cwd = Path(done.stdout.splitlines()[-1])
        return done.stdout + done.stderr


@pytest.fixture
def follower(tmp_path: Path, tenant: Simulator) -> Iterator[Follower]:
    home = tmp_path / "home"
    installed = home / ".ansible" / "collections" / "ansible_collections" / "community"
    installed.mkdir(parents=True)
    (installed / "immuta").symlink_to(ROOT)
    git = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in (("NAME", "olivia"), ("EMAIL", "olivia@example.com"))}
    path = f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    values = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key, "CONTROLLER_OAUTH_TOKEN": "token"}
    place = tmp_path / "reader"
    place.mkdir()
    yield Follower(place, {"HOME": str(home), "PATH": path, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", **git, **values}, place)


@pytest.mark.all
def test_the_page_word_for_word(follower: Follower, tenant: Simulator, modules: Path) -> None:
    api = Api()
    inventory, copy, create = commands()
    with serving(api) as url:
        follower.environment |= {"CONTROLLER_HOST": url, "ANSIBLE_COLLECTIONS_PATH": str(modules)}
        follower.write("inventory/hosts.yml")
        follower.run(inventory)
        follower.run(copy)
        follower.write("awx/site.yml")
        first = follower.run(create)
        assert "WARNING" not in first, first
        counted = {kind: len(objects) for kind, objects in api.lists.items()}
        assert counted == {
            "organizations": 1,
            "credential_types": 5,
            "credentials": 1,
            "execution_environments": 1,
            "projects": 2,
            "inventories": 1,
            "inventory_sources": 1,
            "notification_templates": 1,
            "job_templates": 11,
            "workflow_job_templates": 1,
            "workflow_job_template_nodes": 4,
            "workflow_approval_templates": 1,
            "schedules": 2,
        }
        api.writes.clear()
        follower.cwd = follower.folder
        again = follower.run(create)
        assert re.search(r"changed=0 ", again) and "failed=0" in again, again
        assert not [each for each in api.writes if "approval" not in each]

    # What AWX got is what the files say, with the templates that are AWX's own
    for each in kit()["controller_credential_types"]:
        assert api.objects("credential_types")[each["name"]]["injectors"] == each["injectors"]
    variables = {each["name"]: each.get("extra_vars", {}) for each in kit()["controller_templates"]}
    for name, template in api.objects("job_templates").items():
        assert template["allow_simultaneous"] is False and template["ask_variables_on_launch"] is False, name
        assert json.loads(template.get("extra_vars", "{}")) == variables[name]
        assert api.associated("job_templates", name, "notification_templates_error") == {"Immuta"}
    assert api.associated("job_templates", "Immuta drift", "credentials") == {"Immuta"}
    steps = [api.associated("workflow_job_template_nodes", name, "success_nodes") for name in ("generate", "approve", "run", "register")]
    assert steps == [{"approve"}, {"run"}, {"register"}, set()]
    credential = api.objects("credentials")["Immuta"]["inputs"]
    assert credential == {"url": tenant.url, "api_key": tenant.api_key}

    # The drift job, as AWX launches it, with the inventory of the page: the platform is not there, and then it is
    listed = subprocess.run(
        [PYTHON, "-m", "ansible", "inventory", "-i", follower.folder / "inventory" / "hosts.yml", "--list", "--export"], capture_output=True, check=True
    )
    with tempfile.TemporaryDirectory(prefix="a") as temporary:
        awx = Controller(follower.folder, json.loads(listed.stdout), {"Immuta": credential}, temporary=Path(temporary))
        drifted = awx.launch("Immuta drift", credentials=["Immuta"])
        config = {"host": "rs.example.com", "database": "immuta", "initialDatabase": "dev", "authenticationType": "userPassword", "username": "immuta_system"}
        tenant.seed({"type": "Redshift", "autoBootstrap": False, "config": {**config, "password": "secret"}})
        quiet = awx.launch("Immuta drift", credentials=["Immuta"])
    assert drifted.rc != 0 and "immuta_drift" in drifted.artifacts, drifted.stdout
    assert drifted.artifacts["immuta_drift"]["drifted"] == ["redshift_prod"] and len(drifted.artifacts["immuta_drift"]["plan_sha256"]) == 64
    assert quiet.rc == 0, quiet.stdout
    assert tenant.writes() == []


def test_every_block_is_followed_or_says_what_it_needs() -> None:
    assert [each.caption for each in BLOCKS if each.language == "sh" and each.caption] == [
        "Needs Galaxy",
        "Needs a container engine and a registry",
        "Needs your Git server",
        "Needs a running AWX",
    ]
    assert len(commands()) == 3
    assert [each.caption for each in BLOCKS if each.language == "yaml"] == ["inventory/hosts.yml", "awx/site.yml", "inventory/host_vars/redshift_prod.yml"]


def test_the_page_and_the_readme_name_what_there_is() -> None:
    rows = dict(re.findall(r"^   \* - (.+)\n     - ``(IMMUTA_LOGIN_\w+)``", PAGE, re.MULTILINE))
    logins = {each["name"]: next(iter(each["injectors"]["env"])) for each in kit()["controller_credential_types"] if each["name"] != "Immuta"}
    assert rows == logins
    names = {each["name"] for objects in kit() if objects.startswith("controller_") for each in kit()[objects]}
    shown = set(re.findall(r"\*(Immuta [^*]+)\*", PAGE))
    assert shown and shown <= names
    readme = (ROOT / "extensions" / "awx" / "README.md").read_text()
    files = {path.relative_to(ROOT / "extensions" / "awx").as_posix() for path in (ROOT / "extensions" / "awx").rglob("*.*")}
    assert {name for row in re.findall(r"^\| (`.+?) \|", readme, re.MULTILINE) for name in re.findall("`(.+?)`", row)} == files - {"README.md"}
    assert set(re.findall(r"``(immuta_awx_\w+)``", PAGE)) <= set(kit())


def test_what_is_combined_for_one_host_is_a_login(tmp_path: Path) -> None:
    (block,) = [each for each in BLOCKS if each.caption.startswith("inventory/host_vars")]
    task = {"ansible.builtin.copy": {"content": "{{ immuta_platform_login }}", "dest": str(tmp_path / "login")}}
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
    (tmp_path / "play.json").write_text(json.dumps(play))
    (tmp_path / "variables.yml").write_text(block.text)
    environment = {**os.environ, "IMMUTA_LOGIN_REDSHIFT": '{"iam": true}', "ANSIBLE_LOCALHOST_WARNING": "0"}
    command = [PYTHON, "-m", "ansible", "playbook", tmp_path / "play.json", "-e", f"@{tmp_path / 'variables.yml'}"]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert json.loads((tmp_path / "login").read_text()) == {"iam": True, "region": "eu-central-1"}
