# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the README and the pages that runs a playbook of the collection is run, on platforms of the names that it uses, and succeeds."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from support.shown import RUN_BY, blocks

from .conftest import World

DRIFT, APPLY, DEREGISTER = (f"community.immuta.{name}" for name in ("drift", "apply", "deregister"))
#: other tests follow these as they stand
FOLLOWED = {"docs/docsite/rst/getting_started.rst", *RUN_BY}
#: what the reader fills in or has in other places, without its name; no command is left with one of these
INVENTORY = re.compile(r" -i inventory(?:\.yml)?\b")
FOLDERS = re.compile(r"(?<==)(?:/srv/immuta|/var/www/html/immuta|inventory|drift\.json)\b")


def commands() -> list[str]:
    """The commands, each one once: the stages of a setup first, then what reads and changes, and the removal last."""
    found = dict.fromkeys(command for block in blocks() if block.document not in FOLLOWED for command in block.commands if " community.immuta." in command)
    shown = [INVENTORY.sub("", " ".join(command.split())) for command in found if command.startswith("ansible-playbook")]
    places = ["stages=generate", "stages=run", "stages=register", "register", DRIFT, APPLY, ""]
    last = len(places)

    def place(command: str) -> int:
        return last if DEREGISTER in command else next(number for number, words in enumerate(places) if words in command)

    return sorted(dict.fromkeys(shown), key=place)


def test_the_commands_are_found() -> None:
    assert len(commands()) > 15
    assert {name for command in commands() for name in re.findall(r"community\.immuta\.(\w+)", command)} == {
        path.stem for path in (Path(__file__).parents[2] / "playbooks").glob("*.yml")
    }


@pytest.mark.all
def test_every_command_succeeds(world: World, tmp_path: Path) -> None:
    redshift, snowflake = replace(world.redshift, host="redshift_prod"), replace(world.snowflake, host="snowflake_prod")
    (tmp_path / "groups.json").write_text(json.dumps({"snowflake": {"hosts": {"snowflake_prod": {}}}}), encoding="utf-8")
    secrets = tmp_path / "new_secrets.yml"
    secrets.write_text(json.dumps({"immuta_platform_new_secrets": {"password": "another one"}}), encoding="utf-8")
    environment = {"IMMUTA_URL": world.tenant.url, "IMMUTA_API_KEY": world.tenant.api_key}
    for command in commands():
        filled = FOLDERS.sub(lambda found: str(tmp_path / found[0].strip("/").replace("/", "-")), command)
        filled = filled.replace("@new_secrets.yml", f"@{secrets}").replace("HOST", "redshift_prod").replace("--ask-vault-pass", "")
        if "approved_sha256=..." in filled:
            filled = filled.replace("...", ",".join(checksums(tmp_path)))
        if APPLY in filled:
            filled = re.sub(r"\.\.\.|SHA256", json.loads((tmp_path / "drift.json").read_text(encoding="utf-8"))["plan_sha256"], filled)
        words = shlex.split(filled)[1:]
        playbook = next(word for word in words if word.startswith("community.immuta."))
        words.remove(playbook)
        on = [redshift] if "stages=" in command else [redshift, snowflake]
        run = world.run(playbook, "-i", str(tmp_path / "groups.json"), *words, on=on, environment=environment)
        assert run.rc == 0, f"{command}\n{run.output}"
    assert world.registered(redshift) == {}


def checksums(folder: Path) -> list[str]:
    """The checksums of the scripts that the stage generate made."""
    summary = json.loads(next(folder.glob("*/redshift_prod/summary.json")).read_text(encoding="utf-8"))
    return [script["sha256"] for script in summary["scripts"].values()]
