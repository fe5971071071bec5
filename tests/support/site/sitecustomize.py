# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python reads this at its start. It compiles every source in the zip file that a module is sent as anew in each run: here once for all runs."""

import contextlib
import hashlib
import marshal
import os
import sys
import zipimport

_compile = zipimport._compile_source
_FOLDER = os.environ.get("MADE_MODULES", "")


def compiled(path, source):
    """The code of a source: that of an earlier run, or its own."""
    name = os.path.join(_FOLDER, f"{sys.implementation.cache_tag}.{hashlib.sha256(source).hexdigest()}")
    with contextlib.suppress(OSError), open(name, "rb") as stream:
        return marshal.load(stream)
    code = _compile(path, source)
    with open(f"{name}.{os.getpid()}", "wb") as stream:
        marshal.dump(code, stream)
    os.rename(stream.name, name)
    return code


if os.path.isdir(_FOLDER):
    zipimport._compile_source = compiled
