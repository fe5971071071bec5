# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text as a string of SQL, as each platform reads it."""

from __future__ import annotations


def snowflake(text: str) -> str:
    """A backslash escapes; a quote is written twice."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def redshift(text: str) -> str:
    """As on Snowflake: a backslash escapes in plain strings, too."""
    return snowflake(text)


def databricks(text: str) -> str:
    """A backslash escapes, also a quote."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def synapse(text: str) -> str:
    """Nothing but a quote escapes, and only itself."""
    return "N'" + text.replace("'", "''") + "'"
