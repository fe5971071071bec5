# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects in the tenant's connections: a tree, whose settings a child has from its parent unless it has its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Path = tuple[str, ...]

DEFAULTS: dict[str, Any] = {"isActive": True, "activateNewChildren": True, "dataOwners": []}


class Objects:
    """Paths are names, the connection's key first. Not thread-safe: whoever has it has the lock."""

    def __init__(self) -> None:
        self._own: dict[Path, dict[str, Any]] = {}
        self._technologies: dict[str, str] = {}

    def technology(self, key: str) -> str:
        return self._technologies[key]

    def plant(self, key: str, technology: str, settings: dict[str, Any]) -> None:
        self._own[(key,)] = dict(settings)
        self._technologies[key] = technology

    def __contains__(self, path: Path) -> bool:
        return path in self._own

    def children(self, path: Path) -> list[Path]:
        return [each for each in self._own if each[:-1] == path]

    def below(self, path: Path) -> list[Path]:
        return [each for each in self._own if len(each) > len(path) and each[: len(path)] == path]

    def remove(self, path: Path) -> int:
        """Takes an object out with all that is in it; how many those were."""
        below = self.below(path)
        for each in (path, *below):
            self._own.pop(each, None)
        return len(below)

    def override(self, path: Path, settings: dict[str, Any]) -> None:
        """Own settings; one that is the parent's anyway is none."""
        for name, value in settings.items():
            self._own[path][name] = value
            if len(path) > 1 and value == self.value(path[:-1], name):
                del self._own[path][name]

    def crawl(self, path: Path, leaves: Iterable[Path]) -> None:
        """What is under a path becomes what is on the platform: new objects appear, others go."""
        there = {leaf[:length] for leaf in leaves for length in range(len(path) + 1, len(leaf) + 1) if leaf[: len(path)] == path}
        for gone in set(self.below(path)) - there:
            self._own.pop(gone, None)
        for new in sorted(there - set(self._own)):
            self._own[new] = {}
            if self.value(new[:-1], "isActive") and not self.value(new[:-1], "activateNewChildren"):
                self._own[new]["isActive"] = False

    def value(self, path: Path, name: str) -> Any:
        """A setting as it holds for an object."""
        for length in range(len(path), 0, -1):
            own = self._own[path[:length]]
            if name in own:
                return own[name]
        return DEFAULTS.get(name)

    def view(self, path: Path) -> dict[str, Any]:
        """An object as GET shows it."""
        settings: dict[str, Any] = {"isActive": self.value(path, "isActive")}
        for name in ("activateNewChildren", "dataOwners", "infrastructureAdmins"):
            value = self.value(path, name)
            if value is not None:
                settings[name] = {"value": value, "hasDescendantsWithOverrides": any(name in self._own[each] for each in self.below(path))}
        overrides = {name: value for name, value in self._own[path].items() if value != self.value(path[:-1], name)}
        return {
            "objectPath": list(path),
            "technology": self._technologies[path[0]],
            "state": "active" if settings["isActive"] else "inactive",
            "settings": settings,
            "overrides": overrides if len(path) > 1 else {},
        }
