# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrations of a tenant, found by what identifies them. Pure: no I/O, no clock, no Ansible.

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
    """All that one C(GET /integrations) showed and that is not gone. It finds one of thousands without a comparison with each."""

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
        """The same as a Listing, which it may be already."""
        return integrations if isinstance(integrations, Listing) else Listing(integrations)

    def with_id(self, id: str) -> Integration | None:
        """The integration with this id; None when there is none."""
        return self._by_id.get(id)

    def matching(self, wanted: Desired) -> list[Integration]:
        """All that have the natural key of what a task wants."""
        return self._by_key.get((wanted.platform.type, wanted.key), [])

    def twins(self, wanted: Desired) -> tuple[dict[str, Any], ...]:
        """The id, host and database of each that is probably of the same platform under another host."""
        return twins(wanted, self._by_database.get((wanted.platform.type, str(wanted.config.get("database"))), []))
