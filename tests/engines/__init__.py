# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real database engines for tests and the demo, from PyPI packages alone.

`RedshiftEngine` is PostgreSQL behind a start-up proxy that makes it acceptable to `redshift_connector`;
`SnowflakeEngine` is fakesnow (DuckDB) behind a layer that keeps users, roles, grants and passwords; `DatabricksEngine`
is the SQL Statement Execution API, and `SynapseEngine` a TDS server, each in front of SQLite and a simple catalogue.
Each is a context manager with processes of its own on a loopback address; leaving it, or the end of the process that
entered it, ends them and removes their files.

    with RedshiftEngine() as redshift, SnowflakeEngine(host="127.0.0.2") as snowflake:
        redshift.login, snowflake.catalog()
"""

from __future__ import annotations

from .databricks import DatabricksEngine
from .engine import Engine, EngineError
from .redshift import RedshiftEngine
from .snowflake import SnowflakeEngine
from .synapse import SynapseEngine

ENGINES: dict[str, type[Engine]] = {"databricks": DatabricksEngine, "redshift": RedshiftEngine, "snowflake": SnowflakeEngine, "synapse": SynapseEngine}

__all__ = ["ENGINES", "DatabricksEngine", "Engine", "EngineError", "RedshiftEngine", "SnowflakeEngine", "SynapseEngine"]
