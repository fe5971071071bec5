# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the warehouses are; the tenant's looks at them, and its own work on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .inspect_databricks import DatabricksWarehouse
from .inspect_redshift import RedshiftWarehouse
from .inspect_snowflake import SnowflakeWarehouse
from .inspect_synapse import SynapseWarehouse
from .integrations import Integration, same_key
from .platforms import PLATFORMS
from .scripts import KITS, script_steps
from .settings import Settings
from .validation import Failed, Inspector, Trusting, Unreachable, Untried
from .warehouse import Place, Warehouse, WarehouseError

DRIVERS: dict[str, type[Warehouse]] = {
    "Azure Synapse Analytics": SynapseWarehouse,
    "Databricks": DatabricksWarehouse,
    "Redshift": RedshiftWarehouse,
    "Snowflake": SnowflakeWarehouse,
}


class SetupFailed(Exception):
    """The tenant's own script failed on the warehouse; the text says at which statement and why."""


class Warehouses:
    """places: [{host, type, address, port, account?, ssl?, login?}], host as in the config.

    login: {username, password}, of somebody who sees which databases there are; only for the switch script_order: ran.
    """

    def __init__(self, places: list[dict[str, Any]] | None = None) -> None:
        self._initial = [_checked(place) for place in places or []]
        self._places = self._initial

    def place(self, places: list[dict[str, Any]]) -> None:
        """ValueError if a place is not well described, or its library is not installed."""
        self._places = [_checked(place) for place in places]

    def reset(self) -> None:
        self._places = self._initial

    def inspector(self, type_: str, automatic: bool, config: Mapping[str, Any], settings: Settings) -> Inspector:
        """Who looks at the warehouse of a config, with the account that the config names."""
        place = self._find(type_, config)
        if place is None:
            name = config.get(PLATFORMS[type_].key or "", type_)
            return Trusting() if settings.unknown_hosts == "pass" else Unreachable(f"Could not connect to {name}.")
        driver = DRIVERS[type_]
        if lacks := driver.lacks():
            return Unreachable(lacks)
        why = driver.untried(config)
        return Untried(why) if why else Looking(driver(place, config), automatic)

    def lacks_database(self, type_: str, config: Mapping[str, Any], *, unknown: bool) -> bool:
        """Whether what a first script makes, a database or a login, is missing; unknown: the answer where nobody can look."""
        place = self._find(type_, config)
        if place is None or not place.login:
            return unknown
        with DRIVERS[type_](place, config, place.login) as warehouse:
            warehouse.connect(warehouse.outside)
            return not warehouse.has_begun()

    def set_up(self, record: Integration, settings: Settings) -> None:
        """Runs the setup scripts with the config's privileged account, and makes a system account."""
        if self._find(record.type, record.config) is None:
            return
        record.account = DRIVERS[record.type].new_account(record.config)
        for action, where in KITS[record.type].SET_UP:
            self._run(record, action, record.config, where, settings)

    def edit(self, record: Integration, old: Mapping[str, Any], settings: Settings) -> None:
        if record.account is not None:
            self._run(record, "edit", record.config, "inside", settings, old=old)

    def clean_up(self, record: Integration, credentials: Mapping[str, Any], settings: Settings) -> None:
        """The delete scripts; after a failed creation whatever of the cleanup scripts finds something to do."""
        if record.account is None:
            return
        kit, stays = KITS[record.type], record.type == "Redshift" and not settings.drop_database
        for action, where in kit.CLEAN_UP if record.never_created else kit.TAKE_BACK:
            privileged = {**record.config, **credentials}
            self._run(record, action, privileged, "inside" if stays else where, settings, tolerant=record.never_created)

    def _run(
        self,
        record: Integration,
        action: str,
        privileged: Mapping[str, Any],
        where: str,
        settings: Settings,
        old: Mapping[str, Any] | None = None,
        tolerant: bool = False,
    ) -> None:
        """Runs one script with a privileged account; where: outside or inside the database that is set up; tolerant: whatever fails."""
        place = self._find(record.type, record.config)
        if place is None:
            raise SetupFailed("The warehouse is not known any more.")
        account = record.account or {}
        steps = script_steps(record.type, action, {**record.config, **account}, {**old, **account} if old else None, settings)
        with DRIVERS[record.type](place, record.config, privileged) as warehouse:
            try:
                warehouse.connect(getattr(warehouse, where))
            except WarehouseError as error:
                raise SetupFailed(str(error)) from None
            for number, step in enumerate(steps, 1):
                try:
                    warehouse.execute(step.sql)
                except WarehouseError as error:
                    if not tolerant:
                        raise SetupFailed(f"Statement {number} of {len(steps)} of the {action} script: {error}") from None

    def _find(self, type_: str, config: Mapping[str, Any]) -> Place | None:
        """The place that is configured for a host; a loopback host is where it says, if it says a port."""
        if type_ not in DRIVERS:
            return None
        host = str(config.get(str(PLATFORMS[type_].key), ""))
        for place in self._places:
            if place.type == type_ and same_key(place.host, host):
                return place
        address, _unused, port = host.partition(":")
        port = str(config.get("port", port))
        if port and (address.startswith("127.") or address == "localhost"):
            return Place(host=host, type=type_, address=address, port=int(port))
        return None


def _checked(document: Mapping[str, Any]) -> Place:
    place = Place.of(document)
    if place.type not in DRIVERS:
        raise ValueError(f"type of a warehouse: one of {', '.join(DRIVERS)}, not {place.type!r}")
    if lacks := DRIVERS[place.type].lacks():
        raise ValueError(f"{place.type}: {lacks}")
    return place


class Looking:
    """The inspector of a warehouse that is there. The first check logs in."""

    def __init__(self, warehouse: Warehouse, automatic: bool) -> None:
        self._warehouse = warehouse
        self._automatic = automatic

    def check(self, name: str) -> Any:
        try:
            if name == "login":
                return self._warehouse.connect(self._warehouse.outside if self._automatic else self._warehouse.inside)
            return getattr(self._warehouse, f"check_{name}")()
        except WarehouseError as error:
            raise Failed(str(error)) from None

    def close(self) -> None:
        self._warehouse.close()
