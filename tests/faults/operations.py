# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation, as a run of a module and the request of it that goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

PASSWORD = "a s3cret, wh4t else"
NEW_PASSWORD = "n3w & 'improved'"

#: where a run may write; what it is in the end depends on the machine
FILE = "the file of the run"


class Kind(Enum):
    """What a second sending of a request does (design: Lost answers)."""

    READ = "changes nothing, whatever its method"
    REPEAT = "a PUT or a DELETE: sent twice it does the same as sent once"
    FIND = "a POST that makes something which can be looked for"
    ONCE = "a POST whose effect nobody can see"


READ, REPEAT, FIND, ONCE = Kind


@dataclass(frozen=True)
class Operation:
    """A run of a module, and its request that goes wrong: method, and path with query as regular expressions."""

    name: str
    kind: Kind
    request: str
    module: str
    options: Mapping[str, Any]
    check: bool = False
    #: integrations that are there, and whether there is a connection
    there: tuple[Mapping[str, Any], ...] = ()
    connected: bool = False
    switches: Mapping[str, Any] = field(default_factory=dict)
    core: bool = False

    @property
    def method(self) -> str:
        return self.request.split()[0]

    @property
    def path(self) -> str:
        return f"^{self.request.split()[1]}$"


ACCOUNT = {"authentication_type": "userPassword", "username": "immuta", "password": PASSWORD}
STORED = {"authenticationType": "userPassword", "username": "immuta", "password": PASSWORD}
REDSHIFT = {"type": "Redshift", "auto_bootstrap": False}
CLUSTER = {"host": "cluster.example.com", "database": "immuta"}
CREATE = {**REDSHIFT, "config": {**CLUSTER, "initial_database": "dev", **ACCOUNT}}
UPDATE = {**REDSHIFT, "config": {**CLUSTER, "initial_database": "dev", **ACCOUNT, "port": 5440}}
DELETE = {**CREATE, "state": "absent"}
A_REDSHIFT = ({"id": "1", "type": "Redshift", "config": {**CLUSTER, "initialDatabase": "dev", **STORED}},)

HOST = "acme.eu.snowflakecomputing.com"
PLACE = {"host": HOST, "warehouse": "WH", "database": "IMMUTA"}
OWNED = {"type": "Snowflake", "auto_bootstrap": False, "config": {**PLACE, **ACCOUNT, "audit": {"enabled": True}}}
A_SNOWFLAKE = ({"id": "1", "type": "Snowflake", "config": {**PLACE, **STORED}},)
BEHIND = ({"id": "5", "type": "Snowflake", "config": {**PLACE, **STORED}},)

POOL = {"type": "Azure Synapse Analytics", "auto_bootstrap": False, "config": {"host": "acme.azure.com", "database": "pool", "schema": "views", **ACCOUNT}}
A_POOL = ({"id": "1", "type": "Azure Synapse Analytics", "config": {"host": "acme.azure.com", "database": "pool", "schema": "views", **STORED}},)
A_TRINO = ({"id": "7", "type": "Trino"},)

SIGN_IN = {"technology": "Snowflake", "hostname": HOST, "warehouse": "WH", **ACCOUNT}
KEY = {"connection_key": "acme"}
REGISTER = {**KEY, "connection": SIGN_IN, "native_integration": {"type": "Snowflake", "auto_bootstrap": False, "config": {**PLACE, **ACCOUNT}}}
EDIT = {**KEY, "connection": {**SIGN_IN, "warehouse": "OTHER"}}
#: what is registered, beside the integration behind it, when C(connected)
CONNECTION = {
    "connectionKey": "acme",
    "nativeIntegrationId": 5,
    "connection": {"technology": "Snowflake", "hostname": HOST, "port": 443, "warehouse": "WH", **STORED},
    "settings": {"isActive": True},
    "contents": ["SALES/PUBLIC/ORDERS"],
}
ONE, ALL = "immuta_integration", "immuta_integration_info"
CONNECTS, OBJECT, SYNC = "immuta_connection", "immuta_data_object", "immuta_data_object_sync"
JSON = {"script_answer": "json"}  # of a text nobody can tell that its end is missing
JOBS = {"jobs": "polls:2"}


def script(action: str, **more: Any) -> Operation:
    path = f"/integrations{'/1' if action in ('edit', 'delete') else ''}/scripts/{action}"
    return Operation(
        f"script {action}", READ, f"POST {path}", "immuta_integration_script", {**POOL, "action": action, "dest": FILE}, there=A_POOL, switches=JSON, **more
    )


