# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Synapse Analytics: a TDS server in front of DuckDB, and a ledger of logins, users, schemas and permissions."""

from __future__ import annotations

from .client import SynapseEngine

__all__ = ["SynapseEngine"]
