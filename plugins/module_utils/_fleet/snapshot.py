# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a tenant, read once for a whole fleet, and the API clients that the items of the fleet use.

An item reads the shared snapshot until it has sent a request that may have changed something. From then on it reads the tenant.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from .._api.connections import UNSUPPORTED_STATUSES, Connections, object_path_of
from .._api.integrations import Integrations
from .._core.errors import ApiError, Forbidden, NotFound
from .._http.answer import Answer
from .._http.session import Session
from .._model.states import TRANSIENT
from .._plan.connection import Observed
from .._plan.listing import Listing
from .pool import run_in_parallel

Object = dict[str, Any]


class Snapshot:
    """The integrations and connections of a tenant. Each is read once, when it is first needed."""

    def __init__(self, session: Session, *, at_once: int, warn: Callable[[str], None]) -> None:
        self.session = session
        self._at_once = at_once
        self._warn = warn
        #: whether the tenant has more connections than it returned
        self.is_partial = False

    @cached_property
    def integrations(self) -> Listing:
        """All integrations, from one request."""
        return Listing.of(Integrations(self.session).list())

    @cached_property
    def _objects(self) -> dict[str, Object] | ApiError:
        try:
            answer = Connections(self.session).search()
            self.is_partial = answer.has_more
            if answer.has_more:
                self._warn(f"Immuta showed {len(answer.objects)} connections and says that there are more. The others are missing from this result.")
            paths = ((object_path_of(found), found) for found in answer.objects)
            return {path[0]: found for path, found in paths if len(path) == 1}
        except (Forbidden, NotFound) as error:
            return error

    @property
    def objects(self) -> dict[str, Object]:
        """Connection key -> object of the connection, from one request. Raise NotFound if the tenant offers no connections, and Forbidden if the user
        may not list them.
        """
        if isinstance(self._objects, ApiError):
            raise self._objects
        return self._objects

    def known_objects(self) -> dict[str, Object]:
        """Return C(objects), or an empty dict if the tenant offers no connections or forbids this user to list them."""
        return {} if isinstance(self._objects, ApiError) else self._objects

    @cached_property
    def connections(self) -> dict[str, Object | ApiError]:
        """Connection key -> details of the connection, or the error. One request per connection, several in parallel."""
        api = Connections(self.session)
        found: dict[str, Object | ApiError] = {}

        def read(key: str) -> bool:
            try:
                found[key] = api.get(key)
            except ApiError as error:
                found[key] = error
            return True

        run_in_parallel(self.objects, read, at_once=self._at_once)
        return found

    def observed(self, key: str) -> tuple[Observed, ApiError | None]:
        """Return the state of a connection. If the tenant has no details of connections or refuses them to this user, also return that error.

        Raise ApiError for any other error.
        """
        details = self.connections[key]
        refusal = details if isinstance(details, ApiError) else None
        if refusal and refusal.status not in (*UNSUPPORTED_STATUSES, 403):
            raise refusal
        answer = {} if isinstance(details, ApiError) else details
        native = self.integrations.with_id(str(answer.get("nativeIntegrationId"))) or {}
        return Observed(answer, self.objects[key], native), refusal

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """Id of an integration -> key of the connection that owns it. Empty if the tenant offers no connections."""
        readable = {key: answer for key, answer in self.connections.items() if not isinstance(answer, ApiError)} if self.known_objects() else {}
        return {str(answer["nativeIntegrationId"]): key for key, answer in readable.items() if answer.get("nativeIntegrationId") is not None}


class ItemSession(Session):
    """The session of the fleet for one item. It records whether the item has only read so far."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.secrets = session.secrets
        self.has_only_read = True

    def request(self, method: str, path: str, **options: Any) -> Answer:
        self.has_only_read = self.has_only_read and method == "GET"
        return self._session.request(method, path, **options)

    def mask(self, value: Any) -> Any:
        return self._session.mask(value)


class ItemIntegrations(Integrations):
    """The Integrations API for one item. It answers from the snapshot until the item has sent a change."""

    def __init__(self, snapshot: Snapshot, session: ItemSession) -> None:
        super().__init__(session)
        self._snapshot = snapshot
        self._item = session

    def list(self) -> list[Object]:
        return self._snapshot.integrations if self._item.has_only_read else super().list()

    def get(self, id: str | int) -> Object:
        known = self._snapshot.integrations.with_id(str(id)) if self._item.has_only_read else None
        return super().get(id) if known is None or known.get("status") in TRANSIENT else known


class ItemConnections(Connections):
    """The Connections API for one item. It answers from the snapshot until the item has sent a change."""

    def __init__(self, snapshot: Snapshot, session: ItemSession) -> None:
        super().__init__(session)
        self._snapshot = snapshot
        self._item = session

    def owner_of(self, integration_id: str) -> str | None:
        return self._snapshot.owners.get(integration_id)

    def get(self, connection_key: str) -> Object:
        known = self._snapshot.connections.get(connection_key) if self._item.has_only_read else None
        if isinstance(known, ApiError):
            raise known
        return super().get(connection_key) if known is None else known

    def object(self, path: Sequence[str]) -> Object:
        known = self._snapshot.objects.get(path[0]) if self._item.has_only_read and len(path) == 1 else None
        # the search may return fewer fields than a request for the object
        return super().object(path) if known is None or not {"settings", "overrides"} & set(known) else known


class PolledIntegrations(Integrations):
    """The Integrations API for all waiting items: one list request answers one poll of each of them."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._not_yet_returned: dict[str, Object] = {}

    def get(self, id: str | int) -> Object:
        if str(id) not in self._not_yet_returned:
            self._not_yet_returned = {str(found.get("id")): found for found in self.list()}
        found = self._not_yet_returned.pop(str(id), None)
        return super().get(id) if found is None else found

    def status(self, id: str | int) -> str:
        return str(self.get(id).get("status"))
