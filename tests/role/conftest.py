# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's world: two real engines, a tenant that connects to them, and one platform of each that a test can run playbooks on.

The engines live as long as the session. What tests make there has names of its own, so that no test sees another's.
"""

from __future__ import annotations

import itertools
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._model.fields import camel_case
from ansible_collections.community.immuta.plugins.module_utils._sql.splitter import split
from engines import Engine, RedshiftEngine, SnowflakeEngine
from immuta_simulator import Simulator
from support.playbook import Run, run_playbook

#: the role on every platform. The playbook register leaves out those that need no script
REGISTER = str(Path(__file__).with_name("register.yml"))
DEREGISTER = "community.immuta.deregister"
ROTATE = "community.immuta.rotate"
SYNC = "community.immuta.sync"

#: everything that has ever broken a script, a template or a masker; 5439 is also a port
NASTY = """it's "both"; $$ $tag$ %s %(x)s {{ braces }} {% raw %} \\ back\\n ünïcödé 5439"""

_numbers = itertools.count(1)


@dataclass
class Platform:
    """One data platform as an inventory host, and how to look at what became of it."""

    host: str
    engine: Engine
    config: dict[str, Any]
    password: str = NASTY
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return self.engine.kind.capitalize()

    @property
    def database(self) -> str:
        return str(self.config["database"])

    @property
    def user(self) -> str:
        return str(self.config["username"])

    def variables(self) -> dict[str, Any]:
        config = {**self.config, "password": {"__ansible_unsafe": self.password}}
        login = {key: value for key, value in self.engine.login.items() if key not in ("host", "port", "database", "warehouse")}
        return {
            "immuta_platform_integration": {"type": self.type, "auto_bootstrap": False, "config": config},
            "immuta_platform_login": login,
            **self.extra,
        }

    def holds(self) -> dict[str, Any]:
        """The platform's database as the engine's own catalogue shows it; nothing when there is none."""
        return dict(self.engine.catalog()["databases"].get(self.database, {}))

    def has_user(self) -> bool:
        catalog = self.engine.catalog()
        return self.user in catalog["roles" if self.type == "Redshift" else "users"]

    def lets_in(self) -> bool:
        """Whether the system account logs in with the password as it was typed."""
        return self.engine.can_login(self.user, self.password, database=self.database)

    def sql(self, *statements: str, **where: Any) -> None:
        """Run statements as the administrator."""
        connection = self.engine.connect(**where)
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()


@dataclass
class World:
    """A tenant, platforms, and a folder in which playbooks run and nothing else happens.

    temporary: where modules and Ansible itself put temporary files; the paths of its sockets may not be long.
    """

    tenant: Simulator
    folder: Path
    temporary: Path
    redshift: Platform
    snowflake: Platform

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def run(self, playbook: str | Path, *arguments: str, on: Platform | list[Platform] | None = None, tenant: bool = True, **how: Any) -> Run:
        """Run a playbook on these platforms. Keywords are variables of all hosts; environment and command are run_playbook's."""
        platforms = [on] if isinstance(on, Platform) else on or [self.redshift]
        known = {key: how.pop(key) for key in ("environment", "command", "collections", "hosts") if key in how}
        reach = {"immuta_url": self.tenant.url, "immuta_api_key": self.tenant.api_key} if tenant else {}
        hosts = {each.host: each.variables() for each in platforms}
        inventory = {
            "immuta_platforms": {"vars": {**reach, **how}, "hosts": hosts},
            **({"others": {"hosts": known.pop("hosts")}} if "hosts" in known else {}),
        }
        environment = {"TMPDIR": str(self.temporary), "ANSIBLE_HOME": str(self.home), **known.pop("environment", {})}
        return run_playbook(playbook, inventory, self.folder, *arguments, environment=environment, **known)

    def register(self, *arguments: str, **how: Any) -> Run:
        return self.run(REGISTER, *arguments, **how)

    def deregister(self, *arguments: str, **how: Any) -> Run:
        platforms = how.get("on")
        count = len(platforms) if isinstance(platforms, list) else 1
        return self.run(DEREGISTER, "-e", f"immuta_confirm={count}", *arguments, **how)

    def registered(self, platform: Platform | None = None) -> dict[str, Any]:
        """What the tenant has for the platform, secrets included; nothing when it has none."""
        wanted = (platform or self.redshift).config["host"]
        return next((each for each in self.tenant.integrations() if each["config"].get("host") == wanted and each["status"] != "deleted"), {})

    @property
    def home(self) -> Path:
        """Where Ansible keeps what is its own, and the role what is of one run."""
        return self.temporary / "home"

    def scripts_left(self) -> list[str]:
        """What the role left in Ansible's home, and anybody in the place for temporary files."""
        left = [*self.temporary.glob("*"), *self.home.glob("immuta_platform/*")]
        return sorted(str(path.relative_to(self.temporary)) for path in left if path != self.home)

    def asked(self) -> list[str]:
        """The requests so far, as METHOD path?query, since the log was cleared last."""
        return [request_line(entry) for entry in self.tenant.requests()]


