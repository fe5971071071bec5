# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on tests without a tenant, followed with what a user has: the tarball, an empty environment, the examples in the tarball."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from support.pages import RST
from tools.checks.commands import NAME, clean_environment, find_python, install_packages, run
from tools.checks.package import build, install

from .conftest import World

pytestmark = pytest.mark.all


@dataclass(frozen=True)
class User:
    """An environment with the simulator and what else the page installs, and the folder of the installed collection."""

    python: Path
    collection: Path

    def run(self, *command: str, cwd: Path) -> str:
        """Run a command of the environment; what it prints. An assertion shows that when it fails."""
        environment = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"} | {
            "PATH": f"{self.python.parent}:/usr/bin:/bin",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collection.parents[2]),
            "ANSIBLE_HOME": str(cwd / "home"),
            "NO_COLOR": "1",
        }
        done = subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def shipped(self) -> set[Path]:
        return {path for path in (self.collection / "extensions").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    place = tmp_path_factory.mktemp("user")
    collection = install(build(), place / "collections") / NAME
    base = find_python(("3.10", "3.11", "3.12"))
    assert base, "no Python is old enough"
    run("uv", "venv", "--quiet", "--no-python-downloads", "--python", base, place / "venv")
    made = User(place / "venv" / "bin" / "python", collection)
    before = made.shipped()
    install_packages(made.python, "-r", str(collection / "extensions/molecule/requirements.txt"), str(collection / "extensions/simulator"), "pytest")
    assert made.shipped() == before, "the installation left files in the collection"
    return made


def test_the_examples_in_an_empty_folder(user: User, tmp_path: Path) -> None:
    folder = shutil.copytree(user.collection / "extensions" / "simulator" / "examples", tmp_path / "repository")
    assert user.run("sh", "ci.sh", cwd=folder).count("PLAY RECAP") == 2
    assert "3 passed" in user.run("pytest", "-p", "no:cacheprovider", cwd=folder)


def test_the_scenario_for_molecule(user: User, tmp_path: Path) -> None:
    shutil.copytree(user.collection / "extensions", tmp_path / "extensions")
    printed = user.run("molecule", "test", cwd=tmp_path / "extensions")
    assert "successful=7" in printed.splitlines()[-2], printed


def test_a_listed_warehouse_is_checked(world: World) -> None:
    text = (RST / "testing.rst").read_text(encoding="utf-8").partition("# warehouses.yml\n")[2].partition("\n\n")[0]
    (place,) = yaml.safe_load(text)
    platform, engine = world.redshift, world.redshift.engine
    world.tenant.warehouses([{**place, "address": engine.host, "port": engine.port}])
    platform.config["host"] = place["host"]
    platform.extra = {"immuta_platform_login": dict(engine.login)}
    registered = world.register()
    assert registered.rc == 0, registered.output
    id_ = world.registered()["id"]
    assert world.tenant.revalidate(id_)["status"] == "enabled"
    platform.sql("DELETE FROM immuta_system.version", database=platform.database)
    assert world.tenant.revalidate(id_)["status"] == "recurringValidationError"
