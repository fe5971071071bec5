# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the demo happens: two tenants, four warehouses, and the folder of an operator who copied the example inventory.

Everything is in a folder of its own under .build, of which the logs stay. The processes end with the context, or with the process that
entered it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from engines import RedshiftEngine, SnowflakeEngine
from immuta_simulator import Simulator
from support.playbook import Run
from tools.checks.commands import BUILD, ROOT, clean_environment

LOGS = BUILD / "demo"
CALLBACKS = ROOT / "tests" / "support" / "callback_plugins"

Engine = RedshiftEngine | SnowflakeEngine

# Both kinds of quotes, a semicolon, dollar signs, braces, a backslash, a letter of another alphabet, and the digits of a port
SYSTEM_PASSWORD = r"""it's "4 you"; $$ 100% {{ sure }} \ ü 5439"""
# What was on every warehouse before, and must be there afterwards
BYSTANDER = "sales"


@dataclass(frozen=True)
class Place:
    """One data platform: an inventory host, and what the inventory says about it."""

    name: str
    tenant: str
    type: str
    host: str
    database: str
    user: str


PLACES = (
    Place("redshift_emea", "emea", "Redshift", "analytics.abc123.eu-central-1.redshift.amazonaws.com", "immuta", "immuta_system_account"),
    Place("snowflake_emea", "emea", "Snowflake", "acme-emea.eu-central-1.snowflakecomputing.com", "IMMUTA", "IMMUTA_SYSTEM_ACCOUNT"),
    Place("snowflake_us", "us", "Snowflake", "acme-us.us-east-1.snowflakecomputing.com", "IMMUTA", "IMMUTA_SYSTEM_ACCOUNT"),
)
# The warehouse that the inventory names. In the US nobody has made it yet.
WAREHOUSE = "IMMUTA_WH"


