# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotating secrets, and having a platform read again. The engines say which secret lets in, the tenant which one it stored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.leaks import traces
from support.playbook import Run

from .conftest import NASTY, ROTATE, SYNC, Platform, World, seed
from .test_connections import Connection, leave

NEXT = NASTY.replace("5439", "n€xt")


def new_secrets(**secrets: Any) -> dict[str, Any]:
    return {"immuta_platform_new_secrets": {name: {"__ansible_unsafe": value} if isinstance(value, str) else value for name, value in secrets.items()}}


def takes(platform: Platform) -> str:
    """Which of the two passwords the warehouse takes."""
    both = {"present": platform.password, "new": NEXT}
    return " and ".join(name for name, password in both.items() if platform.engine.can_login(platform.user, password, platform.database))


def stored(world: World, platform: Platform) -> str:
    return {platform.password: "present", NEXT: "new"}[world.registered(platform)["config"]["password"]]


def short(event: dict[str, Any]) -> str:
    """The first word of what was sent to the warehouse, or that Immuta was told; nothing for other tasks."""
    if event["action"].endswith("immuta_sql_script"):
        return str(event["task"].split(" ")[0])
    return "tell" if event["task"].startswith("Send the new secret to the tenant") else ""


def statements(run: Run, host: str) -> list[str]:
    return [short(event) for event in run.tasks(host, "immuta_sql_script")]


def leaks(run: Run, *secrets: str) -> bool:
    return bool(traces(secrets, run.output, run.events))


#: host -> (its variables, what the message says)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing_new": ({}, "There is no new secret"),
    "no_secret": (new_secrets(username="somebody"), "names that are not secrets: username"),
    "no_part_of_it": (new_secrets(privateKey={"content": "x", "owner": "y"}), "private_key.owner"),
    "the_same": (new_secrets(password=NASTY), "are the current ones of the platform"),
    "empty": (new_secrets(password=""), "is empty"),
    "no_public_key": (new_secrets(private_key="a key"), "immuta_platform_new_public_key is needed"),
    "not_a_public_key": ({**new_secrets(private_key="a key"), "immuta_platform_new_public_key": "-----BEGIN PRIVATE KEY-----"}, "is needed"),
    "unregistered": (new_secrets(password=NEXT), "Immuta does not have this platform"),
    "automatic": (new_secrets(password=NEXT), "Immuta made the account of this platform itself"),
}


def refused_hosts(world: World) -> list[Platform]:
    hosts = {host: replace(world.snowflake, host=host, extra=extra) for host, (extra, _unused) in REFUSED.items()}
    hosts["unregistered"].config = {**world.snowflake.config, "host": "127.0.0.77"}
    integration = hosts["automatic"].variables()["immuta_platform_integration"]
    hosts["automatic"].extra = {**hosts["automatic"].extra, "immuta_platform_integration": {**integration, "auto_bootstrap": True}}
    return list(hosts.values())


@pytest.fixture
def both(world: World) -> list[Platform]:
    """A platform of each warehouse, registered, with a new password in its variables."""
    platforms = [world.redshift, world.snowflake]
    seed(world, *platforms)
    for platform in platforms:
        platform.extra = new_secrets(password=NEXT)
    world.tenant.clear_log()
    return platforms


def test_passwords_are_rotated(world: World, both: list[Platform]) -> None:
    check = world.run(ROTATE, "--check", on=both)
    assert check.rc == 0, check.output
    for platform in both:
        assert check.result(platform.host)["action"] == "updated" and check.changed(platform.host)
        assert (takes(platform), stored(world, platform)) == ("present", "present")
    assert not [line for line in world.asked() if "PUT" in line], "the tenant was asked to validate what the warehouse does not know"
    done = world.run(ROTATE, "-vvvv", "--diff", on=[*both, *refused_hosts(world)])
    assert done.rc != 0, "a host that failed is no success"
    for platform in both:
        assert done.stats(platform.host)["failures"] == 0, done.output
        assert done.result(platform.host) == {"action": "updated", "changed": True, "id": world.registered(platform)["id"]}
        assert (takes(platform), stored(world, platform)) == ("new", "new")
        assert world.registered(platform)["status"] == "enabled"
    for host, (_unused, complaint) in REFUSED.items():
        assert complaint in done.message(host) and "\n" not in done.message(host), host
        assert not statements(done, host)
    assert not any(leaks(run, NASTY, NEXT) for run in (check, done))


@pytest.mark.all
def test_a_password_that_the_tenant_refuses_is_restored_and_one_whose_answer_is_lost_is_kept(world: World, both: list[Platform]) -> None:
    # One is refused by its validation, the other when it is sent
    refusal = {"status": 422, "body": '{"message": "not today"}'}
    world.tenant.fault(method="PUT", path=f"/integrations/{world.registered()['id']}.*dryRun", **refusal)
    world.tenant.fault(method="PUT", path=f"/integrations/{world.registered(world.snowflake)['id']}$", **refusal)
    refused = world.run(ROTATE, on=both)
    for platform in both:
        message = refused.message(platform.host)
        assert "not today" in message and "The warehouse accepts the current secret, and Immuta has the current one" in message
        assert statements(refused, platform.host) == ["Set", "Sign", "Restore"]
        assert (takes(platform), stored(world, platform)) == ("present", "present")

    # What nobody knows stays as it is
    world.tenant.fault(method="PUT", path=f"/integrations/{world.registered()['id']}$", status=500, when="after")
    lost = world.run(ROTATE, on=world.redshift)
    assert "The warehouse accepts the new secret, and it is unknown whether Immuta has the current or the new one" in lost.message("redshift")
    assert takes(world.redshift) == "new"

    done = world.run(ROTATE, on=both)
    assert done.rc == 0, done.output
    for platform in both:
        assert (takes(platform), stored(world, platform)) == ("new", "new")
    assert not any(leaks(run, NASTY, NEXT) for run in (refused, lost, done))


