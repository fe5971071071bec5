# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection and the simulator both say about the seven types: written twice, from the same pages, and equal."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.fields import Field
from ansible_collections.community.immuta.plugins.module_utils._model.platforms import PLATFORMS as OURS
from immuta_simulator.documents import MISSING, value_at
from immuta_simulator.integrations import STATUSES
from immuta_simulator.platforms import PLATFORMS as THEIRS

SIMULATOR = Path(__file__).resolve().parents[2] / "extensions" / "simulator"
TYPES = sorted(THEIRS)


def leaves(fields: Sequence[Field], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """The fields without fields of their own, by API path; * stands for the elements of a list."""
    for field in fields:
        path = prefix + field.key
        if field.fields:
            yield from leaves(field.fields, f"{path}.*." if field.type == "list" else f"{path}.")
        else:
            yield path, field


def test_types_are_the_same() -> None:
    assert sorted(OURS) == TYPES


@pytest.mark.parametrize("type_", TYPES)
def test_key_is_the_same(type_: str) -> None:
    ours = OURS[type_]
    assert (ours.option(ours.identity).key if ours.identity else None) == THEIRS[type_].key


@pytest.mark.parametrize("type_", TYPES)
def test_fixed_attributes_are_the_same(type_: str) -> None:
    assert {path for path, field in leaves(OURS[type_].fields) if field.immutable} == set(THEIRS[type_].immutable)


@pytest.mark.parametrize("type_", TYPES)
def test_secrets_are_the_same(type_: str) -> None:
    ours = {path for path, field in leaves(OURS[type_].fields) if field.secret}
    assert ours == set(THEIRS[type_].all_secrets) - {"username"}  # shown redacted, but no secret


@pytest.mark.parametrize("type_", TYPES)
def test_collection_asks_for_nothing_that_the_tenant_does_not(type_: str) -> None:
    theirs = THEIRS[type_]
    always = {field.key for field in OURS[type_].fields if field.required and not field.branch}
    assert always <= set(theirs.required)
    methods = OURS[type_].option("authentication_type").key if theirs.required_by_auth else None
    for method, paths in theirs.required_by_auth.items() if methods else ():
        needed = {field.key for field in OURS[type_].fields if field.required and method in field.branch}
        assert needed <= {path.split(".")[0] for path in paths}, method


@pytest.mark.parametrize("type_", TYPES)
def test_defaults_agree(type_: str) -> None:
    ours = {path: field.default for path, field in leaves(OURS[type_].fields) if field.default is not None}
    theirs = {path: value_at(THEIRS[type_].defaults, path) for path in ours}
    for path, default in ours.items():
        expected = THEIRS[type_].impersonation_role if path == "impersonation.role" else theirs[path]
        assert expected in (default, MISSING), path
    shown = {path for path, default in THEIRS[type_].defaults.items() if not isinstance(default, dict)} - {"catalog"}
    assert shown <= set(ours)


@pytest.mark.parametrize("type_", TYPES)
def test_scripts_are_the_same(type_: str) -> None:
    assert set(OURS[type_].scripts) == set(THEIRS[type_].scripts)


@pytest.mark.parametrize("type_", TYPES)
def test_bootstrap_and_delete_body_are_the_same(type_: str) -> None:
    ours, theirs = OURS[type_], THEIRS[type_]
    assert (True in ours.auto_bootstrap) == theirs.automatic
    assert bool(ours.delete_credentials) == theirs.delete_credentials


def test_statuses_are_the_documented_ones() -> None:
    documented = "creating createError editing editError deleting deleteError deleted disabled enabled migrating migrateError recurringValidationError"
    assert set(documented.split()) == STATUSES


def test_simulator_imports_nothing_of_the_collection() -> None:
    for path in SIMULATOR.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if "ansible" in name or "plugins" in name], path
