# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of API keys ("Manage API Keys")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .connections import Connections
from .data_routes import refuse_if_switched
from .settings import Settings


class KeyRoutes:
    """document: how a request's body is read."""

    def __init__(self, access: Access, connections: Connections, settings: Settings, document: Callable[[Request], Any]) -> None:
        self.access = access
        self.connections = connections
        self.settings = settings
        self.document = document

    def routes(self) -> list[Route]:
        return [
            Route("/apikey/system", self.system, methods=["POST"]),
            Route("/apikey", self.make, methods=["POST"]),
            Route("/apikey/{keyid}", self.remove, methods=["DELETE"]),
        ]

    def system(self, request: Request) -> Response:
        refuse_if_switched(self.settings, "system_keys")
        return JSONResponse(self.access.system(self.document(request), self.connections.has))

    def make(self, request: Request) -> Response:
        refuse_if_switched(self.settings, "own_keys")
        return JSONResponse(self.access.make(self.document(request)))

    def remove(self, request: Request) -> Response:
        refuse_if_switched(self.settings, "own_keys")
        return JSONResponse(self.access.remove(str(request.path_params["keyid"])))
