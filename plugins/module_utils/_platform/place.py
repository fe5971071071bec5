# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The location of a platform, read from its options in either spelling. Without I/O and secrets.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .._model.platforms import PLATFORMS, Presence

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Place:
    """The options that locate a platform. An option that is not given is empty."""

    type: str = ""
    host: str = field(default="", metadata={"names": ("host", "workspace_url", "workspaceUrl", "hostname")})
    port: str = field(default="", metadata={"names": ("port",)})
    warehouse: str = field(default="", metadata={"names": ("warehouse",)})
    http_path: str = field(default="", metadata={"names": ("http_path", "httpPath")})
    database: str = field(default="", metadata={"names": ("database", "catalog")})
    initial_database: str = field(default="", metadata={"names": ("initial_database", "initialDatabase")})
    username: str = field(default="", metadata={"names": ("username",)})

    @staticmethod
    def of(type_name: str, config: Options, connection: Options) -> Place:
        """Return the place that an integration's C(config) and its connection describe. The config takes precedence."""
        both = {**connection, **{name: value for name, value in config.items() if value not in (None, "")}}
        found = {each.name: _first(both, each.metadata["names"]) for each in fields(Place) if each.metadata}
        return Place(type=type_name, **found)

    @property
    def login(self) -> dict[str, Any]:
        """The default options of the login to this platform."""
        return {name: getattr(self, name) for name in ("host", "port", "warehouse", "http_path") if getattr(self, name)}

    @property
    def scripts(self) -> dict[str, str]:
        """Script -> the database that it runs in."""
        platform = PLATFORMS.get(self.type)
        return {name: self.fill(database) for name, database in platform.scripts.items()} if platform else {}

    @property
    def optional_scripts(self) -> tuple[str, ...]:
        """The scripts that some tenants do not provide."""
        return PLATFORMS[self.type].optional_scripts if self.type in PLATFORMS else ()

    @property
    def presence(self) -> Presence | None:
        """How to ask the warehouse for an existing setup. None for a platform without scripts."""
        row = PLATFORMS[self.type].presence if self.type in PLATFORMS else None
        if row is None:
            return None
        # without the name of the database, the query only shows whether the warehouse answers
        query = self.fill(row.query) if self.database else "SELECT 1"
        return Presence(what=self.fill(row.what), query=query, made_by=row.made_by, database=self.fill(row.database))

    @property
    def stays(self) -> str:
        """What the delete script leaves on the warehouse. Empty if nothing."""
        return self.fill(PLATFORMS[self.type].stays) if self.type in PLATFORMS else ""

    def fill(self, text: str) -> str:
        """Return the text with its placeholders replaced by the options of this place."""
        return text.format(database_literal=self.database.replace("'", "''"), **vars(self))


def _first(options: Options, names: tuple[str, ...]) -> str:
    return next((str(options[name]) for name in names if options.get(name) not in (None, "")), "")
