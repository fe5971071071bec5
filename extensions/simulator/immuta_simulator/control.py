# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second port: what tests do to the tenant, and see of it. Never part of what is simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .connections import Connections
from .tenant import Tenant
from .warehouses import Warehouses
from .wire import Wire


class Control:
    """Every action is POST /_simulator/<name> with a JSON object of arguments, answering {result: ...}."""

    def __init__(self, wire: Wire, tenant: Tenant, connections: Connections, warehouses: Warehouses, facts: Mapping[str, Any]) -> None:
        #: end the process; whoever serves this knows how
        self.stop: Callable[[], None] = _nothing
        self._wire = wire
        self._tenant = tenant
        self._connections = connections
        self._warehouses = warehouses
        self._actions: dict[str, Callable[..., Any]] = {
            "facts": lambda: facts,
            "stop": self._stop,
            "reset": self._reset,
            "settings": self._settings,
            "requests": wire.journal.entries,
            "bodies": wire.journal.bodies,
            "clear_log": wire.journal.clear,
            "fault": wire.faults.add,
            "faults": wire.faults.pending,
            "clear_faults": wire.faults.clear,
            "held": wire.held,
            "release": lambda: None,
            "seed": tenant.registry.seed,
            "integrations": tenant.registry.stored,
            "force": tenant.force,
            "migrate": tenant.migrate,
            "revalidate": tenant.revalidate,
            "connections": connections.seed,
            "contents": connections.place,
            "stored_connections": connections.stored,
            "keys": wire.access.keys,
            "warehouses": warehouses.place,
        }

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/_simulator/{name}", self._act, methods=["POST"])])

    async def _act(self, request: Request) -> Response:
        action = self._actions.get(request.path_params["name"])
        if action is None:
            return JSONResponse({"error": f"there is no action {request.path_params['name']!r}"}, 404)
        arguments = await request.json() if await request.body() else {}
        if request.path_params["name"] in ("reset", "release"):
            await self._wire.settle()  # nothing of before happens after it
        try:
            return JSONResponse({"result": await run_in_threadpool(action, **arguments)})
        except (TypeError, ValueError, KeyError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    def _reset(self) -> None:
        for part in (self._tenant, self._connections, self._wire.access, self._wire.settings, self._warehouses):
            part.reset()
        self._wire.faults.clear()
        self._wire.journal.clear()

    def _stop(self) -> None:
        self.stop()

    def _settings(self, **switches: Any) -> dict[str, Any]:
        self._wire.settings.change(switches)
        return self._wire.settings.as_dict()


def _nothing() -> None:
    pass
