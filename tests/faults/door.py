# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs of modules, each in a fork of one process that has imported them: the same door as a process of its own, at a tenth of the cost."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

if __name__ != "__main__":
    from support.core import PYTHON
    from support.modules import COLLECTIONS, MODULES, Reply, recording_syslog

LONGEST = 90  # seconds that a run may take before it is ended


class Door:
    """Runs modules of the collection: the arguments on standard input, one JSON object back, as C(run_module) does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        environment, self._lines = recording_syslog(folder)
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "IMMUTA_")) and "proxy" not in name.lower()}
        self._environment |= {**environment, "PYTHONPATH": f"{environment['PYTHONPATH']}{os.pathsep}{COLLECTIONS}"}

    def __enter__(self) -> Door:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([PYTHON, __file__, str(MODULES)], stdin=pipe, stdout=pipe, env=self._environment, text=True, cwd=self._folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(LONGEST)

    def run(self, module: str, arguments: Mapping[str, Any], *, check: bool = False, environment: Mapping[str, str] | None = None) -> Reply:
        """What the module gave. Raises AssertionError when that is no JSON."""
        given, out, err = (self._folder / name for name in ("given", "out", "err"))
        given.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}), encoding="utf-8")
        before = len(self._lines.read_text(encoding="utf-8"))
        job = {"module": str(MODULES / f"{module}.py"), "files": [str(given), str(out), str(err)], "environment": {**self._environment, **(environment or {})}}
        assert self._process.stdin and self._process.stdout
        print(json.dumps(job), file=self._process.stdin, flush=True)
        ended = self._process.stdout.readline()
        printed, complaint = out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        try:
            result = json.loads(printed)
        except ValueError:
            raise AssertionError(f"no JSON came back, status {ended.strip()}:\n{printed}\n{complaint}") from None
        return Reply(result, f"{printed}\n{complaint}", self._lines.read_text(encoding="utf-8")[before:])


# --- the other side: the process that is forked


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


def run(module: str, files: list[str], environment: dict[str, str]) -> None:
    """A module as the main program of this process, which it ends."""
    signal.alarm(LONGEST)
    os.environ.clear()
    os.environ.update(environment)
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
