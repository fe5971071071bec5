# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on tests without a tenant: its code is that of the examples, and its commands run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import tomllib
import yaml
from immuta_simulator import Simulator
from immuta_simulator.warehouses import DRIVERS
from support.pages import RST
from tools.checks.commands import ROOT, clean_environment, requirements

EXAMPLES = ROOT / "extensions" / "simulator" / "examples"
BLOCK = re.compile(r"^\.\. code-block:: \w+\n\n((?: {4}.*\n|\n)+)", re.MULTILINE)
LICENSE = re.compile(r"\A(?:#.*\n)+(?:---\n)?")
ENVIRONMENT = clean_environment() | {"PYTHONPATH": str(ROOT / "extensions" / "simulator")}


def blocks() -> list[str]:
    return [dedent(text).strip() for text in BLOCK.findall((RST / "testing.rst").read_text(encoding="utf-8"))]


def block(beginning: str) -> str:
    (found,) = (text for text in blocks() if text.startswith(beginning))
    return found


def test_the_page_shows_every_example_as_it_is() -> None:
    shown = {path.name: f"# {path.name}\n{LICENSE.sub('', path.read_text(encoding='utf-8'))}".strip() for path in EXAMPLES.iterdir() if path.is_file()}
    assert len(shown) == 4
    assert [name for name, text in shown.items() if text not in blocks()] == []


def test_every_command_that_lets_something_fail_is_one(tenant: Simulator) -> None:
    script = block("# busy").removesuffix("python -m immuta_simulator reset")
    environment = ENVIRONMENT | tenant.environment
    done = subprocess.run(["bash", "-eu", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [fault["path"] for fault in tenant.faults()] == [".*", "/integrations$", "/integrations"]
    assert [each["status"] for each in tenant.integrations()] == ["error"]
    assert (tenant.settings()["transitions"], tenant.settings()["data_api"]) == ("polls:3", "on")


def test_the_warehouses_of_the_page_are_some(tenant: Simulator) -> None:
    tenant.warehouses(yaml.safe_load(block("# warehouses.yml")))


def test_the_fixtures_for_pytest_are_reset_and_can_be_overridden(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture(scope='session')\ndef immuta_switches(): return {'data_api': 'on'}\n")
    test = "def test_{}(immuta_tenant):\n    assert immuta_tenant.integrations() == []\n    immuta_tenant.seed({{'type': 'Trino'}})\n"
    switch = "def test_switch(immuta_tenant):\n    assert immuta_tenant.settings()['data_api'] == 'on'\n"
    (tmp_path / "test_it.py").write_text(test.format("one") + test.format("two") + switch)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "immuta_simulator.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout


def test_the_package_has_the_version_and_the_libraries_of_the_collection() -> None:
    project = tomllib.loads((ROOT / "extensions" / "simulator" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    extras = project["optional-dependencies"]
    assert sorted(line for lines in extras.values() for line in lines) == sorted(requirements("meta/ee-requirements.txt"))
    assert {driver.extra for driver in DRIVERS.values()} == extras.keys()
