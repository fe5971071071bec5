# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: as a tarball, and installed from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tools.checks.commands import BUILD
from tools.checks.package import build, install


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball."""
    BUILD.mkdir(exist_ok=True)
    return Path(shutil.copy2(build(), tmp_path_factory.mktemp("built")))


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections that holds this one alone."""
    return install(built, tmp_path_factory.mktemp("installed") / "collections")
