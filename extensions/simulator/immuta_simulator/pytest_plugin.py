# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated tenant for tests in pytest. Once the package is installed, pytest finds these fixtures itself.

To change how the tenant behaves or where the warehouses are, define immuta_switches or immuta_warehouses in a conftest.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .client import Simulator


@pytest.fixture(scope="session")
def immuta_switches() -> dict[str, Any]:
    """The switches that every test begins with."""
    return {}


@pytest.fixture(scope="session")
def immuta_warehouses() -> list[dict[str, Any]]:
    """Where the warehouses are, as in the file for --warehouses."""
    return []


@pytest.fixture(scope="session")
def immuta_simulator(immuta_switches: dict[str, Any], immuta_warehouses: list[dict[str, Any]]) -> Iterator[Simulator]:
    """One running simulator for the whole session."""
    with Simulator(warehouses=immuta_warehouses, **immuta_switches) as running:
        yield running


@pytest.fixture
def immuta_tenant(immuta_simulator: Simulator) -> Simulator:
    """A tenant without integrations, connections, faults and log."""
    immuta_simulator.reset()
    return immuta_simulator
