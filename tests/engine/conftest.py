# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine of each kind for all tests here; a test uses names of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from engines import DatabricksEngine, RedshiftEngine, SnowflakeEngine, SynapseEngine

# Helpers assert, too; so that a failure shows the values.
pytest.register_assert_rewrite("engine")

# Everything that a template, a splitter, a driver or a shell could trip over.
NASTY = "a'b\"c;d$$e%s %(x)s {{ f }} g\\h\\'i`j -- k /* l é漢 \\n 5439"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def redshift() -> Iterator[RedshiftEngine]:
    with RedshiftEngine(host="127.0.0.2") as engine:
        yield engine


@pytest.fixture(scope="session")
def snowflake() -> Iterator[SnowflakeEngine]:
    with SnowflakeEngine(host="127.0.0.3") as engine:
        yield engine


@pytest.fixture(scope="session")
def databricks() -> Iterator[DatabricksEngine]:
    with DatabricksEngine(host="127.0.0.7") as engine:
        yield engine


@pytest.fixture(scope="session")
def synapse() -> Iterator[SynapseEngine]:
    with SynapseEngine(host="127.0.0.8") as engine:
        yield engine


@pytest.fixture
def cursor(snowflake: SnowflakeEngine) -> Iterator[Any]:
    """A cursor of Snowflake's administrator, in a session of its own."""
    with snowflake.connect() as connection:
        yield connection.cursor()


@pytest.fixture
def new() -> str:
    """A name that no other test has, good for every engine."""
    return f"t{next(_numbers)}_thing"


@pytest.fixture
def nasty() -> str:
    """A password that arrives as typed only if nobody on the way is careless."""
    return NASTY
