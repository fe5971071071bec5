# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second port: what tests do to the tenant, and see of it. Never part of what is simulated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .connections import Connections
from .faults import Faults
from .journal import Journal
from .settings import Settings
from .tenant import Tenant
from .warehouses import Warehouses


def control_app(
    tenant: Tenant,
    connections: Connections,
    access: Access,
    settings: Settings,
    faults: Faults,
    journal: Journal,
    warehouses: Warehouses,
) -> Starlette:
    """Every action is POST /_simulator/<name> with a JSON object of arguments, answering {result: ...}."""

    def reset() -> None:
        for part in (tenant, access, settings, warehouses):
            part.reset()
        connections.seed([])
        faults.clear()
        journal.clear()

    def change(**switches: Any) -> dict[str, Any]:
        settings.change(switches)
        return settings.as_dict()

    actions: dict[str, Callable[..., Any]] = {
        "ping": lambda: "pong",
        "reset": reset,
        "settings": change,
        "requests": journal.entries,
        "bodies": journal.bodies,
        "clear_log": journal.clear,
        "fault": faults.add,
        "faults": faults.pending,
        "clear_faults": faults.clear,
        "seed": tenant.registry.seed,
        "integrations": tenant.registry.stored,
        "force": tenant.force,
        "migrate": tenant.migrate,
        "revalidate": tenant.revalidate,
        "connections": connections.seed,
        "warehouses": warehouses.place,
    }

    async def act(request: Request) -> Response:
        action = actions.get(request.path_params["name"])
        if action is None:
            return JSONResponse({"error": f"there is no action {request.path_params['name']!r}"}, 404)
        arguments = await request.json() if await request.body() else {}
        try:
            return JSONResponse({"result": await run_in_threadpool(action, **arguments)})
        except (TypeError, ValueError, KeyError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return Starlette(routes=[Route("/_simulator/{name}", act, methods=["POST"])])
