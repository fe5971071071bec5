# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that talk to the tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support import tasks as of_tasks
from support.pages import endpoints
from support.tasks import Play, play

TASKS = Sequence[Mapping[str, Any]]


@pytest.fixture(autouse=True)
def what_the_documentation_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that the table of endpoints names has to send what it is named for."""
    id = request.node.nodeid
    named = [endpoint for endpoint in endpoints() if {id, id.split("[")[0]} & set(endpoint.tests)]
    tenant: Simulator | None = request.getfixturevalue("tenant") if named else None
    yield
    requests = tenant.requests() if tenant else []
    assert not [endpoint.name for endpoint in named if not any(map(endpoint.is_met_by, requests))]


def named(tenant: Simulator, environment: Mapping[str, str] | None) -> dict[str, str]:
    """The environment, which alone names the tenant."""
    return {"IMMUTA_URL": tenant.url, "IMMUTA_API_KEY": tenant.api_key, **(environment or {})}


@pytest.fixture
def run(tenant: Simulator, tmp_path: Path) -> Callable[..., Play]:
    """Run tasks against the tenant by ansible-playbook."""

    def call(tasks: TASKS | str, *, environment: Mapping[str, str] | None = None, **how: Any) -> Play:
        return play(tasks, tmp_path / "play", environment=named(tenant, environment), **how)

    return call


@pytest.fixture
def direct(tenant: Simulator, tmp_path: Path) -> Callable[..., Play]:
    """Run the modules of tasks against the tenant, without a playbook."""

    def call(tasks: TASKS, *, environment: Mapping[str, str] | None = None, **how: Any) -> Play:
        return of_tasks.direct(tasks, tmp_path, environment=named(tenant, environment), **how)

    return call
