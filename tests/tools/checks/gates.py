# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that Galaxy, Automation Hub and the Ansible community package make, beside those of lint.py."""

from __future__ import annotations

from .commands import BUILD, run


def nox() -> None:
    """The checks of antsibull-nox: REUSE licensing, action groups, unwanted files, white space and characters to avoid."""
    run("nox", "--no-venv", "--envdir", BUILD / "nox", "-e", "extra-checks", "license-check")