def connection(name: str, kind: Kind, request: str, module: str, options: Mapping[str, Any], **more: Any) -> Operation:
    return Operation(name, kind, request, module, options, there=BEHIND, connected=True, **more)


OPERATIONS = (
    Operation("exchange the API key for a token", READ, "POST /bim/apikey/authenticate", ALL, {"auth_method": "bearer"}, there=A_REDSHIFT, core=True),
    Operation("list integrations", READ, "GET /integrations", ALL, {}, there=A_REDSHIFT, core=True),
    Operation("get an integration", READ, "GET /integrations/1", ONE, {**UPDATE, "id": "1"}, there=A_REDSHIFT),
    Operation("look before a create", READ, "GET /integrations", ONE, CREATE),
    Operation("validate a create", READ, r"POST /integrations\?dryRun=true", ONE, CREATE, check=True),
    Operation("create an integration", FIND, "POST /integrations", ONE, CREATE, core=True),
    Operation("create, with a key in the answer", FIND, "POST /integrations", ONE, {"type": "Trino", "api_key_dest": FILE}),
    Operation("status after a create", READ, "GET /integrations/1/status", ONE, CREATE, switches={"transitions": "polls:2"}, core=True),
    Operation("validate an update", READ, r"PUT /integrations/1\?dryRun=true", ONE, UPDATE, there=A_REDSHIFT, check=True),
    Operation("update an integration", REPEAT, "PUT /integrations/1", ONE, UPDATE, there=A_REDSHIFT, core=True),
    Operation("see whose an integration is", READ, "POST /data/object/search", ONE, OWNED, there=A_SNOWFLAKE, switches={"data_api": "on"}),
    Operation("validate a delete", READ, r"DELETE /integrations/1\?dryRun=true", ONE, DELETE, there=A_REDSHIFT, check=True),
    Operation("delete an integration", REPEAT, "DELETE /integrations/1", ONE, DELETE, there=A_REDSHIFT, core=True),
    Operation("disable by force", REPEAT, r"DELETE /integrations/1\?forceDisable=true", ONE, {**DELETE, "force_disable": True}, there=A_REDSHIFT),
    script("initial-create"),
    script("create", core=True),
    script("edit"),
    script("delete"),
    script("cleanup"),
    script("post-cleanup"),
    Operation("regenerate an API key", ONCE, "POST /integrations/7/regenerate", "immuta_integration_api_key", {"dest": FILE}, there=A_TRINO, core=True),
    Operation("test a connection", READ, "POST /data/connection/test", CONNECTS, REGISTER, check=True, switches={"data_api": "on"}),
    Operation("register a connection", FIND, "POST /data/connection", CONNECTS, REGISTER, switches={"data_api": "on"}, core=True),
    Operation("jobs of a registration", READ, "GET /jobs.*", CONNECTS, REGISTER, switches={"data_api": "on", **JOBS}),
    connection("list connections", READ, "POST /data/object/search", "immuta_connection_info", {}),
    connection("get a connection", READ, "GET /data/connection/acme", CONNECTS, EDIT),
    connection("get what is behind it", READ, "GET /integrations/5", CONNECTS, {**EDIT, "native_integration": REGISTER["native_integration"]}),
    connection("edit a connection", REPEAT, "PUT /data/connection/acme", CONNECTS, EDIT, core=True),
    connection("settings of a connection", REPEAT, "PUT /data/settings/acme", CONNECTS, {**KEY, "settings": {"is_active": False}}),
    connection("delete a connection", REPEAT, "DELETE /data/object/acme", CONNECTS, {**KEY, "state": "absent"}, core=True),
    connection("get an object", READ, "GET /data/object/acme/SALES", OBJECT, {"object_path": ["acme", "SALES"], "settings": {"is_active": False}}),
    connection("settings of an object", REPEAT, "PUT /data/settings/acme/SALES", OBJECT, {"object_path": ["acme", "SALES"], "settings": {"is_active": False}}),
    connection("list objects", READ, "POST /data/object/search/acme", "immuta_data_object_info", {"object_path": ["acme"], "depth": 1}),
    connection("sync an object", ONCE, "POST /data/crawl/acme", SYNC, {"object_path": ["acme"]}, core=True),
    connection("jobs of a sync", READ, "GET /jobs.*", SYNC, {"object_path": ["acme"]}, switches=JOBS),
    connection("states of jobs", READ, "POST /jobs/statuses", SYNC, {"object_path": ["acme"]}, switches=JOBS, core=True),
)
