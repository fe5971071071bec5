# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private directory that goes with its process, even with one that was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Not $TMPDIR: a socket's path must be short, and PostgreSQL's own user must be able to get there.
PARENT = Path("/tmp")
PREFIX = "immuta-engine-"


@contextmanager
def workdir() -> Iterator[Path]:
    """Make a directory and remove it at the end. Sweeps what killed processes left: nobody holds their lock."""
    sweep()
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=PARENT))
    made.chmod(0o711)  # PostgreSQL's own user passes through, nobody lists
    lock = _lock(made)
    path = made.rename(PARENT / made.name.replace(".new-", PREFIX))  # visible once it is locked
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def sweep() -> None:
    """Remove the directories whose process is gone."""
    for path in PARENT.glob(PREFIX + "*"):
        with suppress(OSError):  # somebody else's, still in use, or going away just now
            lock = _lock(path)
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _lock(path: Path) -> int:
    """Lock a directory for the life of this process; BlockingIOError when another one has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
