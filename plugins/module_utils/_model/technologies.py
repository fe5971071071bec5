# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The technologies of connections, as data. To add one, add a row here and its page in the docs.

Source: the vendor's page "Connection Registration Payloads Reference Guide". It documents Snowflake and Databricks. Its
information about AWS Lake Formation is not enough for a table, so the options of that technology, like any other, are sent
unchanged. The vendor's reference guides document the levels of the other technologies, but not their C(connection.technology).

PRIVATE to the collection: it can change at any time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .fields import Field, merge_fields
from .platforms import AUTHENTICATION_TYPE, DATABRICKS, HOST, OAUTH_CLIENT_CONFIG, PASSWORD, PORT, SNOWFLAKE, TOKEN, USERNAME, private_key

# The keys that the newest Connections API accepts. Older ones accepted more, and such connections must remain manageable.
_KEY = re.compile(r"[A-Za-z0-9_-]+")
RESERVED_KEYS = frozenset({"data", "connection", "object", "crawl", "search", "settings", "metadata", "permission", "sync", "bulk", "upgrade"})


@dataclass(frozen=True)
class Technology:
    """The properties of one technology."""

    #: the value of C(connection.technology)
    name: str
    #: the options of C(connection)
    fields: tuple[Field, ...]
    #: the options of C(native_integration)
    native_fields: tuple[Field, ...]
    #: whether the vendor documents its payload, so that missing and wrong options can be detected
    documented: bool = True
    #: the number of names in the path of a table (connection, database, schema, table); 0 if unknown
    levels: int = 4
    #: whether Immuta revokes the grants on activated objects to which no subscription policy applies
    revokes_grants: bool = False

    @property
    def native_config(self) -> tuple[Field, ...]:
        """The fields of C(native_integration.config)."""
        return next(field.fields for field in self.native_fields if field.option == "config")


# --- fields of connections ---------------------------------------------------------------------------------------


def _hidden_in_answers(field: Field) -> Field:
    """Return the field marked as hidden at every depth, because answers show it in part or not at all: a missing value is unknown."""
    return replace(field, hidden=not field.secret, fields=tuple(map(_hidden_in_answers, field.fields)))


_TECHNOLOGY = Field("technology", "Technology of the connection. AWS Lake Formation is V(Glue).", required=True)
_HOSTNAME = replace(HOST, option="hostname")
_PORT = replace(PORT, default=443)
_OAUTH = _hidden_in_answers(OAUTH_CLIENT_CONFIG)

_SNOWFLAKE_CONNECTION = (
    _TECHNOLOGY,
    _HOSTNAME,
    _PORT,
    Field("warehouse", "Warehouse that Immuta's queries run in.", required=True),
    Field("role", "Privileged role of the system account. It has to see the data that Immuta governs."),
    AUTHENTICATION_TYPE,
    replace(USERNAME, branch=("userPassword", "keyPair")),
    replace(PASSWORD, branch=("userPassword",)),
    _hidden_in_answers(private_key("private_key", required=True, branch=("keyPair",))),
    Field("private_key_password", "Passphrase of the private key.", secret=True, branch=("keyPair",)),
    replace(_OAUTH, branch=("oAuthClientCredentials",)),
)

_DATABRICKS_CONNECTION = (
    _TECHNOLOGY,
    _HOSTNAME,
    _PORT,
    Field("http_path", "HTTP path of the SQL warehouse or cluster.", required=True),
    AUTHENTICATION_TYPE,
    TOKEN,
    replace(_OAUTH, branch=("oAuthM2M",)),
)


def _optional(fields: Sequence[Field]) -> tuple[Field, ...]:
    """Return the fields with none required: Immuta itself reports what the native integration lacks."""
    return tuple(replace(field, required=False, fields=_optional(field.fields)) for field in fields)


_TYPE = Field("type", "Type of the integration behind the connection.", required=True)
_AUTO_BOOTSTRAP = Field("auto_bootstrap", "Whether Immuta sets up the platform itself. The vendor documents V(false).", type="bool")
_UNITY_CATALOG = Field("unity_catalog", "Whether it is Unity Catalog. Always V(true).", type="bool", required=True)


def _config(fields: Sequence[Field]) -> Field:
    return Field("config", "Settings of the integration behind the connection.", type="dict", fields=_optional(fields))


# --- the technologies --------------------------------------------------------------------------------------------

