# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(python -m faults [NAME ...]): the whole table, or the rows whose operation holds one of the names."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time

from .cells import Cell, lane
from .operations import OPERATIONS, Operation
from .table import EXCEPTIONS, FAULTS

LEGEND = {
    ".": "went well",
    "r": "went well after it was sent again",
    "f": "was not sent again, but looked for and found",
    "x": "failed, with the tenant as the message says",
    "*": "behind one of these: an exception to the rules, see below",
    "!": "not as it should be",
    " ": "cannot be",
}
LANES = 4 * (os.cpu_count() or 1)  # they wait most of the time


def fill(operations: list[Operation]) -> list[Cell]:
    """All cells of these rows."""
    waiting: queue.SimpleQueue[Operation] = queue.SimpleQueue()
    for each in operations:
        waiting.put(each)
    cells: list[Cell] = []

    def work() -> None:
        with lane() as free:
            while True:
                try:
                    operation = waiting.get_nowait()
                except queue.Empty:
                    return
                cells.extend(free.row(operation, FAULTS))

    threads = [threading.Thread(target=work) for _unused in range(min(LANES, len(operations)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return cells


def table(operations: list[Operation], cells: list[Cell]) -> str:
    signs = {(cell.operation, cell.fault): cell.sign for cell in cells}
    width = max(len(each.name) for each in operations)
    lines = [f"{number:>2}  {fault.name}: {fault.cls.value}" for number, fault in enumerate(FAULTS, 1)]
    lines += ["", " " * width + "".join(f"{number:>3}" for number in range(1, len(FAULTS) + 1))]
    for each in operations:
        lines.append(f"{each.name:<{width}}" + "".join(f"  {signs.get((each.name, fault.name), ' '):<1}".ljust(3)[:4] for fault in FAULTS))
    lines += ["", *(f"{sign}  {what}" for sign, what in LEGEND.items()), ""]
    lines += [f"*  {', '.join(row.operations)} x {', '.join(row.faults)}: {row.why}" for row in EXCEPTIONS]
    return "\n".join(lines)


def main(names: list[str]) -> int:
    started = time.monotonic()
    operations = [each for each in OPERATIONS if not names or any(name in each.name for name in names)]
    cells = fill(operations)
    print(table(operations, cells))
    bad = [cell for cell in cells if cell.problems]
    for cell in bad:
        print(f"\n{cell.operation} x {cell.fault}", *cell.problems, sep="\n    ")
    left_out = sum(len(row.operations) * len(row.faults) for row in EXCEPTIONS if row.expected is None)
    missing = 0 if names else len(operations) * len(FAULTS) - left_out - len(cells)
    print(f"\n{len(cells)} cells, {len(bad)} not as they should be, {missing} missing, in {time.monotonic() - started:.0f} s")
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
