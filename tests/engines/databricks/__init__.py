# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databricks: the SQL Statement Execution API of a workspace with Unity Catalog, in front of DuckDB and a ledger."""

from __future__ import annotations

from .client import DatabricksEngine

__all__ = ["DatabricksEngine"]
