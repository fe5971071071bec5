# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrations of a tenant, indexed by id and natural key. Pure: no I/O, no clock, no Ansible.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from .._model.platforms import PLATFORMS
from .._model.states import GONE
from .integration import Desired, natural_key, twins

Integration = dict[str, Any]


class Listing(list[Integration]):
    """The integrations of one C(GET /integrations) that are not deleted or disabled, with indexes for fast look-ups."""

    def __init__(self, integrations: Iterable[Integration]) -> None:
        super().__init__(each for each in integrations if each.get("status") not in GONE)
        self._by_id: dict[str, Integration] = {}
        self._by_key: dict[tuple[str, str], list[Integration]] = defaultdict(list)
        self._by_database: dict[tuple[str, str], list[Integration]] = defaultdict(list)
        for each in self:
            self._by_id[str(each.get("id"))] = each
            platform, config = PLATFORMS.get(str(each.get("type"))), each.get("config") or {}
            if platform:
                self._by_key[platform.type, natural_key(platform, config)].append(each)
                self._by_database[platform.type, str(config.get("database"))].append(each)

    @staticmethod
    def of(integrations: list[Integration]) -> Listing:
        """Return the integrations as a Listing. A Listing is returned unchanged."""
        return integrations if isinstance(integrations, Listing) else Listing(integrations)

    def with_id(self, id: str) -> Integration | None:
        """Return the integration with this id, or None."""
        return self._by_id.get(id)

    def matching(self, wanted: Desired) -> list[Integration]:
        """Return the integrations with the natural key of the wanted one."""
        return self._by_key.get((wanted.platform.type, wanted.key), [])

    def twins(self, wanted: Desired) -> tuple[dict[str, Any], ...]:
        """Return id, host and database of each integration that probably describes the same platform under another host."""
        return twins(wanted, self._by_database.get((wanted.platform.type, str(wanted.config.get("database"))), []))
