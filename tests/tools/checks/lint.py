# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that run nothing of the collection."""

from __future__ import annotations

import sys

from .commands import ROOT, run


def ruff() -> None:
    """Python style and likely bugs."""
    run("ruff", "check", ".")


def types() -> None:
    """Strict types of module_utils, of the simulator, and of the tools."""
    run("mypy", "-p", "ansible_collections.community.immuta.plugins.module_utils")
    run("mypy", "-p", "immuta_simulator", "--python-version", "3.10")
    run("mypy", "--follow-imports=silent", "tests/tools", "tests/demo")


def yaml_files() -> None:
    """YAML style."""
    run("yamllint", "--strict", ".")


def shell_files() -> None:
    """The shell scripts."""
    run("shellcheck", "tests/run", "tests/tools/bootstrap", "tests/awx/container", "extensions/simulator/examples/ci.sh", ".ci/run")


def ansible_lint() -> None:
    """The roles and playbooks."""
    run("ansible-lint", "--offline", "--strict")


def documentation() -> None:
    """The module documentation and its references."""
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "--disallow-unknown-collection-refs", ".")


def changelog() -> None:
    """The changelog fragments."""
    run("antsibull-changelog", "lint")


def workflows() -> None:
    """The workflows and templates of GitHub, against their schemas."""
    for schema, pattern in {"github-workflows": "workflows/*.yml", "github-issue-forms": "ISSUE_TEMPLATE/*_*.yml", "dependabot": "dependabot.yml"}.items():
        run("check-jsonschema", "--quiet", "--builtin-schema", f"vendor.{schema}", *sorted((ROOT / ".github").glob(pattern)))


def prose() -> None:
    """The English of the documentation, docstrings and comments."""
    run(sys.executable, ROOT / "tests" / "tools" / "prose.py")
