# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The execution environment: what ansible-builder makes of it, its lock, and settings. C(tests/run environment) runs the demo with its packages."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
import yaml
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import TENANT_SPEC, variable
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.checks.commands import BIN, ROOT, Failed, clean_environment, requirements
from tools.checks.environment import HERE, LOCK, PYTHON, check_libraries

VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]


def load(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))


def pins(lines: list[str]) -> dict[str, str]:
    """Package -> version, of requirements that pin one."""
    found = (re.match(r"([\w.-]+)(?:\[\w+\])?==([\w.]+)", line) for line in lines)
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def builder(*arguments: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([BIN / "ansible-builder", *arguments], cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lock_meets_the_requirements_with_the_tested_versions() -> None:
    locked = pins(LOCK.read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line) for line in [*requirements("meta/ee-requirements.txt"), *requirements("extensions/execution-environment/requirements.in")[:-1]]]
    assert len(wanted) >= 7
    assert not [str(each) for each in wanted if locked[canonicalize_name(each.name)] not in each.specifier]
    tested = pins(requirements("tests/requirements.txt"))
    assert not {name: version for name, version in locked.items() if tested.get(name, version) != version}


def test_every_package_of_the_lock_has_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert len(blocks) == len(pins(blocks)) >= 40
    assert not [block for block in blocks if "--hash=sha256:" not in block]


def test_the_collection_declares_what_it_needs() -> None:
    """ansible-builder reads the same as people do."""
    found = yaml.safe_load(builder("introspect", ROOT / ".venv" / "collections"))
    assert {group: [line.partition("  #")[0] for line in lines] for group, lines in found.items()} == {
        "python": requirements("meta/ee-requirements.txt"),
        "system": requirements("meta/ee-bindep.txt"),
    }


def test_the_definition_becomes_a_build_context(tmp_path: Path) -> None:
    """The image gets its packages from the lock alone, before ansible-builder looks for them."""
    shutil.copytree(HERE, tmp_path / "here")
    builder("create", "--output-filename", "Containerfile", cwd=tmp_path / "here")
    steps = (tmp_path / "here" / "context" / "Containerfile").read_text(encoding="utf-8").splitlines()
    installs = [line for line in steps if "pip install" in line]
    assert f'ARG PYCMD="/usr/bin/python{PYTHON}"' in steps
    assert "--require-hashes -r /tmp/requirements.txt" in installs[0]
    # bindep is in the stage that is thrown away, and the lock has dumb-init already
    assert [re.split(r"install |--no-cache-dir ", line)[-1] for line in installs[1:]] == ["bindep pyyaml packaging", "'dumb-init==1.2.5'"]
    assert (tmp_path / "here" / "context" / "_build" / "configs" / "requirements.txt").read_bytes() == LOCK.read_bytes()
    assert pins(LOCK.read_text(encoding="utf-8").splitlines())["dumb-init"] == "1.2.5"


def test_the_build_takes_another_image_and_a_keyring(tmp_path: Path) -> None:
    """As the README says. Without a keyring, ansible-builder has ansible-galaxy ignore signatures."""
    shutil.copytree(HERE, tmp_path / "here")
    (tmp_path / "here" / "keyring.kbx").touch()
    keyring = ("--galaxy-keyring", "keyring.kbx")
    builder("create", "--output-filename", "Containerfile", *keyring, cwd=tmp_path / "here")
    steps = (tmp_path / "here" / "context" / "Containerfile").read_text(encoding="utf-8")
    assert 'ARG EE_BASE_IMAGE="redhat/ubi9-minimal:9.6"' in steps and "FROM $EE_BASE_IMAGE AS base" in steps
    assert "--keyring" in steps and "DISABLE_GPG_VERIFY" not in steps
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert " ".join(keyring) in readme and "--build-arg EE_BASE_IMAGE=" in readme


def test_every_version_of_the_collection_is_this_one() -> None:
    assert load("requirements.yml") == {"collections": [{"name": "community.immuta", "version": VERSION}]}
    assert load("ansible-navigator.yml")["ansible-navigator"]["execution-environment"]["image"] == f"immuta-ee:{VERSION}"
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"immuta-ee:(\S+)|community-immuta-(.+?)\.MANIFEST|version: (\S+)", readme)
    assert {version for versions in named for version in versions if version} == {VERSION}
    assert f"ansible-builder=={pins(requirements('tests/requirements.txt'))['ansible-builder']}" in readme


def test_the_container_gets_every_setting_that_modules_read_from_the_environment() -> None:
    passed = load("ansible-navigator.yml")["ansible-navigator"]["execution-environment"]["environment-variables"]["pass"]
    assert passed == [variable(option) for option in TENANT_SPEC]


def test_a_library_that_no_package_brings_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.checks.environment.PLACE", tmp_path)
    (tmp_path / "introspected-bindep.txt").write_text("zlib1g [platform:dpkg]\n", encoding="utf-8")
    (tmp_path / "venv" / "lib").mkdir(parents=True)
    shutil.copy2(next(Path(snowflake.connector.__file__).parent.glob("nanoarrow*.so")), tmp_path / "venv" / "lib")
    with pytest.raises(Failed, match=r"no package for .*libstdc\+\+"):
        check_libraries(tmp_path / "venv" / "bin" / "python")
