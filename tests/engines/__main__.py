# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one engine in the foreground, or show what a running one holds.

python -m engines databricks|redshift|snowflake|synapse --host 127.0.0.1 --port 0 --ready-file F
python -m engines catalog --ready-file F
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

KINDS = ("databricks", "redshift", "snowflake", "synapse")


def main() -> int:
    """The command line."""
    args = _arguments()
    if args.what == "catalog":
        from . import ENGINES

        facts = json.loads(args.ready_file.read_text(encoding="utf-8"))
        json.dump(ENGINES[facts["kind"]].attach(facts).catalog(), sys.stdout, indent=2)
        print()
        return 0
    from .serve import serve

    server = importlib.import_module(f".{args.what}.server", __package__).server
    serve(server, args.host, args.port, ready_file=args.ready_file, with_stdin=args.with_stdin)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engines")
    parser.add_argument("what", choices=[*KINDS, "catalog"])
    parser.add_argument("--host", default="127.0.0.1", help="any loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--ready-file", type=Path, help="written when logins work, mode 0600; without it, to stdout")
    parser.add_argument("--with-stdin", action="store_true", help="end when stdin ends, too")
    args = parser.parse_args()
    if args.what == "catalog" and args.ready_file is None:
        parser.error("catalog needs --ready-file")
    return args


if __name__ == "__main__":
    sys.exit(main())
