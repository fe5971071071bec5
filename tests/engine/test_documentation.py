# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every task of the documentation that runs a script, run on the engine of its platform."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.modules import run_module
from support.shown import COLLECTION, Block, fill, module_in, tasks_with

MODULE = "immuta_sql_script"
SHOWN = tasks_with(f"{COLLECTION}{MODULE}")
SCHEMAS = [f"immuta_{number}" for number in range(1, 15)]
#: by platform: the fixture of its engine, the script of an example by the name of its file, and what removes all that they create
PLATFORMS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "Snowflake": (
        "snowflake",
        {"create": "CREATE DATABASE IMMUTA", "cleanup": "DROP ROLE NOBODY; DROP DATABASE IMMUTA"},
        ["DROP DATABASE IMMUTA"],
    ),
    "Redshift": (
        "redshift",
        {"initial-create": "CREATE DATABASE immuta", "create": "; ".join(f"CREATE SCHEMA {name}" for name in SCHEMAS), "prepare": "CREATE TABLE ready (a int)"},
        ["DROP DATABASE immuta", "DROP TABLE ready", *(f"DROP SCHEMA {name}" for name in SCHEMAS)],
    ),
    "Databricks": ("databricks", {"create": "CREATE CATALOG immuta"}, ["DROP CATALOG immuta"]),
    "Azure Synapse Analytics": ("synapse", {"create": "CREATE SCHEMA immuta_system"}, ["DROP SCHEMA immuta_system"]),
}


@pytest.mark.parametrize(("block", "task"), SHOWN, ids=[f"{block}-{task['name']}" for block, task in SHOWN])
def test_a_task_that_runs_a_script(block: Block, task: Mapping[str, Any], request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The task with the engine's login changes nothing in check mode and runs what it says. With a guard or a ledger, a second run does nothing."""
    shown = task[module_in(task)]
    kind, scripts, removal = PLATFORMS[shown["type"]]
    engine = request.getfixturevalue(kind)
    own = {"type": shown["type"], "login": engine.login}
    files = {name: tmp_path / f"{name}.sql" for name in (*scripts, "removal")}
    for name, text in {**scripts, "removal": ";\n".join(removal)}.items():
        files[name].write_text(text, encoding="utf-8")
    script = tmp_path / Path(shown["path"]).name
    known = {"folder": tmp_path, "approved_sha256": hashlib.sha256(script.read_bytes()).hexdigest(), "snowflake_login": {}}
    options = {**fill(shown, known), "login": engine.login}
    is_cleanup = script.stem == "cleanup"
    empty = engine.catalog()
    try:
        if is_cleanup:
            run_module(MODULE, {**own, "path": str(files["create"])}, tmp_path)
        before = engine.catalog()
        checked, ran, again = (run_module(MODULE, options, tmp_path, check=check).result for check in (True, False, False))
        after = engine.catalog()
    finally:
        removed = run_module(MODULE, {**own, "purpose": "cleanup", "on_error": "continue", "path": str(files["removal"])}, tmp_path)
    total, skipped = len(scripts[script.stem].split(";")), options.get("start_at", 1) - 1
    assert (checked["changed"], checked["executed"], checked["total"]) == (True, 0, total), checked
    assert (ran["changed"], ran["executed"], ran["statements_skipped"], ran["statements_failed"]) == (True, total - skipped - is_cleanup, skipped, is_cleanup)
    assert {"unless", "ledger"}.isdisjoint(options) or (again["changed"], again["executed"]) == (False, 0)
    assert after != before and empty == engine.catalog(), removed.output
