# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tenant needs of a warehouse, whatever its platform: log in, look, run one statement."""

from __future__ import annotations

import importlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from .scripts import settings_text
from .validation import Failed

if TYPE_CHECKING:
    from typing_extensions import Self

LOGIN_SECONDS = 10


class WarehouseError(Exception):
    """The warehouse's own message about a login or a statement."""


@dataclass(frozen=True)
class Place:
    """Where the warehouse of one host really is."""

    host: str
    type: str
    address: str
    port: int
    account: str = ""
    ssl: bool = False
    login: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Place:
        """ValueError names what is missing or unknown."""
        known = {entry.name for entry in fields(cls)}
        if problems := set(document) ^ known & (set(document) | {"host", "type", "address", "port"}):
            raise ValueError(f"a warehouse is {{host, type, address, port, account?, ssl?, login?}}; see {', '.join(sorted(problems))}")
        return cls(**document)


class Warehouse(ABC):
    """One login. config: what is set up there, and login: who looks, the config's own account unless it is given.

    Nothing happens before connect(). outside, inside: the databases to log in to before and after the set-up ("" where
    there is one login for all). A check returns the rows that validationResults shows, or raises Failed or WarehouseError.
    """

    outside = inside = ""
    sign_ins: ClassVar[tuple[str, ...]] = ("userPassword",)
    library: ClassVar[str]
    extra: ClassVar[str]  # of the package, which brings the library

    def __init__(self, place: Place, config: Mapping[str, Any], login: Mapping[str, Any] | None = None) -> None:
        self.place = place
        self.config = config
        self.login = {**config, **(login or {})}
        self._connection: Any = None

    @classmethod
    def lacks(cls) -> str:
        """Why nobody can connect from here, empty if the library is installed."""
        try:
            importlib.import_module(cls.library)
        except ImportError:
            return f"To connect to it, the simulator needs {cls.library}. Install immuta-simulator[{cls.extra}]."
        return ""

    @classmethod
    def untried(cls, config: Mapping[str, Any]) -> str:
        """Why this simulator cannot log in as a config says; empty when it can."""
        method = config.get("authenticationType")
        return "" if method in cls.sign_ins else f"This simulator cannot log in by {method}."

    @classmethod
    def new_account(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """What the system account of an automatic set-up signs in with."""
        name = f"{config['database']}_SYSTEM_ACCOUNT"
        return {"authenticationType": "userPassword", "username": name, "password": secrets.token_urlsafe(18)}

    @property
    def connected(self) -> bool:
        return self._connection is not None

    @abstractmethod
    def connect(self, database: str) -> Any:
        """Return a connection to a database."""

    @abstractmethod
    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs one statement; the rows, if it has any."""

    @abstractmethod
    def has_begun(self) -> bool:
        """Whether there is what the first script makes: the database, mostly."""

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- checks that every platform has -------------------------------------------------------------------------------

    def check_no_database(self) -> Any:
        if self.has_begun():
            raise Failed(f"Database {self.config['database']} already exists. Choose another name, or remove what an earlier set-up left.")
        return []

    def need(self, what: str, names: Iterable[str], present: Iterable[str]) -> Any:
        """Failed unless every name is present; says which are not."""
        if missing := sorted({name.lower() for name in names} - {name.lower() for name in present}):
            raise Failed(f"{what} not found: {', '.join(missing)}. Run the complete setup script before creating the integration.")
        return []

    def compare_settings(self, rows: list[tuple[Any, ...]]) -> Any:
        """Failed when the features that the last script wrote down are not those of the config."""
        wanted = settings_text(self.place.type, self.config)
        if [tuple(row) for row in rows] != [(wanted,)]:
            found = ", ".join(str(value) for row in rows for value in row)
            raise Failed(f"The warehouse is set up for {found or 'no settings'}, not for {wanted or 'no settings'}. Run the script for these settings first.")
        return []
