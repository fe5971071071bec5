# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scope of the gate: the platform's own database, the accounts in its config, and what the script itself has created.

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .names import Name, spellings
from .tokenizer import DIALECT_OF

# Accounts that Immuta names itself, after the database (vendor's knowledge base) or with a fixed name (default of the payload)
_DERIVED_ACCOUNTS = {
    "Snowflake": ("{database}_SYSTEM", "{database}_SYSTEM_ACCOUNT", "IMMUTA_IMPERSONATION"),
    "Redshift": ("immuta_impersonation",),
    "Databricks": (),
    "Azure Synapse Analytics": ("IMMUTA_IMPERSONATION",),
}
_CLIENT_ID_PATH = "oAuthClientConfig.clientId"
# Where a config names an account. The roles and users in userRolePattern are the operator's: policies exempt them, and scripts never change them.
_ACCOUNT_PATHS = (
    "username",
    "databaseUser",
    "okta.username",
    "role",
    "impersonation.role",
    "groupPattern.deny",
    _CLIENT_ID_PATH,
    "additionalWorkspaceConnections.oAuthClientConfig.clientId",
)
# Option names that are not the snake_case of their API name
_OPTION_SPELLINGS = {"o_auth_client_config": "oauth_client_config"}
# Databricks: a config with an application ID names its principal. A config with a personal access token does not name the owner.
_APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# Roles and users that a platform comes with. A script must not grant or change them.
SYSTEM_ROLES = frozenset({"accountadmin", "securityadmin", "sysadmin", "useradmin", "orgadmin", "globalorgadmin", "sa", "rdsdb", "admins"})


def is_system_role(name: str) -> bool:
    """Whether the platform comes with this role or user."""
    return name.casefold() in SYSTEM_ROLES or name.casefold().startswith("sys:")


def scope_of(type: str, config: Mapping[str, Any], *more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the option C(scope) for a platform: C({"database": str, "accounts": [str]}). Never raise.

    config: of the integration, with the names of the options or of the API. more: other configs of the same platform whose accounts
    are in scope too, such as the config before an edit. The database is "" if the config names none.
    """
    database = str(next(_values_at(config, "database"), "") or next(_values_at(config, "catalog"), ""))
    accounts = dict.fromkeys(str(name) for name in [*_accounts_in_configs(config, more), *_derived_accounts(type, database)] if name)
    return {"database": database, "accounts": [name for name in accounts if not is_system_role(name)]}


def _accounts_in_configs(config: Mapping[str, Any], more: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    # If this config has no client ID, it signs in with a token, whose owner is unknown. Then earlier client IDs are not in scope either.
    paths = [path for path in _ACCOUNT_PATHS if path != _CLIENT_ID_PATH or any(_values_at(config, path))]
    for document in (config, *more):
        for path in paths:
            yield from _values_at(document, path)


def _derived_accounts(type: str, database: object) -> list[str]:
    return [name.format(database=database) for name in _DERIVED_ACCOUNTS.get(type, ())]


def _values_at(document: Any, path: str) -> Iterator[Any]:
    """Yield the values at a path of a document, in the spelling of the API or of the options. A list yields its items."""
    if isinstance(document, list):
        for item in document:
            yield from _values_at(item, path)
    elif not path:
        yield document
    elif isinstance(document, Mapping):
        step, _dot, rest = path.partition(".")
        option = re.sub(r"(?<!^)([A-Z])", r"_\1", step).lower()
        for spelling in dict.fromkeys((step, option, _OPTION_SPELLINGS.get(option, option))):
            if spelling in document:
                yield from _values_at(document[spelling], rest)


@dataclass
class ScopeChecker:
    """Decides whether a name is in scope. Without a scope, every name is.

    in_own_database: whether names without a database are in the platform's own database. created: what the script has created so
    far, as (class, name).
    """

    type: str
    scope: Mapping[str, Any] | None
    in_own_database: bool = True
    created: set[tuple[str, str]] = field(default_factory=set)
    _token_owner: str | None = None

    def __post_init__(self) -> None:
        self.dialect = DIALECT_OF[self.type]
        scope = self.scope or {}
        self._databases = self._spellings([scope.get("database")])
        self._accounts = self._spellings([*(scope.get("accounts") or []), *_derived_accounts(self.type, scope.get("database"))])

    def _spellings(self, names: Iterable[Any]) -> frozenset[str]:
        return frozenset().union(*(spellings(str(name), self.dialect) for name in names if name))

    @property
    def is_limited(self) -> bool:
        return self.scope is not None

    def is_own_database(self, name: str) -> bool:
        return not self.is_limited or name in self._databases

    def is_own_login_database(self, database: str | None) -> bool:
        """Whether the database of the login is the platform's own. A login without a database counts as such."""
        return not self.is_limited or not database or bool(spellings(database, self.dialect) & self._databases)

    def is_own_account(self, name: str) -> bool:
        return not self.is_limited or name in self._accounts or ("account", name) in self.created

    def was_created(self, kind: str, name: str) -> bool:
        return not self.is_limited or (kind, name) in self.created

    def may_create_account(self, kind: str, name: str, *, if_not_exists: bool) -> bool:
        """Whether the script may create this account: one in scope, or a role, with which nobody signs in, named after Immuta or the database."""
        if self.is_own_account(name):
            return True
        if kind not in ("ROLE", "GROUP"):
            return False
        prefixes = ("immuta_", *(() if if_not_exists else (f"{database.casefold()}_" for database in self._databases)))
        return name.casefold().startswith(prefixes)

    def contains(self, name: Name, *, qualifiers: int) -> bool:
        """Whether something is inside the platform's own database. qualifiers: the number of qualifiers up to the database."""
        if not self.is_limited:
            return True
        if len(name.parts) > qualifiers + 1 or any("/" in part or part.endswith(":") for part in name.parts):
            return False
        return self.is_own_database(name.parts[0]) if len(name.parts) == qualifiers + 1 else self.in_own_database

    def accepts_token_owner(self, name: str) -> bool:
        """Whether this is the first principal of a Databricks script whose scope names none: the owner of a personal access token."""
        if self.dialect != "databricks" or any(map(_APPLICATION_ID.fullmatch, self._accounts)):
            return False
        self._token_owner = self._token_owner or name
        return self._token_owner == name
