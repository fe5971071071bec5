# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of a workspace and what becomes of them: PENDING, RUNNING, then one of the states in which they stay."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..duck import Result
from .errors import SqlFailed, no_statement
from .faults import Fault

OVER = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "CLOSED"})
# DuckDB's types by the API's names for them.
TYPES = {"BIGINT": "LONG", "INTEGER": "INT", "HUGEINT": "DECIMAL", "BOOLEAN": "BOOLEAN", "DOUBLE": "DOUBLE", "DATE": "DATE", "TIMESTAMP": "TIMESTAMP"}


@dataclass(eq=False)
class Run:
    """One statement on its way."""

    user: str
    work: Callable[[], Result]
    fault: Fault
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "PENDING"
    result: Result | None = None
    failure: SqlFailed | None = None

    def answer(self) -> dict[str, Any]:
        """What the API says of it."""
        status: dict[str, Any] = {"state": self.state}
        if self.failure:
            status |= {"error": {"error_code": self.failure.code, "message": self.failure.message}, "sql_state": self.failure.sqlstate}
        found: dict[str, Any] = {"statement_id": self.id, "status": {key: value for key, value in status.items() if value is not None}}
        if self.state == "SUCCEEDED" and self.result is not None:
            found |= _shown(self.result)
        return found

    async def go(self) -> None:
        """From PENDING to where it stays."""
        await asyncio.sleep(self.fault.pending)
        self.state = "RUNNING"
        await asyncio.sleep(self.fault.running)
        if not self.fault.state or self.fault.acts:
            self._act()
        if self.fault.state:
            self._end_as_told()

    def _act(self) -> None:
        try:
            self.result = self.work()
            self.state = "SUCCEEDED"
        except SqlFailed as failure:
            self.failure, self.state = failure, "FAILED"

    def _end_as_told(self) -> None:
        self.state, self.failure = self.fault.state, None
        if self.state == "FAILED":
            self.failure = SqlFailed("", "", "", code=self.fault.error_code)
            self.failure.message, self.failure.sqlstate = self.fault.message, self.fault.sql_state  # type: ignore[assignment]  # a fault may lack them


class Runs:
    """All of them."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[Run, asyncio.Task[None]]] = {}

    def start(self, run: Run) -> None:
        self._runs[run.id] = (run, asyncio.ensure_future(run.go()))

    async def wait(self, run: Run, seconds: float) -> None:
        """Until it is over, but no longer than so many seconds."""
        await asyncio.wait({self._runs[run.id][1]}, timeout=seconds)

    def cancel(self, run: Run) -> None:
        """End it, if it has not been carried out."""
        if run.state not in OVER:
            self._runs[run.id][1].cancel()
            run.state = "CANCELED"

    def find(self, run_id: str, user: str) -> Run:
        """Refused for one that is not there, or somebody else's."""
        found = self._runs.get(run_id)
        if found is None or found[0].user != user:
            raise no_statement(run_id)
        return found[0]


def _shown(result: Result) -> Mapping[str, Any]:
    """A result as JSON_ARRAY, inline: every value a string. A change gives one row, with the number of rows that it changed."""
    columns, rows = result.columns, result.rows
    if not columns and result.count is not None:
        columns, rows = (("num_affected_rows", "BIGINT"),), ((result.count,),)
    data = [[_value(value) for value in row] for row in rows]
    described = [
        {"name": name, "type_text": _type(kind) if _type(kind) != "LONG" else "BIGINT", "type_name": _type(kind), "position": position}
        for position, (name, kind) in enumerate(columns)
    ]
    chunk = {"chunk_index": 0, "row_offset": 0, "row_count": len(data)}
    manifest = {
        "format": "JSON_ARRAY",
        "schema": {"column_count": len(columns), "columns": described},
        "total_chunk_count": int(bool(data)),
        "chunks": [chunk] if data else [],
        "total_row_count": len(data),
        "truncated": False,
    }
    return {"manifest": manifest, "result": {**chunk, "data_array": data} if data else {}}


def _type(kind: str) -> str:
    return TYPES.get(kind, "STRING")


def _value(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
