# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module immuta_api_key: the old key goes last, and whatever breaks, one key that works is known."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from immuta_simulator import Simulator
from support.leaks import traces
from support.tasks import Play

MODULE = "community.immuta.immuta_api_key"
TRY, MAKE, REMOVE = "GET /integrations", "POST /apikey", "DELETE /apikey/"


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "key"


def rotate(to: Path, task: str = "rotate", **options: Any) -> dict[str, Any]:
    return {"name": task, MODULE: {"name": "automation", "dest": str(to), **options}}


def lines(tenant: Simulator) -> list[str]:
    return [f"{entry['method']} {entry['path']}" for entry in tenant.requests() if entry["path"] != "/bim/apikey/authenticate"]


def kept(dest: Path) -> str:
    return dest.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("method", ["api_key", "bearer"])
def test_a_new_key_takes_the_place_of_the_old_one(direct: Callable[..., Play], tenant: Simulator, dest: Path, method: str) -> None:
    environment = {"IMMUTA_AUTH_METHOD": method}
    played = direct([rotate(dest, old_id="1")], environment=environment, verbosity=4, diff=True).ok
    assert (played["rotate"]["changed"], played["rotate"]["id"], played["rotate"]["removed"]) == (True, "2", True)
    assert tenant.keys()["user"] == {"2": kept(dest)}
    assert stat.S_IMODE(dest.stat().st_mode) == 0o600
    # tried with the old key, made, tried, and the old one ended by the new one
    assert lines(tenant) == [TRY, MAKE, TRY, f"{REMOVE}1"]
    # each key has a session, and a session its connection
    first, second, third, fourth = (entry["connection"] for entry in tenant.requests() if entry["path"] != "/bim/apikey/authenticate")
    assert first == second != third == fourth
    assert not traces([kept(dest), tenant.api_key], played.output, [dict(record.result) for record in played])
    # and it goes on from there
    again = direct([rotate(dest, force=True, old_id="2")], environment={**environment, "IMMUTA_API_KEY": kept(dest)}).ok
    assert again["rotate"]["id"] == "3"
    assert tenant.keys()["user"] == {"3": kept(dest)}


def test_without_an_id_the_old_key_stays_and_is_removed_later(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    absent = {MODULE: {"state": "absent", "id": "1"}}
    tasks = [rotate(dest), rotate(dest, "again"), {"name": "remove", **absent}]
    played = direct(tasks).ok
    assert [(record["changed"], record["removed"]) for record in played] == [(True, False), (False, False), (True, True)]
    assert tenant.keys()["user"] == {"2": kept(dest)}
    assert direct([{"name": "gone", **absent}], environment={"IMMUTA_API_KEY": kept(dest)}).ok["gone"]["changed"] is False


def test_a_check_run_tries_the_key_in_use_and_no_more(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    played = direct([rotate(dest, old_id="1"), {"name": "remove", MODULE: {"state": "absent", "id": "1"}}], check=True).ok
    assert [(record["changed"], record["removed"]) for record in played] == [(True, True), (True, True)]
    assert (lines(tenant), dest.exists()) == ([TRY], False)
    assert direct([rotate(dest)], check=True, environment={"IMMUTA_API_KEY": "wrong key"})["rotate"].failed


BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any], str, set[str]]] = {
    # fault, switches, words, the ids that are left; 1 is the key in use, which holds whatever happens
    "the answer is lost": ({"method": "POST", "path": "/apikey$", "when": "after", "reset": True}, {}, "Remove it on the profile page", {"1", "2"}),
    "the answer is cut": ({"method": "POST", "path": "/apikey$", "truncate": 5}, {}, "Remove it on the profile page", {"1", "2"}),
    "no key in the answer": ({}, {"key_form": "absent"}, "whose text is lost", {"1", "2"}),
    "no such thing": ({}, {"own_keys": "404"}, "404", {"1"}),
    "the new key is not known": ({"method": "GET", "path": "/integrations$", "status": 401, "skip": 1}, {}, "was removed again", {"1"}),
    "a new key may do less": (
        {"method": "GET", "path": "/integrations$", "status": 403, "skip": 1},
        {},
        "does not have the permissions of the present one",
        {"1"},
    ),
    "a key without an id": ({"method": "GET", "path": "/integrations$", "status": 401, "skip": 1}, {"key_form": "text"}, "did not return its id", {"1", "2"}),
}


@pytest.mark.parametrize(("fault", "switches", "words", "left"), BROKEN.values(), ids=BROKEN)
def test_whatever_breaks_the_key_in_use_holds(
    direct: Callable[..., Play], tenant: Simulator, dest: Path, fault: dict[str, Any], switches: dict[str, Any], words: str, left: set[str]
) -> None:
    dest.write_text("as it was", encoding="utf-8")
    tenant.settings(**switches)
    if fault:
        tenant.fault(**fault)
    played = direct([rotate(dest, force=True, old_id="1")])
    assert played["rotate"].failed
    assert words in played["rotate"]["msg"]
    assert dest.read_text(encoding="utf-8") == "as it was"
    keys = tenant.keys()["user"]
    assert keys.keys() == left
    assert keys["1"] == tenant.api_key
    assert not traces(keys.values(), played.output, [dict(record.result) for record in played])


def test_a_new_key_that_cannot_be_removed_again_is_named(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    tenant.fault(method="GET", path="/integrations$", status=401, skip=1)
    tenant.fault(method="DELETE", path="/apikey/", status=403)
    record = direct([rotate(dest)])["rotate"]
    assert record.failed
    assert "The new key, 2, still exists" in record["msg"]
    assert (record["changed"], record["id"]) == (True, "2")


def test_an_old_key_that_cannot_be_removed_does_not_cost_the_new_one(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    tenant.fault(method="DELETE", path="/apikey/", status=403)
    record = direct([rotate(dest, old_id="1")])["rotate"]
    assert record.failed
    assert "The old key may still be valid. Remove it with state=absent and id=1." in record["msg"]
    assert (record["changed"], record["id"], record["removed"]) == (True, "2", False)
    assert tenant.keys()["user"]["2"] == kept(dest)


def test_an_old_key_that_is_gone_is_warned_of(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    record = direct([rotate(dest, old_id="17")]).ok["rotate"]
    assert record["removed"] is False
    assert any("There is no API key 17" in text for text in record.warnings)


@pytest.mark.parametrize("options", [{"name": "x" * 255}, {"dest": "/nowhere/key"}, {"name": None}, {"dest": None}, {"state": "absent"}])
def test_bad_options_send_nothing(direct: Callable[..., Play], tenant: Simulator, dest: Path, options: dict[str, Any]) -> None:
    given = {name: value for name, value in rotate(dest, **options)[MODULE].items() if value is not None}
    assert direct([{"name": "rotate", MODULE: given}])["rotate"].failed
    assert tenant.requests() == []


def test_the_project_goes_along(direct: Callable[..., Play], tenant: Simulator, dest: Path) -> None:
    assert direct([rotate(dest, projectId=1)]).ok
    (sent,) = [body["sent"] for body in tenant.bodies() if body["method"] == "POST"]
    assert '"projectId": 1' in sent
