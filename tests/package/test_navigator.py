# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-navigator with the example settings: a run without a container, and the command that starts the container."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from immuta_simulator import Simulator
from support.leaks import traces
from tools.checks.commands import BIN, clean_environment
from tools.checks.environment import HERE
from tools.checks.gates import tools

pytestmark = pytest.mark.all

INVENTORY = {"immuta_platforms": {"hosts": {"trino": {"immuta_platform_integration": {"type": "Trino"}}}}}
# No container engine runs here. This one records how it is called, and which environment the container gets.
RECORDER = """\
#!/bin/sh
[ "$1" = run ] || exit 0
printf '%s\\n' "$@" >"$HOME/arguments"
while [ "$1" != --env-file ]; do shift; done
cp "$2" "$HOME/environment"
"""


class Shell:
    """The shell of an operator: a home, a folder with an inventory, the settings, and credentials in the environment."""

    def __init__(self, home: Path, tenant: Simulator, collections: Path) -> None:
        self.home = home
        (home / "immuta-artifacts").mkdir()
        (home / "work").mkdir()
        (home / "work" / "inventory.json").write_text(json.dumps(INVENTORY), encoding="utf-8")
        (home / "docker").write_text(RECORDER, encoding="utf-8")
        (home / "docker").chmod(0o755)
        self.environment = clean_environment() | {
            "HOME": str(home),
            "PATH": os.pathsep.join([str(home), str(tools()), str(BIN), os.defpath]),
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_HOME": str(home / "ansible"),
            "ANSIBLE_NAVIGATOR_CONFIG": str(HERE / "ansible-navigator.yml"),
            "IMMUTA_URL": tenant.url,
            "IMMUTA_API_KEY": tenant.api_key,
        }

    def drift(self, *arguments: str) -> tuple[int, str]:
        command = ["ansible-navigator", "run", "community.immuta.drift", "-i", "inventory.json", "--log-file", str(self.home / "log"), *arguments]
        done = subprocess.run(command, cwd=self.home / "work", env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout


@pytest.fixture
def shell(tmp_path: Path, tenant: Simulator, installed: Path) -> Shell:
    return Shell(tmp_path, tenant, installed)


def test_a_run_without_a_container(shell: Shell, tenant: Simulator) -> None:
    status, output = shell.drift("--execution-environment", "false")
    assert status == 2, output
    assert '"trino: created"' in output
    # It leaves no artifact with the results, and its log is empty
    assert [path.name for path in (shell.home / "work").iterdir()] == ["inventory.json"]
    assert (shell.home / "log").read_text(encoding="utf-8") == ""
    assert not traces([tenant.api_key], output)


def test_the_container_gets_the_credentials_and_the_folder(shell: Shell, tenant: Simulator) -> None:
    shell.drift("--container-engine", "docker", "--pull-policy", "never")
    arguments = (shell.home / "arguments").read_text(encoding="utf-8").splitlines()
    environment = (shell.home / "environment").read_text(encoding="utf-8").splitlines()
    assert {f"IMMUTA_URL={tenant.url}", f"IMMUTA_API_KEY={tenant.api_key}"} <= set(environment)
    assert f"{shell.home / 'immuta-artifacts'}:/srv/immuta:Z" in arguments
    assert [argument for argument in arguments if argument.startswith("immuta-ee:")]
    assert not traces([tenant.api_key], arguments)
