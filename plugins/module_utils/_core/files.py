# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a whole file, and replace one atomically.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import tempfile


def read_if_exists(path: str) -> bytes | None:
    """Return the content of the file, or None if it does not exist. Raise OSError if it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def write_atomically(path: str, content: bytes) -> None:
    """Replace the file atomically. Only its owner can read it. Raise OSError if it cannot be written.

    atomic_move of ansible-core is not used because it leaves a new file readable by everyone for a moment.
    """
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".immuta_")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
