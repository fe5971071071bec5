# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the Snowflake engine share."""

from __future__ import annotations

from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError


def in_double_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def refused(cursor: Any, sql: str) -> tuple[int, str, str]:
    """The number, SQLSTATE and text of the error that a statement ends in."""
    with pytest.raises(ProgrammingError) as error:
        cursor.execute(sql)
    assert error.value.sfqid
    return error.value.errno, error.value.sqlstate, str(error.value.raw_msg)
