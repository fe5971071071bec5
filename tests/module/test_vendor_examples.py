# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the vendor's pages, pasted unchanged under the name of a module."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from immuta_simulator import Simulator
from support.tasks import INTEGRATION, SCRIPT, Play
from support.vendor import Command, commands, with_body
from support.wire_log import sent

CREATES = with_body("POST", "/integrations")
EDITS = with_body("PUT", "")


def pasted(name: str, module: str, body: str, defaults: Mapping[str, Any] | None = None, *, under: str = "", **keys: Any) -> str:
    """A task with the body as it stands on the page. What the page does not say comes from the module's defaults."""
    quick = {"wait_interval": 0.05} if module == INTEGRATION else {}
    head = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in {**keys, "module_defaults": {module: {**quick, **(defaults or {})}}}.items())
    return f"- name: {name}\n{head}  {module}:\n" + (f"    {under}:\n      {body}\n" if under else f"    {body}\n")


def registered(command: Command) -> str:
    """The create that an edit or a script of the page presupposes: of the same type, set up in the same way."""
    wanted = (command.type, command.payload.get("autoBootstrap"))
    return next((each.body for each in CREATES if (each.type, each.payload.get("autoBootstrap")) == wanted), command.body)


def within(part: Any, whole: Any) -> bool:
    """Whether everything in the one document stands in the other."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and within(value, whole[key]) for key, value in part.items())
    return bool(part == whole)


def test_the_pages_have_the_examples_that_they_had() -> None:
    assert len(commands()) == 37
    assert {each.type for each in CREATES} == {
        "Azure Synapse Analytics",
        "Databricks",
        "Google BigQuery",
        "Native S3",
        "Redshift",
        "Snowflake",
        "Trino",
    }
    assert len(CREATES) == 11
    assert len(EDITS) == 8


def test_every_create(run: Callable[..., Play], tenant: Simulator) -> None:
    text = ""
    for command in CREATES:
        text += pasted(f"create {command}", INTEGRATION, command.body)
        text += pasted(f"again {command}", INTEGRATION, command.body)
        text += pasted(f"delete {command}", INTEGRATION, command.body, {"state": "absent"})
    played = run(text).ok
    for command in CREATES:
        assert (played[f"create {command}"]["action"], played[f"create {command}"]["integration"]["type"]) == ("created", command.type)
        assert played[f"again {command}"]["action"] == "unchanged"
        assert played[f"delete {command}"]["action"] == "deleted"
    bodies = [json.loads(body) for body in sent(tenant, "POST", "/integrations")]
    validated, created = bodies[::2], bodies[1::2]
    assert validated == created == [command.payload for command in CREATES]
    assert [text for record in played for text in record.warnings] == []
    assert "WARNING" not in played.output
    assert "abc1234" not in played.output
    assert "dyUK" not in played.output


def test_every_edit(run: Callable[..., Play], tenant: Simulator) -> None:
    text = ""
    for number, command in enumerate(EDITS):
        there = {"id": f"{{{{ made_{number}.integration.id }}}}"}
        rotate = {"update_secrets": "always"} if command.type in ("Google BigQuery", "Databricks") else {}
        text += pasted(f"create {command}", INTEGRATION, registered(command), register=f"made_{number}")
        text += pasted(f"edit {command}", INTEGRATION, command.body, {**there, **rotate})
        text += pasted(f"again {command}", INTEGRATION, command.body, there)
        text += pasted(f"delete {command}", INTEGRATION, command.body, {**there, "state": "absent"})
    played = run(text).ok
    for command in EDITS:
        # the token in the vendor's example reads REDACTED, which is never sent
        assert played[f"edit {command}"]["action"] == ("unchanged" if command.type == "Databricks" else "updated")
        assert played[f"again {command}"]["action"] == "unchanged"
        assert played[f"delete {command}"]["action"] == "deleted"
    bodies = [json.loads(body) for body in sent(tenant, "PUT")]
    validated, edited = bodies[::2], bodies[1::2]
    assert validated == edited
    expected = [command.payload for command in EDITS if command.type != "Databricks"]
    assert len(edited) == len(expected)
    assert [within(payload, body) for payload, body in zip(expected, edited, strict=True)] == [True] * len(expected)
    assert "REDACTED" not in json.dumps(edited)
    # another authentication: the old one's user and password are left behind
    assert [set(body["config"]) & {"username", "password"} for body in edited if "okta" in body["config"]] == [set(), set()]


def test_the_delete(run: Callable[..., Play], tenant: Simulator) -> None:
    (command,) = with_body("DELETE", "")
    create = next(each for each in CREATES if each.type == "Snowflake")
    text = pasted("create", INTEGRATION, create.body, register="made")
    there = {"id": "{{ made.integration.id }}", "type": "Snowflake", "state": "absent"}
    text += pasted("delete", INTEGRATION, command.body, there, under="config")
    assert run(text).ok["delete"]["action"] == "deleted"
    assert [json.loads(body) for body in sent(tenant, "DELETE")] == [command.payload]


def test_every_script_of_something_new(run: Callable[..., Play], tenant: Simulator, tmp_path: Path) -> None:
    scripts = with_body("POST", "/integrations/scripts/[a-z-]+")
    assert len(scripts) == 8
    text = ""
    for number, command in enumerate(scripts):
        text += pasted(str(command), SCRIPT, command.body, {"action": command.path.split("/")[-1], "dest": str(tmp_path / f"{number}.sql")})
    played = run(text).ok
    for number, command in enumerate(scripts):
        assert played[str(command)]["changed"] is True
        assert played[str(command)]["statement_count"] > 0
        assert (tmp_path / f"{number}.sql").stat().st_mode & 0o777 == 0o600
    for action in {command.path for command in scripts}:
        assert [json.loads(body) for body in sent(tenant, "POST", action)] == [command.payload for command in scripts if command.path == action]


def test_every_script_of_something_registered(run: Callable[..., Play], tenant: Simulator, tmp_path: Path) -> None:
    edits = with_body("POST", "/scripts/edit")
    assert [command.type for command in edits] == ["Redshift", "Snowflake"]
    text = ""
    for number, command in enumerate(edits):
        there = {"id": f"{{{{ made_{number}.integration.id }}}}"}
        first = next(each.body for each in with_body("POST", "/scripts/create") if each.type == command.type)
        text += pasted(f"create {command}", INTEGRATION, first, register=f"made_{number}")
        text += pasted(f"edit {command}", SCRIPT, command.body, {**there, "action": "edit", "dest": str(tmp_path / f"edit-{number}.sql")})
        text += pasted(f"delete {command}", SCRIPT, "{}", {**there, "action": "delete", "dest": str(tmp_path / f"delete-{number}.sql")})
    played = run(text).ok
    for command, body in zip(edits, sent(tenant, "POST", "/scripts/edit"), strict=True):
        assert played[f"edit {command}"]["changed"] is True
        assert played[f"delete {command}"]["changed"] is True
        assert within(command.payload, json.loads(body))
        assert "REDACTED" not in body
    assert list(sent(tenant, "POST", "/scripts/delete")) == ["", ""]
