# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a metastore holds beside data: principals with their secrets, securables with their owners, grants."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import errors

Name = tuple[str, ...]
METASTORE: Name = ()
TOKEN_SECONDS = 3600
ALL = "ALL PRIVILEGES"
EVERYBODY = "account users"  # the group that everybody is in

_TABLE = ("SELECT", "MODIFY", "APPLY TAG", "MANAGE", ALL)
_SCHEMA = (*_TABLE, "EXECUTE", "USE SCHEMA", "CREATE TABLE", "CREATE FUNCTION", "CREATE VOLUME", "READ VOLUME", "WRITE VOLUME")
# Which privileges there are on which kind, those that what is inside inherits among them.
PRIVILEGES: dict[str, tuple[str, ...]] = {
    "METASTORE": ("CREATE CATALOG", "CREATE EXTERNAL LOCATION", "CREATE STORAGE CREDENTIAL", "CREATE CONNECTION", "MANAGE ALLOWLIST"),
    "CATALOG": (*_SCHEMA, "USE CATALOG", "CREATE SCHEMA", "BROWSE"),
    "SCHEMA": _SCHEMA,
    "TABLE": _TABLE,
    "VIEW": ("SELECT", "APPLY TAG", "MANAGE", ALL),
    "FUNCTION": ("EXECUTE", "MANAGE", ALL),
}
# Tables and views share their names.
RELATIONS = ("TABLE", "VIEW")


@dataclass
class Principal:
    """Who may log in, or a group. name: what GRANT calls it: an address, an application id, a group's name."""

    name: str
    kind: str  # user, service_principal, group
    admin: bool = False
    members: set[str] = field(default_factory=set)
    secret: bytes = b""


@dataclass
class Securable:
    kind: str
    name: Name
    owner: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    privilege: str
    kind: str
    name: Name
    principal: str


