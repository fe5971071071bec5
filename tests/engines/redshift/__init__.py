# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redshift: PostgreSQL behind a start-up proxy."""

from __future__ import annotations

from .client import RedshiftEngine

__all__ = ["RedshiftEngine"]
