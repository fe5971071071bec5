# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every play that the documentation shows, every example that only ansible-playbook can run, and every configuration of the inventory plugin is run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from immuta_simulator import Simulator
from support.modules import run_module
from support.playbook import run_playbook
from support.shown import ROOT, RUN_BY, Block, blocks

BUCKET = {
    "type": "Native S3",
    "auto_bootstrap": False,
    "config": {
        "name": "lake",
        "aws_account_id": "123456789012",
        "aws_region": "eu-central-1",
        "aws_location_role": "arn:aws:iam::123456789012:role/location",
        "aws_location_path": "s3://acme",
        "authentication_type": "auto",
        "aws_role_to_assume": "arn:aws:iam::123456789012:role/immuta",
    },
}
#: what the reader of each example has defined; redshift_prod is the host of one of them
HOSTS = {"redshift_prod": {"immuta_platform_integration": BUCKET}}
READERS = {"approved": "0" * 64, "vault_immuta_system_password": "p", "vault_admin_password": "p"}
FOLDERS = re.compile(r"(?<![\w/])(?:/srv/immuta|/var/www/html/immuta|drift\.json|(?<=dest: )report)\b")
#: an example that continues what another job has begun, and what it says without that
CONTINUES = {"docs/docsite/rst/scripts.rst": "There is no summary in"}
ALONE = {"community.immuta.immuta_fleet", "community.immuta.immuta_report", "ansible.builtin.set_fact"}


def plays_of(block: Block) -> list[Any]:
    """The plays of an example; its tasks as a play on all platforms, if they need ansible-playbook."""
    listed = block.data if block.language == "yaml" and isinstance(block.data, list) else []
    if all(isinstance(item, Mapping) and "roles" in item for item in listed):
        return listed
    if any(isinstance(item, Mapping) and ALONE & item.keys() for item in listed):
        return [{"hosts": "immuta_platforms", "gather_facts": False, "tasks": listed}]
    return []


PLAYS = [block for block in blocks() if plays_of(block) and block.document not in RUN_BY]
CONFIGURATIONS = [
    (str(block), document)
    for block in blocks()
    if block.language == "yaml"
    for document in (block.data if isinstance(block.data, list) else [block.data])
    if isinstance(document, Mapping) and "plugin" in document
]


def test_the_examples_are_found() -> None:
    assert {block.document.rpartition("/")[2] for block in PLAYS} >= {
        "README.md",
        "platforms.rst",
        "immuta_fleet.py",
        "immuta_report.py",
        "platform_variables.py",
    }
    assert len(CONFIGURATIONS) >= 5


@pytest.mark.all
@pytest.mark.parametrize("block", PLAYS, ids=Block.__str__)
def test_every_play_runs(block: Block, tenant: Simulator, tmp_path: Path) -> None:
    text = FOLDERS.sub(lambda found: str(tmp_path / found[0].strip("/").replace("/", "-")), yaml.safe_dump(plays_of(block), sort_keys=False))
    (tmp_path / "play.yml").write_text(text, encoding="utf-8")
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "immuta_url": tenant.url, "immuta_api_key": tenant.api_key}
    inventory = {"immuta_platforms": {"vars": {**here, **READERS}, "hosts": HOSTS}}
    tenant_of_tasks = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
    assert run_module("immuta_integration", BUCKET, tmp_path, environment=tenant_of_tasks)["changed"]
    drift = run_playbook("community.immuta.drift", inventory, tmp_path, "-e", f"immuta_drift_dest={tmp_path / 'drift.json'}", environment=tenant_of_tasks)
    assert drift.rc == 0 and (tmp_path / "drift.json").is_file()
    run = run_playbook(
        tmp_path / "play.yml", inventory, tmp_path, *(["--check"] if "roles" in text and "report" not in text else []), environment=tenant_of_tasks
    )
    expected = CONTINUES.get(block.document)
    assert (expected in run.output) if expected else run.rc == 0, run.output


@pytest.mark.all
@pytest.mark.parametrize(("name", "document"), CONFIGURATIONS, ids=[f"{name}-{number}" for number, (name, _document) in enumerate(CONFIGURATIONS)])
def test_every_configuration_of_the_inventory_plugin_lists_hosts(name: str, document: Mapping[str, Any], tenant: Simulator, tmp_path: Path) -> None:
    tenant.settings(data_api="on")
    tenant.seed({"type": "Trino"})
    tenant.connections([{"connectionKey": "snowflake-prod", "connection": {"technology": "Snowflake", "hostname": "acme.snowflakecomputing.com"}}])
    own = {"cache_connection": str(tmp_path / "cache")} if "cache_connection" in document else {}
    # the address and the key of the example's tenant are those of the simulated one
    given = {**document, **own, **{option: value for option, value in {"url": tenant.url, "api_key": tenant.api_key}.items() if option in document}}
    (tmp_path / "immuta.yml").write_text(yaml.safe_dump({key: value for key, value in given.items() if key != "types"}), encoding="utf-8")
    environment = {
        "PATH": str(Path(sys.executable).parent),
        "HOME": str(tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        "IMMUTA_URL": tenant.url,
        "IMMUTA_API_KEY": tenant.api_key,
    }
    done = subprocess.run(["ansible-inventory", "-i", "immuta.yml", "--list"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    hosts = json.loads(done.stdout)["_meta"]["hostvars"]
    assert len(hosts) == (1 if document.get("include") == ["connections"] else 2)