@dataclass
class World:
    """The running things by their names, and what the demo keeps in mind of them."""

    folder: Path
    tenants: Mapping[str, Simulator]
    engines: Mapping[str, Engine]
    #: what the catalogues held, at the beginning and when everything was registered
    before: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, Any] = field(default_factory=dict)
    #: somebody interrupted the demo
    given_up: bool = False
    vault_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    # --- what an operator has: files

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def prepare(self) -> None:
        """Copy the example inventory, fill in what is a placeholder there, and encrypt the secrets."""
        shutil.copytree(ROOT / "playbooks" / "inventory.example", self.inventory)
        shutil.copy2(ROOT / "playbooks" / "ansible.example.cfg", self.folder / "ansible.cfg")
        for place in PLACES:
            # What differs from the example, as the names of real hosts lead nowhere here
            login = {**self.engines[place.name].login, "password": "{{ vault_admin_passwords[inventory_hostname] }}"}
            self.say(place.name, immuta_url=self.tenants[place.tenant].url, immuta_platform_login=login)
        self.say("snowflake_emea", snowflake_audit=False)
        self.say("snowflake_us", immuta_platform_artifacts=str(self.artifacts))
        private(self.folder / "vault-password", self.vault_password)
        vault = self.inventory / "group_vars" / "immuta_platforms" / "vault_to_be_encrypted.yml"
        private(vault, self._secrets())
        subprocess.run(["ansible-vault", "encrypt", str(vault)], env=self.environment(), check=True, capture_output=True)

    def say(self, host: str, **variables: Any) -> None:
        """Set variables of an inventory host, beside those that it has."""
        path = self.inventory / "host_vars" / f"{host}.json"
        path.parent.mkdir(exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps({**known, **variables}, indent=2), encoding="utf-8")

    def _secrets(self) -> str:
        keys = [f"vault_immuta_api_key_{name}: {json.dumps(tenant.api_key)}" for name, tenant in self.tenants.items()]
        # Without !unsafe the braces would be a template
        system = [f"  {place.name}: !unsafe {json.dumps(SYSTEM_PASSWORD)}" for place in PLACES]
        admin = [f"  {name}: !unsafe {json.dumps(engine.admin_password)}" for name, engine in self.engines.items()]
        return "\n".join([*keys, "vault_immuta_system_passwords:", *system, "vault_admin_passwords:", *admin, ""])

    # --- what an operator does: commands

    def environment(self) -> dict[str, str]:
        """The environment of a command. If DEMO_BIN names a folder of commands and DEMO_COLLECTIONS one of collections, nothing of .venv is in it."""
        environment = clean_environment()
        if "DEMO_BIN" in environment:
            environment["PATH"] = os.pathsep.join([environment["DEMO_BIN"], os.defpath])
            environment["ANSIBLE_COLLECTIONS_PATH"] = environment["DEMO_COLLECTIONS"]
        return environment | {
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            # The locks are in the home. Another demo on this machine has platforms of the same names
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault-password"),
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "task_events",
            "ANSIBLE_NOCOLOR": "1",
        }

    def play(self, name: str, playbook: str, *arguments: str) -> Run:
        """Run a playbook of the collection in an empty directory; its output goes to the log of that name."""
        events, empty = self.folder / f"{name}.events", self.folder / f"{name}.cwd"
        empty.mkdir()
        events.touch()
        done = subprocess.run(
            ["ansible-playbook", f"community.immuta.{playbook}", *arguments],
            cwd=empty,
            env=self.environment() | {"TASK_EVENTS": str(events)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output = done.stdout.decode("utf-8", "replace")
        (self.folder / "log" / f"{name}.txt").write_text(output, encoding="utf-8")
        empty.rmdir()  # fails when something was left in it
        return Run(done.returncode, output, [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()])

    # --- what others do

    def someone_edits(self, name: str, **config: Any) -> None:
        """Edit a Snowflake integration by hand: have the script made, paste it into a worksheet, send the request."""
        found = self.integration(name)
        body = {key: found[key] for key in ("type", "autoBootstrap")} | {"config": found["config"] | config}
        script = self.ask(place_of(name).tenant, "POST", f"/integrations/{found['id']}/scripts/edit", body)
        with closing(self.engines[name].connect()) as worksheet:
            worksheet.execute_string(script)
        self.ask(place_of(name).tenant, "PUT", f"/integrations/{found['id']}", body)

    def ask(self, tenant: str, method: str, path: str, body: Mapping[str, Any]) -> str:
        """What anybody with a key and curl can do."""
        headers = {"Authorization": self.tenants[tenant].api_key, "Content-Type": "application/json"}
        request = urllib.request.Request(self.tenants[tenant].url + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return str(answer.read(), "utf-8")

    # --- what is there

    def integration(self, name: str) -> dict[str, Any]:
        """What the tenant has stored for a platform; nothing when it has none."""
        place = place_of(name)
        stored = self.tenants[place.tenant].integrations()
        return next((each for each in stored if each["config"].get("host") == place.host and each["status"] != "deleted"), {})

    def catalogues(self, tenant: str = "") -> dict[str, Any]:
        """What the warehouses' own catalogues hold, of all or of one tenant."""
        return {place.name: self.engines[place.name].catalog() for place in PLACES if tenant in ("", place.tenant)}

    def secrets(self) -> set[str]:
        return {
            SYSTEM_PASSWORD,
            self.vault_password,
            *(engine.admin_password for engine in self.engines.values()),
            *(tenant.api_key for tenant in self.tenants.values()),
        }


def place_of(name: str) -> Place:
    return next(place for place in PLACES if place.name == name)


def private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def warehouse(place: Place, engine: Engine) -> dict[str, Any]:
    """Where a tenant finds a warehouse that it knows by the name in the integration."""
    where = {"host": place.host, "type": place.type, "address": engine.host, "port": engine.port, "ssl": False}
    return where | ({"account": engine.account} if isinstance(engine, SnowflakeEngine) else {})


@contextmanager
def opened() -> Iterator[World]:
    """The world, running and prepared."""
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=BUILD))
    (folder / "log").mkdir()
    with ExitStack() as stack:
        stack.callback(keep_the_logs, folder)
        engines: dict[str, Engine] = {place.name: RedshiftEngine() if place.type == "Redshift" else SnowflakeEngine() for place in PLACES}
        tenants = {name: Simulator() for name in ("emea", "us")}
        with ThreadPoolExecutor() as pool:
            for _unused in pool.map(stack.enter_context, [*engines.values(), *tenants.values()]):
                pass
        for name, tenant in tenants.items():
            tenant.warehouses([warehouse(place, engines[place.name]) for place in PLACES if place.tenant == name])
        world = World(folder, tenants, engines)
        with ThreadPoolExecutor() as pool:
            for _unused in pool.map(call, [world.prepare, *(partial(furnish, place.name, engines[place.name]) for place in PLACES)]):
                pass
        world.before = world.catalogues()
        yield world


def call(work: Callable[[], None]) -> None:
    work()


def furnish(name: str, engine: Engine) -> None:
    """What is on a warehouse before Immuta comes."""
    statements = [f"CREATE DATABASE {BYSTANDER}"]
    if isinstance(engine, SnowflakeEngine) and name != "snowflake_us":
        statements.append(f"CREATE WAREHOUSE {WAREHOUSE}")
    administrate(engine, *statements)


def administrate(engine: Engine, *statements: str) -> None:
    """Run statements as the warehouse's administrator."""
    with closing(engine.connect()) as connection, closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)


def keep_the_logs(folder: Path) -> None:
    shutil.rmtree(LOGS, ignore_errors=True)
    (folder / "log").rename(LOGS)
    shutil.rmtree(folder)
