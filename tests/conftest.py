# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated tenant for all tests; a module that needs another makes its own C(simulator)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from immuta_simulator import Simulator

# How long an example takes depends on what else the machine does.
settings.register_profile("here", deadline=None)
settings.load_profile("here")


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def tenant(simulator: Simulator) -> Simulator:
    """A tenant as freshly installed. Nobody has told it where warehouses are, so it trusts them all."""
    simulator.reset()
    return simulator
