# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation site."""

from __future__ import annotations

import shutil
import sys

from .commands import BUILD, ROOT, alone, requirements, run, virtual_environment

HERE = ROOT / "tests" / "site"
SOURCE = BUILD / "site-source"
VENV = BUILD / "site-venv"


def site() -> None:
    """The documentation site, in .build/site. A warning, a reference to nothing among them, is an error."""
    with alone(BUILD / "site"):
        install()
        shutil.rmtree(SOURCE, ignore_errors=True)
        SOURCE.mkdir(mode=0o755)  # antsibull-docs accepts no folder that others can write to
        run("antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", SOURCE, "community.immuta")
        shutil.copytree(ROOT / "docs" / "images", SOURCE / "images")
        run(VENV / "bin" / "sphinx-build", "--quiet", "--fail-on-warning", "--fresh-env", "--conf-dir", HERE, SOURCE, BUILD / "site")
    print(f"The site is in {BUILD / 'site' / 'index.html'}")


def pages() -> None:
    """Every page of the site in headless Chromium, on a desktop and on a phone: none scrolls sideways or lacks a picture."""
    site()
    run(sys.executable, HERE / "widths.py")


def install() -> None:
    """Create the environment of the builder, which has other versions of some libraries than .venv, once for each list."""
    wanted = [*requirements("tests/site/requirements.txt"), *(line for line in requirements("tests/requirements.txt") if line.startswith("antsibull-docs=="))]
    virtual_environment(VENV, sys.executable, *wanted)