def request_line(entry: Mapping[str, Any]) -> str:
    query = entry.get("query")
    if isinstance(query, Mapping):
        query = "&".join(f"{key}={value}" for key, value in query.items())
    return f"{entry['method']} {entry['path']}{'?' + str(query) if query else ''}"


def set_up(world: World, platform: Platform) -> dict[str, Any]:
    """Run the platform's scripts by hand; gives what is to be registered."""
    variables = platform.variables()
    scripts: list[tuple[str, dict[str, Any]]] = [("create", {})]
    if "immuta_platform_connection" in variables:
        platform.sql(*variables["immuta_platform_sql_before"])
        config = {**variables["immuta_platform_connection"]["native_integration"]["config"], "host": platform.config["host"]}
    else:
        config = {camel_case(name): value for name, value in variables["immuta_platform_integration"]["config"].items()}
    if platform.type == "Redshift":
        scripts = [("initial-create", {}), ("create", {"database": platform.database})]
    document = {"type": platform.type, "autoBootstrap": False, "config": {**config, "password": platform.password}}
    for script, where in scripts:
        text = world.tenant.call("POST", f"/integrations/scripts/{script}", document).text
        platform.sql(*(each.text for each in split(text, platform.type.lower())), **where)
    return document


def seed(world: World, *platforms: Platform) -> None:
    """Have the platforms set up and registered, as a run of the role would, and at a hundredth of its time."""
    for platform in platforms:
        assert world.tenant.call("POST", "/integrations", set_up(world, platform)).status == 200


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


@pytest.fixture(scope="session")
def redshift_engine() -> Iterator[RedshiftEngine]:
    with RedshiftEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def snowflake_engine() -> Iterator[SnowflakeEngine]:
    with SnowflakeEngine(host="127.0.0.2") as engine:
        yield engine


@pytest.fixture(scope="session")
def shared_tenant(redshift_engine: RedshiftEngine, snowflake_engine: SnowflakeEngine) -> Iterator[Simulator]:
    places = [
        {
            "host": engine.host,
            "type": engine.kind.capitalize(),
            "address": engine.host,
            "port": engine.port,
            "ssl": False,
            "login": {"username": engine.admin_user, "password": engine.admin_password},
            **({"account": engine.account} if isinstance(engine, SnowflakeEngine) else {}),
        }
        for engine in (redshift_engine, snowflake_engine)
    ]
    with Simulator(warehouses=places) as tenant:
        yield tenant


@pytest.fixture
def world(shared_tenant: Simulator, redshift_engine: RedshiftEngine, snowflake_engine: SnowflakeEngine, tmp_path: Path) -> Iterator[World]:
    """Fresh platforms of both kinds in a tenant without integrations."""
    shared_tenant.reset()
    number = next(_numbers)
    redshift = Platform(
        "redshift",
        redshift_engine,
        {
            "host": redshift_engine.host,
            "port": redshift_engine.port,
            "database": f"immuta_{number}",
            "initial_database": redshift_engine.database,
            "authentication_type": "userPassword",
            "username": f"immuta_system_{number}",
        },
    )
    # The vendor's spelling
    snowflake = Platform(
        "snowflake",
        snowflake_engine,
        {
            "host": snowflake_engine.host,
            "port": snowflake_engine.port,
            "database": f"IMMUTA_{number}",
            "warehouse": snowflake_engine.warehouse,
            "authenticationType": "userPassword",
            "username": f"IMMUTA_{number}_ACCOUNT",
        },
    )
    with tempfile.TemporaryDirectory(prefix="role") as temporary:
        made = World(shared_tenant, tmp_path, Path(temporary), redshift, snowflake)
        yield made
        assert not made.scripts_left(), "something was left in the temporary directory"
