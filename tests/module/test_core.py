# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ansible-core under test is the one that runs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from support.core import MODULES_PYTHON, PYTHON
from support.tasks import INFO, Play


@pytest.mark.cores
def test_playbooks_and_modules_run_on_the_core_under_test(run: Callable[..., Play]) -> None:
    wanted = subprocess.run([PYTHON, "-c", "import ansible.release as of; print(of.__version__)"], check=True, capture_output=True, text=True).stdout.strip()
    done = run(
        [
            {"name": "say", "ansible.builtin.debug": {"msg": "{{ ansible_version.full }} {{ ansible_playbook_python }} {{ ansible_python_interpreter }}"}},
            {"name": "list", INFO: {}},
        ]
    ).ok
    assert done["say"]["msg"] == f"{wanted} {PYTHON} {MODULES_PYTHON}"
    assert done["list"]["integrations"] == []
    assert not any(record.warnings for record in done), done.output
