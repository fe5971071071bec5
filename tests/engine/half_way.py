# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script of three statements that breaks at the second, and is taken up there. `task` makes a task of immuta_sql_script for the platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.leaks import traces
from support.tasks import Record, play

Task = Callable[..., dict[str, Any]]
Login = Mapping[str, Any]


def _options(folder: Path) -> dict[str, str]:
    return {"path": str(folder / "create.sql"), "ledger": str(folder / "ledger")}


def broken(task: Task, script: str, login: Login, folder: Path, secrets: tuple[str, ...]) -> Record:
    """Run the script: what failed. Neither the run nor the ledger shows a secret, those of the login among them."""
    options = _options(folder)
    Path(options["path"]).write_text(script, encoding="utf-8")
    run = play([task("run", **options)], folder / "a", verbosity=4, extra={"login": login})
    assert run.rc == 2 and run["run"]["changed"] is True
    assert [each["status"] for each in run["run"]["statements"]] == ["ok", "failed", "pending"]
    ledger = Path(options["ledger"])
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert not any(word in ledger.read_text() for word in (*secrets, "CREATE"))
    assert not traces([*secrets, *(login[key] for key in ("password", "token") if key in login)], run.shown)
    return run["run"]


def taken_up(task: Task, repair: str, login: Login, folder: Path) -> None:
    """Run the script again, its cause repaired: the first statement does not run again, and nothing does a third time."""
    options = _options(folder)
    tasks = [
        task("repair", script=repair),
        {"check_mode": True, **task("check", **options)},
        task("run", **options),
        task("again", **options),
    ]
    run = play(tasks, folder / "b", extra={"login": login}).ok
    assert [each["status"] for each in run["check"]["statements"]] == ["skipped", "pending", "pending"]
    assert [each["status"] for each in run["run"]["statements"]] == ["skipped", "ok", "ok"]
    assert (run["run"]["executed"], run["run"]["statements_skipped"]) == (2, 1)
    assert (run["again"]["changed"], run["again"]["statements_skipped"]) == (False, 3)
