# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's tenant between validation and change: what two requests at once may do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from simulator.problems import Problem
from simulator.settings import Settings
from simulator.tenant import Tenant
from simulator.validation import NO_RESULT
from simulator.warehouses import Warehouses

DATABRICKS = {
    "type": "Databricks",
    "autoBootstrap": True,
    "config": {"workspaceUrl": "w", "httpPath": "h", "authenticationType": "token", "token": "t"},
}


class Meeting:
    """An inspector whose first check waits until both requests are validating."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier = barrier

    def check(self, name: str) -> Any:
        if name == "metastore":
            self._barrier.wait(timeout=10)
        return NO_RESULT

    def close(self) -> None:
        pass


class MeetingPlace(Warehouses):
    barrier = threading.Barrier(1)

    def inspector(self, *args: Any) -> Meeting:
        return Meeting(self.barrier)


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(Settings(transitions="polls:9"), MeetingPlace())


def both(tenant: Tenant, request: Callable[[], Any]) -> list[int]:
    """The statuses of the same request twice, where both are through the first checks before either changes anything."""

    def status(_unused: int) -> int:
        try:
            request()
        except Problem as problem:
            return problem.status
        return 200

    MeetingPlace.barrier = threading.Barrier(2)
    try:
        with ThreadPoolExecutor(2) as pool:
            return sorted(pool.map(status, range(2)))
    finally:
        MeetingPlace.barrier = threading.Barrier(1)


def test_of_two_creations_one_is_a_conflict(tenant: Tenant) -> None:
    assert both(tenant, lambda: tenant.create(DATABRICKS, dry_run=False)) == [200, 409]
    assert len(tenant.registry.stored()) == 1


def test_of_two_edits_one_is_a_conflict(tenant: Tenant) -> None:
    id_ = tenant.registry.seed(DATABRICKS)
    assert both(tenant, lambda: tenant.update(id_, DATABRICKS, dry_run=False)) == [200, 409]


def test_of_two_deletions_one_is_a_conflict(tenant: Tenant) -> None:
    id_ = tenant.registry.seed(DATABRICKS)
    assert both(tenant, lambda: tenant.delete(id_, None, dry_run=False, force=False)) == [200, 409]
