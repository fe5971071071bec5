# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m immuta_simulator: a tenant in the foreground, until it is interrupted."""

from __future__ import annotations

import argparse
import json
import secrets
from pathlib import Path
from typing import Any

from .server import Options, serve


def from_file(name: str) -> Any:
    return json.loads(Path(name).read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m immuta_simulator", description="A simulator of an Immuta tenant. See README.md beside it.")
    parser.add_argument("--port", type=int, default=0, help="the tenant's port on 127.0.0.1 (0: any free one)")
    parser.add_argument("--control-port", type=int, default=0, help="the port for switches, faults and the log (0: any free one)")
    parser.add_argument("--api-key", default=None, help="the API key that is accepted (otherwise one is made)")
    parser.add_argument("--warehouses", type=from_file, default=[], metavar="FILE", help="JSON: where the warehouses are")
    parser.add_argument("--settings", type=from_file, default={}, metavar="FILE", help="JSON: switches to begin with")
    parser.add_argument(
        "--ready-file",
        type=Path,
        default=None,
        metavar="FILE",
        help="written when requests are answered: url, control_url, api_key, pid",
    )
    parser.add_argument("--log-file", type=Path, default=None, metavar="FILE", help="one JSON object a request, without bodies")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    given = parser.parse_args()
    serve(
        Options(
            port=given.port,
            control_port=given.control_port,
            api_key=given.api_key or secrets.token_hex(16),
            warehouses=given.warehouses,
            switches=given.settings,
            ready_file=given.ready_file,
            log_file=given.log_file,
            with_parent=given.with_parent,
        )
    )


if __name__ == "__main__":
    main()
