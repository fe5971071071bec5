# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the warehouses are; the tenant's looks at them, and its own work on them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from .inspect_redshift import RedshiftWarehouse
from .inspect_snowflake import SnowflakeWarehouse
from .integrations import Integration, same_key
from .platforms import PLATFORMS
from .scripts import KITS, script_steps
from .settings import Settings
from .validation import Failed, Inspector, Trusting, Unreachable, Untried
from .warehouse import Place, Warehouse, WarehouseError

DRIVERS: dict[str, type[Warehouse]] = {"Redshift": RedshiftWarehouse, "Snowflake": SnowflakeWarehouse}


class SetupFailed(Exception):
    """The tenant's own script failed on the warehouse; the text says at which statement and why."""


class Warehouses:
    """places: [{host, type, address, port, account?, ssl?, login?}], host as in the config.

    login: {username, password}, of somebody who sees which databases there are; only for the switch script_order: ran.
    """

    def __init__(self, places: list[dict[str, Any]] | None = None) -> None:
        self._initial = [Place.of(place) for place in places or []]
        self._places = self._initial

    def place(self, places: list[dict[str, Any]]) -> None:
        self._places = [Place.of(place) for place in places]

    def reset(self) -> None:
        self._places = self._initial

    def inspector(self, type_: str, automatic: bool, config: Mapping[str, Any], settings: Settings) -> Inspector:
        """Who looks at the warehouse of a config, with the account that the config names."""
        place = self._find(type_, config)
        if place is None:
            name = config.get(PLATFORMS[type_].key or "", type_)
            return Trusting() if settings.unknown_hosts == "pass" else Unreachable(f"Could not connect to {name}.")
        if config.get("authenticationType") != "userPassword":
            return Untried(f"This simulator cannot log in by {config.get('authenticationType')}.")
        return Looking(DRIVERS[type_](place, config), automatic)

    def lacks_database(self, type_: str, config: Mapping[str, Any], *, unknown: bool) -> bool:
        """Whether the database that a first script makes is missing; unknown: the answer where nobody can look."""
        place = self._find(type_, config)
        if place is None or not place.login:
            return unknown
        with DRIVERS[type_](place, {**config, **place.login}) as warehouse:
            warehouse.connect(warehouse.outside)
            return not warehouse.has_database()

    def set_up(self, record: Integration, settings: Settings) -> None:
        """Runs the setup scripts with the config's privileged account, and makes a system account."""
        if self._find(record.type, record.config) is None:
            return
        kit, name = KITS[record.type], f"{record.config['database']}_SYSTEM_ACCOUNT"
        name = name.lower() if record.type == "Redshift" else name
        record.account = {"username": name, "password": secrets.token_urlsafe(18)}
        for action, database in kit.SET_UP:
            self._run(record, action, record.config, database, settings)

    def edit(self, record: Integration, old: Mapping[str, Any], settings: Settings) -> None:
        if record.account:
            self._run(record, "edit", record.config, KITS[record.type].EDIT_IN, settings, old=old)

    def clean_up(self, record: Integration, credentials: Mapping[str, Any], settings: Settings) -> None:
        """The delete script; after a failed creation whatever of the cleanup script finds something to do."""
        if record.account:
            action, kit = "cleanup" if record.never_created else "delete", KITS[record.type]
            database = kit.CLEAN_UP_IN if settings.drop_database else kit.EDIT_IN
            self._run(record, action, {**record.config, **credentials}, database, settings)

    def _run(
        self,
        record: Integration,
        action: str,
        privileged: Mapping[str, Any],
        database: str,
        settings: Settings,
        old: Mapping[str, Any] | None = None,
    ) -> None:
        """Runs one script with a privileged account; database: the attribute that names where."""
        place = self._find(record.type, record.config)
        if place is None:
            raise SetupFailed("The warehouse is not known any more.")
        account = {**(record.account or {}), "authenticationType": "userPassword"}
        steps = script_steps(record.type, action, {**record.config, **account}, {**old, **account} if old else None, settings)
        with DRIVERS[record.type](place, privileged) as warehouse:
            try:
                warehouse.connect(str(privileged.get(database, "")))
            except WarehouseError as error:
                raise SetupFailed(str(error)) from None
            for number, step in enumerate(steps, 1):
                try:
                    warehouse.execute(step.sql)
                except WarehouseError as error:
                    if action != "cleanup":
                        raise SetupFailed(f"Statement {number} of {len(steps)} of the {action} script: {error}") from None

    def _find(self, type_: str, config: Mapping[str, Any]) -> Place | None:
        """The place that is configured for a host; a loopback host is where it says."""
        if type_ not in DRIVERS:
            return None
        host = str(config.get("host", ""))
        for place in self._places:
            if place.type == type_ and same_key(place.host, host):
                return place
        if host.startswith("127.") or host == "localhost":
            return Place(host=host, type=type_, address=host, port=int(config["port"]))
        return None


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
