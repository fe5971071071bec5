# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet costs here, against what it costs with what users have today, in one run on one machine.

    tests/run benchmarks                                     # all of it, with the plot in .build
    PYTHONPATH=tests:extensions/simulator .venv/bin/python -m benchmarks --help   # how to leave something out

Seconds are those of whole ansible-playbook runs. They are a property of the machine and not of the code, so nothing is asserted:
the ratios count. Other work on the machine makes them noisy.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from immuta_simulator import Simulator

from .figures import figures
from .measure import Bench, Cost, table
from .side_by_side import side_by_side
from .ways import EMPTY, TENANT, WAYS, Way, redshift

COUNTS, LATENCIES = (1, 10, 100, 1000), (0, 50)
#: a way whose cost grows by a process a platform runs for so many, and the rest is projected unless --whole asks for all of it
PROJECTED_FROM = 20
Measured = dict[tuple[Way, int, int], Cost]


@contextmanager
def bench_of(count: int, latency: int) -> Iterator[Bench]:
    """A tenant with so many integrations that are as they should be. latency: milliseconds before each answer."""
    with Simulator(transitions="immediate") as tenant, tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            tenant.seed({**redshift(number), "status": "enabled"})
        if latency:
            tenant.fault(times=10**9, delay=latency / 1000)
        yield Bench(tenant, Path(folder))


def nothing_to_do(counts: Sequence[int], latencies: Sequence[int], repeats: int, *, whole: bool) -> Measured:
    """Every way at every size and latency, printed as it is measured."""
    measured: Measured = {}
    for latency in latencies:
        for count in counts:
            with bench_of(count, latency) as bench:
                platforms = [redshift(number) for number in range(count)]
                costs = {way: _measured(way, bench, platforms, repeats, whole=whole) for way in WAYS}
            measured |= {(way, count, latency): cost for way, (cost, _projected) in costs.items()}
            _print(costs, f"{count} platforms with nothing to do, {latency} ms")
    return measured


def _measured(way: Way, bench: Bench, platforms: Sequence[dict[str, object]], repeats: int, *, whole: bool) -> tuple[Cost, bool]:
    """The cost of a way, and whether it is projected from a smaller number."""
    count = len(platforms)
    if not way.per_platform or whole or count <= PROJECTED_FROM:
        return way.run(bench, platforms, repeats), False
    one, part = (way.run(bench, platforms[:size], repeats) for size in (1, PROJECTED_FROM))
    seconds = one.seconds + (part.seconds - one.seconds) / (PROJECTED_FROM - 1) * (count - 1)
    return Cost(seconds, part.requests * count // PROJECTED_FROM, part.megabytes), True


def _print(costs: dict[Way, tuple[Cost, bool]], title: str) -> None:
    tenant = costs[TENANT][0].seconds
    rows = [
        (
            f"{way.title}{' (projected)' if projected else ''}",
            f"{cost.seconds:.2f}",
            f"{cost.seconds - costs[EMPTY][0].seconds:.2f}",
            str(cost.requests),
            f"{cost.megabytes:.0f}",
            f"{cost.seconds / tenant:.2f}",
        )
        for way, (cost, projected) in costs.items()
    ]
    table(title, ("seconds", "beyond empty", "requests", "peak MiB", "ratio"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--counts", type=int, nargs="*", default=COUNTS, metavar="N", help="numbers of platforms")
    parser.add_argument("--latencies", type=int, nargs="*", default=LATENCIES, metavar="MS", help="milliseconds that the tenant takes for an answer")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="runs of each, of which the median counts")
    parser.add_argument("--whole", action="store_true", help="project nothing: takes hours at 1,000 platforms")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="draw PATH.svg and PATH.png")
    parser.add_argument("--parts", nargs="*", default=("sizes", "figures", "scripts"), choices=("sizes", "figures", "scripts"), help="what to measure")
    given = parser.parse_args()
    if "sizes" in given.parts:
        measured = nothing_to_do(given.counts, given.latencies, given.repeats, whole=given.whole)
        if given.plot:
            from .plot import draw

            draw({(way.title, count, latency): cost.seconds for (way, count, latency), cost in measured.items() if way is not EMPTY}, given.plot)
    if "figures" in given.parts:
        figures(bench_of, given.repeats)
    if "scripts" in given.parts:
        with tempfile.TemporaryDirectory() as folder:
            side_by_side(Path(folder))


if __name__ == "__main__":
    main()