SNOWFLAKE_CONNECTION = Technology("Snowflake", _SNOWFLAKE_CONNECTION, (_TYPE, _AUTO_BOOTSTRAP, _config(SNOWFLAKE.fields)))
DATABRICKS_CONNECTION = Technology(
    "Databricks",
    _DATABRICKS_CONNECTION,
    # the vendor's example has host and port instead of workspaceUrl and httpPath of the Integrations API; both are accepted
    (_TYPE, _AUTO_BOOTSTRAP, _UNITY_CATALOG, _config([HOST, PORT, *DATABRICKS.fields])),
    revokes_grants=True,
)

#: every option of C(connection) and C(native_integration), for the documented technologies
CONNECTION_FIELDS = merge_fields([SNOWFLAKE_CONNECTION.fields, DATABRICKS_CONNECTION.fields])
NATIVE_FIELDS = merge_fields([SNOWFLAKE_CONNECTION.native_fields, DATABRICKS_CONNECTION.native_fields])


def _all_optional(fields: Sequence[Field]) -> tuple[Field, ...]:
    """Return the fields for a technology without a table: all optional, and nothing is known about them except which are secret."""
    return tuple(replace(field, required=False, immutable=False, decides=False, branch=(), fields=_all_optional(field.fields)) for field in fields)


_UNDOCUMENTED = Technology("", (_TECHNOLOGY, *_all_optional(CONNECTION_FIELDS[1:])), _all_optional(NATIVE_FIELDS), documented=False, levels=0)

#: AWS Lake Formation, whose catalog has databases and tables but no schemas
GLUE_CONNECTION = replace(_UNDOCUMENTED, name="Glue", levels=3)
#: the technologies that the API can register
TECHNOLOGIES: dict[str, Technology] = {each.name: each for each in (SNOWFLAKE_CONNECTION, DATABRICKS_CONNECTION, GLUE_CONNECTION)}

#: levels of the technologies that are registered in Immuta's UI, by possible names of them, reduced to lower-case letters
LEVELS_OF_UNDOCUMENTED = {"trino": 4, "starburst": 4, "starbursttrino": 4, "oracle": 4, "sqlserver": 4, "mssql": 4, "mariadb": 3, "teradata": 3}
_BY_NORMALIZED_NAME = {
    **{name: replace(_UNDOCUMENTED, levels=levels) for name, levels in LEVELS_OF_UNDOCUMENTED.items()},
    **{name.lower(): technology for name, technology in TECHNOLOGIES.items()},
}


def technology_of(name: object) -> Technology:
    """Return the technology of that name, ignoring case and punctuation. An unknown one has no rules.

    A name that the vendor does not document keeps its spelling.
    """
    given = str(name or "")
    known = _BY_NORMALIZED_NAME.get(re.sub("[^a-z]", "", given.lower()), _UNDOCUMENTED)
    return known if known.documented or known is GLUE_CONNECTION else replace(known, name=given)


#: the vendor's limit: an object that is activated must have fewer descendants
MAX_CHILDREN = 100_000

#: what the upgrade of an integration to a connection does not migrate, and what is different afterwards
NOT_MIGRATED = ("Databricks Spark", "workspace-catalog binding", "tags that POST /api/v2/data attaches to data sources at their registration")
AFTER_MIGRATION = (
    "data sources are renamed to connection, database, schema and table, with dots between, in the platform's case",
    "POST /{technology}/handler and POST /api/v2/data are gone",
    "Immuta reads the platform by itself, and what was not registered arrives inactive",
)


# --- settings of objects -----------------------------------------------------------------------------------------

SETTINGS_FIELDS: tuple[Field, ...] = (
    Field("is_active", "Whether Immuta governs the object.", type="bool"),
    Field("activate_new_children", "Whether Immuta activates new objects in it automatically.", type="bool"),
    Field(
        "data_owners",
        "Users and groups that own the data, in the API's format. Their order does not matter.",
        type="list",
        elements="dict",
    ),
    Field(
        "infrastructure_admins",
        "Users and groups that administer the connection, in the API's format. Current tenants no longer have them.",
        type="list",
        elements="dict",
    ),
)

OPTIONS_FIELDS: tuple[Field, ...] = (Field("force_recursive_crawl", "Whether Immuta reads the whole platform immediately instead of on request.", type="bool"),)


def key_problem(key: str) -> str:
    """Return why a new connection cannot have this key; empty if it can."""
    if not _KEY.fullmatch(key):
        return "may hold letters, digits, hyphens and underscores only"
    if key.lower() in RESERVED_KEYS:
        return "is a name that Immuta reserves for itself"
    return ""
