# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement ends in: rows of our own, or a statement for fakesnow with what is noted once it went well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# Statement type ids that drivers look at.
SHOW = 0x4400
USE = 0x4300
DDL = 0x6000


@dataclass(frozen=True)
class Answer:
    """Rows of texts."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    type_id: int = DDL


@dataclass(frozen=True)
class Forward:
    """A statement for fakesnow; `after` runs when it succeeded."""

    sql: str
    after: Callable[[], None] = lambda: None


def status(text: str, type_id: int = DDL) -> Answer:
    """The answer of a statement that returns one line about itself."""
    return Answer(("status",), [(text,)], type_id)


def success() -> Answer:
    """The answer of a statement that has nothing to say."""
    return status("Statement executed successfully.")
