# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script may touch: the platform's own database, the accounts that its config names, what the script itself made.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .names import Name, spellings
from .tokens import DIALECT_OF

# Accounts that Immuta names itself, by the database (vendor's knowledge base), or always (default of the payload).
_DERIVED = {
    "Snowflake": ("{database}_SYSTEM", "{database}_SYSTEM_ACCOUNT", "IMMUTA_IMPERSONATION"),
    "Redshift": ("immuta_impersonation",),
    "Databricks": (),
    "Azure Synapse Analytics": ("IMMUTA_IMPERSONATION",),
}
_PRINCIPAL = "oAuthClientConfig.clientId"
# Where a config names an account. The roles and users in userRolePattern are the operator's: policies spare them, scripts leave them alone.
_PATHS = (
    "username",
    "databaseUser",
    "okta.username",
    "role",
    "impersonation.role",
    "groupPattern.deny",
    _PRINCIPAL,
    "additionalWorkspaceConnections.oAuthClientConfig.clientId",
)
# Option names whose API name is not just their camelCase
_SPELT = {"o_auth_client_config": "oauth_client_config"}
# Databricks: who a personal access token belongs to is in no config. An application ID tells.
_APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# What a platform comes with. A script never grants one of these, and changes none.
SYSTEM_ROLES = frozenset({"accountadmin", "securityadmin", "sysadmin", "useradmin", "orgadmin", "globalorgadmin", "sa", "rdsdb", "admins"})


def is_system_role(name: str) -> bool:
    """Whether a role or user is one that the platform comes with."""
    return name.casefold() in SYSTEM_ROLES or name.casefold().startswith("sys:")


def scope_of(type: str, config: Mapping[str, Any], *more: Mapping[str, Any]) -> dict[str, Any]:
    """The option C(scope) for a platform: C({"database": str, "accounts": [str]}).

    config: the integration's, in option names or in the API's. more: others of the same platform whose accounts count too, such as
    the one that an edit starts from. A config that names no database gives an empty one. Never raises.
    """
    database = str(next(_values(config, "database"), "") or next(_values(config, "catalog"), ""))
    accounts = dict.fromkeys(str(name) for name in [*_named(config, more), *_derived(type, database)] if name)
    return {"database": database, "accounts": [name for name in accounts if not is_system_role(name)]}


def _named(config: Mapping[str, Any], more: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    # A token does not say whose it is: then who signed in before is nobody that can be told from them.
    paths = [path for path in _PATHS if path != _PRINCIPAL or any(_values(config, path))]
    for document in (config, *more):
        for path in paths:
            yield from _values(document, path)


def _derived(type: str, database: object) -> list[str]:
    return [name.format(database=database) for name in _DERIVED.get(type, ())]


def _values(document: Any, path: str) -> Iterator[Any]:
    """What a document has at a path, in either spelling; of lists what is in them."""
    if isinstance(document, list):
        for each in document:
            yield from _values(each, path)
    elif not path:
        yield document
    elif isinstance(document, Mapping):
        step, _dot, rest = path.partition(".")
        option = re.sub(r"(?<!^)([A-Z])", r"_\1", step).lower()
        for spelling in dict.fromkeys((step, option, _SPELT.get(option, option))):
            if spelling in document:
                yield from _values(document[spelling], rest)


@dataclass
class Reach:
    """Whether a name is within the scope. Without a scope every name is.

    current: whether names without a database are the platform's own ones. made: what the script made so far, by class.
    """

    type: str
    scope: Mapping[str, Any] | None
    current: bool = True
    made: set[tuple[str, str]] = field(default_factory=set)
    _principal: str | None = None

    def __post_init__(self) -> None:
        self.dialect = DIALECT_OF[self.type]
        given = self.scope or {}
        self._databases = self._spellings([given.get("database")])
        self._accounts = self._spellings([*(given.get("accounts") or []), *_derived(self.type, given.get("database"))])

    def _spellings(self, names: Iterable[Any]) -> frozenset[str]:
        return frozenset().union(*(spellings(str(name), self.dialect) for name in names if name))

    @property
    def is_checked(self) -> bool:
        return self.scope is not None

    def has_database(self, name: str) -> bool:
        return not self.is_checked or name in self._databases

    def is_login(self, database: str | None) -> bool:
        """Whether a database of the login is the platform's own; one that is not said is taken for it."""
        return not self.is_checked or not database or bool(spellings(database, self.dialect) & self._databases)

    def has_account(self, name: str) -> bool:
        return not self.is_checked or name in self._accounts or ("account", name) in self.made

    def has_made(self, kind: str, name: str) -> bool:
        return not self.is_checked or (kind, name) in self.made

    def may_make_account(self, kind: str, name: str, *, if_not_exists: bool) -> bool:
        """An account that the config names; or a role, which nobody can sign in with, of a name that is Immuta's or the database's."""
        if self.has_account(name):
            return True
        if kind not in ("ROLE", "GROUP"):
            return False
        prefixes = ("immuta_", *(() if if_not_exists else (f"{database.casefold()}_" for database in self._databases)))
        return name.casefold().startswith(prefixes)

    def has_inside(self, name: Name, *, above: int) -> bool:
        """Whether something inside a database is inside the platform's own. above: how many qualifiers lead up to the database."""
        if not self.is_checked:
            return True
        if len(name.parts) > above + 1 or any("/" in part or part.endswith(":") for part in name.parts):
            return False
        return self.has_database(name.parts[0]) if len(name.parts) == above + 1 else self.current

    def takes_principal(self, name: str) -> bool:
        """Databricks: one principal that the scope does not name, when it names none: that of a personal access token."""
        if self.dialect != "databricks" or any(map(_APPLICATION_ID.fullmatch, self._accounts)):
            return False
        self._principal = self._principal or name
        return self._principal == name
