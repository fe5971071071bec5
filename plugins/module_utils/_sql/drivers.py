# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table DRIVERS: the driver class of each data platform. The runner and the documentation of the modules use it.

A driver sends one statement at a time, unchanged and in autocommit, and returns the result. The errors that it raises are safe
to show: they contain no statement, no literal and no secret of the login. A driver imports its library when it connects.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from .driver_base import BaseDriver
from .driver_databricks import DatabricksDriver
from .driver_redshift import RedshiftDriver
from .driver_snowflake import SnowflakeDriver
from .driver_synapse import SynapseDriver

# To add a warehouse, add its class here, its options to LOGIN_SPEC in `driver_base`, and its rules to `gate_rules`.
DRIVERS: dict[str, type[BaseDriver]] = {driver.platform: driver for driver in (SnowflakeDriver, RedshiftDriver, DatabricksDriver, SynapseDriver)}
