# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON Lines files to which many processes append at the same time: the audit log and the reports of scripts.

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


def ensure_writable(path: str, option: str) -> None:
    """Create the file if it does not exist. Raise OptionError if nothing can be appended to it."""
    os.close(_open(path, option))


def append(path: str, document: Mapping[str, Any], option: str) -> None:
    """Append one line with a single write, and flush it to the disk. Raise OptionError if it cannot be written."""
    handle = _open(path, option)
    try:
        with suppress(OSError):  # only a file system that several machines share needs the lock
            fcntl.flock(handle, fcntl.LOCK_EX)
        line = json.dumps(document).encode("ascii") + b"\n"
        size = os.fstat(handle).st_size
        if size and os.pread(handle, 1, size - 1) != b"\n":
            line = b"\n" + line  # a full disk truncated the previous line
        if os.write(handle, line) != len(line):
            raise OSError(None, "the line was truncated")
        os.fsync(handle)
    except OSError as error:
        raise _not_writable(path, option, error) from None
    finally:
        os.close(handle)


def _open(path: str, option: str) -> int:
    try:
        # O_RDWR: opening a pipe that has no reader with O_WRONLY would block forever
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise _not_writable(path, option, error) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_writable(path, option, OSError(None, "it is not a regular file"))
    return handle


def _not_writable(path: str, option: str, error: OSError) -> OptionError:
    return OptionError(f"{option} {path} cannot be written: {error.strerror}.", option=option, hint="Name a file in a directory that exists and is writable.")
