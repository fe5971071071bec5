# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tarball holds is enough: the playbooks run from it by their names."""

from __future__ import annotations

import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

from immuta_simulator import Simulator
from support.playbook import Run, run_playbook
from tools.checks.commands import BIN, NAME, ROOT, clean_environment
from tools.checks.package import make_reproducible

INVENTORY = {"immuta_platforms": {"hosts": {"trino": {"immuta_platform_integration": {"type": "Trino"}}}}}


def test_every_playbook_is_found_by_its_name(installed: Path) -> None:
    names = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
    environment = clean_environment() | {"ANSIBLE_COLLECTIONS_PATH": str(installed)}
    command = [BIN / "ansible-playbook", "--syntax-check", *(f"community.immuta.{name}" for name in names)]
    done = subprocess.run(command, env=environment, cwd=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line] == [f"playbook: {installed / NAME / 'playbooks' / name}.yml" for name in names]


def test_playbooks_run_from_the_tarball_alone(installed: Path, tenant: Simulator, tmp_path: Path) -> None:
    def play(name: str, **extra: Any) -> Run:
        environment = {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key}
        return run_playbook(f"community.immuta.{name}", INVENTORY, tmp_path, extra=extra, environment=environment, collections=installed)

    registered = play("register")
    assert (registered.rc, registered.action("trino")) == (0, "created"), registered.output
    drift = play("drift")
    assert (drift.rc, drift.action("trino")) == (0, "unchanged"), drift.output


def test_the_same_files_give_the_same_bytes(built: Path, tmp_path: Path) -> None:
    """Whatever the order in which a file system lists them, and whenever they were written."""
    with tarfile.open(built) as archive:
        archive.extractall(tmp_path / "files", filter="data")
    other = tmp_path / built.name
    with tarfile.open(other, "w:gz") as archive:
        names = sorted((str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*")), reverse=True)
        for name in names:
            archive.add(tmp_path / "files" / name, name, recursive=False, filter=as_ansible_galaxy_does)
    assert other.read_bytes() != built.read_bytes()
    for path in (built, other):
        make_reproducible(path, 1_700_000_000)
    assert other.read_bytes() == built.read_bytes()


def as_ansible_galaxy_does(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = time.time()
    return member