@dataclass(frozen=True)
class KeyPair:
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @property
    def pem(self) -> str:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    @property
    def public(self) -> str:
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def body(self) -> str:
        return "".join(self.public.splitlines()[1:-1])


@dataclass
class Keyed(Connection):
    """A connection whose account signs in with a key pair, said in the API's spelling."""

    pair: KeyPair = field(default_factory=KeyPair)

    def variables(self) -> dict[str, Any]:
        found = super().variables()
        connection = found["immuta_platform_connection"]
        key = {"keyName": "PRIV_KEY_FILE", "userFilename": "present.pem", "content": self.pair.pem}
        for part in (connection["connection"], connection["native_integration"]["config"]):
            del part["password"]
            part.update(authenticationType="keyPair", privateKey=key)
        password = "PASSWORD = '" + self.password.replace("'", "''") + "'"
        before = [line.replace(password, f"RSA_PUBLIC_KEY = '{self.pair.body}'") for line in found["immuta_platform_sql_before"]]
        return {**found, "immuta_platform_sql_before": before}

    def takes(self, pair: KeyPair) -> bool:
        import snowflake.connector

        der = pair.key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        try:
            self.engine.connect(self.user, authenticator="SNOWFLAKE_JWT", private_key=der).close()
        except snowflake.connector.errors.DatabaseError:
            return False
        return True


@pytest.fixture
def keyed(world: World) -> Keyed:
    world.tenant.settings(data_api="on", snowflake_account="given")
    return Keyed("lake", world.snowflake.engine, world.snowflake.config)


def connection_key_of(world: World, keyed: Keyed) -> str:
    document = next(each for each in world.tenant.stored_connections() if each["connectionKey"] == keyed.key)
    return str(document["connection"]["privateKey"]["content"])


@pytest.mark.all
def test_the_whole_way_of_a_key_pair_and_a_connection(world: World, keyed: Keyed) -> None:
    """At every moment the account has the key that Immuta uses."""
    new = KeyPair()
    assert world.register(on=keyed).rc == 0
    given = new_secrets(private_key={"content": new.pem, "user_filename": "new.pem"})

    keyed.extra = {**given, "immuta_platform_new_public_key": KeyPair().public}
    world.tenant.clear_log()
    strange = world.run(ROTATE, on=keyed)
    assert "Sign in as" in strange.message("lake") and "was rolled back" in strange.message("lake")
    assert not world.tenant.writes(), "Immuta was told of a key that does not let in"
    assert keyed.takes(keyed.pair) and not keyed.takes(new)

    keyed.extra = {**given, "immuta_platform_new_public_key": new.public}
    done = world.run(ROTATE, "-vvvv", "--diff", on=keyed)
    assert done.rc == 0, done.output
    assert [name for name in map(short, done.tasks("lake")) if name] == ["Set", "Sign", "tell", "Remove", "Sign"]
    assert done.result("lake")["id"] == str(connected_native(world, keyed))
    assert keyed.takes(new) and not keyed.takes(keyed.pair)
    assert connection_key_of(world, keyed) == new.pem
    assert "The connection's integration cannot be edited" in done.output
    assert not leaks(done, new.pem, keyed.pair.pem)

    keyed.pair = new
    keyed.extra = {}
    leave(keyed)


def connected_native(world: World, keyed: Keyed) -> Any:
    return world.tenant.call("GET", f"/data/connection/{keyed.key}").json()["nativeIntegrationId"]


def test_a_connection_is_read_again_and_an_integration_is_left_out(world: World) -> None:
    world.tenant.settings(data_api="on")
    connection = {"connectionKey": "lake", "nativeIntegrationId": None, "connection": {"technology": "Glue"}, "contents": ["sales/orders"]}
    world.tenant.connections([connection])
    lake = Platform("lake", world.redshift.engine, world.redshift.config)
    lake.extra = {"immuta_platform_integration": {}, "immuta_platform_connection": {"connection_key": "lake", "connection": {"technology": "Glue"}}}
    world.tenant.contents("lake", ["sales/orders", "sales/returns"])
    for arguments, sent in ((["--check"], 0), ([], 1)):
        world.tenant.clear_log()
        run = world.run(SYNC, *arguments, on=[lake, world.redshift])
        assert run.rc == 0, run.output
        assert (run.changed("lake"), run.changed("redshift")) == (1, 0)
        assert len(world.tenant.writes()) == sent
        assert "redshift is registered as an integration and is skipped" in run.output
    assert world.tenant.call("GET", "/data/object/lake/sales/returns").status == 200
