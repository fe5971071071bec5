# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball of the collection."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import yaml

from .commands import BUILD, ROOT, Failed, alone, copy_to, run, tracked

# What a user of the collection needs. Any other file in the tarball is a mistake.
SHIPPED = ("plugins/", "roles/", "playbooks/", "meta/", "docs/", "extensions/", "changelogs/changelog.yaml", "changelogs/config.yaml", "tests/config.yml")
SHIPPED_AT_THE_TOP = {"CHANGELOG.rst", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "SECURITY.md"}


def build() -> Path:
    """Build the tarball in .build from a copy, so that it contains no stray file of the checkout, and return its path."""
    with alone(BUILD / "source"):
        run("ansible-galaxy", "collection", "build", "--force", "--output-path", BUILD, cwd=copy_to(BUILD / "source"))
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    return BUILD / f"community-immuta-{version}.tar.gz"


def tarball() -> None:
    """The built tarball: it contains the right files, installs, and Ansible finds its modules."""
    built = build()
    with tarfile.open(built) as archive:
        names = {member.name for member in archive.getmembers() if not member.isdir()}
    junk = {name for name in names if not name.startswith(SHIPPED) and name not in SHIPPED_AT_THE_TOP}
    wanted = {name for name in tracked() if name.startswith(SHIPPED)}
    if junk or wanted - names:
        raise Failed(f"the tarball holds {sorted(junk)} and lacks {sorted(wanted - names)}")
    installed = BUILD / "installed"
    shutil.rmtree(installed, ignore_errors=True)
    run("ansible-galaxy", "collection", "install", "--offline", "-p", installed, built, ANSIBLE_COLLECTIONS_PATH=str(installed))
    modules = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
    run("ansible-doc", "--json", *(f"community.immuta.{name}" for name in modules), quiet=True, ANSIBLE_COLLECTIONS_PATH=str(installed))
