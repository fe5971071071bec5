# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that Door forks: it has imported the modules, and runs one of them for each line on standard input. It imports nothing of the tests."""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from pathlib import Path

LONGEST = 90  # seconds that a run may take before it is ended


def serve(modules: Path) -> None:
    """A run for each line on standard input, and for each the status it ended with on standard output."""
    import requests  # the modules import it when they need it

    assert requests
    for path in sorted(modules.glob("immuta_*.py")):
        runpy.run_path(str(path), run_name="imported")
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(**json.loads(line))
        print(os.waitpid(child, 0)[1], flush=True)


def run(module: str, files: list[str], environment: dict[str, str], cwd: str) -> None:
    """A module as the main program of this process, which it ends."""
    signal.alarm(LONGEST)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [module]
    modes = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_TRUNC] * 2)
    for number, (name, mode) in enumerate(zip(files, modes)):
        os.dup2(os.open(name, mode, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww"))
    status = 1
    try:
        runpy.run_path(module, run_name="__main__")
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