class Metastore:
    """Everything but the rows of the tables."""

    def __init__(self) -> None:
        self.id = f"aws:us-east-1:{uuid.uuid4()}"
        self._principals: dict[str, Principal] = {}
        self._securables: dict[Name, dict[str, Securable]] = {}
        self._grants: dict[Grant, None] = {}
        self._tokens: dict[bytes, tuple[str, float | None]] = {}

    # --- principals and what proves who they are ---

    def add_principal(self, kind: str, name: str = "", *, admin: bool = False, members: tuple[str, ...] = ()) -> dict[str, str]:
        """A new one, and what it logs in with: {name, client_id?, client_secret?, token?}. A group logs in with nothing."""
        principal = Principal(name or str(uuid.uuid4()), kind, admin, set(members))
        self._principals[principal.name.lower()] = principal
        found = {"name": principal.name}
        if kind == "service_principal":
            secret = f"dose{secrets.token_hex(16)}"
            principal.secret = _digest(secret)
            found |= {"client_id": principal.name, "client_secret": secret}
        if kind != "group":
            found["token"] = f"dapi{secrets.token_hex(16)}"
            self._tokens[_digest(found["token"])] = (principal.name, None)
        return found

    def token_for(self, client_id: str, client_secret: str) -> str | None:
        """An OAuth token for a service principal's secret; None when they do not fit."""
        principal = self._principals.get(client_id.lower())
        if principal is None or not principal.secret or not hmac.compare_digest(principal.secret, _digest(client_secret)):
            return None
        token = f"eyJ{secrets.token_urlsafe(60)}"
        self._tokens[_digest(token)] = (principal.name, time.monotonic() + TOKEN_SECONDS)
        return token

    def holder(self, token: str) -> str:
        """Whose token it is. Refused when it is nobody's, or too old."""
        name, until = self._tokens.get(_digest(token), ("", None))
        if not name:
            raise errors.bad_token()
        if until is not None and until <= time.monotonic():
            raise errors.expired_token()
        return name

    def expire_tokens(self) -> None:
        """Every OAuth token there is has had its time."""
        self._tokens = {key: (name, until if until is None else 0.0) for key, (name, until) in self._tokens.items()}

    def principal(self, name: str) -> Principal:
        found = self._principals.get(name.lower())
        if found is None and name == EVERYBODY:
            return Principal(EVERYBODY, "group")
        if found is None:
            raise errors.no_principal(name)
        return found

    def principals(self) -> list[Principal]:
        return sorted(self._principals.values(), key=lambda each: each.name)

    def identities(self, name: str) -> set[str]:
        """A principal and the groups that it is in, however deep."""
        found, waiting = set(), {name}
        while waiting:
            found |= waiting
            waiting = {group.name for group in self._principals.values() if group.members & waiting} - found
        return found | {EVERYBODY}

    def is_admin(self, name: str) -> bool:
        return any(self._principals[each.lower()].admin for each in self.identities(name) if each.lower() in self._principals)

    # --- securables ---

    def add(self, kind: str, name: Name, owner: str, **properties: Any) -> Securable:
        made = Securable(kind, name, owner, properties)
        self._securables.setdefault(name, {})["TABLE" if kind in RELATIONS else kind] = made
        return made

    def get(self, kind: str, name: Name) -> Securable | None:
        return self._securables.get(name, {}).get("TABLE" if kind in RELATIONS else kind)

    def need(self, kind: str, name: Name) -> Securable:
        """What is there; SqlFailed names the outermost thing that is not."""
        for depth, container in ((1, "CATALOG"), (2, "SCHEMA")):
            if len(name) > depth and self.get(container, name[:depth]) is None:
                raise errors.not_found(container, name[:depth])
        found = self.get(kind, name)
        if found is None:
            raise errors.not_found(kind, name)
        return found

    def all(self, *kinds: str, inside: Name = ()) -> list[Securable]:
        """Everything of these kinds, by name."""
        found = [each for kept in self._securables.values() for each in kept.values() if each.kind in kinds and each.name[: len(inside)] == inside]
        return sorted(found, key=lambda each: each.name)

    def remove(self, kind: str, name: Name) -> None:
        """Take something away, with all that is in it and the grants on it."""
        if kind in ("CATALOG", "SCHEMA"):
            self._securables = {key: kept for key, kept in self._securables.items() if key[: len(name)] != name}
            self._grants = {grant: None for grant in self._grants if grant.name[: len(name)] != name}
        else:
            gone = self._securables[name].pop("TABLE" if kind in RELATIONS else kind)
            self._grants = {grant: None for grant in self._grants if (grant.kind, grant.name) != (gone.kind, name)}

    # --- rights ---

    def grant(self, grant: Grant) -> None:
        self._grants[grant] = None

    def revoke(self, grant: Grant) -> None:
        self._grants.pop(grant, None)

    def grants(self) -> list[Grant]:
        return sorted(self._grants, key=lambda each: (each.name, each.kind, each.principal, each.privilege))

    def owns(self, who: str, name: Name) -> bool:
        """Whether somebody owns a securable or what it is in, or administers the metastore."""
        identities = self.identities(who)
        return self.is_admin(who) or any(each.owner in identities for path in _paths(name) for each in self._securables.get(path, {}).values())

    def may(self, who: str, privilege: str, name: Name) -> bool:
        """Whether somebody has a privilege there, by owning it, or on what it is in."""
        identities, paths = self.identities(who), set(_paths(name)) | ({METASTORE} if not name else set())
        held = (grant for grant in self._grants if grant.principal in identities and grant.name in paths)
        return self.owns(who, name) or any(grant.privilege in (privilege, ALL) for grant in held)

    def must(self, who: str, privilege: str, kind: str, name: Name) -> None:
        """SqlFailed unless somebody may, and may get there: USE CATALOG and USE SCHEMA on what it is in."""
        for depth, container, needed in ((1, "CATALOG", "USE CATALOG"), (2, "SCHEMA", "USE SCHEMA")):
            if len(name) > depth and not self.may(who, needed, name[:depth]):
                raise errors.no_privilege(needed, container, name[:depth])
        if not self.may(who, privilege, name):
            raise errors.no_privilege(privilege, kind, name)

    def sees(self, who: str, name: Name) -> bool:
        """Whether somebody owns it, or has any privilege on it, on what it is in, or on what is in it."""
        identities = self.identities(who)
        near = (grant for grant in self._grants if grant.name and (grant.name[: len(name)] == name or name[: len(grant.name)] == grant.name))
        return self.owns(who, name) or any(grant.principal in identities for grant in near)


def _paths(name: Name) -> Iterator[Name]:
    """A name and what it is in: a.b.c, a.b, a."""
    yield from (name[:depth] for depth in range(len(name), 0, -1))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
