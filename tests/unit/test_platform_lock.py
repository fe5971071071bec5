# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which runs the lock of a platform keeps apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.fleet_hosts import describe_other_runs, host_of, locked
from ansible_collections.community.immuta.plugins.module_utils._ansible.variables import Evaluation
from ansible_collections.community.immuta.plugins.module_utils._fleet.hosts import Host

ACCOUNT = {"authentication_type": "userPassword", "username": "u", "password": "s3cret"}
SNOWFLAKE = {"integration": {"type": "Snowflake", "auto_bootstrap": True, "config": {"host": "a.example", "database": "I", "warehouse": "W", **ACCOUNT}}}
TRINO = {"integration": {"type": "Trino"}}
GLUE = {"connection": {"connection_key": "glue", "connection": {"technology": "Glue"}}}
ELSEWHERE = {"host": "another", "run": "0123456789abcdef", "user": "olivia", "since": "2026-11-28T02:00:00Z"}


def host(home: Path, values: dict[str, Any], name: str = "one", tenant: str = "a", **more: Any) -> Host:
    made = host_of(name, Evaluation({**values, **more}, {"url": f"https://{tenant}.example"}), home=str(home), state=None)
    assert not made.problem
    return made


def files(*given: Any, **more: Any) -> tuple[Path, ...]:
    lock = host(*given, **more).lock
    assert lock
    return lock.files


def test_a_warehouse_has_one_lock_and_what_has_none_has_one_in_each_tenant(tmp_path: Path) -> None:
    assert files(tmp_path, SNOWFLAKE, "one", "a") == files(tmp_path, SNOWFLAKE, "two", "b")
    for values in (TRINO, GLUE):
        assert files(tmp_path, values, "one", "a") == files(tmp_path, values, "two", "a") != files(tmp_path, values, "one", "b")


def test_runs_that_share_the_artifacts_share_a_lock(tmp_path: Path) -> None:
    ours, theirs = (files(tmp_path / home, SNOWFLAKE, artifacts=str(tmp_path / "artifacts")) for home in ("ours", "theirs"))
    assert ours[0] != theirs[0] and ours[1:] == theirs[1:] == (tmp_path / "artifacts" / ours[0].name,)


def test_a_task_holds_the_locks_of_what_it_applies(tmp_path: Path) -> None:
    """Two tenants share a warehouse, and the lock. The role takes the lock of what it handles, and what is wrong needs none."""
    shared = [host(tmp_path, SNOWFLAKE, "one", "a"), host(tmp_path, SNOWFLAKE, "two", "b")]
    others = [host(tmp_path, TRINO, "audited", audit_log="/srv/audit"), Host("wrong", problem="It is wrong.")]
    with locked([*shared, *others]) as hosts:
        assert hosts == [*shared, *others]
        (held,) = tmp_path.rglob("*.lock")
        assert json.loads(held.read_text(encoding="utf-8"))["platform"] == "Snowflake a.example"
    assert not [*tmp_path.rglob("*.lock")]


def test_one_id_breaks_what_a_killed_task_left(tmp_path: Path) -> None:
    with locked([host(tmp_path, SNOWFLAKE), host(tmp_path, TRINO, "two")]):
        assert len({json.loads(file.read_text(encoding="utf-8"))["run"] for file in tmp_path.rglob("*.lock")}) == 1 < len([*tmp_path.rglob("*.lock")])


def test_what_another_run_holds_is_left_to_it(tmp_path: Path) -> None:
    busy, free = host(tmp_path, SNOWFLAKE), host(tmp_path, TRINO, "two")
    (held,) = files(tmp_path, SNOWFLAKE)
    held.parent.mkdir()
    held.write_text(json.dumps(ELSEWHERE), encoding="utf-8")
    assert describe_other_runs([free, busy]) == "Another run is at work on one. This report may be out of date."
    with locked([busy, free]) as hosts:
        assert hosts[0].problem.startswith(
            "Another run is at work on Snowflake a.example: olivia on another, since 2026-11-28T02:00:00Z. Nothing has been done."
        )
        assert hosts[1] == free
    assert [*tmp_path.rglob("*.lock")] == [held]
    assert describe_other_runs([free]) == ""


def test_locks_go_when_the_task_breaks(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked([host(tmp_path, TRINO)]):
        assert [*tmp_path.rglob("*.lock")]
        raise KeyError
    assert not [*tmp_path.rglob("*.lock")]


def test_a_home_that_cannot_be_written_is_the_problem_of_its_hosts(tmp_path: Path) -> None:
    (tmp_path / "immuta_platform").write_text("a file")
    with locked([host(tmp_path, TRINO)]) as (found,):
        assert found.problem == f"The directory {tmp_path / 'immuta_platform'} cannot be created: File exists."
