# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that Galaxy, Automation Hub and the Ansible community package make, beside those of lint.py."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .commands import BUILD, Failed, alone, clean_environment, requirements, run, virtual_environment
from .package import build


def nox() -> None:
    """The checks of antsibull-nox: REUSE licensing, action groups, unwanted files, white space and characters to avoid."""
    run("nox", "--no-venv", "--envdir", BUILD / "nox", "-e", "extra-checks", "license-check")


def tools() -> Path:
    """Return the folder of the commands of tests/package/requirements.txt, on the ansible-core and ansible-lint of .venv; install them once."""
    shared = (line for line in requirements("tests/requirements.txt") if line.startswith(("ansible-core==", "ansible-lint==")))
    return virtual_environment(BUILD / "tools", sys.executable, *requirements("tests/package/requirements.txt"), *shared).parent


def importer() -> None:
    """The import that Galaxy and Automation Hub do with a tarball. A warning is an error."""
    import_tarball(build())


def import_tarball(built: Path) -> None:
    """Import a tarball with galaxy-importer. Raise Failed if its log holds more than lines of information."""
    folder = BUILD / "importer"
    with alone(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _import(built, folder)


def _import(built: Path, folder: Path) -> None:
    environment = clean_environment() | {"GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "True"}
    environment["PATH"] = f"{tools()}{os.pathsep}{environment['PATH']}"
    command = [str(tools() / "python"), "-m", "galaxy_importer.main", str(built)]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lines = done.stdout.splitlines()
    problems = [line for line in lines if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    print("\n".join([*problems, *lines[-1:]]))
    # Its status is 0 even if it could not import the collection
    if problems or done.returncode or lines[-1:] != ["Importer processing completed successfully"]:
        raise Failed(f"galaxy-importer reported {len(problems)} problems and ended with status {done.returncode}")
