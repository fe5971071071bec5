# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of one JSON object a line, to which many processes append at the same time.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .errors import OptionError


def check(path: str, option: str) -> None:
    """Make the file, when it is not there. Raises OptionError when nothing can be appended to it."""
    os.close(_opened(path, option))


def append(path: str, document: Mapping[str, Any], option: str) -> None:
    """Append one line, in one write. It is on the disk when this returns. Raises OptionError when it cannot be written."""
    handle = _opened(path, option)
    try:
        with suppress(OSError):  # for file systems of several machines; within one, the single write is enough
            fcntl.flock(handle, fcntl.LOCK_EX)
        line = json.dumps(document).encode("ascii") + b"\n"
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line  # a full disk cut off the line before
        if os.write(handle, line) != len(line):
            raise OSError(None, "the line was cut off")
        os.fsync(handle)
    except OSError as error:
        raise _refusal(path, option, error) from None
    finally:
        os.close(handle)


def _opened(path: str, option: str) -> int:
    try:
        # to read, too: a pipe that nobody reads would hold a task that only writes for ever
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refusal(path, option, error) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _refusal(path, option, OSError(None, "it is no file"))
    return handle


def _refusal(path: str, option: str, error: OSError) -> OptionError:
    return OptionError(f"{option} {path} cannot be written: {error.strerror}.", option=option, hint="Name a file in a directory that is there and writable.")
