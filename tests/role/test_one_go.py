# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's whole way on both engines at once: look, register, again, edit, deregister, again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from .conftest import NASTY, World


@pytest.fixture
def both(world: World) -> dict:
    return {"on": [world.redshift, world.snowflake]}


def test_the_whole_way_on_both_engines(world: World, both: dict) -> None:
    platforms = both["on"]

    # Look: to the end from nothing, and nothing happens
    before = [platform.engine.catalog() for platform in platforms]
    look = world.register("--check", "--diff", **both)
    assert look.rc == 0, look.output
    assert not world.tenant.writes()
    assert not world.scripts_left()
    assert [platform.engine.catalog() for platform in platforms] == before
    predicted = {platform.host: look.result(platform.host) for platform in platforms}

    # Register
    world.tenant.clear_log()
    done = world.register(**both)
    assert done.rc == 0, done.output
    for platform in platforms:
        assert world.registered(platform)["status"] == "enabled"
        assert world.registered(platform)["config"]["password"] == NASTY
        assert platform.lets_in(), "the password did not arrive as it was typed"
        result = done.result(platform.host)
        assert (result["action"], result["changed"]) == ("created", True)
        assert (predicted[platform.host]["action"], predicted[platform.host]["changed"]) == ("created", True)
        assert result["id"] == str(world.registered(platform)["id"])
        assert bool(look.changed(platform.host)) is bool(done.changed(platform.host)) is True
    assert any("IMMUTA_SYSTEM.VERSION" in name.upper() for name in world.redshift.holds()["tables"])
    assert not world.scripts_left()
    # The scripts' names and numbers differ, and yet no host waits for another
    together = re.findall(r"^included: \S+/sql.yml for ([\w, ]+?)(?: =>.*)?$", done.output, re.MULTILINE)
    assert [sorted(hosts.split(", ")) for hosts in together] == [["redshift", "snowflake"], ["redshift", "snowflake"], ["redshift"]]

    # Again, first without doing it: nothing
    for arguments in (["--check"], []):
        world.tenant.clear_log()
        again = world.register(*arguments, **both)
        assert again.rc == 0, again.output
        assert world.asked() == ["GET /integrations"] * len(platforms)
        for platform in platforms:
            assert again.changed(platform.host) == 0
            assert again.result(platform.host)["action"] == "unchanged"
            assert not again.tasks(platform.host, "immuta_sql_script")
            assert not again.tasks(platform.host, "immuta_integration_script")

    # Edit
    world.redshift.config["impersonation"] = {"enabled": True, "role": f"{world.redshift.user}_impersonation"}
    world.snowflake.config["impersonation"] = {"enabled": True, "role": f"{world.snowflake.user}_IMPERSONATION"}
    predicted_edit = world.register("--check", **both)
    edited = world.register(**both)
    assert (predicted_edit.rc, edited.rc) == (0, 0), edited.output
    for platform in platforms:
        assert predicted_edit.result(platform.host) == edited.result(platform.host)
        assert edited.result(platform.host)["action"] == "updated"
        assert world.registered(platform)["config"]["impersonation"]["enabled"] is True
        assert platform.config["impersonation"]["role"] in platform.engine.catalog()["roles"]
        assert platform.lets_in()

    # Deregister
    predicted_end = world.deregister("--check", **both)
    assert predicted_end.rc == 0, predicted_end.output
    assert all(world.registered(platform) and platform.holds() for platform in platforms)
    ended = world.deregister(**both)
    assert ended.rc == 0, ended.output
    for platform in platforms:
        assert predicted_end.result(platform.host) == ended.result(platform.host)
        assert ended.result(platform.host)["action"] == "deleted"
        assert not world.registered(platform)
        assert not platform.holds()
        assert not platform.has_user()
    after = world.deregister(**both)
    assert [after.changed(platform.host) for platform in platforms] == [0, 0]
    assert not world.scripts_left()


def test_a_lookup_in_a_variable_is_one_value_for_all_steps(world: World, tmp_path: Path) -> None:
    playbook = tmp_path / "lookup.yml"
    playbook.write_text(
        """
- hosts: immuta_platforms
  connection: local
  gather_facts: false
  roles: [community.immuta.immuta_platform]
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    immuta_platform_integration:
      type: Redshift
      auto_bootstrap: false
      config: "{{ config | combine({'password': lookup('ansible.builtin.password', '/dev/null', length=24)}) }}"
"""
    )
    world.redshift.extra = {"config": world.redshift.config, "immuta_platform_integration": {}}
    run = world.run(playbook)
    assert run.rc == 0, run.output
    password = world.registered()["config"]["password"]
    assert len(password) == 24
    assert world.redshift.engine.can_login(world.redshift.user, password, database=world.redshift.database)


@pytest.mark.all
def test_what_a_run_left_that_was_cut_off_is_removed(world: World) -> None:
    made = world.register().tasks("redshift", "immuta_integration_script", "Get the scripts")[0]["result"]["results"]
    private, others = Path(made[0]["dest"]).parent, world.home / "immuta_platform" / "another-host"
    for place in (private, others):
        place.mkdir()
        (place / "1-create.sql").write_text("a password")
    world.register("--check")
    assert private.exists(), "check mode removed something"
    assert world.register().changed("redshift") == 0
    assert world.scripts_left() == ["home/immuta_platform/another-host"]
    shutil.rmtree(others)
