# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release changes in the repository: the version wherever it is written, and the changelog."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from .commands import ROOT, Failed, run, tracked

# How the version of the collection is written. A pinned requirement does not match.
WRITTEN = r"""(\b\w*(?:version(?:_added)?|VERSION)["']?\s*[:=]+\s*["']?>?=?|community[.-]immuta(?::==|[/-])|immuta-ee:)"""
# What was true only before the first stable version.
UNSTABLE = re.compile(r"\s+Before\s1\.0\.0,?\s[^.;]+(?:;[^.]+)?\.")
# The history, and the test of this file, which holds old versions on purpose.
KEPT = ("changelogs/", "CHANGELOG.rst", "tests/package/test_prepare.py")


def prepare() -> None:
    """Set the version that VERSION names wherever it is written, and turn the fragments into its changelog."""
    new = os.environ.get("VERSION", "")
    old = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    released = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    if not re.fullmatch(r"\d+\.\d+\.\d+", new) or parts(new) < parts(old) or new in released:
        raise Failed(f"set VERSION to a version after {old} that has not been released, for example VERSION=1.0.0")
    for path in texts():
        before = path.read_text(encoding="utf-8")
        after = renamed(before, old, new, released=old in released)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))
    run("antsibull-changelog", "release", "--version", new)
    run("antsibull-changelog", "lint")


def renamed(text: str, old: str, new: str, *, released: bool) -> str:
    """Return a text with the new version. If the old one was never released, what it added is new in this one."""
    if parts(new) >= (1, 0, 0):
        text = UNSTABLE.sub("", text)

    def replace(found: re.Match[str]) -> str:
        kept = released and found[1].startswith("version_added")
        return found[0] if kept else f"{found[1]}{new}"

    return re.sub(WRITTEN + re.escape(old) + r"(?![\d])", replace, text)


def parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def texts() -> Iterator[Path]:
    """Yield the files that can name the version."""
    for name in tracked():
        if not name.startswith(KEPT) and name.endswith((".py", ".yml", ".md", ".rst", ".toml")) and ROOT / name != Path(__file__):
            yield ROOT / name
