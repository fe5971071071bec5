# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of one platform: where its files are, and what they say.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core import lock
from .._core.errors import OptionError
from .desired import DesiredState
from .folder import Folder, digest, private_folders


@dataclass(frozen=True)
class PlatformLock:
    """The lock of a platform: a file on this machine, and with artifacts another one next to them, for runs on other machines.

    folder: the platform's own folder. platform: its name in messages. name: the inventory host.
    """

    folder: Folder
    files: tuple[Path, ...]
    platform: str
    name: str

    @staticmethod
    def of(desired: DesiredState, folder: Folder, *, home: str, name: str, tenant: str | None) -> PlatformLock:
        """Return the lock of a platform. tenant: keeps platforms apart that have the same name in two tenants, and no warehouse host."""
        places = [private_folders(home)]
        if desired.artifacts:
            places.append(Folder.path_for(desired.artifacts, home, name, desired.identity).parent)
        host = desired.place.host
        is_unique = desired.kind == "integration" and host  # its identity names the host
        file = f"{digest(desired.identity if is_unique else f'{desired.identity} {host or tenant}')}.lock"
        return PlatformLock(folder, tuple(place / file for place in places), desired.identity, name)

    def other_run(self) -> str:
        """Return a description of another run that holds the lock and may be at work; empty if there is none."""
        held = next((held for held in map(lock.holder, self.files) if held is not None and not lock.is_dead(held)), None)
        return "" if held is None else lock.describe_holder(held)

    def take(self, *, break_id: str = "", run: Mapping[str, Any] | None = None) -> str:
        """Take the lock and return its id. Raises ImmutaError, which names the holder, and OptionError if the files cannot be written.

        break_id, run: see C(_core/lock).
        """
        private, *shared = (file.parent for file in self.files)
        try:
            os.makedirs(private, mode=0o700, exist_ok=True)
        except OSError as error:
            raise OptionError(f"The directory {private} cannot be created: {error.strerror}.") from None
        self.folder.create_parents(*shared)
        about = {"platform": self.platform, "name": self.name, "folder": str(self.folder.path)}
        return lock.take(self.files, about, break_id=break_id, run=run)

    def release(self, lock_id: str) -> None:
        """Release the lock if it still has this id."""
        lock.release(self.files, lock_id)
