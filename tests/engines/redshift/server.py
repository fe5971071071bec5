# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the process of a Redshift engine."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from .postgres import postgres
from .proxy import proxy

ADMIN = "awsuser"
DATABASE = "dev"

# Runs in template1, so that it holds for every database made later.
# plpythonu: functions can be created and granted; a call fails, for there is no Python in the server.
SEED = f"""\
GRANT CREATE ON SCHEMA public TO PUBLIC;

CREATE TRUSTED LANGUAGE plpythonu HANDLER plpgsql_call_handler;

CREATE DATABASE {DATABASE};

DROP DATABASE postgres;
"""


@asynccontextmanager
async def server(listener: socket.socket, directory: Path) -> AsyncIterator[dict[str, Any]]:
    """Serve a new, empty cluster on `listener`; the value says how to log in."""
    password = secrets.token_urlsafe(18)
    async with postgres(directory, ADMIN, password, SEED) as upstream, proxy(listener, upstream):
        yield {"kind": "redshift", "admin_user": ADMIN, "admin_password": password, "database": DATABASE}
