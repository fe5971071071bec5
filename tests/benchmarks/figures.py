# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures that the collection is held to, each measured beside what it is compared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from .measure import Bench, table
from .ways import DRIFTED, EMPTY, LOOP, RAW, REGISTERED, TENANT, URI, empty_task, get, module_loop, redshift, tenant_task, tenant_variables

Benches = Callable[[int, int], AbstractContextManager[Bench]]
Row = tuple[str, str, str]
LATENCY = 50
AT_ONCE = 10


def figures(bench_of: Benches, repeats: int) -> None:
    """Print every figure with its goal."""
    found: list[Row] = []
    for measure in (by_host, against_uri, against_the_floor, connections, creates, single_module, memory):
        found += measure(bench_of, repeats)
    table("figure", ("measured", "goal"), found)


def by_host(bench_of: Benches, repeats: int, count: int = 20) -> Iterator[Row]:
    """The playbooks over hosts that are as they should be, against one looped task."""
    with bench_of(count, 0) as bench:
        platforms = [redshift(number) for number in range(count)]
        looped = LOOP.run(bench, platforms, repeats).seconds
        for way in (REGISTERED, DRIFTED):
            yield f"{way.title} over {count} hosts, to one looped task", f"{way.run(bench, platforms, repeats).seconds / looped:.2f}", "<= 0.25"


def against_uri(bench_of: Benches, repeats: int, count: int = 200) -> Iterator[Row]:
    """Beyond the cost of an empty task, as every run of ansible-playbook has that."""
    with bench_of(count, 0) as bench:
        platforms = [redshift(number) for number in range(count)]
        empty, today, here = (way.run(bench, platforms, 1 if way is URI else repeats).seconds for way in (EMPTY, URI, TENANT))
    yield f"a uri loop over {count}, to immuta_tenant", f"{today / here:.1f}", ">= 60"
    yield "the same, beyond one empty task", f"{(today - empty) / (here - empty):.1f}", ""


def against_the_floor(bench_of: Benches, repeats: int, count: int = 1000) -> Iterator[Row]:
    with bench_of(count, 0) as bench:
        platforms = [redshift(number) for number in range(count)]
        empty, raw, here = (way.run(bench, platforms, repeats) for way in (EMPTY, RAW, TENANT))
    goal = 2 * raw.seconds + 0.0012 * count
    yield f"immuta_tenant over {count}, seconds beyond one empty task", f"{here.seconds - empty.seconds:.2f}", f"<= {goal:.2f}"
    yield f"requests for {count} integrations", str(here.requests), "1"


def connections(bench_of: Benches, repeats: int, count: int = 50) -> Iterator[Row]:
    """A list of connections that are as they should be."""
    with bench_of(0, 0) as bench:
        bench.tenant.settings(data_api="on")
        bench.tenant.connections([_connection(number, bench.tenant.seed(_behind(number))) for number in range(count)])
        wanted = [{"connection_key": f"c{number}", "connection": {"technology": "Snowflake", "warehouse": "WH"}} for number in range(count)]
        playbook = bench.play({"community.immuta.immuta_tenant": {"connections": "{{ wanted }}"}}, {"wanted": wanted})
        cost = bench.ansible(playbook, bench.localhost(), repeats=repeats)
    yield f"requests for {count} connections", str(cost.requests), f"<= {count + 1}"


def creates(bench_of: Benches, repeats: int, count: int = 200) -> Iterator[Row]:
    """Every integration is new. The limit is what the requests alone take, so the span of the requests is held against it."""
    for title, options, requests in (("", {"server_validation": False}, 1), (" with dry runs", {}, 2)):
        with bench_of(0, LATENCY) as bench:
            variables = {**tenant_variables(bench), "platforms": [redshift(number) for number in range(count)]}
            empty = EMPTY.run(bench, [], repeats).seconds
            cost = bench.ansible(bench.play(tenant_task(concurrency=AT_ONCE, **options), variables), bench.localhost(), repeats=1, expect_changed=1)
            begun = [entry["time"] for entry in bench.tenant.requests() if entry["method"] == "POST"]
        limit = count * requests * LATENCY / 1000 / AT_ONCE
        yield f"{count} creates{title} at {LATENCY} ms, to the limit", f"{(max(begun) - min(begun) + LATENCY / 1000) / limit:.2f}", "<= 1.3"
        yield "the same, the whole run beyond one empty task", f"{(cost.seconds - empty) / limit:.2f}", ""


def single_module(bench_of: Benches, repeats: int) -> Iterator[Row]:
    with bench_of(1, 0) as bench:
        variables = {**tenant_variables(bench), "platforms": [redshift(0)]}
        # Alternating, so that a slow minute of the machine counts for both
        ours, theirs = [], []
        for _unused in range(max(5, repeats)):
            ours.append(bench.ansible(bench.play(module_loop(), variables), bench.localhost(), repeats=1).seconds)
            theirs.append(bench.ansible(bench.play({**get("/integrations"), "loop": [1]}, variables), bench.localhost(), repeats=1).seconds)
    yield "one immuta_integration task, to one uri GET", f"{min(ours) / min(theirs):.2f}", "<= 1.1"


def memory(bench_of: Benches, repeats: int, count: int = 1000) -> Iterator[Row]:
    """Of the module's process alone. The data: what the tenant answers, and what the task says."""
    with bench_of(count, 0) as bench:
        platforms = [redshift(number) for number in range(count)]
        empty = bench.module_megabytes(empty_task())
        here = bench.module_megabytes(tenant_task(), {"platforms": platforms})
        data = (len(json.dumps(bench.tenant.integrations())) + len(json.dumps(platforms))) / 2**20
    yield f"MiB of immuta_tenant at {count} (an empty module: {empty:.1f}, the data: {data:.1f})", f"{here:.1f}", f"<= {1.5 * empty + data:.1f}"


def _behind(number: int) -> dict[str, Any]:
    """The integration that a connection manages."""
    config = {"host": f"c{number}.snowflakecomputing.com", "warehouse": "WH", "database": "IMMUTA"}
    return {"type": "Snowflake", "autoBootstrap": False, "config": config, "status": "enabled"}


def _connection(number: int, native: str) -> dict[str, Any]:
    link = {"technology": "Snowflake", "hostname": f"c{number}.snowflakecomputing.com", "port": 443, "warehouse": "WH", "role": "IMMUTA"}
    return {"connectionKey": f"c{number}", "nativeIntegrationId": native, "connection": link}
