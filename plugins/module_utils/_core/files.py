# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole files: what is in one, and another content in its place at once.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
import tempfile


def content_of(path: str) -> bytes | None:
    """What is in the file; None when there is none. Raises OSError."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def replace(path: str, content: bytes) -> None:
    """Put the content in the place of the file at once, readable to its owner only. Raises OSError.

    The atomic_move of ansible-core's modules leaves a new file readable to all for a moment.
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
