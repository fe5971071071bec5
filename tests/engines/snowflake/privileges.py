# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kinds of objects there are, which privileges each has, and what the system roles may do.

Source: Snowflake documentation, "Access control privileges" and "Overview of access control".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of object: how many parts its full name has, its privileges, and who keeps it."""

    depth: int  # 1: in the account, 2: in a database, 3: in a schema
    privileges: tuple[str, ...] = ()
    stored: bool = False  # fakesnow keeps it: its statements go there after the checks
    signature: bool = False  # its name ends with argument types
    plural: str = ""


_POLICY = ("APPLY",)
_CREATABLE = (
    *("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "STAGE", "FILE FORMAT", "TAG", "STREAM", "TASK", "PIPE"),
    *("PROCEDURE", "FUNCTION", "SECRET", "MASKING POLICY", "ROW ACCESS POLICY", "PASSWORD POLICY", "SESSION POLICY"),
    *("AGGREGATION POLICY", "PROJECTION POLICY", "AUTHENTICATION POLICY", "NETWORK RULE"),
)

KINDS: dict[str, Kind] = {
    "DATABASE": Kind(
        1,
        ("USAGE", "MODIFY", "MONITOR", "REFERENCE_USAGE", "APPLYBUDGET", "CREATE SCHEMA", "CREATE DATABASE ROLE"),
    ),
    "ROLE": Kind(1, ("USAGE",)),
    "USER": Kind(1, ("MONITOR", "IMPERSONATE")),
    "WAREHOUSE": Kind(1, ("USAGE", "OPERATE", "MODIFY", "MONITOR", "APPLYBUDGET")),
    "INTEGRATION": Kind(1, ("USAGE", "USE_ANY_ROLE")),
    "NETWORK POLICY": Kind(1, plural="NETWORK POLICIES"),
    "RESOURCE MONITOR": Kind(1, ("MODIFY", "MONITOR")),
    "SHARE": Kind(1),
    "SCHEMA": Kind(
        2,
        (
            *("USAGE", "MODIFY", "MONITOR", "ADD SEARCH OPTIMIZATION", "APPLYBUDGET"),
            *(f"CREATE {kind}" for kind in _CREATABLE),
            *("CREATE EXTERNAL TABLE", "CREATE DYNAMIC TABLE", "CREATE TEMPORARY TABLE", "CREATE MODEL"),
        ),
    ),
    "DATABASE ROLE": Kind(2, ("USAGE",)),
    "TABLE": Kind(
        3,
        ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "REBUILD", "EVOLVE SCHEMA", "APPLYBUDGET"),
        stored=True,
    ),
    "VIEW": Kind(3, ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"), stored=True),
    "MATERIALIZED VIEW": Kind(3, ("SELECT", "REFERENCES"), stored=True),
    "SEQUENCE": Kind(3, ("USAGE",), stored=True),
    "STAGE": Kind(3, ("USAGE", "READ", "WRITE"), stored=True),
    "FILE FORMAT": Kind(3, ("USAGE",), stored=True),
    "TAG": Kind(3, ("APPLY", "READ")),
    "STREAM": Kind(3, ("SELECT",)),
    "TASK": Kind(3, ("MONITOR", "OPERATE")),
    "PIPE": Kind(3, ("MONITOR", "OPERATE", "APPLYBUDGET")),
    "PROCEDURE": Kind(3, ("USAGE",), signature=True),
    "FUNCTION": Kind(3, ("USAGE",), signature=True, plural="USER FUNCTIONS"),
    "SECRET": Kind(3, ("USAGE", "READ")),
    "NETWORK RULE": Kind(3),
    **{kind: Kind(3, _POLICY, plural=kind.replace("POLICY", "POLICIES")) for kind in _CREATABLE if kind.endswith("POLICY")},
}
# Words before the kind that make no difference to who may create it and how it is named.
MODIFIERS = (
    *("TRANSIENT", "TEMPORARY", "TEMP", "VOLATILE", "LOCAL", "GLOBAL", "SECURE", "RECURSIVE", "EXTERNAL", "HYBRID"),
    *("ICEBERG", "DYNAMIC", "AGGREGATE", "API", "NOTIFICATION", "SECURITY", "STORAGE", "CATALOG"),
)
# Kinds that share their names: a view cannot be called as a table is.
SAME_NAMES = (frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW"}),)

ACCOUNT_PRIVILEGES: tuple[str, ...] = (
    *("MANAGE GRANTS", "MONITOR", "MONITOR EXECUTION", "MONITOR SECURITY", "MONITOR USAGE", "MANAGE WAREHOUSES"),
    *("MANAGE ACCOUNT SUPPORT CASES", "MANAGE USER SUPPORT CASES", "OVERRIDE SHARE RESTRICTIONS", "RESOLVE ALL"),
    *("EXECUTE TASK", "EXECUTE MANAGED TASK", "EXECUTE ALERT", "IMPORT SHARE", "PURCHASE DATA EXCHANGE LISTING"),
    *("AUDIT", "ATTACH POLICY", "BIND SERVICE ENDPOINT", "READ SESSION", "MODIFY LOG LEVEL", "MODIFY TRACE LEVEL"),
    *(f"APPLY {kind}" for kind in (*(k for k in _CREATABLE if k.endswith("POLICY")), "TAG")),
    *(f"CREATE {kind}" for kind in ("ACCOUNT", "COMPUTE POOL", "DATA EXCHANGE LISTING", "EXTERNAL VOLUME")),
    *(f"CREATE {name}" for name, kind in KINDS.items() if kind.depth == 1),
)

SYSTEM_ROLES: dict[str, tuple[str, ...]] = {  # and the roles that each is granted to
    "ACCOUNTADMIN": (),
    "SECURITYADMIN": ("ACCOUNTADMIN",),
    "SYSADMIN": ("ACCOUNTADMIN",),
    "USERADMIN": ("SECURITYADMIN",),
    "PUBLIC": (),
}
SYSTEM_ROLE_PRIVILEGES: dict[str, tuple[str, ...]] = {
    "SYSADMIN": ("CREATE DATABASE", "CREATE WAREHOUSE"),
    "SECURITYADMIN": ("MANAGE GRANTS", "CREATE NETWORK POLICY"),
    "USERADMIN": ("CREATE USER", "CREATE ROLE"),
}

ALL_PRIVILEGES = frozenset(
    {
        *ACCOUNT_PRIVILEGES,
        *(privilege for kind in KINDS.values() for privilege in kind.privileges),
        *("ALL PRIVILEGES", "ALL", "OWNERSHIP", "IMPORTED PRIVILEGES"),
    }
)


def privileges_of(kind: str) -> tuple[str, ...]:
    """What GRANT ALL means for a kind, or for the ACCOUNT."""
    return ACCOUNT_PRIVILEGES if kind == "ACCOUNT" else KINDS[kind].privileges


def plural(kind: str) -> str:
    """The kind as SHOW and GRANT ... ON ALL name it."""
    return KINDS[kind].plural or kind + "S"
